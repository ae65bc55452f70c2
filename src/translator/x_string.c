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

/* The general form, in the monitor's view: other segments, 16-bit addresses, traced pages. */
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
		struct memop bases = VCPU(base_by_part);
		bases.index = R9;
		bases.scale = 3;
		emit_load64(e, R9, bases);
	}
	emit_lea64(e, r, (struct memop){.base = r, .index = R9});
}

void x_string(struct xlate *x)
{
	struct emit *e = &x->e;
	const struct insn *i = &x->i;
	enum string_op op = string_op_of(i->opcode);
	bool src = op == STROP_MOVS || op == STROP_CMPS || op == STROP_LODS;
	bool dst = op != STROP_LODS;
	enum sreg seg = i->seg >= 0 ? i->seg : SREG_DS;

	if (i->adsize == 2 || x->site & SITE_REDIRECT || x->mode & MODE_TF ||
	    (src && mode_class(x->mode, seg) != CLASS_FLAT) ||
	    (dst && mode_class(x->mode, SREG_ES) != CLASS_FLAT)) {
		string_callout(x, op);
		return;
	}
	/* Has it begun, when it is left in the middle?  (fault.c, redirect) */
	if (i->rep)
		emit_mov32(e, R11, RCX);
	/* On a fault, truncating the registers makes their guest values. */
	if (!(x->site & SITE_BY_PART))
		emit_load64(e, R9, VCPU(window));
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
		emit_load64(e, R9, VCPU(window));
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
