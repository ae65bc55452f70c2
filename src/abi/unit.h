/* Translation units as their translator describes them and the cache keeps them.
 * All offsets are from the unit's first byte, on either side. */
#ifndef UNRING_ABI_UNIT_H
#define UNRING_ABI_UNIT_H

#include "base/types.h"

enum {
	TU_MAX_INSNS = 64,
	TU_MAX_EXITS = 40,
	TU_MAX_PADS = 24,
	TU_MAX_PC = TU_MAX_INSNS * 3,
	TU_MAX_GUEST = TU_MAX_INSNS * 15,
	TU_MAX_HOST = 12288,
	TU_MAX_RELOCS = TU_MAX_INSNS * 6,
	TU_MAX_THUNK = 96, /* bytes of a detour by the branch table (translator_thunk) */
};

/* A direct exit: a rel32 that first leads to its own stub inside the unit, and
 * once chained to another unit's entry. */
struct tu_exit {
	uint32_t target; /* guest EIP */
	uint16_t patch;  /* of the rel32 */
	uint16_t stub;   /* where it leads when not chained: first of all a mov r8d, id */
	bool word;       /* the target is an IP: 16 bits */
};

/* What must be put back when a host instruction faults in the middle of a
 * guest instruction.  Register upper halves are truncated in any case. */
enum tu_undo {
	UNDO_NONE,
	UNDO_ESI_R11, /* ESI was borrowed; its value is in r11 */
	UNDO_EDI_R11, /* EDI likewise */
	UNDO_STRING,  /* both: ESI is in r10, EDI in r11 */
	UNDO_RUN,     /* the same as it was when a repeated one began, and ECX in r8 */
	UNDO_RUN16,   /* likewise, of 16-bit addresses */
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

/* A constant in the host code that moves with the unit's EIP. */
enum tu_reloc_kind {
	RELOC_EIP,       /* 32 bits: an EIP */
	RELOC_MINUS_EIP, /* 32 bits: the negative of one */
	RELOC_IP,        /* 16 bits: an IP */
};
struct tu_reloc {
	uint16_t host : 14;
	uint16_t kind : 2; /* enum tu_reloc_kind */
};

struct tu_code {
	uint16_t guest_len; /* bytes of guest code that it was made from */
	uint16_t host_len;
	uint16_t n_insns;
	uint8_t n_exits, n_pads;
	uint16_t n_pc, n_relocs;
	bool once;      /* not to be kept: what decided is more than its bytes */
	bool fixed;     /* the limit of CS decided something: it holds at this EIP alone */
	uint32_t limit; /* of CS, under which it was made */
	/* The guest bytes, of a unit that checks itself; of these it does not check those that it reads
	 * as it runs: a bit each. */
	const uint8_t *source; /* NULL: it does not */
	uint8_t live[TU_MAX_GUEST / 8];
	struct tu_exit exits[TU_MAX_EXITS];
	struct tu_pad pads[TU_MAX_PADS];
	struct tu_pc pc[TU_MAX_PC];
	struct tu_reloc relocs[TU_MAX_RELOCS];
};

/* Bytes of memory before what v->native.memory points at: a displacement of 32 bits reaches 4 GiB. */
#define TU_MEMORY 0x80000000u

/* Is byte i of the unit's source, as its bitmap says, read as it runs? */
static inline bool tu_is_live(const uint8_t *live, unsigned i)
{
	return live[i / 8] >> (i & 7) & 1;
}

/* Would a 16-bit IP wrap that is moved by delta?  What wraps may do another thing there. */
static inline bool tu_wraps(uint16_t ip, uint32_t delta)
{
	return ip + delta > 0xffff;
}

/* The constant in the unit's host code becomes that of a unit whose EIP is delta higher. */
static inline void tu_relocate(uint8_t *host, struct tu_reloc r, uint32_t delta)
{
	uint16_t ip;
	uint32_t eip;
	switch ((enum tu_reloc_kind)r.kind) {
	case RELOC_IP:
		__builtin_memcpy(&ip, host + r.host, 2);
		ip += delta;
		__builtin_memcpy(host + r.host, &ip, 2);
		return;
	case RELOC_EIP:
	case RELOC_MINUS_EIP:
		__builtin_memcpy(&eip, host + r.host, 4);
		eip += r.kind == RELOC_EIP ? delta : -delta;
		__builtin_memcpy(host + r.host, &eip, 4);
	}
}

#endif
