/* links: monitor */
/* wraps: monitor_enter callout_run leaf_run */
/* Kicks at every host instruction of translated code: the host is single-stepped through
 * small guest programs, of user and supervisor, with and without paging, and a signal comes at
 * one boundary after the other.  The dispatcher must be reached within bounded work (I4), and
 * the guest must compute what it does without. */
#define _GNU_SOURCE
#include "monitor/internal.h"

#include "host/frame.h"
#include "host/signal.h"

#include "stepping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum {
	CODE = 0x10000,
	IN_CODE = CODE + 0xf00, /* data, on the page of the code: stores are redirected */
	DATA = 0x20000,
	ROUNDS = DATA + 0xff0, /* that are still to come */
	PHASE = DATA + 0xff4,
	STACK = DATA + 0x1f00,
	GDT = 0x30000,
	IDT = 0x30100,
	TSS = 0x32000,
	KERNEL_CODE = 0x31000,
	KERNEL_STACK = 0x33f00,
	DIRECTORY = 0x200000,
	TABLE = 0x201000,          /* of what is below 4 MiB, that of the kernel behind it */
	SOMETIMES = 0x40000,       /* a page that comes and goes */
	KERNEL_BASE = 0xc0000000u, /* the same pages, for supervisors */
	BEGIN = 0x80,
	END = 0x81,    /* ports */
	WARM = 40,     /* rounds, until everything is chained and every site adapted */
	LIVE = 6,      /* rounds after that, in the first of which kicks come */
	LAST = 3,      /* rounds before the end without kicks */
	TIMES = 2,     /* that a kick comes at the same host PC of a program */
	WHOLE = 2,     /* entries that are stepped from C to C; later ones: the code cache */
	BEYOND = 12,   /* boundaries of the second one, in which they come too */
	PCS = 4096,    /* a power of two */
	MANY = 100000, /* polls in a run that gets nowhere */
	BOUND = 256,   /* instructions of units, with their checks, from a kick to the dispatcher */
};

#define STR(x) STR_(x)
#define STR_(x) #x

/* A guest program: WARM rounds of the body, BEGIN, LIVE rounds, END, and again. */
#define PROGRAM(name, body)                                                                        \
	extern const uint8_t name##_code[], name##_end[];                                          \
	__asm__(".pushsection .rodata\n.code32\n.intel_syntax noprefix\n" #name "_code:\n"         \
	        "start_" #name ": cld\n"                                                           \
	        "xor eax, eax; mov ecx, 1; mov edx, 2; mov ebx, 0x20000\n"                         \
	        "xor ebp, ebp; mov esi, 0x20100; mov edi, 0x20200; finit\n"                        \
	        "mov dword ptr ds:[0x20ff4], 0; mov dword ptr ds:[0x20ff0], 40\n"                  \
	        "round_" #name ":\n" body "\n"                                                     \
	        "dec dword ptr ds:[0x20ff0]; jnz round_" #name "\n"                                \
	        "cmp dword ptr ds:[0x20ff4], 0; jne done_" #name "\n"                              \
	        "mov dword ptr ds:[0x20ff4], 1; mov dword ptr ds:[0x20ff0], 6\n"                   \
	        "out 0x80, al; jmp round_" #name "\n"                                              \
	        "done_" #name ": out 0x81, al; jmp start_" #name "\n" #name                        \
	        "_end:\n.code64\n.att_syntax\n.popsection")

PROGRAM(pushf, "call 1f; jmp 2f; 1: .rept 6; pushfd; pop eax; .endr; ret; 2: add ecx, eax");
PROGRAM(pushf_jump, "pushfd; pop eax; pushfw; pop dx; add ecx, eax; jmp 1f; 1:");
PROGRAM(popf, "call 1f; jmp 2f; 1: push 0x8d5; popfd; push 2; popfd; ret; 2: adc ecx, 1");
PROGRAM(popf_jump, "push 0x8d5; popfd; jc 1f; inc ebp; 1: push 0x40; popfd; jz 2f; inc ebp; 2:");
PROGRAM(calls,
        "call 1f; call 1f; jmp 9f; 1: inc ecx; call 2f; ret; 2: push 5; call 3f; inc edx; ret;"
        "3: ret 4; 9:");
PROGRAM(indirect,
        "call 0f; 0: pop eax; lea ebp, [eax + 1f - 0b]; call ebp; lea ebp, [eax + 2f - 0b];"
        "push ebp; ret; 1: inc ecx; ret; 2: lea ebp, [eax + 3f - 0b]; mov [ebx], ebp;"
        "jmp dword ptr [ebx]; 3: call 4f; jmp 5f; 4: ret; 5: xor ebp, ebp; xor eax, eax");
PROGRAM(branches,
        "mov ecx, 3; 1: loop 1b; jecxz 2f; inc ebp; 2: test dl, 1; jz 3f; inc ebp; 3: inc edx;"
        "cmp edx, 7; cmovg ebp, edx; setl al; jo 4f; jmp 5f; 4: inc ebp; 5:");
