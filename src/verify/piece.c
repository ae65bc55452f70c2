/* What several templates are made of. */
#include "verify/cursor.h"
#include "verify/internal.h"

bool piece_plain(struct sweep *s, struct cursor *k, enum mem_form form, struct insn_facts *f)
{
	size_t left = (size_t)(k->end - k->p);
	if (!k->ok || insn_check(s->c, k->p, left > 15 ? 15 : left, form, f) != RULE_COUNT)
		return false;
	k->p += f->length;
	return true;
}

/* mov r8d, eip; mov r9d, packed; call [r15 + callout] */
bool piece_callout(struct sweep *s, struct cursor *k, uint32_t *eip, uint32_t *packed)
{
	struct cursor t = *k;
	BYTES(&t, "\x41\xb8");
	*eip = imm(&t, 4);
	BYTES(&t, "\x41\xb9");
	*packed = imm(&t, 4);
	jump_cell(&t, 2, s->c->d.h.layout.stub_callout);
	if (t.ok)
		*k = t;
	return t.ok;
}

/* Packed: number, bytes of the instruction << 8, operand size << 12, segment << 15, argument
 * << 18. */
bool piece_packed_sane(const struct sweep *s, uint32_t packed)
{
	unsigned size = packed >> 12 & 7;
	return (packed & 0xff) < s->c->d.h.layout.callouts && (size <= 2 || size == 4) &&
	       (packed >> 15 & 7) < 6;
}

void piece_own_callout(struct sweep *s, const uint8_t *p, uint32_t eip, uint32_t packed)
{
	const struct dump_layout *l = &s->c->d.h.layout;
	unsigned id = packed & 0xff;
	if (!piece_packed_sane(s, packed) || id == l->co_post || id == l->co_pending ||
	    id == l->co_stale)
		sweep_fail(s, p, RULE_CALLOUT, NULL);
	if (eip != sweep_eip(s, sweep_offset(s, p), NULL))
		sweep_fail(s, p, RULE_EIP, NULL);
	s->r8 = false;
	sweep_node(s, p, NULL);
}

/* mov r10d, 28; shrx r9d, FROM, r10d; mov r9, [r15 + r9*8 + base_by_part] */
void piece_by_part(struct sweep *s, struct cursor *k, unsigned from)
{
	char shrx[5] = {(char)0xc4, (char)(from >= 8 ? 0x42 : 0x62), 0x2b, (char)0xf7,
	                (char)(0xc8 | (from & 7))};
	BYTES(k, "\x41\xba\x1c\x00\x00\x00");
	bytes(k, 5, shrx);
	BYTES(k, "\x4f\x8b");
	at_r15(k, R9, R9, s->c->d.h.layout.base_by_part);
}

unsigned piece_matched(struct sweep *s, const uint8_t *p, const struct cursor *k,
                       enum verify_template t)
{
	s->c->out->templates[t]++;
	return (unsigned)(k->p - p);
}
