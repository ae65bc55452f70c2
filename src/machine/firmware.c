#include "machine/firmware.h"

#include <string.h>

enum {
	/* The coprocessor, a pointing device; no display. */
	EQUIPMENT = 0x02 | 0x04,
	DRIVES = 0x01, /* there are floppy drives; how many more than one, from bit 6 on */
	MORE_DRIVES = 6,
	SERIAL_PORTS = 9, /* their number's first bit, in the data area's word */
	PARALLEL_PORTS = 14,

	CMOS_SHUTDOWN = 0x0f,
	CMOS_FLOPPIES = 0x10, /* their kinds, that of drive A in the upper half */
	CMOS_DISKS = 0x12,    /* the types of the first two, the first's in the upper half */
	DISK_EXTENDED = 15,   /* the type is behind: */
	CMOS_DISK_TYPES = 0x19,
	DISK_USER = 47, /* and is, in 9 bytes each: */
	CMOS_DISK_USER = 0x1b,
	DISK_USER_BYTES = 9,
	DISK_MANY_HEADS = 0x08,  /* of the control byte: more than 8 */
	CMOS_TRANSLATION = 0x39, /* of the four disks, two bits each */
	CMOS_EQUIPMENT = 0x14,
	CMOS_BASE_KIB = 0x15,
	CMOS_EXTENDED_KIB = 0x17,
	CMOS_SUMMED = 0x10, /* to 2Dh */
	CMOS_SUM = 0x2e,
	CMOS_EXTENDED_FOUND_KIB = 0x30,
	CMOS_ABOVE_16M = 0x34, /* in 64 KiB */
	/* What is booted first and second, in 4 bits each from bit 0 on; third, in bits 4 to 7. */
	CMOS_BOOT = 0x3d,
	CMOS_BOOT_THIRD = 0x38,
	BOOT_FLOPPY = 1,
	BOOT_DISK = 2,
	BOOT_CD = 3,

	CONVENTIONAL_KIB = 640,

	PCI_FUNCTIONS = 256,
	PCI_ADDRESS = 0xcf8,
	PCI_DATA = 0xcfc,
	PCI_COMMAND = 0x04,
	PCI_HEADER_TYPE = 0x0e,
	PCI_BARS = 0x10,
	PCI_BARS_END = 0x28,
	PCI_ROM = 0x30,
	PCI_INTERRUPT_LINE = 0x3c,
	PCI_INTERRUPT_PIN = 0x3d,

	ISA_BRIDGE = 1 << 3, /* device 1, function 0 */
	PM = ISA_BRIDGE | 3,
	PM_PORTS = 0x600,
	IDE = ISA_BRIDGE | 1,
	DISPLAY = 2 << 3,
	IDE_TIMING = 0x40, /* of each channel a word */
	IDE_DECODES = 0x8000,

	HOST_BRIDGE = 0,
	PAM = 0x59, /* 82441FX: where F0000h leads, in the upper half; to 5Fh, from C0000h up */
	IRQ_SCI = 9,
};

static void out(struct board *b, uint16_t port, uint8_t v)
{
	board_out(b, port, 1, v);
}

/* Vectors 08h and 70h.  Open: timer, keyboard, cascade, floppy; clock, mouse, coprocessor,
 * disk. */
static void pics(struct board *b)
{
	static const struct {
		uint16_t port;
		uint8_t vector, wiring, mask;
	} chips[] = {{0x20, 0x08, 0x04, 0xb8}, {0xa0, 0x70, 0x02, 0x8e}};
	for (unsigned i = 0; i < 2; i++) {
		out(b, chips[i].port, 0x11);
		out(b, chips[i].port + 1, chips[i].vector);
		out(b, chips[i].port + 1, chips[i].wiring);
		out(b, chips[i].port + 1, 0x01);
		out(b, chips[i].port + 1, chips[i].mask);
	}
}

/* The tick at 18.2 Hz, memory refresh each 15 us, the speaker's beep. */
static void timer(struct board *b)
{
	out(b, 0x43, 0x36);
	out(b, 0x40, 0);
	out(b, 0x40, 0);
	out(b, 0x43, 0x54);
	out(b, 0x41, 18);
	out(b, 0x43, 0xb6);
	out(b, 0x42, 0x33);
	out(b, 0x42, 0x05);
}

/* All channels masked, but for that by which the first controller asks the second: 8237A data sheet,
 * "Cascade Mode". */
static void dma(struct board *b)
{
	out(b, 0x0d, 0);
	out(b, 0xda, 0);
	out(b, 0xd6, 0xc0);
	out(b, 0xd4, 0);
}

/* The keyboard reset, its answer and what came before read; scan codes translated, its interrupts on, the
 * mouse's line off. */
static void keyboard(struct board *b)
{
	out(b, 0x60, 0xff);
	while (board_in(b, 0x64, 1) & 1)
		board_in(b, 0x60, 1);
	out(b, 0x64, 0x60);
	out(b, 0x60, 0x65);
}

static void cmos(struct board *b, uint8_t at, uint8_t v)
{
	out(b, 0x70, at);
	out(b, 0x71, v);
}

