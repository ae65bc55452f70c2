/* The packet half of a CD-ROM drive: packets in, sense and bytes out. */
#ifndef UNRING_TESTS_DEV_ATAPI_FIXTURE_H
#define UNRING_TESTS_DEV_ATAPI_FIXTURE_H

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

static inline void on_tray(void *ctx, bool open)
{
	struct bench *b = ctx;
	b->moves++;
	b->open = open;
}

/* Two bytes that a disc has at a place tell which it is. */
static inline uint8_t byte_at(uint64_t at)
{
	return (uint8_t)(at / ATAPI_SECTOR * 7 + at / 256 + at);
}

/* All that comes of the packet: bytes to b->got, those of give from there.  What the buffer had is
 * none of it. */
static inline enum atapi_step carry(struct bench *b, const uint8_t *packet, const uint8_t *give)
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

static inline void good(struct bench *b, const uint8_t *packet)
{
	if (carry(b, packet, NULL) != ATAPI_DONE)
		fail_msg("%02x: %x/%02x/%02x", packet[0], b->a.key, b->a.asc, b->a.ascq);
}

/* Fails, and REQUEST SENSE tells the same, once. */
static inline void bad(struct bench *b, const uint8_t *packet, uint8_t key, uint8_t asc,
                       uint8_t ascq)
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

static inline void open_empty(struct bench *b)
{
	*b = (struct bench){0};
	atapi_init(&b->a, b, on_tray);
}

/* With a disc, of which the host knows. */
static inline void open_disc(struct bench *b, uint32_t sectors)
{
	open_empty(b);
	atapi_insert(&b->a, sectors);
	bad(b, READY, 6, 0x29, 0);
	bad(b, READY, 6, 0x28, 0);
	good(b, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
	good(b, READY);
}

static inline void close_bench(struct bench *b)
{
	free(b->got);
}

#endif
