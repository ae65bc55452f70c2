/* x87, MMX and SSE state as the system sees it: environments, saved images, exceptions, lazy
 * switching through CR0.TS. */
#include "rt/pages.h"

struct env32 {
	u32 control, status, tag, fip, fcs_op, fdp, fds;
};

struct save32 {
	struct env32 env;
	u8 st[8][10];
};

struct fxsave {
	u16 control, status;
	u8 tag, pad0;
	u16 op;
	u32 fip;
	u16 fcs, pad1;
	u32 fdp;
	u16 fds, pad2;
	u32 mxcsr, mxcsr_mask;
	u8 st[8][16];
	u8 xmm[8][16];
	u8 reserved[224];
} __attribute__((aligned(16)));

static void ready(void)
{
	write_cr0((read_cr0() & ~(u32)(CR0_TS | CR0_EM)) | CR0_NE | CR0_MP);
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	asm volatile("fninit");
}

static const u32 pi_bits[] = {0x54442d18, 0x400921fb};

/* --- environments --- */

CODE(env_code, "fninit\n fld qword ptr [ebx]\n fadd qword ptr [ebx]\n fnstenv [edi]");

static void environment(void)
{
	static struct env32 env;
	struct state s = at_cpl(3, env_code);

	ready();
	memset(&env, 0xee, sizeof(env));
	s.ebx = (u32)pi_bits;
	s.edi = (u32)&env;
	expect_done("fnstenv", &s, env_code_end);
	expect("control", env.control & 0xffff, 0x37f);
	expect("top", env.status >> 11 & 7, 7);
	expect("tag", env.tag & 0xffff, 0x3fff);
	/* FNSTENV masks all exceptions; here they were masked already. */
	static struct save32 saved, again;

	asm volatile("fninit; fld1; fldl %1; fldz; fnsave %0" : "=m"(saved) : "m"(pi_bits));
	expect("tags", saved.env.tag & 0xffff, 0x07ff);
	expect("st(1)'s exponent", *(u16 *)(saved.st[1] + 8), 0x4000);
	expect("st(2)'s exponent", *(u16 *)(saved.st[2] + 8), 0x3fff);
	expect("st(0) is 0", *(u32 *)(saved.st[0] + 4), 0);
	asm volatile("fnsave %0" : "=m"(again)); /* FNSAVE has initialized */
	expect("tags after fnsave", again.env.tag & 0xffff, 0xffff);
	/* The registers stay where they are, and ST(0) is again the first. */
	expect("st(7)'s exponent after fnsave", *(u16 *)(again.st[7] + 8), 0x3fff);
	expect("st(6)'s exponent after fnsave", *(u16 *)(again.st[6] + 8), 0x4000);
	expect("control after fnsave", again.env.control & 0xffff, 0x37f);
	saved.env.control &= ~1u; /* invalid, pending: no processor loses the pointers */
	saved.env.status |= 0x8081;
	asm volatile("frstor %1; fnsave %0" : "=m"(again) : "m"(saved));
	expect("restored", memcmp(saved.st, again.st, sizeof(saved.st)), 0);
	expect("restored tags", again.env.tag & 0xffff, saved.env.tag & 0xffff);
	expect("restored fip", again.env.fip, saved.env.fip);
	asm volatile("fninit");
}

/* The 16-bit layouts, by a 66 prefix. */
static void environment16(void)
{
	struct {
		u16 control, status, tag, ip, cs, dp, ds;
		u8 rest[80];
	} __attribute__((packed)) env;

	ready();
	memset(&env, 0xee, sizeof(env));
	asm volatile("fld1; .byte 0x66; fnstenv %0" : "=m"(env));
	expect("control", env.control, 0x37f);
	expect("tag", env.tag, 0x3fff);
	expect("cs", env.cs, CODE0);
	expect("14 bytes", env.rest[0], 0xee);
	memset(&env, 0xee, sizeof(env));
	asm volatile("fninit; fld1; .byte 0x66; fnsave %0" : "=m"(env));
	expect("st(0)'s exponent", *(u16 *)(env.rest + 8), 0x3fff);
	asm volatile("fninit");
}

