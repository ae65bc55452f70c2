/* links: devices */
#include "dev_fixture.h"

#include "devices/rtc.h"

#define SECOND 1000000000ull
/* 2023-12-31 23:59:50 UTC, a Sunday */
#define NEW_YEARS_EVE (1704067190 * (int64_t)SECOND)

static struct rtc *open_rtc(struct rig *r, int64_t day_ns)
{
	rig_open(r);
	return rtc_create(r->bus, r->clock, rig_line(r), r->nmi, day_ns);
}

static void close_rtc(struct rig *r, struct rtc *rtc)
{
	rtc_type.destroy(rtc);
	rig_close(r);
}

static uint8_t get(struct rig *r, uint8_t i)
{
	out(r, 0x70, i);
	return in(r, 0x71);
}

static void put(struct rig *r, uint8_t i, uint8_t v)
{
	out(r, 0x70, i);
	out(r, 0x71, v);
}

static void assert_time(struct rig *r, const uint8_t want[7])
{
	static const uint8_t registers[] = {0x32, 9, 8, 7, 4, 2, 0};
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(get(r, registers[i]), want[i]);
}

static void test_calendar(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	assert_time(&r, (uint8_t[]){0x20, 0x23, 0x12, 0x31, 0x23, 0x59, 0x50});
	assert_int_equal(get(&r, 6), 1);
	rig_until(&r, 10 * SECOND);
	assert_time(&r, (uint8_t[]){0x20, 0x24, 0x01, 0x01, 0x00, 0x00, 0x00});
	assert_int_equal(get(&r, 6), 2);
	rig_until(&r, r.now + 59 * 86400 * SECOND);
	assert_time(&r, (uint8_t[]){0x20, 0x24, 0x02, 0x29, 0x00, 0x00, 0x00});
	rig_until(&r, r.now + 86400 * SECOND + 3600 * 13 * SECOND);
	assert_time(&r, (uint8_t[]){0x20, 0x24, 0x03, 0x01, 0x13, 0x00, 0x00});
	/* Binary, 12 hours. */
	put(&r, 0x0b, 0x04);
	assert_time(&r, (uint8_t[]){0x20, 24, 3, 1, 0x81, 0, 0});
	put(&r, 0x0b, 0x00);
	rig_until(&r, r.now + 11 * 3600 * SECOND);
	assert_int_equal(get(&r, 4), 0x12); /* midnight is 12 AM */
	rig_until(&r, r.now + 12 * 3600 * SECOND);
	assert_int_equal(get(&r, 4), 0x92); /* noon is 12 PM */
	close_rtc(&r, c);
}

static void test_setting(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE + SECOND / 4);
	put(&r, 0x0b, 0x82);
	rig_until(&r, 5 * SECOND);
	assert_int_equal(get(&r, 0), 0x50); /* SET holds it */
	put(&r, 0x32, 0x19);
	put(&r, 9, 0x69);
	put(&r, 8, 0x07);
	put(&r, 7, 0x20);
	put(&r, 4, 0x20);
	put(&r, 2, 0x17);
	put(&r, 0, 0x40);
	put(&r, 0x0b, 0x02);
	assert_time(&r, (uint8_t[]){0x19, 0x69, 0x07, 0x20, 0x20, 0x17, 0x40});
	assert_int_equal(get(&r, 6), 1); /* it was a Sunday */
	rig_until(&r, r.now + 21 * SECOND);
	assert_time(&r, (uint8_t[]){0x19, 0x69, 0x07, 0x20, 0x20, 0x18, 0x01});
	/* A single register, without SET. */
	put(&r, 2, 0x30);
	rig_until(&r, r.now + SECOND);
	assert_time(&r, (uint8_t[]){0x19, 0x69, 0x07, 0x20, 0x20, 0x30, 0x02});
	close_rtc(&r, c);
}

