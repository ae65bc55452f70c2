/* A process with a data and an execution breakpoint in its debug registers, as its debugger sees
 * it, while another computes beside it.  Prints what the debugger saw, then a verdict. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20, WORK = 2000000 };

/* The watched variable shares its page with what is written all the time, in the second run. */
static struct {
	volatile int watched, hot;
} near_by __attribute__((aligned(4096)));
static volatile int far_off __attribute__((aligned(4096)));
static volatile unsigned *turns; /* of the other process */

__attribute__((noinline)) static void marked(int round)
{
	near_by.watched = round + 1;
}

static void work(volatile int *hot, int n)
{
	for (int i = 0; i < n; i++)
		*hot += i;
}

static int debuggee(volatile int *hot, int n)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	for (int round = 0; round < ROUNDS; round++) {
		unsigned before = *turns;
		work(hot, n);
		marked(round);
		while (*turns == before)
			; /* the other has had its turn */
	}
	return 7;
}

static long arm(pid_t child)
{
	long at = offsetof(struct user, u_debugreg);
	/* DR7: L0, writes of 4 bytes; L1, execution. */
	return ptrace(PTRACE_POKEUSER, child, at, &near_by.watched) |
	       ptrace(PTRACE_POKEUSER, child, at + 4, marked) |
	       ptrace(PTRACE_POKEUSER, child, at + 28, (void *)(1 | 4 | 0xd << 16));
}

/* Debugs it to its end; false: not as it should be. */
static int debug(volatile int *hot, int n)
{
	unsigned stores = 0, calls = 0, others = 0;
	int status;
	pid_t child = fork();
	if (!child)
		_exit(debuggee(hot, n));
	waitpid(child, &status, 0);
	if (arm(child)) {
		perror("watched: ptrace");
		return 0;
	}
	while (!ptrace(PTRACE_CONT, child, 0, 0) && waitpid(child, &status, 0) == child &&
	       WIFSTOPPED(status)) {
		long at = offsetof(struct user, u_debugreg) + 24;
		errno = 0;
		unsigned dr6 = (unsigned)ptrace(PTRACE_PEEKUSER, child, at, 0);
		struct user_regs_struct r;
		ptrace(PTRACE_GETREGS, child, 0, &r);
		ptrace(PTRACE_POKEUSER, child, at, 0);
		long value = ptrace(PTRACE_PEEKDATA, child, &near_by.watched, 0);
		if (WSTOPSIG(status) == SIGTRAP && (dr6 & 15) == 1 && value == (long)stores + 1)
			stores++;
		else if (WSTOPSIG(status) == SIGTRAP && (dr6 & 15) == 2 && r.eip == (long)marked &&
		         value == (long)calls)
			calls++;
		else
			others++;
	}
	printf("watched: %u stores, %u calls, %u others, status %#x\n", stores, calls, others,
	       status);
	return stores == ROUNDS && calls == ROUNDS && !others && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 7;
}

int main(void)
{
	turns = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t other = fork();
	if (!other)
		for (;;) {
			/* Its own copy: nothing stops it. */
			marked(0);
			work(&near_by.hot, 1000);
			(*turns)++;
		}
	int ok = debug(&far_off, WORK) && debug(&near_by.hot, WORK / 20);
	int status = 0;
	ok = ok && !waitpid(other, &status, WNOHANG);
	kill(other, SIGKILL);
	puts(ok ? "watched: as it should be" : "watched: WRONG");
	return !ok;
}
