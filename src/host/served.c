#define _GNU_SOURCE
#include "host/served.h"

#include "host/broker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LET_GO_MS = 5000 };

static int say(int fd, const void *message, size_t n)
{
	ssize_t sent;
	while ((sent = send(fd, message, n, MSG_NOSIGNAL)) < 0 && errno == EINTR)
		;
	return sent < 0 ? -errno : 0;
}

/* How many bytes came, or a negative errno. -EPIPE: it has ended. */
static long hear(int fd, void *message, size_t n)
{
	ssize_t got;
	while ((got = recv(fd, message, n, 0)) < 0 && errno == EINTR)
		;
	return got < 0 ? -errno : got ? got : -EPIPE;
}

bool served_is_address(const char *name)
{
	return !strncmp(name, "nbd:", 4) || !strncmp(name, "nbd+unix:", 9);
}

int served_open(const struct served_source *s, struct served_export *e)
{
	*e = (struct served_export){0};
	int fd = broker_start_program("unring-nbd");
	if (fd < 0)
		return fd;
	int err = say(fd, s, sizeof *s);
	long got = err ? err : hear(fd, e, sizeof *e);
	if (got == sizeof *e && e->bytes)
		return fd;
	close(fd);
	e->why[sizeof e->why - 1] = 0;
	return got < 0 ? (int)got : -EIO;
}

static int do_some(int fd, enum served_op op, uint64_t at, uint8_t *bytes, size_t n)
{
	/* The process of the guest and the one for disks have these each, and one thread. */
	static struct served_request r;
	static struct served_answer a;
	size_t there = offsetof(struct served_request, bytes);
	size_t back = offsetof(struct served_answer, bytes);
	r.op = op;
	r.n = (uint32_t)n;
	r.at = at;
	if (bytes && op == SERVED_WRITE)
		memcpy(r.bytes, bytes, n);
	int err = say(fd, &r, there + (op == SERVED_WRITE ? n : 0));
	long got = err ? err : hear(fd, &a, sizeof a);
	if (got < 0)
		return -EIO;
	if ((size_t)got < back || (!a.err && op == SERVED_READ && (size_t)got != back + n))
		return -EPROTO;
	if (!a.err && bytes && op == SERVED_READ)
		memcpy(bytes, a.bytes, n);
	return a.err;
}

int served_do(int fd, enum served_op op, uint64_t at, void *bytes, size_t n)
{
	size_t done = 0;
	int err;
	do {
		size_t some = n - done < SERVED_ROOM ? n - done : SERVED_ROOM;
		err = do_some(fd, op, at + done, bytes ? (uint8_t *)bytes + done : NULL, some);
		done += some;
	} while (!err && done < n);
	return err;
}

void served_end(int fd)
{
	struct served_request r = {.op = SERVED_END};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (!say(fd, &r, offsetof(struct served_request, bytes)))
		poll(&p, 1, LET_GO_MS);
}
