/* Ports for guests of ours and for debugging: E9h, a console that reads E9h
 * (Bochs's convention), and F4h, which ends the run (QEMU's isa-debug-exit). */
#ifndef UNRING_DEVICES_DEBUGPORT_H
#define UNRING_DEVICES_DEBUGPORT_H

#include "devices/bus.h"
#include "devices/device.h"

struct debugport;
extern const struct device_type debugport_type;

/* A callback that is NULL leaves its port absent.  exit gets (value << 1) | 1. */
struct debugport *debugport_create(struct bus *bus, void *ctx,
                                   void (*console)(void *ctx, uint8_t byte),
                                   void (*exit)(void *ctx, int status));

#endif
