#define _GNU_SOURCE
#include "host/frame.h"

#include "host/gs.h"
#include "host/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <ucontext.h>

static const int reg_index[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                  REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                  REG_R12, REG_R13, REG_R14, REG_R15};

static greg_t *gregs(const struct host_frame *f)
{
	return ((ucontext_t *)(uintptr_t)f)->uc_mcontext.gregs;
}

uint64_t host_frame_get(const struct host_frame *f, unsigned reg)
{
	return (uint64_t)gregs(f)[reg_index[reg]];
}

void host_frame_set(struct host_frame *f, unsigned reg, uint64_t value)
{
	gregs(f)[reg_index[reg]] = (greg_t)value;
}

uint64_t host_frame_pc(const struct host_frame *f)
{
	return (uint64_t)gregs(f)[REG_RIP];
}

void host_frame_set_pc(struct host_frame *f, uint64_t pc)
{
	gregs(f)[REG_RIP] = (greg_t)pc;
}

uint64_t host_frame_flags(const struct host_frame *f)
{
	return (uint64_t)gregs(f)[REG_EFL];
}

enum { PAGE_FAULT = 14 };

static struct {
	bool (*fn)(void *ctx, struct host_frame *f, const struct host_fault *fault);
	void *ctx;
} handler;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	host_clear_ac();
	struct host_frame *f = context;
	uint64_t err = (uint64_t)gregs(f)[REG_ERR];
	struct host_fault fault = {
		.vector = (uint8_t)gregs(f)[REG_TRAPNO],
		.write = err & 2,
		.address = info->si_addr,
	};
	if (fault.vector == PAGE_FAULT && host_gs_restore(fault.address))
		return;
	if (info->si_code <= 0 || !handler.fn(handler.ctx, f, &fault)) {
		/* Ours, or sent by somebody: die of it. */
		terminal_close();
		signal(signo, SIG_DFL);
		if (info->si_code <= 0)
			raise(signo);
	}
}

int host_fault_install(bool (*fn)(void *ctx, struct host_frame *f, const struct host_fault *fault),
                       void *ctx)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
	int err = host_gs_guard(!host_gs_kept());
	if (err)
		return err;
	/* The frame holds all of the processor's vector state: its size is the kernel's to say. */
	size_t size = 64 * 1024 + 4 * getauxval(AT_MINSIGSTKSZ);
	void *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	stack_t ss = {.ss_sp = stack, .ss_size = size};
	if (sigaltstack(&ss, NULL) < 0)
		return -errno;
	handler.fn = fn;
	handler.ctx = ctx;
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigfillset(&sa.sa_mask);
	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
		if (sigaction(signals[i], &sa, NULL) < 0)
			return -errno;
	return 0;
}
