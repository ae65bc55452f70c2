/* links: devices */
/* The IDE function by its ports: registers, who answers, interrupts, resets, the data port, and
 * the bus master. */
#include "dev_ide_fixture.h"

/* --- who answers --- */

/* LEGACY.md: with a first drive alone a second one's status is 00h, and so is the alternate one. */
static void test_absent(void **state)
{
	struct bench b;
	open_bench(&b);
	struct rig *r = &b.rig;
	assert_int_equal(get(&b, COMMAND), READY);
	reg(&b, DEVICE, 0xb0);
	assert_int_equal(get(&b, COMMAND), 0);
	assert_int_equal(get(&b, CONTROL), 0);
	/* The first one's registers are there, as that answers; it sees what is written. */
	reg(&b, COUNT, 0x55);
	reg(&b, LOW, 0xaa);
	assert_int_equal(get(&b, COUNT), 0x55);
	assert_int_equal(get(&b, LOW), 0xaa);
	assert_int_equal(get(&b, DEVICE), 0xb0);
	assert_int_equal(get(&b, FEATURES), 1);
	reg(&b, DEVICE, 0x10);
	assert_int_equal(get(&b, DEVICE), 0xb0); /* two bits are always set */
	/* A command for it is nobody's, and there are no data. */
	reg(&b, COMMAND, 0xec);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), 0);
	assert_int_equal(bus_read(r->bus, SPACE_PORT, BASE, 2), 0xff7f);
	assert_int_equal(b.line[0].edges, 0);
	reg(&b, DEVICE, 0xa0);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_int_equal(bus_read(r->bus, SPACE_PORT, BASE, 2), 0xff7f);
	/* A channel without drives floats, and looks neither busy nor like registers. */
	out(r, 0x172, 0x55);
	assert_int_equal(in(r, 0x172), 0x7f);
	assert_int_equal(in(r, 0x177), 0x7f);
	assert_int_equal(in(r, 0x376), 0x7f);
	out(r, 0x177, 0x90);
	wait(&b);
	assert_int_equal(b.line[1].edges, 0);
	close_bench(&b);
}

/* Each drive has registers of its own, and what is written goes to both. */
static void test_two_drives(void **state)
{
	struct bench b;
	uint16_t words[256];
	open_bench(&b);
	add_disk(&b, 1, false);
	memset(disks[1].bytes, 0x5a, SECTORS * SECTOR);
	name_lba(&b, 3, 1);
	reg(&b, DEVICE, 0xf0);
	run(&b, 0x20, READY | DRQ, true);
	take(&b, words, SECTOR);
	assert_int_equal(words[0], 0x5a5a);
	assert_int_equal(get(&b, COUNT), 0);
	reg(&b, DEVICE, 0xe0);
	assert_int_equal(get(&b, COUNT), 1);
	/* An interrupt is the selected one's: the other's waits. */
	reg(&b, DEVICE, 0xf0);
	reg(&b, COMMAND, 0xe7);
	wait(&b);
	assert_true(b.line[0].level);
	reg(&b, DEVICE, 0xe0);
	assert_false(b.line[0].level);
	assert_int_equal(get(&b, COMMAND), READY);
	reg(&b, DEVICE, 0xf0);
	assert_true(b.line[0].level);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_false(b.line[0].level);
	close_bench(&b);
}

