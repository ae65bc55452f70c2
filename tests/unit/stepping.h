/* One host instruction at a time: a SIGTRAP handler sees each boundary. */
#ifndef TESTS_STEPPING_H
#define TESTS_STEPPING_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

enum { STEP_TF = 1 << 8 };

/* While this is set and TF is, each instruction is followed by a call of step_fn with the
 * frame of the next one. */
static volatile bool step_on;
static void (*step_fn)(ucontext_t *u);

static inline void step_trap(int signo, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	greg_t *flags = &u->uc_mcontext.gregs[REG_EFL];

	*flags &= ~(greg_t)STEP_TF;
	if (!step_on)
		return;
	*flags |= STEP_TF; /* what the instruction loaded may have cleared it */
	step_fn(u);
}

static inline void step_install(void (*fn)(ucontext_t *u))
{
	struct sigaction sa = {.sa_sigaction = step_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigfillset(&sa.sa_mask);
	sigaction(SIGTRAP, &sa, NULL);
	step_fn = fn;
}

/* From the next instruction on. */
__attribute__((target("general-regs-only"))) static inline void step_begin(void)
{
	step_on = true;
	__builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | STEP_TF);
}

__attribute__((target("general-regs-only"))) static inline void step_end(void)
{
	step_on = false;
}

#endif
