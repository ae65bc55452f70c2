#include "devices/bus.h"

#include "base/log.h"
#include "base/registers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PORTS = 65536, MAX_REGIONS = UINT16_MAX };

struct region {
	struct region_handler handler;
	enum bus_space space;
	uint64_t base, length; /* length 0: free */
};

struct bus {
	void *ctx;
	void (*changed)(void *ctx);
	struct region *regions; /* by id; the first stays free: nobody's */
	int count;
	struct bus_range *memory; /* by address */
	unsigned n_memory;
	unsigned recent;       /* which of them was found last */
	uint16_t owner[PORTS]; /* id */
};

struct bus *bus_create(void *ctx, void (*changed)(void *ctx))
{
	struct bus *b = calloc(1, sizeof *b);
	CHECK(b);
	b->ctx = ctx;
	b->changed = changed;
	b->regions = calloc(1, sizeof *b->regions);
	CHECK(b->regions);
	b->count = 1;
	return b;
}

void bus_destroy(struct bus *b)
{
	if (!b)
		return;
	free(b->regions);
	free(b->memory);
	free(b);
}

/* --- what lies where --- */

/* The first range of memory that ends behind this address. */
static unsigned memory_behind(const struct bus *b, uint64_t address)
{
	unsigned low = 0, high = b->n_memory;
	while (low < high) {
		unsigned mid = (low + high) / 2;
		if (b->memory[mid].base + (b->memory[mid].length - 1) < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int owner_of(struct bus *b, enum bus_space space, uint64_t address)
{
	if (space == SPACE_PORT)
		return b->owner[address];
	unsigned i = b->recent;
	if (i >= b->n_memory || address - b->memory[i].base >= b->memory[i].length)
		i = b->recent = memory_behind(b, address);
	return i < b->n_memory && b->memory[i].base <= address ? b->memory[i].id : 0;
}

/* May region id, 0: none yet, lie there? */
static int room(const struct bus *b, enum bus_space space, uint64_t base, uint64_t length, int id)
{
	uint64_t last = base + (length - 1);
	if (!length || last < base || length > (uint64_t)1 << 32)
		return -EINVAL;
	if (space == SPACE_PORT) {
		if (last >= PORTS)
			return -EINVAL;
		for (uint64_t port = base; port <= last; port++)
			if (b->owner[port] && b->owner[port] != id)
				return -EBUSY;
		return 0;
	}
	for (unsigned i = memory_behind(b, base); i < b->n_memory && b->memory[i].base <= last; i++)
		if (b->memory[i].id != id)
			return -EBUSY;
	return 0;
}

static void take_out(struct bus *b, int id)
{
	const struct region *r = &b->regions[id];
	if (r->space == SPACE_PORT) {
		memset(b->owner + r->base, 0, r->length * sizeof *b->owner);
		return;
	}
	unsigned i = memory_behind(b, r->base);
	b->n_memory--;
	memmove(b->memory + i, b->memory + i + 1, (b->n_memory - i) * sizeof *b->memory);
}

static void put_in(struct bus *b, int id)
{
	const struct region *r = &b->regions[id];
	if (r->space == SPACE_PORT) {
		for (uint64_t i = 0; i < r->length; i++)
			b->owner[r->base + i] = id;
		return;
	}
	unsigned i = memory_behind(b, r->base);
	memmove(b->memory + i + 1, b->memory + i, (b->n_memory - i) * sizeof *b->memory);
	b->memory[i] = (struct bus_range){r->base, r->length, id, r->handler.memory};
	b->n_memory++;
}

static void tell(struct bus *b, enum bus_space space)
{
	if (space == SPACE_MEMORY && b->changed)
		b->changed(b->ctx);
}

static int new_id(struct bus *b)
{
	int id = 1;
	while (id < b->count && b->regions[id].length)
		id++;
	if (id < b->count)
		return id;
	CHECK(b->count < MAX_REGIONS);
	b->count++;
	b->regions = realloc(b->regions, b->count * sizeof *b->regions);
	b->memory = realloc(b->memory, b->count * sizeof *b->memory);
	CHECK(b->regions && b->memory);
	return id;
}

static bool is_size(unsigned n)
{
	return n == 1 || n == 2 || n == 4;
}

int bus_map(struct bus *b, enum bus_space space, uint64_t base, uint64_t length,
            struct region_handler h)
{
	if (!h.min)
		h.min = 1;
	if (!h.max)
		h.max = h.min;
	if (!is_size(h.min) || !is_size(h.max) || h.max < h.min ||
	    (length % h.min && !h.same_offset))
		return -EINVAL;
	int err = room(b, space, base, length, 0);
	if (err)
		return err;
	int id = new_id(b);
	b->regions[id] = (struct region){h, space, base, length};
	put_in(b, id);
	tell(b, space);
	return id;
}

static struct region *mapped(struct bus *b, int id)
{
	CHECK(id > 0 && id < b->count && b->regions[id].length);
	return &b->regions[id];
}

int bus_move(struct bus *b, int id, uint64_t base)
{
	struct region *r = mapped(b, id);
	if (base == r->base)
		return 0;
	int err = room(b, r->space, base, r->length, id);
	if (err)
		return err;
	take_out(b, id);
	r->base = base;
	put_in(b, id);
	tell(b, r->space);
	return 0;
}

void bus_unmap(struct bus *b, int id)
{
	struct region *r = mapped(b, id);
	enum bus_space space = r->space;
	take_out(b, id);
	*r = (struct region){0};
	tell(b, space);
}

void bus_show(struct bus *b, int id, struct bus_memory memory)
{
	struct region *r = mapped(b, id);
	CHECK(r->space == SPACE_MEMORY && memory.offset + (uint64_t)memory.length <= r->length);
	r->handler.memory = memory;
	b->memory[memory_behind(b, r->base)].memory = memory;
	tell(b, SPACE_MEMORY);
}

const struct bus_range *bus_memory(const struct bus *b, unsigned *n)
{
	*n = b->n_memory;
	return b->memory;
}

/* --- accesses --- */

/* One access to a handler, and the bytes of it that are wanted. */
struct piece {
	const struct region_handler *handler; /* NULL: nobody's byte */
	uint32_t offset;
	unsigned size;        /* of the access */
	unsigned skip, bytes; /* before those that are wanted; how many these are */
};

static unsigned power_of_two_up_to(unsigned n)
{
	return n >= 4 ? 4 : n >= 2 ? 2 : 1;
}

/* The next piece of an access that is done up to this address; begin is where it began. */
static struct piece next_piece(struct bus *b, enum bus_space space, uint64_t begin,
                               uint64_t address, unsigned left)
{
	int id = owner_of(b, space, begin);
	bool stays = b->regions[id].handler.same_offset;
	if (stays)
		address = begin;
	else if (address != begin)
		id = owner_of(b, space, address);
	if (!id)
		return (struct piece){NULL, 0, 1, 0, 1};
	const struct region *r = &b->regions[id];
	const struct region_handler *h = &r->handler;
	uint32_t offset = address - r->base;
	uint64_t most = stays ? left : r->length - offset;
	unsigned bytes = left < most ? left : most, skip = stays ? 0 : offset % h->min;
	if (skip || bytes < h->min) {
		unsigned part = h->min - skip;
		return (struct piece){h, offset - skip, h->min, skip, bytes < part ? bytes : part};
	}
	bytes = power_of_two_up_to(bytes < h->max ? bytes : h->max);
	return (struct piece){h, offset, bytes, 0, bytes};
}

static uint64_t address_at(enum bus_space space, uint64_t address, unsigned i)
{
	return space == SPACE_PORT ? (uint16_t)(address + i) : address + i;
}

static uint64_t low_bytes(unsigned n)
{
	return UINT64_MAX >> (64 - 8 * n);
}

uint64_t bus_read(struct bus *b, enum bus_space space, uint64_t address, unsigned size)
{
	uint64_t value = 0;
	CHECK(size && size <= 8);
	for (unsigned done = 0; done < size;) {
		struct piece p = next_piece(b, space, address_at(space, address, 0),
		                            address_at(space, address, done), size - done);
		uint64_t v = UINT64_MAX;
		if (p.handler && p.handler->read)
			v = p.handler->read(p.handler->ctx, p.offset, p.size);
		value |= (v >> 8 * p.skip & low_bytes(p.bytes)) << 8 * done;
		done += p.bytes;
	}
	return value;
}

void bus_write(struct bus *b, enum bus_space space, uint64_t address, unsigned size, uint64_t value)
{
	CHECK(size && size <= 8);
	for (unsigned done = 0; done < size;) {
		struct piece p = next_piece(b, space, address_at(space, address, 0),
		                            address_at(space, address, done), size - done);
		uint64_t v = (value >> 8 * done & low_bytes(p.bytes)) << 8 * p.skip;
		if (p.handler && p.handler->write)
			p.handler->write(p.handler->ctx, p.offset, p.size, v);
		done += p.bytes;
	}
}

/* Does the region hold n bytes from this address on? */
static bool holds(const struct region *r, uint64_t address, uint64_t n)
{
	return address >= r->base && address - r->base < r->length &&
	       n <= r->length - (address - r->base);
}

static bool leaf(struct bus *b, int id, uint64_t address, unsigned size, bool write,
                 uint32_t *value)
{
	const struct region *r = &b->regions[id];
	uint64_t offset = address - r->base;
	return r->handler.leaf && offset + size <= r->length &&
	       r->handler.leaf(r->handler.ctx, offset, size, write, value);
}

LEAF bool bus_port_leaf(void *bus, uint16_t port, unsigned size, bool write, uint32_t *value)
{
	struct bus *b = bus;
	return leaf(b, owner_of(b, SPACE_PORT, port), port, size, write, value);
}

LEAF bool bus_memory_leaf(void *bus, gpa_t a, unsigned size, bool write, uint32_t *value)
{
	struct bus *b = bus;
	return leaf(b, owner_of(b, SPACE_MEMORY, a.v), a.v, size, write, value);
}

bool bus_run(struct bus *b, const struct mem_run *run)
{
	CHECK(is_size(run->size));
	const struct region *r = &b->regions[owner_of(b, SPACE_MEMORY, run->at)];
	uint64_t bytes = run->n * run->size;
	if (!r->handler.run || !holds(r, run->at, bytes) ||
	    (run->kind == RUN_MOVE && !holds(r, run->from, bytes)))
		return false;
	struct mem_run within = *run;
	within.at -= r->base;
	within.from -= r->base;
	r->handler.run(r->handler.ctx, &within);
	return true;
}

void bus_burst(struct bus *b, uint16_t port, unsigned size, void *buf, size_t n, bool in)
{
	CHECK(is_size(size));
	struct piece p = next_piece(b, SPACE_PORT, port, port, size);
	if (p.handler && p.handler->burst && p.size == size && p.bytes == size) {
		p.handler->burst(p.handler->ctx, p.offset, size, buf, n, in);
		return;
	}
	uint8_t *at = buf;
	for (size_t i = 0; i < n; i++, at += size) {
		uint64_t v = 0;
		if (in) {
			v = bus_read(b, SPACE_PORT, port, size);
			memcpy(at, &v, size);
		} else {
			memcpy(&v, at, size);
			bus_write(b, SPACE_PORT, port, size, v);
		}
	}
}
