/* links: devices */
/* PCI: configuration mechanism 1, and windows that a guest puts anywhere. */
#include "dev_fixture.h"

#include "devices/pci.h"

#include <stdlib.h>
#include <string.h>

enum {
	ENABLE = 1 << 31,
	RAM_END = 64 << 20,
	ROM_BYTES = 4096,
	PORTS = 1,
	MEMORY = 2,
	/* functions of the rig */
	CARD = 5 << 3,
	OTHER = 5 << 3 | 2,
	PLAIN = 9 << 3,
};

/* What answers in a window: its letter, until it is written. */
struct toy {
	struct rig *rig;
	uint32_t value, offset;
	unsigned writes;
	bool leaves; /* a write takes the window off the bus, from inside its handler */
};

struct pci_rig {
	struct rig r;
	struct pci *pci;
	struct pci_function *card, *other, *plain;
	struct toy toys[4];
	uint8_t rom[ROM_BYTES];
	unsigned changes;
	uint32_t passed; /* to the bridge behind CF8h */
};

static void cfg_out(struct rig *r, unsigned function, unsigned at, unsigned size, uint32_t v)
{
	bus_write(r->bus, SPACE_PORT, 0xcf8, 4, ENABLE | function << 8 | (at & 0xfc));
	bus_write(r->bus, SPACE_PORT, 0xcfc + (at & 3), size, v);
}

static uint32_t cfg_in(struct rig *r, unsigned function, unsigned at, unsigned size)
{
	bus_write(r->bus, SPACE_PORT, 0xcf8, 4, ENABLE | function << 8 | (at & 0xfc));
	return bus_read(r->bus, SPACE_PORT, 0xcfc + (at & 3), size);
}

static uint32_t toy_read(void *ctx, uint32_t offset, unsigned size)
{
	struct toy *t = ctx;
	t->offset = offset;
	return t->value;
}

static void toy_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct toy *t = ctx;
	t->writes++;
	t->value = value;
	if (t->leaves)
		cfg_out(t->rig, CARD, 0x04, 2, 0);
}

static void on_changed(void *ctx)
{
	((struct pci_rig *)ctx)->changes++;
}

static uint32_t other_read(void *ctx, uint32_t offset, unsigned size)
{
	return 0x40 + offset + size;
}

static void other_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	((struct pci_rig *)ctx)->passed = value << 8 | size << 4 | offset;
}

static struct region_handler toy(struct pci_rig *p, unsigned i)
{
	p->toys[i] = (struct toy){.rig = &p->r, .value = 0x11111111 * (i + 1)};
	return (struct region_handler){
		.ctx = &p->toys[i], .read = toy_read, .write = toy_write, .max = 4};
}

static void open_rig(struct pci_rig *p)
{
	static const struct pci_register registers[] = {
		{0x04, 0x00, 0x04}, {0x40, 0x12, 0x0f}, {0xff, 0x80, 0x01}};
	*p = (struct pci_rig){0};
	rig_open(&p->r);
	for (unsigned i = 0; i < ROM_BYTES; i++)
		p->rom[i] = i * 7 + (i >> 8);
	p->pci = pci_create(p->r.bus, RAM_END);
	struct pci_window windows[] = {
		{0x10, SPACE_MEMORY, true, 16 << 20, toy(p, 0), NULL, 0, 0},
		{0x18, SPACE_PORT, false, 32, toy(p, 1), NULL, 0, 0},
		{0x30, SPACE_MEMORY, false, ROM_BYTES, {0}, p->rom, 0, 0},
	};
	p->card = pci_add(p->pci, &(struct pci_config){.device = 5,
	                                               .vendor = 0x1234,
	                                               .id = 0x1111,
	                                               .subsystem_vendor = 0x5678,
	                                               .subsystem = 0x9abc,
	                                               .class = 0x030201,
	                                               .revision = 0x42,
	                                               .multifunction = true,
	                                               .pin = 1,
	                                               .registers = registers,
	                                               .n_registers = 3,
	                                               .windows = windows,
	                                               .n_windows = 3,
	                                               .ctx = p,
	                                               .changed = on_changed});
	struct pci_window more[] = {
		{0x14, SPACE_MEMORY, false, 16, toy(p, 2), NULL, 0, 0},
		{0x40, SPACE_PORT, false, 64, toy(p, 3), NULL, 0x80, 0x01},
	};
	static const struct pci_register switch_80[] = {{0x80, 0, 1}};
	p->other = pci_add(p->pci, &(struct pci_config){.device = 5,
	                                                .function = 2,
	                                                .vendor = 0x8086,
	                                                .id = 0x2222,
	                                                .pin = 4,
	                                                .registers = switch_80,
	                                                .n_registers = 1,
	                                                .windows = more,
	                                                .n_windows = 2});
	p->plain = pci_add(p->pci, &(struct pci_config){
					   .device = 9, .vendor = 0x8086, .id = 0x3333, .pin = 1});
}

