#include "devices/pic.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	CASCADE = 2,

	ICW1 = 0x10, /* of a write at A0 = 0 */
	ICW1_IC4 = 0x01,
	ICW1_SNGL = 0x02,
	ICW1_LTIM = 0x08,
	ICW4_AEOI = 0x02,
	ICW4_SFNM = 0x10,

	OCW2_LEVEL = 0x07,
	OCW2_EOI = 0x20,
	OCW2_SL = 0x40,
	OCW2_R = 0x80,

	OCW3 = 0x08,
	OCW3_RIS = 0x01,
	OCW3_RR = 0x02,
	OCW3_POLL = 0x04,
	OCW3_SMM = 0x20,
	OCW3_ESMM = 0x40,

	SPURIOUS = 7,
};

struct chip {
	struct pic *pic;
	uint8_t lines; /* levels of the inputs */
	uint8_t irr;   /* edge inputs: latched while high; level inputs: the line */
	uint8_t imr, isr;
	uint8_t elcr;
	uint8_t base;   /* vector of IR0 */
	uint8_t lowest; /* IR with the lowest priority */
	uint8_t awaits; /* next initialization word: 2, 3, 4; 0: none */
	bool icw4, single, ltim;
	bool aeoi, rotate_aeoi, sfnm, smm;
	bool read_isr, poll;
};

/* What drives an input, with others: one that is asserted keeps it high. */
struct source {
	struct source *next; /* the one created before it */
	struct pic *pic;
	unsigned irq;
	bool level;
};

struct pic {
	struct chip chip[2]; /* master, slave */
	struct source *sources;
	unsigned asserted[16]; /* of each input's sources */
	void *ctx;
	void (*look)(void *ctx);
	struct pic_listener listener;
	bool intr;
};

static bool is_master(const struct chip *c)
{
	return c == &c->pic->chip[0];
}

/* Priority of the best of these IRs, 0 the highest; 8 when there is none. */
static unsigned best_priority(const struct chip *c, uint8_t set)
{
	for (unsigned i = 0; i < 8; i++)
		if (set >> ((c->lowest + 1 + i) & 7) & 1)
			return i;
	return 8;
}

static unsigned ir_of(const struct chip *c, unsigned priority)
{
	return (c->lowest + 1 + priority) & 7;
}

/* The IR that the chip's INT output stands for, or -1. */
static int pending(const struct chip *c)
{
	uint8_t blocking = c->isr;
	/* Special mask mode: a masked level in service holds nobody back. */
	if (c->smm)
		blocking &= ~c->imr;
	unsigned want = best_priority(c, c->irr & ~c->imr), busy = best_priority(c, blocking);
	if (want == 8 || want > busy)
		return -1;
	/* Special fully nested mode: the slave in service may ask again, and it alone. */
	bool again = c->sfnm && is_master(c) && ir_of(c, want) == CASCADE;
	return want < busy || again ? (int)ir_of(c, want) : -1;
}

static bool level_triggered(const struct chip *c, unsigned ir)
{
	return c->ltim || c->elcr >> ir & 1;
}

static void chip_line(struct chip *c, unsigned ir, bool level)
{
	uint8_t bit = 1 << ir;
	/* An edge request must stay high until it is acknowledged. */
	if (!level)
		c->irr &= ~bit;
	else if (level_triggered(c, ir) || !(c->lines & bit))
		c->irr |= bit;
	c->lines = level ? c->lines | bit : c->lines & ~bit;
}

static void update(struct pic *p)
{
	chip_line(&p->chip[0], CASCADE, pending(&p->chip[1]) >= 0);
	bool before = p->intr;
	p->intr = pending(&p->chip[0]) >= 0;
	if (p->intr != before && p->listener.intr)
		p->listener.intr(p->listener.ctx, p->intr);
}

static void source_set(void *ctx, bool level)
{
	struct source *from = ctx;
	struct pic *p = from->pic;
	unsigned irq = from->irq;
	bool before = p->asserted[irq];
	p->asserted[irq] += level - from->level;
	from->level = level;
	bool now = p->asserted[irq];
	chip_line(&p->chip[irq >> 3], irq & 7, now);
	update(p);
	if (now != before && p->listener.input)
		p->listener.input(p->listener.ctx, irq, now);
}

