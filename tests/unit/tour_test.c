/* links: tour */
#include "base/stats.h"
#include "host/child.h"
#include "machine/tour/tour.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void kernel_is_an_i386_elf(void **state)
{
	size_t size;
	const uint8_t *k = tour_kernel(&size);

	assert_true(size > 4096);
	assert_memory_equal(k, "\177ELF\1\1\1", 7);
	assert_int_equal(k[18], 3); /* EM_386 */
}

/* Every instruction that the tour names has its line, where i386 code runs; where
 * it does not, there is no half of a report. */
static void report_is_whole_or_empty(void **state)
{
	static const char *const names[] = {
		"SGDT",      "SIDT",     "SLDT",  "SMSW",          "PUSHF",    "POPF",
		"LAR",       "LSL",      "VERR",  "VERW",          "POP(seg)", "PUSH(seg)",
		"CALL(far)", "JMP(far)", "INT n", "RET(far)/IRET", "STR",      "MOV(seg)",
	};
	char *report = tour_host_report();

	assert_non_null(report);
	for (size_t i = 0; *report && i < sizeof names / sizeof *names; i++) {
		const char *line = strstr(report, names[i]);

		assert_non_null(line);
		size_t text = strcspn(strchr(line, ':') + 1, "\n");
		assert_in_range(text, 5, 28); /* the width of its column */
	}
	free(report);
}

/* What is no program fails, and leaves nobody behind. */
static void bad_children(void **state)
{
	char out[16];
	static const uint8_t nonsense[4096] = "not a program";

	assert_true(child_run(nonsense, sizeof nonsense, 1000, out, sizeof out) < 0);
	assert_true(child_run(nonsense, 0, 1000, out, sizeof out) < 0);
}

static void counters_by_index(void **state)
{
	struct bus *b = bus_create(NULL, NULL);

	void *counters = tour_counters_create(b);
	bus_write(b, SPACE_PORT, TOUR_PORT, 4, UINT32_MAX);
	assert_int_equal(bus_read(b, SPACE_PORT, TOUR_PORT, 4), TOUR_MAGIC);
	stats.units = 0x123456789abcdef0;
	bus_write(b, SPACE_PORT, TOUR_PORT, 4, 0);
	assert_int_equal(bus_read(b, SPACE_PORT, TOUR_PORT, 4), 0x9abcdef0);
	assert_int_equal(bus_read(b, SPACE_PORT, TOUR_PORT + 4, 4), 0x12345678);
	stats.guest_instructions = 42;
	bus_write(b, SPACE_PORT, TOUR_PORT, 4, 1);
	assert_int_equal(bus_read(b, SPACE_PORT, TOUR_PORT, 4), 42);
	bus_write(b, SPACE_PORT, TOUR_PORT, 4, 100000);
	assert_int_equal(bus_read(b, SPACE_PORT, TOUR_PORT, 4), 0);
	bus_write(b, SPACE_PORT, TOUR_PORT, 4, 1);
	tour_counters_type.reset(counters, RESET_HARD);
	assert_int_equal(bus_read(b, SPACE_PORT, TOUR_PORT, 4), 0);
	tour_counters_type.destroy(counters);
	bus_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_is_an_i386_elf),
		cmocka_unit_test(report_is_whole_or_empty),
		cmocka_unit_test(bad_children),
		cmocka_unit_test(counters_by_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
