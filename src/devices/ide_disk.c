#include "devices/ide_disk.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	RECALIBRATE = 0x10, /* to 1Fh */
	SEEK = 0x70,        /* to 7Fh */
	NATIVE_MAX_EXT = 0x27,
	SET_PARAMETERS = 0x91,
	SET_MULTIPLE = 0xc6,
	STANDBY_NOW = 0xe0,
	IDLE_NOW = 0xe1,
	STANDBY = 0xe2,
	IDLE = 0xe3,
	READ_BUFFER = 0xe4,
	CHECK_POWER = 0xe5,
	SLEEP = 0xe6,
	FLUSH = 0xe7,
	WRITE_BUFFER = 0xe8,
	FLUSH_EXT = 0xea,
	IDENTIFY = 0xec,
	SET_FEATURES = 0xef,
	NATIVE_MAX = 0xf8,

	/* of SET FEATURES */
	CACHE_ON = 0x02,
	CACHE_OFF = 0x82,
	SET_MODE = 0x03,
	AHEAD_ON = 0xaa,
	AHEAD_OFF = 0x55,
	KEEP_SETTINGS = 0x66,
	LOSE_SETTINGS = 0xcc,

	ACTIVE = 0xff, /* the answer to CHECK POWER MODE */
	MODES_PIO = 0x08,
	MODES_MWDMA = 0x20,
	MODES_UDMA = 0x40,

	LOW_LBA = 0x0f, /* of the device register: bits 27 to 24, or the head */
};

/* The commands that move sectors. */
enum { EXT = 1, DMA = 2, MULTIPLE = 4, WRITES = 8, VERIFIES = 16 };
static const struct {
	uint8_t code, how;
} transfers[] = {
	{0x20, 0},
	{0x21, 0},
	{0x24, EXT},
	{0x25, EXT | DMA},
	{0x29, EXT | MULTIPLE},
	{0x30, WRITES},
	{0x31, WRITES},
	{0x34, WRITES | EXT},
	{0x35, WRITES | EXT | DMA},
	{0x39, WRITES | EXT | MULTIPLE},
	{0x40, VERIFIES},
	{0x41, VERIFIES},
	{0x42, VERIFIES | EXT},
	{0xc4, MULTIPLE},
	{0xc5, WRITES | MULTIPLE},
	{0xc8, DMA},
	{0xc9, DMA},
	{0xca, WRITES | DMA},
	{0xcb, WRITES | DMA},
};

/* -1: it moves none. */
static int transfer_of(uint8_t code)
{
	for (size_t i = 0; i < sizeof transfers / sizeof *transfers; i++)
		if (transfers[i].code == code)
			return transfers[i].how;
	return -1;
}

/* --- addresses --- */

/* The sector that the registers name; beyond the end: none does. */
static uint64_t address(const struct ide_drive *d, bool ext)
{
	const struct ide_disk *k = d->own;
	const uint8_t *r = d->now, *b = d->before;
	uint64_t lba = (uint64_t)r[IDE_HIGH] << 16 | r[IDE_MID] << 8 | r[IDE_LOW];
	unsigned cylinder = r[IDE_HIGH] << 8 | r[IDE_MID], head = r[IDE_DEVICE] & LOW_LBA;
	if (ext)
		return lba | (uint64_t)b[IDE_HIGH] << 40 | (uint64_t)b[IDE_MID] << 32 |
		       (uint64_t)b[IDE_LOW] << 24;
	if (r[IDE_DEVICE] & IDE_LBA)
		return lba | (uint64_t)head << 24;
	if (!r[IDE_LOW] || r[IDE_LOW] > k->track || head >= k->heads || cylinder >= k->cylinders)
		return UINT64_MAX;
	return ((uint64_t)cylinder * k->heads + head) * k->track + r[IDE_LOW] - 1;
}

/* The registers name this sector: the last one that was done, or one that could not be. */
static void set_address(struct ide_drive *d, bool ext, uint64_t lba)
{
	const struct ide_disk *k = d->own;
	uint8_t head = lba >> 24 & LOW_LBA, *r = d->now, *b = d->before;
	if (ext) {
		b[IDE_LOW] = lba >> 24;
		b[IDE_MID] = lba >> 32;
		b[IDE_HIGH] = lba >> 40;
	} else if (!(r[IDE_DEVICE] & IDE_LBA)) {
		uint32_t track = (uint32_t)(lba / k->track), cylinder = track / k->heads;
		head = track % k->heads;
		lba = lba % k->track + 1 + (uint64_t)cylinder * 0x100;
	}
	if (!ext)
		r[IDE_DEVICE] = (r[IDE_DEVICE] & ~LOW_LBA) | head;
	r[IDE_LOW] = lba;
	r[IDE_MID] = lba >> 8;
	r[IDE_HIGH] = lba >> 16;
}

