#define _GNU_SOURCE
#include "host/stream.h"

#include "base/log.h"
#include "host/broker.h"
#include "host/clock.h"
#include "host/fence.h"
#include "host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MS = 1000000, PATIENCE_MS = 1000 };

struct stream {
	struct stream_host host;
	struct stream_client client;
	int listener, in, out; /* -1: none */
	uint16_t port;         /* where it listens; 0: at none */
	bool socket;           /* in and out are one */
	bool terminal;         /* in is */
	bool by_byte;          /* more at once may wait in write() */
	bool impatient;        /* its reader has a second */
	bool takes_files;      /* descriptors come with the bytes */
	int file;              /* the last that came; -1: none */

	bool attached, paused;
	bool serving; /* in on_input */
	bool ended;   /* to be closed after it */

	bool broken;          /* a write failed: output is lost */
	bool blocked;         /* the reader takes nothing now; the loop tells when he does */
	bool full;            /* more than STREAM_ROOM, and not yet half of it again */
	bool stalled;         /* he was waited for in vain, until he takes something */
	bool told;            /* of the first byte that was lost */
	uint64_t progress_ns; /* when he took something last, or the first byte came */
	size_t head, used;
	uint8_t *ring;
};

static void on_ready(void *ctx, unsigned ready);

static void close_own(int fd)
{
	if (fd > STDERR_FILENO)
		close(fd);
}

/* --- what the loop watches --- */

static void watch(struct stream *s)
{
	unsigned read = s->attached && !s->paused ? LOOP_READ : 0;
	unsigned write = s->blocked ? LOOP_WRITE : 0;
	if (s->in == s->out) {
		loop_set(s->host.loop, s->in, read | write);
	} else {
		loop_set(s->host.loop, s->in, read);
		loop_set(s->host.loop, s->out, write);
	}
}

static void add(struct stream *s)
{
	if (s->in >= 0)
		loop_add(s->host.loop, s->in, 0, on_ready, s);
	if (s->out >= 0 && s->out != s->in)
		loop_add(s->host.loop, s->out, 0, on_ready, s);
	watch(s);
}

/* --- output --- */

static void tell_room(struct stream *s)
{
	s->full = false;
	if (s->client.on_room)
		s->client.on_room(s->client.ctx);
}

static void drop_output(struct stream *s)
{
	s->head = s->used = 0;
	s->blocked = s->stalled = false;
	if (s->full)
		tell_room(s);
}

static void failed(struct stream *s, int err)
{
	if (s->host.failed && !s->told && s->listener < 0)
		s->host.failed(s->host.ctx, s, err);
	s->told = true;
}

/* A part of the ring; did any go?  A standard stream is shared with other programs, so that
 * it cannot be made not to block: what is ready takes a chunk (pipe(7), PIPE_BUF). */
