#include "devices/pci.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	ADDRESS_PORT = 0xcf8,
	DATA_PORT = 0xcfc,

	/* the header, section 6.1 */
	VENDOR = 0x00,
	DEVICE = 0x02,
	COMMAND = 0x04,
	REVISION = 0x08,
	CLASS = 0x09,
	HEADER_TYPE = 0x0e,
	BARS = 0x10,
	SUBSYSTEM_VENDOR = 0x2c,
	SUBSYSTEM = 0x2e,
	ROM = 0x30,
	INTERRUPT_LINE = 0x3c,
	INTERRUPT_PIN = 0x3d,
	OWN = 0x40, /* the function's own registers */
	SPACE_BYTES = 256,

	COMMAND_PORTS = 0x01,
	COMMAND_MEMORY = 0x02,
	MULTIFUNCTION = 0x80,
	BASE_PORTS = 0x01,
	BASE_PREFETCHABLE = 0x08,
	ROM_ENABLE = 0x01,

	MIN_PORTS = 4,
	MIN_MEMORY = 16,
	MIN_ROM = 2048,

	FUNCTIONS = 256,
	MAX_WINDOWS = 8,
};
#define ADDRESS_ENABLE 0x80000000u
#define ADDRESS_WRITABLE 0x80fffffcu
/* 82441FX data sheet (290549), "Memory address map": where what is decoded as a PC's ends, and
 * where the high BIOS begins. */
#define LOW_END 0x00100000u
#define HIGH_BIOS 0xffe00000u

struct window {
	struct pci_window is;
	int id; /* of its region; 0: it is nowhere */
	uint32_t base;
	bool was_on; /* when it was saved */
};

struct pci_function {
	struct pci *pci;
	struct pci_function *next;
	uint8_t number; /* device and function, as the address has them */
	uint8_t space[SPACE_BYTES], reset[SPACE_BYTES], writable[SPACE_BYTES];
	struct window *windows;
	unsigned n_windows;
	bool asserts; /* its pin */
	void *ctx;
	void (*changed)(void *ctx);
};

struct pci {
	struct bus *bus;
	uint32_t ram_end;
	uint32_t address; /* what CF8h holds */
	struct pci_function *functions[FUNCTIONS], *first;
	struct irq_line wires[PCI_WIRES];
	struct region_handler other;
};

static uint32_t get(const uint8_t *bytes, unsigned at, unsigned size)
{
	uint32_t v = 0;
	memcpy(&v, bytes + at, size);
	return v;
}

static void put(uint8_t *bytes, unsigned at, unsigned size, uint32_t v)
{
	memcpy(bytes + at, &v, size);
}

/* --- windows --- */

static bool enabled(const struct pci_function *f, const struct pci_window *w)
{
	if (w->enable)
		return f->space[w->enable_at] & w->enable;
	if (w->at == ROM && !(f->space[ROM] & ROM_ENABLE))
		return false;
	return f->space[COMMAND] & (w->space == SPACE_PORT ? COMMAND_PORTS : COMMAND_MEMORY);
}

static uint32_t base_of(const struct pci_function *f, const struct pci_window *w)
{
	return get(f->space, w->at, 4) & ~(w->bytes - 1);
}

/* May it lie there, as far as the bus does not know? */
static bool allowed(const struct pci *p, const struct pci_window *w, uint32_t base)
{
	if (w->space == SPACE_PORT)
		return base;
	return base >= LOW_END && base >= p->ram_end && base < HIGH_BIOS &&
	       w->bytes <= HIGH_BIOS - base;
}

static bool wanted(const struct pci_function *f, const struct window *w)
{
	return enabled(f, &w->is) && allowed(f->pci, &w->is, base_of(f, &w->is));
}

static void take_off(struct pci *p, bool all)
{
	for (struct pci_function *f = p->first; f; f = f->next)
		for (struct window *w = f->windows; w < f->windows + f->n_windows; w++) {
			if (!w->id || (!all && wanted(f, w) && base_of(f, &w->is) == w->base))
				continue;
			bus_unmap(p->bus, w->id);
			w->id = 0;
		}
}

static void put_on(struct pci *p, bool all)
{
	for (struct pci_function *f = p->first; f; f = f->next)
		for (struct window *w = f->windows; w < f->windows + f->n_windows; w++) {
			if (w->id || !wanted(f, w) || !(all || w->was_on))
				continue;
			w->base = base_of(f, &w->is);
			int id = bus_map(p->bus, w->is.space, w->base, w->is.bytes, w->is.handler);
			w->id = id > 0 ? id : 0;
		}
}

