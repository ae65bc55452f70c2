/* The sensitive instructions that are not privileged (Robin and Irvine, 2000), at CPL 0 and 3:
 * the guest must see its own tables, flags and selectors, never those of what it runs on. */
#include "rt/rt.h"

struct table {
	u16 limit;
	u32 base;
} __attribute__((packed));

enum {
	S_LDT = SEL_FREE,
	S_DATA3 = SEL_FREE + 8,
	S_CONF = SEL_FREE + 16,
	S_NP = SEL_FREE + 24,
	S_GATE = SEL_FREE + 32,
	S_XO = SEL_FREE + 40,
	S_BYTES = SEL_FREE + 48
};

static void setup(void)
{
	gdt_set(S_LDT, (u32)gdt, sizeof(gdt) - 1, ACC_LDT, 0);
	gdt_set(S_DATA3, 0, 0xfffff, ACC_DATA | ACC_DPL3, DESC_G | DESC_B);
	gdt_set(S_CONF, 0, 0xfffff, ACC_CONFR, DESC_G | DESC_B);
	gdt_set(S_NP, 0x123, 0x4567, (ACC_DATAW | ACC_DPL3) & ~ACC_P, 0);
	gdt_gate(S_GATE, CODE0, 0, GATE_CALL32 | ACC_DPL3, 0);
	gdt_set(S_XO, 0, 0xfffff, ACC_CODE | ACC_DPL3, DESC_G | DESC_B);
	gdt_set(S_BYTES, 0, 0x12345, ACC_DATAW | ACC_DPL3, DESC_B);
	asm volatile("lldt %w0" : : "r"(S_LDT));
}

CODE(sgdt_code, "sgdt [ebx]");
CODE(sidt_code, "sidt [ebx]");
CODE(sldt_mem, "sldt [ebx]");
CODE(sldt_reg, "sldt eax");
CODE(sldt_16, "sldt ax");
CODE(str_mem, "str [ebx]");
CODE(str_reg, "str eax");
CODE(smsw_mem, "smsw [ebx]");
CODE(smsw_reg, "smsw ax");

static void tables(void)
{
	setup();
	for (unsigned cpl = 0; cpl < 4; cpl += 3) {
		struct table t[2];
		struct state s = at_cpl(cpl, sgdt_code);

		memset(t, 0xee, sizeof(t));
		s.ebx = (u32)t;
		expect_done("sgdt", &s, sgdt_code_end);
		expect("gdt base", t[0].base, (u32)gdt);
		expect("gdt limit", t[0].limit, sizeof(gdt) - 1);
		expect("six bytes", t[1].limit, 0xeeee);
		s = at_cpl(cpl, sidt_code);
		s.ebx = (u32)t;
		expect_done("sidt", &s, sidt_code_end);
		expect("idt base", t[0].base, (u32)idt);
		expect("idt limit", t[0].limit, sizeof(idt) - 1);
		s = at_cpl(cpl, sldt_mem);
		memset(t, 0xee, sizeof(t));
		s.ebx = (u32)t;
		expect_done("sldt", &s, sldt_mem_end);
		expect("sldt to memory: a word", *(u32 *)t, 0xeeee0000 | S_LDT);
		s = at_cpl(cpl, sldt_reg);
		expect_done("sldt", &s, sldt_reg_end);
		expect("sldt to a register", s.eax & 0xffff, S_LDT);
		s = at_cpl(cpl, sldt_16);
		expect_done("sldt", &s, sldt_16_end);
		expect("sldt to 16 bits", s.eax, 0xa0a10000 | S_LDT);
		s = at_cpl(cpl, str_reg);
		expect_done("str", &s, str_reg_end);
		expect("str", s.eax & 0xffff, TSS_MAIN);
		s = at_cpl(cpl, str_mem);
		memset(t, 0xee, sizeof(t));
		s.ebx = (u32)t;
		expect_done("str", &s, str_mem_end);
		expect("str to memory: a word", *(u32 *)t, 0xeeee0000 | TSS_MAIN);
		for (u32 ts = 0; ts < 2; ts++) {
			u32 cr0 = read_cr0();

			write_cr0(ts ? cr0 | CR0_TS : cr0 & ~(u32)CR0_TS);
			s = at_cpl(cpl, smsw_reg);
			expect_done("smsw", &s, smsw_reg_end);
			expect("smsw", s.eax, 0xa0a10000 | (read_cr0() & 0xffff));
			s = at_cpl(cpl, smsw_mem);
			memset(t, 0xee, sizeof(t));
			s.ebx = (u32)t;
			expect_done("smsw", &s, smsw_mem_end);
			expect("smsw to memory: a word", *(u32 *)t,
			       0xeeee0000 | (read_cr0() & 0xffff));
			write_cr0(cr0);
		}
	}
	asm volatile("lldt %w0" : : "r"(0));
}

