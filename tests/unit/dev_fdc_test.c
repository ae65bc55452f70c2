/* links: devices */
/* The floppy controller by its ports: registers, seeks, what it reads. */
#include "dev_fdc_fixture.h"

/* --- resets and registers --- */

static void test_reset(void **state)
{
	struct bench b;
	open_bench(&b);
	struct rig *r = &b.rig;
	/* In reset nothing is ready, and the way out is one interrupt and four states. */
	out(r, DOR, 0x18);
	assert_int_equal(in(r, DOR), 0x18);
	wait(&b);
	assert_int_equal(in(r, MSR), 0);
	unsigned edges = r->line.edges;
	out(r, DOR, 0x1c);
	assert_int_equal(in(r, MSR), 0);
	out(r, FIFO, 0x10); /* is lost */
	assert_false(r->line.level);
	wait(&b);
	assert_true(r->line.level);
	assert_int_equal(r->line.edges, edges + 1);
	assert_int_equal(in(r, MSR), 0x80);
	for (unsigned i = 0; i < 4; i++) {
		sense(&b, 0xc0 | i, 0);
		assert_false(r->line.level);
	}
	GIVE(&b, 0x08);
	EXPECT(&b, 0x80);
	/* DSR does the same, and keeps its rate and DOR. */
	out(r, DSR, 0x81);
	assert_int_equal(in(r, MSR), 0);
	wait(&b);
	assert_true(r->line.level);
	assert_int_equal(in(r, DOR), 0x1c);
	/* Without the gate INT does not get through. */
	out(r, DOR, 0x10);
	assert_false(r->line.level);
	out(r, DOR, 0x14);
	wait(&b);
	assert_false(r->line.level);
	sense(&b, 0xc0, 0);
	/* Who seeks has not to ask for the others. */
	out(r, DOR, 0x1c);
	seek(&b, 3);
	/* The board's reset line. */
	fdc_type.reset(b.fdc, RESET_HARD);
	assert_int_equal(in(r, DOR), 0);
	assert_int_equal(in(r, MSR), 0);
	assert_false(r->line.level);
	close_bench(&b);
}

static void test_registers(void **state)
{
	struct bench b;
	open_bench(&b);
	struct rig *r = &b.rig;
	assert_int_equal(in(r, 0x3f0), 0xff);
	assert_int_equal(in(r, 0x3f1), 0xff);
	out(r, 0x3f3, 0xfe);
	assert_int_equal(in(r, 0x3f3), 0xfe);
	out(r, 0x3f3, 0x01);
	assert_int_equal(in(r, 0x3f3), 0xfd);
	assert_true(bus_map(r->bus, SPACE_PORT, 0x3f6, 1, (struct region_handler){0}) > 0);
	/* The change line: until a step with a disk in the drive that DOR selects. */
	assert_int_equal(in(r, DIR), 0xff);
	seek(&b, 1);
	assert_int_equal(in(r, DIR), 0x7f);
	fdc_insert(b.fdc, 0, NULL);
	assert_int_equal(in(r, DIR), 0xff);
	seek(&b, 0);
	assert_int_equal(in(r, DIR), 0xff);
	out(r, DOR, 0x2d); /* no drive */
	assert_int_equal(in(r, DIR), 0x7f);
	close_bench(&b);
}

static void test_configuration(void **state)
{
	struct bench b;
	open_bench(&b);
	GIVE(&b, 0x10);
	EXPECT(&b, 0x90);
	GIVE(&b, 0x13, 0, 0x57, 0x22);
	GIVE(&b, 0x12, 0x8e);
	seek(&b, 9);
	GIVE(&b, 0x0e);
	EXPECT(&b, 9, 0, 0, 0, 0xdf, 0x02, 0, 0x0e, 0x57, 0x22);
	GIVE(&b, 0x12, 0x31); /* no OW: the drives' bits stay */
	GIVE(&b, 0x94);
	EXPECT(&b, 0x10);
	out(&b.rig, DSR, 0x80);
	wait(&b);
	/* What LOCK keeps: EFIFO, FIFOTHR and PRETRK; the drives' bits stay anyway. */
	GIVE(&b, 0x0e);
	EXPECT(&b, 9, 0, 0, 0, 0xdf, 0x02, 0, 0x8c, 0x07, 0x22);
	GIVE(&b, 0x14);
	EXPECT(&b, 0x00);
	out(&b.rig, DOR, 0x18);
	out(&b.rig, DOR, 0x1c);
	wait(&b);
	GIVE(&b, 0x0e);
	EXPECT(&b, 9, 0, 0, 0, 0xdf, 0x02, 0, 0x0c, 0x20, 0x00);
	GIVE(&b, 0x94);
	EXPECT(&b, 0x10);
	fdc_type.reset(b.fdc, RESET_HARD);
	out(&b.rig, DOR, 0x1c);
	wait(&b);
	GIVE(&b, 0x0e);
	EXPECT(&b, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0);
	close_bench(&b);
}