PROGRAM(strings, "mov esi, 0x20100; mov edi, 0x20200; mov ecx, 5; rep movsd; mov ecx, 4; mov al, 7;"
                 "repne scasb; lodsb; stosw; mov ecx, 3; mov esi, ebx; mov edi, ebx; repe cmpsb;"
                 "std; movsb; cld; mov ecx, 9; rep stosb");
/* Several chunks of it are done in C. */
PROGRAM(chunks, "mov esi, 0x57ff; mov edi, 0xa7ff; mov ecx, 0x4800; std; addr16 rep movsb; cld");
PROGRAM(runs,
        "mov esi, 0x11000; mov edi, 0x26000; mov ecx, 5; addr16 rep movsd; mov ecx, 4; mov al, 7;"
        "addr16 repne scasb; mov ecx, 3; addr16 repe cmpsb; mov ecx, 9; addr16 rep stosb;"
        "mov ecx, 5; xor esi, esi; mov edi, 0x20200; gs rep movsd");
PROGRAM(checked, "mov eax, fs:[8]; add fs:[12], eax; 1: dec eax; test eax, 0x3f; jnz 1b;"
                 "push dword ptr fs:[12]; pop ebp; add eax, 64; mov fs:[8], eax");
PROGRAM(based, "inc dword ptr gs:[ebx - 0x20000]; mov gs:[ebx - 0x1fff0], ah; mov [esp - 8], bh;"
               "xchg ch, [esp - 8]; bts dword ptr gs:[4], edx; inc edx");
PROGRAM(redirected, "inc dword ptr ds:[0x10f00]; mov ecx, 70; 1: dec ecx; jnz 1b;"
                    "xchg [0x10f04], dl; push edx; pop dword ptr ds:[0x10f08]");
PROGRAM(interrupts, "cli; inc ecx; sti; nop; inc edx; cli; pushfd; pop eax; and eax, 0x200");
PROGRAM(vectors,
        "fld1; fadd qword ptr [ebx]; fstp qword ptr [ebx]; movups xmm0, [ebx]; paddb mm0, mm1;"
        "addps xmm0, xmm1; movups [ebx + 16], xmm0; maskmovq mm0, mm1; emms; fninit");
PROGRAM(stack, "pushad; popad; enter 8, 0; leave; push 6; pop edi; mov eax, ds; push fs; pop ebp");
PROGRAM(others, "lahf; sahf; xlatb; bswap edx; xadd [ebx], ecx; cmpxchg8b [ebx + 8];"
                "lock inc dword ptr [ebx + 4]; shld edx, ecx, 3; rcl ecx, 1; mul dl;"
                ".byte 0xd6; bt [ebx], edi; sbb ebp, ebp");
PROGRAM(time, "rdtsc; xor eax, eax; mov edx, ecx; rdtsc; mov eax, 1; mov edx, 2; inc ecx");
PROGRAM(callouts, "xor eax, eax; cpuid; xor ecx, ecx; xor ebx, ebx; mov ebx, 0x20000; mov edx, 3;"
                  "mov al, 0x15; aam; aad; daa");

/* Operands that are redirected, as their page has code, is a hole or ends within them. */
/* Callouts that a leaf serves, with each flag. */
PROGRAM(leaves,
        "in al, 0x60; inc ecx; in eax, 0x61; lea edx, [edx + eax]; cmp cl, 0x80; in al, 0x60;"
        "jno 1f; inc ebp; 1: std; in al, 0x60; movsb; cld; jmp 2f; 2:");
PROGRAM(redirected_x87,
        "fld1; fadd dword ptr ds:[0x10f00]; fst dword ptr ds:[0x10f00]; fstp qword ptr ds:[0x10f08];"
        "fld1; fiadd word ptr ds:[0x10f04]; fistp word ptr ds:[0x10f04]; fnstcw [0x10f06];"
        "mov dword ptr ds:[0x10ffc], 0; fld1; fstp tbyte ptr ds:[0x10ffa];"
        "add ebp, ds:[0x10ffe]; fninit");
PROGRAM(redirected_sse,
        "mov dword ptr ds:[0x10f00], ecx; movups xmm0, ds:[0x10f00]; xorps xmm0, xmm1;"
        "movups ds:[0x10f00], xmm0; movlps ds:[0x10f08], xmm0; movups ds:[0x10ff8], xmm0;"
        "movups xmm1, ds:[0x10ff8]; mov edi, 0x10f00; maskmovq mm0, mm1; movntq ds:[0x10f08], mm1;"
        "emms");
PROGRAM(straddling,
        "mov dword ptr ds:[0x10ffe], 5; add dword ptr ds:[0x10ffe], ecx; xchg edx, ds:[0x10fff];"
        "xadd ds:[0x10ffd], ebp; bts dword ptr ds:[0x10ffd], 7; mov [0x10fff], dx; inc edx;"
        "mov ecx, 70; 1: dec ecx; jnz 1b");
