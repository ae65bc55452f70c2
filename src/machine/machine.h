/* The PC: processor, memory, board, and the host's resources for them. */
#ifndef UNRING_MACHINE_MACHINE_H
#define UNRING_MACHINE_MACHINE_H

#include "machine/config.h"

#include <stdio.h>

enum { EXIT_BAD_INPUT = 2, EXIT_TIMEOUT = 124 };

struct machine;

/* Checks the host, opens files, builds the machine and loads its kernel. */
bool machine_create(struct machine **out, const struct machine_config *c, struct problem *p);

/* Runs it to its end; the status to exit with, having told on standard error
 * what there is to tell. */
int machine_run(struct machine *m);

void machine_destroy(struct machine *m);

/* The processor models, one a line. */
void machine_list_models(FILE *f);

#endif
