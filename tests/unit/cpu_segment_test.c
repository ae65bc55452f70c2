/* links: cpu */
/* Segment loads, LLDT, LTR, LAR to VERW, limit checks, the I/O bitmap. */
#include "cpu_fixture.h"

static void load_sets_hidden_part_and_accessed(void **state)
{
	struct machine *m = *state;

	descriptor(m, SCRATCH, 0x12345678, 0xabcde, A_P | A_DPL3 | A_DATA | A_32);
	assert_done(cpu_seg_load(&m->v, SREG_FS, SCRATCH | 3, &t));
	assert_int_equal(m->v.seg[SREG_FS].base, 0x12345678);
	assert_int_equal(m->v.seg[SREG_FS].limit, 0xabcde);
	assert_int_equal(m->v.seg[SREG_FS].selector, SCRATCH | 3);
	assert_int_equal(m->v.seg[SREG_FS].attr, A_P | A_DPL3 | A_DATA | A_32 | SEG_ACCESSED);
	assert_int_equal(type_byte(m, SCRATCH), A_P | A_DPL3 | A_DATA | SEG_ACCESSED);

	descriptor(m, SCRATCH, 0, 0xabcde, A_FLAT | A_DATA);
	assert_done(cpu_seg_load(&m->v, SREG_ES, SCRATCH, &t));
	assert_int_equal(m->v.seg[SREG_ES].limit, 0xabcdefff);
}

static void accessed_bit_is_written_only_when_clear(void **state)
{
	struct machine *m = *state;

	m->bad_page = GDT >> 12;
	m->bad_write_only = true;
	assert_done(cpu_seg_load(&m->v, SREG_ES, DATA0, &t));
	descriptor(m, SCRATCH, 0, 0xfffff, A_FLAT | A_DATA);
	assert_fault(m, cpu_seg_load(&m->v, SREG_ES, SCRATCH, &t), VEC_PF, PF_W);
	m->bad_write_only = false;
	assert_fault(m, cpu_seg_load(&m->v, SREG_ES, DATA0, &t), VEC_PF, 0);
}

static void null_selectors(void **state)
{
	struct machine *m = *state;

	for (uint16_t sel = 0; sel < 4; sel++) {
		assert_done(cpu_seg_load(&m->v, SREG_DS, sel, &t));
		assert_int_equal(m->v.seg[SREG_DS].selector, sel);
		assert_true(m->v.seg[SREG_DS].attr & SEG_UNUSABLE);
		assert_fault(m, cpu_seg_load(&m->v, SREG_SS, sel, &t), VEC_GP, 0);
	}
	/* Index 0 of the LDT is not null. */
	assert_fault(m, cpu_seg_load(&m->v, SREG_DS, 4, &t), VEC_GP, 4);
	descriptor(m, 4, 0, 0xfffff, A_FLAT | A_DATA);
	assert_done(cpu_seg_load(&m->v, SREG_DS, 4, &t));
}

static void table_limits(void **state)
{
	struct machine *m = *state;

	assert_fault(m, cpu_seg_load(&m->v, SREG_DS, BEYOND, &t), VEC_GP, BEYOND);
	m->v.gdtr.limit = SCRATCH + 6;
	descriptor(m, SCRATCH, 0, 0xfffff, A_FLAT | A_DATA);
	assert_fault(m, cpu_seg_load(&m->v, SREG_DS, SCRATCH, &t), VEC_GP, SCRATCH);
	m->v.gdtr.limit = SCRATCH + 7;
	assert_done(cpu_seg_load(&m->v, SREG_DS, SCRATCH, &t));
	assert_fault(m, cpu_seg_load(&m->v, SREG_DS, 0x107, &t), VEC_GP, 0x104);
	assert_done(cpu_lldt(&m->v, 0, &t));
	descriptor(m, 0xc, 0, 0xfffff, A_FLAT | A_DATA);
	assert_fault(m, cpu_seg_load(&m->v, SREG_DS, 0xc, &t), VEC_GP, 0xc);
}

static void stack_segment_rules(void **state)
{
	struct machine *m = *state;

	assert_fault(m, cpu_seg_load(&m->v, SREG_SS, DATA0 | 3, &t), VEC_GP, DATA0);
	assert_fault(m, cpu_seg_load(&m->v, SREG_SS, DATA3 & ~3, &t), VEC_GP, DATA3 & ~3);
	assert_fault(m, cpu_seg_load(&m->v, SREG_SS, CODE0, &t), VEC_GP, CODE0);
	descriptor(m, SCRATCH, 0, 0xfffff, A_FLAT | A_RODATA);
	assert_fault(m, cpu_seg_load(&m->v, SREG_SS, SCRATCH, &t), VEC_GP, SCRATCH);
	descriptor(m, SCRATCH, 0, 0xfffff, (A_FLAT | A_DATA) & ~A_P);
	assert_fault(m, cpu_seg_load(&m->v, SREG_SS, SCRATCH, &t), VEC_SS, SCRATCH);
	assert_fault(m, cpu_seg_load(&m->v, SREG_SS, SEL_TSS_B, &t), VEC_GP, SEL_TSS_B);
}