/* A register alone, without SET: the others are the time of the write, and go on. */
static void test_single_registers(void **state)
{
	struct rig r;
	static const struct {
		uint8_t reg, value;
		uint8_t after[7];
	} cases[] = {
		{0, 0x30, {0x20, 0x24, 0x01, 0x01, 0x00, 0x01, 0x31}},
		{2, 0x45, {0x20, 0x24, 0x01, 0x01, 0x00, 0x45, 0x06}},
		{4, 0x17, {0x20, 0x24, 0x01, 0x01, 0x17, 0x01, 0x06}},
		{6, 0x05, {0x20, 0x24, 0x01, 0x01, 0x00, 0x01, 0x06}},
		{7, 0x15, {0x20, 0x24, 0x01, 0x15, 0x00, 0x01, 0x06}},
		{8, 0x11, {0x20, 0x24, 0x11, 0x01, 0x00, 0x01, 0x06}},
		{9, 0x99, {0x20, 0x99, 0x01, 0x01, 0x00, 0x01, 0x06}},
		{0x32, 0x19, {0x19, 0x24, 0x01, 0x01, 0x00, 0x01, 0x06}},
		{0x0e, 0x77, {0x20, 0x24, 0x01, 0x01, 0x00, 0x01, 0x06}},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
		get(&r, 0);
		r.now = 75 * SECOND + SECOND / 3;
		put(&r, cases[i].reg, cases[i].value);
		assert_int_equal(get(&r, 0x0c), 0x70); /* what passed before it is not lost */
		assert_int_equal(get(&r, cases[i].reg), cases[i].value);
		r.now = 76 * SECOND - 1;
		get(&r, 0x0c);
		r.now++;
		assert_int_equal(get(&r, 0x0c), 0x10);
		assert_time(&r, cases[i].after);
		close_rtc(&r, c);
	}
}

/* SET holds the time and not the seconds' phase; it takes the update interrupt away alone. */
static void test_set(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	put(&r, 0x0b, 0xf2);
	assert_int_equal(get(&r, 0x0b), 0xe2);
	r.now = SECOND / 4;
	put(&r, 0x0b, 0x62);
	r.now = SECOND - 1;
	assert_int_equal(get(&r, 0), 0x50);
	r.now = SECOND;
	assert_int_equal(get(&r, 0), 0x51);
	/* What the alarm passes over when the time is set is not one. */
	put(&r, 0x0b, 0x02);
	put(&r, 1, 0x05);
	put(&r, 3, 0x00);
	put(&r, 5, 0x00);
	put(&r, 2, 0x00);
	put(&r, 4, 0x00);
	assert_int_equal(get(&r, 0x0c) & 0x20, 0);
	put(&r, 0, 0x10);
	assert_int_equal(get(&r, 0x0c) & 0x20, 0);
	close_rtc(&r, c);
}

/* Made on a clock that has run. */
static void test_starts_late(void **state)
{
	struct rig r;
	rig_open(&r);
	r.now = 3 * SECOND + SECOND / 2;
	struct rtc *c = rtc_create(r.bus, r.clock, rig_line(&r), r.nmi, NEW_YEARS_EVE + SECOND / 4);
	assert_time(&r, (uint8_t[]){0x20, 0x23, 0x12, 0x31, 0x23, 0x59, 0x53});
	r.now = 3 * SECOND + SECOND / 4 * 3;
	assert_int_equal(get(&r, 0), 0x54);
	assert_int_equal(get(&r, 0x0c) & 0x10, 0x10);
	close_rtc(&r, c);
	rig_open(&r);
	r.now = 30 * SECOND;
	c = rtc_create(r.bus, r.clock, rig_line(&r), r.nmi, NEW_YEARS_EVE);
	assert_int_equal(get(&r, 0x0c), 0); /* nothing has passed for it */
	close_rtc(&r, c);
}

/* Each hour written and read, in the four formats; read as a count in 24 hours. */
static void test_hours(void **state)
{
	static const uint8_t formats[] = {0x00, 0x02, 0x04, 0x06}; /* 24 hours, binary */
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	for (unsigned f = 0; f < sizeof formats; f++) {
		bool hours24 = formats[f] & 2, binary = formats[f] & 4;
		for (unsigned h = 0; h < 24; h++) {
			unsigned shown = hours24 ? h : h % 12 ? h % 12 : 12;
			uint8_t v = binary ? shown : shown / 10 << 4 | shown % 10;
			if (!hours24 && h >= 12)
				v |= 0x80;
			put(&r, 0x0b, 0x80 | formats[f]);
			put(&r, 4, v);
			put(&r, 0x0b, formats[f]);
			assert_int_equal(get(&r, 4), v);
			put(&r, 0x0b, 0x06);
			assert_int_equal(get(&r, 4), h);
		}
	}
	close_rtc(&r, c);
}

