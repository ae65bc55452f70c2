/* The interrupted context of a host signal, and the faults that bring it. */
#ifndef UNRING_HOST_FRAME_H
#define UNRING_HOST_FRAME_H

#include "base/types.h"

struct host_frame;

/* Registers by their encoding number, RAX 0 to R15 15. */
uint64_t host_frame_get(const struct host_frame *f, unsigned reg);
void host_frame_set(struct host_frame *f, unsigned reg, uint64_t value);
uint64_t host_frame_pc(const struct host_frame *f);
void host_frame_set_pc(struct host_frame *f, uint64_t pc);
uint64_t host_frame_flags(const struct host_frame *f);

/* A synchronous fault; vector is the processor's (SDM vol. 3, table 6-1). */
struct host_fault {
	uint8_t vector;
	bool write;          /* vector 14 */
	const void *address; /* vector 14; NULL when the host does not tell */
};

/* fn handles SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP on an alternate stack, with
 * all signals blocked; it returns false for a fault that is not the guest's, and
 * the process then dies by it. 0 or a negative errno. */
int host_fault_install(bool (*fn)(void *ctx, struct host_frame *f, const struct host_fault *fault),
                       void *ctx);

/* fn runs after the function of every signal installed by host_signal_install. */
void host_signal_set_kick(void (*fn)(void *ctx, struct host_frame *f), void *ctx);

/* Ends alignment checks: what a handler of a signal in translated code does first.  The
 * kernel leaves AC to handlers as the code that they interrupt had it. */
static inline void host_clear_ac(void)
{
	enum { AC = 1 << 18 };
	unsigned long long flags = __builtin_ia32_readeflags_u64();
	if (flags & AC)
		__builtin_ia32_writeeflags_u64(flags & ~(unsigned long long)AC);
}

#endif
