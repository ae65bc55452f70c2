#include "devices/parallel.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	DATA = 0,
	STATUS = 1,
	CONTROL = 2,
	PORTS = 3,

	ST_ERROR = 0x08, /* low where there is one; so is ACK, and BUSY while it is busy */
	ST_SELECTED = 0x10,
	ST_ACK = 0x40,
	ST_BUSY = 0x80,

	CTL_STROBE = 0x01,
	CTL_INIT = 0x04, /* low: the printer starts anew */
	CTL_SELECT = 0x08,
	CTL_INTERRUPT = 0x10,
	CTL_INPUT = 0x20, /* the data lines are the printer's to drive, which does not */
	CTL_UNUSED = 0xc0,
};

struct parallel {
	struct irq_line irq;
	struct parallel_printer printer;
	uint8_t data, control;
	uint8_t byte; /* that the printer has latched */
	bool busy;    /* with that */
	/* It has taken a byte, and nobody has looked since: the pulse of ACK lasts until then, as a
	 * poll would miss one of some microseconds. */
	bool acknowledges;
	bool interrupts;
};

static void update(struct parallel *p)
{
	p->interrupts = p->interrupts && p->control & CTL_INTERRUPT;
	irq_set(&p->irq, p->interrupts);
}

static void take(struct parallel *p)
{
	if (!p->busy || (p->printer.room && !p->printer.room(p->printer.ctx)))
		return;
	p->busy = false;
	p->printer.print(p->printer.ctx, p->byte);
	p->acknowledges = p->interrupts = true;
	update(p);
}

void parallel_ready(struct parallel *p)
{
	take(p);
}

/* STROBE begins.  What comes while the printer is busy is lost. */
static void strobe(struct parallel *p)
{
	p->acknowledges = p->interrupts = false;
	update(p);
	if (p->busy)
		return;
	p->byte = p->data;
	p->busy = true;
	take(p);
}

static uint8_t status(struct parallel *p)
{
	uint8_t v =
		ST_ERROR | ST_SELECTED | (p->busy ? 0 : ST_BUSY) | (p->acknowledges ? 0 : ST_ACK);
	p->acknowledges = p->interrupts = false;
	update(p);
	return v;
}

static uint32_t parallel_read(void *ctx, uint32_t offset, unsigned size)
{
	struct parallel *p = ctx;
	switch (offset) {
	case DATA:
		return p->control & CTL_INPUT ? 0xff : p->data;
	case STATUS:
		return status(p);
	default:
		return p->control | CTL_UNUSED;
	}
}

static void parallel_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct parallel *p = ctx;
	uint8_t before = p->control;
	switch (offset) {
	case DATA:
		p->data = value;
		break;
	case CONTROL:
		p->control = value;
		update(p);
		if (value & ~before & CTL_STROBE)
			strobe(p);
		break;
	}
}

/* --- life --- */

static void parallel_reset(void *d, enum reset_kind kind)
{
	struct parallel *p = d;
	p->data = p->byte = 0;
	p->control = CTL_INIT | CTL_SELECT;
	p->busy = p->acknowledges = p->interrupts = false;
	update(p);
}

static void parallel_state(void *d, struct archive *a)
{
	struct parallel *p = d;
	ARCHIVE(a, p, data);
	ARCHIVE(a, p, control);
	ARCHIVE(a, p, byte);
	ARCHIVE(a, p, busy);
	ARCHIVE(a, p, acknowledges);
	ARCHIVE(a, p, interrupts);
	if (archive_loaded(a))
		update(p);
}

const struct device_type parallel_type = {"parallel", parallel_reset, parallel_state, free};

struct parallel *parallel_create(struct bus *bus, uint16_t port, struct irq_line irq,
                                 struct parallel_printer printer)
{
	struct parallel *p = calloc(1, sizeof *p);
	CHECK(p);
	p->irq = irq;
	p->printer = printer;
	parallel_reset(p, RESET_POWER);
	struct region_handler h = {.ctx = p, .read = parallel_read, .write = parallel_write};
	CHECK(bus_map(bus, SPACE_PORT, port, PORTS, h) > 0);
	return p;
}
