/* links: cache host base */
/* Pages whose units check themselves: when they begin to, when they are traced again, and which of
 * several units of one address is found. */
#include "cache_fixture.h"

enum {
	TRIAL = 4,
	PAGE = 5,
	AT = PAGE << PAGE_SHIFT,
	SECOND = 4 /* ticks of 2^28 of the TSC; roughly */
};
#define TICK (1ull << 28)

static uint8_t memory[PAGE_SIZE]; /* what is on every page */

static const uint8_t *page_of(void *ctx, uint32_t gfn)
{
	(void)ctx;
	(void)gfn;
	return memory;
}

static int begin(void **state)
{
	(void)state;
	fx = (struct fixture){.alive = {false, true, true, true}};
	memset(memory, 0, sizeof memory);
	memset(&stats, 0, sizeof stats);
	return tcache_create(&fx.c, &(struct tcache_config){
					    .bytes = 1 << 20,
					    .max_gfn = MAX_GFN,
					    .miss_stub = MISS,
					    .lookup_disp = LOOKUP_DISP,
					    .miss_disp = MISS_DISP,
					    .emit_thunk = emit_thunk,
					    .page = page_of,
					    .trace = trace,
					    .alive = window_alive,
					    .ctx = &fx,
				    });
}

/* A unit of n bytes that checks itself, but for the byte `live`. */
static struct tu *self_unit(uint32_t off, unsigned n, unsigned live)
{
	static struct tu_code code;
	uint32_t first;
	code = (struct tu_code){
		.guest_len = n, .host_len = 32, .limit = UINT32_MAX, .source = memory + off};
	if (live < n)
		code.live[live / 8] = 1 << (live & 7);
	memset(tcache_reserve(fx.c, &first), 0x90, 32);
	return tcache_commit(fx.c, &code, AT + off, off, PAGE, NO_GFN, 0);
}

/* How many stores to one address, so far apart, it takes; 0: any number. */
static unsigned stores_until_self(uint64_t *now, uint64_t apart)
{
	for (unsigned n = 1; n <= 1000; n++, *now += apart) {
		tcache_stored(fx.c, PAGE, 0x800, 4, *now);
		if (tcache_is_self(fx.c, PAGE))
			return n;
	}
	return 0;
}

static void test_begins(void **state)
{
	uint64_t now = 100 * TICK;
	struct tu *u = simple_unit(AT, AT);

	(void)state;
	assert_true(fx.traced[PAGE]);
	/* Each address once: code that is written for the first time. */
	for (uint32_t off = 0x400; off < PAGE_SIZE; off++)
		assert_int_equal(tcache_stored(fx.c, PAGE, off, 1, now), 0);
	assert_false(tcache_is_self(fx.c, PAGE));
	assert_null(tcache_patched(fx.c, PAGE));
	/* One address now and then. */
	assert_int_equal(stores_until_self(&now, 10 * SECOND * TICK), 0);
	assert_false(u->dead);
	/* Again and again: four, and sixteen with the fourth. */
	assert_int_equal(stores_until_self(&now, 1), 19);
	assert_true(u->dead);
	assert_false(fx.traced[PAGE]);
	assert_int_equal(stats.self_pages, 1);
	u = self_unit(0, 8, 8);
	assert_false(fx.traced[PAGE]);
	tcache_invalidate(fx.c, u);
	assert_false(fx.traced[PAGE]);
	/* A store that finds units kills them, on such a page too. */
	u = self_unit(0, 8, 8);
	assert_int_equal(tcache_stored(fx.c, PAGE, 7, 1, now), 1);
	assert_true(u->dead);
	/* All is forgotten. */
	self_unit(0, 8, 8);
	tcache_flush(fx.c);
	assert_false(tcache_is_self(fx.c, PAGE));
	simple_unit(AT, AT);
	assert_true(fx.traced[PAGE]);
}

