#include "host/stream_spec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct form {
	enum stream_kind kind;
	const char *prefix, *told;
} forms[] = {
	{STREAM_PORT, "", "a port from 0 to 65535"},
	{STREAM_STDIO, "stdio", "stdio"},
	{STREAM_FILE, "file:", "file:PATH"},
	{STREAM_UNIX, "unix:", "unix:PATH"},
	{STREAM_TCP, "tcp:", "tcp:PORT"},
	{STREAM_CONNECT_UNIX, "connect:unix:", "connect:unix:PATH"},
	{STREAM_CONNECT_TCP, "connect:tcp:", "connect:tcp:PORT"},
	{STREAM_FD, "fd:", "fd:N"},
	{STREAM_NONE, "none", "none"},
};

/* The i-th of these kinds, or NULL. */
static const struct form *form_at(unsigned kinds, unsigned i)
{
	for (const struct form *f = forms; f < forms + sizeof forms / sizeof *forms; f++)
		if (kinds >> f->kind & 1 && !i--)
			return f;
	return NULL;
}

const char *stream_spec_form(unsigned kinds, unsigned i)
{
	const struct form *f = form_at(kinds, i);
	return f ? f->told : NULL;
}

const char *stream_spec_prefix(unsigned kinds, unsigned i)
{
	const struct form *f = form_at(kinds, i);
	return f ? f->prefix : NULL;
}

static bool read_number(struct stream_spec *s, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	s->number = (int)n;
	return isdigit((unsigned char)*text) && !*end && n <= UINT16_MAX;
}

static bool is_form(struct stream_spec *s, const struct form *f, const char *text)
{
	size_t n = strlen(f->prefix);
	*s = (struct stream_spec){.kind = f->kind, .text = text};
	if (strncmp(text, f->prefix, n))
		return false;
	switch (f->kind) {
	case STREAM_PORT:
		s->kind = STREAM_TCP;
		return read_number(s, text);
	case STREAM_TCP:
	case STREAM_CONNECT_TCP:
		return read_number(s, text + n);
	case STREAM_FD: /* the standard ones have a stream */
		return read_number(s, text + n) && s->number > STDERR_FILENO;
	case STREAM_FILE:
	case STREAM_UNIX:
	case STREAM_CONNECT_UNIX:
		s->path = text + n;
		return *s->path;
	default:
		return !text[n];
	}
}

bool stream_spec_parse(struct stream_spec *s, unsigned kinds, const char *text)
{
	const struct form *f;
	for (unsigned i = 0; (f = form_at(kinds, i)); i++)
		if (is_form(s, f, text))
			return true;
	return false;
}
