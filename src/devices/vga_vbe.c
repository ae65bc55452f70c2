#include "devices/vga_internal.h"

#include "base/log.h"

#include <string.h>

enum {
	PORT_VBE = 0x1ce, /* index, and data behind it: 16 bits each */

	VBE_ID = 0,
	VBE_X_RES = 1,
	VBE_Y_RES = 2,
	VBE_BPP = 3,
	VBE_ENABLE = 4,
	VBE_BANK = 5,
	VBE_WIDTH = 6,
	VBE_HEIGHT = 7,
	VBE_X = 8,
	VBE_Y = 9,
	VBE_MEMORY = 10,

	VBE_FIRST_ID = 0xb0c0,
	VBE_LAST_ID = 0xb0c5,
	VBE_FLAGS = VBE_ENABLED | VBE_GET_MAXIMA | VBE_DAC_8 | VBE_LINEAR | VBE_KEEP,
};

/* A mode begins: its picture is black, unless it is to be kept. */
static void begin(struct vga *v, bool keep)
{
	struct vga_vbe *b = &v->regs->vbe;

	b->width = b->x_res;
	b->x = b->y = b->bank = 0;
	if (keep)
		return;
	memset(v->memory, 0, (size_t)4 * v->words);
	vga_memory_stored(v, 0, 4 * v->words);
}

static void enable(struct vga *v, uint16_t flags)
{
	struct vga_vbe *b = &v->regs->vbe;
	bool was_on = b->enable & VBE_ENABLED;

	if (flags & VBE_ENABLED && !was_on && !vga_vbe_fits(b, v->words, b->x_res))
		flags &= ~VBE_ENABLED;
	b->enable = flags & VBE_FLAGS;
	if (flags & VBE_ENABLED && !was_on)
		begin(v, flags & VBE_KEEP);
}

static uint32_t index_read(void *ctx, uint32_t offset, unsigned size)
{
	return ((struct vga *)ctx)->regs->vbe.index;
}

static void index_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	((struct vga *)ctx)->regs->vbe.index = value;
}

static uint32_t data_read(void *ctx, uint32_t offset, unsigned size)
{
	const struct vga *v = ctx;
	const struct vga_vbe *b = &v->regs->vbe;
	bool maxima = b->enable & VBE_GET_MAXIMA;
	uint32_t lines;

	switch (b->index) {
	case VBE_ID:
		return b->id;
	case VBE_X_RES:
		return maxima ? VBE_MAX_RES : b->x_res;
	case VBE_Y_RES:
		return maxima ? VBE_MAX_RES : b->y_res;
	case VBE_BPP:
		return maxima ? VBE_MAX_BPP : b->bpp;
	case VBE_ENABLE:
		return b->enable;
	case VBE_BANK:
		return b->bank;
	case VBE_WIDTH:
		return b->width;
	case VBE_HEIGHT:
		lines = b->enable & VBE_ENABLED ? vga_vbe_lines(b, v->words, b->width) : 0;
		return lines < UINT16_MAX ? lines : UINT16_MAX;
	case VBE_X:
		return b->x;
	case VBE_Y:
		return b->y;
	case VBE_MEMORY:
		return 4 * v->words / VGA_BANK;
	default:
		return 0;
	}
}

static void data_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct vga *v = ctx;
	struct vga_vbe *b = &v->regs->vbe;
	bool is_on = b->enable & VBE_ENABLED;

	switch (b->index) {
	case VBE_ID:
		if (value >= VBE_FIRST_ID && value <= VBE_LAST_ID)
			b->id = value;
		break;
	/* A mode that is on stays what it is. */
	case VBE_X_RES:
		b->x_res = is_on ? b->x_res : value;
		break;
	case VBE_Y_RES:
		b->y_res = is_on ? b->y_res : value;
		break;
	case VBE_BPP:
		b->bpp = is_on ? b->bpp : value;
		break;
	case VBE_ENABLE:
		enable(v, value);
		break;
	case VBE_BANK:
		b->bank = value;
		break;
	case VBE_WIDTH:
		if (is_on && vga_vbe_fits(b, v->words, value))
			b->width = value;
		break;
	case VBE_X:
		b->x = value;
		break;
	case VBE_Y:
		b->y = value;
		break;
	}
	v->generation++;
	vga_memory_follow(v);
}

void vga_vbe_map(struct vga *v)
{
	struct region_handler index = {
		.ctx = v, .read = index_read, .write = index_write, .max = 2, .same_offset = true};
	struct region_handler data = {
		.ctx = v, .read = data_read, .write = data_write, .max = 2, .same_offset = true};

	CHECK(bus_map(v->bus, SPACE_PORT, PORT_VBE, 1, index) > 0);
	CHECK(bus_map(v->bus, SPACE_PORT, PORT_VBE + 1, 1, data) > 0);
}

void vga_vbe_reset(struct vga *v)
{
	v->regs->vbe = (struct vga_vbe){.id = VBE_LAST_ID};
}

void vga_vbe_state(struct vga *v, struct archive *a)
{
	struct vga_vbe *b = &v->regs->vbe;

	archive_value(a, "vbe_index", &b->index, sizeof b->index);
	archive_value(a, "vbe_id", &b->id, sizeof b->id);
	archive_value(a, "vbe_x_res", &b->x_res, sizeof b->x_res);
	archive_value(a, "vbe_y_res", &b->y_res, sizeof b->y_res);
	archive_value(a, "vbe_bpp", &b->bpp, sizeof b->bpp);
	archive_value(a, "vbe_enable", &b->enable, sizeof b->enable);
	archive_value(a, "vbe_bank", &b->bank, sizeof b->bank);
	archive_value(a, "vbe_width", &b->width, sizeof b->width);
	archive_value(a, "vbe_x", &b->x, sizeof b->x);
	archive_value(a, "vbe_y", &b->y, sizeof b->y);
	archive_require(a, "vbe_enable",
	                !(b->enable & VBE_ENABLED) || vga_vbe_fits(b, v->words, b->width));
}
