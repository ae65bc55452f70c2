/* A VGA: sequencer, CRT controller, graphics and attribute controllers, DAC, and memory, the first
 * 256 KiB of which are four planes behind A0000h to BFFFFh.  Nothing knows modes: what is shown follows from the registers,
 * one by one, when somebody looks.  IBM PS/2 Hardware Interface Technical Reference, Video
 * Subsystem; Inmos IMS G171 data sheet (DAC); Bochs VBE Display API (ports 1CEh, 1CFh), of
 * which a mode takes the place of what the VGA's registers say. */
#ifndef UNRING_DEVICES_VGA_H
#define UNRING_DEVICES_VGA_H

#include "devices/bus.h"
#include "devices/device.h"
#include "devices/vga_view.h"

struct vga;
extern const struct device_type vga_type;

/* What a VGA keeps its picture in. */
struct vga_memory {
	struct vga_registers *regs; /* NULL: of its own */
	uint8_t *at;    /* NULL: of its own, which the processor never finds without it */
	uint32_t bytes; /* a power of two; 0: VGA_LEAST_MEMORY */
	uint32_t page;  /* of the machine's memory, where it begins: struct bus_memory */
	/* It has stored to bytes from offset on.  NULL: nobody asks. */
	void *ctx;
	void (*stored)(void *ctx, uint32_t offset, uint32_t bytes);
};

/* The clock is what the retrace and blinking go by.  The memory is all zero. */
struct vga *vga_create(struct bus *bus, struct clock *clock, struct vga_memory memory);

/* Another number than before: what is shown may be another.  What blinks does not count.  While
 * the processor stores to what is shown without the VGA (chained memory, a mode of VBE), each call
 * gives another number: who wants to know what is new compares.  Not noticed are stores by
 * the linear frame buffer while no mode of VBE is on. */
uint64_t vga_generation(struct vga *v);

/* The linear frame buffer: what the processor finds there by itself, or by the handler. */
struct region_handler vga_frame_buffer(struct vga *v);
uint32_t vga_memory_bytes(const struct vga *v);

/* What it shows now. */
struct vga_view vga_view(const struct vga *v);

#endif
