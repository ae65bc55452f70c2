/* The commands of the control socket.  Names, arguments and replies are those of the QEMU Machine
 * Protocol (its reference manual, "QMP"), so that its clients need no change; those that begin
 * with x- are unring's own. */
#include "machine/qmp_call.h"

#include "base/log.h"
#include "base/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHORD = 16, HOLD_MS = 100, HOLD_MOST_MS = 10000 };

static void fail(struct qmp_call *c, const char *class, const char *what, const char *about)
{
	c->class = class;
	problem_set(&c->why, "%s%s", what, about);
}

static void generic(struct qmp_call *c)
{
	c->class = "GenericError";
}

static void not_there(struct qmp_call *c, const char *what)
{
	fail(c, "GenericError", "this machine has no ", what);
}

static void done(struct qmp_call *c)
{
	c->result = json_object();
}

/* --- arguments --- */

static const char *text_of(const struct qmp_call *c, const char *key)
{
	return json_string_value(json_object_get(c->args, key));
}

static bool true_of(const struct qmp_call *c, const char *key)
{
	return json_is_true(json_object_get(c->args, key));
}

/* A whole number from 0 to most, or what holds without it; false: another. */
static bool number_of(struct qmp_call *c, const char *key, unsigned most, unsigned without,
                      unsigned *out)
{
	const json_t *v = json_object_get(c->args, key);
	json_int_t n = v ? json_integer_value(v) : without;
	*out = (unsigned)n;
	if (n >= 0 && n <= most)
		return true;
	problem_set(&c->why, "Parameter '%s' expects a number from 0 to %u", key, most);
	generic(c);
	return false;
}

static const char *const type_names[] = {
	['s'] = "string",  ['w'] = "string", ['m'] = "string", ['i'] = "integer",
	['b'] = "boolean", ['a'] = "array",  ['o'] = "object",
};

static bool has_type(const json_t *v, char type)
{
	return strchr("swm", type) ? json_is_string(v)
	       : type == 'i'       ? json_is_integer(v)
	       : type == 'b'       ? json_is_boolean(v)
	       : type == 'a'       ? json_is_array(v)
	                           : json_is_object(v);
}

/* The length of a specification's first item, "name:t" or "name:t?". */
static size_t item_length(const char *spec)
{
	return strcspn(spec, " ");
}

static const char *next_item(const char *spec)
{
	spec += item_length(spec);
	return spec + strspn(spec, " ");
}

static bool specified(const char *spec, const char *key)
{
	for (; *spec; spec = next_item(spec)) {
		size_t n = strcspn(spec, ":");
		if (strlen(key) == n && !memcmp(spec, key, n))
			return true;
	}
	return false;
}

/* Is it one of the values that an item lists, if it does: "name:t=this|that"? */
static bool accepted(const char *item, const char *value)
{
	size_t n = strlen(value), length = item_length(item), at = strcspn(item, "=|");
	if (at >= length)
		return true;
	while (at < length) {
		const char *one = item + at + 1;
		size_t bytes = strcspn(one, "| ");
		if (bytes == n && !memcmp(one, value, n))
			return true;
		at += 1 + bytes;
	}
	return false;
}

static bool check_arguments(struct qmp_call *c, const char *spec)
{
	const char *key;
	json_t *v;
	generic(c);
	json_object_foreach(c->args, key, v) if (!specified(spec, key)) return problem_set(
		&c->why, "Parameter '%.64s' is unexpected", key);
	for (; *spec; spec = next_item(spec)) {
		size_t n = strcspn(spec, ":");
		v = json_object_getn(c->args, spec, n);
		if (!v && spec[n + 2] != '?')
			return problem_set(&c->why, "Parameter '%.*s' is missing", (int)n, spec);
		if (v && !has_type(v, spec[n + 1]))
			return problem_set(&c->why,
			                   "Invalid parameter type for '%.*s', expected: %s",
			                   (int)n, spec, type_names[(unsigned char)spec[n + 1]]);
		if (json_is_string(v) && !accepted(spec, json_string_value(v)))
			return problem_set(&c->why, "Parameter '%.*s' does not accept this value",
			                   (int)n, spec);
	}
	c->class = NULL;
	return true;
}

