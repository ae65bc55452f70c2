/* The books of the mmu, shared by its files.
 *
 *   map.c      changes of the physical map, A20
 *   written.c  stores by the monitor and by devices; to the guest's tables
 *   fill.c     faults, and pages that are executed
 *   root.c     paging state, roots, which window belongs to which root
 *   kernel.c   KERNEL windows: who shares one, and where it begins
 *   queue.c    revocations that wait for the guest's flush
 *   window.c   life and eviction of windows
 *   watch.c    pages of data breakpoints
 *   trace.c    pages of code and page tables
 *   protect.c  host calls that take mappings or rights away
 *   shadow.c   shadow entries, blocks, halves
 *   rmap.c     reverse map; links of tables
 *   walk.c     the guest's page walk and the software TLB
 *   derive.c   what the guest's tables allow
 *   phys.c     pages of memory and where they are
 *
 * From the top down: none calls one above it.  create.c, creation and the pools, and check.c, the
 * books against each other, stand beside.
 *
 * Shadow entry: one u32 per page of a window, zero when there is nothing.
 * Entries live in blocks of 1024 (4 MiB), allocated on demand.  A half is the
 * part of a block under one guest PDE: 1024 entries, or 512 with PAE. */
#ifndef UNRING_MMU_MMU_INTERNAL_H
#define UNRING_MMU_MMU_INTERNAL_H

#include "base/log.h"
#include "base/stats.h"
#include "cpu/vcpu.h"
#include "host/memory.h"
#include "mmu/mmu.h"

enum {
	MAX_WINDOWS = 1024,
	MAX_ROOTS = 1024,
	MAX_BLOCKS = 1 << 14, /* 64 GiB of windows: 128 MiB of the host's page tables */
	MAX_LINKS = 1 << 18,
	MAX_SPLITS = 1100, /* mappings beyond the budget: more than one fill makes */
	QUEUE_LENGTH = 4096,
	TLB_LENGTH = 1024,
	ROOT_BUCKETS = 256,
	OTHER_PAGES = 1 << 14, /* of memory that is not RAM */
	PHYS_FRAMES = 1 << 20, /* page frames of the map; above 4 GiB nothing is */
	MAX_MEMORIES = 16,
};

/* Shadow entries: in bits 31:12 the page of memory (of a hole the page frame), and below: */
enum {
	SH_MAPPED = 1 << 0, /* the host maps it, readable */
	SH_WRITE = 1 << 1,  /* and writable; then it is in the reverse map */
	SH_EXEC = 1 << 2,   /* mmu_exec gave it; revoked through the client */
	SH_HOLE = 1 << 3,   /* no RAM: the page of FFh is mapped */
	SH_QUEUED = 1 << 4, /* a revocation is in the queue */
	SH_UFFD = 1 << 5,   /* not writable by userfaultfd, in a mapping that is */
	SH_PAGE = ~PAGE_MASK,
	/* What stays of the entry of a page that is executed when its mapping goes. */
	ENTRY_UNMAPPED = SH_PAGE | SH_EXEC | SH_HOLE | SH_QUEUED,
};

/* Guest page-table entries.  SDM vol. 3, tables 4-5, 4-6, 4-9 to 4-11. */
#define PTE_P (1ull << 0)
#define PTE_W (1ull << 1)
#define PTE_U (1ull << 2)
#define PTE_A (1ull << 5)
#define PTE_D (1ull << 6)
#define PTE_PS (1ull << 7)
#define PTE_G (1ull << 8)
#define PTE_NX (1ull << 63)
#define PHYS_BITS 36
#define PAE_ADDR (((1ull << PHYS_BITS) - 1) & ~(uint64_t)PAGE_MASK)
#define PAE_RSVD (((1ull << 63) - 1) & ~((1ull << PHYS_BITS) - 1))

/* Page flags, a byte per page of memory. */
enum {
	PAGE_CODE = 1,
	PAGE_TABLE = 2,
	PAGE_CLEAN = 4, /* logged, and not stored to since the log was taken */
	PAGE_TRACED = PAGE_CODE | PAGE_TABLE,
	PAGE_HELD = PAGE_TRACED | PAGE_CLEAN, /* mapped writable nowhere */
};

/* The physical map has a word per page frame: the page of memory in bits 31:12, and below it: */
enum {
	MAP_MEMORY = 1 << 0, /* there is one */
	MAP_STORES = 1 << 1, /* and stores reach it */
	MAP_DEVICE = 1 << 2, /* a device's registers */
	MAP_BEHIND = 1 << 3, /* stores reach RAM's page of the frame's number */
};
#define A20_ON (PHYS_FRAMES - 1u)
#define A20_OFF (A20_ON & ~(1u << (20 - PAGE_SHIFT)))

