/* Tracing: which mappings of a page are writable, which shadows a page table
 * fed, and the queue of revocations that stores to tables cause. */
#include "mmu/mmu_internal.h"

/* Stores to the tables of a root that is not loaded: when they sum up to this,
 * it is being torn down.  A store to its page directory weighs more. */
#define DEAD_AFTER 64
#define DIRECTORY_WEIGHT 4
/* Unmaps that are this near to each other become one, if nothing is between. */
#define MERGE_GAP 64

/* --- reverse map --- */

static uint32_t where_of(const struct win *w, uint32_t vpn)
{
	return (uint32_t)w->slot << 20 | vpn;
}

struct rmap *rmap_at(struct mmu *m, uint32_t link)
{
	uint32_t where = link - 1, vpn = where & 0xfffff;
	return &m->block_rmap[m->win[where >> 20].dir[vpn >> 10]].entry[vpn & 1023];
}

void rmap_add(struct mmu *m, uint32_t gfn, struct win *w, uint32_t vpn)
{
	uint32_t *head = &m->rmap_head[gfn], link = where_of(w, vpn) + 1;
	*rmap_at(m, link) = (struct rmap){.next = *head};
	if (*head)
		rmap_at(m, *head)->prev = link;
	*head = link;
}

void rmap_remove(struct mmu *m, uint32_t gfn, struct win *w, uint32_t vpn)
{
	const struct rmap *r = rmap_at(m, where_of(w, vpn) + 1);
	if (r->prev)
		rmap_at(m, r->prev)->next = r->next;
	else
		m->rmap_head[gfn] = r->next;
	if (r->next)
		rmap_at(m, r->next)->prev = r->prev;
}

/* Sets a reason to trace the page: no window maps it writable afterwards.  That
 * the reason is gone is noticed at the next write fault. */
static void trace_page(struct mmu *m, uint32_t gfn, uint8_t reason)
{
	m->page_flags[gfn] |= reason;
	while (m->rmap_head[gfn]) {
		uint32_t where = m->rmap_head[gfn] - 1;
		shadow_protect(m, &m->win[where >> 20], where & 0xfffff);
	}
}

void mmu_trace_code(struct mmu *m, uint32_t gfn, bool on)
{
	if (!mmu_is_ram(m, gfn))
		return;
	if (on)
		trace_page(m, gfn, PAGE_CODE);
	else
		m->page_flags[gfn] &= ~PAGE_CODE;
}

bool mmu_is_code(const struct mmu *m, uint32_t gfn)
{
	return mmu_is_ram(m, gfn) && (m->page_flags[gfn] & PAGE_CODE);
}

bool mmu_is_table(const struct mmu *m, uint32_t gfn)
{
	return mmu_is_ram(m, gfn) && (m->page_flags[gfn] & PAGE_TABLE);
}

/* --- links --- */

uint32_t link_add(struct mmu *m, uint32_t gfn, unsigned who, unsigned level, uint32_t where)
{
	uint32_t n = m->link_free;
	if (n)
		m->link_free = m->link[n].next;
	else
		n = m->link_fresh++;
	CHECK(n < MAX_LINKS);
	m->link_count++;
	m->link[n] = (struct link){.next = m->link_head[gfn],
	                           .who = (uint16_t)who,
	                           .level = (uint16_t)level,
	                           .where = where};
	if (m->link_head[gfn])
		m->link[m->link_head[gfn]].prev = n;
	m->link_head[gfn] = n;
	if (!(m->page_flags[gfn] & PAGE_TABLE))
		trace_page(m, gfn, PAGE_TABLE);
	return n;
}

void link_remove(struct mmu *m, uint32_t gfn, uint32_t n)
{
	struct link *l = &m->link[n];
	if (l->prev)
		m->link[l->prev].next = l->next;
	else
		m->link_head[gfn] = l->next;
	if (l->next)
		m->link[l->next].prev = l->prev;
	l->next = m->link_free;
	m->link_free = n;
	m->link_count--;
	if (!m->link_head[gfn])
		m->page_flags[gfn] &= ~PAGE_TABLE;
}

/* --- the queue --- */

static bool queue_push(struct mmu *m, uint32_t item)
{
	if (m->queue_length == QUEUE_LENGTH) {
		m->queue_overflow = true;
		return false;
	}
	m->queue[m->queue_length++] = item;
	return true;
}

static void queue_entry(struct mmu *m, struct win *w, uint32_t vpn)
{
	if (queue_push(m, where_of(w, vpn)))
		*shadow_at(m, w, vpn) |= SH_QUEUED;
}

static void queue_half(struct mmu *m, struct win *w, uint32_t vpn)
{
	struct half *h = half_at(m, w, vpn);
	if (!h->queued)
		h->queued = queue_push(m, where_of(w, vpn & -half_pages(w)) | QUEUE_HALF);
}

