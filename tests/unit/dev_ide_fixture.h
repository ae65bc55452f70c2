/* The IDE function with disks in memory, and a guest's usual ways with them. */
#ifndef UNRING_TESTS_DEV_IDE_FIXTURE_H
#define UNRING_TESTS_DEV_IDE_FIXTURE_H

#include "dev_fixture.h"

#include "devices/ide.h"
#include "devices/pci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SECTOR = 512,
	SECTORS = 16 * 63 * 20,
	MEMORY = 1 << 20,
	BASE = 0x1f0,
	FEATURES = 1,
	COUNT = 2,
	LOW = 3,
	MID = 4,
	HIGH = 5,
	DEVICE = 6,
	COMMAND = 7,
	CONTROL = 0x206,
	MASTER = 0xc000,
	PRDS = 0x8000, /* where the tests have their table */

	BSY = 0x80,
	READY = 0x50,
	DRQ = 0x08,
	ERR = 0x01,
	UNC = 0x40,
	IDNF = 0x10,
	ABRT = 0x04,
	LBA = 0xe0,

	EVENT_NS = 10000,
};

static uint8_t memory[MEMORY];
static unsigned errors, error_place;
static bool error_of_write;

/* A disk's bytes, and what its medium is told to do. */
static struct disk {
	uint8_t *bytes;
	unsigned requests, flushes;
	uint64_t bad;  /* a sector that cannot be read or written; 0: none */
	int bad_flush; /* what a flush says */
	bool held;     /* requests are not done before the test says so */
	struct medium_request *request;
} disks[IDE_PLACES];

static inline void memory_read(void *ctx, uint64_t at, void *dst, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)dst)[i] = at + i < MEMORY ? memory[at + i] : 0xff;
}

static inline void memory_write(void *ctx, uint64_t at, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (at + i < MEMORY)
			memory[at + i] = ((const uint8_t *)src)[i];
}

static inline void settle(struct disk *d)
{
	struct medium_request *r = d->request;
	uint64_t bad = d->bad * SECTOR;
	int err = 0;
	d->request = NULL;
	if (r->op == MEDIUM_FLUSH)
		err = d->bad_flush;
	else if (d->bad && r->at <= bad && bad < r->at + r->n)
		err = -EIO;
	else if (r->op == MEDIUM_READ)
		memcpy(r->bytes, d->bytes + r->at, r->n);
	else
		memcpy(d->bytes + r->at, r->bytes, r->n);
	r->done(r->ctx, err);
}

static inline void submit(void *ctx, struct medium_request *r)
{
	struct disk *d = ctx;
	if (r->op != MEDIUM_FLUSH)
		assert_true(r->at + r->n <= (uint64_t)SECTORS * SECTOR);
	d->requests++;
	d->flushes += r->op == MEDIUM_FLUSH;
	if (d->request) /* one that was given up: in their order */
		settle(d);
	d->request = r;
	if (!d->held)
		settle(d);
}

static inline void on_error(void *ctx, unsigned place, bool write, int err)
{
	errors++;
	error_place = place;
	error_of_write = write;
}

struct bench {
	struct rig rig;
	struct line line[IDE_CHANNELS];
	struct pci *pci;
	struct ide *ide;
};

static inline void config_write(struct bench *b, uint8_t at, unsigned size, uint32_t v)
{
	bus_write(b->rig.bus, SPACE_PORT, 0xcf8, 4, 0x80000900 | (at & 0xfc));
	bus_write(b->rig.bus, SPACE_PORT, 0xcfc + (at & 3), size, v);
}

static inline uint32_t config_read(struct bench *b, uint8_t at, unsigned size)
{
	bus_write(b->rig.bus, SPACE_PORT, 0xcf8, 4, 0x80000900 | (at & 0xfc));
	return bus_read(b->rig.bus, SPACE_PORT, 0xcfc + (at & 3), size);
}

static inline uint8_t byte_of(uint64_t sector, unsigned at)
{
	return sector * 7 + (sector >> 8) * 3 + at;
}

static inline void add_disk(struct bench *b, unsigned place, bool readonly)
{
	struct disk *d = &disks[place];
	*d = (struct disk){.bytes = malloc((size_t)SECTORS * SECTOR)};
	for (size_t i = 0; i < (size_t)SECTORS * SECTOR; i++)
		d->bytes[i] = byte_of(i / SECTOR, i % SECTOR);
	ide_add_disk(b->ide, place,
	             &(struct ide_disk_config){
			     .medium = {d, (uint64_t)SECTORS * SECTOR, readonly, submit},
			     .geometry = {20, 16, 63},
			     .serial = "serial number 1",
		     });
}

