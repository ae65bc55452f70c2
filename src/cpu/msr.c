/* Model-specific registers.  SDM vol. 4, tables 2-2, 2-4, 2-45, 2-55, 2-56. */
#include "cpu/descriptor.h"

enum {
	MSR_P5_MC_ADDR = 0x0,
	MSR_P5_MC_TYPE = 0x1,
	MSR_TSC = 0x10,
	MSR_PLATFORM_ID = 0x17,
	MSR_APIC_BASE = 0x1b,
	MSR_EBL_CR_POWERON = 0x2a,
	MSR_BIOS_UPDT_TRIG = 0x79,
	MSR_BIOS_SIGN_ID = 0x8b,
	MSR_MTRRCAP = 0xfe,
	MSR_SYSENTER_CS = 0x174,
	MSR_SYSENTER_ESP = 0x175,
	MSR_SYSENTER_EIP = 0x176,
	MSR_MCG_CAP = 0x179,
	MSR_MCG_STATUS = 0x17a,
	MSR_MCG_CTL = 0x17b,
	MSR_MISC_ENABLE = 0x1a0,
	MSR_DEBUGCTL = 0x1d9,
	MSR_MTRR_VAR = 0x200, /* base and mask of eight */
	MSR_MTRR_VAR_LAST = 0x20f,
	MSR_MTRR_FIX64K = 0x250,
	MSR_MTRR_FIX16K = 0x258, /* two */
	MSR_MTRR_FIX4K = 0x268,  /* eight */
	MSR_PAT = 0x277,
	MSR_MTRR_DEF_TYPE = 0x2ff,
	MSR_MC0_CTL = 0x400, /* CTL, STATUS, ADDR, MISC of each bank */
	MSR_EFER = 0xc0000080,

	CPUID_MCA = 1 << 14,

	MTRRCAP = 1 << 10 | 1 << 8 | 8, /* WC, fixed ranges, eight variable ones */
	MTRR_DEF_BITS = 1 << 11 | 1 << 10 | 0xff,
	MTRR_VALID = 1 << 11,
	MCG_CTL_P = 1 << 8,
	MCG_STATUS_BITS = 7,
	DEBUGCTL_BITS = 0x7f,
};

static const uint64_t misc_enable_read_only = MISC_ENABLE_RESET & ~MISC_ENABLE_FAST_STRING;

static bool family_6_up(const struct cpu_model *m)
{
	return (m->signature >> 8 & 0xf) >= 6;
}

/* A Pentium's APIC stays where it is. */
static bool has_apic_base(const struct cpu_model *m)
{
	return m->edx1 & CPUID_APIC && family_6_up(m);
}

static uint64_t apic_base_reserved(const struct cpu_model *m)
{
	return -1ull << m->phys_bits | (PAGE_SIZE - 1 - APIC_BASE_ON - APIC_BASE_BOOTS);
}

static bool has_mca(const struct cpu_model *m)
{
	return m->edx1 & CPUID_MCA;
}

/* Pentium 4 and Bonnell; the P6 before them has none. */
static bool has_misc_enable(const struct cpu_model *m)
{
	return m->isa & ISA_SSE2;
}

static uint64_t *mtrr_fixed(struct vcpu *v, uint32_t msr)
{
	if (msr == MSR_MTRR_FIX64K)
		return &v->mtrr_fixed[0];
	if (msr - MSR_MTRR_FIX16K < 2)
		return &v->mtrr_fixed[1 + msr - MSR_MTRR_FIX16K];
	if (msr - MSR_MTRR_FIX4K < 8)
		return &v->mtrr_fixed[3 + msr - MSR_MTRR_FIX4K];
	return NULL;
}

/* UC, WC, WT, WP, WB; with the PAT also UC-.  SDM vol. 3, table 11-8 and 11-10. */
static bool memory_types_valid(uint64_t value, unsigned count, unsigned allowed)
{
	for (unsigned i = 0; i < count; i++, value >>= 8) {
		if ((value & 0xff) > 7 || !(allowed >> (value & 7) & 1))
			return false;
	}
	return true;
}

enum { TYPES_MTRR = 0x73, TYPES_PAT = 0xf3 };

static bool mtrr_var_valid(const struct cpu_model *m, uint32_t msr, uint64_t value)
{
	uint64_t reserved = -1ull << m->phys_bits;

	if (msr & 1)
		return !(value & (reserved | 0x7ff));
	return !(value & (reserved | 0xf00)) && memory_types_valid(value & 0xff, 1, TYPES_MTRR);
}

