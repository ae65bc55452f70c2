/* What armed debug registers cost: run.sh looks at the VMM's counters.  Everything here is also
 * right or wrong by itself; the rest of that is in debug.c. */
#include "rt/dr.h"
#include "rt/pages.h"

/* --- armed, and never hit --- */

CODE(busy_code,
     "mov ecx, 1000000\n 1: push ecx\n add [ebx], ecx\n call 2f\n pop ecx\n dec ecx\n jnz 1b\n"
     "mov esi, offset scratch\n mov edi, 0x500000\n mov ecx, 0x1000\n rep movsd\n jmp busy_code_end\n"
     "2: mov eax, [ebx]\n xchg eax, [ebx+4]\n ret");

static void quiet(void)
{
	u32 far = 0x600000;

	for (unsigned paging = 0; paging < 2; paging++)
		for (unsigned cpl = 0; cpl < 4; cpl += 3) {
			struct state s = at_cpl(cpl, busy_code);

			if (paging)
				pages_on();
			s.ebx = (u32)scratch + 256;
			write_dr0(far);
			write_dr1(far + 0x1000);
			write_dr2(far + 0x2000);
			write_dr3(0x999);
			write_cr4(read_cr4() | CR4_DE);
			write_dr6(DR6_SET);
			write_dr7(arm(0, WRITE, LEN4) | arm(1, ACCESS, LEN1) |
			          arm(2, EXECUTE, LEN1) | arm(3, IO, LEN1));
			expect_done("busy", &s, busy_code_end);
			write_dr7(DR7_SET);
			write_cr4(read_cr4() & ~(u32)CR4_DE);
			expect("hits", read_dr6() & 15, 0);
			if (paging)
				pages_off();
		}
}

/* --- other data in the page, written all the time: redirected, but not alone --- */

CODE(hot_code, "mov ecx, 30000\n 1: add [ebx+8], ecx\n mov eax, [ebx+12]\n dec ecx\n jnz 1b");

static void hot(void)
{
	for (unsigned cpl = 0; cpl < 4; cpl += 3) {
		struct state s = at_cpl(cpl, hot_code);

		s.ebx = (u32)scratch + 256;
		write_dr0((u32)scratch + 256);
		write_dr6(DR6_SET);
		write_dr7(arm(0, ACCESS, LEN4));
		expect_done("hot", &s, hot_code_end);
		write_dr7(DR7_SET);
		expect("hits", read_dr6() & 15, 0);
		/* Nothing of it is left when it is off. */
		for (u32 i = 0; i < 10; i++) {
			s = at_cpl(cpl, hot_code);
			s.ebx = (u32)scratch + 256;
			expect_done("not watched", &s, hot_code_end);
		}
	}
}

/* --- on and off --- */

/* As at context switches: the breakpoint is there when it is on, and not when it is
 * off. */
CODE(switch_code, "sw_at: inc dword ptr [ebx]\n sw_after: nop");
LABEL(sw_at);
LABEL(sw_after);
static u32 sw_execs, sw_data, sw_others;

static bool count_switch(struct frame *f)
{
	if (f->vector != V_DB)
		return false;
	u32 dr6 = read_dr6() & 15;

	if (dr6 == B0 && f->eip == (u32)sw_at)
		sw_execs++;
	else if (dr6 == B1 && f->eip == (u32)sw_after)
		sw_data++;
	else
		sw_others++;
	write_dr6(DR6_SET);
	if (dr6 == B0)
		f->eflags |= RF;
	return true;
}

static void switched(void)
{
	u32 both = arm(0, EXECUTE, LEN1) | arm(1, WRITE, LEN4), times = 10000;

	write_dr6(DR6_SET);
	write_dr0((u32)sw_at);
	write_dr1((u32)scratch + 0x200);
	*(u32 *)(scratch + 0x200) = 0;
	sw_execs = sw_data = sw_others = 0;
	for (u32 i = 0; i < times; i++) {
		struct state s = at_cpl(3, switch_code);

		s.ebx = (u32)scratch + 0x200;
		write_dr7(i & 1 ? both : DR7_SET);
		trap_hook = count_switch;
		cpu_run(&s);
		trap_hook = NULL;
	}
	write_dr7(DR7_SET);
	expect("it ran", *(u32 *)(scratch + 0x200), times);
	expect("execution", sw_execs, times / 2);
	expect("stores", sw_data, times / 2);
	expect("others", sw_others, 0);
}

/* Armed once, and passed very often since. */
CODE(passed_code, "mov ecx, 2000000\n passed_at: dec ecx\n jnz passed_at");
LABEL(passed_at);

static void passed(void)
{
	struct state s = at_cpl(3, passed_code);

	write_dr0((u32)passed_at);
	write_dr7(arm(0, EXECUTE, LEN1));
	write_dr7(DR7_SET);
	expect_done("passed", &s, passed_code_end);
}

/* Very many addresses that nothing comes to; then code in which a debugger has a breakpoint. */
CODE(unmet_code, "nop\n unmet_here: nop");

static void unmet(void)
{
	struct state s = at_cpl(3, unmet_code);

	for (u32 i = 0; i < 400; i++) {
		write_dr0(0x700000 + i);
		write_dr7(arm(0, EXECUTE, LEN1));
	}
	write_dr7(DR7_SET);
	expect_done("unmet", &s, unmet_code_end);
}

static const struct test tests[] = {
	{"quiet", "SDM vol. 3, 17.2.4", quiet},       {"hot", "SDM vol. 3, 17.2.5", hot},
	{"passed", "SDM vol. 3, 17.2.4", passed},     {"unmet", "SDM vol. 3, 17.2.4", unmet},
	{"switched", "SDM vol. 3, 17.2.4", switched},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
