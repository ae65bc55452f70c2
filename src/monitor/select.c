/* The mode and the window that the guest runs in, and what was known of others. */
#include "monitor/gate.h"

#include "host/gs.h"
#include "host/memory.h"

void return_stack_reset(struct monitor *m)
{
	m->v->native.ret_sp = m->ret_top;
	m->ret_stale = true;
}

void itlb_flush(struct monitor *m)
{
	for (unsigned i = 0; i < ITLB_SIZE; i++)
		m->itlb[i].window = 0;
}

unsigned monitor_base_slot(uint64_t base)
{
	return (unsigned)(base / WINDOW_STRIDE) % WINDOW_BASES;
}

bool window_alive(void *ctx, uint32_t id, uint64_t base)
{
	struct monitor *m = ctx;
	return m->window_of_base[monitor_base_slot(base)] == id;
}

/* All ways to other code segments are gone. */
static void far_flush(struct monitor *m)
{
	m->v->far.key += 1 << 16;
}

void flush_code(struct monitor *m)
{
	fpu_save_pointers(m);
	tcache_flush(m->cache);
	itlb_flush(m);
	return_stack_reset(m);
	m->n_modes = 0;
	far_flush(m);
	for (unsigned i = 0; i < SPACES; i++)
		m->spaces[i].tag = 0;
	m->space.tag = 0;
	m->state_dirty = true;
}

static unsigned mode_number(struct monitor *m, uint32_t bits)
{
	for (unsigned i = 0; i < m->n_modes; i++)
		if (m->modes[i] == bits)
			return i;
	if (m->n_modes == MODES)
		flush_code(m);
	m->modes[m->n_modes] = bits;
	return m->n_modes++;
}

static uint64_t tag_new(struct monitor *m)
{
	if (!++m->last_tag) {
		tcache_branch_drop_all(m->cache);
		for (unsigned i = 0; i < SPACES; i++)
			m->spaces[i].tag = 0;
		far_flush(m);
		m->last_tag = 1;
	}
	return (uint64_t)m->last_tag << 32;
}

/* Is it the space of this key (its bits the mode's), window and CS? */
static bool space_is(const struct monitor *m, const struct tcache_space *s,
                     const struct mode_key *k, const struct window *w)
{
	return s->tag && s->window_id == w->id && s->cs_base == m->v->seg[SREG_CS].base &&
	       s->cs_limit == k->cs_limit && m->modes[s->mode] == k->bits;
}

/* A space that is met again after others took its slots gets another tag: its branch entries are
 * made anew. */
static const struct tcache_space *space_find(struct monitor *m, const struct mode_key *k,
                                             const struct window *w)
{
	enum { WAYS = 4 };
	uint32_t base = m->v->seg[SREG_CS].base;
	uint64_t h = (k->bits ^ (uint64_t)base << 20 ^ k->cs_limit ^ (uint64_t)w->id << 40) *
	             0x9e3779b97f4a7c15ull;
	struct tcache_space *set = &m->spaces[h >> 32 & (SPACES - WAYS)];

	for (unsigned i = 0; i < WAYS; i++)
		if (space_is(m, &set[i], k, w))
			return &set[i];
	unsigned mode = mode_number(m, k->bits);
	if (set[WAYS - 1].tag)
		far_flush(m); /* one may lead there */
	for (unsigned i = WAYS - 1; i > 0; i--)
		set[i] = set[i - 1];
	set[0] = (struct tcache_space){
		.tag = tag_new(m),
		.window = (uint64_t)(uintptr_t)w->base,
		.window_id = w->id,
		.cs_base = base,
		.cs_limit = k->cs_limit,
		.mode = mode,
	};
	return &set[0];
}

/* By which of CS translated code will find the way to this space from others of its kind. */
static void far_note(struct monitor *m)
{
	struct native_far *far = &m->v->far;
	uint16_t selector = m->v->seg[SREG_CS].selector;
	if (mode_protected(m->v) || m->space.cs_base != (uint32_t)selector << 4)
		return;
	far->slot[far_index(selector)] = (struct far_slot){
		.minus_key = -(far->key + selector),
		.tag = m->space.tag,
	};
}

static void space_enter(struct monitor *m, const struct mode_key *k, const struct window *w)
{
	/* Translated code may have left the space for another of the same code. */
	if (m->v->native.tag == m->space.tag && space_is(m, &m->space, k, w)) {
		far_note(m);
		return;
	}
	/* Return predictions belong to one space. */
	return_stack_reset(m);
	struct tcache_space was = m->space;
	m->space = *space_find(m, k, w);
	if (was.mode != m->space.mode || was.window_id != m->space.window_id ||
	    was.cs_limit != m->space.cs_limit)
		far_flush(m);
	m->mode = m->space.mode;
	m->v->native.tag = m->space.tag;
	far_note(m);
}

void select_state(struct monitor *m)
{
	struct vcpu *v = m->v;
	if (!m->state_dirty && window_serves(m->mmu, m->window, linear_eip(m))) {
		struct mode_key k = {m->moved, v->seg[SREG_CS].limit};
		m->code_moved = false;
		space_enter(m, &k, m->window);
		x87_note_segments(m);
		return;
	}
	struct mode_key k = mode_of(v);
	m->moved = k.bits;
	debug_arm(m);
	struct window *w = mmu_window(m->mmu, at_user(m), linear_eip(m));

	space_enter(m, &k, w);
	if (w != m->window || v->native.window != m->space.window) {
		m->window = w;
		v->native.window = m->space.window;
		m->window_of_base[monitor_base_slot(v->native.window)] = w->id;
		host_gs_set(v->native.window);
	}
	mmu_bases(m->mmu, w, v->native.base_by_part);
	/* Translated code asks the ruler about limited segments alone, and about stores by CS. */
	const struct segment *cs = &v->seg[SREG_CS];
	uint64_t reached =
		(uint64_t)cs->limit << 32 | (cs->attr & ~SEG_DPL) << 1 | (v->cr0 & CR0_PE);
	if (reached != m->cs_reached)
		mode_reach(v, SREG_CS);
	m->cs_reached = reached;
	for (unsigned s = SREG_ES; mode_limited(k.bits) && s <= SREG_GS; s++)
		if (mode_class(k.bits, s) >= CLASS_LIMITED)
			mode_reach(v, s);
	m->state_dirty = m->code_moved = m->remapped = false;
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
