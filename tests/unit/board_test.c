/* links: machine */
/* The wiring of the PC: each device's interrupt at its input, and what goes back to it. */
#include "dev_fixture.h"

#include "machine/board.h"

static void transmit(void *ctx, uint8_t byte)
{
}

static void ready(void *ctx)
{
}

static void ignne(void *ctx)
{
}

static uint8_t byte(struct board *b, uint16_t port)
{
	return board_in(b, port, 1);
}

static void give(struct board *b, uint16_t port, uint8_t v)
{
	board_out(b, port, 1, v);
}

static void cmos(struct board *b, uint8_t at, uint8_t v)
{
	give(b, 0x70, at);
	give(b, 0x71, v);
}

/* Vectors from 20h and 28h on, all inputs open; the timer in mode 0 and silent. */
static struct board *open_board(struct rig *r)
{
	static const uint8_t words[2][4] = {{0x11, 0x20, 4, 1}, {0x11, 0x28, 2, 1}};
	rig_open(r);
	struct board *b = board_create(&(struct board_config){.clock = r->clock,
	                                                      .utc_ns = 1,
	                                                      .has_serial = true,
	                                                      .serial = {r, transmit, ready},
	                                                      .ignne = ignne});
	for (unsigned pic = 0; pic < 2; pic++) {
		uint16_t port = pic ? 0xa0 : 0x20;
		give(b, port, words[pic][0]);
		for (unsigned i = 1; i < 4; i++)
			give(b, port + 1, words[pic][i]);
		give(b, port + 1, 0);
	}
	give(b, 0x43, 0x30);
	return b;
}

static void close_board(struct rig *r, struct board *b)
{
	board_destroy(b);
	rig_close(r);
}

static void end_of_interrupt(struct board *b)
{
	give(b, 0xa0, 0x20);
	give(b, 0x20, 0x20);
}

static void expect_interrupt(struct board *b, unsigned irq)
{
	if (!board_intr(b))
		fail_msg("no interrupt %u", irq);
	assert_int_equal(board_ack(b), 0x20 + irq);
	end_of_interrupt(b);
}

static void test_inputs(void **state)
{
	struct rig r;
	struct board *b = open_board(&r);
	assert_false(board_intr(b));

	give(b, 0x40, 100);
	give(b, 0x40, 0);
	rig_until(&r, r.now + 1000000);
	expect_interrupt(b, 0);
	assert_false(board_intr(b));

	/* D2h: a byte as if from the keyboard. */
	give(b, 0x64, 0x60);
	give(b, 0x60, 0x01);
	give(b, 0x64, 0xd2);
	give(b, 0x60, 0x1c);
	rig_until(&r, r.now + 10000000);
	expect_interrupt(b, 1);
	assert_int_equal(byte(b, 0x60), 0x1c);
	rig_until(&r, r.now + 10000000);
	assert_false(board_intr(b));

	/* The transmitter of COM1 is empty. */
	give(b, 0x3fc, 0x0b);
	give(b, 0x3f9, 0x02);
	expect_interrupt(b, 4);
	give(b, 0x3f9, 0);
	assert_false(board_intr(b));

	/* The clock's periodic interrupt, 1024 Hz. */
	cmos(b, 0x0a, 0x26);
	cmos(b, 0x0b, 0x42);
	rig_until(&r, r.now + 2000000);
	expect_interrupt(b, 8);
	cmos(b, 0x0b, 0x02);
	give(b, 0x70, 0x0c);
	byte(b, 0x71);
	assert_false(board_intr(b));

	board_ferr(b);
	expect_interrupt(b, 13);
	give(b, 0xf0, 0);
	assert_false(board_intr(b));
	close_board(&r, b);
}

/* How many come within that time. */
static unsigned take_ticks(struct rig *r, struct board *b, unsigned ms)
{
	unsigned ticks = 0;
	for (unsigned i = 0; i < 10 * ms; i++) {
		rig_until(r, r->now + 100000);
		if (board_intr(b)) {
			expect_interrupt(b, 0);
			ticks++;
		}
	}
	return ticks;
}

/* The host was stopped: the timer makes up for its ticks as they are taken, by their own
 * acknowledge and no other. */
static void test_ticks_taken(void **state)
{
	struct rig r;
	struct board *b = open_board(&r);
	give(b, 0x43, 0x34);
	give(b, 0x40, 11932 & 0xff); /* 100 Hz */
	give(b, 0x40, 11932 >> 8);
	rig_until(&r, r.now + 10500000);
	expect_interrupt(b, 0);
	rig_jump(&r, r.now + 200000000);
	expect_interrupt(b, 0);
	/* 19 more of when it was away, 10 since. */
	assert_in_range(take_ticks(&r, b, 100), 28, 30);

	/* Once more, and for a while only another device's interrupts are taken. */
	give(b, 0x21, 0x01);
	rig_jump(&r, r.now + 200000000);
	for (unsigned i = 0; i < 20; i++) {
		board_ferr(b);
		expect_interrupt(b, 13);
		give(b, 0xf0, 0);
		rig_until(&r, r.now + 3000000);
	}
	give(b, 0x21, 0x00);
	assert_in_range(take_ticks(&r, b, 200), 38, 42);
	close_board(&r, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inputs),
		cmocka_unit_test(test_ticks_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
