/* The VMM proper: runs a vCPU in translated code; routes its exits, faults and
 * interrupts.  One monitor per process; it owns the thread that runs it. */
#ifndef UNRING_MONITOR_MONITOR_H
#define UNRING_MONITOR_MONITOR_H

#include "base/run.h"
#include "base/types.h"
#include "cpu/vcpu.h"
#include "mmu/mmu.h"

#include <stdio.h>

struct monitor;

/* Why the guest was stopped for a debugger. */
enum debug_reason { DEBUG_REQUEST, DEBUG_STEP, DEBUG_BREAK, DEBUG_WATCH };
enum break_kind { BREAK_EXEC, BREAK_WRITE, BREAK_READ, BREAK_ACCESS };

struct debug_stop {
	enum debug_reason why;
	enum break_kind kind; /* of the watchpoint: DEBUG_WATCH */
	gla_t at;
};

/* What the machine does for the monitor.  Always called outside signal handlers. */
struct monitor_platform {
	void *ctx;
	uint32_t (*io_read)(void *ctx, uint16_t port, unsigned size);
	void (*io_write)(void *ctx, uint16_t port, unsigned size, uint32_t value);
	/* n elements at one port: INS (in) fills buf, OUTS stores it.  NULL: one by one. */
	void (*io_burst)(void *ctx, uint16_t port, unsigned size, void *buf, size_t n, bool in);
	/* Devices where the mmu's map says so; at any address, of 1, 2 or 4 bytes in a page.  NULL
	 * if it never does. */
	uint32_t (*mem_read)(void *ctx, gpa_t a, unsigned size);
	void (*mem_write)(void *ctx, gpa_t a, unsigned size, uint32_t value);
	/* The same accesses as io_read, io_write, mem_read and mem_write have, where they need no
	 * gate and do nothing to the interrupt line, the map and time (stats.leaves counts them);
	 * false: those are to be called, and nothing was done.  LEAF (base/registers.h); NULL: never. */
	void *const *bus; /* what they get, once the guest runs */
	bool (*io_leaf)(void *bus, uint16_t port, unsigned size, bool write, uint32_t *value);
	bool (*mem_leaf)(void *bus, gpa_t a, unsigned size, bool write, uint32_t *value);
	/* Elements there that lie in a page, by guest-physical address; false, or NULL: it is
	 * asked for them one by one. */
	bool (*mem_run)(void *ctx, const struct mem_run *r);
	bool (*intr_line)(void *ctx);   /* is INTR asserted? */
	uint8_t (*intr_ack)(void *ctx); /* INTA: the vector */
	/* INT n in real or virtual-8086 mode is about to be taken: one of those below 64 whose bit is set,
	 * or while *int_watched any.  NULL: that is of no interest. */
	void (*int_n)(void *ctx, uint8_t vector);
	uint64_t int_always;
	const unsigned *int_watched;
	/* IA32_APIC_BASE was written.  NULL: that is of no interest. */
	void (*apic_base)(void *ctx, uint64_t value);
	void (*ferr)(void *ctx);    /* FERR# is asserted: an x87 exception, with CR0.NE = 0 */
	uint64_t (*tsc)(void *ctx); /* the host's, for RDTSC while vcpu.tsc_exits is on */
	void (*poll)(void *ctx);    /* after a kick: due timers, ready files */
	/* HLT: sleeps until a timer, file or signal, then polls. */
	void (*wait)(void *ctx);
	/* HLT with interrupts off, which only NMI and resets end: is it to be waited for them?  NULL:
	 * the run ends. */
	bool (*halted)(void *ctx);
	/* The guest is stopped between two instructions: returns when it is to go on; its
	 * clocks should not notice.  Only where that has been asked for. */
	void (*debug)(void *ctx, const struct debug_stop *s);
};

struct monitor_config {
	struct mmu_config mmu;
	const struct cpu_model *model;
	struct monitor_platform platform;
	size_t cache_bytes; /* of translated code; 0: default */
	bool always_check;  /* all units check themselves */
	bool always_trace;  /* no units check themselves: for tests */
	bool counts;        /* instructions: monitor_allow() */
	bool paranoid;      /* one instruction per unit, no chaining, checks at each exit */
};

