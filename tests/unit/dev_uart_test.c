/* links: devices */
#include "dev_fixture.h"

#include "devices/uart.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, BASE = 0x3f8 };

struct wire {
	struct rig rig;
	struct uart *uart;
	uint8_t sent[64];
	unsigned sent_count, ready_calls;
	bool full; /* the peer has no room */
};

static void transmit(void *ctx, uint8_t byte)
{
	struct wire *w = ctx;
	w->sent[w->sent_count++ % sizeof w->sent] = byte;
}

static void ready(void *ctx)
{
	((struct wire *)ctx)->ready_calls++;
}

static bool room(void *ctx)
{
	return !((struct wire *)ctx)->full;
}

static struct rig *open_uart(struct wire *w)
{
	*w = (struct wire){0};
	rig_open(&w->rig);
	w->uart = uart_create(w->rig.bus, w->rig.clock, BASE, rig_line(&w->rig),
	                      (struct uart_peer){w, transmit, ready, room});
	return &w->rig;
}

static void close_uart(struct wire *w)
{
	uart_type.destroy(w->uart);
	rig_close(&w->rig);
}

static uint8_t get(struct rig *r, unsigned reg)
{
	return in(r, BASE + reg);
}

static void put(struct rig *r, unsigned reg, uint8_t v)
{
	out(r, BASE + reg, v);
}

/* What Linux's 8250 driver finds out with (autoconfig, autoconfig_16550a). */
static void test_is_a_16550a(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, IER, 0);
	assert_int_equal(get(r, IER) & 0x0f, 0);
	put(r, IER, 0xff);
	assert_int_equal(get(r, IER), 0x0f);
	put(r, IER, 0);
	put(r, MCR, 0x10 | 0x0a);
	assert_int_equal(get(r, MSR) & 0xf0, 0x90);
	put(r, MCR, 0);
	assert_int_equal(get(r, MSR) & 0xf0, 0xb0);
	assert_int_equal(get(r, IIR) >> 6, 0);
	put(r, IIR, 1);
	assert_int_equal(get(r, IIR) >> 6, 3);
	put(r, IIR, 0);
	assert_int_equal(get(r, IIR) >> 6, 0);
	put(r, SCR, 0xa5);
	assert_int_equal(get(r, SCR), 0xa5);
	close_uart(&w);
}

static void test_divisor_latch(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, LCR, 0x83);
	put(r, RBR, 0x0c);
	put(r, IER, 0x01);
	assert_int_equal(get(r, RBR), 0x0c);
	assert_int_equal(get(r, IER), 0x01);
	put(r, LCR, 0x03);
	assert_int_equal(get(r, IER), 0);
	assert_int_equal(w.sent_count, 0);
	close_uart(&w);
}

static void test_transmit(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	assert_int_equal(get(r, LSR), 0x60);
	put(r, RBR, 'h');
	put(r, RBR, 'i');
	assert_int_equal(w.sent_count, 2);
	assert_memory_equal(w.sent, "hi", 2);
	assert_int_equal(get(r, LSR), 0x60);
	put(r, LCR, 0x43); /* a break holds the line */
	put(r, RBR, 'x');
	assert_int_equal(w.sent_count, 2);
	close_uart(&w);
}

/* serial8250_THRE_test and the tests after it: IIR tells once each time. */
static void test_thre_interrupt(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, MCR, 0x08);
	put(r, IER, 2);
	assert_true(r->line.level);
	assert_int_equal(get(r, IIR), 0x02);
	assert_false(r->line.level);
	assert_int_equal(get(r, IIR), 0x01);
	put(r, IER, 0);
	put(r, IER, 2); /* THR is empty: again */
	assert_int_equal(get(r, IIR), 0x02);
	/* Each byte sent is an edge, also when nobody read IIR in between. */
	unsigned edges = r->line.edges;
	put(r, RBR, 'a');
	put(r, RBR, 'b');
	assert_int_equal(r->line.edges, edges + 2);
	assert_int_equal(get(r, IIR), 0x02);
	/* Enabling what is enabled raises nothing. */
	put(r, IER, 2);
	assert_int_equal(get(r, IIR), 0x01);
	close_uart(&w);
}

/* A peer without room keeps the transmitter busy: LSR says so, and the interrupt comes when it
 * has room again.  What is written all the same is its affair. */
