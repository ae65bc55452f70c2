/* links: machine */
/* The wiring of the PC: each device's interrupt at its input, and what goes back to it. */
#include "dev_fixture.h"

#include "machine/board.h"

static void transmit(void *ctx, uint8_t byte)
{
}

static void print(void *ctx, uint8_t byte)
{
}

static void ready(void *ctx)
{
}

static void ignne(void *ctx)
{
}

static unsigned nmis;

static void nmi(void *ctx)
{
	nmis++;
}

static uint8_t byte(struct board *b, uint16_t port)
{
	return board_in(b, port, 1);
}

static void give(struct board *b, uint16_t port, uint8_t v)
{
	board_out(b, port, 1, v);
}

static void cmos(struct board *b, uint8_t at, uint8_t v)
{
	give(b, 0x70, at);
	give(b, 0x71, v);
}

/* Vectors from 20h and 28h on, all inputs open; the timer in mode 0 and silent. */
static struct board *open_board(struct rig *r)
{
	static const uint8_t words[2][4] = {{0x11, 0x20, 4, 1}, {0x11, 0x28, 2, 1}};
	rig_open(r);
	struct board *b = board_create(
		&(struct board_config){.clock = r->clock,
	                               .day_ns = 1,
	                               .has_serial = {true, true},
	                               .serial = {{r, transmit, ready}, {r, transmit, ready}},
	                               .has_parallel = true,
	                               .printer = {r, print, NULL},
	                               .nmi = nmi,
	                               .ignne = ignne});
	for (unsigned pic = 0; pic < 2; pic++) {
		uint16_t port = pic ? 0xa0 : 0x20;
		give(b, port, words[pic][0]);
		for (unsigned i = 1; i < 4; i++)
			give(b, port + 1, words[pic][i]);
		give(b, port + 1, 0);
	}
	give(b, 0x43, 0x30);
	return b;
}

static void close_board(struct rig *r, struct board *b)
{
	board_destroy(b);
	rig_close(r);
}

static void end_of_interrupt(struct board *b)
{
	give(b, 0xa0, 0x20);
	give(b, 0x20, 0x20);
}

static void expect_interrupt(struct board *b, unsigned irq)
{
	if (!board_intr(b))
		fail_msg("no interrupt %u", irq);
	assert_int_equal(board_ack(b), 0x20 + irq);
	end_of_interrupt(b);
}

static void test_inputs(void **state)
{
	struct rig r;
	struct board *b = open_board(&r);
	assert_false(board_intr(b));

	give(b, 0x40, 100);
	give(b, 0x40, 0);
	rig_until(&r, r.now + 1000000);
	expect_interrupt(b, 0);
	assert_false(board_intr(b));

	/* D2h: a byte as if from the keyboard. */
	give(b, 0x64, 0x60);
	give(b, 0x60, 0x01);
	give(b, 0x64, 0xd2);
	give(b, 0x60, 0x1c);
	rig_until(&r, r.now + 10000000);
	expect_interrupt(b, 1);
	assert_int_equal(byte(b, 0x60), 0x1c);
	rig_until(&r, r.now + 10000000);
	assert_false(board_intr(b));

	/* And one as if from the mouse. */
	give(b, 0x64, 0x60);
	give(b, 0x60, 0x02);
	give(b, 0x64, 0xd3);
	give(b, 0x60, 0x08);
	expect_interrupt(b, 12);
	assert_int_equal(byte(b, 0x60), 0x08);
	assert_false(board_intr(b));
	give(b, 0x64, 0xd4);
	give(b, 0x60, 0xf2);
	expect_interrupt(b, 12);
	assert_int_equal(byte(b, 0x60), 0xfa);
	expect_interrupt(b, 12);
	assert_int_equal(byte(b, 0x60), 0x00);
	assert_false(board_intr(b));

	/* The transmitter of COM1 is empty. */
	give(b, 0x3fc, 0x0b);
	give(b, 0x3f9, 0x02);
	expect_interrupt(b, 4);
	give(b, 0x3f9, 0);
	assert_false(board_intr(b));

	give(b, 0x2fc, 0x0b);
	give(b, 0x2f9, 0x02);
	expect_interrupt(b, 3);
	give(b, 0x2f9, 0);
	assert_false(board_intr(b));

	/* The printer has taken a byte. */
	give(b, 0x37a, 0x1d);
	expect_interrupt(b, 7);
	assert_false(board_intr(b));
	give(b, 0x37a, 0x0c);

	/* The floppy controller comes out of reset. */
	give(b, 0x3f2, 0x0c);
	rig_until(&r, r.now + 1000000);
	expect_interrupt(b, 6);
	give(b, 0x3f5, 0x08);
	end_of_interrupt(b);
	assert_false(board_intr(b));

	/* The clock's periodic interrupt, 1024 Hz. */
	cmos(b, 0x0a, 0x26);
	cmos(b, 0x0b, 0x42);
	rig_until(&r, r.now + 2000000);
	expect_interrupt(b, 8);
	cmos(b, 0x0b, 0x02);
	give(b, 0x70, 0x0c);
	byte(b, 0x71);
	assert_false(board_intr(b));

	board_ferr(b);
	expect_interrupt(b, 13);
	give(b, 0xf0, 0);
	assert_false(board_intr(b));

	struct irq_line iochk = board_iochk(b);
	nmis = 0;
	give(b, 0x70, 0x80);
	irq_set(&iochk, true);
	assert_int_equal(nmis, 0);
	assert_int_equal(byte(b, 0x61) & 0x40, 0x40);
	give(b, 0x70, 0x00);
	assert_int_equal(nmis, 1);
	assert_false(board_intr(b));
	close_board(&r, b);
}

