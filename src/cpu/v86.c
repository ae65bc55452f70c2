/* The virtual-8086 mode extensions, CR4.VME, and CR4.PVI.  SDM vol. 3, 20.3 and 20.4. */
#include "cpu/v86.h"

bool v86_enter(const struct vcpu *v, struct trap *t)
{
	uint32_t both = FLAG_VIF | FLAG_VIP;

	return !v86_virtual(v) || (v->vflags & both) != both || fail(t, VEC_GP, 0);
}

uint32_t v86_flags(const struct vcpu *v)
{
	uint32_t f = vcpu_eflags(v);

	if (v86_sensitive(v))
		f = (f & ~(uint32_t)FLAG_IF) | FLAG_IOPL | (f & FLAG_VIF ? FLAG_IF : 0);
	return f;
}

bool v86_flags_load(const struct vcpu *v, uint32_t *value, uint32_t *mask, struct trap *t)
{
	if (!v86_sensitive(v))
		return true;
	if (*value & FLAG_TF || (*value & FLAG_IF && v->vflags & FLAG_VIP))
		return fail(t, VEC_GP, 0);
	*value = (*value & ~(uint32_t)FLAG_VIF) | (*value & FLAG_IF ? FLAG_VIF : 0);
	*mask |= FLAG_VIF;
	return true;
}

/* The vector's bit in the 32 bytes below the bitmap of ports.  SDM vol. 3, figure 20-5. */
static bool is_redirected(struct vcpu *v, uint8_t vector, bool *redirected, struct trap *t)
{
	const struct segment *tr = &v->seg[SREG_TR];
	uint16_t map;
	uint8_t bits;
	uint32_t at;

	if (!(tr->attr & SYS_32) || tr->limit < 103)
		return fail(t, VEC_GP, 0);
	if (!mem_read(v, tr->base + 102, &map, sizeof(map), PRIV_SUPERVISOR, t))
		return false;
	at = map - 32u + vector / 8;
	if (at > tr->limit)
		return fail(t, VEC_GP, 0);
	if (!mem_read(v, tr->base + at, &bits, sizeof(bits), PRIV_SUPERVISOR, t))
		return false;
	*redirected = !(bits >> (vector & 7) & 1);
	return true;
}

/* SDM vol. 3, table 20-2. */
bool v86_interrupt(struct vcpu *v, uint8_t vector, uint32_t next, bool *redirected, struct trap *t)
{
	const uint32_t frame[] = {next, v->seg[SREG_CS].selector, v86_flags(v)};
	struct stack s = stack_current(v, 0);
	uint16_t entry[2];

	*redirected = false;
	if (v->cr4 & CR4_VME && !is_redirected(v, vector, redirected, t))
		return false;
	if (!*redirected)
		return !v86_sensitive(v) || fail(t, VEC_GP, 0);
	if (!mem_read(v, vector * 4u, entry, sizeof(entry), PRIV_USER, t) ||
	    !stack_push(v, &s, frame, 3, 2, t))
		return false;
	v->gpr[ESP] = s.sp;
	if (v86_sensitive(v))
		v->vflags &= ~(uint32_t)FLAG_VIF;
	else
		v->if_flag = 0;
	v->vflags &= ~(uint32_t)(FLAG_TF | FLAG_RF);
	segment_set_v86(&v->seg[SREG_CS], entry[1]);
	v->eip = entry[0];
	return true;
}
