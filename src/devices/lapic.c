#include "devices/lapic.h"

#include "base/log.h"

#include <stdlib.h>

enum lapic_register {
	REG_ID = 0x20,
	REG_VERSION = 0x30,
	REG_TPR = 0x80,
	REG_APR = 0x90,
	REG_PPR = 0xa0,
	REG_EOI = 0xb0,
	REG_LDR = 0xd0,
	REG_DFR = 0xe0,
	REG_SVR = 0xf0,
	REG_ISR = 0x100, /* eight, as TMR and IRR */
	REG_TMR = 0x180,
	REG_IRR = 0x200,
	REG_ESR = 0x280,
	REG_ICR = 0x300,
	REG_ICR_HIGH = 0x310,
	REG_LVT = 0x320, /* LVT_COUNT of them */
	REG_INITIAL = 0x380,
	REG_CURRENT = 0x390,
	REG_DIVIDE = 0x3e0,
	REG_BYTES = 0x1000,

	BASE_ON = 1 << 11,
	BASE_ADDRESS = 0xfffff000,

	SVR_ON = 1 << 8,
	SVR_BITS = 0x3ff,

	MODE_SHIFT = 8, /* of LVT and ICR */
	MODE_BITS = 7,
	LVT_REMOTE_IRR = 1 << 14,
	LVT_LEVEL = 1 << 15,
	LVT_MASKED = 1 << 16,
	LVT_PERIODIC = 1 << 17,

	ICR_LOGICAL = 1 << 11,
	ICR_LEVEL = 1 << 15,
	ICR_ASSERT = 1 << 14,
	ICR_BITS = 0xccfff & ~(1 << 12),
	ICR_WHOM_SHIFT = 18,

	ESR_SENT_BAD = 1 << 5,
	ESR_RECEIVED_BAD = 1 << 6,
	ESR_NO_REGISTER = 1 << 7,

	FIRST_VECTOR = 16, /* those below are illegal */
	BROADCAST = 0xff,
};

enum lvt { LVT_TIMER, LVT_THERMAL, LVT_COUNTERS, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

/* What may be written of each. */
static const uint32_t lvt_bits[LVT_COUNT] = {
	[LVT_TIMER] = 0x300ff, [LVT_THERMAL] = 0x107ff, [LVT_COUNTERS] = 0x107ff,
	[LVT_LINT0] = 0x1a7ff, [LVT_LINT1] = 0x1a7ff,   [LVT_ERROR] = 0x100ff,
};

/* A bus of 200 MHz.  Two expiries are no closer than what a host can keep. */
enum { BUS_TICK_NS = 5, CLOSEST_NS = 10000 };

struct lapic {
	struct bus *bus;
	struct lapic_board board;
	struct timer *timer;
	int region; /* 0: none */
	uint64_t base;

	uint8_t id, tpr, ldr, dfr;
	uint32_t svr;
	uint32_t isr[8], tmr[8], irr[8];
	uint32_t lvt[LVT_COUNT];
	uint32_t icr, icr_high;
	uint32_t esr, errors; /* as it reads; since it was written */
	bool input[2];

