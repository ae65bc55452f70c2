/* Operands: effective addresses, segments, the stack. */
#include "translator/xlate.h"

enum sreg xl_seg(const struct xlate *x)
{
	return insn_segment(&x->i);
}

/* 16-bit addressing.  SDM vol. 2, table 2-1. */
static struct memop ea16(struct xlate *x)
{
	static const uint8_t base[8] = {RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX};
	static const uint8_t index[8] = {RSI, RDI, RSI, RDI, NOREG, NOREG, NOREG, NOREG};
	const struct insn *i = &x->i;

	known_r8(x);
	if (!i->has_modrm || (i->mod == 0 && i->rm == 6)) {
		emit_mov_imm(&x->e, R8, i->disp & 0xffff);
		return mem_host(R8, 0);
	}
	struct memop m = {.base = base[i->rm], .index = index[i->rm], .disp = i->disp};
	if (m.index == NOREG && !m.disp) {
		emit_movzx16(&x->e, R8, m.base);
	} else {
		emit_lea32(&x->e, R8, m);
		emit_movzx16(&x->e, R8, R8);
	}
	return mem_host(R8, 0);
}

struct memop xl_ea(struct xlate *x, int32_t esp_bias)
{
	return x->i.adsize == 2 ? ea16(x) : xl_ea32(&x->i, esp_bias);
}

void xl_ea_r10(struct xlate *x)
{
	emit_lea32(&x->e, R10, xl_ea(x, 0));
}

/* Which callout argument describes this access. */
static unsigned access_arg(const struct xlate *x, unsigned size, char access)
{
	return access_pack((struct callout_access){.size = size,
	                                           .write = access != 'r',
	                                           .read = access != 'w',
	                                           .x87 = x->row->group == 'f'});
}

/* Forms that report a pending x87 exception before they touch memory.  Where a callout resolves the
 * operand, a WAIT comes first, so that #MF still precedes the operand's fault. */
static bool waits(const struct row *r)
{
	bool store = (r->opcode == 0xd9 || r->opcode == 0xdd) && r->ext == 7; /* FNSTCW, FNSTSW */
	return r->group == 'm' || r->reg == 'm' || (r->group == 'f' && r->size != 'f' && !store);
}

/* Of an operand on the stack, and of what lies FRAME_BELOW it, so that what follows need not look:
 * less than that would wrap below 0, and be beyond any limit.  What SS has can be written. */
static void frame_check(struct xlate *x, const struct memop *ea, unsigned size)
{
	struct memop low = *ea, last = {.base = R8, .index = R10};

	if (known_reached(x, ea, size))
		return;
	low.disp -= FRAME_BELOW;
	known_r8(x);
	emit_lea32(&x->e, R8, low);
	emit_load64(&x->e, R10, VCPU(native.reach[SREG_SS].write));
	last.disp = FRAME_BELOW + (int32_t)size - 1;
	emit_load8(&x->e, R10, last);
	known_reach(x, ea, size);
}

/* Of an operand by registers that stay, and of what the instructions behind it access by them: where a
 * part of that lies beyond the limit, a callout looks at the first alone. */
static struct memop sum_check(struct xlate *x, struct memop ea, enum sreg seg, unsigned size,
                              bool store)
{
	struct emit *e = &x->e;
	struct memop last = {.base = R8, .index = R10}, low = ea;
	struct reached *k = known_sum(x, &ea, seg, size, store);
	bool looks = !k;

	if (looks)
		k = known_reach_sum(x, &ea, seg, size, store);
	/* Without an index, what is below what lies in the segment does, too. */
	bool whole = ea.index == NOREG && k->low >= 0;
	low.disp = k->low;
	if (!whole && x->known.low != k - x->known.reached) {
		emit_lea32(e, R8, low);
		x->known.low = (int)(k - x->known.reached);
	}
	if (looks) {
		emit_load64(e, R10,
		            store ? VCPU(native.reach[seg].write) : VCPU(native.reach[seg].read));
		if (whole)
			last.base = ea.base;
		last.disp = whole ? k->high - 1 : k->high - k->low - 1;
		emit_load8(e, R10, last);
	}
	return whole ? ea : mem_host(R8, ea.disp - k->low);
}

