/* Two cascaded 8259A interrupt controllers with the edge/level control
 * registers of a PC: ports 20h-21h, A0h-A1h, 4D0h-4D1h.  Intel 8259A data
 * sheet (231468); 82371SB data sheet (290550) for ELCR. */
#ifndef UNRING_DEVICES_PIC_H
#define UNRING_DEVICES_PIC_H

#include "devices/bus.h"
#include "devices/device.h"

struct pic;
extern const struct device_type pic_type;

/* look, which may be NULL: the lines are looked at, and to be brought up to now. */
struct pic *pic_create(struct bus *bus, void *ctx, void (*look)(void *ctx));

/* Who else the wires lead to: the level of an input has changed, and that of INTR. */
struct pic_listener {
	void *ctx;
	void (*input)(void *ctx, unsigned irq, bool level);
	void (*intr)(void *ctx, bool level);
};
void pic_listen(struct pic *p, struct pic_listener l);

/* A source of its own of line irq, 0 to 15 but 2: the line is high while one of them is. */
struct irq_line pic_line(struct pic *p, unsigned irq);

/* INTR to the processor. */
bool pic_intr(struct pic *p);
/* The processor's acknowledge cycle, at the moment of the last pic_intr: the vector.  Without
 * a request that still stands it is the spurious one, IR7's. */
uint8_t pic_ack(struct pic *p);

#endif
