#define _GNU_SOURCE
#include "host/image.h"

#include "base/log.h"
#include "host/broker.h"
#include "host/disks.h"
#include "host/fence.h"
#include "host/file.h"
#include "host/memory.h"
#include "host/served.h"
#include "host/transfer.h"

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
	bool served; /* a program serves it, whose socket fd is */
	struct overlay overlay;
	struct image_job *first, **last; /* those that are not done */
	bool advances;                   /* a call of advance() runs */
	bool waits;                      /* the first is with the process for disks */
	size_t asked;                    /* that many of its bytes */
	struct disks *disks;             /* NULL: each job is done at once */
	unsigned drive;                  /* of the process */
};

int image_create(struct image **out)
{
	struct image *i = calloc(1, sizeof *i);
	if (!i)
		return -ENOMEM;
	i->last = &i->first;
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
	if (i->served && !i->waits)
		served_end(i->fd);
	i->bytes = 0;
	i->readonly = i->served = false;
}

void image_eject(struct image *i)
{
	image_settle(i);
	forget(i);
	dup3(i->empty, i->fd, O_CLOEXEC);
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
	if (!err)
		image_settle(i);
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

int image_connect(struct image *i, const struct image_served *from, struct image_use use, char *why)
{
	struct served_source source = {.readonly = use.readonly || use.snapshot};
	struct served_export export;
	size_t n = strlen(from->name);
	if (n >= sizeof source.name)
		return -ENAMETOOLONG;
	memcpy(source.name, from->name, n + 1);
	strncpy(source.format, from->format ? from->format : "", sizeof source.format - 1);
	int fd = served_open(&source, &export);
	memcpy(why, export.why, sizeof export.why);
	if (fd < 0)
		return fd;
	int err = export.bytes % SECTOR ? -EDOM : export.bytes > use.most ? -EFBIG : 0;
	if (!err && use.snapshot)
		err = snapshot(&i->overlay, export.bytes);
	if (!err && dup3(fd, i->fd, O_CLOEXEC) < 0)
		err = -errno;
	close(fd);
	if (err)
		return err;
	fence_grant(GRANT_SERVED, (uint64_t)i->fd, 0);
	i->bytes = export.bytes;
	i->readonly = use.readonly;
	i->served = true;
	return 0;
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

/* Now, whatever it waits for. */
static int fetch(const struct image *i, uint64_t at, void *bytes, size_t n)
{
	return i->served ? served_do(i->fd, SERVED_READ, at, bytes, n)
	                 : host_transfer(i->fd, at, bytes, n, false);
}

/* A block that is stored to for the first time is taken over whole. */
static int copy_block(struct image *i, uint64_t block)
{
	uint64_t at = block * BLOCK, left = i->bytes - at;
	size_t n = left < BLOCK ? left : BLOCK;
	int err = fetch(i, at, i->overlay.copy + at, n);
	if (!err)
		i->overlay.stored[block / 8] |= (uint8_t)(1 << block % 8);
	return err;
}

static int overlay_write(struct image *i, uint64_t at, const void *src, size_t n)
{
	for (uint64_t block = at / BLOCK; block <= (at + n - 1) / BLOCK; block++) {
		int err = is_stored(i, block) ? 0 : copy_block(i, block);
		if (err)
			return err;
	}
	memcpy(i->overlay.copy + at, src, n);
	return 0;
}

/* --- jobs --- */

/* What the process for disks is to do is in its room. */
static void ask(struct image *i, enum disks_op op, uint64_t at, size_t n)
{
	i->waits = true;
	i->asked = n;
	disks_ask(i->disks, i->drive, op, i->fd, at, n);
}

static bool asks(struct image *i)
{
	return i->disks && disks_lives(i->disks);
}

/* Goes on with what a program is to write: 0, -EINPROGRESS if it waits, or another negative errno. */
static int write_served(struct image *i, const struct image_job *job)
{
	size_t some = job->n - job->progress;
	const uint8_t *from = (const uint8_t *)job->bytes + job->progress;
	uint64_t at = job->at + job->progress;
	if (!some)
		return 0;
	if (!asks(i))
		return served_do(i->fd, SERVED_WRITE, at, (void *)(uintptr_t)from, some);
	some = some < DISKS_ROOM ? some : DISKS_ROOM;
	memcpy(disks_room(i->disks, i->drive), from, some);
	ask(i, DISKS_SERVED_WRITE, at, some);
	return -EINPROGRESS;
}

/* Files in memory take what is written at once.  Where the host has too much of it, it waits, and the
 * guest with it. */
static int write_some(struct image *i, const struct image_job *job)
{
	if (i->readonly)
		return -EROFS;
	if (i->overlay.copy)
		return overlay_write(i, job->at, job->bytes, job->n);
	if (i->served)
		return write_served(i, job);
	return host_transfer(i->fd, job->at, job->bytes, job->n, true);
}

/* Goes on with a read: 0, -EINPROGRESS if it waits, or another negative errno. */
static int read_some(struct image *i, struct image_job *job)
{
	int err;
	while (job->progress < job->n) {
		uint64_t at = job->at + job->progress;
		uint8_t *to = (uint8_t *)job->bytes + job->progress;
		size_t some = run(i, at, job->n - job->progress);
		long got = (long)some;
		if (is_stored(i, at / BLOCK))
			memcpy(to, i->overlay.copy + at, some);
		else if (asks(i))
			got = i->served ? 0 : host_read_cached(i->fd, at, to, some);
		else if ((err = fetch(i, at, to, some)))
			return err;
		if (got <= 0) {
			/* What is wrong, if it is not that it would have to wait, the process finds. */
			ask(i, i->served ? DISKS_SERVED_READ : DISKS_READ, at,
			    some < DISKS_ROOM ? some : DISKS_ROOM);
			return -EINPROGRESS;
		}
		job->progress += (size_t)got;
	}
	return 0;
}

static int flush(struct image *i)
{
	if (i->readonly || i->overlay.copy)
		return 0;
	if (!asks(i) && i->served)
		return served_do(i->fd, SERVED_FLUSH, 0, NULL, 0);
	if (!asks(i))
		return fdatasync(i->fd) ? -errno : 0;
	ask(i, i->served ? DISKS_SERVED_FLUSH : DISKS_FLUSH, 0, 0);
	return -EINPROGRESS;
}

static int carry_out(struct image *i, struct image_job *job)
{
	switch (job->op) {
	case IMAGE_READ:
		return read_some(i, job);
	case IMAGE_WRITE:
		return write_some(i, job);
	default:
		return flush(i);
	}
}

static void finish(struct image *i, int err)
{
	struct image_job *job = i->first;
	i->first = job->next;
	if (!i->first)
		i->last = &i->first;
	job->done(job->ctx, err);
}

/* As many as need not wait.  What is done may submit more, which a call that runs already does. */
static void advance(struct image *i)
{
	if (i->advances)
		return;
	i->advances = true;
	while (i->first && !i->waits) {
		int err = carry_out(i, i->first);
		if (err != -EINPROGRESS)
			finish(i, err);
	}
	i->advances = false;
}

static void on_done(void *ctx, int err)
{
	struct image *i = ctx;
	struct image_job *job = i->first;
	i->waits = false;
	if (!err && job->op == IMAGE_READ)
		memcpy((uint8_t *)job->bytes + job->progress, disks_room(i->disks, i->drive),
		       i->asked);
	if (!err)
		job->progress += i->asked;
	if (err || job->op == IMAGE_FLUSH)
		finish(i, err);
	advance(i);
}

void image_share(struct image *i, struct disks *d)
{
	i->disks = d;
	i->drive = disks_join(d, i, on_done);
}

void image_submit(struct image *i, struct image_job *job)
{
	job->progress = 0;
	job->next = NULL;
	*i->last = job;
	i->last = &job->next;
	advance(i);
}

void image_settle(struct image *i)
{
	while (i->waits)
		disks_wait(i->disks, i->drive);
}

static void keep(void *ctx, int err)
{
	*(int *)ctx = err;
}

static int at_once(struct image *i, enum image_op op, uint64_t at, void *bytes, size_t n)
{
	int result = 0;
	struct image_job job = {
		.op = op, .at = at, .bytes = bytes, .n = n, .ctx = &result, .done = keep};
	image_submit(i, &job);
	image_settle(i);
	return result;
}

int image_read(struct image *i, uint64_t at, void *dst, size_t n)
{
	return at_once(i, IMAGE_READ, at, dst, n);
}

int image_write(struct image *i, uint64_t at, const void *src, size_t n)
{
	return at_once(i, IMAGE_WRITE, at, (void *)(uintptr_t)src, n);
}

int image_flush(struct image *i)
{
	return at_once(i, IMAGE_FLUSH, 0, NULL, 0);
}

void image_destroy(struct image *i)
{
	if (!i)
		return;
	i->advances = true; /* nothing is begun any more */
	while (i->first)
		finish(i, -ECANCELED);
	forget(i);
	close(i->fd);
	close(i->empty);
	free(i);
}
