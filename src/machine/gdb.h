/* The remote stub: gdb's serial protocol on a TCP port of the loopback interface, or on a
 * socket at a path. */
#ifndef UNRING_MACHINE_GDB_H
#define UNRING_MACHINE_GDB_H

#include "host/stream.h"
#include "machine/control.h"
#include "machine/problem.h"

struct gdb;

/* Listens (STREAM_TCP or _UNIX), and says where on standard error.  The guest is held until a
 * debugger has let it go. */
bool gdb_open(struct gdb **out, const struct stream_spec *where, const struct stream_host *h,
              struct control *c, struct problem *p);
/* The guest has stopped: told to the debugger, which may now ask and command. */
void gdb_stopped(struct gdb *g, const struct debug_stop *s);
/* Has the debugger not let it go on yet? */
bool gdb_holds(const struct gdb *g);
/* The run has ended with this status. */
void gdb_exited(struct gdb *g, int status);
void gdb_close(struct gdb *g);

#endif