/* The ports are there as the function's registers say. */
static void test_function(void **state)
{
	struct bench b;
	open_bench(&b);
	assert_int_equal(config_read(&b, 0, 4), 0x70108086);
	assert_int_equal(config_read(&b, 8, 4), 0x01018000);
	assert_int_equal(config_read(&b, 0x3d, 1), 0);
	assert_int_equal(config_read(&b, 0x04, 4), 0x02800005);
	config_write(&b, 0x40, 4, 0xffffffff);
	config_write(&b, 0x44, 4, 0xffffffff);
	assert_int_equal(config_read(&b, 0x40, 4), 0xffffffff);
	assert_int_equal(config_read(&b, 0x44, 4), 0x000000ff);
	config_write(&b, 0x20, 4, 0xffffffff);
	assert_int_equal(config_read(&b, 0x20, 4), 0xfffffff1);
	config_write(&b, 0x40, 4, 0x80000000);
	assert_int_equal(get(&b, COMMAND), 0xff);
	assert_int_equal(get(&b, CONTROL), 0xff);
	assert_int_equal(bus_read(b.rig.bus, SPACE_PORT, BASE, 2), 0xffff);
	assert_int_equal(in(&b.rig, 0x177), 0x7f);
	config_write(&b, 0x40, 4, 0x00008000);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_int_equal(in(&b.rig, 0x177), 0xff);
	config_write(&b, 0x04, 2, 0);
	assert_int_equal(get(&b, COMMAND), 0xff);
	reg(&b, COMMAND, 0xe7); /* is lost */
	config_write(&b, 0x04, 2, 1);
	wait(&b);
	assert_int_equal(b.line[0].edges, 0);
	/* LEGACY.md: 3F7h is the floppy controller's, and 377h nobody's. */
	struct region_handler h = {0};
	assert_true(bus_map(b.rig.bus, SPACE_PORT, 0x3f7, 1, h) > 0);
	assert_true(bus_map(b.rig.bus, SPACE_PORT, 0x377, 1, h) > 0);
	close_bench(&b);
}

/* --- interrupts, time --- */

static void test_interrupt(void **state)
{
	struct bench b;
	open_bench(&b);
	/* Busy until the event, however the command is: a guest has time to wait. */
	reg(&b, COMMAND, 0xe7);
	assert_int_equal(get(&b, COMMAND), BSY);
	assert_false(b.line[0].level);
	reg(&b, COMMAND, 0xec); /* is lost, like the registers: busy */
	reg(&b, COUNT, 0x77);
	wait(&b);
	assert_true(b.line[0].level);
	assert_int_equal(get(&b, CONTROL), READY);
	assert_int_equal(get(&b, COUNT), 1);
	assert_true(b.line[0].level);
	/* A new command takes the interrupt back. */
	reg(&b, COMMAND, 0xe7);
	assert_false(b.line[0].level);
	/* Who polls sees the end before the host's timer has come. */
	b.rig.now += EVENT_NS;
	assert_int_equal(get(&b, CONTROL), READY);
	assert_true(b.line[0].level);
	assert_int_equal(get(&b, COMMAND), READY);
	/* So does who looks at the bus master. */
	reg(&b, COMMAND, 0xe7);
	b.rig.now += EVENT_NS;
	assert_int_equal(in(&b.rig, MASTER + 2) & 4, 4);
	assert_int_equal(get(&b, COMMAND), READY);
	/* nIEN keeps it off the line.  Who polls so need not wait. */
	reg(&b, CONTROL, 0x02);
	reg(&b, COMMAND, 0xe7);
	assert_int_equal(get(&b, CONTROL), READY);
	assert_false(b.line[0].level);
	reg(&b, CONTROL, 0);
	assert_true(b.line[0].level);
	reg(&b, CONTROL, 0x02);
	uint8_t bytes[3 * SECTOR];
	name_lba(&b, 77, 3);
	reg(&b, COMMAND, 0x20);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(get(&b, COMMAND), READY | DRQ);
		take(&b, bytes + i * SECTOR, SECTOR);
	}
	assert_int_equal(get(&b, COMMAND), READY);
	assert_sectors(bytes, 77, 3);
	reg(&b, COMMAND, 0x90);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_int_equal(get(&b, FEATURES), 1);
	/* A block is a block: what is wanted beyond it is not there. */
	name_lba(&b, 77, 2);
	reg(&b, COMMAND, 0x20);
	take(&b, bytes, 2 * SECTOR);
	assert_int_equal(bytes[SECTOR], 0x7f);
	take(&b, bytes + SECTOR, SECTOR);
	assert_sectors(bytes, 77, 2);
	close_bench(&b);
}

/* --- resets --- */

static void assert_signature(struct bench *b)
{
	assert_int_equal(get(b, FEATURES), 1);
	assert_int_equal(get(b, COUNT), 1);
	assert_int_equal(get(b, LOW), 1);
	assert_int_equal(get(b, MID), 0);
	assert_int_equal(get(b, HIGH), 0);
	assert_int_equal(get(b, DEVICE), 0);
	assert_int_equal(get(b, COMMAND), READY);
}

