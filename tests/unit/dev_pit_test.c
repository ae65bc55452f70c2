/* links: devices */
#include "dev_fixture.h"

#include "devices/pit.h"

#define TICK(n) (((uint64_t)(n)*1000000000 + PIT_HZ - 1) / PIT_HZ)

static struct pit *open_pit(struct rig *r)
{
	rig_open(r);
	r->now = TICK(1000);
	return pit_create(r->bus, r->clock, rig_line(r), r->nmi);
}

static void close_pit(struct rig *r, struct pit *p)
{
	pit_type.destroy(p);
	rig_close(r);
}

static void program(struct rig *r, unsigned channel, uint8_t control, uint16_t count)
{
	out(r, 0x43, channel << 6 | control);
	out(r, 0x40 + channel, count);
	out(r, 0x40 + channel, count >> 8);
}

static uint16_t count(struct rig *r, unsigned channel)
{
	out(r, 0x43, channel << 6);
	uint8_t low = in(r, 0x40 + channel);
	return low | in(r, 0x40 + channel) << 8;
}

static uint8_t status(struct rig *r, unsigned channel)
{
	out(r, 0x43, 0xe0 | 2 << channel); /* read-back without count */
	return in(r, 0x40 + channel);
}

static uint64_t now_ticks(const struct rig *r)
{
	return (unsigned __int128)r->now * PIT_HZ / 1000000000;
}

static void pass(struct rig *r, uint64_t ticks)
{
	rig_until(r, TICK(now_ticks(r) + ticks));
}

static bool out2(struct rig *r)
{
	return in(r, 0x61) & 0x20;
}

static void test_mode0(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	program(&r, 0, 0x30, 100);
	assert_false(r.line.level);
	assert_int_equal(status(&r, 0), 0x70); /* not loaded yet: null count */
	pass(&r, 1);
	assert_int_equal(status(&r, 0), 0x30);
	assert_int_equal(count(&r, 0), 100);
	pass(&r, 99);
	assert_int_equal(count(&r, 0), 1);
	assert_int_equal(r.line.edges, 0);
	pass(&r, 1); /* count + 1 clocks after the write */
	assert_int_equal(count(&r, 0), 0);
	assert_true(r.line.level);
	assert_int_equal(r.line.edges, 1);
	assert_int_equal(status(&r, 0), 0xb0);
	pass(&r, 10); /* goes on around */
	assert_int_equal(count(&r, 0), 0xfff6);
	pass(&r, 1000000);
	assert_int_equal(r.line.edges, 1);
	/* The first byte of a new count stops it and lowers OUT. */
	out(&r, 0x40, 5);
	assert_false(r.line.level);
	pass(&r, 100);
	assert_int_equal(r.line.edges, 1);
	out(&r, 0x40, 0);
	pass(&r, 6);
	assert_int_equal(r.line.edges, 2);
	close_pit(&r, p);
}

static void test_mode2(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	program(&r, 0, 0x34, 4773); /* 250 Hz */
	unsigned before = r.line.edges;
	pass(&r, 1);
	assert_int_equal(count(&r, 0), 4773);
	pass(&r, 4772);
	assert_int_equal(count(&r, 0), 1);
	pass(&r, 1);
	assert_int_equal(count(&r, 0), 4773);
	assert_int_equal(r.line.edges - before, 1);
	pass(&r, 4773 * 249);
	assert_int_equal(r.line.edges - before, 250);
	/* A new count takes over at the end of the period. */
	pass(&r, 4700);
	out(&r, 0x40, 100);
	out(&r, 0x40, 0);
	assert_int_equal(count(&r, 0), 73);
	assert_true(status(&r, 0) & 0x40);
	pass(&r, 73);
	assert_int_equal(count(&r, 0), 100);
	assert_int_equal(r.line.edges - before, 251);
	pass(&r, 300);
	assert_int_equal(r.line.edges - before, 254);
	close_pit(&r, p);
}