struct date {
	unsigned year, month, day;
};

static unsigned days_in(unsigned year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap);
}

static struct date day_after(struct date d)
{
	if (d.day < days_in(d.year, d.month))
		return (struct date){d.year, d.month, d.day + 1};
	return d.month < 12 ? (struct date){d.year, d.month + 1, 1}
	                    : (struct date){d.year + 1, 1, 1};
}

static uint8_t bcd(unsigned v)
{
	return v / 10 << 4 | v % 10;
}

static void assert_date(struct rig *r, struct date d)
{
	assert_int_equal(get(r, 7), bcd(d.day));
	assert_int_equal(get(r, 8), bcd(d.month));
	assert_int_equal(get(r, 9), bcd(d.year % 100));
	assert_int_equal(get(r, 0x32), bcd(d.year / 100));
}

/* The 400 years after which the calendar is the same again, day by day. */
static void test_four_centuries(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	struct date d = {2023, 12, 31};
	for (unsigned i = 0; i < 146097 + 60; i++, d = day_after(d), r.now += 86400 * SECOND) {
		assert_date(&r, d);
		assert_int_equal(get(&r, 6), i % 7 + 1);
	}
	close_rtc(&r, c);
}

/* The second after the last of a month, and of its day before, in each year of the chip. */
static void test_ends_of_months(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	for (unsigned year = 0; year <= 9999;
	     year += year < 2 || (year > 1890 && year < 2110) ? 1 : 7)
		for (unsigned month = 1; month <= 12; month++)
			for (unsigned i = 0; i < 2; i++) {
				struct date d = {year, month, days_in(year, month) - i};
				put(&r, 0x0b, 0x82);
				put(&r, 0x32, bcd(year / 100));
				put(&r, 9, bcd(year % 100));
				put(&r, 8, bcd(month));
				put(&r, 7, bcd(d.day));
				put(&r, 4, 0x23);
				put(&r, 2, 0x59);
				put(&r, 0, 0x59);
				put(&r, 0x0b, 0x02);
				assert_date(&r, d);
				r.now += SECOND;
				d = day_after(d);
				assert_int_equal(get(&r, 7), bcd(d.day));
				assert_int_equal(get(&r, 8), bcd(d.month));
				assert_int_equal(get(&r, 9), bcd(d.year % 100));
			}
	close_rtc(&r, c);
}

/* The chip counts the day of the week from what was written; the date does not change it. */
static void test_weekday(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	put(&r, 0x0b, 0x82);
	put(&r, 6, 6);
	put(&r, 0x0b, 0x02);
	assert_int_equal(get(&r, 6), 6);
	rig_until(&r, 9 * SECOND);
	assert_int_equal(get(&r, 6), 6);
	rig_until(&r, 10 * SECOND); /* midnight */
	assert_int_equal(get(&r, 6), 7);
	rig_until(&r, r.now + 86400 * SECOND);
	assert_int_equal(get(&r, 6), 1);
	put(&r, 7, 0x17);
	assert_int_equal(get(&r, 7), 0x17);
	assert_int_equal(get(&r, 6), 1);
	for (uint8_t d = 1; d <= 7; d++) { /* without SET */
		put(&r, 6, d);
		assert_int_equal(get(&r, 6), d);
		assert_int_equal(get(&r, 7), 0x17);
	}
	close_rtc(&r, c);
}

