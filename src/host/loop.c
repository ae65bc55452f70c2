#include "host/loop.h"

#include "base/log.h"
#include "host/signal.h"
#include "host/watcher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

struct loop {
	struct file {
		int fd; /* -1: free */
		bool paused;
		void (*fn)(void *ctx);
		void *ctx;
	} files[WATCHER_MAX];
	bool started;
	struct watcher *watcher; /* NULL: not started, or killed */
	volatile sig_atomic_t ready;
};

struct loop *loop_create(void)
{
	struct loop *l = calloc(1, sizeof *l);
	CHECK(l);
	for (unsigned i = 0; i < WATCHER_MAX; i++)
		l->files[i].fd = -1;
	return l;
}

void loop_destroy(struct loop *l)
{
	if (!l)
		return;
	watcher_destroy(l->watcher);
	if (l->started) {
		signal(HOST_SIGNAL_FILES, SIG_IGN);
		signal(SIGCHLD, SIG_DFL);
	}
	free(l);
}

/* The files that are watched now, and how many there are. */
static unsigned watched(struct loop *l, struct file *out[WATCHER_MAX])
{
	unsigned count = 0;
	for (unsigned i = 0; i < WATCHER_MAX; i++)
		if (l->files[i].fd >= 0 && !l->files[i].paused)
			out[count++] = &l->files[i];
	return count;
}

static void watch(struct loop *l)
{
	struct file *files[WATCHER_MAX];
	int fds[WATCHER_MAX];
	if (!l->watcher)
		return;
	unsigned count = watched(l, files);
	for (unsigned i = 0; i < count; i++)
		fds[i] = files[i]->fd;
	watcher_set(l->watcher, fds, count);
}

static void on_ready(void *ctx)
{
	struct loop *l = ctx;
	l->ready = 1;
}

int loop_start(struct loop *l)
{
	l->started = true;
	int err = host_signal_install(HOST_SIGNAL_FILES, on_ready, l);
	if (!err)
		err = host_signal_install(SIGCHLD, on_ready, l); /* the helper may be killed */
	if (!err)
		err = watcher_create(&l->watcher, HOST_SIGNAL_FILES);
	if (!err)
		watch(l);
	return err;
}

static struct file *find(struct loop *l, int fd)
{
	for (unsigned i = 0; i < WATCHER_MAX; i++)
		if (l->files[i].fd == fd)
			return &l->files[i];
	return NULL;
}

void loop_add(struct loop *l, int fd, void (*fn)(void *ctx), void *ctx)
{
	struct file *f = find(l, -1);
	CHECK(fd >= 0 && f);
	*f = (struct file){fd, false, fn, ctx};
	watch(l);
}

void loop_remove(struct loop *l, int fd)
{
	struct file *f = find(l, fd);
	if (!f)
		return;
	f->fd = -1;
	watch(l);
}

void loop_pause(struct loop *l, int fd, bool paused)
{
	struct file *f = find(l, fd);
	if (!f || f->paused == paused)
		return;
	f->paused = paused;
	if (!paused)
		watch(l);
}

bool loop_wants_polls(const struct loop *l)
{
	return !l->watcher;
}

static void check_watcher(struct loop *l)
{
	if (!l->watcher || watcher_lives(l->watcher))
		return;
	report("the helper process that watches files was killed: input comes more slowly");
	watcher_destroy(l->watcher);
	l->watcher = NULL;
}

bool loop_poll(struct loop *l)
{
	struct pollfd fds[WATCHER_MAX];
	struct file *files[WATCHER_MAX];
	if (l->watcher && !l->ready)
		return false;
	l->ready = 0;
	check_watcher(l);
	unsigned count = watched(l, files);
	for (unsigned i = 0; i < count; i++)
		fds[i] = (struct pollfd){files[i]->fd, POLLIN, 0};
	int n = poll(fds, count, 0);
	CHECK(n >= 0 || errno == EINTR);
	/* A callback may remove or pause another's file. */
	for (unsigned i = 0; n > 0 && i < count; i++)
		if (fds[i].revents && files[i]->fd == fds[i].fd && !files[i]->paused)
			files[i]->fn(files[i]->ctx);
	watch(l);
	return n > 0;
}
