#define _GNU_SOURCE
/* Between units: gaps and thunks, mappings. */
#include "verify/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* --- code memory --- */

/* Offsets of all thunks, each once; *eips beside them: what each looks up. */
struct thunk {
	uint32_t at, eip;
};

static void gap_check(struct check *c, uint32_t from, uint32_t to)
{
	for (; from < to; from++)
		if (c->d.code[from] != 0xcc) {
			fail(c, NULL, from, RULE_GAP, NULL);
			return;
		}
}

/* False: no memory; a check that is not made is no success. */
static bool code_check(struct check *c)
{
	const struct dump *d = &c->d;
	struct thunk *thunks = calloc(d->h.exits + 1, sizeof *thunks);
	uint32_t n = 0, at = d->h.start, t = 0;
	if (!thunks)
		return false;
	for (uint32_t i = 0; i < d->h.exits; i++)
		if (d->exits[i].thunk)
			thunks[n++] = (struct thunk){d->exits[i].thunk, d->exits[i].target};
	qsort(thunks, n, sizeof *thunks, by_number);
	for (uint32_t i = 0; i <= d->h.units; i++) {
		const struct dump_unit *u = &d->units[i];
		bool last = i == d->h.units || u->flags & DUMP_ONCE;
		uint32_t next = last ? d->h.used : u->host;
		for (; t < n && thunks[t].at < next; t++) {
			gap_check(c, at, thunks[t].at);
			unsigned length = template_thunk(c, d->code + thunks[t].at, d->code + next,
			                                 thunks[t].eip);
			if (!length || thunks[t].at < at)
				fail(c, NULL, thunks[t].at, RULE_STUB, "thunk");
			c->out->templates[T_thunk]++;
			at = thunks[t].at + length;
		}
		gap_check(c, at, next);
		if (last)
			break;
		at = u->host + u->host_len;
	}
	free(thunks);
	return true;
}

/* --- mappings --- */

#define WINDOW (1ull << 32)

struct pages {
	uint8_t *live; /* a byte per gfn */
	uint32_t count;
};

/* Must its pages be traced?  Those of a unit that checks itself need not. */
static bool is_traced(const struct dump_unit *u)
{
	return !u->flags && !u->self;
}

static struct pages live_pages(const struct dump *d)
{
	struct pages p = {.count = 0};
	for (uint32_t i = 0; i < d->h.units; i++)
		for (int n = 0; n < 2; n++) {
			uint32_t gfn = n ? d->units[i].gfn2 : d->units[i].gfn;
			if (is_traced(&d->units[i]) && gfn != DUMP_NONE && gfn >= p.count)
				p.count = gfn + 1;
		}
	p.live = calloc(p.count + 1ul, 1);
	for (uint32_t i = 0; p.live && i < d->h.units; i++)
		for (int n = 0; n < 2; n++) {
			uint32_t gfn = n ? d->units[i].gfn2 : d->units[i].gfn;
			if (is_traced(&d->units[i]) && gfn != DUMP_NONE)
				p.live[gfn] = 1;
		}
	return p;
}

