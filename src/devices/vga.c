#include "devices/vga_internal.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	PORT_CRTC_MONO = 0x3b4,
	PORT_CRTC_COLOUR = 0x3d4,
	CRTC_TO_STATUS = 6, /* from index to input status 1 */

	PORTS = 0x3c0, /* and 15 behind it */
	ATTR_INDEX = 0x0,
	ATTR_READ = 0x1,
	MISC_WRITE = 0x2, /* reads as input status 0 */
	ENABLE = 0x3,
	SEQ_INDEX = 0x4,
	SEQ_DATA = 0x5,
	DAC_MASK = 0x6,
	DAC_READ = 0x7, /* reads as the state */
	DAC_WRITE = 0x8,
	DAC_DATA = 0x9,
	FEATURE_READ = 0xa,
	MISC_READ = 0xc,
	GC_INDEX = 0xe,
	GC_DATA = 0xf,

	STATUS0_SENSE = 0x10, /* a monitor is there */
};

/* Bits that a register has; the others read as 0. */
static const uint8_t seq_bits[VGA_SEQ_COUNT] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
static const uint8_t gc_bits[VGA_GC_COUNT] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};
static const uint8_t crtc_bits[VGA_CRTC_COUNT] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0x3f, 0x7f, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff};
static const uint8_t attr_bits[VGA_ATTR_COUNT] = {0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                                  0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                                  0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f};

/* --- indexed registers: indexes beyond the last read as 0 --- */

static uint8_t get(const uint8_t *regs, unsigned count, unsigned index)
{
	return index < count ? regs[index] : 0;
}

static void set(uint8_t *regs, const uint8_t *bits, unsigned count, unsigned index, uint8_t value)
{
	if (index < count)
		regs[index] = value & bits[index];
}

static void crtc_write(struct vga *v, uint8_t value)
{
	unsigned index = v->crtc_index;

	if (v->regs->crtc[CRTC_V_SYNC_END] & CRTC_PROTECT && index <= CRTC_OVERFLOW) {
		/* The line compare's bit 8 alone is left to be written. */
		if (index == CRTC_OVERFLOW)
			v->regs->crtc[index] = (v->regs->crtc[index] & ~CRTC_OVERFLOW_COMPARE) |
			                       (value & CRTC_OVERFLOW_COMPARE);
		return;
	}
	set(v->regs->crtc, crtc_bits, VGA_CRTC_COUNT, index, value);
}

/* Index and data take turns at one port. */
static void attribute_write(struct vga *v, uint8_t value)
{
	if (v->attr_data)
		set(v->regs->attr, attr_bits, VGA_ATTR_COUNT, v->regs->attr_index & 0x1f, value);
	else
		v->regs->attr_index = value & 0x3f;
	v->attr_data = !v->attr_data;
}

/* --- DAC: one address, which moves on when a colour is complete (IMS G171) --- */

static void dac_fetch(struct vga *v)
{
	memcpy(v->dac_value, v->regs->dac[v->dac_index], sizeof v->dac_value);
	v->dac_index++;
	v->dac_step = 0;
}

static void dac_address(struct vga *v, uint8_t index, bool reads)
{
	v->dac_index = index;
	v->dac_reads = reads;
	v->dac_step = 0;
	if (reads)
		dac_fetch(v);
}

static uint8_t dac_read(struct vga *v)
{
	uint8_t value = v->dac_value[v->dac_step];
	if (++v->dac_step == 3)
		dac_fetch(v);
	return value;
}

static void dac_write(struct vga *v, uint8_t value)
{
	v->dac_value[v->dac_step] = v->regs->vbe.enable & VBE_DAC_8 ? value : value & 0x3f;
	if (++v->dac_step < 3)
		return;
	memcpy(v->regs->dac[v->dac_index], v->dac_value, sizeof v->dac_value);
	v->dac_index++;
	v->dac_step = 0;
}

/* --- ports 3C0h to 3CFh --- */

static uint32_t ports_read(void *ctx, uint32_t offset, unsigned size)
{
	struct vga *v = ctx;

	if (!v->enabled && offset != ENABLE)
		return 0xff;
	switch (offset) {
	case ATTR_INDEX:
		return v->regs->attr_index;
	case ATTR_READ:
		return get(v->regs->attr, VGA_ATTR_COUNT, v->regs->attr_index & 0x1f);
	case MISC_WRITE:
		return STATUS0_SENSE;
	case ENABLE:
		return v->enabled;
	case SEQ_INDEX:
		return v->seq_index;
	case SEQ_DATA:
		return get(v->regs->seq, VGA_SEQ_COUNT, v->seq_index);
	case DAC_MASK:
		return v->regs->dac_mask;
	case DAC_READ:
		return v->dac_reads ? 3 : 0;
	case DAC_WRITE:
		return v->dac_index;
	case DAC_DATA:
		return dac_read(v);
	case FEATURE_READ:
		return v->feature;
	case MISC_READ:
		return v->regs->misc;
	case GC_INDEX:
		return v->gc_index;
	case GC_DATA:
		return get(v->regs->gc, VGA_GC_COUNT, v->gc_index);
	default:
		return 0xff;
	}
}

