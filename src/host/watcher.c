#define _GNU_SOURCE
#include "host/watcher.h"

#include "base/log.h"
#include "host/fence.h"
#include "host/helper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many files as a process can have by default (fs.nr_open), and the last is the helper's
 * own.  Memory is taken for those alone that there are. */
enum { FILES = 1 << 20 };

struct wanted {
	unsigned count;
	struct pollfd files[FILES];
};

struct watcher {
	struct wanted *wanted; /* shared with the helper */
	int changed;           /* eventfd */
	pid_t helper;
};

static struct wanted *map_wanted(int sharing)
{
	return mmap(NULL, sizeof(struct wanted), PROT_READ | PROT_WRITE,
	            sharing | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static _Noreturn void help(const struct watcher *w, pid_t process, pid_t thread, int signo)
{
	struct wanted *own = map_wanted(MAP_PRIVATE);
	if (own == MAP_FAILED)
		_exit(1);
	fence_grant(GRANT_OWNER, (uint64_t)process, (uint64_t)thread);
	fence_enter(FENCE_WATCHER);
	uint64_t changes;
	while (read(w->changed, &changes, sizeof changes) > 0) {
		/* One that changes while it is read has another change announced after it. */
		unsigned n = __atomic_load_n(&w->wanted->count, __ATOMIC_ACQUIRE);
		memcpy(own->files, w->wanted->files, n * sizeof *own->files);
		own->files[n] = (struct pollfd){w->changed, POLLIN, 0};
		if (poll(own->files, n + 1, -1) > 0 && !own->files[n].revents)
			syscall(SYS_tgkill, process, thread, signo);
	}
	_exit(1);
}

int watcher_create(struct watcher **out, int signo)
{
	struct watcher *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	pid_t process = getpid(), thread = (pid_t)syscall(SYS_gettid);
	w->wanted = map_wanted(MAP_SHARED);
	w->changed = eventfd(0, EFD_CLOEXEC);
	w->helper = -1;
	int err = w->wanted == MAP_FAILED || w->changed < 0 ? -errno : 0;
	if (!err) {
		w->helper = helper_share("unring-files");
		if (!w->helper)
			help(w, process, thread, signo);
		err = w->helper < 0 ? w->helper : 0;
		if (!err)
			fence_grant(GRANT_CHILD, (uint64_t)w->helper, 0);
	}
	if (err) {
		watcher_destroy(w);
		return err;
	}
	*out = w;
	return 0;
}

void watcher_destroy(struct watcher *w)
{
	if (!w)
		return;
	if (w->helper > 0) {
		kill(w->helper, SIGKILL);
		while (waitpid(w->helper, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	if (w->changed >= 0)
		close(w->changed);
	if (w->wanted != MAP_FAILED)
		munmap(w->wanted, sizeof *w->wanted);
	free(w);
}

bool watcher_lives(struct watcher *w)
{
	if (w->helper > 0 && waitpid(w->helper, NULL, WNOHANG | __WALL) == w->helper)
		w->helper = -1;
	return w->helper > 0;
}

void watcher_set(struct watcher *w, const struct pollfd *files, unsigned count)
{
	uint64_t one = 1;
	CHECK(count < FILES);
	for (unsigned i = 0; i < count; i++)
		w->wanted->files[i] = files[i];
	__atomic_store_n(&w->wanted->count, count, __ATOMIC_RELEASE);
	CHECK(write(w->changed, &one, sizeof one) == sizeof one);
}
