/* Power management of a PC, function 3 of an 82371AB (PIIX4): 00:01.3, with ACPI's fixed
 * registers, the PM timer, and the APM ports B2h and B3h.  Data sheet 290562; ACPI 1.0b, chapter 4.
 *
 * There is no SMM: nothing raises an SMI, and APMC_EN, bit 1 of 5Bh, reads set, by which SeaBIOS
 * takes SMM as set up and leaves it alone.  There is no SMBus.  What ACPI's tables say of it:
 *
 *   PM1a_EVT_BLK   PM base + 0, 4 bytes: timer carry and power button; no sleep button, no RTC
 *   PM1a_CNT_BLK   PM base + 4, 2 bytes
 *   PM_TMR_BLK     PM base + 8, 24 bits
 *   GPE0_BLK       PM base + 0Ch, 4 bytes, all zero
 *   SCI_INT        9, level
 *   SMI_CMD        0 once a BIOS has set SCI_EN; or B2h, with ACPI_ENABLE F1h, ACPI_DISABLE F0h
 *   \_S5           SLP_TYP 0: the machine ends.  No other sleeping state is there.
 */
#ifndef UNRING_DEVICES_PIIX4PM_H
#define UNRING_DEVICES_PIIX4PM_H

#include "devices/pci.h"

enum {
	PM_SLP_TYP_S5 = 0, /* bits 12:10 of PM1 control */
	PM_ACPI_ENABLE = 0xf1,
	PM_ACPI_DISABLE = 0xf0,
};

struct piix4pm;
extern const struct device_type piix4pm_type;

struct piix4pm_board {
	struct clock *clock;
	struct irq_line sci;
	void *ctx;
	void (*power_off)(void *ctx);
};

struct piix4pm *piix4pm_create(struct bus *bus, struct pci *pci, struct piix4pm_board board);

/* The power button was pressed: what comes of it is the guest's to say. */
void piix4pm_power_button(struct piix4pm *p);

#endif
