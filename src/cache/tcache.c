#include "cache/internal.h"

#include "base/log.h"
#include "base/stats.h"
#include "host/memory.h"

#include <errno.h>
#include <stdlib.h>

enum {
	MAX_UNITS = 1 << 20,
	MAX_EXITS = 1 << 22,
	MAX_PC = 1 << 24,
	MAX_PADS = 1 << 20,
	MAX_RELOCS = 1 << 24,
	MAX_PLACES = 1 << 20,
	MAX_SOURCES = 1 << 24, /* bytes */
	HASH_BITS = 18,
	HASH_SIZE = 1 << HASH_BITS,
	ONCE_BYTES = TU_MAX_HOST,
	MAX_FIXED = 16, /* units of the same code, for as many limits */
	VERSIONS = 16,  /* of units at one address, for other bytes */
};

static int reserve(void *out, size_t n, size_t size)
{
	return host_mem_reserve(n * size, (void **)out);
}

int tcache_create(struct tcache **out, const struct tcache_config *cfg)
{
	struct tcache *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->cfg = *cfg;
	int err = host_code_create(&c->code, cfg->bytes);
	if (!err)
		err = reserve(&c->units, MAX_UNITS, sizeof *c->units);
	if (!err)
		err = reserve(&c->exits, MAX_EXITS, sizeof *c->exits);
	if (!err)
		err = reserve(&c->in_head, MAX_UNITS, sizeof *c->in_head);
	if (!err)
		err = reserve(&c->pcs, MAX_PC, sizeof *c->pcs);
	if (!err)
		err = reserve(&c->pads, MAX_PADS, sizeof *c->pads);
	if (!err)
		err = reserve(&c->relocs, MAX_RELOCS, sizeof *c->relocs);
	if (!err)
		err = reserve(&c->places, MAX_PLACES, sizeof *c->places);
	if (!err)
		err = reserve(&c->sources, MAX_SOURCES, 1);
	if (!err)
		err = reserve(&c->self, SELF_PAGES, sizeof *c->self);
	if (!err)
		err = reserve(&c->hash, HASH_SIZE, sizeof *c->hash);
	if (!err)
		err = reserve(&c->pages, cfg->max_gfn, sizeof *c->pages);
	if (!err)
		err = reserve(&c->branch_pages, BRANCH_PAGES, sizeof *c->branch_pages);
	if (!err)
		err = reserve(&c->miss, BRANCH_ENTRIES, sizeof *c->miss);
	if (!err)
		err = reserve(&c->tables, TABLES * BRANCH_ENTRIES, sizeof *c->miss);
	if (err) {
		free(c);
		return err;
	}
	for (unsigned i = 0; i < BRANCH_ENTRIES; i++)
		c->miss[i].host = cfg->miss_stub;
	c->start = ONCE_BYTES;
	tcache_flush(c);
	*out = c;
	return 0;
}

void tcache_destroy(struct tcache *c)
{
	if (!c)
		return;
	host_code_destroy(&c->code);
	free(c);
}

uint32_t tcache_generation(const struct tcache *c)
{
	return c->generation;
}

uint64_t tcache_deaths(const struct tcache *c)
{
	return c->deaths;
}

static void page_empty(struct tcache *c, uint32_t gfn)
{
	struct page_rec *p = &c->pages[gfn];
	if (p->head && !p->self && c->cfg.trace)
		c->cfg.trace(c->cfg.ctx, gfn, false);
	p->head = p->place = 0;
}

