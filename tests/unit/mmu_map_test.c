/* links: mmu cpu */
/* The physical map: its kinds, its changes while windows show it, A20, the log of stores, and the
 * accesses of devices. */
#include "mmu_guest.h"

enum { HIGH = 0xfffe0000u, LOW = 0xe0000, ROM_PAGES = 32, FRAMES = 0xe0000000u };

static uint32_t memory_new(struct guest *g, unsigned pages)
{
	uint32_t first;
	assert_int_equal(mmu_memory_add(g->m, "unring-test", pages << PAGE_SHIFT, &first), 0);
	for (unsigned i = 0; i < pages; i++)
		memset(mmu_page_host(g->m, first + i), (int)(0x80 + i), PAGE_SIZE);
	return first;
}

static struct guest *with_rom(uint32_t *rom)
{
	struct guest *g = guest_new(NULL);
	*rom = memory_new(g, ROM_PAGES);
	mmu_map(g->m, gpa(HIGH), ROM_PAGES << PAGE_SHIFT, PHYS_ROM, *rom);
	mmu_map(g->m, gpa(LOW), ROM_PAGES << PAGE_SHIFT, PHYS_ROM, *rom);
	return g;
}

static struct window *physical_window(struct guest *g)
{
	return mmu_window(g->m, false, gla(0));
}

static uint8_t value(struct guest *g, struct window *w, uint32_t a)
{
	struct outcome o = touch(g, w, a, false, false);
	assert_true(o.done);
	return o.value;
}

static enum mmu_verdict stored(struct guest *g, struct window *w, uint32_t a)
{
	struct outcome o = touch(g, w, a, true, false);
	return o.done ? MMU_MAPPED : o.verdict;
}

/* Memory is added up to a limit, and never over another. */
static void test_memories(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t first, last = 0;
	unsigned n = 0;
	assert_int_equal(mmu_memory_add(g->m, "unring-test", 0, &first), -ENOSPC);
	assert_int_equal(mmu_memory_add(g->m, "unring-test", 1ull << 40, &first), -ENOSPC);
	for (; !mmu_memory_add(g->m, "unring-test", 8 * MIB, &first); n++) {
		assert_true(first >= last + 1);
		last = first + (8 * MIB >> PAGE_SHIFT);
		assert_true(last <= mmu_max_pages(g->m));
		memset(mmu_page_host(g->m, first), 1, 8 * MIB);
	}
	assert_in_range(n, 7, 8);
	assert_null(mmu_host(g->m, gpa(0xa0000)));
	guest_free(g);
}

/* A ROM is read and executed at all its addresses, and stores do not reach it. */
static void test_rom(void **state)
{
	uint32_t rom, page;
	struct trap t;
	struct guest *g = with_rom(&rom);
	struct window *w = physical_window(g);
	assert_int_equal(value(g, w, HIGH + 3 * PAGE_SIZE), 0x83);
	assert_int_equal(value(g, w, LOW + 3 * PAGE_SIZE), 0x83);
	assert_int_equal(stored(g, w, LOW + 3 * PAGE_SIZE), MMU_HOLE);
	assert_int_equal(stored(g, w, HIGH), MMU_HOLE);
	assert_int_equal(value(g, w, LOW + 3 * PAGE_SIZE), 0x83);
	assert_true(mmu_exec(g->m, w, gla(LOW + PAGE_SIZE), false, &page, &t));
	assert_int_equal(page, rom + 1);
	assert_int_equal(mmu_page(g->m, gpa(HIGH + PAGE_SIZE)), rom + 1);
	assert_non_null(mmu_host(g->m, gpa(LOW)));
	assert_null(mmu_host_store(g->m, gpa(LOW)));
	mmu_store(g->m, gpa(LOW), &(uint8_t){1}, 1);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(LOW)), 0x80);
	guest_free(g);
}

