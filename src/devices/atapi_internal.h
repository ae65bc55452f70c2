/* What the halves of the packet engine call each other.  From the top down:
 *
 *   atapi.c           the disc, packets and their ends
 *   atapi_commands.c  the table of commands
 *   atapi_pages.c     what tells of drive and disc: descriptors and mode pages
 *
 * None calls one above it. */
#ifndef UNRING_DEVICES_ATAPI_INTERNAL_H
#define UNRING_DEVICES_ATAPI_INTERNAL_H

#include "devices/atapi.h"
#include "devices/cd_sector.h"

enum {
	/* sense keys: SPC-3, sense data */
	KEY_NONE = 0x0,
	KEY_NOT_READY = 0x2,
	KEY_MEDIUM = 0x3,
	KEY_ILLEGAL = 0x5,
	KEY_ATTENTION = 0x6,

	/* why the host is told to look at the drive anew */
	ATTENTION_RESET = 0x01,
	ATTENTION_DISC = 0x02,

	/* of the class media: MMC-5, GET EVENT STATUS NOTIFICATION */
	EVENT_NONE = 0,
	EVENT_ASKED = 1,
	EVENT_NEW = 2,
	EVENT_REMOVED = 3,
	EVENTS = 4,

	PROFILE_NONE = 0x0000,
	PROFILE_CD = 0x0008,
	PROFILE_DVD = 0x0010,

	SPEED_MOST = 0xffff,
};

/* Additional sense code and its qualifier: SPC-3, sense data. */
enum atapi_sense {
	SENSE_NONE = 0x0000,
	SENSE_READ_ERROR = 0x1100,
	SENSE_LIST_LENGTH = 0x1a00,
	SENSE_OPCODE = 0x2000,
	SENSE_ADDRESS = 0x2100,
	SENSE_PACKET = 0x2400,
	SENSE_LIST = 0x2600,
	SENSE_NEW_DISC = 0x2800,
	SENSE_RESET = 0x2900,
	SENSE_FORMAT = 0x3002, /* another kind of disc is wanted */
	SENSE_SAVING = 0x3900,
	SENSE_NO_DISC = 0x3a01,
	SENSE_OPEN = 0x3a02,
	SENSE_LOCKED = 0x5302,
	SENSE_TRACK_MODE = 0x6400,
};

static inline void atapi_put16(uint8_t *to, uint16_t v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
}

static inline void atapi_put32(uint8_t *to, uint32_t v)
{
	atapi_put16(to, (uint16_t)(v >> 16));
	atapi_put16(to + 2, (uint16_t)v);
}

static inline uint16_t atapi_get16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static inline uint32_t atapi_get32(const uint8_t *from)
{
	return (uint32_t)atapi_get16(from) << 16 | atapi_get16(from + 2);
}

/* What kind of disc it is, by its size: a CD has 80 minutes. */
static inline uint16_t atapi_profile(const struct atapi *a)
{
	uint32_t disc = atapi_disc(a);
	return !disc ? PROFILE_NONE : disc > 80 * 60 * CD_FRAMES ? PROFILE_DVD : PROFILE_CD;
}

/* --- atapi_commands.c --- */

enum atapi_step atapi_fail(struct atapi *a, uint8_t key, enum atapi_sense sense);
/* The packet in a->packet. */
enum atapi_step atapi_command(struct atapi *a);
/* The bytes that it asked for are in the buffer. */
enum atapi_step atapi_given(struct atapi *a);
/* Its next sectors, if there are. */
enum atapi_step atapi_go_on(struct atapi *a);

/* --- atapi_pages.c: each fills the buffer, and returns how many bytes there are; or -1: there is
 * no such thing --- */

int atapi_inquiry(struct atapi *a);
int atapi_toc(struct atapi *a, unsigned format, bool msf, uint8_t first);
int atapi_subchannel(struct atapi *a, bool q, bool msf, uint8_t format);
int atapi_configuration(struct atapi *a, unsigned how, uint16_t first);
int atapi_event(struct atapi *a, uint8_t classes);
int atapi_mechanism(struct atapi *a);
int atapi_disc_information(struct atapi *a);
int atapi_track_information(struct atapi *a, unsigned how, uint32_t number);
int atapi_dvd_structure(struct atapi *a, uint8_t format, uint8_t layer);

/* Behind a header of so many bytes. */
int atapi_mode_pages(struct atapi *a, unsigned header, uint8_t page, unsigned which);
enum { MODE_CURRENT, MODE_CHANGEABLE, MODE_DEFAULT, MODE_SAVED };
/* n bytes of pages, which lie in the buffer behind the header; true: they were taken over. */
bool atapi_mode_select(struct atapi *a, unsigned header, unsigned n);
void atapi_mode_reset(struct atapi *a);

#endif
