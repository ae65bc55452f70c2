/* What the monitor is asked from outside: kicks, the interrupt line, the end. */
#include "monitor/gate.h"

void monitor_kick(struct monitor *m)
{
	__atomic_fetch_or(&m->v->native.pending, PENDING_KICK, __ATOMIC_RELAXED);
}

void monitor_allow(struct monitor *m, int64_t instructions)
{
	m->allowed = instructions;
}

int64_t monitor_allowed(const struct monitor *m)
{
	return m->allowed;
}

void monitor_stop(struct monitor *m, enum monitor_end why, int code)
{
	if (m->end != END_RUNNING)
		return;
	m->end = why;
	m->end_code = code;
	monitor_kick(m);
}

uint32_t *monitor_in_registers(struct monitor *m)
{
	return m->in_done ? m->v->gpr : NULL;
}

void monitor_ignne(struct monitor *m)
{
	m->ignne = x87_pending(m);
	monitor_kick(m);
}

void monitor_nmi(struct monitor *m)
{
	m->nmi = true;
	monitor_kick(m);
}

int monitor_stop_code(const struct monitor *m)
{
	return m->end_code;
}

void monitor_kill(struct monitor *m, const char *fmt, ...)
{
	va_list ap;
	if (m->end != END_RUNNING)
		return;
	va_start(ap, fmt);
	gate_format(m, m->why, sizeof m->why, fmt, ap);
	va_end(ap);
	monitor_stop(m, END_KILLED, 1);
}

void interrupt_line_update(struct monitor *m)
{
	bool line = gate_intr_line(m);
	/* It seldom is another, and a locked instruction is what this would cost otherwise. */
	if (line == !!(__atomic_load_n(&m->v->native.pending, __ATOMIC_RELAXED) & PENDING_INTR))
		return;
	if (line)
		__atomic_fetch_or(&m->v->native.pending, PENDING_INTR, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&m->v->native.pending, ~(uint32_t)PENDING_INTR,
		                   __ATOMIC_RELAXED);
}

void events_poll(struct monitor *m)
{
	__atomic_fetch_and(&m->v->native.pending, ~(uint32_t)PENDING_KICK, __ATOMIC_RELAXED);
	gate_poll(m);
	tcache_calm(m->cache, __builtin_ia32_rdtsc());
	interrupt_line_update(m);
}