static bool send_some(struct stream *s)
{
	const uint8_t *from = s->ring + s->head;
	size_t n = s->used < STREAM_RING - s->head ? s->used : STREAM_RING - s->head;
	size_t most = s->by_byte ? 1 : STREAM_CHUNK;
	struct pollfd p = {s->out, POLLOUT, 0};
	ssize_t done;
	if (s->socket)
		done = send(s->out, from, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	else if (host_poll(&p, 1, 0, NULL))
		done = write(s->out, from, n < most ? n : most);
	else
		return false;
	if (done < 0 && errno != EINTR && errno != EAGAIN) {
		s->broken = true;
		failed(s, -errno);
	}
	if (done <= 0)
		return false;
	s->used -= (size_t)done;
	s->head = s->used ? (s->head + (size_t)done) % STREAM_RING : 0;
	s->stalled = false;
	s->progress_ns = host_monotonic_ns();
	return true;
}

static uint64_t ms_since(uint64_t ns)
{
	return (host_monotonic_ns() - ns) / MS;
}

void stream_flush(struct stream *s)
{
	if (!s->used)
		return;
	while (s->used && send_some(s))
		;
	if (s->broken) {
		drop_output(s);
	} else {
		s->blocked = s->used;
		if (s->blocked && s->impatient && ms_since(s->progress_ns) >= PATIENCE_MS)
			s->stalled = true;
		if (s->full && (s->used <= STREAM_ROOM / 2 || (s->impatient && s->stalled)))
			tell_room(s);
	}
	watch(s);
}

bool stream_room(const struct stream *s)
{
	return !s->full;
}

/* The writer does not look whether there is room. */
static bool hold(struct stream *s)
{
	uint64_t begin = host_monotonic_ns();
	stream_flush(s);
	while (s->used == STREAM_RING && !s->stalled) {
		struct pollfd p = {s->out, POLLOUT, 0};
		uint64_t ms = ms_since(begin);
		if (ms >= PATIENCE_MS ||
		    !host_poll(&p, 1, (int)(PATIENCE_MS - ms), s->host.give_up))
			s->stalled = true;
		stream_flush(s);
	}
	return s->used < STREAM_RING && !s->broken;
}

void stream_put(struct stream *s, uint8_t byte)
{
	if (!stream_has_reader(s))
		return;
	if (s->used == STREAM_RING && !hold(s)) {
		failed(s, -ENOBUFS);
		return;
	}
	if (!s->used)
		s->progress_ns = host_monotonic_ns();
	s->ring[(s->head + s->used++) % STREAM_RING] = byte;
	if (s->used > STREAM_ROOM && !(s->impatient && s->stalled))
		s->full = true;
	if (s->used >= STREAM_CHUNK && !s->blocked)
		stream_flush(s);
}

void stream_write(struct stream *s, const void *bytes, size_t n)
{
	for (const uint8_t *p = bytes; n--; p++)
		stream_put(s, *p);
}

bool stream_has_reader(const struct stream *s)
{
	return s->out >= 0 && !s->broken;
}

bool stream_wants_polls(const struct stream *s)
{
	return s->used && (!s->blocked || (s->full && s->impatient));
}

void stream_hurry(struct stream *s)
{
	s->impatient = true;
}

void stream_drain(struct stream *s)
{
	uint64_t begin = host_monotonic_ns();
	for (;;) {
		stream_flush(s);
		uint64_t ms = ms_since(begin > s->progress_ns ? begin : s->progress_ns);
		if (!s->used || *s->host.give_up || (s->impatient && ms >= PATIENCE_MS))
			break;
		loop_wait(s->host.loop, s->impatient ? (int)(PATIENCE_MS - ms) : -1,
		          s->host.give_up);
	}
	drop_output(s);
}

/* --- input --- */

static void listen_again(struct stream *s);

static void end_input(struct stream *s)
{
	s->ended = false;
	loop_remove(s->host.loop, s->in);
	if (s->socket) {
		close(s->in);
		s->out = -1;
		drop_output(s);
	} else if (s->in == s->out) {
		loop_add(s->host.loop, s->out, 0, on_ready, s);
	} else {
		close_own(s->in);
	}
	s->in = -1;
	watch(s);
	if (s->listener >= 0)
		listen_again(s);
	if (s->client.on_close)
		s->client.on_close(s->client.ctx);
}

/* What does not fit into the room for one descriptor, the kernel closes. */
static ssize_t receive(struct stream *s, void *to, size_t most)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room;
	struct iovec v = {to, most};
	struct msghdr h = {.msg_iov = &v,
	                   .msg_iovlen = 1,
	                   .msg_control = room.bytes,
	                   .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t n = recvmsg(s->in, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int))) {
		close_own(s->file);
		memcpy(&s->file, CMSG_DATA(c), sizeof s->file);
	}
	return n;
}

int stream_take_file(struct stream *s)
{
	int fd = s->file;
	s->file = -1;
	return fd;
}

size_t stream_read(struct stream *s, void *to, size_t most)
{
	if (s->in < 0 || !most)
		return 0;
	ssize_t n = s->takes_files ? receive(s, to, most)
	            : s->socket    ? recv(s->in, to, most, MSG_DONTWAIT)
	                           : read(s->in, to, most);
	if (!n || (n < 0 && errno != EINTR && errno != EAGAIN))
		s->ended = true;
	return n > 0 ? (size_t)n : 0;
}

static void on_ready(void *ctx, unsigned ready)
{
	struct stream *s = ctx;
	if (ready & LOOP_WRITE)
		stream_flush(s);
	if (!(ready & LOOP_READ) || s->in < 0 || s->paused)
		return;
	s->serving = true;
	s->client.on_input(s->client.ctx);
	s->serving = false;
	if (s->ended)
		end_input(s);
}

void stream_hang_up(struct stream *s)
{
	if (s->serving)
		s->ended = true;
	else if (s->in >= 0)
		end_input(s);
}

void stream_pause(struct stream *s, bool paused)
{
	s->paused = paused;
	watch(s);
}

void stream_attach(struct stream *s, struct stream_client c)
{
	s->client = c;
	s->attached = true;
	watch(s);
	if (s->listener >= 0)
		listen_again(s);
}

