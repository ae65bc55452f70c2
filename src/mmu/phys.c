/* Pages of memory, in files, and what is at a guest-physical address. */
#include "mmu/mmu_internal.h"

#include <errno.h>

int mmu_memory_add(struct mmu *m, const char *name, uint64_t bytes, uint32_t *first)
{
	uint32_t n = (uint32_t)((bytes + PAGE_MASK) >> PAGE_SHIFT);
	if (!n || m->n_memories == MAX_MEMORIES || bytes > (uint64_t)m->max_pages << PAGE_SHIFT ||
	    n >= m->max_pages - m->n_pages)
		return -ENOSPC;
	uint64_t offset = (uint64_t)m->n_pages << PAGE_SHIFT;
	int fd = host_mem_file(name, offset + ((uint64_t)n << PAGE_SHIFT));
	if (fd < 0)
		return fd;
	int err = host_mem_map(page_view(m, m->n_pages), (size_t)n << PAGE_SHIFT, fd, offset, true);
	if (err) {
		host_mem_close(fd);
		return err;
	}
	*first = m->n_pages;
	m->memory[m->n_memories++] = (struct memory){fd, m->n_pages, n};
	m->n_pages += n + 1;
	return 0;
}

int page_file(const struct mmu *m, uint32_t page)
{
	const struct memory *k = m->memory;
	while (page - k->first >= k->n)
		k++;
	return k->fd;
}

int mmu_page_file(const struct mmu *m, uint32_t page, uint64_t *offset)
{
	*offset = (uint64_t)page << PAGE_SHIFT;
	return page_file(m, page);
}

uint8_t *mmu_page_host(struct mmu *m, uint32_t page)
{
	return page_view(m, page);
}

uint32_t mmu_page(const struct mmu *m, gpa_t a)
{
	uint32_t here = map_at(m, a.v >> PAGE_SHIFT);
	return here & MAP_MEMORY ? here >> PAGE_SHIFT : NO_PAGE;
}

bool mmu_is_device(const struct mmu *m, gpa_t a)
{
	return map_at(m, a.v >> PAGE_SHIFT) & MAP_DEVICE;
}

const void *mmu_host(struct mmu *m, gpa_t a)
{
	uint32_t here = map_at(m, a.v >> PAGE_SHIFT);
	return here & MAP_MEMORY ? page_view(m, here >> PAGE_SHIFT) + (a.v & PAGE_MASK) : NULL;
}

void *mmu_host_store(struct mmu *m, gpa_t a)
{
	uint32_t here = map_at(m, a.v >> PAGE_SHIFT), page = here >> PAGE_SHIFT;
	if (!(here & MAP_STORES))
		return NULL;
	m->page_flags[page] &= ~PAGE_CLEAN;
	return page_view(m, page) + (a.v & PAGE_MASK);
}
