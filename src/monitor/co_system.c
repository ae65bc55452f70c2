/* Control, debug and model-specific registers, the TSC, CPUID. */
#include "monitor/callouts.h"

enum callout_result co_LMSW(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return cpu_lmsw(m->v, (uint16_t)operand, TRAP) ? done_dirty(m, packed) : FAULTED;
}

enum callout_result co_CLTS(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return cpu_clts(m->v, TRAP) ? done_dirty(m, packed) : FAULTED;
}

enum callout_result co_MOV_CR_R(struct monitor *m, uint32_t packed, uint64_t operand)
{
	unsigned cr = pair_unpack(CALLOUT_ARG(packed)).reg;
	if (!cpu_cr_write(m->v, cr, (uint32_t)operand, TRAP))
		return FAULTED;
	if (log_on(LOG_MMU))
		gate_log(m, "cr%u = %08x at %08x", cr, (uint32_t)operand, m->v->eip);
	return done_dirty(m, packed);
}

enum callout_result co_MOV_R_CR(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct callout_pair pair = pair_unpack(CALLOUT_ARG(packed));
	if (!cpu_cr_read(m->v, pair.reg, &m->v->gpr[pair.gpr], TRAP))
		return FAULTED;
	return done(m, packed);
}

enum callout_result co_MOV_DR_R(struct monitor *m, uint32_t packed, uint64_t operand)
{
	if (!cpu_dr_write(m->v, pair_unpack(CALLOUT_ARG(packed)).reg, (uint32_t)operand, TRAP))
		return FAULTED;
	return done_dirty(m, packed);
}

enum callout_result co_MOV_R_DR(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct callout_pair pair = pair_unpack(CALLOUT_ARG(packed));
	if (!cpu_dr_read(m->v, pair.reg, &m->v->gpr[pair.gpr], TRAP))
		return FAULTED;
	return done(m, packed);
}

enum callout_result co_INVLPG(struct monitor *m, uint32_t packed, uint64_t operand)
{
	mmu_invlpg(m->mmu, gla(m->v->seg[CALLOUT_SEG(packed)].base + (uint32_t)operand));
	return done(m, packed);
}

enum callout_result co_WBINVD(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return done(m, packed);
}

/* A signal may change tsc_minus at any time. */
static uint64_t guest_tsc(const struct vcpu *v)
{
	int64_t minus;
	uint64_t tsc;
	do {
		minus = __atomic_load_n(&v->native.tsc_minus, __ATOMIC_RELAXED);
		tsc = __builtin_ia32_rdtsc();
	} while (minus != __atomic_load_n(&v->native.tsc_minus, __ATOMIC_RELAXED));
	return tsc + (uint64_t)minus;
}

enum callout_result co_RDTSC(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	uint64_t tsc = gate_tsc(m) + (uint64_t)v->native.tsc_minus;
	v->native.tsc_read = tsc;
	v->gpr[EAX] = (uint32_t)tsc;
	v->gpr[EDX] = (uint32_t)(tsc >> 32);
	return tsc_mode_changed(m) ? done_dirty(m, packed) : done(m, packed);
}

enum callout_result co_RDMSR(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	uint64_t value, tsc = guest_tsc(v);
	if (!cpu_rdmsr(v, v->gpr[ECX], tsc, &value, TRAP))
		return FAULTED;
	if (value == tsc)
		v->native.tsc_read = tsc;
	v->gpr[EAX] = (uint32_t)value;
	v->gpr[EDX] = (uint32_t)(value >> 32);
	return done(m, packed);
}

enum callout_result co_WRMSR(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	if (!cpu_wrmsr(v, v->gpr[ECX], guest_tsc(v), (uint64_t)v->gpr[EDX] << 32 | v->gpr[EAX],
	               TRAP))
		return FAULTED;
	return done_dirty(m, packed);
}

enum callout_result co_RDPMC(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return cpu_rdpmc(m->v, m->v->gpr[ECX], TRAP) ? done(m, packed) : FAULTED;
}

enum callout_result co_CPUID(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	uint32_t out[4];
	cpu_cpuid(v, v->gpr[EAX], v->gpr[ECX], out);
	v->gpr[EAX] = out[0];
	v->gpr[EBX] = out[1];
	v->gpr[ECX] = out[2];
	v->gpr[EDX] = out[3];
	return done(m, packed);
}
