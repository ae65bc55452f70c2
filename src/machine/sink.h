/* Buffered output to a file descriptor, flushed by the event loop. */
#ifndef UNRING_MACHINE_SINK_H
#define UNRING_MACHINE_SINK_H

#include "base/types.h"

#include <signal.h>

enum { SINK_SIZE = 4096 };

struct sink {
	int fd; /* -1: bytes are lost */
	unsigned length;
	const volatile sig_atomic_t *give_up; /* ends a wait for a slow reader */
	unsigned patience_ms;                 /* so does this time; 0: there is no end */
	bool stalled; /* it has: bytes are lost until the reader reads again */
	bool broken;  /* a write failed: bytes are lost */
	void (*failed)(void *ctx, const struct sink *s, int error); /* NULL: nobody need know */
	void *ctx;
	uint8_t buffer[SINK_SIZE];
};

void sink_put(struct sink *s, uint8_t byte);
void sink_text(struct sink *s, const char *text);
/* Waits for a slow reader.  The first write that fails is told to failed(). */
void sink_flush(struct sink *s);

#endif
