/* A guest for the tests of the mmu: tables written by hand, real accesses through
 * windows, faults routed as the monitor would. */
#ifndef TESTS_MMU_GUEST_H
#define TESTS_MMU_GUEST_H

#include "base/stats.h"
#include "cpu/vcpu.h"
#include "host/memory.h"
#include "mmu/mmu.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MIB (1u << 20)

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
#define NX (1ull << 63)

struct guest {
	struct mmu *m;
	struct mmu_paging p;
	bool pae;
	uint32_t next_page; /* for tables, from 2 MiB up */
	unsigned revoked, dropped, code_stores;
	gpa_t code_store;
	uint32_t revoked_vpn, revoked_gfn;
	unsigned remapped;
	struct window *dropped_last;
};

static sigjmp_buf fault_jump;
static void *volatile fault_at;
static volatile sig_atomic_t in_access;

static inline void on_fault(int sig, siginfo_t *info, void *context)
{
	if (!in_access)
		abort();
	fault_at = info->si_addr;
	siglongjmp(fault_jump, 1);
}

static inline void guest_revoke(void *ctx, struct window *w, uint32_t vpn, uint32_t gfn)
{
	struct guest *g = ctx;
	g->revoked++;
	g->revoked_vpn = vpn;
	g->revoked_gfn = gfn;
}

static inline void guest_drop(void *ctx, struct window *w)
{
	struct guest *g = ctx;
	g->dropped++;
	g->dropped_last = w;
}

static inline void guest_code_store(void *ctx, uint32_t page, uint32_t off, uint32_t n)
{
	struct guest *g = ctx;
	g->code_stores++;
	g->code_store = gpa((uint64_t)page << PAGE_SHIFT | off);
}

static inline void guest_remapped(void *ctx)
{
	struct guest *g = ctx;
	g->remapped++;
}

static inline struct guest *guest_new(const struct mmu_config *c)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	struct guest *g = calloc(1, sizeof *g);
	struct mmu_client client = {g, guest_revoke, guest_drop, guest_code_store, guest_remapped};
	const char *what;
	struct mmu_config defaults = {.ram_bytes = 64 * MIB};
	memset(&stats, 0, sizeof stats);
	assert_int_equal(mmu_create(&g->m, c ? c : &defaults, &client, &what), 0);
	g->next_page = 2 * MIB;
	g->p = (struct mmu_paging){.cr0 = CR0_PE, .has_nx = true, .has_pse36 = true};
	return g;
}

static inline void guest_free(struct guest *g)
{
	mmu_check(g->m);
	mmu_destroy(g->m);
	free(g);
}

/* --- physical memory --- */

static inline uint32_t *phys32(struct guest *g, uint32_t pa)
{
	return mmu_host_store(g->m, gpa(pa));
}

static inline uint64_t *phys64(struct guest *g, uint32_t pa)
{
	return mmu_host_store(g->m, gpa(pa));
}

static inline uint32_t guest_page(struct guest *g)
{
	uint32_t pa = g->next_page;
	g->next_page += PAGE_SIZE;
	return pa;
}

/* --- tables: stores as the monitor makes them --- */

static inline void store32(struct guest *g, uint32_t pa, uint32_t v)
{
	*phys32(g, pa) = v;
	mmu_written(g->m, gpa(pa), 4);
}

static inline void store64(struct guest *g, uint32_t pa, uint64_t v)
{
	*phys64(g, pa) = v;
	mmu_written(g->m, gpa(pa), 8);
}

static inline uint64_t load_entry(struct guest *g, uint32_t pa)
{
	return g->pae ? *phys64(g, pa) : *phys32(g, pa);
}

static inline void store_entry(struct guest *g, uint32_t pa, uint64_t v)
{
	if (g->pae)
		store64(g, pa, v);
	else
		store32(g, pa, (uint32_t)v);
}

/* A root: 2-level, or PAE with its four directories there. */
static inline uint32_t root_new(struct guest *g)
{
	uint32_t cr3 = guest_page(g);
	if (g->pae)
		for (unsigned i = 0; i < 4; i++)
			*phys64(g, cr3 + 8 * i) = guest_page(g) | P;
	return cr3;
}

