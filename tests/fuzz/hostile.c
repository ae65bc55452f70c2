/* A guest that means harm: it fills code pages with random bytes weighted towards
 * valid opcodes, makes random segments, gates, tasks and page tables, and jumps
 * into the code at every CPL, and in virtual-8086 mode.  Traps, the timer and a task
 * for double faults end a try; what they do not survive ends the machine, and
 * hostile.sh starts another.
 *
 * Every 16th try runs with TF set, to count how many instructions tries execute. */
#include "../guest/rt/rt.h"

enum {
	RAM = 16 << 20,
	CODE_AT = 0x800000,
	CODE_BYTES = 0x10000,
	DATA_AT = 0x900000,
	DATA_BYTES = 0x10000,
	TABLES_AT = 0xa00000,
	TABLES = 16,
	TSS_AT = 0xb00000,
	TSS_COUNT = 16,
	V86_AT = 0x20000,
	STACK_AT = 0xf00000, /* room for a runaway recursion until the timer's tick */
	LDT_AT = 0xb08000,
	LDT_ENTRIES = 32,
	SEL_DF = 0x50,
	SEL_LDT = 0x58,
	RESUMES = 48,
	TRIES_A_LINE = 16,
	EFLAGS_VM = 0x20000,
};
enum { P = 1, W = 2, U = 4, PS = 0x80, ALL = 7 };

/* First in every trap: where the stack is rubbish, and nothing faults there, the
 * handler takes another one and ends the try. */
asm(".pushsection .text\n.intel_syntax noprefix\n"
    "entries: .set vector, 0\n"
    ".rept 256\n"
    "push dword ptr cs:[trap_stubs + 4 * vector]\n"
    "jmp entry\n"
    ".balign 16\n"
    ".set vector, vector + 1\n"
    ".endr\n"
    "entry: cmp esp, offset run_stack - 0x4000\n jb 1f\n cmp esp, offset image_end\n jb 2f\n"
    "cmp esp, 0x900000\n jb 1f\n cmp esp, 0xff0000\n ja 1f\n"
    "2: ret\n"
    "1: mov eax, 0x10\n mov ss, ax\n mov ds, ax\n mov esp, offset df_stack + 8000\n"
    "mov dword ptr [resumes], 0x10000\n"
    "pushf\n push cs\n push 0\n push 0\n jmp [trap_stubs + 4 * 13]\n"
    ".att_syntax\n.popsection");
extern u8 entries[];

static u32 seed;
u32 resumes;
static u32 ticks, steps;
static u32 root; /* CR3 to come back with */
static bool paging, pae;
static u32 tries, sampled, several;
static struct tss32 df_tss;
u8 df_stack[8192] __attribute__((aligned(16)));
/* The first 8 MiB, in both formats: this kernel, and an alias of the arenas for its
 * handlers, who must not depend on the random tables. */
static u32 low_table[2][1024] __attribute__((aligned(4096)));
static u64 low_pae[4][512] __attribute__((aligned(4096)));

/* Where the handlers find what is at this address of an arena. */
static void *arena(u32 at)
{
	return (void *)(paging ? at - 0x400000 : at);
}

static u32 any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static u32 below(u32 n)
{
	return any() % n;
}

static bool one_in(u32 n)
{
	return !below(n);
}

static u32 address(void)
{
	static const u32 edges[] = {0,          0xfffffff0, 0xffffffff, 0xfffff000,
	                            0xbffffffc, 0xc0000000, 0x9fffc,    0xa0000,
	                            0xb8000,    0xffffe,    RAM,        0x7ffffffe,
	                            0x80000000, 0xffff,     0xfffe,     0x10000};

	switch (below(16)) {
	case 0:
		return edges[below(sizeof(edges) / sizeof(*edges))] + below(4);
	case 1:
		return any();
	case 2:
		return (u32)gdt + below(sizeof(gdt));
	case 3:
		return TABLES_AT + below(TABLES * 4096);
	case 4:
		return TSS_AT + below(0x9000);
	case 5 ... 6:
		return CODE_AT + below(CODE_BYTES);
	case 9:
		return (DATA_AT & ~0xfffu) + (below(16) << 12) + 0xff8 + below(12);
	case 10:
		return 0xc0000000 + below(0x4000000);
	default:
		return DATA_AT + below(DATA_BYTES);
	}
}

