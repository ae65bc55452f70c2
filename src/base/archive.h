/* Named values, for what is saved and restored.  Who has state enumerates it once, for both
 * directions:
 *
 *     ARCHIVE(a, u, divisor);
 *
 * A name stands for one meaning: what changes its own gets a new name, so that an archive of
 * another version is refused where it differs, and not misread. */
#ifndef UNRING_BASE_ARCHIVE_H
#define UNRING_BASE_ARCHIVE_H

#include "base/types.h"

struct archive;

struct archive *archive_create(void);                         /* saves */
struct archive *archive_open(const void *bytes, size_t size); /* loads; NULL: it is none */
void archive_destroy(struct archive *a);

/* What was saved, until it is destroyed or more is saved. */
const void *archive_bytes(const struct archive *a, size_t *size);
bool archive_loads(const struct archive *a);

/* Whose the values are that follow; and which of an array's elements, -1: of none. */
void archive_section(struct archive *a, const char *name);
void archive_index(struct archive *a, int index);

/* Loads into size bytes, or saves them.  A value that is not there, or has another size, is a
 * problem, and stays as it is. */
void archive_value(struct archive *a, const char *name, void *value, size_t size);
/* The same for a bool. */
void archive_flag(struct archive *a, const char *name, void *value, size_t size);
/* What was loaded is a problem unless it is good. */
void archive_require(struct archive *a, const char *name, bool good);

/* The first problem, one line; NULL: none. */
const char *archive_problem(const struct archive *a);
/* Loads, without a problem so far. */
bool archive_loaded(const struct archive *a);

/* A field of a struct: an integer, a bool, an array of bytes. */
#define ARCHIVE(a, s, field)                                                                       \
	_Generic((s)->field, bool                                                                  \
	         : archive_flag, default                                                           \
	         : archive_value)(a, #field, &(s)->field, sizeof(s)->field)

#endif
