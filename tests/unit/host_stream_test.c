/* links: host util */
/* Streams: what waits for whom, what is lost, and all that they can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/broker.h"
#include "host/stream.h"
#include "host/timer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND 1000000000ull

struct end {
	struct stream_host host;
	struct stream *s;
	sig_atomic_t give_up;
	unsigned opens, rooms, closes, failures;
	int err;
	char got[256]; /* input */
	size_t count;
};

static void failed(void *ctx, const struct stream *s, int err)
{
	struct end *e = ctx;
	e->failures++;
	e->err = err;
}

static void on_open(void *ctx)
{
	((struct end *)ctx)->opens++;
}

static void on_room(void *ctx)
{
	((struct end *)ctx)->rooms++;
}

static void on_close(void *ctx)
{
	((struct end *)ctx)->closes++;
}

static void on_input(void *ctx)
{
	struct end *e = ctx;
	e->count += stream_read(e->s, e->got + e->count, sizeof e->got - 1 - e->count);
	e->got[e->count] = 0;
}

static void begin(struct end *e)
{
	*e = (struct end){0};
	e->host = (struct stream_host){loop_create(), &e->give_up, e, failed};
}

static void attach(struct end *e)
{
	stream_attach(e->s, (struct stream_client){e, on_open, on_input, on_room, on_close});
}

static void finish(struct end *e)
{
	stream_close(e->s);
	broker_end();
	loop_destroy(e->host.loop);
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static const char *hear(int fd)
{
	static char text[64];
	ssize_t n = read(fd, text, sizeof text - 1);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static size_t hear_all(int fd, struct loop *l)
{
	static char bytes[65536];
	size_t count = 0;
	ssize_t n;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = read(fd, bytes, sizeof bytes)) > 0) {
		count += (size_t)n;
		loop_poll(l);
	}
	return count;
}

static void fill(struct end *e)
{
	while (stream_room(e->s))
		stream_put(e->s, '.');
}

/* A reader who stops: the ring takes STREAM_ROOM bytes for who looks, and says when there is
 * room again; nothing is lost. */
static void test_room(void **state)
{
	struct end e;
	int p[2];
	begin(&e);
	assert_int_equal(pipe(p), 0);
	e.s = stream_create(-1, p[1], &e.host);
	attach(&e);
	stream_write(e.s, "early", 5);
	assert_true(stream_wants_polls(e.s));
	stream_flush(e.s);
	assert_false(stream_wants_polls(e.s));
	assert_string_equal(hear(p[0]), "early");
	uint64_t before = host_monotonic_ns();
	unsigned sent = 0;
	for (; stream_room(e.s); sent++)
		stream_put(e.s, '.');
	assert_int_equal(sent, 65536 + STREAM_ROOM + 1); /* pipe(7) */
	assert_in_range(host_monotonic_ns() - before, 0, SECOND / 2);
	assert_false(stream_wants_polls(e.s)); /* the loop tells */
	assert_false(loop_poll(e.host.loop));
	assert_int_equal(e.rooms, 0);
	assert_int_equal(hear_all(p[0], e.host.loop), sent);
	assert_int_equal(e.rooms, 1);
	assert_true(stream_room(e.s));
	assert_int_equal(e.failures, 0);
	/* He leaves. */
	fill(&e);
	close(p[0]);
	loop_poll(e.host.loop);
	assert_int_equal(e.rooms, 2);
	assert_int_equal(e.failures, 1);
	assert_int_equal(e.err, -EPIPE);
	assert_false(stream_has_reader(e.s));
	stream_put(e.s, '.');
	assert_false(stream_wants_polls(e.s));
	finish(&e);
}

/* Who does not look is held a second, once, when all is full; then bytes are lost, and told
 * of, until the reader reads again. */
