/* links: mmu host cpu base */
/* wraps: host_mem_map host_mem_unmap host_mem_protect host_mem_wp_register host_mem_wp_set */
/* Tracing of page tables: revocation at flushes, shared and private tables,
 * roots that die; then random guests against the books. */
#define _GNU_SOURCE
#include "mmu_guest.h"
#include "mmu/mmu_internal.h"
#include "stepping.h"

#include <errno.h>

/* --- a host that has no mapping left, now and then; a whole window it always unmaps --- */

static struct mmu *scarce;  /* whose calls fail; NULL: nobody's */
static bool no_registering; /* for good */
static unsigned refusals;

static bool refused(void)
{
	static uint32_t state = 1;
	state = state * 1664525 + 1013904223;
	bool no = scarce && (state >> 8) % 12 == 0;
	refusals += no;
	return no;
}

int __real_host_mem_unmap(void *at, size_t bytes);
int __wrap_host_mem_unmap(void *at, size_t bytes)
{
	return bytes < WINDOW_SIZE && refused() ? -ENOMEM : __real_host_mem_unmap(at, bytes);
}

int __real_host_mem_map(void *at, size_t bytes, int fd, uint64_t offset, bool write);
int __wrap_host_mem_map(void *at, size_t bytes, int fd, uint64_t offset, bool write)
{
	/* The host takes what was there before it looks for room. */
	if (scarce && scarce->vmas && refused()) {
		assert_int_equal(__real_host_mem_unmap(at, bytes), 0);
		return -ENOMEM;
	}
	return __real_host_mem_map(at, bytes, fd, offset, write);
}

/* Calls that fail half-way. */
static size_t half_of(size_t bytes)
{
	return bytes / PAGE_SIZE / 2 * PAGE_SIZE;
}

int __real_host_mem_protect(void *at, size_t bytes, bool write);
int __wrap_host_mem_protect(void *at, size_t bytes, bool write)
{
	if (!refused())
		return __real_host_mem_protect(at, bytes, write);
	if (half_of(bytes))
		__real_host_mem_protect(at, half_of(bytes), write);
	return -ENOMEM;
}

int __real_host_mem_wp_register(int wp, void *at, size_t bytes);
int __wrap_host_mem_wp_register(int wp, void *at, size_t bytes)
{
	if (!refused() && !no_registering)
		return __real_host_mem_wp_register(wp, at, bytes);
	if (half_of(bytes))
		__real_host_mem_wp_register(wp, at, half_of(bytes));
	return -ENOMEM;
}

int __real_host_mem_wp_set(int wp, void *at, size_t bytes, bool protect);
int __wrap_host_mem_wp_set(int wp, void *at, size_t bytes, bool protect)
{
	if (!refused())
		return __real_host_mem_wp_set(wp, at, bytes, protect);
	if (half_of(bytes))
		__real_host_mem_wp_set(wp, at, half_of(bytes), protect);
	return -ENOMEM;
}

static void setup_user(struct guest *g, uint32_t *cr3, unsigned pages)
{
	*cr3 = root_new(g);
	for (unsigned i = 0; i < pages; i++)
		map_page(g, *cr3, 0x08000000 + i * PAGE_SIZE,
		         (8 * MIB + 2 * i * PAGE_SIZE) | P | W | U | A | D);
}

static void fill_user(struct guest *g, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		assert_true(touch(g, user_window(g), 0x08000000 + i * PAGE_SIZE, true, true).done);
}

