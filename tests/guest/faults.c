/* Every exception with its exact EIP, error code, CR2 and registers. */
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

/* --- #PF in the middle of instructions --- */

#define EBX_ offsetof(struct state, ebx)
#define ESP_ offsetof(struct state, esp)
#define EBP_ offsetof(struct state, ebp)

/* RMW: the processor asks for the right to write at once.  FAR: pops of several
 * items, which must leave every register alone. */
enum { RD, WR, RMW, FAR };
/* CR2 somewhere in the page: the order of the parts is the processor's affair. */
enum { ANY = -100000 };

/* X(name, instruction, register, its offset from the page that is not present,
 * offset of CR2 there, kind).  The boundary below is at 0, the next page at 4096. */
#define PF_CASES(X)                                                                                \
	X(load, "mov eax, [ebx]", EBX_, 0x123, 0x123, RD)                                          \
	X(load_cross, "mov eax, [ebx]", EBX_, -2, 0, RD)                                           \
	X(load_cross_out, "mov eax, [ebx]", EBX_, 4094, 4094, RD)                                  \
	X(load_byte, "mov al, [ebx]", EBX_, 4095, 4095, RD)                                        \
	X(load_disp, "mov eax, [ebx+4*eax-8]", EBX_, -2, 0, RD)                                    \
	X(store, "mov [ebx], eax", EBX_, 0, 0, WR)                                                 \
	X(store_cross, "mov [ebx], eax", EBX_, -1, 0, WR)                                          \
	X(store_cross_out, "mov [ebx], eax", EBX_, 4093, 4093, WR)                                 \
	X(store16_cross, "mov [ebx], ax", EBX_, -1, 0, WR)                                         \
	X(store_imm, "mov dword ptr [ebx], 0x12345678", EBX_, -3, 0, WR)                           \
	X(movzx, "movzx eax, word ptr [ebx]", EBX_, -1, 0, RD)                                     \
	X(add_to, "add [ebx], eax", EBX_, -2, 0, RMW)                                              \
	X(add_from, "add eax, [ebx]", EBX_, -2, 0, RD)                                             \
	X(adc_lock, "lock adc [ebx], eax", EBX_, 8, 8, RMW)                                        \
	X(inc, "inc dword ptr [ebx]", EBX_, -2, 0, RMW)                                            \
	X(neg, "neg dword ptr [ebx]", EBX_, 4, 4, RMW)                                             \
	X(not, "not byte ptr [ebx]", EBX_, 0, 0, RMW)                                              \
	X(shl, "shl dword ptr [ebx], 3", EBX_, -2, 0, RMW)                                         \
	X(rcl, "rcl dword ptr [ebx], cl", EBX_, -2, 0, RMW)                                        \
	X(shld, "shld [ebx], eax, 4", EBX_, -2, 0, RMW)                                            \
	X(setc, "setc byte ptr [ebx]", EBX_, 9, 9, WR)                                             \
	X(cmp, "cmp [ebx], eax", EBX_, -2, 0, RD)                                                  \
	X(test, "test [ebx], eax", EBX_, -2, 0, RD)                                                \
	X(imul, "imul eax, [ebx], 5", EBX_, -2, 0, RD)                                             \
	X(mul, "mul dword ptr [ebx]", EBX_, -2, 0, RD)                                             \
	X(div, "div dword ptr [ebx]", EBX_, -2, 0, RD)                                             \
	X(cmov, "cmovc eax, [ebx]", EBX_, -2, 0, RD)                                               \
	X(xchg, "xchg [ebx], eax", EBX_, -2, 0, RMW)                                               \
	X(xchg8, "xchg [ebx], ah", EBX_, 77, 77, RMW)                                              \
	X(cmpxchg, "cmpxchg [ebx], ecx", EBX_, -2, 0, RMW)                                         \
	X(cmpxchg8b, "cmpxchg8b [ebx]", EBX_, -4, 0, RMW)                                          \
	X(xadd, "xadd [ebx], eax", EBX_, -2, 0, RMW)                                               \
	X(bts_imm, "bts dword ptr [ebx], 3", EBX_, -2, 0, RMW)                                     \
	X(bt_reg, "xor ecx, ecx\n 1: bt [ebx], ecx", EBX_, 0, 0, RD)                               \
	X(bswap_les, "les eax, [ebx]", EBX_, -4, 0, RD)                                            \
	X(lss, "lss eax, [ebx]", EBX_, -4, 0, RD)                                                  \
	X(xlat, "xlatb", EBX_, -0xa3, 0, RD)                                                       \
	X(bound, "bound eax, [ebx]", EBX_, -4, 0, RD)                                              \
	X(sgdt, "sgdt [ebx]", EBX_, 0, 0, WR)                                                      \
	X(sidt_cross, "sidt [ebx]", EBX_, -2, ANY, WR)                                             \
	X(sldt, "sldt [ebx]", EBX_, 0, 0, WR)                                                      \
	X(smsw, "smsw [ebx]", EBX_, -1, 0, WR)                                                     \
	X(verr, "verr [ebx]", EBX_, -1, 0, RD)                                                     \
	X(lar, "lar eax, [ebx]", EBX_, -1, 0, RD)                                                  \
	X(mov_from_sreg, "mov [ebx], ds", EBX_, -1, 0, WR)                                         \
	X(mov_to_sreg, "mov es, [ebx]", EBX_, -1, 0, RD)                                           \
	X(push, "push eax", ESP_, 4096, 4092, WR)                                                  \
	X(push_below, "push eax", ESP_, 4, 0, WR)                                                  \
	X(push_cross, "push eax", ESP_, 2, 0, WR)                                                  \
	X(push16, "push ax", ESP_, 4096, 4094, WR)                                                 \
	X(push_imm, "push 5", ESP_, 4096, 4092, WR)                                                \
	X(push_sreg, "push es", ESP_, 4096, 4092, WR)                                              \
	X(push_esp, "push esp", ESP_, 4096, 4092, WR)                                              \
	X(push_mem, "push dword ptr [ebx]", EBX_, -2, 0, RD)                                       \
	X(pushf, "pushfd", ESP_, 4096, 4092, WR)                                                   \
	X(pusha, "pushad", ESP_, 4096 + 12, ANY, WR)                                               \
	X(pop, "pop eax", ESP_, 0, 0, RD)                                                          \
	X(pop_cross, "pop eax", ESP_, -2, 0, RD)                                                   \
	X(pop_esp, "pop esp", ESP_, 0, 0, RD)                                                      \
	X(pop_mem, "pop dword ptr [ebx]", EBX_, -2, 0, WR)                                         \
	X(pop_sreg, "pop es", ESP_, 0, 0, RD)                                                      \
	X(popf, "popfd", ESP_, 0, 0, RD)                                                           \
	X(popa, "popad", ESP_, -12, ANY, FAR)                                                      \
	X(ret, "ret", ESP_, 0, 0, RD)                                                              \
	X(ret_cross, "ret", ESP_, -2, 0, RD)                                                       \
	X(ret_n, "ret 8", ESP_, 0, 0, RD)                                                          \
	X(retf, "retf", ESP_, -4, 0, FAR)                                                          \
	X(iret, "iretd", ESP_, -8, 0, FAR)                                                         \
	X(call, "call 1f\n 1:", ESP_, 4096, 4092, WR)                                              \
	X(call_cross, "call 1f\n 1:", ESP_, 2, 0, WR)                                              \
	X(call_reg, "call eax", ESP_, 4096, 4092, WR)                                              \
	X(call_mem, "call dword ptr [ebx]", EBX_, -2, 0, RD)                                       \
	X(jmp_mem, "jmp dword ptr [ebx]", EBX_, -2, 0, RD)                                         \
	X(enter, "enter 8, 0", ESP_, 4096, 4092, WR)                                               \
	X(enter_level, "enter 8, 1", ESP_, 4096, 4092, WR)                                         \
	X(enter_frame, "enter 8, 2", EBP_, 4, 0, RD)                                               \
	X(leave, "leave", EBP_, 0, 0, RD)                                                          \
	X(lods, "mov esi, ebx\n 1: lodsd", EBX_, -2, 0, RD)                                        \
	X(fld_m64, "fld qword ptr [ebx]", EBX_, -4, 0, RD)                                         \
	X(fld_m80, "fld tbyte ptr [ebx]", EBX_, -4, 0, RD)                                         \
	X(fstp_m80, "fstp tbyte ptr [ebx]", EBX_, -4, 0, WR)                                       \
	X(fst_m32, "fst dword ptr [ebx]", EBX_, -2, 0, WR)                                         \
	X(fistp_m64, "fistp qword ptr [ebx]", EBX_, -2, 0, WR)                                     \
	X(fadd, "fadd dword ptr [ebx]", EBX_, -2, 0, RD)                                           \
	X(fnstcw, "fnstcw [ebx]", EBX_, -1, 0, WR)                                                 \
	X(fldcw, "fldcw [ebx]", EBX_, -1, 0, RD)                                                   \
	X(fnstenv, "fnstenv [ebx]", EBX_, 0, ANY, WR)                                              \
	X(fldenv, "fldenv [ebx]", EBX_, -8, ANY, RD)                                               \
	X(fxsave, "fxsave [ebx]", EBX_, 0, ANY, WR)                                                \
	X(fxsave_tail, "fxsave [ebx]", EBX_, -400, ANY, WR)                                        \
	X(fxrstor, "fxrstor [ebx]", EBX_, -256, ANY, RD)                                           \
	X(movq_load, "movq mm0, [ebx]", EBX_, -4, 0, RD)                                           \
	X(movq_store, "movq [ebx], mm0", EBX_, -4, 0, WR)                                          \
	X(paddd, "paddd mm0, [ebx]", EBX_, -1, 0, RD)                                              \
	X(movups_load, "movups xmm0, [ebx]", EBX_, -8, 0, RD)                                      \
	X(movups_store, "movups [ebx], xmm0", EBX_, -8, 0, WR)                                     \
	X(movaps, "movaps xmm0, [ebx]", EBX_, 16, 16, RD)                                          \
	X(addps, "addps xmm0, [ebx]", EBX_, 0, 0, RD)                                              \
	X(movss_store, "movss [ebx], xmm0", EBX_, -2, 0, WR)                                       \
	X(stmxcsr, "stmxcsr [ebx]", EBX_, -2, 0, WR)

