/* A control socket and its front, in one process, against a machine that is none. */
#ifndef UNRING_TESTS_QMP_FIXTURE_H
#define UNRING_TESTS_QMP_FIXTURE_H

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

static inline void on_stop(void *ctx)
{
	struct rig *r = ctx;
	r->stops++;
	r->stopped = true;
	qmp_event(r->qmp, "STOP", NULL);
}

static inline void on_cont(void *ctx)
{
	struct rig *r = ctx;
	r->conts++;
	r->stopped = false;
}

static inline void on_reset(void *ctx)
{
	((struct rig *)ctx)->resets++;
}

static inline void on_quit(void *ctx)
{
	((struct rig *)ctx)->quits++;
}

static inline void on_powerdown(void *ctx)
{
	((struct rig *)ctx)->powerdowns++;
}

static inline const char *on_status(void *ctx)
{
	return ((struct rig *)ctx)->stopped ? "paused" : "running";
}

static inline bool on_serial_find(void *ctx, const char *text)
{
	struct rig *r = ctx;
	return printed_find(&r->printed, text, &r->found);
}

static inline bool on_screen_text(void *ctx, char *to, size_t most)
{
	struct rig *r = ctx;
	if (r->screen)
		snprintf(to, most, "%s", r->screen);
	return r->screen;
}

static inline bool on_screendump(void *ctx, int fd, bool png, struct problem *why)
{
	const char *text = png ? "png" : "ppm";
	return !file_append(fd, text, 3) && !file_end_here(fd);
}

static inline bool on_keys(void *ctx, const struct control_key *keys, unsigned n,
                           struct problem *why)
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

static inline bool on_type(void *ctx, const char *text, struct problem *why)
{
	struct rig *r = ctx;
	if (r->no_keys)
		return problem_set(why, "no text today");
	strcat(r->keys, text);
	return true;
}

static inline void on_pointer(void *ctx, const struct pointer_step *s, unsigned n)
{
	static const char *const names[] = {"dx", "dy", "x", "y", "wheel", "down", "up"};
	struct rig *r = ctx;
	for (unsigned i = 0; i < n && strlen(r->steps) < 400; i++) {
		char step[32];
		snprintf(step, sizeof step, "%s%d ", names[s[i].kind], s[i].value);
		strcat(r->steps, step);
	}
}

static inline bool on_pointer_is_absolute(void *ctx)
{
	return ((struct rig *)ctx)->absolute;
}

static inline bool on_block(void *ctx, unsigned i, struct control_block *b)
{
	struct rig *r = ctx;
	*b = (struct control_block){
		"floppy0", *r->medium ? r->medium : NULL, r->read_only, false, true, r->read_only};
	return !i;
}

static inline bool on_change(void *ctx, const char *device, int fd, const char *file,
                             bool read_only, bool force, struct problem *why)
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

static inline bool on_eject(void *ctx, const char *device, bool force, struct problem *why)
{
	struct rig *r = ctx;
	if (!force && r->read_only)
		return problem_set(why, "locked");
	*r->medium = 0;
	return true;
}

static inline bool on_chardev(void *ctx, unsigned i, const char **label, const char **where)
{
	*label = "serial0";
	*where = "none";
	return !i;
}

static inline void on_stats(void *ctx, FILE *f)
{
	fputs("units 5\nseconds 1.500\n", f);
}

static inline bool on_dump(void *ctx, int fd, struct problem *why)
{
	return problem_set(why, "no room");
}

static inline struct control_target target_of(struct rig *r)
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

static inline void begin(struct rig *r, const struct control_target *t)
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

static inline void remove_files(void)
{
	DIR *d = opendir(".");
	for (const struct dirent *e; (e = readdir(d));)
		unlink(e->d_name);
	closedir(d);
}

static inline int setup(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	struct control_target t = target_of(r);
	begin(r, &t);
	*state = r;
	return 0;
}

/* A machine that has nothing beside its run. */
static inline int setup_bare(void **state)
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

static inline int teardown(void **state)
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
static inline bool turn(struct rig *r)
{
	bool front = front_serve(r->front, 0) > 0;
	return loop_poll(r->loop) || front;
}

static inline void settle(struct rig *r)
{
	while (turn(r))
		;
}

static inline int call(struct rig *r)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	strcpy(a.sun_path, r->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	settle(r);
	return fd;
}

static inline void say_bytes(struct rig *r, int fd, const char *text, size_t n)
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

static inline void say(struct rig *r, int fd, const char *text)
{
	say_bytes(r, fd, text, strlen(text));
}

static inline const char *hear(int fd)
{
	static char text[65536];
	settle(rig);
	ssize_t n = recv(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static inline int call_ready(struct rig *r)
{
	int fd = call(r);
	assert_non_null(strstr(hear(fd), "\"QMP\""));
	say(r, fd, "{\"execute\": \"qmp_capabilities\"}");
	assert_string_equal(hear(fd), "{\"return\": {}}\r\n");
	return fd;
}

static inline void answers(struct rig *r, int fd, const char *command, const char *reply)
{
	say(r, fd, command);
	const char *text = hear(fd);
	if (!strstr(text, reply))
		fail_msg("%s\nis answered by: %s\nnot by: %s", command, text, reply);
}

static inline bool hung_up(int fd)
{
	char bytes[65536];
	ssize_t n;
	settle(rig);
	while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
		;
	return !n || errno == ECONNRESET;
}

#endif
