#include "machine/loader.h"

#include <libelf.h>
#include <string.h>

/* Multiboot Specification 0.6.96, sections 3.1 to 3.3. */
enum {
	SEARCH = BOOT_HEAD,
	HEADER_MAGIC = 0x1badb002,
	BOOT_MAGIC = 0x2badb002,

	WANT_PAGE_ALIGN = 1 << 0,
	WANT_MEMORY = 1 << 1,
	WANT_VIDEO = 1 << 2, /* a wish: there is no display */
	HAS_ADDRESSES = 1 << 16,
	MUST_KNOW = 0xffff,

	INFO_MEMORY = 1 << 0,
	INFO_CMDLINE = 1 << 2,
	INFO_MODULES = 1 << 3,
	INFO_MMAP = 1 << 6,
	INFO_LOADER_NAME = 1 << 9,
};

struct header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

struct info {
	uint32_t flags;
	uint32_t mem_lower, mem_upper;
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t mods_count, mods_addr;
	uint32_t syms[4];
	uint32_t mmap_length, mmap_addr;
	uint32_t drives_length, drives_addr;
	uint32_t config_table;
	uint32_t boot_loader_name;
};

struct mod {
	uint32_t start, end, string, reserved;
};

struct mmap_entry {
	uint32_t size; /* of what follows */
	struct e820_entry e;
};

/* Boot information grows upwards from BOOT_INFO's page. */
struct arena {
	struct guest_ram *ram;
	uint32_t at, end;
};

struct load {
	struct guest_ram *ram;
	const struct boot_request *r;
	struct problem *p;
	uint32_t entry;
	uint64_t end;   /* of the highest byte loaded */
	uint64_t total; /* bytes loaded */
};

static bool find_header(const struct blob *image, struct header *h, size_t *at)
{
	size_t limit = image->size < SEARCH ? image->size : SEARCH;
	for (size_t i = 0; i + 12 <= limit; i += 4) {
		*h = (struct header){0};
		memcpy(h, image->data + i, 12);
		if (h->magic != HEADER_MAGIC || h->magic + h->flags + h->checksum)
			continue;
		if (h->flags & HAS_ADDRESSES && i + sizeof *h > limit)
			continue;
		if (h->flags & HAS_ADDRESSES)
			memcpy(h, image->data + i, sizeof *h);
		*at = i;
		return true;
	}
	return false;
}

static bool is_elf(const struct blob *image)
{
	return image->size >= SELFMAG && !memcmp(image->data, ELFMAG, SELFMAG);
}

bool multiboot_is(const struct blob *image)
{
	struct header h;
	size_t at;
	return is_elf(image) || find_header(image, &h, &at);
}

/* Puts one piece of the image in place; the rest up to total is zero. */
static bool place(struct load *l, uint64_t to, size_t from, size_t n, uint64_t total)
{
	const struct blob *image = &l->r->kernel;
	const char *name = l->r->kernel_name;
	if (from > image->size || n > image->size - from)
		return problem_set(l->p, "kernel %s: truncated", name);
	if (n > total)
		return problem_set(l->p, "kernel %s: a segment larger in the file than in memory",
		                   name);
	if (!ram_holds(l->ram, to, total))
		return problem_set(l->p, "kernel %s: %llxh to %llxh is not in %llu MiB of memory",
		                   name, (unsigned long long)to, (unsigned long long)to + total,
		                   (unsigned long long)(l->ram->end >> 20));
	/* Work is bounded by memory: what exceeds it lies over itself. */
	l->total += total;
	if (l->total > l->ram->bytes)
		return problem_set(l->p, "kernel %s: segments that lie over each other", name);
	if (to < BOOT_EBDA && to + total > BOOT_INFO)
		return problem_set(l->p, "kernel %s: loads over the boot information at %xh", name,
		                   BOOT_INFO);
	l->ram->write(l->ram->ctx, to, image->data + from, n);
	ram_zero(l->ram, to + n, total - n);
	if (to + total > l->end)
		l->end = to + total;
	return true;
}

