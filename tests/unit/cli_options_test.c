/* links: machine */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine/options.h"

static bool parse(struct options *o, struct problem *p, const char *line)
{
	static char text[1024];
	static char *argv[64];
	int argc = 0;
	strcpy(text, line);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	*p = (struct problem){0};
	return options_parse(o, argc, argv, p);
}

static void accept(struct options *o, const char *line)
{
	struct problem p;
	if (!parse(o, &p, line))
		fail_msg("%s: %s", line, p.text);
}

static void refuse(const char *line, const char *thing, const char *reason)
{
	struct options o;
	struct problem p;
	assert_false(parse(&o, &p, line));
	if (!strstr(p.text, thing) || !strstr(p.text, reason))
		fail_msg("%s: %s", line, p.text);
}

static void test_defaults(void **state)
{
	struct options o;
	accept(&o, "");
	assert_null(o.kernel);
	assert_int_equal(o.memory, 128 << 20);
	assert_string_equal(o.serial, "stdio");
	assert_string_equal(o.append, "");
	assert_false(o.stats || o.no_reboot || o.debug_exit || o.help || o.cpu_help);
}

static void test_all(void **state)
{
	struct options o;
	accept(&o, "--kernel k --initrd i --module m1 --module m2 --append a --memory 3G --cpu 486 "
	           "--serial unix:/s --debugcon d --debug-exit --no-reboot --log int,exc f "
	           "--vma-budget 2000 --no-userfaultfd --exact-ad --cache 16M --dump-cache c "
	           "--mmu shadow --stats");
	assert_string_equal(o.kernel, "k");
	assert_string_equal(o.initrd, "i");
	assert_int_equal(o.module_count, 2);
	assert_string_equal(o.modules[1], "m2");
	assert_string_equal(o.append, "a");
	assert_int_equal(o.memory, 3ull << 30);
	assert_string_equal(o.cpu, "486");
	assert_string_equal(o.serial, "unix:/s");
	assert_string_equal(o.debugcon, "d");
	assert_true(o.debug_exit && o.no_reboot && o.no_userfaultfd && o.exact_ad && o.stats);
	assert_string_equal(o.log, "int,exc");
	assert_string_equal(o.log_path, "f");
	assert_int_equal(o.vma_budget, 2000);
	assert_int_equal(o.cache_bytes, 16 << 20);
	assert_string_equal(o.dump_cache, "c");
	assert_null(o.stats_path);
	accept(&o, "--stats out --no-reboot");
	assert_string_equal(o.stats_path, "out");
	accept(&o, "--stats --no-reboot");
	assert_null(o.stats_path);
	assert_true(o.no_reboot);
	accept(&o, "--cpu help");
	assert_true(o.cpu_help);
	accept(&o, "--help");
	assert_true(o.help);
}

static void test_refusals(void **state)
{
	refuse("--frobnicate", "--frobnicate", "unknown option");
	refuse("stray", "stray", "not an option");
	refuse("--kernel", "--kernel", "value");
	refuse("--log int", "--log", "file");
	refuse("--memory 0", "--memory 0", "at least 4M");
	refuse("--memory 3M", "--memory 3M", "at least 4M");
	refuse("--memory 67108865", "67108865", "MiB");
	refuse("--memory 4097K", "4097K", "MiB");
	refuse("--memory 3073M", "3073M", "at most 3G");
	refuse("--memory 99999999999999999999", "--memory", "not a size");
	refuse("--memory 17179869184G", "--memory", "not a size");
	refuse("--memory -64M", "-64M", "not a size");
	refuse("--memory 64Mx", "64Mx", "not a size");
	refuse("--memory much", "much", "not a size");
	refuse("--serial telegraph", "telegraph", "--serial");
	refuse("--serial file:", "file:", "--serial");
	refuse("--vma-budget few", "few", "--vma-budget");
	refuse("--vma-budget 5", "5", "--vma-budget");
	refuse("--cache 1K", "1K", "--cache");
	refuse("--mmu magic", "magic", "--mmu");
	refuse("--initrd i", "--initrd i", "--kernel");
	refuse("--module m", "--module m", "--kernel");
}

static void test_sizes(void **state)
{
	uint64_t v;
	assert_true(options_size("0", &v) && v == 0);
	assert_true(options_size("4096", &v) && v == 4096);
	assert_true(options_size("5k", &v) && v == 5 << 10);
	assert_true(options_size("40M", &v) && v == 40 << 20);
	assert_true(options_size("4096G", &v) && v == 4096ull << 30);
	assert_false(options_size("", &v));
	assert_false(options_size("M", &v));
	assert_false(options_size(" 4M", &v));
	assert_false(options_size("4MB", &v));
	assert_false(options_size("4T", &v));
}

static void test_first_problem_is_kept(void **state)
{
	struct problem p = {0};
	assert_false(problem_set(&p, "one %d", 1));
	problem_set(&p, "two");
	assert_string_equal(p.text, "one 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_first_problem_is_kept),
	};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
