/* Guest-physical memory: one file, the monitor's linear view of it, the page
 * flags and the pools that the books are made of. */
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
	m->hole = bytes + PAGE_SIZE;
	m->fd = host_mem_file("unring-ram", m->hole + PAGE_SIZE);
	if (m->fd < 0)
		return m->fd;
	void *view;
	int err = host_mem_view(m->fd, 0, m->hole + PAGE_SIZE, &view);
	if (err)
		return err;
	m->ram = view;
	m->ram_bytes = bytes;
	m->ram_pages = (uint32_t)(bytes >> PAGE_SHIFT);
	for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
		((uint64_t *)(m->ram + m->hole))[i] = ~0ull;
	return 0;
}

static int create_pools(struct mmu *m, const char **what)
{
	*what = "the shadow tables' memory";
	int err;
	if ((err = reserve(m->ram_pages, &m->page_flags)) ||
	    (err = reserve((size_t)m->ram_pages * sizeof *m->rmap_head, &m->rmap_head)) ||
	    (err = reserve((size_t)m->ram_pages * sizeof *m->link_head, &m->link_head)) ||
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
		m->slot[m->slots_free] = (uint16_t)m->slots_free;
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
	if (c->ram_bytes % MIB || c->ram_bytes < 4 * MIB || c->ram_bytes > 3072 * MIB)
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
	m->fd = -1;
	m->uffd = c->no_userfaultfd ? -1 : host_mem_wp_open();
	if ((err = check_budget(m, c->vma_budget, what)) ||
	    (err = create_ram(m, c->ram_bytes, what)) || (err = create_pools(m, what))) {
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
	host_mem_release(m->page_flags, m->ram_pages);
	host_mem_release(m->rmap_head, (size_t)m->ram_pages * sizeof *m->rmap_head);
	host_mem_release(m->link_head, (size_t)m->ram_pages * sizeof *m->link_head);
	host_mem_release(m->link, MAX_LINKS * sizeof *m->link);
	host_mem_release(m->block, MAX_BLOCKS * sizeof *m->block);
	host_mem_release(m->block_rmap, MAX_BLOCKS * sizeof *m->block_rmap);
	host_mem_release(m->block_head, MAX_BLOCKS * sizeof *m->block_head);
	host_mem_release(m->win, MAX_WINDOWS * sizeof *m->win);
	host_mem_release(m->root, MAX_ROOTS * sizeof *m->root);
	host_mem_release(m->ram, m->hole + PAGE_SIZE);
	if (m->fd >= 0)
		host_mem_close(m->fd);
	if (m->uffd >= 0)
		host_mem_close(m->uffd);
	host_mem_release(m, sizeof *m);
}

uint64_t mmu_ram_bytes(const struct mmu *m)
{
	return m->ram_bytes;
}

void *mmu_host(struct mmu *m, gpa_t a)
{
	return mmu_is_ram(m, a.v >> PAGE_SHIFT) ? m->ram + a.v : NULL;
}

/* Bytes from a to the end of its page, n at most. */
static size_t in_page(gpa_t a, size_t n)
{
	size_t left = PAGE_SIZE - (a.v & PAGE_MASK);
	return n < left ? n : left;
}

void mmu_phys_read(struct mmu *m, gpa_t a, void *dst, size_t n)
{
	while (n) {
		size_t now = in_page(a, n), count = now;
		const uint8_t *src = mmu_host(m, a);
		if (!src)
			src = m->ram + m->hole + (a.v & PAGE_MASK);
		__asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(count) : : "memory");
		a.v += now;
		n -= now;
	}
}

void mmu_phys_write(struct mmu *m, gpa_t a, const void *src, size_t n)
{
	while (n) {
		size_t now = in_page(a, n), count = now;
		uint8_t *dst = mmu_host(m, a);
		if (dst)
			__asm__ volatile("rep movsb"
			                 : "+D"(dst), "+S"(src), "+c"(count)
			                 :
			                 : "memory");
		else
			src = (const uint8_t *)src + now;
		a.v += now;
		n -= now;
	}
}
