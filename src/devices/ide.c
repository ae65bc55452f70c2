#include "devices/ide_internal.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	DEVICE_CONTROL = 0x206, /* behind a channel's first port */
	HOB = 0x80,
	SRST = 0x04,
	CONTROL_BITS = HOB | SRST | 0x02,

	MASTER_PORTS = 16, /* 8 of each channel */

	PCI_COMMAND = 0x04,
	COMMAND_PORTS = 0x01,
	TIMING = 0x40,  /* of each channel, a word */
	DECODES = 0x80, /* in its upper byte */
	MASTER_BASE = 0x20,

	PASSED = 1,      /* a diagnosis, as the error register tells */
	FLOATING = 0x7f, /* without a drive: ATA/ATAPI-6, 4.2.2 */
};

static const uint16_t ports[IDE_CHANNELS] = {0x1f0, 0x170};

/* --- resets --- */

static void reset_drive(struct ide_drive *d, bool hard)
{
	if (!d->kind)
		return;
	ide_drop(d);
	ide_set_signature(d);
	d->kind->reset(d, hard);
}

/* ATA/ATAPI-6, 9.2: while SRST is set, and until both drives have done with it. */
static void software_reset(struct ide_channel *c, bool begins)
{
	c->selected = 0;
	c->resets = true;
	for (unsigned i = 0; i < 2; i++)
		if (c->drives[i].kind) {
			reset_drive(&c->drives[i], false);
			c->drives[i].status = IDE_BSY;
		}
	if (begins)
		timer_cancel(c->event);
	else
		ide_set_event(c);
}

static void reset_done(struct ide_channel *c)
{
	c->resets = false;
	for (unsigned i = 0; i < 2; i++)
		if (c->drives[i].kind)
			c->drives[i].status = c->drives[i].kind->ready;
}

/* --- the event --- */

static void on_event(void *ctx, uint64_t now)
{
	struct ide_channel *c = ctx;
	if (c->resets)
		reset_done(c);
	for (unsigned i = 0; i < 2; i++)
		if (c->drives[i].wait == IDE_EVENT)
			ide_show(&c->drives[i]);
	ide_update(c);
}

/* Who looks whether it is due need not wait for the host's timer. */
static void look(struct ide_channel *c)
{
	uint64_t now = timer_is_set(c->event) ? clock_now(c->ide->clock) : 0;
	if (!now || now < c->due)
		return;
	timer_cancel(c->event);
	on_event(c, now);
}

/* --- commands --- */

static bool is_free(const struct ide_drive *d)
{
	return !(d->status & (IDE_BSY | IDE_DRQ));
}

/* Both drives do it, whichever is selected, and the first answers for both: ATA/ATAPI-6, 8.9. */
static void diagnose(struct ide_channel *c)
{
	if (!c->drives[0].kind)
		return;
	for (unsigned i = 0; i < 2; i++)
		if (c->drives[i].kind) {
			ide_begin(&c->drives[i]);
			ide_set_signature(&c->drives[i]);
		}
	c->selected = 0;
	c->drives[0].status = IDE_BSY;
	ide_end_as(&c->drives[0], c->drives[0].kind->ready, PASSED);
}

/* Device 0 is done with what it was at, and has its signature: 8.10. */
static void device_reset(struct ide_drive *d)
{
	uint8_t dev = d->now[IDE_DEVICE] & IDE_DEV;
	reset_drive(d, false);
	d->now[IDE_DEVICE] = dev;
}

static void command(struct ide_channel *c, uint8_t code)
{
	struct ide_drive *d = &c->drives[c->selected];
	if (code == IDE_EXECUTE_DIAGNOSTIC && is_free(&c->drives[0]) && is_free(&c->drives[1])) {
		diagnose(c);
	} else if (code == IDE_DEVICE_RESET && d->kind && d->kind->packet && !c->resets) {
		timer_cancel(c->event);
		device_reset(d);
	} else if (d->kind && is_free(d)) {
		ide_begin(d);
		d->kind->command(d, code);
	}
}

/* --- ports --- */

/* Data sheet, 2.3: the function decodes its ports while the guest lets it. */
static bool decodes(const struct ide_channel *c)
{
	const struct pci_function *f = c->ide->function;
	return pci_byte(f, PCI_COMMAND) & COMMAND_PORTS &&
	       pci_byte(f, TIMING + 1 + 2 * c->number) & DECODES;
}

/* Who answers: the first drive does so for a second that is not there, and then says that it is
 * not ready.  ATA/ATAPI-6, 9.16.1. */
