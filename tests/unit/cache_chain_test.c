/* links: cache */
/* Chains, pages that several windows run, and branch tables. */
#include "cache_fixture.h"

static void test_chain(void **state)
{
	uint32_t targets[] = {0x5100, 0x5000};
	struct tu *a = make_unit(0x5000, 5, NO_GFN, 8, 0, 2, targets),
		  *b = simple_unit(0x5100, 0x5000);

	tcache_chain(fx.c, a->exit0, b);
	tcache_chain(fx.c, a->exit0 + 1, a);
	tcache_chain(fx.c, b->exit0, a);
	assert_chained(a, 0, b);
	assert_chained(a, 1, a);
	assert_chained(b, 0, a);

	/* A signal undoes them; they can be made again. */
	tcache_unchain_exits(fx.c, a);
	assert_unchained(a, 0);
	assert_unchained(a, 1);
	assert_chained(b, 0, a);
	tcache_chain(fx.c, a->exit0, b);
	tcache_chain(fx.c, a->exit0, b);
	assert_chained(a, 0, b);

	/* A dead unit is nobody's target, and chains to nobody. */
	tcache_invalidate(fx.c, b);
	assert_unchained(a, 0);
	assert_unchained(b, 0);
	tcache_chain(fx.c, a->exit0, b);
	tcache_chain(fx.c, b->exit0, a);
	assert_unchained(a, 0);
	assert_unchained(b, 0);
}

/* Any order of making and undoing keeps the lists of incoming chains whole. */
static void test_incoming(void **state)
{
	enum { N = 12 };
	struct tu *u[N], *to = simple_unit(0x5f00, 0), *other = simple_unit(0x5f80, 0);
	uint32_t r = 1;

	for (unsigned i = 0; i < N; i++)
		u[i] = simple_unit(0x5000 + 16 * i, 0x5f00);
	struct tu *at[N] = {0};
	for (unsigned step = 0; step < 2000; step++) {
		r = r * 1664525 + 1013904223;
		unsigned i = (r >> 8) % N;
		switch (r >> 28 & 3) {
		case 0:
			tcache_unchain_exits(fx.c, u[i]);
			at[i] = NULL;
			break;
		case 1:
			tcache_chain(fx.c, u[i]->exit0, other);
			at[i] = other;
			break;
		default:
			tcache_chain(fx.c, u[i]->exit0, to);
			at[i] = to;
		}
		for (i = 0; i < N; i++)
			if (at[i])
				assert_chained(u[i], 0, at[i]);
			else
				assert_unchained(u[i], 0);
	}
	tcache_invalidate(fx.c, to);
	for (unsigned i = 0; i < N; i++)
		if (at[i] == other)
			assert_chained(u[i], 0, other);
		else
			assert_unchained(u[i], 0);
	tcache_invalidate(fx.c, other);
	for (unsigned i = 0; i < N; i++)
		assert_unchained(u[i], 0);
}

static void run_in(uint32_t gfn, uint32_t window)
{
	tcache_adopt(fx.c, space(0, window), gfn, gfn << PAGE_SHIFT);
}

/* Pages that one window runs: chains go straight, and are that window's. */
static void test_owned(void **state)
{
	uint32_t targets[] = {0x6000, 0x5100};
	struct tu *a = make_unit(0x5000, 5, NO_GFN, 8, 0, 2, targets),
		  *near = simple_unit(0x5100, 0), *far = simple_unit(0x6000, 0);
	run_in(5, 1);
	run_in(6, 1);
	tcache_chain(fx.c, a->exit0, far);
	tcache_chain(fx.c, a->exit0 + 1, near);
	assert_chained(a, 0, far);
	assert_int_equal(fx.thunks, 0);
	/* Again the same window: nothing changes. */
	run_in(5, 1);
	assert_chained(a, 0, far);

	/* Page 6 leaves the window: what leads there from another page goes. */
	tcache_page_revoked(fx.c, 6);
	assert_unchained(a, 0);
	assert_chained(a, 1, near);
	assert_false(far->dead);
	/* Page 5 leaves: chains inside it are for good. */
	tcache_page_revoked(fx.c, 5);
	assert_chained(a, 1, near);
}