static void close_rig(struct pci_rig *p)
{
	pci_type.destroy(p->pci);
	rig_close(&p->r);
}

static uint32_t port(struct pci_rig *p, uint16_t at)
{
	return bus_read(p->r.bus, SPACE_PORT, at, 4);
}

static uint32_t mem(struct pci_rig *p, uint64_t at)
{
	return bus_read(p->r.bus, SPACE_MEMORY, at, 4);
}

/* --- configuration mechanism 1 --- */

static void test_address(void **state)
{
	struct pci_rig p;
	open_rig(&p);
	struct bus *b = p.r.bus;
	assert_int_equal(port(&p, 0xcf8), 0);
	bus_write(b, SPACE_PORT, 0xcf8, 4, 0xffffffff);
	assert_int_equal(port(&p, 0xcf8), 0x80fffffc);
	bus_write(b, SPACE_PORT, 0xcf8, 4, 0x80002812);
	assert_int_equal(port(&p, 0xcf8), 0x80002810);
	/* Narrower ones are not the address's; nobody is behind them yet. */
	for (unsigned at = 0; at < 4; at++) {
		assert_int_equal(in(&p.r, 0xcf8 + at), 0xff);
		out(&p.r, 0xcf8 + at, 0x55);
	}
	assert_int_equal(port(&p, 0xcf8), 0x80002810);
	pci_set_other(p.pci,
	              (struct region_handler){.ctx = &p, .read = other_read, .write = other_write});
	assert_int_equal(in(&p.r, 0xcf9), 0x42);
	assert_int_equal(bus_read(b, SPACE_PORT, 0xcfa, 2), 0x44);
	out(&p.r, 0xcf9, 0x06);
	assert_int_equal(p.passed, 0x0611);
	bus_write(b, SPACE_PORT, 0xcf8, 2, 0x1234);
	assert_int_equal(p.passed, 0x123420);
	assert_int_equal(port(&p, 0xcf8), 0x80002810);
	pci_type.reset(p.pci, RESET_HARD);
	assert_int_equal(port(&p, 0xcf8), 0);
	close_rig(&p);
}

static void test_nobody(void **state)
{
	struct pci_rig p;
	open_rig(&p);
	struct bus *b = p.r.bus;
	/* Not enabled; another bus; absent functions. */
	static const uint32_t addresses[] = {CARD << 8, ENABLE | 1 << 16 | CARD << 8,
	                                     ENABLE | (CARD + 1) << 8, ENABLE, ENABLE | 0xff00};
	for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		bus_write(b, SPACE_PORT, 0xcf8, 4, addresses[i] | 4);
		bus_write(b, SPACE_PORT, 0xcfc, 4, 0xffffffff);
		assert_int_equal(port(&p, 0xcfc), 0xffffffff);
		assert_int_equal(in(&p.r, 0xcfd), 0xff);
	}
	assert_int_equal(cfg_in(&p.r, CARD, 4, 4), 0);
	assert_int_equal(p.changes, 0);
	close_rig(&p);
}

