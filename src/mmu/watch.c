/* Watched pages: those of data breakpoints. */
#include "mmu/mmu_internal.h"

bool watch_permits(const struct mmu *m, uint32_t vpn, bool write)
{
	for (unsigned i = 0; i < m->n_watch; i++) {
		const struct mmu_watch *k = &m->watch[i];
		if (vpn >= k->first && vpn <= k->last && (write || k->reads))
			return false;
	}
	return true;
}

bool mmu_is_watched(const struct mmu *m, gla_t a, unsigned n, bool write)
{
	return m->n_watch && (!watch_permits(m, gla_vpn(a), write) ||
	                      !watch_permits(m, gla_vpn(gla(a.v + n - 1)), write));
}

void mmu_watch_set(struct mmu *m, const struct mmu_watch *watch, unsigned n)
{
	bool same = n == m->n_watch;
	CHECK(n <= MMU_WATCHES);
	for (unsigned i = 0; same && i < n; i++)
		same = watch[i].first == m->watch[i].first && watch[i].last == m->watch[i].last &&
		       watch[i].reads == m->watch[i].reads;
	if (same)
		return;
	for (unsigned i = 0; i < n; i++)
		m->watch[i] = watch[i];
	m->n_watch = n;
	m->watch_gen++;
}

/* Pages that may be mapped, or written, again become so when they next fault. */
void watch_follow(struct mmu *m, struct win *w)
{
	w->watch_gen = m->watch_gen;
	for (unsigned i = 0; i < m->n_watch; i++)
		for (uint32_t vpn = m->watch[i].first; vpn <= m->watch[i].last; vpn++) {
			uint32_t e = shadow_get(m, w, vpn);
			if (e & SH_MAPPED && m->watch[i].reads) {
				shadow_put(m, w, vpn, e & SH_EXEC ? e & ENTRY_UNMAPPED : 0);
				window_unmap(m, w, vpn, 1);
			} else if (e & SH_WRITE) {
				shadow_protect(m, w, vpn);
			}
		}
}
