/* links: machine */
#include "loader_fixture.h"

enum { SETUP = 5 * 512, PAYLOAD = 100000 };

/* A bzImage of four setup sectors, which says what the boot protocol asks for. */
static struct blob image(void)
{
	struct blob b = {calloc(1, SETUP + PAYLOAD), SETUP + PAYLOAD};
	b.data[0x1f1] = 4;
	put32(b.data, 0x1f4, PAYLOAD / 16);
	put16(b.data, 0x1fe, 0xaa55);
	b.data[0x201] = 0x6a; /* the header ends at 26Ch */
	memcpy(b.data + 0x202, "HdrS", 4);
	put16(b.data, 0x206, 0x20f);
	b.data[0x211] = 1;
	put32(b.data, 0x214, 0x100000);
	put32(b.data, 0x22c, 0x7fffffff);
	put32(b.data, 0x238, 255);
	put32(b.data, 0x258, 0x1000000);
	put32(b.data, 0x260, 0x400000);
	b.data[0x280] = 0x77; /* behind the header: code */
	for (unsigned i = 0; i < PAYLOAD; i++)
		b.data[SETUP + i] = i * 7;
	/* What is handed on or over, and may not spread. */
	memset(b.data + 0x1f8, 0x5a, 6);
	b.data[0x20d] = 0x5b;
	memset(b.data + 0x212, 0x5c, 2);
	memset(b.data + 0x220, 0x5d, 4);
	memset(b.data + 0x226, 0x5e, 2);
	memset(b.data + 0x230, 0x5f, 8);
	return b;
}

static void test_boots(void **state)
{
	struct pc pc;
	pc_open(&pc, 64);
	struct boot_module initrd = {"initrd", {calloc(1, 5000), 5000}};
	memset(initrd.data.data, 0xee, 5000);
	struct boot_request r = {"vmlinuz", image(), "console=ttyS0", &initrd, 1};
	assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));

	assert_int_equal(pc.entry.eip, 0x100000);
	assert_int_equal(pc.entry.esi, BOOT_INFO);
	assert_int_equal(pc.entry.ebx, 0);
	assert_memory_equal(pc.bytes + 0x100000, r.kernel.data + SETUP, PAYLOAD);

	/* The zero page: the header as it was, what a loader fills in, and nothing else. */
	uint8_t want[4096] = {0};
	uint32_t at = (64 << 20) - 8192; /* as high as it goes, page-aligned */
	static const struct e820_entry
		map[] =
			{
				{0, 0x9fc00, 1},
				{0x9fc00, 0x400, 2}, /* the EBDA: to the end of conventional memory */
				{0xf0000, 0x10000, 2},
				{0x100000, 63 << 20, 1},
				{64 << 20, 0x20000, 2},
			};
	memcpy(want + 0x1f1, r.kernel.data + 0x1f1, 0x26c - 0x1f1);
	put16(want, 0x002, 63 << 10);
	put32(want, 0x1e0, 63 << 10);
	/* Text: mode 3, 80x25, a VGA with 256 KiB, rows of 16. */
	want[0x006] = 3;
	want[0x007] = 80;
	want[0x00a] = 3;
	want[0x00e] = 25;
	want[0x00f] = 1;
	want[0x010] = 16;
	want[0x1e8] = 5;
	memcpy(want + 0x2d0, map, sizeof map);
	want[0x210] = 0xff;
	want[0x211] = 0x81;
	put16(want, 0x224, 0xfc00);
	put32(want, 0x214, 0x100000);
	put32(want, 0x218, at);
	put32(want, 0x21c, 5000);
	put32(want, 0x228, BOOT_CMDLINE);
	assert_memory_equal(pc.bytes + pc.entry.esi, want, sizeof want);
	assert_string_equal((char *)pc.bytes + BOOT_CMDLINE, "console=ttyS0");
	assert_int_equal(pc.bytes[BOOT_CMDLINE + 14], 0xcc);
	assert_memory_equal(pc.bytes + at, initrd.data.data, 5000);
	assert_int_equal(pc.bytes[at + 5000], 0xcc);
	assert_int_equal(pc.bytes[at - 1], 0xcc);

	/* Selectors 10h and 18h are flat in the GDT that it is handed. */
	const uint64_t *gdt = (const void *)(pc.bytes + pc.entry.gdt_base);
	assert_int_equal(pc.entry.gdt_limit, 31);
	assert_int_equal(gdt[2], 0x00cf9b000000ffff);
	assert_int_equal(gdt[3], 0x00cf93000000ffff);
	free(initrd.data.data);
	pc_close(&pc, &r.kernel);
}