/* CTL is kept; nothing is ever logged, so that the rest is zero.  A write to it may
 * only clear.  SDM vol. 3, 15.3.2. */
static bool mc_bank(struct vcpu *v, uint32_t msr, uint64_t *value, bool write)
{
	uint32_t bank = (msr - MSR_MC0_CTL) / 4;

	if (!has_mca(v->model) || msr < MSR_MC0_CTL || bank >= v->model->mc_banks)
		return false;
	if (msr % 4 == 0) {
		if (write)
			v->mc_ctl[bank] = *value;
		else
			*value = v->mc_ctl[bank];
		return true;
	}
	if (write)
		return *value == 0;
	*value = 0;
	return true;
}

static bool msr_read(struct vcpu *v, uint32_t msr, uint64_t tsc, uint64_t *value)
{
	const struct cpu_model *m = v->model;
	const uint64_t *fixed;

	switch (msr) {
	case MSR_P5_MC_ADDR:
	case MSR_P5_MC_TYPE:
		*value = 0;
		return m->isa & ISA_MCE;
	case MSR_TSC:
		*value = tsc;
		return m->isa & ISA_TSC;
	case MSR_PLATFORM_ID:
		*value = (uint64_t)m->platform_id << 50;
		return family_6_up(m);
	case MSR_APIC_BASE:
		*value = v->apic_base;
		return has_apic_base(m);
	case MSR_EBL_CR_POWERON:
		*value = 0;
		return family_6_up(m);
	case MSR_BIOS_SIGN_ID:
		/* Zero asks for the revision, which CPUID puts there.  SDM vol. 3, 9.11.7.1. */
		*value = v->bios_sign_id ? v->bios_sign_id : (uint64_t)m->microcode << 32;
		return family_6_up(m);
	case MSR_MTRRCAP:
		*value = MTRRCAP;
		return m->isa & ISA_MTRR;
	case MSR_SYSENTER_CS:
		*value = v->sysenter_cs;
		return m->isa & ISA_SEP;
	case MSR_SYSENTER_ESP:
		*value = v->sysenter_esp;
		return m->isa & ISA_SEP;
	case MSR_SYSENTER_EIP:
		*value = v->sysenter_eip;
		return m->isa & ISA_SEP;
	case MSR_MCG_CAP:
		*value = MCG_CTL_P | m->mc_banks;
		return has_mca(m);
	case MSR_MCG_STATUS:
		*value = v->mcg_status;
		return has_mca(m);
	case MSR_MCG_CTL:
		*value = v->mcg_ctl;
		return has_mca(m);
	case MSR_MISC_ENABLE:
		*value = v->misc_enable;
		return has_misc_enable(m);
	case MSR_DEBUGCTL:
		*value = v->debugctl;
		return family_6_up(m);
	case MSR_PAT:
		*value = v->pat;
		return m->isa & ISA_PAT;
	case MSR_MTRR_DEF_TYPE:
		*value = v->mtrr_def_type;
		return m->isa & ISA_MTRR;
	case MSR_EFER:
		*value = v->efer;
		return m->isa & ISA_NX;
	default:
		break;
	}
	if (msr >= MSR_MTRR_VAR && msr <= MSR_MTRR_VAR_LAST) {
		*value = v->mtrr_var[msr - MSR_MTRR_VAR];
		return m->isa & ISA_MTRR;
	}
	fixed = mtrr_fixed(v, msr);
	if (fixed) {
		*value = *fixed;
		return m->isa & ISA_MTRR;
	}
	return mc_bank(v, msr, value, false);
}

static bool efer_write(struct vcpu *v, uint64_t value, struct trap *t)
{
	uint64_t old = v->efer;

	if (!(v->model->isa & ISA_NX) || (value & ~(uint64_t)EFER_NXE))
		return fail(t, VEC_GP, 0);
	v->efer = value;
	if (value == old || v->env.paging_load(v->env.ctx, false, t))
		return true;
	v->efer = old;
	return false;
}