/* Tracing is by page: a store at one address of a page is seen for all. */
static void test_alias(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t vram = memory_new(g, 2);
	mmu_map(g->m, gpa(FRAMES), PAGE_SIZE, PHYS_RAM, vram);
	mmu_map(g->m, gpa(0xa0000), PAGE_SIZE, PHYS_RAM, vram);
	struct window *w = physical_window(g);
	assert_int_equal(stored(g, w, 0xa0000), MMU_MAPPED);
	assert_int_equal(value(g, w, FRAMES), 0x5a);
	assert_true(mapped(g, w, 0xa0000, true));
	mmu_trace_code(g->m, vram, true);
	assert_int_equal(stored(g, w, FRAMES), MMU_TRACED);
	assert_int_equal(stored(g, w, 0xa0000), MMU_TRACED);
	mmu_store(g->m, gpa(FRAMES + 9), &(uint8_t){1}, 1);
	assert_int_equal(g->code_stores, 1);
	assert_int_equal(g->code_store.v, ((uint64_t)vram << PAGE_SHIFT) + 9);
	mmu_trace_code(g->m, vram, false);
	assert_int_equal(stored(g, w, 0xa0000), MMU_MAPPED);
	guest_free(g);
}

/* A device's registers are mapped for nobody; what moves there or away is seen at once. */
static void test_device(void **state)
{
	struct guest *g = guest_new(NULL);
	struct window *w = physical_window(g);
	uint32_t page;
	struct trap t;
	assert_int_equal(value(g, w, FRAMES), 0xff);
	unsigned before = g->remapped;
	mmu_map(g->m, gpa(FRAMES), 2 * PAGE_SIZE, PHYS_DEVICE, 0);
	assert_int_equal(g->remapped, before + 1);
	assert_false(mapped(g, w, FRAMES, false));
	assert_int_equal(touch(g, w, FRAMES, false, false).verdict, MMU_DEVICE);
	assert_int_equal(stored(g, w, FRAMES + PAGE_SIZE), MMU_DEVICE);
	assert_true(mmu_is_device(g->m, gpa(FRAMES)));
	assert_false(mmu_is_device(g->m, gpa(FRAMES + 2 * PAGE_SIZE)));
	assert_true(mmu_exec(g->m, w, gla(FRAMES), false, &page, &t));
	assert_int_equal(page, NO_PAGE);
	/* Over RAM, and away from there. */
	assert_int_equal(stored(g, w, 5 * MIB), MMU_MAPPED);
	mmu_map(g->m, gpa(5 * MIB), PAGE_SIZE, PHYS_DEVICE, 0);
	assert_int_equal(touch(g, w, 5 * MIB, false, false).verdict, MMU_DEVICE);
	mmu_map(g->m, gpa(5 * MIB), PAGE_SIZE, PHYS_RAM, 5 * MIB >> PAGE_SHIFT);
	assert_int_equal(value(g, w, 5 * MIB), 0x5a);
	mmu_map(g->m, gpa(FRAMES), 2 * PAGE_SIZE, PHYS_NONE, 0);
	assert_int_equal(value(g, w, FRAMES), 0xff);
	guest_free(g);
}

/* PAM: the ROM's addresses become RAM and back, in windows of all kinds, and executed pages are
 * revoked. */
