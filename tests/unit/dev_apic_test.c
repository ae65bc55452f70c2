/* links: devices */
/* The local APIC and the I/O APIC, with an 8259A's INTR that the test sets. */
#include "dev_fixture.h"

#include "devices/ioapic.h"
#include "devices/lapic.h"

#include <stdlib.h>

enum {
	LAPIC = 0xfee00000,
	ID = 0x20,
	VERSION = 0x30,
	TPR = 0x80,
	PPR = 0xa0,
	EOI = 0xb0,
	LDR = 0xd0,
	DFR = 0xe0,
	SVR = 0xf0,
	ISR = 0x100,
	TMR = 0x180,
	IRR = 0x200,
	ESR = 0x280,
	ICR = 0x300,
	ICR_HIGH = 0x310,
	TIMER = 0x320,
	THERMAL = 0x330,
	LINT0 = 0x350,
	LINT1 = 0x360,
	ERROR = 0x370,
	INITIAL = 0x380,
	CURRENT = 0x390,
	DIVIDE = 0x3e0,
	MASKED = 0x10000,
};

struct apics {
	struct rig rig;
	struct lapic *local;
	struct ioapic *io;
	bool pic; /* its INTR */
	unsigned nmis, inits;
};

static void on_nmi(void *ctx)
{
	((struct apics *)ctx)->nmis++;
}

static void on_init(void *ctx)
{
	((struct apics *)ctx)->inits++;
}

static void on_eoi(void *ctx, uint8_t vector)
{
	ioapic_eoi(((struct apics *)ctx)->io, vector);
}

static bool on_pic_intr(void *ctx)
{
	return ((struct apics *)ctx)->pic;
}

static uint8_t on_pic_ack(void *ctx)
{
	((struct apics *)ctx)->pic = false;
	return 0x08;
}

static bool on_send(void *ctx, const struct lapic_message *m)
{
	return lapic_send(((struct apics *)ctx)->local, m);
}

static uint32_t get(struct apics *a, uint32_t reg)
{
	return (uint32_t)bus_read(a->rig.bus, SPACE_MEMORY, LAPIC + reg, 4);
}

static void set(struct apics *a, uint32_t reg, uint32_t v)
{
	bus_write(a->rig.bus, SPACE_MEMORY, LAPIC + reg, 4, v);
}

static uint32_t io_get(struct apics *a, uint8_t reg)
{
	bus_write(a->rig.bus, SPACE_MEMORY, IOAPIC_BASE, 4, reg);
	return (uint32_t)bus_read(a->rig.bus, SPACE_MEMORY, IOAPIC_BASE + 0x10, 4);
}

static void io_set(struct apics *a, uint8_t reg, uint32_t v)
{
	bus_write(a->rig.bus, SPACE_MEMORY, IOAPIC_BASE, 4, reg);
	bus_write(a->rig.bus, SPACE_MEMORY, IOAPIC_BASE + 0x10, 4, v);
}

/* As a reset leaves it, but enabled. */
static int open_apics(void **state)
{
	struct apics *a = calloc(1, sizeof *a);
	rig_open(&a->rig);
	a->local = lapic_create(a->rig.bus, (struct lapic_board){.clock = a->rig.clock,
	                                                         .version = 0x14,
	                                                         .last_lvt = 5,
	                                                         .ctx = a,
	                                                         .nmi = on_nmi,
	                                                         .init = on_init,
	                                                         .eoi = on_eoi,
	                                                         .pic_intr = on_pic_intr,
	                                                         .pic_ack = on_pic_ack});
	a->io = ioapic_create(a->rig.bus, a, on_send);
	set(a, SVR, 0x1ff);
	*state = a;
	return 0;
}

static int close_apics(void **state)
{
	struct apics *a = *state;
	ioapic_type.destroy(a->io);
	lapic_type.destroy(a->local);
	rig_close(&a->rig);
	free(a);
	return 0;
}

static void send(struct apics *a, uint8_t vector)
{
	set(a, ICR, 0x40000 | vector);
}

