/* Faults: what is mapped for them, a run at a time; and pages that are executed. */
#include "mmu/mmu_internal.h"

/* Pages of FFh mapped per window; beyond, reads of holes go to the monitor. */
#define MAX_HOLES 256
/* How far a fault on a user page maps around itself. */
#define USER_AROUND 16

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
	uint32_t table = map_at(m, pde_table(w->mode, pde) >> PAGE_SHIFT);
	*h = (struct half){.pde = pde};
	if (large || !(table & MAP_MEMORY))
		return;
	h->link = link_add(m, table >> PAGE_SHIFT, w->slot, 1, vpn & -half_pages(w));
	trace_table(m, table >> PAGE_SHIFT);
}

/* Traced, logged, or watched: not to be writable. */
static bool is_held(const struct mmu *m, uint32_t vpn, uint32_t page)
{
	return (m->page_flags[page] & PAGE_HELD) || !watch_permits(m, vpn, true);
}

static void host_map(struct mmu *m, struct win *w, uint32_t vpn, uint32_t n, uint32_t page,
                     bool write)
{
	size_t bytes = (size_t)n << PAGE_SHIFT;
	uint64_t offset = (uint64_t)page << PAGE_SHIFT;
	while (host_mem_map(win_host(w, vpn), bytes, page_file(m, page), offset, write))
		window_relieve(m, w);
	stats.maps++;
}

