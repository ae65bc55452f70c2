/* What a monitor tells of itself: VESA E-EDID Standard, release A2 (EDID 1.4). */
#ifndef UNRING_DEVICES_EDID_H
#define UNRING_DEVICES_EDID_H

#include "base/types.h"

enum { EDID_BYTES = 128, EDID_MAX_RES = 4095 };

/* Of one whose best mode is so many pixels, from 1 to EDID_MAX_RES each, 60 times a second. */
void edid_make(uint8_t out[EDID_BYTES], unsigned width, unsigned height);

#endif