/* What a shadow entry must become by the guest's tables. */
static uint32_t entry_revised(struct mmu *m, struct win *w, uint32_t vpn, uint32_t e)
{
	uint32_t limit = shadow_limit(m, w, vpn);
	if (!limit || ((e ^ limit) & (SH_GFN | SH_HOLE)))
		return 0;
	e &= limit | SH_GFN | SH_HOLE | SH_WP;
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
		uint32_t e = shadow_get(m, p->w, vpn) & (SH_MAPPED | SH_WRITE | SH_WP);
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

/* Entries of this half that are gone by the guest's tables. */
static unsigned half_losses(struct mmu *m, struct win *w, uint32_t vpn)
{
	unsigned lost = 0;
	for (uint32_t i = vpn; i < vpn + half_pages(w); i++)
		lost += !!shadow_get(m, w, i);
	return lost;
}

bool queue_empties(struct mmu *m, struct win *w)
{
	unsigned lost = 0;
	for (unsigned i = 0; i < m->queue_length; i++) {
		uint32_t item = m->queue[i], vpn = item & 0xfffff;
		if ((item >> 20 & (MAX_WINDOWS - 1)) != w->slot)
			continue;
		uint32_t e = shadow_get(m, w, vpn);
		if (item & QUEUE_HALF)
			lost += half_at(m, w, vpn)->queued ? half_losses(m, w, vpn) : 0;
		else if ((e & SH_QUEUED) && !half_at(m, w, vpn)->queued)
			lost += !entry_revised(m, w, vpn, e);
	}
	return lost > w->entries / 4 * 3;
}

/* --- stores to tables --- */

/* Entries [first, last] of a page table that half `where` of w was filled from. */
static void written_table(struct mmu *m, struct win *w, uint32_t where, unsigned first,
                          unsigned last)
{
	for (unsigned i = first; i <= last; i++) {
		uint32_t e = shadow_get(m, w, where + i);
		if (e && !(e & SH_QUEUED) && entry_revised(m, w, where + i, e) != e)
			queue_entry(m, w, where + i);
	}
}

static void written_view(struct mmu *m, struct win *w, uint32_t vpn, uint64_t pde)
{
	const struct half *h;
	if (w && (h = half_at(m, w, vpn))->pde && !pde_same(h->pde, pde))
		queue_half(m, w, vpn);
}

/* Entries [first, last] of page directory `where` of r. */
static void written_directory(struct mmu *m, struct root *r, uint32_t where, unsigned first,
                              unsigned last)
{
	bool pae = r->mode & MODE_PAE;
	for (unsigned i = first; i <= last; i++) {
		uint32_t vpn = pae ? where << 18 | i << 9 : i << 10;
		uint64_t pde = root_pde(m, r, vpn);
		written_view(m, r->user, vpn, pde);
		written_view(m, r->priv[0], vpn, pde);
		written_view(m, r->priv[1], vpn, pde);
		if (vpn < SPLIT_VPN || !r->kernel)
			continue;
		if (r->kernel->top[top_index(r->kernel, vpn)] != top_key(pde))
			r->compare = true;
		else if (r->kernel->root == r)
			written_view(m, r->kernel, vpn, pde);
	}
}

/* The page got new contents altogether: what hangs on it goes now, but for the
 * loaded root's directory. */
static void written_page(struct mmu *m, uint32_t gfn)
{
	for (uint32_t n = m->link_head[gfn]; n;) {
		const struct link *l = &m->link[n];
		if (l->level == 1)
			half_revoke(m, &m->win[l->who], l->where);
		else if (&m->root[l->who] != m->cur)
			root_die(m, &m->root[l->who]);
		else {
			n = l->next;
			continue;
		}
		n = m->link_head[gfn];
	}
}

/* One pass over what hangs on the table; returns a root that it shows to be dead. */
static struct root *written_links(struct mmu *m, uint32_t gfn, unsigned off, unsigned n)
{
	struct root *dead = NULL;
	for (uint32_t i = m->link_head[gfn]; i; i = m->link[i].next) {
		const struct link *l = &m->link[i];
		struct win *w = l->level == 1 ? &m->win[l->who] : NULL;
		struct root *r = w ? w->root : &m->root[l->who];
		unsigned shift = (w ? w->pae : r->mode & MODE_PAE) ? 3 : 2;
		unsigned first = off >> shift, last = (off + n - 1) >> shift;
		if (w)
			written_table(m, w, l->where, first, last);
		else
			written_directory(m, r, l->where, first, last);
		if (r && r != m->cur && (!w || w->pub.kind != WINDOW_KERNEL)) {
			r->stores += w ? 1 : DIRECTORY_WEIGHT;
			if (r->stores > DEAD_AFTER)
				dead = r;
		}
	}
	return dead;
}

void mmu_written(struct mmu *m, gpa_t a, unsigned n)
{
	uint32_t gfn = gpa_gfn(a), off = a.v & PAGE_MASK;
	if (!mmu_is_table(m, gfn))
		return;
	stats.pt_stores++;
	if (n == PAGE_SIZE)
		written_page(m, gfn);
	m->queue_overflow = false;
	struct root *dead = written_links(m, gfn, off, n);
	/* Early is always right (a TLB may drop anything at any time), but not
	 * within a pass over the links, which applying may take away. */
	while (m->queue_overflow) {
		queue_apply(m);
		m->queue_overflow = false;
		dead = written_links(m, gfn, off, n);
	}
	if (dead)
		root_die(m, dead);
}
