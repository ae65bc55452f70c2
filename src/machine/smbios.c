#include "machine/smbios.h"

#include "base/log.h"
#include "base/version.h"

#include <string.h>

enum {
	/* types of structures */
	BIOS = 0,
	SYSTEM = 1,
	CHASSIS = 3,
	PROCESSOR = 4,
	MEMORY_ARRAY = 16,
	MEMORY_DEVICE = 17,
	MEMORY_ADDRESS = 19,
	BOOT = 32,
	END = 127,

	/* values that several fields have */
	OTHER = 1,
	UNKNOWN = 2,
	SAFE = 3,

	BIOS_ISA = 1 << 4, /* characteristics */
	BIOS_PCI = 1 << 7,
	BIOS_ACPI = 1 << 0,    /* in the first byte behind them */
	BIOS_VIRTUAL = 1 << 4, /* in the second: the machine is virtual */
	NO_CONTROLLER = 0xff,
	POWER_SWITCH = 6,
	CENTRAL_PROCESSOR = 3,
	ENABLED = 0x41, /* a socket that is not empty, and its processor */
	NO_CACHE = 0xffff,
	SYSTEM_BOARD = 3,
	SYSTEM_MEMORY = 3,
	NOT_CORRECTED = 3,
	NO_ERRORS = 0xfffe, /* no handle of a structure that tells of them */
	BITS = 64,
	RAM = 7,
	IN_KIB = 0x8000,
};

struct anchor {
	char signature[4];
	uint8_t checksum, bytes, major, minor;
	uint16_t longest;
	uint8_t revision, formatted[5];
	/* an anchor of its own, which DMI had before */
	char dmi[5];
	uint8_t dmi_checksum;
	uint16_t tables_bytes;
	uint32_t tables;
	uint16_t count;
	uint8_t bcd;
} __attribute__((packed));
_Static_assert(sizeof(struct anchor) == SMBIOS_ANCHOR_BYTES, "SMBIOS 2.4, 2.1.1");

/* There is one structure of each type.  Handle 0 is for that which firmware adds. */
#define HANDLE(type) ((uint16_t)((type) << 8))

/* Fields that are texts are the numbers of texts behind the structure; 0: there is none. */
struct header {
	uint8_t type, bytes;
	uint16_t handle;
} __attribute__((packed));

struct bios {
	struct header h;
	uint8_t vendor, version;
	uint16_t segment;
	uint8_t date, rom_size;
	uint64_t characteristics;
	uint8_t more[2], major, minor, controller_major, controller_minor;
} __attribute__((packed));
_Static_assert(sizeof(struct bios) == 0x18, "SMBIOS 2.4, 3.3.1");

struct system {
	struct header h;
	uint8_t manufacturer, product, version, serial, uuid[16], wake_up, sku, family;
} __attribute__((packed));
_Static_assert(sizeof(struct system) == 0x1b, "SMBIOS 2.4, 3.3.2");

struct chassis {
	struct header h;
	uint8_t manufacturer, type, version, serial, asset, boot_state, power_state, thermal_state;
	uint8_t security;
	uint32_t oem;
	uint8_t height, power_cords, elements, element_bytes;
} __attribute__((packed));
_Static_assert(sizeof(struct chassis) == 0x15, "SMBIOS 2.4, 3.3.4");

struct processor {
	struct header h;
	uint8_t socket, type, family, manufacturer;
	uint32_t signature, features;
	uint8_t version, voltage;
	uint16_t clock_mhz, most_mhz, mhz;
	uint8_t status, upgrade;
	uint16_t cache[3];
	uint8_t serial, asset, part;
} __attribute__((packed));
_Static_assert(sizeof(struct processor) == 0x23, "SMBIOS 2.4, 3.3.5");

struct memory_array {
	struct header h;
	uint8_t location, use, correction;
	uint32_t most_kib;
	uint16_t errors, devices;
} __attribute__((packed));
_Static_assert(sizeof(struct memory_array) == 0x0f, "SMBIOS 2.4, 3.3.17");

struct memory_device {
	struct header h;
	uint16_t array, errors, bits, data_bits, size;
	uint8_t form, set, locator, bank, type;
	uint16_t detail, mhz;
	uint8_t manufacturer, serial, asset, part;
} __attribute__((packed));
_Static_assert(sizeof(struct memory_device) == 0x1b, "SMBIOS 2.4, 3.3.18");

struct memory_address {
	struct header h;
	uint32_t first_kib, last_kib;
	uint16_t array;
	uint8_t devices;
} __attribute__((packed));
_Static_assert(sizeof(struct memory_address) == 0x0f, "SMBIOS 2.4, 3.3.20");

struct boot {
	struct header h;
	uint8_t reserved[6], status;
} __attribute__((packed));
_Static_assert(sizeof(struct boot) == 0x0b, "SMBIOS 2.4, 3.3.33");

static void append(struct smbios_files *f, const void *bytes, size_t n)
{
	CHECK(f->tables_bytes + n <= sizeof f->tables);
	memcpy(f->tables + f->tables_bytes, bytes, n);
	f->tables_bytes += n;
}

