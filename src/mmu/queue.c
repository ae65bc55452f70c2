/* Revocations that stores to page tables cause: they wait for the guest's flush, and merge into runs. */
#include "mmu/mmu_internal.h"

/* Unmaps that are this near to each other become one, if nothing is between. */
#define MERGE_GAP 64

static bool queue_push(struct mmu *m, uint32_t item)
{
	if (m->queue_length == QUEUE_LENGTH) {
		m->queue_overflow = true;
		return false;
	}
	m->queue[m->queue_length++] = item;
	return true;
}

void queue_entry(struct mmu *m, struct win *w, uint32_t vpn)
{
	if (queue_push(m, where_of(w, vpn)))
		*shadow_at(m, w, vpn) |= SH_QUEUED;
}

void queue_half(struct mmu *m, struct win *w, uint32_t vpn)
{
	struct half *h = half_at(m, w, vpn);
	if (!h->queued)
		h->queued = queue_push(m, where_of(w, vpn & -half_pages(w)) | QUEUE_HALF);
}

uint32_t entry_revised(struct mmu *m, struct win *w, uint32_t vpn, uint32_t e)
{
	uint32_t limit = shadow_limit(m, w, vpn);
	if (!limit || ((e ^ limit) & (SH_PAGE | SH_HOLE)))
		return 0;
	e &= limit | SH_PAGE | SH_HOLE | SH_UFFD;
	return e & (SH_MAPPED | SH_EXEC) ? e : 0;
}

/* Host calls that wait to be merged with the next. */
struct pending {
	struct win *w;
	uint32_t lo, hi; /* hi excluded */
	bool unmap;      /* else: make read-only */
};

static void pending_run(struct mmu *m, struct pending *p)
{
	if (!p->w)
		return;
	if (p->unmap)
		window_unmap(m, p->w, p->lo, p->hi - p->lo);
	else
		window_protect(m, p->w, p->lo, p->hi - p->lo, false);
	p->w = NULL;
}

/* May the call be widened over [from, to), pages that it need not touch? */
static bool pending_spans(struct mmu *m, const struct pending *p, uint32_t from, uint32_t to)
{
	if (to - from > MERGE_GAP)
		return false;
	for (uint32_t vpn = from; vpn < to; vpn++) {
		uint32_t e = shadow_get(m, p->w, vpn) & (SH_MAPPED | SH_WRITE | SH_UFFD);
		if (e != (p->unmap ? 0 : SH_MAPPED))
			return false;
	}
	return true;
}

static void pending_add(struct mmu *m, struct pending *p, struct win *w, uint32_t vpn, bool unmap)
{
	if (p->w == w && p->unmap == unmap) {
		if (vpn >= p->hi && pending_spans(m, p, p->hi, vpn)) {
			p->hi = vpn + 1;
			return;
		}
		if (vpn < p->lo && pending_spans(m, p, vpn + 1, p->lo)) {
			p->lo = vpn;
			return;
		}
	}
	pending_run(m, p);
	*p = (struct pending){.w = w, .lo = vpn, .hi = vpn + 1, .unmap = unmap};
}

static void apply_entry(struct mmu *m, struct pending *p, struct win *w, uint32_t vpn)
{
	uint32_t e = shadow_get(m, w, vpn);
	if (!(e & SH_QUEUED))
		return;
	uint32_t new = entry_revised(m, w, vpn, e) & ~SH_QUEUED;
	/* The books first: what waited may empty the window. */
	shadow_put(m, w, vpn, new);
	if ((e & SH_MAPPED) && !(new &SH_MAPPED))
		pending_add(m, p, w, vpn, true);
	else if ((e & SH_WRITE) && !(new &SH_WRITE))
		pending_add(m, p, w, vpn, false);
}

static void apply_half(struct mmu *m, struct win *w, uint32_t vpn)
{
	struct half *h = half_at(m, w, vpn);
	if (!h->queued)
		return;
	h->queued = false;
	if (w->root && pde_same(h->pde, root_pde(m, w->root, vpn)))
		return;
	half_revoke(m, w, vpn);
}

void queue_apply(struct mmu *m)
{
	struct pending p = {0};
	for (unsigned i = 0; i < m->queue_length; i++) {
		uint32_t item = m->queue[i], vpn = item & 0xfffff;
		struct win *w = &m->win[item >> 20 & (MAX_WINDOWS - 1)];
		if (item & QUEUE_HALF) {
			pending_run(m, &p);
			apply_half(m, w, vpn);
		} else {
			apply_entry(m, &p, w, vpn);
		}
	}
	pending_run(m, &p);
	m->queue_length = 0;
}

/* Entries that go with this half. */
static unsigned half_losses(struct mmu *m, struct win *w, uint32_t vpn)
{
	unsigned lost = 0;
	for (uint32_t i = vpn; i < vpn + half_pages(w); i++)
		lost += !!shadow_get(m, w, i);
	return lost;
}

bool queue_empties(struct mmu *m, struct win *w)
{
	unsigned lost = 0, most = w->entries / 4 * 3;
	for (unsigned i = 0; i < m->queue_length && lost <= most; i++) {
		uint32_t item = m->queue[i], vpn = item & 0xfffff;
		if ((item >> 20 & (MAX_WINDOWS - 1)) != w->slot)
			continue;
		uint32_t e = shadow_get(m, w, vpn);
		if (item & QUEUE_HALF)
			lost += half_at(m, w, vpn)->queued ? half_losses(m, w, vpn) : 0;
		else if ((e & SH_QUEUED) && !half_at(m, w, vpn)->queued)
			lost += !entry_revised(m, w, vpn, e);
	}
	return lost > most;
}
