/* The translator: from guest bytes and a mode key to host code.  No signals, no mappings, nothing kept
 * between requests: the same bytes, key and hints on sites give the same code.
 *
 * Conventions of the code that it makes (ARCHITECTURE.md): guest EAX..EDI but ESP
 * in host eax..edi, ESP in r12d, upper halves zero; r15 = struct vcpu, r14 = tag of
 * branches, r13 = their table, r8-r11 scratch, rsp = private return stack. */
#ifndef UNRING_TRANSLATOR_TRANSLATOR_H
#define UNRING_TRANSLATOR_TRANSLATOR_H

#include "abi/native.h"
#include "abi/unit.h"
#include "cpu/mode.h"
#include "cpu/model.h"
#include "abi/callout.h"

/* How a site that faults often is to be translated. */
enum {
	SITE_BY_PART = 1,  /* supervisor access to user memory: window chosen by address */
	SITE_REDIRECT = 2, /* store to a traced page: address resolved in a callout */
	SITE_CHECK = 4,    /* not in its segment: limits are checked in callouts */
};

/* Where the bytes of a unit that checks itself are in memory. */
struct tu_self {
	uint32_t page, page2; /* of memory; page2: of what lies behind the first's end */
	uint32_t offset;      /* of EIP in the first */
	/* A bit for each byte of these pages: does it change again and again while what is around it
	 * stays?  NULL: none does. */
	const uint8_t *patched, *patched2;
};

struct tu_request {
	const uint8_t *bytes; /* guest code from EIP on */
	size_t avail;         /* how many of them */
	uint32_t eip;         /* offset in CS */
	struct mode_key mode;
	const struct cpu_model *model;
	uint8_t *out;       /* TU_MAX_HOST bytes to write to */
	uint32_t exit_id;   /* id of the unit's first exit; the next have the following ids */
	unsigned max_insns; /* 0: no limit but the unit's own */
	const struct tu_self *self; /* it checks itself; NULL: it need not */
	bool single;                /* one instruction, calls push no landing pad */
	bool block;                 /* its first branch is its last: all of it runs, or faults */
	/* Software interrupts that are callouts always, a bit each; those from 64 on are where all
	 * below are. */
	uint64_t told_ints;
	/* Hints by guest EIP; may be NULL. */
	uint8_t (*site)(void *ctx, uint32_t eip);
	void *site_ctx;
};

enum tu_status {
	TU_OK,
	TU_NEED_BYTES, /* the first instruction runs past avail */
};

struct translator;
struct translator *translator_create(void);
void translator_destroy(struct translator *t);

/* Fills *out.  Exits are numbered from 0. */
enum tu_status translator_run(struct translator *t, const struct tu_request *r,
                              struct tu_code *out);

/* Writes code that branches to EIP by the branch table; returns its length (at most TU_MAX_THUNK). */
unsigned translator_thunk(uint8_t *out, uint32_t eip);

/* The table, for tests: rows by kind. */
enum row_kind { ROW_IDENT, ROW_REENCODE, ROW_INLINE, ROW_CALLOUT };
struct row_info {
	const char *name;
	unsigned map, opcode; /* map 0: one byte, 1: 0F */
	int ext;              /* ModRM.reg, or -1 */
	enum row_kind kind;
	uint32_t isa;
	bool sensitive, privileged;
	char group; /* 'i' integer, 'f' x87, 'm' MMX, 's' SSE, 'y' system */
};
bool translator_row(unsigned i, struct row_info *out);

#endif
