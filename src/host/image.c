#define _GNU_SOURCE
#include "host/image.h"

#include "host/broker.h"
#include "host/fence.h"
#include "host/file.h"
#include "host/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SECTOR = 512, BLOCK = 4096 };

/* Of a snapshot: blocks that were stored to, and a bit for each that says which they are. */
struct overlay {
	uint8_t *copy, *stored; /* NULL: there is none */
	size_t bytes;
};

struct image {
	int fd;    /* the drive's */
	int empty; /* what it is while nothing is in */
	uint64_t bytes;
	bool readonly;
	struct overlay overlay;
};

int image_create(struct image **out)
{
	struct image *i = calloc(1, sizeof *i);
	if (!i)
		return -ENOMEM;
	i->empty = host_mem_file("unring-no-medium", BLOCK);
	i->fd = i->empty < 0 ? -1 : fcntl(i->empty, F_DUPFD_CLOEXEC, 3);
	if (i->fd < 0) {
		int err = i->empty < 0 ? i->empty : -errno;
		free(i);
		return err;
	}
	fence_grant(GRANT_MEDIUM, (uint64_t)i->fd, 0);
	*out = i;
	return 0;
}

static size_t blocks(uint64_t bytes)
{
	return (size_t)((bytes + BLOCK - 1) / BLOCK);
}

static void overlay_free(struct overlay *o)
{
	if (o->copy)
		host_mem_release(o->copy, o->bytes);
	free(o->stored);
	*o = (struct overlay){0};
}

static void forget(struct image *i)
{
	overlay_free(&i->overlay);
	i->bytes = 0;
	i->readonly = false;
}

void image_eject(struct image *i)
{
	forget(i);
	dup3(i->empty, i->fd, O_CLOEXEC);
}

void image_destroy(struct image *i)
{
	if (!i)
		return;
	forget(i);
	close(i->fd);
	close(i->empty);
	free(i);
}

static int look(int fd, const struct image_use *use, uint64_t *bytes)
{
	struct stat st;
	/* libc's fstat() is another call, which can name files as well: no fence permits it. */
	if (syscall(SYS_fstat, fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	bool device = S_ISBLK(st.st_mode) && use->devices;
	if (!S_ISREG(st.st_mode) && !device)
		return -EINVAL;
	off_t end = device ? lseek(fd, 0, SEEK_END) : st.st_size;
	if (end < 0)
		return -errno;
	*bytes = (uint64_t)end;
	return !*bytes ? -ENODATA : *bytes % SECTOR ? -EDOM : *bytes > use->most ? -EFBIG : 0;
}

static int snapshot(struct overlay *o, uint64_t bytes)
{
	o->bytes = blocks(bytes) * BLOCK;
	o->stored = calloc(blocks(bytes) / 8 + 1, 1);
	if (!o->stored)
		return -ENOMEM;
	int err = host_mem_reserve(o->bytes, (void **)&o->copy);
	if (!err)
		return 0;
	free(o->stored);
	*o = (struct overlay){0};
	return err;
}

int image_take(struct image *i, int fd, struct image_use use)
{
	struct overlay overlay = {0};
	uint64_t bytes = 0;
	int err = look(fd, &use, &bytes);
	if (!err)
		err = file_lock(fd, use.readonly || use.snapshot);
	if (!err && use.snapshot)
		err = snapshot(&overlay, bytes);
	if (!err && dup3(fd, i->fd, O_CLOEXEC) < 0)
		err = -errno;
	if (!err) {
		forget(i);
		i->bytes = bytes;
		i->readonly = use.readonly;
		i->overlay = overlay;
	} else {
		overlay_free(&overlay);
	}
	close(fd);
	return err;
}

/* Of a device, O_EXCL refuses one that the host has mounted; it says nothing of files. */
int image_open(struct image *i, const char *path, struct image_use use)
{
	bool reads = use.readonly || use.snapshot;
	int flags = reads ? O_RDONLY : use.devices ? O_RDWR | O_EXCL : O_RDWR;
	int fd = broker_open(path, flags | O_NONBLOCK);
	return fd == -EBUSY ? -EAGAIN : fd < 0 ? fd : image_take(i, fd, use);
}

uint64_t image_bytes(const struct image *i)
{
	return i->bytes;
}

bool image_readonly(const struct image *i)
{
	return i->readonly;
}

int image_file(const struct image *i)
{
	return i->bytes ? i->fd : -1;
}

/* Some calls transfer less than they were asked for. */
static int file_transfer(int fd, uint64_t at, uint8_t *p, size_t n, bool write)
{
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

static bool is_stored(const struct image *i, uint64_t block)
{
	return i->overlay.copy && i->overlay.stored[block / 8] >> block % 8 & 1;
}

/* Of n bytes from there on, how many are in the same place as the first. */
static size_t run(const struct image *i, uint64_t at, size_t n)
{
	size_t some = i->overlay.copy ? BLOCK - at % BLOCK : n;
	while (some < n && is_stored(i, (at + some) / BLOCK) == is_stored(i, at / BLOCK))
		some += BLOCK;
	return some < n ? some : n;
}

int image_read(struct image *i, uint64_t at, void *dst, size_t n)
{
	uint8_t *p = dst;
	int err = 0;
	while (n && !err) {
		size_t some = run(i, at, n);
		if (is_stored(i, at / BLOCK))
			memcpy(p, i->overlay.copy + at, some);
		else
			err = file_transfer(i->fd, at, p, some, false);
		p += some;
		at += some;
		n -= some;
	}
	return err;
}

/* A block that is stored to for the first time is taken over whole. */
static int copy_block(struct image *i, uint64_t block)
{
	uint64_t at = block * BLOCK, left = i->bytes - at;
	int err =
		file_transfer(i->fd, at, i->overlay.copy + at, left < BLOCK ? left : BLOCK, false);
	if (!err)
		i->overlay.stored[block / 8] |= (uint8_t)(1 << block % 8);
	return err;
}

int image_write(struct image *i, uint64_t at, const void *src, size_t n)
{
	if (i->readonly)
		return -EROFS;
	if (!i->overlay.copy)
		return file_transfer(i->fd, at, (uint8_t *)(uintptr_t)src, n, true);
	for (uint64_t block = at / BLOCK; block <= (at + n - 1) / BLOCK; block++) {
		int err = is_stored(i, block) ? 0 : copy_block(i, block);
		if (err)
			return err;
	}
	memcpy(i->overlay.copy + at, src, n);
	return 0;
}

int image_flush(struct image *i)
{
	if (i->readonly || i->overlay.copy || !fdatasync(i->fd))
		return 0;
	return -errno;
}