static void check_revocation(struct guest *g)
{
	uint32_t cr3;
	setup_user(g, &cr3, 32);
	paging_on(g, cr3, 0);
	struct window *u = user_window(g);
	fill_user(g, 32);
	assert_true(mmu_is_table(g->m, pte_at(g, cr3, 0x08000000) >> 12));
	assert_true(mmu_is_table(g->m, pde_at(g, cr3, 0x08000000) >> 12));

	/* Growth and equal stores revoke nothing. */
	uint64_t unmaps = stats.unmaps;
	for (unsigned i = 0; i < 32; i++) {
		uint32_t pte = pte_at(g, cr3, 0x08000000 + i * PAGE_SIZE);
		store_entry(g, pte, load_entry(g, pte));
	}
	map_page(g, cr3, 0x08100000, 0x700000 | P | U);
	guest_flush_all(g);
	assert_int_equal(stats.unmaps, unmaps);
	assert_true(mapped(g, u, 0x08000000, true));

	/* What goes stays until a flush, then goes in one call. */
	for (unsigned i = 0; i < 16; i++)
		map_page(g, cr3, 0x08000000 + i * PAGE_SIZE, 0);
	assert_true(mapped(g, u, 0x08000000, true));
	load_cr3(g, cr3);
	assert_int_equal(stats.unmaps, unmaps + 1);
	assert_false(mapped(g, u, 0x08000000, false));
	assert_false(mapped(g, u, 0x0800f000, false));
	assert_true(mapped(g, u, 0x08010000, true));
	mmu_check(g->m);

	/* Fork: write rights go, the pages stay readable; one call again. */
	uint64_t protects = stats.protects;
	for (unsigned i = 16; i < 32; i++) {
		uint32_t pte = pte_at(g, cr3, 0x08000000 + i * PAGE_SIZE);
		store_entry(g, pte, load_entry(g, pte) & ~(uint64_t)W);
	}
	guest_flush_all(g);
	assert_int_equal(stats.protects, protects + 1);
	assert_true(mapped(g, u, 0x08010000, false));
	assert_false(mapped(g, u, 0x0801f000, true));

	/* A revocation that is taken back before the flush does not happen. */
	uint32_t pte = pte_at(g, cr3, 0x08014000);
	uint64_t old = load_entry(g, pte);
	store_entry(g, pte, 0);
	store_entry(g, pte, old);
	unmaps = stats.unmaps;
	mmu_invlpg(g->m, gla(0x08014000));
	assert_int_equal(stats.unmaps, unmaps);
	assert_true(mapped(g, u, 0x08014000, false));

	/* The same page again elsewhere: replaced at the first touch. */
	map_page(g, cr3, 0x08014000, 0x780000 | P | W | U);
	struct trap t;
	gpa_t pa;
	assert_int_equal(mmu_fault(g->m, u, gla(0x08014001), MMU_WRITE, true, &pa, &t), MMU_MAPPED);
	assert_true(touch(g, u, 0x08014001, true, true).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(0x780001)), 0x5a);

	/* A whole directory entry goes: its table is free again. */
	uint32_t table = pte_at(g, cr3, 0x08000000) & ~0xfffu;
	store_entry(g, pde_at(g, cr3, 0x08000000), 0);
	assert_true(mapped(g, u, 0x08014000, false));
	guest_flush_all(g);
	assert_false(mapped(g, u, 0x08014000, false));
	assert_false(mmu_is_table(g->m, table >> 12));
}

static void test_revocation(void **state)
{
	struct guest *g = guest_new(NULL);
	check_revocation(g);
	guest_free(g);
	g = guest_new(NULL);
	g->pae = true;
	check_revocation(g);
	guest_free(g);
}

/* A run takes over a writable entry whose PTE names another page by now (no flush yet): the
 * page that it maps is known as writable there, so that tracing it protects it, and the page
 * that it was is free.  SDM vol. 3, 4.10.3: a TLB may forget an entry at any time. */
static void check_run_over_changed(bool pae)
{
	enum { AT = 0x08000000, X = 8 * MIB, Y = 9 * MIB, RIGHTS = P | W | U | A | D };
	struct guest *g = guest_new(NULL);
	g->pae = pae;
	uint32_t cr3 = root_new(g);
	map_page(g, cr3, AT, (Y - PAGE_SIZE) | RIGHTS);
	map_page(g, cr3, AT + PAGE_SIZE, X | RIGHTS);
	paging_on(g, cr3, 0);
	struct window *u = user_window(g);
	assert_true(touch(g, u, AT + PAGE_SIZE, true, true).done);
	map_page(g, cr3, AT + PAGE_SIZE, Y | RIGHTS);
	assert_true(mapped(g, u, AT + PAGE_SIZE, true));
	assert_true(touch(g, u, AT, true, true).done);
	mmu_check(g->m);
	assert_true(touch(g, u, AT + PAGE_SIZE + 5, true, true).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(Y + 5)), 0x5a);

	mmu_trace_code(g->m, X >> PAGE_SHIFT, true);
	assert_true(mapped(g, u, AT + PAGE_SIZE, true));
	mmu_trace_code(g->m, Y >> PAGE_SHIFT, true);
	assert_false(mapped(g, u, AT + PAGE_SIZE, true));
	assert_int_equal(touch(g, u, AT + PAGE_SIZE, true, true).verdict, MMU_TRACED);
	mmu_check(g->m);
	guest_free(g);
}

