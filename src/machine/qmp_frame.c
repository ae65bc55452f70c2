#include "machine/qmp_frame.h"

#include "base/log.h"

#include <stdlib.h>

static void begin_anew(struct qmp_frame *f)
{
	f->length = 0;
	f->depth = 0;
	f->begun = f->string = f->escape = f->over = false;
}

void qmp_frame_free(struct qmp_frame *f)
{
	free(f->text);
	*f = (struct qmp_frame){0};
}

static void keep(struct qmp_frame *f, char c)
{
	if (f->length == QMP_FRAME_MOST)
		f->over = true;
	if (f->over)
		return;
	if (f->length == f->room) {
		f->room = f->room ? 2 * f->room : 256;
		f->text = realloc(f->text, f->room);
		CHECK(f->text);
	}
	f->text[f->length++] = c;
}

static bool is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* RFC 8259: no control character stands outside whitespace, and none in a string; FFh is no
 * UTF-8, and clients send it to begin anew. */
static bool is_bad(const struct qmp_frame *f, unsigned char c)
{
	return c == 0xff || (c < ' ' && (f->string || !is_space(c)));
}

/* Does the value end with this byte of it? */
static bool ends(struct qmp_frame *f, char c)
{
	if (f->string) {
		bool quote = c == '"' && !f->escape;
		f->escape = c == '\\' && !f->escape;
		f->string = !quote;
	} else if (c == '"') {
		f->string = true;
	} else if (c == '{' || c == '[') {
		f->depth++;
	} else if (c == '}' || c == ']') {
		f->depth -= f->depth > 0;
		return !f->depth;
	}
	return false;
}

enum qmp_frame_result qmp_frame_feed(struct qmp_frame *f, const char **at, const char *end)
{
	if (!f->begun)
		begin_anew(f);
	while (*at < end) {
		char c = *(*at)++;
		if (is_bad(f, (unsigned char)c)) {
			/* A FFh by itself only makes sure. */
			bool told = f->begun || (unsigned char)c != 0xff;
			begin_anew(f);
			if (told)
				return QMP_FRAME_BAD;
			continue;
		}
		if (!f->begun && is_space((unsigned char)c))
			continue;
		/* What is no object and no list ends with its line. */
		bool loose = f->begun && !f->depth && !f->string && c == '\n';
		f->begun = true;
		keep(f, c);
		if (!ends(f, c) && !loose)
			continue;
		f->begun = false;
		return f->over ? QMP_FRAME_LONG : QMP_FRAME_VALUE;
	}
	return QMP_FRAME_MORE;
}
