#include "devices/i8042.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	DATA = 0x60,
	COMMAND = 0x64,

	/* status register */
	ST_OUTPUT_FULL = 0x01,
	ST_SYSTEM = 0x04,
	ST_COMMAND = 0x08,   /* the last write went to port 64h */
	ST_UNLOCKED = 0x10,

	/* command byte */
	CB_INTERRUPT = 0x01,
	CB_SYSTEM = 0x04,
	CB_DISABLED = 0x10,

	/* output port */
	OUT_NOT_RESET = 0x01,
	OUT_A20 = 0x02,
	OUT_FULL = 0x10,     /* IRQ 1 */
	OUT_LINES = 0xc0,    /* keyboard data and clock, both high */

	/* commands */
	READ_RAM = 0x20,     /* 20h to 3Fh */
	WRITE_RAM = 0x60,    /* 60h to 7Fh */
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
	READ_TEST = 0xe0,
	PULSE = 0xf0,        /* F0h to FFh: zero bits pulse output lines */

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
	uint8_t ram[32];     /* the command byte is the first */
	uint8_t output_port;
	uint8_t status;      /* ST_SYSTEM and ST_COMMAND */
	uint8_t command;     /* whose parameter port 60h awaits; 0: none */

	bool full;           /* the output buffer */
	bool from_keyboard;
	uint8_t output;

	uint8_t queue[QUEUE];/* from the keyboard, behind the output buffer */
	unsigned head, count;
	uint8_t kb_command;  /* whose parameter the keyboard awaits */
	uint8_t kb_last, scan_set;
};

static void update(struct i8042 *k)
{
	if (!k->full && k->count && !(k->ram[0] & CB_DISABLED)) {
		k->output = k->kb_last = k->queue[k->head];
		k->head = (k->head + 1) % QUEUE;
		k->count--;
		k->full = k->from_keyboard = true;
	}
	irq_set(&k->irq1, k->full && k->from_keyboard && k->ram[0] & CB_INTERRUPT);
}

/* The controller's own answer. */
static void answer(struct i8042 *k, uint8_t v, bool as_keyboard)
{
	k->output = v;
	k->full = true;
	k->from_keyboard = as_keyboard;
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

static void set_output_port(struct i8042 *k, uint8_t v)
{
	k->output_port = v | OUT_NOT_RESET;
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
		answer(k, v, true);
		break;
	case WRITE_AUX_BUFFER: /* no auxiliary port: comes back as the controller's */
		answer(k, v, false);
		break;
	}
}

static void command(struct i8042 *k, uint8_t v)
{
	k->command = 0;
	switch (v) {
	case READ_RAM ... READ_RAM + 0x1f:
		answer(k, k->ram[v & 0x1f], false);
		break;
	case WRITE_RAM ... WRITE_RAM + 0x1f:
	case WRITE_OUTPUT:
	case WRITE_KEYBOARD_BUFFER:
	case WRITE_AUX_BUFFER:
		k->command = v;
		break;
	case AUX_TEST: /* nothing there pulls the clock up: guests stop looking */
		answer(k, CLOCK_STUCK_LOW, false);
		break;
	case SELF_TEST:
		k->count = 0;
		k->ram[0] |= CB_SYSTEM | CB_DISABLED;
		k->status |= ST_SYSTEM;
		answer(k, SELF_TEST_OK, false);
		break;
	case INTERFACE_TEST:
		answer(k, INTERFACE_OK, false);
		break;
	case DISABLE:
		k->ram[0] |= CB_DISABLED;
		break;
	case ENABLE:
		k->ram[0] &= ~CB_DISABLED;
		break;
	case READ_INPUT:
		answer(k, INPUT_UNLOCKED, false);
		break;
	case READ_OUTPUT:
		answer(k, k->output_port | OUT_LINES | (k->full ? OUT_FULL : 0), false);
		break;
	case READ_TEST:
		answer(k, 0x00, false);
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

static uint32_t i8042_read(void *ctx, uint16_t port, unsigned size)
{
	struct i8042 *k = ctx;
	if (port == COMMAND)
		return k->status | ST_UNLOCKED | (k->full ? ST_OUTPUT_FULL : 0);
	uint8_t v = k->output;
	k->full = false;
	/* Between two bytes the line falls: each is an edge. */
	irq_set(&k->irq1, false);
	update(k);
	return v;
}

static void i8042_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
	struct i8042 *k = ctx;
	if (port == COMMAND) {
		k->status |= ST_COMMAND;
		command(k, value);
	} else {
		k->status &= ~ST_COMMAND;
		uint8_t waiting = k->command;
		k->command = 0;
		if (waiting) {
			command_parameter(k, waiting, value);
		} else {
			k->ram[0] &= ~CB_DISABLED; /* talking to the keyboard enables it */
			kb_write(k, value);
		}
	}
	update(k);
}

bool i8042_a20(const struct i8042 *k)
{
	return k->output_port & OUT_A20;
}

void i8042_set_a20(struct i8042 *k, bool on)
{
	k->output_port = on ? k->output_port | OUT_A20 : k->output_port & ~OUT_A20;
}

struct i8042 *i8042_create(struct bus *bus, struct irq_line irq1, void *ctx,
                           void (*reset)(void *ctx))
{
	struct i8042 *k = calloc(1, sizeof *k);
	CHECK(k);
	k->irq1 = irq1;
	k->ctx = ctx;
	k->reset = reset;
	k->ram[0] = CB_SYSTEM | CB_INTERRUPT; /* as firmware leaves it */
	k->status = ST_SYSTEM;
	k->output_port = OUT_NOT_RESET | OUT_A20;
	k->scan_set = 2;
	struct port_handler h = {k, i8042_read, i8042_write};
	CHECK(!bus_claim(bus, DATA, 1, false, h));
	CHECK(!bus_claim(bus, COMMAND, 1, false, h));
	return k;
}

void i8042_destroy(struct i8042 *k)
{
	free(k);
}
