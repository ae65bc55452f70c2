/* Integer instructions, near branches, the stack. */
#include "translator/xlate.h"

/* Does the form have an operand of the operand size, so that 66 selects it? */
static bool sized(const struct xlate *x)
{
	const struct row *r = x->row;
	return !(r->flags & ROW_KEEP66) && (r->reg == 'v' || r->rm == 'v' || r->size == 'v' ||
	                                    r->size == 'e' || r->size == 's');
}

void x_plain(struct xlate *x)
{
	struct emit *e = &x->e;
	const struct insn *i = &x->i;
	uint8_t op = i->opcode;
	bool wide = i->map == 0 &&
	            ((op < 0x40 && (op & 7) == 5) || op == 0x98 || op == 0x99 || op == 0xa9);

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

/* Any ModRM form that means the same in 64-bit mode.  LOCK is dropped: one
 * thread runs all of the guest, and is interrupted at instruction boundaries. */
void x_modrm(struct xlate *x)
{
	struct enc n = enc_of(x);

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

/* 40-4F: REX in 64-bit mode; B8-BF. */
void x_incdec(struct xlate *x)
{
	const struct insn *i = &x->i;
	uint8_t r = host_gpr(i->opcode & 7);

	if (i->opcode >= 0xb8 && i->opsize == 4) {
		emit_mov_imm(&x->e, r, i->imm);
		return;
	}
	struct enc n = {.opcode = 0xff, .reg = i->opcode >= 0x48, .rm = r, .p66 = i->opsize == 2};
	if (i->opcode >= 0xb8) {
		n.opcode = 0xc7;
		n.reg = 0;
		n.imm_size = 2;
		n.imm = i->imm;
	}
	emit_enc(&x->e, &n);
}

void x_push_reg(struct xlate *x)
{
	xl_push(x, host_gpr(x->i.opcode & 7), x->i.opsize);
}

void x_push_imm(struct xlate *x)
{
	uint32_t imm = x->i.opcode == 0x6a ? (uint32_t)(int8_t)x->i.imm : x->i.imm;
	xl_push_imm(x, imm, x->i.opsize);
}

static void load_slot(struct emit *e, uint8_t dst, struct memop m, unsigned size)
{
	if (size == 4)
		emit_load32(e, dst, m);
	else
		emit_load16(e, dst, m);
}

/* dst = the stack's top, ESP past it.  SDM vol. 2, POP. */
static void pop_to(struct xlate *x, uint8_t dst, unsigned size)
{
	struct emit *e = &x->e;
	struct memop m = xl_stack(x, R12, 0, size, 'r');
	if (dst == R12) {
		load_slot(e, R11, m, size);
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
		load_slot(e, R11, m, size);
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
	load_slot(&x->e, R11, m, size);
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
	xl_callout(x, CO_POP_SREG, x->i.opsize, s, 0);
}

void x_mov_from_sreg(struct xlate *x)
{
	if (x->i.reg > SREG_GS) {
		xl_trap(x, VEC_UD, false);
		return;
	}
	emit_load16(&x->e, R11, vcpu_selector(x->i.reg));
	if (insn_is_mem(&x->i)) {
		struct memop m = xl_operand(x);
		emit_store(&x->e, m, R11, 2);
		xl_post(x);
	} else if (x->i.opsize == 4) {
		emit_mov32(&x->e, host_gpr(x->i.rm), R11);
	} else {
		emit_mov16(&x->e, host_gpr(x->i.rm), R11);
	}
}

/* --- branches --- */

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
	return x->mode & MODE_CSBASED && target > x->req->mode.cs_limit;
}

/* The same for a target that only running tells: it is in r, which is not r8 to r10. */
static void check_cs(struct xlate *x, uint8_t r)
{
	if (!(x->mode & MODE_CSBASED))
		return;
	emit_mov32(&x->e, R10, r);
	xl_callout(x, CO_CSLIMIT, 4, 0, 0);
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
	xl_push_imm(x, return_eip(x), x->i.opsize);
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
	if (x->mode & MODE_CSBASED) {
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
	xl_push_imm(x, return_eip(x), x->i.opsize);
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
	bool fast = x->mode & MODE_STACK32 && !(x->mode & MODE_CSBASED);
	struct memop m = xl_stack(x, R12, 0, size, 'r');
	uint8_t r = fast ? R8 : R11;

	load_slot(e, r, m, size);
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

/* --- others --- */

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
	    (x->i.adsize == 4 && !x->site && mode_class(x->mode, seg) != CLASS_CHECKED)) {
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

/* SDM vol. 2, ENTER. */
void x_enter(struct xlate *x)
{
	struct emit *e = &x->e;
	uint32_t frame = x->i.imm & 0xffff;
	bool flat = mode_class(x->mode, SREG_SS) == CLASS_FLAT && x->mode & MODE_STACK32;

	if ((x->i.imm2 & 31) || !flat || x->i.opsize != 4 || x->site) {
		emit_mov_imm(e, R10, frame);
		xl_callout(x, CO_ENTER, x->i.opsize, 0, x->i.imm2 & 31);
		return;
	}
	int32_t top = -4 - (int32_t)frame;
	struct enc not = {.opcode = 0xf7, .reg = 2, .mem = true, .m = mem_gs(R12, top)};
	emit_store(e, mem_gs(R12, -4), RBP, 4);
	/* A write at the new top must be possible: NOT, twice, leaves all as it was. */
	emit_enc(e, &not );
	emit_enc(e, &not );
	emit_lea32(e, RBP, mem_host(R12, -4));
	emit_lea32(e, R12, mem_host(R12, top));
}

void x_leave(struct xlate *x)
{
	struct emit *e = &x->e;
	unsigned size = x->i.opsize;
	struct memop m = xl_stack(x, RBP, 0, size, 'r');

	load_slot(e, R11, m, size);
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
	xl_callout(x, CO_ARPL, 2, reg ? 0 : xl_seg(x), x->i.reg | x->i.rm << 3 | reg << 6);
}
