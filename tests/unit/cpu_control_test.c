/* links: cpu */
/* Control and debug registers, power-up values. */
#include "cpu_fixture.h"

static void reset_values(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	cpu_reset(v, cpu_model_find("pentium3"));
	assert_int_equal(v->eip, 0xfff0);
	assert_int_equal(v->seg[SREG_CS].selector, 0xf000);
	assert_int_equal(v->seg[SREG_CS].base, 0xffff0000);
	assert_int_equal(v->seg[SREG_DS].limit, 0xffff);
	assert_int_equal(v->cr0, 0x60000010);
	assert_int_equal(v->gpr[EDX], 0x68a);
	assert_int_equal(vcpu_eflags(v), 2);
	assert_int_equal(v->dr[6], 0xffff0ff0);
	assert_int_equal(v->dr[7], 0x400);
	assert_int_equal(v->idtr.limit, 0xffff);
	assert_false(v->delivering);
	for (unsigned s = SREG_ES; s <= SREG_GS; s++)
		assert_int_equal(v->seg[s].attr, A_P | A_DATA | SEG_ACCESSED);
	assert_int_equal(v->seg[SREG_LDTR].attr, A_P | 2);
	assert_int_equal(v->seg[SREG_TR].attr, A_P | 11);
	assert_int_equal(v->seg[SREG_GS].limit, 0xffff);
}

/* What boot protocols ask for. */
static void flat_32_bits(void **state)
{
	struct machine *m = *state;

	cpu_set_flat32(&m->v, 0x100000);
	for (unsigned s = SREG_ES; s <= SREG_GS; s++) {
		bool code = s == SREG_CS;
		assert_int_equal(m->v.seg[s].base, 0);
		assert_int_equal(m->v.seg[s].limit, 0xffffffff);
		assert_int_equal(m->v.seg[s].attr,
		                 A_FLAT | (code ? A_CODE : A_DATA) | SEG_ACCESSED);
		assert_int_equal(m->v.seg[s].selector, code ? 0x10 : 0x18);
	}
	assert_int_equal(m->v.cr0, CR0_PE | CR0_ET);
	assert_int_equal(m->v.eip, 0x100000);
}

static void cr0_rules(void **state)
{
	struct machine *m = *state;
	uint32_t out = 0;

	assert_fault(m, cpu_cr_write(&m->v, 0, CR0_PG, &t), VEC_GP, 0);
	assert_fault(m, cpu_cr_write(&m->v, 0, CR0_PE | CR0_NW, &t), VEC_GP, 0);
	assert_done(cpu_cr_write(&m->v, 0, CR0_PE | CR0_NW | CR0_CD, &t));
	assert_done(cpu_cr_write(&m->v, 0, CR0_PE | 0x00001fc0, &t)); /* undefined bits stay 0 */
	assert_int_equal(m->v.cr0, CR0_PE | CR0_ET);

	m->paging_loads = 0;
	assert_done(cpu_cr_write(&m->v, 0, CR0_PE | CR0_TS | CR0_MP | CR0_NE | CR0_AM, &t));
	assert_int_equal(m->paging_loads, 0);
	assert_done(cpu_cr_write(&m->v, 0, CR0_PE | CR0_PG, &t));
	assert_int_equal(m->paging_loads, 1);
	assert_done(cpu_cr_write(&m->v, 0, CR0_PE | CR0_PG | CR0_WP, &t));
	assert_int_equal(m->paging_loads, 2);
	assert_false(m->paging_cr3);
	m->paging_refused = true;
	assert_fault(m, cpu_cr_write(&m->v, 0, CR0_PE, &t), VEC_GP, 0);
	assert_done(cpu_cr_read(&m->v, 0, &out, &t));
	assert_int_equal(out, CR0_PE | CR0_PG | CR0_WP | CR0_ET);
	m->paging_refused = false;
	/* Each defined bit is kept; CR2 is a register as any other. */
	assert_done(cpu_cr_write(&m->v, 0, 0xffffffff, &t));
	assert_int_equal(m->v.cr0, 0xe005003f);
	assert_done(cpu_cr_write(&m->v, 2, 0x12345678, &t));
	assert_done(cpu_cr_read(&m->v, 2, &out, &t));
	assert_int_equal(out, 0x12345678);
}

