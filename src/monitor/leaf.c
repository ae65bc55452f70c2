/* Callouts that need neither the dispatcher nor a gate: MOV, IN and OUT where the platform has a leaf
 * (struct monitor_platform).  Whatever is out of the ordinary is left to their functions. */
#include "monitor/callouts.h"

/* Does somebody look at accesses one by one?  Who enters with no mask does not go by what is pending. */
static bool is_left_alone(const struct monitor *m)
{
	return m->cfg.paranoid || !m->v->native.scratch[CELL_MASK] || m->v->dr[7] & DR7_ENABLE ||
	       m->debug.n_watch || log_on(LOG_IO);
}

static bool port(struct monitor *m, uint32_t packed, uint16_t at, bool write)
{
	const struct monitor_platform *p = &m->cfg.platform;
	struct vcpu *v = m->v;
	unsigned n = CALLOUT_SIZE(packed);
	uint32_t value = v->gpr[EAX];
	struct trap t;

	if (!p->io_leaf || !cpu_io_check(v, at, n, &t) ||
	    !p->io_leaf(*p->bus, at, n, write, &value))
		return false;
	++*(write ? &stats.io_writes : &stats.io_reads);
	if (!write)
		move_set(v, EAX, n, value);
	return true;
}

static bool move(struct monitor *m, uint32_t packed, uint32_t off)
{
	const struct monitor_platform *p = &m->cfg.platform;
	struct vcpu *v = m->v;
	enum sreg s = CALLOUT_SEG(packed);
	unsigned n = CALLOUT_SIZE(packed), arg = CALLOUT_ARG(packed);
	bool write = !(arg & MOVE_LOAD);
	gla_t a = gla(v->seg[s].base + off);
	struct trap t;
	gpa_t at;

	if (!p->mem_leaf || v->vflags & FLAG_AC || (a.v & PAGE_MASK) > PAGE_SIZE - n ||
	    !cpu_seg_check(v, s, off, n, write, &t) ||
	    !mmu_device(m->mmu, a, write ? MMU_WRITE : MMU_READ, at_user(m), &at))
		return false;
	uint32_t value = move_value(v, arg, n);
	if (!p->mem_leaf(*p->bus, at, n, write, &value))
		return false;
	stats.redirected++;
	++*(write ? &stats.mem_writes : &stats.mem_reads);
	if (!write)
		move_set(v, arg & 7, n, value);
	return true;
}

__attribute__((flatten)) unsigned leaf_run(struct monitor *m)
{
	struct vcpu *v = m->v;
	uint32_t packed = (uint32_t)v->native.scratch[CELL_R9];
	uint32_t operand = (uint32_t)v->native.scratch[CELL_R10];
	enum callout id = CALLOUT_ID(packed);

	if ((id != CO_MOVE && id != CO_IN && id != CO_OUT) || is_left_alone(m))
		return EXIT_CALLOUT;
	uint64_t deaths = tcache_deaths(m->cache);
	v->eip = (uint32_t)v->native.scratch[CELL_R8];
	if (!(id == CO_MOVE ? move(m, packed, operand)
	                    : port(m, packed, (uint16_t)operand, id == CO_OUT)))
		return EXIT_CALLOUT;
	v->eip += CALLOUT_LEN(packed);
	m->callout_counts[id]++;
	stats.callouts++;
	stats.leaves++;
	m->leaf_ran = true;
	/* A store may have ended the unit; and the registers may have been saved for it. */
	bool lives = tcache_deaths(m->cache) == deaths && !m->fpu_saved && !m->vectors_saved;
	return lives ? 0 : EXIT_DONE;
}
