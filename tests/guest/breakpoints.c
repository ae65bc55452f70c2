/* Breakpoints beside what the guest does otherwise: SDM vol. 3, chapter 17. */
#include "traps.h"

/* What traps: where, and by which breakpoints; ends with a NULL. */
struct trap {
	const u8 *at;
	u32 hits;
};
static void set_dr(unsigned n, u32 at)
{
	switch (n) {
	case 0:
		write_dr0(at);
		break;
	case 1:
		write_dr1(at);
		break;
	case 2:
		write_dr2(at);
		break;
	default:
		write_dr3(at);
	}
}

static void expect_traps(const char *what, struct state *s, const u8 *end, u32 dr7,
                         const struct trap *want)
{
	u32 n;

	write_dr6(DR6_SET);
	write_dr7(dr7);
	step_count = step_dr6 = 0;
	trap_hook = record;
	expect_done(what, s, end);
	trap_hook = NULL;
	write_dr7(DR7_SET);
	for (n = 0; want[n].at; n++)
		if (n >= step_count || steps[n] != (u32)want[n].at ||
		    step_hits[n] != want[n].hits) {
			fail("%s: trap %u is at %x by %h, not at %x by %h", what, n,
			     n < step_count ? steps[n] : 0, n < step_count ? step_hits[n] : 0,
			     (u32)want[n].at, want[n].hits);
			return;
		}
	if (step_count != n)
		fail("%s: %u traps, not %u", what, step_count, n);
}

#define TRAPS(...) ((const struct trap[]){__VA_ARGS__{NULL, 0}})

/* Data that is written all the time, in the page of a breakpoint. */
CODE(hot_code,
     "mov ecx, 20000\n 1: add dword ptr [ebx+8], ecx\n push ecx\n pop edx\n dec ecx\n jnz 1b\n"
     "mov [ebx], ecx\n hot_hit: mov ecx, 1000\n 1: mov eax, [ebx+8]\n mov [ebx+4], eax\n loop 1b\n"
     "mov ecx, [ebx]\n hot_read: nop");
LABEL(hot_hit);
LABEL(hot_read);

static void hot_page(void)
{
	for (unsigned round = 0; round < 3; round++)
		for (unsigned cpl = 0; cpl < 4; cpl += 3) {
			struct state s = at_cpl(cpl, hot_code);

			s.ebx = (u32)scratch + 256;
			s.esp = (u32)scratch + 2048;
			write_dr1((u32)scratch + 256);
			expect_traps("a store", &s, hot_code_end, arm(1, WRITE, LEN4),
			             TRAPS({hot_hit, B1}, ));
			s = at_cpl(cpl, hot_code);
			s.ebx = (u32)scratch + 256;
			s.esp = (u32)scratch + 2048;
			expect_traps("both", &s, hot_code_end, arm(1, ACCESS, LEN4),
			             TRAPS({hot_hit, B1}, {hot_read, B1}, ));
			s = at_cpl(cpl, hot_code);
			s.ebx = (u32)scratch + 256;
			expect_traps("off", &s, hot_code_end, DR7_SET, TRAPS());
		}
}

/* Data between the instructions that use it. */
CODE(mixed_code,
     "mov ecx, 100\n 1: inc dword ptr [mixed_near]\n mov eax, [mixed_far]\n loop 1b\n"
     "jmp 2f\n .balign 4\n mixed_near: .long 0\n mixed_far: .long 0x11111111\n mixed_at: .long 0\n"
     "2: mov dword ptr [mixed_at], 5\n mixed_hit: mov edx, [mixed_at]\n mixed_read: nop");
LABEL(mixed_near);
LABEL(mixed_at);
LABEL(mixed_hit);
LABEL(mixed_read);

static void code_page(void)
{
	for (unsigned round = 0; round < 3; round++) {
		struct state s = at_cpl(3, mixed_code);

		*(u32 *)mixed_near = 0;
		write_dr2((u32)mixed_at);
		expect_traps("a store", &s, mixed_code_end, arm(2, WRITE, LEN4),
		             TRAPS({mixed_hit, 4}, ));
		expect("what it stored", s.edx, 5);
		s = at_cpl(3, mixed_code);
		expect_traps("both", &s, mixed_code_end, arm(2, ACCESS, LEN4),
		             TRAPS({mixed_hit, 4}, {mixed_read, 4}, ));
		expect("beside it", *(u32 *)mixed_near, 200);
	}
}

