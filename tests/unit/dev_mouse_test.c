/* links: devices */
/* The mouse at its own line; and, where the controller matters, behind it. */
#include "dev_fixture.h"

#include "devices/i8042.h"
#include "devices/mouse.h"

#define MS 1000000ull
#define SAMPLE_80 (1000 * MS / 80)

static struct ps2_device line;
static unsigned readies;

static void on_ready(void *ctx)
{
	++*(unsigned *)ctx;
}

static struct mouse *open_mouse(struct rig *r)
{
	rig_open(r);
	r->now = 50 * MS;
	struct mouse *m = mouse_create(r->clock);
	line = mouse_line(m);
	readies = 0;
	mouse_connect(m, (struct ps2_host){&readies, on_ready});
	return m;
}

static void close_mouse(struct rig *r, struct mouse *m)
{
	mouse_type.destroy(m);
	rig_close(r);
}

static void sends(const uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!line.pending(line.ctx))
			fail_msg("byte %u, %02x, of %u is missing", i, bytes[i], n);
		uint8_t v = line.take(line.ctx);
		if (v != bytes[i])
			fail_msg("byte %u of %u is %02x, not %02x", i, n, v, bytes[i]);
	}
	assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
}

#define SENDS(...) sends((uint8_t[]){__VA_ARGS__}, sizeof(uint8_t[]){__VA_ARGS__})
#define WRITE(v, ...) (line.write(line.ctx, v), SENDS(__VA_ARGS__))

static void move(struct mouse *m, int dx, int dy, int dz, unsigned buttons)
{
	mouse_event(m, &(struct mouse_event){dx, dy, dz, buttons, false});
}

static void rates(unsigned a, unsigned b, unsigned c)
{
	const unsigned v[] = {a, b, c};
	for (unsigned i = 0; i < 3; i++) {
		WRITE(0xf3, 0xfa);
		WRITE(v[i], 0xfa);
	}
}

static void test_commands(void **state)
{
	struct rig r;
	struct mouse *m = open_mouse(&r);
	WRITE(0xff, 0xfa, 0xaa, 0x00);
	WRITE(0xf2, 0xfa, 0x00);
	WRITE(0xe9, 0xfa, 0x00, 2, 100);
	WRITE(0xf4, 0xfa);
	WRITE(0xe7, 0xfa);
	WRITE(0xe8, 0xfa);
	WRITE(3, 0xfa);
	WRITE(0xf3, 0xfa);
	WRITE(200, 0xfa);
	WRITE(0xe9, 0xfa, 0x30, 3, 200);
	WRITE(0xe6, 0xfa);
	WRITE(0xf5, 0xfa);
	WRITE(0xf0, 0xfa);
	WRITE(0xe9, 0xfa, 0x40, 3, 200);
	WRITE(0xea, 0xfa);
	WRITE(0xe9, 0xfa, 0x00, 3, 200);
	WRITE(0xe7, 0xfa);
	WRITE(0xf4, 0xfa);
	WRITE(0xf6, 0xfa);
	WRITE(0xe9, 0xfa, 0x00, 2, 100);
	/* Each button's place in the status. */
	move(m, 0, 0, 0, MOUSE_LEFT);
	WRITE(0xe9, 0xfa, 0x04, 2, 100);
	move(m, 0, 0, 0, MOUSE_RIGHT);
	WRITE(0xe9, 0xfa, 0x01, 2, 100);
	move(m, 0, 0, 0, MOUSE_MIDDLE);
	WRITE(0xe9, 0xfa, 0x02, 2, 100);
	move(m, 0, 0, 0, 0);
	/* All rates that there are, and no others. */
	for (unsigned v = 0; v < 0xe6; v++) {
		bool good =
			v == 10 || v == 20 || v == 40 || v == 60 || v == 80 || v == 100 || v == 200;
		WRITE(0xf3, 0xfa);
		if (good) {
			WRITE(v, 0xfa);
		} else {
			WRITE(v, 0xfe);
			WRITE(10, 0xfa); /* it was asked to send it again */
		}
		WRITE(0xe9, 0xfa, 0x00, 2, good ? v : 10);
	}
	for (unsigned v = 0; v < 4; v++) {
		WRITE(0xe8, 0xfa);
		WRITE(v, 0xfa);
		WRITE(0xe9, 0xfa, 0x00, v, 10);
	}
	WRITE(0xe8, 0xfa);
	WRITE(4, 0xfe);
	WRITE(4, 0xfc);
	WRITE(2, 0xfe); /* no parameter any more */
	WRITE(0xe8, 0xfa);
	WRITE(0xe9, 0xfa, 0x00, 3, 10); /* a command in its place is one */
	WRITE(2, 0xfe);
	WRITE(0xe8, 0xfa);
	WRITE(0xe6, 0xfa); /* the lowest of them as well */
	WRITE(2, 0xfe);
	/* After what was good the first mistake is one again. */
	WRITE(0xf3, 0xfa);
	WRITE(11, 0xfe);
	WRITE(10, 0xfa);
	WRITE(0xe1, 0xfe);
	WRITE(2, 0xfc);
	WRITE(0xe1, 0xfe);
	WRITE(0xf4, 0xfa);
	WRITE(0xf2, 0xfa, 0x00);
	WRITE(0xe9, 0xfa, 0x20, 3, 10);
	WRITE(0xf0, 0xfa);
	WRITE(0xe9, 0xfa, 0x60, 3, 10);
	WRITE(0xe9, 0xfa, 0x60, 3, 10);
	WRITE(0xea, 0xfa);
	WRITE(0xf5, 0xfa);
	WRITE(0xe1, 0xfe);
	/* What it does not know. */
	WRITE(0xe1, 0xfc);
	WRITE(0xe1, 0xfe);
	WRITE(0xed, 0xfc);
	WRITE(0xef, 0xfe);
	WRITE(0xe6, 0xfa);
	WRITE(0xf1, 0xfe);
	WRITE(0xe6, 0xfa);
	WRITE(0xfd, 0xfe);
	WRITE(0xfe, 0xfe); /* sent again */
	WRITE(0xe9, 0xfa, 0x00, 3, 10);
	WRITE(0xfe, 0xfa, 0x00, 3, 10);
	/* A new command ends what was being sent. */
	line.write(line.ctx, 0xe9);
	line.take(line.ctx);
	WRITE(0xf2, 0xfa, 0x00);
	close_mouse(&r, m);
}

