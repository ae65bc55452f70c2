/* links: devices */
/* What the VGA shows: cells, and pixels against what the test computes by itself. */
#include "dev_vga_fixture.h"

static uint64_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % below;
}

static struct vga_text text;

/* --- cells --- */

static void cell(struct rig *r, unsigned at, uint8_t ch, uint8_t attr)
{
	bus_write(r->bus, SPACE_MEMORY, 0xb8000 + 2 * at, 2, attr << 8 | ch);
}

static void cursor_at(struct rig *r, unsigned at)
{
	crtc(r, 0x0e, at >> 8);
	crtc(r, 0x0f, at);
}

static void test_cells(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	for (unsigned i = 0; i < 2000; i++)
		cell(&r, i, i * 7, i / 80);
	cursor_at(&r, 3 * 80 + 5);
	assert_true(vga_text(vga_view(v), &text));
	assert_int_equal(text.cols, 80);
	assert_int_equal(text.rows, 25);
	assert_int_equal(text.cell_width, 9);
	assert_int_equal(text.cell_height, 16);
	assert_true(text.blink);
	assert_false(text.blank);
	for (unsigned i = 0; i < 2000; i++) {
		assert_int_equal(text.cell[i / 80][i % 80].ch, (uint8_t)(i * 7));
		assert_int_equal(text.cell[i / 80][i % 80].attr, i / 80);
	}
	assert_true(text.cursor_on);
	assert_int_equal(text.cursor_col, 5);
	assert_int_equal(text.cursor_row, 3);
	assert_int_equal(text.cursor_first, 13);
	assert_int_equal(text.cursor_last, 14);
	attribute(&r, 0x10, 0x04);
	assert_true(vga_text(vga_view(v), &text) && !text.blink);
	set_mode(&r, &graphics_13h);
	assert_false(vga_text(vga_view(v), &text));
	close_vga(&r, v);
}

static void test_cursor_off(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	cursor_at(&r, 1999);
	assert_true(vga_text(vga_view(v), &text) && text.cursor_on && text.cursor_row == 24);
	cursor_at(&r, 2000);
	assert_true(vga_text(vga_view(v), &text) && !text.cursor_on);
	cursor_at(&r, 10);
	crtc(&r, 0x0a, 0x2d);
	assert_true(vga_text(vga_view(v), &text) && !text.cursor_on);
	crtc(&r, 0x0a, 0x0f); /* begins below its end */
	assert_true(vga_text(vga_view(v), &text) && !text.cursor_on);
	crtc(&r, 0x0a, 0x00);
	assert_true(vga_text(vga_view(v), &text) && text.cursor_on && text.cursor_col == 10);
	crtc(&r, 0x0b, 0x4e); /* two characters later */
	assert_true(vga_text(vga_view(v), &text) && text.cursor_on && text.cursor_col == 12);
	cursor_at(&r, 78);
	assert_true(vga_text(vga_view(v), &text) && !text.cursor_on);
	close_vga(&r, v);
}

static void test_blank(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	seq(&r, 1, 0x20);
	assert_true(vga_text(vga_view(v), &text) && text.blank);
	seq(&r, 1, 0x00);
	assert_true(vga_text(vga_view(v), &text) && !text.blank);
	in(&r, 0x3da);
	out(&r, 0x3c0, 0x00);
	assert_true(vga_text(vga_view(v), &text) && text.blank);
	out(&r, 0x3c0, 0x00);
	out(&r, 0x3c0, 0x20);
	seq(&r, 0, 1);
	assert_true(vga_text(vga_view(v), &text) && text.blank);
	close_vga(&r, v);
}

