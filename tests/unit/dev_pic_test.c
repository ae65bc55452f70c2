/* links: devices */
#include "dev_fixture.h"

#include "devices/pic.h"

enum { MASTER = 0x20, SLAVE = 0xa0, EOI = 0x20 };

static struct irq_line inputs[16];

static struct pic *create(struct rig *r, void (*look)(void *ctx))
{
	struct pic *p = pic_create(r->bus, NULL, look);
	for (unsigned irq = 0; irq < 16; irq++)
		if (irq != 2)
			inputs[irq] = pic_line(p, irq);
	return p;
}

static struct pic *open_pic(struct rig *r, uint8_t icw1, uint8_t icw4)
{
	rig_open(r);
	struct pic *p = create(r, NULL);
	out(r, MASTER, icw1);
	out(r, MASTER + 1, 0x20);
	out(r, MASTER + 1, 0x04);
	out(r, MASTER + 1, icw4);
	out(r, SLAVE, icw1);
	out(r, SLAVE + 1, 0x28);
	out(r, SLAVE + 1, 0x02);
	out(r, SLAVE + 1, icw4 & ~0x10);
	return p;
}

static void close_pic(struct rig *r, struct pic *p)
{
	pic_type.destroy(p);
	rig_close(r);
}

static void set(struct pic *p, unsigned irq, bool level)
{
	irq_set(&inputs[irq], level);
}

static void pulse(struct pic *p, unsigned irq)
{
	set(p, irq, false);
	set(p, irq, true);
}

static uint8_t irr(struct rig *r, uint16_t port)
{
	out(r, port, 0x0a);
	return in(r, port);
}

static uint8_t isr(struct rig *r, uint16_t port)
{
	out(r, port, 0x0b);
	return in(r, port);
}

static void test_one_interrupt(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	assert_false(pic_intr(p));
	set(p, 4, true);
	assert_true(pic_intr(p));
	assert_int_equal(irr(&r, MASTER), 0x10);
	assert_int_equal(pic_ack(p), 0x24);
	assert_int_equal(irr(&r, MASTER), 0);
	assert_int_equal(isr(&r, MASTER), 0x10);
	assert_false(pic_intr(p));
	/* The line stays high: no new edge. */
	out(&r, MASTER, EOI);
	assert_int_equal(isr(&r, MASTER), 0);
	assert_false(pic_intr(p));
	pulse(p, 4);
	assert_true(pic_intr(p));
	close_pic(&r, p);
}

static void test_priorities_nest(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	pulse(p, 5);
	assert_int_equal(pic_ack(p), 0x25);
	pulse(p, 6);
	assert_false(pic_intr(p)); /* lower */
	pulse(p, 5);
	assert_false(pic_intr(p)); /* equal */
	pulse(p, 0);
	assert_true(pic_intr(p)); /* higher */
	assert_int_equal(pic_ack(p), 0x20);
	assert_int_equal(isr(&r, MASTER), 0x21);
	out(&r, MASTER, EOI); /* of the highest in service: 0 */
	assert_int_equal(isr(&r, MASTER), 0x20);
	assert_false(pic_intr(p));
	out(&r, MASTER, EOI);
	assert_int_equal(pic_ack(p), 0x25);
	out(&r, MASTER, 0x60 | 5); /* specific */
	assert_int_equal(pic_ack(p), 0x26);
	close_pic(&r, p);
}

static void test_cascade(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	pulse(p, 14);
	assert_int_equal(irr(&r, SLAVE), 0x40);
	assert_int_equal(irr(&r, MASTER), 0x04);
	pulse(p, 3);
	assert_int_equal(pic_ack(p), 0x2e); /* IR2 comes before IR3 */
	assert_int_equal(isr(&r, MASTER), 0x04);
	assert_int_equal(isr(&r, SLAVE), 0x40);
	assert_false(pic_intr(p));
	/* A higher one at the same slave waits: the master holds IR2 in service. */
	pulse(p, 8);
	assert_false(pic_intr(p));
	out(&r, MASTER, EOI);
	assert_true(pic_intr(p));
	assert_int_equal(pic_ack(p), 0x28);
	assert_int_equal(isr(&r, SLAVE), 0x41);
	out(&r, SLAVE, EOI);
	out(&r, SLAVE, EOI);
	out(&r, MASTER, EOI);
	assert_int_equal(pic_ack(p), 0x23);
	close_pic(&r, p);
}

