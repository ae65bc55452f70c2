#include "devices/fdc_internal.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	PORTS = 0x3f0,
	DIR = 0x3f7, /* read; CCR, written: 3F6h is not this chip's */

	/* behind PORTS; 0 and 1 are there in PS/2 modes */
	DOR = 2,
	TDR = 3,
	MSR = 4, /* read; DSR, written */
	FIFO = 5,
	N_PORTS = 6,

	TDR_OPEN = 0xfc, /* bits that nobody drives */
	DIR_OPEN = 0x7f,
	DIR_CHANGED = 0x80,

	/* main status register */
	MSR_READY = 0x80,
	MSR_TO_HOST = 0x40,
	MSR_NO_DMA = 0x20,
	MSR_BUSY = 0x10, /* with a command; the bits below, drives with a seek */

	DSR_RESET = 0x80,
	DSR_RATE = 0x03,
	DSR_DEFAULT = 0x02,

	CONFIGURED_LOCKED = 0x2f, /* EFIFO and FIFOTHR: what LOCK keeps */
	CONFIGURED_DEFAULT = 0x20,

	PERPENDICULAR_OVERWRITE = 0x80,
	PERPENDICULAR_DRIVES = 0x3c,
	PERPENDICULAR_MODE = 0x03,

	INWARD = 0x40, /* of RELATIVE SEEK */
	LOCKS = 0x80,  /* of LOCK */

	ST3_PROTECTED = 0x40,
	ST3_TRACK_0 = 0x10,
	ST3_ONES = 0x28,

	ENHANCED = 0x90, /* the answer to VERSION */

	MAX_STEPS = 79, /* of RECALIBRATE */
};

/* Data sheet, "Reset": until the data register is ready. */
#define RESET_NS 200000ull

/* --- lines --- */

static bool in_reset(const struct fdc *f)
{
	return !(f->dor & DOR_NOT_RESET);
}

static bool waits_by_dma(const struct fdc *f)
{
	return fdc_by_dma(f) && fdc_transfer_waits(f);
}

static void update(struct fdc *f)
{
	bool gate = f->dor & DOR_GATE;
	bool byte = !fdc_by_dma(f) && fdc_transfer_waits(f);
	irq_set(&f->irq6, gate && (f->interrupt || byte));
	dma_request(f->dma, DMA_CHANNEL, gate && waits_by_dma(f));
}

/* The end of a seek that came while another command ran, or that is not the only one. */
static void idle(struct fdc *f)
{
	f->phase = PHASE_IDLE;
	for (unsigned i = 0; i < UNITS; i++)
		f->interrupt |= f->unit[i].ended;
}

/* --- results --- */

static void answer(struct fdc *f, const uint8_t *bytes, uint8_t n)
{
	memcpy(f->result, bytes, n);
	f->results = n;
	f->taken = 0;
	f->phase = PHASE_RESULT;
}

static void answer_byte(struct fdc *f, uint8_t v)
{
	answer(f, &v, 1);
}

static uint8_t take_result(struct fdc *f)
{
	uint8_t v = f->result[f->taken++];
	f->interrupt = false;
	if (f->taken == f->results)
		idle(f);
	return v;
}

/* --- seeks --- */

/* The interrupt comes when the heads are there.  Who seeks does not ask for the rest of what the
 * reset has found. */
static void start_seek(struct fdc *f, struct unit *u, uint8_t error)
{
	f->polled_left = 0;
	u->ended = false;
	u->seeks = true;
	u->st0 = ST0_SEEK_END | error | (f->command[1] & 7);
	timer_set(u->arrival, clock_now(f->clock) + SEEK_NS);
}

static void seek(struct fdc *f, struct unit *u, uint8_t cylinder)
{
	fdc_seek(u, cylinder);
	start_seek(f, u, 0);
}

static void relative_seek(struct fdc *f, struct unit *u)
{
	uint8_t by = f->command[2];
	seek(f, u, f->command[0] & INWARD ? u->cylinder + by : u->cylinder - by);
}

/* Until the drive tells that it is at track 0, which one that is not there never does. */
static void recalibrate(struct fdc *f, struct unit *u)
{
	unsigned steps = u->floppy.cylinder;
	if (steps > MAX_STEPS)
		steps = MAX_STEPS;
	u->cylinder = steps;
	fdc_seek(u, 0);
	bool there = u->floppy.kind != FLOPPY_NONE && !u->floppy.cylinder;
	start_seek(f, u, there ? 0 : ST0_ABNORMAL | ST0_EQUIPMENT);
}

