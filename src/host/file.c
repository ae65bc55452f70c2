#include "host/file.h"

#include "host/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
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

static int read_all(int fd, struct blob *b, size_t room)
{
	for (;;) {
		if (b->size == room) {
			int err = grow(b, &room, 65536);
			if (err)
				return err;
		}
		ssize_t n = read(fd, b->data + b->size, room - b->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		b->size += n;
	}
}

int file_read(const char *path, struct blob *out)
{
	*out = (struct blob){0};
	int fd = broker_open(path, O_RDONLY);
	if (fd < 0)
		return fd;
	struct stat st;
	size_t room = 0;
	int err = fstat(fd, &st) ? -errno : 0;
	if (!err && S_ISDIR(st.st_mode))
		err = -EISDIR;
	/* One byte more finds the end without growing. */
	if (!err && S_ISREG(st.st_mode))
		err = grow(out, &room, st.st_size + 1);
	if (!err)
		err = read_all(fd, out, room);
	close(fd);
	if (err)
		blob_free(out);
	return err;
}

int file_replace(int fd, const void *data, size_t size)
{
	/* What is no plain file has neither a place nor an end. */
	if (lseek(fd, 0, SEEK_SET) == 0 && ftruncate(fd, 0))
		return -errno;
	for (const uint8_t *p = data, *end = p + size; p < end;) {
		ssize_t n = write(fd, p, (size_t)(end - p));
		if (n < 0 && errno != EINTR)
			return -errno;
		p += n > 0 ? n : 0;
	}
	return 0;
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
