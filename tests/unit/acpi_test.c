/* links: machine */
/* The ACPI tables, put into memory by their script as firmware would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/acpi.h"

#include <string.h>

enum { TABLES_AT = 0x7fe0000, ROOT_AT = 0xf5a80 };

static struct acpi_files f;

static uint8_t *file_named(const char *name, uint32_t *at)
{
	bool root = !strcmp(name, ACPI_ROOT_FILE);
	if (!root)
		assert_string_equal(name, ACPI_TABLES_FILE);
	*at = root ? ROOT_AT : TABLES_AT;
	return root ? f.root : f.tables;
}

static uint32_t word(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static void put(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof v);
}

static uint8_t sum_of(const uint8_t *p, uint32_t n)
{
	uint8_t sum = 0;
	while (n--)
		sum += *p++;
	return sum;
}

static unsigned allocated;

static void run_step(const uint8_t *s)
{
	const char *file = (const char *)s + 4;
	uint32_t at, to;
	uint8_t *p = file_named(file, &at);
	switch (word(s)) {
	case 1:
		assert_int_equal(at % word(s + 60), 0);
		assert_int_equal(s[64], at == ROOT_AT ? 2 : 1);
		allocated++;
		break;
	case 2:
		file_named((const char *)s + 60, &to);
		assert_int_equal(s[120], 4);
		p += word(s + 116);
		put(p, word(p) + to);
		break;
	case 3:
		p[word(s + 60)] -= sum_of(p + word(s + 64), word(s + 68));
		break;
	default:
		fail();
	}
}

static const uint8_t *table(uint32_t at, const char *signature)
{
	assert_in_range(at, TABLES_AT, TABLES_AT + f.tables_bytes - 8);
	const uint8_t *p = f.tables + (at - TABLES_AT);
	assert_memory_equal(p, signature, 4);
	assert_in_range(word(p + 4), 8, f.tables_bytes - (at - TABLES_AT));
	return p;
}

static const uint8_t *summed_table(uint32_t at, const char *signature)
{
	const uint8_t *p = table(at, signature);
	assert_int_equal(sum_of(p, word(p + 4)), 0);
	return p;
}

static void test_tables(void **state)
{
	acpi_build(&f, &(struct acpi_config){0xc0000000, false});
	assert_int_equal(f.script_bytes % 128, 0);
	for (size_t i = 0; i < f.script_bytes; i += 128)
		run_step(f.script + i);
	assert_int_equal(allocated, 2);

	assert_memory_equal(f.root, "RSD PTR ", 8);
	assert_int_equal(sum_of(f.root, sizeof f.root), 0);
	const uint8_t *rsdt = summed_table(word(f.root + 16), "RSDT");
	assert_int_equal(word(rsdt + 4), 40);
	const uint8_t *fadt = summed_table(word(rsdt + 36), "FACP");
	assert_int_equal(word(fadt + 36) % 64, 0);
	assert_int_equal(word(table(word(fadt + 36), "FACS") + 4), 64);
	const uint8_t *dsdt = summed_table(word(fadt + 40), "DSDT");
	assert_int_equal(word(fadt + 56), 0x600);
	/* The DSDT's first name is where memory of PCI begins. */
	assert_memory_equal(dsdt + 36, "\x08PMEM\x0c\x00\x00\x00\xc0", 10);
}

/* What is told of the APICs: the timer's input is 2, and 9 is a level, active high. */
static void test_apics(void **state)
{
	acpi_build(&f, &(struct acpi_config){0xc0000000, true});
	for (size_t i = 0; i < f.script_bytes; i += 128)
		run_step(f.script + i);
	const uint8_t *rsdt = summed_table(word(f.root + 16), "RSDT");
	assert_int_equal(word(rsdt + 4), 44);
	summed_table(word(rsdt + 36), "FACP");
	const uint8_t *madt = summed_table(word(rsdt + 40), "APIC");
	assert_int_equal(word(madt + 36), 0xfee00000);
	unsigned found = 0;
	for (const uint8_t *e = madt + 44; e < madt + word(madt + 4); e += e[1]) {
		if (e[0] == 1)
			assert_int_equal(word(e + 4), 0xfec00000);
		if (e[0] == 2 && e[3] == 0)
			assert_int_equal(word(e + 4), 2);
		if (e[0] == 2 && e[3] == 9)
			assert_int_equal(e[8], 0xd);
		found |= 1u << e[0];
	}
	assert_int_equal(found, 0x17);
}

/* The same without firmware: to the last byte. */
static void test_link(void **state)
{
	static struct acpi_files linked;
	struct acpi_config c = {0xc0000000, true};
	acpi_build(&f, &c);
	for (size_t i = 0; i < f.script_bytes; i += 128)
		run_step(f.script + i);
	acpi_build(&linked, &c);
	acpi_link(&linked, TABLES_AT);
	assert_memory_equal(&linked, &f, sizeof f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_apics),
		cmocka_unit_test(test_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
