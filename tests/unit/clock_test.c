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
	rig_jump(&r, 100);
	assert_int_equal(a.count, 2);
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
	assert_int_equal(r.armed, 7); /* nothing to arm */
	timer_free(a.timer);
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
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