static void map_hole(struct mmu *m, struct win *w, uint32_t vpn, uint32_t frame)
{
	host_map(m, w, vpn, 1, m->hole, false);
	uint32_t e = shadow_get(m, w, vpn), new = frame << PAGE_SHIFT | SH_MAPPED | SH_HOLE;
	if ((e & SH_EXEC) && !((e ^ new) & (SH_PAGE | SH_HOLE)))
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

/* Does the memory at gfn go on d page frames away, as the map has it? */
static bool map_joins(const struct mmu *m, uint64_t gfn, int32_t d)
{
	return map_at(m, gfn + (uint64_t)(int64_t)d) == map_at(m, gfn) + (uint32_t)d * PAGE_SIZE;
}

/* The part of a large page around vpn that is memory like it. */
static struct run run_large(const struct mmu *m, struct run b, uint32_t vpn, uint64_t gfn)
{
	struct run run = {vpn, vpn + 1};
	while (run.lo > b.lo && map_joins(m, gfn, (int32_t)(run.lo - 1 - vpn)) &&
	       watch_permits(m, run.lo - 1, false))
		run.lo--;
	while (run.hi < b.hi && map_joins(m, gfn, (int32_t)(run.hi - vpn)) &&
	       watch_permits(m, run.hi, false))
		run.hi++;
	return run;
}

#define RUN_SAME (PTE_P | PTE_W | PTE_U | PTE_G | PTE_NX)

/* Does the entry d pages away continue the run through r, and is it not mapped yet? */
static bool run_joins(struct mmu *m, struct win *w, uint32_t vpn, int32_t d, const struct walk *r)
{
	uint32_t at = vpn + (uint32_t)d;
	uint64_t table = pde_table(w->mode, r->pde);
	uint64_t pte = entry_read(m, pte_address(table, at, w->pae), w->pae);
	uint64_t addr = ~(PTE_NX | PAGE_MASK);
	if (!watch_permits(m, at, false))
		return false;
	if (((pte ^ r->pte) & RUN_SAME) || (pte & addr) != r->pa + (int64_t)d * PAGE_SIZE)
		return false;
	if (!map_joins(m, r->pa >> PAGE_SHIFT, d) || (m->exact_ad && !(pte & PTE_A)))
		return false;
	struct walk other = *r;
	other.dirty = pte & PTE_D;
	if (view_writes(w, &other) != view_writes(w, r))
		return false;
	uint32_t e = shadow_get(m, w, at);
	return !(e & SH_MAPPED) || ((e ^ map_at(m, (pte & addr) >> PAGE_SHIFT)) & SH_PAGE);
}

static struct run run_find(struct mmu *m, struct win *w, uint32_t vpn, const struct walk *r)
{
	struct run b = run_bounds(w, vpn, r);
	if (r->large)
		return run_large(m, b, vpn, r->pa >> PAGE_SHIFT);
	struct run run = {vpn, vpn + 1};
	while (run.lo > b.lo && run_joins(m, w, vpn, (int32_t)(run.lo - 1 - vpn), r))
		run.lo--;
	while (run.hi < b.hi && run_joins(m, w, vpn, (int32_t)(run.hi - vpn), r))
		run.hi++;
	if (run.hi - run.lo > 1) {
		/* A may be set before an access: speculation.  SDM vol. 3, 4.8. */
		uint64_t pte_pa = pde_table(w->mode, r->pde);
		for (uint32_t i = run.lo; i < run.hi; i++)
			entry_set(m, pte_address(pte_pa, i, w->pae), PTE_A);
	}
	return run;
}

/* Maps a linear run of memory, here as the map has its page; traced pages in it stay read-only.
 * Where the host refuses nothing is mapped, and the access faults again. */
static void map_run(struct mmu *m, struct win *w, uint32_t vpn, const struct walk *r, uint32_t here)
{
	struct run run = {vpn, vpn + 1};
	/* A kernel that looks for a table in firmware's ROM may map and unmap all of it for each
	 * 16 bytes: Linux does. */
	if (here & MAP_STORES)
		run = run_find(m, w, vpn, r);
	uint32_t n = run.hi - run.lo;
	uint32_t first = (here >> PAGE_SHIFT) - (vpn - run.lo);
	bool write = view_writes(w, r) && here & MAP_STORES;
	if (n == 1 && is_held(m, vpn, first))
		write = false;
	bool uffd = half_at(m, w, vpn)->uffd;
	host_map(m, w, run.lo, n, first, write);
	if (uffd && !window_uffd_register(m, w, run.lo, n))
		return;
	unsigned before = vma_count(m, w, run.lo, n);
	uint32_t traced = 0; /* how many pages just before i are traced or watched */
	for (uint32_t i = 0; i <= n; i++) {
		uint32_t e = 0;
		if (i < n && write && is_held(m, run.lo + i, first + i)) {
			e = uffd ? SH_UFFD : 0;
			traced++;
		} else if (traced) {
			uint32_t lo = run.lo + i - traced;
			if (uffd ? !window_uffd(m, w, lo, traced, true)
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
		if ((old & SH_EXEC) && !((old ^ e) & (SH_PAGE | SH_HOLE)))
			e |= old & (SH_EXEC | SH_QUEUED);
		shadow_set(m, w, run.lo + i, e);
	}
	vma_adjust(m, w, before, vma_count(m, w, run.lo, n));
}

/* Is the page mapped, read-only, and need not be so any more? */
static bool upgradable(struct mmu *m, struct win *w, uint32_t vpn)
{
	uint32_t e = shadow_get(m, w, vpn), want = shadow_limit(m, w, vpn);
	return (e & (SH_MAPPED | SH_WRITE | SH_HOLE)) == SH_MAPPED && (want & SH_WRITE) &&
	       !((e ^ want) & SH_PAGE) && !is_held(m, vpn, e >> PAGE_SHIFT);
}

/* A mapped page became writable: dirty now, or no longer traced.  Its neighbours
 * that may be writable too go with it. */
static void upgrade_run(struct mmu *m, struct win *w, uint32_t vpn, const struct walk *r)
{
	struct run b = run_bounds(w, vpn, r), run = {vpn, vpn + 1};
	while (run.hi < b.hi && upgradable(m, w, run.hi))
		run.hi++;
	while (run.lo > b.lo && upgradable(m, w, run.lo - 1))
		run.lo--;
	uint32_t n = run.hi - run.lo;
	bool uffd = false, prot = false;
	unsigned before = vma_count(m, w, run.lo, n);
	for (uint32_t i = run.lo; i < run.hi; i++) {
		uint32_t e = shadow_get(m, w, i);
		uffd |= e & SH_UFFD;
		prot |= !(e & SH_UFFD);
		shadow_set(m, w, i, (e | SH_WRITE) & ~SH_UFFD);
	}
	if ((uffd && !window_uffd(m, w, run.lo, n, false)) ||
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
	if (vpn < split_vpn(w))
		return MMU_OTHER_VIEW;
	struct walk r;
	if (!walk_guest(m, a, access, user, &r, t))
		return MMU_TRUE_FAULT;
	stats.shadow_faults++;
	*out = gpa(r.pa | (a.v & PAGE_MASK));
	bool self_map = m->cur && pde_is_self_map(m->cur, r.pde);
	if (w->pub.kind == WINDOW_KERNEL ? self_map : !view_sees(w, &r)) {
		/* Tables that a root sees through its own entries have a place in none of the
		 * windows that supervisors share. */
		if (self_map)
			return MMU_TRACED;
		mmu_force_private(m);
		return MMU_NEED_PRIVATE;
	}
	uint32_t here = map_at(m, r.pa >> PAGE_SHIFT), page = here >> PAGE_SHIFT;
	bool write = access == MMU_WRITE;
	if (!watch_permits(m, vpn, write))
		return MMU_TRACED;
	if (here & MAP_DEVICE)
		return MMU_DEVICE;
	if (!(here & MAP_MEMORY)) {
		if (write || w->holes >= MAX_HOLES)
			return MMU_HOLE;
		fill_prepare(m, w, vpn, &r);
		map_hole(m, w, vpn, frame_of(m->a20, r.pa >> PAGE_SHIFT));
		return MMU_MAPPED;
	}
	if (write && !(here & MAP_STORES))
		return MMU_HOLE;
	if (write && is_traced(m, page))
		return MMU_TRACED;
	fill_prepare(m, w, vpn, &r);
	/* It may just have become so: a page table that maps itself. */
	if (write && is_traced(m, page))
		return MMU_TRACED;
	if (write)
		m->page_flags[page] &= ~PAGE_CLEAN;
	uint32_t e = shadow_get(m, w, vpn);
	bool mapped = (e & (SH_MAPPED | SH_HOLE)) == SH_MAPPED && e >> PAGE_SHIFT == page;
	if (!mapped)
		map_run(m, w, vpn, &r, here);
	else if (write ? !(e & SH_WRITE) : upgradable(m, w, vpn))
		upgrade_run(m, w, vpn, &r); /* for a load: the guest has handled a fault */
	return MMU_MAPPED;
}

bool mmu_exec(struct mmu *m, struct window *pub, gla_t a, bool user, uint32_t *page, struct trap *t)
{
	struct win *w = (struct win *)pub;
	uint32_t vpn = gla_vpn(a), e = shadow_get(m, w, vpn);
	if ((e & (SH_EXEC | SH_HOLE)) == SH_EXEC) {
		*page = e >> PAGE_SHIFT;
		return true;
	}
	struct walk r;
	if (!walk_guest(m, a, MMU_EXEC, user, &r, t))
		return false;
	uint64_t gfn = r.pa >> PAGE_SHIFT;
	uint32_t here = map_at(m, gfn), new = SH_EXEC;
	if (here & MAP_MEMORY)
		new |= here &SH_PAGE;
	else
		new |= frame_of(m->a20, gfn) << PAGE_SHIFT | SH_HOLE;
	*page = here & MAP_MEMORY ? here >> PAGE_SHIFT : NO_PAGE;
	/* Code that runs across the split or the top of a KERNEL window belongs to
	 * one root; the shared window cannot remember it. */
	if (!window_serves(m, pub, a))
		return true;
	if (w->pub.kind == WINDOW_KERNEL && a.v < w->code)
		w->code = a.v;
	fill_prepare(m, w, vpn, &r);
	e = shadow_get(m, w, vpn);
	if (!((e ^ new) & (SH_PAGE | SH_HOLE)))
		new |= e;
	else if (e & SH_MAPPED)
		window_unmap(m, w, vpn, 1);
	shadow_put(m, w, vpn, new);
	return true;
}
