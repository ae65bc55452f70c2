/* Writing a dump: the sections of cache/dump.h, in the order of the header. */
#include "cache/internal.h"

#include "base/registers.h"
#include "cache/dump.h"
#include "host/memory.h"

#include <errno.h>
#include <stdlib.h>

/* What may be nothing at all. */
static void put(const void *p, size_t size, size_t n, FILE *f)
{
	if (n)
		fwrite(p, size, n, f);
}

/* The end of a section: the next begins at a multiple of 8. */
static void end_section(FILE *f)
{
	while (ftell(f) & 7)
		fputc(0, f);
}

/* Bytes that the unit has in the section of guest code. */
static uint32_t guest_bytes(const struct tu *u)
{
	return u->dead ? 0 : u->source ? u->guest_len + (u->guest_len + 7u) / 8 : u->guest_len;
}

/* Guest code of a unit, from its page or pages. */
static void put_guest(struct tcache *c, const struct tcache_dump *d, const struct tu *u, FILE *f)
{
	if (u->source) {
		fwrite(c->sources + u->source, 1, guest_bytes(u), f);
		return;
	}
	for (uint32_t i = 0; i < u->guest_len; i++) {
		uint32_t at = u->page_off + i;
		fputc(at < PAGE_SIZE ? d->guest_byte(d->ctx, u->gfn, at)
		                     : d->guest_byte(d->ctx, u->gfn2, at - PAGE_SIZE),
		      f);
	}
}

static void put_units(struct tcache *c, const struct tcache_dump *d, FILE *f, uint32_t *guest)
{
	for (uint32_t n = 1; n < c->n_units; n++) {
		const struct tu *u = &c->units[n];
		fwrite(
			&(struct dump_unit){
				.eip = u->eip,
				.gfn = u->gfn,
				.gfn2 = u->gfn2,
				.host = u->host,
				.exit0 = u->exit0,
				.exit_id0 = u->exit0,
				.pc0 = u->pc0,
				.pad0 = u->pad0,
				.guest = *guest,
				.page_off = u->page_off,
				.guest_len = u->guest_len,
				.host_len = u->host_len,
				.n_insns = u->n_insns,
				.n_pc = u->n_pc,
				.n_exits = u->n_exits,
				.n_pads = u->n_pads,
				.mode = u->mode,
				.code32 = d->code32(d->ctx, u->mode),
				.flags = u->dead ? DUMP_DEAD : 0,
				.self = u->source != 0,
			},
			sizeof(struct dump_unit), 1, f);
		*guest += guest_bytes(u);
	}
	if (!d->once)
		return;
	fwrite(
		&(struct dump_unit){
			.eip = d->once_eip,
			.gfn = DUMP_NONE,
			.gfn2 = DUMP_NONE,
			.exit0 = c->n_exits,
			.exit_id0 = TCACHE_ONCE_EXIT,
			.pc0 = c->n_pcs,
			.pad0 = c->n_pads,
			.guest_len = d->once->guest_len,
			.host_len = d->once->host_len,
			.n_insns = d->once->n_insns,
			.n_pc = d->once->n_pc,
			.n_exits = d->once->n_exits,
			.n_pads = d->once->n_pads,
			.flags = DUMP_ONCE,
		},
		sizeof(struct dump_unit), 1, f);
}

static void put_exits(struct tcache *c, const struct tcache_dump *d, FILE *f)
{
	for (uint32_t n = 0; n < c->n_exits; n++) {
		const struct exit_rec *x = &c->exits[n];
		fwrite(&(struct dump_exit){x->unit - 1, x->target, x->patch, x->stub,
		                           x->to ? x->to - 1 : DUMP_NONE, x->thunk},
		       sizeof(struct dump_exit), 1, f);
	}
	for (unsigned n = 0; d->once && n < d->once->n_exits; n++) {
		const struct tu_exit *x = &d->once->exits[n];
		fwrite(&(struct dump_exit){c->n_units - 1, x->target, x->patch, x->stub, DUMP_NONE,
		                           0},
		       sizeof(struct dump_exit), 1, f);
	}
}

