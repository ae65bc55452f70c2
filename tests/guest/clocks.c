/* The clocks of the machine agree with each other at all times: the TSC and the ticks of the
 * 8254, also when the host stops the VM now and then (stopped.sh). */
#include "rt/rt.h"

enum { HZ = 250, COUNT = 500 };

static volatile u32 ticks;
static u32 at[COUNT]; /* in 64 cycles */

static u64 tsc(void)
{
	u64 t;
	asm volatile("rdtsc" : "=A"(t));
	return t;
}

static bool on_tick(struct frame *f)
{
	if (f->vector != V_TIMER)
		return false;
	if (ticks < COUNT)
		at[ticks] = (u32)(tsc() >> 6);
	ticks++;
	outb(PIC1, 0x20);
	return true;
}

/* Ticks every 1/HZ s; until COUNT of them have come, wait is called. */
static void count_ticks(void (*wait)(void))
{
	cli();
	ticks = 0;
	trap_hook = on_tick;
	timer_on(HZ);
	sti();
	while (ticks < COUNT)
		wait();
	cli();
	timer_off();
	trap_hook = NULL;
}

/* The TSC at each tick is what the ticks say.  A busy host may delay a tick while the guest runs
 * on, but a stop of the VM, of 25 periods and more, may not show. */
static void check_ticks(void)
{
	u32 period = (at[COUNT - 1] - at[0]) / (COUNT - 1), worst = 0;

	for (u32 i = 1; i < COUNT; i++) {
		u32 passed = at[i] - at[0], due = i * period;
		u32 off = passed > due ? passed - due : due - passed;

		if (off > worst)
			worst = off;
	}
	print("%u x 64 cycles a tick, at worst %u off\n", period, worst);
	if (worst > 10 * period)
		fail("TSC and ticks differ by %u periods", worst / period);
}

static u64 last;
static u32 back;
static void poll_tsc(void)
{
	for (u32 i = 0; i < 1000; i++) {
		u64 t = tsc();

		back += t < last;
		last = t;
	}
}

static void busy(void)
{
	last = back = 0;
	count_ticks(poll_tsc);
	check_ticks();
	expect("times that the TSC went back", back, 0);
}

static void halt(void)
{
	asm volatile("hlt");
}

static void idle(void)
{
	count_ticks(halt);
	check_ticks();
}

static const struct test tests[] = {
	{"busy", "SDM vol. 3, 17.17", busy},
	{"idle", "SDM vol. 3, 17.17; vol. 2, HLT", idle},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
