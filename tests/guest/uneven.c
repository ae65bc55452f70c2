/* A kernel at D0000000h whose users reach beyond C0000000h, up to their own tables: spaces.h says what it does. */
#define KERNEL_BASE 0xd0000000u
#define USER_BASE 0xcb800000u
#define SELF_MAP 0xcfc00000u
enum { PROCESSES = 12, USER_PAGES = 40, ROUNDS = 400 };
static void kernel_setup(void);
#include "spaces.h"

static void kernel_setup(void)
{
	kernel_map();
}
