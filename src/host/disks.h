/* The process that does for drives what may keep the host waiting.  It shares the descriptors, and
 * of memory a room for each drive, which bytes are copied to and from; it sees nothing of the guest.
 * Each drive asks for one thing at a time. */
#ifndef UNRING_HOST_DISKS_H
#define UNRING_HOST_DISKS_H

#include "host/loop.h"

enum { DISKS_DRIVES = 8, DISKS_ROOM = 256 << 10 };

/* The descriptor is a file's, or, of the last three, a program's that serves the drive (served.h).  What is
 * written is in the room. */
enum disks_op {
	DISKS_READ,
	DISKS_FLUSH,
	DISKS_SERVED_READ,
	DISKS_SERVED_WRITE,
	DISKS_SERVED_FLUSH
};

struct disks;

/* Starts it.  The drives' descriptors are there already, so that its fence can name them. 0 or a
 * negative errno. */
int disks_create(struct disks **out, struct loop *l);
/* What is asked for is dropped. */
void disks_destroy(struct disks *d);

/* A drive of its own; done is called from the loop, with 0 or a negative errno. */
unsigned disks_join(struct disks *d, void *ctx, void (*done)(void *ctx, int err));

/* False: it was killed, which one line has told. */
bool disks_lives(const struct disks *d);

/* Asks for n bytes from there on, DISKS_ROOM at most, which will be in the drive's room. */
void disks_ask(struct disks *d, unsigned drive, enum disks_op op, int fd, uint64_t at, size_t n);
void *disks_room(struct disks *d, unsigned drive);
/* Returns when done has been called for what is asked for, if anything is. */
void disks_wait(struct disks *d, unsigned drive);

#endif
