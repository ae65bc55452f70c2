/* links: machine */
/* When a guest that polls for a key is idle, by a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/idle.h"

#define MS 1000000ull

/* A guest: its processor time, and how long it takes from one poll to the next. */
struct guest {
	struct idle idle;
	struct vcpu v;
	struct idle_place place;
	uint64_t now, between;
	uint64_t data;
	unsigned sleeps;
};

static void start(struct guest *g, uint64_t between)
{
	*g = (struct guest){.now = 7 * MS, .between = between};
	g->place.v = &g->v;
	g->v.eip = 0x100;
}

static void poll(struct guest *g)
{
	g->now += g->between;
	if (idle_first(&g->idle))
		return;
	bool look = idle_note(&g->idle, true, &g->place);
	if (idle_again(&g->idle)) {
		if (!idle_proved(&g->idle, g->data))
			return;
		g->sleeps++;
		idle_slept(&g->idle, g->now);
	} else if (look && idle_look(&g->idle, g->now)) {
		idle_prove(&g->idle, g->data);
	}
}

static void poll_for(struct guest *g, uint64_t ns)
{
	for (uint64_t end = g->now + ns; g->now < end;)
		poll(g);
}

static void test_begins(void **state)
{
	static const uint64_t between[] = {500, 1000, 16000, IDLE_POLL_NS - 1000};
	for (unsigned i = 0; i < sizeof between / sizeof *between; i++) {
		struct guest g;
		start(&g, between[i]);
		poll_for(&g, IDLE_BEGIN_NS);
		assert_int_equal(g.sleeps, 0);
		poll_for(&g, MS);
		assert_true(g.sleeps > 0);
		/* From then on it runs for a short time between two sleeps. */
		unsigned before = g.sleeps;
		poll_for(&g, 10 * MS);
		uint64_t each = 10 * MS / (g.sleeps - before);
		assert_in_range(each, IDLE_AGAIN_NS, IDLE_AGAIN_NS + 2 * IDLE_POLLS * between[i]);
	}
}

static void test_rare_polls(void **state)
{
	struct guest g;
	start(&g, IDLE_POLL_NS + 1000);
	poll_for(&g, 1000 * MS);
	assert_int_equal(g.sleeps, 0);
}

static void test_work(void **state)
{
	struct guest g;
	start(&g, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		poll_for(&g, 20 * MS);
		idle_work(&g.idle);
	}
	assert_int_equal(g.sleeps, 0);
	for (unsigned i = 0; i < 100000; i++) { /* between any two polls */
		poll(&g);
		idle_work(&g.idle);
	}
	assert_int_equal(g.sleeps, 0);
}

/* An idle guest works now and then, as one that shows the time: it sleeps again soon. */
static void test_idle_works(void **state)
{
	struct guest g;
	start(&g, 1000);
	poll_for(&g, 60 * MS);
	for (unsigned i = 0; i < 100; i++) {
		unsigned before = g.sleeps;
		for (unsigned k = 0; k < 10; k++) {
			g.now += MS / 10;
			idle_work(&g.idle);
			poll(&g);
		}
		assert_int_equal(g.sleeps, before);
		poll_for(&g, 2 * IDLE_AGAIN_NS);
		assert_int_equal(g.sleeps, before + 1);
	}
	/* One that does not get round to it any more is idle no longer. */
	for (unsigned i = 0; i < 10; i++) {
		g.now += IDLE_BEGIN_NS / 5;
		idle_work(&g.idle);
		poll(&g);
	}
	unsigned before = g.sleeps;
	poll_for(&g, IDLE_BEGIN_NS - MS);
	assert_int_equal(g.sleeps, before);
	poll_for(&g, 2 * MS);
	assert_true(g.sleeps > before);
}

/* Whatever is not the same at each poll, it is a guest that gets on with something. */
static void test_states(void **state)
{
	struct guest g;
	start(&g, 1000);
	uint32_t *const parts[] = {&g.v.eip, &g.v.gpr[EAX], &g.v.gpr[EDI], &g.place.stack[0],
	                           &g.place.stack[IDLE_STACK - 1]};
	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
		start(&g, 1000);
		for (unsigned k = 0; k < 200000; k++) {
			++*parts[i];
			poll(&g);
		}
		assert_int_equal(g.sleeps, 0);
	}
	start(&g, 1000);
	for (unsigned k = 0; k < 200000; k++) {
		g.v.seg[SREG_DS].selector++;
		poll(&g);
	}
	assert_int_equal(g.sleeps, 0);

	/* A loop that polls at several places is idle, one at which more is asked between. */
	start(&g, 1000);
	for (unsigned k = 0; k < 200000; k++) {
		g.v.eip = k % IDLE_STATES;
		idle_note(&g.idle, false, &g.place);
		g.v.eip = k % IDLE_STATES + 1000;
		poll(&g);
	}
	assert_true(g.sleeps > 0);
	/* So is one that reads the ticks, 55 ms each of which it has a part. */
	start(&g, 1000);
	for (unsigned k = 0; k < 200000; k++) {
		g.v.gpr[EDX] = k / 5000;
		poll(&g);
	}
	assert_true(g.sleeps > 0);
	/* What it asks for between polls in another state each time is a state, too. */
	start(&g, 1000);
	for (unsigned k = 0; k < 200000; k++) {
		g.v.gpr[ESI] = k;
		idle_note(&g.idle, false, &g.place);
		g.v.gpr[ESI] = 0;
		poll(&g);
	}
	assert_int_equal(g.sleeps, 0);
}

