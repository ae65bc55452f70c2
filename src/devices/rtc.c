#include "devices/rtc.h"

#include "base/calendar.h"
#include "base/log.h"

#include <stdlib.h>

enum {
	SECONDS = 0x00,
	SECONDS_ALARM = 0x01,
	MINUTES = 0x02,
	MINUTES_ALARM = 0x03,
	HOURS = 0x04,
	HOURS_ALARM = 0x05,
	WEEKDAY = 0x06, /* Sunday = 1 */
	DAY = 0x07,
	MONTH = 0x08,
	YEAR = 0x09,
	REG_A = 0x0a,
	REG_B = 0x0b,
	REG_C = 0x0c,
	REG_D = 0x0d,
	CENTURY = 0x32,
	REGISTERS = 128,

	PORTS = 0x70,
	INDEX = 0, /* behind it comes the data */
	NMI_MASKED = 0x80,

	A_UIP = 0x80,
	A_DIVIDER = 0x70,
	A_DIVIDER_HELD = 0x60, /* both upper bits: the divider chain is reset */
	A_RATE = 0x0f,
	B_SET = 0x80,
	B_24H = 0x02,
	B_SQUARE_WAVE = 0x08,
	B_BINARY = 0x04,
	C_IRQ = 0x80,
	C_PERIODIC = 0x40, /* these three stand at the same bits in B */
	C_ALARM = 0x20,
	C_UPDATE = 0x10,
	C_FLAGS = C_PERIODIC | C_ALARM | C_UPDATE,
	D_VALID = 0x80,
	HOURS_PM = 0x80,
	ALARM_ANY = 0xc0,
};

#define SECOND_NS 1000000000ll
/* UIP rises 244 us before an update, which takes 1984 us. */
#define UIP_NS (244000 + 1984000)

struct rtc {
	struct clock *clock;
	struct timer *timer;
	struct irq_line irq;
	struct nmi *nmi;
	int64_t offset_s;       /* time of day = offset_s + (clock + offset_ns) */
	uint64_t offset_ns;     /* less than a second */
	unsigned weekday_ahead; /* of the date's: the chip counts from what was written */
	uint64_t synced_ns;     /* C's flags are right up to here, on the clock */
	uint8_t index;          /* what port 70h holds; bit 7 masks NMI */
	uint8_t reg[REGISTERS];
};

/* --- registers and time --- */

static uint8_t encode(const struct rtc *r, unsigned v)
{
	return r->reg[REG_B] & B_BINARY ? v : v / 10 << 4 | v % 10;
}