static void cmos16(struct board *b, uint8_t at, uint64_t v)
{
	v = v > 0xffff ? 0xffff : v;
	cmos(b, at, v);
	cmos(b, at + 1, v >> 8);
}

static uint8_t equipment(const struct firmware_config *c)
{
	unsigned drives = (c->floppy[0] != FLOPPY_NONE) + (c->floppy[1] != FLOPPY_NONE);
	return EQUIPMENT | (drives ? DRIVES | (drives - 1) << MORE_DRIVES : 0);
}

/* Of a type that its owner describes: cylinders, heads, where write precompensation begins (nowhere),
 * control, where the heads land, sectors. */
static void disk_type(struct board *b, unsigned i, const struct ide_geometry *g)
{
	uint8_t at = CMOS_DISK_USER + i * DISK_USER_BYTES;
	cmos(b, CMOS_DISK_TYPES + i, DISK_USER);
	cmos16(b, at, g->cylinders);
	cmos(b, at + 2, g->heads);
	cmos16(b, at + 3, 0xffff);
	cmos(b, at + 5, g->heads > 8 ? DISK_MANY_HEADS : 0);
	cmos16(b, at + 6, g->cylinders);
	cmos(b, at + 8, g->sectors);
}

static void disks(struct board *b, const struct firmware_config *c)
{
	uint8_t types = 0, translation = 0;
	for (unsigned i = 0; i < c->disks; i++) {
		translation |= c->disk[i].translation << 2 * i;
		if (i > 1)
			continue;
		types |= DISK_EXTENDED << (i ? 0 : 4);
		disk_type(b, i, &c->disk[i].drive);
	}
	cmos(b, CMOS_DISKS, types);
	cmos(b, CMOS_TRANSLATION, translation);
}

void firmware_configuration(struct board *b, const struct firmware_config *c)
{
	uint64_t ram_bytes = c->ram_bytes;
	uint64_t extended = ram_bytes > HIGH_MEMORY ? (ram_bytes - HIGH_MEMORY) >> 10 : 0;
	uint64_t above = 16 << 20;
	cmos(b, CMOS_FLOPPIES, (uint8_t)(c->floppy[0] << 4 | c->floppy[1]));
	cmos(b, CMOS_EQUIPMENT, equipment(c));
	cmos16(b, CMOS_BASE_KIB, CONVENTIONAL_KIB);
	cmos16(b, CMOS_EXTENDED_KIB, extended);
	cmos16(b, CMOS_EXTENDED_FOUND_KIB, extended);
	cmos16(b, CMOS_ABOVE_16M, ram_bytes > above ? (ram_bytes - above) >> 16 : 0);
	disks(b, c);
	if (c->floppy_last) {
		cmos(b, CMOS_BOOT, BOOT_DISK | BOOT_CD << 4);
		cmos(b, CMOS_BOOT_THIRD, BOOT_FLOPPY << 4);
	} else {
		cmos(b, CMOS_BOOT, BOOT_FLOPPY | BOOT_DISK << 4);
		cmos(b, CMOS_BOOT_THIRD, BOOT_CD << 4);
	}
	uint16_t sum = 0;
	for (unsigned at = CMOS_SUMMED; at < CMOS_SUM; at++) {
		out(b, 0x70, at);
		sum += board_in(b, 0x71, 1);
	}
	cmos(b, CMOS_SUM, sum >> 8);
	cmos(b, CMOS_SUM + 1, sum);
}

uint32_t firmware_pci_memory(uint64_t ram_bytes)
{
	return ram_bytes <= 0x80000000 ? 0x80000000 : 0xc0000000;
}

/* The shutdown byte; 0 is a reset like others.  IBM PC/AT Technical Reference, "Shutdown". */
bool firmware_resumes(const struct board *b)
{
	return board_cmos(b, CMOS_SHUTDOWN);
}

/* --- PCI --- */

static uint32_t pci_in(struct board *b, unsigned function, uint8_t at, unsigned size)
{
	board_out(b, PCI_ADDRESS, 4, 0x80000000 | function << 8 | (at & 0xfc));
	return board_in(b, PCI_DATA + (at & 3), size);
}

static void pci_out(struct board *b, unsigned function, uint8_t at, unsigned size, uint32_t v)
{
	board_out(b, PCI_ADDRESS, 4, 0x80000000 | function << 8 | (at & 0xfc));
	board_out(b, PCI_DATA + (at & 3), size, v);
}

uint32_t firmware_frame_buffer(struct board *b)
{
	return pci_in(b, DISPLAY, PCI_BARS, 4) & ~15u;
}

/* What is free: ports from here up, memory from here down. */
struct pci_room {
	uint32_t ports, memory;
};

/* Gives a base register its place, by the size that it tells: PCI 2.1, 6.2.5.1. */
static void place(struct board *b, unsigned function, uint8_t at, struct pci_room *room)
{
	pci_out(b, function, at, 4, at == PCI_ROM ? 0xfffff800 : 0xffffffff);
	uint32_t told = pci_in(b, function, at, 4);
	bool ports = at != PCI_ROM && told & 1;
	uint32_t bytes = -(told & (ports ? ~3u : ~15u));
	if (!bytes)
		return;
	if (ports) {
		room->ports = (room->ports + bytes - 1) & -bytes;
		pci_out(b, function, at, 4, room->ports);
		room->ports += bytes;
	} else {
		room->memory = (room->memory - bytes) & -bytes;
		pci_out(b, function, at, 4, room->memory);
	}
}