/* One disk, the first, on a board as SeaBIOS leaves it; and bus master's ports and right. */
static inline void open_bench(struct bench *b)
{
	memset(b, 0, sizeof *b);
	memset(disks, 0, sizeof disks);
	errors = 0;
	rig_open(&b->rig);
	b->pci = pci_create(b->rig.bus, 0x8000000);
	struct ide_board board = {
		.irq = {{&b->line[0], line_set}, {&b->line[1], line_set}},
		.memory = {NULL, memory_read, memory_write},
		.error = on_error,
	};
	b->ide = ide_create(b->rig.bus, b->pci, b->rig.clock, board);
	add_disk(b, 0, false);
	config_write(b, 0x40, 4, 0x80008000);
	config_write(b, 0x20, 4, MASTER);
	config_write(b, 0x04, 2, 0x0005);
}

static inline void close_bench(struct bench *b)
{
	ide_type.destroy(b->ide);
	pci_type.destroy(b->pci);
	rig_close(&b->rig);
	for (unsigned i = 0; i < IDE_PLACES; i++)
		free(disks[i].bytes);
}

static inline void wait(struct bench *b)
{
	rig_until(&b->rig, b->rig.now + EVENT_NS);
}

static inline void reg(struct bench *b, unsigned at, uint8_t v)
{
	out(&b->rig, BASE + at, v);
}

static inline uint8_t get(struct bench *b, unsigned at)
{
	return in(&b->rig, BASE + at);
}

static inline void name_lba(struct bench *b, uint32_t lba, uint8_t count)
{
	reg(b, COUNT, count);
	reg(b, LOW, lba);
	reg(b, MID, lba >> 8);
	reg(b, HIGH, lba >> 16);
	reg(b, DEVICE, LBA | lba >> 24);
}

static inline void name_lba48(struct bench *b, uint64_t lba, uint16_t count)
{
	reg(b, COUNT, count >> 8);
	reg(b, LOW, lba >> 24);
	reg(b, MID, lba >> 32);
	reg(b, HIGH, lba >> 40);
	reg(b, COUNT, count);
	reg(b, LOW, lba);
	reg(b, MID, lba >> 8);
	reg(b, HIGH, lba >> 16);
	reg(b, DEVICE, LBA);
}

static inline void name_chs(struct bench *b, unsigned c, unsigned h, unsigned s, uint8_t count)
{
	reg(b, COUNT, count);
	reg(b, LOW, s);
	reg(b, MID, c);
	reg(b, HIGH, c >> 8);
	reg(b, DEVICE, 0xa0 | h);
}

/* Gives a command, and waits for the drive: it answers with this status, and an interrupt if it
 * rings. */
static inline void run(struct bench *b, uint8_t command, uint8_t status, bool rings)
{
	unsigned edges = b->line[0].edges;
	reg(b, COMMAND, command);
	wait(b);
	assert_int_equal(b->line[0].edges, edges + rings);
	assert_int_equal(b->line[0].level, rings);
	assert_int_equal(get(b, CONTROL), status);
	assert_int_equal(b->line[0].level, rings);
	assert_int_equal(get(b, COMMAND), status);
	assert_false(b->line[0].level);
}

static inline void fails(struct bench *b, uint8_t command, uint8_t error)
{
	run(b, command, READY | ERR, true);
	assert_int_equal(get(b, FEATURES), error);
}

static inline void take(struct bench *b, void *bytes, size_t n)
{
	bus_burst(b->rig.bus, BASE, 2, bytes, n / 2, true);
}

static inline void give(struct bench *b, void *bytes, size_t n)
{
	bus_burst(b->rig.bus, BASE, 2, bytes, n / 2, false);
}

static inline void assert_sectors(const uint8_t *bytes, uint64_t lba, unsigned n)
{
	for (unsigned i = 0; i < n * SECTOR; i++)
		if (bytes[i] != byte_of(lba + i / SECTOR, i % SECTOR))
			fail_msg("byte %u is %02x", i, bytes[i]);
}

static inline void identify(struct bench *b, uint16_t words[256])
{
	run(b, 0xec, READY | DRQ, true);
	take(b, words, SECTOR);
	assert_int_equal(get(b, COMMAND), READY);
}

/* One more region for the bus master, in the table at PRDS. */
static inline void put_region(unsigned i, uint32_t at, uint16_t bytes, bool last)
{
	uint32_t prd[2] = {at, bytes | (last ? 0x80000000 : 0)};
	memcpy(memory + PRDS + 8 * i, prd, sizeof prd);
}

static inline void master_table(struct bench *b, uint8_t command)
{
	out(&b->rig, MASTER, command & 8);
	bus_write(b->rig.bus, SPACE_PORT, MASTER + 4, 4, PRDS);
	out(&b->rig, MASTER + 2, 0x66);
}

#endif