static bool load_addresses(struct load *l, const struct header *h, size_t at)
{
	const char *name = l->r->kernel_name;
	uint32_t before = h->header_addr - h->load_addr;
	if (h->load_addr > h->header_addr || before > at)
		return problem_set(l->p, "kernel %s: contradictory Multiboot addresses", name);
	size_t from = at - before;
	uint64_t size = l->r->kernel.size - from;
	if (h->load_end_addr) {
		if (h->load_end_addr < h->load_addr)
			return problem_set(l->p, "kernel %s: contradictory Multiboot addresses",
			                   name);
		size = h->load_end_addr - h->load_addr;
	}
	uint64_t total = size;
	if (h->bss_end_addr) {
		if (h->bss_end_addr < h->load_addr + size)
			return problem_set(l->p, "kernel %s: contradictory Multiboot addresses",
			                   name);
		total = h->bss_end_addr - h->load_addr;
	}
	l->entry = h->entry_addr;
	return place(l, h->load_addr, from, size, total);
}

static bool load_segments(struct load *l, Elf *elf)
{
	const char *name = l->r->kernel_name;
	Elf32_Ehdr *eh = elf32_getehdr(elf);
	size_t count;
	if (!eh)
		return problem_set(l->p, "kernel %s: truncated ELF", name);
	if (eh->e_machine != EM_386)
		return problem_set(l->p, "kernel %s: ELF for another processor than the i386",
		                   name);
	if (elf_getphdrnum(elf, &count) || !count)
		return problem_set(l->p, "kernel %s: ELF without program headers", name);
	const char *table = (const char *)elf32_getphdr(elf); /* aligned as in the file */
	if (!table)
		return problem_set(l->p, "kernel %s: truncated ELF", name);
	l->entry = eh->e_entry;
	for (size_t i = 0; i < count; i++) {
		Elf32_Phdr ph;
		memcpy(&ph, table + i * sizeof ph, sizeof ph);
		if (ph.p_type != PT_LOAD || !ph.p_memsz)
			continue;
		if (!place(l, ph.p_paddr, ph.p_offset, ph.p_filesz, ph.p_memsz))
			return false;
		/* The entry may be given as linked: paging is off. */
		if (eh->e_entry - ph.p_vaddr < ph.p_memsz)
			l->entry = eh->e_entry - ph.p_vaddr + ph.p_paddr;
	}
	if (!l->end)
		return problem_set(l->p, "kernel %s: ELF with nothing to load", name);
	return true;
}

static bool load_elf(struct load *l)
{
	const struct blob *image = &l->r->kernel;
	const char *name = l->r->kernel_name;
	if (image->size > EI_CLASS && image->data[EI_CLASS] == ELFCLASS64)
		return problem_set(l->p, "kernel %s: 64-bit ELF, unring runs 32-bit kernels", name);
	elf_version(EV_CURRENT);
	Elf *elf = elf_memory((char *)image->data, image->size);
	if (!elf)
		return problem_set(l->p, "kernel %s: truncated ELF", name);
	bool ok = load_segments(l, elf);
	elf_end(elf);
	return ok;
}

static uint32_t arena_put(struct arena *a, const void *src, size_t n)
{
	uint32_t at = a->at;
	if (n > a->end - at)
		return 0;
	a->ram->write(a->ram->ctx, at, src, n);
	a->at = (at + n + 7) & ~7u;
	return at;
}

static uint32_t arena_string(struct arena *a, const char *s)
{
	return arena_put(a, s, strlen(s) + 1);
}