static uint32_t put_branches(struct tcache *c, FILE *f)
{
	_Static_assert((int)TABLES == DUMP_TABLES, "tables as they are dumped");
	uint32_t n = 0;
	for (uint32_t t = 0; t < TABLES; t++)
		for (uint32_t i = 0; c->table_used[t] && i < BRANCH_ENTRIES; i++) {
			const struct branch *b = &c->tables[t * BRANCH_ENTRIES + i];
			if (!b->minus_tag)
				continue;
			if (f)
				fwrite(&(struct dump_branch){t, i, b->minus_tag, b->host},
				       sizeof(struct dump_branch), 1, f);
			n++;
		}
	return n;
}

static uint32_t put_books(struct tcache *c, FILE *f)
{
	_Static_assert((int)BRANCH_PAGE_EIPS == DUMP_BOOK_OFFSETS &&
	                       (int)BRANCH_PAGE_SPACES == DUMP_BOOK_SPACES,
	               "a book as it is dumped");
	uint32_t n = 0;
	for (uint32_t i = 0; i < BRANCH_PAGES; i++) {
		const struct branch_page *p = &c->branch_pages[i];
		if (!p->page)
			continue;
		struct dump_book b = {.page = p->page, .n = p->n};
		for (unsigned k = 0; k < p->n_spaces; k++)
			b.tag[k] = p->space[k].tag;
		__builtin_memcpy(b.off, p->off, sizeof b.off);
		if (f)
			fwrite(&b, sizeof b, 1, f);
		n++;
	}
	return n;
}

static uint32_t put_pages(struct tcache *c, FILE *f)
{
	uint32_t n = 0;
	for (uint32_t gfn = 0; gfn < c->cfg.max_gfn; gfn++) {
		const struct page_rec *p = &c->pages[gfn];
		if (!p->head)
			continue;
		for (uint32_t i = p->place; i; i = c->places[i].next, n++) {
			const struct place *at = &c->places[i];
			if (f)
				fwrite(&(struct dump_page){gfn, at->start, at->owner, at->vpn,
				                           at->shared},
				       sizeof(struct dump_page), 1, f);
		}
	}
	return n;
}

static uint32_t put_traced(struct tcache *c, const struct tcache_dump *d, FILE *f)
{
	uint32_t n = 0;
	for (uint32_t gfn = 0; gfn < c->cfg.max_gfn; gfn++)
		if (d->traced(d->ctx, gfn)) {
			if (f)
				fwrite(&gfn, sizeof gfn, 1, f);
			n++;
		}
	return n;
}

/* The mappings of the process, and the pages with live units, in those that may be written,
 * that are protected: they are counted, then written. */
struct seen {
	struct tcache *c;
	const struct tcache_dump *d;
	unsigned window; /* of the last mapping, or the next */
	uint64_t *page;
	uint32_t n;
	struct dump_mapping *mapping;
	uint32_t n_mappings;
	int err;
};

/* Room for one more than n; NULL, and noted, if there is no memory for it. */
static void *one_more(struct seen *p, void *array, uint32_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	void *more = realloc(array, (n ? 2 * n : 1) * size);
	if (!more)
		p->err = -ENOMEM;
	return more;
}

static void protected_add(struct seen *p, uint64_t page)
{
	uint64_t *pages = one_more(p, p->page, p->n, sizeof page);
	if (!pages)
		return;
	pages[p->n++] = page;
	p->page = pages;
}

static void mapping_add(struct seen *p, const struct host_mapping *h)
{
	struct dump_mapping *all =
		one_more(p, p->mapping, p->n_mappings, sizeof(struct dump_mapping));
	if (!all)
		return;
	struct dump_mapping *m = &all[p->n_mappings++];
	*m = (struct dump_mapping){
		.start = (uintptr_t)h->start,
		.end = (uintptr_t)h->end,
		.offset = h->offset,
		.rights = (h->read ? DUMP_READ : 0) | (h->write ? DUMP_WRITE : 0) |
	                  (h->execute ? DUMP_EXECUTE : 0) | (h->shared ? DUMP_SHARED : 0),
	};
	for (unsigned i = 0; i < sizeof m->name - 1 && h->name[i]; i++)
		m->name[i] = h->name[i];
	p->mapping = all;
}

