#include "devices/ide_internal.h"

#include <string.h>

enum {
	COMMAND = 0,
	STATUS = 2,
	TABLE = 4, /* to 7 */

	START = 0x01,
	TO_MEMORY = 0x08,

	ACTIVE = 0x01,
	ERROR = 0x02,
	INTERRUPT = 0x04,
	CAPABLE = 0x60, /* of DMA, each drive: what software has found out */

	PCI_COMMAND = 0x04,
	MASTER_ENABLE = 0x04,

	PRD_BYTES = 8,
	PRD_MOST = 0x10000, /* which a count of 0 stands for */
};

#define PRD_LAST 0x80000000u

/* The guest's next region of memory.  A table that goes on for ever is no harm: each region is of
 * two bytes at least, and a transfer has its end. */
static void next_region(struct ide_channel *c)
{
	struct ide_master *m = &c->master;
	const struct dma_memory *memory = &c->ide->board.memory;
	uint32_t prd[2];
	memory->read(memory->ctx, m->next, prd, sizeof prd);
	m->next += PRD_BYTES;
	m->address = prd[0] & ~1u;
	m->left = prd[1] & 0xfffe;
	if (!m->left)
		m->left = PRD_MOST;
	m->last = prd[1] & PRD_LAST;
}

static void move(struct ide_drive *d, uint32_t n)
{
	struct ide_master *m = &d->channel->master;
	const struct dma_memory *memory = &d->channel->ide->board.memory;
	uint8_t *bytes = d->io->bytes + d->at;
	if (d->in)
		memory->write(memory->ctx, m->address, bytes, n);
	else
		memory->read(memory->ctx, m->address, bytes, n);
	d->at += n;
	m->address += n;
	m->left -= n;
}

/* Bus Master IDE 1.0, 3.1: a table that ends before the drive does leaves the master idle, and the
 * drive waiting; one that goes on leaves the master active.  The same where the directions differ. */
bool ide_master_move(struct ide_drive *d)
{
	struct ide_master *m = &d->channel->master;
	if (!(pci_byte(d->channel->ide->function, PCI_COMMAND) & MASTER_ENABLE))
		return false;
	while (d->at < d->n && m->status & ACTIVE && d->in == !!(m->command & TO_MEMORY)) {
		uint32_t n = d->n - d->at;
		if (!m->left)
			next_region(d->channel);
		move(d, n < m->left ? n : m->left);
		if (!m->left && m->last)
			m->status &= ~ACTIVE;
	}
	return d->at == d->n;
}

void ide_master_interrupt(struct ide_master *m)
{
	m->status |= INTERRUPT;
}

uint32_t ide_master_read(struct ide_channel *c, unsigned offset)
{
	const struct ide_master *m = &c->master;
	switch (offset) {
	case COMMAND:
		return m->command;
	case STATUS:
		return m->status;
	case TABLE:
	case TABLE + 1:
	case TABLE + 2:
	case TABLE + 3:
		return m->table >> 8 * (offset - TABLE) & 0xff;
	default:
		return 0;
	}
}

/* What has been stopped cannot go on: section 2.1. */
static void set_command(struct ide_master *m, uint8_t v)
{
	bool starts = v & ~m->command & START;
	m->command = v & (START | TO_MEMORY);
	if (!(v & START))
		m->status &= ~ACTIVE;
	if (!starts)
		return;
	m->status |= ACTIVE;
	m->next = m->table;
	m->left = 0;
	m->last = false;
}

void ide_master_write(struct ide_channel *c, unsigned offset, uint8_t v)
{
	struct ide_master *m = &c->master;
	unsigned shift = 8 * (offset & 3);
	switch (offset) {
	case COMMAND:
		set_command(m, v);
		break;
	case STATUS: /* ones clear what the master sets */
		m->status &= ~(v & (INTERRUPT | ERROR));
		m->status = (m->status & ~CAPABLE) | (v & CAPABLE);
		break;
	case TABLE:
	case TABLE + 1:
	case TABLE + 2:
	case TABLE + 3:
		m->table = ((m->table & ~(0xffu << shift)) | (uint32_t)v << shift) & ~3u;
	}
}

void ide_master_reset(struct ide_master *m)
{
	*m = (struct ide_master){0};
}

void ide_master_state(struct ide_master *m, struct archive *a)
{
	archive_value(a, "master_command", &m->command, sizeof m->command);
	archive_value(a, "master_status", &m->status, sizeof m->status);
	ARCHIVE(a, m, table);
	archive_value(a, "next_region", &m->next, sizeof m->next);
	archive_value(a, "region", &m->address, sizeof m->address);
	archive_value(a, "region_left", &m->left, sizeof m->left);
	archive_flag(a, "region_last", &m->last, sizeof m->last);
	archive_require(a, "region_left", m->left <= PRD_MOST);
}
