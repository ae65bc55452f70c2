/* The control socket: the form of the QEMU Machine Protocol (qmp_commands.c) to any number of
 * callers.  One that does not read is hung up on; none makes the guest wait. */
#ifndef UNRING_MACHINE_QMP_H
#define UNRING_MACHINE_QMP_H

#include "host/stream.h"
#include "machine/control_target.h"

struct qmp;

/* Listens at where (STREAM_UNIX), for its owner alone. */
bool qmp_open(struct qmp **out, const struct stream_spec *where, const struct stream_host *h,
              const struct control_target *t, struct problem *p);
void qmp_close(struct qmp *q);

/* Tells all callers of an event, whose data is JSON; NULL: it has none.  q may be NULL. */
void qmp_event(struct qmp *q, const char *name, const char *data);

#endif
