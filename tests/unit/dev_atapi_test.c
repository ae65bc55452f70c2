/* links: devices */
/* Of a CD-ROM drive: sense, the tray, what it tells of itself and of the disc. */
#include "dev_atapi_fixture.h"

/* --- sense --- */

static void test_attention(void **state)
{
	struct bench b;
	open_empty(&b);
	/* INQUIRY, GET CONFIGURATION and GET EVENT do not tell it, and do not take it. */
	good(&b, PACKET(0x12, 0, 0, 0, 36));
	good(&b, PACKET(0x46, 0, 0, 0, 0, 0, 0, 0, 8));
	good(&b, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
	bad(&b, READY, 6, 0x29, 0);
	bad(&b, READY, 2, 0x3a, 1);
	/* A new disc: once. */
	atapi_insert(&b.a, DISC);
	bad(&b, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 6, 0x28, 0);
	good(&b, READY);
	good(&b, SENSE);
	assert_int_equal(b.got[2], 0);
	/* Out and in again: what was not told of the old one is not told. */
	atapi_insert(&b.a, 2 * DISC);
	atapi_insert(&b.a, 0);
	bad(&b, READY, 2, 0x3a, 2);
	atapi_insert(&b.a, DISC);
	/* Who asks for sense first is told by that. */
	good(&b, SENSE);
	assert_int_equal(b.got[2], 6);
	assert_int_equal(b.got[12], 0x28);
	good(&b, READY);
	/* The reset line; DEVICE RESET tells nothing. */
	atapi_abort(&b.a);
	good(&b, READY);
	atapi_reset(&b.a);
	bad(&b, READY, 6, 0x29, 0);
	good(&b, READY);
	/* A command makes the sense of the one before go. */
	assert_int_equal(carry(&b, PACKET(0xff), NULL), ATAPI_FAILED);
	good(&b, READY);
	good(&b, SENSE);
	assert_int_equal(b.got[2], 0);
	/* Fewer bytes of it. */
	good(&b, PACKET(0x03, 0, 0, 0, 4));
	assert_int_equal(b.n, 4);
	good(&b, PACKET(0x03));
	assert_int_equal(b.n, 0);
	close_bench(&b);
}

static void test_invalid(void **state)
{
	/* Of all that it does not know the most common. */
	static const uint8_t unknown[] = {0x01, 0x08, 0x0a, 0x1d, 0x2a, 0x45,
	                                  0x47, 0x4b, 0xa4, 0xaa, 0xd8, 0xff};
	struct bench b;
	open_disc(&b, DISC);
	for (unsigned i = 0; i < sizeof unknown; i++)
		bad(&b, PACKET(unknown[i]), 5, 0x20, 0);
	bad(&b, PACKET(0x12, 1, 0, 0, 36), 5, 0x24, 0);               /* vital data */
	bad(&b, PACKET(0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8), 5, 0x24, 0); /* not polled */
	bad(&b, PACKET(0x46, 3, 0, 0, 0, 0, 0, 0, 8), 5, 0x24, 0);
	bad(&b, PACKET(0x1e, 0, 0, 0, 2), 5, 0x24, 0);
	bad(&b, PACKET(0x43, 0, 3, 0, 0, 0, 0, 0, 8), 5, 0x24, 0);
	bad(&b, PACKET(0x51, 1, 0, 0, 0, 0, 0, 0, 34), 5, 0x24, 0);
	bad(&b, PACKET(0x52, 3, 0, 0, 0, 1, 0, 0, 36), 5, 0x24, 0);
	bad(&b, PACKET(0x43, 0, 0, 0, 0, 0, 2, 0, 8), 5, 0x24, 0);
	bad(&b, PACKET(0x5a, 0, 0x05, 0, 0, 0, 0, 0, 8), 5, 0x24, 0);
	bad(&b, PACKET(0x5a, 0, 0xea, 0, 0, 0, 0, 0, 8), 5, 0x39, 0);
	close_bench(&b);
}

static void test_no_disc(void **state)
{
	static const uint8_t need[] = {0x00, 0x25, 0x28, 0x2b, 0x42, 0x43,
	                               0x51, 0x52, 0xa8, 0xad, 0xb9, 0xbe};
	struct bench b;
	open_empty(&b);
	good(&b, SENSE);
	for (unsigned i = 0; i < sizeof need; i++)
		bad(&b, PACKET(need[i]), 2, 0x3a, 1);
	bad(&b, PACKET(0x1b, 0, 0, 0, 1), 2, 0x3a, 1);
	good(&b, PACKET(0x1b, 0, 0, 0, 0));
	good(&b, PACKET(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 8));
	assert_int_equal(b.got[2], 0x70);
	atapi_insert(&b.a, 0);
	for (unsigned i = 0; i < sizeof need; i++)
		bad(&b, PACKET(need[i]), 2, 0x3a, 2);
	good(&b, PACKET(0x1a, 0, 0x2a, 0, 4));
	assert_int_equal(b.got[1], 0x71);
	close_bench(&b);
}

/* --- the tray --- */

static void test_tray(void **state)
{
	struct bench b;
	open_disc(&b, DISC);
	/* Locked: the guest's own eject fails, too. */
	good(&b, PACKET(0x1e, 0, 0, 0, 1));
	bad(&b, PACKET(0x1b, 0, 0, 0, 2), 5, 0x53, 2);
	good(&b, PACKET(0x1b, 0, 0, 0, 3)); /* is closed: nothing moves */
	good(&b, PACKET(0x1a, 0, 0x2a, 0, 255));
	assert_int_equal(b.got[4 + 6] & 2, 2);
	assert_int_equal(b.moves, 0);
	good(&b, PACKET(0x1e, 0, 0, 0, 0));
	good(&b, PACKET(0x1b, 0, 0, 0, 2));
	assert_int_equal(b.moves, 1);
	assert_true(b.open);
	assert_int_equal(atapi_disc(&b.a), 0);
	bad(&b, READY, 2, 0x3a, 2);
	good(&b, PACKET(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8));
	assert_int_equal(b.got[1], 0x10);
	good(&b, PACKET(0x1b, 0, 0, 0, 2)); /* is open */
	assert_int_equal(b.moves, 1);
	good(&b, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
	assert_int_equal(b.got[4], 3);
	/* The disc is still in the tray. */
	good(&b, PACKET(0x1b, 0, 0, 0, 3));
	assert_int_equal(b.moves, 2);
	assert_false(b.open);
	good(&b, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
	assert_int_equal(b.got[4], 2);
	bad(&b, READY, 6, 0x28, 0);
	good(&b, READY);
	/* A lock ends with a reset. */
	good(&b, PACKET(0x1e, 0, 0, 0, 1));
	atapi_reset(&b.a);
	good(&b, SENSE);
	good(&b, PACKET(0x1b, 0, 0, 0, 2));
	assert_int_equal(b.moves, 3);
	close_bench(&b);
}

static void expect_event(struct bench *b, uint8_t event, uint8_t status)
{
	good(b, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
	const uint8_t want[8] = {0, 6, 4, 0x10, event, status};
	assert_int_equal(b->n, 8);
	assert_memory_equal(b->got, want, 8);
}

static void test_events(void **state)
{
	struct bench b;
	open_empty(&b);
	expect_event(&b, 0, 0);
	atapi_insert(&b.a, DISC);
	expect_event(&b, 2, 2);
	expect_event(&b, 0, 2);
	atapi_ask(&b.a);
	expect_event(&b, 1, 2);
	atapi_insert(&b.a, 0);
	expect_event(&b, 3, 1);
	good(&b, SENSE);
	good(&b, PACKET(0x1b, 0, 0, 0, 3));
	expect_event(&b, 0, 0);
	/* No class that there is. */
	good(&b, PACKET(0x4a, 1, 0, 0, 0x02, 0, 0, 1, 0));
	assert_int_equal(b.n, 4);
	assert_int_equal(b.got[1], 2);
	assert_int_equal(b.got[2], 0x80);
	assert_int_equal(b.got[3], 0x10);
	/* After a reset nothing is new. */
	atapi_insert(&b.a, DISC);
	atapi_reset(&b.a);
	expect_event(&b, 0, 2);
	close_bench(&b);
}

/* --- what it tells of itself --- */

static void test_inquiry(void **state)
{
	struct bench b;
	uint8_t id[ATAPI_IDENTITY];
	open_empty(&b);
	good(&b, PACKET(0x12, 0, 0, 0, 255));
	assert_int_equal(b.n, 36);
	assert_memory_equal(b.got, "\x05\x80\x00\x21\x1f\0\0\0UNRING  CD-ROM          1.0 ", 36);
	good(&b, PACKET(0x12, 0xe0, 0, 0, 5)); /* a logical unit's number, once */
	assert_int_equal(b.n, 5);
	static const struct {
		uint8_t at;
		uint16_t value;
	} words[] = {{0, 0x8580},  {49, 0x0b00}, {51, 0x0200}, {53, 0x0006}, {63, 0x0007},
	             {64, 0x0003}, {65, 120},    {66, 120},    {67, 120},    {68, 120},
	             {80, 0x0070}, {82, 0x4210}, {83, 0x4000}, {84, 0x4000}, {85, 0x4210},
	             {87, 0x4000}, {88, 0x0007}};
	uint8_t want[ATAPI_IDENTITY] = {0};
	memset(id, 0xee, sizeof id);
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
		want[2 * words[i].at] = (uint8_t)words[i].value;
		want[2 * words[i].at + 1] = (uint8_t)(words[i].value >> 8);
	}
	memcpy(want + 20, " 1                  ", 20);
	memcpy(want + 46, ".1 0    ", 8);
	memcpy(want + 54, "NUIRGNC -DOR M                          ", 40);
	atapi_identify(&b.a, id);
	assert_memory_equal(id, want, sizeof want);
	close_bench(&b);
}

static void test_configuration(void **state)
{
	static const struct {
		uint32_t sectors;
		uint8_t profile;
	} cases[] = {{0, 0}, {DISC, 0x08}, {360000, 0x08}, {360001, 0x10}, {DVD, 0x10}};
	struct bench b;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		open_empty(&b);
		if (cases[i].sectors)
			atapi_insert(&b.a, cases[i].sectors);
		good(&b, PACKET(0x46, 0, 0, 0, 0, 0, 0, 1, 0));
		assert_int_equal(b.got[2] << 8 | b.got[3], b.n - 4);
		assert_int_equal(b.got[6] << 8 | b.got[7], cases[i].profile);
		/* The features lie one behind the other to the end, and the current profile
		 * says so. */
		unsigned at = 8, last = 0;
		for (; at < b.n; at += 4u + b.got[at + 3]) {
			unsigned code = (unsigned)b.got[at] << 8 | b.got[at + 1];
			assert_true(!code || code > last);
			last = code;
		}
		assert_int_equal(at, b.n);
		assert_int_equal(b.got[14], cases[i].profile == 0x10);
		assert_int_equal(b.got[18], cases[i].profile == 0x08);
		/* One alone; those that are current, from one on; none. */
		good(&b, PACKET(0x46, 2, 0, 3, 0, 0, 0, 1, 0));
		assert_int_equal(b.n, 16);
		assert_memory_equal(b.got + 8, "\0\x03\x03\x04\x29\0\0\0", 8);
		good(&b, PACKET(0x46, 1, 0, 0x10, 0, 0, 0, 1, 0));
		assert_int_equal(b.n, cases[i].profile == 0 ? 8 : cases[i].profile == 8 ? 32 : 24);
		good(&b, PACKET(0x46, 2, 0x77, 0, 0, 0, 0, 1, 0));
		assert_int_equal(b.n, 8);
		close_bench(&b);
	}
}

static void test_modes(void **state)
{
	struct bench b;
	open_disc(&b, DISC);
	good(&b, PACKET(0x5a, 0, 0x2a, 0, 0, 0, 0, 1, 0));
	assert_int_equal(b.n, 28);
	assert_int_equal(b.got[0] << 8 | b.got[1], 26);
	assert_int_equal(b.got[2], 0x01);
	assert_memory_equal(b.got + 8, "\x2a\x12\x0f\0\x40\0\x29\0\x10\x8a\0\0\x02\0\x10\x8a", 16);
	good(&b, PACKET(0xbb, 0, 0x02, 0xc2, 0xff, 0xff));
	good(&b, PACKET(0x5a, 0, 0x2a, 0, 0, 0, 0, 1, 0));
	assert_memory_equal(b.got + 8 + 14, "\x02\xc2", 2);
	/* The initial value is another thing. */
	good(&b, PACKET(0x5a, 0, 0xaa, 0, 0, 0, 0, 1, 0));
	assert_memory_equal(b.got + 8 + 14, "\x10\x8a", 2);
	good(&b, PACKET(0x5a, 0, 0x6a, 0, 0, 0, 0, 1, 0));
	for (unsigned i = 10; i < b.n; i++)
		assert_int_equal(b.got[i], 0);
	/* All of them, by six bytes. */
	good(&b, PACKET(0x1a, 0, 0x3f, 0, 255));
	assert_int_equal(b.n, 4 + 8 + 8 + 16 + 20);
	assert_int_equal(b.got[0], b.n - 1);
	/* What may be changed is, the rest is not. */
	static const uint8_t list[8 + 16 + 8] = {
		0,    0,    0,    0,    0, 0, 0, 0, /* header */
		0x0e, 14,   0xff, 1,    1, 1, 1, 1, /* */
		0x31, 0x80, 0x32, 0x70, 9, 9, 9, 9, /* */
		0x81, 6,    0x20, 7,    9, 9, 9, 9,
	};
	assert_int_equal(carry(&b, PACKET(0x55, 0x10, 0, 0, 0, 0, 0, 0, sizeof list), list),
	                 ATAPI_DONE);
	good(&b, PACKET(0x5a, 0, 0x0e, 0, 0, 0, 0, 1, 0));
	assert_memory_equal(b.got + 8, "\x0e\x0e\x06\0\0\0\0\x4b\x01\x80\x02\x70\0\0\0\0", 16);
	good(&b, PACKET(0x1a, 0, 0x01, 0, 255));
	assert_memory_equal(b.got + 4, "\x01\x06\x20\x07\0\0\0\0", 8);
	good(&b, PACKET(0x1a, 0, 0x81, 0, 255));
	assert_memory_equal(b.got + 4, "\x01\x06\0\x05\0\0\0\0", 8);
	/* A list with a mistake changes nothing; no list is none. */
	static const uint8_t wrong[4 + 8 + 2] = {[4] = 0x01, 6, 0x55, 0x55, [12] = 0x2a, 18};
	assert_int_equal(carry(&b, PACKET(0x15, 0x10, 0, 0, sizeof wrong), wrong), ATAPI_FAILED);
	assert_int_equal(b.a.asc, 0x26);
	assert_int_equal(carry(&b, PACKET(0x15, 0x10, 0, 0, 5), wrong), ATAPI_FAILED);
	assert_int_equal(b.a.asc, 0x26);
	assert_int_equal(carry(&b, PACKET(0x15, 0x10, 0, 0, 3), wrong), ATAPI_FAILED);
	assert_int_equal(b.a.asc, 0x1a);
	assert_int_equal(carry(&b, PACKET(0x15, 0x10, 0, 0, 4), wrong), ATAPI_DONE);
	good(&b, PACKET(0x15, 0x10));
	bad(&b, PACKET(0x15, 0x11, 0, 0, 4), 5, 0x24, 0);
	good(&b, PACKET(0x1a, 0, 0x01, 0, 255));
	assert_memory_equal(b.got + 4, "\x01\x06\x20\x07\0\0\0\0", 8);
	close_bench(&b);
}

/* --- the disc --- */

static void test_toc(void **state)
{
	struct bench b;
	open_disc(&b, DISC);
	good(&b, PACKET(0x43, 0, 0, 0, 0, 0, 0, 1, 0));
	assert_int_equal(b.n, 20);
	assert_memory_equal(b.got, "\0\x12\x01\x01\0\x14\x01\0\0\0\0\0\0\x14\xaa\0\0\0\x03\xe8",
	                    20);
	/* 1000 + 150 frames are 15 s and 25. */
	good(&b, PACKET(0x43, 2, 0, 0, 0, 0, 1, 1, 0));
	assert_memory_equal(b.got, "\0\x12\x01\x01\0\x14\x01\0\0\0\x02\0\0\x14\xaa\0\0\0\x0f\x19",
	                    20);
	good(&b, PACKET(0x43, 0, 0, 0, 0, 0, 0xaa, 1, 0));
	assert_int_equal(b.n, 12);
	assert_memory_equal(b.got, "\0\x0a\x01\x01\0\x14\xaa\0\0\0\x03\xe8", 12);
	/* Sessions, by MMC's byte and by SFF-8020i's. */
	good(&b, PACKET(0x43, 0, 1, 0, 0, 0, 0, 1, 0));
	assert_int_equal(b.n, 12);
	assert_memory_equal(b.got, "\0\x0a\x01\x01\0\x14\x01\0\0\0\0\0", 12);
	good(&b, PACKET(0x43, 2, 0, 0, 0, 0, 0, 1, 0, 0x40));
	assert_int_equal(b.n, 12);
	assert_memory_equal(b.got, "\0\x0a\x01\x01\0\x14\x01\0\0\0\x02\0", 12);
	good(&b, PACKET(0x43, 0xfd, 0xf0, 0, 0, 0, 0, 1, 0, 0x40)); /* reserved bits */
	assert_int_equal(b.n, 12);
	assert_memory_equal(b.got + 8, "\0\0\0\0", 4);
	/* As it lies in the lead-in. */
	good(&b, PACKET(0x43, 0, 0, 0, 0, 0, 0, 1, 0, 0x80));
	assert_int_equal(b.n, 4 + 4 * 11);
	assert_memory_equal(b.got, "\0\x2e\x01\x01", 4);
	assert_memory_equal(b.got + 4, "\x01\x14\0\xa0\0\0\0\0\x01\0\0", 11);
	assert_memory_equal(b.got + 15, "\x01\x14\0\xa1\0\0\0\0\x01\0\0", 11);
	assert_memory_equal(b.got + 26, "\x01\x14\0\xa2\0\0\0\0\0\x0f\x19", 11);
	assert_memory_equal(b.got + 37, "\x01\x14\0\x01\0\0\0\0\0\x02\0", 11);
	/* Fewer bytes than there are. */
	good(&b, PACKET(0x43, 0, 0, 0, 0, 0, 0, 0, 4));
	assert_int_equal(b.n, 4);
	assert_memory_equal(b.got, "\0\x12\x01\x01", 4);
	/* 350,000 and 150 frames are 77:48:50. */
	atapi_insert(&b.a, 350000);
	good(&b, SENSE);
	good(&b, PACKET(0x43, 2, 0, 0, 0, 0, 0xaa, 1, 0));
	assert_memory_equal(b.got + 8, "\0\x4d\x30\x32", 4);
	close_bench(&b);
}

static void test_disc_facts(void **state)
{
	struct bench b;
	open_disc(&b, DISC);
	good(&b, PACKET(0x25));
	assert_int_equal(b.n, 8);
	assert_memory_equal(b.got, "\0\0\x03\xe7\0\0\x08\0", 8);
	good(&b, PACKET(0x51, 0, 0, 0, 0, 0, 0, 1, 0));
	assert_int_equal(b.n, 34);
	assert_memory_equal(b.got, "\0\x20\x0e\x01\x01\x01\x01\x20\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(b.got + 16, "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0", 18);
	good(&b, PACKET(0x52, 1, 0, 0, 0, 1, 0, 1, 0));
	assert_int_equal(b.n, 36);
	const uint8_t track[36] = {0, 34, 1, 1, 0, 4, 1, [26] = 3, 0xe8};
	assert_memory_equal(b.got, track, sizeof track);
	good(&b, PACKET(0x52, 0, 0, 0, 0x03, 0xe7, 0, 1, 0));
	bad(&b, PACKET(0x52, 0, 0, 0, 0x03, 0xe8, 0, 1, 0), 5, 0x24, 0);
	bad(&b, PACKET(0x52, 1, 0, 0, 0, 2, 0, 1, 0), 5, 0x24, 0);
	/* Where it has read. */
	good(&b, PACKET(0x2b, 0, 0, 0, 0x02, 0x00));
	good(&b, PACKET(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8));
	assert_memory_equal(b.got, "\0\0\0\x02\0\0\0\0", 8);
	bad(&b, PACKET(0x2b, 0, 0, 0, 0x03, 0xe8), 5, 0x21, 0);
	good(&b, PACKET(0x42, 2, 0x40, 1, 0, 0, 0, 0, 16));
	assert_int_equal(b.n, 16);
	assert_memory_equal(b.got, "\0\x15\0\x0c\x01\x14\x01\x01\0\0\x08\x3e\0\0\x08\x3e", 16);
	good(&b, PACKET(0x42, 0, 0, 1, 0, 0, 0, 0, 16));
	assert_int_equal(b.n, 4);
	for (uint8_t format = 2; format <= 3; format++) {
		const uint8_t code[24] = {0,          0x15, 0, 20, format, format == 3 ? 0x14 : 0,
		                          format == 3};
		good(&b, PACKET(0x42, 0, 0x40, format, 0, 0, 0, 0, 255));
		assert_int_equal(b.n, 24);
		assert_memory_equal(b.got, code, 24);
	}
	/* It is the sector that was read last. */
	good(&b, PACKET(0x28, 0, 0, 0, 0, 100, 0, 0, 2));
	good(&b, PACKET(0x42, 0, 0x40, 1, 0, 0, 0, 0, 16));
	assert_int_equal(b.got[11], 101);
	/* A reset forgets it. */
	atapi_reset(&b.a);
	good(&b, SENSE);
	good(&b, PACKET(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8));
	assert_memory_equal(b.got, "\0\0\0\0\0\0\0\0", 8);
	bad(&b, PACKET(0x42, 0, 0x40, 4, 0, 0, 0, 0, 255), 5, 0x24, 0);
	bad(&b, PACKET(0xad, 0, 0, 0, 0, 0, 0, 0, 8, 4), 5, 0x30, 2);
	close_bench(&b);
	/* A DVD. */
	open_disc(&b, DVD);
	good(&b, PACKET(0x2b, 0, 0, 0x12, 0x34, 0x56));
	good(&b, PACKET(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8));
	assert_memory_equal(b.got, "\0\0\x12\x34\x56\0\0\0", 8);
	good(&b, PACKET(0xad, 0, 0, 0, 0, 0, 0, 0, 16, 0));
	assert_int_equal(b.n, 2052);
	assert_memory_equal(b.got, "\x08\x02\0\0\x01\x0f\x01\0\0\x03\0\0\0\x21\x84\x7f", 16);
	good(&b, PACKET(0xad, 0, 0, 0, 0, 0, 0, 1, 0, 99));
	assert_int_equal(b.n, 8);
	bad(&b, PACKET(0xad, 0, 0, 0, 0, 0, 0, 2, 0, 99), 5, 0x24, 0);
	good(&b, PACKET(0x43, 2, 0, 0, 0, 0, 0xaa, 1, 0));
	assert_memory_equal(b.got + 8, "\0\xff\x3b\x4a", 4);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attention),     cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_no_disc),       cmocka_unit_test(test_tray),
		cmocka_unit_test(test_events),        cmocka_unit_test(test_inquiry),
		cmocka_unit_test(test_configuration), cmocka_unit_test(test_modes),
		cmocka_unit_test(test_toc),           cmocka_unit_test(test_disc_facts),
	};
	return cmocka_run_group_tests_name("atapi", tests, NULL, NULL);
}
