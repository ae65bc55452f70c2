/* links: devices */
/* The floppy controller: what it writes, transfers without DMA, images of all sizes, and whatever
 * a guest may do. */
#include "dev_fdc_fixture.h"

/* --- writing --- */

static void test_write(void **state)
{
	struct bench b;
	open_bench(&b);
	seek(&b, 2);
	for (unsigned i = 0; i < 700; i++)
		memory[i] = 0xa0 + i;
	memset(image, 0xee, sizeof image);
	program_dma(&b, FROM_MEMORY, 0, 700);
	GIVE(&b, 0xc5, 0, 2, 0, 18, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x04, 0, 0, 2, 1, 2, 2);
	const uint8_t *at = image + (2 * 36 + 17) * 512;
	assert_memory_equal(at, memory, 700);
	/* The rest of the sector is zeros. */
	for (unsigned i = 700; i < 1024; i++)
		assert_int_equal(at[i], 0);
	assert_int_equal(at[-1], 0xee);
	assert_int_equal(at[1024], 0xee);
	/* Errors are the guest's, and the machine's. */
	image_error = -ENOSPC;
	program_dma(&b, FROM_MEMORY, 0, 512);
	GIVE(&b, 0xc5, 0, 2, 0, 18, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x40, 0x02, 0, 2, 0, 18, 2);
	assert_int_equal(errors, 1);
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(error_drive, 0);
	assert_true(error_of_write);
	image_error = -EIO;
	program_dma(&b, TO_MEMORY, 0, 512);
	GIVE(&b, 0xc6, 0, 2, 0, 18, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x40, 0x20, 0x20, 2, 0, 18, 2);
	assert_int_equal(errors, 2);
	assert_int_equal(error, -EIO);
	close_bench(&b);
}

static void test_protected(void **state)
{
	struct bench b;
	open_bench(&b);
	put_in(&b, 1440 << 10, true);
	GIVE(&b, 0x04, 0);
	EXPECT(&b, 0x78);
	uint8_t before = image[0];
	program_dma(&b, FROM_MEMORY, 0, 512);
	GIVE(&b, 0xc5, 0, 0, 0, 1, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x40, 0x02, 0, 0, 0, 1, 2);
	GIVE(&b, 0x4d, 0, 2, 18, 27, 0xf6);
	wait(&b);
	EXPECT(&b, 0x40, 0x02, 0, 0, 0, 0, 0);
	assert_int_equal(image[0], before);
	assert_int_equal(errors, 0);
	close_bench(&b);
}

static void test_format(void **state)
{
	struct bench b;
	open_bench(&b);
	seek(&b, 79);
	for (unsigned i = 0; i < 18; i++)
		memcpy(memory + 4 * i, (const uint8_t[]){79, 1, i + 1, 2}, 4);
	program_dma(&b, FROM_MEMORY, 0, 72);
	GIVE(&b, 0x4d, 0x04, 2, 18, 27, 0xf6);
	wait(&b);
	EXPECT(&b, 0x04, 0, 0, 79, 1, 18, 2);
	assert_int_equal(image[(79 * 36 + 18) * 512 - 1], byte_of(79 * 36 + 17, 511));
	for (unsigned i = (79 * 36 + 18) * 512; i < 1440 << 10; i++)
		assert_int_equal(image[i], 0xf6);
	assert_int_equal(image[1440 << 10], byte_of(2880, 0));
	/* An ID that the disk's format has not. */
	memory[7 * 4 + 2] = 19;
	program_dma(&b, FROM_MEMORY, 0, 72);
	GIVE(&b, 0x4d, 0x04, 2, 18, 27, 0xf6);
	wait(&b);
	EXPECT(&b, 0x44, 0x04, 0, 79, 1, 19, 2);
	close_bench(&b);
}

/* --- without DMA --- */

