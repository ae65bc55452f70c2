/* links: devices */
#include "dev_fixture.h"

#include "devices/i8042.h"
#include "devices/keyboard.h"

static unsigned resets;
static struct keyboard *kb;
static struct line mouse_line;

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
	mouse_line = (struct line){0};
	struct i8042_wires wires = {
		.irq = {rig_line(r), {&mouse_line, line_set}},
		.a20 = {r, set_a20},
		.ctx = &resets,
		.reset = reset,
	};
	struct i8042 *k = i8042_create(r->bus, r->clock, wires);
	kb = keyboard_create(r->clock);
	keyboard_connect(kb, i8042_attach(k, PS2_KEYBOARD, keyboard_line(kb)));
	assert_int_equal(in(r, 0x64), 0x10);
	out(r, 0x64, 0x60); /* interrupts, no translation */
	out(r, 0x60, 0x05);
	return k;
}

static void close_i8042(struct rig *r, struct i8042 *k)
{
	keyboard_type.destroy(kb);
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
	assert_int_equal(command(&r, 0xe0), 0x01);
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
	assert_int_equal(in(&r, 0x60), 0xfa);
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
		KEYBOARD(0x00, 0xfe); /* no key's code */
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
	/* The controller's self-test forgets what it has received; the keyboard waits. */
	out(&r, 0x60, 0xf2);
	assert_int_equal(command(&r, 0xaa), 0x55);
	assert_int_equal(in(&r, 0x64), 0x1c);
	out(&r, 0x64, 0xae);
	assert_int_equal(in(&r, 0x64), 0x1d);
	assert_int_equal(in(&r, 0x60), 0xab);
	assert_int_equal(in(&r, 0x60), 0x83);
	assert_int_equal(in(&r, 0x64), 0x1c);
	/* What is not read of an answer is not sent behind the next command. */
	out(&r, 0x60, 0xf2);
	out(&r, 0x60, 0xf4);
	KEYBOARD(0xee, 0xfa, 0xee);
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
			i8042_type.reset(k, RESET_POWER), keyboard_type.reset(kb, RESET_POWER);
		out(&r, 0x60, 0xf0);
		out(&r, 0x60, 0x00);
		assert_int_equal(in(&r, 0x60), 0xfa);
		assert_int_equal(in(&r, 0x60), 0xfa);
		assert_int_equal(in(&r, 0x60), power ? 2 : 3);
		assert_int_equal(in(&r, 0x64) & 1, 0);
	}
	close_i8042(&r, k);
}

/* A command that is written while an answer of the controller's waits takes its place (KEYB of
 * MS-DOS 6.22); what a device sent waits behind it, and is an edge of its own again. */
static void test_unread_answers(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	out(&r, 0x64, 0xaa);
	assert_int_equal(command(&r, 0x20), 0x15);
	assert_int_equal(in(&r, 0x64), 0x1c);
	out(&r, 0x64, 0xae);
	keyboard_key(kb, KEY_a, true);
	assert_true(r.line.level);
	unsigned edges = r.line.edges;
	out(&r, 0x64, 0xd0);
	assert_false(r.line.level);
	out(&r, 0x64, 0x20);
	assert_int_equal(in(&r, 0x60), 0x05);
	assert_true(r.line.level);
	assert_int_equal(r.line.edges, edges + 1);
	assert_int_equal(in(&r, 0x60), 0x1c);
	assert_int_equal(in(&r, 0x64), 0x1c);
	/* The same for what D2h left; the controller's self-test forgets both. */
	write_parameter(&r, 0xd2, 0x33);
	assert_int_equal(command(&r, 0xc0), 0x80);
	assert_int_equal(in(&r, 0x60), 0x33);
	write_parameter(&r, 0xd2, 0x33);
	out(&r, 0x64, 0xc0);
	assert_int_equal(command(&r, 0xaa), 0x55);
	assert_int_equal(in(&r, 0x64), 0x1c);
	/* One waits, the first. */
	write_parameter(&r, 0xd2, 0x33);
	out(&r, 0x64, 0xc0);
	write_parameter(&r, 0xd2, 0x44);
	assert_int_equal(command(&r, 0xc0), 0x80);
	assert_int_equal(in(&r, 0x60), 0x33);
	assert_int_equal(in(&r, 0x64), 0x1c);
	close_i8042(&r, k);
}

