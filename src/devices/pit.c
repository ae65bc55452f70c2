#include "devices/pit.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	COUNTERS = 0x40,
	CONTROL = 3, /* behind them */
	PORT_61 = 0x61,

	/* control word */
	CW_BCD = 0x01,
	CW_READ_BACK = 3,
	RB_NO_COUNT = 0x20,
	RB_NO_STATUS = 0x10,

	/* status byte */
	ST_OUT = 0x80,
	ST_NULL = 0x40,

	/* port 61h */
	P61_GATE2 = 0x01,
	P61_SPEAKER = 0x02,
	P61_WRITABLE = 0x0f,
	P61_REFRESH = 0x10, /* toggles with each memory refresh, every 15 us */
	P61_OUT2 = 0x20,
	P61_IOCHK_OFF = 0x08,
	P61_IOCHK = 0x40,
};

enum { LEAST_NS = 50000 }; /* from tick to tick, so that the guest gets on with its work */

enum access { ACCESS_LATCH, ACCESS_LSB, ACCESS_MSB, ACCESS_BOTH };

/* A counter that runs started from n at PIT tick start. */
struct channel {
	uint8_t mode; /* 0 to 5 */
	enum access access;
	bool bcd, gate;
	bool running;        /* start and n are good */
	bool paused;         /* by the gate, after frozen ticks */
	bool low_first;      /* mode 3: this run began with the low half */
	bool edge_at_start;  /* it followed another: start is a rising edge */
	bool reload_pending; /* modes 2, 3: count takes over at reload_at */
	bool count_written;  /* since the control word */
	uint32_t count;      /* count register, in ticks: 1 to 10000h */
	uint32_t n;
	uint64_t start, frozen, reload_at;

	bool write_msb, read_msb;
	uint8_t write_lsb;
	bool status_latched;
	uint8_t status;
	unsigned latched; /* bytes of the latched count still unread */
	uint16_t latch;
};

struct pit {
	struct channel ch[3];
	struct clock *clock;
	struct timer *tick;
	struct irq_line irq0;
	struct nmi *nmi;
	uint8_t port61;
	uint64_t edge; /* the last rising edge of channel 0 served */
	uint64_t next; /* no other before, ns */
	uint64_t held; /* until then the line does not fall: an edge was served late */
};

static uint64_t ticks_now(struct pit *p)
{
	return clock_ticks(p->clock, PIT_HZ);
}

/* The first nanosecond at which ticks_now() reaches this tick. */
static uint64_t tick_ns(uint64_t tick)
{
	return ((unsigned __int128)tick * 1000000000 + PIT_HZ - 1) / PIT_HZ;
}

/* --- what a counter shows at tick t --- */

static uint32_t high_half(const struct channel *c)
{
	return (c->n + 1) / 2;
}

