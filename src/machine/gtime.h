/* Guest time: the clock that devices have, the host's timer behind it, and the guest's TSC.
 *
 *   RUNS      with the host's time
 *   MEASURED  the guest polls a timer in a tight loop (stolen.h): RDTSC exits, and what the
 *             host's scheduler takes from the loop is hidden
 *   LAGS      time was hidden (apparent.h): the guest is behind, and catches up
 *   HELD      by a debugger or a pause: time stands still
 *
 *   RUNS --16 polls of one loop--> MEASURED --2 ms without a poll, or a sleep--> RUNS or LAGS
 *   RUNS --the timer came 0.5 ms late--> LAGS --steps: after an interrupt, in sleep, or when
 *        there was none for a second--> RUNS
 *   any but MEASURED, which ends --gtime_hold--> HELD --gtime_release--> as before
 *
 * Nothing else makes up for lost ticks.  Lost are those that follow each other within the 0.5 ms
 * that are left as they are, and those of a leap: what goes beyond the most that is hidden, and
 * the lag of a guest that has taken no interrupt for a second.
 *
 * The machine calls these verbs where the guest looks at time or leaves time to catch up. */
#ifndef UNRING_MACHINE_GTIME_H
#define UNRING_MACHINE_GTIME_H

#include "devices/device.h"

struct gtime;

/* The vCPU's cells, which translated code reads. */
struct gtime_cells {
	int64_t *tsc_minus; /* added to the host's TSC gives the guest's */
	uint64_t *tsc_read; /* what the guest has read of it last */
	bool *tsc_exits;    /* RDTSC is a callout: gtime_rdtsc */
};

/* Begins at 0. 0, or a negative errno. */
int gtime_create(struct gtime **out, struct gtime_cells cells);
void gtime_destroy(struct gtime *g);

struct clock *gtime_clock(struct gtime *g);
uint64_t gtime_now(struct gtime *g); /* ns */

/* Around the read of a port: what a device tells of time there is of one moment. */
void gtime_read_begin(struct gtime *g, uint16_t port);
void gtime_read_end(struct gtime *g);

/* The host's TSC, for RDTSC while it exits. */
uint64_t gtime_rdtsc(struct gtime *g);

/* At a poll, before timers are served: does the guest still measure time? */
void gtime_look(struct gtime *g);

/* Is the guest behind? */
bool gtime_lags(const struct gtime *g);
/* It has got on with its work, and no interrupt waits: it catches up by a step. */
void gtime_step(struct gtime *g);
/* If it has taken no step for a second: it catches up with all, true. */
bool gtime_stuck(struct gtime *g);
/* It sleeps, and need not wait for what it lags: up to its next timer, which is served. */
void gtime_skip(struct gtime *g);
void gtime_catch_up(struct gtime *g); /* with all */

/* The guest sleeps, or is reset: it measures nothing. */
void gtime_sleep(struct gtime *g);

/* Time stands still between them; who holds it, releases it: they nest. */
void gtime_hold(struct gtime *g);
void gtime_release(struct gtime *g);

/* Is there something that a poll must come for? */
bool gtime_wants_poll(const struct gtime *g);

#endif
