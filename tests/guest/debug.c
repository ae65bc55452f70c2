/* Single-stepping and the debug registers: SDM vol. 3, chapter 17. */
#include "traps.h"

/* --- single-stepping --- */

/* Steps through the code; then the EIPs of the traps must be these offsets (ends with -1). */
static void stepped(const char *what, struct state *s, const u8 *end, const int *offsets)
{
	u32 start = s->eip, i;

	write_dr6(DR6_SET);
	s->eflags |= TF;
	expect_done_recorded(what, s, end);
	for (i = 0; offsets[i] >= 0; i++)
		if (i >= step_count || steps[i] != start + (u32)offsets[i]) {
			fail("%s: step %u is at +%d, not +%d", what, i,
			     i < step_count ? (int)(steps[i] - start) : -1, offsets[i]);
			return;
		}
	if (step_count != i)
		fail("%s: %u steps, not %u", what, step_count, i);
	if (i && !(step_dr6 & BS))
		fail("%s: BS is not set", what);
}

CODE(ss_plain, "nop\n mov eax, 5\n add eax, ebx\n");
CODE(ss_jump, "jmp 1f\n nop\n 1: call 2f\n jmp 3f\n 2: ret\n 3: nop");
CODE(ss_rep, "rep stosb\n nop");
CODE(ss_stack, "push eax\n pop ebx\n pushad\n popad\n nop");
CODE(ss_string, "lodsb\n stosb\n nop");
CODE(ss_jcc, "xor eax, eax\n jz 1f\n nop\n 1: jnz 2f\n 2: nop");
CODE(ss_cpuid, "xor eax, eax\n cpuid\n nop");
CODE(ss_loop, "mov ecx, 3\n 1: loop 1b\n nop");

static void single_step(void)
{
	struct state s = at_cpl(3, ss_plain);

	stepped("plain", &s, ss_plain_end, (int[]){1, 6, 8, -1});
	s = at_cpl(0, ss_plain);
	stepped("plain, CPL 0", &s, ss_plain_end, (int[]){1, 6, 8, -1});
	s = at_cpl(3, ss_jump);
	stepped("jumps", &s, ss_jump_end, (int[]){3, 10, 8, 11, 12, -1});
	s = at_cpl(3, ss_rep);
	s.edi = (u32)scratch;
	s.ecx = 4;
	/* A trap after each iteration.  17.3.1.4 */
	stepped("rep stosb", &s, ss_rep_end, (int[]){0, 0, 0, 2, 3, -1});
	s = at_cpl(3, ss_stack);
	stepped("stack", &s, ss_stack_end, (int[]){1, 2, 3, 4, 5, -1});
	s = at_cpl(3, ss_string);
	s.esi = s.edi = (u32)scratch;
	stepped("strings", &s, ss_string_end, (int[]){1, 2, 3, -1});
	s = at_cpl(3, ss_jcc);
	stepped("jcc", &s, ss_jcc_end, (int[]){2, 5, 7, 8, -1});
	s = at_cpl(3, ss_cpuid);
	stepped("cpuid", &s, ss_cpuid_end, (int[]){2, 4, 5, -1});
	s = at_cpl(3, ss_loop);
	stepped("loop", &s, ss_loop_end, (int[]){5, 5, 5, 7, 8, -1});
	for (u32 i = 0; i < 50; i++) {
		s = at_cpl(3, ss_plain);
		stepped("again", &s, ss_plain_end, (int[]){1, 6, 8, -1});
		s = at_cpl(3, ss_plain);
		expect_done("not stepped", &s, ss_plain_end);
	}
}

CODE(tf_on, "pushfd\n or dword ptr [esp], 0x100\n popfd\n nop\n nop\n"
            "pushfd\n and dword ptr [esp], 0xfffffeff\n popfd\n nop");
CODE(tf_ss, "mov eax, ss\n mov ss, eax\n nop\n nop");
CODE(tf_int, "mov eax, 7\n int 0x80\n nop\n nop");

static bool record_and_call(struct frame *f)
{
	if (f->vector == V_SYSCALL) {
		if (f->eflags & TF)
			f->eax++; /* the pushed image keeps TF */
		return true;
	}
	return record(f);
}

