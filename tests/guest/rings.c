/* Privilege: segment loads, control transfers between rings, IOPL, the I/O bitmap,
 * privileged instructions, SYSENTER and SYSEXIT. */
#include "rt/rt.h"

enum {
	S_DATA0 = SEL_FREE,        /* writable data, one for each DPL */
	S_RO3 = SEL_FREE + 0x20,   /* read-only data, DPL 3 */
	S_XO3 = SEL_FREE + 0x28,   /* execute-only code, DPL 3 */
	S_CODE3 = SEL_FREE + 0x30, /* readable code, DPL 3 */
	S_CONF0 = SEL_FREE + 0x38, /* conforming readable code, DPL 0 */
	S_CONF2 = SEL_FREE + 0x40, /* conforming code, DPL 2 */
	S_NP3 = SEL_FREE + 0x48,   /* data, DPL 3, not present */
	S_SYS = SEL_FREE + 0x50,   /* an LDT descriptor */
	S_NPCODE = SEL_FREE + 0x58,
	S_BEYOND = GDT_ENTRIES * 8,
};

static void descriptors(void)
{
	for (unsigned dpl = 0; dpl < 4; dpl++)
		gdt_set((u16)(S_DATA0 + dpl * 8), 0, 0xfffff, (u8)(ACC_DATAW | dpl << 5),
		        DESC_G | DESC_B);
	gdt_set(S_RO3, 0, 0xfffff, ACC_DATA | ACC_DPL3, DESC_G | DESC_B);
	gdt_set(S_XO3, 0, 0xfffff, ACC_CODE | ACC_DPL3, DESC_G | DESC_B);
	gdt_set(S_CODE3, 0, 0xfffff, ACC_CODER | ACC_DPL3, DESC_G | DESC_B);
	gdt_set(S_CONF0, 0, 0xfffff, ACC_CONFR, DESC_G | DESC_B);
	gdt_set(S_CONF2, 0, 0xfffff, ACC_CONF | ACC_DPL2, DESC_G | DESC_B);
	gdt_set(S_NP3, 0, 0xfffff, (ACC_DATAW | ACC_DPL3) & ~ACC_P, DESC_G | DESC_B);
	gdt_set(S_SYS, 0, 0xff, ACC_LDT, 0);
	gdt_set(S_NPCODE, 0, 0xfffff, (ACC_CODER | ACC_DPL3) & ~ACC_P, DESC_G | DESC_B);
}

/* --- loads of segment registers --- */

CODE(load_ds, "mov ds, eax");
CODE(load_es, "mov es, eax");
CODE(load_fs, "mov fs, eax");
CODE(load_gs, "mov gs, eax");
CODE(load_ss, "mov ss, eax");
CODE(pop_ds, "pop ds");
CODE(lds_, "lds ecx, [ebx]");

/* DPL >= max(CPL, RPL), else #GP(selector). */
static void data_loads(void)
{
	static u8 *const code[] = {load_ds, load_es, load_fs, load_gs};
	static u8 *const end[] = {load_ds_end, load_es_end, load_fs_end, load_gs_end};

	descriptors();
	for (unsigned cpl = 0; cpl < 4; cpl++)
		for (unsigned rpl = 0; rpl < 4; rpl++)
			for (unsigned dpl = 0; dpl < 4; dpl++) {
				unsigned r = (cpl + rpl + dpl) & 3;
				struct state s = at_cpl(cpl, code[r]);
				u32 sel = S_DATA0 + dpl * 8 + rpl;

				s.eax = sel;
				if (dpl < cpl || dpl < rpl) {
					expect_trap("load", &s, V_GP, sel & ~3u, code[r]);
					continue;
				}
				expect_done("load", &s, end[r]);
				u32 got = r == 0 ? s.ds : r == 1 ? s.es : r == 2 ? s.fs : s.gs;
				expect("selector", got, sel);
			}
}

