#include "devices/vga_internal.h"

unsigned vga_cols(const struct vga_view *v)
{
	return v->regs->crtc[CRTC_H_SHOWN] + 1;
}

unsigned vga_dots(const struct vga_view *v)
{
	return v->regs->seq[SEQ_CLOCKING] & SEQ_EIGHT_DOTS ? 8 : 9;
}

/* A vertical count: eight bits, and two of the overflow register. */
static unsigned vertical(const struct vga_view *v, unsigned index, unsigned bit8, unsigned bit9)
{
	unsigned over = v->regs->crtc[CRTC_OVERFLOW];
	return v->regs->crtc[index] | (over >> bit8 & 1) << 8 | (over >> bit9 & 1) << 9;
}

static unsigned in_lines(const struct vga_view *v, unsigned count)
{
	return v->regs->crtc[CRTC_MODE] & CRTC_HALF_LINES ? 2 * count : count;
}

unsigned vga_lines(const struct vga_view *v)
{
	return in_lines(v, vertical(v, CRTC_V_SHOWN, 1, 6) + 1);
}

static unsigned line_compare(const struct vga_view *v)
{
	unsigned low = v->regs->crtc[CRTC_LINE_COMPARE],
		 bit8 = v->regs->crtc[CRTC_OVERFLOW] >> 4 & 1;
	return in_lines(v, low | bit8 << 8 | (v->regs->crtc[CRTC_MAX_SCAN] >> 6 & 1) << 9);
}

bool vga_is_graphics(const struct vga_view *v)
{
	return v->regs->gc[GC_MISC] & GC_GRAPHICS;
}

bool vga_is_blank(const struct vga_view *v)
{
	return (v->regs->seq[SEQ_RESET] & SEQ_RUNS) != SEQ_RUNS ||
	       v->regs->seq[SEQ_CLOCKING] & SEQ_SCREEN_OFF || !(v->regs->attr_index & ATTR_SCREEN);
}

/* --- modes of VBE --- */

