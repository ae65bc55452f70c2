/* The host's end of the serial line: standard streams with the keys of a raw
 * terminal, a file, or a socket. */
#ifndef UNRING_MACHINE_SERIAL_H
#define UNRING_MACHINE_SERIAL_H

#include "devices/uart.h"
#include "host/loop.h"
#include "host/stream_spec.h"
#include "machine/output.h"
#include "machine/problem.h"
#include "machine/sink.h"

struct serial;

struct serial_owner {
	void *ctx;
	void (*quit)(void *ctx);       /* Ctrl-A x */
	void (*send_break)(void *ctx); /* Ctrl-A b */
	struct loop *loop;
	struct outputs *outputs;
	struct sink *stdout_sink;
	const volatile sig_atomic_t *give_up; /* for its own sink */
	void (*failed)(void *ctx, const struct sink *s, int error);
};

/* where: STREAM_STDIO, _FILE, _UNIX or _NONE. */
bool serial_open(struct serial **out, const struct stream_spec *where, struct serial_owner owner,
                 struct problem *p);
void serial_close(struct serial *s);

struct uart_peer serial_peer(struct serial *s);
/* The UART at the guest's end; NULL while there is none. */
void serial_attach(struct serial *s, struct uart *u);
/* A break, for the guest. */
void serial_send_break(struct serial *s);
/* Sends out what is buffered. */
void serial_flush(struct serial *s);
/* Is anything buffered? */
bool serial_unsent(const struct serial *s);

#endif
