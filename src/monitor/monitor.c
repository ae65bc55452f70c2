/* The dispatcher: chooses mode and window, finds or makes the unit, runs it, routes its exit. */
#include "monitor/gate.h"

#include "host/frame.h"
#include "host/memory.h"

#include <errno.h>
#include <stdlib.h>

enum {
	DEFAULT_CACHE = 64 << 20,
	RETURN_STACK = 256 << 10,
	RETURN_GUARD = 64 << 10,
	CHECK_BOOKS = 1 << 20, /* exits between looks at the mmu's books (paranoid) */
	CHAIN_EACH = 61, /* exits between chains that are made for their own sake (paranoid) */
};

/* --- life --- */

static void trace(void *ctx, uint32_t gfn, bool on)
{
	struct monitor *m = ctx;
	mmu_trace_code(m->mmu, gfn, on);
	/* A page without units is nobody's: its next window adopts it. */
	for (unsigned i = 0; i < ITLB_SIZE && !on; i++)
		if (m->itlb[i].gfn == gfn)
			m->itlb[i].window = 0;
}

static void return_stack_reset(struct monitor *m)
{
	m->v->ret_sp = m->ret_top;
	m->ret_stale = true;
}

static void itlb_flush(struct monitor *m)
{
	for (unsigned i = 0; i < ITLB_SIZE; i++)
		m->itlb[i].window = 0;
}

static void exec_revoke(void *ctx, struct window *w, uint32_t vpn, uint32_t gfn)
{
	struct monitor *m = ctx;
	struct itlb_entry *e = &m->itlb[vpn & (ITLB_SIZE - 1)];
	if (e->window == w->id && e->vpn == vpn)
		e->window = 0;
	tcache_page_revoked(m->cache, gfn);
	tcache_branch_drop_page(m->cache, (uint64_t)(uintptr_t)w->base, vpn);
	return_stack_reset(m);
}

unsigned monitor_base_slot(const struct window *w)
{
	return (unsigned)((uint64_t)(uintptr_t)w->base / WINDOW_STRIDE) % WINDOW_BASES;
}

static void window_drop(void *ctx, struct window *w)
{
	struct monitor *m = ctx;
	itlb_flush(m);
	return_stack_reset(m);
	/* Branch entries of its base stay until the base is used again. */
	m->window_of_base[monitor_base_slot(w)] |= WINDOW_GONE;
	if (m->window == w)
		m->window = NULL;
	m->state_dirty = true;
}

static void code_store(void *ctx, gpa_t a)
{
	struct monitor *m = ctx;
	stats.code_stores++;
	m->code_died |= tcache_invalidate_bytes(m->cache, gpa_gfn(a), a.v & PAGE_MASK, 1) > 0;
}

static bool window_alive(void *ctx, uint32_t id)
{
	struct monitor *m = ctx;
	for (unsigned i = 0; i < WINDOW_BASES; i++)
		if (m->window_of_base[i] == id)
			return true;
	return false;
}

