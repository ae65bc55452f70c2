#include "devices/fdc_internal.h"

#include <string.h>

enum {
	VERIFY_COUNT = 0x80, /* of the second byte: the last has how many sectors */
	IMPLIED_SEEK = 0x40, /* of CONFIGURE */
	ID_BYTES = 4,
	ANY = 0xff, /* to scans */
};

/* How long the controller looks for what is not there.  The chip waits for two index holes, and
 * with no disk for ever, until its guest gives up and resets it: guests do cope with that, some
 * after many seconds, and with an answer as well. */
#define SEARCH_NS 5000000ull

void fdc_seek(struct unit *u, int cylinder)
{
	floppy_step(&u->floppy, cylinder - u->cylinder);
	u->cylinder = cylinder;
}

static uint8_t flag(const struct fdc *f, uint8_t bit)
{
	return f->command[0] & bit;
}

static unsigned code(const struct fdc *f)
{
	return f->command[0] & 0x1f;
}

static bool scans(const struct fdc *f)
{
	return code(f) == SCAN_EQUAL || code(f) == SCAN_LOW || code(f) == SCAN_HIGH;
}

static bool writes(const struct fdc *f)
{
	return code(f) == WRITE || code(f) == WRITE_DELETED || code(f) == FORMAT;
}

static uint8_t last_sector(const struct fdc *f)
{
	return f->command[6];
}

static struct floppy *floppy(struct fdc *f)
{
	return &f->unit[f->transfer.unit].floppy;
}

/* --- the end --- */

static void finish(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	bool bad = t->st1 || t->st2 & (ST2_DATA_ERROR | ST2_WRONG_CYLINDER);
	const uint8_t result[] = {
		t->st0 | (bad ? ST0_ABNORMAL : 0) | t->head << 2 | t->unit,
		t->st1,
		t->st2,
		t->c,
		t->h,
		t->r,
		t->n,
	};
	memcpy(f->result, result, sizeof result);
	f->results = sizeof result;
	f->taken = 0;
	f->phase = PHASE_RESULT;
	f->interrupt = true;
}

static void fail(struct fdc *f, uint8_t st1, uint8_t st2)
{
	f->transfer.st1 |= st1;
	f->transfer.st2 |= st2;
	finish(f);
}

static void image_failed(struct fdc *f, bool write, int err)
{
	if (f->board.error)
		f->board.error(f->board.ctx, f->transfer.unit, write, err);
	if (write)
		fail(f, ST1_PROTECTED, 0);
	else
		fail(f, ST1_DATA_ERROR, ST2_DATA_ERROR);
}

/* --- what is under the heads --- */

static bool has_disk(struct fdc *f)
{
	return floppy(f)->kind != FLOPPY_NONE && floppy(f)->format;
}

/* IDs can be read: of a disk that is there, at its rate, on a track that it has. */
static bool has_marks(struct fdc *f)
{
	struct floppy *d = floppy(f);
	return has_disk(f) && flag(f, MFM) && (f->dsr & 3) == floppy_rate_of(d) &&
	       floppy_track(d, f->transfer.head) >= 0;
}

/* The errors of what the command looks for, in st1 and st2; false: there are some. */
static bool finds(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	const struct floppy *d = floppy(f);
	if (!has_marks(f)) {
		t->st1 |= ST1_NO_MARK;
		t->st0 |= has_disk(f) ? 0 : ST0_NOT_READY;
		return false;
	}
	if (code(f) == READ_ID || code(f) == FORMAT)
		return true;
	if (t->c != floppy_track(d, t->head)) {
		t->st2 |= ST2_WRONG_CYLINDER;
		t->st1 |= ST1_NO_DATA;
	}
	if (t->h != t->head || t->n != FLOPPY_SIZE_CODE || !t->r || t->r > d->format->sectors)
		t->st1 |= ST1_NO_DATA;
	return !(t->st1 & ST1_NO_DATA) || code(f) == READ_TRACK;
}

/* READ TRACK takes sectors as they come from the index hole on. */
static unsigned sector(struct fdc *f)
{
	const struct transfer *t = &f->transfer;
	return code(f) == READ_TRACK ? t->count % floppy(f)->format->sectors + 1 : t->r;
}

/* --- from sector to sector --- */

/* Scans may leave every other sector out. */
static unsigned stride(const struct fdc *f)
{
	return scans(f) && f->command[8] == 2 ? 2 : 1;
}

/* The BIOS of a PC gives the disk's last sector as EOT, and with MT a read of more sectors than are left
 * goes on under head 1 by itself.  SeaBIOS gives the sector in which the read would end, did the
 * track go on; the chip would look for that in vain.  So a track's last sector leads to the next
 * track, and a cylinder's last to the next cylinder: boot records read dozens of sectors at a
 * time. */
static bool runs_on(const struct fdc *f)
{
	const struct floppy *d = &f->unit[f->transfer.unit].floppy;
	return flag(f, MT) && d->format && last_sector(f) > d->format->sectors;
}