/* 40 to 132 columns, 25 to 60 rows, by the registers that say so. */
static void test_sizes(void **state)
{
	static const struct {
		unsigned cols, height, lines, rows;
		bool twice;
	} sizes[] = {
		{40, 16, 400, 25, false},  {80, 14, 350, 25, false}, {80, 8, 350, 43, false},
		{80, 8, 400, 50, false},   {80, 8, 480, 60, false},  {80, 16, 480, 30, false},
		{132, 16, 400, 25, false}, {132, 8, 350, 43, false}, {132, 8, 480, 60, false},
		{40, 8, 400, 25, true},    {80, 10, 400, 40, false}, {90, 14, 480, 34, false},
	};
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		unsigned cols = sizes[i].cols, last = sizes[i].lines - 1;
		struct rig r;
		struct vga *v = open_vga(&r);
		set_mode(&r, &text_80x25);
		crtc(&r, 0x11, 0);
		crtc(&r, 1, cols - 1);
		crtc(&r, 0x13, cols / 2);
		crtc(&r, 0x12, last);
		crtc(&r, 7, 0x10 | (last >> 8 & 1) << 1 | (last >> 9 & 1) << 6);
		crtc(&r, 9, (sizes[i].height - 1) | 0x40 | (sizes[i].twice ? 0x80 : 0));
		for (unsigned row = 0; row < sizes[i].rows; row++)
			cell(&r, row * cols + cols - 1, row + 1, 7);
		assert_true(vga_text(vga_view(v), &text));
		assert_int_equal(text.cols, cols);
		assert_int_equal(text.rows, sizes[i].rows);
		assert_int_equal(text.cell_height, sizes[i].height * (sizes[i].twice ? 2 : 1));
		for (unsigned row = 0; row < sizes[i].rows; row++)
			assert_int_equal(text.cell[row][cols - 1].ch, row + 1);
		close_vga(&r, v);
	}
}

/* Vertical counts of two lines each. */
static void test_half_lines(void **state)
{
	struct vga_image image = {0};
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	crtc(&r, 0x17, 0xa7);
	vga_render(vga_view(v), &image);
	assert_int_equal(image.height, 800);
	assert_true(vga_text(vga_view(v), &text));
	assert_int_equal(text.rows, 50);
	vga_image_free(&image);
	close_vga(&r, v);
}

/* Below the split the address begins at 0, whatever the start address; above it wraps. */
static void test_start_and_split(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	for (unsigned i = 0; i < 8192; i++)
		cell(&r, i, i, i >> 8);
	crtc(&r, 0x0c, 0x07);
	crtc(&r, 0x0d, 0xd0); /* 2000 */
	crtc(&r, 0x18, 319 & 0xff);
	crtc(&r, 9, 0x0f);
	assert_true(crtc_in(&r, 7) & 0x10);
	assert_true(vga_text(vga_view(v), &text));
	assert_int_equal(text.rows, 25);
	for (unsigned row = 0; row < 25; row++) {
		unsigned at = row < 20 ? 2000 + 80 * row : 80 * (row - 20);
		assert_int_equal(text.cell[row][1].ch, (uint8_t)(at + 1));
		assert_int_equal(text.cell[row][1].attr, (at + 1) >> 8);
	}
	/* The counter has 16 bits; a word address is even within 64 KiB, odd behind. */
	crtc(&r, 0x0c, 0xff);
	crtc(&r, 0x0d, 0xf0);
	crtc(&r, 0x17, 0x83); /* bit 13 comes round, and not bit 15 */
	crtc(&r, 0x18, 0xff);
	crtc(&r, 9, 0x4f);
	assert_true(vga_text(vga_view(v), &text));
	assert_int_equal(text.cell[0][16].ch, 0);
	assert_int_equal(text.cell[0][17].ch, 1);
	close_vga(&r, v);
}

/* --- pixels --- */

struct colour {
	uint8_t rgb[3];
};

/* As set_mode has it, in eight bits. */
static struct colour dac(unsigned i)
{
	unsigned c[3] = {i & 0x3f, i >> 6 & 3, i * 7 & 0x3f};
	return (struct colour){
		{c[0] << 2 | c[0] >> 4, c[1] << 2 | c[1] >> 4, c[2] << 2 | c[2] >> 4}};
}

static void assert_pixel(const struct vga_image *image, unsigned x, unsigned y, unsigned number)
{
	const uint8_t *at = image->rgb + 3 * ((size_t)y * image->width + x);
	struct colour want = dac(number);
	if (memcmp(at, want.rgb, 3))
		fail_msg("(%u, %u) is %02x%02x%02x, not %02x%02x%02x (%u)", x, y, at[0], at[1],
		         at[2], want.rgb[0], want.rgb[1], want.rgb[2], number);
}

static uint8_t fonts[2][256][16], chars[25][80], attrs[25][80];

