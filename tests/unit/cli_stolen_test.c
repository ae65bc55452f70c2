/* links: machine */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/stolen.h"

enum { TSC_PER_NS = 3 };

static uint64_t now_ns, cpu_time;
static struct stolen s;
static uint64_t hidden;

static uint64_t cpu(void)
{
	return cpu_time;
}

static int begin(void **state)
{
	now_ns = 1000000000;
	cpu_time = 5000000;
	hidden = 0;
	s = (struct stolen){.cpu_ns = cpu};
	return 0;
}

static struct moment moment(void)
{
	return (struct moment){now_ns, now_ns * TSC_PER_NS};
}

static void runs(uint64_t ns)
{
	now_ns += ns;
	cpu_time += ns;
}

static void look(bool poll)
{
	struct moment t;
	if (stolen_look(&s, moment(), poll, &t)) {
		hidden += t.ns;
		assert_in_range(t.tsc, t.ns * TSC_PER_NS - TSC_PER_NS, t.ns * TSC_PER_NS);
	}
}

static void poll_loop(unsigned times)
{
	while (times--) {
		runs(1000);
		look(true);
		runs(500);
		look(false); /* RDTSC */
	}
}

static void test_hides_what_the_host_took(void **state)
{
	poll_loop(100);
	assert_true(s.active);
	now_ns += 3000000; /* another process */
	poll_loop(1);
	assert_in_range(hidden, 3000000 - 2000, 3000000 + 2000);
	stolen_end(&s, now_ns, false);
	assert_true(s.active); /* still polling */
	poll_loop(1000);
	assert_in_range(hidden, 3000000 - 2000, 3000000 + 2000);
	runs(1999000);
	stolen_end(&s, now_ns, false);
	assert_true(s.active);
	runs(2000);
	stolen_end(&s, now_ns, false);
	assert_false(s.active);
}

/* A hole just before a look from elsewhere is not the end of the polling. */
static void test_long_hole_is_not_the_end(void **state)
{
	poll_loop(100);
	now_ns += 50000000;
	runs(5000);
	look(false);
	/* With the 5 us that coming back took. */
	assert_in_range(hidden, 50000000 + 3000, 50000000 + 5000);
	stolen_end(&s, now_ns, false);
	assert_true(s.active);
}

static void test_the_guest_s_own_work_counts(void **state)
{
	poll_loop(100);
	for (unsigned i = 0; i < 50; i++) {
		runs(100000);
		poll_loop(20);
	}
	assert_int_equal(hidden, 0);
	assert_true(s.active);
}

static void test_only_loops_of_polls(void **state)
{
	for (unsigned i = 0; i < 100; i++) { /* too far apart */
		runs(30000);
		look(true);
	}
	assert_false(s.active);
	for (unsigned i = 0; i < 14; i++)
		poll_loop(1);
	now_ns += 3000000;
	poll_loop(1); /* not a loop yet: the hole shows, and counting begins anew */
	assert_int_equal(hidden, 0);
	assert_false(s.active);
	for (unsigned i = 0; i < 100; i++)
		look(false); /* RDTSC alone is no poll */
	assert_false(s.active);
}

static void test_sleep_ends_it_at_once(void **state)
{
	poll_loop(100);
	assert_true(s.active);
	stolen_end(&s, now_ns, true);
	assert_false(s.active);
	poll_loop(5); /* it takes a loop to begin again */
	assert_false(s.active);
	poll_loop(100);
	assert_true(s.active);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hides_what_the_host_took, begin),
		cmocka_unit_test_setup(test_long_hole_is_not_the_end, begin),
		cmocka_unit_test_setup(test_the_guest_s_own_work_counts, begin),
		cmocka_unit_test_setup(test_only_loops_of_polls, begin),
		cmocka_unit_test_setup(test_sleep_ends_it_at_once, begin),
	};
	return cmocka_run_group_tests_name("stolen", tests, NULL, NULL);
}
