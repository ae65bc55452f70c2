/* links: verify monitor translator cache cpu host base */
/* Every row of the instruction table, in all forms of ModRM, in modes and with site hints
 * that change its translation: what comes out must pass the checker. */
#include "verify_fixture.h"

#include "translator/decode.h"
#undef fail /* cmocka.h and the checker both have one */
#include "verify/internal.h"

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
	{FLAT32_CPL0, SITE_BY_PART, {0}},
	{FLAT32_CPL0, SITE_REDIRECT, {0}},
	{FLAT32_CPL0, SITE_BY_PART, {0x66}},
	{FLAT32_CPL0, SITE_REDIRECT, {0x66}},
	{FLAT32_CPL0, SITE_BY_PART | SITE_REDIRECT, {0x67}},
	{FLAT32_CPL0 | CLASS_BASED << (MODE_SEG_SHIFT + 2 * SREG_FS), 0, {0x64}},
	{FLAT32_CPL0 | CLASS_BASED << (MODE_SEG_SHIFT + 2 * SREG_FS), SITE_BY_PART, {0x64}},
	{FLAT32_CPL0 | CLASS_LIMITED << (MODE_SEG_SHIFT + 2 * SREG_GS), 0, {0x65}},
	{FLAT32_CPL0 | CLASS_LIMITED << (MODE_SEG_SHIFT + 2 * SREG_GS), SITE_REDIRECT, {0x65}},
	{FLAT32_CPL0 | CLASS_LIMITED << (MODE_SEG_SHIFT + 2 * SREG_SS), 0, {0}},
	{FLAT32_CPL0 | CLASS_BASED << (MODE_SEG_SHIFT + 2 * SREG_SS), SITE_REDIRECT, {0}},
	{MODE_PE | MODE_OSFXSR | MODE_IF, 0, {0}},
	{MODE_PE | MODE_OSFXSR | MODE_IF | CLASS_BASED << (MODE_SEG_SHIFT + 2 * SREG_DS),
         0,
         {0x66}},
	{MODE_PE | MODE_OSFXSR | MODE_CODE32 | CLASS_LIMITED << (MODE_SEG_SHIFT + 2 * SREG_SS),
         SITE_REDIRECT,
         {0}},
	{FLAT32 | 3 | MODE_TSD | MODE_AC, 0, {0}},
	{MODE_OSFXSR | MODE_IF | MODE_64K | CLASS_BASED * 0x555u << MODE_SEG_SHIFT, 0, {0xf3}},
	{MODE_OSFXSR | MODE_IF | CLASS_BASED * 0x555u << MODE_SEG_SHIFT, 0, {0x66, 0xf2}},
	{MODE_OSFXSR | MODE_IF | CLASS_BASED * 0x555u << MODE_SEG_SHIFT, 0, {0x67, 0xf3}},
};

