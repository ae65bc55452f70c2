/* The mode and the window that the guest runs in, and what was known of others. */
#include "monitor/gate.h"

#include "host/frame.h"
#include "host/memory.h"

void return_stack_reset(struct monitor *m)
{
	m->v->ret_sp = m->ret_top;
	m->ret_stale = true;
}

void itlb_flush(struct monitor *m)
{
	for (unsigned i = 0; i < ITLB_SIZE; i++)
		m->itlb[i].window = 0;
}

unsigned monitor_base_slot(const struct window *w)
{
	return (unsigned)((uint64_t)(uintptr_t)w->base / WINDOW_STRIDE) % WINDOW_BASES;
}

bool window_alive(void *ctx, uint32_t id)
{
	struct monitor *m = ctx;
	for (unsigned i = 0; i < WINDOW_BASES; i++)
		if (m->window_of_base[i] == id)
			return true;
	return false;
}

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

/* Branch entries of windows that are gone go all at once, when a base comes round. */
static void branch_drop_stale(struct monitor *m)
{
	tcache_branch_drop_all(m->cache);
	for (unsigned i = 0; i < WINDOW_BASES; i++)
		if (m->window_of_base[i] & WINDOW_GONE)
			m->window_of_base[i] = 0;
}

void select_state(struct monitor *m)
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
	/* The guest's handler has returned from a #PF: the page that it brought is mapped now, to
	 * save the hidden fault of the retry, a signal of 2 us. */
	if (m->premap && at_user(m) && !m->cfg.mmu.exact_ad) {
		gpa_t p;
		struct trap t;
		gla_t a = gla(m->premap & ~1u);
		m->premap = 0;
		mmu_fault(m->mmu, w, a, MMU_READ, true, &p, &t);
	}
}
