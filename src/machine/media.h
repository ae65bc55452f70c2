/* Drives, and the images in them: what --floppy names, and what comes later by the control
 * socket. */
#ifndef UNRING_MACHINE_MEDIA_H
#define UNRING_MACHINE_MEDIA_H

#include "devices/fdc.h"
#include "machine/config.h"
#include "machine/output.h"

enum { MEDIA_FLOPPIES = CONFIG_FLOPPIES };

struct media {
	struct fdc *fdc; /* where the drives are; NULL: nowhere yet */
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

/* The controller, whose drives are of these kinds. */
void media_attach(struct media *s, struct fdc *fdc);

/* NULL: there is none of that name. */
struct drive *media_drive(struct media *s, const char *name);
/* An open file is put in, whose descriptor is the drive's from here on; on failure the drive is as
 * it was. */
bool media_change(struct media *s, struct drive *d, int fd, const char *file, bool readonly,
                  struct problem *why);
void media_eject(struct media *s, struct drive *d);
/* Is the open file fd, which a picture, a dump (its kind) is to be written to, none of them? */
bool media_spare(const struct media *s, int fd, const char *kind, struct problem *why);

#endif