static void test_blind_writer(void **state)
{
	struct end e;
	int p[2];
	begin(&e);
	assert_int_equal(pipe(p), 0);
	e.s = stream_create(-1, p[1], &e.host);
	enum { HELD = 65536 + STREAM_RING };
	uint64_t before = host_monotonic_ns();
	for (unsigned i = 0; i < HELD; i++)
		stream_put(e.s, '.');
	assert_in_range(host_monotonic_ns() - before, 0, SECOND);
	assert_int_equal(e.failures, 0);
	for (unsigned i = 0; i < 1000; i++)
		stream_put(e.s, '-');
	assert_in_range(host_monotonic_ns() - before, SECOND, 60 * SECOND);
	assert_int_equal(e.failures, 1);
	assert_int_equal(e.err, -ENOBUFS);
	assert_int_equal(hear_all(p[0], e.host.loop), HELD);
	stream_write(e.s, "again", 5);
	stream_flush(e.s);
	assert_string_equal(hear(p[0]), "again");
	/* A request to end ends the wait. */
	e.give_up = 1;
	before = host_monotonic_ns();
	for (unsigned i = 0; i < HELD + 1000; i++)
		stream_put(e.s, '.');
	stream_drain(e.s);
	assert_in_range(host_monotonic_ns() - before, 0, SECOND - 1);
	assert_int_equal(e.failures, 1);
	finish(&e);
	close(p[0]);
}

/* A slow reader loses nothing even so. */
static void test_slow_reader(void **state)
{
	struct end e;
	int p[2];
	enum { BYTES = 3 * STREAM_RING };
	begin(&e);
	assert_int_equal(pipe(p), 0);
	pid_t reader = fork();
	assert_true(reader >= 0);
	if (!reader) {
		static char bytes[4096];
		size_t count = 0;
		ssize_t n;
		close(p[1]);
		while ((n = read(p[0], bytes, sizeof bytes)) > 0) {
			count += (size_t)n;
			usleep(100);
		}
		_exit(count != BYTES);
	}
	close(p[0]);
	e.s = stream_create(-1, p[1], &e.host);
	for (unsigned i = 0; i < BYTES; i++)
		stream_put(e.s, '.');
	stream_drain(e.s);
	assert_int_equal(e.failures, 0);
	finish(&e);
	int status;
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
}

