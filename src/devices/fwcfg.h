/* The firmware configuration device at ports 510h to 51Bh: items that firmware reads by key, and
 * files, which a directory names.  QEMU's docs/specs/fw_cfg.rst. */
#ifndef UNRING_DEVICES_FWCFG_H
#define UNRING_DEVICES_FWCFG_H

#include "devices/bus.h"
#include "devices/device.h"

struct fwcfg;
extern const struct device_type fwcfg_type;

/* Without items but the signature, what it can do, and the directory. */
struct fwcfg *fwcfg_create(struct bus *bus, struct dma_memory memory);

enum fwcfg_key {
	FWCFG_SIGNATURE = 0x00,
	FWCFG_ID = 0x01,
	FWCFG_RAM_BYTES = 0x03, /* 8 bytes */
	FWCFG_CPUS = 0x05,      /* 2 bytes */
	FWCFG_BOOT_MENU = 0x0e, /* 2 bytes */
	FWCFG_MAX_CPUS = 0x0f,  /* 2 bytes */
	FWCFG_DIRECTORY = 0x19,
	FWCFG_FILES = 0x20, /* the first of them */
};

/* The device has a copy of the bytes.  All items are added before the guest runs; of a key or a
 * name that is there already, the last counts. */
void fwcfg_add(struct fwcfg *f, enum fwcfg_key key, const void *data, size_t bytes);
/* A name of at most 55 bytes.  Files have keys in the order of their names. */
void fwcfg_add_file(struct fwcfg *f, const char *name, const void *data, size_t bytes);

#endif