static bool last_of_side(const struct fdc *f)
{
	const struct floppy *d = &f->unit[f->transfer.unit].floppy;
	uint8_t r = f->transfer.r, last = runs_on(f) ? d->format->sectors : last_sector(f);
	return r == last || (stride(f) == 2 && r + 1 == last);
}

static bool at_end(const struct fdc *f)
{
	const struct transfer *t = &f->transfer;
	if (code(f) == READ_TRACK)
		return t->count >= last_sector(f);
	return last_of_side(f) && (!flag(f, MT) || (t->head && !runs_on(f)));
}

/* Table "Result Phase": the ID behind the sector that was the last. */
static void advance(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	if (!last_of_side(f)) {
		t->r += stride(f);
		return;
	}
	t->r = 1;
	if (!flag(f, MT) || t->head)
		t->c++;
	if (flag(f, MT)) {
		t->h ^= 1;
		t->head ^= 1;
	}
}

/* By DMA it comes at once (fdc_transfer_run): who waits for the interrupt at the end need not poll so
 * long.  What is moved byte by byte leaves its guest time to come for the first. */
static void next_sector(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	struct unit *u = &f->unit[t->unit];
	if (runs_on(f) && t->r == 1 && !t->head)
		fdc_seek(u, u->cylinder + 1);
	t->stage = STAGE_SECTOR;
	if (!fdc_by_dma(f))
		timer_set(f->event, clock_now(f->clock) + SECTOR_NS);
}

static void verify_done(struct fdc *f)
{
	bool counts = f->command[1] & VERIFY_COUNT;
	bool end = at_end(f), all = counts && f->transfer.count == f->command[8];
	advance(f);
	if (all || (end && !counts))
		finish(f);
	else if (end)
		fail(f, ST1_END, 0);
	else
		next_sector(f);
}

/* A sector has been read and passed on, or written.  One that has not the mark that the command
 * is for is the last. */
static void sector_done(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	t->count += t->count < 0xff;
	if (code(f) == VERIFY) {
		verify_done(f);
		return;
	}
	if (code(f) == FORMAT) {
		if (t->terminal || t->count >= f->command[3])
			finish(f);
		else
			next_sector(f);
		return;
	}
	if (t->st2 & ST2_OTHER_MARK && !flag(f, SK)) {
		finish(f);
		return;
	}
	bool end = at_end(f);
	advance(f);
	if (t->terminal)
		finish(f);
	else if (end)
		fail(f, ST1_END, 0);
	else
		next_sector(f);
}

/* --- the host's side --- */

/* The scan ends where the sector is as asked for, and stays at it. */
static void scan_done(struct fdc *f, bool equal, bool meets)
{
	struct transfer *t = &f->transfer;
	if (meets) {
		t->st2 |= equal ? ST2_SCAN_HIT : 0;
		finish(f);
	} else if (at_end(f) || t->terminal) {
		t->st2 |= ST2_SCAN_MISS;
		finish(f);
	} else {
		advance(f);
		next_sector(f);
	}
}

/* Disk and host, byte by byte; FFh stands for any. */
static void compare(struct fdc *f)
{
	const struct transfer *t = &f->transfer;
	const uint8_t *disk = f->io->bytes;
	bool equal = true, meets = true;
	for (unsigned i = 0; i < t->at; i++) {
		uint8_t host = t->buffer[i];
		if (host == ANY || disk[i] == ANY || host == disk[i])
			continue;
		equal = false;
		if (code(f) != (disk[i] < host ? SCAN_LOW : SCAN_HIGH))
			meets = false;
	}
	scan_done(f, equal, meets);
}

/* A sector's ID and filler.  The disk's format is the image's: an ID that it has not is not
 * found. */
static void format_sector(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	const struct floppy *d = floppy(f);
	t->c = t->buffer[0];
	t->h = t->buffer[1];
	t->r = t->buffer[2];
	t->n = t->buffer[3];
	if (t->c != floppy_track(d, t->head) || t->h != t->head || t->n != FLOPPY_SIZE_CODE ||
	    !t->r || t->r > d->format->sectors) {
		fail(f, ST1_NO_DATA, 0);
		return;
	}
	memset(f->io->bytes, f->command[5], FLOPPY_SECTOR);
	floppy_write(floppy(f), t->head, t->r, f->io);
}

/* After the terminal count the rest of a sector is zeros. */
static void write_sector(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	memset(t->buffer + t->at, 0, FLOPPY_SECTOR - t->at);
	memcpy(f->io->bytes, t->buffer, FLOPPY_SECTOR);
	floppy_write(floppy(f), t->head, t->r, f->io);
}

static bool from_host(const struct fdc *f)
{
	return writes(f) || scans(f);
}

/* All bytes of a sector's have gone, or as many as the host wants.  The disk may have been taken
 * out meanwhile. */