/* Two requests wait at the slave: the second is a new edge at the master. */
static void test_cascade_two_waiting(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	pulse(p, 8);
	pulse(p, 12);
	assert_int_equal(pic_ack(p), 0x28);
	out(&r, SLAVE, EOI);
	out(&r, MASTER, EOI);
	assert_true(pic_intr(p));
	assert_int_equal(pic_ack(p), 0x2c);
	close_pic(&r, p);
}

static void test_special_fully_nested(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x11);
	pulse(p, 14);
	assert_int_equal(pic_ack(p), 0x2e);
	pulse(p, 15);
	assert_false(pic_intr(p));
	pulse(p, 3); /* lower at the master: the slave in service holds it back */
	assert_false(pic_intr(p));
	pulse(p, 8); /* higher at the slave: comes through */
	assert_true(pic_intr(p));
	assert_int_equal(pic_ack(p), 0x28);
	assert_false(pic_intr(p));
	pulse(p, 1); /* higher at the master */
	assert_int_equal(pic_ack(p), 0x21);
	out(&r, 0x20, 0x20);
	/* The slave is done with both, then the master with it. */
	out(&r, 0xa0, 0x20);
	out(&r, 0xa0, 0x20);
	assert_int_equal(pic_ack(p), 0x2f);
	out(&r, 0xa0, 0x20);
	out(&r, 0x20, 0x20);
	assert_int_equal(pic_ack(p), 0x23);
	close_pic(&r, p);
}

static void test_mask(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	out(&r, MASTER + 1, 0x10);
	assert_int_equal(in(&r, MASTER + 1), 0x10);
	pulse(p, 4);
	assert_false(pic_intr(p));
	assert_int_equal(irr(&r, MASTER), 0x10); /* waits in IRR */
	out(&r, MASTER + 1, 0);
	assert_true(pic_intr(p));
	close_pic(&r, p);
}

static void test_spurious(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	pulse(p, 4);
	set(p, 4, false); /* gone before it was acknowledged */
	assert_false(pic_intr(p));
	assert_int_equal(pic_ack(p), 0x27);
	assert_int_equal(isr(&r, MASTER), 0);
	/* At the slave: the master's IR2 is in service, the slave's nothing. */
	pulse(p, 10);
	out(&r, SLAVE + 1, 0x04);
	set(p, 10, true);
	assert_int_equal(irr(&r, MASTER), 0);
	out(&r, SLAVE + 1, 0);
	assert_true(pic_intr(p));
	close_pic(&r, p);
}

static bool falls; /* the line, as soon as it is looked at */
static struct pic *looked_at;

static void look(void *ctx)
{
	if (falls)
		set(looked_at, 0, false);
}

