/* Everything at once: user processes in address spaces of their own, switched by the timer at
 * 1 to 8 kHz wherever they are, with calls, strings, faults, self-modifying code and the FPU.  Each must
 * come to the same result as when it runs alone. */
#include "rt/pages.h"

enum { PROCESSES = 6, PAGES = 16, PASSES = 4000 };
enum { CODE_AT = 0x40000000, DATA_AT = 0x40001000, STACK_AT = 0xbffff000 };

/* EBX: data; EDI, ESI: seeds.  Each pass: a hash over the data with stores, a call, a short REP
 * MOVS, a store into its own next instruction, an x87 addition, a null system call. */
CODE(work, "mov ecx, [ebx]\n"
           "fninit\n fldz\n"
           "1: push ecx\n"
           "mov edx, ecx\n and edx, 0xf\n shl edx, 12\n" /* one page after the other */
           "imul edi, edi, 1664525\n add edi, 1013904223\n"
           "add esi, edi\n rol esi, 7\n"
           "add [ebx+edx+0x40], esi\n"
           "mov eax, [ebx+edx+0x44]\n xor eax, esi\n mov [ebx+edx+0x44], eax\n"
           "call 5f\n"
           "push esi\n push edi\n push ecx\n"
           "lea esi, [ebx+edx+0x40]\n lea edi, [ebx+edx+0x800]\n mov ecx, 64\n rep movsd\n"
           "pop ecx\n pop edi\n pop esi\n"
           "call 8f\n 8: pop eax\n add eax, offset 2f - 8b + 1\n" /* position-independent */
           "mov [eax], esi\n"
           "2: mov ebp, 0x12345678\n"
           "add edi, ebp\n"
           "push ecx\n fiadd dword ptr [esp]\n pop ecx\n"
           "xor eax, eax\n int 0x80\n"
           "pop ecx\n dec ecx\n jnz 1b\n"
           "sub esp, 8\n fstp qword ptr [esp]\n pop eax\n add esi, eax\n pop eax\n add esi, eax\n"
           "mov eax, 1\n int 0x80\n"
           "5: test ecx, 1\n jz 6f\n call 7f\n 6: add esi, ecx\n ret\n"
           "7: xor esi, edx\n ret\n");

static struct process {
	u32 dir[1024], low[1024], stack[1024]; /* a directory and two tables */
	u8 code[4096], data[PAGES * 4096], stack_page[4096];
	struct frame frame;
	struct {
		u8 image[512];
	} __attribute__((aligned(16))) fpu;
	u32 seed, result, calls, done;
} __attribute__((aligned(4096))) processes[PROCESSES];

static struct process *current;
static u32 ticks, switches, faults, preempting;

/* clang-format off */
static void build(struct process *p, u32 seed)
{
	memset(p, 0, sizeof(*p));
	p->seed = seed;
	for (u32 i = 0; i < PAGES_TABLES; i++)
		p->dir[i] = (u32)page_tables[i] | PTE_P | PTE_W;
	memcpy(p->code, work, (u32)(work_end - work));
	p->dir[CODE_AT >> 22] = (u32)p->low | PTE_ALL;
	p->low[0] = (u32)p->code | PTE_ALL;
	/* The data pages are absent at first: touched one by one. */
	p->dir[STACK_AT >> 22] = (u32)p->stack | PTE_ALL;
	p->stack[STACK_AT >> 12 & 1023] = (u32)p->stack_page | PTE_ALL;
	p->frame = (struct frame){
		.gs = DATA3, .fs = DATA3, .es = DATA3, .ds = DATA3, .edi = seed, .esi = ~seed,
		.ebx = DATA_AT, .eip = CODE_AT, .cs = CODE3, .eflags = 2, .esp = STACK_AT + 0xf00,
		.ss = DATA3,
	};
	*(u32 *)p->data = PASSES;
	asm volatile("clts; fninit; fxsave %0" : "=m"(p->fpu));
}
/* clang-format on */

