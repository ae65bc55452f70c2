/* A monitor from its creation to its end, and what the mmu and the cache tell it. */
#include "monitor/gate.h"

#include "host/frame.h"
#include "host/memory.h"

#include <errno.h>

enum {
	DEFAULT_CACHE = 64 << 20,
	RETURN_STACK = 256 << 10,
	RETURN_GUARD = 64 << 10,
};

static void trace(void *ctx, uint32_t page, bool on)
{
	struct monitor *m = ctx;
	mmu_trace_code(m->mmu, page, on);
}

static const uint8_t *page_bytes(void *ctx, uint32_t page)
{
	struct monitor *m = ctx;
	return mmu_page_host(m->mmu, page);
}

static void moving(void *ctx)
{
	struct monitor *m = ctx;
	return_stack_reset(m);
	fpu_save_pointers(m); /* they may lead there */
}

static void exec_revoke(void *ctx, struct window *w, uint32_t vpn, uint32_t page)
{
	struct monitor *m = ctx;
	struct itlb_entry *e = &m->itlb[vpn & (ITLB_SIZE - 1)];
	if (e->window == w->id && e->vpn == vpn)
		e->window = 0;
	tcache_page_revoked(m->cache, page);
	tcache_branch_drop_page(m->cache, (uint64_t)(uintptr_t)w->base, vpn);
	return_stack_reset(m);
}

static void window_drop(void *ctx, struct window *w)
{
	struct monitor *m = ctx;
	itlb_flush(m);
	return_stack_reset(m);
	/* Branch entries of its spaces stay: no other will ever have their tags. */
	m->window_of_base[monitor_base_slot((uint64_t)(uintptr_t)w->base)] = 0;
	if (m->window == w)
		m->window = NULL;
	m->state_dirty = true;
}

static void code_store(void *ctx, uint32_t page, uint32_t off, uint32_t n)
{
	code_stored(ctx, page, off, n);
}

static void remapped(void *ctx)
{
	struct monitor *m = ctx;
	m->state_dirty = m->remapped = true;
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

	struct mmu_client client = {m, exec_revoke, window_drop, code_store, remapped};
	err = mmu_create(&m->mmu, &cfg->mmu, &client, what);
	if (err)
		return err;
	m->v->native.ruler = (uint64_t)(uintptr_t)mmu_ruler(m->mmu);
	CHECK(mmu_max_pages(m->mmu) <= 1u << 20); /* all are in reach of v->native.memory */
	m->v->native.memory = (uint64_t)(uintptr_t)mmu_page_host(m->mmu, 0) + TU_MEMORY;
	*what = "the translation cache";
	struct tcache_config cc = {
		.bytes = cfg->cache_bytes  ? cfg->cache_bytes
	                 : m->cfg.paranoid ? 256 << 10
	                                   : DEFAULT_CACHE,
		.max_gfn = mmu_max_pages(m->mmu),
		.miss_stub = (uint64_t)(uintptr_t)stub_miss,
		.lookup_disp = offsetof(struct vcpu, native.stub) + 8 * STUB_LOOKUP,
		.miss_disp = offsetof(struct vcpu, native.stub) + 8 * STUB_MISS,
		.emit_thunk = translator_thunk,
		.page = page_bytes,
		.trace = trace,
		.moving = moving,
		.alive = window_alive,
		.ctx = m,
	};
	err = tcache_create(&m->cache, &cc);
	if (err)
		return err;
	m->translator = translator_create();
	if (!m->translator)
		return -ENOMEM;
	*what = "signal handlers";
	err = signals_install(m);
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
	env_fill(m, &v->env);
	v->native.scratch[CELL_MONITOR] = (uint64_t)(uintptr_t)m;
	v->native.stub[STUB_EXIT] = (uint64_t)(uintptr_t)stub_exit;
	v->far.stub = (uint64_t)(uintptr_t)stub_far;
	v->far.ret_top = m->ret_top;
	v->native.stub[STUB_LOOKUP] = (uint64_t)(uintptr_t)stub_lookup;
	v->native.stub[STUB_MISS] = (uint64_t)(uintptr_t)stub_miss;
	v->native.stub[STUB_CALLOUT] = (uint64_t)(uintptr_t)stub_callout;
	v->native.tsc_minus = -(int64_t)__builtin_ia32_rdtsc();
	v->native.tsc_read = 0;
	v->env.paging_load(m, true, &t);
	/* Power-up state of the FPU: FNINIT's, MXCSR 1F80h.  SDM vol. 3, table 9-1. */
	__builtin_memset(m->fpu, 0, sizeof m->fpu);
	m->fpu[0] = 0x7f;
	m->fpu[1] = 0x03;
	m->fpu[24] = 0x80;
	m->fpu[25] = 0x1f;
	m->fpu_saved = true;
	m->vectors_saved = false;
	m->end = END_RUNNING;
	m->frozen = m->ignne = m->nmi = m->nmi_blocked = false;
	m->state_dirty = true;
	v->native.pending = v->inhibit = 0;
	m->debug_hits = 0;
}