/* The dot of an 80x25 screen at (x, y), and whether it is lit, without a cursor. */
static unsigned text_dot(unsigned x, unsigned y, bool blinks, bool bright_font)
{
	unsigned ch = chars[y / 16][x / 9], attr = attrs[y / 16][x / 9], dot = x % 9;
	uint8_t dots = fonts[bright_font && attr & 8][ch][y % 16];
	bool lit = dot < 8 ? dots >> (7 - dot) & 1 : (ch & 0xe0) == 0xc0 && dots & 1;
	if ((attr & 0x77) == 1 && y % 16 == 15)
		lit = true;
	unsigned number = lit ? attr & 15 : blinks ? attr >> 4 & 7 : attr >> 4;
	return text_80x25.attr[number];
}

static void fill_text(struct rig *r)
{
	for (unsigned i = 0; i < 256 * 16; i++) {
		for (unsigned table = 0; table < 2; table++) {
			uint8_t dots = fonts[table][i / 16][i % 16] = any(256);
			font(r, table ? 5 : 0, i / 16, i % 16, dots);
		}
	}
	for (unsigned i = 0; i < 2000; i++) {
		chars[i / 80][i % 80] = any(256);
		attrs[i / 80][i % 80] = any(8) ? any(256) : 0x01; /* some are underlined */
		cell(r, i, chars[i / 80][i % 80], attrs[i / 80][i % 80]);
	}
}

static void test_text_pixels(void **state)
{
	struct vga_image image = {0};
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	fill_text(&r);
	crtc(&r, 0x0a, 0x20);
	crtc(&r, 0x14, 0x0f); /* underlines in the last line */
	for (unsigned how = 0; how < 4; how++) {
		bool blinks = how & 1, two_fonts = how & 2;
		attribute(&r, 0x10, blinks ? 0x0c : 0x04);
		seq(&r, 3, two_fonts ? 0x24 : 0x00); /* table 5 where bit 3 is set */
		vga_render(vga_view(v), &image);
		assert_int_equal(image.width, 720);
		assert_int_equal(image.height, 400);
		for (unsigned y = 0; y < 400; y++)
			for (unsigned x = 0; x < 720; x++)
				assert_pixel(&image, x, y, text_dot(x, y, blinks, two_fonts));
	}
	vga_image_free(&image);
	close_vga(&r, v);
}

/* Panning by a dot moves the next character in; by rows, the line compare stays below. */
static void test_scrolled_pixels(void **state)
{
	struct vga_image image = {0};
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	fill_text(&r);
	crtc(&r, 0x0a, 0x20);
	crtc(&r, 0x13, 50); /* 100 a row: what is beyond the screen moves in */
	for (unsigned i = 0; i < 25; i++)
		for (unsigned col = 0; col < 80; col++)
			cell(&r, 100 * i + col, chars[i][col], attrs[i][col]);
	crtc(&r, 0x14, 0x0f);
	crtc(&r, 8, 0x25); /* one byte, five lines */
	attribute(&r, 0x13, 2);
	attribute(&r, 0x10, 0x24);
	crtc(&r, 0x18, 199);
	crtc(&r, 7, 0x0f);
	crtc(&r, 0x11, 0);
	crtc(&r, 7, 0x0f);
	crtc(&r, 9, 0x0f);
	vga_render(vga_view(v), &image);
	for (unsigned y = 0; y < 200; y++)
		for (unsigned x = 0; x < 720 - 9 - 3; x++)
			assert_pixel(&image, x, y, text_dot(x + 9 + 3, y + 5, false, false));
	/* There panning is 0, which stands for one dot of nine. */
	for (unsigned y = 200; y < 400; y++)
		for (unsigned x = 0; x < 720 - 1; x++)
			assert_pixel(&image, x, y, text_dot(x + 1, y - 200, false, false));
	/* With bit 5 off panning goes on there. */
	attribute(&r, 0x10, 0x04);
	vga_render(vga_view(v), &image);
	for (unsigned y = 200; y < 400; y++)
		for (unsigned x = 0; x < 720 - 9 - 3; x++)
			assert_pixel(&image, x, y, text_dot(x + 9 + 3, y - 200, false, false));
	vga_image_free(&image);
	close_vga(&r, v);
}