static bool periodic(const struct channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

/* Starts the count that was written while another ran, if its time has come. */
static void settle(struct channel *c, uint64_t t)
{
	if (!c->reload_pending || t < c->reload_at)
		return;
	if (c->mode == 3 && (c->reload_at - c->start) % c->n)
		c->low_first = !c->low_first;
	c->reload_pending = false;
	c->edge_at_start = !c->low_first;
	c->start = c->reload_at;
	c->n = c->count;
}

static uint64_t elapsed(const struct channel *c, uint64_t t)
{
	if (c->paused)
		return c->frozen;
	return t > c->start ? t - c->start : 0;
}

/* Mode 3: ticks into the current half, and which half it is. */
static uint32_t half_phase(const struct channel *c, uint64_t t, bool *high)
{
	uint32_t first = c->low_first ? c->n - high_half(c) : high_half(c);
	uint32_t e = elapsed(c, t) % c->n;
	*high = (e < first) != c->low_first;
	return e < first ? e : e - first;
}

static bool output(struct channel *c, uint64_t t)
{
	bool high;
	settle(c, t);
	if (!c->running)
		return c->mode != 0;
	switch (c->mode) {
	case 0:
		return elapsed(c, t) >= c->n;
	case 1:
		return t >= c->start + c->n;
	case 2:
		return c->paused || elapsed(c, t) % c->n != c->n - 1;
	case 3:
		half_phase(c, t, &high);
		return c->paused || high;
	default:
		return elapsed(c, t) != c->n;
	}
}

static uint16_t to_bcd(uint32_t v)
{
	return v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12;
}

static uint16_t value(struct channel *c, uint64_t t)
{
	settle(c, t);
	uint32_t modulus = c->bcd ? 10000 : 0x10000;
	uint64_t e = c->running ? elapsed(c, t) : 0;
	uint32_t v = c->running ? c->n : 0;
	bool high;
	if (c->running && c->mode == 2)
		v -= e % c->n;
	else if (c->running && c->mode == 3)
		v = (v & ~1u) - 2 * half_phase(c, t, &high);
	else
		v = (v + modulus - e % modulus) % modulus;
	return c->bcd ? to_bcd(v) : v;
}

/* The first rising edge of OUT after tick t; UINT64_MAX when none is to come. */
static uint64_t next_edge(struct channel *c, uint64_t t)
{
	settle(c, t);
	if (!c->running || c->paused)
		return UINT64_MAX;
	uint64_t at = c->start + c->n;
	if (c->mode >= 4)
		at++;
	if (c->low_first)
		at = c->start + c->n - high_half(c);
	if (c->edge_at_start)
		at = c->start;
	if (t >= at) {
		if (!periodic(c))
			return UINT64_MAX;
		at += ((t - at) / c->n + 1) * c->n;
	}
	/* A new count from the end of the high half: its own low half comes first. */
	if (c->reload_pending && c->reload_at < at)
		at = c->reload_at + c->count / 2;
	return at;
}

/* --- starting and stopping --- */

static void start(struct channel *c, uint64_t t)
{
	c->n = c->count;
	c->start = t + 1; /* loaded on the clock pulse after the write or trigger */
	c->running = true;
	c->low_first = c->edge_at_start = c->reload_pending = false;
	c->paused = !c->gate;
	c->frozen = 0;
}

static void set_count(struct channel *c, uint64_t t, uint32_t raw)
{
	uint32_t v = raw;
	if (c->bcd)
		v = (raw >> 12) * 1000 + (raw >> 8 & 15) * 100 + (raw >> 4 & 15) * 10 + (raw & 15);
	settle(c, t); /* what was written before it */
	c->count = v ? v : c->bcd ? 10000 : 0x10000;
	c->count_written = true;
	if (c->mode == 1 || c->mode == 5)
		return; /* the gate's next rise starts it */
	if (!periodic(c) || !c->running || c->paused || t < c->start) {
		start(c, t);
		return;
	}
	/* Modes 2 and 3 finish the period or the half that runs. */
	uint32_t left = c->n - elapsed(c, t) % c->n;
	if (c->mode == 3) {
		bool high;
		uint32_t into = half_phase(c, t, &high);
		left = (high ? high_half(c) : c->n - high_half(c)) - into;
	}
	c->reload_pending = true;
	c->reload_at = t + left;
}

static void set_gate(struct channel *c, uint64_t t, bool gate)
{
	if (gate == c->gate)
		return;
	settle(c, t);
	c->gate = gate;
	if (c->mode == 0 || c->mode == 4) {
		if (!c->running)
			return;
		if (gate) {
			c->start = t - c->frozen;
			c->paused = false;
		} else {
			c->frozen = elapsed(c, t);
			c->paused = true;
		}
	} else if (gate && c->count_written) {
		start(c, t); /* a trigger */
	} else if (c->running && periodic(c)) {
		c->frozen = elapsed(c, t);
		c->paused = true;
	}
}

/* --- channel 0's interrupt --- */

/* Its falling edges have no timer: pit_look finds them when somebody looks. */
static void line_follows(struct pit *p, uint64_t t)
{
	irq_set(&p->irq0, output(&p->ch[0], t) || t < p->held);
}

static void arm(struct pit *p, uint64_t t)
{
	uint64_t edge = next_edge(&p->ch[0], t);
	if (edge == UINT64_MAX) {
		timer_cancel(p->tick);
		return;
	}
	/* Faster ones are lost. */
	uint64_t at = tick_ns(edge);
	timer_set(p->tick, at > p->next ? at : p->next);
}

/* Channel 0 was reprogrammed. */
static void restart(struct pit *p, uint64_t t)
{
	p->edge = t;
	p->held = 0;
	line_follows(p, t);
	arm(p, t);
}

/* A rising edge.  One that the host was late by stands as long as any. */
static void pulse(struct pit *p, uint64_t t)
{
	const struct channel *c = &p->ch[0];
	p->next = clock_now(p->clock) + LEAST_NS;
	p->held = c->mode == 2 ? t + c->n - 1 : c->mode == 3 ? t + high_half(c) : 0;
	irq_set(&p->irq0, false);
	irq_set(&p->irq0, true);
}

/* Serves the rising edge that is due by tick t. */
static bool serve_edge(struct pit *p, uint64_t t)
{
	struct channel *c = &p->ch[0];
	uint64_t edge = next_edge(c, p->edge);
	if (edge > t)
		return false;
	p->edge = edge;
	settle(c, t);
	/* Of several it is the last: who gives us time sees to it that there is one. */
	if (periodic(c))
		p->edge += (t - edge) / c->n * c->n;
	pulse(p, t);
	return true;
}

static void tick_fires(void *ctx, uint64_t now)
{
	struct pit *p = ctx;
	uint64_t t = ticks_now(p);
	serve_edge(p, t);
	arm(p, t);
}

void pit_look(struct pit *p)
{
	uint64_t t = ticks_now(p);
	if (serve_edge(p, t))
		arm(p, t);
	line_follows(p, t);
}

/* --- ports 40h to 43h --- */

static void latch_count(struct channel *c, uint64_t t)
{
	if (c->latched)
		return;
	c->latch = value(c, t);
	c->latched = c->access == ACCESS_BOTH ? 2 : 1;
}

static void latch_status(struct channel *c, uint64_t t)
{
	if (c->status_latched)
		return;
	c->status = (output(c, t) ? ST_OUT : 0) | c->access << 4 | c->mode << 1 | c->bcd;
	if (!c->running || t < c->start || c->reload_pending || c->n != c->count)
		c->status |= ST_NULL;
	c->status_latched = true;
}

static void write_control(struct pit *p, uint8_t v)
{
	uint64_t t = ticks_now(p);
	unsigned which = v >> 6;
	if (which == CW_READ_BACK) {
		for (unsigned i = 0; i < 3; i++) {
			if (!(v >> (i + 1) & 1))
				continue;
			if (!(v & RB_NO_COUNT))
				latch_count(&p->ch[i], t);
			if (!(v & RB_NO_STATUS))
				latch_status(&p->ch[i], t);
		}
		return;
	}
	struct channel *c = &p->ch[which];
	if ((v >> 4 & 3) == ACCESS_LATCH) {
		latch_count(c, t);
		return;
	}
	unsigned mode = v >> 1 & 7;
	*c = (struct channel){
		.mode = mode > 5 ? mode - 4 : mode,
		.access = v >> 4 & 3,
		.bcd = v & CW_BCD,
		.gate = c->gate,
	};
	if (which == 0)
		restart(p, t);
}

static void write_counter(struct pit *p, unsigned which, uint8_t v)
{
	struct channel *c = &p->ch[which];
	uint64_t t = ticks_now(p);
	switch (c->access) {
	case ACCESS_LSB:
		set_count(c, t, v);
		break;
	case ACCESS_MSB:
		set_count(c, t, v << 8);
		break;
	default:
		c->write_msb = !c->write_msb;
		if (c->write_msb) {
			c->write_lsb = v;
			/* Mode 0: the first byte stops the count, OUT goes low. */
			if (c->mode == 0)
				c->running = false;
			if (c->mode == 0 && which == 0)
				restart(p, t);
			return;
		}
		set_count(c, t, v << 8 | c->write_lsb);
		break;
	}
	if (which == 0)
		restart(p, t);
}

static uint8_t read_counter(struct pit *p, unsigned which)
{
	struct channel *c = &p->ch[which];
	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	uint16_t v = c->latched ? c->latch : value(c, ticks_now(p));
	if (c->latched)
		c->latched--;
	if (c->access == ACCESS_LSB)
		return v;
	if (c->access == ACCESS_MSB)
		return v >> 8;
	c->read_msb = !c->read_msb;
	return c->read_msb ? v : v >> 8;
}

static uint32_t pit_read(void *ctx, uint32_t offset, unsigned size)
{
	return offset == CONTROL ? 0xff : read_counter(ctx, offset);
}

static void pit_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	if (offset == CONTROL)
		write_control(ctx, value);
	else
		write_counter(ctx, offset, value);
}

