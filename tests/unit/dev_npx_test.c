/* links: devices */
#include "dev_fixture.h"

#include "devices/npx.h"

static unsigned ignored;

static void ignne(void *ctx)
{
	ignored++;
}

static void test_error(void **state)
{
	struct rig r;
	rig_open(&r);
	struct npx *n = npx_create(r.bus, rig_line(&r), NULL, ignne);
	ignored = 0;
	assert_int_equal(in(&r, 0xf0), 0xff);
	npx_ferr(n);
	assert_true(r.line.level);
	npx_ferr(n); /* it is latched */
	assert_int_equal(r.line.edges, 1);
	assert_int_equal(in(&r, 0xf0), 0xff);
	assert_true(r.line.level);
	out(&r, 0xf0, 0x55); /* whatever is written */
	assert_false(r.line.level);
	assert_int_equal(ignored, 1);
	npx_ferr(n);
	assert_int_equal(r.line.edges, 2);
	npx_type.reset(n, RESET_HARD);
	assert_false(r.line.level);
	assert_int_equal(ignored, 1);
	npx_type.destroy(n);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error),
	};
	return cmocka_run_group_tests_name("npx", tests, NULL, NULL);
}
