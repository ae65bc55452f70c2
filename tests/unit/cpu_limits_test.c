/* links: cpu */
/* Both sides of each limit: what just fits works, one byte less faults. */
#include "cpu_fixture.h"

#define NEXT 0x8007
#define HANDLER 0xa000

/* `limit` is a field of the machine; `call` works with it at `least`, not one below. */
#define both_sides(m, limit, least, call, vec, err)                                                \
	do {                                                                                       \
		struct machine *saved_ = malloc(sizeof(*saved_));                                  \
		*saved_ = *(m);                                                                    \
		(limit) = (least)-1;                                                               \
		assert_fault(m, call, vec, err);                                                   \
		*(m) = *saved_;                                                                    \
		(limit) = (least);                                                                 \
		assert_done(call);                                                                 \
		*(m) = *saved_;                                                                    \
		free(saved_);                                                                      \
	} while (0)

/* SDM vol. 3, 7.2.1; vol. 2, CALL and INT n: the stack pointer of the TSS is whole or #TS. */
static void inner_stack_pointers(void **state)
{
	struct machine *m = *state;

	gate(m, SCRATCH, CODE0, 0x9000, A_P | A_DPL3 | 12, 0);
	gate(m, SCRATCH2, CODE1, 0x9000, A_P | A_DPL3 | 12, 0);
	idt_gate(m, 0x20, CODE0, HANDLER, A_P | 14);
	machine_ring(m, 3);
	both_sides(m, m->v.seg[SREG_TR].limit, 9, cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t),
	           VEC_TS, SEL_TSS_A);
	both_sides(m, m->v.seg[SREG_TR].limit, 17, cpu_far_call(&m->v, SCRATCH2, 0, 4, NEXT, &t),
	           VEC_TS, SEL_TSS_A);
	both_sides(m, m->v.seg[SREG_TR].limit, 11,
	           cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t), VEC_TS, SEL_TSS_A | 1);
}

static void inner_stack_pointers_of_16_bits(void **state)
{
	struct machine *m = *state;

	descriptor(m, SEL_TSS_B, TSS_B, 0x2b, A_P | 1);
	put16(m, TSS_B + 2, 0xf000);
	put16(m, TSS_B + 4, DATA0);
	put16(m, TSS_B + 6, 0xf000);
	put16(m, TSS_B + 8, DATA1);
	assert_done(cpu_ltr(&m->v, SEL_TSS_B, &t));
	gate(m, SCRATCH, CODE0, 0x9000, A_P | A_DPL3 | 4, 0);
	gate(m, SCRATCH2, CODE1, 0x9000, A_P | A_DPL3 | 4, 0);
	idt_gate(m, 0x20, CODE0, HANDLER, A_P | 6);
	machine_ring(m, 3);
	both_sides(m, m->v.seg[SREG_TR].limit, 5, cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t),
	           VEC_TS, SEL_TSS_B);
	both_sides(m, m->v.seg[SREG_TR].limit, 9, cpu_far_call(&m->v, SCRATCH2, 0, 4, NEXT, &t),
	           VEC_TS, SEL_TSS_B);
	both_sides(m, m->v.seg[SREG_TR].limit, 5,
	           cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t), VEC_TS, SEL_TSS_B | 1);
}

/* SDM vol. 3, 7.3: a TSS of 67h and 2Bh at least; the old one as far as it is written. */
static void task_state_segments(void **state)
{
	struct machine *m = *state;

	put32(m, TSS_B + 0x20, 0xb000);
	put32(m, TSS_B + 0x38, STACK1);
	put32(m, TSS_B + 0x4c, CODE0);
	put32(m, TSS_B + 0x50, DATA0);
	put32(m, TSS_B + 0x60, SEL_LDT);
	both_sides(m, m->v.seg[SREG_TR].limit, 0x5f, cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t),
	           VEC_TS, SEL_TSS_A);
	/* EIP of the new task; the fault is the new task's own. */
	descriptor(m, SCRATCH, 0, 0xb000, A_P | A_CODE | A_32);
	put16(m, TSS_B + 0x4c, SCRATCH);
	assert_done(cpu_far_jump(&m->v, SEL_TSS_B, 0, 4, NEXT, &t));
	assert_int_equal(m->v.eip, 0xb000);
}

