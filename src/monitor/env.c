/* What src/cpu is given: guest memory, and the mmu's paging. */
#include "monitor/gate.h"

/* Data breakpoints see frames, descriptors and TSSs at every CPL.  SDM vol. 3, 17.3.1.2. */
static bool env_read(void *ctx, gla_t a, void *dst, unsigned n, enum priv p, struct trap *t)
{
	bool user = p == PRIV_USER;
	if ((user && !guest_aligned(ctx, a, n, false, t)) || !guest_read(ctx, a, dst, n, user, t))
		return false;
	debug_access(ctx, a, n, true, false);
	return true;
}

static bool env_write(void *ctx, gla_t a, const void *src, unsigned n, enum priv p, struct trap *t)
{
	bool user = p == PRIV_USER;
	if ((user && !guest_aligned(ctx, a, n, true, t)) || !guest_write(ctx, a, src, n, user, t))
		return false;
	debug_access(ctx, a, n, false, true);
	return true;
}

static bool env_probe(void *ctx, gla_t a, unsigned n, enum priv p, struct trap *t)
{
	bool user = p == PRIV_USER;
	return (!user || guest_aligned(ctx, a, n, true, t)) &&
	       guest_probe_write(ctx, a, n, user, t);
}

static bool env_paging(void *ctx, bool cr3, struct trap *t)
{
	struct monitor *m = ctx;
	struct vcpu *v = m->v;
	struct mmu_paging p = {
		.cr0 = v->cr0,
		.cr3 = v->cr3,
		.cr4 = v->cr4,
		.efer = v->efer,
		.has_nx = v->model->isa & ISA_NX,
		.has_pse36 = v->model->isa & ISA_PSE36,
	};
	/* The x87 unit's last instruction is read in the space that it ran in. */
	fpu_save(m);
	if (!mmu_paging_load(m->mmu, &p, cr3, t))
		return false;
	for (int i = 0; i < 4; i++)
		v->pdpte[i] = p.pdpte[i];
	m->state_dirty = true;
	return true;
}

static void env_apic_base(void *ctx, uint64_t value)
{
	struct monitor *m = ctx;
	if (m->cfg.platform.apic_base)
		gate_apic_base(m, value);
}

void env_fill(struct monitor *m, struct cpu_env *env)
{
	*env = (struct cpu_env){m, env_read, env_write, env_probe, env_paging, env_apic_base};
}