/* A structure that begins with its header, and its texts, up to NULL. */
static void add(struct smbios_files *f, void *structure, uint8_t type, size_t bytes,
                const char *const *texts)
{
	struct anchor a;
	size_t from = f->tables_bytes;
	memcpy(&a, f->anchor, sizeof a);
	struct header h = {type, (uint8_t)bytes, HANDLE(type)};
	a.count++;
	memcpy(structure, &h, sizeof h);
	append(f, structure, bytes);
	if (!texts || !*texts)
		append(f, "", 1);
	for (; texts && *texts; texts++)
		append(f, *texts, strlen(*texts) + 1);
	append(f, "", 1);
	size_t whole = f->tables_bytes - from;
	a.longest = whole > a.longest ? (uint16_t)whole : a.longest;
	a.tables_bytes = (uint16_t)f->tables_bytes;
	memcpy(f->anchor, &a, sizeof a);
}

#define ADD(f, type, structure, ...)                                                               \
	add(f, &(structure), type, sizeof(structure), (const char *const[]){__VA_ARGS__, NULL})

static void add_board(struct smbios_files *f)
{
	struct bios bios = {
		.vendor = 1,
		.version = 2,
		.segment = 0xf000,
		.date = 3,
		.characteristics = BIOS_ISA | BIOS_PCI,
		.more = {BIOS_ACPI, BIOS_VIRTUAL},
		.major = VERSION_MAJOR,
		.minor = VERSION_MINOR,
		.controller_major = NO_CONTROLLER,
		.controller_minor = NO_CONTROLLER,
	};
	ADD(f, BIOS, bios, "unring", VERSION, "11/26/2026");
}

static void add_system(struct smbios_files *f)
{
	struct system system = {
		.manufacturer = 1, .product = 2, .version = 3, .wake_up = POWER_SWITCH};
	struct chassis chassis = {.manufacturer = 1,
	                          .type = OTHER,
	                          .boot_state = SAFE,
	                          .power_state = SAFE,
	                          .thermal_state = SAFE,
	                          .security = UNKNOWN};
	ADD(f, SYSTEM, system, "unring", "PC (i440FX, PIIX3)", VERSION);
	ADD(f, CHASSIS, chassis, "unring");
}

static void add_processor(struct smbios_files *f, const struct cpu_model *cpu)
{
	struct processor p = {
		.socket = 1,
		.type = CENTRAL_PROCESSOR,
		.family = UNKNOWN,
		.manufacturer = 2,
		.signature = cpu->signature,
		.features = cpu->edx1,
		.version = 3,
		.status = ENABLED,
		.upgrade = UNKNOWN,
		.cache = {NO_CACHE, NO_CACHE, NO_CACHE},
	};
	ADD(f, PROCESSOR, p, "CPU 0", cpu->vendor, cpu->name);
}

static void add_memory(struct smbios_files *f, uint64_t bytes)
{
	uint32_t kib = (uint32_t)(bytes >> 10);
	struct memory_array array = {
		.location = SYSTEM_BOARD,
		.use = SYSTEM_MEMORY,
		.correction = NOT_CORRECTED,
		.most_kib = kib,
		.errors = NO_ERRORS,
		.devices = 1,
	};
	struct memory_device device = {
		.array = HANDLE(MEMORY_ARRAY),
		.errors = NO_ERRORS,
		.bits = BITS,
		.data_bits = BITS,
		.size = (uint16_t)(kib < 1024 ? kib | IN_KIB : kib >> 10),
		.form = OTHER,
		.locator = 1,
		.type = RAM,
		.detail = 1 << UNKNOWN,
	};
	struct memory_address address = {
		.last_kib = kib - 1, .array = HANDLE(MEMORY_ARRAY), .devices = 1};
	ADD(f, MEMORY_ARRAY, array, NULL);
	ADD(f, MEMORY_DEVICE, device, "RAM");
	ADD(f, MEMORY_ADDRESS, address, NULL);
}

void smbios_build(struct smbios_files *f, const struct smbios_config *c)
{
	struct anchor a = {
		.signature = {'_', 'S', 'M', '_'},
		.bytes = sizeof a,
		.major = 2,
		.minor = 4,
		.dmi = {'_', 'D', 'M', 'I', '_'},
		.bcd = 0x24,
	};
	struct boot boot = {.status = 0};
	struct header end = {0};
	*f = (struct smbios_files){0};
	memcpy(f->anchor, &a, sizeof a);
	if (!c->has_firmware)
		add_board(f);
	add_system(f);
	add_processor(f, c->cpu);
	add_memory(f, c->ram_bytes);
	ADD(f, BOOT, boot, NULL);
	ADD(f, END, end, NULL);
}

static uint8_t sum_of(const void *bytes, size_t n)
{
	uint8_t sum = 0;
	for (const uint8_t *p = bytes; n--; p++)
		sum += *p;
	return sum;
}

void smbios_link(struct smbios_files *f, uint32_t tables_at)
{
	struct anchor a;
	size_t dmi = offsetof(struct anchor, dmi);
	memcpy(&a, f->anchor, sizeof a);
	a.tables = tables_at;
	a.checksum = a.dmi_checksum = 0;
	a.dmi_checksum = -sum_of((uint8_t *)&a + dmi, sizeof a - dmi);
	a.checksum = -sum_of(&a, sizeof a);
	memcpy(f->anchor, &a, sizeof a);
}
