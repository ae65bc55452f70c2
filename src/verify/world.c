#define _GNU_SOURCE
/* Between units: gaps and thunks, branch tables, the return stack, mappings. */
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

static void code_check(struct check *c)
{
	const struct dump *d = &c->d;
	struct thunk *thunks = calloc(d->h.exits + 1, sizeof *thunks);
	uint32_t n = 0, at = d->h.start, t = 0;
	if (!thunks)
		return;
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
			unsigned length = template_thunk(c, d->code + thunks[t].at, d->code + next, thunks[t].eip);
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
}

/* The unit that holds this offset, or NULL. */
static const struct dump_unit *unit_at(const struct dump *d, uint64_t off)
{
	uint32_t low = 0, high = d->h.units;
	while (high && d->units[high - 1].flags & DUMP_ONCE)
		high--;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (d->units[mid].host <= off)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return NULL;
	const struct dump_unit *u = &d->units[low - 1];
	return off - u->host < u->host_len ? u : NULL;
}

/* --- tables --- */

static void branches_check(struct check *c)
{
	const struct dump *d = &c->d;
	for (uint32_t i = 0; i < d->h.branches; i++) {
		const struct dump_branch *b = &d->branches[i];
		uint32_t eip = (uint32_t)-b->minus_tag;
		const struct dump_unit *u = unit_at(d, b->host - d->h.rx);
		char what[80];
		if (u && !u->flags && u->host == b->host - d->h.rx && u->eip == eip && u->mode == b->mode &&
		    b->index == (eip & 0xffff))
			continue;
		snprintf(what, sizeof what, "mode %u, entry %04x, EIP %08x", b->mode, b->index, eip);
		fail(c, NULL, (uint32_t)(b->host - d->h.rx), RULE_BRANCH, what);
	}
}

static void returns_check(struct check *c)
{
	const struct dump *d = &c->d;
	for (uint32_t i = 0; i < d->h.returns; i++) {
		uint64_t off = d->returns[i] - d->h.rx;
		bool pad = false;
		if (d->returns[i] == d->h.stubs.ret_miss)
			continue;
		const struct dump_unit *u = unit_at(d, off);
		for (unsigned n = 0; u && n < u->n_pads; n++)
			pad |= d->pads[u->pad0 + n].host == off - u->host;
		if (!pad)
			fail(c, NULL, (uint32_t)off, RULE_RETURN, "return stack");
	}
	if (!d->h.returns || d->returns[d->h.returns - 1] != d->h.stubs.ret_miss)
		fail(c, NULL, 0, RULE_RETURN, "the return stack does not end with its miss stub");
}

static int by_page(const void *a, const void *b)
{
	const struct dump_book *x = a, *y = b;
	return x->page < y->page ? -1 : x->page > y->page;
}

/* Would the revocation of its page find each entry?  By the cache's books. */
static void books_check(struct check *c)
{
	const struct dump *d = &c->d;
	qsort(d->books, d->h.books, sizeof *d->books, by_page);
	for (uint32_t i = 0; i < d->h.branches; i++) {
		const struct dump_branch *b = &d->branches[i];
		uint64_t tag = -b->minus_tag;
		uint32_t linear = (uint32_t)tag + d->h.cs_base[b->mode & (DUMP_MODES - 1)];
		struct dump_book key = {.page = (tag & ~0xffffffffull) + (linear & ~PAGE_MASK)};
		const struct dump_book *k = bsearch(&key, d->books, d->h.books, sizeof key, by_page);
		bool found = k && k->n > DUMP_BOOK_OFFSETS;
		for (unsigned n = 0; k && n < k->n && n < DUMP_BOOK_OFFSETS; n++)
			found |= k->off[n] == (linear & PAGE_MASK);
		if (found && k->modes >> (b->mode & (DUMP_MODES - 1)) & 1)
			continue;
		char what[80];
		snprintf(what, sizeof what, "mode %u, tag %#llx", b->mode, (unsigned long long)tag);
		fail(c, NULL, (uint32_t)(b->host - d->h.rx), RULE_BOOK, what);
	}
}

