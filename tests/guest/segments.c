/* Segments that are not flat: bases, limits, expand-down, read-only, execute-only, 16-bit code
 * and stacks, 16-bit addressing, far pointers. */
#include "rt/rt.h"

enum {
	S_A = (SEL_FREE) | 3, /* set by each test */
	S_B = (SEL_FREE + 8) | 3,
	S_C16 = (SEL_FREE + 16) | 3, /* 16-bit code, base 1 MiB */
	S_C32 = (SEL_FREE + 24) | 3, /* 32-bit code, base 1 MiB, limit 64 KiB */
	S_S16 = (SEL_FREE + 32) | 3, /* 16-bit stack at stack16 */
	S_XO = (SEL_FREE + 40) | 3,
	LOW = 0x100000,
	DPL3_DATAW = ACC_DATAW | ACC_DPL3,
	V_NONE = V_DONE,
};

static u8 area[0x12000] __attribute__((aligned(4096)));
static u8 stack16[0x10000] __attribute__((aligned(4096)));

CODE(load8, "mov al, ds:[ebx]");
CODE(load16, "mov ax, ds:[ebx]");
CODE(load32, "mov eax, ds:[ebx]");
CODE(store32, "mov ds:[ebx], eax");
CODE(store8, "mov ds:[ebx], al");
CODE(rmw32, "add dword ptr ds:[ebx], 1");
CODE(load_es, "mov eax, es:[ebx]");
CODE(load_fs, "mov eax, fs:[ebx]");
CODE(load_gs, "mov eax, gs:[ebx]");
CODE(load_ss, "mov eax, ss:[ebx]");
CODE(load_ebp, "mov eax, [ebp]");
CODE(load_cs, "mov eax, cs:[ebx]");
CODE(store_cs, "mov cs:[ebx], eax");
CODE(lea_fs, "lea eax, fs:[ebx+5]");
CODE(fld_ds, "fld qword ptr ds:[ebx]");
CODE(movs_fs, "fs lodsd");
CODE(push_ss, "push eax");
CODE(pop_ss, "pop eax");
CODE(nothing, "nop");

static void word_at(u32 off, u32 v)
{
	*(u32 *)(area + off) = v;
}

/* --- bases --- */

static void bases(void)
{
	static const u32 steps[] = {0, 1, 0x10, 0xfff, 0x1000, 0x2345};

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		u32 base = (u32)area + steps[i];

		gdt_set(S_A & ~7, base, 0xfffff, DPL3_DATAW, DESC_G | DESC_B);
		word_at(steps[i] + 0x20, 0xcafe0000 + i);
		static u8 *const code[] = {load32, load_es, load_fs, load_gs};

		for (unsigned k = 0; k < 4; k++) {
			struct state s = at_cpl(3, code[k]);

			s.ebx = 0x20;
			*(k == 0 ? &s.ds : k == 1 ? &s.es : k == 2 ? &s.fs : &s.gs) = S_A;
			cpu_run(&s);
			expect("vector", s.vector, V_DONE);
			expect("value", s.eax, 0xcafe0000 + i);
		}
		struct state s = at_cpl(3, lea_fs);

		s.fs = S_A;
		s.ebx = 0x20;
		expect_done("lea", &s, lea_fs_end);
		expect("lea takes no base", s.eax, 0x25);
		s = at_cpl(3, movs_fs);
		s.fs = S_A;
		s.esi = 0x20;
		expect_done("lods", &s, movs_fs_end);
		expect("lods", s.eax, 0xcafe0000 + i);
		/* The sum wraps at 4 GiB. */
		gdt_set(S_B & ~7, base + 0x1000, 0xfffff, DPL3_DATAW, DESC_G | DESC_B);
		s = at_cpl(3, load32);
		s.ds = S_B;
		s.ebx = 0x20 - 0x1000;
		expect_done("wrap", &s, load32_end);
		expect("wrap", s.eax, 0xcafe0000 + i);
	}
	/* A base near the top. */
	gdt_set(S_A & ~7, 0xfffff000, 0xfffff, DPL3_DATAW, DESC_G | DESC_B);
	struct state s = at_cpl(3, load32);

	word_at(0x40, 0x5eed5eed);
	s.ds = S_A;
	s.ebx = (u32)area + 0x40 + 0x1000;
	expect_done("a base of FFFFF000h", &s, load32_end);
	expect("value", s.eax, 0x5eed5eed);
	/* Changed and reloaded many times, as percpu segments are. */
	for (u32 i = 0; i < 200; i++) {
		gdt_set(S_A & ~7, (u32)area + 64 * (i % 100), 0xfffff, DPL3_DATAW, DESC_G | DESC_B);
		word_at(64 * (i % 100), i);
		s = at_cpl(3, load_fs);
		s.fs = S_A;
		s.ebx = 0;
		expect_done("fs", &s, load_fs_end);
		expect("fs", s.eax, i);
	}
}

