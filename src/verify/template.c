/* The templates, byte for byte. */
#include "verify/cursor.h"
#include "verify/internal.h"

#include <stdio.h>
#include <string.h>

static void jump_cell(struct cursor *k, unsigned reg, uint32_t cell)
{
	BYTES(k, "\x41\xff");
	at_r15(k, reg, -1, cell);
}

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

static uint32_t offset(const struct sweep *s, const uint8_t *p)
{
	return (uint32_t)(p - s->base);
}

static void mark(struct sweep *s, const uint8_t *p)
{
	if (p < s->end)
		s->mark[offset(s, p)] |= MARK_INSN;
}

static void expect_undo(struct sweep *s, const uint8_t *p, uint8_t undo)
{
	mark(s, p);
	if (s->n_undo < sizeof s->undo / sizeof *s->undo)
		s->undo[s->n_undo++] = (struct undo){(uint16_t)offset(s, p), undo};
}

static unsigned done(struct sweep *s, const uint8_t *p, const struct cursor *k,
                     enum verify_template t)
{
	s->c->out->templates[t]++;
	return (unsigned)(k->p - p);
}

/* One plain instruction at the cursor. */
static bool plain(struct sweep *s, struct cursor *k, enum mem_form form, struct insn_facts *f)
{
	size_t left = (size_t)(k->end - k->p);
	if (!k->ok || insn_check(s->c, k->p, left > 15 ? 15 : left, form, f) != RULE_COUNT)
		return false;
	k->p += f->length;
	return true;
}

/* mov r8d, eip; mov r9d, packed; call [r15 + callout] */
static bool callout(struct sweep *s, struct cursor *k, uint32_t *eip, uint32_t *packed)
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
static bool packed_sane(const struct sweep *s, uint32_t packed)
{
	unsigned size = packed >> 12 & 7;
	return (packed & 0xff) < s->c->d.h.layout.callouts && (size <= 2 || size == 4) &&
	       (packed >> 15 & 7) < 6;
}

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
		if (!plain(s, &t, MEM_GS, &f) || f.memory || f.written & (keep | ~0xf00u) ||
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
		expect_undo(s, k->p, UNDO_ESI_R11);
		if (!plain(s, k, MEM_RSI, f) || f->written & 1u << RSI)
			return false;
		BYTES(k, "\x41\x8b\xf3"); /* mov esi, r11d */
		expect_undo(s, k->p, UNDO_NONE);
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
		expect_undo(s, k->p, UNDO_EDI_R11);
		bool wide = MAYBE(k, "\x66");
		BYTES(k, "\x0f\xf7");
		if (imm(k, 1) < 0xc0)
			return false;
		BYTES(k, "\x41\x8b\xfb"); /* mov edi, r11d */
		expect_undo(s, k->p, UNDO_NONE);
		*f = (struct insn_facts){.memory = true,
		                         .store = true,
		                         .size = wide ? 16 : 8,
		                         .map = 1,
		                         .opcode = 0xf7,
		                         .faults = true};
		sweep_node(s, at, f);
		return k->ok;
	}
	if (!plain(s, k, form, f) || !f->memory)
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
	if (!callout(s, k, &eip, &post) || (post & 0xff) != s->c->d.h.layout.co_post) {
		sweep_fail(s, k->p, RULE_STUB, "no POST after a redirected store");
		return false;
	}
	if (eip != sweep_eip(s, offset(s, k->p) - 1, NULL))
		sweep_fail(s, k->p, RULE_EIP, "POST");
	s->r8 = false;
	return true;
}

