/* Instructions that reach into memory by themselves: BOUND, ARPL, ENTER, the table registers. */
#include "cpu/descriptor.h"

bool operand_read(struct vcpu *v, enum sreg s, uint32_t off, void *dst, unsigned size,
                  struct trap *t)
{
	return cpu_seg_check(v, s, off, size, false, t) &&
	       mem_read(v, v->seg[s].base + off, dst, size, priv_of(v->cpl), t);
}

bool operand_write(struct vcpu *v, enum sreg s, uint32_t off, const void *src, unsigned size,
                   struct trap *t)
{
	return cpu_seg_check(v, s, off, size, true, t) &&
	       mem_write(v, v->seg[s].base + off, src, size, priv_of(v->cpl), t);
}

/* A signed operand of 2 or 4 bytes. */
static int32_t extend(uint32_t x, unsigned size)
{
	return size == 2 ? (int16_t)x : (int32_t)x;
}

bool cpu_bound(struct vcpu *v, uint32_t index, enum sreg s, uint32_t off, unsigned size,
               struct trap *t)
{
	uint32_t lower = 0, upper = 0;
	int32_t i = extend(index, size);

	if (!operand_read(v, s, off, &lower, size, t) ||
	    !operand_read(v, s, off + size, &upper, size, t))
		return false;
	if (i < extend(lower, size) || i > extend(upper, size))
		return fail_plain(t, VEC_BR);
	return true;
}

/* Gives the selector at least the RPL of the other: does that change it? */
static bool raise_rpl(uint16_t *sel, uint16_t by)
{
	if ((*sel & SEL_RPL) >= (by & SEL_RPL))
		return false;
	*sel = (*sel & ~SEL_RPL) | (by & SEL_RPL);
	return true;
}

static void set_zf(struct vcpu *v, bool on)
{
	v->flags = on ? v->flags | FLAG_ZF : v->flags & ~(uint32_t)FLAG_ZF;
}

bool cpu_arpl_register(struct vcpu *v, enum gpr dst, uint16_t src, struct trap *t)
{
	uint16_t sel = (uint16_t)v->gpr[dst];

	if (!mode_protected(v))
		return fail_plain(t, VEC_UD);
	set_zf(v, raise_rpl(&sel, src));
	v->gpr[dst] = (v->gpr[dst] & 0xffff0000) | sel;
	return true;
}

bool cpu_arpl_memory(struct vcpu *v, enum sreg s, uint32_t off, uint16_t src, struct trap *t)
{
	uint16_t sel;
	bool raised;

	if (!mode_protected(v))
		return fail_plain(t, VEC_UD);
	if (!operand_read(v, s, off, &sel, 2, t))
		return false;
	raised = raise_rpl(&sel, src);
	if (raised && !operand_write(v, s, off, &sel, 2, t))
		return false;
	set_zf(v, raised);
	return true;
}

bool cpu_enter(struct vcpu *v, unsigned size, unsigned level, uint16_t bytes, struct trap *t)
{
	struct stack s = stack_current(v, 0);
	bool wide = vcpu_stack32(v);
	uint32_t sp = s.sp - size, bp = v->gpr[EBP], frame = sp, slot;

	if (!operand_write(v, SREG_SS, sp & s.mask, &v->gpr[EBP], size, t))
		return false;
	for (unsigned i = 1; i < level; i++) {
		bp -= size;
		sp -= size;
		if (!operand_read(v, SREG_SS, bp & s.mask, &slot, size, t) ||
		    !operand_write(v, SREG_SS, sp & s.mask, &slot, size, t))
			return false;
	}
	frame = (s.sp & ~s.mask) | (frame & s.mask);
	if (level) {
		sp -= size;
		if (!operand_write(v, SREG_SS, sp & s.mask, &frame, size, t))
			return false;
	}
	sp -= bytes;
	/* A write at the new top must be possible. */
	if (!cpu_seg_check(v, SREG_SS, sp & s.mask, size, true, t) ||
	    !v->env.probe_write(v->env.ctx, gla(s.seg->base + (sp & s.mask)), size, s.priv, t))
		return false;
	stack_move(&s, sp - s.sp);
	v->gpr[ESP] = s.sp;
	if (!wide || size == 2)
		frame = (v->gpr[EBP] & 0xffff0000) | (frame & 0xffff);
	v->gpr[EBP] = frame;
	return true;
}

/* LGDT and LIDT: 24 bits of the base with an operand of 16 bits. */
static bool table_load(struct vcpu *v, struct table_reg *r, enum sreg s, uint32_t off,
                       unsigned opsize, struct trap *t)
{
	uint16_t limit;
	uint32_t base;

	if (!operand_read(v, s, off, &limit, 2, t) || !operand_read(v, s, off + 2, &base, 4, t))
		return false;
	*r = (struct table_reg){.base = opsize == 2 ? base & 0xffffff : base, .limit = limit};
	return true;
}

/* SGDT and SIDT: all of the base, whatever the operand's size; only a 286 differs. */
static bool table_store(struct vcpu *v, const struct table_reg *r, enum sreg s, uint32_t off,
                        struct trap *t)
{
	const uint16_t image[3] = {(uint16_t)r->limit, (uint16_t)r->base, r->base >> 16};

	return operand_write(v, s, off, image, sizeof(image), t);
}

bool cpu_lgdt(struct vcpu *v, enum sreg s, uint32_t off, unsigned opsize, struct trap *t)
{
	return table_load(v, &v->gdtr, s, off, opsize, t);
}

bool cpu_lidt(struct vcpu *v, enum sreg s, uint32_t off, unsigned opsize, struct trap *t)
{
	return table_load(v, &v->idtr, s, off, opsize, t);
}

bool cpu_sgdt(struct vcpu *v, enum sreg s, uint32_t off, struct trap *t)
{
	return table_store(v, &v->gdtr, s, off, t);
}

bool cpu_sidt(struct vcpu *v, enum sreg s, uint32_t off, struct trap *t)
{
	return table_store(v, &v->idtr, s, off, t);
}
