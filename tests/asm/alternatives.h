/* What the manuals leave to the processor: results that may differ, and how often they did. */
#ifndef ASM_ALTERNATIVES_H
#define ASM_ALTERNATIVES_H

#include "case.h"

enum { FIELDS = 512 };

/* A line of a result, in pieces. */
struct fields {
	char *copy;
	int count;
	char *name[FIELDS], *value[FIELDS];
};

/* NULL: as it was at the start. */
const char *fields_find(const struct fields *f, const char *name);

/* Do two results of a case differ, and in nothing but what is left open? Counted, as is where they
 * could have differed. */
int alternatives_accept(const struct asm_pack *pack, uint32_t number, const struct fields *a,
                        const struct fields *b);

/* A line for each form and question that was met: "alternative: NAME: N as the first, N other:
 * SECTION". */
void alternatives_print(void);

#endif