static void fxsave_image(void)
{
	static struct fxsave image, again;

	ready();
	memset(&image, 0xcc, sizeof(image));
	asm volatile("fninit; fld1; fldl %1\n"
	             "movups %2, %%xmm0; movups %2, %%xmm7; fxsave %0"
	             : "=m"(image)
	             : "m"(pi_bits), "m"(*(const u8(*)[16]) "0123456789abcdef"));
	expect("control", image.control, 0x37f);
	expect("top", image.status >> 11 & 7, 6);
	expect("abridged tag", image.tag, 0xc0);
	expect("mxcsr", image.mxcsr, 0x1f80);
	expect("st(0)'s exponent", *(u16 *)(image.st[0] + 8), 0x4000);
	expect("st(1)'s exponent", *(u16 *)(image.st[1] + 8), 0x3fff);
	expect("xmm0", memcmp(image.xmm[0], "0123456789abcdef", 16), 0);
	expect("xmm7", memcmp(image.xmm[7], "0123456789abcdef", 16), 0);
	/* There are eight XMM registers; the rest of the area is not written. */
	for (u32 i = 0; i < sizeof(image.reserved); i++)
		if (image.reserved[i] != 0xcc) {
			fail("byte %u of the reserved part was written", i);
			break;
		}
	asm volatile("fninit; xorps %%xmm0, %%xmm0; xorps %%xmm7, %%xmm7\n"
	             "fxrstor %1; fxsave %0"
	             : "=m"(again)
	             : "m"(image));
	for (u32 i = 0; i < 8; i++)
		expect("restored x87", memcmp(image.st[i], again.st[i], 10), 0);
	expect("restored xmm", memcmp(image.xmm, again.xmm, sizeof(image.xmm)), 0);
	asm volatile("fninit");
}

/* Where the culprit was, with an exception pending: without one, some processors store no
 * pointers (AMD APM vol. 5, FXSAVE). */
CODE(fx_pending, "fldcw [ebx]\n fld1\n fldz\n fx_div: fdivp\n fxsave [edi]\n fnclex\n fninit");
LABEL(fx_div);
static void fxsave_pending(void)
{
	static const u16 unmasked = 0x37b; /* ZM clear */
	static struct fxsave image;

	for (unsigned cpl = 0; cpl < 4; cpl += 3) {
		struct state s = at_cpl(cpl, fx_pending);

		ready();
		s.ebx = (u32)&unmasked;
		s.edi = (u32)&image;
		expect_done("fxsave", &s, fx_pending_end);
		expect("fip", image.fip, (u32)fx_div);
		expect("fcs", image.fcs, cpl ? CODE3 : CODE0);
		expect("opcode", image.op, 0x6f9); /* DE F9 */
		expect("ES", image.status & 0x80, 0x80);
	}
}

/* With an exception pending all processors keep the data pointer; without, newer ones of Intel's
 * do not (SDM vol. 1, 8.1.8; CPUID.07H:EBX, bits 6 and 13), and AMD's none over a switch of the
 * host's processes.  A signalling NaN is invalid, pi in single or double precision inexact. */
enum {
	S_ES = SEL_FREE | 3,
	S_SS = (SEL_FREE + 8) | 3,
	S_FS = (SEL_FREE + 16) | 3,
	S_GS = (SEL_FREE + 24) | 3
};
#define POINTERS(X)                                                                                \
	X(ds, "fadd dword ptr [ebx]", DATA3, near)                                                 \
	X(ds_stack, "fadd dword ptr ds:[ebp]", DATA3, near)                                        \
	X(es, "fadd dword ptr es:[ecx+0x80]", S_ES, 0x100)                                         \
	X(fs, "fadd dword ptr fs:[ecx*2]", S_FS, 0x100)                                            \
	X(gs16, "addr16 fadd dword ptr gs:[di]", S_GS, 0x100)                                      \
	X(cs, "fadd dword ptr cs:[ebx]", CODE3, near)                                              \
	X(ss_ebp, "fadd dword ptr [ebp]", S_SS, near)                                              \
	X(ss_esp, "fadd dword ptr [esp+4]", S_SS, RUN_STACK_TOP + 4)                               \
	X(ss_override, "fadd dword ptr ss:[ebx]", S_SS, near)                                      \
	X(code, "fst dword ptr [edx]", DATA3, code)                                                \
	X(code_es, "fst dword ptr es:[eax]", S_ES, code - es)                                      \
	X(code_again, "fst dword ptr [edx]; mov [edx-8], eax", DATA3, code)                        \
	X(across, "fst qword ptr [edx+0xfbd]", DATA3, code + 0xfbd)