#define X(name, text, reg, off, cr2, kind) CODE(pf_##name, text);
PF_CASES(X)
#undef X

static const struct pf_case {
	const char *name;
	const u8 *code, *end;
	u32 reg;
	int off, cr2;
	int kind;
} pf_cases[] = {
#define X(name, text, reg, off, cr2, kind) {#name, pf_##name, pf_##name##_end, reg, off, cr2, kind},
	PF_CASES(X)
#undef X
};
#define PF_COUNT (sizeof(pf_cases) / sizeof(pf_cases[0]))

/* Three pages: the middle one is absent.  Data that makes the stack and pointer cases go on well. */
static u8 *hole;

static void hole_fill(void)
{
	hole = scratch + 4096;
	memset(scratch, 0, sizeof(scratch));
	pages_set(hole, 0);
}

static struct state pf_state(const struct pf_case *c, unsigned cpl)
{
	struct state s = at_cpl(cpl, c->code);

	*(u32 *)((u8 *)&s + c->reg) = (u32)hole + (u32)c->off;
	if (c->code == pf_load_disp)
		s.eax = 2;
	if (c->code == pf_bt_reg)
		s.ecx = 0;
	if (c->code == pf_lods)
		s.esi = s.ebx;
	s.eflags = 2 | CF | OF | SF;
	return s;
}

