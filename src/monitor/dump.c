/* A dump of the cache for the checker, with what the monitor and the mmu know. */
#include "monitor/gate.h"
#include "monitor/layout.h"

#include <errno.h>
#include <stdlib.h>

struct windows {
	struct monitor *m;
	struct dump_window in[WINDOW_BASES];
	unsigned n;
	struct dump_grant *grant;
	unsigned n_grants;
	bool short_of_memory;
};

static void add_window(void *ctx, const struct window *w)
{
	struct windows *s = ctx;
	bool ran = s->m->window_of_base[monitor_base_slot((uint64_t)(uintptr_t)w->base)] == w->id;
	s->in[s->n++] = (struct dump_window){.base = (uintptr_t)w->base, .id = ran ? w->id : 0};
}

SAVED static void add_grant(void *ctx, const struct window *w, uint32_t vpn, uint32_t page)
{
	struct windows *s = ctx;
	if (!(s->n_grants & (s->n_grants - 1))) {
		size_t room = s->n_grants ? 2 * s->n_grants : 1;
		void *grant = realloc(s->grant, room * sizeof *s->grant);
		if (!grant) {
			s->short_of_memory = true;
			return;
		}
		s->grant = grant;
	}
	s->grant[s->n_grants++] = (struct dump_grant){
		.page = (uintptr_t)w->base + ((uint64_t)vpn << PAGE_SHIFT),
		.gfn = page,
	};
}

static uint8_t guest_byte(void *ctx, uint32_t page, uint32_t offset)
{
	struct monitor *m = ctx;
	return mmu_page_host(m->mmu, page)[offset];
}

static bool traced(void *ctx, uint32_t page)
{
	struct monitor *m = ctx;
	return mmu_is_code(m->mmu, page);
}

static bool code32(void *ctx, unsigned mode)
{
	struct monitor *m = ctx;
	return m->modes[mode] & MODE_CODE32;
}

int monitor_dump(struct monitor *m, FILE *f)
{
	static struct windows windows;
	static struct dump_space spaces[SPACES];
	struct tcache_dump d = {
		.layout = monitor_layout(),
		.stubs =
			{
				.exit = m->v->native.stub[STUB_EXIT],
				.lookup = m->v->native.stub[STUB_LOOKUP],
				.far = m->v->far.stub,
				.miss = m->v->native.stub[STUB_MISS],
				.callout = m->v->native.stub[STUB_CALLOUT],
				.ret_miss = *(const uint64_t *)(uintptr_t)m->ret_top,
				.entry = (uintptr_t)monitor_enter,
			},
		.entry = (const void *)(uintptr_t)monitor_enter,
		.n_entry = (uint32_t)(stubs_end - (const char *)(uintptr_t)monitor_enter),
		.returns = (const uint64_t *)(uintptr_t)m->v->native.ret_sp,
		.n_returns = (unsigned)((m->ret_top - m->v->native.ret_sp) / 8 + 1),
		.windows = windows.in,
		.spaces = spaces,
		.tag = m->v->native.tag,
		.once = m->once.host_len ? &m->once : NULL,
		.once_eip = m->once_eip,
		.ctx = m,
		.guest_byte = guest_byte,
		.traced = traced,
		.code32 = code32,
	};
	/* Those of windows that are gone match nothing. */
	for (unsigned i = 0; i < SPACES; i++) {
		const struct tcache_space *s = &m->spaces[i];
		if (s->tag && window_alive(m, s->window_id, s->window))
			spaces[d.n_spaces++] =
				(struct dump_space){s->tag, s->window, s->cs_base, s->mode};
	}
	windows = (struct windows){.m = m};
	mmu_each(m->mmu, &(struct mmu_each){&windows, add_window, add_grant});
	d.n_windows = windows.n;
	d.grants = windows.grant;
	d.n_grants = windows.n_grants;
	mmu_check(m->mmu);
	int err = windows.short_of_memory ? -ENOMEM : tcache_dump(m->cache, &d, f);
	free(windows.grant);
	return err;
}