/* Whatever leads to a page that leaves goes, not the first chain only: several into one
 * unit, and several units.  SDM vol. 3, 4.10.4.1. */
static void test_revoked_lists(void **state)
{
	enum { FROM = 3, TO = 3 };
	struct tu *from[FROM], *to[TO];
	uint32_t targets[TO];
	for (unsigned t = 0; t < TO; t++) {
		targets[t] = 0x6000 + 0x100 * t;
		to[t] = simple_unit(targets[t], 0x6f00);
	}
	struct tu *inside = simple_unit(0x6f00, 0x6000);
	for (unsigned f = 0; f < FROM; f++) {
		from[f] = make_unit(0x3000 + PAGE_SIZE * f, 3 + f, NO_GFN, 8, 0, TO, targets);
		run_in(3 + f, 1);
	}
	run_in(6, 1);
	for (unsigned t = 0; t < TO; t++) {
		tcache_chain(fx.c, to[t]->exit0, inside);
		for (unsigned f = 0; f < FROM; f++) {
			tcache_chain(fx.c, from[f]->exit0 + t, to[t]);
			assert_chained(from[f], t, to[t]);
		}
	}
	/* One inside the page comes before, in the list, those from elsewhere. */
	tcache_chain(fx.c, inside->exit0, to[0]);

	tcache_page_revoked(fx.c, 6);
	for (unsigned t = 0; t < TO; t++) {
		for (unsigned f = 0; f < FROM; f++)
			assert_unchained(from[f], t);
		assert_chained(to[t], 0, inside);
	}
	assert_chained(inside, 0, to[0]);
}

static void test_owner_dies(void **state)
{
	struct tu *a = simple_unit(0x5000, 0x6000), *far = simple_unit(0x6000, 0);
	run_in(5, 1);
	tcache_chain(fx.c, a->exit0, far);
	fx.alive[1] = false;
	run_in(5, 2);
	/* The former owner's chain is undone; the page has an owner again. */
	assert_unchained(a, 0);
	tcache_chain(fx.c, a->exit0, far);
	assert_chained(a, 0, far);
	assert_int_equal(fx.thunks, 0);
}

static void test_shared(void **state)
{
	uint32_t targets[] = {0x6000, 0x5100};
	struct tu *a = make_unit(0x5000, 5, NO_GFN, 8, 0, 2, targets),
		  *near = simple_unit(0x5100, 0), *far = simple_unit(0x6000, 0x5000);
	run_in(5, 1);
	tcache_chain(fx.c, a->exit0, far);
	tcache_chain(fx.c, a->exit0 + 1, near);
	run_in(5, 2);
	assert_unchained(a, 0);
	assert_chained(a, 1, near);

	/* From now on across pages by a thunk, which is made once. */
	tcache_chain(fx.c, a->exit0, far);
	uint64_t thunk = leads_to(a, 0);
	assert_int_equal(fx.thunks, 1);
	assert_int_equal(fx.thunk_eip, 0x6000);
	assert_int_not_equal(thunk, tcache_host(fx.c, far));
	assert_true(tcache_contains(fx.c, thunk));
	assert_null(tcache_unit_at(fx.c, thunk));
	tcache_unchain_exits(fx.c, a);
	assert_unchained(a, 0);
	tcache_chain(fx.c, a->exit0, far);
	assert_int_equal(leads_to(a, 0), thunk);
	assert_int_equal(fx.thunks, 1);
	/* The thunk knows no unit: the target may die. */
	tcache_invalidate(fx.c, far);
	assert_int_equal(leads_to(a, 0), thunk);

	/* Inside the page straight, as before. */
	tcache_unchain_exits(fx.c, a);
	tcache_chain(fx.c, a->exit0 + 1, near);
	assert_chained(a, 1, near);

	/* The page stays shared, whoever comes, until its last unit goes. */
	fx.alive[1] = fx.alive[2] = false;
	run_in(5, 3);
	far = simple_unit(0x6000, 0);
	tcache_chain(fx.c, a->exit0, far);
	assert_int_equal(leads_to(a, 0), thunk);
	tcache_invalidate_bytes(fx.c, 5, 0, PAGE_SIZE);
	a = simple_unit(0x5000, 0x6000);
	run_in(5, 3);
	tcache_chain(fx.c, a->exit0, far);
	assert_chained(a, 0, far);
}

