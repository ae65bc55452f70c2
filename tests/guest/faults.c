/* Every exception but page faults, with its exact EIP, error code and registers. */
#include "rt/pages.h"

/* --- #DE, #BP, #OF, #BR --- */

CODE(div_reg, "div ecx");
CODE(div_mem, "div dword ptr [ebx]");
CODE(div8, "div cl");
CODE(div16, "div cx");
CODE(idiv_min, "idiv ecx");
CODE(aam_0, ".byte 0xd4, 0");

static void divide(void)
{
	struct state s = at_cpl(3, div_reg);
	static u32 zero;

	s.ecx = 0;
	expect_trap("div by zero", &s, V_DE, 0, div_reg);
	s = at_cpl(3, div_reg);
	s.ecx = s.edx; /* quotient 2^32 or more */
	expect_trap("div overflow", &s, V_DE, 0, div_reg);
	s = at_cpl(3, div_mem);
	s.ebx = (u32)&zero;
	expect_trap("div memory", &s, V_DE, 0, div_mem);
	s = at_cpl(3, div8);
	s.ecx = 1;
	expect_trap("div byte overflow", &s, V_DE, 0, div8);
	s = at_cpl(0, div16);
	s.ecx = 0xabcd0000;
	expect_trap("div word by zero", &s, V_DE, 0, div16);
	s = at_cpl(3, idiv_min);
	s.edx = ~0u;
	s.eax = 0x80000000;
	s.ecx = ~0u;
	expect_trap("idiv of the least by -1", &s, V_DE, 0, idiv_min);
	s = at_cpl(3, aam_0);
	expect_trap("aam 0", &s, V_DE, 0, aam_0);
}

CODE(int3_code, "int3");
CODE(int_3_code, ".byte 0xcd, 3");
CODE(into_code, "into");
CODE(bound_32, "bound eax, [ebx]");
CODE(bound_16, "bound ax, [ebx]");

static void software(void)
{
	static int32_t bounds[2] = {-5, 5};
	static int16_t bounds16[2] = {1, 2};
	struct state s = at_cpl(3, int3_code);

	expect_trap("int3", &s, V_BP, 0, int3_code + 1);
	s = at_cpl(3, int_3_code);
	expect_trap("int 3 in two bytes", &s, V_BP, 0, int_3_code + 2);
	s = at_cpl(3, into_code);
	s.eflags |= OF;
	expect_trap("into", &s, V_OF, 0, into_code + 1);
	s = at_cpl(3, into_code);
	expect_done("into without OF", &s, into_code_end);
	s = at_cpl(3, bound_32);
	s.ebx = (u32)bounds;
	s.eax = 6;
	expect_trap("bound above", &s, V_BR, 0, bound_32);
	s = at_cpl(3, bound_32);
	s.ebx = (u32)bounds;
	s.eax = (u32)-6;
	expect_trap("bound below", &s, V_BR, 0, bound_32);
	s = at_cpl(3, bound_32);
	s.ebx = (u32)bounds;
	s.eax = 5;
	expect_done("bound inside", &s, bound_32_end);
	s = at_cpl(3, bound_16);
	s.ebx = (u32)bounds16;
	s.eax = 0xffff0003;
	expect_trap("bound word", &s, V_BR, 0, bound_16);
}

/* --- #UD and #GP by encoding --- */

/* Each is run at CPL 0 and 3 on a pentium3: no SSE2 and later, no VEX, no long mode.
 * EBX is a valid pointer. */
struct encoding {
	const char *name;
	u8 bytes[16];
};

