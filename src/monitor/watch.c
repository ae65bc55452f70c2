/* Breakpoints, the guest's (DR0 to DR7) and a debugger's: what units and windows know of them.
 *
 * Execution breakpoints are marked: units end before marks, and what begins at one is
 * entered by the dispatcher alone, which sees each pass, in all address spaces; guest memory
 * stays as it is.  Marks outlive their breakpoints for a while, so that one that is switched on
 * and off at each of the guest's context switches changes no unit.
 *
 * The pages of data breakpoints are watched by the mmu: an access there that translated code
 * makes is redirected, as one to a traced page is, and compared with the breakpoint's bytes
 * before it is made.  One that hits runs alone. */
#include "monitor/internal.h"

enum { MARK_PATIENCE = 1 << 16 };

bool debug_at_break(const struct debug *d, uint32_t eip)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->breaks[i].kind == BREAK_EXEC && d->breaks[i].at.v == eip)
			return true;
	return false;
}

uint64_t debug_room(const struct monitor *m)
{
	const struct debug *d = &m->debug;
	uint32_t eip = linear_eip(m).v;
	uint64_t room = UINT64_MAX;
	for (unsigned i = 0; i < d->n_marks; i++)
		if (d->marks[i].at > eip && d->marks[i].at - eip < room)
			room = d->marks[i].at - eip;
	return room;
}

void debug_watch(struct monitor *m, gla_t a, unsigned size, bool read, bool write)
{
	struct debug *d = &m->debug;
	for (unsigned i = 0; i < d->n; i++) {
		const struct breakpoint *b = &d->breaks[i];
		if (b->kind == BREAK_EXEC || (b->kind == BREAK_READ && !read) ||
		    (b->kind == BREAK_WRITE && !write))
			continue;
		if (a.v < (uint64_t)b->at.v + b->size && b->at.v < (uint64_t)a.v + size) {
			d->hit = true;
			d->watched = *b;
		}
	}
}

/* Units that run over a new breakpoint, in whatever address space and with whatever CS.base:
 * those that have its place in their page. */
static void drop_units(struct monitor *m, uint32_t at)
{
	for (uint32_t i = 0; i < tcache_count(m->cache); i++) {
		struct tu *u = (struct tu *)tcache_at(m->cache, i);
		if (!u->dead && ((at - u->page_off) & PAGE_MASK) < u->guest_len)
			tcache_invalidate(m->cache, u);
	}
}

/* There are more marks than breakpoints: one without makes room, that has been passed most. */
static void mark(struct monitor *m, uint32_t at)
{
	struct debug *d = &m->debug;
	struct mark *k = NULL;
	for (unsigned i = 0; i < d->n_marks; i++) {
		struct mark *other = &d->marks[i];
		if (other->at == at) {
			other->vain = 0;
			return;
		}
		if ((!k || other->vain > k->vain) && !debug_at_break(d, other->at) &&
		    !cpu_dr_match_code(m->v, gla(other->at)))
			k = other;
	}
	if (d->n_marks < MARKS)
		k = &d->marks[d->n_marks++];
	CHECK(k);
	*k = (struct mark){.at = at};
	drop_units(m, at);
}

bool debug_marked(struct monitor *m)
{
	struct debug *d = &m->debug;
	uint32_t eip = linear_eip(m).v;
	for (unsigned i = 0; i < d->n_marks; i++) {
		struct mark *k = &d->marks[i];
		if (k->at != eip)
			continue;
		if (++k->vain < MARK_PATIENCE)
			return true;
		*k = d->marks[--d->n_marks];
		return false;
	}
	return false;
}

void debug_moved(struct monitor *m)
{
	for (unsigned i = 0; i < m->debug.n_marks; i++)
		drop_units(m, m->debug.marks[i].at);
}

static struct mmu_watch pages(uint32_t at, uint32_t size, bool reads)
{
	uint64_t last = (uint64_t)at + size - 1;
	return (struct mmu_watch){
		gla_vpn(gla(at)),
		last > UINT32_MAX ? UINT32_MAX >> PAGE_SHIFT : gla_vpn(gla((uint32_t)last)), reads};
}

void debug_arm(struct monitor *m)
{
	struct debug *d = &m->debug;
	const struct vcpu *v = m->v;
	struct mmu_watch watch[BREAKS + 4];
	unsigned n = 0;

	if (!d->armed && !d->n_watch && !(v->dr[7] & DR7_ENABLE))
		return;
	for (unsigned i = 0; i < 4; i++) {
		enum dr_kind kind;
		uint32_t at, len;
		if (!cpu_dr_get(v, i, &kind, &at, &len))
			continue;
		if (kind == DR_EXECUTE)
			mark(m, at);
		else if (kind != DR_IO)
			watch[n++] = pages(at, len, kind == DR_ACCESS);
	}
	for (unsigned i = 0; i < d->n; i++)
		if (d->breaks[i].kind != BREAK_EXEC)
			watch[n++] = pages(d->breaks[i].at.v, d->breaks[i].size,
			                   d->breaks[i].kind != BREAK_WRITE);
	mmu_watch_set(m->mmu, watch, n);
	d->armed = n;
}

bool monitor_break_set(struct monitor *m, enum break_kind kind, gla_t a, unsigned size)
{
	struct debug *d = &m->debug;
	if (d->n == BREAKS || (kind != BREAK_EXEC && (!size || size > WATCH_BYTES)))
		return false;
	d->breaks[d->n++] = (struct breakpoint){a, size, kind};
	if (kind == BREAK_EXEC)
		mark(m, a.v);
	else
		d->n_watch++;
	return true;
}

bool monitor_break_clear(struct monitor *m, enum break_kind kind, gla_t a, unsigned size)
{
	struct debug *d = &m->debug;
	for (unsigned i = 0; i < d->n; i++) {
		struct breakpoint *b = &d->breaks[i];
		if (b->kind != kind || b->at.v != a.v || b->size != size)
			continue;
		d->n_watch -= kind != BREAK_EXEC;
		*b = d->breaks[--d->n];
		return true;
	}
	return false;
}
