/* The templates, byte for byte. */
#include "verify/cursor.h"
#include "verify/internal.h"

#include <stdio.h>
#include <string.h>

/* --- lookups and stubs --- */

static void lookup(struct cursor *k, const struct dump_layout *l)
{
	BYTES(k, "\x45\x0f\xb7\xc8"     /* movzx r9d, r8w */
	         "\x4f\x8d\x0c\x09"     /* lea r9, [r9+r9] */
	         "\x4c\x8b\xd9"         /* mov r11, rcx */
	         "\x4b\x8b\x4c\xcd\x00" /* mov rcx, [r13+r9*8] */
	         "\x4f\x8d\x14\x06"     /* lea r10, [r14+r8] */
	         "\x4a\x8d\x0c\x11"     /* lea rcx, [rcx+r10] */
	         "\xe3");               /* jrcxz hit */
	uint32_t hop = imm(k, 1);
	const uint8_t *from = k->p;
	BYTES(k, "\x41\x8b\xcb"); /* mov ecx, r11d */
	jump_cell(k, 4, l->stub_miss);
	if (k->p != from + hop)
		k->ok = false;
	BYTES(k, "\x41\x8b\xcb"           /* hit: mov ecx, r11d */
	         "\x43\xff\x64\xcd\x08"); /* jmp [r13+r9*8+8] */
}

unsigned template_lookup(struct check *c, const uint8_t *p, const uint8_t *end)
{
	struct cursor k = cursor(p, end);
	lookup(&k, &c->d.h.layout);
	return k.ok ? (unsigned)(k.p - p) : 0;
}

unsigned template_exit(struct check *c, const uint8_t *p, const uint8_t *end, uint32_t id)
{
	struct cursor k = cursor(p, end);
	BYTES(&k, "\x41\xb8");
	imm_is(&k, id);
	jump_cell(&k, 4, c->d.h.layout.stub_exit);
	return k.ok ? (unsigned)(k.p - p) : 0;
}

unsigned template_thunk(struct check *c, const uint8_t *p, const uint8_t *end, uint32_t eip)
{
	struct cursor k = cursor(p, end);
	BYTES(&k, "\x41\xb8");
	imm_is(&k, eip);
	lookup(&k, &c->d.h.layout);
	return k.ok ? (unsigned)(k.p - p) : 0;
}

bool template_dead_pad(struct check *c, const uint8_t *p, const uint8_t *end)
{
	struct cursor k = cursor(p, end);
	BYTES(&k, "\x41\xff\xa7");
	imm_is(&k, c->d.h.layout.stub_lookup);
	return k.ok;
}

bool template_dead_end(struct check *c, const uint8_t *p, const uint8_t *end, uint32_t eip)
{
	struct cursor k = cursor(p, end);
	BYTES(&k, "\x41\xb8");
	imm_is(&k, eip);
	BYTES(&k, "\x41\xff\xa7");
	imm_is(&k, c->d.h.layout.stub_miss);
	return k.ok;
}

/* --- what a unit's code is made of --- */

/* What may stand between the making of an address and its use: scratch arithmetic that leaves
 * the address alone. */
static unsigned shift(const uint8_t *p, const uint8_t *end);
static void scratch(struct sweep *s, struct cursor *k, uint32_t keep)
{
	struct insn_facts f;
	for (unsigned n = 0; n < 4; n++) {
		struct cursor t = *k;
		unsigned length = shift(t.p, t.end);
		if (length) {
			/* VEX.R and ModRM.reg: the destination is r8 to r11. */
			unsigned to = 8 + (t.p[4] >> 3 & 7);
			if (keep & 1u << to)
				return;
			k->p += length;
			continue;
		}
		if (!piece_plain(s, &t, MEM_GS, &f) || f.memory || f.written & (keep | ~0xf00u) ||
		    !f.written)
			return;
		*k = t;
	}
}

/* The instruction whose operand is at [r9] or [r9+r8]: itself, through a borrowed rsi (for AH
 * to BH), or MASKMOV through a borrowed rdi. */
