/* links: devices */
/* The PC's own PCI functions: shadow RAM, routes of interrupts, reset control, power management. */
#include "dev_fixture.h"

#include "devices/i440fx.h"
#include "devices/pic.h"
#include "devices/piix3.h"
#include "devices/piix4pm.h"

#include <string.h>

enum { HOST = 0, ISA = 1 << 3, PM = 1 << 3 | 3, SLOT3 = 3 << 3, BASE = 0x600 };
enum { SECOND = 1000000000, TIMER_HZ = 3579545 };

struct chipset {
	struct rig r;
	struct pci *pci;
	struct i440fx *i440fx;
	struct piix3 *piix3;
	struct piix4pm *pm;
	struct line irq[16], sci;
	/* What the machine is told. */
	uint8_t shadow[256]; /* of each 4 KiB of the first MiB: 1 reads, 2 writes */
	unsigned shadows, resets, offs;
	enum reset_kind kind;
};

static void on_shadow(void *ctx, uint32_t base, uint32_t bytes, bool read, bool write)
{
	struct chipset *c = ctx;
	c->shadows++;
	assert_true(base >= 0xc0000 && base + bytes <= 0x100000);
	memset(c->shadow + (base >> 12), read | write << 1, bytes >> 12);
}

static void on_reset(void *ctx, enum reset_kind kind)
{
	struct chipset *c = ctx;
	c->resets++;
	c->kind = kind;
}

static void on_power_off(void *ctx)
{
	((struct chipset *)ctx)->offs++;
}

static void open_chipset(struct chipset *c)
{
	*c = (struct chipset){0};
	rig_open(&c->r);
	c->pci = pci_create(c->r.bus, 0);
	c->i440fx = i440fx_create(c->pci, (struct i440fx_board){c, on_shadow});
	struct piix3_board piix3 = {.ctx = c, .reset = on_reset};
	for (unsigned i = 0; i < 16; i++)
		piix3.irq[i] = (struct irq_line){&c->irq[i], line_set};
	c->piix3 = piix3_create(c->pci, piix3);
	struct piix4pm_board pm = {c->r.clock, {&c->sci, line_set}, c, on_power_off};
	c->pm = piix4pm_create(c->r.bus, c->pci, pm);
}

static void close_chipset(struct chipset *c)
{
	piix4pm_type.destroy(c->pm);
	piix3_type.destroy(c->piix3);
	i440fx_type.destroy(c->i440fx);
	pci_type.destroy(c->pci);
	rig_close(&c->r);
}

static void reset_chipset(struct chipset *c, enum reset_kind kind)
{
	pci_type.reset(c->pci, kind);
	i440fx_type.reset(c->i440fx, kind);
	piix3_type.reset(c->piix3, kind);
	piix4pm_type.reset(c->pm, kind);
}

static void cfg_out(struct chipset *c, unsigned function, unsigned at, unsigned size, uint32_t v)
{
	bus_write(c->r.bus, SPACE_PORT, 0xcf8, 4, 1u << 31 | function << 8 | (at & 0xfc));
	bus_write(c->r.bus, SPACE_PORT, 0xcfc + (at & 3), size, v);
}

static uint32_t cfg_in(struct chipset *c, unsigned function, unsigned at, unsigned size)
{
	bus_write(c->r.bus, SPACE_PORT, 0xcf8, 4, 1u << 31 | function << 8 | (at & 0xfc));
	return bus_read(c->r.bus, SPACE_PORT, 0xcfc + (at & 3), size);
}

/* --- what a scan of the bus finds --- */