/* --- sectors --- */

static int how(const struct ide_drive *d)
{
	const struct ide_disk *k = d->own;
	return transfer_of(k->command);
}

static void fail_at(struct ide_drive *d, uint64_t lba, uint8_t error)
{
	set_address(d, how(d) & EXT, lba);
	ide_end(d, error, true);
}

static void ask(struct ide_drive *d, enum medium_op op, uint32_t sectors)
{
	const struct ide_disk *k = d->own;
	ide_ask(d, op, k->at * IDE_SECTOR, sectors * IDE_SECTOR);
}

static void next_part(struct ide_drive *d, bool first)
{
	struct ide_disk *k = d->own;
	k->some = k->left < k->block ? k->left : k->block;
	if (how(d) & WRITES) {
		k->step = DISK_GUEST;
		ide_receive(d, k->some * IDE_SECTOR, !first);
	} else {
		k->step = DISK_MEDIUM;
		ask(d, MEDIUM_READ, k->some);
	}
}

/* An interrupt tells of the end, unless the guest has just taken what it read. */
static void all_done(struct ide_drive *d)
{
	struct ide_disk *k = d->own;
	set_address(d, how(d) & EXT, k->at - 1);
	d->now[IDE_COUNT] = d->before[IDE_COUNT] = 0;
	if (how(d) & WRITES && !k->write_cache) {
		k->step = DISK_FLUSH;
		ide_ask(d, MEDIUM_FLUSH, 0, 0);
	} else {
		ide_end(d, 0, how(d) & (WRITES | VERIFIES | DMA));
	}
}

static void part_done(struct ide_drive *d)
{
	struct ide_disk *k = d->own;
	k->at += k->some;
	k->left -= k->some;
	if (k->left)
		next_part(d, false);
	else
		all_done(d);
}

/* Of several sectors that could not be read the registers are to name the first. */
static void failed(struct ide_drive *d, int err)
{
	struct ide_disk *k = d->own;
	if (how(d) & WRITES || k->some == 1) {
		set_address(d, how(d) & EXT, k->at);
		ide_fail(d, how(d) & WRITES, err);
		return;
	}
	k->step = DISK_SEARCH;
	k->left = k->some;
	k->some = 1;
	ask(d, MEDIUM_READ, 1);
}

/* All of them can be read now, one by one: the last is as bad as any. */
static void search(struct ide_drive *d, int err)
{
	struct ide_disk *k = d->own;
	if (err || k->left == 1) {
		failed(d, err ? err : -EIO);
		return;
	}
	k->at++;
	k->left--;
	ask(d, MEDIUM_READ, 1);
}

static void disk_go_on(struct ide_drive *d, int err)
{
	struct ide_disk *k = d->own;
	switch (k->step) {
	case DISK_MEDIUM:
		if (err) {
			failed(d, err);
		} else if (how(d) & (WRITES | VERIFIES)) {
			part_done(d);
		} else {
			k->step = DISK_GUEST;
			ide_send(d, k->some * IDE_SECTOR);
		}
		break;
	case DISK_GUEST:
		if (how(d) & WRITES) {
			k->step = DISK_MEDIUM;
			ask(d, MEDIUM_WRITE, k->some);
		} else {
			part_done(d);
		}
		break;
	case DISK_SEARCH:
		search(d, err);
		break;
	case DISK_FLUSH:
		if (err)
			ide_fail(d, true, err);
		else
			ide_end(d, 0, true);
		break;
	case DISK_LAST:
		ide_end(d, 0, !d->in);
	}
}

