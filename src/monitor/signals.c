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

/* Is the host at, or in, a repeated string instruction of translated code? */
static bool at_rep(const uint8_t *code)
{
	if (code[0] != 0xf3 && code[0] != 0xf2)
		return false;
	uint8_t op = code[code[1] == 0x66 ? 2 : 1];
	return (op >= 0xa4 && op <= 0xa7) || (op >= 0xaa && op <= 0xaf);
}

/* The registers of a repeated string instruction at the host's next element: what they were when it
 * began, and what has been done since by RCX.  SDM vol. 2, REP. */
static void undo_run(struct host_frame *f, bool a16)
{
	const uint8_t *code = (const uint8_t *)(uintptr_t)host_frame_pc(f);
	bool p66 = code[1] == 0x66;
	uint8_t op = code[p66 ? 2 : 1], even = op & 0xfe;
	uint32_t size = !(op & 1) ? 1 : p66 ? 2 : 4, mask = a16 ? 0xffff : 0xffffffff;
	uint32_t began = (uint32_t)host_frame_get(f, R8_NO);
	uint32_t left = (uint32_t)host_frame_get(f, RCX_NO);
	uint32_t by = ((began - left) & mask) * size;
	uint32_t esi = (uint32_t)host_frame_get(f, R10_NO);
	uint32_t edi = (uint32_t)host_frame_get(f, R11_NO);

	if (host_frame_flags(f) & FLAG_DF)
		by = -by;
	if (even == 0xa4 || even == 0xa6 || even == 0xac)
		esi = (esi & ~mask) | ((esi + by) & mask);
	if (even != 0xac)
		edi = (edi & ~mask) | ((edi + by) & mask);
	host_frame_set(f, RSI_NO, esi);
	host_frame_set(f, RDI_NO, edi);
	host_frame_set(f, RCX_NO, (began & ~mask) | (left & mask));
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
	bool run = p->undo == UNDO_RUN || p->undo == UNDO_RUN16;
	if (run)
		undo_run(f, p->undo == UNDO_RUN16);
	/* What comes in the middle of a repeated instruction finds RF set.  Where it began, r11d
	 * or r8d was ECX.  SDM vol. 3, 17.3.1.1. */
	if (at_rep((const uint8_t *)(uintptr_t)host_frame_pc(f)) &&
	    (uint32_t)host_frame_get(f, RCX_NO) !=
	            (uint32_t)host_frame_get(f, run ? R8_NO : R11_NO))
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
	return (uint64_t)(uintptr_t)address - m->v->native.ruler < WINDOW_STRIDE;
}

SAVED static bool on_fault(void *ctx, struct host_frame *f, const struct host_fault *fault)
{
	struct monitor *m = ctx;
	uint64_t pc = host_frame_pc(f);
	const uint8_t *address = fault->address;
	uint64_t start;
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
	const struct tu_pc *p = pc_locate(m, pc, &eip, &start);
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

void signals_corner(struct monitor *m, uint64_t resume)
{
	corner(m, resume, m->v->native.ret_sp);
	m->v->native.table = tcache_miss_table(m->cache);
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
	__atomic_fetch_or(&m->v->native.pending, PENDING_KICK, __ATOMIC_RELAXED);
	if (between(pc, entry_window, entry_window_end)) {
		if (m->v->native.scratch[CELL_MASK] & PENDING_KICK) {
			host_frame_set_pc(f, (uint64_t)(uintptr_t)entry_abort);
			return;
		}
		if (pc == (uint64_t)(uintptr_t)entry_last)
			sp += 8;
		pc = host_frame_get(f, R8_NO);
	} else if (!between(pc, stub_far, stub_lookup_end) && !tcache_contains(m->cache, pc)) {
		return;
	}
	host_frame_set(f, R13_NO, tcache_miss_table(m->cache));
	corner(m, pc, sp);
	uint64_t start;
	const struct tu_pc *p =
		tcache_contains(m->cache, pc) ? pc_locate(m, pc, &eip, &start) : NULL;
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

int signals_install(struct monitor *m)
{
	int err = host_fault_install(on_fault, m);
	host_signal_set_kick(on_kick, m);
	return err;
}