static void port_write(struct vga *v, uint32_t offset, uint8_t value)
{
	if (!v->enabled && offset != ENABLE)
		return;
	v->generation++;
	switch (offset) {
	case ATTR_INDEX:
	case ATTR_READ: /* IBM decodes one port of two for writes */
		attribute_write(v, value);
		break;
	case MISC_WRITE:
		v->regs->misc = value & 0xef;
		break;
	case ENABLE:
		v->enabled = value & 1;
		break;
	case SEQ_INDEX:
		v->seq_index = value & 0x07;
		break;
	case SEQ_DATA:
		set(v->regs->seq, seq_bits, VGA_SEQ_COUNT, v->seq_index, value);
		break;
	case DAC_MASK:
		v->regs->dac_mask = value;
		break;
	case DAC_READ:
	case DAC_WRITE:
		dac_address(v, value, offset == DAC_READ);
		break;
	case DAC_DATA:
		dac_write(v, value);
		break;
	case GC_INDEX:
		v->gc_index = value & 0x0f;
		break;
	case GC_DATA:
		set(v->regs->gc, gc_bits, VGA_GC_COUNT, v->gc_index, value);
		break;
	}
}

/* What the processor finds at A0000h follows from the registers behind these. */
static bool concerns_memory(uint32_t offset)
{
	return offset == MISC_WRITE || offset == ENABLE || offset == SEQ_DATA || offset == GC_DATA;
}

static void ports_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct vga *v = ctx;

	port_write(v, offset, value);
	if (concerns_memory(offset))
		vga_memory_follow(v);
}

LEAF static bool ports_leaf(void *ctx, uint32_t offset, unsigned size, bool write, uint32_t *value)
{
	struct vga *v = ctx;
	bool memory = false;

	if (!write) {
		*value = 0;
		for (unsigned i = 0; i < size; i++)
			*value |= ports_read(v, offset + i, 1) << 8 * i;
		return true;
	}
	for (unsigned i = 0; i < size; i++)
		memory |= concerns_memory(offset + i);
	if (memory && v->shown != VGA_NOWHERE)
		return false;
	for (unsigned i = 0; i < size; i++)
		port_write(v, offset + i, *value >> 8 * i);
	if (memory)
		vga_memory_look(v);
	return true;
}

/* --- 3B4h, 3B5h, 3BAh or 3D4h, 3D5h, 3DAh, as miscellaneous output has it --- */

static bool answers(const struct vga_ports *p)
{
	return p->vga->enabled && p->colour == (p->vga->regs->misc & MISC_COLOUR);
}

static uint32_t crtc_port_read(void *ctx, uint32_t offset, unsigned size)
{
	const struct vga_ports *p = ctx;
	const struct vga *v = p->vga;

	if (!answers(p))
		return 0xff;
	return offset ? get(v->regs->crtc, VGA_CRTC_COUNT, v->crtc_index) : v->crtc_index;
}

static void crtc_port_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	const struct vga_ports *p = ctx;
	struct vga *v = p->vga;

	if (!answers(p))
		return;
	if (!offset) {
		v->crtc_index = value & 0x3f;
		return;
	}
	crtc_write(v, value);
	v->generation++;
}

struct vga_view vga_view(const struct vga *v)
{
	return (struct vga_view){v->regs, v->memory, v->words, clock_now(v->clock)};
}

static uint32_t status_read(void *ctx, uint32_t offset, unsigned size)
{
	const struct vga_ports *p = ctx;

	if (!answers(p))
		return 0xff;
	p->vga->attr_data = false;
	struct vga_view view = vga_view(p->vga);
	return vga_beam(&view);
}

static void feature_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	const struct vga_ports *p = ctx;

	if (answers(p))
		p->vga->feature = value & 0x0b;
}

/* --- life --- */

static void reset_registers(struct vga *v)
{
	v->enabled = true;
	v->feature = v->regs->misc = 0;
	v->seq_index = v->crtc_index = v->gc_index = v->regs->attr_index = 0;
	memset(v->regs->seq, 0, sizeof v->regs->seq);
	memset(v->regs->crtc, 0, sizeof v->regs->crtc);
	memset(v->regs->gc, 0, sizeof v->regs->gc);
	memset(v->regs->attr, 0, sizeof v->regs->attr);
	v->attr_data = false;
	v->regs->dac_mask = 0xff;
	dac_address(v, 0, false);
	vga_vbe_reset(v);
	v->latch = 0;
	v->generation++;
}