static u32 value(void)
{
	static const u32 edges[] = {0,      1,          2,          31,         32,
	                            0x7f,   0x80,       0xff,       0x7fff,     0x8000,
	                            0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe};

	switch (below(4)) {
	case 0:
		return edges[below(sizeof(edges) / sizeof(*edges))];
	case 1:
		return any();
	default:
		return address();
	}
}

/* A selector that a load at this CPL takes: 's' for SS, 'c' for CS, 'd' for the rest. */
static u16 fit(char for_what, unsigned cpl)
{
	for (unsigned n = 0; n < 24; n++) {
		bool local = one_in(4);
		unsigned i = local ? below(LDT_ENTRIES) : below(GDT_ENTRIES);
		u64 d = local ? ((u64 *)arena(LDT_AT))[i] : gdt[i];
		unsigned access = d >> 40 & 0xff, dpl = access >> 5 & 3;
		bool code = access & 8, conforming = code && (access & 4);

		if ((access & 0x90) != 0x90)
			continue;
		if (for_what == 'c'   ? code && (conforming ? dpl <= cpl : dpl == cpl)
		    : for_what == 's' ? !code && (access & 2) && dpl == cpl
		                      : (!code || (access & 2)) && (conforming || dpl >= cpl))
			return (u16)(i << 3 | local << 2 | cpl);
	}
	return for_what == 'c' ? at_cpl(cpl, 0).cs : at_cpl(cpl, 0).ds;
}

static u16 selector(unsigned cpl)
{
	static const u16 flat[] = {CODE0, DATA0, CODE1, DATA1, CODE2, DATA2, CODE3, DATA3};

	switch (below(8)) {
	case 0:
		return (u16)any();
	case 1:
		return flat[below(8)];
	case 2:
		return (u16)(below(LDT_ENTRIES) << 3 | 4 | cpl);
	default:
		return (u16)((SEL_FREE >> 3) + below(GDT_ENTRIES - (SEL_FREE >> 3))) << 3 | cpl;
	}
}

/* --- code --- */

static u8 *put32(u8 *p, u32 v)
{
	memcpy(p, &v, 4);
	return p + 4;
}

/* ModRM of a form with this reg field (8: any), with what follows. */
static u8 *put_modrm(u8 *p, unsigned reg)
{
	unsigned rm = below(8), mod = one_in(3) ? 3 : below(8) < 5 ? 1 : below(3);

	if (reg > 7)
		reg = below(8);
	*p++ = (u8)(mod << 6 | reg << 3 | rm);
	if (mod == 3)
		return p;
	if (rm == 4) {
		*p++ = (u8)any();
		if (!mod && (p[-1] & 7) == 5)
			return put32(p, address());
	}
	if (mod == 1)
		*p++ = (u8)any();
	else if (mod == 2 || (!mod && rm == 5))
		p = put32(p, mod ? below(0x2000) - 0x1000 : address());
	return p;
}

static bool has_modrm(u8 op)
{
	if (op < 0x40)
		return (op & 7) < 4;
	return (op & 0xfc) == 0x80 || (op & 0xfc) == 0x84 || (op & 0xf8) == 0x88 || op == 0x62 ||
	       op == 0x63 || op == 0x69 || op == 0x6b || op == 0xc0 || op == 0xc1 ||
	       (op >= 0xc4 && op <= 0xc7) || (op >= 0xd0 && op <= 0xd3) || (op & 0xf8) == 0xd8 ||
	       op == 0xf6 || op == 0xf7 || op >= 0xfe;
}

