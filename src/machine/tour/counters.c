#include "base/log.h"
#include "base/stats.h"
#include "machine/tour/tour.h"

#include <stdlib.h>

static const uint64_t *const counters[] = {
#define STAT(name, help) &stats.name,
#include "base/stats.inc"
#undef STAT
};

enum { COUNTERS = sizeof counters / sizeof *counters, PORTS = 8 };

struct selector {
	uint64_t value; /* latched: both halves are of one moment */
};

static void select_counter(void *ctx, uint32_t offset, unsigned size, uint32_t index)
{
	struct selector *s = ctx;
	s->value = index == UINT32_MAX ? TOUR_MAGIC : index < COUNTERS ? *counters[index] : 0;
}

static uint32_t read_counter(void *ctx, uint32_t offset, unsigned size)
{
	struct selector *s = ctx;
	return offset ? (uint32_t)(s->value >> 32) : (uint32_t)s->value;
}

static void selector_reset(void *d, enum reset_kind kind)
{
	struct selector *s = d;
	s->value = 0;
}

static void selector_state(void *d, struct archive *a)
{
	struct selector *s = d;
	ARCHIVE(a, s, value);
}

const struct device_type tour_counters_type = {"tour-counters", selector_reset, selector_state,
                                               free};

void *tour_counters_create(struct bus *b)
{
	struct selector *s = calloc(1, sizeof *s);
	CHECK(s);
	struct region_handler h = {
		.ctx = s, .read = read_counter, .write = select_counter, .max = 4};
	CHECK(bus_map(b, SPACE_PORT, TOUR_PORT, PORTS, h) > 0);
	return s;
}
