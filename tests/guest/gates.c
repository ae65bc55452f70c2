/* Interrupt, trap and call gates of 16 and 32 bits; their error codes; IRET in all forms
 * but virtual-8086 mode.  Task gates are in tasks.c. */
#include "rt/rt.h"

enum {
	VECTOR = 0x50,
	S_GATE = SEL_FREE,        /* a call gate */
	S_CONF = SEL_FREE + 8,    /* conforming code, DPL 0 */
	S_NPCODE = SEL_FREE + 16, /* code, DPL 0, not present */
	S_LOW0 = SEL_FREE + 24,   /* code, DPL 0, base 1 MiB, for 16-bit offsets */
	S_LOW3 = SEL_FREE + 32,   /* code, DPL 3, base 1 MiB */
	S_RO1 = SEL_FREE + 40,    /* read-only data, DPL 1 */
	S_NP1 = SEL_FREE + 48,    /* data, DPL 1, not present */
	S_STACK3 = SEL_FREE + 56, /* data, DPL 3, of either stack size */
	LOW = 0x100000,
};

/* A target that stops at once: the state shows what the gate pushed. */
CODE(target, "");
CODE(int_code, "int 0x50");
CODE(nothing, "nop");

static void descriptors(void)
{
	gdt_set(S_CONF, 0, 0xfffff, ACC_CONFR, DESC_G | DESC_B);
	gdt_set(S_NPCODE, 0, 0xfffff, ACC_CODER & ~ACC_P, DESC_G | DESC_B);
	gdt_set(S_LOW0, LOW, 0xffff, ACC_CODER, DESC_B);
	gdt_set(S_LOW3, LOW, 0xffff, ACC_CODER | ACC_DPL3, DESC_B);
	gdt_set(S_RO1, 0, 0xfffff, ACC_DATA | ACC_DPL1, DESC_G | DESC_B);
	gdt_set(S_NP1, 0, 0xfffff, (ACC_DATAW | ACC_DPL1) & ~ACC_P, DESC_G | DESC_B);
	if ((u32)image_end <= LOW || (u32)target - LOW > 0xffff || (u32)int_code - LOW > 0xffff)
		panic("the code is not in the 64 KiB above 1 MiB");
}

/* --- interrupts and traps through 32-bit gates --- */

static void int_gates(void)
{
	descriptors();
	for (unsigned cpl = 0; cpl < 4; cpl++)
		for (unsigned trap = 0; trap < 2; trap++) {
			struct state s = at_cpl(cpl, int_code);
			u32 cs = s.cs, ss = s.ss, esp = s.esp;
			u32 flags = 2 | IF | CF | OF | DF | NT | IOPL3 | AC;

			idt_set(VECTOR, CODE0, (u32)target,
			        (trap ? GATE_TRAP32 : GATE_INT32) | ACC_DPL3);
			s.eflags = flags;
			expect_done("int", &s, target);
			const u32 *w = (const u32 *)s.esp;

			expect("cs", s.cs, CODE0);
			expect("ss", s.ss, DATA0);
			expect("pushed eip", w[0], (u32)int_code_end);
			expect("pushed cs", w[1], cs);
			expect("pushed eflags", w[2], flags);
			if (cpl) {
				expect("esp0", s.esp + 20, main_tss.t.esp0);
				expect("pushed esp", w[3], esp);
				expect("pushed ss", w[4], ss);
			} else {
				expect("esp", s.esp, esp - 12);
			}
			/* NT and TF go; IF goes with an interrupt gate only. */
			flags &= ~(u32)NT;
			if (!trap)
				flags &= ~(u32)IF;
			expect("eflags inside", s.eflags, flags);
		}
	idt_default(VECTOR);
}

/* To ring 1, to a conforming segment, and back. */
static void int_rings(void)
{
	descriptors();
	idt_set(VECTOR, CODE1, (u32)target, GATE_INT32 | ACC_DPL3);
	struct state s = at_cpl(3, int_code);

	expect_done("to ring 1", &s, target);
	expect("cs", s.cs, CODE1);
	expect("ss", s.ss, DATA1);
	expect("esp", s.esp, main_tss.t.esp1 - 20);
	s = at_cpl(0, int_code);
	expect_trap("from ring 0 to ring 1", &s, V_GP, CODE1 & ~3u, int_code);

	idt_set(VECTOR, S_CONF, (u32)target, GATE_INT32 | ACC_DPL3);
	s = at_cpl(2, int_code);
	u32 esp = s.esp;

	expect_done("conforming", &s, target);
	expect("cs", s.cs, S_CONF | 2);
	expect("ss", s.ss, DATA2);
	expect("esp", s.esp, esp - 12);
	idt_default(VECTOR);
}

