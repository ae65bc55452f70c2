/* What a BIOS leaves in memory for whoever looks for it: the tables of ACPI, of SMBIOS, and that of the
 * interrupts of PCI. */
#include "machine/acpi.h"
#include "machine/firmware.h"
#include "machine/mptable.h"
#include "machine/smbios.h"

#include <string.h>

/* On 16 bytes each, in F0000h to FFFFFh: ACPI 1.0b, 5.2.4.1; SMBIOS 2.4, 2.1; PCI IRQ Routing Table
 * Specification 1.0. */
enum {
	ACPI_ROOT = 0xf5a80,
	SMBIOS_ANCHOR = 0xf5aa0,
	PCI_ROUTES = 0xf5ac0,
	SMBIOS_TABLES = 0xf5d00,
	MP_POINTER = 0xf6200, /* MP 1.4, 4 */
};

/* --- where the interrupts of PCI lead: PCI IRQ Routing Table Specification 1.0 --- */

enum {
	ROUTER = 1 << 3, /* the ISA bridge: device 1, function 0 */
	LINK = 0x60,     /* its registers of routes are the links */
	LINKS = 4,
	IRQS = 1 << 5 | 1 << 10 | 1 << 11, /* as src/machine/acpi/dsdt.asl has them */
	DEVICES = 31,                      /* from 1 on */
};

struct routes {
	char signature[4];
	uint16_t version, bytes;
	uint8_t router_bus, router;
	uint16_t exclusive; /* IRQs that are for PCI alone */
	uint16_t vendor, device;
	uint32_t miniport;
	uint8_t reserved[11], checksum;
	struct {
		uint8_t bus, function;
		struct {
			uint8_t link;
			uint16_t irqs;
		} __attribute__((packed)) pin[LINKS];
		uint8_t slot, reserved; /* 0: on the board */
	} __attribute__((packed)) device_at[DEVICES];
} __attribute__((packed));

static void put_routes(struct guest_ram *ram)
{
	struct routes r = {
		.signature = {'$', 'P', 'I', 'R'},
		.version = 0x0100,
		.bytes = sizeof r,
		.router = ROUTER,
		.vendor = 0x8086,
		.device = 0x7000,
	};
	for (unsigned i = 0; i < DEVICES; i++) {
		unsigned device = i + 1;
		r.device_at[i].function = (uint8_t)(device << 3);
		r.device_at[i].slot = (uint8_t)i;
		for (unsigned pin = 0; pin < LINKS; pin++) {
			r.device_at[i].pin[pin].link = (uint8_t)(LINK + (device - 1 + pin) % LINKS);
			r.device_at[i].pin[pin].irqs = IRQS;
		}
	}
	for (unsigned i = 0; i < sizeof r; i++)
		r.checksum -= i == offsetof(struct routes, checksum) ? 0 : ((uint8_t *)&r)[i];
	ram->write(ram->ctx, PCI_ROUTES, &r, sizeof r);
}

static bool has_apic(const struct firmware_config *c)
{
	return c->cpu->edx1 & CPUID_APIC;
}

static void put_acpi(struct guest_ram *ram, const struct firmware_config *c)
{
	struct acpi_files f;
	acpi_build(&f, &(struct acpi_config){firmware_pci_memory(ram->end), has_apic(c)});
	acpi_link(&f, (uint32_t)ram->bytes);
	ram->write(ram->ctx, ram->bytes, f.tables, f.tables_bytes);
	ram->write(ram->ctx, ACPI_ROOT, f.root, sizeof f.root);
}

static void put_smbios(struct guest_ram *ram, const struct cpu_model *cpu)
{
	struct smbios_files f;
	smbios_build(&f, &(struct smbios_config){.ram_bytes = ram->end, .cpu = cpu});
	smbios_link(&f, SMBIOS_TABLES);
	ram->write(ram->ctx, SMBIOS_TABLES, f.tables, f.tables_bytes);
	ram->write(ram->ctx, SMBIOS_ANCHOR, f.anchor, sizeof f.anchor);
}

static void put_mp(struct guest_ram *ram, const struct cpu_model *cpu)
{
	uint8_t mp[MP_TABLE_MAX];
	struct mp_config c = {cpu, firmware_pirq_irqs};
	size_t bytes = mptable_build(mp, MP_POINTER, &c);
	ram->write(ram->ctx, MP_POINTER, mp, bytes);
}

void firmware_tables(struct guest_ram *ram, const struct firmware_config *c)
{
	put_acpi(ram, c);
	if (has_apic(c))
		put_mp(ram, c->cpu);
	put_smbios(ram, c->cpu);
	put_routes(ram);
}
