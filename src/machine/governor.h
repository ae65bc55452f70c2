/* Runs a guest at a part of its speed, by time: in turn it runs for a slice, and is held until
 * that was its share.  Times are the guest's, in nanoseconds; those of a slice and its hold are much
 * shorter than a tick of 55 ms. */
#ifndef UNRING_MACHINE_GOVERNOR_H
#define UNRING_MACHINE_GOVERNOR_H

#include "base/types.h"

enum {
	GOVERNOR_PERIOD_NS = 2000000,     /* a slice and its hold, as they should be */
	GOVERNOR_SLICE_LEAST_NS = 250000, /* much more than what a hold costs */
	GOVERNOR_HOLD_MOST_NS = 20000000  /* after a slice that took too long */
};

struct governor {
	unsigned percent; /* of the time that the guest runs; 100: it is not held */
	uint64_t begin;   /* of the slice */
};

static inline bool governor_is_on(const struct governor *g)
{
	return g->percent < 100;
}

static inline uint64_t governor_slice_ns(const struct governor *g)
{
	uint64_t ns = GOVERNOR_PERIOD_NS / 100 * g->percent;
	return ns < GOVERNOR_SLICE_LEAST_NS ? GOVERNOR_SLICE_LEAST_NS : ns;
}

/* A slice begins now; when it is to end. */
static inline uint64_t governor_begin(struct governor *g, uint64_t now)
{
	g->begin = now;
	return now + governor_slice_ns(g);
}

/* Until when the guest is to be held; 0: its slice is not over. */
static inline uint64_t governor_hold(const struct governor *g, uint64_t now)
{
	uint64_t ran = now - g->begin;
	if (!governor_is_on(g) || ran < governor_slice_ns(g))
		return 0;
	uint64_t hold = ran * (100 - g->percent) / g->percent;
	return now + (hold < GOVERNOR_HOLD_MOST_NS ? hold : GOVERNOR_HOLD_MOST_NS);
}

#endif
