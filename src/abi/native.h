/* What translated code lives on: the cells that it finds by r15, the stubs that it leaves through,
 * the tables that lead its branches.  The conventions of its registers: ARCHITECTURE.md. */
#ifndef UNRING_ABI_NATIVE_H
#define UNRING_ABI_NATIVE_H

#include "base/types.h"

/* Stubs that translated code jumps to or calls, through native.stub[]. */
enum stub {
	STUB_EXIT,    /* jmp: r8d = exit id */
	STUB_LOOKUP,  /* jmp: r8d = EIP; looks in the table, else exits */
	STUB_MISS,    /* jmp: r8d = EIP; not in the table */
	STUB_CALLOUT, /* call: r8d = EIP of the instruction, r9d = callout_pack(), r10 = operand */
	STUB_COUNT
};

/* An entry of a branch table, as translated code reads it. */
struct branch {
	uint64_t minus_tag; /* -(tag + EIP) */
	uint64_t host;
};
enum { BRANCH_ENTRIES = 65536 };

/* Where the table has a branch to EIP: by its low bits. */
static inline uint32_t branch_index(uint32_t eip)
{
	return eip & (BRANCH_ENTRIES - 1);
}

/* Parts of linear space: 256 MiB each.  Which window serves an address depends on its part. */
enum { VCPU_PART_SHIFT = 28, VCPU_PARTS = 1 << (32 - VCPU_PART_SHIFT) };

/* How far a segment reaches, for code that must not touch the flags.  There are 4 GiB of the host's
 * memory that can be read, and as much behind them that cannot (the ruler): to one of these
 * addresses add the offset of an access, less the segment's lowest, and its bytes after the first.
 * A load from there faults exactly where the access is not permitted. */
struct seg_reach {
	uint64_t read, write;
	uint32_t minus_low;
	uint32_t pad;
};

/* A part of struct vcpu.  None of it is saved with the guest's state: it is made anew. */
struct native {
	uint32_t pending; /* nonzero: leave translated code at the next check */
	uint32_t pad;
	int64_t tsc_minus;                 /* added to the host's TSC gives the guest's */
	uint64_t stub[STUB_COUNT];         /* where translated code leaves to */
	uint64_t scratch[8];               /* of stubs: CELL_* of monitor/entry.h */
	uint64_t host_rsp;                 /* of the dispatcher, while translated code runs */
	uint64_t ret_sp;                   /* of the private return stack, while it does not */
	uint64_t window;                   /* where translated code finds the guest's memory: GS */
	uint64_t table;                    /* r13 */
	uint64_t tsc_read;                 /* what the guest has read of its TSC last; 0: nothing */
	uint64_t tag;                      /* r14: of branches, in the table */
	uint64_t base_by_part[VCPU_PARTS]; /* window to use for each part of linear space */
	struct seg_reach reach[6];
	uint64_t code_reach; /* the same of CS, for what is executed */
	uint64_t ruler;      /* where the ruler ends; 0: there is none */
	/* TU_MEMORY bytes into the monitor's view of memory: units that check themselves find
	 * their bytes from here. */
	uint64_t memory;
	uint32_t ss_loaded; /* EIP behind a load of SS: no interrupt before that instruction */
	uint32_t look;      /* nonzero: INT n and IRET are callouts, whatever the mode */
};

/* The way to another CS outside of protected mode: the tag of the space in which this selector leads
 * on in the same mode and window. */
struct far_slot {
	uint64_t minus_key; /* -(key + selector) */
	uint64_t tag;
};
enum { FAR_SLOTS = 256 };

/* Where the way to a selector is: by its low bits. */
static inline uint32_t far_index(uint16_t selector)
{
	return selector & (FAR_SLOTS - 1);
}

/* Of far transfers, which is too large to lie before what is reached more often. */
struct native_far {
	uint64_t stub;    /* jmp: r8d = EIP, r10w = CS; goes on there, else exits */
	uint64_t key;     /* of mode and window, its low 16 bits zero; none is given twice */
	uint64_t ret_top; /* the empty return stack */
	struct far_slot slot[FAR_SLOTS];
};

#endif