static const struct encoding undefined[] = {
	{"ud2", {0x0f, 0x0b}},
	{"ud1", {0x0f, 0xb9, 0xc0}},
	{"ud0", {0x0f, 0xff, 0xc0}},
	{"mov cs", {0x8e, 0xc8}},
	{"mov sreg 6", {0x8e, 0xf0}},
	{"mov from sreg 7", {0x8c, 0xf8}},
	{"lea register", {0x8d, 0xc0}},
	{"les register", {0xc4, 0xc0}},
	{"lds register (VEX of a later CPU)", {0xc5, 0xf8, 0x77}},
	{"vex 3-byte", {0xc4, 0xe2, 0x78, 0xf2, 0xc0}},
	{"bound register (EVEX of a later CPU)", {0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc0}},
	{"xop", {0x8f, 0xe8, 0x78, 0xa2, 0xc0, 0x00}},
	{"pop /1", {0x8f, 0xcb}},
	{"lss register", {0x0f, 0xb2, 0xc0}},
	{"call far register", {0xff, 0xd8}},
	{"jmp far register", {0xff, 0xe8}},
	{"FF /7", {0xff, 0x38 | 3}},
	{"FE /2", {0xfe, 0x13}},
	{"FE /7", {0xfe, 0xf8}},
	{"C6 /1", {0xc6, 0x0b, 0}},
	{"C7 /7", {0xc7, 0xf8, 0, 0, 0, 0}},
	{"0F BA /0", {0x0f, 0xba, 0x03, 1}},
	{"cmpxchg8b register", {0x0f, 0xc7, 0xc8}},
	{"rdrand", {0x0f, 0xc7, 0xf0}},
	{"vmptrld", {0x0f, 0xc7, 0x33}},
	{"sgdt register (vmcall)", {0x0f, 0x01, 0xc1}},
	{"xgetbv", {0x0f, 0x01, 0xd0}},
	{"swapgs", {0x0f, 0x01, 0xf8}},
	{"rdtscp", {0x0f, 0x01, 0xf9}},
	{"lgdt register", {0x0f, 0x01, 0xd3}},
	{"0F 01 /5 memory", {0x0f, 0x01, 0x2b}},
	{"0F 00 /6", {0x0f, 0x00, 0x33}},
	{"syscall", {0x0f, 0x05}},
	{"sysret", {0x0f, 0x07}},
	{"0F 04", {0x0f, 0x04}},
	{"0F 0A", {0x0f, 0x0a}},
	{"0F 0C", {0x0f, 0x0c}},
	{"femms", {0x0f, 0x0e}},
	{"3dnow", {0x0f, 0x0f, 0xc0, 0x9e}},
	{"mov to test register", {0x0f, 0x26, 0xc0}},
	{"mov from test register", {0x0f, 0x24, 0xc0}},
	{"getsec", {0x0f, 0x37}},
	{"ssse3 pshufb", {0x0f, 0x38, 0x00, 0xc1}},
	{"movbe", {0x0f, 0x38, 0xf0, 0x03}},
	{"palignr", {0x0f, 0x3a, 0x0f, 0xc1, 1}},
	{"vmread", {0x0f, 0x78, 0xc0}},
	{"rsm outside SMM", {0x0f, 0xaa}},
	{"0F B8", {0x0f, 0xb8, 0xc0}},
	{"popcnt", {0xf3, 0x0f, 0xb8, 0xc1}},
	{"rdfsbase", {0xf3, 0x0f, 0xae, 0xc0}},
	{"wrgsbase", {0xf3, 0x0f, 0xae, 0xd8}},
	{"lfence (SSE2)", {0x0f, 0xae, 0xe8}},
	{"mfence (SSE2)", {0x0f, 0xae, 0xf0}},
	{"clflush", {0x0f, 0xae, 0x3b}},
	{"xsave", {0x0f, 0xae, 0x23}},
	{"movnti (SSE2)", {0x0f, 0xc3, 0x03}},
	{"addpd (SSE2)", {0x66, 0x0f, 0x58, 0xc1}},
	{"addsd (SSE2)", {0xf2, 0x0f, 0x58, 0xc1}},
	{"movdqa (SSE2)", {0x66, 0x0f, 0x6f, 0xc1}},
	{"paddq (SSE2)", {0x0f, 0xd4, 0xc1}},
	{"addsubps (SSE3)", {0xf2, 0x0f, 0xd0, 0xc1}},
	{"fisttp (SSE3)", {0xdb, 0x0b}},
	{"monitor (SSE3)", {0x0f, 0x01, 0xc8}},
	{"x87 D9 E2", {0xd9, 0xe2}},
	{"x87 D9 /1 memory", {0xd9, 0x0b}},
	{"x87 DA E8", {0xda, 0xe8}},
	{"x87 DE D8", {0xde, 0xd8}},
	{"lock mov", {0xf0, 0x89, 0x03}},
	{"lock nop", {0xf0, 0x90}},
	{"lock add to register", {0xf0, 0x01, 0xc0}},
	{"lock add from memory", {0xf0, 0x03, 0x03}},
	{"lock cmp", {0xf0, 0x39, 0x03}},
	{"lock test", {0xf0, 0x85, 0x03}},
	{"lock bt", {0xf0, 0x0f, 0xa3, 0x03}},
	{"lock push", {0xf0, 0x50}},
	{"lock jmp", {0xf0, 0xeb, 0x00}},
	{"lock movs", {0xf0, 0xa4}},
	{"lock lea", {0xf0, 0x8d, 0x03}},
	{"lock xchg of registers", {0xf0, 0x87, 0xc1}},
	{"lock cpuid", {0xf0, 0x0f, 0xa2}},
};

