/* links: machine */
/* What becomes of the user's pointer in the guest: by movements, and by places. */
#include "dev_fixture.h"

#include "machine/pointer.h"

#define MS 1000000ull

enum { EAX, ECX, EDX, EBX };

static struct ps2_device line;
static unsigned screen[2];
static uint32_t reg[8];

static void size(void *ctx, unsigned *width, unsigned *height)
{
	*width = screen[0];
	*height = screen[1];
}

static uint32_t *registers(void *ctx)
{
	return reg;
}

struct guest {
	struct rig rig;
	struct mouse *mouse;
	struct vmmouse *vmmouse;
	struct pointer *pointer;
};

static void open_guest(struct guest *g)
{
	rig_open(&g->rig);
	screen[0] = 640;
	screen[1] = 480;
	g->mouse = mouse_create(g->rig.clock);
	line = mouse_line(g->mouse);
	g->vmmouse = vmmouse_create(g->rig.bus, (struct vmmouse_board){NULL, registers});
	g->pointer = pointer_create((struct pointer_owner){NULL, size, g->mouse, g->vmmouse});
	line.write(line.ctx, 0xf4);
	assert_int_equal(line.take(line.ctx), 0xfa);
}

static void close_guest(struct guest *g)
{
	pointer_destroy(g->pointer);
	vmmouse_type.destroy(g->vmmouse);
	mouse_type.destroy(g->mouse);
	rig_close(&g->rig);
}

#define STEPS(...)                                                                                 \
	pointer_steps(g.pointer, (struct pointer_step[]){__VA_ARGS__},                             \
	              sizeof((struct pointer_step[]){__VA_ARGS__}) / sizeof(struct pointer_step))

/* All packets that come: how far they lead, and the buttons of each as digits. */
struct sum {
	int dx, dy;
	unsigned buttons, packets;
};

static struct sum packets(struct guest *g)
{
	struct sum s = {0};
	for (unsigned quiet = 0; quiet < 3; quiet++) {
		while (line.pending(line.ctx)) {
			uint8_t first = line.take(line.ctx), x = line.take(line.ctx),
				y = line.take(line.ctx);
			s.dx += x - (first & 0x10 ? 256 : 0);
			s.dy -= y - (first & 0x20 ? 256 : 0);
			s.buttons = s.buttons * 10 + (first & 7);
			s.packets++;
			quiet = 0;
		}
		rig_until(&g->rig, g->rig.now + 10 * MS);
	}
	return s;
}

static void moved(struct guest *g, int dx, int dy)
{
	struct sum s = packets(g);
	assert_int_equal(s.dx, dx);
	assert_int_equal(s.dy, dy);
}

static void test_relative(void **state)
{
	struct guest g;
	open_guest(&g);
	STEPS({POINTER_DX, 5}, {POINTER_DY, -7}, {POINTER_DX, 1});
	struct sum s = packets(&g);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.dx, 6);
	assert_int_equal(s.dy, -7);
	/* A press is where the pointer was by then; a click is two events. */
	STEPS({POINTER_DX, 3}, {POINTER_DOWN, MOUSE_LEFT}, {POINTER_UP, MOUSE_LEFT},
	      {POINTER_DOWN, MOUSE_MIDDLE}, {POINTER_DOWN, MOUSE_RIGHT});
	s = packets(&g);
	assert_int_equal(s.dx, 3);
	assert_int_equal(s.buttons, 1046);
	STEPS({POINTER_DY, 300});
	s = packets(&g);
	assert_int_equal(s.dy, 300);
	assert_int_equal(s.buttons, 66);
	STEPS({POINTER_DX, INT32_MAX}, {POINTER_DX, INT32_MAX}, {POINTER_DX, -(1 << 16)});
	moved(&g, 0, 0);
	STEPS({POINTER_WHEEL, 1});
	s = packets(&g);
	assert_int_equal(s.packets, 1);
	pointer_steps(g.pointer, NULL, 0);
	assert_int_equal(packets(&g).packets, 0);
	close_guest(&g);
}

