/* Power-up state, what firmware leaves, the guest's kernel. */
#include "machine/internal.h"

#include "base/log.h"
#include "base/registers.h"
#include "cpu/cpu.h"
#include "cpu/model.h"
#include "devices/lapic.h"
#include "host/timer.h"
#include "machine/acpi.h"
#include "machine/firmware.h"
#include "machine/smbios.h"
#include "machine/tour/tour.h"

#include <errno.h>
#include <string.h>

/* --- what the board is given --- */

static void on_reset(void *ctx, enum reset_kind kind)
{
	struct machine *m = ctx;
	m->reset_kind = kind;
	control_reset(&m->control);
}

static void on_power_off(void *ctx)
{
	struct machine *m = ctx;
	m->guest_quits = true;
	control_quit(&m->control, 0);
}

static void on_ignne(void *ctx)
{
	struct machine *m = ctx;
	monitor_ignne(m->monitor);
}

static uint32_t *on_in_registers(void *ctx)
{
	struct machine *m = ctx;
	return monitor_in_registers(m->monitor);
}

static void on_a20(void *ctx, bool on)
{
	struct machine *m = ctx;
	mmu_a20(monitor_mmu(m->monitor), on);
}

static void on_shadow(void *ctx, uint32_t base, uint32_t bytes, bool read, bool write)
{
	struct machine *m = ctx;
	memory_map_shadow(m->memory, base, bytes, read, write);
}

static void on_memory_changed(void *ctx, const struct bus *bus)
{
	struct machine *m = ctx;
	memory_map_follow(m->memory, bus);
}

static void on_nmi(void *ctx)
{
	struct machine *m = ctx;
	monitor_nmi(m->monitor);
}

static void on_debug_write(void *ctx, uint8_t byte)
{
	struct machine *m = ctx;
	stream_put(m->sinks[SINK_DEBUGCON], byte);
}

static void on_firmware_write(void *ctx, uint8_t byte)
{
	struct machine *m = ctx;
	stream_put(m->sinks[SINK_FIRMWARE_LOG], byte);
}

/* What is printed is in the file before the guest hears of it: a run that is killed loses nothing. */
static void on_print(void *ctx, uint8_t byte)
{
	struct machine *m = ctx;
	stream_put(m->sinks[SINK_PRINTER], byte);
	stream_flush(m->sinks[SINK_PRINTER]);
}

static bool on_printer_room(void *ctx)
{
	struct machine *m = ctx;
	return stream_room(m->sinks[SINK_PRINTER]);
}

static void on_printer_ready(void *ctx)
{
	struct machine *m = ctx;
	if (m->board)
		parallel_ready(board_parallel(m->board));
}

static void on_debug_exit(void *ctx, int status)
{
	struct machine *m = ctx;
	/* isa-debug-exit has no status 0: the tour's good end stands for it. */
	if (config_is_tour(&m->config) && status == TOUR_END_STATUS)
		status = 0;
	m->guest_quits = true;
	control_quit(&m->control, status & 0xff);
}

/* The BIOS's buffer of keys, where a guest has it that asks the BIOS for keys: their places are words
 * from 40:0, and one stays free.  Loaders leave real mode between two keys, so that the mode tells
 * nothing.  IBM Personal System/2 and
 * Personal Computer BIOS Interface Technical Reference, "BIOS Data Area". */
static bool has_room_for_key(void *ctx)
{
	struct machine *m = ctx;
	uint16_t next[2], limits[2]; /* to be read, to be written; begin, end */
	mmu_dma_read(monitor_mmu(m->monitor), gpa(0x41a), next, sizeof next);
	mmu_dma_read(monitor_mmu(m->monitor), gpa(0x480), limits, sizeof limits);
	unsigned size = limits[1] - limits[0];
	bool sane = limits[0] < limits[1] && size <= 0x100 && next[0] - limits[0] < (int)size &&
	            next[1] - limits[0] < (int)size && next[0] >= limits[0] && next[1] >= limits[0];
	/* The key before may be on its way there. */
	return !sane || (next[1] + size - next[0]) % size / 2 + 2 < size / 2;
}

/* --- booting --- */

/* The guest was told as a drive can tell, and tries again; this is for who can do something about
 * it, and a line once. */
static void has_failed(struct machine *m, struct drive *d, bool write, int err)
{
	remote_has_failed(m, d, write, err);
	if (!d->has_failed[write])
		report("%s%s: %s", d->is->option, d->file ? d->file : d->name, strerror(-err));
	d->has_failed[write] = true;
}

