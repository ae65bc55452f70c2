/* What leads into units: branch tables and the books that revoke their entries, the
 * return stack, chains between pages; and whether the windows still run what they lead
 * to, by the mmu's books. */
#include "verify/internal.h"

#include <stdio.h>
#include <stdlib.h>

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

static int by_address(const void *a, const void *b)
{
	const struct dump_grant *x = a, *y = b;
	return x->page < y->page ? -1 : x->page > y->page;
}

/* Does the window, by its base, run this page of memory there? */
static bool granted(const struct dump *d, uint64_t window, uint32_t linear, uint32_t gfn)
{
	struct dump_grant key = {.page = window + (linear & ~PAGE_MASK)};
	const struct dump_grant *g = bsearch(&key, d->grants, d->h.grants, sizeof key, by_address);
	return g && g->gfn == gfn;
}

/* And what the unit was made from, with this CS.base? */
static bool runs_unit(const struct dump *d, uint64_t window, uint32_t cs_base,
                      const struct dump_unit *u)
{
	uint32_t linear = u->eip + cs_base;
	return granted(d, window, linear, u->gfn) &&
	       (u->gfn2 == DUMP_NONE || granted(d, window, (linear | PAGE_MASK) + 1, u->gfn2));
}

static int by_tag(const void *a, const void *b)
{
	const struct dump_space *x = a, *y = b;
	return x->tag < y->tag ? -1 : x->tag > y->tag;
}

/* NULL: nothing will run there. */
static const struct dump_space *space_of(const struct dump *d, uint64_t tag)
{
	struct dump_space key = {.tag = tag & ~0xffffffffull};
	return bsearch(&key, d->spaces, d->h.spaces, sizeof key, by_tag);
}

static const struct dump_window *window_of(const struct dump *d, uint32_t id)
{
	for (uint32_t i = 0; i < d->h.windows; i++)
		if (d->windows[i].id == id)
			return &d->windows[i];
	return NULL;
}

static void grant_fail(struct check *c, const struct dump_unit *to, uint32_t off, const char *by)
{
	char what[80];
	snprintf(what, sizeof what, "%s, to EIP %08x, page %05x", by, to->eip, to->gfn);
	fail(c, to, off, RULE_GRANT, what);
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
		const struct dump_space *in = space_of(d, -b->minus_tag);
		if (u && !u->flags && u->host == b->host - d->h.rx && u->eip == eip &&
		    (!in || u->mode == in->mode) && u->mode % DUMP_TABLES == b->table &&
		    b->index == (eip & 0xffff)) {
			if (in && !runs_unit(d, in->window, in->cs_base, u))
				grant_fail(c, u, u->host, "branch entry");
			continue;
		}
		snprintf(what, sizeof what, "table %u, entry %04x, EIP %08x", b->table, b->index,
		         eip);
		fail(c, NULL, (uint32_t)(b->host - d->h.rx), RULE_BRANCH, what);
	}
}

static void returns_check(struct check *c)
{
	const struct dump *d = &c->d;
	const struct dump_space *in = space_of(d, d->h.tag);
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
		else if (!u->flags && (!in || u->mode != in->mode))
			fail(c, u, (uint32_t)off, RULE_RETURN, "a landing pad of another mode");
		else if (!u->flags && !runs_unit(d, in->window, in->cs_base, u))
			grant_fail(c, u, (uint32_t)off, "return stack");
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
		const struct dump_space *in = space_of(d, tag);
		if (!in)
			continue;
		uint32_t linear = (uint32_t)tag + in->cs_base;
		struct dump_book key = {.page = in->window + (linear & ~PAGE_MASK)};
		const struct dump_book *k =
			bsearch(&key, d->books, d->h.books, sizeof key, by_page);
		bool found = k && k->n > DUMP_BOOK_OFFSETS, there = false;
		for (unsigned n = 0; k && n < k->n && n < DUMP_BOOK_OFFSETS; n++)
			found |= k->off[n] == (linear & PAGE_MASK);
		for (unsigned n = 0; k && n < DUMP_BOOK_SPACES; n++)
			there |= k->tag[n] == in->tag;
		if (found && there)
			continue;
		char what[80];
		snprintf(what, sizeof what, "tag %#llx", (unsigned long long)tag);
		fail(c, NULL, (uint32_t)(b->host - d->h.rx), RULE_BOOK, what);
	}
}

/* --- chains to other pages --- */

static int by_place(const void *a, const void *b)
{
	const struct dump_page *x = a, *y = b;
	if (x->gfn != y->gfn)
		return x->gfn < y->gfn ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* The place that the unit is in. */
static const struct dump_page *place_of(const struct dump *d, const struct dump_unit *u)
{
	struct dump_page key = {.gfn = u->gfn, .start = u->eip - u->page_off};
	return bsearch(&key, d->pages, d->h.pages, sizeof key, by_place);
}

/* A chain to another page is right in the window where it was made: no other may come by. */
static void owner_check(struct check *c, const struct dump_unit *from, const struct dump_exit *x)
{
	const struct dump *d = &c->d;
	const struct dump_unit *to = &d->units[x->to];
	if (x->target - (from->eip - from->page_off) < PAGE_SIZE && to->gfn == from->gfn &&
	    to->gfn2 == DUMP_NONE)
		return;
	const struct dump_page *p = place_of(d, from), *there = place_of(d, to);
	const struct dump_window *w = p && p->owner ? window_of(d, p->owner) : NULL;
	/* The owner runs both with one CS.base. */
	if (w && !runs_unit(d, w->base, (p->vpn << PAGE_SHIFT) - p->start, to))
		grant_fail(c, to, x->patch, "chain");
	/* Of a window that is gone: nobody follows it before the page is adopted.  Else the owner,
	 * who alone follows the chain, runs the other page, too. */
	if (p && !p->shared && p->owner &&
	    (!w || (there && (there->shared || there->owner == p->owner))))
		return;
	char what[80];
	snprintf(what, sizeof what, "EIP %08x to %08x, page %05x, owner %u%s", from->eip, x->target,
	         from->gfn, p ? p->owner : 0, p && p->shared ? ", shared" : "");
	fail(c, from, x->patch, RULE_OWNER, what);
}

static void owners_check(struct check *c)
{
	const struct dump *d = &c->d;
	qsort(d->pages, d->h.pages, sizeof *d->pages, by_place);
	for (uint32_t i = 0; i < d->h.units; i++) {
		const struct dump_unit *u = &d->units[i];
		const struct dump_exit *x = &d->exits[u->exit0];
		for (unsigned n = 0; n < u->n_exits && !u->flags; n++)
			if (x[n].to != DUMP_NONE)
				owner_check(c, u, &x[n]);
	}
}

void links_check(struct check *c)
{
	qsort(c->d.spaces, c->d.h.spaces, sizeof *c->d.spaces, by_tag);
	branches_check(c);
	books_check(c);
	returns_check(c);
	owners_check(c);
}
