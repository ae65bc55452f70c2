/* The files of a page, in memory: who serves them opens none. */
#ifndef UNRING_VIEWER_PAGE_H
#define UNRING_VIEWER_PAGE_H

#include <stddef.h>

struct page_file {
	const char *path; /* below the folder */
	const char *type; /* of its content, as HTTP has it */
	char *bytes;
	size_t count;
};

/* Reads all of a folder; 0 or a negative errno. */
int page_read(const char *folder);
/* NULL: there is none. */
const struct page_file *page_find(const char *path);

#endif