void tcache_flush(struct tcache *c)
{
	c->generation++;
	for (uint32_t n = 1; n < c->n_units; n++) {
		struct tu *u = &c->units[n];
		page_empty(c, u->gfn);
		if (u->gfn2 != NO_GFN)
			page_empty(c, u->gfn2);
		c->in_head[n] = 0;
	}
	/* A page may have places and no unit yet. */
	for (uint32_t n = 1; n < c->n_places; n++)
		c->pages[c->places[n].gfn].place = 0;
	for (uint32_t n = 1; n < c->n_self; n++)
		if (c->self[n].used) {
			if (c->self[n].trial && c->cfg.trace)
				c->cfg.trace(c->cfg.ctx, c->self[n].gfn, false);
			c->pages[c->self[n].gfn].self = 0;
			c->self[n] = (struct self_page){.used = false};
		}
	c->n_self = 0;
	for (uint32_t i = 0; i < HASH_SIZE; i++)
		c->hash[i] = 0;
	tcache_branch_drop_all(c);
	c->n_units = 1;
	c->n_places = 1;
	c->free_place = 0;
	c->n_exits = c->n_pcs = c->n_pads = c->n_relocs = 0;
	c->n_sources = 1;
	c->used = c->start;
	stats.cache_flushes++;
}

bool tcache_full(const struct tcache *c)
{
	return c->used + TU_MAX_HOST + 2 * TU_MAX_THUNK > c->code.size ||
	       c->n_units + 1 >= MAX_UNITS || c->n_exits + TU_MAX_EXITS >= MAX_EXITS ||
	       c->n_pcs + TU_MAX_PC >= MAX_PC || c->n_pads + TU_MAX_PADS >= MAX_PADS ||
	       c->n_relocs + TU_MAX_RELOCS >= MAX_RELOCS || c->n_places + 2 >= MAX_PLACES ||
	       c->n_sources + 2 * TU_MAX_GUEST >= MAX_SOURCES;
}

uint8_t *tcache_reserve(struct tcache *c, uint32_t *exit_id)
{
	*exit_id = c->n_exits;
	return c->code.rw + c->used;
}

uint8_t *tcache_once(struct tcache *c, uint64_t *host)
{
	*host = (uint64_t)(uintptr_t)c->code.rx;
	return c->code.rw;
}

static unsigned hash_of(uint32_t gfn, uint32_t page_off, unsigned mode)
{
	uint64_t at = (uint64_t)gfn << PAGE_SHIFT | page_off;
	return (at + ((uint64_t)mode << 52)) * 0x9e3779b97f4a7c15ull >> (64 - HASH_BITS);
}

/* Keeps len bytes; what the alignment leaves is int3. */
static void take(struct tcache *c, uint32_t len)
{
	c->used += len;
	while (c->used & 15)
		c->code.rw[c->used++] = 0xcc;
}

static void page_add(struct tcache *c, uint32_t gfn, uint32_t n, uint32_t *next)
{
	struct page_rec *p = &c->pages[gfn];
	if (!p->head && !p->self && c->cfg.trace)
		c->cfg.trace(c->cfg.ctx, gfn, true);
	*next = p->head;
	p->head = n;
}

void cache_places_free(struct tcache *c, uint32_t gfn)
{
	for (uint32_t n = c->pages[gfn].place, next; n; n = next) {
		next = c->places[n].next;
		c->places[n] = (struct place){.gfn = gfn, .next = c->free_place};
		c->free_place = n;
	}
	c->pages[gfn].place = 0;
}

uint32_t cache_place_new(struct tcache *c, uint32_t gfn, uint32_t start)
{
	uint32_t n = c->free_place;
	if (n)
		c->free_place = c->places[n].next;
	else
		n = c->n_places++;
	c->places[n] = (struct place){.gfn = gfn, .start = start};
	return n;
}

struct tu *cache_unit_add(struct tcache *c, const struct tu *unit)
{
	uint32_t n = c->n_units++;
	struct tu *u = &c->units[n];

	*u = *unit;
	u->host = c->used;
	u->exit0 = c->n_exits;
	u->pc0 = c->n_pcs;
	u->pad0 = c->n_pads;
	u->reloc0 = c->n_relocs;
	uint32_t start = u->eip - u->page_off, *place = &c->pages[u->gfn].place;
	while (*place && c->places[*place].start != start)
		place = &c->places[*place].next;
	if (!*place)
		*place = cache_place_new(c, u->gfn, start);
	u->place = *place;
	take(c, u->host_len);

