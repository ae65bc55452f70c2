/* What the VGA's files share.  From the top down:
 *
 *   vga.c          ports, life
 *   vga_vbe.c      the display interface of Bochs
 *   vga_memory.c   the window at A0000h
 *   vga_render.c   pixels
 *   vga_text.c     cells
 *   vga_scan.c     what the CRT controller does: addresses, time
 *
 * None calls one above it. */
#ifndef UNRING_DEVICES_VGA_INTERNAL_H
#define UNRING_DEVICES_VGA_INTERNAL_H

#include "base/registers.h"
#include "devices/vga.h"

enum {
	VGA_PLANE = 65536, /* bytes that are reached of each plane */
	VGA_WINDOW = 0xa0000,
	VGA_WINDOW_BYTES = 0x20000,
	VGA_BANK = 0x10000,
};

enum {
	MISC_COLOUR = 0x01, /* the CRT controller is at 3D4h, else at 3B4h */
	MISC_MEMORY = 0x02,
	MISC_CLOCK_SHIFT = 2,
};

enum sequencer_register {
	SEQ_RESET,
	SEQ_CLOCKING,
	SEQ_MAP_MASK,
	SEQ_FONTS,
	SEQ_MEMORY,

	SEQ_RUNS = 0x03,       /* of reset: both bits */
	SEQ_EIGHT_DOTS = 0x01, /* of clocking */
	SEQ_HALF_CLOCK = 0x08,
	SEQ_SCREEN_OFF = 0x20,
	SEQ_SEQUENTIAL = 0x04, /* of memory: not odd/even */
	SEQ_CHAIN_4 = 0x08,
};

enum crtc_register {
	CRTC_H_TOTAL = 0x00,
	CRTC_H_SHOWN = 0x01,
	CRTC_V_TOTAL = 0x06,
	CRTC_OVERFLOW = 0x07,
	CRTC_PRESET_ROW = 0x08,
	CRTC_MAX_SCAN = 0x09,
	CRTC_CURSOR_START = 0x0a,
	CRTC_CURSOR_END = 0x0b,
	CRTC_START_HIGH = 0x0c,
	CRTC_CURSOR_HIGH = 0x0e,
	CRTC_V_SYNC = 0x10,
	CRTC_V_SYNC_END = 0x11,
	CRTC_V_SHOWN = 0x12,
	CRTC_OFFSET = 0x13,
	CRTC_UNDERLINE = 0x14,
	CRTC_MODE = 0x17,
	CRTC_LINE_COMPARE = 0x18,

	CRTC_DOUBLE_SCAN = 0x80, /* of max_scan */
	CRTC_CURSOR_OFF = 0x20,  /* of cursor_start */
	CRTC_PROTECT = 0x80,     /* of v_sync_end: indexes 0 to 7 */
	CRTC_OVERFLOW_COMPARE = 0x10,
	CRTC_COUNT_BY_4 = 0x20, /* of underline */
	CRTC_DWORDS = 0x40,
	CRTC_NO_SCAN_13 = 0x01, /* of mode: address bit 13 is not the row scan's bit 0 */
	CRTC_NO_SCAN_14 = 0x02,
	CRTC_HALF_LINES = 0x04, /* vertical counts are of two lines */
	CRTC_COUNT_BY_2 = 0x08,
	CRTC_WRAP_15 = 0x20,
	CRTC_BYTES = 0x40,
};

enum graphics_register {
	GC_SET_RESET,
	GC_ENABLE_SET_RESET,
	GC_COMPARE,
	GC_ROTATE,
	GC_READ_MAP,
	GC_MODE,
	GC_MISC,
	GC_CARE,
	GC_BIT_MASK,

	GC_WRITE_MODE = 0x03, /* of mode */
	GC_READ_COMPARE = 0x08,
	GC_READ_ODD_EVEN = 0x10,
	GC_SHIFT_PAIRS = 0x20,
	GC_SHIFT_256 = 0x40,
	GC_GRAPHICS = 0x01, /* of misc */
	GC_CHAIN_ODD_EVEN = 0x02,
	GC_MAP_B = 0x08, /* of the window: one of those that begin at B0000h */
};

enum attribute_register {
	ATTR_MODE = 0x10,
	ATTR_OVERSCAN = 0x11,
	ATTR_PLANES = 0x12,
	ATTR_PANNING = 0x13,
	ATTR_SELECT = 0x14,

	ATTR_LINE_GRAPHICS = 0x04, /* of mode */
	ATTR_BLINK = 0x08,
	ATTR_PAN_TOP = 0x20, /* panning ends at the line compare */
	ATTR_SELECT_45 = 0x80,
	ATTR_SCREEN = 0x20, /* of the index */
};

/* Bits of the register VBE_ENABLE. */
enum {
	VBE_ENABLED = 0x01,
	VBE_GET_MAXIMA = 0x02,
	VBE_DAC_8 = 0x20,
	VBE_LINEAR = 0x40,
	VBE_KEEP = 0x80, /* what is in memory, as a mode begins */
};

/* The CRT controller and input status 1, where one of two kinds of display has them. */
struct vga_ports {
	struct vga *vga;
	bool colour;
};

/* How A0000h to BFFFFh lead to memory, by the registers. */
struct vga_paths {
	uint32_t base, bytes; /* from A0000h on; the rest leads nowhere */
	bool linear;          /* not to planes */
	bool chained;         /* ... by some bits of an address */
	uint32_t bank;        /* where it begins: in bytes, or in words of planes */
};