static void test_resets(void **state)
{
	struct bench b;
	open_bench(&b);
	add_disk(&b, 1, false);
	assert_signature(&b);
	/* By software, out of the middle of a command, of both. */
	name_lba(&b, 5, 2);
	reg(&b, DEVICE, 0xf0);
	run(&b, 0x20, READY | DRQ, true);
	unsigned edges = b.line[0].edges;
	reg(&b, CONTROL, 0x04);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), BSY);
	reg(&b, CONTROL, 0x00);
	assert_int_equal(get(&b, COMMAND), BSY);
	wait(&b);
	assert_signature(&b);
	reg(&b, DEVICE, 0x10);
	assert_int_equal(get(&b, MID), 0);
	assert_int_equal(get(&b, COUNT), 1);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_int_equal(b.line[0].edges, edges);
	/* The diagnosis, asked of the second, is the first's to tell. */
	name_lba(&b, 0x123456, 9);
	reg(&b, DEVICE, 0xf0);
	run(&b, 0x90, READY, true);
	assert_signature(&b);
	/* By the board's line. */
	reg(&b, DEVICE, 0xf0);
	reg(&b, COMMAND, 0xe7);
	ide_type.reset(b.ide, RESET_HARD);
	wait(&b);
	assert_signature(&b);
	assert_false(b.line[0].level);
	close_bench(&b);
}

/* What a reset gives up the medium may finish: nothing comes of it. */
static void test_slow_medium(void **state)
{
	struct bench b;
	uint8_t bytes[SECTOR];
	open_bench(&b);
	disks[0].held = true;
	name_lba(&b, 5, 1);
	reg(&b, COMMAND, 0x20);
	wait(&b);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), BSY);
	struct medium_request *late = disks[0].request;
	reg(&b, CONTROL, 0x04);
	reg(&b, CONTROL, 0x00);
	wait(&b);
	disks[0].held = false;
	disks[0].request = NULL;
	name_lba(&b, 6, 1);
	run(&b, 0x20, READY | DRQ, true);
	memset(late->bytes, 0xee, SECTOR);
	late->done(late->ctx, -EIO);
	assert_int_equal(get(&b, COMMAND), READY | DRQ);
	take(&b, bytes, SECTOR);
	assert_sectors(bytes, 6, 1);
	/* One that is late, and then done. */
	disks[0].held = true;
	reg(&b, COUNT, 1);
	reg(&b, COMMAND, 0x20);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), BSY);
	settle(&disks[0]);
	wait(&b);
	assert_true(b.line[0].level);
	assert_int_equal(get(&b, COMMAND), READY | DRQ);
	/* And one that is never done before the end. */
	take(&b, bytes, SECTOR);
	reg(&b, COMMAND, 0xe7);
	late = disks[0].request;
	close_bench(&b);
	late->done(late->ctx, 0);
}

/* --- the data port --- */