static void test_functions(void **state)
{
	struct chipset c;
	open_chipset(&c);
	for (unsigned function = 0; function < 256; function++) {
		uint32_t id = cfg_in(&c, function, 0, 4);
		assert_int_equal(id, function == HOST  ? 0x12378086
		                     : function == ISA ? 0x70008086
		                     : function == PM  ? 0x71138086
		                                       : 0xffffffff);
	}
	static const struct {
		uint8_t function, at, size;
		uint32_t value;
	} rows[] = {
		{HOST, 0x2c, 4, 0x11001af4}, {HOST, 0x08, 4, 0x06000002}, {HOST, 0x0e, 1, 0x00},
		{HOST, 0x04, 4, 0x02800006}, {ISA, 0x08, 4, 0x06010000},  {ISA, 0x0e, 1, 0x80},
		{ISA, 0x04, 4, 0x02000007},  {PM, 0x08, 4, 0x06800003},   {PM, 0x04, 4, 0x02800000},
		{PM, 0x3c, 2, 0x0100},       {PM, 0x40, 4, 0x00000001},   {PM, 0x90, 4, 0},
		{ISA, 0x60, 4, 0x80808080},  {PM, 0x58, 4, 0x02000000},   {HOST, 0x72, 1, 0x02},
	};
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(cfg_in(&c, rows[i].function, rows[i].at, rows[i].size),
		                 rows[i].value);
	/* No function has a base register of the header. */
	for (unsigned at = 0x10; at < 0x34; at += 4)
		if (at != 0x2c)
			for (unsigned i = 0; i < 3; i++) {
				unsigned function = i == 0 ? HOST : i == 1 ? ISA : PM;
				cfg_out(&c, function, at, 4, 0xffffffff);
				assert_int_equal(cfg_in(&c, function, at, 4), 0);
			}
	/* SMM is off for good: SeaBIOS looks here before it sets it up. */
	cfg_out(&c, PM, 0x5b, 1, 0x00);
	assert_int_equal(cfg_in(&c, PM, 0x5b, 1), 0x02);
	close_chipset(&c);
}

/* --- shadow RAM --- */

static void expect_shadow(struct chipset *c, uint32_t base, uint32_t end, uint8_t is)
{
	for (uint32_t at = base; at < end; at += 0x1000)
		if (c->shadow[at >> 12] != is)
			fail_msg("%05x: %u, not %u", at, c->shadow[at >> 12], is);
}

static void test_shadow(void **state)
{
	struct chipset c;
	open_chipset(&c);
	assert_int_equal(c.shadows, 0);
	/* As SeaBIOS does: all of it RAM, then part of it only to be read. */
	cfg_out(&c, HOST, 0x58, 4, 0x33333000);
	cfg_out(&c, HOST, 0x5c, 4, 0x33333333);
	assert_int_equal(c.shadows, 13);
	expect_shadow(&c, 0xc0000, 0x100000, 3);
	cfg_out(&c, HOST, 0x58, 4, 0x11111000);
	cfg_out(&c, HOST, 0x5c, 4, 0x33111111);
	expect_shadow(&c, 0xc0000, 0xe8000, 1);
	expect_shadow(&c, 0xe8000, 0xf0000, 3);
	expect_shadow(&c, 0xf0000, 0x100000, 1);
	assert_int_equal(c.shadows, 13 + 11);
	/* What changes nothing, and what is no segment's. */
	cfg_out(&c, HOST, 0x5c, 4, 0xff999999 | 0x33111111);
	assert_int_equal(cfg_in(&c, HOST, 0x5c, 4), 0x33111111);
	cfg_out(&c, HOST, 0x72, 1, 0xff);
	assert_int_equal(cfg_in(&c, HOST, 0x72, 1), 0x7a);
	cfg_out(&c, HOST, 0x59, 1, 0x1f);
	assert_int_equal(cfg_in(&c, HOST, 0x59, 1), 0x10);
	assert_int_equal(c.shadows, 13 + 11);
	reset_chipset(&c, RESET_HARD);
	expect_shadow(&c, 0xc0000, 0x100000, 0);
	assert_int_equal(c.shadows, 13 + 11 + 13);
	close_chipset(&c);
}

/* Each of the 13 alone, by its own four bits. */
static void test_segments(void **state)
{
	struct chipset c;
	open_chipset(&c);
	for (unsigned i = 0; i < 13; i++)
		for (uint8_t is = 1; is < 4; is++) {
			uint32_t base = i ? 0xbc000 + i * 0x4000 : 0xf0000;
			uint32_t end = base + (i ? 0x4000 : 0x10000);
			unsigned at = 0x59 + (i + 1) / 2;
			c.shadows = 0;
			cfg_out(&c, HOST, at, 1, i & 1 ? is : is << 4);
			assert_int_equal(c.shadows, 1);
			expect_shadow(&c, 0, base, 0);
			expect_shadow(&c, base, end, is);
			expect_shadow(&c, end, 0x100000, 0);
			cfg_out(&c, HOST, at, 1, 0);
			expect_shadow(&c, 0, 0x100000, 0);
		}
	close_chipset(&c);
}

/* --- PIRQs --- */

static struct irq_line card_pin(struct chipset *c, unsigned device, unsigned pin)
{
	return pci_pin(pci_add(
		c->pci, &(struct pci_config){.device = device, .vendor = 1, .id = 1, .pin = pin}));
}