static const struct ide_drive *answering(const struct ide_channel *c)
{
	const struct ide_drive *d = &c->drives[c->selected];
	return d->kind ? d : c->drives[0].kind ? &c->drives[0] : NULL;
}

static uint8_t status(struct ide_channel *c)
{
	look(c);
	const struct ide_drive *d = answering(c);
	if (!d)
		return FLOATING;
	return d == &c->drives[c->selected] ? d->status : 0;
}

static uint32_t on_read(void *ctx, uint32_t offset, unsigned size)
{
	struct ide_channel *c = ctx;
	const struct ide_drive *d = answering(c);
	unsigned at = offset + IDE_FEATURES;
	if (!decodes(c))
		return 0xff;
	if (at == IDE_COMMAND) {
		uint8_t v = status(c);
		c->drives[c->selected].intrq = false;
		ide_update(c);
		return v;
	}
	if (!d)
		return FLOATING;
	if (d->status & IDE_BSY) /* of all registers it is the status that is read: 6.2 */
		return d->status;
	if (c->control & HOB && at <= IDE_HIGH && at >= IDE_COUNT)
		return d->before[at];
	return at == IDE_FEATURES ? d->error : d->now[at];
}

static void write_registers(struct ide_channel *c, unsigned at, uint8_t v)
{
	for (unsigned i = 0; i < 2; i++) {
		struct ide_drive *d = &c->drives[i];
		d->before[at] = d->now[at];
		d->now[at] = at == IDE_DEVICE ? v | IDE_DEVICE_ONES : v;
	}
	if (at == IDE_DEVICE)
		c->selected = !!(v & IDE_DEV);
}

static void on_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct ide_channel *c = ctx;
	unsigned at = offset + IDE_FEATURES;
	if (!decodes(c))
		return;
	c->control &= ~HOB;
	if (at == IDE_COMMAND)
		command(c, value);
	else if (is_free(&c->drives[0]) && is_free(&c->drives[1]))
		write_registers(c, at, value);
	ide_update(c);
}

static uint32_t on_data_read(void *ctx, uint32_t offset, unsigned size)
{
	struct ide_channel *c = ctx;
	uint32_t v = UINT32_MAX;
	if (decodes(c))
		ide_take(c, (uint8_t *)&v, size);
	return v;
}

static void on_data_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct ide_channel *c = ctx;
	if (decodes(c))
		ide_give(c, (const uint8_t *)&value, size);
}

static void on_burst(void *ctx, uint32_t offset, unsigned size, void *buf, size_t n, bool in)
{
	struct ide_channel *c = ctx;
	if (!decodes(c) && in)
		memset(buf, 0xff, size * n);
	else if (in)
		ide_take(c, buf, size * n);
	else if (decodes(c))
		ide_give(c, buf, size * n);
}

static uint32_t on_control_read(void *ctx, uint32_t offset, unsigned size)
{
	struct ide_channel *c = ctx;
	return decodes(c) ? status(c) : 0xff;
}

static void on_control_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct ide_channel *c = ctx;
	if (!decodes(c))
		return;
	uint8_t was = c->control;
	c->control = value & CONTROL_BITS;
	if ((was ^ value) & SRST)
		software_reset(c, value & SRST);
	ide_update(c);
}

static uint32_t on_master_read(void *ctx, uint32_t offset, unsigned size)
{
	struct ide *i = ctx;
	look(&i->channels[offset >> 3]);
	return ide_master_read(&i->channels[offset >> 3], offset & 7);
}

static void on_master_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct ide *i = ctx;
	struct ide_channel *c = &i->channels[offset >> 3];
	ide_master_write(c, offset & 7, value);
	ide_move(c);
}

/* --- life --- */

/* It may be the bus master's bit. */
static void on_changed(void *ctx)
{
	struct ide *i = ctx;
	for (unsigned n = 0; n < IDE_CHANNELS; n++)
		ide_move(&i->channels[n]);
}

static void ide_reset(void *d, enum reset_kind kind)
{
	struct ide *i = d;
	for (unsigned n = 0; n < IDE_CHANNELS; n++) {
		struct ide_channel *c = &i->channels[n];
		timer_cancel(c->event);
		c->selected = c->control = 0;
		c->resets = false;
		ide_master_reset(&c->master);
		for (unsigned k = 0; k < 2; k++)
			reset_drive(&c->drives[k], true);
		ide_update(c);
	}
}

