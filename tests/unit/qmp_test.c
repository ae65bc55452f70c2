/* links: machine */
/* The control socket and its front, in one process, against a machine that is none: what it answers, to
 * whom, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "host/broker.h"
#include "host/clock.h"
#include "machine/printed.h"
#include "machine/qmp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct rig {
	struct loop *loop;
	struct stream_host host;
	volatile sig_atomic_t give_up;
	struct front *front;
	int listener, link[2];
	struct qmp *qmp;
	char folder[64], path[96], image[96];
	/* The machine. */
	unsigned stops, conts, resets, quits, powerdowns;
	bool stopped;
	char keys[4096]; /* "a+ 5 a- text" */
	char steps[512]; /* of the pointer: "dx5 down1 " */
	bool absolute;
	bool no_keys;
	const char *screen;
	struct printed printed;
	uint64_t found;
	char medium[128];
	int medium_fd;
	bool read_only;
};

/* The test's; its files are in the working folder. */
static struct rig *rig;

static void on_stop(void *ctx)
{
	struct rig *r = ctx;
	r->stops++;
	r->stopped = true;
	qmp_event(r->qmp, "STOP", NULL);
}

static void on_cont(void *ctx)
{
	struct rig *r = ctx;
	r->conts++;
	r->stopped = false;
}

static void on_reset(void *ctx)
{
	((struct rig *)ctx)->resets++;
}

static void on_quit(void *ctx)
{
	((struct rig *)ctx)->quits++;
}

static void on_powerdown(void *ctx)
{
	((struct rig *)ctx)->powerdowns++;
}

static const char *on_status(void *ctx)
{
	return ((struct rig *)ctx)->stopped ? "paused" : "running";
}

static bool on_serial_find(void *ctx, const char *text)
{
	struct rig *r = ctx;
	return printed_find(&r->printed, text, &r->found);
}

static bool on_screen_text(void *ctx, char *to, size_t most)
{
	struct rig *r = ctx;
	if (r->screen)
		snprintf(to, most, "%s", r->screen);
	return r->screen;
}

static bool on_screendump(void *ctx, int fd, bool png, struct problem *why)
{
	const char *text = png ? "png" : "ppm";
	return !file_append(fd, text, 3) && !file_end_here(fd);
}

static bool on_keys(void *ctx, const struct control_key *keys, unsigned n, struct problem *why)
{
	struct rig *r = ctx;
	if (r->no_keys)
		return problem_set(why, "no keys today");
	for (unsigned i = 0; i < n; i++) {
		char step[32];
		if (keys[i].name)
			snprintf(step, sizeof step, "%s%c ", keys[i].name,
			         keys[i].down ? '+' : '-');
		else
			snprintf(step, sizeof step, "%u ", keys[i].pause_ms);
		strcat(r->keys, step);
	}
	return true;
}

static bool on_type(void *ctx, const char *text, struct problem *why)
{
	struct rig *r = ctx;
	if (r->no_keys)
		return problem_set(why, "no text today");
	strcat(r->keys, text);
	return true;
}

static void on_pointer(void *ctx, const struct pointer_step *s, unsigned n)
{
	static const char *const names[] = {"dx", "dy", "x", "y", "wheel", "down", "up"};
	struct rig *r = ctx;
	for (unsigned i = 0; i < n && strlen(r->steps) < 400; i++) {
		char step[32];
		snprintf(step, sizeof step, "%s%d ", names[s[i].kind], s[i].value);
		strcat(r->steps, step);
	}
}

static bool on_pointer_is_absolute(void *ctx)
{
	return ((struct rig *)ctx)->absolute;
}

static bool on_block(void *ctx, unsigned i, struct control_block *b)
{
	struct rig *r = ctx;
	*b = (struct control_block){
		"floppy0", *r->medium ? r->medium : NULL, r->read_only, false, true, r->read_only};
	return !i;
}

static bool on_change(void *ctx, const char *device, int fd, const char *file, bool read_only,
                      bool force, struct problem *why)
{
	struct rig *r = ctx;
	if (*r->medium && r->read_only && !force) {
		file_close(fd);
		return problem_set(why, "kept");
	}
	snprintf(r->medium, sizeof r->medium, "%s", file);
	r->read_only = read_only;
	dup2(fd, r->medium_fd);
	file_close(fd);
	return true;
}

static bool on_eject(void *ctx, const char *device, bool force, struct problem *why)
{
	struct rig *r = ctx;
	if (!force && r->read_only)
		return problem_set(why, "locked");
	*r->medium = 0;
	return true;
}

static bool on_chardev(void *ctx, unsigned i, const char **label, const char **where)
{
	*label = "serial0";
	*where = "none";
	return !i;
}

static void on_stats(void *ctx, FILE *f)
{
	fputs("units 5\nseconds 1.500\n", f);
}

static bool on_dump(void *ctx, int fd, struct problem *why)
{
	return problem_set(why, "no room");
}