static uint16_t high(struct chipset *c)
{
	uint16_t set = 0;
	for (unsigned i = 0; i < 16; i++)
		set |= c->irq[i].level << i;
	return set;
}

static void test_routes(void **state)
{
	struct chipset c;
	open_chipset(&c);
	/* SeaBIOS's table of slots: device 1 pin A is PIRQA, each next device or pin one on. */
	struct irq_line pins[4] = {card_pin(&c, 2, 4), card_pin(&c, 3, 4), card_pin(&c, 4, 4),
	                           card_pin(&c, 5, 4)};
	static const uint8_t pirq[4] = {0, 1, 2, 3};
	for (unsigned i = 0; i < 4; i++) {
		irq_set(&pins[i], true);
		assert_int_equal(high(&c), 0); /* routed nowhere yet */
		cfg_out(&c, ISA, 0x60 + pirq[i], 1, 0x0b);
		assert_int_equal(high(&c), 1 << 11);
		cfg_out(&c, ISA, 0x60 + pirq[i], 1, 0x05); /* moves what stands */
		assert_int_equal(high(&c), 1 << 5);
		cfg_out(&c, ISA, 0x60 + pirq[i], 1, 0x85);
		assert_int_equal(high(&c), 0);
		irq_set(&pins[i], false);
	}
	/* Two share one input, and it falls with the last. */
	cfg_out(&c, ISA, 0x60, 4, 0x0b0b0a0a);
	irq_set(&pins[0], true);
	irq_set(&pins[1], true);
	irq_set(&pins[2], true);
	assert_int_equal(high(&c), 1 << 10 | 1 << 11);
	irq_set(&pins[0], false);
	assert_int_equal(high(&c), 1 << 10 | 1 << 11);
	irq_set(&pins[1], false);
	assert_int_equal(high(&c), 1 << 11);
	reset_chipset(&c, RESET_HARD);
	assert_int_equal(high(&c), 0);
	close_chipset(&c);
}

/* Each route, of each PIRQ: those that are reserved lead nowhere. */
static void test_reserved_routes(void **state)
{
	struct chipset c;
	open_chipset(&c);
	for (unsigned i = 0; i < 4; i++) {
		struct irq_line pin = card_pin(&c, 6, 0 + 1 + (i + 3) % 4);
		irq_set(&pin, true);
		for (unsigned irq = 0; irq < 16; irq++) {
			bool none = irq < 3 || irq == 8 || irq == 13;
			cfg_out(&c, ISA, 0x60 + i, 1, irq);
			assert_int_equal(cfg_in(&c, ISA, 0x60 + i, 1), irq);
			assert_int_equal(high(&c), none ? 0 : 1 << irq);
		}
		irq_set(&pin, false);
		close_chipset(&c);
		open_chipset(&c);
	}
	close_chipset(&c);
}

/* --- reset control --- */

static void test_reset_control(void **state)
{
	struct chipset c;
	open_chipset(&c);
	struct rig *r = &c.r;
	out(r, 0xcf9, 0x02);
	assert_int_equal(c.resets, 0);
	assert_int_equal(in(r, 0xcf9), 0x02);
	out(r, 0xcf9, 0x06);
	assert_int_equal(c.resets, 1);
	assert_int_equal(c.kind, RESET_HARD);
	out(r, 0xcf9, 0xfc); /* only its rise */
	assert_int_equal(c.resets, 1);
	assert_int_equal(in(r, 0xcf9), 0x04);
	out(r, 0xcf9, 0x00);
	/* Neither the other ports nor wider accesses are it, nor is a PCI address. */
	for (uint16_t port = 0xcf8; port < 0xcfc; port++) {
		if (port != 0xcf9)
			out(r, port, 0x06);
		bus_write(r->bus, SPACE_PORT, port, 2, 0x0606);
		assert_int_equal(bus_read(r->bus, SPACE_PORT, port, 2), 0xffff);
	}
	bus_write(r->bus, SPACE_PORT, 0xcf8, 4, 0x80000600);
	assert_int_equal(c.resets, 1);
	assert_int_equal(in(r, 0xcf9), 0x00);
	out(r, 0xcf9, 0x04);
	assert_int_equal(c.resets, 2);
	assert_int_equal(c.kind, RESET_CPU);
	reset_chipset(&c, RESET_HARD);
	assert_int_equal(in(r, 0xcf9), 0x00);
	close_chipset(&c);
}

/* --- power management --- */

static void pm_on(struct chipset *c)
{
	cfg_out(c, PM, 0x40, 4, BASE | 1);
	cfg_out(c, PM, 0x80, 1, 0x01);
}

