#include "machine/sink.h"

#include "host/signal.h"

#include <errno.h>
#include <unistd.h>

static bool reader_is_ready(struct sink *s)
{
	int timeout = s->stalled ? 0 : s->patience_ms ? (int)s->patience_ms : -1;
	bool ready = host_wait_writable(s->fd, timeout, s->give_up);
	s->stalled = !ready && s->patience_ms;
	return ready;
}

void sink_flush(struct sink *s)
{
	unsigned done = 0;
	while (done < s->length && s->fd >= 0 && !s->broken && reader_is_ready(s)) {
		ssize_t n = write(s->fd, s->buffer + done, s->length - done);
		if (n >= 0) {
			done += n;
		} else if (errno != EINTR && errno != EAGAIN) {
			s->broken = true;
			if (s->failed)
				s->failed(s->ctx, s, errno);
		}
	}
	s->length = 0;
}

void sink_put(struct sink *s, uint8_t byte)
{
	s->buffer[s->length++] = byte;
	if (s->length == SINK_SIZE)
		sink_flush(s);
}

void sink_text(struct sink *s, const char *text)
{
	while (*text)
		sink_put(s, *text++);
}
