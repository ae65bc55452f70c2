/* A process whose x87, MXCSR and XMM registers must be as it left them after system calls,
 * faults, signals and other processes' turns.  Prints what was not kept, then a verdict. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct fxsave {
	uint16_t control, status, tag, op;
	uint32_t pointers[4], mxcsr, mxcsr_mask;
	uint8_t st[8][16], xmm[8][16], reserved[224];
} __attribute__((aligned(16)));

static struct fxsave want, got, clean;
static unsigned lost;

static void check(const char *what)
{
	unsigned n = 0;
	for (unsigned i = 0; i < 8; i++)
		n += !!memcmp(want.st[i], got.st[i], 10) + !!memcmp(want.xmm[i], got.xmm[i], 16);
	n += want.control != got.control || want.status != got.status || want.tag != got.tag;
	n += want.mxcsr != got.mxcsr;
	lost += n;
	if (n)
		printf("%s: %u not kept\n", what, n);
}

/* The system call with the registers loaded, and at once stored again. */
static long call(const char *what, long nr, long a, long b, long c, long d)
{
	long result;
	__asm__ volatile("fxrstor %[want]; int $0x80; fxsave %[got]; fxrstor %[clean]"
	                 : "=a"(result), [got] "=m"(got)
	                 : "0"(nr), "b"(a), "c"(b), "d"(c),
	                   "S"(d), [want] "m"(want), [clean] "m"(clean)
	                 : "memory");
	check(what);
	return result;
}

/* Uses them all, in a signal's handler and in other processes. */
static void use(int signo)
{
	volatile long double x = signo;
	for (int i = 0; i < 100; i++)
		x = x * 1.0001L + 1;
	__asm__ volatile("xorps %%xmm0, %%xmm0; xorps %%xmm1, %%xmm1; movaps %%xmm0, %%xmm2;"
	                 "movaps %%xmm0, %%xmm3; movaps %%xmm0, %%xmm4; movaps %%xmm0, %%xmm5;"
	                 "movaps %%xmm0, %%xmm6; movaps %%xmm0, %%xmm7"
	                 :
	                 :
	                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7");
}

static void forks(char *memory)
{
	for (int i = 0; i < 20; i++) {
		unsigned before = lost;
		long child = call("fork", SYS_fork, 0, 0, 0, 0);
		if (!child) {
			memset(memory + i * 8192, i, 70000);
			use(1);
			call("getpid in a child", SYS_getpid, 0, 0, 0, 0);
			fflush(stdout);
			_exit(lost != before);
		}
		int status = -1;
		call("waitpid", SYS_waitpid, child, (long)&status, 0, 0);
		lost += status != 0;
	}
}

int main(void)
{
	char *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct timespec nap = {0, 50000000};

	setvbuf(stdout, NULL, _IOLBF, 0);
	__asm__ volatile("fxsave %0" : "=m"(clean));
	want = clean;
	want.control = 0x0c7f;
	want.tag = 0xff;
	want.mxcsr = 0x3f80;
	for (unsigned i = 0; i < 8 * 16; i++) {
		want.st[i / 16][i % 16] = i % 16 < 10 ? 0x81 + i * 3 : 0;
		want.xmm[i / 16][i % 16] = 1 + i * 7;
	}
	signal(SIGUSR1, use);
	signal(SIGCHLD, use);
	for (int i = 0; i < 50; i++) {
		call("getpid", SYS_getpid, 0, 0, 0, 0);
		call("sched_yield", SYS_sched_yield, 0, 0, 0, 0);
		call("kill of itself", SYS_kill, getpid(), SIGUSR1, 0, 0);
	}
	forks(memory);
	for (int i = 0; i < 5; i++) {
		if (!fork())
			_exit(0);
		call("nanosleep", SYS_nanosleep, (long)&nap, 0, 0, 0);
		wait(NULL);
	}
	for (unsigned i = 0; i < 256; i++) {
		char *page = memory + (i * 37 % 256) * 4096;
		__asm__ volatile("fxrstor %1; movb $1, (%2); fxsave %0; fxrstor %3"
		                 : "=m"(got)
		                 : "m"(want), "r"(page), "m"(clean)
		                 : "memory");
		check("page fault");
	}
	for (int i = 0; i < 4; i++) {
		unsigned turns = 100 << 20;
		__asm__ volatile("fxrstor %1; 1: dec %2; jnz 1b; fxsave %0; fxrstor %3"
		                 : "=m"(got), "+m"(want), "+r"(turns)
		                 : "m"(clean)
		                 : "memory", "cc");
		check("ticks");
	}
	printf("registers: %s\n", lost ? "LOST" : "all kept");
	return !!lost;
}
