/* A cache with real units from given guest bytes, and its dump. */
#ifndef VERIFY_FIXTURE_H
#define VERIFY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cache/tcache.h"
#include "cpu/vcpu.h"
#include "monitor/entry.h"
#include "monitor/layout.h"
#include "translator/table.h"
#include "translator/translator.h"
#include "verify/verify.h"

enum {
	FLAT32 = MODE_CODE32 | MODE_STACK32 | MODE_PE | MODE_OSFXSR,
	FLAT32_CPL0 = FLAT32 | MODE_IF,
	GUEST_PAGES = 64,
};

#define WINDOW 0x2f0000000000ull
#define BRANCH_TAG (1ull << 32)
#define RETURN_TAG (2ull << 32)
enum { WINDOW_ID = 1 };
#define CELL(field) ((uint32_t)offsetof(struct vcpu, field))

static struct {
	struct tcache *cache;
	struct translator *translator;
	uint8_t guest[GUEST_PAGES * PAGE_SIZE]; /* linear = physical */
	uint64_t code32;
	uint8_t site;
	const struct tu_self *self; /* of the next units; NULL: they do not check themselves */
	uint64_t returns[4];
	unsigned n_returns;
	struct tu_code once;
	bool has_once;
} fx;

static inline uint8_t guest_byte(void *ctx, uint32_t gfn, uint32_t offset)
{
	(void)ctx;
	return fx.guest[gfn * PAGE_SIZE + offset];
}

static inline bool always_traced(void *ctx, uint32_t gfn)
{
	(void)ctx;
	return gfn < GUEST_PAGES;
}

static inline uint8_t site_hint(void *ctx, uint32_t eip)
{
	(void)ctx;
	(void)eip;
	return fx.site;
}

static inline bool is_code32(void *ctx, unsigned mode)
{
	(void)ctx;
	return fx.code32 >> mode & 1;
}

static inline const struct tcache_space *space(uint32_t window)
{
	static struct tcache_space s;
	s = (struct tcache_space){
		.tag = BRANCH_TAG, .window = WINDOW, .window_id = window, .cs_limit = 0xffffffff};
	return &s;
}

static inline bool window_alive(void *ctx, uint32_t id, uint64_t window)
{
	(void)window;
	(void)ctx;
	(void)id;
	return true;
}

static inline int cache_start(void **state)
{
	(void)state;
	struct tcache_config c = {
		.bytes = 8 << 20,
		.max_gfn = GUEST_PAGES + 1,
		.miss_stub = (uintptr_t)stub_miss,
		.lookup_disp = CELL(native.stub) + 8 * STUB_LOOKUP,
		.miss_disp = CELL(native.stub) + 8 * STUB_MISS,
		.emit_thunk = translator_thunk,
		.alive = window_alive,
	};
	memset(&fx, 0, sizeof fx);
	fx.translator = translator_create();
	return fx.translator ? tcache_create(&fx.cache, &c) : -1;
}

static inline int cache_stop(void **state)
{
	(void)state;
	tcache_destroy(fx.cache);
	translator_destroy(fx.translator);
	return 0;
}

/* Puts the bytes at EIP and makes a unit of them; NULL if they are no unit. */
static inline struct tu *add_unit(uint32_t eip, const void *bytes, size_t n, uint32_t mode,
                                  unsigned mode_number, uint8_t site, unsigned max_insns)
{
	static struct tu_code code;
	struct tu_request r = {
		.bytes = fx.guest + eip,
		.avail = n,
		.eip = eip,
		.mode = {.bits = mode, .cs_limit = 0xffffffff},
		.model = cpu_model_find("n270"),
		.max_insns = max_insns,
		.site = site_hint,
		.self = fx.self,
	};
	fx.site = site;
	memcpy(fx.guest + eip, bytes, n);
	fx.code32 |= (uint64_t) !!(mode & MODE_CODE32) << mode_number;
	r.out = tcache_reserve(fx.cache, &r.exit_id);
	if (translator_run(fx.translator, &r, &code) != TU_OK)
		return NULL;
	return tcache_commit(fx.cache, &code, eip, eip & PAGE_MASK, eip >> PAGE_SHIFT, NO_GFN,
	                     mode_number);
}

struct dumped {
	uint8_t *p;
	size_t n;
};

/* Of the mappings, which come last, those of code memory remain: the rest is the
 * test's, or its sanitizer's. */
static inline void keep_code_maps(struct dumped *d)
{
	struct dump_header *h = (struct dump_header *)d->p;
	size_t bytes = h->mappings * sizeof(struct dump_mapping);
	struct dump_mapping *all = (struct dump_mapping *)(d->p + d->n - bytes);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < h->mappings; i++)
		if (strstr(all[i].name, "/memfd:unring-code"))
			all[kept++] = all[i];
	d->n -= bytes - kept * sizeof *all;
	h->mappings = kept;
}

static inline struct dumped take_dump(void)
{
	static const struct dump_window window = {.base = WINDOW, .id = WINDOW_ID};
	static const struct dump_space spaces[] = {{.tag = BRANCH_TAG, .window = WINDOW},
	                                           {.tag = RETURN_TAG, .window = WINDOW}};
	static struct dump_grant grants[GUEST_PAGES];
	struct dumped d;
	for (unsigned i = 0; i < GUEST_PAGES; i++)
		grants[i] = (struct dump_grant){.page = WINDOW + i * PAGE_SIZE, .gfn = i};
	const char *entry = (const char *)(uintptr_t)monitor_enter;
	fx.returns[fx.n_returns] = (uintptr_t)stub_ret_miss;
	struct tcache_dump x = {
		.layout = monitor_layout(),
		.stubs =
			{
				.exit = (uintptr_t)stub_exit,
				.lookup = (uintptr_t)stub_lookup,
				.far = (uintptr_t)stub_far,
				.miss = (uintptr_t)stub_miss,
				.callout = (uintptr_t)stub_callout,
				.ret_miss = (uintptr_t)stub_ret_miss,
				.entry = (uintptr_t)entry,
			},
		.entry = entry,
		.n_entry = (uint32_t)(stubs_end - entry),
		.returns = fx.returns,
		.n_returns = fx.n_returns + 1,
		.windows = &window,
		.n_windows = 1,
		.grants = grants,
		.n_grants = GUEST_PAGES,
		.spaces = spaces,
		.n_spaces = 2,
		.tag = RETURN_TAG,
		.once = fx.has_once ? &fx.once : NULL,
		.guest_byte = guest_byte,
		.traced = always_traced,
		.code32 = is_code32,
	};
	FILE *f = open_memstream((char **)&d.p, &d.n);
	assert_non_null(f);
	assert_int_equal(tcache_dump(fx.cache, &x, f), 0);
	assert_int_equal(fclose(f), 0);
	keep_code_maps(&d);
	return d;
}

static inline void print_finding(void *ctx, const struct verify_finding *f)
{
	(void)ctx;
	printf("  %s: unit %08x at %06x:", verify_rule_number(f->rule), f->eip, f->host);
	for (unsigned i = 0; i < f->length; i++)
		printf(" %02x", f->bytes[i]);
	printf(" | %s: %s; guest", f->text, verify_rule_meaning(f->rule));
	for (unsigned i = 0; i < 15 && f->eip + i < sizeof fx.guest; i++)
		printf(" %02x", fx.guest[f->eip + i]);
	printf("\n");
}

#endif
