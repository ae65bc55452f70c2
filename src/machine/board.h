/* The devices of the PC and their wiring: IRQ 0 timer, 1 keyboard, 2 cascade, 3 and 4 serial ports, 6 floppy,
 * 7 parallel port, 8 real-time clock, 9 ACPI, 12 mouse, 13 coprocessor, 14 and 15 IDE; PCI's where the
 * guest routes them. */
#ifndef UNRING_MACHINE_BOARD_H
#define UNRING_MACHINE_BOARD_H

#include "devices/bus.h"
#include "devices/device.h"
#include "devices/fdc.h"
#include "devices/fwcfg.h"
#include "devices/ide.h"
#include "devices/pci.h"
#include "devices/keyboard.h"
#include "devices/mouse.h"
#include "devices/parallel.h"
#include "devices/uart.h"
#include "devices/vga.h"
#include "devices/vmmouse.h"

struct board;

enum { BOARD_SERIALS = 2 };

struct board_config {
	struct clock *clock;
	uint32_t ram_end; /* no PCI function's memory lies below it */
	int64_t day_ns;   /* the time of day at the clock's zero */
	struct uart_peer serial[BOARD_SERIALS];
	bool has_serial[BOARD_SERIALS];
	struct parallel_printer printer;
	bool has_parallel;
	struct dma_memory memory;
	struct vga_memory vga_memory;
	unsigned screen_width, screen_height; /* the monitor's best mode; 0: there is none */
	enum floppy_kind floppy[FDC_DRIVES];
	/* An image could not be read or written: a negative errno. NULL: nobody asks. */
	void (*floppy_error)(void *ctx, unsigned drive, bool write, int err);
	void (*disk_error)(void *ctx, unsigned place, bool write, int err);
	void (*tray)(void *ctx, unsigned place, bool open); /* of a CD-ROM drive, by the guest */
	void *ctx;
	/* The guest pulled the reset line: of all, or of the processor. */
	void (*reset)(void *ctx, enum reset_kind kind);
	void (*power_off)(void *ctx);         /* the guest did */
	uint32_t *(*in_registers)(void *ctx); /* devices/vmmouse.h */
	/* Where in C0000h to FFFFFh reads and writes go to RAM, as it changes: nowhere at first
	 * (devices/i440fx.h).  NULL: nobody asks. */
	void (*shadow)(void *ctx, uint32_t base, uint32_t bytes, bool read, bool write);
	void (*a20)(void *ctx, bool on); /* the processor's address line */
	bool has_apic;                   /* a local APIC, and an I/O APIC */
	bool apic_thermal; /* the local one has the thermal sensor's entry: a Pentium 4's */
	/* Regions of memory on the bus did; NULL: nobody asks. */
	void (*memory_changed)(void *ctx, const struct bus *bus);
	void (*nmi)(void *ctx);                       /* NMI rises */
	void (*ignne)(void *ctx);                     /* IGNNE#, for as long as FERR# is */
	void (*debug_write)(void *ctx, uint8_t b);    /* NULL: no port E9h */
	void (*firmware_write)(void *ctx, uint8_t b); /* NULL: no port 402h */
	void (*debug_exit)(void *ctx, int status);    /* NULL: no port F4h */
};

/* Power-up state. */
struct board *board_create(const struct board_config *c);
void board_destroy(struct board *b);

/* The board's list of devices, in the order in which they were created: one more, which is the
 * board's from here on.  It maps its regions on the bus. */
void board_add(struct board *b, const struct device_type *type, void *instance);
struct bus *board_bus(struct board *b);
struct pci *board_pci(struct board *b);

void board_reset(struct board *b, enum reset_kind kind);
/* Saves all devices, or loads them; if that was a problem the board is reset. */
void board_state(struct board *b, struct archive *a);

struct uart *board_uart(struct board *b, unsigned i); /* NULL without that serial port */
struct parallel *board_parallel(struct board *b);     /* NULL without a parallel port */
struct vga *board_vga(struct board *b);
struct fdc *board_fdc(struct board *b);
struct ide *board_ide(struct board *b);
struct keyboard *board_keyboard(struct board *b);
struct mouse *board_mouse(struct board *b);
struct vmmouse *board_vmmouse(struct board *b);
/* The BIOS of the VGA: its expansion ROM. */
void board_set_vga_rom(struct board *b, const void *bytes, size_t n);
uint32_t board_in(struct board *b, uint16_t port, unsigned size);
void board_out(struct board *b, uint16_t port, unsigned size, uint32_t value);
struct fwcfg *board_fwcfg(struct board *b);
uint8_t board_cmos(const struct board *b, uint8_t at);
/* IOCHK#: a device that asserts it asks for NMI. */
struct irq_line board_iochk(struct board *b);
void board_power_button(struct board *b);
/* The processor asserted FERR#. */
void board_ferr(struct board *b);
bool board_intr(struct board *b);
uint8_t board_ack(struct board *b);
/* IA32_APIC_BASE was written. */
void board_apic_base(struct board *b, uint64_t base);

#endif