/* Pages of memory that one file holds, at offset page << PAGE_SHIFT. */
struct memory {
	int fd;
	uint32_t first, n;
};

struct half {
	uint64_t pde;   /* what the entries were derived from; 0: there are none */
	uint32_t link;  /* its page table has this one to here; 0: none */
	bool queued;    /* revocation of the whole half is in the queue */
	bool uffd;      /* registered with userfaultfd: write protection without splits */
	uint8_t splits; /* by tracing, so far */
};

struct block {
	uint32_t entry[1024];
};

/* The reverse map is a list of the writable entries of each page: slot << 20 | vpn, and
 * 1 more, as 0 means none. */
struct rmap {
	uint32_t next, prev;
};

struct block_rmap {
	struct rmap entry[1024];
};

struct block_head {
	struct half half[2];
	uint16_t next_free;
};

struct root;

struct win {
	struct window pub;
	struct root *root; /* USER, PRIVATE: whose it is; KERNEL: last loaded one */
	uint16_t slot;
	bool open; /* the slot has been used, and is not held any more */
	bool live;
	bool pae;
	bool wp;      /* PRIVATE: CR0.WP that it was filled with */
	bool a20;     /* PHYSICAL: the state of A20 that it shows */
	uint8_t mode; /* root.mode that it was filled in */
	unsigned vmas;
	unsigned entries;   /* that are not zero */
	unsigned holes;     /* pages of FFh mapped */
	uint32_t watch_gen; /* of what is watched that it follows */
	uint64_t used;
	uint16_t dir[1024]; /* block numbers; 0: none */

	/* KERNEL only */
	struct win *next_kernel;
	uint32_t gen;            /* changes when roots must compare again */
	uint32_t code;           /* the lowest address at which code ran in it */
	uint64_t top[2048];      /* the union of the roots' top-level entries, from the split on */
	uint8_t nonglobal[2048]; /* something that is not global was filled under it */
};

/* Paging modes that give one table different meanings. */
enum { PAGING_PAE = 1, PAGING_PSE = 2, PAGING_NXE = 4 };

/* A guest address space: what one CR3 value (and, with PAE, the four PDPTEs
 * latched from it) means in one paging mode. */
struct root {
	bool live;
	uint8_t mode;
	bool need_private; /* its kernel does not fit the composite windows now */
	uint8_t misfits;   /* how often it did not */
	bool compare;      /* kernel part stored to: compare with its KERNEL window */
	uint16_t next;     /* in its hash bucket, as index + 1 */
	uint32_t cr3;
	uint64_t pdpte[4];
	uint32_t pd[4];                      /* page-directory pages; NO_GFN if absent */
	uint32_t link[4];                    /* theirs to here; 0: none */
	struct win *user, *kernel, *priv[2]; /* priv: by CR0.WP */
	uint32_t kernel_gen;
	unsigned stores; /* weighted, to its tables while not loaded */
	uint64_t used;
};

/* A page table (level 1) names the half of a window that was filled from it, a
 * page directory (level 2) the root. */
struct link {
	uint32_t next, prev;
	uint32_t page; /* the table's */
	uint16_t who;  /* slot of a window, index of a root */
	uint16_t level;
	uint32_t where; /* level 1: vpn of its first entry; level 2: which of PAE's four */
};

struct tlb_entry {
	uint64_t page; /* guest-physical, with TLB_* rights below */
	uint32_t vpn;
	uint32_t gen;
	const uint8_t *host; /* the page in the view; NULL: no memory */
};

struct walk {
	uint64_t pde, pte; /* leaf is pte; of a large page pte = pde */
	uint64_t pa;       /* of the 4 KiB page */
	bool large;
	bool user, write, nx, global, dirty;
};

/* Queue items: slot << 20 | vpn, and QUEUE_HALF for a whole half. */
#define QUEUE_HALF (1u << 31)

/* Code below never runs in a KERNEL window; above, the split begins at a multiple of this. */
#define SPLIT_FIRST (1u << 30)

struct mmu {
	struct mmu_client client;
	bool exact_ad;

