/* links: devices */
#include "dev_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A device of plain memory that notes how it was asked. */
struct toy {
	uint8_t bytes[64];
	unsigned reads, writes, bursts;
	uint32_t offset; /* of the last access */
	unsigned size;
	uint32_t value;
	char log[64]; /* "r4@0 w2@6 " */
};

static void note(struct toy *t, char what, uint32_t offset, unsigned size)
{
	size_t n = strlen(t->log);
	snprintf(t->log + n, sizeof t->log - n, "%c%u@%x ", what, size, offset);
	t->offset = offset;
	t->size = size;
}

static uint32_t toy_read(void *ctx, uint32_t offset, unsigned size)
{
	struct toy *t = ctx;
	uint32_t v = 0;
	t->reads++;
	note(t, 'r', offset, size);
	memcpy(&v, t->bytes + offset, size);
	return v;
}

static void toy_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct toy *t = ctx;
	t->writes++;
	note(t, 'w', offset, size);
	t->value = value;
	memcpy(t->bytes + offset, &value, size);
}

static struct region_handler toy(struct toy *t, uint8_t min, uint8_t max)
{
	*t = (struct toy){0};
	for (unsigned i = 0; i < sizeof t->bytes; i++)
		t->bytes[i] = 0x10 + i;
	return (struct region_handler){
		.ctx = t, .read = toy_read, .write = toy_write, .min = min, .max = max};
}

static uint64_t rd(struct bus *b, uint16_t port, unsigned size)
{
	return bus_read(b, SPACE_PORT, port, size);
}

static void wr(struct bus *b, uint16_t port, unsigned size, uint32_t value)
{
	bus_write(b, SPACE_PORT, port, size, value);
}

static int map(struct bus *b, uint64_t base, uint64_t length)
{
	return bus_map(b, SPACE_PORT, base, length, (struct region_handler){0});
}

#define assert_log(t, text)                                                                        \
	do {                                                                                       \
		assert_string_equal((t)->log, text);                                               \
		(t)->log[0] = 0;                                                                   \
	} while (0)

static void test_absent_bytes_are_ones(void **state)
{
	struct bus *b = bus_create(NULL, NULL);
	assert_int_equal(rd(b, 0x1234, 1), 0xff);
	assert_int_equal(rd(b, 0x1234, 2), 0xffff);
	assert_int_equal(rd(b, 0xffff, 4), 0xffffffff); /* wraps */
	wr(b, 0x1234, 4, 1);
	assert_true(bus_read(b, SPACE_MEMORY, 0xfee00000, 8) == UINT64_MAX);
	bus_write(b, SPACE_MEMORY, 0xfee00000, 8, 1);
	/* One-sided regions. */
	assert_true(map(b, 0x60, 1) > 0);
	assert_int_equal(rd(b, 0x60, 1), 0xff);
	wr(b, 0x60, 1, 0);
	bus_destroy(b);
	bus_destroy(NULL);
}

/* Wider than max: in several accesses, each byte once, none beyond the region. */
static void test_split(void **state)
{
	struct bus *b = bus_create(NULL, NULL);
	struct toy t;
	assert_true(bus_map(b, SPACE_PORT, 0x20, 3, toy(&t, 0, 0)) > 0);
	assert_int_equal(rd(b, 0x21, 2), 0x1211);
	assert_log(&t, "r1@1 r1@2 ");
	assert_int_equal(rd(b, 0x21, 4), 0xffff1211); /* past its end */
	assert_log(&t, "r1@1 r1@2 ");
	assert_int_equal(rd(b, 0x1e, 4), 0x1110ffff);
	assert_log(&t, "r1@0 r1@1 ");
	assert_int_equal(rd(b, 0x23, 1), 0xff);
	assert_int_equal(rd(b, 0x1f, 1), 0xff);
	assert_log(&t, "");
	wr(b, 0x1f, 2, 0xabcd);
	assert_int_equal(t.value, 0xab);
	wr(b, 0x22, 4, 0x12345678);
	assert_int_equal(t.value, 0x78);
	assert_log(&t, "w1@0 w1@2 ");
	assert_true(bus_map(b, SPACE_PORT, 0xfffe, 2, toy(&t, 1, 4)) > 0);
	assert_int_equal(rd(b, 0xffff, 2), 0xff11); /* port 0 comes behind */
	bus_destroy(b);
}

