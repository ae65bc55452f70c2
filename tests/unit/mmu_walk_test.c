/* links: mmu host cpu base */
/* The guest's page walk: error codes, reserved bits, sizes, rights, the TLB. */
#include "mmu_guest.h"

static const unsigned none = ~0u;

/* The error code of an access through mmu_translate, none if it succeeds. */
static unsigned error_of(struct guest *g, uint32_t a, enum mmu_access access, bool user)
{
	gpa_t pa;
	struct trap t;
	if (mmu_translate(g->m, gla(a), access, user, &pa, &t))
		return none;
	assert_int_equal(t.vector, VEC_PF);
	assert_int_equal(t.cr2.v, a);
	return t.error;
}

static uint64_t address_of(struct guest *g, uint32_t a)
{
	gpa_t pa;
	struct trap t;
	assert_true(mmu_translate(g->m, gla(a), MMU_READ, false, &pa, &t));
	return pa.v;
}

/* Rights are the AND of both levels; supervisors write read-only pages when WP = 0. */
static void check_rights(struct guest *g)
{
	uint32_t cr3 = root_new(g);
	for (unsigned i = 0; i < 16; i++) {
		uint32_t a = 0x10000000 + i * 0x400000;
		unsigned top = (i & 3) << 1, leaf = (i >> 2) << 1;
		store_entry(g, pde_at(g, cr3, a), guest_page(g) | P | top);
		map_page(g, cr3, a, 0x500000 | P | leaf);
	}
	for (unsigned wp = 0; wp < 2; wp++) {
		paging_on(g, cr3, 0);
		g->p.cr0 = CR0_PE | CR0_PG | (wp ? CR0_WP : 0);
		load_cr3(g, cr3);
		for (unsigned i = 0; i < 16; i++) {
			uint32_t a = 0x10000000 + i * 0x400000;
			unsigned both = ((i & 3) << 1) & ((i >> 2) << 1);
			bool w = both & W, u = both & U;
			assert_int_equal(error_of(g, a, MMU_READ, false), none);
			assert_int_equal(error_of(g, a, MMU_WRITE, false),
			                 w || !wp ? none : PF_P | PF_W);
			assert_int_equal(error_of(g, a, MMU_READ, true), u ? none : PF_P | PF_U);
			assert_int_equal(error_of(g, a, MMU_WRITE, true),
			                 u && w ? none : PF_P | PF_W | PF_U);
		}
	}
	assert_int_equal(error_of(g, 0x80000000, MMU_READ, false), 0);
	assert_int_equal(error_of(g, 0x10001000, MMU_WRITE, true), PF_W | PF_U);
	assert_int_equal(error_of(g, 0x10001000, MMU_EXEC, true), PF_U);
}

static void test_rights(void **state)
{
	struct guest *g = guest_new(NULL);
	check_rights(g);
	guest_free(g);
	g = guest_new(NULL);
	g->pae = true;
	check_rights(g);
	guest_free(g);
}

static void test_pse(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g);
	*phys32(g, pde_at(g, cr3, 0x00400000)) = 0x00c00000 | P | W | PS;
	*phys32(g, pde_at(g, cr3, 0x00800000)) = 0x00c00000 | P | PS | 1 << 13;
	*phys32(g, pde_at(g, cr3, 0x00c00000)) = 0x00c00000 | P | PS | 1 << 17;
	*phys32(g, pde_at(g, cr3, 0x01000000)) = 0x00c00000 | P | PS | 1 << 12;
	paging_on(g, cr3, CR4_PSE);
	assert_true(address_of(g, 0x00512345) == 0x00d12345);
	assert_true(address_of(g, 0x00812345) == 0x100c12345);
	assert_int_equal(error_of(g, 0x00c00000, MMU_READ, false), PF_P | PF_RSVD);
	assert_int_equal(error_of(g, 0x00c00000, MMU_WRITE, true), PF_P | PF_RSVD | PF_W | PF_U);
	assert_true(address_of(g, 0x01000000) == 0x00c00000);
	g->p.has_pse36 = false;
	load_cr3(g, cr3);
	assert_int_equal(error_of(g, 0x00800000, MMU_READ, false), PF_P | PF_RSVD);
	/* Without CR4.PSE bit 7 means nothing, and the frame is a page table. */
	*phys32(g, 0x00c00000 + 0x112 * 4) = 0x00777000 | P;
	struct trap t;
	g->p.cr4 = 0;
	assert_true(mmu_paging_load(g->m, &g->p, false, &t));
	assert_true(address_of(g, 0x00512345) == 0x00777345);
	guest_free(g);
}

