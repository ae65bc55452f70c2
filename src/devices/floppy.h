/* A floppy drive: its heads, its change line, and the disk in it, whose format follows from the
 * image's size.  Its tracks hold sectors of 512 bytes, numbered from 1, under the heads one after
 * another. */
#ifndef UNRING_DEVICES_FLOPPY_H
#define UNRING_DEVICES_FLOPPY_H

#include "devices/medium.h"

enum {
	FLOPPY_SECTOR = 512,
	FLOPPY_SIZE_CODE = 2,      /* of its sectors, in IDs */
	FLOPPY_LAST_CYLINDER = 83, /* that a drive's heads reach: a few more than disks use */
};

/* As CMOS 10h numbers them.  IBM PS/2 BIOS Interface Technical Reference, "CMOS RAM". */
enum floppy_kind {
	FLOPPY_NONE,
	FLOPPY_360K,
	FLOPPY_1200K,
	FLOPPY_720K,
	FLOPPY_1440K,
	FLOPPY_2880K,
};

/* In kbit/s; as the data rate's bits number them. */
enum floppy_rate { FLOPPY_500, FLOPPY_300, FLOPPY_250, FLOPPY_1000 };

struct floppy_format {
	uint16_t kib;
	uint8_t cylinders, heads, sectors;
	enum floppy_kind drive; /* that it is made for; one that takes more formats, if there is */
};

struct floppy {
	enum floppy_kind kind;
	const struct floppy_format *format; /* NULL: no disk */
	struct medium medium;
	uint8_t cylinder; /* where the heads are */
	uint8_t under;    /* sectors that have passed since the index hole */
	bool changed;     /* no step since the disk was put in */
};

/* The format of an image of so many bytes in a drive of this kind (FLOPPY_NONE: any); NULL: the drive
 * takes no such.  Whole sectors of no format's size are a part of a disk: of the one whose sectors
 * its boot record counts; else (0) of the largest that the drive takes, as a kernel that is appended to a
 * boot record is read in one go, for which the longest tracks are best. */
const struct floppy_format *floppy_format_of(enum floppy_kind kind, uint64_t bytes,
                                             unsigned sectors);

/* The sectors of a disk by its first, whose BPB describes a format; 0: it does not. */
unsigned floppy_sectors_of(const uint8_t *boot);

/* A disk that the drive takes; NULL: it is taken out. */
void floppy_insert(struct floppy *f, const struct medium *m);

/* The rate at which the disk is read here. */
enum floppy_rate floppy_rate_of(const struct floppy *f);

/* Moves the heads by so many cylinders; they stop at both ends. */
void floppy_step(struct floppy *f, int cylinders);

/* The cylinder number in the IDs under the heads, or -1: no track of the disk's. */
int floppy_track(const struct floppy *f, unsigned head);

/* The number of the next sector, which passes. */
uint8_t floppy_next(struct floppy *f);

/* Sector 1 to last on the track under this head, which is there, to or from the bytes of io, which is
 * then done.  What lies beyond the image's end reads as zeros, and is not written: -ENOSPC. */
void floppy_read(struct floppy *f, unsigned head, unsigned sector, struct medium_io *io);
void floppy_write(struct floppy *f, unsigned head, unsigned sector, struct medium_io *io);

#endif