static void test_run_over_changed(void **state)
{
	check_run_over_changed(false);
	check_run_over_changed(true);
}

/* A directory entry that changes before the flush, with fills in between. */
static void test_directory_replaced(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3;
	setup_user(g, &cr3, 4);
	paging_on(g, cr3, 0);
	struct window *u = user_window(g);
	fill_user(g, 4);
	uint32_t fresh = guest_page(g), old = pte_at(g, cr3, 0x08000000) & ~0xfffu;
	*phys32(g, fresh + 4) = 0x700000 | P | W | U;
	store32(g, pde_at(g, cr3, 0x08000000), fresh | P | W | U);
	assert_true(mapped(g, u, 0x08000000, true));
	/* A fill through the new table takes the place of the old one's. */
	gpa_t pa;
	struct trap t;
	assert_int_equal(mmu_fault(g->m, u, gla(0x08001005), MMU_WRITE, true, &pa, &t), MMU_MAPPED);
	assert_true(touch(g, u, 0x08001005, true, true).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(0x700005)), 0x5a);
	assert_false(mmu_is_table(g->m, old >> 12));
	assert_true(mmu_is_table(g->m, fresh >> 12));
	guest_flush_all(g);
	assert_true(mapped(g, u, 0x08001000, true));
	assert_false(mapped(g, u, 0x08000000, false));
	guest_free(g);
}

/* A kernel table feeds one shared window; its stores reach it from any root. */
static void test_shared_table(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t r1 = root_new(g), r2 = root_new(g);
	map_page(g, r1, 0xc0000000, 0x500000 | P | W | G | A | D);
	*phys32(g, pde_at(g, r2, 0xc0000000)) = *phys32(g, pde_at(g, r1, 0xc0000000));
	paging_on(g, r1, CR4_PGE);
	struct window *k = kernel_window(g);
	assert_true(touch(g, k, 0xc0000000, true, false).done);
	load_cr3(g, r2);
	assert_ptr_equal(kernel_window(g), k);
	map_page(g, r2, 0xc0000000, 0x600000 | P | W | G | A | D);
	mmu_invlpg(g->m, gla(0xc0000000));
	assert_true(touch(g, k, 0xc0000007, true, false).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(0x600007)), 0x5a);

	/* The whole kernel moves to another table, in all roots, then a flush. */
	uint32_t fresh = guest_page(g);
	*phys32(g, fresh) = 0x700000 | P | W | G;
	store32(g, pde_at(g, r1, 0xc0000000), fresh | P | W | U);
	store32(g, pde_at(g, r2, 0xc0000000), fresh | P | W | U);
	guest_flush_all(g);
	assert_ptr_equal(kernel_window(g), k);
	assert_false(mapped(g, k, 0xc0000000, false));
	assert_true(touch(g, k, 0xc0000009, true, false).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(0x700009)), 0x5a);
	load_cr3(g, r1);
	assert_ptr_equal(kernel_window(g), k);

	/* The same with a CR3 load for a flush. */
	store32(g, pde_at(g, r1, 0xc0000000), 0x00c00000 | P | W | PS | A | D);
	store32(g, pde_at(g, r2, 0xc0000000), 0x00c00000 | P | W | PS | A | D);
	g->p.cr4 |= CR4_PSE;
	load_cr3(g, r1);
	k = kernel_window(g);
	assert_true(touch(g, k, 0xc0001009, true, false).done);
	store32(g, pde_at(g, r1, 0xc0000000), fresh | P | W | U);
	load_cr3(g, r1);
	assert_ptr_equal(kernel_window(g), k);
	assert_true(touch(g, k, 0xc000000a, true, false).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(0x70000a)), 0x5a);
	guest_free(g);
}

