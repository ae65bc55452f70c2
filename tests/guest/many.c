/* As high.c, with so many pages in so many spaces that a host short of mappings must evict. */
#define KERNEL_BASE 0xc0000000u
#define USER_BASE 0x08000000u
enum { PROCESSES = 24, USER_PAGES = 105, ROUNDS = 1500 };
static void kernel_setup(void);
#include "spaces.h"

static void kernel_setup(void)
{
	kernel_map();
}
