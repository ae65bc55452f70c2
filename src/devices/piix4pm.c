#include "devices/piix4pm.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	/* configuration space */
	PM_BASE = 0x40,
	DEVACTB = 0x58, /* to 5Bh */
	APMC_EN = 0x02, /* of 5Bh */
	PMREGMISC = 0x80,
	PM_IO_ENABLE = 0x01,

	/* behind the PM base */
	PM_BYTES = 64,
	PM1_STATUS = 0,
	PM1_ENABLE = 2,
	PM1_CONTROL = 4,
	PM_TIMER = 8,

	/* status and enable */
	TIMER_CARRY = 0x0001,
	GLOBAL = 0x0020,
	POWER_BUTTON = 0x0100,
	RTC_ALARM = 0x0400,
	ENABLES = TIMER_CARRY | GLOBAL | POWER_BUTTON | RTC_ALARM,

	/* control */
	SCI_EN = 0x0001,
	BM_RLD = 0x0002,
	SLP_TYP = 10,
	SLP_TYP_MASK = 7 << SLP_TYP,
	SLP_EN = 1 << 13, /* reads as 0 */

	APM_PORTS = 0xb2, /* control, status */

	TIMER_HZ = 3579545,
	TIMER_BITS = 24,
};

struct piix4pm {
	struct piix4pm_board board;
	struct timer *carry;
	uint16_t status, enable, control;
	uint64_t halves; /* of the timer's period: how many had passed at the last look */
	uint8_t apm[2];
};

/* --- the timer, which starts with the clock and never stops --- */

static uint64_t ticks(const struct piix4pm *p)
{
	return clock_ticks(p->board.clock, TIMER_HZ);
}

/* ACPI 1.0b, 4.7.3.1.1: the carry is each change of the highest bit. */
static uint64_t halves(uint64_t tick)
{
	return tick >> (TIMER_BITS - 1);
}

/* The SCI as the registers have it; a carry that it would tell of is waited for. */
static void update(struct piix4pm *p)
{
	irq_set(&p->board.sci, p->control & SCI_EN && p->status & p->enable);
	if (!(p->control & SCI_EN) || !(p->enable & ~p->status & TIMER_CARRY)) {
		timer_cancel(p->carry);
		return;
	}
	unsigned __int128 tick = (unsigned __int128)(p->halves + 1) << (TIMER_BITS - 1);
	timer_set(p->carry, (tick * 1000000000 + TIMER_HZ - 1) / TIMER_HZ);
}

static void look_at(struct piix4pm *p, uint64_t tick)
{
	uint64_t now = halves(tick);
	if (now == p->halves)
		return;
	p->halves = now;
	p->status |= TIMER_CARRY;
	update(p);
}

static void look(struct piix4pm *p)
{
	look_at(p, ticks(p));
}

static void on_carry(void *ctx, uint64_t now)
{
	look(ctx);
}

void piix4pm_power_button(struct piix4pm *p)
{
	look(p);
	p->status |= POWER_BUTTON;
	update(p);
}

/* --- registers --- */

/* General-purpose events, processor control, global events and GPIO are not there. */
static uint32_t pm_dword(const struct piix4pm *p, uint32_t at, uint64_t tick)
{
	switch (at) {
	case PM1_STATUS:
		return p->status | (uint32_t)p->enable << 16;
	case PM1_CONTROL:
		return p->control;
	case PM_TIMER:
		return tick & ((1 << TIMER_BITS) - 1);
	default:
		return 0;
	}
}

static uint32_t pm_read(void *ctx, uint32_t offset, unsigned size)
{
	struct piix4pm *p = ctx;
	uint32_t at = offset & ~3u;
	uint64_t tick = ticks(p);
	look_at(p, tick);
	uint64_t v = pm_dword(p, at, tick) | (uint64_t)pm_dword(p, at + 4, tick) << 32;
	return v >> 8 * (offset & 3);
}

static void set_byte(uint16_t *to, unsigned shift, uint8_t v, uint16_t writable)
{
	uint16_t mask = 0xff << shift & writable;
	*to = (*to & ~mask) | (v << shift & mask);
}

