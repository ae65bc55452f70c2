/* links: cpu */
/* Delivery through the IDT, IRET, double and triple faults. */
#include "cpu_fixture.h"

#define HANDLER 0xa000

static void same_ring(void **state)
{
	struct machine *m = *state;
	const uint32_t want[] = {0x8000, CODE0, 0x246 | FLAG_NT | FLAG_TF};

	idt_gate(m, 0x20, CODE0, 0x9a000, A_P | 14);
	vcpu_eflags_set(&m->v, 0x246 | FLAG_NT | FLAG_TF);
	assert_done(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t));
	assert_int_equal(m->v.eip, 0x9a000);
	assert_int_equal(m->v.gpr[ESP], STACK0 - 12);
	assert_memory_equal(m->mem + STACK0 - 12, want, sizeof(want));
	assert_int_equal(vcpu_eflags(&m->v), 0x46);

	idt_gate(m, 0x20, CODE0, HANDLER, A_P | 15);
	vcpu_eflags_set(&m->v, 0x246);
	assert_done(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t));
	assert_int_equal(vcpu_eflags(&m->v), 0x246); /* a trap gate leaves IF */
}

static void to_ring_0_and_back(void **state)
{
	struct machine *m = *state;
	const uint32_t want[] = {0x55, 0x8000, CODE3, 0x202 | FLAG_RF, STACK3, DATA3};

	idt_gate(m, VEC_GP, CODE0, HANDLER, A_P | 14);
	machine_ring(m, 3);
	vcpu_eflags_set(&m->v, 0x202);
	assert_done(cpu_interrupt(&m->v, INTR_EXCEPTION, VEC_GP, true, 0x55, &t));
	assert_int_equal(m->v.cpl, 0);
	assert_int_equal(m->v.eip, HANDLER);
	assert_int_equal(m->v.gpr[ESP], STACK0 - 24);
	assert_int_equal(m->v.seg[SREG_SS].selector, DATA0);
	assert_int_equal(m->v.seg[SREG_DS].selector, DATA3);
	assert_int_equal(m->last_priv, PRIV_SUPERVISOR);
	assert_memory_equal(m->mem + STACK0 - 24, want, sizeof(want));

	m->v.gpr[ESP] += 4;
	assert_done(cpu_iret(&m->v, 4, 0, &t));
	assert_int_equal(m->v.cpl, 3);
	assert_int_equal(m->v.eip, 0x8000);
	assert_int_equal(m->v.gpr[ESP], STACK3);
	assert_int_equal(vcpu_eflags(&m->v), 0x202 | FLAG_RF);
	assert_int_equal(m->v.seg[SREG_CS].selector, CODE3);
}

static void gate_of_16_bits(void **state)
{
	struct machine *m = *state;
	const uint16_t want[] = {0x8000, CODE3, 0x202, (uint16_t)STACK3, DATA3};

	idt_gate(m, 0x20, CODE0, 0xdeada000, A_P | 6);
	machine_ring(m, 3);
	vcpu_eflags_set(&m->v, 0x202);
	assert_done(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t));
	assert_int_equal(m->v.eip, HANDLER);
	assert_int_equal(m->v.gpr[ESP], STACK0 - 10);
	assert_memory_equal(m->mem + STACK0 - 10, want, sizeof(want));
	put16(m, STACK0 - 4, 0x1234);
	assert_done(cpu_iret(&m->v, 2, 0, &t));
	assert_int_equal(m->v.gpr[ESP], 0x1234);
	assert_int_equal(m->v.cpl, 3);
}

static void conforming_handler_keeps_cpl(void **state)
{
	struct machine *m = *state;

	idt_gate(m, 0x20, CONFORM0, HANDLER, A_P | 14);
	machine_ring(m, 3);
	assert_done(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t));
	assert_int_equal(m->v.cpl, 3);
	assert_int_equal(m->v.seg[SREG_CS].selector, CONFORM0 | 3);
	assert_int_equal(m->v.gpr[ESP], STACK3 - 12);
	assert_int_equal(m->last_priv, PRIV_SUPERVISOR); /* of the accessed bit */
	assert_done(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t));
	assert_int_equal(m->last_priv, PRIV_USER);
}

