/* What lies in a drive: so many bytes of the host's, which requests read, write and flush. */
#ifndef UNRING_DEVICES_MEDIUM_H
#define UNRING_DEVICES_MEDIUM_H

#include "base/types.h"

/* A flush is done when all that was written before it outlives the host. */
enum medium_op { MEDIUM_READ, MEDIUM_WRITE, MEDIUM_FLUSH };

/* It is the medium's until done is called, and so are the bytes. */
struct medium_request {
	enum medium_op op;
	uint64_t at; /* no byte lies beyond the medium's end */
	void *bytes;
	size_t n;
	void *ctx;
	/* 0: all of it is done; or a negative errno, which the device tells its guest as it can. */
	void (*done)(void *ctx, int err);
};

struct medium {
	void *ctx;
	uint64_t bytes;
	bool readonly;
	/* Calls done once, before it returns or later.  Requests are carried out in their order. */
	void (*submit)(void *ctx, struct medium_request *r);
	uint16_t sectors; /* that its boot record says the floppy has; 0: it does not say */
};

/* A request with bytes of its own. */
struct medium_io {
	struct medium_request request;
	void *owner; /* NULL: it has been dropped */
	void (*done)(void *owner, int err);
	bool running;
	uint8_t bytes[];
};
struct medium_io *medium_io_create(size_t bytes, void *owner, void (*done)(void *owner, int err));
/* Of the request op, at and n are set. */
void medium_io_submit(struct medium_io *io, const struct medium *m);
/* Its owner, which may not have been told yet, will not be: it goes as soon as the medium lets go of
 * it. */
void medium_io_drop(struct medium_io *io);

#endif
