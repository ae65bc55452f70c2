/* A cache with hand-made units: each is some bytes, its exits (jmp rel32), a pad
 * where asked for, and a stub an exit. */
#ifndef CACHE_FIXTURE_H
#define CACHE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/stats.h"
#include "cache/tcache.h"

enum { MAX_GFN = 4096, THUNK_LEN = 20, MISS = 0x1230, LOOKUP_DISP = 0x68, MISS_DISP = 0x70 };

struct fixture {
	struct tcache *c;
	bool traced[MAX_GFN];
	unsigned traces;
	uint32_t thunk_eip; /* of the last thunk */
	unsigned thunks;
	bool alive[8];    /* windows, by id */
	uint32_t cs_base; /* of the units that are made */
};

static struct fixture fx;

static inline unsigned emit_thunk(uint8_t *out, uint32_t eip)
{
	memset(out, 0x90, THUNK_LEN);
	fx.thunk_eip = eip;
	fx.thunks++;
	return THUNK_LEN;
}

static inline void trace(void *ctx, uint32_t gfn, bool on)
{
	struct fixture *f = ctx;
	/* No page is traced or released twice. */
	assert_int_equal(f->traced[gfn], !on);
	f->traced[gfn] = on;
	f->traces++;
}

static inline bool window_alive(void *ctx, uint32_t id, uint64_t window)
{
	(void)window;
	return ((struct fixture *)ctx)->alive[id];
}

static inline int start(void **state)
{
	fx = (struct fixture){.alive = {false, true, true, true}};
	*state = &fx;
	return tcache_create(&fx.c, &(struct tcache_config){
					    .bytes = 1 << 20,
					    .max_gfn = MAX_GFN,
					    .miss_stub = MISS,
					    .lookup_disp = LOOKUP_DISP,
					    .miss_disp = MISS_DISP,
					    .emit_thunk = emit_thunk,
					    .trace = trace,
					    .alive = window_alive,
					    .ctx = &fx,
				    });
}

static inline int stop(void **state)
{
	(void)state;
	tcache_destroy(fx.c);
	return 0;
}

enum { PAD = 0, FIRST_PATCH = 33, EXIT_BYTES = 5, STUB_BYTES = 10, N_PC = 4 };

static inline unsigned stub_offset(unsigned n_exits, unsigned i)
{
	return FIRST_PATCH - 1 + EXIT_BYTES * n_exits + STUB_BYTES * i;
}

/* A unit of guest_len bytes at EIP, on physical page gfn
 * and, if it crosses, gfn2; its exits lead to targets.  Host: sixteen bytes of pad,
 * sixteen of nop, the exits, the stubs.  PC map: two guest bytes each 8 host bytes. */
static inline struct tu *make_unit(uint32_t eip, uint32_t gfn, uint32_t gfn2, unsigned guest_len,
                                   unsigned mode, unsigned n_exits, const uint32_t *targets)
{
	struct tu_code code = {.guest_len = guest_len,
	                       .n_insns = N_PC,
	                       .n_exits = n_exits,
	                       .n_pads = 1,
	                       .n_pc = N_PC,
	                       .n_relocs = 2,
	                       .relocs = {{PAD, RELOC_EIP}, {PAD + 4, RELOC_MINUS_EIP}},
	                       .limit = UINT32_MAX};
	uint32_t first;
	uint8_t *out = tcache_reserve(fx.c, &first);

	memset(out, 0x90, 32);
	memcpy(out + PAD, &eip, 4);
	memcpy(out + PAD + 4, &(uint32_t){-eip}, 4);
	code.pads[0].host = PAD;
	for (unsigned i = 0; i < N_PC; i++)
		code.pc[i] = (struct tu_pc){.host = 8 * i, .guest = 2 * i};
	for (unsigned i = 0; i < n_exits; i++) {
		unsigned patch = FIRST_PATCH + EXIT_BYTES * i, stub = stub_offset(n_exits, i);
		uint32_t rel = stub - (patch + 4);
		code.exits[i] =
			(struct tu_exit){.target = targets[i], .patch = patch, .stub = stub};
		out[patch - 1] = 0xe9;
		memcpy(out + patch, &rel, 4);
		memset(out + stub, 0xf4, STUB_BYTES);
	}
	code.host_len = stub_offset(n_exits, n_exits);
	struct tu *u =
		tcache_commit(fx.c, &code, eip, (fx.cs_base + eip) & PAGE_MASK, gfn, gfn2, mode);
	assert_int_equal(u->exit0, first);
	return u;
}

/* Where the window runs in a mode: all of code segments with the base of the units made. */
static inline const struct tcache_space *space(unsigned mode, uint32_t window)
{
	static struct tcache_space s;
	s = (struct tcache_space){
		.tag = (uint64_t)(window * 16 + mode + 1) << 32,
		.window = (uint64_t)window << 33,
		.window_id = window,
		.cs_base = fx.cs_base,
		.cs_limit = UINT32_MAX,
		.mode = mode,
	};
	return &s;
}

static inline struct tu *find(uint32_t eip, uint32_t gfn, unsigned mode)
{
	return tcache_find(fx.c, space(mode, 1), eip, gfn, NULL);
}

/* A unit with one exit on page gfn, which is mapped at linear page gfn. */
static inline struct tu *simple_unit(uint32_t eip, uint32_t target)
{
	return make_unit(eip, eip >> PAGE_SHIFT, NO_GFN, 8, 0, 1, &target);
}

static inline const uint8_t *code_of(const struct tu *u)
{
	return (const uint8_t *)(uintptr_t)tcache_host(fx.c, u);
}

/* Where the unit's i-th exit leads, as a host address. */
static inline uint64_t leads_to(const struct tu *u, unsigned i)
{
	unsigned patch = FIRST_PATCH + EXIT_BYTES * i;
	int32_t rel;
	memcpy(&rel, code_of(u) + patch, 4);
	return tcache_host(fx.c, u) + patch + 4 + rel;
}

static inline uint64_t stub_of(const struct tu *u, unsigned i)
{
	return tcache_host(fx.c, u) + stub_offset(u->n_exits, i);
}

static inline void assert_chained(const struct tu *from, unsigned i, const struct tu *to)
{
	assert_int_equal(leads_to(from, i), tcache_host(fx.c, to));
}

static inline void assert_unchained(const struct tu *u, unsigned i)
{
	assert_int_equal(leads_to(u, i), stub_of(u, i));
}

#endif
