#include "machine/board.h"

#include "base/log.h"
#include "devices/debugport.h"
#include "devices/dma.h"
#include "devices/i440fx.h"
#include "devices/i8042.h"
#include "devices/ioapic.h"
#include "devices/lapic.h"
#include "devices/nmi.h"
#include "devices/npx.h"
#include "devices/pic.h"
#include "devices/piix3.h"
#include "devices/piix4pm.h"
#include "devices/pit.h"
#include "devices/rtc.h"
#include "devices/sysctl.h"
#include "devices/vga_pci.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	IRQ_TIMER = 0,
	IRQ_KEYBOARD = 1,
	IRQ_FLOPPY = 6,
	IRQ_PARALLEL = 7,
	IRQ_RTC = 8,
	IRQ_SCI = 9,
	IRQ_MOUSE = 12,
	IRQ_NPX = 13,
	IRQ_IDE = 14, /* of the first channel; the second has the next */
	LPT1 = 0x378,
	MAX_DEVICES = 32,
	VGA_DEVICE = 2, /* on PCI */
	IOAPIC_TIMER = 2,
	LAPIC_VERSION = 0x14,
	LAPIC_LAST_LVT = 4, /* of a P6; a Pentium 4 has one more */
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
	void (*nmi)(void *ctx);
	void (*memory_changed)(void *ctx, const struct bus *bus);
	void (*shadow)(void *ctx, uint32_t base, uint32_t bytes, bool read, bool write);
	/* Those that the others' wires lead to, and the machine's. */
	struct pic *pic;
	struct lapic *lapic; /* NULL: none */
	struct ioapic *ioapic;
	struct pit *pit;
	struct rtc *rtc;
	struct fwcfg *fwcfg;
	struct i8042 *i8042;
	struct keyboard *keyboard;
	struct mouse *mouse;
	struct vmmouse *vmmouse;
	struct nmi *nmi_gate;
	struct npx *npx;
	struct uart *uart[BOARD_SERIALS];
	struct parallel *parallel;
	struct vga_pci *vga_pci;
	struct pci *pci;
	struct piix4pm *pm;
	struct vga *vga;
	struct fdc *fdc;
	struct ide *ide;
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

struct pci *board_pci(struct board *b)
{
	return b->pci;
}

static void on_shadow(void *ctx, uint32_t base, uint32_t bytes, bool read, bool write)
{
	struct board *b = ctx;
	if (b->shadow)
		b->shadow(b->ctx, base, bytes, read, write);
}

/* --- interrupts --- */

static bool on_pic_intr(void *ctx)
{
	struct board *b = ctx;
	return pic_intr(b->pic);
}

static uint8_t on_pic_ack(void *ctx)
{
	struct board *b = ctx;
	return pic_ack(b->pic);
}

static void on_apic_nmi(void *ctx)
{
	struct board *b = ctx;
	b->nmi(b->ctx);
}

static void on_eoi(void *ctx, uint8_t vector)
{
	struct board *b = ctx;
	ioapic_eoi(b->ioapic, vector);
}

static bool on_message(void *ctx, const struct lapic_message *m)
{
	struct board *b = ctx;
	return lapic_send(b->lapic, m);
}

/* Each interrupt has the same input of both controllers, but the timer: the I/O APIC's inputs 0 and 2
 * are the 8259A and the timer.  MultiProcessor Specification 1.4, 3.6.1. */
static void on_input(void *ctx, unsigned irq, bool level)
{
	struct board *b = ctx;
	ioapic_input(b->ioapic, irq == IRQ_TIMER ? IOAPIC_TIMER : irq, level);
}

static void on_intr(void *ctx, bool level)
{
	struct board *b = ctx;
	lapic_input(b->lapic, LAPIC_LINT0, level);
}

static void on_nmi(void *ctx)
{
	struct board *b = ctx;
	if (!b->lapic) {
		b->nmi(b->ctx);
		return;
	}
	lapic_input(b->lapic, LAPIC_LINT1, true);
	lapic_input(b->lapic, LAPIC_LINT1, false);
}

static void create_apics(struct board *b, const struct board_config *c)
{
	struct lapic_board lapic = {
		.clock = c->clock,
		.version = LAPIC_VERSION,
		.last_lvt = LAPIC_LAST_LVT + c->apic_thermal,
		.ctx = b,
		.nmi = on_apic_nmi,
		.init = on_pulse,
		.eoi = on_eoi,
		.pic_intr = on_pic_intr,
		.pic_ack = on_pic_ack,
	};
	b->lapic = lapic_create(b->bus, lapic);
	board_add(b, &lapic_type, b->lapic);
	b->ioapic = ioapic_create(b->bus, b, on_message);
	board_add(b, &ioapic_type, b->ioapic);
	pic_listen(b->pic, (struct pic_listener){b, on_input, on_intr});
}