static void on_arrival(void *ctx, uint64_t now)
{
	struct fdc *f = ctx;
	for (unsigned i = 0; i < UNITS; i++) {
		struct unit *u = &f->unit[i];
		if (u->seeks && !timer_is_set(u->arrival)) {
			u->seeks = false;
			u->ended = true;
		}
	}
	if (f->phase == PHASE_IDLE)
		idle(f);
	update(f);
}

/* --- commands that take no time --- */

static void sense_interrupt(struct fdc *f)
{
	f->interrupt = false;
	if (f->polled_left) {
		unsigned i = UNITS - f->polled_left--;
		answer(f, (const uint8_t[]){ST0_POLLED | i, f->unit[i].cylinder}, 2);
		return;
	}
	for (unsigned i = 0; i < UNITS; i++) {
		struct unit *u = &f->unit[i];
		if (u->ended) {
			u->ended = false;
			answer(f, (const uint8_t[]){u->st0, u->cylinder}, 2);
			return;
		}
	}
	answer_byte(f, ST0_INVALID);
}

static void sense_drive(struct fdc *f, const struct unit *u)
{
	const struct floppy *d = &u->floppy;
	uint8_t v = ST3_ONES | (f->command[1] & 7);
	if (d->kind != FLOPPY_NONE && !d->cylinder)
		v |= ST3_TRACK_0;
	if (d->format && d->medium.readonly)
		v |= ST3_PROTECTED;
	answer_byte(f, v);
}

static void set_perpendicular(struct fdc *f, uint8_t v)
{
	uint8_t kept = f->perpendicular & PERPENDICULAR_DRIVES;
	if (v & PERPENDICULAR_OVERWRITE)
		kept = v & PERPENDICULAR_DRIVES;
	f->perpendicular = kept | (v & PERPENDICULAR_MODE);
}

static void dump(struct fdc *f)
{
	const uint8_t result[10] = {
		f->unit[0].cylinder, f->unit[1].cylinder,
		f->unit[2].cylinder, f->unit[3].cylinder,
		f->specified[0],     f->specified[1],
		f->sectors,          f->locked << 7 | f->perpendicular,
		f->configured,       f->pretrack,
	};
	answer(f, result, sizeof result);
}

/* --- the command phase --- */

/* Of each command: the flags that its first byte may have, and its bytes. */
static const struct {
	uint8_t code, flags, bytes;
} commands[] = {
	{READ_TRACK, MFM, 9},
	{SPECIFY, 0, 3},
	{SENSE_DRIVE, 0, 2},
	{WRITE, MT | MFM, 9},
	{READ, MT | MFM | SK, 9},
	{RECALIBRATE, 0, 2},
	{SENSE_INTERRUPT, 0, 1},
	{WRITE_DELETED, MT | MFM, 9},
	{READ_ID, MFM, 2},
	{READ_DELETED, MT | MFM | SK, 9},
	{FORMAT, MFM, 6},
	{DUMPREG, 0, 1},
	{SEEK, 0, 3},
	{VERSION, 0, 1},
	{SCAN_EQUAL, MT | MFM | SK, 9},
	{PERPENDICULAR, 0, 2},
	{CONFIGURE, 0, 4},
	{LOCK, LOCKS, 1},
	{VERIFY, MT | MFM | SK, 9},
	{SCAN_LOW, MT | MFM | SK, 9},
	{SCAN_HIGH, MT | MFM | SK, 9},
	{RELATIVE_SEEK, INWARD, 3},
};

/* Its place in the table; -1: there is none. */
static int find_command(uint8_t first)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if ((first & ~commands[i].flags) == commands[i].code)
			return (int)i;
	return -1;
}