CODE(ud_code, "ud2");
CODE(int3_code, "int3");
CODE(into_code, "into");

/* SDM vol. 2, INT n, Operation; vol. 3, 6.13 (error code: index * 8 + IDT + EXT). */
static void gate_errors(void)
{
	static const struct {
		const char *name;
		u16 sel;
		u8 access;
		unsigned cpl;
		u32 vector, error;
	} cases[] = {
		{"DPL below CPL", CODE0, GATE_INT32 | ACC_DPL2, 3, V_GP, VECTOR * 8 + 2},
		{"not present", CODE0, (GATE_INT32 | ACC_DPL3) & ~ACC_P, 3, V_NP, VECTOR * 8 + 2},
		{"DPL is checked first", CODE0, GATE_INT32 & ~ACC_P, 3, V_GP, VECTOR * 8 + 2},
		{"a call gate", CODE0, GATE_CALL32 | ACC_DPL3, 3, V_GP, VECTOR * 8 + 2},
		{"a data segment", CODE0, ACC_DATAW | ACC_DPL3, 3, V_GP, VECTOR * 8 + 2},
		{"type 0", CODE0, ACC_P | ACC_DPL3, 3, V_GP, VECTOR * 8 + 2},
		{"null code", 0, GATE_INT32 | ACC_DPL3, 3, V_GP, 0},
		{"data for code", DATA0, GATE_INT32 | ACC_DPL3, 3, V_GP, DATA0},
		{"code not present", S_NPCODE, GATE_INT32 | ACC_DPL3, 3, V_NP, S_NPCODE},
		{"code beyond the GDT", GDT_ENTRIES * 8, GATE_INT32 | ACC_DPL3, 3, V_GP,
	         GDT_ENTRIES * 8},
		{"code of an outer ring", CODE2, GATE_INT32 | ACC_DPL3, 1, V_GP, CODE2 & ~3},
	};
	struct state s;

	descriptors();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		idt_set(VECTOR, cases[i].sel, (u32)target, cases[i].access);
		s = at_cpl(cases[i].cpl, int_code);
		expect_trap(cases[i].name, &s, cases[i].vector, cases[i].error, int_code);
	}
	idt_default(VECTOR);
	/* INT3 and INTO are checked like INT n; processor exceptions are not. */
	idt_set(V_BP, CODE0, trap_stubs[V_BP], GATE_INT32);
	s = at_cpl(3, int3_code);
	expect_trap("int3 at CPL 3, DPL 0", &s, V_GP, V_BP * 8 + 2, int3_code);
	idt_default(V_BP);
	idt_set(V_OF, CODE0, trap_stubs[V_OF], GATE_INT32);
	s = at_cpl(3, into_code);
	s.eflags |= OF;
	expect_trap("into at CPL 3, DPL 0", &s, V_GP, V_OF * 8 + 2, into_code);
	idt_default(V_OF);
	s = at_cpl(3, ud_code);
	expect_trap("ud2 at CPL 3, DPL 0", &s, V_UD, 0, ud_code);
	/* A benign exception whose gate is not there: EXT is set. */
	idt_set(V_UD, CODE0, trap_stubs[V_UD], GATE_INT32 & ~ACC_P);
	s = at_cpl(3, ud_code);
	expect_trap("ud2, gate not present", &s, V_NP, V_UD * 8 + 2 + 1, ud_code);
	idt_set(V_UD, 0, trap_stubs[V_UD], GATE_INT32);
	s = at_cpl(3, ud_code);
	expect_trap("ud2, null code", &s, V_GP, 1, ud_code);
	idt_default(V_UD);
}

/* The limit of the IDT. */
static void idt_limit(void)
{
	struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) small = {VECTOR * 8 + 6, (u32)idt},
				  whole = {sizeof(idt) - 1, (u32)idt};
	struct state s = at_cpl(3, int_code);

	/* INT 81h is beyond it too: the #GP is what ends the run. */
	asm volatile("lidt %0" : : "m"(small));
	cpu_run(&s);
	asm volatile("lidt %0" : : "m"(whole));
	expect("vector", s.vector, V_GP);
	expect("error", s.error, VECTOR * 8 + 2);
	expect("eip", s.eip, (u32)int_code);
}

