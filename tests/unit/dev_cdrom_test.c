/* links: devices */
/* A CD-ROM drive by the ports of its IDE channel: packets, blocks by PIO, DMA, resets, discs. */
#include "dev_fixture.h"

#include "devices/ide.h"
#include "devices/pci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	DATA = 0x170,
	ERROR = 0x171,
	COUNT = 0x172,
	LOW = 0x173,
	MID = 0x174,
	HIGH = 0x175,
	DEVICE = 0x176,
	STATUS = 0x177,
	CONTROL = 0x376,

	BSY = 0x80,
	DRDY = 0x40,
	DRQ = 0x08,
	CHK = 0x01,

	PLACE = 2, /* the second channel's first drive */
	SECTORS = 500,
	MASTER = 0xc008,
	MEMORY = 1 << 20,
	TABLE = 0x1000,
	BUFFER = 0x10000,
	WAIT_NS = 10000000,
};

struct bench {
	struct rig rig;
	struct pci *pci;
	struct ide *ide;
	struct line other;
	uint8_t *memory;
	int error; /* of the disc */
	unsigned errors, moves, place;
	bool open;
	struct medium_request *held; /* what the disc works on */
	bool holds;
};

static uint8_t byte_at(uint64_t at)
{
	return (uint8_t)(at / 2048 * 7 + at / 256 + at);
}

static void let_go(struct bench *b)
{
	struct medium_request *r = b->held;
	b->held = NULL;
	for (size_t i = 0; i < r->n; i++)
		((uint8_t *)r->bytes)[i] = byte_at(r->at + i);
	r->done(r->ctx, b->error);
}

static void submit(void *ctx, struct medium_request *r)
{
	struct bench *b = ctx;
	assert_int_equal(r->op, MEDIUM_READ);
	assert_true(r->at + r->n <= SECTORS * 2048);
	b->held = r;
	if (!b->holds)
		let_go(b);
}

static void memory_read(void *ctx, uint64_t at, void *dst, size_t n)
{
	struct bench *b = ctx;
	assert_true(at + n <= MEMORY);
	memcpy(dst, b->memory + at, n);
}

static void memory_write(void *ctx, uint64_t at, const void *src, size_t n)
{
	struct bench *b = ctx;
	assert_true(at + n <= MEMORY);
	memcpy(b->memory + at, src, n);
}

static void on_error(void *ctx, unsigned place, bool write, int err)
{
	struct bench *b = ctx;
	assert_false(write);
	b->errors++;
	b->place = place;
}

static void on_tray(void *ctx, unsigned place, bool open)
{
	struct bench *b = ctx;
	b->moves++;
	b->place = place;
	b->open = open;
}

static void cfg_out(struct rig *r, unsigned at, unsigned size, uint32_t v)
{
	bus_write(r->bus, SPACE_PORT, 0xcf8, 4, 0x80000000u | 9 << 8 | (at & 0xfc));
	bus_write(r->bus, SPACE_PORT, 0xcfc + (at & 3), size, v);
}

static void put_in(struct bench *b)
{
	struct medium m = {b, SECTORS * 2048, true, submit, 0};
	ide_cdrom_insert(b->ide, PLACE, &m);
}

static void wait(struct bench *b)
{
	rig_until(&b->rig, b->rig.now + WAIT_NS);
}

/* The channel's ports and the bus master's are there; the drive is empty, and closed. */
static void open_bench(struct bench *b)
{
	*b = (struct bench){.memory = calloc(MEMORY, 1)};
	struct rig *r = &b->rig;
	rig_open(r);
	b->pci = pci_create(r->bus, 0);
	struct ide_board board = {
		.ctx = b,
		.irq = {{&b->other, line_set}, rig_line(r)},
		.memory = {b, memory_read, memory_write},
		.error = on_error,
		.tray = on_tray,
	};
	b->ide = ide_create(r->bus, b->pci, r->clock, board);
	ide_add_cdrom(b->ide, PLACE);
	cfg_out(r, 0x20, 4, MASTER - 8);
	cfg_out(r, 0x40, 4, 0x80008000);
	cfg_out(r, 0x04, 2, 5);
	out(r, DEVICE, 0);
	wait(b);
}