/* These exist on a pentium3 though they look otherwise. */
static const struct encoding defined[] = {
	{"salc", {0xd6}},
	{"long nop", {0x0f, 0x1f, 0x44, 0x00, 0x00}},
	{"nop 0F 1E (endbr32 later)", {0xf3, 0x0f, 0x1e, 0xfb}},
	{"prefetchnta", {0x0f, 0x18, 0x03}},
	{"pause", {0xf3, 0x90}},
	{"sfence", {0x0f, 0xae, 0xf8}},
	{"rep bsr (lzcnt later)", {0xf3, 0x0f, 0xbd, 0xc1}},
	{"rep bsf (tzcnt later)", {0xf3, 0x0f, 0xbc, 0xc1}},
	{"82 alias of 80", {0x82, 0xc0, 0x01}},
	{"14 prefixes and nop",
         {0x2e, 0x3e, 0x26, 0x64, 0x65, 0x36, 0x2e, 0x3e, 0x26, 0x64, 0x65, 0x36, 0x2e, 0x3e,
          0x90}},
	{"lock not", {0xf0, 0xf7, 0x13}},
	{"lock xchg", {0xf0, 0x87, 0x03}},
	{"lock cmpxchg8b", {0xf0, 0x0f, 0xc7, 0x0b}},
};

static u8 code_buffer[64] __attribute__((aligned(64)));
static u8 data_buffer[64] __attribute__((aligned(64)));

static u8 *emit(const u8 *bytes)
{
	memset(code_buffer, 0x90, sizeof(code_buffer));
	memcpy(code_buffer, bytes, 16);
	return code_buffer;
}

static void ud_list(void)
{
	for (unsigned i = 0; i < sizeof(undefined) / sizeof(undefined[0]); i++)
		for (unsigned cpl = 0; cpl < 4; cpl += 3) {
			struct state s = at_cpl(cpl, emit(undefined[i].bytes));

			s.ebx = (u32)data_buffer;
			expect_trap(undefined[i].name, &s, V_UD, 0, code_buffer);
		}
}

static void not_ud_list(void)
{
	for (unsigned i = 0; i < sizeof(defined) / sizeof(defined[0]); i++) {
		struct state s = at_cpl(3, emit(defined[i].bytes));

		code_buffer[32] = 0xcd;
		code_buffer[33] = V_DONE;
		/* What follows the encoding in the buffer is harmless. */
		for (unsigned b = 15; b > 1 && !code_buffer[b]; b--)
			code_buffer[b] = 0x90;
		if (i == 1) /* the displacement of the long NOP */
			code_buffer[4] = 0;
		s.ebx = (u32)data_buffer;
		expect_done(defined[i].name, &s, code_buffer + 32);
	}
}

/* SDM vol. 2, 2.3.11 (instruction length limit). */
static void too_long(void)
{
	struct state s;

	memset(code_buffer, 0x2e, 15);
	code_buffer[15] = 0x90;
	s = at_cpl(3, code_buffer);
	expect_trap("15 prefixes and nop", &s, V_GP, 0, code_buffer);
}

