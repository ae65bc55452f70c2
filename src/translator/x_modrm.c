/* Forms with a ModRM operand, and what works on registers alone. */
#include "translator/xlate.h"

/* Does the form have an operand of the operand size, so that 66 selects it? */
static bool sized(const struct xlate *x)
{
	const struct row *r = x->row;
	return !(r->flags & ROW_KEEP66) && (r->reg == 'v' || r->rm == 'v' || r->size == 'v' ||
	                                    r->size == 'e' || r->size == 's');
}

/* r, a byte register by number, = r8. */
static void byte_from_r8(struct xlate *x, uint8_t r)
{
	struct emit *e = &x->e;
	uint8_t via = r == 5 ? RDX : RCX; /* CH is a part of the other */

	if (r < 4) {
		emit_enc(e, &(struct enc){.opcode = 0x8a, .reg = r, .rm = R8});
		return;
	}
	/* AH to BH have no encoding beside REX. */
	emit_mov32(e, R11, via);
	emit_mov32(e, via, R8);
	emit_enc(e, &(struct enc){.opcode = 0x8a, .reg = r, .rm = via});
	emit_mov32(e, via, R11);
}

/* Of AL, EAX or a byte register, with an immediate that the unit loads. */
static bool plain_live(struct xlate *x)
{
	uint8_t op = x->i.opcode;
	bool wide = op & 1;

	if (x->i.map || !xl_imm_is_live(x))
		return false;
	xl_load_imm(x, R8, false);
	if ((op & 0xf8) == 0xb0)
		byte_from_r8(x, op & 7);
	else /* ALU, or TEST */
		emit_enc(&x->e,
		         &(struct enc){.opcode = op < 0x40 ? (op & 0x38) | 2 | wide : 0x84 | wide,
		                       .reg = RAX,
		                       .rm = R8,
		                       .p66 = wide && x->i.opsize == 2});
	return true;
}

void x_plain(struct xlate *x)
{
	struct emit *e = &x->e;
	const struct insn *i = &x->i;
	uint8_t op = i->opcode;
	bool wide = i->map == 0 &&
	            ((op < 0x40 && (op & 7) == 5) || op == 0x98 || op == 0x99 || op == 0xa9);

	if (plain_live(x))
		return;
	if (wide && i->opsize == 2)
		emit8(e, 0x66);
	if (op == 0x90 && i->rep == 0xf3)
		emit8(e, 0xf3); /* PAUSE */
	if (i->map == 1)
		emit8(e, 0x0f);
	emit8(e, op);
	for (unsigned n = 0; n < i->imm_size; n++)
		emit8(e, i->imm >> 8 * n);
}

static struct enc enc_of(const struct xlate *x)
{
	const struct insn *i = &x->i;
	const struct row *r = x->row;
	struct enc n = {
		.map = i->map,
		.opcode = i->opcode,
		.reg = i->reg,
		.rm = i->rm,
		.p66 = sized(x) && i->opsize == 2,
		.imm_size = i->imm_size,
		.imm = i->imm,
	};
	if (r->flags & ROW_KEEP66) {
		n.p66 = r->pfx == '6';
		n.rep = r->pfx == '3' ? 0xf3 : r->pfx == '2' ? 0xf2 : 0;
	}
	if (r->reg == 'v' || r->reg == 'd')
		n.reg = host_gpr(i->reg);
	if (r->rm == 'v' || r->rm == 'd' || r->rm == 'w')
		n.rm = host_gpr(i->rm);
	if (!r->rm)
		n.rm = 0; /* a fence, whose encodings with another rm are undocumented */
	if (n.map == 0 && n.opcode == 0x82)
		n.opcode = 0x80;
	return n;
}

/* ALU, MOV or TEST of a register or memory with an immediate that the unit loads: the form with a
 * register. */
static bool modrm_live(struct xlate *x)
{
	const struct insn *i = &x->i;
	uint8_t op = i->opcode;
	bool alu = (op & 0xfc) == 0x80, mov = (op & 0xfe) == 0xc6,
	     test = (op & 0xfe) == 0xf6 && i->reg < 2, wide = op & 1, mem = insn_is_mem(i);

	if (i->map || !(alu || mov || test) || (!wide && !mem && i->rm >= 4) || !xl_imm_is_live(x))
		return false;
	struct enc n = {.opcode = (alu   ? i->reg << 3
	                           : mov ? 0x88
	                                 : 0x84) |
	                          wide,
	                .reg = R11,
	                .rm = wide ? host_gpr(i->rm) : i->rm,
	                .p66 = wide && i->opsize == 2,
	                .mem = mem};
	xl_load_imm(x, R11, op == 0x83);
	if (mem)
		n.m = xl_operand(x);
	emit_enc(&x->e, &n);
	xl_post(x);
	return true;
}

