#include "machine/memory_map.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* Page frames. */
enum {
	FRAMES = 1 << 20,
	ADAPTERS = 0xa0000 >> PAGE_SHIFT,
	SHADOW = 0xc0000 >> PAGE_SHIFT,
	HIGH = 0x100000 >> PAGE_SHIFT,
	ROM_LOW = 0x20000 >> PAGE_SHIFT, /* the most of the ROM that is below HIGH */
};

/* Page frames [first, first + n). */
struct pages {
	uint32_t first, n;
};

struct memory_map {
	struct mmu *mmu;
	uint32_t ram;     /* pages */
	struct pages rom; /* of memory */
	bool load[HIGH - SHADOW], store[HIGH - SHADOW];
	struct device_pages {
		struct pages all, memory; /* those that the device shows as memory */
		uint32_t page;            /* of memory, at the first of these */
	} * device;
	unsigned count;
};

struct place {
	unsigned kind; /* enum phys_kind */
	uint32_t page; /* of memory */
};

static struct place rom_at(const struct memory_map *m, uint32_t below)
{
	return below <= m->rom.n ? (struct place){PHYS_ROM, m->rom.first + m->rom.n - below}
	                         : (struct place){PHYS_NONE, 0};
}

static struct place place_in(const struct device_pages *d, uint32_t frame)
{
	uint32_t at = frame - d->memory.first;
	return at < d->memory.n ? (struct place){PHYS_RAM, d->page + at}
	                        : (struct place){PHYS_DEVICE, 0};
}

/* Where no shadow RAM is to be read. */
static struct place place_below(const struct memory_map *m, uint32_t frame)
{
	for (unsigned i = 0; i < m->count; i++)
		if (frame - m->device[i].all.first < m->device[i].all.n)
			return place_in(&m->device[i], frame);
	if (frame < m->ram && frame - ADAPTERS >= HIGH - ADAPTERS)
		return (struct place){PHYS_RAM, frame};
	if (frame - (HIGH - ROM_LOW) < ROM_LOW)
		return rom_at(m, HIGH - frame);
	return rom_at(m, FRAMES - frame);
}

static struct place place_of(const struct memory_map *m, uint32_t frame)
{
	bool is_shadow = frame - SHADOW < HIGH - SHADOW;
	bool store = is_shadow && m->store[frame - SHADOW];
	if (is_shadow && m->load[frame - SHADOW])
		return (struct place){store ? PHYS_RAM : PHYS_ROM, frame};
	struct place at = place_below(m, frame);
	if (store && at.kind != PHYS_DEVICE)
		at.kind |= PHYS_BEHIND;
	return at;
}

/* The mmu's map becomes this one. */
static void settle(struct memory_map *m, struct pages p)
{
	for (uint32_t i = 0, run; i < p.n; i += run) {
		struct place at = place_of(m, p.first + i);
		uint32_t step = at.kind == PHYS_RAM || (at.kind & ~PHYS_BEHIND) == PHYS_ROM;
		for (run = 1; i + run < p.n; run++) {
			struct place next = place_of(m, p.first + i + run);
			if (next.kind != at.kind || next.page != at.page + run * step)
				break;
		}
		mmu_map(m->mmu, gpa((uint64_t)(p.first + i) << PAGE_SHIFT),
		        (uint64_t)run << PAGE_SHIFT, at.kind, at.page);
	}
}

struct memory_map *memory_map_create(struct mmu *mmu, uint64_t ram_bytes)
{
	struct memory_map *m = calloc(1, sizeof *m);
	CHECK(m);
	m->mmu = mmu;
	m->ram = (uint32_t)(ram_bytes >> PAGE_SHIFT);
	return m;
}

void memory_map_destroy(struct memory_map *m)
{
	if (!m)
		return;
	free(m->device);
	free(m);
}

void memory_map_rom(struct memory_map *m, uint32_t first, uint32_t bytes)
{
	m->rom = (struct pages){first, bytes >> PAGE_SHIFT};
	settle(m, (struct pages){FRAMES - m->rom.n, m->rom.n});
	settle(m, (struct pages){HIGH - ROM_LOW, ROM_LOW});
}

void memory_map_shadow(struct memory_map *m, uint32_t base, uint32_t bytes, bool read, bool write)
{
	struct pages p = {base >> PAGE_SHIFT, bytes >> PAGE_SHIFT};
	CHECK(p.first >= SHADOW && p.first + p.n <= HIGH);
	for (uint32_t i = 0; i < p.n; i++) {
		m->load[p.first - SHADOW + i] = read;
		m->store[p.first - SHADOW + i] = write;
	}
	settle(m, p);
}

static struct device_pages pages_of(const struct bus_range *r)
{
	uint64_t first = r->base >> PAGE_SHIFT,
		 end = (r->base + r->length + PAGE_MASK) >> PAGE_SHIFT;
	return (struct device_pages){
		.all = {(uint32_t)first, (uint32_t)(end - first)},
		.memory = {(uint32_t)((r->base + r->memory.offset) >> PAGE_SHIFT),
	                   r->memory.length >> PAGE_SHIFT},
		.page = r->memory.page,
	};
}

static bool is_among(const struct device_pages *d, unsigned n, const struct device_pages *one)
{
	for (unsigned i = 0; i < n; i++)
		if (!memcmp(&d[i], one, sizeof *one))
			return true;
	return false;
}

void memory_map_follow(struct memory_map *m, const struct bus *bus)
{
	struct device_pages *old = m->device;
	unsigned n, count = m->count;
	const struct bus_range *range = bus_memory(bus, &n);
	m->device = calloc(n ? n : 1, sizeof *m->device);
	CHECK(m->device);
	m->count = n;
	for (unsigned i = 0; i < n; i++)
		m->device[i] = pages_of(&range[i]);
	/* What stays is left alone: a frame buffer has thousands of pages. */
	for (unsigned i = 0; i < count; i++)
		if (!is_among(m->device, n, &old[i]))
			settle(m, old[i].all);
	for (unsigned i = 0; i < n; i++)
		if (!is_among(old, count, &m->device[i]))
			settle(m, m->device[i].all);
	free(old);
}
