/* The books against each other, the guest's tables and /proc/self/maps. */
#include "mmu/mmu_internal.h"

/* What the host has in each window. */
struct seen {
	struct mmu *m;
	struct {
		unsigned vmas;
		uint32_t pages;
	} in[MAX_WINDOWS];
};

static void check_mapping(void *ctx, const struct host_mapping *h)
{
	struct seen *s = ctx;
	if (h->held)
		return;
	uint64_t slot = (uint64_t)(h->start - s->m->area) / WINDOW_STRIDE;
	CHECK(h->start >= s->m->area && slot < MAX_WINDOWS);
	struct win *w = &s->m->win[slot];
	CHECK(w->live && h->end <= w->pub.base + WINDOW_SIZE);
	s->in[slot].vmas++;
	for (uint8_t *p = h->start; p < h->end; p += PAGE_SIZE) {
		uint32_t vpn = (uint32_t)((uint64_t)(p - w->pub.base) >> PAGE_SHIFT);
		uint32_t e = shadow_get(s->m, w, vpn);
		uint64_t offset = h->offset + (uint64_t)(p - h->start);
		CHECK(e & SH_MAPPED);
		CHECK(h->write == !!(e & (SH_WRITE | SH_UFFD)));
		CHECK(offset >> PAGE_SHIFT == (e & SH_HOLE ? s->m->hole : e >> PAGE_SHIFT));
		s->in[slot].pages++;
	}
}

static bool rmap_has(struct mmu *m, uint32_t page, const struct win *w, uint32_t vpn)
{
	for (uint32_t n = m->rmap_head[page]; n; n = rmap_at(m, n)->next)
		if (n == ((uint32_t)w->slot << 20 | vpn) + 1)
			return true;
	return false;
}

static bool links_have(struct mmu *m, uint32_t page, uint32_t link, unsigned who, unsigned level,
                       uint32_t where)
{
	const struct link *l = &m->link[link];
	for (uint32_t n = m->link_head[page]; n; n = m->link[n].next)
		if (n == link)
			return l->page == page && l->who == who && l->level == level &&
			       l->where == where;
	return false;
}

static void check_half(struct mmu *m, struct win *w, uint32_t vpn, uint32_t *links)
{
	const struct half *h = half_at(m, w, vpn);
	if (h->link) {
		uint32_t table = map_at(m, pde_table(w->mode, h->pde) >> PAGE_SHIFT) >> PAGE_SHIFT;
		CHECK(links_have(m, table, h->link, w->slot, 1, vpn));
		CHECK(m->page_flags[table] & PAGE_TABLE);
		++*links;
	}
	if (w->pub.kind != WINDOW_KERNEL)
		return;
	uint64_t top = w->top[top_index(w, vpn)];
	CHECK(!h->pde || top == top_key(h->pde));
	CHECK(vpn >= split_vpn(w) || !top);
}

static void check_entry(struct mmu *m, struct win *w, uint32_t vpn, uint32_t *writable,
                        uint32_t *pages)
{
	uint32_t e = shadow_get(m, w, vpn);
	if (!e)
		return;
	CHECK(e & (SH_MAPPED | SH_EXEC));
	CHECK(half_at(m, w, vpn)->pde);
	*pages += e & SH_MAPPED;
	if (e & SH_WRITE) {
		CHECK((e & SH_MAPPED) && !(e & SH_HOLE));
		CHECK(!(m->page_flags[e >> PAGE_SHIFT] & PAGE_HELD));
		CHECK(rmap_has(m, e >> PAGE_SHIFT, w, vpn));
		++*writable;
	}
	if (e & SH_MAPPED && w->watch_gen == m->watch_gen) {
		CHECK(watch_permits(m, vpn, false));
		CHECK(!(e & SH_WRITE) || watch_permits(m, vpn, true));
	}
	if (e & SH_UFFD)
		CHECK((e & (SH_MAPPED | SH_WRITE)) == SH_MAPPED && half_at(m, w, vpn)->uffd);
	if (!(e & SH_QUEUED) && !half_at(m, w, vpn)->queued) {
		uint32_t limit = shadow_limit(m, w, vpn);
		CHECK(!((e ^ limit) & (SH_PAGE | SH_HOLE)));
		CHECK(!(e & ~limit & (SH_MAPPED | SH_WRITE | SH_EXEC)));
	}
}