/* A screen of pixels: where, how large, and which bits are which colour. */
static void test_frame_buffer(void **state)
{
	static const uint8_t colours[] = {8, 16, 8, 8, 8, 0, 8, 24};
	struct pc pc;
	pc_open(&pc, 32);
	struct boot_request r = {"vmlinuz", image(), "", NULL, 0};
	pc.entry.screen = (struct boot_screen){1280, 720, 0xfd000000, 16 << 20};
	assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_int_equal(pc.entry.screen.width, 1280);
	assert_int_equal(pc.entry.screen.height, 720);
	const uint8_t *zero = pc.bytes + BOOT_INFO;
	assert_int_equal(zero[0x00f], 0x23); /* VIDEO_TYPE_VLFB */
	assert_int_equal(get16(zero, 0x012), 1280);
	assert_int_equal(get16(zero, 0x014), 720);
	assert_int_equal(get16(zero, 0x016), 32);
	assert_int_equal(get32(zero, 0x018), 0xfd000000);
	assert_int_equal(get32(zero, 0x01c), 256);
	assert_int_equal(get16(zero, 0x024), 5120);
	assert_memory_equal(zero + 0x026, colours, sizeof colours);
	for (unsigned at = 0x02e; at < 0x1e0; at++)
		assert_int_equal(zero[at], 0);
	pc_close(&pc, &r.kernel);
}

static void test_initrd_heeds_the_kernel_s_limit(void **state)
{
	static const struct {
		uint32_t max, size, at;
	} cases[] = {
		{0x1ffffff, 5000, 0x1ffe000},  {0x1ffffff, 4096, 0x1fff000},
		{0x1ffffff, 4097, 0x1ffe000},  {0x1ffffff, 1, 0x1fff000},
		{0x2000000, 4096, 0x1fff000},  {0x2000000, 4097, 0x1fff000},
		{0x1fffffe, 4096, 0x1ffe000},  {0x3fffffe, 4096, 0x3ffe000},
		{0x3ffffff, 4096, 0x3fff000},  {0x4000000, 4096, 0x3fff000},
		{0xffffffff, 4096, 0x3fff000},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pc pc;
		pc_open(&pc, 64);
		struct boot_module initrd = {"initrd", {calloc(1, 5000), cases[i].size}};
		struct boot_request r = {"vmlinuz", image(), "", &initrd, 1};
		put32(r.kernel.data, 0x22c, cases[i].max);
		assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
		assert_int_equal(get32(pc.bytes + BOOT_INFO, 0x218), cases[i].at);
		assert_int_equal(get32(pc.bytes + BOOT_INFO, 0x21c), cases[i].size);
		free(initrd.data.data);
		pc_close(&pc, &r.kernel);
	}
}

