/* The odd ports of a PC board: 80h (POST code), 92h (fast A20 and reset),
 * CF8h-CFBh, of which only the byte CF9h (reset control) is there.
 * 82371SB data sheet (290550): RC, port 92. */
#ifndef UNRING_DEVICES_SYSCTL_H
#define UNRING_DEVICES_SYSCTL_H

#include "devices/bus.h"
#include "devices/device.h"

struct sysctl;
extern const struct device_type sysctl_type;

struct sysctl_board {
	void *ctx; /* of the A20 gate */
	bool (*a20)(void *ctx);
	void (*set_a20)(void *ctx, bool on);
	void *reset_ctx;
	void (*reset)(void *ctx, enum reset_kind kind); /* never RESET_POWER */
};

struct sysctl *sysctl_create(struct bus *bus, struct sysctl_board board);

#endif
