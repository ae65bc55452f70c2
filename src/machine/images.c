#include "machine/images.h"

#include "base/log.h"
#include "host/terminal.h"
#include "machine/firmware.h"
#include "machine/tour/tour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where Debian's package seabios has them. */
#define BIOS_FILE "/usr/share/seabios/bios-256k.bin"
#define VGABIOS_FILE "/usr/share/seabios/vgabios-stdvga.bin"

enum {
	BIOS_UNIT = 64 << 10,
	VGABIOS_UNIT = 512, /* PCI Local Bus Specification 2.1, 6.3.1.1 */
	FIRMWARE_MAX = 4 << 20,
};

/* What all of it needs. */
struct reading {
	const struct machine_config *c;
	const struct outputs *outputs;
	struct problem *p;
};

static bool file_problem(struct problem *p, const char *kind, const char *name, int err,
                         uint64_t limit)
{
	if (err == -EFBIG)
		return problem_set(p, "%s %s: does not fit in %llu MiB", kind, name,
		                   (unsigned long long)(limit >> 20));
	return problem_set(p, "%s %s: %s", kind, name,
	                   err == -EINVAL ? "not a plain file" : strerror(-err));
}

/* A descriptor, or -1. */
static int open_image(const struct reading *r, const char *kind, const char *name)
{
	int fd = file_open(name);
	if (fd < 0) {
		file_problem(r->p, kind, name, fd, 0);
		return -1;
	}
	if (outputs_spare(r->outputs, fd, kind, r->p))
		return fd;
	file_close(fd);
	return -1;
}

static bool read_module(const struct reading *r, struct blob *b, const char *kind, const char *path,
                        size_t length)
{
	char *name = strndup(path, length);
	CHECK(name);
	int fd = open_image(r, kind, name), err = -EBADF;
	if (fd >= 0) {
		err = file_read(fd, r->c->memory, b);
		if (err)
			file_problem(r->p, kind, name, err, r->c->memory);
		file_close(fd);
	}
	free(name);
	return !err;
}

static bool add_module(struct images *s, const struct reading *r, const char *kind,
                       const char *name, size_t length, size_t path_length)
{
	if (s->module_count == IMAGES_MODULES)
		return problem_set(r->p, "%s %s: too many modules", kind, name);
	struct boot_module *b = &s->modules[s->module_count];
	if (!read_module(r, &b->data, kind, name, path_length))
		return false;
	b->name = s->names[s->module_count++] = strndup(name, length);
	CHECK(b->name);
	return true;
}

static bool read_modules(struct images *s, const struct reading *r)
{
	const struct machine_config *c = r->c;
	bool is_linux = linux_is(&s->kernel);
	if (c->initrd && is_linux) {
		size_t n = strlen(c->initrd);
		if (!add_module(s, r, "initrd", c->initrd, n, n))
			return false;
	} else if (c->initrd) {
		for (const char *at = c->initrd;;) {
			size_t n = strcspn(at, ",");
			size_t path = strcspn(at, ", ");
			if (!add_module(s, r, "initrd", at, n, path))
				return false;
			if (!at[n])
				break;
			at += n + 1;
		}
	}
	for (unsigned i = 0; i < c->modules.count; i++) {
		const char *at = c->modules.at[i];
		if (is_linux)
			return problem_set(r->p,
			                   "--module %s: modules are for Multiboot kernels, "
			                   "%s is Linux",
			                   at, c->kernel);
		if (!add_module(s, r, "module", at, strlen(at), strcspn(at, " ")))
			return false;
	}
	return true;
}

/* The tour is given what the host did with the instructions that it shows. */
static void add_tour_report(struct images *s)
{
	struct boot_module *b = &s->modules[s->module_count];
	b->data.data = (uint8_t *)tour_host_report();
	CHECK(b->data.data);
	b->data.size = strlen((char *)b->data.data);
	b->name = s->names[s->module_count++] = strdup("host-report");
	CHECK(b->name);
}

