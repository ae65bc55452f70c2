/* links: host */
/* The event loop, the timer, whole files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/file.h"
#include "host/loop.h"
#include "host/signal.h"
#include "host/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct reader {
	struct loop *loop;
	int fd;
	unsigned calls;
	char last;
};

static void on_ready(void *ctx, unsigned ready)
{
	struct reader *r = ctx;
	r->calls++;
	if (read(r->fd, &r->last, 1) <= 0)
		loop_remove(r->loop, r->fd);
}

static void test_loop(void **state)
{
	int p[2];
	assert_int_equal(pipe(p), 0);
	struct reader r = {loop_create(), p[0], 0, 0};
	loop_add(r.loop, p[0], LOOP_READ, on_ready, &r);
	assert_false(loop_poll(r.loop));
	assert_int_equal(r.calls, 0);
	assert_int_equal(write(p[1], "ab", 2), 2);
	assert_true(loop_poll(r.loop));
	assert_int_equal(r.last, 'a');
	loop_set(r.loop, p[0], 0);
	assert_false(loop_poll(r.loop));
	assert_int_equal(r.calls, 1);
	loop_set(r.loop, p[0], LOOP_READ);
	assert_true(loop_poll(r.loop));
	assert_int_equal(r.last, 'b');
	close(p[1]);
	assert_true(loop_poll(r.loop)); /* its end is an event too */
	assert_int_equal(r.calls, 3);
	assert_false(loop_poll(r.loop));
	loop_destroy(r.loop);
	close(p[0]);
}

static volatile unsigned fired;

