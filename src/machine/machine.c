#include "machine/machine.h"

#include "base/log.h"
#include "cpu/model.h"
#include "host/broker.h"
#include "host/fence.h"
#include "host/loop.h"
#include "host/loss.h"
#include "host/memory.h"
#include "host/signal.h"
#include "host/terminal.h"
#include "host/watchdog.h"
#include "machine/internal.h"
#include "machine/preflight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)

static void on_quit(void *ctx)
{
	struct machine *m = ctx;
	control_quit(&m->control, 0);
}

static void on_printed(void *ctx, uint8_t byte)
{
	limits_printed(ctx, byte);
}

void machine_list_models(FILE *f)
{
	const struct cpu_model *model;
	for (unsigned i = 0; (model = cpu_model_at(i)); i++)
		fprintf(f, "%-10s %s\n", model->name, model->summary);
}

#define END_SIGNAL(signo)                                                                          \
	static void on_end_##signo(void *ctx)                                                      \
	{                                                                                          \
		control_end(ctx, signo);                                                           \
	}
END_SIGNAL(SIGINT)
END_SIGNAL(SIGTERM)
END_SIGNAL(SIGHUP)

static void on_look(void *ctx)
{
	control_look(ctx);
}

static bool signals_problem(int err, struct problem *p)
{
	return problem_set(p, "cannot set up signals and timers: %s", strerror(-err));
}

static bool start_events(struct machine *m, struct problem *p)
{
	int err = watchdog_create();
	if (!err)
		err = loop_start(m->loop);
	return !err || signals_problem(err, p);
}

/* Requests to end, which the run looks at: until it begins they end the process. */
static bool hear_signals(struct machine *m, struct problem *p)
{
	int err = host_signal_install(SIGINT, on_end_SIGINT, &m->control);
	if (!err)
		err = host_signal_install(SIGTERM, on_end_SIGTERM, &m->control);
	if (!err)
		err = host_signal_install(SIGHUP, on_end_SIGHUP, &m->control);
	if (!err && (m->config.verify || m->config.stats.given))
		err = host_signal_install(SIGUSR1, on_look, &m->control);
	return !err || signals_problem(err, p);
}

static uint64_t screen_generation(void *ctx)
{
	struct machine *m = ctx;
	return vga_generation(board_vga(m->board));
}

static bool screen_text_of(void *ctx, struct vga_text *t)
{
	struct machine *m = ctx;
	return vga_text(vga_view(board_vga(m->board)), t);
}

static void screen_pixels(void *ctx, unsigned *width, unsigned *height)
{
	struct machine *m = ctx;
	vga_size(vga_view(board_vga(m->board)), width, height);
}

static void create_pointer(struct machine *m)
{
	m->pointer = pointer_create((struct pointer_owner){
		.ctx = m,
		.size = screen_pixels,
		.mouse = board_mouse(m->board),
		.vmmouse = board_vmmouse(m->board),
	});
}

static bool start_viewers(struct machine *m, struct problem *p)
{
	uint64_t at;
	int memory = mmu_page_file(monitor_mmu(m->monitor), m->vga_page, &at);
	struct viewers_owner owner = {m, on_quit, m->loop, m->typist, m->pointer};
	return viewers_start(m->viewers, &m->config, memory, at, owner, p);
}

static bool open_display(struct machine *m, struct problem *p)
{
	if (!config_shows(&m->config, DISPLAY_TERMINAL))
		return true;
	struct display_owner owner = {
		.ctx = m,
		.quit = on_quit,
		.stdio = m->stdio,
		.keymap = keymap_find(keymap_name(m->config.keymap)),
		.generation = screen_generation,
		.text = screen_text_of,
		.pixels = screen_pixels,
	};
	return display_open(&m->display, owner, p);
}

