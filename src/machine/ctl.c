#include "machine/ctl.h"

#include "base/log.h"
#include "host/call.h"
#include "host/file.h"
#include "machine/qmp_frame.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { BAD_USE = 2, REFUSED = 1, ANSWER_MS = 30000 };

struct session {
	const char *path;
	int fd;
	int file; /* goes along with the command; -1: none */
	int timeout_ms;
	struct qmp_frame frame;
	char in[4096];
	const char *at, *end; /* of what has come */
};

/* --- talk --- */

/* The next value, or NULL: the connection is gone, or silent for too long. */
static json_t *hear(struct session *s)
{
	for (;;) {
		enum qmp_frame_result r = qmp_frame_feed(&s->frame, &s->at, s->end);
		if (r == QMP_FRAME_VALUE)
			return json_loadb(s->frame.text, s->frame.length, 0, NULL);
		if (r != QMP_FRAME_MORE)
			return NULL;
		long n = call_receive(s->fd, s->in, sizeof s->in, s->timeout_ms);
		if (n <= 0)
			return NULL;
		s->at = s->in;
		s->end = s->in + n;
	}
}

/* What answers the command; takes it over.  NULL: nothing does. */
static json_t *ask(struct session *s, json_t *command)
{
	char *text = json_dumps(command, 0);
	json_decref(command);
	CHECK(text);
	int err = call_send(s->fd, text, strlen(text), s->file);
	free(text);
	json_t *v = err ? NULL : hear(s);
	while (v && !json_object_get(v, "return") && !json_object_get(v, "error")) {
		json_decref(v); /* an event */
		v = hear(s);
	}
	return v;
}

static bool greet(struct session *s)
{
	json_t *hello = hear(s);
	bool good = json_object_get(hello, "QMP");
	json_decref(hello);
	json_t *v = good ? ask(s, json_pack("{s:s}", "execute", "qmp_capabilities")) : NULL;
	good = json_object_get(v, "return");
	json_decref(v);
	return good;
}

/* --- answers --- */

static void print_nothing(const json_t *v)
{
}

static void print_status(const json_t *v)
{
	puts(json_string_value(json_object_get(v, "status")));
}

static void print_text(const json_t *v)
{
	fputs(json_string_value(json_object_get(v, "text")), stdout);
}

static void print_counters(const json_t *v)
{
	const char *name;
	json_t *n;
	json_object_foreach((json_t *)v, name, n)
	{
		if (json_is_real(n))
			printf("%s %.3f\n", name, json_real_value(n));
		else
			printf("%s %lld\n", name, (long long)json_integer_value(n));
	}
}

