/* The event loop: files that are watched for input.  All callbacks run from
 * loop_poll() and loop_wait(), never from a signal. */
#ifndef UNRING_HOST_LOOP_H
#define UNRING_HOST_LOOP_H

#include "base/types.h"

#include <signal.h>

struct loop;

struct loop *loop_create(void);
void loop_destroy(struct loop *l);

/* Calls fn whenever fd is readable or at its end, until loop_remove(). */
void loop_add(struct loop *l, int fd, void (*fn)(void *ctx), void *ctx);
void loop_remove(struct loop *l, int fd);
/* Stops and resumes watching fd: for a reader with no room. */
void loop_pause(struct loop *l, int fd, bool paused);
/* Is any file being watched? */
bool loop_active(const struct loop *l);

/* Serves what is ready now. */
void loop_poll(struct loop *l);
/* Sleeps until a file is ready, and serves it, or until a signal arrives or
 * timeout_ns have passed (UINT64_MAX: for ever); mask is the signal mask while
 * it sleeps (ppoll: no signal is lost in between). */
void loop_wait(struct loop *l, uint64_t timeout_ns, const sigset_t *mask);

#endif
