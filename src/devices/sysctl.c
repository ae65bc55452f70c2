#include "devices/sysctl.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	POST = 0x80,
	PORT_92 = 0x92,
	P92_RESET = 0x01,
	P92_A20 = 0x02,

	PCI_ADDRESS = 0xcf8, /* four bytes; as a dword it is PCI's, which is absent */
	RESET_CONTROL = 1,   /* behind it */
	RC_HARD = 0x02,
	RC_RESET = 0x04, /* its rise resets */
};

struct sysctl {
	struct sysctl_board board;
	uint8_t post, reset_control;
	uint8_t port92; /* but A20, which is not this chip's alone */
};

static uint32_t post_read(void *ctx, uint32_t offset, unsigned size)
{
	struct sysctl *s = ctx;
	return s->post;
}

static void post_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct sysctl *s = ctx;
	s->post = value;
}

static uint32_t port92_read(void *ctx, uint32_t offset, unsigned size)
{
	struct sysctl *s = ctx;
	return s->port92 | (s->board.a20(s->board.ctx) ? P92_A20 : 0);
}

static void port92_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct sysctl *s = ctx;
	bool reset = value & ~s->port92 & P92_RESET;
	s->port92 = value & P92_RESET;
	s->board.set_a20(s->board.ctx, value & P92_A20);
	if (reset)
		s->board.reset(s->board.reset_ctx, RESET_CPU);
}

static uint32_t cf8_read(void *ctx, uint32_t offset, unsigned size)
{
	struct sysctl *s = ctx;
	if (size == 1 && offset == RESET_CONTROL)
		return s->reset_control;
	return UINT32_MAX >> (32 - 8 * size);
}

static void cf8_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct sysctl *s = ctx;
	if (size != 1 || offset != RESET_CONTROL)
		return;
	bool reset = value & ~s->reset_control & RC_RESET;
	s->reset_control = value & (RC_HARD | RC_RESET);
	if (reset)
		s->board.reset(s->board.reset_ctx, value & RC_HARD ? RESET_HARD : RESET_CPU);
}

/* A20 is its owner's to reset. */
static void sysctl_reset(void *d, enum reset_kind kind)
{
	struct sysctl *s = d;
	s->post = s->reset_control = s->port92 = 0;
}

static void sysctl_state(void *d, struct archive *a)
{
	struct sysctl *s = d;
	ARCHIVE(a, s, post);
	ARCHIVE(a, s, reset_control);
	ARCHIVE(a, s, port92);
}

const struct device_type sysctl_type = {"sysctl", sysctl_reset, sysctl_state, free};

struct sysctl *sysctl_create(struct bus *bus, struct sysctl_board board)
{
	struct sysctl *s = calloc(1, sizeof *s);
	CHECK(s);
	s->board = board;
	struct region_handler post = {.ctx = s, .read = post_read, .write = post_write};
	struct region_handler port92 = {.ctx = s, .read = port92_read, .write = port92_write};
	struct region_handler cf8 = {.ctx = s, .read = cf8_read, .write = cf8_write, .max = 4};
	CHECK(bus_map(bus, SPACE_PORT, POST, 1, post) > 0);
	CHECK(bus_map(bus, SPACE_PORT, PORT_92, 1, port92) > 0);
	CHECK(bus_map(bus, SPACE_PORT, PCI_ADDRESS, 4, cf8) > 0);
	return s;
}
