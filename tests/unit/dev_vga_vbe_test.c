/* links: devices */
/* Bochs VBE: its registers, its bank at A0000h, the linear frame buffer, pixels of each depth. */
#include "dev_vga_fixture.h"

#include "devices/vga_pci.h"

enum {
	ID,
	X_RES,
	Y_RES,
	BPP,
	ENABLE,
	BANK,
	WIDTH,
	HEIGHT,
	X,
	Y,
	MEMORY,
	ON = 0x41,
	KEEP = 0x80,
	FRAMES = 0xe0000000u,
	BYTES = 16 << 20,
};

static struct {
	struct rig r;
	uint8_t *memory;
	struct vga *v;
	struct pci *pci;
	struct vga_pci *p;
	struct vga_image image;
} s;

static int open_display(void **state)
{
	rig_open(&s.r);
	s.memory = calloc(1, BYTES);
	s.v = vga_create(s.r.bus, s.r.clock,
	                 (struct vga_memory){.at = s.memory, .bytes = BYTES, .page = 100});
	s.pci = pci_create(s.r.bus, 0);
	s.p = vga_pci_create(s.r.bus, s.pci, 2, s.v);
	bus_write(s.r.bus, SPACE_PORT, 0xcf8, 4, 0x80001010);
	bus_write(s.r.bus, SPACE_PORT, 0xcfc, 4, FRAMES);
	bus_write(s.r.bus, SPACE_PORT, 0xcf8, 4, 0x80001004);
	bus_write(s.r.bus, SPACE_PORT, 0xcfc, 4, 2);
	set_mode(&s.r, &text_80x25);
	return 0;
}

static int close_display(void **state)
{
	vga_image_free(&s.image);
	vga_pci_type.destroy(s.p);
	pci_type.destroy(s.pci);
	vga_type.destroy(s.v);
	free(s.memory);
	rig_close(&s.r);
	return 0;
}

static void mode(unsigned width, unsigned height, unsigned bpp)
{
	vbe_set(&s.r, ENABLE, 0);
	vbe_set(&s.r, X_RES, width);
	vbe_set(&s.r, Y_RES, height);
	vbe_set(&s.r, BPP, bpp);
	vbe_set(&s.r, ENABLE, ON);
}

static bool is_on(void)
{
	return vbe(&s.r, ENABLE) & 1;
}

static void test_registers(void **state)
{
	for (unsigned id = 0xb0c0; id <= 0xb0c5; id++) {
		vbe_set(&s.r, ID, id);
		assert_int_equal(vbe(&s.r, ID), id);
	}
	vbe_set(&s.r, ID, 0xb0c6);
	vbe_set(&s.r, ID, 0xb0bf);
	assert_int_equal(vbe(&s.r, ID), 0xb0c5);
	assert_int_equal(vbe(&s.r, MEMORY), 256);
	vbe_set(&s.r, ENABLE, 2);
	assert_true(vbe(&s.r, X_RES) >= 2560 && vbe(&s.r, Y_RES) >= 1600);
	assert_int_equal(vbe(&s.r, BPP), 32);
	vbe_set(&s.r, ENABLE, 0);

	mode(800, 600, 16);
	assert_int_equal(vbe(&s.r, ENABLE), ON);
	assert_int_equal(vbe(&s.r, WIDTH), 800);
	assert_int_equal(vbe(&s.r, HEIGHT), BYTES / 1600);
	/* On, it stays what it is; narrower than the picture memory cannot be. */
	vbe_set(&s.r, X_RES, 640);
	vbe_set(&s.r, BPP, 8);
	vbe_set(&s.r, WIDTH, 799);
	assert_int_equal(vbe(&s.r, X_RES), 800);
	assert_int_equal(vbe(&s.r, BPP), 16);
	assert_int_equal(vbe(&s.r, WIDTH), 800);
	vbe_set(&s.r, WIDTH, 1024);
	assert_int_equal(vbe(&s.r, HEIGHT), BYTES / 2048);
	vbe_set(&s.r, WIDTH, 16000); /* 524 lines */
	assert_int_equal(vbe(&s.r, WIDTH), 1024);
	/* A new mode begins anew. */
	vbe_set(&s.r, X, 5);
	vbe_set(&s.r, BANK, 3);
	mode(640, 480, 32);
	assert_int_equal(vbe(&s.r, X), 0);
	assert_int_equal(vbe(&s.r, BANK), 0);
	assert_int_equal(vbe(&s.r, WIDTH), 640);
	for (unsigned kind = RESET_POWER; kind <= RESET_HARD; kind++) {
		mode(640, 480, 32);
		vga_type.reset(s.v, kind);
		assert_false(is_on());
	}
}

/* Modes that there are not stay off. */
static void test_no_modes(void **state)
{
	static const uint16_t wrong[][3] = {
		{0, 480, 8},      {640, 0, 8},           {640, 480, 0},  {640, 480, 7},
		{640, 480, 64},   {4104, 480, 8},        {640, 4104, 8}, {4096, 4096, 32},
		{4096, 4096, 15}, {65535, 65535, 65535},
	};
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		mode(wrong[i][0], wrong[i][1], wrong[i][2]);
		assert_false(is_on());
	}
	mode(4096, 4096, 8);
	assert_true(is_on());
	mode(4096, 4096, 4);
	assert_true(is_on());
}