PROGRAM(redirected_stack,
        "mov eax, esp; mov esp, 0x10f10; push ecx; pushfd; call 1f; jmp 2f; 1: ret;"
        "2: popfd; pop edx; push 7; push dword ptr [ebx]; pop dword ptr ds:[0x10f00]; pop ecx;"
        "push 0x8d5; popfd; mov esp, 0x11002; push edx; pushfw; popfw; pop ecx; mov esp, eax;"
        "mov ecx, 70; 1: dec ecx; jnz 1b");
PROGRAM(redirected_strings,
        "mov esi, 0x20100; mov edi, 0x10f00; movsd; mov al, 3; stosb; movsw; mov ecx, 9;"
        "rep stosb; mov edi, 0x10e80; mov ecx, 5; rep movsd; add ebp, ds:[0x10e90];"
        "mov edi, 0x10ffe; mov ecx, 5; mov esi, ebx; rep movsd; std; mov ecx, 9; rep stosb; cld");
PROGRAM(borrowed,
        "mov ds:[0x10f00], ah; add ds:[0x10f01], bh; xchg ch, ds:[0x10f02]; inc edx; mov ch, dl;"
        "mov eax, esp; mov [esp - 8], ah; add bh, [esp - 8]; mov gs:[4], ch; mov ebx, 0x20000;"
        "mov esp, 0x10f10; mov [esp - 8], dh; add [esp - 9], ch; mov esp, eax; xor eax, eax");
PROGRAM(hole, "add ecx, ds:[0x800000]; mov ds:[0x800000], edx; inc dword ptr ds:[0x800004];"
              "xchg dl, ds:[0x800007]; fld qword ptr ds:[0x800008]; fstp qword ptr ds:[0x800008];"
              "movups xmm0, ds:[0x800010]; fninit; mov ecx, 70; 1: dec ecx; jnz 1b");
/* Exits to other pages, and an instruction across a page's end. */
PROGRAM(across, "inc ecx; jmp 1f; .org across_code + 0xffe; 1: mov eax, 0x12345678; inc edx;"
                "call 2f; jmp 3f; .org across_code + 0x1100; 2: jc 4f; ret; 4: ret;"
                "3: cmp dl, 9; jc 5f; mov edx, 2; 5: mov eax, 70; 6: dec eax; jnz 6b");
/* Loads of SS, whose shadow a kick has to wait for; and the same when the guest steps: then each
 * instruction is a unit of its own, run once. */
#define SHADOWS                                                                                    \
	"mov eax, ss; mov ss, eax; inc ecx; push ss; pop ss; pushfd; pop ebp; mov ss, eax;"        \
	"jmp 1f; 1: mov ss, eax; call 2f; mov ss, eax; jnz 3f; 3: jmp 4f; 2: mov ss, eax;"         \
	"ret; 4: mov ss, eax; bts dword ptr ds:[0x10f00], ecx; lea ebp, [ebx + 4];"                \
	"mov ss, eax; xchg [ebp], ch; xor eax, eax; xor ebp, ebp"
PROGRAM(shadows, SHADOWS);
PROGRAM(once, "pushfd; or dword ptr [esp], 0x100; popfd;" SHADOWS
              "; pushfd; and dword ptr [esp], 0xfffffeff; popfd");
PROGRAM(code16, ".byte 0xea; .long 1f - code16_code; .word 0x38; .code16;"
                "1: inc cx; push dx; call 2f; jmp 3f; 2: pushf; pop ax; ret;"
                "3: pop dx; push 0x8d5; popf; adc dx, cx; mov [bx + 0x100], dx; inc word ptr [si];"
                "mov bp, offset 4f - code16_code; jmp bp; 4: mov bp, ss; mov di, sp; push 0x40;"
                "pop ss; mov sp, 0x1e00; push cx; pushfd; popfd; call 2b; pop cx; mov ss, bp;"
                "mov sp, di; mov cx, 70; 5: loop 5b; .byte 0x66, 0xea;"
                ".long 0x10000 + 6f - code16_code; .word 8; .code32; 6:");
PROGRAM(stepped, "pushfd; or dword ptr [esp], 0x100; popfd; inc ecx; call 1f; jmp 2f; 1: ret;"
                 "2: inc dword ptr [ebx]; inc dword ptr ds:[0x10f00]; pushfd;"
                 "and dword ptr [esp], 0xfffffeff; popfd; inc edx");
/* With the kernel's help. */
PROGRAM(soft, "inc ecx; int 0x40; inc edx; int 0x42; pushfd; pop eax; add ebp, eax; int 0x42");
PROGRAM(iopl, "int 0x42; push 0x202; popfd; pushfd; pop eax; push 0x8d5; popfd; pushfd; pop edx;"
              "pushfw; popfw; int 0x42; push 0x202; popfd; pushfd; pop ecx; push 2; popfd");