/* Those that were inherited, for the broker. */
static bool keep_descriptors(const struct machine_config *c, struct problem *p)
{
	for (unsigned i = 0; i < c->serials.count; i++) {
		const struct stream_spec *s = &c->serials.at[i];
		int err = s->kind == STREAM_FD ? broker_keep(s->number) : 0;
		if (err)
			return problem_set(p, "--serial %s: %s", s->text, strerror(-err));
	}
	return true;
}

static bool open_serials(struct machine *m, const struct stream_host *host, struct problem *p)
{
	for (unsigned i = 0; i < CONFIG_SERIALS; i++) {
		struct serial_owner owner = {
			.ctx = m,
			.quit = on_quit,
			.printed = i ? NULL : on_printed,
			.outputs = &m->outputs,
			.stdio = m->stdio,
			.host = *host,
		};
		if (!serial_open(&m->serial[i], &m->config.serials.at[i], owner, p))
			return false;
	}
	return true;
}

static bool create_monitor(struct machine *m, struct problem *p)
{
	const struct machine_config *c = &m->config;
	struct monitor_config config = {
		.mmu =
			{
				.ram_bytes = (c->memory + MIB - 1) / MIB * MIB,
				.vma_budget = c->vma_budget,
				.no_userfaultfd = c->no_userfaultfd,
				.exact_ad = c->exact_ad,
			},
		.always_check = c->always_check,
		.counts = c->ips != 0,
		.model = &m->model,
		.platform = platform_of(m),
		.cache_bytes = c->cache,
	};
	const char *what = "the virtual machine";
	int err = monitor_create(&m->monitor, &config, &what);
	if (err == -ERANGE)
		return problem_set(p, "--vma-budget %u: more mappings than vm.max_map_count leaves",
		                   c->vma_budget);
	return !err || problem_set(p, "cannot set up %s: %s", what, strerror(-err));
}

/* What has a name is open; from here on hostile bytes are taken apart. */
static bool close_fence(struct machine *m, struct problem *p)
{
	const struct machine_config *c = &m->config;
	bool dumps = c->verify || c->dump_cache || c->control.kind;
	int err = dumps ? host_mem_books_open() : 0;
	if (err)
		return problem_set(p, "cannot read this process's mappings: %s", strerror(-err));
	outputs_grant(&m->outputs);
	err = broker_seal();
	if (err)
		return problem_set(p, "the broker ended: %s", strerror(-err));
	fence_enter(FENCE_VCPU);
	if (c->fence == FENCE_REQUIRE && host_losses())
		return problem_set(p, "--fence require: this host is without %s", host_losses());
	return true;
}

static bool build(struct machine *m, struct problem *p)
{
	const struct machine_config *c = &m->config;
	if (!config_choose_display(&m->config, terminal_is_there(), p))
		return false;
	/* Their writes fail instead, and are told of. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!preflight(c->memory, option_size_text(c->memory).at, p))
		return false;
	if (c->fence == FENCE_REQUIRE && !fence_possible())
		return problem_set(p, "--fence require: this build calls what a fence forbids");
	/* The other processes are forked before there is memory to share. */
	fence_choose(c->fence);
	if (!keep_descriptors(c, p))
		return false;
	int err = broker_start();
	if (err)
		return problem_set(p, "cannot start the broker: %s", strerror(-err));
	fence_strip();
	if (c->control.kind && !qmp_listen(&m->front, &c->control, p))
		return false;
	m->loop = loop_create();
	if (!records_open(m, p) || !start_events(m, p))
		return false;
	struct stream_host host = records_host(m);
	if (!open_serials(m, &host, p) || !media_open(&m->media, c, &m->outputs, p) ||
	    !media_start(&m->media, m->loop, p) || !create_monitor(m, p))
		return false;
	m->control.monitor = m->monitor;
	struct vcpu *v = monitor_vcpu(m->monitor);
	err = gtime_create(&m->time, (struct gtime_cells){&v->native.tsc_minus, &v->native.tsc_read,
	                                                  &v->tsc_exits});
	if (err)
		return signals_problem(err, p);
	platform_start(m);
	if (!boot_add_display(m, p) || !viewers_create(&m->viewers, c, p))
		return false;
	boot_create_board(m);
	create_pointer(m);
	if (!open_display(m, p))
		return false;
	if (m->display)
		display_attach(m->display, m->typist);
	if (!start_viewers(m, p))
		return false;
	return (!c->gdb.kind || gdb_open(&m->gdb, &c->gdb, &host, &m->control, p)) &&
	       remote_open(m, &host, p) && limits_open(m, p) &&
	       images_read(&m->images, c, &m->outputs, p) && boot_add_rom(m, p) &&
	       close_fence(m, p) && boot_machine(m, p) && records_begin(m, p) && hear_signals(m, p);
}

