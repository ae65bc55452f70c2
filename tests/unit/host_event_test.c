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
#include <stdlib.h>
#include <unistd.h>

struct reader {
	struct loop *loop;
	int fd;
	unsigned calls;
	char last;
};

static void on_ready(void *ctx)
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
	assert_false(loop_active(r.loop));
	loop_add(r.loop, p[0], on_ready, &r);
	assert_true(loop_active(r.loop));
	loop_poll(r.loop);
	assert_int_equal(r.calls, 0);
	assert_int_equal(write(p[1], "ab", 2), 2);
	loop_poll(r.loop);
	assert_int_equal(r.last, 'a');
	loop_pause(r.loop, p[0], true);
	assert_false(loop_active(r.loop));
	loop_poll(r.loop);
	assert_int_equal(r.calls, 1);
	loop_pause(r.loop, p[0], false);
	loop_wait(r.loop, UINT64_MAX, NULL); /* ready: no sleep */
	assert_int_equal(r.last, 'b');
	close(p[1]);
	loop_poll(r.loop); /* its end is an event too */
	assert_int_equal(r.calls, 3);
	assert_false(loop_active(r.loop));
	loop_destroy(r.loop);
	close(p[0]);
}

static void test_wait_times_out(void **state)
{
	struct loop *l = loop_create();
	uint64_t begin = host_monotonic_ns();
	loop_wait(l, 20000000, NULL);
	assert_in_range(host_monotonic_ns() - begin, 20000000, 2000000000);
	loop_destroy(l);
}

static volatile unsigned fired;

static void on_expiry(void *ctx)
{
	fired++;
}

/* A signal that comes between the last look and the sleep ends the sleep. */
static void test_timer_wakes(void **state)
{
	struct loop *l = loop_create();
	struct host_timer *t;
	sigset_t block, before;
	assert_int_equal(host_timer_create(&t, on_expiry, NULL), 0);
	sigemptyset(&block);
	sigaddset(&block, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &block, &before);
	uint64_t begin = host_monotonic_ns();
	host_timer_arm(t, begin + 1000000);
	while (host_monotonic_ns() < begin + 3000000)
		;
	assert_int_equal(fired, 0);
	loop_wait(l, 10000000000, &before);
	assert_int_equal(fired, 1);
	assert_true(host_monotonic_ns() - begin < 5000000000);
	sigprocmask(SIG_SETMASK, &before, NULL);

	host_timer_arm(t, host_monotonic_ns() + 1000000);
	host_timer_arm(t, UINT64_MAX); /* never, after all */
	loop_wait(l, 5000000, NULL);
	assert_int_equal(fired, 1);
	host_timer_arm(t, 0); /* long past: at once */
	while (fired == 1)
		loop_wait(l, 1000000, NULL);
	assert_int_equal(fired, 2);
	host_timer_destroy(t);
	loop_destroy(l);
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
	assert_int_equal(file_read("/nonexistent/file", &b), -ENOENT);
	assert_int_equal(file_read("/tmp", &b), -EISDIR);
	assert_int_equal(file_read("/proc/self/status", &b), 0); /* says size 0 */
	assert_true(b.size > 100);
	assert_memory_equal(b.data, "Name:", 5);
	blob_free(&b);

	char path[] = "/tmp/unring-file-XXXXXX";
	int fd = mkstemp(path);
	assert_int_equal(ftruncate(fd, 100000), 0);
	assert_int_equal(pwrite(fd, "end", 3, 99997), 3);
	assert_int_equal(file_read(path, &b), 0);
	assert_int_equal(b.size, 100000);
	assert_memory_equal(b.data + 99997, "end", 3);
	assert_false(blob_is_gzip(&b));
	assert_int_equal(blob_gunzip(&b, 1000), -EINVAL);
	assert_int_equal(b.size, 100000); /* left as it was */
	blob_free(&b);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_wait_times_out),
		cmocka_unit_test(test_timer_wakes),
		cmocka_unit_test(test_signal_numbers),
		cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
