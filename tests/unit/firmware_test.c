/* links: machine */
/* What a kernel finds in the devices and in low memory. */
#include "dev_fixture.h"
#include "loader_fixture.h"

#include "machine/firmware.h"
#include "machine/smbios.h"

static uint8_t byte(struct board *b, uint16_t port)
{
	return board_in(b, port, 1);
}

static void give(struct board *b, uint16_t port, uint8_t v)
{
	board_out(b, port, 1, v);
}

static struct board *open_board(struct rig *r, uint64_t ram_bytes)
{
	rig_open(r);
	struct board *b = board_create(&(struct board_config){.clock = r->clock, .day_ns = 1});
	firmware_devices(
		b, &(struct firmware_config){.ram_bytes = ram_bytes, .cpu = cpu_model_default()});
	return b;
}

static void close_board(struct rig *r, struct board *b)
{
	board_destroy(b);
	rig_close(r);
}

static unsigned cmos(struct board *b, uint8_t at, unsigned size)
{
	unsigned v = 0;
	for (unsigned i = 0; i < size; i++) {
		give(b, 0x70, at + i);
		v |= byte(b, 0x71) << 8 * i;
	}
	return v;
}

/* Interrupts: vectors 08h and 70h; the tick comes 55 ms after the start, as vector 08h. */
static void test_interrupts(void **state)
{
	struct rig r;
	struct board *b = open_board(&r, 64 << 20);
	assert_int_equal(byte(b, 0x21), 0xb8);
	assert_int_equal(byte(b, 0xa1), 0x8e);
	assert_false(board_intr(b));
	rig_until(&r, 54900000);
	assert_false(board_intr(b));
	rig_until(&r, 54950000);
	assert_true(board_intr(b));
	assert_int_equal(board_ack(b), 0x08);
	give(b, 0x20, 0x0b);
	assert_int_equal(byte(b, 0x20), 0x01); /* in service until its EOI */
	give(b, 0x20, 0x20);
	assert_int_equal(byte(b, 0x20), 0x00);
	assert_false(board_intr(b));
	/* The clock's periodic interrupt: the slave. */
	give(b, 0x70, 0x0b);
	give(b, 0x71, 0x42);
	rig_until(&r, r.now + 1000000);
	assert_true(board_intr(b));
	assert_int_equal(board_ack(b), 0x70);
	give(b, 0xa0, 0x0b);
	assert_int_equal(byte(b, 0xa0), 0x01);
	close_board(&r, b);
}

static uint8_t status(struct board *b, unsigned counter)
{
	give(b, 0x43, 0xe0 | 2 << counter);
	return byte(b, 0x40 + counter);
}

static void test_timer(void **state)
{
	struct rig r;
	struct board *b = open_board(&r, 64 << 20);
	rig_until(&r, 1000000);
	assert_int_equal(status(b, 0), 0xb6); /* OUT high, mode 3 */
	assert_int_equal(status(b, 1) & 0x7f, 0x14);
	assert_int_equal(status(b, 2) & 0x7f, 0x36);
	assert_int_equal(byte(b, 0x61) & 0x0f, 0); /* silent */
	/* 1192 ticks after their start; counter 2's gate is off. */
	static const unsigned counts[] = {0x10000 - 2 * 1192, 18 - 1192 % 18, 0x0532};
	for (unsigned i = 0; i < 3; i++) {
		give(b, 0x43, i << 6);
		unsigned count = byte(b, 0x40 + i);
		if (i != 1)
			count |= byte(b, 0x40 + i) << 8;
		assert_int_equal(count, counts[i]);
	}
	close_board(&r, b);
}

static void test_keyboard(void **state)
{
	struct rig r;
	struct board *b = open_board(&r, 64 << 20);
	assert_int_equal(byte(b, 0x64), 0x14);
	give(b, 0x64, 0x20);
	assert_int_equal(byte(b, 0x60), 0x65);
	close_board(&r, b);
}

