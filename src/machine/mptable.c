#include "machine/mptable.h"

#include "base/log.h"

#include <string.h>

enum {
	ENTRY_PROCESSOR,
	ENTRY_BUS,
	ENTRY_IOAPIC,
	ENTRY_INTERRUPT,
	ENTRY_LOCAL,

	SPEC_1_4 = 4,
	BUS_PCI = 0,
	BUS_ISA = 1,
	IOAPIC_ID = 0,
	IOAPIC_VERSION = 0x11,
	LAPIC_VERSION = 0x14,
	ENABLED = 1,
	BOOTS = 2,

	KIND_INT = 0,
	KIND_NMI = 1,
	KIND_EXTINT = 3,
	HIGH_LEVEL = 0xd, /* polarity and trigger; 0: as the bus has it */
	ALL = 0xff,

	PCI_DEVICES = 32,
	PCI_PINS = 4,
	TIMER = 0,
	TIMER_INPUT = 2,
	CASCADE = 2,
	ISA_IRQS = 16,
};

struct pointer {
	char signature[4];
	uint32_t table;
	uint8_t paragraphs, revision, checksum, features[5];
} __attribute__((packed));
_Static_assert(sizeof(struct pointer) == 16, "MP 1.4, 4.1");

struct header {
	char signature[4];
	uint16_t bytes;
	uint8_t revision, checksum;
	char oem[8], product[12];
	uint32_t oem_table;
	uint16_t oem_bytes, entries;
	uint32_t lapic;
	uint16_t extended_bytes;
	uint8_t extended_checksum, reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct header) == 44, "MP 1.4, 4.2");

struct processor {
	uint8_t type, id, version, flags;
	uint32_t signature, features, reserved[2];
} __attribute__((packed));

struct bus {
	uint8_t type, id;
	char kind[6];
} __attribute__((packed));

struct ioapic {
	uint8_t type, id, version, flags;
	uint32_t at;
} __attribute__((packed));

struct interrupt {
	uint8_t type, kind;
	uint16_t flags;
	uint8_t bus, irq, apic, input;
} __attribute__((packed));

struct build {
	uint8_t *to;
	size_t bytes;
	uint16_t entries;
};

static void add(struct build *b, const void *what, size_t bytes)
{
	CHECK(b->bytes + bytes <= MP_TABLE_MAX);
	memcpy(b->to + b->bytes, what, bytes);
	b->bytes += bytes;
}

static void entry(struct build *b, const void *what, size_t bytes)
{
	add(b, what, bytes);
	b->entries++;
}

static void isa_interrupts(struct build *b, const uint8_t *pirq_irqs)
{
	for (unsigned irq = 0; irq < ISA_IRQS; irq++) {
		bool of_pci = false;
		for (unsigned i = 0; i < PCI_PINS; i++)
			of_pci |= pirq_irqs[i] == irq;
		if (irq == CASCADE || of_pci)
			continue;
		uint8_t input = (uint8_t)(irq == TIMER ? TIMER_INPUT : irq);
		struct interrupt e = {ENTRY_INTERRUPT, KIND_INT,  0,    BUS_ISA,
		                      (uint8_t)irq,    IOAPIC_ID, input};
		entry(b, &e, sizeof e);
	}
}

/* 82371SB: INTA# of device 1 is PIRQA, and each device and each pin is one further. */
static void pci_interrupts(struct build *b, const uint8_t *pirq_irqs)
{
	for (unsigned device = 1; device < PCI_DEVICES; device++)
		for (unsigned pin = 0; pin < PCI_PINS; pin++) {
			struct interrupt e = {ENTRY_INTERRUPT,
			                      KIND_INT,
			                      HIGH_LEVEL,
			                      BUS_PCI,
			                      (uint8_t)(device << 2 | pin),
			                      IOAPIC_ID,
			                      pirq_irqs[(device - 1 + pin) % PCI_PINS]};
			entry(b, &e, sizeof e);
		}
}

static uint8_t sum(const uint8_t *bytes, size_t n)
{
	uint8_t total = 0;
	for (size_t i = 0; i < n; i++)
		total += bytes[i];
	return (uint8_t)-total;
}

size_t mptable_build(uint8_t to[MP_TABLE_MAX], uint32_t at, const struct mp_config *c)
{
	struct build b = {.to = to};
	struct pointer p = {.signature = "_MP_",
	                    .table = at + sizeof p,
	                    .paragraphs = sizeof p / 16,
	                    .revision = SPEC_1_4};
	struct header h = {
		.signature = "PCMP",
		.revision = SPEC_1_4,
		.oem = "UNRING  ",
		.product = "UNRING PC   ",
		.lapic = 0xfee00000,
	};
	struct processor cpu = {
		ENTRY_PROCESSOR, 0,  LAPIC_VERSION, ENABLED | BOOTS, c->model->signature,
		c->model->edx1,  {0}};
	struct bus pci = {ENTRY_BUS, BUS_PCI, "PCI   "}, isa = {ENTRY_BUS, BUS_ISA, "ISA   "};
	struct ioapic io = {ENTRY_IOAPIC, IOAPIC_ID, IOAPIC_VERSION, ENABLED, 0xfec00000};
	struct interrupt extint = {ENTRY_LOCAL, KIND_EXTINT, 0, BUS_ISA, 0, ALL, 0};
	struct interrupt nmi = {ENTRY_LOCAL, KIND_NMI, 0, BUS_ISA, 0, ALL, 1};
	add(&b, &p, sizeof p);
	add(&b, &h, sizeof h);
	entry(&b, &cpu, sizeof cpu);
	entry(&b, &pci, sizeof pci);
	entry(&b, &isa, sizeof isa);
	entry(&b, &io, sizeof io);
	isa_interrupts(&b, c->pirq_irqs);
	pci_interrupts(&b, c->pirq_irqs);
	entry(&b, &extint, sizeof extint);
	entry(&b, &nmi, sizeof nmi);

	p.checksum = sum(to, sizeof p);
	memcpy(to, &p, sizeof p);
	h.bytes = (uint16_t)(b.bytes - sizeof p);
	h.entries = b.entries;
	memcpy(to + sizeof p, &h, sizeof h);
	h.checksum = sum(to + sizeof p, h.bytes);
	memcpy(to + sizeof p, &h, sizeof h);
	return b.bytes;
}
