/* What a BIOS has done by the time that it hands over to a kernel: the devices programmed,
 * by their ports, and its data area in memory.  IBM PC/AT Technical Reference, BIOS listing. */
#ifndef UNRING_MACHINE_FIRMWARE_H
#define UNRING_MACHINE_FIRMWARE_H

#include "cpu/model.h"
#include "devices/floppy.h"
#include "machine/board.h"
#include "machine/geometry.h"
#include "machine/loader.h"

struct firmware_config {
	uint64_t ram_bytes;
	enum floppy_kind floppy[2];
	bool has_serial[BOARD_SERIALS];
	const struct cpu_model *cpu;
	bool floppy_last; /* is booted last */
	unsigned disks;
	struct geometry disk[IDE_PLACES];
	bool has_parallel;
};

/* Where firmware_devices leads PIRQA to PIRQD. */
extern const uint8_t firmware_pirq_irqs[4];

/* After board_create or board_reset, before the kernel's first instruction; CMOS too. */
void firmware_devices(struct board *b, const struct firmware_config *c);

/* What the battery keeps for firmware: CMOS. */
void firmware_configuration(struct board *b, const struct firmware_config *c);

/* Does firmware go on with what the guest was at, after a reset of the processor? */
bool firmware_resumes(const struct board *b);

/* The display alone, which firmware_devices programs as well: text of 80x25, an empty screen, without
 * characters. */
void firmware_display(struct board *b);
/* A mode of 32 bits a pixel, black, instead of that text; its memory is at the linear frame buffer. */
void firmware_graphics(struct board *b, unsigned width, unsigned height);
uint32_t firmware_frame_buffer(struct board *b);
/* Characters of 8x16 for that text, if there are some in this BIOS of a display. */
void firmware_characters(struct board *b, const uint8_t *bios, size_t bytes);

/* Shadow RAM from C0000h to FFFFFh, open as firmware_devices leaves it; closed as SeaBIOS hands it
 * over, when no store reaches it but at E8000h to EFFFFh. */
void firmware_shadow(struct board *b, bool closed);

/* Where memory of PCI begins, by the amount of RAM, as SeaBIOS has it on this chip set. */
uint32_t firmware_pci_memory(uint64_t ram_bytes);

/* The data area, where kernels look for the end of conventional memory. */
void firmware_memory(struct guest_ram *ram, const struct firmware_config *c);

/* The tables: at the end of memory, which has FIRMWARE_KEEPS bytes for them, and in shadow RAM. */
enum { FIRMWARE_KEEPS = 0x20000 };
void firmware_tables(struct guest_ram *ram, const struct firmware_config *c);

#endif
