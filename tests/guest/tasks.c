/* Hardware task switches: 386 and 286 TSS, by JMP, CALL, INT, IRET and task gates;
 * double faults, which take one. */
#include "rt/pages.h"

enum {
	S_TASK = SEL_FREE,
	S_TASK16 = SEL_FREE + 8,
	S_GATE = SEL_FREE + 16,
	S_LDT = SEL_FREE + 24,
	S_NP = SEL_FREE + 32,
	S_LOW3 = SEL_FREE + 40 + 3, /* code with base 1 MiB: a 286 task's EIP has 16 bits */
	VECTOR = 0x50,
	LOW = 0x100000,
};

static struct tss32 task;
static struct tss16 task16;
static u8 task_stack[4096] __attribute__((aligned(4096)));
static u8 task_trap_stack[4096] __attribute__((aligned(16)));
#define TASK_ESP ((u32)task_stack + 2048)

static struct {
	u32 offset;
	u16 sel;
} __attribute__((packed)) pointer;

CODE(task_entry, "");
CODE(far_jump, "jmp fword ptr [ebx]\n after_jump: nop");
CODE(far_call, "call fword ptr [ebx]\n after_call: nop");
CODE(int_code, "int 0x50\n after_int: nop");
CODE(iret_code, "iretd\n after_iret: nop");
LABEL(after_jump);
LABEL(after_call);
LABEL(after_int);
LABEL(after_iret);

static u16 task_register(void)
{
	u32 v;

	asm volatile("str %0" : "=r"(v));
	return (u16)v;
}

/* The main task current and alone busy; a fresh second one of this CPL, and a 286 one. What
 * the upper halves of its registers come to is undefined: it runs at CPL 3, where no trap
 * needs its ESP. */
/* clang-format off */
static void reset(unsigned cpl)
{
	gdt_set(TSS_MAIN, (u32)&main_tss, sizeof(main_tss.t) - 1, ACC_TSS32, 0);
	asm volatile("ltr %w0; clts" : : "r"(TSS_MAIN));
	asm volatile("lldt %w0" : : "r"(0));
	gdt_set(S_TASK, (u32)&task, sizeof(task) - 1, ACC_TSS32, 0);
	gdt_set(S_TASK16, (u32)&task16, sizeof(task16) - 1, ACC_TSS16, 0);
	gdt_set(S_LDT, (u32)gdt, sizeof(gdt) - 1, ACC_LDT, 0);
	gdt_set(S_NP, 0, 0xfffff, ACC_DATAW & ~ACC_P, DESC_G | DESC_B);
	gdt_set(S_LOW3, LOW, 0xffff, ACC_CODER | ACC_DPL3, DESC_B);
	u16 data = cpl ? DATA3 : DATA0;

	main_tss.t.link = 0xabcd;
	main_tss.t.cr3 = read_cr3();
	task = (struct tss32){
		.link = 0x1234,
		.esp0 = (u32)task_trap_stack + sizeof(task_trap_stack), .ss0 = DATA0,
		.cr3 = read_cr3(), .eip = (u32)task_entry, .eflags = 2 | CF | OF,
		.eax = 0x1a, .ecx = 0x1c, .edx = 0x1d, .ebx = 0x1b, .esp = TASK_ESP, .ebp = 0x1e,
		.esi = 0x15, .edi = 0x17,
		.es = data, .cs = cpl ? CODE3 : CODE0, .ss = data, .ds = data, .fs = data, .gs = data,
		.iomap = sizeof(task),
	};
	task16 = (struct tss16){
		.link = 0x1234, .sp0 = 0x7000, .ss0 = DATA0, .ip = (u16)((u32)task_entry - LOW),
		.flags = 2 | CF, .ax = 0x2a, .cx = 0x2c, .dx = 0x2d, .bx = 0x2b, .sp = 0x7800,
		.bp = 0x2e, .si = 0x25, .di = 0x27, .es = DATA3, .cs = S_LOW3, .ss = DATA3, .ds = DATA3,
	};
}
/* clang-format on */

static bool busy(u16 sel)
{
	return gdt_access(sel) & ACC_BUSY;
}

static struct state to(unsigned cpl, const void *code, u16 sel)
{
	struct state s = at_cpl(cpl, code);