static void print_json(const json_t *v)
{
	json_dumpf(v, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
	putchar('\n');
}

/* --- commands --- */

/* Each makes the command's arguments of its words; NULL: it has told what is wrong. */

static json_t *no_arguments(struct session *s, char **words)
{
	return json_object();
}

static json_t *with_file(struct session *s, const char *path, enum file_use use)
{
	s->file = file_open_for(path, use);
	if (s->file < 0) {
		report("%s: %s", path, strerror(-s->file));
		return NULL;
	}
	return json_pack("{s:s}", "filename", path);
}

static json_t *a_new_file(struct session *s, char **words)
{
	return with_file(s, words[0], FILE_MAKE);
}

/* The name's end tells which. */
static json_t *an_image(struct session *s, char **words)
{
	size_t n = strlen(words[0]);
	json_t *v = a_new_file(s, words);
	if (v && n > 4 && !strcmp(words[0] + n - 4, ".png"))
		json_object_set_new(v, "format", json_string("png"));
	return v;
}

static json_t *a_chord(struct session *s, char **words)
{
	json_t *keys = json_array();
	for (char *name = strtok(words[0], "-+"); name; name = strtok(NULL, "-+"))
		json_array_append_new(keys, json_pack("{s:s, s:s}", "type", "qcode", "data", name));
	return json_pack("{s:o}", "keys", keys);
}

/* Reads a whole number; false: it has told that it is none. */
static bool read_number(const char *word, json_int_t *number)
{
	char *end;
	*number = strtoll(word, &end, 10);
	if (!*end && end != word)
		return true;
	report("%s: not a number", word);
	return false;
}

static json_t *an_axis(const char *type, const char *axis, json_int_t value)
{
	return json_pack("{s:s, s:{s:s, s:I}}", "type", type, "data", "axis", axis, "value", value);
}

static json_t *two_axes(const char *type, char **words)
{
	json_int_t x, y;
	if (!read_number(words[0], &x) || !read_number(words[1], &y))
		return NULL;
	return json_pack("{s:[o, o]}", "events", an_axis(type, "x", x), an_axis(type, "y", y));
}

static json_t *a_movement(struct session *s, char **words)
{
	return two_axes("rel", words);
}

static json_t *a_place(struct session *s, char **words)
{
	return two_axes("abs", words);
}

static json_t *a_button(const char *name, bool down)
{
	return json_pack("{s:s, s:{s:s, s:b}}", "type", "btn", "data", "button", name, "down",
	                 down);
}

/* Down, up, or a click: both. */
static json_t *a_press(struct session *s, char **words)
{
	bool down = words[1] && !strcmp(words[1], "down"), up = words[1] && !strcmp(words[1], "up");
	if (words[1] && !down && !up) {
		report("%s: neither down nor up", words[1]);
		return NULL;
	}
	json_t *events = json_array();
	if (!up)
		json_array_append_new(events, a_button(words[0], true));
	if (!down)
		json_array_append_new(events, a_button(words[0], false));
	return json_pack("{s:o}", "events", events);
}

static json_t *a_text(struct session *s, char **words)
{
	json_t *v = json_pack("{s:s}", "text", words[0]);
	if (!v)
		report("%s: not UTF-8", words[0]);
	return v;
}

static json_t *a_text_in_time(struct session *s, char **words)
{
	char *end = NULL;
	double seconds = words[1] ? strtod(words[1], &end) : 60;
	json_t *v;
	if (words[1] && (*end || end == words[1] || !(seconds >= 0 && seconds <= 86400))) {
		report("%s: not a number of seconds up to 86400", words[1]);
		return NULL;
	}
	s->timeout_ms = (int)(seconds * 1000) + ANSWER_MS;
	v = a_text(s, words);
	if (v)
		json_object_set_new(v, "timeout", json_integer((json_int_t)(seconds * 1000)));
	return v;
}

static json_t *a_number(const char *name, const char *word)
{
	json_int_t number;
	return read_number(word, &number) ? json_pack("{s:I}", name, number) : NULL;
}

static json_t *a_speed(struct session *s, char **words)
{
	return a_number("percent", words[0]);
}

static json_t *a_count(struct session *s, char **words)
{
	return a_number("ips", words[0]);
}

/* What may not be written to is taken to be read alone. */
static json_t *a_medium(struct session *s, char **words)
{
	s->file = file_open_for(words[1], FILE_CHANGE);
	bool read_only = s->file < 0;
	if (read_only && (s->file = file_open_for(words[1], FILE_READ)) < 0) {
		report("%s: %s", words[1], strerror(-s->file));
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s}", "id", words[0], "filename", words[1], "read-only-mode",
	                 read_only ? "read-only" : "retain");
}

static json_t *a_device(struct session *s, char **words)
{
	if (words[1] && strcmp(words[1], "force") != 0) {
		report("%s: not force", words[1]);
		return NULL;
	}
	return json_pack("{s:s, s:b}", "id", words[0], "force", words[1] != NULL);
}

static const struct verb {
	const char *name, *form, *help;
	unsigned least, most; /* words */
	const char *command;  /* NULL: the word is a command in JSON */
	json_t *(*arguments)(struct session *s, char **words);
	void (*print)(const json_t *result);
} verbs[] = {
	{"status", "", "running, paused, prelaunch or debug", 0, 0, "query-status", no_arguments,
         print_status},
	{"stop", "", "the guest stands still, and its clocks", 0, 0, "stop", no_arguments,
         print_nothing},
	{"cont", "", "it goes on", 0, 0, "cont", no_arguments, print_nothing},
	{"reset", "", "the reset button", 0, 0, "system_reset", no_arguments, print_nothing},
	{"powerdown", "", "the power button", 0, 0, "system_powerdown", no_arguments,
         print_nothing},
	{"quit", "", "ends the run with status 0", 0, 0, "quit", no_arguments, print_nothing},
	{"screendump", "FILE", "an image of the screen: FILE.png, or PPM", 1, 1, "screendump",
         an_image, print_nothing},
	{"screen", "", "the screen's text", 0, 0, "x-screen-text", no_arguments, print_text},
	{"send-key", "KEYS", "pressed together: ctrl-alt-delete", 1, 1, "send-key", a_chord,
         print_nothing},
	{"type", "TEXT", "types it on the keyboard", 1, 1, "x-type-text", a_text, print_nothing},
	{"mouse-move", "DX DY", "moves the mouse to the right and down", 2, 2, "input-send-event",
         a_movement, print_nothing},
	{"mouse-to", "X Y", "the pointer to a place, 0 to 32767 of the screen each", 2, 2,
         "input-send-event", a_place, print_nothing},
	{"mouse-button", "NAME [down|up]", "left, middle, right, side, extra, wheel-up, wheel-down",
         1, 2, "input-send-event", a_press, print_nothing},
	{"wait", "TEXT [SECONDS]", "until it is on the screen or printed (60)", 1, 2, "x-wait-text",
         a_text_in_time, print_nothing},
	{"change", "DEVICE FILE", "another medium: change floppy0 b.img", 2, 2,
         "blockdev-change-medium", a_medium, print_nothing},
	{"eject", "DEVICE [force]", "takes the medium out; force: also what the guest keeps", 1, 2,
         "eject", a_device, print_nothing},
	{"speed", "PERCENT", "5 to 100, of what the guest could compute", 1, 1, "x-set-speed",
         a_speed, print_nothing},
	{"ips", "N", "instructions a second, of a machine with --ips", 1, 1, "x-set-ips", a_count,
         print_nothing},
	{"stats", "", "the counters of --stats", 0, 0, "x-stats", no_arguments, print_counters},
	{"dump-cache", "FILE", "the translated code, for the checker", 1, 1, "x-dump-cache",
         a_new_file, print_nothing},
	{"json", "COMMAND", "any command of QMP: '{\"execute\": \"query-block\"}'", 1, 1, NULL,
         NULL, print_json},
};

