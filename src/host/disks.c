#define _GNU_SOURCE
#include "host/disks.h"

#include "base/log.h"
#include "host/fence.h"
#include "host/helper.h"
#include "host/served.h"
#include "host/signal.h"
#include "host/transfer.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum state { IDLE, ASKED, DONE };

enum { LOOKS = 50, LOOK_MS = 2 }; /* for its end */

/* What both processes see. */
struct shared {
	uint32_t asked; /* changes whenever something is; a futex */
	uint32_t done;
	struct slot {
		uint32_t state; /* ASKED by the owner, DONE by the process, IDLE by the owner */
		enum disks_op op;
		int fd, err;
		uint64_t at;
		size_t n;
		uint8_t room[DISKS_ROOM];
	} slots[DISKS_DRIVES];
};

struct disks {
	struct shared *shared;
	struct loop *loop;
	pid_t process; /* -1: killed */
	struct drive {
		void *ctx;
		void (*done)(void *ctx, int err);
	} drives[DISKS_DRIVES];
	unsigned count;
};

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static void sleep_on(uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

/* Another number, which whoever sleeps on it sees. */
static void announce(uint32_t *word)
{
	__atomic_add_fetch(word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static int carry_out(struct slot *s)
{
	switch (s->op) {
	case DISKS_READ:
		return host_transfer(s->fd, s->at, s->room, s->n, false);
	case DISKS_FLUSH:
		return fdatasync(s->fd) ? -errno : 0;
	case DISKS_SERVED_READ:
		return served_do(s->fd, SERVED_READ, s->at, s->room, s->n);
	case DISKS_SERVED_WRITE:
		return served_do(s->fd, SERVED_WRITE, s->at, s->room, s->n);
	default:
		return served_do(s->fd, SERVED_FLUSH, 0, NULL, 0);
	}
}

/* --- the process --- */

static _Noreturn void work(struct shared *s, pid_t process, pid_t thread)
{
	fence_grant(GRANT_OWNER, (uint64_t)process, (uint64_t)thread);
	fence_enter(FENCE_DISKS);
	for (;;) {
		uint32_t asked = load(&s->asked);
		bool any = false;
		for (unsigned i = 0; i < DISKS_DRIVES; i++) {
			struct slot *slot = &s->slots[i];
			if (load(&slot->state) != ASKED)
				continue;
			slot->err = carry_out(slot);
			store(&slot->state, DONE);
			announce(&s->done);
			syscall(SYS_tgkill, process, thread, HOST_SIGNAL_FILES);
			any = true;
		}
		if (!any)
			sleep_on(&s->asked, asked);
	}
}

/* --- its owner --- */

bool disks_lives(const struct disks *d)
{
	return d->process > 0;
}

static void check_process(struct disks *d)
{
	if (d->process < 0 || waitpid(d->process, NULL, WNOHANG | __WALL) != d->process)
		return;
	report("the process that works on disks was killed: the guest waits for them from now on");
	d->process = -1;
}

static bool finish(struct disks *d, unsigned i)
{
	struct slot *s = &d->shared->slots[i];
	if (load(&s->state) == ASKED && d->process < 0) {
		s->err = carry_out(s);
		s->state = DONE;
	}
	if (load(&s->state) != DONE)
		return false;
	s->state = IDLE;
	d->drives[i].done(d->drives[i].ctx, s->err);
	return true;
}

static bool look(void *ctx)
{
	struct disks *d = ctx;
	bool any = false;
	check_process(d); /* it may have ended while nothing was asked of it, which is told once */
	for (unsigned i = 0; i < d->count; i++)
		any |= finish(d, i);
	return any;
}

int disks_create(struct disks **out, struct loop *l)
{
	pid_t process = getpid(), thread = (pid_t)syscall(SYS_gettid);
	struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
	                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (shared == MAP_FAILED)
		return -errno;
	pid_t pid = helper_share("unring-disks");
	if (!pid)
		work(shared, process, thread);
	if (pid < 0) {
		munmap(shared, sizeof *shared);
		return pid;
	}
	fence_grant(GRANT_CHILD, (uint64_t)pid, 0);
	struct disks *d = calloc(1, sizeof *d);
	CHECK(d);
	*d = (struct disks){.shared = shared, .loop = l, .process = pid};
	loop_hook(l, look, d);
	*out = d;
	return 0;
}

void disks_destroy(struct disks *d)
{
	if (!d)
		return;
	loop_hook(d->loop, NULL, NULL);
	if (d->process > 0)
		kill(d->process, SIGKILL);
	/* A disk that does not answer may hold it for long, and is no reason not to end. */
	for (unsigned i = 0; d->process > 0 && i < LOOKS; i++)
		if (waitpid(d->process, NULL, WNOHANG | __WALL))
			d->process = -1;
		else
			poll(NULL, 0, LOOK_MS);
	munmap(d->shared, sizeof *d->shared);
	free(d);
}

unsigned disks_join(struct disks *d, void *ctx, void (*done)(void *ctx, int err))
{
	CHECK(d->count < DISKS_DRIVES);
	d->drives[d->count] = (struct drive){ctx, done};
	return d->count++;
}

void *disks_room(struct disks *d, unsigned drive)
{
	return d->shared->slots[drive].room;
}

void disks_ask(struct disks *d, unsigned drive, enum disks_op op, int fd, uint64_t at, size_t n)
{
	struct slot *s = &d->shared->slots[drive];
	CHECK(n <= DISKS_ROOM && load(&s->state) == IDLE);
	s->op = op;
	s->fd = fd;
	s->at = at;
	s->n = n;
	store(&s->state, ASKED);
	announce(&d->shared->asked);
}

/* It may have been killed, of which the futex says nothing: so the sleep is short. */
void disks_wait(struct disks *d, unsigned drive)
{
	const struct slot *s = &d->shared->slots[drive];
	while (load(&s->state) != IDLE) {
		uint32_t done = load(&d->shared->done);
		check_process(d);
		if (finish(d, drive))
			return;
		struct timespec some = {0, 10000000};
		syscall(SYS_futex, &d->shared->done, FUTEX_WAIT, done, &some, NULL, 0);
	}
}