static void test_wrap(void **state)
{
	struct rig r;
	struct mouse *m = open_mouse(&r);
	WRITE(0xf4, 0xfa);
	WRITE(0xee, 0xfa);
	for (unsigned v = 0; v < 0xff; v++)
		if (v != 0xec)
			WRITE(v, v);
	move(m, 1, 1, 0, 0);
	SENDS();
	WRITE(0xec, 0xfa);
	WRITE(0xe9, 0xfa, 0x20, 2, 100); /* as before */
	WRITE(0xee, 0xfa);
	WRITE(0xff, 0xfa, 0xaa, 0x00);
	WRITE(0xe9, 0xfa, 0x00, 2, 100);
	close_mouse(&r, m);
}

static void test_stream(void **state)
{
	struct rig r;
	struct mouse *m = open_mouse(&r);
	move(m, 5, 5, 0, 0); /* off, and forgotten when it is on */
	SENDS();
	WRITE(0xf4, 0xfa);
	SENDS();
	readies = 0;
	move(m, 3, -2, 0, 0);
	assert_int_equal(readies, 1);
	assert_int_equal(line.pending(line.ctx), PS2_DATA);
	SENDS(0x08, 3, 2);
	/* The next one comes a sample later, with all that has moved. */
	move(m, -1, 0, 0, 0);
	move(m, -1, 4, 0, 0);
	SENDS();
	rig_until(&r, r.now + 10 * MS - 1);
	SENDS();
	rig_until(&r, r.now + 1);
	assert_int_equal(readies, 2);
	SENDS(0x38, 0xfe, 0xfc);
	/* Buttons, each; a click between two samples is not lost. */
	rig_until(&r, r.now + 20 * MS);
	SENDS();
	move(m, 0, 0, 0, MOUSE_LEFT);
	SENDS(0x09, 0, 0);
	move(m, 7, 0, 0, MOUSE_LEFT);
	move(m, 0, 0, 0, 0);
	move(m, 0, 0, 0, MOUSE_RIGHT);
	move(m, 0, 9, 0, MOUSE_RIGHT | MOUSE_MIDDLE);
	move(m, 0, 1, 0, MOUSE_RIGHT | MOUSE_MIDDLE);
	move(m, 0, 0, 0, 0);
	rig_until(&r, r.now + 10 * MS);
	SENDS(0x09, 7, 0);
	rig_until(&r, r.now + 10 * MS);
	SENDS(0x08, 0, 0);
	rig_until(&r, r.now + 10 * MS);
	SENDS(0x0a, 0, 0);
	/* It waits for a guest that does not take it. */
	rig_until(&r, r.now + 1000 * MS);
	SENDS(0x2e, 0, 0xf7);
	rig_until(&r, r.now + 10 * MS);
	SENDS(0x0e | 0x20, 0, 0xff); /* where they went down it has not moved yet */
	rig_until(&r, r.now + 10 * MS);
	SENDS(0x08, 0, 0);
	rig_until(&r, r.now + 100 * MS);
	SENDS();
	/* Only what has happened is told of; but that is, in any case. */
	move(m, 0, 0, 0, 0);
	SENDS(0x08, 0, 0);
	WRITE(0xfe, 0x08, 0, 0); /* and again */
	/* What is last is by itself. */
	rig_until(&r, r.now + 10 * MS);
	mouse_event(m, &(struct mouse_event){.dx = 1});
	mouse_event(m, &(struct mouse_event){.dx = 2, .last = true});
	mouse_event(m, &(struct mouse_event){.dx = 3});
	mouse_event(m, &(struct mouse_event){.dx = 4});
	SENDS(0x08, 1, 0);
	rig_until(&r, r.now + 10 * MS);
	SENDS(0x08, 2, 0);
	rig_until(&r, r.now + 10 * MS);
	SENDS(0x08, 7, 0);
	/* A command ends a packet; a button that was told of is not told of again. */
	rig_until(&r, r.now + 10 * MS);
	move(m, 1, 0, 0, MOUSE_LEFT);
	SENDS(0x09, 1, 0);
	rig_until(&r, r.now + 10 * MS);
	move(m, 1, 0, 0, MOUSE_LEFT);
	assert_int_equal(line.take(line.ctx), 0x09);
	WRITE(0xe6, 0xfa);
	rig_until(&r, r.now + 100 * MS);
	SENDS();
	/* One that is taken slowly. */
	move(m, 1, 0, 0, 0);
	assert_int_equal(line.take(line.ctx), 0x08);
	move(m, 2, 0, 0, 0);
	assert_int_equal(line.take(line.ctx), 1);
	rig_until(&r, r.now + 100 * MS);
	assert_int_equal(line.take(line.ctx), 0);
	assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
	rig_until(&r, r.now + 1);
	SENDS(0x08, 2, 0);
	/* The sample rate. */
	WRITE(0xf3, 0xfa);
	WRITE(200, 0xfa);
	rig_until(&r, r.now + 100 * MS);
	move(m, 1, 0, 0, 0);
	move(m, 2, 0, 0, 0);
	SENDS(0x08, 1, 0);
	rig_until(&r, r.now + 5 * MS - 1);
	SENDS();
	rig_until(&r, r.now + 1);
	SENDS(0x08, 2, 0);
	WRITE(0xf5, 0xfa);
	move(m, 1, 0, 0, 0);
	rig_until(&r, r.now + 100 * MS);
	SENDS();
	close_mouse(&r, m);
}