	/* The timer's count was this at that time. */
	uint32_t initial, count;
	uint64_t since;
	uint8_t divide;
};

static bool is_on(const struct lapic *l)
{
	return l->base & BASE_ON;
}

/* --- sets of vectors --- */

static bool has(const uint32_t *set, uint8_t vector)
{
	return set[vector >> 5] >> (vector & 31) & 1;
}

static void change(uint32_t *set, uint8_t vector, bool in)
{
	uint32_t bit = 1u << (vector & 31);
	set[vector >> 5] = in ? set[vector >> 5] | bit : set[vector >> 5] & ~bit;
}

/* 0: none. */
static uint8_t highest(const uint32_t *set)
{
	for (unsigned i = 8; i--;)
		if (set[i])
			return (uint8_t)(i * 32 + 31 - (unsigned)__builtin_clz(set[i]));
	return 0;
}

/* SDM vol. 3, 11.8.3.1. */
static uint8_t ppr(const struct lapic *l)
{
	uint8_t in_service = highest(l->isr) & 0xf0;
	return (l->tpr & 0xf0) >= in_service ? l->tpr : in_service;
}

/* --- what is asked for --- */

static void request(struct lapic *l, uint8_t vector, bool level);

static void lvt_deliver(struct lapic *l, enum lvt which)
{
	uint32_t lvt = l->lvt[which];
	if (lvt & LVT_MASKED)
		return;
	/* The timer and errors are always fixed. */
	unsigned mode = lvt >> MODE_SHIFT & MODE_BITS;
	if (mode == LAPIC_FIXED)
		request(l, (uint8_t)lvt, lvt & LVT_LEVEL);
	else if (mode == LAPIC_NMI)
		l->board.nmi(l->board.ctx);
}

static void error(struct lapic *l, uint32_t what)
{
	bool again = l->errors & what;
	l->errors |= what;
	if (!again)
		lvt_deliver(l, LVT_ERROR);
}

static void request(struct lapic *l, uint8_t vector, bool level)
{
	if (vector < FIRST_VECTOR) {
		/* The vector of errors is no error again. */
		if ((uint8_t)l->lvt[LVT_ERROR] != vector)
			error(l, ESR_RECEIVED_BAD);
		return;
	}
	change(l->irr, vector, true);
	change(l->tmr, vector, level);
}

/* SDM vol. 3, 11.6.2. */
static bool is_for_us(const struct lapic *l, const struct lapic_message *m)
{
	if (!m->logical)
		return m->to == l->id || m->to == BROADCAST;
	if (l->dfr >> 4 == 0xf)
		return m->to & l->ldr;
	return (m->to >> 4 == l->ldr >> 4 || m->to >> 4 == 0xf) && m->to & l->ldr & 0xf;
}

static bool accept(struct lapic *l, const struct lapic_message *m)
{
	switch (m->mode) {
	case LAPIC_FIXED:
	case LAPIC_LOWEST:
		if (!(l->svr & SVR_ON))
			return false;
		request(l, m->vector, m->level);
		return true;
	case LAPIC_NMI:
		l->board.nmi(l->board.ctx);
		return true;
	case LAPIC_INIT:
		l->board.init(l->board.ctx);
		return true;
	default: /* there is no SMM; who runs waits for no start-up */
		return true;
	}
}

bool lapic_send(struct lapic *l, const struct lapic_message *m)
{
	return is_on(l) && is_for_us(l, m) && accept(l, m);
}

/* SDM vol. 3, 11.6.1.  There is nobody else. */
static void send_ipi(struct lapic *l)
{
	enum { BY_DESTINATION, SELF, ALL, OTHERS };
	unsigned whom = l->icr >> ICR_WHOM_SHIFT & 3;
	struct lapic_message m = {
		.mode = l->icr >> MODE_SHIFT & MODE_BITS,
		.vector = (uint8_t)l->icr,
		.logical = l->icr & ICR_LOGICAL,
		.to = (uint8_t)(l->icr_high >> 24),
	};
	bool fixed = m.mode == LAPIC_FIXED || m.mode == LAPIC_LOWEST;
	if (fixed && m.vector < FIRST_VECTOR) {
		error(l, ESR_SENT_BAD);
		return;
	}
	/* INIT's end, which only sets arbitration IDs. */
	if (m.mode == LAPIC_INIT && l->icr & ICR_LEVEL && !(l->icr & ICR_ASSERT))
		return;
	if (whom == SELF || whom == ALL || (whom == BY_DESTINATION && is_for_us(l, &m)))
		accept(l, &m);
}

/* --- inputs --- */

/* A level is delivered once; its end of interrupt asks whether it is still there. */
static void input_level(struct lapic *l, unsigned lint)
{
	uint32_t *lvt = &l->lvt[LVT_LINT0 + lint];
	bool fixed = (*lvt >> MODE_SHIFT & MODE_BITS) == LAPIC_FIXED;
	if (!fixed || !(*lvt & LVT_LEVEL) || *lvt & (LVT_MASKED | LVT_REMOTE_IRR) ||
	    !l->input[lint])
		return;
	*lvt |= LVT_REMOTE_IRR;
	lvt_deliver(l, LVT_LINT0 + lint);
}

void lapic_input(struct lapic *l, unsigned lint, bool level)
{
	bool rises = level && !l->input[lint];
	const uint32_t *lvt = &l->lvt[LVT_LINT0 + lint];
	bool fixed = (*lvt >> MODE_SHIFT & MODE_BITS) == LAPIC_FIXED;
	l->input[lint] = level;
	if (!is_on(l)) {
		/* The pins are then INTR and NMI.  SDM vol. 3, 11.4.3. */
		if (lint == LAPIC_LINT1 && rises)
			l->board.nmi(l->board.ctx);
	} else if (fixed && *lvt & LVT_LEVEL) {
		input_level(l, lint);
	} else if (rises) {
		lvt_deliver(l, LVT_LINT0 + lint);
	}
}

/* The 8259A's request goes to the processor as it is. */
static bool passes_pic(const struct lapic *l)
{
	uint32_t lvt = l->lvt[LVT_LINT0];
	return !is_on(l) ||
	       (!(lvt & LVT_MASKED) && (lvt >> MODE_SHIFT & MODE_BITS) == LAPIC_EXTINT);
}

static uint8_t deliverable(const struct lapic *l)
{
	uint8_t vector = highest(l->irr);
	return is_on(l) && l->svr & SVR_ON && (vector & 0xf0) > (ppr(l) & 0xf0) ? vector : 0;
}

bool lapic_intr(struct lapic *l)
{
	return deliverable(l) || (passes_pic(l) && l->board.pic_intr(l->board.ctx));
}

uint8_t lapic_ack(struct lapic *l)
{
	uint8_t vector = deliverable(l);
	if (!vector)
		return passes_pic(l) ? l->board.pic_ack(l->board.ctx) : (uint8_t)l->svr;
	change(l->irr, vector, false);
	change(l->isr, vector, true);
	return vector;
}

static void end_of_interrupt(struct lapic *l)
{
	uint8_t vector = highest(l->isr);
	if (!vector)
		return;
	change(l->isr, vector, false);
	if (!has(l->tmr, vector))
		return;
	for (unsigned lint = 0; lint < 2; lint++) {
		if ((uint8_t)l->lvt[LVT_LINT0 + lint] == vector)
			l->lvt[LVT_LINT0 + lint] &= ~(uint32_t)LVT_REMOTE_IRR;
		input_level(l, lint);
	}
	l->board.eoi(l->board.ctx, vector);
}

/* --- the timer --- */

static uint64_t tick_ns(const struct lapic *l)
{
	/* 0 to 6: 2 to 128; 7: 1. */
	unsigned code = (l->divide & 3) | (l->divide >> 1 & 4);
	return (uint64_t)BUS_TICK_NS << ((code + 1) & 7);
}

static bool is_periodic(const struct lapic *l)
{
	return l->lvt[LVT_TIMER] & LVT_PERIODIC;
}

static uint32_t current_count(const struct lapic *l, uint64_t now)
{
	uint64_t passed = (now - l->since) / tick_ns(l);
	if (passed < l->count)
		return l->count - (uint32_t)passed;
	if (!l->initial || !is_periodic(l) || !l->count)
		return 0;
	return l->initial - (uint32_t)((passed - l->count) % l->initial);
}

static void arm(struct lapic *l)
{
	if (l->count)
		timer_set(l->timer, l->since + l->count * tick_ns(l));
	else
		timer_cancel(l->timer);
}

/* What it counts from here on, before what it counts by is another. */
static void settle(struct lapic *l)
{
	uint64_t now = clock_now(l->board.clock);
	l->count = current_count(l, now);
	l->since = now;
}

static void expire(void *ctx, uint64_t now)
{
	struct lapic *l = ctx;
	lvt_deliver(l, LVT_TIMER);
	settle(l);
	if (!l->count)
		return;
	uint64_t next = l->since + l->count * tick_ns(l);
	timer_set(l->timer, next < now + CLOSEST_NS ? now + CLOSEST_NS : next);
}

/* --- registers --- */

static void write_lvt(struct lapic *l, enum lvt i, uint32_t v)
{
	if (i == LVT_TIMER)
		settle(l);
	uint32_t kept = l->lvt[i] & LVT_REMOTE_IRR;
	l->lvt[i] = (v & lvt_bits[i]) | (v & LVT_LEVEL ? kept : 0);
	if (!(l->svr & SVR_ON))
		l->lvt[i] |= LVT_MASKED;
	if (i == LVT_TIMER)
		arm(l);
	if (i == LVT_LINT0 || i == LVT_LINT1)
		input_level(l, i - LVT_LINT0);
}

/* SDM vol. 3, 11.4.7.2: all are masked while it is off. */
static void write_svr(struct lapic *l, uint32_t v)
{
	l->svr = v & SVR_BITS;
	for (unsigned i = 0; i < LVT_COUNT && !(l->svr & SVR_ON); i++)
		l->lvt[i] |= LVT_MASKED;
}

/* Which LVT register it is; LVT_COUNT: none that there is. */
static enum lvt lvt_of(const struct lapic *l, uint32_t reg)
{
	unsigned i = (reg - REG_LVT) >> 4;
	if (reg < REG_LVT || i >= LVT_COUNT || (i == LVT_THERMAL && l->board.last_lvt < LVT_ERROR))
		return LVT_COUNT;
	return i;
}

static uint32_t register_read(void *ctx, uint32_t offset, unsigned size)
{
	struct lapic *l = ctx;
	uint32_t reg = offset & 0xff0;
	if (offset & 0xc) /* of each 16 bytes the first four are something */
		return 0;
	if (reg >= REG_ISR && reg < REG_ESR) {
		const uint32_t *set = reg >= REG_IRR ? l->irr : reg >= REG_TMR ? l->tmr : l->isr;
		return set[reg >> 4 & 7];
	}
	enum lvt lvt = lvt_of(l, reg);
	if (lvt < LVT_COUNT)
		return l->lvt[lvt];
	switch (reg) {
	case REG_ID:
		return (uint32_t)l->id << 24;
	case REG_VERSION:
		return l->board.version | (uint32_t)l->board.last_lvt << 16;
	case REG_TPR:
		return l->tpr;
	case REG_APR:
	case REG_PPR:
		return ppr(l);
	case REG_LDR:
		return (uint32_t)l->ldr << 24;
	case REG_DFR:
		return (uint32_t)l->dfr << 24 | 0xffffff;
	case REG_SVR:
		return l->svr;
	case REG_ESR:
		return l->esr;
	case REG_ICR:
		return l->icr;
	case REG_ICR_HIGH:
		return l->icr_high;
	case REG_INITIAL:
		return l->initial;
	case REG_CURRENT:
		return current_count(l, clock_now(l->board.clock));
	case REG_DIVIDE:
		return l->divide;
	case REG_EOI:
		return 0;
	default:
		error(l, ESR_NO_REGISTER);
		return 0;
	}
}

static void register_write(void *ctx, uint32_t offset, unsigned size, uint32_t v)
{
	struct lapic *l = ctx;
	uint32_t reg = offset & 0xff0;
	if (offset & 0xc)
		return;
	enum lvt lvt = lvt_of(l, reg);
	if (lvt < LVT_COUNT) {
		write_lvt(l, lvt, v);
		return;
	}
	switch (reg) {
	case REG_ID:
		l->id = (uint8_t)(v >> 24);
		break;
	case REG_TPR:
		l->tpr = (uint8_t)v;
		break;
	case REG_EOI:
		end_of_interrupt(l);
		break;
	case REG_LDR:
		l->ldr = (uint8_t)(v >> 24);
		break;
	case REG_DFR:
		l->dfr = (uint8_t)(v >> 24 | 0xf);
		break;
	case REG_SVR:
		write_svr(l, v);
		break;
	case REG_ESR:
		l->esr = l->errors;
		l->errors = 0;
		break;
	case REG_ICR:
		l->icr = v & ICR_BITS;
		send_ipi(l);
		break;
	case REG_ICR_HIGH:
		l->icr_high = v & 0xff000000;
		break;
	case REG_INITIAL:
		l->initial = l->count = v;
		l->since = clock_now(l->board.clock);
		arm(l);
		break;
	case REG_DIVIDE:
		settle(l);
		l->divide = v & 0xb;
		arm(l);
		break;
	case REG_VERSION:
	case REG_CURRENT:
		break;
	default:
		if (reg < REG_ISR || reg >= REG_ESR)
			error(l, ESR_NO_REGISTER);
	}
}

/* --- life --- */

/* Where another device is, the page stays away. */
static void place(struct lapic *l)
{
	struct region_handler h = {
		.ctx = l, .read = register_read, .write = register_write, .min = 4, .max = 4};
	if (l->region > 0)
		bus_unmap(l->bus, l->region);
	l->region =
		is_on(l) ? bus_map(l->bus, SPACE_MEMORY, l->base & BASE_ADDRESS, REG_BYTES, h) : 0;
}

void lapic_set_base(struct lapic *l, uint64_t base)
{
	if (base == l->base)
		return;
	l->base = base;
	place(l);
}

/* SDM vol. 3, 11.4.7.1. */
static void lapic_reset(void *d, enum reset_kind kind)
{
	struct lapic *l = d;
	l->id = l->tpr = l->ldr = 0;
	l->dfr = 0xff;
	l->svr = 0xff;
	for (unsigned i = 0; i < 8; i++)
		l->isr[i] = l->tmr[i] = l->irr[i] = 0;
	for (unsigned i = 0; i < LVT_COUNT; i++)
		l->lvt[i] = LVT_MASKED;
	l->icr = l->icr_high = l->esr = l->errors = 0;
	l->initial = l->count = 0;
	l->divide = 0;
	timer_cancel(l->timer);
	lapic_set_base(l, LAPIC_BASE_RESET);
}

static void lapic_state(void *d, struct archive *a)
{
	struct lapic *l = d;
	ARCHIVE(a, l, base);
	ARCHIVE(a, l, id);
	ARCHIVE(a, l, tpr);
	ARCHIVE(a, l, ldr);
	ARCHIVE(a, l, dfr);
	ARCHIVE(a, l, svr);
	ARCHIVE(a, l, isr);
	ARCHIVE(a, l, tmr);
	ARCHIVE(a, l, irr);
	ARCHIVE(a, l, lvt);
	ARCHIVE(a, l, icr);
	ARCHIVE(a, l, icr_high);
	ARCHIVE(a, l, esr);
	ARCHIVE(a, l, errors);
	ARCHIVE(a, l, initial);
	ARCHIVE(a, l, count);
	ARCHIVE(a, l, since);
	ARCHIVE(a, l, divide);
	timer_state(l->timer, a, "timer");
	for (unsigned i = 0; i < 2; i++) {
		archive_index(a, (int)i);
		archive_flag(a, "input", &l->input[i], sizeof l->input[i]);
	}
	archive_index(a, -1);
	if (archive_loads(a))
		place(l);
}

static void lapic_destroy(void *d)
{
	struct lapic *l = d;
	timer_free(l->timer);
	free(l);
}

const struct device_type lapic_type = {"lapic", lapic_reset, lapic_state, lapic_destroy};

struct lapic *lapic_create(struct bus *bus, struct lapic_board board)
{
	struct lapic *l = calloc(1, sizeof *l);
	CHECK(l);
	l->bus = bus;
	l->board = board;
	l->timer = timer_create_on(board.clock, l, expire);
	lapic_reset(l, RESET_POWER);
	return l;
}
