/* The ISA bridge of a PC, 82371SB: 00:01.0, with the routes of the PCI bus's interrupts and the
 * reset control register, port CF9h.  Data sheet 290550.  Its interrupt controllers, timer and
 * other ISA parts are devices of their own; its IDE and USB functions are absent. */
#ifndef UNRING_DEVICES_PIIX3_H
#define UNRING_DEVICES_PIIX3_H

#include "devices/pci.h"

struct piix3;
extern const struct device_type piix3_type;

/* The IRQs that the PCI bus's interrupts can be routed to, a bit for each: 3 to 7, 9 to 12, 14,
 * 15. */
enum { PIIX3_ROUTABLE = 0xdef8 };

struct piix3_board {
	/* Those inputs of the interrupt controller: sources of their own. */
	struct irq_line irq[16];
	void *ctx;
	void (*reset)(void *ctx, enum reset_kind kind); /* never RESET_POWER */
};

struct piix3 *piix3_create(struct pci *pci, struct piix3_board board);

#endif
