/* What the front makes of a caller's bytes. */
#include "machine/qmp_call.h"
#include "machine/qmp_frame.h"

#include <stdlib.h>
#include <string.h>

struct speaker {
	struct qmp_frame frame;
	json_t *value;   /* the last, as the message points into it; NULL: none */
	bool negotiated; /* before that every command is refused */
};

static void *begin(void)
{
	return calloc(1, sizeof(struct speaker));
}

static bool is_negotiation(const json_t *value)
{
	const char *name = json_string_value(json_object_get(value, "execute"));
	return !qmp_refused(value) && !strcmp(name, "qmp_capabilities") &&
	       qmp_negotiates(json_object_get(value, "arguments"));
}

/* No file is made for a command that is refused. */
static bool next(void *caller, const char **at, const char *end, struct front_message *m)
{
	struct speaker *s = caller;
	json_decref(s->value);
	s->value = NULL;
	enum qmp_frame_result r = qmp_frame_feed(&s->frame, at, end);
	*m = (struct front_message){.kind = (int)r};
	if (r == QMP_FRAME_VALUE) {
		m->bytes = s->frame.text;
		m->count = (uint32_t)s->frame.length;
		s->value = qmp_parse(m->bytes, m->count);
		m->path = s->negotiated ? qmp_names_file(s->value, &m->use) : NULL;
		s->negotiated |= is_negotiation(s->value);
		m->takes = qmp_takes_file(s->value);
	}
	return r != QMP_FRAME_MORE;
}

static void end(void *caller)
{
	struct speaker *s = caller;
	json_decref(s->value);
	qmp_frame_free(&s->frame);
	free(s);
}

const struct front_language qmp_language = {begin, next, end};
