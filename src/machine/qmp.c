#include "machine/qmp.h"

#include "base/log.h"
#include "host/alarm.h"
#include "host/callers.h"
#include "host/clock.h"
#include "host/file.h"
#include "machine/qmp_call.h"
#include "machine/qmp_frame.h"

#include <stdlib.h>
#include <string.h>

enum { MS = 1000000, LOOK_MS = 20, CHUNK = 4096 };

struct caller {
	struct qmp *qmp;
	struct caller *next;
	struct stream *stream;
	struct callers_message message;
	size_t done, count; /* of what has been read */
	char in[CHUNK];
	bool negotiated;
	bool gone;
	/* The command that waits for a text; the next are read when it is answered. */
	char *awaited;
	uint64_t until_ns;
	json_t *id;
};

struct qmp {
	struct control_target target;
	struct callers *callers;
	struct alarm *alarm;
	struct caller *first;
	int sets[QMP_SETS];
};

/* --- out --- */

static void hang_up(struct caller *c)
{
	c->gone = true;
	stream_hang_up(c->stream);
}

/* Callers read what they have asked for: one for whom much waits does not, and goes. */
static void send_text(struct caller *c, const char *text)
{
	if (c->gone)
		return;
	stream_write(c->stream, text, strlen(text));
	stream_write(c->stream, "\r\n", 2);
	stream_flush(c->stream);
	if (!stream_room(c->stream))
		hang_up(c);
}

/* Takes over the value. */
static void send_json(struct caller *c, json_t *v)
{
	char *text = json_dumps(v, JSON_PRESERVE_ORDER);
	CHECK(text);
	send_text(c, text);
	free(text);
	json_decref(v);
}

static void send_error(struct caller *c, json_t *id, const char *class, const char *why)
{
	json_t *v = json_pack("{s:{s:s, s:s}}", "error", "class", class, "desc", why);
	if (!v) /* what was quoted was cut within a character */
		v = json_pack("{s:{s:s, s:s}}", "error", "class", class, "desc", "refused");
	if (id)
		json_object_set(v, "id", id);
	send_json(c, v);
}

/* Takes over the result. */
static void send_result(struct caller *c, json_t *id, json_t *result)
{
	json_t *v = json_pack("{s:o}", "return", result);
	if (id)
		json_object_set(v, "id", id);
	send_json(c, v);
}

/* --- time --- */

/* Something is waited for: when is the next look? */
static void set_alarm(struct qmp *q)
{
	uint64_t at = UINT64_MAX;
	for (const struct caller *c = q->first; c; c = c->next)
		if (c->awaited)
			at = host_monotonic_ns() + LOOK_MS * MS;
	alarm_set(q->alarm, at);
}

/* --- commands --- */

static void negotiate(struct qmp_call *call, struct caller *c, const char *name)
{
	bool this = !strcmp(name, "qmp_capabilities");
	call->class = "CommandNotFound";
	if (this && c->negotiated) {
		problem_set(&call->why, "Capabilities negotiation is already complete");
	} else if (!this) {
		problem_set(&call->why,
		            "Expecting capabilities negotiation with 'qmp_capabilities'");
	} else if (!qmp_negotiates(call->args)) {
		call->class = "GenericError";
		problem_set(&call->why, "there is no capability to enable");
	} else {
		call->class = NULL;
		call->result = json_object();
		c->negotiated = true;
	}
}

static void begin_wait(struct caller *c, const struct qmp_call *call, json_t *id)
{
	c->awaited = strdup(call->awaited);
	CHECK(c->awaited);
	c->id = json_incref(id);
	c->until_ns = host_monotonic_ns() + (uint64_t)call->timeout_ms * MS;
}

static void execute(struct caller *c, const char *name, json_t *args, json_t *id)
{
	struct qmp *q = c->qmp;
	int file = c->message.head.file;
	struct qmp_call call = {
		.target = &q->target,
		.sets = q->sets,
		.args = args,
		.file = file > 0 ? stream_take_file(c->stream) : -1,
		.file_error = file < 0 ? file : 0,
	};
	if (!c->negotiated || !strcmp(name, "qmp_capabilities"))
		negotiate(&call, c, name);
	else
		qmp_command(&call, name);
	file_close(call.file);
	if (call.awaited)
		begin_wait(c, &call, id);
	else if (call.result)
		send_result(c, id, call.result);
	else
		send_error(c, id, call.class, call.why.text);
}

static void serve_value(struct caller *c)
{
	json_t *v = qmp_parse(c->message.bytes, c->message.head.count);
	json_t *args = json_object_get(v, "arguments"), *id = json_object_get(v, "id");
	const char *why = qmp_refused(v);
	args = args ? json_incref(args) : json_object();
	if (why)
		send_error(c, id, "GenericError", why);
	else
		execute(c, json_string_value(json_object_get(v, "execute")), args, id);
	json_decref(args);
	json_decref(v);
}

static void serve_message(struct caller *c)
{
	switch (c->message.head.kind) {
	case QMP_FRAME_VALUE:
		serve_value(c);
		break;
	case QMP_FRAME_LONG:
		send_error(c, NULL, "GenericError", "longer than 1 MiB");
		break;
	default:
		send_error(c, NULL, "GenericError", "Invalid JSON syntax");
	}
}

