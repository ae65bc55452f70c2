/* x87 exceptions with CR0.NE = 0: FERR#, IRQ 13, port F0h and IGNNE#. */
#include "rt/rt.h"

enum { V_NPX = V_RTC + 5, ERROR_PORT = 0xf0, OPEN_NPX = 0xdf };

static const u16 unmasked = 0x37b; /* ZM clear */
static u32 errors, ticks, others, debugs, eip, eflags;
static bool acknowledge, clear; /* by the handler: port F0h, FNCLEX */
static u32 clear_after;         /* ticks; 0: never by them */

static void eoi(void)
{
	outb(PIC2, 0x20);
	outb(PIC1, 0x20);
}

static bool on_trap(struct frame *f)
{
	switch (f->vector) {
	case V_NPX:
		errors++;
		eip = f->eip;
		eflags = f->eflags;
		if (acknowledge)
			outb(ERROR_PORT, 0);
		if (clear)
			asm volatile("fnclex");
		eoi();
		return true;
	case V_TIMER:
		ticks++;
		eip = f->eip;
		if (ticks == clear_after)
			asm volatile("fnclex");
		eoi();
		return true;
	case V_DB:
		debugs++;
		return true;
	case V_DONE:
		return false;
	}
	others++;
	return false;
}

static void ready(u8 mask1, u8 mask2)
{
	write_cr0(read_cr0() & ~(u32)(CR0_TS | CR0_EM | CR0_NE));
	asm volatile("fninit");
	pic_init(mask1, mask2);
	trap_hook = on_trap;
	errors = ticks = others = debugs = eip = clear_after = 0;
	acknowledge = clear = true;
}

static struct state with_interrupts(unsigned cpl, const void *code)
{
	struct state s = at_cpl(cpl, code);

	s.ebx = (u32)&unmasked;
	s.esi = (u32)scratch;
	s.eflags |= IF;
	return s;
}

static void run(const char *what, struct state *s, const void *end)
{
	expect_done(what, s, end);
	expect(what, others, 0);
}

static void done(void)
{
	timer_off();
	trap_hook = NULL;
	asm volatile("fninit");
	write_cr0(read_cr0() | CR0_NE);
}

