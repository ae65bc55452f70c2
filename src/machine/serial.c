#define _GNU_SOURCE
#include "machine/serial.h"

#include "base/log.h"
#include "host/broker.h"
#include "host/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	QUEUE = 65536, /* a power of two */
	CHUNK = 4096,  /* is read at once, when there is room for it */
	ESCAPE = 'a' & 0x1f,
	PATIENCE_MS = 1000, /* with a socket's reader, who may be gone for the day */
};

struct serial {
	struct serial_owner owner;
	struct uart *uart;
	struct sink *sink; /* own, or standard output's */
	struct sink own;
	int in, listener;    /* -1: none */
	bool terminal;       /* keys are looked for, and never stop being read */
	bool escaped;        /* Ctrl-A was typed */
	uint32_t head, tail; /* of what the guest has not taken yet */
	uint8_t queue[QUEUE];
};

static const char keys[] = "\r\nunring: Ctrl-A x  end the run\r\n"
			   "        Ctrl-A b  send a break\r\n"
			   "        Ctrl-A h  this list\r\n"
			   "        Ctrl-A Ctrl-A  send Ctrl-A\r\n";

static unsigned room(const struct serial *s)
{
	return QUEUE - (s->tail - s->head);
}

static void feed(struct serial *s)
{
	while (s->uart && s->head != s->tail && uart_room(s->uart))
		uart_receive(s->uart, s->queue[s->head++ % QUEUE]);
	if (s->in >= 0)
		loop_pause(s->owner.loop, s->in, !s->terminal && room(s) < CHUNK);
}

static void enqueue(struct serial *s, uint8_t byte)
{
	/* Only a terminal, which is read without pause, may find no room. */
	if (room(s))
		s->queue[s->tail++ % QUEUE] = byte;
}

static void key(struct serial *s, uint8_t c)
{
	if (!s->escaped) {
		if (c == ESCAPE)
			s->escaped = true;
		else
			enqueue(s, c);
		return;
	}
	s->escaped = false;
	switch (c) {
	case 'x':
	case 'X':
		s->owner.quit(s->owner.ctx);
		break;
	case 'b':
	case 'B':
		s->owner.send_break(s->owner.ctx);
		break;
	case ESCAPE:
		enqueue(s, c);
		break;
	default: /* h, and whatever else is no key */
		sink_text(s->sink, keys);
		sink_flush(s->sink);
	}
}

static void listen_again(struct serial *s);

static void input_ends(struct serial *s)
{
	loop_remove(s->owner.loop, s->in);
	if (s->listener >= 0) {
		close(s->in);
		s->own.fd = -1;
		listen_again(s);
	}
	s->in = -1;
}

static void on_input(void *ctx)
{
	struct serial *s = ctx;
	uint8_t bytes[CHUNK];
	size_t most = sizeof bytes;
	if (!s->terminal && room(s) < most)
		most = room(s);
	ssize_t n = read(s->in, bytes, most);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		input_ends(s);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (s->terminal)
			key(s, bytes[i]);
		else
			enqueue(s, bytes[i]);
	}
	feed(s);
}

/* --- where the line ends --- */

static bool open_stdio(struct serial *s, struct problem *p)
{
	s->sink = s->owner.stdout_sink;
	s->in = STDIN_FILENO;
	s->terminal = isatty(STDIN_FILENO);
	int err = terminal_open();
	if (err)
		return problem_set(p, "--serial stdio: cannot set up the terminal: %s",
		                   strerror(-err));
	loop_add(s->owner.loop, s->in, on_input, s);
	return true;
}

static bool open_file(struct serial *s, const char *path, struct problem *p)
{
	s->own.failed = s->owner.failed;
	s->own.ctx = s->owner.ctx;
	s->own.fd = output_open(s->owner.outputs, "--serial file:", path, p);
	return s->own.fd >= 0;
}

static void on_connection(void *ctx)
{
	struct serial *s = ctx;
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	loop_remove(s->owner.loop, s->listener); /* one at a time */
	s->in = s->own.fd = fd;
	s->own.stalled = s->own.broken = false;
	loop_add(s->owner.loop, fd, on_input, s);
	feed(s);
}

static void listen_again(struct serial *s)
{
	loop_add(s->owner.loop, s->listener, on_connection, s);
}

static bool open_socket(struct serial *s, const char *path, struct problem *p)
{
	s->listener = broker_listen_unix(path, 0777);
	if (s->listener < 0)
		return problem_set(p, "--serial unix:%s: %s", path, strerror(-s->listener));
	s->own.patience_ms = PATIENCE_MS;
	listen_again(s);
	return true;
}

bool serial_open(struct serial **out, const struct stream_spec *where, struct serial_owner owner,
                 struct problem *p)
{
	struct serial *s = calloc(1, sizeof *s);
	CHECK(s);
	s->owner = owner;
	s->in = s->listener = -1;
	s->own.fd = -1;
	s->own.give_up = owner.give_up;
	s->sink = &s->own;
	bool ok = true;
	if (where->kind == STREAM_STDIO)
		ok = open_stdio(s, p);
	else if (where->kind == STREAM_FILE)
		ok = open_file(s, where->path, p);
	else if (where->kind == STREAM_UNIX)
		ok = open_socket(s, where->path, p);
	if (!ok) {
		free(s);
		return false;
	}
	*out = s;
	return true;
}

void serial_close(struct serial *s)
{
	if (!s)
		return;
	serial_flush(s);
	if (s->in >= 0)
		loop_remove(s->owner.loop, s->in);
	terminal_close();
	if (s->own.fd >= 0)
		close(s->own.fd);
	if (s->listener >= 0) {
		loop_remove(s->owner.loop, s->listener);
		close(s->listener);
	}
	free(s);
}

/* --- the guest's end --- */

static void transmit(void *ctx, uint8_t byte)
{
	struct serial *s = ctx;
	if (s->sink->fd >= 0)
		sink_put(s->sink, byte);
}

static void ready(void *ctx)
{
	feed(ctx);
}

struct uart_peer serial_peer(struct serial *s)
{
	return (struct uart_peer){s, transmit, ready};
}

void serial_attach(struct serial *s, struct uart *u)
{
	s->uart = u;
	feed(s);
}

void serial_send_break(struct serial *s)
{
	if (s->uart)
		uart_receive_break(s->uart);
}

void serial_flush(struct serial *s)
{
	sink_flush(s->sink);
}

bool serial_unsent(const struct serial *s)
{
	return s->sink->length;
}
