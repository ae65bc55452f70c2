/* What the files of the IDE function share.  From the top down:
 *
 *   ide_disk.c      what a disk does with a command
 *   ide_cdrom.c     what a CD-ROM drive does with one; its packets are atapi.h's
 *   ide_identify.c  what it says of itself
 *   ide.c           ports, registers, resets, PCI
 *   ide_drive.c     what a drive asks for: data to and from the guest, its medium, the end
 *   ide_master.c    the bus master
 *
 * None calls one above it, but a drive's kind by its struct. */
#ifndef UNRING_DEVICES_IDE_INTERNAL_H
#define UNRING_DEVICES_IDE_INTERNAL_H

#include "devices/ide.h"

enum {
	IDE_SECTOR = 512,
	IDE_CHUNK = 128 << 10, /* the most that moves at once */
};

/* Registers, behind the first port. */
enum ide_register {
	IDE_DATA,
	IDE_FEATURES, /* read: the error */
	IDE_COUNT,
	IDE_LOW, /* sector; or the LBA's lowest byte */
	IDE_MID, /* cylinder, or LBA */
	IDE_HIGH,
	IDE_DEVICE,
	IDE_COMMAND, /* read: the status */
	IDE_REGISTERS,
};

enum {
	IDE_BSY = 0x80,
	IDE_DRDY = 0x40,
	IDE_DF = 0x20,
	IDE_DSC = 0x10,
	IDE_DRQ = 0x08,
	IDE_ERR = 0x01,

	IDE_UNC = 0x40,
	IDE_IDNF = 0x10,
	IDE_ABRT = 0x04,

	IDE_LBA = 0x40, /* of the device register */
	IDE_DEV = 0x10,
	IDE_DEVICE_ONES = 0xa0,

	/* commands that the channel knows */
	IDE_DEVICE_RESET = 0x08,
	IDE_EXECUTE_DIAGNOSTIC = 0x90,
};

/* Less than any drive takes, and enough that no interrupt comes before its guest has gone from the
 * command to waiting. */
#define IDE_EVENT_NS 10000ull

struct ide_drive;

/* What kind of drive it is.  command and go_on have one of these calls as the last that they do:
 * ide_ask, ide_send, ide_receive, ide_end, ide_fail. */
struct ide_kind {
	uint8_t signature[2]; /* in the cylinder registers after a reset: ATA/ATAPI-6, 9.12 */
	uint8_t ready;        /* the status then */
	bool packet;          /* DEVICE RESET ends whatever it does */
	/* Registers have the signature already.  hard: by the reset line, or power. */
	void (*reset)(struct ide_drive *d, bool hard);
	void (*command)(struct ide_drive *d, uint8_t command);
	/* What it asked for is done; of ide_ask alone, 0 or a negative errno. */
	void (*go_on)(struct ide_drive *d, int err);
	void (*state)(struct ide_drive *d, struct archive *a);
	void (*destroy)(struct ide_drive *d);
};

/* What a command waits for. */
enum ide_wait {
	IDE_IDLE,
	IDE_MEDIUM,
	IDE_DONE,  /* for nothing: go_on is due */
	IDE_EVENT, /* its status is to be shown, by the event */
	IDE_PIO,   /* the guest takes the bytes, or gives them */
	IDE_DMA,   /* the bus master does */
};

struct ide_drive {
	struct ide_channel *channel;
	const struct ide_kind *kind; /* NULL: there is no drive */
	void *own;                   /* the kind's */
	struct medium medium;

	/* What was written last, and before that: ATA/ATAPI-6, 6.20.  Both drives of a channel see
	 * what is written; a drive changes its own. */
	uint8_t now[IDE_REGISTERS], before[IDE_REGISTERS];
	uint8_t status, error;
	bool intrq; /* it asks for an interrupt */

	/* Of the command that runs. */
	enum ide_wait wait;
	bool dma;           /* its data moves by the bus master: the kind says so */
	bool in;            /* to the guest */
	bool pumps;         /* go_on is being called */
	int err;            /* for go_on */
	uint8_t shown;      /* the status that the event shows, with an interrupt */
	enum ide_wait then; /* and what is waited for then */
	uint32_t at,
		n; /* bytes that have moved, of these; an odd number in PIO has a byte behind it */
	struct medium_io *io; /* with the bytes */
};

