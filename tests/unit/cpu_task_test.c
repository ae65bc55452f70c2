/* links: cpu */
/* Hardware task switches by JMP, CALL, interrupt and IRET. */
#include "cpu_fixture.h"

#define NEXT 0x8007
#define NEW_EIP 0xb000

enum {
	T_CR3 = 0x1c,
	T_EIP = 0x20,
	T_EFLAGS = 0x24,
	T_EAX = 0x28,
	T_ESP = 0x38,
	T_EDI = 0x44,
	T_ES = 0x48,
	T_CS = 0x4c,
	T_SS = 0x50,
	T_DS = 0x54,
	T_LDT = 0x60,
	T_TRAP = 0x64,
	BUSY = A_P | 11,
	FREE = A_P | 9,
};

/* Fills TSS_B with a task of ring 0. */
static void put_task(struct machine *m)
{
	memset(m->mem + TSS_B, 0, 0x68);
	put32(m, TSS_B + T_CR3, 0x77000);
	put32(m, TSS_B + T_EIP, NEW_EIP);
	put32(m, TSS_B + T_EFLAGS, 0x202);
	put32(m, TSS_B + T_EAX, 0xaaaaaaaa);
	put32(m, TSS_B + T_ESP, STACK1);
	put32(m, TSS_B + T_EDI, 0xdddddddd);
	put32(m, TSS_B + T_CS, CODE0);
	put32(m, TSS_B + T_SS, DATA0);
	put32(m, TSS_B + T_DS, DATA0);
	put32(m, TSS_B + T_LDT, SEL_LDT);
	m->v.gpr[EAX] = 0x11111111;
	m->v.gpr[EDI] = 0x22222222;
	vcpu_eflags_set(&m->v, 0x246);
}

static void jump(void **state)
{
	struct machine *m = *state;

	put_task(m);
	m->v.dr[7] = 0x7ff;
	assert_done(cpu_far_jump(&m->v, SEL_TSS_B, 0x99, 4, NEXT, &t));
	assert_int_equal(m->v.eip, NEW_EIP);
	assert_int_equal(m->v.gpr[EAX], 0xaaaaaaaa);
	assert_int_equal(m->v.gpr[EDI], 0xdddddddd);
	assert_int_equal(m->v.gpr[ESP], STACK1);
	assert_int_equal(vcpu_eflags(&m->v), 0x202);
	assert_int_equal(m->v.seg[SREG_TR].selector, SEL_TSS_B);
	assert_int_equal(m->v.seg[SREG_TR].attr, BUSY);
	assert_int_equal(m->v.seg[SREG_DS].selector, DATA0);
	assert_true(m->v.seg[SREG_ES].attr & SEG_UNUSABLE);
	assert_int_equal(m->v.seg[SREG_LDTR].selector, SEL_LDT);
	assert_true(m->v.cr0 & CR0_TS);
	assert_int_equal(m->v.dr[7], 0x6aa);
	assert_int_equal(type_byte(m, SEL_TSS_A), FREE);
	assert_int_equal(type_byte(m, SEL_TSS_B), BUSY);
	assert_int_equal(get32(m, TSS_A + T_EIP), NEXT);
	assert_int_equal(get32(m, TSS_A + T_EFLAGS), 0x246);
	assert_int_equal(get32(m, TSS_A + T_EAX), 0x11111111);
	assert_int_equal(get32(m, TSS_A + T_EDI), 0x22222222);
	assert_int_equal(get32(m, TSS_A + T_ESP), STACK0);
	assert_int_equal(get16(m, TSS_A + T_CS), CODE0);
	assert_int_equal(get16(m, TSS_A + T_SS), DATA0);
	assert_int_equal(m->paging_loads, 0); /* paging is off: CR3 stays */
	assert_int_equal(m->v.cr3, 0);
}

static void jump_loads_cr3_with_paging_on(void **state)
{
	struct machine *m = *state;

	put_task(m);
	m->v.cr0 |= CR0_PG;
	assert_done(cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t));
	assert_int_equal(m->loaded_cr3, 0x77000);
}

