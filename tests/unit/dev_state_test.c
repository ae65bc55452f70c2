/* links: devices */
/* Save and restore: a device in whatever state random accesses have brought it to, and a new
 * one that has loaded it, answer alike from then on. */
#include "dev_state_cdrom.h"
#include "dev_state_fixture.h"

#include "devices/debugport.h"
#include "devices/i440fx.h"
#include "devices/i8042.h"
#include "devices/ioapic.h"
#include "devices/keyboard.h"
#include "devices/mouse.h"
#include "devices/npx.h"
#include "devices/parallel.h"
#include "devices/pic.h"
#include "devices/piix3.h"
#include "devices/piix4pm.h"
#include "devices/pit.h"
#include "devices/rtc.h"
#include "devices/sysctl.h"
#include "devices/uart.h"
#include "devices/vga.h"
#include "devices/vmmouse.h"

#include <stdlib.h>
#include <string.h>

enum { SEEDS = 1000, BEFORE = 150, AFTER = 150 };

static uint64_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % below;
}

/* --- the devices, and what is done to them beside accesses --- */

static void reset(void *ctx)
{
	told++;
}

static void reset_of(void *ctx, enum reset_kind kind)
{
	told += 1 + kind;
}

static bool a20(void *ctx)
{
	return true;
}

static void set_a20(void *ctx, bool on)
{
	told += on;
}

static void byte_out(void *ctx, uint8_t byte)
{
	told += byte;
}

static void status_out(void *ctx, int status)
{
	told += status;
}

static struct irq_line inputs[2][16];

static void *new_pic(struct rig *r, unsigned which)
{
	struct pic *p = pic_create(r->bus, NULL, NULL);
	for (unsigned i = 0; i < 16; i++)
		inputs[which][i] = pic_line(p, i == 2 || i == 3 ? 5 : i); /* shared */
	return p;
}

static void use_pic(void *d, unsigned which, uint32_t v)
{
	irq_set(&inputs[which][v >> 1 & 15], v & 1);
	if (v & 0x100)
		told += pic_ack(d);
	told += pic_intr(d);
}

static void *new_nmi(struct rig *r, unsigned which)
{
	/* One of its own: the rig's goes by itself. */
	return nmi_create(r, rig_nmi);
}

static void use_nmi(void *d, unsigned which, uint32_t v)
{
	struct irq_line iochk = nmi_iochk(d);
	unsigned before = rigs[which]->nmis;
	if (v & 1)
		irq_set(&iochk, v >> 1 & 1);
	else if (v & 2)
		nmi_mask(d, v >> 2 & 1);
	else
		nmi_disable(d, v >> 2 & 1);
	told = (rigs[which]->nmis - before) << 1 | nmi_latched(d);
}

static void *new_pit(struct rig *r, unsigned which)
{
	return pit_create(r->bus, r->clock, rig_line(r), r->nmi);
}

static void use_pit(void *d, unsigned which, uint32_t v)
{
	pit_look(d);
}

static void *new_rtc(struct rig *r, unsigned which)
{
	return rtc_create(r->bus, r->clock, rig_line(r), r->nmi, 1000000000ull * 946684790 + which);
}

static void *new_uart(struct rig *r, unsigned which)
{
	return uart_create(r->bus, r->clock, 0x3f8, rig_line(r),
	                   (struct uart_peer){NULL, byte_out, reset, NULL});
}

static void use_uart(void *d, unsigned which, uint32_t v)
{
	for (unsigned n = v >> 8 & 15; n && uart_room(d); n--)
		uart_receive(d, v + n);
	if (v & 0x10000)
		uart_receive_break(d);
}

/* The controller, the keyboard and the mouse at its lines, as one. */
struct input {
	struct i8042 *controller;
	struct keyboard *keyboard;
	struct mouse *mouse;
};

