/* Segment, table, control, debug and model-specific registers; ports, HLT, CLI and STI. */
#include "translator/xlate.h"

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

void x_hlt(struct xlate *x)
{
	xl_callout(x, CO_HLT, 4, 0, 0);
}

void x_cli(struct xlate *x)
{
	if (x->mode & MODE_IF)
		emit_store_imm(&x->e, VCPU(if_flag), 0, 4);
	else
		xl_callout(x, CO_CLI, 4, 0, 0);
}

void x_sti(struct xlate *x)
{
	if (!(x->mode & MODE_IF)) {
		xl_callout(x, CO_STI, 4, 0, 0);
		return;
	}
	emit_store_imm(&x->e, VCPU(if_flag), FLAG_IF, 4);
	xl_pending(x, true);
	x->shadow = true;
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

void x_mov_to_sreg(struct xlate *x)
{
	if (x->i.reg == SREG_CS || x->i.reg > SREG_GS) {
		xl_trap(x, VEC_UD, false);
		return;
	}
	xl_load_rm16(x, R10);
	if (xl_loads_inline(x))
		xl_segment_load(x, x->i.reg);
	else
		xl_callout(x, CO_MOV_SREG, 2, x->i.reg, 0);
}

void x_load_far(struct xlate *x)
{
	unsigned s = SREG_SS;
	if (x->i.map == 0)
		s = x->i.opcode == 0xc4 ? SREG_ES : SREG_DS;
	else if (x->i.opcode != 0xb2)
		s = x->i.opcode == 0xb4 ? SREG_FS : SREG_GS;
	if (xl_loads_inline(x) && !x->site) {
		unsigned size = x->i.opsize;
		struct memop m = xl_mem(x, xl_ea(x, 0), xl_seg(x), size + 2, 'r');
		xl_load_slot(&x->e, R11, m, size);
		m.disp += (int32_t)size;
		emit_load16(&x->e, R10, m);
		xl_segment_load(x, s);
		if (size == 4)
			emit_mov32(&x->e, host_gpr(x->i.reg), R11);
		else
			emit_mov16(&x->e, host_gpr(x->i.reg), R11);
		return;
	}
	xl_ea_r10(x);
	xl_callout(x, CO_LOAD_FAR, x->i.opsize, xl_seg(x), pair_pack(s, x->i.reg));
}

void x_table_reg(struct xlate *x)
{
	static const uint8_t co[4] = {CO_SGDT, CO_SIDT, CO_LGDT, CO_LIDT};
	xl_ea_r10(x);
	xl_callout(x, co[x->i.reg], x->i.opsize, xl_seg(x), 0);
}

void x_task_reg(struct xlate *x)
{
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
	xl_callout(x, to ? CO_MOV_CR_R : CO_MOV_R_CR, 4, 0, pair_pack(cr, x->i.rm));
}

void x_mov_dr(struct xlate *x)
{
	bool to = x->i.opcode & 2;
	if (to)
		emit_mov32(&x->e, R10, host_gpr(x->i.rm));
	xl_callout(x, to ? CO_MOV_DR_R : CO_MOV_R_DR, 4, 0, pair_pack(x->i.reg, x->i.rm));
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
	emit_load64(e, RDX, VCPU(native.tsc_minus));
	emit_lea64(e, RAX, (struct memop){.base = RAX, .index = RDX});
	emit_store64(e, VCPU(native.tsc_read), RAX);
	emit_shrx(e, RDX, RAX, R8, true);
	emit_mov32(e, RAX, RAX);
}

void x_cpuid(struct xlate *x)
{
	xl_callout(x, CO_CPUID, 4, 0, 0);
}

void x_lar(struct xlate *x)
{
	xl_load_rm16(x, R10);
	xl_callout(x, x->i.opcode == 2 ? CO_LAR : CO_LSL, x->i.opsize, 0, x->i.reg);
}

void x_verr(struct xlate *x)
{
	xl_load_rm16(x, R10);
	xl_callout(x, x->i.reg == 4 ? CO_VERR : CO_VERW, 2, 0, 0);
}
