/* The VGA as a PCI function, 1234h:1111h: its memory at base 0, its registers in memory at base 2
 * (QEMU's docs/specs/standard-vga.rst), and its BIOS as expansion ROM. */
#ifndef UNRING_DEVICES_VGA_PCI_H
#define UNRING_DEVICES_VGA_PCI_H

#include "devices/edid.h"
#include "devices/pci.h"
#include "devices/vga.h"

enum { VGA_ROM_BYTES = 65536 };

struct vga_pci;
extern const struct device_type vga_pci_type;

/* With no ROM and no monitor so far: their bytes read as FFh. */
struct vga_pci *vga_pci_create(struct bus *bus, struct pci *pci, unsigned device, struct vga *vga);
/* The first VGA_ROM_BYTES at most are copied. */
void vga_pci_set_rom(struct vga_pci *p, const void *bytes, size_t n);
/* What the monitor tells of itself. */
void vga_pci_set_edid(struct vga_pci *p, const uint8_t edid[EDID_BYTES]);

#endif
