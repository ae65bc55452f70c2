/* System instructions, strings, ports, flags, x87. */
#include "translator/xlate.h"

/* --- strings --- */

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

/* Makes a string register a host pointer. */
static void string_pointer(struct xlate *x, uint8_t r)
{
	struct emit *e = &x->e;
	if (!(x->site & SITE_BY_GIB)) {
		emit_lea64(e, r, (struct memop){.base = r, .index = R14});
		return;
	}
	emit_mov_imm(e, R10, 30);
	emit_shrx(e, R9, r, R10, false);
	struct memop bases = VCPU(base_by_gib);
	bases.index = R9;
	bases.scale = 3;
	emit_load64(e, R9, bases);
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
	if (m.gs)
		emit_lea64(e, RDI, (struct memop){.base = RDI, .index = R14});
	else
		emit_lea64(e, RDI, m);
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

/* --- ports --- */

void x_port(struct xlate *x)
{
	struct emit *e = &x->e;
	uint8_t op = x->i.opcode;

	if (op & 8)
		emit_movzx16(e, R10, RDX);
	else
		emit_mov_imm(e, R10, x->i.imm & 0xff);
	xl_callout(x, op & 2 ? CO_OUT : CO_IN, op & 1 ? x->i.opsize : 1, 0, 0);
}

/* --- interrupts and far transfers --- */

void x_int_n(struct xlate *x)
{
	xl_callout_end(x, CO_INT, 4, 0, x->i.imm & 0xff);
}

void x_int3(struct xlate *x)
{
	xl_callout_end(x, CO_INT3, 4, 0, 0);
}

void x_int1(struct xlate *x)
{
	xl_callout_end(x, CO_INT1, 4, 0, 0);
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

void x_iret(struct xlate *x)
{
	xl_callout_end(x, CO_IRET, x->i.opsize, 0, 0);
}

/* r10 = offset | selector << 32. */
static void far_pointer(struct xlate *x)
{
	struct emit *e = &x->e;
	emit8(e, 0x49);
	emit8(e, 0xba);
	emit32(e, x->i.opsize == 2 ? x->i.imm & 0xffff : x->i.imm);
	emit32(e, x->i.imm2 & 0xffff);
}

void x_jmp_far(struct xlate *x)
{
	far_pointer(x);
	xl_callout_end(x, CO_FAR_JMP, x->i.opsize, 0, 0);
}

void x_call_far(struct xlate *x)
{
	far_pointer(x);
	xl_callout_end(x, CO_FAR_CALL, x->i.opsize, 0, 0);
}

void x_jmp_far_mem(struct xlate *x)
{
	xl_ea_r10(x);
	xl_callout_end(x, CO_FAR_JMP_MEM, x->i.opsize, xl_seg(x), 0);
}

void x_call_far_mem(struct xlate *x)
{
	xl_ea_r10(x);
	xl_callout_end(x, CO_FAR_CALL_MEM, x->i.opsize, xl_seg(x), 0);
}

void x_ret_far(struct xlate *x)
{
	emit_mov_imm(&x->e, R10, x->i.opcode == 0xca ? x->i.imm & 0xffff : 0);
	xl_callout_end(x, CO_RETF, x->i.opsize, 0, 0);
}

void x_sysenter(struct xlate *x)
{
	xl_callout_end(x, CO_SYSENTER, 4, 0, 0);
}

void x_sysexit(struct xlate *x)
{
	xl_callout_end(x, CO_SYSEXIT, 4, 0, 0);
}

void x_hlt(struct xlate *x)
{
	xl_callout_end(x, CO_HLT, 4, 0, 0);
}

/* --- flags --- */

void x_cli(struct xlate *x)
{
	if (x->mode & MODE_IO)
		emit_store_imm(&x->e, VCPU(if_flag), 0, 4);
	else
		xl_callout(x, CO_CLI, 4, 0, 0);
}

void x_sti(struct xlate *x)
{
	if (!(x->mode & MODE_IO)) {
		xl_callout(x, CO_STI, 4, 0, 0);
		return;
	}
	emit_store_imm(&x->e, VCPU(if_flag), FLAG_IF, 4);
	xl_pending(x, true);
}

/* The guest's image is the host's, less the host's IF, plus the virtual flags:
 * sums of disjoint bits, so that LEA serves for OR. */
void x_pushf(struct xlate *x)
{
	struct emit *e = &x->e;
	if (x->mode & (MODE_VM | MODE_AC)) {
		xl_callout(x, CO_PUSHF, x->i.opsize, 0, 0);
		return;
	}
	emit8(e, 0x9c);
	emit8(e, 0x41); /* POP r11 */
	emit8(e, 0x5b);
	emit_load32(e, R10, VCPU(vflags));
	emit_lea32(e, R11, (struct memop){.base = R11, .index = R10, .disp = -FLAG_IF});
	emit_load32(e, R10, VCPU(if_flag));
	emit_lea32(e, R11, (struct memop){.base = R11, .index = R10});
	xl_push(x, R11, x->i.opsize);
}

static void alu_imm(struct emit *e, uint8_t ext, uint8_t reg, uint32_t imm)
{
	emit_enc(e,
	         &(struct enc){.opcode = 0x81, .reg = ext, .rm = reg, .imm = imm, .imm_size = 4});
}

void x_popf(struct xlate *x)
{
	struct emit *e = &x->e;
	if (x->mode & (MODE_VM | MODE_AC) || x->i.opsize == 2 || x->req->single) {
		xl_callout(x, CO_POPF, x->i.opsize, 0, 0);
		return;
	}
	struct memop m = xl_stack(x, R12, 0, 4, 'r');
	emit_load32(e, R11, m);
	/* Once the load has not faulted the old flags are dead. */
	emit_mov32(e, R9, R11);
	emit_enc(e, &(struct enc){.opcode = 0x33, .reg = R9, .mem = true, .m = VCPU(vflags)});
	alu_imm(e, 4, R9, FLAG_TF | FLAG_IOPL | FLAG_NT | FLAG_AC | FLAG_ID);
	emit8(e, 0x74); /* JZ: no virtual flag changes */
	unsigned same = emit_here(e);
	emit8(e, 0);
	xl_callout(x, CO_POPF, 4, 0, 0);
	unsigned done = emit_jmp8(e);
	emit_patch8(e, same);
	if (x->mode & MODE_IO) {
		emit_mov32(e, R9, R11);
		alu_imm(e, 4, R9, FLAG_IF);
		emit_store(e, VCPU(if_flag), R9, 4);
	}
	alu_imm(e, 4, R11, FLAGS_NATIVE);
	alu_imm(e, 1, R11, FLAG_IF | FLAG_1);
	emit8(e, 0x41); /* PUSH r11 */
	emit8(e, 0x53);
	emit8(e, 0x9d);
	xl_stack_adjust(x, 4);
	if (x->mode & MODE_IO)
		xl_pending(x, false);
	emit_patch8(e, done);
}

/* --- system registers --- */

void x_mov_to_sreg(struct xlate *x)
{
	if (x->i.reg == SREG_CS || x->i.reg > SREG_GS) {
		xl_trap(x, VEC_UD, false);
		return;
	}
	xl_load_rm16(x, R10);
	xl_callout(x, CO_MOV_SREG, 2, x->i.reg, 0);
}

void x_load_far(struct xlate *x)
{
	unsigned s = SREG_SS;
	if (x->i.map == 0)
		s = x->i.opcode == 0xc4 ? SREG_ES : SREG_DS;
	else if (x->i.opcode != 0xb2)
		s = x->i.opcode == 0xb4 ? SREG_FS : SREG_GS;
	xl_ea_r10(x);
	xl_callout(x, CO_LOAD_FAR, x->i.opsize, xl_seg(x), s | x->i.reg << 3);
}

void x_table_reg(struct xlate *x)
{
	static const uint8_t co[4] = {CO_SGDT, CO_SIDT, CO_LGDT, CO_LIDT};
	xl_ea_r10(x);
	xl_callout(x, co[x->i.reg], x->i.opsize, xl_seg(x), 0);
}

void x_task_reg(struct xlate *x)
{
	if (mode_cpl(x->mode)) {
		xl_trap(x, VEC_GP, true);
		return;
	}
	xl_load_rm16(x, R10);
	xl_callout(x, x->i.reg == 2 ? CO_LLDT : CO_LTR, 2, 0, 0);
}

void x_store_sys(struct xlate *x)
{
	bool mem = insn_is_mem(&x->i);
	enum callout co = x->i.opcode == 1 ? (mem ? CO_SMSW_MEM : CO_SMSW_REG)
	                  : x->i.reg == 0  ? (mem ? CO_SLDT_MEM : CO_SLDT_REG)
	                                   : (mem ? CO_STR_MEM : CO_STR_REG);
	if (mem)
		xl_ea_r10(x);
	xl_callout(x, co, x->i.opsize, mem ? xl_seg(x) : 0, x->i.rm);
}

void x_lmsw(struct xlate *x)
{
	if (mode_cpl(x->mode)) {
		xl_trap(x, VEC_GP, true);
		return;
	}
	xl_load_rm16(x, R10);
	xl_callout(x, CO_LMSW, 2, 0, 0);
}

void x_clts(struct xlate *x)
{
	xl_callout(x, CO_CLTS, 4, 0, 0);
}

void x_mov_cr(struct xlate *x)
{
	unsigned cr = x->i.reg;
	if (cr == 1 || cr > 4) {
		xl_trap(x, VEC_UD, false);
		return;
	}
	bool to = x->i.opcode & 2;
	if (to)
		emit_mov32(&x->e, R10, host_gpr(x->i.rm));
	xl_callout(x, to ? CO_MOV_CR_R : CO_MOV_R_CR, 4, 0, cr | x->i.rm << 3);
}

void x_mov_dr(struct xlate *x)
{
	bool to = x->i.opcode & 2;
	if (to)
		emit_mov32(&x->e, R10, host_gpr(x->i.rm));
	xl_callout(x, to ? CO_MOV_DR_R : CO_MOV_R_DR, 4, 0, x->i.reg | x->i.rm << 3);
}

void x_invlpg(struct xlate *x)
{
	xl_ea_r10(x);
	xl_callout(x, CO_INVLPG, 4, xl_seg(x), 0);
}

void x_wbinvd(struct xlate *x)
{
	xl_callout(x, CO_WBINVD, 4, 0, 0);
}

void x_msr(struct xlate *x)
{
	xl_callout(x, x->i.opcode == 0x30 ? CO_WRMSR : CO_RDMSR, 4, 0, 0);
}

void x_rdpmc(struct xlate *x)
{
	xl_callout(x, CO_RDPMC, 4, 0, 0);
}

/* EDX:EAX = tsc_read = host TSC + tsc_minus, flags kept. */
void x_rdtsc(struct xlate *x)
{
	struct emit *e = &x->e;
	if (x->mode & MODE_TSD && mode_cpl(x->mode)) {
		xl_trap(x, VEC_GP, true);
		return;
	}
	if (x->mode & MODE_TSC_EXITS) {
		xl_callout(x, CO_RDTSC, 4, 0, 0);
		return;
	}
	emit8(e, 0x0f);
	emit8(e, 0x31);
	emit_mov_imm(e, R8, 32);
	emit_shlx(e, RDX, RDX, R8, true);
	emit_lea64(e, RAX, (struct memop){.base = RAX, .index = RDX});
	emit_load64(e, RDX, VCPU(tsc_minus));
	emit_lea64(e, RAX, (struct memop){.base = RAX, .index = RDX});
	emit_store64(e, VCPU(tsc_read), RAX);
	emit_shrx(e, RDX, RAX, R8, true);
	emit_mov32(e, RAX, RAX);
}

void x_cpuid(struct xlate *x)
{
	xl_callout(x, CO_CPUID, 4, 0, 0);
}

/* LAR, LSL, VERR, VERW do not exist in real and virtual-8086 mode. */
static bool no_protection(struct xlate *x)
{
	if (x->mode & MODE_PE && !(x->mode & MODE_VM))
		return false;
	xl_trap(x, VEC_UD, false);
	return true;
}

void x_lar(struct xlate *x)
{
	if (no_protection(x))
		return;
	xl_load_rm16(x, R10);
	xl_callout(x, x->i.opcode == 2 ? CO_LAR : CO_LSL, x->i.opsize, 0, x->i.reg);
}

void x_verr(struct xlate *x)
{
	if (no_protection(x))
		return;
	xl_load_rm16(x, R10);
	xl_callout(x, x->i.reg == 4 ? CO_VERR : CO_VERW, 2, 0, 0);
}

/* --- x87 --- */

/* Stored environments name the guest's instruction, not ours: done in C. */
void x_x87_env(struct xlate *x)
{
	xl_ea_r10(x);
	xl_callout(x,
	           x->row->size == 'f'   ? CO_FXSAVE
	           : x->row->size == 's' ? CO_FNSAVE
	                                 : CO_FNSTENV,
	           x->i.opsize, xl_seg(x), 0);
}

void x_wait(struct xlate *x)
{
	emit8(&x->e, 0x9b);
}

/* Register forms: what the opcode map lists (SDM vol. 2, A.5). */
static bool x87_reg_exists(uint8_t op, uint8_t modrm)
{
	unsigned ext = modrm >> 3 & 7, rm = modrm & 7;
	switch (op) {
	case 0xd9:
		if (ext == 2)
			return rm == 0;
		if (ext == 4)
			return rm == 0 || rm == 1 || rm == 4 || rm == 5;
		return ext != 5 || rm != 7;
	case 0xda:
		return ext < 4 || (ext == 5 && rm == 1);
	case 0xdb:
		return ext != 4 || rm < 5;
	case 0xdd:
		return ext < 6;
	case 0xde:
		return ext != 3 || rm == 1;
	case 0xdf:
		return ext != 4 || rm == 0;
	}
	return true;
}

void x_x87_reg(struct xlate *x)
{
	uint8_t modrm = 0xc0 | x->i.reg << 3 | x->i.rm;
	if (!x87_reg_exists(x->i.opcode, modrm)) {
		xl_trap(x, VEC_UD, false);
		return;
	}
	emit8(&x->e, x->i.opcode);
	emit8(&x->e, modrm);
}
