/* x87 environments as they are stored, and the waiting instruction that meets an exception. */
#include "monitor/gate.h"

/* The image of the 32-bit FXSAVE.  SDM vol. 1, table 10-2. */
enum { FX_FCW = 0, FX_FSW = 2, FX_FOP = 6, FX_FIP = 8 };

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
			tag = exp == 0 && mant == 0                        ? 1
			      : exp == 0 || exp == 0x7fff || !(mant >> 63) ? 2
			                                                   : 0;
		tags |= tag << 2 * i;
	}
	return tags;
}

/* The base of a segment register that holds this selector, DS first. */
static uint32_t base_of(const struct vcpu *v, uint32_t selector)
{
	static const uint8_t order[] = {SREG_DS, SREG_ES, SREG_SS, SREG_FS, SREG_GS, SREG_CS};
	for (unsigned i = 0; i < sizeof order; i++)
		if (v->seg[order[i]].selector == selector)
			return v->seg[order[i]].base;
	return selector << 4;
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
	if (!mode_protected(v)) {
		/* Linear addresses: 16 bits, then the others from bit 12 on. */
		if (p[0])
			p[0] += v->seg[SREG_CS].base;
		if (p[2])
			p[2] += base_of(v, p[3]);
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
	uint32_t d[7] = {
		w[0] | 0xffff0000u, w[1] | 0xffff0000u, w[2] | 0xffff0000u, p[0], code, p[2], data};
	__builtin_memcpy(out, d, 28);
	return 28;
}

/* --- FERR# and IGNNE#: SDM vol. 1, 8.7.2, appendix D.2 --- */

enum { EXCEPTIONS = 0x3f, FSW_ES = 0x80, FSW_B = 0x8000 };

static uint16_t fx_get(const struct monitor *m, unsigned at)
{
	uint16_t w;
	__builtin_memcpy(&w, m->fpu + at, 2);
	return w;
}

/* The control word, and what it makes of the status word. */
static void fx_set_control(struct monitor *m, uint16_t fcw)
{
	uint16_t fsw = fx_get(m, FX_FSW) & ~(FSW_ES | FSW_B);
	if (fsw & EXCEPTIONS & ~fcw)
		fsw |= FSW_ES | FSW_B;
	__builtin_memcpy(m->fpu + FX_FCW, &fcw, 2);
	__builtin_memcpy(m->fpu + FX_FSW, &fsw, 2);
}

/* FLDENV, FLDCW, FRSTOR. */
static bool loads_control(const struct x87_insn *i)
{
	unsigned opcode = i->fop >> 8, reg = i->fop >> 3 & 7;
	return i->memory && ((opcode == 1 && (reg == 4 || reg == 5)) || (opcode == 5 && reg == 4));
}

void x87_ignore_begin(struct monitor *m, struct x87_ignored *g)
{
	struct x87_insn i;
	uint32_t at = m->v->seg[SREG_CS].base + m->v->eip;
	g->control = x87_read(m, at, m->modes[m->mode], &i) && loads_control(&i);
	fpu_save(m);
	g->fcw = fx_get(m, FX_FCW);
	fx_set_control(m, g->fcw | EXCEPTIONS);
}

void x87_ignore_end(struct monitor *m, const struct x87_ignored *g)
{
	fpu_save(m);
	if (!g->control)
		fx_set_control(m, g->fcw);
}

void x87_freeze(struct monitor *m)
{
	gate_ferr(m);
	m->frozen = true;
}
