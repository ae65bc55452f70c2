/* Paging state, the address spaces seen so far, and which windows each uses. */
#include "mmu/mmu_internal.h"

/* CR3 loads after which the window for paging off is given up. */
#define PHYSICAL_LINGERS 64

/* Revocations that make it worth asking whether an address space ends. */
#define TEARDOWN 32

/* A root whose kernel did not fit the composite windows so often stays private. */
#define MISFIT_FOR_GOOD 4

/* CR0 and CR4 bits whose change makes the processor load the PDPTEs again.
 * SDM vol. 3, 4.4.1. */
#define PDPTE_CR0 (CR0_CD | CR0_NW | CR0_PG)
#define PDPTE_CR4 (CR4_PAE | CR4_PGE | CR4_PSE)

static unsigned bucket_of(uint32_t cr3, uint8_t mode, const uint64_t pdpte[4])
{
	uint32_t h = cr3 >> 5 ^ mode;
	if (mode & PAGING_PAE)
		h ^= (uint32_t)((pdpte[0] ^ pdpte[1] * 3 ^ pdpte[2] * 5 ^ pdpte[3] * 7) >> 12);
	return h * 0x9e3779b1u >> 24;
}

static bool root_is(const struct root *r, uint32_t cr3, uint8_t mode, const uint64_t pdpte[4])
{
	if (r->cr3 != cr3 || r->mode != mode)
		return false;
	for (unsigned i = 0; (mode & PAGING_PAE) && i < 4; i++)
		if (r->pdpte[i] != pdpte[i])
			return false;
	return true;
}

static void directories_link(struct mmu *m, struct root *r)
{
	for (unsigned i = 0; i < (r->mode & PAGING_PAE ? 4 : 1); i++) {
		uint32_t here = r->pd[i] == NO_GFN ? 0 : map_at(m, r->pd[i]);
		if (!(here & MAP_MEMORY))
			continue;
		r->link[i] = link_add(m, here >> PAGE_SHIFT, (unsigned)(r - m->root), 2, i);
		trace_table(m, here >> PAGE_SHIFT);
	}
}

static void directories_unlink(struct mmu *m, struct root *r)
{
	for (unsigned i = 0; i < 4; i++) {
		if (r->link[i])
			link_remove(m, r->link[i]);
		r->link[i] = 0;
	}
}

void root_relink(struct mmu *m, struct root *r)
{
	directories_unlink(m, r);
	directories_link(m, r);
	r->compare = true;
}

void root_die(struct mmu *m, struct root *r)
{
	for (unsigned i = 0; i < 2; i++)
		if (r->priv[i])
			window_drop(m, r->priv[i]);
	if (r->user)
		window_drop(m, r->user);
	kernel_leave(r);
	directories_unlink(m, r);
	uint16_t *p = &m->bucket[bucket_of(r->cr3, r->mode, r->pdpte)];
	while (&m->root[*p - 1] != r)
		p = &m->root[*p - 1].next;
	*p = r->next;
	*r = (struct root){0};
}

/* A free slot; the least recently used root dies for it if need be. */
static struct root *root_slot(struct mmu *m)
{
	struct root *oldest = NULL;
	for (unsigned i = 0; i < MAX_ROOTS; i++) {
		struct root *r = &m->root[i];
		if (!r->live)
			return r;
		if (r != m->cur && (!oldest || r->used < oldest->used))
			oldest = r;
	}
	root_die(m, oldest);
	return oldest;
}

static struct root *root_find(struct mmu *m, uint32_t cr3, uint8_t mode, const uint64_t pdpte[4])
{
	unsigned b = bucket_of(cr3, mode, pdpte);
	for (uint16_t i = m->bucket[b]; i; i = m->root[i - 1].next)
		if (root_is(&m->root[i - 1], cr3, mode, pdpte))
			return &m->root[i - 1];
	struct root *r = root_slot(m);
	*r = (struct root){.live = true, .mode = mode, .cr3 = cr3, .next = m->bucket[b]};
	m->bucket[b] = (uint16_t)(r - m->root + 1);
	r->pd[0] = cr3 >> PAGE_SHIFT;
	for (unsigned i = 0; (mode & PAGING_PAE) && i < 4; i++) {
		r->pdpte[i] = pdpte[i];
		r->pd[i] =
			pdpte[i] & PTE_P ? (uint32_t)((pdpte[i] & PAE_ADDR) >> PAGE_SHIFT) : NO_GFN;
	}
	directories_link(m, r);
	return r;
}

/* PDPTEs: bits 1-2, 5-8 and those above the physical address are reserved.
 * SDM vol. 3, table 4-8. */
static bool load_pdptes(struct mmu *m, uint32_t cr3, uint64_t pdpte[4])
{
	for (unsigned i = 0; i < 4; i++) {
		uint64_t e = entry_read(m, (cr3 & ~31u) + i * 8, true);
		if ((e & PTE_P) && (e & (0x1e6 | ~((1ull << PHYS_BITS) - 1))))
			return false;
		pdpte[i] = e;
	}
	return true;
}

static void enter_root(struct mmu *m, uint32_t cr3, const uint64_t pdpte[4])
{
	cr3 &= m->mode & PAGING_PAE ? ~31u : ~PAGE_MASK;
	struct root *r = m->cur;
	if (!r || !root_is(r, cr3, m->mode, pdpte)) {
		r = root_find(m, cr3, m->mode, pdpte);
		m->cur = r;
		if (r->misfits < MISFIT_FOR_GOOD)
			r->need_private = false;
	}
	r->used = ++m->tick;
	r->stores = 0;
	kernel_enter(m, r);
}

