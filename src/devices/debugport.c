#include "devices/debugport.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	CONSOLE_READS = 0xe9, /* how a guest finds that one is there */
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
	return CONSOLE_READS;
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

static struct debugport *create(void *ctx, struct bus *bus, uint16_t port, uint16_t ports,
                                struct region_handler h)
{
	struct debugport *d = calloc(1, sizeof *d);
	CHECK(d);
	d->ctx = ctx;
	h.ctx = d;
	CHECK(bus_map(bus, SPACE_PORT, port, ports, h) > 0);
	return d;
}

struct debugport *debugport_create_console(struct bus *bus, uint16_t port, void *ctx,
                                           void (*write)(void *ctx, uint8_t byte))
{
	struct region_handler h = {.read = console_read, .write = console_write};
	struct debugport *d = create(ctx, bus, port, 1, h);
	d->console = write;
	return d;
}

struct debugport *debugport_create_exit(struct bus *bus, void *ctx,
                                        void (*exit)(void *ctx, int status))
{
	struct region_handler h = {.read = exit_read, .write = exit_write, .max = 4};
	struct debugport *d = create(ctx, bus, EXIT, EXIT_PORTS, h);
	d->exit = exit;
	return d;
}
