#include "verify/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The next section, in memory of its own; one element more, zero. */
static void *section(const uint8_t **p, size_t *left, uint64_t n, size_t size, int *err)
{
	if (*err || n * size > *left) {
		*err = *err ? *err : -EINVAL;
		return NULL;
	}
	void *out = calloc(n + 1, size);
	if (!out) {
		*err = -ENOMEM;
		return NULL;
	}
	memcpy(out, *p, n * size);
	size_t taken = (n * size + 7) & ~7ul;
	taken = taken < *left ? taken : *left;
	*p += taken;
	*left -= taken;
	return out;
}

/* Is [at, at+n) inside [0, size)? */
static bool inside(uint64_t at, uint64_t n, uint64_t size)
{
	return at <= size && n <= size - at;
}

/* Guest-physical addresses have 36 bits. */
static bool gfn_sane(uint32_t gfn)
{
	return gfn == DUMP_NONE || gfn < 1u << 24;
}

static bool unit_sane(const struct dump *d, uint32_t i)
{
	const struct dump_header *h = &d->h;
	const struct dump_unit *u = &d->units[i];
	if (u->flags & DUMP_ONCE) {
		if (u->host || u->host_len > h->start || i + 1 != h->units)
			return false;
	} else if (u->host < h->start || u->host & 15 ||
	           (i && !inside(d->units[i - 1].host, d->units[i - 1].host_len, u->host))) {
		return false;
	}
	if (!gfn_sane(u->gfn) || !gfn_sane(u->gfn2) || u->host_len < 1 ||
	    u->host_len > TU_MAX_HOST || !inside(u->host, u->host_len, h->used) ||
	    !inside(u->exit0, u->n_exits, h->exits) || !inside(u->pc0, u->n_pc, h->pcs) ||
	    !inside(u->pad0, u->n_pads, h->pads) ||
	    (!u->flags &&
	     !inside(u->guest, u->guest_len + (u->self ? (u->guest_len + 7u) / 8 : 0), h->guest)))
		return false;
	for (unsigned n = 0; n < u->n_exits; n++) {
		const struct dump_exit *x = &d->exits[u->exit0 + n];
		if (x->unit != i || (x->to != DUMP_NONE && x->to >= h->units) ||
		    x->thunk >= h->used || !inside(x->patch, 4, h->used) || x->stub >= h->used)
			return false;
	}
	return true;
}

int dump_read(struct dump *d, const uint8_t *p, size_t left)
{
	int err = 0;
	memset(d, 0, sizeof *d);
	if (left < sizeof d->h)
		return -EINVAL;
	memcpy(&d->h, p, sizeof d->h);
	p += sizeof d->h;
	left -= sizeof d->h;
	const struct dump_header *h = &d->h;
	if (h->magic != DUMP_MAGIC || h->code != h->used || h->start > h->used)
		return -EINVAL;
	d->code = section(&p, &left, h->code, 1, &err);
	d->units = section(&p, &left, h->units, sizeof *d->units, &err);
	d->exits = section(&p, &left, h->exits, sizeof *d->exits, &err);
	d->pcs = section(&p, &left, h->pcs, sizeof *d->pcs, &err);
	d->pads = section(&p, &left, h->pads, sizeof *d->pads, &err);
	d->guest = section(&p, &left, h->guest, 1, &err);
	d->entry = section(&p, &left, h->entry, 1, &err);
	d->misses = section(&p, &left, h->misses, sizeof *d->misses, &err);
	d->branches = section(&p, &left, h->branches, sizeof *d->branches, &err);
	d->books = section(&p, &left, h->books, sizeof *d->books, &err);
	d->pages = section(&p, &left, h->pages, sizeof *d->pages, &err);
	d->returns = section(&p, &left, h->returns, sizeof *d->returns, &err);
	d->traced = section(&p, &left, h->traced, sizeof *d->traced, &err);
	d->wp = section(&p, &left, h->wp, sizeof *d->wp, &err);
	d->windows = section(&p, &left, h->windows, sizeof *d->windows, &err);
	d->spaces = section(&p, &left, h->spaces, sizeof *d->spaces, &err);
	d->grants = section(&p, &left, h->grants, sizeof *d->grants, &err);
	d->mappings = section(&p, &left, h->mappings, sizeof *d->mappings, &err);
	if (!err && left)
		err = -EINVAL;
	for (uint32_t i = 0; !err && i < h->mappings; i++)
		if (!memchr(d->mappings[i].name, 0, sizeof d->mappings[i].name))
			err = -EINVAL;
	for (uint32_t i = 0; !err && i < h->units; i++)
		if (!unit_sane(d, i))
			err = -EINVAL;
	return err;
}

void dump_free(struct dump *d)
{
	free(d->code);
	free(d->units);
	free(d->exits);
	free(d->pcs);
	free(d->pads);
	free(d->guest);
	free(d->entry);
	free(d->misses);
	free(d->branches);
	free(d->books);
	free(d->pages);
	free(d->spaces);
	free(d->returns);
	free(d->traced);
	free(d->wp);
	free(d->windows);
	free(d->grants);
	free(d->mappings);
	memset(d, 0, sizeof *d);
}
