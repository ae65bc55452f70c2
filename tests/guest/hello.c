/* The least that must run before any other kernel tells something. */
#include "rt/rt.h"

static void arithmetic(void)
{
	volatile u32 a = 0x12345678, b = 7;

	expect("add", a + b, 0x1234567f);
	expect("mul", a * b, 0x7f6e5d48);
	expect("div", a / b, 0x299c335);
	expect("rem", a % b, 5);
	expect("shift", a << 8 | a >> 24, 0x34567812);
}

static u32 fib(u32 n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static void calls(void)
{
	expect("fib(20)", fib(20), 6765);
}

static void strings(void)
{
	memset(scratch, 0x5a, 4096);
	memcpy(scratch + 4096, scratch, 4096);
	expect("memcmp", memcmp(scratch, scratch + 4096, 4096), 0);
	scratch[8191] = 0;
	expect("memcmp of different bytes", memcmp(scratch, scratch + 4096, 4096) != 0, 1);
}

CODE(nothing, "nop");

static void traps(void)
{
	for (unsigned cpl = 0; cpl < 4; cpl++) {
		struct state s = at_cpl(cpl, nothing);

		/* INT 81h pushes the EIP after it; everything else is as it was. */
		expect_trap("int 81h", &s, V_DONE, 0, nothing_end + 2);
	}
}

static const struct test tests[] = {
	{"arithmetic", "SDM vol. 1, 7.3", arithmetic},
	{"calls", "SDM vol. 1, 6.4", calls},
	{"strings", "SDM vol. 2, REP", strings},
	{"traps", "SDM vol. 3, 6.12", traps},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
