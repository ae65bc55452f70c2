/* links: devices */
/* The absolute pointer, by the calls of its drivers. */
#include "dev_fixture.h"

#include "devices/mouse.h"
#include "devices/vmmouse.h"

enum { EAX, ECX, EDX, EBX };

static const uint32_t MAGIC = 0x564d5868;
static uint32_t reg[8];
static bool is_in;

static uint32_t *registers(void *ctx)
{
	return is_in ? reg : NULL;
}

static struct vmmouse *open_vmmouse(struct rig *r)
{
	rig_open(r);
	is_in = true;
	return vmmouse_create(r->bus, (struct vmmouse_board){NULL, registers});
}

static void close_vmmouse(struct rig *r, struct vmmouse *v)
{
	vmmouse_type.destroy(v);
	rig_close(r);
}

static uint32_t call(struct rig *r, uint32_t what, uint32_t argument)
{
	for (unsigned i = 0; i < 8; i++)
		reg[i] = 0x11111111 * (i + 1);
	reg[EAX] = MAGIC;
	reg[EBX] = argument;
	reg[ECX] = what;
	reg[EDX] = 0x5658;
	reg[EAX] = (uint32_t)bus_read(r->bus, SPACE_PORT, 0x5658, 4);
	for (unsigned i = 4; i < 8; i++)
		assert_int_equal(reg[i], 0x11111111 * (i + 1));
	return reg[EAX];
}

static void enable(struct rig *r, uint32_t mode)
{
	call(r, 41, 0x45414552);
	assert_int_equal(call(r, 40, 0), 1);
	assert_int_equal(call(r, 39, 1), 0x3442554a);
	assert_int_equal(reg[EBX], 1);
	call(r, 41, mode);
	assert_int_equal(call(r, 40, 0), 0);
}

static void event(struct vmmouse *v, int x, int y, int dz, unsigned buttons)
{
	vmmouse_event(v, &(struct vmmouse_event){x, y, dz, buttons, false});
}

static void reads(struct rig *r, uint32_t flags, int x, int y, int dz)
{
	assert_true(call(r, 40, 0) >= 4);
	assert_int_equal(call(r, 39, 4), flags);
	assert_int_equal(reg[EBX], (uint32_t)x);
	assert_int_equal(reg[ECX], (uint32_t)y);
	assert_int_equal(reg[EDX], (uint32_t)dz);
}

static void test_calls(void **state)
{
	struct rig r;
	struct vmmouse *v = open_vmmouse(&r);
	assert_int_equal(call(&r, 10, ~MAGIC), 6);
	assert_int_equal(reg[EBX], MAGIC);
	assert_int_equal(call(&r, 0xabcd000a, 0), 6); /* only CX counts */
	assert_int_equal(call(&r, 40, 0), 0xffff0000);
	assert_int_equal(call(&r, 39, 1), 0xffffffff);
	assert_int_equal(call(&r, 11, 5), 0xffffffff);
	assert_int_equal(reg[EBX], 5);
	call(&r, 41, 0x53424152); /* not enabled yet */
	assert_int_equal(vmmouse_mode(v), VMMOUSE_OFF);
	enable(&r, 0x53424152);
	assert_int_equal(vmmouse_mode(v), VMMOUSE_ABSOLUTE);
	call(&r, 41, 0x4c455252);
	assert_int_equal(vmmouse_mode(v), VMMOUSE_RELATIVE);
	call(&r, 41, 0x12345678);
	assert_int_equal(vmmouse_mode(v), VMMOUSE_RELATIVE);
	call(&r, 41, 0xf5);
	assert_int_equal(vmmouse_mode(v), VMMOUSE_OFF);
	assert_int_equal(call(&r, 40, 0), 0xffff0000);
	/* Each begins with nothing. */
	assert_int_equal(call(&r, 39, 1), 0xffffffff);
	enable(&r, 0x53424152);
	event(v, 1, 2, 0, 0);
	event(v, 1, 2, 0, 1);
	assert_int_equal(call(&r, 39, 5), 0xffffffff);
	assert_int_equal(call(&r, 41, 0x45414552), 0);
	assert_int_equal(vmmouse_mode(v), VMMOUSE_OFF);
	assert_int_equal(call(&r, 40, 0), 1);
	call(&r, 41, 0x4c455252); /* its identity has not been read */
	assert_int_equal(call(&r, 40, 0), 1);
	event(v, 1, 2, 0, 0);
	call(&r, 41, 0x53424152);
	assert_int_equal(call(&r, 40, 0), 0);
	event(v, 1, 2, 0, 0);
	call(&r, 41, 0xf5);
	assert_int_equal(call(&r, 39, 1), 0xffffffff);
	enable(&r, 0x53424152);
	event(v, 1, 2, 0, 0);
	vmmouse_type.reset(v, RESET_HARD);
	assert_int_equal(vmmouse_mode(v), VMMOUSE_OFF);
	assert_int_equal(call(&r, 40, 0), 0xffff0000);
	assert_int_equal(call(&r, 39, 1), 0xffffffff);
	close_vmmouse(&r, v);
}