static void cr3_and_cr4_rules(void **state)
{
	struct machine *m = *state;

	assert_done(cpu_cr_write(&m->v, 3, 0x12345018, &t));
	assert_int_equal(m->loaded_cr3, 0x12345018);
	assert_true(m->paging_cr3);
	assert_done(cpu_cr_write(&m->v, 3, 0x12345018, &t)); /* the same again flushes too */
	assert_int_equal(m->paging_loads, 2);
	m->paging_refused = true;
	assert_fault(m, cpu_cr_write(&m->v, 3, 0x1000, &t), VEC_GP, 0);
	assert_fault(m, cpu_cr_write(&m->v, 4, CR4_PAE, &t), VEC_GP, 0);
	m->paging_refused = false;

	assert_done(cpu_cr_write(&m->v, 4, CR4_TSD | CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT, &t));
	assert_int_equal(m->paging_loads, 2);
	assert_done(cpu_cr_write(&m->v, 4, CR4_PAE | CR4_PGE, &t));
	assert_int_equal(m->paging_loads, 3);
	assert_fault(m, cpu_cr_write(&m->v, 4, 1 << 11, &t), VEC_GP, 0);
	assert_fault(m, cpu_cr_write(&m->v, 4, 1 << 13, &t), VEC_GP, 0); /* VMXE */
	m->v.model = cpu_model_find("pentium");
	m->v.cr4 = 0;
	assert_done(cpu_cr_write(&m->v, 4, 0x5f, &t));
	assert_fault(m, cpu_cr_write(&m->v, 4, CR4_PAE, &t), VEC_GP, 0);
	assert_fault(m, cpu_cr_write(&m->v, 4, CR4_PGE, &t), VEC_GP, 0);
	assert_fault(m, cpu_cr_write(&m->v, 4, CR4_OSFXSR, &t), VEC_GP, 0);
	m->v.model = cpu_model_find("486");
	assert_fault(m, cpu_cr_write(&m->v, 4, CR4_PSE, &t), VEC_GP, 0);
	assert_done(cpu_cr_write(&m->v, 4, CR4_VME, &t));
}

static void privilege_and_numbers(void **state)
{
	struct machine *m = *state;
	uint32_t out;
	struct trap ud;

	assert_false(cpu_cr_write(&m->v, 1, 0, &ud));
	assert_int_equal(ud.vector, VEC_UD);
	assert_false(cpu_cr_read(&m->v, 8, &out, &ud));
	assert_int_equal(ud.vector, VEC_UD);
	machine_ring(m, 1);
	assert_fault(m, cpu_cr_write(&m->v, 0, CR0_PE, &t), VEC_GP, 0);
	assert_fault(m, cpu_cr_write(&m->v, 2, 0, &t), VEC_GP, 0);
	assert_fault(m, cpu_cr_read(&m->v, 3, &out, &t), VEC_GP, 0);
	assert_fault(m, cpu_clts(&m->v, &t), VEC_GP, 0);
	assert_fault(m, cpu_lmsw(&m->v, 1, &t), VEC_GP, 0);
	assert_fault(m, cpu_dr_read(&m->v, 0, &out, &t), VEC_GP, 0);
	assert_fault(m, cpu_need_cpl0(&m->v, &t), VEC_GP, 0);
}

static void lmsw_and_clts(void **state)
{
	struct machine *m = *state;

	assert_done(cpu_lmsw(&m->v, 0xfffe, &t));
	assert_int_equal(m->v.cr0, CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET); /* PE stays */
	assert_done(cpu_clts(&m->v, &t));
	assert_int_equal(m->v.cr0, CR0_PE | CR0_MP | CR0_EM | CR0_ET);
	assert_done(cpu_lmsw(&m->v, 0, &t));
	assert_int_equal(m->v.cr0, CR0_PE | CR0_ET);
}