static void data_segment_rules(void **state)
{
	struct machine *m = *state;

	descriptor(m, SCRATCH, 0, 0xfffff, (A_FLAT | A_DATA) & ~A_P);
	assert_fault(m, cpu_seg_load(&m->v, SREG_GS, SCRATCH, &t), VEC_NP, SCRATCH);
	descriptor(m, SCRATCH, 0, 0xfffff, A_FLAT | A_XCODE);
	assert_fault(m, cpu_seg_load(&m->v, SREG_GS, SCRATCH, &t), VEC_GP, SCRATCH);
	assert_fault(m, cpu_seg_load(&m->v, SREG_GS, SEL_LDT, &t), VEC_GP, SEL_LDT);
	assert_fault(m, cpu_seg_load(&m->v, SREG_DS, DATA0 | 3, &t), VEC_GP, DATA0);
	assert_done(cpu_seg_load(&m->v, SREG_GS, CODE0, &t));
	machine_ring(m, 3);
	assert_fault(m, cpu_seg_load(&m->v, SREG_DS, DATA0, &t), VEC_GP, DATA0);
	assert_fault(m, cpu_seg_load(&m->v, SREG_DS, CODE0, &t), VEC_GP, CODE0);
	assert_done(cpu_seg_load(&m->v, SREG_DS, CONFORM0 | 3, &t));
}

static void real_mode_load_keeps_limit(void **state)
{
	struct machine *m = *state;

	m->v.cr0 &= ~CR0_PE;
	assert_done(cpu_seg_load(&m->v, SREG_ES, 0x1234, &t));
	assert_int_equal(m->v.seg[SREG_ES].base, 0x12340);
	assert_int_equal(m->v.seg[SREG_ES].limit, 0xffffffff);
}

static void lldt_rules(void **state)
{
	struct machine *m = *state;

	assert_fault(m, cpu_lldt(&m->v, DATA0, &t), VEC_GP, DATA0);
	assert_fault(m, cpu_lldt(&m->v, 0xc, &t), VEC_GP, 0xc);
	assert_fault(m, cpu_lldt(&m->v, BEYOND, &t), VEC_GP, BEYOND);
	descriptor(m, SCRATCH, LDT, 0xf, 2);
	assert_fault(m, cpu_lldt(&m->v, SCRATCH, &t), VEC_NP, SCRATCH);
	machine_ring(m, 3);
	assert_fault(m, cpu_lldt(&m->v, SEL_LDT, &t), VEC_GP, 0);
}

static void ltr_rules(void **state)
{
	struct machine *m = *state;

	assert_int_equal(type_byte(m, SEL_TSS_A), A_P | 11);
	assert_fault(m, cpu_ltr(&m->v, SEL_TSS_A, &t), VEC_GP, SEL_TSS_A); /* busy */
	assert_fault(m, cpu_ltr(&m->v, 0, &t), VEC_GP, 0);
	assert_fault(m, cpu_ltr(&m->v, SEL_LDT, &t), VEC_GP, SEL_LDT);
	descriptor(m, SCRATCH, TSS_B, 0x67, 9);
	assert_fault(m, cpu_ltr(&m->v, SCRATCH, &t), VEC_NP, SCRATCH);
	descriptor(m, 0xc, TSS_B, 0x67, A_P | 9);
	assert_fault(m, cpu_ltr(&m->v, 0xc, &t), VEC_GP, 0xc);
	assert_done(cpu_ltr(&m->v, SEL_TSS_B, &t));
	assert_int_equal(type_byte(m, SEL_TSS_B), A_P | 11);
	assert_int_equal(m->v.seg[SREG_TR].base, TSS_B);
	m->v.cr0 &= ~CR0_PE;
	{
		struct trap t;
		assert_false(cpu_ltr(&m->v, SEL_TSS_B, &t));
		assert_int_equal(t.vector, VEC_UD);
		assert_false(t.has_error);
	}
}

