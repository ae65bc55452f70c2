/* links: host */
/* The front as a process: what it opens and for whom, that its owner opens nothing by it, who holds
 * up whom, and its end.  Its language here: a line is a message, "make PATH" names a file. */
#define _GNU_SOURCE
#include "host/broker.h"
#include "host/callers.h"
#include "host/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINE = 256, HANGS_MS = 60000 };

struct line {
	char text[LINE], path[LINE];
	unsigned n;
};

static void *begin(void)
{
	return calloc(1, sizeof(struct line));
}

static bool next(void *caller, const char **at, const char *end, struct front_message *m)
{
	struct line *l = caller;
	while (*at < end) {
		char c = *(*at)++;
		if (c != '\n') {
			l->text[l->n++ % LINE] = c;
			continue;
		}
		*m = (struct front_message){.kind = 7, .bytes = l->text, .count = l->n};
		if (!strncmp(l->text, "make ", 5)) {
			snprintf(l->path, sizeof l->path, "%.*s", (int)l->n - 5, l->text + 5);
			m->path = l->path;
			m->use = FILE_MAKE;
			m->takes = true;
		}
		l->n = 0;
		return true;
	}
	return false;
}

static const struct front_language language = {begin, next, free};

static char folder[64], path[96], file[96];
static struct front_link front;

static int setup(void **state)
{
	strcpy(folder, "/tmp/unring-front-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/socket", folder);
	snprintf(file, sizeof file, "%s/file", folder);
	assert_int_equal(front_start(&front, path, &language), 0);
	return 0;
}

static int teardown(void **state)
{
	front_stop(&front);
	broker_end();
	unlink(file);
	return rmdir(folder);
}

static int call(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(a.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static bool is_ready(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};
	return poll(&p, 1, ms) > 0;
}

/* Waits for bytes; what came along is in *along (-1: nothing). */
static ssize_t take(int fd, void *to, size_t n, int *along)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room;
	struct iovec v = {to, n};
	struct msghdr h = {.msg_iov = &v,
	                   .msg_iovlen = 1,
	                   .msg_control = room.bytes,
	                   .msg_controllen = sizeof room.bytes};
	assert_true(is_ready(fd, HANGS_MS));
	ssize_t got = recvmsg(fd, &h, MSG_DONTWAIT);
	*along = -1;
	if (got > 0 && CMSG_FIRSTHDR(&h))
		memcpy(along, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof *along);
	return got;
}

