/* links: mmu host cpu base */
/* KERNEL windows: where they begin, who shares one, tables that map themselves. */
#include "mmu_guest.h"

enum { HALF = 0x80000000u, NT = 0xc0000000u, STACK = 0xc8000000u, UNEVEN = 0xd0000000u };

/* A root whose kernel at this address has one page, in a table that all of them share. */
static uint32_t root_with(struct guest *g, uint32_t kernel, uint64_t *table)
{
	uint32_t cr3 = root_new(g);
	if (*table)
		store_entry(g, pde_at(g, cr3, kernel), *table);
	else
		map_page(g, cr3, kernel, 0x500000 | P | W);
	*table = load_entry(g, pde_at(g, cr3, kernel));
	return cr3;
}

static void self_map(struct guest *g, uint32_t cr3, uint32_t at)
{
	for (unsigned i = 0; i < (g->pae ? 4 : 1); i++)
		store_entry(g, pde_at(g, cr3, at + (i << 21)),
		            (pde_at(g, cr3, i << 30) & ~0xfffu) | P | W);
}

/* Where the loaded root sees the entry of a page. */
static uint32_t self_entry(struct guest *g, uint32_t at, uint32_t a)
{
	return at + (a >> 12) * (g->pae ? 8 : 4);
}

static void test_begins_at_code(void **state)
{
	static const struct {
		uint32_t code, split;
	} c[] = {{0xc0100000, 0xc0000000}, {0xf8100000, 0xc0000000}, {0x80100000, 0x80000000},
	         {0xbfffffff, 0x80000000}, {0x40000000, 0x40000000}, {0x3fffffff, 0}};
	for (unsigned i = 0; i < sizeof c / sizeof *c; i++) {
		struct guest *g = guest_new(NULL);
		paging_on(g, root_new(g), 0);
		struct window *w = kernel_window_at(g, c[i].code);
		assert_int_equal(w->kind, c[i].split ? WINDOW_KERNEL : WINDOW_PRIVATE);
		assert_int_equal(w->split, c[i].split);
		assert_int_equal(stats.kernel_windows, 1);
		uint64_t base[VCPU_PARTS];
		mmu_bases(g->m, w, base);
		for (unsigned p = 0; p < VCPU_PARTS; p++)
			assert_int_equal(base[p] == (uintptr_t)w->base, p >= c[i].split >> 28);
		assert_int_equal(user_window(g)->split, 0);
		guest_free(g);
	}
}

static void test_half(void **state)
{
	for (unsigned pae = 0; pae < 2; pae++) {
		struct guest *g = guest_new(NULL);
		uint64_t table = 0;
		g->pae = pae;
		uint32_t r1 = root_with(g, HALF, &table), r2 = root_with(g, HALF, &table);
		map_page(g, r1, 0x7fc00000, 0x600000 | P | W | U);
		map_page(g, r2, 0x7fc00000, 0x700000 | P | W | U);
		paging_on(g, r1, 0);
		struct window *k = kernel_window_at(g, HALF + 0x1000);
		assert_true(touch(g, k, HALF, true, false).done);
		assert_int_equal(touch(g, k, 0x7fc00000, false, false).verdict, MMU_OTHER_VIEW);
		assert_true(window_serves(g->m, k, gla(HALF)));
		assert_false(window_serves(g->m, k, gla(HALF - 1)));
		load_cr3(g, r2);
		assert_ptr_equal(kernel_window_at(g, HALF + 0x1000), k);
		assert_true(mapped(g, k, HALF, true));
		mmu_invlpg(g->m, gla(HALF));
		assert_true(mapped(g, k, HALF, true));
		guest_free(g);
	}
}