static void pam(bool pae)
{
	uint32_t rom, page;
	struct trap t;
	struct guest *g = with_rom(&rom);
	g->pae = pae;
	uint32_t cr3 = root_new(g);
	map_page(g, cr3, 0xc00e0000, LOW | P | W | A | D);
	map_page(g, cr3, 0x08048000, LOW | P | W | U | A | D);
	for (unsigned i = 0; i < 2; i++) {
		struct window *w = physical_window(g);
		assert_int_equal(value(g, w, LOW), 0x80);
		assert_true(mmu_exec(g->m, w, gla(LOW), false, &page, &t));
		assert_int_equal(page, rom);
		g->revoked = 0;
		mmu_map(g->m, gpa(LOW), 4 * PAGE_SIZE, PHYS_RAM, LOW >> PAGE_SHIFT);
		assert_int_equal(g->revoked, 1);
		assert_int_equal(g->revoked_gfn, rom);
		assert_int_equal(value(g, w, LOW), i ? 0x5a : 0);
		assert_int_equal(stored(g, w, LOW), MMU_MAPPED);
		assert_int_equal(value(g, w, LOW + 4 * PAGE_SIZE), 0x84);
		assert_int_equal(value(g, w, HIGH), 0x80);
		/* Shadow RAM that is protected. */
		mmu_map(g->m, gpa(LOW), 4 * PAGE_SIZE, PHYS_ROM, LOW >> PAGE_SHIFT);
		assert_int_equal(value(g, w, LOW), 0x5a);
		assert_int_equal(stored(g, w, LOW), MMU_HOLE);
		mmu_map(g->m, gpa(LOW), 4 * PAGE_SIZE, PHYS_ROM, rom);
		mmu_check(g->m);
	}
	paging_on(g, cr3, 0);
	struct window *k = kernel_window(g), *u = user_window(g);
	assert_int_equal(k->kind, WINDOW_KERNEL);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(value(g, k, 0xc00e0000), 0x80);
		assert_int_equal(touch(g, u, 0x08048000, false, true).value, 0x80);
		assert_int_equal(stored(g, k, 0xc00e0000), MMU_HOLE);
		mmu_map(g->m, gpa(LOW), 4 * PAGE_SIZE, PHYS_RAM, LOW >> PAGE_SHIFT);
		assert_int_equal(value(g, k, 0xc00e0000), 0x5a);
		assert_int_equal(touch(g, u, 0x08048000, false, true).value, 0x5a);
		assert_int_equal(stored(g, k, 0xc00e0000), MMU_MAPPED);
		assert_true(touch(g, u, 0x08048000, true, true).done);
		mmu_map(g->m, gpa(LOW), 4 * PAGE_SIZE, PHYS_ROM, rom);
		mmu_check(g->m);
	}
	assert_int_equal(g->dropped, 0);
	guest_free(g);
}

static void test_pam(void **state)
{
	pam(false);
	pam(true);
}

/* The table, and then the directory, of what is mapped are at addresses that show other memory. */
static void tables(bool pae)
{
	struct guest *g = guest_new(NULL);
	g->pae = pae;
	uint32_t other = memory_new(g, 2), cr3 = root_new(g);
	map_page(g, cr3, 0xc0100000, 0x500000 | P | W | A | D);
	map_page(g, cr3, 0x08048000, 0x500000 | P | W | U | A | D);
	uint32_t table = pte_at(g, cr3, 0xc0100000) & ~0xfffu;
	uint32_t directory = pde_at(g, cr3, 0xc0100000) & ~0xfffu;
	*phys32(g, 0x500000) = 0x11;
	*phys32(g, 0x600000) = 0x22;
	paging_on(g, cr3, 0);
	struct window *k = kernel_window(g);
	assert_int_equal(value(g, k, 0xc0100000), 0x11);
	/* The new table has a page that the old one had not at this address. */
	memcpy(mmu_page_host(g->m, other), mmu_host(g->m, gpa(table)), PAGE_SIZE);
	*(uint32_t *)(mmu_page_host(g->m, other) + (pte_at(g, cr3, 0xc0100000) & 0xfff)) =
		0x600000 | P | W | A | D;
	mmu_map(g->m, gpa(table), PAGE_SIZE, PHYS_RAM, other);
	mmu_check(g->m);
	k = kernel_window(g);
	assert_int_equal(value(g, k, 0xc0100000), 0x22);
	/* It is traced where it is now. */
	assert_true(mmu_is_table(g->m, other));
	assert_false(mmu_is_table(g->m, table >> PAGE_SHIFT));
	/* The directory goes: nothing is mapped but what entries of FFh mean. */
	mmu_map(g->m, gpa(directory), PAGE_SIZE, PHYS_ROM, other + 1);
	memset(mmu_page_host(g->m, other + 1), 0, PAGE_SIZE);
	guest_flush_all(g);
	k = kernel_window(g);
	assert_int_equal(touch(g, k, 0xc0100000, false, false).verdict, MMU_TRUE_FAULT);
	mmu_map(g->m, gpa(directory), PAGE_SIZE, PHYS_RAM, directory >> PAGE_SHIFT);
	assert_int_equal(value(g, kernel_window(g), 0xc0100000), 0x22);
	/* Where no memory is, tables say FFh; memory comes there. */
	mmu_map(g->m, gpa(table), PAGE_SIZE, PHYS_NONE, 0);
	struct outcome o = touch(g, kernel_window(g), 0xc0100000, false, false);
	assert_false(o.done && o.value == 0x22);
	mmu_check(g->m);
	mmu_map(g->m, gpa(table), PAGE_SIZE, PHYS_RAM, other);
	assert_int_equal(value(g, kernel_window(g), 0xc0100000), 0x22);
	guest_free(g);
}

