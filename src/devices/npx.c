#include "devices/npx.h"

#include "base/log.h"

#include <stdlib.h>

enum { CLEAR_ERROR = 0xf0 };

struct npx {
	struct irq_line irq13;
	void *ctx;
	void (*ignne)(void *ctx);
};

static void npx_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
	struct npx *n = ctx;
	irq_set(&n->irq13, false);
	n->ignne(n->ctx);
}

void npx_ferr(struct npx *n)
{
	irq_set(&n->irq13, true);
}

struct npx *npx_create(struct bus *bus, struct irq_line irq13, void *ctx, void (*ignne)(void *ctx))
{
	struct npx *n = calloc(1, sizeof *n);
	CHECK(n);
	*n = (struct npx){irq13, ctx, ignne};
	CHECK(!bus_claim(bus, CLEAR_ERROR, 1, false, (struct port_handler){n, NULL, npx_write}));
	return n;
}

void npx_destroy(struct npx *n)
{
	free(n);
}