static void test_pae(void **state)
{
	struct guest *g = guest_new(NULL);
	g->pae = true;
	g->p.efer = EFER_NXE;
	uint32_t cr3 = root_new(g);
	map_page(g, cr3, 0x08048000, 0x500000 | P | U | NX);
	map_page(g, cr3, 0x08049000, 0xfedcba000ull | P | U);
	map_page(g, cr3, 0x0804a000, 0x500000 | P | 1ull << 36);
	map_page(g, cr3, 0x0804b000, 0x500000 | P | 1ull << 52);
	store64(g, pde_at(g, cr3, 0xc0200000), 0x00600000 | P | W | PS);
	store64(g, pde_at(g, cr3, 0xc0400000), 0x00602000 | P | W | PS);
	paging_on(g, cr3, 0);
	assert_int_equal(error_of(g, 0x08048000, MMU_READ, true), none);
	assert_int_equal(error_of(g, 0x08048000, MMU_EXEC, true), PF_P | PF_U | PF_I);
	assert_int_equal(error_of(g, 0x18048000, MMU_EXEC, true), PF_U | PF_I);
	assert_true(address_of(g, 0x08049678) == 0xfedcba678ull);
	assert_int_equal(error_of(g, 0x0804a000, MMU_READ, false), PF_P | PF_RSVD);
	assert_int_equal(error_of(g, 0x0804b000, MMU_READ, false), PF_P | PF_RSVD);
	assert_true(address_of(g, 0xc0312345) == 0x00712345);
	assert_int_equal(error_of(g, 0xc0400000, MMU_READ, false), PF_P | PF_RSVD);

	/* NXE off: bit 63 is reserved, and fetches do not set I. */
	struct trap t;
	g->p.efer = 0;
	assert_true(mmu_paging_load(g->m, &g->p, false, &t));
	assert_int_equal(error_of(g, 0x08048000, MMU_READ, true), PF_P | PF_U | PF_RSVD);
	assert_int_equal(error_of(g, 0x18048000, MMU_EXEC, true), PF_U);
	/* A model without NX ignores EFER. */
	g->p.efer = EFER_NXE;
	g->p.has_nx = false;
	load_cr3(g, cr3);
	assert_int_equal(error_of(g, 0x08048000, MMU_READ, true), PF_P | PF_U | PF_RSVD);
	guest_free(g);
}

/* PDPTEs are read at the CR3 load, and only then. */
static void test_pdptes(void **state)
{
	struct guest *g = guest_new(NULL);
	g->pae = true;
	uint32_t cr3 = root_new(g);
	map_page(g, cr3, 0x48048000, 0x500000 | P | W);
	paging_on(g, cr3, 0);
	assert_true(g->p.pdpte[1] == *phys64(g, cr3 + 8));
	uint64_t old = *phys64(g, cr3 + 8);
	store64(g, cr3 + 8, 0);
	mmu_invlpg(g->m, gla(0x48048000));
	assert_true(address_of(g, 0x48048000) == 0x500000);
	load_cr3(g, cr3);
	assert_int_equal(error_of(g, 0x48048000, MMU_READ, false), 0);
	store64(g, cr3 + 8, old | 2);
	struct trap t;
	assert_false(mmu_paging_load(g->m, &g->p, true, &t));
	assert_int_equal(t.vector, VEC_GP);
	assert_int_equal(t.error, 0);
	assert_true(g->p.pdpte[1] == 0);
	store64(g, cr3 + 8, old | 1ull << 40);
	assert_false(mmu_paging_load(g->m, &g->p, true, &t));
	/* A change of EFER does not read them. */
	g->p.efer = EFER_NXE;
	assert_true(mmu_paging_load(g->m, &g->p, false, &t));
	store64(g, cr3 + 8, old);
	load_cr3(g, cr3);
	assert_true(address_of(g, 0x48048000) == 0x500000);
	guest_free(g);
}

