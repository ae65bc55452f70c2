#include "host/alarm.h"

#include "base/log.h"
#include "host/clock.h"
#include "host/fence.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { SECOND_NS = 1000000000 };

struct alarm {
	struct loop *loop;
	int fd;
	void *ctx;
	void (*fn)(void *ctx);
};

static void on_ready(void *ctx, unsigned ready)
{
	struct alarm *a = ctx;
	uint64_t times;
	if (read(a->fd, &times, sizeof times) == sizeof times)
		a->fn(a->ctx);
}

int alarm_create(struct alarm **out, struct loop *l, void *ctx, void (*fn)(void *ctx))
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	struct alarm *a = malloc(sizeof *a);
	if (!a) {
		close(fd);
		return -ENOMEM;
	}
	*a = (struct alarm){l, fd, ctx, fn};
	fence_grant(GRANT_ALARM, (uint64_t)fd, 0);
	loop_add(l, fd, LOOP_READ, on_ready, a);
	*out = a;
	return 0;
}

void alarm_destroy(struct alarm *a)
{
	if (!a)
		return;
	loop_remove(a->loop, a->fd);
	close(a->fd);
	free(a);
}

void alarm_set(struct alarm *a, uint64_t at_ns)
{
	struct itimerspec t = {0};
	if (at_ns != UINT64_MAX) {
		uint64_t now = host_monotonic_ns(), in = at_ns > now ? at_ns - now : 1;
		t.it_value.tv_sec = (time_t)(in / SECOND_NS);
		t.it_value.tv_nsec = (long)(in % SECOND_NS);
	}
	CHECK(!timerfd_settime(a->fd, 0, &t, NULL));
}
