/* A socket with many callers at once, each of whom is a stream. */
#ifndef UNRING_HOST_CALLERS_H
#define UNRING_HOST_CALLERS_H

#include "host/stream.h"

struct callers;

/* Listens at path, by the broker, for the socket's owner alone.  on_call: somebody has called; the
 * stream is the callee's from there on.  0 or a negative errno. */
int callers_open(struct callers **out, const char *path, const struct stream_host *h, void *ctx,
                 void (*on_call)(void *ctx, struct stream *s));
void callers_close(struct callers *c);

#endif