static void test_mode3(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	out(&r, 0x61, 1);
	program(&r, 2, 0x36, 10);
	pass(&r, 1);
	bool level[20];
	for (unsigned i = 0; i < 20; i++, pass(&r, 1))
		level[i] = out2(&r);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(level[i], i % 10 < 5);
	assert_int_equal(count(&r, 2), 10); /* counts by twos */
	pass(&r, 2);
	assert_int_equal(count(&r, 2), 6);
	pass(&r, 3);
	assert_int_equal(count(&r, 2), 10);
	/* Odd: the high half is one longer. */
	program(&r, 2, 0x36, 7);
	pass(&r, 1);
	for (unsigned i = 0; i < 14; i++, pass(&r, 1))
		assert_int_equal(out2(&r), i % 7 < 4);
	/* On channel 0: one interrupt a period. */
	program(&r, 0, 0x36, 0);
	unsigned before = r.line.edges;
	pass(&r, 1 + 3 * 65536);
	assert_int_equal(r.line.edges - before, 3);
	close_pit(&r, p);
}

/* A new count in the middle of the high half starts with its low half. */
static void test_mode3_new_count(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	program(&r, 0, 0x36, 1000);
	unsigned before = r.line.edges;
	pass(&r, 101);
	out(&r, 0x40, 200);
	out(&r, 0x40, 0);
	pass(&r, 400); /* the end of the high half */
	assert_int_equal(status(&r, 0) & 0xc0, 0x00);
	assert_int_equal(r.line.edges - before, 0);
	assert_int_equal(r.armed, TICK(now_ticks(&r) + 100));
	pass(&r, 99);
	assert_int_equal(r.line.edges - before, 0);
	pass(&r, 1);
	assert_int_equal(r.line.edges - before, 1);
	assert_int_equal(status(&r, 0) & 0x80, 0x80);
	pass(&r, 200 * 5);
	assert_int_equal(r.line.edges - before, 6);
	close_pit(&r, p);
}

/* In the low half it starts with a high half, at the end of the period. */
static void test_mode3_new_count_in_the_low_half(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	for (unsigned n = 1000; n <= 1001; n++)
		for (unsigned late = 0; late < 2; late++) {
			program(&r, 0, 0x36, n);
			pass(&r, 1 + 600);
			r.line.edges = 0;
			out(&r, 0x40, 200);
			out(&r, 0x40, 0);
			pass(&r, n - 601);
			assert_int_equal(status(&r, 0) & 0xc0, 0x40);
			assert_int_equal(r.line.edges, 0);
			if (late) {
				/* Looked at before the timer brings the edge. */
				r.now = TICK(now_ticks(&r) + 1);
				assert_int_equal(count(&r, 0), 200);
				assert_int_equal(r.line.edges, 0);
				clock_run(r.clock);
			} else {
				pass(&r, 1);
			}
			assert_int_equal(status(&r, 0) & 0xc0, 0x80);
			assert_int_equal(r.line.edges, 1);
			for (unsigned i = 0; i < 1000; i++, pass(&r, 1)) {
				assert_int_equal(status(&r, 0) & 0x80, i % 200 < 100 ? 0x80 : 0);
				assert_int_equal(count(&r, 0), 200 - 2 * (i % 100));
				assert_int_equal(r.line.edges, 1 + i / 200);
			}
		}
	close_pit(&r, p);
}

/* Mode 2's new count, read before the timer brings its first edge; and one that is written
 * before the first has begun takes over at once. */
