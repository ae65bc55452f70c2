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
	HASH_SIZE = 1 << 18,
	ONCE_BYTES = TU_MAX_HOST,
	THUNK_MAX = 96,
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
		err = reserve(&c->hash, HASH_SIZE, sizeof *c->hash);
	if (!err)
		err = reserve(&c->pages, cfg->max_gfn, sizeof *c->pages);
	if (!err)
		err = reserve(&c->branch_pages, BRANCH_PAGES, sizeof *c->branch_pages);
	if (!err)
		err = reserve(&c->miss, BRANCH_ENTRIES, sizeof *c->miss);
	if (!err)
		err = reserve(&c->table_room, TCACHE_MAX_MODES * BRANCH_ENTRIES, sizeof *c->miss);
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

void tcache_flush(struct tcache *c)
{
	c->generation++;
	for (uint32_t n = 1; n < c->n_units; n++) {
		struct tu *u = &c->units[n];
		struct page_rec *p = &c->pages[u->gfn];
		if (p->head && c->cfg.trace)
			c->cfg.trace(c->cfg.ctx, u->gfn, false);
		*p = (struct page_rec){0};
		if (u->gfn2 != NO_GFN) {
			p = &c->pages[u->gfn2];
			if (p->head && c->cfg.trace)
				c->cfg.trace(c->cfg.ctx, u->gfn2, false);
			*p = (struct page_rec){0};
		}
		c->in_head[n] = 0;
	}
	for (uint32_t i = 0; i < HASH_SIZE; i++)
		c->hash[i] = 0;
	tcache_branch_drop_all(c);
	c->n_units = 1;
	c->n_exits = c->n_pcs = c->n_pads = 0;
	c->used = c->start;
	stats.cache_flushes++;
}

