/* native [--other] PACK: runs every case of a pack on this processor, as the code of a
 * 32-bit process, and prints the results.  native --there: ends with 0, on a host that runs such.
 *
 * --other: as another processor might have it, where the manuals leave that open
 * (alternatives.c): CMPS reports the other operand's fault, POPA and MASKMOVQ change nothing before
 * they fault, a push of a selector leaves the upper half of its slot or makes it zero, LAR loads
 * four bits more or less.
 *
 * A case begins with the return from a signal handler and ends in the next
 * signal: its frame holds the whole user state, the FPU's included. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "case.h"

/* The frame's FPU part: the FSAVE image that a return takes the x87 state
 * from, then the XSAVE area that it takes the rest from. */
struct frame_fpu {
	uint32_t control, status, tag, pointers[4];
	uint8_t st[8][10];
	uint32_t magic;
	uint8_t fxsave[FPU_SIZE];
	uint64_t xstate_bv;
};
_Static_assert(offsetof(struct frame_fpu, fxsave) == 112, "struct _fpstate_32");

static const struct asm_pack *pack;
static uint32_t current;
static const struct asm_memory memory = {(uint8_t *)AREA, (uint8_t *)EDGE};
static int running;
static uint32_t stack_start, stack_end; /* the process's own */
uint16_t tls_selector;

static void put(char c)
{
	putchar_unlocked(c);
}

