/* links: devices */
#include "dev_fixture.h"

#include <errno.h>

struct seen {
	unsigned calls, size;
	uint16_t port;
	uint32_t value;
};

static uint32_t get(void *ctx, uint16_t port, unsigned size)
{
	struct seen *s = ctx;
	s->calls++;
	s->port = port;
	s->size = size;
	return size == 1 ? port & 0xff : 0x12345678;
}

static void put(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
	*(struct seen *)ctx = (struct seen){((struct seen *)ctx)->calls + 1, size, port, value};
}

static void test_absent_ports_float_high(void **state)
{
	struct bus *b = bus_create();
	assert_int_equal(bus_read(b, 0x1234, 1), 0xff);
	assert_int_equal(bus_read(b, 0x1234, 2), 0xffff);
	assert_int_equal(bus_read(b, 0xffff, 4), 0xffffffff); /* wraps */
	bus_write(b, 0x1234, 4, 1);
	bus_destroy(b);
}

static void test_bytes(void **state)
{
	struct bus *b = bus_create();
	struct seen s = {0};
	assert_int_equal(bus_claim(b, 0x20, 3, false, (struct port_handler){&s, get, put}), 0);
	assert_int_equal(bus_read(b, 0x21, 2), 0x2221);
	assert_int_equal(s.calls, 2);
	assert_int_equal(bus_read(b, 0x21, 4), 0xffff2221); /* past its end */
	assert_int_equal(bus_read(b, 0x1e, 4), 0x2120ffff);
	assert_int_equal(bus_read(b, 0x23, 1), 0xff);
	assert_int_equal(bus_read(b, 0x1f, 1), 0xff);
	s.calls = 0;
	bus_write(b, 0x1f, 2, 0xabcd);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.port, 0x20);
	assert_int_equal(s.value, 0xab);
	bus_write(b, 0x22, 4, 0x12345678);
	assert_int_equal(s.calls, 2);
	assert_int_equal(s.port, 0x22);
	assert_int_equal(s.value, 0x78);
	bus_write(b, 0x20, 2, 0xabcd);
	assert_int_equal(s.port, 0x21);
	assert_int_equal(s.size, 1);
	assert_int_equal(s.value, 0xab);
	bus_destroy(b);
}

static uint32_t get_more(void *ctx, uint16_t port, unsigned size)
{
	return 0xabcdef00 | (port & 0xff);
}

/* A device's answer has as many bits as were asked for. */
static void test_answers_are_bytes(void **state)
{
	struct bus *b = bus_create();
	assert_int_equal(bus_claim(b, 0x40, 2, false, (struct port_handler){NULL, get_more, NULL}),
	                 0);
	assert_int_equal(bus_read(b, 0x40, 4), 0xffff4140);
	bus_write(b, 0x40, 2, 1); /* read-only */
	bus_destroy(b);
}

static void test_wide(void **state)
{
	struct bus *b = bus_create();
	struct seen s = {0};
	assert_int_equal(bus_claim(b, 0xcf8, 4, true, (struct port_handler){&s, get, put}), 0);
	assert_int_equal(bus_read(b, 0xcf8, 4), 0x12345678);
	bus_write(b, 0xcfa, 2, 0xbeef);
	assert_int_equal(s.size, 2);
	assert_int_equal(s.value, 0xbeef);
	/* Across its end the access falls apart. */
	bus_write(b, 0xcfa, 4, 0x04030201);
	assert_int_equal(s.port, 0xcfb);
	assert_int_equal(s.size, 1);
	assert_int_equal(s.value, 2);
	bus_destroy(b);
}

static void test_claims_do_not_overlap(void **state)
{
	struct bus *b = bus_create();
	struct port_handler h = {NULL, NULL, NULL};
	assert_int_equal(bus_claim(b, 0x60, 5, false, h), 0);
	assert_int_equal(bus_claim(b, 0x64, 1, false, h), -EBUSY);
	assert_int_equal(bus_claim(b, 0x5e, 3, false, h), -EBUSY);
	assert_int_equal(bus_claim(b, 0x62, 4, false, h), -EBUSY);
	assert_int_equal(bus_claim(b, 0x5f, 1, false, h), 0);
	assert_int_equal(bus_claim(b, 0xffff, 1, false, h), 0);
	assert_int_equal(bus_claim(b, 0x0000, 1, false, h), 0);
	assert_int_equal(bus_claim(b, 0x65, 1, false, h), 0);
	assert_int_equal(bus_read(b, 0x60, 1), 0xff); /* write-only */
	bus_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absent_ports_float_high), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_answers_are_bytes),       cmocka_unit_test(test_wide),
		cmocka_unit_test(test_claims_do_not_overlap),
	};
	return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
