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
		unsigned interest;
		void (*fn)(void *ctx, unsigned ready);
		void *ctx;
	} * files;
	unsigned slots;
	struct pollfd *wanted; /* those with an interest, for the helper */
	struct pollfd *polled; /* the same, for serve(), whose callbacks change what is wanted */
	unsigned *slot_of;     /* of each that is polled */
	bool started;
	bool (*hook)(void *ctx);
	void *hook_ctx;
	struct watcher *watcher; /* NULL: not started, or killed */
	volatile sig_atomic_t ready;
};

struct loop *loop_create(void)
{
	struct loop *l = calloc(1, sizeof *l);
	CHECK(l);
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
	free(l->files);
	free(l->wanted);
	free(l->polled);
	free(l->slot_of);
	free(l);
}

/* Those with an interest, and their slots; how many there are. */
static unsigned collect(const struct loop *l, struct pollfd *out, unsigned *slot_of)
{
	unsigned n = 0;
	for (unsigned i = 0; i < l->slots; i++) {
		const struct file *f = &l->files[i];
		if (f->fd < 0 || !f->interest)
			continue;
		short events = (f->interest & LOOP_READ ? POLLIN : 0) |
		               (f->interest & LOOP_WRITE ? POLLOUT : 0);
		out[n] = (struct pollfd){f->fd, events, 0};
		if (slot_of)
			slot_of[n] = i;
		n++;
	}
	return n;
}

static void watch(struct loop *l)
{
	if (l->watcher)
		watcher_set(l->watcher, l->wanted, collect(l, l->wanted, NULL));
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
	for (unsigned i = 0; i < l->slots; i++)
		if (l->files[i].fd == fd)
			return &l->files[i];
	return NULL;
}

static void grow(struct loop *l)
{
	unsigned slots = l->slots ? 2 * l->slots : 8;
	l->files = realloc(l->files, slots * sizeof *l->files);
	l->wanted = realloc(l->wanted, slots * sizeof *l->wanted);
	l->polled = realloc(l->polled, slots * sizeof *l->polled);
	l->slot_of = realloc(l->slot_of, slots * sizeof *l->slot_of);
	CHECK(l->files && l->wanted && l->polled && l->slot_of);
	while (l->slots < slots)
		l->files[l->slots++].fd = -1;
}

void loop_add(struct loop *l, int fd, unsigned interest, void (*fn)(void *ctx, unsigned ready),
              void *ctx)
{
	CHECK(fd >= 0 && !find(l, fd));
	if (!find(l, -1))
		grow(l);
	*find(l, -1) = (struct file){fd, interest, fn, ctx};
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

void loop_set(struct loop *l, int fd, unsigned interest)
{
	struct file *f = find(l, fd);
	if (!f || f->interest == interest)
		return;
	bool more = interest & ~f->interest;
	f->interest = interest;
	if (more) /* less is found out when it is ready */
		watch(l);
}

void loop_hook(struct loop *l, bool (*fn)(void *ctx), void *ctx)
{
	CHECK(!l->hook || !fn);
	l->hook = fn;
	l->hook_ctx = ctx;
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

/* The first n of polled have been polled.  A callback may add, remove and change files. */
static void dispatch(struct loop *l, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct pollfd p = l->polled[i];
		const struct file *f = &l->files[l->slot_of[i]];
		unsigned ready = (p.revents & POLLIN ? LOOP_READ : 0) |
		                 (p.revents & POLLOUT ? LOOP_WRITE : 0);
		if (p.revents & ~(POLLIN | POLLOUT))
			ready = LOOP_READ | LOOP_WRITE;
		if (f->fd == p.fd && ready & f->interest)
			f->fn(f->ctx, ready & f->interest);
	}
}

static bool serve(struct loop *l, int timeout_ms, const volatile sig_atomic_t *give_up)
{
	l->ready = 0;
	check_watcher(l);
	unsigned n = collect(l, l->polled, l->slot_of);
	bool any = host_poll(l->polled, n, timeout_ms, give_up);
	if (any)
		dispatch(l, n);
	if (l->hook)
		any |= l->hook(l->hook_ctx);
	watch(l);
	return any;
}

bool loop_poll(struct loop *l)
{
	if (l->watcher && !l->ready)
		return false;
	return serve(l, 0, NULL);
}

void loop_wait(struct loop *l, int timeout_ms, const volatile sig_atomic_t *give_up)
{
	serve(l, timeout_ms, give_up);
}
