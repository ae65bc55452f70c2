/* The dispatcher: runs units, and routes their exits. */
#include "monitor/gate.h"

enum {
	CHECK_BOOKS = 1 << 20, /* exits between looks at the mmu's books (paranoid) */
	CHAIN_EACH = 61, /* exits between chains that are made for their own sake (paranoid) */
};

enum { NO_CHAIN = 0xffffffff };

/* No instruction follows another there. */
enum { NO_SS_LOADED = 0xffffffff };

static uint32_t pending_mask(const struct monitor *m)
{
	return m->v->if_flag ? PENDING_KICK | PENDING_INTR : PENDING_KICK;
}

/* How translated code was left: by this direct exit, which may be chained, or by none; and how the
 * guest goes on at v->eip. */
struct left {
	uint32_t exit;
	enum route route;
};

/* Is INT n of interest, or what an IRET does beside its return?  An interrupt may wait for IF; an
 * NMI for the end of another. */
static uint32_t must_look(const struct monitor *m)
{
	const struct monitor_platform *p = &m->cfg.platform;
	return (p->int_n ? *p->int_watched : 0) | m->nmi_blocked |
	       (m->v->native.pending & PENDING_INTR);
}

/* Delivers the guest's fault; how it goes on else. */
static struct left left_by(struct monitor *m, enum route r, const struct trap *t)
{
	if (r == ROUTE_TRAP)
		monitor_trap(m, t);
	return (struct left){NO_CHAIN, r};
}

/* Translated code leaves for a CS to which it does not know the way yet. */
static void far_jump(struct monitor *m)
{
	const uint64_t *cell = m->v->native.scratch;
	struct trap t;
	CHECK(!mode_protected(m->v));
	CHECK(cpu_far_jump(m->v, (uint16_t)cell[CELL_R10], (uint32_t)cell[CELL_R8], 2, 0, &t));
	m->code_moved = true;
}

/* Runs translated code at host until it leaves for the dispatcher; callouts that
 * resume are served here. */
static struct left run(struct monitor *m, uint64_t host, bool ignore_pending)
{
	static const struct left done = {NO_CHAIN, ROUTE_ON};
	struct vcpu *v = m->v;
	uint32_t mask = ignore_pending ? 0 : pending_mask(m);
	uint32_t ac = m->modes[m->mode] & MODE_AC ? FLAG_AC : 0;
	bool mid = false;
	uint32_t rf = v->vflags & FLAG_RF;

	/* The instruction that is about to run clears it.  SDM vol. 3, 17.3.1.1. */
	v->vflags &= ~(uint32_t)FLAG_RF;
	v->native.table = tcache_table(m->cache, m->mode);
	for (;;) {
		if (m->fpu_saved || m->vectors_saved || m->cfg.paranoid)
			fpu_restore(m);
		v->native.look = must_look(m);
		unsigned why = monitor_go(v, host, mask, ac);
		/* It has gone to another CS by itself. */
		m->code_moved |= v->native.tag != m->space.tag;
		m->worked |= why != EXIT_PENDING || m->leaf_ran;
		if (m->cfg.paranoid) {
			m->left++;
			fpu_left(m);
		}
		stats.exits++;
		if (m->leaf_ran) { /* it left at a boundary, and instructions have run since */
			m->leaf_ran = mid = false;
			rf = 0;
		}
		switch (why) {
		case EXIT_PENDING:
			if (!mid && m->worked) {
				v->vflags |= rf;
				return done;
			}
			/* Not a boundary, or time for a unit: what is pending waits. */
			signals_corner(m, host);
			mask = 0;
			continue;
		case EXIT_DIRECT: {
			uint32_t id = (uint32_t)v->native.scratch[CELL_R8];
			stats.exit_direct++;
			if (id >= TCACHE_ONCE_EXIT) {
				v->eip = m->once.exits[id - TCACHE_ONCE_EXIT].target;
				return done;
			}
			tcache_exit(m->cache, id, &v->eip);
			return (struct left){id, ROUTE_ON};
		}
		case EXIT_MISS:
			stats.exit_indirect++;
			v->eip = (uint32_t)v->native.scratch[CELL_R8];
			return done;
		case EXIT_DONE:
			stats.exit_callout++;
			return done;
		case EXIT_FAR:
			stats.exit_indirect++;
			far_jump(m);
			return done;
		case EXIT_FAULT: {
			struct trap t;
			enum route r = fault_route(m, &t);
			return left_by(m, r, &t);
		}
		}
		uint32_t packed = (uint32_t)v->native.scratch[CELL_R9];
		rf = 0;
		v->eip = (uint32_t)v->native.scratch[CELL_R8];
		host = v->native.scratch[CELL_RESUME];
		uint64_t deaths = tcache_deaths(m->cache);
		enum callout_result r = callout_run(m, packed, v->native.scratch[CELL_R10]);
		mid = r == RESUME_MID;
		/* Its unit may be gone: by a store to its bytes, or because its page is one whose units
		 * check themselves from now on.  What is stored to a dead unit's bytes is not noticed. */
		bool lives = tcache_deaths(m->cache) == deaths;
		if (mid || (r == RESUME && m->end == END_RUNNING && lives && !debug_was_hit(m))) {
			mask = ignore_pending ? 0 : pending_mask(m);
			continue;
		}
		stats.exit_callout++;
		struct trap t = m->fault.trap;
		return left_by(m,
		               r == ALONE     ? ROUTE_REDIRECT
		               : r == FAULTED ? ROUTE_TRAP
		                              : ROUTE_ON,
		               &t);
	}
}