/* MOV to or from memory that is a device's, most often: one callout does it, where PRE and POST
 * would be two. */
static bool move_redirected(struct xlate *x, bool wide, unsigned arg)
{
	if (!(x->site & SITE_REDIRECT))
		return false;
	xl_ea_r10(x);
	if (arg & MOVE_IMMEDIATE && xl_imm_is_live(x))
		xl_load_imm(x, R11, false);
	else if (arg & MOVE_IMMEDIATE)
		emit_mov_imm(&x->e, R11, x->i.imm);
	xl_callout(x, CO_MOVE, wide ? x->i.opsize : 1, xl_seg(x), arg);
	return true;
}

static bool modrm_redirected(struct xlate *x)
{
	const struct insn *i = &x->i;
	bool wide = i->opcode & 1;

	if (i->map || !insn_is_mem(i))
		return false;
	if ((i->opcode & 0xfe) == 0xc6)
		return move_redirected(x, wide, MOVE_IMMEDIATE);
	return (i->opcode & 0xfc) == 0x88 &&
	       move_redirected(x, wide, i->reg | (i->opcode & 2 ? MOVE_LOAD : 0));
}

/* Any ModRM form that means the same in 64-bit mode.  LOCK is dropped: one
 * thread runs all of the guest, and is interrupted at instruction boundaries. */
void x_modrm(struct xlate *x)
{
	struct enc n = enc_of(x);

	if (modrm_redirected(x) || modrm_live(x))
		return;
	if (insn_is_mem(&x->i)) {
		n.mem = true;
		n.m = xl_operand(x);
		xl_emit(x, &n, x->row->reg == 'b');
		xl_post(x);
		return;
	}
	/* MOVZX/MOVSX ESP, AH: r12 needs REX, AH cannot have it. */
	if (x->row->rm == 'b' && x->i.rm >= 4 && enc_needs_rex(&n)) {
		struct emit *e = &x->e;
		emit_mov64(e, R11, RSI);
		if (x->i.opsize == 2)
			emit_mov32(e, RSI, R12);
		n.reg = RSI;
		emit_enc(e, &n);
		if (x->i.opsize == 2)
			emit_mov16(e, R12, RSI);
		else
			emit_mov32(e, R12, RSI);
		emit_mov32(e, RSI, R11);
		return;
	}
	emit_enc(&x->e, &n);
}

/* Hints and prefetches: the model's, not the host's; no access is made. */
void x_nop(struct xlate *x)
{
	(void)x;
}

void x_ud(struct xlate *x)
{
	xl_trap(x, VEC_UD, false);
}

/* 40 to 4F are REX prefixes in 64-bit mode: FF /0 and /1 do the same. */
void x_inc_dec(struct xlate *x)
{
	const struct insn *i = &x->i;
	emit_enc(&x->e, &(struct enc){.opcode = 0xff,
	                              .reg = i->opcode >= 0x48,
	                              .rm = host_gpr(i->opcode & 7),
	                              .p66 = i->opsize == 2});
}

/* B8 to BF. */
void x_mov_imm(struct xlate *x)
{
	const struct insn *i = &x->i;
	uint8_t r = host_gpr(i->opcode & 7);
	if (xl_imm_is_live(x)) {
		xl_load_imm(x, R8, false);
		if (i->opsize == 4)
			emit_mov32(&x->e, r, R8);
		else
			emit_mov16(&x->e, r, R8);
	} else if (i->opsize == 4) {
		emit_mov_imm(&x->e, r, i->imm);
	} else {
		emit_enc(&x->e, &(struct enc){.opcode = 0xc7,
		                              .rm = r,
		                              .p66 = true,
		                              .imm_size = 2,
		                              .imm = i->imm});
	}
}

void x_lea(struct xlate *x)
{
	uint8_t dst = host_gpr(x->i.reg);
	struct memop m = xl_ea(x, 0);
	if (x->i.opsize == 4) {
		emit_lea32(&x->e, dst, m);
	} else {
		emit_lea32(&x->e, R8, m);
		emit_mov16(&x->e, dst, R8);
	}
}