static void test_bytes(void **state)
{
	struct bench b;
	open_bench(&b);
	struct rig *r = &b.rig;
	GIVE(&b, 0x03, 0xdf, 0x03);
	GIVE(&b, 0x46, 0, 0, 0, 1, 2, 2, 27, 255);
	assert_int_equal(in(r, MSR), 0x30);
	unsigned edges = r->line.edges;
	for (unsigned i = 0; i < 1024; i++) {
		if (i % 512 == 0)
			wait(&b);
		assert_true(r->line.level);
		assert_int_equal(in(r, MSR), 0xf0);
		memory[i] = in(r, FIFO);
	}
	/* One for each, and one at the end. */
	assert_int_equal(r->line.edges - edges, 1025);
	assert_sectors(memory, 0, 2);
	assert_true(r->line.level);
	EXPECT(&b, 0x40, 0x80, 0, 1, 0, 1, 2);
	assert_false(r->line.level);
	GIVE(&b, 0x45, 0, 0, 0, 4, 2, 4, 27, 255);
	wait(&b);
	for (unsigned i = 0; i < 512; i++) {
		assert_int_equal(in(r, MSR), 0xb0);
		out(r, FIFO, i ^ 0x55);
	}
	EXPECT(&b, 0x40, 0x80, 0, 1, 0, 1, 2);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(image[3 * 512 + i], (i ^ 0x55) & 0xff);
	close_bench(&b);
}

/* Saved within a track that is read, and after a seek that the command implied. */
static void test_saved(void **state)
{
	struct bench b, other;
	size_t size;
	open_bench(&b);
	GIVE(&b, 0x13, 0, 0x70, 0);
	GIVE(&b, 0x03, 0xdf, 0x03);
	GIVE(&b, 0x42, 0, 30, 0, 1, 2, 2, 27, 255);
	for (unsigned i = 0; i < 600; i++) {
		if (i % 512 == 0)
			wait(&b);
		memory[i] = in(&b.rig, FIFO);
	}
	assert_sectors(memory, 30 * 36, 1);
	struct archive *saves = archive_create();
	archive_section(saves, "fdc");
	fdc_type.state(b.fdc, saves);
	const void *saved = archive_bytes(saves, &size);
	struct archive *loads = archive_open(saved, size);
	open_bench(&other);
	archive_section(loads, "fdc");
	fdc_type.state(other.fdc, loads);
	assert_null(archive_problem(loads));
	assert_true(other.rig.line.level);
	assert_int_equal(in(&other.rig, MSR), 0xf0);
	for (unsigned i = 600; i < 1024; i++)
		memory[i] = in(&other.rig, FIFO);
	for (unsigned i = 600; i < 1024; i++)
		assert_int_equal(memory[i], byte_of(30 * 36 + 1, i - 512));
	EXPECT(&other, 0x60, 0x80, 0, 31, 0, 1, 2);
	archive_destroy(loads);
	archive_destroy(saves);
	close_bench(&other);
	close_bench(&b);
}

/* --- images --- */