/* Some lines' falls are found only when the chip is asked: each way to ask looks. */
static void test_line_that_falls_unseen(void **state)
{
	struct rig r;
	rig_open(&r);
	struct pic *p = looked_at = create(&r, look);
	for (unsigned way = 0; way < 6; way++) {
		falls = false;
		set(p, 0, false);
		out(&r, MASTER, 0x11);
		out(&r, MASTER + 1, 0x20);
		out(&r, MASTER + 1, 0x04);
		out(&r, MASTER + 1, 0x01);
		set(p, 0, true);
		assert_true(pic_intr(p));
		assert_int_equal(irr(&r, MASTER), 0x01);
		if (way == 4)
			out(&r, MASTER + 1, 0x01);
		falls = true;
		switch (way) {
		case 0:
			assert_false(pic_intr(p));
			break;
		case 1: /* IR7's, and nothing in service */
			assert_false(pic_intr(p));
			assert_int_equal(pic_ack(p), 0x27);
			assert_int_equal(isr(&r, MASTER), 0);
			break;
		case 2:
			assert_int_equal(in(&r, MASTER), 0);
			break;
		case 3: /* poll */
			out(&r, MASTER, 0x0c);
			assert_int_equal(in(&r, MASTER), 0);
			break;
		case 4: /* unmasked too late */
			out(&r, MASTER + 1, 0);
			falls = false;
			break;
		case 5: /* a level that is no more: ICW1 with LTIM */
			out(&r, MASTER, 0x19);
			falls = false;
			assert_int_equal(irr(&r, MASTER), 0);
			break;
		}
		falls = false;
		assert_false(pic_intr(p));
		assert_int_equal(irr(&r, MASTER), 0);
	}
	close_pic(&r, p);
}

static void test_level_triggered(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	out(&r, 0x4d0, 0xff);
	out(&r, 0x4d1, 0xff);
	assert_int_equal(in(&r, 0x4d0), 0xf8); /* 0, 1, 2, 8, 13 cannot */
	assert_int_equal(in(&r, 0x4d1), 0xde);
	set(p, 5, true);
	assert_int_equal(pic_ack(p), 0x25);
	assert_false(pic_intr(p));
	out(&r, MASTER, EOI);
	assert_true(pic_intr(p)); /* still high: again */
	set(p, 5, false);
	assert_false(pic_intr(p));
	close_pic(&r, p);

	p = open_pic(&r, 0x19, 0x01); /* LTIM: all of them */
	set(p, 1, true);
	assert_int_equal(pic_ack(p), 0x21);
	out(&r, MASTER, EOI);
	assert_true(pic_intr(p));
	close_pic(&r, p);
}

static void test_auto_eoi_and_rotation(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x03);
	out(&r, MASTER, 0x80); /* rotate in automatic EOI mode */
	pulse(p, 3);
	pulse(p, 4);
	assert_int_equal(pic_ack(p), 0x23);
	assert_int_equal(isr(&r, MASTER), 0);
	assert_int_equal(pic_ack(p), 0x24);
	pulse(p, 4);
	pulse(p, 5);
	assert_int_equal(pic_ack(p), 0x25); /* 4 is the lowest now */
	assert_int_equal(pic_ack(p), 0x24);
	close_pic(&r, p);
}

static void test_rotation(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	out(&r, MASTER, 0xc0 | 4); /* set priority: 4 lowest, 5 highest */
	pulse(p, 0);
	pulse(p, 6);
	assert_int_equal(pic_ack(p), 0x26);
	out(&r, MASTER, 0xa0); /* rotate on EOI: 6 lowest */
	pulse(p, 7);
	assert_int_equal(pic_ack(p), 0x27);
	out(&r, MASTER, 0xe0 | 7); /* rotate on specific EOI: 7 lowest */
	assert_int_equal(isr(&r, MASTER), 0);
	assert_int_equal(pic_ack(p), 0x20);
	close_pic(&r, p);
}

static void test_special_mask(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	pulse(p, 3);
	assert_int_equal(pic_ack(p), 0x23);
	pulse(p, 6);
	assert_false(pic_intr(p));
	out(&r, MASTER + 1, 0x08);
	out(&r, MASTER, 0x68);
	assert_true(pic_intr(p)); /* lower levels come through */
	assert_int_equal(pic_ack(p), 0x26);
	out(&r, MASTER, EOI); /* not of the masked level */
	assert_int_equal(isr(&r, MASTER), 0x08);
	out(&r, MASTER, 0x48);
	pulse(p, 6);
	assert_false(pic_intr(p));
	close_pic(&r, p);
}

