#include "machine/acpi.h"

#include "base/log.h"

#include <string.h>

/* src/machine/acpi/dsdt.asl, compiled. */
extern const uint8_t acpi_dsdt_start[], acpi_dsdt_end[];

enum {
	/* 82371AB, function 3, where firmware puts it (src/devices/piix4pm.h). */
	PM_BASE = 0x600,
	SCI = 9,
	SMI_COMMAND = 0xb2,
	ACPI_ENABLE = 0xf1,
	ACPI_DISABLE = 0xf0,

	/* of the fixed table */
	WBINVD = 1 << 0,
	PROC_C1 = 1 << 2,
	NO_SLEEP_BUTTON = 1 << 5, /* among the fixed registers */
	NO_RTC_WAKE = 1 << 6,
	NO_C2 = 0x65,
	NO_C3 = 0x3e9,  /* latencies above what either may have */
	CENTURY = 0x32, /* in CMOS */

	FACS_BYTES = 64,
	FILE_NAME = 56,
};

struct header {
	char signature[4];
	uint32_t bytes;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct fadt {
	struct header h;
	uint32_t facs, dsdt;
	uint8_t int_model, reserved1;
	uint16_t sci_int;
	uint32_t smi_cmd;
	uint8_t acpi_enable, acpi_disable, s4bios_req, reserved2;
	uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_tmr, gpe0, gpe1;
	uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tm_len, gpe0_len, gpe1_len, gpe1_base;
	uint8_t reserved3;
	uint16_t p_lvl2_lat, p_lvl3_lat, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alrm, mon_alrm, century, reserved4[3];
	uint32_t flags;
} __attribute__((packed));
_Static_assert(sizeof(struct fadt) == 116, "ACPI 1.0b, 5.2.5");

struct rsdt {
	struct header h;
	uint32_t entry[2];
} __attribute__((packed));

struct madt {
	struct header h;
	uint32_t lapic, flags;
	struct {
		uint8_t type, bytes, processor, id;
		uint32_t flags;
	} __attribute__((packed)) local;
	struct {
		uint8_t type, bytes, id, reserved;
		uint32_t at, first_input;
	} __attribute__((packed)) io;
	struct {
		uint8_t type, bytes, bus, irq;
		uint32_t input;
		uint16_t flags;
	} __attribute__((packed)) override[5];
	struct {
		uint8_t type, bytes, processor;
		uint16_t flags;
		uint8_t lint;
	} __attribute__((packed)) nmi;
} __attribute__((packed));
_Static_assert(sizeof(struct madt) == 44 + 8 + 12 + 5 * 10 + 6, "ACPI 1.0b, 5.2.8");

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
} __attribute__((packed));
_Static_assert(sizeof(struct rsdp) == ACPI_ROOT_BYTES, "ACPI 1.0b, 5.2.4.1");

struct step {
	uint32_t what;
	union {
		struct {
			char file[FILE_NAME];
			uint32_t align;
			uint8_t zone;
		} __attribute__((packed)) allocate;
		struct {
			char file[FILE_NAME], target[FILE_NAME];
			uint32_t at;
			uint8_t bytes;
		} __attribute__((packed)) pointer;
		struct {
			char file[FILE_NAME];
			uint32_t at, start, bytes;
		} __attribute__((packed)) sum;
		char room[124];
	};
} __attribute__((packed));

enum { STEP_ALLOCATE = 1, STEP_POINTER = 2, STEP_SUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };

static struct header header(const char *signature, size_t bytes)
{
	struct header h = {
		.bytes = (uint32_t)bytes,
		.revision = 1,
		.oem = {'U', 'N', 'R', 'I', 'N', 'G'},
		.oem_table = {'U', 'N', 'R', 'I', 'N', 'G', 'P', 'C'},
		.oem_revision = 1,
		.creator = {'U', 'N', 'R', 'G'},
		.creator_revision = 1,
	};
	memcpy(h.signature, signature, sizeof h.signature);
	return h;
}

