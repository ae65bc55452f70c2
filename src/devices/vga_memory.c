#include "devices/vga_internal.h"

/* --- where an address leads --- */

/* Offset within the window that graphics controller register 6 selects; false: it is outside, or
 * memory is off. */
static bool in_window(const struct vga *v, uint32_t *offset)
{
	static const struct {
		uint32_t base, bytes;
	} maps[] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
	unsigned map = v->gc[GC_MISC] >> 2 & 3;

	*offset -= maps[map].base;
	return *offset < maps[map].bytes && v->misc & MISC_MEMORY && v->enabled;
}

/* Chained by four, the low two bits of an address select a plane, and where they were come A14
 * and A15: so the CRT controller's doublewords find it (underline register, bit 6).  Chained by
 * odd and even, bit 0 gives way to A16, of which a window of 64 KiB has none. */
static uint16_t place_of(const struct vga *v, uint32_t a)
{
	if (v->seq[SEQ_MEMORY] & SEQ_CHAIN_4)
		return (a & 0xfffc) | (a >> 14 & 3);
	if (v->gc[GC_MISC] & GC_CHAIN_ODD_EVEN)
		return (a & 0xfffe) | (a >> 16 & 1);
	return a;
}

/* --- reads --- */

static uint8_t load(struct vga *v, uint32_t a)
{
	uint32_t latch = v->latch = v->memory[place_of(v, a)];
	unsigned plane = v->gc[GC_READ_MAP];

	if (v->gc[GC_MODE] & GC_READ_COMPARE) {
		uint32_t other =
			(latch ^ vga_planes(v->gc[GC_COMPARE])) & vga_planes(v->gc[GC_CARE]);
		return ~(other | other >> 8 | other >> 16 | other >> 24);
	}
	if (v->seq[SEQ_MEMORY] & SEQ_CHAIN_4)
		plane = a & 3;
	else if (v->gc[GC_MODE] & GC_READ_ODD_EVEN)
		plane = (plane & 2) | (a & 1);
	return latch >> 8 * plane;
}

uint32_t vga_memory_read(void *ctx, uint32_t offset, unsigned size)
{
	struct vga *v = ctx;
	uint32_t value = 0;

	for (unsigned i = 0; i < size; i++) {
		uint32_t a = offset + i;
		value |= (in_window(v, &a) ? load(v, a) : 0xffu) << 8 * i;
	}
	return value;
}

/* --- writes --- */

static uint32_t in_all(uint8_t byte)
{
	return byte * 0x01010101u;
}

/* The four bytes that a byte becomes on its way to the planes. */
static uint32_t data_of(const struct vga *v, uint8_t byte)
{
	const uint8_t *gc = v->gc;
	unsigned mode = gc[GC_MODE] & 3, rotate = gc[GC_ROTATE] & 7;
	uint32_t enable = vga_planes(gc[GC_ENABLE_SET_RESET]), bits = in_all(gc[GC_BIT_MASK]);
	uint32_t value;

	if (!mode && !gc[GC_ROTATE] && !gc[GC_ENABLE_SET_RESET] && gc[GC_BIT_MASK] == 0xff)
		return in_all(byte); /* text, and most of what is written at all */
	if (mode == 1)
		return v->latch;
	if (mode != 2)
		byte = byte >> rotate | byte << (8 - rotate);
	if (mode == 0) {
		value = (in_all(byte) & ~enable) | (vga_planes(gc[GC_SET_RESET]) & enable);
	} else if (mode == 2) {
		value = vga_planes(byte);
	} else {
		value = vga_planes(gc[GC_SET_RESET]);
		bits &= in_all(byte);
	}
	switch (gc[GC_ROTATE] >> 3) {
	case 1:
		value &= v->latch;
		break;
	case 2:
		value |= v->latch;
		break;
	case 3:
		value ^= v->latch;
		break;
	}
	return (value & bits) | (v->latch & ~bits);
}

static void store(struct vga *v, uint32_t a, uint8_t byte)
{
	unsigned planes = v->seq[SEQ_MAP_MASK];

	if (v->seq[SEQ_MEMORY] & SEQ_CHAIN_4)
		planes &= 1u << (a & 3);
	else if (!(v->seq[SEQ_MEMORY] & SEQ_SEQUENTIAL))
		planes &= a & 1 ? 0xa : 0x5;
	uint32_t mask = vga_planes(planes), *to = &v->memory[place_of(v, a)];
	*to = (*to & ~mask) | (data_of(v, byte) & mask);
}

void vga_memory_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct vga *v = ctx;

	for (unsigned i = 0; i < size; i++, value >>= 8) {
		uint32_t a = offset + i;
		if (in_window(v, &a))
			store(v, a, value);
	}
	v->generation++;
}
