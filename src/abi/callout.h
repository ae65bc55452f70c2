/* What passes between translated code and the monitor at a callout: the table of callouts
 * (callouts.inc) and how their arguments are packed.  The translator packs, the monitor unpacks. */
#ifndef UNRING_ABI_CALLOUT_H
#define UNRING_ABI_CALLOUT_H

#include "base/types.h"

/* Callouts: instructions (and checks) done by the monitor in C. */
enum callout {
#define CALLOUT(name, flow, faults, words) CO_##name,
#include "abi/callouts.inc"
#undef CALLOUT
	CO_COUNT
};

/* Where the guest goes on behind a callout that does not fault. */
enum callout_flow {
	FLOW_ENDS,   /* never in the unit, which ends with the callout */
	FLOW_AFTER,  /* behind the instruction: in the unit, or by way of the dispatcher */
	FLOW_WITHIN, /* in the middle of the instruction; or it begins anew, alone */
};

struct callout_info {
	const char *name; /* for statistics and logs */
	enum callout_flow flow;
	bool faults; /* it may raise a fault of the guest's */
};

const struct callout_info *callout_info(enum callout c);

/* r9d of a callout. */
static inline uint32_t callout_pack(enum callout c, unsigned len, unsigned size, unsigned seg,
                                    unsigned arg)
{
	return c | len << 8 | size << 12 | seg << 15 | arg << 18;
}
#define CALLOUT_ID(x) ((x)&0xff)
#define CALLOUT_LEN(x) ((x) >> 8 & 15)  /* bytes of the instruction, 1 to 15 */
#define CALLOUT_SIZE(x) ((x) >> 12 & 7) /* operand size, bytes: 1, 2, 4 */
#define CALLOUT_SEG(x) ((x) >> 15 & 7)  /* segment of the memory operand */
#define CALLOUT_ARG(x) ((x) >> 18)      /* 14 bits, by callout */

/* The argument that describes an access to memory. */
struct callout_access {
	unsigned size; /* bytes, up to 1023 */
	bool write, read;
	bool x87; /* by an x87 instruction, whose pointers will name it */
};

static inline unsigned access_pack(struct callout_access a)
{
	return a.size | (unsigned)a.write << 10 | (unsigned)a.read << 11 | (unsigned)a.x87 << 12;
}

static inline struct callout_access access_unpack(unsigned arg)
{
	return (struct callout_access){arg & 0x3ff, arg >> 10 & 1, arg >> 11 & 1, arg >> 12 & 1};
}

/* The argument that names two registers: general, or a general one and another of up to eight. */
struct callout_pair {
	unsigned reg, gpr;
};

static inline unsigned pair_pack(unsigned reg, unsigned gpr)
{
	return reg | gpr << 3;
}

static inline struct callout_pair pair_unpack(unsigned arg)
{
	return (struct callout_pair){arg & 7, arg >> 3 & 7};
}

/* The argument of MOVE: a register, as the size has them, and which way; or what is stored is in r11. */
enum { MOVE_LOAD = 1 << 3, MOVE_IMMEDIATE = 1 << 4 };

/* The argument of INT whose vector is in r10. */
enum { INT_LIVE = 1 << 8 };

/* The argument of ARPL: the pair is of source and destination. */
enum { ARPL_REG = 1 << 6 /* the destination is no memory */ };

/* r10 as a far pointer. */
static inline uint64_t far_pack(uint16_t sel, uint32_t off)
{
	return (uint64_t)sel << 32 | off;
}

/* The argument of string and port instructions: these bits and an operation. */
enum { STR_REP = 1, STR_REPNE = 2, STR_A16 = 4, STR_OP_SHIFT = 3 };
/* clang-format off */
enum string_op { STROP_MOVS, STROP_CMPS, STROP_STOS, STROP_LODS, STROP_SCAS, STROP_INS, STROP_OUTS };
/* clang-format on */

#endif
