#include "devices/uart.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	FIFO_SIZE = 16,
	CLOCK_HZ = 1843200,

	/* registers; 0 and 1 are the divisor while LCR.DLAB is on */
	RBR_THR = 0,
	IER = 1,
	IIR_FCR = 2,
	LCR = 3,
	MCR = 4,
	LSR = 5,
	MSR = 6,
	SCR = 7,

	IER_RX = 0x01,
	IER_TX = 0x02,
	IER_LINE = 0x04,
	IER_MODEM = 0x08,

	IIR_NONE = 0x01,
	IIR_MODEM = 0x00,
	IIR_TX = 0x02,
	IIR_RX = 0x04,
	IIR_LINE = 0x06,
	IIR_TIMEOUT = 0x0c,
	IIR_FIFO_ON = 0xc0,

	FCR_ENABLE = 0x01,
	FCR_CLEAR_RX = 0x02,

	LCR_BITS = 0x03,
	LCR_STOP2 = 0x04,
	LCR_PARITY = 0x08,
	LCR_BREAK = 0x40,
	LCR_DLAB = 0x80,

	MCR_DTR = 0x01,
	MCR_RTS = 0x02,
	MCR_OUT1 = 0x04,
	MCR_OUT2 = 0x08, /* on a PC it gates the interrupt */
	MCR_LOOP = 0x10,

	LSR_DATA = 0x01,
	LSR_OVERRUN = 0x02,
	LSR_PARITY = 0x04,
	LSR_FRAMING = 0x08,
	LSR_BREAK = 0x10,
	LSR_THRE = 0x20,
	LSR_TEMT = 0x40,
	LSR_FIFO_ERROR = 0x80,
	LSR_ERRORS = LSR_OVERRUN | LSR_PARITY | LSR_FRAMING | LSR_BREAK,

	MSR_DELTA = 0x0f,
	MSR_RI_WENT = 0x04,
	MSR_CTS = 0x10,
	MSR_DSR = 0x20,
	MSR_RI = 0x40,
	MSR_DCD = 0x80,
};

/* For a driver to leave its handler: some 160 KB/s come in. */
enum { REST_NS = 100000 };

struct uart {
	struct clock *clock;
	struct timer *timeout, *rest;
	struct irq_line irq;
	struct uart_peer peer;
	uint8_t ier, fcr, lcr, mcr, msr, scr;
	uint16_t divisor;
	struct {
		uint8_t byte, errors;
	} fifo[FIFO_SIZE];
	unsigned head, count;
	uint8_t errors; /* LSR's error bits, until it is read */
	bool tx_event;  /* THR became empty and IIR has not told yet */
	bool timed_out;
	bool resting; /* the line, from the first byte read to a while after the last */
};

static bool fifo_on(const struct uart *u)
{
	return u->fcr & FCR_ENABLE;
}

static unsigned trigger(const struct uart *u)
{
	static const uint8_t level[] = {1, 4, 8, 14};
	return fifo_on(u) ? level[u->fcr >> 6] : 1;
}

/* Four characters' time at the current settings. */
static uint64_t timeout_ns(const struct uart *u)
{
	unsigned bits =
		1 + 5 + (u->lcr & LCR_BITS) + !!(u->lcr & LCR_PARITY) + 1 + !!(u->lcr & LCR_STOP2);
	uint64_t divisor = u->divisor ? u->divisor : 0x10000;
	return 4 * bits * 16 * divisor * 1000000000 / CLOCK_HZ;
}

/* --- interrupts, in order of priority.  Data sheet, table IV --- */

static uint8_t cause(const struct uart *u)
{
	if (u->ier & IER_LINE && u->errors)
		return IIR_LINE;
	if (u->ier & IER_RX && u->count >= trigger(u))
		return IIR_RX;
	if (u->ier & IER_RX && u->timed_out && u->count)
		return IIR_TIMEOUT;
	if (u->ier & IER_TX && u->tx_event)
		return IIR_TX;
	if (u->ier & IER_MODEM && u->msr & MSR_DELTA)
		return IIR_MODEM;
	return IIR_NONE;
}

static void update(struct uart *u)
{
	bool gate = u->mcr & MCR_OUT2 && !(u->mcr & MCR_LOOP);
	irq_set(&u->irq, gate && cause(u) != IIR_NONE);
}

/* --- receiver --- */

/* The errors of the byte at the head show in LSR. */
static void show_head(struct uart *u)
{
	if (u->count)
		u->errors |= u->fifo[u->head].errors;
}