static void load_types(void)
{
	static const struct {
		const char *name;
		u32 sel, vector;
	} cases[] = {
		{"null", 0, V_DONE},
		{"null with RPL 3", 3, V_DONE},
		{"read-only data", S_RO3 | 3, V_DONE},
		{"readable code", S_CODE3 | 3, V_DONE},
		{"execute-only code", S_XO3 | 3, V_GP},
		{"conforming readable code of DPL 0", S_CONF0 | 3, V_DONE},
		{"not present", S_NP3 | 3, V_NP},
		{"system descriptor", S_SYS | 3, V_GP},
		{"beyond the limit", S_BEYOND | 3, V_GP},
		{"LDT with no LDT", 4 | 3, V_GP},
	};

	descriptors();
	asm volatile("lldt %w0" : : "r"(0));
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		u32 far_pointer[2] = {0x12345678, cases[i].sel};
		struct state s = at_cpl(3, load_es);

		s.eax = cases[i].sel;
		if (cases[i].vector == V_DONE) {
			expect_done(cases[i].name, &s, load_es_end);
			expect(cases[i].name, s.es, cases[i].sel);
		} else {
			expect_trap(cases[i].name, &s, cases[i].vector, cases[i].sel & ~3u,
			            load_es);
		}
		s = at_cpl(3, pop_ds);
		s.esp -= 4;
		*(u32 *)s.esp = cases[i].sel;
		if (cases[i].vector == V_DONE) {
			expect_done(cases[i].name, &s, pop_ds_end);
			expect("esp after pop ds", s.esp, RUN_STACK_TOP);
		} else {
			expect_trap(cases[i].name, &s, cases[i].vector, cases[i].sel & ~3u, pop_ds);
		}
		s = at_cpl(3, lds_);
		s.ebx = (u32)far_pointer;
		if (cases[i].vector == V_DONE) {
			expect_done(cases[i].name, &s, lds__end);
			expect("offset by lds", s.ecx, 0x12345678);
		} else {
			expect_trap(cases[i].name, &s, cases[i].vector, cases[i].sel & ~3u, lds_);
		}
	}
}

/* SS: RPL = CPL, DPL = CPL, writable; not present is #SS. */
static void stack_loads(void)
{
	descriptors();
	gdt_set(S_SYS, 0, 0xfffff, (ACC_DATAW | ACC_DPL3) & ~ACC_P, DESC_G | DESC_B);
	for (unsigned cpl = 0; cpl < 4; cpl++)
		for (unsigned rpl = 0; rpl < 4; rpl++)
			for (unsigned dpl = 0; dpl < 4; dpl++) {
				struct state s = at_cpl(cpl, load_ss);
				u32 sel = S_DATA0 + dpl * 8 + rpl;

				s.eax = sel;
				if (dpl == cpl && rpl == cpl) {
					expect_done("mov ss", &s, load_ss_end);
					expect("ss", s.ss, sel);
				} else {
					expect_trap("mov ss", &s, V_GP, sel & ~3u, load_ss);
				}
			}
	struct state s = at_cpl(3, load_ss);

	s.eax = S_NP3 | 3;
	expect_trap("not present", &s, V_SS, S_NP3, load_ss);
	s = at_cpl(3, load_ss);
	s.eax = S_RO3 | 3;
	expect_trap("read-only", &s, V_GP, S_RO3, load_ss);
	s = at_cpl(3, load_ss);
	s.eax = S_CODE3 | 3;
	expect_trap("code", &s, V_GP, S_CODE3, load_ss);
	for (u32 n = 0; n < 4; n++) {
		s = at_cpl(3, load_ss);
		s.eax = n;
		expect_trap("null", &s, V_GP, 0, load_ss);
	}
}

/* Loading sets the accessed bit; a fault does not. */
static void accessed(void)
{
	struct state s;

	descriptors();
	s = at_cpl(3, load_es);
	s.eax = S_RO3 | 3;
	expect("before", gdt_access(S_RO3) & 1, 0);
	expect_done("load", &s, load_es_end);
	expect("after", gdt_access(S_RO3) & 1, 1);
	s = at_cpl(3, load_es);
	s.eax = S_DATA0 + 0 * 8;
	gdt_set(S_DATA0, 0, 0xfffff, ACC_DATAW, DESC_G | DESC_B);
	expect_trap("load", &s, V_GP, S_DATA0, load_es);
	expect("after a fault", gdt_access(S_DATA0) & 1, 0);
}

CODE(use_ds, "mov al, ds:[ebx]");
CODE(use_es, "mov es:[ebx], al");

