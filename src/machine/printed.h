/* What the guest has printed on its serial port of late, to look for text in. */
#ifndef UNRING_MACHINE_PRINTED_H
#define UNRING_MACHINE_PRINTED_H

#include "base/types.h"

enum { PRINTED_KEEPS = 1 << 16 };

struct printed {
	uint64_t end; /* how much it was in all */
	unsigned used;
	char at[2 * PRINTED_KEEPS];
};

void printed_put(struct printed *p, uint8_t byte);
/* Is there the text behind *from?  Then *from is its end. */
bool printed_find(const struct printed *p, const char *text, uint64_t *from);

#endif