int monitor_create(struct monitor **out, const struct monitor_config *cfg, const char **what)
{
	struct monitor *m = NULL;
	void *stack = NULL;
	int err;

	*what = "memory";
	/* Not below 4 GiB: a wrapped guest address must find nothing there. */
	err = host_mem_reserve(sizeof *m + sizeof *m->v + BOUNCE_BYTES + 2 * 64, (void **)&m);
	if (err)
		return err;
	m->cfg = *cfg;
	m->fpu_saved = true;
#ifdef UNRING_PARANOID
	m->cfg.paranoid = true;
	err = host_mem_books_open(); /* for mmu_check() */
	if (err)
		return err;
#endif
	m->v = (struct vcpu *)(((uintptr_t)(m + 1) + 63) & ~63ul);
	m->bounce = (uint8_t *)(((uintptr_t)(m->v + 1) + 63) & ~63ul);
	if ((err = host_mem_reserve(RETURN_STACK, &stack)) ||
	    (err = host_mem_protect(stack, RETURN_GUARD, false)))
		return err;
	m->ret_guard = stack;
	m->ret_guard_end = m->ret_guard + RETURN_GUARD;
	m->ret_top = (uint64_t)(uintptr_t)stack + RETURN_STACK - 64;
	*(uint64_t *)(uintptr_t)m->ret_top = (uint64_t)(uintptr_t)stub_ret_miss;

	struct mmu_client client = {m, exec_revoke, window_drop, code_store};
	err = mmu_create(&m->mmu, &cfg->mmu, &client, what);
	if (err)
		return err;
	*what = "the translation cache";
	struct tcache_config cc = {
		.bytes = cfg->cache_bytes  ? cfg->cache_bytes
	                 : m->cfg.paranoid ? 256 << 10
	                                   : DEFAULT_CACHE,
		.max_gfn = (uint32_t)(cfg->mmu.ram_bytes >> PAGE_SHIFT) + 1,
		.miss_stub = (uint64_t)(uintptr_t)stub_miss,
		.lookup_disp = offsetof(struct vcpu, stub) + 8 * STUB_LOOKUP,
		.miss_disp = offsetof(struct vcpu, stub) + 8 * STUB_MISS,
		.emit_thunk = translator_thunk,
		.trace = trace,
		.ctx = m,
	};
	err = tcache_create(&m->cache, &cc);
	if (err)
		return err;
	m->translator = translator_create();
	if (!m->translator)
		return -ENOMEM;
	*what = "signal handlers";
	err = fault_install(m);
	if (err)
		return err;
	monitor_reset(m);
	*out = m;
	return 0;
}

void monitor_destroy(struct monitor *m)
{
	if (!m)
		return;
	host_signal_set_kick(NULL, NULL);
	tcache_destroy(m->cache);
	translator_destroy(m->translator);
	mmu_destroy(m->mmu);
}

struct vcpu *monitor_vcpu(struct monitor *m)
{
	return m->v;
}

struct mmu *monitor_mmu(struct monitor *m)
{
	return m->mmu;
}

void monitor_reset(struct monitor *m)
{
	struct vcpu *v = m->v;
	struct trap t;

	flush_code(m);
	cpu_reset(v, m->cfg.model);
	memory_env(m, &v->env);
	v->stub[STUB_EXIT] = (uint64_t)(uintptr_t)stub_exit;
	v->stub[STUB_LOOKUP] = (uint64_t)(uintptr_t)stub_lookup;
	v->stub[STUB_MISS] = (uint64_t)(uintptr_t)stub_miss;
	v->stub[STUB_CALLOUT] = (uint64_t)(uintptr_t)stub_callout;
	v->tsc_minus = -(int64_t)__builtin_ia32_rdtsc();
	v->tsc_read = 0;
	v->env.paging_load(m, &t);
	/* Power-up state of the FPU: FNINIT's, MXCSR 1F80h.  SDM vol. 3, table 9-1. */
	__builtin_memset(m->fpu, 0, sizeof m->fpu);
	m->fpu[0] = 0x7f;
	m->fpu[1] = 0x03;
	m->fpu[24] = 0x80;
	m->fpu[25] = 0x1f;
	m->fpu_saved = true;
	m->end = END_RUNNING;
	m->frozen = m->ignne = false;
	m->state_dirty = true;
	v->pending = v->inhibit = 0;
	m->debug_hits = 0;
}

/* --- requests from outside --- */

void monitor_kick(struct monitor *m)
{
	__atomic_fetch_or(&m->v->pending, PENDING_KICK, __ATOMIC_RELAXED);
}

void monitor_stop(struct monitor *m, enum monitor_end why, int code)
{
	if (m->end != END_RUNNING)
		return;
	m->end = why;
	m->end_code = code;
	monitor_kick(m);
}

