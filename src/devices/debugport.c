#include "devices/debugport.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	CONSOLE = 0xe9,
	EXIT = 0xf4,
	EXIT_PORTS = 4, /* one access of any size is one exit */
};

struct debugport {
	void *ctx;
	void (*console)(void *ctx, uint8_t byte);
	void (*exit)(void *ctx, int status);
};

static uint32_t console_read(void *ctx, uint32_t offset, unsigned size)
{
	return CONSOLE; /* how a guest finds that it is there */
}

static void console_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct debugport *d = ctx;
	d->console(d->ctx, value);
}

static uint32_t exit_read(void *ctx, uint32_t offset, unsigned size)
{
	return 0;
}

static void exit_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct debugport *d = ctx;
	d->exit(d->ctx, value << 1 | 1);
}

/* It holds nothing. */
static void debugport_reset(void *d, enum reset_kind kind)
{
}

static void debugport_state(void *d, struct archive *a)
{
}

const struct device_type debugport_type = {"debugport", debugport_reset, debugport_state, free};

struct debugport *debugport_create(struct bus *bus, void *ctx,
                                   void (*console)(void *ctx, uint8_t byte),
                                   void (*exit)(void *ctx, int status))
{
	struct debugport *d = calloc(1, sizeof *d);
	CHECK(d);
	*d = (struct debugport){ctx, console, exit};
	struct region_handler e9 = {.ctx = d, .read = console_read, .write = console_write};
	struct region_handler f4 = {.ctx = d, .read = exit_read, .write = exit_write, .max = 4};
	if (console)
		CHECK(bus_map(bus, SPACE_PORT, CONSOLE, 1, e9) > 0);
	if (exit)
		CHECK(bus_map(bus, SPACE_PORT, EXIT, EXIT_PORTS, f4) > 0);
	return d;
}