static unsigned immediate(u8 op, u8 modrm)
{
	if (op < 0x40)
		return (op & 7) == 4 ? 1 : (op & 7) == 5 ? 4 : 0;
	if (op == 0xf6 || op == 0xf7)
		return modrm & 0x30 ? 0 : op == 0xf6 ? 1 : 4;
	if ((op & 0xf0) == 0x70 || op == 0x6a || op == 0x6b || op == 0x80 || op == 0x82 ||
	    op == 0x83 || op == 0xc0 || op == 0xc1 || op == 0xc6 || op == 0xa8 ||
	    (op & 0xf8) == 0xb0 || op == 0xcd || op == 0xd4 || op == 0xd5 || (op & 0xf8) == 0xe0 ||
	    op == 0xeb)
		return 1;
	if (op == 0xc2 || op == 0xca)
		return 2;
	if (op == 0xc8)
		return 3;
	if (op == 0x9a || op == 0xea)
		return 6;
	return op == 0x68 || op == 0x69 || op == 0x81 || op == 0xc7 || (op & 0xfc) == 0xa0 ||
	                       op == 0xa9 || (op & 0xf8) == 0xb8 || op == 0xe8 || op == 0xe9
	               ? 4
	               : 0;
}

static u8 *put_one_byte(u8 *p, u8 op)
{
	u8 modrm = 0;

	*p++ = op;
	if (has_modrm(op)) {
		u8 *at = p;

		p = put_modrm(p, 8);
		modrm = *at;
	}
	if (op == 0xe8 || op == 0xe9)
		return put32(p, below(256) - 128);
	if (op == 0x9a || op == 0xea) {
		u16 s = selector(below(4));

		p = put32(p, CODE_AT + below(CODE_BYTES));
		memcpy(p, &s, 2);
		return p + 2;
	}
	switch (immediate(op, modrm)) {
	case 1:
		*p++ = (op & 0xf0) == 0x70 || op == 0xeb || (op & 0xfc) == 0xe0
		               ? (u8)(below(48) - 16)
		               : (u8)any();
		break;
	case 2:
		*p++ = (u8)below(32);
		*p++ = 0;
		break;
	case 3:
		*p++ = (u8)any();
		*p++ = 0;
		*p++ = (u8)below(34);
		break;
	case 4:
		p = put32(p, value());
		break;
	}
	return p;
}

/* System instructions, in hexadecimal; m: ModRM of this memory form follows. */
static u8 *put_system(u8 *p)
{
	static const u8 descriptor[] = {0, 0, 0, 0, 1, 1, 6, 7, 2, 3, 2, 3, 4};
	unsigned n = below(24);

	if (n < 8) { /* 0F 00, 0F 01 */
		unsigned i = below(sizeof(descriptor));

		*p++ = 0x0f;
		*p++ = i < 6 ? 0 : 1;
		return put_modrm(p, i < 6       ? below(6)
		                    : one_in(8) ? descriptor[i]
		                                : below(2) * 4 + below(2));
	}
	if (n < 12) { /* MOV to and from CR and DR */
		static const u8 creg[] = {0, 3, 4, 2, 8, 0, 3, 4};

		*p++ = 0x0f;
		*p++ = one_in(4) ? 0x22 : 0x20 + below(2);
		*p++ = 0xc0 | (creg[below(8)] & 7) << 3 | below(8);
		return p;
	}
	if (n < 15) { /* MOV, POP to segments, LSS, LFS ... */
		if (one_in(2)) {
			u16 s = selector(below(4));

			*p++ = 0x66; /* mov ax, imm16; mov sreg, ax */
			*p++ = 0xb8;
			memcpy(p, &s, 2);
			p += 2;
			*p++ = 0x8e;
			*p++ = 0xc0 | below(6) << 3;
			return p;
		}
		*p++ = 0x0f;
		*p++ = "\xb2\xb4\xb5\x02\x03\xa1\xa9"[below(7)];
		return put_modrm(p, 8);
	}
	if (n < 18) { /* strings, with and without REP */
		if (one_in(2))
			*p++ = 0xf2 + below(2);
		*p++ = "\xa4\xa5\xa6\xa7\xaa\xab\xac\xad\xae\xaf\x6c\x6d\x6e\x6f"[below(14)];
		return p;
	}
	if (n < 20) { /* INT n, IRET, POPF, far RET, STI, CLI, CLTS, INVLPG, CPUID, SYSENTER ... */
		static const u8 list[] = {0xcd, 0xcf, 0x9d, 0xcb, 0xfb,
		                          0xfa, 0x9c, 0xce, 0xcc, 0xf1};

		*p++ = list[below(sizeof(list))];
		if (p[-1] == 0xcd)
			*p++ = (u8)any();
		return p;
	}
	*p++ = 0x0f;
	*p++ = "\x06\x08\x09\x31\x32\x30\x34\x35\xa2\x0b\x33\x05\xaa\x77\xae\xc7"[below(16)];
	return p[-1] == 0xae || p[-1] == 0xc7 ? put_modrm(p, 8) : p;
}

