/* ENTER, PUSHF, POPF. */
#include "monitor/callouts.h"

enum callout_result co_ENTER(struct monitor *m, uint32_t packed, uint64_t operand)
{
	bool ok =
		cpu_enter(m->v, CALLOUT_SIZE(packed), CALLOUT_ARG(packed), (uint16_t)operand, TRAP);
	return ok ? done(m, packed) : FAULTED;
}

enum callout_result co_PUSHF(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return cpu_pushf(m->v, CALLOUT_SIZE(packed), TRAP) ? done(m, packed) : FAULTED;
}

enum callout_result co_POPF(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return cpu_popf(m->v, CALLOUT_SIZE(packed), TRAP) ? done_dirty(m, packed) : FAULTED;
}