/* Errors of the gate and of its code segment, with EXT by the kind of event. */
static void delivery_faults(void **state)
{
	struct machine *m = *state;

#define EXTERNAL cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t)
#define EXCEPTION cpu_interrupt(&m->v, INTR_EXCEPTION, 0x20, false, 0, &t)
#define SOFTWARE cpu_interrupt(&m->v, INTR_SOFTWARE, 0x20, false, 0, &t)
	m->v.idtr.limit = 0x106;
	assert_fault(m, EXTERNAL, VEC_GP, 0x103);
	assert_fault(m, SOFTWARE, VEC_GP, 0x102);
	m->v.idtr.limit = 0x107;
	idt_gate(m, 0x20, CODE0, HANDLER, A_P | 12);
	assert_fault(m, EXCEPTION, VEC_GP, 0x103);
	idt_gate(m, 0x20, CODE0, HANDLER, A_P | A_DATA); /* S = 1 */
	assert_fault(m, EXTERNAL, VEC_GP, 0x103);
	idt_gate(m, 0x20, CODE0, HANDLER, 14);
	assert_fault(m, EXTERNAL, VEC_NP, 0x103);
	assert_fault(m, SOFTWARE, VEC_NP, 0x102);
	idt_gate(m, 0x20, 0, HANDLER, A_P | 14);
	assert_fault(m, EXTERNAL, VEC_GP, 1);
	assert_fault(m, SOFTWARE, VEC_GP, 0);
	idt_gate(m, 0x20, BEYOND, HANDLER, A_P | 14);
	assert_fault(m, EXTERNAL, VEC_GP, BEYOND | 1);
	idt_gate(m, 0x20, DATA0, HANDLER, A_P | 14);
	assert_fault(m, SOFTWARE, VEC_GP, DATA0);
	idt_gate(m, 0x20, CODE3, HANDLER, A_P | 14);
	assert_fault(m, EXTERNAL, VEC_GP, (CODE3 & ~3) | 1);
	idt_gate(m, 0x20, SCRATCH, HANDLER, A_P | 14);
	descriptor(m, SCRATCH, 0, 0xfff, A_CODE | A_32);
	assert_fault(m, EXTERNAL, VEC_NP, SCRATCH | 1);
	descriptor(m, SCRATCH, 0, 0xfff, A_P | A_CODE | A_32);
	assert_fault(m, EXTERNAL, VEC_GP, 1);
	m->v.seg[SREG_SS].limit = 0xfff;
	assert_fault(m, EXTERNAL, VEC_SS, 1); /* before the entry point */
	idt_gate(m, 0x20, CODE0, HANDLER, A_P | 14);
	assert_fault(m, EXTERNAL, VEC_SS, 1);
	assert_fault(m, SOFTWARE, VEC_SS, 0);
	machine_ring(m, 3);
	assert_fault(m, SOFTWARE, VEC_GP, 0x102); /* the gate's DPL */
	put16(m, TSS_A + 8, 0);
	assert_fault(m, EXTERNAL, VEC_TS, 1);
	put16(m, TSS_A + 8, DATA3 & ~3);
	assert_fault(m, EXTERNAL, VEC_TS, (DATA3 & ~3) | 1);
	descriptor(m, SCRATCH, 0, STACK0 - 1, A_P | A_DATA | A_32);
	put16(m, TSS_A + 8, SCRATCH);
	put32(m, TSS_A + 4, STACK0 + 4);
	assert_fault(m, EXTERNAL, VEC_SS, SCRATCH | 1);
	m->v.seg[SREG_TR].limit = 10;
	assert_fault(m, EXTERNAL, VEC_TS, SEL_TSS_A | 1);
	m->bad_page = IDT >> 12;
	assert_fault(m, EXTERNAL, VEC_PF, 0);
#undef EXTERNAL
#undef EXCEPTION
#undef SOFTWARE
}

