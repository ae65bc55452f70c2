/* Interrupts of the 8254 and the RTC through the 8259A pair, while the processor is in every
 * kind of loop; interrupt shadows; nesting; HLT. */
#include "rt/rt.h"

static volatile u32 ticks, rtc_ticks, others;
static u32 stop_after; /* ticks; then the hook leaves the loop */
static u32 stop_at;    /* where to */

static u8 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static bool on_interrupt(struct frame *f)
{
	if (f->vector == V_TIMER) {
		ticks++;
		/* On a busy host the next ticks wait already. */
		if (stop_after && ticks == stop_after) {
			f->eip = stop_at;
			outb(PIC1 + 1, 0xff);
		}
		outb(PIC1, 0x20);
		return true;
	}
	if (f->vector == V_RTC) {
		rtc_ticks++;
		cmos(0x0c);
		outb(PIC2, 0x20);
		outb(PIC1, 0x20);
		return true;
	}
	if (f->vector >= V_TIMER && f->vector < V_TIMER + 16) {
		others++;
		outb(PIC2, 0x20);
		outb(PIC1, 0x20);
		return true;
	}
	return false;
}

static void start(void)
{
	cli();
	trap_hook = on_interrupt;
	ticks = 0;
	stop_after = 0;
	timer_on(1000);
}

static void stop(void)
{
	cli();
	timer_off();
	trap_hook = NULL;
}

/* --- loops that no interrupt leaves by itself --- */

CODE(loop_self, "jmp .");
CODE(loop_two, "1: jmp 2f\n nop\n 2: jmp 1b");
CODE(loop_count, "xor eax, eax\n 1: inc eax\n jnz 1b\n jmp 1b");
CODE(loop_jcc, "1: test eax, eax\n jz 2f\n jmp 1b\n 2: jmp 1b");
CODE(loop_pages, "1: jmp 2f\n .balign 4096\n 2: jmp 3f\n .balign 4096\n 3: jmp 1b");
CODE(loop_calls, "1: call 2f\n jmp 1b\n 2: call 3f\n ret\n 3: ret");
CODE(loop_recursive, "1: mov ecx, 20\n call 2f\n jmp 1b\n"
                     "2: dec ecx\n jz 3f\n push ecx\n call 2b\n pop ecx\n 3: ret");
CODE(loop_indirect, "lea edx, [2f]\n 1: jmp edx\n 2: jmp 1b");
CODE(loop_table,
     "xor ecx, ecx\n 1: inc ecx\n mov eax, ecx\n and eax, 3\n jmp dword ptr [4*eax+9f]\n"
     "2: jmp 1b\n 3: jmp 1b\n 4: jmp 1b\n 5: jmp 1b\n"
     ".balign 4\n 9: .long 2b, 3b, 4b, 5b");
CODE(loop_loop, "1: mov ecx, 1000\n 2: loop 2b\n jmp 1b");
CODE(loop_movs, "1: mov ecx, 2048\n mov esi, offset scratch\n mov edi, offset scratch+8192\n"
                "rep movsb\n jmp 1b");
CODE(loop_huge_stos,
     "1: mov ecx, 0x300000\n mov edi, 0x800000\n xor eax, eax\n rep stosb\n jmp 1b");
CODE(loop_scas, "1: mov ecx, 0x300000\n mov edi, 0x800000\n mov al, 0x55\n repne scasb\n jmp 1b");
CODE(loop_memory, "1: add dword ptr [scratch], 1\n adc dword ptr [scratch+4], 0\n jmp 1b");
CODE(loop_x87, "fninit\n fld1\n 1: fld1\n faddp\n fst qword ptr [scratch+64]\n jmp 1b");
CODE(loop_flags, "1: stc\n jnc 9f\n std\n cld\n cmp eax, ebx\n jmp 1b\n 9: ud2");
CODE(loop_cpuid, "1: xor eax, eax\n cpuid\n jmp 1b");
CODE(loop_in, "mov edx, 0x61\n 1: in al, dx\n jmp 1b");
CODE(the_end, "");