/* All sectors are there, or the first that is not is named. */
static void transfer(struct ide_drive *d)
{
	struct ide_disk *k = d->own;
	bool ext = how(d) & EXT;
	uint32_t all = ext ? 0x10000 : 0x100;
	k->at = address(d, ext);
	k->left = d->now[IDE_COUNT] | (ext ? d->before[IDE_COUNT] << 8 : 0);
	k->left = k->left ? k->left : all;
	k->block = how(d) & (DMA | VERIFIES) ? IDE_CHUNK / IDE_SECTOR : 1;
	if (how(d) & MULTIPLE)
		k->block = k->multiple;
	d->dma = how(d) & DMA;
	if (!k->block || (how(d) & WRITES && d->medium.readonly))
		ide_end(d, IDE_ABRT, true);
	else if (k->at == UINT64_MAX)
		ide_end(d, IDE_IDNF, true);
	else if (k->at >= k->sectors || k->left > k->sectors - k->at)
		fail_at(d, k->at < k->sectors ? k->sectors : k->at, IDE_IDNF);
	else
		next_part(d, true);
}

/* --- settings --- */

static void seek(struct ide_drive *d)
{
	const struct ide_disk *k = d->own;
	ide_end(d, address(d, false) < k->sectors ? 0 : IDE_IDNF, true);
}

static void set_parameters(struct ide_drive *d)
{
	struct ide_disk *k = d->own;
	uint8_t heads = (d->now[IDE_DEVICE] & LOW_LBA) + 1, track = d->now[IDE_COUNT];
	if (!track) {
		ide_end(d, IDE_ABRT, true);
		return;
	}
	uint64_t cylinders = k->sectors / (heads * track);
	k->heads = heads;
	k->track = track;
	k->cylinders = cylinders < UINT16_MAX ? cylinders : UINT16_MAX;
	ide_end(d, 0, true);
}

static void set_multiple(struct ide_drive *d)
{
	struct ide_disk *k = d->own;
	uint8_t n = d->now[IDE_COUNT];
	bool good = n <= DISK_MULTIPLE && !(n & (n - 1));
	k->multiple = good ? n : 0;
	ide_end(d, good ? 0 : IDE_ABRT, true);
}

/* Transfer mode values: ATA/ATAPI-6, table 44. */
static bool set_mode(struct ide_disk *k, uint8_t v)
{
	if (v <= 1 || (v >= MODES_PIO && v <= MODES_PIO + DISK_PIO))
		return true;
	if ((v < MODES_MWDMA || v > MODES_MWDMA + DISK_MWDMA) &&
	    (v < MODES_UDMA || v > MODES_UDMA + DISK_UDMA))
		return false;
	k->mode = v;
	return true;
}

static bool set_feature(struct ide_disk *k, uint8_t feature, uint8_t v)
{
	switch (feature) {
	case CACHE_ON:
	case CACHE_OFF:
		k->write_cache = feature == CACHE_ON;
		return true;
	case AHEAD_ON:
	case AHEAD_OFF:
		k->look_ahead = feature == AHEAD_ON;
		return true;
	case KEEP_SETTINGS:
	case LOSE_SETTINGS:
		k->keeps = feature == KEEP_SETTINGS;
		return true;
	case SET_MODE:
		return set_mode(k, v);
	default:
		return false;
	}
}

static void send_identity(struct ide_drive *d)
{
	struct ide_disk *k = d->own;
	ide_identify(k, d->io->bytes);
	k->step = DISK_LAST;
	ide_send(d, IDE_SECTOR);
}

static void native_max(struct ide_drive *d, bool ext)
{
	const struct ide_disk *k = d->own;
	set_address(d, ext, (ext || k->sectors < DISK_LBA28 ? k->sectors : DISK_LBA28) - 1);
	ide_end(d, 0, true);
}

static void set_standby(struct ide_drive *d, bool on)
{
	struct ide_disk *k = d->own;
	k->standby = on;
	ide_end(d, 0, true);
}

static void other_command(struct ide_drive *d, uint8_t code)
{
	struct ide_disk *k = d->own;
	switch (code) {
	case IDENTIFY:
		send_identity(d);
		break;
	case SET_PARAMETERS:
		set_parameters(d);
		break;
	case SET_MULTIPLE:
		set_multiple(d);
		break;
	case SET_FEATURES:
		ide_end(d, set_feature(k, d->now[IDE_FEATURES], d->now[IDE_COUNT]) ? 0 : IDE_ABRT,
		        true);
		break;
	case FLUSH:
	case FLUSH_EXT:
		k->step = DISK_FLUSH;
		ide_ask(d, MEDIUM_FLUSH, 0, 0);
		break;
	case READ_BUFFER:
		k->step = DISK_LAST;
		ide_send(d, IDE_SECTOR);
		break;
	case WRITE_BUFFER:
		k->step = DISK_LAST;
		ide_receive(d, IDE_SECTOR, false);
		break;
	case NATIVE_MAX:
	case NATIVE_MAX_EXT:
		native_max(d, code == NATIVE_MAX_EXT);
		break;
	case CHECK_POWER:
		d->now[IDE_COUNT] = k->standby ? 0 : ACTIVE;
		ide_end(d, 0, true);
		break;
	case STANDBY_NOW:
	case STANDBY:
	case SLEEP: /* any command wakes it: nobody waits for the reset that a real one needs */
		set_standby(d, true);
		break;
	case IDLE_NOW:
	case IDLE:
		set_standby(d, false);
		break;
	default:
		ide_end(d, IDE_ABRT, true);
	}
}

