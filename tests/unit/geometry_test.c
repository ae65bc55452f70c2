/* links: machine */
/* How disks are counted: by the drive, and by a BIOS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine/geometry.h"

static const struct ide_geometry by_size;

static void assert_drive(const struct geometry *g, unsigned c, unsigned h, unsigned s)
{
	assert_int_equal(g->drive.cylinders, c);
	assert_int_equal(g->drive.heads, h);
	assert_int_equal(g->drive.sectors, s);
}

static void assert_bios(const struct geometry *g, unsigned how, unsigned c, unsigned h, unsigned s)
{
	assert_int_equal(g->translation, how);
	assert_int_equal(g->cylinders, c);
	assert_int_equal(g->heads, h);
	assert_int_equal(g->sectors, s);
}

/* Up to 1024 cylinders both agree; beyond, heads double until there are no more of them; at 255 heads
 * the BIOS sees no more than 8 GB. */
static void test_sizes(void **state)
{
	static const struct {
		uint64_t sectors;
		unsigned cylinders, how, bios_cylinders, bios_heads;
	} cases[] = {
		{1008, 1, GEOMETRY_NONE, 1, 16},
		{131072, 130, GEOMETRY_NONE, 130, 16},
		{1024 * 1008 + 1007, 1024, GEOMETRY_NONE, 1024, 16},
		{1025 * 1008, 1025, GEOMETRY_LBA, 512, 32},
		{2 * 1025 * 1008, 2050, GEOMETRY_LBA, 512, 64},
		{8 * 1024 * 1008, 8192, GEOMETRY_LBA, 1024, 128},
		{8 * 1025 * 1008, 8200, GEOMETRY_LBA, 514, 255},
		{16383 * 1008, 16383, GEOMETRY_LBA, 1024, 255},
		{UINT64_C(1) << 32, 16383, GEOMETRY_LBA, 1024, 255},
		{UINT64_C(1) << 48, 16383, GEOMETRY_LBA, 1024, 255},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct geometry g = geometry_of(cases[i].sectors, NULL, by_size, GEOMETRY_AUTO);
		assert_drive(&g, cases[i].cylinders, 16, 63);
		assert_bios(&g, cases[i].how, cases[i].bios_cylinders, cases[i].bios_heads, 63);
	}
}

/* Of the smallest disks no more is counted than there is. */
static void test_small(void **state)
{
	for (uint64_t sectors = 1; sectors < 3000; sectors++) {
		struct geometry g = geometry_of(sectors, NULL, by_size, GEOMETRY_AUTO);
		uint64_t all = (uint64_t)g.drive.cylinders * g.drive.heads * g.drive.sectors;
		assert_true(all && all <= sectors);
		assert_true(g.cylinders && g.heads && g.sectors);
	}
	struct geometry g = geometry_of(5, NULL, by_size, GEOMETRY_AUTO);
	assert_drive(&g, 1, 1, 5);
}

static void test_translations(void **state)
{
	uint64_t sectors = 4000 * 1008;
	struct geometry g = geometry_of(sectors, NULL, by_size, GEOMETRY_NONE);
	assert_bios(&g, GEOMETRY_NONE, 1024, 16, 63);
	g = geometry_of(sectors, NULL, by_size, GEOMETRY_LARGE);
	assert_bios(&g, GEOMETRY_LARGE, 1000, 64, 63);
	g = geometry_of(sectors, NULL, by_size, GEOMETRY_LBA);
	assert_bios(&g, GEOMETRY_LBA, 1000, 64, 63);
	struct ide_geometry given = {615, 4, 17};
	g = geometry_of(sectors, NULL, given, GEOMETRY_AUTO);
	assert_drive(&g, 615, 4, 17);
	assert_bios(&g, GEOMETRY_NONE, 615, 4, 17);
	given = (struct ide_geometry){3000, 15, 17};
	g = geometry_of(3000 * 15 * 17, NULL, given, GEOMETRY_LARGE);
	assert_bios(&g, GEOMETRY_LARGE, 750, 60, 17);
	given = (struct ide_geometry){16383, 16, 63};
	g = geometry_of(16383 * 1008, NULL, given, GEOMETRY_LARGE);
	assert_bios(&g, GEOMETRY_LARGE, 1024, 128, 63);
}

/* Where there are partitions, who made them knew how the disk was counted. */
static void test_partitions(void **state)
{
	uint8_t first[512] = {[510] = 0x55, [511] = 0xaa};
	uint8_t *third = first + 0x1be + 2 * 16;
	third[4] = 0x06;
	third[5] = 14;        /* head */
	third[6] = 0xc0 | 17; /* cylinder's upper bits, sector */
	uint64_t sectors = 40000;
	struct geometry g = geometry_of(sectors, first, by_size, GEOMETRY_AUTO);
	assert_drive(&g, 156, 15, 17);
	assert_bios(&g, GEOMETRY_NONE, 156, 15, 17);
	struct ide_geometry given = {39, 16, 63};
	g = geometry_of(sectors, first, given, GEOMETRY_AUTO);
	assert_drive(&g, 39, 16, 63);
	assert_bios(&g, GEOMETRY_NONE, 156, 15, 17);
	g = geometry_of(sectors, first, by_size, GEOMETRY_LBA);
	assert_bios(&g, GEOMETRY_LBA, 39, 16, 63);
	third[5] = 254;
	third[6] = 63;
	g = geometry_of(1 << 22, first, by_size, GEOMETRY_AUTO);
	assert_drive(&g, 4161, 16, 63);
	assert_bios(&g, GEOMETRY_LBA, 261, 255, 63);
	/* None that tells: no signature, no type, no sector, more than the disk. */
	for (unsigned i = 0; i < 4; i++) {
		uint8_t other[512];
		memcpy(other, first, sizeof other);
		*(uint8_t *[]){other + 511, other + (third - first) + 4,
		               other + (third - first) + 6, other + (third - first) + 5}[i] =
			i == 3 ? 255 : 0;
		g = geometry_of(40000, other, by_size, GEOMETRY_AUTO);
		assert_bios(&g, GEOMETRY_NONE, 39, 16, 63);
	}
	g = geometry_of(10000, first, by_size, GEOMETRY_AUTO);
	assert_bios(&g, GEOMETRY_NONE, 9, 16, 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_translations),
		cmocka_unit_test(test_partitions),
	};
	return cmocka_run_group_tests_name("geometry", tests, NULL, NULL);
}