CODE(pushf_code, "pushfd\n pop eax");
CODE(pushf16_code, "pushf\n pop ax");

/* PUSHF shows IF and IOPL as they are for the guest. */
static void pushf(void)
{
	for (unsigned cpl = 0; cpl < 4; cpl++)
		for (u32 level = 0; level < 4; level++)
			for (u32 on = 0; on < 2; on++) {
				struct state s = at_cpl(cpl, pushf_code);
				u32 f = 2 | level << 12 | (on ? IF : 0) | CF | AC | ID | NT;

				s.eflags = f;
				expect_done("pushfd", &s, pushf_code_end);
				expect("eflags", s.eax, f);
				s = at_cpl(cpl, pushf16_code);
				s.eflags = f;
				expect_done("pushf", &s, pushf16_code_end);
				expect("flags", s.eax, 0xa0a10000 | (f & 0xffff));
			}
}

CODE(lar_code, "lar eax, ecx");
CODE(lar16_code, "lar ax, cx");
CODE(lsl_code, "lsl eax, ecx");
CODE(verr_code, "verr cx");
CODE(verw_code, "verw cx");

static void look_ups(void)
{
	static const struct {
		const char *name;
		u32 sel;
		unsigned cpl;
		bool lar, lsl, verr, verw;
		u32 limit;
	} cases[] = {
		{"kernel code at 0", CODE0, 0, true, true, true, false, ~0u},
		{"kernel code at 3", CODE0, 3, false, false, false, false, 0},
		{"kernel data at 0", DATA0, 0, true, true, true, true, ~0u},
		{"kernel data at 0, RPL 3", DATA0 | 3, 0, false, false, false, false, 0},
		{"user data at 3", DATA3, 3, true, true, true, true, ~0u},
		{"user read-only at 3", S_DATA3 | 3, 3, true, true, true, false, ~0u},
		{"user execute-only at 3", S_XO | 3, 3, true, true, false, false, ~0u},
		{"conforming at 3", S_CONF | 3, 3, true, true, true, false, ~0u},
		{"byte limit", S_BYTES | 3, 3, true, true, true, true, 0x12345},
		{"not present", S_NP | 3, 3, true, true, true, true, 0x4567},
		{"call gate", S_GATE | 3, 3, true, false, false, false, 0},
		{"ldt", S_LDT, 0, true, true, false, false, sizeof(gdt) - 1},
		{"tss", TSS_MAIN, 0, true, true, false, false, sizeof(main_tss.t) - 1},
		{"tss at 3", TSS_MAIN | 3, 3, false, false, false, false, 0},
		{"null", 0, 0, false, false, false, false, 0},
		{"beyond the limit", GDT_ENTRIES * 8, 0, false, false, false, false, 0},
	};

	setup();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		u32 high = cases[i].sel < GDT_ENTRIES * 8 ? (u32)(gdt[cases[i].sel >> 3] >> 32) : 0;
		struct state s = at_cpl(cases[i].cpl, lar_code);

		s.ecx = 0xffff0000 | cases[i].sel;
		s.eflags = 2 | CF | OF | (cases[i].lar ? 0 : ZF);
		expect_done(cases[i].name, &s, lar_code_end);
		expect("lar: ZF", !!(s.eflags & ZF), cases[i].lar);
		expect("lar: other flags", s.eflags & (CF | OF), CF | OF);
		/* Bits 16 to 19 are undefined. */
		expect(cases[i].name, cases[i].lar ? s.eax & 0xfff0ffff : s.eax,
		       cases[i].lar ? high & 0x00f0ff00 : 0xa0a1a2a3);
		s = at_cpl(cases[i].cpl, lar16_code);
		s.ecx = cases[i].sel;
		expect_done(cases[i].name, &s, lar16_code_end);
		expect(cases[i].name, s.eax,
		       cases[i].lar ? 0xa0a10000 | (high & 0xff00) : 0xa0a1a2a3);
		s = at_cpl(cases[i].cpl, lsl_code);
		s.ecx = cases[i].sel;
		expect_done(cases[i].name, &s, lsl_code_end);
		expect("lsl: ZF", !!(s.eflags & ZF), cases[i].lsl);
		expect(cases[i].name, s.eax, cases[i].lsl ? cases[i].limit : 0xa0a1a2a3);
		s = at_cpl(cases[i].cpl, verr_code);
		s.ecx = cases[i].sel;
		expect_done(cases[i].name, &s, verr_code_end);
		if (!!(s.eflags & ZF) != cases[i].verr)
			fail("verr of %s: ZF %u", cases[i].name, !cases[i].verr);
		s = at_cpl(cases[i].cpl, verw_code);
		s.ecx = cases[i].sel;
		expect_done(cases[i].name, &s, verw_code_end);
		if (!!(s.eflags & ZF) != cases[i].verw)
			fail("verw of %s: ZF %u", cases[i].name, !cases[i].verw);
	}
	asm volatile("lldt %w0" : : "r"(0));
}