/* Years of all four digits; what is no date at all does no harm. */
static void test_far_years(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE + SECOND / 4);
	static const uint8_t years[][2] = {{0x99, 0x99}, {0x22, 0x63}, {0x00, 0x01}, {0x16, 0x00}};
	rig_until(&r, 3 * SECOND + SECOND / 3);
	for (unsigned i = 0; i < sizeof years / sizeof *years; i++) {
		put(&r, 0x0b, 0x82);
		put(&r, 0x32, years[i][0]);
		put(&r, 9, years[i][1]);
		put(&r, 8, 0x12);
		put(&r, 7, 0x31);
		put(&r, 4, 0x23);
		put(&r, 2, 0x59);
		put(&r, 0, 0x58);
		put(&r, 0x0b, 0x02);
		assert_time(&r,
		            (uint8_t[]){years[i][0], years[i][1], 0x12, 0x31, 0x23, 0x59, 0x58});
		rig_until(&r, r.now + SECOND);
		assert_int_equal(get(&r, 0), 0x59);
		rig_until(&r, r.now + SECOND);
		assert_int_equal(get(&r, 7), 0x01);
		assert_int_equal(get(&r, 8), 0x01);
	}
	for (unsigned i = 0; i < 256; i += 15) {
		put(&r, 0x0b, i & 1 ? 0x86 : 0x80);
		static const uint8_t registers[] = {0, 2, 4, 6, 7, 8, 9, 0x32};
		for (unsigned k = 0; k < sizeof registers; k++)
			put(&r, registers[k], i * (k + 1));
		put(&r, 0x0b, i & 1 ? 0x06 : 0x00);
		assert_in_range(get(&r, 6), 1, 7);
		assert_in_range(get(&r, 0), 0, 0x59);
		rig_until(&r, r.now + SECOND);
	}
	close_rtc(&r, c);
}

/* After a reset of the divider the first update comes half a second later. */
static void test_divider_reset(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	put(&r, 0x0a, 0x66);
	rig_until(&r, 10 * SECOND + SECOND / 3);
	assert_int_equal(get(&r, 0), 0x50);
	put(&r, 0x0a, 0x26);
	rig_until(&r, r.now + SECOND / 2 - 1000);
	assert_int_equal(get(&r, 0), 0x50);
	rig_until(&r, r.now + 2000);
	assert_int_equal(get(&r, 0), 0x51);
	close_rtc(&r, c);
}

static void test_update_in_progress(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	assert_int_equal(get(&r, 0x0a), 0x26);
	r.now = SECOND - 2228001;
	assert_int_equal(get(&r, 0x0a), 0x26);
	r.now = SECOND - 2228000;
	assert_int_equal(get(&r, 0x0a), 0xa6);
	r.now = SECOND - 1;
	assert_int_equal(get(&r, 0x0a), 0xa6);
	assert_int_equal(get(&r, 0), 0x50);
	r.now = SECOND;
	assert_int_equal(get(&r, 0x0a), 0x26);
	assert_int_equal(get(&r, 0), 0x51);
	put(&r, 0x0b, 0x82);
	r.now = 2 * SECOND - 1;
	assert_int_equal(get(&r, 0x0a), 0x26); /* no updates, no UIP */
	close_rtc(&r, c);
}

static void test_periodic_interrupt(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	put(&r, 0x0b, 0x42); /* 1024 Hz */
	unsigned count = 0;
	get(&r, 0x0c);
	while (r.now < SECOND) {
		rig_until(&r, r.now + 100000);
		if (r.line.level) {
			assert_int_equal(get(&r, 0x0c) & 0xc0, 0xc0);
			assert_false(r.line.level);
			count++;
		}
	}
	assert_in_range(count, 1023, 1025);
	/* The flag goes on without the interrupt. */
	put(&r, 0x0b, 0x02);
	get(&r, 0x0c);
	rig_until(&r, r.now + 2000000);
	assert_false(r.line.level);
	assert_int_equal(get(&r, 0x0c), 0x40);
	put(&r, 0x0a, 0x20); /* rate 0: none */
	get(&r, 0x0c);
	rig_until(&r, r.now + 2000000);
	assert_int_equal(get(&r, 0x0c), 0x00);
	close_rtc(&r, c);
}

/* Data sheet, table 5, for 32768 Hz. */
static void test_rates(void **state)
{
	static const unsigned hz[] = {0,   256, 128, 8192, 4096, 2048, 1024, 512,
	                              256, 128, 64,  32,   16,   8,    4,    2};
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	put(&r, 0x0b, 0x42);
	for (unsigned rate = 1; rate < 16; rate++) {
		put(&r, 0x0a, 0x20 | rate);
		assert_int_equal(clock_next(r.clock), SECOND / hz[rate]);
	}
	for (unsigned divider = 0; divider < 8; divider++) {
		put(&r, 0x0a, divider << 4 | 6);
		assert_int_equal(clock_next(r.clock), divider == 2 ? SECOND / 1024 : UINT64_MAX);
	}
	put(&r, 0x0a, 0x20);
	assert_int_equal(clock_next(r.clock), UINT64_MAX);
	close_rtc(&r, c);

	/* No timer for what is not enabled, or cannot come. */
	c = open_rtc(&r, NEW_YEARS_EVE);
	static const struct {
		uint8_t b;
		uint64_t next;
	} cases[] = {
		{0x02, UINT64_MAX},    {0x12, SECOND},        {0x22, SECOND},
		{0x42, SECOND / 1024}, {0x72, SECOND / 1024}, {0xa2, UINT64_MAX},
		{0xc2, SECOND / 1024}, {0x0f, UINT64_MAX},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		put(&r, 0x0b, cases[i].b);
		assert_int_equal(clock_next(r.clock), cases[i].next);
	}
	close_rtc(&r, c);
}

