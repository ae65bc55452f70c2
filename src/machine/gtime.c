#include "machine/gtime.h"

#include "host/timer.h"
#include "machine/apparent.h"

#include <errno.h>
#include <stdlib.h>

/* What guests poll to measure time: counter 2 of the 8254, and its output at port 61h. */
enum { PIT_COUNTER2 = 0x42, PIT_GATE = 0x61 };

struct gtime {
	struct apparent time;
	struct clock *clock;
	struct host_timer *timer;
	bool *tsc_exits;
	unsigned holds;
	struct moment held_from;
};

/* --- what the clock is given --- */

static uint64_t now(void *ctx)
{
	struct gtime *g = ctx;
	return apparent_now(&g->time);
}

static void arm(void *ctx, uint64_t deadline_ns)
{
	struct gtime *g = ctx;
	host_timer_arm(g->timer, apparent_arm(&g->time, deadline_ns));
}

static void on_expired(void *ctx)
{
	struct gtime *g = ctx;
	apparent_expired(&g->time);
}

/* Both clocks, with no time between. */
static struct moment moment(void)
{
	struct moment t;
	uint64_t before;
	do {
		before = __builtin_ia32_rdtsc();
		t.ns = host_monotonic_ns();
		t.tsc = __builtin_ia32_rdtsc();
	} while (t.tsc - before > 10000);
	return t;
}

/* --- life --- */

int gtime_create(struct gtime **out, struct gtime_cells cells)
{
	struct gtime *g = calloc(1, sizeof *g);
	if (!g)
		return -ENOMEM;
	int err = host_timer_create(&g->timer, on_expired, g);
	if (err) {
		free(g);
		return err;
	}
	g->tsc_exits = cells.tsc_exits;
	apparent_init(&g->time, moment, host_monotonic_ns, host_thread_cpu_ns, cells.tsc_minus,
	              cells.tsc_read);
	g->clock = clock_create(g, now, arm);
	*out = g;
	return 0;
}

void gtime_destroy(struct gtime *g)
{
	if (!g)
		return;
	clock_destroy(g->clock);
	host_timer_destroy(g->timer);
	free(g);
}

struct clock *gtime_clock(struct gtime *g)
{
	return g->clock;
}

uint64_t gtime_now(struct gtime *g)
{
	return apparent_now(&g->time);
}

/* --- the guest looks at time --- */

static struct moment look(struct gtime *g, bool poll)
{
	struct moment t;
	if (apparent_look(&g->time, poll, &t))
		clock_shifted(g->clock);
	*g->tsc_exits = g->time.stolen.active;
	return t;
}

static void end_looking(struct gtime *g, bool at_once)
{
	apparent_end_looking(&g->time, at_once);
	*g->tsc_exits = g->time.stolen.active;
}

/* The counter is read, and the hole before it is found, at the same moment: time that is
 * stolen between them is found by the next look. */
void gtime_read_begin(struct gtime *g, uint16_t port)
{
	if (port == PIT_COUNTER2 || port == PIT_GATE)
		g->time.held = look(g, true).ns;
}

void gtime_read_end(struct gtime *g)
{
	g->time.held = 0;
}

uint64_t gtime_rdtsc(struct gtime *g)
{
	return look(g, false).tsc;
}

void gtime_look(struct gtime *g)
{
	if (!g->time.stolen.active)
		return;
	look(g, false);
	end_looking(g, false);
}

void gtime_sleep(struct gtime *g)
{
	end_looking(g, true);
}

/* --- catching up --- */

static void catch_up(struct gtime *g, uint64_t limit_ns)
{
	if (apparent_catch_up(&g->time, limit_ns))
		clock_shifted(g->clock);
}

/* To the next timer, in guest time. */
static uint64_t time_left(struct gtime *g)
{
	uint64_t next = clock_next(g->clock), t = clock_now(g->clock);
	return next > t ? next - t : 0;
}

bool gtime_lags(const struct gtime *g)
{
	return g->time.lag.ns;
}

void gtime_step(struct gtime *g)
{
	catch_up(g, apparent_step(time_left(g)));
}

bool gtime_stuck(struct gtime *g)
{
	if (!apparent_stuck(&g->time))
		return false;
	gtime_catch_up(g);
	return true;
}

void gtime_skip(struct gtime *g)
{
	catch_up(g, time_left(g));
	clock_run(g->clock);
}

void gtime_catch_up(struct gtime *g)
{
	catch_up(g, UINT64_MAX);
}

bool gtime_wants_poll(const struct gtime *g)
{
	return g->time.stolen.active || g->time.lag.ns;
}

/* --- a debugger, a pause --- */

void gtime_hold(struct gtime *g)
{
	if (g->holds++)
		return;
	end_looking(g, true);
	g->held_from = moment();
	g->time.held = g->held_from.ns;
	host_timer_arm(g->timer, UINT64_MAX);
}

void gtime_release(struct gtime *g)
{
	if (--g->holds)
		return;
	struct moment from = g->held_from, to = moment();
	g->time.held = 0;
	apparent_shift(&g->time, (struct moment){to.ns - from.ns, to.tsc - from.tsc});
	clock_shifted(g->clock);
}
