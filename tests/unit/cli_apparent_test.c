/* links: machine */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/apparent.h"

enum { MS = 1000000, TSC_PER_NS = 3 };

static uint64_t host_ns, cpu_time;
static int64_t tsc_minus;
static uint64_t tsc_read;
static struct apparent a;

/* At this look at the host's clock, the process is stopped just before or just after. */
static unsigned stop_at;
static bool stop_before;

static struct moment host(void)
{
	struct moment t = {host_ns, host_ns * TSC_PER_NS};
	if (!stop_at || --stop_at)
		return t;
	host_ns += 300 * MS;
	if (!stop_before)
		return t;
	return (struct moment){host_ns, host_ns * TSC_PER_NS};
}

static uint64_t ns(void)
{
	return host().ns;
}

static uint64_t cpu(void)
{
	return cpu_time;
}

static uint64_t guest_tsc(void)
{
	return host_ns * TSC_PER_NS + (uint64_t)tsc_minus;
}

static void runs(uint64_t ns)
{
	host_ns += ns;
	cpu_time += ns;
}

static int begin(void **state)
{
	host_ns = 1000000000;
	cpu_time = 0;
	tsc_read = 0;
	stop_at = 0;
	tsc_minus = -(int64_t)(host_ns * TSC_PER_NS);
	apparent_init(&a, host, ns, cpu, &tsc_minus, &tsc_read);
	runs(100 * MS);
	return 0;
}

/* The two clocks of the guest say the same. */
static void agree(uint64_t ns)
{
	assert_int_equal(apparent_now(&a), ns);
	assert_in_range(guest_tsc(), ns * TSC_PER_NS - 10, ns * TSC_PER_NS + 10);
}

/* The process is stopped, with the timer due in 1 ms. */
static void stop(uint64_t ms)
{
	apparent_arm(&a, apparent_now(&a) + MS);
	host_ns += ms * MS;
	apparent_expired(&a);
}

static void test_hides_a_stop(void **state)
{
	agree(100 * MS);
	stop(3000);
	agree(101 * MS);
	assert_int_equal(a.lag.ns, 2999 * (uint64_t)MS);
	apparent_expired(&a); /* once */
	agree(101 * MS);
}

static void test_leaves_what_is_usual(void **state)
{
	apparent_arm(&a, 101 * MS);
	runs(MS + 400000);
	apparent_expired(&a);
	agree(101 * MS + 400000);
	assert_int_equal(a.lag.ns, 0);
	/* Too early is not late. */
	apparent_arm(&a, 110 * MS);
	apparent_expired(&a);
	assert_int_equal(a.lag.ns, 0);
	/* Nothing is armed. */
	apparent_arm(&a, UINT64_MAX);
	host_ns += 50 * MS;
	apparent_expired(&a);
	assert_int_equal(a.lag.ns, 0);
}

/* Time never goes back: what a device was told stays true. */
static void test_keeps_what_was_told(void **state)
{
	apparent_arm(&a, 130 * MS);
	host_ns += 20 * MS;
	agree(120 * MS);
	apparent_arm(&a, 101 * MS);
	host_ns += 5 * MS;
	apparent_expired(&a);
	agree(120 * MS);
	assert_int_equal(a.lag.ns, 5 * MS);
}

static void test_keeps_what_the_tsc_said(void **state)
{
	apparent_arm(&a, 101 * MS);
	host_ns += 20 * MS;
	tsc_read = guest_tsc();
	host_ns += 5 * MS;
	apparent_expired(&a);
	assert_in_range(guest_tsc(), tsc_read, tsc_read + 10);
	assert_in_range(a.lag.ns, 5 * MS - 10, 5 * MS);
	agree(apparent_now(&a));
}

static void test_catches_up_by_ticks(void **state)
{
	stop(401);
	uint64_t last = apparent_now(&a), before = host_ns;
	unsigned ticks = 0;
	while (a.lag.ns) {
		/* A tick was taken, the next is 4 ms away. */
		assert_true(apparent_catch_up(&a, apparent_step(4 * MS)));
		apparent_arm(&a, last + 4 * MS);
		assert_in_range(apparent_now(&a), last, last + 4 * MS - 1);
		runs(last + 4 * MS - apparent_now(&a));
		last += 4 * MS;
		agree(last);
		ticks++;
	}
	assert_in_range(ticks, 400 / 2, 400 / 2 + 1);
	assert_in_range(host_ns - before, 1, 410 * MS);
	agree(host_ns - 1000000000); /* all of it */
	assert_false(apparent_catch_up(&a, 4 * MS));
}

/* Whoever looks at the time first after a stop: none tells of it. */
static void test_no_look_tells_a_stop(void **state)
{
	apparent_arm(&a, 101 * MS);
	host_ns += 300 * MS;
	agree(101 * MS);
	assert_int_equal(a.lag.ns, 299 * MS);
	host_ns += 300 * MS; /* the timer is not yet armed anew */
	agree(101 * MS);
	assert_int_equal(a.lag.ns, 599 * MS);
}

