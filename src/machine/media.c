#include "machine/media.h"

#include "base/log.h"
#include "host/file.h"
#include "host/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The largest floppy's. */
#define FLOPPY_MOST (2880ull << 10)

/* What the drive of a machine without disks is for: all of 3.5 inches. */
#define USUAL_KIND FLOPPY_2880K

static bool image_problem(struct problem *p, const char *option, const char *file, int err)
{
	switch (err) {
	case -EAGAIN:
		return problem_set(p, "%s%s: in use by another process", option, file);
	case -ENODATA:
		return problem_set(p, "%s%s: it is empty", option, file);
	case -EDOM:
		return problem_set(p, "%s%s: its size is no multiple of 512 bytes", option, file);
	case -EFBIG:
		return problem_set(p, "%s%s: larger than any floppy (2880 KiB)", option, file);
	case -EINVAL:
		return problem_set(p, "%s%s: not a plain file", option, file);
	default:
		return problem_set(p, "%s%s: %s", option, file, strerror(-err));
	}
}

static bool in_another(const struct media *s, const struct drive *d, int fd)
{
	for (const struct drive *other = s->floppy; other < s->floppy + MEDIA_FLOPPIES; other++)
		if (other != d && other->file && file_is(fd, image_file(other->image)))
			return true;
	return false;
}

static bool twice(struct problem *p, const char *option, const char *file)
{
	return problem_set(p, "%s%s: it would be in both drives", option, file);
}

static bool drive_open(struct media *s, struct drive *d, const struct config_medium *c,
                       const struct outputs *outputs, struct problem *p)
{
	struct image_use use = {
		.readonly = c->readonly, .snapshot = c->snapshot, .most = FLOPPY_MOST};
	int err = image_open(d->image, c->file, use);
	int fd = err == -EAGAIN ? file_open(c->file) : -1;
	bool both = fd >= 0 && in_another(s, d, fd);
	file_close(fd);
	if (both)
		return twice(p, "--floppy ", c->file);
	if (err)
		return image_problem(p, "--floppy ", c->file, err);
	if (!outputs_spare(outputs, image_file(d->image), "floppy", p))
		return false;
	d->file = strdup(c->file);
	CHECK(d->file);
	d->kind = floppy_format_of(image_bytes(d->image))->drive;
	return true;
}

bool media_open(struct media *s, const struct machine_config *c, const struct outputs *outputs,
                struct problem *p)
{
	static const char *const names[MEDIA_FLOPPIES] = {"floppy0", "floppy1"};
	for (unsigned i = 0; i < MEDIA_FLOPPIES; i++) {
		struct drive *d = &s->floppy[i];
		bool given = i < c->floppies.count;
		d->name = names[i];
		/* Firmware finds a first drive, as in most PCs. */
		d->kind = given || (!i && config_has_firmware(c)) ? USUAL_KIND : FLOPPY_NONE;
		if (d->kind == FLOPPY_NONE)
			continue;
		int err = image_create(&d->image);
		if (err)
			return problem_set(p, "cannot set up a drive: %s", strerror(-err));
		if (given && !drive_open(s, d, &c->floppies.at[i], outputs, p))
			return false;
	}
	return true;
}

void media_close(struct media *s)
{
	for (unsigned i = 0; i < MEDIA_FLOPPIES; i++) {
		image_destroy(s->floppy[i].image);
		free(s->floppy[i].file);
	}
}

struct drive *media_drive(struct media *s, const char *name)
{
	for (unsigned i = 0; i < MEDIA_FLOPPIES; i++)
		if (s->floppy[i].kind != FLOPPY_NONE && !strcmp(s->floppy[i].name, name))
			return &s->floppy[i];
	return NULL;
}

bool media_spare(const struct media *s, int fd, const char *kind, struct problem *why)
{
	for (unsigned i = 0; i < MEDIA_FLOPPIES; i++) {
		const struct drive *d = &s->floppy[i];
		if (d->file && file_is(fd, image_file(d->image)))
			return problem_set(why, "%.200s: the %s would write over what is in %s",
			                   d->file, kind, d->name);
	}
	return true;
}

static int carry_out(struct image *i, const struct medium_request *r)
{
	switch (r->op) {
	case MEDIUM_READ:
		return image_read(i, r->at, r->bytes, r->n);
	case MEDIUM_WRITE:
		return image_write(i, r->at, r->bytes, r->n);
	default:
		return image_flush(i);
	}
}

static void submit(void *ctx, struct medium_request *r)
{
	r->done(r->ctx, carry_out(ctx, r));
}

/* What is in the drive, or nothing, is so for the guest as well. */
static void insert(struct media *s, struct drive *d)
{
	struct medium m = {
		.ctx = d->image,
		.bytes = d->file ? image_bytes(d->image) : 0,
		.readonly = d->file && image_readonly(d->image),
		.submit = submit,
	};
	fdc_insert(s->fdc, (unsigned)(d - s->floppy), d->file ? &m : NULL);
}

void media_attach(struct media *s, struct fdc *fdc)
{
	s->fdc = fdc;
	for (unsigned i = 0; i < MEDIA_FLOPPIES; i++)
		if (s->floppy[i].file)
			insert(s, &s->floppy[i]);
}

bool media_change(struct media *s, struct drive *d, int fd, const char *file, bool readonly,
                  struct problem *why)
{
	struct image_use use = {.readonly = readonly, .most = FLOPPY_MOST};
	uint64_t bytes;
	int err = file_bytes(fd, &bytes);
	const struct floppy_format *format = err ? NULL : floppy_format_of(bytes);
	if (format && !floppy_takes(d->kind, format)) {
		file_close(fd);
		return problem_set(why, "%.200s: a disk of %u KiB does not fit the drive", file,
		                   format->kib);
	}
	bool both = in_another(s, d, fd), same = d->file && file_is(fd, image_file(d->image));
	err = image_take(d->image, fd, use);
	if (err == -EAGAIN && both)
		return twice(why, "", file);
	if (err == -EAGAIN && same)
		return problem_set(why, "%.200s: it is in the drive", file);
	if (err)
		return image_problem(why, "", file, err);
	free(d->file);
	d->file = strdup(file);
	CHECK(d->file);
	insert(s, d);
	return true;
}

void media_eject(struct media *s, struct drive *d)
{
	free(d->file);
	d->file = NULL;
	insert(s, d);
	image_eject(d->image);
}