static void pm_write_byte(struct piix4pm *p, uint32_t offset, uint8_t v)
{
	unsigned shift = offset & 1 ? 8 : 0;
	switch (offset & ~1u) {
	case PM1_STATUS: /* a one clears */
		p->status &= ~(v << shift);
		break;
	case PM1_ENABLE:
		set_byte(&p->enable, shift, v, ENABLES);
		break;
	case PM1_CONTROL:
		set_byte(&p->control, shift, v, SCI_EN | BM_RLD | SLP_TYP_MASK);
		if (v << shift & SLP_EN && (p->control & SLP_TYP_MASK) >> SLP_TYP == PM_SLP_TYP_S5)
			p->board.power_off(p->board.ctx);
		break;
	}
}

static void pm_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct piix4pm *p = ctx;
	look(p);
	for (unsigned i = 0; i < size; i++)
		pm_write_byte(p, offset + i, value >> 8 * i);
	update(p);
}

static uint32_t apm_read(void *ctx, uint32_t offset, unsigned size)
{
	struct piix4pm *p = ctx;
	return p->apm[offset];
}

/* A write of the control port would be an SMI, whose handler gives ACPI to the guest or takes it
 * back: ACPI 1.0b, 4.7.2.5. */
static void apm_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct piix4pm *p = ctx;
	p->apm[offset] = value;
	if (offset)
		return;
	look(p);
	if (value == PM_ACPI_ENABLE)
		p->control |= SCI_EN;
	else if (value == PM_ACPI_DISABLE)
		p->control &= ~SCI_EN;
	update(p);
}

/* --- life --- */

static void piix4pm_reset(void *d, enum reset_kind kind)
{
	struct piix4pm *p = d;
	p->status = p->enable = p->control = 0;
	p->apm[0] = p->apm[1] = 0;
	p->halves = halves(ticks(p));
	update(p);
}

static void piix4pm_state(void *d, struct archive *a)
{
	struct piix4pm *p = d;
	ARCHIVE(a, p, status);
	ARCHIVE(a, p, enable);
	ARCHIVE(a, p, control);
	ARCHIVE(a, p, halves);
	ARCHIVE(a, p, apm);
	archive_require(a, "status", !(p->status & ~(TIMER_CARRY | POWER_BUTTON)));
	archive_require(a, "enable", !(p->enable & ~ENABLES));
	archive_require(a, "control", !(p->control & ~(SCI_EN | BM_RLD | SLP_TYP_MASK)));
	archive_require(a, "halves", p->halves <= halves(ticks(p)));
	if (archive_loaded(a))
		update(p);
}

static void piix4pm_destroy(void *d)
{
	struct piix4pm *p = d;
	timer_free(p->carry);
	free(p);
}

const struct device_type piix4pm_type = {"piix4pm", piix4pm_reset, piix4pm_state, piix4pm_destroy};

struct piix4pm *piix4pm_create(struct bus *bus, struct pci *pci, struct piix4pm_board board)
{
	static const struct pci_register registers[] = {
		{0x04, 0x00, 0x01}, /* the SMBus's ports, were there any */
		{0x06, 0x80, 0},
		{0x07, 0x02, 0},
		{DEVACTB, 0x00, 0xff},
		{DEVACTB + 1, 0x00, 0xff},
		{DEVACTB + 2, 0x00, 0xff},
		{DEVACTB + 3, APMC_EN, 0xfd},
		{PMREGMISC, 0x00, PM_IO_ENABLE},
	};
	struct piix4pm *p = calloc(1, sizeof *p);
	CHECK(p);
	p->board = board;
	p->carry = timer_create_on(board.clock, p, on_carry);
	struct pci_window pm = {
		.at = PM_BASE,
		.space = SPACE_PORT,
		.bytes = PM_BYTES,
		.handler = {.ctx = p, .read = pm_read, .write = pm_write, .max = 4},
		.enable_at = PMREGMISC,
		.enable = PM_IO_ENABLE,
	};
	pci_add(pci, &(struct pci_config){
			     .device = 1,
			     .function = 3,
			     .vendor = 0x8086,
			     .id = 0x7113,
			     .class = 0x068000,
			     .revision = 0x03,
			     .pin = 1,
			     .registers = registers,
			     .n_registers = sizeof registers / sizeof *registers,
			     .windows = &pm,
			     .n_windows = 1,
		     });
	struct region_handler apm = {.ctx = p, .read = apm_read, .write = apm_write};
	CHECK(bus_map(bus, SPACE_PORT, APM_PORTS, 2, apm) > 0);
	piix4pm_reset(p, RESET_POWER);
	return p;
}