static void test_ends(void **state)
{
	uint64_t now = 1000 * TICK, since;
	uint32_t took = 64;

	(void)state;
	for (unsigned round = 0; round < 8; round++) {
		simple_unit(AT, AT);
		assert_true(fx.traced[PAGE]);
		assert_in_range(stores_until_self(&now, 1), 1, 19);
		struct tu *u = self_unit(0x10, 8, 8);
		since = now;
		while (tcache_is_self(fx.c, PAGE)) {
			assert_false(u->dead);
			assert_int_equal(fx.traced[PAGE], (now - since) / TICK >= took);
			now += TICK;
			tcache_calm(fx.c, now);
		}
		assert_true(u->dead);
		assert_in_range((now - since) / TICK, took + TRIAL, took + TRIAL + 1);
		took *= round < 6 ? 2 : 1;
	}
}

/* A store during the page's trial: its units stay, and the next trial is later. */
static void test_goes_on(void **state)
{
	uint64_t now = 1000 * TICK, since;
	uint32_t took = 64;

	(void)state;
	simple_unit(AT, AT);
	stores_until_self(&now, 1);
	struct tu *u = self_unit(0x10, 8, 8);
	for (unsigned round = 0; round < 4; round++) {
		for (since = now; !fx.traced[PAGE]; tcache_calm(fx.c, now))
			now += TICK;
		assert_in_range((now - since) / TICK, took, took + 1);
		now += TICK;
		assert_int_equal(tcache_stored(fx.c, PAGE, 0x800, 4, now), 0);
		assert_false(fx.traced[PAGE]);
		assert_true(tcache_is_self(fx.c, PAGE));
		assert_false(u->dead);
		took *= 2;
	}
	/* All is forgotten, in a trial too. */
	while (!fx.traced[PAGE])
		tcache_calm(fx.c, now += TICK);
	tcache_flush(fx.c);
	assert_false(fx.traced[PAGE]);
}

static struct tu *found(uint32_t off)
{
	return find(AT + off, PAGE, 0);
}

static void test_versions(void **state)
{
	uint64_t now = TICK;
	struct tu *u[4];

	(void)state;
	simple_unit(AT, AT);
	stores_until_self(&now, 1);
	for (unsigned i = 0; i < 4; i++) {
		memory[0x105] = i;
		assert_null(found(0x100));
		u[i] = self_unit(0x100, 8, 2);
	}
	for (unsigned i = 0; i < 12; i++) {
		memory[0x105] = i & 3;
		memory[0x102] = i; /* which is live */
		assert_ptr_equal(found(0x100), u[i & 3]);
	}
	/* What has changed in a unit is known, and nothing else. */
	const uint8_t *patched = tcache_patched(fx.c, PAGE);
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(tu_is_live(patched, i), i == 0x105);
	/* Nothing leads to one that has found other bytes; it is there when they are back. */
	tcache_adopt(fx.c, space(0, 1), PAGE, AT);
	tcache_branch_set(fx.c, space(0, 1), u[0]);
	assert_int_equal(tcache_branch(fx.c, space(0, 1), AT + 0x100), tcache_host(fx.c, u[0]));
	tcache_stale(fx.c, u[0]);
	assert_int_equal(tcache_branch(fx.c, space(0, 1), AT + 0x100), 0);
	memory[0x105] = 0;
	assert_ptr_equal(found(0x100), u[0]);
	/* Too many: those that were made first go. */
	for (unsigned i = 4; i < 40; i++) {
		memory[0x105] = i;
		assert_null(found(0x100));
		self_unit(0x100, 8, 2);
	}
	assert_true(u[0]->dead);
	memory[0x105] = 38;
	assert_non_null(found(0x100));
}

/* More pages than are kept: the one that would end first does. */
static void test_many(void **state)
{
	unsigned self = 0;

	(void)state;
	for (uint32_t gfn = 1; gfn < 1500; gfn++) {
		simple_unit(gfn << PAGE_SHIFT, 0);
		for (unsigned n = 0; n < 19; n++)
			tcache_stored(fx.c, gfn, 0x800, 4, gfn * TICK);
		assert_true(tcache_is_self(fx.c, gfn));
	}
	for (uint32_t gfn = 1; gfn < 1500; gfn++)
		self += tcache_is_self(fx.c, gfn);
	assert_in_range(self, 1000, 1024);
	assert_false(tcache_is_self(fx.c, 1));
	assert_true(tcache_is_self(fx.c, 1499));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, stop)
	const struct CMUnitTest tests[] = {
		TEST(test_begins),   TEST(test_ends), TEST(test_goes_on),
		TEST(test_versions), TEST(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