static void die(const char *what)
{
	fprintf(stderr, "native: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* --- another processor --- */

static int other;
static ucontext_t first_fault; /* of a CMPS that runs once more, to see what its destination does */
static int again;
static uint16_t *slot, slot_before; /* the upper half of what the case pushes first */

/* The opcode (0Fxxh for those of two bytes), the segment prefix or 0xff. */
static unsigned opcode_at(const uint8_t *p, int *segment)
{
	static const uint8_t prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

	*segment = DS;
	for (;; p++) {
		const uint8_t *found = memchr(prefixes, *p, sizeof(prefixes));

		if (found)
			*segment = found - prefixes;
		else if (*p != 0x66 && *p != 0x67 && *p != 0xf0 && *p != 0xf2 && *p != 0xf3)
			break;
	}
	return *p == 0x0f ? 0x0f00 | p[1] : *p;
}

/* An offset that may be read; 0: none is known. */
static uint32_t readable(uint16_t selector)
{
	switch (selector) {
	case SEL_DATA:
		return WINDOW_DATA;
	case SEL_BASED:
	case SEL_RODATA:
	case SEL_PAGES:
		return WINDOW_DATA - AREA;
	case SEL_DOWN:
	case SEL_DOWN16:
	case SEL_DOWN_PAGES:
		return WINDOW_DATA + 0x110 - AREA;
	case SEL_LIMITED:
	case SEL_EDGE:
		return 0x10;
	case SEL_STACK32:
	case SEL_STACK16:
	case SEL_LOW32:
	case SEL_LOW16:
		return 0x1000;
	case SEL_HIGH32:
	case SEL_HIGH16:
		return 0x9000;
	}
	return 0;
}

static int is_fault(const ucontext_t *frame)
{
	int trap = frame->uc_mcontext.gregs[REG_TRAPNO];

	return trap >= 12 && trap <= 17 && trap != 16;
}

static const int frame_gpr[] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX,
                                REG_ESP, REG_EBP, REG_ESI, REG_EDI};
static const int frame_seg[] = {REG_ES, REG_CS, REG_SS, REG_DS, REG_FS, REG_GS};

static void take_result(const ucontext_t *frame)
{
	const greg_t *regs = frame->uc_mcontext.gregs;
	struct asm_result result = {
		.eip = regs[REG_EIP],
		.eflags = regs[REG_EFL],
		.trap = regs[REG_TRAPNO],
		.error = regs[REG_ERR],
		.cr2 = frame->uc_mcontext.cr2,
		.fpu = ((struct frame_fpu *)frame->uc_mcontext.fpregs)->fxsave,
		.memory = memory,
	};

	for (int i = 0; i < 8; i++)
		result.gpr[i] = regs[frame_gpr[i]];
	for (int i = 0; i < 6; i++)
		result.seg[i] = regs[frame_seg[i]];
	/* The guest has no NX: a fetch is a read there. */
	if (result.trap == 14)
		result.error &= ~0x10;
	result_print(put, pack, current, &result);
}

/* Runs a CMPS that has faulted again, one element, with a source that does not fault, then with
 * such a destination; true: it is about to.  At last *frame has the fault of the operand that was
 * not reported, if it has one. */
static int cmps_again(ucontext_t *frame, const struct asm_case *c)
{
	static const int segments[] = {REG_ES, REG_CS, REG_SS, REG_DS, REG_FS, REG_GS};
	greg_t *regs = frame->uc_mcontext.gregs;
	ucontext_t now = *frame;
	uint32_t at = regs[REG_EIP] - c->code;
	int segment;

	if (!again) {
		if (!is_fault(frame) || at >= c->size ||
		    (opcode_at(pack_code(pack, c) + at, &segment) & ~1u) != 0xa6 ||
		    !readable(regs[segments[segment]]) || !readable(regs[REG_ES]))
			return 0;
		first_fault = *frame;
		regs[REG_ESI] = readable(regs[segments[segment]]);
	} else {
		const greg_t *then = now.uc_mcontext.gregs;

		*frame = first_fault;
		if (!is_fault(&now) || then[REG_EIP] != regs[REG_EIP]) {
			again = 0;
			return 0;
		}
		if (then[REG_TRAPNO] != regs[REG_TRAPNO] || then[REG_ERR] != regs[REG_ERR] ||
		    now.uc_mcontext.cr2 != frame->uc_mcontext.cr2 || again == 2) {
			regs[REG_TRAPNO] = then[REG_TRAPNO];
			regs[REG_ERR] = then[REG_ERR];
			frame->uc_mcontext.cr2 = now.uc_mcontext.cr2;
			again = 0;
			return 0;
		}
		regs[REG_EDI] = readable(regs[REG_ES]);
	}
	again++;
	regs[REG_EFL] |= 0x100; /* TF: no more than one element */
	return 1;
}

static void as_another(ucontext_t *frame, const struct asm_case *c)
{
	greg_t *regs = frame->uc_mcontext.gregs;
	uint8_t *fpu = ((struct frame_fpu *)frame->uc_mcontext.fpregs)->fxsave;
	int segment;
	unsigned opcode = opcode_at(pack_code(pack, c), &segment);

	const uint8_t *last = pack_code(pack, c) + c->size - 3;

	if ((uint32_t)regs[REG_EIP] != c->code) {
		if (slot)
			*slot = *slot ? 0 : slot_before;
		/* ZF, a descriptor of 4 GiB */
		if (c->size > 3 && last[0] == 0x0f && last[1] == 0x02 && regs[REG_EFL] & 0x40 &&
		    regs[REG_ECX] & 0x800000)
			regs[REG_ECX] ^= 0xf0000;
	} else if (is_fault(frame) && opcode == 0x61) {
		for (int i = 0; i < 8; i++)
			regs[frame_gpr[i]] = c->gpr[i];
	} else if (is_fault(frame) && opcode == 0x0ff7) {
		memcpy(fpu + 2, pack_fpu(pack, c) + 2, 3);
		memcpy(fpu + 32, pack_fpu(pack, c) + 32, 128); /* in their order from TOP on */
	}
}

/* Where the case is the push of a selector as a dword: what it leaves as it was. */
static void find_slot(const struct asm_case *c)
{
	const uint8_t *code = pack_code(pack, c);
	uint32_t at = c->gpr[4] - 2;

	slot = NULL;
	if (c->seg[SS] != SEL_DATA || at - AREA >= AREA_SIZE - 2 || case_narrow(c))
		return;
	if ((c->size == 1 && (*code & 0xe7) == 0x06) ||
	    (c->size == 2 && *code == 0x0f && (code[1] & 0xf7) == 0xa0)) {
		slot = (uint16_t *)at;
		memcpy(&slot_before, slot, 2);
	}
}

static void set_fpu(struct frame_fpu *fpu, const uint8_t *image)
{
	const uint16_t *words = (const uint16_t *)image;

	fpu->control = words[0];
	fpu->status = words[1];
	fpu->tag = 0;
	for (int i = 0; i < 8; i++) {
		if (!(image[4] & 1 << i))
			fpu->tag |= 3 << i * 2;
		memcpy(fpu->st[i], image + 32 + 16 * i, 10);
	}
	memcpy(fpu->fxsave, image, 416); /* the rest is the kernel's */
	fpu->xstate_bv |= 3;
}

static void set_case(ucontext_t *frame, const struct asm_case *c)
{
	greg_t *regs = frame->uc_mcontext.gregs;

	case_prepare(pack, c, &memory, (uint8_t *)CODE);
	for (int i = 0; i < 8; i++)
		regs[frame_gpr[i]] = c->gpr[i];
	for (int i = 0; i < 6; i++)
		regs[frame_seg[i]] = c->seg[i];
	regs[REG_EIP] = c->code;
	regs[REG_EFL] = c->eflags;
	set_fpu((struct frame_fpu *)frame->uc_mcontext.fpregs, pack_fpu(pack, c));
}

__attribute__((used)) void on_signal(int signal, siginfo_t *info, ucontext_t *frame)
{
	if (signal == SIGPROF) {
		fprintf(stderr, "native: case %u does not end\n", current);
		_exit(2);
	}
	if (running) {
		if (frame->uc_mcontext.gregs[REG_CS] == SEL_CODE &&
		    (uint32_t)frame->uc_mcontext.gregs[REG_EIP] - (uint32_t)on_signal < 0x1000) {
			fprintf(stderr, "native: signal %d in the handler\n", signal);
			_exit(2);
		}
		const struct asm_case *c = pack_case(pack, current);

		if (other) {
			if (cmps_again(frame, c))
				return;
			as_another(frame, c);
		}
		take_result(frame);
		current++;
	}
	if (!running)
		munmap((void *)stack_start, stack_end - stack_start);
	running = 1;
	if (current == pack->cases) {
		result_print_end(put, &memory);
		if (fflush(stdout))
			die("stdout");
		_exit(0);
	}
	set_case(frame, pack_case(pack, current));
	if (other)
		find_slot(pack_case(pack, current));
}

/* A signal leaves AC, NT, ID and GS as they are: AC would fault our own accesses,
 * NT and ID stay set in the next case, libc needs its GS. */
__asm__(".globl signal_entry\n"
        "signal_entry:\n"
        "	pushfl\n"
        "	andl $~0x244000, (%esp)\n"
        "	popfl\n"
        "	movl tls_selector, %eax\n"
        "	movl %eax, %gs\n"
        "	jmp on_signal\n");
void signal_entry(int, siginfo_t *, void *);

static void map(uint32_t start, uint32_t size, int protection)
{
	void *p = mmap((void *)start, size, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != (void *)start)
		die("mmap");
	for (uint32_t i = 0; i < size; i += 4)
		*(uint32_t *)(start + i) = start + i;
	if (mprotect(p, size, protection))
		die("mprotect");
}

static void install(const struct segment *s)
{
	struct user_desc d = {
		.entry_number = s->selector >> 3,
		.base_addr = s->base,
		.limit = s->limit,
		.seg_32bit = s->big,
		.contents = s->contents,
		.read_exec_only = s->locked,
		.limit_in_pages = s->pages,
		.seg_not_present = s->absent,
		.useable = 1,
	};

	if (s->selector & 4 ? syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)) < 0
	                    : syscall(SYS_set_thread_area, &d) < 0)
		die(s->selector & 4 ? "modify_ldt" : "set_thread_area");
}

