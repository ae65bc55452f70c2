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

/* A page whose only unit is a jump that lies in the next page, too; what there may be. */
extern u8 crossing[], crossing_next[], crossing_other[], ends_1[], ends_3[], below_0[], below_2[];
asm(".pushsection .text\n.intel_syntax noprefix\n.balign 4096\n"
    "crossing: .org crossing + 0xffe\n .byte 0xe9, 0xfd\n"
    "crossing_next: .byte 0x0f, 0, 0\n .balign 4096\n"
    "crossing_other: .byte 0x0f, 0, 0\n .balign 4096\n"
    "ends_1: mov eax, 1\n int 0x81\n .balign 4096\n"
    "ends_3: mov eax, 3\n int 0x81\n .balign 4096\n"
    "below_0: int 0x81\n .org below_0 + 0x2000\n"
    "below_2: call below_0\n int 0x81\n .balign 4096\n"
    ".att_syntax\n.popsection");

static void run_crossing(u32 space, const char *what, u32 eax)
{
	struct state s = at_cpl(3, (void *)(BASE + 0xffe));

	write_cr3((u32)dirs[space]);
	cpu_run(&s);
	expect(what, s.eax, eax);
}

/* What one space had behind the jump is not the other's. */
static void spaces(void)
{
	pages_on();
	for (u32 i = 0; i < 2; i++) {
		memcpy(dirs[i], page_dir, 4096);
		dirs[i][BASE >> 22] = (u32)tables[i] | PTE_ALL;
		tables[i][0] = (u32)crossing | PTE_ALL;
		tables[i][1] = (u32)(i ? crossing_other : crossing_next) | PTE_ALL;
		tables[i][2] = (u32)(i ? ends_3 : ends_1) | PTE_ALL;
	}
	run_crossing(0, "the first", 1);
	tables[0][1] = (u32)crossing_other | PTE_ALL;
	run_crossing(0, "the first, with another page", 1);
	run_crossing(1, "the second", 3);
	write_cr3((u32)page_dir);
	pages_off();
}

static void run_limited(const char *what, u32 eip, u32 base, u32 limit, u32 vector, u32 end)
{
	struct state s = at_cpl(0, (void *)eip);

	gdt_set(SEL_FREE, base, limit, 0x9b, 4);
	s.cs = SEL_FREE;
	cpu_run(&s);
	expect(what, s.vector, vector);
	expect("its EIP", s.eip, end);
	if (vector == V_GP)
		expect("ESP", s.esp, at_cpl(0, 0).esp);
}

/* A branch under 0 is past the limit: the branch's own fault, wherever it was run before. */
static void below(void)
{
	run_limited("within", 0x4000, (u32)below_2 - 0x4000, 0xfffff, V_DONE, 0x2002);
	run_limited("below 0", 0x1000, (u32)below_2 - 0x1000, 0xfffff, V_GP, 0x1000);
	run_limited("within again", 0x4000, (u32)below_2 - 0x4000, 0xfffff, V_DONE, 0x2002);
	run_limited("below a limit", 0x4000, (u32)below_2 - 0x4000, 0x4002, V_GP, 0x4000);
}

/* The limit comes before the second page is looked for. */
static void limit_first(void)
{
	pages_on();
	memcpy(dirs[0], page_dir, 4096);
	dirs[0][BASE >> 22] = (u32)tables[0] | PTE_ALL;
	tables[0][0] = (u32)crossing | PTE_ALL;
	tables[0][1] = (u32)crossing_other | PTE_ALL;
	tables[0][2] = (u32)ends_1 | PTE_ALL;
	write_cr3((u32)dirs[0]);
	run_limited("both pages", 0xffe, BASE, 0x3fff, V_DONE, 0x2007);
	tables[0][1] = 0;
	write_cr3((u32)dirs[0]);
	run_limited("one, by the limit", 0xffe, BASE, 0xfff, V_GP, 0xffe);
	write_cr3((u32)page_dir);
	pages_off();
}

static const struct test tests[] = {
	{"addresses", "SDM vol. 3, 4.2", addresses},
	{"x87-pointer", "SDM vol. 1, 8.1.8", x87_pointer},
	{"spaces", "SDM vol. 3, 4.10.2", spaces},
	{"below", "SDM vol. 2, CALL", below},
	{"limit-first", "SDM vol. 3, 6.9", limit_first},
	{"bases", "SDM vol. 3, 3.4.3", bases},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