/* --- port 61h --- */

static uint32_t port61_read(void *ctx, uint32_t offset, unsigned size)
{
	struct pit *p = ctx;
	uint64_t t = ticks_now(p);
	uint8_t v = p->port61;
	if (t / 18 & 1) /* channel 1's usual count: 15.1 us */
		v |= P61_REFRESH;
	if (output(&p->ch[2], t))
		v |= P61_OUT2;
	if (nmi_latched(p->nmi))
		v |= P61_IOCHK;
	return v;
}

static void port61_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct pit *p = ctx;
	p->port61 = value & P61_WRITABLE;
	set_gate(&p->ch[2], ticks_now(p), value & P61_GATE2);
	nmi_disable(p->nmi, value & P61_IOCHK_OFF);
}

/* --- life --- */

/* The 8254 has no reset input: it counts on.  82371SB data sheet, port 61h: 00h. */
static void pit_reset(void *d, enum reset_kind kind)
{
	struct pit *p = d;
	if (kind == RESET_POWER) {
		for (unsigned i = 0; i < 3; i++)
			p->ch[i] = (struct channel){.access = ACCESS_BOTH, .gate = i != 2};
		p->next = 0;
		restart(p, ticks_now(p));
	}
	port61_write(p, 0, 1, 0);
}

