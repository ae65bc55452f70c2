#include "devices/sysctl.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	POST = 0x80,
	PORT_92 = 0x92,
	P92_RESET = 0x01,
	P92_A20 = 0x02,

	PCI_ADDRESS = 0xcf8, /* four bytes; as a dword it is PCI's, which is absent */
	RESET_CONTROL = 0xcf9,
	RC_HARD = 0x02,
	RC_RESET = 0x04, /* its rise resets */
};

struct sysctl {
	struct sysctl_board board;
	uint8_t post, reset_control;
	uint8_t port92; /* but A20, which is not this chip's alone */
};

static uint32_t post_read(void *ctx, uint16_t port, unsigned size)
{
	struct sysctl *s = ctx;
	return s->post;
}

static void post_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
	struct sysctl *s = ctx;
	s->post = value;
}

static uint32_t port92_read(void *ctx, uint16_t port, unsigned size)
{
	struct sysctl *s = ctx;
	return s->port92 | (s->board.a20(s->board.ctx) ? P92_A20 : 0);
}

static void port92_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
	struct sysctl *s = ctx;
	bool reset = value & ~s->port92 & P92_RESET;
	s->port92 = value & P92_RESET;
	s->board.set_a20(s->board.ctx, value & P92_A20);
	if (reset)
		s->board.reset(s->board.reset_ctx);
}

static uint32_t cf8_read(void *ctx, uint16_t port, unsigned size)
{
	struct sysctl *s = ctx;
	if (size == 1 && port == RESET_CONTROL)
		return s->reset_control;
	return UINT32_MAX >> (32 - 8 * size);
}

static void cf8_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
	struct sysctl *s = ctx;
	if (size != 1 || port != RESET_CONTROL)
		return;
	bool reset = value & ~s->reset_control & RC_RESET;
	s->reset_control = value & (RC_HARD | RC_RESET);
	if (reset)
		s->board.reset(s->board.reset_ctx);
}

struct sysctl *sysctl_create(struct bus *bus, struct sysctl_board board)
{
	struct sysctl *s = calloc(1, sizeof *s);
	CHECK(s);
	s->board = board;
	CHECK(!bus_claim(bus, POST, 1, false, (struct port_handler){s, post_read, post_write}));
	CHECK(!bus_claim(bus, PORT_92, 1, false,
	                 (struct port_handler){s, port92_read, port92_write}));
	CHECK(!bus_claim(bus, PCI_ADDRESS, 4, true, (struct port_handler){s, cf8_read, cf8_write}));
	return s;
}

void sysctl_destroy(struct sysctl *s)
{
	free(s);
}
