/* Guest-physical memory, the guest's page walk, shadow windows, tracing.
 *
 * A window is a 4 GiB-aligned 4 GiB region of host-virtual space with unmapped
 * guard on both sides (stride 8 GiB): the host mappings in it are the shadow of
 * one guest address space as one privilege sees it.  The mmu classifies an
 * access; the monitor routes what it says.
 *
 * Kinds of window:
 *   PHYSICAL    paging off: linear = physical
 *   KERNEL      supervisor view of linear addresses from its split up; shared by all
 *               roots whose top-level entries agree there.
 *               Addresses below the split are never mapped in it: OTHER_VIEW.
 *               Nor is what a root sees through an entry that maps its own page
 *               directory as a page table (a recursive slot): TRACED.
 *   USER        user view of one root, all 4 GiB (user rights only)
 *   PRIVATE     supervisor view of one root, all 4 GiB: for kernels that run below
 *               40000000h, for CR0.WP = 0, and for supervisor accesses that a user
 *               view must not hold
 *
 * Page-table pages that a shadow was filled from are traced (not writable in
 * any window); so are pages with live translation units, at the cache's
 * request.  Revocations that a page-table store causes are queued to the next
 * architectural flush (x86 TLB semantics).
 *
 * Linear pages that hold data breakpoints are watched: stores to them (or all accesses)
 * fault in every window, and are seen one by one. */
#ifndef UNRING_MMU_MMU_H
#define UNRING_MMU_MMU_H

#include "base/types.h"
#include "cpu/trap.h"
#include "cpu/vcpu.h"

struct mmu;

enum window_kind { WINDOW_PHYSICAL, WINDOW_KERNEL, WINDOW_USER, WINDOW_PRIVATE };

/* The public part of a window; id is never 0 nor reused while the mmu lives, base may
 * be (window_drop is called before).  The split changes in mmu_window and mmu_paging_load
 * alone. */
struct window {
	uint8_t *base;
	uint32_t id;
	uint32_t split; /* KERNEL: the first linear address that it serves; 0 for all others */
	enum window_kind kind;
};

/* Told to the owner of translated code. */
struct mmu_client {
	void *ctx;
	/* The translation that mmu_exec gave for this page of this window ends: it led to that
	 * page of memory. */
	void (*exec_revoke)(void *ctx, struct window *w, uint32_t vpn, uint32_t page);
	/* The same for every page of this window: it is about to go. */
	void (*window_drop)(void *ctx, struct window *w);
	/* Bytes of a page that is traced as code are stored to, by a walk (A or D) or by a
	 * device: before that. */
	void (*code_store)(void *ctx, uint32_t page, uint32_t off, uint32_t n);
	/* The physical map is another: what was found by guest-physical address is to be looked
	 * for anew, and mmu_window to be called again. May be NULL. */
	void (*remapped)(void *ctx);
};

struct mmu_config {
	uint64_t ram_bytes;  /* a multiple of 1 MiB, to 3 GiB */
	unsigned vma_budget; /* mappings allowed; 0: from vm.max_map_count */
	bool no_userfaultfd; /* write-protect with mprotect always */
	bool exact_ad;       /* never set A by eager mapping */
};

/* RAM in [0, A0000h) and [100000h, ram_bytes), each page at its own number, and nothing else.
 * 0, or a negative errno with *what naming what failed. */
int mmu_create(struct mmu **out, const struct mmu_config *c, const struct mmu_client *client,
               const char **what);
void mmu_destroy(struct mmu *m);

/* --- memory, and the physical map ---
 *
 * Memory is pages in files, with numbers: RAM's are first, from 0.  The map says what is at each
 * guest-physical address.  One page may be at several; what is known of pages (units, tracing,
 * what was stored to) is known by their numbers, so that aliases need no care. */

enum phys_kind {
	PHYS_NONE, /* reads FFh, stores are lost */
	PHYS_RAM,
	PHYS_ROM,    /* memory that stores do not reach */
	PHYS_DEVICE, /* no memory: each access is MMU_DEVICE */
	/* With PHYS_NONE or PHYS_ROM: stores reach the page of RAM that has the frame's number. */
	PHYS_BEHIND = 4,
};

/* Memory of its own file beside RAM, all zero, for a ROM or a frame buffer: *first is the number
 * of its first page; in the file, page p is at offset p << 12.  Not after the process was
 * fenced.  0 or a negative errno. */
