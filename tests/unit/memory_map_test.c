/* links: machine */
/* The mmu's map follows the ROM, shadow RAM, and the regions that devices have on the bus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/memory_map.h"

enum { BAR = 0xfeb00000u, MOVED = 0xfec00000u, RAM = 16 << 20 };

static struct {
	struct mmu *mmu;
	struct bus *bus;
	struct memory_map *map;
} s;

static void on_revoke(void *ctx, struct window *w, uint32_t vpn, uint32_t page)
{
}

static void on_drop(void *ctx, struct window *w)
{
}

static void on_store(void *ctx, uint32_t page, uint32_t off, uint32_t n)
{
}

static void changed(void *ctx)
{
	memory_map_follow(s.map, s.bus);
}

static int open_map(void **state)
{
	static const struct mmu_client client = {NULL, on_revoke, on_drop, on_store, NULL};
	const char *what;
	assert_int_equal(mmu_create(&s.mmu, &(struct mmu_config){.ram_bytes = RAM}, &client, &what),
	                 0);
	s.map = memory_map_create(s.mmu, RAM);
	s.bus = bus_create(NULL, changed);
	return 0;
}

static int close_map(void **state)
{
	bus_destroy(s.bus);
	memory_map_destroy(s.map);
	mmu_destroy(s.mmu);
	return 0;
}

static bool device(uint32_t a)
{
	return mmu_is_device(s.mmu, gpa(a));
}

static int map(uint64_t base, uint64_t length)
{
	return bus_map(s.bus, SPACE_MEMORY, base, length, (struct region_handler){0});
}

/* Comes, moves, goes: what it leaves is a hole again. */
static void test_hole(void **state)
{
	int id = map(BAR, 2 * PAGE_SIZE);
	assert_true(id > 0);
	assert_false(device(BAR - 1));
	assert_true(device(BAR));
	assert_true(device(BAR + 2 * PAGE_SIZE - 1));
	assert_false(device(BAR + 2 * PAGE_SIZE));
	assert_int_equal(bus_move(s.bus, id, MOVED), 0);
	assert_false(device(BAR));
	assert_null(mmu_host(s.mmu, gpa(BAR)));
	assert_true(device(MOVED + PAGE_SIZE));
	/* By less than its length. */
	assert_int_equal(bus_move(s.bus, id, MOVED + PAGE_SIZE), 0);
	assert_false(device(MOVED));
	assert_true(device(MOVED + PAGE_SIZE));
	assert_true(device(MOVED + 2 * PAGE_SIZE));
	bus_unmap(s.bus, id);
	assert_false(device(MOVED + PAGE_SIZE));
	assert_false(device(MOVED + 2 * PAGE_SIZE));
}

/* Over RAM, which keeps what it holds. */
static void test_ram(void **state)
{
	*(uint32_t *)mmu_host_store(s.mmu, gpa(0x500000)) = 77;
	int id = map(0x500000, PAGE_SIZE);
	assert_true(device(0x500000));
	assert_null(mmu_host(s.mmu, gpa(0x500000)));
	assert_non_null(mmu_host(s.mmu, gpa(0x4fffff)));
	bus_unmap(s.bus, id);
	assert_int_equal(*(const uint32_t *)mmu_host(s.mmu, gpa(0x500000)), 77);
	assert_int_equal(mmu_page(s.mmu, gpa(0x500000)), 0x500);
	/* Across the end of conventional memory. */
	id = map(0x9f000, 2 * PAGE_SIZE);
	assert_true(device(0x9f000));
	assert_true(device(0xa0000));
	bus_unmap(s.bus, id);
	assert_non_null(mmu_host_store(s.mmu, gpa(0x9ffff)));
	assert_null(mmu_host(s.mmu, gpa(0xa0000)));
}

/* Two in one page: it is a device's until the last has gone. */
static void test_small(void **state)
{
	int a = map(BAR + 0x100, 0x100), b = map(BAR + 0x800, 0x900);
	assert_true(device(BAR));
	assert_true(device(BAR + PAGE_SIZE));
	bus_unmap(s.bus, b);
	assert_true(device(BAR));
	assert_false(device(BAR + PAGE_SIZE));
	bus_unmap(s.bus, a);
	assert_false(device(BAR));
}