	pointer.offset = 0xdeadbeef;
	pointer.sel = sel;
	s.ebx = (u32)&pointer;
	return s;
}

/* Registers must be those of the task that was entered. */
static void expect_entered(const struct state *s, unsigned cpl, u32 eflags)
{
	expect("eax", s->eax, 0x1a);
	expect("ecx", s->ecx, 0x1c);
	expect("edx", s->edx, 0x1d);
	expect("ebx", s->ebx, 0x1b);
	expect("ebp", s->ebp, 0x1e);
	expect("esi", s->esi, 0x15);
	expect("edi", s->edi, 0x17);
	expect("cs", s->cs, cpl ? CODE3 : CODE0);
	expect("ss", s->ss, cpl ? DATA3 : DATA0);
	expect("ds", s->ds, cpl ? DATA3 : DATA0);
	expect("gs", s->gs, cpl ? DATA3 : DATA0);
	expect("eflags", s->eflags, eflags);
	expect("tr", task_register(), S_TASK);
	expect("TS", read_cr0() & CR0_TS, CR0_TS);
}

static void expect_saved(const struct state *in, const void *eip, u32 eflags)
{
	const struct tss32 *t = &main_tss.t;

	expect("saved eip", t->eip, (u32)eip);
	expect("saved eax", t->eax, in->eax);
	expect("saved ecx", t->ecx, in->ecx);
	expect("saved edx", t->edx, in->edx);
	expect("saved ebx", t->ebx, in->ebx);
	expect("saved esp", t->esp, in->esp);
	expect("saved ebp", t->ebp, in->ebp);
	expect("saved esi", t->esi, in->esi);
	expect("saved edi", t->edi, in->edi);
	expect("saved eflags", t->eflags, eflags);
	expect("saved cs", t->cs, in->cs);
	expect("saved ss", t->ss, in->ss);
	expect("saved ds", t->ds, in->ds);
	expect("saved es", t->es, in->es);
	expect("saved fs", t->fs, in->fs);
	expect("saved gs", t->gs, in->gs);
}

/* --- the four ways in --- */

static void by_jump(void)
{
	for (unsigned cpl = 0; cpl < 4; cpl += 3) {
		reset(cpl);
		struct state s = to(0, far_jump, S_TASK), in;

		s.eflags = 2 | ZF | DF | NT;
		in = s;
		expect_done("jmp", &s, task_entry);
		expect_entered(&s, cpl, 2 | CF | OF);
		expect("esp", s.esp, TASK_ESP);
		expect_saved(&in, after_jump, 2 | ZF | DF | NT);
		expect("old busy", busy(TSS_MAIN), 0);
		expect("new busy", busy(S_TASK), 1);
		expect("link of the new one", task.link, 0x1234);
	}
	reset(0);
}

static void by_call(void)
{
	reset(0);
	struct state s = to(0, far_call, S_TASK), in = s;

	expect_done("call", &s, task_entry);
	expect_entered(&s, 0, 2 | CF | OF | NT);
	expect_saved(&in, after_call, 2);
	expect("old busy", busy(TSS_MAIN), 1);
	expect("new busy", busy(S_TASK), 1);
	expect("link", task.link, TSS_MAIN);
	reset(0);
}

static void by_interrupt(void)
{
	reset(0);
	idt_set(VECTOR, S_TASK, 0, GATE_TASK | ACC_DPL3);
	struct state s = at_cpl(3, int_code), in = s;

	expect_done("int", &s, task_entry);
	expect_entered(&s, 0, 2 | CF | OF | NT);
	expect("esp: no error code", s.esp, TASK_ESP);
	expect_saved(&in, after_int, 2);
	expect("link", task.link, TSS_MAIN);
	reset(0);
	/* A fault with an error code: it is pushed on the new stack. */
	idt_set(VECTOR, CODE0, 0, (GATE_INT32 | ACC_DPL3) & ~ACC_P);
	idt_set(V_NP, S_TASK, 0, GATE_TASK);
	s = at_cpl(3, int_code);
	in = s;
	expect_done("#NP", &s, task_entry);
	idt_default(V_NP);
	idt_default(VECTOR);
	expect("esp: an error code", s.esp, TASK_ESP - 4);
	expect("error code", *(u32 *)s.esp, VECTOR * 8 + 2);
	expect("saved eip", main_tss.t.eip, (u32)int_code);
	/* RF is set in what a fault saves: faults.c tests that. */
	main_tss.t.eflags &= ~(u32)RF;
	expect_saved(&in, int_code, 2);
	reset(0);
}

