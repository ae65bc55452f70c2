/* What the checker's files share.  From the top down: none calls one above it.
 *
 *   report.c    a whole dump; lines and summary
 *   world.c     between units: gaps, thunks; mappings
 *   links.c     branch tables, return stack, chains between pages
 *   stubs.c     the code of entry.S, byte for byte
 *   unit.c      one unit: sweep, branches, stubs
 *   map.c       the PC map: both its sides, and what lies between them
 *   template.c  the sequences that are permitted as a whole
 *   string.c    those of string instructions
 *   reach.c     those of segments and of single cells
 *   self.c      those of units that check themselves
 *   piece.c     what several of them are made of
 *   sweep.c     what is noted of a unit on the way through it
 *   insn.c      one instruction outside templates: what it is, what it may name
 *   finding.c   what is found wrong, and its names
 *   dump.c      a dump into memory, its sizes and indices checked */
#ifndef UNRING_VERIFY_INTERNAL_H
#define UNRING_VERIFY_INTERNAL_H

#include "cache/dump.h"
#include "verify/verify.h"

#include <capstone/capstone.h>

/* Host registers by number. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* EFLAGS bits that the host has for the guest: CF PF AF ZF SF DF OF. */
#define NATIVE_FLAGS 0xcd5u
#define HOST_IF 0x200u

struct dump {
	struct dump_header h;
	uint8_t *code;
	struct dump_unit *units;
	struct dump_exit *exits;
	struct tu_pc *pcs;
	struct tu_pad *pads;
	uint8_t *guest;
	uint8_t *entry;
	struct dump_miss *misses;
	struct dump_branch *branches;
	struct dump_book *books;
	struct dump_page *pages;
	uint64_t *returns;
	uint32_t *traced;
	uint64_t *wp;
	struct dump_window *windows;
	struct dump_space *spaces;
	struct dump_grant *grants;
	struct dump_mapping *mappings;
};

int dump_read(struct dump *d, const uint8_t *bytes, size_t n);
void dump_free(struct dump *d);

/* How its memory operand may look: GS with 67, or what stands inside a template. */
enum mem_form { MEM_GS, MEM_R9, MEM_R9_R8, MEM_RSI };

struct insn_facts {
	unsigned length;
	bool memory, store;       /* has a memory operand, may write it */
	unsigned size;            /* of it */
	uint32_t written;         /* general registers, by number, any part */
	bool r8_whole;            /* writes r8d */
	uint8_t map, opcode, reg; /* reg: of ModRM */
	bool faults;              /* may, for the guest's sake */
	bool lea;
	uint32_t tail; /* its last four bytes */
};

/* What was permitted once, by its bytes: they are the same over and over. */
enum { MEMOS = 1 << 14, MEMO_BYTES = 6 };
struct memo {
	uint8_t bytes[15], form;
	struct insn_facts f;
};

struct check {
	struct dump d;
	csh host, guest32, guest16;
	cs_insn *insn, *guest_insn;
	struct memo *memo;
	void (*found)(void *ctx, const struct verify_finding *f);
	void *ctx;
	struct verify_summary *out;
};

/* u may be NULL; off is in code memory; what (or NULL) stands in place of a disassembly. */
void fail(struct check *c, const struct dump_unit *u, uint32_t off, enum verify_rule rule,
          const char *what);

/* --- one instruction --- */

/* An instruction as its bytes say it: prefixes, map, opcode, ModRM. */
struct shape {
	uint8_t p65, p67, p66, rep, lock, other, rex; /* how often; rep: which */
	unsigned map, opcode;                         /* map 0 to 3 */
	const uint8_t *modrm;                         /* after the opcode */
};

/* False if it ends before the opcode.  REX: in 64-bit code only. */
bool insn_shape(const uint8_t *p, size_t n, bool rex, struct shape *s);

/* At most 15 bytes from p.  Returns RULE_COUNT if it is permitted. */
enum verify_rule insn_check(struct check *c, const uint8_t *p, size_t n, enum mem_form form,
                            struct insn_facts *out);

/* --- one unit --- */

enum {
	MARK_NODE = 1,
	MARK_INSN = 2,
	MARK_LOOKUP = 4,
	MARK_R8 = 8,
	MARK_JOINED = 16,
	MARK_GONE = 32, /* of a dead unit, overwritten or behind what was */
};

struct undo {
	uint16_t at;
	uint8_t undo;
};

struct jump {
	uint32_t from, to;
};

/* What may fault, or is a guest instruction's own; a callout. */
struct node {
	uint16_t at;
	bool callout;
	struct insn_facts f;
};

/* At this place the source is compared, from its guest instruction on up to guest offset `to`. */
struct self_check {
	uint32_t at, to;
};

/* There n bytes of it are loaded that are not compared. */
struct self_load {
	uint32_t at, guest;
	unsigned n;
};