/* --- bad inner stacks, seen from ring 1's --- */

static void inner_stacks(void)
{
	static const struct {
		const char *name;
		u16 ss1;
		u32 vector, error;
	} cases[] = {
		{"null", 0, V_TS, 0},
		{"RPL 0", DATA1 & ~3, V_TS, DATA1 & ~3},
		{"DPL 0", DATA0 | 1, V_TS, DATA0},
		{"read-only", S_RO1 | 1, V_TS, S_RO1},
		{"code", CODE1, V_TS, CODE1 & ~3},
		{"beyond the GDT", GDT_ENTRIES * 8 + 1, V_TS, GDT_ENTRIES * 8},
		{"not present", S_NP1 | 1, V_SS, S_NP1},
	};

	descriptors();
	idt_set(VECTOR, CODE1, (u32)target, GATE_INT32 | ACC_DPL3);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct state s = at_cpl(3, int_code);

		main_tss.t.ss1 = cases[i].ss1;
		expect_trap(cases[i].name, &s, cases[i].vector, cases[i].error, int_code);
	}
	main_tss.t.ss1 = DATA1;
	idt_default(VECTOR);
}

/* --- 16-bit gates --- */

CODE(int_16, "int 0x50\n nop");

static void gates16(void)
{
	descriptors();
	for (unsigned trap = 0; trap < 2; trap++)
		for (unsigned cpl = 0; cpl < 4; cpl += 3) {
			struct state s = at_cpl(cpl, int_16 - LOW);
			u32 flags = 2 | IF | CF | ZF | NT;
			u16 cs = (u16)(s.cs = cpl ? S_LOW3 | 3 : S_LOW0);
			u32 esp = s.esp;

			s.eflags = flags;
			idt_set(VECTOR, S_LOW0, (u32)target - LOW,
			        (trap ? GATE_TRAP16 : GATE_INT16) | ACC_DPL3);
			expect_done("int", &s, target - LOW);
			const u16 *w = (const u16 *)s.esp;

			expect("cs", s.cs, S_LOW0);
			expect("pushed ip", w[0], (u32)int_16 + 2 - LOW);
			expect("pushed cs", w[1], cs);
			expect("pushed flags", w[2], flags);
			if (cpl) {
				expect("sp", s.esp, main_tss.t.esp0 - 10);
				expect("pushed sp", w[3], esp & 0xffff);
				expect("pushed ss", w[4], DATA3);
			} else {
				expect("sp", s.esp, esp - 6);
			}
			expect("eflags", s.eflags, 2 | CF | ZF | (trap ? IF : 0));
		}
	/* The error code of an exception is 16 bits wide too. */
	idt_set(V_NP, S_LOW0, (u32)target - LOW, GATE_INT16);
	idt_set(VECTOR, CODE0, (u32)target, (GATE_INT32 | ACC_DPL3) & ~ACC_P);
	struct state s = at_cpl(0, int_16 - LOW);

	s.cs = S_LOW0;
	u32 esp = s.esp;

	expect_done("#NP through a 16-bit gate", &s, target - LOW);
	expect("esp", s.esp, esp - 8);
	expect("error", *(u16 *)s.esp, VECTOR * 8 + 2);
	expect("ip", ((u16 *)s.esp)[1], (u32)int_16 - LOW);
	idt_default(V_NP);
	idt_default(VECTOR);
}

/* --- call gates --- */

static struct {
	u32 offset;
	u16 sel;
} __attribute__((packed)) pointer;
CODE(gate_call, "call fword ptr [ebx]");
CODE(gate_jump, "jmp fword ptr [ebx]");
CODE(retf_8, "retf 8");

static struct state through_gate(unsigned cpl, const void *code)
{
	struct state s = at_cpl(cpl, code);

	pointer.offset = 0xdeadbeef; /* is ignored */
	pointer.sel = (u16)(S_GATE | cpl);
	s.ebx = (u32)&pointer;
	return s;
}