int mmu_memory_add(struct mmu *m, const char *name, uint64_t bytes, uint32_t *first);
/* Pages that there can be, RAM and other. */
uint32_t mmu_max_pages(const struct mmu *m);
/* The monitor's view of a page, writable whatever the map says. */
uint8_t *mmu_page_host(struct mmu *m, uint32_t page);
/* The file that has this page, and where. */
int mmu_page_file(const struct mmu *m, uint32_t page, uint64_t *offset);
/* Whose memory it is has stored to n bytes of it there, n above 0: what was made of them is drawn
 * from what they are now. */
void mmu_memory_stored(struct mmu *m, uint32_t page, uint32_t off, uint64_t n);

/* Whole pages from base on, below 4 GiB, are of this kind from now on; RAM and ROM show memory
 * from page first on.  At any time outside translated code. */
void mmu_map(struct mmu *m, gpa_t base, uint64_t bytes, unsigned kind, uint32_t first);
/* Address line A20 of the processor; off, bit 20 of each address is 0. On at creation. */
void mmu_a20(struct mmu *m, bool on);

/* What is at an address, as the processor reaches it; NO_PAGE: no memory. */
uint32_t mmu_page(const struct mmu *m, gpa_t a);
bool mmu_is_device(const struct mmu *m, gpa_t a);
/* The monitor's view up to the end of the page: to be read, NULL where there is no memory; to be
 * stored to (the log notes that), NULL where stores reach none. */
const void *mmu_host(struct mmu *m, gpa_t a);
void *mmu_host_store(struct mmu *m, gpa_t a);

/* A store within a page on behalf of the guest, with all its consequences: units, shadows of page
 * tables, the log.  False if a device is there, which is to be told; where stores reach no memory
 * either, nothing happens. */
bool mmu_store(struct mmu *m, gpa_t a, const void *src, unsigned n);
/* A device's own accesses, of any length: they see all address lines.  Reads find FFh where
 * there is no memory; stores are as mmu_store's, and settled when this returns. */
void mmu_dma_read(struct mmu *m, gpa_t a, void *dst, size_t n);
void mmu_dma_write(struct mmu *m, gpa_t a, const void *src, size_t n);

/* Which of the pages [first, first + n) have been stored to, by whomever, since this was last
 * called for them (or ever)? A bit for each in stored, (n + 7) / 8 bytes.  Costs a fault for
 * each page that is stored to then. */
void mmu_log_take(struct mmu *m, uint32_t first, uint32_t n, uint8_t *stored);
void mmu_log_end(struct mmu *m, uint32_t first, uint32_t n);

/* --- paging state --- */

struct mmu_paging {
	uint32_t cr0, cr3, cr4;
	uint64_t efer;
	bool has_nx; /* the model's */
	bool has_pse36;
	uint64_t pdpte[4]; /* out when PAE: as latched */
};

/* Takes new paging state: MOV to CR0, CR3, CR4, EFER, task switch.  Does the
 * flush that the manual asks for (cr3_load: entries that are not global;
 * a change of PG, PAE, PSE, PGE, WP, NXE: all).  False with #GP(0) for reserved bits
 * in a PDPTE, then nothing changed. */
bool mmu_paging_load(struct mmu *m, struct mmu_paging *p, bool cr3_load, struct trap *t);

/* The window to run in, at this privilege, at this linear EIP; creates it if needed
 * (which may evict others).  Never NULL. */
struct window *mmu_window(struct mmu *m, bool user, gla_t eip);
/* The window to use per part for supervisor sites that reach both sides of the split: the
 * user's below it and w above, if w is a KERNEL window, else w for all. */
void mmu_bases(struct mmu *m, struct window *w, uint64_t base[VCPU_PARTS]);
/* The composite windows do not suit what the supervisor does now: until the next
 * change of root mmu_window gives PRIVATE ones (for good when it comes to that often). */
void mmu_force_private(struct mmu *m);

/* --- accesses --- */

enum mmu_access { MMU_READ, MMU_WRITE, MMU_EXEC };

enum mmu_verdict {
	MMU_MAPPED,       /* hidden fault: the window now permits it; retry */
	MMU_TRUE_FAULT,   /* the guest's own: *t */
	MMU_TRACED,       /* permitted, but the page is traced or watched, or has no place in
	                    a window (mmu_is_self_map): redirect the access */
	MMU_HOLE,         /* permitted, but no memory: reads FFh, stores are lost; or a ROM */
	MMU_DEVICE,       /* permitted, but a device's registers */
	MMU_OTHER_VIEW,   /* a KERNEL window was used below the split: use base_by_part */
	MMU_NEED_PRIVATE, /* this root needs a PRIVATE supervisor window; it is marked so:
	                    call mmu_window again */
};

/* Is a host address inside a window (or its guard)?  Then *w and *a (for the low
 * guard, a wraps as the guest's address would). */
bool mmu_find_window(struct mmu *m, const void *host, struct window **w, gla_t *a);