static void test_widths(void **state)
{
	struct bus *b = bus_create(NULL, NULL);
	struct toy t;
	assert_true(bus_map(b, SPACE_PORT, 0xcf8, 8, toy(&t, 1, 4)) > 0);
	assert_int_equal(rd(b, 0xcf8, 4), 0x13121110);
	assert_int_equal(rd(b, 0xcf9, 4), 0x14131211);
	assert_int_equal(rd(b, 0xcfe, 4), 0xffff1716);
	assert_log(&t, "r4@0 r4@1 r2@6 ");
	wr(b, 0xcfa, 2, 0xbeef);
	assert_int_equal(t.value, 0xbeef);
	wr(b, 0xcfd, 4, 0x04030201); /* three bytes are left of it */
	assert_int_equal(t.value, 3);
	assert_log(&t, "w2@2 w2@5 w1@7 ");
	/* In memory, up to 8 bytes, any number of them. */
	assert_true(bus_map(b, SPACE_MEMORY, 0xf0000000, 16, toy(&t, 1, 4)) > 0);
	assert_true(bus_read(b, SPACE_MEMORY, 0xf0000004, 8) == 0x1b1a191817161514);
	assert_log(&t, "r4@4 r4@8 ");
	bus_write(b, SPACE_MEMORY, 0xf0000000, 7, 0xffeeddccbbaa9988);
	assert_log(&t, "w4@0 w2@4 w1@6 ");
	assert_memory_equal(t.bytes, "\x88\x99\xaa\xbb\xcc\xdd\xee\x17", 8);
	bus_destroy(b);
}

/* Narrower than min: the access around it, once; a write never reads. */
static void test_widened(void **state)
{
	struct bus *b = bus_create(NULL, NULL);
	struct toy t;
	assert_true(bus_map(b, SPACE_MEMORY, 0xfec00000, 32, toy(&t, 4, 4)) > 0);
	assert_int_equal(bus_read(b, SPACE_MEMORY, 0xfec00006, 1), 0x16);
	assert_log(&t, "r4@4 ");
	assert_int_equal(bus_read(b, SPACE_MEMORY, 0xfec00006, 4), 0x19181716);
	assert_log(&t, "r4@4 r4@8 ");
	assert_true(bus_read(b, SPACE_MEMORY, 0xfec00003, 8) == 0x1a19181716151413);
	assert_log(&t, "r4@0 r4@4 r4@8 ");
	bus_write(b, SPACE_MEMORY, 0xfec00011, 2, 0xabcd);
	assert_int_equal(t.value, 0x00abcd00);
	assert_log(&t, "w4@10 ");
	assert_int_equal(t.reads, 6);
	assert_true(bus_map(b, SPACE_PORT, 0x300, 4, toy(&t, 2, 2)) > 0);
	assert_int_equal(rd(b, 0x301, 2), 0x1211);
	assert_log(&t, "r2@0 r2@2 ");
	bus_destroy(b);
}

/* The data port of an IDE channel: wide accesses stay there, its neighbour is another's. */
static void test_same_offset(void **state)
{
	struct bus *b = bus_create(NULL, NULL);
	struct toy data, rest;
	struct region_handler h = toy(&data, 1, 2);
	h.same_offset = true;
	assert_true(bus_map(b, SPACE_PORT, 0x1f0, 1, h) > 0);
	assert_true(bus_map(b, SPACE_PORT, 0x1f1, 7, toy(&rest, 1, 1)) > 0);
	assert_int_equal(rd(b, 0x1f0, 4), 0x11101110);
	assert_log(&data, "r2@0 r2@0 ");
	assert_int_equal(rd(b, 0x1f0, 2), 0x1110);
	assert_int_equal(rd(b, 0x1f0, 1), 0x10);
	wr(b, 0x1f0, 4, 0x44332211);
	assert_int_equal(data.value, 0x4433);
	assert_log(&data, "r2@0 r1@0 w2@0 w2@0 ");
	assert_log(&rest, "");
	assert_int_equal(rd(b, 0x1f1, 1), 0x10);
	/* One that begins before it is cut where it ends. */
	assert_int_equal(rd(b, 0x1ef, 4), 0x111022ff | 0x11 << 8 | 0);
	bus_destroy(b);
}

