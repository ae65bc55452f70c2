/* links: cpu */
/* PUSHF, POPF, CLI and STI by privilege and mode, INT n and IRET under CR4.VME.  SDM vol. 2, table 3-7;
 * vol. 3, 20.3. */
#include "cpu_fixture.h"

enum { USER = FLAGS_NATIVE | FLAG_TF | FLAG_NT | FLAG_AC | FLAG_ID };

static uint32_t iopl(unsigned n)
{
	return n << 12;
}

/* Virtual-8086 mode on the stack of CPL 3. */
static void v86(struct machine *m, uint32_t eflags)
{
	machine_ring(m, 3);
	vcpu_eflags_set(&m->v, eflags | FLAG_VM);
	for (unsigned s = SREG_ES; s <= SREG_GS; s++)
		assert_true(cpu_seg_load(&m->v, s, 0x1000, &(struct trap){0}));
	m->v.gpr[ESP] = 0xabcd3000;
}

static bool popf(struct machine *m, uint32_t value, unsigned opsize, struct trap *t)
{
	uint32_t at = m->v.seg[SREG_SS].base +
	              (vcpu_stack32(&m->v) ? m->v.gpr[ESP] : m->v.gpr[ESP] & 0xffff);
	put32(m, at, value);
	return cpu_popf(&m->v, opsize, t);
}

static void popf_by_privilege(void **state)
{
	struct machine *m = *state;

	vcpu_eflags_set(&m->v, FLAG_RF | FLAG_VIF);
	m->v.gpr[ESP] = STACK0 - 16;
	assert_done(popf(m, 0xffffffff, 4, &t));
	assert_int_equal(m->v.gpr[ESP], STACK0 - 12);
	assert_int_equal(vcpu_eflags(&m->v), USER | FLAG_IF | FLAG_IOPL | FLAG_VIF | 2);
	assert_done(popf(m, 0, 2, &t));
	assert_int_equal(m->v.gpr[ESP], STACK0 - 10);
	assert_int_equal(vcpu_eflags(&m->v), FLAG_AC | FLAG_ID | FLAG_VIF | 2);
	machine_ring(m, 3);
	m->v.gpr[ESP] = STACK3 - 32;
	vcpu_eflags_set(&m->v, FLAG_IF);
	assert_done(popf(m, 0, 4, &t));
	assert_int_equal(vcpu_eflags(&m->v), FLAG_IF | 2);
	assert_done(popf(m, 0xffffffff, 4, &t));
	assert_int_equal(vcpu_eflags(&m->v), USER | FLAG_IF | 2);
	vcpu_eflags_set(&m->v, FLAG_IOPL);
	assert_done(popf(m, FLAG_IF, 2, &t));
	assert_int_equal(vcpu_eflags(&m->v), FLAG_IOPL | FLAG_IF | 2);
}

static void pushf_image(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	vcpu_eflags_set(v, 0xffffffff & ~(uint32_t)FLAG_VM);
	put32(m, STACK0 - 8, 0x55555555);
	assert_done(cpu_pushf(v, 4, &t));
	assert_int_equal(v->gpr[ESP], STACK0 - 4);
	assert_int_equal(get32(m, STACK0 - 4), vcpu_eflags(v) & ~(uint32_t)FLAG_RF);
	assert_done(cpu_pushf(v, 2, &t));
	assert_int_equal(v->gpr[ESP], STACK0 - 6);
	assert_int_equal(get32(m, STACK0 - 8), (uint32_t)(uint16_t)vcpu_eflags(v) << 16 | 0x5555);
	/* By the user's own rights, on a stack that may be short, absent or 16 bits wide. */
	machine_ring(m, 3);
	assert_done(cpu_pushf(v, 4, &t));
	assert_int_equal(m->last_priv, PRIV_USER);
	v->seg[SREG_SS].limit = 0xffff;
	v->gpr[ESP] = 0x10002;
	assert_fault(m, cpu_pushf(v, 4, &t), VEC_SS, 0);
	assert_fault(m, cpu_popf(v, 4, &t), VEC_SS, 0);
	v->seg[SREG_SS].attr &= ~(uint32_t)SEG_DB;
	v->gpr[ESP] = 0xabcd0002;
	assert_done(cpu_pushf(v, 2, &t));
	assert_int_equal(v->gpr[ESP], 0xabcd0000);
	assert_done(cpu_pushf(v, 2, &t));
	assert_int_equal(v->gpr[ESP], 0xabcdfffe);
	m->bad_page = 0xf;
	assert_fault(m, cpu_pushf(v, 2, &t), VEC_PF, PF_W | PF_U);
	assert_fault(m, cpu_popf(v, 2, &t), VEC_PF, PF_U);
}

