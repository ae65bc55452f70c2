/* The table of the instructions that are done in C, and what leads to them; co_*.c have their
 * functions, one each. */
#include "monitor/callouts.h"

enum callout_result co_TRAP(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return fault(m, CALLOUT_ARG(packed), CALLOUT_SIZE(packed));
}

enum callout_result co_PENDING(struct monitor *m, uint32_t packed, uint64_t operand)
{
	m->v->inhibit = CALLOUT_ARG(packed) ? SHADOW_STI : 0;
	return NEXT;
}

enum callout_result co_PRE(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return redirect_pre(m, packed, (uint32_t)operand);
}

enum callout_result co_POST(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return redirect_post(m);
}

enum callout_result co_SEGCHECK(struct monitor *m, uint32_t packed, uint64_t operand)
{
	unsigned arg = CALLOUT_ARG(packed);
	if (!cpu_seg_check(m->v, CALLOUT_SEG(packed), (uint32_t)operand, arg & 0x3ff, arg >> 10 & 1,
	                   TRAP))
		return FAULTED;
	site_served(m, SITE_CHECK, false);
	return RESUME_MID;
}

enum callout_result co_CSLIMIT(struct monitor *m, uint32_t packed, uint64_t operand)
{
	if ((uint32_t)operand > m->v->seg[SREG_CS].limit)
		return fault(m, VEC_GP, true);
	site_served(m, SITE_CHECK, false);
	return RESUME_MID;
}

enum callout_result co_STRING(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return string_run(m, packed);
}

static callout_fn *const table[] = {
#define CALLOUT(name) co_##name,
#include "translator/callouts.inc"
#undef CALLOUT
};

enum callout_result callout_run(struct monitor *m, uint32_t packed, uint64_t operand)
{
	m->callout_counts[CALLOUT_ID(packed)]++;
	stats.callouts++;
	return table[CALLOUT_ID(packed)](m, packed, operand);
}