static void test_busy_transmitter(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, MCR, 0x08);
	put(r, IER, 2);
	assert_int_equal(get(r, IIR), 0x02);
	w.full = true;
	put(r, RBR, 'a');
	assert_int_equal(w.sent_count, 1);
	assert_int_equal(get(r, LSR), 0);
	assert_int_equal(get(r, IIR), 0x01);
	assert_false(r->line.level);
	put(r, IER, 0);
	put(r, IER, 2); /* THR is not empty */
	assert_int_equal(get(r, IIR), 0x01);
	put(r, RBR, 'b');
	assert_int_equal(w.sent_count, 2);
	put(r, MCR, 0x18); /* in loopback the peer is not asked */
	assert_int_equal(get(r, LSR), 0x60);
	put(r, MCR, 0x08);
	w.full = false;
	uart_transmitted(w.uart);
	assert_true(r->line.level);
	assert_int_equal(get(r, LSR), 0x60);
	assert_int_equal(get(r, IIR), 0x02);
	assert_int_equal(get(r, IIR), 0x01);
	close_uart(&w);
}

static void test_out2_gates_the_interrupt(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, IER, 2);
	assert_false(r->line.level);
	put(r, MCR, 0x08);
	assert_true(r->line.level);
	put(r, MCR, 0x18);
	assert_false(r->line.level);
	close_uart(&w);
}

static void test_receive_without_fifo(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	assert_int_equal(uart_room(w.uart), 0); /* RTS is off: hold */
	put(r, MCR, 0x0a);
	assert_int_equal(w.ready_calls, 1);
	assert_int_equal(uart_room(w.uart), 1);
	put(r, IER, 1);
	uart_receive(w.uart, 'k');
	assert_int_equal(uart_room(w.uart), 0);
	assert_true(r->line.level);
	assert_int_equal(get(r, IIR), 0x04);
	assert_int_equal(get(r, LSR), 0x61);
	uart_receive(w.uart, 'l'); /* not asked: overrun, the old byte is lost */
	assert_int_equal(get(r, LSR), 0x63);
	assert_int_equal(get(r, LSR), 0x61);
	w.ready_calls = 0;
	assert_int_equal(get(r, RBR), 'l');
	assert_false(r->line.level);
	rig_until(r, r->now + 99000); /* the line rests */
	assert_int_equal(w.ready_calls, 0);
	assert_int_equal(uart_room(w.uart), 0);
	rig_until(r, r->now + 1000);
	assert_int_equal(w.ready_calls, 1);
	assert_int_equal(uart_room(w.uart), 1);
	assert_int_equal(get(r, LSR), 0x60);
	close_uart(&w);
}

/* However fast the peer is, a driver that reads until nothing is left comes to an
 * end, and what follows raises the line anew: the PIC wants an edge. */
static void test_line_rests(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, LCR, 0x03);
	put(r, MCR, 0x0b);
	put(r, IIR, 0x81);
	put(r, IER, 1);
	for (unsigned burst = 0; burst < 3; burst++) {
		unsigned n = 0;
		while (uart_room(w.uart))
			uart_receive(w.uart, 'a');
		assert_true(r->line.level);
		w.ready_calls = 0;
		for (; get(r, LSR) & 1; n++) {
			get(r, RBR);
			while (uart_room(w.uart))
				uart_receive(w.uart, 'b');
		}
		assert_int_equal(get(r, IIR), 0xc1);
		assert_false(r->line.level);
		assert_int_equal(n, 16);
		rig_until(r, r->now + 99000);
		assert_int_equal(w.ready_calls, 0);
		rig_until(r, r->now + 1000);
		assert_int_equal(w.ready_calls, 1);
	}
	close_uart(&w);
}

/* Linux enables the interrupt before the FIFO: a byte in between would be lost. */
static void test_who_listens(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, MCR, 0x09);
	put(r, IER, 5);
	assert_int_equal(uart_room(w.uart), 0);
	put(r, IIR, 1);
	assert_int_equal(uart_room(w.uart), 16);
	put(r, IER, 0);
	assert_int_equal(uart_room(w.uart), 0);
	put(r, MCR, 0x0b);
	assert_int_equal(uart_room(w.uart), 16);
	close_uart(&w);
}