CODE(mov_dr4, "mov dr4, eax");
CODE(mov_cr1, ".byte 0x0f, 0x20, 0xc8");
CODE(mov_cr5, ".byte 0x0f, 0x22, 0xe8");
CODE(mov_dr3, "mov ecx, dr3");

static void debug_register_alias(void)
{
	struct state s = at_cpl(0, mov_cr1);

	expect_trap("mov from cr1", &s, V_UD, 0, mov_cr1);
	s = at_cpl(0, mov_cr5);
	expect_trap("mov to cr5", &s, V_UD, 0, mov_cr5);
	write_cr4(read_cr4() | CR4_DE);
	s = at_cpl(0, mov_dr4);
	expect_trap("mov dr4 with DE", &s, V_UD, 0, mov_dr4);
	write_cr4(read_cr4() & ~(u32)CR4_DE);
	s = at_cpl(0, mov_dr4);
	s.eax = 0;
	expect_done("mov dr4 without DE", &s, mov_dr4_end);
	s = at_cpl(3, mov_dr3);
	expect_trap("mov from dr3 at CPL 3", &s, V_GP, 0, mov_dr3);
}

/* --- #NM, #UD by control bits --- */

CODE(x_fld1, "fld1");
CODE(x_fwait, "fwait");
CODE(x_fnstsw, "fnstsw ax");
CODE(x_emms, "emms");
CODE(x_movq, "movq mm0, [ebx]");
CODE(x_movups, "movups xmm0, [ebx]");
CODE(x_fxsave, "fxsave [ebx]");
CODE(x_ldmxcsr, "ldmxcsr [ebx]");

/* SDM vol. 3, table 2-2 and 2-3. */
static void no_math(void)
{
	static const struct {
		const char *name;
		u32 cr0;
		const u8 *code;
		u32 vector;
	} cases[] = {
		{"fld1 TS", CR0_TS, x_fld1, V_NM},
		{"fld1 EM", CR0_EM, x_fld1, V_NM},
		{"fnstsw TS", CR0_TS, x_fnstsw, V_NM},
		{"fwait TS MP", CR0_TS | CR0_MP, x_fwait, V_NM},
		{"fwait TS", CR0_TS, x_fwait, V_DONE},
		{"fwait EM", CR0_EM, x_fwait, V_DONE},
		{"fwait EM MP", CR0_EM | CR0_MP, x_fwait, V_DONE},
		{"emms TS", CR0_TS, x_emms, V_NM},
		{"emms EM", CR0_EM, x_emms, V_UD},
		{"movq TS", CR0_TS, x_movq, V_NM},
		{"movq EM", CR0_EM, x_movq, V_UD},
		{"movups TS", CR0_TS, x_movups, V_NM},
		{"movups EM", CR0_EM, x_movups, V_UD},
		{"movups EM TS", CR0_EM | CR0_TS, x_movups, V_UD},
		{"fxsave TS", CR0_TS, x_fxsave, V_NM},
		{"fxsave EM", CR0_EM, x_fxsave, V_NM},
		{"ldmxcsr TS", CR0_TS, x_ldmxcsr, V_NM},
	};
	static u8 area[512] __attribute__((aligned(16)));
	u32 cr0 = read_cr0() & ~(u32)(CR0_TS | CR0_EM | CR0_MP);

	write_cr4(read_cr4() | CR4_OSFXSR);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct state s = at_cpl(3, cases[i].code);

		s.ebx = (u32)area;
		write_cr0(cr0 | cases[i].cr0);
		cpu_run(&s);
		write_cr0(cr0);
		if (s.vector != cases[i].vector)
			fail("%s: vector %u, not %u", cases[i].name, s.vector, cases[i].vector);
		if (s.vector != V_DONE && s.eip != (u32)cases[i].code)
			fail("%s: eip %x, not %x", cases[i].name, s.eip, (u32)cases[i].code);
	}
	write_cr4(read_cr4() & ~(u32)CR4_OSFXSR);
	struct state s = at_cpl(3, x_movups);

	s.ebx = (u32)area;
	expect_trap("movups without OSFXSR", &s, V_UD, 0, x_movups);
	s = at_cpl(3, x_movq);
	s.ebx = (u32)area;
	expect_done("movq without OSFXSR", &s, x_movq_end);
	asm volatile("fninit");
}