static void test_initrd_that_does_not_fit(void **state)
{
	struct pc pc;
	pc_open(&pc, 32);
	/* 32 MiB less 20 MiB where the kernel unpacks itself */
	struct boot_module initrd = {"big.gz", {calloc(1, 12 << 20), (12 << 20) + 1}};
	struct boot_request r = {"vmlinuz", image(), "", &initrd, 1};
	assert_false(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_problem(&pc, "initrd big.gz:",
	               " 12288 KiB do not fit beside the kernel in 32 MiB of memory");
	initrd.data.size--;
	pc.problem.text[0] = 0;
	assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_int_equal(get32(pc.bytes + BOOT_INFO, 0x218), 20 << 20);
	free(initrd.data.data);
	pc_close(&pc, &r.kernel);
}

/* Before 2.04 the size has 16 bits and is not to be relied on: the payload is the rest of
 * the file (boot.rst, "syssize").  From 2.04 on what follows it is not loaded. */
static void test_size_of_the_payload(void **state)
{
	static const struct {
		uint16_t version;
		uint32_t syssize;
		size_t cut, loaded;
	} cases[] = {
		{0x203, 0x4000, 0, PAYLOAD},
		{0x203, 0, 0, PAYLOAD},
		{0x203, 0x03050010, 0, PAYLOAD}, /* 1F6h is swap_dev */
		{0x203, 0, PAYLOAD - 1, 1},
		{0x204, PAYLOAD / 16, 0, PAYLOAD},
		{0x204, PAYLOAD / 16 - 1, 0, PAYLOAD - 16},
		{0x204, PAYLOAD / 16, 15,
	         PAYLOAD - 15}, /* paragraphs: the last need not be whole */
		{0x204, 1, PAYLOAD - 1, 1},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pc pc;
		pc_open(&pc, 32);
		struct boot_request r = {"vmlinuz", image(), "", NULL, 0};
		put16(r.kernel.data, 0x206, cases[i].version);
		put32(r.kernel.data, 0x1f4, cases[i].syssize);
		r.kernel.size -= cases[i].cut;
		assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
		assert_memory_equal(pc.bytes + 0x100000, r.kernel.data + SETUP, cases[i].loaded);
		assert_int_equal(pc.bytes[0x100000 + cases[i].loaded], 0xcc);
		pc_close(&pc, &r.kernel);
	}
}

static void test_four_setup_sectors_if_none_are_said(void **state)
{
	struct pc pc;
	pc_open(&pc, 32);
	struct boot_request r = {"vmlinuz", image(), "", NULL, 0};
	r.kernel.data[0x1f1] = 0;
	assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_memory_equal(pc.bytes + 0x100000, r.kernel.data + SETUP, PAYLOAD);
	pc_close(&pc, &r.kernel);
}

/* Memory above 1 MiB in KiB: the older field has room for 63 MiB. */
static void test_sizes_of_memory(void **state)
{
	static const unsigned mib[] = {63, 64, 65, 128};
	for (unsigned i = 0; i < sizeof mib / sizeof *mib; i++) {
		struct pc pc;
		pc_open(&pc, mib[i]);
		struct boot_request r = {"vmlinuz", image(), "", NULL, 0};
		assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
		const uint8_t *zero = pc.bytes + pc.entry.esi;
		unsigned kib = (mib[i] - 1) << 10;
		assert_int_equal(get32(zero, 0x1e0), kib);
		assert_int_equal(zero[0x002] | zero[0x003] << 8, kib < 0xfc00 ? kib : 0xfc00);
		pc_close(&pc, &r.kernel);
	}
}

/* The longest that the kernel says it takes: 255 before 2.06. */
static void test_command_line(void **state)
{
	static const struct {
		uint16_t version;
		uint32_t most, taken;
	} cases[] = {
		{0x205, 2047, 255},
		{0x206, 255, 255},
		{0x206, 2047, 2047},
		{0x206, UINT32_MAX, BOOT_CMDLINE_MAX - 1},
	};
	char *line = malloc(BOOT_CMDLINE_MAX + 1);
	for (unsigned i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		struct pc pc;
		pc_open(&pc, 32);
		struct boot_request r = {"vmlinuz", image(), line, NULL, 0};
		size_t length = cases[i / 2].taken + i % 2;
		memset(line, 'a', length);
		line[length] = 0;
		put16(r.kernel.data, 0x206, cases[i / 2].version);
		put32(r.kernel.data, 0x238, cases[i / 2].most);
		assert_int_equal(boot_load(&pc.ram, &r, &pc.entry, &pc.problem), i % 2 == 0);
		if (i % 2)
			assert_problem(&pc, "--append", "characters");
		else
			assert_string_equal((char *)pc.bytes + BOOT_CMDLINE, line);
		pc_close(&pc, &r.kernel);
	}
	free(line);
}

/* A header that goes on, or says so, beyond what is known of it ends at 290h. */
static void test_header_s_end(void **state)
{
	static const uint8_t lengths[] = {0x6a, 0x8d, 0x8e, 0x8f, 0xff};
	for (unsigned i = 0; i < sizeof lengths; i++) {
		struct pc pc;
		pc_open(&pc, 32);
		struct boot_request r = {"vmlinuz", image(), "", NULL, 0};
		r.kernel.data[0x201] = lengths[i];
		memset(r.kernel.data + 0x26c, 0x77, 0x100);
		assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
		const uint8_t *zero = pc.bytes + BOOT_INFO;
		unsigned end = 0x202 + lengths[i] < 0x290 ? 0x202 + lengths[i] : 0x290;
		assert_int_equal(zero[end - 1], lengths[i] == 0x6a ? 0 : 0x77);
		for (unsigned at = end; at < 0x2d0; at++)
			assert_int_equal(zero[at], 0);
		pc_close(&pc, &r.kernel);
	}
}

/* Memory that just holds the kernel, or the place that it unpacks itself to. */
static void test_room(void **state)
{
	enum { UNPACKED = 0x1400000 };
	static const struct {
		uint16_t version;
		uint32_t memory_mib, initrd, at; /* 0: it does not fit */
	} cases[] = {
		{0x20a, 32, (32 << 20) - UNPACKED, UNPACKED},
		{0x20a, 32, (32 << 20) - UNPACKED + 1, 0},
		{0x20a, 20, 0, 1},
		{0x20a, 20, 1, 0},
		/* Before 2.10 nothing is said. */
		{0x209, 32, (32 << 20) - 0x119000, 0x119000},
		{0x209, 32, (32 << 20) - 0x119000 + 1, 0},
	};
	struct boot_module initrd = {"initrd", {calloc(1, 32 << 20), 0}};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pc pc;
		pc_open(&pc, cases[i].memory_mib);
		struct boot_request r = {"vmlinuz", image(), "", &initrd, 1};
		initrd.data.size = cases[i].initrd;
		put16(r.kernel.data, 0x206, cases[i].version);
		assert_int_equal(boot_load(&pc.ram, &r, &pc.entry, &pc.problem), cases[i].at != 0);
		if (!cases[i].at)
			assert_problem(&pc, "initrd initrd",
			               "KiB do not fit beside the kernel in ");
		else if (cases[i].initrd)
			assert_int_equal(get32(pc.bytes + BOOT_INFO, 0x218), cases[i].at);
		pc_close(&pc, &r.kernel);
	}
	free(initrd.data.data);

	/* It could only halt, or reset for ever. */
	struct pc low;
	pc_open(&low, 19);
	struct boot_request wants = {"vmlinuz", image(), "", NULL, 0};
	assert_false(boot_load(&low.ram, &wants, &low.entry, &low.problem));
	/* Up to 20 MiB, and what firmware has kept. */
	assert_problem(&low, "kernel vmlinuz", "needs 21 MiB of memory, there are 19");
	pc_close(&low, &wants.kernel);

	struct blob large = {calloc(1, SETUP + (3 << 20) + 16), SETUP + (3 << 20) + 16};
	struct blob small = image();
	memcpy(large.data, small.data, SETUP);
	blob_free(&small);
	for (unsigned more = 0; more < 2; more++) {
		struct pc pc;
		pc_open(&pc, 4);
		struct boot_request r = {"vmlinuz", large, "", NULL, 0};
		put16(r.kernel.data, 0x206, 0x209); /* where it unpacks itself is not said */
		put32(r.kernel.data, 0x1f4, (3 << 16) + more);
		assert_int_equal(boot_load(&pc.ram, &r, &pc.entry, &pc.problem), !more);
		if (more)
			assert_problem(&pc, "kernel vmlinuz",
			               "3072 KiB do not fit in 4 MiB of memory");
		free(pc.bytes);
	}
	blob_free(&large);
}

