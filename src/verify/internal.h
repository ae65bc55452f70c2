/* What the checker's files share.
 *
 *   dump.c      a dump into memory, its sizes and indices checked
 *   insn.c      one instruction outside templates: what it is, what it may name
 *   template.c  the sequences that are permitted as a whole
 *   unit.c      one unit: sweep, branches, stubs, PC map
 *   world.c     between units: gaps, thunks, branch tables, return stack, mappings
 *   report.c    lines and summary */
#ifndef UNRING_VERIFY_INTERNAL_H
#define UNRING_VERIFY_INTERNAL_H

#include "cache/dump.h"
#include "verify/verify.h"

#include <capstone/capstone.h>

/* Host registers by number. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

struct dump {
	struct dump_header h;
	uint8_t *code;
	struct dump_unit *units;
	struct dump_exit *exits;
	struct tu_pc *pcs;
	struct tu_pad *pads;
	uint8_t *guest;
	struct dump_branch *branches;
	uint64_t *returns;
	uint32_t *traced;
	uint64_t *wp;
	uint64_t *windows;
	char *maps; /* ends with NUL */
};

int dump_read(struct dump *d, const uint8_t *bytes, size_t n);
void dump_free(struct dump *d);

struct check {
	struct dump d;
	csh host, guest32, guest16;
	cs_insn *insn, *guest_insn;
	void (*found)(void *ctx, const struct verify_finding *f);
	void *ctx;
	struct verify_summary *out;
};

/* u may be NULL; off is in code memory; what (or NULL) stands in place of a disassembly. */
void fail(struct check *c, const struct dump_unit *u, uint32_t off, enum verify_rule rule,
          const char *what);

/* --- one instruction --- */

/* How its memory operand may look: GS with 67, or what stands inside a template. */
enum mem_form { MEM_GS, MEM_R9, MEM_R9_R8, MEM_RSI };

struct insn_facts {
	unsigned length;
	bool memory, store;   /* has a memory operand, may write it */
	unsigned size;        /* of it */
	uint32_t written;     /* general registers, by number, any part */
	bool r8_whole;        /* writes r8d */
};

/* At most 15 bytes from p.  Returns RULE_COUNT if it is permitted. */
enum verify_rule insn_check(struct check *c, const uint8_t *p, size_t n, enum mem_form form,
                            struct insn_facts *out);

/* --- one unit --- */

enum { MARK_NODE = 1, MARK_INSN = 2, MARK_LOOKUP = 4, MARK_R8 = 8, MARK_JOINED = 16 };

struct undo {
	uint16_t at;
	uint8_t undo;
};

struct jump {
	uint32_t from, to;
};

struct sweep {
	struct check *c;
	const struct dump_unit *u;
	uint32_t number;
	const uint8_t *base, *end;   /* its host code */
	uint8_t mark[TU_MAX_HOST];
	bool r8;                     /* is a 32-bit EIP now */
	bool after_call;             /* a landing pad must come */
	bool falls;                  /* control can come here from before */
	struct undo undo[64];
	unsigned n_undo;
	struct jump jumps[512];
	unsigned n_jumps;
	unsigned pads, exits;        /* met so far */
};

/* Guest EIP of the instruction that this offset belongs to, and of the next one. */
uint32_t sweep_eip(const struct sweep *s, uint32_t off, uint32_t *next);
void sweep_jump(struct sweep *s, uint32_t from, uint32_t to);
void sweep_fail(struct sweep *s, const uint8_t *at, enum verify_rule rule, const char *what);

/* Tries all templates at p: the length of what matched, or 0.  A template that begins right
 * and goes on wrong is reported, and its length given. */
unsigned template_match(struct sweep *s, const uint8_t *p);
/* For stubs: their length, or 0. */
unsigned template_lookup(struct check *c, const uint8_t *p, const uint8_t *end);
unsigned template_exit(struct check *c, const uint8_t *p, const uint8_t *end, uint32_t id);
/* mov r8d, eip; lookup */
unsigned template_thunk(struct check *c, const uint8_t *p, const uint8_t *end, uint32_t eip);
/* jmp [r15 + disp32], as a dead unit's pads have it */
bool template_dead_pad(struct check *c, const uint8_t *p, const uint8_t *end);

void unit_check(struct check *c, uint32_t number);
void dead_check(struct check *c, uint32_t number);

/* --- between units --- */
void world_check(struct check *c);

#endif