/* What changes with each read is read once, whatever asks for it; a write reads nothing. */
static void test_side_effects_happen_once(void **state)
{
	static const struct {
		uint8_t min, max;
	} widths[] = {{1, 1}, {1, 4}, {2, 2}, {4, 4}};
	for (unsigned i = 0; i < 4; i++)
		for (unsigned size = 1; size <= 4; size *= 2) {
			struct bus *b = bus_create(NULL, NULL);
			struct toy t;
			unsigned max = widths[i].max;
			assert_true(bus_map(b, SPACE_MEMORY, 0xa0000, 64,
			                    toy(&t, widths[i].min, max)) > 0);
			unsigned times = size > max ? size / max : 1;
			bus_read(b, SPACE_MEMORY, 0xa0010, size);
			assert_int_equal(t.reads, times);
			bus_write(b, SPACE_MEMORY, 0xa0010, size, 0);
			assert_int_equal(t.reads, times);
			assert_int_equal(t.writes, times);
			bus_destroy(b);
		}
}

static uint32_t all_ones(void *ctx, uint32_t offset, unsigned size)
{
	return 0xabcdef00 | offset;
}

/* A device's answer has as many bits as were asked for. */
static void test_answers_are_cut(void **state)
{
	struct bus *b = bus_create(NULL, NULL);
	struct region_handler h = {.read = all_ones};
	assert_true(bus_map(b, SPACE_PORT, 0x40, 2, h) > 0);
	assert_int_equal(rd(b, 0x40, 4), 0xffff0100);
	assert_int_equal(rd(b, 0x41, 1), 0x01);
	bus_destroy(b);
}

static void test_claims_do_not_overlap(void **state)
{
	struct bus *b = bus_create(NULL, NULL);
	for (unsigned space = SPACE_PORT; space <= SPACE_MEMORY; space++) {
		struct region_handler h = {0};
		assert_true(bus_map(b, space, 0x60, 5, h) > 0);
		assert_int_equal(bus_map(b, space, 0x64, 1, h), -EBUSY);
		assert_int_equal(bus_map(b, space, 0x5e, 3, h), -EBUSY);
		assert_int_equal(bus_map(b, space, 0x62, 4, h), -EBUSY);
		assert_int_equal(bus_map(b, space, 0x50, 0x100, h), -EBUSY);
		assert_true(bus_map(b, space, 0x5f, 1, h) > 0);
		assert_true(bus_map(b, space, 0x0000, 1, h) > 0);
		assert_true(bus_map(b, space, 0x65, 1, h) > 0);
		assert_int_equal(bus_map(b, space, 0x200, 0, h), -EINVAL);
	}
	assert_true(map(b, 0xffff, 1) > 0);
	assert_int_equal(map(b, 0xfff0, 0x11), -EINVAL);
	assert_int_equal(map(b, 0x10000, 1), -EINVAL);
	struct region_handler bad[] = {{.min = 3}, {.max = 8}, {.min = 4, .max = 2}, {.min = 2}};
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(bus_map(b, SPACE_MEMORY, 0x10000, 3, bad[i]), -EINVAL);
	assert_int_equal(bus_map(b, SPACE_MEMORY, UINT64_MAX, 2, (struct region_handler){0}),
	                 -EINVAL);
	assert_true(bus_map(b, SPACE_MEMORY, UINT64_MAX, 1, (struct region_handler){0}) > 0);
	assert_int_equal(bus_read(b, SPACE_MEMORY, UINT64_MAX, 1), 0xff);
	/* 4 GiB at most: offsets have 32 bits. */
	uint64_t most = (uint64_t)1 << 32;
	assert_int_equal(bus_map(b, SPACE_MEMORY, most, most + 1, (struct region_handler){0}),
	                 -EINVAL);
	assert_true(bus_map(b, SPACE_MEMORY, most, most, (struct region_handler){0}) > 0);
	bus_destroy(b);
}

