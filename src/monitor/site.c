/* Sites: instructions that are not translated the plain way, because they
 * faulted more than once (adaptive retranslation).  Keyed by the place of the
 * instruction in memory. */
#include "monitor/internal.h"

enum {
	PROBES = 8,
	PATIENCE = 64, /* detours in vain before a site is plain again, at first */
	PATIENCE_MAX = 1 << 15,
};

static struct site *find(struct monitor *m, uint64_t at, bool create)
{
	unsigned first = at * 0x9e3779b97f4a7c15ull >> 40;
	struct site *s = NULL;
	for (unsigned i = 0; i < PROBES; i++) {
		s = &m->sites[(first + i) & (SITE_SLOTS - 1)];
		if (s->at == at)
			return s;
		if (!s->at)
			break;
	}
	if (!create)
		return NULL;
	*s = (struct site){.at = at, .patience = PATIENCE};
	return s;
}

static struct site *site_here(struct monitor *m, uint32_t eip, bool create)
{
	struct trap t;
	gpa_t p;
	gla_t a = gla(eip + m->v->seg[SREG_CS].base);
	if (!mmu_translate(m->mmu, a, MMU_READ, at_user(m), &p, &t))
		return NULL;
	uint32_t page = mmu_page(m->mmu, p);
	if (page == NO_PAGE)
		return NULL;
	return find(m, (uint64_t)page << PAGE_SHIFT | (p.v & PAGE_MASK), create);
}

uint8_t site_flags(struct monitor *m, uint32_t eip)
{
	if (m->force_site)
		return m->force_site;
	const struct site *s = site_here(m, eip, false);
	return s ? s->flags : 0;
}

static void retranslate(struct monitor *m, const struct site *s)
{
	tcache_invalidate_bytes(m->cache, (uint32_t)(s->at >> PAGE_SHIFT), s->at & PAGE_MASK, 1);
}

void site_mark(struct monitor *m, uint8_t flags)
{
	struct site *s = site_here(m, m->v->eip, true);
	if (!s)
		return;
	s->flags |= flags;
	s->faults = s->vain = 0;
	stats.adapted_sites++;
	retranslate(m, s);
}

void site_fault(struct monitor *m, uint8_t flag)
{
	struct site *s = site_here(m, m->v->eip, true);
	if (s && ++s->faults >= 2)
		site_mark(m, flag);
}

void site_served(struct monitor *m, uint8_t flag, bool needed)
{
	if (m->in_once)
		return;
	struct site *s = site_here(m, m->v->eip, false);
	if (!s || !(s->flags & flag))
		return;
	if (needed) {
		s->vain = 0;
	} else if (++s->vain >= s->patience) {
		s->flags &= ~flag;
		if (s->patience < PATIENCE_MAX)
			s->patience *= 2;
		stats.restored_sites++;
		retranslate(m, s);
	}
}