static unsigned decode(const struct rtc *r, uint8_t v)
{
	return r->reg[REG_B] & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t encode_hour(const struct rtc *r, unsigned h)
{
	if (r->reg[REG_B] & B_24H)
		return encode(r, h);
	return encode(r, (h + 11) % 12 + 1) | (h >= 12 ? HOURS_PM : 0);
}

static unsigned decode_hour(const struct rtc *r, uint8_t v)
{
	if (r->reg[REG_B] & B_24H)
		return decode(r, v);
	return decode(r, v & ~HOURS_PM) % 12 + (v & HOURS_PM ? 12 : 0);
}

static bool stopped(const struct rtc *r)
{
	return r->reg[REG_B] & B_SET || (r->reg[REG_A] & A_DIVIDER_HELD) == A_DIVIDER_HELD;
}

/* The time of day in whole seconds since 1970, and nanoseconds into the second. */
static int64_t day_second(const struct rtc *r, uint64_t now, uint64_t *fraction_ns)
{
	uint64_t ns = now + r->offset_ns;
	if (fraction_ns)
		*fraction_ns = ns % SECOND_NS;
	return r->offset_s + (int64_t)(ns / SECOND_NS);
}

static void set_time(struct rtc *r, uint64_t now, int64_t second, uint64_t fraction_ns)
{
	r->offset_ns = (SECOND_NS + fraction_ns - now % SECOND_NS) % SECOND_NS;
	r->offset_s = second - (int64_t)((now + r->offset_ns) / SECOND_NS);
}

static uint64_t day_fraction(const struct rtc *r, uint64_t now)
{
	uint64_t fraction_ns;
	day_second(r, now, &fraction_ns);
	return fraction_ns;
}

static void time_to_registers(struct rtc *r, uint64_t now)
{
	struct calendar c = calendar_of(day_second(r, now, NULL));
	r->reg[SECONDS] = encode(r, c.second);
	r->reg[MINUTES] = encode(r, c.minute);
	r->reg[HOURS] = encode_hour(r, c.hour);
	r->reg[WEEKDAY] = (c.weekday + r->weekday_ahead) % 7 + 1;
	r->reg[DAY] = encode(r, c.day);
	r->reg[MONTH] = encode(r, c.month);
	r->reg[YEAR] = encode(r, c.year % 100);
	/* The century is plain memory to the chip: BCD by the PC's custom. */
	r->reg[CENTURY] = c.year / 1000 % 10 << 4 | c.year / 100 % 10;
}

/* The registers' time becomes the time of day, fraction_ns into its second. */
static void registers_to_time(struct rtc *r, uint64_t now, uint64_t fraction_ns)
{
	unsigned century = (r->reg[CENTURY] >> 4) * 10 + (r->reg[CENTURY] & 15);
	int64_t days = calendar_days(century * 100 + decode(r, r->reg[YEAR]),
	                             decode(r, r->reg[MONTH]), decode(r, r->reg[DAY]));
	int64_t seconds = days * CALENDAR_DAY_S + decode_hour(r, r->reg[HOURS]) * 3600 +
	                  decode(r, r->reg[MINUTES]) * 60 + decode(r, r->reg[SECONDS]);
	set_time(r, now, seconds, fraction_ns);
	r->weekday_ahead = (r->reg[WEEKDAY] + 6 - calendar_of(seconds).weekday) % 7;
}

/* --- interrupts --- */

/* Data sheet, table 5, for the 32768 Hz time base; 0: none. */
static uint64_t period_ns(const struct rtc *r)
{
	unsigned rate = r->reg[REG_A] & A_RATE;
	if (!rate || (r->reg[REG_A] & A_DIVIDER) != 0x20)
		return 0;
	if (rate < 3)
		rate += 7;
	return (SECOND_NS << (rate - 1)) / 32768;
}

static bool alarm_field(const struct rtc *r, unsigned alarm, uint8_t now)
{
	return r->reg[alarm] >= ALARM_ANY || r->reg[alarm] == now;
}

static bool alarm_at(const struct rtc *r, int64_t second)
{
	struct calendar c = calendar_of(second);
	return alarm_field(r, SECONDS_ALARM, encode(r, c.second)) &&
	       alarm_field(r, MINUTES_ALARM, encode(r, c.minute)) &&
	       alarm_field(r, HOURS_ALARM, encode_hour(r, c.hour));
}

static void set_line(struct rtc *r)
{
	if (r->reg[REG_C] & r->reg[REG_B] & C_FLAGS)
		r->reg[REG_C] |= C_IRQ;
	else
		r->reg[REG_C] &= ~C_IRQ;
	irq_set(&r->irq, r->reg[REG_C] & C_IRQ);
}

/* Brings register C's flags up to now. */
static void sync(struct rtc *r, uint64_t now)
{
	uint64_t period = period_ns(r);
	if (period && now / period != r->synced_ns / period)
		r->reg[REG_C] |= C_PERIODIC;
	int64_t first = day_second(r, r->synced_ns, NULL) + 1, last = day_second(r, now, NULL);
	if (!stopped(r) && last >= first) {
		r->reg[REG_C] |= C_UPDATE;
		if (last - first >= CALENDAR_DAY_S)
			first = last - CALENDAR_DAY_S + 1; /* a day holds every alarm */
		for (int64_t s = first; s <= last && !(r->reg[REG_C] & C_ALARM); s++)
			if (alarm_at(r, s))
				r->reg[REG_C] |= C_ALARM;
	}
	r->synced_ns = now;
	set_line(r);
}

/* The timer runs only for interrupts that are enabled. */
static void arm(struct rtc *r, uint64_t now)
{
	uint8_t enabled = r->reg[REG_B];
	uint64_t wait = UINT64_MAX;
	uint64_t period = period_ns(r);
	if (enabled & C_PERIODIC && period)
		wait = period - now % period;
	if (enabled & (C_ALARM | C_UPDATE) && !stopped(r)) {
		uint64_t to_second = SECOND_NS - day_fraction(r, now);
		wait = to_second < wait ? to_second : wait;
	}
	if (wait == UINT64_MAX)
		timer_cancel(r->timer);
	else
		timer_set(r->timer, now + wait);
}

static void timer_fires(void *ctx, uint64_t now)
{
	struct rtc *r = ctx;
	sync(r, now);
	arm(r, now);
}

/* --- ports --- */

static bool is_time(unsigned i)
{
	return i == SECONDS || i == MINUTES || i == HOURS || (i >= WEEKDAY && i <= YEAR) ||
	       i == CENTURY;
}

static uint8_t data_read(struct rtc *r, unsigned i)
{
	uint64_t now = clock_now(r->clock);
	if (is_time(i) && !stopped(r))
		time_to_registers(r, now);
	switch (i) {
	case REG_A: {
		bool uip = !stopped(r) && day_fraction(r, now) >= SECOND_NS - UIP_NS;
		return r->reg[REG_A] | (uip ? A_UIP : 0);
	}
	case REG_C: {
		sync(r, now);
		uint8_t v = r->reg[REG_C];
		r->reg[REG_C] = 0;
		set_line(r);
		return v;
	}
	default:
		return r->reg[i];
	}
}

static void data_write(struct rtc *r, unsigned i, uint8_t v)
{
	uint64_t now = clock_now(r->clock);
	bool was_stopped = stopped(r), was_held = was_stopped && !(r->reg[REG_B] & B_SET);
	sync(r, now);
	if (!was_stopped)
		time_to_registers(r, now);
	switch (i) {
	case REG_A:
		r->reg[REG_A] = v & ~A_UIP;
		break;
	case REG_B:
		/* SET also clears UIE. */
		r->reg[REG_B] = v & B_SET ? v & ~C_UPDATE : v;
		break;
	case REG_C:
	case REG_D:
		return;
	default:
		r->reg[i] = v;
	}
	if (was_stopped && !stopped(r)) {
		/* After a reset of the divider the first update comes in 500 ms. */
		registers_to_time(r, now, was_held ? SECOND_NS / 2 : day_fraction(r, now));
	} else if (!stopped(r) && is_time(i)) {
		registers_to_time(r, now, day_fraction(r, now));
	}
	set_line(r);
	arm(r, now);
}

static uint32_t rtc_read(void *ctx, uint32_t offset, unsigned size)
{
	struct rtc *r = ctx;
	if (offset == INDEX)
		return 0xff; /* the index is write-only */
	return data_read(r, r->index & (REGISTERS - 1));
}

static void set_index(struct rtc *r, uint8_t v)
{
	r->index = v;
	nmi_mask(r->nmi, v & NMI_MASKED);
}

static void rtc_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct rtc *r = ctx;
	if (offset == INDEX)
		set_index(r, value);
	else
		data_write(r, r->index & (REGISTERS - 1), value);
}

