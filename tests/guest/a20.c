/* Address line A20: while it is off an odd MiB shows the even one below it, to loads, stores, code
 * and page walks alike.  By port 92h and by the keyboard controller's output port. */
#include "rt/rt.h"

extern const u8 probe_92[], probe_92_end[], probe_8042[], probe_8042_end[];

#define EVEN ((volatile u32 *)0x800100)
#define ODD ((volatile u32 *)0x900100)
#define RESULTS ((volatile u32 *)0x402000)

enum { PROBE = 0x400000, EVEN_CODE = 0x800200, ODD_CODE = 0x900200, MAPPED = 0x40000100 };

/* mov eax, imm32; ret */
static void put_code(u32 at, u32 value)
{
	volatile u8 *p = (volatile u8 *)at;

	p[0] = 0xb8;
	for (unsigned i = 0; i < 4; i++)
		p[1 + i] = (u8)(value >> 8 * i);
	p[5] = 0xc3;
}

static u32 run(u32 at)
{
	return ((u32(*)(void))at)();
}

static void probe(const u8 *code, const u8 *end, bool paging)
{
	for (u32 i = 0; i < (u32)(end - code); i++)
		((volatile u8 *)PROBE)[i] = code[i];
	for (unsigned round = 0; round < 4; round++) {
		*EVEN = 0x11;
		*ODD = 0x22;
		put_code(EVEN_CODE, 0xe0e0);
		put_code(ODD_CODE, 0x0d0d);
		expect("on: code of the odd MiB", run(ODD_CODE), 0x0d0d);
		if (paging)
			expect("on: by the odd table", *(volatile u32 *)MAPPED, 0x55);
		((void (*)(volatile u32 *))PROBE)(RESULTS);
		expect("off: the odd MiB shows the even one", RESULTS[1], 0x11);
		expect("off: its code", RESULTS[2], 0xe0e0);
		expect("off: code stored over by its other address", RESULTS[3], 0xe0a0);
		if (paging)
			expect("off: by the even table", RESULTS[4], 0x33);
		expect("on: the odd MiB is as it was", *ODD, 0x22);
		expect("on: the even one has the store", *EVEN, 0x33);
		expect("on: code of the odd MiB again", run(ODD_CODE), 0x0d0d);
		if (paging)
			expect("on: by the odd table again", *(volatile u32 *)MAPPED, 0x55);
	}
}

static void port_92(void)
{
	probe(probe_92, probe_92_end, false);
}

static void controller(void)
{
	probe(probe_8042, probe_8042_end, false);
}

/* Linear = physical by pages of 4 MiB, and a page by a table in an odd MiB. */
static void paging(void)
{
	static u32 directory[1024] __attribute__((aligned(4096)));
	/* Of the directory what the probe needs is in an even MiB, too. */
	volatile u32 *even_directory = (volatile u32 *)((u32)directory & ~0x100000u);
	volatile u32 *even_table = (volatile u32 *)0xa00000, *odd_table = (volatile u32 *)0xb00000;

	for (unsigned i = 0; i < 4; i++)
		directory[i] = i << 22 | 0x83;
	directory[0x100] = (u32)odd_table | 3;
	for (unsigned i = 0; i < 1024; i++)
		even_directory[i] = directory[i];
	even_table[0] = 0x800000 | 3;
	odd_table[0] = 0xc00000 | 3;
	*(volatile u32 *)0xc00100 = 0x55;
	for (unsigned round = 0; round < 2; round++) {
		write_cr4(read_cr4() | 0x10);
		write_cr3((u32)directory);
		write_cr0(read_cr0() | 0x80000000u);
		for (unsigned i = 0; i < 2; i++) {
			expect("on: by the odd table", *(volatile u32 *)MAPPED, 0x55);
			probe(i ? probe_8042 : probe_92, i ? probe_8042_end : probe_92_end, true);
		}
		write_cr0(read_cr0() & ~0x80000000u);
		probe(probe_92, probe_92_end, false);
	}
}

static const struct test tests[] = {
	{"port 92h", "A20M#", port_92},
	{"keyboard controller", "A20M#", controller},
	{"paging", "A20M#", paging},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
