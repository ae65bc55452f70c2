/* PCI bus 0: configuration mechanism 1 at ports CF8h and CFCh, functions that are described by
 * data, their windows on the bus, their interrupt pins.  PCI Local Bus Specification 2.1,
 * sections 3.7.4.1 and 6; PCI-to-PCI bridges there are none. */
#ifndef UNRING_DEVICES_PCI_H
#define UNRING_DEVICES_PCI_H

#include "devices/bus.h"
#include "devices/device.h"

struct pci;
extern const struct device_type pci_type;

/* Memory below ram_end is never a function's: the host bridge answers there. */
struct pci *pci_create(struct bus *bus, uint32_t ram_end);

/* Registers of configuration space, 40h to FFh most of all: what they hold after a reset, and
 * which bits the guest writes.  Rows are put together by OR. */
struct pci_register {
	uint8_t at, value, writable;
};

/* What lies at a base that the guest writes.  The register at this place takes bases in steps of
 * bytes, a power of two from 4 (ports), 16 (memory) or 2048 (a ROM) up, and tells the size as
 * section 6.2.5.1 has it.  The window is on the bus while it is enabled, and where there is room
 * for it: one that meets another's region, RAM, the BIOS or address 0 is nowhere until it, or the
 * other, has moved on. */
struct pci_window {
	uint8_t at; /* 10h to 24h in steps of 4, 30h (a ROM), or 40h to FCh */
	enum bus_space space;
	bool prefetchable;
	uint32_t bytes;
	struct region_handler handler;
	const uint8_t *rom; /* its bytes instead of a handler; they outlive the function */
	/* The register and the bit that enable it; 0: the command register's for its space, and
	 * of a ROM its own bit 0 as well. */
	uint8_t enable_at, enable;
};

struct pci_config {
	uint8_t device, function; /* 0 to 31, 0 to 7 */
	uint16_t vendor, id, subsystem_vendor, subsystem;
	uint32_t class; /* base class, subclass, interface: 24 bits */
	uint8_t revision;
	bool multifunction;
	uint8_t pin; /* 1 to 4: INTA# to INTD#; 0: none */
	/* Both are read at creation alone. */
	const struct pci_register *registers;
	unsigned n_registers;
	const struct pci_window *windows;
	unsigned n_windows;
	/* Called when the function's registers may hold other values: by the guest, a reset, a
	 * load.  NULL: nobody looks. */
	void *ctx;
	void (*changed)(void *ctx);
};

/* One more function, which is the bus's from here on. */
struct pci_function *pci_add(struct pci *p, const struct pci_config *c);

uint8_t pci_byte(const struct pci_function *f, uint8_t at);
/* Its interrupt pin: true asserts it, low on the real wire.  Several share what it leads to. */
struct irq_line pci_pin(struct pci_function *f);

/* Where pin 1 of device 1 leads with wire 0, and each next pin or device one on. */
enum { PCI_WIRES = 4 };
void pci_connect(struct pci *p, unsigned wire, struct irq_line line);

/* Who answers at CF8h to CFBh to what is no dword at CF8h. */
void pci_set_other(struct pci *p, struct region_handler other);

#endif
