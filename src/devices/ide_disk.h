/* A disk on an IDE channel, for its files. */
#ifndef UNRING_DEVICES_IDE_DISK_H
#define UNRING_DEVICES_IDE_DISK_H

#include "devices/ide_internal.h"

enum {
	DISK_MULTIPLE = 16, /* the most sectors of a block */
	DISK_PIO = 4,       /* the best transfer modes */
	DISK_MWDMA = 2,
	DISK_UDMA = 5,
};
#define DISK_LBA28 0x10000000ull /* sectors that 28 bits reach */

struct ide_disk {
	uint64_t sectors;
	struct ide_geometry geometry; /* by which it is known */
	char serial[IDE_SERIAL + 1];

	/* As the guest has set it. */
	uint16_t cylinders; /* in use, like heads and track: INITIALIZE DEVICE PARAMETERS */
	uint8_t heads, track;
	uint8_t multiple; /* sectors of a block; 0: none is set */
	uint8_t mode;     /* of DMA transfers, as SET FEATURES has it; 0: none */
	bool write_cache, look_ahead;
	bool keeps; /* that, when software resets it */
	bool standby;

	/* Of the command that runs. */
	uint8_t command;
	enum ide_disk_step {
		DISK_MEDIUM, /* sectors are with the medium */
		DISK_GUEST,  /* with the guest */
		DISK_SEARCH, /* for the one that the medium cannot read */
		DISK_FLUSH,
		DISK_LAST, /* what moves is all */
	} step;
	uint64_t at;    /* the next sector */
	uint32_t left;  /* sectors, */
	uint32_t some;  /* of which these are on their way, */
	uint32_t block; /* at most so many at once */
};

#endif
