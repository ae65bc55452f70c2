/* links: machine */
/* The platform has RDTSC leave translated code, or not, from within a port's access: the next
 * one does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gdb_fixture.h"

static void toggle(struct debuggee *d)
{
	struct vcpu *v = monitor_vcpu(d->monitor);
	v->tsc_exits = !v->tsc_exits;
}

static void test_switched_by_a_port(void **state)
{
	/* mov ecx, 100; in al, 80h; rdtsc; rdtsc; dec ecx; jnz to the in; hlt */
	static const uint8_t loop[] = {0xb9, 100,  0,    0,    0,    0xe4, 0x80, 0x0f,
	                               0x31, 0x0f, 0x31, 0x49, 0x75, 0xf7, 0xf4};
	struct debuggee d;
	debuggee_open(&d);
	monitor_debug_release(d.monitor);
	d.in = toggle;
	mmu_dma_write(monitor_mmu(d.monitor), gpa(GUEST_ENTRY), loop, sizeof loop);
	assert_int_equal(monitor_run(d.monitor), END_HALT);
	/* At each second turn, twice. */
	assert_int_equal(d.tsc_reads, 100);
	debuggee_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_switched_by_a_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