PROGRAM(faulting, "mov ecx, ds:[0x40000]; inc edx; mov ds:[0x40004], edx; int 0x41;"
                  "lea esi, [ebx + 0x100]; mov edi, 0x40010; movsd; int 0x41; push eax;"
                  "pop dword ptr ds:[0x40020]; add ecx, ds:[0x3fffe]; int 0x41; fld1;"
                  "fstp dword ptr ds:[0x40030]; fninit; int 0x41; xchg ds:[0x40040], ch;"
                  "mov ds:[0x40044], bh; int 0x41");
PROGRAM(enter, "call 1f; 1: pop edx; add edx, offset 2f - 1b; mov ecx, esp; sysenter; 2: inc ebp");
PROGRAM(gate, "inc ecx; .byte 0x9a; .long 0; .word 0x33; inc edx; pushfd; pop eax");
/* Its second and third pages are the kernel's, too. */
PROGRAM(shared,
        "call 1f; int 0x43; jmp 2f; .org shared_code + 0x1000; 1: inc dword ptr ds:[0x20e10];"
        "jmp 3f; .org shared_code + 0x2000; 3: test dword ptr ds:[0x20e10], 1; jz 4f; ret;"
        "4: jmp 5f; .org shared_code + 0x3000; 5: ret; 2: mov ecx, 9; 6: call 1b; dec ecx; jnz 6b");

/* The kernel: handlers of the vectors and entries that they are named for. */
extern const uint8_t kernel_code[], kernel_end[], kernel_debug[], kernel_fault[], kernel_40[],
	kernel_41[], kernel_42[], kernel_43[], kernel_enter[], kernel_gate[];
/* clang-format off */
__asm__(".pushsection .rodata\n.code32\n.intel_syntax noprefix\n"
        "kernel_code:\n"
        "kernel_debug: inc dword ptr ds:[0x20e14]; iretd\n"
        "kernel_fault: push eax; mov eax, cr2; or dword ptr ds:[0xc0201100], 1; invlpg [eax]\n"
        "inc dword ptr ds:[0x20e18]; pop eax; add esp, 4; iretd\n"
        "kernel_40: push eax; inc dword ptr ds:[0x20e00]; pushfd; pop eax\n"
        "add ds:[0x20e04], eax; pop eax; iretd\n"
        "kernel_41: and dword ptr ds:[0xc0201100], 0xfffffffe; invlpg [0x40000]; iretd\n"
        "kernel_42: xor dword ptr [esp + 8], 0x3000; iretd\n"
        "kernel_43: push edx; mov edx, 0x11000; call edx; pop edx; iretd\n"
        "kernel_enter: inc dword ptr ds:[0x20e08]; sysexit\n"
        "kernel_gate: inc dword ptr ds:[0x20e0c]; retf\n"
        "kernel_end:\n.code64\n.att_syntax\n.popsection");
/* clang-format on */

/* Where programs run. */
enum {
	FLAT = 1 << 0,  /* CPL 0, no paging */
	USER = 1 << 1,  /* CPL 3, IOPL 3 */
	IOPL0 = 1 << 2, /* CPL 3, IOPL 0 */
	HIGH = 1 << 3,  /* CPL 0 in the kernel's window: the data is in the user's (SITE_BY_PART) */
	WHERE = 4,
	FAULTS = 1 << 8, /* RF comes from frames, too */
	THUNKS = 1 << 9, /* these are what kicks must have met */
	UNITS_ONCE = 1 << 10,
	REDIRECTED = 1 << 11,
	BY_PART = 1 << 12,
	KINDS = THUNKS | UNITS_ONCE | REDIRECTED | BY_PART,
	ANY = FLAT | USER | IOPL0 | HIGH,
	TRUSTED = FLAT | USER | HIGH,
};

static const struct program {
	const char *name;
	const uint8_t *code, *end;
	unsigned where;
} programs[] = {
/* clang-format off */
#define P(name, where) {#name, name##_code, name##_end, where}
	P(pushf, ANY), P(pushf_jump, FLAT | IOPL0), P(popf, ANY), P(popf_jump, FLAT | IOPL0),
	P(calls, FLAT | USER), P(indirect, FLAT | HIGH), P(branches, FLAT), P(strings, FLAT | HIGH),
	P(chunks, FLAT), P(runs, FLAT), P(checked, FLAT | HIGH), P(based, TRUSTED), P(redirected, TRUSTED | REDIRECTED),
	P(interrupts, FLAT | USER), P(vectors, FLAT | HIGH), P(stack, FLAT), P(others, FLAT | HIGH),
	P(time, FLAT), P(callouts, FLAT), P(leaves, FLAT | HIGH),
	P(redirected_x87, FLAT | REDIRECTED), P(redirected_sse, HIGH | REDIRECTED), P(straddling, FLAT | HIGH | REDIRECTED),
	P(redirected_stack, USER | REDIRECTED), P(redirected_strings, FLAT | HIGH | REDIRECTED), P(borrowed, USER | REDIRECTED),
	P(hole, FLAT | REDIRECTED), P(across, TRUSTED), P(shadows, USER), P(once, USER | FAULTS | UNITS_ONCE), P(code16, FLAT),
	P(stepped, FLAT | USER | FAULTS | UNITS_ONCE), P(soft, IOPL0 | HIGH), P(iopl, USER),
	P(faulting, USER | HIGH | FAULTS), P(enter, USER), P(gate, USER), P(shared, USER | THUNKS),
/* clang-format on */
#undef P
};
static const char *const where_name[WHERE] = {"flat", "user", "user, IOPL 0", "high"};