static void test_gzip(void **state)
{
	struct pc pc;
	pc_open(&pc, 64);
	struct blob plain = image();
	struct boot_request r = {"vmlinuz.gz", gzip(&plain), "", NULL, 0};
	assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_memory_equal(pc.bytes + 0x100000, plain.data + SETUP, PAYLOAD);
	blob_free(&plain);
	pc_close(&pc, &r.kernel);
}

static void refuse(struct blob kernel, const char *cmdline, const char *reason)
{
	struct pc pc;
	pc_open(&pc, 64);
	struct boot_request r = {"some-kernel", kernel, cmdline, NULL, 0};
	assert_false(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_problem(&pc, reason[0] == '-' ? "append" : "some-kernel", reason);
	pc_close(&pc, &r.kernel);
}

static void test_bad_images(void **state)
{
	struct blob b = image();
	b.size = SETUP + PAYLOAD - 16;
	refuse(b, "", "truncated");
	b = image();
	b.size = 0x210;
	refuse(b, "", "truncated");
	b = image();
	put32(b.data, 0x1f4, 0);
	refuse(b, "", "truncated");
	b = image();
	put16(b.data, 0x206, 0x202);
	refuse(b, "", "protocol");
	b = image();
	b.data[0x211] = 0;
	refuse(b, "", "protocol");
	b = image();
	b.data[0x202] = 0;
	refuse(b, "", "neither");
	b = image();
	b.data[0x205] = 0;
	refuse(b, "", "neither");
	b = image();
	put16(b.data, 0x1fe, 0xaa54);
	refuse(b, "", "neither");
	b = image();
	b.size = 0x205;
	refuse(b, "", "neither");
	b = image();
	b.size = 0x206;
	refuse(b, "", "truncated");
	b = image();
	b.size = 0x28f;
	refuse(b, "", "truncated");
	refuse((struct blob){calloc(1, 1), 0}, "", "empty");
	b = image();
	b.size = SETUP + PAYLOAD - 16;
	put32(b.data, 0x1f4, PAYLOAD / 16 + (1u << 16)); /* all of its bits count */
	refuse(b, "", "truncated");
	b = image();
	put16(b.data, 0x206, 0x203);
	b.size = SETUP;
	refuse(b, "", "truncated");

	struct blob plain = image(), packed = gzip(&plain);
	packed.size /= 2;
	refuse(packed, "", "truncated gzip");
	packed = gzip(&plain);
	packed.data[packed.size / 2] ^= 0xff;
	packed.data[packed.size - 6] ^= 0xff; /* its CRC: damage is certain */
	refuse(packed, "", "damaged gzip");
	blob_free(&plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boots),
		cmocka_unit_test(test_frame_buffer),
		cmocka_unit_test(test_initrd_heeds_the_kernel_s_limit),
		cmocka_unit_test(test_initrd_that_does_not_fit),
		cmocka_unit_test(test_size_of_the_payload),
		cmocka_unit_test(test_four_setup_sectors_if_none_are_said),
		cmocka_unit_test(test_sizes_of_memory),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_header_s_end),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_bad_images),
	};
	return cmocka_run_group_tests_name("loader_linux", tests, NULL, NULL);
}