/* ModRM and SIB: registers, ESP as a base, an index, EBP, an absolute address. */
static const uint8_t operands[][6] = {
	{0xc0},
	{0xc4},
	{0xc7},
	{0x03},
	{0x04, 0x24},
	{0x44, 0x8c, 0x7f},
	{0x45, 0xf0},
	{0x05, 0x78, 0x56, 0x34, 0x12},
	{0x84, 0x8c, 0x00, 0x01, 0x00, 0x00},
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

/* A unit of as many instructions as there may be, each of which borrows a register. */
static void borrowed(void **state)
{
	(void)state;
	/* add fs:[edi + ecx * 4 - 80h], dh, with FS based */
	static const uint8_t add_dh[] = {0x64, 0x00, 0x74, 0x8f, 0x80};
	uint8_t b[TU_MAX_INSNS * sizeof add_dh];
	uint32_t mode = FLAT32_CPL0 | CLASS_BASED << (MODE_SEG_SHIFT + 2 * SREG_FS);
	at = BASE;
	failures = units = 0;
	for (unsigned n = 0; n < TU_MAX_INSNS; n++)
		memcpy(b + n * sizeof add_dh, add_dh, sizeof add_dh);
	struct tu *u = add_unit(at, b, sizeof b, mode, 0, 0, 0);
	assert_non_null(u);
	assert_in_range(u->n_insns, TU_MAX_INSNS - 2, TU_MAX_INSNS);
	check();
	assert_int_equal(failures, 0);
}

/* --- the other way round --- */

/* Prefix, map and opcode, ModRM, zeros; returns its length, or 0 if that is no opcode. */
static size_t form_bytes(uint8_t *b, uint8_t prefix, unsigned map, uint8_t opcode, uint8_t modrm)
{
	static const uint8_t legacy[] = {0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64,
	                                 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};
	uint8_t *at = b;
	if (!map && (memchr(legacy, opcode, sizeof legacy) || (opcode & 0xf0) == 0x40))
		return 0;
	if (prefix)
		*at++ = prefix;
	if (map)
		*at++ = 0x0f;
	if (map > 1)
		*at++ = map == 2 ? 0x38 : 0x3a;
	*at++ = opcode;
	*at++ = modrm;
	memset(at, 0, 8);
	return (size_t)(at - b) + 8;
}

/* An instruction that is permitted outside templates is one of the table, done in place, and
 * loads or stores what the table says. */
static unsigned permitted_form(struct check *c, const struct decoder *d, const uint8_t *guest,
                               size_t n, bool mem)
{
	uint8_t host[24] = {0x65, 0x67};
	struct insn_facts f;
	struct insn i;
	memcpy(host + 2, guest, n);
	if (insn_check(c, mem ? host : host + 2, 15, MEM_GS, &f) != RULE_COUNT)
		return 0;
	const struct row *r = decode(d, guest, n, true, &i) == DECODE_OK ? table_find(&i) : NULL;
	bool in_place = r && !(r->flags & (ROW_CO | ROW_SENSITIVE | ROW_PRIVILEGED));
	if (!in_place) {
		printf("  permitted, but not in the table:%s", mem ? " 65 67" : "");
		for (unsigned k = 0; k < n - 8; k++)
			printf(" %02x", guest[k]);
		printf("\n");
		failures++;
	} else if (i.has_modrm && mem && f.memory &&
	           (f.store != (r->access == 'w' || r->access == 'm') ||
	            f.size != row_mem_size(r, &i))) {
		printf("  %s: %s of %u bytes, not %c of %u\n", r->name, f.store ? "store" : "load",
		       f.size, r->access, row_mem_size(r, &i));
		failures++;
	}
	return 1;
}

static void permitted(void **state)
{
	(void)state;
	static const uint8_t prefix[] = {0, 0x66, 0xf2, 0xf3};
	struct check c = {.memo = calloc(MEMOS, sizeof *c.memo)};
	struct decoder *d = decoder_create();
	assert_true(c.memo && d && cs_open(CS_ARCH_X86, CS_MODE_64, &c.host) == CS_ERR_OK);
	cs_option(c.host, CS_OPT_DETAIL, CS_OPT_ON);
	c.insn = cs_malloc(c.host);
	unsigned count = 0;
	failures = 0;
	for (unsigned p = 0; p < sizeof prefix; p++)
		for (unsigned opcode = 0; opcode < 4 << 8; opcode++)
			for (unsigned form = 0; form < 16; form++) {
				bool mem = form & 8;
				uint8_t b[16], modrm = (mem ? 0x03 : 0xc1) | (form & 7) << 3;
				size_t n = form_bytes(b, prefix[p], opcode >> 8, (uint8_t)opcode,
				                      modrm);
				count += n && permitted_form(&c, d, b, n, mem);
			}
	printf("%u forms\n", count);
	assert_true(count > 8000);
	assert_int_equal(failures, 0);
	cs_free(c.insn, 1);
	cs_close(&c.host);
	decoder_destroy(d);
	free(c.memo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows, cache_start, cache_stop),
		cmocka_unit_test_setup_teardown(borrowed, cache_start, cache_stop),
		cmocka_unit_test_setup_teardown(sequences, cache_start, cache_stop),
		cmocka_unit_test(permitted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
