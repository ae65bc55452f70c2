/* Paging for the tests: 4 KiB pages, the first 16 MiB mapped to themselves, open to all. */
#ifndef GUEST_PAGES_H
#define GUEST_PAGES_H

#include "rt.h"

/* clang-format off */
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_PWT = 8, PTE_PCD = 16, PTE_A = 32, PTE_D = 64, PTE_PS = 128,
       PTE_G = 256, PTE_ALL = PTE_P | PTE_W | PTE_U };

#define PAGES_TABLES 4

extern u32 page_dir[1024], page_tables[PAGES_TABLES][1024];

/* Turns paging on (CR0.PG and CR0.WP). */
void pages_on(void);
void pages_off(void);
/* The entry of a linear address below 16 MiB in the tables above. */
u32 *pages_entry(const void *a);
/* Sets the entry's flags (frame kept) and flushes it. */
void pages_set(const void *a, u32 flags);
/* Points the entry at another frame, and flushes it. */
void pages_point(const void *a, const void *frame, u32 flags);

#endif

/* clang-format on */