/* links: translator */
/* The bounds that translation relies on: what one instruction adds to a unit at most, and what the
 * end of a unit takes.  A unit that grows past its buffer would be an assertion. */
#include "translator_fixture.h"

#include "translator/xlate.h"

static const struct cpu_model all = {.name = "all", .isa = 0xffffffff};

static uint8_t site_of(void *ctx, uint32_t eip)
{
	return *(uint8_t *)ctx;
}

/* The v-th of the modes and ways to treat a site that make code long or short. */
enum { VARIANTS = 2 * 4 * 3 * 2 };
static void variant(unsigned v, struct tu_request *q, uint8_t *site)
{
	q->mode.bits = MODE_PE | MODE_OSFXSR | (v % 2 ? MODE_CODE32 | MODE_STACK32 : 0);
	*site = v / 2 % 4;
	for (unsigned s = SREG_ES; s <= SREG_GS; s++)
		q->mode.bits |= (uint32_t)(v / 8 % 3) << (MODE_SEG_SHIFT + 2 * s);
	q->mode.bits |= v / 24 ? MODE_CSLIMIT : 0;
	q->mode.cs_limit = v / 24 ? 0x401000 : 0xffffffff;
	q->site = site_of;
	q->site_ctx = site;
}

static void test_one_instruction(void **state)
{
	static struct translation t;
	const struct row *r;
	unsigned longest = 0;

	for (unsigned n = 0; (r = table_at(n)); n++)
		for (unsigned f = 0; f < FORMS; f++)
			for (unsigned v = 0; v < VARIANTS; v++) {
				uint8_t bytes[ROW_BYTES], site;
				struct insn i;
				struct tu_request q = {
					.bytes = bytes,
					.avail = sizeof bytes,
					.eip = 0x401000,
					.model = &all,
					.out = t.host,
					.max_insns = 1,
				};
				if (!row_bytes(r, f, false, bytes, &i))
					break;
				variant(v, &q, &site);
				assert_int_equal(translator_run(translator, &q, &t.code), TU_OK);
				/* Less the end, whose exit and entry in the PC map are there only if the
				 * instruction does not end the unit itself. */
				unsigned host =
					t.code.host_len - PADDING - t.code.n_exits * STUB_HOST;
				assert_in_range(host, 0, INSN_HOST);
				assert_in_range(t.code.n_exits, 0, INSN_EXITS);
				assert_in_range(t.code.n_pads, 0, INSN_PADS);
				assert_in_range(t.code.n_pc, 1, INSN_PC);
				assert_in_range(t.code.n_relocs, 0, INSN_RELOCS);
				longest = host > longest ? host : longest;
			}
	assert_true(longest > 500); /* POPA was among them */
}

/* Units of one instruction again and again: each kind of room runs out in one of them, and the
 * unit ends before that. */
