#include "base/log.h"
#include "devices/device.h"

#include <stdlib.h>

struct timer {
	struct clock *clock;
	struct timer *next;  /* all timers of the clock */
	uint64_t deadline;   /* UINT64_MAX: not set */
	void *ctx;
	void (*fire)(void *ctx, uint64_t now);
};

struct clock {
	void *ctx;
	uint64_t (*now)(void *ctx);
	void (*arm)(void *ctx, uint64_t deadline_ns);
	struct timer *timers;
	uint64_t armed;
	bool running;
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

static struct timer *earliest(struct clock *c)
{
	struct timer *best = NULL;
	for (struct timer *t = c->timers; t; t = t->next)
		if (t->deadline != UINT64_MAX && (!best || t->deadline < best->deadline))
			best = t;
	return best;
}

uint64_t clock_next(struct clock *c)
{
	struct timer *t = earliest(c);
	return t ? t->deadline : UINT64_MAX;
}

/* A handler sets several timers in a row: the host hears of the outcome only. */
static void rearm(struct clock *c)
{
	if (c->running)
		return;
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
	c->running = true;
	while ((t = earliest(c)) && t->deadline <= now) {
		t->deadline = UINT64_MAX;
		t->fire(t->ctx, now);
	}
	c->running = false;
	/* What was armed has passed, and the host's timer with it. */
	if (c->armed <= now)
		c->armed = UINT64_MAX;
	rearm(c);
}

void clock_shifted(struct clock *c)
{
	c->armed = UINT64_MAX;
	rearm(c);
}

struct timer *timer_create_on(struct clock *c, void *ctx, void (*fire)(void *ctx, uint64_t now))
{
	struct timer *t = calloc(1, sizeof *t);
	CHECK(t);
	*t = (struct timer){c, c->timers, UINT64_MAX, ctx, fire};
	c->timers = t;
	return t;
}

void timer_set(struct timer *t, uint64_t deadline_ns)
{
	t->deadline = deadline_ns;
	rearm(t->clock);
}

void timer_cancel(struct timer *t)
{
	timer_set(t, UINT64_MAX);
}

void timer_free(struct timer *t)
{
	if (!t)
		return;
	timer_cancel(t);
	for (struct timer **p = &t->clock->timers; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	free(t);
}
