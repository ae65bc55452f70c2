/* links: devices */
#include "dev_fixture.h"

#include "devices/parallel.h"

#include <string.h>

enum { DATA = 0x378, STATUS, CONTROL };

static char printed[64];
static bool has_room;

static void print(void *ctx, uint8_t byte)
{
	size_t n = strlen(printed);
	assert_true(n + 1 < sizeof printed);
	printed[n] = (char)byte;
	printed[n + 1] = 0;
}

static bool room(void *ctx)
{
	return has_room;
}

static struct parallel *open_parallel(struct rig *r)
{
	rig_open(r);
	*printed = 0;
	has_room = true;
	return parallel_create(r->bus, DATA, rig_line(r),
	                       (struct parallel_printer){NULL, print, room});
}

static void close_parallel(struct rig *r, struct parallel *p)
{
	parallel_type.destroy(p);
	rig_close(r);
}

static void send(struct rig *r, char c)
{
	uint8_t control = in(r, CONTROL) & 0x3e;
	out(r, DATA, c);
	out(r, CONTROL, control | 1);
	out(r, CONTROL, control);
}

static void test_registers(void **state)
{
	struct rig r;
	struct parallel *p = open_parallel(&r);
	assert_int_equal(in(&r, STATUS), 0xd8);
	assert_int_equal(in(&r, CONTROL), 0xcc);
	for (unsigned v = 0; v < 256; v++) {
		out(&r, CONTROL, 0x0c);
		out(&r, DATA, v);
		assert_int_equal(in(&r, DATA), v);
		out(&r, STATUS, v); /* is not written */
		assert_int_equal(in(&r, STATUS), 0xd8);
		out(&r, CONTROL, v & ~1);
		assert_int_equal(in(&r, CONTROL), 0xc0 | (v & 0x3e));
		assert_int_equal(in(&r, DATA), v & 0x20 ? 0xff : v);
	}
	assert_string_equal(printed, "");
	assert_int_equal(in(&r, 0x37b), 0xff);
	/* As a BIOS looks for one. */
	out(&r, CONTROL, in(&r, CONTROL) & 0xdf);
	out(&r, DATA, 0xaa);
	assert_int_equal(in(&r, DATA), 0xaa);
	parallel_type.reset(p, RESET_HARD);
	assert_int_equal(in(&r, DATA), 0);
	assert_int_equal(in(&r, CONTROL), 0xcc);
	close_parallel(&r, p);
}

static void test_prints(void **state)
{
	struct rig r;
	struct parallel *p = open_parallel(&r);
	out(&r, DATA, 'x');
	out(&r, CONTROL, 0x0d);
	assert_string_equal(printed, "x");
	out(&r, DATA, 'y'); /* the strobe lasts: no other byte */
	out(&r, CONTROL, 0x0d);
	assert_string_equal(printed, "x");
	/* ACK is seen once. */
	assert_int_equal(in(&r, STATUS), 0x98);
	assert_int_equal(in(&r, STATUS), 0xd8);
	out(&r, CONTROL, 0x0c);
	send(&r, 'y');
	send(&r, 'z');
	assert_string_equal(printed, "xyz");
	assert_int_equal(r.line.edges, 0);
	close_parallel(&r, p);
}

static void test_busy(void **state)
{
	struct rig r;
	struct parallel *p = open_parallel(&r);
	has_room = false;
	send(&r, 'a');
	assert_string_equal(printed, "");
	assert_int_equal(in(&r, STATUS), 0x58);
	parallel_ready(p);
	assert_int_equal(in(&r, STATUS), 0x58);
	send(&r, 'b'); /* is lost */
	out(&r, DATA, 'c');
	has_room = true;
	parallel_ready(p);
	assert_string_equal(printed, "a");
	assert_int_equal(in(&r, STATUS), 0x98);
	assert_int_equal(in(&r, STATUS), 0xd8);
	parallel_ready(p);
	assert_string_equal(printed, "a");
	/* A reset forgets it. */
	has_room = false;
	send(&r, 'd');
	parallel_type.reset(p, RESET_POWER);
	has_room = true;
	parallel_ready(p);
	assert_string_equal(printed, "a");
	assert_int_equal(in(&r, STATUS), 0xd8);
	close_parallel(&r, p);
}

/* Each byte is an edge, if that is asked for. */
static void test_interrupt(void **state)
{
	struct rig r;
	struct parallel *p = open_parallel(&r);
	out(&r, CONTROL, 0x1c);
	assert_int_equal(r.line.edges, 0);
	send(&r, 'a');
	assert_true(r.line.level);
	send(&r, 'b');
	assert_int_equal(r.line.edges, 2);
	assert_true(r.line.level);
	in(&r, STATUS);
	assert_false(r.line.level);
	has_room = false;
	send(&r, 'c');
	assert_int_equal(r.line.edges, 2);
	has_room = true;
	parallel_ready(p);
	assert_int_equal(r.line.edges, 3);
	out(&r, CONTROL, 0x0c);
	assert_false(r.line.level);
	send(&r, 'd');
	out(&r, CONTROL, 0x1c); /* what came before it was asked for is none */
	assert_int_equal(r.line.edges, 3);
	send(&r, 'e');
	assert_true(r.line.level);
	parallel_type.reset(p, RESET_HARD);
	assert_false(r.line.level);
	assert_string_equal(printed, "abcde");
	close_parallel(&r, p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_prints),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_interrupt),
	};
	return cmocka_run_group_tests_name("parallel", tests, NULL, NULL);
}