static void channel_state(struct ide_channel *c, struct archive *a)
{
	ARCHIVE(a, c, selected);
	archive_require(a, "selected", c->selected < 2);
	ARCHIVE(a, c, control);
	ARCHIVE(a, c, resets);
	ARCHIVE(a, c, line);
	ARCHIVE(a, c, due);
	timer_state(c->event, a, "event");
	ide_master_state(&c->master, a);
	for (unsigned k = 0; k < 2; k++) {
		archive_index(a, (int)ide_place(&c->drives[k]));
		if (c->drives[k].kind)
			ide_drive_state(&c->drives[k], a);
	}
}

static void ide_state(void *d, struct archive *a)
{
	struct ide *i = d;
	for (unsigned n = 0; n < IDE_CHANNELS; n++) {
		archive_index(a, (int)(2 * n));
		channel_state(&i->channels[n], a);
	}
	archive_index(a, -1);
	for (unsigned n = 0; n < IDE_CHANNELS && archive_loaded(a); n++)
		ide_update(&i->channels[n]);
}

static void destroy_drive(struct ide_drive *d)
{
	if (!d->kind)
		return;
	medium_io_drop(d->io);
	d->kind->destroy(d);
}

static void ide_destroy(void *d)
{
	struct ide *i = d;
	for (unsigned n = 0; n < IDE_CHANNELS; n++) {
		timer_free(i->channels[n].event);
		for (unsigned k = 0; k < 2; k++)
			destroy_drive(&i->channels[n].drives[k]);
	}
	free(i);
}

const struct device_type ide_type = {"ide", ide_reset, ide_state, ide_destroy};

struct ide_drive *ide_add_drive(struct ide *i, unsigned place, const struct ide_kind *kind,
                                void *own, const struct medium *m)
{
	struct ide_drive *d = &i->channels[place / 2].drives[place % 2];
	CHECK(place < IDE_PLACES && !d->kind);
	d->kind = kind;
	d->own = own;
	d->medium = *m;
	reset_drive(d, true);
	return d;
}

static void map_channel(struct bus *bus, struct ide_channel *c)
{
	uint16_t first = ports[c->number];
	struct region_handler data = {
		.ctx = c,
		.read = on_data_read,
		.write = on_data_write,
		.burst = on_burst,
		.min = 2,
		.max = 4,
		.same_offset = true,
	};
	struct region_handler registers = {.ctx = c, .read = on_read, .write = on_write};
	struct region_handler control = {
		.ctx = c, .read = on_control_read, .write = on_control_write};
	CHECK(bus_map(bus, SPACE_PORT, first, 1, data) > 0);
	CHECK(bus_map(bus, SPACE_PORT, first + IDE_FEATURES, IDE_COMMAND, registers) > 0);
	CHECK(bus_map(bus, SPACE_PORT, first + DEVICE_CONTROL, 1, control) > 0);
}

static void add_function(struct ide *i, struct pci *pci)
{
	static const struct pci_register registers[] = {
		{0x04, 0x00, 0x05}, {0x06, 0x80, 0},    {0x07, 0x02, 0},
		{0x40, 0x00, 0xff}, {0x41, 0x00, 0xff},                     /* IDETIM */
		{0x42, 0x00, 0xff}, {0x43, 0x00, 0xff}, {0x44, 0x00, 0xff}, /* SIDETIM */
	};
	struct pci_window master = {
		.at = MASTER_BASE,
		.space = SPACE_PORT,
		.bytes = MASTER_PORTS,
		.handler = {.ctx = i, .read = on_master_read, .write = on_master_write},
	};
	i->function = pci_add(pci, &(struct pci_config){
					   .device = 1,
					   .function = 1,
					   .vendor = 0x8086,
					   .id = 0x7010,
					   .class = 0x010180,
					   .registers = registers,
					   .n_registers = sizeof registers / sizeof *registers,
					   .windows = &master,
					   .n_windows = 1,
					   .ctx = i,
					   .changed = on_changed,
				   });
}

struct ide *ide_create(struct bus *bus, struct pci *pci, struct clock *clock,
                       struct ide_board board)
{
	struct ide *i = calloc(1, sizeof *i);
	CHECK(i);
	i->clock = clock;
	i->board = board;
	add_function(i, pci);
	for (unsigned n = 0; n < IDE_CHANNELS; n++) {
		struct ide_channel *c = &i->channels[n];
		c->ide = i;
		c->number = n;
		c->event = timer_create_on(clock, c, on_event);
		for (unsigned k = 0; k < 2; k++)
			c->drives[k].channel = c;
		map_channel(bus, c);
	}
	ide_reset(i, RESET_POWER);
	return i;
}
