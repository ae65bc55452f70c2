/* ENTER, PUSHF, POPF. */
#include "monitor/callouts.h"

static uint32_t stack_offset(const struct vcpu *v, uint32_t sp)
{
	return vcpu_stack32(v) ? sp : sp & 0xffff;
}

static void stack_set(struct vcpu *v, uint32_t sp)
{
	v->gpr[ESP] = vcpu_stack32(v) ? sp : (v->gpr[ESP] & 0xffff0000) | (sp & 0xffff);
}

static bool stack_access(struct monitor *m, uint32_t sp, void *data, unsigned n, bool write)
{
	struct vcpu *v = m->v;
	uint32_t off = stack_offset(v, sp);
	gla_t a = gla(v->seg[SREG_SS].base + off);
	if (!cpu_seg_check(v, SREG_SS, off, n, write, TRAP) || !guest_operand(m, a, n, write, TRAP))
		return false;
	return write ? guest_write(m, a, data, n, at_user(m), TRAP)
	             : guest_read(m, a, data, n, at_user(m), TRAP);
}

/* SDM vol. 2, ENTER. */
enum callout_result co_ENTER(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	unsigned n = CALLOUT_SIZE(packed), level = CALLOUT_ARG(packed);
	uint32_t sp = v->gpr[ESP] - n, bp = v->gpr[EBP], frame = sp, slot;

	if (!stack_access(m, sp, &v->gpr[EBP], n, true))
		return FAULTED;
	for (unsigned i = 1; i < level; i++) {
		bp -= n;
		sp -= n;
		if (!stack_access(m, bp, &slot, n, false) || !stack_access(m, sp, &slot, n, true))
			return FAULTED;
	}
	if (level) {
		sp -= n;
		slot = vcpu_stack32(v) ? frame : (v->gpr[ESP] & 0xffff0000) | (frame & 0xffff);
		if (!stack_access(m, sp, &slot, n, true))
			return FAULTED;
	}
	sp -= (uint32_t)operand;
	/* A write at the new top must be possible. */
	uint32_t off = stack_offset(v, sp);
	gla_t top = gla(v->seg[SREG_SS].base + off);
	if (!cpu_seg_check(v, SREG_SS, off, n, true, TRAP) ||
	    !guest_aligned(m, top, n, true, TRAP) ||
	    !guest_probe_write(m, top, n, at_user(m), TRAP))
		return FAULTED;
	stack_set(v, sp);
	set_gpr(v, EBP, frame, vcpu_stack32(v) ? n : 2);
	return done(m, packed);
}

enum callout_result co_PUSHF(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	unsigned n = CALLOUT_SIZE(packed);
	uint32_t f = vcpu_eflags(v) & ~(uint32_t)(FLAG_VM | FLAG_RF);
	if (v->vflags & FLAG_VM && vcpu_iopl(v) < 3)
		return fault(m, VEC_GP, true);
	if (!stack_access(m, v->gpr[ESP] - n, &f, n, true))
		return FAULTED;
	stack_set(v, v->gpr[ESP] - n);
	return done(m, packed);
}

enum callout_result co_POPF(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	unsigned n = CALLOUT_SIZE(packed);
	uint32_t f = 0;
	if (v->vflags & FLAG_VM && vcpu_iopl(v) < 3)
		return fault(m, VEC_GP, true);
	if (!stack_access(m, v->gpr[ESP], &f, n, false))
		return FAULTED;
	stack_set(v, v->gpr[ESP] + n);
	cpu_popf(v, f, n);
	return done_dirty(m, packed);
}
