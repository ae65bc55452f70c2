#include "base/log.h"
#include "devices/device.h"

#include <stdlib.h>

#define SECOND_NS 1000000000ull

struct timer {
	struct clock *clock;
	struct timer *next; /* of those that are set, the earliest first */
	uint64_t deadline;  /* UINT64_MAX: not set */
	void *ctx;
	void (*fire)(void *ctx, uint64_t now);
};

struct clock {
	void *ctx;
	uint64_t (*now)(void *ctx);
	void (*arm)(void *ctx, uint64_t deadline_ns);
	struct timer *set;
	unsigned timers;
	uint64_t armed;
};

struct clock *clock_create(void *ctx, uint64_t (*now)(void *ctx),
                           void (*arm)(void *ctx, uint64_t deadline_ns))
{
	struct clock *c = calloc(1, sizeof *c);
	CHECK(c);
	c->ctx = ctx;
	c->now = now;
	c->arm = arm;
	c->armed = UINT64_MAX;
	return c;
}

void clock_destroy(struct clock *c)
{
	if (!c)
		return;
	CHECK(!c->timers);
	free(c);
}

uint64_t clock_now(struct clock *c)
{
	return c->now(c->ctx);
}

uint64_t clock_ticks(struct clock *c, uint32_t hz)
{
	/* By seconds and the rest, as the product of both has more than 64 bits. */
	uint64_t ns = clock_now(c);
	return ns / SECOND_NS * hz + ns % SECOND_NS * hz / SECOND_NS;
}

uint64_t clock_next(struct clock *c)
{
	return c->set ? c->set->deadline : UINT64_MAX;
}

bool timer_is_set(const struct timer *t)
{
	return t->deadline != UINT64_MAX;
}

static void take_out(struct timer *t)
{
	struct timer **p = &t->clock->set;
	if (!timer_is_set(t))
		return;
	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	t->deadline = UINT64_MAX;
}

static void rearm(struct clock *c)
{
	uint64_t deadline = clock_next(c);
	/* Programming the host's timer is what costs: one that comes too early does no harm. */
	if (deadline >= c->armed)
		return;
	c->armed = deadline;
	c->arm(c->ctx, deadline);
}

void clock_run(struct clock *c)
{
	uint64_t now = clock_now(c);
	struct timer *t;
	/* Handlers set timers: until all have, what was armed and has passed keeps the host's alone. */
	while ((t = c->set) && t->deadline <= now) {
		take_out(t);
		t->fire(t->ctx, now);
	}
	/* What was armed has passed; the host's timer fires until it is armed anew. */
	if (c->armed <= now)
		clock_shifted(c);
}

void clock_shifted(struct clock *c)
{
	c->armed = clock_next(c);
	c->arm(c->ctx, c->armed);
}

struct timer *timer_create_on(struct clock *c, void *ctx, void (*fire)(void *ctx, uint64_t now))
{
	struct timer *t = calloc(1, sizeof *t);
	CHECK(t);
	*t = (struct timer){c, NULL, UINT64_MAX, ctx, fire};
	c->timers++;
	return t;
}

void timer_set(struct timer *t, uint64_t deadline_ns)
{
	struct timer **p = &t->clock->set;
	take_out(t);
	t->deadline = deadline_ns;
	if (timer_is_set(t)) {
		while (*p && (*p)->deadline <= deadline_ns)
			p = &(*p)->next;
		t->next = *p;
		*p = t;
	}
	rearm(t->clock);
}

void timer_cancel(struct timer *t)
{
	timer_set(t, UINT64_MAX);
}

void timer_state(struct timer *t, struct archive *a, const char *name)
{
	uint64_t deadline = t->deadline;
	archive_value(a, name, &deadline, sizeof deadline);
	if (archive_loads(a))
		timer_set(t, deadline);
}

void timer_free(struct timer *t)
{
	if (!t)
		return;
	timer_cancel(t);
	t->clock->timers--;
	free(t);
}
