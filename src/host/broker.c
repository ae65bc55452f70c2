#define _GNU_SOURCE
#include "host/broker.h"

#include "host/fence.h"
#include "host/helper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many callers may wait: beyond that a connect() that does not wait fails. */
enum { SOCKETS = 8, WAITING = 16 };

/* A new socket is made beside a stale one, and renamed. */
#define BESIDE ".new"

enum op {
	OP_OPEN,
	OP_LISTEN_UNIX,
	OP_LISTEN_TCP,
	OP_CONNECT_UNIX,
	OP_CONNECT_LOCAL,
	OP_START,
	OP_SEAL,
};

struct request {
	enum op op;
	int word; /* flags, or port */
	char path[PATH_MAX];
};

/* --- in the broker --- */

/* A socket's name, for its end. */
struct name {
	int folder;
	char base[sizeof((struct sockaddr_un *)0)->sun_path];
	dev_t dev;
	ino_t ino;
};

struct server {
	int fd;
	bool sealed;
	struct name names[SOCKETS];
	unsigned n_names;
};

/* A process has one, and so has the broker. */
static struct server server;
static struct request request;

static int serve_open(struct server *s, const struct request *r)
{
	int fd = open(r->path, r->word | O_CLOEXEC, 0666);
	return fd < 0 ? -errno : fd;
}

/* Is the file at a's path a socket that nobody listens at any more?  0, or a negative errno. */
static int find_stale(const struct sockaddr_un *a)
{
	struct stat st;
	if (lstat(a->sun_path, &st))
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe < 0)
		return -errno;
	bool stale = connect(probe, (const struct sockaddr *)a, sizeof *a) && errno == ECONNREFUSED;
	close(probe);
	return stale ? 0 : -EADDRINUSE;
}

static int listen_at(int fd, const struct sockaddr_un *a)
{
	return bind(fd, (const struct sockaddr *)a, sizeof *a) || listen(fd, WAITING) ? -errno : 0;
}

/* Listens at the path; a stale socket is replaced, and nothing else. */
static int listen_at_path(int fd, const struct sockaddr_un *a)
{
	int err = listen_at(fd, a);
	if (err != -EADDRINUSE || (err = find_stale(a)))
		return err;
	struct sockaddr_un other = *a;
	snprintf(other.sun_path, sizeof other.sun_path, "%s" BESIDE, a->sun_path);
	err = listen_at(fd, &other);
	if (err)
		return err;
	if (!rename(other.sun_path, a->sun_path))
		return 0;
	err = -errno;
	unlink(other.sun_path);
	return err;
}

/* Its folder is held open: it may be renamed, and so may the way to it. */
static int remember(struct server *s, const char *path)
{
	struct name *n = &s->names[s->n_names];
	struct stat st;
	const char *slash = strrchr(path, '/');
	char folder[sizeof n->base] = ".";
	if (s->n_names == SOCKETS)
		return -EMFILE;
	if (slash)
		memcpy(folder, path, (size_t)(slash - path) + 1);
	snprintf(n->base, sizeof n->base, "%s", slash ? slash + 1 : path);
	n->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (n->folder < 0 || fstatat(n->folder, n->base, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	n->dev = st.st_dev;
	n->ino = st.st_ino;
	fence_grant(GRANT_FOLDER, (uint64_t)n->folder, 0);
	s->n_names++;
	return 0;
}

static void remove_names(const struct server *s)
{
	for (unsigned i = 0; i < s->n_names; i++) {
		const struct name *n = &s->names[i];
		struct stat st;
		if (!fstatat(n->folder, n->base, &st, AT_SYMLINK_NOFOLLOW) && st.st_dev == n->dev &&
		    st.st_ino == n->ino)
			unlinkat(n->folder, n->base, 0);
	}
}

static int or_close(int fd, int err)
{
	if (fd >= 0 && err)
		close(fd);
	return err ? err : fd;
}

/* 0, or a negative errno: there is no room in it for more bytes behind the path. */
static int unix_address(struct sockaddr_un *a, const char *path, size_t more)
{
	size_t n = strlen(path) + 1;
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n + more > sizeof a->sun_path)
		return -ENAMETOOLONG;
	memcpy(a->sun_path, path, n);
	return 0;
}

static struct sockaddr_in local_address(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                            .sin_port = htons((uint16_t)port)};
}