/* What is too much for a packet comes by several; what is too much for the counters is told. */
static void test_far(void **state)
{
	struct rig r;
	struct mouse *m = open_mouse(&r);
	WRITE(0xf4, 0xfa);
	move(m, 600, -300, 0, 0);
	SENDS(0x08, 255, 255);
	rig_until(&r, r.now + 10 * MS);
	SENDS(0x08, 255, 45);
	rig_until(&r, r.now + 10 * MS);
	SENDS(0x08, 90, 0);
	rig_until(&r, r.now + 10 * MS);
	move(m, -256, 256, 0, MOUSE_LEFT);
	SENDS(0x39, 0x01, 0x01);
	rig_until(&r, r.now + 10 * MS);
	SENDS(0x39, 0xff, 0xff);
	WRITE(0xf0, 0xfa);
	move(m, 8000, 0, 0, 0);
	move(m, 191, 0, 0, 0);
	WRITE(0xeb, 0xfa, 0x08, 255, 0);
	move(m, 255, -8191, 0, 0);
	WRITE(0xeb, 0xfa, 0x08, 255, 255);
	move(m, 9000, 0, 0, 0);
	WRITE(0xe6, 0xfa);
	WRITE(0xeb, 0xfa, 0x08, 0, 0);
	move(m, 8192, -8192, 0, 0);
	WRITE(0xeb, 0xfa, 0xc8, 255, 255);
	WRITE(0xeb, 0xfa, 0x08, 255, 255);
	move(m, INT32_MIN, 0, INT32_MAX, 0);
	WRITE(0xeb, 0xfa, 0x58, 0x01, 255);
	move(m, INT32_MIN, INT32_MAX, INT32_MAX, 0);
	move(m, 0, INT32_MAX, INT32_MAX, 0);
	WRITE(0xeb, 0xfa, 0xf8, 0x01, 0x01);
	/* A button that changes more often than the guest looks is as it is in the end. */
	WRITE(0xea, 0xfa);
	for (unsigned i = 0; i < 100; i++)
		move(m, 1, 0, 0, i & 1 ? 0 : MOUSE_LEFT);
	unsigned dx = 0, last = 0, changes = 0;
	for (unsigned i = 0; i < 30; i++, rig_until(&r, r.now + 10 * MS)) {
		if (!line.pending(line.ctx))
			continue;
		unsigned first = line.take(line.ctx);
		changes += (first ^ last) & 1;
		last = first;
		dx += line.take(line.ctx);
		line.take(line.ctx);
	}
	assert_int_equal(dx, 100);
	assert_int_equal(last, 0x08);
	assert_in_range(changes, 16, 18);
	close_mouse(&r, m);
}

