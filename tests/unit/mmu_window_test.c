/* links: mmu host cpu base */
/* Windows: what they map, runs, kinds, sharing, eviction. */
#include "mmu_guest.h"

static void test_bad_config(void **state)
{
	struct mmu *m;
	struct mmu_client client = {0};
	const char *what = NULL;
	struct mmu_config c = {.ram_bytes = 0};
	assert_true(mmu_create(&m, &c, &client, &what) < 0);
	c.ram_bytes = 4 * MIB + 4096;
	assert_true(mmu_create(&m, &c, &client, &what) < 0);
	c.ram_bytes = 4096ull * MIB;
	assert_true(mmu_create(&m, &c, &client, &what) < 0);
	c.ram_bytes = 4 * MIB;
	c.vma_budget = 1;
	assert_true(mmu_create(&m, &c, &client, &what) < 0);
	assert_string_equal(what, "the VMA budget");
	c.vma_budget = 0;
	assert_int_equal(mmu_create(&m, &c, &client, &what), 0);
	mmu_destroy(m);
}

static void test_physical_memory(void **state)
{
	struct guest *g = guest_new(NULL);
	uint8_t buf[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	assert_null(mmu_host(g->m, gpa(0xa0000)));
	assert_null(mmu_host(g->m, gpa(0xfffff)));
	assert_null(mmu_host(g->m, gpa(64 * MIB)));
	assert_null(mmu_host(g->m, gpa(1ull << 35)));
	assert_non_null(mmu_host(g->m, gpa(0x9ffff)));
	assert_non_null(mmu_host(g->m, gpa(0x100000)));
	assert_true((uintptr_t)mmu_host(g->m, gpa(0)) >> 32);
	mmu_dma_write(g->m, gpa(0x9fffc), buf, 8);
	memset(buf, 0, 8);
	mmu_dma_read(g->m, gpa(0x9fffc), buf, 8);
	assert_memory_equal(buf, ((uint8_t[]){1, 2, 3, 4, 255, 255, 255, 255}), 8);
	guest_free(g);
}

/* The last page of RAM, read-only, and the first hole behind it are two mappings. */
static void test_end_of_memory(void **state)
{
	struct guest *g = guest_new(NULL);
	struct window *w = mmu_window(g->m, false, gla(0x7c00));
	mmu_trace_code(g->m, (64 * MIB >> PAGE_SHIFT) - 1, true);
	assert_true(touch(g, w, 64 * MIB - 1, false, false).done);
	assert_int_equal(touch(g, w, 64 * MIB, false, false).value, 0xff);
	mmu_check(g->m);
	guest_free(g);
}

static void test_paging_off(void **state)
{
	struct guest *g = guest_new(NULL);
	struct window *w = mmu_window(g->m, false, gla(0x7c00));
	assert_int_equal(w->kind, WINDOW_PHYSICAL);
	assert_true(((uintptr_t)w->base & 0xffffffffu) == 0);
	assert_true(touch(g, w, 0x1234, true, false).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(0x1234)), 0x5a);
	assert_true(mapped(g, w, 0x9f000, true));
	struct outcome o = touch(g, w, 0xb8000, true, false);
	assert_int_equal(o.verdict, MMU_HOLE);
	assert_int_equal(o.pa.v, 0xb8000);
	assert_int_equal(touch(g, w, 0xb8000, false, false).value, 0xff);
	assert_int_equal(touch(g, w, 0xfffff000, false, false).value, 0xff);
	assert_int_equal(touch(g, w, 0x40000000, true, false).verdict, MMU_HOLE);
	mmu_trace_code(g->m, 1, true);
	assert_true(mapped(g, w, 0x1234, false));
	o = touch(g, w, 0x1234, true, false);
	assert_int_equal(o.verdict, MMU_TRACED);
	mmu_trace_code(g->m, 1, false);
	assert_true(touch(g, w, 0x1234, true, false).done);
	mmu_check(g->m);

	/* More holes than the window keeps mapped are still answered. */
	unsigned unmapped = 0;
	for (uint32_t a = 0x80000000; a < 0x80400000; a += PAGE_SIZE) {
		o = touch(g, w, a, false, false);
		if (o.done)
			assert_int_equal(o.value, 0xff);
		else
			unmapped += o.verdict == MMU_HOLE;
	}
	assert_true(unmapped > 0);
	guest_free(g);
}

