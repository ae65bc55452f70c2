/* What is done to a machine from outside its guest: by keys of the terminal, a debugger,
 * signals, and by the guest itself where it ends its run.  All but those for signal handlers are
 * called between two instructions of the guest: from the event loop, a device, the platform. */
#ifndef UNRING_MACHINE_CONTROL_H
#define UNRING_MACHINE_CONTROL_H

#include "host/signal.h"
#include "monitor/monitor.h"

/* Who may hold the guest, a bit for each. */
enum { HOLDER_GDB = 1 << 0, HOLDER_USER = 1 << 1, HOLDERS = -1 };

struct control {
	struct monitor *monitor;
	unsigned holders;
	bool stands;                       /* the guest does already */
	volatile sig_atomic_t end_signal;  /* the run is to end by it; 0: none */
	volatile sig_atomic_t look_signal; /* tell what there is to tell now */
};

/* Ends the run with this status. */
void control_quit(struct control *c, int status);

/* The reset line. */
void control_reset(struct control *c);

/* Holds the guest before its next instruction, until each holder has let it go. */
void control_pause(struct control *c, unsigned holder);
void control_resume(struct control *c, unsigned holder);
/* The guest has been reset: whoever holds it does so still. */
void control_hold_on(struct control *c);
/* Does any of these hold it? */
bool control_held(const struct control *c, unsigned holders);
/* The guest has been stopped, for whatever reason, or goes on. */
void control_stands(struct control *c, bool stands);

/* --- for signal handlers --- */

/* Ends the run with the status of this signal, or the process in two seconds. */
void control_end(struct control *c, int signo);
/* Statistics, and what --verify finds, now. */
void control_look(struct control *c);

/* From the event loop: obeys these.  True: there is to be a look. */
bool control_obey(struct control *c);

#endif