/* Up to the end of the address space. */
static void test_top(void **state)
{
	int id = map(0xfffff000u, PAGE_SIZE);
	assert_true(id > 0);
	assert_true(device(0xffffffffu));
	bus_unmap(s.bus, id);
	assert_false(device(0xffffffffu));
}

/* A part of a region is memory of its own, in two places at once; regions that stay keep theirs. */
static void test_memory(void **state)
{
	uint32_t first;
	assert_int_equal(mmu_memory_add(s.mmu, "frames", 16 * PAGE_SIZE, &first), 0);
	struct region_handler whole = {.memory = {0, 16 * PAGE_SIZE, first}};
	int id = bus_map(s.bus, SPACE_MEMORY, 0xa0000, 0x20000, (struct region_handler){0});
	assert_true(id > 0);
	assert_true(bus_map(s.bus, SPACE_MEMORY, BAR, 16 * PAGE_SIZE, whole) > 0);
	assert_int_equal(mmu_page(s.mmu, gpa(BAR + 3 * PAGE_SIZE)), first + 3);
	assert_true(device(0xa0000));
	bus_show(s.bus, id, (struct bus_memory){PAGE_SIZE, 2 * PAGE_SIZE, first + 3});
	assert_true(device(0xa0000));
	assert_false(device(0xa1000));
	assert_true(device(0xa3000));
	*(uint32_t *)mmu_host_store(s.mmu, gpa(0xa2004)) = 99;
	assert_int_equal(*(const uint32_t *)mmu_host(s.mmu, gpa(BAR + 4 * PAGE_SIZE + 4)), 99);
	bus_show(s.bus, id, (struct bus_memory){0, PAGE_SIZE, first});
	assert_int_equal(mmu_page(s.mmu, gpa(0xa0000)), first);
	assert_true(device(0xa1000));
	assert_int_equal(bus_move(s.bus, id, 0xb0000), 0);
	assert_int_equal(mmu_page(s.mmu, gpa(0xb0000)), first);
	assert_false(device(0xa0000));
	assert_null(mmu_host(s.mmu, gpa(0xa0000)));
	bus_show(s.bus, id, (struct bus_memory){0});
	assert_true(device(0xb0000));
	bus_unmap(s.bus, id);
}

static uint32_t word(uint32_t a)
{
	const void *p = mmu_host(s.mmu, gpa(a));
	assert_non_null(p);
	return *(const uint32_t *)p;
}

/* As a device and the guest do it, in turn. */
static void store_word(uint32_t a, uint32_t v)
{
	static bool dma;
	dma = !dma;
	if (dma)
		mmu_dma_write(s.mmu, gpa(a), &v, sizeof v);
	else
		assert_true(mmu_store(s.mmu, gpa(a), &v, sizeof v));
}

/* A ROM whose words say where in it they are. */
static void add_rom(uint32_t bytes)
{
	uint32_t first;
	assert_int_equal(mmu_memory_add(s.mmu, "rom", bytes, &first), 0);
	uint32_t *p = (uint32_t *)mmu_page_host(s.mmu, first);
	for (uint32_t i = 0; i < bytes / 4; i++)
		p[i] = 0xb1050000 + 4 * i;
	memory_map_rom(s.map, first, bytes);
}

/* 256 KiB: whole below 4 GiB, its second half below 1 MiB; no store reaches it. */
static void test_rom(void **state)
{
	add_rom(0x40000);
	assert_null(mmu_host(s.mmu, gpa(0xfffbfffc)));
	assert_int_equal(word(0xfffc0000), 0xb1050000);
	assert_int_equal(word(0xfffffffc), 0xb1050000 + 0x3fffc);
	assert_null(mmu_host(s.mmu, gpa(0xdfffc)));
	assert_int_equal(word(0xe0000), 0xb1050000 + 0x20000);
	assert_int_equal(word(0xffffc), 0xb1050000 + 0x3fffc);
	assert_null(mmu_host_store(s.mmu, gpa(0xf0000)));
	assert_null(mmu_host_store(s.mmu, gpa(0xfffffffc)));
}