static void test_find_window(void **state)
{
	struct guest *g = guest_new(NULL);
	struct window *w = mmu_window(g->m, false, gla(0)), *found;
	gla_t a;
	assert_true(mmu_find_window(g->m, w->base + 0xffffffffu, &found, &a));
	assert_ptr_equal(found, w);
	assert_int_equal(a.v, 0xffffffffu);
	assert_true(mmu_find_window(g->m, w->base + WINDOW_SIZE + 3, &found, &a));
	assert_int_equal(a.v, 3);
	assert_true(mmu_find_window(g->m, w->base - 4, &found, &a));
	assert_ptr_equal(found, w);
	assert_int_equal(a.v, 0xfffffffc);
	assert_false(mmu_find_window(g->m, w->base + 5 * WINDOW_STRIDE, &found, &a));
	assert_false(mmu_find_window(g->m, NULL, &found, &a));
	assert_false(mmu_find_window(g->m, &a, &found, &a));
	guest_free(g);
}

static void test_views(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g);
	map_page(g, cr3, 0x08048000, 0x500000 | P | U);
	map_page(g, cr3, 0x08049000, 0x600000 | P | W | U);
	map_page(g, cr3, 0x0804a000, 0x700000 | P | W);
	map_page(g, cr3, 0xc0000000, 0x100000 | P | W);
	map_page(g, cr3, 0xc0001000, 0x300000 | P);
	paging_on(g, cr3, 0);
	struct window *u = user_window(g), *k = kernel_window(g);
	assert_int_equal(u->kind, WINDOW_USER);
	assert_int_equal(k->kind, WINDOW_KERNEL);

	assert_true(touch(g, u, 0x08048000, false, true).done);
	struct outcome o = touch(g, u, 0x08048004, true, true);
	assert_int_equal(o.verdict, MMU_TRUE_FAULT);
	assert_int_equal(o.trap.error, PF_P | PF_W | PF_U);
	assert_int_equal(o.trap.cr2.v, 0x08048004);
	assert_true(touch(g, u, 0x08049010, true, true).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(0x600010)), 0x5a);
	o = touch(g, u, 0xc0000000, false, true);
	assert_int_equal(o.verdict, MMU_TRUE_FAULT);
	assert_int_equal(o.trap.error, PF_P | PF_U);

	assert_true(touch(g, k, 0xc0000020, true, false).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(0x100020)), 0x5a);
	assert_true(touch(g, k, 0xc0001000, false, false).done);
	o = touch(g, k, 0xc0001000, true, false);
	assert_int_equal(o.verdict, MMU_TRUE_FAULT);
	assert_int_equal(o.trap.error, PF_P | PF_W);
	o = touch(g, k, 0xd0000000, false, false);
	assert_int_equal(o.trap.error, 0);
	assert_int_equal(touch(g, k, 0x08049000, false, false).verdict, MMU_OTHER_VIEW);

	uint64_t base[VCPU_PARTS];
	mmu_bases(g->m, k, base);
	assert_true(base[0] == (uintptr_t)u->base && base[11] == base[0]);
	assert_true(base[12] == (uintptr_t)k->base && base[15] == base[12]);
	/* Supervisor accesses of user pages go through the user view... */
	assert_true(touch(g, u, 0x08049000, true, false).done);
	/* ...which cannot hold what the user may not see. */
	assert_int_equal(touch(g, u, 0x0804a000, false, false).verdict, MMU_NEED_PRIVATE);
	struct window *p = kernel_window(g);
	assert_int_equal(p->kind, WINDOW_PRIVATE);
	assert_true(touch(g, p, 0x0804a000, true, false).done);
	assert_true(touch(g, p, 0xc0000000, true, false).done);
	mmu_bases(g->m, p, base);
	assert_true(base[0] == (uintptr_t)p->base && base[15] == base[0]);

	/* That lasts to the next change of root, and for good when it recurs. */
	uint32_t other = root_new(g);
	for (unsigned i = 0; i < 4; i++) {
		load_cr3(g, cr3);
		assert_int_equal(kernel_window(g)->kind, i ? WINDOW_KERNEL : WINDOW_PRIVATE);
		mmu_force_private(g->m);
		assert_ptr_equal(kernel_window(g), p);
		load_cr3(g, other);
	}
	load_cr3(g, cr3);
	assert_ptr_equal(kernel_window(g), p);
	guest_free(g);
}

