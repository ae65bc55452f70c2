/* The MP configuration table, by which kernels without ACPI find the APICs, and where interrupts lead.
 * MultiProcessor Specification 1.4, chapter 4.  Firmware makes its own. */
#ifndef UNRING_MACHINE_MPTABLE_H
#define UNRING_MACHINE_MPTABLE_H

#include "cpu/model.h"

enum { MP_TABLE_MAX = 2048 };

struct mp_config {
	const struct cpu_model *model;
	const uint8_t *pirq_irqs; /* of PIRQA to PIRQD */
};

/* The floating pointer and what it leads to, to be put at this address, on 16 bytes below 1 MiB.
 * How many bytes they are. */
size_t mptable_build(uint8_t to[MP_TABLE_MAX], uint32_t at, const struct mp_config *c);

#endif