static bool use(struct sweep *s, struct cursor *k, enum mem_form form, struct insn_facts *f)
{
	bool two = form == MEM_R9_R8;
	scratch(s, k, two ? 1u << R9 | 1u << R8 : 1u << R9);
	const uint8_t *at = k->p;
	if (MAYBE(k, "\x4c\x8b\xde")) { /* mov r11, rsi */
		if (two)
			BYTES(k, "\x4b\x8d\x34\x01"); /* lea rsi, [r9+r8] */
		else
			BYTES(k, "\x49\x8d\x31"); /* lea rsi, [r9] */
		sweep_undo(s, k->p, UNDO_ESI_R11);
		if (!piece_plain(s, k, MEM_RSI, f) || f->written & 1u << RSI)
			return false;
		BYTES(k, "\x41\x8b\xf3"); /* mov esi, r11d */
		sweep_undo(s, k->p, UNDO_NONE);
		sweep_node(s, at, f);
		return k->ok;
	}
	if (MAYBE(k, "\x4c\x8b\xdf")) { /* mov r11, rdi */
		if (two)
			BYTES(k, "\x43\x8d\x3c\x01"
			         "\x4b\x8d\x3c\x01");
		else
			BYTES(k, "\x41\x8d\x39"
			         "\x49\x8d\x39"); /* lea edi, [r9]; lea rdi, [r9] */
		sweep_undo(s, k->p, UNDO_EDI_R11);
		bool wide = MAYBE(k, "\x66");
		BYTES(k, "\x0f\xf7");
		if (imm(k, 1) < 0xc0)
			return false;
		BYTES(k, "\x41\x8b\xfb"); /* mov edi, r11d */
		sweep_undo(s, k->p, UNDO_NONE);
		*f = (struct insn_facts){.memory = true,
		                         .store = true,
		                         .size = wide ? 16 : 8,
		                         .map = 1,
		                         .opcode = 0xf7,
		                         .faults = true};
		sweep_node(s, at, f);
		return k->ok;
	}
	if (!piece_plain(s, k, form, f) || !f->memory)
		return false;
	sweep_node(s, at, f);
	return true;
}

/* PRE has given r9. */
static bool redirected(struct sweep *s, struct cursor *k, uint32_t packed)
{
	unsigned arg = packed >> 18, size = arg & 0x3ff;
	bool store = arg >> 10 & 1;
	struct insn_facts f;
	uint32_t eip, post;
	const uint8_t *at = k->p;
	if (!use(s, k, MEM_R9, &f)) {
		sweep_fail(s, k->p, RULE_STUB, "no instruction with [r9] after PRE");
		return false;
	}
	if (f.size > size || !f.size || size > 512) {
		char what[80];
		snprintf(what, sizeof what, "operand of %u bytes, PRE says %u", f.size, size);
		sweep_fail(s, at, RULE_STUB, what);
		return false;
	}
	if (f.store && !store) {
		sweep_fail(s, at, RULE_STUB, "a store that PRE does not know of");
		return false;
	}
	s->r8 = f.r8_whole;
	if (!store)
		return true;
	if (!piece_callout(s, k, &eip, &post) || (post & 0xff) != s->c->d.h.layout.co_post) {
		sweep_fail(s, k->p, RULE_STUB, "no POST after a redirected store");
		return false;
	}
	if (eip != sweep_eip(s, sweep_offset(s, k->p) - 1, NULL))
		sweep_fail(s, k->p, RULE_EIP, "POST");
	s->r8 = false;
	return true;
}

static unsigned match_callout(struct sweep *s, const uint8_t *p)
{
	const struct dump_layout *l = &s->c->d.h.layout;
	struct cursor k = cursor(p, s->end);
	uint32_t eip, packed;
	if (!piece_callout(s, &k, &eip, &packed))
		return 0;
	unsigned id = packed & 0xff;
	piece_own_callout(s, p, eip, packed);
	if (id != l->co_pre)
		return piece_matched(s, p, &k, T_callout);
	if (!redirected(s, &k, packed))
		return (unsigned)(k.p - p);
	return piece_matched(s, p, &k, T_redirect);
}