static void test_poll(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	out(&r, MASTER, 0x0c);
	assert_int_equal(in(&r, MASTER), 0);
	pulse(p, 9);
	out(&r, MASTER, 0x0c);
	assert_int_equal(in(&r, MASTER), 0x82);
	out(&r, SLAVE, 0x0c);
	assert_int_equal(in(&r, SLAVE), 0x81);
	assert_false(pic_intr(p));
	assert_int_equal(isr(&r, SLAVE), 0x02);
	close_pic(&r, p);
}

/* A poll is one read: the next shows the register again.  Each chip is polled for itself, and
 * a slave that was polled asks the master no more. */
static void test_poll_is_one_read(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	pulse(p, 0);
	pulse(p, 3);
	out(&r, MASTER, 0x0c);
	assert_int_equal(in(&r, MASTER), 0x80); /* IR0 */
	assert_int_equal(in(&r, MASTER), 0x08);
	assert_false(pic_intr(p));
	out(&r, MASTER, EOI);
	assert_true(pic_intr(p));
	assert_int_equal(pic_ack(p), 0x23);
	out(&r, MASTER, EOI);
	pulse(p, 12);
	pulse(p, 9);
	assert_true(pic_intr(p));
	out(&r, SLAVE, 0x0c);
	assert_int_equal(in(&r, SLAVE), 0x81);
	assert_int_equal(in(&r, SLAVE), 0x10);
	assert_int_equal(irr(&r, MASTER), 0x00);
	assert_false(pic_intr(p));
	out(&r, SLAVE, EOI);
	assert_true(pic_intr(p));
	assert_int_equal(pic_ack(p), 0x2c);
	out(&r, SLAVE, EOI);
	out(&r, MASTER, EOI);
	/* Both chips at once: the second request is a new edge at the master. */
	pulse(p, 8);
	pulse(p, 9);
	out(&r, MASTER, 0x0c);
	assert_int_equal(in(&r, MASTER), 0x82);
	out(&r, SLAVE, 0x0c);
	assert_int_equal(in(&r, SLAVE), 0x80);
	out(&r, SLAVE, EOI);
	out(&r, MASTER, EOI);
	assert_true(pic_intr(p));
	assert_int_equal(pic_ack(p), 0x29);
	close_pic(&r, p);
}

/* With automatic EOI a slave that was polled asks at once for the next: a new edge. */
static void test_poll_with_auto_eoi(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x03);
	pulse(p, 8);
	pulse(p, 9);
	out(&r, MASTER, 0x0c);
	assert_int_equal(in(&r, MASTER), 0x82);
	assert_int_equal(irr(&r, MASTER), 0x00); /* the slave's INT is no new edge yet */
	assert_false(pic_intr(p));
	out(&r, SLAVE, 0x0c);
	assert_int_equal(in(&r, SLAVE), 0x80);
	assert_true(pic_intr(p));
	assert_int_equal(pic_ack(p), 0x29);
	assert_false(pic_intr(p));
	close_pic(&r, p);
}

/* A slave that ends its interrupts itself: its INT falls during INTA all the same. */
static void test_slave_with_auto_eoi(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x03);
	pulse(p, 8);
	pulse(p, 12);
	assert_int_equal(pic_ack(p), 0x28);
	assert_true(pic_intr(p));
	assert_int_equal(pic_ack(p), 0x2c);
	assert_false(pic_intr(p));
	/* The same by polls. */
	pulse(p, 8);
	pulse(p, 12);
	out(&r, MASTER, 0x0c);
	assert_int_equal(in(&r, MASTER), 0x82);
	out(&r, SLAVE, 0x0c);
	assert_int_equal(in(&r, SLAVE), 0x80);
	assert_true(pic_intr(p));
	assert_int_equal(pic_ack(p), 0x2c);
	close_pic(&r, p);
}

