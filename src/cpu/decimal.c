/* Decimal arithmetic.  SDM vol. 2, AAA, AAD, AAM, AAS, DAA, DAS.  Flags that the manual leaves
 * undefined are the result's, or clear. */
#include "cpu/descriptor.h"

struct ax {
	uint8_t al, ah;
};

static struct ax ax_get(const struct vcpu *v)
{
	return (struct ax){(uint8_t)v->gpr[EAX], (uint8_t)(v->gpr[EAX] >> 8)};
}

/* AX, and the flags of AL with carries. */
static void ax_set(struct vcpu *v, struct ax ax, uint32_t carries)
{
	uint32_t f = carries;

	if (!ax.al)
		f |= FLAG_ZF;
	if (ax.al & 0x80)
		f |= FLAG_SF;
	if (!__builtin_parity(ax.al))
		f |= FLAG_PF;
	v->flags = (v->flags & FLAG_DF) | f;
	v->gpr[EAX] = (v->gpr[EAX] & 0xffff0000) | (uint32_t)ax.ah << 8 | ax.al;
}

/* Is the low digit to be adjusted? */
static bool low_digit(const struct vcpu *v)
{
	return (v->gpr[EAX] & 15) > 9 || v->flags & FLAG_AF;
}

/* The high one? */
static bool high_digit(const struct vcpu *v)
{
	return (v->gpr[EAX] & 0xff) > 0x99 || v->flags & FLAG_CF;
}

void cpu_daa(struct vcpu *v)
{
	struct ax ax = ax_get(v);
	uint32_t carries = 0;

	if (low_digit(v)) {
		ax.al += 6;
		carries |= FLAG_AF;
	}
	if (high_digit(v)) {
		ax.al += 0x60;
		carries |= FLAG_CF;
	}
	ax_set(v, ax, carries);
}

void cpu_das(struct vcpu *v)
{
	struct ax ax = ax_get(v);
	uint32_t carries = v->flags & FLAG_CF;

	if (low_digit(v)) {
		if (ax.al < 6)
			carries |= FLAG_CF;
		ax.al -= 6;
		carries |= FLAG_AF;
	}
	if (high_digit(v)) {
		ax.al -= 0x60;
		carries |= FLAG_CF;
	}
	ax_set(v, ax, carries);
}

/* AAA and AAS: AX by 106h, then the low digit of AL alone. */
static void ascii_adjust(struct vcpu *v, uint16_t by)
{
	struct ax ax = ax_get(v);
	uint32_t carries = 0;

	if (low_digit(v)) {
		uint16_t sum = (uint16_t)v->gpr[EAX] + by;

		ax = (struct ax){(uint8_t)sum, sum >> 8};
		carries = FLAG_AF | FLAG_CF;
	}
	ax.al &= 15;
	ax_set(v, ax, carries);
}

void cpu_aaa(struct vcpu *v)
{
	ascii_adjust(v, 0x106);
}

void cpu_aas(struct vcpu *v)
{
	ascii_adjust(v, -0x106);
}

bool cpu_aam(struct vcpu *v, uint8_t base, struct trap *t)
{
	uint8_t al = ax_get(v).al;

	if (!base)
		return fail_plain(t, VEC_DE);
	ax_set(v, (struct ax){al % base, al / base}, 0);
	return true;
}

void cpu_aad(struct vcpu *v, uint8_t base)
{
	struct ax ax = ax_get(v);

	ax_set(v, (struct ax){(uint8_t)(ax.al + ax.ah * base), 0}, 0);
}