static int by_address(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static bool is_protected(const struct dump *d, uint64_t page)
{
	return bsearch(&page, d->wp, d->h.wp, sizeof page, by_address);
}

static void map_fail(struct check *c, const struct dump_mapping *m, enum verify_rule r, uint64_t at)
{
	char what[80];
	snprintf(what, sizeof what, "%#llx in %#llx-%#llx %s%s%s %.20s", (unsigned long long)at,
	         (unsigned long long)m->start, (unsigned long long)m->end,
	         m->rights & DUMP_READ ? "r" : "-", m->rights & DUMP_WRITE ? "w" : "-",
	         m->rights & DUMP_EXECUTE ? "x" : "-", m->name);
	fail(c, NULL, 0, r, what);
}

/* The first window whose upper guard ends behind this. */
static uint32_t window_after(const struct dump *d, uint64_t at)
{
	uint32_t low = 0, high = d->h.windows;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (d->windows[mid].base + 2 * WINDOW <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void window_check(struct check *c, const struct dump_mapping *m, const struct pages *live)
{
	const struct dump *d = &c->d;
	bool in = false, near = false;
	if (!(m->rights & (DUMP_READ | DUMP_WRITE | DUMP_EXECUTE)))
		return; /* a guard */
	for (uint32_t i = window_after(d, m->start); i < d->h.windows; i++) {
		uint64_t base = d->windows[i].base;
		if (base - WINDOW >= m->end)
			break;
		in |= m->start >= base && m->end <= base + WINDOW;
		near = true;
	}
	if (near && !in)
		map_fail(c, m, RULE_LOW, m->start);
	if (!in)
		return;
	if (m->rights & DUMP_EXECUTE)
		map_fail(c, m, RULE_CODE_MAPPING, m->start);
	if (!(m->rights & DUMP_WRITE))
		return;
	for (uint64_t at = m->start; at < m->end; at += PAGE_SIZE) {
		uint64_t gfn = (m->offset + (at - m->start)) >> PAGE_SHIFT;
		if (gfn < live->count && live->live[gfn] && !is_protected(d, at))
			map_fail(c, m, RULE_WRITABLE, at);
	}
}

static void mapping_check(struct check *c, const struct dump_mapping *m, const struct pages *live,
                          unsigned seen[2])
{
	static const char code[] = "/memfd:unring-code";
	const struct dump_header *h = &c->d.h;
	bool w = m->rights & DUMP_WRITE, x = m->rights & DUMP_EXECUTE;
	if (w && x)
		map_fail(c, m, RULE_WRITE_EXEC, m->start);
	if (m->start < 1ull << 32)
		map_fail(c, m, RULE_LOW, m->start);
	bool is_code = !strncmp(m->name, code, sizeof code - 1);
	bool rw = m->start == h->rw && m->end == h->rw + h->code_size && w && !x && !m->offset;
	bool rx = m->start == h->rx && m->end == h->rx + h->code_size && x && !w && !m->offset;
	if (is_code && !rw && !rx)
		map_fail(c, m, RULE_CODE_MAPPING, m->start);
	seen[0] += is_code && rw;
	seen[1] += is_code && rx;
	/* Executable memory is a file's, the kernel's, or the cache's. */
	if (x && !is_code && (!*m->name || !strncmp(m->name, "/memfd:", 7)))
		map_fail(c, m, RULE_CODE_MAPPING, m->start);
	window_check(c, m, live);
}

static void mappings_check(struct check *c, const struct pages *live)
{
	unsigned seen[2] = {0};
	for (uint32_t i = 0; i < c->d.h.mappings; i++)
		mapping_check(c, &c->d.mappings[i], live, seen);
	if (seen[0] != 1 || seen[1] != 1)
		fail(c, NULL, 0, RULE_CODE_MAPPING,
		     "code memory: one writable and one executable mapping");
}

static void traced_check(struct check *c, const struct pages *live)
{
	const struct dump *d = &c->d;
	for (uint32_t gfn = 0, t = 0; gfn < live->count; gfn++) {
		while (t < d->h.traced && d->traced[t] < gfn)
			t++;
		if (!live->live[gfn] || (t < d->h.traced && d->traced[t] == gfn))
			continue;
		char what[80];
		snprintf(what, sizeof what, "page %05x", gfn);
		fail(c, NULL, 0, RULE_UNTRACED, what);
	}
}

bool world_check(struct check *c)
{
	struct pages live = live_pages(&c->d);
	qsort(c->d.wp, c->d.h.wp, sizeof *c->d.wp, by_address);
	bool done = code_check(c) && live.live;
	if (done) {
		traced_check(c, &live);
		mappings_check(c, &live);
	}
	free(live.live);
	return done;
}