static void by_gate(void)
{
	reset(0);
	gdt_gate(S_GATE, S_TASK, 0, GATE_TASK | ACC_DPL3, 0);
	struct state s = to(3, far_call, S_GATE | 3), in = s;

	expect_done("call from CPL 3", &s, task_entry);
	expect_entered(&s, 0, 2 | CF | OF | NT);
	expect_saved(&in, after_call, 2);
	reset(3);
	gdt_gate(S_GATE, S_TASK, 0, GATE_TASK | ACC_DPL3, 0);
	s = to(3, far_jump, S_GATE | 3);
	expect_done("jmp from CPL 3 to CPL 3", &s, task_entry);
	expect_entered(&s, 3, 2 | CF | OF);
	reset(0);
}

/* A task that goes back with IRET, and is entered again where it left. */
CODE(nested, "mov eax, 0x77\n iretd\n nested_again: mov eax, 0x88\n iretd");
LABEL(nested_again);
CODE(call_twice, "call fword ptr [ebx]\n call fword ptr [ebx]");

static void nesting(void)
{
	reset(0);
	task.eip = (u32)nested;
	struct state s = to(0, call_twice, S_TASK), in = s;

	expect_done("call and iret, twice", &s, call_twice_end);
	expect("eax", s.eax, in.eax);
	expect("esp", s.esp, in.esp);
	expect("eflags", s.eflags, 2);
	expect("tr", task_register(), TSS_MAIN);
	expect("main busy", busy(TSS_MAIN), 1);
	expect("nested busy", busy(S_TASK), 0);
	expect("where it goes on", task.eip, (u32)nested_again + 6);
	expect("its eax", task.eax, 0x88);
	expect("its NT", task.eflags & NT, 0);
	reset(0);
}

/* --- errors --- */

static void errors(void)
{
	static const struct {
		const char *name;
		const u8 *code;
		u8 access;
		u32 limit;
		unsigned cpl, rpl;
		u32 vector;
	} cases[] = {
		{"jmp to a busy one", far_jump, ACC_TSS32 | ACC_BUSY, 103, 0, 0, V_GP},
		{"call to a busy one", far_call, ACC_TSS32 | ACC_BUSY, 103, 0, 0, V_GP},
		{"not present", far_jump, ACC_TSS32 & ~ACC_P, 103, 0, 0, V_NP},
		{"DPL below CPL", far_jump, ACC_TSS32, 103, 3, 3, V_GP},
		{"DPL below RPL", far_jump, ACC_TSS32 | ACC_DPL2, 103, 0, 3, V_GP},
		{"limit too small", far_jump, ACC_TSS32, 102, 0, 0, V_TS},
		{"limit too small, call", far_call, ACC_TSS32, 102, 0, 0, V_TS},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reset(0);
		gdt_set(S_TASK, (u32)&task, cases[i].limit, cases[i].access, 0);
		struct state s = to(cases[i].cpl, cases[i].code, (u16)(S_TASK | cases[i].rpl));

		expect_trap(cases[i].name, &s, cases[i].vector, S_TASK, cases[i].code);
		expect("tr", task_register(), TSS_MAIN);
	}
	/* Gates that lead to no task. */
	static const struct {
		const char *name;
		u16 target;
		u32 vector, error;
	} gates[] = {
		{"gate to null", 0, V_GP, 0},
		{"gate to data", DATA0, V_GP, DATA0},
		{"gate to a busy task", TSS_MAIN, V_GP, TSS_MAIN},
		{"gate beyond the GDT", GDT_ENTRIES * 8, V_GP, GDT_ENTRIES * 8},
	};

	for (unsigned i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
		reset(0);
		gdt_gate(S_GATE, gates[i].target, 0, GATE_TASK | ACC_DPL3, 0);
		struct state s = to(3, far_call, S_GATE | 3);

		expect_trap(gates[i].name, &s, gates[i].vector, gates[i].error, far_call);
	}
	/* IRET with NT to a link that is no busy TSS. */
	reset(0);
	struct state s = at_cpl(0, iret_code);

	s.eflags = 2 | NT;
	main_tss.t.link = S_TASK;
	expect_trap("iret to a task that is not busy", &s, V_TS, S_TASK, iret_code);
	/* NT comes before VM of the flags that it would pop. */
	static const u32 to_v86[9] = {0, 0x2000, VM | 2, 0x1000, 0x3000};

	s = at_cpl(0, iret_code);
	s.eflags = 2 | NT;
	s.esp -= sizeof(to_v86);
	memcpy((void *)s.esp, to_v86, sizeof(to_v86));
	expect_trap("iret to virtual-8086 mode", &s, V_TS, S_TASK, iret_code);
	main_tss.t.link = 0;
	s = at_cpl(0, iret_code);
	s.eflags = 2 | NT;
	expect_trap("iret to null", &s, V_TS, 0, iret_code);
	main_tss.t.link = DATA0;
	s = at_cpl(0, iret_code);
	s.eflags = 2 | NT;
	expect_trap("iret to data", &s, V_TS, DATA0, iret_code);
	reset(0);
}

