/* The same code at many addresses: linear ones, in several address spaces, and EIPs under many
 * bases of CS.  What it computes from its own EIP tells which it has run at. */
#include "rt/pages.h"

/* Two pages, at whatever address; its last but one instruction lies in both. */
extern u8 anywhere[], anywhere_here[], anywhere_near[], anywhere_far[], anywhere_end[],
	anywhere_x87[];
asm(".pushsection .text\n.intel_syntax noprefix\n.balign 4096\n"
    "anywhere: call anywhere_here\n"
    "anywhere_here: pop eax\n xor edx, edx\n mov ecx, 6\n"
    "1: call 3f\n lea ebx, [eax + anywhere_near - anywhere_here]\n call ebx\n dec ecx\n jnz 1b\n"
    "jmp 2f\n"
    "anywhere_near: add edx, 16\n ret\n"
    "anywhere_x87: fldz\n fldz\n fdivp\n int 0x81\n"
    ".org anywhere + 0xff0\n"
    "2: jmp 2f\n"
    ".org anywhere + 0xffd\n"
    "2: mov edi, 0x12345678\n"
    "anywhere_end: int 0x81\n"
    "3: call anywhere_far\n"
    "anywhere_far: pop esi\n inc edx\n ret\n"
    ".balign 4096\n.att_syntax\n.popsection");
/* Another second page. */
static u8 other[4096] __attribute__((aligned(4096)));

enum { BASE = 0x40000000, SPACES = 3 };
static u32 dirs[SPACES][1024] __attribute__((aligned(4096)));
static u32 tables[SPACES][1024] __attribute__((aligned(4096)));

static u32 seed = 1;
static u32 rnd(u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void expect_run(struct state *s, u32 start, bool second)
{
	cpu_run(s);
	expect("vector", s->vector, V_DONE);
	expect("its end", s->eip, start + (u32)(anywhere_end - anywhere) + 2);
	expect("its EIP", s->eax, start + (u32)(anywhere_here - anywhere));
	expect("that of the second page", s->esi, start + (u32)(anywhere_far - anywhere));
	expect("calls", s->edx, second ? 6 * 16 - 6 : 6 * 16 + 6);
	expect("across", s->edi, 0x12345678);
}

static void addresses(void)
{
	u32 at[SPACES] = {0};
	bool second[SPACES] = {false};

	/* inc edx becomes dec edx. */
	memcpy(other, anywhere + 4096, 4096);
	other[anywhere_far + 1 - (anywhere + 4096)] = 0x4a;
	pages_on();
	for (u32 i = 0; i < SPACES; i++) {
		memcpy(dirs[i], page_dir, 4096);
		dirs[i][BASE >> 22] = (u32)tables[i] | PTE_ALL;
	}
	for (u32 round = 0; round < 600; round++) {
		u32 i = rnd(SPACES);
		/* Most processes stay where they are for a while. */
		if (!at[i] || rnd(3) == 0) {
			for (u32 k = 0; at[i] && k < 2; k++)
				tables[i][at[i] + k] = 0;
			at[i] = 1 + rnd(1000);
			second[i] = rnd(4) == 0;
			tables[i][at[i]] = (u32)anywhere | PTE_ALL;
			tables[i][at[i] + 1] = (u32)(second[i] ? other : anywhere + 4096) | PTE_ALL;
		}
		write_cr3((u32)dirs[i]);
		u32 start = BASE + (at[i] << 12);
		struct state s = at_cpl(rnd(2) ? 3 : 0, (void *)start);
		expect_run(&s, start, second[i]);
	}
	/* Two addresses of one space. */
	for (u32 i = 0; i < 1000; i++)
		tables[0][i] = (u32)(i & 1 ? anywhere + 4096 : anywhere) | PTE_ALL;
	write_cr3((u32)dirs[0]);
	for (u32 round = 0; round < 100; round++) {
		u32 start = BASE + (rnd(round & 1 ? 12 : 500) << 13);
		struct state s = at_cpl(3, (void *)start);
		expect_run(&s, start, false);
	}
	/* A store reaches them all. */
	anywhere_near[2] = 32;
	for (u32 round = 0; round < 20; round++) {
		u32 start = BASE + (rnd(12) << 13);
		struct state s = at_cpl(3, (void *)start);
		cpu_run(&s);
		expect("calls, after a store", s.edx, 6 * 32 + 6);
	}
	anywhere_near[2] = 16;
	write_cr3((u32)page_dir);
	pages_off();
}

/* The x87 unit remembers where an exception came from, whatever runs that page since. */
static void x87_pointer(void)
{
	static const u16 invalid_is_told = 0x37e;
	u32 env[7];

	pages_on();
	memcpy(dirs[0], page_dir, 4096);
	dirs[0][BASE >> 22] = (u32)tables[0] | PTE_ALL;
	for (u32 i = 0; i < 64; i++)
		tables[0][i] = (u32)(i & 1 ? anywhere + 4096 : anywhere) | PTE_ALL;
	write_cr3((u32)dirs[0]);
	for (u32 round = 0; round < 3; round++) {
		u32 at = BASE + (round << 13) + (u32)(anywhere_x87 - anywhere);
		struct state s = at_cpl(3, (void *)at);
		asm volatile("fninit; fldcw %0" : : "m"(invalid_is_told));
		cpu_run(&s);
		expect("its end", s.eip, at + 8);
		for (u32 i = 4; i < 24; i++) {
			u32 start = BASE + (i << 13);
			s = at_cpl(3, (void *)start);
			expect_run(&s, start, false);
		}
		asm volatile("fnstenv %0; fninit" : "=m"(env));
		expect("FIP", env[3], at + 4);
	}
	write_cr3((u32)page_dir);
	pages_off();
}

static void bases(void)
{
	for (u32 round = 0; round < 3000; round++) {
		u32 base = rnd(round < 200 ? 8 : 2000) << (rnd(2) ? 4 : 8);
		u32 start = (u32)anywhere - base;
		struct state s = at_cpl(0, (void *)start);
		gdt_set(SEL_FREE, base, 0xfffff, 0x9b, 0xc);
		s.cs = SEL_FREE;
		expect_run(&s, start, false);
	}
}

static const struct test tests[] = {
	{"addresses", "SDM vol. 3, 4.2", addresses},
	{"x87-pointer", "SDM vol. 1, 8.1.8", x87_pointer},
	{"bases", "SDM vol. 3, 3.4.3", bases},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
