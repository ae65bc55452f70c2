/* The host bridge of a PC, 82441FX: 00:00.0, with the registers that say where shadow RAM is.
 * Data sheet 290549.  There is no SMM, so that SMRAM's register is kept and nothing more. */
#ifndef UNRING_DEVICES_I440FX_H
#define UNRING_DEVICES_I440FX_H

#include "devices/pci.h"

struct i440fx;
extern const struct device_type i440fx_type;

/* Shadow RAM in [base, base + bytes), a part of C0000h to FFFFFh: reads and writes go to RAM, or
 * to the bus, where ROMs are and writes are lost. */
struct i440fx_board {
	void *ctx;
	void (*shadow)(void *ctx, uint32_t base, uint32_t bytes, bool read, bool write);
};

/* It begins, as after each reset, with no shadow RAM, which shadow is not told of. */
struct i440fx *i440fx_create(struct pci *pci, struct i440fx_board board);

#endif