/* Set by POPF: the first trap is after the instruction that follows it.  Cleared by POPF: one
 * more trap, after that POPF.  17.3.1.4 */
static void tf_rules(void)
{
	struct state s = at_cpl(3, tf_on);

	step_count = step_dr6 = 0;
	trap_hook = record;
	expect_done("popf", &s, tf_on_end);
	u32 at = s.eip - 2;

	expect("steps", step_count, 5);
	expect("first", steps[0], (u32)tf_on + 10);
	expect("last", steps[4], at - 1);
	/* MOV SS: no trap between it and the next instruction. */
	s = at_cpl(3, tf_ss);
	stepped("mov ss", &s, tf_ss_end, (int[]){2, 5, 6, -1});
	/* INT: not inside the handler, and after it TF is back from the frame. */
	s = at_cpl(3, tf_int);
	step_count = step_dr6 = 0;
	s.eflags |= TF;
	trap_hook = record_and_call;
	expect_done("int 80h", &s, tf_int_end);
	trap_hook = NULL;
	expect("TF in the handler's frame", s.eax, 8);
	expect("steps", step_count, 3);
	expect("first", steps[0], (u32)tf_int + 5);
	expect("second", steps[1], (u32)tf_int + 8);
	expect("third", steps[2], (u32)tf_int + 9);
}

CODE(icebp_code, ".byte 0xf1\n nop");
static void icebp(void)
{
	struct state s = at_cpl(3, icebp_code);

	write_dr6(DR6_SET);
	expect_trap("icebp", &s, V_DB, 0, icebp_code + 1);
	expect("BS", s.dr6 & (BS | 15), 0);
}

/* A page fault while stepping: the #PF first; then, in the end, one trap for the instruction. */
CODE(pf_step, "nop\n mov eax, [ebx]\n nop");
static void step_and_fault(void)
{
	struct state s = at_cpl(3, pf_step);

	pages_on();
	pages_set(scratch, 0);
	pf_count = step_count = step_dr6 = 0;
	trap_hook = repair;
	s.ebx = (u32)scratch;
	s.eflags |= TF;
	expect_done("step", &s, pf_step_end);
	trap_hook = NULL;
	pages_off();
	expect("page faults", pf_count, 1);
	expect("steps", step_count, 3);
	expect("second", steps[1], (u32)pf_step + 3);
}

/* --- breakpoints --- */

CODE(bp_code, "mov eax, 1\n bp_here: mov ecx, 2\n mov edx, 3");
LABEL(bp_here);
static void code_breakpoint(void)
{
	struct state s;

	for (unsigned cpl = 0; cpl < 4; cpl += 3)
		for (unsigned round = 0; round < 3; round++) {
			s = at_cpl(cpl, bp_code);
			write_dr6(DR6_SET);
			write_dr0((u32)bp_here);
			write_dr7(arm(0, EXECUTE, LEN1));
			bp_hits = 0;
			trap_hook = hit;
			expect_done("breakpoint", &s, bp_code_end);
			write_dr7(DR7_SET);
			expect("hits", bp_hits, 1);
			expect("eip: before it", steps[0], (u32)bp_here);
			expect("B0", bp_dr6 & 15, B0);
			expect("edx", s.edx, 3);
			/* Off again. */
			s = at_cpl(cpl, bp_code);
			bp_hits = 0;
			expect_done("disarmed", &s, bp_code_end);
			expect("hits when disarmed", bp_hits, 0);
		}
	/* The fault itself pushes RF. */
	trap_hook = NULL;
	s = at_cpl(3, bp_code);
	write_dr0((u32)bp_code);
	write_dr7(arm(0, EXECUTE, LEN1));
	s.eflags |= RF;
	cpu_run(&s);
	expect("RF suppresses it for one instruction", s.vector, V_DONE);
	write_dr7(DR7_SET);
}

CODE(watch_code,
     "mov [ebx], eax\n after_write: mov ecx, [ebx]\n after_read: inc byte ptr [ebx+3]\n"
     "after_rmw: mov ax, [ebx+2]\n after_word: push eax\n after_push: movsd\n after_movs: nop");
