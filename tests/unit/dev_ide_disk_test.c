/* links: devices */
/* What a disk does with each command: ATA/ATAPI-6, chapter 8, and ATA-2's older ones. */
#include "dev_ide_fixture.h"

/* --- what it says of itself --- */

static void assert_text(const uint16_t *words, unsigned first, unsigned bytes, const char *text)
{
	for (unsigned i = 0; i < bytes; i++) {
		char c = (char)(words[first + i / 2] >> (i & 1 ? 0 : 8));
		assert_int_equal(c, i < strlen(text) ? text[i] : ' ');
	}
}

static void test_identify(void **state)
{
	struct bench b;
	uint16_t w[256];
	uint8_t sum = 0;
	open_bench(&b);
	identify(&b, w);
	/* LEGACY.md: Windows CE asks whether word 0 is a disk's. */
	assert_int_equal(w[0], 0x0040);
	assert_int_equal(w[1], 20);
	assert_int_equal(w[3], 16);
	assert_int_equal(w[6], 63);
	assert_text(w, 10, 20, "serial number 1");
	assert_text(w, 23, 8, "1.0");
	assert_text(w, 27, 40, "unring disk");
	assert_int_equal(w[47], 0x8010);
	assert_int_equal(w[49] & 0x0300, 0x0300); /* LBA, DMA */
	assert_int_equal(w[53] & 7, 7);
	assert_int_equal(w[54], 20);
	assert_int_equal(w[55], 16);
	assert_int_equal(w[56], 63);
	assert_int_equal(w[57] | (uint32_t)w[58] << 16, SECTORS);
	assert_int_equal(w[59], 0);
	assert_int_equal(w[60] | (uint32_t)w[61] << 16, SECTORS);
	assert_int_equal(w[63], 0x0007);
	assert_int_equal(w[64], 0x0003);
	assert_int_equal(w[80], 0x007e);
	assert_int_equal(w[83] & 0xc400, 0x4400); /* LBA48 */
	assert_int_equal(w[85] & 0x0060, 0x0060); /* caches on */
	assert_int_equal(w[88], 0x003f);
	assert_int_equal(w[100] | (uint32_t)w[101] << 16, SECTORS);
	assert_int_equal(w[102] | w[103], 0);
	assert_int_equal(w[255] & 0xff, 0xa5);
	for (unsigned i = 0; i < SECTOR; i++)
		sum += ((uint8_t *)w)[i];
	assert_int_equal(sum, 0);
	/* What is set shows. */
	reg(&b, COUNT, 8);
	run(&b, 0xc6, READY, true);
	reg(&b, FEATURES, 0x03);
	reg(&b, COUNT, 0x22);
	run(&b, 0xef, READY, true);
	reg(&b, FEATURES, 0x82);
	run(&b, 0xef, READY, true);
	reg(&b, COUNT, 17);
	reg(&b, DEVICE, 0xa3);
	run(&b, 0x91, READY, true);
	identify(&b, w);
	assert_int_equal(w[59], 0x0108);
	assert_int_equal(w[63], 0x0407);
	assert_int_equal(w[85] & 0x0060, 0x0040);
	assert_int_equal(w[54], SECTORS / (4 * 17));
	assert_int_equal(w[55], 4);
	assert_int_equal(w[56], 17);
	assert_int_equal(w[57] | (uint32_t)w[58] << 16, SECTORS / (4 * 17) * 4 * 17);
	assert_int_equal(w[6], 63);
	reg(&b, FEATURES, 0x03);
	reg(&b, COUNT, 0x45);
	run(&b, 0xef, READY, true);
	identify(&b, w);
	assert_int_equal(w[63], 0x0007);
	assert_int_equal(w[88], 0x203f);
	close_bench(&b);
}

/* --- sectors by PIO --- */