/* Every line, alone, with all others high and served. */
static void test_all_lines(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	for (unsigned i = 0; i < 16; i++) {
		if (i == 2)
			continue;
		uint16_t chip = i < 8 ? MASTER : SLAVE;
		pulse(p, i);
		assert_true(pic_intr(p));
		assert_int_equal(irr(&r, chip), 1 << i % 8);
		assert_int_equal(pic_ack(p), 0x20 + i);
		assert_int_equal(isr(&r, chip), 1 << i % 8);
		set(p, i, true); /* still high: no edge */
		if (i >= 8)
			out(&r, SLAVE, EOI);
		out(&r, MASTER, EOI);
		assert_false(pic_intr(p));
	}
	/* As levels they ask again at once, and the latches follow them. */
	out(&r, 0x4d0, 0xff);
	assert_true(pic_intr(p));
	assert_int_equal(irr(&r, MASTER) & ~4, 0xf8);
	assert_int_equal(pic_ack(p), 0x23);
	out(&r, MASTER, EOI);
	for (unsigned i = 3; i < 8; i++)
		set(p, i, false);
	assert_false(pic_intr(p));
	out(&r, 0x4d1, 0xff);
	assert_true(pic_intr(p));
	assert_int_equal(irr(&r, SLAVE), 0xde);
	assert_int_equal(pic_ack(p), 0x29);
	close_pic(&r, p);
}

/* ICW1 with level inputs: what is high asks; by ELCR or by LTIM. */
static void test_initialization_with_levels(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	static const uint8_t icw1[] = {0x11, 0x19};
	out(&r, 0x4d0, 0xa8);
	for (unsigned i = 0; i < 8; i++)
		if (i != 2)
			set(p, i, true);
	for (unsigned i = 0; i < 2; i++) {
		out(&r, MASTER, icw1[i]);
		out(&r, MASTER + 1, 0x20);
		out(&r, MASTER + 1, 0x04);
		out(&r, MASTER + 1, 0x01);
		assert_int_equal(irr(&r, MASTER), i ? 0xfb : 0xa8);
		assert_true(pic_intr(p));
		assert_int_equal(pic_ack(p), i ? 0x20 : 0x23);
	}
	close_pic(&r, p);
}

/* What each initialization word leaves of the state of before, and how many there are. */
static void test_initialization_words(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x13);
	out(&r, MASTER, 0x80); /* rotate in automatic EOI */
	out(&r, MASTER, 0xc3); /* IR3 lowest */
	out(&r, MASTER, 0x68); /* special mask mode */
	out(&r, MASTER, 0x0f); /* poll, ISR */
	out(&r, MASTER, 0x11);
	out(&r, MASTER + 1, 0x3f); /* the low bits are not the vector's */
	out(&r, MASTER + 1, 0x04);
	out(&r, MASTER + 1, 0x01);
	pulse(p, 0);
	pulse(p, 4);
	assert_int_equal(in(&r, MASTER), 0x11); /* no poll, IRR */
	assert_int_equal(pic_ack(p), 0x38);     /* IR0 is the highest */
	assert_int_equal(isr(&r, MASTER), 0x01);
	out(&r, MASTER + 1, 0x01);
	assert_false(pic_intr(p)); /* masked, but in service: no special mask mode */
	out(&r, MASTER + 1, 0x00);
	out(&r, MASTER, EOI);
	assert_int_equal(pic_ack(p), 0x3c);
	out(&r, MASTER, EOI);
	/* Without ICW4: 8080 mode's, where nothing is automatic. */
	out(&r, MASTER, 0x11);
	out(&r, MASTER + 1, 0x40);
	out(&r, MASTER + 1, 0x04);
	out(&r, MASTER + 1, 0x03);
	out(&r, MASTER, 0x10);
	out(&r, MASTER + 1, 0x40);
	out(&r, MASTER + 1, 0x04);
	out(&r, MASTER + 1, 0xef); /* the mask */
	assert_int_equal(in(&r, MASTER + 1), 0xef);
	pulse(p, 4);
	assert_int_equal(pic_ack(p), 0x44);
	assert_int_equal(isr(&r, MASTER), 0x10);
	/* Single: without ICW3, with and without ICW4. */
	out(&r, MASTER, 0x13);
	out(&r, MASTER + 1, 0x48);
	out(&r, MASTER + 1, 0x03);
	out(&r, MASTER + 1, 0xef);
	assert_int_equal(in(&r, MASTER + 1), 0xef);
	pulse(p, 4);
	assert_int_equal(pic_ack(p), 0x4c);
	assert_int_equal(isr(&r, MASTER), 0);
	out(&r, MASTER, 0x12);
	out(&r, MASTER + 1, 0x50);
	out(&r, MASTER + 1, 0xfb);
	assert_int_equal(in(&r, MASTER + 1), 0xfb);
	pulse(p, 9); /* its IR2 is a line like any */
	assert_int_equal(pic_ack(p), 0x52);
	/* Cascaded again. */
	out(&r, MASTER, 0x11);
	out(&r, MASTER + 1, 0x20);
	out(&r, MASTER + 1, 0x04);
	out(&r, MASTER + 1, 0x01);
	out(&r, MASTER + 1, 0x00);
	set(p, 9, false);
	pulse(p, 9);
	assert_int_equal(pic_ack(p), 0x29);
	close_pic(&r, p);
}

