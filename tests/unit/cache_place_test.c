/* links: cache */
/* Code that runs at several EIPs: adopted, copied, moved. */
#include "cache_fixture.h"

enum { GFN = 5, LIB = 0xb7000000, OTHER = 0xb6123000 };

static bool adopt(uint32_t start, uint32_t window)
{
	return tcache_adopt(fx.c, space(0, window), GFN, start);
}

static struct tu *unit(uint32_t start, uint32_t off, uint32_t target)
{
	return make_unit(start + off, GFN, NO_GFN, 8, 0, 1, &target);
}

static struct tu *model_for(uint32_t eip)
{
	struct tu *model;
	assert_null(tcache_find(fx.c, space(0, 1), eip, GFN, &model));
	return model;
}

static uint32_t constant(const struct tu *u, unsigned at)
{
	uint32_t v;
	memcpy(&v, code_of(u) + PAD + at, 4);
	return v;
}

static void assert_constants(const struct tu *u, uint32_t eip)
{
	assert_int_equal(u->eip, eip);
	assert_int_equal(constant(u, 0), eip);
	assert_int_equal(constant(u, 4), (uint32_t)-eip);
}

static void test_copy(void **state)
{
	struct tu *near = unit(LIB, 0x100, 0), *a = unit(LIB, 0x10, LIB + 0x100);
	uint32_t target, id;
	tcache_chain(fx.c, a->exit0, near);

	assert_null(model_for(OTHER + 0x20));
	assert_ptr_equal(model_for(OTHER + 0x10), a);
	assert_false(adopt(OTHER, 2));
	struct tu *b = tcache_copy(fx.c, a, OTHER + 0x10, UINT32_MAX);
	assert_constants(a, LIB + 0x10);
	assert_constants(b, OTHER + 0x10);
	assert_ptr_equal(find(OTHER + 0x10, GFN, 0), b);
	assert_ptr_equal(find(LIB + 0x10, GFN, 0), a);
	assert_ptr_equal(tcache_unit_at(fx.c, tcache_host(fx.c, b) + 1), b);
	assert_ptr_equal(tcache_exit(fx.c, b->exit0, &target), b);
	assert_int_equal(target, OTHER + 0x100);
	/* Its exit is its own: unchained, and its stub names it. */
	assert_unchained(b, 0);
	assert_chained(a, 0, near);
	memcpy(&id, code_of(b) + stub_offset(1, 0) + 2, 4);
	assert_int_equal(id, b->exit0);
	assert_int_equal(tcache_pc(fx.c, b, 9)->guest, 2);
	/* A store kills both. */
	assert_int_equal(tcache_invalidate_bytes(fx.c, GFN, 0x12, 1), 2);
	assert_true(a->dead && b->dead);
}

static void test_move(void **state)
{
	assert_false(adopt(LIB, 1));
	struct tu *a = unit(LIB, 0x10, LIB + 0x100), *near = unit(LIB, 0x100, LIB + 0x2000),
		  *far = make_unit(LIB + 0x2000, 9, NO_GFN, 8, 0, 0, NULL);
	uint32_t target, generation = tcache_generation(fx.c);
	tcache_adopt(fx.c, space(0, 1), 9, LIB + 0x2000);
	struct tu *back =
		make_unit(LIB + 0x2010, far->gfn, NO_GFN, 8, 0, 1, &(uint32_t){LIB + 0x10});
	tcache_chain(fx.c, a->exit0, near);
	tcache_chain(fx.c, near->exit0, far);
	tcache_chain(fx.c, back->exit0, a);
	tcache_branch_set(fx.c, space(0, 1), a);

	/* Its owner lives: the other window gets a place of its own. */
	assert_false(adopt(OTHER, 2));
	assert_constants(a, LIB + 0x10);
	/* It is gone: the next takes what it has left. */
	fx.alive[1] = false;
	assert_int_equal(tcache_generation(fx.c), generation);
	assert_true(adopt(OTHER + 0x5000, 3));
	assert_int_not_equal(tcache_generation(fx.c), generation);
	assert_constants(a, OTHER + 0x5010);
	assert_constants(near, OTHER + 0x5100);
	assert_ptr_equal(find(OTHER + 0x5010, GFN, 0), a);
	assert_null(find(LIB + 0x10, GFN, 0));
	tcache_exit(fx.c, a->exit0, &target);
	assert_int_equal(target, OTHER + 0x5100);
	/* Chains inside the page stay; those from and to others go, and the table's entry. */
	assert_chained(a, 0, near);
	assert_unchained(near, 0);
	assert_unchained(back, 0);
	assert_int_equal(tcache_branch(fx.c, space(0, 1), LIB + 0x10), 0);
	/* Its new owner may chain to other pages. */
	uint32_t beyond = OTHER + 0x7000;
	assert_int_equal(tcache_exit(fx.c, near->exit0, &target) == near && target == beyond, 1);
	struct tu *there = make_unit(beyond, 11, NO_GFN, 8, 0, 0, NULL);
	tcache_chain(fx.c, near->exit0, there);
	assert_chained(near, 0, there);
}

