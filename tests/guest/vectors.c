/* x87, MXCSR and XMM registers over everything that a virtual machine does between two
 * instructions: what the guest does not touch stays as it is. */
#include "rt/pages.h"

struct fxsave {
	u16 control, status, tag, op;
	u32 pointers[4];
	u32 mxcsr, mxcsr_mask;
	u8 st[8][16];
	u8 xmm[8][16];
	u8 reserved[224];
} __attribute__((aligned(16)));

static void ready(void)
{
	write_cr0((read_cr0() & ~(u32)(CR0_TS | CR0_EM)) | CR0_NE | CR0_MP);
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	asm volatile("fninit");
}

/* The controls: not what a C function expects. */
static const struct {
	u16 control, status;
	u8 tag;
	u32 mxcsr;
} kinds[] = {
	{0x0340, 0, 0, 0},              /* nothing masked */
	{0x0c7f, 0x3800, 0x80, 0xff80}, /* toward zero; one register; flush to zero */
	{0x007f, 0x1800, 0xff, 0x3fbf}, /* all registers; flags set, none unmasked */
};

static void fill(struct fxsave *image, u32 kind)
{
	memset(image, 0, sizeof(*image));
	image->control = kinds[kind].control;
	image->status = kinds[kind].status;
	image->tag = kinds[kind].tag;
	image->mxcsr = kinds[kind].mxcsr;
	for (u32 i = 0; i < 128; i++) {
		if (i % 16 < 10)
			image->st[i / 16][i % 16] = (u8)(0x81 + kind + i * 5);
		image->xmm[i / 16][i % 16] = (u8)(1 + kind + i * 7);
	}
}

static const char *first_difference(const struct fxsave *a, const struct fxsave *b)
{
	static char name[] = "xmm0";

	if (a->control != b->control)
		return "control word";
	if (a->status != b->status || (a->tag & 0xff) != (b->tag & 0xff))
		return "status or tags";
	if (a->mxcsr != b->mxcsr)
		return "mxcsr";
	for (u32 i = 0; i < 8; i++) {
		if (memcmp(a->st[i], b->st[i], 10))
			return "an x87 register";
		name[3] = (char)('0' + i);
		if (memcmp(a->xmm[i], b->xmm[i], 16))
			return name;
	}
	return NULL;
}

/* Nothing in work, nor what it calls, uses these registers: the kernel is built so. */
static void over(const char *what, void (*work)(void))
{
	static struct fxsave want, got, clean;

	ready();
	asm volatile("fxsave %0" : "=m"(clean));
	for (u32 kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
		fill(&want, kind);
		asm volatile("fxrstor %0" : : "m"(want));
		work();
		asm volatile("fxsave %0" : "=m"(got));
		asm volatile("fxrstor %0" : : "m"(clean));
		const char *lost = first_difference(&want, &got);

		if (lost)
			fail("%s: kind %u: %s was changed", what, kind, lost);
	}
}

/* --- code that finds its successors: translated, chained, chained from a shared page --- */

static u8 code[4 * 4096] __attribute__((aligned(4096)));
static u32 other_dir[1024], other_table[1024] __attribute__((aligned(4096)));

/* jmp to */
static void emit_jump(u8 *at, const u8 *to)
{
	u32 rel = (u32)to - (u32)at - 5;

	at[0] = 0xe9;
	memcpy(at + 1, &rel, 4);
}

static void emit_done(u8 *at)
{
	at[0] = 0xcd;
	at[1] = V_DONE;
}

static void run_user(const u8 *at)
{
	struct state s = at_cpl(3, at);

	cpu_run(&s);
	expect("vector", s.vector, V_DONE);
}