static void test_read(void **state)
{
	struct bench b;
	uint8_t bytes[SECTOR];
	open_bench(&b);
	/* A block each, each with its interrupt; none at the end. */
	name_lba(&b, 0x1234, 3);
	run(&b, 0x20, READY | DRQ, true);
	for (unsigned i = 0; i < 3; i++) {
		take(&b, bytes, SECTOR);
		assert_sectors(bytes, 0x1234 + i, 1);
		if (i == 2)
			break;
		assert_int_equal(get(&b, CONTROL), BSY);
		assert_false(b.line[0].level);
		wait(&b);
		assert_true(b.line[0].level);
		assert_int_equal(get(&b, COMMAND), READY | DRQ);
	}
	assert_int_equal(get(&b, COMMAND), READY);
	wait(&b);
	assert_false(b.line[0].level);
	/* ATA-2: the registers name the last sector, and no more are left. */
	assert_int_equal(get(&b, COUNT), 0);
	assert_int_equal(get(&b, LOW), 0x36);
	assert_int_equal(get(&b, MID), 0x12);
	/* 0 stands for 256. */
	name_lba(&b, 100, 0);
	run(&b, 0x21, READY | DRQ, true);
	for (unsigned i = 0; i < 256; i++) {
		take(&b, bytes, SECTOR);
		assert_sectors(bytes, 100 + i, 1);
		wait(&b);
		assert_int_equal(get(&b, COMMAND), i < 255 ? READY | DRQ : READY);
	}
	close_bench(&b);
}

static void test_write(void **state)
{
	struct bench b;
	uint8_t bytes[SECTOR];
	open_bench(&b);
	/* The first block is asked for at once, without an interrupt. */
	name_lba(&b, 70, 2);
	reg(&b, COMMAND, 0x30);
	assert_int_equal(get(&b, CONTROL), READY | DRQ);
	assert_false(b.line[0].level);
	memset(bytes, 0x11, SECTOR);
	give(&b, bytes, SECTOR);
	assert_int_equal(get(&b, CONTROL), BSY);
	wait(&b);
	assert_true(b.line[0].level);
	assert_int_equal(get(&b, COMMAND), READY | DRQ);
	memset(bytes, 0x22, SECTOR);
	give(&b, bytes, SECTOR);
	assert_int_equal(get(&b, CONTROL), BSY);
	wait(&b);
	assert_true(b.line[0].level);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_int_equal(disks[0].bytes[70 * SECTOR], 0x11);
	assert_int_equal(disks[0].bytes[71 * SECTOR - 1], 0x11);
	assert_memory_equal(disks[0].bytes + 71 * SECTOR, bytes, SECTOR);
	assert_sectors(disks[0].bytes + 69 * SECTOR, 69, 1);
	assert_sectors(disks[0].bytes + 72 * SECTOR, 72, 1);
	assert_int_equal(get(&b, COUNT), 0);
	assert_int_equal(get(&b, LOW), 71);
	close_bench(&b);
}

static void test_multiple(void **state)
{
	struct bench b;
	uint8_t bytes[16 * SECTOR];
	open_bench(&b);
	name_lba(&b, 8, 8);
	fails(&b, 0xc4, ABRT); /* before SET MULTIPLE */
	reg(&b, COUNT, 3);
	fails(&b, 0xc6, ABRT);
	reg(&b, COUNT, 32);
	fails(&b, 0xc6, ABRT);
	reg(&b, COUNT, 16);
	run(&b, 0xc6, READY, true);
	/* Blocks of 16, and what is left. */
	name_lba(&b, 8, 20);
	run(&b, 0xc4, READY | DRQ, true);
	take(&b, bytes, 16 * SECTOR);
	assert_sectors(bytes, 8, 16);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), READY | DRQ);
	take(&b, bytes, 4 * SECTOR);
	assert_sectors(bytes, 24, 4);
	assert_int_equal(get(&b, COMMAND), READY);
	name_lba48(&b, 200, 17);
	reg(&b, COMMAND, 0x39);
	memset(bytes, 0x77, sizeof bytes);
	give(&b, bytes, 16 * SECTOR);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), READY | DRQ);
	give(&b, bytes, SECTOR);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_memory_equal(disks[0].bytes + 200 * SECTOR, bytes, 16 * SECTOR);
	assert_memory_equal(disks[0].bytes + 216 * SECTOR, bytes, SECTOR);
	assert_sectors(disks[0].bytes + 217 * SECTOR, 217, 1);
	name_lba48(&b, 300, 1);
	run(&b, 0x29, READY | DRQ, true);
	take(&b, bytes, SECTOR);
	assert_sectors(bytes, 300, 1);
	close_bench(&b);
}