static uint16_t pm16(struct chipset *c, unsigned at)
{
	return bus_read(c->r.bus, SPACE_PORT, BASE + at, 2);
}

static void pm16_out(struct chipset *c, unsigned at, uint16_t v)
{
	bus_write(c->r.bus, SPACE_PORT, BASE + at, 2, v);
}

static uint32_t pm_timer(struct chipset *c)
{
	return bus_read(c->r.bus, SPACE_PORT, BASE + 8, 4);
}

static void test_pm_ports(void **state)
{
	struct chipset c;
	open_chipset(&c);
	cfg_out(&c, PM, 0x40, 4, BASE | 1);
	assert_int_equal(pm16(&c, 0), 0xffff);
	cfg_out(&c, PM, 0x80, 1, 0xff);
	assert_int_equal(cfg_in(&c, PM, 0x80, 1), 0x01);
	assert_int_equal(pm16(&c, 0), 0);
	for (unsigned at = 0; at < 64; at += 2)
		if (at < 8 || at >= 12) {
			pm16_out(&c, at, 0xdfff); /* all but SLP_EN */
			assert_int_equal(pm16(&c, at), at == 2 ? 0x0521 : at == 4 ? 0x1c03 : 0);
		}
	assert_int_equal(bus_read(c.r.bus, SPACE_PORT, BASE, 4), 0x05210000);
	assert_int_equal(bus_read(c.r.bus, SPACE_PORT, BASE + 2, 4), 0x1c030521);
	assert_int_equal(bus_read(c.r.bus, SPACE_PORT, BASE + 3, 1), 0x05);
	bus_write(c.r.bus, SPACE_PORT, BASE + 3, 1, 0x01);
	assert_int_equal(pm16(&c, 2), 0x0121);
	assert_int_equal(bus_read(c.r.bus, SPACE_PORT, BASE + 64, 1), 0xff);
	assert_int_equal(c.offs, 0);
	reset_chipset(&c, RESET_HARD);
	assert_int_equal(pm16(&c, 2), 0xffff);
	pm_on(&c);
	assert_int_equal(pm16(&c, 2), 0);
	assert_int_equal(pm16(&c, 4), 0);
	close_chipset(&c);
}

static void test_pm_timer(void **state)
{
	struct chipset c;
	open_chipset(&c);
	pm_on(&c);
	assert_int_equal(pm_timer(&c), 0);
	rig_until(&c.r, 279);
	assert_int_equal(pm_timer(&c), 0);
	rig_until(&c.r, 280);
	assert_int_equal(pm_timer(&c), 1);
	rig_until(&c.r, SECOND);
	assert_int_equal(pm_timer(&c), TIMER_HZ);
	/* Bytes and words of it. */
	assert_int_equal(bus_read(c.r.bus, SPACE_PORT, BASE + 9, 1), TIMER_HZ >> 8 & 0xff);
	assert_int_equal(bus_read(c.r.bus, SPACE_PORT, BASE + 10, 2), TIMER_HZ >> 16);
	assert_int_equal(bus_read(c.r.bus, SPACE_PORT, BASE + 9, 4), TIMER_HZ >> 8);
	/* 24 bits: it wraps after 4.69 s. */
	rig_until(&c.r, 5ull * SECOND);
	assert_int_equal(pm_timer(&c), 5 * TIMER_HZ - (1 << 24));
	bus_write(c.r.bus, SPACE_PORT, BASE + 8, 4, 0);
	assert_int_equal(pm_timer(&c), 5 * TIMER_HZ - (1 << 24));
	/* A year later, and reset or not. */
	uint64_t year = 365ull * 86400;
	rig_until(&c.r, year * SECOND);
	assert_int_equal(pm_timer(&c), year * TIMER_HZ & 0xffffff);
	close_chipset(&c);
}

