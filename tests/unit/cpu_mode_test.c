/* links: cpu */
/* The mode key: each bit of state that translations depend on, by itself; the classes of segments. */
#include "cpu_fixture.h"

#include "cpu/mode.h"

static uint32_t bits(const struct machine *m)
{
	return mode_of(&m->v).bits;
}

/* What changes in the key when a bit of state changes. */
#define toggles(m, field, bit, want)                                                               \
	do {                                                                                       \
		uint32_t before_ = bits(m);                                                        \
		(m)->v.field ^= (bit);                                                             \
		assert_int_equal(bits(m) ^ before_, want);                                         \
		(m)->v.field ^= (bit);                                                             \
		assert_int_equal(bits(m), before_);                                                \
	} while (0)

static void one_bit_each(void **state)
{
	struct machine *m = *state;

	assert_int_equal(bits(m), MODE_CODE32 | MODE_STACK32 | MODE_PE | MODE_IF);
	toggles(m, seg[SREG_CS].attr, SEG_DB, MODE_CODE32);
	toggles(m, seg[SREG_SS].attr, SEG_DB, MODE_STACK32);
	toggles(m, cr0, CR0_PE, MODE_PE);
	toggles(m, cr0, CR0_TS, MODE_TS);
	toggles(m, cr0, CR0_EM, MODE_EM);
	toggles(m, cr0, CR0_MP, MODE_MP);
	toggles(m, cr0, CR0_AM, 0);
	toggles(m, cr0, CR0_WP, 0);
	toggles(m, cr4, CR4_OSFXSR, MODE_OSFXSR);
	toggles(m, cr4, CR4_TSD, MODE_TSD);
	toggles(m, vflags, FLAG_TF, MODE_TF);
	toggles(m, vflags, FLAG_AC, 0);
	toggles(m, vflags, FLAG_NT, 0);
	toggles(m, tsc_exits, true, MODE_TSC_EXITS);
}

/* SDM vol. 2, table 3-7: CPL is 3 in virtual-8086 mode. */
static void interrupt_flag(void **state)
{
	struct machine *m = *state;

	for (unsigned cpl = 0; cpl < 4; cpl++) {
		for (unsigned iopl = 0; iopl < 4; iopl++) {
			m->v.cpl = cpl;
			m->v.vflags = iopl * (FLAG_IOPL / 3);
			assert_int_equal(!!(bits(m) & MODE_IF), cpl <= iopl);
			assert_int_equal(bits(m) & MODE_CPL, cpl);
		}
	}
	m->v.vflags = FLAG_IOPL | FLAG_VM;
	assert_int_equal(bits(m) & (MODE_IF | MODE_VM), MODE_IF | MODE_VM);
	m->v.vflags = FLAG_IOPL / 3 * 2 | FLAG_VM;
	assert_int_equal(bits(m) & (MODE_IF | MODE_VM), MODE_VM);
	m->v.vflags = 0;
	m->v.cpl = 0;
	m->v.cr0 &= ~CR0_PE;
	assert_true(bits(m) & MODE_IF);
}

/* SDM vol. 3, 6.15, interrupt 17: all three of them. */
static void alignment_checks(void **state)
{
	struct machine *m = *state;

	for (unsigned n = 0; n < 8; n++) {
		machine_ring(m, n & 1 ? 3 : 1);
		m->v.cr0 = (m->v.cr0 & ~CR0_AM) | (n & 2 ? CR0_AM : 0);
		m->v.vflags = n & 4 ? FLAG_AC : 0;
		assert_int_equal(!!(bits(m) & MODE_AC), n == 7);
	}
}

static void classes(void **state)
{
	const uint32_t data = A_FLAT | A_DATA, code = A_FLAT | A_CODE;
	const struct {
		uint32_t base, limit, attr;
		enum seg_class as_data, as_code;
	} cases[] = {
		{0, 0xffffffff, data, CLASS_FLAT, CLASS_FLAT},
		{1, 0xffffffff, data, CLASS_BASED, CLASS_BASED},
		{0, 0xfffffffe, data, CLASS_CHECKED, CLASS_CHECKED},
		{0, 0xffffffff, data & ~A_P, CLASS_CHECKED, CLASS_CHECKED},
		{0, 0xffffffff, data | SEG_UNUSABLE, CLASS_CHECKED, CLASS_CHECKED},
		{0, 0xffffffff, data & ~(uint32_t)SEG_WRITE, CLASS_CHECKED, CLASS_CHECKED},
		{0, 0xffffffff, data | SEG_DOWN, CLASS_CHECKED, CLASS_CHECKED},
		{0, 0xffffffff, code, CLASS_CHECKED, CLASS_FLAT},
		{0x1000, 0xffffffff, code, CLASS_CHECKED, CLASS_BASED},
		{0, 0xffffffff, code & ~(uint32_t)SEG_READ, CLASS_CHECKED, CLASS_CHECKED},
		{0, 0xffffffff, code | SEG_DOWN, CLASS_CHECKED, CLASS_FLAT}, /* conforming */
	};
	struct machine *m = *state;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned s = SREG_ES; s <= SREG_GS; s++) {
			enum seg_class want = s == SREG_CS ? cases[i].as_code : cases[i].as_data;
			struct segment saved = m->v.seg[s];

			m->v.seg[s].base = cases[i].base;
			m->v.seg[s].limit = cases[i].limit;
			m->v.seg[s].attr = cases[i].attr;
			assert_int_equal(mode_seg_class(&m->v, s), want);
			assert_int_equal(mode_class(bits(m), s), want);
			m->v.seg[s] = saved;
		}
	}
}

static void code_segments(void **state)
{
	struct machine *m = *state;
	struct segment *cs = &m->v.seg[SREG_CS];
	struct mode_key flat = mode_of(&m->v), k;

	assert_int_equal(flat.cs_limit, 0xffffffff);
	cs->base = 0x1000;
	k = mode_of(&m->v);
	assert_int_equal(k.cs_limit, 0xffffffff);
	assert_false(k.bits & MODE_CSLIMIT);
	cs->limit = 0xfffff;
	k = mode_of(&m->v);
	assert_true(k.bits & MODE_CSLIMIT);
	assert_int_equal(k.cs_limit, 0xfffff);
	cs->base = 0;
	cs->limit = 0xffffffff;
	assert_int_equal(mode_of(&m->v).bits, flat.bits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_bit_each), TEST(interrupt_flag), TEST(alignment_checks),
		TEST(classes),      TEST(code_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
