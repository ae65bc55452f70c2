/* The stack: pushes, pops, ENTER and LEAVE, PUSHF and POPF. */
#include "translator/xlate.h"

void x_push_reg(struct xlate *x)
{
	xl_push(x, host_gpr(x->i.opcode & 7), x->i.opsize);
}

void x_push_imm(struct xlate *x)
{
	uint32_t imm = x->i.opcode == 0x6a ? (uint32_t)(int8_t)x->i.imm : x->i.imm;
	if (xl_imm_is_live(x)) {
		xl_load_imm(x, R11, x->i.opcode == 0x6a);
		xl_push(x, R11, x->i.opsize);
		return;
	}
	xl_push_imm(x, imm, x->i.opsize);
}

/* dst = the stack's top, ESP past it.  SDM vol. 2, POP. */
static void pop_to(struct xlate *x, uint8_t dst, unsigned size)
{
	struct emit *e = &x->e;
	struct memop m = xl_stack(x, R12, 0, size, 'r');
	if (dst == R12) {
		xl_load_slot(e, R11, m, size);
		if (size == 4) {
			emit_mov32(e, R12, R11);
		} else {
			xl_stack_adjust(x, size);
			emit_mov16(e, R12, R11);
		}
		return;
	}
	if (size == 4)
		emit_load32(e, dst, m);
	else
		emit_enc(e, &(struct enc){
				    .opcode = 0x8b, .reg = dst, .mem = true, .m = m, .p66 = true});
	xl_stack_adjust(x, size);
}

void x_pop_reg(struct xlate *x)
{
	pop_to(x, host_gpr(x->i.opcode & 7), x->i.opsize);
}

void x_pusha(struct xlate *x)
{
	int32_t size = x->i.opsize;
	for (int r = EAX; r <= EDI; r++) {
		struct memop m = xl_stack(x, R12, -size * (r + 1), size, 'w');
		emit_store(&x->e, m, host_gpr(r), size);
		xl_post(x);
	}
	xl_stack_adjust(x, -8 * size);
}

void x_popa(struct xlate *x)
{
	struct emit *e = &x->e;
	int32_t size = x->i.opsize;
	struct memop m;
	/* Each slot is touched before a register changes; EAX stays in r11. */
	for (int r = EDI; r >= EAX; r--) {
		if (r == ESP)
			continue;
		m = xl_stack(x, R12, (7 - r) * size, size, 'r');
		xl_load_slot(e, R11, m, size);
	}
	for (int r = EDI; r > EAX; r--) {
		if (r == ESP)
			continue;
		m = xl_stack(x, R12, (7 - r) * size, size, 'r');
		emit_enc(e,
		         &(struct enc){
				 .opcode = 0x8b, .reg = r, .mem = true, .m = m, .p66 = size == 2});
	}
	emit_enc(e, &(struct enc){.opcode = 0x8b, .reg = RAX, .rm = R11, .p66 = size == 2});
	xl_stack_adjust(x, 8 * size);
}

void x_push_rm(struct xlate *x)
{
	if (!insn_is_mem(&x->i)) {
		xl_push(x, host_gpr(x->i.rm), x->i.opsize);
		return;
	}
	xl_load_rm(x, R11);
	xl_push(x, R11, x->i.opsize);
}

void x_pop_rm(struct xlate *x)
{
	unsigned size = x->i.opsize;
	if (!insn_is_mem(&x->i)) {
		pop_to(x, host_gpr(x->i.rm), size);
		return;
	}
	struct memop m = xl_stack(x, R12, 0, size, 'r');
	xl_load_slot(&x->e, R11, m, size);
	/* An ESP base is the one after the pop. */
	m = xl_mem(x, xl_ea(x, size), xl_seg(x), size, 'w');
	emit_store(&x->e, m, R11, size);
	xl_post(x);
	xl_stack_adjust(x, size);
}

static enum sreg sreg_of_opcode(const struct insn *i)
{
	if (i->map == 1)
		return i->opcode < 0xa8 ? SREG_FS : SREG_GS;
	return i->opcode >> 3 & 3;
}

void x_push_sreg(struct xlate *x)
{
	emit_load16(&x->e, R11, vcpu_selector(sreg_of_opcode(&x->i)));
	/* The upper half of a 32-bit slot: zero, as a P6 and later write or keep it. */
	xl_push(x, R11, x->i.opsize);
}

void x_pop_sreg(struct xlate *x)
{
	unsigned s = sreg_of_opcode(&x->i);
	struct memop m = xl_stack(x, R12, 0, x->i.opsize, 'r');
	/* All of the slot is read, though half of it counts.  SDM vol. 2, POP: "copy a doubleword". */
	if (x->i.opsize == 4)
		emit_load32(&x->e, R10, m);
	else
		emit_load16(&x->e, R10, m);
	if (xl_loads_inline(x)) {
		xl_segment_load(x, s);
		xl_stack_adjust(x, x->i.opsize);
	} else {
		xl_callout(x, CO_POP_SREG, x->i.opsize, s, 0);
	}
}