/* --- limits --- */

/* Vector and error of one access. */
static void try_one(const char *what, const u8 *code, u32 off, u32 vector)
{
	struct state s = at_cpl(3, code);

	s.ds = S_A;
	s.ebx = off;
	if (vector == V_NONE) {
		cpu_run(&s);
		if (s.vector != V_DONE)
			fail("%s at %h: vector %u", what, off, s.vector);
	} else {
		expect_trap(what, &s, vector, 0, code);
	}
}

static void limits(void)
{
	gdt_set(S_A & ~7, (u32)area, 0x10fff, DPL3_DATAW, DESC_B);
	try_one("byte, last", load8, 0x10fff, V_NONE);
	try_one("byte, beyond", load8, 0x11000, V_GP);
	try_one("word, last", load16, 0x10ffe, V_NONE);
	try_one("word, straddling", load16, 0x10fff, V_GP);
	try_one("dword, last", load32, 0x10ffc, V_NONE);
	for (u32 k = 1; k < 4; k++) {
		try_one("dword, straddling", load32, 0x10ffc + k, V_GP);
		try_one("store, straddling", store32, 0x10ffc + k, V_GP);
		try_one("read-modify-write, straddling", rmw32, 0x10ffc + k, V_GP);
	}
	try_one("far beyond", load32, 0x80000000, V_GP);
	try_one("the top", load8, 0xffffffff, V_GP);
	try_one("wrapping", load32, 0xfffffffe, V_GP);
	/* Limit of one byte, and of 0 with pages. */
	gdt_set(S_A & ~7, (u32)area, 0, DPL3_DATAW, DESC_B);
	try_one("the only byte", load8, 0, V_NONE);
	try_one("a word in one byte", load16, 0, V_GP);
	try_one("second byte", store8, 1, V_GP);
	gdt_set(S_A & ~7, (u32)area, 0, DPL3_DATAW, DESC_G | DESC_B);
	try_one("page limit, last byte", load8, 4095, V_NONE);
	try_one("page limit, last dword", store32, 4092, V_NONE);
	try_one("page limit, beyond", load8, 4096, V_GP);
	try_one("page limit, straddling", store32, 4093, V_GP);
	/* x87 operands are as long as they are. */
	asm volatile("clts; fninit");
	try_one("qword, last", fld_ds, 4088, V_NONE);
	try_one("qword, straddling", fld_ds, 4089, V_GP);
	asm volatile("fninit");
	/* Stack segment: #SS. */
	gdt_set(S_A & ~7, 0, (u32)run_stack >> 12, DPL3_DATAW, DESC_G | DESC_B);
	struct state s = at_cpl(3, load_ss);

	s.ss = S_A;
	s.ebx = ((u32)run_stack & ~0xfffu) + 0x1000;
	expect_trap("ss beyond", &s, V_SS, 0, load_ss);
	s = at_cpl(3, load_ebp);
	s.ss = S_A;
	s.ebp = ((u32)run_stack & ~0xfffu) + 0x1000;
	expect_trap("[ebp] beyond", &s, V_SS, 0, load_ebp);
	s = at_cpl(3, pop_ss);
	s.ss = S_A;
	s.esp = ((u32)run_stack & ~0xfffu) + 0xffe;
	expect_trap("pop beyond", &s, V_SS, 0, pop_ss);
	s = at_cpl(3, push_ss);
	s.ss = S_A;
	s.esp = ((u32)run_stack & ~0xfffu) + 0x1002;
	expect_trap("push beyond", &s, V_SS, 0, push_ss);
	s = at_cpl(3, push_ss);
	s.ss = S_A;
	s.esp = ((u32)run_stack & ~0xfffu) + 0x1000;
	expect_done("push, last", &s, push_ss_end);
}

/* --- what the code before has shown --- */