/* Each width at each place, of the same bytes. */
static void test_widths(void **state)
{
	struct pci_rig p;
	open_rig(&p);
	struct rig *r = &p.r;
	assert_int_equal(cfg_in(r, CARD, 0x00, 4), 0x11111234);
	assert_int_equal(cfg_in(r, CARD, 0x00, 2), 0x1234);
	assert_int_equal(cfg_in(r, CARD, 0x02, 2), 0x1111);
	assert_int_equal(cfg_in(r, CARD, 0x01, 1), 0x12);
	assert_int_equal(cfg_in(r, CARD, 0x01, 2), 0x1112);
	assert_int_equal(cfg_in(r, CARD, 0x08, 4), 0x03020142);
	assert_int_equal(cfg_in(r, CARD, 0x0e, 1), 0x80);
	assert_int_equal(cfg_in(r, CARD, 0x2c, 4), 0x9abc5678);
	assert_int_equal(cfg_in(r, CARD, 0x3c, 4), 0x00000100);
	assert_int_equal(cfg_in(r, OTHER, 0x00, 4), 0x22228086);
	assert_int_equal(cfg_in(r, OTHER, 0x0e, 1), 0x00);
	/* Past CFFh it is another's. */
	assert_int_equal(cfg_in(r, CARD, 0xff, 4), 0xffffff80);
	cfg_out(r, CARD, 0x13, 1, 0xe0);
	assert_int_equal(cfg_in(r, CARD, 0x10, 4), 0xe0000008);
	cfg_out(r, CARD, 0x12, 2, 0xd100);
	assert_int_equal(cfg_in(r, CARD, 0x10, 4), 0xd1000008);
	cfg_out(r, CARD, 0x11, 4, 0xffffffff); /* three bytes of it */
	assert_int_equal(cfg_in(r, CARD, 0x10, 4), 0xff000008);
	assert_int_equal(cfg_in(r, CARD, 0x14, 4), 0);
	assert_int_equal(p.changes, 3 + 1);
	assert_int_equal(pci_byte(p.card, 0x13), 0xff);
	close_rig(&p);
}

/* What is not writable stays, and what is holds what it is given. */
static void test_writable_bits(void **state)
{
	static const struct {
		uint8_t at;
		uint32_t reset, ones;
	} rows[] = {
		{0x00, 0x11111234, 0x11111234},
		{0x04, 0, 0x07},
		{0x08, 0x03020142, 0x03020142},
		{0x0c, 0x00800000, 0x00800000},
		{0x10, 0x00000008, 0xff000008},
		{0x14, 0, 0},
		{0x18, 0x00000001, 0xffffffe1},
		{0x1c, 0, 0},
		{0x2c, 0x9abc5678, 0x9abc5678},
		{0x30, 0, 0xfffff001},
		{0x34, 0, 0},
		{0x3c, 0x100, 0x1ff},
		{0x40, 0x12, 0x1f},
		{0x80, 0, 0},
		{0xfc, 0x80000000, 0x81000000},
	};
	struct pci_rig p;
	open_rig(&p);
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(cfg_in(&p.r, CARD, rows[i].at, 4), rows[i].reset);
		cfg_out(&p.r, CARD, rows[i].at, 4, 0xffffffff);
		assert_int_equal(cfg_in(&p.r, CARD, rows[i].at, 4), rows[i].ones);
	}
	pci_type.reset(p.pci, RESET_HARD);
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(cfg_in(&p.r, CARD, rows[i].at, 4), rows[i].reset);
	/* A function without windows has nothing to enable. */
	cfg_out(&p.r, PLAIN, 0x04, 2, 0xffff);
	assert_int_equal(cfg_in(&p.r, PLAIN, 0x04, 2), 0);
	close_rig(&p);
}

/* --- windows --- */