static struct control_target target_of(struct rig *r)
{
	return (struct control_target){
		.ctx = r,
		.stop = on_stop,
		.cont = on_cont,
		.reset = on_reset,
		.quit = on_quit,
		.status = on_status,
		.powerdown = on_powerdown,
		.serial_find = on_serial_find,
		.screen_text = on_screen_text,
		.screendump = on_screendump,
		.keys = on_keys,
		.type = on_type,
		.pointer = on_pointer,
		.pointer_is_absolute = on_pointer_is_absolute,
		.block = on_block,
		.change = on_change,
		.eject = on_eject,
		.chardev = on_chardev,
		.stats = on_stats,
		.dump_cache = on_dump,
	};
}

static void begin(struct rig *r, const struct control_target *t)
{
	rig = r;
	r->loop = loop_create();
	strcpy(r->folder, "/tmp/qmp-XXXXXX");
	CHECK(mkdtemp(r->folder));
	snprintf(r->path, sizeof r->path, "%s/socket", r->folder);
	snprintf(r->image, sizeof r->image, "%s/image", r->folder);
	r->host = (struct stream_host){.loop = r->loop, .give_up = &r->give_up};
	assert_int_equal(chdir(r->folder), 0);
	r->listener = broker_listen_unix(r->path, 0600);
	assert_true(r->listener >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, r->link), 0);
	r->medium_fd = open("/dev/null", O_RDONLY);
	r->front = front_create(r->listener, r->link[1], &qmp_language);
	struct front_link link = {r->link[0], 0};
	assert_int_equal(qmp_open(&r->qmp, link, &r->host, t), 0);
}

static void remove_files(void)
{
	DIR *d = opendir(".");
	for (const struct dirent *e; (e = readdir(d));)
		unlink(e->d_name);
	closedir(d);
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	struct control_target t = target_of(r);
	begin(r, &t);
	*state = r;
	return 0;
}

/* A machine that has nothing beside its run. */
static int setup_bare(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	struct control_target t = {.ctx = r,
	                           .stop = on_stop,
	                           .cont = on_cont,
	                           .reset = on_reset,
	                           .quit = on_quit,
	                           .status = on_status};
	begin(r, &t);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	qmp_close(r->qmp);
	front_destroy(r->front);
	close(r->medium_fd);
	close(r->listener);
	close(r->link[0]);
	close(r->link[1]);
	broker_end();
	loop_destroy(r->loop);
	assert_int_not_equal(access(r->path, F_OK), 0);
	remove_files();
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(r->folder), 0);
	free(r);
	return 0;
}

/* --- callers --- */

/* Does anybody do anything? */
static bool turn(struct rig *r)
{
	bool front = front_serve(r->front, 0) > 0;
	return loop_poll(r->loop) || front;
}

static void settle(struct rig *r)
{
	while (turn(r))
		;
}

static int call(struct rig *r)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	strcpy(a.sun_path, r->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	settle(r);
	return fd;
}

static void say_bytes(struct rig *r, int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t done = send(fd, text, n, MSG_NOSIGNAL);
		assert_true(done > 0 || errno == EAGAIN);
		text += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
		turn(r);
	}
	settle(r);
}

static void say(struct rig *r, int fd, const char *text)
{
	say_bytes(r, fd, text, strlen(text));
}

