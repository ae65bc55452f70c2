/* links: devices */
#include "dev_fixture.h"

#include "devices/i8042.h"

static unsigned resets;

static void reset(void *ctx)
{
	++*(unsigned *)ctx;
}

static bool line_a20; /* the processor's */

static void set_a20(void *ctx, bool on)
{
	line_a20 = on;
}

static struct i8042 *open_i8042(struct rig *r)
{
	rig_open(r);
	resets = 0;
	struct i8042 *k =
		i8042_create(r->bus, rig_line(r), (struct irq_line){r, set_a20}, &resets, reset);
	assert_int_equal(in(r, 0x64), 0x10);
	out(r, 0x64, 0x60); /* interrupts, no translation */
	out(r, 0x60, 0x05);
	return k;
}

static void close_i8042(struct rig *r, struct i8042 *k)
{
	i8042_type.destroy(k);
	rig_close(r);
}

static uint8_t command(struct rig *r, uint8_t c)
{
	out(r, 0x64, c);
	assert_true(in(r, 0x64) & 1);
	return in(r, 0x60);
}

static void write_parameter(struct rig *r, uint8_t c, uint8_t v)
{
	out(r, 0x64, c);
	assert_true(in(r, 0x64) & 8);
	out(r, 0x60, v);
	assert_false(in(r, 0x64) & 8);
}

/* Sends to the keyboard and checks all of its answer. */
static void keyboard(struct rig *r, uint8_t v, const uint8_t *answer, unsigned n)
{
	out(r, 0x60, v);
	for (unsigned i = 0; i < n; i++) {
		assert_true(in(r, 0x64) & 1);
		assert_int_equal(in(r, 0x60), answer[i]);
	}
	assert_false(in(r, 0x64) & 1);
}

#define KEYBOARD(v, ...) keyboard(&r, v, (uint8_t[]){__VA_ARGS__}, sizeof(uint8_t[]){__VA_ARGS__})

static void test_controller(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	assert_int_equal(in(&r, 0x64), 0x14);
	write_parameter(&r, 0x60, 0x01);
	assert_int_equal(in(&r, 0x64), 0x10); /* the system flag follows */
	assert_int_equal(command(&r, 0xaa), 0x55);
	assert_int_equal(in(&r, 0x64), 0x1c);
	assert_int_equal(command(&r, 0x20), 0x15); /* the keyboard is off after the test */
	assert_int_equal(command(&r, 0xab), 0x00);
	out(&r, 0x64, 0xae);
	assert_int_equal(in(&r, 0x64), 0x1c); /* no answer */
	assert_int_equal(command(&r, 0xab), 0x00);
	assert_int_equal(command(&r, 0x20), 0x05);
	assert_int_equal(command(&r, 0xc0), 0x80);
	assert_int_equal(command(&r, 0xe0), 0x00);
	write_parameter(&r, 0x60, 0x47);
	assert_int_equal(command(&r, 0x20), 0x47);
	for (unsigned i = 1; i < 32; i++) /* its RAM */
		write_parameter(&r, 0x60 + i, 0x90 + i);
	for (unsigned i = 1; i < 32; i++)
		assert_int_equal(command(&r, 0x20 + i), 0x90 + i);
	assert_int_equal(command(&r, 0x20), 0x47);
	/* No commands of ours; and what follows them is not theirs. */
	static const uint8_t unknown[] = {0x1f, 0x40, 0x5f, 0x80, 0xa6, 0xd5, 0xef};
	for (unsigned i = 0; i < sizeof unknown; i++) {
		out(&r, 0x64, unknown[i]);
		assert_int_equal(in(&r, 0x64), 0x1c);
		KEYBOARD(0xee, 0xee);
	}
	/* A command in a parameter's place is a command. */
	out(&r, 0x64, 0x60);
	assert_int_equal(command(&r, 0x20), 0x47);
	KEYBOARD(0xee, 0xee);
	assert_int_equal(command(&r, 0x20), 0x47);
	write_parameter(&r, 0xd1, 0xdf); /* and no answer */
	assert_int_equal(in(&r, 0x64), 0x14);
	out(&r, 0x64, 0xad);
	assert_int_equal(command(&r, 0x20), 0x57);
	out(&r, 0x64, 0xae);
	assert_int_equal(command(&r, 0x20), 0x47);
	/* No auxiliary port: its loop comes back without the flag, its test fails. */
	write_parameter(&r, 0xd3, 0x5a);
	assert_int_equal(in(&r, 0x64), 0x15);
	assert_int_equal(in(&r, 0x60), 0x5a);
	assert_int_equal(command(&r, 0xa9), 0x01);
	out(&r, 0x64, 0xa7);
	out(&r, 0x64, 0xa8);
	assert_int_equal(in(&r, 0x64), 0x1c);
	write_parameter(&r, 0xd2, 0x1c); /* as if the keyboard had sent it */
	assert_true(r.line.level);
	assert_int_equal(in(&r, 0x60), 0x1c);
	assert_false(r.line.level);
	assert_int_equal(resets, 0);
	assert_true(i8042_a20(k));
	close_i8042(&r, k);
}