/* Operands that reach over a page's end, and over a breakpoint's. */
CODE(straddle_code,
     "mov [ebx-2], eax\n sd_1: mov eax, [ebx-1]\n sd_2: mov [ebx-4], eax\n sd_3: mov [ebx], eax\n"
     "sd_4: add word ptr [ebx-1], 3\n sd_5: fninit\n fld1\n fstp qword ptr [ebx-7]\n"
     "sd_6: fild qword ptr [ebx-4]\n sd_7: cmpxchg8b [ebx-6]\n sd_8: xchg [ebx-3], cx\n nop\n nop");
LABEL(sd_1);
LABEL(sd_2);
LABEL(sd_3);
LABEL(sd_4);
LABEL(sd_5);
LABEL(sd_6);
LABEL(sd_7);
LABEL(sd_8);

static void straddle(void)
{
	for (unsigned round = 0; round < 3; round++)
		for (unsigned paging = 0; paging < 2; paging++) {
			u32 edge = (u32)scratch + 4096;
			struct state s = at_cpl(3, straddle_code);

			if (paging)
				pages_on();
			s.ebx = edge;
			set_dr(0, edge);
			expect_traps("the first byte behind", &s, straddle_code_end,
			             arm(0, WRITE, LEN1),
			             TRAPS({sd_1, B0}, {sd_4, B0}, {sd_5, B0}, {sd_6, B0},
			                   {sd_8, B0}, ));
			s = at_cpl(3, straddle_code);
			s.ebx = edge;
			set_dr(0, edge - 1);
			expect_traps("the last byte before", &s, straddle_code_end,
			             arm(0, ACCESS, LEN1),
			             TRAPS({sd_1, B0}, {sd_2, B0}, {sd_3, B0}, {sd_5, B0},
			                   {sd_6, B0}, {sd_7, B0}, {sd_8, B0}, ));
			s = at_cpl(3, straddle_code);
			s.ebx = edge;
			set_dr(0, edge + 2);
			expect_traps("further behind", &s, straddle_code_end, arm(0, WRITE, LEN2),
			             TRAPS({sd_4, B0}, ));
			if (paging)
				pages_off();
		}
}

/* Everything that pushes and pops. */
CODE(stack_code,
     "push eax\n st_1: pop ebx\n st_2: call st_f\n st_3: pushad\n st_4: popad\n st_5: pushfd\n"
     "st_6: popfd\n st_7: enter 16, 0\n st_8: leave\n st_9: push dword ptr [esp]\n"
     "st_a: pop dword ptr [scratch]\n st_b: push ds\n st_c: pop ds\n st_d: mov eax, 7\n int 0x80\n"
     "jmp stack_code_end\n st_f: nop\n ret");
LABEL(st_1);
LABEL(st_2);
LABEL(st_3);
LABEL(st_4);
LABEL(st_5);
LABEL(st_6);
LABEL(st_7);
LABEL(st_8);
LABEL(st_9);
LABEL(st_a);
LABEL(st_b);
LABEL(st_c);
LABEL(st_d);
LABEL(st_f);

static bool pass_calls(struct frame *f)
{
	return f->vector == V_SYSCALL || record(f);
}

