/* What a CD-ROM drive does with packets: it knows nothing of ports and of the host's files.  Its
 * owner gives it a packet, moves the bytes that come of it, and reads the sectors that it wants.
 * SFF-8020i; MMC-3 to MMC-5; ATA/ATAPI-6. */
#ifndef UNRING_DEVICES_ATAPI_H
#define UNRING_DEVICES_ATAPI_H

#include "devices/device.h"

enum {
	ATAPI_PACKET = 12,    /* bytes */
	ATAPI_SECTOR = 2048,  /* what a sector holds for its users */
	ATAPI_READ_MOST = 32, /* sectors that are wanted at once */
	ATAPI_BUFFER = ATAPI_READ_MOST * ATAPI_SECTOR,
	ATAPI_IDENTITY = 512,
};

/* What the packet comes to next. */
enum atapi_step {
	ATAPI_DONE,
	ATAPI_FAILED, /* CHECK CONDITION, with a sense key */
	ATAPI_IN,     /* the host takes bytes */
	ATAPI_OUT,    /* it gives bytes */
	ATAPI_READ,   /* sectors are read first */
	ATAPI_STEPS,
};

enum {
	ATAPI_RECOVERY = 6, /* bytes of the mode pages that a host may change: error recovery */
	ATAPI_AUDIO = 14,   /* and audio control */
};

struct atapi {
	void *ctx;
	/* The guest has opened or closed the tray.  NULL: nobody asks. */
	void (*tray)(void *ctx, bool open);

	uint32_t sectors; /* of the disc that lies in the tray; 0: none */
	bool open;        /* the tray */
	bool locked;      /* so that its button does nothing */
	uint8_t attention;
	uint8_t news; /* the last that a guest has not been told */
	uint8_t key, asc, ascq;
	uint8_t recovery[ATAPI_RECOVERY], audio[ATAPI_AUDIO];
	uint16_t speed; /* kB/s */
	uint32_t place; /* the sector that was read last */

	enum atapi_step step;
	uint8_t packet[ATAPI_PACKET];
	/* Sectors that the packet asks for and that are not in the buffer yet.  sliced: one at a
	 * time, of whose 2352 raw bytes the host gets those from first to last. */
	uint32_t next, left;
	bool cut; /* there were more, but the disc is gone */
	bool sliced;
	uint16_t first, last;
	/* What is to be moved: the host's bytes from there to end, of the buffer. */
	uint32_t from, end;
	uint8_t buffer[ATAPI_BUFFER];
};

/* As power-up leaves it; an empty one, closed. */
void atapi_init(struct atapi *a, void *ctx, void (*tray)(void *ctx, bool open));
/* Power, or the reset line: what was going on is gone, and the next packet fails with a unit
 * attention. */
void atapi_reset(struct atapi *a);
/* ATA's DEVICE RESET and software reset, which end the packet and change nothing else. */
void atapi_abort(struct atapi *a);
void atapi_state(struct atapi *a, struct archive *archive);

/* --- the disc --- */

/* A disc of so many sectors is put in, and the tray is closed; 0: it opens, and the disc is taken
 * out. */
void atapi_insert(struct atapi *a, uint32_t sectors);
/* The button at a locked drive: the guest is told that somebody wants the disc. */
void atapi_ask(struct atapi *a);
/* The number of sectors of the disc that can be read; 0: none can. */
static inline uint32_t atapi_disc(const struct atapi *a)
{
	return a->open ? 0 : a->sectors;
}

/* --- packets --- */

enum atapi_step atapi_packet(struct atapi *a, const uint8_t packet[ATAPI_PACKET]);

/* Where the bytes are that are to be moved, of which n are left. */
uint8_t *atapi_bytes(struct atapi *a, uint32_t *n);
/* How many of them the next block of a transfer by PIO has, where the host takes limit bytes, as
 * the task file says it; 0: that is no limit.  ATA/ATAPI-6, 8.23, PACKET. */
uint32_t atapi_block(const struct atapi *a, uint16_t limit);
/* So many have been moved. */
enum atapi_step atapi_moved(struct atapi *a, uint32_t n);

/* Where the sectors come from and go to. */
struct atapi_read {
	uint64_t at; /* bytes */
	uint32_t n;
	uint8_t *to;
};
struct atapi_read atapi_wants(struct atapi *a);
/* They are there, or err, a negative errno, has come instead. */
enum atapi_step atapi_was_read(struct atapi *a, int err);

/* IDENTIFY PACKET DEVICE. */
void atapi_identify(const struct atapi *a, uint8_t to[ATAPI_IDENTITY]);

#endif