static void null_use(void)
{
	struct state s = at_cpl(3, use_ds);

	s.ds = 0;
	expect_trap("read through null", &s, V_GP, 0, use_ds);
	s = at_cpl(3, use_es);
	s.es = 0;
	expect_trap("write through null", &s, V_GP, 0, use_es);
	s = at_cpl(0, use_ds);
	s.ds = 0;
	expect_trap("at CPL 0", &s, V_GP, 0, use_ds);
}

/* The hidden part stays when the descriptor changes in memory. */
CODE(stale_code, "mov fs, eax\n"
                 "and dword ptr cs:[ecx+4], 0xffff7fff\n" /* not present */
                 "mov edx, fs:[ebx]\n"
                 "1: mov fs, eax");
static void hidden(void)
{
	static u32 value = 0xfeedface;
	struct state s;

	descriptors();
	s = at_cpl(0, stale_code);
	s.eax = S_DATA0;
	s.ebx = (u32)&value;
	s.ecx = (u32)&gdt[S_DATA0 / 8];
	s.ds = DATA0;
	/* CS cannot be written through: use DS. */
	stale_code[2] = 0x3e;
	cpu_run(&s);
	expect("vector", s.vector, V_NP);
	expect("error", s.error, S_DATA0);
	expect("value read through the old hidden part", s.edx, 0xfeedface);
	expect("eip", s.eip, (u32)stale_code_end - 2);
}

/* --- far jumps --- */

static struct {
	u32 offset;
	u16 sel;
} __attribute__((packed)) target;
CODE(far_jump, "jmp fword ptr [ebx]");
CODE(far_call, "call fword ptr [ebx]");
CODE(landing, "nop");
CODE(return_there, "retf");

static void far_jumps(void)
{
	static const struct {
		const char *name;
		unsigned cpl;
		u16 sel;
		u32 vector, error;
		u16 cs;
	} cases[] = {
		{"same level", 3, CODE3, V_DONE, 0, CODE3},
		{"RPL below CPL, non-conforming", 3, CODE3 & ~3, V_DONE, 0, CODE3},
		{"RPL above CPL", 1, CODE1 | 3, V_GP, CODE1 & ~3, 0},
		{"to an inner ring", 3, CODE0, V_GP, CODE0, 0},
		{"to an outer ring", 0, CODE3 & ~3, V_GP, CODE3 & ~3, 0},
		{"conforming, inner DPL", 3, S_CONF0, V_DONE, 0, S_CONF0 | 3},
		{"conforming, RPL ignored", 1, S_CONF0 | 3, V_DONE, 0, S_CONF0 | 1},
		{"conforming, outer DPL", 1, S_CONF2, V_GP, S_CONF2, 0},
		{"conforming, DPL 2 from 3", 3, S_CONF2, V_DONE, 0, S_CONF2 | 3},
		{"null", 3, 0, V_GP, 0, 0},
		{"data", 3, DATA3, V_GP, DATA3 & ~3, 0},
		{"LDT descriptor", 3, S_SYS, V_GP, S_SYS, 0},
		{"not present", 3, S_NPCODE | 3, V_NP, S_NPCODE, 0},
		{"beyond the limit", 3, S_BEYOND | 3, V_GP, S_BEYOND, 0},
	};

	descriptors();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned call = 0; call < 2; call++) {
			u8 *code = call ? far_call : far_jump;
			struct state s = at_cpl(cases[i].cpl, code);

			target.offset = (u32)landing;
			target.sel = cases[i].sel;
			s.ebx = (u32)&target;
			if (cases[i].vector == V_DONE) {
				u32 *top = (u32 *)s.esp;
				u32 from = s.cs;

				expect_done(cases[i].name, &s, landing_end);
				expect(cases[i].name, s.cs, cases[i].cs);
				if (call) {
					expect("pushed cs", top[-1], from);
					expect("pushed eip", top[-2], (u32)far_call_end);
					expect("esp", s.esp, (u32)(top - 2));
				}
			} else {
				expect_trap(cases[i].name, &s, cases[i].vector, cases[i].error,
				            code);
			}
		}
}

/* --- RETF outward --- */

CODE(retf_out, "retf");
CODE(retf_out_8, "retf 8");
CODE(iret_out, "iretd");

static u32 *stack_words(struct state *s, unsigned n)
{
	s->esp -= 4 * n;
	return (u32 *)s->esp;
}

