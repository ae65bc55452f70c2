/* Runs a guest at a part of its speed, by time: in turn it runs for a slice, and is held until
 * that was its share.  What it ran is the processor time that its thread got, so that a busy host
 * neither slows it down twice nor lets it run on; what a host took from it by ending a hold late
 * it gets back.  Times are in nanoseconds; those of a slice and its hold are much shorter than a tick
 * of 55 ms. */
#ifndef UNRING_MACHINE_GOVERNOR_H
#define UNRING_MACHINE_GOVERNOR_H

#include "base/types.h"

enum {
	GOVERNOR_PERIOD_NS = 2000000,     /* a slice and its hold, as they should be */
	GOVERNOR_SLICE_LEAST_NS = 250000, /* much more than what a hold costs */
	GOVERNOR_MOST_NS = 20000000       /* of a hold, and of what is given back */
};

/* One moment. */
struct governor_time {
	uint64_t now; /* guest time */
	uint64_t cpu; /* processor time of the guest's thread */
};

struct governor {
	unsigned
		percent; /* of the time that the guest runs; 100: it is not held. May change at any time */
	unsigned begun; /* percent when it began */
	struct governor_time last;
	int64_t ahead; /* of its share: how long it would have to be held */
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

/* The guest begins to run: nothing is known of what it ran before. */
static inline void governor_begin(struct governor *g, struct governor_time t)
{
	g->begun = g->percent;
	g->last = t;
	g->ahead = 0;
}

/* A moment has come.  For how long the guest is to be held now; 0: it may run for `*slice` more. */
static inline uint64_t governor_look(struct governor *g, struct governor_time t, uint64_t *slice)
{
	if (g->begun != g->percent)
		governor_begin(g, t);
	uint64_t ran = t.cpu - g->last.cpu, full = governor_slice_ns(g);
	int64_t hold = (int64_t)(full * (100 - g->percent) / g->percent);
	g->ahead += (int64_t)(ran * 100 / g->percent) - (int64_t)(t.now - g->last.now);
	g->last = t;
	if (g->ahead < -GOVERNOR_MOST_NS)
		g->ahead = -GOVERNOR_MOST_NS;
	if (g->ahead > GOVERNOR_MOST_NS)
		g->ahead = GOVERNOR_MOST_NS;
	if (g->ahead >= hold)
		return (uint64_t)g->ahead;
	unsigned rest = 100 - g->percent;
	*slice = ((uint64_t)(hold - g->ahead) * g->percent + rest - 1) / rest;
	return 0;
}

/* It was held: what that took of the processor, up to here, the guest did not run. */
static inline void governor_held(struct governor *g, uint64_t cpu)
{
	g->last.cpu = cpu;
}

#endif