/* A host fault at a in w, for an access by user or supervisor. Callable from a
 * signal handler that interrupted translated code.  (Writes to traced pages may
 * come as SIGBUS, by userfaultfd; vector and error code are a page fault's.)
 * w is a window that mmu_window gave since the last load of paging state. */
enum mmu_verdict mmu_fault(struct mmu *m, struct window *w, gla_t a, enum mmu_access access,
                           bool user, gpa_t *out, struct trap *t);

/* Walks the guest's tables for one byte's page as the processor would, sets A
 * (and D for MMU_WRITE).  *out is the guest-physical address.  Fast when repeated. */
bool mmu_translate(struct mmu *m, gla_t a, enum mmu_access access, bool user, gpa_t *out,
                   struct trap *t);
/* The same where a device is; false: it is none, or a fault. */
bool mmu_device(struct mmu *m, gla_t a, enum mmu_access access, bool user, gpa_t *out);
/* Where the memory is that mmu_translate has found there lately, to be read; NULL: ask it. */
const void *mmu_readable(const struct mmu *m, gla_t a, bool user);

/* The same for a debugger: no rights are checked, no bits set.  False: not present. */
bool mmu_peek(struct mmu *m, gla_t a, gpa_t *out);

/* Instruction fetch: translates to a page of memory (NO_PAGE: there is none), and remembers that
 * w executes it, so that exec_revoke is called when that ends.  The caller runs the code that it
 * finds there only in w. */
bool mmu_exec(struct mmu *m, struct window *w, gla_t a, bool user, uint32_t *page, struct trap *t);

/* --- tracing --- */

/* Live units on this page of memory begin or end: while on, no window maps it writable. */
void mmu_trace_code(struct mmu *m, uint32_t page, bool on);
/* Is it traced so? No, if it is NO_PAGE. */
bool mmu_is_code(const struct mmu *m, uint32_t page);
/* Is it traced as a page table that a shadow depends on? */
bool mmu_is_table(const struct mmu *m, uint32_t page);

/* The monitor has written [a, a+n) through mmu_host_store on behalf of the guest (within
 * a page): page-table entries there are compared and revocations queued.
 * A store over a whole page, or many stores to a table that is not in use,
 * untraces it. */
void mmu_written(struct mmu *m, gpa_t a, unsigned n);

/* --- watching --- */

enum { MMU_WATCHES = 512 };

/* Linear pages [first, last], all accesses or stores alone. */
struct mmu_watch {
	uint32_t first, last; /* numbers of pages */
	bool reads;
};

/* These and no others are watched from the next mmu_window and mmu_bases on.  Costs
 * nothing when they are the same as before, and a host call for each page that a window in
 * use has mapped by more than that. */
void mmu_watch_set(struct mmu *m, const struct mmu_watch *w, unsigned n);
/* Is an access to [a, a + n), which reaches two pages at most, to be seen? */
bool mmu_is_watched(const struct mmu *m, gla_t a, unsigned n, bool write);

/* The end of WINDOW_SIZE bytes that can be read and hold nothing; for WINDOW_STRIDE bytes behind
 * it there is no memory. */
const void *mmu_ruler(const struct mmu *m);

/* --- flushes --- */
void mmu_invlpg(struct mmu *m, gla_t a);

/* Bytes of a window; from one window's base to the next, so that as much as a window lies
 * between them unmapped; what splits are multiples of. */
#define WINDOW_SIZE (1ull << 32)
#define WINDOW_STRIDE (1ull << 33)
#define WINDOW_PART (1u << VCPU_PART_SHIFT)

/* Is the address under an entry of the loaded root that maps one of its page directories as a
 * page table? */
bool mmu_is_self_map(struct mmu *m, gla_t a);

/* May what is at this address be remembered for this window, one of the loaded root's?  A KERNEL
 * window serves spaces that differ below the split (an instruction at the top may reach there, as
 * addresses wrap), and where their entries map their own tables. */
static inline bool window_serves(struct mmu *m, const struct window *w, gla_t a)
{
	return w->kind != WINDOW_KERNEL || (a.v >= w->split && !mmu_is_self_map(m, a));
}

/* For the checker of translated code: the windows by address, and each page that mmu_exec
 * gave one of them and that has not been revoked. */
struct mmu_each {
	void *ctx;
	void (*window)(void *ctx, const struct window *w);
	void (*exec)(void *ctx, const struct window *w, uint32_t vpn, uint32_t page);
};
void mmu_each(struct mmu *m, const struct mmu_each *each);

/* Asserts that the books agree with each other and with /proc/self/maps: for tests, the paranoid
 * preset, and --verify. */
void mmu_check(struct mmu *m);

#endif
