/* The one line that tells a user what is wrong with what was asked for: it names
 * the thing and the reason. */
#ifndef UNRING_MACHINE_PROBLEM_H
#define UNRING_MACHINE_PROBLEM_H

#include "base/types.h"

struct problem {
	char text[512];
};

/* Sets the text, unless an earlier problem did; returns false, for
 * `return problem_set(...)`. */
bool problem_set(struct problem *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
