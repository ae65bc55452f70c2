/* The PS/2 mouse: with a wheel and five buttons for who asks for them as for an IntelliMouse.
 * IBM PS/2 Hardware Interface Technical Reference, "Mouse"; Microsoft, "Wheel Mouse Device
 * Specifications". */
#ifndef UNRING_DEVICES_MOUSE_H
#define UNRING_DEVICES_MOUSE_H

#include "devices/device.h"
#include "devices/ps2.h"

enum {
	MOUSE_LEFT = 1 << 0,
	MOUSE_RIGHT = 1 << 1,
	MOUSE_MIDDLE = 1 << 2,
	MOUSE_SIDE = 1 << 3,
	MOUSE_EXTRA = 1 << 4,
	MOUSE_BUTTONS = 0x1f, /* all of them */
};

struct mouse;
extern const struct device_type mouse_type;

struct mouse *mouse_create(struct clock *clock);
/* Its end of the line; and whom it tells that it has something to send. */
struct ps2_device mouse_line(struct mouse *m);
void mouse_connect(struct mouse *m, struct ps2_host host);

/* What has happened since the last call: counts to the right and down, steps of the wheel towards
 * the user; and the buttons that are down now.  It makes a packet where nothing has changed, too.
 * Movements wait for the guest merged, changes of buttons in a queue. */
struct mouse_event {
	int dx, dy, dz;
	unsigned buttons;
	bool last; /* no movement that follows is merged with it */
};
void mouse_event(struct mouse *m, const struct mouse_event *e);

#endif