static void test_mode2_new_count(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	program(&r, 0, 0x34, 200);
	pass(&r, 1 + 160);
	r.line.edges = 0;
	out(&r, 0x40, 100);
	out(&r, 0x40, 0);
	r.now = TICK(now_ticks(&r) + 45);
	assert_int_equal(count(&r, 0), 95);
	clock_run(r.clock);
	assert_int_equal(r.line.edges, 1);
	pass(&r, 95);
	assert_int_equal(r.line.edges, 2);
	/* Written when another has taken over and nobody has looked. */
	program(&r, 0, 0x34, 100);
	pass(&r, 1 + 60);
	out(&r, 0x40, 250);
	out(&r, 0x40, 0);
	r.now = TICK(now_ticks(&r) + 50);
	out(&r, 0x40, 70);
	out(&r, 0x40, 0);
	assert_int_equal(count(&r, 0), 240);
	pass(&r, 240);
	assert_int_equal(count(&r, 0), 70);
	/* In the tick that begins the first period it waits for the second. */
	program(&r, 0, 0x34, 100);
	pass(&r, 1);
	out(&r, 0x40, 30);
	out(&r, 0x40, 0);
	pass(&r, 1);
	assert_int_equal(count(&r, 0), 99);
	program(&r, 0, 0x34, 100);
	out(&r, 0x40, 30);
	out(&r, 0x40, 0);
	pass(&r, 1);
	assert_int_equal(count(&r, 0), 30);
	/* The last of two new counts is the one. */
	pass(&r, 10);
	out(&r, 0x40, 50);
	out(&r, 0x40, 0);
	out(&r, 0x40, 60);
	out(&r, 0x40, 0);
	pass(&r, 19);
	assert_int_equal(count(&r, 0), 1);
	pass(&r, 1);
	assert_int_equal(count(&r, 0), 60);
	close_pit(&r, p);
}

static void test_mode4(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	program(&r, 0, 0x38, 50);
	unsigned before = r.line.edges;
	assert_true(r.line.level);
	pass(&r, 51);
	assert_int_equal(status(&r, 0) & 0x80, 0); /* the strobe is one clock */
	assert_int_equal(r.line.edges - before, 0);
	pass(&r, 1);
	assert_int_equal(status(&r, 0) & 0x80, 0x80);
	assert_int_equal(r.line.edges - before, 1);
	pass(&r, 200000);
	assert_int_equal(r.line.edges - before, 1);
	close_pit(&r, p);
}

static void test_gate(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	/* Mode 0: the gate holds the count. */
	out(&r, 0x61, 0);
	program(&r, 2, 0x30, 100);
	pass(&r, 50);
	assert_int_equal(count(&r, 2), 100);
	out(&r, 0x61, 1);
	pass(&r, 30);
	assert_int_equal(count(&r, 2), 70);
	out(&r, 0x61, 0);
	pass(&r, 1000);
	assert_int_equal(count(&r, 2), 70);
	assert_false(out2(&r));
	out(&r, 0x61, 1);
	pass(&r, 70);
	assert_true(out2(&r));

	/* Mode 1: its rise starts a pulse of the count. */
	out(&r, 0x61, 0);
	program(&r, 2, 0x32, 40);
	pass(&r, 100);
	assert_true(out2(&r));
	out(&r, 0x61, 1);
	pass(&r, 1);
	assert_false(out2(&r));
	pass(&r, 39);
	assert_false(out2(&r));
	out(&r, 0x61, 0); /* retriggered */
	out(&r, 0x61, 1);
	pass(&r, 40);
	assert_false(out2(&r));
	pass(&r, 1);
	assert_true(out2(&r));

	/* Mode 2: low stops it with OUT high, the rise begins a period. */
	program(&r, 2, 0x34, 10);
	pass(&r, 10);
	assert_false(out2(&r));
	out(&r, 0x61, 0);
	assert_true(out2(&r));
	pass(&r, 5);
	out(&r, 0x61, 1);
	pass(&r, 1);
	assert_int_equal(count(&r, 2), 10);

	/* Mode 5: a strobe after the trigger. */
	out(&r, 0x61, 0);
	program(&r, 2, 0x3a, 6);
	pass(&r, 50);
	out(&r, 0x61, 1);
	pass(&r, 7);
	assert_false(out2(&r));
	pass(&r, 1);
	assert_true(out2(&r));
	close_pit(&r, p);
}

static bool looked(struct rig *r, struct pit *p)
{
	pit_look(p);
	return r->line.level;
}