LABEL(after_write);
LABEL(after_read);
LABEL(after_rmw);
LABEL(after_word);
LABEL(after_push);
LABEL(after_movs);

static void watch(const char *what, u32 address, u32 type, u32 len, const u8 *const *at)
{
	struct state s = at_cpl(3, watch_code);
	u32 n = 0;

	s.ebx = (u32)scratch + 64;
	s.esi = (u32)scratch + 64;
	s.edi = (u32)scratch + 128;
	write_dr6(DR6_SET);
	write_dr1(address);
	write_dr7(arm(1, type, len));
	expect_done_recorded(what, &s, watch_code_end);
	for (; at[n]; n++)
		if (n >= step_count || steps[n] != (u32)at[n]) {
			fail("%s: trap %u at %x, not %x", what, n, n < step_count ? steps[n] : 0,
			     (u32)at[n]);
			return;
		}
	if (n != step_count)
		fail("%s: %u traps, not %u", what, step_count, n);
	if (n)
		expect("B1", step_dr6 & 15, B1);
}

/* Data breakpoints are traps: reported after the access. */
static void data_breakpoint(void)
{
	u32 a = (u32)scratch + 64;

	for (unsigned round = 0; round < 3; round++) {
		watch("writes, dword", a, WRITE, LEN4,
		      (const u8 *[]){after_write, after_rmw, NULL});
		watch("accesses, dword", a, ACCESS, LEN4,
		      (const u8 *[]){after_write, after_read, after_rmw, after_word, after_movs,
		                     NULL});
		watch("writes, byte 0", a, WRITE, LEN1, (const u8 *[]){after_write, NULL});
		watch("writes, byte 3", a + 3, WRITE, LEN1,
		      (const u8 *[]){after_write, after_rmw, NULL});
		watch("accesses, word 2", a + 2, ACCESS, LEN2,
		      (const u8 *[]){after_write, after_read, after_rmw, after_word, after_movs,
		                     NULL});
		watch("next dword", a + 4, ACCESS, LEN4, (const u8 *[]){NULL});
		watch("the stack", RUN_STACK_TOP - 4, WRITE, LEN4,
		      (const u8 *[]){after_push, NULL});
		watch("a string's destination", (u32)scratch + 130, WRITE, LEN2,
		      (const u8 *[]){after_movs, NULL});
	}
}

/* Below what was on the stack before. */
CODE(ud_code, "sub esp, 64\n ud: ud2");
LABEL(ud);

/* One trap, at this EIP, for a write to what a frame pushes at a. */
static void frame(const char *what, struct state *s, u32 a, const void *at)
{
	write_dr6(DR6_SET);
	write_dr1(a);
	write_dr7(arm(1, WRITE, LEN4));
	step_count = step_dr6 = 0;
	trap_hook = record;
	cpu_run(s);
	trap_hook = NULL;
	write_dr7(DR7_SET);
	expect(what, step_count, 1);
	expect("eip", steps[0], (u32)at);
	expect("B1", step_dr6 & 15, B1);
}

/* What an exception or an interrupt pushes hits a data breakpoint, too: the handler is
 * interrupted before its first instruction. */
static void frame_breakpoint(void)
{
	/* EFLAGS, below SS and ESP. */
	u32 inner = main_tss.t.esp0 - 12;
	struct state s = at_cpl(3, bp_code);

	frame("an interrupt's frame", &s, inner, (void *)trap_stubs[V_DONE]);
	expect("vector", s.vector, V_DONE);
	s = at_cpl(3, ud_code);
	frame("a fault's frame", &s, inner, (void *)trap_stubs[V_UD]);
	expect("vector", s.vector, V_UD);
	expect("eip", s.eip, (u32)ud);
	/* On the same stack. */
	s = at_cpl(0, ud_code);
	frame("a fault's frame at CPL 0", &s, RUN_STACK_TOP - 68, (void *)trap_stubs[V_UD]);
	expect("vector", s.vector, V_UD);
}

