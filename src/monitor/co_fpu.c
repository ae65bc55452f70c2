/* Stored x87 environments (x87.c). */
#include "monitor/callouts.h"

enum callout_result co_FNSTENV(struct monitor *m, uint32_t packed, uint64_t operand)
{
	uint8_t image[28];
	fpu_save_pointers(m);
	unsigned n = x87_environment(m, CALLOUT_SIZE(packed), image);
	if (!ea_write(m, packed, (uint32_t)operand, image, n))
		return FAULTED;
	m->fpu[0] |= 0x3f;
	return done(m, packed);
}

enum callout_result co_FNSAVE(struct monitor *m, uint32_t packed, uint64_t operand)
{
	uint8_t image[108];
	fpu_save_pointers(m);
	unsigned n = x87_environment(m, CALLOUT_SIZE(packed), image), top = m->fpu[3] >> 3 & 7;
	for (unsigned i = 0; i < 8; i++)
		__builtin_memcpy(image + n + 10 * i, m->fpu + 32 + 16 * i, 10);
	if (!ea_write(m, packed, (uint32_t)operand, image, n + 80))
		return FAULTED;
	/* FNINIT: the registers stay where they are, ST(0) is again the first. */
	for (unsigned i = 0; i < 8; i++)
		__builtin_memcpy(m->fpu + 32 + 16 * ((i + top) & 7), image + n + 10 * i, 10);
	__builtin_memset(m->fpu, 0, 24);
	m->fpu[0] = 0x7f;
	m->fpu[1] = 0x03;
	return done(m, packed);
}

/* The 32-bit form ends after XMM7: the rest of the area is not written. */
enum callout_result co_FXSAVE(struct monitor *m, uint32_t packed, uint64_t operand)
{
	static const uint32_t mxcsr_mask = 0xffff; /* not what else the host has */
	uint8_t image[288];
	uint32_t ea = (uint32_t)operand;
	if ((m->v->seg[CALLOUT_SEG(packed)].base + ea) & 15)
		return fault(m, VEC_GP, true);
	/* All of the area has to be there.  SDM vol. 2, FXSAVE: a memory location of 512 bytes. */
	enum sreg seg = CALLOUT_SEG(packed);
	gla_t a = gla(m->v->seg[seg].base + ea);
	if (!cpu_seg_check(m->v, seg, ea, 512, true, TRAP) ||
	    !guest_probe_write(m, a, 512, at_user(m), TRAP))
		return FAULTED;
	fpu_save_pointers(m);
	__builtin_memcpy(image, m->fpu, 288);
	__builtin_memcpy(image + 28, &mxcsr_mask, 4);
	return ea_write(m, packed, ea, image, 288) ? done(m, packed) : FAULTED;
}
