/* What the tests of string instructions share. */
#ifndef GUEST_STRINGS_H
#define GUEST_STRINGS_H

#include "rt/pages.h"

enum { MOVS, CMPS, STOS, LODS, SCAS };
enum { PLAIN, REP, REPNE };

enum { STATUS = CF | PF | AF | ZF | SF | OF };

/* EFLAGS of a CMP of size bytes. */
static inline u32 compare_flags(u32 a, u32 b, u32 size)
{
	u32 top = 1u << (8 * size - 1), mask = top | (top - 1), r = (a - b) & mask, f = 0;
	u32 parity = r & 0xff;

	parity ^= parity >> 4;
	parity ^= parity >> 2;
	parity ^= parity >> 1;
	f |= (a & mask) < (b & mask) ? CF : 0;
	f |= !(parity & 1) ? PF : 0;
	f |= (a ^ b ^ r) & 0x10 ? AF : 0;
	f |= !r ? ZF : 0;
	f |= r & top ? SF : 0;
	f |= (a ^ b) & (a ^ r) & top ? OF : 0;
	return f;
}

static inline bool op_loads_source(int op)
{
	return op != STOS && op != SCAS;
}

static inline bool op_stores(int op)
{
	return op == MOVS || op == STOS;
}

#endif
