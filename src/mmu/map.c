/* The physical map as it changes while the guest runs: what windows show of it goes.
 *
 * They are searched.  A list of all mappings of each page would be there for a search that seldom
 * comes, and be paid at each fill. */
#include "mmu/mmu_internal.h"

/* Page frames whose words in the map, now old, follow each other. */
struct change {
	uint32_t gfn, n, old;
};

/* Is it an entry for one of these page frames, or for another that shows the same page? */
static bool entry_changes(uint32_t e, const struct change *c)
{
	bool memory = c->old & MAP_MEMORY;
	uint32_t first = memory ? c->old >> PAGE_SHIFT : c->gfn;
	return e && !(e & SH_HOLE) == memory && (e >> PAGE_SHIFT) - first < c->n;
}

/* Entries [lo, lo + n) go. */
static void entries_revoke(struct mmu *m, struct win *w, uint32_t lo, uint32_t n)
{
	bool mapped = false;
	for (uint32_t vpn = lo; vpn < lo + n; vpn++) {
		mapped |= shadow_get(m, w, vpn) & SH_MAPPED;
		shadow_put(m, w, vpn, 0);
	}
	if (mapped)
		window_unmap(m, w, lo, n);
}

static void window_change(struct mmu *m, struct win *w, const struct change *c)
{
	for (uint32_t at = 0; at < 1 << 20; at += 1024) {
		if (!w->dir[at >> 10])
			continue;
		for (uint32_t lo = at, n; lo < at + 1024; lo += n + 1) {
			n = 0;
			while (lo + n < at + 1024 && entry_changes(shadow_get(m, w, lo + n), c))
				n++;
			if (n)
				entries_revoke(m, w, lo, n);
		}
	}
}

/* Is a table of the guest's where no memory is?  Nothing tells which. */
static bool tables_stray(struct mmu *m)
{
	for (unsigned i = 0; i < MAX_ROOTS; i++) {
		const struct root *r = &m->root[i];
		for (unsigned d = 0; r->live && d < (r->mode & PAGING_PAE ? 4 : 1); d++)
			if (r->pd[d] != NO_GFN && !r->link[d])
				return true;
	}
	for (unsigned i = 0; i < MAX_WINDOWS; i++) {
		struct win *w = &m->win[i];
		for (uint32_t vpn = 0; w->live && vpn < 1 << 20; vpn += half_pages(w)) {
			if (!w->dir[vpn >> 10]) {
				vpn |= 1023 & -half_pages(w);
				continue;
			}
			const struct half *h = half_at(m, w, vpn);
			if (w->pub.kind != WINDOW_PHYSICAL && h->pde && !h->link &&
			    !pde_is_large(w->mode, h->pde))
				return true;
		}
	}
	return false;
}

/* Tables of the guest's have moved: everything is derived anew. */
static void tables_moved(struct mmu *m)
{
	for (unsigned i = 0; i < MAX_WINDOWS; i++) {
		struct win *w = &m->win[i];
		if (!w->live || w->pub.kind == WINDOW_PHYSICAL)
			continue;
		for (uint32_t vpn = 0; vpn < 1 << 20; vpn += half_pages(w))
			half_revoke(m, w, vpn);
		w->gen++;
	}
	for (unsigned i = 0; i < MAX_ROOTS; i++)
		if (m->root[i].live)
			root_relink(m, &m->root[i]);
	tlb_flush(m);
}

static bool change_apply(struct mmu *m, const struct change *c)
{
	bool tables = false;
	for (uint32_t i = 0; c->old & MAP_MEMORY && i < c->n; i++)
		tables |= m->page_flags[(c->old >> PAGE_SHIFT) + i] & PAGE_TABLE;
	for (unsigned i = 0; i < MAX_WINDOWS; i++)
		if (m->win[i].live)
			window_change(m, &m->win[i], c);
	return tables;
}

void mmu_map(struct mmu *m, gpa_t base, uint64_t bytes, unsigned kind, uint32_t first)
{
	static const uint32_t bits[] = {
		[PHYS_NONE] = 0,
		[PHYS_RAM] = MAP_MEMORY | MAP_STORES,
		[PHYS_ROM] = MAP_MEMORY,
		[PHYS_DEVICE] = MAP_DEVICE,
		[PHYS_NONE | PHYS_BEHIND] = MAP_BEHIND,
		[PHYS_ROM | PHYS_BEHIND] = MAP_MEMORY | MAP_BEHIND,
	};
	uint32_t gfn = gpa_gfn(base), n = (uint32_t)(bytes >> PAGE_SHIFT);
	uint32_t new = bits[kind] | (bits[kind] & MAP_MEMORY ? first << PAGE_SHIFT : 0);
	uint32_t step = bits[kind] & MAP_MEMORY ? PAGE_SIZE : 0;
	bool tables = false;

	CHECK(!((base.v | bytes) & PAGE_MASK) && gfn + (uint64_t)n <= PHYS_FRAMES);
	for (uint32_t i = 0, run; i < n; i += run) {
		struct change c = {.gfn = gfn + i, .old = m->map[gfn + i]};
		uint32_t follows = c.old & MAP_MEMORY ? PAGE_SIZE : 0;
		run = 1;
		if (c.old == new + i * step)
			continue;
		do {
			m->map[gfn + i + c.n] = new + (i + c.n) * step;
			c.n++;
		} while (i + c.n < n && m->map[gfn + i + c.n] == c.old + c.n * follows &&
		         m->map[gfn + i + c.n] != new + (i + c.n) * step);
		run = c.n;
		tables |= change_apply(m, &c);
	}
	if (tables || tables_stray(m))
		tables_moved(m);
	tlb_flush(m);
	if (m->client.remapped)
		m->client.remapped(m->client.ctx);
}

void mmu_a20(struct mmu *m, bool on)
{
	uint32_t mask = on ? A20_ON : A20_OFF;
	if (mask == m->a20)
		return;
	m->a20 = mask;
	/* With paging off each state has a window of its own; but what was derived with it on, and
	 * translations that were looked up. */
	tables_moved(m);
	if (m->client.remapped)
		m->client.remapped(m->client.ctx);
}