static const char *hear(int fd)
{
	static char text[65536];
	settle(rig);
	ssize_t n = recv(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static int call_ready(struct rig *r)
{
	int fd = call(r);
	assert_non_null(strstr(hear(fd), "\"QMP\""));
	say(r, fd, "{\"execute\": \"qmp_capabilities\"}");
	assert_string_equal(hear(fd), "{\"return\": {}}\r\n");
	return fd;
}

static void answers(struct rig *r, int fd, const char *command, const char *reply)
{
	say(r, fd, command);
	const char *text = hear(fd);
	if (!strstr(text, reply))
		fail_msg("%s\nis answered by: %s\nnot by: %s", command, text, reply);
}

static bool hung_up(int fd)
{
	char bytes[65536];
	ssize_t n;
	settle(rig);
	while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
		;
	return !n || errno == ECONNRESET;
}

/* --- tests --- */

static void test_negotiation(void **state)
{
	struct rig *r = *state;
	struct stat st;
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	int fd = call(r);
	assert_string_equal(hear(fd),
	                    "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 0, \"minor\": 1, "
	                    "\"micro\": 0}, \"package\": \"unring 0.1\"}, "
	                    "\"capabilities\": []}}\r\n");
	answers(r, fd, "{\"execute\": \"stop\", \"id\": 1}",
	        "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Expecting capabilities "
	        "negotiation with 'qmp_capabilities'\"}, \"id\": 1}\r\n");
	assert_int_equal(r->stops, 0);
	qmp_event(r->qmp, "RESET", NULL); /* none before it is ready */
	answers(r, fd,
	        "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}}",
	        "\"GenericError\"");
	answers(r, fd, "{\"execute\": \"qmp_capabilities\"}", "{\"return\": {}}\r\n");
	answers(r, fd, "{\"execute\": \"qmp_capabilities\"}", "already complete");
	close(fd);
}

static void test_run(void **state)
{
	struct rig *r = *state;
	int fd = call_ready(r);
	answers(r, fd, "{\"execute\": \"query-status\", \"id\": [1, {\"a\": null}]}",
	        "{\"return\": {\"running\": true, \"status\": \"running\"}, \"id\": [1, {\"a\": null}]}");
	say(r, fd, "{\"execute\": \"stop\"}");
	const char *text = hear(fd);
	assert_non_null(strstr(text, "\"event\": \"STOP\"}\r\n{\"return\": {}}\r\n"));
	assert_non_null(strstr(text, "{\"timestamp\": {\"seconds\": "));
	answers(r, fd, "{\"execute\": \"query-status\"}",
	        "\"running\": false, \"status\": \"paused\"");
	answers(r, fd, "{\"execute\": \"cont\"}", "{\"return\": {}}");
	answers(r, fd, "{\"execute\": \"system_reset\"}", "{\"return\": {}}");
	answers(r, fd, "{\"execute\": \"system_powerdown\"}", "{\"return\": {}}");
	answers(r, fd, "{\"execute\": \"quit\"}", "{\"return\": {}}");
	assert_int_equal(r->stops + r->conts + r->resets + r->powerdowns + r->quits, 5);
	qmp_event(r->qmp, "RESET", "{\"guest\": true, \"reason\": \"guest\"}");
	assert_non_null(strstr(hear(fd), "\"event\": \"RESET\", \"data\": {\"guest\": true, "
	                                 "\"reason\": \"guest\"}}\r\n"));
	close(fd);
}

/* Whatever is between values, and however they are cut. */
static void test_framing(void **state)
{
	struct rig *r = *state;
	int fd = call_ready(r);
	static const char text[] =
		"\r\n\t {\n\"execute\"\r\n:\"query-name\",\"id\":\"}\\\"{\\\\\"}";
	for (const char *p = text; *p; p++)
		say_bytes(r, fd, p, 1);
	assert_string_equal(hear(fd),
	                    "{\"return\": {\"name\": \"unring\"}, \"id\": \"}\\\"{\\\\\"}\r\n");
	say(r, fd,
	    "{\"execute\":\"query-name\",\"id\":1}{\"execute\":\"stop\",\"id\":2}\n\n"
	    "{\"execute\":\"query-name\",\"id\":3}");
	const char *said = hear(fd), *one = strstr(said, "\"id\": 1"),
		   *two = strstr(said, "\"id\": 2");
	const char *three = strstr(said, "\"id\": 3");
	assert_true(one && one < two && two < three);
	close(fd);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"gossip\n",
		"}",
		"{]",
		"{\"execute\": \"stop\"",
		"{\"execute\" \"stop\"}",
		"[]",
		"7\n",
		"null\n",
		"\"stop\"\n",
		"{}",
		"{\"execute\": 7}",
		"{\"execute\": \"a\\ud800\"}",
		"{\"execute\": \"stop\", \"arguments\": []}",
		"{\"execute\": \"stop\", \"more\": 1}",
		"{\"execute\": \"stop\", \"execute\": \"stop\"}",
		"{\"execute\": \"st\nop\"}\n",
		"{\"execute\": \"\\u0000\"}",
		"{\"execute\": \"\x80\"}",
		"\x01",
	};
	struct rig *r = *state;
	int fd = call_ready(r);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		say(r, fd, bad[i]);
		say(r, fd, "\xff"); /* what has begun is to be forgotten */
		assert_non_null(strstr(hear(fd), "{\"error\": {\"class\": \"GenericError\""));
		answers(r, fd, "{\"execute\": \"query-name\"}", "{\"return\": {\"name\"");
	}
	assert_int_equal(r->stops, 0);
	close(fd);
}

/* Nesting, and length: more than a parser's stack, and than is kept. */
static void test_huge(void **state)
{
	struct rig *r = *state;
	int fd = call_ready(r);
	size_t n = 2 << 20;
	char *text = malloc(n);
	memset(text, '[', n / 2);
	memset(text + n / 2, ']', n / 2);
	say_bytes(r, fd, text, n);
	assert_non_null(strstr(hear(fd), "longer than 1 MiB"));
	memset(text + 1000, ']', n - 1000);
	say_bytes(r, fd, text, 2000);
	assert_non_null(strstr(hear(fd), "must be a JSON object"));
	memset(text, '[', 100000);
	memset(text + 100000, ']', 100000);
	say_bytes(r, fd, text, 200000);
	assert_non_null(strstr(hear(fd), "Invalid JSON syntax"));
	memset(text, ' ', n);
	memcpy(text, "{\"execute\": \"query-name\"", 24);
	text[n - 1] = '}';
	say_bytes(r, fd, text, n);
	assert_non_null(strstr(hear(fd), "longer than 1 MiB"));
	answers(r, fd, "{\"execute\": \"query-name\"}", "{\"return\"");
	free(text);
	close(fd);
}

