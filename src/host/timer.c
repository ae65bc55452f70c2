#define _GNU_SOURCE
#include "host/timer.h"

#include "base/log.h"
#include "host/signal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define SECOND_NS 1000000000
#define AGAIN_NS 500000

struct host_timer {
	timer_t id;
	void (*fn)(void *ctx);
	void *ctx;
};

static void on_expiry(void *ctx)
{
	struct host_timer *t = ctx;
	if (t->fn)
		t->fn(t->ctx);
}

int host_timer_create(struct host_timer **out, void (*fn)(void *ctx), void *ctx)
{
	struct host_timer *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	t->fn = fn;
	t->ctx = ctx;
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = HOST_SIGNAL_TIMER};
	event.sigev_notify_thread_id = syscall(SYS_gettid);
	int err = host_signal_install(HOST_SIGNAL_TIMER, on_expiry, t);
	if (!err && timer_create(CLOCK_MONOTONIC, &event, &t->id))
		err = -errno;
	if (err) {
		free(t);
		return err;
	}
	*out = t;
	return 0;
}

void host_timer_destroy(struct host_timer *t)
{
	if (!t)
		return;
	timer_delete(t->id);
	/* One that is on its way already finds nobody. */
	signal(HOST_SIGNAL_TIMER, SIG_IGN);
	free(t);
}

void host_timer_arm(struct host_timer *t, uint64_t deadline_ns)
{
	struct itimerspec spec = {0};
	if (deadline_ns != UINT64_MAX) {
		deadline_ns += !deadline_ns; /* zero would disarm */
		spec.it_value.tv_sec = deadline_ns / SECOND_NS;
		spec.it_value.tv_nsec = deadline_ns % SECOND_NS;
		spec.it_interval.tv_nsec = AGAIN_NS;
	}
	CHECK(!timer_settime(t->id, TIMER_ABSTIME, &spec, NULL));
}