/* clang-format off */
static void each_loop(void)
{
	static const struct {
		const char *name;
		const u8 *code;
		bool only0;
	} loops[] = {
		{"jmp to itself", loop_self, false}, {"two jumps", loop_two, false},
		{"counter", loop_count, false},	     {"jcc", loop_jcc, false},
		{"jumps over pages", loop_pages, false}, {"calls", loop_calls, false},
		{"recursion", loop_recursive, false}, {"indirect", loop_indirect, false},
		{"jump table", loop_table, false},   {"loop", loop_loop, false},
		{"rep movsb", loop_movs, false},     {"rep stosb, 3 MiB", loop_huge_stos, false},
		{"repne scasb, 3 MiB", loop_scas, false}, {"memory", loop_memory, false},
		{"x87", loop_x87, false},	     {"flags", loop_flags, false},
		{"cpuid", loop_cpuid, false},	     {"in", loop_in, true},
	};

	asm volatile("clts");
	for (unsigned i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		for (unsigned cpl = 0; cpl < 4; cpl += 3) {
			if (cpl && loops[i].only0)
				continue;
			struct state s = at_cpl(cpl, loops[i].code);

			start();
			stop_after = 10;
			stop_at = (u32)the_end;
			s.eflags |= IF;
			cpu_run(&s);
			stop();
			if (s.vector != V_DONE || s.eip != (u32)the_end + 2)
				fail("%s: vector %u at %x", loops[i].name, s.vector, s.eip);
			expect(loops[i].name, ticks, 10);
		}
}
/* clang-format on */

/* A loop with a sum in registers, interrupted all the time, must come to the same end. */
CODE(checked,
     "xor eax, eax\n mov ecx, 3000000\n 1: add eax, ecx\n rol eax, 3\n xor eax, 0x5bd1e995\n"
     "push eax\n push ecx\n pop edx\n pop eax\n sub edx, ecx\n add eax, edx\n dec ecx\n jnz 1b");
static void undisturbed(void)
{
	struct state a = at_cpl(3, checked), b = a;

	expect_done("alone", &a, checked_end);
	start();
	b.eflags |= IF;
	expect_done("interrupted", &b, checked_end);
	stop();
	expect("eax", b.eax, a.eax);
	expect("esp", b.esp, a.esp);
	expect("edx", b.edx, a.edx);
	if (!ticks)
		fail("no interrupt came");
}

/* Long string operations go on where they were interrupted. */
CODE(long_movs, "rep movsd");
CODE(long_cmps, "repe cmpsd");
static void strings(void)
{
	u32 *from = (u32 *)0x400000, *to = (u32 *)0x800000, n = 0x100000;
	u32 seen = 0;

	for (u32 i = 0; i < n; i++)
		from[i] = i * 2654435761u;
	start();
	for (unsigned round = 0; round < 20; round++) {
		struct state s = at_cpl(3, long_movs);

		memset(to, 0, 4096);
		s.eflags |= IF;
		s.esi = (u32)from;
		s.edi = (u32)to;
		s.ecx = n;
		expect_done("rep movsd", &s, long_movs_end);
		expect("ecx", s.ecx, 0);
		expect("esi", s.esi, (u32)(from + n));
		expect("edi", s.edi, (u32)(to + n));
		s = at_cpl(0, long_cmps);
		s.eflags |= IF;
		s.esi = (u32)from;
		s.edi = (u32)to;
		s.ecx = n;
		expect_done("repe cmpsd", &s, long_cmps_end);
		expect("ecx", s.ecx, 0);
		expect("ZF", s.eflags & ZF, ZF);
		seen = ticks;
	}
	stop();
	if (!seen)
		fail("no interrupt came");
}

/* --- shadows --- */

/* Raises a timer interrupt with IF clear and waits until it is pending at the PIC. */
static void make_pending(void)
{
	cli();
	ticks = 0;
	outb(PIC1, 0x0a); /* read IRR */
	for (u32 i = 0; i < 100000000 && !(inb(PIC1) & 1); i++)
		;
}

static u32 hit_eip;
static bool note_interrupt(struct frame *f)
{
	if (f->vector != V_TIMER)
		return false;
	hit_eip = f->eip;
	ticks++;
	outb(PIC1, 0x20);
	f->eflags &= ~(u32)IF;
	return true;
}

CODE(sti_shadow, "sti\n nop\n sti_after: nop\n nop");
CODE(sti_cli, "sti\n cli\n nop\n nop");
CODE(sti_ret, "call 1f\n sti_ret_after: nop\n jmp 2f\n 1: sti\n ret\n 2:");
CODE(popf_no_shadow, "pushfd\n or dword ptr [esp], 0x200\n popfd\n popf_after: nop\n nop");
CODE(iret_no_shadow,
     "pushfd\n or dword ptr [esp], 0x200\n push cs\n push offset iret_after\n iretd\n"
     "nop\n iret_after: nop\n nop");
LABEL(sti_after);
LABEL(sti_ret_after);
LABEL(popf_after);
LABEL(iret_after);

static void shadows(void)
{
	static const struct {
		const char *name;
		const u8 *code, *at;
	} cases[] = {
		{"sti", sti_shadow, sti_after},
		{"sti; ret", sti_ret, sti_ret_after},
		{"popf", popf_no_shadow, popf_after},
		{"iret", iret_no_shadow, iret_after},
	};

	start();
	trap_hook = note_interrupt;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct state s = at_cpl(0, cases[i].code);

			make_pending();
			hit_eip = 0;
			cpu_run(&s);
			expect(cases[i].name, hit_eip, (u32)cases[i].at);
		}
	/* The pending interrupt finds no window between STI and CLI. */
	struct state s = at_cpl(0, sti_cli);

	make_pending();
	hit_eip = 0;
	expect_done("sti; cli", &s, sti_cli_end);
	expect("sti; cli", ticks, 0);
	stop();
}