/* --- addresses --- */

static void test_chs(void **state)
{
	struct bench b;
	uint8_t bytes[SECTOR];
	open_bench(&b);
	name_chs(&b, 5, 9, 63, 2);
	run(&b, 0x20, READY | DRQ, true);
	take(&b, bytes, SECTOR);
	assert_sectors(bytes, (5 * 16 + 9) * 63 + 62, 1);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), READY | DRQ);
	take(&b, bytes, SECTOR);
	assert_int_equal(get(&b, LOW), 1); /* of the next track */
	assert_int_equal(get(&b, MID), 5);
	assert_int_equal(get(&b, DEVICE), 0xaa);
	/* No such sector, head, cylinder. */
	name_chs(&b, 5, 9, 0, 1);
	fails(&b, 0x20, IDNF);
	name_chs(&b, 5, 9, 64, 1);
	fails(&b, 0x20, IDNF);
	name_chs(&b, 20, 0, 1, 1);
	fails(&b, 0x20, IDNF);
	name_chs(&b, 0x105, 0, 1, 1);
	fails(&b, 0x20, IDNF);
	name_chs(&b, 20, 0, 1, 1);
	fails(&b, 0x7f, IDNF);
	name_chs(&b, 19, 15, 63, 1);
	run(&b, 0x70, READY, true);
	run(&b, 0x10, READY, true);
	run(&b, 0x1f, READY, true);
	/* Another geometry: 4 heads of 17 sectors. */
	reg(&b, COUNT, 17);
	reg(&b, DEVICE, 0xa3);
	run(&b, 0x91, READY, true);
	name_chs(&b, 5, 4, 1, 1);
	fails(&b, 0x20, IDNF);
	name_chs(&b, 5, 3, 17, 1);
	run(&b, 0x20, READY | DRQ, true);
	take(&b, bytes, SECTOR);
	assert_sectors(bytes, 5 * 68 + 67, 1);
	reg(&b, COUNT, 0);
	fails(&b, 0x91, ABRT);
	/* Software's reset leaves it, the reset line does not. */
	reg(&b, CONTROL, 0x04);
	reg(&b, CONTROL, 0x00);
	wait(&b);
	name_chs(&b, 5, 3, 18, 1);
	fails(&b, 0x40, IDNF);
	ide_type.reset(b.ide, RESET_HARD);
	name_chs(&b, 5, 3, 18, 1);
	run(&b, 0x40, READY, true);
	close_bench(&b);
}

static void ignore(void *ctx, struct medium_request *r)
{
	r->done(r->ctx, 0);
}