static void call_and_iret(void **state)
{
	struct machine *m = *state;

	put_task(m);
	assert_done(cpu_far_call(&m->v, SEL_TSS_B, 0, 4, NEXT, &t));
	assert_int_equal(vcpu_eflags(&m->v), 0x202 | FLAG_NT);
	assert_int_equal(get16(m, TSS_B), SEL_TSS_A);
	assert_int_equal(type_byte(m, SEL_TSS_A), BUSY);
	assert_int_equal(type_byte(m, SEL_TSS_B), BUSY);

	m->v.gpr[EAX] = 0x33333333;
	m->v.eip = NEW_EIP + 5;
	assert_done(cpu_iret(&m->v, 4, NEW_EIP + 6, &t));
	assert_int_equal(m->v.eip, NEXT);
	assert_int_equal(m->v.gpr[EAX], 0x11111111);
	assert_int_equal(vcpu_eflags(&m->v), 0x246);
	assert_int_equal(m->v.seg[SREG_TR].selector, SEL_TSS_A);
	assert_int_equal(type_byte(m, SEL_TSS_A), BUSY);
	assert_int_equal(type_byte(m, SEL_TSS_B), FREE);
	assert_int_equal(get32(m, TSS_B + T_EIP), NEW_EIP + 6);
	assert_int_equal(get32(m, TSS_B + T_EFLAGS), 0x202); /* NT is off in the image */
	assert_int_equal(get32(m, TSS_B + T_EAX), 0x33333333);
}

static void through_gates(void **state)
{
	struct machine *m = *state;

	put_task(m);
	gate(m, SCRATCH, SEL_TSS_B, 0, A_P | A_DPL3 | 5, 0);
	idt_gate(m, VEC_DF, SEL_TSS_B, 0, A_P | 5);
	machine_ring(m, 3);
	assert_done(cpu_far_call(&m->v, SCRATCH | 3, 0, 4, NEXT, &t));
	assert_int_equal(m->v.cpl, 0);
	assert_done(cpu_iret(&m->v, 4, 0, &t));
	assert_int_equal(m->v.cpl, 3);
	assert_int_equal(m->v.seg[SREG_CS].selector, CODE3);

	/* An exception with an error code pushes it on the new stack. */
	put_task(m);
	m->v.eip = 0x8000;
	{
		struct trap df = trap_error(VEC_DF, 0x1234);
		assert_true(cpu_exception(&m->v, &df));
	}
	assert_int_equal(m->v.gpr[ESP], STACK1 - 4);
	assert_int_equal(get32(m, STACK1 - 4), 0x1234);
	assert_int_equal(get32(m, TSS_A + T_EIP), 0x8000);
	assert_int_equal(get16(m, TSS_B), SEL_TSS_A);
	assert_true(m->v.vflags & FLAG_NT);
}

/* Before the switch: the old task is as it was. */
static void early_faults(void **state)
{
	struct machine *m = *state;

	put_task(m);
#define JUMP(sel) cpu_far_jump(&m->v, sel, 0, 4, NEXT, &t)
	assert_fault(m, JUMP(SEL_TSS_A), VEC_GP, SEL_TSS_A); /* busy */
	descriptor(m, SCRATCH, TSS_B, 0x67, 9);
	assert_fault(m, JUMP(SCRATCH), VEC_NP, SCRATCH);
	descriptor(m, SCRATCH, TSS_B, 0x66, FREE);
	assert_fault(m, JUMP(SCRATCH), VEC_TS, SCRATCH);
	descriptor(m, SCRATCH, TSS_B, 0x2a, A_P | 1);
	assert_fault(m, JUMP(SCRATCH), VEC_TS, SCRATCH);
	descriptor(m, 0xc, TSS_B, 0x67, FREE);
	assert_fault(m, JUMP(0xc), VEC_GP, 0xc);
	machine_ring(m, 3);
	assert_fault(m, JUMP(SEL_TSS_B), VEC_GP, SEL_TSS_B); /* DPL */
	machine_ring(m, 0);

	gate(m, SCRATCH, SEL_TSS_A, 0, A_P | 5, 0);
	assert_fault(m, JUMP(SCRATCH), VEC_GP, SEL_TSS_A);
	gate(m, SCRATCH, 0xc, 0, A_P | 5, 0);
	assert_fault(m, JUMP(SCRATCH), VEC_GP, 0xc);
	gate(m, SCRATCH, DATA0, 0, A_P | 5, 0);
	assert_fault(m, JUMP(SCRATCH), VEC_GP, DATA0);
	gate(m, SCRATCH, BEYOND, 0, A_P | 5, 0);
	assert_fault(m, JUMP(SCRATCH), VEC_GP, BEYOND);
	gate(m, SCRATCH, SEL_TSS_B, 0, 5, 0);
	assert_fault(m, JUMP(SCRATCH), VEC_NP, SCRATCH);

	idt_gate(m, 0x20, SEL_TSS_A, 0, A_P | 5);
	assert_fault(m, cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t), VEC_GP,
	             SEL_TSS_A | 1);
	m->bad_page = TSS_B >> 12;
	assert_fault(m, JUMP(SEL_TSS_B), VEC_PF, 0);
	m->bad_page = TSS_A >> 12;
	assert_fault(m, JUMP(SEL_TSS_B), VEC_PF, PF_W);
	m->bad_page = GDT >> 12;
	m->bad_write_only = true;
	assert_fault(m, JUMP(SEL_TSS_B), VEC_PF, PF_W);
	m->bad_page = 0;
	m->v.seg[SREG_TR].limit = 0x5e;
	assert_fault(m, JUMP(SEL_TSS_B), VEC_TS, SEL_TSS_A);