SAVED static void mapping_seen(void *ctx, const struct host_mapping *h)
{
	struct seen *p = ctx;
	mapping_add(p, h);
	uint64_t gfn = h->offset >> PAGE_SHIFT, start = (uintptr_t)h->start;
	while (p->window < p->d->n_windows && p->d->windows[p->window].base + (1ull << 32) <= start)
		p->window++;
	if (p->window == p->d->n_windows || start < p->d->windows[p->window].base)
		return;
	for (uint8_t *at = h->start; h->write && at < h->end && !p->err; at += PAGE_SIZE, gfn++) {
		if (gfn >= p->c->cfg.max_gfn || !p->c->pages[gfn].head)
			continue;
		int wp = host_mem_wp_get(at);
		if (wp < 0)
			p->err = wp;
		if (wp > 0)
			protected_add(p, (uintptr_t)at);
	}
}

int tcache_dump(struct tcache *c, const struct tcache_dump *d, FILE *f)
{
	struct dump_header h = {
		.magic = DUMP_MAGIC,
		.layout = d->layout,
		.stubs = d->stubs,
		.rx = (uintptr_t)c->code.rx,
		.rw = (uintptr_t)c->code.rw,
		.code_size = c->code.size,
		.start = c->start,
		.used = c->used,
		.code = c->used,
		.units = c->n_units - 1 + !!d->once,
		.exits = c->n_exits + (d->once ? d->once->n_exits : 0),
		.pcs = c->n_pcs + (d->once ? d->once->n_pc : 0),
		.pads = c->n_pads + (d->once ? d->once->n_pads : 0),
		.entry = d->n_entry,
		.misses = BRANCH_ENTRIES,
		.branches = put_branches(c, NULL),
		.books = put_books(c, NULL),
		.pages = put_pages(c, NULL),
		.returns = d->n_returns,
		.traced = put_traced(c, d, NULL),
		.windows = d->n_windows,
		.grants = d->n_grants,
		.tag = d->tag,
		.spaces = d->n_spaces,
	};
	struct seen seen = {.c = c, .d = d};
	int err = host_mem_each(NULL, (void *)UINTPTR_MAX, mapping_seen, &seen);
	err = err ? err : seen.err;
	h.mappings = seen.n_mappings;
	h.wp = seen.n;
	for (uint32_t n = 1; n < c->n_units; n++)
		h.guest += guest_bytes(&c->units[n]);
	uint32_t guest = 0;
	fwrite(&h, sizeof h, 1, f);
	end_section(f);
	fwrite(c->code.rx, 1, c->used, f);
	end_section(f);
	put_units(c, d, f, &guest);
	end_section(f);
	put_exits(c, d, f);
	end_section(f);
	fwrite(c->pcs, sizeof *c->pcs, c->n_pcs, f);
	if (d->once)
		fwrite(d->once->pc, sizeof *c->pcs, d->once->n_pc, f);
	end_section(f);
	fwrite(c->pads, sizeof *c->pads, c->n_pads, f);
	if (d->once)
		fwrite(d->once->pads, sizeof *c->pads, d->once->n_pads, f);
	end_section(f);
	for (uint32_t n = 1; n < c->n_units; n++)
		if (!c->units[n].dead)
			put_guest(c, d, &c->units[n], f);
	end_section(f);
	fwrite(d->entry, 1, d->n_entry, f);
	end_section(f);
	fwrite(c->miss, sizeof *c->miss, BRANCH_ENTRIES, f);
	put_branches(c, f);
	put_books(c, f);
	put_pages(c, f);
	end_section(f);
	fwrite(d->returns, 8, d->n_returns, f);
	put_traced(c, d, f);
	end_section(f);
	put(seen.page, sizeof *seen.page, seen.n, f);
	free(seen.page);
	put(d->windows, sizeof *d->windows, d->n_windows, f);
	put(d->spaces, sizeof *d->spaces, d->n_spaces, f);
	put(d->grants, sizeof *d->grants, d->n_grants, f);
	put(seen.mapping, sizeof *seen.mapping, seen.n_mappings, f);
	free(seen.mapping);
	return err ? err : ferror(f) ? -EIO : 0;
}