/* Chains into another page of a page that is shared, from one that is not. */
static void test_into_shared(void **state)
{
	struct tu *a = simple_unit(0x6000, 0x5000), *b = simple_unit(0x5000, 0);
	run_in(6, 1);
	run_in(5, 1);
	run_in(5, 2);
	tcache_chain(fx.c, a->exit0, b);
	assert_chained(a, 0, b);
	tcache_page_revoked(fx.c, 5);
	assert_unchained(a, 0);
}

/* A unit that crosses into a second page is entered as from elsewhere, also from its
 * first page; and so is one on an alias of the same linear page. */
static void test_crossing_targets(void **state)
{
	uint32_t target = 0;
	struct tu *a = simple_unit(0x5000, 0x5ffa);
	struct tu *b = make_unit(0x5ffa, 5, 9, 10, 0, 1, &target);
	tcache_chain(fx.c, a->exit0, b);
	assert_chained(a, 0, b);
	tcache_page_revoked(fx.c, 9);
	assert_unchained(a, 0);

	struct tu *c = simple_unit(0x7000, 0x7100);
	struct tu *d = make_unit(0x7100, 8, NO_GFN, 8, 0, 1, &target);
	tcache_chain(fx.c, c->exit0, d);
	assert_chained(c, 0, d);
	tcache_page_revoked(fx.c, 8);
	assert_unchained(c, 0);
}

/* --- branch tables --- */

static struct branch *entry(unsigned mode, uint32_t eip)
{
	struct branch *t = (void *)(uintptr_t)tcache_table(fx.c, mode);
	return &t[branch_index(eip)];
}

/* As translated code looks it up. */
static uint64_t look_up(unsigned mode, uint32_t window, uint32_t eip)
{
	struct branch *b = entry(mode, eip);
	return b->minus_tag + space(mode, window)->tag + eip ? 0 : b->host;
}

static void test_branch_table(void **state)
{
	enum { w1 = 1, w2 = 2 };
	struct tu *a = simple_unit(0x5010, 0), *b = simple_unit(0x15010, 0);
	uint32_t target = 0;
	struct tu *c = make_unit(0x5010, 5, NO_GFN, 8, 1, 1, &target);

	assert_int_equal(look_up(0, w1, 0x5010), 0);
	tcache_branch_set(fx.c, space(0, w1), a);
	tcache_branch_set(fx.c, space(1, w1), c);
	assert_int_equal(look_up(0, w1, 0x5010), tcache_host(fx.c, a));
	assert_int_equal(look_up(1, w1, 0x5010), tcache_host(fx.c, c));
	/* Another window, or another EIP with the same index, is another branch. */
	assert_int_equal(look_up(0, w2, 0x5010), 0);
	assert_int_equal(look_up(0, w1, 0x15010), 0);
	tcache_branch_set(fx.c, space(0, w1), b);
	assert_int_equal(look_up(0, w1, 0x15010), tcache_host(fx.c, b));
	assert_int_equal(look_up(0, w1, 0x5010), 0);

	tcache_invalidate(fx.c, b);
	assert_int_equal(look_up(0, w1, 0x15010), 0);
	assert_int_equal(look_up(1, w1, 0x5010), tcache_host(fx.c, c));

	/* The table of misses has no entry for anything, and leads to the stub. */
	struct branch *miss = (void *)(uintptr_t)tcache_miss_table(fx.c);
	for (unsigned i = 0; i < BRANCH_ENTRIES; i++)
		assert_true(miss[i].minus_tag == 0 && miss[i].host == MISS);
	tcache_branch_drop_all(fx.c);
	assert_int_equal(look_up(1, w1, 0x5010), 0);
}

