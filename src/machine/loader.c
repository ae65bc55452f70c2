#include "machine/loader.h"

#include <errno.h>
#include <string.h>

static void write_gdt(struct guest_ram *ram, struct boot_entry *e)
{
	static const uint64_t gdt[] = {
		0, 0, 0x00cf9b000000ffff, /* 10h: code, 4 GiB, accessed */
		0x00cf93000000ffff,       /* 18h: data */
	};
	ram->write(ram->ctx, BOOT_GDT, gdt, sizeof gdt);
	e->gdt_base = BOOT_GDT;
	e->gdt_limit = sizeof gdt - 1;
}

static bool unpack(struct boot_request *r, struct problem *p)
{
	int err = blob_is_gzip(&r->kernel) ? blob_gunzip(&r->kernel, BOOT_KERNEL_MAX) : 0;
	const char *why = err == -ENODATA  ? "truncated gzip"
	                  : err == -EINVAL ? "damaged gzip"
	                  : err == -EFBIG  ? "too large once unpacked"
	                                   : strerror(-err);
	return !err || problem_set(p, "kernel %s: %s", r->kernel_name, why);
}

static bool unknown(const char *name, struct problem *p)
{
	return problem_set(p, "kernel %s: neither a Linux bzImage nor a Multiboot kernel", name);
}

bool boot_recognizes(const struct blob *head, const char *name, struct problem *p)
{
	if (!head->size)
		return problem_set(p, "kernel %s: is empty", name);
	return blob_is_gzip(head) || linux_is(head) || multiboot_is(head) || unknown(name, p);
}

bool boot_load(struct guest_ram *ram, struct boot_request *r, struct boot_entry *e,
               struct problem *p)
{
	*e = (struct boot_entry){.esp = BOOT_INFO, .screen = e->screen};
	if (!r->kernel.size)
		return problem_set(p, "kernel %s: is empty", r->kernel_name);
	if (!unpack(r, p))
		return false;
	write_gdt(ram, e);
	if (linux_is(&r->kernel))
		return linux_load(ram, r, e, p);
	if (multiboot_is(&r->kernel))
		return multiboot_load(ram, r, e, p);
	return unknown(r->kernel_name, p);
}
