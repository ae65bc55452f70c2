#include "machine/memory_map.h"

#include "base/log.h"

#include <stdlib.h>

/* Whole pages [first, first + n) that are a device's. */
struct pages {
	uint32_t first, n;
};

struct memory_map {
	struct mmu *mmu;
	struct pages *device;
	unsigned count;
};

struct memory_map *memory_map_create(struct mmu *mmu)
{
	struct memory_map *m = calloc(1, sizeof *m);
	CHECK(m);
	m->mmu = mmu;
	return m;
}

void memory_map_destroy(struct memory_map *m)
{
	if (!m)
		return;
	free(m->device);
	free(m);
}

static struct pages pages_of(const struct bus_range *r)
{
	uint64_t first = r->base >> PAGE_SHIFT,
		 end = (r->base + r->length + PAGE_MASK) >> PAGE_SHIFT;
	return (struct pages){(uint32_t)first, (uint32_t)(end - first)};
}

static bool is_device(const struct pages *p, unsigned n, uint32_t page)
{
	for (unsigned i = 0; i < n; i++)
		if (page - p[i].first < p[i].n)
			return true;
	return false;
}

void memory_map_follow(struct memory_map *m, const struct bus *bus)
{
	unsigned n;
	const struct bus_range *range = bus_memory(bus, &n);
	struct pages *now = calloc(n ? n : 1, sizeof *now);
	CHECK(now);
	for (unsigned i = 0; i < n; i++)
		now[i] = pages_of(&range[i]);
	for (unsigned i = 0; i < m->count; i++)
		for (uint32_t page = m->device[i].first; page - m->device[i].first < m->device[i].n;
		     page++)
			if (!is_device(now, n, page))
				mmu_map_restore(m->mmu, gpa((uint64_t)page << PAGE_SHIFT),
				                PAGE_SIZE);
	for (unsigned i = 0; i < n; i++)
		mmu_map(m->mmu, gpa((uint64_t)now[i].first << PAGE_SHIFT),
		        (uint64_t)now[i].n << PAGE_SHIFT, PHYS_DEVICE, 0);
	free(m->device);
	m->device = now;
	m->count = n;
}
