#define _GNU_SOURCE
#include "host/terminal.h"

#include "host/frame.h"
#include "host/signal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* One process has one terminal; exit and signal handlers find it here. */
static struct termios cooked, raw;
static volatile sig_atomic_t opened, is_raw, stop_wanted, continued;
static const char *enter_screen, *leave_screen;
static unsigned takes;

enum { PATIENCE_MS = 200 }; /* with one that takes nothing */

/* Past the stream to it, whose bytes are of no use any more. */
static void tell(const char *text)
{
	struct pollfd p = {STDOUT_FILENO, POLLOUT, 0};
	size_t n = text ? strlen(text) : 0;
	while (n && poll(&p, 1, PATIENCE_MS) > 0) {
		ssize_t done = write(STDOUT_FILENO, text, n);
		if (done <= 0)
			break;
		text += done;
		n -= (size_t)done;
	}
}

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
	takes++;
	set(&raw);
	tell(enter_screen);
}

static void give_back(void)
{
	if (!is_raw)
		return;
	is_raw = 0;
	tell(leave_screen);
	set(&cooked);
}

void terminal_close(void)
{
	give_back();
	opened = 0;
}

/* The default action follows: the process ends with the terminal as it was. */
static void on_fatal(int signo)
{
	host_clear_ac();
	give_back();
	signal(signo, SIG_DFL);
	raise(signo);
}

/* Those that end the process and are not taken (or ignored) yet: signal(7). */
static void catch_ends(void)
{
	static const int named[] = {
		SIGHUP,    SIGINT,  SIGQUIT, SIGABRT,   SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM,
		SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,  SIGSYS,
	};
	const int count = sizeof named / sizeof *named;
	struct sigaction fatal = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK}, now;
	for (int i = 0; i < count + SIGRTMAX - SIGRTMIN + 1; i++) {
		int signo = i < count ? named[i] : SIGRTMIN + i - count;
		if (!sigaction(signo, NULL, &now) && now.sa_handler == SIG_DFL)
			sigaction(signo, &fatal, NULL);
	}
}

static void on_stop(void *ctx)
{
	stop_wanted = 1;
}

static void on_continue(void *ctx)
{
	continued = 1;
}

void terminal_set_screen(const char *enter, const char *leave)
{
	enter_screen = enter;
	leave_screen = leave;
	if (is_raw)
		tell(enter);
}

unsigned terminal_takes(void)
{
	return takes;
}

bool terminal_is_there(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

bool terminal_on_stdout(void)
{
	return isatty(STDOUT_FILENO);
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
	opened = 1;
	catch_ends();
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
