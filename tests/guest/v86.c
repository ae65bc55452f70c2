/* Virtual-8086 mode: what does not exist there, what IOPL guards, and what CR4.VME makes of it. */
#include "rt/rt.h"

enum { CODE = 0x2000, STACK = 0x3000, TOP = 0x1000, HANDLER = 0x100 };

static u16 *stack_word(u32 sp)
{
	return (u16 *)(STACK * 16 + sp);
}

/* Runs n bytes at CODE:0 until they trap. */
static struct state run(const void *code, u32 n, u32 eflags)
{
	memcpy((void *)(CODE * 16), code, n);
	struct state s = {.esp = TOP, .eflags = eflags | VM | 2, .cs = CODE, .ss = STACK};
	cpu_run(&s);
	return s;
}

static void stopped(const char *what, const struct state *s, u32 vector, u32 eip)
{
	if (s->vector != vector || s->eip != eip || s->cs != CODE || s->error)
		fail("%s: vector %u error %h at %h:%h, not %u at %h", what, s->vector, s->error,
		     s->cs, s->eip, vector, eip);
	if (!(s->eflags & VM))
		fail("%s: not in virtual-8086 mode", what);
}

struct row {
	const char *what;
	u8 n, code[6];
	u32 vector, eip;
};

static void run_rows(const struct row *rows, unsigned n, u32 eflags)
{
	for (unsigned i = 0; i < n; i++) {
		struct state s = run(rows[i].code, rows[i].n, eflags);
		stopped(rows[i].what, &s, rows[i].vector, rows[i].eip);
		expect(rows[i].what, s.esp, TOP);
	}
}
#define RUN_ROWS(rows, eflags) run_rows(rows, sizeof(rows) / sizeof((rows)[0]), eflags)

static void undefined(void)
{
	/* In memory: at [bx], and beyond the limit of its segment, where an operand would fault. */
	static const struct row rows[] = {
		{"arpl", 2, {0x63, 0xc0}, V_UD, 0},
		{"sldt", 3, {0x0f, 0x00, 0xc0}, V_UD, 0},
		{"str", 3, {0x0f, 0x00, 0xc8}, V_UD, 0},
		{"lldt", 3, {0x0f, 0x00, 0xd0}, V_UD, 0},
		{"lldt of memory", 3, {0x0f, 0x00, 0x17}, V_UD, 0},
		{"ltr", 3, {0x0f, 0x00, 0xd8}, V_UD, 0},
		{"ltr beyond the limit", 5, {0x0f, 0x00, 0x1e, 0xff, 0xff}, V_UD, 0},
		{"verr", 3, {0x0f, 0x00, 0xe0}, V_UD, 0},
		{"verw", 3, {0x0f, 0x00, 0xe8}, V_UD, 0},
		{"lar", 3, {0x0f, 0x02, 0xc0}, V_UD, 0},
		{"lsl", 3, {0x0f, 0x03, 0xc0}, V_UD, 0},
		{"lgdt", 3, {0x0f, 0x01, 0x17}, V_GP, 0},
		{"lmsw", 3, {0x0f, 0x01, 0xf0}, V_GP, 0},
		{"smsw", 4, {0x0f, 0x01, 0xe0, 0xf4}, V_GP, 3},
		{"hlt", 1, {0xf4}, V_GP, 0},
	};
	RUN_ROWS(rows, 0);
	RUN_ROWS(rows, IOPL3);
}

static const u8 interrupt_flag[] = {0xfb, 0x9c, 0xfa, 0x9c, 0xf4}; /* sti pushf cli pushf hlt */

static void iopl_3(void)
{
	static const u8 popf_iret[] = {0x9d, 0xcf};
	struct state s = run(interrupt_flag, sizeof(interrupt_flag), IOPL3);
	stopped("sti, cli", &s, V_GP, 4);
	expect("with IF", *stack_word(TOP - 2), IF | IOPL3 | 2);
	expect("without", *stack_word(TOP - 4), IOPL3 | 2);

	*stack_word(TOP) = CF | IOPL3;
	*stack_word(TOP + 2) = HANDLER;
	*stack_word(TOP + 4) = CODE;
	*stack_word(TOP + 6) = ZF;
	*(u8 *)(CODE * 16 + HANDLER) = 0xf4;
	s = run(popf_iret, sizeof(popf_iret), IOPL3);
	stopped("popf, iret", &s, V_GP, HANDLER);
	expect("flags", s.eflags & ~(u32)RF, VM | IOPL3 | ZF | 2);
	expect("sp", s.esp, TOP + 8);
}