/* The instruction that faults is the last of the snippet: two of them set a register first. */
static const u8 *pf_at(const struct pf_case *c)
{
	return c->code + (c->code == pf_bt_reg || c->code == pf_lods ? 2 : 0);
}

static void pf_one(const struct pf_case *c, unsigned cpl)
{
	static u8 before[4 * 4096];
	struct state s = pf_state(c, cpl);

	/* XOR clears the flags. */
	if (c->code == pf_bt_reg)
		s.eflags = 2 | ZF | PF;
	memcpy(before, scratch, 4096);
	memcpy(before + 8192, scratch + 8192, 8192);
	s.eip = (u32)pf_at(c);
	expect_trap(c->name, &s, V_PF,
	            (c->kind == WR || c->kind == RMW ? 2u : 0) | (cpl == 3 ? 4u : 0), pf_at(c));
	if (c->cr2 == ANY ? s.cr2 - (u32)hole >= 4096 : s.cr2 != (u32)hole + (u32)c->cr2)
		fail("%s: cr2 %x, not %x", c->name, s.cr2, (u32)hole + (u32)c->cr2);
	/* These may have stored a part; nothing else may. */
	if (c->code != pf_pusha && c->code != pf_sidt_cross &&
	    (memcmp(before, scratch, 4096) || memcmp(before + 8192, scratch + 8192, 8192)))
		fail("%s: wrote to memory before it faulted", c->name);
	memset(scratch, 0, 4096);
	memset(scratch + 8192, 0, 8192);
}

