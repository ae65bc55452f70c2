/* A dump of the cache: all that the checker (src/verify) needs, in one file.
 * Little-endian, structs as they are here; after the header come the sections in
 * the order of its sizes, each at the next multiple of 8 bytes.  Offsets are from the start of code memory, except
 * where a field is said to be a host address. */
#ifndef UNRING_CACHE_DUMP_H
#define UNRING_CACHE_DUMP_H

#include "cache/unit.h"

#define DUMP_MAGIC 0x31706d7564727375ull /* "usrdump1" */
#define DUMP_NONE 0xffffffffu

/* Where translated code finds its cells from r15, and how callouts are numbered. */
struct dump_layout {
	uint32_t stub_exit, stub_lookup, stub_miss, stub_callout;
	uint32_t pending, if_flag, vflags, base_by_gib, tsc_minus;
	uint32_t seg, seg_stride, seg_base, seg_selector;
	uint32_t callouts; /* ids are below this */
	uint32_t co_pending, co_pre, co_post, co_popf, co_far_jmp, co_far_call;
};

struct dump_header {
	uint64_t magic;
	struct dump_layout layout;
	uint64_t rx, rw;        /* host addresses of code memory */
	uint64_t code_size;     /* of both mappings */
	uint64_t ret_miss;      /* host address of the return stack's miss stub */
	uint64_t code32;        /* mode numbers of 32-bit code, a bit each */
	uint32_t start, used;   /* units and thunks lie in [start, used) */
	/* Sections, with their number of elements. */
	uint32_t code;          /* bytes: code memory up to used */
	uint32_t units;         /* struct dump_unit, by host offset; the last may be the one of
	                           the slot for units that run once */
	uint32_t exits;         /* struct dump_exit, by id; then those of that last unit */
	uint32_t pcs;           /* struct tu_pc */
	uint32_t pads;          /* struct tu_pad */
	uint32_t guest;         /* bytes: guest code, by dump_unit.guest */
	uint32_t branches;      /* struct dump_branch */
	uint32_t returns;       /* uint64_t: the return stack, top first */
	uint32_t traced;        /* uint32_t: pages that the mmu traces as code */
	uint32_t wp;            /* uint64_t: pages with live units that are mapped in a writable
	                           mapping but protected (host addresses) */
	uint32_t windows;       /* uint64_t: window bases (host addresses) */
	uint32_t maps;          /* bytes: /proc/self/maps */
};

enum { DUMP_DEAD = 1, DUMP_ONCE = 2 };

struct dump_unit {
	uint32_t eip;
	uint32_t gfn, gfn2;     /* DUMP_NONE: none */
	uint32_t host;
	uint32_t exit0, exit_id0; /* index in the section; id that its stub names */
	uint32_t pc0, pad0, guest;
	uint16_t page_off, guest_len, host_len, n_insns, n_pc;
	uint8_t n_exits, n_pads, mode, flags;
};

struct dump_exit {
	uint32_t unit;          /* its number in the section */
	uint32_t target;        /* EIP */
	uint32_t patch, stub;
	uint32_t to;            /* number of the unit that it is chained to, or DUMP_NONE */
	uint32_t thunk;         /* 0: none */
};

/* An entry that is in use. */
struct dump_branch {
	uint32_t mode, index;
	uint64_t minus_tag, host;
};

#endif