CODE(ltr_code, "ltr ax");
CODE(lldt_code, "lldt ax");
static void ltr_lldt(void)
{
	struct state s;

	reset(0);
	s = at_cpl(0, ltr_code);
	s.eax = TSS_MAIN;
	expect_trap("ltr of a busy one", &s, V_GP, TSS_MAIN, ltr_code);
	gdt_set(S_TASK, (u32)&task, 103, ACC_TSS32 & ~ACC_P, 0);
	s = at_cpl(0, ltr_code);
	s.eax = S_TASK;
	expect_trap("ltr, not present", &s, V_NP, S_TASK, ltr_code);
	s = at_cpl(0, ltr_code);
	s.eax = 0;
	expect_trap("ltr of null", &s, V_GP, 0, ltr_code);
	s = at_cpl(0, ltr_code);
	s.eax = DATA0;
	expect_trap("ltr of data", &s, V_GP, DATA0, ltr_code);
	s = at_cpl(0, lldt_code);
	s.eax = DATA0;
	expect_trap("lldt of data", &s, V_GP, DATA0, lldt_code);
	gdt_set(S_LDT, (u32)gdt, 0xff, ACC_LDT & ~ACC_P, 0);
	s = at_cpl(0, lldt_code);
	s.eax = S_LDT;
	expect_trap("lldt, not present", &s, V_NP, S_LDT, lldt_code);
	s = at_cpl(0, lldt_code);
	s.eax = 3;
	cpu_run(&s);
	expect("lldt of null", s.vector, V_DONE);
	reset(0);
}

/* Segments of the new task that cannot be loaded: the fault is the new task's, at its first
 * instruction.  SDM vol. 3, table 7-1. */
static void bad_new_task(void)
{
	static const struct {
		const char *name;
		u16 ds;
		u32 vector, error;
	} cases[] = {
		{"ds of a TSS", TSS_MAIN, V_TS, TSS_MAIN},
		{"ds beyond the GDT", GDT_ENTRIES * 8, V_TS, GDT_ENTRIES * 8},
		{"ds not present", S_NP, V_NP, S_NP},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reset(0);
		task.ds = cases[i].ds;
		struct state s = to(0, far_jump, S_TASK);

		cpu_run(&s);
		expect(cases[i].name, s.vector, cases[i].vector);
		expect(cases[i].name, s.error, cases[i].error);
		expect("eip", s.eip, (u32)task_entry);
		expect("tr", task_register(), S_TASK);
		expect("eax", s.eax, 0x1a);
	}
	reset(0);
}

/* The LDT of the new task. */
static void with_ldt(void)
{
	reset(0);
	task.ldt = S_LDT;
	task.ds = DATA0 | 4; /* the LDT is the GDT's copy */
	struct state s = to(0, far_jump, S_TASK);
	u32 ldt;

	expect_done("jmp", &s, task_entry);
	asm volatile("sldt %0" : "=r"(ldt));
	expect("ldtr", ldt & 0xffff, S_LDT);
	expect("ds", s.ds, DATA0 | 4);
	reset(0);
}