static void test_reset_and_a20(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	assert_int_equal(command(&r, 0xd0), 0xc3);
	write_parameter(&r, 0xd1, 0xdd);
	assert_false(i8042_a20(k));
	assert_false(line_a20);
	assert_int_equal(command(&r, 0xd0), 0xcd);
	i8042_set_a20(k, true);
	assert_true(line_a20);
	assert_int_equal(command(&r, 0xd0), 0xcf);
	i8042_set_a20(k, false);
	assert_int_equal(command(&r, 0xd0), 0xcd);
	write_parameter(&r, 0xd1, 0xdf);
	assert_true(i8042_a20(k));
	assert_int_equal(command(&r, 0xd0), 0xcf);
	out(&r, 0x64, 0xf0 | 0x0d); /* pulses, but not the reset line */
	out(&r, 0x64, 0xff);
	assert_int_equal(resets, 0);
	out(&r, 0x64, 0xf0);
	assert_int_equal(resets, 1);
	out(&r, 0x64, 0xfe);
	assert_int_equal(resets, 2);
	resets = 1;
	write_parameter(&r, 0xd1, 0xde);
	assert_int_equal(resets, 2);
	/* Output buffer full, in the output port. */
	out(&r, 0x60, 0xf4);
	assert_int_equal(command(&r, 0xd0), 0xdf);
	assert_int_equal(command(&r, 0xd0), 0xcf);
	close_i8042(&r, k);
}

/* With bit 6 of the command byte all that the keyboard sends is translated, answers too;
 * what the controller says is not. */
static void test_translation(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	write_parameter(&r, 0x60, 0x45);
	assert_int_equal(command(&r, 0x20), 0x45);
	KEYBOARD(0xf2, 0xfa, 0xab, 0x41);
	for (uint8_t set = 1; set <= 3; set++) {
		KEYBOARD(0xf0, 0xfa);
		KEYBOARD(set, 0xfa);
		KEYBOARD(0xf0, 0xfa);
		KEYBOARD(0x00, 0xfa, (uint8_t[]){0x43, 0x41, 0x3f}[set - 1]);
		KEYBOARD(0xfe, (uint8_t[]){0x43, 0x41, 0x3f}[set - 1]); /* once, not twice */
	}
	KEYBOARD(0xf0, 0xfa);
	KEYBOARD(0x04, 0xfa); /* there is no fourth */
	KEYBOARD(0xf0, 0xfa);
	KEYBOARD(0x00, 0xfa, 0x3f);
	KEYBOARD(0xee, 0xee);
	KEYBOARD(0x01, 0xfe);
	KEYBOARD(0xff, 0xfa, 0xaa);
	write_parameter(&r, 0x65, 0x02);
	assert_int_equal(command(&r, 0x25), 0x02);
	write_parameter(&r, 0xd2, 0x1c);
	assert_int_equal(in(&r, 0x60), 0x1c);
	write_parameter(&r, 0x60, 0x05);
	KEYBOARD(0xf2, 0xfa, 0xab, 0x83);
	close_i8042(&r, k);
}