/* Not inlined: FNSTENV tells where the last FLD1 was. */
static __attribute__((noinline)) void fpu_ready(void)
{
	write_cr0((read_cr0() & ~(u32)(CR0_TS | CR0_EM)) | CR0_NE | CR0_MP);
	write_cr4(read_cr4() | CR4_OSFXSR);
	asm volatile("fninit; fld1; fld1");
}

static void pf_kinds(unsigned kinds)
{
	fpu_ready();
	pages_on();
	hole_fill();
	for (unsigned i = 0; i < PF_COUNT; i++) {
		if (!(kinds >> pf_cases[i].kind & 1))
			continue;
		pf_one(&pf_cases[i], 3);
		if (pf_cases[i].reg != ESP_)
			pf_one(&pf_cases[i], 0);
	}
	pages_off();
}

static void pf_plain(void)
{
	pf_kinds(1 << RD | 1 << WR);
}

static void pf_rmw(void)
{
	pf_kinds(1 << RMW);
}

static void pf_far(void)
{
	pf_kinds(1 << FAR);
}

/* The fault is taken, the page made present, the instruction run again. */
static unsigned repairs;
static bool repair(struct frame *f)
{
	if (f->vector != V_PF)
		return false;
	repairs++;
	pages_set(hole, PTE_ALL);
	return true;
}

/* An AMD processor keeps the x87 pointers over a switch of processes only while an
 * exception is pending (AMD APM vol. 2, 11.4.4): the host may have lost them. */
static bool pointers_lost(const struct pf_case *c, const u8 *image)
{
	image += c->off;
	if (c->code == pf_fnstenv)
		return !*(const u32 *)(image + 12);
	return (c->code == pf_fxsave || c->code == pf_fxsave_tail) && !*(const u32 *)(image + 8);
}

static bool pf_restart_one(const struct pf_case *c)
{
	static u8 first[4 * 4096];
	struct state s = pf_state(c, 3), again;

	s.eip = (u32)pf_at(c);
	again = s;
	memset(scratch, 0, 4096);
	memset(scratch + 8192, 0, 8192);
	fpu_ready();
	repairs = 0;
	expect_done(c->name, &s, c->end);
	expect(c->name, repairs, 1);
	/* With the page present from the start, it must come to the same. */
	memcpy(first, scratch, sizeof(first));
	memset(scratch, 0, sizeof(scratch));
	fpu_ready();
	expect_done(c->name, &again, c->end);
	again.cr2 = s.cr2;
	if (memcmp(&s, &again, sizeof(s)))
		fail("%s: registers differ after the restart", c->name);
	bool lost = pointers_lost(c, first + 4096) != pointers_lost(c, hole);
	for (unsigned b = 0; b < sizeof(first) && !lost; b += 4)
		if (*(u32 *)(first + b) != *(u32 *)(scratch + b)) {
			fail("%s: %x at %x after the restart, not %x", c->name, *(u32 *)(first + b),
			     (u32)scratch + b, *(u32 *)(scratch + b));
			break;
		}
	memset(hole, 0, 4096);
	pages_set(hole, 0);
	return !lost;
}