static bool is_bpp(unsigned bpp)
{
	return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

bool vga_vbe_fits(const struct vga_vbe *b, uint32_t words, unsigned width)
{
	return b->x_res && b->y_res && is_bpp(b->bpp) && b->x_res <= VBE_MAX_RES &&
	       b->y_res <= VBE_MAX_RES && width >= b->x_res &&
	       vga_vbe_lines(b, words, width) >= b->y_res;
}

/* --- time --- */

struct frame {
	unsigned line_dots, lines;
	uint64_t ns;
};

static struct frame frame_of(const struct vga_view *v)
{
	/* Clocks 2 and 3 are a feature connector's, where nothing is. */
	uint64_t hz = (v->regs->misc >> MISC_CLOCK_SHIFT & 3) == 1 ? 28322000 : 25175000;
	unsigned half = v->regs->seq[SEQ_CLOCKING] & SEQ_HALF_CLOCK ? 2 : 1;
	struct frame f = {
		.line_dots = (v->regs->crtc[CRTC_H_TOTAL] + 5) * vga_dots(v) * half,
		.lines = in_lines(v, vertical(v, CRTC_V_TOTAL, 0, 5) + 2),
	};
	f.ns = (uint64_t)f.line_dots * f.lines * 1000000000 / hz;
	return f;
}

uint64_t vga_frames(const struct vga_view *v)
{
	return v->ns / frame_of(v).ns;
}

uint8_t vga_beam(const struct vga_view *v)
{
	struct frame f = frame_of(v);
	uint64_t ns = v->ns % f.ns;
	uint64_t dot = ns * ((uint64_t)f.line_dots * f.lines) / f.ns;
	unsigned line = dot / f.line_dots, x = dot % f.line_dots;
	unsigned half = v->regs->seq[SEQ_CLOCKING] & SEQ_HALF_CLOCK ? 2 : 1;
	unsigned first = vertical(v, CRTC_V_SYNC, 2, 7);
	/* Four bits of the line where it ends: 1 to 16 lines. */
	unsigned sync = ((v->regs->crtc[CRTC_V_SYNC_END] - first - 1) & 15) + 1;
	bool shown = line < vga_lines(v) && x < vga_cols(v) * vga_dots(v) * half;

	return (shown ? 0 : 0x01) | (line - in_lines(v, first) < in_lines(v, sync) ? 0x08 : 0);
}

/* --- addresses --- */

void vga_scan_begin(struct vga_scan *s, const struct vga_view *v)
{
	const uint8_t *start = v->regs->crtc + CRTC_START_HIGH;
	unsigned preset = v->regs->crtc[CRTC_PRESET_ROW];

	*s = (struct vga_scan){
		.v = v,
		.lines = vga_lines(v),
		.base = (start[0] << 8 | start[1]) + (preset >> 5 & 3),
		.row_scan = preset & 0x1f,
	};
	s->row_ends = s->row_scan == (v->regs->crtc[CRTC_MAX_SCAN] & 0x1f) &&
	              !(v->regs->crtc[CRTC_MAX_SCAN] & CRTC_DOUBLE_SCAN);
}

bool vga_scan_next(struct vga_scan *s)
{
	const struct vga_view *v = s->v;
	unsigned last = v->regs->crtc[CRTC_MAX_SCAN] & 0x1f;
	bool twice = v->regs->crtc[CRTC_MAX_SCAN] & CRTC_DOUBLE_SCAN;

	if (++s->line >= s->lines)
		return false;
	if (s->line == line_compare(v) + 1) {
		/* Without bit 5 of the attribute controller's mode, panning goes on below. */
		s->base = v->regs->attr[ATTR_MODE] & ATTR_PAN_TOP
		                  ? 0
		                  : v->regs->crtc[CRTC_PRESET_ROW] >> 5 & 3;
		s->row_scan = 0;
		s->again = false;
		s->below = true;
	} else if (twice && !s->again) {
		s->again = true;
	} else {
		s->again = false;
		if (s->row_scan == last) {
			s->row_scan = 0;
			s->base += 2 * v->regs->crtc[CRTC_OFFSET];
		} else {
			s->row_scan = (s->row_scan + 1) & 0x1f;
		}
	}
	s->row_ends = s->row_scan == last && s->again == twice;
	return true;
}

uint16_t vga_scan_address(const struct vga_scan *s, unsigned col)
{
	const uint8_t *crtc = s->v->regs->crtc;
	unsigned mode = crtc[CRTC_MODE], by = crtc[CRTC_UNDERLINE];

	if (by & CRTC_COUNT_BY_4)
		col /= 4;
	else if (mode & CRTC_COUNT_BY_2)
		col /= 2;
	uint16_t counter = s->base + col, a = counter;
	if (by & CRTC_DWORDS)
		a = counter << 2 | (counter >> 12 & 3);
	else if (!(mode & CRTC_BYTES))
		a = counter << 1 | (counter >> (mode & CRTC_WRAP_15 ? 15 : 13) & 1);
	if (!(mode & CRTC_NO_SCAN_13))
		a = (a & ~0x2000) | (s->row_scan & 1) << 13;
	if (!(mode & CRTC_NO_SCAN_14))
		a = (a & ~0x4000) | (s->row_scan >> 1 & 1) << 14;
	return a;
}

unsigned vga_cursor_col(const struct vga_view *v, uint16_t base)
{
	const uint8_t *at = v->regs->crtc + CRTC_CURSOR_HIGH;
	unsigned col = (uint16_t)((at[0] << 8 | at[1]) - base);

	if (col >= vga_cols(v))
		return VGA_TEXT_COLS;
	col += v->regs->crtc[CRTC_CURSOR_END] >> 5 & 3; /* its skew */
	return col < vga_cols(v) ? col : VGA_TEXT_COLS;
}
