/* A dump of the cache for the checker, with what the monitor and the mmu know. */
#include "monitor/internal.h"

#include "host/memory.h"

struct windows {
	struct monitor *m;
	uint64_t base[WINDOW_BASES];
	unsigned n;
};

static void window_of(void *ctx, const struct host_mapping *h)
{
	struct windows *s = ctx;
	struct window *w;
	gla_t a;
	if (!mmu_find_window(s->m->mmu, h->start, &w, &a))
		return;
	uint64_t base = (uintptr_t)w->base;
	if (s->n < WINDOW_BASES && (!s->n || s->base[s->n - 1] != base))
		s->base[s->n++] = base;
}

static uint8_t guest_byte(void *ctx, uint32_t gfn, uint32_t offset)
{
	struct monitor *m = ctx;
	const uint8_t *p = mmu_host(m->mmu, gpa((uint64_t)gfn << PAGE_SHIFT | offset));
	return p ? *p : 0xff;
}

static bool traced(void *ctx, uint32_t gfn)
{
	struct monitor *m = ctx;
	return mmu_is_code(m->mmu, gfn);
}

/* disp32 of a cell, as translated code has it. */
#define CELL(field) ((uint32_t)offsetof(struct vcpu, field))

int monitor_dump(struct monitor *m, FILE *f)
{
	static struct windows windows;
	struct tcache_dump d = {
		.layout = {
			.stub_exit = CELL(stub) + 8 * STUB_EXIT,
			.stub_lookup = CELL(stub) + 8 * STUB_LOOKUP,
			.stub_miss = CELL(stub) + 8 * STUB_MISS,
			.stub_callout = CELL(stub) + 8 * STUB_CALLOUT,
			.pending = CELL(pending),
			.if_flag = CELL(if_flag),
			.vflags = CELL(vflags),
			.base_by_gib = CELL(base_by_gib),
			.tsc_minus = CELL(tsc_minus),
			.seg = CELL(seg),
			.seg_stride = sizeof(struct segment),
			.seg_base = offsetof(struct segment, base),
			.seg_selector = offsetof(struct segment, selector),
			.callouts = CO_COUNT,
			.co_pending = CO_PENDING,
			.co_pre = CO_PRE,
			.co_post = CO_POST,
			.co_popf = CO_POPF,
			.co_far_jmp = CO_FAR_JMP,
			.co_far_call = CO_FAR_CALL,
		},
		.ret_miss = (uintptr_t)stub_ret_miss,
		.returns = (const uint64_t *)(uintptr_t)m->v->ret_sp,
		.n_returns = (unsigned)((m->ret_top - m->v->ret_sp) / 8 + 1),
		.windows = windows.base,
		.once = m->once.host_len ? &m->once : NULL,
		.once_eip = m->once_eip,
		.ctx = m,
		.guest_byte = guest_byte,
		.traced = traced,
	};
	fpu_save(m);
	for (unsigned i = 0; i < m->n_modes; i++)
		d.code32 |= (uint64_t)!!(m->modes[i].bits & MODE_CODE32) << i;
	windows.m = m;
	windows.n = 0;
	int err = host_mem_each(NULL, (void *)UINTPTR_MAX, window_of, &windows);
	d.n_windows = windows.n;
	mmu_check(m->mmu);
	return err ? err : tcache_dump(m->cache, &d, f);
}