static void check_window(struct mmu *m, struct win *w, const struct seen *seen, uint32_t *writable,
                         uint32_t *links, uint32_t *blocks)
{
	uint32_t pages = 0, entries = 0;
	for (uint32_t vpn = 0; vpn < 1 << 20; vpn += 1024) {
		if (!w->dir[vpn >> 10])
			continue;
		++*blocks;
		for (uint32_t i = 0; i < 1024; i += half_pages(w))
			check_half(m, w, vpn + i, links);
		for (uint32_t i = 0; i < 1024; i++) {
			entries += !!shadow_get(m, w, vpn + i);
			check_entry(m, w, vpn + i, writable, &pages);
		}
	}
	CHECK(seen->in[w->slot].pages == pages);
	CHECK(w->entries == entries);
	CHECK(seen->in[w->slot].vmas == w->vmas);
}

void mmu_check(struct mmu *m)
{
	uint32_t writable = 0, links = 0, blocks = 0, rmaps = 0;
	unsigned vmas = 0, live = 0;
	struct seen seen = {.m = m};
	CHECK(!host_mem_each(m->area - WINDOW_SIZE, m->area + MAX_WINDOWS * WINDOW_STRIDE,
	                     check_mapping, &seen));
	for (unsigned i = 0; i < MAX_WINDOWS; i++) {
		struct win *w = &m->win[i];
		if (!w->live)
			continue;
		live++;
		vmas += w->vmas;
		check_window(m, w, &seen, &writable, &links, &blocks);
	}
	CHECK(live + m->slots_free == MAX_WINDOWS);
	CHECK(vmas == m->vmas);
	CHECK(blocks == m->block_count);
	for (unsigned i = 0; i < MAX_ROOTS; i++) {
		struct root *r = &m->root[i];
		for (unsigned d = 0; r->live && d < (r->mode & PAGING_PAE ? 4 : 1); d++) {
			uint32_t here = r->pd[d] == NO_GFN ? 0 : map_at(m, r->pd[d]);
			if (!(here & MAP_MEMORY))
				continue;
			CHECK(links_have(m, here >> PAGE_SHIFT, r->link[d], i, 2, d));
			links++;
		}
	}
	for (uint32_t page = 0; page < m->n_pages; page++) {
		CHECK(!(m->page_flags[page] & PAGE_TABLE) == !m->link_head[page]);
		for (uint32_t n = m->rmap_head[page], prev = 0; n; n = rmap_at(m, n)->next) {
			CHECK(rmap_at(m, n)->prev == prev);
			prev = n;
			rmaps++;
		}
		for (uint32_t n = m->link_head[page], prev = 0; n; n = m->link[n].next) {
			CHECK(m->link[n].prev == prev);
			prev = n;
			links--;
		}
	}
	CHECK(links == 0);
	CHECK(rmaps == writable);
}

void mmu_each(struct mmu *m, const struct mmu_each *each)
{
	for (unsigned i = 0; i < MAX_WINDOWS; i++) {
		struct win *w = &m->win[i];
		if (!w->live)
			continue;
		each->window(each->ctx, &w->pub);
		for (uint32_t vpn = 0; vpn < 1 << 20; vpn++) {
			if (!w->dir[vpn >> 10]) {
				vpn |= 1023;
				continue;
			}
			uint32_t e = shadow_get(m, w, vpn);
			if (e & SH_EXEC)
				each->exec(each->ctx, &w->pub, vpn, e >> PAGE_SHIFT);
		}
	}
}
