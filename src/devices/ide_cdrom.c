/* A CD-ROM drive on an IDE channel: carries packets to it, and bytes between it and the guest.
 * ATA/ATAPI-6; SFF-8020i. */
#include "devices/ide_internal.h"

#include "base/log.h"
#include "devices/atapi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	NOP = 0x00,
	READ_SECTORS = 0x20,
	PACKET = 0xa0,
	IDENTIFY_PACKET = 0xa1,
	STANDBY_NOW = 0xe0,
	IDLE_NOW = 0xe1,
	STANDBY = 0xe2,
	IDLE = 0xe3,
	CHECK_POWER = 0xe5,
	SLEEP = 0xe6,
	FLUSH = 0xe7,
	IDENTIFY = 0xec,
	SET_FEATURES = 0xef,

	/* features of PACKET */
	BY_DMA = 0x01,
	OVERLAPPED = 0x02,

	/* of SET FEATURES */
	SET_MODE = 0x03,
	KEEP_SETTINGS = 0x66,
	LOSE_SETTINGS = 0xcc,

	/* The count register says what the data are: SFF-8020i, "ATAPI Interrupt Reason". */
	REASON_PACKET = 0x01, /* or, with the other, the end */
	REASON_IN = 0x02,

	ACTIVE = 0xff,

	ILLEGAL = 5, /* the sense key of what the drive does not do */
};

/* What the drive asked its channel for last. */
enum cdrom_step { CDROM_IDENTITY, CDROM_PACKET, CDROM_READ, CDROM_MOVE, CDROM_STEPS };

struct cdrom {
	enum cdrom_step asked;
	bool by_dma;    /* of the packet's data */
	uint16_t limit; /* of each block by PIO, in bytes */
	struct atapi atapi;
};

/* --- packets --- */

static void end_packet(struct ide_drive *d, uint8_t error)
{
	d->now[IDE_COUNT] = REASON_PACKET | REASON_IN;
	ide_end(d, error, true);
}

static void fail_packet(struct ide_drive *d)
{
	const struct cdrom *k = d->own;
	uint8_t key = k->atapi.key;
	end_packet(d, (uint8_t)(key << 4 | (key == ILLEGAL ? IDE_ABRT : 0)));
}

static void move(struct ide_drive *d, bool in)
{
	struct cdrom *k = d->own;
	uint32_t n;
	const uint8_t *bytes = atapi_bytes(&k->atapi, &n);
	if (!k->by_dma)
		n = atapi_block(&k->atapi, k->limit);
	if (!n) {
		atapi_abort(&k->atapi);
		end_packet(d, IDE_ABRT);
		return;
	}
	k->asked = CDROM_MOVE;
	d->dma = k->by_dma;
	d->now[IDE_COUNT] = in ? REASON_IN : 0;
	d->now[IDE_MID] = (uint8_t)n;
	d->now[IDE_HIGH] = (uint8_t)(n >> 8);
	if (in) {
		memcpy(d->io->bytes, bytes, n);
		ide_send(d, n);
	} else {
		ide_receive(d, n, true);
	}
}

static void carry(struct ide_drive *d, enum atapi_step step)
{
	struct cdrom *k = d->own;
	struct atapi_read r;
	switch (step) {
	case ATAPI_DONE:
		end_packet(d, 0);
		break;
	case ATAPI_READ:
		k->asked = CDROM_READ;
		r = atapi_wants(&k->atapi);
		ide_ask(d, MEDIUM_READ, r.at, r.n);
		break;
	case ATAPI_IN:
	case ATAPI_OUT:
		move(d, step == ATAPI_IN);
		break;
	default:
		fail_packet(d);
	}
}

static enum atapi_step was_read(struct ide_drive *d, int err)
{
	struct cdrom *k = d->own;
	const struct ide_board *b = &d->channel->ide->board;
	struct atapi_read r = atapi_wants(&k->atapi);
	if (!err)
		memcpy(r.to, d->io->bytes, r.n);
	else if (b->error)
		b->error(b->ctx, ide_place(d), false, err);
	return atapi_was_read(&k->atapi, err);
}

static enum atapi_step was_moved(struct ide_drive *d)
{
	struct cdrom *k = d->own;
	uint32_t n;
	uint8_t *bytes = atapi_bytes(&k->atapi, &n);
	if (!d->in)
		memcpy(bytes, d->io->bytes, d->n);
	return atapi_moved(&k->atapi, d->n);
}

static void cdrom_go_on(struct ide_drive *d, int err)
{
	struct cdrom *k = d->own;
	switch (k->asked) {
	case CDROM_IDENTITY:
		ide_end(d, 0, false);
		break;
	case CDROM_PACKET:
		carry(d, atapi_packet(&k->atapi, d->io->bytes));
		break;
	case CDROM_READ:
		carry(d, was_read(d, err));
		break;
	default:
		carry(d, was_moved(d));
	}
}

/* --- commands --- */

static void begin_packet(struct ide_drive *d)
{
	struct cdrom *k = d->own;
	uint8_t how = d->now[IDE_FEATURES];
	if (how & OVERLAPPED) {
		ide_end(d, IDE_ABRT, true);
		return;
	}
	k->asked = CDROM_PACKET;
	k->by_dma = how & BY_DMA;
	k->limit = (uint16_t)(d->now[IDE_MID] | d->now[IDE_HIGH] << 8);
	d->now[IDE_COUNT] = REASON_PACKET;
	ide_receive(d, ATAPI_PACKET, false);
}

