/* Drives, and the images in them: what --floppy and --disk name, and what comes later by the
 * control socket. */
#ifndef UNRING_MACHINE_MEDIA_H
#define UNRING_MACHINE_MEDIA_H

#include "devices/fdc.h"
#include "devices/ide.h"
#include "machine/config.h"
#include "machine/output.h"

enum {
	MEDIA_FLOPPY0,
	MEDIA_DISK0 = MEDIA_FLOPPY0 + CONFIG_FLOPPIES, /* by its place */
	MEDIA_DRIVES = MEDIA_DISK0 + CONFIG_DISKS,
};

struct disks;
struct loop;

struct media {
	struct fdc *fdc;     /* where the floppies' drives are; NULL: nowhere yet */
	struct disks *disks; /* NULL: there is no drive, or it has not been started */
	struct drive {
		const char *name;    /* floppy0, disk0 */
		const char *option;  /* that names what is in it from the beginning */
		struct image *image; /* NULL: there is no such drive */
		char *file;          /* NULL: it is empty */
		bool has_failed[2];  /* to read, to write; the user has been told */
		enum floppy_kind kind;
		struct geometry geometry; /* of a disk */
	} drives[MEDIA_DRIVES];
};

static inline bool media_is_floppy(const struct media *s, const struct drive *d)
{
	return d < s->drives + MEDIA_DISK0;
}

/* Drives as the configuration has them, before the fence.  No image may be an output, or be in two
 * drives. */
bool media_open(struct media *s, const struct machine_config *c, const struct outputs *outputs,
                struct problem *p);
/* Starts the process that works on them, before there is memory of the guest's. */
bool media_start(struct media *s, struct loop *l, struct problem *p);
void media_close(struct media *s);

/* The controllers, of which the first has drives of these kinds. */
void media_attach(struct media *s, const struct machine_config *c, struct fdc *fdc,
                  struct ide *ide);

/* NULL: there is none of that name. */
struct drive *media_drive(struct media *s, const char *name);
/* An open file is put into a floppy's drive, whose descriptor is the drive's from here on; on failure the drive is as
 * it was. */
bool media_change(struct media *s, struct drive *d, int fd, const char *file, bool readonly,
                  struct problem *why);
void media_eject(struct media *s, struct drive *d);
/* Is the open file fd, which a picture, a dump (its kind) is to be written to, none of them? */
bool media_spare(const struct media *s, int fd, const char *kind, struct problem *why);

#endif