static void *new_input(struct rig *r, unsigned which)
{
	struct input *in = calloc(1, sizeof *in);
	struct i8042_wires wires = {.irq = {rig_line(r)}, .reset = reset};
	in->controller = i8042_create(r->bus, r->clock, wires);
	in->keyboard = keyboard_create(r->clock);
	struct ps2_device line = keyboard_line(in->keyboard);
	keyboard_connect(in->keyboard, i8042_attach(in->controller, PS2_KEYBOARD, line));
	in->mouse = mouse_create(r->clock);
	line = mouse_line(in->mouse);
	mouse_connect(in->mouse, i8042_attach(in->controller, PS2_AUX, line));
	return in;
}

static void use_mouse(struct mouse *m, struct rig *r, uint32_t v)
{
	static const uint8_t commands[] = {0xf4, 0xf4, 0xf4, 0xf3, 200, 100,  80,   0xf2,
	                                   0xeb, 0xe7, 0xf0, 0xea, 3,   0xe8, 0xee, 0xec};
	struct mouse_event e = {(int)(v >> 4 & 0x3ff) - 512, (int)(v >> 9 & 0x3ff) - 512,
	                        (int)(v >> 14 & 15) - 8, v >> 13 & 0x1f, v >> 19 & 1};
	if (v & 8) {
		mouse_event(m, &e);
		return;
	}
	out(r, 0x64, 0xa8);
	out(r, 0x64, 0xd4);
	out(r, 0x60, commands[v >> 4 & 15]);
}

/* A key goes down or up; the mouse moves, or is commanded; or all that is there is read. */
static void use_input(void *d, unsigned which, uint32_t v)
{
	struct input *i = d;
	if (v & 4)
		use_mouse(i->mouse, rigs[which], v);
	else if (v & 3)
		keyboard_key(i->keyboard, (v >> 4) % (KEYS + 2), v >> 3 & 1);
	else
		for (unsigned n = 0; n < 20; n++)
			told = told * 7 + in(rigs[which], 0x60);
	told = told * 2 + keyboard_takes(i->keyboard);
}

static void reset_input(void *d, enum reset_kind kind)
{
	struct input *i = d;
	i8042_type.reset(i->controller, kind);
	keyboard_type.reset(i->keyboard, kind);
	mouse_type.reset(i->mouse, kind);
}

static void input_state(void *d, struct archive *a)
{
	struct input *i = d;
	archive_section(a, "i8042");
	i8042_type.state(i->controller, a);
	archive_section(a, "keyboard");
	keyboard_type.state(i->keyboard, a);
	archive_section(a, "mouse");
	mouse_type.state(i->mouse, a);
}

static void destroy_input(void *d)
{
	struct input *i = d;
	mouse_type.destroy(i->mouse);
	keyboard_type.destroy(i->keyboard);
	i8042_type.destroy(i->controller);
	free(i);
}

static const struct device_type input_type = {"i8042", reset_input, input_state, destroy_input};

static void *new_npx(struct rig *r, unsigned which)
{
	return npx_create(r->bus, rig_line(r), NULL, reset);
}

static void use_npx(void *d, unsigned which, uint32_t v)
{
	if (v & 1)
		npx_ferr(d);
}

static void *new_sysctl(struct rig *r, unsigned which)
{
	return sysctl_create(r->bus,
	                     (struct sysctl_board){NULL, a20, set_a20, NULL, reset_of, reset});
}

static void *new_debugport(struct rig *r, unsigned which)
{
	return debugport_create_exit(r->bus, NULL, status_out);
}

/* PCI and the functions that are the PC's own, as one device. */
struct chipset {
	struct pci *pci;
	struct i440fx *i440fx;
	struct piix3 *piix3;
	struct piix4pm *pm;
	struct irq_line pins[2];
	struct line irq[16];
	unsigned which;
	uint32_t window; /* what a card's window holds */
};

static void shadow(void *ctx, uint32_t base, uint32_t bytes, bool read, bool write)
{
	told += base + bytes + read + write;
}

static uint32_t window_read(void *ctx, uint32_t offset, unsigned size)
{
	return ((struct chipset *)ctx)->window + offset;
}

static void window_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	((struct chipset *)ctx)->window = value;
}