/* 100,000 lines of noise, half of them commands with a byte changed. */
static void test_fuzz(void **state)
{
	static const char *const seeds[] = {
		"{\"execute\": \"query-block\", \"arguments\": {}, \"id\": 17}\n",
		"{\"execute\": \"send-key\", \"arguments\": {\"keys\": [{\"type\": \"qcode\", \"data\": \"a\"}]}}\n",
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"key\", "
		"\"data\": {\"down\": true, \"key\": {\"type\": \"qcode\", \"data\": \"b\"}}}]}}\n",
		"{\"execute\": \"eject\", \"arguments\": {\"id\": \"floppy0\", \"force\": true}}\n",
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"abs\", "
		"\"data\": {\"axis\": \"y\", \"value\": 5}}, {\"type\": \"btn\", \"data\": {\"down\": true, "
		"\"button\": \"left\"}}]}}\n",
		"{\"execute\": \"x-type-text\", \"arguments\": {\"text\": \"dir\\n\"}}\n",
		"{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", "
		"\"filename\": \"/nonexistent\", \"read-only-mode\": \"read-only\"}}\n",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\"}}\n",
		"{\"execute\": \"stop\"}\n",
		"{\"execute\": \"query-commands\"}\n",
	};
	static char sink[65536];
	struct rig *r = *state;
	r->no_keys = true;
	int fd = call_ready(r);
	srand(8);
	for (unsigned i = 0; i < 100000; i++) {
		char line[512];
		size_t n;
		if (i & 1) {
			n = (size_t)(rand() % 64);
			for (size_t k = 0; k < n; k++)
				line[k] = (char)rand();
			line[n++] = '\n';
		} else {
			strcpy(line, seeds[rand() % (sizeof seeds / sizeof *seeds)]);
			n = strlen(line);
			line[(size_t)rand() % n] = (char)rand();
		}
		say_bytes(r, fd, line, n);
		while (recv(fd, sink, sizeof sink, 0) > 0)
			;
	}
	say(r, fd, "\xff");
	hear(fd);
	answers(r, fd, "{\"execute\": \"query-name\"}", "{\"return\": {\"name\": \"unring\"}}");
	close(fd);
}

#define EVENT(type, data)                                                                          \
	"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"" type      \
	"\", \"data\": " data "}]}}"

static void test_arguments(void **state)
{
	static const struct {
		const char *command, *reply;
	} cases[] = {
		{"{\"execute\": \"nonesuch\"}",
	         "\"CommandNotFound\", \"desc\": \"The command nonesuch has not been found\""},
		{"{\"execute\": \"stop\", \"arguments\": {\"x\": 1}}",
	         "Parameter 'x' is unexpected"},
		{"{\"execute\": \"screendump\"}", "Parameter 'filename' is missing"},
		{"{\"execute\": \"screendump\", \"arguments\": {\"filename\": 1}}",
	         "Invalid parameter type for 'filename', expected: string"},
		{"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/none/x\", \"format\": \"gif\"}}",
	         "'format' does not accept"},
		{"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/none/x\"}}",
	         "\"/none/x: No such file or directory\""},
		{"{\"execute\": \"send-key\", \"arguments\": {\"keys\": []}}", "1 to 16 keys"},
		{"{\"execute\": \"send-key\", \"arguments\": {\"keys\": [{\"type\": \"number\", \"data\": 1}]}}",
	         "a key is"},
		{"{\"execute\": \"send-key\", \"arguments\": {\"keys\": [{\"type\": \"qcode\", \"data\": \"a\"}], \"hold-time\": -1}}",
	         "'hold-time' expects a number from 0 to 10000"},
		{"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"rel\", \"data\": {}}]}}",
	         "there is no such axis: \""},
		{EVENT("touch", "{}"), "only events of the types key, btn, rel and abs"},
		{EVENT("rel", "{\"axis\": \"z\", \"value\": 1}"), "there is no such axis: z"},
		{EVENT("rel", "{\"axis\": \"x\"}"), "from -2147483647 to 2147483647"},
		{EVENT("rel", "{\"axis\": \"x\", \"value\": 2147483648}"), "'value' expects"},
		{EVENT("abs", "{\"axis\": \"y\", \"value\": -1}"), "from 0 to 32767"},
		{EVENT("abs", "{\"axis\": \"y\", \"value\": 32768}"), "from 0 to 32767"},
		{EVENT("btn", "{\"down\": true, \"button\": \"fire\"}"), "no such button: fire"},
		{EVENT("btn", "{\"button\": \"left\"}"), "Parameter 'down' is missing"},
		{EVENT("btn", "7"), "Parameter 'down' is missing"},
		{"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"key\", "
	         "\"data\": {\"down\": true, \"key\": {\"type\": \"qcode\", \"data\": \"b\"}}}, {\"type\": "
	         "\"key\", \"data\": {\"key\": {\"type\": \"qcode\", \"data\": \"b\"}}}]}}",
	         "Parameter 'down' is missing"},
		{"{\"execute\": \"x-wait-text\", \"arguments\": {\"text\": \"\"}}", "empty"},
		{"{\"execute\": \"eject\"}", "Parameter 'id' is missing"},
		{"{\"execute\": \"eject\", \"arguments\": {\"id\": \"x\"}}",
	         "\"DeviceNotFound\", \"desc\": \"Device 'x' not found\""},
		{"{\"execute\": \"query-chardev\"}",
	         "[{\"label\": \"serial0\", \"filename\": \"none\", \"frontend-open\": true}]"},
		{"{\"execute\": \"x-stats\"}", "{\"return\": {\"units\": 5, \"seconds\": 1.5}}"},
		{"{\"execute\": \"query-version\"}", "{\"return\": {\"qemu\": {\"major\": 0"},
		{"{\"execute\": \"query-commands\"}", "{\"name\": \"query-status\"}"},
	};
	struct rig *r = *state;
	int fd = call_ready(r);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		answers(r, fd, cases[i].command, cases[i].reply);
	assert_string_equal(r->keys, "");
	assert_string_equal(r->steps, "");
	assert_int_equal(r->stops, 0);
	close(fd);
}