/* Rendered now, is the dot at (x, y) number? */
static bool shows(struct rig *r, struct vga *v, uint64_t ns, unsigned x, unsigned y,
                  unsigned number)
{
	struct vga_image image = {0};
	struct colour want = dac(number);
	r->now = ns;
	vga_render(vga_view(v), &image);
	bool same = !memcmp(image.rgb + 3 * ((size_t)y * image.width + x), want.rgb, 3);
	vga_image_free(&image);
	return same;
}

static void test_cursor_and_blinking(void **state)
{
	enum { FRAME = 14268 * 1000 };
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	for (unsigned line = 0; line < 16; line++)
		font(&r, 0, 1, line, 0xff);
	for (unsigned i = 0; i < 2000; i++)
		cell(&r, i, 0, 0x02);
	cell(&r, 81, 1, 0x83); /* blinks */
	cursor_at(&r, 82);
	for (unsigned frame = 0; frame < 64; frame++) {
		uint64_t ns = (uint64_t)frame * FRAME + FRAME / 2;
		bool cursor = frame % 16 < 8, chars = frame % 32 < 16;
		for (unsigned line = 12; line <= 15; line++)
			assert_true(shows(&r, v, ns, 2 * 9 + 8, 16 + line,
			                  cursor && (line == 13 || line == 14) ? 2 : 0));
		assert_true(shows(&r, v, ns, 9 + 1, 16, chars ? 3 : 0));
		assert_true(shows(&r, v, ns, 3 * 9, 16 + 13, 0));
	}
	attribute(&r, 0x10, 0x04);
	for (unsigned frame = 0; frame < 64; frame += 8)
		assert_true(shows(&r, v, (uint64_t)frame * FRAME, 9 + 1, 16, 3));
	close_vga(&r, v);
}

/* The screen off is black; the DAC's mask and the colour select register take part. */
static void test_colours(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	crtc(&r, 0x0a, 0x20);
	for (unsigned i = 0; i < 2000; i++)
		cell(&r, i, 0, 0x60);
	attribute(&r, 6, 0x25);
	assert_true(shows(&r, v, 0, 0, 0, 0x25));
	attribute(&r, 0x14, 0x0b);
	assert_true(shows(&r, v, 0, 0, 0, 0xa5)); /* bits 7 and 6 */
	attribute(&r, 0x10, 0x84);
	assert_true(shows(&r, v, 0, 0, 0, 0xb5)); /* and 5 and 4 */
	out(&r, 0x3c6, 0x3f);
	assert_true(shows(&r, v, 0, 0, 0, 0x35));
	attribute(&r, 0x12, 0x0b); /* plane 2 is off: colour 2 */
	assert_true(shows(&r, v, 0, 0, 0, 0x32));
	seq(&r, 1, 0x20);
	assert_true(shows(&r, v, 0, 0, 0, 0));
	close_vga(&r, v);
}

static void assert_image(struct vga *v, unsigned width, unsigned height,
                         unsigned (*want)(unsigned x, unsigned y))
{
	struct vga_image image = {0};
	vga_render(vga_view(v), &image);
	assert_int_equal(image.width, width);
	assert_int_equal(image.height, height);
	for (unsigned y = 0; y < height; y++)
		for (unsigned x = 0; x < width; x++)
			assert_pixel(&image, x, y, want(x, y));
	vga_image_free(&image);
}

static uint8_t buffer[65536];

static unsigned dot_13h(unsigned x, unsigned y)
{
	return buffer[y / 2 * 320 + x / 2];
}

static unsigned dot_04h(unsigned x, unsigned y)
{
	unsigned line = y / 2, dot = x / 2;
	uint8_t byte = buffer[(line & 1) * 0x2000 + line / 2 * 80 + dot / 4];
	return graphics_04h.attr[byte >> (6 - 2 * (dot % 4)) & 3];
}

static uint8_t upper[0x4000];

/* The same with planes 2 and 3, which give the number's upper bits. */
static unsigned dot_pairs(unsigned x, unsigned y)
{
	unsigned line = y / 2, dot = x / 2, shift = 6 - 2 * (dot % 4);
	unsigned at = (line & 1) * 0x2000 + line / 2 * 80 + dot / 4;
	return graphics_04h.attr[(buffer[at] >> shift & 3) | (upper[at] >> shift & 3) << 2];
}