static void test_low_kernel_and_wp(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g);
	map_page(g, cr3, 0x00400000, 0x500000 | P | U);
	paging_on(g, cr3, 0);
	struct window *p1 = mmu_window(g->m, false, gla(0x00400000));
	assert_int_equal(p1->kind, WINDOW_PRIVATE);
	assert_int_equal(touch(g, p1, 0x00400000, true, false).verdict, MMU_TRUE_FAULT);
	g->p.cr0 &= ~CR0_WP;
	struct trap t;
	assert_true(mmu_paging_load(g->m, &g->p, false, &t));
	struct window *p0 = mmu_window(g->m, false, gla(0x00400000));
	assert_ptr_not_equal(p0, p1);
	assert_true(touch(g, p0, 0x00400000, true, false).done);
	assert_true(*phys32(g, pte_at(g, cr3, 0x00400000)) & D);
	struct window *u = user_window(g);
	assert_int_equal(touch(g, u, 0x00400000, true, true).verdict, MMU_TRUE_FAULT);
	g->p.cr0 |= CR0_WP;
	assert_true(mmu_paging_load(g->m, &g->p, false, &t));
	assert_ptr_equal(mmu_window(g->m, false, gla(0x00400000)), p1);
	guest_free(g);
}

static void test_accessed_dirty(void **state)
{
	struct mmu_config c = {.ram_bytes = 64 * MIB, .exact_ad = true};
	struct guest *g = guest_new(&c);
	uint32_t cr3 = root_new(g);
	for (unsigned i = 0; i < 4; i++)
		map_page(g, cr3, 0x08048000 + i * PAGE_SIZE,
		         (0x500000 + i * PAGE_SIZE) | P | W | U);
	paging_on(g, cr3, 0);
	struct window *u = user_window(g);
	uint32_t pte = pte_at(g, cr3, 0x08048000);
	assert_int_equal(*phys32(g, pte) & (A | D), 0);
	assert_true(touch(g, u, 0x08048000, false, true).done);
	assert_int_equal(*phys32(g, pte) & (A | D), A);
	assert_true(*phys32(g, pde_at(g, cr3, 0x08048000)) & A);
	assert_int_equal(*phys32(g, pte + 4) & (A | D), 0);
	assert_false(mapped(g, u, 0x08049000, false));
	assert_true(touch(g, u, 0x08048000, true, true).done);
	assert_int_equal(*phys32(g, pte) & (A | D), A | D);
	/* A cleared and flushed: the next access sets it again. */
	store32(g, pte, *phys32(g, pte) & ~(A | D));
	assert_true(mapped(g, u, 0x08048000, true));
	mmu_invlpg(g->m, gla(0x08048000));
	assert_false(mapped(g, u, 0x08048000, false));
	assert_true(touch(g, u, 0x08048000, false, true).done);
	assert_int_equal(*phys32(g, pte) & (A | D), A);
	/* D cleared alone: the page is read-only until it is written. */
	store32(g, pte, *phys32(g, pte) | D);
	assert_true(touch(g, u, 0x08048000, true, true).done);
	store32(g, pte, *phys32(g, pte) & ~D);
	guest_flush_all(g);
	assert_true(mapped(g, u, 0x08048000, false));
	assert_true(touch(g, u, 0x08048000, true, true).done);
	assert_int_equal(*phys32(g, pte) & (A | D), A | D);
	/* The directory's A cleared: set again after the flush. */
	uint32_t pde = pde_at(g, cr3, 0x08048000);
	store32(g, pde, *phys32(g, pde) & ~A);
	guest_flush_all(g);
	assert_true(touch(g, u, 0x08048000, false, true).done);
	assert_true(*phys32(g, pde) & A);
	guest_free(g);
}

