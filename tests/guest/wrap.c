/* Operands that wrap from FFFFFFFFh to 0: linear addresses are 32 bits wide
 * (SDM vol. 3, 3.3.1; vol. 1, 3.3.5).  Data segments here have limit FFFFFFFFh. */
#include "rt/rt.h"

/* The last page of linear space holds RAM through this alias of scratch; page 0 is mapped flat. */
static void wrap_on(void)
{
	static u32 directory[1024] __attribute__((aligned(4096)));
	static u32 low[1024] __attribute__((aligned(4096)));
	static u32 high[1024] __attribute__((aligned(4096)));

	for (u32 i = 0; i < 1024; i++)
		low[i] = i << 12 | 3;
	directory[0] = (u32)low | 3;
	high[1023] = (u32)scratch | 3;
	directory[1023] = (u32)high | 3;
	write_cr3((u32)directory);
	write_cr0(read_cr0() | CR0_PG);
}

static void wrap_off(void)
{
	write_cr0(read_cr0() & ~(u32)CR0_PG);
}

static volatile u32 *const top = (u32 *)0xfffffffe; /* two bytes here, two at 0 */
static volatile u16 *zero;                          /* page 0: not a null pointer here */

static void plain(void)
{
	u16 saved = *zero;

	wrap_on();
	for (int i = 0; i < 4; i++) {
		*top = 0x11223344 + i;
		expect("stored, low half", *(u16 *)(scratch + 4094), 0x3344 + i);
		expect("stored, high half", *zero, 0x1122);
		expect("loaded", *top, 0x11223344 + i);
		*top += 0x00010000;
		expect("added to", *zero, 0x1123);
	}
	*zero = saved;
	wrap_off();
}

static void stack(void)
{
	u16 saved = *zero;
	u32 got = 0, esp = 0;

	wrap_on();
	for (int i = 0; i < 4; i++) {
		asm volatile("mov %%esp, %%ecx\n"
		             "mov $2, %%esp\n"
		             "pushl $0x55667788\n"
		             "mov %%esp, %1\n"
		             "pop %0\n"
		             "mov %%ecx, %%esp"
		             : "=&r"(got), "=&r"(esp)
		             :
		             : "ecx", "memory");
		expect("esp after push", esp, 0xfffffffe);
		expect("popped", got, 0x55667788);
		expect("pushed, high half", *zero, 0x5566);
	}
	*zero = saved;
	wrap_off();
}

static void strings(void)
{
	u16 saved[4];

	for (int i = 0; i < 4; i++)
		saved[i] = zero[i];
	wrap_on();
	for (u32 i = 0; i < 16; i++)
		scratch[4096 + i] = (u8)(0xa0 + i);
	u32 to = 0xfffffffb, from = (u32)scratch + 4096, n = 3;
	asm volatile("cld; rep movsl" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	expect("edi wraps", to, 7);
	expect("below the top", scratch[4091], 0xa0);
	expect("at the top", scratch[4095], 0xa4);
	expect("at 0", *(volatile u8 *)0, 0xa5);
	expect("at 6", *(volatile u8 *)6, 0xab);
	to = 4, n = 2;
	asm volatile("std; rep stosl; cld" : "+D"(to), "+c"(n) : "a"(0x01020304) : "memory");
	expect("edi wraps downwards", to, 0xfffffffc);
	for (int i = 0; i < 4; i++)
		zero[i] = saved[i];
	wrap_off();
}

static const struct test tests[] = {
	{"plain", "SDM vol. 3, 3.3.1", plain},
	{"stack", "SDM vol. 3, 3.3.1", stack},
	{"strings", "SDM vol. 2, REP", strings},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