/* The line follows OUT down, too.  The fall has no timer of its own. */
static void test_line_falls(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	static const uint8_t modes[] = {0x34, 0x36};
	for (unsigned m = 0; m < 2; m++)
		for (unsigned n = 100; n <= 101; n++) {
			unsigned high = modes[m] == 0x34 ? n - 1 : (n + 1) / 2;
			program(&r, 0, modes[m], n);
			pass(&r, 1);
			uint64_t base = now_ticks(&r);
			for (unsigned i = 0; i < 5 * n; i++, pass(&r, 1)) {
				if (i >= n) /* before, it may be armed too early */
					assert_int_equal(r.armed, TICK(base + (i / n + 1) * n));
				assert_int_equal(looked(&r, p), i % n < high);
			}
		}
	/* Nobody looks: each edge is one all the same. */
	program(&r, 0, 0x36, 1000);
	pass(&r, 1);
	r.line.edges = 0;
	pass(&r, 10 * 1000);
	assert_int_equal(r.line.edges, 10);
	/* In the other modes it stays until the counter is programmed. */
	program(&r, 0, 0x30, 100);
	assert_false(looked(&r, p));
	pass(&r, 100);
	assert_false(looked(&r, p));
	pass(&r, 1);
	assert_true(looked(&r, p));
	pass(&r, 100000);
	assert_true(looked(&r, p));
	program(&r, 0, 0x38, 100);
	pass(&r, 100);
	assert_true(looked(&r, p));
	pass(&r, 1);
	assert_false(looked(&r, p)); /* the strobe */
	pass(&r, 1);
	assert_true(looked(&r, p));
	pass(&r, 100000);
	assert_true(looked(&r, p));
	close_pit(&r, p);
}

/* A look finds an edge that the timer has not brought yet, once. */
static void test_look_before_the_timer(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	program(&r, 0, 0x36, 1000);
	pass(&r, 1);
	r.line.edges = 0;
	pass(&r, 999);
	assert_false(looked(&r, p));
	r.now = TICK(now_ticks(&r) + 1);
	assert_true(looked(&r, p));
	assert_int_equal(r.line.edges, 1);
	clock_run(r.clock);
	assert_int_equal(r.line.edges, 1);
	pass(&r, 1000);
	assert_int_equal(r.line.edges, 2);
	close_pit(&r, p);
}

/* What the host was late by stands no shorter, so that the guest does not lose it. */
static void test_late_edges_stand(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	program(&r, 0, 0x36, 10000);
	pass(&r, 1);
	uint64_t base = now_ticks(&r);
	r.line.edges = 0;
	rig_jump(&r, TICK(base + 13000));
	assert_int_equal(r.line.edges, 1);
	rig_until(&r, TICK(base + 17999));
	assert_true(looked(&r, p));
	rig_until(&r, TICK(base + 18000));
	assert_false(looked(&r, p));
	rig_until(&r, TICK(base + 19999));
	rig_jump(&r, TICK(base + 27000)); /* in the low half */
	assert_true(looked(&r, p));
	rig_until(&r, TICK(base + 29999));
	assert_true(looked(&r, p));
	assert_int_equal(r.line.edges, 2);
	rig_until(&r, TICK(base + 30000));
	assert_int_equal(r.line.edges, 3);
	rig_until(&r, TICK(base + 34999));
	assert_true(looked(&r, p));
	rig_until(&r, TICK(base + 35000));
	assert_false(looked(&r, p));
	/* In mode 2 for longer than its low tick. */
	program(&r, 0, 0x34, 1000);
	pass(&r, 1);
	base = now_ticks(&r);
	rig_until(&r, TICK(base + 999));
	assert_false(looked(&r, p));
	rig_jump(&r, TICK(base + 1500));
	rig_until(&r, TICK(base + 1999));
	assert_true(looked(&r, p));
	rig_until(&r, TICK(base + 2999));
	assert_false(looked(&r, p));
	/* Programmed anew, nothing is left of it. */
	program(&r, 0, 0x36, 10000);
	pass(&r, 1);
	base = now_ticks(&r);
	rig_jump(&r, TICK(base + 17000));
	assert_true(looked(&r, p));
	out(&r, 0x43, 0x30);
	assert_false(looked(&r, p));
	close_pit(&r, p);
}

