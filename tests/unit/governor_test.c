/* links: machine */
/* The governor's arithmetic: slices, holds, and what a slice that took too long costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/governor.h"

static void test_shares(void **state)
{
	for (unsigned percent = 5; percent < 100; percent++) {
		struct governor g = {percent, 0};
		uint64_t now = 12345, ran = 0, begin = now;
		for (unsigned i = 0; i < 100; i++) {
			uint64_t end = governor_begin(&g, now);
			assert_int_equal(governor_hold(&g, end - 1), 0);
			end += i * 1000; /* it is noticed late */
			ran += end - now;
			now = governor_hold(&g, end);
			assert_true(now > end);
		}
		assert_in_range(ran * 1000 / (now - begin), percent * 10 - 1, percent * 10 + 1);
		/* Shares are right over any 55 ms, up to a slice at either end. */
		assert_in_range((now - begin) / 100, GOVERNOR_PERIOD_NS - 1, 7000000);
	}
}

static void test_ends(void **state)
{
	struct governor g = {100, 0};
	assert_false(governor_is_on(&g));
	assert_int_equal(governor_hold(&g, 1000000000), 0);
	g.percent = 5;
	assert_true(governor_is_on(&g));
	governor_begin(&g, 0);
	assert_int_equal(governor_hold(&g, 1000000000), 1000000000 + GOVERNOR_HOLD_MOST_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_ends),
	};
	return cmocka_run_group_tests_name("governor", tests, NULL, NULL);
}
