/* links: machine util */
/* The host's end of the serial line: terminal, pipe, file, socket. */
#include "dev_fixture.h"

#include "host/broker.h"
#include "machine/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

enum { BASE = 0x3f8, RBR = BASE, IIR = BASE + 2, MCR = BASE + 4, LSR = BASE + 5 };

struct host {
	struct rig rig;
	struct loop *loop;
	struct outputs outputs;
	struct stream *stdio;
	struct serial *serial;
	struct uart *uart;
	sig_atomic_t give_up;
	unsigned quits, failures;
	int error;
	struct problem problem;
	int saved_stdin;
};

static void quit(void *ctx)
{
	((struct host *)ctx)->quits++;
}

static void failed(void *ctx, const struct stream *s, int err)
{
	struct host *h = ctx;
	h->failures++;
	h->error = -err;
}

/* in replaces standard input; out_fd standard output. */
static bool host_open(struct host *h, const char *where, int in, int out_fd)
{
	*h = (struct host){0};
	h->saved_stdin = dup(0);
	if (in >= 0)
		dup2(in, 0);
	rig_open(&h->rig);
	h->loop = loop_create();
	struct stream_host host = {h->loop, &h->give_up, h, failed};
	h->stdio = stream_create(0, out_fd >= 0 ? dup(out_fd) : -1, &host);
	struct serial_owner owner = {
		.ctx = h, .quit = quit, .outputs = &h->outputs, .stdio = h->stdio, .host = host};
	struct stream_spec spec;
	assert_true(stream_spec_parse(&spec, ~0u, where));
	if (!serial_open(&h->serial, &spec, owner, &h->problem))
		return false;
	h->uart = uart_create(h->rig.bus, h->rig.clock, BASE, (struct irq_line){0},
	                      serial_peer(h->serial));
	serial_attach(h->serial, h->uart);
	return true;
}

static void host_close(struct host *h)
{
	if (h->serial) {
		serial_attach(h->serial, NULL);
		uart_type.destroy(h->uart);
		serial_close(h->serial);
	}
	stream_close(h->stdio);
	broker_end();
	loop_destroy(h->loop);
	rig_close(&h->rig);
	dup2(h->saved_stdin, 0);
	close(h->saved_stdin);
}

/* What the guest reads now; the FIFO, then RTS are on. */
static const char *guest_reads(struct host *h)
{
	static char text[70000];
	size_t n = 0;
	out(&h->rig, IIR, 1);
	out(&h->rig, MCR, 3);
	loop_poll(h->loop);
	for (size_t before = n + 1; n != before;) {
		before = n;
		while (in(&h->rig, LSR) & 1)
			text[n++] = in(&h->rig, RBR);
		rig_until(&h->rig, h->rig.now + 100000); /* the line rests that long */
	}
	text[n] = 0;
	return text;
}

static void guest_writes(struct host *h, const char *text)
{
	while (*text)
		out(&h->rig, RBR, *text++);
	serial_flush(h->serial);
}

