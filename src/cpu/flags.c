/* PUSHF, POPF, CLI and STI: what a privilege level may see and change of EFLAGS.  SDM vol. 2, their
 * pages and table 3-7; vol. 3, 20.2.7 and 20.3 for virtual-8086 mode. */
#include "cpu/v86.h"

bool cpu_pushf(struct vcpu *v, unsigned opsize, struct trap *t)
{
	struct stack s = stack_current(v, 0);
	uint32_t f = v86_flags(v) & ~(uint32_t)(FLAG_VM | FLAG_RF);

	if (v86_traps(v, opsize))
		return fail(t, VEC_GP, 0);
	stack_move(&s, -opsize);
	if (!operand_write(v, SREG_SS, s.sp & s.mask, &f, opsize, t))
		return false;
	v->gpr[ESP] = s.sp;
	return true;
}

/* The flags that POPF changes. */
static uint32_t popf_mask(const struct vcpu *v, unsigned opsize)
{
	uint32_t mask = FLAGS_NATIVE | FLAG_TF | FLAG_NT;

	if (vcpu_owns_if(v))
		mask |= FLAG_IF;
	if (v->cpl == 0)
		mask |= FLAG_IOPL;
	if (opsize == 4)
		mask |= FLAG_AC | FLAG_ID;
	return mask;
}

bool cpu_popf(struct vcpu *v, unsigned opsize, struct trap *t)
{
	struct stack s = stack_current(v, 0);
	uint32_t value = 0, mask = popf_mask(v, opsize);

	if (v86_traps(v, opsize))
		return fail(t, VEC_GP, 0);
	if (!operand_read(v, SREG_SS, s.sp & s.mask, &value, opsize, t) ||
	    !v86_flags_load(v, &value, &mask, t))
		return false;
	stack_move(&s, opsize);
	v->gpr[ESP] = s.sp;
	vcpu_eflags_set(v, (vcpu_eflags(v) & ~(mask | FLAG_RF)) | (value & mask));
	return true;
}

/* CLI and STI: IF, or VIF at CPL 3 with CR4.PVI, or with CR4.VME in virtual-8086 mode. */
static bool if_set(struct vcpu *v, bool on, struct trap *t)
{
	if (vcpu_owns_if(v)) {
		v->if_flag = on ? FLAG_IF : 0;
		return true;
	}
	if (!v86_virtual(v) || (on && v->vflags & FLAG_VIP))
		return fail(t, VEC_GP, 0);
	v->vflags = on ? v->vflags | FLAG_VIF : v->vflags & ~(uint32_t)FLAG_VIF;
	return true;
}

bool cpu_cli(struct vcpu *v, struct trap *t)
{
	return if_set(v, false, t);
}

bool cpu_sti(struct vcpu *v, struct trap *t)
{
	return if_set(v, true, t);
}
