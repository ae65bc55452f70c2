#include "machine/serial.h"

#include "base/log.h"
#include "host/terminal.h"

#include <stdlib.h>
#include <string.h>

enum {
	QUEUE = 65536, /* a power of two */
	CHUNK = 4096,  /* is read at once, when there is room for it */
	ESCAPE = 'a' & 0x1f,
};

struct serial {
	struct serial_owner owner;
	struct uart *uart;
	struct stream *stream; /* NULL: none */
	bool terminal;         /* keys are looked for, and never stop being read */
	bool escaped;          /* Ctrl-A was typed */
	uint32_t head, tail;   /* of what the guest has not taken yet */
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
	if (s->stream)
		stream_pause(s->stream, !s->terminal && room(s) < CHUNK);
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
		stream_hurry(s->stream);
		s->owner.quit(s->owner.ctx);
		break;
	case 'b':
	case 'B':
		if (s->uart)
			uart_receive_break(s->uart);
		break;
	case ESCAPE:
		enqueue(s, c);
		break;
	default: /* h, and whatever else is no key */
		stream_write(s->stream, keys, sizeof keys - 1);
		stream_flush(s->stream);
	}
}

static void on_input(void *ctx)
{
	struct serial *s = ctx;
	uint8_t bytes[CHUNK];
	size_t most = sizeof bytes;
	if (!s->terminal && room(s) < most)
		most = room(s);
	size_t n = stream_read(s->stream, bytes, most);
	for (size_t i = 0; i < n; i++) {
		if (s->terminal)
			key(s, bytes[i]);
		else
			enqueue(s, bytes[i]);
	}
	feed(s);
}

static void on_open(void *ctx)
{
	feed(ctx);
}

static void on_room(void *ctx)
{
	struct serial *s = ctx;
	if (s->uart)
		uart_transmitted(s->uart);
}

/* --- where the line ends --- */

static bool open_stdio(struct serial *s, struct problem *p)
{
	s->stream = s->owner.stdio;
	s->terminal = stream_is_terminal(s->stream);
	int err = terminal_open();
	return !err ||
	       problem_set(p, "--serial stdio: cannot set up the terminal: %s", strerror(-err));
}

static bool open_file(struct serial *s, const char *path, struct problem *p)
{
	int fd = output_open(s->owner.outputs, "--serial file:", path, p);
	if (fd < 0)
		return false;
	s->stream = stream_create(-1, fd, &s->owner.host);
	return true;
}

static bool open_stream(struct serial *s, const struct stream_spec *where, struct problem *p)
{
	int err = stream_open(&s->stream, where, 0777, &s->owner.host);
	return !err || problem_set(p, "--serial %s: %s", where->text, strerror(-err));
}

bool serial_open(struct serial **out, const struct stream_spec *where, struct serial_owner owner,
                 struct problem *p)
{
	struct serial *s = calloc(1, sizeof *s);
	CHECK(s);
	s->owner = owner;
	bool ok = true;
	if (where->kind == STREAM_STDIO)
		ok = open_stdio(s, p);
	else if (where->kind == STREAM_FILE)
		ok = open_file(s, where->path, p);
	else if (where->kind != STREAM_NONE)
		ok = open_stream(s, where, p);
	if (!ok) {
		free(s);
		return false;
	}
	if (s->stream)
		stream_attach(s->stream, (struct stream_client){
						 .ctx = s,
						 .on_open = on_open,
						 .on_input = on_input,
						 .on_room = on_room,
					 });
	*out = s;
	return true;
}

void serial_close(struct serial *s)
{
	if (!s)
		return;
	terminal_close();
	if (s->stream != s->owner.stdio)
		stream_close(s->stream);
	free(s);
}

/* --- the guest's end --- */

static void transmit(void *ctx, uint8_t byte)
{
	struct serial *s = ctx;
	if (s->owner.printed)
		s->owner.printed(s->owner.ctx, byte);
	if (s->stream)
		stream_put(s->stream, byte);
}

static void ready(void *ctx)
{
	feed(ctx);
}

static bool has_room(void *ctx)
{
	struct serial *s = ctx;
	return !s->stream || stream_room(s->stream);
}

struct uart_peer serial_peer(struct serial *s)
{
	return (struct uart_peer){s, transmit, ready, has_room};
}

void serial_attach(struct serial *s, struct uart *u)
{
	s->uart = u;
	feed(s);
}

void serial_flush(struct serial *s)
{
	if (s->stream)
		stream_flush(s->stream);
}

bool serial_wants_polls(const struct serial *s)
{
	return s->stream && stream_wants_polls(s->stream);
}

void serial_drain(struct serial *s)
{
	if (s->stream)
		stream_drain(s->stream);
}

void serial_hurry(struct serial *s)
{
	if (s->stream)
		stream_hurry(s->stream);
}

bool serial_is(const struct serial *s, const struct stream *where)
{
	return s && s->stream == where;
}
