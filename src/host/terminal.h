/* The terminal on standard input: raw while the guest has it, and always given
 * back as it was: at exit, at a signal that ends the process, while it is stopped. */
#ifndef UNRING_HOST_TERMINAL_H
#define UNRING_HOST_TERMINAL_H

#include "base/types.h"

/* Are both standard input and output one? */
bool terminal_is_there(void);
bool terminal_on_stdout(void);

/* Makes standard input raw if it is a terminal, and sees to its return: takes each
 * signal whose default ends the process (those of faults are host_fault_install's).
 * 0 (also when it is none), or a negative errno. */
int terminal_open(void);
/* What is sent to it when it is taken and before it is given back: its screen is another then.
 * The texts are kept; NULL: none. */
void terminal_set_screen(const char *enter, const char *leave);
/* How often it was taken: after another time nothing is left of what was on its screen. */
unsigned terminal_takes(void);
/* As it was before terminal_open(); async-signal-safe; may be called twice. */
void terminal_close(void);

/* Serves SIGTSTP (gives the terminal back, stops, takes it again) and SIGCONT;
 * called from the event loop. */
void terminal_poll(void);

#endif
