#include "machine/board.h"

#include "base/log.h"
#include "devices/debugport.h"
#include "devices/i8042.h"
#include "devices/npx.h"
#include "devices/pic.h"
#include "devices/pit.h"
#include "devices/rtc.h"
#include "devices/sysctl.h"

#include <stdlib.h>

enum { IRQ_TIMER = 0, IRQ_KEYBOARD = 1, IRQ_COM1 = 4, IRQ_RTC = 8, IRQ_NPX = 13, COM1 = 0x3f8 };

struct board {
	struct bus *bus;
	struct pic *pic;
	struct pit *pit;
	struct rtc *rtc;
	struct uart *uart;
	struct i8042 *i8042;
	struct npx *npx;
	struct sysctl *sysctl;
	struct debugport *debugport;
};

static void on_look(void *ctx)
{
	struct board *b = ctx;
	pit_look(b->pit);
}

static void on_ack(void *ctx, unsigned irq)
{
	struct board *b = ctx;
	if (irq == IRQ_TIMER)
		pit_tick_taken(b->pit);
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

struct board *board_create(const struct board_config *c)
{
	struct board *b = calloc(1, sizeof *b);
	CHECK(b);
	b->bus = bus_create();
	b->pic = pic_create(b->bus, (struct pic_board){b, on_look, on_ack});
	b->pit = pit_create(b->bus, c->clock, pic_line(b->pic, IRQ_TIMER));
	b->rtc = rtc_create(b->bus, c->clock, pic_line(b->pic, IRQ_RTC), c->utc_ns);
	b->i8042 = i8042_create(b->bus, pic_line(b->pic, IRQ_KEYBOARD), c->ctx, c->reset);
	b->npx = npx_create(b->bus, pic_line(b->pic, IRQ_NPX), c->ctx, c->ignne);
	b->sysctl = sysctl_create(b->bus, (struct sysctl_board){b, a20, set_a20, c->ctx, c->reset});
	b->debugport = debugport_create(b->bus, c->ctx, c->debug_write, c->debug_exit);
	if (c->attach)
		CHECK(!c->attach(b->bus));
	if (c->has_serial)
		b->uart =
			uart_create(b->bus, c->clock, COM1, pic_line(b->pic, IRQ_COM1), c->serial);
	return b;
}

void board_destroy(struct board *b)
{
	if (!b)
		return;
	uart_destroy(b->uart);
	debugport_destroy(b->debugport);
	sysctl_destroy(b->sysctl);
	npx_destroy(b->npx);
	i8042_destroy(b->i8042);
	rtc_destroy(b->rtc);
	pit_destroy(b->pit);
	pic_destroy(b->pic);
	bus_destroy(b->bus);
	free(b);
}

struct uart *board_uart(struct board *b)
{
	return b->uart;
}

uint32_t board_in(struct board *b, uint16_t port, unsigned size)
{
	return bus_read(b->bus, port, size);
}

void board_out(struct board *b, uint16_t port, unsigned size, uint32_t value)
{
	bus_write(b->bus, port, size, value);
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