static void test_invalid(void **state)
{
	static const uint8_t codes[] = {0x00, 0x01, 0x0b, 0x18, 0x1f, 0x2e, 0x33, 0x88, 0xc3, 0xff};
	struct bench b;
	open_bench(&b);
	for (unsigned i = 0; i < sizeof codes; i++) {
		give(&b, &codes[i], 1);
		EXPECT(&b, 0x80);
		assert_false(b.rig.line.level);
	}
	close_bench(&b);
}

/* --- seeks --- */

static void test_seeks(void **state)
{
	struct bench b;
	open_bench(&b);
	struct rig *r = &b.rig;
	GIVE(&b, 0x0f, 0x04, 5);
	assert_int_equal(in(r, MSR), 0x81);
	assert_false(r->line.level);
	wait(&b);
	assert_true(r->line.level);
	assert_int_equal(in(r, MSR), 0x80);
	sense(&b, 0x24, 5);
	assert_false(r->line.level);
	GIVE(&b, 0xcf, 0, 10);
	wait(&b);
	sense(&b, 0x20, 15);
	GIVE(&b, 0x8f, 0, 2);
	wait(&b);
	sense(&b, 0x20, 13);
	GIVE(&b, 0x04, 0x04);
	EXPECT(&b, 0x2c);
	GIVE(&b, 0x07, 0);
	wait(&b);
	sense(&b, 0x20, 0);
	GIVE(&b, 0x04, 0x00);
	EXPECT(&b, 0x38);
	/* From cylinder 83 one does not get there. */
	seek(&b, 83);
	GIVE(&b, 0x07, 0);
	wait(&b);
	sense(&b, 0x70, 0);
	GIVE(&b, 0x07, 0);
	wait(&b);
	sense(&b, 0x20, 0);
	/* No drive: track 0 is never found. */
	GIVE(&b, 0x07, 1);
	wait(&b);
	sense(&b, 0x71, 0);
	GIVE(&b, 0x04, 0x01);
	EXPECT(&b, 0x29);
	close_bench(&b);
}

/* Two at once: an interrupt for each. */
static void test_overlapped_seeks(void **state)
{
	struct bench b;
	open_bench(&b);
	fdc_set_drive(b.fdc, 1, FLOPPY_1200K);
	GIVE(&b, 0x0f, 0, 7);
	GIVE(&b, 0x0f, 1, 2);
	assert_int_equal(in(&b.rig, MSR), 0x83);
	wait(&b);
	unsigned edges = b.rig.line.edges;
	sense(&b, 0x20, 7);
	assert_true(b.rig.line.level);
	assert_int_equal(b.rig.line.edges, edges + 1);
	sense(&b, 0x21, 2);
	assert_false(b.rig.line.level);
	GIVE(&b, 0x08);
	EXPECT(&b, 0x80);
	close_bench(&b);
}

/* --- reading --- */

static void test_read(void **state)
{
	struct bench b;
	open_bench(&b);
	/* Sector 2 of cylinder 1, head 1. */
	seek(&b, 1);
	program_dma(&b, TO_MEMORY, 0x1000, 512);
	GIVE(&b, 0xe6, 0x04, 1, 1, 2, 2, 18, 0x1b, 0xff);
	assert_int_equal(in(&b.rig, MSR), 0x10);
	assert_false(b.rig.line.level);
	wait(&b);
	assert_true(b.rig.line.level);
	assert_int_equal(in(&b.rig, MSR), 0xd0);
	assert_int_equal(in(&b.rig, 0x08) & 0x04, 0x04);
	EXPECT(&b, 0x04, 0, 0, 1, 1, 3, 2);
	assert_false(b.rig.line.level);
	assert_sectors(memory + 0x1000, 18 * 3 + 1, 1);
	/* The last of head 0, and on with head 1. */
	program_dma(&b, TO_MEMORY, 0x2000, 3 * 512);
	GIVE(&b, 0xe6, 0x00, 1, 0, 17, 2, 18, 0x1b, 0xff);
	wait(&b);
	EXPECT(&b, 0x04, 0, 0, 1, 1, 2, 2);
	assert_sectors(memory + 0x2000, 18 * 2 + 16, 3);
	/* The same without MT: the cylinder's end, and no terminal count. */
	program_dma(&b, TO_MEMORY, 0x2000, 3 * 512);
	GIVE(&b, 0x46, 0x00, 1, 0, 17, 2, 18, 0x1b, 0xff);
	wait(&b);
	EXPECT(&b, 0x40, 0x80, 0, 2, 0, 1, 2);
	/* A terminal count at the end, and within a sector. */
	program_dma(&b, TO_MEMORY, 0x3000, 512);
	GIVE(&b, 0x46, 0x00, 1, 0, 18, 2, 18, 0x1b, 0xff);
	wait(&b);
	EXPECT(&b, 0x00, 0, 0, 2, 0, 1, 2);
	program_dma(&b, TO_MEMORY, 0x3000, 700);
	GIVE(&b, 0xe6, 0x04, 1, 1, 17, 2, 18, 0x1b, 0xff);
	wait(&b);
	EXPECT(&b, 0x00, 0, 0, 2, 0, 1, 2);
	close_bench(&b);
}