static void *new_chipset(struct rig *r, unsigned which)
{
	struct chipset *c = calloc(1, sizeof *c);
	c->which = which;
	c->pci = pci_create(r->bus, 0);
	c->i440fx = i440fx_create(c->pci, (struct i440fx_board){NULL, shadow});
	struct piix3_board piix3 = {.reset = reset_of};
	for (unsigned i = 0; i < 16; i++)
		piix3.irq[i] = (struct irq_line){&c->irq[i], line_set};
	c->piix3 = piix3_create(c->pci, piix3);
	c->pm = piix4pm_create(r->bus, c->pci,
	                       (struct piix4pm_board){r->clock, rig_line(r), NULL, reset});
	struct region_handler h = {.ctx = c, .read = window_read, .write = window_write, .max = 4};
	for (unsigned i = 0; i < 2; i++) {
		struct pci_window w[] = {{0x10, SPACE_PORT, false, 64, h, NULL, 0, 0},
		                         {0x14, SPACE_MEMORY, false, 4096, h, NULL, 0, 0}};
		c->pins[i] = pci_pin(pci_add(c->pci, &(struct pci_config){.device = 2 + i,
		                                                          .vendor = 1,
		                                                          .pin = 1,
		                                                          .windows = w,
		                                                          .n_windows = 2}));
	}
	return c;
}

static void use_chipset(void *d, unsigned which, uint32_t v)
{
	static const uint32_t bases[] = {0x600, 0x620, 0x640, 0xe0000000, 0xe0000800, 0xffffffff};
	static const uint16_t registers[] = {0x1340, 0x1380, 0x0158, 0x015c, 0x0160, 0x1010,
	                                     0x1014, 0x1004, 0x1810, 0x1814, 0x1804};
	static const uint32_t values[] = {1, 3, 0x33333333, 0x0b0b0a0a, 0x8005, 0};
	struct chipset *c = d;
	struct bus *b = rigs[which]->bus;
	if (!(v & 7)) {
		piix4pm_power_button(c->pm);
	} else if (v & 1) {
		uint16_t at = registers[(v >> 4) % 11];
		bus_write(b, SPACE_PORT, 0xcf8, 4, 1u << 31 | at);
		bus_write(b, SPACE_PORT, 0xcfc, 4,
		          v & 2 ? bases[(v >> 8) % 6] : values[(v >> 8) % 6]);
	} else if (v & 2) {
		irq_set(&c->pins[v >> 4 & 1], v >> 5 & 1);
	}
	for (unsigned i = 0; i < 16; i++)
		told = told * 3 + c->irq[i].level;
	told += bus_read(b, SPACE_MEMORY, 0xe0000000, 4) + bus_read(b, SPACE_PORT, 0x604, 4);
	told += bus_read(b, SPACE_MEMORY, 0xe0001000, 4) + bus_read(b, SPACE_PORT, 0x648, 4);
}

static void chipset_reset(void *d, enum reset_kind kind)
{
	struct chipset *c = d;
	pci_type.reset(c->pci, kind);
	i440fx_type.reset(c->i440fx, kind);
	piix3_type.reset(c->piix3, kind);
	piix4pm_type.reset(c->pm, kind);
}

static void chipset_state(void *d, struct archive *a)
{
	struct chipset *c = d;
	ARCHIVE(a, c, window);
	archive_section(a, "pci");
	pci_type.state(c->pci, a);
	archive_section(a, "i440fx");
	i440fx_type.state(c->i440fx, a);
	archive_section(a, "piix3");
	piix3_type.state(c->piix3, a);
	archive_section(a, "piix4pm");
	piix4pm_type.state(c->pm, a);
}

static void chipset_destroy(void *d)
{
	struct chipset *c = d;
	piix4pm_type.destroy(c->pm);
	piix3_type.destroy(c->piix3);
	i440fx_type.destroy(c->i440fx);
	pci_type.destroy(c->pci);
	free(c);
}

static const struct device_type chipset_type = {"chipset", chipset_reset, chipset_state,
                                                chipset_destroy};

static void *new_vga(struct rig *r, unsigned which)
{
	return vga_create(r->bus, r->clock, (struct vga_memory){0});
}

