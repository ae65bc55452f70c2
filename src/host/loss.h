/* What this host does not give: it is done without, and told of in one line. */
#ifndef UNRING_HOST_LOSS_H
#define UNRING_HOST_LOSS_H

/* Notes that something is missing, and why: a negative errno, or 0. */
void host_lost(const char *what, int err);

/* All that is missing, as "A (reason), B (reason)"; NULL: nothing. */
const char *host_losses(void);

#endif