static void on_floppy_error(void *ctx, unsigned drive, bool write, int err)
{
	struct machine *m = ctx;
	has_failed(m, &m->media.drives[MEDIA_FLOPPY0 + drive], write, err);
}

static void on_disk_error(void *ctx, unsigned place, bool write, int err)
{
	struct machine *m = ctx;
	has_failed(m, media_at(&m->media, place), write, err);
}

static void on_tray(void *ctx, unsigned place, bool open)
{
	struct machine *m = ctx;
	remote_tray_moved(m, media_at(&m->media, place), open);
}

static void on_dma_read(void *ctx, uint64_t at, void *dst, size_t n)
{
	struct machine *m = ctx;
	mmu_dma_read(monitor_mmu(m->monitor), gpa(at), dst, n);
}

static void on_dma_write(void *ctx, uint64_t at, const void *src, size_t n)
{
	struct machine *m = ctx;
	mmu_dma_write(monitor_mmu(m->monitor), gpa(at), src, n);
}

static void ram_write(void *ctx, uint64_t at, const void *src, size_t n)
{
	mmu_dma_write(ctx, gpa(at), src, n);
}

static void start_vcpu(struct machine *m, const struct boot_entry *e)
{
	struct vcpu *v = monitor_vcpu(m->monitor);
	cpu_set_flat32(v, e->eip);
	v->gpr[EAX] = e->eax;
	v->gpr[EBX] = e->ebx;
	v->gpr[ESI] = e->esi;
	v->gpr[ESP] = e->esp;
	v->gpr[ECX] = v->gpr[EDX] = v->gpr[EBP] = v->gpr[EDI] = 0;
	v->gdtr.base = e->gdt_base;
	v->gdtr.limit = e->gdt_limit;
}

_Static_assert(APIC_BASE_RESET == LAPIC_BASE_RESET, "the processor's and the device's are one");

static bool has_apic(const struct machine *m)
{
	return m->model.edx1 & CPUID_APIC;
}

static bool has_serial(const struct machine *m, unsigned i)
{
	return m->config.serials.at[i].kind != STREAM_NONE;
}

static struct firmware_config firmware_config(const struct machine *m)
{
	const struct drive *d = m->media.drives;
	struct firmware_config c = {
		.ram_bytes = m->config.memory,
		.floppy = {d[MEDIA_FLOPPY0].kind, d[MEDIA_FLOPPY0 + 1].kind},
		.has_serial = {has_serial(m, 0), has_serial(m, 1)},
		.cpu = &m->model,
		.floppy_last = !m->config.floppies.count && config_media(&m->config),
		.disks = m->config.disks.count,
		.has_parallel = m->sinks[SINK_PRINTER],
	};
	for (unsigned i = 0; i < c.disks; i++)
		c.disk[i] = d[MEDIA_DISK0 + i].geometry;
	return c;
}

static bool load(struct machine *m, struct problem *p)
{
	uint64_t end = m->config.memory;
	struct guest_ram ram = {monitor_mmu(m->monitor), ram_write, end - FIRMWARE_KEEPS, end};
	struct firmware_config firmware = firmware_config(m);
	struct boot_entry entry = {
		.screen = {m->config.vbe.width, m->config.vbe.height,
	                   firmware_frame_buffer(m->board), CONFIG_VGA_BYTES},
	};
	firmware_memory(&ram, &firmware);
	firmware_tables(&ram, &firmware);
	firmware_shadow(m->board, true);
	bool ok = images_load(&m->images, &m->config, &ram, &entry, p);
	if (ok && entry.screen.width)
		firmware_graphics(m->board, entry.screen.width, entry.screen.height);
	if (ok)
		start_vcpu(m, &entry);
	if (m->config.no_reboot)
		images_free(&m->images);
	return ok;
}

/* What the clock of the CMOS shows now. */
static int64_t day_ns(const struct config_rtc *c)
{
	switch (c->from) {
	case RTC_LOCAL:
		return host_wall_ns();
	case RTC_DATE:
		return c->second * 1000000000;
	default:
		return host_utc_ns();
	}
}

/* The VGA has stored to its memory, which the guest may run, or have tables in. */
LEAF static void on_vga_stored(void *ctx, uint32_t offset, uint32_t bytes)
{
	struct machine *m = ctx;
	mmu_memory_stored(monitor_mmu(m->monitor), m->vga_page + (offset >> PAGE_SHIFT),
	                  offset & PAGE_MASK, bytes);
}