/* Takes one, which has to be this. */
static void take(struct apics *a, uint8_t vector)
{
	assert_true(lapic_intr(a->local));
	assert_int_equal(lapic_ack(a->local), vector);
}

static void is_as_a_reset_leaves_it(void **state)
{
	struct apics *a = *state;
	set(a, DIVIDE, 0xb);
	set(a, INITIAL, 1000);
	io_set(a, 0x11, 0x5000000);
	lapic_type.reset(a->local, RESET_HARD);
	ioapic_type.reset(a->io, RESET_HARD);
	assert_int_equal(get(a, DIVIDE), 0);
	assert_int_equal(get(a, INITIAL), 0);
	assert_int_equal(get(a, CURRENT), 0);
	assert_int_equal(io_get(a, 0x11), 0);
	assert_int_equal(get(a, ID), 0);
	assert_int_equal(get(a, VERSION), 0x50014);
	assert_int_equal(get(a, SVR), 0xff);
	assert_int_equal(get(a, DFR), 0xffffffff);
	for (uint32_t reg = TIMER; reg <= ERROR; reg += 0x10)
		assert_int_equal(get(a, reg), MASKED);
	/* While it is off no mask comes off, and nothing fixed comes in. */
	set(a, LINT0, 0x700);
	assert_int_equal(get(a, LINT0), MASKED | 0x700);
	send(a, 0x40);
	set(a, SVR, 0x1ff);
	assert_false(lapic_intr(a->local));
	/* Off again, all are masked. */
	set(a, LINT0, 0x700);
	set(a, SVR, 0xff);
	assert_int_equal(get(a, LINT0), MASKED | 0x700);
}

static void takes_by_priority(void **state)
{
	struct apics *a = *state;
	send(a, 0x41);
	send(a, 0x43);
	send(a, 0x61);
	assert_int_equal(get(a, IRR + 0x20), 0x0a);
	take(a, 0x61);
	assert_int_equal(get(a, IRR + 0x30), 0);
	assert_int_equal(get(a, ISR + 0x30), 2);
	assert_int_equal(get(a, PPR), 0x60);
	assert_false(lapic_intr(a->local)); /* those are below what is in service */
	send(a, 0x6f);
	assert_false(lapic_intr(a->local)); /* of the same class */
	send(a, 0x71);
	take(a, 0x71);
	set(a, EOI, 0);
	assert_false(lapic_intr(a->local));
	set(a, EOI, 0);
	take(a, 0x6f);
	set(a, EOI, 0);
	take(a, 0x43);
	set(a, EOI, 0);
	set(a, TPR, 0x4f);
	assert_int_equal(get(a, PPR), 0x4f);
	assert_false(lapic_intr(a->local));
	set(a, TPR, 0x3f);
	take(a, 0x41);
	assert_int_equal(get(a, PPR), 0x40);
	set(a, EOI, 0);
	assert_int_equal(get(a, PPR), 0x3f);
	set(a, EOI, 0); /* of nothing */
}

/* A request that has gone by the time of the acknowledge is the spurious one. */
static void has_a_spurious_vector(void **state)
{
	struct apics *a = *state;
	assert_int_equal(lapic_ack(a->local), 0xff);
	assert_int_equal(get(a, ISR + 0x70), 0);
}