static void test_receive_fifo(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, LCR, 0x03);
	put(r, MCR, 0x0b);
	put(r, IIR, 0x41); /* trigger at 4 */
	put(r, IER, 1);
	assert_int_equal(uart_room(w.uart), 16);
	for (unsigned i = 0; i < 3; i++)
		uart_receive(w.uart, '0' + i);
	assert_int_equal(get(r, IIR), 0xc1);
	uart_receive(w.uart, '3');
	assert_int_equal(get(r, IIR), 0xc4);
	assert_int_equal(get(r, RBR), '0');
	assert_int_equal(get(r, IIR), 0xc1); /* below the trigger */
	/* Four characters later: the timeout. 10 bits at 115200. */
	rig_until(r, r->now + 346000);
	assert_int_equal(get(r, IIR), 0xc1);
	rig_until(r, r->now + 3000);
	assert_int_equal(get(r, IIR), 0xcc);
	assert_true(r->line.level);
	assert_int_equal(get(r, RBR), '1'); /* a read ends it */
	assert_int_equal(get(r, IIR), 0xc1);
	/* Full, and one more: the new byte is lost. */
	for (unsigned i = 0; i < 14; i++)
		uart_receive(w.uart, 'f');
	uart_receive(w.uart, 'x');
	assert_int_equal(get(r, LSR), 0x63);
	for (unsigned i = 0; i < 16; i++)
		assert_int_not_equal(get(r, RBR), 'x');
	assert_int_equal(get(r, LSR), 0x60);
	uart_receive(w.uart, 'y');
	put(r, IIR, 0x43); /* clears the receiver */
	assert_int_equal(get(r, LSR), 0x60);
	rig_until(r, r->now + 100000);
	assert_int_equal(uart_room(w.uart), 16);
	close_uart(&w);
}

static void test_break(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, MCR, 0x0b);
	put(r, IIR, 0x01);
	put(r, IER, 5);
	uart_receive(w.uart, 'a');
	uart_receive_break(w.uart);
	assert_int_equal(get(r, LSR), 0xe1); /* an error further down the FIFO */
	assert_int_equal(get(r, IIR), 0xc4);
	assert_int_equal(get(r, RBR), 'a');
	assert_int_equal(get(r, IIR), 0xc6); /* line status comes first */
	assert_int_equal(get(r, LSR), 0xf1);
	assert_int_equal(get(r, LSR), 0x61);
	assert_int_equal(get(r, IIR), 0xc4);
	assert_int_equal(get(r, RBR), 0);
	close_uart(&w);
}

static void test_priorities(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, MCR, 0x1b); /* loopback: DTR, RTS, OUT2 on */
	put(r, IER, 0x0f);
	put(r, RBR, 'q');
	put(r, RBR, 'r'); /* overrun */
	assert_int_equal(get(r, IIR), 0x06);
	get(r, LSR);
	assert_int_equal(get(r, IIR), 0x04);
	get(r, RBR);
	assert_int_equal(get(r, IIR), 0x02);
	put(r, MCR, 0x18);
	assert_int_equal(get(r, IIR), 0x00);
	assert_int_equal(get(r, MSR) & 0x0f, 0x03); /* CTS and DSR changed */
	assert_int_equal(get(r, IIR), 0x01);
	close_uart(&w);
}

static void test_loopback(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, MCR, 0x12); /* CTS, DSR and DCD go from the peer's to RTS alone */
	assert_int_equal(get(r, MSR), 0x10 | 0x0a);
	put(r, MCR, 0x1f);
	assert_int_equal(get(r, MSR) & 0xf0, 0xf0);
	assert_int_equal(get(r, MSR) & 0x0f, 0);
	put(r, MCR, 0x1b); /* RI's trailing edge */
	assert_int_equal(get(r, MSR) & 0x0f, 0x04);
	put(r, RBR, 0x5a);
	assert_int_equal(w.sent_count, 0);
	assert_int_equal(get(r, RBR), 0x5a);
	assert_int_equal(uart_room(w.uart), 0); /* the peer is cut off */
	close_uart(&w);
}

