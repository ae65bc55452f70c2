/* Ends the process when it was asked to end and nobody hears of it. */
#ifndef UNRING_HOST_WATCHDOG_H
#define UNRING_HOST_WATCHDOG_H

/* 0 or a negative errno. */
int watchdog_create(void);

/* From the handler of a signal that is to end the process: unless watchdog_stop() comes
 * within two seconds, a line is said and the process exits with this status, its terminal
 * as it was. */
void watchdog_start(int status);
void watchdog_stop(void);

#endif