	/* phys.c, map.c */
	int uffd;                           /* -1: write-protect with mprotect only */
	struct memory memory[MAX_MEMORIES]; /* the first is RAM */
	unsigned n_memories;
	uint32_t n_pages; /* numbers given away; between two memories one is nobody's, or the
	                          kernel would be thought to merge their mappings */
	uint32_t max_pages;
	uint32_t hole;       /* the page of FFh */
	uint8_t *view;       /* the monitor's, of all pages */
	uint32_t *map;       /* the physical map */
	uint32_t a20;        /* mask of page frames: A20_ON, A20_OFF */
	uint8_t *page_flags; /* per page */
	uint32_t *rmap_head; /* per page, as struct rmap has it */
	uint32_t *link_head; /* per page; 0: none */
	struct link *link;
	struct block *block;
	struct block_rmap *block_rmap;
	struct block_head *block_head;
	uint32_t link_free, link_fresh, link_count;
	uint16_t block_free;
	uint32_t block_fresh, block_count;

	/* walk.c */
	uint32_t tlb_gen;
	struct tlb_entry tlb[TLB_LENGTH];

	/* window.c, shadow.c, watch.c */
	uint8_t *area; /* base of window 0 */
	unsigned vmas, vma_budget;
	uint32_t next_id;
	uint64_t tick;
	struct win *win; /* MAX_WINDOWS */
	unsigned slots_free;
	uint16_t slot[MAX_WINDOWS]; /* free ones; what was freed last is taken first */
	struct win *physical[2];    /* by A20 */
	struct win *kernels;
	struct mmu_watch watch[MMU_WATCHES];
	unsigned n_watch;
	uint32_t watch_gen;

	/* queue.c */
	unsigned queue_length;
	bool queue_overflow; /* something did not fit */
	uint32_t queue[QUEUE_LENGTH];

	/* root.c */
	bool paging, wp, pge, pse36;
	uint8_t mode;
	uint32_t cr0, cr4;
	uint64_t efer;
	uint64_t pdpte[4];
	unsigned loads_since_physical;
	struct root *cur;  /* NULL: paging is off */
	struct root *root; /* MAX_ROOTS */
	uint16_t bucket[ROOT_BUCKETS];
};

/* The page frame that an address line's state makes of one; that above 4 GiB is meaningless. */
static inline uint32_t frame_of(uint32_t a20, uint64_t gfn)
{
	return (uint32_t)gfn & a20;
}

/* The map's word of a page frame, as the processor's address lines reach it. */
static inline uint32_t map_at(const struct mmu *m, uint64_t gfn)
{
	return gfn < PHYS_FRAMES ? m->map[frame_of(m->a20, gfn)] : 0;
}

static inline uint8_t *page_view(const struct mmu *m, uint32_t page)
{
	return m->view + ((uint64_t)page << PAGE_SHIFT);
}

static inline uint64_t entry_read(const struct mmu *m, uint64_t pa, bool pae)
{
	uint32_t here = map_at(m, pa >> PAGE_SHIFT);
	if (!(here & MAP_MEMORY))
		return pae ? ~0ull : ~0u;
	const void *p = page_view(m, here >> PAGE_SHIFT) + (pa & PAGE_MASK);
	return pae ? *(const uint64_t *)p : *(const uint32_t *)p;
}

/* Sets A or D as the processor's walk does. */
static inline void entry_set(struct mmu *m, uint64_t pa, uint8_t bits)
{
	uint32_t here = map_at(m, pa >> PAGE_SHIFT), page = here >> PAGE_SHIFT;
	if (!(here & MAP_STORES))
		return;
	uint8_t *p = page_view(m, page) + (pa & PAGE_MASK);
	if (!(bits & ~*p))
		return;
	if (m->page_flags[page] & PAGE_CODE)
		m->client.code_store(m->client.ctx, page, pa & PAGE_MASK, 1);
	m->page_flags[page] &= ~PAGE_CLEAN;
	*p |= bits;
}

static inline uint32_t *shadow_at(struct mmu *m, struct win *w, uint32_t vpn)
{
	return &m->block[w->dir[vpn >> 10]].entry[vpn & 1023];
}

/* 0 where there is no block (block 0 stays all zero). */
static inline uint32_t shadow_get(struct mmu *m, struct win *w, uint32_t vpn)
{
	return m->block[w->dir[vpn >> 10]].entry[vpn & 1023];
}

static inline bool pde_is_large(uint8_t mode, uint64_t pde)
{
	return (pde & PTE_PS) && (mode & (PAGING_PAE | PAGING_PSE));
}

/* Address of its page table. */
static inline uint64_t pde_table(uint8_t mode, uint64_t pde)
{
	return mode & PAGING_PAE ? pde & PAE_ADDR : pde & 0xfffff000u;
}