/* A register by index and value; or memory, whose answers tell of latches and planes. */
static void use_vga(void *d, unsigned which, uint32_t v)
{
	static const uint16_t index_ports[] = {0x3c4, 0x3ce, 0x3d4, 0x3b4};
	struct bus *bus = rigs[which]->bus;
	uint32_t a = 0xa0000 | (v & 0x18000) | (v & 7);
	if (v & 0x40000)
		bus_write(bus, SPACE_PORT, index_ports[v >> 16 & 3], 2, v & 0xff1f);
	else if (v & 0x80000)
		bus_write(bus, SPACE_MEMORY, a, 4, v * 0x9e3779b1);
	told += bus_read(bus, SPACE_MEMORY, a, 4);
	bus_write(bus, SPACE_PORT, 0x1ce, 2, v & 0xf);
	if (v & 0x100000) /* sizes and depths of which some are a mode's */
		bus_write(bus, SPACE_PORT, 0x1cf, 2,
		          v & 0x200000 ? v >> 21 & 0xff : v >> 21 & 0x28);
	told += bus_read(bus, SPACE_PORT, 0x1cf, 2);
	told += vga_generation(d) != 0;
}

/* Both APICs; their registers are in memory. */
struct apics {
	struct lapic *local;
	struct ioapic *io;
};

static void on_eoi(void *ctx, uint8_t vector)
{
	ioapic_eoi(((struct apics *)ctx)->io, vector);
}

static bool pic_intr_0(void *ctx)
{
	return false;
}

static uint8_t pic_ack_0(void *ctx)
{
	return 0;
}

static bool to_local(void *ctx, const struct lapic_message *m)
{
	return lapic_send(((struct apics *)ctx)->local, m);
}

static void *new_apics(struct rig *r, unsigned which)
{
	struct apics *a = calloc(1, sizeof *a);
	a->local = lapic_create(r->bus, (struct lapic_board){r->clock, 0x14, 5, a, reset, reset,
	                                                     on_eoi, pic_intr_0, pic_ack_0});
	a->io = ioapic_create(r->bus, a, to_local);
	return a;
}

static void use_apics(void *d, unsigned which, uint32_t v)
{
	static const uint32_t lvts[] = {0x20040, 0x40, 0x8037, 0x700, 0x10000, 0x400, 0x8031, 0x35};
	struct apics *a = d;
	struct bus *b = rigs[which]->bus;
	uint32_t reg = 0xfee00000 + (v & 0x3f0), value = lvts[v >> 10 & 7];
	if (v & 0x10000)
		bus_write(b, SPACE_MEMORY, 0xfee000f0, 4, 0x1ff);
	if (v & 1) {
		lapic_input(a->local, v >> 1 & 1, v >> 2 & 1);
		ioapic_input(a->io, v >> 4 & 7, v >> 3 & 1);
		bus_write(b, SPACE_MEMORY, IOAPIC_BASE, 4, 0x10 + (v >> 4 & 15));
		bus_write(b, SPACE_MEMORY, IOAPIC_BASE + 0x10, 4,
		          value & ~(v >> 17 & 1) * 0xffffff);
	} else {
		bus_write(b, SPACE_MEMORY, reg, 4, v & 2 ? v * 77 : value);
	}
	if (v & 0x20000 && lapic_intr(a->local))
		told += lapic_ack(a->local);
	if (!(v & 0xc0000))
		lapic_set_base(a->local, LAPIC_BASE_RESET - (v & 0x800));
	told += lapic_intr(a->local) + (unsigned)bus_read(b, SPACE_MEMORY, reg, 4) * 3;
	told += (unsigned)bus_read(b, SPACE_MEMORY, IOAPIC_BASE + 0x10, 4);
}

static void apics_reset(void *d, enum reset_kind kind)
{
	struct apics *a = d;
	lapic_type.reset(a->local, kind);
	ioapic_type.reset(a->io, kind);
}

static void apics_state(void *d, struct archive *to)
{
	struct apics *a = d;
	archive_section(to, "lapic");
	lapic_type.state(a->local, to);
	archive_section(to, "ioapic");
	ioapic_type.state(a->io, to);
}

static void apics_destroy(void *d)
{
	struct apics *a = d;
	lapic_type.destroy(a->local);
	ioapic_type.destroy(a->io);
	free(a);
}