static void stack_page(void)
{
	u32 slot = (u32)scratch + 1024 - 4;

	for (unsigned round = 0; round < 3; round++) {
		const struct trap want[] = {{st_1, B1}, {st_f, B1}, {st_4, B1}, {st_6, B1},
		                            {st_8, B1}, {st_a, B1}, {st_c, B1}};
		const u8 *const all[] = {st_1, st_2, st_f, st_3, st_4, st_5, st_6,
		                         st_7, st_8, st_9, st_a, st_b, st_c, st_d};
		struct state s = at_cpl(3, stack_code);
		u32 i, n = sizeof(all) / sizeof(all[0]);

		s.esp = slot + 4;
		write_dr1(slot);
		write_dr7(arm(1, WRITE, LEN4));
		write_dr6(DR6_SET);
		step_count = step_dr6 = 0;
		trap_hook = pass_calls;
		expect_done("stores", &s, stack_code_end);
		write_dr7(DR7_SET);
		expect("traps of stores", step_count, sizeof(want) / sizeof(want[0]));
		for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
			expect("at", steps[i], (u32)want[i].at);
		s = at_cpl(3, stack_code);
		s.esp = slot + 4;
		write_dr7(arm(1, ACCESS, LEN4));
		step_count = 0;
		expect_done("accesses", &s, stack_code_end);
		write_dr7(DR7_SET);
		trap_hook = NULL;
		/* CALL to its target, RET back. */
		expect("traps of accesses", step_count, n);
		for (i = 0; i < n && i < step_count; i++)
			expect("at", steps[i], (u32)all[i]);
	}
}

/* Strings through a page with a breakpoint: a trap after the element, wherever it lies. */
CODE(rep_code, "rep movsd\n rep_end: nop");
CODE(rep_bytes, "std\n rep stosb\n rep_bytes_after: cld");
CODE(rep_scan, "repne scasb\n rep_scan_after: nop");
LABEL(rep_end);
LABEL(rep_bytes_after);
LABEL(rep_scan_after);
static u32 at_ecx, at_esi, at_edi;

static bool record_string(struct frame *f)
{
	if (f->vector == V_DB && !step_count) {
		at_ecx = f->ecx;
		at_esi = f->esi;
		at_edi = f->edi;
	}
	return record(f);
}

static void run_string(const char *what, struct state *s, const u8 *end, u32 dr7, const u8 *at)
{
	write_dr6(DR6_SET);
	write_dr7(dr7);
	step_count = step_dr6 = 0;
	trap_hook = record_string;
	expect_done(what, s, end);
	trap_hook = NULL;
	write_dr7(DR7_SET);
	expect(what, step_count, 1);
	expect("eip", steps[0], (u32)at);
}

static void string_page(void)
{
	u8 *src = (u8 *)0x400000, *dst = (u8 *)0x500000;

	for (unsigned round = 0; round < 3; round++) {
		struct state s = at_cpl(3, rep_code);

		for (u32 i = 0; i < 0x8000; i++)
			src[i] = (u8)(i * 7);
		memset(dst, 0, 0x8000);
		s.esi = (u32)src;
		s.edi = (u32)dst;
		s.ecx = 0x2000;
		set_dr(3, (u32)dst + 0x3456);
		run_string("a destination", &s, rep_code_end, arm(3, WRITE, LEN2), rep_code);
		expect("edi", at_edi, (u32)dst + 0x3458);
		expect("ecx", at_ecx, 0x2000 - 0x3458 / 4);
		expect("what came", memcmp(src, dst, 0x8000), 0);
		s = at_cpl(3, rep_code);
		s.esi = (u32)src;
		s.edi = (u32)dst;
		s.ecx = 0x2000;
		set_dr(3, (u32)src + 0x7ffc);
		run_string("a source, the last", &s, rep_code_end, arm(3, ACCESS, LEN4), rep_end);
		expect("esi", at_esi, (u32)src + 0x8000);
		s = at_cpl(0, rep_bytes);
		s.edi = (u32)dst + 0x1fff;
		s.ecx = 0x2000;
		s.eax = 0x5a;
		set_dr(3, (u32)dst + 0xfff);
		run_string("downwards", &s, rep_bytes_end, arm(3, WRITE, LEN1), rep_bytes + 1);
		expect("edi", at_edi, (u32)dst + 0xffe);
		expect("what it left", dst[0] == 0x5a && dst[0x1fff] == 0x5a, 1);
		s = at_cpl(3, rep_scan);
		s.edi = (u32)dst;
		s.ecx = 0x3000;
		s.eax = 0x77;
		memset(dst, 0, 0x8000);
		dst[0x2800] = 0x77;
		set_dr(3, (u32)dst + 0x2800);
		run_string("scanned", &s, rep_scan_end, arm(3, ACCESS, LEN1), rep_scan_after);
		expect("edi", at_edi, (u32)dst + 0x2801);
	}
}

