/* Dates and times of day: the Gregorian calendar, also for the time before it, without leap
 * seconds. */
#ifndef UNRING_BASE_CALENDAR_H
#define UNRING_BASE_CALENDAR_H

#include "base/types.h"

enum { CALENDAR_DAY_S = 86400 };

struct calendar {
	int64_t year;
	unsigned month, day, weekday; /* of 1 to 12; from 1 on; Sunday = 0 */
	unsigned hour, minute, second;
};

/* Days from 1970-01-01 to a date; a day or month that there is not counts on into the next. */
int64_t calendar_days(int64_t year, unsigned month, int day);
/* What it is so many seconds after 1970-01-01T00:00:00. */
struct calendar calendar_of(int64_t seconds);

#endif
