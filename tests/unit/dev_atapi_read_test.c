/* links: devices */
/* Of a CD-ROM drive: what is read of a disc. */
#include "dev_atapi_fixture.h"

static void expect_sectors(const struct bench *b, uint32_t first, uint32_t n)
{
	assert_int_equal(b->n, n * ATAPI_SECTOR);
	for (uint32_t i = 0; i < b->n; i++)
		if (b->got[i] != byte_at((uint64_t)first * ATAPI_SECTOR + i))
			fail_msg("sector %u differs at %u", first + i / ATAPI_SECTOR,
			         i % ATAPI_SECTOR);
}

static void test_reads(void **state)
{
	struct bench b;
	open_disc(&b, DISC);
	good(&b, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1));
	expect_sectors(&b, 0, 1);
	good(&b, PACKET(0x28, 0, 0, 0, 1, 0, 0, 0, 0));
	assert_int_equal(b.n, 0);
	/* More than the buffer holds. */
	b.reads = 0;
	good(&b, PACKET(0xa8, 0, 0, 0, 0, 5, 0, 0, 0, 2 * ATAPI_READ_MOST + 3));
	expect_sectors(&b, 5, 2 * ATAPI_READ_MOST + 3);
	assert_int_equal(b.reads, 3);
	/* To the end, and no further. */
	good(&b, PACKET(0x28, 0, 0, 0, 0x03, 0xe6, 0, 0, 2));
	expect_sectors(&b, 998, 2);
	bad(&b, PACKET(0x28, 0, 0, 0, 0x03, 0xe6, 0, 0, 3), 5, 0x21, 0);
	bad(&b, PACKET(0x28, 0, 0, 0, 0x03, 0xe8, 0, 0, 0), 5, 0x21, 0);
	bad(&b, PACKET(0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1), 5, 0x21, 0);
	bad(&b, PACKET(0xa8, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff), 5, 0x21, 0);
	b.error = -EIO;
	bad(&b, PACKET(0x28, 0, 0, 0, 1, 0, 0, 0, 1), 3, 0x11, 0);
	close_bench(&b);
}

/* The product in the field of ECMA-130, annex A. */
static uint8_t gf_product(uint8_t x, uint8_t y)
{
	unsigned product = 0;
	for (unsigned i = 0; i < 8; i++)
		product ^= y >> i & 1 ? (unsigned)x << i : 0;
	for (unsigned i = 14; i >= 8; i--)
		product ^= product >> i & 1 ? 0x11du << (i - 8) : 0;
	return (uint8_t)product;
}

/* Both sums of a code word, whose bytes at(i) gives, are 0. */
static void check_word(const uint8_t *word, unsigned n)
{
	uint8_t sum = 0, weighted = 0, weight = 1;
	for (unsigned i = n; i--; weight = gf_product(weight, 2)) {
		sum ^= word[i];
		weighted ^= gf_product(word[i], weight);
	}
	assert_int_equal(sum, 0);
	assert_int_equal(weighted, 0);
}

/* ECMA-130, 14 and annex A, from the reader's side. */
static void check_raw(const uint8_t *raw, uint32_t sector)
{
	static const uint8_t sync[12] = {0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0};
	unsigned frame = sector + 150;
	const unsigned times[3] = {frame / 75 / 60, frame / 75 % 60, frame % 75};
	uint8_t word[45];
	assert_memory_equal(raw, sync, 12);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal((raw[12 + i] >> 4) * 10 + (raw[12 + i] & 15), times[i]);
	assert_int_equal(raw[15], 1);
	for (unsigned i = 0; i < 2048; i++)
		assert_int_equal(raw[16 + i], byte_at((uint64_t)sector * 2048 + i));
	/* What is divided by the polynomial, its highest power first, leaves nothing. */
	uint32_t rest = 0;
	for (unsigned bit = 0; bit < 8 * 2068; bit++) {
		uint32_t top = rest >> 31;
		rest = rest << 1 | (raw[bit / 8] >> bit % 8 & 1);
		rest ^= top ? 0x8001801bu : 0;
	}
	assert_int_equal(rest, 0);
	for (unsigned i = 2068; i < 2076; i++)
		assert_int_equal(raw[i], 0);
	for (unsigned byte = 0; byte < 2; byte++) {
		const uint8_t *words = raw + 12 + byte;
		for (unsigned n = 0; n < 43; n++) {
			for (unsigned m = 0; m < 26; m++)
				word[m] = words[2 * (43 * m + n)];
			check_word(word, 26);
		}
		for (unsigned n = 0; n < 26; n++) {
			for (unsigned m = 0; m < 43; m++)
				word[m] = words[2 * ((44 * m + 43 * n) % 1118)];
			word[43] = words[2 * (1118 + n)];
			word[44] = words[2 * (1144 + n)];
			check_word(word, 45);
		}
	}
}

