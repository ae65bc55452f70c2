#include "devices/i8042.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	DATA = 0x60,
	COMMAND = 0x64,

	/* status register */
	ST_OUTPUT_FULL = 0x01,
	ST_SYSTEM = 0x04,
	ST_COMMAND = 0x08, /* the last write went to port 64h */
	ST_UNLOCKED = 0x10,
	ST_AUX = 0x20, /* the output buffer holds the auxiliary device's */
	ST_TIMEOUT = 0x40,

	/* command byte */
	CB_INTERRUPT = 0x01, /* and the auxiliary device's behind it */
	CB_SYSTEM = 0x04,
	CB_DISABLED = 0x10, /* likewise */
	CB_TRANSLATE = 0x40,

	/* output port */
	OUT_NOT_RESET = 0x01,
	OUT_A20 = 0x02,
	OUT_FULL = 0x10,  /* IRQ 1, and IRQ 12 behind it */
	OUT_LINES = 0xc0, /* keyboard data and clock, both high */

	/* commands */
	READ_RAM = 0x20,  /* 20h to 3Fh */
	WRITE_RAM = 0x60, /* 60h to 7Fh */
	TEST_PASSWORD = 0xa4,
	LOAD_PASSWORD = 0xa5,
	AUX_DISABLE = 0xa7,
	AUX_ENABLE = 0xa8,
	AUX_TEST = 0xa9,
	SELF_TEST = 0xaa,
	INTERFACE_TEST = 0xab,
	DISABLE = 0xad,
	ENABLE = 0xae,
	READ_INPUT = 0xc0,
	POLL_INPUT_LOW = 0xc1,
	POLL_INPUT_HIGH = 0xc2,
	READ_OUTPUT = 0xd0,
	WRITE_OUTPUT = 0xd1,
	WRITE_KEYBOARD_BUFFER = 0xd2,
	WRITE_AUX_BUFFER = 0xd3,
	WRITE_AUX = 0xd4,
	A20_OFF = 0xdd,
	A20_ON = 0xdf,
	READ_TEST = 0xe0,
	PULSE = 0xf0, /* F0h to FFh: zero bits pulse output lines */

	NO_PASSWORD = 0xf1,
	SELF_TEST_OK = 0x55,
	INTERFACE_OK = 0x00,
	CLOCK_STUCK_LOW = 0x01,
	INPUT_UNLOCKED = 0x80,
	NOT_TAKEN = 0xfe, /* by a device that is not there */

	CONTROLLER = PS2_PORTS, /* the origin of a byte that no port sent */
};

/* Eleven bits, some 90 us each.  A driver that reads port 60h again, as handlers of IRQ 1 that
 * were put before another do, finds the same byte meanwhile. */
#define WIRE_NS 1000000ull

struct i8042 {
	struct i8042_wires wires;
	struct clock *clock;
	struct timer *arrival; /* of the next byte on a wire */
	struct ps2_device device[PS2_PORTS];
	uint8_t ram[32]; /* the command byte is the first */
	uint8_t output_port;
	uint8_t status;  /* ST_SYSTEM and ST_COMMAND */
	uint8_t command; /* whose parameter port 60h awaits; 0: none */
	uint8_t polled;  /* POLL_INPUT_LOW or HIGH; 0: neither */

	bool full; /* the output buffer */
	uint8_t output, origin, error;
	/* A device's byte that an answer of the controller's came before. */
	bool held;
	uint8_t held_output, held_origin, held_error;
	bool breaks;           /* F0h came, and waits for its code to be translated */
	uint64_t wire_free_ns; /* no device's own byte arrives before that */
};

/* Scan codes of set 2 as those of set 1.  PS/2 reference, "Keyboard", scan code tables. */
static const uint8_t set1[] = {
	0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29,
	0x59, 0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11,
	0x03, 0x5b, 0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14,
	0x13, 0x06, 0x5d, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24,
	0x16, 0x08, 0x09, 0x5f, 0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35,
	0x26, 0x27, 0x19, 0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36,
	0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c,
	0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, 0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45,
	0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54, 0x80, 0x81, 0x82, 0x41, 0x54,
};

enum { BREAK_2 = 0xf0, BREAK_1 = 0x80 };

