/* links: machine */
/* Instructions that exist in protected mode alone: SDM vol. 2, LLDT, LTR, SLDT, STR, ARPL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gdb_fixture.h"

enum { HANDLER = 0x8000, AFTER = GUEST_ENTRY + 16 };

/* Runs the instruction with CR0.PE as it is, up to a HLT: in the handler of #UD, or behind it. */
static uint32_t ends_at(struct debuggee *d, const uint8_t *insn, size_t n, bool pe)
{
	static const uint8_t hlt = 0xf4, vector_6[4] = {HANDLER & 0xff, HANDLER >> 8, 0, 0};
	struct mmu *m = monitor_mmu(d->monitor);
	struct vcpu *v = monitor_vcpu(d->monitor);
	monitor_reset(d->monitor);
	monitor_debug_release(d->monitor);
	cpu_set_flat32(v, GUEST_ENTRY);
	if (!pe)
		v->cr0 &= ~CR0_PE;
	v->idtr.base = 0;
	v->idtr.limit = 0x3ff;
	v->gpr[EAX] = 0;
	v->gpr[EBX] = 0x9000;
	v->gpr[ESP] = 0x7000;
	mmu_dma_write(m, gpa(4 * VEC_UD), vector_6, sizeof vector_6);
	mmu_dma_write(m, gpa(HANDLER), &hlt, 1);
	mmu_dma_write(m, gpa(GUEST_ENTRY), insn, n);
	for (size_t i = n; i <= 16; i++)
		mmu_dma_write(m, gpa(GUEST_ENTRY + i), i < 16 ? (const uint8_t[]){0x90} : &hlt, 1);
	assert_int_equal(monitor_run(d->monitor), END_HALT);
	return v->eip - 1;
}

static void test_undefined(void **state)
{
	static const struct {
		uint8_t bytes[3], n;
	} insns[] = {
		{{0x0f, 0x00, 0xd0}, 3}, /* lldt ax */
		{{0x0f, 0x00, 0x13}, 3}, /* lldt [ebx] */
		{{0x0f, 0x00, 0xc0}, 3}, /* sldt eax */
		{{0x0f, 0x00, 0x03}, 3}, /* sldt [ebx] */
		{{0x0f, 0x00, 0xc8}, 3}, /* str eax */
		{{0x0f, 0x00, 0x0b}, 3}, /* str [ebx] */
		{{0x0f, 0x00, 0xd8}, 3}, /* ltr ax */
		{{0x63, 0xc0}, 2},       /* arpl ax, ax */
	};
	struct debuggee d;
	debuggee_open(&d);
	for (unsigned i = 0; i < sizeof insns / sizeof *insns; i++) {
		assert_int_equal(ends_at(&d, insns[i].bytes, insns[i].n, false), HANDLER);
		if (i != 6) /* of a null selector: #GP */
			assert_int_equal(ends_at(&d, insns[i].bytes, insns[i].n, true), AFTER);
	}
	debuggee_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undefined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