/* T in the new TSS: a debug trap before its first instruction.  DR6.BT. */
static void debug_trap(void)
{
	reset(0);
	task.trap = 1;
	struct state s = to(0, far_jump, S_TASK);

	asm volatile("mov %0, %%dr6" : : "r"(0));
	cpu_run(&s);
	expect("vector", s.vector, V_DB);
	expect("eip", s.eip, (u32)task_entry);
	expect("BT", s.dr6 & 0x8000, 0x8000);
	asm volatile("mov %0, %%dr6" : : "r"(0));
	reset(0);
}

/* --- 286 tasks --- */

static void tasks16(void)
{
	reset(0);
	struct state s = to(0, far_jump, S_TASK16), in = s;

	expect_done("386 to 286", &s, task_entry - LOW);
	expect("ax", s.eax & 0xffff, 0x2a);
	expect("bx", s.ebx & 0xffff, 0x2b);
	expect("di", s.edi & 0xffff, 0x27);
	expect("sp", s.esp & 0xffff, 0x7800);
	expect("flags", s.eflags & 0xffff, 2 | CF);
	expect("cs", s.cs, S_LOW3);
	expect("fs", s.fs, 0);
	expect("gs", s.gs, 0);
	expect("tr", task_register(), S_TASK16);
	expect_saved(&in, after_jump, 2);
	/* Back by call and IRET, from a 386 task through the 286 one. */
	reset(0);
	task16.ip = (u16)((u32)nested - LOW);
	s = to(0, call_twice, S_TASK16);
	in = s;
	expect_done("call a 286 task, twice", &s, call_twice_end);
	expect("eax is whole again", s.eax, in.eax);
	expect("esp", s.esp, in.esp);
	expect("gs", s.gs, in.gs);
	expect("its ax", task16.ax, 0x88);
	expect("its link", task16.link, TSS_MAIN);
	expect("its ip", task16.ip, (u32)nested_again + 6 - LOW);
	expect("its flags' NT", task16.flags & NT, 0);
	/* A limit that is one short. */
	reset(0);
	gdt_set(S_TASK16, (u32)&task16, 42, ACC_TSS16, 0);
	s = to(0, far_jump, S_TASK16);
	expect_trap("limit too small", &s, V_TS, S_TASK16, far_jump);
	reset(0);
}

/* --- CR3 --- */

static void with_cr3(void)
{
	static u32 dir[1024] __attribute__((aligned(4096)));
	static u32 table[1024] __attribute__((aligned(4096)));

	pages_on();
	memcpy(dir, page_dir, sizeof(dir));
	dir[0x100] = (u32)table | PTE_ALL;
	table[0] = (u32)scratch | PTE_ALL;
	memcpy(scratch, "\xcd\x81", 2);
	for (unsigned i = 0; i < 20; i++) {
		reset(3);
		task.cr3 = (u32)dir;
		task.eip = 0x40000000;
		struct state s = to(0, far_jump, S_TASK);

		expect_done("code that only the new space has", &s, (void *)0x40000000);
		expect("cr3", read_cr3(), (u32)dir);
		write_cr3((u32)page_dir);
	}
	reset(0);
	pages_off();
}

/* --- double faults --- */

CODE(div_code, "div ecx");
CODE(ud_code, "ud2");
CODE(load_code, "mov eax, [ebx]");

/* Contributory or page fault while delivering one: vector 8, error 0 (table 6-5). */
static void double_gate(void)
{
	struct state s;

	reset(0);
	idt_set(V_DE, CODE0, trap_stubs[V_DE], GATE_INT32 & ~ACC_P);
	s = at_cpl(3, div_code);
	s.ecx = 0;
	expect_trap("#DE, then #NP", &s, V_DF, 0, div_code);
	idt_default(V_DE);
	idt_set(V_NP, CODE0, trap_stubs[V_NP], GATE_INT32 & ~ACC_P);
	idt_set(VECTOR, CODE0, 0, (GATE_INT32 | ACC_DPL3) & ~ACC_P);
	s = at_cpl(3, int_code);
	expect_trap("#NP, then #NP", &s, V_DF, 0, int_code);
	idt_default(V_NP);
	idt_default(VECTOR);
	pages_on();
	idt_set(V_PF, DATA0, trap_stubs[V_PF], GATE_INT32);
	pages_set(scratch, 0);
	s = at_cpl(3, load_code);
	s.ebx = (u32)scratch;
	expect_trap("#PF, then #GP", &s, V_DF, 0, load_code);
	idt_default(V_PF);
	pages_set(scratch, PTE_ALL);
	pages_off();
}