/* Is the instruction at v->eip to run alone? */
static bool is_alone(enum route r)
{
	return r == ROUTE_REDIRECT || r == ROUTE_CHECK || r == ROUTE_IGNORE;
}

/* The instruction at v->eip in a unit of its own; 0: its fault was delivered instead. */
static uint64_t once_make(struct monitor *m, uint8_t site)
{
	struct vcpu *v = m->v;
	struct trap t;
	struct code_bytes b;
	uint64_t host;

	fpu_save_pointers(m); /* what runs once overwrites where they may lead */
	if (m->state_dirty || m->code_moved)
		select_state(m);
	struct tu_request r = {.max_insns = 1, .single = true, .exit_id = TCACHE_ONCE_EXIT};
	r.out = tcache_once(m->cache, &host);
	m->once.host_len = 0;
	m->force_site = site;
	m->once_eip = v->eip;
	m->once_mode = m->mode;
	m->once_base = v->seg[SREG_CS].base;
	if (!unit_translate(m, &r, &m->once, &b, &t)) {
		monitor_trap(m, &t);
		return 0;
	}
	stats.alone++;
	return host;
}

/* So many instructions have run, of those that may. */
static void count(struct monitor *m, unsigned instructions)
{
	m->allowed -= instructions;
	if (m->cfg.counts && m->allowed <= 0)
		monitor_kick(m);
}

/* Translates and runs the instruction at v->eip alone, ignoring what is pending, first as it is told,
 * then as its faults ask for. */
static void run_once(struct monitor *m, enum route how)
{
	struct vcpu *v = m->v;
	uint32_t tf = v->vflags & FLAG_TF, rf = v->vflags & FLAG_RF, held = m->debug_hits;
	bool watched = m->debug.hit, trapped = m->trapped, ignoring = false;
	uint8_t site = 0;
	struct x87_ignored ignored;

	m->in_once = true;
	m->soft_int = m->trapped = false;
	do {
		if (how == ROUTE_REDIRECT)
			site = SITE_REDIRECT;
		if (how == ROUTE_CHECK)
			site = site_flags(m, v->eip) | SITE_CHECK;
		if (how == ROUTE_IGNORE) {
			x87_ignore_begin(m, &ignored);
			ignoring = true;
		}
		uint64_t host = once_make(m, site);
		how = host ? run(m, host, true).route : ROUTE_TRAP;
	} while (is_alone(how));
	if (ignoring)
		x87_ignore_end(m, &ignored);
	bool traps = m->trapped;
	count(m, 1);
	m->trapped |= trapped;
	m->in_once = false;
	m->force_site = 0;
	m->unfinished = how == ROUTE_AGAIN;
	if (m->unfinished) { /* the rest is matched again */
		m->debug_hits = held;
		m->debug.hit = watched;
		v->vflags |= rf;
	}
	if (m->unfinished || v->inhibit == SHADOW_SS || traps || m->end != END_RUNNING)
		return; /* what has been hit is reported later */
	uint32_t dr6 = m->debug_hits | (tf && !m->soft_int ? DR6_BS : 0);
	if (dr6) {
		struct trap db = {.vector = VEC_DB, .dr6 = dr6};
		monitor_trap(m, &db);
	}
}

