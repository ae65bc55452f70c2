/* The templates of string instructions and MASKMOV: over host pointers, which the guest's registers
 * become for as long. */
#include "verify/cursor.h"
#include "verify/internal.h"

/* mov r10d, esi; mov r11d, edi; then ESI, EDI or both become linear addresses: what a string
 * instruction in segments that are not flat begins with. */
static unsigned string_linear(const struct dump_layout *l, const uint8_t *p, const uint8_t *end)
{
	struct cursor k = cursor(p, end);
	BYTES(&k, "\x44\x8b\xd6"
	          "\x44\x8b\xdf");
	for (unsigned r = RSI; r <= RDI; r++) {
		const char narrow[3] = {0x0f, (char)0xb7, (char)(0xc0 | r << 3 | r)};
		const char lea[4] = {0x42, (char)0x8d, (char)(r << 3 | 4), (char)(1 << 3 | r)};
		maybe(&k, 3, narrow); /* movzx esi, si */
		for (unsigned i = 0; i < 6; i++) {
			struct cursor t = k;
			BYTES(&t, "\x45\x8b"); /* mov r9d, [r15 + base] */
			at_r15(&t, R9, -1, l->seg + i * l->seg_stride + l->seg_base);
			bytes(&t, 4, lea); /* lea esi, [rsi+r9] */
			if (t.ok) {
				k = t;
				break;
			}
		}
	}
	return k.ok ? (unsigned)(k.p - p) : 0;
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
		piece_by_part(s, &t, r);
	bytes(&t, 4, lea);
	if (t.ok)
		*k = t;
	return t.ok;
}

/* Where a run of elements by 16-bit addresses ends: r11d, which it keeps 0 within 64 KiB. */
static unsigned run_end(struct cursor *k, unsigned r)
{
	const char movzx[4] = {0x44, 0x0f, (char)0xb7, (char)(0xc0 | r)};
	struct cursor t = *k;
	bytes(&t, 4, movzx); /* movzx r8d, si|di */
	BYTES(&t, "\x47\x8d\x44");
	unsigned sib = imm(&t, 1); /* lea r8d, [r8 + r9*size - 1] */
	BYTES(&t, "\xff"
	          "\xc4\x42\x2b\xf7\xc0" /* shrx r8d, r8d, r10d */
	          "\x47\x8d\x1c\x03");   /* lea r11d, [r11 + r8] */
	if (!t.ok || (sib & 0x3f) != 8 || sib > 0x88)
		return 0;
	*k = t;
	return 1u << (sib >> 6);
}

/* What comes before a repeated string instruction by 16-bit addresses: a callout unless it goes up
 * and ends within 64 KiB.  The size of its elements, or 0; done: where the callout goes on. */
static unsigned run_check(struct sweep *s, struct cursor *k, bool *src, bool *dst, uint32_t *done)
{
	uint32_t eip, packed;
	BYTES(k, "\x9c\x41\x5b"               /* pushfq; pop r11 */
	         "\x41\xba\x15\x00\x00\x00"   /* mov r10d, 21 */
	         "\xc4\x42\x29\xf7\xdb"       /* shlx r11d, r11d, r10d */
	         "\x41\xba\x1f\x00\x00\x00"   /* mov r10d, 31 */
	         "\xc4\x42\x2b\xf7\xdb"       /* shrx r11d, r11d, r10d */
	         "\x44\x0f\xb7\xc9"           /* movzx r9d, cx */
	         "\x41\xba\x10\x00\x00\x00"); /* mov r10d, 16 */
	unsigned from = run_end(k, RSI), to = run_end(k, RDI);
	*src = from;
	*dst = to;
	BYTES(k, "\x4c\x8b\xd1" /* mov r10, rcx */
	         "\x41\x8b\xcb" /* mov ecx, r11d */
	         "\xe3");       /* jrcxz runs */
	uint32_t hop = imm(k, 1);
	BYTES(k, "\x41\x8b\xca"); /* mov ecx, r10d */
	const uint8_t *at = k->p;
	if (!k->ok || (!from && !to) || (from && to && from != to) ||
	    !piece_callout(s, k, &eip, &packed))
		return 0;
	BYTES(k, "\xeb"); /* jmp done */
	uint32_t on = imm(k, 1);
	if (!k->ok || k->p != at - 3 + hop || on > 0x7f)
		return 0;
	*done = sweep_offset(s, k->p) + on;
	if (sweep_eip(s, *done - 1, NULL) != eip)
		sweep_fail(s, at, RULE_TARGET, "a run goes on elsewhere");
	BYTES(k, "\x45\x8b\xc2"       /* runs: mov r8d, r10d */
	         "\x41\x0f\xb7\xc8"); /* movzx ecx, r8w */
	if (!k->ok)
		return 0;
	if ((packed & 0xff) == s->c->d.h.layout.co_pre)
		sweep_fail(s, at, RULE_CALLOUT, NULL);
	piece_own_callout(s, at, eip, packed);
	return from ? from : to;
}

