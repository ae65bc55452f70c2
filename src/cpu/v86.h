/* Internal to src/cpu: what an 8086 program may do by itself below IOPL 3, and one of protected mode
 * with the flag of interrupts.  SDM vol. 3, 20.2.7, 20.3 and 20.4. */
#ifndef UNRING_CPU_V86_H
#define UNRING_CPU_V86_H

#include "cpu/descriptor.h"

/* Virtual-8086 mode below IOPL 3? */
static inline bool v86_sensitive(const struct vcpu *v)
{
	return v->vflags & FLAG_VM && vcpu_iopl(v) < 3;
}

/* Do PUSHF, POPF and IRET call the monitor of that mode (#GP(0))?  With CR4.VME, and an operand of
 * 16 bits, they do not: VIF stands for IF. */
static inline bool v86_traps(const struct vcpu *v, unsigned opsize)
{
	return v86_sensitive(v) && (!(v->cr4 & CR4_VME) || opsize != 2);
}

/* Are CLI and STI about VIF, where they may not change IF?  CR4.VME in virtual-8086 mode, CR4.PVI else,
 * at CPL 3. */
static inline bool v86_virtual(const struct vcpu *v)
{
	return v->cpl == 3 && vcpu_iopl(v) < 3 &&
	       v->cr4 & (v->vflags & FLAG_VM ? CR4_VME : CR4_PVI);
}

/* The program is entered: #GP(0) before its first instruction, if both VIF and VIP are set.  SDM
 * vol. 3, 20.3.2. */
bool v86_enter(const struct vcpu *v, struct trap *t);

/* FLAGS as an 8086 program sees them: where it is sensitive, IOPL is 3 and IF is VIF. */
uint32_t v86_flags(const struct vcpu *v);
/* What POPF and IRET load there, in *value and *mask: VIF for IF.  #GP(0) if TF gets set, or IF while
 * an interrupt waits (VIP). */
bool v86_flags_load(const struct vcpu *v, uint32_t *value, uint32_t *mask, struct trap *t);
/* INT n in virtual-8086 mode: *redirected, if the 8086 program's own handler was entered; else the
 * IDT is next. */
bool v86_interrupt(struct vcpu *v, uint8_t vector, uint32_t next, bool *redirected, struct trap *t);

#endif