bool stream_is_terminal(const struct stream *s)
{
	return s->terminal;
}

/* --- callers, one at a time --- */

static void on_call(void *ctx, unsigned ready)
{
	struct stream *s = ctx;
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (s->port) /* each packet waits for the answer to the one before */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	loop_remove(s->host.loop, s->listener);
	s->in = s->out = fd;
	s->broken = false;
	add(s);
	if (s->client.on_open)
		s->client.on_open(s->client.ctx);
}

static void listen_again(struct stream *s)
{
	loop_add(s->host.loop, s->listener, LOOP_READ, on_call, s);
}

/* --- life --- */

static struct stream *create(const struct stream_host *h)
{
	struct stream *s = calloc(1, sizeof *s);
	CHECK(s);
	s->host = *h;
	s->in = s->out = s->listener = s->file = -1;
	s->ring = malloc(STREAM_RING); /* taken as it is used */
	CHECK(s->ring);
	return s;
}

static bool is_socket(int fd)
{
	struct stat st;
	return fd >= 0 && !fstat(fd, &st) && S_ISSOCK(st.st_mode);
}

/* A terminal takes a part of a write, and lets the rest wait: it is opened anew, so as not to
 * block.  One that is another user's may be written to, and not opened. */
static void open_anew(struct stream *s)
{
	char path[40];
	snprintf(path, sizeof path, "/proc/self/fd/%d", s->out);
	int fd = broker_open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK);
	s->by_byte = fd < 0;
	if (fd < 0)
		return;
	if (s->out != s->in)
		close_own(s->out);
	s->out = fd;
}

struct stream *stream_create(int in, int out, const struct stream_host *h)
{
	struct stream *s = create(h);
	s->in = in;
	s->out = out;
	s->terminal = in >= 0 && isatty(in);
	s->socket = in == out && is_socket(in);
	if (s->socket)
		fence_grant(GRANT_SOCKET, (uint64_t)in, 0);
	else if (out >= 0 && isatty(out))
		open_anew(s);
	add(s);
	return s;
}

struct stream *stream_of_caller(int fd, const struct stream_host *h)
{
	struct stream *s = create(h);
	s->in = s->out = fd;
	s->socket = s->impatient = s->takes_files = true;
	add(s);
	return s;
}

/* The descriptor, or a negative errno. */
static int inherited(int fd)
{
	struct stat st;
	if (fstat(fd, &st) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	return S_ISDIR(st.st_mode) ? -EISDIR : fd;
}

/* Its descriptor, or a negative errno. */
static int open_spec(const struct stream_spec *where, unsigned rights)
{
	switch (where->kind) {
	case STREAM_UNIX:
		return broker_listen_unix(where->path, rights);
	case STREAM_TCP:
		return broker_listen_tcp("127.0.0.1", (uint16_t)where->number);
	case STREAM_CONNECT_UNIX:
		return broker_connect_unix(where->path);
	case STREAM_CONNECT_TCP:
		return broker_connect_local((uint16_t)where->number);
	case STREAM_FD:
		return inherited(where->number);
	default:
		return -EINVAL;
	}
}

static uint16_t local_port(int listener)
{
	struct sockaddr_in a = {0};
	socklen_t size = sizeof a;
	bool known = !getsockname(listener, (struct sockaddr *)&a, &size);
	return known && a.sin_family == AF_INET ? ntohs(a.sin_port) : 0;
}

int stream_open(struct stream **out, const struct stream_spec *where, unsigned rights,
                const struct stream_host *h)
{
	int fd = open_spec(where, rights);
	if (fd < 0)
		return fd;
	struct stream *s;
	if (where->kind == STREAM_UNIX || where->kind == STREAM_TCP) {
		s = create(h);
		s->socket = true;
		s->listener = fd;
		s->port = local_port(fd);
		fence_grant(GRANT_LISTENER, (uint64_t)fd, 0);
	} else {
		int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
		s = stream_create(mode == O_WRONLY ? -1 : fd, mode == O_RDONLY ? -1 : fd, h);
	}
	s->impatient = s->socket;
	*out = s;
	return 0;
}

uint16_t stream_port(const struct stream *s)
{
	return s->port;
}

static void shut(struct stream *s, int fd)
{
	if (fd < 0)
		return;
	loop_remove(s->host.loop, fd);
	close_own(fd);
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	shut(s, s->in);
	if (s->out != s->in)
		shut(s, s->out);
	shut(s, s->listener);
	close_own(s->file);
	free(s->ring);
	free(s);
}