/* SeaBIOS asks so for sectors that lie on several tracks. */
static void test_past_the_track(void **state)
{
	struct bench b;
	open_bench(&b);
	program_dma(&b, TO_MEMORY, 0, 30 * 512);
	GIVE(&b, 0xe6, 0x00, 0, 0, 2, 2, 31, 0x1b, 0xff);
	wait(&b);
	EXPECT(&b, 0x04, 0, 0, 0, 1, 14, 2);
	assert_sectors(memory, 1, 30);
	program_dma(&b, TO_MEMORY, 0, 90 * 512);
	GIVE(&b, 0xe6, 0x00, 0, 0, 2, 2, 91, 0x1b, 0xff);
	wait(&b);
	EXPECT(&b, 0x04, 0, 0, 2, 1, 2, 2);
	assert_sectors(memory, 1, 90);
	/* The heads are there now; and there is an end. */
	program_dma(&b, TO_MEMORY, 0, 512);
	GIVE(&b, 0xe6, 0x04, 2, 1, 2, 2, 18, 0x1b, 0xff);
	wait(&b);
	EXPECT(&b, 0x04, 0, 0, 2, 1, 3, 2);
	assert_sectors(memory, 91, 1);
	seek(&b, 79);
	program_dma(&b, TO_MEMORY, 0, 1024);
	GIVE(&b, 0xe6, 0x04, 79, 1, 18, 2, 19, 0x1b, 0xff);
	wait(&b);
	EXPECT(&b, 0x40, 0x01, 0, 80, 0, 1, 2);
	assert_sectors(memory, 2879, 1);
	close_bench(&b);
}

/* What it cannot find, and why. */
static void test_not_found(void **state)
{
	static const struct {
		uint8_t command[9], result[7];
	} cases[] = {
		/* another cylinder, head, sector, size; no MFM; past the last sector */
		{{0x46, 0, 2, 0, 1, 2, 18, 27, 255}, {0x40, 0x04, 0x10, 2, 0, 1, 2}},
		{{0x46, 0, 0, 1, 1, 2, 18, 27, 255}, {0x40, 0x04, 0x00, 0, 1, 1, 2}},
		{{0x46, 4, 0, 0, 1, 2, 18, 27, 255}, {0x44, 0x04, 0x00, 0, 0, 1, 2}},
		{{0x46, 0, 0, 0, 19, 2, 18, 27, 255}, {0x40, 0x04, 0x00, 0, 0, 19, 2}},
		{{0x46, 0, 0, 0, 0, 2, 18, 27, 255}, {0x40, 0x04, 0x00, 0, 0, 0, 2}},
		{{0x46, 0, 0, 0, 1, 3, 18, 27, 255}, {0x40, 0x04, 0x00, 0, 0, 1, 3}},
		{{0x06, 0, 0, 0, 1, 2, 18, 27, 255}, {0x40, 0x01, 0x00, 0, 0, 1, 2}},
		{{0x46, 0, 0, 0, 18, 2, 36, 27, 255}, {0x40, 0x04, 0x00, 0, 0, 19, 2}},
		{{0x46, 1, 0, 0, 1, 2, 18, 27, 255}, {0x49, 0x01, 0x00, 0, 0, 1, 2}},
	};
	struct bench b;
	open_bench(&b);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		program_dma(&b, TO_MEMORY, 0x1000, 4096);
		give(&b, cases[i].command, 9);
		wait(&b);
		expect(&b, cases[i].result, 7);
	}
	/* Past the disk's cylinders; at another rate; no disk. */
	seek(&b, 81);
	GIVE(&b, 0x46, 0, 81, 0, 1, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x40, 0x01, 0, 81, 0, 1, 2);
	seek(&b, 0);
	out(&b.rig, CCR, 2);
	GIVE(&b, 0x46, 0, 0, 0, 1, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x40, 0x01, 0, 0, 0, 1, 2);
	GIVE(&b, 0x4a, 0);
	wait(&b);
	EXPECT(&b, 0x40, 0x01, 0, 0, 0, 0, 0);
	fdc_insert(b.fdc, 0, NULL);
	GIVE(&b, 0x4a, 4);
	wait(&b);
	assert_true(b.rig.line.level);
	EXPECT(&b, 0x4c, 0x01, 0, 0, 0, 0, 0);
	close_bench(&b);
}