static void execute(struct fdc *f)
{
	const uint8_t *c = f->command;
	struct unit *u = &f->unit[c[1] & 3];
	idle(f);
	switch (commands[find_command(c[0])].code) {
	case SPECIFY:
		memcpy(f->specified, c + 1, 2);
		break;
	case SENSE_DRIVE:
		sense_drive(f, u);
		break;
	case RECALIBRATE:
		recalibrate(f, u);
		break;
	case SEEK:
		seek(f, u, c[2]);
		break;
	case RELATIVE_SEEK:
		relative_seek(f, u);
		break;
	case SENSE_INTERRUPT:
		sense_interrupt(f);
		break;
	case DUMPREG:
		dump(f);
		break;
	case VERSION:
		answer_byte(f, ENHANCED);
		break;
	case PERPENDICULAR:
		set_perpendicular(f, c[1]);
		break;
	case CONFIGURE:
		f->configured = c[2] & 0x7f;
		f->pretrack = c[3];
		break;
	case LOCK:
		f->locked = c[0] & LOCKS;
		answer_byte(f, f->locked << 4);
		break;
	default:
		fdc_transfer_begin(f);
	}
}

static void take_command(struct fdc *f, uint8_t v)
{
	if (f->phase == PHASE_IDLE) {
		int i = find_command(v);
		if (i < 0) {
			answer_byte(f, ST0_INVALID);
			return;
		}
		memset(f->command, 0, sizeof f->command);
		f->given = 0;
		f->wanted = commands[i].bytes;
		f->phase = PHASE_COMMAND;
	}
	f->command[f->given++] = v;
	if (f->given == f->wanted)
		execute(f);
}

/* --- reset --- */

static void on_medium(void *ctx, int err)
{
	struct fdc *f = ctx;
	fdc_transfer_settled(f, err);
	update(f);
}

/* The medium may be at work yet on what has been given up. */
static void renew_io(struct fdc *f)
{
	if (f->io && !f->io->running)
		return;
	medium_io_drop(f->io);
	f->io = medium_io_create(FLOPPY_SECTOR, f, on_medium);
}

static void abort_all(struct fdc *f)
{
	f->phase = PHASE_IDLE;
	f->interrupt = f->resets = false;
	f->polled_left = 0;
	timer_cancel(f->event);
	renew_io(f);
	for (unsigned i = 0; i < UNITS; i++) {
		timer_cancel(f->unit[i].arrival);
		f->unit[i].seeks = f->unit[i].ended = false;
	}
}

/* By DOR or DSR. */
static void software_reset(struct fdc *f)
{
	abort_all(f);
	f->resets = true;
	f->configured = f->locked ? f->configured & CONFIGURED_LOCKED : CONFIGURED_DEFAULT;
	f->pretrack = f->locked ? f->pretrack : 0;
	f->perpendicular &= PERPENDICULAR_DRIVES;
	timer_set(f->event, clock_now(f->clock) + RESET_NS);
}

/* Drives are polled, and all have changed: one interrupt, and a status of each. */
static void reset_done(struct fdc *f)
{
	f->resets = false;
	f->polled_left = UNITS;
	f->interrupt = true;
}

static void on_event(void *ctx, uint64_t now)
{
	struct fdc *f = ctx;
	if (f->resets)
		reset_done(f);
	else if (f->phase == PHASE_EXECUTION)
		fdc_transfer_run(f);
	update(f);
}

/* --- ports --- */

static uint8_t main_status(const struct fdc *f)
{
	uint8_t v = 0;
	if (in_reset(f) || f->resets)
		return 0;
	for (unsigned i = 0; i < UNITS; i++)
		v |= f->unit[i].seeks << i;
	switch (f->phase) {
	case PHASE_IDLE:
		return v | MSR_READY;
	case PHASE_COMMAND:
		return v | MSR_BUSY | MSR_READY;
	case PHASE_RESULT:
		return v | MSR_BUSY | MSR_READY | MSR_TO_HOST;
	default:
		v |= MSR_BUSY;
		if (fdc_by_dma(f))
			return v;
		v |= MSR_NO_DMA;
		if (fdc_transfer_waits(f))
			v |= MSR_READY | (fdc_transfer_takes(f) ? 0 : MSR_TO_HOST);
		return v;
	}
}

/* Without DMA INT falls after each byte, so that what comes next is an edge.  There is no overrun:
 * the guest's pace is not its own. */
static bool serves_host(struct fdc *f, bool takes)
{
	if (fdc_by_dma(f) || !fdc_transfer_waits(f) || fdc_transfer_takes(f) != takes)
		return false;
	irq_set(&f->irq6, false);
	return true;
}

