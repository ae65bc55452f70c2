/* links: devices */
/* The VGA's registers, its memory, and the time that its status tells. */
#include "dev_vga_fixture.h"

static uint64_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % below;
}

/* --- registers --- */

static void test_indexed_registers(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	out(&r, 0x3c2, 0x67);
	seq(&r, 2, 0xff);
	assert_int_equal(in(&r, 0x3c4), 2);
	assert_int_equal(in(&r, 0x3c5), 0x0f);
	gc(&r, 8, 0xa5);
	assert_int_equal(in(&r, 0x3ce), 8);
	assert_int_equal(in(&r, 0x3cf), 0xa5);
	crtc(&r, 0x0e, 0x12);
	crtc(&r, 0x0f, 0x34);
	assert_int_equal(bus_read(r.bus, SPACE_PORT, 0x3d4, 2), 0x340f);
	assert_int_equal(crtc_in(&r, 0x0e), 0x12);
	/* Those of other chips. */
	crtc(&r, 0x3f, 0xff);
	assert_int_equal(crtc_in(&r, 0x3f), 0);
	seq(&r, 7, 0xff);
	assert_int_equal(in(&r, 0x3c5), 0);
	assert_int_equal(in(&r, 0x3cc), 0x67);
	assert_int_equal(in(&r, 0x3c2) & 0x10, 0x10);
	close_vga(&r, v);
}

static void test_attribute_flip_flop(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	out(&r, 0x3c2, 0x67);
	in(&r, 0x3da);
	out(&r, 0x3c0, 0x13);
	assert_int_equal(in(&r, 0x3c0), 0x13);
	out(&r, 0x3c0, 0x07);
	assert_int_equal(in(&r, 0x3c1), 0x07);
	/* Index again, without a look at the status; and that look in between. */
	out(&r, 0x3c0, 0x11);
	in(&r, 0x3da);
	out(&r, 0x3c0, 0x33);
	assert_int_equal(in(&r, 0x3c0), 0x33);
	assert_int_equal(in(&r, 0x3c1), 0x07);
	in(&r, 0x3da);
	out(&r, 0x3c0, 0xff);
	assert_int_equal(in(&r, 0x3c0), 0x3f); /* it has six bits */
	assert_int_equal(in(&r, 0x3c1), 0);    /* and there is no such register */
	close_vga(&r, v);
}

static void test_write_protection(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	assert_true(crtc_in(&r, 0x11) & 0x80);
	for (unsigned i = 0; i < 8; i++)
		crtc(&r, i, ~text_80x25.crtc[i]);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(crtc_in(&r, i), text_80x25.crtc[i]);
	assert_int_equal(crtc_in(&r, 7), text_80x25.crtc[7] & ~0x10); /* line compare */
	crtc(&r, 0x11, 0x0e);
	crtc(&r, 0, 0x11);
	assert_int_equal(crtc_in(&r, 0), 0x11);
	close_vga(&r, v);
}

static void test_ports_of_mono_and_colour(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	for (unsigned is_colour = 0; is_colour < 2; is_colour++) {
		uint16_t here = is_colour ? 0x3d4 : 0x3b4, other = is_colour ? 0x3b4 : 0x3d4;
		out(&r, 0x3c2, 0x66 | is_colour);
		bus_write(r.bus, SPACE_PORT, here, 2, 0x550e);
		bus_write(r.bus, SPACE_PORT, other, 2, 0xaa0e);
		assert_int_equal(in(&r, here + 1), 0x55);
		assert_int_equal(in(&r, other + 1), 0xff);
		assert_int_equal(in(&r, other + 6), 0xff);
		assert_int_not_equal(in(&r, here + 6), 0xff);
		out(&r, here + 6, is_colour + 1);
		assert_int_equal(in(&r, 0x3ca), is_colour + 1);
	}
	/* Switched off by 3C3h: but for that port it is gone. */
	set_mode(&r, &text_80x25);
	poke(&r, 0xb8000, 'A');
	out(&r, 0x3c3, 0);
	assert_int_equal(in(&r, 0x3cc), 0xff);
	assert_int_equal(in(&r, 0x3d4), 0xff);
	assert_int_equal(peek(&r, 0xb8000), 0xff);
	out(&r, 0x3c2, 0);
	out(&r, 0x3c3, 1);
	assert_int_equal(in(&r, 0x3cc), 0x67);
	assert_int_equal(peek(&r, 0xb8000), 'A');
	close_vga(&r, v);
}

