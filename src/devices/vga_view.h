/* What a VGA shows: text and pixels, of its registers and its memory alone.  Whoever has these can
 * look, another process too; whatever they hold, nothing else is reached. */
#ifndef UNRING_DEVICES_VGA_VIEW_H
#define UNRING_DEVICES_VGA_VIEW_H

#include "base/types.h"

#include <stddef.h>

enum { VGA_LEAST_MEMORY = 256 << 10 };

/* How many registers are behind an index. */
enum { VGA_SEQ_COUNT = 5, VGA_CRTC_COUNT = 25, VGA_GC_COUNT = 9, VGA_ATTR_COUNT = 21 };

/* Those of Bochs's display interface. */
struct vga_vbe {
	uint16_t index, id;
	uint16_t x_res, y_res, bpp; /* as written; they fit while a mode is on */
	uint16_t enable, bank;
	uint16_t width; /* pixels from one line to the next */
	uint16_t x, y;  /* of the picture in them */
};

/* The registers from which a picture follows. */
struct vga_registers {
	uint8_t misc;
	uint8_t seq[VGA_SEQ_COUNT];
	uint8_t crtc[VGA_CRTC_COUNT];
	uint8_t gc[VGA_GC_COUNT];
	uint8_t attr_index, attr[VGA_ATTR_COUNT];
	uint8_t dac_mask;
	uint8_t dac[256][3]; /* red, green, blue: 6 bits each, or 8 (VBE_DAC_8) */
	struct vga_vbe vbe;
};

struct vga_view {
	const struct vga_registers *regs;
	/* Plane p is bits 8p to 8p + 7 of each; a power of two of them, VGA_LEAST_MEMORY bytes at
	 * least. */
	const uint32_t *memory;
	uint32_t words;
	uint64_t ns; /* a time; what blinks goes by it */
};

/* Could the registers of a VGA be these?  What another process has there must be, before more is
 * asked; from vga_view() they are. */
bool vga_view_is_good(struct vga_view v);

/* The bytes of memory that the picture depends on: nothing else in it changes what is seen. */
struct vga_extent {
	uint32_t at, bytes; /* they may go on at the memory's beginning */
} vga_extent(struct vga_view v);

/* --- the text --- */

enum { VGA_TEXT_COLS = 256, VGA_TEXT_ROWS = 128 };

struct vga_cell {
	uint8_t ch, attr;
};

struct vga_text {
	unsigned cols, rows;              /* from 1 on */
	unsigned cell_width, cell_height; /* dots and scan lines of a character */
	bool blank;                       /* the screen is off: none of it is seen */
	bool blink;     /* bit 7 of an attribute: blinks; else a bright background */
	bool cursor_on; /* is shown: it has lines, and is on the screen */
	unsigned cursor_col, cursor_row;    /* 0 where it is not on the screen */
	unsigned cursor_first, cursor_last; /* its lines within the character */
	struct vga_cell cell[VGA_TEXT_ROWS][VGA_TEXT_COLS];
};

/* Rows that the screen shows whole; false in a graphics mode. */
bool vga_text(struct vga_view v, struct vga_text *out);

/* --- pixels --- */

/* As a monitor shows them: scan lines that are sent twice are there twice, and so are the dots of
 * a dot clock that is halved. */
struct vga_image {
	unsigned width, height;
	uint8_t *rgb; /* 3 bytes for each pixel; from malloc */
	size_t room;
};

/* The size alone. */
void vga_size(struct vga_view v, unsigned *width, unsigned *height);
/* image is zero, or what another call left there. */
void vga_render(struct vga_view v, struct vga_image *image);
void vga_image_free(struct vga_image *image);

#endif