enum monitor_end {
	END_RUNNING,
	END_RESET,   /* the guest asked for a reset */
	END_HALT,    /* HLT with interrupts off */
	END_REQUEST, /* monitor_stop from the machine: debug exit, Ctrl-A x, a signal */
	END_TRIPLE,  /* triple fault */
	END_KILLED,  /* beyond our support: monitor_kill */
};

/* 0, or a negative errno with *what naming what failed. */
int monitor_create(struct monitor **out, const struct monitor_config *c, const char **what);
void monitor_destroy(struct monitor *m);

struct vcpu *monitor_vcpu(struct monitor *m);
struct mmu *monitor_mmu(struct monitor *m);

/* Runs until an end.  Afterwards registers are those of the last boundary. */
enum monitor_end monitor_run(struct monitor *m);

/* Leaves translated code soon, polls the platform, goes on.  Async-signal-safe:
 * what signal handlers for timers call. */
void monitor_kick(struct monitor *m);

/* Of a monitor that counts: the platform is polled when so many instructions have run from now on, or
 * some more: units are not taken apart, and a repeated string instruction is one.  How many are
 * left; below 0, how many there were too many.  From the platform's poll and wait. */
void monitor_allow(struct monitor *m, int64_t instructions);
int64_t monitor_allowed(const struct monitor *m);

/* The general registers, by enum gpr, while the platform's io_read serves IN, which then sets EAX: a
 * device may set others, but ESP.  NULL: INS reads the port, whose registers are those of a loop. */
uint32_t *monitor_in_registers(struct monitor *m);

/* IGNNE# is asserted for as long as FERR# is.  From the platform's io_write. */
void monitor_ignne(struct monitor *m);

/* NMI rises: it is taken at the next boundary, or when the handler of the one before it has
 * returned.  From the platform. */
void monitor_nmi(struct monitor *m);

/* Ends the run at the next boundary with this reason (first one is kept). */
void monitor_stop(struct monitor *m, enum monitor_end why, int code);
int monitor_stop_code(const struct monitor *m);

/* Why it was killed or what faulted, one line; then registers and the last units. */
void monitor_report(struct monitor *m, FILE *f);

/* Callouts by instruction, "callout_NAME value" lines: the rest of --stats. */
void monitor_stats_write(const struct monitor *m, FILE *f);

/* Writes the cache and what the checker wants to know beside it (cache/dump.h);
 * checks the mmu's books.  At a boundary: after a run, or from the platform's poll.
 * 0 or a negative errno. */
int monitor_dump(struct monitor *m, FILE *f);

/* --- for a debugger --- */

/* Stops at the next boundary, also while the guest halts: before a run, or from the
 * platform's poll and wait. */
void monitor_debug_request(struct monitor *m);

/* The rest, but for monitor_read(), is for platform.debug alone.  Registers are those of
 * monitor_vcpu(). */

/* Breakpoints by linear address, in all address spaces; watchpoints of size bytes stop
 * after the access.  False: too many; none such. */
bool monitor_break_set(struct monitor *m, enum break_kind kind, gla_t a, unsigned size);
bool monitor_break_clear(struct monitor *m, enum break_kind kind, gla_t a, unsigned size);
/* Stop again after one instruction (of a repeated string instruction: one element),
 * before which no interrupt is taken. */
void monitor_step(struct monitor *m);
/* No debugger is there any more: no breakpoints, no step, no stop that is still to come. */
void monitor_debug_release(struct monitor *m);
/* Has an end been asked for? */
bool monitor_ending(const struct monitor *m);

/* Memory without checks of rights, setting no accessed bits; how many bytes there were. */
enum debug_space { SPACE_LINEAR, SPACE_PHYSICAL };
unsigned monitor_read(struct monitor *m, enum debug_space space, uint64_t a, void *dst, unsigned n);
unsigned monitor_write(struct monitor *m, enum debug_space space, uint64_t a, const void *src,
                       unsigned n);

/* The 512 bytes of FXSAVE, to be read and written; the x87 tags in two bits each. */
uint8_t *monitor_fpu(struct monitor *m);
uint16_t monitor_fpu_tags(const struct monitor *m);

/* All registers to power-up values and the cache empty: a machine reset. */
void monitor_reset(struct monitor *m);

#endif
