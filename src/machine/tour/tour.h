/* The guest of `unring run` alone: a kernel of our own, and what it is told. */
#ifndef UNRING_MACHINE_TOUR_H
#define UNRING_MACHINE_TOUR_H

#include "base/types.h"
#include "devices/bus.h"
#include "devices/device.h"

/* The Multiboot kernel, a part of this binary. */
const void *tour_kernel(size_t *size);

/* Runs the embedded i386 program that tries each sensitive instruction in ring
 * 3 of this host, and returns its report (malloc'd text, for a Multiboot module): lines
 * "NAME:what happened".  Empty where i386 code cannot be run. */
char *tour_host_report(void);

/* The counters of base/stats.inc at TOUR_PORT: write an index (32 bits), read
 * the low half at TOUR_PORT and the high half at TOUR_PORT + 4.  Index FFFFFFFFh
 * reads as TOUR_MAGIC. */
extern const struct device_type tour_counters_type;
void *tour_counters_create(struct bus *b);

enum {
	TOUR_PORT = 0x5e0,
	TOUR_MAGIC = 0x676e7275, /* "urng" */
	/* What port F4h gets at a good end: (10h << 1) | 1 as its status, which
	 * the process turns into exit status 0. */
	TOUR_END = 0x10,
	TOUR_END_STATUS = TOUR_END << 1 | 1,
};

#endif
