#include "host/clock.h"

#include <time.h>

enum { SECOND_NS = 1000000000 };

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return ts.tv_sec * (int64_t)SECOND_NS + ts.tv_nsec;
}

uint64_t host_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t host_utc_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t host_wall_ns(void)
{
	int64_t utc_ns = host_utc_ns();
	time_t second = utc_ns / SECOND_NS;
	struct tm tm = {0};
	tzset();
	localtime_r(&second, &tm);
	return utc_ns + tm.tm_gmtoff * (int64_t)SECOND_NS;
}

uint64_t host_thread_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}
