/* The floppy disk controller's state, and what its halves call each other.  From the top down:
 *
 *   fdc.c            the ports, and the phases of commands
 *   fdc_transfer.c   seeks, and the commands that find sectors
 *
 * None calls one above it. */
#ifndef UNRING_DEVICES_FDC_INTERNAL_H
#define UNRING_DEVICES_FDC_INTERNAL_H

#include "devices/fdc.h"

enum {
	DMA_CHANNEL = 2,
	UNITS = 4, /* that commands name */

	/* digital output register */
	DOR_DRIVE = 0x03,
	DOR_NOT_RESET = 0x04,
	DOR_GATE = 0x08, /* DRQ and INT get through */

	/* commands, without their flags */
	READ_TRACK = 0x02,
	SPECIFY = 0x03,
	SENSE_DRIVE = 0x04,
	WRITE = 0x05,
	READ = 0x06,
	RECALIBRATE = 0x07,
	SENSE_INTERRUPT = 0x08,
	WRITE_DELETED = 0x09,
	READ_ID = 0x0a,
	READ_DELETED = 0x0c,
	FORMAT = 0x0d,
	DUMPREG = 0x0e,
	SEEK = 0x0f,
	VERSION = 0x10,
	SCAN_EQUAL = 0x11,
	PERPENDICULAR = 0x12,
	CONFIGURE = 0x13,
	LOCK = 0x14,
	VERIFY = 0x16,
	SCAN_LOW = 0x19,
	SCAN_HIGH = 0x1d,
	RELATIVE_SEEK = 0x8f,

	/* flags of their first byte */
	MT = 0x80,
	MFM = 0x40,
	SK = 0x20,

	/* status register 0 */
	ST0_ABNORMAL = 0x40,
	ST0_INVALID = 0x80,
	ST0_POLLED = 0xc0,
	ST0_SEEK_END = 0x20,
	ST0_EQUIPMENT = 0x10,
	ST0_NOT_READY = 0x08, /* the 8272's */

	/* status register 1 */
	ST1_END = 0x80, /* of the cylinder, and no terminal count */
	ST1_DATA_ERROR = 0x20,
	ST1_NO_DATA = 0x04,
	ST1_PROTECTED = 0x02,
	ST1_NO_MARK = 0x01,

	/* status register 2 */
	ST2_OTHER_MARK = 0x40,
	ST2_DATA_ERROR = 0x20,
	ST2_WRONG_CYLINDER = 0x10,
	ST2_SCAN_HIT = 0x08,
	ST2_SCAN_MISS = 0x04,
};

/* Much less than a drive takes, so that boots are quick; and enough that no interrupt comes before
 * its guest has gone from the command to waiting. */
#define SECTOR_NS 60000ull
#define SEEK_NS 60000ull

enum fdc_phase { PHASE_IDLE, PHASE_COMMAND, PHASE_EXECUTION, PHASE_RESULT };

/* What the execution phase waits for. */
enum fdc_stage { STAGE_SECTOR, STAGE_HOST, STAGE_MEDIUM };

/* A command that finds sectors. */
struct transfer {
	enum fdc_stage stage;
	uint8_t unit, head;
	uint8_t c, h, r, n; /* the ID that is looked for */
	uint8_t count;      /* of sectors that are done; at most FFh */
	uint8_t st0, st1, st2;
	bool terminal;     /* count: the host wants no more.  Not beyond one call */
	uint16_t at, want; /* bytes that the host has got, or given, of a sector's */
	uint8_t buffer[FLOPPY_SECTOR];
};

struct unit {
	struct floppy floppy;
	struct timer *arrival; /* of the heads, while it seeks */
	uint8_t cylinder;      /* where the controller takes the heads to be */
	uint8_t st0;
	bool seeks;
	bool ended; /* its seek, and SENSE INTERRUPT has not told so */
};

struct fdc {
	struct clock *clock;
	struct dma *dma;
	struct irq_line irq6;
	struct fdc_board board;
	struct timer *event; /* of the execution phase, or a reset's end */
	struct medium_io *io;
	bool runs; /* the transfer does */
	struct unit unit[UNITS];

	uint8_t dor, tdr, dsr; /* dsr: with the rate as CCR has it, too */
	uint8_t specified[2];  /* SRT, HUT; HLT, ND */
	uint8_t configured, pretrack;
	uint8_t perpendicular;
	bool locked;

	enum fdc_phase phase;
	bool resets;         /* and is not ready before the event */
	bool interrupt;      /* INT; the gate is behind it */
	uint8_t polled_left; /* of the four status changes that a reset finds */
	uint8_t command[9], given, wanted;
	uint8_t result[10], results, taken;
	uint8_t sectors; /* of the last command that had a count: SC or EOT */
	struct transfer transfer;
};

static inline bool fdc_by_dma(const struct fdc *f)
{
	return !(f->specified[1] & 0x01);
}

/* Moves the heads to the cylinder that the controller calls this.  It takes SEEK_NS. */
void fdc_seek(struct unit *u, int cylinder);

/* The command's last byte has come: sets the event. */
void fdc_transfer_begin(struct fdc *f);
/* The event, or the host is ready; the phase is another's when it has ended. */
void fdc_transfer_run(struct fdc *f);
/* The medium has done what it was asked for. */
void fdc_transfer_settled(struct fdc *f, int err);
/* It is asked again, after a load. */
void fdc_transfer_ask_again(struct fdc *f);
/* Without DMA: does it wait for the host, and for a byte from it? */
bool fdc_transfer_waits(const struct fdc *f);
bool fdc_transfer_takes(const struct fdc *f);
uint8_t fdc_transfer_read(struct fdc *f);
void fdc_transfer_write(struct fdc *f, uint8_t v);

#endif