/* A frame that crosses into a page that faults leaves nothing behind. */
static void frame_across_pages_is_probed(void **state)
{
	struct machine *m = *state;

	idt_gate(m, 0x20, CODE0, HANDLER, A_P | 14);
	machine_ring(m, 3);
	put32(m, TSS_A + 4, STACK0 + 8);
	m->bad_page = (STACK0 - 1) >> 12;
	memset(m->mem + STACK0, 0xcc, 8);
	assert_fault(m, cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t), VEC_PF, PF_W);
	assert_int_equal(get32(m, STACK0), 0xcccccccc);
}

static void inner_stack_of_16_bits(void **state)
{
	struct machine *m = *state;

	descriptor(m, SCRATCH, 0x20000, 0xffff, A_P | A_DATA);
	idt_gate(m, 0x20, CODE0, HANDLER, A_P | 14);
	put16(m, TSS_A + 8, SCRATCH);
	put32(m, TSS_A + 4, 0xabcd0008);
	machine_ring(m, 3);
	assert_done(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t));
	assert_int_equal(m->v.gpr[ESP], 0xabcdfff4);
	assert_int_equal(get32(m, 0x2fff4), 0x8000);
	assert_int_equal(get32(m, 0x20000), STACK3);
	assert_int_equal(get32(m, 0x20004), DATA3);
}

static void software_interrupt_pushes_next(void **state)
{
	struct machine *m = *state;

	idt_gate(m, 0x80, CODE0, HANDLER, A_P | A_DPL3 | 15);
	idt_gate(m, VEC_GP, CODE0, HANDLER + 0x100, A_P | 14);
	machine_ring(m, 3);
	assert_true(cpu_software(&m->v, INTR_INT_N, 0x80, 0x8002));
	assert_int_equal(m->v.eip, HANDLER);
	assert_int_equal(get32(m, STACK0 - 20), 0x8002);
	machine_ring(m, 3);
	assert_true(
		cpu_software(&m->v, INTR_INT_N, 0x81, 0x8002)); /* no such gate: #GP at the INT */
	assert_int_equal(m->v.eip, HANDLER + 0x100);
	assert_int_equal(get32(m, STACK0 - 20), 0x8000);
	assert_int_equal(get32(m, STACK0 - 24), 0x81 * 8 + 2);
}

static void put_iret(struct machine *m, uint32_t eip, uint32_t cs, uint32_t flags, uint32_t esp,
                     uint32_t ss)
{
	const uint32_t frame[] = {eip, cs, flags, esp, ss};

	m->v.gpr[ESP] = STACK0 - 20;
	memcpy(m->mem + STACK0 - 20, frame, sizeof(frame));
}

static void iret_same_ring_flags(void **state)
{
	struct machine *m = *state;
	const uint32_t all = FLAGS_NATIVE | FLAG_IF | FLAGS_VIRTUAL;

	put_iret(m, 0x9000, CODE0, all & ~(uint32_t)FLAG_VM, 0, 0);
	assert_done(cpu_iret(&m->v, 4, 0, &t));
	assert_int_equal(m->v.gpr[ESP], STACK0 - 8);
	assert_int_equal(vcpu_eflags(&m->v), (all & ~(uint32_t)FLAG_VM) | 2);

	vcpu_eflags_set(&m->v, 0);
	put_iret(m, 0, 0, 0, 0, 0);
	put16(m, STACK0 - 20, 0x9000);
	put16(m, STACK0 - 18, CODE0);
	put16(m, STACK0 - 16, 0xffff);
	assert_done(cpu_iret(&m->v, 2, 0, &t));
	assert_int_equal(vcpu_eflags(&m->v), 0x7fd7);

	/* Ring 3 with IOPL 0 changes neither IF nor IOPL. */
	machine_ring(m, 3);
	vcpu_eflags_set(&m->v, FLAG_IF);
	put_iret(m, 0x9000, CODE3, all & ~(uint32_t)(FLAG_IF | FLAG_VM), 0, 0);
	assert_done(cpu_iret(&m->v, 4, 0, &t));
	assert_int_equal(vcpu_eflags(&m->v), FLAGS_NATIVE | FLAG_TF | FLAG_NT | FLAG_RF | FLAG_AC |
	                                             FLAG_ID | FLAG_IF | 2);
}