/* --- life --- */

/* Data sheet, "RESET": what it clears. */
static void rtc_reset(void *d, enum reset_kind kind)
{
	struct rtc *r = d;
	r->reg[REG_B] &= ~(C_FLAGS | B_SQUARE_WAVE);
	r->reg[REG_C] = 0;
	set_index(r, NMI_MASKED);
	set_line(r);
	timer_cancel(r->timer);
}

static void rtc_state(void *d, struct archive *a)
{
	struct rtc *r = d;
	ARCHIVE(a, r, offset_s);
	ARCHIVE(a, r, offset_ns);
	archive_require(a, "offset_ns", r->offset_ns < SECOND_NS);
	ARCHIVE(a, r, weekday_ahead);
	archive_require(a, "weekday_ahead", r->weekday_ahead < 7);
	ARCHIVE(a, r, synced_ns);
	ARCHIVE(a, r, index);
	ARCHIVE(a, r, reg);
	timer_state(r->timer, a, "timer");
	if (archive_loaded(a))
		set_line(r);
}

static void rtc_destroy(void *d)
{
	struct rtc *r = d;
	timer_free(r->timer);
	free(r);
}

const struct device_type rtc_type = {"rtc", rtc_reset, rtc_state, rtc_destroy};

uint8_t rtc_cmos(const struct rtc *r, uint8_t at)
{
	return r->reg[at % REGISTERS];
}

struct rtc *rtc_create(struct bus *bus, struct clock *clock, struct irq_line irq8, struct nmi *nmi,
                       int64_t day_ns)
{
	struct rtc *r = calloc(1, sizeof *r);
	CHECK(r);
	r->clock = clock;
	r->irq = irq8;
	r->nmi = nmi;
	r->synced_ns = clock_now(clock);
	int64_t day_now = day_ns + (int64_t)r->synced_ns;
	set_time(r, r->synced_ns, day_now / SECOND_NS, day_now % SECOND_NS);
	r->timer = timer_create_on(clock, r, timer_fires);
	r->reg[REG_A] = 0x26; /* 32768 Hz base, 1024 Hz periodic */
	r->reg[REG_B] = B_24H;
	r->reg[REG_D] = D_VALID;
	time_to_registers(r, r->synced_ns);
	struct region_handler h = {.ctx = r, .read = rtc_read, .write = rtc_write};
	CHECK(bus_map(bus, SPACE_PORT, PORTS, 2, h) > 0);
	return r;
}
