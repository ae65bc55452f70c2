/* Places: a page's units as they are at one EIP.  Code is mapped at other addresses by each
 * process that runs it (address-space randomization) and has another EIP under each base of CS;
 * its units are copied or moved, not translated again. */
#include "cache/internal.h"

#include "base/registers.h"
#include "base/stats.h"

/* --- moving --- */

/* eip + delta, and is that no wrap, and within the limit of CS? */
static bool within(uint32_t eip, uint32_t delta, uint32_t limit)
{
	return limit == UINT32_MAX || (uint64_t)eip + (uint64_t)(int32_t)delta <= limit;
}

/* Can the unit be one whose EIP is delta higher, under this limit of CS?  What would wrap, or lies
 * beyond it, does another thing there. */
static bool movable(const struct tcache *c, const struct tu *u, uint32_t delta, uint32_t limit)
{
	if (u->fixed || !within(u->eip, delta, limit) ||
	    !within(u->eip + u->guest_len - 1, delta, limit))
		return false;
	for (unsigned i = 0; i < u->n_exits; i++) {
		const struct exit_rec *x = &c->exits[u->exit0 + i];
		if (!within(x->target, delta, limit) ||
		    (x->word && tu_wraps((uint16_t)x->target, delta)))
			return false;
	}
	const uint8_t *host = c->code.rx + u->host;
	for (unsigned i = 0; i < u->n_relocs; i++) {
		struct tu_reloc r = c->relocs[u->reloc0 + i];
		uint16_t ip;
		__builtin_memcpy(&ip, host + r.host, 2);
		if (r.kind == RELOC_IP && tu_wraps(ip, delta))
			return false;
	}
	return true;
}

static void relocate(struct tcache *c, struct tu *u, uint32_t delta)
{
	for (unsigned i = 0; i < u->n_relocs; i++)
		tu_relocate(c->code.rw + u->host, c->relocs[u->reloc0 + i], delta);
	u->eip += delta;
}

static void move(struct tcache *c, struct tu *u, uint32_t delta)
{
	uint32_t number = (uint32_t)(u - c->units);
	/* Chains from other pages lead to the old EIP, and those to other pages from it. */
	for (uint32_t in = c->in_head[number], next; in; in = next) {
		next = c->exits[in - 1].in_next;
		if (c->exits[in - 1].cross)
			cache_unlink_exit(c, &c->exits[in - 1]);
	}
	cache_branch_forget(c, u);
	for (unsigned i = 0; i < u->n_exits; i++) {
		struct exit_rec *x = &c->exits[u->exit0 + i];
		if (x->cross)
			cache_unlink_exit(c, x);
		x->target += delta;
		if (x->thunk)
			tu_relocate(c->code.rw + x->thunk,
			            (struct tu_reloc){.host = 2, .kind = RELOC_EIP}, delta);
	}
	relocate(c, u, delta);
}

/* All units of the place move; those that cannot die. */
static void place_move(struct tcache *c, uint32_t n, uint32_t start)
{
	struct place *p = &c->places[n];
	uint32_t gfn = p->gfn, delta = start - p->start;

	p->start = start;
	for (uint32_t i = c->pages[gfn].head, next; i; i = next) {
		struct tu *u = &c->units[i];
		next = cache_next_on_page(u, gfn);
		if (u->gfn != gfn || u->place != n)
			continue;
		if (movable(c, u, delta, u->limit))
			move(c, u, delta);
		else
			tcache_invalidate(c, u);
	}
	c->generation++;
	stats.places_moved++;
}

/* --- adopting --- */

/* Whatever the former owner had chained across pages may not hold for another. */
static void unchain_crossing(struct tcache *c, uint32_t n)
{
	uint32_t gfn = c->places[n].gfn;
	for (uint32_t i = c->pages[gfn].head; i; i = cache_next_on_page(&c->units[i], gfn)) {
		struct tu *u = &c->units[i];
		for (unsigned k = 0; u->gfn == gfn && u->place == n && k < u->n_exits; k++)
			if (c->exits[u->exit0 + k].cross)
				cache_unlink_exit(c, &c->exits[u->exit0 + k]);
	}
}

static bool owns(const struct place *p, const struct tcache_space *s, uint32_t vpn)
{
	return p->owner == s->window_id && p->vpn == vpn;
}

