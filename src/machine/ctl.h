/* unring ctl: a control socket (qmp.h) for people. */
#ifndef UNRING_MACHINE_CTL_H
#define UNRING_MACHINE_CTL_H

/* SOCKET COMMAND [word...]; the status to exit with: 0; 1: the machine refused; 2: what was asked for
 * makes no sense, or nobody listens. */
int ctl_run(int argc, char **argv);

#endif