static void test_not_there(void **state)
{
	static const char *const commands[] = {
		"{\"execute\": \"system_powerdown\"}",
		"{\"execute\": \"x-screen-text\"}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/none/x\"}}",
		"{\"execute\": \"send-key\", \"arguments\": {\"keys\": [{\"type\": \"qcode\", \"data\": \"a\"}]}}",
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": []}}",
		EVENT("rel", "{\"axis\": \"x\", \"value\": 1}"),
		"{\"execute\": \"x-type-text\", \"arguments\": {\"text\": \"a\"}}",
	};
	struct rig *r = *state;
	int fd = call_ready(r);
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
		answers(r, fd, commands[i], "this machine has no ");
	answers(r, fd, "{\"execute\": \"query-block\"}", "{\"return\": []}");
	answers(r, fd, "{\"execute\": \"query-mice\"}", "{\"return\": []}");
	close(fd);
}

/* The loop for so long. */
static void run(struct rig *r, unsigned ms)
{
	uint64_t end = host_monotonic_ns() + ms * 1000000ull;
	while (host_monotonic_ns() < end) {
		turn(r);
		usleep(1000);
	}
}

/* They go on to the machine as a whole, which may refuse them. */
static void test_keys(void **state)
{
	static const char press[] =
		"{\"execute\": \"send-key\", \"arguments\": {\"hold-time\": 20, \"keys\": "
		"[{\"type\": \"qcode\", \"data\": \"ctrl\"}, {\"type\": \"qcode\", \"data\": \"c\"}]}}";
	static const char events[] =
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"key\", "
		"\"data\": {\"down\": true, \"key\": {\"type\": \"qcode\", \"data\": \"b\"}}}, {\"type\": "
		"\"key\", \"data\": {\"down\": false, \"key\": {\"type\": \"qcode\", \"data\": \"a\"}}}]}}";
	static const char text[] =
		"{\"execute\": \"x-type-text\", \"arguments\": {\"text\": \"xA\\n\\u00e9\"}}";
	struct rig *r = *state;
	int fd = call_ready(r);
	answers(r, fd, press, "{\"return\": {}}");
	assert_string_equal(r->keys, "ctrl+ c+ 20 c- ctrl- ");
	*r->keys = 0;
	answers(r, fd, events, "{\"return\": {}}");
	assert_string_equal(r->keys, "b+ a- ");
	*r->keys = 0;
	answers(r, fd, text, "{\"return\": {}}");
	assert_string_equal(r->keys, "xA\n\xc3\xa9");
	*r->keys = 0;
	r->no_keys = true;
	answers(r, fd, press, "\"GenericError\", \"desc\": \"no keys today\"");
	answers(r, fd, events, "\"GenericError\", \"desc\": \"no keys today\"");
	answers(r, fd, text, "\"GenericError\", \"desc\": \"no text today\"");
	assert_string_equal(r->keys, "");
	close(fd);
}

/* In their order; those beside keys are done if the keys are. */
static void test_pointer(void **state)
{
	static const char all[] =
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": ["
		"{\"type\": \"rel\", \"data\": {\"axis\": \"x\", \"value\": -5}},"
		"{\"type\": \"rel\", \"data\": {\"axis\": \"y\", \"value\": 7}},"
		"{\"type\": \"abs\", \"data\": {\"axis\": \"x\", \"value\": 0}},"
		"{\"type\": \"abs\", \"data\": {\"axis\": \"y\", \"value\": 32767}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"left\", \"down\": true}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"right\", \"down\": true}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"middle\", \"down\": false}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"side\", \"down\": true}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"extra\", \"down\": false}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"wheel-up\", \"down\": true}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"wheel-up\", \"down\": false}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"wheel-down\", \"down\": true}}]}}";
	static const char both[] =
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": ["
		"{\"type\": \"rel\", \"data\": {\"axis\": \"x\", \"value\": 1}},"
		"{\"type\": \"key\", \"data\": {\"down\": true, \"key\": {\"type\": \"qcode\", "
		"\"data\": \"b\"}}}]}}";
	struct rig *r = *state;
	int fd = call_ready(r);
	answers(r, fd, all, "{\"return\": {}}");
	assert_string_equal(r->steps,
	                    "dx-5 dy7 x0 y32767 down1 down2 up4 down8 up16 wheel-1 wheel1 ");
	assert_string_equal(r->keys, "");
	*r->steps = 0;
	answers(r, fd, both, "{\"return\": {}}");
	assert_string_equal(r->keys, "b+ ");
	assert_string_equal(r->steps, "dx1 ");
	*r->steps = 0;
	r->no_keys = true;
	answers(r, fd, both, "no keys today");
	assert_string_equal(r->steps, "");
	answers(r, fd, "{\"execute\": \"query-mice\"}",
	        "[{\"name\": \"PS/2 Mouse\", \"index\": 0, \"current\": true, \"absolute\": false}, "
	        "{\"name\": \"vmmouse\", \"index\": 1, \"current\": false, \"absolute\": true}]");
	r->absolute = true;
	answers(r, fd, "{\"execute\": \"query-mice\"}",
	        "\"index\": 0, \"current\": false, \"absolute\": false}, {\"name\": \"vmmouse\", "
	        "\"index\": 1, \"current\": true");
	close(fd);
}

