/* What devices and their machine share: how they are reset, saved and ended; wires; guest
 * memory; time.
 * A device is one file: register names, state, handlers, create. It reaches
 * the host only through callbacks given at creation. */
#ifndef UNRING_DEVICES_DEVICE_H
#define UNRING_DEVICES_DEVICE_H

#include "base/archive.h"
#include "base/types.h"

/* --- the contract --- */

enum reset_kind {
	RESET_POWER, /* power comes on: what a battery feeds stays */
	RESET_HARD,  /* the board's reset line: what has no reset input stays as well */
	RESET_CPU,   /* the processor's alone, as the 286 needs it: devices do not hear of it */
};

/* A device is created as RESET_POWER leaves it. */
struct device_type {
	const char *name;
	void (*reset)(void *d, enum reset_kind kind);
	/* Enumerates what the device holds, once for both directions.  When it has been loaded
	 * it drives its wires and timers by that: the clock stands where it stood.  After a
	 * problem it needs a reset. */
	void (*state)(void *d, struct archive *a);
	void (*destroy)(void *d);
};

/* --- wires: interrupts, and whatever else has a level --- */

struct irq_line {
	void *ctx;
	void (*set)(void *ctx, bool level);
};

static inline void irq_set(const struct irq_line *l, bool level)
{
	if (l->set)
		l->set(l->ctx, level);
}

/* --- guest memory, as a device reaches it by itself --- */

/* By physical address, of any length: reads find FFh where there is no memory. */
struct dma_memory {
	void *ctx;
	void (*read)(void *ctx, uint64_t at, void *dst, size_t n);
	void (*write)(void *ctx, uint64_t at, const void *src, size_t n);
};

/* --- time --- */

/* The machine's clock: nanoseconds of guest time, monotonic; and one-shot timers
 * that the machine serves from its event loop, never from a signal. */
struct clock;
struct timer;
struct clock *clock_create(void *ctx, uint64_t (*now)(void *ctx),
                           void (*arm)(void *ctx, uint64_t deadline_ns));
void clock_destroy(struct clock *c);
uint64_t clock_now(struct clock *c);
/* How many periods of a frequency have passed, whole ones. */
uint64_t clock_ticks(struct clock *c, uint32_t hz);
struct timer *timer_create_on(struct clock *c, void *ctx, void (*fire)(void *ctx, uint64_t now));
void timer_set(struct timer *t, uint64_t deadline_ns);
void timer_cancel(struct timer *t);
bool timer_is_set(const struct timer *t);
void timer_free(struct timer *t);
/* Saves when it is to fire, or sets it. */
void timer_state(struct timer *t, struct archive *a, const char *name);
/* Fires what is due; calls arm when the next deadline is earlier than what is armed, or
 * that has passed.  So clock_run may be called too early, and never too late. */
void clock_run(struct clock *c);
/* The earliest deadline; UINT64_MAX: none. */
uint64_t clock_next(struct clock *c);
/* Time itself was changed: calls arm again. */
void clock_shifted(struct clock *c);

#endif