static void test_windows(void **state)
{
	struct pci_rig p;
	open_rig(&p);
	struct rig *r = &p.r;
	cfg_out(r, CARD, 0x10, 4, 0xfd000000);
	cfg_out(r, CARD, 0x18, 4, 0xc021); /* its low bits are not the base's */
	assert_int_equal(mem(&p, 0xfd000000), 0xffffffff);
	assert_int_equal(port(&p, 0xc020), 0xffffffff);
	cfg_out(r, CARD, 0x04, 2, PORTS);
	assert_int_equal(port(&p, 0xc020), 0x22222222);
	assert_int_equal(port(&p, 0xc03c), 0x22222222);
	assert_int_equal(p.toys[1].offset, 0x1c);
	assert_int_equal(port(&p, 0xc040), 0xffffffff);
	assert_int_equal(port(&p, 0xc01c), 0xffffffff);
	assert_int_equal(mem(&p, 0xfd000000), 0xffffffff);
	cfg_out(r, CARD, 0x04, 2, MEMORY);
	assert_int_equal(port(&p, 0xc020), 0xffffffff);
	assert_int_equal(mem(&p, 0xfd000000), 0x11111111);
	assert_int_equal(mem(&p, 0xfdfffffc), 0x11111111);
	assert_int_equal(mem(&p, 0xfe000000), 0xffffffff);
	/* Moved, to a place that meets its old one. */
	cfg_out(r, CARD, 0x13, 1, 0xfc);
	assert_int_equal(mem(&p, 0xfd000000), 0xffffffff);
	assert_int_equal(mem(&p, 0xfc000000), 0x11111111);
	bus_write(r->bus, SPACE_MEMORY, 0xfc000010, 4, 0x1234);
	assert_int_equal(p.toys[0].value, 0x1234);
	/* By a switch of its own, whatever the command register says. */
	cfg_out(r, OTHER, 0x40, 4, 0x600);
	assert_int_equal(port(&p, 0x600), 0xffffffff);
	cfg_out(r, OTHER, 0x80, 1, 0x01);
	assert_int_equal(port(&p, 0x600), 0x44444444);
	cfg_out(r, OTHER, 0x04, 2, 0xffff);
	assert_int_equal(cfg_in(r, OTHER, 0x04, 2), MEMORY);
	cfg_out(r, OTHER, 0x80, 1, 0x00);
	assert_int_equal(port(&p, 0x600), 0xffffffff);
	/* A reset takes all off. */
	pci_type.reset(p.pci, RESET_HARD);
	unsigned n;
	bus_memory(r->bus, &n);
	assert_int_equal(n, 0);
	close_rig(&p);
}

static void test_rom(void **state)
{
	struct pci_rig p;
	open_rig(&p);
	struct rig *r = &p.r;
	cfg_out(r, CARD, 0x04, 2, MEMORY);
	cfg_out(r, CARD, 0x30, 4, 0xfebe0000);
	assert_int_equal(mem(&p, 0xfebe0000), 0xffffffff);
	cfg_out(r, CARD, 0x30, 4, 0xfebe0001);
	for (unsigned i = 0; i < ROM_BYTES; i++)
		assert_int_equal(bus_read(r->bus, SPACE_MEMORY, 0xfebe0000 + i, 1), p.rom[i]);
	assert_int_equal(mem(&p, 0xfebe0000 + ROM_BYTES - 2),
	                 p.rom[ROM_BYTES - 2] | p.rom[ROM_BYTES - 1] << 8 | 0xffff0000);
	bus_write(r->bus, SPACE_MEMORY, 0xfebe0000, 4, 0);
	assert_int_equal(bus_read(r->bus, SPACE_MEMORY, 0xfebe0001, 1), 7);
	cfg_out(r, CARD, 0x04, 2, 0);
	assert_int_equal(mem(&p, 0xfebe0000), 0xffffffff);
	close_rig(&p);
}

static uint32_t fixed_read(void *ctx, uint32_t offset, unsigned size)
{
	return 0xf1;
}