static int serve_listen_unix(struct server *s, const struct request *r)
{
	struct sockaddr_un a;
	int err = unix_address(&a, r->path, strlen(BESIDE));
	if (err)
		return err;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mode_t mask = umask(0);
	umask(mask | (~(mode_t)r->word & 0777));
	err = listen_at_path(fd, &a);
	umask(mask);
	return or_close(fd, err ? err : remember(s, r->path));
}

static int listen_tcp(const struct sockaddr *a, socklen_t size)
{
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) ||
	    bind(fd, a, size) || listen(fd, 1))
		err = -errno;
	return or_close(fd, err);
}

static int serve_listen_tcp(struct server *s, const struct request *r)
{
	struct sockaddr_in a = local_address(r->word);
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = a.sin_port};
	if (inet_pton(AF_INET, r->path, &a.sin_addr) == 1)
		return listen_tcp((struct sockaddr *)&a, sizeof a);
	if (inet_pton(AF_INET6, r->path, &a6.sin6_addr) == 1)
		return listen_tcp((struct sockaddr *)&a6, sizeof a6);
	return -EINVAL;
}

static int connected(int domain, const void *address, socklen_t size)
{
	int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return or_close(fd, fd < 0 || connect(fd, address, size) ? -errno : 0);
}

static int serve_connect_unix(struct server *s, const struct request *r)
{
	struct sockaddr_un a;
	int err = unix_address(&a, r->path, 0);
	return err ? err : connected(AF_UNIX, &a, sizeof a);
}

static int serve_connect_local(struct server *s, const struct request *r)
{
	struct sockaddr_in a = local_address(r->word);
	return connected(AF_INET, &a, sizeof a);
}