static void test_ids_and_tracks(void **state)
{
	struct bench b;
	open_bench(&b);
	seek(&b, 40);
	for (unsigned i = 1; i <= 19; i++) {
		GIVE(&b, 0x4a, 0x04);
		wait(&b);
		EXPECT(&b, 0x04, 0, 0, 40, 1, i > 18 ? 1 : i, 2);
	}
	/* A track from its first sector on, whatever the ID. */
	program_dma(&b, TO_MEMORY, 0, 18 * 512);
	GIVE(&b, 0x42, 0x00, 40, 0, 1, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x00, 0, 0, 41, 0, 1, 2);
	assert_sectors(memory, 40 * 36, 18);
	memset(memory, 0, sizeof memory);
	program_dma(&b, TO_MEMORY, 0, 4 * 512);
	GIVE(&b, 0x42, 0x00, 40, 1, 1, 2, 4, 27, 255);
	wait(&b);
	EXPECT(&b, 0x40, 0x04, 0, 41, 1, 1, 2);
	assert_sectors(memory, 40 * 36, 4);
	close_bench(&b);
}

/* No sector is deleted: the command for those passes one on, or with SK none. */
static void test_deleted(void **state)
{
	struct bench b;
	open_bench(&b);
	program_dma(&b, TO_MEMORY, 0, 4 * 512);
	GIVE(&b, 0x4c, 0, 0, 0, 1, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x00, 0, 0x40, 0, 0, 1, 2);
	assert_sectors(memory, 0, 1);
	assert_int_equal(memory[512], 0);
	memset(memory, 0, sizeof memory);
	program_dma(&b, TO_MEMORY, 0, 4 * 512);
	GIVE(&b, 0x6c, 0, 0, 0, 1, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x40, 0x80, 0x40, 1, 0, 1, 2);
	assert_int_equal(memory[1], 0);
	memset(memory, 0x5a, 512);
	program_dma(&b, FROM_MEMORY, 0, 512);
	GIVE(&b, 0x49, 0, 0, 0, 3, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x00, 0, 0, 0, 0, 4, 2);
	assert_int_equal(image[2 * 512], 0x5a);
	close_bench(&b);
}

static void test_verify(void **state)
{
	static const struct {
		uint8_t command[9], result[7];
	} cases[] = {
		/* to the last sector; to that of head 1; a number of them; more than there are */
		{{0x56, 0, 0, 0, 1, 2, 18, 27, 255}, {0x00, 0, 0, 1, 0, 1, 2}},
		{{0xd6, 0, 0, 0, 1, 2, 18, 27, 255}, {0x00, 0, 0, 1, 0, 1, 2}},
		{{0xd6, 0x80, 0, 0, 17, 2, 18, 27, 4}, {0x04, 0, 0, 0, 1, 3, 2}},
		{{0x56, 0x80, 0, 0, 17, 2, 18, 27, 4}, {0x40, 0x80, 0, 1, 0, 1, 2}},
		{{0x56, 0, 0, 0, 18, 2, 19, 27, 255}, {0x40, 0x04, 0, 0, 0, 19, 2}},
	};
	struct bench b;
	open_bench(&b);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		give(&b, cases[i].command, 9);
		wait(&b);
		expect(&b, cases[i].result, 7);
	}
	image_error = -EIO;
	GIVE(&b, 0x56, 0, 0, 0, 1, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x40, 0x20, 0x20, 0, 0, 1, 2);
	close_bench(&b);
}