CODE(far_code,
     "sub esp, 64\n call far ptr [ebx]\n far_back: mov esp, ebp\n jmp far_code_end\n far_there: retf");
LABEL(far_back);
LABEL(far_there);

/* Far calls and returns. */
static void far_breakpoint(void)
{
	for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
		struct state s = at_cpl(cpl, far_code);
		u32 *pointer = (u32 *)scratch;

		pointer[0] = (u32)far_there;
		pointer[1] = s.cs;
		s.ebx = (u32)pointer;
		s.ebp = (u32)scratch + 8192; /* a stack for the way out */
		/* CS, the first that is pushed. */
		frame("a far call's frame", &s, RUN_STACK_TOP - 68, far_there);
		expect("vector", s.vector, V_DONE);
		/* At CPL 0 the frame of the return's #DB would hit, and its own again, for ever. */
		if (!cpl)
			continue;
		s = at_cpl(cpl, far_code);
		s.ebx = (u32)pointer;
		s.ebp = (u32)scratch + 8192;
		write_dr6(DR6_SET);
		write_dr1(RUN_STACK_TOP - 68);
		write_dr7(arm(1, ACCESS, LEN4));
		expect_done_recorded("call and return", &s, far_code_end);
		expect("traps", step_count, 2);
		expect("the return's", steps[1], (u32)far_back);
	}
}

CODE(gd_code, "mov eax, dr0");
static void general_detect(void)
{
	struct state s = at_cpl(0, gd_code);

	write_dr6(DR6_SET);
	write_dr7(DR7_SET | GD);
	cpu_run(&s);
	expect("vector", s.vector, V_DB);
	expect("eip: before it", s.eip, (u32)gd_code);
	expect("BD", s.dr6 & BD, BD);
	expect("GD is clear now", read_dr7() & GD, 0);
	write_dr6(DR6_SET);
	write_dr7(DR7_SET);
	s = at_cpl(0, gd_code);
	expect_done("without GD", &s, gd_code_end);
}

CODE(io_code, "out 0x80, al\n after_out: in al, 0x61\n nop");
LABEL(after_out);
static void io_breakpoint(void)
{
	struct state s = at_cpl(0, io_code);

	write_cr4(read_cr4() | CR4_DE);
	write_dr6(DR6_SET);
	write_dr0(0x80);
	write_dr7(arm(0, IO, LEN1));
	expect_done_recorded("out", &s, io_code_end);
	write_cr4(read_cr4() & ~(u32)CR4_DE);
	expect("traps", step_count, 1);
	expect("eip: after it", steps[0], (u32)after_out);
	expect("B0", step_dr6 & 15, B0);
}

static void registers(void)
{
	write_dr0(0x12345678);
	write_dr1(0x9abcdef0);
	expect("dr0", read_dr0(), 0x12345678);
	expect("dr1", read_dr1(), 0x9abcdef0);
	write_dr6(0);
	expect("dr6, fixed bits", read_dr6(), DR6_SET);
	write_dr7(0);
	expect("dr7, fixed bits", read_dr7(), DR7_SET);
}

static const struct test tests[] = {
	{"registers", "SDM vol. 3, 17.2", registers},
	{"single-step", "SDM vol. 3, 17.3.1.4", single_step},
	{"tf-rules", "SDM vol. 3, 17.3.1.4 and 6.8.3", tf_rules},
	{"icebp", "SDM vol. 2, INT1", icebp},
	{"step-and-fault", "SDM vol. 3, 6.9", step_and_fault},
	{"code-breakpoint", "SDM vol. 3, 17.3.1.1", code_breakpoint},
	{"data-breakpoint", "SDM vol. 3, 17.3.1.2", data_breakpoint},
	{"frame-breakpoint", "SDM vol. 3, 17.3.1.2", frame_breakpoint},
	{"far-breakpoint", "SDM vol. 3, 17.3.1.2", far_breakpoint},
	{"general-detect", "SDM vol. 3, 17.3.1.3", general_detect},
	{"io-breakpoint", "SDM vol. 3, 17.2.4", io_breakpoint},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
