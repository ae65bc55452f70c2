#include "devices/vga_internal.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DOTS = 9 * (VGA_TEXT_COLS + 1) }; /* of a line, and one character for panning */

/* In this frame: the cursor blinks once in 16, characters once in 32. */
struct blinking {
	bool chars_off, cursor_off;
};

/* --- characters --- */

/* Sequencer register 3: tables of 8 KiB each, in plane 2; bit 2 of the number is the odd half. */
static unsigned font_at(const struct vga *v, bool bright)
{
	unsigned select = v->seq[SEQ_FONTS];
	unsigned number =
		bright ? (select >> 2 & 3) | (select >> 3 & 4) : (select & 3) | (select >> 2 & 4);
	return (number & 3) * 0x4000 + (number >> 2) * 0x2000;
}

static bool is_cursor(const struct vga_scan *s)
{
	unsigned start = s->v->crtc[CRTC_CURSOR_START], end = s->v->crtc[CRTC_CURSOR_END] & 0x1f;
	return !(start & CRTC_CURSOR_OFF) && s->row_scan >= (start & 0x1f) && s->row_scan <= end;
}

/* One scan line of a character, in numbers of colours. */
static void draw_character(const struct vga_scan *s, uint32_t cell, bool cursor,
                           const struct blinking *b, uint8_t *out)
{
	const struct vga *v = s->v;
	uint8_t ch = cell, attr = cell >> 8, fore = attr & 15, back = attr >> 4;
	uint8_t dots = v->memory[font_at(v, attr & 8) + ch * 32 + s->row_scan] >> 16;
	bool ninth =
		v->attr[ATTR_MODE] & ATTR_LINE_GRAPHICS && ch >= 0xc0 && ch <= 0xdf && dots & 1;

	if (v->attr[ATTR_MODE] & ATTR_BLINK) {
		if (back & 8 && b->chars_off)
			dots = ninth = 0;
		back &= 7;
	}
	/* Underlined: blue on black by number, whatever bits 3 and 7. */
	if (cursor || ((attr & 0x77) == 1 && s->row_scan == (v->crtc[CRTC_UNDERLINE] & 0x1f))) {
		dots = 0xff;
		ninth = true;
	}
	for (unsigned i = 0; i < 8; i++)
		out[i] = dots << i & 0x80 ? fore : back;
	out[8] = ninth ? fore : back; /* overwritten where characters have eight */
}

static void draw_text_line(const struct vga_scan *s, unsigned cols, const struct blinking *b,
                           uint8_t *out)
{
	unsigned dots = vga_dots(s->v), cursor = VGA_TEXT_COLS;

	if (is_cursor(s) && !b->cursor_off)
		cursor = vga_cursor_col(s->v, s->base);
	for (unsigned i = 0; i < cols; i++, out += dots) {
		uint32_t cell = s->v->memory[vga_scan_address(s, i)];
		draw_character(s, cell, i == cursor && i < VGA_TEXT_COLS, b, out);
	}
}

/* --- graphics: what the shift registers make of four bytes --- */

static uint8_t plane_byte(uint32_t bytes, unsigned plane)
{
	return bytes >> 8 * plane;
}

static void draw_planar(uint32_t bytes, uint8_t *out)
{
	for (unsigned i = 0; i < 8; i++) {
		uint32_t bits = bytes >> (7 - i) & 0x01010101;
		out[i] = (bits | bits >> 7 | bits >> 14 | bits >> 21) & 15;
	}
}

/* Graphics controller mode, bit 5: pairs of bits, of planes 0 and 2, then of 1 and 3. */
static void draw_pairs(uint32_t bytes, uint8_t *out)
{
	for (unsigned i = 0; i < 8; i++) {
		unsigned plane = i / 4, shift = 6 - 2 * (i % 4);
		out[i] = (plane_byte(bytes, plane) >> shift & 3) |
		         (plane_byte(bytes, plane + 2) >> shift & 3) << 2;
	}
}