static void pf_restart(void)
{
	fpu_ready();
	pages_on();
	hole_fill();
	trap_hook = repair;
	for (unsigned i = 0; i < PF_COUNT; i++) {
		const struct pf_case *c = &pf_cases[i];
		unsigned tries = 0;

		/* These go elsewhere, or fault again with the zeros that they find. */
		if (c->code == pf_ret || c->code == pf_ret_cross || c->code == pf_ret_n ||
		    c->code == pf_retf || c->code == pf_iret || c->code == pf_call_reg ||
		    c->code == pf_call_mem || c->code == pf_jmp_mem || c->code == pf_div ||
		    c->code == pf_lss || c->code == pf_bound || c->code == pf_leave ||
		    c->code == pf_pop_esp || c->code == pf_fxrstor)
			continue;
		while (!pf_restart_one(c))
			if (++tries == 20) {
				fail("%s: x87 pointers in one of two runs only, %u times", c->name,
				     tries);
				break;
			}
	}
	trap_hook = NULL;
	pages_off();
	asm volatile("fninit");
}

/* --- #PF error codes and fetches --- */

static void pf_errors(void)
{
	static const struct {
		const char *name;
		unsigned cpl;
		u32 flags;
		bool write, wp, faults;
		u32 error;
	} cases[] = {
		{"user read absent", 3, 0, false, true, true, 4},
		{"user write absent", 3, 0, true, true, true, 6},
		{"user read supervisor", 3, PTE_P | PTE_W, false, true, true, 5},
		{"user write supervisor", 3, PTE_P | PTE_W, true, true, true, 7},
		{"user write read-only", 3, PTE_P | PTE_U, true, true, true, 7},
		{"user read read-only", 3, PTE_P | PTE_U, false, true, false, 0},
		{"cpl 1 read supervisor", 1, PTE_P | PTE_W, false, true, false, 0},
		{"cpl 2 write supervisor", 2, PTE_P | PTE_W, true, true, false, 0},
		{"cpl 2 write read-only WP", 2, PTE_P, true, true, true, 3},
		{"supervisor read absent", 0, 0, false, true, true, 0},
		{"supervisor write absent", 0, 0, true, true, true, 2},
		{"supervisor write read-only WP", 0, PTE_P | PTE_U, true, true, true, 3},
		{"supervisor write read-only", 0, PTE_P | PTE_U, true, false, false, 0},
		{"supervisor read read-only", 0, PTE_P, false, true, false, 0},
	};

	pages_on();
	hole = scratch + 4096;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const u8 *code = cases[i].write ? pf_store : pf_load;
		struct state s = at_cpl(cases[i].cpl, code);

		pages_set(hole, cases[i].flags);
		if (!cases[i].wp)
			write_cr0(read_cr0() & ~(u32)CR0_WP);
		s.ebx = (u32)hole + 0x10;
		if (cases[i].faults) {
			expect_trap(cases[i].name, &s, V_PF, cases[i].error, code);
			expect(cases[i].name, s.cr2, (u32)hole + 0x10);
		} else {
			cpu_run(&s);
			if (s.vector != V_DONE)
				fail("%s: vector %u error %h", cases[i].name, s.vector, s.error);
		}
		write_cr0(read_cr0() | CR0_WP);
		pages_set(hole, PTE_ALL);
	}
	/* A directory entry's rights count as well as the table's. */
	page_dir[2] &= ~(u32)PTE_W;
	write_cr3((u32)page_dir);
	struct state s = at_cpl(3, pf_store);

	s.ebx = 0x800000;
	expect_trap("read-only by the directory", &s, V_PF, 7, pf_store);
	page_dir[2] = (page_dir[2] | PTE_W) & ~(u32)PTE_U;
	write_cr3((u32)page_dir);
	s = at_cpl(3, pf_load);
	s.ebx = 0x800000;
	expect_trap("supervisor by the directory", &s, V_PF, 5, pf_load);
	page_dir[2] = 0;
	write_cr3((u32)page_dir);
	s = at_cpl(3, pf_load);
	s.ebx = 0x800123;
	expect_trap("absent by the directory", &s, V_PF, 4, pf_load);
	expect("cr2", s.cr2, 0x800123);
	pages_off();
}