/* At IOPL 3 IF is the 8086 program's; below, its monitor is called, or VIF is taken for IF. */
static void v86_traps(void **state)
{
	struct machine *m = *state;

	for (unsigned n = 0; n < 4; n++) {
		for (unsigned opsize = 2; opsize <= 4; opsize += 2) {
			v86(m, iopl(n));
			m->v.cr4 = 0;
			if (n < 3) {
				assert_fault(m, cpu_pushf(&m->v, opsize, &t), VEC_GP, 0);
				assert_fault(m, cpu_popf(&m->v, opsize, &t), VEC_GP, 0);
				assert_fault(m, cpu_cli(&m->v, &t), VEC_GP, 0);
				assert_fault(m, cpu_sti(&m->v, &t), VEC_GP, 0);
				m->v.cr4 = CR4_PVI; /* for protected mode alone */
				assert_fault(m, cpu_cli(&m->v, &t), VEC_GP, 0);
				continue;
			}
			assert_done(cpu_sti(&m->v, &t));
			assert_int_equal(m->v.if_flag, FLAG_IF);
			assert_done(cpu_pushf(&m->v, opsize, &t));
			assert_int_equal(m->v.gpr[ESP], 0xabcd3000 - opsize);
			assert_int_equal(get16(m, 0x13000 - opsize), FLAG_IF | FLAG_IOPL | 2);
			assert_done(cpu_cli(&m->v, &t));
			assert_int_equal(m->v.if_flag, 0);
			assert_done(cpu_popf(&m->v, opsize, &t));
			assert_int_equal(vcpu_eflags(&m->v), FLAG_VM | FLAG_IF | FLAG_IOPL | 2);
		}
	}
}

static void v86_extensions(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	v86(m, iopl(1) | FLAG_IF);
	v->cr4 = CR4_VME;
	assert_done(cpu_pushf(v, 2, &t)); /* VIF is clear */
	assert_int_equal(get16(m, 0x12ffe), FLAG_IOPL | 2);
	assert_done(cpu_sti(v, &t));
	assert_int_equal(vcpu_eflags(v), FLAG_VM | FLAG_VIF | FLAG_IF | iopl(1) | 2);
	assert_done(cpu_pushf(v, 2, &t));
	assert_int_equal(get16(m, 0x12ffc), FLAG_IF | FLAG_IOPL | 2);
	assert_done(cpu_cli(v, &t));
	assert_int_equal(vcpu_eflags(v), FLAG_VM | FLAG_IF | iopl(1) | 2);
	assert_done(cpu_popf(v, 2, &t));
	assert_int_equal(vcpu_eflags(v), FLAG_VM | FLAG_VIF | FLAG_IF | iopl(1) | 2);
	assert_done(cpu_popf(v, 2, &t));
	assert_int_equal(vcpu_eflags(v), FLAG_VM | FLAG_IF | iopl(1) | 2);
	assert_int_equal(v->gpr[ESP], 0xabcd3000);
	assert_fault(m, cpu_pushf(v, 4, &t), VEC_GP, 0);
	assert_fault(m, popf(m, 0, 4, &t), VEC_GP, 0);
	assert_fault(m, popf(m, FLAG_TF, 2, &t), VEC_GP, 0);
	/* An interrupt waits for VIF. */
	v->vflags |= FLAG_VIP;
	assert_fault(m, cpu_sti(v, &t), VEC_GP, 0);
	assert_fault(m, popf(m, FLAG_IF, 2, &t), VEC_GP, 0);
	assert_done(popf(m, FLAG_CF, 2, &t));
	assert_done(cpu_cli(v, &t));
}

/* The bitmap at its place below that of the ports, with no bit but this one set. */
static void redirect_all_but(struct machine *m, uint8_t vector)
{
	put16(m, TSS_A + 102, 104 + 32);
	m->v.seg[SREG_TR].limit = 104 + 31;
	memset(m->mem + TSS_A + 104, 0, 32);
	m->mem[TSS_A + 104 + vector / 8] = 1 << (vector & 7);
}

