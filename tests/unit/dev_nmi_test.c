/* links: devices */
/* NMI and its gates at ports 61h and 70h. */
#include "dev_fixture.h"

#include "devices/nmi.h"
#include "devices/pit.h"
#include "devices/rtc.h"

struct gates {
	struct rig rig;
	struct pit *pit;
	struct rtc *rtc;
	struct irq_line iochk;
};

static struct rig *open_gates(struct gates *g)
{
	struct rig *r = &g->rig;
	rig_open(r);
	g->pit = pit_create(r->bus, r->clock, rig_line(r), r->nmi);
	g->rtc = rtc_create(r->bus, r->clock, rig_line(r), r->nmi, 1);
	g->iochk = nmi_iochk(r->nmi);
	return r;
}

static void close_gates(struct gates *g)
{
	pit_type.destroy(g->pit);
	rtc_type.destroy(g->rtc);
	rig_close(&g->rig);
}

static void reset(struct gates *g)
{
	nmi_type.reset(g->rig.nmi, RESET_HARD);
	pit_type.reset(g->pit, RESET_HARD);
	rtc_type.reset(g->rtc, RESET_HARD);
}

static bool shown(struct rig *r)
{
	return in(r, 0x61) & 0x40;
}

/* Masked by a reset; what was latched meanwhile comes with the mask's end, once. */
static void test_mask(void **state)
{
	struct gates g;
	struct rig *r = open_gates(&g);
	assert_false(shown(r));
	irq_set(&g.iochk, true);
	assert_int_equal(r->nmis, 0);
	assert_true(shown(r));
	out(r, 0x70, 0x0f);
	assert_int_equal(r->nmis, 1);
	out(r, 0x70, 0x0e);
	assert_int_equal(r->nmis, 1);
	out(r, 0x70, 0x8f); /* each end of the mask is an edge: the latch stands */
	out(r, 0x70, 0x0f);
	assert_int_equal(r->nmis, 2);
	reset(&g);
	irq_set(&g.iochk, false);
	irq_set(&g.iochk, true);
	assert_int_equal(r->nmis, 2);
	close_gates(&g);
}

/* Bit 3 of port 61h clears the latch and keeps it clear; the request itself goes on. */
static void test_latch(void **state)
{
	struct gates g;
	struct rig *r = open_gates(&g);
	out(r, 0x70, 0x00);
	irq_set(&g.iochk, true);
	irq_set(&g.iochk, false);
	assert_int_equal(r->nmis, 1);
	assert_true(shown(r));
	irq_set(&g.iochk, true); /* not again while it is latched */
	assert_int_equal(r->nmis, 1);
	irq_set(&g.iochk, false);
	out(r, 0x61, 0x08);
	assert_false(shown(r));
	irq_set(&g.iochk, true);
	assert_false(shown(r));
	assert_int_equal(r->nmis, 1);
	out(r, 0x61, 0x00);
	assert_true(shown(r));
	assert_int_equal(r->nmis, 2);
	/* The other bits are not it. */
	out(r, 0x61, 0x07);
	assert_true(shown(r));
	assert_int_equal(in(r, 0x61) & 0x8f, 0x07);
	close_gates(&g);
}

static void test_reset(void **state)
{
	struct gates g;
	struct rig *r = open_gates(&g);
	out(r, 0x70, 0x00);
	irq_set(&g.iochk, true);
	irq_set(&g.iochk, false);
	out(r, 0x61, 0x04);
	reset(&g);
	assert_false(shown(r));
	out(r, 0x70, 0x00);
	assert_int_equal(r->nmis, 1);
	irq_set(&g.iochk, true);
	assert_int_equal(r->nmis, 2);
	close_gates(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_latch),
		cmocka_unit_test(test_reset),
	};
	return cmocka_run_group_tests_name("nmi gates", tests, NULL, NULL);
}
