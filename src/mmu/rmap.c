/* Pools of lists: which mappings of a page are writable, and which shadows a page table fed. */
#include "mmu/mmu_internal.h"

struct rmap *rmap_at(struct mmu *m, uint32_t link)
{
	uint32_t where = link - 1, vpn = where & 0xfffff;
	return &m->block_rmap[m->win[where >> 20].dir[vpn >> 10]].entry[vpn & 1023];
}

void rmap_add(struct mmu *m, uint32_t page, struct win *w, uint32_t vpn)
{
	uint32_t *head = &m->rmap_head[page], link = where_of(w, vpn) + 1;
	*rmap_at(m, link) = (struct rmap){.next = *head};
	if (*head)
		rmap_at(m, *head)->prev = link;
	*head = link;
}

void rmap_remove(struct mmu *m, uint32_t page, struct win *w, uint32_t vpn)
{
	const struct rmap *r = rmap_at(m, where_of(w, vpn) + 1);
	if (r->prev)
		rmap_at(m, r->prev)->next = r->next;
	else
		m->rmap_head[page] = r->next;
	if (r->next)
		rmap_at(m, r->next)->prev = r->prev;
}

uint32_t link_add(struct mmu *m, uint32_t page, unsigned who, unsigned level, uint32_t where)
{
	uint32_t n = m->link_free;
	if (n)
		m->link_free = m->link[n].next;
	else
		n = m->link_fresh++;
	CHECK(n < MAX_LINKS);
	m->link_count++;
	m->link[n] = (struct link){.next = m->link_head[page],
	                           .page = page,
	                           .who = (uint16_t)who,
	                           .level = (uint16_t)level,
	                           .where = where};
	if (m->link_head[page])
		m->link[m->link_head[page]].prev = n;
	m->link_head[page] = n;
	return n;
}

void link_remove(struct mmu *m, uint32_t n)
{
	struct link *l = &m->link[n];
	uint32_t page = l->page;
	if (l->prev)
		m->link[l->prev].next = l->next;
	else
		m->link_head[page] = l->next;
	if (l->next)
		m->link[l->next].prev = l->prev;
	l->next = m->link_free;
	m->link_free = n;
	m->link_count--;
	if (!m->link_head[page])
		m->page_flags[page] &= ~PAGE_TABLE;
}