static void vga_reset(void *d, enum reset_kind kind)
{
	struct vga *v = d;

	reset_registers(v);
	if (kind == RESET_POWER) { /* memory and colours have no reset */
		memset(v->memory, 0, vga_memory_bytes(v));
		vga_memory_stored(v, 0, vga_memory_bytes(v));
		memset(v->regs->dac, 0, sizeof v->regs->dac);
		memset(v->dac_value, 0, sizeof v->dac_value);
	}
	vga_memory_follow(v);
}

static void vga_state(void *d, struct archive *a)
{
	struct vga *v = d;
	struct vga_registers *r = v->regs;

	ARCHIVE(a, v, enabled);
	ARCHIVE(a, r, misc);
	ARCHIVE(a, v, feature);
	ARCHIVE(a, v, seq_index);
	ARCHIVE(a, r, seq);
	ARCHIVE(a, v, crtc_index);
	ARCHIVE(a, r, crtc);
	ARCHIVE(a, r, gc);
	/* No more bits than there are: fields are taken as they stand. */
	for (unsigned i = 0; i < VGA_GC_COUNT; i++)
		archive_require(a, "gc", !(v->regs->gc[i] & ~gc_bits[i]));
	ARCHIVE(a, v, gc_index);
	ARCHIVE(a, r, attr_index);
	ARCHIVE(a, r, attr);
	ARCHIVE(a, v, attr_data);
	ARCHIVE(a, r, dac_mask);
	ARCHIVE(a, v, dac_index);
	ARCHIVE(a, v, dac_step);
	archive_require(a, "dac_step", v->dac_step < 3);
	ARCHIVE(a, v, dac_reads);
	ARCHIVE(a, v, dac_value);
	ARCHIVE(a, r, dac);
	vga_vbe_state(v, a);
	ARCHIVE(a, v, latch);
	archive_value(a, "memory", v->memory, vga_memory_bytes(v));
	if (!archive_loads(a))
		return;
	vga_memory_stored(v, 0, vga_memory_bytes(v));
	v->generation++;
	vga_memory_follow(v);
}

static void vga_destroy(void *d)
{
	struct vga *v = d;

	if (!v->host.at)
		free(v->memory);
	if (!v->host.regs)
		free(v->regs);
	free(v);
}

const struct device_type vga_type = {"vga", vga_reset, vga_state, vga_destroy};

uint64_t vga_generation(struct vga *v)
{
	if (v->shown != VGA_NOWHERE || (vga_vbe_bpp(v->regs) && v->host.at))
		v->generation++;
	return v->generation;
}

static void map(struct bus *bus, enum bus_space space, uint64_t base, uint64_t length,
                struct region_handler h)
{
	CHECK(bus_map(bus, space, base, length, h) > 0);
}

static void map_crtc(struct bus *bus, struct vga_ports *p, uint16_t base)
{
	struct region_handler crtc = {.ctx = p, .read = crtc_port_read, .write = crtc_port_write};
	struct region_handler status = {.ctx = p, .read = status_read, .write = feature_write};

	map(bus, SPACE_PORT, base, 2, crtc);
	map(bus, SPACE_PORT, base + CRTC_TO_STATUS, 1, status);
}

struct vga *vga_create(struct bus *bus, struct clock *clock, struct vga_memory memory)
{
	struct vga *v = calloc(1, sizeof *v);
	CHECK(v);
	uint32_t bytes = memory.bytes ? memory.bytes : VGA_LEAST_MEMORY;
	CHECK(bytes >= VGA_LEAST_MEMORY && !(bytes & (bytes - 1)));
	v->bus = bus;
	v->clock = clock;
	v->mono = (struct vga_ports){v, false};
	v->colour = (struct vga_ports){v, true};
	v->host = memory;
	v->memory = memory.at ? (uint32_t *)(void *)memory.at : calloc(1, bytes);
	v->regs = memory.regs ? memory.regs : calloc(1, sizeof *v->regs);
	CHECK(v->memory && v->regs);
	v->words = bytes / 4;
	v->shown = VGA_NOWHERE;
	struct region_handler ports = {
		.ctx = v, .read = ports_read, .write = ports_write, .leaf = ports_leaf};
	struct region_handler window = {.ctx = v,
	                                .read = vga_memory_read,
	                                .write = vga_memory_write,
	                                .max = 4,
	                                .leaf = vga_memory_leaf,
	                                .run = vga_memory_run};

	map(bus, SPACE_PORT, PORTS, 16, ports);
	map_crtc(bus, &v->mono, PORT_CRTC_MONO);
	map_crtc(bus, &v->colour, PORT_CRTC_COLOUR);
	vga_vbe_map(v);
	/* One region, whichever part of it is selected: to change the guest's map of memory, which
	 * those do who save and load fonts, would cost more than to decode each access. */
	v->window = bus_map(bus, SPACE_MEMORY, VGA_WINDOW, VGA_WINDOW_BYTES, window);
	CHECK(v->window > 0);
	reset_registers(v);
	vga_memory_follow(v);
	return v;
}