static void close_bench(struct bench *b)
{
	ide_type.destroy(b->ide);
	pci_type.destroy(b->pci);
	rig_close(&b->rig);
	free(b->memory);
}

/* --- packets --- */

#define PACKET(...) ((const uint8_t[12]){__VA_ARGS__})

/* Its command and its 12 bytes. */
static void send(struct bench *b, const uint8_t *packet, uint16_t limit, bool dma)
{
	struct rig *r = &b->rig;
	out(r, ERROR, dma);
	out(r, MID, (uint8_t)limit);
	out(r, HIGH, limit >> 8);
	out(r, STATUS, 0xa0);
	assert_int_equal(in(r, STATUS), DRDY | DRQ);
	assert_int_equal(in(r, COUNT) & 3, 1);
	assert_false(r->line.level);
	for (unsigned i = 0; i < 12; i += 2)
		bus_write(r->bus, SPACE_PORT, DATA, 2, (uint32_t)packet[i] | packet[i + 1] << 8);
}

/* An interrupt, then this status. */
static void expect_status(struct bench *b, uint8_t status, uint8_t reason)
{
	struct rig *r = &b->rig;
	wait(b);
	assert_true(r->line.level);
	assert_int_equal(in(r, CONTROL), status);
	assert_true(r->line.level);
	assert_int_equal(in(r, STATUS), status);
	assert_false(r->line.level);
	assert_int_equal(in(r, COUNT), reason);
}

static void expect_end(struct bench *b)
{
	expect_status(b, DRDY, 3);
}

static void expect_failure(struct bench *b, uint8_t error)
{
	expect_status(b, DRDY | CHK, 3);
	assert_int_equal(in(&b->rig, ERROR), error);
}

/* One block of this size. */
static void take_block(struct bench *b, uint8_t *to, unsigned n)
{
	struct rig *r = &b->rig;
	expect_status(b, DRDY | DRQ, 2);
	assert_int_equal(in(r, MID) | in(r, HIGH) << 8, n);
	for (unsigned i = 0; i < n; i += 2) {
		uint32_t word = bus_read(r->bus, SPACE_PORT, DATA, 2);
		to[i] = (uint8_t)word;
		if (i + 1 < n)
			to[i + 1] = (uint8_t)(word >> 8);
	}
}

static void expect_bytes(const uint8_t *bytes, uint64_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != byte_at(at + i))
			fail_msg("byte %zu of %zu differs", i, n);
}

/* What the drive wants to tell first is told. */
static void settle(struct bench *b)
{
	for (unsigned i = 0; i < 3; i++) {
		send(b, PACKET(0x00), 0xffff, false);
		wait(b);
		in(&b->rig, STATUS);
	}
}

/* --- tests --- */

static void expect_signature(struct rig *r)
{
	assert_int_equal(in(r, COUNT), 1);
	assert_int_equal(in(r, LOW), 1);
	assert_int_equal(in(r, MID), 0x14);
	assert_int_equal(in(r, HIGH), 0xeb);
}