static void send_identity(struct ide_drive *d)
{
	struct cdrom *k = d->own;
	k->asked = CDROM_IDENTITY;
	atapi_identify(&k->atapi, d->io->bytes);
	ide_send(d, ATAPI_IDENTITY);
}

/* A disk's commands show who is here: ATA/ATAPI-6, 9.12. */
static void show_signature(struct ide_drive *d)
{
	d->now[IDE_COUNT] = d->now[IDE_LOW] = 1;
	d->now[IDE_MID] = d->kind->signature[0];
	d->now[IDE_HIGH] = d->kind->signature[1];
	ide_end(d, IDE_ABRT, true);
}

/* Of all modes one is as good as another. */
static bool takes_feature(uint8_t feature)
{
	return feature == SET_MODE || feature == KEEP_SETTINGS || feature == LOSE_SETTINGS;
}

static void cdrom_command(struct ide_drive *d, uint8_t code)
{
	switch (code) {
	case PACKET:
		begin_packet(d);
		break;
	case IDENTIFY_PACKET:
		send_identity(d);
		break;
	case IDENTIFY:
	case READ_SECTORS:
		show_signature(d);
		break;
	case CHECK_POWER:
		d->now[IDE_COUNT] = ACTIVE;
		ide_end(d, 0, true);
		break;
	case STANDBY_NOW:
	case IDLE_NOW:
	case STANDBY:
	case IDLE:
	case SLEEP: /* any command wakes it */
	case FLUSH:
		ide_end(d, 0, true);
		break;
	case SET_FEATURES:
		ide_end(d, takes_feature(d->now[IDE_FEATURES]) ? 0 : IDE_ABRT, true);
		break;
	default:
		ide_end(d, IDE_ABRT, true);
	}
}

/* --- life --- */

static void cdrom_reset(struct ide_drive *d, bool hard)
{
	struct cdrom *k = d->own;
	if (hard)
		atapi_reset(&k->atapi);
	else
		atapi_abort(&k->atapi);
}

/* What the channel is at has to be what the packet is at. */
static bool agrees(const struct ide_drive *d)
{
	struct cdrom *k = d->own;
	uint32_t n;
	if (d->wait == IDE_IDLE || (d->wait == IDE_EVENT && d->then == IDE_IDLE))
		return true;
	atapi_bytes(&k->atapi, &n);
	switch (k->asked) {
	case CDROM_IDENTITY:
		return d->n <= ATAPI_IDENTITY;
	case CDROM_PACKET:
		return d->n == ATAPI_PACKET;
	case CDROM_READ:
		return d->wait == IDE_MEDIUM && k->atapi.step == ATAPI_READ &&
		       (k->atapi.cut || d->n == atapi_wants(&k->atapi).n);
	default:
		return d->n <= n && k->atapi.step == (d->in ? ATAPI_IN : ATAPI_OUT);
	}
}

static void cdrom_state(struct ide_drive *d, struct archive *a)
{
	struct cdrom *k = d->own;
	ARCHIVE(a, k, asked);
	ARCHIVE(a, k, by_dma);
	ARCHIVE(a, k, limit);
	archive_require(a, "asked", k->asked < CDROM_STEPS);
	atapi_state(&k->atapi, a);
	if (archive_loaded(a))
		archive_require(a, "n", agrees(d));
}

static void cdrom_destroy(struct ide_drive *d)
{
	free(d->own);
}

static const struct ide_kind cdrom = {
	.signature = {0x14, 0xeb},
	.packet = true,
	.reset = cdrom_reset,
	.command = cdrom_command,
	.go_on = cdrom_go_on,
	.state = cdrom_state,
	.destroy = cdrom_destroy,
};

static void on_tray(void *ctx, bool open)
{
	const struct ide_drive *d = ctx;
	const struct ide_board *b = &d->channel->ide->board;
	if (b->tray)
		b->tray(b->ctx, ide_place(d), open);
}

void ide_add_cdrom(struct ide *i, unsigned place)
{
	struct cdrom *k = calloc(1, sizeof *k);
	CHECK(k);
	atapi_init(&k->atapi, &i->channels[place / 2].drives[place % 2], on_tray);
	ide_add_drive(i, place, &cdrom, k, &(struct medium){0});
}

static struct atapi *cdrom_at(struct ide *i, unsigned place)
{
	struct ide_drive *d = &i->channels[place / 2].drives[place % 2];
	CHECK(place < IDE_PLACES && d->kind == &cdrom);
	struct cdrom *k = d->own;
	return &k->atapi;
}

void ide_cdrom_insert(struct ide *i, unsigned place, const struct medium *m)
{
	struct atapi *a = cdrom_at(i, place);
	i->channels[place / 2].drives[place % 2].medium = m ? *m : (struct medium){0};
	atapi_insert(a, m ? (uint32_t)(m->bytes / ATAPI_SECTOR) : 0);
}

bool ide_cdrom_is_locked(struct ide *i, unsigned place)
{
	return cdrom_at(i, place)->locked;
}

bool ide_cdrom_is_open(struct ide *i, unsigned place)
{
	return cdrom_at(i, place)->open;
}

void ide_cdrom_ask(struct ide *i, unsigned place)
{
	atapi_ask(cdrom_at(i, place));
}