static void pf_fetch(void)
{
	struct state s;

	pages_on();
	hole = scratch + 4096;
	memset(scratch, 0x90, sizeof(scratch));
	scratch[8192] = 0xcd;
	scratch[8193] = V_DONE;
	pages_set(hole, 0);
	s = at_cpl(3, hole + 5);
	expect_trap("jump to an absent page", &s, V_PF, 4, hole + 5);
	expect("cr2", s.cr2, (u32)hole + 5);
	s = at_cpl(3, scratch + 4000);
	cpu_run(&s);
	expect("running into an absent page: vector", s.vector, V_PF);
	expect("running into an absent page: eip", s.eip, (u32)hole);
	expect("running into an absent page: cr2", s.cr2, (u32)hole);
	/* mov eax, imm32 with its last three bytes beyond. */
	hole[-2] = 0xb8;
	s = at_cpl(3, hole - 2);
	expect_trap("tail of an instruction on an absent page", &s, V_PF, 4, hole - 2);
	expect("tail: cr2", s.cr2, (u32)hole);
	s = at_cpl(0, hole - 2);
	expect_trap("the same at CPL 0", &s, V_PF, 0, hole - 2);
	pages_set(hole, PTE_P | PTE_W);
	s = at_cpl(3, hole - 2);
	expect_trap("tail on a supervisor page", &s, V_PF, 5, hole - 2);
	pages_set(hole, PTE_ALL);
	hole[-1] = 0x11;
	hole[0] = 0x22;
	hole[1] = 0x33;
	hole[2] = 0x44;
	s = at_cpl(3, hole - 2);
	expect_done("the tail is there", &s, scratch + 8192);
	expect("immediate", s.eax, 0x44332211);
	pages_off();
}

/* ENTER probes the final stack pointer.  SDM vol. 2, ENTER, Operation and #PF. */
CODE(enter_far, "enter 4096, 0");

static void enter_final(void)
{
	struct state s;

	pages_on();
	hole = scratch + 4096;
	pages_set(hole, 0);
	s = at_cpl(3, enter_far);
	s.esp = (u32)hole + 4096 + 64;
	expect_trap("enter 4096 over an absent page", &s, V_PF, 6, enter_far);
	pages_set(hole, PTE_ALL);
	pages_off();
}

/* CMPXCHG writes its operand also when it does not exchange; a comparison never. */
CODE(cx_cmp, "cmpxchg [ebx], ecx");
CODE(cx8_cmp, "cmpxchg8b [ebx]");
CODE(bts_same, "bts dword ptr [ebx], 0");

static void write_cycles(void)
{
	struct state s;

	pages_on();
	hole = scratch + 4096;
	memset(hole, 0xff, 64);
	pages_set(hole, PTE_P | PTE_U);
	s = at_cpl(3, cx_cmp);
	s.ebx = (u32)hole;
	expect_trap("cmpxchg that fails, read-only page", &s, V_PF, 7, cx_cmp);
	s = at_cpl(3, cx8_cmp);
	s.ebx = (u32)hole;
	expect_trap("cmpxchg8b that fails, read-only page", &s, V_PF, 7, cx8_cmp);
	s = at_cpl(3, bts_same);
	s.ebx = (u32)hole;
	expect_trap("bts of a set bit, read-only page", &s, V_PF, 7, bts_same);
	pages_set(hole, PTE_ALL);
	pages_off();
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
	{"pf-plain", "SDM vol. 3, 6.15, interrupt 14", pf_plain},
	{"pf-rmw", "SDM vol. 3, 4.7", pf_rmw},
	{"pf-far", "SDM vol. 3, 6.5", pf_far},
	{"pf-restart", "SDM vol. 3, 6.6", pf_restart},
	{"pf-errors", "SDM vol. 3, 4.6 and 4.7", pf_errors},
	{"pf-fetch", "SDM vol. 3, 4.7", pf_fetch},
	{"enter-final", "SDM vol. 2, ENTER", enter_final},
	{"write-cycles", "SDM vol. 2, CMPXCHG", write_cycles},
	{"rf-image", "SDM vol. 3, 17.3.1.1", rf_image},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