static u8 *put_insn(u8 *p)
{
	unsigned kind = below(100);

	if (one_in(6))
		*p++ = "\x66\x67\xf0\xf2\xf3\x2e\x36\x3e\x26\x64\x65\x66\x67"[below(13)];
	if (kind < 6) {
		for (unsigned n = 1 + below(6); n; n--)
			*p++ = (u8)any();
		return p;
	}
	if (kind < 62) {
		u8 op = (u8)any();

		/* HLT, and the registers that the stack hangs on, less often. */
		if ((op == 0xf4 || op == 0x5c || op == 0xbc || op == 0xc9) && !one_in(8))
			op = 0x90;
		return put_one_byte(p, op);
	}
	if (kind < 78) {
		*p++ = 0x0f;
		if (one_in(2)) { /* Jcc, SETcc, CMOVcc, BT and friends */
			u8 op = "\x80\x90\x40\xa0\xb0\xc0"[below(6)] + below(16);

			*p++ = op;
			if ((op & 0xf0) == 0x80)
				return put32(p, below(256) - 128);
			p = put_modrm(p, 8);
			if (op == 0xba || op == 0xa4 || op == 0xac)
				*p++ = (u8)any();
			return p;
		}
		*p++ = (u8)any();
		return put_modrm(p, 8);
	}
	if (kind < 84) {
		*p++ = 0xd8 + below(8);
		return put_modrm(p, 8);
	}
	return put_system(p);
}

static void fill_code(unsigned page)
{
	u8 *start = (u8 *)CODE_AT + (page << 12), *p = start;

	if (one_in(8)) { /* across a page's end */
		start += 0xfc0;
		p = start;
	}
	if (start > (u8 *)CODE_AT + CODE_BYTES - 0x800)
		p = start -= 0x1000;
	while (p < start + 0x400)
		p = put_insn(p);
}

/* --- segments, gates, tasks --- */

static u64 descriptor(void)
{
	u32 base = !one_in(4) ? 0 : address() & ~(one_in(2) ? 0xfffu : 0);
	u32 limit = !one_in(4) ? 0xfffff : below(0x20000);
	u32 dpl = (one_in(2) ? 3 : below(4)) << 5, flags = one_in(4)   ? below(16)
	                                                   : one_in(2) ? 0xc
	                                                               : 4;
	u32 access;

	switch (below(16)) {
	case 0:
		return any() | (u64)any() << 32;
	case 1 ... 4:
		access = ACC_CODE + below(8);
		break;
	case 5 ... 9:
		access = ACC_DATA + below(8);
		break;
	case 10: {
		u32 tss = TSS_AT + below(TSS_COUNT) * 256;

		base = tss;
		limit = one_in(8) ? below(120) : 103 + below(64);
		flags = 0;
		access = 0x81 + below(2) * 8 + below(2) * 2;
		break;
	}
	case 11:
		base = LDT_AT;
		limit = LDT_ENTRIES * 8 - 1;
		flags = 0;
		access = ACC_LDT;
		break;
	default: { /* gates */
		static const u8 kinds[] = {GATE_CALL16, GATE_TASK,  GATE_INT16,  GATE_TRAP16,
		                           GATE_CALL32, GATE_INT32, GATE_TRAP32, GATE_CALL32};
		u32 at = CODE_AT + below(CODE_BYTES);
		u16 target =
			one_in(2) ? (u16[]){CODE0, CODE1, CODE2, CODE3}[below(4)] : selector(0);

		return (at & 0xffff) | (u64)target << 16 | (u64)below(32) << 32 |
		       (u64)(kinds[below(8)] | dpl) << 40 | (u64)(at >> 16) << 48;
	}
	}
	if (one_in(16))
		access &= ~(u32)ACC_P;
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(access | dpl) << 40 |
	       (u64)(limit >> 16 & 0xf) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}

