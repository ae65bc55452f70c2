/* The PIIX3's IDE function, 8086:7010, device 1 function 1 on PCI: two channels, at 1F0h and 3F6h
 * with IRQ 14, at 170h and 376h with IRQ 15, two drives on each, a bus master for each.  Intel
 * 82371FB/SB data sheet (290550), section 2.3; ATA/ATAPI-6 (T13/1410D); Programming Interface for
 * Bus Master IDE Controller 1.0. */
#ifndef UNRING_DEVICES_IDE_H
#define UNRING_DEVICES_IDE_H

#include "devices/bus.h"
#include "devices/device.h"
#include "devices/medium.h"
#include "devices/pci.h"

/* A place is a channel's first or second drive: two times the channel, and 1 for the second. */
enum { IDE_CHANNELS = 2, IDE_PLACES = 4, IDE_SERIAL = 20 };

struct ide;
extern const struct device_type ide_type;

struct ide_board {
	void *ctx;
	struct irq_line irq[IDE_CHANNELS];
	struct dma_memory memory;
	/* The medium could not be read or written, a negative errno; the guest was told so as
	 * well.  NULL: nobody asks. */
	void (*error)(void *ctx, unsigned place, bool write, int err);
	/* The guest has opened or closed a CD-ROM drive's tray.  NULL: nobody asks. */
	void (*tray)(void *ctx, unsigned place, bool open);
};

/* Without drives. */
struct ide *ide_create(struct bus *bus, struct pci *pci, struct clock *clock,
                       struct ide_board board);

/* Sectors by their address in three parts, as disks have them without LBA. */
struct ide_geometry {
	uint16_t cylinders;
	uint8_t heads, sectors; /* heads 1 to 16, sectors 1 to 255 of a track */
};

/* A disk of whole sectors of 512 bytes; the geometry is no larger than it. */
struct ide_disk_config {
	struct medium medium;
	struct ide_geometry geometry;
	const char *serial; /* at most IDE_SERIAL characters */
};
void ide_add_disk(struct ide *i, unsigned place, const struct ide_disk_config *c);

/* A CD-ROM drive, empty and closed. */
void ide_add_cdrom(struct ide *i, unsigned place);
/* A disc of whole sectors of 2048 bytes is put in, and the tray is closed; NULL: it opens, and the
 * disc is taken out. */
void ide_cdrom_insert(struct ide *i, unsigned place, const struct medium *m);
bool ide_cdrom_is_open(struct ide *i, unsigned place);
/* Does the guest keep its tray shut? */
bool ide_cdrom_is_locked(struct ide *i, unsigned place);
/* Then it can be asked for the disc. */
void ide_cdrom_ask(struct ide *i, unsigned place);

#endif