/* SDM vol. 3, table 20-2, methods 3 to 6. */
static void v86_redirection(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	descriptor_at(m, GDT + CODE0, 0, 0xfffff, A_FLAT | A_CODE);
	for (unsigned n = 0; n < 4; n++) {
		const uint32_t flags = FLAG_CF | FLAG_TF | FLAG_AC | iopl(n);
		const bool vif = n & 1;
		/* Redirected: by the table at 0, on the program's own stack. */
		v86(m, flags | (n == 3 ? FLAG_IF : 0) | (vif ? FLAG_VIF : 0));
		v->cr4 = CR4_VME;
		redirect_all_but(m, 0x21);
		put32(m, 4 * 0x22, 0x20005678);
		assert_true(cpu_software(v, INTR_INT_N, 0x22, 0x1234));
		assert_int_equal(v->eip, 0x5678);
		assert_int_equal(v->seg[SREG_CS].selector, 0x2000);
		assert_int_equal(v->seg[SREG_CS].base, 0x20000);
		assert_int_equal(v->gpr[ESP], 0xabcd2ffa);
		assert_int_equal(get16(m, 0x12ffa), 0x1234);
		assert_int_equal(get16(m, 0x12ffc), 0x1000);
		assert_int_equal(get16(m, 0x12ffe),
		                 2 | FLAG_CF | FLAG_TF | FLAG_IOPL | (n == 3 || vif ? FLAG_IF : 0));
		assert_int_equal(vcpu_eflags(v), 2 | FLAG_CF | FLAG_AC | FLAG_VM | iopl(n) |
		                                         (n == 3 ? FLAG_VIF : 0));
		assert_int_equal(v->cpl, 3);
		/* And back, with what it had: but TF, and IF where one waits, are the monitor's. */
		if (n < 3) {
			assert_fault(m, cpu_iret(v, 2, 0, &t), VEC_GP, 0);
			put16(m, 0x12ffe, get16(m, 0x12ffe) & ~FLAG_TF);
			assert_fault(m, cpu_iret(v, 4, 0, &t), VEC_GP, 0);
			v->vflags |= FLAG_VIP;
			if (vif)
				assert_fault(m, cpu_iret(v, 2, 0, &t), VEC_GP, 0);
			v->vflags &= ~FLAG_VIP;
		}
		assert_done(cpu_iret(v, 2, 0, &t));
		assert_int_equal(v->eip, 0x1234);
		assert_int_equal(v->seg[SREG_CS].base, 0x10000);
		assert_int_equal(v->gpr[ESP], 0xabcd3000);
		assert_int_equal(vcpu_eflags(v), 2 | FLAG_CF | FLAG_AC | FLAG_VM | iopl(n) |
		                                         (n == 3 ? FLAG_TF | FLAG_IF : 0) |
		                                         (vif ? FLAG_VIF : 0));
		/* Not redirected: the IDT's at IOPL 3, #GP below. */
		v86(m, iopl(n));
		idt_gate(m, 0x21, CODE0, 0xa000, A_P | A_DPL3 | 14);
		idt_gate(m, VEC_GP, CODE0, 0xb000, A_P | 14);
		assert_true(cpu_software(v, INTR_INT_N, 0x21, 0x1234));
		assert_int_equal(v->eip, n == 3 ? 0xa000 : 0xb000);
		assert_int_equal(v->cpl, 0);
		/* Others than INT n never are. */
		v86(m, iopl(n));
		idt_gate(m, VEC_BP, CODE0, 0xc000, A_P | A_DPL3 | 14);
		assert_true(cpu_software(v, INTR_SOFTWARE, VEC_BP, 0x1234));
		assert_int_equal(v->eip, 0xc000);
	}
}

static void v86_redirection_faults(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;
#define INT_22 cpu_interrupt(v, INTR_INT_N, 0x22, false, 0, &t)

	v86(m, iopl(3));
	v->cr4 = CR4_VME;
	redirect_all_but(m, 0x21);
	m->bad_page = 0x12;
	assert_fault(m, INT_22, VEC_PF, PF_W | PF_U);
	m->bad_page = TSS_A >> 12;
	assert_fault(m, INT_22, VEC_PF, 0);
	m->bad_page = 0;
	/* The bitmap has to lie in a 32-bit TSS. */
	v->seg[SREG_TR].limit = 104 + 3;
	assert_fault(m, INT_22, VEC_GP, 0);
	v->seg[SREG_TR].limit = 102;
	assert_fault(m, INT_22, VEC_GP, 0);
	v->seg[SREG_TR].limit = 0xffff;
	put16(m, TSS_A + 102, 16); /* below the TSS */
	assert_fault(m, INT_22, VEC_GP, 0);
	v->seg[SREG_TR].attr &= ~(uint32_t)8; /* the 286's */
	assert_fault(m, INT_22, VEC_GP, 0);
}

static void protected_interrupt_flag(void **state)
{
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	for (unsigned n = 0; n < 2 * 4; n++) {
		unsigned cpl = n & 1 ? 3 : 1, level = n / 2;
		machine_ring(m, cpl);
		vcpu_eflags_set(v, iopl(level));
		v->cr4 = CR4_VME; /* for virtual-8086 mode alone */
		if (cpl <= level) {
			assert_done(cpu_sti(v, &t));
			assert_int_equal(vcpu_eflags(v), FLAG_IF | iopl(level) | 2);
			assert_done(cpu_cli(v, &t));
			assert_int_equal(vcpu_eflags(v), iopl(level) | 2);
			continue;
		}
		assert_fault(m, cpu_sti(v, &t), VEC_GP, 0);
		assert_fault(m, cpu_cli(v, &t), VEC_GP, 0);
		v->cr4 = CR4_PVI;
		if (cpl != 3) {
			assert_fault(m, cpu_sti(v, &t), VEC_GP, 0);
			continue;
		}
		assert_done(cpu_sti(v, &t));
		assert_int_equal(vcpu_eflags(v), FLAG_VIF | iopl(level) | 2);
		assert_done(cpu_cli(v, &t));
		assert_int_equal(vcpu_eflags(v), iopl(level) | 2);
		v->vflags |= FLAG_VIP;
		assert_fault(m, cpu_sti(v, &t), VEC_GP, 0);
		assert_done(cpu_cli(v, &t));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(popf_by_privilege),        TEST(pushf_image),     TEST(v86_traps),
		TEST(v86_extensions),           TEST(v86_redirection), TEST(v86_redirection_faults),
		TEST(protected_interrupt_flag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
