/* The translation cache: code memory, index, chaining, invalidation, PC maps.
 *
 * What a unit does depends on its page(s) of memory (their numbers, mmu/mmu.h, are the gfns here),
 * the offset there and the mode; EIP enters through constants only.  A page that is run at several
 * EIPs has a place for each: the units with those constants.  Units of a place are made from those
 * of another, by copying (tcache_copy), or the whole place moves, when nobody runs it any more
 * (tcache_adopt).
 *
 * Chains inside a page are for good.  Chains across pages are the guest's instruction TLB: they
 * exist only between units of places that a single window executes (the owner); a place that
 * several windows execute is shared, and its cross-page exits go through thunks, which look in
 * the branch table (whose tags name the space).  A window may run a page at several linear
 * addresses: then the place is shared, too.
 *
 * Code memory is handed out in order and taken back all at once (tcache_flush):
 * a dead unit's pads stay where they are, rewritten to look up their target, so
 * that stale entries of the return stack are harmless (I2). */
#ifndef UNRING_CACHE_TCACHE_H
#define UNRING_CACHE_TCACHE_H

#include "cache/dump.h"
#include "abi/native.h"
#include "abi/unit.h"

#include <stdio.h>

/* Where the guest runs: what EIP means there, and so a branch.  No two have the same tag, ever. */
struct tcache_space {
	uint64_t tag;    /* low 32 bits zero; 0: none */
	uint64_t window; /* its base */
	uint32_t window_id;
	uint32_t cs_base, cs_limit;
	uint32_t mode;
};

struct tu {
	uint32_t eip;
	uint32_t gfn, gfn2;                        /* pages of memory; NO_GFN: no second */
	uint32_t host;                             /* offset in code memory */
	uint32_t exit0;                            /* id of the first exit */
	uint32_t pc0, pad0, reloc0;                /* in the arenas */
	uint32_t place;                            /* number */
	uint32_t limit;                            /* of CS, at least */
	uint32_t hash_next, page_next, page2_next; /* unit numbers, 0: none */
	uint32_t source;   /* where its guest bytes are kept; 0: it does not check itself */
	uint16_t page_off; /* of EIP in its page, linear */
	uint16_t guest_len, host_len, n_insns, n_pc, n_relocs;
	uint16_t mode; /* number */
	uint8_t n_exits, n_pads;
	bool fixed; /* it holds for this EIP and limit of CS alone */
	bool dead;
};

struct tcache;

/* miss_stub is a host address; lookup_disp and miss_disp are the displacements from r15 of
 * the vCPU's cells that hold the lookup's stub and that of a miss. */
struct tcache_config {
	size_t bytes;     /* of code memory */
	uint32_t max_gfn; /* pages of memory that there may be */
	uint64_t miss_stub;
	uint32_t lookup_disp, miss_disp;
	/* Writes a thunk: mov r8d, eip, then the lookup; returns its length. */
	unsigned (*emit_thunk)(uint8_t *out, uint32_t eip);
	/* The bytes of a page of memory. */
	const uint8_t *(*page)(void *ctx, uint32_t gfn);
	/* A page got its first unit (true) or lost its last (false), unless they check themselves. */
	void (*trace)(void *ctx, uint32_t gfn, bool on);
	/* Units are about to move to another EIP: what is known by host addresses in them. */
	void (*moving)(void *ctx);
	/* Is the window with this id and base still there? */
	bool (*alive)(void *ctx, uint32_t id, uint64_t window);
	void *ctx;
};

int tcache_create(struct tcache **out, const struct tcache_config *c);
void tcache_destroy(struct tcache *c);

/* Empties it: all units, chains, tables, modes. */
void tcache_flush(struct tcache *c);
/* How often it was emptied, or units moved: what was known of them holds while this is the
 * same. */
uint32_t tcache_generation(const struct tcache *c);
/* How many units have died. */
uint64_t tcache_deaths(const struct tcache *c);
/* Would another unit fit? If not, flush. */
bool tcache_full(const struct tcache *c);

/* --- making a unit --- */

/* Where the next unit goes, and the id of its first exit. */
uint8_t *tcache_reserve(struct tcache *c, uint32_t *exit_id);
/* Keeps what was written there, in the place that was adopted for its EIP. */
struct tu *tcache_commit(struct tcache *c, const struct tu_code *code, uint32_t eip,
                         uint32_t page_off, uint32_t gfn, uint32_t gfn2, unsigned mode);
/* A slot for a unit that runs once and is in no index; the same slot every time.
 * Its exits have ids from TCACHE_ONCE_EXIT. */
#define TCACHE_ONCE_EXIT 0xf0000000u
uint8_t *tcache_once(struct tcache *c, uint64_t *host);

/* --- finding --- */
/* NULL: there is none; then *model, unless NULL, is one of the same code at another EIP, or with a
 * higher limit, or NULL. */
struct tu *tcache_find(struct tcache *c, const struct tcache_space *s, uint32_t eip, uint32_t gfn,
                       struct tu **model);
