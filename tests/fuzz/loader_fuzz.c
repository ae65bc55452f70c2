/* loader_fuzz [ROUNDS [SEED]]   the loaders, fed kernels: right ones, damaged ones, noise
 *
 * bzImage of all protocols, Multiboot by ELF and by addresses, either packed, with modules and
 * command lines; and the options of `unring run`. In this process, so that the sanitizers see
 * the loaders and libelf's and zlib's use. Each image is loaded or refused with one line; what is
 * written lies in RAM and is in bounded work. */
#include "../unit/loader_fixture.h"

#include "base/log.h"
#include "machine/config.h"

#include <elf.h>
#include <stdio.h>

enum { PER_ROUND = 100, ROOM = 96 << 10, MIB = 1 << 20 };

static uint64_t seed_state;
static uint64_t written; /* in one load */
static unsigned loaded, refused, parsed;

static uint32_t any(void)
{
	seed_state = seed_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed_state >> 33);
}

static uint32_t below(uint32_t n)
{
	return any() % n;
}

/* Edges of the memory map, of the files' tables, of 16 and 32 bits. */
static uint32_t number(void)
{
	static const uint32_t edges[] = {
		0,          1,          2,          15,         16,         31,        32,
		52,         0x200,      0x203,      0x204,      0x206,      0x20a,     0x20f,
		0xfff,      0x1000,     0x7fff,     0x8fff,     0x90000,    0x91000,   0x92000,
		0x9fbff,    0x9fc00,    0x9ffff,    0xa0000,    0xfffff,    0x100000,  0x100001,
		0x3fffff,   0x400000,   0x400001,   0x7fffff,   0x800000,   0xffff,    0x10000,
		0x37ffffff, 0x7fffffff, 0x80000000, 0xfffff000, 0xfffffffe, 0xffffffff};
	switch (below(4)) {
	case 0:
		return below(64);
	case 1:
		return any() << 1 | below(2);
	default:
		return edges[below(sizeof edges / sizeof *edges)];
	}
}

/* --- right ones --- */

static void header_multiboot(uint8_t *p, uint32_t flags)
{
	put32(p, 0, 0x1badb002);
	put32(p, 4, flags);
	put32(p, 8, -(0x1badb002 + flags));
}

static size_t make_linux(uint8_t *p)
{
	static const uint16_t versions[] = {0x203, 0x204, 0x205, 0x206, 0x20a, 0x20f};
	unsigned sects = 1 + below(8), payload = 16 + below(40000), version = versions[below(6)];
	size_t setup = (sects + 1) * 512;
	p[0x1f1] = (uint8_t)sects;
	put32(p, 0x1f4, (payload + 15) / 16);
	put16(p, 0x1fe, 0xaa55);
	p[0x200] = 0xeb;
	p[0x201] = version >= 0x20a ? 0x66 : 0x30;
	memcpy(p + 0x202, "HdrS", 4);
	put16(p, 0x206, (uint16_t)version);
	p[0x211] = 1;
	put32(p, 0x214, 0x100000);
	put32(p, 0x22c, 0x37ffffff);
	put32(p, 0x238, 255 + below(2000));
	put32(p, 0x258, 0x100000);
	put32(p, 0x260, below(3) * MIB);
	return setup + payload;
}

static size_t make_elf(uint8_t *p)
{
	unsigned count = 1 + below(5), table = below(4) ? sizeof(Elf32_Ehdr) : 0x201 + below(999);
	size_t at = 0x1000, size = at + 40000;
	Elf32_Ehdr e = {
		.e_ident = ELFMAG "\1\1\1",
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_version = 1,
		.e_entry = 0xc0100010,
		.e_phoff = table,
		.e_ehsize = sizeof e,
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = (Elf32_Half)count,
	};
	memcpy(p, &e, sizeof e);
	for (unsigned i = 0; i < count; i++) {
		uint32_t length = 1 + below(9000), to = 0x100000 + i * 0x20000;
		Elf32_Phdr h = {.p_type = PT_LOAD,
		                .p_offset = (Elf32_Off)at,
		                .p_vaddr = 0xc0000000 + to,
		                .p_paddr = to,
		                .p_filesz = length,
		                .p_memsz = length + below(3) * 5000};
		memcpy(p + table + i * sizeof h, &h, sizeof h);
		at += length;
	}
	header_multiboot(p + 0x800, below(8));
	return at < size ? at : size;
}

static size_t make_flat(uint8_t *p)
{
	unsigned at = 4 * below(1000), size = at + 32 + below(30000);
	header_multiboot(p + at, 0x10003);
	put32(p, at + 12, 0x100000 + at);
	put32(p, at + 16, 0x100000);
	put32(p, at + 20, below(2) ? 0 : 0x100000 + size);
	put32(p, at + 24, below(2) ? 0 : 0x100000 + size + below(70000));
	put32(p, at + 28, 0x100000 + at + 32);
	return size;
}

/* --- damaged ones --- */

