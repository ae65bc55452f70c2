/* The way of a PC board to NMI: IOCHK#, latched, behind bit 3 of port 61h, which clears the latch,
 * and bit 7 of port 70h, which masks all.  The ports are those of the timer and of the clock.
 * 82371SB data sheet (290550), NMISC and RTCI. */
#ifndef UNRING_DEVICES_NMI_H
#define UNRING_DEVICES_NMI_H

#include "devices/device.h"

struct nmi;
extern const struct device_type nmi_type;

/* raise: the processor's input rises. */
struct nmi *nmi_create(void *ctx, void (*raise)(void *ctx));

/* IOCHK#: true asks for NMI. */
struct irq_line nmi_iochk(struct nmi *n);

void nmi_mask(struct nmi *n, bool masked); /* port 70h, bit 7 */
void nmi_disable(struct nmi *n, bool off); /* port 61h, bit 3 */
bool nmi_latched(const struct nmi *n);     /* port 61h, bit 6 */

#endif
