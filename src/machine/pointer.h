/* The user's pointer, and what of it the guest gets: by the absolute device, if the guest uses that
 * (devices/vmmouse.h), else by the PS/2 mouse.  Places on the screen then become movements, which
 * keep together with the guest's cursor as far as the guest moves it by as many pixels. */
#ifndef UNRING_MACHINE_POINTER_H
#define UNRING_MACHINE_POINTER_H

#include "devices/mouse.h"
#include "devices/vmmouse.h"

enum { POINTER_MOST = 32767 }; /* of a place: the screen's right or lower end */

struct pointer;

struct pointer_owner {
	void *ctx;
	/* The screen's, in pixels. */
	void (*size)(void *ctx, unsigned *width, unsigned *height);
	struct mouse *mouse;
	struct vmmouse *vmmouse;
};

struct pointer *pointer_create(struct pointer_owner owner);
void pointer_destroy(struct pointer *p);

struct pointer_step {
	enum pointer_kind {
		POINTER_DX, /* value: pixels to the right */
		POINTER_DY, /* down */
		POINTER_X,  /* 0 to POINTER_MOST */
		POINTER_Y,
		POINTER_WHEEL, /* steps towards the user */
		POINTER_DOWN,  /* a button, MOUSE_LEFT and the like */
		POINTER_UP,
	} kind;
	int value;
};

/* What happens at once is one event, but for buttons, each of which is one. */
void pointer_steps(struct pointer *p, const struct pointer_step *s, unsigned n);

/* Does the guest use the absolute device? */
bool pointer_is_absolute(const struct pointer *p);
/* The guest begins anew: where its cursor is is not known. */
void pointer_forget(struct pointer *p);

#endif
