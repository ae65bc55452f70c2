/* Exceptions and interrupts on their way to the guest. */
#include "monitor/gate.h"

void trap_deliver(struct monitor *m, const struct trap *t)
{
	if (!cpu_exception(m->v, t))
		monitor_stop(m, END_TRIPLE, 1);
	m->state_dirty = m->worked = true;
}

void monitor_trap(struct monitor *m, const struct trap *t)
{
	struct vcpu *v = m->v;
	stats.exceptions++;
	m->trapped = true;
	if (t->vector != VEC_DB)
		m->debug.hit = false; /* the access was not made */
	m->debug_hits = 0;            /* from here on: those of the frame */
	if (t->vector == VEC_PF) {
		stats.true_faults++;
		m->premap = at_user(m) ? t->cr2.v | 1 : 0;
	}
	if (log_on(LOG_EXC))
		gate_log(m, "exception %u error %x cr2 %08x at %04x:%08x esp %08x", t->vector,
		         t->error, t->cr2.v, v->seg[SREG_CS].selector, v->eip, v->gpr[ESP]);
	trap_deliver(m, t);
}

/* The processor takes it as this vector. */
static void interrupt_take(struct monitor *m, uint8_t vector)
{
	stats.interrupts++;
	if (log_on(LOG_INT))
		gate_log(m, "interrupt %02x at %04x:%08x", vector, m->v->seg[SREG_CS].selector,
		         m->v->eip);
	if (!cpu_external(m->v, vector))
		monitor_stop(m, END_TRIPLE, 1);
	m->state_dirty = true;
}

void interrupt_deliver(struct monitor *m)
{
	if (nmi_is_due(m)) {
		m->nmi = false;
		m->nmi_blocked = true;
		interrupt_take(m, VEC_NMI);
		return;
	}
	/* The request may have been withdrawn since it was seen. */
	interrupt_line_update(m);
	if (!(m->v->native.pending & PENDING_INTR))
		return;
	uint8_t vector = gate_intr_ack(m);
	interrupt_line_update(m);
	interrupt_take(m, vector);
}
