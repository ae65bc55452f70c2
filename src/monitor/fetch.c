/* Guest code: its pages, its bytes, its units. */
#include "monitor/gate.h"

/* The page of memory that holds linear address a, for fetches; NO_PAGE: there is no memory; false:
 * *t. */
static bool fetch_page(struct monitor *m, gla_t a, uint32_t *page, struct trap *t)
{
	uint32_t vpn = gla_vpn(a);
	struct itlb_entry *e = &m->itlb[vpn & (ITLB_SIZE - 1)];
	if (e->window == m->window->id && e->vpn == vpn) {
		*page = e->page;
		return true;
	}
	if (!mmu_exec(m->mmu, m->window, a, at_user(m), page, t))
		return false;
	if (*page != NO_PAGE && window_serves(m->mmu, m->window, a))
		*e = (struct itlb_entry){m->window->id, vpn, *page};
	return true;
}

/* The current space is about to run units of the page, at this EIP. */
static void page_adopt(struct monitor *m, uint32_t page, uint32_t start)
{
	/* Again, as the place goes with the last unit. */
	while (tcache_adopt(m->cache, &m->space, page, start))
		debug_moved(m);
}

static uint8_t hint(void *ctx, uint32_t eip)
{
	return site_flags(ctx, eip);
}

static const uint8_t *page_host(struct monitor *m, uint32_t page)
{
	return page == NO_PAGE ? NULL : mmu_page_host(m->mmu, page);
}

void code_stored(struct monitor *m, uint32_t page, uint32_t off, uint32_t n)
{
	stats.code_stores++;
	if (m->cfg.always_trace)
		tcache_invalidate_bytes(m->cache, page, off, n);
	else
		tcache_stored(m->cache, page, off, n, __builtin_ia32_rdtsc());
}

static bool is_self(struct monitor *m, uint32_t page)
{
	if (page == NO_PAGE)
		return false;
	if (m->cfg.always_check)
		tcache_self_begin(m->cache, page);
	return tcache_is_self(m->cache, page);
}

/* Is the unit of these bytes to check itself, and where are they? */
static bool self_fill(struct monitor *m, const struct code_bytes *b, struct tu_self *s)
{
	bool self = is_self(m, b->page), self2 = is_self(m, b->page2);
	if (b->once || !(self || self2))
		return false;
	*s = (struct tu_self){
		.page = b->page,
		.page2 = b->page2,
		.offset = linear_eip(m).v & PAGE_MASK,
		.patched = tcache_patched(m->cache, b->page),
		.patched2 = b->page2 == NO_PAGE ? NULL : tcache_patched(m->cache, b->page2),
	};
	return true;
}

static bool code_fetch(struct monitor *m, bool across, struct code_bytes *out, struct trap *t)
{
	gla_t a = linear_eip(m);
	size_t room = PAGE_SIZE - (a.v & PAGE_MASK);
	uint32_t page, page2;

	/* Both before anything is read: a walk may set A there. */
	if (!fetch_page(m, a, &page, t) ||
	    (across && !fetch_page(m, gla(a.v + (uint32_t)room), &page2, t)))
		return false;
	out->p = page_host(m, page);
	if (out->p)
		out->p += a.v & PAGE_MASK;
	out->n = room;
	out->page = page;
	out->page2 = NO_PAGE;
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
	const uint8_t *host = page_host(m, page2);
	out->page2 = page2;
	out->once |= !host || !window_serves(m->mmu, m->window, gla(a.v + (uint32_t)room));
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

static uint64_t told_ints(const struct monitor *m)
{
	if (log_on(LOG_INT))
		return UINT64_MAX;
	return m->cfg.platform.int_n ? m->cfg.platform.int_always : 0;
}

/* Translates at v->eip into out; false: *t. */
bool unit_translate(struct monitor *m, struct tu_request *r, struct tu_code *code,
                    struct code_bytes *b, struct trap *t)
{
	fpu_save(m);
	r->eip = m->v->eip;
	r->mode = (struct mode_key){m->modes[m->mode], m->v->seg[SREG_CS].limit};
	r->model = m->cfg.model;
	r->site = hint;
	r->site_ctx = m;
	r->told_ints = told_ints(m);
	/* Past the limit of CS nothing is fetched; a flat segment wraps. */
	uint64_t room = (uint64_t)r->mode.cs_limit + 1 - r->eip;
	if (r->mode.cs_limit == 0xffffffff)
		room = UINT64_MAX;
	if (r->eip > r->mode.cs_limit) {
		*t = trap_error(VEC_GP, 0);
		return false;
	}
	struct tu_self self;
	uint64_t to_break = r->max_insns == 1 ? UINT64_MAX : debug_room(m);
	for (bool across = false;; across = true) {
		if (!code_fetch(m, across, b, t))
			return false;
		r->bytes = b->p;
		r->self = !r->single && self_fill(m, b, &self) ? &self : NULL;
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

/* Is the unit's second page, if it has one, that of what runs here?  false: *t. */
static bool second_page(struct monitor *m, const struct tu *u, bool *same, struct trap *t)
{
	gla_t a = gla((linear_eip(m).v | PAGE_MASK) + 1);
	uint32_t page;

	*same = true;
	if (u->gfn2 == NO_GFN)
		return true;
	if (!fetch_page(m, a, &page, t))
		return false;
	*same = page == u->gfn2 && window_serves(m->mmu, m->window, a);
	return true;
}

enum found unit_find(struct monitor *m, struct tu **out, struct trap *t)
{
	gla_t a = linear_eip(m);
	uint32_t page;

	if (m->v->eip > m->v->seg[SREG_CS].limit) {
		*t = trap_error(VEC_GP, 0);
		return FOUND_TRAP;
	}
	if (tcache_full(m->cache)) {
		flush_code(m);
		select_state(m);
	}
	if (!fetch_page(m, a, &page, t))
		return FOUND_TRAP;
	if (page == NO_PAGE)
		return FOUND_ALONE;
	uint32_t start = m->v->eip - (a.v & PAGE_MASK);
	page_adopt(m, page, start);
	struct tu *model, *u;
	bool same;
	u = *out = tcache_find(m->cache, &m->space, m->v->eip, page, &model);
	if (u) {
		if (!second_page(m, u, &same, t))
			return FOUND_TRAP;
		if (same && !u->dead)
			return FOUND;
		tcache_invalidate(m->cache, u);
	}
	/* Not over a breakpoint: units end there. */
	if (model && model->guest_len <= debug_room(m) &&
	    tcache_movable(m->cache, model, m->v->eip, m->space.cs_limit)) {
		if (!second_page(m, model, &same, t))
			return FOUND_TRAP;
		page_adopt(m, page, start); /* a walk may have killed the page's last unit */
		if (same && !model->dead &&
		    (*out = tcache_copy(m->cache, model, m->v->eip, m->space.cs_limit)))
			return FOUND;
	}
	struct tu_code *code = &m->code;
	struct code_bytes b;
	struct tu_request r = {.max_insns = m->cfg.paranoid ? 1 : 0, .block = m->cfg.counts};
	r.out = tcache_reserve(m->cache, &r.exit_id);
	if (!unit_translate(m, &r, code, &b, t))
		return FOUND_TRAP;
	if (b.once || code->once)
		return FOUND_ALONE;
	page_adopt(m, b.page, start); /* the same */
	*out = tcache_commit(m->cache, code, m->v->eip, a.v & PAGE_MASK, b.page, b.page2, m->mode);
	return FOUND;
}