static void test_raw(void **state)
{
	static const struct {
		uint8_t what;
		unsigned first, last;
	} slices[] = {
		{0xf8, 0, 2352},  {0xb8, 0, 2352},  {0x80, 0, 12},      {0xa0, 0, 16},
		{0x20, 12, 16},   {0x60, 12, 16},   {0x30, 12, 2064},   {0xb0, 0, 2064},
		{0x18, 16, 2352}, {0x38, 12, 2352}, {0x08, 2064, 2352},
	};
	struct bench b;
	uint8_t raw[2 * CD_RAW];
	open_disc(&b, DISC);
	good(&b, PACKET(0xbe, 0, 0, 0, 0x02, 0xbc, 0, 0, 2, 0xf8));
	assert_int_equal(b.n, 2 * CD_RAW);
	check_raw(b.got, 700);
	check_raw(b.got + CD_RAW, 701);
	memcpy(raw, b.got, sizeof raw);
	for (unsigned i = 0; i < sizeof slices / sizeof *slices; i++) {
		unsigned n = slices[i].last - slices[i].first;
		good(&b, PACKET(0xbe, 0x08, 0, 0, 0x02, 0xbc, 0, 0, 2, slices[i].what));
		assert_int_equal(b.n, 2 * n);
		for (unsigned s = 0; s < 2; s++)
			assert_memory_equal(b.got + s * n, raw + s * CD_RAW + slices[i].first, n);
	}
	/* What its users see, as READ gives it; nothing; by times. */
	good(&b, PACKET(0xbe, 0, 0, 0, 0, 3, 0, 0, ATAPI_READ_MOST + 1, 0x10));
	expect_sectors(&b, 3, ATAPI_READ_MOST + 1);
	good(&b, PACKET(0xbe, 0, 0, 0, 0, 3, 0, 0, 1, 0));
	assert_int_equal(b.n, 0);
	good(&b, PACKET(0xb9, 0, 0, 0, 2, 10, 0, 2, 12, 0x10));
	expect_sectors(&b, 10, 2);
	bad(&b, PACKET(0xb9, 0, 0, 0, 2, 10, 0, 2, 9, 0x10), 5, 0x24, 0);
	bad(&b, PACKET(0xb9, 0, 0, 0, 1, 74, 0, 2, 9, 0x10), 5, 0x24, 0);
	bad(&b, PACKET(0xb9, 0, 0, 0, 2, 75, 0, 3, 9, 0x10), 5, 0x24, 0);
	bad(&b, PACKET(0xb9, 0, 0, 0, 2, 10, 0, 2, 75, 0x10), 5, 0x24, 0);
	bad(&b, PACKET(0xb9, 0, 0, 0, 60, 0, 1, 0, 1, 0x10), 5, 0x24, 0);
	/* READ is not told by what READ CD wanted last. */
	good(&b, PACKET(0xbe, 0, 0, 0, 0, 3, 0, 0, 1, 0xf8));
	good(&b, PACKET(0x28, 0, 0, 0, 0, 3, 0, 0, 2));
	expect_sectors(&b, 3, 2);
	/* Parts that do not lie together; audio; sub-channels; error flags; beyond the end. */
	bad(&b, PACKET(0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0x90), 5, 0x24, 0);
	bad(&b, PACKET(0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0x28), 5, 0x24, 0);
	bad(&b, PACKET(0xbe, 0x04, 0, 0, 0, 0, 0, 0, 1, 0x10), 5, 0x64, 0);
	bad(&b, PACKET(0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0xf8, 1), 5, 0x24, 0);
	bad(&b, PACKET(0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0xfa), 5, 0x24, 0);
	bad(&b, PACKET(0xbe, 0, 0, 0, 0x03, 0xe8, 0, 0, 1, 0xf8), 5, 0x21, 0);
	bad(&b, PACKET(0xbe, 0, 0, 0, 0x03, 0xe8, 0, 0, 1, 0), 5, 0x21, 0);
	bad(&b, PACKET(0xbe, 0, 0, 0, 0, 0, 1, 0, 0, 0xf8), 5, 0x21, 0);
	close_bench(&b);
	open_disc(&b, DVD);
	bad(&b, PACKET(0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0xf8), 5, 0x64, 0);
	good(&b, PACKET(0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0x10));
	expect_sectors(&b, 0, 1);
	close_bench(&b);
}

