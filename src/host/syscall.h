/* System calls without libc, whose functions may use vector registers: for what is called
 * while the guest's are live.  The result is the kernel's: a negative errno for a failure. */
#ifndef UNRING_HOST_SYSCALL_H
#define UNRING_HOST_SYSCALL_H

#include "base/types.h"

/* AMD64 ABI, A.2.1: RCX and R11 are lost. */
static inline long host_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;
	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return result;
}

static inline long host_syscall3(long nr, long a, long b, long c)
{
	return host_syscall6(nr, a, b, c, 0, 0, 0);
}

/* Of calls that return an address. */
static inline bool host_syscall_failed(long result)
{
	return (unsigned long)result > -4096ul;
}

#endif