/* Four at once, in all kinds; one access may hit several. */
CODE(four_code,
     "mov [ebx], eax\n four_1: mov ecx, [ebx+2]\n four_2: nop\n four_3: mov [ebx+5], cl\n four_4: nop");
LABEL(four_1);
LABEL(four_2);
LABEL(four_3);
LABEL(four_4);

static bool pass_code(struct frame *f)
{
	bool taken = record(f);

	if (taken && step_hits[step_count - 1] == 8)
		f->eflags |= RF;
	return taken;
}

static void four(void)
{
	static const struct trap want[] = {{four_1, 3}, {four_2, 2}, {four_3, 8}, {four_4, 4}};
	u32 a = (u32)scratch + 0x80;

	for (unsigned round = 0; round < 3; round++) {
		struct state s = at_cpl(3, four_code);

		s.ebx = a;
		set_dr(0, a);
		set_dr(1, a + 2);
		set_dr(2, a + 4);
		set_dr(3, (u32)four_3);
		write_dr6(DR6_SET);
		write_dr7(arm(0, WRITE, LEN1) | arm(1, ACCESS, LEN2) | arm(2, WRITE, LEN2) |
		          arm(3, EXECUTE, LEN1));
		step_count = 0;
		trap_hook = pass_code;
		expect_done("four", &s, four_code_end);
		trap_hook = NULL;
		write_dr7(DR7_SET);
		expect("traps", step_count, 4);
		for (unsigned i = 0; i < 4 && i < step_count; i++) {
			expect("at", steps[i], (u32)want[i].at);
			expect("by", step_hits[i], want[i].hits);
		}
	}
}

/* A breakpoint is at a linear address: not at another of the same memory, and wherever the page
 * table leads it; in the supervisor's half and from there. */
CODE(view_code, "mov [ebx], eax\n view_1: mov [esi], eax\n view_2: nop");
LABEL(view_1);
LABEL(view_2);

static void views(void)
{
	u8 *page = scratch + 4096, *other = scratch + 8192, *alias = (u8 *)0x700000;
	u32 high = 0xc0000000u;

	pages_on();
	page_dir[high >> 22] = (u32)page_tables[0] | PTE_ALL;
	page_dir[(high >> 22) + 1] = (u32)page_tables[1] | PTE_ALL;
	write_cr3((u32)page_dir);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned cpl = 0; cpl < 4; cpl += 3) {
			const u8 *code = view_code, *first = view_1, *second = view_2;
			struct state s = at_cpl(cpl, code);

			pages_point(alias, page, PTE_ALL);
			s.ebx = (u32)page + 64;
			s.esi = (u32)alias + 64;
			set_dr(1, (u32)alias + 64);
			expect_traps("an alias", &s, view_code_end, arm(1, WRITE, LEN4),
			             TRAPS({second, B1}, ));
			/* The same page elsewhere, while the breakpoint is armed. */
			write_dr7(arm(1, WRITE, LEN4));
			pages_point(alias, other, PTE_ALL);
			s = at_cpl(cpl, code);
			s.ebx = (u32)other + 64;
			s.esi = (u32)alias + 64;
			expect_traps("another frame", &s, view_code_end, arm(1, WRITE, LEN4),
			             TRAPS({second, B1}, ));
			write_cr3((u32)page_dir);
			s = at_cpl(cpl, code);
			s.ebx = (u32)alias + 64;
			s.esi = (u32)other + 64;
			expect_traps("after CR3", &s, view_code_end, arm(1, WRITE, LEN4),
			             TRAPS({first, B1}, ));
			/* Code of the upper half, which stores to both. */
			s = at_cpl(cpl, code + high);
			s.ebx = (u32)page + 64 + high;
			s.esi = (u32)page + 64;
			set_dr(1, (u32)page + 64);
			expect_traps("user's, from above", &s, view_code_end + high,
			             arm(1, WRITE, LEN4), TRAPS({second + high, B1}, ));
			s = at_cpl(cpl, code + high);
			s.ebx = (u32)page + 64 + high;
			s.esi = (u32)page + 64;
			set_dr(1, (u32)page + 64 + high);
			expect_traps("its own", &s, view_code_end + high, arm(1, WRITE, LEN4),
			             TRAPS({first + high, B1}, ));
			/* An instruction breakpoint likewise. */
			s = at_cpl(cpl, code + high);
			s.ebx = s.esi = (u32)page;
			set_dr(1, (u32)first);
			expect_traps("code elsewhere", &s, view_code_end + high,
			             arm(1, EXECUTE, LEN1), TRAPS());
			s = at_cpl(cpl, code + high);
			s.ebx = s.esi = (u32)page;
			set_dr(1, (u32)first + high);
			write_dr6(DR6_SET);
			write_dr7(arm(1, EXECUTE, LEN1));
			bp_hits = 0;
			trap_hook = hit;
			expect_done("code", &s, view_code_end + high);
			trap_hook = NULL;
			write_dr7(DR7_SET);
			expect("hits", bp_hits, 1);
			expect("eip", steps[0], (u32)first + high);
		}
	pages_off();
}