static void print(struct rig *r, const char *text)
{
	for (; *text; text++)
		printed_put(&r->printed, (uint8_t)*text);
}

static void test_wait(void **state)
{
	static const char wait_up[] =
		"{\"execute\": \"x-wait-text\", \"arguments\": {\"text\": \"up\", \"timeout\": 5000}}";
	struct rig *r = *state;
	int one = call_ready(r), two = call_ready(r);
	print(r, "hup");
	say(r, one, wait_up);
	run(r, 100);
	assert_string_equal(hear(one), "{\"return\": {}}\r\n");
	/* What was found is not found again; who comes behind waits for the answer, others do not. */
	say(r, one, wait_up);
	say(r, one, "{\"execute\": \"query-name\"}");
	say(r, two, wait_up);
	run(r, 100);
	assert_string_equal(hear(one), "");
	int three = call_ready(r);
	close(three);
	print(r, "cup");
	run(r, 100);
	assert_string_equal(hear(one),
	                    "{\"return\": {}}\r\n{\"return\": {\"name\": \"unring\"}}\r\n");
	assert_string_equal(hear(two), "{\"return\": {}}\r\n");
	answers(r, one, "{\"execute\": \"x-screen-text\"}", "shows graphics");
	r->screen = "A:\\>\n";
	answers(r, one, "{\"execute\": \"x-screen-text\"}", "{\"text\": \"A:\\\\>\\n\"}");
	say(r, one, "{\"execute\": \"x-wait-text\", \"arguments\": {\"text\": \"A:\\\\>\"}}");
	run(r, 100);
	assert_string_equal(hear(one), "{\"return\": {}}\r\n");
	say(r, one,
	    "{\"execute\": \"x-wait-text\", \"id\": 3, \"arguments\": {\"text\": \"B:\", \"timeout\": 30}}");
	run(r, 200);
	assert_string_equal(hear(one),
	                    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"the text did "
	                    "not appear in time\"}, \"id\": 3}\r\n");
	/* One who goes while he waits. */
	say(r, two, wait_up);
	close(two);
	run(r, 50);
	print(r, "up");
	run(r, 100);
	answers(r, one, "{\"execute\": \"query-name\"}", "{\"return\"");
	close(one);
}

static void send_file(struct rig *r, int fd, const char *command, int file)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = {0};
	struct iovec v = {(void *)command, strlen(command)};
	struct msghdr h = {.msg_iov = &v,
	                   .msg_iovlen = 1,
	                   .msg_control = room.bytes,
	                   .msg_controllen = sizeof room.bytes};
	room.head = (struct cmsghdr){CMSG_LEN(sizeof file), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&room.head), &file, sizeof file);
	assert_int_equal(sendmsg(fd, &h, 0), (ssize_t)strlen(command));
	close(file);
	turn(r);
}

