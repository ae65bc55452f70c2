/* links: machine */
#include "loader_fixture.h"

#include <elf.h>

enum { HEADER_AT = 0x100, TEXT_AT = 0x1000, TEXT = 600, BSS = 5000, IMAGE = TEXT_AT + TEXT };

static void multiboot_header(uint8_t *p, uint32_t flags)
{
	put32(p, 0, 0x1badb002);
	put32(p, 4, flags);
	put32(p, 8, -(0x1badb002 + flags));
}

/* An ELF kernel linked at C0100000h, loaded at 1 MiB, with bss. */
static struct blob elf_image(uint32_t flags)
{
	struct blob b = {calloc(1, IMAGE), IMAGE};
	Elf32_Ehdr *e = (void *)b.data;
	memcpy(e->e_ident, ELFMAG "\1\1\1", 7);
	e->e_type = ET_EXEC;
	e->e_machine = EM_386;
	e->e_version = 1;
	e->e_entry = 0xc0100010;
	e->e_phoff = sizeof *e;
	e->e_ehsize = sizeof *e;
	e->e_phentsize = sizeof(Elf32_Phdr);
	e->e_phnum = 1;
	Elf32_Phdr *p = (void *)(b.data + e->e_phoff);
	*p = (Elf32_Phdr){.p_type = PT_LOAD,
	                  .p_offset = TEXT_AT,
	                  .p_vaddr = 0xc0100000,
	                  .p_paddr = 0x100000,
	                  .p_filesz = TEXT,
	                  .p_memsz = TEXT + BSS};
	multiboot_header(b.data + HEADER_AT, flags);
	memset(b.data + TEXT_AT, 0x90, TEXT);
	return b;
}

static Elf32_Phdr *segment(struct blob *b)
{
	return (void *)(b->data + sizeof(Elf32_Ehdr));
}

static void test_elf(void **state)
{
	struct pc pc;
	pc_open(&pc, 16);
	struct boot_request r = {"mach", elf_image(3), "console=com0", NULL, 0};
	pc.entry.screen = (struct boot_screen){640, 480, 0xfd000000, 16 << 20};
	assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_int_equal(pc.entry.screen.width, 0); /* it is told of none */
	assert_int_equal(pc.entry.eax, 0x2badb002);
	assert_int_equal(pc.entry.eip, 0x100010); /* physical */
	assert_int_equal(pc.bytes[0x100000], 0x90);
	for (unsigned i = 0; i < BSS; i++)
		assert_int_equal(pc.bytes[0x100000 + TEXT + i], 0);
	assert_int_equal(pc.bytes[0x100000 + TEXT + BSS], 0xcc);

	const uint8_t *info = pc.bytes + pc.entry.ebx;
	assert_int_equal(get32(info, 0), 0x245);
	assert_int_equal(get32(info, 4), 639);
	assert_int_equal(get32(info, 8), 15 << 10);
	assert_string_equal((char *)pc.bytes + get32(info, 16), "mach console=com0");
	assert_string_equal((char *)pc.bytes + get32(info, 64), "unring");
	/* Size of the rest, base, length, type. */
	static const uint32_t map[][6] = {
		{20, 0, 0, 0x9fc00, 0, 1},        {20, 0x9fc00, 0, 0x400, 0, 2},
		{20, 0xf0000, 0, 0x10000, 0, 2},  {20, 0x100000, 0, 15 << 20, 0, 1},
		{20, 16 << 20, 0, 0x20000, 0, 2},
	};
	assert_int_equal(get32(info, 44), sizeof map);
	assert_memory_equal(pc.bytes + get32(info, 48), map, sizeof map);
	pc_close(&pc, &r.kernel);
}

/* Program headers may lie at any byte of the file. */
static void test_odd_headers(void **state)
{
	struct pc pc;
	pc_open(&pc, 16);
	struct boot_request r = {"odd", elf_image(3), "", NULL, 0};
	Elf32_Ehdr *e = (void *)r.kernel.data;
	memmove(r.kernel.data + sizeof *e + 1, r.kernel.data + sizeof *e, sizeof(Elf32_Phdr));
	e->e_phoff++;
	assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_int_equal(pc.entry.eip, 0x100010);
	pc_close(&pc, &r.kernel);
}