/* Runs to its end but for the last instruction, which is beyond the limit of 64 KiB. */
#define BEYOND(X)                                                                                  \
	X(down, 0x78, 0, ".rept 30\n push eax\n .endr", "push eax")                                \
	X(sub, 0x78, 0, "push eax\n sub esp, 0x70\n push eax", "push eax")                         \
	X(sub_32, 0x178, 0, "push eax\n sub esp, 0x170\n push eax", "push eax")                    \
	X(pusha, 0x40, 0, "pusha\n pusha", "push eax")                                             \
	X(above, 0x10000, 0, "push eax\n mov ebp, esp\n mov eax, [ebp]", "mov eax, [ebp + 4]")     \
	X(straddle, 0x10000, 0, "push eax\n mov ebp, esp\n mov [ebp], eax", "mov [ebp + 1], eax")  \
	X(pop, 0x10000, 0, "push eax\n pop eax", "pop eax")                                        \
	X(ret, 0x10000, 0, "push eax\n pop eax\n mov eax, [esp - 4]", "ret")                       \
	X(add, 0x10000, 0, "push eax\n add esp, 4", "mov eax, [esp]")                              \
	X(add_32, 0x8000, 0, "push eax\n add esp, 0x8004", "mov eax, [esp]")                       \
	X(sub_minus, 0xfffc, 0, "mov eax, [esp]\n sub esp, -4", "mov eax, [esp]")                  \
	X(lea, 0x8000, 0, "push eax\n lea esp, [esp + 0x8004]", "pop eax")                         \
	X(lea_ebp, 0xfff0, 0, "push eax\n lea ebp, [esp + 0x14]", "mov [ebp], eax")                \
	X(lea_index, 0x8000, 0x8000, "mov eax, [ebp]\n lea ebp, [ebp + 8 * esi]",                  \
	  "mov eax, [ebp]")                                                                        \
	X(lea_other, 0x8000, 0x8000, "mov eax, [ebp]\n lea ebp, [esi + 4]", "mov eax, [ebp]")      \
	X(mov, 0x8000, 0x8000, "mov eax, [ebp]\n mov ebp, esi", "mov eax, [ebp]")                  \
	X(mov_16, 0x8000, 0x8000, "mov eax, [ebp]\n mov bp, 0xffff", "mov eax, [ebp]")             \
	X(mov_imm, 0x8000, 0x8000, "mov eax, [ebp]\n mov ebp, 0x20000", "mov eax, [ebp]")          \
	X(mov_esp, 0x8000, 0, "push eax\n mov esp, esi", "pop eax")                                \
	X(load, 0x8000, 0x8000, "mov [ebp], esi\n mov ebp, [ebp]", "mov eax, [ebp]")               \
	X(movzx, 0x8000, 0x8000, "mov [ebp], esi\n movzx ebp, word ptr [ebp]",                     \
	  "mov eax, [ebp + 1]")                                                                    \
	X(xchg, 0x8000, 0x8000, "mov eax, [ebp]\n xchg ebp, esi", "mov eax, [ebp]")                \
	X(xchg_eax, 0x8000, 0x8000, "mov ecx, [ebp]\n xchg eax, ebp", "mov eax, [ebp]")            \
	X(inc, 0xfffc, 0xfffc, "mov eax, [ebp]\n inc ebp", "mov eax, [ebp]")                       \
	X(add_ebp, 0xfffc, 0xfffc, "mov eax, [ebp]\n add ebp, 1", "mov eax, [ebp]")                \
	X(add_esi, 0x8000, 0x8000, "mov eax, [ebp]\n add ebp, esi", "mov eax, [ebp]")              \
	X(bswap, 0x8000, 0x8000, "mov eax, [ebp]\n bswap ebp", "mov eax, [ebp]")                   \
	X(shl, 0x8000, 0x8000, "mov eax, [ebp]\n shl ebp, 1", "mov eax, [ebp]")                    \
	X(pop_ebp, 0x8000, 0x8000, "mov eax, [ebp]\n push esi\n pop ebp", "mov eax, [ebp]")        \
	X(pop_esp, 0x8000, 0x8000, "push esi\n pop esp", "pop eax")                                \
	X(leave, 0x8000, 0xfffc, "mov [ebp], esi\n leave", "pop eax")                              \
	X(leave_ebp, 0x8000, 0x8000, "mov [ebp], esi\n leave", "mov eax, [ebp]")                   \
	X(call, 0x8000, 0x8000,                                                                    \
	  "mov eax, [ebp]\n call 1f\n jmp 2f\n 1: mov ebp, esi\n ret\n 2:", "mov eax, [ebp]")      \
	X(call_on, 0x8000, 0x8000, "jmp 2f\n 1: mov ebp, esi\n ret\n 2: mov eax, [ebp]\n call 1b", \
	  "mov eax, [ebp]")
