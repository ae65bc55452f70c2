/* KERNEL windows: which address spaces share one, and from which address on.
 *
 * A window's top[] is what its contents were derived from.  A root may use it when no entry
 * above the split disagrees: equal, or absent here (then it is taken over), or absent in the
 * root while nothing but global pages was filled under it, which a TLB could have kept across
 * the CR3 load.
 *
 * The split begins at the GiB of the code that the window was made for.  Where roots disagree
 * below all code that has run in the window, users' addresses were taken for the kernel's: the
 * split moves up, past them. */
#include "mmu/mmu_internal.h"

/* A top-level entry that maps page directories of its own root as page tables differs in all
 * roots: what is under it is in no KERNEL window, as if it were absent. */
static uint64_t root_top(struct mmu *m, struct root *r, uint32_t vpn)
{
	uint64_t pde = root_pde(m, r, vpn);
	return pde_is_self_map(r, pde) ? 0 : top_key(pde);
}

static void top_replace(struct mmu *m, struct win *k, uint32_t vpn, uint64_t key)
{
	unsigned i = top_index(k, vpn);
	half_revoke(m, k, vpn);
	k->top[i] = key;
	k->nonglobal[i] = 0;
}

static bool top_agrees(struct mmu *m, struct win *k, uint32_t vpn, uint64_t key, bool strict)
{
	unsigned i = top_index(k, vpn);
	if (key == k->top[i] || !k->top[i])
		return true;
	return !key && (!half_at(m, k, vpn)->pde || (!strict && !k->nonglobal[i]));
}

/* Makes the window agree with the root; the root's entries win. */
static void kernel_follow(struct mmu *m, struct root *r, struct win *k, bool strict)
{
	bool changed = false;
	for (uint32_t vpn = split_vpn(k); vpn < 1 << 20; vpn += half_pages(k)) {
		uint64_t key = root_top(m, r, vpn), *top = &k->top[top_index(k, vpn)];
		if (key == *top)
			continue;
		if (!top_agrees(m, k, vpn, key, strict))
			top_replace(m, k, vpn, key);
		else if (!*top)
			*top = key;
		else
			continue;
		changed = true;
	}
	if (changed)
		k->gen++;
	r->kernel_gen = k->gen;
	r->compare = false;
}

/* What is below is no longer the window's. */
static void kernel_raise(struct mmu *m, struct win *k, uint32_t split)
{
	for (uint32_t vpn = split_vpn(k); vpn < split >> PAGE_SHIFT; vpn += half_pages(k))
		top_replace(m, k, vpn, 0);
	k->pub.split = split;
}

/* May the root use the window, whose split may move up to `most` for it?  Then they agree. */
static bool kernel_fits(struct mmu *m, struct root *r, struct win *k, uint32_t most)
{
	bool follow = false;
	/* From the top down: the first that disagrees says where the split would have to be. */
	for (uint32_t end = 1 << 20, vpn; end > split_vpn(k); end = vpn) {
		vpn = end - half_pages(k);
		uint64_t key = root_top(m, r, vpn);
		if (key == k->top[top_index(k, vpn)])
			continue;
		if (top_agrees(m, k, vpn, key, false)) {
			follow = true;
			continue;
		}
		uint64_t split = ((uint64_t)vpn << PAGE_SHIFT | (WINDOW_PART - 1)) + 1;
		if (split > most || split > k->code)
			return false;
		kernel_raise(m, k, (uint32_t)split);
	}
	r->kernel_gen = k->gen;
	r->compare = false;
	if (follow)
		kernel_follow(m, r, k, false);
	return true;
}

void kernel_agree_current(struct mmu *m, bool strict)
{
	struct root *r = m->cur;
	if (r && r->kernel && (strict || r->compare || r->kernel_gen != r->kernel->gen))
		kernel_follow(m, r, r->kernel, strict);
}

void kernel_agree_at(struct mmu *m, struct win *w, uint32_t vpn, uint64_t pde, bool global)
{
	unsigned i = top_index(w, vpn);
	if (w->top[i] != top_key(pde)) {
		if (w->top[i])
			top_replace(m, w, vpn, top_key(pde));
		w->top[i] = top_key(pde);
		w->gen++;
	}
	if (!global && !w->nonglobal[i]) {
		w->nonglobal[i] = 1;
		w->gen++;
	}
	/* Other roots compare again when they are loaded, as gen has changed.  The current root
	 * caused the change and agrees, unless a store to its kernel part is to be looked at. */
	m->cur->kernel_gen = w->gen;
}

void kernel_invlpg(struct mmu *m, uint32_t vpn)
{
	struct root *r = m->cur;
	if (!r || !r->kernel || vpn < split_vpn(r->kernel))
		return;
	struct win *k = r->kernel;
	uint64_t key = root_top(m, r, vpn), old;
	if (r->compare)
		kernel_agree_current(m, false);
	old = k->top[top_index(k, vpn)];
	if (old != key && old) {
		top_replace(m, k, vpn, key);
		k->gen++;
		r->kernel_gen = k->gen;
	}
}

bool kernel_differs(struct mmu *m, struct root *r, uint32_t vpn)
{
	return r->kernel->top[top_index(r->kernel, vpn)] != root_top(m, r, vpn);
}

void kernel_leave(struct root *r)
{
	if (r->kernel && r->kernel->root == r)
		r->kernel->root = NULL;
	r->kernel = NULL;
}

void kernel_enter(struct mmu *m, struct root *r)
{
	struct win *k = r->kernel;
	if (!k)
		return;
	if ((r->compare || r->kernel_gen != k->gen) && !kernel_fits(m, r, k, k->code))
		kernel_leave(r);
	else
		k->root = r;
}

void kernel_find(struct mmu *m, struct root *r, uint32_t eip)
{
	struct win *k;
	for (k = m->kernels; k; k = k->next_kernel)
		if (k->mode == r->mode && k->pub.split <= eip && kernel_fits(m, r, k, eip))
			break;
	if (!k) {
		k = window_create(m, WINDOW_KERNEL);
		k->pub.split = eip & -SPLIT_FIRST;
		k->code = eip;
		k->next_kernel = m->kernels;
		m->kernels = k;
		kernel_follow(m, r, k, false);
	}
	r->kernel = k;
	k->root = r;
}