/* Users' addresses were taken for the kernel's: the split goes past them. */
static void test_moves_up(void **state)
{
	for (unsigned pae = 0; pae < 2; pae++) {
		struct guest *g = guest_new(NULL);
		uint64_t table = 0;
		uint32_t r[3];
		g->pae = pae;
		for (unsigned i = 0; i < 3; i++) {
			r[i] = root_with(g, UNEVEN, &table);
			map_page(g, r[i], STACK, (0x600000 + i * PAGE_SIZE) | P | W | U);
		}
		paging_on(g, r[0], 0);
		struct window *k = kernel_window_at(g, UNEVEN + 0x1234);
		assert_int_equal(k->split, 0xc0000000);
		assert_true(touch(g, k, STACK, true, false).done);
		assert_true(touch(g, k, UNEVEN, true, false).done);
		load_cr3(g, r[1]);
		assert_ptr_equal(kernel_window_at(g, UNEVEN + 0x1234), k);
		assert_int_equal(k->split, UNEVEN);
		assert_false(mapped(g, k, STACK, false));
		assert_true(mapped(g, k, UNEVEN, true));
		assert_int_equal(touch(g, k, STACK, false, false).verdict, MMU_OTHER_VIEW);
		uint64_t base[VCPU_PARTS];
		mmu_bases(g->m, k, base);
		assert_int_equal(base[0xc], (uintptr_t)user_window(g)->base);
		assert_int_equal(base[0xd], (uintptr_t)k->base);
		mmu_check(g->m);
		load_cr3(g, r[2]);
		assert_ptr_equal(kernel_window_at(g, UNEVEN + 0x1234), k);
		assert_int_equal(stats.kernel_windows, 1);
		guest_free(g);
	}
}

/* At a load, too: what a root has stored since then parts them, but not at the code. */
static void test_moves_at_load(void **state)
{
	struct guest *g = guest_new(NULL);
	uint64_t table = 0;
	uint32_t r1 = root_with(g, UNEVEN, &table), r2 = root_with(g, UNEVEN, &table);
	paging_on(g, r1, 0);
	struct window *k = kernel_window_at(g, UNEVEN);
	load_cr3(g, r2);
	assert_ptr_equal(kernel_window_at(g, UNEVEN), k);
	map_page(g, r2, STACK, 0x600000 | P | W | U);
	assert_true(touch(g, k, STACK, true, false).done);
	map_page(g, r1, STACK, 0x700000 | P | W | U);
	assert_int_equal(k->split, 0xc0000000);
	load_cr3(g, r1);
	assert_int_equal(k->split, UNEVEN);
	assert_ptr_equal(kernel_window_at(g, UNEVEN), k);

	/* Where code has run nothing moves: the roots have a window each. */
	map_page(g, r1, 0xe0000000, 0x600000 | P);
	assert_true(touch(g, k, 0xe0000000, false, false).done);
	map_page(g, r2, 0xe0000000, 0x700000 | P);
	load_cr3(g, r2);
	assert_ptr_not_equal(kernel_window_at(g, UNEVEN), k);
	assert_int_equal(k->split, UNEVEN);
	guest_free(g);
}

/* The lowest code counts, not what the window was asked for. */
static void test_stays_for_code(void **state)
{
	struct guest *g = guest_new(NULL);
	uint64_t table = 0;
	uint32_t r1 = root_with(g, UNEVEN, &table), r2 = root_with(g, UNEVEN, &table);
	map_page(g, r1, STACK, 0x600000 | P);
	map_page(g, r2, STACK, 0x700000 | P);
	paging_on(g, r1, 0);
	struct window *k = kernel_window_at(g, UNEVEN);
	uint32_t exec;
	struct trap t;
	assert_true(mmu_exec(g->m, k, gla(STACK + 5), false, &exec, &t));
	load_cr3(g, r2);
	struct window *other = kernel_window_at(g, UNEVEN);
	assert_ptr_not_equal(other, k);
	assert_int_equal(k->split, 0xc0000000);
	assert_int_equal(g->revoked, 0);
	/* Nor is it moved past code that comes with the next root. */
	uint32_t r3 = root_with(g, UNEVEN, &table);
	map_page(g, r3, STACK, 0x800000 | P);
	load_cr3(g, r3);
	assert_ptr_not_equal(kernel_window_at(g, STACK), other);
	assert_int_equal(other->split, 0xc0000000);
	guest_free(g);
}