/* From each ring to each outer one; data segments that the outer one may not
 * have are nulled.  SDM vol. 3, 5.8.6. */
static void far_returns(void)
{
	static const u16 codes[] = {CODE0, CODE1, CODE2, CODE3};
	static const u16 datas[] = {DATA0, DATA1, DATA2, DATA3};

	descriptors();
	for (unsigned from = 0; from < 4; from++)
		for (unsigned to = from; to < 4; to++) {
			struct state s = at_cpl(from, retf_out);
			u32 *w = stack_words(&s, 4);

			w[0] = (u32)landing;
			w[1] = codes[to];
			w[2] = (u32)scratch + 1024;
			w[3] = datas[to];
			s.ds = datas[from];
			s.es = (u32)(S_DATA0 + 3 * 8 + from);
			s.fs = S_CONF0 | from;
			s.gs = S_CODE3 | from;
			expect_done("retf", &s, landing_end);
			expect("cs", s.cs, codes[to]);
			expect("esp", s.esp, to == from ? (u32)(w + 2) : (u32)scratch + 1024);
			expect("ss", s.ss, datas[to]);
			expect("ds", s.ds, to == from ? datas[from] : 0);
			expect("es", s.es, S_DATA0 + 3 * 8 + from);
			expect("fs", s.fs, S_CONF0 | from);
			expect("gs", s.gs, S_CODE3 | from);
		}
	/* RETF n frees parameters on both stacks. */
	struct state s = at_cpl(0, retf_out_8);
	u32 *w = stack_words(&s, 6);

	w[0] = (u32)landing;
	w[1] = CODE3;
	w[4] = (u32)scratch + 1024;
	w[5] = DATA3;
	expect_done("retf 8", &s, landing_end);
	expect("esp", s.esp, (u32)scratch + 1024 + 8);
}

static void bad_returns(void)
{
	static const struct {
		const char *name;
		unsigned cpl;
		u16 cs, ss;
		u32 vector, error;
	} cases[] = {
		{"inward", 3, CODE0, DATA0, V_GP, CODE0},
		{"null cs", 0, 0, DATA0, V_GP, 0},
		{"data for cs", 0, DATA3, DATA3, V_GP, DATA3 & ~3},
		{"cs not present", 0, S_NPCODE | 3, DATA3, V_NP, S_NPCODE},
		{"null ss", 0, CODE3, 0, V_GP, 0},
		{"ss of another RPL", 0, CODE3, DATA3 & ~3, V_GP, DATA3 & ~3},
		{"ss of another DPL", 0, CODE3, DATA0 | 3, V_GP, DATA0},
		{"ss read-only", 0, CODE3, S_RO3 | 3, V_GP, S_RO3},
		{"ss not present", 0, CODE3, S_NP3 | 3, V_SS, S_NP3},
		{"cs of DPL below RPL", 0, CODE0 | 3, DATA3, V_GP, CODE0},
		{"conforming cs of DPL above RPL", 0, S_CONF2 | 1, DATA1, V_GP, S_CONF2},
		{"cs beyond the limit", 0, S_BEYOND | 3, DATA3, V_GP, S_BEYOND},
	};

	descriptors();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned iret = 0; iret < 2; iret++) {
			u8 *code = iret ? iret_out : retf_out;
			struct state s = at_cpl(cases[i].cpl, code);
			u32 *w = stack_words(&s, 5);

			*w++ = (u32)landing;
			*w++ = cases[i].cs;
			if (iret)
				*w++ = 2;
			*w++ = (u32)scratch + 1024;
			*w++ = cases[i].ss;
			expect_trap(cases[i].name, &s, cases[i].vector, cases[i].error, code);
		}
}

/* --- IOPL and ports --- */

CODE(cli_code, "cli");
CODE(sti_code, "sti\n nop");
CODE(in_code, "in al, dx");
CODE(in16_code, "in ax, dx");
CODE(in32_code, "in eax, dx");
CODE(out_code, "out 0x80, al");
CODE(insb_code, "insb");
CODE(outsb_code, "outsb");
CODE(popf_code, "popfd\n pushfd\n pop eax");
CODE(popf16_code, "popf\n pushfd\n pop eax");

