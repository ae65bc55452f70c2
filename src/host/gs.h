/* GS.base, through which translated code reaches the guest's memory.  A kernel that uses FSGSBASE keeps
 * what a process puts there; another lets it run on until it switches to another
 * process, and then restores what it was told last by a system call.  On such a host that is a
 * place where no access succeeds: the fault tells that the base was lost, and it is put there
 * again.  That is one signal per such switch, and none per change of the base. */
#ifndef UNRING_HOST_GS_H
#define UNRING_HOST_GS_H

#include "base/types.h"

/* Can the processor be told GS.base without a system call (WRGSBASE is enabled)?  Not for handlers. */
bool host_gs_settable(void);
/* Does the kernel keep it? */
bool host_gs_kept(void);

/* Prepares for a kernel that does not keep it, if lost.  0 or a negative errno. */
int host_gs_guard(bool lost);

/* Sets GS.base. Async-signal-safe. */
void host_gs_set(uint64_t base);

/* Sets it again, where a wait is over in which it was lost: that is cheaper than the fault. */
void host_gs_again(void);

/* Was it the loss of GS.base that made this access fault?  Then it is there again. */
bool host_gs_restore(const void *address);

#endif
