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

/* The guest's byte i of the unit, as it is now. */
static uint8_t now(const struct tcache *c, const struct tu *u, unsigned i)
{
	uint32_t off = u->page_off + i;
	const uint8_t *page = c->cfg.page(c->cfg.ctx, off < PAGE_SIZE ? u->gfn : u->gfn2);
	return page[off & PAGE_MASK];
}

static bool differs(const struct tcache *c, const struct tu *u, unsigned i)
{
	return c->sources[u->source + i] != now(c, u, i) && !tu_is_live(cache_source_live(c, u), i);
}

bool cache_source_is(const struct tcache *c, const struct tu *u)
{
	for (unsigned i = 0; i < u->guest_len; i++)
		if (differs(c, u, i))
			return false;
	return true;
}

void cache_source_learn(struct tcache *c, const struct tu *u)
{
	for (unsigned i = 0; i < u->guest_len; i++) {
		uint32_t off = u->page_off + i;
		struct self_page *s = &c->self[c->pages[off < PAGE_SIZE ? u->gfn : u->gfn2].self];
		if (s->used && differs(c, u, i))
			s->patched[(off & PAGE_MASK) / 8] |= (uint8_t)(1 << (off & 7));
	}
}