static void restart_timeout(struct uart *u)
{
	u->timed_out = false;
	if (fifo_on(u) && u->count)
		timer_set(u->timeout, clock_now(u->clock) + timeout_ns(u));
	else
		timer_cancel(u->timeout);
}

static void timeout_fires(void *ctx, uint64_t now)
{
	struct uart *u = ctx;
	u->timed_out = u->count;
	update(u);
}

static void push(struct uart *u, uint8_t byte, uint8_t errors)
{
	unsigned size = fifo_on(u) ? FIFO_SIZE : 1;
	if (u->count == size) {
		/* With FIFOs the new byte is lost, without them the old one. */
		u->errors |= LSR_OVERRUN;
		if (size == 1)
			u->fifo[u->head].byte = byte;
	} else {
		unsigned tail = (u->head + u->count) % FIFO_SIZE;
		u->fifo[tail].byte = byte;
		u->fifo[tail].errors = errors;
		u->count++;
		if (u->count == 1)
			show_head(u);
	}
	restart_timeout(u);
	update(u);
}

static void tell_room(struct uart *u)
{
	if (uart_room(u) && u->peer.ready)
		u->peer.ready(u->peer.ctx);
}

static void end_rest_if_empty(struct uart *u)
{
	if (u->resting && !u->count)
		timer_set(u->rest, clock_now(u->clock) + REST_NS);
}

static uint8_t pop(struct uart *u)
{
	uint8_t byte = u->fifo[u->head].byte;
	if (u->count) {
		u->head = (u->head + 1) % FIFO_SIZE;
		u->count--;
		show_head(u);
		restart_timeout(u);
		update(u);
		u->resting = true;
		end_rest_if_empty(u);
	}
	return byte;
}

static void rest_ends(void *ctx, uint64_t now)
{
	struct uart *u = ctx;
	u->resting = false;
	tell_room(u);
}

static void clear_receiver(struct uart *u)
{
	u->head = u->count = 0;
	u->errors = 0;
	restart_timeout(u);
	end_rest_if_empty(u);
}

unsigned uart_room(const struct uart *u)
{
	bool listens = u->mcr & MCR_RTS || (fifo_on(u) && u->ier & IER_RX);
	if (u->mcr & MCR_LOOP || !listens || u->resting)
		return 0;
	return (fifo_on(u) ? FIFO_SIZE : 1) - u->count;
}

void uart_receive(struct uart *u, uint8_t byte)
{
	push(u, byte, 0);
}

void uart_receive_break(struct uart *u)
{
	if (!(u->mcr & MCR_LOOP))
		push(u, 0, LSR_BREAK);
}

/* --- transmitter --- */

/* Else the last byte has not left: THR and the FIFO behind it are not empty. */
static bool transmitted(const struct uart *u)
{
	return u->mcr & MCR_LOOP || !u->peer.room || u->peer.room(u->peer.ctx);
}

void uart_transmitted(struct uart *u)
{
	u->tx_event = true;
	update(u);
}

/* --- registers --- */

static uint8_t read_lsr(struct uart *u)
{
	uint8_t v = u->errors;
	if (transmitted(u))
		v |= LSR_THRE | LSR_TEMT;
	if (u->count)
		v |= LSR_DATA;
	if (fifo_on(u))
		for (unsigned i = 0; i < u->count; i++)
			if (u->fifo[(u->head + i) % FIFO_SIZE].errors)
				v |= LSR_FIFO_ERROR;
	u->errors = 0;
	if (u->count)
		u->fifo[u->head].errors = 0;
	return v;
}

