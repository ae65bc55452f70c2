/* The guest's page walk as the processor does it, and the software TLB.
 * SDM vol. 3, 4.3 (32-bit paging), 4.4 (PAE), 4.6 (rights), 4.7 (error code),
 * 4.8 (accessed and dirty). */
#include "mmu/mmu_internal.h"

bool walk_guest(struct mmu *m, gla_t a, enum mmu_access access, bool user, struct walk *r,
                struct trap *t)
{
	uint32_t vpn = gla_vpn(a);
	if (!m->paging) {
		*r = (struct walk){.pde = PTE_P,
		                   .pte = PTE_P,
		                   .pa = a.v & ~PAGE_MASK,
		                   .large = true,
		                   .user = true,
		                   .write = true,
		                   .global = true,
		                   .dirty = true};
		return true;
	}
	const struct root *root = m->cur;
	uint8_t mode = root->mode;
	bool pae = mode & PAGING_PAE;
	uint32_t error = (access == MMU_WRITE ? PF_W : 0) | (user ? PF_U : 0);
	if (access == MMU_EXEC && (mode & PAGING_NXE))
		error |= PF_I;

	uint32_t pd = root->pd[pae ? a.v >> 30 : 0];
	if (pd == NO_GFN)
		goto fault;
	uint64_t pde_pa = (uint64_t)pd << PAGE_SHIFT;
	pde_pa += pae ? (a.v >> 21 & 511) * 8 : (a.v >> 22) * 4;
	uint64_t pde = entry_read(m, pde_pa, pae);
	if (!(pde & PTE_P))
		goto fault;
	bool large = pde_is_large(mode, pde);
	uint64_t pte_pa = pde_pa, pte = pde;
	if (!large) {
		if (pae && reserved_pae(mode, pde)) {
			error |= PF_P | PF_RSVD;
			goto fault;
		}
		pte_pa = pte_address(pde_table(mode, pde), vpn, pae);
		pte = entry_read(m, pte_pa, pae);
		if (!(pte & PTE_P))
			goto fault;
	}
	error |= PF_P;
	if (!walk_combine(m, mode, pde, pte, large, vpn, r)) {
		error |= PF_RSVD;
		goto fault;
	}
	if (user && !r->user)
		goto fault;
	if (access == MMU_WRITE && !r->write && (user || m->wp))
		goto fault;
	if (access == MMU_EXEC && r->nx)
		goto fault;

	if (!large && !(pde & PTE_A)) {
		entry_set(m, pde_pa, PTE_A);
		r->pde |= PTE_A;
	}
	uint64_t want = access == MMU_WRITE ? PTE_A | PTE_D : PTE_A;
	if ((pte & want) != want) {
		entry_set(m, pte_pa, (uint8_t)want);
		r->pte |= want;
		if (large)
			r->pde |= want;
		r->dirty = r->pte & PTE_D;
	}
	return true;
fault:
	*t = trap_page_fault(a, error);
	return false;
}

void tlb_flush(struct mmu *m)
{
	if (++m->tlb_gen == 0) {
		for (unsigned i = 0; i < TLB_LENGTH; i++)
			m->tlb[i].gen = 0;
		m->tlb_gen = 1;
	}
}

/* One bit per kind of access and privilege, in the page offset of tlb_entry.page. */
static uint64_t tlb_right(enum mmu_access access, bool user)
{
	return 1u << (access + (user ? 3 : 0));
}

const void *mmu_readable(const struct mmu *m, gla_t a, bool user)
{
	const struct tlb_entry *e = &m->tlb[gla_vpn(a) % TLB_LENGTH];
	if (e->vpn != gla_vpn(a) || e->gen != m->tlb_gen || !(e->page & tlb_right(MMU_READ, user)))
		return NULL;
	return e->host ? e->host + (a.v & PAGE_MASK) : NULL;
}

bool mmu_translate(struct mmu *m, gla_t a, enum mmu_access access, bool user, gpa_t *out,
                   struct trap *t)
{
	uint32_t vpn = gla_vpn(a);
	struct tlb_entry *e = &m->tlb[vpn % TLB_LENGTH];
	uint64_t right = tlb_right(access, user);
	bool same = e->vpn == vpn && e->gen == m->tlb_gen;
	if (__builtin_expect(same && (e->page & right), 1)) {
		*out = gpa((e->page & ~(uint64_t)PAGE_MASK) | (a.v & PAGE_MASK));
		return true;
	}
	struct walk r;
	if (!walk_guest(m, a, access, user, &r, t)) {
		/* A page fault drops the TLB's entries for its page.  SDM vol. 3, 4.10.4.1. */
		if (same)
			e->gen = m->tlb_gen - 1;
		return false;
	}
	if (access == MMU_WRITE)
		right |= tlb_right(MMU_READ, user);
	if (same && (e->page & ~(uint64_t)PAGE_MASK) == r.pa)
		right |= e->page & PAGE_MASK;
	*e = (struct tlb_entry){.page = r.pa | right,
	                        .vpn = vpn,
	                        .gen = m->tlb_gen,
	                        .host = mmu_host(m, gpa(r.pa))};
	*out = gpa(r.pa | (a.v & PAGE_MASK));
	return true;
}

bool mmu_device(struct mmu *m, gla_t a, enum mmu_access access, bool user, gpa_t *out)
{
	const struct tlb_entry *e = &m->tlb[gla_vpn(a) % TLB_LENGTH];
	struct trap t;
	if (e->vpn == gla_vpn(a) && e->gen == m->tlb_gen && e->page & tlb_right(access, user))
		*out = gpa((e->page & ~(uint64_t)PAGE_MASK) | (a.v & PAGE_MASK));
	else if (!mmu_translate(m, a, access, user, out, &t))
		return false;
	return map_at(m, out->v >> PAGE_SHIFT) & MAP_DEVICE;
}

bool mmu_peek(struct mmu *m, gla_t a, gpa_t *out)
{
	uint32_t vpn = gla_vpn(a);
	struct walk r;

	*out = gpa(a.v);
	if (!m->paging)
		return true;
	uint8_t mode = m->cur->mode;
	bool pae = mode & PAGING_PAE;
	uint64_t pde = root_pde(m, m->cur, vpn), pte = pde;
	bool large = pde_is_large(mode, pde);
	if (pde & PTE_P && !large)
		pte = entry_read(m, pte_address(pde_table(mode, pde), vpn, pae), pae);
	if (!(pde & pte & PTE_P) || !walk_combine(m, mode, pde, pte, large, vpn, &r))
		return false;
	*out = gpa(r.pa | (a.v & PAGE_MASK));
	return true;
}