/* What is meant for a mouse reaches nobody: it times out, and raises no keyboard interrupt. */
static void test_no_mouse(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	write_parameter(&r, 0xd4, 0xff);
	assert_int_equal(in(&r, 0x64), 0x75);
	assert_int_equal(r.line.edges, 0);
	assert_int_equal(in(&r, 0x60), 0xfe);
	assert_int_equal(in(&r, 0x64), 0x14);
	KEYBOARD(0xee, 0xee);
	assert_int_equal(r.line.edges, 1);
	close_i8042(&r, k);
}

static void test_keyboard(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	KEYBOARD(0xf0, 0xfa);
	KEYBOARD(0x00, 0xfa, 0x02); /* from the start */
	KEYBOARD(0xff, 0xfa, 0xaa);
	KEYBOARD(0xf2, 0xfa, 0xab, 0x83);
	KEYBOARD(0xed, 0xfa);
	KEYBOARD(0x07, 0xfa);
	KEYBOARD(0xf3, 0xfa);
	KEYBOARD(0x00, 0xfa);
	KEYBOARD(0xf0, 0xfa);
	KEYBOARD(0x00, 0xfa, 0x02);
	KEYBOARD(0xf0, 0xfa);
	KEYBOARD(0x01, 0xfa);
	KEYBOARD(0xf0, 0xfa);
	KEYBOARD(0x00, 0xfa, 0x01);
	KEYBOARD(0xf6, 0xfa);
	KEYBOARD(0xf4, 0xfa);
	KEYBOARD(0xf5, 0xfa);
	KEYBOARD(0xee, 0xee);
	KEYBOARD(0xfe, 0xee);
	KEYBOARD(0x01, 0xfe);
	for (unsigned v = 0xf7; v <= 0xfa; v++)
		KEYBOARD(v, 0xfa);
	for (unsigned v = 0xfb; v <= 0xfd; v++) {
		KEYBOARD(v, 0xfa);
		KEYBOARD(0x00, 0xfa);
	}
	/* A command in a parameter's place is a command; parameters go up to 7Fh. */
	KEYBOARD(0xed, 0xfa);
	KEYBOARD(0xf2, 0xfa, 0xab, 0x83);
	KEYBOARD(0xed, 0xfa);
	KEYBOARD(0x7f, 0xfa);
	KEYBOARD(0x7f, 0xfe);
	KEYBOARD(0xed, 0xfa);
	KEYBOARD(0x80, 0xfe);
	/* Scan code set 2, after a reset and by default. */
	for (unsigned v = 0xf6; v <= 0xff; v += 9) {
		KEYBOARD(0xf0, 0xfa);
		KEYBOARD(0x03, 0xfa);
		if (v == 0xf6)
			KEYBOARD(0xf6, 0xfa);
		else
			KEYBOARD(0xff, 0xfa, 0xaa);
		KEYBOARD(0xf0, 0xfa);
		KEYBOARD(0x00, 0xfa, 0x02);
	}
	/* A reset forgets what is still to be sent. */
	out(&r, 0x60, 0xf2);
	KEYBOARD(0xff, 0xfa, 0xfa, 0xaa);
	close_i8042(&r, k);
}