void pic_listen(struct pic *p, struct pic_listener l)
{
	p->listener = l;
}

struct irq_line pic_line(struct pic *p, unsigned irq)
{
	CHECK(irq < 16 && irq != CASCADE);
	struct source *from = malloc(sizeof *from);
	CHECK(from);
	*from = (struct source){p->sources, p, irq, false};
	p->sources = from;
	return (struct irq_line){from, source_set};
}

static void look(struct pic *p)
{
	if (p->look)
		p->look(p->ctx);
}

bool pic_intr(struct pic *p)
{
	/* The request may be gone. */
	if (p->intr)
		look(p);
	return p->intr;
}

/* The chip's part of an acknowledge or poll: the IR taken, or -1 for none. */
static int chip_take(struct chip *c)
{
	int ir = pending(c);
	if (ir < 0)
		return -1;
	if (!level_triggered(c, ir))
		c->irr &= ~(1 << ir);
	if (!c->aeoi)
		c->isr |= 1 << ir;
	else if (c->rotate_aeoi)
		c->lowest = ir;
	return ir;
}

uint8_t pic_ack(struct pic *p)
{
	struct chip *master = &p->chip[0], *slave = &p->chip[1], *c = master;
	int ir = chip_take(master);
	if (ir == CASCADE && !master->single) {
		c = slave;
		ir = chip_take(slave);
		/* INT of the slave drops during INTA: a second request is a new edge. */
		chip_line(master, CASCADE, false);
	}
	update(p);
	if (ir < 0)
		return c->base | SPURIOUS;
	return c->base | ir;
}

static void write_ocw2(struct chip *c, uint8_t v)
{
	unsigned ir = v & OCW2_LEVEL;
	bool rotate = v & OCW2_R;
	switch (v & (OCW2_EOI | OCW2_SL)) {
	case OCW2_EOI: { /* of the highest level in service */
		unsigned priority = best_priority(c, c->smm ? c->isr & ~c->imr : c->isr);
		if (priority == 8)
			return;
		ir = ir_of(c, priority);
		c->isr &= ~(1 << ir);
		break;
	}
	case OCW2_EOI | OCW2_SL:
		c->isr &= ~(1 << ir);
		break;
	case OCW2_SL: /* set priority, or no operation */
		break;
	default:
		c->rotate_aeoi = rotate;
		return;
	}
	if (rotate)
		c->lowest = ir;
}

static void write_a0(struct chip *c, uint8_t v)
{
	if (v & ICW1) {
		/* Data sheet, "Initialization": what ICW1 resets. */
		c->irr = 0;
		for (unsigned ir = 0; ir < 8; ir++)
			if ((v & ICW1_LTIM || c->elcr >> ir & 1) && c->lines >> ir & 1)
				c->irr |= 1 << ir;
		c->imr = c->isr = 0;
		c->lowest = 7;
		c->smm = c->read_isr = c->poll = false;
		c->aeoi = c->sfnm = c->rotate_aeoi = false;
		c->icw4 = v & ICW1_IC4;
		c->single = v & ICW1_SNGL;
		c->ltim = v & ICW1_LTIM;
		c->awaits = 2;
	} else if (v & OCW3) {
		if (v & OCW3_ESMM)
			c->smm = v & OCW3_SMM;
		if (v & OCW3_RR)
			c->read_isr = v & OCW3_RIS;
		c->poll = v & OCW3_POLL;
	} else {
		write_ocw2(c, v);
	}
}

static void write_a1(struct chip *c, uint8_t v)
{
	switch (c->awaits) {
	case 0:
		c->imr = v;
		break;
	case 2:
		c->base = v & 0xf8;
		c->awaits = !c->single ? 3 : c->icw4 ? 4 : 0;
		break;
	case 3: /* wiring: ours is fixed */
		c->awaits = c->icw4 ? 4 : 0;
		break;
	case 4:
		c->aeoi = v & ICW4_AEOI;
		c->sfnm = v & ICW4_SFNM;
		c->awaits = 0;
		break;
	}
}

