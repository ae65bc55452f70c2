/* What a kernel that programs little finds in the devices: what a BIOS leaves. */
#include "rt/rt.h"

extern volatile u32 handover_ticks, handover_others;
extern u8 handover_tick[], handover_other[];

static u8 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

/* The tick comes as vector 08h, 18.2 times a second. */
static void tick(void)
{
	for (unsigned v = 0x08; v < 0x10; v++)
		idt_set((u8)v, CODE0, (u32)(v == 8 ? handover_tick : handover_other), GATE_INT32);
	outb(PIC1 + 1, 0xfe);
	u32 seconds = 0;
	u8 last = cmos(0);

	handover_ticks = 0;
	sti();
	while (handover_ticks < 37 && seconds < 20) {
		u8 now = cmos(0);

		seconds += now != last;
		last = now;
	}
	cli();
	timer_off();
	for (unsigned v = 0x08; v < 0x10; v++)
		idt_default((u8)v);
	expect("others", handover_others, 0);
	expect("ticks came", handover_ticks >= 37, 1);
	/* Two seconds; on a busy host they may come late. */
	expect("not in less than a second", seconds >= 1, 1);
}

static void counters(void)
{
	outb(0x43, 0xe2);
	expect("counter 0: both bytes, mode 2 or 3", inb(0x40) & 0x7d, 0x34);
}

static void masks(void)
{
	expect("timer, keyboard and cascade are open", entry_masks[0] & 7, 0);
	expect("serial ports and the printer are not", entry_masks[0] & 0xb8, 0xb8);
}

static void keyboard(void)
{
	while (inb(0x64) & 1)
		inb(0x60);
	expect("the system flag", inb(0x64) & 4, 4);
	outb(0x64, 0x20);
	while (!(inb(0x64) & 1))
		;
	expect("translation, interrupts", inb(0x60) & 0x51, 0x41);
}

static void configuration(void)
{
	u32 sum = 0;

	for (u8 i = 0x10; i < 0x2e; i++)
		sum += cmos(i);
	expect("checksum", (u32)cmos(0x2e) << 8 | cmos(0x2f), sum);
	expect("shutdown code", cmos(0x0f), 0);
	expect("KiB below 640 KiB", cmos(0x15) | cmos(0x16) << 8, 640);
	expect("KiB above 1 MiB", cmos(0x17) | cmos(0x18) << 8, 15 << 10);
}

/* A request of the tick's that nobody takes falls with the square wave: IRR shows both. */
static void square_wave(void)
{
	u32 rises = 0, last = 1;

	pic_init(0xff, 0xff);
	outb(0x43, 0x36); /* 100 Hz */
	outb(0x40, 11932 & 0xff);
	outb(0x40, 11932 >> 8);
	outb(PIC1, 0x0a);
	for (u32 i = 0; i < 50000000 && rises < 20; i++) {
		u32 irr = inb(PIC1) & 1;

		rises += irr && !last;
		last = irr;
	}
	expect("rises", rises, 20);
}

static const struct test tests[] = {
	{"masks", "IBM PC/AT Technical Reference, BIOS", masks},
	{"counters", "IBM PC/AT Technical Reference, BIOS", counters},
	{"tick", "IBM PC/AT Technical Reference, BIOS", tick},
	{"keyboard", "IBM PS/2 Technical Reference, keyboard controller", keyboard},
	{"configuration", "IBM PC/AT Technical Reference, CMOS RAM", configuration},
	{"square-wave", "8259A data sheet, IRR; 8254 data sheet, mode 3", square_wave},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
