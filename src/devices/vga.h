/* A VGA: sequencer, CRT controller, graphics and attribute controllers, DAC, and 256 KiB in four
 * planes behind A0000h to BFFFFh.  Nothing knows modes: what is shown follows from the registers,
 * one by one, when somebody looks.  IBM PS/2 Hardware Interface Technical Reference, Video
 * Subsystem; Inmos IMS G171 data sheet (DAC); Bochs VBE Display API (ports 1CEh, 1CFh), of which
 * the registers are there by which a BIOS finds out that there are no further modes. */
#ifndef UNRING_DEVICES_VGA_H
#define UNRING_DEVICES_VGA_H

#include "devices/bus.h"
#include "devices/device.h"

struct vga;
extern const struct device_type vga_type;

/* The clock is what the retrace and blinking go by. */
struct vga *vga_create(struct bus *bus, struct clock *clock);

/* Another number than before: what is shown may be another.  What blinks does not count. */
uint64_t vga_generation(const struct vga *v);

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
bool vga_text(const struct vga *v, struct vga_text *out);

/* --- pixels --- */

/* As a monitor shows them: scan lines that are sent twice are there twice, and so are the dots of
 * a dot clock that is halved. */
struct vga_image {
	unsigned width, height;
	uint8_t *rgb; /* 3 bytes for each pixel; from malloc */
	size_t room;
};

/* image is zero, or what another call left there. */
void vga_render(const struct vga *v, struct vga_image *image);
void vga_image_free(struct vga_image *image);

#endif
