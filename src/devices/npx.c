#include "devices/npx.h"

#include "base/log.h"

#include <stdlib.h>

enum { CLEAR_ERROR = 0xf0 };

struct npx {
	struct irq_line irq13;
	void *ctx;
	void (*ignne)(void *ctx);
	bool error; /* latched */
};

static void set_error(struct npx *n, bool error)
{
	n->error = error;
	irq_set(&n->irq13, error);
}

static void npx_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct npx *n = ctx;
	set_error(n, false);
	n->ignne(n->ctx);
}

void npx_ferr(struct npx *n)
{
	set_error(n, true);
}

static void npx_reset(void *d, enum reset_kind kind)
{
	set_error(d, false);
}

static void npx_state(void *d, struct archive *a)
{
	struct npx *n = d;
	ARCHIVE(a, n, error);
	if (archive_loaded(a))
		set_error(n, n->error);
}

const struct device_type npx_type = {"npx", npx_reset, npx_state, free};

struct npx *npx_create(struct bus *bus, struct irq_line irq13, void *ctx, void (*ignne)(void *ctx))
{
	struct npx *n = calloc(1, sizeof *n);
	CHECK(n);
	*n = (struct npx){irq13, ctx, ignne, false};
	struct region_handler h = {.ctx = n, .write = npx_write};
	CHECK(bus_map(bus, SPACE_PORT, CLEAR_ERROR, 1, h) > 0);
	return n;
}
