/* As half.c, with PAE: spaces.h says what it does. */
#define PAE
#define KERNEL_BASE 0x80000000u
#define USER_BASE 0x08000000u
enum { PROCESSES = 12, USER_PAGES = 40, ROUNDS = 400 };
static void kernel_setup(void);
#include "spaces.h"

static void kernel_setup(void)
{
	kernel_map();
}
