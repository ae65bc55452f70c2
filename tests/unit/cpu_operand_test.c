/* links: cpu */
/* BOUND, ARPL, ENTER, the table registers, POP to a segment register: SDM vol. 2. */
#include "cpu_fixture.h"

enum { DATA = 0x9000 };

static void bound(void **state)
{
	static const struct {
		uint32_t index, lower, upper;
		unsigned size;
		bool within;
	} rows[] = {
		{5, 5, 9, 4, true},
		{9, 5, 9, 4, true},
		{4, 5, 9, 4, false},
		{10, 5, 9, 4, false},
		{0xffffffff, 0xfffffffe, 1, 4, true}, /* signed */
		{0xfffffffd, 0xfffffffe, 1, 4, false},
		{2, 0xfffffffe, 1, 4, false},
		{0x7fffffff, 0x80000000, 0x7fffffff, 4, true},
		{5, 9, 5, 4, false},
		{0xabcdffff, 0xfffe, 1, 2, true}, /* the lower half alone */
		{0x0000fffd, 0xfffe, 1, 2, false},
		{0x00018000, 0x8000, 0x7fff, 2, true},
		{0x00010002, 0xfffe, 1, 2, false},
	};
	struct machine *m = *state;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vcpu before = m->v;
		struct trap t = {.vector = 0xff};
		memset(m->mem + DATA, 0x5a, 16);
		memcpy(m->mem + DATA, &rows[i].lower, rows[i].size);
		memcpy(m->mem + DATA + rows[i].size, &rows[i].upper, rows[i].size);
		bool ok = cpu_bound(&m->v, rows[i].index, SREG_DS, DATA, rows[i].size, &t);
		assert_int_equal(ok, rows[i].within);
		assert_int_equal(t.vector, rows[i].within ? 0xff : VEC_BR);
		assert_false(t.has_error);
		assert_memory_equal(&before, &m->v, sizeof(before));
	}
	/* Both halves have to be there. */
	m->v.seg[SREG_DS].limit = DATA + 6;
	assert_fault(m, cpu_bound(&m->v, 1, SREG_DS, DATA, 4, &t), VEC_GP, 0);
	m->bad_page = DATA >> 12;
	assert_fault(m, cpu_bound(&m->v, 1, SREG_SS, DATA - 4, 4, &t), VEC_PF, 0);
}

static void arpl(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	for (unsigned n = 0; n < 16; n++) {
		unsigned dst = n & 3, src = n >> 2, max = dst > src ? dst : src;
		for (unsigned zf = 0; zf < 2; zf++) {
			v->flags = FLAG_CF | (zf ? FLAG_ZF : 0);
			v->gpr[EDX] = 0xabcd5a58 | dst;
			assert_done(cpu_arpl_register(v, EDX, 0xfff0 | src, &t));
			assert_int_equal(v->gpr[EDX], 0xabcd5a58 | max);
			assert_int_equal(v->flags, FLAG_CF | (dst < src ? FLAG_ZF : 0));
			v->flags = FLAG_CF | (zf ? FLAG_ZF : 0);
			put32(m, DATA, 0xabcd5a58 | dst);
			assert_done(cpu_arpl_memory(v, SREG_DS, DATA, 0xfff0 | src, &t));
			assert_int_equal(get32(m, DATA), 0xabcd5a58 | max);
			assert_int_equal(v->flags, FLAG_CF | (dst < src ? FLAG_ZF : 0));
		}
	}
}

