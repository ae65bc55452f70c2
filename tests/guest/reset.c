/* Resets of the machine, by each way: what the battery feeds survives, and so does memory; the
 * devices begin anew.  The kernel starts anew with each. */
#include "rt/rt.h"

/* Of the CMOS, where no firmware keeps anything. */
enum { PASS = 0x50, PASS_INVERTED = 0x51, NOTE = 0x52 };

enum { WAYS = 3, WORDS = 1024 };

/* Beyond the kernel, below what a firmware takes at the end of 16 MiB. */
static volatile u32 *const kept = (u32 *)0x800000;

static u8 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static void cmos_set(u8 reg, u8 v)
{
	outb(0x70, reg);
	outb(0x71, v);
}

static u8 pass(void)
{
	u8 p = cmos(PASS);

	return (cmos(PASS_INVERTED) ^ p) == 0xff ? p : 0;
}

static _Noreturn void reset(unsigned way)
{
	static const struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) none;

	switch (way) {
	case 0:
		outb(0x64, 0xfe);
		break;
	case 1:
		outb(0x92, inb(0x92) & ~1);
		outb(0x92, inb(0x92) | 1);
		break;
	default:
		asm volatile("lidt %0; ud2" : : "m"(none));
	}
	for (;;)
		;
}

static void survives(void)
{
	u32 lost = 0;

	for (u32 i = 0; i < WORDS; i++)
		lost += kept[i] != (i ^ 0x5a5a0000 ^ WAYS);
	expect("words of memory that are lost", lost, 0);
	expect("CMOS", cmos(NOTE), 0xc3);
}

static void begins_anew(void)
{
	expect("the clock's interrupts", cmos(0x0b) & 0x70, 0);
	expect("the speaker", inb(0x61) & 3, 0);
	expect("timer, keyboard and cascade are open", entry_masks[0] & 7, 0);
	outb(0x43, 0xe2);
	expect("counter 0: both bytes, mode 2 or 3", inb(0x40) & 0x7d, 0x34);
}

static const struct test tests[] = {
	{"survives", "MC146818 data sheet, RESET", survives},
	{"begins-anew", "IBM PC/AT Technical Reference", begins_anew},
};

void guest_main(void)
{
	unsigned p = pass();

	if (p == WAYS) {
		RUN_TESTS(tests);
		return;
	}
	print("reset %d\n", p);
	if (!p) {
		cmos_set(NOTE, 0xc3);
		for (u32 i = 0; i < WORDS; i++)
			kept[i] = i ^ 0x5a5a0000;
	}
	/* Each pass leaves its mark on what the one before it left. */
	for (u32 i = 0; i < WORDS; i++)
		kept[i] = kept[i] ^ p ^ (p + 1);
	cmos_set(PASS, (u8)(p + 1));
	cmos_set(PASS_INVERTED, (u8) ~(p + 1));
	cmos_set(0x0b, 0x72);
	outb(0x61, 3);
	outb(0x43, 0x18);
	outb(0x21, 0xff);
	reset(p);
}