/* ZE, then a waiting instruction. */
#define DIVIDE "fninit\n fldcw [ebx]\n fldz\n fld1\n fdiv st(0), st(1)\n nop\n"
#define ERROR(name, text)                                                                          \
	CODE(name, DIVIDE #name "_at: " text);                                                     \
	LABEL(name##_at)
ERROR(e_wait, "fwait");
ERROR(e_load, "fld dword ptr [esi]");
ERROR(e_store, "fst dword ptr [esi]");
ERROR(e_register, "fadd st(0), st(1)");
ERROR(e_control, "fldcw [ebx]");
ERROR(e_mmx, "paddb mm0, mm1\n emms");
CODE(e_none, DIVIDE "fnstsw ax\n fnstcw [esi]\n fnclex\n fwait");

static void interrupt(void)
{
	static const struct {
		const u8 *code, *at, *end;
	} waits[] = {
#define CASE(n) {n, n##_at, n##_end}
		CASE(e_wait),     CASE(e_load),    CASE(e_store),
		CASE(e_register), CASE(e_control), CASE(e_mmx),
	};

	for (unsigned cpl = 0; cpl < 4; cpl += 3)
		for (unsigned i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
			struct state s = with_interrupts(cpl, waits[i].code);

			ready(0xfb, OPEN_NPX);
			run("waits", &s, waits[i].end);
			expect("one interrupt", errors, 1);
			expect("at the instruction that waits", eip, (u32)waits[i].at);
		}
	struct state s = with_interrupts(3, e_none);

	ready(0xfb, OPEN_NPX);
	run("others do not wait", &s, e_none_end);
	expect("ZE in ax", s.eax & 0x84, 0x84);
	expect("no interrupt", errors, 0);
	done();
}

CODE(e_again, "mov ecx, 5\n 1: " DIVIDE "fwait\n dec ecx\n jnz 1b");

/* FNCLEX ends FERR#, and IGNNE# with it: the next error is one of its own. */
static void again(void)
{
	struct state s = with_interrupts(3, e_again);

	ready(0xfb, OPEN_NPX);
	run("five errors", &s, e_again_end);
	expect("interrupts", errors, 5);
	done();
}

CODE(e_ignored, DIVIDE "fwait\n fld1\n fadd st(0), st(0)\n fst dword ptr [esi]\n fnstcw [esi + 4]\n"
                       "fldcw [esi + 8]\n fnstcw [esi + 6]\n fnstsw ax\n fnclex\n"
                       "fldcw [ebx]\n fld1\n fdiv st(0), st(3)\n ignored_at: fwait");
LABEL(ignored_at);

/* With IGNNE#, instructions go on while the exception is pending. */
static void ignored(void)
{
	struct state s = with_interrupts(3, e_ignored);

	ready(0xfb, OPEN_NPX);
	clear = false;
	*(u16 *)(scratch + 8) = 0x27a; /* 53 bits; IM and ZM clear */
	run("ignored", &s, e_ignored_end);
	expect("stored", *(u32 *)scratch, 0x40000000);
	expect("control", *(u16 *)(scratch + 4), 0x37b);
	expect("loaded control", *(u16 *)(scratch + 6), 0x27a);
	expect("still pending", s.eax & 0x84, 0x84);
	expect("the next is another", errors, 2);
	expect("at", eip, (u32)ignored_at);
	done();
}

/* A pending error that nobody serves holds the instruction; other interrupts come there. */
static void held(void)
{
	struct state s = with_interrupts(3, e_wait);

	ready(0xfe, 0xff); /* IRQ 13 is masked */
	pit_rate(1000);
	clear_after = 4;
	run("masked", &s, e_wait_end);
	expect("no interrupt", errors, 0);
	expect("ticks", ticks >= 4, 1);
	outb(ERROR_PORT, 0);
	/* Served, but not cleared: it waits again, and the latch stands. */
	ready(0xfa, OPEN_NPX);
	acknowledge = clear = false;
	s = with_interrupts(3, e_wait);
	pit_rate(1000);
	clear_after = 3;
	run("not acknowledged", &s, e_wait_end);
	expect("one interrupt", errors, 1);
	expect("ticks", ticks >= 3, 1);
	outb(ERROR_PORT, 0);
	done();
}

CODE(e_shadow, DIVIDE "sti\n shadow_at: fwait\n nop");
LABEL(shadow_at);

/* The instruction after STI waits like any other; a single step is one when it is done. */
static void edges(void)
{
	struct state s = with_interrupts(0, e_shadow);

	ready(0xfb, OPEN_NPX);
	s.eflags &= ~(u32)IF;
	run("after sti", &s, e_shadow_end);
	expect("one interrupt", errors, 1);
	expect("at", eip, (u32)shadow_at);
	ready(0xfb, OPEN_NPX);
	s = with_interrupts(3, e_wait);
	s.eflags |= TF;
	run("single steps", &s, e_wait_end);
	expect("one interrupt", errors, 1);
	expect("at", eip, (u32)e_wait_at);
	expect("steps", debugs, 7);
	expect("TF in the frame", eflags & TF, TF);
	done();
}

/* Port F0h without an error asserts nothing. */
static void port_before(void)
{
	struct state s = with_interrupts(3, e_wait);

	ready(0xfb, OPEN_NPX);
	outb(ERROR_PORT, 0);
	run("port F0h before", &s, e_wait_end);
	expect("interrupt", errors, 1);
	done();
}

static void with_ne(void)
{
	struct state s = with_interrupts(3, e_wait);

	ready(0xfb, OPEN_NPX);
	write_cr0(read_cr0() | CR0_NE);
	trap_hook = NULL;
	cpu_run(&s);
	expect("vector", s.vector, V_MF);
	expect("eip", s.eip, (u32)e_wait_at);
	expect("no interrupt", errors, 0);
	done();
}

static const struct test tests[] = {
	{"interrupt", "SDM vol. 1, 8.7.2", interrupt},
	{"again", "SDM vol. 1, D.2.1.1", again},
	{"ignored", "SDM vol. 1, D.2.1.2", ignored},
	{"held", "SDM vol. 1, 8.7.2 and D.2.1.1", held},
	{"edges", "SDM vol. 1, 8.7.2; vol. 3, 6.8.3 and 17.3.1.4", edges},
	{"port-before", "82371SB data sheet, coprocessor error register", port_before},
	{"with-ne", "SDM vol. 1, 8.7.1", with_ne},
};

void guest_main(void)
{
	/* With the last word "hold" or "wait" it does that for ever, without or with IF. */
	for (const char *p = cmdline; *p; p++)
		if (!memcmp(p, "hold", 5) || !memcmp(p, "wait", 5)) {
			ready(0xff, 0xff);
			print("about to %s\n", p);
			if (*p == 'w')
				sti();
			asm volatile("fldcw %0; fldz; fld1; fdiv %%st(1); fwait" : : "m"(unmasked));
			fail("went on");
		}
	RUN_TESTS(tests);
}