static void arpl_faults(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	/* It is not written where nothing changes. */
	put16(m, DATA, 0x5a5b);
	m->bad_page = DATA >> 12;
	m->bad_write_only = true;
	v->flags = FLAG_ZF;
	assert_done(cpu_arpl_memory(v, SREG_DS, DATA, 3, &t));
	assert_int_equal(v->flags, 0);
	put16(m, DATA, 0x5a58);
	assert_fault(m, cpu_arpl_memory(v, SREG_DS, DATA, 3, &t), VEC_PF, PF_W);
	m->bad_write_only = false;
	assert_fault(m, cpu_arpl_memory(v, SREG_DS, DATA, 3, &t), VEC_PF, 0);
	v->seg[SREG_DS].limit = DATA;
	assert_fault(m, cpu_arpl_memory(v, SREG_DS, DATA, 3, &t), VEC_GP, 0);
	/* There is none of it outside protected mode, whatever memory holds. */
	for (unsigned n = 0; n < 2; n++) {
		struct vcpu before;
		struct trap t;
		v->cr0 = n ? v->cr0 | CR0_PE : v->cr0 & ~CR0_PE;
		v->vflags = n ? FLAG_VM : 0;
		before = *v;
		assert_false(cpu_arpl_memory(v, SREG_DS, DATA, 3, &t));
		assert_int_equal(t.vector, VEC_UD);
		assert_false(cpu_arpl_register(v, EAX, 3, &t));
		assert_int_equal(t.vector, VEC_UD);
		assert_false(t.has_error);
		assert_memory_equal(&before, v, sizeof(before));
	}
}

static void enter_plain(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	v->gpr[EBP] = 0x12345678;
	assert_done(cpu_enter(v, 4, 0, 0x20, &t));
	assert_int_equal(get32(m, STACK0 - 4), 0x12345678);
	assert_int_equal(v->gpr[EBP], STACK0 - 4);
	assert_int_equal(v->gpr[ESP], STACK0 - 0x24);
	/* Words: BP alone. */
	machine_ring(m, 0);
	v->gpr[EBP] = 0x12345678;
	assert_done(cpu_enter(v, 2, 0, 0, &t));
	assert_int_equal(get16(m, STACK0 - 2), 0x5678);
	assert_int_equal(v->gpr[EBP], 0x12340000 | ((STACK0 - 2) & 0xffff));
	assert_int_equal(v->gpr[ESP], STACK0 - 2);
}

/* The outer frames' pointers are copied, then this one's is pushed. */
static void enter_nested(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	put32(m, DATA - 4, 0x11111111);
	put32(m, DATA - 8, 0x22222222);
	v->gpr[EBP] = DATA;
	assert_done(cpu_enter(v, 4, 3, 8, &t));
	assert_int_equal(get32(m, STACK0 - 4), DATA);
	assert_int_equal(get32(m, STACK0 - 8), 0x11111111);
	assert_int_equal(get32(m, STACK0 - 12), 0x22222222);
	assert_int_equal(get32(m, STACK0 - 16), STACK0 - 4);
	assert_int_equal(v->gpr[EBP], STACK0 - 4);
	assert_int_equal(v->gpr[ESP], STACK0 - 24);
	machine_ring(m, 0);
	v->gpr[EBP] = DATA;
	assert_done(cpu_enter(v, 4, 1, 0, &t));
	assert_int_equal(get32(m, STACK0 - 8), STACK0 - 4);
	assert_int_equal(v->gpr[ESP], STACK0 - 8);
}

/* A 16-bit stack wraps at 64 KiB; the upper halves stay. */
static void enter_16_bit_stack(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	v->seg[SREG_SS].attr &= ~(uint32_t)SEG_DB;
	v->seg[SREG_SS].base = 0x20000;
	v->seg[SREG_SS].limit = 0xffff;
	v->gpr[ESP] = 0xabcd0004;
	v->gpr[EBP] = 0x12340000;
	put32(m, 0x2fffc, 0x33333333);
	assert_done(cpu_enter(v, 4, 2, 4, &t));
	assert_int_equal(get32(m, 0x20000), 0x12340000);
	assert_int_equal(get32(m, 0x2fffc), 0x33333333);
	assert_int_equal(get32(m, 0x2fff8), 0xabcd0000);
	assert_int_equal(v->gpr[EBP], 0x12340000);
	assert_int_equal(v->gpr[ESP], 0xabcdfff4);
}