static void lar_and_lsl(void **state)
{
	struct machine *m = *state;
	struct trap t;
	uint32_t out = 0;
	bool faulted;

	assert_true(cpu_lar(&m->v, DATA0, &out, &faulted, &t));
	assert_int_equal(out, (A_FLAT | A_DATA | SEG_ACCESSED) << 8);
	assert_true(cpu_lsl(&m->v, DATA0, &out, &faulted, &t));
	assert_int_equal(out, 0xffffffff);
	assert_true(cpu_lsl(&m->v, SEL_TSS_A, &out, &faulted, &t));
	assert_int_equal(out, 0x67);
	gate(m, SCRATCH, CODE0, 0, A_P | 12, 0);
	assert_true(cpu_lar(&m->v, SCRATCH, &out, &faulted, &t));
	assert_false(cpu_lsl(&m->v, SCRATCH, &out, &faulted, &t));
	gate(m, SCRATCH, CODE0, 0, A_P | 14, 0);
	assert_false(cpu_lar(&m->v, SCRATCH, &out, &faulted, &t));
	assert_false(cpu_lar(&m->v, 0, &out, &faulted, &t));
	assert_false(cpu_lar(&m->v, BEYOND, &out, &faulted, &t));
	assert_false(faulted);
	machine_ring(m, 3);
	assert_false(cpu_lar(&m->v, DATA0, &out, &faulted, &t));
	assert_true(cpu_lar(&m->v, CONFORM0, &out, &faulted, &t));
	m->bad_page = GDT >> 12;
	assert_false(cpu_lsl(&m->v, DATA3, &out, &faulted, &t));
	assert_true(faulted);
	assert_int_equal(t.vector, VEC_PF);
}

/* SDM vol. 2, LAR and LSL: the tables of system types. */
static void system_types(void **state)
{
	static const uint16_t lar =
		1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9 | 1 << 11 | 1 << 12;
	static const uint16_t lsl = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 9 | 1 << 11;
	struct machine *m = *state;
	struct trap t;
	uint32_t out;
	bool faulted;

	for (unsigned type = 0; type < 16; type++) {
		descriptor(m, SCRATCH, 0, 0x67, A_P | type);
		assert_int_equal(cpu_lar(&m->v, SCRATCH, &out, &faulted, &t), lar >> type & 1);
		assert_int_equal(cpu_lsl(&m->v, SCRATCH, &out, &faulted, &t), lsl >> type & 1);
	}
}

static void verr_and_verw(void **state)
{
	struct machine *m = *state;
	struct trap t;
	bool faulted;

	assert_true(cpu_verr(&m->v, CODE0, &faulted, &t));
	assert_false(cpu_verw(&m->v, CODE0, &faulted, &t));
	assert_true(cpu_verw(&m->v, DATA0, &faulted, &t));
	assert_false(cpu_verw(&m->v, DATA0 | 3, &faulted, &t));
	descriptor(m, SCRATCH, 0, 0xfffff, A_FLAT | A_XCODE);
	assert_false(cpu_verr(&m->v, SCRATCH, &faulted, &t));
	assert_false(cpu_verr(&m->v, SEL_TSS_A, &faulted, &t));
	assert_false(faulted);
}

static void limit_checks(void **state)
{
	struct machine *m = *state;
	struct segment *ds = &m->v.seg[SREG_DS];

	ds->limit = 0xfff;
	assert_done(cpu_seg_check(&m->v, SREG_DS, 0xffc, 4, true, &t));
	assert_fault(m, cpu_seg_check(&m->v, SREG_DS, 0xffd, 4, true, &t), VEC_GP, 0);
	assert_fault(m, cpu_seg_check(&m->v, SREG_DS, 0xfffffffe, 4, false, &t), VEC_GP, 0);
	m->v.seg[SREG_SS].limit = 0xfff;
	assert_fault(m, cpu_seg_check(&m->v, SREG_SS, 0x1000, 1, false, &t), VEC_SS, 0);

	ds->attr |= SEG_DOWN;
	assert_done(cpu_seg_check(&m->v, SREG_DS, 0x1000, 4, true, &t));
	assert_done(cpu_seg_check(&m->v, SREG_DS, 0xfffffffc, 4, true, &t));
	assert_fault(m, cpu_seg_check(&m->v, SREG_DS, 0xfff, 1, true, &t), VEC_GP, 0);
	ds->attr &= ~SEG_DB;
	assert_done(cpu_seg_check(&m->v, SREG_DS, 0xfffc, 4, true, &t));
	assert_fault(m, cpu_seg_check(&m->v, SREG_DS, 0xfffd, 4, true, &t), VEC_GP, 0);
}