/* The page of a store that has faulted is made dirty by the guest, and asked for before the store is
 * run again: it is writable then, without a fault, and not before. */
static void test_made_dirty(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g), at = 0x08048000;
	struct trap t;
	gpa_t p;
	map_page(g, cr3, at, 0x500000 | P | W | U | A);
	paging_on(g, cr3, 0);
	struct window *u = user_window(g);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(mmu_fault(g->m, u, gla(at), MMU_READ, true, &p, &t), MMU_MAPPED);
		assert_true(mapped(g, u, at, false));
		assert_false(mapped(g, u, at, true));
	}
	store32(g, pte_at(g, cr3, at), 0x500000 | P | W | U | A | D);
	mmu_trace_code(g->m, 0x500, true);
	assert_int_equal(mmu_fault(g->m, u, gla(at), MMU_READ, true, &p, &t), MMU_MAPPED);
	assert_false(mapped(g, u, at, true));
	mmu_trace_code(g->m, 0x500, false);
	assert_int_equal(mmu_fault(g->m, u, gla(at), MMU_READ, true, &p, &t), MMU_MAPPED);
	assert_true(mapped(g, u, at, true));
	guest_free(g);
}

/* A run never maps writable what is not dirty, nor the other way round. */
static void test_run_dirty(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g);
	for (unsigned i = 0; i < 8; i++)
		map_page(g, cr3, 0x08000000 + i * PAGE_SIZE,
		         (0x800000 + i * PAGE_SIZE) | P | W | U | A | (i < 4 ? D : 0));
	paging_on(g, cr3, 0);
	struct window *u = user_window(g);
	assert_true(touch(g, u, 0x08001000, true, true).done);
	assert_true(mapped(g, u, 0x08003000, true));
	assert_false(mapped(g, u, 0x08004000, false));
	assert_true(touch(g, u, 0x08005000, false, true).done);
	assert_true(mapped(g, u, 0x08007000, false));
	assert_false(mapped(g, u, 0x08007000, true));
	guest_free(g);
}