static void below_iopl_3(void)
{
	static const struct row rows[] = {
		{"cli", 1, {0xfa}, V_GP, 0},
		{"sti", 1, {0xfb}, V_GP, 0},
		{"pushf", 1, {0x9c}, V_GP, 0},
		{"pushfd", 2, {0x66, 0x9c}, V_GP, 0},
		{"popf", 1, {0x9d}, V_GP, 0},
		{"iret", 1, {0xcf}, V_GP, 0},
		{"int 81", 2, {0xcd, 0x81}, V_GP, 0},
		{"int 3 of two bytes", 2, {0xcd, 0x03}, V_GP, 0},
		{"int 3", 1, {0xcc}, V_BP, 1},
	};
	for (u32 level = 0; level < 3; level++)
		RUN_ROWS(rows, level << 12);
}

/* The bitmap of interrupts below that of ports: only INT 81h goes to the IDT. */
static void extensions_on(void)
{
	main_tss.t.iomap = sizeof(struct tss32) + 32;
	memset(main_tss.iomap, 0, 32);
	main_tss.iomap[0x81 / 8] = 1 << (0x81 % 8);
	gdt_set(TSS_MAIN, (u32)&main_tss, sizeof(main_tss) - 1, ACC_TSS32, 0);
	asm volatile("ltr %w0" : : "r"(TSS_MAIN));
	write_cr4(read_cr4() | CR4_VME);
}

static void extensions(void)
{
	static const u8 redirected[] = {0xcd, 0x22, 0xf4};
	static const u8 handler[] = {0xfa, 0xcf}; /* cli iret */
	static const struct row rows[] = {
		{"pushfd", 2, {0x66, 0x9c}, V_GP, 0},
		{"int 81", 2, {0xcd, 0x81}, V_GP, 0},
		{"int 3", 1, {0xcc}, V_BP, 1},
	};
	static const struct row traced[] = {{"nop traced", 2, {0x90, 0xf4}, V_DB, 1}};
	extensions_on();
	RUN_ROWS(rows, 0);
	RUN_ROWS(traced, TF); /* the bitmap is INT n's alone */
	struct state s = run(interrupt_flag, sizeof(interrupt_flag), 0);
	stopped("sti, cli", &s, V_GP, 4);
	expect("with VIF", *stack_word(TOP - 2), IF | IOPL3 | 2);
	expect("without", *stack_word(TOP - 4), IOPL3 | 2);
	expect("flags", s.eflags & ~(u32)RF, VM | 2);
	s = run(interrupt_flag, sizeof(interrupt_flag), VIP);
	stopped("sti, where an interrupt waits", &s, V_GP, 0);

	memcpy((void *)(CODE * 16 + HANDLER), handler, sizeof(handler));
	*(u32 *)(4 * 0x22) = CODE << 16 | HANDLER;
	for (u32 level = 0; level < 4; level += 3) {
		s = run(redirected, sizeof(redirected), CF | VIF | level << 12);
		stopped("int 22, iret", &s, V_GP, 2);
		expect("flags", s.eflags & ~(u32)RF, VM | VIF | CF | 2 | level << 12);
		expect("sp", s.esp, TOP);
		expect("ip", *stack_word(TOP - 6), 2);
		expect("image", *stack_word(TOP - 2), CF | 2 | IOPL3 | (level ? 0 : IF));
	}
	write_cr4(read_cr4() & ~CR4_VME);
}

/* --- interrupts --- */

enum { DS, ES, FS, GS };
static const u16 segments[4] = {0x1111, 0x2222, 0x3333, 0x4444};
static u32 interrupts_left;

/* The monitor's registers are null; the guest's are in the frame, from ES on. */
static bool on_interrupt(struct frame *f)
{
	const u32 *pushed = (const u32 *)(&f->ss_pad + 1);

	if (f->vector != V_TIMER)
		return false;
	outb(PIC1, 0x20);
	expect("VM, IF", f->eflags & (VM | IF), VM | IF);
	expect("the monitor's ds and es", f->ds | f->es, 0);
	expect("its fs and gs", f->fs | f->gs, 0);
	expect("es", pushed[0] & 0xffff, segments[ES]);
	expect("ds", pushed[1] & 0xffff, segments[DS]);
	expect("fs", pushed[2] & 0xffff, segments[FS]);
	expect("gs", pushed[3] & 0xffff, segments[GS]);
	return --interrupts_left;
}

