#include "devices/floppy.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct floppy_format formats[] = {
	{160, 40, 1, 8, FLOPPY_360K},    {180, 40, 1, 9, FLOPPY_360K},
	{320, 40, 2, 8, FLOPPY_360K},    {360, 40, 2, 9, FLOPPY_360K},
	{640, 80, 2, 8, FLOPPY_1440K},   {720, 80, 2, 9, FLOPPY_1440K},
	{1200, 80, 2, 15, FLOPPY_1200K}, {1440, 80, 2, 18, FLOPPY_1440K},
	{2880, 80, 2, 36, FLOPPY_2880K},
};

static unsigned sectors_of(const struct floppy_format *f)
{
	return (unsigned)f->cylinders * f->heads * f->sectors;
}

static bool takes(enum floppy_kind kind, const struct floppy_format *f)
{
	switch (kind) {
	case FLOPPY_360K:
		return f->kib <= 360;
	case FLOPPY_1200K:
		return f->kib <= 360 || f->kib == 1200;
	case FLOPPY_720K:
		return f->kib == 640 || f->kib == 720;
	case FLOPPY_1440K:
		return f->kib == 640 || f->kib == 720 || f->kib == 1440;
	case FLOPPY_2880K:
		return f->kib == 640 || f->kib == 720 || f->kib == 1440 || f->kib == 2880;
	default:
		return true;
	}
}

const struct floppy_format *floppy_format_of(enum floppy_kind kind, uint64_t bytes,
                                             unsigned sectors)
{
	const struct floppy_format *told = NULL, *largest = NULL;
	if (!bytes || bytes % FLOPPY_SECTOR)
		return NULL;
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		const struct floppy_format *f = &formats[i];
		uint64_t has = (uint64_t)sectors_of(f) * FLOPPY_SECTOR;
		if (bytes == has)
			return takes(kind, f) ? f : NULL;
		if (takes(kind, f) && sectors == sectors_of(f))
			told = f;
		if (takes(kind, f) && bytes < has)
			largest = f;
	}
	return told ? told : largest;
}

static unsigned word(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

/* MS-DOS Programmer's Reference, "BPB": bytes of a sector, sectors, sectors of a track, heads. */
unsigned floppy_sectors_of(const uint8_t *boot)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		const struct floppy_format *f = &formats[i];
		if (word(boot + 0x0b) == FLOPPY_SECTOR && word(boot + 0x13) == sectors_of(f) &&
		    word(boot + 0x18) == f->sectors && word(boot + 0x1a) == f->heads)
			return sectors_of(f);
	}
	return 0;
}

void floppy_insert(struct floppy *f, const struct medium *m)
{
	f->format = m ? floppy_format_of(f->kind, m->bytes, m->sectors) : NULL;
	if (m)
		f->medium = *m;
	f->changed = true;
}

enum floppy_rate floppy_rate_of(const struct floppy *f)
{
	switch (f->format->kib) {
	case 2880:
		return FLOPPY_1000;
	case 1200:
	case 1440:
		return FLOPPY_500;
	default: /* the drive for 1.2M turns faster, with every disk */
		return f->kind == FLOPPY_1200K ? FLOPPY_300 : FLOPPY_250;
	}
}

static int last_cylinder(const struct floppy *f)
{
	return f->kind == FLOPPY_360K ? 41 : FLOPPY_LAST_CYLINDER;
}

void floppy_step(struct floppy *f, int cylinders)
{
	int to = f->cylinder + cylinders, last = last_cylinder(f);
	f->cylinder = to < 0 ? 0 : to > last ? last : to;
	if (cylinders && f->format)
		f->changed = false;
}

/* A disk of 40 cylinders has each where a drive of 80 has two. */
int floppy_track(const struct floppy *f, unsigned head)
{
	if (!f->format || head >= f->format->heads)
		return -1;
	unsigned wide = f->format->cylinders == 40 && f->kind != FLOPPY_360K ? 2 : 1;
	unsigned track = f->cylinder / wide;
	return track < f->format->cylinders ? (int)track : -1;
}

uint8_t floppy_next(struct floppy *f)
{
	f->under = f->under % f->format->sectors + 1;
	return f->under;
}

static uint64_t place(const struct floppy *f, unsigned head, unsigned sector)
{
	uint64_t track = (uint64_t)floppy_track(f, head) * f->format->heads + head;
	return (track * f->format->sectors + sector - 1) * FLOPPY_SECTOR;
}

static void submit(struct floppy *f, unsigned head, unsigned sector, struct medium_io *io)
{
	struct medium_request *r = &io->request;
	f->under = sector;
	r->at = place(f, head, sector);
	r->n = FLOPPY_SECTOR;
	if (r->at + FLOPPY_SECTOR <= f->medium.bytes) {
		medium_io_submit(io, &f->medium);
		return;
	}
	if (r->op == MEDIUM_READ)
		memset(r->bytes, 0, FLOPPY_SECTOR);
	r->done(r->ctx, r->op == MEDIUM_READ ? 0 : -ENOSPC);
}

void floppy_read(struct floppy *f, unsigned head, unsigned sector, struct medium_io *io)
{
	io->request.op = MEDIUM_READ;
	submit(f, head, sector, io);
}

void floppy_write(struct floppy *f, unsigned head, unsigned sector, struct medium_io *io)
{
	io->request.op = MEDIUM_WRITE;
	submit(f, head, sector, io);
}