static void test_self_map(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g);
	/* The directory's last entry maps the directory: tables appear at FFC00000h. */
	*phys32(g, pde_at(g, cr3, 0xffc00000)) = cr3 | P | W;
	map_page(g, cr3, 0xc0000000, 0x500000 | P | W);
	paging_on(g, cr3, 0);
	struct window *k = kernel_window(g);
	assert_true(touch(g, k, 0xc0000000, true, false).done);
	/* The shared window has none of that, not even to read. */
	struct outcome o = touch(g, k, 0xfffff000, false, false);
	assert_int_equal(o.verdict, MMU_TRACED);
	assert_int_equal(o.pa.v, cr3);
	mmu_force_private(g->m);
	k = kernel_window(g);
	assert_int_equal(k->kind, WINDOW_PRIVATE);
	assert_int_equal(touch(g, k, 0xfffff000, false, false).value, 0);
	o = touch(g, k, 0xfffff000, true, false);
	assert_int_equal(o.verdict, MMU_TRACED);
	assert_int_equal(o.pa.v, cr3);
	o = touch(g, k, 0xffc00000 + (0xc0000000 >> 10), true, false);
	assert_int_equal(o.verdict, MMU_TRACED);
	assert_int_equal(o.pa.v, pte_at(g, cr3, 0xc0000000));
	guest_free(g);
}

static void test_roots_die(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t r1, r2;
	setup_user(g, &r1, 8);
	setup_user(g, &r2, 8);
	paging_on(g, r1, 0);
	fill_user(g, 8);
	struct window *u1 = user_window(g);
	load_cr3(g, r2);
	fill_user(g, 8);
	/* The directory is filled with something else. */
	memset(mmu_host_store(g->m, gpa(r1)), 0, PAGE_SIZE);
	mmu_written(g->m, gpa(r1), PAGE_SIZE);
	assert_int_equal(g->dropped, 1);
	assert_ptr_equal(g->dropped_last, u1);
	assert_false(mmu_is_table(g->m, r1 >> 12));
	mmu_check(g->m);

	/* A few stores to tables of a sleeping root do no harm; a tear-down does. */
	uint32_t r3;
	setup_user(g, &r3, 8);
	load_cr3(g, r3);
	for (unsigned i = 0; i < 8; i++)
		map_page(g, r2, 0x08000000 + i * PAGE_SIZE, 0);
	assert_int_equal(g->dropped, 1);
	for (unsigned i = 0; i < 32; i++)
		store32(g, r2 + i * 4, 0);
	assert_int_equal(g->dropped, 2);
	assert_false(mmu_is_table(g->m, r2 >> 12));
	/* The loaded one lives whatever is done to it. */
	fill_user(g, 8);
	for (unsigned i = 0; i < 1024; i++)
		store32(g, r3 + i * 4, 0);
	assert_int_equal(g->dropped, 2);
	guest_flush_all(g);
	assert_int_equal(touch(g, user_window(g), 0x08000000, false, true).verdict, MMU_TRUE_FAULT);
	guest_free(g);
}

/* As many roots as there is room for live side by side; then the one that was loaded longest
 * ago dies. */
static void test_roots_full(void **state)
{
	enum { ROOTS_MAX = 1024 };
	struct guest *g = guest_new(NULL);
	static uint32_t root[ROOTS_MAX + 1];
	for (unsigned i = 0; i <= ROOTS_MAX; i++)
		root[i] = root_new(g);
	paging_on(g, root[1], 0);
	for (unsigned i = 0; i < ROOTS_MAX; i++)
		load_cr3(g, root[i]);
	for (unsigned i = 0; i < ROOTS_MAX; i++)
		assert_true(mmu_is_table(g->m, root[i] >> 12));
	load_cr3(g, root[0]);
	load_cr3(g, root[ROOTS_MAX]);
	for (unsigned i = 0; i <= ROOTS_MAX; i++)
		assert_int_equal(mmu_is_table(g->m, root[i] >> 12), i != 1);
	guest_free(g);
}