	unsigned h = hash_of(u->gfn, u->page_off, u->mode);
	u->hash_next = c->hash[h];
	c->hash[h] = n;
	page_add(c, u->gfn, n, &u->page_next);
	if (u->gfn2 != NO_GFN && u->gfn2 != u->gfn)
		page_add(c, u->gfn2, n, &u->page2_next);
	return u;
}

struct tu *tcache_commit(struct tcache *c, const struct tu_code *code, uint32_t eip,
                         uint32_t page_off, uint32_t gfn, uint32_t gfn2, unsigned mode)
{
	struct tu *u =
		cache_unit_add(c, &(struct tu){
					  .eip = eip,
					  .gfn = gfn,
					  .gfn2 = gfn2,
					  .source = code->source ? cache_source_keep(c, code) : 0,
					  .page_off = page_off,
					  .limit = code->limit,
					  .guest_len = code->guest_len,
					  .host_len = code->host_len,
					  .n_insns = code->n_insns,
					  .n_pc = code->n_pc,
					  .n_relocs = code->n_relocs,
					  .n_exits = code->n_exits,
					  .n_pads = code->n_pads,
					  .mode = mode,
					  .fixed = code->fixed,
				  });
	for (unsigned i = 0; i < code->n_exits; i++)
		c->exits[c->n_exits++] = (struct exit_rec){
			.unit = (uint32_t)(u - c->units),
			.target = code->exits[i].target,
			.patch = u->host + code->exits[i].patch,
			.stub = u->host + code->exits[i].stub,
			.word = code->exits[i].word,
		};
	for (unsigned i = 0; i < code->n_pc; i++)
		c->pcs[c->n_pcs++] = code->pc[i];
	for (unsigned i = 0; i < code->n_pads; i++)
		c->pads[c->n_pads++] = code->pads[i];
	for (unsigned i = 0; i < code->n_relocs; i++)
		c->relocs[c->n_relocs++] = code->relocs[i];
	stats.units++;
	stats.guest_instructions += code->n_insns;
	stats.guest_bytes += code->guest_len;
	stats.host_bytes += code->host_len;
	return u;
}

struct tu *tcache_find(struct tcache *c, const struct tcache_space *s, uint32_t eip, uint32_t gfn,
                       struct tu **model)
{
	uint32_t page_off = (s->cs_base + eip) & PAGE_MASK;
	if (model)
		*model = NULL;
	unsigned fixed = 0, versions = 0;
	struct tu *stale = NULL;
	for (uint32_t n = c->hash[hash_of(gfn, page_off, s->mode)], next; n; n = next) {
		struct tu *u = &c->units[n];
		next = u->hash_next;
		if (u->gfn != gfn || u->page_off != page_off || u->mode != s->mode)
			continue;
		if (u->source && !cache_source_is(c, u)) {
			stale = stale ? stale : u;
			if (++versions > VERSIONS)
				tcache_invalidate(c, u);
			continue;
		}
		if (u->eip == eip && (u->fixed ? u->limit == s->cs_limit : u->limit <= s->cs_limit))
			return u;
		if (model && !u->fixed)
			*model = u;
		if (u->fixed && ++fixed > MAX_FIXED)
			tcache_invalidate(c, u);
	}
	if (stale && !(model && *model))
		cache_source_learn(c, stale);
	return NULL;
}

bool tcache_contains(const struct tcache *c, uint64_t host)
{
	return host - (uint64_t)(uintptr_t)c->code.rx < c->code.size;
}

bool tcache_in_once(const struct tcache *c, uint64_t host)
{
	return host - (uint64_t)(uintptr_t)c->code.rx < ONCE_BYTES;
}

struct tu *tcache_unit_at(struct tcache *c, uint64_t host)
{
	uint32_t off = (uint32_t)(host - (uint64_t)(uintptr_t)c->code.rx);
	uint32_t lo = 1, hi = c->n_units;
	if (!tcache_contains(c, host))
		return NULL;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		if (c->units[mid].host <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 1)
		return NULL;
	struct tu *u = &c->units[lo - 1];
	return off - u->host < u->host_len ? u : NULL;
}