/* clang-format off */
static void fill_tss(struct tss32 *t)
{
	unsigned cpl = below(4);
	struct state s = at_cpl(cpl, 0);

	*t = (struct tss32){
		.esp0 = main_tss.t.esp0, .ss0 = DATA0, .esp1 = main_tss.t.esp1, .ss1 = DATA1,
		.esp2 = main_tss.t.esp2, .ss2 = DATA2, .cr3 = root,
		.eip = CODE_AT + below(CODE_BYTES), .eflags = 2 | (any() & (IF | IOPL3 | DF | TF)),
		.eax = value(), .ecx = value(), .edx = value(), .ebx = value(),
		.esp = DATA_AT + 0x8000, .ebp = value(), .esi = address(), .edi = address(),
		.es = s.es, .cs = s.cs, .ss = s.ss, .ds = s.ds, .fs = selector(cpl), .gs = 0,
		.link = selector(0), .iomap = 104, .trap = one_in(16),
	};
	if (one_in(4)) /* corrupted anywhere */
		((u8 *)t)[below(104)] = (u8)any();
}
/* clang-format on */

static void fill_tables(void)
{
	u32 *t = (u32 *)TABLES_AT;

	for (unsigned i = 0; i < 2048; i++) {
		u32 frame = i < 1024 ? i << 12 : (i + 1024) << 12;

		low_table[i / 1024][i % 1024] = frame | (i < 1024 ? ALL : P | W);
		low_pae[i / 512][i % 512] = low_table[i / 1024][i % 1024];
	}
	/* Tables: of identity, of the arenas, of rubbish. */
	for (unsigned i = 0; i < TABLES * 1024; i++) {
		u32 frame = one_in(16) ? any() : (CODE_AT >> 12) + below(0x310);
		u32 flags = one_in(8) ? below(0x200) : ALL | (any() & 0x160);

		t[i] = one_in(8) ? 0 : frame << 12 | flags;
	}
	for (unsigned i = 0; i < 1024; i++) /* table 1: the arenas, mostly as they are */
		if (!one_in(32))
			t[1024 + i] = (CODE_AT + (i << 12)) | ALL | (one_in(2) ? 0x60 : 0);
	for (unsigned i = 0; i < 1024; i++) /* table 0: a directory */
		if (!one_in(8))
			t[i] = one_in(3) ? i << 22 | PS | ALL
			                 : (TABLES_AT + (1 + below(TABLES - 1)) * 4096) | ALL;
	t[0] = (u32)low_table[0] | ALL;
	t[1] = (u32)low_table[1] | ALL;
	t[2] = (TABLES_AT + 4096) | ALL;
	t[3] = 0xc00000 | PS | ALL;
	if (!pae)
		return;
	/* Table 2: page directory pointers; 3: the first directory; 4, 5: the arenas. */
	for (unsigned i = 0; i < 4; i++)
		((u64 *)(TABLES_AT + 0x2000))[i] =
			one_in(8) ? 0 : (TABLES_AT + (3 + below(TABLES - 3)) * 4096) | P;
	((u64 *)(TABLES_AT + 0x2000))[0] = (TABLES_AT + 0x3000) | P;
	u64 *d = (u64 *)(TABLES_AT + 0x3000);

	for (unsigned i = 0; i < 512; i++)
		d[i] = one_in(8)   ? 0
		       : one_in(2) ? i << 21 | PS | ALL
		                   : (TABLES_AT + (4 + below(TABLES - 4)) * 4096) | ALL;
	for (unsigned i = 0; i < 4; i++)
		d[i] = (u32)low_pae[i] | ALL;
	d[6] = 0xc00000 | PS | ALL;
	d[7] = 0xe00000 | PS | ALL;
	d[4] = (TABLES_AT + 0x4000) | ALL;
	for (unsigned i = 0; i < 512; i++)
		if (!one_in(32))
			((u64 *)(TABLES_AT + 0x4000))[i] = (CODE_AT + (i << 12)) | ALL;
}

