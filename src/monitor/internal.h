/* What the monitor's files share.  From the top down:
 *
 *   life.c       creation, reset, end; what the mmu and the cache tell
 *   dump.c, report.c   what is told of it
 *   run.c        the dispatcher
 *   callouts.c   the table of what is done in C; co_*.c do it, with the operands of co_operand.c
 *   string.c     string instructions among them
 *   signals.c    the signal handlers
 *   route.c      where what they noted leads
 *   redirect.c   accesses whose address is resolved in C: PRE and POST
 *   fetch.c      guest code, its pages and units
 *   select.c     mode and window
 *   deliver.c    exceptions and interrupts
 *   debug.c      the debugger's stops
 *   site.c       how sites that fault often are translated
 *   x87.c        environments, FERR# and IGNNE#
 *   env.c        what src/cpu is given
 *   memory.c     guest memory, and devices that are found there
 *   events.c     kicks, the interrupt line, the end
 *   watch.c      breakpoints
 *   gate.c       the way to C that uses vector registers
 *   fpu.c        those registers, saved and restored
 *   pc.c         host PCs, and the guest's bytes there
 *   entry.S      into and out of translated code
 *   leaf.c       callouts that are quickly done
 *
 * None calls one above it. */
#ifndef UNRING_MONITOR_INTERNAL_H
#define UNRING_MONITOR_INTERNAL_H

#include "base/log.h"
#include "base/stats.h"
#include "cache/tcache.h"
#include "cpu/cpu.h"
#include "cpu/mode.h"
#include "monitor/entry.h"
#include "monitor/monitor.h"
#include "translator/translator.h"

enum {
	PENDING_KICK = 1, /* poll the platform */
	PENDING_INTR = 2, /* INTR is asserted */
	ITLB_SIZE = 512,
	SITE_SLOTS = 4096,
	MODES = 4096,
	SPACES = 4096, /* that are known by their tags */
	BOUNCE_BYTES = 1024,
	RECENT = 16,
	X87_SEGMENTS = 1024,
	WINDOW_BASES = 1024, /* windows that the mmu keeps at most */
	BREAKS = 256,
	MARKS = BREAKS + 64,
	WATCH_BYTES = 1 << 16, /* of a debugger's watchpoint at most */
};

/* What a signal handler leaves for the dispatcher. */
struct fault_record {
	uint8_t vector; /* 14: see verdict; others are the guest's */
	bool limit;     /* the access may be none that its segment permits */
	enum mmu_verdict verdict;
	struct window *window;
	gla_t address;
	gpa_t gpa;
	bool write;
	struct trap trap;
};

struct itlb_entry {
	uint32_t window; /* id, 0: none */
	uint32_t vpn;
	uint32_t page;
};

/* A site that is not translated the plain way, by where its instruction is in memory. */
struct site {
	uint64_t at;       /* page << 12 | offset; 0: free */
	uint16_t faults;   /* since it was last adapted */
	uint16_t vain;     /* redirections in a row that were not needed */
	uint16_t patience; /* how many of them until the site is plain again */
	uint8_t flags;     /* SITE_* */
};

/* Where an operand is: on two pages at most. */
struct guest_place {
	gpa_t at, next;
	unsigned here; /* bytes on the first page */
};

/* A redirected access between PRE and POST. */
struct redirect {
	gla_t linear;
	struct guest_place place;
	uint64_t deaths; /* of units, until it began */
	uint16_t size;
	bool load, store, bounced, user;
};

struct breakpoint {
	gla_t at;
	uint32_t size; /* of a watchpoint */
	enum break_kind kind;
};

/* A linear address that has, or had not long ago, an execution breakpoint. */
struct mark {
	uint32_t at;
	uint32_t vain; /* times that it was passed since it had one */
};

/* What a debugger wants, and the guest's debug registers (debug.c, watch.c). */
struct debug {
	struct breakpoint breaks[BREAKS];
	unsigned n, n_watch;
	struct mark marks[MARKS];
	unsigned n_marks;
	bool armed;          /* something is watched */
	bool request;        /* stop now */
	bool step;           /* stop after an instruction */
	bool stepped;        /* it has run */
	bool hit;            /* watched was accessed */
	bool resumed;        /* went on at resumed_at, whose breakpoint is passed over */
	uint32_t resumed_at; /* linear */
	struct breakpoint watched;
};