static void channel_state(struct channel *c, struct archive *a)
{
	ARCHIVE(a, c, mode);
	archive_require(a, "mode", c->mode <= 5);
	ARCHIVE(a, c, access);
	archive_require(a, "access", c->access <= ACCESS_BOTH);
	ARCHIVE(a, c, bcd);
	ARCHIVE(a, c, gate);
	ARCHIVE(a, c, running);
	ARCHIVE(a, c, paused);
	ARCHIVE(a, c, low_first);
	ARCHIVE(a, c, edge_at_start);
	ARCHIVE(a, c, reload_pending);
	ARCHIVE(a, c, count_written);
	ARCHIVE(a, c, count);
	ARCHIVE(a, c, n);
	archive_require(a, "n", c->n <= 0x10000 && c->count <= 0x10000);
	archive_require(a, "n", (c->n || !c->running) && (c->count || !c->reload_pending));
	ARCHIVE(a, c, start);
	ARCHIVE(a, c, frozen);
	ARCHIVE(a, c, reload_at);
	ARCHIVE(a, c, write_msb);
	ARCHIVE(a, c, read_msb);
	ARCHIVE(a, c, write_lsb);
	ARCHIVE(a, c, status_latched);
	ARCHIVE(a, c, status);
	ARCHIVE(a, c, latched);
	ARCHIVE(a, c, latch);
}

static void pit_state(void *d, struct archive *a)
{
	struct pit *p = d;
	for (unsigned i = 0; i < 3; i++) {
		archive_index(a, i);
		channel_state(&p->ch[i], a);
	}
	archive_index(a, -1);
	ARCHIVE(a, p, port61);
	ARCHIVE(a, p, edge);
	ARCHIVE(a, p, next);
	ARCHIVE(a, p, held);
	timer_state(p->tick, a, "tick");
	if (archive_loaded(a))
		pit_look(p);
}

static void pit_destroy(void *d)
{
	struct pit *p = d;
	timer_free(p->tick);
	free(p);
}

const struct device_type pit_type = {"pit", pit_reset, pit_state, pit_destroy};

struct pit *pit_create(struct bus *bus, struct clock *clock, struct irq_line irq0, struct nmi *nmi)
{
	struct pit *p = calloc(1, sizeof *p);
	CHECK(p);
	p->clock = clock;
	p->irq0 = irq0;
	p->nmi = nmi;
	p->tick = timer_create_on(clock, p, tick_fires);
	pit_reset(p, RESET_POWER);
	struct region_handler counters = {.ctx = p, .read = pit_read, .write = pit_write};
	struct region_handler port61 = {.ctx = p, .read = port61_read, .write = port61_write};
	CHECK(bus_map(bus, SPACE_PORT, COUNTERS, 4, counters) > 0);
	CHECK(bus_map(bus, SPACE_PORT, PORT_61, 1, port61) > 0);
	return p;
}