/* --- chains to other pages --- */

static const struct dump_page *page_of(const struct dump *d, uint32_t gfn)
{
	return bsearch(&gfn, d->pages, d->h.pages, sizeof *d->pages, by_number);
}

static bool alive(const struct dump *d, uint32_t id)
{
	for (uint32_t i = 0; i < d->h.windows; i++)
		if (d->windows[i].id == id)
			return true;
	return false;
}

/* Does the page's owner, who alone follows the chain, run this one, too? */
static bool runs(const struct dump *d, uint32_t owner, uint32_t gfn)
{
	const struct dump_page *p = page_of(d, gfn);
	return gfn == DUMP_NONE || (p && (p->shared || p->owner == owner));
}

/* A chain to another page is right in the window where it was made: no other may come by. */
static void owner_check(struct check *c, const struct dump_unit *from, const struct dump_exit *x)
{
	const struct dump *d = &c->d;
	const struct dump_unit *to = &d->units[x->to];
	if (x->target - (from->eip - from->page_off) < PAGE_SIZE && to->gfn == from->gfn &&
	    to->gfn2 == DUMP_NONE)
		return;
	const struct dump_page *p = page_of(d, from->gfn);
	if (p && !p->shared && p->owner &&
	    ((runs(d, p->owner, to->gfn) && runs(d, p->owner, to->gfn2)) || !alive(d, p->owner)))
		return;
	char what[80];
	snprintf(what, sizeof what, "EIP %08x to %08x, page %05x, owner %u%s", from->eip, x->target,
	         from->gfn, p ? p->owner : 0, p && p->shared ? ", shared" : "");
	fail(c, from, x->patch, RULE_OWNER, what);
}

static void owners_check(struct check *c)
{
	const struct dump *d = &c->d;
	for (uint32_t i = 0; i < d->h.units; i++) {
		const struct dump_unit *u = &d->units[i];
		const struct dump_exit *x = &d->exits[u->exit0];
		for (unsigned n = 0; n < u->n_exits && !u->flags; n++)
			if (x[n].to != DUMP_NONE)
				owner_check(c, u, &x[n]);
	}
}

/* --- mappings --- */

#define WINDOW (1ull << 32)

struct mapping {
	uint64_t start, end, offset;
	char perms[5];
	const char *name;
	int name_length;
};

struct pages {
	uint8_t *live;    /* a byte per gfn */
	uint32_t count;
};

