/* Guest memory in a plain buffer, images built by hand. */
#ifndef UNRING_TESTS_LOADER_FIXTURE_H
#define UNRING_TESTS_LOADER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "machine/loader.h"

struct pc {
	uint8_t *bytes;
	struct guest_ram ram;
	struct boot_entry entry;
	struct problem problem;
};

static inline void pc_write(void *ctx, uint64_t at, const void *src, size_t n)
{
	struct pc *pc = ctx;
	assert_true(ram_holds(&pc->ram, at, n));
	memcpy(pc->bytes + at, src, n);
}

static inline void pc_open(struct pc *pc, unsigned mib)
{
	uint64_t bytes = (uint64_t)mib << 20;
	*pc = (struct pc){.ram = {pc, pc_write, bytes, bytes + 0x20000}};
	pc->bytes = malloc(pc->ram.end);
	memset(pc->bytes, 0xcc, pc->ram.end); /* memory is not zero at a reset */
}

static inline void pc_close(struct pc *pc, struct blob *kernel)
{
	free(pc->bytes);
	blob_free(kernel);
}

/* One line that names the thing and the reason. */
static inline void assert_problem(const struct pc *pc, const char *thing, const char *reason)
{
	const char *text = pc->problem.text;
	if (!strstr(text, thing) || !strstr(text, reason) || strchr(text, '\n'))
		fail_msg("not of %s and %s: %s", thing, reason, text);
}

static inline void put16(uint8_t *p, size_t at, uint16_t v)
{
	memcpy(p + at, &v, 2);
}

static inline void put32(uint8_t *p, size_t at, uint32_t v)
{
	memcpy(p + at, &v, 4);
}

static inline unsigned get16(const uint8_t *p, size_t at)
{
	uint16_t v;
	memcpy(&v, p + at, 2);
	return v;
}

static inline uint32_t get32(const uint8_t *p, size_t at)
{
	uint32_t v;
	memcpy(&v, p + at, 4);
	return v;
}

static inline struct blob gzip(const struct blob *plain)
{
	struct blob out = {malloc(plain->size + 1000), 0};
	z_stream z = {.next_in = plain->data,
	              .avail_in = plain->size,
	              .next_out = out.data,
	              .avail_out = plain->size + 1000};
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out.size = z.total_out;
	deflateEnd(&z);
	return out;
}

#endif
