/* A kernel at 1 MiB with its users above it, at C8000000h: spaces.h says what it does. */
#define KERNEL_BASE 0u
#define USER_BASE 0xc8000000u
enum { PROCESSES = 12, USER_PAGES = 40, ROUNDS = 400 };
static void kernel_setup(void);
#include "spaces.h"

static void kernel_setup(void)
{
	kernel_dir = frame_alloc();
	u32 *d = P2V(kernel_dir);

	memset(d, 0, 4096);
	for (u32 t = 0; t < 4; t++)
		d[t] = (t << 22) | PTE_P | PTE_W | 0x80;
	write_cr4(read_cr4() | CR4_PSE);
	write_cr3(kernel_dir);
	write_cr0(read_cr0() | CR0_PG | CR0_WP);
}