static void load(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die(path);
	pack = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (pack == MAP_FAILED || pack->magic != PACK_MAGIC)
		die(path);
	if (pack->code_size) {
		void *p = mmap((void *)BATCH, pack->code_size, PROT_READ | PROT_WRITE | PROT_EXEC,
		               MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, pack->code_offset);
		if (p != (void *)BATCH)
			die("mmap");
	}
	close(fd);
}

/* Cases that go astray near the top of memory shall meet nothing, as in the guest. */
static void find_stack(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "[stack]"))
			sscanf(line, "%x-%x", &stack_start, &stack_end);
	if (!stack_end)
		die("/proc/self/maps");
	fclose(f);
}

int main(int argc, char **argv)
{
	static uint8_t stack[1 << 18];
	static const struct segment segments[] = SEGMENTS;
	static const int signals[] = {SIGUSR1, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGPROF};
	/* Of processor time: no case loops for ever. */
	static const struct itimerval limit = {.it_value.tv_sec = 20};
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_sigaction = signal_entry,
	                           .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	if (argc == 2 && !strcmp(argv[1], "--there"))
		return 0;
	other = argc == 3 && !strcmp(argv[1], "--other");
	if (argc != 2 + other) {
		fprintf(stderr, "usage: native [--other] PACK\n");
		return 2;
	}
	__asm__("mov %%gs, %0" : "=r"(tls_selector));
	load(argv[1 + other]);
	map(AREA, AREA_SIZE, PROT_READ | PROT_WRITE);
	map(CODE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
	map(READONLY, READONLY_SIZE, PROT_READ);
	map(EDGE, EDGE_SIZE, PROT_READ | PROT_WRITE);
	if (mprotect((void *)(EDGE + 0x1000), 0x1000, PROT_READ))
		die("mprotect");
	for (unsigned i = 0; i < sizeof(segments) / sizeof(*segments); i++)
		install(&segments[i]);
	for (unsigned i = 0; i < BATCHES16; i++)
		install(&SEGMENT_BATCH16(i));
	find_stack();
	setitimer(ITIMER_PROF, &limit, NULL);
	sigaltstack(&alternate, NULL);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
	raise(SIGUSR1);
	return 2;
}