/* One instruction.  Breakpoints: SDM vol. 3, 17.3.1. */
static void step(struct monitor *m)
{
	struct vcpu *v = m->v;

	unsigned shadow = v->inhibit;
	uint32_t hits = 0;
	if (!(v->vflags & FLAG_RF) && shadow != SHADOW_SS)
		hits = debug_code(m);
	if (hits) {
		struct trap db = {.vector = VEC_DB, .dr6 = hits};
		v->inhibit = 0;
		m->unfinished = false;
		monitor_trap(m, &db);
		return;
	}
	v->inhibit = 0;
	/* Strings by the monitor: a debugger sees each element, and an interrupt need not wait for
	 * the end of one that has a breakpoint. */
	run_once(m, m->debug.step || debug_code(m) ? ROUTE_REDIRECT : ROUTE_ON);
	if (m->unfinished) {
		v->inhibit = shadow;
		v->vflags |= FLAG_RF;
	}
}

/* The paranoid preset's checks, after each run of a unit.  The books against the
 * host's own mappings cost more, and come less often. */
static void check_exit(struct monitor *m, const struct tu *u)
{
	const struct vcpu *v = m->v;

	CHECK(u); /* translated code is entered by units alone here */
	/* I1; a unit that died is no longer anybody's. */
	CHECK(u->dead || u->source || mmu_is_code(m->mmu, u->gfn));
	CHECK(u->dead || u->source || u->gfn2 == NO_GFN || mmu_is_code(m->mmu, u->gfn2));
	/* I2: what lies on the return stack leads into the cache, to its miss stub at the end. */
	CHECK(v->native.ret_sp <= m->ret_top &&
	      v->native.ret_sp >= (uint64_t)(uintptr_t)m->ret_guard_end);
	CHECK(*(uint64_t *)(uintptr_t)m->ret_top == (uint64_t)(uintptr_t)stub_ret_miss);
	/* The parts of EFLAGS keep to themselves. */
	CHECK(!(v->flags & ~(uint32_t)FLAGS_NATIVE) && !(v->if_flag & ~(uint32_t)FLAG_IF) &&
	      !(v->vflags & ~(uint32_t)FLAGS_VIRTUAL));
	if (m->left % CHECK_BOOKS == 0)
		gate_mmu_check(m);
}

static void log_run(struct monitor *m)
{
	const struct vcpu *v = m->v;
	gate_log(m,
	         "run %08x eax=%08x ecx=%08x edx=%08x ebx=%08x esp=%08x ebp=%08x esi=%08x "
	         "edi=%08x fl=%08x mode %u",
	         v->eip, v->gpr[0], v->gpr[1], v->gpr[2], v->gpr[3], v->gpr[4], v->gpr[5],
	         v->gpr[6], v->gpr[7], vcpu_eflags(v), m->mode);
}

/* Is each unit left for the dispatcher? */
static bool one_by_one(const struct monitor *m)
{
	return m->cfg.paranoid || m->cfg.counts;
}

/* What comes before the next unit: true if the guest's state, or what is pending, may be another
 * now, and all is to be looked at anew. */