/* 64 KiB: below both. */
static void test_small_rom(void **state)
{
	add_rom(0x10000);
	assert_null(mmu_host(s.mmu, gpa(0xefffc)));
	assert_int_equal(word(0xf0000), 0xb1050000);
	assert_int_equal(word(0xffff0000), 0xb1050000);
}

/* The four states of a segment; what RAM holds stays, and is its own. */
static void test_shadow(void **state)
{
	add_rom(0x40000);
	memory_map_shadow(s.map, 0xf0000, 0x10000, true, true);
	assert_int_equal(word(0xf0000), 0);
	*(uint32_t *)mmu_host_store(s.mmu, gpa(0xf0000)) = 55;
	assert_int_equal(word(0xffff0000), 0xb1050000 + 0x30000);
	assert_int_equal(word(0xe0000), 0xb1050000 + 0x20000);
	memory_map_shadow(s.map, 0xf0000, 0x10000, true, false);
	assert_int_equal(word(0xf0000), 55);
	assert_null(mmu_host_store(s.mmu, gpa(0xf0000)));
	store_word(0xf0000, 56);
	assert_int_equal(word(0xf0000), 55);
	memory_map_shadow(s.map, 0xf0000, 0x10000, false, true);
	store_word(0xf0000, 57);
	store_word(0xffffc, 58);
	assert_int_equal(word(0xf0000), 0xb1050000 + 0x30000);
	assert_null(mmu_host_store(s.mmu, gpa(0xf0000)));
	memory_map_shadow(s.map, 0xf0000, 0x10000, false, false);
	assert_int_equal(word(0xf0000), 0xb1050000 + 0x30000);
	store_word(0xf0000, 59);
	memory_map_shadow(s.map, 0xf0000, 0x10000, true, false);
	assert_int_equal(word(0xf0000), 57);
	assert_int_equal(word(0xffffc), 58);
	assert_int_equal(word(0xffff0000), 0xb1050000 + 0x30000);
	/* Where there is no ROM. */
	memory_map_shadow(s.map, 0xc0000, 0x4000, true, true);
	*(uint32_t *)mmu_host_store(s.mmu, gpa(0xc3ffc)) = 66;
	assert_null(mmu_host(s.mmu, gpa(0xc4000)));
	memory_map_shadow(s.map, 0xc0000, 0x4000, false, false);
	assert_null(mmu_host(s.mmu, gpa(0xc3ffc)));
	memory_map_shadow(s.map, 0xc0000, 0x4000, true, false);
	assert_int_equal(word(0xc3ffc), 66);
	memory_map_shadow(s.map, 0xc0000, 0x4000, false, true);
	assert_null(mmu_host(s.mmu, gpa(0xc3ffc)));
	store_word(0xc3ffc, 67);
	memory_map_shadow(s.map, 0xc0000, 0x4000, true, false);
	assert_int_equal(word(0xc3ffc), 67);
}

/* A device is in front of ROM, and behind shadow RAM. */
static void test_shadow_of_device(void **state)
{
	add_rom(0x40000);
	int id = map(0xc8000, 2 * PAGE_SIZE);
	assert_true(device(0xc8000));
	memory_map_shadow(s.map, 0xc8000, 0x4000, true, true);
	assert_false(device(0xc8000));
	assert_int_equal(bus_move(s.bus, id, 0xe0000), 0);
	assert_true(device(0xe0000));
	assert_false(device(0xc8000));
	memory_map_shadow(s.map, 0xc8000, 0x4000, false, false);
	assert_null(mmu_host(s.mmu, gpa(0xc8000)));
	bus_unmap(s.bus, id);
	assert_int_equal(word(0xe0000), 0xb1050000 + 0x20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hole, open_map, close_map),
		cmocka_unit_test_setup_teardown(test_ram, open_map, close_map),
		cmocka_unit_test_setup_teardown(test_memory, open_map, close_map),
		cmocka_unit_test_setup_teardown(test_small, open_map, close_map),
		cmocka_unit_test_setup_teardown(test_top, open_map, close_map),
		cmocka_unit_test_setup_teardown(test_rom, open_map, close_map),
		cmocka_unit_test_setup_teardown(test_small_rom, open_map, close_map),
		cmocka_unit_test_setup_teardown(test_shadow, open_map, close_map),
		cmocka_unit_test_setup_teardown(test_shadow_of_device, open_map, close_map),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