/* What a program leaves. */
struct outcome {
	uint32_t gpr[8], flags, if_flag;
	uint8_t data[2 * PAGE_SIZE], in_code[16];
};

static struct monitor *m;
static struct {
	unsigned at;   /* the kick comes at this boundary; 0: none does */
	bool armed;    /* between BEGIN and the kick's end */
	unsigned seen; /* boundaries since BEGIN */
	bool kicked, polled;
	unsigned entries; /* since BEGIN */
	struct {
		uint64_t pc;
		unsigned times;
	} seen_at[PCS];
	bool busy;      /* each poll ends with the next kick */
	bool late;      /* kicks come where a string goes on, when nobody looks any more */
	unsigned begun; /* polls in the middle of a string */
	uint64_t pc, before;
	unsigned after;  /* instructions of units since the kick */
	unsigned rounds; /* at the kick */
	unsigned polls, kicks;
	struct outcome first, now;
	const struct program *program;
	unsigned kinds;               /* of places where kicks came */
	uint32_t begin, stack, flags; /* EIP, ESP, EFLAGS */
} t;

static uint32_t rounds_left(void)
{
	return *(const uint32_t *)mmu_host(m->mmu, gpa(ROUNDS));
}

static bool translated(uint64_t pc)
{
	return tcache_contains(m->cache, pc) ||
	       pc - (uint64_t)(uintptr_t)monitor_enter <
	               (uint64_t)(stubs_end - (const char *)monitor_enter);
}

/* Is it on its way out of translated code? */
static bool leaves(uint64_t pc)
{
	return pc - (uint64_t)(uintptr_t)stub_callout < (uint64_t)(stubs_end - stub_callout);
}

static unsigned kinds_at(uint64_t pc)
{
	unsigned mode, kinds = 0;
	uint32_t eip, base;

	if (!tcache_contains(m->cache, pc))
		return 0;
	if (tcache_in_once(m->cache, pc))
		return UNITS_ONCE;
	if (!pc_guest_eip(m, pc, &eip, &mode, &base))
		return THUNKS;
	uint8_t flags = site_flags(m, eip);
	kinds |= flags & SITE_REDIRECT ? REDIRECTED : 0;
	kinds |= flags & SITE_BY_PART ? BY_PART : 0;
	return kinds;
}

/* Has the guest been here often enough since BEGIN? */
static bool well_known(uint64_t pc)
{
	unsigned i = pc * 0x9e3779b97f4a7c15ull >> 52;

	while (t.seen_at[i].pc && t.seen_at[i].pc != pc)
		i = (i + 1) % PCS;
	t.seen_at[i].pc = pc;
	return ++t.seen_at[i].times > TIMES;
}

static void at_boundary(ucontext_t *u)
{
	greg_t *g = u->uc_mcontext.gregs;
	uint64_t pc = (uint64_t)g[REG_RIP];

	/* PUSHF shows the flag that steps. */
	if (translated(t.before) && *(const uint8_t *)(uintptr_t)t.before == 0x9c)
		*(uint64_t *)(uintptr_t)g[REG_RSP] &= ~(uint64_t)STEP_TF;
	t.before = pc;
	if (t.entries > WHOLE && leaves(pc)) {
		step_end();
		g[REG_EFL] &= ~(greg_t)STEP_TF;
	}
	if (t.kicked) {
		t.after += tcache_contains(m->cache, pc);
		return;
	}
	if (rounds_left() < LAST || well_known(pc) || ++t.seen != t.at)
		return;
	t.kicked = true;
	t.pc = pc;
	t.rounds = rounds_left();
	t.kinds |= kinds_at(pc);
	raise(SIGUSR1); /* comes at pc, when this handler has returned */
}

__attribute__((target("general-regs-only"))) unsigned
__real_monitor_enter(struct vcpu *v, uint64_t host, uint32_t mask, uint32_t ac);
unsigned __real_leaf_run(struct monitor *m);
enum callout_result __real_callout_run(struct monitor *m, uint32_t packed, uint64_t operand);

