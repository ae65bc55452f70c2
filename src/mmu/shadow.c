/* The shadow entries of windows, with the count of the host's mappings that they stand for. */
#include "mmu/mmu_internal.h"

/* An entry as the host's mapping shows it: a page protected by userfaultfd does
 * not split one. */
static uint32_t vma_bits(uint32_t e)
{
	return (e & (SH_PAGE | SH_MAPPED | SH_HOLE)) | (e & (SH_WRITE | SH_UFFD) ? SH_WRITE : 0);
}

/* Does a host mapping begin at this page?  The kernel merges neighbours of equal
 * rights whose file offsets follow each other. */
static bool vma_starts(struct mmu *m, struct win *w, uint32_t vpn)
{
	uint32_t e = shadow_get(m, w, vpn);
	if (!(e & SH_MAPPED))
		return false;
	if (vpn == 0 || (e & SH_HOLE) ||
	    vma_bits(e) - vma_bits(shadow_get(m, w, vpn - 1)) != PAGE_SIZE)
		return true;
	return !(vpn & (half_pages(w) - 1)) &&
	       half_at(m, w, vpn)->uffd != half_at(m, w, vpn - 1)->uffd;
}

unsigned vma_count(struct mmu *m, struct win *w, uint32_t lo, uint32_t n)
{
	unsigned count = vma_starts(m, w, lo);
	const uint32_t *e = shadow_at(m, w, lo);
	for (uint32_t i = 1; i < n; i++)
		count += (e[i] & SH_MAPPED) &&
		         ((e[i] & SH_HOLE) || vma_bits(e[i]) - vma_bits(e[i - 1]) != PAGE_SIZE);
	return count + (lo + n < 1 << 20 && vma_starts(m, w, lo + n));
}

void vma_adjust(struct mmu *m, struct win *w, unsigned before, unsigned after)
{
	w->vmas += after - before;
	m->vmas += after - before;
}

void shadow_set(struct mmu *m, struct win *w, uint32_t vpn, uint32_t entry)
{
	uint32_t *e = shadow_at(m, w, vpn), old = *e;
	if ((old & SH_EXEC) && (!(entry & SH_EXEC) || ((old ^ entry) & SH_PAGE)))
		m->client.exec_revoke(m->client.ctx, &w->pub, vpn, old >> PAGE_SHIFT);
	if ((old ^ entry) & (SH_PAGE | SH_WRITE)) {
		if (old & SH_WRITE)
			rmap_remove(m, old >> PAGE_SHIFT, w, vpn);
		if (entry & SH_WRITE)
			rmap_add(m, entry >> PAGE_SHIFT, w, vpn);
	}
	if ((old & (SH_MAPPED | SH_HOLE)) == (SH_MAPPED | SH_HOLE))
		w->holes--;
	if ((entry & (SH_MAPPED | SH_HOLE)) == (SH_MAPPED | SH_HOLE))
		w->holes++;
	w->entries += !!entry - !!old;
	*e = entry;
}

void shadow_put(struct mmu *m, struct win *w, uint32_t vpn, uint32_t entry)
{
	unsigned before = vma_count(m, w, vpn, 1);
	shadow_set(m, w, vpn, entry);
	vma_adjust(m, w, before, vma_count(m, w, vpn, 1));
}

void block_ensure(struct mmu *m, struct win *w, uint32_t vpn)
{
	uint16_t *b = &w->dir[vpn >> 10];
	if (*b)
		return;
	if (m->block_free) {
		*b = m->block_free;
		m->block_free = m->block_head[*b].next_free;
	} else {
		CHECK(m->block_fresh < MAX_BLOCKS);
		*b = (uint16_t)m->block_fresh++;
	}
	m->block_count++;
}

void block_release(struct mmu *m, struct win *w, uint32_t vpn)
{
	uint16_t *b = &w->dir[vpn >> 10];
	m->block_head[*b].next_free = m->block_free;
	m->block_free = *b;
	m->block_count--;
	*b = 0;
}

void half_unlink(struct mmu *m, struct win *w, uint32_t vpn)
{
	struct half *h = half_at(m, w, vpn);
	if (h->link)
		link_remove(m, h->link);
	*h = (struct half){0};
}

void block_clear(struct mmu *m, struct win *w, uint32_t lo, uint32_t keep)
{
	for (uint32_t vpn = lo; vpn < lo + 1024; vpn++) {
		uint32_t *e = shadow_at(m, w, vpn), old = *e;
		if (!old)
			continue;
		if (old & SH_WRITE)
			rmap_remove(m, old >> PAGE_SHIFT, w, vpn);
		*e = old & SH_EXEC ? old & keep : 0;
		w->entries -= !*e;
	}
}