/* SDM vol. 2, ENTER. */
void x_enter(struct xlate *x)
{
	struct emit *e = &x->e;
	int32_t size = x->i.opsize, frame = (int32_t)(x->i.imm & 0xffff);

	if ((x->i.imm2 & 31) || x->site) {
		emit_mov_imm(e, R10, (uint32_t)frame);
		xl_callout(x, CO_ENTER, x->i.opsize, 0, x->i.imm2 & 31);
		return;
	}
	struct memop m = xl_stack(x, R12, -size, x->i.opsize, 'w');
	emit_store(e, m, RBP, x->i.opsize);
	/* A write at the new top must be possible: NOT, twice, leaves all as it was. */
	struct enc not = {.opcode = 0xf7, .reg = 2, .mem = true, .p66 = size == 2};
	not .m = xl_stack(x, R12, -size - frame, x->i.opsize, 'm');
	emit_enc(e, &not );
	emit_enc(e, &not );
	if (size == 4 && x->mode & MODE_STACK32) {
		emit_lea32(e, RBP, mem_host(R12, -size));
	} else {
		emit_lea32(e, R8, mem_host(R12, -size));
		emit_mov16(e, RBP, R8);
	}
	xl_stack_adjust(x, -size - frame);
}

void x_leave(struct xlate *x)
{
	struct emit *e = &x->e;
	unsigned size = x->i.opsize;
	struct memop m = xl_stack(x, RBP, 0, size, 'r');

	xl_load_slot(e, R11, m, size);
	if (x->mode & MODE_STACK32) {
		emit_lea32(e, R12, mem_host(RBP, size));
	} else {
		emit_lea32(e, R8, mem_host(RBP, size));
		emit_mov16(e, R12, R8);
	}
	if (size == 4)
		emit_mov32(e, RBP, R11);
	else
		emit_mov16(e, RBP, R11);
}

/* In virtual-8086 mode with IOPL 3, PUSHF and POPF of 16 bits are as elsewhere. */
static bool flags_inline(const struct xlate *x)
{
	bool own = !(x->mode & MODE_VM) || (x->mode & MODE_IF && x->i.opsize == 2);
	return own && !(x->mode & MODE_AC);
}

/* The guest's image is the host's, less the host's IF, plus the virtual flags:
 * sums of disjoint bits, so that LEA serves for OR. */
void xl_flags_image(struct xlate *x)
{
	struct emit *e = &x->e;
	emit8(e, 0x9c);
	emit8(e, 0x41); /* POP r11 */
	emit8(e, 0x5b);
	emit_load32(e, R10, VCPU(vflags));
	emit_lea32(e, R11, (struct memop){.base = R11, .index = R10, .disp = -FLAG_IF});
	emit_load32(e, R10, VCPU(if_flag));
	emit_lea32(e, R11, (struct memop){.base = R11, .index = R10});
}

void x_pushf(struct xlate *x)
{
	if (!flags_inline(x)) {
		xl_callout(x, CO_PUSHF, x->i.opsize, 0, 0);
		return;
	}
	xl_flags_image(x);
	xl_push(x, R11, x->i.opsize);
}

static void alu_imm(struct emit *e, uint8_t ext, uint8_t reg, uint32_t imm)
{
	emit_enc(e,
	         &(struct enc){.opcode = 0x81, .reg = ext, .rm = reg, .imm = imm, .imm_size = 4});
}

void xl_flags_compare(struct xlate *x, unsigned size)
{
	struct emit *e = &x->e;
	emit_mov32(e, R9, R11);
	emit_enc(e, &(struct enc){.opcode = 0x33, .reg = R9, .mem = true, .m = VCPU(vflags)});
	alu_imm(e, 4, R9, FLAG_TF | FLAG_IOPL | FLAG_NT | (size == 4 ? FLAG_AC | FLAG_ID : 0));
}

void xl_flags_load(struct xlate *x)
{
	struct emit *e = &x->e;
	if (x->mode & MODE_IF) {
		emit_mov32(e, R9, R11);
		alu_imm(e, 4, R9, FLAG_IF);
		emit_store(e, VCPU(if_flag), R9, 4);
	}
	alu_imm(e, 4, R11, FLAGS_NATIVE);
	alu_imm(e, 1, R11, FLAG_IF | FLAG_1);
	emit8(e, 0x41); /* PUSH r11 */
	emit8(e, 0x53);
	emit8(e, 0x9d);
}

void x_popf(struct xlate *x)
{
	struct emit *e = &x->e;
	unsigned size = x->i.opsize;
	if (!flags_inline(x) || x->req->single) {
		xl_callout(x, CO_POPF, x->i.opsize, 0, 0);
		return;
	}
	struct memop m = xl_stack(x, R12, 0, size, 'r');
	xl_load_slot(e, R11, m, size);
	/* Once the load has not faulted the old flags are dead. */
	xl_flags_compare(x, size);
	emit8(e, 0x74); /* JZ: no virtual flag changes */
	unsigned same = emit_here(e);
	emit8(e, 0);
	xl_callout(x, CO_POPF, size, 0, 0);
	unsigned done = emit_jmp8(e);
	emit_patch8(e, same);
	xl_flags_load(x);
	xl_stack_adjust(x, size);
	if (x->mode & MODE_IF)
		xl_pending(x, false);
	emit_patch8(e, done);
}