static bool map_data(u32 a)
{
	u32 page = (a - DATA_AT) >> 12;

	if (a < DATA_AT || page >= PAGES)
		return false;
	current->low[1 + page] = (u32)(current->data + page * 4096) | PTE_ALL;
	faults++;
	return true;
}

/* To the next process that is not done; false when there is none. */
static bool switch_from(struct frame *f)
{
	struct process *p = current;

	do {
		p = p == processes + PROCESSES - 1 ? processes : p + 1;
		if (!p->done)
			break;
	} while (p != current);
	if (p->done)
		return false;
	if (p != current) {
		asm volatile("clts; fxsave %0" : "=m"(current->fpu));
		current->frame = *f;
		*f = p->frame;
		current = p;
		write_cr3((u32)p->dir);
		asm volatile("fxrstor %0" : : "m"(p->fpu));
		switches++;
	}
	return true;
}

static bool on_trap(struct frame *f)
{
	switch (f->vector) {
	case V_TIMER:
		ticks++;
		outb(PIC1, 0x20);
		if (preempting)
			switch_from(f);
		return true;
	case V_PF:
		return map_data(read_cr2());
	case V_SYSCALL:
		if (f->eax == 0) {
			current->calls++;
			return true;
		}
		current->result = f->esi;
		current->done = true;
		return preempting && switch_from(f);
	}
	return false;
}

static void start(struct process *p, u32 flags)
{
	struct state s = at_cpl(3, (void *)CODE_AT);

	current = p;
	write_cr3((u32)p->dir);
	asm volatile("fxrstor %0" : : "m"(p->fpu));
	s.ebx = p->frame.ebx;
	s.esi = p->frame.esi;
	s.edi = p->frame.edi;
	s.esp = p->frame.esp;
	s.eflags = 2 | flags;
	cpu_run(&s);
	if (s.vector != V_SYSCALL)
		fail("vector %u error %h at %x cr2 %x", s.vector, s.error, s.eip, s.cr2);
}

static u32 alone[PROCESSES];

static void one_by_one(void)
{
	write_cr4(read_cr4() | CR4_OSFXSR);
	write_cr0(read_cr0() | CR0_NE | CR0_MP);
	pages_on();
	trap_hook = on_trap;
	for (u32 i = 0; i < PROCESSES; i++) {
		build(&processes[i], i * 77 + 1);
		start(&processes[i], 0);
		alone[i] = processes[i].result;
		expect("system calls", processes[i].calls, PASSES);
	}
	for (u32 i = 1; i < PROCESSES; i++)
		if (alone[i] == alone[0])
			fail("two processes came to the same");
	/* And the same again. */
	build(&processes[0], 1);
	start(&processes[0], 0);
	expect("again", processes[0].result, alone[0]);
	expect("pages touched", faults, (PROCESSES + 1) * PAGES);
	pages_off();
}

static void all_at_once(void)
{
	pages_on();
	for (u32 round = 0; round < 4; round++) {
		write_cr3((u32)page_dir); /* out of the spaces that are built anew */
		for (u32 i = 0; i < PROCESSES; i++) {
			build(&processes[i], i * 77 + 1);
			processes[i].frame.eflags |= IF;
		}
		preempting = 1;
		ticks = switches = 0;
		trap_hook = on_trap;
		timer_on(1000u << round);
		start(&processes[0], IF);
		timer_off();
		preempting = 0;
		for (u32 i = 0; i < PROCESSES; i++) {
			expect("done", processes[i].done, 1);
			expect("system calls", processes[i].calls, PASSES);
			expect("result", processes[i].result, alone[i]);
		}
		print("%u ticks, %u switches\n", ticks, switches);
		if (switches < PROCESSES)
			fail("too few switches");
	}
	pages_off();
}

static const struct test tests[] = {
	{"one-by-one", "SDM vol. 3, 4.10", one_by_one},
	{"all-at-once", "SDM vol. 3, 4.10 and 6.6", all_at_once},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