/* The modem lines in loopback, one read for each change: levels and what has changed. */
static void test_modem_status(void **state)
{
	static const uint8_t steps[][2] = {
		/* MCR, MSR */
		{0x00, 0xb0}, {0x0f, 0xb0}, {0x12, 0x1a}, {0x1f, 0xfa}, {0x1f, 0xf0},
		{0x1b, 0xb4}, {0x13, 0x38}, {0x11, 0x21}, {0x10, 0x02}, {0x13, 0x33},
		{0x14, 0x43}, {0x00, 0xbf}, {0xef, 0xb0}, /* only five bits are there */
	};
	struct wire w;
	struct rig *r = open_uart(&w);
	for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
		put(r, MCR, steps[i][0]);
		assert_int_equal(get(r, MCR), steps[i][0] & 0x1f);
		assert_int_equal(get(r, MSR), steps[i][1]);
	}
	/* Changes add up until they are read. */
	put(r, MCR, 0x10);
	get(r, MSR);
	put(r, MCR, 0x11);
	put(r, MCR, 0x13);
	put(r, MCR, 0x12);
	assert_int_equal(get(r, MSR), 0x13);
	put(r, MSR, 0xff); /* read-only, like LSR */
	put(r, LSR, 0xff);
	assert_int_equal(get(r, MSR), 0x10);
	assert_int_equal(get(r, LSR), 0x60);
	close_uart(&w);
}

/* Everything happens; each enable shows its own cause alone. */
static void test_enables(void **state)
{
	static const uint8_t cause[] = {0x01, 0x04, 0x02, 0x04, 0x06, 0x06, 0x06, 0x06,
	                                0x00, 0x04, 0x02, 0x04, 0x06, 0x06, 0x06, 0x06};
	struct wire w;
	struct rig *r = open_uart(&w);
	for (unsigned enables = 0; enables < 16; enables++) {
		put(r, MCR, 0x10);
		put(r, RBR, 'q');
		put(r, RBR, 'r'); /* overrun */
		put(r, MCR, 0x1b);
		put(r, IER, enables);
		assert_int_equal(get(r, IIR), cause[enables]);
		assert_false(r->line.level); /* not in loopback */
		get(r, LSR);
		get(r, RBR);
		get(r, MSR);
		put(r, IER, 0);
	}
	/* OUT2 alone lets it out. */
	put(r, IER, 2);
	put(r, MCR, 0x07);
	assert_false(r->line.level);
	put(r, MCR, 0x0f);
	assert_true(r->line.level);
	close_uart(&w);
}

/* A FIFO below its trigger tells after four characters' time, from the last byte on. */
static void test_character_timeout(void **state)
{
	static const struct {
		uint8_t lcr;
		uint16_t divisor;
		unsigned bits;
	} cases[] = {
		{0x00, 1, 7},  {0x01, 1, 8},  {0x02, 1, 9},       {0x03, 1, 10},
		{0x07, 1, 11}, {0x0b, 1, 11}, {0x1f, 12, 12},     {0x43, 96, 10},
		{0x04, 1, 8},  {0x03, 0, 10}, {0x03, 0xffff, 10},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct wire w;
		struct rig *r = open_uart(&w);
		put(r, LCR, 0x80);
		put(r, RBR, cases[i].divisor);
		put(r, IER, cases[i].divisor >> 8);
		put(r, LCR, cases[i].lcr);
		put(r, MCR, 0x0b);
		put(r, IIR, 0xc1);
		put(r, IER, 0x01);
		uint64_t divisor = cases[i].divisor ? cases[i].divisor : 0x10000;
		uint64_t time = 64 * cases[i].bits * divisor * 1000000000 / 1843200;
		uart_receive(w.uart, 'a');
		assert_int_equal(clock_next(r->clock), r->now + time);
		rig_until(r, r->now + time / 2);
		uart_receive(w.uart, 'b');
		rig_until(r, r->now + time - 1);
		assert_false(r->line.level);
		rig_until(r, r->now + 1);
		assert_true(r->line.level);
		assert_int_equal(get(r, IIR), 0xcc);
		put(r, IER, 0x0e); /* another enable is not its own */
		put(r, IER, 0x0c);
		assert_int_equal(get(r, IIR), 0xc1);
		put(r, IER, 0x01);
		/* Two reads: it begins anew, and then there is nothing to wait for. */
		assert_int_equal(get(r, RBR), 'a');
		assert_false(r->line.level);
		assert_int_equal(clock_next(r->clock), r->now + time);
		assert_int_equal(get(r, RBR), 'b');
		assert_int_equal(clock_next(r->clock), r->now + 100000); /* the line's rest */
		rig_until(r, r->now + 100000);
		assert_int_equal(clock_next(r->clock), UINT64_MAX);
		close_uart(&w);
	}
	/* Without FIFOs there is none. */
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, MCR, 0x0b);
	uart_receive(w.uart, 'a');
	assert_int_equal(clock_next(r->clock), UINT64_MAX);
	close_uart(&w);
}

