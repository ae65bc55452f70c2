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
