#include "devices/dma.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST = 0x00,
	SECOND = 0xc0, /* its registers are two ports apart */
	PAGES = 0x80,

	/* registers behind those of the channels */
	STATUS = 8, /* read; command, written */
	REQUEST = 9,
	SINGLE_MASK = 10,
	MODE = 11,
	CLEAR_FLIP_FLOP = 12,
	MASTER_CLEAR = 13, /* written; temporary register, read */
	CLEAR_MASKS = 14,
	ALL_MASKS = 15,

	CMD_DISABLE = 0x04,

	MODE_TYPE = 0x0c,
	MODE_VERIFY = 0x00,
	MODE_WRITE = 0x04, /* to memory */
	MODE_READ = 0x08,
	MODE_AUTO = 0x10,
	MODE_DOWN = 0x20,
	MODE_HOW = 0xc0,
	MODE_BLOCK = 0x80,
	MODE_CASCADE = 0xc0,

	ON = 0x04, /* of a request or a single mask */

	CASCADE = 4,
	CHANNELS = 8,
};

struct channel {
	uint16_t base_address, base_count;
	uint16_t address, count; /* in words from channel 4 on; count: one less than are left */
	uint8_t mode;
};

struct chip {
	uint8_t command, masks, done, requests; /* a bit a channel; requests: by software */
	bool high;                              /* the flip-flop: the next byte is the upper one */
};

struct dma {
	struct channel channel[CHANNELS];
	struct chip chip[2];
	uint8_t page[16];
	struct dma_memory memory;
	/* The devices: their lines are theirs to set when they are loaded. */
	struct {
		void *ctx;
		void (*ready)(void *ctx);
		bool dreq;
	} device[CHANNELS];
};

/* The channel's page register.  Channel 4 has that of the refresh. */
static const uint8_t page_of[CHANNELS] = {0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa};

static bool serves(const struct dma *d, unsigned channel)
{
	const struct chip *c = &d->chip[channel / 4];
	if (c->command & CMD_DISABLE || c->masks >> channel % 4 & 1)
		return false;
	if (channel < CASCADE && !serves(d, CASCADE))
		return false;
	return channel == CASCADE || (d->channel[channel].mode & MODE_HOW) != MODE_CASCADE;
}

static unsigned served(const struct dma *d)
{
	unsigned set = 0;
	for (unsigned i = 0; i < CHANNELS; i++)
		set |= (unsigned)serves(d, i) << i;
	return set;
}

static void terminal_count(struct dma *d, unsigned channel)
{
	struct channel *c = &d->channel[channel];
	struct chip *chip = &d->chip[channel / 4];
	uint8_t bit = 1 << channel % 4;
	chip->done |= bit;
	chip->requests &= ~bit;
	if (c->mode & MODE_AUTO) {
		c->address = c->base_address;
		c->count = c->base_count;
	} else {
		chip->masks |= bit;
	}
}

/* --- transfers --- */

/* The address counter has no carry into the page.  Channels of words ignore the page's bit 0,
 * whose place their address takes. */
static uint64_t address_of(const struct dma *d, unsigned channel)
{
	uint64_t page = d->page[page_of[channel]];
	uint64_t at = d->channel[channel].address;
	return channel < CASCADE ? page << 16 | at : (page & 0xfe) << 16 | at << 1;
}

static void move(struct dma *d, uint64_t at, uint8_t *bytes, size_t n, bool in)
{
	if (in)
		d->memory.write(d->memory.ctx, at, bytes, n);
	else
		d->memory.read(d->memory.ctx, at, bytes, n);
}

/* As many units as lie behind each other in memory; how many. */
static size_t move_run(struct dma *d, unsigned channel, uint8_t *bytes, size_t units, bool in)
{
	struct channel *c = &d->channel[channel];
	unsigned shift = channel >= CASCADE;
	size_t run = c->mode & MODE_DOWN ? 1 : 0x10000u - c->address;
	if (run > units)
		run = units;
	uint8_t type = c->mode & MODE_TYPE;
	if (type == (in ? MODE_WRITE : MODE_READ))
		move(d, address_of(d, channel), bytes, run << shift, in);
	else if (!in)
		memset(bytes, 0xff, run << shift);
	c->address += c->mode & MODE_DOWN ? -1 : (uint16_t)run;
	c->count -= run;
	return run;
}