static size_t damage(uint8_t *p, size_t size, size_t room)
{
	static const unsigned heads[] = {64, 0x300, 0x1100, ROOM};
	unsigned head = heads[below(4)];
	size_t at = size ? below(size < head ? (uint32_t)size : head) : 0;
	switch (below(8)) {
	case 0:
		p[at] ^= 1 << below(8);
		return size;
	case 1:
		p[at] = (uint8_t)number();
		return size;
	case 2:
		put16(p, at & ~(size_t)1, (uint16_t)number());
		return size;
	case 3:
	case 4:
		put32(p, at & ~(size_t)3, number());
		return size;
	case 5: { /* a piece over another */
		size_t from = below((uint32_t)room), n = room - (at > from ? at : from);
		memmove(p + at, p + from, n < 4096 ? n : below(4096));
		return size;
	}
	case 6:
		return below(4) ? size : at;
	default: {
		size_t longer = size + below(4096);
		return longer < room ? longer : room;
	}
	}
}

static struct blob make(void)
{
	static uint8_t image[ROOM + 8192];
	static size_t (*const makers[])(uint8_t *) = {make_linux, make_elf, make_flat};
	memset(image, below(2) ? 0 : (int)any(), sizeof image);
	memset(image, 0, 0x1000);
	size_t size = makers[below(3)](image);
	for (unsigned n = below(3) ? below(6) : 0; n; n--)
		size = damage(image, size, ROOM);
	struct blob b = {malloc(size + !size), size};
	memcpy(b.data, image, size);
	if (!below(4)) {
		struct blob packed = gzip(&b);
		blob_free(&b);
		b = packed;
		while (b.size > 4 && !below(2))
			b.size = damage(b.data, b.size, b.size);
	}
	return b;
}

/* --- one load --- */

static void on_write(void *ctx, uint64_t at, const void *src, size_t n)
{
	struct pc *pc = ctx;
	CHECK(ram_holds(&pc->ram, at, n));
	memcpy(pc->bytes + at, src, n);
	written += n;
}

static const char *text(char *to, unsigned room)
{
	unsigned n = below(8) ? below(64) : below(room);
	for (unsigned i = 0; i < n; i++)
		to[i] = (char)(' ' + below(95));
	to[n] = 0;
	return to;
}

static void one_load(uint8_t *ram[2])
{
	static char names[5][5000], line[9000];
	static uint8_t large[4 * MIB];
	struct boot_module modules[5];
	unsigned big = below(2);
	struct pc pc = {.bytes = ram[big], .ram = {&pc, on_write, (4 + big * 12) * (uint64_t)MIB}};
	struct boot_request r = {"kernel", make(), text(line, sizeof line), modules,
	                         below(2) ? below(6) : 0};
	struct blob head = {r.kernel.data, r.kernel.size < BOOT_HEAD ? r.kernel.size : BOOT_HEAD};
	struct problem unknown = {0};
	bool recognized = boot_recognizes(&head, "kernel", &unknown);
	for (unsigned i = 0; i < r.module_count; i++) {
		size_t n = below(20000);
		uint8_t *data = below(4) ? calloc(1, n + !n) : NULL;
		modules[i] = (struct boot_module){text(names[i], sizeof names[i]), {data, n}};
		if (!data)
			modules[i].data = (struct blob){large, below(5) * MIB};
	}
	written = 0;
	bool ok = boot_load(&pc.ram, &r, &pc.entry, &pc.problem);
	CHECK(ok == !pc.problem.text[0]);
	CHECK(recognized == !unknown.text[0]);
	CHECK(recognized || !ok);
	CHECK(!strchr(pc.problem.text, '\n') && !strchr(unknown.text, '\n'));
	CHECK(written <= 3 * pc.ram.bytes);
	loaded += ok;
	refused += !ok;
	for (unsigned i = 0; i < r.module_count; i++)
		if (modules[i].data.data != large)
			blob_free(&modules[i].data);
	blob_free(&r.kernel);
}

/* --- options --- */

/* clang-format off */
static void one_line(void)
{
	static const char *const words[] = {"shadow", "stdio", "none", "file:x", "unix:", "int,exc", "x", "", "-", "--", "64M", "4096K", "0",
		"18446744073709551615", "99999999999999999999G", "-1", "3072M", "1G", "help", "486", "200", "199"};
	static char made[24][300];
	char *argv[25] = {0};
	int argc = (int)below(24);
	struct machine_config c;
	struct problem p = {0};
	for (int i = 0; i < argc; i++) {
		argv[i] = made[i];
		if (below(8))
			strcpy(made[i], below(2) ? words[below(sizeof words / sizeof *words)]
			                         : config_options.rows[below(config_options.count)].name);
		else
			text(made[i], sizeof made[i]);
	}
	bool ok = config_parse(&c, argc, argv, &p);
	CHECK(ok == !p.text[0]);
	CHECK(!strchr(p.text, '\n'));
	CHECK(!ok || (c.memory >= 4 * MIB && c.memory <= 3072ull * MIB && c.memory % MIB == 0));
	parsed += ok;
}
/* clang-format on */

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 10, all = rounds * PER_ROUND;
	seed_state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	uint8_t *ram[2] = {malloc(4 * MIB), malloc(16 * MIB)};
	for (unsigned i = 0; i < all; i++) {
		one_load(ram);
		for (unsigned n = 0; n < 10; n++)
			one_line();
	}
	free(ram[0]);
	free(ram[1]);
	printf("loader_fuzz: %u loaded, %u refused; %u command lines taken\n", loaded, refused,
	       parsed);
	/* Images that none is taken of test nothing, nor do those that all are. */
	return loaded < all / 8 || refused < all / 8 || !parsed;
}
