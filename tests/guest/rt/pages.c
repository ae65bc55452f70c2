#include "pages.h"

u32 page_dir[1024] __attribute__((aligned(4096)));
u32 page_tables[PAGES_TABLES][1024] __attribute__((aligned(4096)));

void pages_on(void)
{
	for (unsigned i = 0; i < PAGES_TABLES * 1024; i++)
		page_tables[i / 1024][i % 1024] = i << 12 | PTE_ALL;
	for (unsigned i = 0; i < PAGES_TABLES; i++)
		page_dir[i] = (u32)page_tables[i] | PTE_ALL;
	write_cr3((u32)page_dir);
	write_cr0(read_cr0() | CR0_PG | CR0_WP);
}

void pages_off(void)
{
	write_cr0(read_cr0() & ~(u32)CR0_PG);
	write_cr3(0);
}

u32 *pages_entry(const void *a)
{
	return &page_tables[(u32)a >> 22][(u32)a >> 12 & 1023];
}

void pages_set(const void *a, u32 flags)
{
	*pages_entry(a) = (*pages_entry(a) & ~0xfffu) | flags;
	invlpg(a);
}

void pages_point(const void *a, const void *frame, u32 flags)
{
	*pages_entry(a) = (u32)frame | flags;
	invlpg(a);
}