/* The link to the place for this EIP, else to one that nobody runs, else to the oldest of too
 * many; NULL: a new one is to be had. */
static uint32_t *place_choose(struct tcache *c, struct page_rec *page, uint32_t start)
{
	uint32_t *link, *last = NULL;
	unsigned count = 0;

	for (link = &page->place; *link; link = &c->places[*link].next)
		if (c->places[*link].start == start)
			return link;
	for (link = &page->place; *link; link = &c->places[*link].next) {
		const struct place *p = &c->places[*link];
		if (!p->shared && p->owner && !cache_alive(c, p->owner, p->window))
			return link;
		last = link;
		count++;
	}
	return count == PLACES ? last : NULL;
}

bool tcache_adopt(struct tcache *c, const struct tcache_space *s, uint32_t gfn, uint32_t start)
{
	uint32_t vpn = (start + s->cs_base) >> PAGE_SHIFT;
	struct page_rec *page = &c->pages[gfn];
	struct place *p = &c->places[page->place];
	if (page->place && p->start == start && (owns(p, s, vpn) || p->shared))
		return false;

	uint32_t *link = place_choose(c, page, start);
	bool moves = link && c->places[*link].start != start;
	uint32_t n = link ? *link : cache_place_new(c, gfn, start);
	if (link)
		*link = c->places[n].next;
	c->places[n].next = page->place;
	page->place = n;
	p = &c->places[n];
	if (moves) {
		if (c->cfg.moving)
			c->cfg.moving(c->cfg.ctx);
		unchain_crossing(c, n);
		p->owner = 0;
		p->shared = false;
		place_move(c, n, start);
		/* With its last unit the page has lost its places. */
		if (!page->place)
			page->place = n = cache_place_new(c, gfn, start);
		p = &c->places[n];
	}
	if (!owns(p, s, vpn) && !p->shared) {
		if (p->owner) {
			unchain_crossing(c, n);
			p->shared = cache_alive(c, p->owner, p->window);
		}
		p->owner = s->window_id;
		p->window = s->window;
		p->vpn = vpn;
	}
	return moves;
}

/* --- copying --- */

bool tcache_base(const struct tcache *c, const struct tu *u, uint32_t *base)
{
	const struct place *p = &c->places[u->place];
	*base = (p->vpn << PAGE_SHIFT) - p->start;
	return p->owner && !p->shared && !u->dead;
}

bool tcache_movable(const struct tcache *c, const struct tu *model, uint32_t eip, uint32_t limit)
{
	return movable(c, model, eip - model->eip, limit);
}

struct tu *tcache_copy(struct tcache *c, struct tu *model, uint32_t eip, uint32_t limit)
{
	uint32_t delta = eip - model->eip;
	if (!movable(c, model, delta, limit))
		return NULL;
	if (!delta) {
		/* Whoever has the lower limit may run it itself, but not all that it was chained
		 * to. */
		tcache_unchain_exits(c, model);
		model->limit = limit;
		return model;
	}
	struct tu copy = *model;
	uint32_t at = c->used, by = at - model->host;
	copy.eip = eip;
	copy.limit = limit;
	copy_bytes(c->code.rw + at, c->code.rx + model->host, model->host_len);
	struct tu *u = cache_unit_add(c, &copy);
	for (unsigned i = 0; i < u->n_exits; i++) {
		struct exit_rec x = c->exits[model->exit0 + i];
		uint32_t id = c->n_exits;
		x = (struct exit_rec){.unit = (uint32_t)(u - c->units),
		                      .target = x.target + delta,
		                      .patch = x.patch + by,
		                      .stub = x.stub + by,
		                      .word = x.word};
		c->exits[c->n_exits++] = x;
		cache_unlink_exit(c, &c->exits[id]);
		__builtin_memcpy(c->code.rw + x.stub + 2, &id, 4); /* mov r8d, id */
	}
	for (unsigned i = 0; i < u->n_pc; i++)
		c->pcs[c->n_pcs++] = c->pcs[model->pc0 + i];
	for (unsigned i = 0; i < u->n_pads; i++)
		c->pads[c->n_pads++] = c->pads[model->pad0 + i];
	for (unsigned i = 0; i < u->n_relocs; i++)
		c->relocs[c->n_relocs++] = c->relocs[model->reloc0 + i];
	u->eip = model->eip;
	relocate(c, u, delta);
	stats.units_copied++;
	return u;
}