static void test_lba48(void **state)
{
	struct bench b;
	uint8_t bytes[SECTOR];
	open_bench(&b);
	name_lba48(&b, 0x1234, 0x0102);
	/* HOB shows what was written before, until something is written. */
	assert_int_equal(get(&b, COUNT), 0x02);
	reg(&b, CONTROL, 0x80);
	assert_int_equal(get(&b, COUNT), 0x01);
	assert_int_equal(get(&b, MID), 0);
	reg(&b, LOW, 0x34);
	assert_int_equal(get(&b, COUNT), 0x02);
	name_lba48(&b, 0x1234, 0x0102);
	run(&b, 0x24, READY | DRQ, true);
	for (unsigned i = 0; i < 0x102; i++) {
		take(&b, bytes, SECTOR);
		assert_sectors(bytes, 0x1234 + i, 1);
		wait(&b);
		get(&b, COMMAND);
	}
	assert_int_equal(get(&b, COMMAND), READY);
	/* All 48 bits count, in reads, writes and verifications. */
	for (unsigned bit = 24; bit < 48; bit++) {
		name_lba48(&b, (uint64_t)1 << bit, 1);
		fails(&b, bit & 1 ? 0x24 : bit & 2 ? 0x34 : 0x42, IDNF);
	}
	name_lba48(&b, 0x100000000000, 1);
	fails(&b, 0x42, IDNF);
	reg(&b, CONTROL, 0x80);
	assert_int_equal(get(&b, HIGH), 0x10);
	reg(&b, CONTROL, 0);
	name_lba48(&b, 0x112233445566, 1);
	fails(&b, 0x24, IDNF);
	assert_int_equal(get(&b, LOW) | get(&b, MID) << 8 | get(&b, HIGH) << 16, 0x445566);
	reg(&b, CONTROL, 0x80);
	assert_int_equal(get(&b, LOW) | get(&b, MID) << 8 | get(&b, HIGH) << 16, 0x112233);
	reg(&b, CONTROL, 0);
	name_lba48(&b, 1, 0); /* 65536 sectors: more than there are */
	fails(&b, 0x42, IDNF);
	reg(&b, CONTROL, 0);
	assert_int_equal(get(&b, LOW) | get(&b, MID) << 8, SECTORS);
	name_lba48(&b, 0, 0);
	run(&b, 0xe7, READY, true);
	run(&b, 0x27, READY, true);
	assert_int_equal(get(&b, LOW) | get(&b, MID) << 8, SECTORS - 1);
	reg(&b, DEVICE, LBA);
	run(&b, 0xf8, READY, true);
	assert_int_equal(get(&b, LOW) | get(&b, MID) << 8, SECTORS - 1);
	/* And as many as there are. */
	ide_add_disk(b.ide, 1,
	             &(struct ide_disk_config){.medium = {NULL, 0x10001ull * SECTOR, true, ignore},
	                                       .geometry = {66, 16, 63},
	                                       .serial = "vast"});
	name_lba48(&b, 1, 0);
	reg(&b, DEVICE, LBA | 0x10);
	run(&b, 0x42, READY, true);
	assert_int_equal(get(&b, LOW) | get(&b, MID) << 8 | get(&b, HIGH) << 16, 0x10000);
	close_bench(&b);
}

/* --- errors --- */

