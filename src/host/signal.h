/* Signals of the outside world: timers, the terminal, requests to end. */
#ifndef UNRING_HOST_SIGNAL_H
#define UNRING_HOST_SIGNAL_H

#include <signal.h>
#include <stdbool.h>

struct pollfd;

/* Installs a handler (SA_ONSTACK, SA_RESTART) that runs fn, as host_signal_wait()
 * does, too.  fn may interrupt translated code anywhere: it sets flags and calls
 * what is async-signal-safe, no more.  0 or a negative errno. */
int host_signal_install(int signo, void (*fn)(void *ctx), void *ctx);

/* Those of the timer and of watched files. */
#define HOST_SIGNAL_TIMER SIGRTMIN
#define HOST_SIGNAL_FILES SIGIO

/* Holds back all installed signals, so that none is lost between a last look at
 * what their functions set and a sleep: host_signal_wait() sleeps until one of
 * them comes and runs its fn, as a plain call (a handler's frame is what makes a
 * signal dear); what comes besides is handled at the release. */
void host_signals_hold(void);
void host_signal_wait(void);
void host_signals_release(void);

/* poll() that hears the installed signals also while they are held: true when any of the
 * files is ready; false when timeout_ms (-1: none) are over, or once a signal's fn has set
 * *give_up (NULL: with a timeout of 0). */
bool host_poll(struct pollfd *files, unsigned count, int timeout_ms,
               const volatile sig_atomic_t *give_up);

#endif
