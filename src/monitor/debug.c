/* A debugger's stops, and the state of the stopped guest. */
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

enum debug_next debug_boundary(struct monitor *m)
{
	struct debug *d = &m->debug;
	uint32_t eip = linear_eip(m).v;
	bool here = debug_at_break(d, eip), resumed = d->resumed && d->resumed_at == eip;

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
static const uint8_t *page_at(struct monitor *m, enum debug_space space, uint64_t a, gpa_t *p)
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