static void draw_256(uint32_t bytes, uint8_t *out)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = plane_byte(bytes, i / 2);
}

static void draw_graphics_line(const struct vga_scan *s, unsigned cols, uint8_t *out)
{
	const struct vga *v = s->v;
	unsigned mode = v->gc[GC_MODE], dots = vga_dots(v);

	for (unsigned i = 0; i < cols; i++, out += dots) {
		uint32_t bytes = v->memory[vga_scan_address(s, i)];
		if (mode & GC_SHIFT_256)
			draw_256(bytes, out);
		else if (mode & GC_SHIFT_PAIRS)
			draw_pairs(bytes, out);
		else
			draw_planar(bytes, out);
		out[8] = 0;
	}
}

/* Dots that the picture is moved to the left: of nine, 8 stands for none and 0 for one. */
static unsigned panning(const struct vga_scan *s)
{
	const uint8_t *attr = s->v->attr;
	unsigned pan = s->below && attr[ATTR_MODE] & ATTR_PAN_TOP ? 0 : attr[ATTR_PANNING];

	if (vga_dots(s->v) == 9)
		return pan >= 8 ? 0 : pan + 1;
	return pan & 7;
}

/* --- colours --- */

static void dac_colour(const struct vga *v, uint8_t index, uint8_t *rgb)
{
	const uint8_t *colour = v->dac[index & v->dac_mask];
	for (unsigned i = 0; i < 3; i++)
		rgb[i] = colour[i] << 2 | colour[i] >> 4;
}

/* Numbers of colours to red, green and blue: by the attribute controller's palette, but for those
 * of eight bits. */
static void make_colours(const struct vga *v, uint8_t rgb[256][3])
{
	bool of_256 = vga_is_graphics(v) && v->gc[GC_MODE] & GC_SHIFT_256;
	unsigned select = v->attr[ATTR_SELECT];

	for (unsigned i = 0; i < 256; i++) {
		unsigned index = i;
		if (!of_256) {
			index = v->attr[i & v->attr[ATTR_PLANES] & 15] | (select & 0x0c) << 4;
			if (v->attr[ATTR_MODE] & ATTR_SELECT_45)
				index = (index & 0xcf) | (select & 3) << 4;
		}
		dac_colour(v, index, rgb[i]);
	}
}

/* --- the image --- */

static void size_image(struct vga_image *image, unsigned width, unsigned height)
{
	size_t bytes = (size_t)width * height * 3;

	image->width = width;
	image->height = height;
	if (bytes <= image->room)
		return;
	free(image->rgb);
	image->rgb = malloc(bytes);
	CHECK(image->rgb);
	image->room = bytes;
}

void vga_render(const struct vga *v, struct vga_image *image)
{
	unsigned cols = vga_cols(v), width = cols * vga_dots(v);
	unsigned each = v->seq[SEQ_CLOCKING] & SEQ_HALF_CLOCK ? 2 : 1;
	uint64_t frames = vga_frames(v);
	struct blinking b = {frames & 16, frames & 8};
	uint8_t line[MAX_DOTS + 1] = {0}, rgb[256][3]; /* the last character's ninth dot */
	struct vga_scan s;

	vga_scan_begin(&s, v);
	size_image(image, width * each, s.lines);
	make_colours(v, rgb);
	uint8_t *out = image->rgb;
	if (vga_is_blank(v)) {
		memset(out, 0, (size_t)3 * image->width * image->height);
		return;
	}
	do {
		const uint8_t *from = line + panning(&s);
		if (vga_is_graphics(v))
			draw_graphics_line(&s, cols + 1, line);
		else
			draw_text_line(&s, cols + 1, &b, line);
		for (unsigned x = 0; x < width * each; x++, out += 3)
			memcpy(out, rgb[from[x / each]], 3);
	} while (vga_scan_next(&s));
}

void vga_image_free(struct vga_image *image)
{
	free(image->rgb);
	*image = (struct vga_image){0};
}
