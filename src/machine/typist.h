/* Types at the guest's keyboard as fast as the guest takes it, and no faster: no key is lost. */
#ifndef UNRING_MACHINE_TYPIST_H
#define UNRING_MACHINE_TYPIST_H

#include "machine/keymap.h"
#include "machine/problem.h"

struct typist;

/* has_room, if any: is there room for a character where the guest puts what it has read?  It is
 * believed for a second. */
struct typist *typist_create(struct clock *clock, struct keyboard *k, void *ctx,
                             bool (*has_room)(void *ctx));
void typist_destroy(struct typist *t);

/* A key goes down or up; KEY_NONE: nothing is done for so long. */
struct typist_step {
	uint8_t key; /* enum key */
	bool down;
	unsigned ms;
};

/* These take their turn behind what waits.  Text is UTF-8; if a character is none, or is on no key
 * of the layout, or too much waits, then *p says so and nothing of it is typed. */
bool typist_steps(struct typist *t, const struct typist_step *s, unsigned n, struct problem *p);
bool typist_text(struct typist *t, const struct keymap *m, const char *text, size_t bytes,
                 struct problem *p);

/* What waits is not typed any more; each key is left up or down, as that would have left it. */
void typist_drop(struct typist *t);

/* Is there something that waits? */
bool typist_busy(const struct typist *t);

#endif
