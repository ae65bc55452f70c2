/* Translation units as their translator describes them and the cache keeps them.
 * All offsets are from the unit's first byte, on either side. */
#ifndef UNRING_CACHE_UNIT_H
#define UNRING_CACHE_UNIT_H

#include "base/types.h"

enum {
	TU_MAX_INSNS = 64,
	TU_MAX_EXITS = 40,
	TU_MAX_PADS = 24,
	TU_MAX_PC = TU_MAX_INSNS * 3,
	TU_MAX_HOST = 12288,
	TU_MAX_GUEST = TU_MAX_INSNS * 15,
};

/* A direct exit: a rel32 that first leads to its own stub inside the unit, and
 * once chained to another unit's entry. */
struct tu_exit {
	uint32_t target; /* guest EIP */
	uint16_t patch;  /* of the rel32 */
	uint16_t stub;   /* where it leads when not chained */
};

/* What must be put back when a host instruction faults in the middle of a
 * guest instruction.  Register upper halves are truncated in any case. */
enum tu_undo {
	UNDO_NONE,
	UNDO_ESI_R11, /* ESI was borrowed; its value is in r11 */
	UNDO_EDI_R11, /* EDI likewise */
};

/* Host code from here on belongs to this guest instruction. */
struct tu_pc {
	uint16_t host;
	uint16_t guest;
	uint8_t undo; /* enum tu_undo */
};

/* A landing pad: where a return that the host predicted arrives. */
struct tu_pad {
	uint16_t host;
};

struct tu_code {
	uint16_t guest_len; /* bytes of guest code that it was made from */
	uint16_t host_len;
	uint16_t n_insns;
	uint8_t n_exits, n_pads;
	uint16_t n_pc;
	struct tu_exit exits[TU_MAX_EXITS];
	struct tu_pad pads[TU_MAX_PADS];
	struct tu_pc pc[TU_MAX_PC];
};

#endif