static void iret_faults(void **state)
{
	struct machine *m = *state;

#define IRET cpu_iret(&m->v, 4, 0, &t)
	put_iret(m, 0x9000, 0, 2, STACK3, DATA3);
	assert_fault(m, IRET, VEC_GP, 0);
	put_iret(m, 0x9000, BEYOND, 2, STACK3, DATA3);
	assert_fault(m, IRET, VEC_GP, BEYOND);
	put_iret(m, 0x9000, DATA0, 2, STACK3, DATA3);
	assert_fault(m, IRET, VEC_GP, DATA0);
	put_iret(m, 0x9000, CODE0 | 3, 2, STACK3, DATA3);
	assert_fault(m, IRET, VEC_GP, CODE0);
	put_iret(m, 0x9000, CODE3, 2, STACK3, 0);
	assert_fault(m, IRET, VEC_GP, 0);
	put_iret(m, 0x9000, CODE3, 2, STACK3, DATA0);
	assert_fault(m, IRET, VEC_GP, DATA0);
	descriptor(m, SCRATCH, 0, 0xfff, A_P | A_DPL3 | A_CODE | A_32);
	put_iret(m, 0x1000, SCRATCH | 3, 2, STACK3, DATA3);
	assert_fault(m, IRET, VEC_GP, 0);
	descriptor(m, SCRATCH, 0, 0xfff, A_DPL3 | A_CODE | A_32);
	assert_fault(m, IRET, VEC_NP, SCRATCH);
	descriptor(m, SCRATCH2, 0, 0xfff, A_DPL3 | A_DATA | A_32);
	put_iret(m, 0x1000, CODE3, 2, STACK3, SCRATCH2 | 3);
	assert_fault(m, IRET, VEC_SS, SCRATCH2);
	m->v.seg[SREG_SS].limit = STACK0 - 10;
	assert_fault(m, IRET, VEC_SS, 0);
	machine_ring(m, 3);
	put_iret(m, 0x9000, CODE0, 2, STACK3, DATA0);
	assert_fault(m, IRET, VEC_GP, CODE0);
	m->bad_page = (STACK0 - 1) >> 12;
	assert_fault(m, IRET, VEC_PF, PF_U);
#undef IRET
}

static void iret_to_outer_drops_inner_segments(void **state)
{
	struct machine *m = *state;

	assert_done(cpu_seg_load(&m->v, SREG_DS, DATA3, &t));
	assert_done(cpu_seg_load(&m->v, SREG_ES, CONFORM0, &t));
	assert_done(cpu_seg_load(&m->v, SREG_FS, 3, &t));
	put_iret(m, 0x9000, CODE3, 0x202, STACK3, DATA3);
	assert_done(cpu_iret(&m->v, 4, 0, &t));
	assert_int_equal(m->v.seg[SREG_DS].selector, DATA3);
	assert_int_equal(m->v.seg[SREG_ES].selector, CONFORM0);
	assert_int_equal(m->v.seg[SREG_FS].selector, 0);
	assert_int_equal(m->v.seg[SREG_GS].selector, 0);
	assert_true(m->v.seg[SREG_GS].attr & SEG_UNUSABLE);
}

static void iret_to_virtual_8086_and_back(void **state)
{
	struct machine *m = *state;
	const uint32_t frame[] = {0x100,  0x1000, FLAG_VM | FLAG_IF | 2,
	                          0xfffe, 0x2000, 0x3000,
	                          0x4000, 0x5000, 0x6000};

	m->v.gpr[ESP] = STACK0 - sizeof(frame);
	memcpy(m->mem + STACK0 - sizeof(frame), frame, sizeof(frame));
	assert_done(cpu_iret(&m->v, 4, 0, &t));
	assert_int_equal(m->v.cpl, 3);
	assert_int_equal(m->v.eip, 0x100);
	assert_int_equal(m->v.gpr[ESP], 0xfffe);
	assert_int_equal(m->v.seg[SREG_CS].base, 0x10000);
	assert_int_equal(m->v.seg[SREG_GS].base, 0x60000);
	assert_int_equal(m->v.seg[SREG_SS].limit, 0xffff);
	assert_int_equal(m->v.seg[SREG_DS].attr, 0xf3);

	assert_fault(m, cpu_iret(&m->v, 2, 0, &t), VEC_GP, 0); /* IOPL 0 */
	idt_gate(m, 0x20, CODE0, HANDLER, A_P | 14);
	assert_done(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t));
	assert_int_equal(m->v.cpl, 0);
	assert_false(m->v.vflags & FLAG_VM);
	assert_int_equal(m->v.gpr[ESP], STACK0 - sizeof(frame));
	assert_memory_equal(m->mem + STACK0 - sizeof(frame), frame, sizeof(frame));
	assert_true(m->v.seg[SREG_DS].attr & SEG_UNUSABLE);
}