/* The carry, each 2.3435 s, with its interrupt or without. */
static void test_pm_carry(void **state)
{
	struct chipset c;
	open_chipset(&c);
	pm_on(&c);
	uint64_t half = ((uint64_t)SECOND * (1 << 23) + TIMER_HZ - 1) / TIMER_HZ;
	rig_until(&c.r, half - 1);
	assert_int_equal(pm16(&c, 0), 0);
	rig_until(&c.r, half);
	assert_int_equal(pm16(&c, 0), 1);
	assert_true(clock_next(c.r.clock) == UINT64_MAX);
	pm16_out(&c, 0, 0xfffe);
	assert_int_equal(pm16(&c, 0), 1);
	pm16_out(&c, 0, 1);
	assert_int_equal(pm16(&c, 0), 0);
	pm16_out(&c, 2, 1);
	rig_until(&c.r, 2 * half + 1);
	assert_false(c.sci.level); /* SCI_EN is off */
	assert_int_equal(pm16(&c, 0), 1);
	pm16_out(&c, 4, 1);
	assert_true(c.sci.level);
	pm16_out(&c, 0, 1);
	assert_false(c.sci.level);
	rig_until(&c.r, 3 * half - 3);
	assert_false(c.sci.level);
	rig_until(&c.r, 3 * half); /* by itself: nobody looks */
	assert_true(c.sci.level);
	pm16_out(&c, 2, 0);
	assert_false(c.sci.level);
	assert_int_equal(pm16(&c, 0), 1);
	pm16_out(&c, 2, 1);
	assert_true(c.sci.level);
	reset_chipset(&c, RESET_HARD);
	assert_false(c.sci.level);
	assert_true(clock_next(c.r.clock) == UINT64_MAX);
	close_chipset(&c);
}

static void test_power_button(void **state)
{
	struct chipset c;
	open_chipset(&c);
	pm_on(&c);
	piix4pm_power_button(c.pm);
	assert_int_equal(pm16(&c, 0), 0x0100);
	assert_false(c.sci.level);
	pm16_out(&c, 4, 0x0001);
	assert_false(c.sci.level);
	pm16_out(&c, 2, 0x0100);
	assert_true(c.sci.level);
	pm16_out(&c, 0, 0x0100);
	assert_int_equal(pm16(&c, 0), 0);
	assert_false(c.sci.level);
	piix4pm_power_button(c.pm);
	assert_true(c.sci.level);
	assert_int_equal(c.offs, 0);
	close_chipset(&c);
}

/* Who has ACPI: by port B2h, in the place of an SMI. */
static void test_apm(void **state)
{
	struct chipset c;
	open_chipset(&c);
	pm_on(&c);
	out(&c.r, 0xb3, 0x5a);
	assert_int_equal(in(&c.r, 0xb2), 0x00);
	assert_int_equal(in(&c.r, 0xb3), 0x5a);
	out(&c.r, 0xb2, PM_ACPI_ENABLE);
	assert_int_equal(in(&c.r, 0xb2), 0xf1);
	assert_int_equal(pm16(&c, 4), 0x0001);
	pm16_out(&c, 2, 0x0100);
	piix4pm_power_button(c.pm);
	assert_true(c.sci.level);
	out(&c.r, 0xb2, 0x00);
	out(&c.r, 0xb3, PM_ACPI_DISABLE);
	assert_int_equal(pm16(&c, 4), 0x0001);
	out(&c.r, 0xb2, PM_ACPI_DISABLE);
	assert_int_equal(pm16(&c, 4), 0x0000);
	assert_false(c.sci.level);
	out(&c.r, 0xb2, PM_ACPI_ENABLE);
	assert_true(c.sci.level);
	reset_chipset(&c, RESET_HARD);
	assert_int_equal(in(&c.r, 0xb2), 0x00);
	assert_int_equal(in(&c.r, 0xb3), 0x00);
	close_chipset(&c);
}

static void test_power_off(void **state)
{
	struct chipset c;
	open_chipset(&c);
	pm_on(&c);
	/* Other sleeping states are none. */
	for (unsigned type = 1; type < 8; type++)
		pm16_out(&c, 4, 1 << 13 | type << 10 | 1);
	assert_int_equal(c.offs, 0);
	assert_int_equal(pm16(&c, 4), 7 << 10 | 1);
	pm16_out(&c, 4, 1); /* the type, without SLP_EN */
	assert_int_equal(c.offs, 0);
	pm16_out(&c, 4, 1 << 13 | PM_SLP_TYP_S5 << 10 | 1);
	assert_int_equal(c.offs, 1);
	assert_int_equal(pm16(&c, 4), 1);
	/* As bytes; and as the BIOS's APM does it. */
	bus_write(c.r.bus, SPACE_PORT, BASE + 5, 1, 0x20);
	assert_int_equal(c.offs, 2);
	pm16_out(&c, 4, 0x2000);
	assert_int_equal(c.offs, 3);
	close_chipset(&c);
}

/* --- a state, into a chipset that has been elsewhere --- */

