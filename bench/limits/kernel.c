/* Runs a program at CPL 3, flat and in segments of an LDT, and prints what each took. */
#include "rt.h"

#define PROGRAM(name, file)                                                                        \
	extern const u8 name[], name##_end[];                                                      \
	asm(".pushsection .rodata\n" #name ": .incbin \"" file "\"\n" #name "_end:\n.popsection")
PROGRAM(flat_text, "flat.text");
PROGRAM(flat_data, "flat.data");
PROGRAM(low_text, "low.text");
PROGRAM(low_data, "low.data");

enum {
	FLAT_TEXT = 0x3000000, /* as the flat program is linked */
	FLAT_DATA = 0x3010000,
	CODE_BASE = 0x3800000,
	SMALL_BASE = 0x3810000,
	LARGE_BASE = 0x4000000, /* of the first, and 64 MiB between them */
	LARGE = 3,
	WAYS = 2 + LARGE,
	DATA_BYTES = 5000,
	LDT = SEL_FREE,
	L_CODE = 0 | 7,
	L_SMALL = 8 | 7,
	L_LARGE = 16 | 7,
};

static u64 ldt[2 + LARGE];

static void ldt_set(u16 sel, u32 base, u32 limit, u8 access, u8 flags)
{
	gdt_set(SEL_FREE + 8, base, limit, access, flags);
	ldt[sel >> 3] = gdt[(SEL_FREE + 8) >> 3];
}

static void load(u32 at, const u8 *from, const u8 *end)
{
	memcpy((void *)at, from, end - from);
}

static u64 run(u32 which, u32 times, u16 cs, u16 data, u32 eip, u32 esp, u32 *sum)
{
	struct state s = at_cpl(3, NULL);
	u64 start;

	s.cs = cs;
	s.ds = s.es = s.ss = data;
	s.eip = eip;
	s.esp = esp;
	s.eax = which;
	s.edx = times;
	start = rdtsc();
	cpu_run(&s);
	start = rdtsc() - start;
	if (s.vector != V_DONE)
		panic("vector %u at %x", s.vector, s.eip);
	*sum = s.eax;
	return start;
}

static void limits(void)
{
	static const struct {
		const char *name;
		u32 times;
	} loops[] = {{"sieve", 6000}, {"crc", 10000},   {"chase", 30000},
	             {"sort", 5000},  {"bytes", 60000}, {"fib", 20000}};
	static const char *const names[WAYS] = {"flat", "5000 bytes", "640K at 64M", "640K at 128M",
	                                        "640K at 192M"};

	load(FLAT_TEXT, flat_text, flat_text_end);
	load(FLAT_DATA, flat_data, flat_data_end);
	load(CODE_BASE, low_text, low_text_end);
	load(SMALL_BASE, low_data, low_data_end);
	gdt_set(LDT, (u32)ldt, sizeof ldt - 1, ACC_LDT, 0);
	ldt_set(L_CODE, CODE_BASE, 0xffff, ACC_CODER | ACC_DPL3, DESC_B);
	ldt_set(L_SMALL, SMALL_BASE, DATA_BYTES - 1, ACC_DATAW | ACC_DPL3, DESC_B);
	for (u32 n = 0; n < LARGE; n++) {
		u32 base = LARGE_BASE * (n + 1);

		load(base, low_data, low_data_end);
		ldt_set(L_LARGE + 8 * n, base, 0x9f, ACC_DATAW | ACC_DPL3, DESC_B | DESC_G);
	}
	asm volatile("lldt %w0" : : "r"(LDT));
	for (u32 i = 0; i < sizeof loops / sizeof loops[0]; i++) {
		u64 best[WAYS];
		u32 sum[WAYS];

		memset(best, 0xff, sizeof best);
		for (u32 round = 0; round < 5; round++)
			for (u32 way = 0; way < WAYS; way++) {
				u64 t = run(i, loops[i].times, way ? L_CODE : CODE3,
				            way ? L_SMALL + 8 * (way - 1) : DATA3,
				            way ? 0 : FLAT_TEXT,
				            way ? DATA_BYTES : FLAT_DATA + DATA_BYTES, &sum[way]);
				if (t < best[way])
					best[way] = t;
			}
		for (u32 way = 1; way < WAYS; way++)
			if (sum[way] != sum[0])
				panic("%s: %x %x", loops[i].name, sum[0], sum[way]);
		for (u32 way = 0; way < WAYS; way++)
			print("%s/%s %u\n", loops[i].name, names[way], (u32)(best[way] >> 10));
	}
}

void guest_main(void)
{
	static const struct test tests[] = {{"limits", "SDM vol. 3, 5.3", limits}};

	RUN_TESTS(tests);
}