static void to_virtual_8086(struct machine *m, uint32_t eip, uint32_t flags)
{
	const uint32_t frame[] = {eip, 0x1000, FLAG_VM | flags | 2, 0xfffe, 0x2000, 0, 0, 0, 0};

	machine_ring(m, 0);
	m->v.gpr[ESP] = STACK0 - sizeof(frame);
	memcpy(m->mem + STACK0 - sizeof(frame), frame, sizeof(frame));
	assert_done(cpu_iret(&m->v, 4, 0, &t));
}

/* SDM vol. 3, 20.2.7 and 20.3: INT n and IRET need IOPL 3, INT3, INTO and interrupts do not; the
 * handler's segment is of ring 0 and does not conform. */
static void virtual_8086_rules(void **state)
{
	struct machine *m = *state;

	for (unsigned vector = 0; vector < 0x30; vector++)
		idt_gate(m, vector, CODE0, HANDLER, A_P | A_DPL3 | 14);
	to_virtual_8086(m, 0xffff, 0);
	assert_int_equal(m->v.eip, 0xffff);
	assert_fault(m, cpu_interrupt(&m->v, INTR_INT_N, 0x21, false, 0, &t), VEC_GP, 0);
	/* CD 03 is INT n, CC is not. */
	assert_fault(m, cpu_interrupt(&m->v, INTR_INT_N, VEC_BP, false, 0, &t), VEC_GP, 0);
	assert_done(cpu_interrupt(&m->v, INTR_SOFTWARE, VEC_BP, false, 0, &t));
	to_virtual_8086(m, 0x100, 0);
	assert_done(cpu_interrupt(&m->v, INTR_SOFTWARE, VEC_OF, false, 0, &t));
	to_virtual_8086(m, 0x100, 0);
	assert_done(cpu_interrupt(&m->v, INTR_EXTERNAL, 0x21, false, 0, &t));
	to_virtual_8086(m, 0x100, FLAG_IOPL);
	assert_done(cpu_interrupt(&m->v, INTR_INT_N, 0x21, false, 0, &t));
	to_virtual_8086(m, 0x100, FLAG_IOPL);
	put16(m, 0x20000 + 0xfff8, 0x5678);
	put16(m, 0x20000 + 0xfffa, 0x3000);
	put16(m, 0x20000 + 0xfffc, 2);
	m->v.gpr[ESP] = 0xfff8;
	assert_done(cpu_iret(&m->v, 2, 0, &t));
	assert_int_equal(m->v.seg[SREG_CS].base, 0x30000);
	assert_int_equal(m->v.eip, 0x5678);

	to_virtual_8086(m, 0x100, FLAG_IOPL);
	idt_gate(m, 0x20, CONFORM0, HANDLER, A_P | A_DPL3 | 14);
	assert_fault(m, cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t), VEC_GP,
	             CONFORM0 | 1);
	idt_gate(m, 0x20, CODE1, HANDLER, A_P | A_DPL3 | 14);
	assert_fault(m, cpu_interrupt(&m->v, INTR_EXTERNAL, 0x20, false, 0, &t), VEC_GP,
	             (CODE1 & ~3) | 1);
	/* Beyond 64 KiB: #GP at the IRET. */
	const uint32_t frame[] = {0x10000, 0x1000, FLAG_VM | 2, 0xfffe, 0x2000, 0, 0, 0, 0};

	machine_ring(m, 0);
	m->v.vflags = 0;
	m->v.gpr[ESP] = STACK0 - sizeof(frame);
	memcpy(m->mem + STACK0 - sizeof(frame), frame, sizeof(frame));
	assert_fault(m, cpu_iret(&m->v, 4, 0, &t), VEC_GP, 0);
}

