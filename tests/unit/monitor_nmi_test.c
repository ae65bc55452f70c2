/* links: machine */
/* NMI: vector 2 whatever IF says, one at a time until an IRET, and one that waits.  SDM vol. 3,
 * 6.7.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gdb_fixture.h"

/* EDI counts what the handler does, ESI what is behind the body's port; a port, and the wait of
 * a HLT, raise NMI. */
#define PROGRAM(name, body, handler)                                                               \
	extern const uint8_t name##_code[], name##_handler[], name##_end[];                        \
	__asm__(".pushsection .rodata\n.code32\n.intel_syntax noprefix\n" #name "_code:\n" body    \
	        "\nhlt\n" #name "_handler:\n" handler "\n" #name                                   \
	        "_end:\n.att_syntax prefix\n.code64\n.popsection")

PROGRAM(once, "in al, 0x80; inc esi; inc esi", "inc edi; iretd");
/* The handler raises two more, which are one, and is not interrupted. */
PROGRAM(nested, "in al, 0x80; inc esi",
        "inc edi; cmp edi, 2; jae 1f; in al, 0x80; in al, 0x80; mov ebx, edi; 1: iretd");
/* The return faults (its CS is null), and NMI is open all the same. */
PROGRAM(fault, "in al, 0x80; inc esi",
        "inc edi; cmp edi, 2; jae 1f; in al, 0x80; push 0; push 0; push 0; iretd; 1: hlt");
/* A HLT that nothing else ends. */
PROGRAM(halted, "in al, 0x80; sti; hlt; inc esi; cli", "inc edi; iretd");

enum { IDT = 0x2000, GDT = 0x3000, STACK = 0x8000 };

static struct debuggee d;

static void raise_nmi(struct debuggee *debuggee)
{
	monitor_nmi(debuggee->monitor);
}

static void put(uint64_t at, const void *bytes, size_t n)
{
	mmu_dma_write(monitor_mmu(d.monitor), gpa(at), bytes, n);
}

/* Runs it to a HLT that nothing ends; #GP leads to the last HLT of the handler. */
static struct vcpu *run(const uint8_t *code, const uint8_t *handler, const uint8_t *end)
{
	debuggee_open(&d);
	monitor_debug_release(d.monitor);
	struct vcpu *v = monitor_vcpu(d.monitor);
	uint64_t gates[14] = {0};
	uint64_t flat[] = {0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff};
	uint32_t nmi = GUEST_ENTRY + (handler - code), gp = GUEST_ENTRY + (end - code) - 1;
	uint16_t cs = v->seg[SREG_CS].selector;
	gates[2] =
		(nmi & 0xffff) | (uint64_t)cs << 16 | 0x8e0000000000 | (uint64_t)(nmi >> 16) << 48;
	gates[13] =
		(gp & 0xffff) | (uint64_t)cs << 16 | 0x8e0000000000 | (uint64_t)(gp >> 16) << 48;
	put(IDT, gates, sizeof gates);
	put(GDT, flat, sizeof flat);
	put(GUEST_ENTRY, code, end - code);
	v->idtr.base = IDT;
	v->idtr.limit = sizeof gates - 1;
	v->gdtr.base = GDT;
	v->gdtr.limit = sizeof flat - 1;
	v->gpr[ESP] = STACK;
	v->gpr[ESI] = v->gpr[EDI] = v->gpr[EBX] = 0;
	d.in = d.wait = raise_nmi;
	assert_int_equal(monitor_run(d.monitor), END_HALT);
	return v;
}

#define RUN(name) run(name##_code, name##_handler, name##_end)

static void test_vector_2(void **state)
{
	struct vcpu *v = RUN(once);
	assert_int_equal(v->gpr[EDI], 1);
	assert_int_equal(v->gpr[ESI], 2);
	assert_int_equal(v->gpr[ESP], STACK);
	debuggee_close(&d);
}

static void test_one_at_a_time(void **state)
{
	struct vcpu *v = RUN(nested);
	assert_int_equal(v->gpr[EBX], 1); /* not yet, in the handler */
	assert_int_equal(v->gpr[EDI], 2);
	assert_int_equal(v->gpr[ESI], 1);
	assert_int_equal(v->gpr[ESP], STACK);
	debuggee_close(&d);
}

static void test_a_return_that_faults_ends_it(void **state)
{
	struct vcpu *v = RUN(fault);
	assert_int_equal(v->gpr[EDI], 2);
	assert_int_equal(v->gpr[ESI], 0);
	debuggee_close(&d);
}

static void test_ends_a_halt(void **state)
{
	struct vcpu *v = RUN(halted);
	assert_int_equal(v->gpr[EDI], 2);
	assert_int_equal(v->gpr[ESI], 1);
	assert_int_equal(d.waits, 1);
	debuggee_close(&d);
}

/* A reset forgets what waits, and what was blocked. */
static void test_reset(void **state)
{
	struct vcpu *v = RUN(once);
	monitor_nmi(d.monitor);
	monitor_reset(d.monitor);
	cpu_set_flat32(v, GUEST_ENTRY);
	d.in = NULL;
	v->gpr[EDI] = 0;
	assert_int_equal(monitor_run(d.monitor), END_HALT);
	assert_int_equal(v->gpr[EDI], 0);
	debuggee_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector_2),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_a_return_that_faults_ends_it),
		cmocka_unit_test(test_ends_a_halt),
		cmocka_unit_test(test_reset),
	};
	return cmocka_run_group_tests_name("nmi", tests, NULL, NULL);
}