/* /dev/fdset/N names what add-fd has kept, which goes to the command: the fence duplicates no
 * descriptors. */
static int take_set(struct qmp_call *c, const char *path)
{
	static const char prefix[] = "/dev/fdset/";
	char *end;
	if (strncmp(path, prefix, sizeof prefix - 1) != 0)
		return -1;
	unsigned long id = strtoul(path + sizeof prefix - 1, &end, 10);
	if (*end || id >= QMP_SETS)
		return -1;
	int fd = c->sets[id];
	c->sets[id] = -1;
	return fd;
}

/* The file that a command names: its descriptor came along, or before. */
static int take_file(struct qmp_call *c, const char *path)
{
	int fd = c->file >= 0 ? c->file : take_set(c, path);
	int err = c->file_error == -EINVAL ? 0 : c->file_error;
	c->file = -1;
	if (fd >= 0 && file_is_plain(fd))
		return fd;
	problem_set(&c->why, "%.200s: %s", path,
	            err && fd < 0 ? strerror(-err) : "not a plain file");
	generic(c);
	file_close(fd);
	return -1;
}

static void add_fd(struct qmp_call *c)
{
	unsigned id = 0;
	bool given = json_object_get(c->args, "fdset-id");
	if (!number_of(c, "fdset-id", QMP_SETS - 1, 0, &id))
		return;
	while (!given && id < QMP_SETS && c->sets[id] >= 0)
		id++;
	if (c->file < 0) {
		fail(c, "GenericError", "No file descriptor supplied via SCM_RIGHTS", "");
	} else if (id == QMP_SETS || c->sets[id] >= 0) {
		fail(c, "GenericError", "there is no room for this file descriptor", "");
	} else {
		c->sets[id] = c->file;
		c->result = json_pack("{s:i, s:i}", "fdset-id", (int)id, "fd", c->file);
		c->file = -1;
	}
}

static void remove_fd(struct qmp_call *c)
{
	unsigned id;
	if (!number_of(c, "fdset-id", QMP_SETS - 1, 0, &id))
		return;
	if (c->sets[id] < 0) {
		fail(c, "GenericError", "there is no such file descriptor set", "");
		return;
	}
	file_close(c->sets[id]);
	c->sets[id] = -1;
	done(c);
}

/* --- the run --- */

static void query_status(struct qmp_call *c)
{
	const char *status = c->target->status(c->target->ctx);
	c->result =
		json_pack("{s:b, s:s}", "running", !strcmp(status, "running"), "status", status);
}

static void stop(struct qmp_call *c)
{
	c->target->stop(c->target->ctx);
	done(c);
}

static void cont(struct qmp_call *c)
{
	c->target->cont(c->target->ctx);
	done(c);
}

static void system_reset(struct qmp_call *c)
{
	c->target->reset(c->target->ctx);
	done(c);
}

static void quit(struct qmp_call *c)
{
	c->target->quit(c->target->ctx);
	done(c);
}

static void system_powerdown(struct qmp_call *c)
{
	if (!c->target->powerdown) {
		not_there(c, "power button");
		return;
	}
	c->target->powerdown(c->target->ctx);
	done(c);
}

static void x_set_speed(struct qmp_call *c)
{
	json_int_t percent = json_integer_value(json_object_get(c->args, "percent"));
	if (!c->target->speed) {
		not_there(c, "governor");
	} else if (percent < 5 || percent > 100) {
		fail(c, "GenericError", "Parameter 'percent' expects a number from 5 to 100", "");
	} else {
		c->target->speed(c->target->ctx, (unsigned)percent);
		done(c);
	}
}

static void x_set_ips(struct qmp_call *c)
{
	json_int_t n = json_integer_value(json_object_get(c->args, "ips"));
	if (!c->target->ips) {
		not_there(c, "count of instructions (--ips)");
	} else if (n < 100000 || n > 1000000000) {
		fail(c, "GenericError",
		     "Parameter 'ips' expects a number from 100000 to 1000000000", "");
	} else {
		c->target->ips(c->target->ctx, (unsigned)n);
		done(c);
	}
}

/* --- the screen, and what is printed --- */

static char *screen_text(const struct control_target *t)
{
	char *text = t->screen_text ? malloc(CONTROL_SCREEN) : NULL;
	if (text && !t->screen_text(t->ctx, text, CONTROL_SCREEN)) {
		free(text);
		text = NULL;
	}
	return text;
}