void x_moffs(struct xlate *x)
{
	static const uint8_t op[4] = {0x8a, 0x8b, 0x88, 0x89};
	struct enc n = {.opcode = op[x->i.opcode & 3],
	                .reg = RAX,
	                .p66 = x->row->size == 'v' && x->i.opsize == 2,
	                .mem = true};
	if (move_redirected(x, x->i.opcode & 1, x->i.opcode & 2 ? EAX : EAX | MOVE_LOAD))
		return;
	n.m = xl_operand(x);
	emit_enc(&x->e, &n);
	xl_post(x);
}

void x_xchg_eax(struct xlate *x)
{
	emit_enc(&x->e, &(struct enc){.opcode = 0x87,
	                              .reg = RAX,
	                              .rm = host_gpr(x->i.opcode & 7),
	                              .p66 = x->i.opsize == 2});
}

void x_bswap(struct xlate *x)
{
	uint8_t r = host_gpr(x->i.opcode & 7);
	if (x->i.opsize == 2)
		emit8(&x->e, 0x66);
	if (r & 8)
		emit8(&x->e, 0x41);
	emit8(&x->e, 0x0f);
	emit8(&x->e, 0xc8 | (r & 7));
}

/* BT, BTS, BTR, BTC with a register: the bit string reaches beyond the operand. */
void x_bit_string(struct xlate *x)
{
	enum sreg seg = xl_seg(x);
	bool wide = x->i.opsize == 4;
	struct emit *e = &x->e;

	if (!insn_is_mem(&x->i) ||
	    (x->i.adsize == 4 && !x->site && mode_class(x->mode, seg) <= CLASS_BASED)) {
		x_modrm(x);
		return;
	}
	/* The dword (word) that holds the bit, then the bit within it. */
	struct enc n = enc_of(x);
	uint8_t bit = n.reg;
	if (!wide) {
		emit_enc(e, &(struct enc){.map = 1, .opcode = 0xbf, .reg = R9, .rm = bit});
		bit = R9;
	}
	emit_mov_imm(e, R11, wide ? 5 : 4);
	emit_sarx(e, R11, bit, R11, false);
	emit_lea32(e, R10, xl_ea(x, 0));
	n.m = (struct memop){.base = R10, .index = R11, .scale = wide ? 2 : 1};
	if (x->i.adsize == 2) {
		/* The sum wraps at 64 KiB. */
		emit_lea32(e, R10, n.m);
		emit_movzx16(e, R10, R10);
		n.m = mem_host(R10, 0);
	}
	n.m = xl_mem(x, n.m, seg, x->i.opsize, x->row->access);
	uint8_t left = n.m.base == R10 ? R8 : R10;
	emit_mov_imm(e, R11, wide ? 27 : 28);
	emit_shlx(e, left, n.reg, R11, false);
	emit_shrx(e, left, left, R11, false);
	n.reg = left;
	n.mem = true;
	emit_enc(e, &n);
	xl_post(x);
}

/* AL = CF ? FFh : 0, flags as they were. */
void x_salc(struct xlate *x)
{
	struct emit *e = &x->e;
	emit_mov_imm(e, R8, 0);
	emit_mov_imm(e, R9, 0xff);
	emit_enc(e, &(struct enc){.map = 1, .opcode = 0x42, .reg = R8, .rm = R9});
	emit_enc(e, &(struct enc){.opcode = 0x8a, .reg = RAX, .rm = R8});
}

void x_xlat(struct xlate *x)
{
	struct emit *e = &x->e;
	emit_enc(e, &(struct enc){.map = 1, .opcode = 0xb6, .reg = R8, .rm = RAX});
	emit_lea32(e, R8, (struct memop){.base = RBX, .index = R8});
	if (x->i.adsize == 2)
		emit_movzx16(e, R8, R8);
	struct memop m = xl_mem(x, mem_host(R8, 0), xl_seg(x), 1, 'r');
	emit_enc(e, &(struct enc){.opcode = 0x8a, .reg = RAX, .mem = true, .m = m});
}

void x_bcd(struct xlate *x)
{
	emit_mov_imm(&x->e, R10, x->i.imm & 0xff);
	xl_callout(x, CO_BCD, 4, 0, x->i.opcode);
}

void x_bound(struct xlate *x)
{
	xl_ea_r10(x);
	xl_callout(x, CO_BOUND, x->i.opsize, xl_seg(x), x->i.reg);
}

void x_arpl(struct xlate *x)
{
	bool reg = !insn_is_mem(&x->i);
	if (!reg)
		xl_ea_r10(x);
	xl_callout(x, CO_ARPL, 2, reg ? 0 : xl_seg(x),
	           pair_pack(x->i.reg, x->i.rm) | (reg ? ARPL_REG : 0));
}