/* --- the output buffer --- */

static void put(struct i8042 *k, uint8_t v, uint8_t origin, uint8_t error)
{
	if (k->full && k->origin != CONTROLLER && !k->held) {
		k->held = true;
		k->held_output = k->output;
		k->held_origin = k->origin;
		k->held_error = k->error;
	}
	k->full = true;
	k->output = v;
	k->origin = origin;
	k->error = error;
}

/* The controller's own answer: it takes the place of one that nobody has read. */
static void answer(struct i8042 *k, uint8_t v)
{
	put(k, v, CONTROLLER, 0);
}

/* --- the ports --- */

static bool disabled(const struct i8042 *k, enum ps2_port port)
{
	return k->ram[0] & CB_DISABLED << port;
}

static void enable(struct i8042 *k, enum ps2_port port)
{
	k->ram[0] &= ~(CB_DISABLED << port);
}

static bool present(const struct i8042 *k, enum ps2_port port)
{
	return k->device[port].write;
}

/* Whatever the keyboard sends goes this way: the controller cannot tell a scan code from an
 * answer.  False: it is the first half of a code. */
static bool translate(struct i8042 *k, uint8_t *v)
{
	if (!(k->ram[0] & CB_TRANSLATE))
		return true;
	if (*v == BREAK_2) {
		k->breaks = true;
		return false;
	}
	*v = (*v < sizeof set1 ? set1[*v] : *v) | (k->breaks ? BREAK_1 : 0);
	k->breaks = false;
	return true;
}

/* Takes the next byte of a port, if one has arrived. */
static bool receive(struct i8042 *k, enum ps2_port port)
{
	const struct ps2_device *d = &k->device[port];
	enum ps2_pending pending;
	while (present(k, port) && !disabled(k, port) && (pending = d->pending(d->ctx))) {
		if (pending == PS2_DATA && clock_now(k->clock) < k->wire_free_ns) {
			timer_set(k->arrival, k->wire_free_ns);
			return false;
		}
		uint8_t v = d->take(d->ctx);
		if (port == PS2_AUX || translate(k, &v)) {
			put(k, v, port, 0);
			return true;
		}
	}
	return false;
}

static void drive_irqs(struct i8042 *k)
{
	for (unsigned port = 0; port < PS2_PORTS; port++)
		irq_set(&k->wires.irq[port],
		        k->full && k->origin == port && k->ram[0] & CB_INTERRUPT << port);
}

static void update(struct i8042 *k)
{
	if (!k->full && k->held) {
		k->held = false;
		put(k, k->held_output, k->held_origin, k->held_error);
	} else if (!k->full && !receive(k, PS2_KEYBOARD)) {
		receive(k, PS2_AUX);
	}
	drive_irqs(k);
}

static void on_ready(void *ctx)
{
	update(ctx);
}

static void on_arrival(void *ctx, uint64_t now)
{
	update(ctx);
}

/* Talking to a device enables it. */
static void send(struct i8042 *k, enum ps2_port port, uint8_t v)
{
	const struct ps2_device *d = &k->device[port];
	enable(k, port);
	if (port == PS2_KEYBOARD)
		k->breaks = false;
	if (present(k, port))
		d->write(d->ctx, v);
	else
		put(k, NOT_TAKEN, CONTROLLER, ST_TIMEOUT | (port == PS2_AUX ? ST_AUX : 0));
}

/* --- commands --- */

static void drive_output_port(struct i8042 *k, uint8_t v)
{
	k->output_port = (v | OUT_NOT_RESET) & ~(OUT_FULL | OUT_FULL << 1);
	irq_set(&k->wires.a20, k->output_port & OUT_A20);
}

static uint8_t output_port(const struct i8042 *k)
{
	uint8_t full = k->full && k->origin == PS2_AUX ? OUT_FULL << 1 : k->full ? OUT_FULL : 0;
	return k->output_port | OUT_LINES | full;
}

static void set_output_port(struct i8042 *k, uint8_t v)
{
	drive_output_port(k, v);
	if (!(v & OUT_NOT_RESET))
		k->wires.reset(k->wires.ctx);
}