bool qmp_text_there(const struct control_target *t, const char *text)
{
	char *screen = screen_text(t);
	bool there = screen && strstr(screen, text);
	free(screen);
	return there || (t->serial_find && t->serial_find(t->ctx, text));
}

static void x_screen_text(struct qmp_call *c)
{
	char *text = screen_text(c->target);
	if (text)
		c->result = json_pack("{s:s}", "text", text);
	else if (c->target->screen_text)
		fail(c, "GenericError", "the screen shows graphics", "");
	else
		not_there(c, "screen");
	free(text);
}

static void x_wait_text(struct qmp_call *c)
{
	const char *text = text_of(c, "text");
	if (!*text)
		fail(c, "GenericError", "Parameter 'text' is empty", "");
	else if (number_of(c, "timeout", 86400000, 60000, &c->timeout_ms))
		c->awaited = text;
}

static void screendump(struct qmp_call *c)
{
	const char *format = text_of(c, "format");
	bool png = format && !strcmp(format, "png");
	if (!c->target->screendump) {
		not_there(c, "screen");
		return;
	}
	int fd = take_file(c, text_of(c, "filename"));
	if (fd < 0)
		return;
	if (c->target->screendump(c->target->ctx, fd, png, &c->why))
		done(c);
	else
		generic(c);
	file_close(fd);
}

/* --- keys and pointer --- */

static void type_keys(struct qmp_call *c, const struct control_key *keys, unsigned n)
{
	if (!c->target->keys)
		not_there(c, "keyboard");
	else if (c->target->keys(c->target->ctx, keys, n, &c->why))
		done(c);
	else
		generic(c);
}

/* They are pressed in turn, held together, and let go in reverse. */
static void send_key(struct qmp_call *c)
{
	const json_t *keys = json_object_get(c->args, "keys");
	size_t n = json_array_size(keys);
	struct control_key steps[2 * CHORD + 1] = {0};
	unsigned hold;
	if (!number_of(c, "hold-time", HOLD_MOST_MS, HOLD_MS, &hold))
		return;
	if (!n || n > CHORD) {
		fail(c, "GenericError", "1 to 16 keys can be held together", "");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *name = qmp_input_key(json_array_get(keys, i), &c->why);
		if (!name) {
			generic(c);
			return;
		}
		steps[i] = (struct control_key){.name = name, .down = true};
		steps[2 * n - i] = (struct control_key){.name = name};
	}
	steps[n].pause_ms = hold;
	type_keys(c, steps, (unsigned)(2 * n + 1));
}

static void input_send_event(struct qmp_call *c)
{
	const struct control_target *t = c->target;
	struct qmp_input in;
	if (!qmp_input_read(&in, json_object_get(c->args, "events"), &c->why)) {
		generic(c);
	} else if (!in.n_steps) {
		type_keys(c, in.keys, in.n_keys);
	} else if (!t->pointer) {
		not_there(c, "mouse");
	} else {
		if (in.n_keys)
			type_keys(c, in.keys, in.n_keys);
		else
			done(c);
		if (c->result)
			t->pointer(t->ctx, in.steps, in.n_steps);
	}
	qmp_input_free(&in);
}

static void query_mice(struct qmp_call *c)
{
	const struct control_target *t = c->target;
	bool absolute = t->pointer && t->pointer_is_absolute(t->ctx);
	c->result = json_array();
	for (int i = 0; t->pointer && i < 2; i++)
		json_array_append_new(c->result,
		                      json_pack("{s:s, s:i, s:b, s:b}", "name",
		                                i ? "vmmouse" : "PS/2 Mouse", "index", i, "current",
		                                absolute == (i == 1), "absolute", i == 1));
}

static void x_type_text(struct qmp_call *c)
{
	const struct control_target *t = c->target;
	if (!t->type)
		not_there(c, "keyboard");
	else if (t->type(t->ctx, text_of(c, "text"), &c->why))
		done(c);
	else
		generic(c);
}

/* --- media --- */

static const char *device_of(struct qmp_call *c)
{
	const char *device = text_of(c, "id");
	if (!device)
		device = text_of(c, "device");
	if (!device)
		fail(c, "GenericError", "Parameter 'id' is missing", "");
	return device;
}

