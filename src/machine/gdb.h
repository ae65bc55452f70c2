/* The remote stub: gdb's serial protocol on a TCP port of the loopback interface, or on a
 * socket at a path. */
#ifndef UNRING_MACHINE_GDB_H
#define UNRING_MACHINE_GDB_H

#include "host/stream.h"
#include "machine/problem.h"
#include "monitor/monitor.h"

struct gdb;

/* Listens at a port (0: any free one) or at unix:PATH, and says where on standard error.  The
 * guest is held until a debugger has let it go. */
bool gdb_open(struct gdb **out, const char *where, const struct stream_host *h, struct monitor *m,
              struct problem *p);
/* The guest has stopped: told to the debugger, which may now ask and command. */
void gdb_stopped(struct gdb *g, const struct debug_stop *s);
/* Has the debugger not let it go on yet? */
bool gdb_holds(const struct gdb *g);
/* The run has ended with this status. */
void gdb_exited(struct gdb *g, int status);
void gdb_close(struct gdb *g);

#endif