CODE(push_all, "push es\n push cs\n push ss\n push ds\n push fs\n push gs");
CODE(mov_all, "mov eax, es\n mov ecx, cs\n mov edx, ss\n mov ebp, ds\n mov esi, fs\n mov edi, gs");
CODE(mov_mem, "mov [ebx], cs");
CODE(push_16, ".byte 0x66\n push fs");

/* The selectors that the guest loaded, with their RPL: CS and SS show the guest's CPL. */
static void selectors(void)
{
	setup();
	for (unsigned cpl = 0; cpl < 4; cpl++) {
		struct state s = at_cpl(cpl, push_all), in;

		s.fs = S_DATA3 | cpl;
		s.gs = 0;
		in = s;
		memset((u8 *)s.esp - 24, 0, 24);
		expect_done("push", &s, push_all_end);
		const u32 *w = (const u32 *)s.esp;

		expect("esp", s.esp, in.esp - 24);
		expect("es", w[5] & 0xffff, in.es);
		expect("cs", w[4] & 0xffff, in.cs);
		expect("ss", w[3] & 0xffff, in.ss);
		expect("ds", w[2] & 0xffff, in.ds);
		expect("fs", w[1] & 0xffff, in.fs);
		expect("gs", w[0] & 0xffff, in.gs);
		s = at_cpl(cpl, mov_all);
		s.fs = S_DATA3 | cpl;
		expect_done("mov", &s, mov_all_end);
		expect("es", s.eax, in.es);
		expect("cs", s.ecx, in.cs);
		expect("ss", s.edx, in.ss);
		expect("ds", s.ebp, in.ds);
		expect("fs", s.esi, in.fs);
		u32 word = 0xeeeeeeee;

		s = at_cpl(cpl, mov_mem);
		s.ebx = (u32)&word;
		expect_done("mov to memory", &s, mov_mem_end);
		expect("a word", word, 0xeeee0000 | in.cs);
		s = at_cpl(cpl, push_16);
		expect_done("push 16", &s, push_16_end);
		expect("two bytes", s.esp, RUN_STACK_TOP - 2);
	}
	asm volatile("lldt %w0" : : "r"(0));
}

CODE(int_code, "mov ecx, 5\n int 0x80\n nop");
static u32 calls, call_cs;
static bool on_call(struct frame *f)
{
	if (f->vector != V_SYSCALL)
		return false;
	calls++;
	call_cs = f->cs;
	f->ecx++;
	return true;
}

/* INT n runs the guest's handler; far CALL, JMP, RET and IRET are in rings.c and gates.c. */
static void interrupts(void)
{
	trap_hook = on_call;
	for (unsigned cpl = 0; cpl < 4; cpl++)
		for (u32 i = 0; i < 20; i++) {
			struct state s = at_cpl(cpl, int_code);
			u32 cs = s.cs;

			calls = 0;
			expect_done("int 80h", &s, int_code_end);
			expect("calls", calls, 1);
			expect("cs", call_cs, cs);
			expect("ecx", s.ecx, 6);
			expect("esp", s.esp, RUN_STACK_TOP);
		}
}

static const struct test tests[] = {
	{"tables", "SDM vol. 2, SGDT SIDT SLDT STR SMSW", tables},
	{"pushf", "SDM vol. 2, PUSHF", pushf},
	{"look-ups", "SDM vol. 2, LAR LSL VERR", look_ups},
	{"selectors", "SDM vol. 2, MOV and PUSH", selectors},
	{"interrupts", "SDM vol. 2, INT n", interrupts},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
