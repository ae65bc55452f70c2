/* 8042 keyboard controller at ports 60h and 64h with a keyboard that nobody
 * types at; no auxiliary port.  IBM PS/2 Hardware Interface Technical
 * Reference, "Keyboard and Auxiliary Device Controller". */
#ifndef UNRING_DEVICES_I8042_H
#define UNRING_DEVICES_I8042_H

#include "devices/bus.h"
#include "devices/device.h"

struct i8042;
extern const struct device_type i8042_type;

/* a20 is the processor's address line; reset: its reset line was pulsed, no other's. */
struct i8042 *i8042_create(struct bus *bus, struct irq_line irq1, struct irq_line a20, void *ctx,
                           void (*reset)(void *ctx));

/* The output port's A20 line, also driven by port 92h. */
bool i8042_a20(const struct i8042 *k);
void i8042_set_a20(struct i8042 *k, bool on);

#endif