static void test_dac(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	assert_int_equal(in(&r, 0x3c6), 0xff);
	colour(&r, 254, 0x012345); /* three, one after the other */
	colour(&r, 255, 0x3f1e2d);
	out(&r, 0x3c8, 0xfe);
	for (unsigned i = 1; i <= 9; i++)
		out(&r, 0x3c9, i | 0xc0);
	assert_int_equal(in(&r, 0x3c7), 0);
	assert_int_equal(in(&r, 0x3c8), 1); /* it wraps */
	out(&r, 0x3c7, 0xfe);
	assert_int_equal(in(&r, 0x3c7), 3);
	for (unsigned i = 1; i <= 9; i++)
		assert_int_equal(in(&r, 0x3c9), i);
	/* A colour that is not complete is not taken. */
	out(&r, 0x3c8, 0);
	out(&r, 0x3c9, 0x20);
	out(&r, 0x3c7, 0);
	assert_int_equal(in(&r, 0x3c9), 7);
	out(&r, 0x3c8, 0);
	out(&r, 0x3c9, 0x20);
	colour(&r, 0, 0x030201);
	out(&r, 0x3c7, 0);
	for (unsigned i = 3; i; i--)
		assert_int_equal(in(&r, 0x3c9), i);
	close_vga(&r, v);
}

/* --- memory --- */

static void test_window(void **state)
{
	static const struct {
		uint32_t first, last;
	} maps[] = {{0xa0000, 0xbffff}, {0xa0000, 0xaffff}, {0xb0000, 0xb7fff}, {0xb8000, 0xbffff}};
	struct rig r;
	struct vga *v = open_vga(&r);
	out(&r, 0x3c2, 0x67);
	seq(&r, 2, 0x0f);
	seq(&r, 4, 0x06);
	gc(&r, 8, 0xff);
	for (unsigned map = 0; map < 4; map++) {
		gc(&r, 6, map << 2);
		for (uint32_t a = 0xa0000; a < 0xc0000; a += 0x4000) {
			bool inside = a >= maps[map].first && a <= maps[map].last;
			poke(&r, a, 0x5a);
			assert_int_equal(peek(&r, a), inside ? 0x5a : 0xff);
		}
		assert_int_equal(peek(&r, maps[map].first - 1), 0xff);
	}
	/* A word across the window's end: half of it. */
	gc(&r, 6, 2 << 2);
	bus_write(r.bus, SPACE_MEMORY, 0xb7fff, 2, 0x1122);
	assert_int_equal(bus_read(r.bus, SPACE_MEMORY, 0xb7fff, 2), 0xff22);
	/* Memory off. */
	out(&r, 0x3c2, 0x65);
	poke(&r, 0xb7fff, 0x33);
	assert_int_equal(peek(&r, 0xb7fff), 0xff);
	out(&r, 0x3c2, 0x67);
	assert_int_equal(peek(&r, 0xb7fff), 0x22);
	close_vga(&r, v);
}

/* Text: characters in plane 0, attributes in plane 1, at even places. */
static void test_odd_even(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	bus_write(r.bus, SPACE_MEMORY, 0xb8000, 4, 0x07420741);
	bus_write(r.bus, SPACE_MEMORY, 0xb8005, 2, 0x4355); /* not aligned */
	assert_int_equal(bus_read(r.bus, SPACE_MEMORY, 0xb8000, 4), 0x07420741);
	assert_int_equal(bus_read(r.bus, SPACE_MEMORY, 0xb8004, 4), 0x00435500);
	seq(&r, 4, 6);
	gc(&r, 5, 0);
	gc(&r, 6, 4);
	static const uint8_t planes[4][8] = {{0x41, 0, 0x42, 0, 0x00, 0, 0x43, 0},
	                                     {0x07, 0, 0x07, 0, 0x55, 0, 0x00, 0}};
	for (unsigned plane = 0; plane < 4; plane++) {
		gc(&r, 4, plane);
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(peek(&r, 0xa0000 + i), planes[plane][i]);
	}
	close_vga(&r, v);
}