struct monitor {
	struct vcpu *v;
	struct mmu *mmu;
	struct tcache *cache;
	struct translator *translator;
	struct monitor_config cfg;

	uint32_t modes[MODES]; /* bits of the mode key, by number */
	unsigned n_modes;
	unsigned mode;             /* number of the current one */
	struct tcache_space space; /* the current one */
	uint64_t cs_reached;       /* what native.reach has of CS: limit, attributes, PE */
	struct tcache_space spaces[SPACES];
	uint32_t last_tag;     /* upper half of the tag that was given last */
	struct window *window; /* current */
	bool state_dirty;      /* mode and window must be chosen anew */
	bool code_moved;       /* CS is another, or the mode by `moved`, and nothing else of them */
	uint32_t moved;        /* bits of the mode key: the current one, but for loads since */
	bool in_done;          /* IN is being done, not INS */
	bool remapped;         /* by a device: what follows in the unit may be other code */
	int64_t allowed;       /* instructions until the next poll, if they are counted */
	bool leaf_ran;         /* leaf_run() has done a callout, since run() last looked */
	bool worked;           /* the guest got on since the last poll */
	uint64_t ret_top;      /* empty return stack: points at its miss stub */
	const uint8_t *ret_guard, *ret_guard_end;
	bool ret_stale; /* return_stack_reset was called: for a handler to act on */
	uint32_t window_of_base[WINDOW_BASES]; /* id of the window that has run there, 0: none */

	struct itlb_entry itlb[ITLB_SIZE];
	struct site sites[SITE_SLOTS];

	struct tu_code code; /* of the unit being made */
	/* The unit that runs once. */
	struct tu_code once;
	uint32_t once_eip;
	unsigned once_mode;
	uint32_t once_base; /* CS.base */
	uint8_t force_site; /* SITE_* for it */
	bool in_once;
	bool trapped;        /* an exception came, since it began */
	bool unfinished;     /* it has to run again: a hidden fault was repaired */
	bool soft_int;       /* it was INT n: no single-step trap */
	uint32_t debug_hits; /* DR6: breakpoints to report at the next boundary */

	struct fault_record fault;
	struct redirect redirect;
	uint8_t *bounce;
	uint32_t premap; /* address of the last #PF at CPL 3, bit 0 set; or 0 */

	struct debug debug;

	bool frozen;      /* an x87 instruction waits for an interrupt: FERR# */
	bool ignne;       /* IGNNE#: it does not wait */
	bool nmi;         /* it waits to be taken; one more is none.  SDM vol. 3, 6.7.1 */
	bool nmi_blocked; /* until an IRET */
	bool fpu_saved;
	bool vectors_saved; /* XMM0 to XMM7 and MXCSR are in the image, the rest in the host's */
	bool fpu_pointers;  /* the image has the guest's pointers, in the 32-bit form */
	uint8_t fpu[512] __attribute__((aligned(64)));
	struct x87_segments {
		unsigned mode;
		uint16_t selector[6];
		uint32_t base[6];
	} x87_segments[X87_SEGMENTS]; /* those in force in each mode, with each CS.base, last */
	uint32_t x87_restored[4];     /* the guest's FIP, FCS, FDP, FDS that were loaded last */
	struct {
		const uint8_t *host;
		gla_t linear;
	} x87_redirect; /* the last redirected operand of an x87 instruction */
	uint64_t left;  /* how often translated code was left (paranoid): checks are spread by it */
	uint8_t fpu_at_exit[512] __attribute__((aligned(64))); /* paranoid (gate.c) */
	bool fpu_at_exit_whole;

	enum monitor_end end;
	int end_code;
	char why[256];
	uint32_t recent[RECENT]; /* EIPs dispatched last */
	unsigned n_recent;
	uint64_t callout_counts[CO_COUNT];
};