static inline uint32_t pde_at(struct guest *g, uint32_t cr3, uint32_t a)
{
	if (!g->pae)
		return cr3 + (a >> 22) * 4;
	return (uint32_t)(*phys64(g, cr3 + (a >> 30) * 8) & ~0xfffull) + (a >> 21 & 511) * 8;
}

/* The address of the PTE of a; makes its page table (rights W U) if there is none. */
static inline uint32_t pte_at(struct guest *g, uint32_t cr3, uint32_t a)
{
	uint32_t pde = pde_at(g, cr3, a);
	if (!(load_entry(g, pde) & P))
		store_entry(g, pde, guest_page(g) | P | W | U);
	uint32_t table = (uint32_t)load_entry(g, pde) & ~0xfffu;
	return table + (g->pae ? (a >> 12 & 511) * 8 : (a >> 12 & 1023) * 4);
}

static inline void map_page(struct guest *g, uint32_t cr3, uint32_t a, uint64_t pte)
{
	store_entry(g, pte_at(g, cr3, a), pte);
}

/* --- the processor --- */

static inline void load_cr3(struct guest *g, uint32_t cr3)
{
	struct trap t;
	g->p.cr3 = cr3;
	assert_true(mmu_paging_load(g->m, &g->p, true, &t));
}

/* Paging on with this root, WP set. */
static inline void paging_on(struct guest *g, uint32_t cr3, uint32_t cr4)
{
	g->p.cr0 = CR0_PE | CR0_PG | CR0_WP;
	g->p.cr4 = cr4 | (g->pae ? CR4_PAE : 0);
	load_cr3(g, cr3);
}

/* As kernels flush global entries, too: CR4.PGE off, and on again. */
static inline void guest_flush_all(struct guest *g)
{
	struct trap t;
	for (int i = 0; i < 2; i++) {
		g->p.cr4 ^= CR4_PGE;
		assert_true(mmu_paging_load(g->m, &g->p, false, &t));
	}
}

/* One access through the window; 0, or what mmu_fault said last. */
struct outcome {
	bool done;
	unsigned faults; /* hidden faults on the way */
	enum mmu_verdict verdict;
	gpa_t pa;
	struct trap trap;
	uint8_t value;
};

static unsigned touch_tries = 4;

static inline struct outcome touch(struct guest *g, struct window *w, uint32_t a, bool write,
                                   bool user)
{
	static struct outcome o;
	static struct window *found;
	o = (struct outcome){.value = 0};
	for (volatile unsigned tries = 0; tries < touch_tries; tries++) {
		volatile uint8_t *p = w->base + a;
		if (!sigsetjmp(fault_jump, 1)) {
			in_access = 1;
			if (write)
				*p = 0x5a;
			else
				o.value = *p;
			in_access = 0;
			o.done = true;
			return o;
		}
		in_access = 0;
		gla_t at;
		assert_true(mmu_find_window(g->m, fault_at, &found, &at));
		assert_ptr_equal(found, w);
		assert_int_equal(at.v, a);
		o.verdict =
			mmu_fault(g->m, w, at, write ? MMU_WRITE : MMU_READ, user, &o.pa, &o.trap);
		if (o.verdict != MMU_MAPPED)
			return o;
		o.faults++;
	}
	fail_msg("address %x of window %u faults for ever", a, w->id);
	return o;
}

/* Is the page accessible in the window without help? */
static inline bool mapped(struct guest *g, struct window *w, uint32_t a, bool write)
{
	volatile uint8_t *p = w->base + a;
	if (sigsetjmp(fault_jump, 1)) {
		in_access = 0;
		return false;
	}
	in_access = 1;
	uint8_t v = *p;
	if (write)
		*p = v;
	in_access = 0;
	return true;
}

static inline struct window *kernel_window_at(struct guest *g, uint32_t eip)
{
	return mmu_window(g->m, false, gla(eip));
}

static inline struct window *kernel_window(struct guest *g)
{
	return kernel_window_at(g, 0xc0100000);
}

static inline struct window *user_window(struct guest *g)
{
	return mmu_window(g->m, true, gla(0x08048000));
}

#endif