static void iopl(void)
{
	for (unsigned cpl = 0; cpl < 4; cpl++)
		for (unsigned level = 0; level < 4; level++) {
			struct state s = at_cpl(cpl, cli_code);

			s.eflags |= level << 12;
			if (cpl <= level)
				expect_done("cli", &s, cli_code_end);
			else
				expect_trap("cli", &s, V_GP, 0, cli_code);
			s = at_cpl(cpl, sti_code);
			s.eflags |= level << 12;
			if (cpl <= level) {
				expect_done("sti", &s, sti_code_end);
				expect("IF", s.eflags & IF, IF);
			} else {
				expect_trap("sti", &s, V_GP, 0, sti_code);
			}
			/* The bitmap is beyond the TSS limit: every port is denied. */
			s = at_cpl(cpl, out_code);
			s.eflags |= level << 12;
			if (cpl <= level)
				expect_done("out", &s, out_code_end);
			else
				expect_trap("out", &s, V_GP, 0, out_code);
		}
}

/* Which of IF and IOPL POPF changes.  SDM vol. 2, POPF, table 4-15. */
static void popf(void)
{
	for (unsigned cpl = 0; cpl < 4; cpl++)
		for (unsigned level = 0; level < 4; level++)
			for (unsigned wide = 0; wide < 2; wide++) {
				struct state s = at_cpl(cpl, wide ? popf_code : popf16_code);
				u32 was = 2 | level << 12, now, want;

				s.eflags = was;
				now = 2 | IF | IOPL3 | CF | OF | DF | NT | (wide ? AC | ID : 0);
				want = now;
				if (cpl > 0)
					want = (want & ~(u32)IOPL3) | level << 12;
				if (cpl > level)
					want &= ~(u32)IF;
				if (wide) {
					*stack_words(&s, 1) = now;
				} else {
					s.esp -= 2;
					*(u16 *)s.esp = (u16)now;
				}
				cpu_run(&s);
				expect("vector", s.vector, V_DONE);
				expect("eflags", s.eax, want);
			}
	/* VM and RF are not for POPF to set; undefined bits read as they are. */
	struct state s = at_cpl(0, popf_code);

	*stack_words(&s, 1) = ~(u32)(TF | IF | NT | AC);
	cpu_run(&s);
	expect("eflags of all ones", s.eax & ~(u32)(ID | 0x180000), 0x3ed7 & ~(u32)IF);
}

static void bitmap(void)
{
	struct state s;

	gdt_set(TSS_MAIN, (u32)&main_tss, sizeof(main_tss) - 1, ACC_TSS32, 0);
	asm volatile("ltr %w0" : : "r"(TSS_MAIN));
	memset(main_tss.iomap, 0xff, sizeof(main_tss.iomap));
	main_tss.iomap[0x80 / 8] &= (u8)~1; /* port 80h */
	main_tss.iomap[0x61 / 8] &= (u8)~2; /* port 61h, 62h is denied */
	main_tss.iomap[0x388 / 8] = 0;      /* 388h to 38Fh */
	s = at_cpl(3, out_code);
	expect_done("out 80h", &s, out_code_end);
	s = at_cpl(3, in_code);
	s.edx = 0x61;
	expect_done("in 61h", &s, in_code_end);
	s = at_cpl(3, in_code);
	s.edx = 0x62;
	expect_trap("in 62h", &s, V_GP, 0, in_code);
	s = at_cpl(3, in16_code);
	s.edx = 0x61;
	expect_trap("in 61h and 62h", &s, V_GP, 0, in16_code);
	s = at_cpl(3, in32_code);
	s.edx = 0x38c;
	expect_done("in 38Ch, four ports", &s, in32_code_end);
	s = at_cpl(3, in32_code);
	s.edx = 0x38d;
	expect_trap("in 38Dh, four ports", &s, V_GP, 0, in32_code);
	s = at_cpl(3, insb_code);
	s.edx = 0x62;
	s.edi = (u32)scratch;
	expect_trap("insb", &s, V_GP, 0, insb_code);
	s = at_cpl(3, outsb_code);
	s.edx = 0x80;
	s.esi = (u32)scratch;
	expect_done("outsb", &s, outsb_code_end);
	s = at_cpl(3, in_code);
	s.edx = 0x1234;
	expect_trap("a port beyond the limit", &s, V_GP, 0, in_code);
	s = at_cpl(3, cli_code);
	expect_trap("cli has no bitmap", &s, V_GP, 0, cli_code);
	/* A port whose second byte of the map is beyond the limit. */
	gdt_set(TSS_MAIN, (u32)&main_tss, sizeof(main_tss.t) + 0x388 / 8 + 1, ACC_TSS32, 0);
	asm volatile("ltr %w0" : : "r"(TSS_MAIN));
	s = at_cpl(3, in_code);
	s.edx = 0x388;
	expect_done("two bytes of the map are inside", &s, in_code_end);
	gdt_set(TSS_MAIN, (u32)&main_tss, sizeof(main_tss.t) + 0x388 / 8, ACC_TSS32, 0);
	asm volatile("ltr %w0" : : "r"(TSS_MAIN));
	s = at_cpl(3, in_code);
	s.edx = 0x388;
	expect_trap("the second byte is not", &s, V_GP, 0, in_code);
	gdt_set(TSS_MAIN, (u32)&main_tss, sizeof(main_tss.t) - 1, ACC_TSS32, 0);
	asm volatile("ltr %w0" : : "r"(TSS_MAIN));
}

