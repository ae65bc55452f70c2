/* The callers of a socket, whom the front (front.h) answers: each is a stream of its messages. */
#ifndef UNRING_HOST_CALLERS_H
#define UNRING_HOST_CALLERS_H

#include "host/front.h"
#include "host/stream.h"

struct callers;

/* on_call: somebody has called; the stream is the callee's from there on.  That the front was
 * killed, one line tells.  0 or a negative errno. */
int callers_open(struct callers **out, struct front_link front, const struct stream_host *h,
                 void *ctx, void (*on_call)(void *ctx, struct stream *s));
void callers_close(struct callers *c);

/* A message of a caller's as it comes, piece by piece. */
struct callers_message {
	struct front_head head;
	char *bytes;
	size_t have; /* with the head */
};

enum callers_result {
	CALLERS_MORE,  /* all is consumed, and nothing complete */
	CALLERS_WHOLE, /* until the next call */
	CALLERS_BAD,   /* longer than most */
};

enum callers_result callers_take(struct callers_message *m, size_t most, const char **at,
                                 const char *end);
void callers_forget(struct callers_message *m);

#endif
