/* Drives, and the images in them: what --floppy names, and what comes later by the control
 * socket. */
#ifndef UNRING_MACHINE_MEDIA_H
#define UNRING_MACHINE_MEDIA_H

#include "devices/floppy.h"
#include "machine/config.h"
#include "machine/output.h"

enum { MEDIA_FLOPPIES = CONFIG_FLOPPIES };

struct media {
	struct drive {
		const char *name;      /* floppy0 */
		enum floppy_kind kind; /* FLOPPY_NONE: there is no such drive */
		struct image *image;
		char *file; /* NULL: it is empty */
	} floppy[MEDIA_FLOPPIES];
};

/* Drives as the configuration has them, before the fence.  No image may be an output, or be in two
 * drives. */
bool media_open(struct media *s, const struct machine_config *c, const struct outputs *outputs,
                struct problem *p);
void media_close(struct media *s);

/* NULL: there is none of that name. */
struct drive *media_drive(struct media *s, const char *name);
/* The image that is in the drive, as its device sees it; false: none is. */
bool media_medium(struct drive *d, struct medium *m);
/* An open file is put in, whose descriptor is the drive's from here on; on failure the drive is as
 * it was. */
bool media_change(struct drive *d, int fd, const char *file, bool readonly, struct problem *why);
void media_eject(struct drive *d);

#endif
