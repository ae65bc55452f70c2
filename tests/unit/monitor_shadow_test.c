/* links: monitor */
/* No interrupt comes between a STI and the instruction behind it, wherever the unit of the STI ends.
 * SDM vol. 2, STI; vol. 3, 6.8.3. */
#include "monitor/monitor.h"

#include "cpu/cpu.h"
#include "cpu/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { CODE = 0x100000, IDT = 0x2000, GDT = 0x3000, STACK = 0x8000, VECTOR = 32, HANDLER = 0x5000 };

static struct {
	struct monitor *monitor;
	uint32_t from;  /* an interrupt asks when the guest is there, */
	uint32_t taken; /* and is taken there */
	bool line;
} t;

static uint32_t on_in(void *ctx, uint16_t port, unsigned size)
{
	return ~0u;
}

static void on_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
}

static bool on_line(void *ctx)
{
	return t.line;
}

static uint8_t on_ack(void *ctx)
{
	t.taken = monitor_vcpu(t.monitor)->eip;
	t.line = false;
	return VECTOR;
}

static uint64_t on_tsc(void *ctx)
{
	return 0;
}

/* After each unit. */
static void on_poll(void *ctx)
{
	t.line |= !t.taken && monitor_vcpu(t.monitor)->eip == t.from;
	monitor_allow(t.monitor, 1);
}

static void on_wait(void *ctx)
{
	t.line = true;
}

static int begin(void **state)
{
	const char *what;
	struct monitor_config c = {
		.mmu = {.ram_bytes = 16 << 20},
		.model = cpu_model_default(),
		.counts = true,
		.platform = {.io_read = on_in,
	                     .io_write = on_out,
	                     .intr_line = on_line,
	                     .intr_ack = on_ack,
	                     .tsc = on_tsc,
	                     .poll = on_poll,
	                     .wait = on_wait},
	};
	return monitor_create(&t.monitor, &c, &what);
}

static int end(void **state)
{
	monitor_destroy(t.monitor);
	return 0;
}

/* Where the interrupt is taken that comes when the guest is behind the STI of `sti; nop; nop; hlt`,
 * which is n bytes before the end of a page. */
static uint32_t taken_behind(unsigned n)
{
	static const uint8_t code[] = {0xfb, 0x90, 0x90, 0xf4}, handler[] = {0xfa, 0xf4};
	uint64_t gates[VECTOR + 1] = {[VECTOR] = HANDLER | 8 << 16 | 0x8e0000000000};
	uint64_t flat[] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff};
	struct mmu *mmu = monitor_mmu(t.monitor);
	struct vcpu *v = monitor_vcpu(t.monitor);
	uint32_t at = CODE + PAGE_SIZE - n;

	monitor_reset(t.monitor);
	mmu_dma_write(mmu, gpa(IDT), gates, sizeof gates);
	mmu_dma_write(mmu, gpa(GDT), flat, sizeof flat);
	mmu_dma_write(mmu, gpa(HANDLER), handler, sizeof handler);
	mmu_dma_write(mmu, gpa(at), code, sizeof code);
	cpu_set_flat32(v, at);
	v->idtr = (struct table_reg){.base = IDT, .limit = sizeof gates - 1};
	v->gdtr = (struct table_reg){.base = GDT, .limit = sizeof flat - 1};
	v->gpr[ESP] = STACK;
	t.from = at + 1;
	t.taken = 0;
	t.line = false;
	monitor_allow(t.monitor, 1);
	assert_int_equal(monitor_run(t.monitor), END_HALT);
	return t.taken - at;
}

static void test_at_the_end_of_a_page(void **state)
{
	assert_int_equal(taken_behind(1), 2);
}

static void test_at_the_end_of_a_page_later(void **state)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(taken_behind(1), 2);
}

/* The instruction behind it is of the same unit: the interrupt finds the guest in HLT. */
static void test_within_a_unit(void **state)
{
	assert_int_equal(taken_behind(64), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_at_the_end_of_a_page, begin, end),
		cmocka_unit_test_setup_teardown(test_at_the_end_of_a_page_later, begin, end),
		cmocka_unit_test_setup_teardown(test_within_a_unit, begin, end),
	};
	return cmocka_run_group_tests_name("shadow", tests, NULL, NULL);
}
