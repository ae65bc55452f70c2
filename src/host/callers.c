#define _GNU_SOURCE
#include "host/callers.h"

#include "base/log.h"
#include "host/fence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct callers {
	struct stream_host host;
	int front;
	void *ctx;
	void (*on_call)(void *ctx, struct stream *s);
};

/* One byte for each caller, and his socket. */
static void on_ready(void *ctx, unsigned ready)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room;
	char byte;
	int fd;
	struct callers *c = ctx;
	struct iovec v = {&byte, 1};
	struct msghdr h = {.msg_iov = &v,
	                   .msg_iovlen = 1,
	                   .msg_control = room.bytes,
	                   .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t n = recvmsg(c->front, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		report("the process that takes commands was killed: --control is no more");
		loop_remove(c->host.loop, c->front);
		return;
	}
	const struct cmsghdr *head = CMSG_FIRSTHDR(&h);
	if (!head)
		return;
	memcpy(&fd, CMSG_DATA(head), sizeof fd);
	c->on_call(c->ctx, stream_of_caller(fd, &c->host));
}

int callers_open(struct callers **out, struct front_link front, const struct stream_host *h,
                 void *ctx, void (*on_call)(void *ctx, struct stream *s))
{
	struct callers *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	fence_grant(GRANT_FILES, 0, 0);
	*c = (struct callers){*h, front.fd, ctx, on_call};
	c->host.failed = NULL;
	loop_add(h->loop, c->front, LOOP_READ, on_ready, c);
	*out = c;
	return 0;
}

void callers_close(struct callers *c)
{
	if (!c)
		return;
	loop_remove(c->host.loop, c->front);
	free(c);
}

static size_t copy(void *to, const char **at, const char *end, size_t most)
{
	size_t n = (size_t)(end - *at) < most ? (size_t)(end - *at) : most;
	memcpy(to, *at, n);
	*at += n;
	return n;
}

enum callers_result callers_take(struct callers_message *m, size_t most, const char **at,
                                 const char *end)
{
	size_t head = sizeof m->head;
	if (m->have == head + m->head.count)
		callers_forget(m);
	if (m->have < head) {
		m->have += copy((char *)&m->head + m->have, at, end, head - m->have);
		if (m->have < head)
			return CALLERS_MORE;
		if (m->head.count > most)
			return CALLERS_BAD;
		m->bytes = malloc(m->head.count + 1);
		CHECK(m->bytes);
	}
	m->have += copy(m->bytes + (m->have - head), at, end, head + m->head.count - m->have);
	return m->have < head + m->head.count ? CALLERS_MORE : CALLERS_WHOLE;
}

void callers_forget(struct callers_message *m)
{
	free(m->bytes);
	*m = (struct callers_message){0};
}
