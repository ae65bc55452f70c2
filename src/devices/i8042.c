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
	CB_INTERRUPT = 0x01,
	CB_SYSTEM = 0x04,
	CB_DISABLED = 0x10,
	CB_TRANSLATE = 0x40,

	/* output port */
	OUT_NOT_RESET = 0x01,
	OUT_A20 = 0x02,
	OUT_FULL = 0x10,  /* IRQ 1 */
	OUT_LINES = 0xc0, /* keyboard data and clock, both high */

	/* commands */
	READ_RAM = 0x20,  /* 20h to 3Fh */
	WRITE_RAM = 0x60, /* 60h to 7Fh */
	AUX_DISABLE = 0xa7,
	AUX_ENABLE = 0xa8,
	AUX_TEST = 0xa9,
	SELF_TEST = 0xaa,
	INTERFACE_TEST = 0xab,
	DISABLE = 0xad,
	ENABLE = 0xae,
	READ_INPUT = 0xc0,
	READ_OUTPUT = 0xd0,
	WRITE_OUTPUT = 0xd1,
	WRITE_KEYBOARD_BUFFER = 0xd2,
	WRITE_AUX_BUFFER = 0xd3,
	WRITE_AUX = 0xd4,
	READ_TEST = 0xe0,
	PULSE = 0xf0, /* F0h to FFh: zero bits pulse output lines */

	SELF_TEST_OK = 0x55,
	INTERFACE_OK = 0x00,
	CLOCK_STUCK_LOW = 0x01,
	INPUT_UNLOCKED = 0x80,

	/* keyboard */
	KB_LEDS = 0xed,
	KB_ECHO = 0xee,
	KB_SCAN_SET = 0xf0,
	KB_IDENTIFY = 0xf2,
	KB_RATE = 0xf3,
	KB_ENABLE = 0xf4,
	KB_DISABLE = 0xf5,
	KB_DEFAULTS = 0xf6,
	KB_SET_KEY_FIRST = 0xfb,
	KB_SET_KEY_LAST = 0xfd,
	KB_RESEND = 0xfe,
	KB_RESET = 0xff,
	KB_ACK = 0xfa,
	KB_SELF_TEST_OK = 0xaa,

	QUEUE = 16,
};

struct i8042 {
	struct irq_line irq1;
	void *ctx;
	void (*reset)(void *ctx);
	struct irq_line a20;
	uint8_t ram[32]; /* the command byte is the first */
	uint8_t output_port;
	uint8_t status;  /* ST_SYSTEM and ST_COMMAND */
	uint8_t command; /* whose parameter port 60h awaits; 0: none */

	bool full; /* the output buffer */
	bool from_keyboard;
	uint8_t origin; /* ST_AUX, ST_TIMEOUT: with what it holds */
	uint8_t output;