/* Between a load of SS and the next instruction no interrupt is taken. */
CODE(ss_loop,
     "mov eax, ss\n mov ebx, esp\n"
     "1: mov ss, eax\n ss_inner: mov esp, ebx\n push eax\n pop ss\n pop_ss_inner: mov esp, ebx\n jmp 1b");
LABEL(ss_inner);
LABEL(pop_ss_inner);

static u32 inside;
static bool watch_shadow(struct frame *f)
{
	if (f->vector == V_TIMER && (f->eip == (u32)ss_inner || f->eip == (u32)pop_ss_inner))
		inside++;
	return on_interrupt(f);
}

static void ss_shadow(void)
{
	struct state s = at_cpl(0, ss_loop);

	start();
	pit_rate(4000);
	trap_hook = watch_shadow;
	inside = 0;
	stop_after = 400;
	stop_at = (u32)the_end;
	s.eflags |= IF;
	cpu_run(&s);
	stop();
	expect("eip", s.eip, (u32)the_end + 2);
	expect("interrupts inside the shadow", inside, 0);
}

/* An interrupt that came while IF was clear is taken once, when it may. */
static void held(void)
{
	start();
	make_pending();
	for (volatile u32 i = 0; i < 100000; i++)
		;
	expect("ticks with IF clear", ticks, 0);
	sti();
	asm volatile("nop; nop");
	cli();
	expect("ticks after sti", ticks > 0, 1);
	/* Masked at the PIC. */
	outb(PIC1 + 1, 0xff);
	ticks = 0;
	sti();
	for (volatile u32 i = 0; i < 1000000; i++)
		;
	cli();
	expect("ticks while masked", ticks, 0);
	stop();
}

/* An interrupt that an OUT lets through is taken at the next boundary: here before a loop ends
 * that nothing else leaves. */
CODE(unmask, "mov al, 0xfe\n out 0x21, al\n mov ecx, 50000\n 1: dec ecx\n jnz 1b");

static void unmasked(void)
{
	start();
	trap_hook = note_interrupt;
	for (unsigned i = 0; i < 20; i++) {
		struct state s = at_cpl(0, unmask);

		outb(PIC1 + 1, 0xff);
		/* Mode 0: one edge, and no more. */
		outb(0x43, 0x30);
		outb(0x40, 100);
		outb(0x40, 0);
		make_pending();
		s.eflags |= IF;
		expect_done("out; loop", &s, unmask_end);
		expect("interrupts by the loop's end", ticks, 1);
	}
	stop();
}

/* --- HLT --- */

CODE(sti_hlt, "sti\n hlt\n hlt_after: nop\n cli");
LABEL(hlt_after);
static void halt(void)
{
	start();
	trap_hook = note_interrupt;
	for (unsigned i = 0; i < 20; i++) {
		struct state s = at_cpl(0, sti_hlt);

		hit_eip = 0;
		ticks = 0;
		expect_done("sti; hlt", &s, sti_hlt_end);
		expect("return address", hit_eip, (u32)hlt_after);
		expect("ticks", ticks, 1);
	}
	stop();
	/* 100 ticks slept: the TSC must say roughly what the RTC's seconds do not contradict. */
	start();
	u64 before = rdtsc();

	while (ticks < 100) {
		cli();
		asm volatile("sti; hlt");
	}
	cli();
	expect("the TSC went on", rdtsc() > before, 1);
	stop();
}

/* --- nesting: a handler that enables interrupts --- */

static volatile u32 depth, deepest;
static bool nesting_handler(struct frame *f)
{
	if (f->vector != V_TIMER)
		return false;
	u32 now = ++ticks;

	outb(PIC1, 0x20);
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (depth < 4) {
		sti();
		while (ticks == now)
			;
		cli();
	}
	depth--;
	return true;
}