/* One whose medium can be changed. */
static bool has_device(struct qmp_call *c, const char *device)
{
	const struct control_target *t = c->target;
	struct control_block b;
	for (unsigned i = 0; t->block && t->block(t->ctx, i, &b); i++) {
		if (strcmp(b.device, device) != 0)
			continue;
		if (b.removable)
			return true;
		problem_set(&c->why, "Device '%.64s' is not removable", device);
		generic(c);
		return false;
	}
	problem_set(&c->why, "Device '%.64s' not found", device);
	c->class = "DeviceNotFound";
	return false;
}

static void query_block(struct qmp_call *c)
{
	const struct control_target *t = c->target;
	struct control_block b;
	c->result = json_array();
	for (unsigned i = 0; t->block && t->block(t->ctx, i, &b); i++) {
		json_t *o = json_pack("{s:s, s:s, s:b, s:b, s:b, s:s}", "device", b.device, "qdev",
		                      b.device, "removable", b.removable, "locked", b.locked,
		                      "tray_open", b.tray_open, "type", "unknown");
		if (b.file)
			json_object_set_new(o, "inserted",
			                    json_pack("{s:s, s:b, s:s, s:b}", "file", b.file, "ro",
			                              b.read_only, "drv", "raw", "encrypted", 0));
		json_array_append_new(c->result, o);
	}
}

static void change_medium(struct qmp_call *c)
{
	const struct control_target *t = c->target;
	const char *device = device_of(c), *path = text_of(c, "filename");
	const char *mode = text_of(c, "read-only-mode");
	bool read_only = mode && !strcmp(mode, "read-only");
	if (!device || !has_device(c, device))
		return;
	int fd = take_file(c, path);
	if (fd < 0)
		return;
	if (t->change(t->ctx, device, fd, path, read_only, true_of(c, "force"), &c->why))
		done(c);
	else
		generic(c);
}

static void eject(struct qmp_call *c)
{
	const struct control_target *t = c->target;
	const char *device = device_of(c);
	if (!device || !has_device(c, device))
		return;
	if (t->eject(t->ctx, device, true_of(c, "force"), &c->why))
		done(c);
	else
		generic(c);
}

/* --- records --- */

static void query_version(struct qmp_call *c)
{
	c->result = json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "major", VERSION_MAJOR, "minor",
	                      VERSION_MINOR, "micro", 0, "package", "unring " VERSION);
}

static void query_name(struct qmp_call *c)
{
	c->result = json_pack("{s:s}", "name", "unring");
}

static void query_chardev(struct qmp_call *c)
{
	const struct control_target *t = c->target;
	const char *label, *where;
	c->result = json_array();
	for (unsigned i = 0; t->chardev && t->chardev(t->ctx, i, &label, &where); i++)
		json_array_append_new(c->result, json_pack("{s:s, s:s, s:b}", "label", label,
		                                           "filename", where, "frontend-open", 1));
}

/* "name value" lines as an object. */
static json_t *counters(char *text)
{
	json_t *o = json_object();
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = '\0';
		json_object_set_new(o, line,
		                    strchr(value, '.') ? json_real(strtod(value, NULL))
		                                       : json_integer(strtoll(value, NULL, 10)));
	}
	return o;
}

static void x_stats(struct qmp_call *c)
{
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);
	if (f) {
		c->target->stats(c->target->ctx, f);
		if (!fclose(f))
			c->result = counters(text);
	}
	free(text);
	if (!c->result)
		fail(c, "GenericError", "no memory", "");
}

static void x_dump_cache(struct qmp_call *c)
{
	int fd = take_file(c, text_of(c, "filename"));
	if (fd < 0)
		return;
	if (c->target->dump_cache(c->target->ctx, fd, &c->why))
		done(c);
	else
		generic(c);
	file_close(fd);
}

/* --- the table --- */

static void query_commands(struct qmp_call *c);

/* An argument is NAME:TYPE, with ? if it may be left out, and =A|B if there are no other values: s
 * string, i integer, b boolean, a list; w and m strings, too, which name a file that is written, and
 * a medium: the front opens these, if the arguments are right. */
