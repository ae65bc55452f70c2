#include "devices/medium.h"

#include "base/log.h"

#include <stdlib.h>

static void on_done(void *ctx, int err)
{
	struct medium_io *io = ctx;
	io->running = false;
	if (io->owner)
		io->done(io->owner, err);
	else
		free(io);
}

struct medium_io *medium_io_create(size_t bytes, void *owner, void (*done)(void *owner, int err))
{
	struct medium_io *io = calloc(1, sizeof *io + bytes);
	CHECK(io);
	io->owner = owner;
	io->done = done;
	io->request.bytes = io->bytes;
	io->request.ctx = io;
	io->request.done = on_done;
	return io;
}

void medium_io_submit(struct medium_io *io, const struct medium *m)
{
	io->running = true;
	m->submit(m->ctx, &io->request);
}

void medium_io_drop(struct medium_io *io)
{
	if (io && io->running)
		io->owner = NULL;
	else
		free(io);
}
