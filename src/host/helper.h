/* Processes of unring's own beside the one that runs the guest. */
#ifndef UNRING_HOST_HELPER_H
#define UNRING_HOST_HELPER_H

#include <sys/types.h>

/* Forks one by this name: returns 0 in it, in its owner its number, or a negative errno.  It hears no
 * signals, is no part of the owner's group, and is killed when its owner ends, unless it asks
 * for another signal then (PR_SET_PDEATHSIG). */
pid_t helper_fork(const char *name);
/* The same of one that shares its owner's descriptors, and those to come. */
pid_t helper_share(const char *name);

#endif