/* Does the root's entry make one of its page directories a page table? */
static inline bool pde_is_self_map(const struct root *r, uint64_t pde)
{
	if (!(pde & PTE_P) || pde_is_large(r->mode, pde))
		return false;
	uint64_t table = pde_table(r->mode, pde) >> PAGE_SHIFT;
	if (!(r->mode & PAGING_PAE))
		return table == r->pd[0];
	return table == r->pd[0] || table == r->pd[1] || table == r->pd[2] || table == r->pd[3];
}

/* What two roots must have in common to share what is under a top-level entry. */
static inline uint64_t top_key(uint64_t pde)
{
	if (!(pde & PTE_P))
		return 0;
	return pde & (~(uint64_t)PAGE_MASK | PTE_P | PTE_W | PTE_U | PTE_PS);
}

/* The root's entry over a page, in its page directory. */
static inline uint64_t root_pde(const struct mmu *m, const struct root *r, uint32_t vpn)
{
	bool pae = r->mode & PAGING_PAE;
	uint32_t pd = r->pd[pae ? vpn >> 18 : 0];
	if (pd == NO_GFN)
		return 0;
	return entry_read(
		m, ((uint64_t)pd << PAGE_SHIFT) + (pae ? (vpn >> 9 & 511) * 8 : (vpn >> 10) * 4),
		pae);
}

/* Address of a page's entry in the table at this address. */
static inline uint64_t pte_address(uint64_t table, uint32_t vpn, bool pae)
{
	return table + (pae ? (vpn & 511) * 8 : (vpn & 1023) * 4);
}

static inline unsigned half_pages(const struct win *w)
{
	return w->pae ? 512 : 1024;
}

static inline struct half *half_at(struct mmu *m, struct win *w, uint32_t vpn)
{
	return &m->block_head[w->dir[vpn >> 10]].half[w->pae ? vpn >> 9 & 1 : 0];
}

static inline uint8_t *win_host(const struct win *w, uint32_t vpn)
{
	return w->pub.base + ((uint64_t)vpn << PAGE_SHIFT);
}

/* Index into win.top of the entry that governs this page. */
static inline unsigned top_index(const struct win *w, uint32_t vpn)
{
	return vpn >> (w->pae ? 9 : 10);
}

/* The first page that the window serves. */
static inline uint32_t split_vpn(const struct win *w)
{
	return w->pub.split >> PAGE_SHIFT;
}

static inline bool is_traced(const struct mmu *m, uint32_t page)
{
	return m->page_flags[page] & PAGE_TRACED;
}

/* A page of a window, as queue and reverse map name it. */
static inline uint32_t where_of(const struct win *w, uint32_t vpn)
{
	return (uint32_t)w->slot << 20 | vpn;
}

/* --- phys.c --- */
/* The file that a page of memory is in. */
int page_file(const struct mmu *m, uint32_t page);

/* --- derive.c --- */
bool reserved_pae(uint8_t mode, uint64_t entry);
/* Rights of a leaf under its PDE (pte = pde for a large page), into r; false if a
 * reserved bit is set.  Both are present. */
bool walk_combine(const struct mmu *m, uint8_t mode, uint64_t pde, uint64_t pte, bool large,
                  uint32_t vpn, struct walk *r);
/* Does a page directory's entry still say what a half was derived from? */
bool pde_same(uint64_t old, uint64_t now);
/* May this window's view see, and write, what the guest's tables say? */
bool view_sees(const struct win *w, const struct walk *r);
bool view_writes(const struct win *w, const struct walk *r);
/* The most that an entry may be, by the guest's tables now. */
uint32_t shadow_limit(struct mmu *m, struct win *w, uint32_t vpn);

/* --- walk.c --- */
bool walk_guest(struct mmu *m, gla_t a, enum mmu_access access, bool user, struct walk *r,
                struct trap *t);
void tlb_flush(struct mmu *m);

/* --- rmap.c --- */
void rmap_add(struct mmu *m, uint32_t page, struct win *w, uint32_t vpn);
void rmap_remove(struct mmu *m, uint32_t page, struct win *w, uint32_t vpn);
struct rmap *rmap_at(struct mmu *m, uint32_t link);
/* Returns its number.  The page is to be traced (trace_table). */
uint32_t link_add(struct mmu *m, uint32_t page, unsigned who, unsigned level, uint32_t where);
/* With its last link a page is no table any more. */
void link_remove(struct mmu *m, uint32_t n);

/* --- shadow.c --- */
/* Mappings that begin at [lo, lo + n]; all but the last page are in one block. */
unsigned vma_count(struct mmu *m, struct win *w, uint32_t lo, uint32_t n);
void vma_adjust(struct mmu *m, struct win *w, unsigned before, unsigned after);
/* Replaces a shadow entry in the books, the reverse map included; shadow_set without the
 * count of mappings. */
