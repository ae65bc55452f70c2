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
static unsigned font_at(const struct vga_view *v, bool bright)
{
	unsigned select = v->regs->seq[SEQ_FONTS];
	unsigned number =
		bright ? (select >> 2 & 3) | (select >> 3 & 4) : (select & 3) | (select >> 2 & 4);
	return (number & 3) * 0x4000 + (number >> 2) * 0x2000;
}

static bool is_cursor(const struct vga_scan *s)
{
	unsigned start = s->v->regs->crtc[CRTC_CURSOR_START],
		 end = s->v->regs->crtc[CRTC_CURSOR_END] & 0x1f;
	return !(start & CRTC_CURSOR_OFF) && s->row_scan >= (start & 0x1f) && s->row_scan <= end;
}

/* One scan line of a character, in numbers of colours. */
static void draw_character(const struct vga_scan *s, uint32_t cell, bool cursor,
                           const struct blinking *b, uint8_t *out)
{
	const struct vga_view *v = s->v;
	uint8_t ch = cell, attr = cell >> 8, fore = attr & 15, back = attr >> 4;
	uint8_t dots = v->memory[vga_word(font_at(v, attr & 8) + ch * 32 + s->row_scan)] >> 16;
	bool ninth = v->regs->attr[ATTR_MODE] & ATTR_LINE_GRAPHICS && ch >= 0xc0 && ch <= 0xdf &&
	             dots & 1;

	if (v->regs->attr[ATTR_MODE] & ATTR_BLINK) {
		if (back & 8 && b->chars_off)
			dots = ninth = 0;
		back &= 7;
	}
	/* Underlined: blue on black by number, whatever bits 3 and 7. */
	if (cursor ||
	    ((attr & 0x77) == 1 && s->row_scan == (v->regs->crtc[CRTC_UNDERLINE] & 0x1f))) {
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
		uint32_t cell = s->v->memory[vga_word(vga_scan_address(s, i))];
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
	const struct vga_view *v = s->v;
	unsigned mode = v->regs->gc[GC_MODE], dots = vga_dots(v);

	for (unsigned i = 0; i < cols; i++, out += dots) {
		uint32_t bytes = v->memory[vga_word(vga_scan_address(s, i))];
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
	const uint8_t *attr = s->v->regs->attr;
	unsigned pan = s->below && attr[ATTR_MODE] & ATTR_PAN_TOP ? 0 : attr[ATTR_PANNING];

	if (vga_dots(s->v) == 9)
		return pan >= 8 ? 0 : pan + 1;
	return pan & 7;
}

/* --- colours --- */

static void dac_colour(const struct vga_view *v, uint8_t index, uint8_t *rgb)
{
	const uint8_t *colour = v->regs->dac[index & v->regs->dac_mask];
	for (unsigned i = 0; i < 3; i++) {
		uint8_t six = colour[i] & 0x3f;
		rgb[i] = v->regs->vbe.enable & VBE_DAC_8 ? colour[i] : six << 2 | six >> 4;
	}
}

/* Numbers of colours to red, green and blue: by the attribute controller's palette, but for those
 * of eight bits.  In graphics blinking is another bit 3, behind the planes' enable: so the palette
 * that the BIOS has for mode 0Fh makes one of its four colours blink. */
static void make_colours(const struct vga_view *v, bool of_256, bool other, uint8_t rgb[256][3])
{
	unsigned select = v->regs->attr[ATTR_SELECT];

	for (unsigned i = 0; i < 256; i++) {
		unsigned index = i;
		if (!of_256) {
			unsigned bits = (i & v->regs->attr[ATTR_PLANES] & 15) ^ (other ? 8 : 0);
			index = v->regs->attr[bits] | (select & 0x0c) << 4;
			if (v->regs->attr[ATTR_MODE] & ATTR_SELECT_45)
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

static void render_vga(const struct vga_view *v, struct vga_image *image)
{
	unsigned cols = vga_cols(v), width = cols * vga_dots(v), each = image->width / width;
	uint64_t frames = vga_frames(v);
	struct blinking b = {frames & 16, frames & 8};
	uint8_t line[MAX_DOTS + 1] = {0}, rgb[256][3]; /* the last character's ninth dot */
	uint8_t *out = image->rgb;
	struct vga_scan s;

	vga_scan_begin(&s, v);
	bool graphics = vga_is_graphics(v);
	make_colours(v, graphics && v->regs->gc[GC_MODE] & GC_SHIFT_256,
	             graphics && v->regs->attr[ATTR_MODE] & ATTR_BLINK && b.chars_off, rgb);
	do {
		const uint8_t *from = line + panning(&s);
		if (graphics)
			draw_graphics_line(&s, cols + 1, line);
		else
			draw_text_line(&s, cols + 1, &b, line);
		for (unsigned x = 0; x < width * each; x++, out += 3)
			memcpy(out, rgb[from[x / each]], 3);
	} while (vga_scan_next(&s));
}

/* --- modes of VBE --- */

static uint8_t wider(unsigned value, unsigned bits)
{
	return value << (8 - bits) | value >> (2 * bits - 8);
}

/* A pixel of 15 bits and more. */
static void direct_colour(uint32_t pixel, unsigned bpp, uint8_t *rgb)
{
	unsigned green = bpp == 16 ? 6 : 5;

	if (bpp > 16) {
		rgb[0] = pixel >> 16;
		rgb[1] = pixel >> 8;
		rgb[2] = pixel;
		return;
	}
	rgb[0] = wider(pixel >> (5 + green) & 0x1f, 5);
	rgb[1] = wider(pixel >> 5 & ((1u << green) - 1), green);
	rgb[2] = wider(pixel & 0x1f, 5);
}

/* The line's pixels from byte `at` of memory on, around whose end they go. */
static void render_linear(const struct vga_view *v, uint32_t at, uint8_t rgb[256][3], uint8_t *out)
{
	const uint8_t *memory = (const uint8_t *)v->memory;
	unsigned bpp = v->regs->vbe.bpp, bytes = (bpp + 7) / 8;
	uint32_t mask = 4 * v->words - 1;

	for (unsigned x = 0; x < v->regs->vbe.x_res; x++, at += bytes, out += 3) {
		uint32_t pixel = 0;
		for (unsigned i = 0; i < bytes; i++)
			pixel |= (uint32_t)memory[(at + i) & mask] << 8 * i;
		if (bpp == 8)
			memcpy(out, rgb[pixel], 3);
		else
			direct_colour(pixel, bpp, out);
	}
}

/* The same of four planes. */
static void render_planes(const struct vga_view *v, uint32_t dot, uint8_t rgb[256][3], uint8_t *out)
{
	for (unsigned x = 0; x < v->regs->vbe.x_res; x++, dot++, out += 3) {
		uint32_t place = dot / 8 & (v->words - 1);
		uint32_t four = v->memory[(place & ~0xffffu) | vga_word(place)];
		uint8_t dots[8];
		draw_planar(four, dots);
		memcpy(out, rgb[dots[dot % 8]], 3);
	}
}

static void render_vbe(const struct vga_view *v, struct vga_image *image)
{
	unsigned bpp = v->regs->vbe.bpp;
	uint8_t rgb[256][3];

	make_colours(v, bpp == 8, false, rgb);
	for (unsigned y = 0; y < image->height; y++) {
		uint8_t *out = image->rgb + (size_t)3 * y * image->width;
		uint32_t pixel = (v->regs->vbe.y + y) * v->regs->vbe.width + v->regs->vbe.x;
		if (bpp == 4)
			render_planes(v, pixel, rgb, out);
		else
			render_linear(v, pixel * ((bpp + 7) / 8), rgb, out);
	}
}

static void size_of(const struct vga_view *v, unsigned *width, unsigned *height)
{
	unsigned each = v->regs->seq[SEQ_CLOCKING] & SEQ_HALF_CLOCK ? 2 : 1;

	*width = vga_vbe_bpp(v->regs) ? v->regs->vbe.x_res : vga_cols(v) * vga_dots(v) * each;
	*height = vga_vbe_bpp(v->regs) ? v->regs->vbe.y_res : vga_lines(v);
}

void vga_size(struct vga_view v, unsigned *width, unsigned *height)
{
	size_of(&v, width, height);
}

bool vga_view_is_good(struct vga_view v)
{
	const struct vga_vbe *b = &v.regs->vbe;
	return !vga_vbe_bpp(v.regs) || vga_vbe_fits(b, v.words, b->width);
}

/* Everything that the VGA's own registers can show is in the first 256 KiB, as much as a place of 16
 * bits reaches in four planes. */
struct vga_extent vga_extent(struct vga_view v)
{
	const struct vga_vbe *b = &v.regs->vbe;
	uint32_t mask = 4 * v.words - 1, each = (b->bpp + 7) / 8;
	uint32_t first = b->y * b->width + b->x, pixels = (b->y_res - 1u) * b->width + b->x_res;
	uint32_t bank = first / 8 / VGA_PLANE,
		 banks = (first + pixels - 1) / 8 / VGA_PLANE - bank + 1;

	if (!vga_vbe_bpp(v.regs))
		return (struct vga_extent){0, VGA_LEAST_MEMORY};
	if (!vga_is_linear(v.regs))
		return (struct vga_extent){bank * VGA_LEAST_MEMORY & mask,
		                           banks * VGA_LEAST_MEMORY};
	return (struct vga_extent){first * each & mask, pixels * each};
}

void vga_render(struct vga_view view, struct vga_image *image)
{
	const struct vga_view *v = &view;
	unsigned width, height;

	size_of(v, &width, &height);
	size_image(image, width, height);
	if (vga_is_blank(v))
		memset(image->rgb, 0, (size_t)3 * width * height);
	else if (vga_vbe_bpp(v->regs))
		render_vbe(v, image);
	else
		render_vga(v, image);
}

void vga_image_free(struct vga_image *image)
{
	free(image->rgb);
	*image = (struct vga_image){0};
}