/* --- #AC --- */

CODE(ac_load, "mov eax, [ebx]");
CODE(ac_load16, "mov ax, [ebx]");
CODE(ac_byte, "mov al, [ebx]");
CODE(ac_push, "push eax");
CODE(ac_fld, "fld qword ptr [ebx]");
CODE(ac_movs, "movsd");
CODE(ac_store, "add [ebx], eax");

/* SDM vol. 3, 6.15, interrupt 17. */
static void alignment(void)
{
	u32 cr0 = read_cr0();
	struct state s;
	static const struct {
		const char *name;
		const u8 *code;
		u32 offset;
		bool faults;
	} cases[] = {
		{"dword at 2", ac_load, 2, true},    {"dword at 4", ac_load, 4, false},
		{"word at 1", ac_load16, 1, true},   {"word at 2", ac_load16, 2, false},
		{"byte at 1", ac_byte, 1, false},    {"add dword at 1", ac_store, 1, true},
		{"fld qword at 4", ac_fld, 4, true}, {"fld qword at 8", ac_fld, 8, false},
	};

	asm volatile("fninit");
	write_cr0(cr0 | CR0_AM);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s = at_cpl(3, cases[i].code);
		s.ebx = (u32)data_buffer + cases[i].offset;
		s.eflags |= AC;
		if (cases[i].faults)
			expect_trap(cases[i].name, &s, V_AC, 0, cases[i].code);
		else {
			cpu_run(&s);
			expect(cases[i].name, s.vector, V_DONE);
		}
	}
	s = at_cpl(3, ac_push);
	s.eflags |= AC;
	s.esp -= 2;
	expect_trap("push", &s, V_AC, 0, ac_push);
	s = at_cpl(3, ac_movs);
	s.eflags |= AC;
	s.esi = (u32)data_buffer;
	s.edi = (u32)data_buffer + 33;
	expect_trap("movs to 1", &s, V_AC, 0, ac_movs);
	s = at_cpl(0, ac_load);
	s.eflags |= AC;
	s.ebx = (u32)data_buffer + 1;
	expect_done("CPL 0", &s, ac_load_end);
	s = at_cpl(3, ac_load);
	s.ebx = (u32)data_buffer + 1;
	expect_done("AC clear", &s, ac_load_end);
	write_cr0(cr0);
	s = at_cpl(3, ac_load);
	s.eflags |= AC;
	s.ebx = (u32)data_buffer + 1;
	expect_done("AM clear", &s, ac_load_end);
	asm volatile("fninit");
}

/* Faults push EFLAGS with RF set, traps with RF as it was.  SDM vol. 3, 17.3.1.1. */
static void rf_image(void)
{
	struct state s = at_cpl(3, div_reg);

	s.ecx = 0;
	cpu_run(&s);
	expect("RF after #DE", s.eflags & RF, RF);
	s = at_cpl(3, int3_code);
	cpu_run(&s);
	expect("RF after int3", s.eflags & RF, 0);
	s = at_cpl(3, int3_code + 1);
	cpu_run(&s);
	expect("RF after int 81h", s.eflags & RF, 0);
}

static const struct test tests[] = {
	{"divide", "SDM vol. 3, 6.15, interrupt 0", divide},
	{"software", "SDM vol. 3, 6.15, interrupts 3 to 5", software},
	{"ud-list", "SDM vol. 3, 6.15, interrupt 6", ud_list},
	{"not-ud-list", "SDM vol. 2, appendix A", not_ud_list},
	{"too-long", "SDM vol. 2, 2.3.11", too_long},
	{"control-registers", "SDM vol. 2, MOV CR and DR", debug_register_alias},
	{"no-math", "SDM vol. 3, 2.5 and 13.1", no_math},
	{"alignment", "SDM vol. 3, 6.15, interrupt 17", alignment},
	{"rf-image", "SDM vol. 3, 17.3.1.1", rf_image},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
