#include "machine/apparent.h"

enum {
	LATE_NS = 500000,        /* less is left as it is */
	STOP_NS_LOG2 = 33,       /* hidden of one stop at most, some 9 s; what goes beyond is
	                            a leap */
	MOST_NS_LOG2 = 38,       /* and of many, as a busy host makes them: some 5 minutes */
	STEP_LEAVES = 2,         /* of the time to the next timer, one part in so many: what the
	                            tick sets off must read the clocks before the next */
	STEP_LEAVES_NS = 200000, /* and at least so much */
	STUCK_NS = 1000000000,
};

void apparent_init(struct apparent *a, struct moment (*host)(void), uint64_t (*host_ns)(void),
                   uint64_t (*cpu_ns)(void), int64_t *tsc_minus, uint64_t *tsc_read)
{
	*a = (struct apparent){.host = host,
	                       .host_ns = host_ns,
	                       .tsc_minus = tsc_minus,
	                       .tsc_read = tsc_read,
	                       .armed = UINT64_MAX};
	a->start = host();
	a->zero = a->start.ns;
	a->stolen.cpu_ns = cpu_ns;
}

uint64_t apparent_arm(struct apparent *a, uint64_t deadline_ns)
{
	uint64_t zero, at;
	do {
		zero = __atomic_load_n(&a->zero, __ATOMIC_RELAXED);
		at = deadline_ns == UINT64_MAX ? UINT64_MAX : zero + deadline_ns;
		__atomic_store_n(&a->armed, at, __ATOMIC_RELAXED);
	} while (zero != __atomic_load_n(&a->zero, __ATOMIC_RELAXED));
	return at;
}

void apparent_shift(struct apparent *a, struct moment by)
{
	__atomic_fetch_add(&a->zero, by.ns, __ATOMIC_RELAXED);
	__atomic_fetch_sub(a->tsc_minus, (int64_t)by.tsc, __ATOMIC_RELAXED);
}

static void hide(struct apparent *a, struct moment by, uint64_t host_ns)
{
	apparent_shift(a, by);
	__atomic_fetch_add(&a->lag.ns, by.ns, __ATOMIC_RELAXED);
	__atomic_fetch_add(&a->lag.tsc, by.tsc, __ATOMIC_RELAXED);
	a->lag_changed = host_ns;
}

static uint64_t least(uint64_t x, uint64_t y)
{
	return x < y ? x : y;
}

/* How long the guest has not looked at any clock: what it was told stays true. */
static uint64_t untold_ns(const struct apparent *a, struct moment t)
{
	uint64_t told = a->zero + a->seen, ns = t.ns > told ? t.ns - told : 0;
	uint64_t tsc = t.tsc + (uint64_t)*a->tsc_minus;
	if (!*a->tsc_read)
		return ns;
	tsc = tsc > *a->tsc_read ? tsc - *a->tsc_read : 0;
	return least(ns, (unsigned __int128)tsc * (t.ns - a->start.ns) / (t.tsc - a->start.tsc));
}

static bool is_late(uint64_t armed, uint64_t ns)
{
	return ns >= armed && ns - armed >= LATE_NS;
}

/* What the host's timer is late by at t; returns how much of it is hidden. */
static uint64_t hide_lateness(struct apparent *a, struct moment t)
{
	uint64_t armed = __atomic_load_n(&a->armed, __ATOMIC_RELAXED);
	if (a->held || a->stolen.active)
		return 0;
	if (!is_late(armed, t.ns) || t.ns <= a->start.ns ||
	    !__atomic_compare_exchange_n(&a->armed, &armed, t.ns, false, __ATOMIC_RELAXED,
	                                 __ATOMIC_RELAXED))
		return 0;
	uint64_t most = (uint64_t)1 << MOST_NS_LOG2;
	struct moment by = {.ns = least(t.ns - armed, (uint64_t)1 << STOP_NS_LOG2)};
	by.ns = least(by.ns, untold_ns(a, t));
	by.ns = least(by.ns, a->lag.ns < most ? most - a->lag.ns : 0);
	by.tsc = (unsigned __int128)by.ns * (t.tsc - a->start.tsc) / (t.ns - a->start.ns);
	hide(a, by, t.ns);
	return by.ns;
}

void apparent_expired(struct apparent *a)
{
	hide_lateness(a, a->host());
}

/* A signal may change zero at any time; while signals are held, a stop is found here. */
uint64_t apparent_now(struct apparent *a)
{
	uint64_t zero, t;
	do {
		zero = __atomic_load_n(&a->zero, __ATOMIC_RELAXED);
		t = a->held;
		if (!t) {
			t = a->host_ns();
			if (is_late(__atomic_load_n(&a->armed, __ATOMIC_RELAXED), t)) {
				struct moment now = a->host();
				t = now.ns;
				zero += hide_lateness(a, now);
			}
		}
	} while (zero != __atomic_load_n(&a->zero, __ATOMIC_RELAXED));
	a->seen = t - zero;
	return a->seen;
}

bool apparent_look(struct apparent *a, bool poll, struct moment *now)
{
	struct moment by;
	*now = a->host();
	if (!stolen_look(&a->stolen, *now, poll, &by))
		return false;
	/* Other devices may have told the time since the last look. */
	uint64_t most = untold_ns(a, *now);
	if (by.ns > most)
		by = (struct moment){most, (unsigned __int128)by.tsc * most / by.ns};
	hide(a, by, now->ns);
	return by.ns;
}

void apparent_end_looking(struct apparent *a, bool at_once)
{
	if (a->stolen.active)
		stolen_end(&a->stolen, a->host().ns, at_once);
}

bool apparent_catch_up(struct apparent *a, uint64_t limit_ns)
{
	if (!a->lag.ns || a->stolen.active)
		return false;
	uint64_t told = apparent_now(a);
	struct moment by = {.ns = least(a->lag.ns, limit_ns)};
	if (!by.ns)
		return false;
	by.tsc = (unsigned __int128)a->lag.tsc * by.ns / a->lag.ns;
	__atomic_fetch_sub(&a->lag.ns, by.ns, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&a->lag.tsc, by.tsc, __ATOMIC_RELAXED);
	apparent_shift(a, (struct moment){-by.ns, -by.tsc});
	a->lag_changed = a->host().ns;
	/* The time just added counts as seen: apparent_expired() would take it for lateness, and hide it
	 * again.  What the host takes meanwhile is late. */
	a->seen = told + by.ns;
	return true;
}

uint64_t apparent_step(uint64_t left_ns)
{
	uint64_t leaves = left_ns / STEP_LEAVES;
	if (leaves < STEP_LEAVES_NS)
		leaves = STEP_LEAVES_NS;
	return left_ns > leaves ? left_ns - leaves : 0;
}

bool apparent_stuck(const struct apparent *a)
{
	return a->lag.ns && a->host().ns - a->lag_changed > STUCK_NS;
}
