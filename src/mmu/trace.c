/* Traced pages: no window maps them writable. */
#include "mmu/mmu_internal.h"

/* Sets a reason to trace the page: no window maps it writable afterwards.  That
 * the reason is gone is noticed at the next write fault. */
static void trace_page(struct mmu *m, uint32_t gfn, uint8_t reason)
{
	m->page_flags[gfn] |= reason;
	while (m->rmap_head[gfn]) {
		uint32_t where = m->rmap_head[gfn] - 1;
		shadow_protect(m, &m->win[where >> 20], where & 0xfffff);
	}
}

void trace_table(struct mmu *m, uint32_t gfn)
{
	if (!(m->page_flags[gfn] & PAGE_TABLE))
		trace_page(m, gfn, PAGE_TABLE);
}

void mmu_trace_code(struct mmu *m, uint32_t gfn, bool on)
{
	if (!mmu_is_ram(m, gfn))
		return;
	if (on)
		trace_page(m, gfn, PAGE_CODE);
	else
		m->page_flags[gfn] &= ~PAGE_CODE;
}

bool mmu_is_code(const struct mmu *m, uint32_t gfn)
{
	return mmu_is_ram(m, gfn) && (m->page_flags[gfn] & PAGE_CODE);
}

bool mmu_is_table(const struct mmu *m, uint32_t gfn)
{
	return mmu_is_ram(m, gfn) && (m->page_flags[gfn] & PAGE_TABLE);
}
