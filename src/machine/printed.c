#define _GNU_SOURCE
#include "machine/printed.h"

#include <string.h>

void printed_put(struct printed *p, uint8_t byte)
{
	if (p->used == sizeof p->at) {
		memcpy(p->at, p->at + PRINTED_KEEPS, PRINTED_KEEPS);
		p->used = PRINTED_KEEPS;
	}
	p->at[p->used++] = (char)byte;
	p->end++;
}

bool printed_find(const struct printed *p, const char *text, uint64_t *from)
{
	uint64_t first = p->end - p->used, skip = *from > first ? *from - first : 0;
	const char *at = memmem(p->at + skip, p->used - skip, text, strlen(text));
	if (at)
		*from = first + (uint64_t)(at - p->at) + strlen(text);
	return at;
}