static void test_data_port(void **state)
{
	struct bench b;
	uint8_t bytes[SECTOR + 4];
	open_bench(&b);
	struct bus *bus = b.rig.bus;
	name_lba(&b, 9, 1);
	run(&b, 0x20, READY | DRQ, true);
	/* Words, dwords as two of them, and a byte that costs its word. */
	uint32_t v = bus_read(bus, SPACE_PORT, BASE, 2);
	memcpy(bytes, &v, 2);
	v = bus_read(bus, SPACE_PORT, BASE, 4);
	memcpy(bytes + 2, &v, 4);
	assert_int_equal(in(&b.rig, BASE), byte_of(9, 6));
	bytes[6] = byte_of(9, 6);
	bytes[7] = byte_of(9, 7);
	/* A burst that wants more gets what the open bus has, and the drive is at its end. */
	bus_burst(bus, BASE, 4, bytes + 8, SECTOR / 4 - 1, true);
	assert_sectors(bytes, 9, 1);
	assert_int_equal(bytes[SECTOR], 0x7f);
	assert_int_equal(bytes[SECTOR + 1], 0xff);
	assert_int_equal(get(&b, COMMAND), READY);
	/* Writes while a drive is to be read are lost, and the other way. */
	name_lba(&b, 9, 1);
	reg(&b, COMMAND, 0x30);
	assert_int_equal(get(&b, COMMAND), READY | DRQ);
	assert_int_equal(bus_read(bus, SPACE_PORT, BASE, 2), 0xff7f);
	bus_write(bus, SPACE_PORT, BASE, 4, 0x44332211);
	bus_write(bus, SPACE_PORT, BASE, 2, 0x6655);
	memset(bytes, 0x99, sizeof bytes);
	bus_burst(bus, BASE, 2, bytes, SECTOR / 2, false); /* three words too many */
	wait(&b);
	assert_int_equal(get(&b, COMMAND), READY);
	static const uint8_t begin[8] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x99, 0x99};
	assert_memory_equal(disks[0].bytes + 9 * SECTOR, begin, sizeof begin);
	assert_sectors(disks[0].bytes + 10 * SECTOR, 10, 1);
	/* Registers take single bytes, and a wider access is some of them. */
	bus_write(bus, SPACE_PORT, BASE + COUNT, 4, 0x04030201);
	assert_int_equal(bus_read(bus, SPACE_PORT, BASE + COUNT, 4), 0x04030201);
	close_bench(&b);
}

/* --- the bus master --- */

static void test_master_read(void **state)
{
	struct bench b;
	open_bench(&b);
	struct rig *r = &b.rig;
	memset(memory, 0, sizeof memory);
	/* 100 sectors into regions of odd places and lengths, the last one exact. */
	put_region(0, 0x10002, 0x1000, false);
	put_region(1, 0x40001, 0x0202, false); /* of an address bit 0 does not count */
	put_region(2, 0x20000, (uint16_t)(100 * SECTOR - 0x1202), true);
	master_table(&b, 8);
	name_lba(&b, 50, 100);
	reg(&b, COMMAND, 0xc8);
	wait(&b);
	assert_int_equal(get(&b, CONTROL), BSY); /* until the master is started */
	assert_int_equal(in(r, MASTER + 2), 0x60);
	out(r, MASTER, 0x09);
	assert_false(b.line[0].level);
	wait(&b);
	assert_true(b.line[0].level);
	assert_int_equal(in(r, MASTER + 2), 0x64);
	assert_int_equal(in(r, MASTER), 0x09);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_int_equal(in(r, MASTER + 2), 0x64);
	out(r, MASTER + 2, 0x64);
	assert_int_equal(in(r, MASTER + 2), 0x60);
	static uint8_t all[100 * SECTOR];
	memcpy(all, memory + 0x10002, 0x1000);
	memcpy(all + 0x1000, memory + 0x40000, 0x202);
	memcpy(all + 0x1202, memory + 0x20000, sizeof all - 0x1202);
	assert_sectors(all, 50, 100);
	assert_int_equal(memory[0x10001], 0);
	assert_int_equal(memory[0x20000 + sizeof all - 0x1202], 0);
	assert_int_equal(disks[0].requests, 1); /* all of it */
	/* A master that is started before the command. */
	out(r, MASTER, 0x08);
	name_lba(&b, 51, 100);
	out(r, MASTER, 0x09);
	reg(&b, COMMAND, 0xc8);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_sectors(memory + 0x10002, 51, 8);
	close_bench(&b);
}

