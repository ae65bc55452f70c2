/* links: mmu host cpu base */
/* Watched pages: every window keeps them from being accessed unseen, and nothing else. */
#include "mmu_guest.h"

enum { PAGES = 32, BASE = 0x08000000, FRAME = 8 * MIB, KERNEL = 0xc0400000 };

/* The same frames in the user's half and the kernel's, in two roots. */
struct space {
	struct guest *g;
	uint32_t cr3[2];
};

static struct space space_new(bool pae)
{
	struct space s = {.g = guest_new(NULL)};
	s.g->pae = pae;
	for (unsigned r = 0; r < 2; r++) {
		s.cr3[r] = root_new(s.g);
		for (unsigned i = 0; i < PAGES; i++) {
			uint64_t frame = FRAME + i * PAGE_SIZE;
			map_page(s.g, s.cr3[r], BASE + i * PAGE_SIZE, frame | P | W | U | A | D);
			map_page(s.g, s.cr3[r], KERNEL + i * PAGE_SIZE, frame | P | W | A | D);
		}
	}
	paging_on(s.g, s.cr3[0], 0);
	return s;
}

static void fill(struct space *s)
{
	for (unsigned i = 0; i < PAGES; i++) {
		struct window *u = user_window(s->g), *k = kernel_window(s->g);
		assert_true(touch(s->g, u, BASE + i * PAGE_SIZE, true, true).done);
		assert_true(touch(s->g, k, KERNEL + i * PAGE_SIZE, true, false).done);
	}
}

static void watch(struct space *s, uint32_t a, bool reads)
{
	mmu_watch_set(s->g->m, &(struct mmu_watch){a / PAGE_SIZE, a / PAGE_SIZE, reads}, 1);
}

static void check_stores(bool pae)
{
	struct space s = space_new(pae);
	uint32_t page = BASE + 5 * PAGE_SIZE;
	fill(&s);
	uint64_t maps = stats.maps, unmaps = stats.unmaps, protects = stats.protects;
	watch(&s, page, false);
	struct window *u = user_window(s.g);
	/* One call; its neighbours and its other linear address are as they were. */
	assert_int_equal(stats.protects, protects + 1);
	assert_int_equal(stats.unmaps, unmaps);
	assert_int_equal(stats.maps, maps);
	assert_true(mapped(s.g, u, page, false));
	assert_false(mapped(s.g, u, page, true));
	assert_true(mapped(s.g, u, page - PAGE_SIZE, true));
	assert_true(mapped(s.g, u, page + PAGE_SIZE, true));
	assert_true(mapped(s.g, kernel_window(s.g), KERNEL + 5 * PAGE_SIZE, true));
	struct outcome o = touch(s.g, u, page + 8, true, true);
	assert_int_equal(o.verdict, MMU_TRACED);
	assert_int_equal(o.pa.v, FRAME + 5 * PAGE_SIZE + 8);
	assert_true(touch(s.g, u, page, false, true).done);
	assert_true(mmu_is_watched(s.g->m, gla(page), 1, true));
	assert_true(mmu_is_watched(s.g->m, gla(page - 2), 4, true));
	assert_false(mmu_is_watched(s.g->m, gla(page - 4), 4, true));
	assert_false(mmu_is_watched(s.g->m, gla(page), 4, false));
	mmu_check(s.g->m);
	/* The same again costs nothing; none: the page comes back when it is stored to. */
	protects = stats.protects;
	watch(&s, page, false);
	user_window(s.g);
	assert_int_equal(stats.protects, protects);
	mmu_watch_set(s.g->m, NULL, 0);
	user_window(s.g);
	assert_int_equal(stats.protects, protects);
	assert_true(touch(s.g, u, page, true, true).done);
	guest_free(s.g);
}

static void check_accesses(bool pae)
{
	struct space s = space_new(pae);
	uint32_t page = KERNEL + 9 * PAGE_SIZE;
	uint32_t exec;
	struct trap t;
	fill(&s);
	struct window *k = kernel_window(s.g);
	assert_true(mmu_exec(s.g->m, k, gla(page), false, &exec, &t));
	watch(&s, page, true);
	assert_ptr_equal(kernel_window(s.g), k);
	assert_false(mapped(s.g, k, page, false));
	assert_true(mapped(s.g, k, page - PAGE_SIZE, true));
	assert_true(mapped(s.g, k, page + PAGE_SIZE, true));
	assert_int_equal(touch(s.g, k, page, false, false).verdict, MMU_TRACED);
	assert_int_equal(touch(s.g, k, page, true, false).verdict, MMU_TRACED);
	/* What is executed is not accessed. */
	assert_int_equal(s.g->revoked, 0);
	assert_true(mmu_exec(s.g->m, k, gla(page), false, &exec, &t));
	assert_int_equal(exec, (FRAME >> PAGE_SHIFT) + 9);
	/* A fill around it leaves it out. */
	load_cr3(s.g, s.cr3[0]);
	assert_true(touch(s.g, k, page - PAGE_SIZE, false, false).done);
	assert_false(mapped(s.g, k, page, false));
	mmu_check(s.g->m);
	mmu_watch_set(s.g->m, NULL, 0);
	kernel_window(s.g);
	assert_true(touch(s.g, k, page, true, false).done);
	guest_free(s.g);
}