/* More regions than anybody counted on, and ids that are used again. */
static void test_many(void **state)
{
	struct bus *b = bus_create(NULL, NULL);
	struct toy t[200];
	int id[200];
	for (unsigned i = 0; i < 200; i++) {
		/* Neither in the order of addresses nor without gaps. */
		uint64_t base = 0x1000 + (i * 77 % 200) * 0x20;
		id[i] = bus_map(b, SPACE_MEMORY, base, 0x10, toy(&t[i], 1, 4));
		assert_true(id[i] > 0);
		t[i].bytes[15] = i;
	}
	unsigned n;
	const struct bus_range *r = bus_memory(b, &n);
	assert_int_equal(n, 200);
	for (unsigned i = 1; i < n; i++)
		assert_true(r[i - 1].base + r[i - 1].length <= r[i].base);
	for (unsigned i = 0; i < 200; i++) {
		uint64_t base = 0x1000 + (i * 77 % 200) * 0x20;
		assert_int_equal(bus_read(b, SPACE_MEMORY, base + 15, 1), i);
		assert_int_equal(bus_read(b, SPACE_MEMORY, base + 16, 1), 0xff);
		assert_int_equal(bus_read(b, SPACE_MEMORY, base - 1, 1), 0xff);
	}
	for (unsigned i = 0; i < 200; i += 3)
		bus_unmap(b, id[i]);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(bus_read(b, SPACE_MEMORY, 0x100f + (i * 77 % 200) * 0x20, 1),
		                 i % 3 ? i : 0xff);
	assert_int_equal(map(b, 0x80, 1), id[0]);
	bus_destroy(b);
}

static unsigned changes;

static void changed(void *ctx)
{
	changes++;
	assert_ptr_equal(ctx, &changes);
}

static void test_moves(void **state)
{
	struct bus *b = bus_create(&changes, changed);
	struct toy t, u;
	changes = 0;
	for (unsigned space = SPACE_PORT; space <= SPACE_MEMORY; space++) {
		int id = bus_map(b, space, 0xc000, 0x10, toy(&t, 1, 4));
		int other = bus_map(b, space, 0xd000, 0x10, toy(&u, 1, 4));
		assert_true(id > 0 && other > 0);
		assert_int_equal(bus_move(b, id, 0xe000), 0);
		assert_int_equal(bus_read(b, space, 0xc000, 4), 0xffffffff);
		assert_int_equal(bus_read(b, space, 0xe001, 1), 0x11);
		assert_int_equal(t.offset, 1);
		/* Onto itself, too; and not onto another. */
		assert_int_equal(bus_move(b, id, 0xe008), 0);
		assert_int_equal(bus_move(b, id, 0xe008), 0);
		assert_int_equal(bus_read(b, space, 0xe000, 4), 0xffffffff);
		assert_int_equal(bus_read(b, space, 0xe008, 1), 0x10);
		assert_int_equal(bus_move(b, id, 0xcff8), -EBUSY);
		assert_int_equal(bus_read(b, space, 0xe008, 1), 0x10);
		assert_int_equal(bus_read(b, space, 0xd000, 1), 0x10);
		bus_unmap(b, other);
		assert_int_equal(bus_move(b, id, 0xcff8), 0);
		assert_int_equal(bus_read(b, space, 0xd007, 1), 0x1f);
		assert_int_equal(bus_move(b, id, space == SPACE_PORT ? 0xfff8 : UINT64_MAX),
		                 -EINVAL);
		/* The machine hears of memory alone, and not of what did not happen. */
		assert_int_equal(changes, space == SPACE_PORT ? 0 : 6);
		bus_unmap(b, id);
		assert_int_equal(bus_read(b, space, 0xd007, 1), 0xff);
	}
	unsigned n;
	bus_memory(b, &n);
	assert_int_equal(n, 0);
	assert_int_equal(changes, 7);
	bus_destroy(b);
}

