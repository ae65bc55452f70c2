#define _GNU_SOURCE
#include "host/front.h"

#include "host/broker.h"
#include "host/fence.h"
#include "host/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 4096, BACK = 1 << 14, RETRY_MS = 100, LOOKS = 15, LOOK_MS = 100 };

struct caller {
	int client, owner; /* -1: this one is free */
	void *state;       /* the language's */
	/* From the client. */
	char in[CHUNK];
	size_t done, count;
	bool ended; /* no more comes */
	int came; /* the descriptor that came last, for the next message that takes one; -1: none */
	/* To the owner. */
	char *message; /* with its head; NULL: none */
	size_t sent, size;
	int along; /* goes with its last byte; -1: none */
	/* From the owner to the client. */
	char back[BACK];
	size_t back_done, back_count;
	bool gone; /* nobody is there to read it */
};

struct front {
	int listener, owner;
	const struct front_language *language;
	bool deaf; /* no call can be taken for want of something: not before RETRY_MS are over */
	struct caller callers[FRONT_CALLERS];
};

static bool again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void close_any(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* --- sockets --- */

/* Room for one descriptor; the kernel closes what does not fit. */
union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static ssize_t receive(int from, void *to, size_t most, int *file)
{
	union control room;
	struct iovec v = {to, most};
	struct msghdr h = {.msg_iov = &v,
	                   .msg_iovlen = 1,
	                   .msg_control = room.bytes,
	                   .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t n = recvmsg(from, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&h) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		close_any(*file);
		memcpy(file, CMSG_DATA(c), sizeof *file);
	}
	return n;
}

static ssize_t send_along(int to, const void *bytes, size_t n, int file)
{
	union control room = {.head = {.cmsg_len = CMSG_LEN(sizeof file),
	                               .cmsg_level = SOL_SOCKET,
	                               .cmsg_type = SCM_RIGHTS}};
	struct iovec v = {(void *)(uintptr_t)bytes, n};
	struct msghdr h = {.msg_iov = &v, .msg_iovlen = 1};
	if (file >= 0) {
		memcpy(CMSG_DATA(&room.head), &file, sizeof file);
		h.msg_control = room.bytes;
		h.msg_controllen = sizeof room.bytes;
	}
	return sendmsg(to, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* --- from the client to the owner --- */

/* Does procfs have it? Some of that looks like a plain file, and is this process's own memory. */
static bool is_of_processes(int fd)
{
	struct stat st, processes;
	return !syscall(SYS_fstat, fd, &st) &&
	       !syscall(SYS_newfstatat, AT_FDCWD, "/proc", &processes, 0) &&
	       st.st_dev == processes.st_dev;
}

/* What is no plain file is not even opened, which can wait, or set a device going. */
static int open_named(const char *path, enum file_use use)
{
	struct stat st;
	bool there = !syscall(SYS_newfstatat, AT_FDCWD, path, &st, 0);
	if (there && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	int fd = file_open_for(path, use);
	if (fd < 0 || !is_of_processes(fd))
		return fd;
	close(fd);
	return -EINVAL;
}

static void drop(const struct front *f, struct caller *c)
{
	if (c->state)
		f->language->end(c->state);
	close_any(c->client);
	close(c->owner);
	close_any(c->came);
	close_any(c->along);
	free(c->message);
	c->client = c->owner = -1;
}

static bool begin_message(struct caller *c, const struct front_message *m)
{
	struct front_head head = {m->kind, 0, m->count};
	if (m->takes) {
		c->along = c->came;
		c->came = -1;
	}
	if (c->along < 0 && m->path)
		head.file = c->along = open_named(m->path, m->use);
	if (c->along >= 0)
		head.file = 1;
	c->sent = 0;
	c->size = sizeof head + m->count;
	c->message = malloc(c->size);
	if (!c->message)
		return false;
	memcpy(c->message, &head, sizeof head);
	if (m->count)
		memcpy(c->message + sizeof head, m->bytes, m->count);
	return true;
}

/* Is all of it sent?  Nothing that is received ends but with a descriptor that came by it
 * (unix(7)): as the last byte has it, the owner has handled the messages before, and takes it
 * before the next comes. */
static bool send_message(struct caller *c)
{
	while (c->sent < c->size) {
		size_t left = c->size - c->sent;
		bool last = left == 1;
		ssize_t n =
			send_along(c->owner, c->message + c->sent,
		                   c->along >= 0 && !last ? left - 1 : left, last ? c->along : -1);
		if (n < 0 && again())
			return false;
		if (n < 0) { /* the owner has hung up; what it sent before goes to the client */
			c->ended = true;
			c->done = c->count;
			break;
		}
		c->sent += (size_t)n;
	}
	free(c->message);
	c->message = NULL;
	c->sent = c->size = 0;
	close_any(c->along);
	c->along = -1;
	return true;
}

static void advance(const struct front *f, struct caller *c)
{
	while (send_message(c)) {
		struct front_message m = {0};
		const char *at = c->in + c->done;
		bool whole = f->language->next(c->state, &at, c->in + c->count, &m);
		c->done = (size_t)(at - c->in);
		if (!whole) {
			if (c->ended)
				shutdown(c->owner, SHUT_WR);
			return;
		}
		if (!begin_message(c, &m)) {
			drop(f, c);
			return;
		}
	}
}

static void read_client(const struct front *f, struct caller *c)
{
	ssize_t n = receive(c->client, c->in, sizeof c->in, &c->came);
	if (n < 0 && again())
		return;
	c->done = 0;
	c->count = n > 0 ? (size_t)n : 0;
	c->ended = n <= 0;
	advance(f, c);
}

/* --- from the owner to the client --- */

/* Who has gone has commands on their way all the same; what answers them goes nowhere. */
static void flush(struct caller *c)
{
	while (c->back_done < c->back_count && !c->gone) {
		ssize_t n = send(c->client, c->back + c->back_done, c->back_count - c->back_done,
		                 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && again())
			return;
		c->gone = n < 0;
		c->back_done += n > 0 ? (size_t)n : 0;
	}
	c->back_done = c->back_count = 0;
}

/* Did anything come? */
static bool read_owner(const struct front *f, struct caller *c)
{
	ssize_t n = recv(c->owner, c->back, sizeof c->back, MSG_DONTWAIT);
	if (n < 0 && again())
		return false;
	if (n <= 0) {
		drop(f, c);
		return false;
	}
	c->back_count = (size_t)n;
	flush(c);
	return true;
}

/* --- all of them --- */

static struct caller *find_free(struct front *f)
{
	for (struct caller *c = f->callers; c < f->callers + FRONT_CALLERS; c++)
		if (c->client < 0)
			return c;
	return NULL;
}

static bool begin_caller(const struct front *f, struct caller *c)
{
	int ends[2];
	struct pollfd p = {f->owner, POLLOUT, 0};
	/* While the owner is too busy to hear of it, the call waits, and is not refused. */
	if (poll(&p, 1, 0) <= 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return false;
	int client = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	void *state = client < 0 ? NULL : f->language->begin();
	bool told = state && send_along(f->owner, "", 1, ends[1]) == 1;
	close(ends[1]);
	*c = (struct caller){
		.client = client, .owner = ends[0], .state = state, .came = -1, .along = -1};
	if (!told)
		drop(f, c);
	return told;
}

static void take_call(struct front *f)
{
	struct caller *c = find_free(f);
	if (c)
		f->deaf = !begin_caller(f, c);
	else
		close_any(accept4(f->listener, NULL, NULL, SOCK_CLOEXEC));
}

static void serve_client(const struct front *f, struct caller *c, int ready)
{
	if (ready & ~POLLIN && c->back_count)
		flush(c);
	if (ready & ~POLLOUT && !c->ended && !c->message)
		read_client(f, c);
	/* All that he has said is on its way, and he reads no more. */
	if (ready & POLLHUP && c->client >= 0 && c->ended && !c->message)
		drop(f, c);
}

/* The owner has hung up: the client gets what it takes now. */
static void finish(const struct front *f, struct caller *c)
{
	flush(c);
	while (c->client >= 0 && !c->back_count && read_owner(f, c))
		;
	if (c->client >= 0)
		drop(f, c);
}

static void serve_owner(const struct front *f, struct caller *c, int ready)
{
	if (ready & ~(POLLIN | POLLOUT))
		finish(f, c);
	else if (ready & POLLIN && !read_owner(f, c))
		return;
	else if (c->message)
		advance(f, c);
}

/* What is waited for; none but those that are open, as poll() takes no more of them than the
 * process may have (RLIMIT_NOFILE). */
struct polled {
	unsigned n;
	struct pollfd files[2 + 2 * FRONT_CALLERS];
	struct caller *callers[2 + 2 * FRONT_CALLERS];
};

static void want(struct polled *p, struct caller *c, int fd, bool in, bool out)
{
	p->callers[p->n] = c;
	p->files[p->n++] = (struct pollfd){fd, (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0)), 0};
}

static void collect(struct front *f, struct polled *p)
{
	p->n = 0;
	want(p, NULL, f->owner, true, false);
	if (!f->deaf)
		want(p, NULL, f->listener, true, false);
	for (struct caller *c = f->callers; c < f->callers + FRONT_CALLERS; c++)
		if (c->client >= 0) {
			bool reads = !c->ended && !c->message;
			if (reads || c->back_count) /* else its end is of no use yet */
				want(p, c, c->client, reads, c->back_count);
			want(p, c, c->owner, !c->back_count, c->message);
		}
}

int front_serve(struct front *f, int timeout_ms)
{
	struct polled p;
	bool call = false, over = false;
	collect(f, &p);
	int n = poll(p.files, p.n, f->deaf ? RETRY_MS : timeout_ms);
	f->deaf = false;
	for (unsigned i = 0; n > 0 && i < p.n; i++) {
		struct caller *c = p.callers[i];
		int fd = p.files[i].fd, ready = p.files[i].revents;
		over |= fd == f->owner && ready;
		call |= fd == f->listener && ready;
		if (c && ready && fd == c->client) /* who was dropped has none any more */
			serve_client(f, c, ready);
		else if (c && ready && fd == c->owner)
			serve_owner(f, c, ready);
	}
	if (call)
		take_call(f);
	for (unsigned i = 0; over && i < FRONT_CALLERS; i++)
		if (f->callers[i].client >= 0)
			finish(f, &f->callers[i]);
	return over ? -1 : n > 0 ? n : 0;
}

struct front *front_create(int listener, int owner, const struct front_language *l)
{
	struct front *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->listener = listener;
	f->owner = owner;
	f->language = l;
	for (unsigned i = 0; i < FRONT_CALLERS; i++)
		f->callers[i].client = f->callers[i].owner = -1;
	return f;
}

void front_destroy(struct front *f)
{
	for (unsigned i = 0; f && i < FRONT_CALLERS; i++)
		if (f->callers[i].client >= 0)
			drop(f, &f->callers[i]);
	free(f);
}

static _Noreturn void serve(int listener, int owner, const struct front_language *l)
{
	int keep[] = {listener < owner ? listener : owner, listener < owner ? owner : listener};
	struct front *f = front_create(listener, owner, l);
	fence_close_others(keep, 2);
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		fence_grant(GRANT_NAMES, (uint64_t)root, 0);
	fence_grant(GRANT_LISTENER, (uint64_t)listener, 0);
	fence_enter(FENCE_FRONT);
	close_any(root);
	while (f && front_serve(f, -1) >= 0)
		;
	_exit(0);
}

/* --- in its owner --- */

int front_start(struct front_link *out, const char *path, const struct front_language *l)
{
	int ends[2], listener = broker_listen_unix(path, 0600);
	if (listener < 0)
		return listener;
	int err = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ? -errno : 0;
	pid_t pid = err ? err : helper_fork("unring-front");
	if (!pid) {
		close(ends[0]);
		serve(listener, ends[1], l);
	}
	close(listener);
	if (!err)
		close(ends[1]);
	if (pid < 0) {
		if (!err)
			close(ends[0]);
		return pid;
	}
	fence_grant(GRANT_CHILD, (uint64_t)pid, 0);
	*out = (struct front_link){ends[0], pid};
	return 0;
}

void front_stop(struct front_link *l)
{
	if (!l->process)
		return;
	/* Anything that comes tells it; what it tells is its end.  It may be kept by an open; a host
	 * that stands still takes one look away, and not all. */
	struct pollfd p = {l->fd, 0, 0};
	send(l->fd, "", 1, MSG_NOSIGNAL);
	for (unsigned i = 0; i < LOOKS && poll(&p, 1, LOOK_MS) <= 0; i++)
		;
	kill(l->process, SIGKILL);
	while (waitpid(l->process, NULL, 0) < 0 && errno == EINTR)
		;
	close(l->fd);
	*l = (struct front_link){0};
}
