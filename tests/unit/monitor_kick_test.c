/* links: monitor */
/* wraps: monitor_enter callout_run */
/* Kicks at every host instruction of translated code: the host is single-stepped through
 * small guest programs, and a signal comes at one boundary after the other.  The dispatcher
 * must be reached within bounded work (I4), and the guest must compute what it does without. */
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
	BEGIN = 0x80,
	END = 0x81,    /* ports */
	WARM = 40,     /* rounds, until everything is chained and every site adapted */
	LIVE = 6,      /* rounds after that, in the first of which kicks come */
	BEYOND = 20,   /* boundaries of the second one, in which they come too */
	MANY = 100000, /* polls in a run that gets nowhere */
	BOUND = 64,    /* instructions of units from a kick to the dispatcher */
};

#define STR(x) STR_(x)
#define STR_(x) #x

/* A guest program: WARM rounds of the body, BEGIN, LIVE rounds, END, and again. */
#define PROGRAM(name, body)                                                                        \
	extern const uint8_t name##_code[], name##_end[];                                          \
	__asm__(".pushsection .rodata\n.code32\n.intel_syntax noprefix\n" #name "_code:\n"         \
	        "start_" #name ": cld; mov esp, 0x21f00\n"                                         \
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
PROGRAM(chunks, "mov esi, 0x1000; mov edi, 0x6000; mov ecx, 0x4800; addr16 rep movsb");
PROGRAM(checked, "mov eax, fs:[8]; add fs:[12], eax; 1: dec eax; test eax, 0x1f; jnz 1b;"
                 "push dword ptr fs:[12]; pop ebp; add eax, 32; mov fs:[8], eax");
PROGRAM(based, "inc dword ptr gs:[ebx - 0x20000]; mov gs:[ebx - 0x1fff0], ah; mov [esp - 8], bh;"
               "xchg ch, [esp - 8]; bts dword ptr gs:[4], edx; inc edx");
PROGRAM(redirected, "inc dword ptr ds:[0x10f00]; mov ecx, 32; 1: dec ecx; jnz 1b;"
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

static const struct program {
	const char *name;
	const uint8_t *code, *end;
} programs[] = {
/* clang-format off */
#define P(name) {#name, name##_code, name##_end}
	P(pushf), P(pushf_jump), P(popf), P(popf_jump), P(calls), P(indirect), P(branches), P(strings),
	P(chunks), P(checked), P(based), P(redirected), P(interrupts), P(vectors), P(stack), P(others), P(time), P(callouts),
/* clang-format on */
#undef P
};

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
	bool busy;      /* each poll ends with the next kick */
	bool late;      /* kicks come where a string goes on, when nobody looks any more */
	unsigned begun; /* polls in the middle of a string */
	uint64_t pc, before;
	unsigned after;  /* instructions of units since the kick */
	unsigned rounds; /* at the kick */
	unsigned polls, kicks;
	struct outcome first, now;
} t;

static uint32_t rounds_left(void)
{
	return *(uint32_t *)mmu_host(m->mmu, gpa(ROUNDS));
}

static bool translated(uint64_t pc)
{
	return tcache_contains(m->cache, pc) ||
	       pc - (uint64_t)(uintptr_t)monitor_enter <
	               (uint64_t)(stubs_end - (const char *)monitor_enter);
}

static void at_boundary(ucontext_t *u)
{
	greg_t *g = u->uc_mcontext.gregs;
	uint64_t pc = (uint64_t)g[REG_RIP];

	/* PUSHF shows the flag that steps. */
	if (translated(t.before) && *(const uint8_t *)(uintptr_t)t.before == 0x9c)
		*(uint64_t *)(uintptr_t)g[REG_RSP] &= ~(uint64_t)STEP_TF;
	t.before = pc;
	if (t.kicked) {
		t.after += tcache_contains(m->cache, pc);
		return;
	}
	if (++t.seen != t.at)
		return;
	t.kicked = true;
	t.pc = pc;
	t.rounds = rounds_left();
	raise(SIGUSR1); /* comes at pc, when this handler has returned */
}

__attribute__((target("general-regs-only"))) unsigned
__real_monitor_enter(struct vcpu *v, uint64_t host, uint32_t mask, uint32_t ac);
enum callout_result __real_callout_run(struct monitor *m, uint32_t packed, uint64_t operand);

/* Is the guest at a repeated string instruction, and has it begun?  By what the programs put
 * into ECX. */
static bool in_string(const struct vcpu *v)
{
	const uint8_t *code = mmu_host(m->mmu, gpa(v->eip));
	bool a16 = *code == 0x67;
	uint32_t count = 0;

	code += a16;
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
	if (t.armed)
		step_begin();
	unsigned why = __real_monitor_enter(v, host, mask, ac);
	step_end();
	return why;
}

/* In the middle of an instruction nobody looks again before the next boundary: what runs
 * from here to the entry is stepped, too. */
__attribute__((target("general-regs-only"))) enum callout_result
__wrap_callout_run(struct monitor *monitor, uint32_t packed, uint64_t operand)
{
	enum callout_result r = __real_callout_run(monitor, packed, operand);
	if (t.armed && r == RESUME_MID)
		step_begin();
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
}

static void end(void)
{
	const struct vcpu *v = m->v;
	struct outcome *o = t.at ? &t.now : &t.first;

	t.armed = false;
	for (unsigned i = 0; i < 8; i++)
		o->gpr[i] = v->gpr[i];
	o->flags = v->flags;
	o->if_flag = v->if_flag;
	memcpy(o->data, mmu_host(m->mmu, gpa(DATA)), sizeof o->data);
	memcpy(o->in_code, mmu_host(m->mmu, gpa(IN_CODE)), sizeof o->in_code);
	memset(mmu_host(m->mmu, gpa(DATA)), 0, PAGE_SIZE * 2);
	memset(mmu_host(m->mmu, gpa(IN_CODE)), 0, 16);
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
	struct monitor_config c = {
		.mmu = {.ram_bytes = 4 << 20},
		.model = cpu_model_default(),
		.platform = {.io_read = io_read,
	                     .io_write = io_write,
	                     .intr_line = intr_line,
	                     .tsc = host_tsc,
	                     .poll = poll},
		.cache_bytes = 1 << 20,
	};
	const char *what;
	if (!m)
		assert_int_equal(monitor_create(&m, &c, &what), 0);
	assert_int_equal(fault_install(m), 0); /* CMocka has handlers of its own */
	assert_int_equal(host_signal_install(SIGUSR1, on_kick, NULL), 0);
	step_install(at_boundary);
}

static void load(const struct program *p)
{
	struct vcpu *v;

	monitor_reset(m);
	mmu_phys_write(m->mmu, gpa(CODE), p->code, (size_t)(p->end - p->code));
	memset(mmu_host(m->mmu, gpa(DATA)), 0, PAGE_SIZE * 2);
	memset(mmu_host(m->mmu, gpa(IN_CODE)), 0, 16);
	v = m->v;
	cpu_set_flat32(v, CODE);
	v->cr4 |= CR4_OSFXSR;
	v->seg[SREG_FS].base = DATA;
	v->seg[SREG_FS].limit = 0xfff;
	v->seg[SREG_GS].base = DATA;
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
	assert_int_equal(monitor_run(m), END_REQUEST);
	assert_int_equal(monitor_stop_code(m), 0);
	m->v->eip = CODE;
}

static void kick_everywhere(const struct program *p)
{
	unsigned at, beyond = 0;

	load(p);
	run_program(0);
	for (at = 1; beyond < BEYOND; at++) {
		run_program(at);
		if (!t.kicked)
			fail_msg("%s: only %u boundaries", p->name, t.seen);
		beyond += t.rounds < LIVE;
		if (!t.polled || t.after > BOUND)
			fail_msg(
				"%s: the kick at boundary %u, %#llx, was lost: byte %02x, %u instructions",
				p->name, at, (unsigned long long)t.pc,
				*(const uint8_t *)(uintptr_t)t.pc, t.after);
		if (memcmp(&t.now, &t.first, sizeof t.now))
			fail_msg("%s: the kick at boundary %u, %#llx, changed what it computes",
			         p->name, at, (unsigned long long)t.pc);
	}
	printf("%s: %u boundaries\n", p->name, at - 1);
}

static void every_host_pc(void **state)
{
	start_monitor();
	for (unsigned i = 0; i < sizeof programs / sizeof *programs; i++)
		kick_everywhere(&programs[i]);
}

/* However fast kicks come, the guest gets on. */
static void without_a_pause(void **state)
{
	start_monitor();
	for (unsigned i = 0; i < sizeof programs / sizeof *programs; i++) {
		load(&programs[i]);
		run_program(0);
		t.busy = true;
		monitor_kick(m);
		t.now = t.first;
		run_program(0);
		t.busy = false;
		assert_true(t.polls > 10);
		assert_memory_equal(&t.now, &t.first, sizeof t.now);
	}
}

/* A string that goes on has its RF still when a kick keeps it from being entered. */
static void late(void **state)
{
	static const struct program p = {"chunks", chunks_code, chunks_end};

	start_monitor();
	load(&p);
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