/* Across the end of 4 GiB: translated code lets it wrap, where the segment ends there. */
static void wrapping_checks(void **state)
{
	struct machine *m = *state;
	struct segment *ds = &m->v.seg[SREG_DS];

	assert_done(cpu_seg_check(&m->v, SREG_DS, 0xfffffffe, 4, true, &t));
	assert_done(cpu_seg_check(&m->v, SREG_CS, 0xfffffffe, 4, false, &t));
	m->v.seg[SREG_CS].attr |= SEG_DOWN; /* conforming */
	assert_done(cpu_seg_check(&m->v, SREG_CS, 0xfffffffe, 4, false, &t));
	ds->limit = 0xfffffffe;
	assert_fault(m, cpu_seg_check(&m->v, SREG_DS, 0xfffffffe, 4, true, &t), VEC_GP, 0);
	ds->limit = 0xffffffff;
	ds->attr |= SEG_DOWN; /* nothing is inside */
	assert_fault(m, cpu_seg_check(&m->v, SREG_DS, 0xfffffffe, 4, true, &t), VEC_GP, 0);
}

static void type_checks(void **state)
{
	struct machine *m = *state;

	assert_done(cpu_seg_check(&m->v, SREG_CS, 0, 4, false, &t));
	assert_fault(m, cpu_seg_check(&m->v, SREG_CS, 0, 4, true, &t), VEC_GP, 0);
	m->v.seg[SREG_CS].attr &= ~SEG_READ;
	assert_fault(m, cpu_seg_check(&m->v, SREG_CS, 0, 4, false, &t), VEC_GP, 0);
	m->v.seg[SREG_ES].attr &= ~SEG_WRITE;
	assert_done(cpu_seg_check(&m->v, SREG_ES, 0, 4, false, &t));
	assert_fault(m, cpu_seg_check(&m->v, SREG_ES, 0, 4, true, &t), VEC_GP, 0);
	m->v.cr0 &= ~CR0_PE;
	assert_done(cpu_seg_check(&m->v, SREG_CS, 0, 4, true, &t));
	m->v.cr0 |= CR0_PE;
	assert_done(cpu_seg_load(&m->v, SREG_FS, 0, &t));
	assert_fault(m, cpu_seg_check(&m->v, SREG_FS, 0, 1, false, &t), VEC_GP, 0);
}

static void io_bitmap(void **state)
{
	struct machine *m = *state;
	struct trap dummy;

	machine_ring(m, 3);
	assert_fault(m, cpu_io_check(&m->v, 0x60, 1, &t), VEC_GP, 0); /* no bitmap */
	m->v.vflags |= FLAG_IOPL;
	assert_done(cpu_io_check(&m->v, 0x60, 1, &t));
	m->v.vflags &= ~(uint32_t)FLAG_IOPL;

	put16(m, TSS_A + 102, 0x68);
	m->v.seg[SREG_TR].limit = 0x68 + 0x20; /* bytes 0 to 1Fh, and the byte of ones */
	memset(m->mem + TSS_A + 0x68, 0xff, 0x21);
	m->mem[TSS_A + 0x68 + 0x60 / 8] = 0xf0; /* 60h to 63h */
	assert_done(cpu_io_check(&m->v, 0x60, 4, &t));
	assert_done(cpu_io_check(&m->v, 0x63, 1, &t));
	assert_fault(m, cpu_io_check(&m->v, 0x63, 2, &t), VEC_GP, 0);
	assert_fault(m, cpu_io_check(&m->v, 0x64, 1, &t), VEC_GP, 0);
	m->mem[TSS_A + 0x68 + 0x1f] = 0;
	assert_done(cpu_io_check(&m->v, 0xff, 1, &t));
	assert_fault(m, cpu_io_check(&m->v, 0xff, 2, &t), VEC_GP, 0);
	m->mem[TSS_A + 0x68 + 0x20] = 0; /* of port 100h: its second byte is beyond */
	assert_fault(m, cpu_io_check(&m->v, 0x100, 1, &t), VEC_GP, 0);
	m->bad_page = TSS_A >> 12;
	assert_false(cpu_io_check(&m->v, 0x60, 1, &dummy));
	assert_int_equal(dummy.vector, VEC_PF);
	assert_int_equal(m->last_priv, PRIV_SUPERVISOR);
	m->bad_page = 0;

	m->v.seg[SREG_TR].attr &= ~8u; /* a 286 TSS has no bitmap */
	assert_fault(m, cpu_io_check(&m->v, 0x60, 1, &t), VEC_GP, 0);
	m->v.cpl = 0;
	assert_done(cpu_io_check(&m->v, 0x60, 1, &t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(load_sets_hidden_part_and_accessed),
		TEST(accessed_bit_is_written_only_when_clear),
		TEST(null_selectors),
		TEST(table_limits),
		TEST(stack_segment_rules),
		TEST(data_segment_rules),
		TEST(real_mode_load_keeps_limit),
		TEST(lldt_rules),
		TEST(ltr_rules),
		TEST(lar_and_lsl),
		TEST(system_types),
		TEST(verr_and_verw),
		TEST(limit_checks),
		TEST(wrapping_checks),
		TEST(type_checks),
		TEST(io_bitmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
