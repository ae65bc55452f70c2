/* links: devices */
/* Ports 80h, 92h, 8900h, E9h, F4h. */
#include "dev_fixture.h"

#include "devices/debugport.h"
#include "devices/sysctl.h"

struct seen {
	unsigned resets, offs, exits;
	enum reset_kind kind; /* of the last one */
	bool a20;
	int status;
	char text[16];
	unsigned length;
};

static void reset(void *ctx, enum reset_kind kind)
{
	struct seen *s = ctx;
	s->resets++;
	s->kind = kind;
}

static void power_off(void *ctx)
{
	((struct seen *)ctx)->offs++;
}

static bool a20(void *ctx)
{
	return ((struct seen *)ctx)->a20;
}

static void set_a20(void *ctx, bool on)
{
	((struct seen *)ctx)->a20 = on;
}

static void console(void *ctx, uint8_t byte)
{
	struct seen *s = ctx;
	s->text[s->length++] = byte;
}

static void debug_exit(void *ctx, int status)
{
	struct seen *s = ctx;
	s->exits++;
	s->status = status;
}

static void test_sysctl(void **state)
{
	struct rig r;
	struct seen s = {.a20 = true};
	rig_open(&r);
	struct sysctl_board board = {&s, a20, set_a20, &s, reset, power_off};
	struct sysctl *c = sysctl_create(r.bus, board);
	assert_int_equal(in(&r, 0x92), 0x02);
	out(&r, 0x92, 0xfc);
	assert_false(s.a20);
	assert_int_equal(in(&r, 0x92), 0x00);
	s.a20 = true; /* by the keyboard controller */
	assert_int_equal(in(&r, 0x92), 0x02);
	out(&r, 0x92, 0x02);
	assert_true(s.a20);
	assert_int_equal(s.resets, 0);
	out(&r, 0x92, 0x03);
	assert_int_equal(s.resets, 1);
	assert_int_equal(s.kind, RESET_CPU);
	assert_true(s.a20);
	assert_int_equal(in(&r, 0x92), 0x03);
	out(&r, 0x92, 0x01); /* only its rise */
	assert_int_equal(s.resets, 1);
	assert_false(s.a20);
	assert_int_equal(in(&r, 0x92), 0x01);
	out(&r, 0x92, 0x00);
	out(&r, 0x92, 0x01);
	assert_int_equal(s.resets, 2);
	out(&r, 0x92, 0x01);
	sysctl_type.reset(c, RESET_HARD);
	assert_int_equal(in(&r, 0x92), 0x00);
	sysctl_type.destroy(c);
	rig_close(&r);
}

static void word(struct rig *r, const char *letters)
{
	for (; *letters; letters++)
		out(r, 0x8900, *letters);
}

/* The whole word and nothing between, as often as it comes. */
static void test_shutdown(void **state)
{
	struct rig r;
	struct seen s = {0};
	rig_open(&r);
	struct sysctl_board board = {&s, a20, set_a20, &s, reset, power_off};
	struct sysctl *c = sysctl_create(r.bus, board);
	word(&r, "Shutdow");
	assert_int_equal(s.offs, 0);
	word(&r, "n");
	assert_int_equal(s.offs, 1);
	word(&r, "Shutdown");
	assert_int_equal(s.offs, 2);
	word(&r, "shutdown Shut down hutdown SSSHutdown Shutdowm ");
	assert_int_equal(s.offs, 2);
	word(&r, "ShutShutdown");
	assert_int_equal(s.offs, 3);
	word(&r, "Shut");
	sysctl_type.reset(c, RESET_HARD);
	word(&r, "down");
	assert_int_equal(s.offs, 3);
	assert_int_equal(in(&r, 0x8900), 0xff);
	sysctl_type.destroy(c);
	rig_close(&r);
}

static void test_debug_ports(void **state)
{
	struct rig r;
	struct seen s = {0};
	rig_open(&r);
	struct debugport *d = debugport_create_console(r.bus, DEBUGPORT_BOCHS, &s, console);
	struct debugport *e = debugport_create_exit(r.bus, &s, debug_exit);
	assert_int_equal(in(&r, 0xe9), 0xe9);
	out(&r, 0xe9, 'o');
	out(&r, 0xe9, 'k');
	assert_string_equal(s.text, "ok");
	assert_int_equal(bus_read(r.bus, SPACE_PORT, 0xf4, 4), 0);
	bus_write(r.bus, SPACE_PORT, 0xf4, 4, 0x10);
	assert_int_equal(s.exits, 1);
	assert_int_equal(s.status, 33);
	debugport_type.destroy(d);
	debugport_type.destroy(e);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sysctl),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_debug_ports),
	};
	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
