/* The files that a run writes.  They are opened by name before the fence closes, and emptied
 * only when the guest has been loaded: what is wrong on the command line, or with the kernel,
 * loses nothing that was in them. */
#ifndef UNRING_MACHINE_OUTPUT_H
#define UNRING_MACHINE_OUTPUT_H

#include "machine/problem.h"

#include <stdio.h>

struct outputs {
	struct output {
		const char *option, *path; /* as typed */
		int fd;
	} list[10]; /* an option each */
	unsigned count;
};

/* A descriptor that is the caller's, or -1. */
int output_open(struct outputs *s, const char *option, const char *path, struct problem *p);

/* The same for stdio. */
FILE *output_stream(struct outputs *s, const char *option, const char *path, struct problem *p);

/* Is the open file fd, which is read as the guest's kind (kernel, module), none of them? */
bool outputs_spare(const struct outputs *s, int fd, const char *kind, struct problem *p);

/* Permits what the fence forbids otherwise. */
void outputs_grant(const struct outputs *s);

/* Empties the plain files. */
bool outputs_begin(const struct outputs *s, struct problem *p);

#endif