/* Leaves if something is pending; or the instruction is done by a callout, if that is asked for. */
static unsigned match_pending(struct sweep *s, const uint8_t *p)
{
	const struct dump_layout *l = &s->c->d.h.layout;
	struct cursor k = cursor(p, s->end);
	uint32_t eip, packed, next;
	BYTES(&k, "\x4c\x8b\xd1" /* mov r10, rcx */
	          "\x41\x8b");   /* mov ecx, [r15 + pending], or look */
	struct cursor cell = k;
	at_r15(&k, RCX, -1, l->pending);
	bool look = !k.ok;
	if (look) {
		k = cell;
		at_r15(&k, RCX, -1, l->look);
	}
	BYTES(&k, "\xe3"); /* jrcxz none */
	uint32_t hop = imm(&k, 1);
	const uint8_t *from = k.p;
	BYTES(&k, "\x41\x8b\xca"); /* mov ecx, r10d */
	if (!k.ok || !piece_callout(s, &k, &eip, &packed) || k.p != from + hop)
		return 0;
	BYTES(&k, "\x41\x8b\xca"); /* none: mov ecx, r10d */
	if (!k.ok)
		return 0;
	if (look) {
		piece_own_callout(s, p, eip, packed);
		return piece_matched(s, p, &k, T_pending);
	}
	if ((packed & 0xff) != l->co_pending || !piece_packed_sane(s, packed))
		sweep_fail(s, p, RULE_CALLOUT, NULL);
	sweep_eip(s, sweep_offset(s, p), &next);
	if (eip != next)
		sweep_fail(s, p, RULE_EIP, NULL);
	if (packed >> 18)
		s->shadow = sweep_offset(s, k.p);
	s->r8 = false;
	return piece_matched(s, p, &k, T_pending);
}

/* Leaves with the shadow of a STI that ends its unit. */
static unsigned match_shadow(struct sweep *s, const uint8_t *p)
{
	const struct dump_layout *l = &s->c->d.h.layout;
	struct cursor k = cursor(p, s->end);
	uint32_t eip, packed, next;
	if (!s->shadow || s->shadow != sweep_offset(s, p) || !piece_callout(s, &k, &eip, &packed) ||
	    (packed & 0xff) != l->co_pending)
		return 0;
	if (!piece_packed_sane(s, packed) || !(packed >> 18))
		sweep_fail(s, p, RULE_CALLOUT, NULL);
	sweep_eip(s, sweep_offset(s, p), &next);
	if (eip != next)
		sweep_fail(s, p, RULE_EIP, NULL);
	s->kept = s->shadow;
	s->r8 = false;
	return piece_matched(s, p, &k, T_shadow);
}

/* Was the last store of the unit one of this EIP? */
static bool pushed(const struct sweep *s, uint32_t eip)
{
	for (unsigned n = s->n_nodes; n--;) {
		const struct insn_facts *f = &s->nodes[n].f;
		if (f->store)
			return !f->map && f->opcode == 0xc7 &&
			       (f->tail == eip || (f->size == 2 && f->tail >> 16 == eip));
	}
	return false;
}

/* Where a predicted return arrives: r8d must be the return EIP. */
static unsigned match_pad(struct sweep *s, const uint8_t *p)
{
	struct cursor k = cursor(p, s->end);
	uint32_t next;
	BYTES(&k, "\x4c\x8b\xc9"   /* mov r9, rcx */
	          "\x41\x8d\x88"); /* lea ecx, [r8 - eip], with 32 bits always: it may move */
	if (!k.ok || k.end - k.p < 5)
		return 0;
	uint32_t minus = imm(&k, 4);
	BYTES(&k, "\xe3"); /* jrcxz same */
	uint32_t hop = imm(&k, 1);
	const uint8_t *from = k.p;
	BYTES(&k, "\x41\x8b\xc9"); /* mov ecx, r9d */
	jump_cell(&k, 4, s->c->d.h.layout.stub_lookup);
	if (k.p != from + hop)
		k.ok = false;
	BYTES(&k, "\x41\x8b\xc9"); /* same: mov ecx, r9d */
	if (!k.ok)
		return 0;
	sweep_eip(s, sweep_offset(s, p), &next);
	if (-minus != next)
		sweep_fail(s, p, RULE_EIP, NULL);
	if (!pushed(s, next))
		sweep_fail(s, p, RULE_PUSHED, NULL);
	if (!s->after_call)
		sweep_fail(s, p, RULE_PAD, NULL);
	const struct tu_pad *pad = s->c->d.pads + s->u->pad0 + s->pads;
	if (s->pads++ >= s->u->n_pads || pad->host != sweep_offset(s, p))
		sweep_fail(s, p, RULE_PAD, "not in the list of landing pads");
	s->after_call = false;
	s->r8 = false;
	return piece_matched(s, p, &k, T_pad);
}

