#include "machine/media.h"

#include "base/log.h"
#include "host/disks.h"
#include "host/file.h"
#include "host/image.h"
#include "host/served.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The largest floppy's. */
#define FLOPPY_MOST (2880ull << 10)

/* What the drive of a machine without disks is for: all of 3.5 inches. */
#define USUAL_KIND FLOPPY_2880K

/* More than an address has room for: ATA/ATAPI-6, 6.2. */
#define DISK_MOST (((uint64_t)1 << 48) * 512)

enum { DISC_SECTOR = 2048 };

/* Sectors have numbers of 32 bits. */
#define DISC_MOST ((uint64_t)UINT32_MAX * DISC_SECTOR)

static const struct drive_kind kinds[] = {
	{"floppy", "--floppy ", true, false, false, 512, FLOPPY_MOST, "floppy (2880 KiB)"},
	{"disk", "--disk ", false, true, false, 512, DISK_MOST, "disk (128 PiB)"},
	{"cdrom", "--cdrom ", true, true, true, DISC_SECTOR, DISC_MOST, "disc (8 TiB)"},
};
enum { IS_FLOPPY, IS_DISK, IS_CDROM };

static bool is(const struct drive *d, unsigned kind)
{
	return d->is == &kinds[kind];
}

static struct image_use use_of(const struct drive *d, bool readonly, bool snapshot)
{
	return (struct image_use){
		.readonly = readonly || d->is->reads,
		.snapshot = snapshot,
		.devices = d->is->devices,
		.most = d->is->most,
	};
}