bool boot_add_display(struct machine *m, struct problem *p)
{
	int err = mmu_memory_add(monitor_mmu(m->monitor), "unring-vga", CONFIG_VGA_BYTES,
	                         &m->vga_page);
	return !err || problem_set(p, "cannot set up the display's memory: %s", strerror(-err));
}

void boot_create_board(struct machine *m)
{
	struct vga_memory vga = {
		.regs = viewers_registers(m->viewers),
		.at = mmu_page_host(monitor_mmu(m->monitor), m->vga_page),
		.bytes = CONFIG_VGA_BYTES,
		.page = m->vga_page,
		.ctx = m,
		.stored = on_vga_stored,
	};
	m->memory = memory_map_create(monitor_mmu(m->monitor), m->config.memory);
	m->board = board_create(&(struct board_config){
		.clock = gtime_clock(m->time),
		.ram_end = m->config.memory,
		.day_ns = day_ns(&m->config.rtc) - (int64_t)gtime_now(m->time),
		.serial = {serial_peer(m->serial[0]), serial_peer(m->serial[1])},
		.has_serial = {has_serial(m, 0), has_serial(m, 1)},
		.printer = {m, on_print, on_printer_room},
		.has_parallel = m->sinks[SINK_PRINTER],
		.memory = {m, on_dma_read, on_dma_write},
		.vga_memory = vga,
		.screen_width = m->config.vbe.width ? m->config.vbe.width : CONFIG_SCREEN_WIDTH,
		.screen_height = m->config.vbe.width ? m->config.vbe.height : CONFIG_SCREEN_HEIGHT,
		.floppy = {m->media.drives[MEDIA_FLOPPY0].kind,
	                   m->media.drives[MEDIA_FLOPPY0 + 1].kind},
		.floppy_error = on_floppy_error,
		.disk_error = on_disk_error,
		.tray = on_tray,
		.ctx = m,
		.reset = on_reset,
		.power_off = on_power_off,
		.in_registers = on_in_registers,
		.shadow = on_shadow,
		.a20 = on_a20,
		.has_apic = has_apic(m),
		.apic_thermal = m->model.isa & ISA_SSE2,
		.memory_changed = on_memory_changed,
		.nmi = on_nmi,
		.ignne = on_ignne,
		.debug_write = m->sinks[SINK_DEBUGCON] ? on_debug_write : NULL,
		.firmware_write = m->sinks[SINK_FIRMWARE_LOG] ? on_firmware_write : NULL,
		.debug_exit = m->config.debug_exit ? on_debug_exit : NULL,
	});
	m->bus = board_bus(m->board);
	if (config_is_tour(&m->config))
		board_add(m->board, &tour_counters_type, tour_counters_create(board_bus(m->board)));
	for (unsigned i = 0; i < CONFIG_SERIALS; i++)
		serial_attach(m->serial[i], board_uart(m->board, i));
	if (m->sinks[SINK_PRINTER])
		stream_attach(m->sinks[SINK_PRINTER],
		              (struct stream_client){.ctx = m, .on_room = on_printer_ready});
	media_attach(&m->media, &m->config, board_fdc(m->board), board_ide(m->board));
	m->typist =
		typist_create(gtime_clock(m->time), board_keyboard(m->board), m, has_room_for_key);
}

struct path {
	char at[64];
};

/* The name that SeaBIOS gives it. */
static struct path path_of(const struct media *s, const struct drive *d)
{
	struct path p;
	if (d < s->drives + MEDIA_DISK0)
		snprintf(p.at, sizeof p.at, "/pci@i0cf8/isa@1/fdc@03f0/floppy@%u", d->place);
	else
		snprintf(p.at, sizeof p.at, "/pci@i0cf8/ide@1,1/drive@%u/disk@%u", d->place / 2,
		         d->place % 2);
	return p;
}

/* How its calls count each disk: a line of cylinders, heads and sectors. */
static void configure_disks(struct machine *m)
{
	char text[CONFIG_DISKS * 80];
	size_t n = 0;
	for (unsigned i = 0; i < m->config.disks.count; i++) {
		const struct drive *d = &m->media.drives[MEDIA_DISK0 + i];
		const struct geometry *g = &d->geometry;
		n += (size_t)snprintf(text + n, sizeof text - n, "%s %u %u %u\n",
		                      path_of(&m->media, d).at, g->cylinders, g->heads, g->sectors);
	}
	if (n)
		fwcfg_add_file(board_fwcfg(m->board), "bios-geometry", text, n + 1);
}

_Static_assert(BOOT_DISK0 == (int)MEDIA_DISK0 && BOOT_CDROM0 == (int)MEDIA_CDROM0,
               "drives have the same numbers in --boot");