/* Most of a loaded address space goes before a CR3 load: its window goes whole. */
static void test_teardown(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3;
	setup_user(g, &cr3, 64);
	paging_on(g, cr3, 0);
	fill_user(g, 64);
	struct window *u = user_window(g);
	for (unsigned i = 0; i < 32; i++)
		map_page(g, cr3, 0x08000000 + i * PAGE_SIZE, 0);
	load_cr3(g, cr3);
	assert_int_equal(g->dropped, 0);
	assert_true(mapped(g, u, 0x08020000, true));
	for (unsigned i = 0; i < 64; i++)
		map_page(g, cr3, 0x08000000 + i * PAGE_SIZE,
		         (8 * MIB + 2 * i * PAGE_SIZE) | P | W | U | A | D);
	fill_user(g, 64);
	for (unsigned i = 0; i < 60; i++)
		map_page(g, cr3, 0x08000000 + i * PAGE_SIZE, 0);
	load_cr3(g, cr3);
	assert_int_equal(g->dropped, 1);
	mmu_check(g->m);
	u = user_window(g);
	assert_true(touch(g, u, 0x0803f000, true, true).done);
	assert_int_equal(touch(g, u, 0x08000000, true, true).verdict, MMU_TRUE_FAULT);
	guest_free(g);
}

/* A page table's page is filled while shadows hang on it: they go, and the page
 * may be written again. */
static void test_table_refilled(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3;
	setup_user(g, &cr3, 8);
	map_page(g, cr3, 0x10000000, pte_at(g, cr3, 0x08000000) >> 12 << 12 | P | W | U);
	paging_on(g, cr3, 0);
	fill_user(g, 8);
	struct window *u = user_window(g);
	uint32_t table = pte_at(g, cr3, 0x08000000) & ~0xfffu;
	assert_int_equal(touch(g, u, 0x10000ffc, true, true).verdict, MMU_TRACED);
	memset(mmu_host_store(g->m, gpa(table)), 0, PAGE_SIZE);
	mmu_written(g->m, gpa(table), PAGE_SIZE);
	assert_false(mmu_is_table(g->m, table >> 12));
	assert_true(touch(g, u, 0x10000ffc, true, true).done);
	assert_int_equal(touch(g, u, 0x08000000, false, true).verdict, MMU_TRUE_FAULT);
	guest_free(g);
}

/* More revocations than the queue holds. */
static void test_queue_overflow(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g);
	for (unsigned i = 0; i < 6000; i++)
		map_page(g, cr3, 0xc0000000 + i * PAGE_SIZE,
		         (8 * MIB + i * PAGE_SIZE) | P | W | A | D);
	paging_on(g, cr3, 0);
	struct window *k = kernel_window(g);
	for (unsigned i = 0; i < 6000; i += 100)
		assert_true(touch(g, k, 0xc0000000 + i * PAGE_SIZE, true, false).done);
	for (unsigned i = 0; i < 6000; i++)
		map_page(g, cr3, 0xc0000000 + i * PAGE_SIZE, 0);
	mmu_check(g->m);
	guest_flush_all(g);
	for (unsigned i = 0; i < 6000; i += 500)
		assert_false(mapped(g, k, 0xc0000000 + i * PAGE_SIZE, false));
	guest_free(g);
}

/* --- very many mappings --- */

enum { ALIASES = 900 };

/* Runs of three pages of one file, three pages of memory each: a host mapping for each. */
static uint32_t alias_runs(struct guest *g, unsigned runs, unsigned stride)
{
	uint32_t cr3 = root_new(g);
	for (unsigned i = 0; i < runs; i++)
		for (unsigned k = 0; k < 3; k++)
			map_page(g, cr3, 0x08000000 + (i * stride + k) * PAGE_SIZE,
			         (8 * MIB + k * PAGE_SIZE) | P | W | U | A | D);
	paging_on(g, cr3, 0);
	for (unsigned i = 0; i < runs; i++)
		assert_true(
			touch(g, user_window(g), 0x08000000 + i * stride * PAGE_SIZE, true, true)
				.done);
	return cr3;
}

