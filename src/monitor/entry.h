/* The way into translated code and out of it (entry.S). */
#ifndef UNRING_MONITOR_ENTRY_H
#define UNRING_MONITOR_ENTRY_H

/* Why translated code was left. */
#define EXIT_DIRECT 1 /* scratch[3] = exit id */
#define EXIT_MISS 2   /* scratch[3] = EIP */
#define EXIT_CALLOUT                                                                               \
	3 /* scratch[3] = EIP, [0] = packed callout, [1] = operand, [5] = where to resume */
#define EXIT_FAULT 4   /* a signal handler has said the rest */
#define EXIT_PENDING 5 /* nothing was run */

#ifndef __ASSEMBLER__
#include "cpu/vcpu.h"

/* Runs host code with the vCPU's registers until it leaves. Comes back at once, with
 * EXIT_PENDING, if v->pending has a bit of mask (also if a signal sets one just then). r9, r10
 * and r11 start as scratch[0], [1] and [2]. ac is FLAG_AC to have the host check alignment, or 0. */
unsigned monitor_enter(struct vcpu *v, uint64_t host, uint32_t mask, uint32_t ac);

extern const char entry_window[], entry_window_end[], entry_abort[];
extern const char stub_exit[], stub_lookup[], stub_lookup_end[], stub_miss[], stub_callout[];
extern const char stub_ret_miss[], stub_fault[], stubs_end[];
#endif

#endif
