/* links: cache */
/* Units: made, found, invalidated, left, flushed. */
#include "cache_fixture.h"

static void test_commit_and_find(void **state)
{
	uint32_t targets[] = {0x5100, 0x6000}, target;
	struct tu *u = make_unit(0x5010, 7, NO_GFN, 8, 3, 2, targets);

	assert_ptr_equal(find(0x5010, 7, 3), u);
	assert_null(find(0x5011, 7, 3));
	assert_null(find(0x5010, 8, 3));
	assert_null(find(0x5010, 7, 2));
	assert_true(fx.traced[7]);
	assert_false(fx.traced[8]);
	assert_int_equal(tcache_count(fx.c), 1);
	assert_ptr_equal(tcache_at(fx.c, 0), u);
	for (unsigned i = 0; i < 2; i++) {
		assert_ptr_equal(tcache_exit(fx.c, u->exit0 + i, &target), u);
		assert_int_equal(target, targets[i]);
		assert_unchained(u, i);
	}
	/* What was written is what runs, through the other mapping. */
	assert_int_equal(code_of(u)[PAD + 8], 0x90);
}

static void test_host_addresses(void **state)
{
	struct tu *a = simple_unit(0x5000, 0), *b = simple_unit(0x5100, 0);
	uint64_t ha = tcache_host(fx.c, a), hb = tcache_host(fx.c, b), once;

	assert_true(hb >= ha + a->host_len);
	assert_ptr_equal(tcache_unit_at(fx.c, ha), a);
	assert_ptr_equal(tcache_unit_at(fx.c, ha + a->host_len - 1), a);
	if (hb != ha + a->host_len)
		assert_null(tcache_unit_at(fx.c, ha + a->host_len));
	assert_ptr_equal(tcache_unit_at(fx.c, hb), b);
	assert_null(tcache_unit_at(fx.c, hb + b->host_len));
	assert_null(tcache_unit_at(fx.c, 0));

	tcache_once(fx.c, &once);
	assert_true(tcache_in_once(fx.c, once) && tcache_contains(fx.c, once));
	assert_false(tcache_in_once(fx.c, ha));
	assert_null(tcache_unit_at(fx.c, once));
	assert_false(tcache_contains(fx.c, once - 1));
	assert_false(tcache_contains(fx.c, once + (1 << 20)));
}

static void test_pc_map(void **state)
{
	struct tu *u = simple_unit(0x5000, 0);
	assert_int_equal(tcache_pc(fx.c, u, 0)->guest, 0);
	assert_int_equal(tcache_pc(fx.c, u, 7)->guest, 0);
	assert_int_equal(tcache_pc(fx.c, u, 8)->guest, 2);
	assert_int_equal(tcache_pc(fx.c, u, u->host_len - 1)->guest, 6);
}

static void assert_dead(struct tu *u)
{
	static const uint8_t jump[3] = {0x41, 0xff, 0xa7}; /* jmp [r15 + disp32] */
	const uint8_t *pad = code_of(u) + PAD;
	uint32_t disp;

	assert_true(u->dead);
	assert_ptr_not_equal(find(u->eip, u->gfn, u->mode), u);
	/* Its pads look up where they are to go: a return stack may still hold them. */
	assert_memory_equal(pad, jump, 3);
	memcpy(&disp, pad + 3, 4);
	assert_int_equal(disp, LOOKUP_DISP);
	for (unsigned i = 0; i < u->n_exits; i++)
		assert_unchained(u, i);
}

static void test_invalidate_bytes(void **state)
{
	/* [10h, 18h), [18h, 20h), [14h, 1Ch) of page 5. */
	struct tu *a = simple_unit(0x5010, 0), *b = simple_unit(0x5018, 0),
		  *c = simple_unit(0x5014, 0);

	assert_int_equal(tcache_invalidate_bytes(fx.c, 5, 0, 0x10), 0);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 5, 0x20, 0xfe0), 0);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 6, 0, PAGE_SIZE), 0);
	assert_false(a->dead || b->dead || c->dead);

	/* The first byte of b is in c too. */
	assert_int_equal(tcache_invalidate_bytes(fx.c, 5, 0x18, 1), 2);
	assert_dead(b);
	assert_dead(c);
	assert_ptr_equal(find(0x5010, 5, 0), a);
	assert_true(fx.traced[5]);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 5, 0x17, 4), 1);
	assert_dead(a);
	/* The last unit takes the trace with it. */
	assert_false(fx.traced[5]);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 5, 0, PAGE_SIZE), 0);
	assert_int_equal(stats.invalidations, 3);

	/* Twice is once. */
	tcache_invalidate(fx.c, a);
	assert_int_equal(stats.invalidations, 3);

	/* The page may have units again. */
	struct tu *again = simple_unit(0x5010, 0);
	assert_true(fx.traced[5]);
	assert_ptr_equal(find(0x5010, 5, 0), again);
}

