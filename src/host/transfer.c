#define _GNU_SOURCE
#include "host/transfer.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

/* Some calls transfer less than they were asked for. */
int host_transfer(int fd, uint64_t at, void *bytes, size_t n, bool write)
{
	uint8_t *p = bytes;
	while (n) {
		ssize_t done = write ? pwrite(fd, p, n, (off_t)at) : pread(fd, p, n, (off_t)at);
		if (!done) /* somebody has made the file shorter */
			return -EIO;
		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			p += done;
			at += (uint64_t)done;
			n -= (size_t)done;
		}
	}
	return 0;
}

long host_read_cached(int fd, uint64_t at, void *dst, size_t n)
{
	struct iovec to = {dst, n};
	ssize_t got = preadv2(fd, &to, 1, (off_t)at, RWF_NOWAIT);
	return got < 0 ? -errno : got;
}
