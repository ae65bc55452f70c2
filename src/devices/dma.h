/* The AT's two 8237A DMA controllers at ports 00h-0Fh (channels 0 to 3, bytes) and C0h-DFh (5 to 7,
 * words; 4 is the cascade of the first), and the page registers at 80h-8Fh, of which those that
 * are no channel's are latches (80h: where a BIOS writes how far its self-test is).  Intel 8237A
 * data sheet (231466); 82371FB/SB data sheet (290550), "DMA Register Description". */
#ifndef UNRING_DEVICES_DMA_H
#define UNRING_DEVICES_DMA_H

#include "devices/bus.h"
#include "devices/device.h"

struct dma;
extern const struct device_type dma_type;

struct dma *dma_create(struct bus *bus, struct dma_memory memory);

/* ready is called when a channel that its device requests becomes one that is served. */
void dma_attach(struct dma *d, unsigned channel, void *ctx, void (*ready)(void *ctx));

/* DREQ: the device wants to be served, as soon as the guest lets it. */
void dma_request(struct dma *d, unsigned channel, bool on);

/* Moves up to n bytes between the device's buffer and memory, as the guest has programmed the
 * channel.  How many went: less when it is masked, or at the terminal count, which *tc tells.  In
 * a verify transfer, or one in the direction that the device does not expect, the bytes are
 * counted, and memory is not touched; the device then gets FFh. */
size_t dma_to_memory(struct dma *d, unsigned channel, const void *src, size_t n, bool *tc);
size_t dma_from_memory(struct dma *d, unsigned channel, void *dst, size_t n, bool *tc);

#endif
