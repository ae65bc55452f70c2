/* What the tests of debug traps share. */
#ifndef GUEST_TRAPS_H
#define GUEST_TRAPS_H

#include "rt/dr.h"
#include "rt/pages.h"

/* Of each trap, where it came and what DR6 said. */
static u32 steps[4096], step_hits[4096], step_count, step_dr6;
static inline bool record(struct frame *f)
{
	if (f->vector != V_DB)
		return false;
	u32 dr6 = read_dr6();

	step_dr6 |= dr6;
	write_dr6(DR6_SET);
	if (step_count < 4096) {
		step_hits[step_count] = dr6 & (BS | 15);
		steps[step_count++] = f->eip;
	}
	return true;
}

/* To the end, with its debug traps recorded; then there are no breakpoints any more. */
static inline void expect_done_recorded(const char *what, struct state *s, const u8 *end)
{
	step_count = step_dr6 = 0;
	trap_hook = record;
	expect_done(what, s, end);
	trap_hook = NULL;
	write_dr7(DR7_SET);
}

/* Breakpoints are counted. */
static u32 bp_hits, bp_dr6;
static inline bool hit(struct frame *f)
{
	if (f->vector != V_DB)
		return false;
	bp_hits++;
	bp_dr6 = read_dr6();
	steps[0] = f->eip;
	write_dr6(DR6_SET);
	f->eflags |= RF; /* an instruction breakpoint is a fault: go on past it */
	return true;
}

/* A page fault is repaired, and traps are recorded. */
static u32 pf_count;
static inline bool repair(struct frame *f)
{
	if (f->vector == V_PF) {
		pf_count++;
		pages_set(scratch, PTE_ALL);
		return true;
	}
	return record(f);
}

#endif