static void create_pci(struct board *b, const struct board_config *c)
{
	b->pci = pci_create(b->bus, c->ram_end);
	board_add(b, &pci_type, b->pci);
	b->shadow = c->shadow;
	board_add(b, &i440fx_type, i440fx_create(b->pci, (struct i440fx_board){b, on_shadow}));
	struct piix3_board piix3 = {.ctx = c->ctx, .reset = c->reset};
	for (unsigned irq = 0; irq < 16; irq++)
		if (PIIX3_ROUTABLE >> irq & 1)
			piix3.irq[irq] = pic_line(b->pic, irq);
	board_add(b, &piix3_type, piix3_create(b->pci, piix3));
	struct piix4pm_board pm = {c->clock, pic_line(b->pic, IRQ_SCI), c->ctx, c->power_off};
	b->pm = piix4pm_create(b->bus, b->pci, pm);
	board_add(b, &piix4pm_type, b->pm);
}

static void create_input(struct board *b, const struct board_config *c)
{
	struct i8042_wires wires = {
		.irq = {pic_line(b->pic, IRQ_KEYBOARD), pic_line(b->pic, IRQ_MOUSE)},
		.a20 = {c->ctx, c->a20},
		.ctx = b,
		.reset = on_pulse,
	};
	b->i8042 = i8042_create(b->bus, c->clock, wires);
	board_add(b, &i8042_type, b->i8042);
	b->keyboard = keyboard_create(c->clock);
	board_add(b, &keyboard_type, b->keyboard);
	keyboard_connect(b->keyboard,
	                 i8042_attach(b->i8042, PS2_KEYBOARD, keyboard_line(b->keyboard)));
	b->mouse = mouse_create(c->clock);
	board_add(b, &mouse_type, b->mouse);
	mouse_connect(b->mouse, i8042_attach(b->i8042, PS2_AUX, mouse_line(b->mouse)));
	struct vmmouse_board vmmouse = {c->ctx, c->in_registers};
	b->vmmouse = vmmouse_create(b->bus, vmmouse);
	board_add(b, &vmmouse_type, b->vmmouse);
}

static void create_ide(struct board *b, const struct board_config *c)
{
	struct ide_board ide = {
		.ctx = c->ctx,
		.irq = {pic_line(b->pic, IRQ_IDE), pic_line(b->pic, IRQ_IDE + 1)},
		.memory = c->memory,
		.error = c->disk_error,
		.tray = c->tray,
	};
	b->ide = ide_create(b->bus, b->pci, c->clock, ide);
	board_add(b, &ide_type, b->ide);
}

static void create_floppies(struct board *b, const struct board_config *c)
{
	struct dma *dma = dma_create(b->bus, c->memory);
	board_add(b, &dma_type, dma);
	struct fdc_board fdc = {c->ctx, c->floppy_error};
	b->fdc = fdc_create(b->bus, c->clock, dma, pic_line(b->pic, IRQ_FLOPPY), fdc);
	board_add(b, &fdc_type, b->fdc);
	for (unsigned i = 0; i < FDC_DRIVES; i++)
		fdc_set_drive(b->fdc, i, c->floppy[i]);
}

static void create_serials(struct board *b, const struct board_config *c)
{
	static const struct {
		uint16_t port;
		uint8_t irq;
	} places[BOARD_SERIALS] = {{0x3f8, 4}, {0x2f8, 3}};
	for (unsigned i = 0; i < BOARD_SERIALS; i++) {
		if (!c->has_serial[i])
			continue;
		struct irq_line irq = pic_line(b->pic, places[i].irq);
		b->uart[i] = uart_create(b->bus, c->clock, places[i].port, irq, c->serial[i]);
		board_add(b, &uart_type, b->uart[i]);
	}
}

static void create_display(struct board *b, const struct board_config *c)
{
	uint8_t edid[EDID_BYTES];
	b->vga = vga_create(b->bus, c->clock, c->vga_memory);
	board_add(b, &vga_type, b->vga);
	b->vga_pci = vga_pci_create(b->bus, b->pci, VGA_DEVICE, b->vga);
	board_add(b, &vga_pci_type, b->vga_pci);
	if (!c->screen_width)
		return;
	edid_make(edid, c->screen_width, c->screen_height);
	vga_pci_set_edid(b->vga_pci, edid);
}

static void on_memory_changed(void *ctx)
{
	struct board *b = ctx;
	if (b->memory_changed)
		b->memory_changed(b->ctx, b->bus);
}