/* Chained by four, though odd/even is on; and where the planes have it: in steps of four. */
static void test_chain_4(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &graphics_13h);
	seq(&r, 4, 0x0a); /* odd/even too */
	gc(&r, 4, 2);     /* no plane is selected by this */
	bus_write(r.bus, SPACE_MEMORY, 0xa0004, 4, 0x44332211);
	assert_int_equal(bus_read(r.bus, SPACE_MEMORY, 0xa0004, 4), 0x44332211);
	seq(&r, 2, 0x0b); /* the mask counts */
	bus_write(r.bus, SPACE_MEMORY, 0xa0004, 4, 0);
	assert_int_equal(bus_read(r.bus, SPACE_MEMORY, 0xa0004, 4), 0x00330000);
	seq(&r, 4, 6);
	assert_int_equal(bus_read(r.bus, SPACE_MEMORY, 0xa0003, 4), 0x00003300);
	/* Each byte of 64 KiB has a place of its own. */
	seq(&r, 2, 0x0f);
	seq(&r, 4, 0x0e);
	for (uint32_t i = 0; i < 0x10000; i++)
		poke(&r, 0xa0000 + i, i * 167 >> 3);
	for (uint32_t i = 0; i < 0x10000; i++)
		assert_int_equal(peek(&r, 0xa0000 + i), (uint8_t)(i * 167 >> 3));
	close_vga(&r, v);
}

/* The data path bit by bit, as the reference draws it. */
struct model {
	uint8_t map_mask, gc[9];
	uint8_t plane[4][16], latch[4];
};

static bool bit(unsigned value, unsigned n)
{
	return value >> n & 1;
}

static void model_write(struct model *m, unsigned a, uint8_t byte)
{
	unsigned mode = m->gc[5] & 3, rotate = m->gc[3] & 7;
	for (unsigned p = 0; p < 4; p++) {
		uint8_t result = 0;
		for (unsigned i = 0; i < 8; i++) {
			bool turned = bit(byte, (i + rotate) % 8), was = bit(m->latch[p], i), now;
			bool takes = bit(m->gc[8], i);
			if (mode == 0)
				now = bit(m->gc[1], p) ? bit(m->gc[0], p) : turned;
			else if (mode == 2)
				now = bit(byte, p);
			else
				now = bit(m->gc[0], p);
			if (mode == 3)
				takes = takes && turned;
			switch (m->gc[3] >> 3 & 3) {
			case 1:
				now = now && was;
				break;
			case 2:
				now = now || was;
				break;
			case 3:
				now = now != was;
				break;
			}
			if (mode == 1 || !takes)
				now = was;
			result |= now << i;
		}
		if (bit(m->map_mask, p))
			m->plane[p][a] = result;
	}
}

static uint8_t model_read(struct model *m, unsigned a)
{
	uint8_t value = 0;
	for (unsigned p = 0; p < 4; p++)
		m->latch[p] = m->plane[p][a];
	if (!(m->gc[5] & 8))
		return m->latch[m->gc[4] & 3];
	for (unsigned i = 0; i < 8; i++) {
		bool same = true;
		for (unsigned p = 0; p < 4; p++)
			same &= !bit(m->gc[7], p) || bit(m->latch[p], i) == bit(m->gc[2], p);
		value |= same << i;
	}
	return value;
}

static void test_write_and_read_modes(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	struct model m = {.map_mask = 0x0f};
	set_mode(&r, &graphics_12h);
	memcpy(m.gc, graphics_12h.gc, 9);
	for (unsigned i = 0; i < 300000; i++) {
		unsigned a = any(16), value = any(256), index = any(9);
		switch (any(4)) {
		case 0:
			if (index == 6)
				break;
			if (index == 5)
				value &= 0x0b;
			gc(&r, index, value);
			m.gc[index] = value;
			break;
		case 1:
			seq(&r, 2, value);
			m.map_mask = value;
			break;
		case 2:
			poke(&r, 0xa0000 + a, value);
			model_write(&m, a, value);
			break;
		case 3:
			assert_int_equal(peek(&r, 0xa0000 + a), model_read(&m, a));
			break;
		}
	}
	close_vga(&r, v);
}

static void test_resets(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &text_80x25);
	poke(&r, 0xb8000, 'x');
	peek(&r, 0xb8000); /* to the latches */
	out(&r, 0x3c6, 0x0f);
	in(&r, 0x3da);
	out(&r, 0x3c0, 0x11); /* the next write is data */
	vga_type.reset(v, RESET_HARD);
	assert_int_equal(in(&r, 0x3cc), 0);
	assert_int_equal(in(&r, 0x3c6), 0xff);
	out(&r, 0x3c0, 0x05);
	assert_int_equal(in(&r, 0x3c0), 0x05);
	set_mode(&r, &text_80x25);
	gc(&r, 5, 0x11); /* the latches, as they are */
	poke(&r, 0xb8002, 'y');
	gc(&r, 5, 0x10);
	assert_int_equal(peek(&r, 0xb8002), 0);
	assert_int_equal(peek(&r, 0xb8000), 'x');
	vga_type.reset(v, RESET_POWER);
	set_mode(&r, &text_80x25);
	assert_int_equal(peek(&r, 0xb8000), 0);
	close_vga(&r, v);
}