/* All windows as the registers have them.  What leaves its place does so before what comes. */
static void settle(struct pci *p)
{
	take_off(p, false);
	put_on(p, true);
}

static uint32_t rom_read(void *ctx, uint32_t offset, unsigned size)
{
	return get(ctx, offset, size);
}

static uint32_t least(const struct pci_window *w)
{
	return w->at == ROM ? MIN_ROM : w->space == SPACE_PORT ? MIN_PORTS : MIN_MEMORY;
}

static void add_window(struct pci_function *f, struct pci_window w)
{
	CHECK(w.bytes >= least(&w) && !(w.bytes & (w.bytes - 1)) && !(w.at & 3));
	uint32_t writable = ~(w.bytes - 1), fixed = 0;
	if (w.at == ROM)
		writable |= ROM_ENABLE;
	else if (w.space == SPACE_PORT)
		fixed = BASE_PORTS;
	else if (w.prefetchable)
		fixed = BASE_PREFETCHABLE;
	put(f->reset, w.at, 4, fixed);
	put(f->writable, w.at, 4, writable);
	if (!w.enable)
		f->writable[COMMAND] |= w.space == SPACE_PORT ? COMMAND_PORTS : COMMAND_MEMORY;
	if (w.rom)
		w.handler =
			(struct region_handler){.ctx = (void *)w.rom, .read = rom_read, .max = 4};
	f->windows[f->n_windows++].is = w;
}

/* --- interrupts --- */

static unsigned wire_of(const struct pci_function *f)
{
	unsigned device = f->number >> 3;
	return (device - 1 + f->space[INTERRUPT_PIN] - 1) % PCI_WIRES;
}

static void drive(struct pci *p, unsigned wire)
{
	bool level = false;
	for (struct pci_function *f = p->first; f; f = f->next)
		level |= f->asserts && wire_of(f) == wire;
	irq_set(&p->wires[wire], level);
}

static void pin_set(void *ctx, bool level)
{
	struct pci_function *f = ctx;
	f->asserts = level;
	drive(f->pci, wire_of(f));
}

struct irq_line pci_pin(struct pci_function *f)
{
	CHECK(f->space[INTERRUPT_PIN]);
	return (struct irq_line){f, pin_set};
}

void pci_connect(struct pci *p, unsigned wire, struct irq_line line)
{
	p->wires[wire] = line;
	drive(p, wire);
}

/* --- configuration space --- */

static void tell(struct pci_function *f)
{
	if (f->changed)
		f->changed(f->ctx);
}

uint8_t pci_byte(const struct pci_function *f, uint8_t at)
{
	return f->space[at];
}

/* Whom an access at CFCh reaches, and its register; NULL: nobody. */
static struct pci_function *selected(const struct pci *p, uint32_t offset, uint8_t *at)
{
	unsigned bus = p->address >> 16 & 0xff;
	*at = (p->address & 0xfc) + offset;
	return p->address & ADDRESS_ENABLE && !bus ? p->functions[p->address >> 8 & 0xff] : NULL;
}

static uint32_t data_read(void *ctx, uint32_t offset, unsigned size)
{
	uint8_t at;
	const struct pci_function *f = selected(ctx, offset, &at);
	return f ? get(f->space, at, size) : UINT32_MAX;
}

static void data_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct pci *p = ctx;
	uint8_t at;
	struct pci_function *f = selected(p, offset, &at);
	if (!f)
		return;
	uint32_t mask = get(f->writable, at, size);
	put(f->space, at, size, (get(f->space, at, size) & ~mask) | (value & mask));
	settle(p);
	tell(f);
}

/* 82441FX data sheet, CONFADD: narrower accesses pass on, to the bridge behind. */
static uint32_t address_read(void *ctx, uint32_t offset, unsigned size)
{
	struct pci *p = ctx;
	if (size == 4)
		return p->address;
	return p->other.read ? p->other.read(p->other.ctx, offset, size) : UINT32_MAX;
}

static void address_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct pci *p = ctx;
	if (size == 4)
		p->address = value & ADDRESS_WRITABLE;
	else if (p->other.write)
		p->other.write(p->other.ctx, offset, size, value);
}

void pci_set_other(struct pci *p, struct region_handler other)
{
	p->other = other;
}

