#define _GNU_SOURCE
#include "host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

/* A file that can be executed: anonymous, or where that is forbidden
 * (vm.memfd_noexec) a temporary one that has no name any more.  Opened for
 * reading only, since a file open for writing cannot be executed. */
static int program_file(const void *image, size_t size, bool in_memory)
{
	char path[] = "/tmp/unring.XXXXXX", self[40];
	int fd = in_memory ? memfd_create("unring-child", MFD_CLOEXEC) : mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	bool ok = write_all(fd, image, size) && !fchmod(fd, 0700);
	int error = errno;
	if (ok) {
		snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
		int again = open(in_memory ? self : path, O_RDONLY | O_CLOEXEC);
		ok = again >= 0;
		error = errno;
		close(fd);
		fd = again;
	}
	if (!in_memory)
		unlink(path);
	if (ok)
		return fd;
	if (fd >= 0)
		close(fd);
	return -error;
}

static _Noreturn void become(int program, int output)
{
	char *const argv[] = {"unring-child", NULL}, *const envp[] = {NULL};
	int null = open("/dev/null", O_RDWR);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(output, 1);
	dup2(null, 2);
	fexecve(program, argv, envp);
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads to the end of file; -ETIMEDOUT. */
static int collect(int fd, int timeout_ms, char *out, size_t size)
{
	int64_t deadline = now_ms() + timeout_ms;
	size_t n = 0;
	while (n < size) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - now_ms();
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return ready ? -errno : -ETIMEDOUT;
		ssize_t got = read(fd, out + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += (size_t)got;
	}
	return (int)n;
}

static int run_file(int program, int timeout_ms, char *out, size_t size)
{
	int ends[2], status;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid_t pid = fork();
	if (!pid)
		become(program, ends[1]);
	int error = errno;
	close(ends[1]);
	int n = pid < 0 ? -error : collect(ends[0], timeout_ms, out, size);
	close(ends[0]);
	if (pid < 0)
		return n;
	if (n < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return n < 0 || (WIFEXITED(status) && !WEXITSTATUS(status)) ? n : -ENOEXEC;
}

int child_run(const void *image, size_t image_size, int timeout_ms, char *out, size_t size)
{
	int result = -ENOEXEC;
	for (int in_memory = 1; in_memory >= 0 && result < 0; in_memory--) {
		int program = program_file(image, image_size, in_memory);
		if (program < 0) {
			result = program;
			continue;
		}
		result = run_file(program, timeout_ms, out, size);
		close(program);
	}
	return result;
}