/* SeaBIOS's. */
const uint8_t firmware_pirq_irqs[4] = {10, 10, 11, 11};

static void pci_function(struct board *b, unsigned function, struct pci_room *room)
{
	for (unsigned at = PCI_BARS; at < PCI_BARS_END; at += 4)
		place(b, function, at, room);
	place(b, function, PCI_ROM, room);
	unsigned pin = pci_in(b, function, PCI_INTERRUPT_PIN, 1), device = function >> 3;
	if (pin)
		pci_out(b, function, PCI_INTERRUPT_LINE, 1,
		        function == PM ? IRQ_SCI : firmware_pirq_irqs[(device - 1 + pin - 1) & 3]);
	uint16_t command = pci_in(b, function, PCI_COMMAND, 2);
	pci_out(b, function, PCI_COMMAND, 2, command | 0x103);
}

static void pci(struct board *b)
{
	struct pci_room room = {.ports = 0xc000, .memory = 0xfec00000};
	for (unsigned i = 0; i < 4; i++)
		pci_out(b, ISA_BRIDGE, 0x60 + i, 1, firmware_pirq_irqs[i]);
	out(b, 0x4d0, 0x00);
	out(b, 0x4d1, 0x0c); /* 10 and 11 are levels */
	for (unsigned i = 0; i < 2; i++)
		pci_out(b, IDE, IDE_TIMING + 2 * i, 2, IDE_DECODES);
	pci_out(b, PM, 0x40, 4, PM_PORTS | 1);
	pci_out(b, PM, 0x80, 1, 0x01);
	for (unsigned function = 0; function < PCI_FUNCTIONS; function++) {
		bool first = !(function & 7);
		if (pci_in(b, function, 0, 2) != 0xffff)
			pci_function(b, function, &room);
		/* Others are there only if the first says so. */
		if (first && !(pci_in(b, function, PCI_HEADER_TYPE, 1) & 0x80))
			function |= 7;
	}
}

void firmware_shadow(struct board *b, bool closed)
{
	static const uint8_t pam[2][7] = {
		{0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33},
		{0x10, 0x11, 0x11, 0x11, 0x11, 0x11, 0x33},
	};
	for (unsigned i = 0; i < sizeof pam[0]; i++)
		pci_out(b, HOST_BRIDGE, PAM + i, 1, pam[closed][i]);
}

/* The 8259A's interrupts and NMI pass, as without one: MultiProcessor Specification 1.4, 3.6.2.2. */
static void apic(struct board *b)
{
	static const struct {
		uint16_t at;
		uint32_t value;
	} registers[] = {{0xf0, 0x1ff}, {0x350, 0x8700}, {0x360, 0x8400}};
	for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++)
		bus_write(board_bus(b), SPACE_MEMORY, 0xfee00000 + registers[i].at, 4,
		          registers[i].value);
}

void firmware_devices(struct board *b, const struct firmware_config *c)
{
	timer(b);
	pics(b);
	dma(b);
	keyboard(b);
	firmware_configuration(b, c);
	pci(b);
	firmware_shadow(b, false);
	firmware_display(b);
	if (c->cpu->edx1 & CPUID_APIC)
		apic(b);
}

/* Their ports, without a gap; how many there are. */
static unsigned list_serials(uint8_t *bda, const struct firmware_config *c)
{
	static const uint16_t ports[BOARD_SERIALS] = {0x3f8, 0x2f8};
	unsigned n = 0;
	for (unsigned i = 0; i < BOARD_SERIALS; i++)
		if (c->has_serial[i])
			memcpy(bda + 2 * n++, &ports[i], sizeof ports[i]);
	return n;
}

void firmware_memory(struct guest_ram *ram, const struct firmware_config *c)
{
	uint8_t bda[256] = {0};
	uint16_t ebda = BOOT_EBDA >> 4, kib = BOOT_EBDA >> 10;
	uint16_t found = (uint16_t)(equipment(c) | list_serials(bda, c) << SERIAL_PORTS |
	                            c->has_parallel << PARALLEL_PORTS);
	uint16_t lpt1 = c->has_parallel ? 0x378 : 0;
	memcpy(bda + 0x08, &lpt1, 2);
	memcpy(bda + 0x0e, &ebda, 2);
	memcpy(bda + 0x10, &found, 2);
	memcpy(bda + 0x13, &kib, 2);
	bda[0x75] = (uint8_t)c->disks;
	ram->write(ram->ctx, BOOT_BDA, bda, sizeof bda);
	ram_zero(ram, BOOT_EBDA, 0xa0000 - BOOT_EBDA);
	ram->write(ram->ctx, BOOT_EBDA, &(uint8_t){1}, 1); /* its size in KiB */
}