static void state_chipset(struct chipset *c, struct archive *a)
{
	archive_section(a, "pci");
	pci_type.state(c->pci, a);
	archive_section(a, "i440fx");
	i440fx_type.state(c->i440fx, a);
	archive_section(a, "piix3");
	piix3_type.state(c->piix3, a);
	archive_section(a, "piix4pm");
	piix4pm_type.state(c->pm, a);
}

static void test_state(void **state)
{
	struct chipset c[2];
	struct irq_line pins[2];
	for (unsigned i = 0; i < 2; i++) {
		open_chipset(&c[i]);
		pins[i] = card_pin(&c[i], 3, 1);
	}
	cfg_out(&c[0], HOST, 0x5c, 4, 0x33111111);
	cfg_out(&c[0], ISA, 0x60, 4, 0x0b0b0a0a);
	irq_set(&pins[0], true);
	pm_on(&c[0]);
	out(&c[0].r, 0xb2, PM_ACPI_ENABLE);
	pm16_out(&c[0], 2, 0x0101);
	out(&c[0].r, 0xcf9, 0x02);
	cfg_out(&c[1], HOST, 0x58, 4, 0x33333000);
	cfg_out(&c[1], PM, 0x40, 4, 0xb001);
	cfg_out(&c[1], PM, 0x80, 1, 0x01);
	cfg_out(&c[1], ISA, 0x62, 1, 0x09);

	struct archive *saved = archive_create();
	state_chipset(&c[0], saved);
	size_t size;
	const void *bytes = archive_bytes(saved, &size);
	struct archive *a = archive_open(bytes, size);
	state_chipset(&c[1], a);
	assert_null(archive_problem(a));
	assert_memory_equal(c[0].shadow, c[1].shadow, sizeof c[0].shadow);
	assert_int_equal(high(&c[1]), 1 << 11);
	assert_int_equal(in(&c[1].r, 0xb000), 0xff);
	assert_int_equal(pm16(&c[1], 2), 0x0101);
	assert_int_equal(in(&c[1].r, 0xb2), PM_ACPI_ENABLE);
	assert_int_equal(in(&c[1].r, 0xcf9), 0x02);
	assert_true(clock_next(c[0].r.clock) == clock_next(c[1].r.clock));
	irq_set(&pins[1], false);
	assert_int_equal(high(&c[1]), 0);
	piix4pm_power_button(c[1].pm);
	assert_true(c[1].sci.level);
	archive_destroy(a);
	archive_destroy(saved);
	for (unsigned i = 0; i < 2; i++)
		close_chipset(&c[i]);
}

/* --- whatever a guest writes --- */

static void test_random_writes(void **state)
{
	static const uint16_t ports[] = {0xb2, 0xb3, 0xcf9, BASE, BASE + 2, BASE + 4, BASE + 8};
	uint64_t seed = 7;
	struct chipset c;
	open_chipset(&c);
	for (unsigned i = 0; i < 100000; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		uint32_t v = seed >> 32, how = seed >> 20;
		unsigned size = 1 << how % 3, function = how >> 2 & 15;
		if (how & 0x40)
			cfg_out(&c, function, how >> 8, size, v);
		else if (how & 0x80)
			bus_write(c.r.bus, SPACE_PORT, ports[v % 7], size, v >> 3);
		else
			bus_read(c.r.bus, SPACE_PORT, ports[v % 7], size);
		if (!(how & 0xf00))
			pm_on(&c);
		if (!(how & 0x1f00))
			rig_until(&c.r, c.r.now + v);
		/* An interrupt is there only for a reason that the guest may see. */
		assert_int_equal(high(&c), 0);
		if (c.sci.level && cfg_in(&c, PM, 0x80, 1) & 1 &&
		    cfg_in(&c, PM, 0x40, 4) == (BASE | 1))
			assert_true(pm16(&c, 0) & pm16(&c, 2) && pm16(&c, 4) & 1);
	}
	assert_true(c.offs && c.shadows && c.resets);
	reset_chipset(&c, RESET_POWER);
	expect_shadow(&c, 0, 0x100000, 0);
	assert_false(c.sci.level);
	close_chipset(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_shadow),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_reserved_routes),
		cmocka_unit_test(test_reset_control),
		cmocka_unit_test(test_pm_ports),
		cmocka_unit_test(test_pm_timer),
		cmocka_unit_test(test_pm_carry),
		cmocka_unit_test(test_power_button),
		cmocka_unit_test(test_apm),
		cmocka_unit_test(test_power_off),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_random_writes),
	};
	return cmocka_run_group_tests_name("chipset", tests, NULL, NULL);
}
