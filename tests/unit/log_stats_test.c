/* links: base */
/* The log's categories, and the counters' file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/stats.h"

#include <errno.h>

static char path[] = "/tmp/unring-log-XXXXXX";

static int start(void **state)
{
	strcpy(path + strlen(path) - 6, "XXXXXX");
	int fd = mkstemp(path);
	return fd < 0 || close(fd);
}

static int stop(void **state)
{
	log_close();
	return unlink(path);
}

static void read_log(char *out, size_t size)
{
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	out[fread(out, 1, size - 1, f)] = 0;
	fclose(f);
}

static void test_categories(void **state)
{
	unsigned i;
	for (i = 0; log_category_name(i); i++) {
		log_open(1u << i, fopen(path, "w"));
		for (unsigned c = LOG_INT; c <= LOG_IO; c <<= 1)
			assert_int_equal(log_on(c), c == 1u << i);
		log_close();
		assert_int_equal(log_mask, 0);
	}
	assert_int_equal(1u << (i - 1), LOG_IO);
	assert_string_equal(log_category_name(__builtin_ctz(LOG_EXITS)), "exits");
	assert_string_equal(log_category_name(__builtin_ctz(LOG_MMU)), "mmu");
}

static void test_lines(void **state)
{
	char text[256];
	log_write("before: %d", 1);
	log_open(LOG_INT, fopen(path, "w"));
	log_write("vector %02x", 0x80);
	log_write("%s", "second");
	log_close();
	log_write("after");
	read_log(text, sizeof text);
	assert_string_equal(text, "vector 80\nsecond\n");
}

/* A full disk is told once, at the end, also when the log is short. */
static void test_full(void **state)
{
	for (unsigned lines = 1; lines < 10000; lines *= 1000) {
		log_open(LOG_INT, fopen("/dev/full", "w"));
		for (unsigned i = 0; i < lines; i++)
			log_write("a line of the log");
		assert_int_equal(log_close(), -ENOSPC);
		assert_int_equal(log_close(), 0);
	}
}

/* One "name value" line a counter, in the order of stats.inc. */
static void test_stats(void **state)
{
	static const char *const names[] = {
#define STAT(name, help) #name,
#include "base/stats.inc"
#undef STAT
	};
	enum { N = sizeof names / sizeof *names };
	uint64_t *values = (uint64_t *)&stats;
	FILE *f = tmpfile();
	char name[64];
	unsigned long long value;

	assert_non_null(f);
	assert_int_equal(sizeof stats, N * sizeof *values);
	for (unsigned i = 0; i < N; i++)
		values[i] = i * 0x100000001ull;
	stats_write(f);
	rewind(f);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(fscanf(f, "%63s %llu", name, &value), 2);
		assert_string_equal(name, names[i]);
		assert_int_equal(value, i * 0x100000001ull);
	}
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_categories, start, stop),
		cmocka_unit_test_setup_teardown(test_lines, start, stop),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_stats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
