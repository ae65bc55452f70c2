/* An I/O APIC: 24 inputs, each with an entry that says which message it becomes.  Registers
 * behind a window at FEC00000h.  Intel 82093AA data sheet (290566). */
#ifndef UNRING_DEVICES_IOAPIC_H
#define UNRING_DEVICES_IOAPIC_H

#include "devices/bus.h"
#include "devices/device.h"
#include "devices/lapic.h"

enum { IOAPIC_INPUTS = 24, IOAPIC_BASE = 0xfec00000 };

struct ioapic;
extern const struct device_type ioapic_type;

/* send: a message to the processors; false: none takes it. */
struct ioapic *ioapic_create(struct bus *bus, void *ctx,
                             bool (*send)(void *ctx, const struct lapic_message *m));

/* The level of an input, of all that drive it.  The polarity of its entry is of no effect: on this
 * board all are active high, and so told by its tables. */
void ioapic_input(struct ioapic *i, unsigned input, bool level);

/* A processor is done with a vector that a level asked for. */
void ioapic_eoi(struct ioapic *i, uint8_t vector);

#endif