	uint8_t queue[QUEUE]; /* from the keyboard, behind the output buffer */
	unsigned head, count;
	uint8_t kb_command; /* whose parameter the keyboard awaits */
	uint8_t kb_last;    /* as it was sent */
	uint8_t scan_set;
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

/* Whatever the keyboard sends goes this way: the controller cannot tell a scan code from
 * an answer. */
static uint8_t translate(const struct i8042 *k, uint8_t v)
{
	return k->ram[0] & CB_TRANSLATE && v < sizeof set1 ? set1[v] : v;
}

static void put(struct i8042 *k, uint8_t v, bool from_keyboard, uint8_t origin)
{
	k->output = v;
	k->full = true;
	k->from_keyboard = from_keyboard;
	k->origin = origin;
}

static void update(struct i8042 *k)
{
	if (!k->full && k->count && !(k->ram[0] & CB_DISABLED)) {
		k->kb_last = k->queue[k->head];
		k->head = (k->head + 1) % QUEUE;
		k->count--;
		put(k, translate(k, k->kb_last), true, 0);
	}
	irq_set(&k->irq1, k->full && k->from_keyboard && k->ram[0] & CB_INTERRUPT);
}

/* The controller's own answer. */
static void answer(struct i8042 *k, uint8_t v)
{
	put(k, v, false, 0);
}

/* --- the keyboard --- */

static void kb_send(struct i8042 *k, uint8_t v)
{
	if (k->count < QUEUE)
		k->queue[(k->head + k->count++) % QUEUE] = v;
}

static void kb_parameter(struct i8042 *k, uint8_t command, uint8_t v)
{
	kb_send(k, KB_ACK);
	if (command != KB_SCAN_SET)
		return;
	if (v == 0)
		kb_send(k, k->scan_set);
	else if (v <= 3)
		k->scan_set = v;
}

static void kb_write(struct i8042 *k, uint8_t v)
{
	uint8_t command = k->kb_command;
	k->kb_command = 0;
	/* Parameters are below 80h; anything else is a new command. */
	if (command && v < 0x80) {
		kb_parameter(k, command, v);
		return;
	}
	switch (v) {
	case KB_LEDS:
	case KB_SCAN_SET:
	case KB_RATE:
	case KB_SET_KEY_FIRST ... KB_SET_KEY_LAST:
		k->kb_command = v;
		kb_send(k, KB_ACK);
		break;
	case KB_ECHO:
		kb_send(k, KB_ECHO);
		break;
	case KB_IDENTIFY: /* an MF2 keyboard */
		kb_send(k, KB_ACK);
		kb_send(k, 0xab);
		kb_send(k, 0x83);
		break;
	case KB_RESEND:
		kb_send(k, k->kb_last);
		break;
	case KB_RESET:
		k->count = 0;
		k->scan_set = 2;
		kb_send(k, KB_ACK);
		kb_send(k, KB_SELF_TEST_OK);
		break;
	case KB_DEFAULTS:
		k->scan_set = 2;
		kb_send(k, KB_ACK);
		break;
	case KB_ENABLE:
	case KB_DISABLE:
	case 0xf7 ... 0xfa: /* typematic and make/break modes of scan set 3 */
		kb_send(k, KB_ACK);
		break;
	default:
		kb_send(k, KB_RESEND);
	}
}

/* --- the controller --- */

static void drive_output_port(struct i8042 *k, uint8_t v)
{
	k->output_port = (v | OUT_NOT_RESET) & ~OUT_FULL;
	irq_set(&k->a20, k->output_port & OUT_A20);
}

static void set_output_port(struct i8042 *k, uint8_t v)
{
	drive_output_port(k, v);
	if (!(v & OUT_NOT_RESET))
		k->reset(k->ctx);
}

static void command_parameter(struct i8042 *k, uint8_t command, uint8_t v)
{
	switch (command) {
	case WRITE_RAM ... WRITE_RAM + 0x1f:
		k->ram[command & 0x1f] = v;
		if (command == WRITE_RAM)
			k->status = (k->status & ~ST_SYSTEM) | (v & CB_SYSTEM);
		break;
	case WRITE_OUTPUT:
		set_output_port(k, v);
		break;
	case WRITE_KEYBOARD_BUFFER:
		put(k, v, true, 0);
		break;
	case WRITE_AUX_BUFFER: /* no auxiliary port: comes back as the controller's */
		answer(k, v);
		break;
	case WRITE_AUX: /* nobody takes it */
		put(k, KB_RESEND, false, ST_AUX | ST_TIMEOUT);
		break;
	}
}

static void command(struct i8042 *k, uint8_t v)
{
	k->command = 0;
	switch (v) {
	case READ_RAM ... READ_RAM + 0x1f:
		answer(k, k->ram[v & 0x1f]);
		break;
	case WRITE_RAM ... WRITE_RAM + 0x1f:
	case WRITE_OUTPUT:
	case WRITE_KEYBOARD_BUFFER:
	case WRITE_AUX_BUFFER:
	case WRITE_AUX:
		k->command = v;
		break;
	case AUX_TEST: /* nothing there pulls the clock up: guests stop looking */
		answer(k, CLOCK_STUCK_LOW);
		break;
	case SELF_TEST:
		k->count = 0;
		k->ram[0] |= CB_SYSTEM | CB_DISABLED;
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
		k->ram[0] &= ~CB_DISABLED;
		break;
	case READ_INPUT:
		answer(k, INPUT_UNLOCKED);
		break;
	case READ_OUTPUT:
		answer(k, k->output_port | OUT_LINES | (k->full ? OUT_FULL : 0));
		break;
	case READ_TEST:
		answer(k, 0x00);
		break;
	case PULSE ... PULSE + 0x0f:
		if (!(v & OUT_NOT_RESET))
			k->reset(k->ctx);
		break;
	case AUX_DISABLE:
	case AUX_ENABLE:
		break;
	}
}

static uint32_t status_read(void *ctx, uint32_t offset, unsigned size)
{
	struct i8042 *k = ctx;
	return k->status | ST_UNLOCKED | (k->full ? ST_OUTPUT_FULL | k->origin : 0);
}

static uint32_t data_read(void *ctx, uint32_t offset, unsigned size)
{
	struct i8042 *k = ctx;
	uint8_t v = k->output;
	k->full = false;
	/* Between two bytes the line falls: each is an edge. */
	irq_set(&k->irq1, false);
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
	if (waiting) {
		command_parameter(k, waiting, value);
	} else {
		k->ram[0] &= ~CB_DISABLED; /* talking to the keyboard enables it */
		kb_write(k, value);
	}
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

/* The keyboard has no reset line: it stays as it is. */
static void i8042_reset(void *d, enum reset_kind kind)
{
	struct i8042 *k = d;
	memset(k->ram, 0, sizeof k->ram);
	drive_output_port(k, OUT_A20);
	k->status = k->command = 0;
	k->full = k->from_keyboard = false;
	k->origin = k->output = 0;
	if (kind == RESET_POWER) {
		k->head = k->count = 0;
		k->kb_command = k->kb_last = 0;
		k->scan_set = 2;
	}
	update(k);
}

static void i8042_state(void *d, struct archive *a)
{
	struct i8042 *k = d;
	ARCHIVE(a, k, ram);
	ARCHIVE(a, k, output_port);
	ARCHIVE(a, k, status);
	ARCHIVE(a, k, command);
	ARCHIVE(a, k, full);
	ARCHIVE(a, k, from_keyboard);
	ARCHIVE(a, k, origin);
	ARCHIVE(a, k, output);
	ARCHIVE(a, k, queue);
	ARCHIVE(a, k, head);
	archive_require(a, "head", k->head < QUEUE);
	ARCHIVE(a, k, count);
	archive_require(a, "count", k->count <= QUEUE);
	ARCHIVE(a, k, kb_command);
	ARCHIVE(a, k, kb_last);
	ARCHIVE(a, k, scan_set);
	if (archive_loaded(a)) {
		drive_output_port(k, k->output_port);
		update(k);
	}
}

const struct device_type i8042_type = {"i8042", i8042_reset, i8042_state, free};

struct i8042 *i8042_create(struct bus *bus, struct irq_line irq1, struct irq_line a20, void *ctx,
                           void (*reset)(void *ctx))
{
	struct i8042 *k = calloc(1, sizeof *k);
	CHECK(k);
	k->irq1 = irq1;
	k->a20 = a20;
	k->ctx = ctx;
	k->reset = reset;
	i8042_reset(k, RESET_POWER);
	struct region_handler data = {.ctx = k, .read = data_read, .write = data_write};
	struct region_handler command = {.ctx = k, .read = status_read, .write = command_write};
	CHECK(bus_map(bus, SPACE_PORT, DATA, 1, data) > 0);
	CHECK(bus_map(bus, SPACE_PORT, COMMAND, 1, command) > 0);
	return k;
}