const struct tu_pc *tcache_pc(struct tcache *c, const struct tu *u, uint32_t host_off)
{
	const struct tu_pc *best = NULL;
	for (unsigned i = 0; i < u->n_pc; i++) {
		const struct tu_pc *p = &c->pcs[u->pc0 + i];
		if (p->host > host_off)
			break;
		best = p;
	}
	return best;
}

uint64_t tcache_host(const struct tcache *c, const struct tu *u)
{
	return (uint64_t)(uintptr_t)c->code.rx + u->host;
}

struct tu *tcache_exit(struct tcache *c, uint32_t id, uint32_t *target)
{
	CHECK(id < c->n_exits);
	*target = c->exits[id].target;
	return &c->units[c->exits[id].unit];
}

/* --- chaining --- */

static void patch(struct tcache *c, struct exit_rec *x, uint32_t to)
{
	uint32_t rel = to - (x->patch + 4);
	__builtin_memcpy(c->code.rw + x->patch, &rel, 4);
}

void cache_unlink_exit(struct tcache *c, struct exit_rec *x)
{
	uint32_t n = (uint32_t)(x - c->exits) + 1;
	patch(c, x, x->stub);
	if (!x->to)
		return;
	if (x->in_prev)
		c->exits[x->in_prev - 1].in_next = x->in_next;
	else if (c->in_head[x->to] == n)
		c->in_head[x->to] = x->in_next;
	if (x->in_next)
		c->exits[x->in_next - 1].in_prev = x->in_prev;
	x->to = x->in_next = x->in_prev = 0;
	stats.unchains++;
}

/* Does the branch leave the source's page?  Units that cross a page are always
 * entered as if from another page, since their second page may differ. */
static bool crosses(const struct tu *from, uint32_t target, const struct tu *to)
{
	uint32_t page_start = from->eip - from->page_off;
	return target - page_start >= PAGE_SIZE || to->gfn2 != NO_GFN || to->gfn != from->gfn;
}

void tcache_chain(struct tcache *c, uint32_t id, struct tu *to)
{
	struct exit_rec *x = &c->exits[id];
	struct tu *from = &c->units[x->unit];

	/* Whoever runs the one must be allowed to run the other. */
	if (from->dead || to->dead || to->fixed || to->limit > from->limit)
		return;
	cache_unlink_exit(c, x);
	x->cross = crosses(from, x->target, to);
	if (x->cross && c->places[from->place].shared) {
		if (!x->thunk) {
			if (c->used + TU_MAX_THUNK > c->code.size)
				return;
			x->thunk = c->used;
			take(c, c->cfg.emit_thunk(c->code.rw + c->used, x->target));
		}
		patch(c, x, x->thunk);
		return;
	}
	uint32_t n = (uint32_t)(to - c->units), me = id + 1;
	x->to = n;
	x->in_prev = 0;
	x->in_next = c->in_head[n];
	if (x->in_next)
		c->exits[x->in_next - 1].in_prev = me;
	c->in_head[n] = me;
	patch(c, x, to->host);
	stats.chains++;
}

void tcache_unchain(struct tcache *c, uint32_t id)
{
	cache_unlink_exit(c, &c->exits[id]);
}

void tcache_unchain_exits(struct tcache *c, struct tu *u)
{
	if (u->dead)
		return; /* done, and parts of it may have been overwritten since */
	for (unsigned i = 0; i < u->n_exits; i++)
		cache_unlink_exit(c, &c->exits[u->exit0 + i]);
}

/* --- branch tables --- */

static struct branch *entry(const struct tcache *c, unsigned mode, uint32_t eip)
{
	return c->tables + (mode % TABLES) * BRANCH_ENTRIES + branch_index(eip);
}

uint64_t tcache_table(struct tcache *c, unsigned mode)
{
	return (uint64_t)(uintptr_t)entry(c, mode, 0);
}

uint64_t tcache_miss_table(struct tcache *c)
{
	return (uint64_t)(uintptr_t)c->miss;
}

uint64_t tcache_branch(const struct tcache *c, const struct tcache_space *s, uint32_t eip)
{
	const struct branch *b = entry(c, s->mode, eip);
	return b->minus_tag == -(s->tag + eip) ? b->host : 0;
}