/* Code below the split: a window that begins there; a root that wants that often is private. */
static void test_reaches_down(void **state)
{
	struct guest *g = guest_new(NULL);
	uint64_t table = 0;
	uint32_t r1 = root_with(g, HALF, &table), r2 = root_with(g, HALF, &table);
	paging_on(g, r1, 0);
	struct window *high = kernel_window_at(g, 0xf8000000);
	struct window *k = kernel_window_at(g, HALF);
	assert_int_equal(high->split, 0xc0000000);
	assert_int_equal(k->split, HALF);
	assert_ptr_equal(kernel_window_at(g, 0xf8000000), k);
	load_cr3(g, r2);
	assert_ptr_equal(kernel_window_at(g, HALF), k);
	assert_ptr_equal(kernel_window_at(g, 0xf8000000), k);
	assert_int_equal(stats.kernel_windows, 2);

	/* Its entries change each time, so that no window fits. */
	for (unsigned i = 0; i < 8; i++) {
		map_page(g, r2, 0x90000000, 0x600000 | P);
		load_cr3(g, r2);
		struct window *w = kernel_window_at(g, 0xf8000000);
		if (w->kind == WINDOW_KERNEL && w->split <= HALF)
			assert_true(touch(g, w, 0x90000000, false, false).done);
		kernel_window_at(g, HALF);
		store_entry(g, pde_at(g, r2, 0x90000000), 0);
		load_cr3(g, r1);
		kernel_window_at(g, HALF);
	}
	assert_in_range(stats.kernel_windows, 2, 8);
	guest_free(g);
}

static void test_self_map(void **state)
{
	for (unsigned pae = 0; pae < 2; pae++) {
		struct guest *g = guest_new(NULL);
		uint64_t table = 0;
		enum { ROOTS = 20 };
		uint32_t r[ROOTS], a = 0x08000000;
		g->pae = pae;
		for (unsigned i = 0; i < ROOTS; i++) {
			r[i] = root_with(g, HALF, &table);
			self_map(g, r[i], NT);
			map_page(g, r[i], a, (0x600000 + i * PAGE_SIZE) | P | W | U);
		}
		struct window *k = NULL;
		struct outcome o;
		for (unsigned i = 0; i < 2 * ROOTS; i++) {
			uint32_t cr3 = r[i % ROOTS];
			if (i)
				load_cr3(g, cr3);
			else
				paging_on(g, cr3, 0);
			struct window *w = kernel_window_at(g, HALF);
			assert_true(!k || k == w);
			k = w;
			assert_true(touch(g, k, HALF, true, false).done);
			assert_true(touch(g, user_window(g), a, true, true).done);
			for (unsigned write = 0; write < 2; write++) {
				o = touch(g, k, self_entry(g, NT, a), write, false);
				assert_int_equal(o.verdict, MMU_TRACED);
				assert_int_equal(o.pa.v, pte_at(g, cr3, a));
				o = touch(g, k, self_entry(g, NT, self_entry(g, NT, a)), write,
				          false);
				assert_int_equal(o.verdict, MMU_TRACED);
				assert_int_equal(o.pa.v, pde_at(g, cr3, a));
			}
			o = touch(g, k, self_entry(g, NT, 0x10000000), false, false);
			assert_int_equal(o.verdict, MMU_TRUE_FAULT);
			o = touch(g, user_window(g), self_entry(g, NT, a), false, true);
			assert_int_equal(o.verdict, MMU_TRUE_FAULT);
			assert_int_equal(o.trap.error, PF_P | PF_U);
		}
		assert_int_equal(stats.kernel_windows, 1);
		assert_true(mmu_is_self_map(g->m, gla(NT)));
		assert_int_equal(mmu_is_self_map(g->m, gla(NT + (3 << 21))), pae);
		assert_false(mmu_is_self_map(g->m, gla(NT + (4 << 21))));
		assert_false(window_serves(g->m, k, gla(NT)));
		/* Code in tables is each root's own. */
		uint32_t exec;
		struct trap t;
		assert_true(mmu_exec(g->m, k, gla(self_entry(g, NT, a)), false, &exec, &t));
		assert_int_equal(exec, pte_at(g, r[ROOTS - 1], a) >> PAGE_SHIFT);
		assert_int_equal(kernel_window_at(g, NT)->kind, WINDOW_PRIVATE);
		load_cr3(g, r[0]);
		assert_int_equal(g->revoked, 0);
		assert_ptr_equal(kernel_window_at(g, HALF), k);
		guest_free(g);
	}
}