/* --- memory --- */

/* lea r8d, [address]; the base by its part in r9; the instruction on [r9+r8]. */
static unsigned match_part(struct sweep *s, const uint8_t *p)
{
	struct cursor k = cursor(p, s->end);
	struct insn_facts f;
	if (k.end - k.p < 4 || (p[0] & 0xfc) != 0x44 || p[1] != 0x8d || (p[2] & 0x38))
		return 0;
	if (!piece_plain(s, &k, MEM_GS, &f) || f.written != 1u << R8)
		return 0;
	struct cursor t = k;
	piece_by_part(s, &t, R8);
	if (!t.ok)
		return 0;
	if (!use(s, &t, MEM_R9_R8, &f)) {
		sweep_fail(s, t.p, RULE_STUB, "no instruction with [r9+r8] after its base");
		return (unsigned)(t.p - p);
	}
	s->r8 = f.r8_whole;
	return piece_matched(s, p, &t, T_part);
}

/* AH..BH beside REX: rsi is borrowed for the address, or for the result. */
static unsigned match_borrow(struct sweep *s, const uint8_t *p)
{
	struct cursor k = cursor(p, s->end);
	struct insn_facts f;
	BYTES(&k, "\x4c\x8b\xde"); /* mov r11, rsi */
	if (!k.ok)
		return 0;
	struct cursor t = k;
	bool lea = piece_plain(s, &t, MEM_GS, &f) && !f.memory && f.written == 1u << RSI;
	if (lea && f.lea) {
		sweep_undo(s, t.p, UNDO_ESI_R11);
		if (piece_plain(s, &t, MEM_GS, &f) && f.memory && !(f.written & 1u << RSI)) {
			BYTES(&t, "\x41\x8b\xf3"); /* mov esi, r11d */
			sweep_undo(s, t.p, UNDO_NONE);
			s->r8 &= !(f.written & 1u << R8);
			sweep_node(s, p, &f);
			if (t.ok)
				return piece_matched(s, p, &t, T_borrow);
		}
		sweep_fail(s, p, RULE_STUB, "rsi borrowed and not given back");
		return (unsigned)(t.p - p);
	}
	t = k;
	MAYBE(&t, "\x41\x8b\xf4"); /* mov esi, r12d */
	if (!piece_plain(s, &t, MEM_GS, &f) || f.memory || f.written != 1u << RSI)
		return 0;
	if (!MAYBE(&t, "\x66\x45\x8b\xe6") && !MAYBE(&t, "\x66\x44\x8b\xe6"))
		BYTES(&t, "\x44\x8b\xe6"); /* mov r12d, esi */
	BYTES(&t, "\x41\x8b\xf3");
	if (!t.ok)
		return 0;
	sweep_node(s, p, &f);
	return piece_matched(s, p, &t, T_borrow);
}

/* --- flags, cells, the rest --- */

/* EFLAGS bits that the host does not have for the guest.  SDM vol. 1, 3.4.3. */
#define VIRTUAL 0x247100u /* TF IOPL NT AC ID */
#define VIRTUAL16 0x7100u /* of FLAGS */

static unsigned match_pushf(struct sweep *s, const uint8_t *p)
{
	const struct dump_layout *l = &s->c->d.h.layout;
	struct cursor k = cursor(p, s->end);
	BYTES(&k, "\x9c"
	          "\x41\x5b"   /* pushfq; pop r11 */
	          "\x45\x8b"); /* mov r10d, [r15 + vflags] */
	at_r15(&k, R10, -1, l->vflags);
	BYTES(&k, "\x47\x8d\x9c\x13"); /* lea r11d, [r11 + r10 - 200h] */
	imm_is(&k, -HOST_IF);
	BYTES(&k, "\x45\x8b"); /* mov r10d, [r15 + if_flag] */
	at_r15(&k, R10, -1, l->if_flag);
	BYTES(&k, "\x47\x8d\x1c\x13"); /* lea r11d, [r11 + r10] */
	return k.ok ? piece_matched(s, p, &k, T_pushf) : 0;
}