void shadow_put(struct mmu *m, struct win *w, uint32_t vpn, uint32_t entry);
void shadow_set(struct mmu *m, struct win *w, uint32_t vpn, uint32_t entry);
void block_ensure(struct mmu *m, struct win *w, uint32_t vpn);
/* The block's entries and halves are zero already. */
void block_release(struct mmu *m, struct win *w, uint32_t vpn);
/* Takes the entries of a block out of the reverse map and clears them, but for
 * those bits. */
void block_clear(struct mmu *m, struct win *w, uint32_t lo, uint32_t keep);
void half_unlink(struct mmu *m, struct win *w, uint32_t vpn);

/* --- protect.c --- */
/* Host calls on a part of a window. False: there was no mapping left for the split, and
 * the whole window has been unmapped instead, in the books too. */
bool window_unmap(struct mmu *m, struct win *w, uint32_t lo, uint32_t n);
bool window_protect(struct mmu *m, struct win *w, uint32_t lo, uint32_t n, bool write);
/* By userfaultfd. */
bool window_uffd(struct mmu *m, struct win *w, uint32_t lo, uint32_t n, bool protect);
bool window_uffd_register(struct mmu *m, struct win *w, uint32_t lo, uint32_t n);
/* Everything unmapped; what was given to execute stays given, and so do links. */
void window_unmap_all(struct mmu *m, struct win *w);
void host_unmap_all(struct win *w); /* without the books */
/* Makes a mapped, writable page read-only because it is traced. */
void shadow_protect(struct mmu *m, struct win *w, uint32_t vpn);
/* Unmaps and forgets a half at once. */
void half_revoke(struct mmu *m, struct win *w, uint32_t vpn);

/* --- trace.c --- */
/* A page that has a link: no window maps it writable from now on. */
void trace_table(struct mmu *m, uint32_t page);

/* --- watch.c --- */
/* May this linear page be mapped, and be writable, by what is watched? */
bool watch_permits(const struct mmu *m, uint32_t vpn, bool write);
/* Makes a window follow what is watched now. */
void watch_follow(struct mmu *m, struct win *w);

/* --- window.c --- */
struct win *window_create(struct mmu *m, enum window_kind kind);
void window_drop(struct mmu *m, struct win *w);
/* Makes room for one more fill of w: mappings, pool nodes. */
void window_make_room(struct mmu *m, struct win *w);
/* Gives mappings back: a window other than w goes, or, when all are in use, the fullest
 * starts afresh.  Ends the run where nothing is mapped that could go. */
void window_relieve(struct mmu *m, struct win *w);
bool window_is_current(const struct mmu *m, const struct win *w);
/* Drops the least recently used window that is not in use now; false: none. */
bool window_evict(struct mmu *m, const struct win *keep);

/* --- queue.c --- */
void queue_entry(struct mmu *m, struct win *w, uint32_t vpn);
void queue_half(struct mmu *m, struct win *w, uint32_t vpn);
void queue_apply(struct mmu *m);
/* What a shadow entry must become by the guest's tables. */
uint32_t entry_revised(struct mmu *m, struct win *w, uint32_t vpn, uint32_t e);
/* Does the queue take most of what this window holds? */
bool queue_empties(struct mmu *m, struct win *w);

/* --- root.c --- */
void root_die(struct mmu *m, struct root *r);
/* The pages of its directories are others now. */
void root_relink(struct mmu *m, struct root *r);

/* --- kernel.c --- */
/* The root gets a KERNEL window for code at this address, from SPLIT_FIRST up. */
void kernel_find(struct mmu *m, struct root *r, uint32_t eip);
/* The root is loaded: does its KERNEL window, if it has one, still fit? */
void kernel_enter(struct mmu *m, struct root *r);
void kernel_leave(struct root *r);
/* The loaded root flushes this page: its entry over the page wins. */
void kernel_invlpg(struct mmu *m, uint32_t vpn);
/* Has the root's KERNEL window something else over this page, which it serves? */
bool kernel_differs(struct mmu *m, struct root *r, uint32_t vpn);
/* Makes the KERNEL window of the loaded root agree with it; its entries win. */
void kernel_agree_current(struct mmu *m, bool strict);
/* The same for the entry over one page, before a fill. */
void kernel_agree_at(struct mmu *m, struct win *w, uint32_t vpn, uint64_t pde, bool global);

#endif