static const struct device_type apics_type = {"apics", apics_reset, apics_state, apics_destroy};

/* Its calls come with registers, which are also what it answers. */
static uint32_t call_registers[8];

static uint32_t *registers_of(void *ctx)
{
	return call_registers;
}

static void *new_vmmouse(struct rig *r, unsigned which)
{
	return vmmouse_create(r->bus, (struct vmmouse_board){NULL, registers_of});
}

static void use_vmmouse(void *d, unsigned which, uint32_t v)
{
	static const uint32_t calls[] = {39, 39, 40, 41},
			      commands[] = {0x45414552, 0x53424152, 0x4c455252,
	                                    0x53424152, 0x53424152, 0xf5};
	uint32_t call = calls[v & 3];
	struct vmmouse_event e = {(int)(v >> 4), (int)(v >> 7), (int)(v & 3), v >> 9 & 3,
	                          v >> 19 & 1};
	if (v & 8) {
		vmmouse_event(d, &e);
		return;
	}
	memset(call_registers, 0, sizeof call_registers);
	call_registers[0] = 0x564d5868;
	call_registers[1] = call;
	call_registers[3] = call == 41 ? commands[(v >> 4) % 6] : v >> 4 & 7;
	told = (unsigned)bus_read(rigs[which]->bus, SPACE_PORT, 0x5658, 4);
	for (unsigned i = 0; i < 8; i++)
		told = told * 3 + call_registers[i];
	told += vmmouse_mode(d);
}

static bool parallel_room(void *ctx)
{
	return told & 1;
}

static void *new_parallel(struct rig *r, unsigned which)
{
	return parallel_create(r->bus, 0x378, rig_line(r),
	                       (struct parallel_printer){NULL, byte_out, parallel_room});
}

static void use_parallel(void *d, unsigned which, uint32_t v)
{
	told = v & 1;
	parallel_ready(d);
}

static const struct kind {
	const struct device_type *type;
	void *(*create)(struct rig *r, unsigned which);
	void (*use)(void *d, unsigned which, uint32_t v);
	uint16_t ports[10]; /* 0: no more */
	/* Values that lead somewhere, and are rare among all; 0: no more. */
	uint8_t values[16];
} kinds[] = {
	/* clang-format off */
	{&pic_type, new_pic, use_pic, {0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1},
	 {0x11, 0x13, 0x01, 0x20, 0x0a, 0x0b, 0x0c, 0xa0, 0x68, 0x1b, 0x80, 0x03, 0x03}},
	{&vga_type, new_vga, use_vga,
	 {0x3c0, 0x3c1, 0x3c2, 0x3c5, 0x3c7, 0x3c8, 0x3c9, 0x3cf, 0x3d5, 0x3da},
	 {0x67, 0x63, 0x20, 0x01, 0x02, 0x03, 0x0f, 0x0e, 0x06, 0x10}},
	{&apics_type, new_apics, use_apics, {0x80}, {0}},
	{&nmi_type, new_nmi, use_nmi, {0x80}, {0}},
	{&pit_type, new_pit, use_pit, {0x40, 0x41, 0x42, 0x43, 0x61},
	 {0x34, 0x36, 0xb6, 0xb2, 0x94, 0xa4, 0xe8, 0xd8, 0xc2, 0x01, 0x80, 0x10, 0x24, 0x14, 0x16,
	  0x05}},
	{&rtc_type, new_rtc, NULL, {0x70, 0x71},
	 {0x0a, 0x0b, 0x0c, 0x26, 0x42, 0x72, 0x20, 0xc2, 0x01, 0x07, 0x06, 0x32}},
	{&uart_type, new_uart, use_uart, {0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff},
	 {0x01, 0x03, 0x0b, 0x0f, 0x83, 0xc1, 0x13, 0x1b}},
	{&parallel_type, new_parallel, use_parallel, {0x378, 0x379, 0x37a},
	 {0x0c, 0x0d, 0x1c, 0x1d, 0x2c}},
	{&input_type, new_input, use_input, {0x60, 0x64},
	 {0x20, 0x60, 0xd1, 0xd2, 0xd4, 0xf2, 0xf0, 0xee, 0x01, 0x03, 0xae, 0x41, 0xfe, 0xed, 0xfa,
	  0xf3}},
	{&npx_type, new_npx, use_npx, {0xf0}, {0}},
	{&vmmouse_type, new_vmmouse, use_vmmouse, {0x5658}, {0}},
	{&sysctl_type, new_sysctl, NULL, {0x92, 0x8900, 0x8900},
	 {0x06, 0x02, 0x01, 'S', 'h', 'u', 't', 'd', 'o', 'w', 'n'}},
	{&chipset_type, new_chipset, use_chipset,
	 {0xb2, 0xb3, 0xcf9, 0xcfc, 0xcfd, 0x600, 0x602, 0x603, 0x604, 0x605},
	 {0xf0, 0xf1, 0x06, 0x01, 0x20, 0x21, 0x00, 0xff}},
	{&floppies_type, new_floppies, use_floppies, {0x3f5, 0x3f5, 0x3f5, 0x3f4, 0x3f7, 0x08},
	 {0x0e, 0x08, 0x4a, 0x0e}},
	{&drives_type, new_drives, use_drives,
	 {0x1f0, 0x1f7, 0x1f7, 0x3f6, 0x1f1, 0x1f6, 0xc002, 0xc000},
	 {0xec, 0x00, 0xe0, 0xf0, 0x02, 0x04, 0x80, 0xc6, 0x09}},
	{&cdroms_type, new_cdroms, use_cdroms, {0x177, 0x376, 0x172, 0x174, 0x175, 0xc00a},
	 {0xa1, 0x08, 0x04, 0x00, 0x90, 0xec}},
	{&debugport_type, new_debugport, NULL, {0xf4}, {0}},
	/* clang-format on */
};