/* Is the guest at a repeated string instruction, and has it begun?  By what the programs put
 * into ECX. */
static bool in_string(const struct vcpu *v)
{
	const uint8_t *code = mmu_host(m->mmu, gpa(v->eip & ~KERNEL_BASE));
	uint32_t count = 0;

	code += *code == 0x65 || *code == 0x67; /* GS, 16-bit addresses */
	if (*code != 0xf2 && *code != 0xf3)
		return false;
	switch (code[1]) {
	case 0xa4:
		count = 0x4800;
		break;
	case 0xa5:
		count = 5;
		break;
	case 0xae:
		count = 4;
		break;
	case 0xa6:
		count = 3;
		break;
	case 0xaa:
		count = 9;
		break;
	}
	return v->gpr[ECX] != count;
}

__attribute__((target("general-regs-only"))) unsigned
__wrap_monitor_enter(struct vcpu *v, uint64_t host, uint32_t mask, uint32_t ac)
{
	if (t.late && in_string(v))
		raise(SIGUSR1);
	if (t.armed && ++t.entries <= WHOLE) {
		step_begin();
	} else if (t.armed) {
		step_on = true;
		ac |= STEP_TF; /* it is loaded with the guest's flags */
	}
	unsigned why = __real_monitor_enter(v, host, mask, ac);
	step_end();
	return why;
}

/* From a leaf translated code is entered once more. */
__attribute__((target("general-regs-only"))) unsigned __wrap_leaf_run(struct monitor *monitor)
{
	step_end();
	unsigned why = __real_leaf_run(monitor);
	if (!why && t.armed && ++t.entries <= WHOLE) {
		step_begin();
	} else if (!why && t.armed) {
		step_on = true;
		m->v->native.scratch[CELL_AC] |= STEP_TF;
	}
	return why;
}

/* In the middle of an instruction nobody looks again before the next boundary.  All of our
 * C is alike to a kick: it comes here or there for all of what runs up to the entry. */
__attribute__((target("general-regs-only"))) enum callout_result
__wrap_callout_run(struct monitor *monitor, uint32_t packed, uint64_t operand)
{
	enum callout_result r = __real_callout_run(monitor, packed, operand);
	if (t.armed && r == RESUME_MID) {
		step_begin();
		step_end();
	}
	return r;
}

static void on_kick(void *ctx)
{
	t.kicks++;
}

static void poll(void *ctx)
{
	t.polls++;
	/* What an interrupt would push here.  SDM vol. 3, 17.3.1.1. */
	t.begun += in_string(m->v);
	if (!(t.program->where & FAULTS))
		assert_int_equal(!!(m->v->vflags & FLAG_RF), in_string(m->v));
	if (t.busy)
		raise(SIGUSR1);
	if (t.polls == MANY)
		monitor_stop(m, END_REQUEST, 1);
	if (t.kicked)
		t.polled = true;
	t.armed = false;
}

static void begin(void)
{
	t.armed = t.at;
	t.entries = 0;
	memset(t.seen_at, 0, sizeof t.seen_at);
}

static void end(void)
{
	const struct vcpu *v = m->v;
	struct outcome *o = &t.now;

	t.armed = false;
	for (unsigned i = 0; i < 8; i++)
		o->gpr[i] = v->gpr[i];
	o->flags = v->flags;
	o->if_flag = v->if_flag;
	memcpy(o->data, mmu_host(m->mmu, gpa(DATA)), sizeof o->data);
	memcpy(o->in_code, mmu_host(m->mmu, gpa(IN_CODE)), sizeof o->in_code);
	memset(mmu_host_store(m->mmu, gpa(DATA)), 0, PAGE_SIZE * 2);
	memset(mmu_host_store(m->mmu, gpa(IN_CODE)), 0, 16);
	monitor_stop(m, END_REQUEST, 0);
}

static void io_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
	if (port == BEGIN)
		begin();
	else
		end();
}

static uint32_t io_read(void *ctx, uint16_t port, unsigned size)
{
	return ~0u;
}

static bool io_leaf(void *bus, uint16_t port, unsigned size, bool write, uint32_t *value)
{
	if (!write)
		*value = ~0u;
	return !write;
}

static bool intr_line(void *ctx)
{
	return false;
}

static uint64_t host_tsc(void *ctx)
{
	return __builtin_ia32_rdtsc();
}

static void start_monitor(void)
{
	static void *no_bus;
	struct monitor_config c = {
		.mmu = {.ram_bytes = 4 << 20},
		.model = cpu_model_default(),
		.platform = {.io_read = io_read,
	                     .io_write = io_write,
	                     .bus = &no_bus,
	                     .io_leaf = io_leaf,
	                     .intr_line = intr_line,
	                     .tsc = host_tsc,
	                     .poll = poll},
		.cache_bytes = 1 << 20,
	};
	const char *what;
	if (!m)
		assert_int_equal(monitor_create(&m, &c, &what), 0);
	assert_int_equal(signals_install(m), 0); /* CMocka has handlers of its own */
	assert_int_equal(host_signal_install(SIGUSR1, on_kick, NULL), 0);
	step_install(at_boundary);
}

