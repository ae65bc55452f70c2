/* The absolute pointer of VMware's virtual machines, at port 5658h: an IN of EAX there is a call,
 * whose arguments and results are in the processor's registers.  Who drives it learns of an event
 * by the PS/2 mouse's interrupt.  Linux's driver vmmouse.c and the Xorg driver xf86-input-vmmouse
 * are what is known of the protocol. */
#ifndef UNRING_DEVICES_VMMOUSE_H
#define UNRING_DEVICES_VMMOUSE_H

#include "devices/bus.h"
#include "devices/device.h"

struct vmmouse;
extern const struct device_type vmmouse_type;

struct vmmouse_board {
	void *ctx;
	/* The general registers by their numbers in instructions, while IN is being done; NULL:
	 * another instruction reads the port, or registers is NULL. */
	uint32_t *(*registers)(void *ctx);
};

struct vmmouse *vmmouse_create(struct bus *bus, struct vmmouse_board board);

enum vmmouse_mode {
	VMMOUSE_OFF, /* the guest uses the PS/2 mouse */
	VMMOUSE_RELATIVE,
	VMMOUSE_ABSOLUTE,
};
enum vmmouse_mode vmmouse_mode(const struct vmmouse *v);

/* Where the pointer is, 0 to FFFFh of the screen each, or in VMMOUSE_RELATIVE how far it has gone to
 * the right and down; steps of the wheel towards the user; the buttons of mouse.h that are down.
 * What the guest has not read yet is merged with it as long as the buttons are the same. */
struct vmmouse_event {
	int x, y, dz;
	unsigned buttons;
	bool last; /* nothing that follows is merged with it */
};
void vmmouse_event(struct vmmouse *v, const struct vmmouse_event *e);

#endif
