/* Whole files in memory. */
#ifndef UNRING_HOST_FILE_H
#define UNRING_HOST_FILE_H

#include "base/types.h"

struct blob {
	uint8_t *data;
	size_t size;
};

/* Reads a file to its end.  0 or a negative errno. */
int file_read(const char *path, struct blob *out);
/* Makes it the whole content of an open file.  0 or a negative errno. */
int file_replace(int fd, const void *data, size_t size);
void blob_free(struct blob *b);

/* Does it begin as gzip does? */
bool blob_is_gzip(const struct blob *b);
/* Unpacks gzip in place.  -ENODATA: it ends too soon; -EINVAL: it is damaged;
 * -EFBIG: more than limit bytes; -ENOMEM. */
int blob_gunzip(struct blob *b, size_t limit);

#endif