/* What has been read, as far as it can be answered now. */
static void serve(struct caller *c)
{
	const char *at = c->in + c->done, *end = c->in + c->count;
	while (!c->gone && !c->awaited && at < end) {
		switch (callers_take(&c->message, QMP_FRAME_MOST, &at, end)) {
		case CALLERS_WHOLE:
			serve_message(c);
			break;
		case CALLERS_BAD:
			hang_up(c);
			break;
		case CALLERS_MORE:
			break;
		}
	}
	c->done = (size_t)(at - c->in);
	if (!c->gone)
		stream_pause(c->stream, c->awaited);
}

/* --- waiting --- */

static void end_wait(struct caller *c, bool there)
{
	char *text = c->awaited;
	json_t *id = c->id;
	c->awaited = NULL;
	c->id = NULL;
	if (there)
		send_result(c, id, json_object());
	else
		send_error(c, id, "GenericError", "the text did not appear in time");
	free(text);
	json_decref(id);
	serve(c);
}

/* Those who wait for the same text are all answered by it. */
static void look(struct qmp *q)
{
	uint64_t now = host_monotonic_ns();
	for (struct caller *c = q->first; c; c = c->next) {
		if (!c->awaited)
			continue;
		bool there = qmp_text_there(&q->target, c->awaited);
		for (struct caller *o = c->next; there && o; o = o->next)
			if (o->awaited && !strcmp(o->awaited, c->awaited))
				end_wait(o, true);
		if (there || now >= c->until_ns)
			end_wait(c, there);
	}
}

static void on_alarm(void *ctx)
{
	struct qmp *q = ctx;
	look(q);
	set_alarm(q);
}

/* --- callers --- */

static void free_caller(struct caller *c)
{
	stream_close(c->stream);
	callers_forget(&c->message);
	free(c->awaited);
	json_decref(c->id);
	free(c);
}

/* Not from their own callbacks. */
static void bury(struct qmp *q)
{
	for (struct caller **at = &q->first; *at;) {
		struct caller *c = *at;
		if (!c->gone) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		free_caller(c);
	}
}

static void on_input(void *ctx)
{
	struct caller *c = ctx;
	c->count = stream_read(c->stream, c->in, sizeof c->in);
	c->done = 0;
	serve(c);
	set_alarm(c->qmp);
}

static void on_close(void *ctx)
{
	struct caller *c = ctx;
	c->gone = true;
	free(c->awaited);
	c->awaited = NULL;
}

static void on_call(void *ctx, struct stream *s)
{
	struct qmp *q = ctx;
	bury(q);
	struct caller *c = calloc(1, sizeof *c);
	CHECK(c);
	c->qmp = q;
	c->stream = s;
	c->next = q->first;
	q->first = c;
	stream_attach(s,
	              (struct stream_client){.ctx = c, .on_input = on_input, .on_close = on_close});
	struct qmp_call version = {.target = &q->target, .args = json_object(), .file = -1};
	qmp_command(&version, "query-version");
	json_decref(version.args);
	send_json(c,
	          json_pack("{s:{s:o, s:[]}}", "QMP", "version", version.result, "capabilities"));
}

void qmp_event(struct qmp *q, const char *name, const char *data)
{
	int64_t us = host_utc_ns() / 1000;
	for (struct caller *c = q ? q->first : NULL; c; c = c->next) {
		if (!c->negotiated)
			continue;
		json_t *v = json_pack("{s:{s:I, s:I}, s:s}", "timestamp", "seconds",
		                      (json_int_t)(us / 1000000), "microseconds",
		                      (json_int_t)(us % 1000000), "event", name);
		if (data)
			json_object_set_new(v, "data", json_loads(data, 0, NULL));
		send_json(c, v);
	}
}

bool qmp_listen(struct front_link *out, const struct stream_spec *where, struct problem *p)
{
	json_object_seed(0); /* reads /dev/urandom, which the fence forbids later */
	int err = front_start(out, where->path, &qmp_language);
	return !err || problem_set(p, "--control %s: %s", where->text, strerror(-err));
}

int qmp_open(struct qmp **out, struct front_link front, const struct stream_host *h,
             const struct control_target *t)
{
	struct qmp *q = calloc(1, sizeof *q);
	CHECK(q);
	q->target = *t;
	memset(q->sets, -1, sizeof q->sets);
	int err = callers_open(&q->callers, front, h, q, on_call);
	if (!err)
		err = alarm_create(&q->alarm, h->loop, q, on_alarm);
	if (err)
		qmp_close(q);
	else
		*out = q;
	return err;
}

void qmp_close(struct qmp *q)
{
	if (!q)
		return;
	for (struct caller *c = q->first; c; c = c->next)
		c->gone = true;
	bury(q);
	for (unsigned i = 0; i < QMP_SETS; i++)
		file_close(q->sets[i]);
	alarm_destroy(q->alarm);
	callers_close(q->callers);
	free(q);
}