static void test_remote(void **state)
{
	struct rig r;
	struct mouse *m = open_mouse(&r);
	WRITE(0xf4, 0xfa);
	WRITE(0xf0, 0xfa);
	move(m, 3, 0, 0, MOUSE_LEFT);
	move(m, 4, 0, 0, 0);
	move(m, -1, 2, 0, MOUSE_RIGHT);
	rig_until(&r, r.now + 100 * MS);
	SENDS();
	WRITE(0xeb, 0xfa, 0x2a, 6, 0xfe);
	WRITE(0xeb, 0xfa, 0x0a, 0, 0);
	move(m, 1, 1, 0, MOUSE_RIGHT);
	WRITE(0xe6, 0xfa); /* a command forgets it, but not the button */
	WRITE(0xeb, 0xfa, 0x0a, 0, 0);
	/* What was pressed meanwhile is told when it streams. */
	move(m, 0, 0, 0, MOUSE_MIDDLE);
	WRITE(0xea, 0xfa, 0x0c, 0, 0);
	close_mouse(&r, m);
}

static void test_scaling(void **state)
{
	static const int8_t scaled[] = {0, 1, 1, 3, 6, 9, 12, 14};
	struct rig r;
	struct mouse *m = open_mouse(&r);
	WRITE(0xf4, 0xfa);
	WRITE(0xe7, 0xfa);
	for (int i = 1; i < (int)sizeof scaled; i++) {
		move(m, i, i, 0, 0);
		SENDS(0x28, scaled[i], -scaled[i]);
		rig_until(&r, r.now + 10 * MS);
	}
	move(m, 130, 0, 0, 0);
	SENDS(0x08, 254, 0);
	rig_until(&r, r.now + 10 * MS);
	SENDS(0x08, 3, 0);
	move(m, 5, 0, 0, 0);
	WRITE(0xf0, 0xfa); /* it is not scaled where it is asked for */
	move(m, 5, 0, 0, 0);
	WRITE(0xeb, 0xfa, 0x08, 5, 0);
	close_mouse(&r, m);
}

/* LEGACY.md: the wheel is there when it was asked for and its identity read, until a reset. */
static void test_wheel(void **state)
{
	struct rig r;
	struct mouse *m = open_mouse(&r);
	WRITE(0xf0, 0xfa);
	move(m, 1, 0, 1, MOUSE_SIDE);
	WRITE(0xeb, 0xfa, 0x08, 1, 0);
	rates(200, 100, 80);
	WRITE(0xeb, 0xfa, 0x08, 0, 0); /* not yet */
	WRITE(0xf2, 0xfa, 0x03);
	move(m, 1, 0, 1, MOUSE_EXTRA);
	WRITE(0xeb, 0xfa, 0x08, 1, 0, 1);
	move(m, 0, 0, -9, 0);
	WRITE(0xeb, 0xfa, 0x08, 0, 0, 0xf9);
	WRITE(0xeb, 0xfa, 0x08, 0, 0, 0xfe);
	/* Others are no such words. */
	rates(200, 200, 100);
	WRITE(0xf2, 0xfa, 0x03);
	rates(100, 200, 80);
	WRITE(0xf2, 0xfa, 0x03);
	rates(200, 200, 80);
	WRITE(0xf2, 0xfa, 0x04);
	move(m, 0, 0, -1, MOUSE_SIDE | MOUSE_LEFT);
	WRITE(0xeb, 0xfa, 0x09, 0, 0, 0x1f);
	move(m, 0, 0, 1, MOUSE_EXTRA);
	WRITE(0xeb, 0xfa, 0x08, 0, 0, 0x21);
	WRITE(0xf6, 0xfa);
	WRITE(0xf2, 0xfa, 0x04);
	WRITE(0xff, 0xfa, 0xaa, 0x00);
	WRITE(0xf2, 0xfa, 0x00);
	move(m, 0, 0, 1, 0);
	WRITE(0xeb, 0xfa, 0x08, 0, 0);
	/* A reset ends what was begun. */
	WRITE(0xf3, 0xfa);
	WRITE(200, 0xfa);
	WRITE(0xf3, 0xfa);
	WRITE(100, 0xfa);
	WRITE(0xff, 0xfa, 0xaa, 0x00);
	WRITE(0xf3, 0xfa);
	WRITE(80, 0xfa);
	WRITE(0xf2, 0xfa, 0x00);
	/* Four bytes in stream mode, too. */
	rates(200, 100, 80);
	WRITE(0xf2, 0xfa, 0x03);
	WRITE(0xf4, 0xfa);
	rig_until(&r, r.now + 100 * MS);
	move(m, 0, 0, 2, 0);
	SENDS(0x08, 0, 0, 2);
	close_mouse(&r, m);
}