/* A fault first, with no word of the breakpoint; the trap when the access has been made. */
CODE(fault_code, "mov [ebx], eax\n fault_after: nop");
LABEL(fault_after);
static void fault_first(void)
{
	struct state s = at_cpl(3, fault_code);

	pages_on();
	pages_set(scratch, 0);
	pf_count = step_count = step_dr6 = 0;
	trap_hook = repair;
	s.ebx = (u32)scratch + 16;
	write_dr6(DR6_SET);
	write_dr1((u32)scratch + 16);
	write_dr7(arm(1, WRITE, LEN4));
	expect_done("a store", &s, fault_code_end);
	trap_hook = NULL;
	write_dr7(DR7_SET);
	pages_off();
	expect("page faults", pf_count, 1);
	expect("traps", step_count, 1);
	expect("eip", steps[0], (u32)fault_after);
}

/* A single step and a breakpoint are one trap; MOV SS holds off what its operand hits. */
CODE(both_code, "mov [ebx], eax\n both_1: nop\n both_2: rep stosb\n both_3: nop");
CODE(ss_watched,
     "mov ss, [ebx]\n ss_held: mov ecx, 5\n ss_free: push dword ptr [ebx]\n ss_pushed: pop ss\n"
     "ss_again: nop\n ss_last: nop");
LABEL(both_1);
LABEL(both_2);
LABEL(both_3);
LABEL(ss_free);
LABEL(ss_pushed);
LABEL(ss_last);

static void together(void)
{
	static const u8 *const at[] = {both_1, both_2, both_2, both_2, both_3, both_3 + 1};
	static const u32 wanted[] = {BS | B0, BS, BS, BS | B1, BS, BS};

	for (unsigned round = 0; round < 3; round++) {
		struct state s = at_cpl(3, both_code);

		s.ebx = (u32)scratch;
		s.edi = (u32)scratch + 64;
		s.ecx = 3;
		write_dr0((u32)scratch);
		write_dr1((u32)scratch + 65);
		write_dr6(DR6_SET);
		write_dr7(arm(0, WRITE, LEN4) | arm(1, WRITE, LEN1));
		s.eflags |= TF;
		step_count = step_dr6 = 0;
		trap_hook = record;
		expect_done("stepped", &s, both_code_end);
		trap_hook = NULL;
		write_dr7(DR7_SET);
		expect("traps", step_count, 6);
		for (u32 i = 0; i < 6 && i < step_count; i++)
			if (steps[i] != (u32)at[i] || step_hits[i] != wanted[i])
				fail("trap %u: %x by %h", i, steps[i], step_hits[i]);
		s = at_cpl(3, ss_watched);
		s.ebx = (u32)scratch;
		*(u32 *)scratch = DATA3;
		expect_traps("mov ss", &s, ss_watched_end, arm(0, ACCESS, LEN4),
		             TRAPS({ss_free, B0}, {ss_pushed, B0}, ));
		s = at_cpl(3, ss_watched);
		s.ebx = (u32)scratch;
		write_dr2(RUN_STACK_TOP - 4);
		expect_traps("pop ss", &s, ss_watched_end, arm(2, ACCESS, LEN4),
		             TRAPS({ss_pushed, 4}, {ss_last, 4}, ));
	}
}

