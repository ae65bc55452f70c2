/* Page faults of all kinds of access, with their exact EIP, error code, CR2 and registers. */
#include "rt/pages.h"

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

static const struct test tests[] = {
	{"pf-plain", "SDM vol. 3, 6.15, interrupt 14", pf_plain},
	{"pf-rmw", "SDM vol. 3, 4.7", pf_rmw},
	{"pf-far", "SDM vol. 3, 6.5", pf_far},
	{"pf-restart", "SDM vol. 3, 6.6", pf_restart},
	{"pf-errors", "SDM vol. 3, 4.6 and 4.7", pf_errors},
	{"pf-fetch", "SDM vol. 3, 4.7", pf_fetch},
	{"enter-final", "SDM vol. 2, ENTER", enter_final},
	{"write-cycles", "SDM vol. 2, CMPXCHG", write_cycles},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
