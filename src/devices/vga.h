/* A VGA: sequencer, CRT controller, graphics and attribute controllers, DAC, and memory, the first
 * 256 KiB of which are four planes behind A0000h to BFFFFh.  Nothing knows modes: what is shown follows from the registers,
 * one by one, when somebody looks.  IBM PS/2 Hardware Interface Technical Reference, Video
 * Subsystem; Inmos IMS G171 data sheet (DAC); Bochs VBE Display API (ports 1CEh, 1CFh), of
 * which a mode takes the place of what the VGA's registers say. */
#ifndef UNRING_DEVICES_VGA_H
#define UNRING_DEVICES_VGA_H

#include "devices/bus.h"
#include "devices/device.h"

struct vga;
extern const struct device_type vga_type;

enum { VGA_LEAST_MEMORY = 256 << 10 };

/* What a VGA keeps its picture in. */
struct vga_memory {
	uint8_t *at;    /* NULL: of its own, which the processor never finds without it */
	uint32_t bytes; /* a power of two; 0: VGA_LEAST_MEMORY */
	uint32_t page;  /* of the machine's memory, where it begins: struct bus_memory */
	/* It has stored to bytes from offset on.  NULL: nobody asks. */
	void *ctx;
	void (*stored)(void *ctx, uint32_t offset, uint32_t bytes);
};

/* The clock is what the retrace and blinking go by.  The memory is all zero. */
struct vga *vga_create(struct bus *bus, struct clock *clock, struct vga_memory memory);

/* Another number than before: what is shown may be another.  What blinks does not count.  While
 * the processor stores to what is shown without the VGA (chained memory, a mode of VBE), each call
 * gives another number: who wants to know what is new compares.  Not noticed are stores by
 * the linear frame buffer while no mode of VBE is on. */
uint64_t vga_generation(struct vga *v);

/* The linear frame buffer: what the processor finds there by itself, or by the handler. */
struct region_handler vga_frame_buffer(struct vga *v);
uint32_t vga_memory_bytes(const struct vga *v);

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

/* The size alone. */
void vga_size(const struct vga *v, unsigned *width, unsigned *height);
/* image is zero, or what another call left there. */
void vga_render(const struct vga *v, struct vga_image *image);
void vga_image_free(struct vga_image *image);

#endif
