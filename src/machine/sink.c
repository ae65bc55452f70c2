#include "machine/sink.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

void sink_flush(struct sink *s)
{
	unsigned done = 0;
	while (done < s->length && s->fd >= 0) {
		/* poll, unlike write, returns at every signal: one of them may
		 * want the run to end. */
		struct pollfd p = {s->fd, POLLOUT, 0};
		if (poll(&p, 1, -1) < 0) {
			if (*s->give_up)
				break;
			continue;
		}
		ssize_t n = write(s->fd, s->buffer + done, s->length - done);
		if (n >= 0)
			done += n;
		else if (errno != EINTR && errno != EAGAIN)
			break;
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
