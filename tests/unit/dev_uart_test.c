/* links: devices */
#include "dev_fixture.h"

#include "devices/uart.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, BASE = 0x3f8 };

struct wire {
	struct rig rig;
	struct uart *uart;
	uint8_t sent[64];
	unsigned sent_count, ready_calls;
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

static struct rig *open_uart(struct wire *w)
{
	*w = (struct wire){0};
	rig_open(&w->rig);
	w->uart = uart_create(w->rig.bus, w->rig.clock, BASE, rig_line(&w->rig),
	                      (struct uart_peer){w, transmit, ready});
	return &w->rig;
}

static void close_uart(struct wire *w)
{
	uart_destroy(w->uart);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_a_16550a),
		cmocka_unit_test(test_divisor_latch),
		cmocka_unit_test(test_transmit),
		cmocka_unit_test(test_thre_interrupt),
		cmocka_unit_test(test_out2_gates_the_interrupt),
		cmocka_unit_test(test_receive_without_fifo),
		cmocka_unit_test(test_line_rests),
		cmocka_unit_test(test_who_listens),
		cmocka_unit_test(test_receive_fifo),
		cmocka_unit_test(test_break),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_loopback),
	};
	return cmocka_run_group_tests_name("uart", tests, NULL, NULL);
}