/* Nor a leap, wherever a stop comes in it. */
static void test_stop_in_a_leap(void **state)
{
	unsigned looks;
	for (looks = 1; looks < 20; looks++)
		for (unsigned before = 0; before < 2; before++) {
			begin(NULL);
			stop(41);
			apparent_arm(&a, 105 * MS);
			stop_at = looks;
			stop_before = before;
			uint64_t told = apparent_now(&a);
			assert_true(apparent_catch_up(&a, 2 * MS));
			apparent_arm(&a, 105 * MS);
			if (stop_at)
				return; /* each was */
			assert_in_range(apparent_now(&a), told + 2 * MS, 107 * MS);
			agree(apparent_now(&a));
			assert_int_equal(apparent_now(&a) + a.lag.ns, host_ns - 1000000000);
		}
	fail();
}

static void test_fast_ticks_leave_time_to_work(void **state)
{
	assert_int_equal(apparent_step(100000), 0);
	assert_int_equal(apparent_step(300000), 100000);
	assert_int_equal(apparent_step(8 * MS), 4 * MS);
}

/* Who takes no interrupts gets it in one leap. */
static void test_stuck(void **state)
{
	assert_false(apparent_stuck(&a));
	stop(50);
	runs(900 * MS);
	assert_false(apparent_stuck(&a));
	runs(200 * MS);
	assert_true(apparent_stuck(&a));
	apparent_catch_up(&a, UINT64_MAX);
	agree(host_ns - 1000000000);
	assert_false(apparent_stuck(&a));
}

/* After hours of sleep the guest need not live through them. */
static void test_hides_seconds_not_hours(void **state)
{
	stop(3600 * 1000);
	assert_in_range(a.lag.ns, 5000 * (uint64_t)MS, 10000 * (uint64_t)MS);
	agree(host_ns - 1000000000 - a.lag.ns);
}

/* On a busy host many stops add up, and a guest that computes has no time to catch up. */
static void test_hides_many_stops(void **state)
{
	for (unsigned i = 0; i < 100; i++)
		stop(1001);
	agree(200 * MS);
	assert_int_equal(a.lag.ns, 100 * 1000 * (uint64_t)MS);
	for (unsigned i = 0; i < 3600; i++)
		stop(1001);
	assert_in_range(a.lag.ns, 100 * 1000 * (uint64_t)MS, 300 * 1000 * (uint64_t)MS);
	agree(host_ns - 1000000000 - a.lag.ns);
}

/* Holes of a calibration are caught up with like any other. */
static void test_stolen(void **state)
{
	struct moment t;
	for (unsigned i = 0; i < 100; i++) {
		runs(1000);
		assert_false(apparent_look(&a, true, &t));
	}
	assert_true(a.stolen.active);
	uint64_t before = apparent_now(&a);
	host_ns += 3 * MS;
	runs(1000);
	assert_true(apparent_look(&a, true, &t));
	assert_in_range(apparent_now(&a), before, before + 10000);
	agree(apparent_now(&a));
	assert_false(apparent_catch_up(&a, MS)); /* not while it looks */
	apparent_end_looking(&a, true);
	assert_true(apparent_catch_up(&a, UINT64_MAX));
	agree(host_ns - 1000000000);
}

/* Nor does a look take back what another device has told in the hole. */
static void test_stolen_keeps_what_was_told(void **state)
{
	struct moment t;
	for (unsigned i = 0; i < 100; i++) {
		runs(1000);
		assert_false(apparent_look(&a, true, &t));
	}
	host_ns += 3 * MS;
	uint64_t told = apparent_now(&a);
	assert_false(apparent_look(&a, true, &t));
	agree(told);
	host_ns += 3 * MS;
	told = apparent_now(&a);
	host_ns += MS;
	assert_true(apparent_look(&a, true, &t));
	agree(told);
	assert_int_equal(a.lag.ns, MS);
}

static void test_shift(void **state)
{
	struct moment from = host();
	host_ns += 500 * MS;
	apparent_shift(&a, (struct moment){host().ns - from.ns, host().tsc - from.tsc});
	agree(100 * MS);
	assert_int_equal(a.lag.ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hides_a_stop, begin),
		cmocka_unit_test_setup(test_leaves_what_is_usual, begin),
		cmocka_unit_test_setup(test_keeps_what_was_told, begin),
		cmocka_unit_test_setup(test_keeps_what_the_tsc_said, begin),
		cmocka_unit_test_setup(test_catches_up_by_ticks, begin),
		cmocka_unit_test_setup(test_no_look_tells_a_stop, begin),
		cmocka_unit_test_setup(test_stop_in_a_leap, begin),
		cmocka_unit_test_setup(test_fast_ticks_leave_time_to_work, begin),
		cmocka_unit_test_setup(test_stuck, begin),
		cmocka_unit_test_setup(test_hides_seconds_not_hours, begin),
		cmocka_unit_test_setup(test_hides_many_stops, begin),
		cmocka_unit_test_setup(test_stolen, begin),
		cmocka_unit_test_setup(test_stolen_keeps_what_was_told, begin),
		cmocka_unit_test_setup(test_shift, begin),
	};
	return cmocka_run_group_tests_name("apparent", tests, NULL, NULL);
}