static const char *read_text(int fd)
{
	static char text[4096];
	ssize_t n = read(fd, text, sizeof text - 1);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_pipe(void **state)
{
	struct host h;
	int in_pipe[2], out_pipe[2];
	assert_int_equal(pipe(in_pipe) | pipe(out_pipe), 0);
	assert_true(host_open(&h, "stdio", in_pipe[0], out_pipe[1]));
	say(in_pipe[1], "early");
	loop_poll(h.loop);
	assert_false(in(&h.rig, LSR) & 1); /* the guest is not ready: it waits */
	assert_string_equal(guest_reads(&h), "early");
	say(in_pipe[1], "\1x\3"); /* no keys on a pipe */
	assert_string_equal(guest_reads(&h), "\1x\3");
	assert_int_equal(h.quits, 0);
	guest_writes(&h, "hello");
	assert_string_equal(read_text(out_pipe[0]), "hello");
	/* Its end ends nothing. */
	close(in_pipe[1]);
	assert_true(loop_poll(h.loop));
	assert_false(loop_poll(h.loop)); /* and it is looked at no more */
	guest_writes(&h, "more");
	assert_string_equal(read_text(out_pipe[0]), "more");
	host_close(&h);
	close(in_pipe[0]);
	close(out_pipe[0]);
	close(out_pipe[1]);
}

/* More than the guest takes stays in the pipe, and none is lost. */
static void test_backpressure(void **state)
{
	struct host h;
	FILE *f = tmpfile();
	enum { BYTES = 200000 };
	for (unsigned i = 0; i < BYTES; i++)
		fputc('a' + i % 23, f);
	fflush(f);
	rewind(f);
	assert_true(host_open(&h, "stdio", fileno(f), -1));
	for (unsigned i = 0; i < 100; i++)
		loop_poll(h.loop);
	unsigned got = 0;
	for (unsigned i = 0; i < 1000 && got < BYTES; i++)
		for (const char *p = guest_reads(&h); *p; p++, got++)
			assert_int_equal(*p, 'a' + got % 23);
	assert_int_equal(got, BYTES);
	host_close(&h);
	fclose(f);
}

static void test_terminal(void **state)
{
	struct host h;
	int master, slave;
	struct termios before, during, after;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	tcgetattr(slave, &before);
	assert_true(host_open(&h, "stdio", slave, slave));
	tcgetattr(slave, &during);
	assert_int_equal(during.c_lflag & (ICANON | ECHO | ISIG), 0);

	say(master, "ls\3");
	assert_string_equal(guest_reads(&h), "ls\3");
	say(master, "\1");
	assert_string_equal(guest_reads(&h), "");
	say(master, "\1z");
	assert_string_equal(guest_reads(&h), "\1z");
	say(master, "\1b");
	loop_poll(h.loop);
	assert_int_equal(in(&h.rig, LSR) & 0x11, 0x11);
	assert_int_equal(in(&h.rig, RBR), 0);
	say(master, "\1h");
	assert_string_equal(guest_reads(&h), "");
	assert_non_null(strstr(read_text(master), "Ctrl-A x"));
	assert_int_equal(h.quits, 0);
	say(master, "\1x");
	assert_string_equal(guest_reads(&h), "");
	assert_int_equal(h.quits, 1);

	host_close(&h);
	tcgetattr(slave, &after);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	assert_int_equal(after.c_oflag, before.c_oflag);
	close(master);
	close(slave);
}

/* Keys are read also when the guest reads nothing any more. */
static void test_terminal_of_a_deaf_guest(void **state)
{
	struct host h;
	int master, slave;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_true(host_open(&h, "stdio", slave, -1));
	char line[1000];
	memset(line, 'x', sizeof line);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(write(master, line, sizeof line), sizeof line);
		loop_poll(h.loop);
	}
	say(master, "\1x");
	loop_poll(h.loop);
	assert_int_equal(h.quits, 1);
	host_close(&h);
	close(master);
	close(slave);
}

static void test_file(void **state)
{
	struct host h;
	char path[] = "/tmp/unring-serial-XXXXXX", where[64];
	int fd = mkstemp(path);
	snprintf(where, sizeof where, "file:%s", path);
	assert_true(host_open(&h, where, -1, -1));
	for (unsigned i = 0; i < STREAM_CHUNK; i++)
		out(&h.rig, RBR, 'b');
	assert_int_equal(lseek(fd, 0, SEEK_END), STREAM_CHUNK);
	lseek(fd, 0, SEEK_SET);
	guest_writes(&h, "tail");
	lseek(fd, STREAM_CHUNK, SEEK_SET);
	assert_string_equal(read_text(fd), "tail");
	host_close(&h);
	unlink(path);
	close(fd);

	assert_false(host_open(&h, "file:/nonexistent/out", -1, -1));
	assert_non_null(strstr(h.problem.text, "/nonexistent/out"));
	host_close(&h);
}

/* A failed write is told once; the guest goes on. */
static void test_full(void **state)
{
	struct host h;
	int in_pipe[2];
	for (unsigned i = 0; i < 2; i++) {
		int full = open("/dev/full", O_WRONLY);
		assert_int_equal(pipe(in_pipe), 0);
		assert_true(host_open(&h, i ? "stdio" : "file:/dev/full", in_pipe[0], full));
		for (unsigned n = 0; n < 3; n++)
			guest_writes(&h, "lost");
		assert_int_equal(h.failures, 1);
		assert_int_equal(h.error, ENOSPC);
		host_close(&h);
		close(in_pipe[0]);
		close(in_pipe[1]);
		close(full);
	}
}