struct pci_function *pci_add(struct pci *p, const struct pci_config *c)
{
	struct pci_function *f = calloc(1, sizeof *f);
	CHECK(f && c->device < 32 && c->function < 8 && c->pin <= PCI_WIRES);
	CHECK(c->n_windows <= MAX_WINDOWS);
	f->number = c->device << 3 | c->function;
	CHECK(!p->functions[f->number]);
	*f = (struct pci_function){.pci = p,
	                           .next = p->first,
	                           .number = f->number,
	                           .ctx = c->ctx,
	                           .changed = c->changed};
	put(f->reset, VENDOR, 2, c->vendor);
	put(f->reset, DEVICE, 2, c->id);
	put(f->reset, REVISION, 1, c->revision);
	put(f->reset, CLASS, 3, c->class);
	put(f->reset, HEADER_TYPE, 1, c->multifunction ? MULTIFUNCTION : 0);
	put(f->reset, SUBSYSTEM_VENDOR, 2, c->subsystem_vendor);
	put(f->reset, SUBSYSTEM, 2, c->subsystem);
	put(f->reset, INTERRUPT_PIN, 1, c->pin);
	if (c->pin)
		f->writable[INTERRUPT_LINE] = 0xff;
	f->windows = calloc(c->n_windows ? c->n_windows : 1, sizeof *f->windows);
	CHECK(f->windows);
	for (unsigned i = 0; i < c->n_windows; i++)
		add_window(f, c->windows[i]);
	for (unsigned i = 0; i < c->n_registers; i++) {
		f->reset[c->registers[i].at] |= c->registers[i].value;
		f->writable[c->registers[i].at] |= c->registers[i].writable;
	}
	memcpy(f->space, f->reset, sizeof f->space);
	p->first = p->functions[f->number] = f;
	return f;
}

/* --- life --- */

static void changed_all(struct pci *p)
{
	settle(p);
	for (unsigned wire = 0; wire < PCI_WIRES; wire++)
		drive(p, wire);
	for (struct pci_function *f = p->first; f; f = f->next)
		tell(f);
}

/* The pins are for those who drive them to let go. */
static void pci_reset(void *d, enum reset_kind kind)
{
	struct pci *p = d;
	p->address = 0;
	for (struct pci_function *f = p->first; f; f = f->next)
		memcpy(f->space, f->reset, sizeof f->space);
	changed_all(p);
}

static void pci_state(void *d, struct archive *a)
{
	struct pci *p = d;
	ARCHIVE(a, p, address);
	archive_require(a, "address", !(p->address & ~ADDRESS_WRITABLE));
	for (struct pci_function *f = p->first; f; f = f->next) {
		archive_index(a, f->number);
		ARCHIVE(a, f, space);
		ARCHIVE(a, f, asserts);
		bool same = true;
		for (unsigned i = 0; i < SPACE_BYTES; i++)
			same &= !((f->space[i] ^ f->reset[i]) & ~f->writable[i]);
		archive_require(a, "space", same);
		for (unsigned i = 0; i < f->n_windows; i++) {
			struct window *w = &f->windows[i];
			w->was_on = w->id;
			archive_index(a, f->number << 3 | i);
			ARCHIVE(a, w, was_on);
		}
	}
	if (!archive_loaded(a))
		return;
	/* Of two that meet, the one that was there. */
	take_off(p, true);
	put_on(p, false);
	changed_all(p);
}

static void pci_destroy(void *d)
{
	struct pci *p = d;
	while (p->first) {
		struct pci_function *f = p->first;
		p->first = f->next;
		free(f->windows);
		free(f);
	}
	free(p);
}

const struct device_type pci_type = {"pci", pci_reset, pci_state, pci_destroy};

struct pci *pci_create(struct bus *bus, uint32_t ram_end)
{
	struct pci *p = calloc(1, sizeof *p);
	CHECK(p);
	p->bus = bus;
	p->ram_end = ram_end;
	struct region_handler address = {
		.ctx = p, .read = address_read, .write = address_write, .max = 4};
	struct region_handler data = {.ctx = p, .read = data_read, .write = data_write, .max = 4};
	CHECK(bus_map(bus, SPACE_PORT, ADDRESS_PORT, 4, address) > 0);
	CHECK(bus_map(bus, SPACE_PORT, DATA_PORT, 4, data) > 0);
	return p;
}
