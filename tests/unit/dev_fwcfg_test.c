/* links: devices */
/* The firmware configuration device, by its ports and by requests in memory. */
#include "dev_fixture.h"

#include "devices/fwcfg.h"

#include <string.h>

static struct {
	struct rig rig;
	struct fwcfg *f;
	uint8_t memory[65536];
} s;

static void read_memory(void *ctx, uint64_t at, void *dst, size_t n)
{
	memset(dst, 0xff, n);
	for (size_t i = 0; i < n && at + i < sizeof s.memory; i++)
		((uint8_t *)dst)[i] = s.memory[at + i];
}

static void write_memory(void *ctx, uint64_t at, const void *src, size_t n)
{
	for (size_t i = 0; i < n && at + i < sizeof s.memory; i++)
		s.memory[at + i] = ((const uint8_t *)src)[i];
}

static int open_device(void **state)
{
	memset(&s, 0, sizeof s);
	rig_open(&s.rig);
	s.f = fwcfg_create(s.rig.bus, (struct dma_memory){NULL, read_memory, write_memory});
	return 0;
}

static int close_device(void **state)
{
	fwcfg_type.destroy(s.f);
	rig_close(&s.rig);
	return 0;
}

static void choose(uint16_t key)
{
	bus_write(s.rig.bus, SPACE_PORT, 0x510, 2, key);
}

static uint64_t take(unsigned bytes)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | bus_read(s.rig.bus, SPACE_PORT, 0x511, 1);
	return v;
}

static void put(uint16_t at, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		s.memory[at + i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}

/* A request at 1000h; its control word afterwards. */
static uint32_t request(uint32_t control, uint32_t bytes, uint64_t address)
{
	uint32_t result;
	put(0x1000, control, 4);
	put(0x1004, bytes, 4);
	put(0x1008, address, 8);
	bus_write(s.rig.bus, SPACE_PORT, 0x514, 4, 0);
	bus_write(s.rig.bus, SPACE_PORT, 0x518, 4, __builtin_bswap32(0x1000));
	memcpy(&result, s.memory + 0x1000, 4);
	return __builtin_bswap32(result);
}

static void test_ports(void **state)
{
	choose(FWCFG_SIGNATURE);
	assert_int_equal(take(4), 0x51454d55);
	assert_int_equal(take(2), 0); /* behind its end */
	choose(FWCFG_ID);
	assert_int_equal(take(4), 0x03000000);
	choose(0x7fff); /* there is none */
	assert_int_equal(take(4), 0);
	fwcfg_add(s.f, FWCFG_CPUS, "\1\0", 2);
	fwcfg_add(s.f, FWCFG_CPUS, "\2\0", 2);
	choose(FWCFG_CPUS);
	assert_int_equal(take(2), 0x0200);
	/* The selector is a word; no store changes data. */
	bus_write(s.rig.bus, SPACE_PORT, 0x510, 1, 0);
	bus_write(s.rig.bus, SPACE_PORT, 0x511, 1, 0);
	choose(FWCFG_CPUS);
	assert_int_equal(take(1), 2);
	assert_int_equal(bus_read(s.rig.bus, SPACE_PORT, 0x514, 4), 0x554d4551);
	assert_int_equal(bus_read(s.rig.bus, SPACE_PORT, 0x518, 4), 0x47464320);
}

/* Sorted, whatever the order in which they came. */
static void test_files(void **state)
{
	fwcfg_add_file(s.f, "etc/b", "bb", 2);
	fwcfg_add_file(s.f, "bootorder", "order", 5);
	fwcfg_add_file(s.f, "etc/a", "a", 1);
	fwcfg_add_file(s.f, "etc/b", "bbb", 3);
	choose(FWCFG_DIRECTORY);
	assert_int_equal(take(4), 3);
	static const struct {
		const char *name;
		unsigned bytes;
	} wanted[] = {{"bootorder", 5}, {"etc/a", 1}, {"etc/b", 3}};
	for (unsigned i = 0; i < 3; i++) {
		char name[56];
		assert_int_equal(take(4), wanted[i].bytes);
		assert_int_equal(take(2), FWCFG_FILES + i);
		assert_int_equal(take(2), 0);
		for (unsigned n = 0; n < sizeof name; n++)
			name[n] = (char)take(1);
		assert_string_equal(name, wanted[i].name);
	}
	choose(FWCFG_FILES);
	assert_int_equal(take(5), 0x6f72646572);
	choose(FWCFG_FILES + 2);
	assert_int_equal(take(4), 0x62626200);
}

static void test_requests(void **state)
{
	char big[10000];
	memset(big, 'x', sizeof big);
	fwcfg_add_file(s.f, "big", big, sizeof big);
	memset(s.memory, 0xee, sizeof s.memory);
	/* Select and read; behind the end there are zeros. */
	assert_int_equal(request(FWCFG_FILES << 16 | 8 | 2, 10002, 0x4000), 0);
	assert_int_equal(s.memory[0x3fff], 0xee);
	assert_int_equal(s.memory[0x4000], 'x');
	assert_int_equal(s.memory[0x4000 + 9999], 'x');
	assert_int_equal(s.memory[0x4000 + 10001], 0);
	assert_int_equal(s.memory[0x4000 + 10002], 0xee);
	/* Skip and read on. */
	assert_int_equal(request(FWCFG_FILES << 16 | 8 | 4, 9999, 0), 0);
	assert_int_equal(request(2, 2, 0x100), 0);
	assert_int_equal(s.memory[0x100], 'x');
	assert_int_equal(s.memory[0x101], 0);
	assert_int_equal(request(4, UINT32_MAX, 0), 0);
	/* Nothing is writable. */
	assert_int_equal(request(FWCFG_FILES << 16 | 8 | 16, 1, 0x100), 1);
	/* To where nothing is, and as long as can be. */
	assert_int_equal(request(FWCFG_FILES << 16 | 8 | 2, UINT32_MAX, 0xfffff000), 0);
	assert_int_equal(request(FWCFG_FILES << 16 | 8 | 2, UINT32_MAX, 1ull << 40), 0);
}

static void test_reset(void **state)
{
	choose(FWCFG_ID);
	take(1);
	fwcfg_type.reset(s.f, RESET_HARD);
	assert_int_equal(take(4), 0x51454d55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ports, open_device, close_device),
		cmocka_unit_test_setup_teardown(test_files, open_device, close_device),
		cmocka_unit_test_setup_teardown(test_requests, open_device, close_device),
		cmocka_unit_test_setup_teardown(test_reset, open_device, close_device),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
