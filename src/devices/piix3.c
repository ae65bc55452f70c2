#include "devices/piix3.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	PIRQRC = 0x60, /* to 63h: where PIRQA to PIRQD lead */
	ROUTE_OFF = 0x80,
	ROUTE_IRQ = 0x0f,

	RESET_CONTROL = 1, /* behind CF8h */
	RC_HARD = 0x02,
	RC_RESET = 0x04, /* its rise resets */
};

struct piix3 {
	struct piix3_board board;
	struct pci_function *function;
	struct pirq {
		struct piix3 *piix3;
		bool level;
	} pirq[PCI_WIRES];
	uint8_t reset_control;
};

/* The input is high while one that is routed to it asks. */
static void route(struct piix3 *p)
{
	uint16_t high = 0;
	for (unsigned i = 0; i < PCI_WIRES; i++) {
		uint8_t to = pci_byte(p->function, PIRQRC + i);
		if (p->pirq[i].level && !(to & ROUTE_OFF))
			high |= 1 << (to & ROUTE_IRQ);
	}
	for (unsigned irq = 0; irq < 16; irq++)
		if (PIIX3_ROUTABLE >> irq & 1)
			irq_set(&p->board.irq[irq], high >> irq & 1);
}

static void on_changed(void *ctx)
{
	route(ctx);
}

static void pirq_set(void *ctx, bool level)
{
	struct pirq *pirq = ctx;
	pirq->level = level;
	route(pirq->piix3);
}

static uint32_t reset_control_read(void *ctx, uint32_t offset, unsigned size)
{
	struct piix3 *p = ctx;
	return size == 1 && offset == RESET_CONTROL ? p->reset_control : UINT32_MAX;
}

static void reset_control_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct piix3 *p = ctx;
	if (size != 1 || offset != RESET_CONTROL)
		return;
	bool reset = value & ~p->reset_control & RC_RESET;
	p->reset_control = value & (RC_HARD | RC_RESET);
	if (reset)
		p->board.reset(p->board.ctx, value & RC_HARD ? RESET_HARD : RESET_CPU);
}

/* --- life --- */

static void piix3_reset(void *d, enum reset_kind kind)
{
	struct piix3 *p = d;
	p->reset_control = 0;
}

/* The levels are the bus's to drive again. */
static void piix3_state(void *d, struct archive *a)
{
	struct piix3 *p = d;
	ARCHIVE(a, p, reset_control);
}

const struct device_type piix3_type = {"piix3", piix3_reset, piix3_state, free};

struct piix3 *piix3_create(struct pci *pci, struct piix3_board board)
{
	/* Section 2.2 of the data sheet, which has the defaults. */
	static const struct pci_register registers[] = {
		{0x04, 0x07, 0x08}, {0x05, 0x00, 0x01}, {0x07, 0x02, 0},
		{0x4c, 0x4d, 0x7f},                     /* ISA I/O recovery */
		{0x4e, 0x03, 0xff}, {0x4f, 0x00, 0x03}, /* X-bus chip selects */
		{0x60, 0x80, 0x8f}, {0x61, 0x80, 0x8f}, {0x62, 0x80, 0x8f},
		{0x63, 0x80, 0x8f}, {0x69, 0x02, 0xfe}, /* top of memory for ISA masters */
		{0x82, 0x00, 0x0f},                     /* deterministic latency */
	};
	struct piix3 *p = calloc(1, sizeof *p);
	CHECK(p);
	p->board = board;
	p->function = pci_add(pci, &(struct pci_config){
					   .device = 1,
					   .vendor = 0x8086,
					   .id = 0x7000,
					   .class = 0x060100,
					   .multifunction = true,
					   .registers = registers,
					   .n_registers = sizeof registers / sizeof *registers,
					   .ctx = p,
					   .changed = on_changed,
				   });
	for (unsigned i = 0; i < PCI_WIRES; i++) {
		p->pirq[i].piix3 = p;
		pci_connect(pci, i, (struct irq_line){&p->pirq[i], pirq_set});
	}
	pci_set_other(pci, (struct region_handler){.ctx = p,
	                                           .read = reset_control_read,
	                                           .write = reset_control_write});
	return p;
}
