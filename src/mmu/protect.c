/* Host calls on parts of windows that take mappings or rights away.
 *
 * A call on a part of a window may split mappings.  A guest can see to it that the host
 * has none left, or that one call wants very many (a page with thousands of aliases is
 * traced): beyond the budget and MAX_SPLITS, or where the host refuses, the window is
 * unmapped whole.  That splits nothing, and is never wrong: a window is a cache. */
#include "mmu/mmu_internal.h"

/* Splits of a half by tracing before it is registered with userfaultfd. */
#define UFFD_AFTER 8

void host_unmap_all(struct win *w)
{
	/* No mapping reaches beyond a window: there is nothing to split, for which the host might have
	 * no room.  The guest must not go on with what should be gone. */
	int err = host_mem_unmap(w->pub.base, WINDOW_SIZE);
	if (err)
		host_refused("to unmap a window", err);
	stats.unmaps++;
}

void window_unmap_all(struct mmu *m, struct win *w)
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
static bool uffd_lost(struct mmu *m, struct win *w, uint32_t vpn)
{
	window_unmap_all(m, w);
	half_at(m, w, vpn)->uffd = false;
	return false;
}

bool window_uffd(struct mmu *m, struct win *w, uint32_t lo, uint32_t n, bool protect)
{
	stats.protects++;
	return !host_mem_wp_set(m->uffd, win_host(w, lo), (size_t)n << PAGE_SHIFT, protect) ||
	       uffd_lost(m, w, lo);
}

bool window_uffd_register(struct mmu *m, struct win *w, uint32_t lo, uint32_t n)
{
	return !host_mem_wp_register(m->uffd, win_host(w, lo), (size_t)n << PAGE_SHIFT) ||
	       uffd_lost(m, w, lo);
}

/* Is the half one linear run, writable but for what is traced? */
static bool half_is_run(struct mmu *m, struct win *w, uint32_t lo)
{
	uint32_t first = shadow_get(m, w, lo) & SH_PAGE;
	for (uint32_t i = 0; i < half_pages(w); i++) {
		uint32_t e = shadow_get(m, w, lo + i);
		if ((e & (SH_MAPPED | SH_HOLE)) != SH_MAPPED ||
		    (e & SH_PAGE) - first != i * PAGE_SIZE)
			return false;
		if (!(e & SH_WRITE) && (!(m->page_flags[e >> PAGE_SHIFT] & PAGE_HELD) ||
		                        !(shadow_limit(m, w, lo + i) & SH_WRITE)))
			return false;
	}
	return true;
}

/* The half was split once more by tracing. */
static void half_split(struct mmu *m, struct win *w, uint32_t vpn)
{
	struct half *h = half_at(m, w, vpn);
	uint32_t n = half_pages(w), lo = vpn & -n;
	if (m->uffd < 0 || ++h->splits < UFFD_AFTER)
		return;
	h->splits = 0;
	if (!half_is_run(m, w, lo) || !window_uffd_register(m, w, lo, n))
		return;
	unsigned before = vma_count(m, w, lo, n);
	for (uint32_t i = lo; i < lo + n; i++) {
		uint32_t *e = shadow_at(m, w, i);
		if (*e & SH_WRITE)
			continue;
		if (!window_uffd(m, w, i, 1, true))
			return;
		*e |= SH_UFFD;
	}
	h->uffd = true;
	if (window_protect(m, w, lo, n, true))
		vma_adjust(m, w, before, vma_count(m, w, lo, n));
}

void shadow_protect(struct mmu *m, struct win *w, uint32_t vpn)
{
	uint32_t e = shadow_get(m, w, vpn) & ~SH_WRITE;
	if (half_at(m, w, vpn)->uffd) {
		if (window_uffd(m, w, vpn, 1, true))
			shadow_put(m, w, vpn, e | SH_UFFD);
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
		shadow_set(m, w, i, 0);
	}
	vma_adjust(m, w, before, vma_count(m, w, lo, n));
	if (first != ~0u)
		window_unmap(m, w, first, last - first + 1);
	half_unlink(m, w, lo);
	struct block_head *head = &m->block_head[w->dir[vpn >> 10]];
	if (!head->half[0].pde && !head->half[1].pde)
		block_release(m, w, vpn);
}