/* A20 by D1h, by DDh and DFh: HIMEM.SYS tries one after another. */
static void test_a20_commands(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	for (unsigned i = 0; i < 2; i++) {
		out(&r, 0x64, 0xdd);
		assert_false(line_a20);
		assert_int_equal(command(&r, 0xd0), 0xc1);
		out(&r, 0x64, 0xdf);
		assert_true(line_a20);
		assert_int_equal(command(&r, 0xd0), 0xc3);
	}
	assert_int_equal(in(&r, 0x64), 0x1c); /* neither is answered */
	write_parameter(&r, 0xd1, 0xdd);
	assert_false(line_a20);
	out(&r, 0x64, 0xff); /* pulses nothing, and ends HIMEM's sequence */
	assert_false(line_a20);
	assert_int_equal(resets, 0);
	close_i8042(&r, k);
}

static void test_rare_commands(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	assert_int_equal(command(&r, 0xa4), 0xf1); /* no password */
	out(&r, 0x64, 0xa5);
	out(&r, 0x60, 0x1c);
	out(&r, 0x60, 0xee);
	out(&r, 0x60, 0x00);
	assert_int_equal(in(&r, 0x64), 0x14);
	out(&r, 0x64, 0xa6);
	KEYBOARD(0xee, 0xee);
	out(&r, 0x64, 0xc1); /* the input port in the status, until the next command */
	assert_int_equal(in(&r, 0x64), 0x0c);
	out(&r, 0x64, 0xc2);
	assert_int_equal(in(&r, 0x64), 0x8c);
	assert_int_equal(command(&r, 0xc0), 0x80);
	assert_int_equal(in(&r, 0x64), 0x1c);
	out(&r, 0x64, 0xad);
	assert_int_equal(command(&r, 0xe0), 0x00);
	out(&r, 0x64, 0xae);
	out(&r, 0x60, 0xf4);
	assert_int_equal(command(&r, 0xe0), 0x00); /* the clock waits for the reader, too */
	assert_int_equal(in(&r, 0x60), 0xfa);
	assert_int_equal(command(&r, 0xe0), 0x01);
	close_i8042(&r, k);
}

/* Scan codes take their time on the wire: a handler that reads twice finds the same byte, and
 * one that polls has each in turn. */
static void test_wire(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	write_parameter(&r, 0x60, 0x45);
	r.now = 5000000;
	keyboard_key(kb, KEY_left, true);
	keyboard_key(kb, KEY_left, false);
	static const uint8_t codes[] = {0xe0, 0x4b, 0xe0, 0xcb};
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(in(&r, 0x64), 0x15);
		assert_int_equal(r.line.edges, i + 1);
		assert_true(r.line.level);
		assert_int_equal(in(&r, 0x60), codes[i]);
		assert_int_equal(in(&r, 0x64), 0x14);
		assert_int_equal(in(&r, 0x60), codes[i]);
		rig_until(&r, r.now + 600000);
		assert_false(r.line.level);
		assert_int_equal(in(&r, 0x60), codes[i]);
		/* An answer does not wait for it. */
		KEYBOARD(0xee, 0xee);
		r.line.edges--;
		rig_until(&r, r.now + 1000000);
	}
	assert_int_equal(in(&r, 0x64), 0x14);
	/* A wire that is free brings it at once. */
	rig_until(&r, r.now + 1000000);
	keyboard_key(kb, KEY_a, true);
	assert_int_equal(in(&r, 0x60), 0x1e);
	/* While the line is disabled nothing comes; afterwards it does. */
	out(&r, 0x64, 0xad);
	keyboard_key(kb, KEY_a, false);
	rig_until(&r, r.now + 5000000);
	assert_int_equal(in(&r, 0x64), 0x1c);
	out(&r, 0x64, 0xae);
	assert_int_equal(in(&r, 0x60), 0x9e);
	/* An unread byte stays, however long. */
	keyboard_key(kb, KEY_b, true);
	keyboard_key(kb, KEY_b, false);
	rig_until(&r, r.now + 100000000);
	assert_int_equal(in(&r, 0x60), 0x30);
	rig_until(&r, r.now + 1000000);
	assert_int_equal(in(&r, 0x60), 0xb0);
	/* After a reset it is free. */
	i8042_type.reset(k, RESET_HARD);
	keyboard_key(kb, KEY_b, true);
	assert_true(in(&r, 0x64) & 1);
	close_i8042(&r, k);
}