static int call(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void test_socket(void **state)
{
	struct host h, other;
	char folder[] = "/tmp/unring-serial-XXXXXX", path[64], where[80];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	snprintf(where, sizeof where, "unix:%s", path);
	assert_true(host_open(&h, where, -1, -1));
	guest_writes(&h, "nobody listens");
	for (unsigned round = 0; round < 2; round++) { /* one caller after another */
		int fd = call(path);
		loop_poll(h.loop);
		say(fd, "ping\1x");
		assert_string_equal(guest_reads(&h), "ping\1x");
		guest_writes(&h, "pong");
		assert_string_equal(read_text(fd), "pong");
		close(fd);
		loop_poll(h.loop);
		guest_writes(&h, "lost");
	}
	/* A second machine does not take it away. */
	assert_false(host_open(&other, where, -1, -1));
	assert_non_null(strstr(other.problem.text, strerror(EADDRINUSE)));
	host_close(&other);
	host_close(&h);
	assert_int_equal(access(path, F_OK), -1);

	/* What a killed one left behind is replaced. */
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	strcpy(a.sun_path, path);
	int stale = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(stale, (struct sockaddr *)&a, sizeof a), 0);
	close(stale);
	assert_true(host_open(&h, where, -1, -1));
	close(call(path));
	host_close(&h);
	assert_int_equal(access(path, F_OK), -1);

	/* No other file is. */
	int plain = open(path, O_CREAT | O_WRONLY, 0600);
	say(plain, "precious");
	assert_false(host_open(&h, where, -1, -1));
	assert_non_null(strstr(h.problem.text, strerror(EEXIST)));
	host_close(&h);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 8);
	close(plain);
	unlink(path);

	/* Nor is it removed at the end when it took the socket's place. */
	assert_true(host_open(&h, where, -1, -1));
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	host_close(&h);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* A caller who does not read holds a guest that does not look at LSR for a while only; who
 * reads again misses what came meanwhile, and hears the rest. */
static void test_deaf_caller(void **state)
{
	struct host h;
	char folder[] = "/tmp/unring-serial-XXXXXX", path[64], where[80], text[4096];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	snprintf(where, sizeof where, "unix:%s", path);
	assert_true(host_open(&h, where, -1, -1));
	int fd = call(path);
	loop_poll(h.loop);
	enum { WRITTEN = 2 * STREAM_RING };
	unsigned heard = 0;
	for (unsigned i = 0; i < WRITTEN; i++)
		out(&h.rig, RBR, 'd');
	ssize_t n;
	while ((n = recv(fd, text, sizeof text, MSG_DONTWAIT)) > 0) {
		heard += (unsigned)n;
		loop_poll(h.loop);
	}
	assert_in_range(heard, STREAM_RING, WRITTEN - 1);
	guest_writes(&h, "heard");
	assert_string_equal(read_text(fd), "heard");
	assert_int_equal(h.failures, 0);
	close(fd);
	loop_poll(h.loop);
	/* The next one is waited for again. */
	fd = call(path);
	loop_poll(h.loop);
	guest_writes(&h, "hello");
	assert_string_equal(read_text(fd), "hello");
	close(fd);
	host_close(&h);
	assert_int_equal(rmdir(folder), 0);
}

/* A guest that looks at LSR stops while a full terminal is not read, loses nothing, and is
 * told by THRE when to go on.  Keys are heard all the while, and the end does not wait long. */
static void test_unread_terminal(void **state)
{
	struct host h;
	int master, slave;
	char text[65536];
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_true(host_open(&h, "stdio", slave, slave));
	unsigned sent = 0, read_back = 0;
	while (in(&h.rig, LSR) & 0x20) {
		for (unsigned i = 0; i < 16; i++)
			out(&h.rig, RBR, 'a' + sent++ % 23);
		assert_in_range(sent, 0, STREAM_RING);
		if (sent % 4096 == 0)
			loop_poll(h.loop);
	}
	assert_in_range(sent, STREAM_ROOM, 4 * STREAM_ROOM);
	say(master, "\1b");
	loop_poll(h.loop);
	assert_true(in(&h.rig, LSR) & 0x10);
	while (read_back < sent) {
		ssize_t n = read(master, text, sizeof text);
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++, read_back++)
			assert_int_equal(text[i], 'a' + read_back % 23);
		loop_poll(h.loop);
	}
	assert_true(in(&h.rig, LSR) & 0x20);
	while (in(&h.rig, LSR) & 0x20)
		out(&h.rig, RBR, 'z');
	say(master, "\1x");
	loop_poll(h.loop);
	assert_int_equal(h.quits, 1);
	serial_drain(h.serial); /* it ends */
	assert_true(in(&h.rig, LSR) & 0x20);
	host_close(&h);
	close(master);
	close(slave);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_backpressure),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_terminal_of_a_deaf_guest),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_deaf_caller),
		cmocka_unit_test(test_unread_terminal),
	};
	return cmocka_run_group_tests_name("serial", tests, NULL, NULL);
}