/* --- memory --- */

static const struct bus_memory *shown_at(uint64_t base)
{
	unsigned n;
	const struct bus_range *range = bus_memory(s.r.bus, &n);
	for (unsigned i = 0; i < n; i++)
		if (range[i].base == base)
			return &range[i].memory;
	fail_msg("no region at %08llx", (unsigned long long)base);
	return NULL;
}

static void touch(unsigned times)
{
	while (times--)
		peek(&s.r, 0xa0000);
}

static void test_bank(void **state)
{
	mode(1024, 768, 8);
	for (unsigned bank = 0; bank < 300; bank++) {
		vbe_set(&s.r, BANK, bank);
		assert_int_equal(vbe(&s.r, BANK), bank);
		bus_write(s.r.bus, SPACE_MEMORY, 0xa0000 + bank * 8, 4, bank << 16 | 0xa5);
		uint32_t at = (bank % 256) * 65536 + bank * 8;
		assert_int_equal(s.memory[at], 0xa5);
		assert_int_equal(s.memory[at + 2], (uint8_t)bank);
		assert_int_equal(bus_read(s.r.bus, SPACE_MEMORY, FRAMES + at, 2), 0x00a5);
		assert_int_equal(bus_read(s.r.bus, SPACE_MEMORY, 0xa0000 + bank * 8, 2), 0x00a5);
	}
	assert_int_equal(peek(&s.r, 0xb0000), 0xff);
	bus_write(s.r.bus, SPACE_MEMORY, FRAMES + BYTES - 4, 4, 0x11223344);
	assert_int_equal(s.memory[BYTES - 1], 0x11);
	/* It is shown after some accesses, until another bank is. */
	vbe_set(&s.r, BANK, 7);
	touch(3);
	assert_int_equal(shown_at(0xa0000)->length, 0);
	touch(100);
	assert_int_equal(shown_at(0xa0000)->length, 65536);
	assert_int_equal(shown_at(0xa0000)->page, 100 + 7 * 16);
	vbe_set(&s.r, BANK, 8);
	assert_int_equal(shown_at(0xa0000)->length, 0);
	touch(100);
	assert_int_equal(shown_at(0xa0000)->page, 100 + 8 * 16);
	vbe_set(&s.r, ENABLE, 0);
	assert_int_equal(shown_at(0xa0000)->length, 0);
	/* The frame buffer is memory always. */
	assert_int_equal(shown_at(FRAMES)->length, BYTES);
	assert_int_equal(shown_at(FRAMES)->page, 100);
}

static void test_cleared(void **state)
{
	for (unsigned keep = 0; keep < 2; keep++) {
		mode(640, 480, 8);
		memset(s.memory, 0x5a, BYTES);
		vbe_set(&s.r, ENABLE, ON | KEEP); /* it is on already */
		vbe_set(&s.r, ENABLE, 0);
		assert_int_equal(s.memory[0], 0x5a);
		vbe_set(&s.r, ENABLE, keep ? ON | KEEP : ON);
		assert_int_equal(s.memory[0], keep ? 0x5a : 0);
		assert_int_equal(s.memory[640 * 480 - 1], keep ? 0x5a : 0);
	}
}

/* Stores that the VGA does not see are not known: each look is at something new. */
static void test_generation(void **state)
{
	uint64_t was = vga_generation(s.v);
	assert_int_equal(vga_generation(s.v), was);
	poke(&s.r, 0xb8000, 1);
	assert_int_not_equal(vga_generation(s.v), was);
	mode(640, 480, 8);
	was = vga_generation(s.v);
	assert_int_not_equal(vga_generation(s.v), was);
}

/* --- pixels --- */

static void assert_pixel(unsigned x, unsigned y, unsigned red, unsigned green, unsigned blue)
{
	const uint8_t *at = s.image.rgb + 3 * ((size_t)y * s.image.width + x);
	if (at[0] != red || at[1] != green || at[2] != blue)
		fail_msg("(%u, %u) is %02x%02x%02x, not %02x%02x%02x", x, y, at[0], at[1], at[2],
		         red, green, blue);
}

/* Of so many steps, 32 or 64, in eight bits: the upper ones come again below. */
static unsigned scaled(unsigned value, unsigned most)
{
	return value * 256 / (most + 1) + value * 8 / (most + 1) * (most == 31) +
	       value / 16 * (most == 63);
}

/* One number for each pixel. */
static uint32_t number(unsigned x, unsigned y)
{
	return (x * 2654435761u) ^ (y * 40503u) << 7;
}

