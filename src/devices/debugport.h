/* Ports for guests of ours, for firmware and for debugging: consoles, which read E9h (E9h itself is
 * Bochs's convention, 402h SeaBIOS's), and F4h, which ends the run (QEMU's isa-debug-exit). */
#ifndef UNRING_DEVICES_DEBUGPORT_H
#define UNRING_DEVICES_DEBUGPORT_H

#include "devices/bus.h"
#include "devices/device.h"

struct debugport;
extern const struct device_type debugport_type;

enum { DEBUGPORT_BOCHS = 0xe9, DEBUGPORT_SEABIOS = 0x402 };

struct debugport *debugport_create_console(struct bus *bus, uint16_t port, void *ctx,
                                           void (*write)(void *ctx, uint8_t byte));
/* exit gets (value << 1) | 1. */
struct debugport *debugport_create_exit(struct bus *bus, void *ctx,
                                        void (*exit)(void *ctx, int status));

#endif