static void test_full_units(void **state)
{
	static const struct {
		uint8_t n, b[8];
	} list[] = {
		{1, {0x61}},             /* popa */
		{1, {0x60}},             /* pusha */
		{2, {0xff, 0xd0}},       /* call eax: a pad and a lookup */
		{5, {0xe8, 1, 0, 0, 0}}, /* call: a pad and an exit */
		{2, {0x75, 5}},          /* jne: an exit */
		{2, {0xe3, 5}},          /* jecxz */
		{2, {0x8a, 0x23}},       /* mov ah, [ebx]: REX takes three places in the PC map */
		{3, {0x0f, 0xf7, 0xc1}}, /* maskmovq: so does this */
		{7, {0xc6, 0x80, 1, 2, 3, 4, 5}}, /* mov byte [eax+4030201h], 5: a check each */
		{5, {0x68, 1, 2, 3, 4}},          /* push 4030201h */
		{3, {0xff, 0xd0, 0x61}},
		{3, {0x75, 5, 0x61}},
	};
	static struct translation t;
	static uint8_t patched[PAGE_SIZE / 8];
	static const struct tu_self checked = {.page = 0xfffff, .page2 = 7, .offset = 0xff0},
				    loads = {.page = 0xfffff,
	                                     .page2 = 7,
	                                     .offset = 0x101,
	                                     .patched = patched,
	                                     .patched2 = patched};
	static const struct tu_self *const selves[] = {NULL, &checked, &loads};
	unsigned short_of_insns = 0, longest = 0;

	memset(patched, 0xff, sizeof patched);
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++)
		for (unsigned v = 0; v < 3 * VARIANTS; v++) {
			uint8_t bytes[8 * TU_MAX_INSNS], site;
			struct tu_request q = {
				.bytes = bytes,
				.avail = sizeof bytes,
				.eip = 0x401000,
				.model = &all,
				.out = t.host,
			};
			for (unsigned at = 0; at < sizeof bytes; at++)
				bytes[at] = list[i].b[at % list[i].n];
			variant(v % VARIANTS, &q, &site);
			q.self = selves[v / VARIANTS];
			q.mode.cs_limit = 0xffffff;
			assert_int_equal(translator_run(translator, &q, &t.code), TU_OK);
			assert_in_range(t.code.n_insns, 1, TU_MAX_INSNS);
			assert_in_range(t.code.host_len, 1, TU_MAX_HOST - 1);
			if (q.self) {
				assert_in_range(t.code.n_insns, 1, SELF_INSNS);
				longest = t.code.host_len > longest ? t.code.host_len : longest;
			} else {
				short_of_insns += t.code.n_insns < TU_MAX_INSNS;
			}
		}
	assert_in_range(short_of_insns, VARIANTS, sizeof list / sizeof *list * VARIANTS - 1);
	assert_in_range(longest, 1024, TU_MAX_HOST - 1);
}

/* A block ends with its first branch, taken or not. */
static void test_blocks(void **state)
{
	static const struct {
		uint8_t insns, b[8];
	} list[] = {
		{2, {0x49, 0x75, 0xfd, 0x40, 0xc3}},       /* dec ecx; jne */
		{2, {0x40, 0xe8, 1, 0, 0, 0, 0x40, 0xc3}}, /* inc eax; call */
		{2, {0x40, 0xff, 0xd0, 0x40, 0xc3}},       /* inc eax; call eax */
		{1, {0xe2, 0xfe, 0x40, 0xc3}},             /* loop */
		{3, {0x40, 0x40, 0xeb, 5, 0x40, 0xc3}},    /* inc eax twice; jmp */
		{3, {0x40, 0x40, 0xc3, 0x40, 0xc3}},       /* the same; ret */
		{3, {0x40, 0xf3, 0xa4, 0xc3}},             /* inc eax; rep movsb; ret */
	};
	static const struct tu_self self = {.page = 7, .page2 = 8};
	static struct translation t;
	for (unsigned i = 0; i < 4 * (sizeof list / sizeof *list); i++) {
		struct tu_request q = {
			.bytes = list[i / 4].b,
			.avail = sizeof list[i / 4].b,
			.eip = 0x401000,
			.mode = {.bits = FLAT32, .cs_limit = 0xffffffff},
			.model = &all,
			.out = t.host,
			.self = i & 1 ? &self : NULL,
			.block = i & 2,
		};
		assert_int_equal(translator_run(translator, &q, &t.code), TU_OK);
		if (q.block)
			assert_int_equal(t.code.n_insns, list[i / 4].insns);
		else
			assert_in_range(t.code.n_insns, list[i / 4].insns, TU_MAX_INSNS);
	}
}

static void test_thunk(void **state)
{
	uint8_t out[TU_MAX_THUNK];

	assert_in_range(translator_thunk(out, 0x12345678), 6, TU_MAX_THUNK - 1);
	assert_in_range(translator_thunk(out, 0), 6, JUMP_HOST + 1 + LOOKUP_HOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_instruction),
		cmocka_unit_test(test_full_units),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_thunk),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
