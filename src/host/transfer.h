/* Bytes of a file at a place. */
#ifndef UNRING_HOST_TRANSFER_H
#define UNRING_HOST_TRANSFER_H

#include "base/types.h"

#include <stddef.h>

/* All n bytes: 0; or a negative errno. -EIO: the file ends before. */
int host_transfer(int fd, uint64_t at, void *bytes, size_t n, bool write);

/* Reads what there is without waiting for a disk: how many bytes, or a negative errno. */
long host_read_cached(int fd, uint64_t at, void *dst, size_t n);

#endif
