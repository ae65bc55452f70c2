/* What the machine is, for programs that show or look it up: the System Management BIOS tables, and
 * the anchor that leads to them.  System Management BIOS Reference Specification 2.4.  As files they are for
 * firmware, which puts them into memory; without firmware smbios_link does that part. */
#ifndef UNRING_MACHINE_SMBIOS_H
#define UNRING_MACHINE_SMBIOS_H

#include "cpu/model.h"

#define SMBIOS_TABLES_FILE "etc/smbios/smbios-tables"
#define SMBIOS_ANCHOR_FILE "etc/smbios/smbios-anchor"

enum { SMBIOS_ANCHOR_BYTES = 31, SMBIOS_TABLES_MAX = 1024 };

struct smbios_config {
	uint64_t ram_bytes;
	const struct cpu_model *cpu;
	bool has_firmware; /* which tells of itself */
};

struct smbios_files {
	uint8_t anchor[SMBIOS_ANCHOR_BYTES], tables[SMBIOS_TABLES_MAX];
	size_t tables_bytes;
};

void smbios_build(struct smbios_files *f, const struct smbios_config *c);

/* The tables are at this address, and the anchor says so.  It belongs on 16 bytes in F0000h to
 * FFFFFh. */
void smbios_link(struct smbios_files *f, uint32_t tables_at);

#endif