void monitor_ignne(struct monitor *m)
{
	m->ignne = x87_pending(m);
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

void monitor_report(struct monitor *m, FILE *f)
{
	static const char *const gpr[8] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
	static const char *const seg[8] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
	const struct vcpu *v = m->v;

	if (m->end == END_TRIPLE)
		fprintf(f, "unring: triple fault at %04x:%08x\n", v->seg[SREG_CS].selector, v->eip);
	else if (m->end == END_KILLED)
		fprintf(f, "unring: the VM was stopped: %s\n", m->why);
	else if (m->end == END_HALT)
		fprintf(f, "unring: the guest has halted with interrupts off\n");
	for (int i = 0; i < 8; i++)
		fprintf(f, "%s=%08x%s", gpr[i], v->gpr[i],
		        i & 3 ? (i == 3 || i == 7 ? "\n" : " ") : " ");
	fprintf(f, "eip=%08x eflags=%08x cpl=%u cr0=%08x cr2=%08x cr3=%08x cr4=%08x\n", v->eip,
	        vcpu_eflags(v), v->cpl, v->cr0, v->cr2, v->cr3, v->cr4);
	for (int i = 0; i < 8; i++)
		fprintf(f, "%s=%04x base=%08x limit=%08x attr=%05x\n", seg[i], v->seg[i].selector,
		        v->seg[i].base, v->seg[i].limit, v->seg[i].attr);
	fprintf(f, "gdtr=%08x:%04x idtr=%08x:%04x\nlast units:", v->gdtr.base, v->gdtr.limit,
	        v->idtr.base, v->idtr.limit);
	for (unsigned i = 0; i < RECENT && i < m->n_recent; i++)
		fprintf(f, " %08x", m->recent[(m->n_recent - 1 - i) % RECENT]);
	fprintf(f, "\n");
}

void monitor_stats_write(const struct monitor *m, FILE *f)
{
	for (unsigned i = 0; i < CO_COUNT; i++)
		if (m->callout_counts[i])
			fprintf(f, "callout_%s %llu\n", callout_name(i),
			        (unsigned long long)m->callout_counts[i]);
}

/* --- mode and window --- */

void flush_code(struct monitor *m)
{
	fpu_save_pointers(m);
	tcache_flush(m->cache);
	itlb_flush(m);
	return_stack_reset(m);
	m->n_modes = 0;
	m->state_dirty = true;
}

static unsigned mode_number(struct monitor *m, const struct mode_key *k)
{
	for (unsigned i = 0; i < m->n_modes; i++)
		if (mode_equal(&m->modes[i], k))
			return i;
	if (m->n_modes == TCACHE_MAX_MODES)
		flush_code(m);
	m->modes[m->n_modes] = *k;
	return m->n_modes++;
}

static gla_t linear_eip(const struct monitor *m)
{
	return gla(m->v->eip + m->v->seg[SREG_CS].base);
}

/* Branch entries of windows that are gone go all at once, when a base comes round. */
static void branch_drop_stale(struct monitor *m)
{
	tcache_branch_drop_all(m->cache);
	for (unsigned i = 0; i < WINDOW_BASES; i++)
		if (m->window_of_base[i] & WINDOW_GONE)
			m->window_of_base[i] = 0;
}

static void select_state(struct monitor *m)
{
	struct vcpu *v = m->v;
	struct mode_key k = mode_of(v);
	unsigned mode = mode_number(m, &k);
	debug_arm(m);
	struct window *w = mmu_window(m->mmu, at_user(m), linear_eip(m));

	/* Return predictions belong to one mode of one window. */
	if (mode != m->mode || w != m->window)
		return_stack_reset(m);
	if (w != m->window || v->window != (uint64_t)(uintptr_t)w->base) {
		m->window = w;
		v->window = (uint64_t)(uintptr_t)w->base;
		uint32_t *last = &m->window_of_base[monitor_base_slot(w)];
		if (*last != w->id) {
			if (*last)
				branch_drop_stale(m);
			*last = w->id;
		}
		host_set_gs(v->window);
	}
	mmu_bases(m->mmu, w, v->base_by_gib);
	m->mode = mode;
	m->state_dirty = false;
	x87_note_segments(m);
	/* Back from a page fault: what it brought is about to be touched. */
	if (m->premap && at_user(m) && !m->cfg.mmu.exact_ad) {
		gpa_t p;
		struct trap t;
		gla_t a = gla(m->premap & ~1u);
		m->premap = 0;
		mmu_fault(m->mmu, w, a, MMU_READ, true, &p, &t);
	}
}

/* --- units --- */

/* A window that several spaces share knows nothing of what is below the split, where the
 * last instruction at the top may end. */
static bool unshared(const struct monitor *m, gla_t a)
{
	return m->window->kind == WINDOW_KERNEL && a.v < WINDOW_SPLIT;
}

/* The page that holds linear address a, for fetches; false: *t. */
static bool fetch_page(struct monitor *m, gla_t a, gpa_t *out, struct trap *t)
{
	uint32_t vpn = gla_vpn(a);
	struct itlb_entry *e = &m->itlb[vpn & (ITLB_SIZE - 1)];
	if (e->window == m->window->id && e->vpn == vpn) {
		*out = gpa((uint64_t)e->gfn << PAGE_SHIFT | (a.v & PAGE_MASK));
		return true;
	}
	if (!mmu_exec(m->mmu, m->window, a, at_user(m), out, t))
		return false;
	if (mmu_host(m->mmu, *out) && !unshared(m, a)) {
		*e = (struct itlb_entry){m->window->id, vpn, gpa_gfn(*out)};
		tcache_adopt(m->cache, e->gfn, m->window->id, window_alive, m);
	}
	return true;
}

static uint8_t hint(void *ctx, uint32_t eip)
{
	return site_flags(ctx, eip);
}

/* Guest bytes at EIP: up to the page's end, or, if across is set, 16 of both pages. */
struct code_bytes {
	const uint8_t *p;
	size_t n;
	uint8_t buffer[32];
	uint32_t gfn, gfn2;
	bool once; /* no unit is kept: of a hole, or unshared */
};

static bool code_fetch(struct monitor *m, bool across, struct code_bytes *out, struct trap *t)
{
	gla_t a = linear_eip(m);
	size_t room = PAGE_SIZE - (a.v & PAGE_MASK);
	gpa_t p, p2;

	/* Both before anything is read: a walk may set A there. */
	if (!fetch_page(m, a, &p, t) ||
	    (across && !fetch_page(m, gla(a.v + (uint32_t)room), &p2, t)))
		return false;
	out->p = mmu_host(m->mmu, p);
	out->n = room;
	out->gfn = gpa_gfn(p);
	out->gfn2 = NO_GFN;
	out->once = !out->p;
	if (!across && out->p)
		return true;
	for (size_t i = 0; i < sizeof out->buffer; i++)
		out->buffer[i] = i < room && out->p ? out->p[i] : 0xff;
	out->p = out->buffer;
	out->n = across                      ? sizeof out->buffer
	         : room < sizeof out->buffer ? room
	                                     : sizeof out->buffer;
	if (!across)
		return true;
	const uint8_t *host = mmu_host(m->mmu, p2);
	out->gfn2 = gpa_gfn(p2);
	out->once |= !host || unshared(m, gla(a.v + (uint32_t)room));
	for (size_t i = room; i < sizeof out->buffer; i++)
		out->buffer[i] = host ? host[i - room] : 0xff;
	return true;
}

static void log_unit(struct monitor *m, const struct code_bytes *b, const struct tu_code *c)
{
	static const char digit[] = "0123456789abcdef";
	char hex[3 * 64 + 1], *end = hex;
	for (unsigned i = 0; i < c->guest_len && i < 64; i++) {
		*end++ = digit[b->p[i] >> 4];
		*end++ = digit[b->p[i] & 15];
		*end++ = ' ';
	}
	*end = 0;
	gate_log(m, "unit %08x mode %u insns %u guest %u host %u: %s", m->v->eip, m->mode,
	         c->n_insns, c->guest_len, c->host_len, hex);
}

/* Translates at v->eip into out; false: *t. */
static bool translate(struct monitor *m, struct tu_request *r, struct tu_code *code,
                      struct code_bytes *b, struct trap *t)
{
	fpu_save(m);
	r->eip = m->v->eip;
	r->mode = m->modes[m->mode];
	r->model = m->cfg.model;
	r->site = hint;
	r->site_ctx = m;
	/* Past the limit of CS nothing is fetched; a flat segment wraps. */
	uint64_t room = (uint64_t)r->mode.cs_limit + 1 - r->eip;
	if (r->mode.cs_limit == 0xffffffff)
		room = UINT64_MAX;
	if (r->eip > r->mode.cs_limit) {
		*t = trap_error(VEC_GP, 0);
		return false;
	}
	uint64_t to_break = r->max_insns == 1 ? UINT64_MAX : debug_room(m);
	for (bool across = false;; across = true) {
		if (!code_fetch(m, across, b, t))
			return false;
		r->bytes = b->p;
		r->avail = b->n < room ? b->n : room;
		if (r->avail > to_break) {
			r->avail = to_break;
			if (gate_translate(m, r, code) == TU_OK)
				break;
			/* A breakpoint in the middle of the instruction is never met. */
			r->max_insns = 1;
			r->avail = b->n < room ? b->n : room;
		}
		if (across)
			r->max_insns = 1;
		if (gate_translate(m, r, code) == TU_OK)
			break;
		if (r->avail == room) {
			*t = trap_error(VEC_GP, 0);
			return false;
		}
		CHECK(!across);
	}
	if (log_on(LOG_UNITS))
		log_unit(m, b, code);
	return true;
}

/* The unit at v->eip, made if need be. NULL: *t, or what is to run alone (then t->vector is 0xff). */
static struct tu *find(struct monitor *m, struct trap *t)
{
	gla_t a = linear_eip(m);
	gpa_t p;

	if (m->v->eip > m->modes[m->mode].cs_limit) {
		*t = trap_error(VEC_GP, 0);
		return NULL;
	}
	if (!fetch_page(m, a, &p, t))
		return NULL;
	if (!mmu_host(m->mmu, p)) {
		t->vector = 0xff;
		return NULL;
	}
	struct tu *u = tcache_find(m->cache, m->v->eip, gpa_gfn(p), m->mode);
	if (u) {
		gpa_t p2;
		if (u->gfn2 == NO_GFN)
			return u;
		/* Its second page must be the one that it was made from. */
		if (!fetch_page(m, gla((a.v | PAGE_MASK) + 1), &p2, t))
			return NULL;
		if (gpa_gfn(p2) == u->gfn2 && !u->dead)
			return u;
		tcache_invalidate(m->cache, u);
	}
	if (tcache_full(m->cache)) {
		flush_code(m);
		select_state(m);
		if (!fetch_page(m, a, &p, t))
			return NULL;
	}
	struct tu_code *code = &m->code;
	struct code_bytes b;
	struct tu_request r = {.max_insns = m->cfg.paranoid ? 1 : 0};
	r.out = tcache_reserve(m->cache, &r.exit_id);
	if (!translate(m, &r, code, &b, t))
		return NULL;
	if (b.once) {
		t->vector = 0xff;
		return NULL;
	}
	return tcache_commit(m->cache, code, m->v->eip, a.v, b.gfn, b.gfn2, m->mode);
}

/* --- traps and interrupts --- */

static void deliver(struct monitor *m, const struct trap *t)
{
	if (!cpu_exception(m->v, t))
		monitor_stop(m, END_TRIPLE, 1);
	m->state_dirty = m->worked = true;
}

void monitor_trap(struct monitor *m, const struct trap *t)
{
	struct vcpu *v = m->v;
	stats.exceptions++;
	if (t->vector != VEC_DB)
		m->debug.hit = false; /* the access was not made */
	m->debug_hits = 0;            /* from here on: those of the frame */
	if (t->vector == VEC_PF) {
		stats.true_faults++;
		m->premap = at_user(m) ? t->cr2.v | 1 : 0;
	}
	if (log_on(LOG_EXC))
		gate_log(m, "exception %u error %x cr2 %08x at %04x:%08x esp %08x", t->vector,
		         t->error, t->cr2.v, v->seg[SREG_CS].selector, v->eip, v->gpr[ESP]);
	deliver(m, t);
}

void interrupt_line_update(struct monitor *m)
{
	if (gate_intr_line(m))
		__atomic_fetch_or(&m->v->pending, PENDING_INTR, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&m->v->pending, ~(uint32_t)PENDING_INTR, __ATOMIC_RELAXED);
}

static void deliver_interrupt(struct monitor *m)
{
	/* The request may have been withdrawn since it was seen. */
	interrupt_line_update(m);
	if (!(m->v->pending & PENDING_INTR))
		return;
	uint8_t vector = gate_intr_ack(m);
	interrupt_line_update(m);
	stats.interrupts++;
	if (log_on(LOG_INT))
		gate_log(m, "interrupt %02x at %04x:%08x", vector, m->v->seg[SREG_CS].selector,
		         m->v->eip);
	if (!cpu_external(m->v, vector))
		monitor_stop(m, END_TRIPLE, 1);
	m->state_dirty = true;
}

static void poll(struct monitor *m)
{
	__atomic_fetch_and(&m->v->pending, ~(uint32_t)PENDING_KICK, __ATOMIC_RELAXED);
	gate_poll(m);
	interrupt_line_update(m);
}

/* --- running --- */

enum { NO_CHAIN = 0xffffffff };

static uint32_t pending_mask(const struct monitor *m)
{
	return m->v->if_flag ? PENDING_KICK | PENDING_INTR : PENDING_KICK;
}

/* Runs translated code at host until it leaves for the dispatcher; callouts that
 * resume are served here.  Returns the id of a direct exit to chain, or NO_CHAIN. */
static uint32_t run(struct monitor *m, uint64_t host, bool ignore_pending)
{
	struct vcpu *v = m->v;
	uint32_t mask = ignore_pending ? 0 : pending_mask(m);
	uint32_t ac = m->modes[m->mode].bits & MODE_AC ? FLAG_AC : 0;
	bool mid = false;
	uint32_t rf = v->vflags & FLAG_RF;

	/* The instruction that is about to run clears it.  SDM vol. 3, 17.3.1.1. */
	v->vflags &= ~(uint32_t)FLAG_RF;
	v->table = tcache_table(m->cache, m->mode);
	for (;;) {
		if (m->fpu_saved || m->cfg.paranoid)
			fpu_restore(m);
		unsigned why = monitor_enter(v, host, mask, ac);
		m->worked |= why != EXIT_PENDING;
		if (m->cfg.paranoid)
			fpu_left(m);
		stats.exits++;
		switch (why) {
		case EXIT_PENDING:
			if (!mid && m->worked) {
				v->vflags |= rf;
				return NO_CHAIN;
			}
			/* Not a boundary, or time for a unit: what is pending waits. */
			fault_corner(m, host);
			mask = 0;
			continue;
		case EXIT_DIRECT: {
			uint32_t id = (uint32_t)v->scratch[3];
			stats.exit_direct++;
			if (id >= TCACHE_ONCE_EXIT) {
				v->eip = m->once.exits[id - TCACHE_ONCE_EXIT].target;
				return NO_CHAIN;
			}
			tcache_exit(m->cache, id, &v->eip);
			return id;
		}
		case EXIT_MISS:
			stats.exit_indirect++;
			v->eip = (uint32_t)v->scratch[3];
			return NO_CHAIN;
		case EXIT_FAULT:
			fault_route(m);
			return NO_CHAIN;
		}
		uint32_t packed = (uint32_t)v->scratch[0];
		rf = 0;
		v->eip = (uint32_t)v->scratch[3];
		host = v->scratch[5];
		m->code_died = false;
		enum callout_result r = callout_run(m, packed, v->scratch[1]);
		mid = r == RESUME_MID;
		/* What follows in the unit may be what was stored to. */
		if (mid ||
		    (r == RESUME && m->end == END_RUNNING && !m->code_died && !debug_was_hit(m))) {
			mask = ignore_pending ? 0 : pending_mask(m);
			continue;
		}
		stats.exit_callout++;
		if (r == ALONE)
			run_once(m, SITE_REDIRECT);
		if (r == FAULTED) {
			struct trap t = m->fault.trap;
			monitor_trap(m, &t);
		}
		return NO_CHAIN;
	}
}

void run_once(struct monitor *m, uint8_t site)
{
	struct vcpu *v = m->v;
	struct trap t;
	struct code_bytes b;
	uint64_t host;
	uint32_t tf = v->vflags & FLAG_TF, rf = v->vflags & FLAG_RF;

	fpu_save_pointers(m); /* what runs once overwrites where they may lead */
	if (m->state_dirty)
		select_state(m);
	struct tu_request r = {.max_insns = 1, .single = true, .exit_id = TCACHE_ONCE_EXIT};
	r.out = tcache_once(m->cache, &host);
	m->once.host_len = 0;
	m->force_site = site;
	m->once_eip = v->eip;
	m->once_mode = m->mode;
	if (!translate(m, &r, &m->once, &b, &t)) {
		m->force_site = 0;
		m->unfinished = false;
		monitor_trap(m, &t);
		return;
	}
	stats.alone++;
	bool was = m->in_once, watched = m->debug.hit;
	uint32_t held = m->debug_hits;
	m->in_once = true;
	m->soft_int = m->unfinished = false;
	uint64_t traps = stats.exceptions;
	run(m, host, true);
	m->in_once = was;
	m->force_site = 0;
	if (m->unfinished) { /* the rest is matched again */
		m->debug_hits = held;
		m->debug.hit = watched;
		v->vflags |= rf;
	}
	if (m->unfinished || v->inhibit == SHADOW_SS || traps != stats.exceptions ||
	    m->end != END_RUNNING)
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
	run_once(m, m->debug.step || debug_code(m) ? SITE_REDIRECT : 0);
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

	/* I1; a unit that died is no longer anybody's. */
	CHECK(u->dead || mmu_is_code(m->mmu, u->gfn));
	CHECK(u->dead || u->gfn2 == NO_GFN || mmu_is_code(m->mmu, u->gfn2));
	/* I2: what lies on the return stack leads into the cache, to its miss stub at the end. */
	CHECK(v->ret_sp <= m->ret_top && v->ret_sp >= (uint64_t)(uintptr_t)m->ret_guard_end);
	CHECK(*(uint64_t *)(uintptr_t)m->ret_top == (uint64_t)(uintptr_t)stub_ret_miss);
	/* The parts of EFLAGS keep to themselves. */
	CHECK(!(v->flags & ~(uint32_t)FLAGS_NATIVE) && !(v->if_flag & ~(uint32_t)FLAG_IF) &&
	      !(v->vflags & ~(uint32_t)FLAGS_VIRTUAL));
	if (stats.exits % CHECK_BOOKS == 0)
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

enum monitor_end monitor_run(struct monitor *m)
{
	struct vcpu *v = m->v;
	uint32_t chain = NO_CHAIN;
	unsigned chain_mode = 0;
	struct window *chain_window = NULL;

	interrupt_line_update(m);
	m->worked = true;
	while (m->end == END_RUNNING) {
		/* However fast kicks come, the guest gets on between two polls. */
		if (v->pending & PENDING_KICK && m->worked) {
			poll(m);
			m->worked = false;
			chain = NO_CHAIN;
			continue;
		}
		if (v->delivering) {
			struct trap t = v->exception;
			debug_halted(m);
			deliver(m, &t);
			chain = NO_CHAIN;
			continue;
		}
		/* Hit by the frame of an exception or interrupt: before its handler runs. */
		if (m->debug_hits && v->inhibit != SHADOW_SS) {
			struct trap db = {.vector = VEC_DB, .dr6 = m->debug_hits};
			monitor_trap(m, &db);
			chain = NO_CHAIN;
			continue;
		}
		if (m->frozen) {
			/* Nothing but an interrupt leads on, a debugger's step does not. */
			m->frozen = false;
			v->inhibit = 0;
			wait_for_interrupt(m);
			if (v->pending & PENDING_INTR && v->if_flag)
				deliver_interrupt(m);
			chain = NO_CHAIN;
			continue;
		}
		if (debug_on(m)) {
			enum debug_next next = debug_boundary(m);
			if (next == DEBUG_ALONE) {
				step(m);
				debug_ran(m);
			}
			if (next != DEBUG_RUN) {
				chain = NO_CHAIN;
				continue;
			}
		}
		if (v->inhibit) {
			step(m);
			chain = NO_CHAIN;
			continue;
		}
		if (v->pending & PENDING_INTR && v->if_flag) {
			deliver_interrupt(m);
			chain = NO_CHAIN;
			continue;
		}
		/* One at a time: translated code does not tell when FERR# ends. */
		if (m->ignne && (m->ignne = x87_pending(m))) {
			step(m);
			chain = NO_CHAIN;
			continue;
		}
		uint64_t flushes = stats.cache_flushes;
		if (m->state_dirty ||
		    (m->window->kind == WINDOW_KERNEL && linear_eip(m).v < WINDOW_SPLIT))
			select_state(m);
		if (v->vflags & FLAG_TF || debug_code(m)) {
			step(m);
			chain = NO_CHAIN;
			continue;
		}
		bool marked = m->debug.n_marks && debug_marked(m);
		m->recent[m->n_recent++ % RECENT] = v->eip;
		/* What translated code may enter needs no look at the unit, unless to chain. */
		uint64_t host = 0;
		if (chain == NO_CHAIN && !m->cfg.paranoid)
			host = tcache_branch(m->cache, m->mode, v->window, v->eip);
		struct tu *u = NULL;
		if (!host) {
			struct trap t = {0};
			u = find(m, &t);
			if (!u) {
				if (t.vector == 0xff)
					run_once(m, 0);
				else
					monitor_trap(m, &t);
				chain = NO_CHAIN;
				continue;
			}
			bool known = !marked && flushes == stats.cache_flushes;
			if (known && chain != NO_CHAIN && chain_mode == m->mode &&
			    chain_window == m->window &&
			    (!m->cfg.paranoid || stats.exits % CHAIN_EACH == 0)) {
				tcache_chain(m->cache, chain, u);
				if (m->cfg.paranoid)
					tcache_unchain(m->cache, chain);
			}
			if (known && !m->cfg.paranoid) {
				v->table = tcache_table(m->cache, m->mode);
				tcache_branch_set(m->cache, m->mode, v->window, u);
			}
			host = tcache_host(m->cache, u);
		}
		if (log_on(LOG_EXITS))
			log_run(m);
		chain_mode = m->mode;
		chain_window = m->window;
		chain = run(m, host, false);
		if (m->cfg.paranoid)
			check_exit(m, u);
		if (m->state_dirty)
			chain = NO_CHAIN;
	}
	fpu_save(m);
	return m->end;
}
