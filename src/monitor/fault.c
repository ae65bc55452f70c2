/* Host signals become guest events.  Handlers record and redirect: they run on
 * the alternate stack, while translated code (never our C) is interrupted. */
#include "monitor/gate.h"

#include "host/frame.h"

enum {
	RCX_NO = 1,
	RSP_NO = 4,
	RSI_NO = 6,
	RDI_NO = 7,
	R8_NO = 8,
	R10_NO = 10,
	R11_NO = 11,
	R13_NO = 13,
};

static bool between(uint64_t pc, const char *from, const char *to)
{
	return pc - (uint64_t)(uintptr_t)from < (uint64_t)(to - from);
}

/* The guest instruction that a host PC belongs to, and where its host code begins; NULL
 * outside units. */
static const struct tu_pc *locate_start(struct monitor *m, uint64_t pc, uint32_t *eip,
                                        uint64_t *start)
{
	const struct tu_pc *p = NULL;
	uint64_t base;
	if (tcache_in_once(m->cache, pc)) {
		tcache_once(m->cache, &base);
		for (unsigned i = 0; i < m->once.n_pc && m->once.pc[i].host <= pc - base; i++)
			p = &m->once.pc[i];
		*eip = m->once_eip;
	} else {
		struct tu *u = tcache_unit_at(m->cache, pc);
		if (!u)
			return NULL;
		base = tcache_host(m->cache, u);
		p = tcache_pc(m->cache, u, (uint32_t)(pc - base));
		*eip = u->eip;
	}
	if (!p)
		return NULL;
	*eip += p->guest;
	*start = base + p->host;
	return p;
}

static const struct tu_pc *locate(struct monitor *m, uint64_t pc, uint32_t *eip)
{
	uint64_t start;
	return locate_start(m, pc, eip, &start);
}

bool fault_guest_eip(struct monitor *m, uint64_t pc, uint32_t *eip, unsigned *mode, uint32_t *base)
{
	if (!tcache_contains(m->cache, pc) || !locate(m, pc, eip))
		return false;
	*mode = m->once_mode;
	*base = m->once_base;
	if (tcache_in_once(m->cache, pc))
		return true;
	const struct tu *u = tcache_unit_at(m->cache, pc);
	*mode = u->mode;
	if (!tcache_base(m->cache, u, base))
		*base = m->v->seg[SREG_CS].base;
	return true;
}

/* Is the host at, or in, a repeated string instruction of translated code? */
static bool at_rep(const uint8_t *code)
{
	if (code[0] != 0xf3 && code[0] != 0xf2)
		return false;
	uint8_t op = code[code[1] == 0x66 ? 2 : 1];
	return (op >= 0xa4 && op <= 0xa7) || (op >= 0xaa && op <= 0xaf);
}

/* Leaves translated code through stub_fault, with the guest's registers as they
 * were before the instruction. */
static void redirect(struct monitor *m, struct host_frame *f, const struct tu_pc *p, uint32_t eip)
{
	if (p->undo == UNDO_ESI_R11)
		host_frame_set(f, RSI_NO, host_frame_get(f, R11_NO));
	if (p->undo == UNDO_STRING)
		host_frame_set(f, RSI_NO, host_frame_get(f, R10_NO));
	if (p->undo == UNDO_EDI_R11 || p->undo == UNDO_STRING)
		host_frame_set(f, RDI_NO, host_frame_get(f, R11_NO));
	/* What comes in the middle of a repeated instruction finds RF set.  Where it began, r11d
	 * was ECX.  SDM vol. 3, 17.3.1.1. */
	if (at_rep((const uint8_t *)(uintptr_t)host_frame_pc(f)) &&
	    (uint32_t)host_frame_get(f, RCX_NO) != (uint32_t)host_frame_get(f, R11_NO))
		m->v->vflags |= FLAG_RF;
	m->v->eip = eip;
	host_frame_set_pc(f, (uint64_t)(uintptr_t)stub_fault);
}

/* A fault of our own: one line before the process dies of it. */
static bool not_ours(const struct host_fault *fault, uint64_t pc)
{
	report("internal error: host fault %u at pc %#llx (entry %p), address %p", fault->vector,
	       (unsigned long long)pc, (const void *)entry_window, fault->address);
	return false;
}

/* Is it the load by which translated code leaves what a segment does not permit?  Callouts find
 * out what it is. */
static bool beyond_limit(const struct monitor *m, const uint8_t *address)
{
	return (uint64_t)(uintptr_t)address - m->v->ruler < WINDOW_STRIDE;
}