static void corrupt_table(void)
{
	u32 at = below(TABLES * 4096) / 4 * 4, *e = arena(TABLES_AT + at);

	/* Not what this kernel lives on. */
	if (at < 12 || (at >= 0x2000 && at < 0x2020) || (at >= 0x3000 && at < 0x3028))
		return;
	*e = one_in(2) ? any() : (CODE_AT + (below(0x300) << 12)) | (any() & 0x1ff) | P;
	if (one_in(2))
		invlpg((void *)address());
}

static u32 segment_base(u16 s)
{
	u64 d = s & 4 ? ((u64 *)arena(LDT_AT))[s >> 3] : gdt[s >> 3];

	return (d >> 16 & 0xffffff) | (u32)(d >> 56) << 24;
}

static void set_up_descriptors(void)
{
	for (unsigned i = SEL_FREE >> 3; i < GDT_ENTRIES; i++)
		if (one_in(4) || !gdt[i])
			gdt[i] = descriptor();
	for (unsigned i = 0; i < LDT_ENTRIES; i++)
		if (one_in(4))
			((u64 *)LDT_AT)[i] = descriptor();
	for (unsigned i = 0; i < TSS_COUNT; i++)
		if (one_in(4))
			fill_tss((struct tss32 *)(TSS_AT + i * 256));
	for (unsigned i = 0; i < 8; i++)
		idt[0x30 + below(0xd0)] = descriptor();
	if (one_in(4))
		idt[(u8[]){V_BP, V_OF, V_BR, V_UD, V_NM, V_DE, V_DB}[below(7)]] = descriptor();
}

/* clang-format off */
static void load_system(void)
{
	struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) g = {sizeof(gdt) - 1, (u32)gdt}, i = {sizeof(idt) - 1, (u32)idt};

	asm volatile("lgdt %0; lidt %1" : : "m"(g), "m"(i));
	gdt_set(TSS_MAIN, (u32)&main_tss, sizeof(main_tss) - 1, ACC_TSS32, 0);
	gdt_set(SEL_DF, (u32)&df_tss, 103, ACC_TSS32, 0);
	gdt_set(SEL_LDT, LDT_AT, LDT_ENTRIES * 8 - 1, ACC_LDT, 0);
	asm volatile("ltr %w0; lldt %w1; clts" : : "r"(TSS_MAIN), "r"(one_in(8) ? 0 : SEL_LDT));
	for (unsigned v = 0; v < 256; v++)
		idt_set((u8)v, CODE0, (u32)entries + 16 * v,
			GATE_INT32 | (v >= 0x80 || v == V_BP || v == V_OF ? ACC_DPL3 : 0));
	idt_set(V_DF, SEL_DF, 0, GATE_TASK);
	df_tss = (struct tss32){
		.cr3 = root, .eip = trap_stubs[V_DF], .eflags = 2,
		.esp = (u32)df_stack + sizeof(df_stack) - 64, .cs = CODE0, .ss = DATA0, .ds = DATA0,
		.es = DATA0, .fs = DATA0, .gs = DATA0, .iomap = 104,
	};
}
/* clang-format on */

