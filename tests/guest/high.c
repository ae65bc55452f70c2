/* A kernel at C0000000h with its users below: spaces.h says what it does. */
#define KERNEL_BASE 0xc0000000u
#define USER_BASE 0x08000000u
enum { PROCESSES = 12, USER_PAGES = 40, ROUNDS = 400 };
static void kernel_setup(void);
#include "spaces.h"

static void kernel_setup(void)
{
	kernel_dir = frame_alloc();
	u32 *d = P2V(kernel_dir);

	/* 4 KiB pages for the kernel's half, in four tables that all spaces share; nothing below. */
	memset(d, 0, 4096);
	for (u32 t = 0; t < 4; t++) {
		static u32 tables[4][1024] __attribute__((aligned(4096)));

		for (u32 i = 0; i < 1024; i++)
			tables[t][i] = (t << 22 | i << 12) | PTE_P | PTE_W;
		d[768 + t] = V2P(tables[t]) | PTE_P | PTE_W;
	}
	write_cr3(kernel_dir);
}
