/* Keys of X's (X11/keysymdef.h), as RFB has them, to those of the guest's keyboard.  They are the
 * characters that the client's user has typed: so keys that a layout has elsewhere, or with
 * another state of shift, are found there. */
#ifndef UNRING_VIEWER_KEYSYMS_H
#define UNRING_VIEWER_KEYSYMS_H

#include "screen.h"

struct keysyms;

/* The guest's layout, by its name. */
struct keysyms *keysyms_create(struct screen *s, const char *keymap);
void keysyms_put(struct keysyms *k, uint32_t keysym, bool down);

#endif
