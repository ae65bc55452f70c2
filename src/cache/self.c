/* Pages whose units check themselves.  Code that is written again and again, or that shares its page
 * with data, would cost a fault or a callout a store, and its units.  Such a page is not traced: its
 * units compare their bytes as they run (src/translator/self.c), and one that finds others there
 * gives way to another that was made of them (tcache_find).  After a while the page is tried: traced with
 * the units that it has.  The first store ends that, and the next trial comes later; without one, these
 * units go, and others come that rely on the tracing. */
#include "cache/internal.h"

#include "base/stats.h"

enum {
	AGAIN = 4,     /* stores to one address: from then on they count */
	OFTEN = 16,    /* of these within WHILE: the page's units check themselves from now on */
	WHILE = 16,    /* of SELF_TICK: a second or two */
	TRIAL = 4,     /* how long no store comes to a page that may be traced again */
	PATIENCE = 64, /* how long units check themselves at first */
	PATIENCE_MOST = 6, /* how often that is doubled at most */
};

static void kill_all(struct tcache *c, uint32_t gfn)
{
	while (c->pages[gfn].head)
		tcache_invalidate(c, &c->units[c->pages[gfn].head]);
}

static void try_tracing(struct tcache *c, struct self_page *s, bool on)
{
	if (s->trial != on && c->cfg.trace)
		c->cfg.trace(c->cfg.ctx, s->gfn, on);
	s->trial = on;
}

static void traced_again(struct tcache *c, struct self_page *s)
{
	try_tracing(c, s, false);
	kill_all(c, s->gfn);
	c->pages[s->gfn].self = 0;
	c->pages[s->gfn].stores = 0;
	*s = (struct self_page){.used = false};
}

/* A place for one more; the oldest gives way. */
static struct self_page *self_new(struct tcache *c)
{
	struct self_page *oldest = NULL;
	for (uint32_t i = 1; i < SELF_PAGES; i++) {
		struct self_page *s = &c->self[i];
		if (!s->used) {
			if (i >= c->n_self)
				c->n_self = i + 1;
			return s;
		}
		if (!oldest || (int32_t)(s->until - oldest->until) < 0)
			oldest = s;
	}
	traced_again(c, oldest);
	return oldest;
}

/* How long its units check themselves before the page's next trial. */
static uint32_t patience(struct page_rec *p)
{
	return PATIENCE << (p->times < PATIENCE_MOST ? p->times++ : PATIENCE_MOST);
}

static void self_begin(struct tcache *c, uint32_t gfn, uint32_t now)
{
	struct page_rec *p = &c->pages[gfn];
	struct self_page *s = self_new(c);
	kill_all(c, gfn);
	s->used = true;
	s->gfn = gfn;
	s->until = now + patience(p);
	p->self = (uint16_t)(s - c->self);
	stats.self_pages++;
}

/* Is the address one that was stored to before, and again?  A page of code that is patched once,
 * or written for the first time, sees each address once or twice. */
static bool stored_again(struct tcache *c, uint32_t gfn, uint32_t off, uint32_t now)
{
	uint32_t at = gfn << PAGE_SHIFT | off;
	struct store_seen *s = &c->seen[(at * 0x9e3779b1u) >> (32 - SEEN_BITS)];
	if (s->at != at || now - s->since > WHILE)
		*s = (struct store_seen){.at = at, .since = now};
	s->n += s->n < AGAIN;
	return s->n == AGAIN;
}

unsigned tcache_stored(struct tcache *c, uint32_t gfn, uint32_t off, uint32_t len, uint64_t tsc)
{
	uint32_t now = (uint32_t)(tsc >> SELF_TICK);
	struct page_rec *p = &c->pages[gfn];
	unsigned died = tcache_invalidate_bytes(c, gfn, off, len);

	if (p->self && c->self[p->self].trial) {
		try_tracing(c, &c->self[p->self], false);
		c->self[p->self].until = now + patience(p);
	}
	if (now - p->since > WHILE) {
		p->since = now;
		p->stores = 0;
	}
	if (stored_again(c, gfn, off, now) && ++p->stores >= OFTEN && !p->self)
		self_begin(c, gfn, now);
	return died;
}

void tcache_self_begin(struct tcache *c, uint32_t gfn)
{
	if (!c->pages[gfn].self)
		self_begin(c, gfn, c->self_clock);
}

bool tcache_is_self(const struct tcache *c, uint32_t gfn)
{
	return c->pages[gfn].self;
}

const uint8_t *tcache_patched(const struct tcache *c, uint32_t gfn)
{
	return c->pages[gfn].self ? c->self[c->pages[gfn].self].patched : NULL;
}

void tcache_stale(struct tcache *c, struct tu *u)
{
	uint32_t n = (uint32_t)(u - c->units);
	while (c->in_head[n])
		cache_unlink_exit(c, &c->exits[c->in_head[n] - 1]);
	cache_branch_forget(c, u);
	stats.stale++;
}

void tcache_calm(struct tcache *c, uint64_t tsc)
{
	uint32_t now = (uint32_t)(tsc >> SELF_TICK);
	if (now == c->self_clock)
		return;
	c->self_clock = now;
	for (uint32_t i = 1; i < c->n_self; i++) {
		struct self_page *s = &c->self[i];
		if (!s->used || (int32_t)(now - s->until) < 0)
			continue;
		if (s->trial) {
			traced_again(c, s);
		} else {
			try_tracing(c, s, true);
			s->until = now + TRIAL;
		}
	}
}