/* Several that the host was too late for are one; the next comes when it is due. */
static void test_late_periods_are_one(void **state)
{
	enum { PERIOD = SECOND / 1024 };
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	put(&r, 0x0b, 0x42);
	get(&r, 0x0c);
	for (unsigned late = 1; late <= 4; late++) {
		rig_jump(&r, r.now + late * PERIOD);
		assert_true(r.line.level);
		assert_int_equal(get(&r, 0x0c), 0xc0);
		assert_false(r.line.level);
		assert_int_equal(get(&r, 0x0c), 0x00);
		assert_int_equal(clock_next(r.clock), r.now + PERIOD);
	}
	close_rtc(&r, c);
}

/* A reset leaves what the battery feeds: the time, the format, the rate, the memory. */
static void test_resets(void **state)
{
	for (enum reset_kind kind = RESET_POWER; kind <= RESET_HARD; kind++) {
		struct rig r;
		struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
		put(&r, 0x0f, 0x05); /* the shutdown status of the PC/AT */
		put(&r, 0x7f, 0x99);
		put(&r, 0x0a, 0x2f);
		put(&r, 0x0b, 0x7e); /* every interrupt, the square wave; binary */
		rig_until(&r, 5 * SECOND);
		assert_true(r.line.level);
		rtc_type.reset(c, kind);
		assert_false(r.line.level);
		assert_int_equal(clock_next(r.clock), UINT64_MAX);
		assert_int_equal(get(&r, 0x0c), 0x00);
		assert_int_equal(get(&r, 0x0b), 0x06);
		assert_int_equal(get(&r, 0x0a) & 0x7f, 0x2f);
		assert_int_equal(get(&r, 0x0f), 0x05);
		assert_int_equal(get(&r, 0x7f), 0x99);
		assert_int_equal(get(&r, 0x00), 55);
		rig_until(&r, 11 * SECOND);
		assert_int_equal(get(&r, 0x00), 1);
		close_rtc(&r, c);
	}
}

static void test_update_interrupt(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE + SECOND / 2);
	put(&r, 0x0b, 0x12);
	rig_until(&r, SECOND / 2 - 1);
	assert_false(r.line.level);
	rig_until(&r, SECOND / 2);
	assert_true(r.line.level);
	assert_int_equal(get(&r, 0x0c) & 0xbf, 0x90);
	rig_until(&r, 10 * SECOND);
	assert_int_equal(r.line.edges, 2); /* it stays high until C is read */
	put(&r, 0x0b, 0x92);               /* SET clears the enable */
	assert_int_equal(get(&r, 0x0b), 0x82);
	assert_false(r.line.level);
	close_rtc(&r, c);
}

/* A guest that writes B in a loop, as it was, does not hold the clock back. */
static void test_rewritten(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE + SECOND / 2);
	put(&r, 0x0b, 0x52);
	unsigned periods = 0, seconds = 0;
	/* Periods of 976.5625 us. */
	for (unsigned i = 1; i <= 3200; i++) {
		rig_until(&r, i * (SECOND / 1000));
		put(&r, 0x0b, 0x52);
		uint8_t flags = get(&r, 0x0c);
		periods += !!(flags & 0x40);
		seconds += !!(flags & 0x10);
	}
	assert_int_equal(seconds, 3);
	assert_int_equal(periods, 3200);
	close_rtc(&r, c);
}

