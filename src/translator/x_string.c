/* String instructions, MASKMOVQ. */
#include "translator/xlate.h"

static enum string_op string_op_of(uint8_t opcode)
{
	switch (opcode & 0xfe) {
	case 0xa4:
		return STROP_MOVS;
	case 0xa6:
		return STROP_CMPS;
	case 0xaa:
		return STROP_STOS;
	case 0xac:
		return STROP_LODS;
	case 0xae:
		return STROP_SCAS;
	case 0x6c:
		return STROP_INS;
	}
	return STROP_OUTS;
}

/* The general form, in the monitor's view: repeated where limits are to be looked at or addresses
 * wrap; traced pages. */
static void string_callout(struct xlate *x, enum string_op op)
{
	const struct insn *i = &x->i;
	unsigned arg = (i->rep == 0xf3   ? STR_REP
	                : i->rep == 0xf2 ? STR_REPNE
	                                 : 0) |
	               (i->adsize == 2 ? STR_A16 : 0) | op << STR_OP_SHIFT;
	xl_callout(x, CO_STRING, i->opcode & 1 ? i->opsize : 1, i->seg >= 0 ? i->seg : SREG_DS,
	           arg);
}

/* Makes a string register a host pointer; r9 has the window's base, unless parts have theirs. */
static void string_pointer(struct xlate *x, uint8_t r)
{
	struct emit *e = &x->e;
	if (x->site & SITE_BY_PART) {
		emit_mov_imm(e, R10, VCPU_PART_SHIFT);
		emit_shrx(e, R9, r, R10, false);
		struct memop bases = VCPU(native.base_by_part);
		bases.index = R9;
		bases.scale = 3;
		emit_load64(e, R9, bases);
	}
	emit_lea64(e, r, (struct memop){.base = r, .index = R9});
}

/* r = linear address of the string register's operand, which is within its segment. */
static void string_linear(struct xlate *x, uint8_t r, enum sreg seg)
{
	struct emit *e = &x->e;
	if (x->i.adsize == 2)
		emit_movzx16(e, r, r);
	if (mode_class(x->mode, seg) == CLASS_FLAT)
		return;
	emit_load32(e, R9, vcpu_base(seg));
	emit_lea32(e, r, (struct memop){.base = r, .index = R9});
}

/* And back, the instruction done; saved: what was in r. */
static void string_offset(struct xlate *x, uint8_t r, uint8_t saved, enum sreg seg)
{
	struct emit *e = &x->e;
	if (mode_class(x->mode, seg) != CLASS_FLAT) {
		emit_load32(e, R9, vcpu_base(seg));
		emit_not32(e, R9);
		emit_lea32(e, r, (struct memop){.base = r, .index = R9, .disp = 1});
	}
	if (x->i.adsize == 2) {
		emit_mov32(e, R9, r);
		emit_mov32(e, r, saved);
		emit_mov16(e, r, R9);
	}
}

/* Of the operand by a string register: faults unless the segment permits it. */
static void string_check(struct xlate *x, uint8_t r, enum sreg seg, unsigned size, bool store)
{
	if (mode_class(x->mode, seg) < CLASS_LIMITED ||
	    (x->mode & MODE_64K && size == 1 && x->i.adsize == 2))
		return;
	if (x->i.adsize == 2) {
		emit_movzx16(&x->e, R8, r);
		r = R8;
	}
	xl_check(x, mem_host(r, 0), seg, size, store);
}

/* The sum so far in r11 grows unless the run of r9 elements by r, upwards, ends within 64 KiB. */
static void string_run_add(struct xlate *x, uint8_t r, unsigned size)
{
	struct emit *e = &x->e;
	emit_movzx16(e, R8, r);
	emit_lea32(e, R8, (struct memop){.base = R8, .index = R9, .scale = size / 2, .disp = -1});
	emit_shrx(e, R8, R8, R10, false);
	emit_lea32(e, R11, (struct memop){.base = R11, .index = R8});
}

/* Repeated by 16-bit addresses: a callout where it goes down or wraps, and then a jump to what
 * follows, to be patched.  Otherwise r8d = ECX, ecx = CX. */
static unsigned string_run(struct xlate *x, enum string_op op, bool src, bool dst)
{
	enum { DF_BIT = 10 };
	struct emit *e = &x->e;
	unsigned size = x->i.opcode & 1 ? x->i.opsize : 1;

	emit8(e, 0x9c); /* pushfq; pop r11 */
	emit8(e, 0x41);
	emit8(e, 0x5b);
	emit_mov_imm(e, R10, 31 - DF_BIT);
	emit_shlx(e, R11, R11, R10, false);
	emit_mov_imm(e, R10, 31);
	emit_shrx(e, R11, R11, R10, false);
	emit_movzx16(e, R9, RCX);
	emit_mov_imm(e, R10, 16);
	if (src)
		string_run_add(x, RSI, size);
	if (dst)
		string_run_add(x, RDI, size);
	emit_mov64(e, R10, RCX);
	emit_mov32(e, RCX, R11);
	unsigned runs = emit_jrcxz(e);
	emit_mov32(e, RCX, R10);
	string_callout(x, op);
	unsigned done = emit_jmp8(e);
	emit_patch8(e, runs);
	emit_mov32(e, R8, R10);
	emit_movzx16(e, RCX, R8);
	return done;
}

