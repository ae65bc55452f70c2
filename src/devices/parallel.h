/* The parallel port, whose data lines can be read as well (as a PS/2's), with a printer behind it that
 * is always selected, and busy only while its reader is.  IBM PC/AT Technical Reference, "Serial/Parallel
 * Adapter"; IBM PS/2 Hardware Interface Technical Reference, "Parallel Port Controller". */
#ifndef UNRING_DEVICES_PARALLEL_H
#define UNRING_DEVICES_PARALLEL_H

#include "devices/bus.h"
#include "devices/device.h"

struct parallel;
extern const struct device_type parallel_type;

struct parallel_printer {
	void *ctx;
	void (*print)(void *ctx, uint8_t byte);
	bool (*room)(void *ctx); /* NULL: always */
};

struct parallel *parallel_create(struct bus *bus, uint16_t port, struct irq_line irq,
                                 struct parallel_printer printer);
/* The printer has room again. */
void parallel_ready(struct parallel *p);

#endif