static void sends_to_itself_by_destination(void **state)
{
	static const struct {
		uint32_t id, ldr, dfr, high, low;
		bool comes;
	} rows[] = {
		{0, 0, 0xf, 0, 0x31, true},         {0, 0, 0xf, 1, 0x31, false},
		{3, 0, 0xf, 3, 0x31, true},         {0, 0, 0xf, 0xff, 0x31, true},
		{0, 0x01, 0xf, 0x01, 0x831, true},  {0, 0x01, 0xf, 0x02, 0x831, false},
		{0, 0x12, 0x0, 0x12, 0x831, true},  {0, 0x12, 0x0, 0x22, 0x831, false},
		{0, 0x12, 0x0, 0x11, 0x831, false}, {0, 0x12, 0x0, 0xf2, 0x831, true},
		{0, 0, 0xf, 7, 0x40031, true},      {0, 0, 0xf, 7, 0x80031, true},
		{0, 0, 0xf, 0, 0xc0031, false},     {0, 0, 0xf, 0, 0x131, true},
	};
	struct apics *a = *state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		set(a, ID, rows[i].id << 24);
		set(a, LDR, rows[i].ldr << 24);
		set(a, DFR, rows[i].dfr << 28 | 0xfffffff);
		set(a, ICR_HIGH, rows[i].high << 24);
		set(a, ICR, rows[i].low);
		assert_int_equal(get(a, ICR), rows[i].low);
		assert_int_equal(lapic_intr(a->local), rows[i].comes);
		if (rows[i].comes)
			take(a, 0x31);
		set(a, EOI, 0);
	}
}

static void sends_nmi_and_init(void **state)
{
	struct apics *a = *state;
	set(a, ICR, 0x40400);
	assert_int_equal(a->nmis, 1);
	set(a, ICR_HIGH, 0);
	set(a, ICR, 0x8500); /* INIT's end */
	assert_int_equal(a->inits, 0);
	set(a, ICR, 0x4500);
	assert_int_equal(a->inits, 1);
	set(a, ICR, 0xc4500); /* to all others */
	set(a, ICR, 0xc4608);
	assert_int_equal(a->inits, 1);
	assert_false(lapic_intr(a->local));
}

static void notes_errors(void **state)
{
	struct apics *a = *state;
	set(a, ERROR, 0x55);
	send(a, 0x0f);
	take(a, 0x55);
	set(a, EOI, 0);
	assert_int_equal(get(a, ESR), 0);
	set(a, ESR, 0);
	assert_int_equal(get(a, ESR), 0x20);
	get(a, 0x3f0);
	take(a, 0x55);
	set(a, ESR, 0);
	assert_int_equal(get(a, ESR), 0x80);
	set(a, ESR, 0);
	assert_int_equal(get(a, ESR), 0);
	/* An illegal one that comes, and the vector of errors itself. */
	set(a, ERROR, 0x05);
	set(a, LINT1, 0x04);
	lapic_input(a->local, LAPIC_LINT1, true);
	set(a, ESR, 0);
	assert_int_equal(get(a, ESR), 0x40);
}

static void passes_the_8259a(void **state)
{
	struct apics *a = *state;
	a->pic = true;
	lapic_input(a->local, LAPIC_LINT0, true);
	assert_false(lapic_intr(a->local));
	set(a, LINT0, 0x700);
	take(a, 0x08);
	assert_false(lapic_intr(a->local));
	assert_int_equal(get(a, ISR), 0); /* which knows nothing of it */
	/* As a fixed one it comes once for each edge. */
	set(a, LINT0, 0x33);
	lapic_input(a->local, LAPIC_LINT0, false);
	lapic_input(a->local, LAPIC_LINT0, true);
	lapic_input(a->local, LAPIC_LINT0, true);
	take(a, 0x33);
	set(a, EOI, 0);
	assert_false(lapic_intr(a->local));
	/* Off, the pins are the processor's. */
	lapic_set_base(a->local, LAPIC_BASE_RESET & ~0x800ull);
	a->pic = true;
	take(a, 0x08);
	lapic_input(a->local, LAPIC_LINT1, true);
	assert_int_equal(a->nmis, 1);
	assert_int_equal(get(a, VERSION), 0xffffffff);
	lapic_set_base(a->local, LAPIC_BASE_RESET + 0x100000);
	assert_int_equal(get(a, VERSION), 0xffffffff);
	assert_int_equal(get(a, 0x100000 + VERSION), 0x50014);
}