/* How far each place is: from the corner at first, beyond an end once when it is reached. */
static void test_ways(void **state)
{
	struct guest g;
	open_guest(&g);
	STEPS({POINTER_X, 16384}, {POINTER_Y, 16384});
	moved(&g, -1280 + 319, -960 + 239);
	STEPS({POINTER_X, 16384}, {POINTER_Y, 16384});
	moved(&g, 0, 0);
	STEPS({POINTER_X, 32767}, {POINTER_Y, 32767});
	moved(&g, 320 + 640, 240 + 480);
	STEPS({POINTER_X, 32767}, {POINTER_Y, 32767});
	moved(&g, 0, 0);
	STEPS({POINTER_X, 0}, {POINTER_Y, 0});
	moved(&g, -639 - 640, -479 - 480);
	STEPS({POINTER_X, 0}, {POINTER_Y, 0});
	moved(&g, 0, 0);
	STEPS({POINTER_X, 32716}); /* one from the end, either way */
	moved(&g, 638, 0);
	STEPS({POINTER_X, 52});
	moved(&g, -637, 0);
	STEPS({POINTER_X, 0});
	moved(&g, -1 - 640, 0);
	/* A movement ends where the screen does. */
	STEPS({POINTER_X, 16384}, {POINTER_Y, 16384});
	moved(&g, 319, 239);
	STEPS({POINTER_DX, 900}, {POINTER_DY, -900});
	moved(&g, 900, -900);
	STEPS({POINTER_X, 16384}, {POINTER_Y, 16384});
	moved(&g, 319 - 639, 239);
	/* Others than those to an end are merged. */
	STEPS({POINTER_X, 16000});
	STEPS({POINTER_X, 15000});
	STEPS({POINTER_X, 14000});
	STEPS({POINTER_DX, 1});
	STEPS({POINTER_DX, 1});
	assert_int_equal(packets(&g).packets, 2);
	close_guest(&g);
}

/* The guest's cursor, as a system moves it that adds up what the mouse says. */
struct cursor {
	int x, y;
};

static void follow(struct guest *g, struct cursor *c)
{
	for (unsigned quiet = 0; quiet < 3; quiet++) {
		while (line.pending(line.ctx)) {
			uint8_t first = line.take(line.ctx), x = line.take(line.ctx),
				y = line.take(line.ctx);
			c->x += x - (first & 0x10 ? 256 : 0);
			c->y -= y - (first & 0x20 ? 256 : 0);
			c->x = c->x < 0 ? 0 : c->x >= (int)screen[0] ? (int)screen[0] - 1 : c->x;
			c->y = c->y < 0 ? 0 : c->y >= (int)screen[1] ? (int)screen[1] - 1 : c->y;
			quiet = 0;
		}
		rig_until(&g->rig, g->rig.now + 10 * MS);
	}
}

static void at(struct guest *g, struct cursor *c, int x, int y)
{
	follow(g, c);
	assert_int_equal(c->x, x);
	assert_int_equal(c->y, y);
}

/* Places by movements: the cursor is where the pointer is, wherever it has begun. */
static void test_follows(void **state)
{
	struct guest g;
	struct cursor c = {123, 456};
	open_guest(&g);
	STEPS({POINTER_X, 16384}, {POINTER_Y, 8192});
	at(&g, &c, 319, 119);
	STEPS({POINTER_X, 32767}, {POINTER_Y, 32767});
	at(&g, &c, 639, 479);
	STEPS({POINTER_X, 0});
	at(&g, &c, 0, 479);
	STEPS({POINTER_X, 1000}, {POINTER_Y, 1000});
	at(&g, &c, 19, 14);
	/* However many there are before the guest looks. */
	STEPS({POINTER_X, 0}, {POINTER_Y, 0});
	STEPS({POINTER_X, 20000});
	STEPS({POINTER_X, 0});
	STEPS({POINTER_X, 1000}, {POINTER_Y, 1000});
	at(&g, &c, 19, 14);
	/* Movements count as well, as far as the screen goes. */
	STEPS({POINTER_DX, 30}, {POINTER_DY, -200});
	at(&g, &c, 49, 0);
	STEPS({POINTER_X, 16384}, {POINTER_Y, 16384});
	at(&g, &c, 319, 239);
	/* One that has strayed is found at an end, one after the other. */
	c = (struct cursor){400, 100};
	STEPS({POINTER_X, 32767});
	at(&g, &c, 639, 100);
	STEPS({POINTER_Y, 0});
	at(&g, &c, 639, 0);
	STEPS({POINTER_X, 16384}, {POINTER_Y, 16384});
	at(&g, &c, 319, 239);
	/* Another screen, or another guest, has a cursor that is looked for. */
	screen[0] = 1024;
	screen[1] = 768;
	c = (struct cursor){1000, 700};
	STEPS({POINTER_X, 16384}, {POINTER_Y, 16384});
	at(&g, &c, 511, 383);
	c = (struct cursor){1000, 700};
	pointer_forget(g.pointer);
	STEPS({POINTER_X, 16384}, {POINTER_Y, 16384});
	at(&g, &c, 511, 383);
	/* A screen that shows nothing. */
	screen[0] = screen[1] = 0;
	STEPS({POINTER_X, 16384}, {POINTER_Y, 16384});
	follow(&g, &c);
	close_guest(&g);
}

