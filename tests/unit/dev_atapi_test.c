/* links: devices */
/* The packet half of a CD-ROM drive: packets in, sense and bytes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/atapi.h"
#include "devices/cd_sector.h"

enum { DISC = 1000, DVD = 2000000 };

struct bench {
	struct atapi a;
	unsigned moves; /* of the tray, by the guest */
	bool open;
	int error; /* of the disc */
	uint8_t *got;
	uint32_t n; /* bytes that came */
	unsigned reads;
};

static void on_tray(void *ctx, bool open)
{
	struct bench *b = ctx;
	b->moves++;
	b->open = open;
}

/* Two bytes that a disc has at a place tell which it is. */
static uint8_t byte_at(uint64_t at)
{
	return (uint8_t)(at / ATAPI_SECTOR * 7 + at / 256 + at);
}

/* All that comes of the packet: bytes to b->got, those of give from there.  What the buffer had is
 * none of it. */
static enum atapi_step carry(struct bench *b, const uint8_t *packet, const uint8_t *give)
{
	memset(b->a.buffer, 0xee, sizeof b->a.buffer);
	enum atapi_step step = atapi_packet(&b->a, packet);
	uint32_t given = 0;
	b->n = 0;
	while (step != ATAPI_DONE && step != ATAPI_FAILED) {
		uint32_t n;
		uint8_t *bytes = atapi_bytes(&b->a, &n);
		if (step == ATAPI_READ) {
			struct atapi_read r = atapi_wants(&b->a);
			assert_true(r.n && r.at + r.n <= (uint64_t)b->a.sectors * ATAPI_SECTOR);
			assert_true(r.to >= b->a.buffer &&
			            r.to + r.n <= b->a.buffer + ATAPI_BUFFER);
			for (uint32_t i = 0; i < r.n; i++)
				r.to[i] = byte_at(r.at + i);
			b->reads++;
			step = atapi_was_read(&b->a, b->error);
		} else if (step == ATAPI_IN) {
			b->got = realloc(b->got, b->n + n);
			memcpy(b->got + b->n, bytes, n);
			b->n += n;
			step = atapi_moved(&b->a, n);
		} else {
			assert_non_null(give);
			memcpy(bytes, give + given, n);
			given += n;
			step = atapi_moved(&b->a, n);
		}
	}
	return step;
}

#define PACKET(...) ((const uint8_t[ATAPI_PACKET]){__VA_ARGS__})

static void good(struct bench *b, const uint8_t *packet)
{
	if (carry(b, packet, NULL) != ATAPI_DONE)
		fail_msg("%02x: %x/%02x/%02x", packet[0], b->a.key, b->a.asc, b->a.ascq);
}

/* Fails, and REQUEST SENSE tells the same, once. */
static void bad(struct bench *b, const uint8_t *packet, uint8_t key, uint8_t asc, uint8_t ascq)
{
	assert_int_equal(carry(b, packet, NULL), ATAPI_FAILED);
	assert_int_equal(b->n, 0);
	assert_int_equal(b->a.key, key);
	good(b, PACKET(0x03, 0, 0, 0, 18));
	assert_int_equal(b->n, 18);
	assert_int_equal(b->got[0], 0x70);
	assert_int_equal(b->got[2], key);
	assert_int_equal(b->got[7], 10);
	assert_int_equal(b->got[12], asc);
	assert_int_equal(b->got[13], ascq);
}

#define SENSE PACKET(0x03, 0, 0, 0, 18)
#define READY PACKET(0x00)

static void open_empty(struct bench *b)
{
	*b = (struct bench){0};
	atapi_init(&b->a, b, on_tray);
}

/* With a disc, of which the host knows. */
static void open_disc(struct bench *b, uint32_t sectors)
{
	open_empty(b);
	atapi_insert(&b->a, sectors);
	bad(b, READY, 6, 0x29, 0);
	bad(b, READY, 6, 0x28, 0);
	good(b, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
	good(b, READY);
}

static void close_bench(struct bench *b)
{
	free(b->got);
}

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

/* --- reading --- */

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
		cmocka_unit_test(test_attention),     cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_no_disc),       cmocka_unit_test(test_tray),
		cmocka_unit_test(test_events),        cmocka_unit_test(test_inquiry),
		cmocka_unit_test(test_configuration), cmocka_unit_test(test_modes),
		cmocka_unit_test(test_toc),           cmocka_unit_test(test_disc_facts),
		cmocka_unit_test(test_reads),         cmocka_unit_test(test_raw),
		cmocka_unit_test(test_cut),           cmocka_unit_test(test_blocks),
	};
	return cmocka_run_group_tests_name("atapi", tests, NULL, NULL);
}