/* A wire's clock is held low while its device may not send. */
static uint8_t test_inputs(const struct i8042 *k)
{
	uint8_t clocks = 0;
	for (unsigned port = 0; port < PS2_PORTS; port++)
		if (present(k, port) && !disabled(k, port) && !k->full)
			clocks |= 1 << port;
	return clocks;
}

static void command_parameter(struct i8042 *k, uint8_t command, uint8_t v)
{
	switch (command) {
	case WRITE_RAM ... WRITE_RAM + 0x1f:
		k->ram[command & 0x1f] = v;
		if (command == WRITE_RAM)
			k->status = (k->status & ~ST_SYSTEM) | (v & CB_SYSTEM);
		break;
	case LOAD_PASSWORD: /* as far as its end; there is nothing that it would lock */
		k->command = v ? command : 0;
		break;
	case WRITE_OUTPUT:
		set_output_port(k, v);
		break;
	case WRITE_KEYBOARD_BUFFER:
		put(k, v, PS2_KEYBOARD, 0);
		break;
	case WRITE_AUX_BUFFER: /* without an auxiliary port it comes back as the controller's */
		put(k, v, present(k, PS2_AUX) ? PS2_AUX : CONTROLLER, 0);
		break;
	case WRITE_AUX:
		send(k, PS2_AUX, v);
		break;
	}
}

static void aux_command(struct i8042 *k, uint8_t v)
{
	bool there = present(k, PS2_AUX);
	if (v == AUX_TEST) /* nothing there pulls the clock up: guests stop looking */
		answer(k, there ? INTERFACE_OK : CLOCK_STUCK_LOW);
	else if (there && v == AUX_ENABLE)
		enable(k, PS2_AUX);
	else if (there)
		k->ram[0] |= CB_DISABLED << PS2_AUX;
}

static void command(struct i8042 *k, uint8_t v)
{
	k->command = k->polled = 0;
	switch (v) {
	case READ_RAM ... READ_RAM + 0x1f:
		answer(k, k->ram[v & 0x1f]);
		break;
	case WRITE_RAM ... WRITE_RAM + 0x1f:
	case LOAD_PASSWORD:
	case WRITE_OUTPUT:
	case WRITE_KEYBOARD_BUFFER:
	case WRITE_AUX_BUFFER:
	case WRITE_AUX:
		k->command = v;
		break;
	case TEST_PASSWORD:
		answer(k, NO_PASSWORD);
		break;
	case AUX_DISABLE:
	case AUX_ENABLE:
	case AUX_TEST:
		aux_command(k, v);
		break;
	case SELF_TEST:
		k->held = k->full = false;
		k->ram[0] |= CB_SYSTEM | CB_DISABLED;
		if (present(k, PS2_AUX))
			k->ram[0] |= CB_DISABLED << PS2_AUX;
		k->status |= ST_SYSTEM;
		answer(k, SELF_TEST_OK);
		break;
	case INTERFACE_TEST:
		answer(k, INTERFACE_OK);
		break;
	case DISABLE:
		k->ram[0] |= CB_DISABLED;
		break;
	case ENABLE:
		enable(k, PS2_KEYBOARD);
		break;
	case READ_INPUT:
		answer(k, INPUT_UNLOCKED);
		break;
	case POLL_INPUT_LOW:
	case POLL_INPUT_HIGH:
		k->polled = v;
		break;
	case READ_OUTPUT:
		answer(k, output_port(k));
		break;
	case A20_OFF:
		i8042_set_a20(k, false);
		break;
	case A20_ON:
		i8042_set_a20(k, true);
		break;
	case READ_TEST:
		answer(k, test_inputs(k));
		break;
	case PULSE ... PULSE + 0x0f:
		if (!(v & OUT_NOT_RESET))
			k->wires.reset(k->wires.ctx);
		break;
	}
}

/* --- its registers --- */

static uint32_t status_read(void *ctx, uint32_t offset, unsigned size)
{
	struct i8042 *k = ctx;
	uint8_t error = k->origin == PS2_AUX ? ST_AUX | k->error : k->error;
	uint8_t v = k->status | ST_UNLOCKED | (k->full ? ST_OUTPUT_FULL | error : 0);
	if (k->polled)
		v = (v & 0x0f) | (k->polled == POLL_INPUT_LOW ? INPUT_UNLOCKED << 4 & 0xf0
		                                              : INPUT_UNLOCKED & 0xf0);
	return v;
}

