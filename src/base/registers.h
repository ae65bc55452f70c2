/* The guest's x87 and vector registers are in the host's while C runs between an exit of
 * translated code and the next entry (monitor/gate.h).  These attributes say where they are
 * not; tests/check-registers.py reads them in the linked program. */
#ifndef UNRING_BASE_REGISTERS_H
#define UNRING_BASE_REGISTERS_H

/* A gate: before anything else it calls fpu_save(). */
#define GATE __attribute__((noipa, section(".text.gate")))
/* Called by pointer, and with the guest's registers saved: behind a gate, or by the kernel
 * in a signal handler. */
#define SAVED __attribute__((noipa, section(".text.saved")))

#include <stddef.h>

/* Not libc's memcpy, which uses them. */
static inline void copy_bytes(void *dst, const void *src, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

/* An operand of an instruction: most have 1 to 8 bytes, for which REP MOVSB takes long to begin. */
static inline void copy_operand(void *dst, const void *src, size_t n)
{
	switch (n) {
	case 1:
		__builtin_memcpy(dst, src, 1);
		return;
	case 2:
		__builtin_memcpy(dst, src, 2);
		return;
	case 4:
		__builtin_memcpy(dst, src, 4);
		return;
	case 8:
		__builtin_memcpy(dst, src, 8);
		return;
	default:
		copy_bytes(dst, src, n);
	}
}

#endif