static void test_scans(void **state)
{
	static const struct {
		uint8_t command, first, result[7];
	} cases[] = {
		{0x51, 0x00, {0, 0, 0x08, 0, 0, 1, 2}}, /* sector 1 has these */
		{0x51, 0x01, {0, 0, 0x04, 0, 0, 2, 2}},
		{0x59, 0x01, {0, 0, 0x00, 0, 0, 1, 2}}, /* the disk's is lower */
		{0x5d, 0x01, {0, 0, 0x00, 0, 0, 2, 2}}, /* sector 2's is higher: 07h */
		{0x51, 0xff, {0, 0, 0x08, 0, 0, 1, 2}}, /* stands for any */
	};
	struct bench b;
	open_bench(&b);
	memset(image, 0, 512);
	memset(image + 512, 7, 512);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(memory, 0, 4096);
		memory[0] = cases[i].first;
		memory[512] = cases[i].first;
		program_dma(&b, FROM_MEMORY, 0, 4096);
		GIVE(&b, cases[i].command, 0, 0, 0, 1, 2, 2, 27, 1);
		wait(&b);
		expect(&b, cases[i].result, 7);
	}
	/* Every other sector: 1, 3, and no more. */
	memset(memory, 0, 4096);
	memset(image, 1, 4096);
	memset(image + 1024, 0, 512);
	program_dma(&b, FROM_MEMORY, 0, 4096);
	GIVE(&b, 0x51, 0, 0, 0, 1, 2, 4, 27, 2);
	wait(&b);
	EXPECT(&b, 0, 0, 0x08, 0, 0, 3, 2);
	image[1025] = 1;
	program_dma(&b, FROM_MEMORY, 0, 4096);
	GIVE(&b, 0x51, 0, 0, 0, 1, 2, 4, 27, 2);
	wait(&b);
	EXPECT(&b, 0, 0, 0x04, 0, 0, 3, 2);
	image[1025] = 0xff; /* of the disk's, too */
	program_dma(&b, FROM_MEMORY, 0, 4096);
	GIVE(&b, 0x51, 0, 0, 0, 1, 2, 4, 27, 2);
	wait(&b);
	EXPECT(&b, 0, 0, 0x08, 0, 0, 3, 2);
	close_bench(&b);
}

static void test_implied_seek(void **state)
{
	struct bench b;
	open_bench(&b);
	GIVE(&b, 0x13, 0, 0x70, 0);
	program_dma(&b, TO_MEMORY, 0, 512);
	GIVE(&b, 0x46, 0, 30, 0, 5, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x20, 0, 0, 30, 0, 6, 2);
	assert_sectors(memory, 30 * 36 + 4, 1);
	GIVE(&b, 0x08); /* there is no end of a seek to ask for */
	EXPECT(&b, 0x80);
	close_bench(&b);
}

/* A channel that the guest has not opened yet, or the gate, holds the transfer. */
static void test_held(void **state)
{
	struct bench b;
	open_bench(&b);
	program_dma(&b, TO_MEMORY, 0, 512);
	out(&b.rig, 0x0a, 0x06);
	GIVE(&b, 0x46, 0, 0, 0, 1, 2, 18, 27, 255);
	wait(&b);
	assert_int_equal(in(&b.rig, MSR), 0x10);
	out(&b.rig, 0x0a, 0x02);
	wait(&b);
	EXPECT(&b, 0, 0, 0, 0, 0, 2, 2);
	program_dma(&b, TO_MEMORY, 0, 512);
	out(&b.rig, DOR, 0x14);
	GIVE(&b, 0x46, 0, 0, 0, 1, 2, 18, 27, 255);
	wait(&b);
	assert_int_equal(in(&b.rig, MSR), 0x10);
	out(&b.rig, DOR, 0x1c);
	wait(&b);
	assert_true(b.rig.line.level);
	EXPECT(&b, 0, 0, 0, 0, 0, 2, 2);
	/* A reset ends it. */
	out(&b.rig, 0x0a, 0x06);
	GIVE(&b, 0x46, 0, 0, 0, 1, 2, 18, 27, 255);
	wait(&b);
	out(&b.rig, DOR, 0x18);
	out(&b.rig, DOR, 0x1c);
	wait(&b);
	sense(&b, 0xc0, 0);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset),          cmocka_unit_test(test_registers),
		cmocka_unit_test(test_configuration),  cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_seeks),          cmocka_unit_test(test_overlapped_seeks),
		cmocka_unit_test(test_read),           cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_ids_and_tracks), cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_verify),         cmocka_unit_test(test_scans),
		cmocka_unit_test(test_implied_seek),   cmocka_unit_test(test_held),
		cmocka_unit_test(test_past_the_track),
	};
	return cmocka_run_group_tests_name("fdc", tests, NULL, NULL);
}