static void put(uint32_t at, const void *p, size_t n)
{
	mmu_dma_write(m->mmu, gpa(at), p, n);
}

static void put32(uint32_t at, uint32_t value)
{
	put(at, &value, sizeof value);
}

/* SDM vol. 3, 3.4.5. */
static void put_descriptor(unsigned selector, uint32_t base, uint32_t limit, uint32_t attr)
{
	put32(GDT + selector, base << 16 | (limit & 0xffff));
	put32(GDT + selector + 4,
	      (base & 0xff000000) | (limit & 0xf0000) | attr << 8 | (base >> 16 & 0xff));
}

static uint32_t in_kernel(uint32_t base, const uint8_t *p)
{
	return base + KERNEL_CODE + (uint32_t)(p - kernel_code);
}

/* An interrupt gate or call gate for all. */
static void put_gate(uint32_t at, uint32_t offset, uint32_t attr)
{
	put32(at, 8 << 16 | (offset & 0xffff));
	put32(at + 4, (offset & 0xffff0000) | attr << 8);
}

static void put_kernel(uint32_t base)
{
	static const struct {
		unsigned vector;
		const uint8_t *handler;
	} vectors[] = {
		{VEC_DB, kernel_debug}, {VEC_PF, kernel_fault}, {0x40, kernel_40},
		{0x41, kernel_41},      {0x42, kernel_42},      {0x43, kernel_43},
	};
	struct vcpu *v = m->v;

	put(KERNEL_CODE, kernel_code, (size_t)(kernel_end - kernel_code));
	put_descriptor(0x08, 0, 0xfffff, 0xc09b);
	put_descriptor(0x10, 0, 0xfffff, 0xc093);
	put_descriptor(0x18, 0, 0xfffff, 0xc0fb);
	put_descriptor(0x20, 0, 0xfffff, 0xc0f3);
	put_descriptor(0x28, base + TSS, 0xff, 0x008b);
	put_gate(GDT + 0x30, in_kernel(base, kernel_gate), 0xec);
	put_descriptor(0x38, CODE, 0xffff, 0x009b);
	put_descriptor(0x40, DATA, 0xffff, 0x0093);
	for (unsigned i = 0; i < sizeof vectors / sizeof *vectors; i++)
		put_gate(IDT + 8 * vectors[i].vector, in_kernel(base, vectors[i].handler), 0xee);
	put32(TSS + 4, base + KERNEL_STACK);
	put32(TSS + 8, 0x10);
	put32(TSS + 0x64, 0x68 << 16); /* all ports are allowed */
	v->gdtr = (struct table_reg){base + GDT, 0x47};
	v->idtr = (struct table_reg){base + IDT, 0x43 * 8 + 7};
	v->seg[SREG_TR] = (struct segment){
		.base = base + TSS, .limit = 0xff, .attr = SEG_P | 0xb, .selector = 0x28};
	v->sysenter_cs = 8;
	v->sysenter_esp = base + KERNEL_STACK;
	v->sysenter_eip = in_kernel(base, kernel_enter);
}

static void put_tables(void)
{
	enum { PRESENT = 1, WRITABLE = 2, ALL = 4 };
	struct vcpu *v = m->v;
	struct trap trap;

	put32(DIRECTORY, TABLE | PRESENT | WRITABLE | ALL);
	put32(DIRECTORY + (KERNEL_BASE >> 22) * 4, (TABLE + PAGE_SIZE) | PRESENT | WRITABLE);
	for (uint32_t i = 0; i < PAGE_SIZE / 4; i++) {
		uint32_t a = i * PAGE_SIZE, pte = a | WRITABLE;
		bool user = (a >= CODE && a < GDT) || a == SOMETIMES || a == SOMETIMES - PAGE_SIZE;
		put32(TABLE + PAGE_SIZE + i * 4, pte | PRESENT);
		put32(TABLE + i * 4, pte | (a == SOMETIMES ? 0 : PRESENT) | (user ? ALL : 0));
	}
	v->cr0 |= CR0_PG | CR0_WP;
	v->cr3 = DIRECTORY;
	assert_true(v->env.paging_load(v->env.ctx, true, &trap));
}

