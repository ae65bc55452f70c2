/* Branches, near and far; software interrupts, IRET, SYSENTER and SYSEXIT. */
#include "translator/xlate.h"

static uint32_t branch_target(const struct xlate *x)
{
	uint32_t t = x->next + (x->i.imm_size == 1   ? (uint32_t)(int8_t)x->i.imm
	                        : x->i.imm_size == 2 ? (uint32_t)(int16_t)x->i.imm
	                                             : x->i.imm);
	return x->i.opsize == 2 ? t & 0xffff : t;
}

/* A near branch past the CS limit is the branch's own fault: #GP(0). */
static bool outside_cs(struct xlate *x, uint32_t target)
{
	bool out = x->mode & MODE_CSLIMIT && target > x->req->mode.cs_limit;
	x->out->fixed |= out;
	return out;
}

/* The same for a target that only running tells: it is in r, which is not r8 to r10. */
static void check_cs(struct xlate *x, uint8_t r)
{
	if (!(x->mode & MODE_CSLIMIT) || (x->mode & MODE_64K && x->i.opsize == 2))
		return;
	if (x->site & XL_CHECKS) {
		emit_mov32(&x->e, R10, r);
		xl_callout(x, CO_CSLIMIT, 4, 0, 0);
		return;
	}
	emit_load64(&x->e, R10, VCPU(native.code_reach));
	emit_load8(&x->e, R10, (struct memop){.base = r, .index = R10});
}

/* An exit to the target, at the end of a conditional path. */
static void exit_taken(struct xlate *x, uint32_t target)
{
	if (outside_cs(x, target)) {
		xl_trap(x, VEC_GP, true);
		x->ended = false;
	} else {
		xl_exit_jmp(x, target);
	}
}

void x_jcc(struct xlate *x)
{
	struct emit *e = &x->e;
	uint32_t target = branch_target(x);

	if (outside_cs(x, target)) {
		emit8(e, 0x70 | ((x->i.opcode & 15) ^ 1));
		unsigned skip = emit_here(e);
		emit8(e, 0);
		xl_trap(x, VEC_GP, true);
		x->ended = false;
		emit_patch8(e, skip);
		return;
	}
	emit8(e, 0x0f);
	emit8(e, 0x80 | (x->i.opcode & 15));
	xl_exit_rel32(x, target);
}

void x_jmp(struct xlate *x)
{
	uint32_t target = branch_target(x);
	if (outside_cs(x, target))
		xl_trap(x, VEC_GP, true);
	else if (target == x->eip)
		xl_callout(x, CO_SPIN, 4, 0, 0);
	else
		xl_exit_jmp(x, target);
	x->ended = true;
}

static uint32_t return_eip(const struct xlate *x)
{
	return x->i.opsize == 2 ? x->next & 0xffff : x->next;
}

void x_call(struct xlate *x)
{
	uint32_t target = branch_target(x);
	if (outside_cs(x, target)) {
		xl_trap(x, VEC_GP, true);
		return;
	}
	xl_push_eip(x, return_eip(x), x->i.opsize);
	if (x->req->single || return_eip(x) != x->next) {
		xl_exit_jmp(x, target);
		x->ended = true;
		return;
	}
	if (target == x->next)
		return; /* reads its own EIP: no return will come */
	emit8(&x->e, 0xe8);
	xl_exit_rel32(x, target);
	xl_pad(x, x->next);
}

void x_jmp_ind(struct xlate *x)
{
	if (x->mode & MODE_CSLIMIT && !(x->mode & MODE_64K && x->i.opsize == 2)) {
		xl_load_rm(x, R11);
		check_cs(x, R11);
		emit_mov32(&x->e, R8, R11);
	} else {
		xl_load_rm(x, R8);
	}
	xl_lookup(x);
	x->ended = true;
}

void x_call_ind(struct xlate *x)
{
	struct emit *e = &x->e;
	xl_load_rm(x, R11);
	check_cs(x, R11);
	xl_push_eip(x, return_eip(x), x->i.opsize);
	emit_mov32(e, R8, R11);
	if (x->req->single || return_eip(x) != x->next || x->n_lookups == MAX_LOOKUPS) {
		xl_lookup(x);
		x->ended = true;
		return;
	}
	emit8(e, 0xe8);
	x->lookups[x->n_lookups++] = emit_here(e);
	emit32(e, 0);
	xl_pad(x, x->next);
}

