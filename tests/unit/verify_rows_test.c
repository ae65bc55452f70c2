/* links: verify monitor translator cache cpu host base */
/* Every row of the instruction table, in all forms of ModRM, in modes and with site hints
 * that change its translation: what comes out must pass the checker. */
#include "verify_fixture.h"

#include "translator/decode.h"

enum { BASE = 0x1000 };

static const struct {
	uint32_t mode;
	uint8_t site;
	uint8_t prefix[2];
} ways[] = {
	{FLAT32_CPL0, 0, {0}},
	{FLAT32_CPL0, 0, {0x66}},
	{FLAT32_CPL0, 0, {0x67}},
	{FLAT32_CPL0, 0, {0x66, 0x67}},
	{FLAT32 | 3, 0, {0}},
	{FLAT32_CPL0, SITE_BY_GIB, {0}},
	{FLAT32_CPL0, SITE_REDIRECT, {0}},
	{FLAT32_CPL0, SITE_BY_GIB, {0x66}},
	{FLAT32_CPL0, SITE_REDIRECT, {0x66}},
	{FLAT32_CPL0, SITE_BY_GIB | SITE_REDIRECT, {0x67}},
	{FLAT32_CPL0 | CLASS_BASED << (MODE_SEG_SHIFT + 2 * SREG_FS), 0, {0x64}},
	{FLAT32_CPL0 | CLASS_BASED << (MODE_SEG_SHIFT + 2 * SREG_FS), SITE_BY_GIB, {0x64}},
	{FLAT32_CPL0 | CLASS_CHECKED << (MODE_SEG_SHIFT + 2 * SREG_GS), 0, {0x65}},
	{FLAT32_CPL0 | CLASS_CHECKED << (MODE_SEG_SHIFT + 2 * SREG_GS), SITE_REDIRECT, {0x65}},
	{FLAT32_CPL0 | CLASS_CHECKED << (MODE_SEG_SHIFT + 2 * SREG_SS), 0, {0}},
	{FLAT32_CPL0 | CLASS_BASED << (MODE_SEG_SHIFT + 2 * SREG_SS), SITE_REDIRECT, {0}},
	{MODE_PE | MODE_OSFXSR | MODE_IO, 0, {0}},
	{MODE_PE | MODE_OSFXSR | MODE_IO | CLASS_BASED << (MODE_SEG_SHIFT + 2 * SREG_DS), 0, {0x66}},
	{MODE_PE | MODE_OSFXSR | MODE_CODE32 | CLASS_CHECKED << (MODE_SEG_SHIFT + 2 * SREG_SS), SITE_REDIRECT, {0}},
	{FLAT32 | 3 | MODE_TSD | MODE_AC, 0, {0}},
};

/* ModRM and SIB: registers, ESP as a base, an index, EBP, an absolute address. */
static const uint8_t operands[][6] = {
	{0xc0}, {0xc4}, {0xc7}, {0x03}, {0x04, 0x24}, {0x44, 0x8c, 0x7f}, {0x45, 0xf0},
	{0x05, 0x78, 0x56, 0x34, 0x12}, {0x84, 0x8c, 0x00, 0x01, 0x00, 0x00},
};

static uint32_t at;
static unsigned units, failures;

static void check(void)
{
	struct dumped d = take_dump();
	struct verify_summary s;
	assert_int_equal(verify_dump(d.p, d.n, failures ? NULL : print_finding, NULL, &s), 0);
	units += s.units;

	failures += s.violations;
	free(d.p);
	tcache_flush(fx.cache);
	at = BASE;
}

static void put(const struct row *r, unsigned w, unsigned reg, unsigned operand)
{
	uint8_t b[24] = {0}, *p = b;
	for (unsigned i = 0; i < 2 && ways[w].prefix[i]; i++)
		*p++ = ways[w].prefix[i];
	if (r->pfx && r->pfx != 'N')
		*p++ = r->pfx == '6' ? 0x66 : r->pfx == '3' ? 0xf3 : 0xf2;
	if (r->map)
		*p++ = 0x0f;
	if (r->map > 1)
		*p++ = r->map == 2 ? 0x38 : 0x3a;
	*p++ = r->opcode;
	memcpy(p, operands[operand], sizeof operands[operand]);
	*p |= reg << 3;
	if ((at & PAGE_MASK) > PAGE_SIZE - 32)
		at = (at | PAGE_MASK) + 1;
	if (at + sizeof b > sizeof fx.guest || tcache_full(fx.cache))
		check();
	add_unit(at, b, sizeof b, ways[w].mode, w, ways[w].site, 1);
	at += sizeof b;
}

static void rows(void **state)
{
	(void)state;
	const struct row *r;
	at = BASE;
	for (unsigned i = 0; (r = table_at(i)); i++)
		for (unsigned w = 0; w < sizeof ways / sizeof *ways; w++)
			for (unsigned reg = 0; reg < 8; reg++)
				for (unsigned o = 0; o < sizeof operands / sizeof *operands; o++)
					if (r->ext < 0 || r->ext == (int)reg)
						put(r, w, reg, o);
	check();
	printf("%u units\n", units);
	assert_true(units > 100000);
	assert_int_equal(failures, 0);
}

/* The same rows one after the other in long units. */
static void sequences(void **state)
{
	(void)state;
	uint32_t seed = 12345;
	at = BASE;
	failures = 0;
	for (unsigned n = 0; n < 4000; n++) {
		uint8_t b[200];
		for (unsigned i = 0; i < sizeof b; i++) {
			seed = seed * 1664525 + 1013904223;
			b[i] = seed >> 24;
		}
		unsigned w = n % (sizeof ways / sizeof *ways);
		if ((at & PAGE_MASK) > PAGE_SIZE - sizeof b)
			at = (at | PAGE_MASK) + 1;
		if (at + sizeof b > sizeof fx.guest || tcache_full(fx.cache))
			check();
		add_unit(at, b, sizeof b, ways[w].mode, w, ways[w].site, 0);
		at += sizeof b;
	}
	check();
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows, cache_start, cache_stop),
		cmocka_unit_test_setup_teardown(sequences, cache_start, cache_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