static void on_expiry(void *ctx)
{
	fired++;
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void test_timer(void **state)
{
	struct host_timer *t;
	fired = 0;
	assert_int_equal(host_timer_create(&t, on_expiry, NULL), 0);
	uint64_t begin = host_monotonic_ns();
	host_timer_arm(t, begin + 3000000);
	while (!fired)
		nap();
	assert_in_range(host_monotonic_ns() - begin, 3000000, 2000000000);
	while (fired < 5) /* until it is armed anew */
		nap();
	host_timer_arm(t, host_monotonic_ns() + 3600 * 1000000000ull);
	host_timer_arm(t, UINT64_MAX); /* never, after all */
	unsigned before = fired;
	begin = host_monotonic_ns();
	while (host_monotonic_ns() < begin + 50000000)
		nap();
	assert_int_equal(fired, before);
	host_timer_arm(t, 0); /* long past: at once */
	while (fired == before)
		nap();
	host_timer_destroy(t);
}

/* A signal that comes between the last look and the sleep ends the sleep. */
static void test_timer_wakes(void **state)
{
	struct host_timer *t;
	fired = 0;
	assert_int_equal(host_timer_create(&t, on_expiry, NULL), 0);
	host_signals_hold();
	for (unsigned i = 0; i < 2; i++) {
		uint64_t begin = host_monotonic_ns();
		host_timer_arm(t, begin + 3000000);
		if (!i)
			while (host_monotonic_ns() < begin + 6000000)
				;
		assert_int_equal(fired, i);
		host_signal_wait();
		assert_int_equal(fired, i + 1);
		assert_in_range(host_monotonic_ns() - begin, 3000000, 2000000000);
	}
	host_timer_arm(t, UINT64_MAX);
	host_signals_release();
	host_timer_destroy(t);
}

/* Waits for the signal of a loop that was started; what comes is looked at then only. */
static void await(struct reader *r, unsigned calls)
{
	host_signals_hold();
	for (;;) {
		loop_poll(r->loop);
		if (r->calls >= calls)
			break;
		host_signal_wait();
	}
	host_signals_release();
	assert_int_equal(r->calls, calls);
}

static void test_loop_signals(void **state)
{
	int p[2], q[2];
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	struct reader r = {loop_create(), p[0], 0, 0}, s = {r.loop, q[0], 0, 0};
	loop_add(r.loop, p[0], LOOP_READ, on_ready, &r);
	assert_int_equal(loop_start(r.loop), 0);
	assert_int_equal(write(p[1], "a", 1), 1);
	await(&r, 1);
	/* All that was written comes, though it is read by the byte. */
	assert_int_equal(write(p[1], "bcd", 3), 3);
	await(&r, 4);
	assert_int_equal(r.last, 'd');
	/* Paused files say nothing; what came meanwhile is told afterwards. */
	loop_set(r.loop, p[0], 0);
	loop_add(r.loop, q[0], LOOP_READ, on_ready, &s);
	assert_int_equal(write(p[1], "e", 1), 1);
	assert_int_equal(write(q[1], "x", 1), 1);
	await(&s, 1);
	assert_int_equal(r.calls, 4);
	loop_set(r.loop, p[0], LOOP_READ);
	await(&r, 5);
	/* An end is an event too, and the other goes on. */
	close(p[1]);
	await(&r, 6);
	assert_int_equal(write(q[1], "y", 1), 1);
	await(&s, 2);
	assert_int_equal(s.last, 'y');
	/* Nobody looks before the signal. */
	host_signals_hold();
	assert_int_equal(write(q[1], "z", 1), 1);
	assert_false(loop_poll(r.loop));
	host_signal_wait();
	assert_true(loop_poll(r.loop));
	assert_int_equal(s.last, 'z');
	host_signals_release();
	loop_remove(r.loop, q[0]);
	loop_destroy(r.loop);
	close(p[0]);
	close(q[0]);
	close(q[1]);
}

struct writer {
	unsigned calls, ready;
};

static void on_writable(void *ctx, unsigned ready)
{
	struct writer *w = ctx;
	w->calls++;
	w->ready = ready;
}

/* A file that is to be written tells when it takes some, by a signal too; one whose reader is
 * gone tells at once. */
static void test_loop_writes(void **state)
{
	int p[2];
	char bytes[65536];
	struct writer w = {0, 0};
	assert_int_equal(pipe(p), 0);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	while (write(p[1], "full", 4) > 0)
		;
	struct loop *l = loop_create();
	loop_add(l, p[1], LOOP_WRITE, on_writable, &w);
	assert_int_equal(loop_start(l), 0);
	assert_false(loop_poll(l));
	assert_int_equal(read(p[0], bytes, sizeof bytes), sizeof bytes);
	host_signals_hold();
	while (!loop_poll(l))
		host_signal_wait();
	host_signals_release();
	assert_int_equal(w.ready, LOOP_WRITE);
	loop_set(l, p[1], 0);
	unsigned calls = w.calls;
	loop_wait(l, 1, &(sig_atomic_t){0});
	assert_int_equal(w.calls, calls);
	loop_set(l, p[1], LOOP_READ); /* of no use here, but for the end */
	close(p[0]);
	loop_wait(l, -1, &(sig_atomic_t){0});
	assert_int_equal(w.ready, LOOP_READ);
	loop_destroy(l);
	close(p[1]);
}

/* Any number of them, with and without the helper; a callback may add and remove others. */
static void test_many_files(void **state)
{
	enum { FILES = 100 };
	static struct reader r[FILES];
	int p[FILES][2];
	struct loop *l = loop_create();
	for (unsigned i = 0; i < FILES; i++) {
		assert_int_equal(pipe(p[i]), 0);
		r[i] = (struct reader){l, p[i][0], 0, 0};
		loop_add(l, p[i][0], LOOP_READ, on_ready, &r[i]);
		if (i == FILES / 2)
			assert_int_equal(loop_start(l), 0);
	}
	for (unsigned i = 0; i < FILES; i++)
		assert_int_equal(write(p[i][1], "a", 1), 1);
	host_signals_hold();
	for (unsigned i = 0; i < FILES; i++)
		while (!r[i].calls)
			if (!loop_poll(l))
				host_signal_wait();
	/* All ends come, and each removes its file. */
	for (unsigned i = 0; i < FILES; i++)
		close(p[i][1]);
	for (unsigned i = 0; i < FILES; i++)
		while (r[i].calls < 2)
			if (!loop_poll(l))
				host_signal_wait();
	host_signals_release();
	loop_destroy(l);
	for (unsigned i = 0; i < FILES; i++)
		close(p[i][0]);
}

/* It must not outlive its owner, however that ends. */
static void test_helper_dies_with_owner(void **state)
{
	int p[2];
	char end;
	assert_int_equal(pipe(p), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct loop *l = loop_create();
		_exit(loop_start(l) || raise(SIGKILL));
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	/* The helper shares its owner's files: the pipe ends when it is gone. */
	close(p[1]);
	assert_int_equal(read(p[0], &end, 1), 0);
	close(p[0]);
}

static void test_signal_numbers(void **state)
{
	assert_int_equal(host_signal_install(0, on_expiry, NULL), -EINVAL);
	assert_int_equal(host_signal_install(1000, on_expiry, NULL), -EINVAL);
	assert_int_equal(host_signal_install(SIGKILL, on_expiry, NULL), -EINVAL);
}

static void test_files(void **state)
{
	struct blob b;
	enum { MUCH = 1 << 20 };
	assert_int_equal(file_open("/nonexistent/file"), -ENOENT);
	assert_int_equal(file_open("/tmp"), -EISDIR);
	assert_int_equal(file_open("/dev/zero"), -EINVAL);
	int fd = file_open("/proc/self/status"); /* says size 0 */
	assert_true(fd >= 0);
	assert_int_equal(file_read(fd, MUCH, &b), 0);
	assert_true(b.size > 100);
	assert_memory_equal(b.data, "Name:", 5);
	blob_free(&b);
	assert_int_equal(file_read(fd, 100, &b), -EFBIG);
	assert_null(b.data);
	close(fd);

	char path[] = "/tmp/unring-file-XXXXXX";
	int to = mkstemp(path);
	assert_int_equal(ftruncate(to, 100000), 0);
	assert_int_equal(pwrite(to, "end", 3, 99997), 3);
	fd = file_open(path);
	assert_true(fd >= 0);
	assert_int_equal(file_read(fd, 99999, &b), -EFBIG);
	assert_int_equal(file_read_head(fd, 10, &b), 0);
	assert_int_equal(b.size, 10);
	blob_free(&b);
	assert_int_equal(file_read_head(fd, MUCH, &b), 0);
	assert_int_equal(b.size, 100000);
	blob_free(&b);
	assert_int_equal(file_read(fd, 100000, &b), 0);
	assert_int_equal(b.size, 100000);
	assert_memory_equal(b.data + 99997, "end", 3);
	assert_false(blob_is_gzip(&b));
	assert_int_equal(blob_gunzip(&b, 1000), -EINVAL);
	assert_int_equal(b.size, 100000); /* left as it was */
	blob_free(&b);
	/* Larger than memory: nothing is read. */
	assert_int_equal(ftruncate(to, (off_t)1 << 40), 0);
	assert_int_equal(file_read(fd, (size_t)1 << 30, &b), -EFBIG);
	close(fd);
	close(to);
	unlink(path);

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_open(path), -EINVAL); /* nobody is waited for */
	unlink(path);
}

static bool wait_writable(int fd, int timeout_ms, const volatile sig_atomic_t *give_up)
{
	struct pollfd f = {fd, POLLOUT, 0};
	return host_poll(&f, 1, timeout_ms, give_up);
}

/* A reader who does not read is waited for, until time or a signal ends it. */
static void test_wait_writable(void **state)
{
	int p[2];
	volatile sig_atomic_t give_up = 0;
	assert_int_equal(pipe(p), 0);
	assert_true(wait_writable(p[1], -1, &give_up));
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	while (write(p[1], "full", 4) > 0)
		;
	assert_false(wait_writable(p[1], 0, &give_up));
	uint64_t begin = host_monotonic_ns();
	assert_false(wait_writable(p[1], 3, &give_up));
	assert_in_range(host_monotonic_ns() - begin, 3000000, UINT64_MAX);
	give_up = 1; /* before the wait: by a signal that does not come again */
	assert_false(wait_writable(p[1], -1, &give_up));
	give_up = 0;
	close(p[0]);
	assert_true(wait_writable(p[1], -1, &give_up)); /* the write tells more */
	close(p[1]);
}

static volatile sig_atomic_t asked;

static void on_request(void *ctx)
{
	asked = 1;
}

/* One that came while signals were held back is heard in the wait. */
static void test_wait_writable_hears(void **state)
{
	int p[2];
	assert_int_equal(pipe(p), 0);
	assert_int_equal(host_signal_install(SIGUSR1, on_request, NULL), 0);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	while (write(p[1], "full", 4) > 0)
		;
	host_signals_hold();
	raise(SIGUSR1);
	assert_false(asked);
	assert_false(wait_writable(p[1], -1, &asked));
	assert_true(asked);
	host_signals_release();
	close(p[0]);
	close(p[1]);
}

/* Its helper is killed: one signal tells it, and input is still found by looking. */
static void test_helper_killed(void **state)
{
	int p[2];
	char path[64], children[64];
	assert_int_equal(pipe(p), 0);
	struct reader r = {loop_create(), p[0], 0, 0};
	loop_add(r.loop, p[0], LOOP_READ, on_ready, &r);
	assert_int_equal(loop_start(r.loop), 0);
	assert_false(loop_wants_polls(r.loop));
	snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
	FILE *f = fopen(path, "r");
	assert_non_null(fgets(children, sizeof children, f));
	fclose(f);
	host_signals_hold();
	assert_int_equal(kill(atoi(children), SIGKILL), 0);
	while (!loop_wants_polls(r.loop)) {
		host_signal_wait();
		loop_poll(r.loop);
	}
	host_signals_release();
	assert_int_equal(write(p[1], "a", 1), 1);
	assert_true(loop_poll(r.loop));
	assert_int_equal(r.last, 'a');
	loop_destroy(r.loop);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_timer_wakes),
		cmocka_unit_test(test_loop_signals),
		cmocka_unit_test(test_loop_writes),
		cmocka_unit_test(test_many_files),
		cmocka_unit_test(test_helper_dies_with_owner),
		cmocka_unit_test(test_signal_numbers),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_wait_writable),
		cmocka_unit_test(test_wait_writable_hears),
		cmocka_unit_test(test_helper_killed),
	};
	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