static void test_identity(void **state)
{
	struct bench b;
	uint8_t id[512];
	open_bench(&b);
	struct rig *r = &b.rig;
	/* It is not ready until it is spoken to. */
	expect_signature(r);
	assert_int_equal(in(r, STATUS), 0);
	/* A second drive is not there. */
	out(r, DEVICE, 0x10);
	assert_int_equal(in(r, STATUS), 0);
	out(r, DEVICE, 0);
	/* A disk's commands show who is here. */
	static const uint8_t disk[] = {0xec, 0x20};
	for (unsigned i = 0; i < sizeof disk; i++) {
		out(r, MID, 0x55);
		out(r, HIGH, 0xaa);
		out(r, STATUS, disk[i]);
		expect_status(&b, DRDY | CHK, 1);
		assert_int_equal(in(r, ERROR), 4);
		expect_signature(r);
	}
	out(r, STATUS, 0xa1);
	wait(&b);
	assert_true(r->line.level);
	assert_int_equal(in(r, STATUS), DRDY | DRQ);
	bus_burst(r->bus, DATA, 2, id, 256, true);
	assert_int_equal(id[0] | id[1] << 8, 0x8580);
	wait(&b);
	assert_false(r->line.level);
	assert_int_equal(in(r, STATUS), DRDY);
	/* DEVICE RESET, SRST and EXECUTE DIAGNOSTIC. */
	static const uint8_t resets[] = {0x08, 0x00, 0x90};
	for (unsigned i = 0; i < sizeof resets; i++) {
		out(r, MID, 0x55);
		if (resets[i])
			out(r, STATUS, resets[i]);
		out(r, CONTROL, resets[i] ? 0 : 4);
		out(r, CONTROL, 0);
		wait(&b);
		assert_int_equal(in(r, STATUS), 0);
		assert_int_equal(in(r, ERROR), 1);
		expect_signature(r);
	}
	/* What it does not know, and what it has nothing to do for. */
	static const struct {
		uint8_t code, feature;
		bool good;
	} others[] = {{0x00, 0, false},    {0xc8, 0, false},   {0xef, 0x03, true},
	              {0xef, 0x82, false}, {0xef, 0x66, true}, {0xef, 0xcc, true},
	              {0xe0, 0, true},     {0xe7, 0, true},    {0xa0, 2, false}};
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
		out(r, ERROR, others[i].feature);
		out(r, STATUS, others[i].code);
		wait(&b);
		assert_true(r->line.level);
		assert_int_equal(in(r, STATUS), others[i].good ? DRDY : DRDY | CHK);
		assert_int_equal(in(r, ERROR), others[i].good ? 0 : 4);
	}
	out(r, STATUS, 0xe5);
	wait(&b);
	assert_int_equal(in(r, STATUS), DRDY);
	assert_int_equal(in(r, COUNT), 0xff);
	close_bench(&b);
}

static void test_blocks(void **state)
{
	struct bench b;
	uint8_t got[64];
	open_bench(&b);
	settle(&b);
	send(&b, PACKET(0x12, 0, 0, 0, 36), 36, false);
	take_block(&b, got, 36);
	expect_end(&b);
	assert_memory_equal(got + 8, "UNRING  CD-ROM", 14);
	/* Three blocks, the last one odd. */
	send(&b, PACKET(0x12, 0, 0, 0, 35), 17, false);
	take_block(&b, got, 16);
	take_block(&b, got + 16, 16);
	take_block(&b, got + 32, 3);
	expect_end(&b);
	assert_memory_equal(got + 8, "UNRING  CD-ROM          1.0", 27);
	/* No bytes; no room for those that there are. */
	send(&b, PACKET(0x12), 0, false);
	expect_end(&b);
	send(&b, PACKET(0x12, 0, 0, 0, 36), 0, false);
	expect_failure(&b, 4);
	close_bench(&b);
}

static void test_sense(void **state)
{
	struct bench b;
	uint8_t got[18];
	open_bench(&b);
	send(&b, PACKET(0x00), 0, false);
	expect_failure(&b, 0x60); /* unit attention */
	send(&b, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 2048, false);
	expect_failure(&b, 0x20); /* not ready */
	send(&b, PACKET(0x03, 0, 0, 0, 18), 18, false);
	take_block(&b, got, 18);
	expect_end(&b);
	assert_int_equal(got[12], 0x3a);
	send(&b, PACKET(0xff), 0, false);
	expect_failure(&b, 0x54); /* illegal */
	/* The disc cannot be read: the machine hears of it as well. */
	put_in(&b);
	settle(&b);
	b.error = -EIO;
	send(&b, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 2048, false);
	expect_failure(&b, 0x30);
	assert_int_equal(b.errors, 1);
	assert_int_equal(b.place, PLACE);
	close_bench(&b);
}