static void test_triggers(void **state)
{
	static const uint8_t level[] = {1, 4, 8, 14};
	for (unsigned t = 0; t < 4; t++) {
		struct wire w;
		struct rig *r = open_uart(&w);
		put(r, MCR, 0x0b);
		put(r, IER, 0x01);
		put(r, IIR, t << 6 | 1);
		for (unsigned i = 1; i <= 16; i++) {
			assert_int_equal(uart_room(w.uart), 17 - i);
			uart_receive(w.uart, 'a' + i);
			assert_int_equal(r->line.level, i >= level[t]);
		}
		assert_int_equal(uart_room(w.uart), 0);
		for (unsigned i = 1; i <= 16; i++) {
			assert_int_equal(get(r, RBR), 'a' + i);
			assert_int_equal(r->line.level, 16 - i >= level[t]);
		}
		/* The same again: the ring goes round. */
		rig_until(r, r->now + 100000);
		for (unsigned i = 0; i < 10; i++)
			uart_receive(w.uart, i);
		for (unsigned i = 0; i < 10; i++)
			assert_int_equal(get(r, RBR), i);
		rig_until(r, r->now + 100000);
		for (unsigned i = 0; i < 16; i++)
			uart_receive(w.uart, 0x80 + i);
		for (unsigned i = 0; i < 16; i++)
			assert_int_equal(get(r, RBR), 0x80 + i);
		close_uart(&w);
	}
}

/* Errors stay until LSR is read, also while bytes come and go. */
static void test_errors(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, MCR, 0x0b);
	uart_receive_break(w.uart);
	uart_receive(w.uart, 'x'); /* overrun, beside the break */
	assert_int_equal(get(r, LSR), 0x73);
	get(r, RBR);
	put(r, IIR, 0x01);
	uart_receive_break(w.uart);
	assert_int_equal(get(r, RBR), 0);
	uart_receive(w.uart, 'x');
	assert_int_equal(get(r, LSR), 0x71); /* of the byte that is gone */
	for (unsigned i = 0; i < 14; i++)
		uart_receive(w.uart, 'x');
	assert_int_equal(get(r, LSR), 0x61); /* the break's place holds nothing */
	for (unsigned i = 0; i < 2; i++)
		uart_receive(w.uart, 'y');
	assert_int_equal(get(r, RBR), 'x');
	assert_int_equal(get(r, LSR), 0x63); /* overrun, though there is room again */
	/* A break in the part of the ring behind its end. */
	put(r, IIR, 0x03);
	for (unsigned i = 0; i < 12; i++)
		uart_receive(w.uart, 'x');
	for (unsigned i = 0; i < 12; i++)
		get(r, RBR);
	for (unsigned i = 0; i < 6; i++)
		uart_receive(w.uart, 'x');
	uart_receive_break(w.uart);
	assert_int_equal(get(r, LSR), 0xe1);
	/* Cleared with the FIFO: errors, timeout, and the line may rest. */
	for (unsigned i = 0; i < 16; i++)
		uart_receive(w.uart, 'x');
	get(r, RBR);
	put(r, IIR, 0x03);
	assert_int_equal(get(r, LSR), 0x60);
	assert_int_equal(clock_next(r->clock), r->now + 100000);
	rig_until(r, r->now + 100000);
	assert_int_equal(uart_room(w.uart), 16);
	put(r, IIR, 0x03);
	assert_int_equal(clock_next(r->clock), UINT64_MAX);
	close_uart(&w);
}

