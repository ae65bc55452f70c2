/* A vCPU over 1 MiB of flat memory, with a GDT, an LDT, an IDT, two TSSs and
 * stacks, for the unit tests of src/cpu. */
#ifndef UNRING_TESTS_CPU_FIXTURE_H
#define UNRING_TESTS_CPU_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cpu/cpu.h"
#include "cpu/model.h"

enum {
	MEMORY = 1 << 20,
	GDT = 0x1000,
	LDT = 0x2000,
	IDT = 0x3000,
	TSS_A = 0x4000, /* the current task: 32-bit */
	TSS_B = 0x5000,
	STACK0 = 0x11000, /* tops */
	STACK1 = 0x12000,
	STACK3 = 0x13000,

	CODE0 = 0x08,
	DATA0 = 0x10,
	CODE3 = 0x18 | 3,
	DATA3 = 0x20 | 3,
	CONFORM0 = 0x28,
	SEL_TSS_A = 0x30,
	SEL_TSS_B = 0x38,
	SEL_LDT = 0x40,
	CODE1 = 0x48 | 1,
	DATA1 = 0x50 | 1,
	SCRATCH = 0x58, /* each test's own */
	SCRATCH2 = 0x60,
	SCRATCH3 = 0x68,
	GDT_LIMIT = 0x7f,
	BEYOND = 0x80,

	A_P = 0x80,
	A_DPL3 = 0x60,
	A_DPL1 = 0x20,
	A_CODE = 0x1a,  /* readable */
	A_XCODE = 0x18, /* execute-only */
	A_CONFORM = 0x1e,
	A_DATA = 0x12,
	A_RODATA = 0x10,
	A_DOWN = 0x16,
	A_32 = 0x4000,
	A_PAGES = 0x8000,
	A_FLAT = A_32 | A_PAGES | A_P,
};

struct machine {
	struct vcpu v;
	uint8_t mem[MEMORY];
	uint32_t bad_page; /* accesses fault, when not 0 */
	bool bad_write_only;
	enum priv last_priv;
	bool paging_refused;
	unsigned paging_loads;
	bool paging_cr3; /* the last was one of CR3 */
	uint32_t loaded_cr3;
	uint64_t apic_base; /* as it was written last */
};

static inline bool machine_check(struct machine *m, gla_t a, unsigned size, bool write, enum priv p,
                                 struct trap *t)
{
	m->last_priv = p;
	assert_true(a.v < MEMORY && a.v + size <= MEMORY);
	for (unsigned i = 0; i < size; i++) {
		if (m->bad_page && (a.v + i) >> 12 == m->bad_page &&
		    (write || !m->bad_write_only)) {
			*t = trap_page_fault(gla(a.v + i),
			                     (write ? PF_W : 0) | (p == PRIV_USER ? PF_U : 0));
			return false;
		}
	}
	return true;
}

static inline bool machine_read(void *ctx, gla_t a, void *dst, unsigned size, enum priv p,
                                struct trap *t)
{
	struct machine *m = ctx;

	assert_in_range(size, 1, 64);
	if (!machine_check(m, a, size, false, p, t))
		return false;
	memcpy(dst, m->mem + a.v, size);
	return true;
}

static inline bool machine_write(void *ctx, gla_t a, const void *src, unsigned size, enum priv p,
                                 struct trap *t)
{
	struct machine *m = ctx;

	assert_in_range(size, 1, 64);
	if (!machine_check(m, a, size, true, p, t))
		return false;
	memcpy(m->mem + a.v, src, size);
	return true;
}

static inline bool machine_probe(void *ctx, gla_t a, unsigned size, enum priv p, struct trap *t)
{
	return machine_check(ctx, a, size, true, p, t);
}

static inline bool machine_paging(void *ctx, bool cr3, struct trap *t)
{
	struct machine *m = ctx;

	if (m->paging_refused) {
		*t = trap_error(VEC_GP, 0);
		return false;
	}
	m->paging_loads++;
	m->paging_cr3 = cr3;
	m->loaded_cr3 = m->v.cr3;
	return true;
}

static inline uint32_t get32(struct machine *m, uint32_t a)
{
	uint32_t x;

	memcpy(&x, m->mem + a, 4);
	return x;
}

static inline uint16_t get16(struct machine *m, uint32_t a)
{
	return get32(m, a);
}

static inline void put32(struct machine *m, uint32_t a, uint32_t x)
{
	memcpy(m->mem + a, &x, 4);
}

static inline void put16(struct machine *m, uint32_t a, uint16_t x)
{
	memcpy(m->mem + a, &x, 2);
}

/* limit is the raw 20-bit field; attr as in vcpu.h. */
static inline void descriptor_at(struct machine *m, uint32_t at, uint32_t base, uint32_t limit,
                                 uint32_t attr)
{
	put32(m, at, (limit & 0xffff) | base << 16);
	put32(m, at + 4, (base >> 16 & 0xff) | attr << 8 | (limit & 0xf0000) | (base & 0xff000000));
}

static inline void descriptor(struct machine *m, uint16_t sel, uint32_t base, uint32_t limit,
                              uint32_t attr)
{
	descriptor_at(m, (sel & 4 ? LDT : GDT) + (sel & ~7), base, limit, attr);
}

