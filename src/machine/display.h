/* --display terminal: the guest's text screen on the terminal, and what is typed there at its
 * keyboard. */
#ifndef UNRING_MACHINE_DISPLAY_H
#define UNRING_MACHINE_DISPLAY_H

#include "devices/vga.h"
#include "host/stream.h"
#include "machine/keymap.h"
#include "machine/problem.h"
#include "machine/typist.h"

struct display;

struct display_owner {
	void *ctx;
	void (*quit)(void *ctx); /* Ctrl-A x */
	struct stream *stdio;
	const struct keymap *keymap;
	/* The screen: a number that changes with it, its text (false: a graphics mode), its
	 * size in pixels. */
	uint64_t (*generation)(void *ctx);
	bool (*text)(void *ctx, struct vga_text *t);
	void (*pixels)(void *ctx, unsigned *width, unsigned *height);
};

/* Takes the terminal; it is drawn on from display_look() on. */
bool display_open(struct display **out, struct display_owner owner, struct problem *p);
void display_close(struct display *d);

/* Who types. */
void display_attach(struct display *d, struct typist *t);

/* Draws what has changed, some 30 times a second at most. */
void display_look(struct display *d);
/* Is there something for display_look() to do before long? */
bool display_wants_polls(const struct display *d);

#endif