#undef JUMP
}

static void iret_link_faults(void **state)
{
	struct machine *m = *state;

	m->v.vflags |= FLAG_NT;
#define IRET cpu_iret(&m->v, 4, NEXT, &t)
	put16(m, TSS_A, 0xc);
	assert_fault(m, IRET, VEC_TS, 0xc);
	put16(m, TSS_A, BEYOND);
	assert_fault(m, IRET, VEC_TS, BEYOND);
	put16(m, TSS_A, SEL_TSS_B); /* not busy */
	assert_fault(m, IRET, VEC_TS, SEL_TSS_B);
	descriptor(m, SEL_TSS_B, TSS_B, 0x67, 11);
	assert_fault(m, IRET, VEC_NP, SEL_TSS_B);
#undef IRET
}

/* With NT set IRET leaves the stack alone: SDM vol. 2, IRET, TASK-RETURN; vol. 3, 7.4. */
static void iret_to_a_task_needs_no_stack(void **state)
{
	struct machine *m = *state;

	put_task(m);
	assert_done(cpu_far_call(&m->v, SEL_TSS_B, 0, 4, NEXT, &t));
	m->bad_page = (STACK1 - 4) >> 12;
	m->v.gpr[ESP] = STACK1 - 4;
	m->v.seg[SREG_SS].limit = STACK1 - 8;
	assert_done(cpu_iret(&m->v, 4, NEW_EIP + 1, &t));
	assert_int_equal(m->v.seg[SREG_TR].selector, SEL_TSS_A);
	assert_int_equal(m->v.eip, NEXT);
	assert_int_equal(get32(m, TSS_B + T_ESP), STACK1 - 4);
}

/* After the switch: the fault is the new task's. */
static void late_faults(void **state)
{
	static const struct {
		unsigned field;
		uint16_t value;
		uint8_t vector;
		uint32_t error;
	} cases[] = {
		{T_LDT, DATA0, VEC_TS, DATA0},
		{T_LDT, 0xc, VEC_TS, 0xc},
		{T_LDT, BEYOND, VEC_TS, BEYOND},
		{T_LDT, SCRATCH2, VEC_TS, SCRATCH2}, /* absent */
		{T_CS, 0, VEC_TS, 0},
		{T_CS, BEYOND, VEC_TS, BEYOND},
		{T_CS, DATA0, VEC_TS, DATA0},
		{T_CS, CODE0 | 3, VEC_TS, CODE0},
		{T_SS, 0, VEC_TS, 0},
		{T_SS, DATA0 | 3, VEC_TS, DATA0},
		{T_SS, DATA3, VEC_TS, DATA3 & ~3},
		{T_SS, CODE0, VEC_TS, CODE0},
		{T_SS, SCRATCH, VEC_SS, SCRATCH}, /* absent */
		{T_DS, BEYOND, VEC_TS, BEYOND},
		{T_DS, SEL_TSS_A, VEC_TS, SEL_TSS_A},
		{T_DS, SCRATCH, VEC_NP, SCRATCH},
	};
	struct machine *m = *state;

	descriptor(m, SCRATCH, 0, 0xfffff, (A_FLAT | A_DATA) & ~A_P);
	descriptor(m, SCRATCH2, LDT, 0xff, 2);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_task(m);
		put16(m, TSS_B + cases[i].field, cases[i].value);
		assert_trap(cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t), cases[i].vector,
		            cases[i].error);
		assert_int_equal(m->v.seg[SREG_TR].selector, SEL_TSS_B);
		assert_int_equal(m->v.eip, NEW_EIP);
		assert_int_equal(get32(m, TSS_A + T_EIP), NEXT);

		/* Back to the start. */
		descriptor(m, SEL_TSS_A, TSS_A, 0x67, FREE);
		descriptor(m, SEL_TSS_B, TSS_B, 0x67, FREE);
		machine_ring(m, 0);
		assert_done(cpu_lldt(&m->v, SEL_LDT, &t));
		assert_done(cpu_ltr(&m->v, SEL_TSS_A, &t));
	}
	descriptor(m, SCRATCH, 0, 0xfffff, (A_FLAT | A_CODE) & ~A_P);
	put_task(m);
	put16(m, TSS_B + T_CS, SCRATCH);
	assert_trap(cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t), VEC_NP, SCRATCH);
}