unsigned string_match(struct sweep *s, const uint8_t *p)
{
	struct cursor k = cursor(p, s->end);
	bool run_src = false, run_dst = false, part = *p == 0x41;
	uint32_t run_done = 0;
	unsigned size = *p == 0x9c ? run_check(s, &k, &run_src, &run_dst, &run_done) : 0;
	bool run = size || MAYBE(&k, "\x44\x8b\xc1"); /* mov r8d, ecx */
	const uint8_t *begin = k.p;
	unsigned linear = string_linear(&s->c->d.h.layout, begin, s->end);
	if ((run && !linear) || (*p == 0x9c && !size))
		return 0;
	k = cursor(begin + linear, s->end);
	if (!part)
		window(s, &k);
	if (!k.ok)
		return 0;
	if (linear)
		sweep_undo(s, begin + linear, size ? UNDO_RUN16 : run ? UNDO_RUN : UNDO_STRING);
	bool src = pointer(s, &k, RSI, part);
	bool dst = pointer(s, &k, RDI, part);
	if (!src && !dst)
		return 0;
	bool rep = MAYBE(&k, "\xf3") || MAYBE(&k, "\xf2");
	bool p66 = MAYBE(&k, "\x66");
	uint8_t op = (uint8_t)imm(&k, 1);
	static const uint8_t wants[3] = {0xac, 0xaa, 0xa4};
	uint8_t even = op & 0xfe, wanted = src && dst ? wants[2] : wants[dst];
	if (even == 0xae)
		even = 0xaa; /* SCAS: the pointer of STOS */
	else if (even == 0xa6)
		even = 0xa4; /* CMPS: those of MOVS */
	unsigned element = !(op & 1) ? 1 : p66 ? 2 : 4;
	if (even != wanted || (p66 && !(op & 1)) || (linear && rep != run) ||
	    (size && (size != element || src != run_src || dst != run_dst)))
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
		sweep_undo(s, k.p, UNDO_NONE);
	if (size)
		sweep_jump(s, sweep_offset(s, p), run_done);
	sweep_node(s, begin, &(struct insn_facts){.opcode = op, .memory = true, .faults = true});
	return piece_matched(s, p, &k,
	                     part     ? T_string_part
	                     : run    ? T_string_run
	                     : linear ? T_string_linear
	                              : T_string);
}

/* MASKMOV through rdi = window + edi. */
unsigned string_match_maskmov(struct sweep *s, const uint8_t *p)
{
	struct cursor k = cursor(p, s->end);
	struct insn_facts f;
	BYTES(&k, "\x4c\x8b\xdf"); /* mov r11, rdi */
	if (!k.ok || !piece_plain(s, &k, MEM_GS, &f) || !f.lea || f.written != 1u << RDI)
		return 0;
	window(s, &k);
	BYTES(&k, "\x4a\x8d\x3c\x0f"); /* lea rdi, [rdi+r9] */
	if (!k.ok)
		return 0;
	sweep_undo(s, k.p, UNDO_EDI_R11);
	MAYBE(&k, "\x66");
	BYTES(&k, "\x0f\xf7");
	if (imm(&k, 1) < 0xc0)
		k.ok = false;
	BYTES(&k, "\x41\x8b\xfb"); /* mov edi, r11d */
	if (!k.ok) {
		sweep_fail(s, p, RULE_STUB, "rdi borrowed and not given back");
		return (unsigned)(k.p - p);
	}
	sweep_undo(s, k.p, UNDO_NONE);
	sweep_node(
		s, p,
		&(struct insn_facts){
			.map = 1, .opcode = 0xf7, .memory = true, .store = true, .faults = true});
	return piece_matched(s, p, &k, T_maskmov);
}
