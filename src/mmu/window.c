/* Windows: their shadow entries, the host mappings that follow them, faults. */
#include "mmu/mmu_internal.h"

/* Pages of FFh mapped per window; beyond, reads of holes go to the monitor. */
#define MAX_HOLES 256
/* How far a fault on a user page maps around itself. */
#define USER_AROUND 16
/* Splits of a half by tracing before it is registered with userfaultfd. */
#define WP_AFTER 8

/* What stays of the entry of a page that is executed when its mapping goes. */
#define ENTRY_UNMAPPED (SH_GFN | SH_EXEC | SH_HOLE | SH_QUEUED)

static bool is_traced(const struct mmu *m, uint32_t gfn)
{
	return m->page_flags[gfn] & PAGE_TRACED;
}

/* --- books --- */

/* An entry as the host's mapping shows it: a page protected by userfaultfd does
 * not split one. */
static uint32_t vma_bits(uint32_t e)
{
	return (e & (SH_GFN | SH_MAPPED | SH_HOLE)) | (e & (SH_WRITE | SH_WP) ? SH_WRITE : 0);
}

/* Does a host mapping begin at this page?  The kernel merges neighbours of equal
 * rights whose file offsets follow each other. */
static bool vma_starts(struct mmu *m, struct win *w, uint32_t vpn)
{
	uint32_t e = shadow_get(m, w, vpn);
	if (!(e & SH_MAPPED))
		return false;
	if (vpn == 0 || (e & SH_HOLE) ||
	    vma_bits(e) - vma_bits(shadow_get(m, w, vpn - 1)) != PAGE_SIZE)
		return true;
	return !(vpn & (half_pages(w) - 1)) && half_at(m, w, vpn)->wp != half_at(m, w, vpn - 1)->wp;
}

/* Mappings that begin at [lo, lo + n]; all but the last page are in one block. */
static unsigned vma_count(struct mmu *m, struct win *w, uint32_t lo, uint32_t n)
{
	unsigned count = vma_starts(m, w, lo);
	const uint32_t *e = shadow_at(m, w, lo);
	for (uint32_t i = 1; i < n; i++)
		count += (e[i] & SH_MAPPED) &&
		         ((e[i] & SH_HOLE) || vma_bits(e[i]) - vma_bits(e[i - 1]) != PAGE_SIZE);
	return count + (lo + n < 1 << 20 && vma_starts(m, w, lo + n));
}

static void vma_adjust(struct mmu *m, struct win *w, unsigned before, unsigned after)
{
	w->vmas += after - before;
	m->vmas += after - before;
}

/* Without the count of mappings. */
static void put(struct mmu *m, struct win *w, uint32_t vpn, uint32_t entry)
{
	uint32_t *e = shadow_at(m, w, vpn), old = *e;
	if ((old & SH_EXEC) && (!(entry & SH_EXEC) || ((old ^ entry) & SH_GFN)))
		m->client.exec_revoke(m->client.ctx, &w->pub, vpn, old >> PAGE_SHIFT);
	if ((old ^ entry) & (SH_GFN | SH_WRITE)) {
		if (old & SH_WRITE)
			rmap_remove(m, old >> PAGE_SHIFT, w, vpn);
		if (entry & SH_WRITE)
			rmap_add(m, entry >> PAGE_SHIFT, w, vpn);
	}
	if ((old & (SH_MAPPED | SH_HOLE)) == (SH_MAPPED | SH_HOLE))
		w->holes--;
	if ((entry & (SH_MAPPED | SH_HOLE)) == (SH_MAPPED | SH_HOLE))
		w->holes++;
	w->entries += !!entry - !!old;
	*e = entry;
}

void shadow_put(struct mmu *m, struct win *w, uint32_t vpn, uint32_t entry)
{
	unsigned before = vma_count(m, w, vpn, 1);
	put(m, w, vpn, entry);
	vma_adjust(m, w, before, vma_count(m, w, vpn, 1));
}

static void block_ensure(struct mmu *m, struct win *w, uint32_t vpn)
{
	uint16_t *b = &w->dir[vpn >> 10];
	if (*b)
		return;
	if (m->block_free) {
		*b = m->block_free;
		m->block_free = m->block_head[*b].next_free;
	} else {
		CHECK(m->block_fresh < MAX_BLOCKS);
		*b = (uint16_t)m->block_fresh++;
	}
	m->block_count++;
}