static void test_configuration(void **state)
{
	static const struct {
		uint64_t mib;
		unsigned extended_kib, above_64kib;
	} cases[] = {
		{4, 3 << 10, 0},           {16, 15 << 10, 0},     {17, 16 << 10, 16},
		{64, 63 << 10, 48 << 4},   {65, 0xffff, 49 << 4}, /* 64 MiB in KiB do not fit */
		{3072, 0xffff, 3056 << 4},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rig r;
		struct board *b = open_board(&r, cases[i].mib << 20);
		assert_int_equal(cmos(b, 0x0e, 2), 0); /* no error, no shutdown code */
		assert_int_equal(cmos(b, 0x10, 1), 0);
		assert_int_equal(cmos(b, 0x12, 1), 0);
		assert_int_equal(cmos(b, 0x14, 1), 0x06);
		assert_int_equal(cmos(b, 0x15, 2), 640);
		assert_int_equal(cmos(b, 0x17, 2), cases[i].extended_kib);
		assert_int_equal(cmos(b, 0x30, 2), cases[i].extended_kib);
		assert_int_equal(cmos(b, 0x34, 2), cases[i].above_64kib);
		assert_int_equal(cmos(b, 0x38, 1), 0x30); /* floppy, disk, CD are booted */
		assert_int_equal(cmos(b, 0x3d, 1), 0x21);
		unsigned sum = 0;
		for (uint8_t at = 0x10; at < 0x2e; at++)
			sum += cmos(b, at, 1);
		assert_int_equal(cmos(b, 0x2e, 1) << 8 | cmos(b, 0x2f, 1), sum);
		assert_int_equal(cmos(b, 0x0a, 1) & 0x7f, 0x26);
		assert_int_equal(cmos(b, 0x0b, 1), 0x02);
		close_board(&r, b);
	}
}

/* How many floppy drives there are, and of which kinds. */
static void test_floppies(void **state)
{
	static const struct {
		enum floppy_kind kinds[2];
		uint8_t cmos, equipment;
	} cases[] = {
		{{FLOPPY_NONE, FLOPPY_NONE}, 0x00, 0x06},
		{{FLOPPY_1440K, FLOPPY_NONE}, 0x40, 0x07},
		{{FLOPPY_2880K, FLOPPY_1200K}, 0x52, 0x47},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rig r;
		rig_open(&r);
		struct board *b = board_create(&(struct board_config){
			.clock = r.clock,
			.day_ns = 1,
			.floppy = {cases[i].kinds[0], cases[i].kinds[1]},
		});
		firmware_configuration(b, &(struct firmware_config){
						  .ram_bytes = 16 << 20,
						  .floppy = {cases[i].kinds[0], cases[i].kinds[1]},
					  });
		assert_int_equal(cmos(b, 0x10, 1), cases[i].cmos);
		assert_int_equal(cmos(b, 0x14, 1), cases[i].equipment);
		close_board(&r, b);
	}
}

/* Disks of two types that CMOS describes, their translations, and what is booted first. */
static void test_disks(void **state)
{
	struct rig r;
	struct board *b = open_board(&r, 64 << 20);
	assert_int_equal(cmos(b, 0x12, 1), 0);
	assert_int_equal(cmos(b, 0x3d, 1), 0x21);
	assert_int_equal(cmos(b, 0x38, 1), 0x30);
	struct firmware_config c = {
		.ram_bytes = 16 << 20,
		.floppy_last = true,
		.disks = 4,
		.disk = {{.drive = {0x1234, 16, 63}, .translation = GEOMETRY_LBA},
	                 {.drive = {306, 4, 17}, .translation = GEOMETRY_NONE},
	                 {.drive = {2000, 16, 63}, .translation = GEOMETRY_LARGE},
	                 {.drive = {2000, 16, 63}, .translation = GEOMETRY_LBA}},
	};
	firmware_configuration(b, &c);
	assert_int_equal(cmos(b, 0x12, 1), 0xff);
	assert_int_equal(cmos(b, 0x19, 2), 0x2f2f);
	assert_int_equal(cmos(b, 0x1b, 2), 0x1234);
	assert_int_equal(cmos(b, 0x1d, 1), 16);
	assert_int_equal(cmos(b, 0x1e, 2), 0xffff);
	assert_int_equal(cmos(b, 0x20, 1), 0x08);
	assert_int_equal(cmos(b, 0x21, 2), 0x1234);
	assert_int_equal(cmos(b, 0x23, 1), 63);
	assert_int_equal(cmos(b, 0x24, 2), 306);
	assert_int_equal(cmos(b, 0x26, 1), 4);
	assert_int_equal(cmos(b, 0x29, 1), 0);
	assert_int_equal(cmos(b, 0x2c, 1), 17);
	assert_int_equal(cmos(b, 0x39, 1), 0x61);
	assert_int_equal(cmos(b, 0x3d, 1), 0x32);
	assert_int_equal(cmos(b, 0x38, 1), 0x10);
	c.disks = 1;
	firmware_configuration(b, &c);
	assert_int_equal(cmos(b, 0x12, 1), 0xf0);
	close_board(&r, b);
}