/* Each exit is taken for the first time when what it leads to exists already. */
static void chain(void)
{
	for (u32 i = 0; i < 16; i++) {
		u8 *from = code + 64 * i, *near = code + 2048 + 64 * i, *far = code + 4096 + 64 * i;

		emit_done(far);
		emit_jump(near, far);
		emit_jump(from, near);
		run_user(far);
		run_user(near);
		run_user(near);
		run_user(from);
		run_user(from);
	}
}

static void chain_shared(void)
{
	u32 *dirs[] = {page_dir, other_dir};

	for (u32 i = 0; i < 64; i++) {
		write_cr3((u32)dirs[i & 1]);
		chain();
	}
	/* Now nothing changes any more: each page is run by both. */
	for (u32 i = 0; i < 64; i++) {
		write_cr3((u32)dirs[i & 1]);
		for (u32 k = 0; k < 16; k++)
			run_user(code + 64 * k);
	}
	write_cr3((u32)page_dir);
}

static void chains(void)
{
	u32 at = (u32)code >> 22;

	over("chains", chain);
	pages_on();
	memcpy(other_dir, page_dir, 4096);
	memcpy(other_table, page_tables[at], 4096);
	other_dir[at] = (u32)other_table | PTE_ALL;
	over("chains with paging", chain);
	over("chains of shared pages", chain_shared);
	pages_off();
}

/* --- instructions that are done for the guest --- */

static void call_out(void)
{
	u32 out[4], flags, v;
	u64 table;
	u16 sel;

	for (u32 i = 0; i < 20; i++) {
		cpuid(i & 1, out);
		asm volatile("sgdt %0" : "=m"(table));
		asm volatile("str %0" : "=r"(sel));
		asm volatile("lar %1, %0" : "=r"(v) : "r"((u32)DATA0) : "cc");
		asm volatile("verw %w0" : : "r"((u32)DATA0) : "cc");
		asm volatile("pushf; pop %0; push %0; popf" : "=r"(flags) : : "cc");
		asm volatile("aam; daa; aaa" : : : "eax", "cc");
		asm volatile("mov %%es, %0; mov %0, %%es" : "=r"(v));
		asm volatile("mov %%dr7, %0; mov %0, %%dr7" : "=r"(v));
		asm volatile("enter $16, $0; leave" : : : "memory");
		asm volatile("int $0x80");
		asm volatile("lcall %0, $1f; jmp 2f; 1: lret; 2:" : : "i"(CODE0) : "memory");
		asm volatile("clts");
		write_cr0(read_cr0());
		write_cr4(read_cr4());
		write_cr3(read_cr3());
		invlpg(code);
		rdtsc();
		inb(0x61);
		outb(0x80, 0);
		print("");
		outb(0xe9, '.');
	}
	outb(0xe9, '\n');
}

static bool go_on(struct frame *f)
{
	return f->vector == V_SYSCALL;
}

static void callouts(void)
{
	trap_hook = go_on;
	over("callouts", call_out);
	pages_on();
	over("callouts with paging", call_out);
	pages_off();
}

/* --- faults: of the guest's own, and such as it never sees --- */

CODE(do_ud, "ud2");
CODE(do_de, "xor ecx, ecx\n div ecx");
CODE(do_bp, "int3");
CODE(do_of, "mov al, 0x7f\n add al, 1\n into");
CODE(do_bound, "bound ecx, [esp]");
CODE(do_gp, "hlt");
CODE(do_pf, "mov eax, [0xf0000000]");
CODE(do_jump, "mov eax, 0xf0000000\n jmp eax");

static void fault(void)
{
	static const u8 *const all[] = {do_ud,    do_de, do_bp, do_of,
	                                do_bound, do_gp, do_pf, do_jump};
	u32 n = sizeof(all) / sizeof(*all) - (read_cr0() & CR0_PG ? 0 : 2);

	for (u32 i = 0; i < 24; i++)
		for (u32 k = 0; k < n; k++) {
			struct state s = at_cpl(3, all[k]);

			cpu_run(&s);
			if (s.vector == V_DONE)
				fail("no trap");
		}
}

