/* What devices and their machine share: the port bus, interrupt lines, time.
 * A device is one file: register names, state, handlers, create. It reaches
 * the host only through callbacks given at creation. */
#ifndef UNRING_DEVICES_DEVICE_H
#define UNRING_DEVICES_DEVICE_H

#include "base/types.h"

/* --- ports --- */

/* size is 1, 2 or 4; port is absolute. */
struct port_handler {
	void *ctx;
	uint32_t (*read)(void *ctx, uint16_t port, unsigned size);
	void (*write)(void *ctx, uint16_t port, unsigned size, uint32_t value);
};

struct bus;
struct bus *bus_create(void);
void bus_destroy(struct bus *b);
/* Claims [first, first+count); the handler takes bytes: wider accesses are
 * split into bytes unless wide. -EBUSY if taken. */
int bus_claim(struct bus *b, uint16_t first, unsigned count, bool wide, struct port_handler h);
/* Absent ports read FFh in each byte. */
uint32_t bus_read(struct bus *b, uint16_t port, unsigned size);
void bus_write(struct bus *b, uint16_t port, unsigned size, uint32_t value);

/* --- interrupt lines --- */

struct irq_line {
	void *ctx;
	void (*set)(void *ctx, bool level);
};

static inline void irq_set(const struct irq_line *l, bool level)
{
	if (l->set)
		l->set(l->ctx, level);
}

/* --- time --- */

/* The machine's clock: nanoseconds of guest time, monotonic; and one-shot timers
 * that the machine serves from its event loop, never from a signal. */
struct clock;
struct timer;
struct clock *clock_create(void *ctx, uint64_t (*now)(void *ctx),
                           void (*arm)(void *ctx, uint64_t deadline_ns));
void clock_destroy(struct clock *c);
uint64_t clock_now(struct clock *c);
struct timer *timer_create_on(struct clock *c, void *ctx, void (*fire)(void *ctx, uint64_t now));
void timer_set(struct timer *t, uint64_t deadline_ns);
void timer_cancel(struct timer *t);
bool timer_is_set(const struct timer *t);
void timer_free(struct timer *t);
/* Fires what is due; calls arm when the next deadline is earlier than what is armed, or
 * that has passed.  So clock_run may be called too early, and never too late. */
void clock_run(struct clock *c);
/* The earliest deadline; UINT64_MAX: none. */
uint64_t clock_next(struct clock *c);
/* Time itself was changed: calls arm again. */
void clock_shifted(struct clock *c);

#endif
