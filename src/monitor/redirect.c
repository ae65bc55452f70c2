/* Redirected operands: PRE resolves the address of an access, POST draws its consequences. */
#include "monitor/gate.h"

/* Aligned as the operand is, for instructions that care. */
static uint8_t *bounce_at(struct monitor *m)
{
	return m->bounce + (m->redirect.linear.v & 15);
}

/* What the operand holds before the instruction; what only stores asks no device. */
static bool bounce_fill(struct monitor *m)
{
	const struct redirect *r = &m->redirect;
	struct trap *t = &m->fault.trap;
	return r->load ? guest_read(m, r->linear, bounce_at(m), r->size, r->user, t)
	               : guest_peek(m, r->linear, bounce_at(m), r->size, r->user, t);
}

enum callout_result redirect_pre(struct monitor *m, uint32_t packed, uint32_t offset)
{
	struct vcpu *v = m->v;
	struct callout_access a = access_unpack(CALLOUT_ARG(packed));
	struct redirect *r = &m->redirect;

	*r = (struct redirect){
		.linear = gla(v->seg[CALLOUT_SEG(packed)].base + offset),
		.deaths = tcache_deaths(m->cache),
		.size = a.size,
		.load = a.read,
		.store = a.write,
		.user = at_user(m),
	};
	stats.redirected++;
	if (!guest_find(m, r->linear, r->size, r->store ? MMU_WRITE : MMU_READ, r->user, &r->place,
	                &m->fault.trap))
		return FAULTED;
	debug_access(m, r->linear, r->size, r->load, r->store);
	if (debug_was_hit(m) && !m->in_once) {
		/* It is a trap, after this instruction and before the next in the unit. */
		m->debug_hits = 0;
		m->debug.hit = false;
		return ALONE;
	}
	gpa_t at = r->place.at;
	const uint8_t *host = r->store ? mmu_host_store(m->mmu, at) : mmu_host(m->mmu, at);
	bool whole = r->place.here == r->size;
	uint32_t page = mmu_page(m->mmu, at);
	bool code = r->store && mmu_is_code(m->mmu, page);
	site_served(
		m, SITE_REDIRECT,
		!host || !whole || code || mmu_is_table(m->mmu, page) ||
			mmu_is_watched(m->mmu, r->linear, r->size, r->store) ||
			(m->window->kind == WINDOW_KERNEL && mmu_is_self_map(m->mmu, r->linear)));
	if (!host || !whole) {
		r->bounced = true;
		host = bounce_at(m);
		if (!bounce_fill(m))
			return FAULTED;
	} else if (code) {
		code_stored(m, page, at.v & PAGE_MASK, r->size);
	}
	v->native.scratch[CELL_R9] = (uint64_t)(uintptr_t)host;
	if (a.x87) {
		m->x87_redirect.host = host;
		m->x87_redirect.linear = r->linear;
	}
	return RESUME_MID;
}

enum callout_result redirect_post(struct monitor *m)
{
	struct redirect *r = &m->redirect;
	uint64_t resume = m->v->native.scratch[CELL_RESUME];

	if (r->bounced)
		guest_put(m, &r->place, bounce_at(m), r->size);
	else
		mmu_written(m->mmu, r->place.at, r->size);
	/* The unit lives, if none has died since it came here. */
	if (tcache_deaths(m->cache) == r->deaths && !m->remapped && !m->cfg.paranoid)
		return RESUME_MID;
	struct tu *u = tcache_in_once(m->cache, resume) ? NULL : tcache_unit_at(m->cache, resume);
	CHECK(!u || !u->dead || tcache_deaths(m->cache) != r->deaths);
	/* A device has changed the physical map: what follows may be other code. */
	if (u && !u->dead && m->remapped)
		tcache_invalidate(m->cache, u);
	if (u && u->dead)
		/* The call itself: what follows it may be the next instruction already. */
		tcache_leave_after(m->cache, u, (uint32_t)(resume - 1 - tcache_host(m->cache, u)));
	return RESUME_MID;
}