struct board *board_create(const struct board_config *c)
{
	struct board *b = calloc(1, sizeof *b);
	CHECK(b);
	b->memory_changed = c->memory_changed;
	b->ctx = c->ctx;
	struct bus *bus = b->bus = bus_create(b, on_memory_changed);
	b->reset = c->reset;
	b->pic = pic_create(bus, b, on_look);
	board_add(b, &pic_type, b->pic);
	b->nmi = c->nmi;
	if (c->has_apic)
		create_apics(b, c);
	b->nmi_gate = nmi_create(b, on_nmi);
	board_add(b, &nmi_type, b->nmi_gate);
	b->pit = pit_create(bus, c->clock, pic_line(b->pic, IRQ_TIMER), b->nmi_gate);
	board_add(b, &pit_type, b->pit);
	b->rtc = rtc_create(bus, c->clock, pic_line(b->pic, IRQ_RTC), b->nmi_gate, c->day_ns);
	board_add(b, &rtc_type, b->rtc);
	create_input(b, c);
	b->npx = npx_create(bus, pic_line(b->pic, IRQ_NPX), c->ctx, c->ignne);
	board_add(b, &npx_type, b->npx);
	struct sysctl_board sysctl = {b, a20, set_a20, c->ctx, c->reset, c->power_off};
	board_add(b, &sysctl_type, sysctl_create(bus, sysctl));
	b->fwcfg = fwcfg_create(bus, c->memory);
	board_add(b, &fwcfg_type, b->fwcfg);
	if (c->debug_write)
		board_add(b, &debugport_type,
		          debugport_create_console(bus, DEBUGPORT_BOCHS, c->ctx, c->debug_write));
	if (c->firmware_write)
		board_add(b, &debugport_type,
		          debugport_create_console(bus, DEBUGPORT_SEABIOS, c->ctx,
		                                   c->firmware_write));
	if (c->debug_exit)
		board_add(b, &debugport_type, debugport_create_exit(bus, c->ctx, c->debug_exit));
	create_floppies(b, c);
	create_pci(b, c);
	create_ide(b, c);
	create_display(b, c);
	create_serials(b, c);
	if (c->has_parallel) {
		struct irq_line irq = pic_line(b->pic, IRQ_PARALLEL);
		b->parallel = parallel_create(bus, LPT1, irq, c->printer);
		board_add(b, &parallel_type, b->parallel);
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
	if (kind == RESET_CPU && b->lapic) /* it is the processor's */
		lapic_type.reset(b->lapic, kind);
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

struct uart *board_uart(struct board *b, unsigned i)
{
	return b->uart[i];
}

struct parallel *board_parallel(struct board *b)
{
	return b->parallel;
}

void board_set_vga_rom(struct board *b, const void *bytes, size_t n)
{
	vga_pci_set_rom(b->vga_pci, bytes, n);
}

struct vga *board_vga(struct board *b)
{
	return b->vga;
}

struct fdc *board_fdc(struct board *b)
{
	return b->fdc;
}

struct ide *board_ide(struct board *b)
{
	return b->ide;
}

struct keyboard *board_keyboard(struct board *b)
{
	return b->keyboard;
}

struct mouse *board_mouse(struct board *b)
{
	return b->mouse;
}

struct vmmouse *board_vmmouse(struct board *b)
{
	return b->vmmouse;
}

uint32_t board_in(struct board *b, uint16_t port, unsigned size)
{
	return bus_read(b->bus, SPACE_PORT, port, size);
}

void board_out(struct board *b, uint16_t port, unsigned size, uint32_t value)
{
	bus_write(b->bus, SPACE_PORT, port, size, value);
}

struct fwcfg *board_fwcfg(struct board *b)
{
	return b->fwcfg;
}

uint8_t board_cmos(const struct board *b, uint8_t at)
{
	return rtc_cmos(b->rtc, at);
}

struct irq_line board_iochk(struct board *b)
{
	return nmi_iochk(b->nmi_gate);
}

void board_power_button(struct board *b)
{
	piix4pm_power_button(b->pm);
}

void board_ferr(struct board *b)
{
	npx_ferr(b->npx);
}

bool board_intr(struct board *b)
{
	return b->lapic ? lapic_intr(b->lapic) : pic_intr(b->pic);
}

uint8_t board_ack(struct board *b)
{
	return b->lapic ? lapic_ack(b->lapic) : pic_ack(b->pic);
}

void board_apic_base(struct board *b, uint64_t base)
{
	if (b->lapic)
		lapic_set_base(b->lapic, base);
}