static uint32_t config(struct board *b, unsigned function, unsigned at, unsigned size)
{
	board_out(b, 0xcf8, 4, 0x80000000 | function << 8 | (at & 0xfc));
	return board_in(b, 0xcfc + (at & 3), size);
}

/* The chip set as SeaBIOS leaves it. */
static void test_pci(void **state)
{
	struct rig r;
	struct board *b = open_board(&r, 64 << 20);
	enum { ISA = 1 << 3, IDE = 1 << 3 | 1, PM = 1 << 3 | 3 };
	assert_int_equal(config(b, ISA, 0x60, 4), 0x0b0b0a0a);
	assert_int_equal(byte(b, 0x4d0), 0x00);
	assert_int_equal(byte(b, 0x4d1), 0x0c);
	assert_int_equal(config(b, IDE, 0x20, 4), 0xc001);
	assert_int_equal(config(b, IDE, 0x40, 4), 0x80008000);
	assert_int_equal(config(b, IDE, 0x04, 2), 0x0001);
	assert_int_equal(byte(b, 0x1f7), 0x7f); /* decoded, and no drive */
	assert_int_equal(config(b, PM, 0x40, 4), 0x00000601);
	assert_int_equal(config(b, PM, 0x80, 1), 0x01);
	assert_int_equal(config(b, PM, 0x3c, 1), 9);
	assert_int_equal(config(b, 0, 0x04, 2), 0x0106);
	assert_int_equal(config(b, ISA, 0x04, 2), 0x0107);
	assert_int_equal(config(b, PM, 0x04, 2), 0x0001);
	assert_int_equal(board_in(b, 0x600, 4), 0);
	rig_until(&r, 1000000000);
	assert_int_equal(board_in(b, 0x608, 4), 3579545);
	close_board(&r, b);
}

/* Cards get places by the sizes that they tell, and the interrupts of their slots. */
static void test_cards(void **state)
{
	const struct region_handler none = {.max = 4};
	const struct pci_window windows[] = {
		{0x10, SPACE_MEMORY, true, 16 << 20, none, NULL, 0, 0},
		{0x14, SPACE_PORT, false, 16, none, NULL, 0, 0},
		{0x20, SPACE_MEMORY, false, 4096, none, NULL, 0, 0},
		{0x24, SPACE_PORT, false, 256, none, NULL, 0, 0},
		{0x30, SPACE_MEMORY, false, 65536, none, NULL, 0, 0},
	};
	struct rig r;
	rig_open(&r);
	struct board *b = board_create(&(struct board_config){.clock = r.clock, .day_ns = 1});
	for (unsigned i = 0; i < 2; i++)
		pci_add(board_pci(b), &(struct pci_config){.device = i ? 31 : 3,
		                                           .function = 0,
		                                           .vendor = 1,
		                                           .pin = 1,
		                                           .windows = windows,
		                                           .n_windows = 5});
	/* Whose function 0 does not tell of others has none. */
	pci_add(board_pci(b), &(struct pci_config){.device = 3,
	                                           .function = 1,
	                                           .vendor = 1,
	                                           .windows = windows,
	                                           .n_windows = 1});
	unsigned others, n;
	bus_memory(board_bus(b), &others);
	firmware_devices(
		b, &(struct firmware_config){.ram_bytes = 64 << 20, .cpu = cpu_model_default()});
	enum { FIRST = 3 << 3, LAST = 31 << 3 };
	assert_int_equal(config(b, FIRST, 0x10, 4), 0xfd000008);
	assert_int_equal(config(b, FIRST, 0x14, 4), 0xc011); /* behind IDE */
	assert_int_equal(config(b, FIRST, 0x18, 4), 0);
	assert_int_equal(config(b, FIRST, 0x20, 4), 0xfcfff000);
	assert_int_equal(config(b, FIRST, 0x24, 4), 0xc101);
	assert_int_equal(config(b, FIRST, 0x30, 4), 0xfcfe0000); /* off */
	assert_int_equal(config(b, FIRST, 0x3c, 1), 11);
	assert_int_equal(config(b, FIRST, 0x04, 2), 0x0003);
	assert_int_equal(config(b, LAST, 0x10, 4), 0xfb000008);
	assert_int_equal(config(b, LAST, 0x14, 4), 0xc201);
	assert_int_equal(config(b, LAST, 0x3c, 1), 11);
	assert_int_equal(config(b, FIRST + 1, 0x10, 4), 0x00000008);
	bus_memory(board_bus(b), &n);
	assert_int_equal(n, others + 6); /* two of the VGA as well */
	close_board(&r, b);
}

