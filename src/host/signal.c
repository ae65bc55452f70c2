#define _GNU_SOURCE
#include "host/signal.h"

#include "host/clock.h"
#include "host/frame.h"
#include "host/gs.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>

enum { SIGNALS = 65 };

static sigset_t installed;

static struct {
	void (*fn)(void *ctx);
	void *ctx;
} handlers[SIGNALS];

static struct {
	void (*fn)(void *ctx, struct host_frame *f);
	void *ctx;
} kick;

void host_signal_set_kick(void (*fn)(void *ctx, struct host_frame *f), void *ctx)
{
	kick.fn = fn;
	kick.ctx = ctx;
}

static void on_signal(int signo, siginfo_t *info, void *frame)
{
	host_clear_ac();
	int saved = errno;
	handlers[signo].fn(handlers[signo].ctx);
	if (kick.fn)
		kick.fn(kick.ctx, frame);
	errno = saved;
}

int host_signal_install(int signo, void (*fn)(void *ctx), void *ctx)
{
	if (signo <= 0 || signo >= SIGNALS)
		return -EINVAL;
	handlers[signo].fn = fn;
	handlers[signo].ctx = ctx;
	struct sigaction sa = {.sa_sigaction = on_signal,
	                       .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NOCLDSTOP};
	sigfillset(&sa.sa_mask);
	if (sigaction(signo, &sa, NULL))
		return -errno;
	sigaddset(&installed, signo);
	return 0;
}

void host_signals_hold(void)
{
	sigprocmask(SIG_BLOCK, &installed, NULL);
}

void host_signal_wait(void)
{
	int signo = sigwaitinfo(&installed, NULL);
	host_gs_again();
	if (signo > 0)
		handlers[signo].fn(handlers[signo].ctx);
}

void host_signals_release(void)
{
	sigprocmask(SIG_UNBLOCK, &installed, NULL);
}

bool host_poll(struct pollfd *files, unsigned count, int timeout_ms,
               const volatile sig_atomic_t *give_up)
{
	enum { MS = 1000000, SECOND = 1000 * MS };
	int n = poll(files, count, 0);
	if (n > 0 || !timeout_ms)
		return n > 0;
	/* A signal between the look at give_up and the wait ends the wait, too. */
	sigset_t before, open;
	sigprocmask(SIG_BLOCK, &installed, &before);
	open = before;
	for (int signo = 1; signo < SIGNALS; signo++)
		if (sigismember(&installed, signo) > 0)
			sigdelset(&open, signo);
	uint64_t end = host_monotonic_ns() + (uint64_t)timeout_ms * MS;
	n = -1;
	while (n < 0 && !*give_up) {
		uint64_t now = host_monotonic_ns(), left = end > now ? end - now : 0;
		struct timespec t = {(time_t)(left / SECOND), (long)(left % SECOND)};
		n = ppoll(files, count, timeout_ms < 0 ? NULL : &t, &open);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return n > 0;
}