/* The test for virtual flags that change; then, perhaps after IF, the load. */
static unsigned match_popf(struct sweep *s, const uint8_t *p)
{
	const struct dump_layout *l = &s->c->d.h.layout;
	struct cursor k = cursor(p, s->end);
	BYTES(&k, "\x45\x8b\xcb" /* mov r9d, r11d */
	          "\x45\x33");   /* xor r9d, [r15 + vflags] */
	if (k.ok) {
		at_r15(&k, R9, -1, l->vflags);
		BYTES(&k, "\x41\x81\xe1"); /* and r9d, virtual flags */
		uint32_t mask = imm(&k, 4);
		k.ok &= mask == VIRTUAL || mask == VIRTUAL16;
		return k.ok ? piece_matched(s, p, &k, T_popf) : 0;
	}
	k = cursor(p, s->end);
	if (MAYBE(&k, "\x45\x8b\xcb"
	              "\x41\x81\xe1")) { /* mov r9d, r11d; and r9d, IF */
		imm_is(&k, HOST_IF);
		BYTES(&k, "\x45\x89"); /* mov [r15 + if_flag], r9d */
		at_r15(&k, R9, -1, l->if_flag);
		if (!k.ok)
			return 0;
	}
	BYTES(&k, "\x41\x81\xe3"); /* and r11d, native flags */
	imm_is(&k, NATIVE_FLAGS);
	BYTES(&k, "\x41\x81\xcb"); /* or r11d, IF | 2 */
	imm_is(&k, HOST_IF | 2);
	BYTES(&k, "\x41\x53\x9d"); /* push r11; popfq */
	return k.ok ? piece_matched(s, p, &k, T_popf) : 0;
}

static unsigned match_rdtsc(struct sweep *s, const uint8_t *p)
{
	struct cursor k = cursor(p, s->end);
	BYTES(&k, "\x0f\x31"
	          "\x41\xb8\x20\x00\x00\x00" /* mov r8d, 32 */
	          "\xc4\xe2\xb9\xf7\xd2"     /* shlx rdx, rdx, r8 */
	          "\x48\x8d\x04\x10"         /* lea rax, [rax+rdx] */
	          "\x49\x8b");               /* mov rdx, [r15 + tsc_minus] */
	at_r15(&k, RDX, -1, s->c->d.h.layout.tsc_minus);
	BYTES(&k, "\x48\x8d\x04\x10"
	          "\x49\x89"); /* mov [r15 + tsc_read], rax */
	at_r15(&k, RAX, -1, s->c->d.h.layout.tsc_read);
	BYTES(&k, "\xc4\xe2\xbb\xf7\xd0" /* shrx rdx, rax, r8 */
	          "\x8b\xc0");           /* mov eax, eax */
	s->r8 &= !k.ok;
	return k.ok ? piece_matched(s, p, &k, T_rdtsc) : 0;
}

/* mov r9|r10|r11, rcx: a register kept, all 64 bits of it (the upper ones are zero). */
static unsigned match_save(struct sweep *s, const uint8_t *p)
{
	struct cursor k = cursor(p, s->end);
	BYTES(&k, "\x4c\x8b");
	uint32_t modrm = imm(&k, 1);
	if (!k.ok || (modrm & 7) != RCX || modrm < 0xc0 || (modrm >> 3 & 7) == 0 ||
	    (modrm >> 3 & 7) > 3)
		return 0;
	return piece_matched(s, p, &k, T_save);
}

static unsigned match_cell(struct sweep *s, const uint8_t *p)
{
	unsigned n = template_cell(&s->c->d.h.layout, p, s->end);
	return n ? piece_matched(s, p, &(struct cursor){.p = p + n}, T_cell) : 0;
}

