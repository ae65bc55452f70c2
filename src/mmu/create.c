/* An mmu from its creation to its end: its RAM, and the pools that the books are made of. */
#include "mmu/mmu_internal.h"

#include <errno.h>

#define MIB (1ull << 20)
/* With the ruler in the place of one more window. */
#define AREA_BYTES ((MAX_WINDOWS + 2) * WINDOW_STRIDE)
/* What the process needs beside the windows, and MAX_SPLITS over the budget; what is held
 * between windows. */
#define BUDGET_RESERVE (2000u + MAX_WINDOWS)
#define BUDGET_LEAST 200u

static int reserve(size_t bytes, void *out)
{
	return host_mem_reserve(bytes, out);
}

static int create_ram(struct mmu *m, uint64_t bytes, const char **what)
{
	*what = "guest memory";
	int err;
	uint32_t first;
	if ((err = host_mem_hold((size_t)m->max_pages << PAGE_SHIFT, (void **)&m->view)) ||
	    (err = reserve(PHYS_FRAMES * sizeof *m->map, &m->map)) ||
	    (err = mmu_memory_add(m, "unring-ram", bytes, &first)) ||
	    (err = mmu_memory_add(m, "unring-hole", PAGE_SIZE, &m->hole)))
		return err;
	for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
		((uint64_t *)page_view(m, m->hole))[i] = ~0ull;
	mmu_map(m, gpa(0), 640 << 10, PHYS_RAM, 0);
	mmu_map(m, gpa(MIB), bytes - MIB, PHYS_RAM, MIB >> PAGE_SHIFT);
	return 0;
}

static int create_pools(struct mmu *m, const char **what)
{
	*what = "the shadow tables' memory";
	int err;
	if ((err = reserve(m->max_pages, &m->page_flags)) ||
	    (err = reserve((size_t)m->max_pages * sizeof *m->rmap_head, &m->rmap_head)) ||
	    (err = reserve((size_t)m->max_pages * sizeof *m->link_head, &m->link_head)) ||
	    (err = reserve(MAX_LINKS * sizeof *m->link, &m->link)) ||
	    (err = reserve(MAX_BLOCKS * sizeof *m->block, &m->block)) ||
	    (err = reserve(MAX_BLOCKS * sizeof *m->block_rmap, &m->block_rmap)) ||
	    (err = reserve(MAX_BLOCKS * sizeof *m->block_head, &m->block_head)) ||
	    (err = reserve(MAX_WINDOWS * sizeof *m->win, &m->win)) ||
	    (err = reserve(MAX_ROOTS * sizeof *m->root, &m->root)))
		return err;
	/* Number 0 means none in every pool. */
	m->link_fresh = m->block_fresh = 1;
	while (m->slots_free < MAX_WINDOWS) {
		m->slot[m->slots_free] = (uint16_t)(MAX_WINDOWS - 1 - m->slots_free);
		m->slots_free++;
	}
	*what = "address space for the windows";
	uint8_t *area;
	err = host_mem_area(AREA_BYTES, &area);
	/* The first window needs its guard below. */
	m->area = err ? NULL : area + WINDOW_SIZE;
	return err ? err : host_mem_zeros(m->area + MAX_WINDOWS * WINDOW_STRIDE, WINDOW_SIZE);
}

const void *mmu_ruler(const struct mmu *m)
{
	return m->area + MAX_WINDOWS * WINDOW_STRIDE + WINDOW_SIZE;
}

static int check_budget(struct mmu *m, unsigned budget, const char **what)
{
	unsigned limit = host_mem_map_limit();
	*what = "vm.max_map_count";
	if (limit < BUDGET_RESERVE + BUDGET_LEAST)
		return -ENOMEM;
	m->vma_budget = limit - BUDGET_RESERVE;
	if (!budget)
		return 0;
	*what = "the VMA budget";
	if (budget < BUDGET_LEAST || budget > m->vma_budget)
		return -ERANGE;
	m->vma_budget = budget;
	return 0;
}

int mmu_create(struct mmu **out, const struct mmu_config *c, const struct mmu_client *client,
               const char **what)
{
	*what = "memory size";
	if (c->ram_bytes % MIB || !c->ram_bytes || c->ram_bytes > 3072 * MIB)
		return -EINVAL;
	void *p;
	*what = "the shadow tables' memory";
	int err = reserve(sizeof(struct mmu), &p);
	if (err)
		return err;
	struct mmu *m = p;
	m->client = *client;
	m->exact_ad = c->exact_ad;
	m->tlb_gen = 1;
	m->a20 = A20_ON;
	m->max_pages = (uint32_t)(c->ram_bytes >> PAGE_SHIFT) + OTHER_PAGES;
	m->uffd = c->no_userfaultfd ? -1 : host_mem_wp_open();
	if ((err = check_budget(m, c->vma_budget, what)) || (err = create_pools(m, what)) ||
	    (err = create_ram(m, c->ram_bytes, what))) {
		mmu_destroy(m);
		return err;
	}
	*out = m;
	return 0;
}

void mmu_destroy(struct mmu *m)
{
	if (m->area)
		host_mem_area_release(m->area - WINDOW_SIZE, AREA_BYTES);
	host_mem_release(m->page_flags, m->max_pages);
	host_mem_release(m->rmap_head, (size_t)m->max_pages * sizeof *m->rmap_head);
	host_mem_release(m->link_head, (size_t)m->max_pages * sizeof *m->link_head);
	host_mem_release(m->link, MAX_LINKS * sizeof *m->link);
	host_mem_release(m->block, MAX_BLOCKS * sizeof *m->block);
	host_mem_release(m->block_rmap, MAX_BLOCKS * sizeof *m->block_rmap);
	host_mem_release(m->block_head, MAX_BLOCKS * sizeof *m->block_head);
	host_mem_release(m->win, MAX_WINDOWS * sizeof *m->win);
	host_mem_release(m->root, MAX_ROOTS * sizeof *m->root);
	host_mem_release(m->map, PHYS_FRAMES * sizeof *m->map);
	host_mem_release(m->view, (size_t)m->max_pages << PAGE_SHIFT);
	for (unsigned i = 0; i < m->n_memories; i++)
		host_mem_close(m->memory[i].fd);
	if (m->uffd >= 0)
		host_mem_close(m->uffd);
	host_mem_release(m, sizeof *m);
}

uint32_t mmu_max_pages(const struct mmu *m)
{
	return m->max_pages;
}
