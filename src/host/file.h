/* Plain files, whole or their first bytes, in memory. */
#ifndef UNRING_HOST_FILE_H
#define UNRING_HOST_FILE_H

#include "base/types.h"

struct blob {
	uint8_t *data;
	size_t size;
};

/* Opens a plain file for reading; a descriptor, or a negative errno: -EINVAL for
 * what has no end or makes its reader wait (pipes, sockets, devices). */
int file_open(const char *path);
/* Opens any file for writing, and makes it if it is not there; what is in it stays. */
int file_create(const char *path);
/* Opens any file by this process, for one of these, and waits for nobody; what is in it stays.
 * A descriptor, or a negative errno. */
enum file_use {
	FILE_READ,
	FILE_CHANGE,
	FILE_MAKE, /* to write it; it is made if it is not there */
};
int file_open_for(const char *path, enum file_use use);
/* Of a descriptor; -1: none. */
void file_close(int fd);
/* Has it contents that stay? */
bool file_is_plain(int fd);
/* How long a plain file is.  0 or a negative errno. */
int file_bytes(int fd, uint64_t *bytes);
/* Locks it, for as long as it is open: against all others, or against those that do not share.
 * -EAGAIN: another has it locked; or another negative errno. */
int file_lock(int fd, bool shared);
/* Has another a lock of it, as of what is in a drive? */
bool file_is_locked(int fd);
/* Are both the same file? */
bool file_is(int fd, int other);
/* Empties a plain file; what is none has no end.  0 or a negative errno. */
int file_empty(int fd);
/* Reads it from its beginning: at most most bytes, less only at its end; all, or
 * -EFBIG when there are more than limit.  0 or a negative errno. */
int file_read_head(int fd, size_t most, struct blob *out);
int file_read(int fd, size_t limit, struct blob *out);
/* Writes all of it.  0 or a negative errno. */
int file_append(int fd, const void *data, size_t size);
/* A plain file ends here, behind what was written last.  0 or a negative errno. */
int file_end_here(int fd);
/* Makes it the whole content of an open file.  0 or a negative errno. */
int file_replace(int fd, const void *data, size_t size);
void blob_free(struct blob *b);

/* Does it begin as gzip does? */
bool blob_is_gzip(const struct blob *b);
/* Unpacks gzip in place.  -ENODATA: it ends too soon; -EINVAL: it is damaged;
 * -EFBIG: more than limit bytes; -ENOMEM. */
int blob_gunzip(struct blob *b, size_t limit);

#endif