static void test_runs(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g);
	for (unsigned i = 0; i < 64; i++)
		map_page(g, cr3, 0x08000000 + i * PAGE_SIZE, (0x800000 + i * PAGE_SIZE) | P | U);
	for (unsigned i = 0; i < 1024; i++)
		map_page(g, cr3, 0xc0400000 + i * PAGE_SIZE,
		         (MIB + i * PAGE_SIZE) | P | W | D | A | G);
	*phys32(g, pde_at(g, cr3, 0xc0800000)) = 0x00800000 | P | W | PS | G | A | D;
	mmu_trace_code(g->m, 0x900, true);
	paging_on(g, cr3, CR4_PSE | CR4_PGE);
	struct window *u = user_window(g), *k = kernel_window(g);
	uint64_t maps = stats.maps;
	assert_true(touch(g, u, 0x08010000, false, true).done);
	assert_int_equal(stats.maps, maps + 1);
	assert_true(mapped(g, u, 0x0800f000, false) && mapped(g, u, 0x08012000, false));
	assert_false(mapped(g, u, 0x08030000, false));
	assert_true(*phys32(g, pte_at(g, cr3, 0x08012000)) & A);

	assert_true(touch(g, k, 0xc0700000, true, false).done);
	assert_int_equal(stats.maps, maps + 2);
	assert_true(mapped(g, k, 0xc0400000, true) && mapped(g, k, 0xc07ff000, true));
	assert_true(touch(g, k, 0xc0800000, true, false).done);
	assert_int_equal(stats.maps, maps + 3);
	assert_true(mapped(g, k, 0xc0bff000, true));
	assert_true(mapped(g, k, 0xc0900000, false));
	assert_int_equal(touch(g, k, 0xc0900000, true, false).verdict, MMU_TRACED);
	assert_int_equal(k->kind, WINDOW_KERNEL);
	mmu_check(g->m);
	mmu_trace_code(g->m, 0x900, false);
	assert_true(touch(g, k, 0xc0900000, true, false).done);
	/* The page table that the run came from lies in it, and is traced. */
	uint32_t table = pte_at(g, cr3, 0xc0400000);
	assert_int_equal(touch(g, k, 0xc0400000 + table - MIB, true, false).verdict, MMU_TRACED);
	guest_free(g);
}

static void test_large_page_dirty(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g), pde = pde_at(g, cr3, 0xc0000000);
	*phys32(g, pde) = P | W | PS;
	paging_on(g, cr3, CR4_PSE);
	struct window *k = kernel_window(g);
	assert_true(touch(g, k, 0xc0000000, false, false).done);
	assert_int_equal(*phys32(g, pde) & (A | D), A);
	assert_true(mapped(g, k, 0xc0001000, false));
	assert_false(mapped(g, k, 0xc0001000, true));
	assert_int_equal(touch(g, k, 0xc00a0000, true, false).verdict, MMU_HOLE);
	assert_true(touch(g, k, 0xc0001000, true, false).done);
	assert_int_equal(*phys32(g, pde) & (A | D), A | D);
	assert_true(mapped(g, k, 0xc0002000, true));
	/* D cleared and flushed: it is watched for again. */
	store32(g, pde, *phys32(g, pde) & ~D);
	guest_flush_all(g);
	assert_true(touch(g, k, 0xc0001000, true, false).done);
	assert_int_equal(*phys32(g, pde) & (A | D), A | D);
	/* The root itself lies in it. */
	assert_int_equal(touch(g, k, 0xc0000000 + cr3, true, false).verdict, MMU_TRACED);
	guest_free(g);
}

static void count_mapping(void *ctx, const struct host_mapping *h)
{
	++*(unsigned *)ctx;
}

/* Traced pages all over a large page: splits with mprotect, none beyond the first
 * few with userfaultfd. */
static void trace_many(bool no_userfaultfd, bool expect_splits)
{
	struct mmu_config c = {.ram_bytes = 64 * MIB, .no_userfaultfd = no_userfaultfd};
	struct guest *g = guest_new(&c);
	uint32_t cr3 = root_new(g);
	*phys32(g, pde_at(g, cr3, 0xc0800000)) = 0x00800000 | P | W | PS | A | D;
	paging_on(g, cr3, CR4_PSE);
	struct window *k = kernel_window(g);
	assert_true(touch(g, k, 0xc0800000, true, false).done);
	for (unsigned i = 1; i < 100; i++)
		mmu_trace_code(g->m, 0x800 + 2 * i, true);
	unsigned n = 0;
	host_mem_each(k->base, k->base + WINDOW_SIZE, count_mapping, &n);
	assert_int_equal(n, expect_splits ? 199 : 1);
	for (unsigned i = 0; i < 200; i++) {
		bool traced = i && i % 2 == 0;
		struct outcome o = touch(g, k, 0xc0800000 + i * PAGE_SIZE + 8, true, false);
		assert_int_equal(o.done, !traced);
		assert_int_equal(o.verdict, traced ? MMU_TRACED : MMU_MAPPED);
		assert_true(mapped(g, k, 0xc0800000 + i * PAGE_SIZE, false));
	}
	mmu_check(g->m);
	for (unsigned i = 1; i < 100; i++)
		mmu_trace_code(g->m, 0x800 + 2 * i, false);
	for (unsigned i = 0; i < 200; i++)
		assert_true(touch(g, k, 0xc0800000 + i * PAGE_SIZE, true, false).done);
	/* Revoked and filled again, with some traced. */
	for (unsigned i = 1; i < 50; i++)
		mmu_trace_code(g->m, 0x800 + 2 * i, true);
	uint32_t pde = pde_at(g, cr3, 0xc0800000), old = *phys32(g, pde);
	store32(g, pde, 0);
	guest_flush_all(g);
	store32(g, pde, old);
	assert_true(touch(g, k, 0xc0801000, true, false).done);
	assert_int_equal(touch(g, k, 0xc0802000, true, false).verdict, MMU_TRACED);
	guest_free(g);
}