/* 65536 sectors at most: in parts, of which each goes on in the guest's table; here those there are. */
static void test_master_write(void **state)
{
	struct bench b;
	open_bench(&b);
	for (unsigned i = 0; i < 0x10000; i++)
		memory[0x20000 + i] = i * 5 + (i >> 8);
	unsigned n = 1024;
	for (unsigned i = 0; i < n * SECTOR / 0x10000; i++)
		put_region(i, 0x20000, 0, i == n * SECTOR / 0x10000 - 1); /* 0: 64 KiB */
	master_table(&b, 0);
	name_lba48(&b, 4096, n);
	out(&b.rig, MASTER, 0x01); /* before the command, as some do */
	reg(&b, COMMAND, 0x35);
	wait(&b);
	assert_true(b.line[0].level);
	assert_int_equal(in(&b.rig, MASTER + 2), 0x64);
	assert_int_equal(get(&b, COMMAND), READY);
	for (unsigned i = 0; i < n * SECTOR; i += 0x10000)
		assert_memory_equal(disks[0].bytes + 4096 * SECTOR + i, memory + 0x20000, 0x10000);
	assert_sectors(disks[0].bytes + 4095 * SECTOR, 4095, 1);
	assert_sectors(disks[0].bytes + (4096 + n) * SECTOR, 4096 + n, 1);
	close_bench(&b);
}

/* Tables that are too short or too long: Bus Master IDE 1.0, 3.1. */
static void test_master_tables(void **state)
{
	struct bench b;
	open_bench(&b);
	struct rig *r = &b.rig;
	memset(memory, 0, sizeof memory);
	put_region(0, 0x10000, SECTOR, true);
	master_table(&b, 8);
	name_lba(&b, 7, 2);
	reg(&b, COMMAND, 0xc8);
	out(r, MASTER, 0x09);
	wait(&b);
	assert_int_equal(in(r, MASTER + 2), 0x60); /* idle, and no interrupt */
	assert_int_equal(get(&b, CONTROL), BSY);
	assert_sectors(memory + 0x10000, 7, 1);
	/* A table of its own for the rest. */
	put_region(0, 0x20000, 2 * SECTOR, true);
	out(r, MASTER, 0x08);
	out(r, MASTER, 0x09);
	wait(&b);
	assert_int_equal(in(r, MASTER + 2), 0x65); /* longer: active */
	assert_int_equal(get(&b, COMMAND), READY);
	assert_sectors(memory + 0x20000, 8, 1);
	assert_int_equal(memory[0x20000 + SECTOR], 0);
	out(r, MASTER, 0x00);
	assert_int_equal(in(r, MASTER + 2), 0x64);
	/* The wrong direction, and without the right to be master, nothing moves. */
	master_table(&b, 0);
	name_lba(&b, 9, 2);
	reg(&b, COMMAND, 0xc8);
	out(r, MASTER, 0x01);
	wait(&b);
	assert_int_equal(get(&b, CONTROL), BSY);
	config_write(&b, 0x04, 2, 0x0001);
	out(r, MASTER, 0x00);
	out(r, MASTER, 0x09);
	wait(&b);
	assert_int_equal(get(&b, CONTROL), BSY);
	assert_false(b.line[0].level);
	config_write(&b, 0x04, 2, 0x0005);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_sectors(memory + 0x20000, 9, 2);
	/* A table where there is no memory: its regions are nowhere either. */
	master_table(&b, 8);
	bus_write(r->bus, SPACE_PORT, MASTER + 4, 4, 0xfffffff0);
	name_lba(&b, 9, 0);
	reg(&b, COMMAND, 0xc8);
	out(r, MASTER, 0x09);
	wait(&b);
	assert_int_equal(in(r, MASTER + 2) & 1, 0);
	assert_int_equal(get(&b, CONTROL), BSY);
	close_bench(&b);
}

