/* Preloaded into a VMM: notes what reaches the host of what a guest writes to its disks, and its
 * flushes, in the order in which they come.
 *
 * The file that UNRING_RECORD names is mapped before main(), so that no fence sees a call more. It
 * begins with how many bytes of it are used; then come struct record and the bytes of writes, each at
 * a multiple of 8. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum op { WRITTEN, FLUSH_BEGINS, FLUSH_ENDS };

struct record {
	uint32_t op, fd;
	uint64_t at, n;
	uint8_t bytes[];
};

static uint8_t *record;
static uint64_t room;

__attribute__((constructor)) static void map_record(void)
{
	const char *path = getenv("UNRING_RECORD");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct stat st;
	if (fd < 0 || fstat(fd, &st))
		abort();
	room = (uint64_t)st.st_size;
	record = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (record == MAP_FAILED)
		abort();
	close(fd);
}

static void note(enum op op, int fd, uint64_t at, const void *bytes, uint64_t n)
{
	uint64_t all = (sizeof(struct record) + n + 7) & ~7ull;
	uint64_t from = __atomic_fetch_add((uint64_t *)record, all, __ATOMIC_ACQ_REL);
	if (from + all > room)
		abort();
	struct record *r = (struct record *)(record + from);
	*r = (struct record){op, (uint32_t)fd, at, n};
	if (n)
		memcpy(r->bytes, bytes, n);
}

/* Each makes the call that it stands for: a fence may permit no other. */
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	ssize_t done = syscall(SYS_pwrite64, fd, bytes, n, at);
	if (done > 0)
		note(WRITTEN, fd, (uint64_t)at, bytes, (uint64_t)done);
	return done;
}

ssize_t pwritev(int fd, const struct iovec *v, int count, off_t at)
{
	ssize_t done = syscall(SYS_pwritev, fd, v, count, at, 0);
	for (ssize_t left = done; left > 0; left -= (ssize_t)v++->iov_len) {
		uint64_t n = v->iov_len < (size_t)left ? v->iov_len : (size_t)left;
		note(WRITTEN, fd, (uint64_t)at, v->iov_base, n);
		at += (off_t)n;
	}
	return done;
}

/* By the names that programs for large files use. */
ssize_t pwrite64(int, const void *, size_t, off_t) __attribute__((alias("pwrite")));
ssize_t pwritev64(int, const struct iovec *, int, off_t) __attribute__((alias("pwritev")));

int fdatasync(int fd)
{
	note(FLUSH_BEGINS, fd, 0, NULL, 0);
	int err = (int)syscall(SYS_fdatasync, fd);
	if (!err)
		note(FLUSH_ENDS, fd, 0, NULL, 0);
	return err;
}