static void test_trace_many(void **state)
{
	int wp = host_mem_wp_open();
	trace_many(true, true);
	trace_many(false, wp < 0);
	host_mem_close(wp);
}

static void test_kernel_shared(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t r1 = root_new(g), r2 = root_new(g), r3 = root_new(g);
	map_page(g, r1, 0xc0000000, 0x500000 | P | W | G);
	*phys32(g, pde_at(g, r2, 0xc0000000)) = *phys32(g, pde_at(g, r1, 0xc0000000));
	map_page(g, r3, 0xc0000000, 0x600000 | P | W | G);
	paging_on(g, r1, CR4_PGE);
	struct window *k1 = kernel_window(g), *u1 = user_window(g);
	assert_true(touch(g, k1, 0xc0000000, true, false).done);
	load_cr3(g, r2);
	assert_ptr_equal(kernel_window(g), k1);
	assert_ptr_not_equal(user_window(g), u1);
	assert_true(mapped(g, k1, 0xc0000000, true));
	load_cr3(g, r3);
	struct window *k3 = kernel_window(g);
	assert_ptr_not_equal(k3, k1);
	assert_true(touch(g, k3, 0xc0000001, true, false).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(0x600001)), 0x5a);
	load_cr3(g, r1);
	assert_ptr_equal(kernel_window(g), k1);
	assert_ptr_equal(user_window(g), u1);

	/* A new kernel entry, first in one root, then in the other. */
	map_page(g, r1, 0xd0000000, 0x700000 | P | W | G);
	assert_true(touch(g, k1, 0xd0000000, true, false).done);
	load_cr3(g, r2);
	assert_ptr_equal(kernel_window(g), k1);
	store32(g, pde_at(g, r2, 0xd0000000), *phys32(g, pde_at(g, r1, 0xd0000000)));
	guest_flush_all(g);
	assert_ptr_equal(kernel_window(g), k1);
	assert_true(mapped(g, k1, 0xd0000000, true));

	/* One that differs parts them at the next load. */
	store32(g, pde_at(g, r2, 0xd0000000), 0);
	map_page(g, r2, 0xd0000000, 0x780000 | P | W | G);
	load_cr3(g, r2);
	struct window *k2 = kernel_window(g);
	assert_true(touch(g, k2, 0xd0000003, true, false).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(0x780003)), 0x5a);
	load_cr3(g, r1);
	k1 = kernel_window(g);
	assert_ptr_not_equal(k1, k2);
	assert_true(touch(g, k1, 0xd0000004, true, false).done);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(0x700004)), 0x5a);
	guest_free(g);
}

