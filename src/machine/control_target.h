/* What a control socket (qmp.h) acts on.  What is NULL is not there, and is answered so. */
#ifndef UNRING_MACHINE_CONTROL_TARGET_H
#define UNRING_MACHINE_CONTROL_TARGET_H

#include "host/file.h"
#include "machine/pointer.h"
#include "machine/problem.h"

#include <stddef.h>
#include <stdio.h>

enum { CONTROL_SCREEN = 1 << 16 };

/* A key goes down or up, or, without a name, nothing does for a while. */
struct control_key {
	const char *name; /* of QKeyCode */
	bool down;
	unsigned pause_ms;
};

struct control_block {
	const char *device; /* floppy0 */
	const char *file;   /* NULL: no medium */
	bool read_only, tray_open, removable, locked;
};

struct control_target {
	void *ctx;

	/* --- the run --- */
	void (*stop)(void *ctx);
	void (*cont)(void *ctx);
	void (*reset)(void *ctx);
	void (*quit)(void *ctx);
	/* running, paused, prelaunch, debug */
	const char *(*status)(void *ctx);
	void (*speed)(void *ctx, unsigned percent);
	void (*ips)(void *ctx, unsigned n); /* NULL: instructions are not counted */
	void (*powerdown)(void *ctx);       /* the power button */

	/* --- what it has printed, and what it shows --- */
	/* Is this in the serial port's output, behind what was found before?  From here on that
	 * has been found. */
	bool (*serial_find)(void *ctx, const char *text);
	/* The screen's rows as UTF-8, each with its newline, and a NUL; false: it shows
	 * graphics. */
	bool (*screen_text)(void *ctx, char *to, size_t most);
	bool (*screendump)(void *ctx, int fd, bool png, struct problem *why);

	/* --- keys: what is refused is refused as a whole --- */
	bool (*keys)(void *ctx, const struct control_key *keys, unsigned n, struct problem *why);
	/* UTF-8, by the layout that the guest has. */
	bool (*type)(void *ctx, const char *text, struct problem *why);

	/* --- the pointer --- */
	void (*pointer)(void *ctx, const struct pointer_step *s, unsigned n);
	bool (*pointer_is_absolute)(void *ctx);

	/* --- media --- */
	bool (*block)(void *ctx, unsigned i, struct control_block *b); /* false past the last */
	/* The descriptor is the callee's.  Without force, what the guest keeps stays. */
	bool (*change)(void *ctx, const char *device, int fd, const char *file, bool read_only,
	               bool force, struct problem *why);
	bool (*eject)(void *ctx, const char *device, bool force, struct problem *why);

	/* --- records --- */
	/* Character devices, and where they lead; false past the last. */
	bool (*chardev)(void *ctx, unsigned i, const char **label, const char **where);
	void (*stats)(void *ctx, FILE *f); /* lines of "name value" */
	bool (*dump_cache)(void *ctx, int fd, struct problem *why);
};

#endif