/* --- the comparison --- */

struct side {
	struct rig rig;
	void *device;
	unsigned told;
	uint8_t seen;
};

static unsigned listed(const void *list, size_t size, size_t element)
{
	unsigned n = 0;
	const uint8_t *p = list;
	while (n * element < size && (p[n * element] || p[n * element + element - 1]))
		n++;
	return n;
}

static void open_side(struct side *s, const struct kind *k, unsigned which, uint64_t now)
{
	rig_open(&s->rig);
	s->rig.now = now;
	rigs[which] = &s->rig;
	s->device = k->create(&s->rig, which);
}

static void close_side(struct side *s, const struct kind *k)
{
	k->type->destroy(s->device);
	rig_close(&s->rig);
}

static unsigned late_steps; /* the next so many leave the timers waiting */

/* The same step for one side or two. */
static void step(const struct kind *k, struct side *sides, unsigned n)
{
	unsigned n_ports = listed(k->ports, sizeof k->ports, 2);
	unsigned n_values = listed(k->values, sizeof k->values, 1);
	uint16_t port = k->ports[any(n_ports)];
	uint8_t value = n_values && any(4) ? k->values[any(n_values)] : any(256);
	uint32_t how = any(8), use = any(1 << 20);
	/* From less than a tick of the timer to seconds of the clock. */
	uint64_t pass = any(3) ? 0 : (uint64_t)1 << any(31);
	bool late = late_steps ? late_steps-- : !any(4);
	for (unsigned i = 0; i < n; i++) {
		struct side *s = &sides[i];
		told = 0;
		s->seen = 0;
		if (how < 4)
			out(&s->rig, port, value);
		else if (how < 7)
			s->seen = in(&s->rig, port);
		else if (k->use)
			k->use(s->device, i, use);
		if (late) /* nobody has served the timers yet */
			s->rig.now += pass;
		else
			rig_until(&s->rig, s->rig.now + pass);
		s->told = told;
	}
}

static void assert_same(const struct kind *k, const struct side *s, const char *when)
{
	if (s[0].seen != s[1].seen || s[0].told != s[1].told ||
	    s[0].rig.line.level != s[1].rig.line.level ||
	    clock_next(s[0].rig.clock) != clock_next(s[1].rig.clock))
		fail_msg("%s parts %s: %02x %02x, told %u %u, line %u %u, next %llu %llu",
		         k->type->name, when, s[0].seen, s[1].seen, s[0].told, s[1].told,
		         s[0].rig.line.level, s[1].rig.line.level,
		         (unsigned long long)clock_next(s[0].rig.clock),
		         (unsigned long long)clock_next(s[1].rig.clock));
}

