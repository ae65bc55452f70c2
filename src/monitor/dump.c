/* A dump of the cache for the checker, with what the monitor and the mmu know. */
#include "monitor/internal.h"

#include "host/memory.h"
#include "monitor/layout.h"

struct windows {
	struct monitor *m;
	struct dump_window in[WINDOW_BASES];
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
	if (s->n < WINDOW_BASES && (!s->n || s->in[s->n - 1].base != base))
		s->in[s->n++] = (struct dump_window){.base = base, .id = w->id};
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

int monitor_dump(struct monitor *m, FILE *f)
{
	static struct windows windows;
	struct tcache_dump d = {
		.layout = monitor_layout(),
		.stubs = {
			.exit = m->v->stub[STUB_EXIT],
			.lookup = m->v->stub[STUB_LOOKUP],
			.miss = m->v->stub[STUB_MISS],
			.callout = m->v->stub[STUB_CALLOUT],
			.ret_miss = *(const uint64_t *)(uintptr_t)m->ret_top,
			.entry = (uintptr_t)monitor_enter,
		},
		.entry = (const void *)(uintptr_t)monitor_enter,
		.n_entry = (uint32_t)(stubs_end - (const char *)(uintptr_t)monitor_enter),
		.returns = (const uint64_t *)(uintptr_t)m->v->ret_sp,
		.n_returns = (unsigned)((m->ret_top - m->v->ret_sp) / 8 + 1),
		.windows = windows.in,
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
