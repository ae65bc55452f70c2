#include "devices/vga_pci.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	VENDOR = 0x1234,
	DEVICE = 0x1111,
	CLASS_VGA = 0x030000,

	BASE_FRAMES = 0x10,
	BASE_REGISTERS = 0x18,
	REGISTERS_BYTES = 4096,
	VGA_PORTS = 0x400, /* 3C0h to 3DFh */
	VGA_FIRST_PORT = 0x3c0,
	VGA_PORTS_END = 0x420,
	VBE_WORDS = 0x500, /* of 16 bits, in the order of their indexes */
	VBE_WORDS_END = 0x516,
	VBE_INDEX_PORT = 0x1ce,
	VBE_DATA_PORT = 0x1cf,
	BASE_ROM = 0x30,
};

struct vga_pci {
	struct bus *bus;
	uint8_t edid[EDID_BYTES];
	uint8_t rom[VGA_ROM_BYTES];
};

/* --- registers in memory: what the ports do --- */

static uint32_t bytes_at(const uint8_t *bytes, uint32_t offset, unsigned size)
{
	uint32_t value = 0;
	memcpy(&value, bytes + offset, size);
	return value;
}

static bool is_port(uint32_t offset)
{
	return offset >= VGA_PORTS && offset < VGA_PORTS_END;
}

static bool is_vbe(uint32_t offset, unsigned size)
{
	return offset >= VBE_WORDS && offset < VBE_WORDS_END && size == 2 && !(offset & 1);
}

/* Selects the register at this offset; the index that was there before. */
static uint16_t vbe_select(struct vga_pci *p, uint32_t offset)
{
	uint16_t was = bus_read(p->bus, SPACE_PORT, VBE_INDEX_PORT, 2);
	bus_write(p->bus, SPACE_PORT, VBE_INDEX_PORT, 2, (offset - VBE_WORDS) / 2);
	return was;
}

static uint32_t registers_read(void *ctx, uint32_t offset, unsigned size)
{
	struct vga_pci *p = ctx;

	if (offset + size <= sizeof p->edid)
		return bytes_at(p->edid, offset, size);
	if (is_port(offset))
		return bus_read(p->bus, SPACE_PORT, VGA_FIRST_PORT + offset - VGA_PORTS, size);
	if (!is_vbe(offset, size))
		return UINT32_MAX;
	uint16_t was = vbe_select(p, offset);
	uint32_t value = bus_read(p->bus, SPACE_PORT, VBE_DATA_PORT, 2);
	bus_write(p->bus, SPACE_PORT, VBE_INDEX_PORT, 2, was);
	return value;
}

static void registers_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct vga_pci *p = ctx;

	if (is_port(offset)) {
		bus_write(p->bus, SPACE_PORT, VGA_FIRST_PORT + offset - VGA_PORTS, size, value);
	} else if (is_vbe(offset, size)) {
		uint16_t was = vbe_select(p, offset);
		bus_write(p->bus, SPACE_PORT, VBE_DATA_PORT, 2, value);
		bus_write(p->bus, SPACE_PORT, VBE_INDEX_PORT, 2, was);
	}
}

/* --- ROM --- */

static uint32_t rom_read(void *ctx, uint32_t offset, unsigned size)
{
	const struct vga_pci *p = ctx;
	return bytes_at(p->rom, offset, size);
}

void vga_pci_set_rom(struct vga_pci *p, const void *bytes, size_t n)
{
	memcpy(p->rom, bytes, n < sizeof p->rom ? n : sizeof p->rom);
}

void vga_pci_set_edid(struct vga_pci *p, const uint8_t edid[EDID_BYTES])
{
	memcpy(p->edid, edid, sizeof p->edid);
}

/* --- life: PCI has the function's registers, the VGA its own --- */

static void vga_pci_reset(void *d, enum reset_kind kind)
{
}

static void vga_pci_state(void *d, struct archive *a)
{
}

static void vga_pci_destroy(void *d)
{
	free(d);
}

const struct device_type vga_pci_type = {"vga_pci", vga_pci_reset, vga_pci_state, vga_pci_destroy};

struct vga_pci *vga_pci_create(struct bus *bus, struct pci *pci, unsigned device, struct vga *vga)
{
	struct vga_pci *p = calloc(1, sizeof *p);
	CHECK(p);
	p->bus = bus;
	memset(p->rom, 0xff, sizeof p->rom);
	memset(p->edid, 0xff, sizeof p->edid);
	/* The ports and A0000h are the VGA's whatever the command register says: a PC that has one
	 * display has it where it is looked for. */
	struct pci_register command = {0x04, 0x00, 0x03};
	struct pci_window windows[] = {
		{.at = BASE_FRAMES,
	         .space = SPACE_MEMORY,
	         .prefetchable = true,
	         .bytes = vga_memory_bytes(vga),
	         .handler = vga_frame_buffer(vga)},
		{.at = BASE_REGISTERS,
	         .space = SPACE_MEMORY,
	         .bytes = REGISTERS_BYTES,
	         .handler = {p, registers_read, registers_write, .max = 2}},
		{.at = BASE_ROM,
	         .space = SPACE_MEMORY,
	         .bytes = VGA_ROM_BYTES,
	         .handler = {p, rom_read, .max = 4}},
	};
	pci_add(pci, &(struct pci_config){.device = device,
	                                  .vendor = VENDOR,
	                                  .id = DEVICE,
	                                  .subsystem_vendor = 0x1af4,
	                                  .subsystem = 0x1100,
	                                  .class = CLASS_VGA,
	                                  .revision = 2,
	                                  .registers = &command,
	                                  .n_registers = 1,
	                                  .windows = windows,
	                                  .n_windows = 3});
	return p;
}
