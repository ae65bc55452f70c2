/* An alarm by the host's clock, which rings in the event loop: also while the guest computes,
 * halts, or is held.  Guests have timers of their own (devices/device.h). */
#ifndef UNRING_HOST_ALARM_H
#define UNRING_HOST_ALARM_H

#include "host/loop.h"

struct alarm;

/* 0 or a negative errno. */
int alarm_create(struct alarm **out, struct loop *l, void *ctx, void (*fn)(void *ctx));
void alarm_destroy(struct alarm *a);

/* It rings at this time of host_monotonic_ns() (at once when it has passed), in place of the time set
 * before; UINT64_MAX: never. */
void alarm_set(struct alarm *a, uint64_t at_ns);

#endif