/* Bytes that nobody waits for get lost. */
static void fifo_write(struct fdc *f, uint8_t v)
{
	if (in_reset(f) || f->resets)
		return;
	if (f->phase == PHASE_IDLE || f->phase == PHASE_COMMAND)
		take_command(f, v);
	else if (serves_host(f, true))
		fdc_transfer_write(f, v);
}

static uint8_t fifo_read(struct fdc *f)
{
	if (f->phase == PHASE_RESULT)
		return take_result(f);
	return serves_host(f, false) ? fdc_transfer_read(f) : 0;
}

/* What held the transfer may hold it no longer. */
static void on_dma_ready(void *ctx)
{
	struct fdc *f = ctx;
	if (waits_by_dma(f) && !timer_is_set(f->event))
		timer_set(f->event, clock_now(f->clock) + SECTOR_NS);
}

static void dor_write(struct fdc *f, uint8_t v)
{
	bool was = in_reset(f);
	f->dor = v;
	if (in_reset(f))
		abort_all(f);
	else if (was)
		software_reset(f);
	else if (v & DOR_GATE)
		on_dma_ready(f);
}

static uint32_t fdc_read(void *ctx, uint32_t offset, unsigned size)
{
	struct fdc *f = ctx;
	uint8_t v = 0xff;
	switch (offset) {
	case DOR:
		return f->dor;
	case TDR:
		return TDR_OPEN | f->tdr;
	case MSR:
		return main_status(f);
	case FIFO:
		v = fifo_read(f);
		update(f);
	}
	return v;
}

static void fdc_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct fdc *f = ctx;
	switch (offset) {
	case DOR:
		dor_write(f, value);
		break;
	case TDR:
		f->tdr = value & ~TDR_OPEN;
		break;
	case MSR:
		f->dsr = value & ~DSR_RESET;
		if (value & DSR_RESET && !in_reset(f))
			software_reset(f);
		break;
	case FIFO:
		fifo_write(f, value);
	}
	update(f);
}

static uint32_t dir_read(void *ctx, uint32_t offset, unsigned size)
{
	const struct fdc *f = ctx;
	const struct floppy *d = &f->unit[f->dor & DOR_DRIVE].floppy;
	return DIR_OPEN | (d->kind != FLOPPY_NONE && d->changed ? DIR_CHANGED : 0);
}

static void ccr_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct fdc *f = ctx;
	f->dsr = (f->dsr & ~DSR_RATE) | (value & DSR_RATE);
}

void fdc_set_drive(struct fdc *f, unsigned drive, enum floppy_kind kind)
{
	f->unit[drive].floppy.kind = kind;
}

void fdc_insert(struct fdc *f, unsigned drive, const struct medium *m)
{
	floppy_insert(&f->unit[drive].floppy, m);
}

/* --- life --- */

static void fdc_reset(void *d, enum reset_kind kind)
{
	struct fdc *f = d;
	abort_all(f);
	f->dor = f->tdr = f->sectors = 0;
	f->dsr = DSR_DEFAULT;
	f->specified[0] = f->specified[1] = 0;
	f->configured = CONFIGURED_DEFAULT;
	f->pretrack = f->perpendicular = 0;
	f->locked = false;
	f->given = f->wanted = f->results = f->taken = 0;
	memset(f->command, 0, sizeof f->command);
	memset(f->result, 0, sizeof f->result);
	memset(&f->transfer, 0, sizeof f->transfer);
	for (unsigned i = 0; i < UNITS; i++) {
		f->unit[i].cylinder = f->unit[i].st0 = 0;
		if (kind == RESET_POWER) { /* drives have no other */
			f->unit[i].floppy.cylinder = f->unit[i].floppy.under = 0;
			f->unit[i].floppy.changed = true;
		}
	}
	update(f);
}

static void unit_state(struct unit *u, struct archive *a)
{
	struct floppy *d = &u->floppy;
	archive_value(a, "heads_at", &d->cylinder, sizeof d->cylinder);
	archive_require(a, "heads_at", d->cylinder <= FLOPPY_LAST_CYLINDER);
	ARCHIVE(a, d, under);
	ARCHIVE(a, d, changed);
	ARCHIVE(a, u, cylinder);
	ARCHIVE(a, u, st0);
	ARCHIVE(a, u, seeks);
	ARCHIVE(a, u, ended);
	timer_state(u->arrival, a, "arrival");
}

