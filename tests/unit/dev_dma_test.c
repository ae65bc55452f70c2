/* links: devices */
#include "dev_fixture.h"

#include "devices/dma.h"

#include <string.h>

static uint8_t memory[1 << 24];
static unsigned told; /* how often the device was */

static void mem_read(void *ctx, uint64_t at, void *dst, size_t n)
{
	assert_true(at + n <= sizeof memory);
	memcpy(dst, memory + at, n);
}

static void mem_write(void *ctx, uint64_t at, const void *src, size_t n)
{
	assert_true(at + n <= sizeof memory);
	memcpy(memory + at, src, n);
}

static void ready(void *ctx)
{
	told++;
}

static struct dma *open_dma(struct rig *r)
{
	rig_open(r);
	memset(memory, 0, sizeof memory);
	told = 0;
	struct dma *d = dma_create(r->bus, (struct dma_memory){NULL, mem_read, mem_write});
	out(r, 0xd6, 0xc0);
	out(r, 0xd4, 0x00);
	return d;
}

static void close_dma(struct rig *r, struct dma *d)
{
	dma_type.destroy(d);
	rig_close(r);
}

/* Channel 2, with its mask open. */
static void program(struct rig *r, uint8_t mode, uint8_t page, uint16_t at, uint16_t count)
{
	out(r, 0x0a, 0x06);
	out(r, 0x0c, 0);
	out(r, 0x04, at);
	out(r, 0x04, at >> 8);
	out(r, 0x05, count);
	out(r, 0x05, count >> 8);
	out(r, 0x0b, mode | 2);
	out(r, 0x81, page);
	out(r, 0x0a, 0x02);
}

/* 24 bits, and no carry from the address into the page. */
static void test_reach(void **state)
{
	struct rig r;
	struct dma *d = open_dma(&r);
	bool tc;
	program(&r, 0x44, 0xfe, 0xfffe, 3);
	assert_int_equal(dma_to_memory(d, 2, "abcd", 4, &tc), 4);
	assert_true(tc);
	assert_memory_equal(memory + 0xfefffe, "ab", 2);
	assert_memory_equal(memory + 0xfe0000, "cd", 2);
	assert_int_equal(memory[0xff0000], 0);
	close_dma(&r, d);
}

/* The status' bits of terminal counts go as they are read; the mask closes. */
static void test_terminal_count(void **state)
{
	struct rig r;
	struct dma *d = open_dma(&r);
	bool tc;
	program(&r, 0x44, 1, 0, 3);
	assert_int_equal(dma_to_memory(d, 2, "ab", 2, &tc), 2);
	assert_false(tc);
	assert_int_equal(in(&r, 0x08), 0x00);
	assert_int_equal(dma_to_memory(d, 2, "cdef", 4, &tc), 2);
	assert_true(tc);
	assert_int_equal(in(&r, 0x08), 0x04);
	assert_int_equal(in(&r, 0x08), 0x00);
	assert_int_equal(in(&r, 0x0f) & 4, 4);
	assert_int_equal(dma_to_memory(d, 2, "x", 1, &tc), 0);
	/* Master clear clears them, too. */
	program(&r, 0x44, 1, 0, 0);
	dma_to_memory(d, 2, "x", 1, &tc);
	out(&r, 0x0d, 0);
	assert_int_equal(in(&r, 0x08), 0x00);
	assert_int_equal(in(&r, 0x0f), 0xff);
	close_dma(&r, d);
}

/* Each end is told, and the channel begins anew, unmasked. */
static void test_auto(void **state)
{
	struct rig r;
	struct dma *d = open_dma(&r);
	bool tc;
	program(&r, 0x54, 1, 0x10, 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(dma_to_memory(d, 2, "abc", 3, &tc), 2);
		assert_true(tc);
		assert_int_equal(in(&r, 0x08), 0x04);
		out(&r, 0x0c, 0);
		assert_int_equal(in(&r, 0x04), 0x10);
		assert_int_equal(in(&r, 0x04), 0x00);
	}
	close_dma(&r, d);
}

static void test_down_and_verify(void **state)
{
	struct rig r;
	struct dma *d = open_dma(&r);
	uint8_t got[2];
	bool tc;
	program(&r, 0x64, 1, 0x11, 1);
	dma_to_memory(d, 2, "ab", 2, &tc);
	assert_memory_equal(memory + 0x10010, "ba", 2);
	program(&r, 0x48, 1, 0x10, 1);
	dma_from_memory(d, 2, got, 2, &tc);
	assert_memory_equal(got, "ba", 2);
	program(&r, 0x40, 1, 0x10, 1);
	assert_int_equal(dma_to_memory(d, 2, "xy", 2, &tc), 2);
	assert_true(tc);
	assert_memory_equal(memory + 0x10010, "ba", 2);
	close_dma(&r, d);
}

/* Words: the page's bit 0 is none of the address. */
static void test_words(void **state)
{
	struct rig r;
	struct dma *d = open_dma(&r);
	bool tc;
	out(&r, 0xd8, 0);
	out(&r, 0xc4, 0x01);
	out(&r, 0xc4, 0x80);
	out(&r, 0xc6, 1);
	out(&r, 0xc6, 0);
	out(&r, 0xd6, 0x45);
	out(&r, 0x8b, 0x13);
	out(&r, 0xd4, 0x01);
	assert_int_equal(dma_to_memory(d, 5, "abcdef", 6, &tc), 4);
	assert_true(tc);
	assert_memory_equal(memory + 0x130002, "abcd", 4);
	assert_int_equal(in(&r, 0xd0), 0x02);
	close_dma(&r, d);
}

/* A device that waits is told when its mask, or that of the cascade, opens. */
static void test_waiting(void **state)
{
	struct rig r;
	struct dma *d = open_dma(&r);
	bool tc;
	program(&r, 0x44, 1, 0, 1);
	dma_attach(d, 2, NULL, ready);
	out(&r, 0x0a, 0x06);
	dma_request(d, 2, true);
	assert_int_equal(in(&r, 0x08), 0x40);
	assert_int_equal(dma_to_memory(d, 2, "ab", 2, &tc), 0);
	assert_int_equal(told, 0);
	out(&r, 0x0a, 0x02);
	assert_int_equal(told, 1);
	out(&r, 0xd4, 0x04);
	assert_int_equal(dma_to_memory(d, 2, "ab", 2, &tc), 0);
	out(&r, 0xd4, 0x00);
	assert_int_equal(told, 2);
	dma_request(d, 2, false);
	out(&r, 0x08, 0x04);
	out(&r, 0x08, 0x00);
	assert_int_equal(told, 2);
	close_dma(&r, d);
}

static void test_pages(void **state)
{
	struct rig r;
	struct dma *d = open_dma(&r);
	for (unsigned i = 0; i < 16; i++)
		out(&r, 0x80 + i, 0xa0 + i);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(in(&r, 0x80 + i), 0xa0 + i);
	dma_type.reset(d, RESET_HARD);
	assert_int_equal(in(&r, 0x80), 0);
	assert_int_equal(in(&r, 0xde), 0xff);
	close_dma(&r, d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reach), cmocka_unit_test(test_terminal_count),
		cmocka_unit_test(test_auto),  cmocka_unit_test(test_down_and_verify),
		cmocka_unit_test(test_words), cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_pages),
	};
	return cmocka_run_group_tests_name("dma", tests, NULL, NULL);
}