/* VIF and VIP, both set by an IRET of ring 0: #GP(0) in the program that is returned to, where they
 * stand for something.  SDM vol. 3, 20.3.2 and 20.4. */
static void iret_to_a_waiting_interrupt(void **state)
{
	struct machine *m = *state;
	const uint32_t both = FLAG_VIF | FLAG_VIP;
	struct trap t;

	for (unsigned i = 0; i < 4 * 4 * 2 * 2; i++) {
		unsigned iopl = i >> 4 & 3;
		uint32_t flags = (i & 1 ? FLAG_VIF : 0) | (i & 2 ? FLAG_VIP : 0) | iopl << 12 | 2;
		bool vm = i & 4, extended = i & 8, both_set = (flags & both) == both;

		vcpu_eflags_set(&m->v, 0);
		machine_ring(m, 0);
		/* The other mode's bit says nothing. */
		m->v.cr4 = extended == vm ? CR4_VME : CR4_PVI;
		if (vm) {
			const uint32_t frame[] = {
				0x100, 0x1000, FLAG_VM | flags, 0xfffe, 0x2000, 0, 0, 0, 0};
			m->v.gpr[ESP] = STACK0 - sizeof(frame);
			memcpy(m->mem + STACK0 - sizeof(frame), frame, sizeof(frame));
		} else {
			put_iret(m, 0x100, CODE3, flags, 0x8000, DATA3);
		}
		t = (struct trap){.vector = 0xff};
		bool ok = cpu_iret(&m->v, 4, 0, &t);
		assert_int_equal(!ok, both_set && extended && iopl < 3);
		if (!ok) {
			assert_int_equal(t.vector, VEC_GP);
			assert_true(t.has_error);
			assert_int_equal(t.error, 0);
		}
		assert_int_equal(m->v.cpl, 3);
		assert_int_equal(m->v.eip, 0x100);
		assert_int_equal(m->v.seg[SREG_CS].selector, vm ? 0x1000 : CODE3);
		assert_int_equal(vcpu_eflags(&m->v), flags | (vm ? FLAG_VM : 0));
	}
	/* In ring 0 they say nothing. */
	vcpu_eflags_set(&m->v, 0);
	machine_ring(m, 0);
	m->v.cr4 = CR4_VME | CR4_PVI;
	put_iret(m, 0x9000, CODE0, both, 0, 0);
	assert_done(cpu_iret(&m->v, 4, 0, &t));
	assert_int_equal(vcpu_eflags(&m->v), both | 2);
}

static void real_mode_interrupt(void **state)
{
	struct machine *m = *state;

	m->v.cr0 &= ~CR0_PE;
	m->v.idtr = (struct table_reg){0, 0x3ff};
	m->v.seg[SREG_SS].attr &= ~SEG_DB;
	put32(m, 0x21 * 4, 0x12345678);
	vcpu_eflags_set(&m->v, FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);
	assert_true(cpu_software(&m->v, INTR_INT_N, 0x21, 0x8002));
	assert_int_equal(m->v.seg[SREG_CS].base, 0x12340);
	assert_int_equal(m->v.eip, 0x5678);
	assert_int_equal(vcpu_eflags(&m->v), 2);
	assert_done(cpu_iret(&m->v, 2, 0, &t));
	assert_int_equal(m->v.eip, 0x8002);
	assert_int_equal(vcpu_eflags(&m->v), FLAG_IF | FLAG_TF | 2);
	/* IRETD leaves VIF and VIP alone here: SDM vol. 2, IRET. */
	vcpu_eflags_set(&m->v, FLAG_VIP);
	m->v.seg[SREG_CS].limit = 0x9000;
	put_iret(m, 0x9000, CODE0, FLAG_VIF | FLAG_AC, 0, 0);
	m->v.gpr[ESP] &= 0xffff;
	memcpy(m->mem + m->v.gpr[ESP], m->mem + STACK0 - 20, 20);
	assert_done(cpu_iret(&m->v, 4, 0, &t));
	assert_int_equal(vcpu_eflags(&m->v), FLAG_VIP | FLAG_AC | 2);
	assert_int_equal(m->v.eip, 0x9000);
	m->v.idtr.limit = 0x80;
	assert_fault(m, cpu_interrupt(&m->v, INTR_INT_N, 0x21, false, 0, &t), VEC_GP, 0);
}