/* The block's entries and halves are zero already. */
static void block_release(struct mmu *m, struct win *w, uint32_t vpn)
{
	uint16_t *b = &w->dir[vpn >> 10];
	m->block_head[*b].next_free = m->block_free;
	m->block_free = *b;
	m->block_count--;
	*b = 0;
}

static void half_unlink(struct mmu *m, struct win *w, uint32_t vpn)
{
	struct half *h = half_at(m, w, vpn);
	if (h->link)
		link_remove(m, (uint32_t)(pde_table(w->mode, h->pde) >> PAGE_SHIFT), h->link);
	*h = (struct half){0};
}

/* --- host calls ---
 *
 * A call on a part of a window may split mappings.  A guest can see to it that the host
 * has none left, or that one call wants very many (a page with thousands of aliases is
 * traced): beyond the budget and MAX_SPLITS, or where the host refuses, the window is
 * unmapped whole.  That splits nothing, and is never wrong: a window is a cache. */

/* Takes the entries of a block out of the reverse map and clears them, but for
 * those bits. */
static void block_clear(struct mmu *m, struct win *w, uint32_t lo, uint32_t keep)
{
	for (uint32_t vpn = lo; vpn < lo + 1024; vpn++) {
		uint32_t *e = shadow_at(m, w, vpn), old = *e;
		if (!old)
			continue;
		if (old & SH_WRITE)
			rmap_remove(m, old >> PAGE_SHIFT, w, vpn);
		*e = old & SH_EXEC ? old & keep : 0;
		w->entries -= !*e;
	}
}

static void host_unmap_all(struct win *w)
{
	/* Nothing to split: no mapping reaches beyond a window. */
	CHECK(!host_mem_unmap(w->pub.base, WINDOW_SIZE));
	stats.unmaps++;
}

/* Everything unmapped; what was given to execute stays given, and so do links. */
static void window_unmap_all(struct mmu *m, struct win *w)
{
	for (uint32_t i = 0; i < 1024; i++)
		if (w->dir[i])
			block_clear(m, w, i << 10, ENTRY_UNMAPPED);
	vma_adjust(m, w, w->vmas, 0);
	w->holes = 0;
	host_unmap_all(w);
}

static bool may_split(const struct mmu *m)
{
	return m->vmas <= m->vma_budget + MAX_SPLITS;
}

bool window_unmap(struct mmu *m, struct win *w, uint32_t lo, uint32_t n)
{
	stats.unmaps++;
	if (may_split(m) && !host_mem_unmap(win_host(w, lo), (size_t)n << PAGE_SHIFT))
		return true;
	window_unmap_all(m, w);
	return false;
}

bool window_protect(struct mmu *m, struct win *w, uint32_t lo, uint32_t n, bool write)
{
	stats.protects++;
	if (may_split(m) && !host_mem_protect(win_host(w, lo), (size_t)n << PAGE_SHIFT, write))
		return true;
	window_unmap_all(m, w);
	return false;
}

/* --- write protection of traced pages ---
 *
 * mprotect splits a mapping around the page.  A half that is one writable run
 * and was split often enough is registered with userfaultfd, which protects
 * pages within it.  (Not at once: a registered mapping loses the kernel's
 * fault-around, so that the first touch of each page costs more.) */

/* A refusal: the half does without from now on. */
static bool wp_lost(struct mmu *m, struct win *w, uint32_t vpn)
{
	window_unmap_all(m, w);
	half_at(m, w, vpn)->wp = false;
	return false;
}

static bool window_wp(struct mmu *m, struct win *w, uint32_t lo, uint32_t n, bool protect)
{
	stats.protects++;
	return !host_mem_wp_set(m->wp_fd, win_host(w, lo), (size_t)n << PAGE_SHIFT, protect) ||
	       wp_lost(m, w, lo);
}

static bool window_wp_register(struct mmu *m, struct win *w, uint32_t lo, uint32_t n)
{
	return !host_mem_wp_register(m->wp_fd, win_host(w, lo), (size_t)n << PAGE_SHIFT) ||
	       wp_lost(m, w, lo);
}

