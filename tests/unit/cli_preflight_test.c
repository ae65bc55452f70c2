/* links: machine */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine/preflight.h"

enum { FSGSBASE = 1 << 0, BMI2 = 1 << 8 };

static const char *lacks(struct host_words w)
{
	static struct problem p;
	p = (struct problem){0};
	return preflight_cpu(&w, &p) ? NULL : p.text;
}

static void test_processor(void **state)
{
	assert_null(lacks((struct host_words){7, FSGSBASE | BMI2, true}));
	assert_null(lacks((struct host_words){0x20, UINT32_MAX, true}));
	assert_non_null(strstr(lacks((struct host_words){7, BMI2, true}), "FSGSBASE"));
	assert_non_null(strstr(lacks((struct host_words){7, FSGSBASE, true}), "BMI2"));
	/* Leaf 7 is not there: what was read of it means nothing. */
	assert_non_null(strstr(lacks((struct host_words){6, FSGSBASE | BMI2, true}), "FSGSBASE"));
	/* The processor has it, the kernel keeps it off. */
	assert_non_null(strstr(lacks((struct host_words){7, FSGSBASE | BMI2, false}), "kernel"));
}

static void test_maps(void **state)
{
	struct problem p = {0};
	assert_true(preflight_maps(65530, &p));
	assert_true(preflight_maps(4096, &p));
	assert_false(preflight_maps(100, &p));
	assert_non_null(strstr(p.text, "vm.max_map_count is 100"));
}

static void test_memory(void **state)
{
	struct problem p = {0};
	assert_true(preflight_memory(1ull << 30, "1G", 1ull << 30, &p));
	assert_false(preflight_memory(2ull << 30, "2G", 1ull << 30, &p));
	assert_non_null(strstr(p.text, "--memory 2G"));
	assert_non_null(strstr(p.text, "1024 MiB"));
}

static void test_this_host(void **state)
{
	struct problem p = {0};
	if (!preflight(4 << 20, "4M", &p))
		fail_msg("this host cannot run unring: %s", p.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processor),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_this_host),
	};
	return cmocka_run_group_tests_name("preflight", tests, NULL, NULL);
}
