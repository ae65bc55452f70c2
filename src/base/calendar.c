#include "base/calendar.h"

/* A year begins in March, so that the leap day is its last; an era is 400 years. */
enum { ERA_DAYS = 146097, ERA_TO_1970_DAYS = 719468 };

int64_t calendar_days(int64_t year, unsigned month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	unsigned of_era = year - era * 400;
	int of_year = (int)(153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
	       ERA_TO_1970_DAYS;
}

struct calendar calendar_of(int64_t seconds)
{
	int64_t days = seconds / CALENDAR_DAY_S, rest = seconds % CALENDAR_DAY_S;
	if (rest < 0) {
		rest += CALENDAR_DAY_S;
		days--;
	}
	struct calendar c = {.hour = rest / 3600, .minute = rest / 60 % 60, .second = rest % 60};
	c.weekday = ((days + 4) % 7 + 7) % 7;
	days += ERA_TO_1970_DAYS;
	int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
	unsigned of_era = days - era * ERA_DAYS;
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153;
	c.day = of_year - (153 * month + 2) / 5 + 1;
	c.month = month < 10 ? month + 3 : month - 9;
	c.year = year + era * 400 + (c.month <= 2);
	return c;
}
