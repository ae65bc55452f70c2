/* links: host */
/* The broker: what it opens and where it listens, what it leaves, and that it is sealed. */
#define _GNU_SOURCE
#include "host/broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[80], other[80];

static int start(void **state)
{
	strcpy(folder, "/tmp/unring-broker-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/one", folder);
	snprintf(other, sizeof other, "%s/two", folder);
	umask(022);
	assert_int_equal(broker_start(), 0);
	return 0;
}

static int stop(void **state)
{
	broker_end();
	unlink(path);
	unlink(other);
	return rmdir(folder);
}

static bool exists(const char *at)
{
	return !access(at, F_OK);
}

static void test_open(void **state)
{
	char text[8] = "";
	struct stat st;
	assert_int_equal(broker_open(path, O_RDONLY), -ENOENT);
	assert_int_equal(broker_open(folder, O_WRONLY), -EISDIR);
	int fd = broker_open(path, O_RDWR | O_CREAT | O_TRUNC);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(write(fd, "hello", 5), 5);
	close(fd);
	fd = broker_open(path, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof text), 5);
	assert_string_equal(text, "hello");
	close(fd);
	char long_path[5000];
	memset(long_path, 'x', sizeof long_path);
	long_path[sizeof long_path - 1] = 0;
	assert_int_equal(broker_open(long_path, O_RDONLY), -ENAMETOOLONG);
	long_path[4095] = 0;
	assert_int_equal(broker_open(long_path, O_RDONLY), -ENAMETOOLONG); /* the kernel's word */
	assert_int_equal(broker_listen_unix(long_path, 0777), -ENAMETOOLONG);
}

static bool answers(int listener, int domain, const struct sockaddr *a, socklen_t size)
{
	char byte = 0;
	int caller = socket(domain, SOCK_STREAM, 0);
	assert_int_equal(connect(caller, a, size), 0);
	int fd = accept(listener, NULL, NULL);
	bool good = fd >= 0 && write(caller, "x", 1) == 1 && read(fd, &byte, 1) == 1 && byte == 'x';
	close(fd);
	close(caller);
	return good;
}

static void test_listen(void **state)
{
	struct stat st;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct sockaddr_in in;
	socklen_t size = sizeof in;
	strcpy(a.sun_path, path);
	int fd = broker_listen_unix(path, 0777), own = broker_listen_unix(other, 0600);
	assert_true(fd >= 0 && own >= 0);
	assert_true(answers(fd, AF_UNIX, (struct sockaddr *)&a, sizeof a));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(broker_listen_unix(path, 0777), -EADDRINUSE);
	close(fd);
	/* Nobody listens any more: it is replaced. */
	fd = broker_listen_unix(path, 0777);
	assert_true(fd >= 0 && answers(fd, AF_UNIX, (struct sockaddr *)&a, sizeof a));
	close(fd);
	close(own);

	fd = broker_listen_tcp("127.0.0.1", 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	assert_int_equal(in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(broker_listen_tcp("127.0.0.1", ntohs(in.sin_port)), -EADDRINUSE);
	assert_true(answers(fd, AF_INET, (struct sockaddr *)&in, sizeof in));
	close(fd);

	broker_seal();
	broker_end();
	assert_false(exists(path) || exists(other));
}

/* Another file that took the socket's place stays, and so does one that was there before. */
static void test_others(void **state)
{
	close(broker_open(other, O_WRONLY | O_CREAT));
	assert_int_equal(broker_listen_unix(other, 0777), -EEXIST);
	assert_true(exists(other));
	int fd = broker_listen_unix(path, 0777);
	unlink(path);
	close(broker_open(path, O_WRONLY | O_CREAT));
	close(fd);
	assert_int_equal(broker_seal(), 0);
	broker_end();
	assert_true(exists(path) && exists(other));
}

static void test_sealed(void **state)
{
	int fd = broker_listen_unix(path, 0777);
	assert_int_equal(broker_seal(), 0);
	assert_int_equal(broker_open("/dev/null", O_RDONLY), -EPERM);
	assert_int_equal(broker_listen_unix(other, 0777), -EPERM);
	assert_int_equal(broker_listen_tcp("127.0.0.1", 0), -EPERM);
	assert_int_equal(broker_seal(), -EPERM);
	assert_true(exists(path));
	assert_false(exists(other));
	close(fd);
}

/* Its owner is killed: it ends by itself and removes what it made. */
static void test_killed_owner(void **state)
{
	int ready[2];
	char byte;
	broker_end();
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (!pid) {
		close(ready[0]);
		int fd = broker_start() ? -1 : broker_listen_unix(path, 0777);
		if (fd < 0 || broker_seal() || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_true(exists(path));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(read(ready[0], &byte, 1), 0); /* the broker held the other end, too */
	close(ready[0]);
	assert_false(exists(path));
}

/* It does not start, or is gone. */
static void test_gone(void **state)
{
	broker_end();
	close(broker_open("/dev/null", O_RDONLY)); /* in this process */
	assert_int_equal(broker_seal(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open, start, stop),
		cmocka_unit_test_setup_teardown(test_listen, start, stop),
		cmocka_unit_test_setup_teardown(test_others, start, stop),
		cmocka_unit_test_setup_teardown(test_sealed, start, stop),
		cmocka_unit_test_setup_teardown(test_killed_owner, start, stop),
		cmocka_unit_test_setup_teardown(test_gone, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
