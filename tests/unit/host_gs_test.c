/* links: host */
/* GS.base on a host whose kernel forgets it, for which a system call stands here. */
#define _GNU_SOURCE
#include "base/stats.h"
#include "host/frame.h"
#include "host/gs.h"
#include "host/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <asm/prctl.h>
#include <cmocka.h>

enum { LOAD = 5 }; /* bytes of load()'s instruction */

static unsigned others; /* faults of something else */
static uint64_t nowhere;

static bool on_fault(void *ctx, struct host_frame *f, const struct host_fault *fault)
{
	(void)ctx;
	(void)fault;
	host_frame_set_pc(f, host_frame_pc(f) + LOAD);
	others++;
	return true;
}

static uint64_t load(uint32_t offset)
{
	uint64_t value = 0;
	__asm__ volatile(".byte 0x65, 0x67, 0x48, 0x8b, 0x01" /* mov gs:(%ecx), %rax */
	                 : "+a"(value)
	                 : "c"(offset)
	                 : "memory");
	return value;
}

static void lose(void)
{
	assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, nowhere), 0);
}

/* Not as a fixture, since CMocka has handlers of its own around each function. */
static void set_up(void)
{
	uint64_t base;
	assert_true(host_gs_settable());
	assert_int_equal(host_fault_install(on_fault, NULL), 0);
	assert_int_equal(host_gs_guard(true), 0);
	others = 0;
	if (nowhere)
		return;
	assert_int_equal(syscall(SYS_arch_prctl, ARCH_GET_GS, &base), 0);
	nowhere = base;
}

static void test_lost(void **state)
{
	static uint64_t window[4] = {11, 22, 33, 44};
	set_up();
	uint64_t before = stats.gs_losses;
	host_gs_set((uint64_t)(uintptr_t)window);
	assert_int_equal(load(8), 22);
	lose();
	assert_int_equal(load(8), 22);
	assert_int_equal(load(16), 33);
	assert_true(stats.gs_losses > before);
	lose();
	host_gs_again();
	assert_int_equal(load(24), 44);
	assert_int_equal(others, 0);
}

/* Offsets of 32 bits, and an operand behind them. */
static void test_reach(void **state)
{
	uint8_t *at;
	set_up();
	assert_int_equal(host_mem_area(1ull << 33, &at), 0);
	uint64_t *end = mmap(at + (1ull << 32) - PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
	                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_ptr_not_equal(end, MAP_FAILED);
	end[PAGE_SIZE / sizeof *end - 1] = 55;
	host_gs_set((uint64_t)(uintptr_t)at);
	lose();
	assert_int_equal(load(0xfffffff8), 55);
	lose();
	assert_int_equal(load(0xffffffff), 0);
	assert_int_equal(others, 0);
	host_mem_area_release(at, 1ull << 33);
}

/* What faults with the right base, or there without GS, is for others. */
static void test_others(void **state)
{
	uint8_t *at;
	set_up();
	assert_int_equal(host_mem_area(1ull << 33, &at), 0);
	host_gs_set((uint64_t)(uintptr_t)at);
	load(0);
	assert_int_equal(others, 1);
	/* The host may lose it, too, now and then. */
	bool refused = false;
	for (unsigned n = 0; n < 100 && !refused; n++)
		refused = !host_gs_restore((void *)(uintptr_t)nowhere);
	assert_true(refused);
	host_mem_area_release(at, 1ull << 33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_others),
	};
	return cmocka_run_group_tests_name("gs", tests, NULL, NULL);
}
