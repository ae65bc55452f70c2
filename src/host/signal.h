/* Signals of the outside world: timers, the terminal, requests to end. */
#ifndef UNRING_HOST_SIGNAL_H
#define UNRING_HOST_SIGNAL_H

/* Installs a handler (SA_ONSTACK, SA_RESTART) that runs fn.  fn may interrupt
 * translated code anywhere: it sets flags and calls what is async-signal-safe,
 * no more.  0 or a negative errno. */
int host_signal_install(int signo, void (*fn)(void *ctx), void *ctx);

#endif