static void test_files(void **state)
{
	struct rig *r = *state;
	int fd = call_ready(r), pipes[2];
	send_file(
		r, fd,
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\", \"format\": \"png\"}}",
		open(r->image, O_CREAT | O_WRONLY, 0600));
	assert_string_equal(hear(fd), "{\"return\": {}}\r\n");
	char text[4] = "";
	int image = open(r->image, O_RDONLY);
	assert_int_equal(read(image, text, 4), 3);
	assert_string_equal(text, "png");
	send_file(
		r, fd,
		"{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", \"filename\": \"b.img\", \"read-only-mode\": \"read-only\"}}",
		image);
	assert_string_equal(hear(fd), "{\"return\": {}}\r\n");
	answers(r, fd, "{\"execute\": \"query-block\"}",
	        "\"inserted\": {\"file\": \"b.img\", \"ro\": true");
	answers(r, fd, "{\"execute\": \"query-block\"}",
	        "\"removable\": true, \"locked\": true, \"tray_open\": false");
	for (unsigned force = 0; force < 2; force++) {
		char change[200];
		snprintf(change, sizeof change,
		         "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": "
		         "\"floppy0\", \"filename\": \"c.img\", \"read-only-mode\": \"read-only\", "
		         "\"force\": %s}}",
		         force ? "true" : "false");
		send_file(r, fd, change, open(r->image, O_RDONLY));
		assert_non_null(strstr(hear(fd), force ? "{\"return\": {}}" : "\"kept\""));
	}
	answers(r, fd, "{\"execute\": \"eject\", \"arguments\": {\"device\": \"floppy0\"}}",
	        "\"desc\": \"locked\"");
	answers(r, fd,
	        "{\"execute\": \"eject\", \"arguments\": {\"device\": \"floppy0\", \"force\": true}}",
	        "{\"return\"");
	/* One that was kept, and goes with the command that names it. */
	send_file(r, fd, "{\"execute\": \"add-fd\", \"arguments\": {\"fdset-id\": 3}}",
	          open(r->image, O_CREAT | O_WRONLY | O_TRUNC, 0600));
	assert_non_null(strstr(hear(fd), "{\"return\": {\"fdset-id\": 3, \"fd\": "));
	static const char dump[] =
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/dev/fdset/3\"}}";
	answers(r, fd, dump, "{\"return\": {}}");
	answers(r, fd, dump, "/dev/fdset/3: No such file");
	image = open(r->image, O_RDONLY);
	assert_int_equal(read(image, text, 4), 3);
	assert_string_equal(text, "ppm");
	send_file(r, fd, "{\"execute\": \"add-fd\"}", image);
	assert_non_null(strstr(hear(fd), "\"fdset-id\": 0"));
	answers(r, fd, "{\"execute\": \"remove-fd\", \"arguments\": {\"fdset-id\": 0}}",
	        "{\"return\"");
	answers(r, fd, "{\"execute\": \"remove-fd\", \"arguments\": {\"fdset-id\": 0}}", "no such");
	answers(r, fd, "{\"execute\": \"add-fd\"}", "SCM_RIGHTS");
	/* A pipe could make the guest wait. */
	assert_int_equal(pipe(pipes), 0);
	send_file(r, fd, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\"}}",
	          pipes[1]);
	assert_non_null(strstr(hear(fd), "not a plain file"));
	assert_int_equal(read(pipes[0], text, 1), 0); /* closed */
	close(pipes[0]);
	send_file(r, fd, "{\"execute\": \"x-dump-cache\", \"arguments\": {\"filename\": \"i\"}}",
	          open(r->image, O_WRONLY));
	assert_non_null(strstr(hear(fd), "no room"));
	close(fd);
}

static void check_file(const char *name, const char *wanted)
{
	char text[16] = "";
	int fd = open(name, O_RDONLY);
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	assert_int_equal(n, strlen(wanted));
	assert_string_equal(text, wanted);
}

/* As stock clients name them: nothing comes along. */
static void test_names(void **state)
{
	struct rig *r = *state;
	int fd = call_ready(r);
	answers(r, fd, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\"}}",
	        "{\"return\": {}}");
	check_file("i", "ppm");
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\", \"format\": \"png\"}}",
	        "{\"return\": {}}");
	check_file("i", "png");
	/* What fails loses nothing. */
	answers(r, fd, "{\"execute\": \"x-dump-cache\", \"arguments\": {\"filename\": \"i\"}}",
	        "\"no room\"");
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\", \"device\": 1}}",
	        "'device'");
	check_file("i", "png");
	/* None is made where the arguments are wrong, or only one that is there is wanted. */
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"j\", \"device\": 1}}",
	        "'device'");
	answers(r, fd,
	        "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", \"filename\": \"j\"}}",
	        "j: No such file");
	answers(r, fd, "{\"execute\": \"x-type-text\", \"arguments\": {\"filename\": \"j\"}}",
	        "'filename' is unexpected");
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"j\", \"format\": \"gif\"}}",
	        "'format' does not accept");
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"j\"}, \"more\": 1}",
	        "member is unexpected");
	int early = call(r);
	hear(early);
	answers(r, early, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"j\"}}",
	        "Expecting capabilities");
	answers(r, early,
	        "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}}",
	        "no capability");
	answers(r, early, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"j\"}}",
	        "Expecting capabilities");
	close(early);
	assert_int_not_equal(access("j", F_OK), 0);
	answers(r, fd,
	        "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", \"filename\": \"i\"}}",
	        "{\"return\": {}}");
	assert_string_equal(r->medium, "i");
	assert_int_equal(fcntl(r->medium_fd, F_GETFL) & O_ACCMODE, O_RDWR);
	answers(r, fd,
	        "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", "
	        "\"filename\": \"i\", \"read-only-mode\": \"read-only\"}}",
	        "{\"return\": {}}");
	assert_int_equal(fcntl(r->medium_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	/* What could make somebody wait, or has no contents. */
	assert_int_equal(mkfifo("fifo", 0600), 0);
	answers(r, fd, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"fifo\"}}",
	        "fifo: not a plain file");
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/dev/null\"}}",
	        "/dev/null: not a plain file");
	answers(r, fd, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \".\"}}",
	        ".: Is a directory");
	answers(r, fd, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"\"}}",
	        ": No such file");
	/* Of values that are listed none is accepted for its beginning. */
	static const char *const modes[] = {"read-onl", "read-only|", "read", "",
	                                    "retain|read-write"};
	for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
		char text[256];
		snprintf(text, sizeof text,
		         "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": "
		         "\"floppy0\", \"filename\": \"i\", \"read-only-mode\": \"%s\"}}",
		         modes[i]);
		answers(r, fd, text, "'read-only-mode' does not accept");
	}
	answers(r, fd,
	        "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", "
	        "\"filename\": \"i\", \"read-only-mode\": \"read-write\", \"format\": \"raw\", "
	        "\"force\": true}}",
	        "{\"return\": {}}");
	close(fd);
}

