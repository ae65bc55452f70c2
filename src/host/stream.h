/* A stream of bytes to and from the host: standard streams, a file, a socket that is listened
 * at, connected to, or inherited.  Nobody waits for its far end: output is kept in a ring and
 * goes out as it is taken, from the event loop.
 *
 *   stream_room()   false: more than STREAM_ROOM bytes wait; a writer who looks stops here,
 *                   and on_room tells when to go on
 *   stream_put()    takes what comes all the same, up to STREAM_RING bytes.  Beyond that the
 *                   writer, who does not look, is held until the reader takes some, a second
 *                   at most; then bytes are lost until the reader reads again
 *
 * The caller of a socket, who may be gone for the day, has a second to take anything: then
 * there is room until he reads again, and what finds the ring full is lost. */
#ifndef UNRING_HOST_STREAM_H
#define UNRING_HOST_STREAM_H

#include "host/loop.h"
#include "host/stream_spec.h"

enum {
	STREAM_RING = 1 << 20,
	STREAM_ROOM = 1 << 16,
	STREAM_CHUNK = 4096, /* goes out at once; less, when stream_flush() is called */
};

struct stream;

/* What it needs of the run, for its whole life. */
struct stream_host {
	struct loop *loop;
	const volatile sig_atomic_t *give_up; /* ends each wait */
	void *ctx;
	/* The first write that failed; -ENOBUFS: the first byte that was lost.  NULL, and for
	 * callers who come and go: nobody need know. */
	void (*failed)(void *ctx, const struct stream *s, int err);
};

/* Who reads it, and writes with care.  All are called from the loop, on_room from
 * stream_flush() and stream_put() too; each may be NULL. */
struct stream_client {
	void *ctx;
	void (*on_open)(void *ctx);  /* somebody has called */
	void (*on_input)(void *ctx); /* stream_read() has some */
	void (*on_room)(void *ctx);  /* there is room again */
	void (*on_close)(void *ctx); /* the input is at its end; a caller has gone, and the next is
	                              * listened for */
};

/* in and out are open, or -1; they are closed with it, but for the standard ones. */
struct stream *stream_create(int in, int out, const struct stream_host *h);

/* Opens, by the broker, STREAM_UNIX and TCP, which listen, STREAM_CONNECT_UNIX and CONNECT_TCP,
 * and STREAM_FD, which was kept with broker_keep().  The rights are a new socket's, less the
 * umask.  0 or a negative errno. */
int stream_open(struct stream **out, const struct stream_spec *where, unsigned rights,
                const struct stream_host *h);
/* One of many callers (callers.h), who may send descriptors along. */
struct stream *stream_of_caller(int fd, const struct stream_host *h);
void stream_close(struct stream *s);

/* From here on its input is listened for. */
void stream_attach(struct stream *s, struct stream_client c);

/* Is the input a terminal? */
bool stream_is_terminal(const struct stream *s);
/* Where it listens; 0: at no port. */
uint16_t stream_port(const struct stream *s);
/* Is anybody there to read? */
bool stream_has_reader(const struct stream *s);

/* What has come, most bytes at most; 0: nothing, or the end. */
size_t stream_read(struct stream *s, void *to, size_t most);
/* The descriptor that came last with what was read, from here on the reader's; -1: none. */
int stream_take_file(struct stream *s);
/* Stops and resumes on_input: for a reader with no room. */
void stream_pause(struct stream *s, bool paused);

bool stream_room(const struct stream *s);
void stream_put(struct stream *s, uint8_t byte);
void stream_write(struct stream *s, const void *bytes, size_t n);
/* Sends what is taken now. */
void stream_flush(struct stream *s);
/* Is there something that flushes must come for, by the clock? */
bool stream_wants_polls(const struct stream *s);

/* Hangs up on a caller, as if he had; not from on_input. */
void stream_hang_up(struct stream *s);
/* The run ends: nobody is waited for any longer than a second. */
void stream_hurry(struct stream *s);
/* Sends all, and waits for the reader as the above says.  The loop goes on meanwhile. */
void stream_drain(struct stream *s);

#endif