static void test_formats(void **state)
{
	static const struct {
		uint64_t bytes;
		unsigned kib, sectors; /* 0: none */
		enum floppy_kind kind; /* of the drive */
		unsigned told;         /* sectors, by the boot record */
	} cases[] = {
		{160 << 10, 160, 8, FLOPPY_NONE, 0},
		{180 << 10, 180, 9, FLOPPY_NONE, 0},
		{320 << 10, 320, 8, FLOPPY_NONE, 0},
		{360 << 10, 360, 9, FLOPPY_NONE, 0},
		{640 << 10, 640, 8, FLOPPY_NONE, 0},
		{720 << 10, 720, 9, FLOPPY_NONE, 0},
		{1200 << 10, 1200, 15, FLOPPY_NONE, 0},
		{1440 << 10, 1440, 18, FLOPPY_NONE, 0},
		{2880 << 10, 2880, 36, FLOPPY_NONE, 0},
		{512, 2880, 36, FLOPPY_NONE, 0},
		{1296384, 2880, 36, FLOPPY_NONE, 0},
		{(1440 << 10) + 512, 2880, 36, FLOPPY_NONE, 0},
		/* parts of disks: in smaller drives; by their boot record, which says nothing of whole ones */
		{512, 1440, 18, FLOPPY_1440K, 0},
		{512, 1200, 15, FLOPPY_1200K, 0},
		{512, 720, 9, FLOPPY_720K, 0},
		{512, 360, 9, FLOPPY_360K, 0},
		{512, 1440, 18, FLOPPY_NONE, 2880},
		{512, 320, 8, FLOPPY_NONE, 640},
		{512, 640, 8, FLOPPY_NONE, 1280},
		{(1440 << 10) + 512, 1440, 18, FLOPPY_NONE, 2880},
		{1440 << 10, 1440, 18, FLOPPY_NONE, 5760},
		{512, 1440, 18, FLOPPY_1440K, 5760},
		{512, 2880, 36, FLOPPY_NONE, 2881},
		/* what does not fit the drive */
		{1440 << 10, 0, 0, FLOPPY_720K, 0},
		{360 << 10, 0, 0, FLOPPY_2880K, 0},
		{(1440 << 10) + 512, 0, 0, FLOPPY_1440K, 0},
		{0, 0, 0, FLOPPY_NONE, 0},
		{511, 0, 0, FLOPPY_NONE, 0},
		{(2880 << 10) + 512, 0, 0, FLOPPY_NONE, 0},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct floppy_format *f =
			floppy_format_of(cases[i].kind, cases[i].bytes, cases[i].told);
		assert_int_equal(f ? f->kib : 0, cases[i].kib);
		if (!f)
			continue;
		assert_int_equal(f->sectors, cases[i].sectors);
		assert_int_equal(f->kib * 2, f->cylinders * f->heads * f->sectors);
		assert_ptr_equal(floppy_format_of(f->drive, (uint64_t)f->kib << 10, 0), f);
	}
}

static void test_boot_record(void **state)
{
	uint8_t boot[FLOPPY_SECTOR] = {
		[0x0b] = 0, 2, [0x13] = 2880 & 0xff, 2880 >> 8, [0x18] = 18, 0, 2, 0};
	assert_int_equal(floppy_sectors_of(boot), 2880);
	/* Each byte of these counts. */
	static const uint8_t fields[] = {0x0b, 0x0c, 0x13, 0x14, 0x18, 0x19, 0x1a, 0x1b};
	for (unsigned i = 0; i < sizeof fields; i++) {
		boot[fields[i]] ^= 1;
		assert_int_equal(floppy_sectors_of(boot), 0);
		boot[fields[i]] ^= 1;
	}
}

/* Past a short image's end there are zeros, and nothing can be written. */
static void test_short_image(void **state)
{
	struct bench b;
	open_bench(&b);
	put_in(&b, 1024, false);
	memset(memory, 0x11, sizeof memory);
	program_dma(&b, TO_MEMORY, 0, 1536);
	GIVE(&b, 0x46, 0, 0, 0, 1, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0, 0, 0, 0, 0, 4, 2);
	assert_sectors(memory, 0, 2);
	for (unsigned i = 1024; i < 1536; i++)
		assert_int_equal(memory[i], 0);
	assert_int_equal(memory[1536], 0x11);
	program_dma(&b, FROM_MEMORY, 0, 1024);
	GIVE(&b, 0x45, 0, 0, 0, 2, 2, 18, 27, 255);
	wait(&b);
	EXPECT(&b, 0x40, 0x02, 0, 0, 0, 3, 2);
	assert_int_equal(errors, 1);
	close_bench(&b);
}

/* --- a medium that takes its time --- */

