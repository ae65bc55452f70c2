/* Decimal arithmetic, BOUND, ARPL. */
#include "monitor/callouts.h"

enum { DAA = 0x27, DAS = 0x2f, AAA = 0x37, AAS = 0x3f, AAM = 0xd4, AAD = 0xd5 };

enum callout_result co_BCD(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	switch (CALLOUT_ARG(packed)) {
	case DAA:
		cpu_daa(v);
		break;
	case DAS:
		cpu_das(v);
		break;
	case AAA:
		cpu_aaa(v);
		break;
	case AAS:
		cpu_aas(v);
		break;
	case AAM:
		if (!cpu_aam(v, (uint8_t)operand, TRAP))
			return FAULTED;
		break;
	case AAD:
		cpu_aad(v, (uint8_t)operand);
		break;
	}
	return done(m, packed);
}

enum callout_result co_BOUND(struct monitor *m, uint32_t packed, uint64_t operand)
{
	bool ok = cpu_bound(m->v, m->v->gpr[CALLOUT_ARG(packed)], CALLOUT_SEG(packed),
	                    (uint32_t)operand, CALLOUT_SIZE(packed), TRAP);
	return ok ? done(m, packed) : FAULTED;
}

enum callout_result co_ARPL(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	struct callout_pair pair = pair_unpack(CALLOUT_ARG(packed));
	uint16_t src = (uint16_t)v->gpr[pair.reg];
	bool ok = CALLOUT_ARG(packed) & ARPL_REG
	                  ? cpu_arpl_register(v, pair.gpr, src, TRAP)
	                  : cpu_arpl_memory(v, CALLOUT_SEG(packed), (uint32_t)operand, src, TRAP);
	return ok ? done(m, packed) : FAULTED;
}