#define POINTERS_CODE(name, text, seg, off)                                                        \
	CODE(ptr_##name, "fninit\n fldcw [esi]\n fldpi\n ptr_at_" #name ": " text "\n"             \
	                 "fnstenv [esi+16]\n fxsave [esi+64]\n fnsave [esi+576]");                 \
	LABEL(ptr_at_##name);
POINTERS(POINTERS_CODE)

CODE(ptr_kernel, "fninit\n fldcw [ebx]\n fld1\n mov ecx, 0x80\n"
                 "ptr_kernel_at: fadd dword ptr es:[ecx+0x80]\n mov ecx, 0xc1c1c1c1");
LABEL(ptr_kernel_at);

static void pointers_one(const char *name, struct state *s, const void *end, const void *at,
                         u32 selector, u32 offset)
{
	static struct {
		u16 control, pad[7];
		struct env32 env;
		u32 pad2[5];
		struct fxsave fx;
		struct save32 saved;
	} __attribute__((aligned(64))) o;

	ready();
	memset(&o, 0, sizeof(o));
	o.control = 0x35e; /* IM, PM clear */
	s->esi = (u32)&o;
	expect_done(name, s, end);
	expect("FNSTENV: fip", o.env.fip, (u32)at);
	expect("FNSTENV: fcs", o.env.fcs_op & 0xffff, CODE3);
	expect("FNSTENV: fdp", o.env.fdp, offset);
	expect("FNSTENV: fds", o.env.fds & 0xffff, selector);
	expect("FXSAVE: fip", o.fx.fip, (u32)at);
	expect("FXSAVE: fdp", o.fx.fdp, offset);
	expect("FXSAVE: fds", o.fx.fds, selector);
	expect("FNSAVE: fdp", o.saved.env.fdp, offset);
	expect("FNSAVE: fds", o.saved.env.fds & 0xffff, selector);
}

/* The fourth time what has been translated runs, and stores as often as not in their second way. */
static void pointers(void)
{
	static const u32 snan = 0x7f800001;
	u32 near = (u32)&snan, es = near - 0x100, code = ((u32)scratch | 0xfff) + 0x41;

	gdt_set(S_ES, es, 0xfffff, ACC_DATAW | ACC_DPL3, DESC_G | DESC_B);
	gdt_set(S_SS, 0, 0xfffff, ACC_DATAW | ACC_DPL3, DESC_G | DESC_B);
	gdt_set(S_FS, es, 0xfffff, ACC_DATAW | ACC_DPL3, DESC_G | DESC_B);
	gdt_set(S_GS, es, 0xfffff, ACC_DATAW | ACC_DPL3, DESC_G | DESC_B);
	*(u32 *)(RUN_STACK_TOP + 4) = snan;
	for (unsigned n = 0; n < 4; n++) {
#define POINTERS_RUN(name, text, seg, off)                                                         \
	{                                                                                          \
		struct state s = at_cpl(3, ptr_##name);                                            \
		s.es = S_ES;                                                                       \
		s.ss = S_SS;                                                                       \
		s.fs = S_FS;                                                                       \
		s.gs = S_GS;                                                                       \
		s.ebx = s.ebp = near;                                                              \
		s.ecx = 0x80;                                                                      \
		s.edi = 0x100;                                                                     \
		s.edx = code;                                                                      \
		s.eax = code - es;                                                                 \
		/* A page of code that has run: the store is done in another way. */               \
		*(u8 *)(code + 0x80) = 0xc3;                                                       \
		((void (*)(void))(code + 0x80))();                                                 \
		pointers_one(#name, &s, ptr_##name##_end, ptr_at_##name, seg, off);                \
	}
		POINTERS(POINTERS_RUN)
	}
	/* Looked at by a system whose segments are others. */
	static const u16 unmasked = 0x37e;
	static struct env32 env;
	struct state s = at_cpl(3, ptr_kernel);

	s.es = S_ES;
	s.ebx = (u32)&unmasked;
	expect_done("kernel", &s, ptr_kernel_end);
	asm volatile("fnstenv %0; fninit" : "=m"(env));
	expect("from CPL 0: fip", env.fip, (u32)ptr_kernel_at);
	expect("from CPL 0: fcs", env.fcs_op & 0xffff, CODE3);
	expect("from CPL 0: fdp", env.fdp, 0x100);
	expect("from CPL 0: fds", env.fds & 0xffff, S_ES);
}

/* An empty stack and a clean status word; never a host's address.  What a switch of the host's
 * processes may lose is 0. */
CODE(fx_empty, "fninit\n fld1\n fx_pop: fstp st(0)\n fxsave [edi]");
LABEL(fx_pop);
static void fxsave_empty(void)
{
	static struct fxsave image;

	for (u32 tries = 0; tries < 1000; tries++) {
		struct state s = at_cpl(3, fx_empty);

		ready();
		s.edi = (u32)&image;
		expect_done("fxsave", &s, fx_empty_end);
		expect("tag", image.tag, 0);
		if (image.fip || image.fdp)
			break;
	}
	expect("fip", image.fip, (u32)fx_pop);
	expect("fcs", image.fcs, CODE3);
	expect("opcode", image.op, 0x5d8); /* DD D8 */
	expect("fdp", image.fdp, 0);
}

CODE(fxsave_code, "fxsave [ebx]");
CODE(fxrstor_code, "fxrstor [ebx]");
CODE(ldmxcsr_code, "ldmxcsr [ebx]");
CODE(movaps_code, "movaps xmm0, [ebx]");
static void alignment(void)
{
	static struct fxsave image;
	struct state s = at_cpl(3, fxsave_code);

	ready();
	asm volatile("fxsave %0" : "=m"(image));
	s.ebx = (u32)&image + 8;
	expect_trap("fxsave", &s, V_GP, 0, fxsave_code);
	s = at_cpl(3, fxrstor_code);
	s.ebx = (u32)&image + 4;
	expect_trap("fxrstor", &s, V_GP, 0, fxrstor_code);
	s = at_cpl(3, movaps_code);
	s.ebx = (u32)&image + 8;
	expect_trap("movaps", &s, V_GP, 0, movaps_code);
	image.mxcsr = 0x80001f80;
	s = at_cpl(3, ldmxcsr_code);
	s.ebx = (u32)&image.mxcsr;
	expect_trap("ldmxcsr of a reserved bit", &s, V_GP, 0, ldmxcsr_code);
	s = at_cpl(3, fxrstor_code);
	s.ebx = (u32)&image;
	expect_trap("fxrstor of a reserved bit", &s, V_GP, 0, fxrstor_code);
}

/* Told in another space than that of the instruction. */
static void pointers_space(void)
{
	static u8 code[2 * 4096] __attribute__((aligned(4096)));
	static u32 other_dir[1024] __attribute__((aligned(4096)));
	static u32 other_table[1024] __attribute__((aligned(4096)));
	static const u8 fadd[] = {0xd8, 0x03, 0xc3}; /* fadd dword ptr [ebx]; ret */
	static const u32 snan = 0x7f800001;
	static const u16 unmasked = 0x35e; /* IM clear */
	static struct env32 env;
	u32 at = (u32)code >> 22;

	ready();
	memcpy(code, fadd, sizeof(fadd));
	pages_on();
	memcpy(other_dir, page_dir, 4096);
	memcpy(other_table, page_tables[at], 4096);
	other_dir[at] = (u32)other_table | PTE_ALL;
	other_table[(u32)code >> 12 & 1023] = (u32)(code + 4096) | PTE_ALL;
	for (u32 i = 0; i < 3; i++) {
		asm volatile("fninit; fldcw %1; fldpi; call *%2; mov %4, %%cr3\n"
		             "fnstenv %0; mov %5, %%cr3; fninit"
		             : "=m"(env)
		             : "m"(unmasked), "r"(code), "b"(&snan), "r"(other_dir), "r"(page_dir)
		             : "memory");
		expect("fip", env.fip, (u32)code);
		expect("fdp", env.fdp, (u32)&snan);
		expect("opcode", env.fcs_op >> 16 & 0x7ff, 0x003);
	}
	pages_off();
}

/* --- exceptions --- */

CODE(mf_code, "fldcw [ebx]\n fld1\n fldz\n mf_div: fdivp\n nop\n mf_wait: fwait\n nop");
CODE(mf_next, "fldcw [ebx]\n fld1\n fldz\n fdivp\n nop\n mf_next_at: fld1");
CODE(mf_none, "fldcw [ebx]\n fld1\n fldz\n fdivp\n fnstsw ax\n fnclex\n fld1");
LABEL(mf_div);
LABEL(mf_wait);
LABEL(mf_next_at);

/* An unmasked x87 exception waits for the next x87 instruction: #MF there, with FIP at the culprit. */
static void math_fault(void)
{
	static const u16 unmasked = 0x37b; /* ZM clear */
	static struct env32 env;
	struct state s = at_cpl(3, mf_code);

	ready();
	s.ebx = (u32)&unmasked;
	cpu_run(&s);
	expect("vector", s.vector, V_MF);
	expect("eip", s.eip, (u32)mf_wait);
	asm volatile("fnstenv %0" : "=m"(env));
	expect("fip", env.fip, (u32)mf_div);
	expect("fcs", env.fcs_op & 0xffff, CODE3); /* not the handler's */
	expect("ZE and ES", env.status & 0x84, 0x84);
	asm volatile("fninit");
	s = at_cpl(3, mf_next);
	s.ebx = (u32)&unmasked;
	cpu_run(&s);
	expect("by the next instruction: vector", s.vector, V_MF);
	expect("by the next instruction: eip", s.eip, (u32)mf_next_at);
	asm volatile("fninit");
	s = at_cpl(3, mf_none);
	s.ebx = (u32)&unmasked;
	expect_done("cleared in time", &s, mf_none_end);
	expect("ZE in ax", s.eax & 0x84, 0x84);
	asm volatile("fninit");
}

CODE(xm_code, "ldmxcsr [ebx]\n xm_at: divss xmm0, xmm1");
LABEL(xm_at);
static void simd_fault(void)
{
	static u32 mxcsr = 0x1f80 & ~(1u << 9); /* ZM clear */
	static const u32 one[4] = {0x3f800000};
	struct state s = at_cpl(3, xm_code);

	ready();
	asm volatile("movups %0, %%xmm0; xorps %%xmm1, %%xmm1" : : "m"(one));
	s.ebx = (u32)&mxcsr;
	cpu_run(&s);
	expect("vector", s.vector, V_XM);
	expect("eip", s.eip, (u32)xm_at);
	u32 now;

	asm volatile("stmxcsr %0" : "=m"(now));
	expect("ZE", now & 4, 4);
	/* Without OSXMMEXCPT it is #UD. */
	write_cr4(read_cr4() & ~(u32)CR4_OSXMMEXCPT);
	mxcsr = 0x1f80 & ~(1u << 9);
	s = at_cpl(3, xm_code);
	s.ebx = (u32)&mxcsr;
	cpu_run(&s);
	expect("without OSXMMEXCPT", s.vector, V_UD);
	expect("eip", s.eip, (u32)xm_at);
	write_cr4(read_cr4() | CR4_OSXMMEXCPT);
	now = 0x1f80;
	asm volatile("ldmxcsr %0" : : "m"(now));
}

/* --- MMX and x87 share registers --- */

static void mmx(void)
{
	static struct save32 saved;
	static const u32 value[2] = {0x89abcdef, 0x01234567};
	u32 lo, hi;

	ready();
	asm volatile("movq %2, %%mm3; movd %%mm3, %0; psrlq $32, %%mm3; movd %%mm3, %1"
	             : "=r"(lo), "=r"(hi)
	             : "m"(value));
	expect("low", lo, 0x89abcdef);
	expect("high", hi, 0x01234567);
	asm volatile("fninit; movq %1, %%mm2; fnsave %0" : "=m"(saved) : "m"(value));
	expect("no tag is empty", saved.env.tag & saved.env.tag >> 1 & 0x5555, 0);
	expect("top is 0", saved.env.status >> 11 & 7, 0);
	expect("exponent all ones", *(u16 *)(saved.st[2] + 8), 0xffff);
	expect("mantissa", memcmp(saved.st[2], value, 8), 0);
	asm volatile("movq %1, %%mm2; emms; fnsave %0" : "=m"(saved) : "m"(value));
	expect("emms", saved.env.tag & 0xffff, 0xffff);
}

/* --- computation, interrupted and switched lazily --- */

/* Sum of 1/k for k = n..1, the same to the last bit however often it is disturbed. */
CODE(harmonic, "fldz\n 1: push ecx\n fld1\n fidiv dword ptr [esp]\n faddp\n pop ecx\n"
               "cvtsi2ss xmm0, ecx\n addss xmm1, xmm0\n int 0x80\n loop 1b\n fstp tbyte ptr [edi]\n"
               "movss [edi+12], xmm1");

static struct fxsave contexts[2], *owner, *current;
static u32 switches;
/* INT 80h: as if the other task's turn had come, and its own again: only TS is set. */
static bool lazy(struct frame *f)
{
	if (f->vector == V_SYSCALL) {
		write_cr0(read_cr0() | CR0_TS);
		/* The other task uses the FPU for a while, every third time. */
		if (f->ecx % 3 == 0) {
			asm volatile("clts; fxsave %0; fninit; fldpi; fldpi\n"
			             "xorps %%xmm1, %%xmm1; xorps %%xmm0, %%xmm0"
			             : "=m"(contexts[0]));
			owner = NULL;
			write_cr0(read_cr0() | CR0_TS);
		}
		return true;
	}
	if (f->vector == V_NM) {
		asm volatile("clts");
		if (!owner) {
			asm volatile("fxrstor %0" : : "m"(contexts[0]));
			owner = current;
		}
		switches++;
		return true;
	}
	return false;
}

static bool ignore(struct frame *f)
{
	return f->vector == V_SYSCALL;
}

static void lazy_switch(void)
{
	static u8 a[16], b[16];
	struct state s = at_cpl(3, harmonic);

	ready();
	asm volatile("xorps %%xmm1, %%xmm1" : :);
	trap_hook = ignore;
	s.ecx = 2000;
	s.edi = (u32)a;
	expect_done("alone", &s, harmonic_end);
	asm volatile("fninit; xorps %%xmm1, %%xmm1" : :);
	trap_hook = lazy;
	switches = 0;
	owner = current = &contexts[0];
	s = at_cpl(3, harmonic);
	s.ecx = 2000;
	s.edi = (u32)b;
	expect_done("switched", &s, harmonic_end);
	expect("the same sum", memcmp(a, b, 16), 0);
	expect("#NM each time", switches, 2000);
	expect("it is a number", a[9] == 0x40, 1);
	asm volatile("clts; fninit");
}

static const struct test tests[] = {
	{"environment", "SDM vol. 1, 8.1.10", environment},
	{"environment16", "SDM vol. 1, 8.1.10", environment16},
	{"fxsave", "SDM vol. 2, FXSAVE", fxsave_image},
	{"fxsave-pending", "SDM vol. 1, 8.1.8 and 10.5.1", fxsave_pending},
	{"pointers", "SDM vol. 1, 8.1.8", pointers},
	{"pointers-space", "SDM vol. 1, 8.1.8", pointers_space},
	{"fxsave-empty", "SDM vol. 1, 8.1.8 and 10.5.1", fxsave_empty},
	{"alignment", "SDM vol. 2, FXSAVE, FXRSTOR, LDMXCSR", alignment},
	{"math-fault", "SDM vol. 1, 8.7; vol. 3, 6.15, interrupt 16", math_fault},
	{"simd-fault", "SDM vol. 3, 6.15, interrupt 19", simd_fault},
	{"mmx", "SDM vol. 1, 9.2 and 9.5", mmx},
	{"lazy-switch", "SDM vol. 3, 13.4.1", lazy_switch},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