/* No call: another size, place, instruction, or without the word. */
static void test_no_calls(void **state)
{
	struct rig r;
	struct vmmouse *v = open_vmmouse(&r);
	for (unsigned round = 0; round < 2; round++) {
		reg[EAX] = MAGIC;
		reg[EBX] = 1;
		reg[ECX] = 10;
		assert_int_equal(bus_read(r.bus, SPACE_PORT, 0x5658, 1), 0xff);
		assert_int_equal(bus_read(r.bus, SPACE_PORT, 0x5658, 2), 0xffff);
		assert_int_equal(bus_read(r.bus, SPACE_PORT, 0x565a, 2), 0xffff);
		assert_int_equal(bus_read(r.bus, SPACE_PORT, 0x5656, 4), 0xffffffff);
		assert_int_equal(bus_read(r.bus, SPACE_PORT, 0x5659, 4), 0xffffffff);
		bus_write(r.bus, SPACE_PORT, 0x5658, 4, 1);
		reg[EAX] = round ? MAGIC : MAGIC + 1;
		is_in = !round;
		assert_int_equal(bus_read(r.bus, SPACE_PORT, 0x5658, 4), 0xffffffff);
		assert_int_equal(reg[EBX], 1);
	}
	close_vmmouse(&r, v);
	rig_open(&r);
	v = vmmouse_create(r.bus, (struct vmmouse_board){NULL, NULL});
	assert_int_equal(bus_read(r.bus, SPACE_PORT, 0x5658, 4), 0xffffffff);
	close_vmmouse(&r, v);
}

static void test_absolute(void **state)
{
	struct rig r;
	struct vmmouse *v = open_vmmouse(&r);
	event(v, 1, 1, 0, 0); /* nobody wants it */
	enable(&r, 0x53424152);
	event(v, 0x8000, 0xffff, 0, 0);
	assert_int_equal(call(&r, 40, 0), 4);
	reads(&r, 0, 0x8000, 0xffff, 0);
	/* As long as the buttons are the same the last place is what counts, but for where they went down. */
	event(v, 10, 20, 1, MOUSE_LEFT);
	event(v, 11, 21, 1, MOUSE_LEFT);
	event(v, 12, 22, -4, MOUSE_LEFT);
	event(v, 12, 22, 0, MOUSE_RIGHT | MOUSE_EXTRA);
	event(v, 13, 23, 0, MOUSE_MIDDLE);
	event(v, 13, 23, 0, 0);
	assert_int_equal(call(&r, 40, 0), 20);
	reads(&r, 0x20, 10, 20, 1);
	reads(&r, 0x20, 12, 22, -3);
	reads(&r, 0x10, 12, 22, 0);
	reads(&r, 0x08, 13, 23, 0);
	reads(&r, 0, 13, 23, 0);
	assert_int_equal(call(&r, 40, 0), 0);
	/* By words; too many, or none, are none. */
	event(v, 7, 8, 9, 0);
	assert_int_equal(call(&r, 39, 5), 0xffffffff);
	assert_int_equal(call(&r, 39, 0), 0xffffffff);
	assert_int_equal(call(&r, 39, 2), 0);
	assert_int_equal(reg[EBX], 7);
	assert_int_equal(call(&r, 39, 3), 0xffffffff);
	event(v, 17, 18, 19, 0); /* the one before is not whole any more */
	assert_int_equal(call(&r, 39, 2), 8);
	assert_int_equal(reg[EBX], 9);
	reads(&r, 0, 17, 18, 19);
	/* A guest that does not look finds the buttons as they are in the end. */
	for (int i = 0; i < 101; i++)
		event(v, i, 0, 1, i & 1 ? 0 : MOUSE_LEFT);
	assert_int_equal(call(&r, 40, 0), 128);
	for (int i = 0; i < 31; i++)
		reads(&r, i & 1 ? 0 : 0x20, i, 0, 1);
	reads(&r, 0x20, 100, 0, 70);
	close_vmmouse(&r, v);
}

static void test_relative(void **state)
{
	struct rig r;
	struct vmmouse *v = open_vmmouse(&r);
	enable(&r, 0x4c455252);
	event(v, 3, 4, 0, 0);
	event(v, -1, 2, 1, 0);
	event(v, 0, 0, 0, MOUSE_LEFT);
	reads(&r, 0x10000, 2, -6, 1);
	reads(&r, 0x10020, 0, 0, 0);
	vmmouse_event(v, &(struct vmmouse_event){1, 0, 0, 0, true});
	event(v, 1, 0, 0, 0);
	event(v, 1, 0, 0, 0);
	reads(&r, 0x10000, 1, 0, 0);
	reads(&r, 0x10000, 2, 0, 0);
	event(v, 5, INT32_MIN, 0, 0);
	reads(&r, 0x10000, 5, INT32_MIN, 0);
	close_vmmouse(&r, v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_no_calls),
		cmocka_unit_test(test_absolute),
		cmocka_unit_test(test_relative),
	};
	return cmocka_run_group_tests_name("vmmouse", tests, NULL, NULL);
}
