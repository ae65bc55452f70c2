/* C between an exit of translated code and the next entry runs with the guest's x87 and vector
 * registers in the host's: it is built for general registers only, and calls nothing that may
 * use others.  Whatever may (devices, the translator, libc) is called through a gate, which
 * saves them first; tests/check-registers.py proves it over the linked program.  It proves as well
 * that no code of ours uses x87 or MMX, and glibc does for long double alone: what devices are
 * called for again and again saves the vector registers only. */
#ifndef UNRING_MONITOR_GATE_H
#define UNRING_MONITOR_GATE_H

#include "base/registers.h"
#include "monitor/internal.h"

#include <stdarg.h>

/* The guest's registers out of the host's, which are as a function expects them. */
void fpu_save(struct monitor *m);
/* The same of the vector registers and MXCSR alone, at a fifth of the cost: for what leaves the x87
 * unit as it is. */
void fpu_save_vectors(struct monitor *m);
/* All, with the guest's x87 pointers in the image, and none that lead into the cache. */
void fpu_save_pointers(struct monitor *m);
/* Back again, before translated code is entered; those that were not saved are as they were
 * at the exit (paranoid). */
void fpu_restore(struct monitor *m);
/* Translated code was left: from here on they are watched.  For the paranoid preset. */
void fpu_left(struct monitor *m);

/* --- what the machine does for the monitor (monitor.h) --- */
uint32_t gate_io_read(struct monitor *m, uint16_t port, unsigned size);
void gate_io_write(struct monitor *m, uint16_t port, unsigned size, uint32_t value);
void gate_io_burst(struct monitor *m, uint16_t port, unsigned size, void *buf, size_t n, bool in);
uint32_t gate_mem_read(struct monitor *m, gpa_t a, unsigned size);
void gate_mem_write(struct monitor *m, gpa_t a, unsigned size, uint32_t value);
bool gate_mem_run(struct monitor *m, const struct mem_run *r);
bool gate_intr_line(struct monitor *m);
uint8_t gate_intr_ack(struct monitor *m);
void gate_int_n(struct monitor *m, uint8_t vector);
void gate_ferr(struct monitor *m);
void gate_apic_base(struct monitor *m, uint64_t value);
uint64_t gate_tsc(struct monitor *m);
void gate_poll(struct monitor *m);
void gate_wait(struct monitor *m);
bool gate_halted(struct monitor *m);
void gate_debug(struct monitor *m, const struct debug_stop *s);

/* --- and others --- */
enum tu_status gate_translate(struct monitor *m, const struct tu_request *r, struct tu_code *out);
/* The host's mappings against the mmu's books. */
void gate_mmu_check(struct monitor *m);
void gate_log(struct monitor *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gate_format(struct monitor *m, char *out, size_t size, const char *fmt, va_list ap);

#endif