/* Colours only where a person reads them.  https://no-color.org */
static const char *tour_cmdline(const struct machine_config *c)
{
	bool terminal = c->serials.at[0].kind == STREAM_STDIO && terminal_on_stdout();
	return terminal && !getenv("NO_COLOR") ? "color=1" : "";
}

void images_free(struct images *s)
{
	for (unsigned i = 0; i < s->module_count; i++) {
		blob_free(&s->modules[i].data);
		free(s->names[i]);
	}
	s->module_count = 0;
	blob_free(&s->kernel);
	blob_free(&s->bios);
	blob_free(&s->vgabios);
}

/* Its head is looked at first: what is no kernel may be long. */
static bool read_kernel_file(const struct reading *r, const char *name, struct blob *b)
{
	struct blob head = {0};
	int fd = open_image(r, "kernel", name), err;
	if (fd < 0)
		return false;
	if ((err = file_read_head(fd, BOOT_HEAD, &head)))
		file_problem(r->p, "kernel", name, err, 0);
	else if (!boot_recognizes(&head, name, r->p))
		err = -ENOEXEC;
	else if ((err = file_read(fd, BOOT_KERNEL_MAX, b)))
		file_problem(r->p, "kernel", name, err, BOOT_KERNEL_MAX);
	blob_free(&head);
	file_close(fd);
	return !err;
}

static bool read_kernel(const struct reading *r, struct blob *b)
{
	if (r->c->kernel)
		return read_kernel_file(r, r->c->kernel, b);
	const void *tour = tour_kernel(&b->size);
	b->data = malloc(b->size);
	CHECK(b->data);
	memcpy(b->data, tour, b->size);
	return true;
}

/* Of whole units of this many bytes. */
static bool read_firmware(const struct reading *r, const char *option, const char *name,
                          size_t unit, struct blob *b)
{
	int fd = open_image(r, option, name), err = -EBADF;
	if (fd < 0)
		return false;
	err = file_read(fd, FIRMWARE_MAX, b);
	file_close(fd);
	if (err)
		return file_problem(r->p, option, name, err, FIRMWARE_MAX);
	return (b->size && !(b->size % unit)) ||
	       problem_set(r->p, "%s %s: its size is not a multiple of %zu", option, name, unit);
}

/* A kernel finds the characters that the display's BIOS has; without that file there are none. */
static void read_characters(struct images *s)
{
	int fd = file_open(VGABIOS_FILE);
	if (fd >= 0)
		file_read(fd, FIRMWARE_MAX, &s->vgabios);
	file_close(fd);
}

/* SeaBIOS uses BSWAP before it can say anything. */
static bool suits_seabios(const struct cpu_model *cpu, struct problem *p)
{
	return cpu->isa & ISA_486 ||
	       problem_set(p, "--cpu %s: SeaBIOS needs a 486; --bios names other firmware",
	                   cpu->name);
}

bool images_read(struct images *s, const struct machine_config *c, const struct outputs *outputs,
                 struct problem *p)
{
	struct reading r = {c, outputs, p};
	if (config_has_firmware(c))
		return (c->bios || suits_seabios(c->cpu.model, p)) &&
		       read_firmware(&r, "--bios", c->bios ? c->bios : BIOS_FILE, BIOS_UNIT,
		                     &s->bios) &&
		       read_firmware(&r, "--vgabios", c->vgabios ? c->vgabios : VGABIOS_FILE,
		                     VGABIOS_UNIT, &s->vgabios);
	read_characters(s);
	if (!c->kernel)
		add_tour_report(s);
	return read_kernel(&r, &s->kernel) && read_modules(s, &r);
}

bool images_load(struct images *s, const struct machine_config *c, struct guest_ram *ram,
                 struct boot_entry *e, struct problem *p)
{
	struct boot_request r = {
		.kernel_name = c->kernel ? c->kernel : "tour",
		.kernel = s->kernel,
		.cmdline = c->kernel || *c->append ? c->append : tour_cmdline(c),
		.modules = s->modules,
		.module_count = s->module_count,
	};
	bool ok = boot_load(ram, &r, e, p);
	s->kernel = r.kernel; /* unpacked */
	return ok;
}