static void test_page_crossing(void **state)
{
	uint32_t target = 0x5000;
	/* Six bytes on page 5, four on what is mapped behind it: page 9. */
	struct tu *u = make_unit(0x5ffa, 5, 9, 10, 0, 1, &target);
	struct tu *on9 = make_unit(0x9004, 9, NO_GFN, 4, 0, 1, &target);

	assert_true(fx.traced[5] && fx.traced[9]);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 9, 8, 16), 0);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 5, 0xff0, 10), 0);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 9, 3, 1), 1);
	assert_dead(u);
	assert_false(on9->dead);
	assert_false(fx.traced[5]);
	assert_true(fx.traced[9]);

	u = make_unit(0x5ffa, 5, 9, 10, 0, 1, &target);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 5, 0xfff, 1), 1);
	assert_dead(u);
	assert_true(fx.traced[9]);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 9, 4, 1), 1);
	assert_dead(on9);
	assert_false(fx.traced[9]);

	/* Both halves on one physical page. */
	u = make_unit(0x5ffa, 5, 5, 10, 0, 1, &target);
	assert_true(fx.traced[5]);
	tcache_invalidate(fx.c, u);
	assert_false(fx.traced[5]);
}

/* A unit whose second half is on the page that its first half is on, in the page's
 * first bytes. */
static void test_page_crossing_to_itself(void **state)
{
	uint32_t target = 0x5000;
	struct tu *u = make_unit(0x5ffa, 5, 5, 10, 0, 1, &target);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 5, 4, 8), 0);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 5, 3, 1), 1);
	assert_dead(u);
}

static void test_leave_after(void **state)
{
	struct tu *u = simple_unit(0x5010, 0);
	/* mov r8d, 0x5012; jmp [r15 + miss], where guest offset 2 begins. */
	static const uint8_t leave[13] = {0x41, 0xb8, 0x12, 0x50, 0,
	                                  0,    0x41, 0xff, 0xa7, MISS_DISP};
	tcache_invalidate(fx.c, u);
	const uint8_t *host = code_of(u);
	uint8_t first[8];
	memcpy(first, host, 8);
	tcache_leave_after(fx.c, u, 5);
	assert_memory_equal(host, first, 8);
	assert_memory_equal(host + 8, leave, sizeof leave);
}

static void test_many(void **state)
{
	enum { N = 2000 };
	static struct tu *units[N];
	for (unsigned i = 0; i < N; i++)
		units[i] = make_unit(0x10000 + 8 * i, 16 + i / 512, NO_GFN, 8, i % 3, 0, NULL);
	for (unsigned i = 0; i < N; i += 2)
		tcache_invalidate(fx.c, units[i]);
	for (unsigned i = 0; i < N; i++)
		assert_ptr_equal(find(0x10000 + 8 * i, 16 + i / 512, i % 3),
		                 i % 2 ? units[i] : NULL);
	/* A unit of another mode on the same bytes is another unit. */
	assert_null(find(0x10008, 16, 2));
}

static void test_flush(void **state)
{
	uint32_t exit0, target = 0x6000;
	struct tu *a = simple_unit(0x5000, 0x5100), *b = simple_unit(0x5100, 0);
	struct branch *table = (void *)(uintptr_t)tcache_table(fx.c, 0);
	make_unit(0x7ffc, 7, 8, 8, 0, 1, &target);
	tcache_chain(fx.c, a->exit0, b);
	tcache_branch_set(fx.c, space(0, 1), b);
	assert_int_equal(-table[0x5100].minus_tag, space(0, 1)->tag + 0x5100);

	tcache_flush(fx.c);
	assert_int_equal(tcache_count(fx.c), 0);
	assert_null(find(0x5000, 5, 0));
	assert_int_equal(table[0x5100].minus_tag, 0);
	for (unsigned i = 0; i < MAX_GFN; i++)
		assert_false(fx.traced[i]);
	tcache_reserve(fx.c, &exit0);
	assert_int_equal(exit0, 0);

	/* As new: nothing of the old chains is left to be undone. */
	a = simple_unit(0x5000, 0x5100);
	b = simple_unit(0x5100, 0x5000);
	tcache_invalidate(fx.c, b);
	assert_unchained(a, 0);
	assert_false(a->dead);
}

static void test_full(void **state)
{
	unsigned n = 0;
	for (; !tcache_full(fx.c); n++)
		make_unit(0x10000 + 8 * n, 16 + n / 512, NO_GFN, 8, 0, 0, NULL);
	/* 1 MiB of units of 32 bytes, less what the largest unit needs. */
	assert_in_range(n, 30000, 32768);
	const struct tu *last = tcache_at(fx.c, n - 1);
	assert_true(tcache_contains(fx.c, tcache_host(fx.c, last) + TU_MAX_HOST));
	tcache_flush(fx.c);
	assert_false(tcache_full(fx.c));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

static int reset_stats(void **state)
{
	(void)state;
	stats = (struct stats){0};
	return start(state);
}

/* Guest page tables may name frames beyond memory. */
static void test_beyond_memory(void **state)
{
	(void)state;
	tcache_page_revoked(fx.c, 0xccccc);
	assert_int_equal(tcache_invalidate_bytes(fx.c, 0xccccc, 0, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_commit_and_find),
		TEST(test_host_addresses),
		TEST(test_pc_map),
		TEST(test_beyond_memory),
		cmocka_unit_test_setup_teardown(test_invalidate_bytes, reset_stats, stop),
		TEST(test_page_crossing),
		TEST(test_page_crossing_to_itself),
		TEST(test_leave_after),
		TEST(test_many),
		TEST(test_flush),
		TEST(test_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