#define CODE_BEYOND(name, esp, ebp, before, last)                                                  \
	CODE(beyond_##name, before "\nbeyond_" #name "_at: " last);                                \
	LABEL(beyond_##name##_at);
BEYOND(CODE_BEYOND)

CODE(other_ss, "push eax\n mov ss, ecx\n nop\n nop\nother_ss_at: push eax");
LABEL(other_ss_at);

static void expect_beyond(const char *what, struct state *s, const u8 *at)
{
	cpu_run(s);
	if (s->vector != V_SS || s->error || s->eip != (u32)at)
		fail("%s: vector %u error %h at %x, not at %x", what, s->vector, s->error, s->eip,
		     (u32)at);
}

static void known_limits(void)
{
	static const struct {
		const char *name;
		u32 esp, ebp;
		u8 *code, *at;
	} all[] = {
#define ROW_BEYOND(name, esp, ebp, before, last)                                                   \
	{#name, esp, ebp, beyond_##name, beyond_##name##_at},
		BEYOND(ROW_BEYOND)};

	gdt_set(S_A & ~7, (u32)area, 0xffff, DPL3_DATAW, DESC_B);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct state s = at_cpl(3, all[i].code);

		s.ss = S_A;
		s.esp = all[i].esp;
		s.ebp = all[i].ebp;
		s.esi = 0x1ffff;
		expect_beyond(all[i].name, &s, all[i].at);
	}
	gdt_set(S_B & ~7, (u32)area, 0xfff, DPL3_DATAW, DESC_B);
	struct state s = at_cpl(3, other_ss);

	s.ss = S_A;
	s.esp = 0x8000;
	s.ecx = S_B;
	expect_beyond("other SS", &s, other_ss_at);
}

/* Between accesses by one segment others, and what the translator may do with its registers. */
CODE(bases_turn, "mov eax, ds:[ebx]\n mov ecx, es:[ebx]\n push eax\n mov edx, es:[ebx]\n"
                 "pop eax\n add eax, ds:[ebx]\n add ecx, fs:[ebx]\n add edx, fs:[ebx]");
CODE(bases_call, "mov eax, fs:[ebx]\n call 1f\n add eax, fs:[ebx]\n jmp 2f\n1: ret\n2:");
CODE(bases_string, "mov eax, fs:[ebx]\n movsd\n add eax, fs:[ebx]\n lock cmpxchg8b fs:[ebx]\n"
                   "add eax, fs:[ebx]");
CODE(bases_load, "mov eax, fs:[ebx]\n mov fs, ebp\n add eax, fs:[ebx]");

static void known_bases(void)
{
	struct state s = at_cpl(3, bases_turn);

	gdt_set(S_A & ~7, (u32)area, 0xffff, DPL3_DATAW, DESC_B);
	gdt_set(S_B & ~7, (u32)area + 0x100, 0xffff, DPL3_DATAW, DESC_B);
	gdt_set(S_S16 & ~7, (u32)area + 0x200, 0xfffff, DPL3_DATAW, DESC_B | DESC_G);
	word_at(0x20, 1);
	word_at(0x120, 0x10);
	word_at(0x220, 0x100);
	s.ds = s.ss = S_A;
	s.es = S_B;
	s.fs = S_S16;
	s.ebx = 0x20;
	s.esp = 0x8000;
	expect_done("in turn", &s, bases_turn_end);
	expect("eax", s.eax, 2);
	expect("ecx", s.ecx, 0x110);
	expect("edx", s.edx, 0x110);
	s = at_cpl(3, bases_call);
	s.fs = S_A;
	s.ebx = 0x20;
	expect_done("call", &s, bases_call_end);
	expect("eax", s.eax, 2);
	s = at_cpl(3, bases_string);
	s.fs = S_A;
	s.ds = s.es = S_B;
	s.ebx = 0x20;
	s.esi = s.edi = 0x1000;
	expect_done("string", &s, bases_string_end);
	expect("eax", s.eax, 2);
	s = at_cpl(3, bases_load);
	s.fs = S_A;
	s.ebp = S_B;
	s.ebx = 0x20;
	expect_done("load", &s, bases_load_end);
	expect("eax", s.eax, 0x11);
}

/* Offsets above the limit are the valid ones, up to FFFFh or FFFFFFFFh by B. */
static void expand_down(void)
{
	gdt_set(S_A & ~7, (u32)area, 0x0fff, ACC_DOWNW | ACC_DPL3, 0);
	try_one("lowest", load8, 0x1000, V_NONE);
	try_one("below", load8, 0x0fff, V_GP);
	try_one("dword, lowest", store32, 0x1000, V_NONE);
	try_one("dword, below", store32, 0x0ffd, V_GP);
	try_one("zero", load32, 0, V_GP);
	try_one("64 KiB, last", load32, 0xfffc, V_NONE);
	try_one("64 KiB, straddling", load32, 0xfffd, V_GP);
	try_one("64 KiB, beyond", load8, 0x10000, V_GP);
	gdt_set(S_A & ~7, (u32)area, 0x0fff, ACC_DOWNW | ACC_DPL3, DESC_B);
	try_one("B: 64 KiB is no bound", load32, 0x10000, V_NONE);
	try_one("B: below", load8, 0x0fff, V_GP);
	gdt_set(S_A & ~7, (u32)area, 0xffffe, ACC_DOWNW | ACC_DPL3, DESC_G | DESC_B);
	try_one("pages: below", load8, 0xffffefff, V_GP);
	gdt_set(S_A & ~7, (u32)area, 0x0fff, ACC_DOWN | ACC_DPL3, DESC_B);
	try_one("read-only: load", load8, 0x1000, V_NONE);
	try_one("read-only: store", store8, 0x1000, V_GP);
}

static void types(void)
{
	struct state s;

	gdt_set(S_A & ~7, (u32)area, 0xfffff, ACC_DATA | ACC_DPL3, DESC_G | DESC_B);
	try_one("read-only: load", load32, 0, V_NONE);
	try_one("read-only: store", store32, 0, V_GP);
	try_one("read-only: read-modify-write", rmw32, 0, V_GP);
	gdt_set(S_A & ~7, (u32)area, 0xfffff, ACC_CODER | ACC_DPL3, DESC_G | DESC_B);
	try_one("code in ds: load", load32, 0, V_NONE);
	try_one("code in ds: store", store32, 0, V_GP);
	/* CS itself. */
	s = at_cpl(3, load_cs);
	s.ebx = (u32)area;
	word_at(0, 0x1357);
	expect_done("cs: load", &s, load_cs_end);
	expect("cs: load", s.eax, 0x1357);
	s = at_cpl(3, store_cs);
	s.ebx = (u32)area;
	expect_trap("cs: store", &s, V_GP, 0, store_cs);
	gdt_set(S_XO & ~7, 0, 0xfffff, ACC_CODE | ACC_DPL3, DESC_G | DESC_B);
	s = at_cpl(3, load_cs);
	s.cs = S_XO;
	s.ebx = (u32)area;
	expect_trap("execute-only: load", &s, V_GP, 0, load_cs);
	s = at_cpl(3, nothing);
	s.cs = S_XO;
	expect_done("execute-only: run", &s, nothing_end);
	/* A null selector, then a good one again. */
	s = at_cpl(3, load_es);
	s.es = 0;
	s.ebx = (u32)area;
	expect_trap("null", &s, V_GP, 0, load_es);
}

/* --- code limits --- */

CODE(jump_out, "jmp .+0x20000");
CODE(call_out, "call .+0x20000");
CODE(ret_out, "ret");
static void code_limits(void)
{
	struct state s;

	gdt_set(S_C32 & ~7, LOW, 0xffff, ACC_CODER | ACC_DPL3, DESC_B);
	s = at_cpl(3, jump_out - LOW);
	s.cs = S_C32;
	expect_trap("jmp beyond", &s, V_GP, 0, jump_out - LOW);
	s = at_cpl(3, call_out - LOW);
	s.cs = S_C32;
	expect_trap("call beyond", &s, V_GP, 0, call_out - LOW);
	s = at_cpl(3, ret_out - LOW);
	s.cs = S_C32;
	s.esp -= 4;
	*(u32 *)s.esp = 0x12345;
	expect_trap("ret beyond", &s, V_GP, 0, ret_out - LOW);
	/* Running off the end: the instruction after the last whole one. */
	memset(area + 0x1000 - 8, 0x90, 16);
	gdt_set(S_C32 & ~7, (u32)area, 0xfff, ACC_CODER | ACC_DPL3, DESC_B);
	s = at_cpl(3, (void *)0xff8);
	s.cs = S_C32;
	cpu_run(&s);
	expect("running off: vector", s.vector, V_GP);
	expect("running off: eip", s.eip, 0x1000);
	area[0xffe] = 0xb8; /* mov eax, imm32 across the limit */
	s = at_cpl(3, (void *)0xffe);
	s.cs = S_C32;
	expect_trap("instruction across the limit", &s, V_GP, 0, (void *)0xffe);
}

/* --- 16-bit code --- */

/* Assembled as 16-bit code; runs at offset - LOW in S_C16. */
#define CODE16(name, text) CODE(name, ".code16\n" text "\n.code32")

CODE16(c16_regs, "mov ax, 0x1234\n add ax, 0x1000\n inc bx\n mov cl, 5\n shl dx, cl");
CODE16(c16_wide, "mov eax, 0x12345678\n add ebx, eax\n movzx ecx, ax");
CODE16(c16_bxsi, "mov ax, [bx+si+4]");
CODE16(c16_bpdi, "mov ax, [bp+di]");
CODE16(c16_disp, "mov ax, [0x30]");
CODE16(c16_wrap, "mov ax, [bx+si]");
CODE16(c16_wide_address, "mov ax, [ebx]");
CODE16(c16_loop, "xor ax, ax\n mov cx, 300\n 1: add ax, cx\n loop 1b");
CODE16(c16_call, "call 1f\n jmp 2f\n 1: mov ax, 0x77\n ret\n 2: nop");
CODE16(c16_jcxz, "mov ecx, 0x10000\n jcxz 1f\n mov ax, 1\n jmp 2f\n 1: mov ax, 2\n 2:");
CODE16(c16_movs, "cld\n rep movsb");
CODE16(c16_lea, "lea ax, [bx+si+0x10]\n lea edx, [ebx+4*esi]");
CODE16(c16_push, "push 0x1234\n push ax\n pushf\n pop cx\n pop dx\n pop bx");
/* What IRET leaves in the high half of ESP with a 16-bit stack is not told: they set it. */
CODE16(c16_push32, "mov esp, 0xabcd0000\n push eax\n pop ebx\n mov edx, esp");
CODE16(c16_straddle, "mov esp, 0xabcd0002\n c16_straddle_at: push eax");
CODE16(c16_pusha, "mov esp, 0x77770010\n pusha\n popa\n pushad\n popad\n mov edx, esp");
CODE(c32_push, "mov esp, 0x12340004\n push eax\n mov edx, esp");
LABEL(c16_straddle_at);
CODE16(c16_enter, "enter 8, 0\n mov [bp-2], ax\n mov cx, [bp-2]\n leave");
CODE(c32_16, "mov ax, [bx+si]\n mov cx, [bp+di+2]");
CODE(jmp_16, "data16 jmp 1f\n nop\n 1: nop");

static struct state in16(const void *code)
{
	struct state s = at_cpl(3, (const u8 *)code - LOW);

	gdt_set(S_C16 & ~7, LOW, 0xffff, ACC_CODER | ACC_DPL3, 0);
	gdt_set(S_S16 & ~7, (u32)stack16, 0xffff, DPL3_DATAW, 0);
	gdt_set(S_A & ~7, (u32)area, 0xffff, DPL3_DATAW, 0);
	s.cs = S_C16;
	s.ss = S_S16;
	s.ds = s.es = S_A;
	s.esp = 0x8000;
	s.ebp = s.esi = s.edi = s.ebx = 0;
	return s;
}

static void done16(const char *what, struct state *s, const u8 *end)
{
	expect_done(what, s, end - LOW);
}

static void code16(void)
{
	struct state s = in16(c16_regs);

	s.ecx = 0xc0c1c2c3;
	s.edx = 0xd0d1d2d3;
	s.ebx = 0xb0b1ffff;
	done16("16-bit registers", &s, c16_regs_end);
	expect("eax", s.eax, 0xa0a12234);
	expect("ebx", s.ebx, 0xb0b10000);
	expect("edx", s.edx, 0xd0d10000 | (0xd2d3 << 5 & 0xffff));
	s = in16(c16_wide);
	done16("66 in 16-bit code", &s, c16_wide_end);
	expect("eax", s.eax, 0x12345678);
	expect("ebx", s.ebx, 0x12345678);
	expect("ecx", s.ecx, 0x5678);
	s = in16(c16_loop);
	s.ecx = 0xffff0000;
	done16("loop by CX", &s, c16_loop_end);
	expect("ax", s.eax & 0xffff, 300 * 301 / 2 & 0xffff);
	expect("ecx keeps its high half", s.ecx, 0xffff0000);
	s = in16(c16_call);
	done16("call, ret", &s, c16_call_end);
	expect("ax", s.eax & 0xffff, 0x77);
	expect("sp", s.esp & 0xffff, 0x8000);
	s = in16(c16_jcxz);
	done16("jcxz", &s, c16_jcxz_end);
	expect("jcxz looks at CX", s.eax & 0xffff, 2);
	/* A 66 on a near jump in 32-bit code cuts EIP to 16 bits. */
	s = in16(jmp_16);
	gdt_set(S_C32 & ~7, LOW, 0xfffff, ACC_CODER | ACC_DPL3, DESC_B | DESC_G);
	s.cs = S_C32;
	done16("66 jmp", &s, jmp_16_end);
}

static void addressing16(void)
{
	struct state s = in16(c16_bxsi);

	for (u32 i = 0; i < 0x10000; i += 2)
		*(u16 *)(area + i) = (u16)(i * 3 + 1);
	s.ebx = 0xdead0100;
	s.esi = 0xbeef0010;
	done16("[bx+si+4]", &s, c16_bxsi_end);
	expect("ax", s.eax & 0xffff, 0x114 * 3 + 1);
	s = in16(c16_disp);
	done16("[disp16]", &s, c16_disp_end);
	expect("ax", s.eax & 0xffff, 0x30 * 3 + 1);
	s = in16(c16_bpdi);
	s.ebp = 0x100;
	s.edi = 0x20;
	*(u16 *)(stack16 + 0x120) = 0xbabe;
	done16("[bp+di] is in ss", &s, c16_bpdi_end);
	expect("ax", s.eax & 0xffff, 0xbabe);
	s = in16(c16_wrap);
	s.ebx = 0xfff0;
	s.esi = 0x0030;
	done16("[bx+si] wraps at 64 KiB", &s, c16_wrap_end);
	expect("ax", s.eax & 0xffff, 0x20 * 3 + 1);
	/* A word at FFFFh is beyond a 64 KiB limit. */
	s = in16(c16_wrap);
	s.ss = DATA3;
	s.ebx = 0xffff;
	expect_trap("word at FFFFh", &s, V_GP, 0, c16_wrap - LOW);
	s = in16(c16_wide_address);
	s.ss = DATA3;
	s.ebx = 0x10000;
	expect_trap("67 in 16-bit code, beyond the limit", &s, V_GP, 0, c16_wide_address - LOW);
	s = in16(c16_lea);
	s.ebx = 0x1fff8;
	s.esi = 0x10;
	done16("lea", &s, c16_lea_end);
	expect("lea 16", s.eax & 0xffff, 0x18);
	expect("lea 32", s.edx, 0x1fff8 + 0x40);
	/* 67 in 32-bit code. */
	s = at_cpl(3, c32_16);
	gdt_set(S_A & ~7, (u32)area, 0xfffff, DPL3_DATAW, DESC_G | DESC_B);
	gdt_set(S_B & ~7, (u32)area, 0xfffff, DPL3_DATAW, DESC_G | DESC_B);
	s.ds = S_A;
	s.ss = S_B;
	s.ebx = 0x1234fff0;
	s.esi = 0x30;
	s.ebp = 0x4321fffe;
	s.edi = 0x12;
	s.esp = 0x11000;
	expect_done("67 in 32-bit code", &s, c32_16_end);
	expect("ax", s.eax & 0xffff, 0x20 * 3 + 1);
	expect("cx", s.ecx & 0xffff, 0x12 * 3 + 1);
}

static void strings16(void)
{
	struct state s = in16(c16_movs);

	for (u32 i = 0; i < 0x10000; i++)
		area[i] = (u8)(i * 7);
	s.esi = 0x1230fff8;
	s.edi = 0x45607000;
	s.ecx = 0x10;
	gdt_set(S_A & ~7, (u32)area, 0xffff, DPL3_DATAW, 0);
	done16("rep movsb wraps SI", &s, c16_movs_end);
	expect("esi", s.esi, 0x12300008);
	expect("edi", s.edi, 0x45607010);
	expect("ecx", s.ecx, 0);
	for (u32 i = 0; i < 16; i++)
		expect("byte", area[0x7000 + i], (u8)(((0xfff8 + i) & 0xffff) * 7));
}

/* --- 16-bit stacks --- */

static void stack_16(void)
{
	struct state s = in16(c16_push);

	done16("push, pop", &s, c16_push_end);
	expect("bx", s.ebx & 0xffff, 0x1234);
	expect("dx", s.edx & 0xffff, 0xa2a3);
	expect("sp", s.esp & 0xffff, 0x8000);
	/* SP wraps; the high half of ESP stays. */
	s = in16(c16_straddle);
	cpu_run(&s);
	expect("a push that straddles the wrap", s.vector, V_SS);
	expect("its eip", s.eip, (u32)c16_straddle_at - LOW);
	expect("its esp", s.esp, 0xabcd0002);
	s = in16(c16_push32);
	done16("push at SP = 0", &s, c16_push32_end);
	expect("ebx", s.ebx, 0xa0a1a2a3);
	expect("esp", s.edx, 0xabcd0000);
	expect("at FFFCh", *(u32 *)(stack16 + 0xfffc), 0xa0a1a2a3);
	s = in16(c16_pusha);
	struct state in = s;

	done16("pusha, popa", &s, c16_pusha_end);
	expect("esp", s.edx, 0x77770010);
	expect("eax", s.eax, in.eax);
	expect("edi", s.edi, in.edi);
	s = in16(c16_enter);
	s.ebp = 0x55551111;
	done16("enter, leave", &s, c16_enter_end);
	expect("cx", s.ecx & 0xffff, 0xa2a3);
	expect("sp", s.esp & 0xffff, 0x8000);
	expect("ebp", s.ebp, 0x55551111);
	/* 32-bit code on a 16-bit stack. */
	s = at_cpl(3, c32_push);
	s.ss = S_S16;
	expect_done("push in 32-bit code", &s, c32_push_end);
	expect("esp", s.edx, 0x12340000);
	expect("stored", *(u32 *)stack16, 0xa0a1a2a3);
	/* 16-bit code on a 32-bit stack. */
	s = in16(c16_push);
	s.ss = DATA3;
	s.esp = RUN_STACK_TOP;
	done16("16-bit code, 32-bit stack", &s, c16_push_end);
	expect("esp", s.esp, RUN_STACK_TOP);
}

/* --- far pointers --- */

CODE(lds_code, "lds eax, [ebx]");
CODE(les_code, "les ecx, [ebx]");
CODE(lfs_code, "lfs edx, [ebx]");
CODE(lgs_code, "lgs esi, [ebx]");
CODE(lss_code, "lss esp, [ebx]");
CODE(les16_code, "les cx, [ebx]");
static void far_pointers(void)
{
	struct {
		u32 off;
		u16 sel;
	} __attribute__((packed)) p = {0x13572468, S_A};
	struct {
		u16 off, sel;
	} p16 = {0x9abc, S_A};
	struct state s;

	gdt_set(S_A & ~7, (u32)area, 0xfffff, DPL3_DATAW, DESC_G | DESC_B);
	s = at_cpl(3, lds_code);
	s.ebx = (u32)&p;
	expect_done("lds", &s, lds_code_end);
	expect("eax", s.eax, 0x13572468);
	expect("ds", s.ds, S_A);
	s = at_cpl(3, les_code);
	s.ebx = (u32)&p;
	expect_done("les", &s, les_code_end);
	expect("ecx", s.ecx, 0x13572468);
	expect("es", s.es, S_A);
	s = at_cpl(3, lfs_code);
	s.ebx = (u32)&p;
	expect_done("lfs", &s, lfs_code_end);
	expect("fs", s.fs, S_A);
	s = at_cpl(3, lgs_code);
	s.ebx = (u32)&p;
	expect_done("lgs", &s, lgs_code_end);
	expect("esi", s.esi, 0x13572468);
	expect("gs", s.gs, S_A);
	s = at_cpl(3, lss_code);
	s.ebx = (u32)&p;
	expect_done("lss", &s, lss_code_end);
	expect("esp", s.esp, 0x13572468);
	expect("ss", s.ss, S_A);
	s = at_cpl(3, les16_code);
	s.ebx = (u32)&p16;
	expect_done("les cx", &s, les16_code_end);
	expect("ecx", s.ecx, 0xc0c19abc);
	expect("es", s.es, S_A);
	/* A bad selector leaves both halves alone. */
	p.sel = TSS_MAIN | 3;
	s = at_cpl(3, les_code);
	s.ebx = (u32)&p;
	expect_trap("les of a TSS", &s, V_GP, TSS_MAIN, les_code);
}

static const struct test tests[] = {
	{"bases", "SDM vol. 3, 3.4", bases},
	{"limits", "SDM vol. 3, 5.3", limits},
	{"known-limits", "SDM vol. 3, 5.3", known_limits},
	{"known-bases", "SDM vol. 3, 3.4", known_bases},
	{"expand-down", "SDM vol. 3, 5.3", expand_down},
	{"types", "SDM vol. 3, 5.4", types},
	{"code-limits", "SDM vol. 3, 5.3", code_limits},
	{"code16", "SDM vol. 3, 21.1", code16},
	{"addressing16", "SDM vol. 2, 2.1.5", addressing16},
	{"strings16", "SDM vol. 2, MOVS", strings16},
	{"stack16", "SDM vol. 1, 6.2.3", stack_16},
	{"far-pointers", "SDM vol. 2, LDS", far_pointers},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
