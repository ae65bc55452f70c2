#include "devices/vga_internal.h"

#include <string.h>

enum { PLAIN_ENOUGH = 32 }; /* accesses in vain, before memory is shown to the processor */

/* --- where an address leads --- */

/* The window that graphics controller register 6 selects, or with memory off none. */
static void select_window(const struct vga *v, struct vga_paths *to)
{
	static const struct {
		uint32_t base, bytes;
	} maps[] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
	unsigned map = to->linear ? 1 : v->regs->gc[GC_MISC] >> 2 & 3;

	to->base = maps[map].base;
	to->bytes = v->regs->misc & MISC_MEMORY && v->enabled ? maps[map].bytes : 0;
}

/* Offset within the window; false: it is outside. */
static bool in_window(const struct vga *v, uint32_t *offset)
{
	*offset -= v->paths.base;
	return *offset < v->paths.bytes;
}

/* Chained by four, the low two bits of an address select a plane, and where they were come A14
 * and A15: so the CRT controller's doublewords find it (underline register, bit 6).  Chained by
 * odd and even, bit 0 gives way to A16, of which a window of 64 KiB has none. */
static uint16_t place_of(const struct vga *v, uint32_t a)
{
	if (v->regs->seq[SEQ_MEMORY] & SEQ_CHAIN_4)
		return (a & 0xfffc) | (a >> 14 & 3);
	if (v->regs->gc[GC_MISC] & GC_CHAIN_ODD_EVEN)
		return (a & 0xfffe) | (a >> 16 & 1);
	return a;
}

/* A bank of VBE is as much as A0000h reaches, in each plane of a mode that has planes. */
static uint32_t plane_bank(const struct vga *v)
{
	return vga_vbe_bpp(v->regs) ? (uint32_t)v->regs->vbe.bank * VGA_PLANE & (v->words - 1) : 0;
}

static uint32_t linear_bank(const struct vga *v)
{
	return (uint32_t)v->regs->vbe.bank * VGA_BANK & (4 * v->words - 1);
}

static uint32_t word_of(const struct vga *v, uint32_t a)
{
	return v->paths.bank | vga_word(v->paths.chained ? place_of(v, a) : a);
}

/* --- memory that needs no VGA --- */

/* Where in memory A0000h begins, where it is memory and nothing else: a load then leaves out the
 * latches, which nothing uses that writes whole bytes. */
static uint32_t plain_at(const struct vga *v)
{
	const uint8_t *gc = v->regs->gc;

	if (!v->paths.bytes)
		return VGA_NOWHERE;
	if (v->paths.linear)
		return v->paths.bank;
	if (!(v->regs->seq[SEQ_MEMORY] & SEQ_CHAIN_4) || v->regs->seq[SEQ_MAP_MASK] != 15 ||
	    gc[GC_MODE] & (GC_WRITE_MODE | GC_READ_COMPARE) || gc[GC_ROTATE] ||
	    gc[GC_ENABLE_SET_RESET] || gc[GC_BIT_MASK] != 0xff || gc[GC_MISC] & GC_MAP_B)
		return VGA_NOWHERE;
	return 4 * v->paths.bank;
}

static void show(struct vga *v, uint32_t at)
{
	struct bus_memory memory = {0};

	v->shown = at;
	if (at != VGA_NOWHERE)
		memory = (struct bus_memory){0, VGA_BANK, v->host.page + (at >> PAGE_SHIFT)};
	bus_show(v->bus, v->window, memory);
}

void vga_memory_look(struct vga *v)
{
	struct vga_paths *to = &v->paths;

	to->linear = vga_is_linear(v->regs);
	to->bank = to->linear ? linear_bank(v) : plane_bank(v);
	to->chained =
		v->regs->seq[SEQ_MEMORY] & SEQ_CHAIN_4 || v->regs->gc[GC_MISC] & GC_CHAIN_ODD_EVEN;
	select_window(v, to);
	v->plain = 0;
	v->plain_at = plain_at(v);
}

void vga_memory_follow(struct vga *v)
{
	vga_memory_look(v);
	if (v->shown != VGA_NOWHERE && v->shown != v->plain_at)
		show(v, VGA_NOWHERE);
}

/* Accesses came that the processor could do by itself.  Not at the first: who changes modes for a
 * few accesses each would pay for two changes of the guest's map. */
static void note_plain(struct vga *v, size_t accesses)
{
	if (v->plain_at == VGA_NOWHERE || !v->host.at)
		return;
	v->plain += accesses < PLAIN_ENOUGH ? accesses : PLAIN_ENOUGH;
	if (v->plain >= PLAIN_ENOUGH && v->shown == VGA_NOWHERE)
		show(v, v->plain_at);
}

/* --- loads --- */

static uint8_t load(struct vga *v, uint32_t a)
{
	if (v->paths.linear)
		return ((uint8_t *)v->memory)[v->paths.bank + a];
	uint32_t latch = v->latch = v->memory[word_of(v, a)];
	unsigned plane = v->regs->gc[GC_READ_MAP];

	if (v->regs->gc[GC_MODE] & GC_READ_COMPARE) {
		uint32_t other = (latch ^ vga_planes(v->regs->gc[GC_COMPARE])) &
		                 vga_planes(v->regs->gc[GC_CARE]);
		return ~(other | other >> 8 | other >> 16 | other >> 24);
	}
	if (v->regs->seq[SEQ_MEMORY] & SEQ_CHAIN_4)
		plane = a & 3;
	else if (v->regs->gc[GC_MODE] & GC_READ_ODD_EVEN)
		plane = (plane & 2) | (a & 1);
	return latch >> 8 * plane;
}

static uint8_t window_load(struct vga *v, uint32_t a)
{
	return in_window(v, &a) ? load(v, a) : 0xff;
}

