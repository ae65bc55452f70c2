/* The registers that the remote stub shows, by gdb's numbers. */
#ifndef UNRING_MACHINE_GDB_REGS_H
#define UNRING_MACHINE_GDB_REGS_H

#include "monitor/monitor.h"

enum { GDB_REG_BYTES = 16 }; /* the most that one has */

unsigned gdb_reg_count(void);
/* Bytes of register n. */
unsigned gdb_reg_size(unsigned n);
void gdb_reg_get(struct monitor *m, unsigned n, uint8_t *out);
/* False where the register is read-only or does not take the value. */
bool gdb_reg_set(struct monitor *m, unsigned n, const uint8_t *in);
/* The target description, allocated. */
char *gdb_reg_xml(bool code32);

#endif
