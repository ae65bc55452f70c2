/* links: machine */
/* The pacer's arithmetic: what a guest may run, and how long it is held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/pacer.h"

enum { MS = 1000000 };

/* A guest that runs all it may, some instructions too many, and wakes some time too late. */
static void test_rate(void **state)
{
	static const unsigned rates[] = {100000, 1234567, 40000000, 1000000000};
	for (unsigned i = 0; i < sizeof rates / sizeof *rates; i++) {
		struct pacer p = {rates[i], 12345};
		uint64_t now = p.since, begin = now, ran = 0, most_held = 0;
		int64_t left = 0;
		for (unsigned n = 0; n < 1000; n++) {
			uint64_t until = pacer_hold(&p, left, now);
			assert_true(until > now);
			most_held = until - now > most_held ? until - now : most_held;
			now = until + n % 5 * MS;
			left = pacer_fill(&p, left, now);
			assert_true(left > 0);
			assert_int_equal(pacer_hold(&p, left, now), 0);
			/* A part of the time goes by as it runs. */
			unsigned run = (unsigned)left + n % 64;
			ran += run;
			now += MS / 2;
			left = pacer_fill(&p, left - run, now);
			if (left > 0) {
				ran += (unsigned)left;
				left = 0;
			}
		}
		double ideal = (double)rates[i] * (double)(now - begin) / 1e9;
		assert_in_range((uint64_t)(ideal - (double)ran + 100), 0, rates[i] / 100 + 200);
		assert_in_range(most_held, 1 * MS, 3 * MS);
	}
}

/* No more is saved than four periods' worth, however long it sleeps. */
static void test_sleep(void **state)
{
	struct pacer p = {1000000, 0};
	assert_int_equal(pacer_fill(&p, 0, 7 * MS), 7000);
	assert_int_equal(pacer_fill(&p, 7000, 9 * MS), 8000);
	assert_int_equal(pacer_fill(&p, 0, 9 * MS), 0);
	assert_int_equal(pacer_fill(&p, 0, 3600000ull * MS), 8000);
	assert_int_equal(pacer_fill(&p, -500, UINT64_MAX / 2), 8000);
}

/* Looks that come often lose no part of an instruction. */
static void test_often(void **state)
{
	struct pacer p = {300000, 0};
	uint64_t ran = 0;
	for (uint64_t now = 0; now < 55 * MS; now += 777)
		ran += (uint64_t)pacer_fill(&p, 0, now);
	assert_in_range(ran, 16498, 16502);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_often),
	};
	return cmocka_run_group_tests_name("pacer", tests, NULL, NULL);
}
