#define _GNU_SOURCE
#include "host/callers.h"

#include "host/broker.h"
#include "host/fence.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct callers {
	struct stream_host host;
	int listener;
	void *ctx;
	void (*on_call)(void *ctx, struct stream *s);
};

static void on_ready(void *ctx, unsigned ready)
{
	struct callers *c = ctx;
	int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		c->on_call(c->ctx, stream_of_caller(fd, &c->host));
}

int callers_open(struct callers **out, const char *path, const struct stream_host *h, void *ctx,
                 void (*on_call)(void *ctx, struct stream *s))
{
	int fd = broker_listen_unix(path, 0600);
	if (fd < 0)
		return fd;
	struct callers *c = calloc(1, sizeof *c);
	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	fence_grant(GRANT_FILES, 0, 0);
	*c = (struct callers){*h, fd, ctx, on_call};
	c->host.failed = NULL;
	loop_add(h->loop, fd, LOOP_READ, on_ready, c);
	*out = c;
	return 0;
}

void callers_close(struct callers *c)
{
	if (!c)
		return;
	loop_remove(c->host.loop, c->listener);
	close(c->listener);
	free(c);
}