/* Runs it while the timer's request waits. */
static struct state run_asked(const void *code, u32 n, u32 eflags)
{
	timer_on(1000);
	outb(PIC1, 0x0a);
	while (!(inb(PIC1) & 1))
		;
	memcpy((void *)(CODE * 16), code, n);
	struct state s = {.esp = TOP,
	                  .eflags = eflags | VM | 2,
	                  .cs = CODE,
	                  .ss = STACK,
	                  .ds = segments[DS],
	                  .es = segments[ES],
	                  .fs = segments[FS],
	                  .gs = segments[GS]};
	cpu_run(&s);
	cli();
	timer_off();
	return s;
}

/* They go to the monitor, by IF alone, whatever IOPL and the virtual flag say. */
static void interrupts(void)
{
	static const u8 loop[] = {0xeb, 0xfe}, halt[] = {0x90, 0xf4}, sti[] = {0xfb, 0x90, 0xf4};
	trap_hook = on_interrupt;
	for (u32 vme = 0; vme < 2; vme++) {
		if (vme)
			extensions_on();
		for (u32 level = 0; level < 4; level += 3) {
			interrupts_left = 3;
			struct state s = run_asked(loop, sizeof(loop), IF | level << 12);
			stopped("interrupted", &s, V_TIMER, 0);
			expect("all came", interrupts_left, 0);
			interrupts_left = 100;
			s = run_asked(halt, sizeof(halt), VIF | level << 12);
			stopped("not with IF clear", &s, V_GP, 1);
			expect("none came", interrupts_left, 100);
		}
		interrupts_left = 1;
		struct state s = run_asked(sti, sizeof(sti), IOPL3);
		stopped("behind sti and one more", &s, V_TIMER, 2);
	}
	trap_hook = NULL;
	write_cr4(read_cr4() & ~CR4_VME);
}

/* What POPF and IRET load: IF, where an interrupt waits, and TF are the monitor's. */
static void flags_where_one_waits(void)
{
	static const struct {
		const char *what;
		u16 image;
		u32 eflags, after; /* after: 0 for #GP */
	} rows[] = {
		{"IF, and none waits", IF | CF, 0, VIF | CF},
		{"no IF, and none waits", CF, VIF, CF},
		{"IF, and one waits", IF | CF, VIP, 0},
		{"no IF, and one waits", CF, VIP, VIP | CF},
		{"TF", TF, 0, 0},
		{"IOPL", IOPL3, 0, 2},
	};
	static const u8 popf[] = {0x9d, 0xf4}, iret[] = {0xcf};

	extensions_on();
	*(u8 *)(CODE * 16 + HANDLER) = 0xf4;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		u32 after = rows[i].after ? rows[i].after : rows[i].eflags;
		*stack_word(TOP) = rows[i].image | 2;
		struct state s = run(popf, sizeof(popf), rows[i].eflags);
		stopped(rows[i].what, &s, V_GP, rows[i].after ? 1 : 0);
		expect("popf: flags", s.eflags & ~(u32)RF, VM | after | 2);
		expect("popf: sp", s.esp, TOP + (rows[i].after ? 2 : 0));

		*stack_word(TOP) = HANDLER;
		*stack_word(TOP + 2) = CODE;
		*stack_word(TOP + 4) = rows[i].image | 2;
		s = run(iret, sizeof(iret), rows[i].eflags);
		stopped(rows[i].what, &s, V_GP, rows[i].after ? HANDLER : 0);
		expect("iret: flags", s.eflags & ~(u32)RF, VM | after | 2);
		expect("iret: sp", s.esp, TOP + (rows[i].after ? 6 : 0));
	}
	/* Where an IRET of ring 0 sets both, before the first instruction: SDM vol. 3, 20.3.2. */
	for (u32 level = 0; level < 4; level++) {
		static const u8 nop[] = {0x90, 0xf4};
		struct state s = run(nop, sizeof(nop), VIF | VIP | level << 12);
		stopped("VIF, and one waits", &s, V_GP, level < 3 ? 0 : 1);
		expect("its flags", s.eflags & ~(u32)RF, VM | VIF | VIP | 2 | level << 12);
		expect("its sp", s.esp, TOP);
	}
	write_cr4(read_cr4() & ~CR4_VME);
}

static const struct test tests[] = {
	{"undefined", "SDM vol. 2, LLDT, LTR, LAR, ARPL", undefined},
	{"iopl-3", "SDM vol. 3, 20.2.7", iopl_3},
	{"below-iopl-3", "SDM vol. 3, 20.2.7", below_iopl_3},
	{"extensions", "SDM vol. 3, 20.3", extensions},
	{"interrupts", "SDM vol. 3, 20.2.1 and 20.2.7", interrupts},
	{"waiting", "SDM vol. 3, 20.3.2; vol. 2, POPF, IRET", flags_where_one_waits},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