static void test_reads(void **state)
{
	static const struct {
		uint16_t limit;
		unsigned block;
	} cases[] = {
		{2048, 2048}, {0x2000, 0x2000}, {0xfffe, 0xfffe}, {0xffff, 0xfffe}, {777, 776}};
	static uint8_t got[40 * 2048];
	struct bench b;
	open_bench(&b);
	put_in(&b);
	settle(&b);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		unsigned at = 0, chunk = 32 * 2048;
		send(&b, PACKET(0x28, 0, 0, 0, 1, 0x23 + i, 0, 0, 40), cases[i].limit, false);
		while (at < sizeof got) {
			/* The drive reads 32 sectors at once, which a block ends with. */
			unsigned left = (at < chunk ? chunk : sizeof got) - at;
			unsigned n = left < cases[i].block ? left : cases[i].block;
			take_block(&b, got + at, n);
			at += n;
		}
		expect_end(&b);
		expect_bytes(got, (0x123 + i) * 2048ull, sizeof got);
	}
	/* A burst, of words and of dwords. */
	for (unsigned size = 2; size <= 4; size += 2) {
		memset(got, 0, sizeof got);
		send(&b, PACKET(0x28, 0, 0, 0, 0, 7, 0, 0, 2), 4096, false);
		expect_status(&b, DRDY | DRQ, 2);
		bus_burst(b.rig.bus, DATA, size, got, 4096 / size, true);
		expect_end(&b);
		expect_bytes(got, 7 * 2048, 4096);
	}
	close_bench(&b);
}

/* Regions of the table: bytes each. */
static void start_dma(struct bench *b, unsigned bytes)
{
	struct rig *r = &b->rig;
	unsigned at = 0;
	for (unsigned i = 0; at < bytes; i++) {
		unsigned n = bytes - at < 0x3000 ? bytes - at : 0x3000;
		uint32_t prd[2] = {BUFFER + at, n | (at + n == bytes ? 0x80000000u : 0)};
		memcpy(b->memory + TABLE + 8 * i, prd, 8);
		at += n;
	}
	bus_write(r->bus, SPACE_PORT, MASTER + 4, 4, TABLE);
	out(r, MASTER + 2, 6);
	out(r, MASTER, 9);
}

static void test_dma(void **state)
{
	struct bench b;
	open_bench(&b);
	put_in(&b);
	settle(&b);
	send(&b, PACKET(0xa8, 0, 0, 0, 0, 3, 0, 0, 0, 70), 0, true);
	start_dma(&b, 70 * 2048);
	expect_end(&b);
	assert_int_equal(in(&b.rig, MASTER + 2) & 7, 4);
	expect_bytes(b.memory + BUFFER, 3 * 2048, 70 * 2048);
	out(&b.rig, MASTER, 0);
	/* A short answer into a longer table: the master stays active. */
	send(&b, PACKET(0x25), 0, true);
	start_dma(&b, 512);
	expect_end(&b);
	assert_int_equal(in(&b.rig, MASTER + 2) & 7, 5);
	assert_memory_equal(b.memory + BUFFER, "\0\0\x01\xf3\0\0\x08\0", 8);
	out(&b.rig, MASTER, 0);
	/* The next packet's data come as it says. */
	uint8_t got[8];
	send(&b, PACKET(0x25), 8, false);
	take_block(&b, got, 8);
	expect_end(&b);
	close_bench(&b);
}

static void test_select(void **state)
{
	static const uint8_t list[16] = {[8] = 0x01, 6, 0x20, 9};
	struct bench b;
	uint8_t got[16];
	open_bench(&b);
	settle(&b);
	send(&b, PACKET(0x55, 0x10, 0, 0, 0, 0, 0, 0, 16), 10, false);
	for (unsigned at = 0; at < 16; at += 10) {
		unsigned n = at ? 6 : 10;
		expect_status(&b, DRDY | DRQ, 0);
		assert_int_equal(in(&b.rig, MID), n);
		for (unsigned i = at; i < at + n; i += 2)
			bus_write(b.rig.bus, SPACE_PORT, DATA, 2, list[i] | list[i + 1] << 8);
	}
	expect_end(&b);
	send(&b, PACKET(0x5a, 0, 1, 0, 0, 0, 0, 0, 16), 16, false);
	take_block(&b, got, 16);
	expect_end(&b);
	assert_memory_equal(got + 8, "\x01\x06\x20\x09\0\0\0\0", 8);
	close_bench(&b);
}