/* v->inhibit: what holds off interrupts for one instruction; MOV SS also holds off #DB.
 * SDM vol. 3, 6.8.3. */
enum { SHADOW_STI = 1, SHADOW_SS = 2 };

/* What a callout wants next. */
enum callout_result {
	RESUME,     /* the instruction is done: go on behind it, in the unit */
	RESUME_MID, /* in the middle of the instruction */
	ALONE,      /* begin the instruction anew, alone */
	NEXT,       /* dispatch v->eip */
	FAULTED,    /* the guest's fault m->fault.trap at v->eip */
};

enum callout_result callout_run(struct monitor *m, uint32_t packed, uint64_t operand);
/* For entry.S, at a callout: 0 where it has been done, and the unit goes on; else how translated code
 * was left, EXIT_CALLOUT or EXIT_DONE. */
unsigned leaf_run(struct monitor *m);
enum callout_result string_run(struct monitor *m, uint32_t packed);
/* HLT, and an x87 instruction that waits: sleeps until an interrupt is to be taken (co_io.c). */
void wait_for_interrupt(struct monitor *m);
/* The guest's exception at v->eip. */
void monitor_trap(struct monitor *m, const struct trap *t);
void monitor_kill(struct monitor *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Is an unmasked exception pending, for FERR#?  Saves the registers. */
bool x87_pending(struct monitor *m);
/* The waiting instruction at v->eip met one: FERR#, and nothing but an interrupt leads on. */
void x87_freeze(struct monitor *m);
/* The same while IGNNE# is asserted: as the host's unit has none, the instruction at v->eip runs
 * with all exceptions masked in between. */
struct x87_ignored {
	uint16_t fcw;
	bool control; /* the instruction loads the control word itself */
};
void x87_ignore_begin(struct monitor *m, struct x87_ignored *g);
void x87_ignore_end(struct monitor *m, const struct x87_ignored *g);
/* How the x87 instruction at a linear address reads, in a mode; false: there is none. */
struct x87_insn {
	uint16_t fop;
	bool memory;
	enum sreg seg;
};
bool x87_read(struct monitor *m, uint32_t linear, uint32_t mode, struct x87_insn *out);
/* The segments of the current mode are what they are now. */
void x87_note_segments(struct monitor *m);
/* The two-bit tags of an image. */
uint16_t x87_tags(const uint8_t *fx);
/* The environment of FNSTENV from an image with pointers; returns its length. */
unsigned x87_environment(struct monitor *m, unsigned opsize, uint8_t *out);

/* --- guest memory (memory.c) --- */
/* A load finds a device's registers as well. */
bool guest_read(struct monitor *m, gla_t a, void *dst, unsigned n, bool user, struct trap *t);
/* The same for what a store may leave as it was: memory alone, of a device nothing is asked. */
bool guest_peek(struct monitor *m, gla_t a, void *dst, unsigned n, bool user, struct trap *t);
bool guest_write(struct monitor *m, gla_t a, const void *src, unsigned n, bool user,
                 struct trap *t);
/* Both pages of an operand are found before it is accessed, as a processor does: all of it is
 * loaded or stored, or nothing, and a store may change what leads to its second page. */
bool guest_find(struct monitor *m, gla_t a, unsigned n, enum mmu_access access, bool user,
                struct guest_place *out, struct trap *t);
void guest_put(struct monitor *m, const struct guest_place *p, const void *src, unsigned n);
bool guest_probe_write(struct monitor *m, gla_t a, unsigned n, bool user, struct trap *t);
/* #AC(0) if an operand is misaligned, and nothing else is wrong with the access. */
bool guest_check_aligned(struct monitor *m, gla_t a, unsigned n, bool write, struct trap *t);
/* The same, where alignment checks are on. */
static inline bool guest_aligned(struct monitor *m, gla_t a, unsigned n, bool write, struct trap *t)
{
	const struct vcpu *v = m->v;
	return !(v->vflags & FLAG_AC) || !(v->cr0 & CR0_AM) || v->cpl != 3 ||
	       guest_check_aligned(m, a, n, write, t);
}
/* Loads the value from a device, or stores it there; false: there is none, or a fault, and nothing
 * was done. */
bool guest_device(struct monitor *m, gla_t a, void *value, unsigned n, bool write);
/* Could translated code access it by itself, at p? */
bool guest_is_plain(struct monitor *m, gla_t a, gpa_t p, unsigned n, bool write);
/* The 15 bytes of code at an address; zeros from an absent page on. false: it begins in one. */
bool guest_code(struct monitor *m, gla_t a, bool user, uint8_t b[16]);
/* Store through the monitor's view: units on the bytes die, tables are compared. */
void guest_store(struct monitor *m, gpa_t a, const void *src, unsigned n);
static inline bool at_user(const struct monitor *m)
{
	return m->v->cpl == 3;
}

/* --- for src/cpu (env.c) --- */
void env_fill(struct monitor *m, struct cpu_env *env);

/* --- where a host PC is in the guest's code (pc.c) --- */
/* The guest instruction that it belongs to, and where that one's host code begins; NULL outside
 * units. */
const struct tu_pc *pc_locate(struct monitor *m, uint64_t pc, uint32_t *eip, uint64_t *start);
/* The guest EIP behind a host PC, the mode and CS.base (the current one, where there may be
 * several); false: it is in no unit. */
bool pc_guest_eip(struct monitor *m, uint64_t pc, uint32_t *eip, unsigned *mode, uint32_t *base);

/* --- faults (signals.c, route.c, redirect.c) --- */
int signals_install(struct monitor *m);
/* What runs next at this host address comes back soon. */
void signals_corner(struct monitor *m, uint64_t resume);
/* Where a fault leads. */
enum route {
	ROUTE_ON,       /* the guest goes on: not of a fault */
	ROUTE_AGAIN,    /* nowhere: the instruction at v->eip is to be run again */
	ROUTE_TRAP,     /* to the guest's fault */
	ROUTE_REDIRECT, /* the instruction at v->eip is to run alone, redirected */
	ROUTE_CHECK,    /* ... alone, its limits checked in callouts */
	ROUTE_IGNORE,   /* ... alone, with its x87 exceptions ignored */
};
/* Of what a handler recorded.  ROUTE_TRAP: *t. */
enum route fault_route(struct monitor *m, struct trap *t);
enum callout_result redirect_pre(struct monitor *m, uint32_t packed, uint32_t offset);
enum callout_result redirect_post(struct monitor *m);

/* --- a debugger's stops (debug.c) --- */
enum debug_next {
	DEBUG_RUN,     /* nothing here: go on */
	DEBUG_STOPPED, /* the guest was stopped: look at everything anew */
	DEBUG_ALONE,   /* run the instruction at v->eip alone, then debug_ran() */
};

static inline bool debug_on(const struct monitor *m)
{
	return m->debug.n || m->debug.step || m->debug.request;
}

/* At a boundary, where debug_on(). */
enum debug_next debug_boundary(struct monitor *m);
void debug_ran(struct monitor *m);
/* In HLT: stops if that is asked for. */
void debug_halted(struct monitor *m);

/* --- breakpoints (watch.c) --- */
bool debug_at_break(const struct debug *d, uint32_t eip);
/* Bytes of code from v->eip up to the next mark. */
uint64_t debug_room(const struct monitor *m);
/* The units and windows follow what the guest's registers and the debugger have armed. */
void debug_arm(struct monitor *m);
/* Is v->eip at a mark?  No other code leads into a unit there: each pass is seen. */
bool debug_marked(struct monitor *m);
/* Units have got other addresses. */
void debug_moved(struct monitor *m);
/* An access, where m->debug.n_watch. */
void debug_watch(struct monitor *m, gla_t a, unsigned size, bool read, bool write);

/* An access: the guest's data breakpoints and the debugger's are matched. */
static inline void debug_access(struct monitor *m, gla_t a, unsigned size, bool read, bool write)
{
	if (m->v->dr[7] & DR7_ENABLE)
		m->debug_hits |= cpu_dr_match(m->v, a, size, write);
	if (m->debug.n_watch)
		debug_watch(m, a, size, read, write);
}

/* An operand about to be accessed: data breakpoints are matched, alignment is checked. */
static inline bool guest_operand(struct monitor *m, gla_t a, unsigned n, bool write, struct trap *t)
{
	debug_access(m, a, n, !write, write);
	return guest_aligned(m, a, n, write, t);
}

static inline void debug_port(struct monitor *m, uint16_t port, unsigned size)
{
	if (m->v->dr[7] & DR7_ENABLE)
		m->debug_hits |= cpu_dr_match_io(m->v, port, size);
}

/* Has something been hit, by what has run since the last boundary? */
static inline bool debug_was_hit(const struct monitor *m)
{
	return m->debug_hits || m->debug.hit;
}

/* Does the guest have an execution breakpoint at v->eip? */
static inline uint32_t debug_code(const struct monitor *m)
{
	const struct vcpu *v = m->v;
	return v->dr[7] & DR7_ENABLE ? cpu_dr_match_code(v, gla(v->eip + v->seg[SREG_CS].base)) : 0;
}

/* --- sites (site.c) --- */
/* How the instruction at EIP is to be translated. */
uint8_t site_flags(struct monitor *m, uint32_t eip);
/* Marks the instruction at v->eip and drops its units. */
void site_mark(struct monitor *m, uint8_t flags);
/* The instruction at v->eip faulted: when it does so again, the flag is set. */
void site_fault(struct monitor *m, uint8_t flag);
/* It ran as the flag says, and that was needed or not: when it is in vain for long, the site
 * becomes plain again. */
void site_served(struct monitor *m, uint8_t flag, bool needed);

/* --- mode and window (select.c) --- */
/* Linear address of the instruction at v->eip. */
static inline gla_t linear_eip(const struct monitor *m)
{
	return gla(m->v->eip + m->v->seg[SREG_CS].base);
}
/* Chooses them for the guest's state. */
void select_state(struct monitor *m);
/* Return predictions are forgotten; so is what the code's pages were. */
void return_stack_reset(struct monitor *m);
void itlb_flush(struct monitor *m);
/* All units, and modes. */
void flush_code(struct monitor *m);
/* Is the window with this id and base still there?  For the cache. */
bool window_alive(void *ctx, uint32_t id, uint64_t base);
/* Where in window_of_base a window is. */
unsigned monitor_base_slot(uint64_t base);

/* --- code (fetch.c) --- */
/* Guest bytes at EIP: up to the page's end, or, if across is set, 16 of both pages. */
struct code_bytes {
	const uint8_t *p;
	size_t n;
	uint8_t buffer[32];
	uint32_t page, page2;
	bool once; /* no unit is kept: of what is no memory, or unshared */
};

/* Translates at v->eip into r->out; false: *t. */
bool unit_translate(struct monitor *m, struct tu_request *r, struct tu_code *code,
                    struct code_bytes *b, struct trap *t);
/* Bytes of a page that is traced as code are stored to. */
void code_stored(struct monitor *m, uint32_t page, uint32_t off, uint32_t n);
/* The unit at v->eip, made if need be. */
enum found {
	FOUND,       /* *u */
	FOUND_TRAP,  /* the guest's fault *t */
	FOUND_ALONE, /* none is kept of such code: it is to run once */
};
enum found unit_find(struct monitor *m, struct tu **u, struct trap *t);

/* --- delivery (deliver.c) --- */
/* An exception that is no new one: it was being delivered. */
void trap_deliver(struct monitor *m, const struct trap *t);
/* The interrupt that is asked for, if it still is: NMI before INTR.  Only where one is_due. */
void interrupt_deliver(struct monitor *m);
static inline bool nmi_is_due(const struct monitor *m)
{
	return m->nmi && !m->nmi_blocked;
}
static inline bool interrupt_is_due(const struct monitor *m)
{
	return nmi_is_due(m) || (m->v->native.pending & PENDING_INTR && m->v->if_flag);
}

/* --- what is asked from outside (events.c) --- */
void interrupt_line_update(struct monitor *m);
/* The platform has its turn. */
void events_poll(struct monitor *m);

#endif