static void test_tables(void **state)
{
	tables(false);
	tables(true);
}

/* With A20 off odd MiBs show the even ones, to the processor, its walks and its code. */
static void test_a20(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t page;
	struct trap t;
	struct window *on = physical_window(g);
	*phys32(g, 0x10) = 0x11;
	*phys32(g, 0x100010) = 0x22;
	assert_int_equal(value(g, on, 0x100010), 0x22);
	mmu_a20(g->m, false);
	struct window *off = physical_window(g);
	assert_ptr_not_equal(on, off);
	assert_int_equal(value(g, off, 0x100010), 0x11);
	assert_int_equal(value(g, off, 0x10), 0x11);
	assert_int_equal(stored(g, off, 0x300020), MMU_MAPPED);
	assert_int_equal(*phys32(g, 0x200020), 0x5a);
	assert_true(mmu_exec(g->m, off, gla(0x100010), false, &page, &t));
	assert_int_equal(page, 0);
	mmu_trace_code(g->m, 0, true);
	assert_int_equal(stored(g, off, 0x100030), MMU_TRACED);
	mmu_trace_code(g->m, 0, false);
	/* Devices see all lines. */
	uint32_t v;
	mmu_dma_read(g->m, gpa(0x100010), &v, 4);
	assert_int_equal(v, 0x22);
	/* Holes by the address that is there. */
	assert_int_equal(value(g, off, 0x1a0000), 0xff);
	mmu_map(g->m, gpa(0xa0000), PAGE_SIZE, PHYS_RAM, 0xa0);
	assert_int_equal(value(g, off, 0x1a0000), 0);
	mmu_map(g->m, gpa(0xa0000), PAGE_SIZE, PHYS_NONE, 0);
	assert_int_equal(value(g, off, 0x1a0000), 0xff);
	mmu_check(g->m);
	/* Back: the window from before is as it was. */
	mmu_a20(g->m, true);
	assert_ptr_equal(physical_window(g), on);
	assert_int_equal(value(g, on, 0x100010), 0x22);
	/* With paging, pages and tables. */
	uint32_t cr3 = root_new(g);
	map_page(g, cr3, 0xc0100000, 0x500000 | P | W | A | D);
	*phys32(g, 0x500000) = 0x33;
	*phys32(g, 0x400000) = 0x44;
	paging_on(g, cr3, 0);
	assert_int_equal(value(g, kernel_window(g), 0xc0100000), 0x33);
	mmu_a20(g->m, false);
	assert_int_equal(value(g, kernel_window(g), 0xc0100000), 0x44);
	mmu_check(g->m);
	mmu_a20(g->m, true);
	assert_int_equal(value(g, kernel_window(g), 0xc0100000), 0x33);
	guest_free(g);
}

