#include "machine/board.h"

#include "base/log.h"
#include "devices/debugport.h"
#include "devices/i8042.h"
#include "devices/nmi.h"
#include "devices/npx.h"
#include "devices/pic.h"
#include "devices/pit.h"
#include "devices/rtc.h"
#include "devices/sysctl.h"
#include "devices/vga.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	IRQ_TIMER = 0,
	IRQ_KEYBOARD = 1,
	IRQ_COM1 = 4,
	IRQ_RTC = 8,
	IRQ_MOUSE = 12,
	IRQ_NPX = 13,
	COM1 = 0x3f8,
	MAX_DEVICES = 32,
};

struct board {
	struct bus *bus;
	struct device {
		const struct device_type *type;
		void *instance;
	} devices[MAX_DEVICES]; /* in the order of their creation */
	unsigned count;
	void *ctx;
	void (*reset)(void *ctx, enum reset_kind kind);
	/* Those that the others' wires lead to, and the machine's. */
	struct pic *pic;
	struct pit *pit;
	struct i8042 *i8042;
	struct keyboard *keyboard;
	struct nmi *nmi;
	struct npx *npx;
	struct uart *uart;
	struct vga *vga;
};

static void on_look(void *ctx)
{
	struct board *b = ctx;
	pit_look(b->pit);
}

static bool a20(void *ctx)
{
	struct board *b = ctx;
	return i8042_a20(b->i8042);
}

static void set_a20(void *ctx, bool on)
{
	struct board *b = ctx;
	i8042_set_a20(b->i8042, on);
}

static void on_pulse(void *ctx)
{
	struct board *b = ctx;
	b->reset(b->ctx, RESET_CPU);
}

void board_add(struct board *b, const struct device_type *type, void *instance)
{
	CHECK(b->count < MAX_DEVICES);
	b->devices[b->count++] = (struct device){type, instance};
}

struct bus *board_bus(struct board *b)
{
	return b->bus;
}

struct board *board_create(const struct board_config *c)
{
	struct board *b = calloc(1, sizeof *b);
	CHECK(b);
	struct bus *bus = b->bus = bus_create(c->ctx, c->memory_changed);
	b->ctx = c->ctx;
	b->reset = c->reset;
	b->pic = pic_create(bus, b, on_look);
	board_add(b, &pic_type, b->pic);
	b->nmi = nmi_create(c->ctx, c->nmi);
	board_add(b, &nmi_type, b->nmi);
	b->pit = pit_create(bus, c->clock, pic_line(b->pic, IRQ_TIMER), b->nmi);
	board_add(b, &pit_type, b->pit);
	board_add(b, &rtc_type,
	          rtc_create(bus, c->clock, pic_line(b->pic, IRQ_RTC), b->nmi, c->utc_ns));
	struct i8042_wires wires = {
		.irq = {pic_line(b->pic, IRQ_KEYBOARD), pic_line(b->pic, IRQ_MOUSE)},
		.a20 = {c->ctx, c->a20},
		.ctx = b,
		.reset = on_pulse,
	};
	b->i8042 = i8042_create(bus, c->clock, wires);
	board_add(b, &i8042_type, b->i8042);
	b->keyboard = keyboard_create(c->clock);
	board_add(b, &keyboard_type, b->keyboard);
	keyboard_connect(b->keyboard,
	                 i8042_attach(b->i8042, PS2_KEYBOARD, keyboard_line(b->keyboard)));
	b->npx = npx_create(bus, pic_line(b->pic, IRQ_NPX), c->ctx, c->ignne);
	board_add(b, &npx_type, b->npx);
	struct sysctl_board sysctl = {b, a20, set_a20, c->ctx, c->reset};
	board_add(b, &sysctl_type, sysctl_create(bus, sysctl));
	board_add(b, &debugport_type, debugport_create(bus, c->ctx, c->debug_write, c->debug_exit));
	b->vga = vga_create(bus, c->clock);
	board_add(b, &vga_type, b->vga);
	if (c->has_serial) {
		struct irq_line irq = pic_line(b->pic, IRQ_COM1);
		b->uart = uart_create(bus, c->clock, COM1, irq, c->serial);
		board_add(b, &uart_type, b->uart);
	}
	return b;
}

void board_destroy(struct board *b)
{
	if (!b)
		return;
	while (b->count) {
		struct device *d = &b->devices[--b->count];
		d->type->destroy(d->instance);
	}
	bus_destroy(b->bus);
	free(b);
}

void board_reset(struct board *b, enum reset_kind kind)
{
	for (unsigned i = 0; i < b->count && kind != RESET_CPU; i++)
		b->devices[i].type->reset(b->devices[i].instance, kind);
}

/* How many of its type come before it. */
static unsigned number_of(const struct board *b, unsigned device)
{
	unsigned n = 0;
	for (unsigned i = 0; i < device; i++)
		n += b->devices[i].type == b->devices[device].type;
	return n;
}

void board_state(struct board *b, struct archive *a)
{
	for (unsigned i = 0; i < b->count; i++) {
		char name[32];
		snprintf(name, sizeof name, "%s%u", b->devices[i].type->name, number_of(b, i));
		archive_section(a, name);
		b->devices[i].type->state(b->devices[i].instance, a);
	}
	if (archive_loads(a) && archive_problem(a))
		board_reset(b, RESET_POWER);
}

struct uart *board_uart(struct board *b)
{
	return b->uart;
}

struct vga *board_vga(struct board *b)
{
	return b->vga;
}

struct keyboard *board_keyboard(struct board *b)
{
	return b->keyboard;
}

uint32_t board_in(struct board *b, uint16_t port, unsigned size)
{
	return bus_read(b->bus, SPACE_PORT, port, size);
}

void board_out(struct board *b, uint16_t port, unsigned size, uint32_t value)
{
	bus_write(b->bus, SPACE_PORT, port, size, value);
}

struct irq_line board_iochk(struct board *b)
{
	return nmi_iochk(b->nmi);
}

void board_ferr(struct board *b)
{
	npx_ferr(b->npx);
}

bool board_intr(struct board *b)
{
	return pic_intr(b->pic);
}

uint8_t board_ack(struct board *b)
{
	return pic_ack(b->pic);
}