static void test_accessed_dirty(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g), pte = pte_at(g, cr3, 0x08048000);
	uint32_t pde = pde_at(g, cr3, 0x08048000);
	map_page(g, cr3, 0x08048000, 0x500000 | P | U);
	paging_on(g, cr3, 0);
	/* A fault sets nothing. */
	assert_int_equal(error_of(g, 0x08048000, MMU_WRITE, true), PF_P | PF_U | PF_W);
	assert_int_equal(*phys32(g, pte) & (A | D), 0);
	assert_int_equal(error_of(g, 0x08048000, MMU_READ, true), none);
	assert_int_equal(*phys32(g, pte) & (A | D), A);
	assert_int_equal(*phys32(g, pde) & (A | D), A);
	store32(g, pte, 0x500000 | P | W | U);
	assert_int_equal(error_of(g, 0x08048000, MMU_WRITE, true), none);
	assert_int_equal(*phys32(g, pte) & (A | D), A | D);
	/* Whoever made units of the table hears of it, once. */
	assert_int_equal(g->code_stores, 0);
	store32(g, pte, 0x500000 | P | W | U);
	mmu_trace_code(g->m, pte >> PAGE_SHIFT, true);
	guest_flush_all(g);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(error_of(g, 0x08048000, MMU_READ, true), none);
		assert_int_equal(g->code_stores, 1);
		assert_int_equal(g->code_store.v, pte);
		guest_flush_all(g);
	}
	guest_free(g);
}

/* Translations may live until a flush, and never beyond it. */
static void test_tlb(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g), other = root_new(g);
	map_page(g, cr3, 0x08048000, 0x500000 | P | U);
	map_page(g, other, 0x08048000, 0x700000 | P | U);
	paging_on(g, cr3, 0);
	assert_true(address_of(g, 0x08048000) == 0x500000);
	map_page(g, cr3, 0x08048000, 0x600000 | P | U);
	mmu_invlpg(g->m, gla(0x08048000));
	assert_true(address_of(g, 0x08048000) == 0x600000);
	load_cr3(g, other);
	assert_true(address_of(g, 0x08048000) == 0x700000);
	store32(g, pte_at(g, other, 0x08048000), 0);
	guest_flush_all(g);
	assert_int_equal(error_of(g, 0x08048000, MMU_READ, false), 0);
	/* An entry for a supervisor's read permits nothing else. */
	load_cr3(g, cr3);
	store32(g, pte_at(g, cr3, 0x08048000), 0x600000 | P);
	mmu_invlpg(g->m, gla(0x08048000));
	assert_true(address_of(g, 0x08048000) == 0x600000);
	assert_int_equal(error_of(g, 0x08048000, MMU_READ, true), PF_P | PF_U);
	assert_int_equal(error_of(g, 0x08048000, MMU_WRITE, false), PF_P | PF_W);
	/* No window was filled by all this. */
	assert_int_equal(stats.maps, 0);
	guest_free(g);
}

/* Tables where there is no RAM read as all ones. */
static void test_table_in_hole(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g);
	*phys32(g, pde_at(g, cr3, 0x08000000)) = 0xa0000 | P | W;
	paging_on(g, cr3, 0);
	assert_true(address_of(g, 0x08048123) == 0xfffff123);
	struct window *w = mmu_window(g->m, false, gla(0x08000000));
	assert_int_equal(touch(g, w, 0x08048123, false, false).value, 0xff);
	assert_int_equal(touch(g, w, 0x08048123, true, false).verdict, MMU_HOLE);
	load_cr3(g, 0xf0000000);
	assert_true(address_of(g, 0x08048123) == 0xfffff123);
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_pse),
		cmocka_unit_test(test_pae),
		cmocka_unit_test(test_pdptes),
		cmocka_unit_test(test_accessed_dirty),
		cmocka_unit_test(test_tlb),
		cmocka_unit_test(test_table_in_hole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
