/* links: base */
#include "base/archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct thing {
	uint8_t small;
	uint64_t large;
	bool on;
	uint16_t list[3];
	struct {
		uint32_t x;
	} part[2];
};

/* What a device's state() looks like. */
static void thing_state(struct thing *t, struct archive *a)
{
	ARCHIVE(a, t, small);
	archive_require(a, "small", t->small < 100);
	ARCHIVE(a, t, large);
	ARCHIVE(a, t, on);
	ARCHIVE(a, t, list);
	for (unsigned i = 0; i < 2; i++) {
		archive_index(a, i);
		ARCHIVE(a, &t->part[i], x);
	}
	archive_index(a, -1);
}

static const struct thing sample = {42, 0x123456789abcdef0, true, {1, 2, 0xffff}, {{7}, {8}}};

static void assert_same(const struct thing *t, const struct thing *u)
{
	assert_int_equal(t->small, u->small);
	assert_true(t->large == u->large);
	assert_int_equal(t->on, u->on);
	assert_memory_equal(t->list, u->list, sizeof t->list);
	assert_memory_equal(t->part, u->part, sizeof t->part);
}

static struct archive *saved(void)
{
	struct archive *a = archive_create();
	struct thing first = sample, second = {.small = 1};
	assert_false(archive_loads(a));
	archive_section(a, "first");
	thing_state(&first, a);
	archive_section(a, "second");
	thing_state(&second, a);
	assert_same(&first, &sample);
	assert_null(archive_problem(a));
	assert_false(archive_loaded(a)); /* it saves */
	return a;
}

static struct archive *reopened(void)
{
	size_t size;
	struct archive *a = saved();
	const void *bytes = archive_bytes(a, &size);
	struct archive *b = archive_open(bytes, size);
	assert_non_null(b);
	assert_true(archive_loads(b));
	archive_destroy(a);
	return b;
}

static void test_both_directions(void **state)
{
	struct archive *a = reopened();
	struct thing t = {0}, u = {0};
	/* Sections in any order. */
	archive_section(a, "second");
	thing_state(&u, a);
	archive_section(a, "first");
	thing_state(&t, a);
	assert_null(archive_problem(a));
	assert_true(archive_loaded(a));
	assert_same(&t, &sample);
	assert_same(&u, &(struct thing){.small = 1});
	archive_destroy(a);
}

/* The first problem is told, and what it met stays as it was. */
static void test_problems(void **state)
{
	struct archive *a = reopened();
	struct thing t = {.small = 5};
	archive_section(a, "third");
	thing_state(&t, a);
	assert_string_equal(archive_problem(a), "third.small: it is not there");
	assert_false(archive_loaded(a));
	assert_same(&t, &(struct thing){.small = 5});
	archive_destroy(a);

	a = reopened();
	uint32_t wide = 9;
	archive_section(a, "first");
	archive_value(a, "small", &wide, sizeof wide);
	archive_value(a, "absent", &wide, sizeof wide);
	assert_string_equal(archive_problem(a), "first.small: it has another size");
	assert_int_equal(wide, 9);
	archive_destroy(a);

	a = reopened();
	archive_section(a, "first");
	archive_index(a, 2);
	archive_value(a, "x", &wide, sizeof wide);
	assert_string_equal(archive_problem(a), "first.x[2]: it is not there");
	archive_destroy(a);

	a = reopened();
	archive_section(a, "third");
	archive_index(a, 0);
	archive_value(a, "x", &wide, sizeof wide);
	assert_string_equal(archive_problem(a), "third.x[0]: it is not there");
	archive_destroy(a);
}

/* Values that nobody could have saved. */
static void test_ranges(void **state)
{
	struct archive *a = archive_create();
	struct thing t = sample;
	t.small = 100;
	archive_section(a, "first");
	thing_state(&t, a);
	assert_null(archive_problem(a)); /* what is saved is not judged */
	size_t size;
	const void *bytes = archive_bytes(a, &size);
	struct archive *b = archive_open(bytes, size);
	archive_section(b, "first");
	thing_state(&t, b);
	assert_string_equal(archive_problem(b), "first.small: it is out of range");
	archive_destroy(b);
	archive_destroy(a);

	a = archive_create();
	uint8_t two = 2;
	archive_section(a, "s");
	archive_value(a, "on", &two, 1);
	bytes = archive_bytes(a, &size);
	b = archive_open(bytes, size);
	archive_section(b, "s");
	ARCHIVE(b, &t, on);
	assert_string_equal(archive_problem(b), "s.on: it is out of range");
	archive_destroy(b);
	archive_destroy(a);
}

/* Bytes that are no archive: refused, or without what is looked for; nothing is read beyond. */
static void test_damage(void **state)
{
	struct archive *a = saved();
	size_t size;
	const uint8_t *bytes = archive_bytes(a, &size);
	unsigned opened = 0;
	for (size_t n = 0; n < size; n++) {
		uint8_t *cut = malloc(n + 1);
		memcpy(cut, bytes, n);
		struct archive *b = archive_open(cut, n);
		struct thing t = {0};
		if (b) {
			opened++;
			archive_section(b, "second");
			thing_state(&t, b);
			assert_non_null(archive_problem(b));
		}
		archive_destroy(b);
		free(cut);
	}
	assert_int_equal(opened, 12); /* at the ends of records */
	uint8_t *bad = malloc(size);
	for (size_t i = 0; i < size; i++) {
		memcpy(bad, bytes, size);
		bad[i] ^= 0x80;
		struct archive *b = archive_open(bad, size);
		struct thing t = {0};
		if (b)
			thing_state(&t, b);
		archive_destroy(b);
	}
	free(bad);
	archive_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_directions),
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
