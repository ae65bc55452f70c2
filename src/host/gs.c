#define _GNU_SOURCE
#include "host/gs.h"

#include "base/stats.h"
#include "host/memory.h"

#include <asm/prctl.h>
#include <errno.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { HWCAP2_FSGSBASE = 1 << 1 };

/* An effective address of 32 bits, and an operand behind it. */
#define REACH ((1ull << 32) + PAGE_SIZE)

static uint64_t wanted;    /* GS.base */
static uint64_t nowhere;   /* what it becomes where it is lost; 0: the kernel keeps it */
static volatile bool runs; /* RDGSBASE does */

static uint64_t get(void)
{
	uint64_t base;
	__asm__ volatile("rdgsbase %0" : "=r"(base));
	return base;
}

static void on_undefined(int signo, siginfo_t *info, void *context)
{
	enum { INSTRUCTION = 5 };
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += INSTRUCTION;
	runs = false;
	(void)signo;
	(void)info;
}

bool host_gs_settable(void)
{
	struct sigaction old, sa = {.sa_sigaction = on_undefined, .sa_flags = SA_SIGINFO};
	if (host_gs_kept())
		return true;
	if (sigaction(SIGILL, &sa, &old) < 0)
		return false;
	runs = true;
	__asm__ volatile("rdgsbase %%rax" : : : "rax", "memory");
	sigaction(SIGILL, &old, NULL);
	return runs;
}

bool host_gs_kept(void)
{
	return getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
}

int host_gs_guard(bool lost)
{
	void *at;
	if (!lost || nowhere)
		return 0;
	int err = host_mem_hold(REACH, &at);
	if (err)
		return err;
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, at) < 0)
		return -errno;
	nowhere = (uint64_t)(uintptr_t)at;
	return 0;
}

void host_gs_set(uint64_t base)
{
	wanted = base;
	__asm__ volatile("wrgsbase %0" : : "r"(base));
}

void host_gs_again(void)
{
	if (nowhere)
		host_gs_set(wanted);
}

bool host_gs_restore(const void *address)
{
	if (!nowhere || (uint64_t)(uintptr_t)address - nowhere >= REACH || get() != nowhere)
		return false;
	stats.gs_losses++;
	host_gs_set(wanted);
	return true;
}