static struct branch_page *branch_page_slot(struct tcache *c, uint64_t page)
{
	return &c->branch_pages[page * 0x9e3779b97f4a7c15ull >> (64 - BRANCH_PAGE_BITS)];
}

/* The entry of a linear address in a space. */
static void branch_clear(struct tcache *c, const struct branch_space *s, uint32_t linear)
{
	uint32_t eip = linear - s->cs_base;
	struct branch *b = entry(c, s->mode, eip);
	if (b->minus_tag == -(s->tag + eip))
		b->minus_tag = 0;
}

/* The entries of a window that is gone match nothing, and stay. */
static void branch_page_clear(struct tcache *c, struct branch_page *p)
{
	uint32_t linear = (uint32_t)p->page;
	bool alive = p->page && cache_alive(c, p->window_id, p->page - linear);
	for (const struct branch_space *s = p->space; alive && s < p->space + p->n_spaces; s++)
		if (p->n > BRANCH_PAGE_EIPS)
			for (unsigned i = 0; i < PAGE_SIZE; i++)
				branch_clear(c, s, linear + i);
		else
			for (unsigned i = 0; i < p->n; i++)
				branch_clear(c, s, linear + p->off[i]);
	p->page = 0;
	p->n_spaces = p->n = 0;
}

/* The page's book, open for this space. */
static struct branch_page *branch_page_open(struct tcache *c, const struct tcache_space *s,
                                            uint64_t page)
{
	struct branch_page *p = branch_page_slot(c, page);
	bool same = p->page == page && p->window_id == s->window_id;
	for (unsigned i = 0; same && i < p->n_spaces; i++)
		if (p->space[i].tag == s->tag)
			return p;
	if (!same || p->n_spaces == BRANCH_PAGE_SPACES)
		branch_page_clear(c, p);
	p->page = page;
	p->window_id = s->window_id;
	p->space[p->n_spaces++] = (struct branch_space){s->tag, s->cs_base, s->mode};
	return p;
}

void tcache_branch_set(struct tcache *c, const struct tcache_space *s, const struct tu *u)
{
	if (tcache_branch(c, s, u->eip) == tcache_host(c, u))
		return;
	struct branch *b = entry(c, s->mode, u->eip);
	uint32_t linear = u->eip + s->cs_base;
	struct branch_page *p = branch_page_open(c, s, s->window + (linear & ~PAGE_MASK));

	if (p->n < BRANCH_PAGE_EIPS)
		p->off[p->n] = linear & PAGE_MASK;
	if (p->n <= BRANCH_PAGE_EIPS)
		p->n++;
	b->host = tcache_host(c, u);
	b->minus_tag = -(s->tag + u->eip);
	c->table_used[s->mode % TABLES] = true;
}

void tcache_branch_drop_page(struct tcache *c, uint64_t window, uint32_t vpn)
{
	/* The page before may hold units whose last instruction crosses into this one. */
	for (int i = 0; i < 2; i++) {
		uint64_t page = window + ((vpn - i) << PAGE_SHIFT); /* 32 bits: it wraps */
		struct branch_page *p = branch_page_slot(c, page);
		if (p->page == page)
			branch_page_clear(c, p);
	}
}

void tcache_branch_drop_all(struct tcache *c)
{
	for (unsigned t = 0; t < TABLES; t++)
		if (c->table_used[t]) {
			__builtin_memset(entry(c, t, 0), 0, BRANCH_ENTRIES * sizeof(struct branch));
			c->table_used[t] = false;
		}
	__builtin_memset(c->branch_pages, 0, BRANCH_PAGES * sizeof *c->branch_pages);
}

void cache_branch_forget(struct tcache *c, const struct tu *u)
{
	struct branch *b = entry(c, u->mode, u->eip);
	if (b->host == tcache_host(c, u))
		*b = (struct branch){0};
}

/* --- invalidation --- */