/* Power alone makes it as new. */
static void test_reset(void **state)
{
	struct rig r;
	struct mouse *m = open_mouse(&r);
	rates(200, 100, 80);
	WRITE(0xf2, 0xfa, 0x03);
	WRITE(0xf4, 0xfa);
	mouse_type.reset(m, RESET_HARD);
	WRITE(0xe9, 0xfa, 0x20, 2, 80);
	move(m, 1, 1, 1, 1);
	move(m, 9000, 1, 1, 2);
	WRITE(0xe1, 0xfe);
	assert_int_equal(clock_next(r.clock), r.now + SAMPLE_80);
	mouse_type.reset(m, RESET_POWER);
	SENDS();
	assert_int_equal(clock_next(r.clock), UINT64_MAX);
	line.write(line.ctx, 0xfe);
	SENDS();
	WRITE(0xe1, 0xfe);
	WRITE(0xeb, 0xfa, 0x08, 0, 0);
	WRITE(0xe9, 0xfa, 0x00, 2, 100);
	WRITE(0xf2, 0xfa, 0x00);
	close_mouse(&r, m);
}

/* Behind the controller, as Linux and SeaBIOS drive it: IRQ 12 for each byte. */
static void test_controller(void **state)
{
	struct rig r;
	struct line aux = {0};
	rig_open(&r);
	struct i8042_wires wires = {.irq = {rig_line(&r), {&aux, line_set}}};
	struct i8042 *k = i8042_create(r.bus, r.clock, wires);
	struct mouse *m = mouse_create(r.clock);
	mouse_connect(m, i8042_attach(k, PS2_AUX, mouse_line(m)));
	out(&r, 0x64, 0xaa);
	assert_int_equal(in(&r, 0x60), 0x55);
	out(&r, 0x64, 0x20);
	assert_int_equal(in(&r, 0x60), 0x34); /* both lines are off after the test */
	out(&r, 0x64, 0x60);
	out(&r, 0x60, 0x47);
	static const uint8_t answers[] = {0xfa, 0xaa, 0x00};
	out(&r, 0x64, 0xd4);
	out(&r, 0x60, 0xff);
	for (unsigned i = 0; i < sizeof answers; i++) {
		assert_int_equal(in(&r, 0x64) & 0x21, 0x21);
		assert_true(aux.level);
		assert_int_equal(in(&r, 0x60), answers[i]);
	}
	out(&r, 0x64, 0xd4);
	out(&r, 0x60, 0xf4);
	assert_int_equal(in(&r, 0x60), 0xfa);
	aux.edges = 0;
	rig_until(&r, r.now + 100 * MS);
	move(m, 2, 3, 0, MOUSE_LEFT);
	static const uint8_t packet[] = {0x29, 2, 0xfd};
	for (unsigned i = 0; i < sizeof packet; i++) {
		assert_int_equal(in(&r, 0x64) & 0x21, 0x21);
		assert_int_equal(in(&r, 0x60), packet[i]);
		rig_until(&r, r.now + MS);
	}
	assert_int_equal(in(&r, 0x64) & 1, 0);
	assert_int_equal(aux.edges, 3);
	assert_int_equal(r.line.edges, 0);
	mouse_type.destroy(m);
	i8042_type.destroy(k);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),   cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_stream),     cmocka_unit_test(test_far),
		cmocka_unit_test(test_remote),     cmocka_unit_test(test_scaling),
		cmocka_unit_test(test_wheel),      cmocka_unit_test(test_reset),
		cmocka_unit_test(test_controller),
	};
	return cmocka_run_group_tests_name("mouse", tests, NULL, NULL);
}