/* One call that would split each of them: there is a bound to how many. */
static void test_splits_bounded(void **state)
{
	struct mmu_config c = {.ram_bytes = 64 * MIB, .vma_budget = 1000};
	for (unsigned fd = 0; fd < 2; fd++) {
		c.no_userfaultfd = fd;
		struct guest *g = guest_new(&c);
		alias_runs(g, ALIASES, 4);
		assert_in_range(g->m->vmas, ALIASES, c.vma_budget);
		mmu_trace_code(g->m, 8 * MIB / PAGE_SIZE + 1, true);
		assert_in_range(g->m->vmas, 0, c.vma_budget + MAX_SPLITS + 2);
		assert_false(mapped(g, user_window(g), 0x08001000, true));
		mmu_check(g->m);
		assert_int_equal(touch(g, user_window(g), 0x08001000, true, true).verdict,
		                 MMU_TRACED);
		assert_true(touch(g, user_window(g), 0x08000000, true, true).done);
		guest_free(g);
	}
}

/* The same by stores to page tables: every second page of long runs is made read-only. */
static void test_revocations_bounded(void **state)
{
	struct mmu_config c = {.ram_bytes = 64 * MIB, .vma_budget = 400};
	struct guest *g = guest_new(&c);
	uint32_t cr3 = root_new(g);
	for (unsigned i = 0; i < 2048; i++)
		map_page(g, cr3, 0xc0000000 + i * PAGE_SIZE,
		         (8 * MIB + i * PAGE_SIZE) | P | W | A | D);
	paging_on(g, cr3, 0);
	struct window *k = kernel_window(g);
	for (unsigned i = 0; i < 2048; i += 1024)
		assert_true(touch(g, k, 0xc0000000 + i * PAGE_SIZE, true, false).done);
	for (unsigned i = 0; i < 2048; i += 2)
		map_page(g, cr3, 0xc0000000 + i * PAGE_SIZE, (8 * MIB + i * PAGE_SIZE) | P | A | D);
	guest_flush_all(g);
	assert_in_range(g->m->vmas, 0, c.vma_budget + MAX_SPLITS + 2);
	mmu_check(g->m);
	assert_int_equal(touch(g, k, 0xc0000000, true, false).verdict, MMU_TRUE_FAULT);
	assert_true(touch(g, k, 0xc0001000, true, false).done);
	guest_free(g);
}

/* A half that is registered with userfaultfd, and then may no longer be. */
static void test_registered_no_more(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g), gfn = 8 * MIB / PAGE_SIZE;
	for (unsigned i = 0; i < 1024; i++)
		map_page(g, cr3, 0xc0000000 + i * PAGE_SIZE,
		         (8 * MIB + i * PAGE_SIZE) | P | W | A | D);
	paging_on(g, cr3, 0);
	struct window *k = kernel_window(g);
	assert_true(touch(g, k, 0xc0000000, true, false).done);
	for (unsigned i = 0; i < 32; i += 2)
		mmu_trace_code(g->m, gfn + i, true);
	assert_in_range(g->m->vmas, 1, g->m->uffd < 0 ? 33 : 2);
	no_registering = true;
	map_page(g, cr3, 0xc0001000, 0);
	guest_flush_all(g);
	map_page(g, cr3, 0xc0001000, (8 * MIB + PAGE_SIZE) | P | W | A | D);
	assert_true(touch(g, k, 0xc0001000, true, false).done);
	assert_int_equal(touch(g, k, 0xc0000000, true, false).verdict, MMU_TRACED);
	no_registering = false;
	guest_free(g);
}

static unsigned steps;

static void count_step(ucontext_t *u)
{
	steps++;
}

/* Instructions that it takes to revoke one of so many aliases of a page, or one of so
 * many directory entries that lead to one table. */
static unsigned steps_to_revoke(unsigned aliases, bool table)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g), pte = pte_at(g, cr3, 0x08000000);
	store_entry(g, pte, 8 * MIB | P | W | U | A | D);
	for (unsigned i = 1; i < aliases; i++) {
		uint32_t a = 0x08000000 + i * 0x400000;
		if (table)
			store_entry(g, pde_at(g, cr3, a),
			            load_entry(g, pde_at(g, cr3, 0x08000000)));
		else
			map_page(g, cr3, a, 8 * MIB | P | W | U | A | D);
	}
	paging_on(g, cr3, 0);
	for (unsigned i = 0; i < aliases; i++)
		assert_true(touch(g, user_window(g), 0x08000000 + i * 0x400000, true, true).done);
	store_entry(g, table ? pde_at(g, cr3, 0x08000000) : pte, 0);
	step_install(count_step);
	steps = 0;
	step_begin();
	mmu_invlpg(g->m, gla(0x08000000));
	step_end();
	assert_false(mapped(g, user_window(g), 0x08000000, false));
	assert_true(mapped(g, user_window(g), 0x08400000, true));
	guest_free(g);
	return steps;
}