/* Below the split there is the user's view, which holds none of it either. */
static void test_self_map_below(void **state)
{
	struct guest *g = guest_new(NULL);
	uint64_t table = 0;
	uint32_t cr3 = root_with(g, 0xc0000000, &table), a = 0x08000000;
	self_map(g, cr3, 0xbfc00000);
	map_page(g, cr3, a, 0x600000 | P | W | U);
	paging_on(g, cr3, 0);
	struct window *k = kernel_window(g), *u = user_window(g);
	uint32_t at = self_entry(g, 0xbfc00000, a);
	assert_int_equal(touch(g, k, at, false, false).verdict, MMU_OTHER_VIEW);
	struct outcome o = touch(g, u, at, false, false);
	assert_int_equal(o.verdict, MMU_TRACED);
	assert_int_equal(o.pa.v, pte_at(g, cr3, a));
	assert_ptr_equal(kernel_window(g), k);
	guest_free(g);
}

/* An entry becomes a self-map, and a table again: what was known of it goes. */
static void test_self_map_comes(void **state)
{
	struct guest *g = guest_new(NULL);
	uint64_t table = 0;
	g->next_page = 4 * MIB;
	uint32_t cr3 = root_with(g, HALF, &table);
	map_page(g, cr3, NT, 0x600000 | P | W);
	uint64_t plain = load_entry(g, pde_at(g, cr3, NT));
	paging_on(g, cr3, 0);
	struct window *k = kernel_window_at(g, HALF);
	uint32_t exec;
	struct trap t;
	for (unsigned flush = 0; flush < 2; flush++) {
		assert_true(touch(g, k, NT, true, false).done);
		assert_true(mmu_exec(g->m, k, gla(NT), false, &exec, &t));
		self_map(g, cr3, NT);
		flush ? guest_flush_all(g) : mmu_invlpg(g->m, gla(NT));
		assert_int_equal(g->revoked, flush + 1);
		assert_false(mapped(g, k, NT, false));
		mmu_check(g->m);
		store_entry(g, pde_at(g, cr3, NT), plain);
	}
	/* A large page at the directory's address is none. */
	store_entry(g, pde_at(g, cr3, NT), cr3 | P | W | PS);
	assert_true(mmu_is_self_map(g->m, gla(NT)));
	g->p.cr4 |= CR4_PSE;
	load_cr3(g, cr3);
	assert_false(mmu_is_self_map(g->m, gla(NT)));
	guest_free(g);
}

/* Two roots, and one entry that maps a table in one and its own directory in the other. */
static void test_self_map_or_table(void **state)
{
	struct guest *g = guest_new(NULL);
	uint64_t table = 0;
	uint32_t r1 = root_with(g, HALF, &table), r2 = root_with(g, HALF, &table);
	map_page(g, r1, NT, 0x600000 | P | W);
	self_map(g, r2, NT);
	paging_on(g, r1, 0);
	struct window *k = kernel_window_at(g, HALF);
	assert_true(touch(g, k, NT, true, false).done);
	load_cr3(g, r2);
	struct window *other = kernel_window_at(g, HALF);
	assert_ptr_not_equal(other, k);
	assert_false(mapped(g, other, NT, false));
	assert_int_equal(touch(g, other, NT, false, false).verdict, MMU_TRUE_FAULT);
	load_cr3(g, r1);
	assert_ptr_equal(kernel_window_at(g, HALF), k);
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begins_at_code), cmocka_unit_test(test_half),
		cmocka_unit_test(test_moves_up),       cmocka_unit_test(test_moves_at_load),
		cmocka_unit_test(test_stays_for_code), cmocka_unit_test(test_reaches_down),
		cmocka_unit_test(test_self_map),       cmocka_unit_test(test_self_map_below),
		cmocka_unit_test(test_self_map_comes), cmocka_unit_test(test_self_map_or_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