static unsigned match_callout(struct sweep *s, const uint8_t *p)
{
	const struct dump_layout *l = &s->c->d.h.layout;
	struct cursor k = cursor(p, s->end);
	uint32_t eip, packed;
	if (!callout(s, &k, &eip, &packed))
		return 0;
	unsigned id = packed & 0xff;
	if (!packed_sane(s, packed) || id == l->co_post || id == l->co_pending)
		sweep_fail(s, p, RULE_CALLOUT, NULL);
	if (eip != sweep_eip(s, offset(s, p), NULL))
		sweep_fail(s, p, RULE_EIP, NULL);
	s->r8 = false;
	sweep_node(s, p, NULL);
	if (id != l->co_pre)
		return done(s, p, &k, T_callout);
	if (!redirected(s, &k, packed))
		return (unsigned)(k.p - p);
	return done(s, p, &k, T_redirect);
}

/* Leaves if something is pending. */
static unsigned match_pending(struct sweep *s, const uint8_t *p)
{
	const struct dump_layout *l = &s->c->d.h.layout;
	struct cursor k = cursor(p, s->end);
	uint32_t eip, packed, next;
	BYTES(&k, "\x4c\x8b\xd1" /* mov r10, rcx */
	          "\x41\x8b");   /* mov ecx, [r15 + pending] */
	at_r15(&k, RCX, -1, l->pending);
	BYTES(&k, "\xe3"); /* jrcxz none */
	uint32_t hop = imm(&k, 1);
	const uint8_t *from = k.p;
	BYTES(&k, "\x41\x8b\xca"); /* mov ecx, r10d */
	if (!k.ok || !callout(s, &k, &eip, &packed) || k.p != from + hop)
		return 0;
	BYTES(&k, "\x41\x8b\xca"); /* none: mov ecx, r10d */
	if (!k.ok)
		return 0;
	if ((packed & 0xff) != l->co_pending || !packed_sane(s, packed))
		sweep_fail(s, p, RULE_CALLOUT, NULL);
	sweep_eip(s, offset(s, p), &next);
	if (eip != next)
		sweep_fail(s, p, RULE_EIP, NULL);
	s->r8 = false;
	return done(s, p, &k, T_pending);
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
	sweep_eip(s, offset(s, p), &next);
	if (-minus != next)
		sweep_fail(s, p, RULE_EIP, NULL);
	if (!pushed(s, next))
		sweep_fail(s, p, RULE_PUSHED, NULL);
	if (!s->after_call)
		sweep_fail(s, p, RULE_PAD, NULL);
	const struct tu_pad *pad = s->c->d.pads + s->u->pad0 + s->pads;
	if (s->pads++ >= s->u->n_pads || pad->host != offset(s, p))
		sweep_fail(s, p, RULE_PAD, "not in the list of landing pads");
	s->after_call = false;
	s->r8 = false;
	return done(s, p, &k, T_pad);
}

/* --- memory --- */

/* mov r10d, 28; shrx r9d, FROM, r10d; mov r9, [r15 + r9*8 + base_by_part] */
static void by_part(struct sweep *s, struct cursor *k, unsigned from)
{
	char shrx[5] = {(char)0xc4, (char)(from >= 8 ? 0x42 : 0x62), 0x2b, (char)0xf7,
	                (char)(0xc8 | (from & 7))};
	BYTES(k, "\x41\xba\x1c\x00\x00\x00");
	bytes(k, 5, shrx);
	BYTES(k, "\x4f\x8b");
	at_r15(k, R9, R9, s->c->d.h.layout.base_by_part);
}

/* mov r9, [r15 + window] */
static void window(struct sweep *s, struct cursor *k)
{
	BYTES(k, "\x4d\x8b");
	at_r15(k, R9, -1, s->c->d.h.layout.window);
}

/* A string register becomes a host pointer: in the window, whose base is in r9, or by part. */
static bool pointer(struct sweep *s, struct cursor *k, unsigned r, bool part)
{
	struct cursor t = *k;
	const char lea[4] = {0x4a, (char)0x8d, (char)(r << 3 | 4), (char)(1 << 3 | r)}; /* [r+r9] */
	if (part)
		by_part(s, &t, r);
	bytes(&t, 4, lea);
	if (t.ok)
		*k = t;
	return t.ok;
}

