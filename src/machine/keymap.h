/* Keys by their names and by the characters on them. */
#ifndef UNRING_MACHINE_KEYMAP_H
#define UNRING_MACHINE_KEYMAP_H

#include "devices/keyboard.h"

#include <stddef.h>

/* The key that QMP's type QKeyCode names so; KEY_NONE: none.  And its name. */
enum key key_named(const char *name);
const char *key_name(enum key key);

/* A national layout, which is the guest's: its driver must have the same. */
struct keymap;
const struct keymap *keymap_find(const char *name); /* NULL: none */
const char *keymap_name(unsigned i);                /* NULL past the last */

enum { STROKE_SHIFT = 1, STROKE_ALTGR = 2, STROKE_CTRL = 4 };

struct stroke {
	enum key key;
	unsigned with; /* STROKE_ */
};

/* How a Unicode character is typed; 0: not at all, 2: by a dead key first.  Of the control
 * characters, backspace, tab, return and escape are keys, the others letters with Ctrl. */
unsigned keymap_strokes(const struct keymap *m, uint32_t character, struct stroke strokes[2]);

/* The next character of UTF-8 in *text, which goes on behind it; UINT32_MAX: it is none. */
uint32_t utf8_next(const char **text, const char *end);

#endif
