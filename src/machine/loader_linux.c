#include "machine/loader.h"

#include <string.h>

/* Documentation/x86/boot.rst, "The Real-Mode Kernel Header", and zero-page.rst. */
enum {
	SETUP_SECTS = 0x1f1, /* the header's start */
	SYSSIZE = 0x1f4,
	BOOT_FLAG = 0x1fe,
	JUMP_LENGTH = 0x201, /* end of the header, from 202h */
	HEADER_MAGIC = 0x202,
	VERSION = 0x206,
	TYPE_OF_LOADER = 0x210,
	LOADFLAGS = 0x211,
	CODE32_START = 0x214,
	RAMDISK_IMAGE = 0x218,
	RAMDISK_SIZE = 0x21c,
	HEAP_END_PTR = 0x224,
	CMD_LINE_PTR = 0x228,
	INITRD_ADDR_MAX = 0x22c,
	CMDLINE_SIZE = 0x238,
	PREF_ADDRESS = 0x258,
	INIT_SIZE = 0x260,
	HEADER_MAX = 0x290,

	LOADED_HIGH = 0x01,
	CAN_USE_HEAP = 0x80,
	LOADER_UNDEFINED = 0xff,

	/* zero page, screen_info: include/uapi/linux/screen_info.h */
	VIDEO_MODE = 0x006,
	VIDEO_COLS = 0x007,
	VIDEO_EGA_MEMORY = 0x00a, /* as INT 10h, AH=12h, tells in BL */
	VIDEO_LINES = 0x00e,
	VIDEO_KIND = 0x00f,
	VIDEO_POINTS = 0x010,
	LFB_WIDTH = 0x012,
	LFB_HEIGHT = 0x014,
	LFB_DEPTH = 0x016,
	LFB_BASE = 0x018,
	LFB_SIZE = 0x01c, /* in 64 KiB */
	LFB_LINE = 0x024,
	LFB_COLOURS = 0x026, /* red, green, blue, none: of each how many bits, from which on */
	VIDEO_TEXT = 0x01,
	VIDEO_LFB = 0x23,
	EGA_256K = 3,

	/* zero page */
	EXT_MEM_K = 0x002,
	ALT_MEM_K = 0x1e0,
	E820_COUNT = 0x1e8,
	E820_TABLE = 0x2d0,
};

static uint32_t get(const uint8_t *p, unsigned at, unsigned size)
{
	uint32_t v = 0;
	memcpy(&v, p + at, size);
	return v;
}

static void put(uint8_t *p, unsigned at, unsigned size, uint32_t v)
{
	memcpy(p + at, &v, size);
}

bool linux_is(const struct blob *image)
{
	return image->size >= HEADER_MAGIC + 4 && !memcmp(image->data + HEADER_MAGIC, "HdrS", 4) &&
	       get(image->data, BOOT_FLAG, 2) == 0xaa55;
}

/* The initrd goes as high as the kernel and memory permit. */
static bool place_initrd(struct guest_ram *ram, const struct boot_request *r, uint8_t *zero,
                         uint64_t kernel_end, struct problem *p)
{
	const struct boot_module *m = r->modules;
	uint64_t top = (uint64_t)get(zero, INITRD_ADDR_MAX, 4) + 1;
	if (top > ram->bytes)
		top = ram->bytes;
	if (m->data.size > top || top - m->data.size < kernel_end)
		return problem_set(p,
		                   "initrd %s: %zu KiB do not fit beside the kernel in %llu MiB "
		                   "of memory",
		                   m->name, m->data.size >> 10,
		                   (unsigned long long)(ram->end >> 20));
	/* Not below kernel_end, which is page-aligned as well. */
	uint64_t at = (top - m->data.size) & ~(uint64_t)PAGE_MASK;
	ram->write(ram->ctx, at, m->data.data, m->data.size);
	put(zero, RAMDISK_IMAGE, 4, at);
	put(zero, RAMDISK_SIZE, 4, m->data.size);
	return true;
}

static void tell_screen(uint8_t *zero, const struct boot_screen *s)
{
	static const uint8_t colours[] = {8, 16, 8, 8, 8, 0, 8, 24};
	zero[VIDEO_MODE] = 3;
	zero[VIDEO_COLS] = 80;
	zero[VIDEO_LINES] = 25;
	zero[VIDEO_EGA_MEMORY] = EGA_256K;
	zero[VIDEO_POINTS] = 16;
	zero[VIDEO_KIND] = VIDEO_TEXT;
	if (!s->width)
		return;
	zero[VIDEO_KIND] = VIDEO_LFB;
	put(zero, LFB_WIDTH, 2, s->width);
	put(zero, LFB_HEIGHT, 2, s->height);
	put(zero, LFB_DEPTH, 2, 32);
	put(zero, LFB_BASE, 4, s->base);
	put(zero, LFB_SIZE, 4, s->bytes >> 16);
	put(zero, LFB_LINE, 2, s->width * 4);
	memcpy(zero + LFB_COLOURS, colours, sizeof colours);
}