static uint8_t cmos_byte(struct board *b, uint8_t at)
{
	give(b, 0x70, at);
	return byte(b, 0x71);
}

/* A reset of the board silences all; what the battery feeds survives.  One of the processor is
 * none of the devices'. */
static void test_resets(void **state)
{
	struct rig r;
	struct board *b = open_board(&r);
	cmos(b, 0x0f, 0x05);
	give(b, 0x80, 0x77);
	board_ferr(b);
	give(b, 0x3fc, 0x0b);
	give(b, 0x3f9, 0x02);
	assert_true(board_intr(b));
	board_reset(b, RESET_CPU);
	assert_true(board_intr(b));
	assert_int_equal(byte(b, 0x80), 0x77);
	board_reset(b, RESET_HARD);
	assert_false(board_intr(b));
	assert_int_equal(byte(b, 0x80), 0x00);
	assert_int_equal(byte(b, 0x3f9), 0x00);
	assert_int_equal(cmos_byte(b, 0x0f), 0x05);
	board_reset(b, RESET_POWER);
	assert_int_equal(cmos_byte(b, 0x0f), 0x05);
	close_board(&r, b);
}

static unsigned offs;

static void power_off(void *ctx)
{
	offs++;
}

static uint32_t shadowed;

static void shadow(void *ctx, uint32_t base, uint32_t bytes, bool read, bool write)
{
	shadowed = base + bytes + read + 2 * write;
}

static void config(struct board *b, unsigned function, unsigned at, unsigned size, uint32_t v)
{
	board_out(b, 0xcf8, 4, 0x80000000 | function << 8 | (at & 0xfc));
	board_out(b, 0xcfc + (at & 3), size, v);
}

static struct board *open_pci_board(struct rig *r)
{
	rig_open(r);
	struct board *b = board_create(&(struct board_config){.clock = r->clock,
	                                                      .ram_end = 64 << 20,
	                                                      .day_ns = 1,
	                                                      .power_off = power_off,
	                                                      .shadow = shadow});
	static const uint8_t words[2][4] = {{0x11, 0x20, 4, 1}, {0x11, 0x28, 2, 1}};
	for (unsigned pic = 0; pic < 2; pic++) {
		give(b, pic ? 0xa0 : 0x20, words[pic][0]);
		for (unsigned i = 1; i < 4; i++)
			give(b, pic ? 0xa1 : 0x21, words[pic][i]);
		give(b, pic ? 0xa1 : 0x21, 0);
	}
	give(b, 0x43, 0x30);
	return b;
}