/* --- privileged instructions --- */

/* clang-format off */
#define PRIVILEGED(X)                                                                              \
	X(hlt, "hlt") X(clts, "clts") X(invd, "invd") X(wbinvd, "wbinvd")                          \
	X(lgdt, "lgdt [ebx]") X(lidt, "lidt [ebx]") X(lldt, "lldt ax") X(ltr, "ltr ax")            \
	X(lmsw, "lmsw ax") X(invlpg, "invlpg [ebx]") X(rdmsr, "rdmsr") X(wrmsr, "wrmsr")           \
	X(to_cr0, "mov cr0, eax") X(to_cr2, "mov cr2, eax") X(to_cr3, "mov cr3, eax")              \
	X(to_cr4, "mov cr4, eax") X(from_cr0, "mov eax, cr0") X(from_cr2, "mov eax, cr2")          \
	X(from_cr3, "mov eax, cr3") X(from_cr4, "mov eax, cr4") X(to_dr0, "mov dr0, eax")          \
	X(to_dr7, "mov dr7, eax") X(from_dr6, "mov eax, dr6") X(sysexit, "sysexit")                \
	X(rdpmc, "rdpmc")
/* clang-format on */
#define X(name, text) CODE(priv_##name, text);
PRIVILEGED(X)
#undef X

static void privileged(void)
{
	static const struct {
		const char *name;
		const u8 *code;
	} cases[] = {
#define X(name, text) {#name, priv_##name},
		PRIVILEGED(X)
#undef X
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned cpl = 1; cpl < 4; cpl++) {
			struct state s = at_cpl(cpl, cases[i].code);

			s.eflags |= IOPL3; /* is no help */
			s.ebx = (u32)scratch;
			s.ecx = 0x10;
			expect_trap(cases[i].name, &s, V_GP, 0, cases[i].code);
		}
}

CODE(rdtsc_code, "rdtsc");
static void tsd(void)
{
	struct state s = at_cpl(3, rdtsc_code);

	expect_done("rdtsc", &s, rdtsc_code_end);
	write_cr4(read_cr4() | CR4_TSD);
	s = at_cpl(3, rdtsc_code);
	expect_trap("rdtsc with TSD", &s, V_GP, 0, rdtsc_code);
	s = at_cpl(0, rdtsc_code);
	expect_done("rdtsc with TSD at CPL 0", &s, rdtsc_code_end);
	write_cr4(read_cr4() & ~(u32)CR4_TSD);
}

/* Reserved bits and combinations of the control registers. */
CODE(cr0_code, "mov cr0, eax");
CODE(cr4_code, "mov cr4, eax");
CODE(rdmsr_code, "rdmsr");
CODE(wrmsr_code, "wrmsr");
static void control(void)
{
	struct state s = at_cpl(0, rdmsr_code);

	s.ecx = 0x12345678;
	expect_trap("rdmsr of nothing", &s, V_GP, 0, rdmsr_code);
	s = at_cpl(0, wrmsr_code);
	s.ecx = 0x12345678;
	expect_trap("wrmsr of nothing", &s, V_GP, 0, wrmsr_code);
	expect("PE and ET", read_cr0() & 0x11, 0x11);
}

