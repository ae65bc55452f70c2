/* What the callouts (co_*.c) share. */
#ifndef UNRING_MONITOR_CALLOUTS_H
#define UNRING_MONITOR_CALLOUTS_H

#include "monitor/gate.h"

/* Does the instruction at v->eip, by its operands (abi/callouts.inc). */
typedef enum callout_result callout_fn(struct monitor *m, uint32_t packed, uint64_t operand);

#define CALLOUT(name, flow, faults, words) callout_fn co_##name;
#include "abi/callouts.inc"
#undef CALLOUT

/* Where a fault of the guest's is described before FAULTED. */
#define TRAP (&m->fault.trap)

static inline void next_eip(struct monitor *m, uint32_t packed)
{
	m->v->eip += CALLOUT_LEN(packed);
}

static inline enum callout_result done(struct monitor *m, uint32_t packed)
{
	next_eip(m, packed);
	return RESUME;
}

/* The same, but the mode or the window may have changed. */
static inline enum callout_result done_dirty(struct monitor *m, uint32_t packed)
{
	next_eip(m, packed);
	m->state_dirty = true;
	return NEXT;
}

static inline enum callout_result jumped(struct monitor *m)
{
	m->state_dirty = true;
	return NEXT;
}

static inline enum callout_result fault(struct monitor *m, enum vector v, bool error)
{
	m->fault.trap = error ? trap_error(v, 0) : trap_plain(v);
	return FAULTED;
}

static inline void set_gpr(struct vcpu *v, unsigned r, uint32_t value, unsigned size)
{
	v->gpr[r] = size == 2 ? (v->gpr[r] & 0xffff0000) | (value & 0xffff) : value;
}

/* What MOVE stores, of 1, 2 or 4 bytes: registers 4 to 7 of one are AH, CH, DH and BH. */
static inline uint32_t move_value(const struct vcpu *v, unsigned arg, unsigned size)
{
	unsigned r = arg & 7;
	if (arg & MOVE_IMMEDIATE)
		return (uint32_t)v->native.scratch[CELL_R11];
	return size == 1 && r >= 4 ? v->gpr[r - 4] >> 8 : v->gpr[r];
}

/* What it loads, or IN. */
static inline void move_set(struct vcpu *v, unsigned r, unsigned size, uint32_t value)
{
	if (size == 4)
		v->gpr[r] = value;
	else if (size == 2)
		v->gpr[r] = (v->gpr[r] & 0xffff0000) | (value & 0xffff);
	else if (r < 4)
		v->gpr[r] = (v->gpr[r] & 0xffffff00) | (value & 0xff);
	else
		v->gpr[r - 4] = (v->gpr[r - 4] & 0xffff00ff) | (value & 0xff) << 8;
}

/* Memory operands by segment and offset. */
bool ea_read(struct monitor *m, uint32_t packed, uint32_t off, void *dst, unsigned n);
bool ea_write(struct monitor *m, uint32_t packed, uint32_t off, const void *src, unsigned n);
/* A far pointer at ea, with an offset of the operand's size. */
bool far_pointer(struct monitor *m, uint32_t packed, uint32_t ea, uint32_t *off, uint16_t *sel);

/* The platform switches tsc_exits while it handles a port. */
static inline bool tsc_mode_changed(const struct monitor *m)
{
	return m->v->tsc_exits != !!(m->modes[m->mode] & MODE_TSC_EXITS);
}

#endif