/* --- stores --- */

static uint32_t in_all(uint8_t byte)
{
	return byte * 0x01010101u;
}

/* The four bytes that a byte becomes on its way to the planes. */
static uint32_t data_of(const struct vga *v, uint8_t byte)
{
	const uint8_t *gc = v->regs->gc;
	unsigned mode = gc[GC_MODE] & GC_WRITE_MODE, rotate = gc[GC_ROTATE] & 7;
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

/* Which bytes of memory a store has reached. */
struct reached {
	uint32_t at, n;
};

static struct reached store(struct vga *v, uint32_t a, uint8_t byte)
{
	if (v->paths.linear) {
		((uint8_t *)v->memory)[v->paths.bank + a] = byte;
		return (struct reached){v->paths.bank + a, 1};
	}
	unsigned planes = v->regs->seq[SEQ_MAP_MASK];

	if (v->regs->seq[SEQ_MEMORY] & SEQ_CHAIN_4)
		planes &= 1u << (a & 3);
	else if (!(v->regs->seq[SEQ_MEMORY] & SEQ_SEQUENTIAL))
		planes &= a & 1 ? 0xa : 0x5;
	uint32_t mask = vga_planes(planes), word = word_of(v, a), *to = &v->memory[word];
	*to = (*to & ~mask) | (data_of(v, byte) & mask);
	return (struct reached){4 * word, 4};
}

static void window_store(struct vga *v, uint32_t a, uint8_t byte)
{
	if (in_window(v, &a))
		store(v, a, byte);
}

/* The stores of a run to [a, a + n), within a page, are done.  Places that follow each other are words that do,
 * in each of four parts. */
static void tell_page(const struct vga *v, uint32_t a, uint32_t n)
{
	if (!in_window(v, &a))
		return;
	if (v->paths.linear) {
		vga_memory_stored(v, v->paths.bank + a, n);
		return;
	}
	uint32_t first = place_of(v, a) >> 2, words = (place_of(v, a + n - 1) >> 2) - first + 1;
	for (uint32_t part = 0; part < 4; part++)
		vga_memory_stored(v, 4 * (v->paths.bank | part << 14 | first), 4 * words);
}

static void tell_stored(const struct vga *v, uint32_t a, uint32_t n)
{
	for (uint32_t now; v->host.stored && n; a += now, n -= now) {
		now = PAGE_SIZE - (a & PAGE_MASK);
		now = n < now ? n : now;
		tell_page(v, a, now);
	}
}

/* --- the window --- */

static uint32_t read(struct vga *v, uint32_t offset, unsigned size)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint32_t)window_load(v, offset + i) << 8 * i;
	return value;
}

static void write(struct vga *v, uint32_t offset, unsigned size, uint32_t value)
{
	v->generation++;
	for (unsigned i = 0; i < size; i++, value >>= 8) {
		uint32_t a = offset + i;
		if (!in_window(v, &a))
			continue;
		struct reached to = store(v, a, value);
		vga_memory_stored(v, to.at, to.n);
	}
}

uint32_t vga_memory_read(void *ctx, uint32_t offset, unsigned size)
{
	struct vga *v = ctx;
	uint32_t value = read(v, offset, size);
	note_plain(v, 1);
	return value;
}

void vga_memory_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct vga *v = ctx;
	write(v, offset, size, value);
	note_plain(v, 1);
}

/* Where it is plain memory, it is to become the processor's. */
LEAF bool vga_memory_leaf(void *ctx, uint32_t offset, unsigned size, bool writes, uint32_t *value)
{
	struct vga *v = ctx;

	if (v->plain_at != VGA_NOWHERE)
		return false;
	if (writes)
		write(v, offset, size, *value);
	else
		*value = read(v, offset, size);
	return true;
}

void vga_memory_run(void *ctx, const struct mem_run *r)
{
	struct vga *v = ctx;
	uint32_t to = r->at, from = r->from, bytes = r->n * r->size;
	uint8_t *buf = r->buf, element[4];

	for (uint32_t done = 0; done < bytes; done += r->size)
		for (unsigned i = 0; i < r->size; i++) {
			uint32_t here = done + i;
			switch (r->kind) {
			case RUN_LOAD:
				buf[here] = window_load(v, to + here);
				break;
			case RUN_STORE:
				window_store(v, to + here, buf[here]);
				break;
			case RUN_FILL:
				window_store(v, to + here, buf[i]);
				break;
			case RUN_MOVE: /* an element is loaded before any of it is stored */
				for (unsigned k = 0; !i && k < r->size; k++)
					element[k] = window_load(v, from + here + k);
				window_store(v, to + here, element[i]);
				break;
			}
		}
	if (r->kind != RUN_LOAD) {
		v->generation++;
		tell_stored(v, to, bytes);
	}
	note_plain(v, r->n);
}

/* --- the linear frame buffer --- */

static uint32_t frame_read(void *ctx, uint32_t offset, unsigned size)
{
	const struct vga *v = ctx;
	uint32_t value = 0;
	memcpy(&value, (const uint8_t *)v->memory + offset, size);
	return value;
}

static void frame_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct vga *v = ctx;
	memcpy((uint8_t *)v->memory + offset, &value, size);
	v->generation++;
	vga_memory_stored(v, offset, size);
}

uint32_t vga_memory_bytes(const struct vga *v)
{
	return 4 * v->words;
}

struct region_handler vga_frame_buffer(struct vga *v)
{
	struct region_handler h = {.ctx = v, .read = frame_read, .write = frame_write, .max = 4};
	if (v->host.at)
		h.memory = (struct bus_memory){0, vga_memory_bytes(v), v->host.page};
	return h;
}