static void test_alarm(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	put(&r, 1, 0x05);
	put(&r, 3, 0x00);
	put(&r, 5, 0x00);
	put(&r, 0x0b, 0x22);
	rig_until(&r, 15 * SECOND - 1);
	assert_false(r.line.level);
	rig_until(&r, 15 * SECOND);
	assert_true(r.line.level);
	assert_int_equal(get(&r, 0x0c) & 0xa0, 0xa0);
	rig_until(&r, 100 * SECOND);
	assert_false(r.line.level);
	/* C0h to FFh match anything: each minute. */
	put(&r, 3, 0xff);
	put(&r, 5, 0xc0);
	rig_until(&r, 135 * SECOND);
	assert_true(r.line.level);
	/* In the format of the time: 12 hours, binary. */
	get(&r, 0x0c);
	put(&r, 0x0b, 0xa4);
	put(&r, 4, 0x80 | 11);
	put(&r, 2, 59);
	put(&r, 0, 30);
	put(&r, 5, 12);
	put(&r, 3, 0);
	put(&r, 1, 0xbf); /* not one of those that match anything */
	put(&r, 0x0b, 0x24);
	rig_until(&r, r.now + 60 * SECOND);
	assert_int_equal(get(&r, 4), 12);
	assert_false(r.line.level);
	put(&r, 1, 59);
	rig_until(&r, r.now + 30 * SECOND);
	assert_true(r.line.level);
	put(&r, 0x0b, 0x22);
	put(&r, 5, 0xff);
	put(&r, 3, 0xff);
	put(&r, 1, 0x05);
	/* Missed while the host was away: found when looked for. */
	get(&r, 0x0c);
	rig_jump(&r, r.now + 3 * 86400 * SECOND);
	assert_int_equal(get(&r, 0x0c) & 0x20, 0x20);
	close_rtc(&r, c);
}

/* A look after a day and more finds the alarm, whichever second it has. */
static void test_alarm_of_a_day(void **state)
{
	struct rig r;
	for (int second = 0; second < 4; second++)
		for (unsigned more = 0; more < 3; more++) {
			struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
			put(&r, 1, bcd(50 + second));
			put(&r, 3, 0x59);
			put(&r, 5, 0x23);
			get(&r, 0x0c);
			r.now = (86400 - 1 + more) * SECOND;
			assert_int_equal(get(&r, 0x0c), second || more ? 0x70 : 0x50);
			assert_int_equal(get(&r, 0x0c), 0x00);
			close_rtc(&r, c);
		}
}

static void test_cmos(void **state)
{
	struct rig r;
	struct rtc *c = open_rtc(&r, NEW_YEARS_EVE);
	assert_int_equal(get(&r, 0x0d), 0x80);
	assert_int_equal(get(&r, 0x0e), 0);
	assert_int_equal(get(&r, 0x7f), 0);
	put(&r, 0x40, 0x99);
	assert_int_equal(get(&r, 0xc0), 0x99); /* bit 7 is the NMI mask */
	put(&r, 0xff, 0x66);
	assert_int_equal(get(&r, 0x7f), 0x66);
	out(&r, 0x70, 0x0d);
	out(&r, 0x71, 0x12); /* D is read-only */
	assert_int_equal(get(&r, 0x0d), 0x80);
	get(&r, 0x0c);
	put(&r, 0x0c, 0xff); /* and so is C */
	assert_int_equal(get(&r, 0x0c), 0);
	put(&r, 0x0a, 0xa6); /* and UIP */
	assert_int_equal(get(&r, 0x0a), 0x26);
	assert_int_equal(in(&r, 0x70), 0xff);
	close_rtc(&r, c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_setting),
		cmocka_unit_test(test_single_registers),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_starts_late),
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_weekday),
		cmocka_unit_test(test_far_years),
		cmocka_unit_test(test_four_centuries),
		cmocka_unit_test(test_ends_of_months),
		cmocka_unit_test(test_divider_reset),
		cmocka_unit_test(test_update_in_progress),
		cmocka_unit_test(test_periodic_interrupt),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_late_periods_are_one),
		cmocka_unit_test(test_update_interrupt),
		cmocka_unit_test(test_rewritten),
		cmocka_unit_test(test_alarm),
		cmocka_unit_test(test_alarm_of_a_day),
		cmocka_unit_test(test_cmos),
		cmocka_unit_test(test_resets),
	};
	return cmocka_run_group_tests_name("rtc", tests, NULL, NULL);
}
