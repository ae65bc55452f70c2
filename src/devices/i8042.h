/* 8042 keyboard controller at ports 60h and 64h, between the system and two PS/2 devices
 * (ps2.h); without a second one it is a controller that has no auxiliary port.  IBM PS/2 Hardware
 * Interface Technical Reference, "Keyboard and Auxiliary Device Controller". */
#ifndef UNRING_DEVICES_I8042_H
#define UNRING_DEVICES_I8042_H

#include "devices/bus.h"
#include "devices/device.h"
#include "devices/ps2.h"

struct i8042;
extern const struct device_type i8042_type;

struct i8042_wires {
	struct irq_line irq[PS2_PORTS];
	struct irq_line a20; /* the processor's address line */
	void *ctx;
	void (*reset)(void *ctx); /* the processor's reset line was pulsed, no other's */
};

struct i8042 *i8042_create(struct bus *bus, struct clock *clock, struct i8042_wires wires);

/* Puts a device at a port's end; whom it is to tell of what it has to send. */
struct ps2_host i8042_attach(struct i8042 *k, enum ps2_port port, struct ps2_device device);

/* The output port's A20 line, also driven by port 92h. */
bool i8042_a20(const struct i8042 *k);
void i8042_set_a20(struct i8042 *k, bool on);

#endif
