/* The floppy controller with its DMA channel, and a disk whose sectors tell which they are. */
#ifndef UNRING_TESTS_DEV_FDC_FIXTURE_H
#define UNRING_TESTS_DEV_FDC_FIXTURE_H

#include "dev_fixture.h"

#include "devices/fdc.h"

#include <errno.h>
#include <string.h>

enum {
	DOR = 0x3f2,
	MSR = 0x3f4,
	DSR = 0x3f4,
	FIFO = 0x3f5,
	DIR = 0x3f7,
	CCR = 0x3f7,

	TO_MEMORY = 0x46, /* modes of channel 2 */
	FROM_MEMORY = 0x4a,

	IMAGE = 2880 << 10,
	MEMORY = 0x10000,
	WAIT_NS = 10000000, /* longer than any command takes */
};

static uint8_t image[IMAGE], memory[MEMORY];
static int image_error; /* what it answers; 0: it works */
static unsigned image_uses;
static unsigned errors, error_drive;
static int error;
static bool error_of_write;
static uint64_t image_bytes;

/* While it is held it is not done. */
static struct medium_request *image_request;
static bool image_held;

static inline void image_settle(struct medium_request *r)
{
	if (!image_error && r->op == MEDIUM_READ)
		memcpy(r->bytes, image + r->at, r->n);
	else if (!image_error)
		memcpy(image + r->at, r->bytes, r->n);
	r->done(r->ctx, image_error);
}

static inline void image_submit(void *ctx, struct medium_request *r)
{
	assert_true(r->at + r->n <= image_bytes);
	image_uses++;
	image_request = r;
	if (!image_held)
		image_settle(r);
}

static inline void memory_read(void *ctx, uint64_t at, void *dst, size_t n)
{
	assert_true(at + n <= MEMORY);
	memcpy(dst, memory + at, n);
}

static inline void memory_write(void *ctx, uint64_t at, const void *src, size_t n)
{
	assert_true(at + n <= MEMORY);
	memcpy(memory + at, src, n);
}

static inline void on_error(void *ctx, unsigned drive, bool write, int err)
{
	errors++;
	error_drive = drive;
	error = err;
	error_of_write = write;
}

struct bench {
	struct rig rig;
	struct dma *dma;
	struct fdc *fdc;
};

/* A sector's bytes tell which one it is. */
static inline uint8_t byte_of(unsigned sector, unsigned at)
{
	return sector * 7 + (sector >> 8) + at;
}

static inline void put_in(struct bench *b, uint64_t bytes, bool readonly)
{
	struct medium m = {NULL, bytes, readonly, image_submit, 0};
	image_bytes = bytes;
	fdc_insert(b->fdc, 0, &m);
}

static inline void give(struct bench *b, const uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(in(&b->rig, MSR) & 0xc0, 0x80);
		out(&b->rig, FIFO, bytes[i]);
	}
}

#define GIVE(b, ...) give(b, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static inline void wait(struct bench *b)
{
	rig_until(&b->rig, b->rig.now + WAIT_NS);
}

/* All of the result, and no more. */
static inline void expect(struct bench *b, const uint8_t *bytes, unsigned n)
{
	uint8_t got[10] = {0};
	unsigned i;
	for (i = 0; (in(&b->rig, MSR) & 0xd0) == 0xd0 && i < sizeof got; i++)
		got[i] = in(&b->rig, FIFO);
	assert_int_equal(i, n);
	assert_memory_equal(got, bytes, n);
	assert_int_equal(in(&b->rig, MSR) & 0xf0, 0x80);
}

#define EXPECT(b, ...)                                                                             \
	expect(b, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static inline void sense(struct bench *b, uint8_t st0, uint8_t cylinder)
{
	GIVE(b, 0x08);
	EXPECT(b, st0, cylinder);
}

/* Channel 2 at an address below 64K. */
static inline void program_dma(struct bench *b, uint8_t mode, uint16_t at, unsigned bytes)
{
	struct rig *r = &b->rig;
	out(r, 0x0a, 0x06);
	out(r, 0x0c, 0);
	out(r, 0x04, at);
	out(r, 0x04, at >> 8);
	out(r, 0x05, bytes - 1);
	out(r, 0x05, (bytes - 1) >> 8);
	out(r, 0x0b, mode);
	out(r, 0x81, 0);
	out(r, 0x0a, 0x02);
}

/* Out of reset, a disk of 1.44M in drive 0, its rate, DMA. */
static inline void open_bench(struct bench *b)
{
	rig_open(&b->rig);
	b->dma = dma_create(b->rig.bus, (struct dma_memory){NULL, memory_read, memory_write});
	b->fdc = fdc_create(b->rig.bus, b->rig.clock, b->dma, rig_line(&b->rig),
	                    (struct fdc_board){NULL, on_error});
	for (unsigned i = 0; i < IMAGE; i++)
		image[i] = byte_of(i / 512, i % 512);
	memset(memory, 0, sizeof memory);
	image_error = 0;
	errors = 0;
	fdc_set_drive(b->fdc, 0, FLOPPY_1440K);
	put_in(b, 1440 << 10, false);
	out(&b->rig, DOR, 0x1c);
	wait(b);
	for (unsigned i = 0; i < 4; i++)
		sense(b, 0xc0 | i, 0);
	out(&b->rig, CCR, 0);
	GIVE(b, 0x03, 0xdf, 0x02);
	out(&b->rig, 0xd6, 0xc0);
	out(&b->rig, 0xd4, 0x00);
}

static inline void close_bench(struct bench *b)
{
	fdc_type.destroy(b->fdc);
	dma_type.destroy(b->dma);
	rig_close(&b->rig);
}

static inline void seek(struct bench *b, uint8_t cylinder)
{
	GIVE(b, 0x0f, 0, cylinder);
	wait(b);
	sense(b, 0x20, cylinder);
}

static inline void assert_sectors(const uint8_t *bytes, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n * 512; i++)
		if (bytes[i] != byte_of(first + i / 512, i % 512))
			fail_msg("sector %u differs at %u", first + i / 512, i % 512);
}

#endif
