/* Segment and table registers, and what asks about selectors. */
#include "monitor/callouts.h"

/* A segment register has been loaded: goes on in the unit if the mode is the same. */
static enum callout_result segment_loaded(struct monitor *m, uint32_t packed, enum sreg s)
{
	if (s == SREG_SS && m->in_once) {
		m->v->inhibit = SHADOW_SS;
		return done_dirty(m, packed);
	}
	if (s == SREG_SS)
		m->v->native.ss_loaded = m->v->eip + CALLOUT_LEN(packed);
	if (s == SREG_SS && vcpu_stack32(m->v) != !!(m->modes[m->mode] & MODE_STACK32))
		return done_dirty(m, packed);
	enum seg_class class = mode_seg_class(m->v, s);
	if (class >= CLASS_LIMITED)
		mode_reach(m->v, s);
	if (class != mode_class(m->modes[m->mode], s)) {
		m->moved = mode_with_class(m->moved, s, class);
		m->code_moved = true;
		next_eip(m, packed);
		return NEXT;
	}
	x87_note_segments(m);
	return done(m, packed);
}

enum callout_result co_MOV_SREG(struct monitor *m, uint32_t packed, uint64_t operand)
{
	enum sreg s = CALLOUT_SEG(packed);
	if (!cpu_seg_load(m->v, s, (uint16_t)operand, TRAP))
		return FAULTED;
	return segment_loaded(m, packed, s);
}

enum callout_result co_POP_SREG(struct monitor *m, uint32_t packed, uint64_t operand)
{
	enum sreg s = CALLOUT_SEG(packed);
	if (!cpu_seg_pop(m->v, s, (uint16_t)operand, CALLOUT_SIZE(packed), TRAP))
		return FAULTED;
	return segment_loaded(m, packed, s);
}

enum callout_result co_LOAD_FAR(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct callout_pair pair = pair_unpack(CALLOUT_ARG(packed));
	uint32_t off;
	uint16_t sel;
	if (!far_pointer(m, packed, (uint32_t)operand, &off, &sel) ||
	    !cpu_seg_load(m->v, pair.reg, sel, TRAP))
		return FAULTED;
	set_gpr(m->v, pair.gpr, off, CALLOUT_SIZE(packed));
	return segment_loaded(m, packed, pair.reg);
}

enum callout_result co_LGDT(struct monitor *m, uint32_t packed, uint64_t operand)
{
	bool ok =
		cpu_lgdt(m->v, CALLOUT_SEG(packed), (uint32_t)operand, CALLOUT_SIZE(packed), TRAP);
	return ok ? done(m, packed) : FAULTED;
}

enum callout_result co_LIDT(struct monitor *m, uint32_t packed, uint64_t operand)
{
	bool ok =
		cpu_lidt(m->v, CALLOUT_SEG(packed), (uint32_t)operand, CALLOUT_SIZE(packed), TRAP);
	if (!ok)
		return FAULTED;
	return mode_protected(m->v) ? done(m, packed) : done_dirty(m, packed); /* MODE_IVT */
}

enum callout_result co_SGDT(struct monitor *m, uint32_t packed, uint64_t operand)
{
	bool ok = cpu_sgdt(m->v, CALLOUT_SEG(packed), (uint32_t)operand, TRAP);
	return ok ? done(m, packed) : FAULTED;
}

enum callout_result co_SIDT(struct monitor *m, uint32_t packed, uint64_t operand)
{
	bool ok = cpu_sidt(m->v, CALLOUT_SEG(packed), (uint32_t)operand, TRAP);
	return ok ? done(m, packed) : FAULTED;
}

enum callout_result co_LLDT(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return cpu_lldt(m->v, (uint16_t)operand, TRAP) ? done(m, packed) : FAULTED;
}

enum callout_result co_LTR(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return cpu_ltr(m->v, (uint16_t)operand, TRAP) ? done(m, packed) : FAULTED;
}

static enum callout_result store_reg(struct monitor *m, uint32_t packed, uint32_t value)
{
	set_gpr(m->v, CALLOUT_ARG(packed), value, CALLOUT_SIZE(packed));
	return done(m, packed);
}

static enum callout_result store_mem(struct monitor *m, uint32_t packed, uint32_t ea,
                                     uint32_t value)
{
	return ea_write(m, packed, ea, &value, 2) ? done(m, packed) : FAULTED;
}

enum callout_result co_SLDT_REG(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return store_reg(m, packed, m->v->seg[SREG_LDTR].selector);
}

enum callout_result co_SLDT_MEM(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return store_mem(m, packed, (uint32_t)operand, m->v->seg[SREG_LDTR].selector);
}

enum callout_result co_STR_REG(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return store_reg(m, packed, m->v->seg[SREG_TR].selector);
}

enum callout_result co_STR_MEM(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return store_mem(m, packed, (uint32_t)operand, m->v->seg[SREG_TR].selector);
}

enum callout_result co_SMSW_REG(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return store_reg(m, packed, m->v->cr0);
}

enum callout_result co_SMSW_MEM(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return store_mem(m, packed, (uint32_t)operand, m->v->cr0);
}

static enum callout_result visible(struct monitor *m, uint32_t packed, bool ok, bool faulted,
                                   uint32_t value, bool store)
{
	struct vcpu *v = m->v;
	if (faulted)
		return FAULTED;
	if (ok && store)
		set_gpr(v, CALLOUT_ARG(packed), value, CALLOUT_SIZE(packed));
	v->flags = ok ? v->flags | FLAG_ZF : v->flags & ~(uint32_t)FLAG_ZF;
	return done(m, packed);
}

enum callout_result co_LAR(struct monitor *m, uint32_t packed, uint64_t operand)
{
	uint32_t value = 0;
	bool faulted = false, ok = cpu_lar(m->v, (uint16_t)operand, &value, &faulted, TRAP);
	return visible(m, packed, ok, faulted, value, true);
}

enum callout_result co_LSL(struct monitor *m, uint32_t packed, uint64_t operand)
{
	uint32_t value = 0;
	bool faulted = false, ok = cpu_lsl(m->v, (uint16_t)operand, &value, &faulted, TRAP);
	return visible(m, packed, ok, faulted, value, true);
}

enum callout_result co_VERR(struct monitor *m, uint32_t packed, uint64_t operand)
{
	bool faulted = false, ok = cpu_verr(m->v, (uint16_t)operand, &faulted, TRAP);
	return visible(m, packed, ok, faulted, 0, false);
}

enum callout_result co_VERW(struct monitor *m, uint32_t packed, uint64_t operand)
{
	bool faulted = false, ok = cpu_verw(m->v, (uint16_t)operand, &faulted, TRAP);
	return visible(m, packed, ok, faulted, 0, false);
}