/* Every way to store to a page shows in the log once, and none of the others do. */
static void test_log(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t vram = memory_new(g, 20);
	uint8_t bits[3];
	mmu_map(g->m, gpa(FRAMES), 20 * PAGE_SIZE, PHYS_RAM, vram);
	struct window *w = physical_window(g);
	assert_int_equal(stored(g, w, FRAMES), MMU_MAPPED);
	mmu_log_take(g->m, vram, 20, bits);
	assert_int_equal(bits[0] & bits[1], 0xff);
	assert_int_equal(bits[2] & 15, 15);
	mmu_log_take(g->m, vram, 20, bits);
	assert_int_equal(bits[0] | bits[1] | (bits[2] & 15), 0);
	assert_false(mapped(g, w, FRAMES, true));
	assert_int_equal(value(g, w, FRAMES + 4 * PAGE_SIZE), 0x84);
	assert_int_equal(stored(g, w, FRAMES + PAGE_SIZE), MMU_MAPPED);
	mmu_store(g->m, gpa(FRAMES + 9 * PAGE_SIZE), &(uint8_t){1}, 1);
	mmu_dma_write(g->m, gpa(FRAMES + 11 * PAGE_SIZE - 1), &(uint16_t){1}, 2);
	assert_non_null(mmu_host_store(g->m, gpa(FRAMES + 17 * PAGE_SIZE)));
	mmu_check(g->m);
	mmu_log_take(g->m, vram, 20, bits);
	assert_int_equal(bits[0], 1 << 1);
	assert_int_equal(bits[1], 1 << 1 | 1 << 2 | 1 << 3);
	assert_int_equal(bits[2] & 15, 1 << 1);
	/* Again, by the page that was mapped writable before. */
	assert_int_equal(stored(g, w, FRAMES + PAGE_SIZE), MMU_MAPPED);
	mmu_log_take(g->m, vram, 8, bits);
	assert_int_equal(bits[0], 1 << 1);
	/* A walk sets A and D in a table there. */
	uint32_t cr3 = root_new(g);
	store_entry(g, pde_at(g, cr3, 0xc0100000), (FRAMES + 2 * PAGE_SIZE) | P | W | U);
	map_page(g, cr3, 0xc0100000, 0x500000 | P | W);
	mmu_log_take(g->m, vram, 8, bits);
	paging_on(g, cr3, 0);
	assert_true(touch(g, kernel_window(g), 0xc0100000, true, false).done);
	mmu_log_take(g->m, vram, 8, bits);
	assert_int_equal(bits[0], 1 << 2);
	/* The end: nothing is held any more. */
	mmu_log_end(g->m, vram, 20);
	mmu_check(g->m);
	guest_free(g);
}

/* A device writes over code, over a table that is in use, into a ROM, across a hole, into a frame
 * buffer. */