static void transfer_state(struct transfer *t, struct archive *a)
{
	ARCHIVE(a, t, stage);
	ARCHIVE(a, t, unit);
	ARCHIVE(a, t, head);
	archive_require(a, "unit", t->stage <= STAGE_MEDIUM && t->unit < UNITS && t->head < 2);
	ARCHIVE(a, t, c);
	ARCHIVE(a, t, h);
	ARCHIVE(a, t, r);
	ARCHIVE(a, t, n);
	ARCHIVE(a, t, count);
	ARCHIVE(a, t, st0);
	ARCHIVE(a, t, st1);
	ARCHIVE(a, t, st2);
	ARCHIVE(a, t, at);
	ARCHIVE(a, t, want);
	archive_require(a, "at", t->want <= FLOPPY_SECTOR && t->at <= t->want);
	ARCHIVE(a, t, buffer);
}

static void phase_state(struct fdc *f, struct archive *a)
{
	ARCHIVE(a, f, phase);
	archive_require(a, "phase", f->phase <= PHASE_RESULT);
	ARCHIVE(a, f, command);
	ARCHIVE(a, f, given);
	ARCHIVE(a, f, wanted);
	int i = find_command(f->command[0]);
	archive_require(a, "given",
	                f->phase != PHASE_COMMAND ||
	                        (i >= 0 && f->wanted == commands[i].bytes && f->given < f->wanted));
	ARCHIVE(a, f, result);
	ARCHIVE(a, f, results);
	ARCHIVE(a, f, taken);
	archive_require(a, "taken",
	                f->phase != PHASE_RESULT ||
	                        (f->results <= sizeof f->result && f->taken < f->results));
	transfer_state(&f->transfer, a);
	archive_require(a, "stage", !fdc_transfer_waits(f) || f->transfer.at < f->transfer.want);
}

static void fdc_state(void *d, struct archive *a)
{
	struct fdc *f = d;
	if (archive_loads(a))
		renew_io(f);
	ARCHIVE(a, f, dor);
	ARCHIVE(a, f, tdr);
	ARCHIVE(a, f, dsr);
	ARCHIVE(a, f, specified);
	ARCHIVE(a, f, configured);
	ARCHIVE(a, f, pretrack);
	ARCHIVE(a, f, perpendicular);
	ARCHIVE(a, f, locked);
	ARCHIVE(a, f, resets);
	ARCHIVE(a, f, interrupt);
	ARCHIVE(a, f, polled_left);
	archive_require(a, "polled_left", f->polled_left <= UNITS);
	ARCHIVE(a, f, sectors);
	phase_state(f, a);
	timer_state(f->event, a, "event");
	for (unsigned i = 0; i < UNITS; i++) {
		archive_index(a, (int)i);
		unit_state(&f->unit[i], a);
	}
	archive_index(a, -1);
	if (!archive_loaded(a))
		return;
	fdc_transfer_ask_again(f);
	update(f);
}

static void fdc_destroy(void *d)
{
	struct fdc *f = d;
	medium_io_drop(f->io);
	timer_free(f->event);
	for (unsigned i = 0; i < UNITS; i++)
		timer_free(f->unit[i].arrival);
	free(f);
}

const struct device_type fdc_type = {"fdc", fdc_reset, fdc_state, fdc_destroy};

struct fdc *fdc_create(struct bus *bus, struct clock *clock, struct dma *dma, struct irq_line irq6,
                       struct fdc_board board)
{
	struct fdc *f = calloc(1, sizeof *f);
	CHECK(f);
	f->clock = clock;
	f->dma = dma;
	f->irq6 = irq6;
	f->board = board;
	f->event = timer_create_on(clock, f, on_event);
	for (unsigned i = 0; i < UNITS; i++)
		f->unit[i].arrival = timer_create_on(clock, f, on_arrival);
	dma_attach(dma, DMA_CHANNEL, f, on_dma_ready);
	fdc_reset(f, RESET_POWER);
	struct region_handler ports = {.ctx = f, .read = fdc_read, .write = fdc_write};
	struct region_handler dir = {.ctx = f, .read = dir_read, .write = ccr_write};
	CHECK(bus_map(bus, SPACE_PORT, PORTS, N_PORTS, ports) > 0);
	CHECK(bus_map(bus, SPACE_PORT, DIR, 1, dir) > 0);
	return f;
}
