/* A screen of characters on the terminal, by terminfo: what is drawn is compared with what is
 * there, and the difference goes out by a stream, so that a slow terminal keeps nobody waiting.
 * And the keys that are typed at it.  terminfo(5); ECMA-48, section 5.4; XTerm Control Sequences,
 * "PC-Style Function Keys". */
#ifndef UNRING_HOST_CANVAS_H
#define UNRING_HOST_CANVAS_H

#include "host/stream.h"

enum {
	CANVAS_COLS = 512, /* a larger terminal has a margin */
	CANVAS_ROWS = 256,
};

struct canvas_cell {
	uint32_t ch;    /* Unicode, one column wide */
	uint8_t fg, bg; /* 0 to 15: red is bit 0, green 1, blue 2, bright 3 */
	bool blink;
};

/* out is a stream to the terminal, which is also standard input.  NULL: *why says what there is
 * not.  Before the fence closes. */
struct canvas *canvas_create(struct stream *out, const char **why);
void canvas_destroy(struct canvas *c);

/* What the terminal has room for. */
unsigned canvas_cols(const struct canvas *c);
unsigned canvas_rows(const struct canvas *c);
/* Has the terminal been given another size, or been taken anew, since the last call?  Then it has
 * to be drawn anew. */
bool canvas_stale(struct canvas *c);

/* Draws a cell; what is not drawn between two calls of canvas_show() is blank. */
void canvas_put(struct canvas *c, unsigned row, unsigned col, struct canvas_cell cell);
void canvas_cursor(struct canvas *c, bool shown, unsigned row, unsigned col);
/* Sends what is another than before.  False: the terminal has not taken the last ones; to be
 * drawn again later. */
bool canvas_show(struct canvas *c);

/* --- keys --- */

enum { CANVAS_SHIFT = 1, CANVAS_ALT = 2, CANVAS_CTRL = 4 }; /* as XTerm has them */

struct canvas_key {
	uint32_t ch;      /* a character, also a control character; 0: see name */
	const char *name; /* of a key without one, as QMP names it; NULL */
	unsigned with;    /* CANVAS_ */
};

struct canvas_input {
	uint8_t bytes[64];
	unsigned n;
};

/* Takes a key out of the bytes that were typed; false: there is none yet.  final: nothing comes
 * behind these bytes, so that an escape is the key. */
bool canvas_key(struct canvas_input *in, bool final, struct canvas_key *key);

#endif