void x_ret(struct xlate *x)
{
	struct emit *e = &x->e;
	unsigned size = x->i.opsize;
	unsigned extra = x->i.opcode == 0xc2 ? x->i.imm & 0xffff : 0;
	bool fast = x->mode & MODE_STACK32 && !(x->mode & MODE_CSLIMIT);
	struct memop m = xl_stack(x, R12, 0, size, 'r');
	uint8_t r = fast ? R8 : R11;

	xl_load_slot(e, r, m, size);
	check_cs(x, r);
	xl_stack_adjust(x, size + extra);
	if (!fast)
		emit_mov32(e, R8, R11);
	if (x->req->single)
		xl_lookup(x);
	else
		emit8(e, 0xc3);
	x->ended = true;
}

/* LOOP, LOOPcc, JECXZ: the counter is ECX or CX by the address size. */
void x_loop(struct xlate *x)
{
	struct emit *e = &x->e;
	uint32_t target = branch_target(x);
	uint8_t op = x->i.opcode;
	unsigned skip;

	if (x->i.adsize == 4) {
		emit8(e, 0x67);
		emit8(e, op);
		emit8(e, 2);
		skip = emit_jmp8(e);
		exit_taken(x, target);
		emit_patch8(e, skip);
		return;
	}
	if (op != 0xe3) {
		emit_lea32(e, R8, mem_host(RCX, -1));
		emit_mov16(e, RCX, R8);
	}
	emit_mov64(e, R9, RCX);
	emit_movzx16(e, RCX, RCX);
	unsigned zero = emit_jrcxz(e);
	emit_mov32(e, RCX, R9);
	if (op == 0xe3) {
		skip = emit_jmp8(e);
		emit_patch8(e, zero);
		emit_mov32(e, RCX, R9);
		exit_taken(x, target);
		emit_patch8(e, skip);
		return;
	}
	unsigned cond = 0;
	if (op != 0xe2) {
		emit8(e, op == 0xe1 ? 0x75 : 0x74);
		cond = emit_here(e);
		emit8(e, 0);
	}
	exit_taken(x, target);
	emit_patch8(e, zero);
	emit_mov32(e, RCX, R9);
	if (op != 0xe2)
		emit_patch8(e, cond);
}

void x_int3(struct xlate *x)
{
	xl_callout(x, CO_INT3, 4, 0, 0);
}

void x_int1(struct xlate *x)
{
	xl_callout(x, CO_INT1, 4, 0, 0);
}

void x_into(struct xlate *x)
{
	struct emit *e = &x->e;
	emit8(e, 0x71); /* JNO */
	unsigned skip = emit_here(e);
	emit8(e, 0);
	xl_callout(x, CO_INTO, 4, 0, 0);
	emit_patch8(e, skip);
}

/* r10 = far_pack(). */
static void far_pointer(struct xlate *x)
{
	struct emit *e = &x->e;
	emit8(e, 0x49);
	emit8(e, 0xba);
	emit32(e, x->i.opsize == 2 ? x->i.imm & 0xffff : x->i.imm);
	emit32(e, x->i.imm2 & 0xffff);
}

/* Outside of protected mode a far transfer changes CS's selector and base alone; and all 16-bit
 * offsets are in a segment of 64 KiB. */
static bool far_inline(const struct xlate *x)
{
	return xl_loads_inline(x) && x->i.opsize == 2 &&
	       (!(x->mode & MODE_CSLIMIT) || x->mode & MODE_64K);
}

/* To r10w:r8d. */
static void far_leave(struct xlate *x)
{
	emit_enc(&x->e, &(struct enc){.opcode = 0xff, .reg = 4, .mem = true, .m = VCPU(far.stub)});
	x->ended = true;
}

static void far_leave_direct(struct xlate *x)
{
	emit_mov_imm(&x->e, R10, x->i.imm2 & 0xffff);
	emit_mov_imm(&x->e, R8, x->i.imm & 0xffff);
	far_leave(x);
}

/* CS and the next IP to the stack, IP at this offset from SP. */
static void store_return(struct xlate *x, int32_t off)
{
	struct emit *e = &x->e;
	emit_load16(e, R11, vcpu_selector(SREG_CS));
	emit_store(e, xl_stack(x, R12, off + 2, 2, 'w'), R11, 2);
	xl_post(x);
	emit_store_imm(e, xl_stack(x, R12, off, 2, 'w'), x->next & 0xffff, 2);
	xl_reloc(x, RELOC_IP);
	xl_post(x);
}

void x_jmp_far(struct xlate *x)
{
	if (far_inline(x)) {
		far_leave_direct(x);
		return;
	}
	far_pointer(x);
	xl_callout(x, CO_FAR_JMP, x->i.opsize, 0, 0);
}

void x_call_far(struct xlate *x)
{
	if (far_inline(x)) {
		store_return(x, -4);
		xl_stack_adjust(x, -4);
		far_leave_direct(x);
		return;
	}
	far_pointer(x);
	xl_callout(x, CO_FAR_CALL, x->i.opsize, 0, 0);
}

