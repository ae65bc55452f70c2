/* Ports, HLT and what is as good, CLI and STI. */
#include "monitor/callouts.h"

enum callout_result co_IN(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	unsigned n = CALLOUT_SIZE(packed);
	uint16_t port = (uint16_t)operand;
	if (!cpu_io_check(v, port, n, TRAP))
		return FAULTED;
	stats.io_reads++;
	debug_port(m, port, n);
	m->in_done = true;
	uint32_t value = gate_io_read(m, port, n);
	m->in_done = false;
	if (log_on(LOG_IO))
		gate_log(m, "in %04x.%u = %x at %08x", port, n, value, v->eip);
	if (n == 1)
		v->gpr[EAX] = (v->gpr[EAX] & ~0xffu) | (value & 0xff);
	else
		set_gpr(v, EAX, value, n);
	interrupt_line_update(m);
	return m->remapped || tsc_mode_changed(m) ? done_dirty(m, packed) : done(m, packed);
}

enum callout_result co_OUT(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct vcpu *v = m->v;
	unsigned n = CALLOUT_SIZE(packed);
	uint16_t port = (uint16_t)operand;
	uint32_t value = n == 4 ? v->gpr[EAX] : v->gpr[EAX] & ((1u << 8 * n) - 1);
	if (!cpu_io_check(v, port, n, TRAP))
		return FAULTED;
	stats.io_writes++;
	if (log_on(LOG_IO))
		gate_log(m, "out %04x.%u = %x at %08x", port, n, value, v->eip);
	debug_port(m, port, n);
	gate_io_write(m, port, n, value);
	interrupt_line_update(m);
	/* The device may have changed the physical map, and with it the code behind this. */
	return m->remapped ? done_dirty(m, packed) : done(m, packed);
}

static void sleep_here(struct monitor *m)
{
	uint32_t eip = m->v->eip;
	interrupt_line_update(m);
	while (m->end == END_RUNNING && !interrupt_is_due(m) && m->v->eip == eip) {
		stats.halts++;
		gate_wait(m);
		interrupt_line_update(m);
		debug_halted(m);
	}
}

void wait_for_interrupt(struct monitor *m)
{
	if (!m->v->if_flag && !nmi_is_due(m) && (!m->cfg.platform.halted || !gate_halted(m)))
		monitor_stop(m, END_HALT, 0);
	else
		sleep_here(m);
}

enum callout_result co_HLT(struct monitor *m, uint32_t packed, uint64_t operand)
{
	next_eip(m, packed);
	if (!(m->v->vflags & FLAG_TF)) /* whose trap ends it at once */
		wait_for_interrupt(m);
	return NEXT;
}

/* Many kernels idle so, and nothing but an interrupt leads out of it: it need not be jumped.  Who looks
 * at each instruction sees each jump. */
enum callout_result co_SPIN(struct monitor *m, uint32_t packed, uint64_t operand)
{
	if (!(m->v->vflags & FLAG_TF) && !debug_on(m) && !debug_code(m))
		sleep_here(m);
	return NEXT;
}

enum callout_result co_CLI(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return cpu_cli(m->v, TRAP) ? done(m, packed) : FAULTED;
}

enum callout_result co_STI(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return cpu_sti(m->v, TRAP) ? done(m, packed) : FAULTED;
}
