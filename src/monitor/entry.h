/* The way into translated code and out of it (entry.S). */
#ifndef UNRING_MONITOR_ENTRY_H
#define UNRING_MONITOR_ENTRY_H

/* What v->native.scratch holds on the way in and out. */
#define CELL_R9 0 /* r9 to r11 come and go by theirs */
#define CELL_R10 1
#define CELL_R11 2     /* out: of a callout alone */
#define CELL_R8 3      /* out */
#define CELL_AC 4      /* in: FLAG_AC, or 0 */
#define CELL_RESUME 5  /* out, of a callout: where to resume */
#define CELL_MASK 6    /* in: of what is pending */
#define CELL_MONITOR 7 /* always: for leaf_run() */

/* Why translated code was left. */
#define EXIT_DIRECT 1  /* r8 = exit id */
#define EXIT_MISS 2    /* r8 = EIP */
#define EXIT_CALLOUT 3 /* r8 = EIP, r9 = packed callout, r10 = operand */
#define EXIT_FAULT 4   /* a signal handler has said the rest */
#define EXIT_PENDING 5 /* nothing was run */
#define EXIT_FAR 6     /* r8 = EIP, r10 = CS, outside of protected mode */
#define EXIT_DONE 7    /* leaf_run() has done a callout, but its unit is not to be gone on with */

#ifndef __ASSEMBLER__
#include "cpu/vcpu.h"

/* Runs host code with the vCPU's registers until it leaves. Comes back at once, with
 * EXIT_PENDING, if v->native.pending has a bit of mask (also if a signal sets one just then). ac is
 * FLAG_AC to have the host check alignment, or 0. */
unsigned monitor_enter(struct vcpu *v, uint64_t host, uint32_t mask, uint32_t ac);

/* The same without a CALL, which the host would take the guest's next RET to return to. */
static inline unsigned monitor_go(struct vcpu *v, uint64_t host, uint32_t mask, uint32_t ac)
{
	unsigned why;
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t" /* what is below is the compiler's */
	                 "lea 1f(%%rip), %%rax\n\t"
	                 "push %%rax\n\t"
	                 "jmp monitor_enter\n"
	                 "1:\tlea 128(%%rsp), %%rsp"
	                 : "=a"(why), "+D"(v), "+S"(host), "+d"(mask), "+c"(ac)
	                 :
	                 : "r8", "r9", "r10", "r11", "memory", "cc");
	return why;
}

/* The window's last instruction is RET: where it goes lies on the return stack then. */
extern const char entry_window[], entry_last[], entry_window_end[], entry_abort[];
extern const char stub_exit[], stub_lookup[], stub_lookup_end[], stub_miss[], stub_callout[];
extern const char stub_ret_miss[], stub_fault[], stub_far[], stubs_end[];
#endif

#endif
