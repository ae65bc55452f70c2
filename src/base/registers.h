/* The guest's x87 and vector registers are in the host's while C runs between an exit of
 * translated code and the next entry (monitor/gate.h).  These attributes say where they are
 * not; tests/check-registers.py reads them in the linked program. */
#ifndef UNRING_BASE_REGISTERS_H
#define UNRING_BASE_REGISTERS_H

/* A gate: before anything else it calls fpu_save(). */
#define GATE __attribute__((noipa, section(".text.gate")))
/* Called by pointer without a gate: it leaves those registers alone.  What it calls in its file is made
 * a part of it. */
#define LEAF __attribute__((section(".text.leaf"), flatten))
/* Called by pointer, and with the guest's registers saved: behind a gate, or by the kernel
 * in a signal handler. */
#define SAVED __attribute__((noipa, section(".text.saved")))

#include <stddef.h>

/* Not libc's memcpy, which uses them. */
static inline void copy_bytes(void *dst, const void *src, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

/* An operand of an instruction, or a part of a frame.  As wide as it is made and used, since the
 * processor forwards what was stored lately to loads of that width alone: descriptors are qwords,
 * frames dwords.  REP MOVSB begins slowly. */
static inline void copy_operand(void *dst, const void *src, size_t n)
{
	switch (n) {
	case 1:
		__builtin_memcpy(dst, src, 1);
		return;
	case 2:
		__builtin_memcpy(dst, src, 2);
		return;
	case 8:
		__builtin_memcpy(dst, src, 8);
		return;
	default:
		break;
	}
	if (n & 3 || n > 64) {
		copy_bytes(dst, src, n);
		return;
	}
	for (size_t i = 0; i < n; i += 4) {
		__builtin_memcpy((char *)dst + i, (const char *)src + i, 4);
		__asm__ volatile("" : : : "memory"); /* or they may be joined */
	}
}

#endif