static void assert_colour(struct board *b, uint8_t index, uint32_t rgb)
{
	give(b, 0x3c7, index);
	for (int shift = 16; shift >= 0; shift -= 8)
		assert_int_equal(byte(b, 0x3c9), rgb >> shift & 0xff);
}

static void test_display(void **state)
{
	static struct vga_text text;
	struct rig r;
	struct board *b = open_board(&r, 64 << 20);
	assert_true(vga_text(vga_view(board_vga(b)), &text));
	assert_int_equal(text.cols, 80);
	assert_int_equal(text.rows, 25);
	assert_int_equal(text.cell_height, 16);
	assert_false(text.blank);
	assert_true(text.cursor_on && text.blink);
	assert_int_equal(text.cell[24][79].ch, ' ');
	assert_int_equal(text.cell[24][79].attr, 0x07);
	bus_write(board_bus(b), SPACE_MEMORY, 0xb8000 + 2 * 81, 2, 0x1e41);
	assert_true(vga_text(vga_view(board_vga(b)), &text));
	assert_int_equal(text.cell[1][1].ch, 'A');
	assert_int_equal(text.cell[1][1].attr, 0x1e);
	/* Of white, of brown as attribute 6 has it, of bright white. */
	assert_colour(b, 0x07, 0x2a2a2a);
	assert_colour(b, 0x14, 0x2a1500);
	assert_colour(b, 0x3f, 0x3f3f3f);
	close_board(&r, b);
}

/* Pixels instead: red, at the end of a line of the frame buffer. */
static void test_graphics(void **state)
{
	static struct vga_text text;
	struct vga_image image = {0};
	struct rig r;
	rig_open(&r);
	struct board *b = board_create(&(struct board_config){
		.clock = r.clock, .day_ns = 1, .vga_memory = {.bytes = 2 << 20}});
	firmware_devices(
		b, &(struct firmware_config){.ram_bytes = 64 << 20, .cpu = cpu_model_default()});
	uint32_t base = firmware_frame_buffer(b);
	assert_true(base && base % (2 << 20) == 0);
	firmware_graphics(b, 640, 480);
	assert_false(vga_text(vga_view(board_vga(b)), &text));
	bus_write(board_bus(b), SPACE_MEMORY, base + 4 * (2 * 640 - 1), 4, 0xff0000);
	vga_render(vga_view(board_vga(b)), &image);
	assert_int_equal(image.width, 640);
	assert_int_equal(image.height, 480);
	const uint8_t *last = image.rgb + 3 * (2 * 640 - 1);
	assert_int_equal(last[0] << 16 | last[1] << 8 | last[2], 0xff0000);
	vga_image_free(&image);
	close_board(&r, b);
}

/* Shadow RAM, and what is behind the memory of loaders, are firmware's as well. */
static void write_all(void *ctx, uint64_t at, const void *src, size_t n)
{
	struct pc *pc = ctx;
	assert_true(at + n <= pc->ram.end);
	memcpy(pc->bytes + at, src, n);
}

static void open_memory(struct pc *pc)
{
	pc_open(pc, 16);
	pc->ram.write = write_all;
}