enum { VERBS = sizeof verbs / sizeof *verbs };

static int help(void)
{
	puts("usage: unring ctl SOCKET COMMAND [word...]\n"
	     "\n"
	     "Drives a machine that was started with --control unix:SOCKET.\n");
	for (const struct verb *v = verbs; v < verbs + VERBS; v++) {
		char head[64];
		snprintf(head, sizeof head, "%s %s", v->name, v->form);
		printf("  %-27s  %s\n", head, v->help);
	}
	puts("\n"
	     "Exit status: 0; 1 the machine refused; 2 bad use, or nobody listens at SOCKET.");
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	report("standard output: %s", strerror(errno));
	return 1;
}

static const struct verb *find(const char *name)
{
	for (const struct verb *v = verbs; v < verbs + VERBS; v++)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

/* The whole command of a verb; NULL: what is wrong was told. */
static json_t *command_of(struct session *s, const struct verb *v, char **words)
{
	json_error_t e;
	json_t *args, *command;
	if (v->command) {
		args = v->arguments(s, words);
		return args ? json_pack("{s:s, s:o}", "execute", v->command, "arguments", args)
		            : NULL;
	}
	command = json_loads(words[0], 0, &e);
	if (!command)
		report("%s: not JSON: %s", words[0], e.text);
	return command;
}

static int answer(const struct session *s, const struct verb *v, const json_t *reply)
{
	const json_t *result = json_object_get(reply, "return"),
		     *error = json_object_get(reply, "error");
	if (error) {
		report("%s: %s", v->name, json_string_value(json_object_get(error, "desc")));
		return REFUSED;
	}
	if (!result) {
		report("%s: the machine does not answer", s->path);
		return REFUSED;
	}
	v->print(result);
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	report("standard output: %s", strerror(errno));
	return 1;
}

int ctl_run(int argc, char **argv)
{
	if (argc && !strcmp(argv[0], "--help"))
		return help();
	if (argc < 2) {
		report("ctl: needs a socket and a command (unring ctl --help)");
		return BAD_USE;
	}
	const struct verb *v = find(argv[1]);
	if (!v) {
		report("%s: unknown command (unring ctl --help lists them)", argv[1]);
		return BAD_USE;
	}
	unsigned n = (unsigned)argc - 2;
	if (n < v->least || n > v->most) {
		report("usage: unring ctl SOCKET %s %s", v->name, v->form);
		return BAD_USE;
	}
	struct session s = {.path = argv[0], .fd = -1, .file = -1, .timeout_ms = ANSWER_MS};
	s.path += strncmp(s.path, "unix:", 5) ? 0 : 5;
	char *words[] = {n > 0 ? argv[2] : NULL, n > 1 ? argv[3] : NULL};
	int status = BAD_USE;
	json_t *command = NULL;
	s.fd = call_open(s.path);
	if (s.fd < 0)
		report("%s: %s", s.path, strerror(-s.fd));
	else if (!greet(&s))
		report("%s: no control socket", s.path);
	else
		command = command_of(&s, v, words);
	if (command) {
		json_t *reply = ask(&s, command);
		status = answer(&s, v, reply);
		json_decref(reply);
	}
	file_close(s.file);
	file_close(s.fd);
	qmp_frame_free(&s.frame);
	return status;
}
