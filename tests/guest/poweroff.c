/* Soft off ends the machine: ACPI 1.0b, 4.7.3.2.1, with the PIIX4's type of S5. */
#include "rt/pci.h"

void guest_main(void)
{
	u16 control = pm_base() + 4;

	outw(control, 0x2000 | 5 << 10); /* no sleeping state */
	print("about to power off\n");
	outw(control, 0x2000);
	/* It may take a moment. */
	for (u32 i = 0; i < 1000000; i++)
		inb(0x80);
	print("FAIL poweroff: went on\n");
	finish();
}