static void test_data_area(void **state)
{
	static const struct {
		uint16_t ports[2], equipment;
	} cases[] = {
		{{0, 0}, 0x006}, {{0x3f8, 0}, 0x206}, {{0x2f8, 0}, 0x206}, {{0x3f8, 0x2f8}, 0x406}};
	for (unsigned serials = 0; serials < 4; serials++) {
		struct pc pc;
		open_memory(&pc);
		firmware_memory(&pc.ram, &(struct firmware_config){
						 .has_serial = {serials & 1, serials & 2}});
		const uint8_t *bda = pc.bytes + 0x400;
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(bda[2 * i] | bda[2 * i + 1] << 8, cases[serials].ports[i]);
		for (unsigned i = 4; i < 0x0e; i++)
			assert_int_equal(bda[i], 0);
		assert_int_equal(bda[0x0e] | bda[0x0f] << 8, 0x9fc0);
		assert_int_equal(bda[0x10] | bda[0x11] << 8, cases[serials].equipment);
		assert_int_equal(bda[0x13] | bda[0x14] << 8, 639);
		assert_int_equal(pc.bytes[0x9fc00], 1);
		for (unsigned i = 1; i < 0x400; i++)
			assert_int_equal(pc.bytes[0x9fc00 + i], 0);
		pc_close(&pc, &(struct blob){0});
	}
	struct pc pc;
	open_memory(&pc);
	firmware_memory(&pc.ram, &(struct firmware_config){.has_parallel = true});
	const uint8_t *bda = pc.bytes + 0x400;
	assert_int_equal(bda[8] | bda[9] << 8, 0x378);
	assert_int_equal(bda[0x10] | bda[0x11] << 8, 0x4006);
	pc_close(&pc, &(struct blob){0});
}

static uint8_t sum_of(const uint8_t *p, uint32_t n)
{
	uint8_t sum = 0;
	while (n--)
		sum += *p++;
	return sum;
}

/* As a kernel looks for it: on 16 bytes below 1 MiB. */
static const uint8_t *find(const struct pc *pc, const char *signature)
{
	const uint8_t *at = pc->bytes + 0xf0000;
	while (at < pc->bytes + 0x100000 && memcmp(at, signature, strlen(signature)))
		at += 16;
	assert_true(at < pc->bytes + 0x100000);
	return at;
}

/* ACPI's tables, by their root. */
static void test_tables(void **state)
{
	struct pc pc;
	open_memory(&pc);
	firmware_tables(&pc.ram, &(struct firmware_config){.cpu = cpu_model_default()});
	const uint8_t *root = find(&pc, "RSD PTR ");
	assert_int_equal(sum_of(root, 20), 0);
	uint32_t at = get32(root, 16);
	static const char *const path[] = {"RSDT", "FACP", "DSDT"};
	static const unsigned next[] = {36, 40, 0};
	for (unsigned i = 0; i < 3; i++) {
		assert_in_range(at, pc.ram.bytes, pc.ram.end - 40);
		const uint8_t *table = pc.bytes + at;
		assert_memory_equal(table, path[i], 4);
		assert_in_range(at + get32(table, 4), at + 36, pc.ram.end);
		assert_int_equal(sum_of(table, get32(table, 4)), 0);
		at = get32(table, next[i]);
	}
	pc_close(&pc, &(struct blob){0});
}

/* Where the interrupts of PCI lead: as the registers say, and the lines of the devices. */
static void test_routes(void **state)
{
	struct pc pc;
	struct rig r;
	open_memory(&pc);
	firmware_tables(&pc.ram, &(struct firmware_config){.cpu = cpu_model_default()});
	struct board *b = open_board(&r, 64 << 20);
	const uint8_t *t = find(&pc, "$PIR");
	assert_int_equal(get16(t, 4), 0x0100);
	unsigned bytes = get16(t, 6);
	assert_int_equal(bytes, 32 + 31 * 16);
	assert_int_equal(sum_of(t, bytes), 0);
	assert_int_equal(get16(t, 8), 1 << 3 << 8); /* the ISA bridge, of bus 0 */
	assert_int_equal(get32(t, 12), config(b, 1 << 3, 0, 4));
	for (unsigned device = 1; device < 32; device++) {
		const uint8_t *slot = t + 32 + 16 * (device - 1);
		assert_int_equal(get16(slot, 0), device << 3 << 8);
		for (unsigned pin = 0; pin < 4; pin++) {
			unsigned link = slot[2 + 3 * pin];
			assert_int_equal(link, 0x60 + (device - 1 + pin) % 4);
			assert_true(get16(slot, 3 + 3 * pin) >> config(b, 1 << 3, link, 1) & 1);
		}
		assert_int_equal(slot[14], device - 1);
	}
	close_board(&r, b);
	pc_close(&pc, &(struct blob){0});
}