/* What one root lacks may not leak into it from another, unless it is global. */
static void test_kernel_lacking(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t r1 = root_new(g), r2 = root_new(g);
	map_page(g, r1, 0xd0000000, 0x500000 | P | W);
	paging_on(g, r1, CR4_PGE);
	struct window *k1 = kernel_window(g);
	assert_true(touch(g, k1, 0xd0000000, true, false).done);
	load_cr3(g, r2);
	struct window *k2 = kernel_window(g);
	assert_int_equal(touch(g, k2, 0xd0000000, false, false).verdict, MMU_TRUE_FAULT);
	guest_free(g);
}

static void test_eviction(void **state)
{
	struct mmu_config c = {.ram_bytes = 64 * MIB, .vma_budget = 400};
	struct guest *g = guest_new(&c);
	uint32_t root[6];
	for (unsigned r = 0; r < 6; r++) {
		root[r] = root_new(g);
		/* Every page a mapping of its own: frames descend. */
		for (unsigned i = 0; i < 100; i++)
			map_page(g, root[r], 0x08000000 + i * PAGE_SIZE,
			         (32 * MIB + (r * 100 + 100 - i) * PAGE_SIZE) | P | W | U | A | D);
	}
	paging_on(g, root[0], 0);
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned r = 0; r < 6; r++) {
			load_cr3(g, root[r]);
			for (unsigned i = 0; i < 100; i++)
				assert_true(touch(g, user_window(g), 0x08000000 + i * PAGE_SIZE,
				                  true, true)
				                    .done);
			mmu_check(g->m);
		}
	}
	assert_true(stats.evictions > 0);
	assert_int_equal(g->dropped, stats.evictions);
	assert_ptr_not_equal(g->dropped_last, user_window(g));

	/* One address space that is over the budget alone: its window starts afresh, but what
	 * it was given to execute, and what waits for a flush, is still known. */
	for (unsigned i = 100; i < 1000; i++)
		map_page(g, root[5], 0x08000000 + i * PAGE_SIZE,
		         (40 * MIB + (1000 - i) * PAGE_SIZE) | P | W | U | A | D);
	enum { CODE = 0x08900000, HOLE = 0x08901000, QUEUED = 0x08902000, FRAME = 0x500000 };
	map_page(g, root[5], CODE, FRAME | P | U | A);
	map_page(g, root[5], HOLE, 0xb8000 | P | U | A);
	map_page(g, root[5], QUEUED, (FRAME + PAGE_SIZE) | P | U | A);
	struct window *u = user_window(g);
	uint32_t page;
	struct trap t;
	g->revoked = 0;
	for (uint32_t a = CODE; a <= QUEUED; a += PAGE_SIZE) {
		assert_true(mmu_exec(g->m, u, gla(a), true, &page, &t));
		assert_true(touch(g, u, a, false, true).done);
	}
	map_page(g, root[5], QUEUED, 0);
	uint64_t evictions = stats.evictions;
	for (unsigned i = 0; i < 1000; i++)
		assert_true(touch(g, user_window(g), 0x08000000 + i * PAGE_SIZE, true, true).done);
	assert_in_range(stats.evictions - evictions, 2, 8);
	assert_ptr_equal(user_window(g), u);
	assert_false(mapped(g, u, CODE, false) || mapped(g, u, HOLE, false));
	assert_int_equal(g->revoked, 0);
	mmu_check(g->m);
	mmu_invlpg(g->m, gla(QUEUED));
	assert_int_equal(g->revoked, 1);
	assert_int_equal(g->revoked_vpn, QUEUED >> 12);
	map_page(g, root[5], CODE, 0);
	map_page(g, root[5], HOLE, 0);
	guest_flush_all(g);
	assert_int_equal(g->revoked, 3);
	guest_free(g);
}

static void add_held(void *ctx, const struct host_mapping *h)
{
	*(uint64_t *)ctx += h->held ? (uint64_t)(h->end - h->start) : 0;
}