static void late_faults_of_an_interrupt_have_ext(void **state)
{
	struct machine *m = *state;

	put_task(m);
	put16(m, TSS_B + T_DS, BEYOND);
	idt_gate(m, 0x20, SEL_TSS_B, 0, A_P | 5);
	assert_trap(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t), VEC_TS, BEYOND | 1);
	assert_int_equal(m->v.seg[SREG_TR].selector, SEL_TSS_B);
}

static void eip_beyond_limit(void **state)
{
	struct machine *m = *state;

	descriptor(m, SCRATCH, 0, NEW_EIP - 1, A_P | A_CODE | A_32);
	put_task(m);
	put16(m, TSS_B + T_CS, SCRATCH);
	assert_trap(cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t), VEC_GP, 0);
	assert_int_equal(m->v.seg[SREG_CS].selector, SCRATCH);
}

static void debug_trap(void **state)
{
	struct machine *m = *state;
	struct trap t;

	put_task(m);
	m->mem[TSS_B + T_TRAP] = 1;
	assert_false(cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t));
	assert_int_equal(t.vector, VEC_DB);
	assert_int_equal(t.dr6, DR6_BT);
	assert_int_equal(m->v.eip, NEW_EIP);
	assert_int_equal(m->v.seg[SREG_DS].selector, DATA0);
}

static void refused_cr3(void **state)
{
	struct machine *m = *state;

	put_task(m);
	m->v.cr0 |= CR0_PG;
	m->v.cr3 = 0x66000;
	m->paging_refused = true;
	assert_trap(cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t), VEC_GP, 0);
	assert_int_equal(m->v.cr3, 0x66000);
}

static void tss_of_16_bits(void **state)
{
	struct machine *m = *state;

	descriptor(m, SEL_TSS_B, TSS_B, 0x2b, A_P | 1);
	memset(m->mem + TSS_B, 0, 0x2c);
	put16(m, TSS_B + 0x0e, NEW_EIP);
	put16(m, TSS_B + 0x10, 0x202);
	put16(m, TSS_B + 0x12, 0x1234); /* AX */
	put16(m, TSS_B + 0x1a, 0xf000); /* SP */
	put16(m, TSS_B + 0x24, CODE0);
	put16(m, TSS_B + 0x26, SCRATCH);
	put16(m, TSS_B + 0x28, DATA0);
	descriptor(m, SCRATCH, 0, 0xffff, A_P | A_DATA);
	assert_done(cpu_far_call(&m->v, SEL_TSS_B, 0, 4, NEXT, &t));
	assert_int_equal(m->v.eip, NEW_EIP);
	assert_int_equal(m->v.gpr[EAX] & 0xffff, 0x1234);
	assert_int_equal(m->v.gpr[ESP] & 0xffff, 0xf000);
	assert_int_equal(m->v.seg[SREG_DS].selector, DATA0);
	assert_int_equal(m->v.seg[SREG_FS].selector, 0);
	assert_int_equal(m->v.seg[SREG_LDTR].selector, 0);
	assert_int_equal(type_byte(m, SEL_TSS_B), A_P | 3);
	assert_int_equal(get16(m, TSS_B), SEL_TSS_A);

	m->v.gpr[EDI] = 0x87654321;
	assert_done(cpu_iret(&m->v, 2, 0x4444, &t));
	assert_int_equal(m->v.eip, NEXT);
	assert_int_equal(m->v.gpr[ESP], STACK0);
	assert_int_equal(get16(m, TSS_B + 0x0e), 0x4444);
	assert_int_equal(get16(m, TSS_B + 0x20), 0x4321);
	assert_int_equal(get16(m, TSS_B + 0x28), DATA0);
	assert_int_equal(get16(m, TSS_B + 0x2a), 0); /* the LDT field is not saved */
	assert_int_equal(type_byte(m, SEL_TSS_B), A_P | 1);
}

