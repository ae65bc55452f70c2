/* Code memory: one memory file mapped twice, writable and executable, never
 * both through one mapping (I6). */
#ifndef UNRING_HOST_CODE_H
#define UNRING_HOST_CODE_H

#include "base/types.h"

struct host_code {
	uint8_t *rw;       /* write here */
	const uint8_t *rx; /* run here */
	size_t size;
};

/* 0 or a negative errno (EACCES: memory files may not be executed here). */
int host_code_create(struct host_code *c, size_t size);
void host_code_destroy(struct host_code *c);

#endif