/* The file of a program of this name, or a negative errno. */
static int find_program(const char *name)
{
	static const char *const places[] = {"", "../libexec/unring/"};
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	int fd = n < 0 ? -errno : -ENOENT;
	for (unsigned i = 0; n > 0 && fd == -ENOENT && i < sizeof places / sizeof *places; i++) {
		self[n] = 0;
		int folder = (int)(strrchr(self, '/') - self) + 1;
		snprintf(path, sizeof path, "%.*s%s%.32s", folder, self, places[i], name);
		fd = open(path, O_PATH | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	return fd;
}

/* For descriptors that this one is to have. */
static int above(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, BROKER_CHANNEL + 1);
}

static _Noreturn void become(int program, int channel, const char *name)
{
	char *const argv[] = {(char *)(uintptr_t)name, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	program = above(program);
	channel = above(channel);
	dup2(null, 0);
	dup2(null, 1);
	if (dup2(channel, BROKER_CHANNEL) == BROKER_CHANNEL) {
		/* Others were inherited. */
		fence_close_others((int[]){0, 1, 2, BROKER_CHANNEL, program}, 5);
		fexecve(program, argv, environ);
	}
	_exit(127);
}

static int serve_start(struct server *s, const struct request *r)
{
	int ends[2], program = find_program(r->path);
	if (program < 0)
		return program;
	int err = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ? -errno : 0;
	if (!err) {
		signal(SIGCHLD, SIG_IGN); /* nobody waits for it */
		pid_t pid = helper_fork(r->path);
		if (!pid)
			become(program, ends[1], r->path);
		err = pid < 0 ? pid : 0;
		close(ends[1]);
	}
	close(program);
	return err ? err : ends[0];
}

static int serve_seal(struct server *s, const struct request *r)
{
	int keep[SOCKETS + 1] = {s->fd};
	for (unsigned i = 0; i < s->n_names; i++)
		keep[i + 1] = s->names[i].folder; /* later, so higher */
	fence_close_others(keep, s->n_names + 1);
	prctl(PR_SET_PDEATHSIG, 0);
	fence_enter(FENCE_BROKER);
	s->sealed = true;
	return -ENODATA; /* no descriptor */
}

static int (*const serve[])(struct server *s, const struct request *r) = {
	[OP_OPEN] = serve_open,
	[OP_LISTEN_UNIX] = serve_listen_unix,
	[OP_LISTEN_TCP] = serve_listen_tcp,
	[OP_CONNECT_UNIX] = serve_connect_unix,
	[OP_CONNECT_LOCAL] = serve_connect_local,
	[OP_START] = serve_start,
	[OP_SEAL] = serve_seal,
};

/* One int, and a descriptor if it is one. */
union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void answer(int to, int result)
{
	union control c = {.head = {.cmsg_level = SOL_SOCKET,
	                            .cmsg_type = SCM_RIGHTS,
	                            .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec io = {&result, sizeof result};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
	if (result >= 0) {
		memcpy(CMSG_DATA(&c.head), &result, sizeof result);
		m.msg_control = &c;
		m.msg_controllen = sizeof c;
	}
	sendmsg(to, &m, MSG_NOSIGNAL);
	if (result >= 0)
		close(result);
}

static _Noreturn void broke(int fd)
{
	struct iovec io = {&request, sizeof request};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
	server.fd = fd;
	while (recvmsg(fd, &m, 0) > 0) {
		request.path[sizeof request.path - 1] = 0;
		bool good = !server.sealed && (unsigned)request.op < sizeof serve / sizeof *serve;
		answer(fd, good ? serve[request.op](&server, &request) : -EPERM);
	}
	remove_names(&server);
	_exit(0);
}

/* --- in its owner --- */

static struct {
	int fd;
	pid_t process; /* 0: not started */
	int kept;      /* 0: none */
} broker;

int broker_keep(int fd)
{
	if (fcntl(fd, F_GETFD) < 0)
		return -errno;
	broker.kept = fd;
	return 0;
}

int broker_start(void)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	pid_t pid = helper_fork("unring-broker");
	if (!pid) {
		close(ends[0]);
		broke(ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return pid;
	}
	broker.fd = ends[0];
	broker.process = pid;
	fence_grant(GRANT_CHILD, (uint64_t)pid, 0);
	int keep[] = {0, 1, 2, broker.fd, broker.kept};
	if (broker.kept > 0 && broker.kept < broker.fd) {
		keep[3] = broker.kept;
		keep[4] = broker.fd;
	}
	fence_close_others(keep, broker.kept > 0 ? 5 : 4);
	return 0;
}

/* One message there and one back. */
static int ask(void)
{
	int result;
	union control c;
	struct iovec io = {&result, sizeof result};
	struct msghdr m = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c};
	ssize_t n;
	while ((n = send(broker.fd, &request, sizeof request, MSG_NOSIGNAL)) < 0 && errno == EINTR)
		;
	while (n >= 0 && (n = recvmsg(broker.fd, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		n = 0;
	if (n != sizeof result)
		return n < 0 ? -errno : -EPIPE; /* it was killed */
	const struct cmsghdr *head = CMSG_FIRSTHDR(&m);
	if (result >= 0 && !head)
		return -EMFILE;
	if (result >= 0)
		memcpy(&result, CMSG_DATA(head), sizeof result);
	return result;
}

static int request_it(enum op op, const char *path, int word)
{
	request = (struct request){.op = op, .word = word};
	size_t n = strlen(path) + 1;
	if (n > sizeof request.path)
		return -ENAMETOOLONG;
	memcpy(request.path, path, n);
	return broker.process ? ask() : serve[op](&server, &request);
}

int broker_open(const char *path, int flags)
{
	return request_it(OP_OPEN, path, flags);
}

int broker_listen_unix(const char *path, unsigned rights)
{
	return request_it(OP_LISTEN_UNIX, path, (int)rights);
}

int broker_listen_tcp(const char *address, uint16_t port)
{
	return request_it(OP_LISTEN_TCP, address, port);
}

int broker_start_program(const char *name)
{
	return request_it(OP_START, name, 0);
}

int broker_connect_unix(const char *path)
{
	return request_it(OP_CONNECT_UNIX, path, 0);
}

int broker_connect_local(uint16_t port)
{
	return request_it(OP_CONNECT_LOCAL, "", port);
}

int broker_seal(void)
{
	int err = broker.process ? request_it(OP_SEAL, "", 0) : -ENODATA;
	return err == -ENODATA ? 0 : err;
}

void broker_end(void)
{
	if (!broker.process) {
		remove_names(&server);
		server.n_names = 0;
		return;
	}
	close(broker.fd);
	while (waitpid(broker.process, NULL, 0) < 0 && errno == EINTR)
		;
	broker.process = 0;
}
