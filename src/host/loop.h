/* The event loop: files that are watched for input.  All callbacks run from
 * loop_poll(), never from a signal. */
#ifndef UNRING_HOST_LOOP_H
#define UNRING_HOST_LOOP_H

#include "base/types.h"

struct loop;

struct loop *loop_create(void);
void loop_destroy(struct loop *l);

/* Calls fn whenever fd is readable or at its end, until loop_remove(). */
void loop_add(struct loop *l, int fd, void (*fn)(void *ctx), void *ctx);
void loop_remove(struct loop *l, int fd);
/* Stops and resumes watching fd: for a reader with no room. */
void loop_pause(struct loop *l, int fd, bool paused);
/* From here on a signal comes when loop_poll() has something to do, and it costs
 * nothing when it has not.  0 or a negative errno. */
int loop_start(struct loop *l);

/* Serves what is ready now; was there anything? */
bool loop_poll(struct loop *l);
/* No signal comes, or none any more: the helper that sends them is gone, which one
 * line has told. */
bool loop_wants_polls(const struct loop *l);

#endif