/* Is the half one linear run, writable but for what is traced? */
static bool half_is_run(struct mmu *m, struct win *w, uint32_t lo)
{
	uint32_t first = shadow_get(m, w, lo) & SH_GFN;
	for (uint32_t i = 0; i < half_pages(w); i++) {
		uint32_t e = shadow_get(m, w, lo + i);
		if ((e & (SH_MAPPED | SH_HOLE)) != SH_MAPPED ||
		    (e & SH_GFN) - first != i * PAGE_SIZE)
			return false;
		if (!(e & SH_WRITE) &&
		    (!is_traced(m, e >> PAGE_SHIFT) || !(shadow_limit(m, w, lo + i) & SH_WRITE)))
			return false;
	}
	return true;
}

/* The half was split once more by tracing. */
static void half_split(struct mmu *m, struct win *w, uint32_t vpn)
{
	struct half *h = half_at(m, w, vpn);
	uint32_t n = half_pages(w), lo = vpn & -n;
	if (m->wp_fd < 0 || ++h->splits < WP_AFTER)
		return;
	h->splits = 0;
	if (!half_is_run(m, w, lo) || !window_wp_register(m, w, lo, n))
		return;
	unsigned before = vma_count(m, w, lo, n);
	for (uint32_t i = lo; i < lo + n; i++) {
		uint32_t *e = shadow_at(m, w, i);
		if (*e & SH_WRITE)
			continue;
		if (!window_wp(m, w, i, 1, true))
			return;
		*e |= SH_WP;
	}
	h->wp = true;
	if (window_protect(m, w, lo, n, true))
		vma_adjust(m, w, before, vma_count(m, w, lo, n));
}

void shadow_protect(struct mmu *m, struct win *w, uint32_t vpn)
{
	uint32_t e = shadow_get(m, w, vpn) & ~SH_WRITE;
	if (half_at(m, w, vpn)->wp) {
		if (window_wp(m, w, vpn, 1, true))
			shadow_put(m, w, vpn, e | SH_WP);
	} else if (window_protect(m, w, vpn, 1, false)) {
		shadow_put(m, w, vpn, e);
		half_split(m, w, vpn);
	}
}

void half_revoke(struct mmu *m, struct win *w, uint32_t vpn)
{
	if (!w->dir[vpn >> 10])
		return;
	uint32_t n = half_pages(w), lo = vpn & -n, first = ~0u, last = 0;
	unsigned before = vma_count(m, w, lo, n);
	for (uint32_t i = lo; i < lo + n; i++) {
		uint32_t e = *shadow_at(m, w, i);
		if (!e)
			continue;
		if (e & SH_MAPPED) {
			first = first == ~0u ? i : first;
			last = i;
		}
		put(m, w, i, 0);
	}
	vma_adjust(m, w, before, vma_count(m, w, lo, n));
	if (first != ~0u)
		window_unmap(m, w, first, last - first + 1);
	half_unlink(m, w, lo);
	struct block_head *head = &m->block_head[w->dir[vpn >> 10]];
	if (!head->half[0].pde && !head->half[1].pde)
		block_release(m, w, vpn);
}

/* Makes the half of this page one that is derived from this PDE. */
static void half_ensure(struct mmu *m, struct win *w, uint32_t vpn, uint64_t pde, bool large)
{
	struct half *h = half_at(m, w, vpn);
	if (w->dir[vpn >> 10] && h->pde) {
		if (pde_same(h->pde, pde)) {
			h->pde = pde;
			return;
		}
		half_revoke(m, w, vpn);
	}
	block_ensure(m, w, vpn);
	h = half_at(m, w, vpn);
	uint64_t table = pde_table(w->mode, pde) >> PAGE_SHIFT;
	*h = (struct half){.pde = pde};
	if (!large && mmu_is_ram(m, table))
		h->link = link_add(m, (uint32_t)table, w->slot, 1, vpn & -half_pages(w));
}

/* May this window's view see, and write, what the guest's tables say? */
static bool view_sees(const struct win *w, const struct walk *r)
{
	return w->pub.kind != WINDOW_USER || r->user;
}

