/* The second fence: what the kernel does for a process of unring, whatever code runs in it.
 * Translated code cannot reach beyond its window (the first fence); if it could, or if C
 * were led astray, this is what is left to it.  A kind of process has its own list of
 * system calls and of arguments (the tables in fence.c); any other call ends it by SIGSYS.
 * What the host does not have is noted with host_lost(), and done without. */
#ifndef UNRING_HOST_FENCE_H
#define UNRING_HOST_FENCE_H

#include "base/types.h"

enum fence_mode {
	FENCE_OFF, /* nothing of this: for strace, gdb, perf */
	FENCE_ON,
	FENCE_REQUIRE, /* the caller ends when host_losses() has anything */
};

enum fence_kind {
	FENCE_VCPU,    /* runs the guest */
	FENCE_WATCHER, /* waits for files to become readable */
	FENCE_BROKER,  /* once it is sealed */
	FENCE_FRONT,   /* opens files for callers */
	FENCE_DISKS,   /* works on disks */
	FENCE_CLIENTS, /* takes calls of those who look at the screen, and starts */
	FENCE_CLIENT,  /* what serves one of them */
	FENCE_WINDOW,  /* shows the screen in a window of the host */
	FENCE_KINDS,
};

/* What a process of this run may use beside its kind's constants. */
enum fence_grant {
	GRANT_NONE,
	GRANT_WINDOWS,  /* mappings may be put at [a, b) */
	GRANT_WP,       /* a: userfaultfd */
	GRANT_CHILD,    /* a: process that may be killed and waited for */
	GRANT_LISTENER, /* a: socket that connections are taken from */
	GRANT_SOCKET,   /* a: socket that is connected */
	GRANT_OUTPUT,   /* a: file that is written anew */
	GRANT_BOOKS,    /* a: file that is read at any place */
	GRANT_OWNER,    /* a, b: process and thread that is signalled */
	GRANT_FILES,    /* descriptors come by sockets */
	GRANT_NAMES,    /* a: folder beneath which files are opened and made */
	GRANT_ALARM,    /* a: timerfd */
	GRANT_MEDIUM,   /* a: a drive, and what is put in its place */
	GRANT_SERVED,   /* a: a drive, when a program serves it */
	GRANT_FOLDER,   /* a: folder that a file is removed from */
};

/* Can this build be fenced?  Sanitizers and coverage call what they like. */
bool fence_possible(void);

/* How it is to be, for this process and those that it forks from here on. */
void fence_choose(enum fence_mode mode);

/* No capabilities, no new privileges, no core dumps; descendants have none either. */
void fence_strip(void);

/* Closes all descriptors but these, which ascend. */
void fence_close_others(const int *keep, unsigned n);

void fence_grant(enum fence_grant what, uint64_t a, uint64_t b);

/* For good, and stripped: no file is opened by name any more (but by the front), no process
 * started, no memory made executable, and no debugger comes but root's. */
void fence_enter(enum fence_kind kind);

#endif