/* What the gate does to a count that is written, or running, in each mode. */
static void test_gates(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	static const uint8_t modes[] = {0, 2, 3, 4};
	for (unsigned i = 0; i < 4; i++) { /* written while the gate is low: it waits */
		out(&r, 0x61, 0);
		program(&r, 2, 0x30 | modes[i] << 1, 100);
		pass(&r, 30);
		assert_int_equal(count(&r, 2), 100);
		assert_int_equal(out2(&r), modes[i] != 0);
		out(&r, 0x61, 1);
		pass(&r, 31);
		assert_int_equal(count(&r, 2), modes[i] == 3 ? 40 : modes[i] == 2 ? 70 : 69);
		/* Stopped, with what it shows; a new count is not that of before. */
		out(&r, 0x61, 0);
		uint16_t stands = count(&r, 2);
		pass(&r, 500);
		assert_int_equal(count(&r, 2), stands);
		out(&r, 0x42, 50);
		out(&r, 0x42, 0);
		pass(&r, 500);
		assert_int_equal(count(&r, 2), 50);
		out(&r, 0x61, 1);
		pass(&r, 11);
		assert_int_equal(count(&r, 2), modes[i] == 3 ? 30 : modes[i] == 2 ? 40 : 39);
	}
	static const uint8_t triggered[] = {1, 5};
	for (unsigned i = 0; i < 2; i++) {
		unsigned end = 101 + (triggered[i] == 5);
		out(&r, 0x61, 1);
		program(&r, 2, 0x30 | triggered[i] << 1, 100);
		pass(&r, 300); /* a gate that is high is no trigger */
		assert_true(out2(&r));
		out(&r, 0x61, 0);
		out(&r, 0x61, 1);
		pass(&r, 30);
		out(&r, 0x61, 0); /* its fall is nothing; a new count is for the next trigger */
		out(&r, 0x42, 50);
		out(&r, 0x42, 0);
		pass(&r, end - 31);
		assert_false(out2(&r));
		pass(&r, 1);
		assert_true(out2(&r));
		pass(&r, 1000);
		assert_true(out2(&r));
		out(&r, 0x61, 1);
		pass(&r, end - 51);
		assert_false(out2(&r));
		pass(&r, 1);
		assert_true(out2(&r));
	}
	/* A trigger begins mode 3 with the high half, whichever half came before it. */
	out(&r, 0x61, 1);
	program(&r, 2, 0x36, 100);
	pass(&r, 20);
	out(&r, 0x42, 60);
	out(&r, 0x42, 0);
	pass(&r, 40);
	assert_false(out2(&r));
	out(&r, 0x61, 0);
	assert_true(out2(&r));
	out(&r, 0x61, 1);
	pass(&r, 1);
	for (unsigned i = 0; i < 200; i++, pass(&r, 1))
		assert_int_equal(out2(&r), i % 60 < 30);
	close_pit(&r, p);
}