/* A card's pin is a level at the input that its PIRQ is routed to, and shares it. */
static void test_pci_interrupts(void **state)
{
	struct rig r;
	struct board *b = open_pci_board(&r);
	struct irq_line pins[2];
	for (unsigned i = 0; i < 2; i++)
		pins[i] = pci_pin(
			pci_add(board_pci(b),
		                &(struct pci_config){.device = 3 + i, .vendor = 1, .pin = 1}));
	give(b, 0x4d1, 0x0c);
	config(b, 1 << 3, 0x60, 4, 0x0b0b0a0a);
	irq_set(&pins[0], true); /* PIRQC and PIRQD */
	irq_set(&pins[1], true);
	expect_interrupt(b, 11);
	irq_set(&pins[0], false);
	expect_interrupt(b, 11); /* the other still asks */
	irq_set(&pins[1], false);
	assert_false(board_intr(b));
	/* The routes of all, each to an input of its own. */
	for (unsigned irq = 0; irq < 16; irq++)
		if (0xdef8 >> irq & 1) {
			config(b, 1 << 3, 0x62, 1, irq);
			irq_set(&pins[0], true);
			expect_interrupt(b, irq);
			irq_set(&pins[0], false);
		}
	assert_false(board_intr(b));
	close_board(&r, b);
}

static void test_power(void **state)
{
	struct rig r;
	struct board *b = open_pci_board(&r);
	config(b, 1 << 3 | 3, 0x40, 4, 0x600);
	config(b, 1 << 3 | 3, 0x80, 1, 0x01);
	board_out(b, 0x602, 2, 0x0100);
	board_out(b, 0x604, 2, 0x0001);
	board_power_button(b);
	expect_interrupt(b, 9);
	offs = 0;
	board_out(b, 0x604, 2, 0x2001);
	assert_int_equal(offs, 1);
	for (const char *c = "Shutdown"; *c; c++)
		give(b, 0x8900, *c);
	assert_int_equal(offs, 2);
	close_board(&r, b);
}

static uint32_t ones(void *ctx, uint32_t offset, unsigned size)
{
	return 0x01010101;
}

/* What the host bridge says of memory. */
static void test_host_bridge(void **state)
{
	struct rig r;
	struct board *b = open_pci_board(&r);
	config(b, 0, 0x59, 1, 0x20);
	assert_int_equal(shadowed, 0x100000 + 2);
	struct pci_window w = {.at = 0x10,
	                       .space = SPACE_MEMORY,
	                       .bytes = 4096,
	                       .handler = {.read = ones, .max = 4}};
	pci_add(board_pci(b),
	        &(struct pci_config){.device = 3, .vendor = 1, .windows = &w, .n_windows = 1});
	config(b, 3 << 3, 0x04, 2, 0x02);
	config(b, 3 << 3, 0x10, 4, (64 << 20) - 4096);
	assert_int_equal(bus_read(board_bus(b), SPACE_MEMORY, (64 << 20) - 4096, 4), 0xffffffff);
	config(b, 3 << 3, 0x10, 4, 64 << 20);
	assert_int_equal(bus_read(board_bus(b), SPACE_MEMORY, 64 << 20, 4), 0x01010101);
	board_reset(b, RESET_HARD);
	assert_int_equal(shadowed, 0x100000);
	assert_int_equal(bus_read(board_bus(b), SPACE_MEMORY, 64 << 20, 4), 0xffffffff);
	close_board(&r, b);
	/* Nobody asks. */
	rig_open(&r);
	b = board_create(&(struct board_config){.clock = r.clock, .day_ns = 1});
	config(b, 0, 0x59, 1, 0x30);
	close_board(&r, b);
}

static unsigned changes;

static void memory_changed(void *ctx, const struct bus *bus)
{
	changes++;
}

static unsigned kinds[3];

static void reset(void *ctx, enum reset_kind kind)
{
	kinds[kind]++;
}

/* Which reset each of the ways to one is. */
static void test_ways_to_reset(void **state)
{
	struct rig r;
	rig_open(&r);
	struct board *b = board_create(&(struct board_config){
		.clock = r.clock, .day_ns = 1, .reset = reset, .memory_changed = memory_changed});
	give(b, 0x64, 0xfe);
	assert_int_equal(kinds[RESET_CPU], 1);
	give(b, 0x92, 0x01);
	assert_int_equal(kinds[RESET_CPU], 2);
	give(b, 0xcf9, 0x04);
	assert_int_equal(kinds[RESET_CPU], 3);
	assert_int_equal(kinds[RESET_HARD], 0);
	give(b, 0xcf9, 0x00);
	give(b, 0xcf9, 0x06);
	assert_int_equal(kinds[RESET_HARD], 1);
	/* What the machine also hears of. */
	unsigned before = changes;
	assert_true(bus_map(board_bus(b), SPACE_MEMORY, 0xf0000000, 0x1000,
	                    (struct region_handler){0}) > 0);
	assert_int_equal(changes, before + 1);
	close_board(&r, b);
}

