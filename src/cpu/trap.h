/* A guest fault: what one of the guest's own exceptions carries.  SDM vol. 3, ch. 6. */
#ifndef UNRING_CPU_TRAP_H
#define UNRING_CPU_TRAP_H

#include "base/types.h"

enum vector {
	VEC_DE = 0,
	VEC_DB = 1,
	VEC_NMI = 2,
	VEC_BP = 3,
	VEC_OF = 4,
	VEC_BR = 5,
	VEC_UD = 6,
	VEC_NM = 7,
	VEC_DF = 8,
	VEC_TS = 10,
	VEC_NP = 11,
	VEC_SS = 12,
	VEC_GP = 13,
	VEC_PF = 14,
	VEC_MF = 16,
	VEC_AC = 17,
	VEC_MC = 18,
	VEC_XM = 19,
};

/* Page-fault error code bits.  SDM vol. 3, 4.7. */
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16 };

struct trap {
	uint8_t vector;
	bool has_error;
	uint32_t error;
	gla_t cr2;    /* VEC_PF: the faulting linear address */
	uint32_t dr6; /* VEC_DB: bits to set in DR6 */
};

/* Each field is named: gaps that the compiler makes zero by wider stores cost a stall when the
 * whole is copied. */
static inline struct trap trap_plain(uint8_t vector)
{
	return (struct trap){vector, false, 0, gla(0), 0};
}

static inline struct trap trap_error(uint8_t vector, uint32_t error)
{
	return (struct trap){vector, true, error, gla(0), 0};
}

static inline struct trap trap_page_fault(gla_t cr2, uint32_t error)
{
	return (struct trap){.vector = VEC_PF, .has_error = true, .error = error, .cr2 = cr2};
}

#endif
