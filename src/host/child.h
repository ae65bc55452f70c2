/* A short-lived child process made from a program in memory. */
#ifndef UNRING_HOST_CHILD_H
#define UNRING_HOST_CHILD_H

#include "base/types.h"

/* Runs the static ELF program at image with no arguments and no input; reads
 * what it writes to its standard output, at most size bytes.  Returns their number,
 * or a negative errno: the host cannot run it, it ended badly, or it took
 * longer than timeout_ms (and was killed). */
int child_run(const void *image, size_t image_size, int timeout_ms, char *out, size_t size);

#endif