/* The text of this number behind the structure. */
static const char *text_of(const uint8_t *structure, unsigned number)
{
	const char *text = (const char *)structure + structure[1];
	if (!number)
		return "";
	while (--number)
		text += strlen(text) + 1;
	return text;
}

static const uint8_t *next_of(const uint8_t *structure)
{
	const uint8_t *p = structure + structure[1];
	while (get16(p, 0))
		p++;
	return p + 2;
}

/* What the machine is. */
static void test_identity(void **state)
{
	static const struct {
		unsigned kib, last_kib;
		uint16_t size;
	} memories[] = {{640, 639, 0x8000 | 640}, {16384, 16383, 16}, {3 << 20, 0x2fffff, 3072}};
	for (unsigned i = 0; i < sizeof memories / sizeof *memories; i++) {
		struct smbios_files f;
		const struct cpu_model *cpu = cpu_model_find("pentium4");
		smbios_build(&f, &(struct smbios_config){
					 .ram_bytes = (uint64_t)memories[i].kib << 10,
					 .cpu = cpu,
					 .has_firmware = i,
				 });
		unsigned count = 0, longest = 0, types = 0;
		const uint8_t *s = f.tables, *end = f.tables + f.tables_bytes, *next;
		for (; s < end; s = next, count++) {
			next = next_of(s);
			longest = next - s > longest ? (unsigned)(next - s) : longest;
			types += s[0] < 32 ? 1u << s[0] : 0;
			assert_int_equal(get16(s, 2), s[0] << 8);
			switch (s[0]) {
			case 0:
			case 1:
			case 3:
				assert_string_equal(text_of(s, s[4]), "unring");
				break;
			case 4:
				assert_string_equal(text_of(s, s[4]), "CPU 0");
				assert_string_equal(text_of(s, s[7]), "GenuineIntel");
				assert_string_equal(text_of(s, s[16]), "pentium4");
				assert_int_equal(get32(s, 8), cpu->signature);
				assert_int_equal(get32(s, 12), cpu->edx1);
				break;
			case 16:
				assert_int_equal(get32(s, 7), memories[i].kib);
				break;
			case 17:
				assert_int_equal(get16(s, 4), 16 << 8);
				assert_int_equal(get16(s, 12), memories[i].size);
				assert_string_equal(text_of(s, s[16]), "RAM");
				break;
			case 19:
				assert_int_equal(get32(s, 4), 0);
				assert_int_equal(get32(s, 8), memories[i].last_kib);
				assert_int_equal(get16(s, 12), 16 << 8);
				break;
			case 127:
				assert_ptr_equal(next, end);
				break;
			}
		}
		/* The first is firmware's own, where there is any. */
		assert_int_equal(types, 0x000b001a + (i ? 0 : 1));
		assert_ptr_equal(s, end);
		assert_int_equal(get16(f.anchor, 8), longest);
		assert_int_equal(get16(f.anchor, 22), f.tables_bytes);
		assert_int_equal(get16(f.anchor, 28), count);
	}
}

/* Its anchor leads there. */
static void test_anchor(void **state)
{
	struct pc pc;
	open_memory(&pc);
	firmware_tables(&pc.ram, &(struct firmware_config){.cpu = cpu_model_default()});
	const uint8_t *anchor = find(&pc, "_SM_");
	assert_int_equal(anchor[5], 31);
	assert_int_equal(sum_of(anchor, 31), 0);
	assert_memory_equal(anchor + 16, "_DMI_", 5);
	assert_int_equal(sum_of(anchor + 16, 15), 0);
	uint32_t at = get32(anchor, 24), bytes = get16(anchor, 22);
	assert_in_range(at, 0xf0000, 0x100000 - bytes);
	const uint8_t *s = pc.bytes + at;
	assert_string_equal(text_of(s, s[4]), "unring");
	for (unsigned i = 0; i + 1 < get16(anchor, 28); i++)
		s = next_of(s);
	assert_int_equal(s[0], 127);
	assert_ptr_equal(next_of(s), pc.bytes + at + bytes);
	/* Nothing lies over another. */
	assert_int_equal(sum_of(find(&pc, "$PIR"), get16(find(&pc, "$PIR"), 6)), 0);
	assert_int_equal(sum_of(find(&pc, "RSD PTR "), 20), 0);
	pc_close(&pc, &(struct blob){0});
}