static uint32_t call(struct guest *g, uint32_t what, uint32_t argument)
{
	reg[EAX] = 0x564d5868;
	reg[EBX] = argument;
	reg[ECX] = what;
	return (uint32_t)bus_read(g->rig.bus, SPACE_PORT, 0x5658, 4);
}

static void request(struct guest *g, uint32_t mode)
{
	call(g, 41, 0x45414552);
	call(g, 39, 1);
	call(g, 41, mode);
}

static void reads(struct guest *g, uint32_t flags, int x, int y, int dz)
{
	assert_int_equal(call(g, 40, 0), 4);
	assert_int_equal(call(g, 39, 4), flags);
	assert_int_equal(reg[EBX], (uint32_t)x);
	assert_int_equal(reg[ECX], (uint32_t)y);
	assert_int_equal(reg[EDX], (uint32_t)dz);
}

/* The PS/2 mouse tells by an empty packet that there is something. */
static void told(struct guest *g)
{
	struct sum s = packets(g);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.dx, 0);
	assert_int_equal(s.dy, 0);
	assert_int_equal(s.buttons, 0);
}

static void test_places(void **state)
{
	struct guest g;
	struct cursor c = {5, 5};
	open_guest(&g);
	assert_false(pointer_is_absolute(g.pointer));
	STEPS({POINTER_X, 16384}, {POINTER_Y, 16384});
	at(&g, &c, 319, 239);
	request(&g, 0x53424152);
	assert_true(pointer_is_absolute(g.pointer));
	STEPS({POINTER_X, 32767}, {POINTER_Y, 0}, {POINTER_DOWN, MOUSE_RIGHT});
	struct sum s = packets(&g);
	assert_int_equal(s.packets, 2);
	assert_int_equal(call(&g, 40, 0), 8);
	assert_int_equal(call(&g, 39, 4), 0);
	assert_int_equal(reg[EBX], 0xffff);
	reads(&g, 0x10, 0xffff, 0, 0);
	STEPS({POINTER_X, 16384}, {POINTER_WHEEL, -1});
	told(&g);
	reads(&g, 0x10, 32768, 0, -1);
	/* A movement leads from there. */
	STEPS({POINTER_DX, -320}, {POINTER_DY, 48});
	told(&g);
	reads(&g, 0x10, 2, 6552, 0);
	/* By as many pixels as the screen has now; places are merged. */
	screen[0] = 320;
	STEPS({POINTER_DX, 8});
	STEPS({POINTER_DX, 8});
	packets(&g);
	reads(&g, 0x10, 3278, 6552, 0);
	screen[0] = 640;
	STEPS({POINTER_DX, -320}, {POINTER_DY, INT32_MAX}, {POINTER_UP, MOUSE_RIGHT});
	packets(&g);
	assert_int_equal(call(&g, 39, 4), 0x10);
	reads(&g, 0, 0, 0xffff, 0);
	/* Back to movements. */
	call(&g, 41, 0xf5);
	c = (struct cursor){5, 5};
	STEPS({POINTER_X, 16384}, {POINTER_Y, 16384});
	at(&g, &c, 319, 239);
	request(&g, 0x4c455252);
	STEPS({POINTER_DX, 9}, {POINTER_DY, 8});
	told(&g);
	reads(&g, 0x10000, 9, -8, 0);
	STEPS({POINTER_X, 8192});
	told(&g);
	reads(&g, 0x10000, 159 - 328, 247 - 239, 0);
	close_guest(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relative),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_follows),
		cmocka_unit_test(test_places),
	};
	return cmocka_run_group_tests_name("pointer", tests, NULL, NULL);
}
