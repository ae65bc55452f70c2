/* Sectors of a CD as they lie on it: ECMA-130 (which is ISO/IEC 10149), mode 1. */
#ifndef UNRING_DEVICES_CD_SECTOR_H
#define UNRING_DEVICES_CD_SECTOR_H

#include "base/types.h"

enum {
	CD_RAW = 2352,
	CD_DATA = 2048,
	/* Where its parts begin. */
	CD_AT_HEADER = 12,
	CD_AT_DATA = 16,
	CD_AT_CHECK = CD_AT_DATA + CD_DATA,

	CD_FRAMES = 75,   /* sectors a second */
	CD_LEAD_IN = 150, /* frames before sector 0 */
};

/* Minute, second, frame of a sector; 255:59:74 where that cannot be told, as on a DVD. */
void cd_msf(uint32_t sector, uint8_t msf[3]);
/* The sector at a time; UINT32_MAX: there can be none. */
uint32_t cd_sector(const uint8_t msf[3]);

/* What belongs around the data of this sector, which are in their place. */
void cd_complete(uint8_t raw[CD_RAW], uint32_t sector);

#endif
