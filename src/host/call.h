/* Talks to a socket at a path, waiting for each answer: for programs that do nothing else. */
#ifndef UNRING_HOST_CALL_H
#define UNRING_HOST_CALL_H

#include "base/types.h"

#include <stddef.h>

/* A socket that is connected, or a negative errno. */
int call_open(const char *path);
/* Sends all of it, and with its first byte a descriptor (-1: none).  0 or a negative errno. */
int call_send(int fd, const void *bytes, size_t n, int file);
/* What has come, most bytes at most: how many, 0 at the end, or a negative errno; -EAGAIN
 * when nothing has come in timeout_ms (-1: for ever). */
long call_receive(int fd, void *to, size_t most, int timeout_ms);

#endif
