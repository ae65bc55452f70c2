/* The line between the 8042 and a keyboard or a mouse.  The device has bytes to send, the
 * controller takes them one by one, when it likes; what it sends itself arrives at once.
 * IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller". */
#ifndef UNRING_DEVICES_PS2_H
#define UNRING_DEVICES_PS2_H

#include "base/types.h"

enum ps2_port { PS2_KEYBOARD, PS2_AUX, PS2_PORTS };

enum ps2_pending {
	PS2_NOTHING,
	PS2_ANSWER, /* to a command: who looks for it does so at once, and often by polling */
	PS2_DATA,   /* its own, which takes its time on the wire */
};

struct ps2_device {
	void *ctx;
	/* What it answers is pending when this returns; ready() is for what comes later. */
	void (*write)(void *ctx, uint8_t byte);
	enum ps2_pending (*pending)(void *ctx);
	/* The next byte; something is pending. */
	uint8_t (*take)(void *ctx);
};

/* The controller's end, for the device. */
struct ps2_host {
	void *ctx;
	/* Something is pending that was not. */
	void (*ready)(void *ctx);
};

static inline void ps2_ready(const struct ps2_host *h)
{
	if (h->ready)
		h->ready(h->ctx);
}

#endif
