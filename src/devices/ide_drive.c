#include "devices/ide_internal.h"

#include "base/log.h"

#include <string.h>

enum {
	CONTROL_NO_INTERRUPT = 0x02, /* nIEN */

	/* What nobody drives: pulled up, and D7 down, so that no drive looks busy.  ATA/ATAPI-6,
	 * 4.2.2. */
	OPEN_LOW = 0x7f,
	OPEN_HIGH = 0xff,
};

/* --- interrupts, the event --- */

void ide_update(struct ide_channel *c)
{
	const struct ide_drive *d = &c->drives[c->selected];
	bool level = d->intrq && !(c->control & CONTROL_NO_INTERRUPT);
	if (level && !c->line)
		ide_master_interrupt(&c->master);
	c->line = level;
	irq_set(&c->ide->board.irq[c->number], level);
}

void ide_set_event(struct ide_channel *c)
{
	c->due = clock_now(c->ide->clock) + IDE_EVENT_NS;
	timer_set(c->event, c->due);
}

void ide_show(struct ide_drive *d)
{
	d->status = d->shown;
	d->wait = d->then;
	d->intrq = true;
}

/* When the event comes, the status is this, an interrupt asks, and then is waited for.  Who keeps
 * interrupts off polls, and need not wait. */
static void announce(struct ide_drive *d, uint8_t status, enum ide_wait then)
{
	d->shown = status;
	d->then = then;
	d->wait = IDE_EVENT;
	if (d->channel->control & CONTROL_NO_INTERRUPT)
		ide_show(d);
	else
		ide_set_event(d->channel);
}

/* --- a command's steps --- */

/* What the kind asks for is often done at once, and it asks for more: not one within the other. */
static void done(struct ide_drive *d, int err)
{
	d->err = err;
	d->wait = IDE_DONE;
	if (d->pumps)
		return;
	d->pumps = true;
	while (d->wait == IDE_DONE) {
		d->status = IDE_BSY;
		d->kind->go_on(d, d->err);
	}
	d->pumps = false;
	ide_update(d->channel);
}

static void on_medium(void *ctx, int err)
{
	done(ctx, err);
}

void ide_ask(struct ide_drive *d, enum medium_op op, uint64_t at, uint32_t n)
{
	struct medium_request *r = &d->io->request;
	d->wait = IDE_MEDIUM;
	d->at = 0;
	d->n = n;
	r->op = op;
	r->at = at;
	r->n = n;
	medium_io_submit(d->io, &d->medium);
}

static void begin_data(struct ide_drive *d, uint32_t n, bool in)
{
	CHECK(n && n <= IDE_CHUNK);
	d->at = 0;
	d->n = n;
	d->in = in;
}

void ide_move(struct ide_channel *c)
{
	struct ide_drive *d = &c->drives[c->selected];
	if (d->wait == IDE_DMA && ide_master_move(d))
		done(d, 0);
}

void ide_send(struct ide_drive *d, uint32_t n)
{
	begin_data(d, n, true);
	if (d->dma) {
		d->wait = IDE_DMA;
		ide_move(d->channel);
	} else {
		announce(d, d->kind->ready | IDE_DRQ | IDE_DRDY, IDE_PIO);
	}
}

void ide_receive(struct ide_drive *d, uint32_t n, bool rings)
{
	begin_data(d, n, false);
	if (d->dma) {
		d->wait = IDE_DMA;
		ide_move(d->channel);
	} else if (rings) {
		announce(d, d->kind->ready | IDE_DRQ | IDE_DRDY, IDE_PIO);
	} else {
		d->status = d->kind->ready | IDE_DRQ | IDE_DRDY;
		d->wait = IDE_PIO;
	}
}

void ide_end_as(struct ide_drive *d, uint8_t status, uint8_t error)
{
	d->error = error;
	announce(d, status, IDE_IDLE);
}

void ide_end(struct ide_drive *d, uint8_t error, bool rings)
{
	uint8_t status = d->kind->ready | IDE_DRDY | (error ? IDE_ERR : 0);
	if (rings) {
		ide_end_as(d, status, error);
		return;
	}
	d->error = error;
	d->status = status;
	d->wait = IDE_IDLE;
}