/* Bus Master IDE 1.0, section 2; data sheet, 2.7. */
struct ide_master {
	uint8_t command, status;
	uint32_t table;         /* of PRDs: what the guest wrote */
	uint32_t next;          /* PRD */
	uint32_t address, left; /* of the one that is being worked on */
	bool last;              /* it ends the table */
};

struct ide_channel {
	struct ide *ide;
	unsigned number;
	struct ide_drive drives[2];
	uint8_t selected; /* drive */
	uint8_t control;
	bool line;    /* INTRQ, as the interrupt controller sees it */
	bool resets;  /* both drives are busy until the event */
	uint64_t due; /* when the event comes */
	struct timer *event;
	struct ide_master master;
};

struct ide {
	struct clock *clock;
	struct ide_board board;
	struct pci_function *function;
	struct ide_channel channels[IDE_CHANNELS];
};

static inline unsigned ide_place(const struct ide_drive *d)
{
	return 2 * d->channel->number + (unsigned)(d - d->channel->drives);
}

/* --- ide_identify.c --- */

struct ide_disk;
void ide_identify(const struct ide_disk *k, uint8_t data[IDE_SECTOR]);
/* A word of IDENTIFY's data; text there: characters in pairs swapped, spaces behind it. */
void ide_put_word(uint8_t *data, unsigned word, uint16_t v);
void ide_put_text(uint8_t *data, unsigned word, unsigned bytes, const char *text);

/* --- ide.c --- */

/* A place that is empty gets a drive, as it is after power on. */
struct ide_drive *ide_add_drive(struct ide *i, unsigned place, const struct ide_kind *kind,
                                void *own, const struct medium *m);

/* --- ide_drive.c: what command and go_on end with --- */

/* The medium does that with the bytes from d->io->bytes on; then go_on. */
void ide_ask(struct ide_drive *d, enum medium_op op, uint64_t at, uint32_t n);
/* The guest takes n bytes from d->io->bytes on, IDE_CHUNK at most: by PIO a block that an interrupt
 * announces, or by DMA; then go_on. */
void ide_send(struct ide_drive *d, uint32_t n);
/* The guest gives n bytes; rings: an interrupt tells it to, by PIO alone. */
void ide_receive(struct ide_drive *d, uint32_t n, bool rings);
/* The command has ended: with an error, if it is not 0.  rings: an interrupt tells so, else it is
 * over at once. */
void ide_end(struct ide_drive *d, uint8_t error, bool rings);
/* With this status, and an interrupt. */
void ide_end_as(struct ide_drive *d, uint8_t status, uint8_t error);
/* It has, as the medium failed for good; the machine hears of it.  A drive that cannot write says so
 * by a fault, as no error stands for it. */
void ide_fail(struct ide_drive *d, bool write, int err);

/* --- ide_drive.c: for ide.c --- */

/* The registers as a reset leaves them. */
void ide_set_signature(struct ide_drive *d);
/* A command begins: busy until it says more. */
void ide_begin(struct ide_drive *d);
/* It is given up. */
void ide_drop(struct ide_drive *d);
/* The event comes, IDE_EVENT_NS after now or later. */
void ide_set_event(struct ide_channel *c);
/* It has come: what the drive waits to show is shown. */
void ide_show(struct ide_drive *d);
/* The bus master may go on. */
void ide_move(struct ide_channel *c);
/* Bytes of the data port, n of them; what nobody gives is what the open bus has. */
void ide_take(struct ide_channel *c, uint8_t *bytes, size_t n);
void ide_give(struct ide_channel *c, const uint8_t *bytes, size_t n);
/* The interrupt line, as the drives and the control register have it. */
void ide_update(struct ide_channel *c);
/* Loads or saves what a command is at. */
void ide_drive_state(struct ide_drive *d, struct archive *a);

/* --- ide_master.c --- */

/* Moves what the selected drive waits to be moved, as far as the guest's table goes; true: all of
 * it. */
bool ide_master_move(struct ide_drive *d);
uint32_t ide_master_read(struct ide_channel *c, unsigned offset);
void ide_master_write(struct ide_channel *c, unsigned offset, uint8_t value);
void ide_master_interrupt(struct ide_master *m);
void ide_master_reset(struct ide_master *m);
void ide_master_state(struct ide_master *m, struct archive *a);

#endif
