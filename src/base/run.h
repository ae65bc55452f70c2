/* A repeated string instruction on memory that is a device's: between the processor and the bus. */
#ifndef UNRING_BASE_RUN_H
#define UNRING_BASE_RUN_H

#include "base/types.h"

/* n elements of 1, 2 or 4 bytes, one after the other and upwards. */
struct mem_run {
	enum mem_run_kind {
		RUN_LOAD,  /* from `at` on, into the buffer */
		RUN_STORE, /* what the buffer holds */
		RUN_FILL,  /* each is the one that the buffer holds */
		RUN_MOVE,  /* element by element from `from`, which is the same device's */
	} kind;
	unsigned size;
	size_t n;
	uint64_t at, from;
	void *buf;
};

#endif