static void test_interrupts(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	out(&r, 0x60, 0xf2);
	assert_true(r.line.level);
	for (unsigned i = 1; i <= 3; i++) { /* each byte is an edge */
		assert_int_equal(r.line.edges, i);
		in(&r, 0x60);
	}
	assert_false(r.line.level);
	command(&r, 0x20);
	assert_int_equal(r.line.edges, 3); /* the controller's own answers are none */
	write_parameter(&r, 0x60, 0x04);
	KEYBOARD(0xf4, 0xfa);
	assert_int_equal(r.line.edges, 3);
	write_parameter(&r, 0xd2, 0x1c);
	assert_int_equal(in(&r, 0x60), 0x1c);
	assert_int_equal(r.line.edges, 3);
	/* The line follows the command byte. */
	out(&r, 0x60, 0xee);
	out(&r, 0x64, 0x60);
	out(&r, 0x60, 0x05);
	assert_true(r.line.level);
	out(&r, 0x64, 0x60);
	out(&r, 0x60, 0x04);
	assert_false(r.line.level);
	assert_int_equal(in(&r, 0x60), 0xee);
	/* A disabled keyboard's bytes wait. */
	write_parameter(&r, 0x60, 0x05);
	out(&r, 0x60, 0xf2);
	out(&r, 0x64, 0xad);
	assert_int_equal(in(&r, 0x60), 0xfa);
	assert_false(in(&r, 0x64) & 1);
	out(&r, 0x64, 0xae);
	assert_int_equal(in(&r, 0x60), 0xab);
	assert_int_equal(in(&r, 0x60), 0x83);
	/* Talking to the keyboard enables it. */
	out(&r, 0x64, 0xad);
	assert_int_equal(command(&r, 0x20), 0x15);
	KEYBOARD(0xee, 0xee);
	assert_int_equal(command(&r, 0x20), 0x05);
	/* The controller's self-test forgets what the keyboard has sent. */
	out(&r, 0x60, 0xf2);
	assert_int_equal(command(&r, 0xaa), 0x55);
	out(&r, 0x64, 0xae);
	assert_int_equal(in(&r, 0x64), 0x1c);
	/* Its queue has 16 places behind the output buffer. */
	for (unsigned i = 0; i < 20; i++)
		out(&r, 0x60, i & 1 ? 0xee : 0xf4);
	for (unsigned i = 0; i < 17; i++)
		assert_int_equal(in(&r, 0x60), i & 1 ? 0xee : 0xfa);
	assert_int_equal(in(&r, 0x64), 0x14);
	close_i8042(&r, k);
}

/* A reset of the board is the controller's; the keyboard hears of it by its commands alone. */
static void test_resets(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	out(&r, 0x64, 0x60);
	out(&r, 0x60, 0x01);
	out(&r, 0x60, 0xf0);
	out(&r, 0x60, 0x03);
	i8042_set_a20(k, false);
	assert_true(r.line.level);
	assert_false(line_a20);
	i8042_type.reset(k, RESET_HARD);
	assert_true(i8042_a20(k));
	assert_true(line_a20);
	assert_false(r.line.level);
	while (in(&r, 0x64) & 1)
		in(&r, 0x60);
	out(&r, 0x64, 0x20);
	assert_int_equal(in(&r, 0x60), 0x00);
	for (unsigned power = 0; power < 2; power++) {
		if (power)
			i8042_type.reset(k, RESET_POWER);
		out(&r, 0x60, 0xf0);
		out(&r, 0x60, 0x00);
		assert_int_equal(in(&r, 0x60), 0xfa);
		assert_int_equal(in(&r, 0x60), 0xfa);
		assert_int_equal(in(&r, 0x60), power ? 2 : 3);
		assert_int_equal(in(&r, 0x64) & 1, 0);
	}
	close_i8042(&r, k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_controller),  cmocka_unit_test(test_reset_and_a20),
		cmocka_unit_test(test_translation), cmocka_unit_test(test_no_mouse),
		cmocka_unit_test(test_keyboard),    cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_resets),
	};
	return cmocka_run_group_tests_name("i8042", tests, NULL, NULL);
}