static size_t transfer(struct dma *d, unsigned channel, uint8_t *bytes, size_t n, bool in, bool *tc)
{
	unsigned shift = channel >= CASCADE;
	size_t units = n >> shift, left;
	*tc = false;
	if (!serves(d, channel) || !units)
		return 0;
	if (units > d->channel[channel].count) {
		units = (size_t)d->channel[channel].count + 1;
		*tc = true;
	}
	for (left = units; left;) {
		size_t run = move_run(d, channel, bytes, left, in);
		bytes += run << shift;
		left -= run;
	}
	if (*tc)
		terminal_count(d, channel);
	return units << shift;
}

size_t dma_to_memory(struct dma *d, unsigned channel, const void *src, size_t n, bool *tc)
{
	return transfer(d, channel, (uint8_t *)src, n, true, tc);
}

size_t dma_from_memory(struct dma *d, unsigned channel, void *dst, size_t n, bool *tc)
{
	return transfer(d, channel, dst, n, false, tc);
}

void dma_attach(struct dma *d, unsigned channel, void *ctx, void (*ready)(void *ctx))
{
	d->device[channel].ctx = ctx;
	d->device[channel].ready = ready;
}

void dma_request(struct dma *d, unsigned channel, bool on)
{
	d->device[channel].dreq = on;
}

/* --- ports --- */

static uint8_t status_read(struct dma *d, unsigned which)
{
	struct chip *chip = &d->chip[which];
	uint8_t v = chip->done | chip->requests << 4;
	for (unsigned i = 0; i < 4; i++)
		v |= d->device[4 * which + i].dreq << (4 + i);
	chip->done = 0;
	return v;
}

static void master_clear(struct chip *c)
{
	*c = (struct chip){.masks = 0x0f};
}

/* No device answers a software request.  It is looked at in block mode alone, and masks do not
 * hold it: the channel runs to its end. */
static void request(struct dma *d, unsigned which, uint8_t v)
{
	struct chip *chip = &d->chip[which];
	unsigned channel = 4 * which + (v & 3);
	if (!(v & ON)) {
		chip->requests &= ~(1 << (v & 3));
		return;
	}
	chip->requests |= 1 << (v & 3);
	struct channel *c = &d->channel[channel];
	if (chip->command & CMD_DISABLE || (c->mode & MODE_HOW) != MODE_BLOCK)
		return;
	c->address += (c->mode & MODE_DOWN ? -1 : 1) * (c->count + 1);
	c->count = 0xffff;
	terminal_count(d, channel);
}

static uint8_t half(struct chip *c, uint16_t v)
{
	c->high = !c->high;
	return c->high ? v : v >> 8;
}

static void set_half(struct chip *c, uint16_t *v, uint8_t byte)
{
	c->high = !c->high;
	*v = c->high ? (*v & 0xff00) | byte : (*v & 0x00ff) | byte << 8;
}

static uint8_t chip_read(struct dma *d, unsigned which, unsigned reg)
{
	struct chip *chip = &d->chip[which];
	const struct channel *c = &d->channel[4 * which + reg / 2 % 4];
	if (reg < STATUS)
		return half(chip, reg & 1 ? c->count : c->address);
	switch (reg) {
	case STATUS:
		return status_read(d, which);
	case MASTER_CLEAR:
		return 0; /* nothing went from memory to memory */
	case ALL_MASKS:
		return 0xf0 | chip->masks;
	default:
		return 0xff;
	}
}

static void channel_write(struct dma *d, unsigned which, unsigned reg, uint8_t v)
{
	struct channel *c = &d->channel[4 * which + reg / 2];
	uint16_t *base = reg & 1 ? &c->base_count : &c->base_address;
	set_half(&d->chip[which], base, v);
	*(reg & 1 ? &c->count : &c->address) = *base;
}