static void call_gates(void)
{
	descriptors();
	for (unsigned params = 0; params < 32; params += params < 4 ? 1 : 9) {
		struct state s = through_gate(3, gate_call);

		gdt_gate(S_GATE, CODE0, (u32)target, GATE_CALL32 | ACC_DPL3, (u8)params);
		s.esp -= 256;
		u32 esp = s.esp;

		for (unsigned i = 0; i < 32; i++)
			((u32 *)esp)[i] = 0x1000 + i;
		s.eflags = 2 | IF | NT;
		expect_done("call", &s, target);
		const u32 *w = (const u32 *)s.esp;

		expect("cs", s.cs, CODE0);
		expect("ss", s.ss, DATA0);
		expect("esp", s.esp, main_tss.t.esp0 - 16 - 4 * params);
		expect("pushed eip", w[0], (u32)gate_call_end);
		expect("pushed cs", w[1], CODE3);
		for (unsigned i = 0; i < params; i++)
			expect("parameter", w[2 + i], 0x1000 + i);
		expect("pushed esp", w[2 + params], esp);
		expect("pushed ss", w[3 + params], DATA3);
		expect("eflags are kept", s.eflags, 2 | IF | NT);
	}
	/* To ring 1, from each outer ring; at the same level nothing but CS:EIP. */
	gdt_gate(S_GATE, CODE1, (u32)target, GATE_CALL32 | ACC_DPL3, 2);
	for (unsigned cpl = 1; cpl < 4; cpl++) {
		struct state s = through_gate(cpl, gate_call);
		u32 esp = s.esp;

		expect_done("to ring 1", &s, target);
		expect("cs", s.cs, CODE1);
		expect("esp", s.esp, cpl == 1 ? esp - 8 : main_tss.t.esp1 - 24);
	}
	/* There and back again: RETF 8 frees both copies of the parameters. */
	gdt_gate(S_GATE, CODE0, (u32)retf_8, GATE_CALL32 | ACC_DPL3, 2);
	struct state s = through_gate(3, gate_call);

	s.esp -= 8;
	expect_done("there and back", &s, gate_call_end);
	expect("cs", s.cs, CODE3);
	expect("esp", s.esp, RUN_STACK_TOP);
	gdt_gate(S_GATE, CODE3 & ~3, (u32)target, GATE_CALL32 | ACC_DPL3, 0);
	s = through_gate(3, gate_jump);
	expect_done("jump, same level", &s, target);
	expect("cs", s.cs, CODE3);
}

/* A conforming target: no stack switch, CPL stays. */
static void call_gates_conforming(void)
{
	struct state s;

	descriptors();
	gdt_gate(S_GATE, S_CONF, (u32)target, GATE_CALL32 | ACC_DPL3, 2);
	s = through_gate(3, gate_call);
	expect_done("conforming", &s, target);
	expect("cs", s.cs, S_CONF | 3);
	expect("esp", s.esp, RUN_STACK_TOP - 8);
	s = through_gate(3, gate_jump);
	expect_done("jump, conforming", &s, target);
	expect("esp", s.esp, RUN_STACK_TOP);
}

static void call_gates16(void)
{
	struct state s;

	descriptors();
	gdt_gate(S_GATE, S_LOW0, (u32)target - LOW, GATE_CALL16 | ACC_DPL3, 3);
	s = through_gate(3, gate_call - LOW);
	s.cs = S_LOW3 | 3;
	s.esp -= 16;
	u32 esp = s.esp;

	for (unsigned i = 0; i < 8; i++)
		((u16 *)esp)[i] = (u16)(0x2000 + i);
	expect_done("call", &s, target - LOW);
	const u16 *w = (const u16 *)s.esp;

	expect("esp", s.esp, main_tss.t.esp0 - 8 - 2 * 3);
	expect("pushed ip", w[0], (u32)gate_call_end - LOW);
	expect("pushed cs", w[1], S_LOW3 | 3);
	for (unsigned i = 0; i < 3; i++)
		expect("parameter", w[2 + i], 0x2000 + i);
	expect("pushed sp", w[5], esp & 0xffff);
	expect("pushed ss", w[6], DATA3);
	/* Same level. */
	gdt_gate(S_GATE, S_LOW3, (u32)target - LOW, GATE_CALL16 | ACC_DPL3, 3);
	s = through_gate(3, gate_call - LOW);
	s.cs = S_LOW3 | 3;
	expect_done("same level", &s, target - LOW);
	expect("esp", s.esp, RUN_STACK_TOP - 4);
}

