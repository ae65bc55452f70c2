#define _GNU_SOURCE
#include "host/watchdog.h"

#include "host/frame.h"
#include "host/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 2 };

/* One process, one end. */
static timer_t timer;
static volatile sig_atomic_t created, status_at_end;

static void on_alarm(int signo)
{
	static const char line[] = "unring: internal error: a signal to end was not heard\n";
	host_clear_ac();
	terminal_close();
	if (!status_at_end) { /* not ours: somebody sent it */
		signal(signo, SIG_DFL);
		raise(signo);
		return;
	}
	ssize_t n = write(STDERR_FILENO, line, sizeof line - 1);
	(void)n;
	_exit(status_at_end);
}

int watchdog_create(void)
{
	/* A signal of its own, which nobody holds back. */
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	sigfillset(&sa.sa_mask);
	if (sigaction(SIGALRM, &sa, NULL) || timer_create(CLOCK_MONOTONIC, &event, &timer))
		return -errno;
	created = true;
	return 0;
}

static void set(time_t seconds)
{
	struct itimerspec spec = {.it_value.tv_sec = seconds};
	int saved = errno;
	if (created)
		timer_settime(timer, 0, &spec, NULL);
	errno = saved;
}

void watchdog_start(int status)
{
	status_at_end = status;
	set(SECONDS);
}

void watchdog_stop(void)
{
	set(0);
}