static void control_bits(void)
{
	struct state s = at_cpl(0, cr0_code);

	s.eax = (u32)CR0_PG;
	expect_trap("PG without PE", &s, V_GP, 0, cr0_code);
	s = at_cpl(0, cr0_code);
	s.eax = read_cr0() | 0x20000000;
	expect_trap("NW without CD", &s, V_GP, 0, cr0_code);
	s = at_cpl(0, cr4_code);
	s.eax = 0x80000000;
	expect_trap("reserved bit of CR4", &s, V_GP, 0, cr4_code);
}

/* --- SYSENTER, SYSEXIT --- */

CODE(enter_code, "sysenter");
CODE(enter_target, "pushfd\n pop edi");
CODE(exit_code, "sysexit");

static void sysenter(void)
{
	struct state s;
	u32 regs[4];

	cpuid(1, regs);
	expect("SEP", regs[3] >> 11 & 1, 1);
	wrmsr(0x174, 0);
	s = at_cpl(3, enter_code);
	expect_trap("sysenter with CS 0", &s, V_GP, 0, enter_code);
	s = at_cpl(0, exit_code);
	expect_trap("sysexit with CS 0", &s, V_GP, 0, exit_code);
	wrmsr(0x174, CODE0);
	wrmsr(0x175, RUN_STACK_TOP - 1024);
	wrmsr(0x176, (u32)enter_target);
	expect("MSR 174h", (u32)rdmsr(0x174), CODE0);
	for (unsigned cpl = 0; cpl < 4; cpl++) {
		s = at_cpl(cpl, enter_code);
		s.eflags = 2 | IOPL3 | IF | CF;
		expect_done("sysenter", &s, enter_target_end);
		expect("cs", s.cs, CODE0);
		expect("ss", s.ss, DATA0);
		expect("esp", s.esp, RUN_STACK_TOP - 1024);
		expect("eflags", s.edi, 2 | IOPL3 | CF);
		expect("ecx", s.ecx, 0xc0c1c2c3);
	}
	s = at_cpl(0, exit_code);
	s.edx = (u32)landing;
	s.ecx = (u32)scratch + 2048;
	expect_done("sysexit", &s, landing_end);
	expect("cs", s.cs, CODE3);
	expect("ss", s.ss, DATA3);
	expect("esp", s.esp, (u32)scratch + 2048);
	/* The segments are flat by definition, whatever the GDT says. */
	u64 code0 = gdt[CODE0 / 8], code3 = gdt[CODE3 / 8];

	gdt_set(CODE3, 0x1000, 0x10, ACC_CODER | ACC_DPL3, 0);
	s = at_cpl(0, exit_code);
	s.edx = (u32)landing;
	s.ecx = (u32)scratch + 2048;
	expect_done("sysexit with another descriptor", &s, landing_end);
	gdt[CODE3 / 8] = code3;
	gdt[CODE0 / 8] = code0;
}

static const struct test tests[] = {
	{"data-loads", "SDM vol. 3, 5.6", data_loads},
	{"load-types", "SDM vol. 2, MOV and POP", load_types},
	{"stack-loads", "SDM vol. 3, 5.7", stack_loads},
	{"accessed", "SDM vol. 3, 3.4.5.1", accessed},
	{"null-use", "SDM vol. 3, 3.4.2", null_use},
	{"hidden", "SDM vol. 3, 3.4.3", hidden},
	{"far-jumps", "SDM vol. 3, 5.8.1", far_jumps},
	{"far-returns", "SDM vol. 3, 5.8.6", far_returns},
	{"bad-returns", "SDM vol. 2, RET and IRET", bad_returns},
	{"iopl", "SDM vol. 1, 19.5.1", iopl},
	{"popf", "SDM vol. 2, POPF", popf},
	{"bitmap", "SDM vol. 1, 19.5.2", bitmap},
	{"privileged", "SDM vol. 3, 5.9", privileged},
	{"tsd", "SDM vol. 3, 2.5", tsd},
	{"control", "SDM vol. 3, 2.5", control},
	{"control-bits", "SDM vol. 2, MOV CR", control_bits},
	{"sysenter", "SDM vol. 3, 5.8.7", sysenter},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