static bool view_writes(const struct win *w, const struct walk *r)
{
	return (r->write || (w->pub.kind == WINDOW_PRIVATE && !w->wp)) && r->dirty;
}

uint32_t shadow_limit(struct mmu *m, struct win *w, uint32_t vpn)
{
	if (w->pub.kind == WINDOW_PHYSICAL)
		return vpn << PAGE_SHIFT | SH_MAPPED | SH_EXEC |
		       (mmu_is_ram(m, vpn) ? SH_WRITE : SH_HOLE);
	uint64_t pde = half_at(m, w, vpn)->pde, pte = pde;
	if (!(pde & PTE_P))
		return 0;
	bool large = pde_is_large(w->mode, pde);
	if (!large) {
		uint64_t table = pde_table(w->mode, pde);
		pte = entry_read(m, table + (w->pae ? (vpn & 511) * 8 : (vpn & 1023) * 4), w->pae);
		if (!(pte & PTE_P))
			return 0;
	}
	struct walk r;
	if (!(pte & PTE_A) || !walk_combine(m, w->mode, pde, pte, large, vpn, &r) ||
	    !view_sees(w, &r))
		return 0;
	uint32_t e = (uint32_t)r.pa | SH_MAPPED | (r.nx ? 0 : SH_EXEC);
	if (!mmu_is_ram(m, r.pa >> PAGE_SHIFT))
		return e | SH_HOLE;
	return e | (view_writes(w, &r) ? SH_WRITE : 0);
}

/* --- life --- */

bool window_is_current(const struct mmu *m, const struct win *w)
{
	if (w->pub.kind == WINDOW_PHYSICAL)
		return !m->paging;
	const struct root *r = m->cur;
	return r && (w == r->user || w == r->kernel || w == r->priv[0] || w == r->priv[1]);
}

bool window_evict(struct mmu *m, const struct win *keep)
{
	struct win *oldest = NULL;
	for (unsigned i = 0; i < MAX_WINDOWS; i++) {
		struct win *w = &m->win[i];
		if (w->live && w != keep && !window_is_current(m, w) &&
		    (!oldest || w->used < oldest->used))
			oldest = w;
	}
	if (!oldest)
		return false;
	stats.evictions++;
	window_drop(m, oldest);
	return true;
}

struct win *window_create(struct mmu *m, enum window_kind kind)
{
	if (!m->slots_free)
		CHECK(window_evict(m, NULL));
	/* The slot free for longest: stale branch entries name windows by their base. */
	uint16_t slot = m->slot[m->slot_next];
	m->slot_next = (m->slot_next + 1) % MAX_WINDOWS;
	m->slots_free--;
	struct win *w = &m->win[slot];
	uint8_t *base = m->area + slot * WINDOW_STRIDE;
	while (host_mem_area_open(base, WINDOW_SIZE) && window_evict(m, NULL))
		; /* others' mappings make room */
	/* dir is all zero since the slot's last window was dropped. */
	w->pub = (struct window){.base = base, .id = ++m->next_id, .kind = kind};
	w->slot = slot;
	w->live = true;
	w->mode = m->cur ? m->cur->mode : 0;
	w->pae = w->mode & MODE_PAE;
	w->wp = m->wp;
	w->watch_gen = m->watch_gen; /* nothing is mapped yet */
	w->used = ++m->tick;
	stats.windows++;
	return w;
}