/* OCW3 changes only what it says it does; OCW2 without a level in service nothing. */
static void test_command_words(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	pulse(p, 3);
	assert_int_equal(pic_ack(p), 0x23);
	pulse(p, 5);
	assert_int_equal(isr(&r, MASTER), 0x08);
	out(&r, MASTER, 0x08);
	assert_int_equal(in(&r, MASTER), 0x08); /* still ISR */
	out(&r, MASTER, 0x0a);
	out(&r, MASTER, 0x08);
	assert_int_equal(in(&r, MASTER), 0x20); /* still IRR */
	out(&r, MASTER + 1, 0x08);
	out(&r, MASTER, 0x28); /* SMM without its enable */
	assert_false(pic_intr(p));
	out(&r, MASTER, 0x68);
	assert_true(pic_intr(p));
	out(&r, MASTER, 0x08);
	assert_true(pic_intr(p));
	out(&r, MASTER, 0x48);
	assert_false(pic_intr(p));
	out(&r, MASTER + 1, 0x00);
	out(&r, MASTER, EOI);
	assert_int_equal(pic_ack(p), 0x25);
	out(&r, MASTER, 0x40 | 5); /* no operation */
	assert_int_equal(isr(&r, MASTER), 0x20);
	out(&r, MASTER, EOI);
	out(&r, MASTER, 0xa0); /* rotate on an EOI of nothing */
	pulse(p, 0);
	pulse(p, 7);
	assert_int_equal(pic_ack(p), 0x20);
	out(&r, MASTER, EOI);
	assert_int_equal(pic_ack(p), 0x27);
	assert_int_equal(isr(&r, MASTER), 0x80); /* not a spurious one */
	/* As it was made: IR0 before IR7, without an initialization. */
	close_pic(&r, p);
	rig_open(&r);
	p = create(&r, NULL);
	for (unsigned i = 0; i < 16; i += 8) {
		set(p, i + 7, true);
		set(p, i, true);
		uint16_t chip = i ? SLAVE : MASTER;
		out(&r, chip, 0x0c);
		assert_int_equal(in(&r, chip), 0x80);
	}
	close_pic(&r, p);
}

static void test_initialization_forgets(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	pulse(p, 3);
	out(&r, MASTER + 1, 0xff);
	out(&r, MASTER, 0x11);
	out(&r, MASTER + 1, 0x40);
	out(&r, MASTER + 1, 0x04);
	out(&r, MASTER + 1, 0x01);
	assert_int_equal(in(&r, MASTER + 1), 0);
	assert_false(pic_intr(p)); /* an edge of before does not count */
	pulse(p, 3);
	assert_int_equal(pic_ack(p), 0x43);
	close_pic(&r, p);
}