static struct archive *save(const struct kind *k, void *device)
{
	struct archive *a = archive_create();
	archive_section(a, k->type->name);
	k->type->state(device, a);
	return a;
}

static void load(const struct kind *k, void *device, const struct archive *saved)
{
	size_t size;
	const void *bytes = archive_bytes(saved, &size);
	struct archive *a = archive_open(bytes ? bytes : "", size);
	archive_section(a, k->type->name);
	k->type->state(device, a);
	if (archive_problem(a))
		fail_msg("%s: %s", k->type->name, archive_problem(a));
	archive_destroy(a);
}

static void round_trip(const struct kind *k)
{
	struct side s[2];
	open_side(&s[0], k, 0, 123456789);
	for (unsigned n = any(BEFORE); n; n--)
		step(k, s, 1);
	for (late_steps = any(4); late_steps;)
		step(k, s, 1);
	struct archive *a = save(k, s[0].device);
	/* Into a new one; and into one that has lived, and forgets it. */
	open_side(&s[1], k, 1, s[0].rig.now);
	if (any(2))
		for (unsigned i = 0; i < BEFORE / 3; i++) {
			uint8_t v = any(256);
			uint16_t port = k->ports[any(listed(k->ports, sizeof k->ports, 2))];
			out(&s[1].rig, port, v);
			if (k->use)
				k->use(s[1].device, 1, v);
		}
	load(k, s[1].device, a);
	s[0].seen = s[1].seen = s[0].told = s[1].told = 0;
	if (k->type != &pit_type) /* its line may not have been looked at on one side */
		assert_same(k, s, "when it is loaded");
	/* What was loaded is what was saved. */
	struct archive *b = save(k, s[1].device);
	size_t n, m;
	const void *first = archive_bytes(a, &n), *second = archive_bytes(b, &m);
	assert_int_equal(n, m);
	if (n && k->type != &pit_type)
		assert_memory_equal(first, second, n);
	archive_destroy(b);
	archive_destroy(a);
	if (k->type == &pit_type)
		for (unsigned i = 0; i < 2; i++)
			pit_look(s[i].device);
	for (unsigned i = 0; i < AFTER; i++) {
		step(k, s, 2);
		if (k->type == &pit_type)
			for (unsigned j = 0; j < 2; j++)
				pit_look(s[j].device);
		assert_same(k, s, "later");
	}
	for (unsigned i = 0; i < 2; i++)
		close_side(&s[i], k);
}

static void test_round_trips(void **state)
{
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (seed = 1; seed < SEEDS; seed++) {
			uint64_t this = seed;
			round_trip(&kinds[i]);
			seed = this;
		}
}

/* --- what cannot be --- */

/* A value that is out of range is refused, and a reset makes the device good again. */
static void refuses(const struct kind *k, const char *name, const void *value, size_t size)
{
	struct side s;
	open_side(&s, k, 0, 123456789);
	struct archive *a = save(k, s.device);
	size_t n, at;
	const uint8_t *saved = archive_bytes(a, &n);
	uint8_t *bytes = malloc(n);
	memcpy(bytes, saved, n);
	for (at = 0; memcmp(bytes + at, name, strlen(name)); at++)
		assert_true(at + strlen(name) + size < n);
	memcpy(bytes + at + strlen(name), value, size);
	struct archive *b = archive_open(bytes, n);
	archive_section(b, k->type->name);
	k->type->state(s.device, b);
	if (!archive_problem(b))
		fail_msg("%s was taken", name);
	k->type->reset(s.device, RESET_POWER);
	for (unsigned i = 0; i < AFTER; i++)
		step(k, &s, 1);
	archive_destroy(b);
	archive_destroy(a);
	free(bytes);
	close_side(&s, k);
}

static const struct kind *kind_of(const struct device_type *type)
{
	const struct kind *k = kinds;
	while (k->type != type)
		k++;
	return k;
}

