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
	struct callout_access a = access_unpack(CALLOUT_ARG(packed));
	if (!cpu_seg_check(m->v, CALLOUT_SEG(packed), (uint32_t)operand, a.size, a.write, TRAP))
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

enum callout_result co_STALE(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct tu *u = tcache_unit_at(m->cache, m->v->native.scratch[CELL_RESUME]);
	if (!u->dead)
		tcache_stale(m->cache, u);
	return NEXT;
}

static callout_fn *const table[] = {
#define CALLOUT(name, flow, faults, words) co_##name,
#include "abi/callouts.inc"
#undef CALLOUT
};

/* Is that what the callout's row promises?  The translator has relied on it. */
static bool promised(const struct callout_info *row, enum callout_result r)
{
	switch (r) {
	case RESUME:
		return row->flow == FLOW_AFTER;
	case RESUME_MID:
	case ALONE:
		return row->flow == FLOW_WITHIN;
	case NEXT:
		return row->flow != FLOW_WITHIN;
	case FAULTED:
		return row->faults;
	}
	return false;
}

enum callout_result callout_run(struct monitor *m, uint32_t packed, uint64_t operand)
{
	enum callout id = CALLOUT_ID(packed);
	m->callout_counts[id]++;
	stats.callouts++;
	enum callout_result r = table[id](m, packed, operand);
	if (m->cfg.paranoid)
		CHECK(promised(callout_info(id), r));
	return r;
}