/* The next bytes at port 60h, one a millisecond. */
static void expect_codes(struct rig *r, const uint8_t *codes, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		rig_until(r, r->now + 1000000);
		if (!(in(r, 0x64) & 1))
			fail_msg("%u of %u codes came", i, n);
		assert_int_equal(in(r, 0x60), codes[i]);
	}
	rig_until(r, r->now + 1000000);
	assert_int_equal(in(r, 0x64) & 1, 0);
}

#define CODES(...) expect_codes(&r, (uint8_t[]){__VA_ARGS__}, sizeof(uint8_t[]){__VA_ARGS__})

/* Set 2 of the keyboard is set 1 of the system, by the controller alone; NT turns that off. */
static void test_translated_keys(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	write_parameter(&r, 0x60, 0x45);
	KEYBOARD(0xf0, 0xfa);
	KEYBOARD(0x00, 0xfa, 0x41);
	for (unsigned translated = 2; translated--;) {
		for (enum key key = KEY_NONE + 1; key < KEYS; key++) {
			uint16_t code = (uint16_t[]){
				0,
#define KEY(name, set1, set2, set3, mode) translated ? set1 : set2,
#include "devices/keys.inc"
#undef KEY
			}[key];
			if (key == KEY_print || key == KEY_pause)
				continue;
			for (unsigned down = 2; down--;) {
				keyboard_key(kb, key, down);
				uint8_t want[3];
				unsigned n = 0;
				if (code >> 8)
					want[n++] = code >> 8;
				if (!down && !translated)
					want[n++] = 0xf0;
				want[n++] = (code & 0xff) | (!down && translated ? 0x80 : 0);
				expect_codes(&r, want, n);
			}
		}
		write_parameter(&r, 0x60, 0x05);
	}
	KEYBOARD(0xf0, 0xfa);
	KEYBOARD(0x00, 0xfa, 0x02);
	write_parameter(&r, 0x60, 0x45);
	keyboard_key(kb, KEY_pause, true);
	CODES(0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
	keyboard_key(kb, KEY_pause, false);
	keyboard_key(kb, KEY_print, true);
	CODES(0xe0, 0x2a, 0xe0, 0x37);
	keyboard_key(kb, KEY_print, false);
	CODES(0xe0, 0xb7, 0xe0, 0xaa);
	/* Set 3 is made for it as well. */
	KEYBOARD(0xf0, 0xfa);
	KEYBOARD(0x03, 0xfa);
	KEYBOARD(0xfa, 0xfa);
	keyboard_key(kb, KEY_ctrl, true);
	CODES(0x38);
	keyboard_key(kb, KEY_ctrl, false);
	CODES(0xb8);
	close_i8042(&r, k);
}

/* --- a second device --- */

struct fake {
	uint8_t written, bytes[8];
	unsigned n, taken;
	enum ps2_pending kind;
};

static void fake_write(void *ctx, uint8_t v)
{
	struct fake *f = ctx;
	f->written = v;
	f->bytes[f->n++] = 0xfa;
	f->kind = PS2_ANSWER;
}

static enum ps2_pending fake_pending(void *ctx)
{
	struct fake *f = ctx;
	return f->taken < f->n ? f->kind : PS2_NOTHING;
}

static uint8_t fake_take(void *ctx)
{
	struct fake *f = ctx;
	return f->bytes[f->taken++];
}

static void test_aux(void **state)
{
	struct rig r;
	struct i8042 *k = open_i8042(&r);
	struct fake f = {0};
	struct ps2_host host = i8042_attach(
		k, PS2_AUX, (struct ps2_device){&f, fake_write, fake_pending, fake_take});
	assert_int_equal(command(&r, 0xa9), 0x00);
	out(&r, 0x64, 0xa7);
	assert_int_equal(command(&r, 0x20), 0x25);
	out(&r, 0x64, 0xa8);
	assert_int_equal(command(&r, 0x20), 0x05);
	write_parameter(&r, 0x60, 0x47);
	write_parameter(&r, 0xd3, 0x5a); /* comes back as its own */
	assert_int_equal(in(&r, 0x64), 0x35);
	assert_true(mouse_line.level);
	assert_false(r.line.level);
	assert_int_equal(command(&r, 0xd0), 0xe3);
	assert_int_equal(in(&r, 0x60), 0x5a);
	write_parameter(&r, 0xd4, 0xf4);
	assert_int_equal(f.written, 0xf4);
	assert_int_equal(in(&r, 0x64), 0x35);
	assert_int_equal(in(&r, 0x60), 0xfa);
	assert_false(mouse_line.level);
	assert_int_equal(command(&r, 0xe0), 0x03);
	KEYBOARD(0xee, 0xee);
	/* What it sends is not translated, and waits for the keyboard's. */
	rig_until(&r, 10000000);
	f = (struct fake){.bytes = {0x1c, 0xf0, 0x08}, .n = 3, .kind = PS2_DATA};
	keyboard_key(kb, KEY_a, true);
	host.ready(host.ctx);
	assert_int_equal(in(&r, 0x64), 0x15);
	assert_int_equal(in(&r, 0x60), 0x1e);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(in(&r, 0x64), 0x14);
		rig_until(&r, r.now + 1000000);
		assert_int_equal(in(&r, 0x64), 0x35);
		assert_true(mouse_line.level);
		assert_int_equal(in(&r, 0x60), f.bytes[i]);
		assert_false(mouse_line.level);
	}
	/* Disabled it waits; its interrupt is one of its own. */
	f = (struct fake){.bytes = {0x08}, .n = 1, .kind = PS2_DATA};
	write_parameter(&r, 0x60, 0x65);
	rig_until(&r, r.now + 2000000);
	host.ready(host.ctx);
	assert_int_equal(in(&r, 0x64), 0x14);
	write_parameter(&r, 0x60, 0x45);
	assert_int_equal(in(&r, 0x64), 0x35);
	assert_false(mouse_line.level);
	assert_int_equal(in(&r, 0x60), 0x08);
	/* Talking to it enables it. */
	write_parameter(&r, 0x60, 0x67);
	write_parameter(&r, 0xd4, 0xeb);
	assert_int_equal(in(&r, 0x60), 0xfa);
	assert_int_equal(command(&r, 0x20), 0x47);
	close_i8042(&r, k);
}

/* Without a keyboard its line is dead. */
static void test_no_keyboard(void **state)
{
	struct rig r;
	rig_open(&r);
	struct i8042 *k = i8042_create(r.bus, r.clock, (struct i8042_wires){.irq = {rig_line(&r)}});
	out(&r, 0x60, 0xff);
	assert_int_equal(in(&r, 0x64), 0x51);
	assert_int_equal(in(&r, 0x60), 0xfe);
	assert_int_equal(in(&r, 0x64), 0x10);
	i8042_type.destroy(k);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_controller),   cmocka_unit_test(test_reset_and_a20),
		cmocka_unit_test(test_translation),  cmocka_unit_test(test_no_mouse),
		cmocka_unit_test(test_keyboard),     cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_resets),       cmocka_unit_test(test_unread_answers),
		cmocka_unit_test(test_a20_commands), cmocka_unit_test(test_rare_commands),
		cmocka_unit_test(test_wire),         cmocka_unit_test(test_translated_keys),
		cmocka_unit_test(test_aux),          cmocka_unit_test(test_no_keyboard),
	};
	return cmocka_run_group_tests_name("i8042", tests, NULL, NULL);
}
