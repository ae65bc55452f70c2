/* links: cpu */
/* Far jumps, calls and returns; call gates; SYSENTER and SYSEXIT. */
#include "cpu_fixture.h"

#define NEXT 0x8007

static void jump_to_code(void **state)
{
	struct machine *m = *state;

	assert_done(cpu_far_jump(&m->v, CODE0, 0x9000, 4, NEXT, &t));
	assert_int_equal(m->v.eip, 0x9000);
	assert_int_equal(type_byte(m, CODE0), A_P | A_CODE | SEG_ACCESSED);
	assert_done(cpu_far_jump(&m->v, CODE0, 0x12349000, 2, NEXT, &t));
	assert_int_equal(m->v.eip, 0x9000);
	assert_int_equal(m->v.gpr[ESP], STACK0);
	assert_done(cpu_far_jump(&m->v, CONFORM0, 0x9100, 4, NEXT, &t));
	assert_int_equal(m->v.cpl, 0);
	machine_ring(m, 3);
	assert_done(cpu_far_jump(&m->v, CONFORM0, 0x9100, 4, NEXT, &t));
	assert_int_equal(m->v.cpl, 3);
	assert_int_equal(m->v.seg[SREG_CS].selector, CONFORM0 | 3);
}

static void jump_faults(void **state)
{
	struct machine *m = *state;

	assert_fault(m, cpu_far_jump(&m->v, 3, 0, 4, NEXT, &t), VEC_GP, 0);
	assert_fault(m, cpu_far_jump(&m->v, BEYOND, 0, 4, NEXT, &t), VEC_GP, BEYOND);
	assert_fault(m, cpu_far_jump(&m->v, DATA0, 0, 4, NEXT, &t), VEC_GP, DATA0);
	assert_fault(m, cpu_far_jump(&m->v, SEL_LDT, 0, 4, NEXT, &t), VEC_GP, SEL_LDT);
	assert_fault(m, cpu_far_jump(&m->v, CODE3, 0, 4, NEXT, &t), VEC_GP, CODE3 & ~3);
	assert_fault(m, cpu_far_jump(&m->v, CODE0 | 3, 0, 4, NEXT, &t), VEC_GP, CODE0);
	descriptor(m, SCRATCH, 0, 0xfff, (A_CODE | A_32));
	assert_fault(m, cpu_far_jump(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_NP, SCRATCH);
	descriptor(m, SCRATCH, 0, 0xfff, (A_P | A_CODE | A_32));
	assert_fault(m, cpu_far_jump(&m->v, SCRATCH, 0x1000, 4, NEXT, &t), VEC_GP, 0);
	assert_done(cpu_far_jump(&m->v, SCRATCH, 0xfff, 4, NEXT, &t));
	descriptor(m, SCRATCH, 0, 0xfff, A_P | A_CONFORM | A_DPL3);
	assert_fault(m, cpu_far_jump(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_GP, SCRATCH);
}

static void call_and_return(void **state)
{
	struct machine *m = *state;

	assert_done(cpu_far_call(&m->v, CODE0, 0x9000, 4, NEXT, &t));
	assert_int_equal(m->v.gpr[ESP], STACK0 - 8);
	assert_int_equal(get32(m, STACK0 - 8), NEXT);
	assert_int_equal(get32(m, STACK0 - 4), CODE0);
	assert_done(cpu_far_return(&m->v, 4, 12, &t));
	assert_int_equal(m->v.eip, NEXT);
	assert_int_equal(m->v.gpr[ESP], STACK0 + 12);

	assert_done(cpu_far_call(&m->v, CODE0, 0x12349000, 4, NEXT, &t));
	assert_int_equal(m->v.eip, 0x12349000);
	m->v.gpr[ESP] = STACK0 + 12;
	assert_done(cpu_far_call(&m->v, CODE0, 0x12349000, 2, NEXT, &t));
	assert_int_equal(m->v.eip, 0x9000);
	assert_int_equal(m->v.gpr[ESP], STACK0 + 8);
	assert_int_equal(get16(m, STACK0 + 8), NEXT);
	assert_int_equal(get16(m, STACK0 + 10), CODE0);
	assert_done(cpu_far_return(&m->v, 2, 0, &t));
	assert_int_equal(m->v.gpr[ESP], STACK0 + 12);
}

static void call_stack_faults(void **state)
{
	struct machine *m = *state;

	m->v.seg[SREG_SS].limit = STACK0 - 2;
	assert_fault(m, cpu_far_call(&m->v, CODE0, 0x9000, 4, NEXT, &t), VEC_SS, 0);
	m->v.seg[SREG_SS].limit = 0xffffffff;
	m->bad_page = (STACK0 - 1) >> 12;
	assert_fault(m, cpu_far_call(&m->v, CODE0, 0x9000, 4, NEXT, &t), VEC_PF, PF_W);
	machine_ring(m, 3);
	m->bad_page = (STACK3 - 1) >> 12;
	assert_fault(m, cpu_far_call(&m->v, CODE3, 0x9000, 4, NEXT, &t), VEC_PF, PF_W | PF_U);
}

/* A 16-bit stack wraps between items, and keeps the upper half of ESP. */
static void call_on_16_bit_stack(void **state)
{
	struct machine *m = *state;

	m->v.seg[SREG_SS].attr &= ~SEG_DB;
	m->v.seg[SREG_SS].limit = 0xffff;
	m->v.seg[SREG_SS].base = 0x20000;
	m->v.gpr[ESP] = 0xabcd0002;
	assert_done(cpu_far_call(&m->v, CODE0, 0x9000, 2, NEXT, &t));
	assert_int_equal(m->v.gpr[ESP], 0xabcdfffe);
	assert_int_equal(get16(m, 0x2fffe), NEXT);
	assert_int_equal(get16(m, 0x20000), CODE0);
	assert_done(cpu_far_return(&m->v, 2, 0, &t));
	assert_int_equal(m->v.gpr[ESP], 0xabcd0002);
	/* A dword at FFFEh straddles the limit. */
	assert_fault(m, cpu_far_call(&m->v, CODE0, 0x9000, 4, NEXT, &t), VEC_SS, 0);
	m->v.gpr[ESP] = 0xabcd0004;
	assert_done(cpu_far_call(&m->v, CODE0, 0x9000, 4, NEXT, &t));
	assert_int_equal(m->v.gpr[ESP], 0xabcdfffc);
	assert_int_equal(get32(m, 0x20000), CODE0);
}

static void gate_to_inner_ring_copies_parameters(void **state)
{
	struct machine *m = *state;

	gate(m, SCRATCH, CODE0, 0x9000, A_P | A_DPL3 | 12, 3);
	machine_ring(m, 3);
	for (unsigned i = 0; i < 3; i++)
		put32(m, STACK3 + 4 * i, 0x1110 + i);
	assert_done(cpu_far_call(&m->v, SCRATCH | 3, 0x55555555, 4, NEXT, &t));
	assert_int_equal(m->v.cpl, 0);
	assert_int_equal(m->v.eip, 0x9000);
	assert_int_equal(m->v.seg[SREG_CS].selector, CODE0);
	assert_int_equal(m->v.seg[SREG_SS].selector, DATA0);
	assert_int_equal(m->v.gpr[ESP], STACK0 - 28);
	assert_int_equal(m->last_priv, PRIV_SUPERVISOR);
	{
		const uint32_t want[] = {NEXT, CODE3, 0x1110, 0x1111, 0x1112, STACK3, DATA3};
		assert_memory_equal(m->mem + STACK0 - 28, want, sizeof(want));
	}

	/* And back: both stacks drop the parameters, inner data segments go. */
	assert_done(cpu_seg_load(&m->v, SREG_ES, DATA0, &t));
	assert_done(cpu_far_return(&m->v, 4, 12, &t));
	assert_int_equal(m->v.cpl, 3);
	assert_int_equal(m->v.eip, NEXT);
	assert_int_equal(m->v.gpr[ESP], STACK3 + 12);
	assert_int_equal(m->v.seg[SREG_SS].selector, DATA3);
	assert_int_equal(m->v.seg[SREG_ES].selector, 0);
	assert_true(m->v.seg[SREG_ES].attr & SEG_UNUSABLE);
	assert_int_equal(m->v.seg[SREG_DS].selector, DATA3);
}

static void gate_of_16_bits(void **state)
{
	struct machine *m = *state;
	const uint16_t want[] = {NEXT, CODE3, 0x2221, 0x2222, (uint16_t)STACK3, DATA3};

	gate(m, SCRATCH, CODE0, 0xdead9000, A_P | A_DPL3 | 4, 2);
	machine_ring(m, 3);
	put16(m, STACK3, 0x2221);
	put16(m, STACK3 + 2, 0x2222);
	assert_done(cpu_far_call(&m->v, SCRATCH | 3, 0, 4, NEXT, &t));
	assert_int_equal(m->v.eip, 0x9000);
	assert_int_equal(m->v.gpr[ESP], STACK0 - 12);
	assert_memory_equal(m->mem + STACK0 - 12, want, sizeof(want));
}

static void gate_with_most_parameters(void **state)
{
	struct machine *m = *state;

	gate(m, SCRATCH, CODE0, 0x9000, A_P | A_DPL3 | 12, 31);
	machine_ring(m, 3);
	put32(m, STACK3 + 4 * 30, 0x77777777);
	assert_done(cpu_far_call(&m->v, SCRATCH | 3, 0, 4, NEXT, &t));
	assert_int_equal(m->v.gpr[ESP], STACK0 - 35 * 4);
	assert_int_equal(get32(m, STACK0 - 12), 0x77777777);
}

static void gate_at_same_ring(void **state)
{
	struct machine *m = *state;

	gate(m, SCRATCH, CODE0, 0x9000, A_P | 12, 3);
	assert_done(cpu_far_call(&m->v, SCRATCH, 0, 2, NEXT, &t));
	assert_int_equal(m->v.gpr[ESP], STACK0 - 8); /* the gate's size, no parameters */
	assert_done(cpu_far_jump(&m->v, SCRATCH, 0, 4, NEXT, &t));
	assert_int_equal(m->v.gpr[ESP], STACK0 - 8);
	gate(m, SCRATCH, CONFORM0, 0x9000, A_P | A_DPL3 | 12, 3);
	machine_ring(m, 3);
	assert_done(cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t));
	assert_int_equal(m->v.cpl, 3);
	assert_int_equal(m->v.gpr[ESP], STACK3 - 8);
}

static void gate_faults(void **state)
{
	struct machine *m = *state;

	machine_ring(m, 3);
	gate(m, SCRATCH, CODE0, 0x9000, A_P | 12, 0);
	assert_fault(m, cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_GP, SCRATCH);
	gate(m, SCRATCH, CODE0, 0x9000, A_DPL3 | 12, 0);
	assert_fault(m, cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_NP, SCRATCH);
	gate(m, SCRATCH, 0, 0x9000, A_P | A_DPL3 | 12, 0);
	assert_fault(m, cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_GP, 0);
	gate(m, SCRATCH, BEYOND, 0x9000, A_P | A_DPL3 | 12, 0);
	assert_fault(m, cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_GP, BEYOND);
	gate(m, SCRATCH, DATA0, 0x9000, A_P | A_DPL3 | 12, 0);
	assert_fault(m, cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_GP, DATA0);
	gate(m, SCRATCH, SCRATCH2, 0x9000, A_P | A_DPL3 | 12, 0);
	descriptor(m, SCRATCH2, 0, 0xfff, A_CODE | A_32);
	assert_fault(m, cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_NP, SCRATCH2);
	descriptor(m, SCRATCH2, 0, 0xfff, A_P | A_CODE | A_32);
	assert_fault(m, cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_GP, 0); /* EIP */
	gate(m, SCRATCH, CODE0, 0x9000, A_P | A_DPL3 | 12, 0);
	assert_fault(m, cpu_far_jump(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_GP, CODE0);
}

static void inner_stack_faults(void **state)
{
	struct machine *m = *state;

	gate(m, SCRATCH, CODE0, 0x9000, A_P | A_DPL3 | 12, 1);
	machine_ring(m, 3);
#define CALL cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t)
	m->v.seg[SREG_TR].limit = 8;
	assert_fault(m, CALL, VEC_TS, SEL_TSS_A);
	m->v.seg[SREG_TR].limit = 0x67;
	put16(m, TSS_A + 8, 0);
	assert_fault(m, CALL, VEC_TS, 0);
	put16(m, TSS_A + 8, BEYOND);
	assert_fault(m, CALL, VEC_TS, BEYOND);
	put16(m, TSS_A + 8, DATA0 | 1);
	assert_fault(m, CALL, VEC_TS, DATA0);
	put16(m, TSS_A + 8, DATA3 & ~3);
	assert_fault(m, CALL, VEC_TS, DATA3 & ~3);
	put16(m, TSS_A + 8, CODE0);
	assert_fault(m, CALL, VEC_TS, CODE0);
	put16(m, TSS_A + 8, SCRATCH2);
	descriptor(m, SCRATCH2, 0, 0xfffff, (A_FLAT | A_DATA) & ~A_P);
	assert_fault(m, CALL, VEC_SS, SCRATCH2);
	descriptor(m, SCRATCH2, 0, STACK0 - 2, A_P | A_DATA | A_32);
	assert_fault(m, CALL, VEC_SS, SCRATCH2);
	/* Stack and entry point both bad: the stack first. */
	descriptor(m, SCRATCH3, 0, 0xfff, A_P | A_CODE | A_32);
	gate(m, SCRATCH, SCRATCH3, 0x9000, A_P | A_DPL3 | 12, 1);
	assert_fault(m, CALL, VEC_SS, SCRATCH2);
	gate(m, SCRATCH, CODE0, 0x9000, A_P | A_DPL3 | 12, 1);
	put16(m, TSS_A + 8, DATA0);
	m->bad_page = (STACK0 - 1) >> 12;
	assert_fault(m, CALL, VEC_PF, PF_W);
	m->bad_page = STACK3 >> 12; /* the parameter is read as the caller */
	assert_fault(m, CALL, VEC_PF, PF_U);
#undef CALL
}

static void inner_stack_of_16_bit_tss(void **state)
{
	struct machine *m = *state;

	descriptor(m, SEL_TSS_B, TSS_B, 0x2b, A_P | 1);
	put16(m, TSS_B + 2, 0xf000);
	put16(m, TSS_B + 4, DATA0);
	assert_done(cpu_ltr(&m->v, SEL_TSS_B, &t));
	gate(m, SCRATCH, CODE0, 0x9000, A_P | A_DPL3 | 12, 0);
	machine_ring(m, 3);
	assert_done(cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t));
	assert_int_equal(m->v.gpr[ESP], 0xf000 - 16);
	machine_ring(m, 3);
	m->v.seg[SREG_TR].limit = 4;
	assert_fault(m, cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_TS, SEL_TSS_B);
}

static void push_frame(struct machine *m, uint32_t eip, uint32_t cs, uint32_t esp, uint32_t ss)
{
	const uint32_t frame[] = {eip, cs, esp, ss};

	m->v.gpr[ESP] = STACK0 - 16;
	memcpy(m->mem + STACK0 - 16, frame, sizeof(frame));
}

static void return_faults(void **state)
{
	struct machine *m = *state;

#define RETF cpu_far_return(&m->v, 4, 0, &t)
	push_frame(m, 0x9000, 0, STACK3, DATA3);
	assert_fault(m, RETF, VEC_GP, 0);
	push_frame(m, 0x9000, BEYOND, STACK3, DATA3);
	assert_fault(m, RETF, VEC_GP, BEYOND);
	push_frame(m, 0x9000, DATA0, STACK3, DATA3);
	assert_fault(m, RETF, VEC_GP, DATA0);
	push_frame(m, 0x9000, CODE3 & ~3, STACK3, DATA3);
	assert_fault(m, RETF, VEC_GP, CODE3 & ~3);
	push_frame(m, 0x9000, CODE0 | 3, STACK3, DATA3);
	assert_fault(m, RETF, VEC_GP, CODE0);
	descriptor(m, SCRATCH, 0, 0xfff, A_CODE | A_32);
	push_frame(m, 0x9000, SCRATCH, STACK3, DATA3);
	assert_fault(m, RETF, VEC_NP, SCRATCH);
	descriptor(m, SCRATCH, 0, 0xfff, A_P | A_CODE | A_32);
	assert_fault(m, RETF, VEC_GP, 0);
	descriptor(m, SCRATCH, 0, 0xfffff, A_FLAT | A_CONFORM | A_DPL3);
	push_frame(m, 0x9000, SCRATCH | 1, STACK3, DATA3);
	assert_fault(m, RETF, VEC_GP, SCRATCH); /* conforming: no more privilege than its own */
	push_frame(m, 0x9000, CODE3, STACK3, 0);
	assert_fault(m, RETF, VEC_GP, 0);
	push_frame(m, 0x9000, CODE3, STACK3, DATA0);
	assert_fault(m, RETF, VEC_GP, DATA0);
	push_frame(m, 0x9000, CODE3, STACK3, DATA3 & ~3);
	assert_fault(m, RETF, VEC_GP, DATA3 & ~3);
	descriptor(m, SCRATCH, 0, 0xfff, A_DATA | A_32 | A_DPL3);
	push_frame(m, 0x9000, CODE3, STACK3, SCRATCH | 3);
	assert_fault(m, RETF, VEC_SS, SCRATCH);
	m->v.seg[SREG_SS].limit = STACK0 - 9;
	assert_fault(m, RETF, VEC_SS, 0);
	machine_ring(m, 3);
	push_frame(m, 0x9000, CODE0, STACK3, DATA3);
	assert_fault(m, RETF, VEC_GP, CODE0); /* to an inner ring */
#undef RETF
}

static void return_to_conforming_code(void **state)
{
	struct machine *m = *state;

	for (unsigned rpl = 1; rpl < 4; rpl += 2) {
		machine_ring(m, 0);
		descriptor(m, SCRATCH, 0, 0xfffff, A_FLAT | A_CONFORM | A_DPL1);
		push_frame(m, 0x9000, SCRATCH | rpl, STACK3, rpl == 1 ? DATA1 : DATA3);
		assert_done(cpu_far_return(&m->v, 4, 0, &t));
		assert_int_equal(m->v.cpl, rpl);
	}
}

static void return_to_16_bit_stack_keeps_upper_esp(void **state)
{
	struct machine *m = *state;

	descriptor(m, SCRATCH, 0, 0xffff, A_P | A_DATA | A_DPL3);
	push_frame(m, 0x9000, CODE3, 0x12345678, SCRATCH | 3);
	assert_done(cpu_far_return(&m->v, 4, 0, &t));
	assert_int_equal(m->v.gpr[ESP], ((STACK0 - 16) & 0xffff0000) | 0x5678);
}

static void real_mode_call_and_return(void **state)
{
	struct machine *m = *state;

	m->v.cr0 &= ~CR0_PE;
	m->v.seg[SREG_SS].attr &= ~SEG_DB;
	m->v.seg[SREG_SS].limit = m->v.seg[SREG_CS].limit = 0xffff;
	assert_done(cpu_far_call(&m->v, 0x1234, 0x5678, 2, NEXT, &t));
	assert_int_equal(m->v.seg[SREG_CS].base, 0x12340);
	assert_int_equal(m->v.eip, 0x5678);
	assert_int_equal(get16(m, (STACK0 & 0xffff) - 2), CODE0);
	assert_fault(m, cpu_far_jump(&m->v, 0x1234, 0x10000, 4, NEXT, &t), VEC_GP, 0);
	assert_done(cpu_far_return(&m->v, 2, 0, &t));
	assert_int_equal(m->v.seg[SREG_CS].selector, CODE0);
	assert_int_equal(m->v.eip, NEXT);
	assert_done(cpu_far_jump(&m->v, 0x1234, 0xffff, 4, NEXT, &t));
	assert_int_equal(m->v.eip, 0xffff);
}

static void sysenter_and_sysexit(void **state)
{
	struct machine *m = *state;

	machine_ring(m, 3);
	assert_fault(m, cpu_sysenter(&m->v, &t), VEC_GP, 0);
	m->v.sysenter_cs = 3;
	assert_fault(m, cpu_sysenter(&m->v, &t), VEC_GP, 0);
	m->v.sysenter_cs = CODE0;
	m->v.sysenter_esp = 0x7000;
	m->v.sysenter_eip = 0xa000;
	m->v.if_flag = FLAG_IF;
	m->v.vflags |= FLAG_RF;
	assert_done(cpu_sysenter(&m->v, &t));
	assert_false(m->v.vflags & FLAG_RF);
	assert_int_equal(m->v.cpl, 0);
	assert_int_equal(m->v.eip, 0xa000);
	assert_int_equal(m->v.gpr[ESP], 0x7000);
	assert_int_equal(m->v.if_flag, 0);
	assert_int_equal(m->v.seg[SREG_CS].selector, CODE0);
	assert_int_equal(m->v.seg[SREG_CS].attr, A_FLAT | A_CODE | SEG_ACCESSED);
	assert_int_equal(m->v.seg[SREG_SS].selector, DATA0);
	assert_int_equal(m->v.seg[SREG_SS].attr, A_FLAT | A_DATA | SEG_ACCESSED);

	m->v.gpr[EDX] = 0x9000;
	m->v.gpr[ECX] = STACK3;
	assert_done(cpu_sysexit(&m->v, &t));
	assert_int_equal(m->v.cpl, 3);
	assert_int_equal(m->v.eip, 0x9000);
	assert_int_equal(m->v.gpr[ESP], STACK3);
	assert_int_equal(m->v.seg[SREG_CS].selector, CODE3);
	assert_int_equal(m->v.seg[SREG_SS].selector, DATA3);
	assert_int_equal(m->v.seg[SREG_SS].attr, A_FLAT | A_DPL3 | A_DATA | SEG_ACCESSED);
	assert_fault(m, cpu_sysexit(&m->v, &t), VEC_GP, 0);
	m->v.cpl = 0;
	m->v.cr0 &= ~CR0_PE;
	assert_fault(m, cpu_sysexit(&m->v, &t), VEC_GP, 0);
	assert_fault(m, cpu_sysenter(&m->v, &t), VEC_GP, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(jump_to_code),
		TEST(jump_faults),
		TEST(call_and_return),
		TEST(call_stack_faults),
		TEST(call_on_16_bit_stack),
		TEST(gate_to_inner_ring_copies_parameters),
		TEST(gate_of_16_bits),
		TEST(gate_with_most_parameters),
		TEST(gate_at_same_ring),
		TEST(gate_faults),
		TEST(inner_stack_faults),
		TEST(inner_stack_of_16_bit_tss),
		TEST(return_faults),
		TEST(return_to_conforming_code),
		TEST(return_to_16_bit_stack_keeps_upper_esp),
		TEST(real_mode_call_and_return),
		TEST(sysenter_and_sysexit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