void x_jmp_far_mem(struct xlate *x)
{
	if (far_inline(x) && !x->site) {
		struct memop m = xl_mem(x, xl_ea(x, 0), xl_seg(x), 4, 'r');
		emit_load16(&x->e, R11, m);
		m.disp += 2;
		emit_load16(&x->e, R10, m);
		emit_mov32(&x->e, R8, R11);
		far_leave(x);
		return;
	}
	xl_ea_r10(x);
	xl_callout(x, CO_FAR_JMP_MEM, x->i.opsize, xl_seg(x), 0);
}

void x_call_far_mem(struct xlate *x)
{
	xl_ea_r10(x);
	xl_callout(x, CO_FAR_CALL_MEM, x->i.opsize, xl_seg(x), 0);
}

void x_ret_far(struct xlate *x)
{
	struct emit *e = &x->e;
	int32_t extra = x->i.opcode == 0xca ? x->i.imm & 0xffff : 0;
	if (far_inline(x)) {
		emit_load16(e, R11, xl_stack(x, R12, 0, 2, 'r'));
		emit_load16(e, R10, xl_stack(x, R12, 2, 2, 'r'));
		xl_stack_adjust(x, 4 + extra);
		emit_mov32(e, R8, R11);
		far_leave(x);
		return;
	}
	emit_mov_imm(e, R10, (uint32_t)extra);
	xl_callout(x, CO_RETF, x->i.opsize, 0, 0);
}

void x_sysenter(struct xlate *x)
{
	xl_callout(x, CO_SYSENTER, 4, 0, 0);
}

void x_sysexit(struct xlate *x)
{
	xl_callout(x, CO_SYSEXIT, 4, 0, 0);
}

static bool int_inline(const struct xlate *x, unsigned vector)
{
	uint64_t told = x->req->told_ints;
	return x->mode & MODE_IVT && far_inline(x) && !x->site &&
	       (vector < 64 ? !(told >> vector & 1) : told != UINT64_MAX);
}

/* SDM vol. 2, INT n, REAL-ADDRESS-MODE: the vector is read behind the pushes. */
void x_int_n(struct xlate *x)
{
	struct emit *e = &x->e;
	unsigned vector = x->i.imm & 0xff;
	struct memop entry = {.base = NOREG, .index = NOREG, .disp = 4 * vector, .gs = true};

	if (xl_imm_is_live(x)) {
		xl_load_imm(x, R10, false);
		xl_callout(x, CO_INT, 4, 0, INT_LIVE);
		return;
	}
	if (!int_inline(x, vector)) {
		xl_callout(x, CO_INT, 4, 0, vector);
		return;
	}
	xl_look(x, CO_INT, 4, vector);
	xl_flags_image(x);
	emit_store(e, xl_stack(x, R12, -2, 2, 'w'), R11, 2);
	store_return(x, -6);
	emit_load16(e, R11, entry);
	entry.disp += 2;
	emit_load16(e, R10, entry);
	xl_stack_adjust(x, -6);
	emit_store_imm(e, VCPU(if_flag), 0, 4);
	emit_mov32(e, R8, R11);
	far_leave(x);
}

/* SHL (4) or SHR (5) r11d, 16 */
static void shift_r11(struct emit *e, uint8_t ext)
{
	emit_enc(e, &(struct enc){.opcode = 0xc1, .reg = ext, .rm = R11, .imm = 16, .imm_size = 1});
}

/* SDM vol. 2, IRET, REAL-ADDRESS-MODE. */
void x_iret(struct xlate *x)
{
	struct emit *e = &x->e;

	if (x->mode & MODE_PE || !far_inline(x) || x->site) {
		xl_callout(x, CO_IRET, x->i.opsize, 0, 0);
		return;
	}
	xl_look(x, CO_IRET, 2, 0);
	/* All is there before the flags are lost. */
	for (int32_t off = 0; off <= 4; off += 2)
		emit_load16(e, R11, xl_stack(x, R12, off, 2, 'r'));
	xl_flags_compare(x, 2);
	emit8(e, 0x74); /* JZ: no virtual flag changes */
	unsigned same = emit_here(e);
	emit8(e, 0);
	xl_callout(x, CO_IRET, 2, 0, 0);
	emit_patch8(e, same);
	/* FLAGS above IP, as the next address takes the other registers. */
	shift_r11(e, 4);
	emit_load16(e, R10, xl_stack(x, R12, 0, 2, 'r'));
	emit_enc(e, &(struct enc){.opcode = 0x09, .reg = R10, .rm = R11});
	emit_load16(e, R10, xl_stack(x, R12, 2, 2, 'r'));
	xl_stack_adjust(x, 6);
	emit_movzx16(e, R8, R11);
	shift_r11(e, 5);
	xl_flags_load(x);
	far_leave(x);
}