/* A file of 2 MiB that would have 600 GiB of zeros written is refused. */
static void test_many_segments(void **state)
{
	enum { COUNT = 60000 };
	struct pc pc;
	pc_open(&pc, 16);
	struct blob one = elf_image(3);
	size_t table = IMAGE, size = table + COUNT * sizeof(Elf32_Phdr);
	struct boot_request r = {"many", {calloc(1, size), size}, "", NULL, 0};
	memcpy(r.kernel.data, one.data, one.size);
	Elf32_Ehdr *e = (void *)r.kernel.data;
	e->e_phoff = table;
	e->e_phnum = COUNT;
	Elf32_Phdr p = *segment(&one);
	p.p_filesz = 0;
	p.p_memsz = 10 << 20;
	for (unsigned i = 0; i < COUNT; i++)
		memcpy(r.kernel.data + table + i * sizeof p, &p, sizeof p);
	assert_false(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_problem(&pc, "many", "over each other");
	blob_free(&one);
	pc_close(&pc, &r.kernel);
}

static void test_modules(void **state)
{
	struct pc pc;
	pc_open(&pc, 16);
	struct boot_module modules[] = {
		{"first a b", {calloc(1, 4097), 4097}},
		{"second", {calloc(1, 10), 10}},
	};
	memset(modules[0].data.data, 1, 4097);
	memset(modules[1].data.data, 2, 10);
	struct boot_request r = {"mach", elf_image(3), "", modules, 2};
	assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	const uint8_t *info = pc.bytes + pc.entry.ebx;
	assert_true(get32(info, 0) & 8);
	assert_int_equal(get32(info, 20), 2);
	const uint8_t *mods = pc.bytes + get32(info, 24);
	uint32_t first = get32(mods, 0), second = get32(mods, 16);
	assert_true(first >= 0x100000 + TEXT + BSS);
	assert_int_equal(first & 0xfff, 0);
	assert_int_equal(get32(mods, 4), first + 4097);
	assert_int_equal(second, first + 8192);
	assert_memory_equal(pc.bytes + first, modules[0].data.data, 4097);
	assert_memory_equal(pc.bytes + second, modules[1].data.data, 10);
	assert_string_equal((char *)pc.bytes + get32(mods, 8), "first a b");
	assert_string_equal((char *)pc.bytes + get32(info, 16), "mach");
	free(modules[0].data.data);
	free(modules[1].data.data);
	pc_close(&pc, &r.kernel);
}

static void test_module_that_does_not_fit(void **state)
{
	struct pc pc;
	pc_open(&pc, 4);
	struct boot_module m = {"huge", {calloc(1, 4 << 20), 4 << 20}};
	struct boot_request r = {"mach", elf_image(3), "", &m, 1};
	assert_false(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_problem(&pc, "module huge:", " 4096 KiB do not fit in 4 MiB of memory");
	free(m.data.data);
	pc_close(&pc, &r.kernel);
}

/* The address fields of the header in place of ELF. */
static struct blob flat_image(uint32_t load, uint32_t load_end, uint32_t bss_end)
{
	struct blob b = {malloc(2000), 2000};
	memset(b.data, 0x90, 2000);
	multiboot_header(b.data + HEADER_AT, 0x10000);
	put32(b.data, HEADER_AT + 12, 0x200000 + HEADER_AT);
	put32(b.data, HEADER_AT + 16, load);
	put32(b.data, HEADER_AT + 20, load_end);
	put32(b.data, HEADER_AT + 24, bss_end);
	put32(b.data, HEADER_AT + 28, 0x200200);
	return b;
}

static void test_addresses(void **state)
{
	struct pc pc;
	pc_open(&pc, 16);
	struct boot_request r = {"flat", flat_image(0x200010, 0x200500, 0x200600), "", NULL, 0};
	assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_int_equal(pc.entry.eip, 0x200200);
	assert_int_equal(pc.bytes[0x20000f], 0xcc);
	assert_memory_equal(pc.bytes + 0x200010, r.kernel.data + 0x10, 0x4f0);
	assert_int_equal(pc.bytes[0x200500], 0);
	assert_int_equal(pc.bytes[0x2005ff], 0);
	assert_int_equal(pc.bytes[0x200600], 0xcc);
	pc_close(&pc, &r.kernel);

	pc_open(&pc, 16); /* no end: the whole file */
	r = (struct boot_request){"flat", flat_image(0x200000, 0, 0), "", NULL, 0};
	assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_memory_equal(pc.bytes + 0x200000, r.kernel.data, 2000);
	assert_int_equal(pc.bytes[0x200000 + 2000], 0xcc);
	pc_close(&pc, &r.kernel);
}

/* RAM is up to 9FFFFh, and from 100000h to the end of memory; the boot information lies
 * from 90000h to the EBDA. */
static void test_segment_s_place(void **state)
{
	static const struct {
		uint32_t at, size;
		const char *reason; /* of the refusal */
	} cases[] = {
		{0x10000, 0x80000, NULL},
		{0x10000, 0x80001, "boot information"},
		{0x9fc00, 0x400, NULL},
		{0x9fbff, 0x400, "boot information"},
		{0x9fc00, 0x401, "is not in 16 MiB of memory"},
		{0xa0000, 0x100, "is not in 16 MiB of memory"},
		{0xb8000, 0x100, "is not in 16 MiB of memory"},
		{0xfffff, 1, "is not in 16 MiB of memory"},
		{0x100000, 1, NULL},
		{0x100000, (15 << 20), NULL},
		{0x100000, (15 << 20) + 1, "is not in 16 MiB of memory"},
		{(16 << 20) - 1, 1, NULL},
		{16 << 20, 1, "is not in 16 MiB of memory"},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pc pc;
		pc_open(&pc, 16);
		struct boot_request r = {"some-kernel", elf_image(3), "", NULL, 0};
		segment(&r.kernel)->p_paddr = cases[i].at;
		segment(&r.kernel)->p_memsz = cases[i].size;
		segment(&r.kernel)->p_filesz = 1;
		assert_int_equal(boot_load(&pc.ram, &r, &pc.entry, &pc.problem), !cases[i].reason);
		if (!cases[i].reason)
			assert_int_equal(pc.bytes[cases[i].at], 0x90);
		else
			assert_problem(&pc, "some-kernel", cases[i].reason);
		pc_close(&pc, &r.kernel);
	}
}

static void refuse(struct blob kernel, const char *reason)
{
	struct pc pc;
	pc_open(&pc, 16);
	struct boot_request r = {"some-kernel", kernel, "", NULL, 0};
	assert_false(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_problem(&pc, "some-kernel", reason);
	pc_close(&pc, &r.kernel);
}

static bool loads(struct blob kernel, const char *cmdline)
{
	struct pc pc;
	pc_open(&pc, 4);
	struct boot_request r = {"some-kernel", kernel, cmdline, NULL, 0};
	bool ok = boot_load(&pc.ram, &r, &pc.entry, &pc.problem);
	pc_close(&pc, &r.kernel);
	return ok;
}

/* The header lies whole in the first 8 KiB, on four bytes; the first right one counts. */
static void test_header_s_place(void **state)
{
	static const struct {
		uint32_t flags, at, size;
		bool found;
	} cases[] = {
		{0, 0, 9000, true},           {0, 4, 9000, true},
		{0, 2, 9000, false},          {0, 1, 9000, false},
		{0, 8180, 9000, true},        {0, 8184, 9000, false},
		{0, 8192, 9000, false},       {0, 500, 512, true},
		{0, 504, 512, false},         {0x10000, 8160, 9000, true},
		{0x10000, 8164, 9000, false}, {0x10000, 480, 512, true},
		{0x10000, 484, 512, false},   {0xfffe0007, 480, 512, true},
		{0xfffe0007, 500, 512, true},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct blob b = {calloc(1, 10000), cases[i].size};
		multiboot_header(b.data + cases[i].at, cases[i].flags);
		assert_int_equal(multiboot_is(&b), cases[i].found);
		/* One with a wrong checksum before it is none. */
		if (cases[i].at >= 40) {
			multiboot_header(b.data + 8, 3);
			b.data[8 + 8]++;
			assert_int_equal(multiboot_is(&b), cases[i].found);
		}
		blob_free(&b);
	}
	assert_false(multiboot_is(&(struct blob){(uint8_t *)ELFMAG, 3}));
	assert_true(multiboot_is(&(struct blob){(uint8_t *)ELFMAG, 4}));
}

/* What a kernel asks for in the lower half must be known; the upper half is as it likes. */
static void test_flags(void **state)
{
	for (unsigned bit = 0; bit < 32; bit++)
		if (bit != 16)
			assert_int_equal(loads(elf_image(1u << bit), ""), bit < 3 || bit > 16);
}

/* The fields of the header, at their limits. */
static void test_address_fields(void **state)
{
	enum { HEADER = 0x200000 + HEADER_AT, END = 0x200000 + 2000 };
	static const struct {
		uint32_t load, load_end, bss_end;
		bool ok;
	} cases[] = {
		{HEADER, 0, 0, true},
		{HEADER + 1, 0, 0, false},
		{0x200000, 0, 0, true},
		{0x1fffff, 0, 0, false},
		{0x200000, END, 0, true},
		{0x200000, END + 1, 0, false},
		{0x200000, 0x200000, 0, true},
		{0x200000, 0x1fffff, 0, false},
		{0x200000, 0, END, true},
		{0x200000, 0, END - 1, false},
		{0x200000, 0x200100, 0x200100, true},
		{0x200000, 0x200100, 4 << 20, true},
		{0x200000, 0x200100, (4 << 20) + 1, false},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(
			loads(flat_image(cases[i].load, cases[i].load_end, cases[i].bss_end), ""),
			cases[i].ok);
	/* Addresses go before ELF where both are there. */
	struct pc pc;
	pc_open(&pc, 4);
	struct boot_request r = {"both", elf_image(0x10000), "", NULL, 0};
	put32(r.kernel.data, HEADER_AT + 12, 0x200000 + HEADER_AT);
	put32(r.kernel.data, HEADER_AT + 16, 0x200000);
	put32(r.kernel.data, HEADER_AT + 28, 0x200abc);
	assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_int_equal(pc.entry.eip, 0x200abc);
	assert_memory_equal(pc.bytes + 0x200000, r.kernel.data, IMAGE);
	assert_int_equal(pc.bytes[0x100000], 0xcc);
	pc_close(&pc, &r.kernel);
}

/* Two segments, the higher first; the entry by the one that holds it, or as it is. */
/* clang-format off */
static void test_segments(void **state)
{
	static const uint32_t entries[][2] = {
		{0xc0100000, 0x100000}, {0xc0100fff, 0x100fff}, {0xc0101000, 0x300000},
		{0xc0101fff, 0x300fff}, {0xc0102000, 0xc0102000}, {0xc00fffff, 0xc00fffff},
		{0x300010, 0x300010},
	};
	for (unsigned i = 0; i < sizeof entries / sizeof *entries; i++) {
		struct pc pc;
		pc_open(&pc, 4);
		struct boot_module m = {"m", {calloc(1, 1), 1}};
		struct boot_request r = {"mach", elf_image(3), "", &m, 1};
		Elf32_Ehdr *e = (void *)r.kernel.data;
		Elf32_Phdr *p = segment(&r.kernel);
		e->e_phnum = 4;
		e->e_entry = entries[i][0];
		p[0] = (Elf32_Phdr){.p_type = PT_LOAD, .p_offset = TEXT_AT, .p_vaddr = 0xc0101000,
		                    .p_paddr = 0x300000, .p_filesz = TEXT, .p_memsz = 0x1000};
		p[1] = (Elf32_Phdr){.p_type = PT_LOAD, .p_offset = TEXT_AT + 1, .p_vaddr = 0xc0100000,
		                    .p_paddr = 0x100000, .p_filesz = TEXT - 1, .p_memsz = 0x1000};
		p[2] = (Elf32_Phdr){.p_type = PT_LOAD, .p_paddr = 0xb8000, .p_offset = 0xffffff};
		p[3] = (Elf32_Phdr){.p_type = PT_NOTE, .p_paddr = 0xb8000, .p_memsz = 5};
		r.kernel.data[TEXT_AT] = 0x11;
		assert_true(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
		assert_int_equal(pc.entry.eip, entries[i][1]);
		assert_int_equal(pc.bytes[0x300000], 0x11);
		assert_int_equal(pc.bytes[0x100000], 0x90);
		assert_int_equal(pc.bytes[0x100000 + TEXT - 2], 0x90);
		assert_int_equal(pc.bytes[0x100000 + TEXT - 1], 0);
		assert_int_equal(pc.bytes[0x301000], 0); /* the module, behind the highest */
		assert_int_equal(get32(pc.bytes, get32(pc.bytes + pc.entry.ebx, 24)), 0x301000);
		free(m.data.data);
		pc_close(&pc, &r.kernel);
	}
}
/* clang-format on */

/* As many modules as there is room for, each on a page of its own; above 1 MiB. */
static void test_many_modules(void **state)
{
	for (unsigned n = 63; n <= 65; n++) {
		struct pc pc;
		struct boot_module modules[65];
		uint8_t byte = 0x77;
		pc_open(&pc, 4);
		for (unsigned i = 0; i < 65; i++)
			modules[i] = (struct boot_module){"m", {&byte, 1}};
		struct boot_request r = {"mach", elf_image(3), "", modules, n};
		segment(&r.kernel)->p_paddr = 0x1000;
		assert_int_equal(boot_load(&pc.ram, &r, &pc.entry, &pc.problem), n <= 64);
		if (n > 64)
			assert_problem(&pc, "mach", "more than 64 modules");
		const uint8_t *mods = pc.bytes + get32(pc.bytes + pc.entry.ebx, 24);
		for (unsigned i = 0; n <= 64 && i < n; i++) {
			assert_int_equal(get32(mods, 16 * i), 0x100000 + 4096 * i);
			assert_int_equal(get32(mods, 16 * i + 4), 0x100000 + 4096 * i + 1);
			assert_int_equal(get32(mods, 16 * i + 12), 0);
			assert_int_equal(pc.bytes[0x100000 + 4096 * i], 0x77);
		}
		pc_close(&pc, &r.kernel);
	}
	/* The last byte of memory, and one more. */
	for (unsigned more = 0; more < 2; more++) {
		struct pc pc;
		pc_open(&pc, 4);
		struct boot_module m = {"m", {calloc(1, 4 << 20), (3 << 20) - 0x2000 + more}};
		struct boot_request r = {"mach", elf_image(3), "", &m, 1};
		assert_int_equal(boot_load(&pc.ram, &r, &pc.entry, &pc.problem), !more);
		if (more)
			assert_problem(&pc, "module m", "do not fit in 4 MiB");
		free(m.data.data);
		pc_close(&pc, &r.kernel);
	}
}

/* Names and arguments have the room up to the EBDA, with all else that a kernel is told. */
static void test_long_names(void **state)
{
	enum { MOST = 0xdc00 - 200 };
	char *name = calloc(1, 0x10000);
	unsigned longest = 0;
	for (unsigned n = MOST; n < MOST + 200; n++) {
		struct pc pc;
		uint8_t byte = 0;
		pc_open(&pc, 4);
		struct boot_module m = {name, {&byte, 1}};
		struct boot_request r = {"mach", elf_image(3), "", &m, 1};
		memset(name, 'n', n);
		bool ok = boot_load(&pc.ram, &r, &pc.entry, &pc.problem);
		if (ok) {
			const uint8_t *info = pc.bytes + pc.entry.ebx;
			uint32_t mods = get32(info, 24);
			assert_in_range(mods, BOOT_CMDLINE, BOOT_EBDA - 16);
			assert_string_equal((char *)pc.bytes + get32(pc.bytes, mods + 8), name);
			longest = n;
		} else {
			assert_problem(&pc, "", "names and arguments are too long");
			assert_int_equal(longest, n - 1);
		}
		pc_close(&pc, &r.kernel);
		if (!ok)
			break;
	}
	memset(name, 'n', 0xffff);
	struct pc pc;
	uint8_t byte = 0;
	pc_open(&pc, 4);
	struct boot_module m = {name, {&byte, 1}};
	struct boot_request r = {"mach", elf_image(3), "", &m, 1};
	assert_false(boot_load(&pc.ram, &r, &pc.entry, &pc.problem));
	assert_problem(&pc, "module nnn", "its name and arguments are too long");
	pc_close(&pc, &r.kernel);
	free(name);
}

static void test_command_line(void **state)
{
	char line[4096];
	memset(line, 'a', sizeof line);
	line[4096 - strlen("some-kernel") - 2] = 0;
	assert_true(loads(elf_image(3), line));
	line[4096 - strlen("some-kernel") - 2] = 'a';
	line[4096 - strlen("some-kernel") - 1] = 0;
	assert_false(loads(elf_image(3), line));
}

static void test_bad_images(void **state)
{
	struct blob b = elf_image(3);
	b.size = TEXT_AT + 10;
	refuse(b, "truncated");
	b = elf_image(3);
	b.size = 20;
	refuse(b, "truncated");
	b = elf_image(3);
	b.data[EI_CLASS] = ELFCLASS64;
	refuse(b, "64-bit");
	b = elf_image(3);
	((Elf32_Ehdr *)b.data)->e_machine = EM_ARM;
	refuse(b, "another processor");
	b = elf_image(3);
	((Elf32_Ehdr *)b.data)->e_phnum = 0;
	refuse(b, "without program headers");
	b = elf_image(3);
	((Elf32_Ehdr *)b.data)->e_phoff = IMAGE - 1;
	refuse(b, "ELF");
	b = elf_image(3);
	b.data[HEADER_AT + 8] ^= 1; /* checksum */
	refuse(b, "without a Multiboot header");
	refuse(elf_image(3 | 0x8), "unknown Multiboot features");
	b = elf_image(3);
	segment(&b)->p_paddr = 0x9f000; /* runs into the hole */
	refuse(b, "not in");
	b = elf_image(3);
	segment(&b)->p_paddr = 0xfffff000;
	segment(&b)->p_memsz = 0xfffff000;
	refuse(b, "not in");
	b = elf_image(3);
	segment(&b)->p_paddr = BOOT_INFO;
	refuse(b, "boot information");
	b = elf_image(3);
	segment(&b)->p_memsz = TEXT - 1;
	refuse(b, "larger in the file");
	b = elf_image(3);
	segment(&b)->p_type = PT_NOTE;
	refuse(b, "nothing to load");
	b = flat_image(0xa0000, 0, 0);
	put32(b.data, HEADER_AT + 12, 0xa0000 + HEADER_AT);
	refuse(b, "a0000h to a07d0h is not in 16 MiB of memory");
	refuse(flat_image(0x200200, 0, 0), "contradictory"); /* the header lies before it */
	refuse(flat_image(0x100000, 0, 0), "contradictory"); /* before the file */
	refuse(flat_image(0x200000, 0x200000 + 4000, 0), "truncated");
	refuse(flat_image(0x200000, 0x200100, 0x2000ff), "contradictory");

	b = (struct blob){calloc(1, 10000), 10000};
	multiboot_header(b.data + 8192, 0); /* too far into the file */
	refuse(b, "neither");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf),
		cmocka_unit_test(test_odd_headers),
		cmocka_unit_test(test_many_segments),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_module_that_does_not_fit),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_segment_s_place),
		cmocka_unit_test(test_header_s_place),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_address_fields),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_many_modules),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_bad_images),
	};
	return cmocka_run_group_tests_name("loader_multiboot", tests, NULL, NULL);
}
