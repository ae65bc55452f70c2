#include "base/archive.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One record: this, the name, the value in the host's order of bytes. */
struct head {
	uint32_t size;
	uint32_t name; /* its length */
};

struct archive {
	bool loads;
	uint8_t *bytes;
	size_t size, room;
	size_t at; /* of the record behind the last that was found: the next one, mostly */
	char section[32];
	int index;
	char problem[128];
};

static struct archive *new_archive(bool loads)
{
	struct archive *a = calloc(1, sizeof *a);
	CHECK(a);
	a->loads = loads;
	a->index = -1;
	return a;
}

struct archive *archive_create(void)
{
	return new_archive(false);
}

/* Behind the record at this place; 0: it does not end within the archive. */
static size_t behind(const struct archive *a, size_t at, struct head *h)
{
	if (a->size - at < sizeof *h)
		return 0;
	memcpy(h, a->bytes + at, sizeof *h);
	uint64_t length = (uint64_t)sizeof *h + h->name + h->size;
	return a->size - at < length ? 0 : at + length;
}

struct archive *archive_open(const void *bytes, size_t size)
{
	struct archive *a = new_archive(true);
	struct head h;
	a->bytes = malloc(size + 1);
	CHECK(a->bytes);
	memcpy(a->bytes, bytes, size);
	a->size = size;
	for (size_t at = 0; at < size;) {
		at = behind(a, at, &h);
		if (!at) {
			archive_destroy(a);
			return NULL;
		}
	}
	return a;
}

void archive_destroy(struct archive *a)
{
	if (!a)
		return;
	free(a->bytes);
	free(a);
}

const void *archive_bytes(const struct archive *a, size_t *size)
{
	*size = a->size;
	return a->bytes;
}

bool archive_loads(const struct archive *a)
{
	return a->loads;
}

const char *archive_problem(const struct archive *a)
{
	return *a->problem ? a->problem : NULL;
}

bool archive_loaded(const struct archive *a)
{
	return a->loads && !*a->problem;
}

void archive_section(struct archive *a, const char *name)
{
	snprintf(a->section, sizeof a->section, "%s", name);
	a->index = -1;
}

void archive_index(struct archive *a, int index)
{
	a->index = index;
}

/* SECTION.NAME or SECTION.NAME[INDEX] */
static void full_name(const struct archive *a, const char *name, char out[96])
{
	int n = snprintf(out, 96, "%s.%s", a->section, name);
	if (a->index >= 0)
		n += snprintf(out + n, 96 - n, "[%d]", a->index);
	CHECK(n < 96);
}

static void problem(struct archive *a, const char *name, const char *what)
{
	char full[96];
	full_name(a, name, full);
	if (!*a->problem)
		snprintf(a->problem, sizeof a->problem, "%s: %s", full, what);
}

/* The value of this name and its size; NULL: none. */
static const uint8_t *find(struct archive *a, const char *name, size_t *size)
{
	size_t length = strlen(name), begin = a->at, at = begin;
	struct head h = {0};
	do {
		if (at == a->size)
			at = 0;
		if (!a->size)
			return NULL;
		const uint8_t *record = a->bytes + at;
		at = behind(a, at, &h);
		if (h.name == length && !memcmp(record + sizeof h, name, length)) {
			a->at = at;
			*size = h.size;
			return record + sizeof h + length;
		}
	} while (at != begin && !(at == a->size && !begin));
	return NULL;
}

static void append(struct archive *a, const void *bytes, size_t n)
{
	if (a->room - a->size < n) {
		a->room = 2 * a->room + n;
		a->bytes = realloc(a->bytes, a->room);
		CHECK(a->bytes);
	}
	memcpy(a->bytes + a->size, bytes, n);
	a->size += n;
}

void archive_value(struct archive *a, const char *name, void *value, size_t size)
{
	char full[96];
	size_t there;
	full_name(a, name, full);
	const uint8_t *saved = find(a, full, &there);
	if (!a->loads) {
		struct head h = {size, strlen(full)};
		CHECK(!saved); /* one name for two values */
		append(a, &h, sizeof h);
		append(a, full, h.name);
		append(a, value, size);
	} else if (!saved) {
		problem(a, name, "it is not there");
	} else if (there != size) {
		problem(a, name, "it has another size");
	} else {
		memcpy(value, saved, size);
	}
}

void archive_flag(struct archive *a, const char *name, void *value, size_t size)
{
	bool *flag = value;
	uint8_t byte = *flag;
	archive_value(a, name, &byte, sizeof byte);
	archive_require(a, name, byte <= 1);
	*flag = byte & 1;
}

void archive_require(struct archive *a, const char *name, bool good)
{
	if (a->loads && !good)
		problem(a, name, "it is out of range");
}
