/* Stores that no window makes: the monitor's and the devices'.  Those to the guest's tables: what
 * they revoke, and which address space they end. */
#include "base/registers.h"
#include "mmu/mmu_internal.h"

/* Stores to the tables of a root that is not loaded: when they sum up to this,
 * it is being torn down.  A store to its page directory weighs more. */
#define DEAD_AFTER 64
#define DIRECTORY_WEIGHT 4

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

/* Has the root nothing that is made of its directories but what is compared anyway when it is loaded? */
static bool is_idle(const struct root *r)
{
	return !r->user && !r->priv[0] && !r->priv[1] &&
	       (!r->kernel || (r->compare && r->kernel->root != r));
}

/* Entries [first, last] of page directory `where` of r. */
static void written_directory(struct mmu *m, struct root *r, uint32_t where, unsigned first,
                              unsigned last)
{
	bool pae = r->mode & PAGING_PAE;
	/* That of a process that has gone is cleared, and written anew for the next. */
	for (unsigned i = first; i <= last && !is_idle(r); i++) {
		uint32_t vpn = pae ? where << 18 | i << 9 : i << 10;
		uint64_t pde = root_pde(m, r, vpn);
		written_view(m, r->user, vpn, pde);
		written_view(m, r->priv[0], vpn, pde);
		written_view(m, r->priv[1], vpn, pde);
		if (!r->kernel || vpn < split_vpn(r->kernel))
			continue;
		if (kernel_differs(m, r, vpn))
			r->compare = true;
		else if (r->kernel->root == r)
			written_view(m, r->kernel, vpn, pde);
	}
}

/* The page got new contents altogether: what hangs on it goes now, but for the
 * loaded root's directory. */
static void written_page(struct mmu *m, uint32_t page)
{
	for (uint32_t n = m->link_head[page]; n;) {
		const struct link *l = &m->link[n];
		if (l->level == 1)
			half_revoke(m, &m->win[l->who], l->where);
		else if (&m->root[l->who] != m->cur)
			root_die(m, &m->root[l->who]);
		else {
			n = l->next;
			continue;
		}
		n = m->link_head[page];
	}
}

/* One pass over what hangs on the table; returns a root that it shows to be dead. */
static struct root *written_links(struct mmu *m, uint32_t page, unsigned off, unsigned n)
{
	struct root *dead = NULL;
	for (uint32_t i = m->link_head[page]; i; i = m->link[i].next) {
		const struct link *l = &m->link[i];
		struct win *w = l->level == 1 ? &m->win[l->who] : NULL;
		struct root *r = w ? w->root : &m->root[l->who];
		unsigned shift = (w ? w->pae : r->mode & PAGING_PAE) ? 3 : 2;
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

static void written(struct mmu *m, uint32_t page, uint32_t off, unsigned n)
{
	if (!(m->page_flags[page] & PAGE_TABLE))
		return;
	stats.pt_stores++;
	if (n == PAGE_SIZE)
		written_page(m, page);
	m->queue_overflow = false;
	struct root *dead = written_links(m, page, off, n);
	/* Early is always right (a TLB may drop anything at any time), but not
	 * within a pass over the links, which applying may take away. */
	while (m->queue_overflow) {
		queue_apply(m);
		m->queue_overflow = false;
		dead = written_links(m, page, off, n);
	}
	if (dead)
		root_die(m, dead);
}

void mmu_written(struct mmu *m, gpa_t a, unsigned n)
{
	uint32_t page = mmu_page(m, a);
	if (page != NO_PAGE)
		written(m, page, a.v & PAGE_MASK, n);
}

void mmu_memory_stored(struct mmu *m, uint32_t page, uint32_t off, uint64_t n)
{
	for (; n; page++, off = 0) {
		uint32_t now = n < PAGE_SIZE - off ? (uint32_t)n : PAGE_SIZE - off;
		if (m->page_flags[page] & PAGE_CODE)
			m->client.code_store(m->client.ctx, page, off, now);
		m->page_flags[page] &= ~PAGE_CLEAN;
		written(m, page, off, now);
		n -= now;
	}
}

/* Within the page of this frame, here as the map has it. */
static void store(struct mmu *m, uint32_t frame, uint32_t here, uint32_t off, const void *src,
                  uint32_t n)
{
	uint32_t page = here & MAP_BEHIND ? frame : here >> PAGE_SHIFT;
	if (!(here & (MAP_STORES | MAP_BEHIND)))
		return;
	if (m->page_flags[page] & PAGE_CODE)
		m->client.code_store(m->client.ctx, page, off, n);
	m->page_flags[page] &= ~PAGE_CLEAN;
	copy_operand(page_view(m, page) + off, src, n);
	written(m, page, off, n);
}

/* Bytes from a to the end of its page, n at most. */
static uint32_t in_page(gpa_t a, size_t n)
{
	size_t left = PAGE_SIZE - (a.v & PAGE_MASK);
	return (uint32_t)(n < left ? n : left);
}

bool mmu_store(struct mmu *m, gpa_t a, const void *src, unsigned n)
{
	uint32_t frame = frame_of(m->a20, a.v >> PAGE_SHIFT), here = map_at(m, frame);
	store(m, frame, here, a.v & PAGE_MASK, src, n);
	return !(here & MAP_DEVICE);
}

/* Devices see all address lines: A20 is the processor's. */
static uint32_t map_of_bus(const struct mmu *m, gpa_t a)
{
	return a.v >> PAGE_SHIFT < PHYS_FRAMES ? m->map[a.v >> PAGE_SHIFT] : 0;
}

void mmu_dma_read(struct mmu *m, gpa_t a, void *dst, size_t n)
{
	for (uint32_t now; n; a.v += now, n -= now) {
		uint32_t here = map_of_bus(m, a);
		now = in_page(a, n);
		uint32_t page = here & MAP_MEMORY ? here >> PAGE_SHIFT : m->hole;
		copy_bytes(dst, page_view(m, page) + (a.v & PAGE_MASK), now);
		dst = (uint8_t *)dst + now;
	}
}

void mmu_dma_write(struct mmu *m, gpa_t a, const void *src, size_t n)
{
	for (uint32_t now; n; a.v += now, n -= now) {
		now = in_page(a, n);
		store(m, (uint32_t)(a.v >> PAGE_SHIFT), map_of_bus(m, a), a.v & PAGE_MASK, src,
		      now);
		src = (const uint8_t *)src + now;
	}
}