struct tu *tcache_unit_at(struct tcache *c, uint64_t host);
bool tcache_contains(const struct tcache *c, uint64_t host);
bool tcache_in_once(const struct tcache *c, uint64_t host);
const struct tu_pc *tcache_pc(struct tcache *c, const struct tu *u, uint32_t host_off);
uint64_t tcache_host(const struct tcache *c, const struct tu *u);
/* The exit's unit and target. */
struct tu *tcache_exit(struct tcache *c, uint32_t id, uint32_t *target);

/* --- running a page in a window --- */

/* The space is about to run units of this page, whose first byte has EIP start.  true: units were
 * moved for it. */
bool tcache_adopt(struct tcache *c, const struct tcache_space *s, uint32_t gfn, uint32_t start);
/* Could it have a copy there? */
bool tcache_movable(const struct tcache *c, const struct tu *model, uint32_t eip, uint32_t limit);
/* The model's copy at another EIP, in the place that was adopted for it; or the model itself, with
 * a lower limit.  NULL: it has none. */
struct tu *tcache_copy(struct tcache *c, struct tu *model, uint32_t eip, uint32_t limit);
/* CS.base where the unit runs; false: there may be several. */
bool tcache_base(const struct tcache *c, const struct tu *u, uint32_t *base);

/* --- chaining --- */

/* Leads the exit to the unit, directly or, across pages of a shared page, by a thunk. */
void tcache_chain(struct tcache *c, uint32_t exit_id, struct tu *to);
/* Leads it back to its stub. */
void tcache_unchain(struct tcache *c, uint32_t exit_id);
/* Leads all exits of a unit back to their stubs.  Async-signal-safe. */
void tcache_unchain_exits(struct tcache *c, struct tu *u);

/* --- branch tables --- */

/* That of a mode; modes may share one. */
uint64_t tcache_table(struct tcache *c, unsigned mode);
uint64_t tcache_miss_table(struct tcache *c);
void tcache_branch_set(struct tcache *c, const struct tcache_space *s, const struct tu *u);
/* Where a branch of translated code to EIP goes by the table; 0: it does not know. */
uint64_t tcache_branch(const struct tcache *c, const struct tcache_space *s, uint32_t eip);
/* By base of the window and linear page. */
void tcache_branch_drop_page(struct tcache *c, uint64_t window, uint32_t vpn);
void tcache_branch_drop_all(struct tcache *c);

/* --- invalidation --- */
void tcache_invalidate(struct tcache *c, struct tu *u);
/* Units made from any byte of [off, off+len) of the page; returns how many. */
unsigned tcache_invalidate_bytes(struct tcache *c, uint32_t gfn, uint32_t off, uint32_t len);
/* --- pages whose units check themselves (self.c) --- */
/* Bytes of a traced page are stored to: units made from them die; returns how many.  Where that
 * happens often, all units of the page do, and those that come check themselves.  now: ticks of
 * the host's TSC. */
unsigned tcache_stored(struct tcache *c, uint32_t gfn, uint32_t off, uint32_t len, uint64_t now);
/* The page is such a one from now on, whether it is stored to or not. */
void tcache_self_begin(struct tcache *c, uint32_t gfn);
/* Is it such a page? */
bool tcache_is_self(const struct tcache *c, uint32_t gfn);
/* A bit for each of its bytes: has it been changed in a unit?  NULL: it is no such page. */
const uint8_t *tcache_patched(const struct tcache *c, uint32_t gfn);
/* The unit has found its bytes to be others: nothing leads to it but tcache_find. */
void tcache_stale(struct tcache *c, struct tu *u);
/* Now and then: pages that have checked themselves for long are traced again. */
void tcache_calm(struct tcache *c, uint64_t now);

/* A dead unit that is being run, at this host offset, is left before its next
 * instruction: that place, which nothing else will run, is overwritten. */
void tcache_leave_after(struct tcache *c, const struct tu *u, uint32_t host_off);
/* The page leaves a window: chains into it from other pages are undone. */
void tcache_page_revoked(struct tcache *c, uint32_t gfn);

/* For reports and the inspector: units in order of their making. */
uint32_t tcache_count(const struct tcache *c);
const struct tu *tcache_at(const struct tcache *c, uint32_t i);

/* --- for the checker --- */

/* What the cache itself does not know. */
struct tcache_dump {
	struct dump_layout layout;
	struct dump_stubs stubs;
	const void *entry; /* code of the way in and of the stubs */
	uint32_t n_entry;
	const uint64_t *returns;
	unsigned n_returns;
	const struct dump_window *windows; /* by address */
	unsigned n_windows;
	const struct dump_grant *grants; /* likewise */
	unsigned n_grants;
	const struct dump_space *spaces;
	unsigned n_spaces;
	uint64_t tag;               /* of the space that the return stack belongs to; 0: none */
	const struct tu_code *once; /* the unit in the slot of tcache_once, or NULL */
	uint32_t once_eip;
	void *ctx;
	uint8_t (*guest_byte)(void *ctx, uint32_t gfn, uint32_t offset);
	bool (*traced)(void *ctx, uint32_t gfn);
	bool (*code32)(void *ctx, unsigned mode);
};

/* Writes a dump (cache/dump.h); 0 or a negative errno. */
int tcache_dump(struct tcache *c, const struct tcache_dump *d, FILE *f);

#endif