static void choose_paging(void)
{
	bool was_pae = pae;

	paging = false;
	write_cr0(CR0_PE | 0x10);
	pae = one_in(8) ? !pae : pae;
	root = TABLES_AT + (pae ? 0x2000 : 0);
	if (one_in(16) || pae != was_pae || !*(u32 *)TABLES_AT)
		fill_tables();
	main_tss.t.cr3 = root;
}

static void load_paging(void)
{
	u32 cr4 = (any() & (CR4_TSD | CR4_DE)) | CR4_PSE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	paging = !one_in(4);
	if (one_in(2))
		cr4 |= CR4_PGE;
	write_cr4(cr4 | (pae ? CR4_PAE : 0));
	write_cr3(root);
	if (paging)
		write_cr0(CR0_PE | 0x10 | CR0_PG | (any() & (CR0_WP | CR0_AM | CR0_NE)));
}

static void start_timer(void)
{
	static const u8 words[][2] = {{0x20, 0x11}, {0x21, 0x20}, {0x21, 4},    {0x21, 1},
	                              {0xa0, 0x11}, {0xa1, 0x28}, {0xa1, 2},    {0xa1, 1},
	                              {0x21, 0xfe}, {0xa1, 0xff}, {0x43, 0x34}, {0x40, 0x00},
	                              {0x40, 0x04}};

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		outb(words[i][0], words[i][1]);
}

/* --- tries --- */

/* A page, or all around it, for an address that faulted. */
static bool map_somehow(u32 a)
{
	if (pae && (a >> 30 || a < 0x800000))
		return false;
	if (!pae && a < 0x800000)
		return false;
	if (pae)
		((u64 *)arena(TABLES_AT + 0x3000))[a >> 21] =
			one_in(2) ? (CODE_AT + (below(2) << 21)) | PS | ALL
				  : (TABLES_AT + 0x4000) | ALL;
	else
		((u32 *)arena(TABLES_AT))[a >> 22] =
			one_in(2) ? CODE_AT | PS | ALL
				  : (TABLES_AT + (1 + below(TABLES - 1)) * 4096) | ALL;
	return !one_in(4);
}

/* Resumes what a handler may resume, and does harm meanwhile. */
static bool hook(struct frame *f)
{
	bool resume = resumes++ < RESUMES, early = steps < 2;

	switch (f->vector) {
	case 0x20:
		outb(0x20, 0x20);
		resume = ticks++ < 1;
		break;
	case V_DB:
		steps++;
		break;
	case V_PF:
		if (paging && map_somehow(read_cr2()))
			break;
		resume &= early;
		f->eip++;
		break;
	case V_NM:
		asm volatile("clts");
		break;
	case V_BP: /* traps: the instruction is done */
	case V_OF:
	case 0x21 ... 0xff:
		steps++;
		break;
	default: /* skip a byte; a try that has got far ends at times */
		resume &= f->vector != V_DF && f->vector != V_TS && (early || !one_in(6));
		f->eip++;
	}
	if (resume && paging && one_in(4))
		corrupt_table();
	if (resume && one_in(8))
		*(u8 *)arena(CODE_AT + below(CODE_BYTES)) = (u8)any();
	if (resume && one_in(16))
		f->eip = CODE_AT + below(CODE_BYTES);
	return resume;
}

/* The page of code below 1 MiB, in virtual-8086 mode: its segments stay below this kernel, nearly
 * always. */
static void in_v86(struct state *s)
{
	memcpy((void *)V86_AT, (u8 *)CODE_AT + (below(16) << 12), 0x1000);
	s->eflags |= EFLAGS_VM | VIF * one_in(4) | VIP * one_in(16);
	s->cs = V86_AT >> 4;
	s->eip = one_in(4) ? below(0x400) : 0;
	s->ss = (u16)(0x3000 + below(0x5000));
	s->esp = one_in(4) ? below(8) : any() & 0xffff;
	u32 *data[] = {&s->ds, &s->es, &s->fs, &s->gs};
	for (unsigned i = 0; i < 4; i++)
		*data[i] = one_in(64) ? any() & 0xffff : 0x1000 + below(0x9000);
	write_cr4((read_cr4() & ~CR4_VME) | CR4_VME * one_in(2));
}