static void page_remove(struct tcache *c, uint32_t gfn, uint32_t n)
{
	struct page_rec *p = &c->pages[gfn];
	uint32_t *link = &p->head;
	while (*link && *link != n) {
		struct tu *u = &c->units[*link];
		link = u->gfn == gfn ? &u->page_next : &u->page2_next;
	}
	CHECK(*link == n);
	*link = cache_next_on_page(&c->units[n], gfn);
	if (p->head)
		return;
	cache_places_free(c, gfn);
	if (!p->self && c->cfg.trace)
		c->cfg.trace(c->cfg.ctx, gfn, false);
}

/* jmp [r15 + disp] */
static void write_jump(uint8_t *p, uint32_t disp)
{
	p[0] = 0x41;
	p[1] = 0xff;
	p[2] = 0xa7;
	__builtin_memcpy(p + 3, &disp, 4);
}

void tcache_leave_after(struct tcache *c, const struct tu *u, uint32_t host_off)
{
	const struct tu_pc *p = &c->pcs[u->pc0], *end = p + u->n_pc, *now = NULL;
	for (; p < end && p->host <= host_off; p++)
		now = p;
	while (p < end && now && p->guest == now->guest)
		p++;
	if (p == end)
		return;
	/* mov r8d, eip; jmp [r15 + miss_disp] */
	uint8_t *at = c->code.rw + u->host + p->host;
	uint32_t eip = u->eip + p->guest;
	at[0] = 0x41;
	at[1] = 0xb8;
	__builtin_memcpy(at + 2, &eip, 4);
	write_jump(at + 6, c->cfg.miss_disp);
}

void tcache_invalidate(struct tcache *c, struct tu *u)
{
	uint32_t n = (uint32_t)(u - c->units);
	if (u->dead)
		return;
	stats.invalidations++;
	c->deaths++;
	while (c->in_head[n])
		cache_unlink_exit(c, &c->exits[c->in_head[n] - 1]);
	tcache_unchain_exits(c, u);
	u->dead = true;

	uint32_t *link = &c->hash[hash_of(u->gfn, u->page_off, u->mode)];
	while (*link != n)
		link = &c->units[*link].hash_next;
	*link = u->hash_next;

	cache_branch_forget(c, u);
	for (unsigned i = 0; i < u->n_pads; i++)
		write_jump(c->code.rw + u->host + c->pads[u->pad0 + i].host, c->cfg.lookup_disp);
	page_remove(c, u->gfn, n);
	if (u->gfn2 != NO_GFN && u->gfn2 != u->gfn)
		page_remove(c, u->gfn2, n);
}

/* The first unit of a page.  Guest tables may point beyond memory: nothing is there. */
static uint32_t page_head(const struct tcache *c, uint32_t gfn)
{
	return gfn < c->cfg.max_gfn ? c->pages[gfn].head : 0;
}

unsigned tcache_invalidate_bytes(struct tcache *c, uint32_t gfn, uint32_t off, uint32_t len)
{
	unsigned count = 0;
	for (uint32_t n = page_head(c, gfn), next; n; n = next) {
		struct tu *u = &c->units[n];
		uint32_t end = u->page_off + u->guest_len;
		next = cache_next_on_page(u, gfn);
		/* Both halves may be on one physical page. */
		if ((u->gfn == gfn && off < end && u->page_off < off + len) ||
		    (u->gfn2 == gfn && off + PAGE_SIZE < end)) {
			tcache_invalidate(c, u);
			count++;
		}
	}
	return count;
}

void tcache_page_revoked(struct tcache *c, uint32_t gfn)
{
	for (uint32_t n = page_head(c, gfn); n; n = cache_next_on_page(&c->units[n], gfn))
		for (uint32_t in = c->in_head[n], next; in; in = next) {
			next = c->exits[in - 1].in_next;
			if (c->exits[in - 1].cross)
				cache_unlink_exit(c, &c->exits[in - 1]);
		}
}

uint32_t tcache_count(const struct tcache *c)
{
	return c->n_units - 1;
}

const struct tu *tcache_at(const struct tcache *c, uint32_t i)
{
	return &c->units[i + 1];
}