/* The tables: the last byte of an entry.  SDM vol. 3, 3.5.1 and 6.10. */
static void tables(void **state)
{
	struct machine *m = *state;

	descriptor(m, SCRATCH, 0, 0xfffff, A_FLAT | A_DATA);
	both_sides(m, m->v.gdtr.limit, SCRATCH + 7, cpu_seg_load(&m->v, SREG_DS, SCRATCH, &t),
	           VEC_GP, SCRATCH);
	descriptor(m, 0xfc, 0, 0xfffff, A_FLAT | A_DATA);
	both_sides(m, m->v.seg[SREG_LDTR].limit, 0xff, cpu_seg_load(&m->v, SREG_DS, 0xfc, &t),
	           VEC_GP, 0xfc);
	descriptor(m, SCRATCH, 0x30000, 0x67, A_P | 9);
	both_sides(m, m->v.gdtr.limit, SCRATCH + 7, cpu_ltr(&m->v, SCRATCH, &t), VEC_GP, SCRATCH);
	idt_gate(m, 0x20, CODE0, HANDLER, A_P | 14);
	both_sides(m, m->v.idtr.limit, 0x107,
	           cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t), VEC_GP, 0x103);
}

static void interrupt_vectors_of_real_mode(void **state)
{
	struct machine *m = *state;

	m->v.cr0 &= ~CR0_PE;
	m->v.idtr.base = 0;
	m->v.seg[SREG_SS].attr &= ~SEG_DB;
	put32(m, 0x21 * 4, 0x12345678);
	both_sides(m, m->v.idtr.limit, 0x87,
	           cpu_interrupt(&m->v, INTR_SOFTWARE, 0x21, false, 0, &t), VEC_GP, 0);
}

/* It does, or #GP(0), with EXT for an interrupt. */
#define enters(call)                                                                               \
	do {                                                                                       \
		t = (struct trap){.vector = 0xff};                                                 \
		assert_int_equal(call, inside);                                                    \
		assert_true(inside || (t.vector == VEC_GP && t.error < 2));                        \
	} while (0)

/* Where a transfer leads: the limit itself is inside. */
static void entry_points(void **state)
{
	struct machine *m = *state;
	const uint32_t code = A_P | A_CODE | A_32;

	for (uint32_t limit = 0x8fff; limit <= 0x9000; limit++) {
		bool inside = limit == 0x9000;
		const uint32_t same[] = {0x9000, SCRATCH, 2};
		const uint32_t outer[] = {0x9000, SCRATCH2 | 3, STACK3, DATA3};
		struct trap t;

		machine_ring(m, 0);
		descriptor(m, SCRATCH, 0, limit, code);
		descriptor(m, SCRATCH2, 0, limit, code | A_DPL3);
		gate(m, SCRATCH3, SCRATCH, 0x9000, A_P | A_DPL3 | 12, 0);
		idt_gate(m, 0x20, SCRATCH, 0x9000, A_P | 14);
		enters(cpu_far_jump(&m->v, SCRATCH, 0x9000, 4, NEXT, &t));
		enters(cpu_far_call(&m->v, SCRATCH, 0x9000, 4, NEXT, &t));
		enters(cpu_far_call(&m->v, SCRATCH3, 0, 4, NEXT, &t));
		enters(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t));
		m->v.gpr[ESP] = STACK0 - 16;
		memcpy(m->mem + STACK0 - 16, same, sizeof(same));
		enters(cpu_iret(&m->v, 4, 0, &t));
		m->v.gpr[ESP] = STACK0 - 16;
		enters(cpu_far_return(&m->v, 4, 0, &t));
		machine_ring(m, 0);
		m->v.gpr[ESP] = STACK0 - 16;
		memcpy(m->mem + STACK0 - 16, outer, sizeof(outer));
		enters(cpu_far_return(&m->v, 4, 0, &t));
		machine_ring(m, 3);
		enters(cpu_far_call(&m->v, SCRATCH3, 0, 4, NEXT, &t));
		machine_ring(m, 3);
		enters(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t));
	}
}