static unsigned match_string(struct sweep *s, const uint8_t *p)
{
	unsigned linear = template_string_linear(&s->c->d.h.layout, p, s->end);
	struct cursor k = cursor(p + linear, s->end);
	bool part = *p == 0x41;
	if (!part)
		window(s, &k);
	if (!k.ok)
		return 0;
	if (linear)
		expect_undo(s, p + linear, UNDO_STRING);
	bool src = pointer(s, &k, RSI, part);
	bool dst = pointer(s, &k, RDI, part);
	if (!src && !dst)
		return 0;
	if (!MAYBE(&k, "\xf3"))
		MAYBE(&k, "\xf2");
	bool p66 = MAYBE(&k, "\x66");
	uint8_t op = (uint8_t)imm(&k, 1);
	static const uint8_t wants[3] = {0xac, 0xaa, 0xa4};
	uint8_t even = op & 0xfe, wanted = src && dst ? wants[2] : wants[dst];
	if (even == 0xae)
		even = 0xaa; /* SCAS: the pointer of STOS */
	else if (even == 0xa6)
		even = 0xa4; /* CMPS: those of MOVS */
	if (even != wanted || (p66 && !(op & 1)))
		k.ok = false;
	if (src)
		BYTES(&k, "\x8b\xf6");
	if (dst)
		BYTES(&k, "\x8b\xff");
	if (!k.ok) {
		sweep_fail(s, p, RULE_STUB, "string instruction over window pointers");
		return k.p > p ? (unsigned)(k.p - p) : 1;
	}
	if (linear)
		expect_undo(s, k.p, UNDO_NONE);
	sweep_node(s, p, &(struct insn_facts){.opcode = op, .memory = true, .faults = true});
	return done(s, p, &k, part ? T_string_part : linear ? T_string_linear : T_string);
}

/* lea r8d, [address]; the base by its part in r9; the instruction on [r9+r8]. */
static unsigned match_part(struct sweep *s, const uint8_t *p)
{
	struct cursor k = cursor(p, s->end);
	struct insn_facts f;
	if (k.end - k.p < 4 || (p[0] & 0xfc) != 0x44 || p[1] != 0x8d || (p[2] & 0x38))
		return 0;
	if (!plain(s, &k, MEM_GS, &f) || f.written != 1u << R8)
		return 0;
	struct cursor t = k;
	by_part(s, &t, R8);
	if (!t.ok)
		return 0;
	if (!use(s, &t, MEM_R9_R8, &f)) {
		sweep_fail(s, t.p, RULE_STUB, "no instruction with [r9+r8] after its base");
		return (unsigned)(t.p - p);
	}
	s->r8 = f.r8_whole;
	return done(s, p, &t, T_part);
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
	bool lea = plain(s, &t, MEM_GS, &f) && !f.memory && f.written == 1u << RSI;
	if (lea && f.lea) {
		expect_undo(s, t.p, UNDO_ESI_R11);
		if (plain(s, &t, MEM_GS, &f) && f.memory && !(f.written & 1u << RSI)) {
			BYTES(&t, "\x41\x8b\xf3"); /* mov esi, r11d */
			expect_undo(s, t.p, UNDO_NONE);
			s->r8 &= !(f.written & 1u << R8);
			sweep_node(s, p, &f);
			if (t.ok)
				return done(s, p, &t, T_borrow);
		}
		sweep_fail(s, p, RULE_STUB, "rsi borrowed and not given back");
		return (unsigned)(t.p - p);
	}
	t = k;
	MAYBE(&t, "\x41\x8b\xf4"); /* mov esi, r12d */
	if (!plain(s, &t, MEM_GS, &f) || f.memory || f.written != 1u << RSI)
		return 0;
	if (!MAYBE(&t, "\x66\x45\x8b\xe6") && !MAYBE(&t, "\x66\x44\x8b\xe6"))
		BYTES(&t, "\x44\x8b\xe6"); /* mov r12d, esi */
	BYTES(&t, "\x41\x8b\xf3");
	if (!t.ok)
		return 0;
	sweep_node(s, p, &f);
	return done(s, p, &t, T_borrow);
}