static void test_errors(void **state)
{
	struct bench b;
	uint8_t bytes[SECTOR];
	open_bench(&b);
	add_disk(&b, 1, true);
	/* Beyond the end, of which the first is named. */
	name_lba(&b, SECTORS - 1, 2);
	fails(&b, 0x20, IDNF);
	assert_int_equal(get(&b, LOW) | get(&b, MID) << 8, SECTORS);
	name_lba(&b, SECTORS, 1);
	fails(&b, 0x20, IDNF);
	assert_int_equal(get(&b, LOW) | get(&b, MID) << 8, SECTORS);
	name_lba(&b, 0x1234567, 1);
	fails(&b, 0x20, IDNF);
	assert_int_equal(get(&b, LOW) | get(&b, MID) << 8 | get(&b, HIGH) << 16, 0x234567);
	assert_int_equal(get(&b, DEVICE), 0xe1);
	name_lba(&b, SECTORS - 1, 1);
	run(&b, 0x40, READY, true);
	assert_int_equal(errors, 0);
	/* A sector that the medium cannot read: those before it come. */
	disks[0].bad = 52;
	name_lba(&b, 50, 5);
	run(&b, 0x20, READY | DRQ, true);
	take(&b, bytes, SECTOR);
	wait(&b);
	get(&b, COMMAND);
	take(&b, bytes, SECTOR);
	assert_sectors(bytes, 51, 1);
	wait(&b);
	assert_true(b.line[0].level);
	assert_int_equal(get(&b, COMMAND), READY | ERR);
	assert_int_equal(get(&b, FEATURES), UNC);
	assert_int_equal(get(&b, LOW), 52);
	assert_int_equal(errors, 1);
	assert_int_equal(error_place, 0);
	assert_false(error_of_write);
	/* Of many at once it is looked for. */
	put_region(0, 0x20000, 0, true);
	master_table(&b, 8);
	name_lba(&b, 10, 100);
	out(&b.rig, MASTER, 9);
	fails(&b, 0xc8, UNC);
	assert_int_equal(get(&b, LOW), 52);
	name_lba(&b, 10, 100);
	fails(&b, 0x40, UNC);
	assert_int_equal(get(&b, LOW), 52);
	assert_int_equal(errors, 3);
	/* A write: a fault. */
	name_lba(&b, 52, 1);
	reg(&b, COMMAND, 0x30);
	give(&b, bytes, SECTOR);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), READY | 0x20 | ERR);
	assert_int_equal(get(&b, FEATURES), ABRT);
	assert_int_equal(errors, 4);
	assert_true(error_of_write);
	disks[0].bad_flush = -ENOSPC;
	run(&b, 0xe7, READY | 0x20 | ERR, true);
	assert_int_equal(errors, 5);
	run(&b, 0xe0, READY, true); /* the fault goes with the next command */
	/* A disk that is write-protected says so before data. */
	name_lba(&b, 3, 1);
	reg(&b, DEVICE, 0xf0);
	fails(&b, 0x30, ABRT);
	fails(&b, 0xca, ABRT);
	run(&b, 0x40, READY, true);
	close_bench(&b);
}

/* All that a disk of ATA/ATAPI-6 need not know, and what belongs to CD drives. */
static void test_aborted(void **state)
{
	static const uint8_t codes[] = {0x00, 0x08, 0x22, 0x32, 0x50, 0x60, 0x87, 0xa0, 0xa1, 0xa2,
	                                0xb0, 0xc7, 0xcc, 0xd0, 0xda, 0xf1, 0xf9, 0xff, 0x3c};
	struct bench b;
	open_bench(&b);
	for (unsigned i = 0; i < sizeof codes; i++) {
		name_lba(&b, 0x123456, 7);
		fails(&b, codes[i], ABRT);
		assert_int_equal(get(&b, MID), 0x34);
	}
	static const uint8_t features[][2] = {
		{0x03, 0x0d}, {0x03, 0x02}, {0x03, 0x07}, {0x03, 0x23}, {0x03, 0x46},
		{0x03, 0x10}, {0x05, 0x80}, {0x5d, 0},    {0x99, 0},    {0, 0}};
	for (unsigned i = 0; i < sizeof features / 2; i++) {
		reg(&b, FEATURES, features[i][0]);
		reg(&b, COUNT, features[i][1]);
		fails(&b, 0xef, ABRT);
	}
	static const uint8_t modes[] = {0x00, 0x01, 0x08, 0x0c, 0x20, 0x22, 0x40, 0x45};
	for (unsigned i = 0; i < sizeof modes; i++) {
		reg(&b, FEATURES, 0x03);
		reg(&b, COUNT, modes[i]);
		run(&b, 0xef, READY, true);
	}
	assert_int_equal(disks[0].requests, 0);
	close_bench(&b);
}

/* --- caches, settings, power --- */

