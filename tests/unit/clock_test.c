/* links: devices */
#include "dev_fixture.h"

struct shot {
	struct timer *timer;
	unsigned count;
	uint64_t at, again; /* sets itself again after so long, unless 0 */
};

static void fire(void *ctx, uint64_t now)
{
	struct shot *s = ctx;
	s->count++;
	s->at = now;
	if (s->again)
		timer_set(s->timer, now + s->again);
}

static void test_fires_in_time_and_once(void **state)
{
	struct rig r;
	rig_open(&r);
	struct shot a = {0}, b = {0};
	a.timer = timer_create_on(r.clock, &a, fire);
	b.timer = timer_create_on(r.clock, &b, fire);
	timer_set(a.timer, 100);
	assert_int_equal(r.armed, 100);
	timer_set(b.timer, 50);
	assert_int_equal(r.armed, 50);
	rig_until(&r, 49);
	assert_int_equal(b.count, 0);
	rig_until(&r, 60);
	assert_int_equal(b.count, 1);
	assert_int_equal(b.at, 50);
	assert_int_equal(a.count, 0);
	assert_int_equal(r.armed, 100);
	rig_until(&r, 1000);
	assert_int_equal(a.count, 1);
	assert_int_equal(r.armed, UINT64_MAX);
	timer_free(a.timer);
	timer_free(b.timer);
	rig_close(&r);
}

static void test_cancel(void **state)
{
	struct rig r;
	rig_open(&r);
	struct shot a = {0};
	a.timer = timer_create_on(r.clock, &a, fire);
	timer_set(a.timer, 100);
	timer_cancel(a.timer);
	/* The host's timer is left to come for nothing. */
	assert_int_equal(r.armed, 100);
	timer_set(a.timer, 150);
	assert_int_equal(r.armed, 100);
	rig_until(&r, 100);
	assert_int_equal(a.count, 0);
	assert_int_equal(r.armed, 150);
	timer_cancel(a.timer);
	rig_until(&r, 200);
	assert_int_equal(a.count, 0);
	assert_int_equal(r.armed, UINT64_MAX);
	timer_free(a.timer);
	rig_close(&r);
}

static void test_periodic_by_setting_itself(void **state)
{
	struct rig r;
	rig_open(&r);
	struct shot a = {.again = 10};
	a.timer = timer_create_on(r.clock, &a, fire);
	timer_set(a.timer, 10);
	rig_until(&r, 95);
	assert_int_equal(a.count, 9);
	assert_int_equal(r.armed, 100);
	timer_free(a.timer);
	rig_close(&r);
}

/* The host's timer is spent once it fired: the same deadline arms it anew. */
static void test_rearms_a_spent_timer(void **state)
{
	struct rig r;
	rig_open(&r);
	struct shot a = {0};
	a.timer = timer_create_on(r.clock, &a, fire);
	timer_set(a.timer, 100);
	rig_jump(&r, 100);
	r.armed = 7;
	timer_set(a.timer, 100);
	assert_int_equal(r.armed, 100);
	r.armed = 7;
	rig_jump(&r, 100);
	assert_int_equal(a.count, 2);
	assert_int_equal(r.armed, UINT64_MAX); /* or it fires for ever */
	timer_free(a.timer);
	rig_close(&r);
}

static void test_shift(void **state)
{
	struct rig r;
	rig_open(&r);
	struct shot a = {0};
	a.timer = timer_create_on(r.clock, &a, fire);
	timer_set(a.timer, 100);
	r.armed = 7;
	timer_set(a.timer, 100);
	assert_int_equal(r.armed, 7); /* the host knows */
	clock_shifted(r.clock);
	assert_int_equal(r.armed, 100);
	timer_cancel(a.timer);
	r.armed = 7;
	clock_shifted(r.clock);
	assert_int_equal(r.armed, UINT64_MAX); /* or it fires for ever */
	timer_free(a.timer);
	rig_close(&r);
}

/* Any of several may be set anew or cancelled; those that are due fire in their order. */
static void test_several(void **state)
{
	struct rig r;
	struct shot shots[5] = {0};
	rig_open(&r);
	for (unsigned i = 0; i < 5; i++) {
		shots[i].timer = timer_create_on(r.clock, &shots[i], fire);
		timer_set(shots[i].timer, 100 * (i + 1));
	}
	assert_int_equal(clock_next(r.clock), 100);
	timer_cancel(shots[2].timer);
	assert_false(timer_is_set(shots[2].timer));
	timer_cancel(shots[2].timer);
	timer_set(shots[4].timer, 150);
	timer_set(shots[0].timer, 600);
	assert_int_equal(clock_next(r.clock), 150);
	rig_until(&r, 599);
	assert_int_equal(shots[4].at, 150);
	assert_int_equal(shots[1].at, 200);
	assert_int_equal(shots[2].count, 0);
	assert_int_equal(shots[3].at, 400);
	assert_int_equal(shots[0].count, 0);
	assert_int_equal(clock_next(r.clock), 600);
	/* All that is due at once, and the host hears of the next deadline once. */
	for (unsigned i = 0; i < 5; i++) {
		shots[i].again = 1000 + i;
		timer_set(shots[i].timer, 700 + i);
	}
	unsigned arms = r.arms;
	rig_jump(&r, 800);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(shots[i].at, 800);
	assert_int_equal(r.arms, arms + 1);
	assert_int_equal(r.armed, 1800);
	timer_free(shots[0].timer);
	assert_int_equal(clock_next(r.clock), 1801);
	for (unsigned i = 4; i > 0; i--)
		timer_free(shots[i].timer);
	timer_free(NULL);
	assert_int_equal(clock_next(r.clock), UINT64_MAX);
	rig_close(&r);
	clock_destroy(NULL);
}

/* Of equal deadlines the one that was set first fires first. */
static struct shot *fired[2];
static unsigned fires;

static void note(void *ctx, uint64_t now)
{
	fired[fires++] = ctx;
}

static void test_equal_deadlines(void **state)
{
	struct rig r;
	struct shot a = {0}, b = {0};
	rig_open(&r);
	a.timer = timer_create_on(r.clock, &a, note);
	b.timer = timer_create_on(r.clock, &b, note);
	fires = 0;
	timer_set(b.timer, 100);
	timer_set(a.timer, 100);
	rig_until(&r, 100);
	assert_int_equal(fires, 2);
	assert_ptr_equal(fired[0], &b);
	assert_ptr_equal(fired[1], &a);
	timer_free(a.timer);
	timer_free(b.timer);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fires_in_time_and_once),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_periodic_by_setting_itself),
		cmocka_unit_test(test_rearms_a_spent_timer),
		cmocka_unit_test(test_shift),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_equal_deadlines),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