static inline void gate_at(struct machine *m, uint32_t at, uint16_t sel, uint32_t off,
                           uint32_t attr, unsigned params)
{
	put32(m, at, (off & 0xffff) | (uint32_t)sel << 16);
	put32(m, at + 4, (off & 0xffff0000) | attr << 8 | params);
}

static inline void gate(struct machine *m, uint16_t sel, uint16_t target, uint32_t off,
                        uint32_t attr, unsigned params)
{
	gate_at(m, (sel & 4 ? LDT : GDT) + (sel & ~7), target, off, attr, params);
}

static inline void idt_gate(struct machine *m, unsigned vector, uint16_t sel, uint32_t off,
                            uint32_t attr)
{
	gate_at(m, IDT + 8 * vector, sel, off, attr, 0);
}

static inline uint8_t type_byte(struct machine *m, uint16_t sel)
{
	return m->mem[(sel & 4 ? LDT : GDT) + (sel & ~7) + 5];
}

/* Puts the vCPU into ring 0, 1 or 3 with flat segments. */
static inline void machine_ring(struct machine *m, unsigned cpl)
{
	static const uint16_t code[] = {CODE0, CODE1, 0, CODE3}, data[] = {DATA0, DATA1, 0, DATA3};
	static const uint32_t top[] = {STACK0, STACK1, 0, STACK3};
	struct trap t;

	m->v.cpl = cpl;
	for (unsigned s = SREG_ES; s <= SREG_GS; s++) {
		if (s != SREG_CS)
			assert_true(cpu_seg_load(&m->v, s, data[cpl], &t));
	}
	m->v.seg[SREG_CS] = m->v.seg[SREG_SS];
	m->v.seg[SREG_CS].attr |= SEG_CODE;
	m->v.seg[SREG_CS].selector = code[cpl];
	m->v.gpr[ESP] = top[cpl];
	m->v.eip = 0x8000;
}

static inline void machine_apic_base(void *ctx, uint64_t value)
{
	((struct machine *)ctx)->apic_base = value;
}

static inline int machine_setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	struct vcpu *v = &m->v;
	struct trap t;

	v->env = (struct cpu_env){
		m, machine_read, machine_write, machine_probe, machine_paging, machine_apic_base};
	cpu_reset(v, cpu_model_find("n270"));
	cpu_set_flat32(v, 0x8000);
	v->gdtr = (struct table_reg){GDT, GDT_LIMIT};
	v->idtr = (struct table_reg){IDT, 0x7ff};
	descriptor(m, CODE0, 0, 0xfffff, A_FLAT | A_CODE);
	descriptor(m, DATA0, 0, 0xfffff, A_FLAT | A_DATA);
	descriptor(m, CODE3, 0, 0xfffff, A_FLAT | A_CODE | A_DPL3);
	descriptor(m, DATA3, 0, 0xfffff, A_FLAT | A_DATA | A_DPL3);
	descriptor(m, CONFORM0, 0, 0xfffff, A_FLAT | A_CONFORM);
	descriptor(m, CODE1, 0, 0xfffff, A_FLAT | A_CODE | A_DPL1);
	descriptor(m, DATA1, 0, 0xfffff, A_FLAT | A_DATA | A_DPL1);
	descriptor(m, SEL_TSS_A, TSS_A, 0x67, A_P | 9);
	descriptor(m, SEL_TSS_B, TSS_B, 0x67, A_P | 9);
	descriptor(m, SEL_LDT, LDT, 0xff, A_P | 2);
	put32(m, TSS_A + 4, STACK0);
	put16(m, TSS_A + 8, DATA0);
	put32(m, TSS_A + 12, STACK1);
	put16(m, TSS_A + 16, DATA1);
	put16(m, TSS_A + 102, 0xffff); /* no I/O bitmap */
	assert_true(cpu_lldt(v, SEL_LDT, &t));
	assert_true(cpu_ltr(v, SEL_TSS_A, &t));
	machine_ring(m, 0);
	*state = m;
	return 0;
}

static inline int machine_teardown(void **state)
{
	free(*state);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, machine_setup, machine_teardown)

/* The operation fails with this fault, and no register changes. */
#define assert_fault(m, call, vec, err)                                                            \
	do {                                                                                       \
		struct vcpu before_ = (m)->v;                                                      \
		struct trap t = {.vector = 0xff};                                                  \
		assert_false(call);                                                                \
		assert_int_equal(t.vector, vec);                                                   \
		assert_true(t.has_error);                                                          \
		assert_int_equal(t.error, err);                                                    \
		assert_memory_equal(&before_, &(m)->v, sizeof(before_));                           \
	} while (0)

/* The operation fails in the state that it has reached. */
#define assert_trap(call, vec, err)                                                                \
	do {                                                                                       \
		struct trap t = {.vector = 0xff};                                                  \
		assert_false(call);                                                                \
		assert_int_equal(t.vector, vec);                                                   \
		assert_int_equal(t.error, err);                                                    \
	} while (0)

#define assert_done(call)                                                                          \
	do {                                                                                       \
		struct trap t = {.vector = 0xff};                                                  \
		bool done_ = (call);                                                               \
		if (!done_)                                                                        \
			print_error("%s: vector %u, error %x\n", #call, t.vector, t.error);        \
		assert_true(done_);                                                                \
	} while (0)

#endif
