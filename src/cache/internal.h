/* The books of the cache, shared by its files.  From the top down:
 *
 *   dump.c     for the checker
 *   self.c     pages whose units check themselves
 *   place.c    pages at several EIPs: adopted, copied, moved
 *   tcache.c   units, exits, branch tables, invalidation
 *   source.c   the guest bytes of units that check themselves */
#ifndef UNRING_CACHE_INTERNAL_H
#define UNRING_CACHE_INTERNAL_H

#include "cache/tcache.h"
#include "host/code.h"

struct exit_rec {
	uint32_t unit;             /* whose it is */
	uint32_t target;           /* EIP */
	uint32_t patch;            /* offset of the rel32 in code memory */
	uint32_t stub;             /* offset of the stub */
	uint32_t to;               /* unit it is chained to, 0: none */
	uint32_t thunk;            /* offset of its thunk, 0: none yet */
	uint32_t in_next, in_prev; /* among the chains into `to`: exit number + 1 */
	bool cross;                /* leads to another page */
	bool word;                 /* the target is an IP */
};

struct page_rec {
	uint32_t head;  /* units on it */
	uint32_t place; /* the one adopted last; the others follow */
	uint32_t since; /* stores are counted since then; TSC >> SELF_TICK */
	uint16_t stores;
	uint16_t self; /* in tcache.self: its units check themselves; 0: it is traced */
	uint8_t times; /* that it was so */
};

/* An address that was stored to not long ago. */
enum { SEEN_BITS = 10 };
struct store_seen {
	uint32_t at, since, n;
};

/* A page whose units check themselves. */
enum { SELF_PAGES = 1024, SELF_TICK = 28 };
struct self_page {
	uint32_t gfn;
	uint32_t until; /* when its trial begins, or has been passed; TSC >> SELF_TICK */
	bool used;
	bool trial;                     /* it is traced, to see whether it is still stored to */
	uint8_t patched[PAGE_SIZE / 8]; /* a bit a byte: a unit found it changed */
};

/* A page as it is run at one EIP. */
struct place {
	uint32_t gfn;
	uint32_t start;  /* EIP of its first byte */
	uint32_t next;   /* of the page, 0: none; or in the list of free ones */
	uint32_t owner;  /* window id, 0: none */
	uint32_t vpn;    /* where the owner has it */
	uint64_t window; /* its base */
	bool shared;
};

/* More places of a page than this are not kept: the one that was adopted longest ago moves. */
enum { PLACES = 32 };

/* The branch entries set for one page of one window, so that they can be found
 * again: in which spaces, and which EIPs while they fit. */
enum {
	BRANCH_PAGE_BITS = 13,
	BRANCH_PAGES = 1 << BRANCH_PAGE_BITS,
	BRANCH_PAGE_EIPS = 21,
	BRANCH_PAGE_SPACES = 24, /* a change of mode goes through some 15 */
};
struct branch_page {
	uint64_t page; /* window base + linear page, or 0 */
	uint32_t window_id;
	uint16_t n_spaces;
	uint16_t n; /* over BRANCH_PAGE_EIPS: not all are listed */
	uint16_t off[BRANCH_PAGE_EIPS];
	struct branch_space {
		uint64_t tag;
		uint32_t cs_base, mode;
	} space[BRANCH_PAGE_SPACES];
};

enum { TABLES = 8 };

struct tcache {
	struct tcache_config cfg;
	struct host_code code;
	uint32_t generation;
	uint64_t deaths;
	uint32_t used;
	uint32_t start; /* after the slot for units that run once */

	struct tu *units; /* number 0 is none; in order of host address */
	uint32_t n_units;
	struct exit_rec *exits;
	uint32_t n_exits;
	uint32_t *in_head; /* by unit: first exit chained to it, number + 1 */
	struct tu_pc *pcs;
	uint32_t n_pcs;
	struct tu_pad *pads;
	uint32_t n_pads;
	struct tu_reloc *relocs;
	uint32_t n_relocs;
	uint8_t *sources; /* from 1 on */
	uint32_t n_sources;
	struct store_seen seen[1 << SEEN_BITS]; /* by hash */
	struct self_page *self;                 /* SELF_PAGES, from 1 on */
	uint32_t n_self, self_clock;
	uint32_t *hash;       /* by page, offset and mode */
	struct place *places; /* number 0 is none */
	uint32_t n_places, free_place;
	struct page_rec *pages;
	struct branch *tables; /* by mode number */
	bool table_used[TABLES];
	struct branch *miss;
	struct branch_page *branch_pages;
};

/* Is the window with this id and base still there? */
static inline bool cache_alive(const struct tcache *c, uint32_t id, uint64_t window)
{
	return c->cfg.alive(c->cfg.ctx, id, window);
}
/* Leads an exit back to its stub. */
void cache_unlink_exit(struct tcache *c, struct exit_rec *x);
/* The next unit in the page's list. */
static inline uint32_t cache_next_on_page(const struct tu *u, uint32_t gfn)
{
	return u->gfn == gfn ? u->page_next : u->page2_next;
}
/* No branch table knows the unit any more. */
void cache_branch_forget(struct tcache *c, const struct tu *u);
/* A unit of what lies at c->used: it enters all books but those of its exits, PCs, pads and
 * relocations. */
struct tu *cache_unit_add(struct tcache *c, const struct tu *u);
/* Keeps the guest bytes of a unit that checks itself, and which it reads as it runs. */
uint32_t cache_source_keep(struct tcache *c, const struct tu_code *code);
/* Are the guest's bytes, but for live ones, still those of the unit? */
bool cache_source_is(const struct tcache *c, const struct tu *u);
/* They are not: notes which have changed. */
void cache_source_learn(struct tcache *c, const struct tu *u);
/* The live ones of a kept source: a bit each. */
static inline const uint8_t *cache_source_live(const struct tcache *c, const struct tu *u)
{
	return c->sources + u->source + u->guest_len;
}
/* A place of nobody yet, in no list. */
uint32_t cache_place_new(struct tcache *c, uint32_t gfn, uint32_t start);
/* The page has lost its last unit. */
void cache_places_free(struct tcache *c, uint32_t gfn);

#endif