static void test_discs(void **state)
{
	struct bench b;
	uint8_t got[2048];
	open_bench(&b);
	settle(&b);
	put_in(&b);
	send(&b, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 2048, false);
	expect_failure(&b, 0x60);
	send(&b, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 2048, false);
	take_block(&b, got, 2048);
	expect_end(&b);
	/* The guest opens the tray, if it has not locked it. */
	send(&b, PACKET(0x1e, 0, 0, 0, 1), 0, false);
	expect_end(&b);
	assert_true(ide_cdrom_is_locked(b.ide, PLACE));
	send(&b, PACKET(0x1b, 0, 0, 0, 2), 0, false);
	expect_failure(&b, 0x54);
	ide_cdrom_ask(b.ide, PLACE);
	send(&b, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 8, false);
	take_block(&b, got, 8);
	expect_end(&b);
	assert_int_equal(got[4], 1);
	send(&b, PACKET(0x1e, 0, 0, 0, 0), 0, false);
	expect_end(&b);
	assert_int_equal(b.moves, 0);
	send(&b, PACKET(0x1b, 0, 0, 0, 2), 0, false);
	expect_end(&b);
	assert_int_equal(b.moves, 1);
	assert_true(b.open && ide_cdrom_is_open(b.ide, PLACE));
	assert_int_equal(b.place, PLACE);
	ide_cdrom_insert(b.ide, PLACE, NULL);
	put_in(&b);
	assert_false(ide_cdrom_is_open(b.ide, PLACE));
	send(&b, PACKET(0x00), 0, false);
	expect_failure(&b, 0x60);
	send(&b, PACKET(0x00), 0, false);
	expect_end(&b);
	assert_int_equal(b.moves, 1);
	close_bench(&b);
}

/* The disc takes its time, and goes meanwhile; or a reset comes. */
static void test_interrupted(void **state)
{
	struct bench b;
	uint8_t got[2048];
	open_bench(&b);
	put_in(&b);
	settle(&b);
	b.holds = true;
	send(&b, PACKET(0x28, 0, 0, 0, 0, 9, 0, 0, 1), 2048, false);
	wait(&b);
	assert_int_equal(in(&b.rig, STATUS), BSY);
	let_go(&b);
	take_block(&b, got, 2048);
	expect_bytes(got, 9 * 2048, 2048);
	expect_end(&b);
	send(&b, PACKET(0x28, 0, 0, 0, 0, 9, 0, 0, 1), 2048, false);
	ide_cdrom_insert(b.ide, PLACE, NULL);
	let_go(&b);
	expect_failure(&b, 0x20);
	put_in(&b);
	settle(&b);
	send(&b, PACKET(0x28, 0, 0, 0, 0, 9, 0, 0, 1), 2048, false);
	out(&b.rig, STATUS, 0x08);
	wait(&b);
	let_go(&b);
	wait(&b);
	assert_int_equal(in(&b.rig, STATUS), 0);
	expect_signature(&b.rig);
	/* Between two blocks. */
	b.holds = false;
	send(&b, PACKET(0x28, 0, 0, 0, 0, 9, 0, 0, 1), 1024, false);
	take_block(&b, got, 1024);
	out(&b.rig, CONTROL, 4);
	out(&b.rig, CONTROL, 0);
	wait(&b);
	assert_int_equal(in(&b.rig, STATUS), 0);
	send(&b, PACKET(0x28, 0, 0, 0, 0, 9, 0, 0, 1), 2048, false);
	take_block(&b, got, 2048);
	expect_bytes(got, 9 * 2048, 2048);
	expect_end(&b);
	/* The reset line is told of. */
	ide_type.reset(b.ide, RESET_HARD);
	cfg_out(&b.rig, 0x04, 2, 5);
	out(&b.rig, DEVICE, 0);
	wait(&b);
	send(&b, PACKET(0x00), 0, false);
	expect_failure(&b, 0x60);
	/* The second drive stays the one that is selected when it alone is reset. */
	ide_add_cdrom(b.ide, PLACE + 1);
	out(&b.rig, DEVICE, 0x10);
	out(&b.rig, STATUS, 0x08);
	wait(&b);
	assert_int_equal(in(&b.rig, DEVICE) & 0x10, 0x10);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity), cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_sense),    cmocka_unit_test(test_reads),
		cmocka_unit_test(test_dma),      cmocka_unit_test(test_select),
		cmocka_unit_test(test_discs),    cmocka_unit_test(test_interrupted),
	};
	return cmocka_run_group_tests_name("cdrom", tests, NULL, NULL);
}