struct sweep {
	struct check *c;
	const struct dump_unit *u;
	uint32_t number;
	const uint8_t *base, *end; /* its host code */
	bool r8;                   /* is a 32-bit EIP now */
	bool after_call;           /* a landing pad must come */
	bool falls;                /* control can come here from before */
	bool gone, left;           /* dead, and instructions overwritten; the last one, too */
	struct undo undo[TU_MAX_PC];
	unsigned n_undo;
	struct jump jumps[512];
	unsigned n_jumps;
	unsigned n_nodes;
	struct self_check checks[TU_MAX_INSNS];
	unsigned n_checks;
	struct self_load loads[TU_MAX_INSNS];
	unsigned n_loads;
	unsigned pads, exits;      /* met so far */
	uint32_t shadow, kept;     /* behind the last that begins a shadow; that keeps it */
	uint8_t mark[TU_MAX_HOST]; /* of host_len bytes */
	struct node nodes[TU_MAX_HOST / 2]; /* n_nodes of them, by place */
};

static inline const struct tu_pc *sweep_pcs(const struct sweep *s)
{
	return s->c->d.pcs + s->u->pc0;
}

/* Guest EIP of the instruction that this offset belongs to, and of the next one. */
uint32_t sweep_eip(const struct sweep *s, uint32_t off, uint32_t *next);
/* f: NULL for a callout. */
void sweep_node(struct sweep *s, const uint8_t *at, const struct insn_facts *f);
void sweep_jump(struct sweep *s, uint32_t from, uint32_t to);
void sweep_fail(struct sweep *s, const uint8_t *at, enum verify_rule rule, const char *what);
static inline uint32_t sweep_offset(const struct sweep *s, const uint8_t *p)
{
	return (uint32_t)(p - s->base);
}
/* From there on a fault undoes what this (enum tu_undo) says: an instruction begins there. */
void sweep_undo(struct sweep *s, const uint8_t *at, uint8_t undo);

/* --- pieces of templates --- */
struct cursor;
/* One plain instruction. */
bool piece_plain(struct sweep *s, struct cursor *k, enum mem_form form, struct insn_facts *f);
bool piece_callout(struct sweep *s, struct cursor *k, uint32_t *eip, uint32_t *packed);
/* Is what a callout is given in r9d one of them, with an operand that there may be? */
bool piece_packed_sane(const struct sweep *s, uint32_t packed);
/* One at p that does the guest instruction, given its EIP. */
void piece_own_callout(struct sweep *s, const uint8_t *p, uint32_t eip, uint32_t packed);
/* The base of the address in `from`, by its part, in r9. */
void piece_by_part(struct sweep *s, struct cursor *k, unsigned from);
/* Counts a template from p to the cursor: its length. */
unsigned piece_matched(struct sweep *s, const uint8_t *p, const struct cursor *k,
                       enum verify_template t);

/* Tries all templates at p: the length of what matched, or 0.  A template that begins right
 * and goes on wrong is reported, and its length given. */
unsigned template_match(struct sweep *s, const uint8_t *p);
/* For stubs: their length, or 0. */
unsigned template_lookup(struct check *c, const uint8_t *p, const uint8_t *end);
unsigned template_exit(struct check *c, const uint8_t *p, const uint8_t *end, uint32_t id);
/* mov r8d, eip; lookup */
unsigned template_thunk(struct check *c, const uint8_t *p, const uint8_t *end, uint32_t eip);
unsigned template_cell(const struct dump_layout *l, const uint8_t *p, const uint8_t *end);
/* The test that an access, or a branch, is within its segment: its length, or 0. */
unsigned template_reach(const struct dump_layout *l, const uint8_t *p, const uint8_t *end);
/* As a dead unit's pads have it: jmp [r15 + disp32]; as the place has where one was left
 * that was running: mov r8d, eip; jmp [r15 + disp32]. */
enum { DEAD_PAD = 7, DEAD_END = 13 };
bool template_dead_pad(struct check *c, const uint8_t *p, const uint8_t *end);
bool template_dead_end(struct check *c, const uint8_t *p, const uint8_t *end, uint32_t eip);

/* --- string instructions: templates, as template_match --- */
unsigned string_match(struct sweep *s, const uint8_t *p);
unsigned string_match_maskmov(struct sweep *s, const uint8_t *p);

/* --- units that check themselves --- */
/* Templates, as template_match. */
unsigned self_check_match(struct sweep *s, const uint8_t *p);
unsigned self_load_match(struct sweep *s, const uint8_t *p);
/* Up to which guest offset a check at this place compares; 0: there is none. */
uint32_t self_covered(const struct sweep *s, uint32_t at);
/* Is guest byte i of the unit not compared? */
bool self_is_live(const struct sweep *s, uint32_t i);
/* Does host code [from, to) load the live bytes of the guest instruction of n bytes at `at`, and
 * are they what it ends with?  *live: there are some. */
bool self_loads(const struct sweep *s, uint32_t from, uint32_t to, uint32_t at, unsigned n,
                bool *live);

void unit_check(struct check *c, uint32_t number);

/* --- its PC map --- */
void map_check(struct sweep *s);

/* --- the stubs --- */
void stubs_check(struct check *c);

/* --- what leads into units --- */
void links_check(struct check *c);

/* --- between units --- */
bool world_check(struct check *c); /* false: no memory for it */

#endif