struct vga {
	struct clock *clock;
	struct bus *bus;
	struct vga_ports mono, colour;
	uint64_t generation;

	struct vga_registers *regs; /* of what is shown; the rest: */
	bool enabled;               /* port 3C3h */
	uint8_t feature;
	uint8_t seq_index, crtc_index, gc_index;
	bool attr_data; /* what is written to 3C0h next is data */

	uint8_t dac_index, dac_step;
	bool dac_reads; /* the index was written to 3C7h */
	uint8_t dac_value[3];

	uint32_t latch;
	struct vga_memory host;
	/* Plane p is bits 8p to 8p + 7 of each; where a place of the planes is: vga_word(). */
	uint32_t *memory;
	uint32_t words;
	int window; /* its region */
	struct vga_paths paths;
	unsigned plain;    /* accesses to it that need not have come here, one after the other */
	uint32_t plain_at; /* where in memory A0000h is that and nothing else; VGA_NOWHERE */
	uint32_t shown;    /* where the processor finds A0000h in memory; VGA_NOWHERE */
};

#define VGA_NOWHERE UINT32_MAX

/* A byte in each plane whose bit is set: FFh there. */
static inline uint32_t vga_planes(unsigned planes)
{
	return ((planes & 15) * 0x204081 & 0x01010101) * 0xff;
}

/* Which word of memory the planes have at a place.  A processor's address a that is chained by
 * four is at place (a & FFFCh) | (a >> 14 & 3) of plane a & 3, and here at byte a: so memory that
 * is chained can be shown to the processor as it is.  The two bits that are in such a place
 * twice tell the places between from them. */
static inline uint32_t vga_word(uint16_t place)
{
	return place >> 2 | ((place ^ place >> 14) & 3) << 14;
}

/* Bits of a pixel in the mode of VBE that is on; 0: none is. */
static inline unsigned vga_vbe_bpp(const struct vga_registers *r)
{
	return r->vbe.enable & VBE_ENABLED ? r->vbe.bpp : 0;
}

/* Not a mode whose memory is in planes? */
static inline bool vga_is_linear(const struct vga_registers *r)
{
	return vga_vbe_bpp(r) > 4;
}

enum { VBE_MAX_RES = 4096, VBE_MAX_BPP = 32 };

/* Lines of so much memory that are so wide; of four planes each has an eighth of a line's pixels
 * in bytes. */
static inline uint32_t vga_vbe_lines(const struct vga_vbe *b, uint32_t words, unsigned width)
{
	unsigned bpp = b->bpp;
	uint64_t all = bpp == 4 ? (uint64_t)words * 8 : 4 * words / ((bpp + 7) / 8);

	return width ? (uint32_t)(all / width) : 0;
}

/* --- vga_vbe.c --- */

void vga_vbe_map(struct vga *v); /* its ports */
void vga_vbe_reset(struct vga *v);
void vga_vbe_state(struct vga *v, struct archive *a);

/* --- vga_memory.c: the handlers of the window; offsets are from A0000h --- */

uint32_t vga_memory_read(void *ctx, uint32_t offset, unsigned size);
void vga_memory_write(void *ctx, uint32_t offset, unsigned size, uint32_t value);
bool vga_memory_leaf(void *ctx, uint32_t offset, unsigned size, bool writes, uint32_t *value);
void vga_memory_run(void *ctx, const struct mem_run *r);
/* Registers are others, and the processor finds nothing by itself at A0000h. */
void vga_memory_look(struct vga *v);
/* Registers are others: what the processor finds by itself at A0000h is right again. */
void vga_memory_follow(struct vga *v);
/* What those are told who look at memory by themselves: bytes of it are others now. */
static inline void vga_memory_stored(const struct vga *v, uint32_t offset, uint32_t bytes)
{
	if (v->host.stored)
		v->host.stored(v->host.ctx, offset, bytes);
}

/* --- vga_scan.c --- */

unsigned vga_cols(const struct vga_view *v);    /* characters of a line that are shown, 1 to 256 */
unsigned vga_lines(const struct vga_view *v);   /* that are shown, 1 to 2048 */
unsigned vga_dots(const struct vga_view *v);    /* of a character: 8 or 9 */
bool vga_is_graphics(const struct vga_view *v); /* by the VGA's registers */
bool vga_is_blank(const struct vga_view *v);
/* Does the mode of VBE fit into so much memory, with lines so wide? */
bool vga_vbe_fits(const struct vga_vbe *b, uint32_t words, unsigned width);
/* Frames since the zero of time; where the beam is: input status 1, bits 0 and 3. */
uint64_t vga_frames(const struct vga_view *v);
uint8_t vga_beam(const struct vga_view *v);

/* The lines of a frame from the top: for (vga_scan_begin(&s, v); more; more = vga_scan_next(&s)) */
struct vga_scan {
	const struct vga_view *v;
	unsigned line, lines;
	uint16_t base;     /* the address counter at the begin of the line */
	unsigned row_scan; /* the line within its row */
	bool again;        /* the line before was sent for the first time of two */
	bool below;        /* the line compare */
	bool row_ends;     /* with this line */
};
void vga_scan_begin(struct vga_scan *s, const struct vga_view *v);
bool vga_scan_next(struct vga_scan *s);
/* Where in the planes character col of this line is. */
uint16_t vga_scan_address(const struct vga_scan *s, unsigned col);

/* The cursor's column in a row that begins with this counter; VGA_TEXT_COLS: it is in none. */
unsigned vga_cursor_col(const struct vga_view *v, uint16_t base);

#endif
