/* links: machine */
/* wraps: monitor_stop monitor_debug_request watchdog_start watchdog_stop */
/* What is done to a machine from outside: what it asks of the monitor, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine/control.h"

static struct {
	enum monitor_end end;
	int code;
	unsigned stops, requests;
	int watchdog; /* the status that it would end with; 0: none runs */
} seen;

/* NOLINTBEGIN(bugprone-reserved-identifier) */
void __wrap_monitor_stop(struct monitor *m, enum monitor_end why, int code)
{
	seen.stops++;
	seen.end = why;
	seen.code = code;
}

void __wrap_monitor_debug_request(struct monitor *m)
{
	seen.requests++;
}

void __wrap_watchdog_start(int status)
{
	seen.watchdog = status;
}

void __wrap_watchdog_stop(void)
{
	seen.watchdog = 0;
}
/* NOLINTEND(bugprone-reserved-identifier) */

enum { HOLDER_OTHER = HOLDER_GDB << 1 };

static int fresh(void **state)
{
	static struct control c;
	c = (struct control){0};
	memset(&seen, 0, sizeof seen);
	*state = &c;
	return 0;
}

static void test_ends(void **state)
{
	control_quit(*state, 7);
	assert_int_equal(seen.end, END_REQUEST);
	assert_int_equal(seen.code, 7);
	control_reset(*state);
	assert_int_equal(seen.end, END_RESET);
	assert_int_equal(seen.stops, 2);
}

/* A handler notes its signal; the loop obeys. */
static void test_signals(void **state)
{
	struct control *c = *state;
	assert_false(control_obey(c));
	control_end(c, 15);
	assert_int_equal(seen.watchdog, 128 + 15);
	assert_int_equal(seen.stops, 0);
	assert_int_equal(c->end_signal, 15); /* ends waits for slow readers */
	assert_false(control_obey(c));
	assert_int_equal(seen.code, 128 + 15);
	assert_int_equal(seen.end, END_REQUEST);
	assert_int_equal(seen.watchdog, 0);
}

static void test_look(void **state)
{
	control_look(*state);
	control_look(*state);
	assert_true(control_obey(*state));
	assert_false(control_obey(*state));
	assert_int_equal(seen.stops, 0);
}

/* It stands for as long as anybody holds it. */
static void test_holders(void **state)
{
	struct control *c = *state;
	assert_false(control_held(c, HOLDERS));
	control_pause(c, HOLDER_GDB);
	assert_int_equal(seen.requests, 1);
	assert_true(control_held(c, HOLDER_GDB));
	assert_false(control_held(c, HOLDER_OTHER));
	control_stands(c, true);
	control_pause(c, HOLDER_OTHER);
	control_pause(c, HOLDER_OTHER);
	control_resume(c, HOLDER_GDB);
	assert_true(control_held(c, HOLDERS));
	assert_false(control_held(c, HOLDER_GDB));
	control_resume(c, HOLDER_OTHER);
	assert_false(control_held(c, HOLDERS));
	assert_int_equal(seen.requests, 1); /* it stood already */
	control_stands(c, false);
	control_pause(c, HOLDER_OTHER);
	assert_int_equal(seen.requests, 2);
}

/* A debugger that leaves withdraws all requests (monitor_debug_release): another's is made anew. */
static void test_one_leaves_before_the_stop(void **state)
{
	struct control *c = *state;
	control_pause(c, HOLDER_GDB);
	control_pause(c, HOLDER_OTHER);
	seen.requests = 0;
	control_resume(c, HOLDER_GDB);
	assert_int_equal(seen.requests, 1);
	control_resume(c, HOLDER_OTHER);
	assert_int_equal(seen.requests, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ends, fresh),
		cmocka_unit_test_setup(test_signals, fresh),
		cmocka_unit_test_setup(test_look, fresh),
		cmocka_unit_test_setup(test_holders, fresh),
		cmocka_unit_test_setup(test_one_leaves_before_the_stop, fresh),
	};
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