void window_drop(struct mmu *m, struct win *w)
{
	m->client.window_drop(m->client.ctx, &w->pub);
	vma_adjust(m, w, w->vmas, 0);
	/* Where the host refuses, the guards stay apart. */
	if (host_mem_area_close(w->pub.base, WINDOW_SIZE))
		host_unmap_all(w);
	stats.unmaps++;
	for (uint32_t vpn = 0; vpn < 1 << 20; vpn += 1024) {
		if (!w->dir[vpn >> 10])
			continue;
		block_clear(m, w, vpn, 0);
		half_unlink(m, w, vpn);
		if (w->pae)
			half_unlink(m, w, vpn + 512);
		block_release(m, w, vpn);
	}
	switch (w->pub.kind) {
	case WINDOW_PHYSICAL:
		m->physical = NULL;
		break;
	case WINDOW_USER:
		w->root->user = NULL;
		break;
	case WINDOW_PRIVATE:
		w->root->priv[w->wp] = NULL;
		break;
	case WINDOW_KERNEL:
		for (unsigned i = 0; i < MAX_ROOTS; i++)
			if (m->root[i].kernel == w)
				m->root[i].kernel = NULL;
		struct win **p = &m->kernels;
		while (*p != w)
			p = &(*p)->next_kernel;
		*p = w->next_kernel;
		for (unsigned i = 0; i < 512; i++) {
			w->top[i] = 0;
			w->nonglobal[i] = 0;
		}
		break;
	}
	w->root = NULL;
	w->live = false;
	w->holes = 0;
	m->slot[(m->slot_next + m->slots_free++) % MAX_WINDOWS] = w->slot;
}

static bool has_room(const struct mmu *m)
{
	return m->vmas + 4 <= m->vma_budget && m->link_count + 16 < MAX_LINKS &&
	       m->block_count + 8 < MAX_BLOCKS;
}

/* Gives mappings back: a window other than w goes, or, when all are in use, the fullest
 * starts afresh.  Something must be mapped. */
static void window_relieve(struct mmu *m, struct win *w)
{
	if (window_evict(m, w))
		return;
	struct win *fullest = w;
	for (unsigned i = 0; i < MAX_WINDOWS; i++)
		if (m->win[i].live && m->win[i].vmas > fullest->vmas)
			fullest = &m->win[i];
	CHECK(fullest->vmas);
	stats.evictions++;
	window_unmap_all(m, fullest);
}

void window_make_room(struct mmu *m, struct win *w)
{
	while (__builtin_expect(!has_room(m), 0))
		window_relieve(m, w);
}

bool mmu_find_window(struct mmu *m, const void *host, struct window **w, gla_t *a)
{
	uint64_t at = (uintptr_t)host - ((uintptr_t)m->area - WINDOW_SIZE / 2);
	if (at >= MAX_WINDOWS * WINDOW_STRIDE || !m->win[at / WINDOW_STRIDE].live)
		return false;
	*w = &m->win[at / WINDOW_STRIDE].pub;
	*a = gla((uint32_t)((uintptr_t)host - (uintptr_t)(*w)->base));
	return true;
}

/* --- watching --- */

bool watch_permits(const struct mmu *m, uint32_t vpn, bool write)
{
	for (unsigned i = 0; i < m->n_watch; i++) {
		const struct mmu_watch *k = &m->watch[i];
		if (vpn >= k->first && vpn <= k->last && (write || k->reads))
			return false;
	}
	return true;
}

bool mmu_is_watched(const struct mmu *m, gla_t a, unsigned n, bool write)
{
	return m->n_watch && (!watch_permits(m, gla_vpn(a), write) ||
	                      !watch_permits(m, gla_vpn(gla(a.v + n - 1)), write));
}

void mmu_watch_set(struct mmu *m, const struct mmu_watch *watch, unsigned n)
{
	bool same = n == m->n_watch;
	CHECK(n <= MMU_WATCHES);
	for (unsigned i = 0; same && i < n; i++)
		same = watch[i].first == m->watch[i].first && watch[i].last == m->watch[i].last &&
		       watch[i].reads == m->watch[i].reads;
	if (same)
		return;
	for (unsigned i = 0; i < n; i++)
		m->watch[i] = watch[i];
	m->n_watch = n;
	m->watch_gen++;
}

/* Pages that may be mapped, or written, again become so when they next fault. */
void watch_follow(struct mmu *m, struct win *w)
{
	w->watch_gen = m->watch_gen;
	for (unsigned i = 0; i < m->n_watch; i++)
		for (uint32_t vpn = m->watch[i].first; vpn <= m->watch[i].last; vpn++) {
			uint32_t e = shadow_get(m, w, vpn);
			if (e & SH_MAPPED && m->watch[i].reads) {
				shadow_put(m, w, vpn, e & SH_EXEC ? e & ENTRY_UNMAPPED : 0);
				window_unmap(m, w, vpn, 1);
			} else if (e & SH_WRITE) {
				shadow_protect(m, w, vpn);
			}
		}
}