static void has_nmi_at_lint1(void **state)
{
	struct apics *a = *state;
	lapic_input(a->local, LAPIC_LINT1, true);
	assert_int_equal(a->nmis, 0);
	lapic_input(a->local, LAPIC_LINT1, false);
	set(a, LINT1, 0x400);
	lapic_input(a->local, LAPIC_LINT1, true);
	lapic_input(a->local, LAPIC_LINT1, true);
	assert_int_equal(a->nmis, 1);
	/* A level that is fixed comes again until it is gone. */
	set(a, LINT1, 0x8037);
	take(a, 0x37);
	assert_int_equal(get(a, LINT1), 0xc037);
	assert_false(lapic_intr(a->local));
	set(a, EOI, 0);
	take(a, 0x37);
	lapic_input(a->local, LAPIC_LINT1, false);
	set(a, EOI, 0);
	assert_false(lapic_intr(a->local));
	assert_int_equal(get(a, LINT1), 0x8037);
}

static void counts(void **state)
{
	struct apics *a = *state;
	set(a, DIVIDE, 0x3); /* 16: 80 ns */
	set(a, TIMER, 0x40);
	set(a, INITIAL, 1000);
	rig_until(&a->rig, 40000);
	assert_int_equal(get(a, CURRENT), 500);
	assert_false(lapic_intr(a->local));
	rig_until(&a->rig, 80000);
	assert_int_equal(get(a, CURRENT), 0);
	take(a, 0x40);
	set(a, EOI, 0);
	rig_until(&a->rig, 1000000);
	assert_false(lapic_intr(a->local));
	/* Again and again, masked or not. */
	set(a, TIMER, 0x20040);
	set(a, INITIAL, 1000);
	rig_until(&a->rig, 1000000 + 80000);
	take(a, 0x40);
	set(a, EOI, 0);
	rig_until(&a->rig, 1000000 + 120000);
	assert_int_equal(get(a, CURRENT), 500);
	set(a, TIMER, 0x30040);
	rig_until(&a->rig, 1000000 + 200000);
	assert_false(lapic_intr(a->local));
	assert_int_equal(get(a, CURRENT), 500);
	set(a, TIMER, 0x20040);
	rig_until(&a->rig, 1000000 + 240000);
	take(a, 0x40);
	set(a, EOI, 0);
	/* One that is late comes once. */
	rig_jump(&a->rig, 1000000 + 1000000);
	take(a, 0x40);
	set(a, EOI, 0);
	assert_false(lapic_intr(a->local));
	assert_int_equal(get(a, CURRENT), 500);
	/* And late in a count that something has divided. */
	set(a, INITIAL, 1000);
	uint64_t began = a->rig.now;
	rig_until(&a->rig, began + 40000);
	set(a, DIVIDE, 0x3);
	rig_jump(&a->rig, began + 120000);
	take(a, 0x40);
	set(a, EOI, 0);
	assert_int_equal(get(a, CURRENT), 500);
	/* Zero stops it. */
	set(a, INITIAL, 0);
	rig_until(&a->rig, 5000000);
	assert_int_equal(get(a, CURRENT), 0);
	assert_false(lapic_intr(a->local));
}

static void divides(void **state)
{
	static const struct {
		uint32_t code, by;
	} rows[] = {{0xb, 1}, {0, 2}, {1, 4}, {2, 8}, {3, 16}, {8, 32}, {9, 64}, {0xa, 128}};
	struct apics *a = *state;
	for (unsigned i = 0; i < 8; i++) {
		set(a, DIVIDE, rows[i].code);
		assert_int_equal(get(a, DIVIDE), rows[i].code);
		set(a, INITIAL, 0xffffffff);
		rig_until(&a->rig, a->rig.now + 5 * 128 * 100);
		assert_int_equal(get(a, CURRENT), 0xffffffff - 128 * 100 / rows[i].by);
	}
	/* What it counted before stays. */
	set(a, DIVIDE, 0xb);
	assert_int_equal(get(a, CURRENT), 0xffffffff - 100);
}

