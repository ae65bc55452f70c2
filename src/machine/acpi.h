/* The ACPI tables of the board, as files for firmware: the tables, their root pointer, and the
 * script by which firmware puts them into memory.  ACPI Specification 1.0b, chapter 5; the script is that
 * which SeaBIOS takes from "etc/table-loader": steps of 128 bytes.  Without firmware acpi_link does
 * what the script says. */
#ifndef UNRING_MACHINE_ACPI_H
#define UNRING_MACHINE_ACPI_H

#include "base/types.h"

#define ACPI_TABLES_FILE "etc/acpi/tables"
#define ACPI_ROOT_FILE "etc/acpi/rsdp"
#define ACPI_SCRIPT_FILE "etc/table-loader"

enum { ACPI_TABLES_MAX = 16384, ACPI_ROOT_BYTES = 20, ACPI_SCRIPT_MAX = 2048 };

struct acpi_files {
	uint8_t tables[ACPI_TABLES_MAX], root[ACPI_ROOT_BYTES], script[ACPI_SCRIPT_MAX];
	size_t tables_bytes, script_bytes;
};

struct acpi_config {
	uint32_t pci_memory; /* where memory of PCI begins, below 4 GiB */
	bool has_apic;
};
void acpi_build(struct acpi_files *f, const struct acpi_config *c);

/* The tables and their root become what guests find, once the tables are at this address, a multiple
 * of 64.  To be called once. */
void acpi_link(struct acpi_files *f, uint32_t tables_at);

#endif