/* A thunk is the exit's for good: its constant moves as well. */
static void test_move_thunk(void **state)
{
	assert_false(adopt(LIB, 1));
	struct tu *a = unit(LIB, 0x10, LIB + 0x2000),
		  *far = make_unit(LIB + 0x2000, 9, NO_GFN, 8, 0, 0, NULL);
	assert_false(adopt(LIB, 2));
	tcache_chain(fx.c, a->exit0, far);
	assert_int_equal(fx.thunks, 1);
	uint64_t thunk = leads_to(a, 0);
	uint32_t before, after;
	memcpy(&before, (const void *)(uintptr_t)(thunk + 2), 4);
	/* Shared: it moves only when there are too many. */
	for (uint32_t i = 0; i < 31; i++)
		assert_false(adopt(OTHER + (i << PAGE_SHIFT), 3));
	assert_constants(a, LIB + 0x10);
	assert_true(adopt(OTHER + 0x100000, 3));
	assert_constants(a, OTHER + 0x100010);
	assert_unchained(a, 0);
	memcpy(&after, (const void *)(uintptr_t)(thunk + 2), 4);
	assert_int_equal(after - before, OTHER + 0x100000 - LIB);
}

/* The place that was run longest ago makes room. */
static void test_many_places(void **state)
{
	struct tu *u[32];
	for (uint32_t i = 0; i < 32; i++) {
		assert_false(adopt(LIB + (i << PAGE_SHIFT), 1));
		u[i] = unit(LIB + (i << PAGE_SHIFT), 0x10, 0);
	}
	assert_false(adopt(LIB, 1));
	assert_true(adopt(OTHER, 1));
	assert_constants(u[0], LIB + 0x10);
	assert_constants(u[1], OTHER + 0x10);
	assert_constants(u[2], LIB + 0x2010);
	/* No unit is left: nor is a place. */
	for (unsigned i = 0; i < 32; i++)
		tcache_invalidate(fx.c, u[i]);
	for (uint32_t i = 0; i < 32; i++)
		assert_false(adopt(OTHER + (i << PAGE_SHIFT), 1));
}

/* What cannot be another EIP's is not made one. */
static void test_fixed(void **state)
{
	assert_false(adopt(0x4000, 1));
	struct tu *u = unit(0x4000, 0x10, 0x4800), *fixed = unit(0x4000, 0x20, 0x4800);
	u->limit = 0xffff;
	fixed->fixed = true;
	assert_null(tcache_copy(fx.c, fixed, 0x5020, 0xffff));
	assert_null(tcache_copy(fx.c, u, 0xf810, 0xffff)); /* its target is beyond the limit */
	assert_null(tcache_copy(fx.c, u, (uint32_t)-0x10, 0xffff));
	assert_null(tcache_copy(fx.c, unit(0x4000, 0x100, 0x2000), 0x1100, 0xffff)); /* below 0 */
	assert_false(adopt(0xf000, 2));
	assert_non_null(tcache_copy(fx.c, u, 0xf010, 0xffff));
	/* With a lower limit at the same EIP it serves itself, but not what is behind it. */
	struct tu *behind = make_unit(0x4800, GFN, NO_GFN, 8, 0, 0, NULL);
	behind->limit = 0xffff;
	tcache_chain(fx.c, u->exit0, behind);
	assert_chained(u, 0, behind);
	assert_ptr_equal(tcache_copy(fx.c, u, 0x4010, 0x4fff), u);
	assert_int_equal(u->limit, 0x4fff);
	assert_unchained(u, 0);
	u->limit = 0xffff;
	fx.alive[1] = false;
	assert_true(adopt(0x8000, 3));
	assert_constants(u, 0x8010);
	assert_true(fixed->dead);
	/* Nothing of it can be moved: the page is empty, and the place a new one. */
	fx.alive[3] = fx.alive[2] = false;
	assert_true(adopt(0x20000, 1));
	assert_non_null(unit(0x20000, 0x10, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_copy),        TEST(test_move),  TEST(test_move_thunk),
		TEST(test_many_places), TEST(test_fixed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