/* Bases that are nowhere: what is there already stays, and comes to no harm. */
static void test_hostile_bases(void **state)
{
	struct pci_rig p;
	open_rig(&p);
	struct rig *r = &p.r;
	struct region_handler fixed = {.read = fixed_read};
	assert_true(bus_map(r->bus, SPACE_PORT, 0xc010, 1, fixed) > 0);
	assert_true(bus_map(r->bus, SPACE_MEMORY, 0xfee00000, 1, fixed) > 0);
	cfg_out(r, CARD, 0x04, 2, PORTS | MEMORY);
	/* Memory: address 0, RAM, the last of it, the first MiB, a device, the BIOS, all ones. */
	static const uint32_t nowhere[] = {
		0, 0x02000000, RAM_END - (16 << 20), 0xa0000, 0xfe000000, 0xff000000, 0xffffffff};
	for (unsigned i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
		unsigned n;
		cfg_out(r, CARD, 0x10, 4, nowhere[i]);
		bus_memory(r->bus, &n);
		assert_int_equal(n, 1);
	}
	assert_int_equal(bus_read(r->bus, SPACE_MEMORY, 0xfee00000, 1), 0xf1);
	cfg_out(r, CARD, 0x10, 4, RAM_END);
	assert_int_equal(mem(&p, RAM_END), 0x11111111);
	cfg_out(r, CARD, 0x30, 4, 0xffe00001);
	assert_int_equal(mem(&p, 0xffe00000), 0xffffffff);
	cfg_out(r, CARD, 0x30, 4, 0xffdff001);
	assert_int_equal(bus_read(r->bus, SPACE_MEMORY, 0xffdff001, 1), 7);
	/* Ports: 0, the device at C010h, the configuration ports themselves, beyond FFFFh. */
	static const uint32_t no_ports[] = {0, 0xc000, 0xce0, 0x10000, 0xffffffff};
	for (unsigned i = 0; i < sizeof no_ports / sizeof *no_ports; i++) {
		cfg_out(r, CARD, 0x18, 4, no_ports[i]);
		assert_int_not_equal(port(&p, no_ports[i] & 0xffe0), 0x22222222);
		assert_int_equal(in(r, 0xc010), 0xf1);
	}
	cfg_out(r, CARD, 0x18, 4, 0xffe0);
	assert_int_equal(port(&p, 0xffe0), 0x22222222);
	close_rig(&p);
}

/* Two at one place: the first stays until it goes, then the other is there. */
static void test_meeting(void **state)
{
	struct pci_rig p;
	open_rig(&p);
	struct rig *r = &p.r;
	cfg_out(r, CARD, 0x04, 2, MEMORY);
	cfg_out(r, OTHER, 0x04, 2, MEMORY);
	cfg_out(r, CARD, 0x10, 4, 0xe0000000);
	cfg_out(r, OTHER, 0x14, 4, 0xe0000100);
	assert_int_equal(mem(&p, 0xe0000100), 0x11111111);
	cfg_out(r, CARD, 0x10, 4, 0xe1000000);
	assert_int_equal(mem(&p, 0xe0000100), 0x33333333);
	assert_int_equal(mem(&p, 0xe1000000), 0x11111111);
	/* Back: now the other was first. */
	cfg_out(r, CARD, 0x10, 4, 0xe0000000);
	assert_int_equal(mem(&p, 0xe0000000), 0xffffffff);
	assert_int_equal(mem(&p, 0xe0000100), 0x33333333);
	/* A state says who was. */
	struct archive *saved = archive_create();
	pci_type.state(p.pci, saved);
	cfg_out(r, OTHER, 0x04, 2, 0);
	assert_int_equal(mem(&p, 0xe0000100), 0x11111111);
	size_t size;
	const void *bytes = archive_bytes(saved, &size);
	struct archive *a = archive_open(bytes, size);
	pci_type.state(p.pci, a);
	assert_null(archive_problem(a));
	assert_int_equal(mem(&p, 0xe0000000), 0xffffffff);
	assert_int_equal(mem(&p, 0xe0000100), 0x33333333);
	cfg_out(r, OTHER, 0x04, 2, 0);
	assert_int_equal(mem(&p, 0xe0000100), 0x11111111);
	archive_destroy(a);
	archive_destroy(saved);
	/* Two of one function. */
	cfg_out(r, CARD, 0x30, 4, 0xe0001001);
	assert_int_equal(mem(&p, 0xe0001000), 0x11111111);
	/* From inside its own handler. */
	p.toys[0].leaves = true;
	bus_write(r->bus, SPACE_MEMORY, 0xe0000000, 8, 1);
	assert_int_equal(p.toys[0].writes, 1);
	assert_int_equal(mem(&p, 0xe0000000), 0xffffffff);
	close_rig(&p);
}

/* --- interrupts --- */

static void test_pins(void **state)
{
	struct pci_rig p;
	struct line wires[PCI_WIRES] = {0};
	open_rig(&p);
	for (unsigned i = 0; i < PCI_WIRES; i++)
		pci_connect(p.pci, i, (struct irq_line){&wires[i], line_set});
	/* Pin 1 of devices 5 and 9 is wire 0; pin 4 of device 5 wire 3. */
	struct irq_line card = pci_pin(p.card), other = pci_pin(p.other), plain = pci_pin(p.plain);
	irq_set(&other, true);
	assert_true(wires[3].level && !wires[0].level && !wires[1].level && !wires[2].level);
	irq_set(&card, true);
	irq_set(&plain, true);
	assert_true(wires[0].level);
	irq_set(&card, false);
	assert_true(wires[0].level);
	irq_set(&plain, false);
	assert_false(wires[0].level);
	assert_true(wires[3].level);
	assert_int_equal(wires[0].edges, 1);
	/* One that is connected late finds what stands. */
	struct line late = {0};
	pci_connect(p.pci, 3, (struct irq_line){&late, line_set});
	assert_true(late.level);
	close_rig(&p);
}