enum { AREA = 0x800000, AREA_PAGES = 64 };

static void touch(void)
{
	for (u32 round = 0; round < 4; round++) {
		write_cr3((u32)page_dir);
		for (u32 i = 0; i < AREA_PAGES; i++) {
			volatile u32 *p = (volatile u32 *)(AREA + (i * 37 % AREA_PAGES) * 4096);

			if (round & 1)
				*p = i;
			else
				(void)*p;
			if (round == 3)
				pages_set((void *)p, PTE_P | PTE_W);
		}
	}
}

/* Entries are stored to, at first by code that does not expect it. */
static void remap(void)
{
	for (u32 i = 0; i < 200; i++) {
		u8 *a = (u8 *)AREA + (i % 8) * 4096;

		pages_point(a, (void *)(AREA + (i * 5 % 8) * 4096), i & 2 ? PTE_ALL : PTE_P);
		(void)*(volatile u8 *)a;
	}
}

static void faults(void)
{
	over("faults", fault);
	pages_on();
	over("faults with paging", fault);
	over("pages touched", touch);
	over("entries changed", remap);
	pages_off();
}

/* --- code that is stored to --- */

static void modify(void)
{
	for (u32 i = 0; i < 200; i++) {
		/* Among others of its page, and alone. */
		u8 *at = code + (i & 1 ? 8192 : 256 * (i % 16));
		u32 got;

		at[0] = 0xb8;
		memcpy(at + 1, &i, 4);
		at[5] = 0xc3;
		asm volatile("call *%1" : "=a"(got) : "r"(at) : "memory");
		if (got != i)
			fail("code is stale");
		/* A string, through the monitor. */
		memcpy(code + 4096, code, 600);
	}
}

static void stores(void)
{
	over("code stored to", modify);
	pages_on();
	over("code stored to with paging", modify);
	pages_off();
}

/* --- interrupts and single steps --- */

static volatile u32 ticks;

static bool on_tick(struct frame *f)
{
	if (f->vector != V_TIMER)
		return false;
	ticks++;
	outb(PIC1, 0x20);
	return true;
}

static void wait_ticks(void)
{
	trap_hook = on_tick;
	timer_on(1000);
	sti();
	for (ticks = 0; ticks < 10;)
		asm volatile("call 1f; jmp 2f; 1: ret; 2:" : : : "memory");
	for (ticks = 0; ticks < 10;)
		asm volatile("hlt");
	cli();
	timer_off();
	trap_hook = NULL;
}

static u32 steps;

static bool on_step(struct frame *f)
{
	return f->vector == V_DB && ++steps;
}

CODE(walk, "mov ecx, 20\n 1: push ecx\n call 2f\n pop ecx\n loop 1b\n jmp 3f\n 2: ret\n 3:");

static void step(void)
{
	struct state s = at_cpl(3, walk);

	trap_hook = on_step;
	steps = 0;
	s.eflags |= TF;
	expect_done("steps", &s, walk_end);
	if (steps < 100)
		fail("%u steps", steps);
	trap_hook = NULL;
}

static void interrupts(void)
{
	over("interrupts", wait_ticks);
	over("single steps", step);
}

/* The kernel ends with these in force: what runs after it must not mind. */
static void left_unmasked(void)
{
	static struct fxsave image;

	ready();
	fill(&image, 0);
	asm volatile("fxrstor %0" : : "m"(image));
}

static const struct test tests[] = {
	{"chains", "SDM vol. 1, 10.2", chains},
	{"callouts", "SDM vol. 1, 10.2", callouts},
	{"faults", "SDM vol. 3, 6.6", faults},
	{"stores", "SDM vol. 3, 11.6", stores},
	{"interrupts", "SDM vol. 3, 6.6", interrupts},
	{"left-unmasked", "SDM vol. 1, 8.1.5 and 10.2.3", left_unmasked},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
