/* links: host util */
/* A child has a terminal and meets its end; the terminal must be as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/frame.h"
#include "host/terminal.h"
#include "host/signal.h"
#include "host/watchdog.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int master, slave;
static struct termios before;

static int open_terminal(void **state)
{
	if (openpty(&master, &slave, NULL, NULL, NULL))
		return -1;
	return tcgetattr(slave, &before);
}

static int close_terminal(void **state)
{
	close(master);
	close(slave);
	return 0;
}

static bool is_raw(void)
{
	struct termios now;
	tcgetattr(slave, &now);
	return !(now.c_lflag & ICANON);
}

static void assert_restored(void)
{
	struct termios now;
	tcgetattr(slave, &now);
	assert_int_equal(now.c_lflag, before.c_lflag);
	assert_int_equal(now.c_iflag, before.c_iflag);
	assert_int_equal(now.c_oflag, before.c_oflag);
	assert_int_equal(now.c_cflag, before.c_cflag);
	assert_memory_equal(now.c_cc, before.c_cc, sizeof now.c_cc);
}

static bool not_the_guest_s(void *ctx, struct host_frame *f, const struct host_fault *fault)
{
	return false;
}

/* A child on the terminal, which is raw when this returns. */
static pid_t child(void (*end)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		dup2(slave, 0);
		signal(SIGSYS, SIG_DFL); /* CMocka takes it */
		if (host_fault_install(not_the_guest_s, NULL) || terminal_open() || !is_raw())
			_exit(99);
		end();
		_exit(98);
	}
	return pid;
}

static int status_of(pid_t pid)
{
	int status;
	pid_t done = 0;
	for (unsigned i = 0; i < 12000 && !(done = waitpid(pid, &status, WUNTRACED | WNOHANG)); i++)
		usleep(10000);
	if (!done) { /* it hangs */
		kill(pid, SIGKILL);
		done = waitpid(pid, &status, 0);
	}
	assert_int_equal(done, pid);
	return status;
}

static void leave(void)
{
	exit(7);
}

static void fault(void)
{
	volatile int *nowhere = (volatile int *)(uintptr_t)getpagesize();
	nowhere[-1] = 0;
}

static void quit(void)
{
	raise(SIGQUIT);
}

static int ending; /* the signal that ends it */

static void end(void)
{
	raise(ending);
}

/* Every signal whose default ends a process does, and gives the terminal back first. */
static void test_ending_signals(void **state)
{
	for (ending = 1; ending <= SIGRTMAX; ending++) {
		bool others = ending == SIGKILL || ending == SIGCHLD || ending == SIGCONT ||
		              ending == SIGSTOP || ending == SIGTSTP || ending == SIGTTIN ||
		              ending == SIGTTOU || ending == SIGURG || ending == SIGWINCH ||
		              (ending > SIGSYS && ending < SIGRTMIN);
		if (others)
			continue;
		int status = status_of(child(end));
		if (!WIFSIGNALED(status) || WTERMSIG(status) != ending)
			fail_msg("signal %d: status %x", ending, status);
		if (is_raw())
			fail_msg("signal %d leaves the terminal raw", ending);
		assert_restored();
	}
}

static void run(void)
{
	for (;;) {
		terminal_poll();
		usleep(1000);
	}
}

static void test_exit(void **state)
{
	int status = status_of(child(leave));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_restored();
}

static void test_fatal_signals(void **state)
{
	static const struct {
		void (*end)(void);
		int signo;
	} cases[] = {{abort, SIGABRT}, {quit, SIGQUIT}, {fault, SIGSEGV}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status = status_of(child(cases[i].end));
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), cases[i].signo);
		assert_restored();
	}
}

static void test_stop_and_continue(void **state)
{
	pid_t pid = child(run);
	while (!is_raw())
		usleep(1000);
	for (unsigned i = 0; i < 2; i++) {
		kill(pid, SIGTSTP);
		int status = status_of(pid);
		assert_true(WIFSTOPPED(status));
		assert_restored();
		kill(pid, SIGCONT);
		while (!is_raw())
			usleep(1000);
	}
	/* Stopped without warning; a shell then sets its own modes. */
	kill(pid, SIGSTOP);
	assert_true(WIFSTOPPED(status_of(pid)));
	tcsetattr(slave, TCSANOW, &before);
	kill(pid, SIGCONT);
	while (!is_raw())
		usleep(1000);
	kill(pid, SIGKILL);
	assert_true(WIFSIGNALED(status_of(pid)));
	tcsetattr(slave, TCSANOW, &before);
}

static void on_term(void *ctx)
{
	watchdog_start(128 + SIGTERM);
}

/* Hears nothing, though its handlers run. */
static void deaf(void)
{
	if (watchdog_create() || host_signal_install(SIGTERM, on_term, NULL))
		_exit(99);
	raise(SIGTERM);
	for (;;)
		pause();
}

/* The same while it holds back what it takes. */
static void deaf_and_holding(void)
{
	if (watchdog_create() || host_signal_install(SIGTERM, on_term, NULL))
		_exit(99);
	raise(SIGTERM);
	host_signals_hold();
	for (;;)
		raise(SIGCONT);
}

static void heard(void)
{
	if (watchdog_create())
		_exit(99);
	watchdog_start(128 + SIGTERM);
	watchdog_stop();
	for (unsigned i = 0; i < 250; i++)
		usleep(10000);
	exit(7);
}

/* A process that does not end when it is told to is ended. */
static void test_watchdog(void **state)
{
	static const struct {
		void (*fn)(void);
		int status;
	} cases[] = {{deaf, 128 + SIGTERM}, {deaf_and_holding, 128 + SIGTERM}, {heard, 7}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status = status_of(child(cases[i].fn));
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), cases[i].status);
		assert_restored();
	}
}

static void test_no_terminal(void **state)
{
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);
		dup2(null, 0);
		_exit(terminal_open());
	}
	assert_int_equal(status_of(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exit, open_terminal, close_terminal),
		cmocka_unit_test_setup_teardown(test_watchdog, open_terminal, close_terminal),
		cmocka_unit_test_setup_teardown(test_fatal_signals, open_terminal, close_terminal),
		cmocka_unit_test_setup_teardown(test_ending_signals, open_terminal, close_terminal),
		cmocka_unit_test_setup_teardown(test_stop_and_continue, open_terminal,
	                                        close_terminal),
		cmocka_unit_test(test_no_terminal),
	};
	return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