static void call_gate_errors(void)
{
	static const struct {
		const char *name;
		bool jump;
		u16 target;
		u8 access;
		unsigned rpl;
		u32 vector, error;
	} cases[] = {
		{"gate DPL below CPL", false, CODE0, GATE_CALL32 | ACC_DPL2, 3, V_GP, S_GATE},
		{"gate not present", false, CODE0, (GATE_CALL32 | ACC_DPL3) & ~ACC_P, 3, V_NP,
	         S_GATE},
		{"code null", false, 0, GATE_CALL32 | ACC_DPL3, 3, V_GP, 0},
		{"data for code", false, DATA0, GATE_CALL32 | ACC_DPL3, 3, V_GP, DATA0},
		{"code beyond the GDT", false, GDT_ENTRIES * 8, GATE_CALL32 | ACC_DPL3, 3, V_GP,
	         GDT_ENTRIES * 8},
		{"code not present", false, S_NPCODE, GATE_CALL32 | ACC_DPL3, 3, V_NP, S_NPCODE},
		{"jump to an inner ring", true, CODE0, GATE_CALL32 | ACC_DPL3, 3, V_GP, CODE0},
		{"an interrupt gate", false, CODE0, GATE_INT32 | ACC_DPL3, 3, V_GP, S_GATE},
	};

	descriptors();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const u8 *code = cases[i].jump ? gate_jump : gate_call;
		struct state s = through_gate(3, code);

		gdt_gate(S_GATE, cases[i].target, (u32)target, cases[i].access, 0);
		expect_trap(cases[i].name, &s, cases[i].vector, cases[i].error, code);
	}
	/* RPL counts: ring 1 with RPL 3 and a gate of DPL 2. */
	gdt_gate(S_GATE, CODE0, (u32)target, GATE_CALL32 | ACC_DPL2, 0);
	struct state s = through_gate(1, gate_call);

	pointer.sel = S_GATE | 3;
	expect_trap("RPL above the gate's DPL", &s, V_GP, S_GATE, gate_call);
	/* From ring 0 to ring 3 no gate leads. */
	gdt_gate(S_GATE, CODE3 & ~3, (u32)target, GATE_CALL32 | ACC_DPL3, 0);
	s = through_gate(0, gate_call);
	expect_trap("outward", &s, V_GP, CODE3 & ~3u, gate_call);
}

/* --- IRET --- */

CODE(iretd_code, "iretd");
CODE(iretw_code, ".byte 0x66, 0xcf");
CODE(iret_flags, "iretd\n 1: pushfd\n pop eax");

static void push32(struct state *s, u32 v)
{
	s->esp -= 4;
	*(u32 *)s->esp = v;
}

static void push16(struct state *s, u16 v)
{
	s->esp -= 2;
	*(u16 *)s->esp = v;
}

/* Which flags it changes, by CPL and IOPL. */
static void iret_eflags(void)
{
	for (unsigned cpl = 0; cpl < 4; cpl++)
		for (unsigned level = 0; level < 4; level++) {
			struct state s = at_cpl(cpl, iret_flags);
			u32 image = 2 | CF | DF | OF | IF | IOPL3 | AC | ID, want = image;

			s.eflags = 2 | level << 12;
			push32(&s, image);
			push32(&s, s.cs);
			push32(&s, (u32)iret_flags + 1);
			if (cpl)
				want = (want & ~(u32)IOPL3) | level << 12;
			if (cpl > level)
				want &= ~(u32)IF;
			expect_done("iretd", &s, iret_flags_end);
			expect("eflags", s.eax, want);
		}
}

static void iret_outward(void)
{
	for (unsigned to = 1; to < 4; to++) {
		static const u16 codes[] = {CODE0, CODE1, CODE2, CODE3};
		static const u16 datas[] = {DATA0, DATA1, DATA2, DATA3};
		struct state s = at_cpl(0, iretd_code);

		push32(&s, datas[to]);
		push32(&s, (u32)scratch + 512);
		push32(&s, 2 | ZF | IOPL3);
		push32(&s, codes[to]);
		push32(&s, (u32)nothing);
		s.ds = s.es = s.fs = DATA0;
		s.gs = DATA3;
		expect_done("iretd", &s, nothing_end);
		expect("cs", s.cs, codes[to]);
		expect("ss", s.ss, datas[to]);
		expect("esp", s.esp, (u32)scratch + 512);
		expect("eflags", s.eflags, 2 | ZF | IOPL3);
		expect("ds", s.ds, 0);
		expect("es", s.es, 0);
		expect("fs", s.fs, 0);
		expect("gs", s.gs, DATA3);
	}
}