static bool load_modules(struct load *l, struct arena *a, struct info *info)
{
	uint64_t at = l->end < HIGH_MEMORY ? HIGH_MEMORY : l->end;
	struct mod mods[64];
	unsigned n = l->r->module_count;
	if (n > sizeof mods / sizeof *mods)
		return problem_set(l->p, "kernel %s: more than 64 modules", l->r->kernel_name);
	for (unsigned i = 0; i < n; i++) {
		const struct boot_module *m = &l->r->modules[i];
		at = (at + PAGE_MASK) & ~(uint64_t)PAGE_MASK;
		if (!ram_holds(l->ram, at, m->data.size))
			return problem_set(l->p,
			                   "module %s: %zu KiB do not fit in %llu MiB of memory",
			                   m->name, m->data.size >> 10,
			                   (unsigned long long)(l->ram->end >> 20));
		l->ram->write(l->ram->ctx, at, m->data.data, m->data.size);
		mods[i] = (struct mod){at, at + m->data.size, arena_string(a, m->name), 0};
		if (!mods[i].string)
			return problem_set(l->p,
			                   "module %.60s...: its name and arguments are too long",
			                   m->name);
		at += m->data.size;
	}
	if (n) {
		info->flags |= INFO_MODULES;
		info->mods_count = n;
		info->mods_addr = arena_put(a, mods, n * sizeof *mods);
		if (!info->mods_addr)
			return problem_set(
				l->p, "kernel %s: the modules' names and arguments are too long",
				l->r->kernel_name);
	}
	return true;
}

static bool write_info(struct load *l, struct boot_entry *e)
{
	struct arena a = {l->ram, BOOT_CMDLINE, BOOT_EBDA};
	struct info info = {
		.flags = INFO_MEMORY | INFO_CMDLINE | INFO_MMAP | INFO_LOADER_NAME,
		.mem_lower = BOOT_EBDA >> 10,
		.mem_upper = (l->ram->bytes - HIGH_MEMORY) >> 10,
	};
	struct e820_entry map[E820_ENTRIES];
	struct mmap_entry mmap[E820_ENTRIES];
	boot_e820(l->ram, map);
	for (unsigned i = 0; i < E820_ENTRIES; i++)
		mmap[i] = (struct mmap_entry){sizeof *map, map[i]};
	info.mmap_addr = arena_put(&a, mmap, sizeof mmap);
	info.mmap_length = sizeof mmap;
	info.boot_loader_name = arena_string(&a, "unring");

	/* As GRUB does: the kernel's name comes first. */
	char line[4096];
	size_t name = strlen(l->r->kernel_name), args = strlen(l->r->cmdline);
	if (name + args + 2 > sizeof line)
		return problem_set(l->p, "--append: too long for a Multiboot kernel");
	memcpy(line, l->r->kernel_name, name);
	line[name] = ' ';
	memcpy(line + name + 1, l->r->cmdline, args + 1);
	if (!args)
		line[name] = 0;
	info.cmdline = arena_string(&a, line);
	if (!load_modules(l, &a, &info))
		return false;
	l->ram->write(l->ram->ctx, BOOT_INFO, &info, sizeof info);
	e->eip = l->entry;
	e->screen.width = 0;
	e->eax = BOOT_MAGIC;
	e->ebx = BOOT_INFO;
	return true;
}

bool multiboot_load(struct guest_ram *ram, const struct boot_request *r, struct boot_entry *e,
                    struct problem *p)
{
	struct load l = {.ram = ram, .r = r, .p = p};
	struct header h;
	size_t at;
	bool found = find_header(&r->kernel, &h, &at);
	if (found && h.flags & MUST_KNOW & ~(WANT_PAGE_ALIGN | WANT_MEMORY | WANT_VIDEO))
		return problem_set(p, "kernel %s: asks for unknown Multiboot features (flags %08x)",
		                   r->kernel_name, h.flags);
	if (found && h.flags & HAS_ADDRESSES) {
		if (!load_addresses(&l, &h, at))
			return false;
	} else {
		/* Damage of the ELF itself is told first. */
		if (!load_elf(&l))
			return false;
		if (!found)
			return problem_set(p, "kernel %s: ELF without a Multiboot header",
			                   r->kernel_name);
	}
	return write_info(&l, e);
}
