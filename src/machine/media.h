/* Drives, and the images in them: what --floppy, --disk and --cdrom name, and what comes later by the
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
	MEDIA_CDROM0 = MEDIA_DISK0 + CONFIG_DISKS,
	MEDIA_DRIVES = MEDIA_CDROM0 + CONFIG_CDROMS,
};

struct disks;
struct loop;

struct media {
	struct fdc *fdc;     /* where the floppies' drives are; NULL: nowhere yet */
	struct ide *ide;     /* and the others */
	struct disks *disks; /* NULL: there is no drive, or it has not been started */
	struct drive {
		const struct drive_kind *is;
		char name[16];       /* floppy0, disk0 */
		unsigned place;      /* on its controller */
		struct image *image; /* NULL: there is no such drive */
		char *file;          /* NULL: it is empty */
		bool has_failed[2];  /* to read, to write; the user has been told */
		enum floppy_kind kind;
		struct geometry geometry; /* of a disk */
	} drives[MEDIA_DRIVES];
};

struct drive_kind {
	const char *name;   /* floppy */
	const char *option; /* that names what is in it from the beginning */
	bool removable;     /* its medium */
	bool devices;       /* of the host may be its medium */
	bool reads;         /* and does not write */
	unsigned sector;
	uint64_t most;       /* bytes */
	const char *largest; /* most, in words */
};

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
/* The one at this place of the IDE function, where there is one. */
struct drive *media_at(struct media *s, unsigned place);

/* Is its tray open, or, of a drive without a tray, is it empty? */
bool media_is_open(const struct media *s, const struct drive *d);
/* Does the guest keep what is in it?  Then it can be asked to give it. */
bool media_is_locked(const struct media *s, const struct drive *d);
void media_ask(struct media *s, const struct drive *d);
/* An open file is put into a drive whose medium is removable; its descriptor is the drive's from here
 * on.  On failure the drive is as it was. */
bool media_change(struct media *s, struct drive *d, int fd, const char *file, bool readonly,
                  struct problem *why);
void media_eject(struct media *s, struct drive *d);
/* Is the open file fd, which a picture, a dump (its kind) is to be written to, none of them? */
bool media_spare(const struct media *s, int fd, const char *kind, struct problem *why);

#endif