static void test_ranges(void **state)
{
	static const struct {
		const struct device_type *type;
		const char *name;
		uint64_t value;
		size_t size;
	} cases[] = {
		{&uart_type, "uart.head", 16, 4},
		{&uart_type, "uart.count", 17, 4},
		{&uart_type, "uart.resting", 2, 1},
		{&input_type, "i8042.origin", 3, 1},
		{&input_type, "i8042.held_origin", 3, 1},
		{&input_type, "keyboard.head", 17, 4},
		{&input_type, "keyboard.count", 18, 4},
		{&input_type, "keyboard.answers", 5, 4},
		{&input_type, "keyboard.set", 4, 1},
		{&input_type, "keyboard.repeating", KEYS, 1},
		{&input_type, "mouse.answers", 6, 4},
		{&input_type, "mouse.size", 5, 4},
		{&input_type, "mouse.head", 16, 4},
		{&input_type, "mouse.count", 17, 4},
		{&input_type, "mouse.rate", 0, 1},
		{&vmmouse_type, "vmmouse.mode", 3, 1},
		{&vmmouse_type, "vmmouse.head", 128, 4},
		{&vmmouse_type, "vmmouse.count", 129, 4},
		{&rtc_type, "rtc.offset_ns", 1000000000, 8},
		{&rtc_type, "rtc.weekday_ahead", 7, 4},
		{&pit_type, "pit.mode[0]", 6, 1},
		{&pit_type, "pit.access[1]", 4, 4},
		{&pit_type, "pit.n[2]", 0x10001, 4},
		{&pit_type, "pit.count[0]", 0x10001, 4},
		{&pit_type, "pit.running[0]", 1, 1},
		{&pit_type, "pit.reload_pending[0]", 1, 1},
		{&sysctl_type, "sysctl.letters", 8, 1},
		{&chipset_type, "pci.address", 1, 4},
		{&chipset_type, "pci.space[8]", 0x8085, 2},
		{&chipset_type, "piix4pm.status", 0x0010, 2},
		{&chipset_type, "piix4pm.enable", 0x8000, 2},
		{&chipset_type, "piix4pm.control", 0x2000, 2},
		{&chipset_type, "piix4pm.halves", 1, 8},
		{&floppies_type, "fdc.phase", 4, 4},
		{&floppies_type, "fdc.polled_left", 5, 1},
		{&floppies_type, "fdc.stage", 3, 4},
		{&floppies_type, "fdc.unit", 4, 1},
		{&floppies_type, "fdc.head", 2, 1},
		{&floppies_type, "fdc.at", 513, 2},
		{&floppies_type, "fdc.want", 513, 2},
		{&floppies_type, "fdc.heads_at[1]", 84, 1},
		{&drives_type, "ide.selected[0]", 2, 1},
		{&drives_type, "ide.wait[1]", 2, 4}, /* done: nobody would go on */
		{&drives_type, "ide.wait[0]", 6, 4},
		{&drives_type, "ide.then[0]", 5, 4},
		{&drives_type, "ide.n[0]", 0x20001, 4},
		{&drives_type, "ide.at[1]", 1, 4},
		{&drives_type, "ide.track[1]", 0, 1},
		{&drives_type, "ide.region_left[2]", 0x10001, 4},
		{&drives_type, "ide.step[0]", 5, 4},
		{&cdroms_type, "ide.asked[2]", 4, 4},
		{&cdroms_type, "ide.news[2]", 4, 1},
		{&cdroms_type, "ide.end[2]", 65537, 4},
		{&cdroms_type, "ide.from[2]", 1, 4},
		{&cdroms_type, "ide.last[2]", 2353, 2},
		{&cdroms_type, "ide.first[2]", 1, 2},
		{&cdroms_type, "ide.left[2]", 301, 4},
		{&vga_type, "vga.dac_step", 3, 1},
		{&vga_type, "vga.gc", 0xff, 8},
		{&vga_type, "vga.vbe_enable", 1, 2},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		refuses(kind_of(cases[i].type), cases[i].name, &cases[i].value, cases[i].size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_ranges),
	};
	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