static bool image_problem(struct problem *p, const struct drive *d, const char *option,
                          const char *file, int err)
{
	switch (err) {
	case -EAGAIN:
		return problem_set(p, "%s%s: in use by another process", option, file);
	case -ENODATA:
		return problem_set(p, "%s%s: it is empty", option, file);
	case -EDOM:
		return problem_set(
			p,
			"%s%s: its size is no multiple of %u bytes (truncate -s %%%u makes it one)",
			option, file, d->is->sector, d->is->sector);
	case -EFBIG:
		return problem_set(p, "%s%s: larger than any %s", option, file, d->is->largest);
	case -EINVAL:
		return problem_set(p, "%s%s: not a plain file%s", option, file,
		                   d->is->devices ? ", nor a block device" : "");
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

/* How many sectors the floppy in the drive has, by its boot record. */
static unsigned told_sectors(const struct drive *d)
{
	uint8_t boot[FLOPPY_SECTOR];
	return !is(d, IS_FLOPPY) || image_read(d->image, 0, boot, sizeof boot)
	               ? 0
	               : floppy_sectors_of(boot);
}

static bool drive_open(struct media *s, struct drive *d, const struct config_medium *c,
                       const struct outputs *outputs, struct problem *p)
{
	const char *option = d->is->option;
	int err = image_open(d->image, c->file, use_of(d, c->readonly, c->snapshot));
	int fd = err == -EAGAIN ? file_open(c->file) : -1;
	bool both = fd >= 0 && in_another(s, d, fd);
	file_close(fd);
	if (both)
		return twice(p, option, c->file);
	if (!err && image_bytes(d->image) % d->is->sector)
		err = -EDOM;
	if (err)
		return image_problem(p, d, option, c->file, err);
	if (!outputs_spare(outputs, image_file(d->image), d->is->name, p))
		return false;
	d->file = strdup(c->file);
	CHECK(d->file);
	return true;
}

/* The file that qemu-nbd is to open is looked at before. */
static bool may_serve(struct media *s, struct drive *d, const char *file,
                      const struct outputs *outputs, struct problem *p)
{
	int fd = file_open(file);
	if (fd < 0)
		return image_problem(p, d, d->is->option, file, fd);
	bool both = in_another(s, d, fd);
	bool ok = both ? twice(p, d->is->option, file) : outputs_spare(outputs, fd, d->is->name, p);
	file_close(fd);
	return ok;
}

/* What a program serves: a disk at an address, or in a file of a format that is not raw. */
static bool drive_connect(struct media *s, struct drive *d, const struct config_disk *c,
                          const char *format, const struct outputs *outputs, struct problem *p)
{
	const struct config_medium *m = &c->medium;
	char why[SERVED_WHY] = "";
	if (format && !may_serve(s, d, m->file, outputs, p))
		return false;
	int err = image_connect(d->image, &(struct image_served){format, m->file},
	                        use_of(d, m->readonly, m->snapshot), why);
	if (err == -ENOENT)
		return problem_set(p, "%s%s: the program unring-nbd is not there", d->is->option,
		                   m->file);
	if (err && *why)
		return problem_set(p, "%s%s: %s", d->is->option, m->file, why);
	if (err)
		return image_problem(p, d, d->is->option, m->file, err);
	d->file = strdup(m->file);
	CHECK(d->file);
	return true;
}

static bool disk_open(struct media *s, struct drive *d, const struct config_disk *c,
                      const struct outputs *outputs, struct problem *p)
{
	unsigned format = config_format_of(c);
	bool address = served_is_address(c->medium.file);
	if (address && c->format != FORMAT_AUTO)
		return problem_set(p, "%s%s: format: that of an address is its server's",
		                   d->is->option, c->medium.file);
	return address || format != FORMAT_RAW
	               ? drive_connect(s, d, c, address ? NULL : config_format_name(format),
	                               outputs, p)
	               : drive_open(s, d, &c->medium, outputs, p);
}

static bool drive_create(struct drive *d, unsigned kind, unsigned number, unsigned place,
                         struct problem *p)
{
	int err = image_create(&d->image);
	d->is = &kinds[kind];
	d->place = place;
	snprintf(d->name, sizeof d->name, "%s%u", d->is->name, number);
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
	if (!drive_create(d, IS_FLOPPY, i, i, p) ||
	    (given && !drive_open(s, d, &c->floppies.at[i], outputs, p)))
		return false;
	if (given)
		d->kind = floppy_format_of(FLOPPY_NONE, image_bytes(d->image), told_sectors(d))
		                  ->drive;
	return true;
}

static bool open_disk(struct media *s, unsigned i, const struct machine_config *c,
                      const struct outputs *outputs, struct problem *p)
{
	struct drive *d = &s->drives[MEDIA_DISK0 + i];
	const struct config_disk *disk = &c->disks.at[i];
	uint8_t first[512];
	if (!drive_create(d, IS_DISK, i, i, p) || !disk_open(s, d, disk, outputs, p))
		return false;
	uint64_t sectors = image_bytes(d->image) / sizeof first;
	if ((uint64_t)disk->chs.cylinders * disk->chs.heads * disk->chs.sectors > sectors)
		return problem_set(p, "--disk %s: chs: more sectors than the %llu that it has",
		                   d->file, (unsigned long long)sectors);
	bool read = !image_read(d->image, 0, first, sizeof first);
	d->geometry = geometry_of(sectors, read ? first : NULL, disk->chs, disk->trans);
	return true;
}

/* Of the places that disks leave, those of the second channel come first: there PCs have them. */
static unsigned free_place(struct media *s)
{
	static const uint8_t places[IDE_PLACES] = {2, 3, 0, 1};
	unsigned i = 0;
	while (media_at(s, places[i]))
		i++;
	return places[i];
}

static bool open_cdrom(struct media *s, unsigned i, const struct machine_config *c,
                       const struct outputs *outputs, struct problem *p)
{
	struct drive *d = &s->drives[MEDIA_CDROM0 + i];
	const struct config_medium medium = {.file = c->cdroms.at[i]};
	return drive_create(d, IS_CDROM, i, free_place(s), p) &&
	       (!strcmp(medium.file, CONFIG_NO_DISC) || drive_open(s, d, &medium, outputs, p));
}

bool media_open(struct media *s, const struct machine_config *c, const struct outputs *outputs,
                struct problem *p)
{
	for (unsigned i = 0; i < CONFIG_FLOPPIES; i++)
		if (!open_floppy(s, i, c, outputs, p))
			return false;
	for (unsigned i = 0; i < c->disks.count; i++)
		if (!open_disk(s, i, c, outputs, p))
			return false;
	for (unsigned i = 0; i < c->cdroms.count; i++)
		if (!open_cdrom(s, i, c, outputs, p))
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

struct drive *media_at(struct media *s, unsigned place)
{
	for (unsigned i = MEDIA_DISK0; i < MEDIA_DRIVES; i++)
		if (s->drives[i].image && s->drives[i].place == place)
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
		.sectors = d->file ? told_sectors(d) : 0,
	};
}

/* What is in the drive, or nothing, is so for the guest as well. */
static void insert(struct media *s, struct drive *d)
{
	struct medium m = medium_of(d);
	d->has_failed[0] = d->has_failed[1] = false;
	if (is(d, IS_FLOPPY))
		fdc_insert(s->fdc, d->place, d->file ? &m : NULL);
	else
		ide_cdrom_insert(s->ide, d->place, d->file ? &m : NULL);
}

static void add_disk(const struct drive *d, const char *serial, struct ide *ide)
{
	char usual[IDE_SERIAL + 1];
	snprintf(usual, sizeof usual, "unring-%s", d->name);
	ide_add_disk(ide, d->place,
	             &(struct ide_disk_config){
			     .medium = medium_of(d),
			     .geometry = d->geometry.drive,
			     .serial = serial ? serial : usual,
		     });
}

void media_attach(struct media *s, const struct machine_config *c, struct fdc *fdc, struct ide *ide)
{
	s->fdc = fdc;
	s->ide = ide;
	for (unsigned i = 0; i < c->disks.count; i++)
		add_disk(&s->drives[MEDIA_DISK0 + i], c->disks.at[i].serial, ide);
	for (unsigned i = 0; i < c->cdroms.count; i++)
		ide_add_cdrom(ide, s->drives[MEDIA_CDROM0 + i].place);
	for (struct drive *d = s->drives; d < s->drives + MEDIA_DRIVES; d++)
		if (d->file && d->is->removable)
			insert(s, d);
}

bool media_is_open(const struct media *s, const struct drive *d)
{
	return is(d, IS_CDROM) ? ide_cdrom_is_open(s->ide, d->place) : !d->file;
}

bool media_is_locked(const struct media *s, const struct drive *d)
{
	return is(d, IS_CDROM) && ide_cdrom_is_locked(s->ide, d->place);
}

void media_ask(struct media *s, const struct drive *d)
{
	if (is(d, IS_CDROM))
		ide_cdrom_ask(s->ide, d->place);
}

/* Can a file of this size be in the drive?  What it is that has none will be told. */
static bool fits(const struct drive *d, int fd, const char *file, struct problem *why)
{
	uint64_t bytes;
	if (file_bytes(fd, &bytes))
		return true;
	if (is(d, IS_FLOPPY) && floppy_format_of(FLOPPY_NONE, bytes, 0) &&
	    !floppy_format_of(d->kind, bytes, 0))
		return problem_set(why, "%.200s: a disk of %llu KiB does not fit the drive", file,
		                   (unsigned long long)(bytes + 1023) >> 10);
	return !(bytes % d->is->sector) || image_problem(why, d, "", file, -EDOM);
}

bool media_change(struct media *s, struct drive *d, int fd, const char *file, bool readonly,
                  struct problem *why)
{
	if (!fits(d, fd, file, why)) {
		file_close(fd);
		return false;
	}
	bool both = in_another(s, d, fd), same = d->file && file_is(fd, image_file(d->image));
	int err = image_take(d->image, fd, use_of(d, readonly, false));
	if (err == -EAGAIN && both)
		return twice(why, "", file);
	if (err == -EAGAIN && same)
		return problem_set(why, "%.200s: it is in the drive", file);
	if (err)
		return image_problem(why, d, "", file, err);
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