static void test_slow_medium(void **state)
{
	struct bench b;
	open_bench(&b);
	struct rig *r = &b.rig;
	seek(&b, 0);
	/* A write: busy until the medium is done, whatever time passes. */
	memset(memory, 0x3c, FLOPPY_SECTOR);
	program_dma(&b, FROM_MEMORY, 0, FLOPPY_SECTOR);
	image_held = true;
	GIVE(&b, 0x45, 0, 0, 0, 5, 2, 5, 0x1b, 0xff);
	wait(&b);
	wait(&b);
	assert_int_equal(in(r, MSR), 0x10);
	assert_false(r->line.level);
	image_held = false;
	image_settle(image_request);
	assert_true(r->line.level);
	EXPECT(&b, 0, 0, 0, 1, 0, 1, 2);
	assert_int_equal(image[4 * FLOPPY_SECTOR], 0x3c);
	/* A read of two sectors, the first of them slow: the rest follows. */
	program_dma(&b, TO_MEMORY, 0, 2 * FLOPPY_SECTOR);
	image_held = true;
	GIVE(&b, 0x46, 0, 0, 0, 5, 2, 6, 0x1b, 0xff);
	wait(&b);
	image_held = false;
	image_settle(image_request);
	EXPECT(&b, 0, 0, 0, 1, 0, 1, 2);
	assert_int_equal(memory[FLOPPY_SECTOR - 1], 0x3c);
	assert_int_equal(memory[FLOPPY_SECTOR], byte_of(5, 0));
	/* What a reset has ended does nothing when it is done. */
	program_dma(&b, TO_MEMORY, 0, FLOPPY_SECTOR);
	image_held = true;
	GIVE(&b, 0x46, 0, 0, 0, 7, 2, 7, 0x1b, 0xff);
	wait(&b);
	struct medium_request *late = image_request;
	out(r, DOR, 0x18);
	out(r, DOR, 0x1c);
	wait(&b);
	image_held = false;
	image_settle(late);
	assert_int_equal(in(r, MSR), 0x80);
	sense(&b, 0xc0, 0);
	close_bench(&b);
}

/* --- whatever a guest may do --- */

static void test_hostile(void **state)
{
	static const uint16_t ports[] = {DOR, 0x3f3, DSR, CCR, 0x04, 0x05, 0x0a, 0x0b, 0x0c, 0x0f};
	static const uint8_t firsts[] = {0x46, 0xe6, 0x45, 0x4d, 0x4a, 0x42, 0x56, 0x51, 0x59,
	                                 0x5d, 0x4c, 0x6c, 0x07, 0x0f, 0x08, 0x03, 0x13, 0xcf};
	static const uint8_t rest[] = {0, 0, 0, 1, 2, 18, 27, 1};
	uint64_t seed = 1;
	unsigned results = 0, given = 0;
	struct bench b;
	open_bench(&b);
	image_uses = 0;
	fdc_set_drive(b.fdc, 1, FLOPPY_1440K);
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		uint32_t v = seed >> 33;
		uint8_t value = v >> 8, status = in(&b.rig, MSR);
		if (v % 256 == 0) {
			out(&b.rig, ports[value % 10], v >> 16);
		} else if (v % 256 == 1) {
			out(&b.rig, DOR, 0x1c);
			out(&b.rig, CCR, 0);
			program_dma(&b, v & 0x100 ? TO_MEMORY : FROM_MEMORY, 0, v >> 9 & 0x1fff);
		} else if (v % 1024 == 2) {
			put_in(&b, (uint64_t)(v >> 17) % 5761 * 512, v >> 30 & 1);
		} else if (v % 1024 == 258) {
			fdc_insert(b.fdc, 0, NULL);
		} else if (v % 64 < 16) {
			rig_until(&b.rig, b.rig.now + (1u << (v >> 16) % 24));
		} else if ((status & 0xc0) == 0xc0) {
			results += in(&b.rig, FIFO) != 0x80;
		} else if (!(status & 0x10)) {
			out(&b.rig, FIFO, firsts[value % 18]);
			given = 0;
		} else {
			out(&b.rig, FIFO, v >> 16 & 15 ? rest[given++ % 8] : value);
		}
		in(&b.rig, v & 0x8000 ? DIR : 0x08);
	}
	assert_true(results > 5000 && image_uses > 500);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),       cmocka_unit_test(test_protected),
		cmocka_unit_test(test_format),      cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_saved),       cmocka_unit_test(test_formats),
		cmocka_unit_test(test_boot_record), cmocka_unit_test(test_short_image),
		cmocka_unit_test(test_slow_medium), cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests_name("fdc write", tests, NULL, NULL);
}
