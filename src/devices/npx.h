/* The coprocessor's error logic of a PC: FERR# becomes IRQ 13 until port F0h is written, and
 * that asserts IGNNE#.  82371SB data sheet (290550), "Coprocessor error register"; SDM
 * vol. 1, appendix D.2. */
#ifndef UNRING_DEVICES_NPX_H
#define UNRING_DEVICES_NPX_H

#include "devices/bus.h"
#include "devices/device.h"

struct npx;
extern const struct device_type npx_type;

/* ignne: IGNNE# is asserted, for as long as FERR# is. */
struct npx *npx_create(struct bus *bus, struct irq_line irq13, void *ctx, void (*ignne)(void *ctx));

/* FERR# was asserted. */
void npx_ferr(struct npx *n);

#endif
