/* What lies in a drive: so many bytes of the host's. */
#ifndef UNRING_DEVICES_MEDIUM_H
#define UNRING_DEVICES_MEDIUM_H

#include "base/types.h"

struct medium {
	void *ctx;
	uint64_t bytes;
	bool readonly;
	/* All n bytes, of which none lies beyond the end.  0 or a negative errno, which the device
	 * tells its guest as it can; who owns the medium tells the user. */
	int (*read)(void *ctx, uint64_t at, void *dst, size_t n);
	int (*write)(void *ctx, uint64_t at, const void *src, size_t n);
};

#endif