/* Traced, or watched: not to be writable. */
static bool is_held(const struct mmu *m, uint32_t vpn, uint32_t gfn)
{
	return is_traced(m, gfn) || !watch_permits(m, vpn, true);
}

/* --- filling --- */

static void host_map(struct mmu *m, struct win *w, uint32_t vpn, uint32_t n, uint64_t offset,
                     bool write)
{
	size_t bytes = (size_t)n << PAGE_SHIFT;
	while (host_mem_map(win_host(w, vpn), bytes, m->fd, offset, write))
		window_relieve(m, w);
	stats.maps++;
}

static void map_hole(struct mmu *m, struct win *w, uint32_t vpn, uint64_t pa)
{
	host_map(m, w, vpn, 1, m->hole, false);
	uint32_t e = shadow_get(m, w, vpn), new = (uint32_t)pa | SH_MAPPED | SH_HOLE;
	if ((e & SH_EXEC) && !((e ^ new) & (SH_GFN | SH_HOLE)))
		new |= e &(SH_EXEC | SH_QUEUED);
	shadow_put(m, w, vpn, new);
}

struct run {
	uint32_t lo, hi; /* vpn, hi excluded */
};

/* Bounds of a run around vpn: its half, and near by for user pages. */
static struct run run_bounds(const struct win *w, uint32_t vpn, const struct walk *r)
{
	uint32_t n = half_pages(w), lo = vpn & -n;
	struct run b = {lo, lo + n};
	if (r->user && !r->large) {
		if (vpn - b.lo >= USER_AROUND)
			b.lo = vpn - (USER_AROUND - 1);
		if (b.hi - vpn > USER_AROUND)
			b.hi = vpn + USER_AROUND;
	}
	return b;
}

/* The part of a large page that is RAM, around vpn. */
static struct run run_large(const struct mmu *m, struct run b, uint32_t vpn, uint32_t gfn)
{
	uint32_t ram_lo = gfn < 0xa0 ? 0 : 0x100, ram_hi = gfn < 0xa0 ? 0xa0 : m->ram_pages;
	if (gfn - ram_lo < vpn - b.lo)
		b.lo = vpn - (gfn - ram_lo);
	if (ram_hi - gfn < b.hi - vpn)
		b.hi = vpn + (ram_hi - gfn);
	if (!m->n_watch)
		return b;
	struct run run = {vpn, vpn + 1};
	while (run.lo > b.lo && watch_permits(m, run.lo - 1, false))
		run.lo--;
	while (run.hi < b.hi && watch_permits(m, run.hi, false))
		run.hi++;
	return run;
}

#define RUN_SAME (PTE_P | PTE_W | PTE_U | PTE_G | PTE_NX)

/* Does the entry d pages away continue the run through r, and is it not mapped yet? */
static bool run_joins(struct mmu *m, struct win *w, uint32_t vpn, int32_t d, const struct walk *r)
{
	uint32_t at = vpn + (uint32_t)d;
	uint64_t table = pde_table(w->mode, r->pde);
	uint64_t pte = entry_read(m, table + (w->pae ? (at & 511) * 8 : (at & 1023) * 4), w->pae);
	uint64_t addr = ~(PTE_NX | PAGE_MASK);
	if (!watch_permits(m, at, false))
		return false;
	if (((pte ^ r->pte) & RUN_SAME) || (pte & addr) != r->pa + (int64_t)d * PAGE_SIZE)
		return false;
	if (!mmu_is_ram(m, (pte & addr) >> PAGE_SHIFT) || (m->exact_ad && !(pte & PTE_A)))
		return false;
	struct walk other = *r;
	other.dirty = pte & PTE_D;
	if (view_writes(w, &other) != view_writes(w, r))
		return false;
	uint32_t e = shadow_get(m, w, at);
	return !(e & SH_MAPPED) || ((e ^ (uint32_t)pte) & SH_GFN);
}