/* A counter that goes on past zero shows its largest number, 9999 in BCD. */
static void test_bcd(void **state)
{
	static const uint8_t modes[] = {0, 1, 4, 5};
	struct rig r;
	struct pit *p = open_pit(&r);
	program(&r, 0, 0x35, 0x1000);
	pass(&r, 2);
	assert_int_equal(count(&r, 0), 0x0999);
	pass(&r, 998);
	assert_int_equal(count(&r, 0), 0x0001);
	pass(&r, 1);
	assert_int_equal(count(&r, 0), 0x1000);
	program(&r, 0, 0x31, 0); /* 10000 */
	pass(&r, 1);
	assert_int_equal(count(&r, 0), 0x0000);
	pass(&r, 1);
	assert_int_equal(count(&r, 0), 0x9999);
	program(&r, 0, 0x31, 0x9999);
	pass(&r, 1);
	assert_int_equal(count(&r, 0), 0x9999);
	for (unsigned m = 0; m < 4; m++)
		for (unsigned bcd = 0; bcd < 2; bcd++) {
			out(&r, 0x61, !(modes[m] & 1));
			program(&r, 2, 0x30 | modes[m] << 1 | bcd, 5);
			out(&r, 0x61, 1); /* a trigger for modes 1 and 5 */
			pass(&r, 1);
			for (int want = 5; want >= 0; want--, pass(&r, 1))
				assert_int_equal(count(&r, 2), want);
			assert_int_equal(count(&r, 2), bcd ? 0x9999 : 0xffff);
			pass(&r, 1);
			assert_int_equal(count(&r, 2), bcd ? 0x9998 : 0xfffe);
			pass(&r, bcd ? 9998 : 0xfffe);
			assert_int_equal(count(&r, 2), 0);
			pass(&r, 1);
			assert_int_equal(count(&r, 2), bcd ? 0x9999 : 0xffff);
		}
	close_pit(&r, p);
}

static void test_latches(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	program(&r, 0, 0x34, 1000);
	pass(&r, 101);
	/* Read-back of status and count: status comes first. */
	out(&r, 0x43, 0xc2);
	pass(&r, 50);
	out(&r, 0x43, 0xc2); /* ignored while the first is unread */
	assert_int_equal(in(&r, 0x40), 0xb4);
	uint8_t low = in(&r, 0x40);
	assert_int_equal(low | in(&r, 0x40) << 8, 900);
	assert_int_equal(count(&r, 0), 850);
	/* Unlatched reads take the two bytes in turn. */
	assert_int_equal(in(&r, 0x40), 850 & 0xff);
	assert_int_equal(in(&r, 0x40), 850 >> 8);
	/* One byte only. */
	out(&r, 0x43, 0x14);
	out(&r, 0x40, 200);
	pass(&r, 1);
	assert_int_equal(in(&r, 0x40), 200);
	out(&r, 0x43, 0x24);
	out(&r, 0x40, 2);
	pass(&r, 1);
	assert_int_equal(in(&r, 0x40), 2);
	assert_int_equal(in(&r, 0x43), 0xff);
	close_pit(&r, p);
}

static void test_port61(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	out(&r, 0x61, 0xff);
	assert_int_equal(in(&r, 0x61) & 0xcf, 0x0f);
	unsigned toggles = 0;
	uint8_t last = in(&r, 0x61);
	for (unsigned i = 0; i < 1000; i++) {
		r.now += 1000;
		uint8_t v = in(&r, 0x61);
		toggles += (v ^ last) >> 4 & 1;
		last = v;
	}
	assert_in_range(toggles, 60, 70); /* a refresh each 15 us */
	close_pit(&r, p);
}

/* Who gives the time is to lose no tick; a counter that is late all the same has one edge for
 * all that passed, and then those that are due. */
static void test_late_ticks_are_one(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	for (unsigned late = 0; late < 3; late++) {
		static const unsigned ticks[] = {9900, 10000, 35000};
		program(&r, 0, 0x34, 10000);
		pass(&r, 1);
		uint64_t base = now_ticks(&r), at = base + 10000 + ticks[late];
		r.line.edges = 0;
		rig_jump(&r, TICK(at));
		assert_int_equal(r.line.edges, 1);
		uint64_t next = base + (at - base) / 10000 * 10000 + 10000;
		assert_int_equal(r.armed, TICK(next));
		rig_until(&r, TICK(next) - 1);
		assert_int_equal(r.line.edges, 1);
		rig_until(&r, TICK(next + 20000));
		assert_int_equal(r.line.edges, 4);
	}
	/* One that comes once is never repeated. */
	program(&r, 0, 0x30, 100);
	r.line.edges = 0;
	rig_jump(&r, r.now + TICK(100000));
	pass(&r, 1000000);
	assert_int_equal(r.line.edges, 1);
	assert_int_equal(clock_next(r.clock), UINT64_MAX);
	program(&r, 0, 0x34, 1000);
	assert_int_equal(clock_next(r.clock), TICK(now_ticks(&r) + 1001));
	out(&r, 0x43, 0x34); /* stopped: there is none to come */
	assert_int_equal(clock_next(r.clock), UINT64_MAX);
	close_pit(&r, p);
}