/* ATA-1's codes of the same. */
static uint8_t modern(uint8_t code)
{
	switch (code) {
	case 0x94:
	case 0x95:
	case 0x96:
	case 0x97:
		return STANDBY_NOW + code - 0x94;
	case 0x98:
		return CHECK_POWER;
	case 0x99:
		return SLEEP;
	default:
		return code;
	}
}

static void disk_command(struct ide_drive *d, uint8_t code)
{
	struct ide_disk *k = d->own;
	k->command = modern(code);
	if (transfer_of(code) >= 0) {
		k->standby = false;
		transfer(d);
	} else if ((code & 0xf0) == SEEK) {
		seek(d);
	} else if ((code & 0xf0) == RECALIBRATE) {
		ide_end(d, 0, true);
	} else {
		other_command(d, k->command);
	}
}

/* --- life --- */

/* Software's reset leaves the geometry and the mode: ATA/ATAPI-6, 9.2 and 8.46.11. */
static void disk_reset(struct ide_drive *d, bool hard)
{
	struct ide_disk *k = d->own;
	k->standby = false;
	if (hard) {
		k->cylinders = k->geometry.cylinders;
		k->heads = k->geometry.heads;
		k->track = k->geometry.sectors;
		k->mode = 0;
		k->keeps = false;
	}
	if (!k->keeps) {
		k->multiple = 0;
		k->write_cache = k->look_ahead = true;
	}
}

static void disk_state(struct ide_drive *d, struct archive *a)
{
	struct ide_disk *k = d->own;
	ARCHIVE(a, k, cylinders);
	ARCHIVE(a, k, heads);
	ARCHIVE(a, k, track);
	archive_require(a, "track", k->heads && k->track);
	ARCHIVE(a, k, multiple);
	ARCHIVE(a, k, mode);
	ARCHIVE(a, k, write_cache);
	ARCHIVE(a, k, look_ahead);
	ARCHIVE(a, k, keeps);
	ARCHIVE(a, k, standby);
	ARCHIVE(a, k, command);
	ARCHIVE(a, k, step);
	archive_value(a, "sector", &k->at, sizeof k->at);
	ARCHIVE(a, k, left);
	ARCHIVE(a, k, some);
	ARCHIVE(a, k, block);
	bool goes_on = d->wait != IDE_IDLE && !(d->wait == IDE_EVENT && d->then == IDE_IDLE);
	bool moves = goes_on && k->step <= DISK_SEARCH;
	archive_require(a, "step", k->step <= DISK_LAST);
	archive_require(a, "command", !moves || how(d) >= 0);
	archive_require(a, "some",
	                !moves || (k->some && k->some <= k->left && k->block &&
	                           k->block <= IDE_CHUNK / IDE_SECTOR && k->left <= k->sectors &&
	                           k->at <= k->sectors - k->left));
}

static void disk_destroy(struct ide_drive *d)
{
	free(d->own);
}

static const struct ide_kind disk = {
	.ready = IDE_DRDY | IDE_DSC,
	.reset = disk_reset,
	.command = disk_command,
	.go_on = disk_go_on,
	.state = disk_state,
	.destroy = disk_destroy,
};

void ide_add_disk(struct ide *i, unsigned place, const struct ide_disk_config *c)
{
	struct ide_disk *k = calloc(1, sizeof *k);
	CHECK(k && strlen(c->serial) <= IDE_SERIAL);
	k->sectors = c->medium.bytes / IDE_SECTOR;
	k->geometry = c->geometry;
	memcpy(k->serial, c->serial, strlen(c->serial));
	ide_add_drive(i, place, &disk, k, &c->medium);
}