static struct run run_find(struct mmu *m, struct win *w, uint32_t vpn, const struct walk *r)
{
	struct run b = run_bounds(w, vpn, r);
	if (r->large)
		return run_large(m, b, vpn, (uint32_t)(r->pa >> PAGE_SHIFT));
	struct run run = {vpn, vpn + 1};
	while (run.lo > b.lo && run_joins(m, w, vpn, (int32_t)(run.lo - 1 - vpn), r))
		run.lo--;
	while (run.hi < b.hi && run_joins(m, w, vpn, (int32_t)(run.hi - vpn), r))
		run.hi++;
	if (run.hi - run.lo > 1) {
		/* A may be set before an access: speculation.  SDM vol. 3, 4.8. */
		uint64_t pte_pa = pde_table(w->mode, r->pde);
		for (uint32_t i = run.lo; i < run.hi; i++)
			entry_set(m, pte_pa + (w->pae ? (i & 511) * 8 : (i & 1023) * 4), PTE_A);
	}
	return run;
}

/* Maps a linear run; traced pages in it stay read-only.  Where the host refuses nothing is
 * mapped, and the access faults again. */
static void map_run(struct mmu *m, struct win *w, uint32_t vpn, const struct walk *r)
{
	struct run run = run_find(m, w, vpn, r);
	uint32_t n = run.hi - run.lo;
	uint32_t first = (uint32_t)(r->pa >> PAGE_SHIFT) - (vpn - run.lo);
	bool write = view_writes(w, r);
	if (n == 1 && is_held(m, vpn, first))
		write = false;
	bool wp = half_at(m, w, vpn)->wp;
	host_map(m, w, run.lo, n, (uint64_t)first << PAGE_SHIFT, write);
	if (wp && !window_wp_register(m, w, run.lo, n))
		return;
	unsigned before = vma_count(m, w, run.lo, n);
	uint32_t traced = 0; /* how many pages just before i are traced or watched */
	for (uint32_t i = 0; i <= n; i++) {
		uint32_t e = 0;
		if (i < n && write && is_held(m, run.lo + i, first + i)) {
			e = wp ? SH_WP : 0;
			traced++;
		} else if (traced) {
			uint32_t lo = run.lo + i - traced;
			if (wp ? !window_wp(m, w, lo, traced, true)
			       : !window_protect(m, w, lo, traced, false))
				return;
			traced = 0;
		}
		if (i == n)
			break;
		if (!traced && write)
			e = SH_WRITE;
		uint32_t old = shadow_get(m, w, run.lo + i);
		e |= (first + i) << PAGE_SHIFT | SH_MAPPED;
		if ((old & SH_EXEC) && !((old ^ e) & (SH_GFN | SH_HOLE)))
			e |= old & (SH_EXEC | SH_QUEUED);
		put(m, w, run.lo + i, e);
	}
	vma_adjust(m, w, before, vma_count(m, w, run.lo, n));
}

/* A mapped page became writable: dirty now, or no longer traced.  Its neighbours
 * that may be writable too go with it. */
static void upgrade_run(struct mmu *m, struct win *w, uint32_t vpn, const struct walk *r)
{
	struct run b = run_bounds(w, vpn, r), run = {vpn, vpn + 1};
	for (; run.hi < b.hi; run.hi++) {
		uint32_t e = shadow_get(m, w, run.hi), want = shadow_limit(m, w, run.hi);
		if ((e & (SH_MAPPED | SH_WRITE | SH_HOLE)) != SH_MAPPED || !(want & SH_WRITE) ||
		    ((e ^ want) & SH_GFN) || is_held(m, run.hi, e >> PAGE_SHIFT))
			break;
	}
	while (run.lo > b.lo) {
		uint32_t e = shadow_get(m, w, run.lo - 1), want = shadow_limit(m, w, run.lo - 1);
		if ((e & (SH_MAPPED | SH_WRITE | SH_HOLE)) != SH_MAPPED || !(want & SH_WRITE) ||
		    ((e ^ want) & SH_GFN) || is_held(m, run.lo - 1, e >> PAGE_SHIFT))
			break;
		run.lo--;
	}
	uint32_t n = run.hi - run.lo;
	bool wp = false, prot = false;
	unsigned before = vma_count(m, w, run.lo, n);
	for (uint32_t i = run.lo; i < run.hi; i++) {
		uint32_t e = shadow_get(m, w, i);
		wp |= e & SH_WP;
		prot |= !(e & SH_WP);
		put(m, w, i, (e | SH_WRITE) & ~SH_WP);
	}
	if ((wp && !window_wp(m, w, run.lo, n, false)) ||
	    (prot && !window_protect(m, w, run.lo, n, true)))
		return;
	vma_adjust(m, w, before, vma_count(m, w, run.lo, n));
}