/* mov r10, selector:offset, and the callout that takes it. */
static unsigned match_far(struct sweep *s, const uint8_t *p)
{
	const struct dump_layout *l = &s->c->d.h.layout;
	struct cursor k = cursor(p, s->end);
	uint32_t eip, packed;
	BYTES(&k, "\x49\xba");
	imm(&k, 4);
	uint32_t high = imm(&k, 4);
	if (!k.ok)
		return 0;
	struct cursor t = k;
	if (high > 0xffff || !piece_callout(s, &t, &eip, &packed) ||
	    ((packed & 0xff) != l->co_far_jmp && (packed & 0xff) != l->co_far_call)) {
		sweep_fail(s, p, RULE_STUB, "a far pointer without its callout");
		return (unsigned)(k.p - p);
	}
	return piece_matched(s, p, &k, T_far_pointer);
}

static unsigned match_reach(struct sweep *s, const uint8_t *p)
{
	unsigned n = template_reach(&s->c->d.h.layout, p, s->end);
	return n ? piece_matched(s, p, &(struct cursor){.p = p + n}, T_reach) : 0;
}

/* SHLX, SHRX, SARX of 32 bits, registers only, into a scratch register: the one use of
 * VEX.  SDM vol. 2, "SARX/SHLX/SHRX": VEX.LZ.{66,F2,F3}.0F38.W0 F7 /r. */
static unsigned shift(const uint8_t *p, const uint8_t *end)
{
	if (end - p < 5 || p[0] != 0xc4 || (p[1] & 0x1f) != 2 || p[3] != 0xf7 || p[4] < 0xc0)
		return 0;
	unsigned to = (p[4] >> 3 & 7) + (p[1] & 0x80 ? 0 : 8);
	unsigned from = (p[4] & 7) + (p[1] & 0x20 ? 0 : 8);
	unsigned count = ~p[2] >> 3 & 15;
	bool sound = !(p[2] & 0x84) && p[2] & 3 && to >= R8 && to <= R11 && from != RSP &&
	             from < R13 && count >= R8 && count <= R11;
	return sound ? 5 : 0;
}

static unsigned match_shift(struct sweep *s, const uint8_t *p)
{
	struct cursor k = cursor(p, s->end);
	unsigned n = shift(p, s->end);
	k.p += n;
	return n ? piece_matched(s, p, &k, T_shift) : 0;
}

static unsigned match_lookup(struct sweep *s, const uint8_t *p)
{
	const struct dump_layout *l = &s->c->d.h.layout;
	struct cursor k = cursor(p, s->end);
	lookup(&k, l);
	enum verify_template t = T_lookup;
	if (!k.ok) {
		k = cursor(p, s->end);
		jump_cell(&k, 4, l->stub_miss);
		t = T_stub;
	}
	if (!k.ok) { /* to r10w:r8d */
		k = cursor(p, s->end);
		jump_cell(&k, 4, l->far_stub);
	}
	if (!k.ok && s->end - p >= 1 && *p == 0xc3) {
		k = (struct cursor){p + 1, s->end, true};
		t = T_ret;
	}
	if (!k.ok)
		return 0;
	if (!s->r8)
		sweep_fail(s, p, RULE_LOOSE_EIP, NULL);
	s->falls = false;
	return piece_matched(s, p, &k, t);
}

unsigned template_match(struct sweep *s, const uint8_t *p)
{
	static const struct {
		unsigned (*match)(struct sweep *, const uint8_t *);
		char first[5]; /* bytes that it may begin with */
	} all[] = {
		{match_shadow, "\x41"},
		{match_callout, "\x41"},
		{self_check_match, "\x4c"},
		{self_load_match, "\x4d"},
		{match_pending, "\x4c"},
		{match_pad, "\x4c"},
		{match_lookup, "\x45\x41\xc3"},
		{string_match, "\x4d\x41\x44\x9c"},
		{match_part, "\x44\x45\x46\x47"},
		{match_borrow, "\x4c"},
		{string_match_maskmov, "\x4c"},
		{match_pushf, "\x9c"},
		{match_popf, "\x45\x41"},
		{match_rdtsc, "\x0f"},
		{match_far, "\x49"},
		{match_cell, "\x45\x41\x66"},
		{match_shift, "\xc4"},
		{match_save, "\x4c"},
		{match_reach, "\x4d\x45"},
	};
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
		if (!*p || !strchr(all[i].first, *p))
			continue;
		unsigned n = all[i].match(s, p);
		if (n)
			return n;
	}
	return 0;
}
