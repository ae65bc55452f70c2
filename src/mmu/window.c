/* Windows: their life, and which goes when mappings run short. */
#include "mmu/mmu_internal.h"

#include <errno.h>

bool window_is_current(const struct mmu *m, const struct win *w)
{
	if (w->pub.kind == WINDOW_PHYSICAL)
		return !m->paging && w == m->physical[m->a20 == A20_ON];
	const struct root *r = m->cur;
	return r && (w == r->user || w == r->kernel || w == r->priv[0] || w == r->priv[1]);
}

bool window_evict(struct mmu *m, const struct win *keep)
{
	struct win *oldest = NULL;
	for (unsigned i = 0; i < MAX_WINDOWS; i++) {
		struct win *w = &m->win[i];
		if (w->live && w != keep && !window_is_current(m, w) &&
		    (!oldest || w->used < oldest->used))
			oldest = w;
	}
	if (!oldest)
		return false;
	stats.evictions++;
	window_drop(m, oldest);
	return true;
}

struct win *window_create(struct mmu *m, enum window_kind kind)
{
	if (!m->slots_free)
		CHECK(window_evict(m, NULL));
	uint16_t slot = m->slot[--m->slots_free];
	struct win *w = &m->win[slot];
	uint8_t *base = m->area + slot * WINDOW_STRIDE;
	while (!w->open) {
		w->open = !host_mem_area_open(base, WINDOW_SIZE);
		if (!w->open && !window_evict(m, NULL))
			break; /* others' mappings make room */
	}
	/* dir is all zero since the slot's last window was dropped. */
	w->pub = (struct window){.base = base, .id = ++m->next_id, .kind = kind};
	w->slot = slot;
	w->live = true;
	w->mode = m->cur ? m->cur->mode : 0;
	w->pae = w->mode & PAGING_PAE;
	w->wp = m->wp;
	w->a20 = m->a20 == A20_ON;
	w->watch_gen = m->watch_gen; /* nothing is mapped yet */
	w->used = ++m->tick;
	stats.windows++;
	stats.kernel_windows += kind == WINDOW_KERNEL || kind == WINDOW_PRIVATE;
	return w;
}

void window_drop(struct mmu *m, struct win *w)
{
	m->client.window_drop(m->client.ctx, &w->pub);
	vma_adjust(m, w, w->vmas, 0);
	host_unmap_all(w);
	for (uint32_t vpn = 0; vpn < 1 << 20; vpn += 1024) {
		if (!w->dir[vpn >> 10])
			continue;
		block_clear(m, w, vpn, 0);
		half_unlink(m, w, vpn);
		if (w->pae)
			half_unlink(m, w, vpn + 512);
		block_release(m, w, vpn);
	}
	switch (w->pub.kind) {
	case WINDOW_PHYSICAL:
		m->physical[w->a20] = NULL;
		break;
	case WINDOW_USER:
		w->root->user = NULL;
		break;
	case WINDOW_PRIVATE:
		w->root->priv[w->wp] = NULL;
		break;
	case WINDOW_KERNEL:
		for (unsigned i = 0; i < MAX_ROOTS; i++)
			if (m->root[i].kernel == w)
				m->root[i].kernel = NULL;
		struct win **p = &m->kernels;
		while (*p != w)
			p = &(*p)->next_kernel;
		*p = w->next_kernel;
		for (unsigned i = 0; i < 2048; i++) {
			w->top[i] = 0;
			w->nonglobal[i] = 0;
		}
		break;
	}
	w->root = NULL;
	w->live = false;
	w->holes = 0;
	m->slot[m->slots_free++] = w->slot;
}

static bool has_room(const struct mmu *m)
{
	return m->vmas + 4 <= m->vma_budget && m->link_count + 16 < MAX_LINKS &&
	       m->block_count + 8 < MAX_BLOCKS;
}

void window_relieve(struct mmu *m, struct win *w)
{
	if (window_evict(m, w))
		return;
	struct win *fullest = w;
	for (unsigned i = 0; i < MAX_WINDOWS; i++)
		if (m->win[i].live && m->win[i].vmas > fullest->vmas)
			fullest = &m->win[i];
	if (!fullest->vmas)
		host_refused("mappings for the guest's memory", -ENOMEM);
	stats.evictions++;
	window_unmap_all(m, fullest);
}

void window_make_room(struct mmu *m, struct win *w)
{
	while (__builtin_expect(!has_room(m), 0))
		window_relieve(m, w);
}

bool mmu_find_window(struct mmu *m, const void *host, struct window **w, gla_t *a)
{
	uint64_t at = (uintptr_t)host - ((uintptr_t)m->area - WINDOW_SIZE / 2);
	if (at >= MAX_WINDOWS * WINDOW_STRIDE || !m->win[at / WINDOW_STRIDE].live)
		return false;
	*w = &m->win[at / WINDOW_STRIDE].pub;
	*a = gla((uint32_t)((uintptr_t)host - (uintptr_t)(*w)->base));
	return true;
}
