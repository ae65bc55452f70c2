#include "base/log.h"
#include "devices/device.h"

#include <errno.h>
#include <stdlib.h>

enum { PORTS = 65536, MAX_CLAIMS = 64 };

struct claim {
	struct port_handler handler;
	uint32_t first, end;
	bool wide;
};

struct bus {
	struct claim claims[MAX_CLAIMS]; /* the first stays empty */
	unsigned count;
	uint8_t owner[PORTS]; /* index of a claim; 0: nobody */
};

struct bus *bus_create(void)
{
	struct bus *b = calloc(1, sizeof *b);
	CHECK(b);
	b->count = 1;
	return b;
}

void bus_destroy(struct bus *b)
{
	free(b);
}

int bus_claim(struct bus *b, uint16_t first, unsigned count, bool wide, struct port_handler h)
{
	CHECK(count && first + count <= PORTS && b->count < MAX_CLAIMS);
	for (unsigned i = 0; i < count; i++)
		if (b->owner[first + i])
			return -EBUSY;
	for (unsigned i = 0; i < count; i++)
		b->owner[first + i] = b->count;
	b->claims[b->count++] = (struct claim){h, first, first + count, wide};
	return 0;
}

/* The claim that takes this access whole, or NULL when it goes byte by byte. */
static const struct claim *claim_whole(const struct bus *b, uint16_t port, unsigned size)
{
	const struct claim *c = &b->claims[b->owner[port]];
	return size == 1 || (c->wide && port + size <= c->end) ? c : NULL;
}

uint32_t bus_read(struct bus *b, uint16_t port, unsigned size)
{
	const struct claim *c = claim_whole(b, port, size);
	if (c)
		return c->handler.read ? c->handler.read(c->handler.ctx, port, size)
		                       : UINT32_MAX >> (32 - 8 * size);
	uint32_t value = 0;
	for (unsigned i = 0; i < size; i++)
		value |= (bus_read(b, port + i, 1) & 0xff) << 8 * i;
	return value;
}

void bus_write(struct bus *b, uint16_t port, unsigned size, uint32_t value)
{
	const struct claim *c = claim_whole(b, port, size);
	if (c) {
		if (c->handler.write)
			c->handler.write(c->handler.ctx, port, size, value);
		return;
	}
	for (unsigned i = 0; i < size; i++)
		bus_write(b, port + i, 1, value >> 8 * i & 0xff);
}
