/* Power-up state, what firmware leaves, the guest's kernel. */
#include "machine/internal.h"

#include "cpu/cpu.h"
#include "host/timer.h"
#include "machine/firmware.h"
#include "machine/tour/tour.h"

#include <string.h>

/* --- what the board is given --- */

/* Without a firmware that goes on after a reset of the processor, each kind boots anew. */
static void on_reset(void *ctx, enum reset_kind kind)
{
	struct machine *m = ctx;
	control_reset(&m->control);
}

static void on_ignne(void *ctx)
{
	struct machine *m = ctx;
	monitor_ignne(m->monitor);
}

static void on_a20(void *ctx, bool on)
{
	struct machine *m = ctx;
	mmu_a20(monitor_mmu(m->monitor), on);
}

static void on_memory_changed(void *ctx)
{
	struct machine *m = ctx;
	memory_map_follow(m->memory, board_bus(m->board));
}

static void on_nmi(void *ctx)
{
	struct machine *m = ctx;
	monitor_nmi(m->monitor);
}

static void on_debug_write(void *ctx, uint8_t byte)
{
	struct machine *m = ctx;
	stream_put(m->debugcon, byte);
}

static void on_debug_exit(void *ctx, int status)
{
	struct machine *m = ctx;
	/* isa-debug-exit has no status 0: the tour's good end stands for it. */
	if (!m->config.kernel && status == TOUR_END_STATUS)
		status = 0;
	m->guest_quits = true;
	control_quit(&m->control, status & 0xff);
}

/* --- booting --- */

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

static bool load(struct machine *m, struct problem *p)
{
	struct guest_ram ram = {monitor_mmu(m->monitor), ram_write, m->config.memory};
	struct boot_entry entry;
	bool ok = images_load(&m->images, &m->config, &ram, &entry, p);
	if (ok)
		start_vcpu(m, &entry);
	if (m->config.no_reboot)
		images_free(&m->images);
	return ok;
}

void boot_create_board(struct machine *m)
{
	m->memory = memory_map_create(monitor_mmu(m->monitor));
	m->board = board_create(&(struct board_config){
		.clock = gtime_clock(m->time),
		.utc_ns = host_utc_ns() - (int64_t)gtime_now(m->time),
		.serial = serial_peer(m->serial),
		.has_serial = m->config.serial.kind != STREAM_NONE,
		.ctx = m,
		.reset = on_reset,
		.a20 = on_a20,
		.memory_changed = on_memory_changed,
		.nmi = on_nmi,
		.ignne = on_ignne,
		.debug_write = m->debugcon ? on_debug_write : NULL,
		.debug_exit = m->config.debug_exit ? on_debug_exit : NULL,
	});
	if (!m->config.kernel)
		board_add(m->board, &tour_counters_type, tour_counters_create(board_bus(m->board)));
	serial_attach(m->serial, board_uart(m->board));
}

bool boot_machine(struct machine *m, struct problem *p)
{
	firmware_devices(m->board, m->config.memory);
	return load(m, p);
}