static void exception_sets_cr2_and_dr6(void **state)
{
	struct machine *m = *state;
	struct trap pf = trap_page_fault(gla(0xdeadb000), PF_W);
	struct trap db = trap_plain(VEC_DB);

	idt_gate(m, VEC_PF, CODE0, HANDLER, A_P | 14);
	idt_gate(m, VEC_DB, CODE0, HANDLER, A_P | 14);
	assert_true(cpu_exception(&m->v, &pf));
	assert_int_equal(m->v.cr2, 0xdeadb000);
	assert_int_equal(get32(m, m->v.gpr[ESP]), PF_W);
	assert_true(get32(m, m->v.gpr[ESP] + 12) & FLAG_RF); /* a fault */
	db.dr6 = DR6_BS;
	m->v.dr[7] |= DR7_GD;
	assert_true(cpu_exception(&m->v, &db));
	assert_int_equal(m->v.dr[6], 0xffff4ff0);
	assert_int_equal(m->v.dr[7], DR7_FIXED);
	assert_false(get32(m, m->v.gpr[ESP] + 8) & FLAG_RF); /* a trap */
	/* Bits add up until software clears them: SDM vol. 3, 17.2.3. */
	db.dr6 = DR6_B0 << 2;
	assert_true(cpu_exception(&m->v, &db));
	assert_int_equal(m->v.dr[6], 0xffff4ff4);
}

/* Which handler runs when a first exception's own gate raises a second one. */
static void double_fault_classes(void **state)
{
	static const struct {
		uint8_t first;
		bool has_error;
		uint32_t first_gate; /* type of its gate; 0 present: #GP, absent: #NP */
		uint8_t runs;
	} cases[] = {
		{VEC_UD, false, A_P, VEC_GP}, /* benign, contributory: the second */
		{VEC_UD, false, 14, VEC_NP},  {VEC_DE, false, A_P, VEC_DF}, /* contributory twice */
		{VEC_TS, true, 14, VEC_DF},   {VEC_GP, true, A_P, VEC_DF},
		{VEC_SS, true, 14, VEC_DF},   {VEC_NP, true, A_P, VEC_DF},
		{VEC_PF, true, 14, VEC_DF}, /* page fault, contributory */
		{VEC_AC, true, A_P, VEC_GP},
	};
	struct machine *m = *state;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trap t = {.vector = cases[i].first, .has_error = cases[i].has_error};

		for (unsigned vector = 0; vector < 32; vector++)
			idt_gate(m, vector, CODE0, HANDLER + 16 * vector, A_P | 14);
		idt_gate(m, cases[i].first, CODE0, HANDLER, cases[i].first_gate);
		machine_ring(m, 0);
		assert_true(cpu_exception(&m->v, &t));
		assert_int_equal(m->v.eip, HANDLER + 16 * cases[i].runs);
		assert_int_equal(get32(m, STACK0 - 16),
		                 cases[i].runs == VEC_DF ? 0 : cases[i].first * 8 + 3);
		assert_int_equal(get32(m, STACK0 - 12), 0x8000);
	}
}

