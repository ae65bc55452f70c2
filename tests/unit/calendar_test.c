/* links: base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/calendar.h"

static void test_known(void **state)
{
	static const struct {
		int64_t second;
		struct calendar c;
	} cases[] = {
		{0, {1970, 1, 1, 4, 0, 0, 0}},
		{-1, {1969, 12, 31, 3, 23, 59, 59}},
		{1704067190, {2023, 12, 31, 0, 23, 59, 50}},
		{951782400, {2000, 2, 29, 2, 0, 0, 0}},
		{-2203891200, {1900, 3, 1, 4, 0, 0, 0}}, /* no leap year */
		{-2203891201, {1900, 2, 28, 3, 23, 59, 59}},
		{7258118399, {2199, 12, 31, 2, 23, 59, 59}},
		{-62167219200, {0, 1, 1, 6, 0, 0, 0}},
		{-62167219201, {-1, 12, 31, 5, 23, 59, 59}},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct calendar c = calendar_of(cases[i].second);
		const struct calendar *w = &cases[i].c;
		int64_t days = calendar_days(w->year, w->month, (int)w->day);
		assert_int_equal(c.year, w->year);
		assert_int_equal(c.month, w->month);
		assert_int_equal(c.day, w->day);
		assert_int_equal(c.weekday, w->weekday);
		assert_int_equal(c.hour, w->hour);
		assert_int_equal(c.minute, w->minute);
		assert_int_equal(c.second, w->second);
		assert_int_equal(days * CALENDAR_DAY_S + w->hour * 3600 + w->minute * 60 +
		                         w->second,
		                 cases[i].second);
	}
}

/* 800 years, day by day. */
static void test_each_day(void **state)
{
	struct calendar before = calendar_of(calendar_days(1599, 12, 31) * CALENDAR_DAY_S);
	for (int64_t day = calendar_days(1600, 1, 1); day <= calendar_days(2400, 1, 1); day++) {
		struct calendar c = calendar_of(day * CALENDAR_DAY_S);
		assert_int_equal(calendar_days(c.year, c.month, (int)c.day), day);
		assert_int_equal(c.weekday, (before.weekday + 1) % 7);
		if (c.day == 1)
			assert_true(c.month == before.month % 12 + 1 &&
			            c.year == before.year + (c.month == 1));
		else
			assert_true(c.day == before.day + 1 && c.month == before.month);
		before = c;
	}
}

/* What there is not counts on. */
static void test_beyond(void **state)
{
	assert_int_equal(calendar_days(2026, 2, 29), calendar_days(2026, 3, 1));
	assert_int_equal(calendar_days(2026, 13, 1), calendar_days(2027, 1, 1));
	assert_int_equal(calendar_days(2026, 1, 0), calendar_days(2025, 12, 31));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_each_day),
		cmocka_unit_test(test_beyond),
	};
	return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