/* --- whatever a guest writes --- */

static uint64_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % below;
}

struct place {
	bool on;
	uint32_t base, bytes;
};

/* Where a memory window ought to be, by the registers as the guest reads them. */
static struct place place_of(struct rig *r, unsigned function, unsigned at, uint32_t bytes)
{
	uint32_t v = cfg_in(r, function, at, 4), base = v & -bytes;
	bool on = cfg_in(r, function, 0x04, 2) & MEMORY && (at != 0x30 || v & 1);
	uint64_t end = (uint64_t)base + bytes;
	return (struct place){on && base >= RAM_END && end <= 0xffe00000, base, bytes};
}

static bool meet(const struct place *a, const struct bus_range *b)
{
	return a->base < b->base + b->length && b->base < (uint64_t)a->base + a->bytes;
}

/* Each region is a window's that is on, at its place; each window that is on has a region or
 * meets one. */
static void check_memory(struct rig *r)
{
	const struct place places[] = {place_of(r, CARD, 0x10, 16 << 20),
	                               place_of(r, CARD, 0x30, ROM_BYTES),
	                               place_of(r, OTHER, 0x14, 16)};
	unsigned n;
	const struct bus_range *ranges = bus_memory(r->bus, &n);
	for (unsigned i = 0; i < n; i++) {
		bool found = false;
		for (unsigned j = 0; j < 3; j++)
			found |= places[j].on && places[j].base == ranges[i].base &&
			         places[j].bytes == ranges[i].length;
		assert_true(found);
	}
	for (unsigned j = 0; j < 3; j++) {
		bool met = !places[j].on;
		for (unsigned i = 0; i < n; i++)
			met |= meet(&places[j], &ranges[i]);
		assert_true(met);
	}
}

static void test_random_writes(void **state)
{
	static const uint8_t targets[] = {CARD, OTHER, PLAIN};
	static const uint8_t places[] = {0x04, 0x10, 0x14, 0x18, 0x30, 0x40, 0x80};
	/* Bases that meet, on purpose. */
	static const uint32_t bases[] = {0xe0000000, 0xe0000001, 0xe0001001, 0xe1000000, 0xffffffff,
	                                 0xffdff001, 0xff000000, 0x0000c001, 0x0000c021, 0xcf9,
	                                 3,          0,          7,          0x04000000};
	struct pci_rig p;
	open_rig(&p);
	unsigned on = 0;
	for (unsigned i = 0; i < 200000; i++) {
		unsigned at = any(4) ? places[any(7)] + any(2) * any(4) : any(256);
		uint32_t v = any(3) ? bases[any(14)] : any(0xffffffff);
		unsigned size = any(2) ? 4 : 1 << any(3);
		if (at == 0x04 && any(4))
			v |= PORTS | MEMORY;
		cfg_out(&p.r, targets[any(3)], at, size, v);
		if (!any(16))
			bus_write(p.r.bus, SPACE_PORT, any(0x10000), 1 << any(3), v);
		if (!any(16))
			bus_read(p.r.bus, SPACE_MEMORY, v, 4);
		if (!any(1000))
			pci_type.reset(p.pci, RESET_HARD);
		check_memory(&p.r);
		unsigned n;
		bus_memory(p.r.bus, &n);
		on += n;
	}
	assert_true(on > 100000); /* it was about something */
	close_rig(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),       cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_widths),        cmocka_unit_test(test_writable_bits),
		cmocka_unit_test(test_windows),       cmocka_unit_test(test_rom),
		cmocka_unit_test(test_hostile_bases), cmocka_unit_test(test_meeting),
		cmocka_unit_test(test_pins),          cmocka_unit_test(test_random_writes),
	};
	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