static void test_branch_drop_page(void **state)
{
	enum { N = 600 };
	enum { w1 = 1, w2 = 2 };
	uint32_t target = 0;
	struct tu *before = make_unit(0x4ffc, 4, 5, 8, 0, 1, &target),
		  *after = simple_unit(0x6000, 0);
	struct tu *far_before = simple_unit(0x3ff0, 0);
	static struct tu *u[N];

	for (unsigned i = 0; i < N; i++) {
		u[i] = make_unit(0x5000 + 6 * i, 5, NO_GFN, 4, i % 2, 1, &target);
		tcache_branch_set(fx.c, space(i % 2, w1), u[i]);
	}
	tcache_branch_set(fx.c, space(0, w1), before);
	tcache_branch_set(fx.c, space(0, w1), after);
	tcache_branch_set(fx.c, space(0, w1), far_before);
	tcache_branch_drop_page(fx.c, space(0, w2)->window, 5);
	tcache_branch_drop_page(fx.c, space(0, w1)->window, 0x15);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(look_up(i % 2, w1, 0x5000 + 6 * i), tcache_host(fx.c, u[i]));

	tcache_branch_drop_page(fx.c, space(0, w1)->window, 5);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(look_up(i % 2, w1, 0x5000 + 6 * i), 0);
	/* Its tail was on that page. */
	assert_int_equal(look_up(0, w1, 0x4ffc), 0);
	assert_int_equal(look_up(0, w1, 0x3ff0), tcache_host(fx.c, far_before));
	assert_int_equal(look_up(0, w1, 0x6000), tcache_host(fx.c, after));

	/* The page before page 0 is the last. */
	struct tu *last = make_unit(0xfffffffc, 7, 8, 8, 0, 1, &target);
	tcache_branch_set(fx.c, space(0, w1), last);
	tcache_branch_drop_page(fx.c, space(0, w1)->window, 0);
	assert_int_equal(look_up(0, w1, 0xfffffffc), 0);

	/* The page can come back, with few entries this time, and go again. */
	tcache_branch_set(fx.c, space(0, w1), u[0]);
	tcache_branch_set(fx.c, space(1, w1), u[1]);
	assert_int_equal(look_up(0, w1, 0x5000), tcache_host(fx.c, u[0]));
	tcache_branch_drop_page(fx.c, space(0, w1)->window, 5);
	assert_int_equal(look_up(0, w1, 0x5000), 0);
	assert_int_equal(look_up(1, w1, 0x5006), 0);
}

/* Code segments with a base: entries are found by EIP, pages go by linear address. */
static void test_branch_drop_based(void **state)
{
	enum { BASE = 0x40000c00, N = 600 };
	enum { w = 1 };
	uint32_t target = 0;
	static struct tu *u[N];

	struct tu *flat = simple_unit(0x5010, 0);
	tcache_branch_set(fx.c, space(0, w), flat);
	fx.cs_base = BASE;
	for (unsigned few = 0; few < 2; few++) {
		unsigned n = few ? 3 : N;
		/* Linear page 40005h, EIPs from 4400h on. */
		for (unsigned i = 0; i < n; i++) {
			u[i] = make_unit(0x4400 + 6 * i, 7, NO_GFN, 4, 1, 1, &target);
			tcache_branch_set(fx.c, space(1, w), u[i]);
		}
		tcache_branch_drop_page(fx.c, space(0, w)->window, 4);
		tcache_branch_drop_page(fx.c, space(0, w)->window, 5 + 0x10000);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(look_up(1, w, 0x4400 + 6 * i), tcache_host(fx.c, u[i]));
		tcache_branch_drop_page(fx.c, space(0, w)->window, 0x40005);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(look_up(1, w, 0x4400 + 6 * i), 0);
	}
	assert_int_equal(look_up(0, w, 0x5010), tcache_host(fx.c, flat));
}

