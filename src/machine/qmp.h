/* The control socket: the form of the QEMU Machine Protocol (qmp_commands.c) to FRONT_CALLERS
 * callers, by the front.  One that does not read is hung up on; none makes the guest wait. */
#ifndef UNRING_MACHINE_QMP_H
#define UNRING_MACHINE_QMP_H

#include "host/front.h"
#include "host/stream.h"
#include "machine/control_target.h"

struct qmp;

/* What the front has to understand. */
extern const struct front_language qmp_language;

/* Starts the front, to listen at where (STREAM_UNIX) for its owner alone. */
bool qmp_listen(struct front_link *out, const struct stream_spec *where, struct problem *p);

/* Takes the callers of a front that stays until this is closed.  0 or a negative errno. */
int qmp_open(struct qmp **out, struct front_link front, const struct stream_host *h,
             const struct control_target *t);
void qmp_close(struct qmp *q);

/* Tells all callers of an event, whose data is JSON; NULL: it has none.  q may be NULL. */
void qmp_event(struct qmp *q, const char *name, const char *data);

#endif