SAVED static bool on_fault(void *ctx, struct host_frame *f, const struct host_fault *fault)
{
	struct monitor *m = ctx;
	uint64_t pc = host_frame_pc(f);
	const uint8_t *address = fault->address;
	uint32_t eip;

	stats.signals++;
	if (fault->vector == VEC_PF) {
		stats.signals_segv++;
		if (address >= m->ret_guard && address < m->ret_guard_end) {
			/* The return stack is full: its entries are only predictions. */
			host_frame_set(f, RSP_NO, m->ret_top);
			return true;
		}
	}
	const struct tu_pc *p = locate(m, pc, &eip);
	if (!p)
		return not_ours(fault, pc);
	struct fault_record *r = &m->fault;
	r->vector = fault->vector;
	r->limit = fault->vector == VEC_PF && beyond_limit(m, address);
	if (fault->vector != VEC_PF || r->limit) {
		redirect(m, f, p, eip);
		return true;
	}
	if (!mmu_find_window(m->mmu, address, &r->window, &r->address))
		return not_ours(fault, pc);
	r->write = fault->write;
	m->ret_stale = false;
	r->verdict = mmu_fault(m->mmu, r->window, r->address, fault->write ? MMU_WRITE : MMU_READ,
	                       at_user(m), &r->gpa, &r->trap);
	if (r->verdict == MMU_MAPPED && address - r->window->base >= (ptrdiff_t)WINDOW_SIZE)
		/* An operand that straddles the top: its end is in the guard. */
		r->verdict = MMU_TRACED;
	if (m->ret_stale)
		/* A window lost what predictions rest on; nothing but them is on the stack. */
		host_frame_set(f, RSP_NO, m->ret_top);
	if (r->verdict != MMU_MAPPED)
		redirect(m, f, p, eip);
	return true;
}

/* Makes every way out of a unit miss: what is about to run comes back to the
 * dispatcher in bounded work (I4). */
static void corner(struct monitor *m, uint64_t pc, uint64_t sp)
{
	uint64_t *top = (uint64_t *)(uintptr_t)sp, miss = (uint64_t)(uintptr_t)stub_ret_miss;
	/* In the middle of PUSHF, POPF or the entry an image of the flags lies on it. */
	if (*top != miss && !tcache_contains(m->cache, *top))
		top++;
	*top = miss;
	struct tu *u = tcache_in_once(m->cache, pc) ? NULL : tcache_unit_at(m->cache, pc);
	if (u)
		tcache_unchain_exits(m->cache, u);
}

void fault_corner(struct monitor *m, uint64_t resume)
{
	corner(m, resume, m->v->ret_sp);
	m->v->table = tcache_miss_table(m->cache);
}

static bool at_rdtsc(const uint8_t *code)
{
	return code[0] == 0x0f && code[1] == 0x31;
}

/* After a signal's own function. */
static void on_kick(void *ctx, struct host_frame *f)
{
	struct monitor *m = ctx;
	uint64_t pc = host_frame_pc(f), sp = host_frame_get(f, RSP_NO);
	uint32_t eip;

	stats.signals++;
	stats.signals_timer++;
	__atomic_fetch_or(&m->v->pending, PENDING_KICK, __ATOMIC_RELAXED);
	if (between(pc, entry_window, entry_window_end)) {
		if (m->v->scratch[6] & PENDING_KICK) {
			host_frame_set_pc(f, (uint64_t)(uintptr_t)entry_abort);
			return;
		}
		pc = host_frame_get(f, R8_NO);
	} else if (!between(pc, stub_ret_miss, stub_lookup_end) && !tcache_contains(m->cache, pc)) {
		return;
	}
	host_frame_set(f, R13_NO, tcache_miss_table(m->cache));
	corner(m, pc, sp);
	uint64_t start;
	const struct tu_pc *p =
		tcache_contains(m->cache, pc) ? locate_start(m, pc, &eip, &start) : NULL;
	/* The signal's function may have changed tsc_minus. */
	if (p && pc == host_frame_pc(f) && at_rdtsc((const uint8_t *)(uintptr_t)start))
		host_frame_set_pc(f, start);
	/* A string instruction may have long to go: leave at its own EIP. */
	if (p && pc == host_frame_pc(f) && !tcache_in_once(m->cache, pc) &&
	    at_rep((const uint8_t *)(uintptr_t)pc)) {
		m->fault.vector = VEC_PF;
		m->fault.limit = false;
		m->fault.verdict = MMU_MAPPED;
		redirect(m, f, p, eip);
	}
}

int fault_install(struct monitor *m)
{
	int err = host_fault_install(on_fault, m);
	host_signal_set_kick(on_kick, m);
	return err;
}

/* --- redirected operands --- */

/* Aligned as the operand is, for instructions that care. */
static uint8_t *bounce_at(struct monitor *m)
{
	return m->bounce + (m->redirect.linear.v & 15);
}

enum callout_result redirect_pre(struct monitor *m, uint32_t packed, uint32_t offset)
{
	struct vcpu *v = m->v;
	unsigned arg = CALLOUT_ARG(packed), seg = CALLOUT_SEG(packed);
	struct redirect *r = &m->redirect;

