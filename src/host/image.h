/* Disk images: files, or the host's own disks, whose bytes are a medium's, locked while they are in a
 * drive.  A drive
 * has one descriptor from its creation on, so that a fence can permit what is done to it; what is
 * put in later takes its place. */
#ifndef UNRING_HOST_IMAGE_H
#define UNRING_HOST_IMAGE_H

#include "base/types.h"

#include <stddef.h>

struct disks;
struct image;

/* An empty drive; before the fence.  0 or a negative errno. */
int image_create(struct image **out);
/* Jobs that wait are told -ECANCELED: a read that nobody needs, or a flush of what the host has. */
void image_destroy(struct image *i);
/* From here on jobs that may have to wait for the host are done by the process for disks. */
void image_share(struct image *i, struct disks *d);

struct image_use {
	bool readonly; /* stores fail, and others may read it as well */
	bool snapshot; /* what is stored is kept in memory, and gone with the image */
	bool devices;  /* block devices will do, too */
	uint64_t most; /* bytes */
};

/* A plain file of whole sectors of 512 bytes is put in, in the place of what is there; on failure
 * the drive is as it was.  -EISDIR, -EINVAL: it is no plain file; -EAGAIN: another has it in use
 * (so that its stores and this one's would mix), or the host has it mounted; -ENODATA: it is empty; -EDOM: it is no whole number
 * of sectors; -EFBIG: it has more than most bytes; or another negative errno. */
int image_open(struct image *i, const char *path, struct image_use use);
/* The same of an open file, whose descriptor is the image's from here on, whatever comes of it. */
int image_take(struct image *i, int fd, struct image_use use);
/* What a program serves (served.h). */
struct image_served {
	const char *format; /* of the file, by qemu-nbd's name; NULL: it is an address of NBD */
	const char *name;
};
/* It is put into an empty drive, before the broker is sealed.  0 or a negative errno; then why, which has
 * room for SERVED_WHY characters, is empty or tells more. */
int image_connect(struct image *i, const struct image_served *from, struct image_use use,
                  char *why);
void image_eject(struct image *i);

/* 0: none is in. */
uint64_t image_bytes(const struct image *i);
bool image_readonly(const struct image *i);
/* Of the file that is in, to compare it by; -1: none. */
int image_file(const struct image *i);

/* All of n bytes within the image; a flush: what was written before outlives the host. */
enum image_op { IMAGE_READ, IMAGE_WRITE, IMAGE_FLUSH };
struct image_job {
	enum image_op op;
	uint64_t at;
	void *bytes;
	size_t n;
	void *ctx;
	/* 0, or a negative errno.  The job is the caller's again. */
	void (*done)(void *ctx, int err);
	/* the image's */
	size_t progress;
	struct image_job *next;
};

/* Jobs are done in their order.  Done is called before it returns, where the host has the bytes at
 * hand; else from the loop. */
void image_submit(struct image *i, struct image_job *job);
/* Returns when all are done.  An image that makes place for another is settled first. */
void image_settle(struct image *i);

/* The same without a job, of an image that has none. */
int image_read(struct image *i, uint64_t at, void *dst, size_t n);
int image_write(struct image *i, uint64_t at, const void *src, size_t n);
int image_flush(struct image *i);

#endif
