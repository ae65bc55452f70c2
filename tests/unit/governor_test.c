/* links: machine */
/* The governor's arithmetic: slices, holds, and what a busy host takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/governor.h"

/* A host: time goes on while the guest runs, and while it does not. */
struct host {
	struct governor g;
	struct governor_time t;
};

static void run(struct host *h, uint64_t ns)
{
	h->t.now += ns;
	h->t.cpu += ns;
}

/* Until its next hold, which is noticed late; then that. */
static void slice_and_hold(struct host *h, uint64_t noticed_late, uint64_t stolen,
                           uint64_t woken_late)
{
	uint64_t slice = 0, hold = governor_look(&h->g, h->t, &slice);
	while (!hold) {
		assert_true(slice);
		run(h, slice - 1);
		uint64_t before = slice;
		assert_int_equal(governor_look(&h->g, h->t, &slice), 0);
		assert_in_range(slice, 1, before);
		h->t.now += stolen;
		run(h, slice + noticed_late);
		stolen = 0;
		hold = governor_look(&h->g, h->t, &slice);
	}
	h->t.now += hold + woken_late;
}

static void check_share(unsigned percent, uint64_t noticed_late, uint64_t stolen,
                        uint64_t woken_late)
{
	struct host h = {{.percent = percent}, {12345, 678}};
	governor_begin(&h.g, h.t);
	struct governor_time begin = h.t;
	for (unsigned i = 0; i < 200; i++)
		slice_and_hold(&h, i % 100 * noticed_late, i % 10 * stolen, i % 10 * woken_late);
	uint64_t now = h.t.now - begin.now;
	assert_in_range((h.t.cpu - begin.cpu) * 1000 / now, percent * 10 - 1, percent * 10 + 1);
	if (!stolen && !woken_late) /* right over any 55 ms, up to a slice at either end */
		assert_in_range(now / 200, GOVERNOR_PERIOD_NS - 1000, 7000000);
}

static void test_shares(void **state)
{
	for (unsigned percent = 5; percent < 100; percent++)
		check_share(percent, 1000, 0, 0);
}

/* What a busy host takes from the guest's slices and adds to its holds is given back. */
static void test_busy_host(void **state)
{
	for (unsigned percent = 5; percent <= 80; percent++) {
		check_share(percent, 0, 0, 100000);
		check_share(percent, 0, 100000, 0);
		check_share(percent, 1000, 50000, 50000);
	}
}

/* What a hold takes of the processor is not the guest's, however much it is. */
static void test_dear_holds(void **state)
{
	struct host h = {{.percent = 5}, {12345, 678}};
	uint64_t ran = 0, begin = h.t.now;
	governor_begin(&h.g, h.t);
	for (unsigned i = 0; i < 200; i++) {
		uint64_t before = h.t.cpu;
		slice_and_hold(&h, 0, 0, 0);
		ran += h.t.cpu - before;
		h.t.cpu += 200000;
		governor_held(&h.g, h.t.cpu);
	}
	assert_in_range(ran * 1000 / (h.t.now - begin), 49, 51);
}

/* A host that stood still is not made up for at length; nor is a guest held for long. */
static void test_ends(void **state)
{
	uint64_t slice = 0;
	struct governor g = {.percent = 100};
	assert_false(governor_is_on(&g));
	g.percent = 50;
	assert_true(governor_is_on(&g));
	struct governor_time t = {1000, 1000};
	governor_begin(&g, t);
	t.now += 10000000000;
	assert_int_equal(governor_look(&g, t, &slice), 0);
	assert_int_equal(slice, GOVERNOR_MOST_NS + governor_slice_ns(&g));
	t.now += 10000000000;
	t.cpu += 10000000000;
	assert_int_equal(governor_look(&g, t, &slice), GOVERNOR_MOST_NS);
	governor_begin(&g, t);
	assert_int_equal(governor_look(&g, t, &slice), 0);
	assert_int_equal(slice, governor_slice_ns(&g));
	/* Another percentage: what it ran before does not count. */
	t.now += 10000000000;
	t.cpu += 10000000000;
	g.percent = 20;
	assert_int_equal(governor_look(&g, t, &slice), 0);
	assert_int_equal(slice, governor_slice_ns(&g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_busy_host),
		cmocka_unit_test(test_dear_holds),
		cmocka_unit_test(test_ends),
	};
	return cmocka_run_group_tests_name("governor", tests, NULL, NULL);
}
