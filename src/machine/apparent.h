/* The guest's time, of its devices and of its TSC.  It runs with the host's, but
 * stands still while the host keeps this thread from running, so that no tick of
 * a timer is lost; then it lags, and catches up by small steps, each of which
 * ends before the next tick is due.  So the guest's clocks agree with each other at all
 * times: one that compares its TSC with its ticks, as Linux does, finds no fault. */
#ifndef UNRING_MACHINE_APPARENT_H
#define UNRING_MACHINE_APPARENT_H

#include "machine/stolen.h"

struct apparent {
	struct moment (*host)(void);
	uint64_t (*host_ns)(void);
	int64_t *tsc_minus; /* the vCPU's: the host's TSC and this make the guest's */
	uint64_t *tsc_read; /* and what the guest has read of it last; 0: nothing */
	struct moment start;
	uint64_t zero;        /* the host's ns at the guest's zero */
	uint64_t armed;       /* the host's ns that the timer is set to, or when it was found
				 to have expired; UINT64_MAX: none */
	uint64_t seen;        /* what devices have been told last */
	uint64_t held;        /* the host's ns that stand still; 0: they run */
	struct moment lag;    /* hidden, and not caught up with */
	uint64_t lag_changed; /* the host's ns */
	struct stolen stolen;
};

/* Begins at 0; tsc_minus is shared with code that reads it at any time. */
void apparent_init(struct apparent *a, struct moment (*host)(void), uint64_t (*host_ns)(void),
                   uint64_t (*cpu_ns)(void), int64_t *tsc_minus, uint64_t *tsc_read);

/* Nanoseconds of guest time. */
uint64_t apparent_now(struct apparent *a);

/* The host's timer was set to a time of the guest's; returns the host's. */
uint64_t apparent_arm(struct apparent *a, uint64_t deadline_ns);

/* The host's timer may have expired: if it did so long ago, the host kept us away, and
 * that is hidden, as far as the guest was not told the time since.  For its signal
 * handler; apparent_now does so first. */
void apparent_expired(struct apparent *a);

/* The guest polls a timer, or (poll false) reads its TSC with an exit, or we pass by,
 * at this moment; true when time was hidden. */
bool apparent_look(struct apparent *a, bool poll, struct moment *now);
/* A look from elsewhere may find that the guest polls no more; a sleep shows it at once. */
void apparent_end_looking(struct apparent *a, bool at_once);

/* Catches up by at most limit_ns; true when time moved. */
bool apparent_catch_up(struct apparent *a, uint64_t limit_ns);
/* How far a guest that has just taken an interrupt may be moved on, when its next timer
 * is due in left_ns: it must get on with its work as well. */
uint64_t apparent_step(uint64_t left_ns);
/* Has the guest lagged for a second without a step? */
bool apparent_stuck(const struct apparent *a);

/* Time goes on from a later moment of the host, for good (a debugger held it). */
void apparent_shift(struct apparent *a, struct moment by);

#endif