/* The page fault of a contributory exception's delivery is a fault of its own. */
static void page_fault_while_delivering(void **state)
{
	struct machine *m = *state;
	struct trap gp = trap_error(VEC_GP, 0);
	struct trap pf = trap_page_fault(gla(0x1234), 0);

	idt_gate(m, VEC_GP, CODE0, HANDLER, A_P | 14);
	idt_gate(m, VEC_PF, CODE1, HANDLER + 0x100, A_P | 14);
	idt_gate(m, VEC_DF, CODE1, HANDLER + 0x200, A_P | 14);
	machine_ring(m, 3);
	m->bad_page = (STACK0 - 1) >> 12; /* ring 0's stack; ring 1's is well */
	assert_true(cpu_exception(&m->v, &gp));
	assert_int_equal(m->v.eip, HANDLER + 0x100);
	assert_int_equal(m->v.cr2, STACK0 - 4); /* SS is pushed first */
	assert_int_equal(m->v.cpl, 1);
	assert_int_equal(get32(m, m->v.gpr[ESP] + 4), 0x8000);

	/* Page fault twice: #DF. */
	idt_gate(m, VEC_PF, CODE0, HANDLER + 0x100, A_P | 14);
	machine_ring(m, 3);
	assert_true(cpu_exception(&m->v, &pf));
	assert_int_equal(m->v.eip, HANDLER + 0x200);
	assert_int_equal(m->v.cr2, STACK0 - 4); /* SS is pushed first */
}

static void triple_fault(void **state)
{
	struct machine *m = *state;
	struct trap gp = trap_error(VEC_GP, 0);

	assert_false(cpu_exception(&m->v, &gp)); /* the IDT is all zeros */
	assert_int_equal(m->v.eip, 0x8000);
	assert_false(cpu_external(&m->v, 0x20));
	idt_gate(m, VEC_DF, CODE0, HANDLER, A_P | 14);
	assert_true(cpu_external(&m->v, 0x20)); /* #GP, whose gate is bad too: #DF */
	assert_int_equal(m->v.eip, HANDLER);
	m->bad_page = (STACK0 - 1) >> 12;
	machine_ring(m, 0);
	assert_false(cpu_exception(&m->v, &gp));
}

static unsigned misaligned;

static bool write_misaligned(void *ctx, gla_t a, const void *src, unsigned size, enum priv p,
                             struct trap *t)
{
	misaligned++;
	*t = trap_error(VEC_AC, 0);
	return false;
}

static bool probe_misaligned(void *ctx, gla_t a, unsigned size, enum priv p, struct trap *t)
{
	return write_misaligned(ctx, a, NULL, size, p, t);
}

/* Each delivery of #AC raises #AC: it does not end, but comes back now and then. */
static void delivery_without_end(void **state)
{
	struct machine *m = *state;
	struct cpu_env env = m->v.env;
	struct trap t = trap_plain(VEC_UD);

	idt_gate(m, VEC_UD, CODE3, HANDLER, A_P | A_DPL3 | 14);
	idt_gate(m, VEC_AC, CODE3, HANDLER + 0x100, A_P | A_DPL3 | 14);
	machine_ring(m, 3);
	m->v.env.write = write_misaligned;
	m->v.env.probe_write = probe_misaligned;
	for (unsigned i = 0; i < 3; i++) {
		misaligned = 0;
		assert_true(cpu_exception(&m->v, &t));
		assert_true(m->v.delivering);
		assert_in_range(misaligned, 1, 100);
		assert_int_equal(m->v.eip, 0x8000);
		t = m->v.exception;
		assert_int_equal(t.vector, VEC_AC);
	}
	m->v.env = env; /* it ends when the guest's memory is changed, by a debugger, say */
	assert_true(cpu_exception(&m->v, &t));
	assert_false(m->v.delivering);
	assert_int_equal(m->v.eip, HANDLER + 0x100);
	assert_int_equal(get32(m, m->v.gpr[ESP] + 4), 0x8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(same_ring),
		TEST(to_ring_0_and_back),
		TEST(gate_of_16_bits),
		TEST(conforming_handler_keeps_cpl),
		TEST(delivery_faults),
		TEST(frame_across_pages_is_probed),
		TEST(inner_stack_of_16_bits),
		TEST(software_interrupt_pushes_next),
		TEST(iret_same_ring_flags),
		TEST(iret_faults),
		TEST(iret_to_outer_drops_inner_segments),
		TEST(iret_to_virtual_8086_and_back),
		TEST(virtual_8086_rules),
		TEST(iret_to_a_waiting_interrupt),
		TEST(real_mode_interrupt),
		TEST(exception_sets_cr2_and_dr6),
		TEST(double_fault_classes),
		TEST(page_fault_while_delivering),
		TEST(triple_fault),
		TEST(delivery_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