/* Two devices on one input: it is high while one of them asks, and falls with the last. */
static void test_shared_line(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	struct irq_line a = pic_line(p, 11), b = pic_line(p, 11);
	out(&r, 0x4d1, 0x08); /* by its level */
	irq_set(&a, true);
	irq_set(&b, true);
	irq_set(&b, true); /* one that says it twice counts once */
	assert_int_equal(pic_ack(p), 0x2b);
	irq_set(&a, false);
	out(&r, SLAVE, EOI);
	out(&r, MASTER, EOI);
	assert_true(pic_intr(p)); /* b's stands */
	assert_int_equal(pic_ack(p), 0x2b);
	irq_set(&b, false);
	irq_set(&b, false);
	out(&r, SLAVE, EOI);
	out(&r, MASTER, EOI);
	assert_false(pic_intr(p));
	irq_set(&a, true);
	assert_true(pic_intr(p));
	/* By its edge a second one is none, until both have let go. */
	irq_set(&a, false);
	out(&r, 0x4d1, 0);
	irq_set(&a, true);
	assert_int_equal(pic_ack(p), 0x2b);
	out(&r, SLAVE, EOI);
	out(&r, MASTER, EOI);
	irq_set(&b, true);
	irq_set(&a, false);
	assert_false(pic_intr(p));
	irq_set(&b, false);
	irq_set(&b, true);
	assert_true(pic_intr(p));
	close_pic(&r, p);
}

/* A reset of the board leaves the chips, which have no such input, but for what the chip set
 * has added to them. */
static void test_resets(void **state)
{
	struct rig r;
	struct pic *p = open_pic(&r, 0x11, 0x01);
	out(&r, 0x4d0, 0x20);
	out(&r, MASTER + 1, 0x10);
	set(p, 5, true);
	set(p, 6, true);
	assert_int_equal(pic_ack(p), 0x25);
	pic_type.reset(p, RESET_HARD);
	assert_int_equal(in(&r, 0x4d0), 0);
	assert_int_equal(in(&r, MASTER + 1), 0x10);
	assert_int_equal(isr(&r, MASTER), 0x20);
	out(&r, MASTER, EOI);
	assert_int_equal(pic_ack(p), 0x25); /* the level had asked again */
	out(&r, MASTER, EOI);
	assert_int_equal(pic_ack(p), 0x26);
	pic_type.reset(p, RESET_POWER);
	assert_int_equal(in(&r, MASTER + 1), 0);
	assert_int_equal(isr(&r, MASTER), 0);
	assert_false(pic_intr(p)); /* the lines are as they were: no edge */
	set(p, 5, true);
	assert_false(pic_intr(p));
	pulse(p, 5);
	assert_int_equal(pic_ack(p), 0x05);
	close_pic(&r, p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_interrupt),
		cmocka_unit_test(test_priorities_nest),
		cmocka_unit_test(test_cascade),
		cmocka_unit_test(test_cascade_two_waiting),
		cmocka_unit_test(test_special_fully_nested),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_spurious),
		cmocka_unit_test(test_line_that_falls_unseen),
		cmocka_unit_test(test_level_triggered),
		cmocka_unit_test(test_auto_eoi_and_rotation),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_special_mask),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_poll_is_one_read),
		cmocka_unit_test(test_poll_with_auto_eoi),
		cmocka_unit_test(test_slave_with_auto_eoi),
		cmocka_unit_test(test_all_lines),
		cmocka_unit_test(test_initialization_with_levels),
		cmocka_unit_test(test_initialization_words),
		cmocka_unit_test(test_command_words),
		cmocka_unit_test(test_initialization_forgets),
		cmocka_unit_test(test_shared_line),
		cmocka_unit_test(test_resets),
	};
	return cmocka_run_group_tests_name("pic", tests, NULL, NULL);
}
