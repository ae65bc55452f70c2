/* 8254 interval timer at ports 40h-43h, and port 61h, which gates its channel 2
 * and drives the speaker.  Counts are computed from the clock when they are read:
 * nothing ticks.  Intel 8254 data sheet (231164). */
#ifndef UNRING_DEVICES_PIT_H
#define UNRING_DEVICES_PIT_H

#include "devices/bus.h"
#include "devices/device.h"
#include "devices/nmi.h"

#define PIT_HZ 1193182u

struct pit;
extern const struct device_type pit_type;

/* irq0 is the output of channel 0; nmi has its gate at port 61h. */
struct pit *pit_create(struct bus *bus, struct clock *clock, struct irq_line irq0, struct nmi *nmi);

/* Brings irq0's level up to now.  Its rise comes by itself; its fall, for which no timer is
 * set, is found here: to be called before the level counts. */
void pit_look(struct pit *p);

#endif