static void one_try(bool count, bool v86)
{
	unsigned roll = below(20), cpl = roll < 6 ? 0 : roll < 9 ? 1 : roll < 12 ? 2 : 3;
	struct state s =
		at_cpl(cpl, (void *)(CODE_AT + (below(16) << 12) + (one_in(4) ? below(0x400) : 0)));
	u32 *r = &s.eax;

	for (unsigned i = 0; i < 8; i++)
		if (i != 4)
			r[i] = value();
	s.esp = cpl && one_in(2) ? DATA_AT + below(DATA_BYTES) : STACK_AT;
	if (one_in(4))
		s.ds = fit('d', cpl);
	if (one_in(4))
		s.es = fit('d', cpl);
	s.fs = one_in(4) ? 0 : fit('d', cpl);
	s.gs = one_in(4) ? 0 : fit('d', cpl);
	if (one_in(8)) {
		s.cs = fit('c', cpl);
		s.eip -= segment_base(s.cs);
	}
	if (one_in(8)) {
		s.ss = fit('s', cpl);
		s.esp -= segment_base(s.ss);
	}
	if (one_in(32))
		s.cs = selector(cpl);
	if (one_in(32))
		s.ss = selector(cpl);
	s.eflags = 2 | (any() & (CF | PF | AF | ZF | SF | OF | DF)) | IF;
	if (one_in(4))
		s.eflags |= any() & (IOPL3 | NT | AC | ID | RF);
	if (count || one_in(32))
		s.eflags |= TF;
	if (v86)
		in_v86(&s);
	/* A try at CPL 0 may have left NT set on this stack: IRET would only raise #TS from then on. */
	asm volatile("pushf; andl %0, (%%esp); popf" : : "i"(~NT) : "memory", "cc");
	asm volatile("fninit");
	asm volatile("mov %0, %%dr7" : : "r"(one_in(16) ? any() & 0xffff00ff : 0));
	asm volatile("mov %0, %%dr0" : : "r"(address()));
	resumes = ticks = steps = 0;
	trap_hook = hook;
	cpu_run(&s);
	trap_hook = NULL;
	asm volatile("mov %0, %%dr7" : : "r"(0));
}

void guest_main(void)
{
	const char *p = cmdline;

	while (*p && *p != '=')
		p++;
	while (*p && *++p)
		seed = seed * 10 + (u32)(*p - '0');
	seed = seed * 2654435761u + 0x9e3779b9;
	if (!seed)
		seed = 1;
	for (unsigned i = 0; i < 64; i++)
		any();
	/* What runs away meets INT3. */
	memset((void *)0x400000, 0xcc, RAM - 0x400000);
	memset((void *)TABLES_AT, 0, 4096);
	for (unsigned i = 0; i < LDT_ENTRIES; i++)
		((u64 *)LDT_AT)[i] = descriptor();
	for (unsigned i = 0; i < TSS_COUNT; i++)
		fill_tss((struct tss32 *)(TSS_AT + i * 256));
	for (unsigned i = 0; i < 32; i++)
		fill_code(i % 16);
	for (;;) {
		bool count = tries % 16 == 0;

		choose_paging();
		load_system();
		start_timer();
		set_up_descriptors();
		fill_code(below(16));
		bool v86 = one_in(4);
		if (!v86)
			load_paging();
		one_try(count, v86);
		tries++;
		if (count) {
			sampled++;
			several += steps > 1;
		}
		outb(0xe9, '.');
		if (tries % TRIES_A_LINE == 0)
			print("\ntries %u sampled %u several %u\n", tries, sampled, several);
	}
}