static void test_flush(void **state)
{
	struct bench b;
	uint8_t bytes[SECTOR] = {0};
	open_bench(&b);
	run(&b, 0xe7, READY, true);
	run(&b, 0xea, READY, true);
	assert_int_equal(disks[0].flushes, 2);
	name_lba(&b, 1, 1);
	reg(&b, COMMAND, 0x30);
	give(&b, bytes, SECTOR);
	wait(&b);
	get(&b, COMMAND);
	assert_int_equal(disks[0].flushes, 2);
	/* Without the write cache a write is done when it is safe. */
	reg(&b, FEATURES, 0x82);
	run(&b, 0xef, READY, true);
	name_lba(&b, 1, 1);
	reg(&b, COMMAND, 0x30);
	give(&b, bytes, SECTOR);
	wait(&b);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_int_equal(disks[0].flushes, 3);
	/* A reset by software turns it on, unless it is told to leave it. */
	reg(&b, FEATURES, 0x66);
	run(&b, 0xef, READY, true);
	for (unsigned i = 0; i < 2; i++) {
		reg(&b, CONTROL, 0x04);
		reg(&b, CONTROL, 0x00);
		wait(&b);
		name_lba(&b, 1, 1);
		reg(&b, COMMAND, 0x30);
		give(&b, bytes, SECTOR);
		wait(&b);
		get(&b, COMMAND);
		assert_int_equal(disks[0].flushes, 4);
		reg(&b, FEATURES, 0xcc);
		run(&b, 0xef, READY, true);
	}
	/* The board's reset turns it on in any case. */
	for (unsigned i = 0; i < 2; i++) {
		reg(&b, FEATURES, i ? 0x66 : 0x82);
		run(&b, 0xef, READY, true);
	}
	ide_type.reset(b.ide, RESET_HARD);
	wait(&b);
	name_lba(&b, 1, 1);
	reg(&b, COMMAND, 0x30);
	give(&b, bytes, SECTOR);
	wait(&b);
	get(&b, COMMAND);
	assert_int_equal(disks[0].flushes, 4);
	close_bench(&b);
}

static void test_power(void **state)
{
	static const struct {
		uint8_t code, check, count;
	} cases[] = {
		{0xe0, 0xe5, 0}, {0xe1, 0xe5, 0xff}, {0xe2, 0x98, 0}, {0xe3, 0x98, 0xff},
		{0xe6, 0xe5, 0}, {0x95, 0xe5, 0xff}, {0x94, 0xe5, 0}, {0x97, 0xe5, 0xff},
		{0x96, 0xe5, 0}, {0x40, 0xe5, 0xff}, {0x99, 0xe5, 0},
	};
	struct bench b;
	open_bench(&b);
	run(&b, 0xe5, READY, true);
	assert_int_equal(get(&b, COUNT), 0xff);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		name_lba(&b, 1, 1);
		run(&b, cases[i].code, READY, true);
		run(&b, cases[i].check, READY, true);
		assert_int_equal(get(&b, COUNT), cases[i].count);
	}
	/* A reset wakes it. */
	reg(&b, CONTROL, 0x04);
	reg(&b, CONTROL, 0x00);
	wait(&b);
	run(&b, 0xe5, READY, true);
	assert_int_equal(get(&b, COUNT), 0xff);
	close_bench(&b);
}

static void test_buffer(void **state)
{
	struct bench b;
	uint8_t bytes[SECTOR], back[SECTOR];
	open_bench(&b);
	for (unsigned i = 0; i < SECTOR; i++)
		bytes[i] = i * 3;
	reg(&b, COMMAND, 0xe8);
	assert_int_equal(get(&b, CONTROL), READY | DRQ);
	give(&b, bytes, SECTOR);
	wait(&b);
	assert_true(b.line[0].level);
	assert_int_equal(get(&b, COMMAND), READY);
	run(&b, 0xe4, READY | DRQ, true);
	take(&b, back, SECTOR);
	assert_memory_equal(back, bytes, SECTOR);
	assert_int_equal(get(&b, COMMAND), READY);
	assert_int_equal(disks[0].requests, 0);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identify), cmocka_unit_test(test_read),
		cmocka_unit_test(test_write),    cmocka_unit_test(test_multiple),
		cmocka_unit_test(test_chs),      cmocka_unit_test(test_lba48),
		cmocka_unit_test(test_errors),   cmocka_unit_test(test_aborted),
		cmocka_unit_test(test_flush),    cmocka_unit_test(test_power),
		cmocka_unit_test(test_buffer),
	};
	return cmocka_run_group_tests_name("ide disk", tests, NULL, NULL);
}
