/* A channel between two processes of unring: messages that stay whole, with descriptors beside
 * them, and that nobody waits for. */
#ifndef UNRING_HOST_CHANNEL_H
#define UNRING_HOST_CHANNEL_H

#include "base/types.h"

#include <stddef.h>

enum { CHANNEL_FILES = 4 }; /* that go with a message at most */

/* Sends a message, and copies of these descriptors.  0, -EAGAIN where there is no room, or another
 * negative errno. */
int channel_send(int fd, const void *bytes, size_t n, const int *files, unsigned n_files);
/* The next message, of n bytes at most: how many, 0 at the end; -EAGAIN where there is none. */
long channel_receive(int fd, void *to, size_t n);
/* Waits for the next message, and takes its descriptors; those that did not come are -1. */
long channel_wait(int fd, void *to, size_t n, int files[CHANNEL_FILES]);
/* From now on this process may use it behind its fence. */
void channel_grant(int fd);
void channel_close(int fd);

#endif