/* One that computes in memory alone does not sleep; where data changes with the ticks, it does. */
static void test_data(void **state)
{
	struct guest g;
	start(&g, 1000);
	poll_for(&g, 60 * MS);
	assert_true(g.sleeps > 0); /* though it was idle before */
	unsigned before = g.sleeps;
	for (unsigned k = 0; k < 200000; k++) {
		g.data++;
		g.v.eip = k % IDLE_STATES;
		poll(&g);
	}
	assert_int_equal(g.sleeps, before);
	for (unsigned k = 0; k < 200000; k++) {
		g.data = k / 50000;
		poll(&g);
	}
	assert_true(g.sleeps > before);
	/* After it was found to compute it has to be idle for long again. */
	start(&g, 1000);
	for (unsigned k = 0; k < 55000; k++) {
		g.data++;
		poll(&g);
	}
	poll_for(&g, IDLE_BEGIN_NS - 10 * MS);
	assert_int_equal(g.sleeps, 0);
	poll_for(&g, 10 * MS);
	assert_true(g.sleeps > 0);

	static const uint8_t zero[64] = {0};
	uint8_t bytes[64] = {0};
	for (unsigned k = 0; k < sizeof bytes; k++) {
		bytes[k] = 1;
		assert_int_not_equal(idle_sum(7, bytes, sizeof bytes),
		                     idle_sum(7, zero, sizeof zero));
		bytes[k] = 0;
	}
	assert_int_not_equal(idle_sum(7, zero, sizeof zero), idle_sum(8, zero, sizeof zero));
}

static void test_kinds(void **state)
{
	assert_int_equal(idle_interrupt(0x16, 0x01), IDLE_POLL);
	assert_int_equal(idle_interrupt(0x16, 0x11), IDLE_POLL);
	assert_int_equal(idle_interrupt(0x16, 0x00), IDLE_WAITS);
	assert_int_equal(idle_interrupt(0x28, 0x40), IDLE_POLL);
	assert_int_equal(idle_interrupt(0x21, 0x0b), IDLE_WAITS);
	assert_int_equal(idle_interrupt(0x21, 0x2c), IDLE_WAITS);
	assert_int_equal(idle_interrupt(0x21, 0x02), IDLE_WORK);
	assert_int_equal(idle_interrupt(0x21, 0x3f), IDLE_WORK);
	assert_int_equal(idle_interrupt(0x2f, 0x16), IDLE_WAITS);
	assert_int_equal(idle_interrupt(0x1c, 0x00), IDLE_NOTHING);
	assert_int_equal(idle_interrupt(0x10, 0x0e), IDLE_WORK);
	assert_int_equal(idle_interrupt(0x13, 0x02), IDLE_WORK);
	assert_int_equal(idle_interrupt(0x15, 0x86), IDLE_WORK);

	assert_int_equal(idle_port(0x64, true, 0x1c), IDLE_POLL);
	assert_int_equal(idle_port(0x64, true, 0x1d), IDLE_WORK);
	assert_int_equal(idle_port(0x64, false, 0x20), IDLE_WORK);
	assert_int_equal(idle_port(0x60, true, 0), IDLE_WORK);
	/* The serial ports: neither a byte, nor an error, nor a wait for room. */
	static const uint16_t lines[] = {0x3fd, 0x2fd, 0x3ed, 0x2ed};
	static const uint8_t busy[] = {0x61, 0x20, 0x40, 0x00, 0x62, 0xe0, 0xff};
	for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
		assert_int_equal(idle_port(lines[i], true, 0x60), IDLE_POLL);
		assert_int_equal(idle_port(lines[i], false, 0x60), IDLE_WORK);
		assert_int_equal(idle_port(lines[i] + 1, true, 0x60), IDLE_WORK);
		for (unsigned k = 0; k < sizeof busy; k++)
			assert_int_equal(idle_port(lines[i], true, busy[k]), IDLE_WORK);
	}
	static const uint16_t pics[] = {0x20, 0x21, 0xa0, 0xa1};
	for (unsigned i = 0; i < sizeof pics / sizeof *pics; i++)
		assert_int_equal(idle_port(pics[i], false, 0x20), IDLE_NOTHING);
	static const uint16_t others[] = {0x22, 0xa2, 0x40, 0x61, 0x71, 0x3da, 0x3f8};
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
		assert_int_equal(idle_port(others[i], true, 0), IDLE_WORK);
}

/* No poll is missed, where only these are told. */
static void test_told(void **state)
{
	for (unsigned n = 0; n < 256; n++)
		for (unsigned ah = 0; ah < 256; ah++)
			if (idle_interrupt((uint8_t)n, (uint8_t)ah) == IDLE_POLL)
				assert_true(n < 64 && IDLE_INTERRUPTS >> n & 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),       cmocka_unit_test(test_begins),
		cmocka_unit_test(test_rare_polls), cmocka_unit_test(test_work),
		cmocka_unit_test(test_idle_works), cmocka_unit_test(test_states),
		cmocka_unit_test(test_data),       cmocka_unit_test(test_kinds),
	};
	return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