bool tcache_full(const struct tcache *c)
{
	return c->used + TU_MAX_HOST + 2 * THUNK_MAX > c->code.size ||
	       c->n_units + 1 >= MAX_UNITS || c->n_exits + TU_MAX_EXITS >= MAX_EXITS ||
	       c->n_pcs + TU_MAX_PC >= MAX_PC || c->n_pads + TU_MAX_PADS >= MAX_PADS;
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

static unsigned hash_of(uint32_t eip, uint32_t gfn, unsigned mode)
{
	uint32_t h = eip * 0x9e3779b1u + gfn * 0xc2b2ae35u + mode * 0x85ebca6bu;
	return h >> 14 & (HASH_SIZE - 1);
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
	if (!p->head && c->cfg.trace)
		c->cfg.trace(c->cfg.ctx, gfn, true);
	*next = p->head;
	p->head = n;
}

struct tu *tcache_commit(struct tcache *c, const struct tu_code *code, uint32_t eip,
                         uint32_t linear, uint32_t gfn, uint32_t gfn2, unsigned mode)
{
	uint32_t n = c->n_units++;
	struct tu *u = &c->units[n];

	c->cs_base[mode] = linear - eip;
	*u = (struct tu){
		.eip = eip,
		.gfn = gfn,
		.gfn2 = gfn2,
		.host = c->used,
		.exit0 = c->n_exits,
		.pc0 = c->n_pcs,
		.pad0 = c->n_pads,
		.page_off = linear & PAGE_MASK,
		.guest_len = code->guest_len,
		.host_len = code->host_len,
		.n_insns = code->n_insns,
		.n_pc = code->n_pc,
		.n_exits = code->n_exits,
		.n_pads = code->n_pads,
		.mode = mode,
	};
	for (unsigned i = 0; i < code->n_exits; i++)
		c->exits[c->n_exits++] = (struct exit_rec){
			.unit = n,
			.target = code->exits[i].target,
			.patch = c->used + code->exits[i].patch,
			.stub = c->used + code->exits[i].stub,
		};
	for (unsigned i = 0; i < code->n_pc; i++)
		c->pcs[c->n_pcs++] = code->pc[i];
	for (unsigned i = 0; i < code->n_pads; i++)
		c->pads[c->n_pads++] = code->pads[i];
	take(c, code->host_len);

	unsigned h = hash_of(eip, gfn, mode);
	u->hash_next = c->hash[h];
	c->hash[h] = n;
	page_add(c, gfn, n, &u->page_next);
	if (gfn2 != NO_GFN && gfn2 != gfn)
		page_add(c, gfn2, n, &u->page2_next);
	stats.units++;
	stats.guest_instructions += code->n_insns;
	stats.guest_bytes += code->guest_len;
	stats.host_bytes += code->host_len;
	return u;
}

struct tu *tcache_find(struct tcache *c, uint32_t eip, uint32_t gfn, unsigned mode)
{
	for (uint32_t n = c->hash[hash_of(eip, gfn, mode)]; n; n = c->units[n].hash_next) {
		struct tu *u = &c->units[n];
		if (u->eip == eip && u->gfn == gfn && u->mode == mode && !u->dead)
			return u;
	}
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

static void unlink_exit(struct tcache *c, struct exit_rec *x)
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

	if (from->dead || to->dead)
		return;
	unlink_exit(c, x);
	x->cross = crosses(from, x->target, to);
	if (x->cross && c->pages[from->gfn].shared) {
		if (!x->thunk) {
			if (c->used + THUNK_MAX > c->code.size)
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
	unlink_exit(c, &c->exits[id]);
}

void tcache_unchain_exits(struct tcache *c, struct tu *u)
{
	if (u->dead)
		return; /* done, and parts of it may have been overwritten since */
	for (unsigned i = 0; i < u->n_exits; i++)
		unlink_exit(c, &c->exits[u->exit0 + i]);
}

static uint32_t next_on_page(const struct tu *u, uint32_t gfn)
{
	return u->gfn == gfn ? u->page_next : u->page2_next;
}

void tcache_adopt(struct tcache *c, uint32_t gfn, uint32_t window_id,
                  bool (*alive)(void *ctx, uint32_t id), void *ctx)
{
	struct page_rec *p = &c->pages[gfn];
	if (p->owner == window_id || p->shared)
		return;
	if (p->owner) {
		/* Whatever the former owner had chained across pages may not hold here. */
		for (uint32_t n = p->head; n; n = next_on_page(&c->units[n], gfn)) {
			struct tu *u = &c->units[n];
			for (unsigned i = 0; u->gfn == gfn && i < u->n_exits; i++)
				if (c->exits[u->exit0 + i].cross)
					unlink_exit(c, &c->exits[u->exit0 + i]);
		}
		if (alive(ctx, p->owner)) {
			p->shared = true;
			return;
		}
	}
	p->owner = window_id;
}

/* --- branch tables --- */

uint64_t tcache_table(struct tcache *c, unsigned mode)
{
	c->tables[mode] = c->table_room + mode * BRANCH_ENTRIES;
	return (uint64_t)(uintptr_t)c->tables[mode];
}

uint64_t tcache_miss_table(struct tcache *c)
{
	return (uint64_t)(uintptr_t)c->miss;
}

uint64_t tcache_branch(const struct tcache *c, unsigned mode, uint64_t window, uint32_t eip)
{
	const struct branch *b = c->tables[mode];
	if (!b)
		return 0;
	b += eip & (BRANCH_ENTRIES - 1);
	return b->minus_tag == -(window + eip) ? b->host : 0;
}

static struct branch_page *branch_page_slot(struct tcache *c, uint64_t page)
{
	return &c->branch_pages[page * 0x9e3779b97f4a7c15ull >> 51];
}

/* The entry of the linear address `at` in a window. */
static void branch_clear(struct tcache *c, unsigned mode, uint64_t at)
{
	/* Tags name the EIP; windows are 4 GiB-aligned. */
	uint64_t tag = (at & ~0xffffffffull) + (uint32_t)(at - c->cs_base[mode]);
	struct branch *b = &c->tables[mode][tag & (BRANCH_ENTRIES - 1)];
	if (-b->minus_tag == tag)
		b->minus_tag = 0;
}

static void branch_page_clear(struct tcache *c, struct branch_page *p)
{
	for (uint64_t modes = p->modes; modes; modes &= modes - 1) {
		unsigned m = __builtin_ctzll(modes);
		if (p->n > BRANCH_PAGE_EIPS)
			for (unsigned i = 0; i < PAGE_SIZE; i++)
				branch_clear(c, m, p->page + i);
		else
			for (unsigned i = 0; i < p->n; i++)
				branch_clear(c, m, p->page + p->off[i]);
	}
	*p = (struct branch_page){0};
}

void tcache_branch_set(struct tcache *c, unsigned mode, uint64_t window, const struct tu *u)
{
	if (tcache_branch(c, mode, window, u->eip) == tcache_host(c, u))
		return;
	struct branch *b = &c->tables[mode][u->eip & (BRANCH_ENTRIES - 1)];
	uint32_t linear = u->eip + c->cs_base[mode];
	uint64_t tag = window + u->eip, page = window + (linear & ~PAGE_MASK);
	struct branch_page *p = branch_page_slot(c, page);

	if (p->page != page) {
		if (p->page)
			branch_page_clear(c, p);
		p->page = page;
	}
	p->modes |= 1ull << mode;
	if (p->n < BRANCH_PAGE_EIPS)
		p->off[p->n] = linear & PAGE_MASK;
	if (p->n <= BRANCH_PAGE_EIPS)
		p->n++;
	b->host = tcache_host(c, u);
	b->minus_tag = -tag;
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
	for (unsigned m = 0; m < TCACHE_MAX_MODES; m++)
		if (c->tables[m])
			__builtin_memset(c->tables[m], 0, BRANCH_ENTRIES * sizeof(struct branch));
	__builtin_memset(c->branch_pages, 0, BRANCH_PAGES * sizeof *c->branch_pages);
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
	*link = next_on_page(&c->units[n], gfn);
	if (p->head)
		return;
	*p = (struct page_rec){0};
	if (c->cfg.trace)
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
	while (c->in_head[n])
		unlink_exit(c, &c->exits[c->in_head[n] - 1]);
	tcache_unchain_exits(c, u);
	u->dead = true;

	uint32_t *link = &c->hash[hash_of(u->eip, u->gfn, u->mode)];
	while (*link != n)
		link = &c->units[*link].hash_next;
	*link = u->hash_next;

	if (c->tables[u->mode]) {
		struct branch *b = &c->tables[u->mode][u->eip & (BRANCH_ENTRIES - 1)];
		if (b->host == tcache_host(c, u))
			*b = (struct branch){0};
	}
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
		next = next_on_page(u, gfn);
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
	for (uint32_t n = page_head(c, gfn); n; n = next_on_page(&c->units[n], gfn))
		for (uint32_t in = c->in_head[n], next; in; in = next) {
			next = c->exits[in - 1].in_next;
			if (c->exits[in - 1].cross)
				unlink_exit(c, &c->exits[in - 1]);
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

const uint8_t *tcache_bytes(const struct tcache *c, const struct tu *u)
{
	return c->code.rx + u->host;
}