/* A walk of the loaded root said r for vpn: makes the half ready to hold it. */
static void fill_prepare(struct mmu *m, struct win *w, uint32_t vpn, const struct walk *r)
{
	window_make_room(m, w);
	if (w->pub.kind == WINDOW_KERNEL)
		kernel_agree_at(m, w, vpn, r->pde, r->global);
	half_ensure(m, w, vpn, r->pde, r->large);
}

enum mmu_verdict mmu_fault(struct mmu *m, struct window *pub, gla_t a, enum mmu_access access,
                           bool user, gpa_t *out, struct trap *t)
{
	struct win *w = (struct win *)pub;
	uint32_t vpn = gla_vpn(a);
	CHECK(window_is_current(m, w));
	if (w->pub.kind == WINDOW_KERNEL && vpn < SPLIT_VPN)
		return MMU_OTHER_VIEW;
	struct walk r;
	if (!walk_guest(m, a, access, user, &r, t))
		return MMU_TRUE_FAULT;
	stats.shadow_faults++;
	*out = gpa(r.pa | (a.v & PAGE_MASK));
	if (!view_sees(w, &r)) {
		mmu_force_private(m);
		return MMU_NEED_PRIVATE;
	}
	uint64_t gfn = r.pa >> PAGE_SHIFT;
	bool write = access == MMU_WRITE;
	if (!watch_permits(m, vpn, write))
		return MMU_TRACED;
	if (!mmu_is_ram(m, gfn)) {
		if (write || w->holes >= MAX_HOLES)
			return MMU_HOLE;
		fill_prepare(m, w, vpn, &r);
		map_hole(m, w, vpn, r.pa);
		return MMU_MAPPED;
	}
	if (write && is_traced(m, (uint32_t)gfn))
		return MMU_TRACED;
	fill_prepare(m, w, vpn, &r);
	/* It may just have become so: a page table that maps itself. */
	if (write && is_traced(m, (uint32_t)gfn))
		return MMU_TRACED;
	uint32_t e = shadow_get(m, w, vpn);
	bool mapped = (e & (SH_MAPPED | SH_HOLE)) == SH_MAPPED && e >> PAGE_SHIFT == gfn;
	if (!mapped)
		map_run(m, w, vpn, &r);
	else if (write && !(e & SH_WRITE))
		upgrade_run(m, w, vpn, &r);
	return MMU_MAPPED;
}

bool mmu_exec(struct mmu *m, struct window *pub, gla_t a, bool user, gpa_t *out, struct trap *t)
{
	struct win *w = (struct win *)pub;
	uint32_t vpn = gla_vpn(a), e = shadow_get(m, w, vpn);
	if ((e & (SH_EXEC | SH_HOLE)) == SH_EXEC) {
		*out = gpa((e & SH_GFN) | (a.v & PAGE_MASK));
		return true;
	}
	struct walk r;
	if (!walk_guest(m, a, MMU_EXEC, user, &r, t))
		return false;
	*out = gpa(r.pa | (a.v & PAGE_MASK));
	/* Code that runs across the split or the top of a KERNEL window belongs to
	 * one root; the shared window cannot remember it. */
	if (w->pub.kind == WINDOW_KERNEL && vpn < SPLIT_VPN)
		return true;
	fill_prepare(m, w, vpn, &r);
	uint32_t new = (uint32_t)r.pa | SH_EXEC | (mmu_is_ram(m, r.pa >> PAGE_SHIFT) ? 0 : SH_HOLE);
	e = shadow_get(m, w, vpn);
	if (!((e ^ new) & (SH_GFN | SH_HOLE)))
		new |= e;
	else if (e & SH_MAPPED)
		window_unmap(m, w, vpn, 1);
	shadow_put(m, w, vpn, new);
	return true;
}