/* 16-bit: only the low half of EIP, EFLAGS; ESP too on the way out. */
static void iret16(void)
{
	struct state s;

	descriptors();
	s = at_cpl(0, iretw_code - LOW);
	s.cs = S_LOW0;
	s.eflags = 2 | AC | ID;
	push16(&s, 2 | CF | DF);
	push16(&s, S_LOW0);
	push16(&s, (u16)((u32)nothing - LOW));
	expect_done("same level", &s, nothing_end - LOW);
	expect("esp", s.esp, RUN_STACK_TOP);
	expect("eflags", s.eflags, 2 | CF | DF | AC | ID);
	/* With a 16-bit stack outside the upper half of ESP stays the inner one's. */
	for (unsigned wide = 0; wide < 2; wide++) {
		gdt_set(S_STACK3, 0, 0xfffff, ACC_DATAW | ACC_DPL3, DESC_G | (wide ? DESC_B : 0));
		s = at_cpl(0, iretw_code - LOW);
		s.cs = S_LOW0;
		push16(&s, S_STACK3 | 3);
		push16(&s, 0x8000);
		push16(&s, 2 | CF);
		push16(&s, S_LOW3 | 3);
		push16(&s, (u16)((u32)nothing - LOW));
		expect_done("outward", &s, nothing_end - LOW);
		expect("cs", s.cs, S_LOW3 | 3);
		expect("esp", s.esp, (wide ? 0 : RUN_STACK_TOP & 0xffff0000) | 0x8000);
	}
}

/* The return address is checked against the limit of the new segment. */
static void iret_limit(void)
{
	struct state s;

	descriptors();
	s = at_cpl(0, iretd_code);
	push32(&s, 2);
	push32(&s, S_LOW0);
	push32(&s, 0x10000);
	expect_trap("eip beyond the limit", &s, V_GP, 0, iretd_code);
	s = at_cpl(0, gate_jump);
	pointer.offset = 0x10000;
	pointer.sel = S_LOW0;
	s.ebx = (u32)&pointer;
	expect_trap("far jump beyond the limit", &s, V_GP, 0, gate_jump);
	gdt_gate(S_GATE, S_LOW0, 0x10000, GATE_CALL32 | ACC_DPL3, 0);
	s = through_gate(0, gate_call);
	expect_trap("call gate beyond the limit", &s, V_GP, 0, gate_call);
	idt_set(VECTOR, S_LOW0, 0x10000, GATE_INT32 | ACC_DPL3);
	s = at_cpl(0, int_code);
	expect_trap("interrupt gate beyond the limit", &s, V_GP, 0, int_code);
	idt_default(VECTOR);
}

static const struct test tests[] = {
	{"int-gates", "SDM vol. 3, 6.12.1", int_gates},
	{"int-rings", "SDM vol. 3, 6.12.1.1", int_rings},
	{"gate-errors", "SDM vol. 3, 6.13; vol. 2, INT n", gate_errors},
	{"idt-limit", "SDM vol. 2, INT n", idt_limit},
	{"inner-stacks", "SDM vol. 3, 6.15, interrupt 10", inner_stacks},
	{"gates16", "SDM vol. 3, 21.4", gates16},
	{"call-gates", "SDM vol. 3, 5.8.3 to 5.8.5", call_gates},
	{"call-gates-conforming", "SDM vol. 2, CALL", call_gates_conforming},
	{"call-gates16", "SDM vol. 3, 21.4", call_gates16},
	{"call-gate-errors", "SDM vol. 2, CALL", call_gate_errors},
	{"iret-eflags", "SDM vol. 2, IRET", iret_eflags},
	{"iret-outward", "SDM vol. 2, IRET", iret_outward},
	{"iret16", "SDM vol. 2, IRET", iret16},
	{"iret-limit", "SDM vol. 2, IRET, JMP, CALL, INT n", iret_limit},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