static void debug_registers(void **state)
{
	struct machine *m = *state;
	uint32_t out = 0;
	struct trap trap;

	assert_done(cpu_dr_write(&m->v, 2, 0x12345678, &t));
	assert_done(cpu_dr_read(&m->v, 2, &out, &t));
	assert_int_equal(out, 0x12345678);
	assert_done(cpu_dr_write(&m->v, 6, 0, &t));
	assert_int_equal(m->v.dr[6], 0xffff0ff0);
	assert_done(cpu_dr_write(&m->v, 6, 0xffffffff, &t));
	assert_int_equal(m->v.dr[6], 0xffffefff);
	assert_done(cpu_dr_write(&m->v, 7, 0xffffffff & ~(uint32_t)DR7_GD, &t));
	assert_int_equal(m->v.dr[7], 0xffff07ff);

	assert_done(cpu_dr_write(&m->v, 5, 0, &t)); /* DR7's other name */
	assert_int_equal(m->v.dr[7], 0x400);
	assert_done(cpu_dr_read(&m->v, 4, &out, &t));
	assert_int_equal(out, 0xffffefff);
	m->v.cr4 |= CR4_DE;
	assert_false(cpu_dr_read(&m->v, 4, &out, &trap));
	assert_int_equal(trap.vector, VEC_UD);

	assert_done(cpu_dr_write(&m->v, 7, DR7_GD, &t));
	assert_false(cpu_dr_read(&m->v, 0, &out, &trap));
	assert_int_equal(trap.vector, VEC_DB);
	assert_int_equal(trap.dr6, DR6_BD);
}

/* DR7 for breakpoint i: enabled globally, R/W kind, LEN code. */
static uint32_t dr7(unsigned i, unsigned kind, unsigned len)
{
	return 2u << (2 * i) | (kind | len << 2) << (16 + 4 * i);
}

static void breakpoints(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	v->dr[0] = 0x1002;
	v->dr[1] = 0x2003;
	v->dr[2] = 0x3000;
	v->dr[3] = 0x60;
	v->dr[7] = dr7(0, 1, 1) | dr7(1, 3, 3) | dr7(2, 0, 0) | dr7(3, 2, 0);
	assert_int_equal(cpu_dr_match(v, gla(0x1003), 1, true), 1);
	assert_int_equal(cpu_dr_match(v, gla(0x1003), 1, false), 0);
	assert_int_equal(cpu_dr_match(v, gla(0x1004), 4, true), 0);
	assert_int_equal(cpu_dr_match(v, gla(0xffe), 4, true), 0);
	assert_int_equal(cpu_dr_match(v, gla(0xffe), 5, true), 1);
	assert_int_equal(cpu_dr_match(v, gla(0x2000), 1, false), 2); /* aligned down to 4 */
	assert_int_equal(cpu_dr_match(v, gla(0x2004), 1, false), 0);
	assert_int_equal(cpu_dr_match(v, gla(0x3000), 1, true), 0);
	assert_int_equal(cpu_dr_match_code(v, gla(0x3000)), 4);
	assert_int_equal(cpu_dr_match_code(v, gla(0x3001)), 0);
	assert_int_equal(cpu_dr_match_io(v, 0x60, 1), 0);
	v->cr4 |= CR4_DE;
	assert_int_equal(cpu_dr_match_io(v, 0x60, 1), 8);
	assert_int_equal(cpu_dr_match_io(v, 0x5e, 4), 8);
	v->dr[7] &= ~0xffu;
	assert_int_equal(cpu_dr_match(v, gla(0x1002), 2, true), 0);
	v->dr[0] = 0xfffffffc;
	v->dr[7] = dr7(0, 3, 3);
	assert_int_equal(cpu_dr_match(v, gla(0xfffffffe), 4, false), 1);
	assert_int_equal(cpu_dr_match(v, gla(0), 4, false), 0);
	/* An instruction has one address, whatever the length says. */
	v->dr[0] = 0x3001;
	v->dr[7] = dr7(0, 0, 3);
	assert_int_equal(cpu_dr_match_code(v, gla(0x3001)), 1);
	assert_int_equal(cpu_dr_match_code(v, gla(0x3000)), 0);
	assert_int_equal(cpu_dr_match_code(v, gla(0x3002)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reset_values),      TEST(flat_32_bits),          TEST(cr0_rules),
		TEST(cr3_and_cr4_rules), TEST(privilege_and_numbers), TEST(lmsw_and_clts),
		TEST(debug_registers),   TEST(breakpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
