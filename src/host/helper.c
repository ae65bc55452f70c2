#define _GNU_SOURCE
#include "host/helper.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t start(const char *name, bool shares)
{
	sigset_t all, before;
	pid_t owner = getpid();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid_t pid = shares ? (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0) : fork();
	if (pid) {
		int err = -errno;
		sigprocmask(SIG_SETMASK, &before, NULL);
		return pid < 0 ? err : pid;
	}
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* it may be waiting in an open */
	setpgid(0, 0); /* what stops or ends the owner's group does not reach it */
	if (getppid() != owner)
		_exit(0);
	return 0;
}

pid_t helper_fork(const char *name)
{
	return start(name, false);
}

pid_t helper_share(const char *name)
{
	return start(name, true);
}