/* What it is to boot. */
static void configure_boot(struct machine *m)
{
	const struct machine_config *c = &m->config;
	struct fwcfg *f = board_fwcfg(m->board);
	uint16_t menu = c->boot_menu != 0;
	uint32_t wait_ms = c->boot_menu * 1000;
	char order[BOOT_DEVICES * sizeof(struct path)];
	size_t n = 0;
	for (unsigned i = 0; i < c->boot.count; i++)
		n += (size_t)snprintf(order + n, sizeof order - n, "%s\n",
		                      path_of(&m->media, &m->media.drives[c->boot.at[i]]).at);
	if (n)
		fwcfg_add_file(f, "bootorder", order, n + 1);
	fwcfg_add(f, FWCFG_BOOT_MENU, &menu, sizeof menu);
	if (menu)
		fwcfg_add_file(f, "etc/boot-menu-wait", &wait_ms, sizeof wait_ms);
}

/* What firmware asks its configuration device for. */
static void configure_firmware(struct machine *m)
{
	static const uint16_t one = 1;
	uint64_t ram = m->config.memory;
	struct fwcfg *f = board_fwcfg(m->board);
	struct acpi_files acpi;
	struct smbios_files smbios;
	fwcfg_add(f, FWCFG_RAM_BYTES, &ram, sizeof ram);
	fwcfg_add(f, FWCFG_CPUS, &one, sizeof one);
	fwcfg_add(f, FWCFG_MAX_CPUS, &one, sizeof one);
	struct e820_entry map = {0, ram, E820_RAM};
	fwcfg_add_file(f, "etc/e820", &map, sizeof map);
	acpi_build(&acpi, &(struct acpi_config){firmware_pci_memory(ram), has_apic(m)});
	fwcfg_add_file(f, ACPI_TABLES_FILE, acpi.tables, acpi.tables_bytes);
	fwcfg_add_file(f, ACPI_ROOT_FILE, acpi.root, sizeof acpi.root);
	fwcfg_add_file(f, ACPI_SCRIPT_FILE, acpi.script, acpi.script_bytes);
	smbios_build(&smbios, &(struct smbios_config){ram, &m->model, true});
	fwcfg_add_file(f, SMBIOS_ANCHOR_FILE, smbios.anchor, sizeof smbios.anchor);
	fwcfg_add_file(f, SMBIOS_TABLES_FILE, smbios.tables, smbios.tables_bytes);
	configure_boot(m);
	configure_disks(m);
	board_set_vga_rom(m->board, m->images.vgabios.data, m->images.vgabios.size);
}

bool boot_add_rom(struct machine *m, struct problem *p)
{
	struct mmu *mmu = monitor_mmu(m->monitor);
	const struct blob *rom = &m->images.bios;
	uint32_t first;
	if (!rom->size)
		return true;
	int err = mmu_memory_add(mmu, "unring-bios", rom->size, &first);
	if (err)
		return problem_set(p, "cannot set up the firmware's memory: %s", strerror(-err));
	memcpy(mmu_page_host(mmu, first), rom->data, rom->size);
	memory_map_rom(m->memory, first, (uint32_t)rom->size);
	configure_firmware(m);
	return true;
}

bool boot_machine(struct machine *m, struct problem *p)
{
	m->reset_kind = RESET_CPU; /* of a triple fault */
	struct firmware_config firmware = firmware_config(m);
	if (config_has_firmware(&m->config)) {
		firmware_configuration(m->board, &firmware);
		return true;
	}
	firmware_devices(m->board, &firmware);
	firmware_characters(m->board, m->images.vgabios.data, m->images.vgabios.size);
	return load(m, p);
}

bool boot_resumes(const struct machine *m)
{
	return config_has_firmware(&m->config) && m->reset_kind == RESET_CPU &&
	       firmware_resumes(m->board);
}

bool boot_again(struct machine *m, struct problem *p)
{
	bool firmware = config_has_firmware(&m->config);
	monitor_reset(m->monitor);
	pointer_forget(m->pointer);
	/* Without firmware that goes on after a reset of the processor, each kind boots anew. */
	enum reset_kind kind = firmware ? m->reset_kind : RESET_HARD;
	/* What was to be typed was meant for what has ended; the host's command has dropped it, and what
	 * came behind that is for the machine to come. */
	if (kind != RESET_CPU && !m->reset_by_host)
		typist_drop(m->typist);
	m->reset_by_host = false;
	board_reset(m->board, kind);
	m->reset_kind = RESET_CPU;
	return firmware || boot_machine(m, p);
}
