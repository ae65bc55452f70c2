/* The machine's screen as a viewer sees it, and what its user does, by the channel to the machine
 * (machine/viewer_link.h).  A front end has one of these, gives it time when it asks for some, and
 * shows what it says has changed. */
#ifndef UNRING_VIEWER_SCREEN_H
#define UNRING_VIEWER_SCREEN_H

#include "machine/viewer_link.h"

struct screen;

struct screen_front {
	void *ctx;
	/* The picture has another size, and another place: pixels of 32 bits, red in the lowest 8,
	 * then green and blue; all of it has changed. */
	void (*resized)(void *ctx, uint32_t *pixels, unsigned width, unsigned height);
	void (*changed)(void *ctx, unsigned x, unsigned y, unsigned width, unsigned height);
};

/* The first message of the machine, by the broker's channel: what is to be shown, and the
 * descriptors.  False: there is none. */
struct screen_start {
	struct viewer_hello hello;
	const struct viewer_page *page;
	const uint32_t *memory;
	int channel, listener; /* -1: none */
};
bool screen_begin(struct screen_start *s);
/* Tells it that all is ready (problem NULL), or what is wrong. */
void screen_ready(const struct screen_start *s, const char *problem);

/* channel: where it talks with the machine. */
struct screen *screen_create(const struct screen_start *s, int channel, struct screen_front front);

/* How many ms there are to the next look; -1: none is due before the channel can be read. */
int screen_wait_ms(struct screen *s);
/* Reads the channel, and looks if that is due; false: the machine has ended. */
bool screen_serve(struct screen *s);

void screen_key(struct screen *s, enum key key, bool down);
/* At once, VIEWER_STEPS at most. */
void screen_pointer(struct screen *s, const struct pointer_step *steps, unsigned n);
void screen_quit(struct screen *s);

#endif
