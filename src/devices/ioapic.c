#include "devices/ioapic.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	/* in the window of registers */
	SELECT = 0x00,
	WINDOW = 0x10,
	WINDOW_BYTES = 0x1000,

	REG_ID = 0x00,
	REG_VERSION = 0x01,
	REG_ARBITRATION = 0x02,
	REG_ENTRIES = 0x10, /* two each */

	VERSION = 0x11,

	/* of an entry's lower half */
	MODE_SHIFT = 8,
	MODE_BITS = 7,
	ENTRY_LOGICAL = 1 << 11,
	ENTRY_REMOTE_IRR = 1 << 14,
	ENTRY_LEVEL = 1 << 15,
	ENTRY_MASKED = 1 << 16,
	ENTRY_BITS = 0x1afff,
};

struct ioapic {
	void *ctx;
	bool (*send)(void *ctx, const struct lapic_message *m);
	uint8_t select, id;
	uint32_t inputs; /* their levels */
	uint32_t low[IOAPIC_INPUTS], to[IOAPIC_INPUTS];
};

static bool send(struct ioapic *i, unsigned input)
{
	uint32_t entry = i->low[input];
	struct lapic_message m = {
		.mode = entry >> MODE_SHIFT & MODE_BITS,
		.vector = (uint8_t)entry,
		.level = entry & ENTRY_LEVEL,
		.logical = entry & ENTRY_LOGICAL,
		.to = (uint8_t)i->to[input],
	};
	return i->send(i->ctx, &m);
}

/* A level that nobody is asked for yet. */
static void look(struct ioapic *i, unsigned input)
{
	uint32_t *entry = &i->low[input];
	bool asks = i->inputs >> input & 1 && *entry & ENTRY_LEVEL &&
	            !(*entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR));
	if (asks && send(i, input))
		*entry |= ENTRY_REMOTE_IRR;
}

void ioapic_input(struct ioapic *i, unsigned input, bool level)
{
	bool rises = level && !(i->inputs >> input & 1);
	i->inputs = (i->inputs & ~(1u << input)) | (uint32_t)level << input;
	/* What comes while an entry is masked is lost. */
	if (i->low[input] & ENTRY_LEVEL)
		look(i, input);
	else if (rises && !(i->low[input] & ENTRY_MASKED))
		send(i, input);
}

void ioapic_eoi(struct ioapic *i, uint8_t vector)
{
	for (unsigned n = 0; n < IOAPIC_INPUTS; n++) {
		if ((uint8_t)i->low[n] != vector || !(i->low[n] & ENTRY_REMOTE_IRR))
			continue;
		i->low[n] &= ~(uint32_t)ENTRY_REMOTE_IRR;
		look(i, n);
	}
}

/* --- registers --- */

static uint32_t register_read(const struct ioapic *i)
{
	unsigned n = (i->select - REG_ENTRIES) >> 1;
	if (i->select >= REG_ENTRIES && n < IOAPIC_INPUTS)
		return i->select & 1 ? i->to[n] << 24 : i->low[n];
	switch (i->select) {
	case REG_ID:
	case REG_ARBITRATION:
		return (uint32_t)i->id << 24;
	case REG_VERSION:
		return VERSION | (IOAPIC_INPUTS - 1) << 16;
	default:
		return 0;
	}
}

static void register_write(struct ioapic *i, uint32_t v)
{
	unsigned n = (i->select - REG_ENTRIES) >> 1;
	if (i->select == REG_ID)
		i->id = v >> 24 & 0xf;
	if (i->select < REG_ENTRIES || n >= IOAPIC_INPUTS)
		return;
	if (i->select & 1) {
		i->to[n] = v >> 24;
		return;
	}
	uint32_t kept = v & ENTRY_LEVEL ? i->low[n] & ENTRY_REMOTE_IRR : 0;
	i->low[n] = (v & ENTRY_BITS) | kept;
	look(i, n);
}

static uint32_t window_read(void *ctx, uint32_t offset, unsigned size)
{
	const struct ioapic *i = ctx;
	return offset == SELECT ? i->select : offset == WINDOW ? register_read(i) : 0;
}

static void window_write(void *ctx, uint32_t offset, unsigned size, uint32_t v)
{
	struct ioapic *i = ctx;
	if (offset == SELECT)
		i->select = (uint8_t)v;
	else if (offset == WINDOW)
		register_write(i, v);
}

/* --- life --- */

static void ioapic_reset(void *d, enum reset_kind kind)
{
	struct ioapic *i = d;
	i->select = i->id = 0;
	for (unsigned n = 0; n < IOAPIC_INPUTS; n++) {
		i->low[n] = ENTRY_MASKED;
		i->to[n] = 0;
	}
}

static void ioapic_state(void *d, struct archive *a)
{
	struct ioapic *i = d;
	ARCHIVE(a, i, select);
	ARCHIVE(a, i, id);
	ARCHIVE(a, i, inputs);
	ARCHIVE(a, i, low);
	ARCHIVE(a, i, to);
}

const struct device_type ioapic_type = {"ioapic", ioapic_reset, ioapic_state, free};

struct ioapic *ioapic_create(struct bus *bus, void *ctx,
                             bool (*send)(void *ctx, const struct lapic_message *m))
{
	struct ioapic *i = calloc(1, sizeof *i);
	CHECK(i);
	i->ctx = ctx;
	i->send = send;
	ioapic_reset(i, RESET_POWER);
	struct region_handler h = {
		.ctx = i, .read = window_read, .write = window_write, .min = 4, .max = 4};
	CHECK(bus_map(bus, SPACE_MEMORY, IOAPIC_BASE, WINDOW_BYTES, h) > 0);
	return i;
}
