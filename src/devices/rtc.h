/* MC146818 real-time clock with 128 bytes of CMOS memory at ports 70h-71h.
 * Motorola MC146818A data sheet (ADI-1028); register numbers of the PC AT. */
#ifndef UNRING_DEVICES_RTC_H
#define UNRING_DEVICES_RTC_H

#include "devices/bus.h"
#include "devices/device.h"
#include "devices/nmi.h"

struct rtc;
extern const struct device_type rtc_type;

/* day_ns is the time of day at the clock's zero, in nanoseconds since 1970.  The clock
 * runs, by the battery, as a BIOS once set it up: BCD, 24 hours; the rest of the CMOS is 0.
 * What the battery feeds survives each reset.  nmi has its mask at port 70h. */
struct rtc *rtc_create(struct bus *bus, struct clock *clock, struct irq_line irq8, struct nmi *nmi,
                       int64_t day_ns);
/* A byte of the CMOS, behind the clock's. */
uint8_t rtc_cmos(const struct rtc *r, uint8_t at);

#endif
