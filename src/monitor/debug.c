/* Breakpoints, the guest's (DR0 to DR7) and a debugger's; the debugger's stops.
 *
 * Execution breakpoints are marked: units end before marks, and what begins at one is
 * entered by the dispatcher alone, which sees each pass, in all address spaces; guest memory
 * stays as it is.  Marks outlive their breakpoints for a while, so that one that is switched on
 * and off at each of the guest's context switches changes no unit.
 *
 * The pages of data breakpoints are watched by the mmu: an access there that translated code
 * makes is redirected, as one to a traced page is, and compared with the breakpoint's bytes
 * before it is made.  One that hits runs alone. */
#include "monitor/gate.h"

/* Stops the guest here until the debugger lets it go on. */
static void stop(struct monitor *m, enum debug_reason why)
{
	struct debug *d = &m->debug;
	struct debug_stop s = {why, d->watched.kind, d->watched.at};
	uint32_t at = linear_eip(m).v;

	d->request = d->step = d->stepped = d->hit = false;
	gate_debug(m, &s);
	d->resumed = linear_eip(m).v == at;
	d->resumed_at = at;
	if (!d->resumed)
		m->v->inhibit = 0;
	m->state_dirty = true;
	interrupt_line_update(m);
}

enum { MARK_PATIENCE = 1 << 16 };

static bool at_break(const struct debug *d, uint32_t eip)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->breaks[i].kind == BREAK_EXEC && d->breaks[i].at.v == eip)
			return true;
	return false;
}

enum debug_next debug_boundary(struct monitor *m)
{
	struct debug *d = &m->debug;
	uint32_t eip = linear_eip(m).v;
	bool here = at_break(d, eip), resumed = d->resumed && d->resumed_at == eip;

	if (d->hit || d->stepped || d->request || (here && !resumed && !d->step)) {
		stop(m, d->hit       ? DEBUG_WATCH
		        : d->stepped ? DEBUG_STEP
		        : here       ? DEBUG_BREAK
		                     : DEBUG_REQUEST);
		return DEBUG_STOPPED;
	}
	if (!here && !d->step)
		return DEBUG_RUN;
	m->state_dirty = true;
	return DEBUG_ALONE;
}

void debug_ran(struct monitor *m)
{
	struct debug *d = &m->debug;
	if (m->unfinished)
		return;
	d->stepped = d->step;
	/* A string instruction goes on from its own EIP, with RF. */
	if (!(m->v->vflags & FLAG_RF))
		d->resumed = false;
}

void debug_halted(struct monitor *m)
{
	struct debug *d = &m->debug;
	if (!d->request)
		return;
	stop(m, DEBUG_REQUEST);
	/* A step ends with the halt. */
	d->stepped = d->step;
	d->resumed = false;
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
		if ((!k || other->vain > k->vain) && !at_break(d, other->at) &&
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

void monitor_debug_release(struct monitor *m)
{
	struct debug *d = &m->debug;
	d->n = d->n_watch = 0;
	d->request = d->step = d->stepped = d->hit = d->resumed = false;
	m->state_dirty = true;
}

void monitor_step(struct monitor *m)
{
	m->debug.step = true;
}

void monitor_debug_request(struct monitor *m)
{
	m->debug.request = true;
	monitor_kick(m);
}

/* --- state of the stopped guest --- */

bool monitor_ending(const struct monitor *m)
{
	return m->end != END_RUNNING;
}

/* Within a page; NULL: nothing there. */
static uint8_t *page_at(struct monitor *m, enum debug_space space, uint64_t a, gpa_t *p)
{
	*p = gpa(a);
	if (space == SPACE_LINEAR && !mmu_peek(m->mmu, gla((uint32_t)a), p))
		return NULL;
	return mmu_host(m->mmu, *p);
}

static unsigned part_of(uint64_t a, unsigned n)
{
	unsigned room = PAGE_SIZE - (a & PAGE_MASK);
	return n < room ? n : room;
}

unsigned monitor_read(struct monitor *m, enum debug_space space, uint64_t a, void *dst, unsigned n)
{
	unsigned done = 0;
	while (done < n) {
		unsigned part = part_of(a + done, n - done);
		gpa_t p;
		const uint8_t *host = page_at(m, space, a + done, &p);
		if (!host)
			break;
		__builtin_memcpy((uint8_t *)dst + done, host, part);
		done += part;
	}
	return done;
}

unsigned monitor_write(struct monitor *m, enum debug_space space, uint64_t a, const void *src,
                       unsigned n)
{
	unsigned done = 0;
	while (done < n) {
		unsigned part = part_of(a + done, n - done);
		gpa_t p;
		if (!page_at(m, space, a + done, &p))
			break;
		guest_store(m, p, (const uint8_t *)src + done, part);
		done += part;
	}
	return done;
}

uint8_t *monitor_fpu(struct monitor *m)
{
	if (!m->fpu_pointers) {
		__builtin_memset(m->fpu + 6, 0, 18);
		m->fpu_pointers = true;
	}
	return m->fpu;
}

uint16_t monitor_fpu_tags(const struct monitor *m)
{
	return x87_tags(m->fpu);
}