struct memop xl_check(struct xlate *x, struct memop ea, enum sreg seg, unsigned size, bool store)
{
	struct emit *e = &x->e;
	enum seg_class class = mode_class(x->mode, seg);
	bool sum = ea.index == NOREG && ea.base != R10 && ea.disp >= 0 && ea.disp < 1 << 24;
	struct memop past = store ? VCPU(native.reach[seg].write) : VCPU(native.reach[seg].read);

	if (known_is_frame(x, &ea, seg)) {
		frame_check(x, &ea, size);
		return ea;
	}
	if (known_is_sum(x, &ea, seg))
		return sum_check(x, ea, seg, size, store);
	known_r8(x);
	if (class == CLASS_DOWN || !sum) {
		emit_lea32(e, R8, ea);
		ea = mem_host(R8, 0);
	}
	struct memop last = ea;
	last.index = R10;
	if (class == CLASS_DOWN) {
		emit_load32(e, R10, VCPU(native.reach[seg].minus_low));
		emit_lea32(e, R10, (struct memop){.base = R10, .index = R8});
		last = (struct memop){.base = R9, .index = R10};
		emit_load64(e, R9, past);
		x->known.base = -1;
	} else {
		emit_load64(e, R10, past);
	}
	last.disp += (int32_t)size - 1;
	emit_load8(e, R10, last);
	return ea;
}

/* by_part: it may be an access by the window of its part. */
static struct memop operand(struct xlate *x, struct memop ea, enum sreg seg, unsigned size,
                            char access, bool by_part)
{
	/* An offset of 16 bits, and one byte: within any segment of 64 KiB. */
	bool within = x->mode & MODE_64K && size == 1 && x->i.adsize == 2;
	struct emit *e = &x->e;
	enum seg_class class = mode_class(x->mode, seg);
	bool store = access != 'r', redirect = x->site & SITE_REDIRECT;

	x->stored |= store;
	by_part &= x->site & SITE_BY_PART;
	if (seg == SREG_CS && store)
		class = CLASS_LIMITED;
	if (class == CLASS_FLAT && !redirect && !by_part) {
		ea.gs = true;
		return ea;
	}
	bool limited = class >= CLASS_LIMITED && !within, callout = limited && x->site & XL_CHECKS;
	if ((callout || redirect) && waits(x->row))
		emit8(e, 0x9b);
	if (callout) {
		emit_lea32(e, R10, ea);
		xl_callout(x, CO_SEGCHECK, 4, seg, access_arg(x, size, access));
		ea = mem_host(R10, 0);
	} else if (limited) {
		ea = xl_check(x, ea, seg, size, store);
	}
	if (redirect) {
		if (!callout)
			emit_lea32(e, R10, ea);
		xl_callout(x, CO_PRE, 4, seg, access_arg(x, size, access));
		x->post = store;
		return mem_host(R9, 0);
	}
	if (class != CLASS_FLAT) {
		if (x->known.base != (int)seg)
			emit_load32(e, R9, vcpu_base(seg));
		x->known.base = (int)seg;
		if (ea.base == NOREG && ea.index == NOREG) {
			ea.base = R9;
		} else if (ea.index == NOREG) {
			ea.index = R9;
			ea.scale = 0;
		} else {
			known_r8(x);
			emit_lea32(e, R8, ea);
			ea = (struct memop){.base = R8, .index = R9};
		}
	}
	if (by_part) {
		x->known.base = -1;
		known_r8(x);
		emit_lea32(e, R8, ea);
		emit_mov_imm(e, R10, VCPU_PART_SHIFT);
		emit_shrx(e, R9, R8, R10, false);
		struct memop bases = VCPU(native.base_by_part);
		bases.index = R9;
		bases.scale = 3;
		emit_load64(e, R9, bases);
		return (struct memop){.base = R9, .index = R8};
	}
	ea.gs = true;
	return ea;
}

struct memop xl_mem(struct xlate *x, struct memop ea, enum sreg seg, unsigned size, char access)
{
	return operand(x, ea, seg, size, access, true);
}

struct memop xl_operand(struct xlate *x)
{
	return xl_mem(x, xl_ea(x, 0), xl_seg(x), row_mem_size(x->row, &x->i), x->row->access);
}

void xl_post(struct xlate *x)
{
	if (!x->post)
		return;
	x->post = false;
	xl_callout(x, CO_POST, 4, 0, 0);
}

