/* The guest bytes of units that check themselves: kept with the unit, to tell which of several that
 * were made of one address holds for the bytes that are there now. */
#include "cache/internal.h"

#include "base/registers.h"

uint32_t cache_source_keep(struct tcache *c, const struct tu_code *code)
{
	uint32_t at = c->n_sources, live = (code->guest_len + 7) / 8;
	copy_bytes(c->sources + at, code->source, code->guest_len);
	copy_bytes(c->sources + at + code->guest_len, code->live, live);
	c->n_sources += code->guest_len + live;
	return at;
}

/* The guest's bytes of the unit as they are now, in two runs: up to the end of its page, and in the
 * next. */
struct current {
	const uint8_t *run[2];
	unsigned first; /* bytes of the first */
};

static struct current current_bytes(const struct tcache *c, const struct tu *u)
{
	unsigned room = PAGE_SIZE - u->page_off;
	const uint8_t *begin = c->cfg.page(c->cfg.ctx, u->gfn) + u->page_off;
	struct current now = {{begin, begin}, u->guest_len < room ? u->guest_len : room};
	if (now.first < u->guest_len)
		now.run[1] = c->cfg.page(c->cfg.ctx, u->gfn2);
	return now;
}

static uint8_t current_byte(const struct current *now, unsigned i)
{
	return i < now->first ? now->run[0][i] : now->run[1][i - now->first];
}

static bool differs(const struct tcache *c, const struct tu *u, const struct current *now,
                    unsigned i)
{
	return c->sources[u->source + i] != current_byte(now, i) &&
	       !tu_is_live(cache_source_live(c, u), i);
}

bool cache_source_is(const struct tcache *c, const struct tu *u)
{
	struct current now = current_bytes(c, u);
	for (unsigned i = 0; i < u->guest_len; i++)
		if (differs(c, u, &now, i))
			return false;
	return true;
}

void cache_source_learn(struct tcache *c, const struct tu *u)
{
	struct current now = current_bytes(c, u);
	for (unsigned i = 0; i < u->guest_len; i++) {
		uint32_t off = u->page_off + i;
		struct self_page *s = &c->self[c->pages[off < PAGE_SIZE ? u->gfn : u->gfn2].self];
		if (s->used && differs(c, u, &now, i))
			s->patched[(off & PAGE_MASK) / 8] |= (uint8_t)(1 << (off & 7));
	}
}
