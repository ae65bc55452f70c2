/* native PACK: runs every case of a pack on this processor, as the code of a
 * 32-bit process, and prints the results.
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

	if (argc != 2) {
		fprintf(stderr, "usage: native PACK\n");
		return 2;
	}
	__asm__("mov %%gs, %0" : "=r"(tls_selector));
	load(argv[1]);
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
