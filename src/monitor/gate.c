#include "monitor/gate.h"

GATE uint32_t gate_io_read(struct monitor *m, uint16_t port, unsigned size)
{
	fpu_save_vectors(m);
	return m->cfg.platform.io_read(m->cfg.platform.ctx, port, size);
}

GATE void gate_io_write(struct monitor *m, uint16_t port, unsigned size, uint32_t value)
{
	fpu_save_vectors(m);
	m->cfg.platform.io_write(m->cfg.platform.ctx, port, size, value);
}

GATE void gate_io_burst(struct monitor *m, uint16_t port, unsigned size, void *buf, size_t n,
                        bool in)
{
	fpu_save_vectors(m);
	m->cfg.platform.io_burst(m->cfg.platform.ctx, port, size, buf, n, in);
}

GATE uint32_t gate_mem_read(struct monitor *m, gpa_t a, unsigned size)
{
	fpu_save_vectors(m);
	return m->cfg.platform.mem_read(m->cfg.platform.ctx, a, size);
}

GATE void gate_mem_write(struct monitor *m, gpa_t a, unsigned size, uint32_t value)
{
	fpu_save_vectors(m);
	m->cfg.platform.mem_write(m->cfg.platform.ctx, a, size, value);
}

GATE bool gate_mem_run(struct monitor *m, const struct mem_run *r)
{
	fpu_save_vectors(m);
	return m->cfg.platform.mem_run(m->cfg.platform.ctx, r);
}

GATE bool gate_intr_line(struct monitor *m)
{
	fpu_save_vectors(m);
	return m->cfg.platform.intr_line(m->cfg.platform.ctx);
}

GATE uint8_t gate_intr_ack(struct monitor *m)
{
	fpu_save_vectors(m);
	return m->cfg.platform.intr_ack(m->cfg.platform.ctx);
}

GATE void gate_int_n(struct monitor *m, uint8_t vector)
{
	fpu_save_vectors(m);
	m->cfg.platform.int_n(m->cfg.platform.ctx, vector);
}

GATE void gate_ferr(struct monitor *m)
{
	fpu_save_vectors(m);
	m->cfg.platform.ferr(m->cfg.platform.ctx);
}

GATE void gate_apic_base(struct monitor *m, uint64_t value)
{
	fpu_save(m);
	m->cfg.platform.apic_base(m->cfg.platform.ctx, value);
}

GATE uint64_t gate_tsc(struct monitor *m)
{
	fpu_save_vectors(m);
	return m->cfg.platform.tsc(m->cfg.platform.ctx);
}

GATE void gate_poll(struct monitor *m)
{
	fpu_save(m);
	m->cfg.platform.poll(m->cfg.platform.ctx);
}

GATE void gate_wait(struct monitor *m)
{
	fpu_save(m);
	m->cfg.platform.wait(m->cfg.platform.ctx);
}

GATE bool gate_halted(struct monitor *m)
{
	fpu_save(m);
	return m->cfg.platform.halted(m->cfg.platform.ctx);
}

GATE void gate_debug(struct monitor *m, const struct debug_stop *s)
{
	fpu_save(m);
	m->cfg.platform.debug(m->cfg.platform.ctx, s);
}

GATE enum tu_status gate_translate(struct monitor *m, const struct tu_request *r,
                                   struct tu_code *out)
{
	fpu_save(m);
	return translator_run(m->translator, r, out);
}

GATE void gate_mmu_check(struct monitor *m)
{
	fpu_save(m);
	mmu_check(m->mmu);
}

GATE void gate_log(struct monitor *m, const char *fmt, ...)
{
	va_list ap;
	fpu_save(m);
	va_start(ap, fmt);
	log_vwrite(fmt, ap);
	va_end(ap);
}

GATE void gate_format(struct monitor *m, char *out, size_t size, const char *fmt, va_list ap)
{
	fpu_save(m);
	vsnprintf(out, size, fmt, ap);
}
