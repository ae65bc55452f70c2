#define _GNU_SOURCE
#include "host/terminal.h"

#include "host/signal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* One process has one terminal; exit and signal handlers find it here. */
static struct termios cooked, raw;
static volatile sig_atomic_t opened, is_raw, stop_wanted, continued;

/* SIGTTOU must not stop us while we give the terminal back in the background. */
static void set(const struct termios *t)
{
	sigset_t ttou, old;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &old);
	tcsetattr(STDIN_FILENO, TCSANOW, t);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static bool foreground(void)
{
	pid_t group = tcgetpgrp(STDIN_FILENO);
	return group < 0 || group == getpgrp();
}

static void take(void)
{
	if (!opened || !foreground())
		return;
	is_raw = 1;
	set(&raw);
}

static void give_back(void)
{
	if (!is_raw)
		return;
	is_raw = 0;
	set(&cooked);
}

void terminal_close(void)
{
	give_back();
	opened = 0;
}

/* The default action follows: a core dump with the terminal as it was. */
static void on_fatal(int signo)
{
	give_back();
	signal(signo, SIG_DFL);
	raise(signo);
}

static void on_stop(void *ctx)
{
	stop_wanted = 1;
}

static void on_continue(void *ctx)
{
	continued = 1;
}

int terminal_open(void)
{
	if (!isatty(STDIN_FILENO))
		return 0;
	if (tcgetattr(STDIN_FILENO, &cooked))
		return -errno;
	raw = cooked;
	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	int err = host_signal_install(SIGTSTP, on_stop, NULL);
	if (!err)
		err = host_signal_install(SIGCONT, on_continue, NULL);
	if (err)
		return err;
	struct sigaction fatal = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK};
	sigaction(SIGABRT, &fatal, NULL);
	sigaction(SIGQUIT, &fatal, NULL);
	opened = 1;
	atexit(terminal_close);
	take();
	return 0;
}

void terminal_poll(void)
{
	if (stop_wanted) {
		stop_wanted = 0;
		give_back();
		/* SIGSTOP: an orphaned process group ignores the default of SIGTSTP. */
		raise(SIGSTOP);
		continued = 1;
	}
	if (continued) {
		continued = 0;
		take();
	}
}