static unsigned dot_06h(unsigned x, unsigned y)
{
	unsigned line = y / 2;
	uint8_t byte = buffer[(line & 1) * 0x2000 + line / 2 * 80 + x / 8];
	return graphics_06h.attr[byte >> (7 - x % 8) & 1];
}

/* Behind the second of two equal lines it begins anew. */
static unsigned dot_split(unsigned x, unsigned y)
{
	return dot_06h(x, y < 202 ? y : y - 202);
}

static uint8_t planes[4][65536];

static unsigned dot_12h(unsigned x, unsigned y)
{
	unsigned number = 0;
	for (unsigned p = 0; p < 4; p++)
		number |= (planes[p][y * 80 + x / 8] >> (7 - x % 8) & 1) << p;
	return graphics_12h.attr[number];
}

static unsigned dot_x(unsigned x, unsigned y)
{
	return planes[x / 2 % 4][y / 2 * 80 + x / 8];
}

/* From F000h on: it wraps at 64 KiB of a plane. */
static unsigned dot_wrapped(unsigned x, unsigned y)
{
	return planes[x / 2 % 4][(uint16_t)(0xf000 + y / 2 * 80 + x / 8)];
}

/* The modes of graphics, by what their programmers are told of the frame buffer. */
static void test_graphics(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	for (unsigned i = 0; i < sizeof buffer; i++)
		buffer[i] = any(256);
	set_mode(&r, &graphics_13h);
	for (unsigned i = 0; i < 65536; i++)
		poke(&r, 0xa0000 + i, buffer[i]);
	assert_image(v, 640, 400, dot_13h);
	set_mode(&r, &graphics_04h);
	for (unsigned i = 0; i < 0x4000; i++)
		poke(&r, 0xb8000 + i, buffer[i]);
	assert_image(v, 640, 400, dot_04h);
	attribute(&r, 0x12, 0x0f);
	seq(&r, 2, 0x0c);
	for (unsigned i = 0; i < 0x4000; i++)
		poke(&r, 0xb8000 + i, upper[i] = any(256));
	assert_image(v, 640, 400, dot_pairs);
	set_mode(&r, &graphics_06h);
	for (unsigned i = 0; i < 0x4000; i++)
		poke(&r, 0xb8000 + i, buffer[i]);
	assert_image(v, 640, 400, dot_06h);
	crtc(&r, 0x18, 201);
	crtc(&r, 7, graphics_06h.crtc[7] & ~0x10);
	crtc(&r, 9, graphics_06h.crtc[9] & ~0x40);
	assert_image(v, 640, 400, dot_split);
	set_mode(&r, &graphics_12h);
	for (unsigned p = 0; p < 4; p++) {
		seq(&r, 2, 1 << p);
		for (unsigned i = 0; i < sizeof planes[p]; i++)
			poke(&r, 0xa0000 + i, planes[p][i] = any(256));
	}
	assert_image(v, 640, 480, dot_12h);
	/* Mode 13h without its chain: four planes of 80 bytes a line. */
	set_mode(&r, &graphics_13h);
	seq(&r, 4, 6);
	crtc(&r, 0x14, 0);
	crtc(&r, 0x17, 0xe3);
	assert_image(v, 640, 400, dot_x);
	crtc(&r, 0x0c, 0xf0);
	assert_image(v, 640, 400, dot_wrapped);
	close_vga(&r, v);
}

static void test_generation(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	uint64_t was = vga_generation(v);
	in(&r, 0x3da);
	peek(&r, 0xb8000);
	assert_true(vga_generation(v) == was);
	poke(&r, 0xb8000, 'x');
	assert_true(vga_generation(v) != was);
	was = vga_generation(v);
	cursor_at(&r, 7);
	assert_true(vga_generation(v) != was);
	was = vga_generation(v);
	colour(&r, 7, 0);
	assert_true(vga_generation(v) != was);
	close_vga(&r, v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_cursor_off),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_half_lines),
		cmocka_unit_test(test_start_and_split),
		cmocka_unit_test(test_text_pixels),
		cmocka_unit_test(test_scrolled_pixels),
		cmocka_unit_test(test_cursor_and_blinking),
		cmocka_unit_test(test_colours),
		cmocka_unit_test(test_graphics),
		cmocka_unit_test(test_generation),
	};
	return cmocka_run_group_tests_name("vga views", tests, NULL, NULL);
}
