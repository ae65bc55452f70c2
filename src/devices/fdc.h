/* Floppy disk controller at ports 3F0h-3F5h and 3F7h (3F6h is IDE's), with two drives, on DMA
 * channel 2.  Intel 82077AA data sheet (290166), in its AT mode. */
#ifndef UNRING_DEVICES_FDC_H
#define UNRING_DEVICES_FDC_H

#include "devices/bus.h"
#include "devices/device.h"
#include "devices/dma.h"
#include "devices/floppy.h"

enum { FDC_DRIVES = 2 };

struct fdc;
extern const struct device_type fdc_type;

struct fdc_board {
	void *ctx;
	/* The image could not be read or written, a negative errno; the guest was told so as
	 * well.  NULL: nobody asks. */
	void (*error)(void *ctx, unsigned drive, bool write, int err);
};

/* Without drives. */
struct fdc *fdc_create(struct bus *bus, struct clock *clock, struct dma *dma, struct irq_line irq6,
                       struct fdc_board board);

/* FLOPPY_NONE: it is not there. */
void fdc_set_drive(struct fdc *f, unsigned drive, enum floppy_kind kind);

/* A disk that the drive takes; NULL: it is taken out. */
void fdc_insert(struct fdc *f, unsigned drive, const struct medium *m);

#endif
