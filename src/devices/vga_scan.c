#include "devices/vga_internal.h"

unsigned vga_cols(const struct vga *v)
{
	return v->crtc[CRTC_H_SHOWN] + 1;
}

unsigned vga_dots(const struct vga *v)
{
	return v->seq[SEQ_CLOCKING] & SEQ_EIGHT_DOTS ? 8 : 9;
}

/* A vertical count: eight bits, and two of the overflow register. */
static unsigned vertical(const struct vga *v, unsigned index, unsigned bit8, unsigned bit9)
{
	unsigned over = v->crtc[CRTC_OVERFLOW];
	return v->crtc[index] | (over >> bit8 & 1) << 8 | (over >> bit9 & 1) << 9;
}

static unsigned in_lines(const struct vga *v, unsigned count)
{
	return v->crtc[CRTC_MODE] & CRTC_HALF_LINES ? 2 * count : count;
}

unsigned vga_lines(const struct vga *v)
{
	return in_lines(v, vertical(v, CRTC_V_SHOWN, 1, 6) + 1);
}

static unsigned line_compare(const struct vga *v)
{
	unsigned low = v->crtc[CRTC_LINE_COMPARE], bit8 = v->crtc[CRTC_OVERFLOW] >> 4 & 1;
	return in_lines(v, low | bit8 << 8 | (v->crtc[CRTC_MAX_SCAN] >> 6 & 1) << 9);
}

bool vga_is_graphics(const struct vga *v)
{
	return v->gc[GC_MISC] & GC_GRAPHICS;
}

bool vga_is_blank(const struct vga *v)
{
	return (v->seq[SEQ_RESET] & SEQ_RUNS) != SEQ_RUNS ||
	       v->seq[SEQ_CLOCKING] & SEQ_SCREEN_OFF || !(v->attr_index & ATTR_SCREEN);
}

/* --- time --- */

struct frame {
	unsigned line_dots, lines;
	uint64_t ns;
};

static struct frame frame_of(const struct vga *v)
{
	/* Clocks 2 and 3 are a feature connector's, where nothing is. */
	uint64_t hz = (v->misc >> MISC_CLOCK_SHIFT & 3) == 1 ? 28322000 : 25175000;
	unsigned half = v->seq[SEQ_CLOCKING] & SEQ_HALF_CLOCK ? 2 : 1;
	struct frame f = {
		.line_dots = (v->crtc[CRTC_H_TOTAL] + 5) * vga_dots(v) * half,
		.lines = in_lines(v, vertical(v, CRTC_V_TOTAL, 0, 5) + 2),
	};
	f.ns = (uint64_t)f.line_dots * f.lines * 1000000000 / hz;
	return f;
}

uint64_t vga_frames(const struct vga *v)
{
	return clock_now(v->clock) / frame_of(v).ns;
}

uint8_t vga_beam(const struct vga *v)
{
	struct frame f = frame_of(v);
	uint64_t ns = clock_now(v->clock) % f.ns;
	uint64_t dot = ns * ((uint64_t)f.line_dots * f.lines) / f.ns;
	unsigned line = dot / f.line_dots, x = dot % f.line_dots;
	unsigned half = v->seq[SEQ_CLOCKING] & SEQ_HALF_CLOCK ? 2 : 1;
	unsigned first = vertical(v, CRTC_V_SYNC, 2, 7);
	/* Four bits of the line where it ends: 1 to 16 lines. */
	unsigned sync = ((v->crtc[CRTC_V_SYNC_END] - first - 1) & 15) + 1;
	bool shown = line < vga_lines(v) && x < vga_cols(v) * vga_dots(v) * half;

	return (shown ? 0 : 0x01) | (line - in_lines(v, first) < in_lines(v, sync) ? 0x08 : 0);
}

/* --- addresses --- */

void vga_scan_begin(struct vga_scan *s, const struct vga *v)
{
	const uint8_t *start = v->crtc + CRTC_START_HIGH;
	unsigned preset = v->crtc[CRTC_PRESET_ROW];

	*s = (struct vga_scan){
		.v = v,
		.lines = vga_lines(v),
		.base = (start[0] << 8 | start[1]) + (preset >> 5 & 3),
		.row_scan = preset & 0x1f,
	};
	s->row_ends = s->row_scan == (v->crtc[CRTC_MAX_SCAN] & 0x1f) &&
	              !(v->crtc[CRTC_MAX_SCAN] & CRTC_DOUBLE_SCAN);
}

bool vga_scan_next(struct vga_scan *s)
{
	const struct vga *v = s->v;
	unsigned last = v->crtc[CRTC_MAX_SCAN] & 0x1f;
	bool twice = v->crtc[CRTC_MAX_SCAN] & CRTC_DOUBLE_SCAN;

	if (++s->line >= s->lines)
		return false;
	if (s->line == line_compare(v) + 1) {
		/* Without bit 5 of the attribute controller's mode, panning goes on below. */
		s->base = v->attr[ATTR_MODE] & ATTR_PAN_TOP ? 0 : v->crtc[CRTC_PRESET_ROW] >> 5 & 3;
		s->row_scan = 0;
		s->again = false;
		s->below = true;
	} else if (twice && !s->again) {
		s->again = true;
	} else {
		s->again = false;
		if (s->row_scan == last) {
			s->row_scan = 0;
			s->base += 2 * v->crtc[CRTC_OFFSET];
		} else {
			s->row_scan = (s->row_scan + 1) & 0x1f;
		}
	}
	s->row_ends = s->row_scan == last && s->again == twice;
	return true;
}

uint16_t vga_scan_address(const struct vga_scan *s, unsigned col)
{
	const uint8_t *crtc = s->v->crtc;
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

unsigned vga_cursor_col(const struct vga *v, uint16_t base)
{
	const uint8_t *at = v->crtc + CRTC_CURSOR_HIGH;
	unsigned col = (uint16_t)((at[0] << 8 | at[1]) - base);

	if (col >= vga_cols(v))
		return VGA_TEXT_COLS;
	col += v->crtc[CRTC_CURSOR_END] >> 5 & 3; /* its skew */
	return col < vga_cols(v) ? col : VGA_TEXT_COLS;
}