static void chip_write(struct dma *d, unsigned which, unsigned reg, uint8_t v)
{
	struct chip *chip = &d->chip[which];
	switch (reg) {
	case STATUS:
		chip->command = v;
		break;
	case REQUEST:
		request(d, which, v);
		break;
	case SINGLE_MASK:
		chip->masks &= ~(1 << (v & 3));
		chip->masks |= (v & ON ? 1 : 0) << (v & 3);
		break;
	case MODE:
		d->channel[4 * which + (v & 3)].mode = v;
		break;
	case CLEAR_FLIP_FLOP:
		chip->high = false;
		break;
	case MASTER_CLEAR:
		master_clear(chip);
		break;
	case CLEAR_MASKS:
		chip->masks = 0;
		break;
	case ALL_MASKS:
		chip->masks = v & 0x0f;
		break;
	default:
		channel_write(d, which, reg, v);
	}
}

/* A write, and what it lets the devices do that waited. */
static void write(struct dma *d, unsigned which, unsigned reg, uint8_t v)
{
	unsigned before = served(d);
	chip_write(d, which, reg, v);
	unsigned now = served(d) & ~before;
	for (unsigned i = 0; i < CHANNELS; i++)
		if (now >> i & 1 && d->device[i].dreq && d->device[i].ready)
			d->device[i].ready(d->device[i].ctx);
}

static uint32_t first_read(void *ctx, uint32_t offset, unsigned size)
{
	return chip_read(ctx, 0, offset);
}

static void first_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	write(ctx, 0, offset, value);
}

static uint32_t second_read(void *ctx, uint32_t offset, unsigned size)
{
	return chip_read(ctx, 1, offset / 2);
}

static void second_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	write(ctx, 1, offset / 2, value);
}

static uint32_t page_read(void *ctx, uint32_t offset, unsigned size)
{
	const struct dma *d = ctx;
	return d->page[offset];
}

static void page_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct dma *d = ctx;
	d->page[offset] = value;
}

/* --- life --- */

static void dma_reset(void *d_, enum reset_kind kind)
{
	struct dma *d = d_;
	memset(d->channel, 0, sizeof d->channel);
	memset(d->page, 0, sizeof d->page);
	master_clear(&d->chip[0]);
	master_clear(&d->chip[1]);
}

static void dma_state(void *d_, struct archive *a)
{
	struct dma *d = d_;
	for (unsigned i = 0; i < CHANNELS; i++) {
		struct channel *c = &d->channel[i];
		archive_index(a, (int)i);
		ARCHIVE(a, c, base_address);
		ARCHIVE(a, c, base_count);
		ARCHIVE(a, c, address);
		ARCHIVE(a, c, count);
		ARCHIVE(a, c, mode);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct chip *c = &d->chip[i];
		archive_index(a, (int)i);
		ARCHIVE(a, c, command);
		ARCHIVE(a, c, masks);
		ARCHIVE(a, c, done);
		ARCHIVE(a, c, requests);
		ARCHIVE(a, c, high);
	}
	archive_index(a, -1);
	ARCHIVE(a, d, page);
}

const struct device_type dma_type = {"dma", dma_reset, dma_state, free};

struct dma *dma_create(struct bus *bus, struct dma_memory memory)
{
	struct dma *d = calloc(1, sizeof *d);
	CHECK(d);
	d->memory = memory;
	dma_reset(d, RESET_POWER);
	struct region_handler first = {.ctx = d, .read = first_read, .write = first_write};
	struct region_handler second = {.ctx = d, .read = second_read, .write = second_write};
	struct region_handler pages = {.ctx = d, .read = page_read, .write = page_write};
	CHECK(bus_map(bus, SPACE_PORT, FIRST, 16, first) > 0);
	CHECK(bus_map(bus, SPACE_PORT, SECOND, 32, second) > 0);
	CHECK(bus_map(bus, SPACE_PORT, PAGES, 16, pages) > 0);
	return d;
}