/* FCR: what clears the receiver, and what does not. */
static void test_fcr(void **state)
{
	static const struct {
		uint8_t before, fcr;
		bool keeps, fifo;
	} cases[] = {
		{0x01, 0x01, true, true},   {0x01, 0xc1, true, true},  {0x01, 0x05, true, true},
		{0x01, 0x09, true, true},   {0x01, 0x03, false, true}, {0x01, 0x00, false, false},
		{0x01, 0xc8, false, false}, {0x00, 0x01, false, true}, {0x00, 0x00, true, false},
		{0x00, 0xc8, true, false},  {0x00, 0x04, true, false}, {0x00, 0x02, false, false},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct wire w;
		struct rig *r = open_uart(&w);
		put(r, MCR, 0x0b);
		put(r, IIR, cases[i].before);
		uart_receive(w.uart, 'x');
		put(r, IIR, cases[i].fcr);
		assert_int_equal(get(r, LSR), cases[i].keeps ? 0x61 : 0x60);
		assert_int_equal(get(r, IIR), cases[i].fifo ? 0xc1 : 0x01);
		close_uart(&w);
	}
}

/* The peer hears when there is room again, and only then; it need not listen. */
static void test_ready(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, MCR, 0x08); /* no RTS: no room */
	put(r, SCR, 1);
	assert_int_equal(w.ready_calls, 0);
	put(r, IIR, 0x01);
	put(r, IER, 0x0e);
	assert_int_equal(uart_room(w.uart), 0); /* nobody takes what comes */
	assert_int_equal(w.ready_calls, 0);
	put(r, MCR, 0x0a);
	assert_int_equal(w.ready_calls, 1);
	put(r, SCR, 1); /* room before and after */
	assert_int_equal(w.ready_calls, 1);
	put(r, LCR, 0x1b); /* parity and two stop bits are no break */
	put(r, MCR, 0x0f);
	put(r, RBR, 'a');
	assert_int_equal(w.sent_count, 1);
	put(r, MCR, 0x1a); /* loopback: no peer, no break from it */
	uart_receive_break(w.uart);
	put(r, RBR, 'b');
	assert_int_equal(w.sent_count, 1);
	assert_int_equal(get(r, LSR), 0x61);
	assert_int_equal(get(r, RBR), 'b');
	close_uart(&w);
	rig_open(&w.rig);
	w.uart = uart_create(w.rig.bus, w.rig.clock, BASE, rig_line(&w.rig),
	                     (struct uart_peer){&w, transmit, NULL, NULL});
	put(r, MCR, 0x0b);
	assert_int_equal(uart_room(w.uart), 1);
	close_uart(&w);
}

/* Data sheet, table I: the divisor and the scratch register stay. */
static void test_resets(void **state)
{
	struct wire w;
	struct rig *r = open_uart(&w);
	put(r, LCR, 0x83);
	put(r, RBR, 12);
	put(r, LCR, 0x03);
	put(r, SCR, 0x5a);
	put(r, IIR, 0x81);
	put(r, MCR, 0x0b);
	put(r, IER, 0x0f);
	uart_receive(w.uart, 'x');
	assert_true(r->line.level);
	uart_type.reset(w.uart, RESET_HARD);
	assert_false(r->line.level);
	assert_int_equal(clock_next(r->clock), UINT64_MAX);
	static const uint8_t registers[] = {0, 0, 0x01, 0, 0, 0x60, 0xb0, 0x5a};
	for (unsigned i = 1; i < 8; i++)
		assert_int_equal(get(r, i), registers[i]);
	put(r, LCR, 0x80);
	assert_int_equal(get(r, RBR), 12);
	uart_type.reset(w.uart, RESET_POWER);
	assert_int_equal(get(r, SCR), 0);
	put(r, LCR, 0x80);
	assert_int_equal(get(r, RBR), 1);
	close_uart(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_a_16550a),
		cmocka_unit_test(test_divisor_latch),
		cmocka_unit_test(test_transmit),
		cmocka_unit_test(test_thre_interrupt),
		cmocka_unit_test(test_busy_transmitter),
		cmocka_unit_test(test_out2_gates_the_interrupt),
		cmocka_unit_test(test_receive_without_fifo),
		cmocka_unit_test(test_line_rests),
		cmocka_unit_test(test_who_listens),
		cmocka_unit_test(test_receive_fifo),
		cmocka_unit_test(test_break),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_modem_status),
		cmocka_unit_test(test_enables),
		cmocka_unit_test(test_character_timeout),
		cmocka_unit_test(test_triggers),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_fcr),
		cmocka_unit_test(test_ready),
		cmocka_unit_test(test_resets),
	};
	return cmocka_run_group_tests_name("uart", tests, NULL, NULL);
}