bool mmu_paging_load(struct mmu *m, struct mmu_paging *p, bool cr3_load, struct trap *t)
{
	bool paging = p->cr0 & CR0_PG;
	bool pae = paging && (p->cr4 & CR4_PAE);
	uint64_t pdpte[4] = {m->pdpte[0], m->pdpte[1], m->pdpte[2], m->pdpte[3]};
	uint32_t d0 = m->cr0 ^ p->cr0, d4 = m->cr4 ^ p->cr4;
	if (pae && (cr3_load || (d0 & PDPTE_CR0) || (d4 & PDPTE_CR4)) &&
	    !load_pdptes(m, p->cr3, pdpte)) {
		*t = trap_error(VEC_GP, 0);
		return false;
	}
	bool nxe = p->has_nx && (p->efer & EFER_NXE);
	bool all = (d0 & (CR0_PG | CR0_WP)) || (d4 & (CR4_PAE | CR4_PSE | CR4_PGE)) ||
	           ((m->efer ^ p->efer) & EFER_NXE);
	stats.cr3_loads += cr3_load;
	/* The old root's KERNEL window first hears of what the root changed. */
	if (all || (m->cur && m->cur->compare))
		kernel_agree_current(m, all);
	/* A process that ends: one call takes its window away. */
	if (m->queue_length >= TEARDOWN && m->cur && m->cur->user && queue_empties(m, m->cur->user))
		window_drop(m, m->cur->user);
	queue_apply(m);
	tlb_flush(m);
	if (all)
		stats.mmu_flushes++;

	m->cr0 = p->cr0;
	m->cr4 = p->cr4;
	m->efer = p->efer;
	m->paging = paging;
	m->wp = p->cr0 & CR0_WP;
	m->pge = p->cr4 & CR4_PGE;
	m->pse36 = p->has_pse36;
	m->mode = (pae ? PAGING_PAE : 0) | (p->cr4 & CR4_PSE ? PAGING_PSE : 0) |
	          (pae && nxe ? PAGING_NXE : 0);
	for (unsigned i = 0; i < 4; i++)
		m->pdpte[i] = p->pdpte[i] = pdpte[i];
	if (!paging) {
		m->cur = NULL;
		m->loads_since_physical = 0;
		return true;
	}
	enter_root(m, p->cr3, pdpte);
	if (++m->loads_since_physical == PHYSICAL_LINGERS)
		for (unsigned i = 0; i < 2; i++)
			if (m->physical[i])
				window_drop(m, m->physical[i]);
	return true;
}

static struct win *root_window(struct mmu *m, struct win **at, enum window_kind kind)
{
	if (!*at) {
		struct win *w = window_create(m, kind);
		w->root = m->cur;
		*at = w;
	}
	return *at;
}

bool mmu_is_self_map(struct mmu *m, gla_t a)
{
	const struct root *r = m->cur;
	return r && pde_is_self_map(r, root_pde(m, r, gla_vpn(a)));
}

void mmu_force_private(struct mmu *m)
{
	struct root *r = m->cur;
	if (!r || r->need_private)
		return;
	r->need_private = true;
	r->misfits++;
}

static struct win *supervisor_window(struct mmu *m, struct root *r, gla_t eip)
{
	if (eip.v < SPLIT_FIRST || mmu_is_self_map(m, eip))
		mmu_force_private(m);
	if (!m->wp || r->need_private)
		return root_window(m, &r->priv[m->wp], WINDOW_PRIVATE);
	if (r->kernel && eip.v < r->kernel->pub.split) {
		/* One that reaches further down.  A kernel that begins there comes here once. */
		kernel_leave(r);
		if (++r->misfits >= MISFIT_FOR_GOOD)
			r->need_private = true;
		return supervisor_window(m, r, eip);
	}
	if (!r->kernel)
		kernel_find(m, r, eip.v);
	return r->kernel;
}

struct window *mmu_window(struct mmu *m, bool user, gla_t eip)
{
	struct root *r = m->cur;
	struct win *w;
	if (!r) {
		w = root_window(m, &m->physical[m->a20 == A20_ON], WINDOW_PHYSICAL);
	} else if (user) {
		w = root_window(m, &r->user, WINDOW_USER);
	} else {
		w = supervisor_window(m, r, eip);
	}
	w->used = ++m->tick;
	if (__builtin_expect(w->watch_gen != m->watch_gen, 0))
		watch_follow(m, w);
	return &w->pub;
}

void mmu_bases(struct mmu *m, struct window *pub, uint64_t base[VCPU_PARTS])
{
	uint64_t here = (uintptr_t)pub->base, low = here;
	if (pub->kind == WINDOW_KERNEL)
		low = (uintptr_t)mmu_window(m, true, gla(0))->base;
	uint32_t parts = pub->split >> VCPU_PART_SHIFT;
	/* Mostly they are the same as before. */
	if (base[0] == (parts ? low : here) && base[VCPU_PARTS - 1] == here &&
	    (!parts || (base[parts - 1] == low && base[parts] == here)))
		return;
	for (uint32_t i = 0; i < VCPU_PARTS; i++)
		base[i] = i < parts ? low : here;
}

void mmu_invlpg(struct mmu *m, gla_t a)
{
	kernel_invlpg(m, gla_vpn(a));
	queue_apply(m);
	tlb_flush(m);
}