static bool msr_write(struct vcpu *v, uint32_t msr, uint64_t tsc, uint64_t value)
{
	const struct cpu_model *m = v->model;
	uint64_t *fixed;

	switch (msr) {
	case MSR_P5_MC_ADDR:
	case MSR_P5_MC_TYPE:
		return (m->isa & ISA_MCE) && value == 0;
	case MSR_TSC:
		if (!(m->isa & ISA_TSC))
			return false;
		/* Before family 15 model 3 a write clears the upper half.  SDM vol. 3, 17.17. */
		if (!(m->isa & ISA_SSE3))
			value = (uint32_t)value;
		v->native.tsc_minus += (int64_t)(value - tsc);
		v->native.tsc_read = 0;
		return true;
	case MSR_APIC_BASE:
		if (!has_apic_base(m) || value & apic_base_reserved(m))
			return false;
		v->apic_base = value;
		v->env.apic_base(v->env.ctx, value);
		return true;
	case MSR_EBL_CR_POWERON:
		return family_6_up(m);
	case MSR_BIOS_UPDT_TRIG: /* an update that is not ours is refused in silence */
		return family_6_up(m);
	case MSR_BIOS_SIGN_ID:
		v->bios_sign_id = value;
		return family_6_up(m);
	case MSR_SYSENTER_CS:
		if (!(m->isa & ISA_SEP))
			return false;
		v->sysenter_cs = value;
		return true;
	case MSR_SYSENTER_ESP:
		if (!(m->isa & ISA_SEP))
			return false;
		v->sysenter_esp = value;
		return true;
	case MSR_SYSENTER_EIP:
		if (!(m->isa & ISA_SEP))
			return false;
		v->sysenter_eip = value;
		return true;
	case MSR_MCG_STATUS:
		if (!has_mca(m) || (value & ~(uint64_t)MCG_STATUS_BITS))
			return false;
		v->mcg_status = value;
		return true;
	case MSR_MCG_CTL:
		if (!has_mca(m) || (value != 0 && value != -1ull))
			return false;
		v->mcg_ctl = value;
		return true;
	case MSR_MISC_ENABLE:
		if (!has_misc_enable(m))
			return false;
		v->misc_enable = (value & ~misc_enable_read_only) | misc_enable_read_only;
		return true;
	case MSR_DEBUGCTL:
		if (!family_6_up(m) || (value & ~(uint64_t)DEBUGCTL_BITS))
			return false;
		v->debugctl = value;
		return true;
	case MSR_PAT:
		if (!(m->isa & ISA_PAT) || !memory_types_valid(value, 8, TYPES_PAT))
			return false;
		v->pat = value;
		return true;
	case MSR_MTRR_DEF_TYPE:
		if (!(m->isa & ISA_MTRR) || (value & ~(uint64_t)MTRR_DEF_BITS) ||
		    !memory_types_valid(value & 0xff, 1, TYPES_MTRR))
			return false;
		v->mtrr_def_type = value;
		return true;
	default:
		break;
	}
	if (msr >= MSR_MTRR_VAR && msr <= MSR_MTRR_VAR_LAST) {
		if (!(m->isa & ISA_MTRR) || !mtrr_var_valid(m, msr, value))
			return false;
		v->mtrr_var[msr - MSR_MTRR_VAR] = value;
		return true;
	}
	fixed = mtrr_fixed(v, msr);
	if (fixed) {
		if (!(m->isa & ISA_MTRR) || !memory_types_valid(value, 8, TYPES_MTRR))
			return false;
		*fixed = value;
		return true;
	}
	return mc_bank(v, msr, &value, true);
}

static bool msr_allowed(const struct vcpu *v, struct trap *t)
{
	if (!(v->model->isa & ISA_MSR))
		return fail_plain(t, VEC_UD);
	return cpu_need_cpl0(v, t);
}

bool cpu_rdmsr(struct vcpu *v, uint32_t msr, uint64_t tsc, uint64_t *value, struct trap *t)
{
	return msr_allowed(v, t) && (msr_read(v, msr, tsc, value) || fail(t, VEC_GP, 0));
}

bool cpu_wrmsr(struct vcpu *v, uint32_t msr, uint64_t tsc, uint64_t value, struct trap *t)
{
	if (!msr_allowed(v, t))
		return false;
	if (msr == MSR_EFER)
		return efer_write(v, value, t);
	return msr_write(v, msr, tsc, value) || fail(t, VEC_GP, 0);
}

bool cpu_rdpmc(struct vcpu *v, uint32_t index, struct trap *t)
{
	return fail(t, VEC_GP, 0);
}