static void test_stores(void **state)
{
	check_stores(false);
	check_stores(true);
}

static void test_accesses(void **state)
{
	check_accesses(false);
	check_accesses(true);
}

/* A page that becomes writable again takes its neighbours with it, but not over a watched one. */
static void test_neighbours(void **state)
{
	struct space s = space_new(false);
	uint32_t page = BASE + 6 * PAGE_SIZE;
	fill(&s);
	for (int32_t d = -1; d <= 1; d += 2) {
		uint32_t vpn = page / PAGE_SIZE;
		mmu_watch_set(s.g->m, &(struct mmu_watch){vpn - 2, vpn + 2, false}, 1);
		user_window(s.g);
		watch(&s, page, false);
		struct window *u = user_window(s.g);
		assert_true(touch(s.g, u, page + (uint32_t)d * PAGE_SIZE, true, true).done);
		assert_true(mapped(s.g, u, page + 2 * (uint32_t)d * PAGE_SIZE, true));
		assert_false(mapped(s.g, u, page, true));
		assert_false(mapped(s.g, u, page - (uint32_t)d * PAGE_SIZE, true));
		mmu_check(s.g->m);
	}
	guest_free(s.g);
}

/* A window that was filled before, when it comes into use; and one that is new. */
static void test_other_roots(void **state)
{
	struct space s = space_new(false);
	uint32_t page = BASE + 3 * PAGE_SIZE;
	fill(&s);
	struct window *first = user_window(s.g);
	load_cr3(s.g, s.cr3[1]);
	watch(&s, page, true);
	struct window *second = user_window(s.g);
	assert_int_equal(touch(s.g, second, page, false, true).verdict, MMU_TRACED);
	assert_true(touch(s.g, second, page + PAGE_SIZE, true, true).done);
	assert_false(mapped(s.g, second, page, false));
	load_cr3(s.g, s.cr3[0]);
	assert_ptr_equal(user_window(s.g), first);
	assert_false(mapped(s.g, first, page, false));
	/* Through the bases that a supervisor's site chooses from, too. */
	mmu_watch_set(s.g->m, NULL, 0);
	assert_true(touch(s.g, user_window(s.g), page, true, true).done);
	watch(&s, page, false);
	uint64_t base[VCPU_PARTS];
	mmu_bases(s.g->m, kernel_window(s.g), base);
	assert_int_equal(base[0], (uintptr_t)first->base);
	assert_false(mapped(s.g, first, page, true));
	guest_free(s.g);
}

/* Runs: in a large page, over the top of the address space, over holes. */
static void test_ranges(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g);
	store_entry(g, pde_at(g, cr3, 0xc0000000), 0 | P | W | PS | A | D);
	map_page(g, cr3, 0xfffff000, FRAME | P | W | A | D);
	paging_on(g, cr3, CR4_PSE);
	struct mmu_watch w[] = {{0xc0010, 0xc0012, false},
	                        {0xc0020, 0xc0020, true},
	                        {0xfffff, 0xfffff, true},
	                        {0xc00b0, 0xc00b0, true}};
	mmu_watch_set(g->m, w, 4);
	struct window *k = kernel_window(g);
	for (uint32_t a = 0xc0000000; a < 0xc0030000; a += PAGE_SIZE) {
		bool store = a < 0xc0010000 || a > 0xc0012fff, load = a != 0xc0020000;
		assert_int_equal(touch(g, k, a, false, false).done, load);
		assert_int_equal(touch(g, k, a, true, false).done, store && load);
	}
	assert_int_equal(touch(g, k, 0xfffffffc, false, false).verdict, MMU_TRACED);
	/* A hole is read by the monitor then. */
	assert_int_equal(touch(g, k, 0xc00b0000, false, false).verdict, MMU_TRACED);
	assert_true(touch(g, k, 0xc00b1000, false, false).done);
	mmu_check(g->m);
	mmu_watch_set(g->m, NULL, 0);
	k = kernel_window(g);
	assert_true(touch(g, k, 0xc0010000, true, false).done);
	assert_true(touch(g, k, 0xc0020000, true, false).done);
	guest_free(g);
}

/* Without paging; and 10,000 times on and off, of a page that nobody touches. */
static void test_switched(void **state)
{
	struct guest *g = guest_new(NULL);
	struct trap t;
	assert_true(mmu_paging_load(g->m, &g->p, true, &t));
	struct mmu_watch w = {0x400, 0x400, true};
	struct window *p = mmu_window(g->m, false, gla(0));
	assert_true(touch(g, p, 0x400000, true, false).done);
	for (unsigned i = 0; i < 10000; i++) {
		mmu_watch_set(g->m, &w, 1);
		mmu_window(g->m, false, gla(0));
		if (i == 0) {
			assert_false(mapped(g, p, 0x400000, false));
			assert_true(mapped(g, p, 0x401000, true));
		}
		mmu_watch_set(g->m, NULL, 0);
		mmu_window(g->m, false, gla(0));
	}
	assert_in_range(stats.maps + stats.unmaps + stats.protects, 1, 8);
	assert_true(touch(g, p, 0x400000, true, false).done);
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stores),     cmocka_unit_test(test_accesses),
		cmocka_unit_test(test_neighbours), cmocka_unit_test(test_other_roots),
		cmocka_unit_test(test_ranges),     cmocka_unit_test(test_switched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