/* Its registers; an interrupt of any command's shows there. */
static void test_master_registers(void **state)
{
	struct bench b;
	open_bench(&b);
	struct rig *r = &b.rig;
	bus_write(r->bus, SPACE_PORT, MASTER + 4, 4, 0xffffffff);
	bus_write(r->bus, SPACE_PORT, MASTER + 4, 4, 0x12345677);
	assert_int_equal(bus_read(r->bus, SPACE_PORT, MASTER + 4, 4), 0x12345674);
	bus_write(r->bus, SPACE_PORT, MASTER + 12, 4, 0x00abcdef);
	assert_int_equal(bus_read(r->bus, SPACE_PORT, MASTER + 12, 4), 0x00abcdec);
	assert_int_equal(bus_read(r->bus, SPACE_PORT, MASTER + 4, 4), 0x12345674);
	out(r, MASTER, 0xff);
	assert_int_equal(in(r, MASTER), 0x09);
	assert_int_equal(in(r, MASTER + 2), 0x01);
	out(r, MASTER, 0x00);
	assert_int_equal(in(r, MASTER + 2), 0x00);
	out(r, MASTER, 0x01);
	assert_int_equal(in(r, MASTER + 2), 0x01);
	out(r, MASTER, 0x08);
	assert_int_equal(in(r, MASTER + 2), 0x00);
	out(r, MASTER + 2, 0xff);
	assert_int_equal(in(r, MASTER + 2), 0x60);
	out(r, MASTER + 2, 0x20);
	assert_int_equal(in(r, MASTER + 2), 0x20);
	out(r, MASTER + 2, 0xff);
	assert_int_equal(in(r, MASTER + 2), 0x60);
	assert_int_equal(in(r, MASTER + 1), 0);
	assert_int_equal(in(r, MASTER + 3), 0);
	reg(&b, COMMAND, 0xe7);
	wait(&b);
	assert_int_equal(in(r, MASTER + 2), 0x64);
	ide_type.reset(b.ide, RESET_HARD);
	assert_int_equal(in(r, MASTER + 2), 0);
	assert_int_equal(bus_read(r->bus, SPACE_PORT, MASTER + 4, 4), 0);
	close_bench(&b);
}

/* --- whatever a guest may do --- */

static void test_hostile(void **state)
{
	static const uint8_t commands[] = {0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39,
	                                   0x40, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xec, 0x91,
	                                   0xef, 0xe7, 0x90, 0x08, 0x70, 0x42, 0xe4, 0xe8};
	uint64_t seed = 1;
	unsigned moved = 0;
	static uint8_t bytes[8192];
	struct bench b;
	open_bench(&b);
	add_disk(&b, 1, true);
	add_disk(&b, 3, false);
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		uint32_t v = seed >> 33;
		uint8_t value = v >> 8;
		unsigned base = v & 1 ? 0x1f0 : 0x170, place = v >> 10 & 1;
		struct disk *d = &disks[v & 1 ? place : 3];
		switch (v >> 1 & 15) {
		case 0:
			out(&b.rig, base + COMMAND, commands[value % sizeof commands]);
			break;
		case 1:
			out(&b.rig, base + DEVICE, value % 4 ? 0xe0 | (value & 0x10) : value);
			break;
		case 2:
		case 3:
			out(&b.rig, base + 1 + (v >> 16) % 5, value % 8 ? value % 4 : value);
			break;
		case 4:
		case 5:
			bus_burst(b.rig.bus, base, 2, bytes, value * 16, v >> 20 & 1);
			break;
		case 6:
			out(&b.rig, MASTER + (v >> 16) % 16, value);
			break;
		case 7:
			out(&b.rig, MASTER + (v & 1 ? 0 : 8), 0x01 | (value & 8));
			break;
		case 8:
			if (value < 8)
				out(&b.rig, base + CONTROL, v >> 16);
			break;
		case 9:
			if (value < 4)
				config_write(&b, 0x04, 2, v >> 16 & 7);
			if (value == 9)
				config_write(&b, 0x04, 2, 5);
			break;
		case 10:
			d->bad = value < 16 ? value : 0;
			break;
		case 11:
			d->held = value < 8;
			if (d->request)
				settle(d);
			break;
		default:
			moved += in(&b.rig, base + COMMAND) & DRQ;
			wait(&b);
		}
	}
	assert_true(moved > 1000 && disks[0].requests > 100 && disks[3].requests > 100);
	for (unsigned i = 0; i < IDE_PLACES; i++)
		if (disks[i].request)
			settle(&disks[i]);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absent),           cmocka_unit_test(test_two_drives),
		cmocka_unit_test(test_function),         cmocka_unit_test(test_interrupt),
		cmocka_unit_test(test_resets),           cmocka_unit_test(test_slow_medium),
		cmocka_unit_test(test_data_port),        cmocka_unit_test(test_master_read),
		cmocka_unit_test(test_master_write),     cmocka_unit_test(test_master_tables),
		cmocka_unit_test(test_master_registers), cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests_name("ide", tests, NULL, NULL);
}