/* Instruction breakpoints at very many addresses, one after the other; and one that is passed very
 * often while it is off. */
CODE(many_code, ".fill 600, 1, 0x90");
CODE(often_code,
     "mov ecx, 50000\n 1: call often_at\n mov edx, offset often_at\n call edx\n often_back: loop 1b\n"
     "jmp often_code_end\n often_at: ret");
LABEL(often_at);
LABEL(often_back);

static void many(void)
{
	struct state s;

	trap_hook = hit;
	for (u32 i = 0; i < 600; i++) {
		s = at_cpl(i & 1 ? 3 : 0, many_code);
		bp_hits = 0;
		write_dr6(DR6_SET);
		write_dr0((u32)many_code + i);
		write_dr7(arm(0, EXECUTE, LEN1));
		expect_done("one of many", &s, many_code_end);
		write_dr7(DR7_SET);
		if (bp_hits != 1 || steps[0] != (u32)many_code + i)
			fail("address %u: %u hits, at %x", i, bp_hits, steps[0]);
	}
	/* Entered by a call, by an indirect one, by a return. */
	for (u32 round = 0; round < 6; round++) {
		write_dr0(round < 3 ? (u32)often_at : (u32)often_back);
		s = at_cpl(3, often_code);
		s.eip = (u32)often_code + 5; /* with an ECX of its own */
		s.ecx = 5;
		bp_hits = 0;
		write_dr7(arm(0, EXECUTE, LEN1));
		expect_done("on", &s, often_code_end);
		expect("hits", bp_hits, round < 3 ? 10 : 5);
		write_dr7(DR7_SET);
		s = at_cpl(3, often_code);
		if (round != 1) {
			s.eip = (u32)often_code + 5;
			s.ecx = 3;
		}
		bp_hits = 0;
		expect_done("off", &s, often_code_end);
		expect("hits", bp_hits, 0);
	}
	trap_hook = NULL;
}

CODE(port_strings,
     "mov edx, 0x80\n mov ecx, 3\n rep outsb\n ps_out: mov edi, offset scratch\n mov ecx, 2\n rep insb\n"
     "ps_in: out 0x7e, eax\n ps_wide: out 0x7f, al\n out 0x81, al\n nop");
LABEL(ps_out);
LABEL(ps_in);
LABEL(ps_wide);
static void io_strings(void)
{
	struct state s = at_cpl(0, port_strings);
	const u8 *outs = ps_out - 2, *ins = ps_in - 2;

	write_dr0(0x80);
	s.esi = (u32)scratch;
	expect_traps("without CR4.DE", &s, port_strings_end, arm(0, IO, LEN1), TRAPS());
	write_cr4(read_cr4() | CR4_DE);
	s = at_cpl(0, port_strings);
	s.esi = (u32)scratch;
	expect_traps("strings", &s, port_strings_end, arm(0, IO, LEN1),
	             TRAPS({outs, B0}, {outs, B0}, {ps_out, B0}, {ins, B0}, {ps_in, B0},
	                   {ps_wide, B0}, ));
	write_cr4(read_cr4() & ~(u32)CR4_DE);
}

static const struct test tests[] = {
	{"io-strings", "SDM vol. 3, 17.3.1.2", io_strings},
	{"hot-page", "SDM vol. 3, 17.3.1.2", hot_page},
	{"code-page", "SDM vol. 3, 17.3.1.2", code_page},
	{"straddle", "SDM vol. 3, 17.2.5", straddle},
	{"stack-page", "SDM vol. 3, 17.3.1.2", stack_page},
	{"string-page", "SDM vol. 3, 17.3.1.2", string_page},
	{"four", "SDM vol. 3, 17.2.3", four},
	{"together", "SDM vol. 3, 6.8.3 and 17.3.1.4", together},
	{"many", "SDM vol. 3, 17.3.1.1", many},
	{"views", "SDM vol. 3, 17.2.1", views},
	{"fault-first", "SDM vol. 3, 6.9", fault_first},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