static bool check(const struct boot_request *r, size_t *setup, size_t *payload, struct problem *p)
{
	const uint8_t *h = r->kernel.data;
	if (r->kernel.size < HEADER_MAX)
		return problem_set(p, "kernel %s: truncated bzImage", r->kernel_name);
	if (get(h, VERSION, 2) < 0x203 || !(h[LOADFLAGS] & LOADED_HIGH))
		return problem_set(p, "kernel %s: boot protocol older than 2.03", r->kernel_name);
	*setup = (size_t)((h[SETUP_SECTS] ? h[SETUP_SECTS] : 4) + 1) * 512;
	size_t rest = r->kernel.size > *setup ? r->kernel.size - *setup : 0;
	*payload = (size_t)get(h, SYSSIZE, 4) * 16;
	/* Before 2.04 the field has 16 bits, too few for a large kernel. */
	if (get(h, VERSION, 2) < 0x204)
		*payload = rest;
	/* The size counts paragraphs: the last need not be whole. */
	if (!rest || !*payload || *payload > rest + 15)
		return problem_set(p, "kernel %s: truncated bzImage (%zu bytes of %zu)",
		                   r->kernel_name, r->kernel.size, *setup + *payload);
	if (*payload > rest)
		*payload = rest;
	return true;
}

bool linux_load(struct guest_ram *ram, const struct boot_request *r, struct boot_entry *e,
                struct problem *p)
{
	size_t setup = 0, payload = 0;
	if (!check(r, &setup, &payload, p))
		return false;
	if (r->module_count > 1)
		return problem_set(p, "%s: modules are for Multiboot kernels, %s is Linux",
		                   r->modules[1].name, r->kernel_name);

	const uint8_t *h = r->kernel.data;
	uint8_t zero[PAGE_SIZE] = {0};
	unsigned header_end = HEADER_MAGIC + h[JUMP_LENGTH];
	if (header_end > HEADER_MAX)
		header_end = HEADER_MAX;
	memcpy(zero + SETUP_SECTS, h + SETUP_SECTS, header_end - SETUP_SECTS);

	if (!ram_holds(ram, HIGH_MEMORY, payload))
		return problem_set(p, "kernel %s: %zu KiB do not fit in %llu MiB of memory",
		                   r->kernel_name, payload >> 10,
		                   (unsigned long long)(ram->end >> 20));
	ram->write(ram->ctx, HIGH_MEMORY, h + setup, payload);

	/* Where it unpacks itself: since 2.10 it says. */
	uint64_t kernel_end = HIGH_MEMORY + payload;
	if (get(zero, VERSION, 2) >= 0x20a) {
		uint64_t unpacked = (uint64_t)get(zero, PREF_ADDRESS, 4) + get(zero, INIT_SIZE, 4);
		if (unpacked > ram->bytes)
			return problem_set(
				p, "kernel %s: needs %llu MiB of memory, there are %llu",
				r->kernel_name,
				(unsigned long long)((unpacked + ram->end - ram->bytes + 0xfffff) >>
			                             20),
				(unsigned long long)(ram->end >> 20));
		if (unpacked > kernel_end)
			kernel_end = unpacked;
	}
	kernel_end = (kernel_end + PAGE_MASK) & ~(uint64_t)PAGE_MASK;
	if (r->module_count && r->modules->data.size && !place_initrd(ram, r, zero, kernel_end, p))
		return false;

	size_t length = strlen(r->cmdline);
	uint32_t most = get(zero, VERSION, 2) >= 0x206 ? get(zero, CMDLINE_SIZE, 4) : 255;
	if (most >= BOOT_CMDLINE_MAX)
		most = BOOT_CMDLINE_MAX - 1;
	if (length > most)
		return problem_set(p, "--append: %zu characters, this kernel takes %u", length,
		                   most);
	ram->write(ram->ctx, BOOT_CMDLINE, r->cmdline, length + 1);
	put(zero, CMD_LINE_PTR, 4, BOOT_CMDLINE);

	zero[TYPE_OF_LOADER] = LOADER_UNDEFINED;
	zero[LOADFLAGS] |= CAN_USE_HEAP;
	put(zero, HEAP_END_PTR, 2, 0xfe00 - 0x200);
	put(zero, CODE32_START, 4, HIGH_MEMORY);
	uint64_t extended = (ram->bytes - HIGH_MEMORY) >> 10;
	put(zero, EXT_MEM_K, 2, extended > 0xfc00 ? 0xfc00 : extended);
	put(zero, ALT_MEM_K, 4, extended);
	struct e820_entry map[E820_ENTRIES];
	boot_e820(ram, map);
	memcpy(zero + E820_TABLE, map, sizeof map);
	zero[E820_COUNT] = E820_ENTRIES;
	tell_screen(zero, &e->screen);
	ram->write(ram->ctx, BOOT_INFO, zero, sizeof zero);

	e->eip = HIGH_MEMORY;
	e->esi = BOOT_INFO;
	return true;
}
