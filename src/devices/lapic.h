/* The local APIC of the only processor: what its interrupt inputs, its timer, the I/O APIC and the
 * processor itself ask for, by priority.  A page of registers at the address that IA32_APIC_BASE
 * has.  SDM vol. 3, chapter 11 (APIC). */
#ifndef UNRING_DEVICES_LAPIC_H
#define UNRING_DEVICES_LAPIC_H

#include "devices/bus.h"
#include "devices/device.h"

struct lapic;
extern const struct device_type lapic_type;

/* IA32_APIC_BASE after a reset: at FEE00000h, on, of the processor that boots. */
#define LAPIC_BASE_RESET 0xfee00900ull

enum lapic_mode {
	LAPIC_FIXED,
	LAPIC_LOWEST, /* of several processors */
	LAPIC_SMI,
	LAPIC_NMI = 4,
	LAPIC_INIT,
	LAPIC_STARTUP,
	LAPIC_EXTINT, /* the vector is the 8259A's */
};

/* What an I/O APIC or a processor sends. */
struct lapic_message {
	enum lapic_mode mode;
	uint8_t vector;
	bool level;   /* triggered: its end is told */
	bool logical; /* the destination is a mask, else an ID */
	uint8_t to;
};

struct lapic_board {
	struct clock *clock;
	uint8_t version, last_lvt;
	void *ctx;
	void (*nmi)(void *ctx);                 /* the processor's NMI rises */
	void (*init)(void *ctx);                /* its reset, which keeps the board's state */
	void (*eoi)(void *ctx, uint8_t vector); /* of a level: for the I/O APIC */
	/* The 8259A: is its INTR asserted now?  Its vector, and its request is taken. */
	bool (*pic_intr)(void *ctx);
	uint8_t (*pic_ack)(void *ctx);
};

struct lapic *lapic_create(struct bus *bus, struct lapic_board board);

/* IA32_APIC_BASE was written. */
void lapic_set_base(struct lapic *l, uint64_t base);

/* False: it is for nobody here. */
bool lapic_send(struct lapic *l, const struct lapic_message *m);

/* The levels of its inputs: the 8259A's INTR, NMI. */
enum { LAPIC_LINT0, LAPIC_LINT1 };
void lapic_input(struct lapic *l, unsigned lint, bool level);

/* Has the processor an interrupt to take?  It takes it: the vector. */
bool lapic_intr(struct lapic *l);
uint8_t lapic_ack(struct lapic *l);

#endif