static uint32_t chip_read(void *ctx, uint32_t offset, unsigned size)
{
	struct chip *c = ctx;
	struct pic *p = c->pic;
	look(p);
	if (c->poll) {
		c->poll = false;
		int ir = chip_take(c);
		if (!is_master(c))
			chip_line(&p->chip[0], CASCADE, false);
		update(p);
		return ir < 0 ? 0 : 0x80 | ir;
	}
	if (offset)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}

static void chip_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct chip *c = ctx;
	struct pic *p = c->pic;
	look(p);
	if (offset)
		write_a1(c, value);
	else
		write_a0(c, value);
	update(p);
}

static uint32_t elcr_read(void *ctx, uint32_t offset, unsigned size)
{
	struct pic *p = ctx;
	return p->chip[offset].elcr;
}

static void set_elcr(struct chip *c, uint8_t v)
{
	/* IRQ 0, 1, 2, 8 and 13 are edge-triggered for good. */
	c->elcr = v & (is_master(c) ? 0xf8 : 0xde);
	for (unsigned ir = 0; ir < 8; ir++)
		if (level_triggered(c, ir))
			c->irr = (c->irr & ~(1 << ir)) | (c->lines & 1 << ir);
}

static void elcr_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct pic *p = ctx;
	set_elcr(&p->chip[offset], value);
	update(p);
}

/* --- life --- */

/* The 8259A has no reset input: ICW1 stands for it.  ELCR: 00h, 82371SB data sheet. */
static void pic_reset(void *d, enum reset_kind kind)
{
	struct pic *p = d;
	for (unsigned i = 0; i < 2; i++) {
		struct chip *c = &p->chip[i];
		if (kind == RESET_POWER)
			*c = (struct chip){.pic = p, .lines = c->lines, .lowest = 7};
		set_elcr(c, 0);
	}
	update(p);
}

static void chip_state(struct chip *c, struct archive *a)
{
	ARCHIVE(a, c, lines);
	ARCHIVE(a, c, irr);
	ARCHIVE(a, c, imr);
	ARCHIVE(a, c, isr);
	ARCHIVE(a, c, elcr);
	ARCHIVE(a, c, base);
	ARCHIVE(a, c, lowest);
	ARCHIVE(a, c, awaits);
	ARCHIVE(a, c, icw4);
	ARCHIVE(a, c, single);
	ARCHIVE(a, c, ltim);
	ARCHIVE(a, c, aeoi);
	ARCHIVE(a, c, rotate_aeoi);
	ARCHIVE(a, c, sfnm);
	ARCHIVE(a, c, smm);
	ARCHIVE(a, c, read_isr);
	ARCHIVE(a, c, poll);
}

/* With the sources, so that a device that drives its line again makes no edge. */
static void pic_state(void *d, struct archive *a)
{
	struct pic *p = d;
	for (unsigned i = 0; i < 2; i++) {
		archive_index(a, i);
		chip_state(&p->chip[i], a);
	}
	unsigned n = 0;
	for (struct source *from = p->sources; from; from = from->next) {
		p->asserted[from->irq] -= from->level;
		archive_index(a, n++);
		archive_flag(a, "source", &from->level, sizeof from->level);
		p->asserted[from->irq] += from->level;
	}
	if (archive_loads(a))
		update(p);
}

static void pic_destroy(void *d)
{
	struct pic *p = d;
	while (p->sources) {
		struct source *from = p->sources;
		p->sources = from->next;
		free(from);
	}
	free(p);
}

const struct device_type pic_type = {"pic", pic_reset, pic_state, pic_destroy};

struct pic *pic_create(struct bus *bus, void *ctx, void (*look)(void *ctx))
{
	struct pic *p = calloc(1, sizeof *p);
	CHECK(p);
	p->ctx = ctx;
	p->look = look;
	p->chip[0].pic = p->chip[1].pic = p;
	pic_reset(p, RESET_POWER);
	struct region_handler elcr = {.ctx = p, .read = elcr_read, .write = elcr_write};
	CHECK(bus_map(bus, SPACE_PORT, 0x4d0, 2, elcr) > 0);
	for (unsigned i = 0; i < 2; i++) {
		struct region_handler h = {
			.ctx = &p->chip[i], .read = chip_read, .write = chip_write};
		CHECK(bus_map(bus, SPACE_PORT, i ? 0xa0 : 0x20, 2, h) > 0);
	}
	return p;
}
