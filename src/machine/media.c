#include "machine/media.h"

#include "base/log.h"
#include "host/disks.h"
#include "host/file.h"
#include "host/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The largest floppy's. */
#define FLOPPY_MOST (2880ull << 10)

/* What the drive of a machine without disks is for: all of 3.5 inches. */
#define USUAL_KIND FLOPPY_2880K

/* More than an address has room for: ATA/ATAPI-6, 6.2. */
#define DISK_MOST (((uint64_t)1 << 48) * 512)

static const struct {
	const char *name, *option;
} names[MEDIA_DRIVES] = {
	{"floppy0", "--floppy "}, {"floppy1", "--floppy "}, {"disk0", "--disk "},
	{"disk1", "--disk "},     {"disk2", "--disk "},     {"disk3", "--disk "},
};

static bool image_problem(struct problem *p, bool floppy, const char *option, const char *file,
                          int err)
{
	switch (err) {
	case -EAGAIN:
		return problem_set(p, "%s%s: in use by another process", option, file);
	case -ENODATA:
		return problem_set(p, "%s%s: it is empty", option, file);
	case -EDOM:
		return problem_set(p, "%s%s: its size is no multiple of 512 bytes", option, file);
	case -EFBIG:
		return problem_set(p, "%s%s: larger than any %s", option, file,
		                   floppy ? "floppy (2880 KiB)" : "disk (128 PiB)");
	case -EINVAL:
		return problem_set(p, "%s%s: not a plain file%s", option, file,
		                   floppy ? "" : ", nor a block device");
	default:
		return problem_set(p, "%s%s: %s", option, file, strerror(-err));
	}
}

static bool in_another(const struct media *s, const struct drive *d, int fd)
{
	for (const struct drive *other = s->drives; other < s->drives + MEDIA_DRIVES; other++)
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
	bool floppy = media_is_floppy(s, d);
	struct image_use use = {
		.readonly = c->readonly,
		.snapshot = c->snapshot,
		.devices = !floppy,
		.most = floppy ? FLOPPY_MOST : DISK_MOST,
	};
	int err = image_open(d->image, c->file, use);
	int fd = err == -EAGAIN ? file_open(c->file) : -1;
	bool both = fd >= 0 && in_another(s, d, fd);
	file_close(fd);
	if (both)
		return twice(p, d->option, c->file);
	if (err)
		return image_problem(p, floppy, d->option, c->file, err);
	if (!outputs_spare(outputs, image_file(d->image), floppy ? "floppy" : "disk", p))
		return false;
	d->file = strdup(c->file);
	CHECK(d->file);
	return true;
}

static bool drive_create(struct drive *d, struct problem *p)
{
	int err = image_create(&d->image);
	return !err || problem_set(p, "cannot set up a drive: %s", strerror(-err));
}

static bool open_floppy(struct media *s, unsigned i, const struct machine_config *c,
                        const struct outputs *outputs, struct problem *p)
{
	struct drive *d = &s->drives[MEDIA_FLOPPY0 + i];
	bool given = i < c->floppies.count;
	/* Firmware finds a first drive, as in most PCs. */
	d->kind = given || (!i && config_has_firmware(c)) ? USUAL_KIND : FLOPPY_NONE;
	if (d->kind == FLOPPY_NONE)
		return true;
	if (!drive_create(d, p) || (given && !drive_open(s, d, &c->floppies.at[i], outputs, p)))
		return false;
	if (given)
		d->kind = floppy_format_of(image_bytes(d->image))->drive;
	return true;
}

static bool open_disk(struct media *s, unsigned i, const struct machine_config *c,
                      const struct outputs *outputs, struct problem *p)
{
	struct drive *d = &s->drives[MEDIA_DISK0 + i];
	const struct config_disk *disk = &c->disks.at[i];
	uint8_t first[512];
	if (!drive_create(d, p) || !drive_open(s, d, &disk->medium, outputs, p))
		return false;
	uint64_t sectors = image_bytes(d->image) / sizeof first;
	if ((uint64_t)disk->chs.cylinders * disk->chs.heads * disk->chs.sectors > sectors)
		return problem_set(p, "--disk %s: chs: more sectors than the %llu that it has",
		                   d->file, (unsigned long long)sectors);
	bool read = !image_read(d->image, 0, first, sizeof first);
	d->geometry = geometry_of(sectors, read ? first : NULL, disk->chs, disk->trans);
	return true;
}