/* No stack to push on, at CPL 0: only a task gate can serve.  The snippets move to the
 * bad stack themselves, since IRET needs a good one to start them. */
CODE(stack_ud, "mov esp, edi\n stack_ud_at: ud2");
CODE(stack_de, "mov esp, edi\n stack_de_at: div ecx");
CODE(stack_pf, "mov esp, edi\n stack_pf_at: mov eax, [ebx]");
LABEL(stack_ud_at);
LABEL(stack_de_at);
LABEL(stack_pf_at);

static void double_stack(void)
{
	static const struct {
		const char *name;
		const u8 *code, *at;
	} cases[] = {
		{"#UD", stack_ud, stack_ud_at},
		{"#DE", stack_de, stack_de_at},
		{"#PF", stack_pf, stack_pf_at},
	};

	pages_on();
	pages_set(scratch + 4096, 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reset(0);
		idt_set(V_DF, S_TASK, 0, GATE_TASK);
		struct state s = at_cpl(0, cases[i].code), in;

		s.ecx = 0;
		s.ebx = (u32)scratch + 4096;
		s.edi = (u32)scratch + 8192; /* pushes go to the absent page */
		in = s;
		in.esp = s.edi;
		expect_done(cases[i].name, &s, task_entry);
		expect_entered(&s, 0, 2 | CF | OF | NT);
		expect("esp", s.esp, TASK_ESP - 4);
		expect("error code", *(u32 *)s.esp, 0);
		main_tss.t.eflags &= ~(u32)RF;
		expect_saved(&in, cases[i].at, 2);
		expect("link", task.link, TSS_MAIN);
		idt_default(V_DF);
	}
	reset(0);
	pages_set(scratch + 4096, PTE_ALL);
	pages_off();
}

/* A page fault while a contributory exception is delivered is just a page fault: here the
 * gate of #DE is on an absent page, that of #PF is not. */
static void serial(void)
{
	static u8 pages[8192] __attribute__((aligned(4096)));
	struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) moved = {sizeof(idt) - 1, (u32)pages + 4096 - 32},
				  whole = {sizeof(idt) - 1, (u32)idt};
	struct state s = at_cpl(3, div_code);

	memcpy((void *)moved.base, idt, sizeof(idt));
	pages_on();
	pages_set(pages, 0);
	asm volatile("lidt %0" : : "m"(moved));
	s.ecx = 0;
	expect_trap("#DE, then #PF", &s, V_PF, 0, div_code);
	expect("cr2", s.cr2, moved.base);
	asm volatile("lidt %0" : : "m"(whole));
	pages_set(pages, PTE_ALL);
	pages_off();
}

static const struct test tests[] = {
	{"jump", "SDM vol. 3, 7.3", by_jump},
	{"call", "SDM vol. 3, 7.4", by_call},
	{"interrupt", "SDM vol. 3, 6.12.2", by_interrupt},
	{"gate", "SDM vol. 3, 7.2.5", by_gate},
	{"nesting", "SDM vol. 3, 7.4", nesting},
	{"errors", "SDM vol. 3, table 7-1", errors},
	{"ltr-lldt", "SDM vol. 2, LTR and LLDT", ltr_lldt},
	{"bad-new-task", "SDM vol. 3, table 7-1", bad_new_task},
	{"with-ldt", "SDM vol. 3, 7.2.1", with_ldt},
	{"debug-trap", "SDM vol. 3, 17.3.1.5", debug_trap},
	{"tasks16", "SDM vol. 3, 7.6", tasks16},
	{"with-cr3", "SDM vol. 3, 7.3", with_cr3},
	{"double-gate", "SDM vol. 3, 6.15, interrupt 8", double_gate},
	{"double-stack", "SDM vol. 3, 6.15, interrupt 8", double_stack},
	{"serial", "SDM vol. 3, table 6-5", serial},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
