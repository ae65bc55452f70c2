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

static void select_counter(void *ctx, uint16_t port, unsigned size, uint32_t index)
{
	struct selector *s = ctx;
	s->value = index == UINT32_MAX ? TOUR_MAGIC : index < COUNTERS ? *counters[index] : 0;
}

static uint32_t read_counter(void *ctx, uint16_t port, unsigned size)
{
	struct selector *s = ctx;
	return port == TOUR_PORT ? (uint32_t)s->value : (uint32_t)(s->value >> 32);
}

int tour_counters_attach(struct bus *b)
{
	/* Lives as long as the process: the bus frees no contexts. */
	static struct selector selector;
	return bus_claim(b, TOUR_PORT, PORTS, true,
	                 (struct port_handler){&selector, read_counter, select_counter});
}