/* A count of nothing but interrupts leaves the host time. */
static void keeps_its_distance(void **state)
{
	struct apics *a = *state;
	set(a, DIVIDE, 0xb);
	set(a, TIMER, 0x20040);
	set(a, INITIAL, 1);
	unsigned n = 0;
	for (uint64_t end = a->rig.now + 1000000; a->rig.armed <= end; n++)
		rig_until(&a->rig, a->rig.armed);
	assert_in_range(n, 50, 101);
}

/* --- the I/O APIC --- */

static void has_its_registers(void **state)
{
	struct apics *a = *state;
	assert_int_equal(io_get(a, 1), 0x170011);
	io_set(a, 0, 0xff000000);
	assert_int_equal(io_get(a, 0), 0x0f000000);
	assert_int_equal(io_get(a, 2), 0x0f000000);
	assert_int_equal(io_get(a, 0x10), MASKED);
	io_set(a, 0x3e, 0xffffffff);
	io_set(a, 0x3f, 0xffffffff);
	assert_int_equal(io_get(a, 0x3e), 0x1afff);
	assert_int_equal(io_get(a, 0x3f), 0xff000000);
	io_set(a, 0x40, 0xffffffff);
	assert_int_equal(io_get(a, 0x40), 0);
}

static void sends_edges(void **state)
{
	struct apics *a = *state;
	ioapic_input(a->io, 4, true); /* masked: lost */
	io_set(a, 0x18, 0x34);
	assert_false(lapic_intr(a->local));
	ioapic_input(a->io, 4, false);
	ioapic_input(a->io, 4, true);
	ioapic_input(a->io, 4, true);
	take(a, 0x34);
	assert_int_equal(get(a, TMR + 0x10), 0);
	set(a, EOI, 0);
	assert_false(lapic_intr(a->local));
	/* To another processor; NMI. */
	io_set(a, 0x19, 5 << 24);
	ioapic_input(a->io, 4, false);
	ioapic_input(a->io, 4, true);
	assert_false(lapic_intr(a->local));
	io_set(a, 0x19, 0);
	io_set(a, 0x18, 0x400);
	ioapic_input(a->io, 4, false);
	ioapic_input(a->io, 4, true);
	assert_int_equal(a->nmis, 1);
}

static void sends_levels(void **state)
{
	struct apics *a = *state;
	io_set(a, 0x24, 0x803a);
	ioapic_input(a->io, 10, true);
	take(a, 0x3a);
	assert_int_equal(get(a, TMR + 0x10), 1 << 26);
	assert_int_equal(io_get(a, 0x24), 0xc03a);
	ioapic_input(a->io, 10, false);
	ioapic_input(a->io, 10, true);
	assert_false(lapic_intr(a->local));
	set(a, EOI, 0); /* it is there still */
	take(a, 0x3a);
	ioapic_input(a->io, 10, false);
	set(a, EOI, 0);
	assert_false(lapic_intr(a->local));
	assert_int_equal(io_get(a, 0x24), 0x803a);
	/* One that came while it was masked is there when it is not. */
	io_set(a, 0x24, 0x1803a);
	ioapic_input(a->io, 10, true);
	assert_false(lapic_intr(a->local));
	io_set(a, 0x24, 0x803a);
	take(a, 0x3a);
	/* As an edge it waits for no end. */
	io_set(a, 0x24, 0x3a);
	assert_int_equal(io_get(a, 0x24), 0x3a);
	set(a, EOI, 0);
	ioapic_input(a->io, 10, false);
	ioapic_input(a->io, 10, true);
	take(a, 0x3a);
	assert_int_equal(get(a, TMR + 0x10), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_apics, close_apics)
	const struct CMUnitTest tests[] = {
		TEST(is_as_a_reset_leaves_it),
		TEST(takes_by_priority),
		TEST(has_a_spurious_vector),
		TEST(sends_to_itself_by_destination),
		TEST(sends_nmi_and_init),
		TEST(notes_errors),
		TEST(passes_the_8259a),
		TEST(has_nmi_at_lint1),
		TEST(counts),
		TEST(divides),
		TEST(keeps_its_distance),
		TEST(has_its_registers),
		TEST(sends_edges),
		TEST(sends_levels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
