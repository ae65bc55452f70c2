/* The one timer of the thread that runs the guest, by the clock of host/clock.h. */
#ifndef UNRING_HOST_TIMER_H
#define UNRING_HOST_TIMER_H

#include "host/clock.h"

struct host_timer;

/* A timer whose signal goes to the calling thread and is installed with
 * host_signal_install: fn runs as that says, and may be NULL when the kick is
 * all that is wanted.  0 or a negative errno. */
int host_timer_create(struct host_timer **out, void (*fn)(void *ctx), void *ctx);
void host_timer_destroy(struct host_timer *t);

/* Fires at this time of host_monotonic_ns (at once when it has passed), in place of the
 * time set before; UINT64_MAX: never.  Then it fires every 500 us until it is armed anew:
 * so code that the first signal finds runs no further after a stop than to the next. */
void host_timer_arm(struct host_timer *t, uint64_t deadline_ns);

#endif
