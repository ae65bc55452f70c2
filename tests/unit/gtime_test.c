/* links: machine */
/* Guest time that is held, on the host's own clocks. */
#include "machine/gtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static int64_t tsc_minus;
static uint64_t tsc_read;
static bool tsc_exits;

static struct gtime *start(void)
{
	struct gtime *g;
	tsc_minus = 0;
	tsc_read = 0;
	assert_int_equal(gtime_create(&g, (struct gtime_cells){&tsc_minus, &tsc_read, &tsc_exits}),
	                 0);
	return g;
}

static void pass(long ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000};
	nanosleep(&t, NULL);
}

static uint64_t guest_tsc(void)
{
	return __builtin_ia32_rdtsc() + (uint64_t)tsc_minus;
}

static void fires(void *ctx, uint64_t now)
{
	++*(unsigned *)ctx;
}

/* The clock, its timers and the TSC stand still; what overlaps is held until the last lets go. */
static void test_hold(void **state)
{
	struct gtime *g = start();
	struct clock *c = gtime_clock(g);
	unsigned fired = 0;
	struct timer *t = timer_create_on(c, &fired, fires);
	uint64_t tsc_begin = guest_tsc(), host_begin = __builtin_ia32_rdtsc();
	gtime_hold(g);
	uint64_t held = gtime_now(g);
	timer_set(t, held + 1000000);
	pass(20);
	assert_true(gtime_now(g) == held);
	gtime_hold(g);
	pass(20);
	gtime_release(g);
	pass(20);
	assert_true(gtime_now(g) == held);
	clock_run(c);
	assert_int_equal(fired, 0);
	uint64_t tsc_end = guest_tsc(), host_end = __builtin_ia32_rdtsc();
	gtime_release(g);
	/* The TSC is moved back by what was held: nearly all that passed. */
	uint64_t passed = host_end - host_begin;
	assert_in_range(-tsc_minus, passed * 9 / 10, passed * 2);
	assert_true(guest_tsc() < tsc_end);
	assert_true(guest_tsc() >= tsc_begin);
	/* It goes on. */
	assert_true(gtime_now(g) >= held);
	pass(5);
	assert_true(gtime_now(g) > held);
	clock_run(c);
	assert_int_equal(fired, 1);
	timer_free(t);
	gtime_destroy(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hold),
	};
	return cmocka_run_group_tests_name("gtime", tests, NULL, NULL);
}