static int call_unix(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static int call_tcp(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                        .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static int open_at(struct end *e, const char *where, unsigned rights)
{
	struct stream_spec spec;
	assert_true(stream_spec_parse(&spec, ~0u, where));
	return stream_open(&e->s, &spec, rights, &e->host);
}

/* Who listens: one caller after another; while nobody is there, bytes are lost. */
static void test_callers(void **state)
{
	char folder[] = "/tmp/unring-stream-XXXXXX", where[64];
	assert_non_null(mkdtemp(folder));
	for (unsigned tcp = 0; tcp < 2; tcp++) {
		struct end e;
		begin(&e);
		snprintf(where, sizeof where, tcp ? "tcp:0" : "unix:%s/s", folder);
		assert_int_equal(open_at(&e, where, 0600), 0);
		assert_int_equal(stream_port(e.s) != 0, tcp);
		attach(&e);
		for (unsigned i = 1; i < 3; i++) {
			stream_write(e.s, "nobody", 6);
			assert_false(stream_has_reader(e.s));
			int fd = tcp ? call_tcp(stream_port(e.s)) : call_unix(where + 5);
			loop_poll(e.host.loop);
			assert_int_equal(e.opens, i);
			e.count = 0;
			say(fd, "ping");
			loop_poll(e.host.loop);
			assert_string_equal(e.got, "ping");
			stream_pause(e.s, true);
			say(fd, "later");
			assert_false(loop_poll(e.host.loop));
			stream_pause(e.s, false);
			loop_poll(e.host.loop);
			assert_string_equal(e.got, "pinglater");
			stream_write(e.s, "pong", 4);
			stream_flush(e.s);
			assert_string_equal(hear(fd), "pong");
			if (i == 2)
				stream_hang_up(e.s);
			else
				close(fd);
			loop_poll(e.host.loop);
			assert_int_equal(e.closes, i);
			if (i == 2) {
				assert_string_equal(hear(fd), "");
				close(fd);
			}
		}
		/* A caller who leaves while much waits for him. */
		int fd = tcp ? call_tcp(stream_port(e.s)) : call_unix(where + 5);
		loop_poll(e.host.loop);
		fill(&e);
		close(fd);
		loop_poll(e.host.loop);
		loop_poll(e.host.loop);
		assert_int_equal(e.closes, 3);
		assert_int_equal(e.rooms, 1);
		assert_true(stream_room(e.s));
		assert_int_equal(e.failures, 0);
		finish(&e);
	}
	assert_int_equal(rmdir(folder), 0);
}

/* A caller who reads nothing has a second; then there is room until he reads again. */
static void test_deaf_caller(void **state)
{
	struct end e;
	int pair[2];
	char where[32];
	begin(&e);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	snprintf(where, sizeof where, "fd:%d", pair[0]);
	assert_int_equal(open_at(&e, where, 0), 0);
	attach(&e);
	uint64_t before = host_monotonic_ns();
	fill(&e);
	assert_true(stream_wants_polls(e.s)); /* of the clock */
	while (!stream_room(e.s)) {
		usleep(1000);
		stream_flush(e.s);
	}
	assert_in_range(host_monotonic_ns() - before, SECOND, 60 * SECOND);
	assert_false(stream_wants_polls(e.s));
	for (unsigned i = 0; i < STREAM_RING; i++)
		stream_put(e.s, '.');
	assert_true(stream_room(e.s));
	assert_in_range(hear_all(pair[1], e.host.loop), STREAM_RING, 2 * STREAM_RING);
	fill(&e); /* it counts anew */
	assert_false(stream_room(e.s));
	close(pair[1]);
	finish(&e);
}

/* To call, and to be given a descriptor. */
static void test_connected(void **state)
{
	char folder[] = "/tmp/unring-stream-XXXXXX", where[80];
	assert_non_null(mkdtemp(folder));
	for (unsigned kind = 0; kind < 3; kind++) {
		struct end there, e;
		int pair[2], fd;
		begin(&there);
		begin(&e);
		if (kind < 2) {
			snprintf(where, sizeof where, kind ? "tcp:0" : "unix:%s/s", folder);
			assert_int_equal(open_at(&there, where, 0600), 0);
			attach(&there);
			if (kind)
				snprintf(where, sizeof where, "connect:tcp:%u",
				         stream_port(there.s));
			else
				snprintf(where, sizeof where, "connect:unix:%s/s", folder);
		} else {
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
			snprintf(where, sizeof where, "fd:%d", pair[0]);
		}
		assert_int_equal(open_at(&e, where, 0), 0);
		attach(&e);
		if (kind < 2) {
			loop_poll(there.host.loop);
			assert_int_equal(there.opens, 1);
		}
		stream_write(e.s, "ping", 4);
		stream_flush(e.s);
		fd = pair[1];
		if (kind < 2) {
			loop_poll(there.host.loop);
			assert_string_equal(there.got, "ping");
			stream_write(there.s, "pong", 4);
			stream_close(there.s);
		} else {
			assert_string_equal(hear(fd), "ping");
			say(fd, "pong");
			close(fd);
		}
		loop_poll(e.host.loop);
		if (kind == 2)
			assert_string_equal(e.got, "pong");
		loop_poll(e.host.loop);
		assert_int_equal(e.closes, 1);
		assert_false(stream_has_reader(e.s));
		assert_int_equal(e.failures, 0);
		loop_destroy(there.host.loop);
		finish(&e);
	}
	assert_int_equal(rmdir(folder), 0);
}

static void test_names(void **state)
{
	static const char *const good[] = {"unix:s",         "tcp:0",          "tcp:65535",
	                                   "connect:unix:s", "connect:tcp:22", "fd:3"};
	static const char *const bad[] = {
		"",       "unix:",    "tcp:", "tcp:65536",    "tcp:x",         "tcp:1x",
		"tcp:-1", "connect:", "fd:2", "connect:unix", "connect:unix:", "fd:",
		"fd:3x",  "stdio",    "unix"};
	const unsigned kinds =
		~(1u << STREAM_NONE | 1u << STREAM_STDIO | 1u << STREAM_FILE | 1u << STREAM_PORT);
	struct stream_spec spec;
	struct end e;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(stream_spec_parse(&spec, kinds, good[i]));
		assert_string_equal(spec.text, good[i]);
	}
	assert_int_equal(spec.kind, STREAM_FD);
	assert_int_equal(spec.number, 3);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(stream_spec_parse(&spec, kinds, bad[i]));
	assert_true(stream_spec_parse(&spec, kinds | 1u << STREAM_PORT, "22"));
	assert_int_equal(spec.kind, STREAM_TCP);
	assert_int_equal(spec.number, 22);
	begin(&e);
	assert_int_equal(open_at(&e, "fd:999", 0), -EBADF);
	assert_int_equal(open_at(&e, "connect:unix:/nonexistent/s", 0), -ENOENT);
	loop_destroy(e.host.loop);
}

/* A pipe has one direction. */
static void test_pipes(void **state)
{
	struct end in, out;
	int p[2];
	char where[32];
	begin(&in);
	begin(&out);
	assert_int_equal(pipe(p), 0);
	snprintf(where, sizeof where, "fd:%d", p[0]);
	assert_int_equal(open_at(&in, where, 0), 0);
	attach(&in);
	snprintf(where, sizeof where, "fd:%d", p[1]);
	assert_int_equal(open_at(&out, where, 0), 0);
	attach(&out);
	assert_false(stream_has_reader(in.s));
	stream_write(out.s, "through", 7);
	stream_flush(out.s);
	loop_poll(in.host.loop);
	assert_string_equal(in.got, "through");
	finish(&out);
	loop_poll(in.host.loop);
	assert_int_equal(in.closes, 1);
	assert_false(loop_poll(in.host.loop));
	finish(&in);
}

/* A terminal that nobody reads: what is written neither waits nor makes others wait. */
static void test_terminal(void **state)
{
	struct end e;
	int master, slave;
	begin(&e);
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	int flags = fcntl(slave, F_GETFL);
	e.s = stream_create(slave, dup(slave), &e.host);
	attach(&e);
	assert_true(stream_is_terminal(e.s));
	uint64_t before = host_monotonic_ns();
	fill(&e);
	assert_in_range(host_monotonic_ns() - before, 0, SECOND);
	assert_int_equal(fcntl(slave, F_GETFL), flags); /* others have it, too */
	say(master, "key\n");
	loop_poll(e.host.loop);
	assert_string_equal(e.got, "key\n");
	assert_int_equal(e.rooms, 0);
	/* The end does not wait for it once that is wanted. */
	stream_hurry(e.s);
	stream_drain(e.s);
	assert_in_range(host_monotonic_ns() - before, SECOND, 60 * SECOND);
	assert_int_equal(e.rooms, 1);
	assert_int_equal(e.failures, 0);
	finish(&e);
	close(master);
}

/* One that may be written to, and not opened: by the byte, and nothing is lost. */
static void test_anothers_terminal(void **state)
{
	struct end e;
	int master, slave;
	unsigned sent = 0;
	if (geteuid()) {
		print_message("only root can be another\n");
		skip();
	}
	begin(&e);
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(seteuid(65534), 0);
	e.s = stream_create(-1, slave, &e.host);
	assert_int_equal(seteuid(0), 0);
	uint64_t before = host_monotonic_ns();
	for (; stream_room(e.s); sent++)
		stream_put(e.s, '.');
	assert_in_range(host_monotonic_ns() - before, 0, 10 * SECOND);
	size_t heard = 0; /* the kernel passes it on in its own time */
	for (unsigned i = 0; i < 10000 && heard < sent; i++) {
		heard += hear_all(master, e.host.loop);
		usleep(1000);
	}
	assert_int_equal(heard, sent);
	assert_int_equal(e.failures, 0);
	finish(&e);
	close(master);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room),        cmocka_unit_test(test_blind_writer),
		cmocka_unit_test(test_slow_reader), cmocka_unit_test(test_callers),
		cmocka_unit_test(test_deaf_caller), cmocka_unit_test(test_connected),
		cmocka_unit_test(test_names),       cmocka_unit_test(test_pipes),
		cmocka_unit_test(test_terminal),    cmocka_unit_test(test_anothers_terminal),
	};
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