static void enter_faults(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	machine_ring(m, 3);
	v->gpr[EBP] = DATA;
	m->bad_page = (STACK3 - 4) >> 12;
	assert_fault(m, cpu_enter(v, 4, 0, 0, &t), VEC_PF, PF_W | PF_U);
	/* The outer frame, then this one's top, where nothing is written. */
	m->bad_page = (DATA - 4) >> 12;
	assert_fault(m, cpu_enter(v, 4, 2, 0, &t), VEC_PF, PF_U);
	m->bad_page = (STACK3 - 0x2000) >> 12;
	m->bad_write_only = true;
	assert_fault(m, cpu_enter(v, 4, 0, 0x2000 - 4, &t), VEC_PF, PF_W | PF_U);
	m->bad_page = 0;
	v->seg[SREG_SS].limit = STACK3 - 1;
	v->gpr[EBP] = STACK3 + 4;
	assert_fault(m, cpu_enter(v, 4, 2, 0, &t), VEC_SS, 0);
	v->gpr[ESP] = 0x1000;
	assert_fault(m, cpu_enter(v, 4, 0, 0x1000, &t), VEC_SS, 0);
	v->gpr[ESP] = 0;
	assert_fault(m, cpu_enter(v, 4, 0, 0, &t), VEC_SS, 0);
}

static void table_registers(void **state)
{
	static const uint8_t image[6] = {0x34, 0x12, 0xef, 0xcd, 0xab, 0x89};
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	memcpy(m->mem + DATA, image, sizeof(image));
	assert_done(cpu_lgdt(v, SREG_DS, DATA, 4, &t));
	assert_done(cpu_lidt(v, SREG_DS, DATA, 2, &t));
	assert_int_equal(v->gdtr.limit, 0x1234);
	assert_int_equal(v->gdtr.base, 0x89abcdef);
	assert_int_equal(v->idtr.limit, 0x1234);
	assert_int_equal(v->idtr.base, 0xabcdef); /* the 286's */
	memset(m->mem + DATA, 0x5a, 16);
	assert_done(cpu_sgdt(v, SREG_DS, DATA, &t));
	assert_memory_equal(m->mem + DATA, image, sizeof(image));
	assert_int_equal(m->mem[DATA + 6], 0x5a);
	assert_done(cpu_sidt(v, SREG_DS, DATA, &t));
	assert_int_equal(get32(m, DATA + 2), 0xabcdef);

	/* All of the operand or nothing. */
	v->seg[SREG_DS].limit = DATA + 4;
	assert_fault(m, cpu_lgdt(v, SREG_DS, DATA, 4, &t), VEC_GP, 0);
	assert_fault(m, cpu_sidt(v, SREG_DS, DATA, &t), VEC_GP, 0);
	assert_fault(m, cpu_lidt(v, SREG_DS, DATA + 4, 4, &t), VEC_GP, 0);
	m->bad_page = DATA >> 12;
	assert_fault(m, cpu_lidt(v, SREG_ES, DATA - 2, 4, &t), VEC_PF, 0);
	assert_fault(m, cpu_sgdt(v, SREG_ES, DATA - 4, &t), VEC_PF, PF_W);
}

/* By the width of the stack that the selector came from. */
static void segment_pop(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	v->gpr[ESP] = 0xabcdfffe;
	assert_done(cpu_seg_pop(v, SREG_FS, DATA0, 4, &t));
	assert_int_equal(v->gpr[ESP], 0xabce0002);
	assert_int_equal(v->seg[SREG_FS].selector, DATA0);
	descriptor(m, SCRATCH, 0, 0xffff, A_P | A_DATA); /* 16 bits */
	v->gpr[ESP] = 0xabcdfffe;
	assert_done(cpu_seg_pop(v, SREG_SS, SCRATCH, 2, &t));
	assert_int_equal(v->gpr[ESP], 0xabce0000);
	v->gpr[ESP] = 0xabcdfffe;
	assert_done(cpu_seg_pop(v, SREG_SS, DATA0, 2, &t));
	assert_int_equal(v->gpr[ESP], 0xabcd0000);
	assert_fault(m, cpu_seg_pop(v, SREG_DS, BEYOND, 4, &t), VEC_GP, BEYOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bound),        TEST(arpl),
		TEST(arpl_faults),  TEST(enter_plain),
		TEST(enter_nested), TEST(enter_16_bit_stack),
		TEST(enter_faults), TEST(table_registers),
		TEST(segment_pop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