/* Is [from, from + bytes) inside what is held, or without any of it? */
static bool is_held(const uint8_t *from, uint64_t bytes)
{
	uint64_t held = 0;
	host_mem_each(from, from + bytes, add_held, &held);
	assert_true(!held || held >= bytes);
	return held;
}

/* Around each window, and where there was none yet, address space is held; where one has gone comes
 * the next. */
static void test_guards(void **state)
{
	struct mmu_config c = {.ram_bytes = 64 * MIB, .vma_budget = 200};
	struct guest *g = guest_new(&c);
	uint32_t root[4];
	const uint8_t *base[4];
	for (unsigned r = 0; r < 4; r++) {
		root[r] = root_new(g);
		for (unsigned i = 0; i < 90; i++)
			map_page(g, root[r], 0x08000000 + i * PAGE_SIZE,
			         (32 * MIB + (100 - i) * PAGE_SIZE) | P | W | U | A | D);
	}
	paging_on(g, root[0], 0);
	for (unsigned r = 0; r < 4; r++) {
		load_cr3(g, root[r]);
		for (unsigned i = 0; i < 90; i++)
			assert_true(touch(g, user_window(g), 0x08000000 + i * PAGE_SIZE, true, true)
			                    .done);
		base[r] = user_window(g)->base;
		assert_false(is_held(base[r], WINDOW_SIZE));
		assert_true(is_held(base[r] - WINDOW_SIZE, WINDOW_SIZE));
		assert_true(is_held(base[r] + WINDOW_SIZE, WINDOW_SIZE));
	}
	/* The first has gone for lack of mappings. */
	assert_true(g->dropped > 0);
	mmu_check(g->m);
	const uint8_t *top = base[0];
	for (unsigned r = 1; r < 4; r++)
		top = base[r] > top ? base[r] : top;
	assert_true(is_held(top + WINDOW_STRIDE, WINDOW_SIZE));
	load_cr3(g, root[0]);
	assert_true(user_window(g)->base <= top);
	guest_free(g);
	assert_false(is_held(base[0] - WINDOW_SIZE, 3 * WINDOW_SIZE));
}

static void test_exec(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t cr3 = root_new(g);
	map_page(g, cr3, 0x08048000, 0x500000 | P | U);
	paging_on(g, cr3, 0);
	struct window *u = user_window(g);
	uint32_t page;
	struct trap t;
	assert_true(mmu_exec(g->m, u, gla(0x08048123), true, &page, &t));
	assert_int_equal(page, 0x500);
	assert_false(mapped(g, u, 0x08048000, false));
	assert_true(touch(g, u, 0x08048000, false, true).done);
	assert_int_equal(g->revoked, 0);
	map_page(g, cr3, 0x08048000, 0x600000 | P | U);
	assert_int_equal(g->revoked, 0);
	assert_true(mmu_exec(g->m, u, gla(0x08048123), true, &page, &t));
	mmu_invlpg(g->m, gla(0x08048000));
	assert_int_equal(g->revoked, 1);
	assert_int_equal(g->revoked_vpn, 0x08048);
	assert_int_equal(g->revoked_gfn, 0x500);
	assert_true(mmu_exec(g->m, u, gla(0x08048123), true, &page, &t));
	assert_int_equal(page, 0x600);
	assert_false(mmu_exec(g->m, u, gla(0x09000000), true, &page, &t));
	assert_int_equal(t.error, PF_U);
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_config),
		cmocka_unit_test(test_physical_memory),
		cmocka_unit_test(test_end_of_memory),
		cmocka_unit_test(test_paging_off),
		cmocka_unit_test(test_find_window),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_low_kernel_and_wp),
		cmocka_unit_test(test_accessed_dirty),
		cmocka_unit_test(test_made_dirty),
		cmocka_unit_test(test_run_dirty),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_large_page_dirty),
		cmocka_unit_test(test_trace_many),
		cmocka_unit_test(test_kernel_shared),
		cmocka_unit_test(test_kernel_lacking),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_exec),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
