/* A dump of the cache: all that the checker (src/verify) needs, in one file.
 * Little-endian, structs as they are here; after the header come the sections in
 * the order of its sizes, each at the next multiple of 8 bytes.  Offsets are from the
 * start of code memory, except where a field is said to be a host address. */
#ifndef UNRING_CACHE_DUMP_H
#define UNRING_CACHE_DUMP_H

#include "abi/unit.h"

#define DUMP_MAGIC 0x37706d7564727375ull /* "usrdump7" */
#define DUMP_NONE 0xffffffffu

/* Where translated code and its stubs find their cells from r15, and how callouts and
 * the ways out are numbered. */
struct dump_layout {
	uint32_t stub_exit, stub_lookup, stub_miss, stub_callout;
	uint32_t pending, if_flag, vflags, base_by_part, tsc_minus, tsc_read;
	uint32_t seg, seg_stride, seg_base, seg_selector, ss_loaded, look;
	uint32_t reach, reach_stride, reach_read, reach_write, reach_low, code_reach;
	uint32_t memory;
	uint32_t far_stub, far_key, far_slot, ret_top;
	uint32_t gpr, flags, scratch, host_rsp, ret_sp, window, table, tag;
	uint32_t callouts; /* ids are below this */
	uint32_t co_pending, co_pre, co_post, co_popf, co_far_jmp, co_far_call, co_stale;
	uint32_t out_direct, out_miss, out_callout, out_fault, out_pending, out_far;
};

/* What the cells of the stubs hold, and where the return stack ends: host addresses. */
struct dump_stubs {
	uint64_t exit, lookup, miss, callout, ret_miss, far;
	uint64_t entry; /* of the section of the same name */
};

struct dump_header {
	uint64_t magic;
	struct dump_layout layout;
	struct dump_stubs stubs;
	uint64_t rx, rw;      /* host addresses of code memory */
	uint64_t code_size;   /* of both mappings */
	uint64_t tag;         /* of the space that the return stack belongs to, or 0 */
	uint32_t start, used; /* units and thunks lie in [start, used) */
	/* Sections, with their number of elements. */
	uint32_t code;     /* bytes: code memory up to used */
	uint32_t units;    /* struct dump_unit, by host offset; the last may be the one of
	                           the slot for units that run once */
	uint32_t exits;    /* struct dump_exit, by id; then those of that last unit */
	uint32_t pcs;      /* struct tu_pc */
	uint32_t pads;     /* struct tu_pad */
	uint32_t guest;    /* bytes: guest code, by dump_unit.guest */
	uint32_t entry;    /* bytes: the way in and the stubs */
	uint32_t misses;   /* struct dump_miss: the table whose entries all miss */
	uint32_t branches; /* struct dump_branch */
	uint32_t books;    /* struct dump_book: of the entries in branches */
	uint32_t pages;    /* struct dump_page: those that hold live units, by number;
	                           those of one page in any order */
	uint32_t returns;  /* uint64_t: the return stack, top first */
	uint32_t traced;   /* uint32_t: pages that the mmu traces as code */
	uint32_t wp;       /* uint64_t: pages with live units that are mapped in a writable
	                           mapping but protected (host addresses) */
	uint32_t windows;  /* struct dump_window, by address */
	uint32_t spaces;   /* struct dump_space, by tag */
	uint32_t grants;   /* struct dump_grant, by address */
	uint32_t mappings; /* struct dump_mapping: of the process, by address */
};

enum { DUMP_DEAD = 1, DUMP_ONCE = 2 };

struct dump_unit {
	uint32_t eip;
	uint32_t gfn, gfn2; /* DUMP_NONE: none */
	uint32_t host;
	uint32_t exit0, exit_id0; /* index in the section; id that its stub names */
	uint32_t pc0, pad0, guest;
	uint16_t page_off, guest_len, host_len, n_insns, n_pc, mode;
	uint8_t n_exits, n_pads, code32, flags;
	/* It checks itself: behind its guest code there is a bit for each byte, those that it reads as
	 * it runs. */
	uint8_t self, zero[3];
};

struct dump_exit {
	uint32_t unit;   /* its number in the section */
	uint32_t target; /* EIP */
	uint32_t patch, stub;
	uint32_t to;    /* number of the unit that it is chained to, or DUMP_NONE */
	uint32_t thunk; /* 0: none */
};

/* An entry that is in use.  Mode m has table m % DUMP_TABLES. */
enum { DUMP_TABLES = 8 };
struct dump_branch {
	uint32_t table, index;
	uint64_t minus_tag, host;
};

struct dump_miss {
	uint64_t minus_tag, host;
};

/* What was set in the branch tables for one page of one window. */
enum { DUMP_BOOK_OFFSETS = 21, DUMP_BOOK_SPACES = 24 };
struct dump_book {
	uint64_t page; /* window base + linear page */
	uint64_t tag[DUMP_BOOK_SPACES];
	uint16_t n; /* over DUMP_BOOK_OFFSETS: any offset */
	uint16_t off[DUMP_BOOK_OFFSETS];
};

/* Who runs the page at one EIP: one window, or several. */
struct dump_page {
	uint32_t gfn;
	uint32_t start; /* EIP of its first byte */
	uint32_t owner; /* id, 0: none yet */
	uint32_t vpn;   /* where the owner has it */
	uint32_t shared;
};

/* Where the guest has run, and may again: a tag's meaning.  Tags without one match nothing. */
struct dump_space {
	uint64_t tag;
	uint64_t window;
	uint32_t cs_base, mode;
};

struct dump_window {
	uint64_t base;     /* host address */
	uint32_t id, zero; /* id: 0 if it has not run yet */
};

enum { DUMP_READ = 1, DUMP_WRITE = 2, DUMP_EXECUTE = 4, DUMP_SHARED = 8 };
struct dump_mapping {
	uint64_t start, end; /* host addresses */
	uint64_t offset;     /* in what it maps */
	uint32_t rights, zero;
	char name[40]; /* of what it maps, cut short and ended by NUL, as struct host_mapping's */
};

/* A page that a window may run. */
struct dump_grant {
	uint64_t page; /* host address */
	uint32_t gfn, zero;
};

#endif
