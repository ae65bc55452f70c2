/* What the guest's tables allow: entries, rights, what a shadow entry may be at most.
 * SDM vol. 3, 4.3 (32-bit paging), 4.4 (PAE), 4.6 (rights). */
#include "mmu/mmu_internal.h"

bool reserved_pae(uint8_t mode, uint64_t entry)
{
	return entry & (mode & PAGING_NXE ? PAE_RSVD : PAE_RSVD | PTE_NX);
}

bool walk_combine(const struct mmu *m, uint8_t mode, uint64_t pde, uint64_t pte, bool large,
                  uint32_t vpn, struct walk *r)
{
	r->pde = pde;
	r->pte = pte;
	r->large = large;
	uint64_t both = pde & pte;
	r->user = both & PTE_U;
	r->write = both & PTE_W;
	r->nx = (pde | pte) & PTE_NX;
	r->global = m->pge && (pte & PTE_G);
	r->dirty = pte & PTE_D;
	if (mode & PAGING_PAE) {
		if (reserved_pae(mode, pde) || reserved_pae(mode, pte))
			return false;
		if (!large)
			r->pa = pte & PAE_ADDR;
		else if (pde & 0x1fe000)
			return false;
		else
			r->pa = (pde & PAE_ADDR & ~0x1fffffull) | (vpn & 511) << PAGE_SHIFT;
	} else if (!large) {
		r->pa = pte & 0xfffff000u;
	} else {
		/* PSE-36: bits 16:13 are bits 35:32 of the address. */
		if (pde & (m->pse36 ? 0x3e0000u : 0x3fe000u))
			return false;
		r->pa = (pde & 0xffc00000u) | (pde >> 13 & 0xf) << 32 | (vpn & 1023) << PAGE_SHIFT;
	}
	return true;
}

bool pde_same(uint64_t old, uint64_t now)
{
	uint64_t held = PTE_A | (old & PTE_PS ? PTE_D | PTE_G : 0);
	return top_key(old) == top_key(now) && !(old & held & ~now);
}

bool view_sees(const struct win *w, const struct walk *r)
{
	return w->pub.kind != WINDOW_USER || r->user;
}

bool view_writes(const struct win *w, const struct walk *r)
{
	return (r->write || (w->pub.kind == WINDOW_PRIVATE && !w->wp)) && r->dirty;
}

/* What the map's word for a page frame allows. */
static uint32_t limit_at(uint32_t here, uint32_t gfn, bool write)
{
	if (!(here & MAP_MEMORY))
		return gfn << PAGE_SHIFT | SH_HOLE | (here & MAP_DEVICE ? 0 : SH_MAPPED);
	return (here & SH_PAGE) | SH_MAPPED | (write && here & MAP_STORES ? SH_WRITE : 0);
}

uint32_t shadow_limit(struct mmu *m, struct win *w, uint32_t vpn)
{
	if (w->pub.kind == WINDOW_PHYSICAL) {
		uint32_t frame = frame_of(w->a20 ? A20_ON : A20_OFF, vpn);
		return limit_at(m->map[frame], frame, true) | SH_EXEC;
	}
	uint64_t pde = half_at(m, w, vpn)->pde, pte = pde;
	if (!(pde & PTE_P))
		return 0;
	bool large = pde_is_large(w->mode, pde);
	if (!large) {
		uint64_t table = pde_table(w->mode, pde);
		pte = entry_read(m, pte_address(table, vpn, w->pae), w->pae);
		if (!(pte & PTE_P))
			return 0;
	}
	struct walk r;
	if (!(pte & PTE_A) || !walk_combine(m, w->mode, pde, pte, large, vpn, &r) ||
	    !view_sees(w, &r))
		return 0;
	uint64_t gfn = r.pa >> PAGE_SHIFT;
	return limit_at(map_at(m, gfn), frame_of(m->a20, gfn), view_writes(w, &r)) |
	       (r.nx ? 0 : SH_EXEC);
}