static uint32_t data_read(void *ctx, uint32_t offset, unsigned size)
{
	struct i8042 *k = ctx;
	uint8_t v = k->output;
	if (k->full && k->origin != CONTROLLER)
		k->wire_free_ns = clock_now(k->clock) + WIRE_NS;
	k->full = false;
	/* Between two bytes the lines fall: each is an edge. */
	drive_irqs(k);
	update(k);
	return v;
}

static void command_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct i8042 *k = ctx;
	k->status |= ST_COMMAND;
	command(k, value);
	update(k);
}

static void data_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct i8042 *k = ctx;
	uint8_t waiting = k->command;
	k->status &= ~ST_COMMAND;
	k->command = 0;
	if (waiting)
		command_parameter(k, waiting, value);
	else
		send(k, PS2_KEYBOARD, value);
	update(k);
}

bool i8042_a20(const struct i8042 *k)
{
	return k->output_port & OUT_A20;
}

void i8042_set_a20(struct i8042 *k, bool on)
{
	drive_output_port(k, on ? k->output_port | OUT_A20 : k->output_port & ~OUT_A20);
}

/* --- life --- */

static void i8042_reset(void *d, enum reset_kind kind)
{
	struct i8042 *k = d;
	memset(k->ram, 0, sizeof k->ram);
	drive_output_port(k, OUT_A20);
	k->status = k->command = k->polled = 0;
	k->full = k->held = k->breaks = false;
	k->origin = CONTROLLER;
	k->output = k->error = 0;
	k->held_output = k->held_origin = k->held_error = 0;
	k->wire_free_ns = 0;
	timer_cancel(k->arrival);
	/* At power-up there is nothing to send; from a reset alone the keyboard does not hear. */
	if (kind == RESET_POWER)
		drive_irqs(k);
	else
		update(k);
}

static void i8042_state(void *d, struct archive *a)
{
	struct i8042 *k = d;
	ARCHIVE(a, k, ram);
	ARCHIVE(a, k, output_port);
	ARCHIVE(a, k, status);
	ARCHIVE(a, k, command);
	ARCHIVE(a, k, polled);
	ARCHIVE(a, k, full);
	ARCHIVE(a, k, output);
	ARCHIVE(a, k, origin);
	archive_require(a, "origin", k->origin <= CONTROLLER);
	ARCHIVE(a, k, error);
	ARCHIVE(a, k, held);
	ARCHIVE(a, k, held_output);
	ARCHIVE(a, k, held_origin);
	archive_require(a, "held_origin", k->held_origin <= CONTROLLER);
	ARCHIVE(a, k, held_error);
	ARCHIVE(a, k, breaks);
	ARCHIVE(a, k, wire_free_ns);
	timer_state(k->arrival, a, "arrival");
	/* What devices have pending was looked at before it was saved: they may not be loaded
	 * yet. */
	if (archive_loaded(a)) {
		drive_output_port(k, k->output_port);
		drive_irqs(k);
	}
}

static void i8042_destroy(void *d)
{
	struct i8042 *k = d;
	timer_free(k->arrival);
	free(k);
}

const struct device_type i8042_type = {"i8042", i8042_reset, i8042_state, i8042_destroy};

struct ps2_host i8042_attach(struct i8042 *k, enum ps2_port port, struct ps2_device device)
{
	k->device[port] = device;
	return (struct ps2_host){k, on_ready};
}

struct i8042 *i8042_create(struct bus *bus, struct clock *clock, struct i8042_wires wires)
{
	struct i8042 *k = calloc(1, sizeof *k);
	CHECK(k);
	k->wires = wires;
	k->clock = clock;
	k->arrival = timer_create_on(clock, k, on_arrival);
	i8042_reset(k, RESET_POWER);
	struct region_handler data = {.ctx = k, .read = data_read, .write = data_write};
	struct region_handler command = {.ctx = k, .read = status_read, .write = command_write};
	CHECK(bus_map(bus, SPACE_PORT, DATA, 1, data) > 0);
	CHECK(bus_map(bus, SPACE_PORT, COMMAND, 1, command) > 0);
	return k;
}