static uint8_t modem_lines(const struct uart *u)
{
	if (!(u->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD; /* the peer is always there */
	return (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void update_modem(struct uart *u)
{
	uint8_t lines = modem_lines(u);
	uint8_t changed = (lines ^ u->msr) & 0xf0;
	if (changed & MSR_RI) /* only its trailing edge counts */
		changed = lines & MSR_RI ? changed & ~MSR_RI : changed;
	u->msr = lines | (u->msr & MSR_DELTA) | changed >> 4;
}

static void write_thr(struct uart *u, uint8_t byte)
{
	/* The line falls while the byte is on its way, so that an
	 * edge-triggered controller sees a new request. */
	u->tx_event = false;
	update(u);
	if (u->mcr & MCR_LOOP)
		push(u, byte, 0);
	else if (!(u->lcr & LCR_BREAK))
		u->peer.transmit(u->peer.ctx, byte);
	u->tx_event = transmitted(u);
}

static void write_fcr(struct uart *u, uint8_t v)
{
	/* A change of the enable bit clears both FIFOs; without it the other
	 * bits are not programmed. */
	if ((v ^ u->fcr) & FCR_ENABLE || v & FCR_CLEAR_RX)
		clear_receiver(u);
	u->fcr = v & FCR_ENABLE ? v & 0xc9 : 0;
}

static uint8_t read_iir(struct uart *u)
{
	uint8_t v = cause(u);
	if (v == IIR_TX)
		u->tx_event = false;
	return v | (fifo_on(u) ? IIR_FIFO_ON : 0);
}

static uint32_t uart_read(void *ctx, uint32_t offset, unsigned size)
{
	struct uart *u = ctx;
	uint8_t v = 0;
	switch (offset) {
	case RBR_THR:
		return u->lcr & LCR_DLAB ? (uint8_t)u->divisor : pop(u);
	case IER:
		return u->lcr & LCR_DLAB ? u->divisor >> 8 : u->ier;
	case IIR_FCR:
		v = read_iir(u);
		break;
	case LCR:
		return u->lcr;
	case MCR:
		return u->mcr;
	case LSR:
		v = read_lsr(u);
		break;
	case MSR:
		v = u->msr;
		u->msr &= ~MSR_DELTA;
		break;
	case SCR:
		return u->scr;
	}
	update(u);
	return v;
}

static void uart_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct uart *u = ctx;
	unsigned room = uart_room(u);
	switch (offset) {
	case RBR_THR:
		if (u->lcr & LCR_DLAB)
			u->divisor = (u->divisor & 0xff00) | value;
		else
			write_thr(u, value);
		break;
	case IER:
		if (u->lcr & LCR_DLAB) {
			u->divisor = (u->divisor & 0xff) | value << 8;
			break;
		}
		/* Switching the transmit interrupt on while THR is empty raises it. */
		if (value & ~u->ier & IER_TX)
			u->tx_event = transmitted(u);
		u->ier = value & 0x0f;
		break;
	case IIR_FCR:
		write_fcr(u, value);
		break;
	case LCR:
		u->lcr = value;
		break;
	case MCR:
		u->mcr = value & 0x1f;
		update_modem(u);
		break;
	case SCR:
		u->scr = value;
		break;
	}
	update(u);
	if (!room)
		tell_room(u);
}

/* --- life --- */

/* Data sheet, table I: what master reset leaves alone. */
static void uart_reset(void *d, enum reset_kind kind)
{
	struct uart *u = d;
	u->ier = u->fcr = u->lcr = u->mcr = 0;
	u->head = u->count = 0;
	u->errors = 0;
	u->tx_event = u->timed_out = u->resting = false;
	timer_cancel(u->timeout);
	timer_cancel(u->rest);
	if (kind == RESET_POWER) {
		u->scr = 0;
		u->divisor = 1;
	}
	u->msr = modem_lines(u);
	update(u);
}

static void uart_state(void *d, struct archive *a)
{
	struct uart *u = d;
	ARCHIVE(a, u, ier);
	ARCHIVE(a, u, fcr);
	ARCHIVE(a, u, lcr);
	ARCHIVE(a, u, mcr);
	ARCHIVE(a, u, msr);
	ARCHIVE(a, u, scr);
	ARCHIVE(a, u, divisor);
	ARCHIVE(a, u, fifo);
	ARCHIVE(a, u, head);
	archive_require(a, "head", u->head < FIFO_SIZE);
	ARCHIVE(a, u, count);
	archive_require(a, "count", u->count <= FIFO_SIZE);
	ARCHIVE(a, u, errors);
	ARCHIVE(a, u, tx_event);
	ARCHIVE(a, u, timed_out);
	ARCHIVE(a, u, resting);
	timer_state(u->timeout, a, "timeout");
	timer_state(u->rest, a, "rest");
	if (archive_loaded(a))
		update(u);
}

static void uart_destroy(void *d)
{
	struct uart *u = d;
	timer_free(u->timeout);
	timer_free(u->rest);
	free(u);
}

const struct device_type uart_type = {"uart", uart_reset, uart_state, uart_destroy};

struct uart *uart_create(struct bus *bus, struct clock *clock, uint16_t port, struct irq_line irq,
                         struct uart_peer peer)
{
	struct uart *u = calloc(1, sizeof *u);
	CHECK(u);
	u->clock = clock;
	u->irq = irq;
	u->peer = peer;
	u->timeout = timer_create_on(clock, u, timeout_fires);
	u->rest = timer_create_on(clock, u, rest_ends);
	uart_reset(u, RESET_POWER);
	struct region_handler h = {.ctx = u, .read = uart_read, .write = uart_write};
	CHECK(bus_map(bus, SPACE_PORT, port, 8, h) > 0);
	return u;
}