/* Commands that follow each other without a pause: each has its own file, and what comes after a
 * wait is answered after it. */
static void test_pipelined(void **state)
{
	static const char *const each[] = {
		"{\"execute\": \"query-name\", \"id\": 1}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"p\", \"format\": \"png\"}, \"id\": 2}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/none/x\"}, \"id\": 3}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"q\"}, %6000s \"id\": 4}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"r\", \"format\": \"png\"}, \"id\": 5}",
		"{\"execute\": \"add-fd\", \"id\": 6}",
		"{\"execute\": \"x-wait-text\", \"arguments\": {\"text\": \"up\", \"timeout\": 20}, \"id\": 7}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"s\"}, \"id\": 8}",
	};
	enum { EACH = sizeof each / sizeof *each };
	struct rig *r = *state;
	int fd = call_ready(r);
	char text[8192] = "", *p = text;
	for (unsigned i = 0; i < EACH; i++) /* one is longer than what is read at once */
		p += snprintf(p, (size_t)(text + sizeof text - p), each[i], "");
	p = text;
	/* In pieces of all lengths, so that files arrive in the midst of what is read. */
	for (unsigned most = 1; most < 5000; most = 2 * most + 1) {
		for (size_t n; (n = strlen(p) < most ? strlen(p) : most); p += n) {
			assert_int_equal(send(fd, p, n, 0), n);
			front_serve(r->front, 0);
		}
		p = text;
		char said[4096] = "";
		size_t length = 0;
		for (unsigned i = 0; i < 1000 && !strstr(said, "\"id\": 8"); i++) {
			snprintf(said + length, sizeof said - length, "%s", hear(fd));
			length = strlen(said);
			usleep(1000);
		}
		const char *at = said;
		for (int id = 1; id <= EACH; id++) {
			char wanted[32];
			snprintf(wanted, sizeof wanted, "\"id\": %d}", id);
			const char *next = strstr(at, wanted);
			if (!next)
				fail_msg("%s is not in its place: %s", wanted, said);
			bool good = !memcmp(at, "{\"return\"", 9);
			assert_int_equal(good, id != 3 && id != 6 && id != 7);
			at = next + strlen(wanted) + 2;
		}
		check_file("p", "png");
		check_file("q", "ppm");
		check_file("r", "png");
		check_file("s", "ppm");
		remove_files();
	}
	close(fd);
}

/* One who asks and does not read goes; the others stay. */
static void test_deaf(void **state)
{
	struct rig *r = *state;
	int deaf = call_ready(r), other = call_ready(r);
	uint64_t start = host_monotonic_ns();
	for (unsigned i = 0; i < 2000; i++) {
		static const char ask[] = "{\"execute\": \"query-commands\"}\n";
		send(deaf, ask, sizeof ask - 1, MSG_NOSIGNAL);
		turn(r);
	}
	assert_true(host_monotonic_ns() - start < 10000000000ull);
	answers(r, other, "{\"execute\": \"query-name\"}", "{\"return\"");
	assert_true(hung_up(deaf));
	close(deaf);
	/* One who has asked for nothing but events. */
	deaf = call_ready(r);
	for (unsigned i = 0; i < 20000; i++)
		qmp_event(r->qmp, "STOP", NULL);
	assert_true(hung_up(deaf));
	close(deaf);
	close(other);
}

/* Many come and go, in the midst of a command too. */
static void test_many(void **state)
{
	struct rig *r = *state;
	int fds[64];
	for (unsigned i = 0; i < 1000; i++) {
		int fd = call(r);
		if (i % 3)
			say(r, fd, "{\"execute\": \"qmp_cap");
		close(fd);
		turn(r);
	}
	for (unsigned i = 0; i < 64; i++)
		fds[i] = call_ready(r);
	int more = call(r);
	assert_true(hung_up(more));
	close(more);
	answers(r, fds[0], "{\"execute\": \"query-name\"}", "{\"return\"");
	for (unsigned i = 0; i < 64; i++)
		close(fds[i]);
	turn(r);
	close(call_ready(r));
}

static void test_printed(void **state)
{
	static struct printed p;
	uint64_t from = 0;
	for (unsigned i = 0; i < 5 * PRINTED_KEEPS; i++)
		printed_put(&p, '.');
	assert_false(printed_find(&p, "ab", &from));
	assert_int_equal(from, 0);
	printed_put(&p, 'a');
	printed_put(&p, 'b');
	printed_put(&p, 'c');
	assert_true(printed_find(&p, "ab", &from));
	assert_int_equal(from, 5 * PRINTED_KEEPS + 2);
	assert_false(printed_find(&p, "bc", &from));
	assert_true(printed_find(&p, "c", &from));
	from = 0;
	for (unsigned i = 0; i < PRINTED_KEEPS - 3; i++)
		printed_put(&p, '.');
	assert_true(printed_find(&p, "abc", &from));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_negotiation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_huge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fuzz, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_there, setup_bare, teardown),
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pointer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipelined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deaf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test(test_printed),
	};
	return cmocka_run_group_tests_name("qmp", tests, NULL, NULL);
}
