/* The event loop: files that are watched until they can be read or written.  All callbacks
 * run from loop_poll() or loop_wait(), never from a signal. */
#ifndef UNRING_HOST_LOOP_H
#define UNRING_HOST_LOOP_H

#include "base/types.h"

#include <signal.h>

struct loop;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop *loop_create(void);
void loop_destroy(struct loop *l);

/* Calls fn with what fd is ready for of interest, until loop_remove(); at its end, and when
 * there is an error to tell, that is all of interest. */
void loop_add(struct loop *l, int fd, unsigned interest, void (*fn)(void *ctx, unsigned ready),
              void *ctx);
void loop_remove(struct loop *l, int fd);
/* fn is called as well whenever the signal has come, as a process of ours sends it; was there anything?
 * One at most; NULL: none any more. */
void loop_hook(struct loop *l, bool (*fn)(void *ctx), void *ctx);
/* Another interest; 0: for a reader with no room. */
void loop_set(struct loop *l, int fd, unsigned interest);
/* From here on a signal comes when loop_poll() has something to do, and it costs
 * nothing when it has not.  0 or a negative errno. */
int loop_start(struct loop *l);

/* Serves what is ready now; was there anything? */
bool loop_poll(struct loop *l);
/* The same, but waits for it: until timeout_ms (-1: none) are over, or a signal's fn has set
 * *give_up. */
void loop_wait(struct loop *l, int timeout_ms, const volatile sig_atomic_t *give_up);
/* No signal comes, or none any more: the helper that sends them is gone, which one
 * line has told. */
bool loop_wants_polls(const struct loop *l);

#endif