	*r = (struct redirect){
		.linear = gla(v->seg[seg].base + offset),
		.size = arg & 0x3ff,
		.store = arg >> 10 & 1,
		.user = at_user(m),
	};
	stats.redirected++;
	if (!mmu_translate(m->mmu, r->linear, r->store ? MMU_WRITE : MMU_READ, r->user, &r->gpa,
	                   &m->fault.trap))
		return FAULTED;
	debug_access(m, r->linear, r->size, arg >> 11 & 1, r->store);
	if (debug_was_hit(m) && !m->in_once) {
		/* It is a trap, after this instruction and before the next in the unit. */
		m->debug_hits = 0;
		m->debug.hit = false;
		return ALONE;
	}
	uint8_t *host = mmu_host(m->mmu, r->gpa);
	unsigned room = PAGE_SIZE - (r->linear.v & PAGE_MASK);
	uint32_t gfn = gpa_gfn(r->gpa);
	bool code = r->store && mmu_is_code(m->mmu, gfn);
	site_served(m, SITE_REDIRECT,
	            !host || room < r->size || code || mmu_is_table(m->mmu, gfn) ||
	                    mmu_is_watched(m->mmu, r->linear, r->size, r->store));
	if (!host || room < r->size) {
		r->bounced = true;
		if (r->store && !guest_probe_write(m, r->linear, r->size, r->user, &m->fault.trap))
			return FAULTED;
		host = bounce_at(m);
		if (!guest_read(m, r->linear, host, r->size, r->user, &m->fault.trap))
			return FAULTED;
	} else if (code) {
		stats.code_stores++;
		tcache_invalidate_bytes(m->cache, gfn, r->gpa.v & PAGE_MASK, r->size);
	}
	v->scratch[0] = (uint64_t)(uintptr_t)host;
	if (arg >> 12 & 1) {
		m->x87_redirect.host = host;
		m->x87_redirect.linear = r->linear;
	}
	return RESUME_MID;
}

enum callout_result redirect_post(struct monitor *m)
{
	struct redirect *r = &m->redirect;
	uint64_t resume = m->v->scratch[5];

	if (r->bounced) {
		struct trap t;
		guest_write(m, r->linear, bounce_at(m), r->size, r->user, &t);
	} else if (mmu_is_table(m->mmu, gpa_gfn(r->gpa))) {
		mmu_written(m->mmu, r->gpa, r->size);
	}
	struct tu *u = tcache_in_once(m->cache, resume) ? NULL : tcache_unit_at(m->cache, resume);
	if (u && u->dead)
		/* The call itself: what follows it may be the next instruction already. */
		tcache_leave_after(m->cache, u, (uint32_t)(resume - 1 - tcache_host(m->cache, u)));
	return RESUME_MID;
}

/* --- routing --- */

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

static void route_page_fault(struct monitor *m)
{
	struct fault_record *r = &m->fault;
	struct vcpu *v = m->v;

	switch (r->verdict) {
	case MMU_MAPPED:
		m->unfinished = true;
		return;
	case MMU_TRUE_FAULT:
		if (at_cmps(m) && !(m->in_once && m->force_site & SITE_REDIRECT))
			run_once(m, SITE_REDIRECT);
		else
			monitor_trap(m, &r->trap);
		return;
	case MMU_OTHER_VIEW:
		m->unfinished = true;
		if (site_flags(m, v->eip) & SITE_BY_GIB) {
			/* Not one that can choose: the stack, or the operand straddles. */
			mmu_force_private(m->mmu);
			m->state_dirty = true;
		} else {
			site_mark(m, SITE_BY_GIB);
		}
		return;
	case MMU_NEED_PRIVATE:
		m->unfinished = true;
		m->state_dirty = true;
		return;
	case MMU_TRACED:
	case MMU_HOLE:
		if (m->in_once && m->force_site & SITE_REDIRECT) {
			monitor_kill(m, "no way to redirect the access to %08x at %08x",
			             r->address.v, v->eip);
			return;
		}
		site_fault(m, SITE_REDIRECT);
		run_once(m, SITE_REDIRECT);
		return;
	}
}

void fault_route(struct monitor *m)
{
	struct trap t;
	if (m->fault.limit) {
		uint8_t site = site_flags(m, m->v->eip);
		site_fault(m, SITE_CHECK);
		run_once(m, site | SITE_CHECK);
		return;
	}
	switch (m->fault.vector) {
	case VEC_PF:
		route_page_fault(m);
		return;
	case VEC_XM:
		t = trap_plain(m->v->cr4 & CR4_OSXMMEXCPT ? VEC_XM : VEC_UD);
		break;
	case VEC_MF:
		if (!(m->v->cr0 & CR0_NE)) {
			x87_error(m);
			return;
		}
		t = trap_plain(VEC_MF);
		break;
	case VEC_DE:
	case VEC_UD:
		t = trap_plain(m->fault.vector);
		break;
	case VEC_AC:
		/* The guest's page fault goes first (SDM vol. 3, table 6-2), not so on every host:
		 * a redirected operand has its page looked up before. */
		if (!m->in_once || !(m->force_site & SITE_REDIRECT)) {
			run_once(m, SITE_REDIRECT);
			return;
		}
		t = trap_error(VEC_AC, 0);
		break;
	default:
		t = trap_error(VEC_GP, 0);
	}
	monitor_trap(m, &t);
}