bool media_open(struct media *s, const struct machine_config *c, const struct outputs *outputs,
                struct problem *p)
{
	for (unsigned i = 0; i < MEDIA_DRIVES; i++) {
		s->drives[i].name = names[i].name;
		s->drives[i].option = names[i].option;
	}
	for (unsigned i = 0; i < CONFIG_FLOPPIES; i++)
		if (!open_floppy(s, i, c, outputs, p))
			return false;
	for (unsigned i = 0; i < c->disks.count; i++)
		if (!open_disk(s, i, c, outputs, p))
			return false;
	return true;
}

bool media_start(struct media *s, struct loop *l, struct problem *p)
{
	for (unsigned i = 0; i < MEDIA_DRIVES; i++) {
		struct image *image = s->drives[i].image;
		int err = image && !s->disks ? disks_create(&s->disks, l) : 0;
		if (err)
			return problem_set(p, "cannot start the process for disks: %s",
			                   strerror(-err));
		if (image)
			image_share(image, s->disks);
	}
	return true;
}

void media_close(struct media *s)
{
	for (unsigned i = 0; i < MEDIA_DRIVES; i++) {
		image_destroy(s->drives[i].image);
		free(s->drives[i].file);
	}
	disks_destroy(s->disks);
}

struct drive *media_drive(struct media *s, const char *name)
{
	for (unsigned i = 0; i < MEDIA_DRIVES; i++)
		if (s->drives[i].image && !strcmp(s->drives[i].name, name))
			return &s->drives[i];
	return NULL;
}

bool media_spare(const struct media *s, int fd, const char *kind, struct problem *why)
{
	for (unsigned i = 0; i < MEDIA_DRIVES; i++) {
		const struct drive *d = &s->drives[i];
		if (d->file && file_is(fd, image_file(d->image)))
			return problem_set(why, "%.200s: the %s would write over what is in %s",
			                   d->file, kind, d->name);
	}
	return true;
}

/* A request of a device, as the image has it. */
struct errand {
	struct image_job job;
	struct medium_request *request;
};

static void on_done(void *ctx, int err)
{
	struct errand *e = ctx;
	struct medium_request *r = e->request;
	free(e);
	r->done(r->ctx, err);
}

static void submit(void *ctx, struct medium_request *r)
{
	static const enum image_op ops[] = {[MEDIUM_READ] = IMAGE_READ,
	                                    [MEDIUM_WRITE] = IMAGE_WRITE,
	                                    [MEDIUM_FLUSH] = IMAGE_FLUSH};
	struct errand *e = malloc(sizeof *e);
	CHECK(e);
	*e = (struct errand){.job = {.op = ops[r->op],
	                             .at = r->at,
	                             .bytes = r->bytes,
	                             .n = r->n,
	                             .ctx = e,
	                             .done = on_done},
	                     .request = r};
	image_submit(ctx, &e->job);
}

static struct medium medium_of(const struct drive *d)
{
	return (struct medium){
		.ctx = d->image,
		.bytes = d->file ? image_bytes(d->image) : 0,
		.readonly = d->file && image_readonly(d->image),
		.submit = submit,
	};
}

/* What is in the drive, or nothing, is so for the guest as well. */
static void insert(struct media *s, struct drive *d)
{
	struct medium m = medium_of(d);
	d->has_failed[0] = d->has_failed[1] = false;
	fdc_insert(s->fdc, (unsigned)(d - s->drives), d->file ? &m : NULL);
}

static void add_disk(const struct drive *d, unsigned place, const char *serial, struct ide *ide)
{
	char usual[IDE_SERIAL + 1];
	snprintf(usual, sizeof usual, "unring-%s", d->name);
	ide_add_disk(ide, place,
	             &(struct ide_disk_config){
			     .medium = medium_of(d),
			     .geometry = d->geometry.drive,
			     .serial = serial ? serial : usual,
		     });
}

void media_attach(struct media *s, const struct machine_config *c, struct fdc *fdc, struct ide *ide)
{
	s->fdc = fdc;
	for (unsigned i = 0; i < CONFIG_FLOPPIES; i++)
		if (s->drives[MEDIA_FLOPPY0 + i].file)
			insert(s, &s->drives[MEDIA_FLOPPY0 + i]);
	for (unsigned i = 0; i < c->disks.count; i++)
		add_disk(&s->drives[MEDIA_DISK0 + i], i, c->disks.at[i].serial, ide);
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
		return image_problem(why, true, "", file, err);
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
