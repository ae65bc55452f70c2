/* A disk that a program of its own serves, unring-nbd (tools/nbd.c): another host's by NBD, or a file of a
 * format that qemu-nbd knows.  The process of the guest has a socket of that program's and links
 * nothing of what it does.  One message there and one back; the first says what is to be served. */
#ifndef UNRING_HOST_SERVED_H
#define UNRING_HOST_SERVED_H

#include "base/types.h"

#include <limits.h>
#include <stddef.h>

/* Bytes of one message, and of what is said of a failure. */
enum { SERVED_ROOM = 64 << 10, SERVED_WHY = 200 };

/* What is to be served. */
struct served_source {
	char format[16]; /* by qemu-nbd's name for it; empty: name is an address of NBD */
	char name[PATH_MAX];
	bool readonly;
};

/* The answer to it. */
struct served_export {
	uint64_t bytes; /* 0: it is not served, and why tells */
	char why[SERVED_WHY];
};

enum served_op { SERVED_READ, SERVED_WRITE, SERVED_FLUSH, SERVED_END };

struct served_request {
	enum served_op op;
	uint32_t n;
	uint64_t at;
	uint8_t bytes[SERVED_ROOM]; /* of a write */
};

struct served_answer {
	int32_t err;                /* 0 or a negative errno */
	uint8_t bytes[SERVED_ROOM]; /* of a read */
};

/* Is this an address of NBD, and no file? */
bool served_is_address(const char *name);

/* Starts the program, before the broker is sealed: its socket, or a negative errno; then e->why is empty, or
 * tells more. */
int served_open(const struct served_source *s, struct served_export *e);

/* Returns when it is done: 0 or a negative errno. */
int served_do(int fd, enum served_op op, uint64_t at, void *bytes, size_t n);

/* Returns when the program has let go of what it serves, or takes too long. */
void served_end(int fd);

#endif