/* Where it is in the file of tables. */
static uint32_t add(struct acpi_files *f, const void *table, size_t bytes)
{
	uint32_t at = (uint32_t)f->tables_bytes;
	CHECK(at + bytes <= sizeof f->tables);
	memcpy(f->tables + at, table, bytes);
	f->tables_bytes = (at + bytes + 15) & ~(size_t)15;
	return at;
}

static void step(struct acpi_files *f, const struct step *s)
{
	CHECK(f->script_bytes + sizeof *s <= sizeof f->script);
	memcpy(f->script + f->script_bytes, s, sizeof *s);
	f->script_bytes += sizeof *s;
}

static void name_file(char to[FILE_NAME], const char *file)
{
	CHECK(strlen(file) < FILE_NAME);
	memcpy(to, file, strlen(file) + 1);
}

static void allocate(struct acpi_files *f, const char *file, uint32_t align, uint8_t zone)
{
	struct step s = {.what = STEP_ALLOCATE, .allocate = {.align = align, .zone = zone}};
	name_file(s.allocate.file, file);
	step(f, &s);
}

/* The four bytes there are an offset in the tables, and become an address. */
static void point(struct acpi_files *f, const char *file, uint32_t at)
{
	struct step s = {.what = STEP_POINTER, .pointer = {.at = at, .bytes = 4}};
	name_file(s.pointer.file, file);
	name_file(s.pointer.target, ACPI_TABLES_FILE);
	step(f, &s);
}

static void sum(struct acpi_files *f, const char *file, uint32_t at, uint32_t start, uint32_t bytes)
{
	struct step s = {.what = STEP_SUM, .sum = {.at = at, .start = start, .bytes = bytes}};
	name_file(s.sum.file, file);
	step(f, &s);
}

static void sum_table(struct acpi_files *f, uint32_t start)
{
	struct header *h = (struct header *)(f->tables + start);
	h->checksum = 0;
	sum(f, ACPI_TABLES_FILE, start + offsetof(struct header, checksum), start, h->bytes);
}

/* Its first term is Name (PMEM, value): NameOp, the name, DWordPrefix.  ACPI 1.0b, 16.2. */
static void set_pci_memory(uint8_t *dsdt, uint32_t value)
{
	static const uint8_t name[] = {0x08, 'P', 'M', 'E', 'M', 0x0c};
	uint8_t *at = dsdt + sizeof(struct header);
	CHECK(!memcmp(at, name, sizeof name));
	memcpy(at + sizeof name, &value, sizeof value);
}

/* Where it is. */
static uint32_t add_madt(struct acpi_files *f)
{
	enum { PCAT_COMPATIBLE = 1, ENABLED = 1, HIGH_LEVEL = 0xd, ALL = 0xff };
	struct madt madt = {
		.h = header("APIC", sizeof madt),
		.lapic = 0xfee00000,
		.flags = PCAT_COMPATIBLE,
		.local = {0, 8, 0, 0, ENABLED},
		.io = {1, 12, 0, 0, 0xfec00000, 0},
		/* The timer's input is another; what PCI and ACPI share is a level, and active high. */
		.override = {{2, 10, 0, 0, 2, 0},
	                     {2, 10, 0, 5, 5, HIGH_LEVEL},
	                     {2, 10, 0, SCI, SCI, HIGH_LEVEL},
	                     {2, 10, 0, 10, 10, HIGH_LEVEL},
	                     {2, 10, 0, 11, 11, HIGH_LEVEL}},
		.nmi = {4, 6, ALL, 0, 1},
	};
	return add(f, &madt, sizeof madt);
}