/* The disc goes while it is read. */
static void test_cut(void **state)
{
	static const struct {
		uint32_t then;
		uint8_t key, asc;
	} cases[] = {{0, 2, 0x3a}, {10, 6, 0x28}};
	struct bench b;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint32_t n;
		open_disc(&b, DISC);
		assert_int_equal(atapi_packet(&b.a, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 40)),
		                 ATAPI_READ);
		assert_int_equal(atapi_was_read(&b.a, 0), ATAPI_IN);
		atapi_bytes(&b.a, &n);
		assert_int_equal(n, ATAPI_BUFFER);
		atapi_insert(&b.a, cases[i].then);
		/* The host gets what has been read. */
		assert_int_equal(atapi_moved(&b.a, n), ATAPI_FAILED);
		assert_int_equal(b.a.key, cases[i].key);
		assert_int_equal(b.a.asc, cases[i].asc);
		if (cases[i].then) {
			good(&b, PACKET(0x28, 0, 0, 0, 0, 1, 0, 0, 2));
			expect_sectors(&b, 1, 2);
		}
		/* While a read is under way. */
		atapi_insert(&b.a, DISC);
		good(&b, SENSE);
		good(&b, SENSE);
		assert_int_equal(atapi_packet(&b.a, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1)),
		                 ATAPI_READ);
		atapi_insert(&b.a, cases[i].then);
		assert_int_equal(atapi_was_read(&b.a, 0), ATAPI_FAILED);
		assert_int_equal(b.a.key, cases[i].key);
		close_bench(&b);
	}
	/* What a packet wanted that was given up is no other's concern. */
	open_disc(&b, DISC);
	assert_int_equal(atapi_packet(&b.a, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 40)), ATAPI_READ);
	assert_int_equal(atapi_was_read(&b.a, 0), ATAPI_IN);
	atapi_insert(&b.a, DISC);
	bad(&b, READY, 6, 0x28, 0);
	good(&b, PACKET(0x28, 0, 0, 0, 0, 1, 0, 0, 2));
	expect_sectors(&b, 1, 2);
	close_bench(&b);
}

/* The blocks of a transfer by PIO are even, but for the last. */
static void test_blocks(void **state)
{
	static const struct {
		unsigned alloc;
		uint16_t limit;
		uint32_t blocks[4];
	} cases[] = {
		{36, 36, {36}},        {36, 0xffff, {36}}, {36, 10, {10, 10, 10, 6}},
		{36, 17, {16, 16, 4}}, {5, 5, {5}},        {5, 4, {4, 1}},
		{5, 3, {2, 3}},        {1, 1, {1}},        {2, 1, {0}},
		{36, 0, {0}},
	};
	struct bench b;
	open_disc(&b, DISC);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum atapi_step step = atapi_packet(&b.a, PACKET(0x12, 0, 0, 0, cases[i].alloc));
		for (unsigned n = 0; n < 4 && step == ATAPI_IN; n++) {
			assert_int_equal(atapi_block(&b.a, cases[i].limit), cases[i].blocks[n]);
			step = cases[i].blocks[n] ? atapi_moved(&b.a, cases[i].blocks[n])
			                          : ATAPI_DONE;
		}
		assert_int_equal(step, ATAPI_DONE);
	}
	/* Sectors that follow make an odd block impossible, whatever is in the buffer. */
	atapi_packet(&b.a, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, ATAPI_READ_MOST + 1));
	atapi_was_read(&b.a, 0);
	assert_int_equal(atapi_block(&b.a, 0xffff), 0xfffe);
	assert_int_equal(atapi_moved(&b.a, 0xfffe), ATAPI_IN);
	assert_int_equal(atapi_block(&b.a, 0xffff), 2);
	assert_int_equal(atapi_block(&b.a, 1), 0);
	assert_int_equal(atapi_moved(&b.a, 2), ATAPI_READ);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_blocks),
	};
	return cmocka_run_group_tests_name("atapi reads", tests, NULL, NULL);
}
