/* The odd ports of a PC board: 92h (fast A20 and reset; 82371SB data sheet,
 * 290550), and 8900h, where a BIOS without ACPI writes the word Shutdown to end a virtual
 * machine. */
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
	void *machine;                                  /* of the others */
	void (*reset)(void *ctx, enum reset_kind kind); /* RESET_CPU */
	void (*power_off)(void *ctx);
};

struct sysctl *sysctl_create(struct bus *bus, struct sysctl_board board);

#endif
