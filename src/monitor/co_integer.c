/* Decimal arithmetic, BOUND, ARPL. */
#include "monitor/callouts.h"

/* SDM vol. 2, AAA, AAD, AAM, AAS, DAA, DAS.  Undefined flags are left as the
 * result's. */
enum callout_result co_BCD(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	uint8_t al = (uint8_t)v->gpr[EAX], ah = (uint8_t)(v->gpr[EAX] >> 8);
	bool af = v->flags & FLAG_AF, cf = v->flags & FLAG_CF, low = (al & 15) > 9 || af;
	uint8_t base = (uint8_t)operand, old = al;
	uint32_t f = 0;

	switch (CALLOUT_ARG(packed)) {
	case 0x27:   /* DAA */
	case 0x2f: { /* DAS */
		int sign = CALLOUT_ARG(packed) == 0x27 ? 1 : -1;
		bool carry = old > 0x99 || cf;
		if (low) {
			/* The borrow or carry out of the low step counts too. */
			if (sign > 0 ? al > 0xff - 6 : al < 6)
				f |= FLAG_CF;
			al += sign * 6;
			f |= FLAG_AF;
		}
		if (cf)
			f |= FLAG_CF;
		if (carry) {
			al += sign * 0x60;
			f |= FLAG_CF;
		} else if (sign > 0) {
			f &= ~(uint32_t)FLAG_CF;
		}
		break;
	}
	case 0x37: /* AAA */
	case 0x3f: /* AAS */
		if (low) {
			uint16_t ax = (uint16_t)(ah << 8 | al);
			ax += CALLOUT_ARG(packed) == 0x37 ? 0x106 : -0x106;
			al = (uint8_t)ax;
			ah = ax >> 8;
			f |= FLAG_AF | FLAG_CF;
		}
		al &= 15;
		break;
	case 0xd4: /* AAM */
		if (!base)
			return fault(m, VEC_DE, false);
		ah = al / base;
		al = al % base;
		break;
	case 0xd5: /* AAD */
		al = (uint8_t)(al + ah * base);
		ah = 0;
		break;
	}
	if (!al)
		f |= FLAG_ZF;
	if (al & 0x80)
		f |= FLAG_SF;
	if (!__builtin_parity(al))
		f |= FLAG_PF;
	v->flags = (v->flags & FLAG_DF) | f;
	v->gpr[EAX] = (v->gpr[EAX] & 0xffff0000) | (uint32_t)ah << 8 | al;
	return done(m, packed);
}

enum callout_result co_BOUND(struct monitor *m, uint32_t packed, uint64_t operand)
{
	unsigned n = CALLOUT_SIZE(packed);
	uint32_t r = m->v->gpr[CALLOUT_ARG(packed)];
	int32_t pair[2];
	int16_t pair16[2];
	uint32_t ea = (uint32_t)operand;
	if (n == 4) {
		if (!ea_read(m, packed, ea, &pair[0], 4) ||
		    !ea_read(m, packed, ea + 4, &pair[1], 4))
			return FAULTED;
		return (int32_t)r < pair[0] || (int32_t)r > pair[1] ? fault(m, VEC_BR, false)
		                                                    : done(m, packed);
	}
	if (!ea_read(m, packed, ea, &pair16[0], 2) || !ea_read(m, packed, ea + 2, &pair16[1], 2))
		return FAULTED;
	return (int16_t)r < pair16[0] || (int16_t)r > pair16[1] ? fault(m, VEC_BR, false)
	                                                        : done(m, packed);
}

enum callout_result co_ARPL(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	unsigned arg = CALLOUT_ARG(packed);
	uint16_t src = (uint16_t)v->gpr[arg & 7], dst;
	bool reg = arg >> 6 & 1;

	if (!(v->cr0 & CR0_PE) || v->vflags & FLAG_VM)
		return fault(m, VEC_UD, false);
	if (reg)
		dst = (uint16_t)v->gpr[arg >> 3 & 7];
	else if (!ea_read(m, packed, (uint32_t)operand, &dst, 2))
		return FAULTED;
	if ((dst & 3) < (src & 3)) {
		dst = (dst & ~3) | (src & 3);
		if (reg)
			set_gpr(v, arg >> 3 & 7, dst, 2);
		else if (!ea_write(m, packed, (uint32_t)operand, &dst, 2))
			return FAULTED;
		v->flags |= FLAG_ZF;
	} else {
		v->flags &= ~(uint32_t)FLAG_ZF;
	}
	return done(m, packed);
}
