#include "devices/debugport.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	CONSOLE = 0xe9,
	EXIT = 0xf4,
	EXIT_PORTS = 4, /* wide: one access of any size is one exit */
};

struct debugport {
	void *ctx;
	void (*console)(void *ctx, uint8_t byte);
	void (*exit)(void *ctx, int status);
};

static uint32_t console_read(void *ctx, uint16_t port, unsigned size)
{
	return CONSOLE; /* how a guest finds that it is there */
}

static void console_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
	struct debugport *d = ctx;
	d->console(d->ctx, value);
}

static uint32_t exit_read(void *ctx, uint16_t port, unsigned size)
{
	return 0;
}

static void exit_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
	struct debugport *d = ctx;
	d->exit(d->ctx, value << 1 | 1);
}

struct debugport *debugport_create(struct bus *bus, void *ctx,
                                   void (*console)(void *ctx, uint8_t byte),
                                   void (*exit)(void *ctx, int status))
{
	struct debugport *d = calloc(1, sizeof *d);
	CHECK(d);
	*d = (struct debugport){ctx, console, exit};
	if (console)
		CHECK(!bus_claim(bus, CONSOLE, 1, false,
		                 (struct port_handler){d, console_read, console_write}));
	if (exit)
		CHECK(!bus_claim(bus, EXIT, EXIT_PORTS, true,
		                 (struct port_handler){d, exit_read, exit_write}));
	return d;
}

void debugport_destroy(struct debugport *d)
{
	free(d);
}