static const struct command {
	const char *name, *arguments;
	void (*run)(struct qmp_call *c);
} commands[] = {
	{"query-status", "", query_status},
	{"stop", "", stop},
	{"cont", "", cont},
	{"system_reset", "", system_reset},
	{"system_powerdown", "", system_powerdown},
	{"quit", "", quit},
	{"screendump", "filename:w format:s?=ppm|png device:s? head:i?", screendump},
	{"send-key", "keys:a hold-time:i?", send_key},
	{"input-send-event", "events:a device:s? head:i?", input_send_event},
	{"query-mice", "", query_mice},
	{"blockdev-change-medium",
         "device:s? id:s? filename:m format:s?=raw force:b? "
         "read-only-mode:s?=retain|read-write|read-only",
         change_medium},
	{"eject", "device:s? id:s? force:b?", eject},
	{"add-fd", "fdset-id:i? opaque:s?", add_fd},
	{"remove-fd", "fdset-id:i fd:i?", remove_fd},
	{"query-block", "", query_block},
	{"query-chardev", "", query_chardev},
	{"query-version", "", query_version},
	{"query-commands", "", query_commands},
	{"query-name", "", query_name},
	{"x-type-text", "text:s", x_type_text},
	{"x-screen-text", "", x_screen_text},
	{"x-wait-text", "text:s timeout:i?", x_wait_text},
	{"x-set-speed", "percent:i", x_set_speed},
	{"x-set-ips", "ips:i", x_set_ips},
	{"x-stats", "", x_stats},
	{"x-dump-cache", "filename:w", x_dump_cache},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void query_commands(struct qmp_call *c)
{
	c->result = json_array();
	for (unsigned i = 0; i < COMMANDS; i++)
		json_array_append_new(c->result, json_pack("{s:s}", "name", commands[i].name));
}

static const struct command *find(const char *name)
{
	for (unsigned i = 0; name && i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

void qmp_command(struct qmp_call *c, const char *name)
{
	const struct command *command = find(name);
	if (!command) {
		problem_set(&c->why, "The command %.64s has not been found", name);
		c->class = "CommandNotFound";
	} else if (check_arguments(c, command->arguments)) {
		command->run(c);
	}
}

bool qmp_negotiates(const json_t *args)
{
	return !json_array_size(json_object_get(args, "enable"));
}

const char *qmp_refused(const json_t *value)
{
	const char *key;
	json_t *member;
	if (!value)
		return "Invalid JSON syntax";
	if (!json_is_object(value))
		return "QMP input must be a JSON object";
	json_object_foreach((json_t *)value, key, member) if (
		strcmp(key, "execute") != 0 && strcmp(key, "arguments") != 0 &&
		strcmp(key, "id") !=
			0) return "QMP input member is unexpected: only execute, arguments and id are";
	if (!json_is_string(json_object_get(value, "execute")))
		return "QMP input lacks member 'execute', a string";
	member = json_object_get(value, "arguments");
	return member && !json_is_object(member) ? "QMP input member 'arguments' must be an object"
	                                         : NULL;
}

json_t *qmp_parse(const char *text, size_t n)
{
	return json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

static const struct command *command_of(const json_t *value)
{
	return find(json_string_value(json_object_get(value, "execute")));
}

bool qmp_takes_file(const json_t *value)
{
	const struct command *command = command_of(value);
	return command && (command->run == add_fd || strstr(command->arguments, "filename:"));
}

const char *qmp_names_file(const json_t *value, enum file_use *use)
{
	const struct command *command = command_of(value);
	struct qmp_call c = {.args = json_object_get(value, "arguments")};
	const char *mode = text_of(&c, "read-only-mode");
	const char *id = text_of(&c, "id"), *device = id ? id : text_of(&c, "device");
	bool disc = device && !strncmp(device, "cdrom", strlen("cdrom"));
	bool reads = disc || (mode && !strcmp(mode, "read-only"));
	if (!command || qmp_refused(value) || !check_arguments(&c, command->arguments))
		return NULL;
	bool writes = strstr(command->arguments, "filename:w");
	*use = writes ? FILE_MAKE : reads ? FILE_READ : FILE_CHANGE;
	return writes || strstr(command->arguments, "filename:m") ? text_of(&c, "filename") : NULL;
}