void ide_fail(struct ide_drive *d, bool write, int err)
{
	const struct ide_board *b = &d->channel->ide->board;
	if (write)
		ide_end_as(d, d->kind->ready | IDE_DRDY | IDE_DF | IDE_ERR, IDE_ABRT);
	else
		ide_end(d, IDE_UNC, true);
	if (b->error)
		b->error(b->ctx, ide_place(d), write, err);
}

void ide_begin(struct ide_drive *d)
{
	d->status = IDE_BSY;
	d->error = 0;
	d->intrq = d->dma = false;
}

/* A request that the medium still works on keeps its bytes. */
void ide_drop(struct ide_drive *d)
{
	d->wait = IDE_IDLE;
	d->intrq = d->dma = false;
	d->at = d->n = 0;
	if (d->io && !d->io->running)
		return;
	medium_io_drop(d->io);
	d->io = medium_io_create(IDE_CHUNK, d, on_medium);
}

void ide_set_signature(struct ide_drive *d)
{
	d->now[IDE_COUNT] = d->now[IDE_LOW] = 1;
	d->now[IDE_MID] = d->kind->signature[0];
	d->now[IDE_HIGH] = d->kind->signature[1];
	d->now[IDE_DEVICE] = 0;
	d->error = 1; /* passed */
	d->status = d->kind->ready;
}

/* --- the data port --- */

/* As many of these bytes as the drive has, or wants; 0: it waits for nothing of the kind. */
static uint32_t part(const struct ide_drive *d, bool in, size_t n)
{
	if (d->wait != IDE_PIO || d->in != in)
		return 0;
	uint32_t left = ((d->n + 1) & ~1u) - d->at;
	return n < left ? (uint32_t)n : left;
}

static void moved(struct ide_drive *d, uint32_t n)
{
	d->at += n;
	if (d->at < d->n)
		return;
	d->at = d->n;
	done(d, 0);
}

void ide_take(struct ide_channel *c, uint8_t *bytes, size_t n)
{
	struct ide_drive *d = &c->drives[c->selected];
	uint32_t some = part(d, true, n);
	if (some) {
		memcpy(bytes, d->io->bytes + d->at, some);
		moved(d, some);
	}
	for (size_t i = some; i < n; i++)
		bytes[i] = i & 1 ? OPEN_HIGH : OPEN_LOW;
}

void ide_give(struct ide_channel *c, const uint8_t *bytes, size_t n)
{
	struct ide_drive *d = &c->drives[c->selected];
	uint32_t some = part(d, false, n);
	if (!some)
		return;
	memcpy(d->io->bytes + d->at, bytes, some);
	moved(d, some);
}

/* --- life --- */

static void bytes_state(struct ide_drive *d, struct archive *a)
{
	struct medium_request *r = &d->io->request;
	ARCHIVE(a, d, at);
	ARCHIVE(a, d, n);
	archive_require(a, "n", d->n <= IDE_CHUNK && d->at <= d->n);
	if (d->n <= IDE_CHUNK)
		archive_value(a, "bytes", d->io->bytes, d->n);
	ARCHIVE(a, r, op);
	archive_value(a, "at_medium", &r->at, sizeof r->at);
	archive_require(a, "at_medium",
	                r->op <= MEDIUM_FLUSH && r->at <= d->medium.bytes &&
	                        (d->wait != IDE_MEDIUM || d->n <= d->medium.bytes - r->at));
	r->n = d->n;
}

/* What was asked of the medium when it was saved is asked again. */
void ide_drive_state(struct ide_drive *d, struct archive *a)
{
	if (archive_loads(a))
		ide_drop(d);
	ARCHIVE(a, d, now);
	ARCHIVE(a, d, before);
	ARCHIVE(a, d, status);
	ARCHIVE(a, d, error);
	ARCHIVE(a, d, intrq);
	ARCHIVE(a, d, wait);
	ARCHIVE(a, d, dma);
	ARCHIVE(a, d, in);
	ARCHIVE(a, d, shown);
	ARCHIVE(a, d, then);
	archive_require(a, "wait", d->wait <= IDE_DMA && d->wait != IDE_DONE);
	archive_require(a, "then", d->then == IDE_IDLE || d->then == IDE_PIO);
	bytes_state(d, a);
	d->kind->state(d, a);
	if (archive_loaded(a) && d->wait == IDE_MEDIUM)
		medium_io_submit(d->io, &d->medium);
}