static void load(const struct program *p, unsigned where)
{
	struct vcpu *v;
	uint32_t base = where == HIGH ? KERNEL_BASE : 0;

	monitor_reset(m);
	memset(m->sites, 0, sizeof m->sites); /* those of another program */
	put(CODE, p->code, (size_t)(p->end - p->code));
	memset(mmu_host_store(m->mmu, gpa(DATA)), 0, PAGE_SIZE * 2);
	memset(mmu_host_store(m->mmu, gpa(IN_CODE)), 0, 16);
	t.program = p;
	t.begin = base + CODE;
	t.stack = base + STACK;
	v = m->v;
	cpu_set_flat32(v, t.begin);
	v->cr4 |= CR4_OSFXSR;
	for (unsigned i = SREG_ES; i <= SREG_GS; i++)
		v->seg[i].selector = i == SREG_CS ? 0x08 : 0x10;
	v->seg[SREG_FS].base = DATA;
	v->seg[SREG_FS].limit = 0xfff;
	v->seg[SREG_GS].base = DATA;
	put_kernel(where == FLAT ? 0 : KERNEL_BASE);
	if (where != FLAT)
		put_tables();
	if (where == USER || where == IOPL0) {
		v->cpl = 3;
		for (unsigned i = SREG_ES; i <= SREG_GS; i++) {
			v->seg[i].selector += 0x13;
			v->seg[i].attr |= SEG_DPL;
		}
	}
	t.flags = where == USER ? FLAG_IOPL : 0;
	m->state_dirty = true;
}

/* Runs it to END, with a kick at this boundary. */
static void run_program(unsigned at)
{
	t.at = at;
	t.seen = t.after = t.polls = t.kicks = 0;
	t.kicked = t.polled = false;
	m->end = END_RUNNING;
	m->end_code = 0;
	m->v->eip = t.begin;
	m->v->gpr[ESP] = t.stack;
	vcpu_eflags_set(m->v, t.flags);
	m->state_dirty = true;
	if (monitor_run(m) != END_REQUEST) {
		monitor_report(m, stderr);
		fail_msg("%s came to a bad end", t.program->name);
	}
	assert_int_equal(monitor_stop_code(m), 0);
}

static void kick_everywhere(const struct program *p, unsigned where, const char *at_name)
{
	unsigned at, beyond = 0;

	t.kinds = 0;
	load(p, where);
	run_program(0);
	t.first = t.now;
	for (at = 1; beyond < BEYOND; at++) {
		run_program(0); /* what the kick before has unchained is chained again */
		run_program(at);
		if (!t.kicked)
			break; /* a short program, of which all is well known */
		beyond += t.rounds < LIVE;
		if (!t.polled || t.after > BOUND)
			fail_msg("%s (%s): the kick at boundary %u, %#llx, was lost: byte %02x, "
			         "%u instructions",
			         p->name, at_name, at, (unsigned long long)t.pc,
			         *(const uint8_t *)(uintptr_t)t.pc, t.after);
		if (memcmp(&t.now, &t.first, sizeof t.now))
			fail_msg(
				"%s (%s): the kick at boundary %u, %#llx, changed what it computes",
				p->name, at_name, at, (unsigned long long)t.pc);
	}
	assert_int_equal((p->where | (where == HIGH ? BY_PART : 0)) & KINDS & ~t.kinds, 0);
	assert_true(at > 50);
	printf("%s (%s): %u boundaries\n", p->name, at_name, at - 1);
}

static void busy(const struct program *p, unsigned where, const char *at_name)
{
	load(p, where);
	run_program(0);
	t.first = t.now;
	t.busy = true;
	monitor_kick(m);
	run_program(0);
	t.busy = false;
	assert_true(t.polls > 10);
	assert_memory_equal(&t.now, &t.first, sizeof t.now);
}

static void each(void (*fn)(const struct program *p, unsigned where, const char *at_name))
{
	start_monitor();
	m->cfg.always_trace = true;
	for (unsigned i = 0; i < sizeof programs / sizeof *programs; i++)
		for (unsigned w = 0; w < WHERE; w++)
			if (programs[i].where >> w & 1)
				fn(&programs[i], 1 << w, where_name[w]);
	/* Stores to the page of the code, which checks itself. */
	m->cfg.always_trace = false;
	for (unsigned i = 0; i < sizeof programs / sizeof *programs; i++) {
		struct program p = programs[i];
		p.where &= ~KINDS;
		if (programs[i].where & REDIRECTED && p.where & FLAT)
			fn(&p, FLAT, "self-checking");
	}
	assert_true(stats.self_pages > 0);
}

static void every_host_pc(void **state)
{
	each(kick_everywhere);
}

/* However fast kicks come, the guest gets on. */
static void without_a_pause(void **state)
{
	each(busy);
}

/* A string that goes on has its RF still when a kick keeps it from being entered. */
static void late(void **state)
{
	static const struct program p = {"chunks", chunks_code, chunks_end, FLAT};

	start_monitor();
	load(&p, FLAT);
	t.late = true;
	t.begun = 0;
	run_program(0);
	t.late = false;
	assert_true(t.begun >= 10);
}

static int end_monitor(void **state)
{
	monitor_destroy(m);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_pause),
		cmocka_unit_test(every_host_pc),
		cmocka_unit_test(late),
	};
	return cmocka_run_group_tests(tests, NULL, end_monitor);
}