/* Can all that it may reach be accessed without a look at limits?  By 16-bit addresses, once it is
 * known not to wrap. */
static bool string_unlimited(const struct xlate *x, enum sreg seg)
{
	return mode_class(x->mode, seg) < CLASS_LIMITED || (x->mode & MODE_64K && x->i.adsize == 2);
}

void x_string(struct xlate *x)
{
	struct emit *e = &x->e;
	const struct insn *i = &x->i;
	enum string_op op = string_op_of(i->opcode);
	bool src = op == STROP_MOVS || op == STROP_CMPS || op == STROP_LODS;
	bool dst = op != STROP_LODS;
	enum sreg seg = i->seg >= 0 ? i->seg : SREG_DS;
	unsigned size = i->opcode & 1 ? i->opsize : 1;

	bool flat = i->adsize == 4 && !(src && mode_class(x->mode, seg) != CLASS_FLAT) &&
	            !(dst && mode_class(x->mode, SREG_ES) != CLASS_FLAT);
	bool run = i->rep && !(src && !string_unlimited(x, seg)) &&
	           !(dst && !string_unlimited(x, SREG_ES));
	unsigned done = 0;

	if (x->site & SITE_REDIRECT || x->mode & MODE_TF || (!flat && i->rep && !run) ||
	    (!flat && x->site)) {
		string_callout(x, op);
		return;
	}
	x->stored |= op == STROP_MOVS || op == STROP_STOS;
	if (!flat) {
		if (i->rep && i->adsize == 2)
			done = string_run(x, op, src, dst);
		else if (i->rep)
			emit_mov32(e, R8, RCX);
		if (src && !i->rep)
			string_check(x, RSI, seg, size, false);
		if (dst && !i->rep)
			string_check(x, RDI, SREG_ES, size, op == STROP_MOVS || op == STROP_STOS);
		emit_mov32(e, R10, RSI);
		emit_mov32(e, R11, RDI);
		if (src)
			string_linear(x, RSI, seg);
		if (dst)
			string_linear(x, RDI, SREG_ES);
		xl_pc(x, !i->rep ? UNDO_STRING : i->adsize == 2 ? UNDO_RUN16 : UNDO_RUN);
	} else if (i->rep) {
		/* Has it begun, when it is left in the middle?  (fault.c, redirect) */
		emit_mov32(e, R11, RCX);
	}
	/* On a fault, truncating the registers makes their guest values. */
	if (!(x->site & SITE_BY_PART))
		emit_load64(e, R9, VCPU(native.window));
	if (src)
		string_pointer(x, RSI);
	if (dst)
		string_pointer(x, RDI);
	if (i->rep)
		emit8(e, i->rep);
	if (i->opcode & 1 && i->opsize == 2)
		emit8(e, 0x66);
	emit8(e, i->opcode);
	if (src)
		emit_mov32(e, RSI, RSI);
	if (dst)
		emit_mov32(e, RDI, RDI);
	if (flat)
		return;
	xl_pc(x, UNDO_NONE);
	if (src)
		string_offset(x, RSI, R10, seg);
	if (dst)
		string_offset(x, RDI, R11, SREG_ES);
	if (i->rep && i->adsize == 2) {
		emit_mov32(e, R9, RCX);
		emit_mov32(e, RCX, R8);
		emit_mov16(e, RCX, R9);
		emit_patch8(e, done);
	}
}

void x_port_string(struct xlate *x)
{
	string_callout(x, string_op_of(x->i.opcode));
}

/* MASKMOVQ, MASKMOVDQU: the operand is at DS:[EDI], or at DS:[DI]. */
void x_maskmov(struct xlate *x)
{
	struct emit *e = &x->e;
	unsigned size = x->row->group == 's' ? 16 : 8;
	uint8_t at = x->i.adsize == 2 ? R8 : RDI;

	if (at == R8)
		emit_movzx16(e, R8, RDI);
	struct memop m = xl_mem(x, mem_host(at, 0), xl_seg(x), size, 'm');

	emit_mov64(e, R11, RDI);
	emit_lea32(e, RDI, m);
	if (m.gs) {
		emit_load64(e, R9, VCPU(native.window));
		emit_lea64(e, RDI, (struct memop){.base = RDI, .index = R9});
	} else {
		emit_lea64(e, RDI, m);
	}
	xl_pc(x, UNDO_EDI_R11);
	emit_enc(e, &(struct enc){.map = 1,
	                          .opcode = 0xf7,
	                          .p66 = size == 16,
	                          .reg = x->i.reg,
	                          .rm = x->i.rm});
	emit_mov32(e, RDI, R11);
	xl_pc(x, UNDO_NONE);
	xl_post(x);
}