static void to_virtual_8086(void **state)
{
	struct machine *m = *state;

	put_task(m);
	put32(m, TSS_B + T_EFLAGS, FLAG_VM | 0x202);
	put16(m, TSS_B + T_CS, 0x0a00);
	put16(m, TSS_B + T_SS, 0x1000);
	put32(m, TSS_B + T_EIP, 0x100);
	assert_done(cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t));
	assert_int_equal(m->v.cpl, 3);
	assert_int_equal(m->v.seg[SREG_CS].base, 0xa000);
	assert_int_equal(m->v.seg[SREG_SS].attr, 0xf3);
}

/* The task is entered, and has an interrupt that waits: SDM vol. 3, 20.3.2. */
static void to_a_waiting_interrupt(void **state)
{
	struct machine *m = *state;

	put_task(m);
	m->v.cr4 |= CR4_VME;
	put32(m, TSS_B + T_EFLAGS, FLAG_VM | FLAG_VIF | FLAG_VIP | 0x202);
	put16(m, TSS_B + T_CS, 0x0a00);
	put16(m, TSS_B + T_SS, 0x1000);
	put32(m, TSS_B + T_EIP, 0x100);
	assert_trap(cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t), VEC_GP, 0);
	assert_int_equal(m->v.eip, 0x100);
	assert_int_equal(m->v.seg[SREG_CS].base, 0xa000);
}

/* A descriptor that cannot be marked or freed faults before anything is saved.  SDM vol. 3, 7.3. */
static void descriptors_on_read_only_pages(void **state)
{
	struct machine *m = *state;
	static uint8_t before[MEMORY];

	put_task(m);
	/* The current task's descriptor at the end of a page, the other on the next. */
	uint32_t gdt = LDT - SEL_TSS_B;
	memmove(m->mem + gdt, m->mem + GDT, GDT_LIMIT + 1);
	m->v.gdtr.base = gdt;
	m->mem[gdt + CODE0 + 5] |= 1; /* accessed: not to be written */
	m->mem[gdt + DATA0 + 5] |= 1;
	m->bad_write_only = true;
	m->bad_page = LDT >> 12;
	memcpy(before, m->mem, MEMORY);
	assert_fault(m, cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t), VEC_PF, PF_W);
	assert_fault(m, cpu_far_call(&m->v, SEL_TSS_B, 0, 4, NEXT, &t), VEC_PF, PF_W);
	assert_memory_equal(m->mem, before, MEMORY);
	/* JMP frees the old task; CALL leaves it busy. */
	m->bad_page = gdt >> 12;
	assert_fault(m, cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t), VEC_PF, PF_W);
	assert_memory_equal(m->mem, before, MEMORY);
	assert_done(cpu_far_call(&m->v, SEL_TSS_B, 0, 4, NEXT, &t));
	/* IRET frees the one, and leaves the other busy. */
	m->bad_page = LDT >> 12;
	memcpy(before, m->mem, MEMORY);
	assert_fault(m, cpu_iret(&m->v, 4, NEW_EIP + 6, &t), VEC_PF, PF_W);
	assert_memory_equal(m->mem, before, MEMORY);
	m->bad_page = gdt >> 12;
	assert_done(cpu_iret(&m->v, 4, NEW_EIP + 6, &t));
	assert_int_equal(m->v.seg[SREG_TR].selector, SEL_TSS_A);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(jump),
		TEST(jump_loads_cr3_with_paging_on),
		TEST(call_and_iret),
		TEST(through_gates),
		TEST(early_faults),
		TEST(iret_link_faults),
		TEST(iret_to_a_task_needs_no_stack),
		TEST(late_faults),
		TEST(late_faults_of_an_interrupt_have_ext),
		TEST(eip_beyond_limit),
		TEST(debug_trap),
		TEST(refused_cr3),
		TEST(tss_of_16_bits),
		TEST(to_virtual_8086),
		TEST(to_a_waiting_interrupt),
		TEST(descriptors_on_read_only_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