static void nested(void)
{
	start();
	trap_hook = nesting_handler;
	depth = deepest = 0;
	sti();
	while (ticks < 40)
		;
	cli();
	stop();
	expect("deepest", deepest, 4);
	expect("depth at the end", depth, 0);
}

/* --- rates --- */

static u8 bcd(u8 v)
{
	return (u8)((v >> 4) * 10 + (v & 15));
}

static u32 rtc_second(void)
{
	while (cmos(0x0a) & 0x80)
		;
	return bcd(cmos(0x00));
}

/* Ticks at 1000 Hz in a second of the RTC, while computing. */
static void rate(void)
{
	start();
	sti();
	u32 s = rtc_second();

	while (rtc_second() == s)
		;
	s = rtc_second();
	u32 from = ticks;

	while (rtc_second() == s)
		;
	u32 n = ticks - from;

	cli();
	stop();
	print("%u ticks in one RTC second\n", n);
	if (n < 950 || n > 1050)
		fail("%u ticks in one RTC second", n);
}

static void rtc_periodic(void)
{
	start();
	pic_init(0xfa, 0xfe); /* timer, cascade, RTC */
	rtc_ticks = 0;
	u8 a = cmos(0x0a), b = cmos(0x0b);

	outb(0x70, 0x0a);
	outb(0x71, (u8)((a & 0xf0) | 6)); /* 1024 Hz */
	outb(0x70, 0x0b);
	outb(0x71, b | 0x40);
	cmos(0x0c);
	sti();
	while (ticks < 500)
		;
	cli();
	outb(0x70, 0x0b);
	outb(0x71, b);
	cmos(0x0c);
	stop();
	print("%u RTC interrupts in 500 ms\n", rtc_ticks);
	if (rtc_ticks < 450 || rtc_ticks > 580)
		fail("%u RTC interrupts in 500 ms", rtc_ticks);
}

CODE(idle_loop, "1: jmp 1b");
static u32 hit_eip;

static bool on_hit(struct frame *f)
{
	if (f->vector == V_DB) {
		hit_eip = f->eip;
		asm volatile("mov %0, %%dr7" : : "r"(0x400));
		return true;
	}
	return on_interrupt(f);
}

/* The frame of an interrupt hits a data breakpoint: reported before the handler's first
 * instruction. */
static void frame_breakpoint(void)
{
	struct state s = at_cpl(3, idle_loop);

	start();
	trap_hook = on_hit;
	stop_after = 1;
	stop_at = (u32)idle_loop_end;
	hit_eip = 0;
	asm volatile("mov %0, %%dr1" : : "r"(main_tss.t.esp0 - 12));
	asm volatile("mov %0, %%dr7"
	             :
	             : "r"(0x400 | 1 << 2 | 1 << 20 | 3 << 22)); /* writes, 4 bytes */
	s.eflags |= IF;
	cpu_run(&s);
	asm volatile("mov %0, %%dr7" : : "r"(0x400));
	stop();
	expect("vector", s.vector, V_DONE);
	expect("eip", hit_eip, trap_stubs[V_TIMER]);
}

/* --- RF, in what an interrupt pushes in the middle of a string --- */