/* Counts that no machine can serve: the host is not kicked more often than the guest can
 * get on with its work. */
static void test_too_fast(void **state)
{
	static const unsigned counts[] = {1, 2, 10, 40};
	for (unsigned i = 0; i < 4; i++) {
		struct rig r;
		struct pit *p = open_pit(&r);
		program(&r, 0, 0x34, counts[i]);
		uint64_t end = r.now + 100000000, last = 0;
		r.line.edges = 0;
		while (r.now < end) {
			assert_in_range(r.armed, last ? last + 50000 : 0, r.now + 100000);
			last = r.armed;
			rig_until(&r, r.armed);
		}
		assert_in_range(r.line.edges, 1990, 2001); /* and no less often */
		close_pit(&r, p);
	}
}

/* A counter that is read by one byte is latched for one read.  8254 data sheet, "Counter latch
 * command". */
static void test_latch_of_one_byte(void **state)
{
	static const uint8_t access[] = {0x10, 0x20}; /* LSB, MSB */
	for (unsigned i = 0; i < 2; i++) {
		struct rig r;
		struct pit *p = open_pit(&r);
		unsigned shift = 8 * i;
		out(&r, 0x43, 0x80 | access[i] | 4); /* counter 2, mode 2 */
		out(&r, 0x61, 1);
		out(&r, 0x42, 200);
		pass(&r, 1 + (50 << shift));
		out(&r, 0x43, 0x80);
		pass(&r, 40 << shift);
		assert_int_equal(in(&r, 0x42), 150);
		assert_int_equal(in(&r, 0x42), 110);
		assert_int_equal(in(&r, 0x42), 110);
		close_pit(&r, p);
	}
}

/* A reset of the board stops the speaker and leaves the counters, which have no such input. */
static void test_resets(void **state)
{
	struct rig r;
	struct pit *p = open_pit(&r);
	program(&r, 0, 0x34, 1000);
	program(&r, 2, 0x36, 100);
	out(&r, 0x61, 0x0f);
	pass(&r, 1 + 40);
	pit_type.reset(p, RESET_HARD);
	assert_int_equal(in(&r, 0x61) & 0x0f, 0);
	assert_int_equal(count(&r, 0), 960);
	uint16_t stands = count(&r, 2);
	pass(&r, 30);
	assert_int_equal(count(&r, 2), stands); /* its gate is low */
	r.line.edges = 0;
	pass(&r, 930);
	assert_int_equal(r.line.edges, 1);
	pit_type.reset(p, RESET_POWER);
	assert_false(r.line.level);
	assert_int_equal(clock_next(r.clock), UINT64_MAX);
	pass(&r, 10000);
	assert_int_equal(r.line.edges, 1);
	assert_int_equal(status(&r, 0), 0x70);
	close_pit(&r, p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mode0),
		cmocka_unit_test(test_mode2),
		cmocka_unit_test(test_mode3),
		cmocka_unit_test(test_mode3_new_count),
		cmocka_unit_test(test_mode3_new_count_in_the_low_half),
		cmocka_unit_test(test_mode2_new_count),
		cmocka_unit_test(test_mode4),
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_line_falls),
		cmocka_unit_test(test_look_before_the_timer),
		cmocka_unit_test(test_late_edges_stand),
		cmocka_unit_test(test_bcd),
		cmocka_unit_test(test_latches),
		cmocka_unit_test(test_latch_of_one_byte),
		cmocka_unit_test(test_port61),
		cmocka_unit_test(test_too_fast),
		cmocka_unit_test(test_late_ticks_are_one),
		cmocka_unit_test(test_gates),
		cmocka_unit_test(test_resets),
	};
	return cmocka_run_group_tests_name("pit", tests, NULL, NULL);
}
