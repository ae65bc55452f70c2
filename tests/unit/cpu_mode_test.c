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

/* A load changes the base alone there: no class tells one from another. */
static void unprotected(void **state)
{
	struct machine *m = *state;

	for (unsigned vm = 0; vm < 2; vm++) {
		m->v.cr0 = vm ? m->v.cr0 | CR0_PE : m->v.cr0 & ~CR0_PE;
		m->v.vflags = vm ? FLAG_VM : 0;
		for (unsigned s = SREG_ES; s <= SREG_GS; s++)
			assert_int_equal(mode_seg_class(&m->v, s), CLASS_BASED);
		assert_true(bits(m) & MODE_64K);
		for (unsigned s = SREG_ES; s <= SREG_GS; s++) {
			struct segment saved = m->v.seg[s];

			m->v.seg[s].limit = 0xffff;
			assert_true(bits(m) & MODE_64K);
			m->v.seg[s].limit = 0xfffe;
			assert_false(bits(m) & MODE_64K);
			m->v.seg[s].limit = 0xffff;
			m->v.seg[s].attr |= SEG_DOWN;
			assert_int_equal(!!(bits(m) & MODE_64K), s == SREG_CS);
			m->v.seg[s] = saved;
		}
	}
	m->v.vflags = 0;
	assert_false(bits(m) & MODE_64K);
}

/* INT n may read its vector at 0, and need not clear AC. */
static void vectors(void **state)
{
	struct machine *m = *state;

	m->v.cr0 &= ~CR0_PE;
	m->v.vflags = 0;
	m->v.idtr = (struct table_reg){0, 0x3ff};
	assert_true(bits(m) & MODE_IVT);
	m->v.idtr.limit = 0xffff;
	assert_true(bits(m) & MODE_IVT);
	m->v.idtr.limit = 0x3fe;
	assert_false(bits(m) & MODE_IVT);
	m->v.idtr = (struct table_reg){4, 0xffff};
	assert_false(bits(m) & MODE_IVT);
	m->v.idtr.base = 0;
	m->v.vflags = FLAG_AC;
	assert_false(bits(m) & MODE_IVT);
	m->v.vflags = FLAG_IOPL | FLAG_NT;
	assert_true(bits(m) & MODE_IVT);
	m->v.cr0 |= CR0_PE;
	assert_false(bits(m) & MODE_IVT);
	m->v.vflags = FLAG_VM;
	assert_false(bits(m) & MODE_IVT);
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
		{0, 0xfffffffe, data, CLASS_LIMITED, CLASS_LIMITED},
		{0, 0xffffffff, data & ~A_P, CLASS_LIMITED, CLASS_LIMITED},
		{0, 0xffffffff, data | SEG_UNUSABLE, CLASS_LIMITED, CLASS_LIMITED},
		{0, 0xffffffff, data & ~(uint32_t)SEG_WRITE, CLASS_LIMITED, CLASS_LIMITED},
		{0, 0xffffffff, data | SEG_DOWN, CLASS_DOWN, CLASS_DOWN},
		{0, 0xffffffff, code, CLASS_LIMITED, CLASS_FLAT},
		{0x1000, 0xffffffff, code, CLASS_LIMITED, CLASS_BASED},
		{0, 0xffffffff, code & ~(uint32_t)SEG_READ, CLASS_LIMITED, CLASS_LIMITED},
		{0, 0xffffffff, code | SEG_DOWN, CLASS_LIMITED, CLASS_FLAT}, /* conforming */
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

/* Is it permitted by v->native.reach, as translated code looks? */
static bool reaches(const struct vcpu *v, enum sreg s, uint32_t off, unsigned size, bool write)
{
	const struct seg_reach *r = &v->native.reach[s];
	uint64_t at = (write ? r->write : r->read) + (uint32_t)(off + r->minus_low) + size - 1;

	assert_in_range(at, v->native.ruler - (1ull << 32),
	                v->native.ruler + (1ull << 32) + size - 1);
	return at < v->native.ruler;
}

/* All that is permitted, and nothing else but what a callout finds to wrap in 4 GiB. */
static void reach(void **state)
{
	static const uint32_t limits[] = {0,      1,       4999,       0x9ffff,    0xfffe,
	                                  0xffff, 0x10000, 0x7fffffff, 0xfffffffe, 0xffffffff};
	static const uint32_t attrs[] = {
		A_FLAT | A_DATA,
		A_P | A_DATA,
		(A_FLAT | A_DATA) & ~(uint32_t)SEG_WRITE,
		A_FLAT | A_DATA | SEG_UNUSABLE,
		A_FLAT | A_DATA | SEG_DOWN,
		(A_FLAT | A_DATA | SEG_DOWN) & ~(uint32_t)SEG_DB,
		(A_FLAT | A_DATA | SEG_DOWN) & ~(uint32_t)SEG_WRITE,
		A_FLAT | A_CODE,
		(A_FLAT | A_CODE) & ~(uint32_t)SEG_READ,
	};
	static const unsigned sizes[] = {1, 2, 4, 8, 10, 16, 512};
	struct machine *m = *state;
	struct vcpu *v = &m->v;
	unsigned permitted = 0, denied = 0;
	struct trap t;

	v->native.ruler = 1ull << 45;
	for (unsigned n = 0; n < 2 * 9 * 10 * 7; n++) {
		unsigned size = sizes[n % 7];
		uint32_t limit = limits[n / 7 % 10];
		const uint32_t near[] = {
			0, 1, limit - size, limit, 0xffff - size, 0xffffffff - size};

		v->seg[SREG_DS].limit = limit;
		v->seg[SREG_DS].attr = attrs[n / 70 % 9];
		v->cr0 = n / 630 ? CR0_PE : 0;
		mode_reach(v, SREG_DS);
		for (unsigned i = 0; i < 6 * 4 * 2; i++) {
			uint32_t off = near[i / 8] + i / 2 % 4;
			bool ok = cpu_seg_check(v, SREG_DS, off, size, i & 1, &t);
			bool wraps = off + size - 1 < off && limit == 0xffffffff;

			if (!wraps)
				assert_int_equal(reaches(v, SREG_DS, off, size, i & 1), ok);
			permitted += ok;
			denied += !ok;
		}
	}
	assert_true(permitted > 1000 && denied > 1000);
	v->seg[SREG_CS].limit = 4999;
	mode_reach(v, SREG_CS);
	assert_int_equal(v->native.code_reach + 4999, v->native.ruler - 1);
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
		TEST(unprotected),  TEST(vectors),        TEST(classes),
		TEST(reach),        TEST(code_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