/* MASKMOV through rdi = window + edi. */
static unsigned match_maskmov(struct sweep *s, const uint8_t *p)
{
	struct cursor k = cursor(p, s->end);
	struct insn_facts f;
	BYTES(&k, "\x4c\x8b\xdf"); /* mov r11, rdi */
	if (!k.ok || !plain(s, &k, MEM_GS, &f) || !f.lea || f.written != 1u << RDI)
		return 0;
	window(s, &k);
	BYTES(&k, "\x4a\x8d\x3c\x0f"); /* lea rdi, [rdi+r9] */
	if (!k.ok)
		return 0;
	expect_undo(s, k.p, UNDO_EDI_R11);
	MAYBE(&k, "\x66");
	BYTES(&k, "\x0f\xf7");
	if (imm(&k, 1) < 0xc0)
		k.ok = false;
	BYTES(&k, "\x41\x8b\xfb"); /* mov edi, r11d */
	if (!k.ok) {
		sweep_fail(s, p, RULE_STUB, "rdi borrowed and not given back");
		return (unsigned)(k.p - p);
	}
	expect_undo(s, k.p, UNDO_NONE);
	sweep_node(
		s, p,
		&(struct insn_facts){
			.map = 1, .opcode = 0xf7, .memory = true, .store = true, .faults = true});
	return done(s, p, &k, T_maskmov);
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
	return k.ok ? done(s, p, &k, T_pushf) : 0;
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
		return k.ok ? done(s, p, &k, T_popf) : 0;
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
	return k.ok ? done(s, p, &k, T_popf) : 0;
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
	return k.ok ? done(s, p, &k, T_rdtsc) : 0;
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
	return done(s, p, &k, T_save);
}

static unsigned match_cell(struct sweep *s, const uint8_t *p)
{
	unsigned n = template_cell(&s->c->d.h.layout, p, s->end);
	return n ? done(s, p, &(struct cursor){.p = p + n}, T_cell) : 0;
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
	if (high > 0xffff || !callout(s, &t, &eip, &packed) ||
	    ((packed & 0xff) != l->co_far_jmp && (packed & 0xff) != l->co_far_call)) {
		sweep_fail(s, p, RULE_STUB, "a far pointer without its callout");
		return (unsigned)(k.p - p);
	}
	return done(s, p, &k, T_far_pointer);
}

static unsigned match_reach(struct sweep *s, const uint8_t *p)
{
	unsigned n = template_reach(&s->c->d.h.layout, p, s->end);
	return n ? done(s, p, &(struct cursor){.p = p + n}, T_reach) : 0;
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
	return n ? done(s, p, &k, T_shift) : 0;
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
	if (!k.ok && s->end - p >= 1 && *p == 0xc3) {
		k = (struct cursor){p + 1, s->end, true};
		t = T_ret;
	}
	if (!k.ok)
		return 0;
	if (!s->r8)
		sweep_fail(s, p, RULE_LOOSE_EIP, NULL);
	s->falls = false;
	return done(s, p, &k, t);
}

unsigned template_match(struct sweep *s, const uint8_t *p)
{
	static const struct {
		unsigned (*match)(struct sweep *, const uint8_t *);
		char first[5]; /* bytes that it may begin with */
	} all[] = {
		{match_callout, "\x41"},
		{match_pending, "\x4c"},
		{match_pad, "\x4c"},
		{match_lookup, "\x45\x41\xc3"},
		{match_string, "\x4d\x41\x44"},
		{match_part, "\x44\x45\x46\x47"},
		{match_borrow, "\x4c"},
		{match_maskmov, "\x4c"},
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