/* Frames that are pushed and popped: their highest byte. */
static void frames(void **state)
{
	struct machine *m = *state;
	const uint32_t inner[] = {0x9000, CODE3, STACK3, DATA3};
	const uint32_t iret[] = {0x9000, CODE3, 0x202, STACK3, DATA3};
	struct segment *ss = &m->v.seg[SREG_SS];

	both_sides(m, ss->limit, STACK0 - 1, cpu_far_call(&m->v, CODE0, 0x9000, 4, NEXT, &t),
	           VEC_SS, 0);
	both_sides(m, ss->limit, STACK0 - 1, cpu_far_call(&m->v, CODE0, 0x9000, 2, NEXT, &t),
	           VEC_SS, 0);
	idt_gate(m, 0x20, CODE0, HANDLER, A_P | 14);
	both_sides(m, ss->limit, STACK0 - 1,
	           cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t), VEC_SS, 1);
	m->v.gpr[ESP] = STACK0 - 16;
	memcpy(m->mem + STACK0 - 16, inner, sizeof(inner));
	both_sides(m, ss->limit, STACK0 - 1, cpu_far_return(&m->v, 4, 0, &t), VEC_SS, 0);
	m->v.gpr[ESP] = STACK0 - 20;
	memcpy(m->mem + STACK0 - 20, iret, sizeof(iret));
	both_sides(m, ss->limit, STACK0 - 1, cpu_iret(&m->v, 4, 0, &t), VEC_SS, 0);

	/* An expand-down stack: the lowest byte. */
	machine_ring(m, 0);
	ss->attr |= SEG_DOWN;
	ss->limit = STACK0 - 9;
	assert_done(cpu_far_call(&m->v, CODE0, 0x9000, 4, NEXT, &t));
	machine_ring(m, 0);
	ss->attr |= SEG_DOWN;
	ss->limit = STACK0 - 8;
	assert_fault(m, cpu_far_call(&m->v, CODE0, 0x9000, 4, NEXT, &t), VEC_SS, 0);
}

/* The inner stack's own segment, with parameters. */
static void inner_frames(void **state)
{
	struct machine *m = *state;

	gate(m, SCRATCH, CODE0, 0x9000, A_P | A_DPL3 | 12, 2);
	idt_gate(m, 0x20, CODE0, HANDLER, A_P | 14);
	put16(m, TSS_A + 8, SCRATCH2);
	for (uint32_t limit = STACK0 - 2; limit < STACK0; limit++) {
		bool inside = limit == STACK0 - 1;
		struct trap t;

		descriptor(m, SCRATCH2, 0, limit, A_P | A_DATA | A_32);
		machine_ring(m, 3);
		assert_int_equal(cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t), inside);
		machine_ring(m, 3);
		assert_int_equal(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t), inside);
	}
	/* The caller's parameters. */
	descriptor(m, SCRATCH2, 0, STACK0 - 1, A_P | A_DATA | A_32);
	machine_ring(m, 3);
	both_sides(m, m->v.seg[SREG_SS].limit, STACK3 + 7,
	           cpu_far_call(&m->v, SCRATCH, 0, 4, NEXT, &t), VEC_SS, 0);
}

/* Operands in expand-up and expand-down segments. */
static void operands(void **state)
{
	struct machine *m = *state;
	struct segment *ds = &m->v.seg[SREG_DS];

	for (unsigned size = 1; size <= 16; size++)
		both_sides(m, ds->limit, 0x1000 + size - 1,
		           cpu_seg_check(&m->v, SREG_DS, 0x1000, size, true, &t), VEC_GP, 0);
	ds->attr |= SEG_DOWN;
	ds->limit = 0x1000;
	assert_fault(m, cpu_seg_check(&m->v, SREG_DS, 0x1000, 1, true, &t), VEC_GP, 0);
	assert_done(cpu_seg_check(&m->v, SREG_DS, 0x1001, 1, true, &t));
}

/* SDM vol. 1, 19.5.2: two bytes of the map are read; a TSS without its base has none. */
static void io_maps(void **state)
{
	struct machine *m = *state;

	machine_ring(m, 3);
	put16(m, TSS_A + 102, 0x68);
	memset(m->mem + TSS_A + 0x68, 0, 0x40);
	both_sides(m, m->v.seg[SREG_TR].limit, 0x68 + 0xd, cpu_io_check(&m->v, 0x60, 1, &t), VEC_GP,
	           0);
	both_sides(m, m->v.seg[SREG_TR].limit, 0x68 + 0xd, cpu_io_check(&m->v, 0x67, 4, &t), VEC_GP,
	           0);
	put16(m, TSS_A + 102, 102); /* the map begins with its own base: bit 0 is clear */
	both_sides(m, m->v.seg[SREG_TR].limit, 103, cpu_io_check(&m->v, 0, 1, &t), VEC_GP, 0);
	put16(m, TSS_A + 102, 0xffff);
	m->v.seg[SREG_TR].limit = 0xfffff;
	m->mem[TSS_A + 0xffff] = m->mem[TSS_A + 0x10000] = 0;
	assert_done(cpu_io_check(&m->v, 0, 1, &t)); /* its base is a number as any other */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(inner_stack_pointers),
		TEST(inner_stack_pointers_of_16_bits),
		TEST(task_state_segments),
		TEST(tables),
		TEST(interrupt_vectors_of_real_mode),
		TEST(entry_points),
		TEST(frames),
		TEST(inner_frames),
		TEST(operands),
		TEST(io_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