static bool boundary(struct monitor *m)
{
	struct vcpu *v = m->v;

	/* That the guest has not been there since is of no account: it may always be so. */
	if (v->native.ss_loaded == v->eip && (v->native.pending || m->nmi || debug_on(m))) {
		v->inhibit = SHADOW_SS;
		v->native.ss_loaded = NO_SS_LOADED;
	}
	/* However fast kicks come, the guest gets on between two polls. */
	if (v->native.pending & PENDING_KICK && m->worked) {
		events_poll(m);
		m->worked = false;
		return true;
	}
	if (v->delivering) {
		struct trap t = v->exception;
		debug_halted(m);
		trap_deliver(m, &t);
		return true;
	}
	/* Pushing the frame of an exception or interrupt hit a data breakpoint: #DB comes before
	 * the first instruction of its handler.  SDM vol. 3, 17.3.1.2. */
	if (m->debug_hits && v->inhibit != SHADOW_SS) {
		struct trap db = {.vector = VEC_DB, .dr6 = m->debug_hits};
		monitor_trap(m, &db);
		return true;
	}
	if (m->frozen) {
		/* Nothing but an interrupt leads on, a debugger's step does not. */
		m->frozen = false;
		v->inhibit = 0;
		wait_for_interrupt(m);
		if (interrupt_is_due(m))
			interrupt_deliver(m);
		return true;
	}
	if (debug_on(m)) {
		enum debug_next next = debug_boundary(m);
		if (next == DEBUG_ALONE) {
			step(m);
			debug_ran(m);
		}
		if (next != DEBUG_RUN)
			return true;
	}
	if (v->inhibit) {
		step(m);
		return true;
	}
	if (interrupt_is_due(m)) {
		interrupt_deliver(m);
		return true;
	}
	/* One at a time: translated code does not tell when FERR# ends. */
	if (m->ignne && (m->ignne = x87_pending(m))) {
		step(m);
		return true;
	}
	if (m->state_dirty || m->code_moved || !window_serves(m->mmu, m->window, linear_eip(m)))
		select_state(m);
	if (v->vflags & FLAG_TF || debug_code(m)) {
		step(m);
		return true;
	}
	return false;
}

/* A direct exit that was taken, to be chained to where it leads. */
struct from {
	uint32_t exit; /* NO_CHAIN: none */
	uint64_t tag;  /* where it was taken */
};

/* The unit at v->eip becomes reachable from translated code. */
static void connect(struct monitor *m, const struct from *from, struct tu *u)
{
	bool chain = from->exit != NO_CHAIN && from->tag == m->space.tag;
	if (m->cfg.paranoid) {
		if (chain && m->left % CHAIN_EACH == 0) {
			tcache_chain(m->cache, from->exit, u);
			tcache_unchain(m->cache, from->exit);
		}
	}
	if (one_by_one(m))
		return;
	if (chain)
		tcache_chain(m->cache, from->exit, u);
	tcache_branch_set(m->cache, &m->space, u);
}

enum monitor_end monitor_run(struct monitor *m)
{
	struct vcpu *v = m->v;
	struct from from = {.exit = NO_CHAIN};

	interrupt_line_update(m);
	m->worked = true;
	while (m->end == END_RUNNING) {
		uint32_t generation = tcache_generation(m->cache);
		if (boundary(m)) {
			from.exit = NO_CHAIN;
			continue;
		}
		bool marked = m->debug.n_marks && debug_marked(m);
		m->recent[m->n_recent++ % RECENT] = v->eip;
		/* What translated code may enter needs no look at the unit, unless to chain. */
		uint64_t host = 0;
		if (from.exit == NO_CHAIN && !one_by_one(m))
			host = tcache_branch(m->cache, &m->space, v->eip);
		struct tu *u = NULL;
		if (!host) {
			struct trap t;
			enum found found = unit_find(m, &u, &t);
			if (found != FOUND) {
				if (found == FOUND_ALONE)
					run_once(m, ROUTE_ON);
				else
					monitor_trap(m, &t);
				from.exit = NO_CHAIN;
				continue;
			}
			if (!marked && generation == tcache_generation(m->cache))
				connect(m, &from, u);
			host = tcache_host(m->cache, u);
		}
		if (log_on(LOG_EXITS))
			log_run(m);
		unsigned instructions = u ? u->n_insns : 0; /* it may die as it runs */
		struct left left = run(m, host, false);
		from.tag = v->native.tag; /* where the exit was taken */
		count(m, instructions);
		from.exit = left.exit;
		if (m->cfg.paranoid)
			check_exit(m, u);
		if (is_alone(left.route))
			run_once(m, left.route);
		if (m->state_dirty)
			from.exit = NO_CHAIN;
	}
	fpu_save(m);
	return m->end;
}