/* --- time --- */

struct beam {
	unsigned lines;          /* that were shown, in a frame */
	uint64_t frame, retrace; /* ns */
};

static void until(struct rig *r, uint8_t mask, bool level, uint64_t step)
{
	while (!(in(r, 0x3da) & mask) == level)
		r->now += step;
}

static struct beam watch(struct rig *r)
{
	struct beam b = {0};
	until(r, 8, false, 100);
	until(r, 8, true, 100);
	uint64_t begin = r->now;
	until(r, 8, false, 100);
	b.retrace = r->now - begin;
	for (uint8_t was = 1, now; !((now = in(r, 0x3da)) & 8); was = now, r->now += 100) {
		b.lines += was & 1 && !(now & 1);
	}
	b.frame = r->now - begin;
	return b;
}

static void test_retrace(void **state)
{
	static const struct {
		const struct mode *mode;
		unsigned lines, frame_us, retrace_us;
	} cases[] = {
		{&text_80x25, 400, 14268, 63},   /* 28.322 MHz / 900 / 449: 70.09 Hz; 2 lines */
		{&graphics_13h, 400, 14268, 63}, /* 25.175 MHz / 800 / 449 */
		{&graphics_12h, 480, 16683, 63}, /* 59.94 Hz */
		{&graphics_04h, 400, 14268, 63}, /* half the clock, half the characters */
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rig r;
		struct vga *v = open_vga(&r);
		set_mode(&r, cases[i].mode);
		struct beam b = watch(&r);
		assert_int_equal(b.lines, cases[i].lines);
		assert_int_equal(b.frame / 1000, cases[i].frame_us);
		assert_int_equal(b.retrace / 1000, cases[i].retrace_us);
		close_vga(&r, v);
	}
}

/* Bit 0 within a line: 80 of 100 characters are shown. */
static void test_display_enable(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	set_mode(&r, &graphics_12h);
	until(&r, 8, false, 10);
	until(&r, 8, true, 10);
	until(&r, 1, false, 10);
	uint64_t begin = r.now;
	until(&r, 1, true, 10);
	assert_in_range(r.now - begin, 25400, 25440);
	until(&r, 1, false, 10);
	assert_in_range(r.now - begin, 31760, 31790);
	close_vga(&r, v);
}

/* --- hostile guests --- */

static void test_random_accesses(void **state)
{
	static struct vga_text text;
	struct vga_image image = {0};
	struct rig r;
	struct vga *v = open_vga(&r);
	for (unsigned i = 0; i < 400000; i++) {
		uint16_t port = any(16) ? 0x3b0 + any(0x30) : 0x1ce + any(2);
		uint32_t a = 0xa0000 + any(0x20000);
		unsigned size = 1u << any(3);
		if (any(4) == 0)
			out(&r, 0x3c2, any(256) | 3);
		if (any(4) == 0)
			seq(&r, any(8), any(256));
		if (any(4) == 0)
			gc(&r, any(16), any(256));
		if (any(4) == 0)
			crtc(&r, any(32), any(256));
		bus_write(r.bus, SPACE_PORT, port, size, any(UINT32_MAX));
		bus_read(r.bus, SPACE_PORT, port, size);
		bus_write(r.bus, SPACE_MEMORY, a, size, any(UINT32_MAX));
		bus_read(r.bus, SPACE_MEMORY, a, size);
		r.now += any(1 << 24);
		if (i % 512)
			continue;
		if (vga_text(vga_view(v), &text)) {
			assert_in_range(text.cols, 1, VGA_TEXT_COLS);
			assert_in_range(text.rows, 1, VGA_TEXT_ROWS);
			assert_true(text.cursor_col < text.cols && text.cursor_row < text.rows);
		}
		vga_render(vga_view(v), &image);
		assert_in_range(image.width, 8, 2 * 9 * 256);
		assert_in_range(image.height, 1, 2048);
	}
	vga_image_free(&image);
	close_vga(&r, v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_indexed_registers),
		cmocka_unit_test(test_attribute_flip_flop),
		cmocka_unit_test(test_write_protection),
		cmocka_unit_test(test_ports_of_mono_and_colour),
		cmocka_unit_test(test_dac),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_odd_even),
		cmocka_unit_test(test_chain_4),
		cmocka_unit_test(test_write_and_read_modes),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_retrace),
		cmocka_unit_test(test_display_enable),
		cmocka_unit_test(test_random_accesses),
	};
	return cmocka_run_group_tests_name("vga", tests, NULL, NULL);
}
