#define _GNU_SOURCE
#include "host/file.h"

#include "host/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

static int grow(struct blob *b, size_t *room, size_t least)
{
	size_t bigger = *room * 2 > least ? *room * 2 : least;
	uint8_t *data = realloc(b->data, bigger);
	if (!data)
		return -ENOMEM;
	b->data = data;
	*room = bigger;
	return 0;
}

int file_open(const char *path)
{
	struct stat st;
	int fd = broker_open(path, O_RDONLY | O_NONBLOCK); /* a pipe is not waited for */
	if (fd < 0)
		return fd;
	int err = fstat(fd, &st)        ? -errno
	          : S_ISDIR(st.st_mode) ? -EISDIR
	          : S_ISREG(st.st_mode) ? 0
	                                : -EINVAL;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int file_create(const char *path)
{
	return broker_open(path, O_WRONLY | O_CREAT);
}

int file_open_for(const char *path, enum file_use use)
{
	static const int flags[] = {
		[FILE_READ] = O_RDONLY,
		[FILE_CHANGE] = O_RDWR,
		[FILE_MAKE] = O_WRONLY | O_CREAT,
	};
	int fd = open(path, flags[use] | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
	return fd < 0 ? -errno : fd;
}

void file_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* libc's fstat() is another call, which can name files as well: the guest's process may not. */
static bool look(int fd, struct stat *a)
{
	return !syscall(SYS_fstat, fd, a);
}

bool file_is_plain(int fd)
{
	struct stat a;
	return look(fd, &a) && S_ISREG(a.st_mode);
}

int file_bytes(int fd, uint64_t *bytes)
{
	struct stat a;
	if (!look(fd, &a))
		return -errno;
	*bytes = (uint64_t)a.st_size;
	return S_ISREG(a.st_mode) ? 0 : -EINVAL;
}

/* Locks of open files go with them, and are not in each other's way. */
int file_lock(int fd, bool shared)
{
	struct flock l = {.l_type = shared ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
	if (!fcntl(fd, F_OFD_SETLK, &l))
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

bool file_is_locked(int fd)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return !fcntl(fd, F_OFD_GETLK, &l) && l.l_type != F_UNLCK;
}

bool file_is(int fd, int other)
{
	struct stat a, b;
	return look(fd, &a) && look(other, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int file_empty(int fd)
{
	return ftruncate(fd, 0) && errno != EINVAL ? -errno : 0;
}

int file_read_head(int fd, size_t most, struct blob *out)
{
	size_t room = 0;
	*out = (struct blob){0};
	int err = grow(out, &room, most);
	while (!err && out->size < most) {
		ssize_t n = pread(fd, out->data + out->size, most - out->size, (off_t)out->size);
		if (n == 0)
			break;
		if (n > 0)
			out->size += (size_t)n;
		else if (errno != EINTR)
			err = -errno;
	}
	if (err)
		blob_free(out);
	return err;
}

int file_read(int fd, size_t limit, struct blob *out)
{
	struct stat st;
	*out = (struct blob){0};
	if (fstat(fd, &st))
		return -errno;
	/* One byte more tells the end. Those of /proc say that they have none. */
	size_t size = st.st_size ? (size_t)st.st_size : limit < 65536 ? limit : 65536;
	if (size > limit)
		return -EFBIG;
	for (;;) {
		int err = file_read_head(fd, size + 1, out);
		if (err || out->size <= size)
			return err;
		blob_free(out);
		if (size == limit)
			return -EFBIG;
		size = size > limit / 2 ? limit : size * 2; /* it grows */
	}
}

int file_append(int fd, const void *data, size_t size)
{
	for (const uint8_t *p = data, *end = p + size; p < end;) {
		ssize_t n = write(fd, p, (size_t)(end - p));
		if (n < 0 && errno != EINTR)
			return -errno;
		p += n > 0 ? n : 0;
	}
	return 0;
}

int file_end_here(int fd)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	return at < 0 || ftruncate(fd, at) ? -errno : 0;
}

int file_replace(int fd, const void *data, size_t size)
{
	/* What is no plain file has no place, either. */
	int err = lseek(fd, 0, SEEK_SET) == 0 ? file_empty(fd) : 0;
	if (err)
		return err;
	return file_append(fd, data, size);
}

void blob_free(struct blob *b)
{
	free(b->data);
	*b = (struct blob){0};
}

bool blob_is_gzip(const struct blob *b)
{
	return b->size >= 3 && b->data[0] == 0x1f && b->data[1] == 0x8b && b->data[2] == 8;
}

static int inflate_all(z_stream *z, struct blob *out, size_t limit)
{
	size_t room = 0;
	for (;;) {
		if (out->size == room) {
			if (room >= limit)
				return -EFBIG;
			int err = grow(out, &room, (size_t)4 << 20);
			if (err)
				return err;
		}
		size_t space = room - out->size;
		z->next_out = out->data + out->size;
		z->avail_out = space > UINT32_MAX ? UINT32_MAX : space;
		uInt before = z->avail_out;
		int r = inflate(z, Z_NO_FLUSH);
		out->size += before - z->avail_out;
		if (r == Z_STREAM_END)
			return out->size > limit ? -EFBIG : 0;
		if (r == Z_MEM_ERROR)
			return -ENOMEM;
		/* The whole input is there: what still wants more was cut short. */
		if (r == Z_BUF_ERROR)
			return -ENODATA;
		if (r != Z_OK)
			return -EINVAL;
	}
}

int blob_gunzip(struct blob *b, size_t limit)
{
	if (b->size > UINT32_MAX)
		return -EFBIG;
	z_stream z = {.next_in = b->data, .avail_in = b->size};
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) /* 16: gzip alone */
		return -ENOMEM;
	struct blob out = {0};
	int err = inflate_all(&z, &out, limit);
	inflateEnd(&z);
	if (err) {
		blob_free(&out);
		return err;
	}
	blob_free(b);
	*b = out;
	return 0;
}
