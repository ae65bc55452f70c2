/* A board of one device at a time: a bus, a clock that the test moves, and
 * interrupt lines that it looks at. */
#ifndef UNRING_TESTS_DEV_FIXTURE_H
#define UNRING_TESTS_DEV_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "devices/bus.h"
#include "devices/device.h"
#include "devices/nmi.h"

struct line {
	bool level;
	unsigned edges; /* rising ones */
};

struct rig {
	struct bus *bus;
	struct clock *clock;
	uint64_t now; /* of the clock */
	uint64_t armed;
	unsigned arms; /* how often it was */
	struct line line;
	struct nmi *nmi;
	unsigned nmis; /* that were raised */
	void *device;
};

static inline uint64_t rig_now(void *ctx)
{
	return ((struct rig *)ctx)->now;
}

static inline void rig_arm(void *ctx, uint64_t deadline)
{
	struct rig *r = ctx;
	r->armed = deadline;
	r->arms++;
}

static inline void rig_nmi(void *ctx)
{
	((struct rig *)ctx)->nmis++;
}

static inline void rig_open(struct rig *r)
{
	*r = (struct rig){.armed = UINT64_MAX};
	r->bus = bus_create(NULL, NULL);
	r->clock = clock_create(r, rig_now, rig_arm);
	r->nmi = nmi_create(r, rig_nmi);
}

static inline void rig_close(struct rig *r)
{
	nmi_type.destroy(r->nmi);
	clock_destroy(r->clock);
	bus_destroy(r->bus);
}

static inline void line_set(void *ctx, bool level)
{
	struct line *l = ctx;
	l->edges += level && !l->level;
	l->level = level;
}

static inline struct irq_line rig_line(struct rig *r)
{
	return (struct irq_line){&r->line, line_set};
}

/* Moves time to t as an event loop does: each timer at its deadline. */
static inline void rig_until(struct rig *r, uint64_t t)
{
	while (r->armed <= t) {
		if (r->armed > r->now)
			r->now = r->armed;
		r->armed = UINT64_MAX; /* spent */
		clock_run(r->clock);
	}
	r->now = t;
}

/* The host was away: time jumps, then timers are served. */
static inline void rig_jump(struct rig *r, uint64_t t)
{
	r->now = t;
	if (r->armed <= t)
		r->armed = UINT64_MAX;
	clock_run(r->clock);
}

static inline uint8_t in(struct rig *r, uint16_t port)
{
	return bus_read(r->bus, SPACE_PORT, port, 1);
}

static inline void out(struct rig *r, uint16_t port, uint8_t v)
{
	bus_write(r->bus, SPACE_PORT, port, 1, v);
}

#endif
