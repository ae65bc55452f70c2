/* A pack in the making. */
#ifndef ASM_PACK_H
#define ASM_PACK_H

#include <stddef.h>

#include "case.h"

struct buffer {
	uint8_t *data;
	size_t size, capacity;
};

struct builder {
	struct buffer cases, fpu, data, code, text;
	uint32_t ldt;
};

/* Appends; returns the offset at which the bytes stand. */
uint32_t buffer_add(struct buffer *buffer, const void *data, size_t size);

/* FNINIT, all registers zero, MXCSR as at reset. */
void fpu_initial(uint8_t image[FPU_SIZE]);

/* Adds `count` cases of a group of rows; what they are depends on the seed
 * alone.  -1: there is no such group, or too many cases for BATCH. */
int generate(struct builder *builder, const char *group, uint64_t seed, uint32_t count);

#endif