enum { RF_COUNT = 0x7000 };
#define RF_LOOP(name, setup, rep)                                                                  \
	CODE(name, "pushfd\n or dword ptr [esp], 0x200\n 1: mov ecx, 0x7000\n" setup               \
	           "push [esp]\n popfd\n" #name "_at: " rep "\n jmp 1b");                          \
	LABEL(name##_at)
RF_LOOP(rf_plain, "mov esi, 0x400000\n mov edi, 0x500000\n", "rep movsb");
RF_LOOP(rf_short, "mov esi, 0\n mov edi, 0x8000\n", "addr16 rep lodsb");
/* There is code on the destination's last page. */
RF_LOOP(rf_traced, "call rf_code\n mov esi, 0x400000\n mov edi, offset rf_page\n", "rep movsb");
asm(".section .data\n .balign 4096\n rf_page: .fill 0x7000, 1, 0x90\n rf_code: ret\n"
    ".fill 4095, 1, 0x90\n .text");

static u32 rf_at, rf_begun, rf_fresh, rf_wrong, rf_hits;

static bool look_at_rf(struct frame *f)
{
	if (f->vector == V_TIMER && f->eip == rf_at) {
		bool begun = f->ecx != RF_COUNT;

		rf_begun += begun;
		rf_fresh += !begun;
		rf_wrong += begun != !!(f->eflags & RF);
		if (rf_begun >= 5)
			stop_after = ticks + 1;
	}
	return on_interrupt(f);
}

/* POPF lets in an interrupt that waits: before the string begins.  Then they come at any time. */
static void run_rf(const char *what, const u8 *code, const u8 *at)
{
	struct state s = at_cpl(0, code);

	start();
	pit_rate(4000);
	make_pending();
	trap_hook = look_at_rf;
	rf_at = (u32)at;
	rf_begun = rf_fresh = rf_wrong = 0;
	stop_after = 4000;
	stop_at = (u32)the_end;
	cpu_run(&s);
	stop();
	expect(what, s.vector, V_DONE);
	if (rf_wrong)
		fail("%s: RF is wrong in %u frames", what, rf_wrong);
	if (rf_begun < 5 || !rf_fresh)
		fail("%s: %u frames in the middle, %u before", what, rf_begun, rf_fresh);
}

static void resume_flag(void)
{
	run_rf("plain", rf_plain, rf_plain_at);
	run_rf("16-bit addresses", rf_short, rf_short_at);
	run_rf("traced", rf_traced, rf_traced_at);
}

/* An instruction breakpoint there is met once, however often the string is interrupted. */
CODE(rf_once, "mov ebx, 200\n 1: mov ecx, 0x7000\n mov esi, 0\n mov edi, 0x8000\n"
              "rf_once_at: addr16 rep lodsb\n dec ebx\n jnz 1b");
CODE(rf_long, "mov ebx, 200\n 1: mov ecx, 0x7000\n mov esi, 0x400000\n mov edi, 0x500000\n"
              "rf_long_at: repe cmpsb\n dec ebx\n jnz 1b");
LABEL(rf_once_at);
LABEL(rf_long_at);

static bool count_hits(struct frame *f)
{
	if (f->vector == V_DB) {
		rf_hits++;
		if (f->eip != rf_at || f->ecx != RF_COUNT)
			rf_wrong++;
		f->eflags |= RF;
		return true;
	}
	rf_begun += f->vector == V_TIMER && f->eip == rf_at && f->ecx != RF_COUNT;
	return on_interrupt(f);
}

static void run_once(const char *what, const u8 *code, const u8 *end, const u8 *at)
{
	struct state s = at_cpl(3, code);

	start();
	pit_rate(4000);
	trap_hook = count_hits;
	rf_at = (u32)at;
	rf_wrong = rf_hits = 0;
	asm volatile("mov %0, %%dr0" : : "r"(at));
	asm volatile("mov %0, %%dr7" : : "r"(0x402));
	s.eflags |= IF;
	expect_done(what, &s, end);
	asm volatile("mov %0, %%dr7" : : "r"(0x400));
	stop();
	expect("hits", rf_hits, 200);
	expect("of them in the middle", rf_wrong, 0);
}

/* Strings are quick: an interrupt may be long in coming to the middle of one. */
static void run_until_begun(const char *what, const u8 *code, const u8 *end, const u8 *at)
{
	rf_begun = 0;
	for (unsigned i = 0; i < 100 && !rf_begun; i++)
		run_once(what, code, end, at);
	if (!rf_begun)
		fail("%s: no interrupt in the middle", what);
}

static void resume_once(void)
{
	memset((void *)0x400000, 0, RF_COUNT);
	memset((void *)0x500000, 0, RF_COUNT);
	run_until_begun("16-bit addresses", rf_once, rf_once_end, rf_once_at);
	run_until_begun("plain", rf_long, rf_long_end, rf_long_at);
}

static const struct test tests[] = {
	{"loops", "SDM vol. 3, 6.3.1", each_loop},
	{"undisturbed", "SDM vol. 3, 6.6", undisturbed},
	{"strings", "SDM vol. 2, REP", strings},
	{"shadows", "SDM vol. 3, 6.8.1 and 6.8.3; vol. 2, STI", shadows},
	{"ss-shadow", "SDM vol. 3, 6.8.3", ss_shadow},
	{"held", "SDM vol. 3, 6.8.1", held},
	{"unmasked", "SDM vol. 3, 6.8.1; 8259A data sheet, OCW1", unmasked},
	{"halt", "SDM vol. 2, HLT and STI", halt},
	{"frame-breakpoint", "SDM vol. 3, 17.3.1.2", frame_breakpoint},
	{"resume-flag", "SDM vol. 3, 17.3.1.1", resume_flag},
	{"resume-once", "SDM vol. 3, 17.3.1.1", resume_once},
	{"nested", "8259A data sheet, fully nested mode", nested},
	{"rate", "8254 and MC146818 data sheets", rate},
	{"rtc-periodic", "MC146818 data sheet, register A", rtc_periodic},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