/* A base register: its region moves while it is written, and others come and go. */
struct bar {
	struct bus *bus;
	struct toy window;
	int id;
};

static void bar_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct bar *bar = ctx;
	assert_int_equal(bus_move(bar->bus, bar->id, value), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_true(bus_map(bar->bus, SPACE_PORT, 0x4000 + (value >> 16) + i, 1,
		                    (struct region_handler){0}) > 0);
}

static void test_a_handler_moves_regions(void **state)
{
	struct bus *b = bus_create(NULL, NULL);
	struct bar bar = {.bus = b};
	struct region_handler h = {.ctx = &bar, .write = bar_write, .max = 2, .min = 2};
	bar.id = bus_map(b, SPACE_MEMORY, 0xf0000000, 0x10, toy(&bar.window, 1, 4));
	assert_true(bus_map(b, SPACE_PORT, 0xcfc, 4, h) > 0);
	wr(b, 0xcfc, 2, 0x8000);
	assert_int_equal(bus_read(b, SPACE_MEMORY, 0x8003, 1), 0x13);
	bus_destroy(b);
}

static void toy_burst(void *ctx, uint32_t offset, unsigned size, void *buf, size_t n, bool in)
{
	struct toy *t = ctx;
	t->bursts++;
	note(t, in ? 'i' : 'o', offset, size);
	if (in)
		memset(buf, 0x5a, n * size);
	else
		memcpy(t->bytes, buf, n * size);
}

static void test_bursts(void **state)
{
	struct bus *b = bus_create(NULL, NULL);
	struct toy t;
	uint16_t words[4] = {0};
	struct region_handler h = toy(&t, 1, 2);
	int id = bus_map(b, SPACE_PORT, 0x1f0, 8, h);
	/* One by one, from the same port. */
	bus_burst(b, 0x1f2, 2, words, 3, true);
	assert_log(&t, "r2@2 r2@2 r2@2 ");
	assert_int_equal(words[0], 0x1312);
	assert_int_equal(words[2], 0x1312);
	assert_int_equal(words[3], 0);
	words[1] = 0xabcd;
	bus_burst(b, 0x1f4, 2, words, 2, false);
	assert_log(&t, "w2@4 w2@4 ");
	assert_int_equal(t.value, 0xabcd);
	bus_burst(b, 0x300, 1, words, 2, true); /* nobody's */
	assert_int_equal(words[0], 0xffff);
	bus_unmap(b, id);

	h = toy(&t, 1, 2);
	h.burst = toy_burst;
	h.same_offset = true;
	id = bus_map(b, SPACE_PORT, 0x1f0, 1, h);
	bus_burst(b, 0x1f0, 2, words, 4, true);
	assert_int_equal(words[3], 0x5a5a);
	words[3] = 0x1234;
	bus_burst(b, 0x1f0, 2, words, 4, false);
	assert_memory_equal(t.bytes, words, 8);
	assert_log(&t, "i2@0 o2@0 ");
	/* Elements that it does not take whole. */
	uint32_t dwords[2];
	bus_burst(b, 0x1f0, 4, dwords, 2, true);
	assert_log(&t, "r2@0 r2@0 r2@0 r2@0 ");
	assert_int_equal(t.bursts, 2);
	bus_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absent_bytes_are_ones),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_widened),
		cmocka_unit_test(test_same_offset),
		cmocka_unit_test(test_side_effects_happen_once),
		cmocka_unit_test(test_answers_are_cut),
		cmocka_unit_test(test_claims_do_not_overlap),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_a_handler_moves_regions),
		cmocka_unit_test(test_bursts),
	};
	return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
