#define _GNU_SOURCE
#include "host/loop.h"

#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum { MAX_FILES = 16 };

struct loop {
	struct file {
		int fd; /* -1: free */
		bool paused;
		void (*fn)(void *ctx);
		void *ctx;
	} files[MAX_FILES];
};

struct loop *loop_create(void)
{
	struct loop *l = calloc(1, sizeof *l);
	CHECK(l);
	for (unsigned i = 0; i < MAX_FILES; i++)
		l->files[i].fd = -1;
	return l;
}

void loop_destroy(struct loop *l)
{
	free(l);
}

static struct file *find(struct loop *l, int fd)
{
	for (unsigned i = 0; i < MAX_FILES; i++)
		if (l->files[i].fd == fd)
			return &l->files[i];
	return NULL;
}

void loop_add(struct loop *l, int fd, void (*fn)(void *ctx), void *ctx)
{
	struct file *f = find(l, -1);
	CHECK(fd >= 0 && f);
	*f = (struct file){fd, false, fn, ctx};
}

void loop_remove(struct loop *l, int fd)
{
	struct file *f = find(l, fd);
	if (f)
		f->fd = -1;
}

void loop_pause(struct loop *l, int fd, bool paused)
{
	struct file *f = find(l, fd);
	if (f)
		f->paused = paused;
}

bool loop_active(const struct loop *l)
{
	for (unsigned i = 0; i < MAX_FILES; i++)
		if (l->files[i].fd >= 0 && !l->files[i].paused)
			return true;
	return false;
}

static void serve(struct loop *l, const struct timespec *timeout, const sigset_t *mask)
{
	struct pollfd fds[MAX_FILES];
	struct file *files[MAX_FILES];
	nfds_t count = 0;
	for (unsigned i = 0; i < MAX_FILES; i++) {
		if (l->files[i].fd < 0 || l->files[i].paused)
			continue;
		files[count] = &l->files[i];
		fds[count++] = (struct pollfd){l->files[i].fd, POLLIN, 0};
	}
	int n = ppoll(fds, count, timeout, mask);
	if (n < 0)
		CHECK(errno == EINTR);
	/* A callback may remove or pause another's file. */
	for (nfds_t i = 0; n > 0 && i < count; i++)
		if (fds[i].revents && files[i]->fd == fds[i].fd && !files[i]->paused)
			files[i]->fn(files[i]->ctx);
}

void loop_poll(struct loop *l)
{
	if (loop_active(l))
		serve(l, &(struct timespec){0}, NULL);
}

void loop_wait(struct loop *l, uint64_t timeout_ns, const sigset_t *mask)
{
	struct timespec t = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	serve(l, timeout_ns == UINT64_MAX ? NULL : &t, mask);
}