void acpi_build(struct acpi_files *f, const struct acpi_config *c)
{
	/* FACS is aligned to 64 bytes. */
	struct {
		char signature[4];
		uint32_t bytes;
		uint8_t rest[FACS_BYTES - 8];
	} facs = {{'F', 'A', 'C', 'S'}, FACS_BYTES, {0}};
	size_t dsdt_bytes = (size_t)(acpi_dsdt_end - acpi_dsdt_start);

	*f = (struct acpi_files){0};
	uint32_t facs_at = add(f, &facs, sizeof facs);
	uint32_t dsdt_at = add(f, acpi_dsdt_start, dsdt_bytes);
	set_pci_memory(f->tables + dsdt_at, c->pci_memory);
	struct fadt fadt = {
		.h = header("FACP", sizeof fadt),
		.facs = facs_at,
		.dsdt = dsdt_at,
		.sci_int = SCI,
		.smi_cmd = SMI_COMMAND,
		.acpi_enable = ACPI_ENABLE,
		.acpi_disable = ACPI_DISABLE,
		.pm1a_evt = PM_BASE,
		.pm1a_cnt = PM_BASE + 4,
		.pm_tmr = PM_BASE + 8,
		.gpe0 = PM_BASE + 0xc,
		.pm1_evt_len = 4,
		.pm1_cnt_len = 2,
		.pm_tm_len = 4,
		.gpe0_len = 4,
		.p_lvl2_lat = NO_C2,
		.p_lvl3_lat = NO_C3,
		.century = CENTURY,
		.flags = WBINVD | PROC_C1 | NO_SLEEP_BUTTON | NO_RTC_WAKE,
	};
	uint32_t fadt_at = add(f, &fadt, sizeof fadt);
	uint32_t madt_at = c->has_apic ? add_madt(f) : 0;
	size_t rsdt_bytes = sizeof(struct rsdt) - (c->has_apic ? 0 : sizeof madt_at);
	struct rsdt rsdt = {header("RSDT", rsdt_bytes), {fadt_at, madt_at}};
	uint32_t rsdt_at = add(f, &rsdt, rsdt_bytes);
	struct rsdp rsdp = {
		.signature = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '},
		.oem = {'U', 'N', 'R', 'I', 'N', 'G'},
		.rsdt = rsdt_at,
	};
	memcpy(f->root, &rsdp, sizeof rsdp);

	allocate(f, ACPI_ROOT_FILE, 16, ZONE_FSEG);
	allocate(f, ACPI_TABLES_FILE, 64, ZONE_HIGH);
	point(f, ACPI_TABLES_FILE, fadt_at + offsetof(struct fadt, facs));
	point(f, ACPI_TABLES_FILE, fadt_at + offsetof(struct fadt, dsdt));
	for (uint32_t i = 0; i <= c->has_apic; i++)
		point(f, ACPI_TABLES_FILE,
		      rsdt_at + (uint32_t)offsetof(struct rsdt, entry) + i * 4);
	point(f, ACPI_ROOT_FILE, offsetof(struct rsdp, rsdt));
	sum_table(f, dsdt_at);
	sum_table(f, fadt_at);
	if (c->has_apic)
		sum_table(f, madt_at);
	sum_table(f, rsdt_at);
	sum(f, ACPI_ROOT_FILE, offsetof(struct rsdp, checksum), 0, sizeof rsdp);
}

static uint8_t *bytes_of(struct acpi_files *f, const char *file)
{
	return strcmp(file, ACPI_ROOT_FILE) ? f->tables : f->root;
}

static void add_address(uint8_t *at, uint32_t address)
{
	uint32_t v;
	memcpy(&v, at, sizeof v);
	v += address;
	memcpy(at, &v, sizeof v);
}

/* The byte at sum is one of them. */
static void make_sum_zero(uint8_t *sum, const uint8_t *bytes, uint32_t n)
{
	uint8_t total = 0;
	for (uint32_t i = 0; i < n; i++)
		total += bytes[i];
	*sum -= total;
}

void acpi_link(struct acpi_files *f, uint32_t tables_at)
{
	for (size_t i = 0; i < f->script_bytes; i += sizeof(struct step)) {
		struct step s;
		memcpy(&s, f->script + i, sizeof s);
		uint8_t *file = bytes_of(f, s.allocate.file); /* in each kind at this place */
		if (s.what == STEP_POINTER)
			add_address(file + s.pointer.at, tables_at);
		else if (s.what == STEP_SUM)
			make_sum_zero(file + s.sum.at, file + s.sum.start, s.sum.bytes);
	}
}
