#include "devices/sysctl.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	PORT_92 = 0x92,
	P92_RESET = 0x01,
	P92_A20 = 0x02,

	SHUTDOWN = 0x8900,
};

struct sysctl {
	struct sysctl_board board;
	uint8_t port92;  /* but A20, which is not this chip's alone */
	uint8_t letters; /* of the word at port 8900h, that have come */
};

static const char shutdown_word[] = "Shutdown";

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
		s->board.reset(s->board.machine, RESET_CPU);
}

static void shutdown_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct sysctl *s = ctx;
	if (value != (uint8_t)shutdown_word[s->letters])
		s->letters = 0;
	if (value == (uint8_t)shutdown_word[s->letters])
		s->letters++;
	if (shutdown_word[s->letters])
		return;
	s->letters = 0;
	s->board.power_off(s->board.machine);
}

/* A20 is its owner's to reset. */
static void sysctl_reset(void *d, enum reset_kind kind)
{
	struct sysctl *s = d;
	s->port92 = s->letters = 0;
}

static void sysctl_state(void *d, struct archive *a)
{
	struct sysctl *s = d;
	ARCHIVE(a, s, port92);
	ARCHIVE(a, s, letters);
	archive_require(a, "letters", s->letters < sizeof shutdown_word - 1);
}

const struct device_type sysctl_type = {"sysctl", sysctl_reset, sysctl_state, free};

struct sysctl *sysctl_create(struct bus *bus, struct sysctl_board board)
{
	struct sysctl *s = calloc(1, sizeof *s);
	CHECK(s);
	s->board = board;
	struct region_handler port92 = {.ctx = s, .read = port92_read, .write = port92_write};
	struct region_handler off = {.ctx = s, .write = shutdown_write};
	CHECK(bus_map(bus, SPACE_PORT, PORT_92, 1, port92) > 0);
	CHECK(bus_map(bus, SPACE_PORT, SHUTDOWN, 1, off) > 0);
	return s;
}
