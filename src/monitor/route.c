/* Where a fault that a signal handler noted leads. */
#include "monitor/gate.h"

/* Where both operands of a CMPS fault, processors differ in which they report (SDM vol. 3, 6.9);
 * the guest gets the source's on all, by the callout. */
static bool at_cmps(struct monitor *m)
{
	uint8_t b[16], *p = b;
	gla_t at = gla(m->v->seg[SREG_CS].base + m->v->eip);
	if (!guest_code(m, at, at_user(m), b))
		return false;
	while (p < b + 14 && (*p == 0x66 || *p == 0x67 || (*p & 0xfe) == 0x64 ||
	                      (*p & 0xe7) == 0x26 || (*p & 0xfe) == 0xf2))
		p++;
	return (*p & 0xfe) == 0xa6;
}

/* Is it the redirected form that has faulted? */
static bool is_redirected(const struct monitor *m)
{
	return m->in_once && m->force_site & SITE_REDIRECT;
}

static enum route route_page_fault(struct monitor *m, struct trap *t)
{
	struct fault_record *r = &m->fault;
	struct vcpu *v = m->v;

	switch (r->verdict) {
	case MMU_MAPPED:
		return ROUTE_AGAIN;
	case MMU_TRUE_FAULT:
		*t = r->trap;
		return at_cmps(m) && !is_redirected(m) ? ROUTE_REDIRECT : ROUTE_TRAP;
	case MMU_OTHER_VIEW:
		if (site_flags(m, v->eip) & SITE_BY_PART) {
			/* Not one that can choose: the stack, or the operand straddles. */
			mmu_force_private(m->mmu);
			m->state_dirty = true;
		} else {
			site_mark(m, SITE_BY_PART);
		}
		return ROUTE_AGAIN;
	case MMU_NEED_PRIVATE:
		m->state_dirty = true;
		return ROUTE_AGAIN;
	case MMU_TRACED:
	case MMU_HOLE:
	case MMU_DEVICE:
		if (is_redirected(m)) {
			monitor_kill(m, "no way to redirect the access to %08x at %08x",
			             r->address.v, v->eip);
			return ROUTE_AGAIN;
		}
		site_fault(m, SITE_REDIRECT);
		return ROUTE_REDIRECT;
	}
	return ROUTE_AGAIN;
}

enum route fault_route(struct monitor *m, struct trap *t)
{
	if (m->fault.limit) {
		site_fault(m, SITE_CHECK);
		return ROUTE_CHECK;
	}
	switch (m->fault.vector) {
	case VEC_PF:
		return route_page_fault(m, t);
	case VEC_XM:
		*t = trap_plain(m->v->cr4 & CR4_OSXMMEXCPT ? VEC_XM : VEC_UD);
		return ROUTE_TRAP;
	case VEC_MF:
		*t = trap_plain(VEC_MF);
		if (m->v->cr0 & CR0_NE)
			return ROUTE_TRAP;
		if (m->ignne)
			return ROUTE_IGNORE;
		x87_freeze(m);
		return ROUTE_AGAIN;
	case VEC_AC:
		/* The guest's page fault goes first (SDM vol. 3, table 6-2), not so on every host:
		 * a redirected operand has its page looked up before. */
		*t = trap_error(VEC_AC, 0);
		return is_redirected(m) ? ROUTE_TRAP : ROUTE_REDIRECT;
	case VEC_DE:
	case VEC_UD:
		*t = trap_plain(m->fault.vector);
		return ROUTE_TRAP;
	default:
		*t = trap_error(VEC_GP, 0);
		return ROUTE_TRAP;
	}
}
