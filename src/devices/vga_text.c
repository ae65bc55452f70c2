#include "devices/vga_internal.h"

static void read_row(const struct vga_scan *s, struct vga_text *out)
{
	unsigned col = vga_cursor_col(s->v, s->base);

	for (unsigned i = 0; i < out->cols; i++) {
		uint32_t here = s->v->memory[vga_word(vga_scan_address(s, i))];
		out->cell[out->rows][i] = (struct vga_cell){here, here >> 8};
	}
	if (!out->cursor_on && col < out->cols) {
		out->cursor_on = true;
		out->cursor_col = col;
		out->cursor_row = out->rows;
	}
	out->rows++;
}

bool vga_text(struct vga_view view, struct vga_text *out)
{
	const struct vga_view *v = &view;
	unsigned start = v->regs->crtc[CRTC_CURSOR_START], max_scan = v->regs->crtc[CRTC_MAX_SCAN];
	struct vga_scan s;

	if (vga_is_graphics(v) || vga_vbe_bpp(v->regs))
		return false;
	out->cols = vga_cols(v);
	out->rows = 0;
	out->cell_width = vga_dots(v);
	out->cell_height = ((max_scan & 0x1f) + 1) * (max_scan & CRTC_DOUBLE_SCAN ? 2 : 1);
	out->blank = vga_is_blank(v);
	out->blink = v->regs->attr[ATTR_MODE] & ATTR_BLINK;
	out->cursor_first = start & 0x1f;
	out->cursor_last = v->regs->crtc[CRTC_CURSOR_END] & 0x1f;
	out->cursor_on = false;
	out->cursor_col = out->cursor_row = 0;
	vga_scan_begin(&s, v);
	do {
		if (s.row_ends)
			read_row(&s, out);
	} while (out->rows < VGA_TEXT_ROWS && vga_scan_next(&s));
	if (!out->rows) { /* less than one */
		vga_scan_begin(&s, v);
		read_row(&s, out);
	}
	if (start & CRTC_CURSOR_OFF || out->cursor_first > out->cursor_last ||
	    out->cursor_first > (max_scan & 0x1f))
		out->cursor_on = false;
	return true;
}