/* On both sides of the number of entries that a page's book lists. */
static void test_branch_drop_some(void **state)
{
	enum { w = 1 };
	uint32_t target = 0;
	struct tu *u[32];
	for (unsigned i = 0; i < 32; i++)
		u[i] = make_unit(0x5ffc - 64 * i, 5, NO_GFN, 4, i & 1, 1, &target);
	for (unsigned n = 1; n <= 32; n++) {
		for (unsigned i = 0; i < n; i++)
			tcache_branch_set(fx.c, space(i & 1, w), u[i]);
		/* Again: they are there already. */
		for (unsigned i = 0; i < n; i++)
			tcache_branch_set(fx.c, space(i & 1, w), u[i]);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(look_up(i & 1, w, u[i]->eip), tcache_host(fx.c, u[i]));
		tcache_branch_drop_page(fx.c, space(0, w)->window, 5);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(look_up(i & 1, w, u[i]->eip), 0);
	}
}

/* More pages than there are books: whatever still has entries can be dropped. */
static void test_branch_many_pages(void **state)
{
	enum { N = 10000 };
	enum { w = 1 };
	static uint32_t eip[N];
	uint32_t target = 0;
	unsigned kept = 0;
	for (unsigned i = 0; i < N; i++) {
		eip[i] = (0x100 + i) * PAGE_SIZE + i / 16;
		tcache_branch_set(fx.c, space(0, w),
		                  make_unit(eip[i], 5, NO_GFN, 1, 0, 0, &target));
	}
	for (unsigned i = 0; i < N; i++)
		kept += look_up(0, w, eip[i]) != 0;
	assert_in_range(kept, 4200, 8192);
	for (unsigned i = 0; i < N; i++) {
		bool next = i + 1 < N && look_up(0, w, eip[i + 1]);
		tcache_branch_drop_page(fx.c, space(0, w)->window, 0x100 + i);
		assert_int_equal(look_up(0, w, eip[i]), 0);
		/* It takes no other along, but for the page before, whose code may end on it. */
		assert_int_equal(next, i + 1 < N && look_up(0, w, eip[i + 1]));
	}
}

/* Windows come and go at one base: the page's book is the last one's, however many there were. */
static void test_branch_windows_pass(void **state)
{
	enum { GONE = 1, HERE = 2, N = 60 };
	struct tcache_space s = *space(0, HERE);
	struct tu *u = simple_unit(0x5000, 0), *other = simple_unit(0x5100, 0);

	fx.alive[GONE] = false;
	for (unsigned i = 0; i < N; i++) {
		s.tag += 1ull << 32;
		s.window_id = i == N - 1 ? HERE : GONE;
		tcache_branch_set(fx.c, &s, i & 1 ? u : other);
	}
	tcache_branch_set(fx.c, &s, other);
	assert_int_equal(tcache_branch(fx.c, &s, 0x5000), tcache_host(fx.c, u));
	assert_int_equal(tcache_branch(fx.c, &s, 0x5100), tcache_host(fx.c, other));
	tcache_branch_drop_page(fx.c, s.window, 5);
	assert_int_equal(tcache_branch(fx.c, &s, 0x5000), 0);
	assert_int_equal(tcache_branch(fx.c, &s, 0x5100), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

/* clang-format off */
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_chain),       TEST(test_incoming),         TEST(test_owned),
	    TEST(test_owner_dies),  TEST(test_shared),           TEST(test_into_shared),
	    TEST(test_crossing_targets), TEST(test_branch_table), TEST(test_branch_drop_page),
	    TEST(test_branch_drop_based), TEST(test_branch_drop_some),
	    TEST(test_branch_many_pages), TEST(test_revoked_lists),
	    TEST(test_branch_windows_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
/* clang-format on */