static void host_done(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	t->stage = STAGE_MEDIUM;
	if (!from_host(f))
		sector_done(f);
	else if (!finds(f))
		finish(f);
	else if (scans(f))
		floppy_read(floppy(f), t->head, t->r, f->io);
	else if (code(f) == FORMAT)
		format_sector(f);
	else
		write_sector(f);
}

static void move_by_dma(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	uint8_t *bytes = t->buffer + t->at;
	size_t left = t->want - t->at, n;
	if (!(f->dor & DOR_GATE))
		return;
	n = from_host(f) ? dma_from_memory(f->dma, DMA_CHANNEL, bytes, left, &t->terminal)
	                 : dma_to_memory(f->dma, DMA_CHANNEL, bytes, left, &t->terminal);
	t->at += n;
	if (t->at == t->want || t->terminal)
		host_done(f);
}

bool fdc_transfer_waits(const struct fdc *f)
{
	return f->phase == PHASE_EXECUTION && f->transfer.stage == STAGE_HOST;
}

bool fdc_transfer_takes(const struct fdc *f)
{
	return from_host(f);
}

uint8_t fdc_transfer_read(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	uint8_t v = t->buffer[t->at++];
	if (t->at == t->want)
		host_done(f);
	return v;
}

void fdc_transfer_write(struct fdc *f, uint8_t v)
{
	struct transfer *t = &f->transfer;
	t->buffer[t->at++] = v;
	if (t->at == t->want)
		host_done(f);
}

/* --- the disk's side --- */

static void read_id(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	t->c = floppy_track(floppy(f), t->head);
	t->h = t->head;
	t->r = floppy_next(floppy(f));
	t->n = FLOPPY_SIZE_CODE;
	finish(f);
}

/* No image has deleted sectors. */
static void sector_read(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	memcpy(t->buffer, f->io->bytes, FLOPPY_SECTOR);
	if (code(f) == READ_DELETED)
		t->st2 |= ST2_OTHER_MARK;
	if (code(f) == VERIFY || (code(f) == READ_DELETED && flag(f, SK)))
		sector_done(f);
	else
		t->stage = STAGE_HOST;
}

static void read_sector(struct fdc *f)
{
	f->transfer.stage = STAGE_MEDIUM;
	floppy_read(floppy(f), f->transfer.head, sector(f), f->io);
}

static void at_sector(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	t->at = 0;
	t->terminal = false;
	if (writes(f) && has_disk(f) && floppy(f)->medium.readonly)
		fail(f, ST1_PROTECTED, 0);
	else if (!finds(f))
		finish(f);
	else if (code(f) == READ_ID)
		read_id(f);
	else if (from_host(f))
		t->stage = STAGE_HOST;
	else
		read_sector(f);
}

void fdc_transfer_settled(struct fdc *f, int err)
{
	if (err)
		image_failed(f, writes(f), err);
	else if (scans(f))
		compare(f);
	else if (writes(f))
		sector_done(f);
	else
		sector_read(f);
	if (f->phase == PHASE_EXECUTION && fdc_by_dma(f))
		fdc_transfer_run(f);
}

void fdc_transfer_ask_again(struct fdc *f)
{
	if (f->phase != PHASE_EXECUTION || f->transfer.stage != STAGE_MEDIUM)
		return;
	if (from_host(f))
		host_done(f);
	else
		at_sector(f);
}

/* What settles at once goes on in the loop, not in a call within it. */
void fdc_transfer_run(struct fdc *f)
{
	if (f->runs)
		return;
	f->runs = true;
	do {
		if (f->transfer.stage == STAGE_SECTOR)
			at_sector(f);
		if (fdc_transfer_waits(f) && fdc_by_dma(f))
			move_by_dma(f);
	} while (f->phase == PHASE_EXECUTION && f->transfer.stage == STAGE_SECTOR && fdc_by_dma(f));
	f->runs = false;
}

/* How long until the command's first sector, or until it is clear that there is none. */
static uint64_t reaches(struct fdc *f)
{
	struct transfer trial = f->transfer;
	uint64_t ns = finds(f) ? SECTOR_NS : SEARCH_NS;
	f->transfer = trial;
	return ns;
}

void fdc_transfer_begin(struct fdc *f)
{
	struct transfer *t = &f->transfer;
	uint64_t ns = 0;
	const uint8_t *c = f->command;
	*t = (struct transfer){.unit = c[1] & 3, .head = c[1] >> 2 & 1, .want = FLOPPY_SECTOR};
	if (code(f) == FORMAT) {
		t->want = ID_BYTES;
		f->sectors = c[3];
	} else if (code(f) != READ_ID) {
		t->c = c[2];
		t->h = c[3];
		t->r = c[4];
		t->n = c[5];
		f->sectors = last_sector(f);
		if (f->configured & IMPLIED_SEEK && t->c != f->unit[t->unit].cylinder) {
			fdc_seek(&f->unit[t->unit], t->c);
			ns = SEEK_NS;
			t->st0 |= ST0_SEEK_END;
		}
	}
	f->phase = PHASE_EXECUTION;
	timer_set(f->event, clock_now(f->clock) + ns + reaches(f));
}
