/* A jump to itself, which only what comes from outside leads out of. */
#include "rt/dr.h"

CODE(spin, "nop\n spin_jmp: jmp spin_jmp\n nop");
LABEL(spin_jmp);

static u32 ticks, traps;

/* SDM vol. 3, 6.12.1.3: the frame holds the jump's address.  The third tick makes NOPs of it. */
static bool on_tick(struct frame *f)
{
	if (f->vector != V_TIMER)
		return false;
	outb(PIC1, 0x20);
	if (f->eip != (u32)spin_jmp || ticks == 3) /* before the loop, or behind it */
		return true;
	if (++ticks == 3)
		*(volatile u16 *)spin_jmp = 0x9090;
	return true;
}

static void ticked(void)
{
	for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
		struct state s = at_cpl(cpl, spin);
		*(volatile u16 *)spin_jmp = 0xfeeb;
		ticks = 0;
		s.eflags |= IF;
		cli();
		trap_hook = on_tick;
		timer_on(1000);
		expect_done("three ticks", &s, spin_end);
		timer_off();
		trap_hook = NULL;
		expect("ticks", ticks, 3);
	}
	*(volatile u16 *)spin_jmp = 0xfeeb;
}

/* The fifth trap at the jump leaves it. */
static bool on_debug(struct frame *f)
{
	if (f->vector != V_DB)
		return false;
	write_dr6(DR6_SET);
	if (f->eip == (u32)spin_jmp && ++traps == 5) {
		f->eip += 2;
		f->eflags &= ~(u32)TF;
	} else if (!(f->eflags & TF)) {
		f->eflags |= RF;
	}
	return true;
}

static void traced(struct state *s, const char *what)
{
	traps = 0;
	trap_hook = on_debug;
	expect_done(what, s, spin_end);
	trap_hook = NULL;
	expect("traps", traps, 5);
}

/* Each jump is an instruction: with TF it traps, and a breakpoint on it is met again. */
static void watched(void)
{
	struct state s = at_cpl(3, spin);
	s.eflags |= TF;
	traced(&s, "single steps");
	s = at_cpl(3, spin);
	write_dr6(DR6_SET);
	write_dr0((u32)spin_jmp);
	write_dr7(arm(0, EXECUTE, LEN1));
	traced(&s, "a breakpoint");
	write_dr7(DR7_SET);
}

static const struct test tests[] = {
	{"interrupts and the handler's stores", "SDM vol. 3, 6.12", ticked},
	{"single steps and breakpoints", "SDM vol. 3, 17.3.1", watched},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