/* Memory is wider than the picture, which is moved in it. */
static void test_direct_colours(void **state)
{
	static const unsigned depths[] = {15, 16, 24, 32};
	enum { W = 320, H = 200, MEMORY_W = 400, AT_X = 13, AT_Y = 21 };
	for (unsigned d = 0; d < 4; d++) {
		unsigned bpp = depths[d], bytes = (bpp + 7) / 8;
		mode(W, H, bpp);
		vbe_set(&s.r, WIDTH, MEMORY_W);
		vbe_set(&s.r, X, AT_X);
		vbe_set(&s.r, Y, AT_Y);
		for (unsigned y = 0; y < H + AT_Y; y++)
			for (unsigned x = 0; x < MEMORY_W; x++) {
				uint32_t n = number(x, y);
				memcpy(s.memory + (y * MEMORY_W + x) * bytes, &n, bytes);
			}
		vga_render(vga_view(s.v), &s.image);
		assert_int_equal(s.image.width, W);
		assert_int_equal(s.image.height, H);
		for (unsigned y = 0; y < H; y++)
			for (unsigned x = 0; x < W; x++) {
				uint32_t n = number(x + AT_X, y + AT_Y);
				if (bpp == 15)
					assert_pixel(x, y, scaled(n >> 10 & 31, 31),
					             scaled(n >> 5 & 31, 31), scaled(n & 31, 31));
				else if (bpp == 16)
					assert_pixel(x, y, scaled(n >> 11 & 31, 31),
					             scaled(n >> 5 & 63, 63), scaled(n & 31, 31));
				else
					assert_pixel(x, y, n >> 16 & 255, n >> 8 & 255, n & 255);
			}
	}
}

static void test_palette(void **state)
{
	mode(320, 200, 8);
	for (unsigned i = 0; i < 320 * 200; i++)
		s.memory[i] = i;
	out(&s.r, 0x3c8, 7);
	for (unsigned i = 0; i < 3; i++)
		out(&s.r, 0x3c9, 0xc0 | i * 0x15);
	vga_render(vga_view(s.v), &s.image);
	assert_pixel(7, 0, 0, scaled(0x15, 63), scaled(0x2a, 63));
	/* Eight bits of each. */
	vbe_set(&s.r, ENABLE, ON | 0x20);
	out(&s.r, 0x3c8, 7);
	for (unsigned i = 0; i < 3; i++)
		out(&s.r, 0x3c9, 0xc1 + i);
	vga_render(vga_view(s.v), &s.image);
	assert_pixel(7, 0, 0xc1, 0xc2, 0xc3);
	out(&s.r, 0x3c6, 0x0f); /* the mask */
	vga_render(vga_view(s.v), &s.image);
	assert_pixel(16 + 7, 0, 0xc1, 0xc2, 0xc3);
	/* The screen off. */
	seq(&s.r, 1, 0x20);
	vga_render(vga_view(s.v), &s.image);
	assert_pixel(7, 0, 0, 0, 0);
}

/* 1024x768 in four planes needs two banks; what A0000h does there are the VGA's registers. */
static void test_planes(void **state)
{
	mode(1024, 768, 4);
	for (unsigned i = 0; i < 16; i++)
		attribute(&s.r, i, i);
	for (unsigned i = 0; i < 16; i++)
		colour(&s.r, i, i << 16 | (63 - i) << 8);
	seq(&s.r, 4, 6);
	gc(&s.r, 5, 0);
	gc(&s.r, 6, 5);
	for (unsigned at = 0; at < 1024 / 8 * 768; at++) {
		vbe_set(&s.r, BANK, at >> 16);
		for (unsigned plane = 0; plane < 4; plane++) {
			seq(&s.r, 2, 1 << plane);
			poke(&s.r, 0xa0000 + (at & 0xffff), number(at, plane));
		}
	}
	vga_render(vga_view(s.v), &s.image);
	assert_int_equal(s.image.width, 1024);
	for (unsigned y = 0; y < 768; y++)
		for (unsigned x = 0; x < 1024; x++) {
			unsigned at = y * 128 + x / 8, dot = 7 - x % 8, c = 0;
			for (unsigned plane = 0; plane < 4; plane++)
				c |= (number(at, plane) >> dot & 1) << plane;
			assert_pixel(x, y, scaled(c, 63), scaled(63 - c, 63), 0);
		}
}

/* A picture that begins near the end of memory goes on at its begin. */
static void test_wraps(void **state)
{
	static struct vga_text text;
	mode(640, 480, 32);
	vbe_set(&s.r, Y, 0xffff);
	vbe_set(&s.r, X, 0xffff);
	vga_render(vga_view(s.v), &s.image);
	uint32_t at = (0xffff * 640u + 0xffff) * 4 & (BYTES - 1);
	memcpy(s.memory + at, "\x11\x22\x33", 3);
	vga_render(vga_view(s.v), &s.image);
	assert_pixel(0, 0, 0x33, 0x22, 0x11);
	assert_false(vga_text(vga_view(s.v), &text));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_display, close_display)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_registers), TEST(test_no_modes),   TEST(test_bank),
		TEST(test_cleared),   TEST(test_generation), TEST(test_direct_colours),
		TEST(test_palette),   TEST(test_planes),     TEST(test_wraps),
	};
	return cmocka_run_group_tests_name("vbe", tests, NULL, NULL);
}
