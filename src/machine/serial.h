/* The host's end of a serial line: standard streams with the keys of a raw
 * terminal, a file, or a socket. */
#ifndef UNRING_MACHINE_SERIAL_H
#define UNRING_MACHINE_SERIAL_H

#include "devices/uart.h"
#include "host/stream.h"
#include "machine/output.h"
#include "machine/problem.h"

struct serial;

struct serial_owner {
	void *ctx;
	void (*quit)(void *ctx); /* Ctrl-A x */
	struct outputs *outputs;
	struct stream *stdio;
	struct stream_host host;                  /* for a stream of its own */
	void (*printed)(void *ctx, uint8_t byte); /* NULL: nobody looks at what is printed */
};

/* where: all kinds of stream_spec.h. */
bool serial_open(struct serial **out, const struct stream_spec *where, struct serial_owner owner,
                 struct problem *p);
void serial_close(struct serial *s);

struct uart_peer serial_peer(struct serial *s);
/* The UART at the guest's end; NULL while there is none. */
void serial_attach(struct serial *s, struct uart *u);
/* stream_flush(), stream_wants_polls() and stream_drain() of where it leads. */
void serial_flush(struct serial *s);
bool serial_wants_polls(const struct serial *s);
void serial_drain(struct serial *s);
/* stream_hurry() of where it leads. */
void serial_hurry(struct serial *s);
/* Does it lead there? */
bool serial_is(const struct serial *s, const struct stream *where);

#endif