void xl_emit(struct xlate *x, struct enc *enc, bool byte_reg)
{
	struct emit *e = &x->e;
	/* AH..BH have no encoding beside REX. */
	if (!(byte_reg && enc->reg >= 4 && enc_needs_rex(enc))) {
		emit_enc(e, enc);
		return;
	}
	/* ESI is no byte register, and the address is all that the operand needs. */
	emit_mov64(e, R11, RSI);
	if (enc->m.gs) {
		emit_lea32(e, RSI, enc->m);
		enc->m = mem_gs(RSI, 0);
	} else {
		emit_lea64(e, RSI, enc->m);
		enc->m = mem_host(RSI, 0);
	}
	xl_pc(x, UNDO_ESI_R11);
	emit_enc(e, enc);
	emit_mov32(e, RSI, R11);
	xl_pc(x, UNDO_NONE);
}

void xl_load_rm16(struct xlate *x, uint8_t r)
{
	if (insn_is_mem(&x->i)) {
		struct memop m = xl_mem(x, xl_ea(x, 0), xl_seg(x), 2, 'r');
		emit_load16(&x->e, r, m);
	} else {
		emit_movzx16(&x->e, r, host_gpr(x->i.rm));
	}
}

void xl_load_rm(struct xlate *x, uint8_t r)
{
	if (x->i.opsize == 2) {
		xl_load_rm16(x, r);
	} else if (insn_is_mem(&x->i)) {
		struct memop m = xl_mem(x, xl_ea(x, 0), xl_seg(x), 4, 'r');
		emit_load32(&x->e, r, m);
	} else {
		emit_mov32(&x->e, r, host_gpr(x->i.rm));
	}
}

bool xl_loads_inline(const struct xlate *x)
{
	return !mode_bits_protected(x->mode) && !x->req->single;
}

void xl_segment_load(struct xlate *x, enum sreg s)
{
	struct emit *e = &x->e;
	emit_store(e, vcpu_selector(s), R10, 2);
	emit_movzx16(e, R10, R10);
	emit_mov_imm(e, R8, 4);
	emit_shlx(e, R10, R10, R8, false);
	emit_store(e, vcpu_base(s), R10, 4);
	if (s == SREG_SS) {
		emit_store_imm(e, VCPU(native.ss_loaded), x->next, 4);
		xl_reloc(x, RELOC_EIP);
	}
}

struct memop xl_stack(struct xlate *x, uint8_t base, int32_t off, unsigned size, char access)
{
	struct memop m = mem_host(base, off);

	if (!(x->mode & MODE_STACK32)) {
		known_r8(x);
		if (off)
			emit_lea32(&x->e, R8, m);
		emit_movzx16(&x->e, R8, off ? R8 : base);
		m = mem_host(R8, 0);
	}
	return operand(x, m, SREG_SS, size, access, false);
}

void xl_stack_adjust(struct xlate *x, int32_t by)
{
	if (x->mode & MODE_STACK32) {
		emit_lea32(&x->e, R12, mem_host(R12, by));
		known_esp_moves(x, by);
	} else {
		emit_lea32(&x->e, R8, mem_host(R12, by));
		emit_mov16(&x->e, R12, R8);
	}
}

void xl_push(struct xlate *x, uint8_t src, unsigned size)
{
	struct memop m = xl_stack(x, R12, -(int32_t)size, size, 'w');
	emit_store(&x->e, m, src, size);
	xl_post(x);
	xl_stack_adjust(x, -(int32_t)size);
}

static void push_constant(struct xlate *x, uint32_t imm, unsigned size, bool eip)
{
	struct memop m = xl_stack(x, R12, -(int32_t)size, size, 'w');
	emit_store_imm(&x->e, m, imm, size);
	if (eip)
		xl_reloc(x, size == 2 ? RELOC_IP : RELOC_EIP);
	xl_post(x);
	xl_stack_adjust(x, -(int32_t)size);
}

void xl_push_imm(struct xlate *x, uint32_t imm, unsigned size)
{
	push_constant(x, imm, size, false);
}

void xl_push_eip(struct xlate *x, uint32_t eip, unsigned size)
{
	push_constant(x, eip, size, true);
}

void xl_load_slot(struct emit *e, uint8_t dst, struct memop m, unsigned size)
{
	if (size == 4)
		emit_load32(e, dst, m);
	else
		emit_load16(e, dst, m);
}
