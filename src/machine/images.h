/* What the command line gives the guest: firmware, or its kernel and the files of --initrd and
 * --module. */
#ifndef UNRING_MACHINE_IMAGES_H
#define UNRING_MACHINE_IMAGES_H

#include "machine/config.h"
#include "machine/loader.h"
#include "machine/output.h"

enum { IMAGES_MODULES = 64 };

struct images {
	struct blob bios, vgabios;
	struct blob kernel;
	struct boot_module modules[IMAGES_MODULES];
	char *names[IMAGES_MODULES];
	unsigned module_count;
};

/* Reads them, while files can still be opened.  None may be an output. */
bool images_read(struct images *s, const struct machine_config *c, const struct outputs *outputs,
                 struct problem *p);

/* Puts the kernel and its modules into the guest's memory.  The kernel stays unpacked, for the next time. */
bool images_load(struct images *s, const struct machine_config *c, struct guest_ram *ram,
                 struct boot_entry *e, struct problem *p);

void images_free(struct images *s);

#endif
