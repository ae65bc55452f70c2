/* The chip set of a PC, as a BIOS leaves it. */
#include "rt/pci.h"

static void functions(void)
{
	expect("82441FX", pci_get(HOST_BRIDGE, 0), 0x12378086);
	expect("a host bridge", pci_get(HOST_BRIDGE, 8) >> 8, 0x060000);
	expect("subsystem", pci_get(HOST_BRIDGE, 0x2c), 0x11001af4);
	expect("82371SB", pci_get(ISA_BRIDGE, 0), 0x70008086);
	expect("an ISA bridge", pci_get(ISA_BRIDGE, 8) >> 8, 0x060100);
	expect("of several functions", pci_get(ISA_BRIDGE, 0x0c) >> 16 & 0xff, 0x80);
	expect("82371AB, power management", pci_get(POWER, 0), 0x71138086);
	expect("SMM is off", pci_get(POWER, 0x58) >> 24 & 2, 2);
	expect("nobody", pci_get(31 << 3, 0), 0xffffffff);
	expect("another bus", pci_get(1 << 8, 0), 0xffffffff);
	outl(0xcf8, 0);
	expect("not enabled", inl(0xcfc), 0xffffffff);
	outl(0xcf8, 0x00ffffff);
	expect("the address", inl(0xcf8), 0x00fffffc);
	outl(0xcf8, 0x80000000);
	expect("a word of it", inw(0xcfe), 0x1237);
	expect("a byte of it", inb(0xcfd), 0x80);
}

static void interrupts(void)
{
	expect("routes", pci_get(ISA_BRIDGE, 0x60), 0x0b0b0a0a);
	expect("levels", inb(0x4d0) | inb(0x4d1) << 8, 0x0c00);
	expect("SCI", pci_get(POWER, 0x3c) & 0xff, 9);
}

static u32 counter2(void)
{
	outb(0x43, 0x80);
	u32 low = inb(0x42);

	return low | (u32)inb(0x42) << 8;
}

/* The PM timer goes three times as fast as the 8254.  What comes between the two reads of a
 * pair is tried again. */
static void timer(void)
{
	u16 base = pm_base();
	u32 ticks = 0, off = 1;

	outb(0x61, (inb(0x61) & 0xfc) | 1);
	for (u32 try = 0; try < 50 && off; try++) {
		outb(0x43, 0xb0);
		outb(0x42, 0xff);
		outb(0x42, 0xff);
		u32 pit = counter2(), pm = inl(base + 8);

		while (pit - counter2() < 20000)
			;
		ticks = pit - counter2();
		u32 passed = (inl(base + 8) - pm) & 0xffffff;
		off = passed < ticks * 3 - 600 || passed > ticks * 3 + 600;
	}
	outb(0x61, inb(0x61) & 0xfc);
	expect("PM ticks are not three a PIT's", off, 0);
	expect("above its 24 bits", inl(base + 8) >> 24, 0);
}

/* Port B2h, without SMM behind it. */
static void enable(void)
{
	u16 base = pm_base();

	outb(0xb2, 0xf1);
	expect("SCI_EN", inw(base + 4) & 1, 1);
	outb(0xb2, 0xf0);
	expect("SCI_EN, taken back", inw(base + 4) & 1, 0);
}

static const struct test tests[] = {
	{"functions", "82441FX, 82371SB, 82371AB data sheets; PCI 2.1, 3.7.4.1", functions},
	{"interrupts", "82371SB data sheet, PIRQRC, ELCR", interrupts},
	{"timer", "ACPI 1.0b, 4.7.3.3", timer},
	{"enable", "ACPI 1.0b, 4.7.2.5", enable},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
