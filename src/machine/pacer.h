/* Runs a guest at so many instructions a second: what it may run fills up as time passes, and where
 * it has run out it is held until a period's worth is there.  Some more is saved for a guest that a
 * busy host let go on late, or that slept.  Times are the guest's, in nanoseconds; all this is much
 * shorter than a tick of 55 ms. */
#ifndef UNRING_MACHINE_PACER_H
#define UNRING_MACHINE_PACER_H

#include "base/types.h"

enum { PACER_PERIOD_NS = 2000000, PACER_SAVED = 4 /* periods */, PACER_SECOND_NS = 1000000000 };

struct pacer {
	unsigned ips;   /* instructions a second; 0: it is not held */
	uint64_t since; /* up to here what passed is filled in */
};

static inline int64_t pacer_period(const struct pacer *p)
{
	return (int64_t)p->ips * PACER_PERIOD_NS / PACER_SECOND_NS;
}

/* What it may run from now on, of which so much was left. */
static inline int64_t pacer_fill(struct pacer *p, int64_t left, uint64_t now)
{
	int64_t most = PACER_SAVED * pacer_period(p);
	uint64_t passed = now - p->since;
	int64_t more = passed > PACER_SECOND_NS ? most - left
	                                        : (int64_t)(passed * p->ips / PACER_SECOND_NS);
	if (left + more >= most) {
		p->since = now;
		return most;
	}
	p->since += (uint64_t)more * PACER_SECOND_NS / p->ips;
	return left + more;
}

/* Until when it is to be held, which may run so much; 0: it is not to be. */
static inline uint64_t pacer_hold(const struct pacer *p, int64_t left, uint64_t now)
{
	if (left > 0)
		return 0;
	return now + (uint64_t)(pacer_period(p) - left) * PACER_SECOND_NS / p->ips;
}

#endif