/* The owner's side of the next caller. */
static int take_caller(void)
{
	char byte;
	int fd;
	assert_int_equal(take(front.fd, &byte, 1, &fd), 1);
	assert_true(fd >= 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The next message is this; returns its file, or as the head has it. */
static int hears(int owner, const char *wanted)
{
	struct callers_message m = {0};
	int along = -1, result;
	for (;;) {
		char byte;
		const char *at = &byte;
		assert_int_equal(take(owner, &byte, 1, &along), 1);
		if (callers_take(&m, LINE, &at, at + 1) == CALLERS_WHOLE)
			break;
		assert_int_equal(along, -1); /* it comes with the last */
	}
	assert_int_equal(m.head.kind, 7);
	assert_int_equal(m.head.count, strlen(wanted));
	assert_memory_equal(m.bytes, wanted, m.head.count);
	assert_int_equal(m.head.file == 1, along >= 0);
	result = along >= 0 ? along : m.head.file;
	callers_forget(&m);
	return result;
}

static void reads(int fd, const char *wanted)
{
	char text[LINE] = "";
	size_t n = 0;
	while (n < strlen(wanted)) {
		assert_true(is_ready(fd, HANGS_MS));
		ssize_t got = recv(fd, text + n, strlen(wanted) - n, 0);
		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_string_equal(text, wanted);
}

static bool ends(int fd)
{
	char bytes[4096];
	ssize_t n = 1;
	while (is_ready(fd, HANGS_MS) && (n = recv(fd, bytes, sizeof bytes, 0)) > 0)
		;
	return n <= 0;
}

static void test_names(void **state)
{
	char line[LINE], text[8] = "";
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	int client = call(), owner = take_caller();
	say(client, "hello\n\nmake /none/x\n");
	assert_int_equal(hears(owner, "hello"), 0);
	assert_int_equal(hears(owner, ""), 0);
	assert_int_equal(hears(owner, "make /none/x"), -ENOENT);
	say(owner, "he makes it\n");
	reads(client, "he makes it\n");
	snprintf(line, sizeof line, "make %s", file);
	say(client, line);
	say(client, "\n");
	int fd = hears(owner, line);
	assert_true(fd > 0);
	assert_int_equal(write(fd, "content", 7), 7);
	assert_int_equal(ftruncate(fd, 5), 0); /* as the owner may, whatever fence opened it */
	close(fd);
	/* What is there stays. */
	say(client, line);
	say(client, "\n");
	close(hears(owner, line));
	fd = open(file, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof text), 5);
	assert_string_equal(text, "conte");
	close(fd);
	say(client, "make /dev/zero\nmake /proc/self/comm\nmake /tmp\n");
	assert_int_equal(hears(owner, "make /dev/zero"), -EINVAL);
	assert_int_equal(hears(owner, "make /proc/self/comm"), -EINVAL);
	assert_int_equal(hears(owner, "make /tmp"), -EISDIR);
	close(client);
	close(owner);
}

static void say_with(int fd, const char *text, int along)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec v = {(void *)(uintptr_t)text, strlen(text)};
	struct msghdr h = {.msg_iov = &v,
	                   .msg_iovlen = 1,
	                   .msg_control = room.bytes,
	                   .msg_controllen = sizeof room.bytes};
	memcpy(CMSG_DATA(&room.head), &along, sizeof(int));
	assert_int_equal(sendmsg(fd, &h, 0), strlen(text));
}

/* The caller's own comes instead of one that is named. */
static void test_along(void **state)
{
	char byte;
	int pipes[2], unused[2];
	int client = call(), owner = take_caller();
	assert_int_equal(pipe(pipes) | pipe(unused), 0);
	/* One that no message takes goes when the next comes. */
	say_with(client, "note\n", unused[1]);
	close(unused[1]);
	assert_int_equal(hears(owner, "note"), 0);
	/* What was said before, and is read together with it, takes it from none. */
	kill(front.process, SIGSTOP);
	say(client, "before\n");
	say_with(client, "make /none/x\n", pipes[1]);
	kill(front.process, SIGCONT);
	close(pipes[1]);
	assert_int_equal(hears(owner, "before"), 0);
	int fd = hears(owner, "make /none/x");
	assert_true(fd > 0);
	close(fd);
	assert_int_equal(read(pipes[0], &byte, 1), 0); /* the front keeps none */
	assert_int_equal(read(unused[0], &byte, 1), 0);
	close(pipes[0]);
	close(unused[0]);
	/* And gives none twice. */
	say(client, "make /none/x\n");
	assert_int_equal(hears(owner, "make /none/x"), -ENOENT);
	close(client);
	close(owner);
}

/* The process of the guest may be anybody's: whatever it sends, by whatever it has, no file is
 * opened, and callers get it as it is. */
static void test_captured(void **state)
{
	char line[LINE];
	int client = call(), owner = take_caller();
	snprintf(line, sizeof line, "make %s\n", file);
	struct front_head head = {7, 1, (uint32_t)strlen(line)};
	assert_int_equal(send(owner, &head, sizeof head, 0), sizeof head);
	say(owner, line);
	char text[LINE];
	size_t n = 0, all = sizeof head + strlen(line);
	while (n < all) {
		assert_true(is_ready(client, HANGS_MS));
		n += (size_t)recv(client, text + n, all - n, 0);
	}
	assert_memory_equal(text, &head, sizeof head);
	assert_memory_equal(text + sizeof head, line, strlen(line));
	assert_false(is_ready(owner, 100)); /* nothing comes of it */
	/* The other socket that it has takes no commands: what comes by it is the end. */
	say(front.fd, line);
	assert_true(ends(client));
	assert_int_not_equal(access(file, F_OK), 0);
	close(owner);
	close(client);
}

/* One whom the owner does not read, and one who does not read the owner, hold up nobody else. */
static void test_stalled(void **state)
{
	static char much[1 << 20];
	memset(much, '\n', sizeof much);
	int flood = call(), unread = take_caller();
	int deaf = call(), unheard = take_caller();
	int good = call(), owner = take_caller();
	while (send(flood, much, sizeof much, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		usleep(1000);
	assert_int_equal(errno, EAGAIN);
	while (send(unheard, much, sizeof much, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		usleep(1000);
	assert_int_equal(errno, EAGAIN);
	say(good, "still\n");
	assert_int_equal(hears(owner, "still"), 0);
	say(owner, "here\n");
	reads(good, "here\n");
	/* Neither costs the front anything: it sleeps. */
	char stat_path[64], stat_text[1024] = "";
	snprintf(stat_path, sizeof stat_path, "/proc/%d/stat", front.process);
	for (unsigned i = 0; i < 600 && !strstr(stat_text, ") S "); i++) {
		int fd = open(stat_path, O_RDONLY);
		ssize_t got = read(fd, stat_text, sizeof stat_text - 1);
		stat_text[got > 0 ? got : 0] = 0;
		close(fd);
		usleep(100000);
	}
	assert_non_null(strstr(stat_text, ") S "));
	/* The owner hangs up on him who does not read. */
	close(unheard);
	assert_true(ends(deaf));
	close(unread);
	assert_true(ends(flood));
	close(good);
	assert_true(ends(owner));
	close(owner);
	close(deaf);
	close(flood);
}

/* What was said before somebody left arrives, on both sides. */
static void test_leaving(void **state)
{
	int client = call(), owner = take_caller();
	say(client, "one\ntwo\n");
	close(client);
	assert_int_equal(hears(owner, "one"), 0);
	send(owner, "answer\n", 7, MSG_NOSIGNAL); /* to nobody */
	assert_int_equal(hears(owner, "two"), 0);
	assert_true(ends(owner));
	close(owner);
	client = call();
	owner = take_caller();
	say(client, "last");
	shutdown(client, SHUT_WR);
	assert_true(ends(owner)); /* no whole line */
	say(owner, "bye");
	close(owner);
	reads(client, "bye");
	assert_true(ends(client));
	close(client);
	client = call();
	owner = take_caller();
	say(owner, "bye");
	close(owner);
	front_stop(&front); /* it delivers first */
	reads(client, "bye");
	assert_true(ends(client));
	close(client);
}

static void test_many(void **state)
{
	int clients[FRONT_CALLERS], owners[FRONT_CALLERS];
	for (unsigned i = 0; i < FRONT_CALLERS; i++) {
		clients[i] = call();
		owners[i] = take_caller();
	}
	int more = call();
	assert_true(ends(more));
	close(more);
	close(clients[5]);
	assert_true(ends(owners[5]));
	close(owners[5]);
	/* Its place is free when the front has seen that, too. */
	for (bool taken = false; !taken;) {
		clients[5] = call();
		taken = is_ready(front.fd, 10);
		if (!taken)
			close(clients[5]);
	}
	owners[5] = take_caller();
	say(clients[5], "here\n");
	assert_int_equal(hears(owners[5], "here"), 0);
	for (unsigned i = 0; i < FRONT_CALLERS; i++) {
		close(clients[i]);
		close(owners[i]);
	}
}

/* Those who have gone take no place from who comes, even if the owner has not looked at them yet. */
static void test_burst(void **state)
{
	enum { BURST = 2 * FRONT_CALLERS };
	int owners[BURST];
	for (unsigned i = 0; i < BURST; i++) {
		int client = call();
		say(client, "gone\n");
		close(client);
		owners[i] = take_caller();
	}
	int client = call();
	say(client, "here\n");
	for (unsigned i = 0; i < BURST; i++) {
		assert_int_equal(hears(owners[i], "gone"), 0);
		assert_true(ends(owners[i]));
		close(owners[i]);
	}
	int owner = take_caller();
	assert_int_equal(hears(owner, "here"), 0);
	close(owner);
	close(client);
}

/* Where nobody may open another file, callers wait, and it sleeps. */
static void test_few(void **state)
{
	front_stop(&front);
	broker_end();
	struct rlimit before, few = {32, 32};
	getrlimit(RLIMIT_NOFILE, &before);
	few.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	int err = front_start(&front, path, &language);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(err, 0);
	int fds[24]; /* more than it takes, and fewer than may wait besides */
	for (unsigned i = 0; i < 24; i++)
		fds[i] = call();
	int owner = take_caller();
	say(fds[0], "here\n");
	assert_int_equal(hears(owner, "here"), 0);
	close(owner);
	for (unsigned i = 0; i < 24; i++)
		close(fds[i]);
}

/* Its owner is killed: it ends by itself. */
static void test_orphan(void **state)
{
	int told[2], status;
	front_stop(&front);
	broker_end();
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid_t owner = fork();
	if (!owner) {
		struct front_link own = {0};
		front_start(&own, path, &language);
		if (write(told[1], &own.process, sizeof own.process) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	close(told[1]); /* the owner and its front have it still */
	pid_t process = 0;
	assert_int_equal(read(told[0], &process, sizeof process), sizeof process);
	assert_true(process > 0);
	int client = call();
	kill(owner, SIGKILL);
	waitpid(owner, &status, 0);
	assert_true(ends(client));
	char byte; /* nothing, when nobody has the pipe any more */
	assert_int_equal(read(told[0], &byte, 1), 0);
	close(told[0]);
	close(client);
	unlink(path);
}

static void test_in_use(void **state)
{
	struct front_link other = {0};
	assert_int_equal(front_start(&other, path, &language), -EADDRINUSE);
	assert_int_equal(other.process, 0);
	assert_int_equal(front_start(&other, "/none/x", &language), -ENOENT);
	front_stop(&other);
}

int main(void)
{
	fence_choose(FENCE_ON);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_along, setup, teardown),
		cmocka_unit_test_setup_teardown(test_captured, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stalled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaving, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(test_few, setup, teardown),
		cmocka_unit_test_setup_teardown(test_orphan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_use, setup, teardown),
	};
	return cmocka_run_group_tests_name("front", tests, NULL, NULL);
}