/* One more device, of the machine's own. */
struct guest_book {
	unsigned resets, ends;
	uint32_t entry;
};

static void book_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	((struct guest_book *)ctx)->entry = value;
}

static void book_reset(void *d, enum reset_kind kind)
{
	((struct guest_book *)d)->resets++;
}

static void book_state(void *d, struct archive *a)
{
	struct guest_book *g = d;
	ARCHIVE(a, g, entry);
}

static void book_destroy(void *d)
{
	((struct guest_book *)d)->ends++;
}

static const struct device_type book_type = {"book", book_reset, book_state, book_destroy};

static void add_book(struct board *b, struct guest_book *g, uint16_t port)
{
	struct region_handler h = {.ctx = g, .write = book_write, .max = 4};
	*g = (struct guest_book){0};
	assert_true(bus_map(board_bus(b), SPACE_PORT, port, 4, h) > 0);
	board_add(b, &book_type, g);
}

/* All devices go into an archive, two of a kind apart, and come back out of it. */
static void test_state(void **state)
{
	struct rig r[2];
	struct board *b[2];
	struct guest_book books[2][2];
	for (unsigned i = 0; i < 2; i++) {
		b[i] = open_board(&r[i]);
		add_book(b[i], &books[i][0], 0x300);
		add_book(b[i], &books[i][1], 0x304);
	}
	board_out(b[0], 0x300, 4, 11);
	board_out(b[0], 0x304, 4, 22);
	give(b[0], 0x3ff, 0x5a);
	cmos(b[0], 0x40, 0x99);
	give(b[0], 0x80, 0x12);
	give(b[0], 0x43, 0x30);
	give(b[0], 0x40, 0x10);
	give(b[0], 0x40, 0x27);
	give(b[0], 0x21, 0xfe);
	board_ferr(b[0]);
	struct archive *saved = archive_create();
	board_state(b[0], saved);
	size_t size;
	const void *bytes = archive_bytes(saved, &size);
	struct archive *a = archive_open(bytes, size);
	board_state(b[1], a);
	assert_null(archive_problem(a));
	assert_int_equal(books[1][0].entry, 11);
	assert_int_equal(books[1][1].entry, 22);
	assert_int_equal(byte(b[1], 0x3ff), 0x5a);
	assert_int_equal(cmos_byte(b[1], 0x40), 0x99);
	assert_int_equal(byte(b[1], 0x80), 0x12);
	assert_int_equal(byte(b[1], 0x21), 0xfe);
	assert_false(board_intr(b[1]));
	rig_until(&r[1], r[1].now + 20000000);
	expect_interrupt(b[1], 0);
	give(b[1], 0x21, 0xff & ~4);
	expect_interrupt(b[1], 13); /* it stood */
	archive_destroy(a);

	/* Of another board: it is reset. */
	a = archive_open(bytes, size / 2);
	if (!a)
		a = archive_open(bytes, 0);
	assert_int_equal(books[1][0].resets, 0);
	board_state(b[1], a);
	assert_non_null(archive_problem(a));
	assert_int_equal(books[1][0].resets, 1);
	assert_int_equal(byte(b[1], 0x80), 0x00);
	archive_destroy(a);
	archive_destroy(saved);
	for (unsigned i = 0; i < 2; i++) {
		close_board(&r[i], b[i]);
		assert_int_equal(books[i][0].ends, 1);
		assert_int_equal(books[i][1].ends, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inputs),        cmocka_unit_test(test_resets),
		cmocka_unit_test(test_ways_to_reset), cmocka_unit_test(test_pci_interrupts),
		cmocka_unit_test(test_power),         cmocka_unit_test(test_host_bridge),
		cmocka_unit_test(test_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