static void test_dma(void **state)
{
	uint32_t rom;
	static uint8_t buffer[3 * PAGE_SIZE];
	struct guest *g = with_rom(&rom);
	memset(buffer, 0x77, sizeof buffer);
	mmu_trace_code(g->m, 0x300, true);
	mmu_dma_write(g->m, gpa(0x2fff80), buffer, 0x100);
	assert_int_equal(g->code_stores, 1);
	assert_int_equal(g->code_store.v, 0x300000);
	assert_int_equal(*phys32(g, 0x30007c), 0x77777777);
	mmu_trace_code(g->m, 0x300, false);

	uint32_t cr3 = root_new(g);
	map_page(g, cr3, 0xc0100000, 0x500000 | P | W | A | D);
	*phys32(g, 0x500000) = 0x11;
	*phys32(g, 0x600000) = 0x22;
	paging_on(g, cr3, 0);
	assert_int_equal(value(g, kernel_window(g), 0xc0100000), 0x11);
	uint32_t pte = 0x600000 | P | W | A | D;
	mmu_dma_write(g->m, gpa(pte_at(g, cr3, 0xc0100000)), &pte, 4);
	mmu_check(g->m);
	mmu_invlpg(g->m, gla(0xc0100000));
	assert_int_equal(value(g, kernel_window(g), 0xc0100000), 0x22);

	mmu_dma_write(g->m, gpa(LOW - PAGE_SIZE), buffer, sizeof buffer);
	assert_int_equal(*(const uint8_t *)mmu_host(g->m, gpa(LOW)), 0x80);
	assert_int_equal(*mmu_page_host(g->m, rom), 0x80);
	memset(buffer, 0, sizeof buffer);
	mmu_dma_read(g->m, gpa(LOW - 2), buffer, 4);
	assert_int_equal(*(uint32_t *)buffer, 0x8080ffff);
	memset(buffer, 0x66, sizeof buffer);
	mmu_dma_write(g->m, gpa(0x9f800), buffer, PAGE_SIZE);
	assert_int_equal(*phys32(g, 0x9fffc), 0x66666666);
	assert_null(mmu_host(g->m, gpa(0xa0000)));
	mmu_dma_write(g->m, gpa(0xfffff000), buffer, 3 * PAGE_SIZE);
	mmu_dma_read(g->m, gpa(1ull << 32), buffer, 4);
	assert_int_equal(*(uint32_t *)buffer, 0xffffffff);
	guest_free(g);
}

/* Changes of the map at random, against a model of it. */
static void test_random(void **state)
{
	struct guest *g = guest_new(NULL);
	enum { N = 64, BASE = 0x400000, ROUNDS = 4000 };
	uint32_t other = memory_new(g, N), page[N];
	unsigned kind[N];
	uint32_t cr3[2], seed = 1;
	for (unsigned i = 0; i < N; i++) {
		page[i] = (BASE >> PAGE_SHIFT) + i;
		kind[i] = PHYS_RAM;
		memset(mmu_page_host(g->m, page[i]), (int)i, PAGE_SIZE);
	}
	for (unsigned r = 0; r < 2; r++) {
		cr3[r] = root_new(g);
		for (unsigned i = 0; i < N; i++)
			map_page(g, cr3[r], 0xc0000000 + i * PAGE_SIZE,
			         (BASE + i * PAGE_SIZE) | P | W | A | D);
	}
	for (unsigned n = 0; n < ROUNDS; n++) {
		seed = seed * 1664525 + 1013904223;
		unsigned at = seed >> 26, what = seed >> 16 & 15;
		if (what < 4) {
			unsigned len = 1 + (seed >> 8 & 7), from = seed >> 20 & 31;
			if (at + len > N)
				len = N - at;
			unsigned k = seed >> 14 & 3;
			if ((k == PHYS_NONE || k == PHYS_ROM) && seed >> 12 & 1)
				k |= PHYS_BEHIND;
			uint32_t first = (seed >> 13 & 1 ? other : BASE >> PAGE_SHIFT) + from;
			mmu_map(g->m, gpa(BASE + at * PAGE_SIZE), len << PAGE_SHIFT, k, first);
			for (unsigned i = 0; i < len; i++) {
				kind[at + i] = k;
				page[at + i] = first + i;
			}
		} else if (what == 4) {
			g->p.cr0 = CR0_PE | (seed & 0x1000 ? CR0_PG | CR0_WP : 0);
			load_cr3(g, cr3[seed >> 11 & 1]);
		} else if (what == 5) {
			mmu_check(g->m);
		} else {
			bool paging = g->p.cr0 & CR0_PG, write = what & 1;
			struct window *w = paging ? kernel_window(g) : physical_window(g);
			struct outcome o = touch(
				g, w, (paging ? 0xc0000000 : BASE) + at * PAGE_SIZE, write, false);
			const uint8_t *ram = mmu_page_host(g->m, (BASE >> PAGE_SHIFT) + at);
			if (kind[at] & PHYS_BEHIND && write) {
				uint8_t byte = (uint8_t)n;
				assert_int_equal(o.verdict, MMU_HOLE);
				mmu_store(g->m, gpa(BASE + at * PAGE_SIZE), &byte, 1);
				assert_int_equal(*ram, byte);
			} else if (kind[at] == PHYS_DEVICE)
				assert_int_equal(o.verdict, MMU_DEVICE);
			else if (kind[at] == PHYS_RAM || !write)
				assert_true(o.done);
			else
				assert_int_equal(o.verdict, MMU_HOLE);
			if (o.done)
				assert_int_equal(write ? 0x5a : o.value,
				                 (kind[at] & ~PHYS_BEHIND) == PHYS_NONE
				                         ? 0xff
				                         : *mmu_page_host(g->m, page[at]));
		}
	}
	guest_free(g);
}