static unsigned shadows;

static void on_shadow(void *ctx, uint32_t base, uint32_t bytes, bool read, bool write)
{
	bool is_stack = base >= 0xe8000 && base < 0xf0000, *closed = ctx;
	assert_true(read);
	assert_int_equal(write, !*closed || is_stack);
	shadows += bytes;
}

/* All of it, open for what firmware puts there; then only where its stacks are. */
static void test_shadow(void **state)
{
	struct rig r;
	bool closed = false;
	rig_open(&r);
	struct board *b = board_create(&(struct board_config){
		.clock = r.clock,
		.day_ns = 1,
		.ctx = &closed,
		.shadow = on_shadow,
	});
	firmware_devices(
		b, &(struct firmware_config){.ram_bytes = 64 << 20, .cpu = cpu_model_default()});
	assert_int_equal(shadows, 0x40000);
	closed = true;
	firmware_shadow(b, true);
	assert_int_equal(shadows, 0x40000 + 0x38000);
	close_board(&r, b);
}

static uint8_t plane_2(struct board *b, uint32_t at)
{
	board_out(b, 0x3ce, 2, 0x0204); /* its reads */
	board_out(b, 0x3ce, 2, 0x0005);
	board_out(b, 0x3ce, 2, 0x0406);
	uint8_t v = bus_read(board_bus(b), SPACE_MEMORY, 0xa0000 + at, 1);
	board_out(b, 0x3ce, 2, 0x0e06);
	board_out(b, 0x3ce, 2, 0x1005);
	board_out(b, 0x3ce, 2, 0x0004);
	return v;
}

/* The font is wherever it begins; one that is cut is none. */
static void test_characters(void **state)
{
	static const uint8_t face[] = {0x7e, 0x81, 0xa5, 0x81, 0x81, 0xbd, 0x99, 0x81, 0x81, 0x7e};
	static uint8_t bios[5000];
	struct rig r;
	struct board *b = open_board(&r, 64 << 20);
	for (unsigned i = 0; i < sizeof bios; i++)
		bios[i] = i % 251 + 1;
	uint8_t *font = bios + sizeof bios - 4096;
	memset(font, 0, 32);
	memcpy(font + 16 + 2, face, sizeof face);
	firmware_characters(b, bios, sizeof bios - 1);
	assert_int_equal(plane_2(b, 32 + 2), 0);
	firmware_characters(b, bios, sizeof bios);
	for (unsigned c = 0; c < 256; c++)
		for (unsigned row = 0; row < 32; row++)
			assert_int_equal(plane_2(b, c * 32 + row),
			                 row < 16 ? font[c * 16 + row] : 0);
	/* The text is as it was. */
	bus_write(board_bus(b), SPACE_MEMORY, 0xb8000, 2, 0x1f41);
	assert_int_equal(bus_read(board_bus(b), SPACE_MEMORY, 0xb8000, 4), 0x07201f41);
	firmware_characters(b, NULL, 0);
	close_board(&r, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interrupts), cmocka_unit_test(test_timer),
		cmocka_unit_test(test_keyboard),   cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_floppies),   cmocka_unit_test(test_disks),
		cmocka_unit_test(test_pci),        cmocka_unit_test(test_cards),
		cmocka_unit_test(test_data_area),  cmocka_unit_test(test_display),
		cmocka_unit_test(test_tables),     cmocka_unit_test(test_shadow),
		cmocka_unit_test(test_routes),     cmocka_unit_test(test_identity),
		cmocka_unit_test(test_anchor),     cmocka_unit_test(test_characters),
		cmocka_unit_test(test_graphics),
	};
	return cmocka_run_group_tests_name("firmware", tests, NULL, NULL);
}
