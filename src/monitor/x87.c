/* The x87 unit's pointers to its last instruction and operand: the host's, made the guest's.
 * SDM vol. 1, 8.1.8. */
#include "monitor/internal.h"

/* The image of the 32-bit FXSAVE.  SDM vol. 1, table 10-2. */
enum { FX_FOP = 6, FX_FIP = 8, FX_FDP = 16 };

/* The opcode as FOP has it, from the guest's instruction: the operand's form may be another
 * in the host's. */
static uint16_t opcode_at(struct monitor *m, uint32_t eip, uint16_t host_fop)
{
	uint8_t b[15];
	struct trap t;
	if (!guest_read(m, gla(m->v->seg[SREG_CS].base + eip), b, sizeof b, at_user(m), &t))
		return host_fop;
	for (unsigned i = 0; i + 1 < sizeof b; i++)
		if (b[i] >= 0xd8 && b[i] <= 0xdf)
			return (uint16_t)((b[i] & 7) << 8 | b[i + 1]);
	return host_fop;
}

/* FXSAVE stores the pointers only while an exception is pending on some processors, and
 * then FXRSTOR loses them; FNSTENV stores them always, but 32 bits of them: a code segment
 * that is the host's tells ours from those that the guest has loaded. */
void x87_pointers(struct monitor *m)
{
	const struct vcpu *v = m->v;
	uint32_t env[7], host_cs;
	uint64_t pc, base;

	__asm__ volatile("fnstenv %0" : "=m"(env));
	__asm__("mov %%cs, %0" : "=r"(host_cs));
	__builtin_memcpy(&pc, m->fpu + FX_FIP, 8);
	tcache_once(m->cache, &base);
	if (!pc && (uint16_t)env[4] == (uint16_t)host_cs)
		pc = base + (uint32_t)(env[3] - (uint32_t)base);
	uint16_t fop = env[4] >> 16 & 0x7ff;
	uint32_t fdp = env[5];
	uint32_t pointers[4] = {env[3], env[4] & 0xffff, fdp, env[6] & 0xffff};
	if (tcache_contains(m->cache, pc)) {
		pointers[0] = fault_guest_eip(m, pc);
		pointers[1] = v->seg[SREG_CS].selector;
		fop = opcode_at(m, pointers[0], fop);
		pointers[2] = fdp ? fdp - v->seg[SREG_DS].base : 0;
		pointers[3] = fdp ? v->seg[SREG_DS].selector : 0;
	}
	__builtin_memcpy(m->fpu + FX_FOP, &fop, 2);
	__builtin_memcpy(m->fpu + FX_FIP, pointers, 16);
	m->fpu_pointers = true;
}

/* The two-bit tags from the abridged ones.  SDM vol. 1, 8.1.7, 10.5.1.1. */
uint16_t x87_tags(const uint8_t *fx)
{
	unsigned top = fx[3] >> 3 & 7;
	uint16_t tags = 0;
	for (unsigned i = 0; i < 8; i++) {
		const uint8_t *st = fx + 32 + 16 * ((i - top) & 7);
		uint16_t exp;
		uint64_t mant;
		unsigned tag = 3;
		__builtin_memcpy(&mant, st, 8);
		__builtin_memcpy(&exp, st + 8, 2);
		exp &= 0x7fff;
		if (fx[4] >> i & 1)
			tag = exp == 0 && mant == 0 ? 1 : exp == 0 || exp == 0x7fff || !(mant >> 63) ? 2 : 0;
		tags |= tag << 2 * i;
	}
	return tags;
}

/* SDM vol. 1, figures 8-9 to 8-12. */
unsigned x87_environment(struct monitor *m, unsigned opsize, uint8_t *out)
{
	const struct vcpu *v = m->v;
	uint32_t p[4], code, data;
	uint16_t w[7], fop;

	__builtin_memcpy(&w[0], m->fpu, 2);
	__builtin_memcpy(&w[1], m->fpu + 2, 2);
	w[2] = x87_tags(m->fpu);
	__builtin_memcpy(&fop, m->fpu + FX_FOP, 2);
	__builtin_memcpy(p, m->fpu + FX_FIP, 16);
	code = (p[1] & 0xffff) | (uint32_t)fop << 16;
	data = p[3] | 0xffff0000u;
	if (!(v->cr0 & CR0_PE) || v->vflags & FLAG_VM) {
		/* Linear addresses: 16 bits, then the others from bit 12 on. */
		if (p[0])
			p[0] += v->seg[SREG_CS].base;
		if (p[2])
			p[2] += v->seg[SREG_DS].base;
		code = (p[0] >> 16) << 12 | fop;
		data = (p[2] >> 16) << 12;
		p[0] = (p[0] & 0xffff) | 0xffff0000u;
		p[2] = (p[2] & 0xffff) | 0xffff0000u;
	}
	if (opsize == 2) {
		w[3] = (uint16_t)p[0];
		w[4] = (uint16_t)code;
		w[5] = (uint16_t)p[2];
		w[6] = (uint16_t)data;
		__builtin_memcpy(out, w, 14);
		return 14;
	}
	uint32_t d[7] = {w[0] | 0xffff0000u, w[1] | 0xffff0000u, w[2] | 0xffff0000u,
	                 p[0],               code,               p[2],
	                 data};
	__builtin_memcpy(out, d, 28);
	return 28;
}