bool machine_create(struct machine **out, const struct machine_config *c, struct problem *p)
{
	struct machine *m = calloc(1, sizeof *m);
	CHECK(m);
	m->config = *c;
	m->model = *c->cpu.model;
	if (c->apic)
		m->model.edx1 |= CPUID_APIC;
	m->dump_fd = -1;
	if (config_is_tour(c))
		m->config.debug_exit = m->config.no_reboot = true; /* it ends by itself */
	if (!build(m, p)) {
		machine_destroy(m);
		return false;
	}
	*out = m;
	return true;
}

/* One life of the guest, from boot to reset or end; -1: boot again. */
static int run_once(struct machine *m)
{
	m->halt_told = false;
	/* What came while there was nothing to kick is looked at first. */
	monitor_kick(m->monitor);
	enum monitor_end end = monitor_run(m->monitor);
	if (m->config.verify || m->config.dump_cache)
		records_check_code(m, m->config.dump_cache);
	/* The chip set answers a shutdown with a reset. */
	bool reset = end == END_RESET || end == END_TRIPLE;
	if (reset && !m->reader_gone && (!m->config.no_reboot || boot_resumes(m))) {
		remote_was_reset(m, end);
		return -1;
	}
	remote_has_ended(m, end);
	records_drain(m);
	switch (end) {
	case END_RESET:
		return 0;
	case END_REQUEST:
		return monitor_stop_code(m->monitor);
	default:
		terminal_close();
		monitor_report(m->monitor, stderr);
		return end == END_HALT ? 0 : 1;
	}
}

int machine_run(struct machine *m)
{
	int status;
	if (host_losses())
		report("runs without %s", host_losses());
	limits_begin(m);
	while ((status = run_once(m)) < 0) {
		struct problem p = {0};
		gtime_sleep(m->time);
		gtime_catch_up(m->time);
		if (!boot_again(m, &p)) {
			terminal_close();
			report("%s", p.text);
			status = EXIT_BAD_INPUT;
			break;
		}
		control_hold_on(&m->control);
	}
	terminal_close();
	status = limits_status(m, status);
	if (m->gdb)
		gdb_exited(m->gdb, status);
	records_stats(m);
	int err = log_close();
	if (err)
		records_failed(m, "--log", m->config.log.path, -err);
	return m->bad_code || m->write_failed ? 1 : status;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < CONFIG_SERIALS; i++)
		if (m->serial[i])
			serial_attach(m->serial[i], NULL);
	display_close(m->display);
	typist_destroy(m->typist);
	pointer_destroy(m->pointer);
	board_destroy(m->board);
	viewers_destroy(m->viewers);
	memory_map_destroy(m->memory);
	for (unsigned i = 0; i < CONFIG_SERIALS; i++)
		serial_close(m->serial[i]);
	gdb_close(m->gdb);
	qmp_close(m->qmp);
	front_stop(&m->front);
	alarm_destroy(m->limits);
	timer_free(m->poll_tick);
	timer_free(m->slice);
	timer_free(m->nap);
	gtime_destroy(m->time);
	records_close(m);
	media_close(&m->media);
	loop_destroy(m->loop);
	if (m->monitor)
		monitor_destroy(m->monitor);
	images_free(&m->images);
	broker_end();
	free(m);
}