static struct pages live_pages(const struct dump *d)
{
	struct pages p = {.count = 0};
	for (uint32_t i = 0; i < d->h.units; i++)
		for (int n = 0; n < 2; n++) {
			uint32_t gfn = n ? d->units[i].gfn2 : d->units[i].gfn;
			if (!d->units[i].flags && gfn != DUMP_NONE && gfn >= p.count)
				p.count = gfn + 1;
		}
	p.live = calloc(p.count + 1ul, 1);
	for (uint32_t i = 0; p.live && i < d->h.units; i++)
		for (int n = 0; n < 2; n++) {
			uint32_t gfn = n ? d->units[i].gfn2 : d->units[i].gfn;
			if (!d->units[i].flags && gfn != DUMP_NONE)
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

static void map_fail(struct check *c, const struct mapping *m, enum verify_rule r, uint64_t at)
{
	char what[80];
	snprintf(what, sizeof what, "%#llx in %#llx-%#llx %s %.*s", (unsigned long long)at,
	         (unsigned long long)m->start, (unsigned long long)m->end, m->perms,
	         m->name_length < 20 ? m->name_length : 20, m->name);
	fail(c, NULL, 0, r, what);
}

static int by_base(const void *a, const void *b)
{
	const struct dump_window *x = a, *y = b;
	return x->base < y->base ? -1 : x->base > y->base;
}

/* The first window, of those in order, whose upper guard ends behind this. */
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

static void window_check(struct check *c, const struct mapping *m, const struct pages *live)
{
	const struct dump *d = &c->d;
	bool in = false, near = false;
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
	if (m->perms[2] == 'x')
		map_fail(c, m, RULE_CODE_MAPPING, m->start);
	if (m->perms[1] != 'w')
		return;
	for (uint64_t at = m->start; at < m->end; at += PAGE_SIZE) {
		uint64_t gfn = (m->offset + (at - m->start)) >> PAGE_SHIFT;
		if (gfn < live->count && live->live[gfn] && !is_protected(d, at))
			map_fail(c, m, RULE_WRITABLE, at);
	}
}

static void mapping_check(struct check *c, const struct mapping *m, const struct pages *live,
                          unsigned seen[2])
{
	static const char code[] = "/memfd:unring-code";
	const struct dump_header *h = &c->d.h;
	bool w = m->perms[1] == 'w', x = m->perms[2] == 'x';
	if (w && x)
		map_fail(c, m, RULE_WRITE_EXEC, m->start);
	if (m->start < 1ull << 32)
		map_fail(c, m, RULE_LOW, m->start);
	bool is_code = m->name_length >= (int)sizeof code - 1 && !memcmp(m->name, code, sizeof code - 1);
	bool rw = m->start == h->rw && m->end == h->rw + h->code_size && w && !x && !m->offset;
	bool rx = m->start == h->rx && m->end == h->rx + h->code_size && x && !w && !m->offset;
	if (is_code && !rw && !rx)
		map_fail(c, m, RULE_CODE_MAPPING, m->start);
	seen[0] += is_code && rw;
	seen[1] += is_code && rx;
	/* Executable memory is a file's, the kernel's, or the cache's. */
	if (x && !is_code && (m->name_length == 0 || !strncmp(m->name, "/memfd:", 7)))
		map_fail(c, m, RULE_CODE_MAPPING, m->start);
	window_check(c, m, live);
}

/* A line of /proc/self/maps: start-end perms offset device inode, name. */
static bool mapping_read(const char *line, const char *end, struct mapping *m)
{
	char *p;
	m->start = strtoull(line, &p, 16);
	if (*p++ != '-')
		return false;
	m->end = strtoull(p, &p, 16);
	if (end - p < 6)
		return false;
	memcpy(m->perms, p + 1, 4);
	m->perms[4] = 0;
	m->offset = strtoull(p + 6, &p, 16);
	/* Device and inode have no spaces in them; the name may. */
	for (unsigned n = 0; n < 2; n++) {
		while (p < end && *p == ' ')
			p++;
		while (p < end && *p != ' ')
			p++;
	}
	while (p < end && *p == ' ')
		p++;
	m->name = p;
	m->name_length = (int)(end - p);
	return p <= end;
}

static void maps_check(struct check *c, const struct pages *live)
{
	unsigned seen[2] = {0};
	for (const char *line = c->d.maps, *end; *line; line = *end ? end + 1 : end) {
		struct mapping m;
		end = strchrnul(line, '\n');
		if (mapping_read(line, end, &m))
			mapping_check(c, &m, live, seen);
		else
			fail(c, NULL, 0, RULE_CODE_MAPPING, "a line of the maps that cannot be read");
	}
	if (seen[0] != 1 || seen[1] != 1)
		fail(c, NULL, 0, RULE_CODE_MAPPING, "code memory: one writable and one executable mapping");
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

void world_check(struct check *c)
{
	struct pages live = live_pages(&c->d);
	qsort(c->d.wp, c->d.h.wp, sizeof *c->d.wp, by_address);
	qsort(c->d.windows, c->d.h.windows, sizeof *c->d.windows, by_base);
	code_check(c);
	branches_check(c);
	books_check(c);
	returns_check(c);
	owners_check(c);
	if (live.live) {
		traced_check(c, &live);
		maps_check(c, &live);
	}
	free(live.live);
}