/* What has been looked up to be read is where it is now: moved, gone, without A20, or a device. */
static void test_readable(void **state)
{
	struct guest *g = guest_new(NULL);
	uint32_t other = memory_new(g, 1);
	struct trap t;
	gpa_t p;
	enum { AT = 0x100123 };

	assert_null(mmu_readable(g->m, gla(AT), false));
	assert_true(mmu_translate(g->m, gla(AT), MMU_READ, false, &p, &t));
	assert_ptr_equal(mmu_readable(g->m, gla(AT), false), mmu_host(g->m, gpa(AT)));
	assert_null(mmu_readable(g->m, gla(AT), true));
	assert_null(mmu_readable(g->m, gla(AT + PAGE_SIZE), false));
	mmu_map(g->m, gpa(0x100000), PAGE_SIZE, PHYS_ROM, other);
	assert_null(mmu_readable(g->m, gla(AT), false));
	assert_true(mmu_translate(g->m, gla(AT), MMU_READ, false, &p, &t));
	assert_ptr_equal(mmu_readable(g->m, gla(AT), false), mmu_page_host(g->m, other) + 0x123);
	mmu_a20(g->m, false);
	assert_null(mmu_readable(g->m, gla(AT), false));
	assert_true(mmu_translate(g->m, gla(AT), MMU_READ, false, &p, &t));
	assert_ptr_equal(mmu_readable(g->m, gla(AT), false), mmu_host(g->m, gpa(0x123)));
	mmu_a20(g->m, true);
	mmu_map(g->m, gpa(0x100000), PAGE_SIZE, PHYS_DEVICE, 0);
	assert_true(mmu_translate(g->m, gla(AT), MMU_READ, false, &p, &t));
	assert_null(mmu_readable(g->m, gla(AT), false));
	assert_false(mmu_store(g->m, gpa(AT), &(uint8_t){1}, 1));
	mmu_map(g->m, gpa(0x100000), PAGE_SIZE, PHYS_NONE, 0);
	assert_true(mmu_translate(g->m, gla(AT), MMU_READ, false, &p, &t));
	assert_null(mmu_readable(g->m, gla(AT), false));
	assert_true(mmu_store(g->m, gpa(AT), &(uint8_t){1}, 1));
	/* What may be stored to may be read. */
	assert_true(mmu_translate(g->m, gla(0x2000), MMU_WRITE, true, &p, &t));
	assert_non_null(mmu_readable(g->m, gla(0x2000), true));
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memories), cmocka_unit_test(test_rom),
		cmocka_unit_test(test_alias),    cmocka_unit_test(test_device),
		cmocka_unit_test(test_pam),      cmocka_unit_test(test_tables),
		cmocka_unit_test(test_a20),      cmocka_unit_test(test_log),
		cmocka_unit_test(test_dma),      cmocka_unit_test(test_random),
		cmocka_unit_test(test_readable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
