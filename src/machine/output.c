#include "machine/output.h"

#include "base/log.h"
#include "host/fence.h"
#include "host/file.h"

#include <string.h>

static bool output_problem(const struct output *o, int err, struct problem *p)
{
	return problem_set(p, "%s%s: %s", o->option, o->path, strerror(-err));
}

int output_open(struct outputs *s, const char *option, const char *path, struct problem *p)
{
	CHECK(s->count < sizeof s->list / sizeof *s->list);
	struct output *o = &s->list[s->count];
	*o = (struct output){option, path, file_create(path)};
	if (o->fd < 0) {
		output_problem(o, o->fd, p);
		return -1;
	}
	if (file_is_plain(o->fd) && file_is_locked(o->fd)) {
		file_close(o->fd);
		problem_set(p, "%s%s: in use by another process", option, path);
		return -1;
	}
	/* What ends nowhere, a terminal or a pipe, may be shared. */
	for (const struct output *other = s->list; other < o; other++)
		if (file_is_plain(o->fd) && file_is(o->fd, other->fd)) {
			file_close(o->fd);
			problem_set(p, "%s%s: the same file as %s%s", option, path, other->option,
			            other->path);
			return -1;
		}
	s->count++;
	return o->fd;
}

FILE *output_stream(struct outputs *s, const char *option, const char *path, struct problem *p)
{
	int fd = output_open(s, option, path, p);
	if (fd < 0)
		return NULL;
	FILE *f = fdopen(fd, "w");
	CHECK(f);
	setvbuf(f, NULL, _IOFBF, 0); /* it asks the kernel what file that is, now */
	return f;
}

bool outputs_spare(const struct outputs *s, int fd, const char *kind, struct problem *p)
{
	for (const struct output *o = s->list; o < s->list + s->count; o++)
		if (file_is(fd, o->fd))
			return problem_set(p, "%s%s: the same file as the %s", o->option, o->path,
			                   kind);
	return true;
}

void outputs_grant(const struct outputs *s)
{
	for (const struct output *o = s->list; o < s->list + s->count; o++)
		fence_grant(GRANT_OUTPUT, (uint64_t)o->fd, 0);
}

bool outputs_begin(const struct outputs *s, struct problem *p)
{
	for (const struct output *o = s->list; o < s->list + s->count; o++) {
		int err = file_empty(o->fd);
		if (err)
			return output_problem(o, err, p);
	}
	return true;
}
