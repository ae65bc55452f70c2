/* The bus: which device an access goes to, by its address in one of two spaces.  A device maps
 * regions, and is told offsets in them. */
#ifndef UNRING_DEVICES_BUS_H
#define UNRING_DEVICES_BUS_H

#include "base/run.h"
#include "base/types.h"

enum bus_space { SPACE_PORT, SPACE_MEMORY };

/* A part of a region, whole pages from offset on, as memory of the machine's, which begins at this
 * page of it; length 0: none. */
struct bus_memory {
	uint32_t offset, length, page;
};

/* An access of 1 to 8 bytes is cut where regions end.  What lies in one region is done in
 * accesses of max bytes, then of the powers of two below that are left.  An end narrower than
 * min is widened to the min bytes around it: a read gives its part of them, a write has 0 in
 * the others, so that no write reads.  An access is never done twice. */
struct region_handler {
	void *ctx;
	/* NULL: reads as FFh in each byte; writes are lost. */
	uint32_t (*read)(void *ctx, uint32_t offset, unsigned size);
	void (*write)(void *ctx, uint32_t offset, unsigned size, uint32_t value);
	/* n elements of size bytes, min to max, from or to one offset: in is the device's to fill
	 * (INS), else buf is what it gets (OUTS).  NULL: one by one. */
	void (*burst)(void *ctx, uint32_t offset, unsigned size, void *buf, size_t n, bool in);
	uint8_t min, max; /* 1, 2, 4; 0 stands for 1 */
	/* An access that begins in the region stays at the offset where it began, whatever its
	 * size: a dword at the data port of an IDE channel is two words of it. */
	bool same_offset;
	/* An access of 1, 2 or 4 bytes, all of it in the region, whatever sizes that takes, as read
	 * and write would do it; false: those are to be asked, and nothing was done.  A LEAF, so that
	 * it costs little: it does nothing to lines and regions, and asks for no time.  NULL: it
	 * never does. */
	bool (*leaf)(void *ctx, uint32_t offset, unsigned size, bool write, uint32_t *value);
	/* In memory, more elements than one: at and from are offsets, and all of it is in the
	 * region.  NULL: one by one. */
	void (*run)(void *ctx, const struct mem_run *r);
	/* What the processor finds there by itself from the beginning: bus_show(). */
	struct bus_memory memory;
};

struct bus;
/* changed, if any, is called when regions of memory have come, gone or moved. */
struct bus *bus_create(void *ctx, void (*changed)(void *ctx));
void bus_destroy(struct bus *b);

/* The id of the region, above 0; -EBUSY if another is there, -EINVAL if it does not fit its
 * space, or the sizes are none.  These three may be called by handlers. */
int bus_map(struct bus *b, enum bus_space space, uint64_t base, uint64_t length,
            struct region_handler h);
/* 0; -EBUSY, -EINVAL: it stays where it was. */
int bus_move(struct bus *b, int id, uint64_t base);
void bus_unmap(struct bus *b, int id);

/* That part of a region of memory is the processor's to load and store from now on, without its
 * handlers, which others reach as before; the rest, or with none all of it, is a device again. */
void bus_show(struct bus *b, int id, struct bus_memory memory);

/* Bytes of no region read as FFh.  Behind port FFFFh comes port 0. */
uint64_t bus_read(struct bus *b, enum bus_space space, uint64_t address, unsigned size);
void bus_write(struct bus *b, enum bus_space space, uint64_t address, unsigned size,
               uint64_t value);
/* An access of 1, 2 or 4 bytes as one of these two does it, by a region's leaf; false: that is left to
 * them. */
bool bus_port_leaf(void *bus, uint16_t port, unsigned size, bool write, uint32_t *value);
bool bus_memory_leaf(void *bus, gpa_t a, unsigned size, bool write, uint32_t *value);
/* n elements of 1, 2 or 4 bytes at one port, as INS (in) and OUTS move them. */
void bus_burst(struct bus *b, uint16_t port, unsigned size, void *buf, size_t n, bool in);

/* All of the run; false: it leads to no region that does such, and nothing was done. */
bool bus_run(struct bus *b, const struct mem_run *r);

/* The regions of memory, by address, until one changes. */
struct bus_range {
	uint64_t base, length;
	int id;
	struct bus_memory memory;
};
const struct bus_range *bus_memory(const struct bus *b, unsigned *n);

#endif
