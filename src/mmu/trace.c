/* Traced pages: no window maps them writable. */
#include "mmu/mmu_internal.h"

/* Sets a reason to trace the page: no window maps it writable afterwards.  That
 * the reason is gone is noticed at the next write fault. */
static void trace_page(struct mmu *m, uint32_t page, uint8_t reason)
{
	m->page_flags[page] |= reason;
	while (m->rmap_head[page]) {
		uint32_t where = m->rmap_head[page] - 1;
		shadow_protect(m, &m->win[where >> 20], where & 0xfffff);
	}
}

void trace_table(struct mmu *m, uint32_t page)
{
	if (!(m->page_flags[page] & PAGE_TABLE))
		trace_page(m, page, PAGE_TABLE);
}

void mmu_trace_code(struct mmu *m, uint32_t page, bool on)
{
	if (on)
		trace_page(m, page, PAGE_CODE);
	else
		m->page_flags[page] &= ~PAGE_CODE;
}

bool mmu_is_code(const struct mmu *m, uint32_t page)
{
	return page != NO_PAGE && (m->page_flags[page] & PAGE_CODE);
}

bool mmu_is_table(const struct mmu *m, uint32_t page)
{
	return page != NO_PAGE && (m->page_flags[page] & PAGE_TABLE);
}

void mmu_log_take(struct mmu *m, uint32_t first, uint32_t n, uint8_t *stored)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t bit = 1 << (i & 7);
		bool clean = m->page_flags[first + i] & PAGE_CLEAN;
		stored[i / 8] = clean ? stored[i / 8] & ~bit : stored[i / 8] | bit;
		if (!clean)
			trace_page(m, first + i, PAGE_CLEAN);
	}
}

void mmu_log_end(struct mmu *m, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		m->page_flags[first + i] &= ~PAGE_CLEAN;
}