static void test_revoking_is_cheap(void **state)
{
	for (unsigned table = 0; table < 2; table++) {
		unsigned few = steps_to_revoke(3, table), many = steps_to_revoke(200, table);
		assert_in_range(few, 10, 1000000);
		assert_in_range(many, 10, few + 20);
	}
}

/* --- random guests --- */

static uint32_t random_state;

static uint32_t rnd(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

#define ROOTS 4
#define AREAS 3
#define FRAMES 64
#define DIRECT 0xc0800000u   /* a large page over the frames, in all roots */
#define SELF_MAP 0xff800000u /* each root's own tables */

/* A page in one of three areas: user, the last below the split, kernel. */
static uint32_t random_address(void)
{
	static const uint32_t area[AREAS] = {0x08000000, 0xbfc00000, 0xc0400000};
	return area[rnd(AREAS)] + rnd(24) * PAGE_SIZE;
}

/* Half of the frames continue a run. */
static uint64_t random_pte(struct guest *g, uint32_t a)
{
	static const unsigned rights[] = {
		P, P | W, P | U, P | W | U, P | W | U | A | D, P | W | U | A | D, 0};
	uint32_t frame = rnd(2) ? rnd(FRAMES) : a / PAGE_SIZE % FRAMES;
	uint64_t pte = (16 * MIB + frame * PAGE_SIZE) | rights[rnd(7)];
	if (rnd(4) == 0)
		pte |= G;
	if (g->pae && rnd(4) == 0)
		pte |= NX;
	return pte;
}

/* After a flush every access must do what the tables say.  A guest whose kernel
 * keeps to its half never needs a private window. */
static void random_access(struct guest *g, uint32_t eip, bool composite)
{
	uint32_t a = rnd(3) ? random_address() : DIRECT + rnd(FRAMES) * PAGE_SIZE;
	bool user = rnd(2), write = rnd(2), self = rnd(8) == 0;
	if (self) {
		/* Nothing is stored there, as that would change tables. */
		a = SELF_MAP + (a >> (g->pae ? 9 : 10) & -8);
		user = write = false;
	}
	struct window *w = mmu_window(g->m, user, gla(user ? 0x08000000 : eip));
	if (w->kind == WINDOW_KERNEL && a < w->split) {
		w = user_window(g);
		user |= composite;
	}
	if (write && a % PAGE_SIZE == 0)
		a += rnd(PAGE_SIZE);
	gpa_t want;
	struct trap t;
	bool permitted = mmu_translate(g->m, gla(a), write ? MMU_WRITE : MMU_READ, user, &want, &t);
	uint8_t *host = permitted ? mmu_host_store(g->m, want) : NULL;
	if (host && !self)
		*host = (uint8_t)rnd(256);
	uint8_t before = host ? *host : 0;
	struct outcome o = touch(g, w, a, write, user);
	if (o.verdict == MMU_NEED_PRIVATE) {
		w = mmu_window(g->m, user, gla(eip));
		o = touch(g, w, a, write, user);
	}
	assert_int_equal(permitted, o.done || o.verdict == MMU_TRACED);
	if (self && w->kind == WINDOW_KERNEL)
		assert_false(o.done);
	if (mmu_is_watched(g->m, gla(a), 1, write))
		assert_false(o.done);
	if (!permitted) {
		assert_int_equal(o.verdict, MMU_TRUE_FAULT);
		assert_int_equal(o.trap.error, t.error);
	} else if (o.done) {
		assert_int_equal(write ? *host : o.value, write ? 0x5a : before);
	}
}

static void random_guest(uint32_t seed, bool pae, bool exact, bool composite, bool mprotect,
                         bool refusing)
{
	struct mmu_config c = {.ram_bytes = 32 * MIB,
	                       .vma_budget = 300,
	                       .exact_ad = exact,
	                       .no_userfaultfd = mprotect};
	struct guest *g = guest_new(&c);
	random_state = seed;
	scarce = refusing ? g->m : NULL;
	touch_tries = refusing ? 200 : 4;
	g->pae = pae;
	g->p.efer = EFER_NXE;
	uint32_t root[ROOTS];
	for (unsigned r = 0; r < ROOTS; r++)
		root[r] = root_new(g);
	/* Pairs of roots share their kernel tables. */
	for (unsigned r = 0; r < ROOTS; r++) {
		pte_at(g, root[r & ~1u], 0xc0400000);
		store_entry(g, pde_at(g, root[r], 0xc0400000),
		            load_entry(g, pde_at(g, root[r & ~1u], 0xc0400000)));
		store_entry(g, pde_at(g, root[r], DIRECT), 16 * MIB | P | W | PS | G | A | D);
		for (unsigned i = 0; i < (pae ? 4 : 1); i++)
			store_entry(g, pde_at(g, root[r], SELF_MAP + (i << 21)),
			            (pde_at(g, root[r], i << 30) & ~0xfffu) | P | W);
	}
	/* From where supervisors run: the split of their windows. */
	static const uint32_t eips[] = {0xc0400000, 0x80100000, 0xd0100000};
	uint32_t cr3 = root[0], eip = eips[seed % 3];
	paging_on(g, cr3, CR4_PSE | CR4_PGE);
	for (unsigned step = 0; step < 4000; step++) {
		unsigned what = rnd(100);
		if (what < 40) {
			uint32_t a = random_address();
			map_page(g, root[rnd(ROOTS)], a, random_pte(g, a));
			if (rnd(2))
				continue;
		} else if (what < 42) {
			uint32_t a = random_address();
			uint32_t pde = pde_at(g, root[rnd(ROOTS)], a);
			uint64_t old = load_entry(g, pde);
			store_entry(g, pde, rnd(3) ? old ^ W : old & ~(uint64_t)A);
		} else if (what < 44) {
			mmu_trace_code(g->m, 16 * MIB / PAGE_SIZE + rnd(FRAMES), rnd(2));
		} else if (what < 48) {
			cr3 = root[rnd(ROOTS)];
		} else if (what < 50 && !composite) {
			g->p.cr0 ^= CR0_WP;
		} else if (what < 54) {
			uint32_t page;
			struct trap t;
			mmu_exec(g->m, user_window(g), gla(random_address()), true, &page, &t);
		} else if (what < 58) {
			struct mmu_watch watch[4];
			unsigned n = rnd(5);
			for (unsigned i = 0; i < n; i++) {
				uint32_t vpn = (rnd(3) ? random_address()
				                       : DIRECT + rnd(FRAMES) * PAGE_SIZE) /
				               PAGE_SIZE;
				watch[i] = (struct mmu_watch){vpn, vpn + rnd(3), rnd(2)};
			}
			mmu_watch_set(g->m, watch, n);
		}
		load_cr3(g, cr3);
		guest_flush_all(g);
		random_access(g, eip, composite);
		if (step % (refusing ? 32 : 256) == 0)
			mmu_check(g->m);
	}
	assert_true(stats.maps > 100);
	scarce = NULL;
	touch_tries = 4;
	guest_free(g);
}

static void test_random(void **state)
{
	for (uint32_t seed = 0; seed < 32; seed++)
		random_guest(seed, seed & 1, seed & 2, seed & 4, seed & 8, false);
}

static void test_random_refused(void **state)
{
	for (uint32_t seed = 0; seed < 16; seed++) {
		refusals = 0;
		random_guest(seed, seed & 1, seed & 2, seed & 4, seed & 8, true);
		assert_true(refusals > 50);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_revocation),
		cmocka_unit_test(test_run_over_changed),
		cmocka_unit_test(test_directory_replaced),
		cmocka_unit_test(test_shared_table),
		cmocka_unit_test(test_self_map),
		cmocka_unit_test(test_roots_die),
		cmocka_unit_test(test_roots_full),
		cmocka_unit_test(test_teardown),
		cmocka_unit_test(test_table_refilled),
		cmocka_unit_test(test_queue_overflow),
		cmocka_unit_test(test_splits_bounded),
		cmocka_unit_test(test_revocations_bounded),
		cmocka_unit_test(test_registered_no_more),
		cmocka_unit_test(test_revoking_is_cheap),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_random_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
