#include "host/signal.h"

#include "host/frame.h"

#include <errno.h>
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
	                       .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
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
	if (signo > 0)
		handlers[signo].fn(handlers[signo].ctx);
}

void host_signals_release(void)
{
	sigprocmask(SIG_UNBLOCK, &installed, NULL);
}
