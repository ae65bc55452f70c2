#include "machine/machine.h"

#include "base/log.h"
#include "base/stats.h"
#include "cpu/cpu.h"
#include "cpu/model.h"
#include "host/broker.h"
#include "host/fence.h"
#include "host/loop.h"
#include "host/loss.h"
#include "host/memory.h"
#include "host/signal.h"
#include "host/terminal.h"
#include "host/timer.h"
#include "host/watchdog.h"
#include "machine/board.h"
#include "machine/firmware.h"
#include "machine/gdb.h"
#include "machine/gtime.h"
#include "machine/images.h"
#include "machine/output.h"
#include "machine/preflight.h"
#include "machine/serial.h"
#include "machine/tour/tour.h"
#include "monitor/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How long output and the guest's lag may wait while it computes. */
#define POLL_NS 10000000

struct machine {
	struct options options;
	struct monitor *monitor;
	struct board *board;
	struct serial *serial;
	struct gdb *gdb; /* NULL: none */
	struct loop *loop;
	struct gtime *time;
	struct timer *poll_tick;
	struct images images; /* they are kept for a reset */
	struct stream *stdio;
	struct stream *debugcon; /* NULL: none; it may be stdio */
	struct outputs outputs;
	FILE *stats_file, *log_file;
	int dump_fd; /* --dump-cache; -1: none */
	volatile sig_atomic_t end_signal;
	volatile sig_atomic_t look_signal; /* SIGUSR1: tell what there is to tell now */
	bool bad_code;                     /* what --verify found */
	bool write_failed;                 /* of some output, which was told */
	bool reader_gone;                  /* of standard output */
};

/* --- time --- */

/* No tick may wait to be taken: the next would be lost. */
static void step_on(struct machine *m)
{
	if (gtime_lags(m->time) && !board_intr(m->board))
		gtime_step(m->time);
}

/* Its kick is all that is wanted: a poll follows. */
static void poll_tick(void *ctx, uint64_t now_ns)
{
}

static bool output_wants_polls(const struct machine *m)
{
	return serial_wants_polls(m->serial) || (m->debugcon && stream_wants_polls(m->debugcon));
}

/* What is left to do wants a poll, also of a guest that has no timer. */
static void want_poll(struct machine *m)
{
	struct clock *clock = gtime_clock(m->time);
	bool left = gtime_wants_poll(m->time) || output_wants_polls(m) || loop_wants_polls(m->loop);
	if (left && !timer_is_set(m->poll_tick))
		timer_set(m->poll_tick, clock_now(clock) + POLL_NS);
}

/* --- what the monitor is given --- */

static uint32_t on_in(void *ctx, uint16_t port, unsigned size)
{
	struct machine *m = ctx;
	gtime_read_begin(m->time, port);
	uint32_t value = board_in(m->board, port, size);
	gtime_read_end(m->time);
	want_poll(m);
	return value;
}

static uint64_t on_tsc(void *ctx)
{
	struct machine *m = ctx;
	return gtime_rdtsc(m->time);
}

static void on_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
	struct machine *m = ctx;
	board_out(m->board, port, size, value);
	want_poll(m);
}

static void on_ferr(void *ctx)
{
	struct machine *m = ctx;
	board_ferr(m->board);
}

static bool on_intr_line(void *ctx)
{
	struct machine *m = ctx;
	return board_intr(m->board);
}

static uint8_t on_intr_ack(void *ctx)
{
	struct machine *m = ctx;
	uint8_t vector = board_ack(m->board);
	step_on(m);
	return vector;
}

/* --- output --- */

static void output_failed(struct machine *m, const char *option, const char *path, int error)
{
	report("%s%s%s: %s", option, path ? " " : "", path ? path : "", strerror(error));
	m->write_failed = true;
}

static void on_stream_failed(void *ctx, const struct stream *s, int err)
{
	struct machine *m = ctx;
	const struct options *o = &m->options;
	if (s == m->stdio) {
		output_failed(m, "standard output", NULL, -err);
		if (err == -EPIPE) { /* nobody will see the rest */
			m->reader_gone = true;
			monitor_stop(m->monitor, END_REQUEST, 1);
		}
	} else if (s == m->debugcon) {
		output_failed(m, "--debugcon", o->debugcon, -err);
	} else {
		output_failed(m, "--serial", o->serial, -err);
	}
}

/* The end of a file that was written to by stdio. */
static void check_written(struct machine *m, FILE *f, const char *option, const char *path)
{
	if (fflush(f) || ferror(f))
		output_failed(m, option, path, errno);
}

static void flush(struct machine *m)
{
	serial_flush(m->serial);
	if (m->debugcon)
		stream_flush(m->debugcon);
}

/* Nothing more is written. */
static void drain(struct machine *m)
{
	serial_drain(m->serial);
	if (m->debugcon)
		stream_drain(m->debugcon);
}

static void write_stats(struct machine *m)
{
	if (!m->options.stats)
		return;
	FILE *f = m->stats_file ? m->stats_file : stderr;
	stats_write(f);
	monitor_stats_write(m->monitor, f);
	fprintf(f, "seconds %.3f\n", gtime_now(m->time) / 1e9);
	check_written(m, f, "--stats", m->options.stats_path);
}

/* --dump-cache and --verify. */
static void check_code(struct machine *m, const char *dump_path)
{
	const struct options *o = &m->options;
	char *dump = NULL;
	size_t bytes;
	FILE *f = open_memstream(&dump, &bytes);
	CHECK(f);
	int err = monitor_dump(m->monitor, f);
	if (fclose(f))
		err = -ENOMEM;
	if (err)
		report("cannot dump the cache: %s", strerror(-err));
	if (err || (o->verify && !o->checker(dump, bytes)))
		m->bad_code = true;
	if (!err && dump_path && (err = file_replace(m->dump_fd, dump, bytes)))
		output_failed(m, "--dump-cache", dump_path, -err);
	free(dump);
}

/* Signals and timers: what may make sleeping wrong. */
static void serve(struct machine *m)
{
	terminal_poll();
	if (m->look_signal) {
		m->look_signal = 0;
		if (m->options.verify)
			check_code(m, NULL);
		write_stats(m);
	}
	if (m->end_signal) {
		watchdog_stop();
		monitor_stop(m->monitor, END_REQUEST, 128 + m->end_signal);
	}
	clock_run(gtime_clock(m->time));
}

static void on_poll(void *ctx)
{
	struct machine *m = ctx;
	gtime_look(m->time);
	serve(m);
	if (!gtime_stuck(m->time))
		step_on(m);
	loop_poll(m->loop);
	flush(m);
	want_poll(m);
}

/* The timer stays armed, and ends the sleep: programming it is what costs. */
static void on_wait(void *ctx)
{
	struct machine *m = ctx;

	gtime_sleep(m->time);
	flush(m);
	if (!loop_wants_polls(m->loop) && !output_wants_polls(m))
		timer_cancel(m->poll_tick);
	host_signals_hold();
	serve(m);
	bool served = loop_poll(m->loop);
	if (gtime_lags(m->time) && !board_intr(m->board))
		gtime_skip(m->time);
	if (!served && !monitor_ending(m->monitor) && !board_intr(m->board))
		host_signal_wait();
	host_signals_release();
	serve(m);
	loop_poll(m->loop);
	want_poll(m);
}

/* Stopped by the debugger: its commands come by the loop, and time stands still. */
static void on_debug(void *ctx, const struct debug_stop *s)
{
	struct machine *m = ctx;

	gtime_hold(m->time);
	flush(m);
	gdb_stopped(m->gdb, s);
	host_signals_hold();
	for (;;) {
		serve(m);
		loop_poll(m->loop);
		if (!gdb_holds(m->gdb) || monitor_ending(m->monitor))
			break;
		host_signal_wait();
	}
	host_signals_release();
	gtime_release(m->time);
}

/* --- what the board is given --- */

static void on_reset(void *ctx)
{
	struct machine *m = ctx;
	monitor_stop(m->monitor, END_RESET, 0);
}

static void on_ignne(void *ctx)
{
	struct machine *m = ctx;
	monitor_ignne(m->monitor);
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
	if (!m->options.kernel && status == TOUR_END_STATUS)
		status = 0;
	monitor_stop(m->monitor, END_REQUEST, status & 0xff);
}

static void on_quit(void *ctx)
{
	struct machine *m = ctx;
	monitor_stop(m->monitor, END_REQUEST, 0);
}

/* --- booting --- */

static void ram_write(void *ctx, uint64_t at, const void *src, size_t n)
{
	mmu_phys_write(ctx, gpa(at), src, n);
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
	struct guest_ram ram = {monitor_mmu(m->monitor), ram_write, m->options.memory};
	struct boot_entry entry;
	bool ok = images_load(&m->images, &m->options, &ram, &entry, p);
	if (ok)
		start_vcpu(m, &entry);
	if (m->options.no_reboot)
		images_free(&m->images);
	return ok;
}

/* The machine as firmware hands it over, with its kernel loaded. */
static bool boot(struct machine *m, struct problem *p)
{
	serial_attach(m->serial, NULL);
	board_destroy(m->board);
	m->board = board_create(&(struct board_config){
		.clock = gtime_clock(m->time),
		.utc_ns = host_utc_ns() - (int64_t)gtime_now(m->time),
		.serial = serial_peer(m->serial),
		.has_serial = strcmp(m->options.serial, "none"),
		.ctx = m,
		.reset = on_reset,
		.ignne = on_ignne,
		.debug_write = m->debugcon ? on_debug_write : NULL,
		.debug_exit = m->options.debug_exit ? on_debug_exit : NULL,
		.attach = m->options.kernel ? NULL : tour_counters_attach,
	});
	firmware_devices(m->board, m->options.memory);
	if (!load(m, p))
		return false;
	serial_attach(m->serial, board_uart(m->board));
	return true;
}

/* --- life --- */

void machine_list_models(FILE *f)
{
	const struct cpu_model *model;
	for (unsigned i = 0; (model = cpu_model_at(i)); i++)
		fprintf(f, "%-10s %s\n", model->name, model->summary);
}

#define END_SIGNAL(signo)                                                                          \
	static void on_end_##signo(void *ctx)                                                      \
	{                                                                                          \
		struct machine *m = ctx;                                                           \
		m->end_signal = signo;                                                             \
		watchdog_start(128 + signo);                                                       \
	}
END_SIGNAL(SIGINT)
END_SIGNAL(SIGTERM)
END_SIGNAL(SIGHUP)

static void on_look(void *ctx)
{
	struct machine *m = ctx;
	m->look_signal = 1;
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
	int err = host_signal_install(SIGINT, on_end_SIGINT, m);
	if (!err)
		err = host_signal_install(SIGTERM, on_end_SIGTERM, m);
	if (!err)
		err = host_signal_install(SIGHUP, on_end_SIGHUP, m);
	if (!err && (m->options.verify || m->options.stats))
		err = host_signal_install(SIGUSR1, on_look, m);
	return !err || signals_problem(err, p);
}

static struct stream_host stream_host(struct machine *m)
{
	return (struct stream_host){m->loop, &m->end_signal, m, on_stream_failed};
}

static bool open_outputs(struct machine *m, struct problem *p)
{
	const struct options *o = &m->options;
	struct outputs *s = &m->outputs;
	struct stream_host host = stream_host(m);
	m->stdio = stream_create(0, 1, &host);
	if (o->log && !log_categories(o->log))
		return problem_set(p, "--log %s: not among int,exc,exits,units,mmu,io", o->log);
	if (o->log && !(m->log_file = output_stream(s, "--log ", o->log_path, p)))
		return false;
	if (o->stats_path && !(m->stats_file = output_stream(s, "--stats ", o->stats_path, p)))
		return false;
	if (o->dump_cache && (m->dump_fd = output_open(s, "--dump-cache ", o->dump_cache, p)) < 0)
		return false;
	if (o->debugcon && !strcmp(o->debugcon, "-")) {
		m->debugcon = m->stdio;
	} else if (o->debugcon) {
		int fd = output_open(s, "--debugcon ", o->debugcon, p);
		if (fd < 0)
			return false;
		m->debugcon = stream_create(-1, fd, &host);
	}
	return true;
}

/* The guest is loaded: nothing keeps this run from writing any more. */
static bool begin_outputs(struct machine *m, struct problem *p)
{
	if (!outputs_begin(&m->outputs, p))
		return false;
	if (m->log_file)
		log_open(log_categories(m->options.log), m->log_file);
	m->log_file = NULL; /* the log's */
	return true;
}

static bool create_monitor(struct machine *m, const struct cpu_model *model, struct problem *p)
{
	const struct options *o = &m->options;
	struct monitor_config c = {
		.mmu =
			{
				.ram_bytes = o->memory,
				.vma_budget = o->vma_budget,
				.no_userfaultfd = o->no_userfaultfd,
				.exact_ad = o->exact_ad,
			},
		.model = model,
		.platform =
			{
				.ctx = m,
				.io_read = on_in,
				.io_write = on_out,
				.intr_line = on_intr_line,
				.intr_ack = on_intr_ack,
				.ferr = on_ferr,
				.tsc = on_tsc,
				.poll = on_poll,
				.wait = on_wait,
				.debug = on_debug,
			},
		.cache_bytes = o->cache_bytes,
	};
	const char *what = "the virtual machine";
	int err = monitor_create(&m->monitor, &c, &what);
	if (err == -ERANGE)
		return problem_set(p, "--vma-budget %u: more mappings than vm.max_map_count leaves",
		                   o->vma_budget);
	return !err || problem_set(p, "cannot set up %s: %s", what, strerror(-err));
}

/* What has a name is open; from here on hostile bytes are taken apart. */
static bool close_fence(struct machine *m, struct problem *p)
{
	const struct options *o = &m->options;
	int err = o->verify || o->dump_cache ? host_mem_books_open() : 0;
	if (err)
		return problem_set(p, "cannot read this process's mappings: %s", strerror(-err));
	outputs_grant(&m->outputs);
	err = broker_seal();
	if (err)
		return problem_set(p, "the broker ended: %s", strerror(-err));
	fence_enter(FENCE_VCPU);
	if (o->fence == FENCE_REQUIRE && host_losses())
		return problem_set(p, "--fence require: this host is without %s", host_losses());
	return true;
}

static bool build(struct machine *m, struct problem *p)
{
	struct options *o = &m->options;
	const struct cpu_model *model = o->cpu ? cpu_model_find(o->cpu) : cpu_model_default();
	if (!model)
		return problem_set(p, "--cpu %s: unknown model (--cpu help lists them)", o->cpu);
	/* Their writes fail instead, and are told of. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!preflight(o->memory, o->memory_text, p))
		return false;
	if (o->fence == FENCE_REQUIRE && !fence_possible())
		return problem_set(p, "--fence require: this build calls what a fence forbids");
	/* The other processes are forked before there is memory to share. */
	fence_choose(o->fence);
	int inherited = stream_inherited(o->serial);
	int err = inherited < 0 ? 0 : broker_keep(inherited);
	if (err)
		return problem_set(p, "--serial %s: %s", o->serial, strerror(-err));
	err = broker_start();
	if (err)
		return problem_set(p, "cannot start the broker: %s", strerror(-err));
	fence_strip();
	m->loop = loop_create();
	if (!open_outputs(m, p) || !start_events(m, p) || !create_monitor(m, model, p))
		return false;
	struct vcpu *v = monitor_vcpu(m->monitor);
	err = gtime_create(&m->time,
	                   (struct gtime_cells){&v->tsc_minus, &v->tsc_read, &v->tsc_exits});
	if (err)
		return signals_problem(err, p);
	m->poll_tick = timer_create_on(gtime_clock(m->time), m, poll_tick);
	struct serial_owner owner = {
		.ctx = m,
		.quit = on_quit,
		.outputs = &m->outputs,
		.stdio = m->stdio,
		.host = stream_host(m),
	};
	return serial_open(&m->serial, o->serial, owner, p) &&
	       (!o->gdb || gdb_open(&m->gdb, o->gdb, &owner.host, m->monitor, p)) &&
	       images_read(&m->images, o, &m->outputs, p) && close_fence(m, p) && boot(m, p) &&
	       begin_outputs(m, p) && hear_signals(m, p);
}

bool machine_create(struct machine **out, const struct options *o, struct problem *p)
{
	struct machine *m = calloc(1, sizeof *m);
	CHECK(m);
	m->options = *o;
	m->dump_fd = -1;
	if (!o->kernel)
		m->options.debug_exit = m->options.no_reboot = true; /* the tour ends by itself */
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
	/* What came while there was nothing to kick is looked at first. */
	monitor_kick(m->monitor);
	enum monitor_end end = monitor_run(m->monitor);
	if (m->options.verify || m->options.dump_cache)
		check_code(m, m->options.dump_cache);
	/* The chip set answers a shutdown with a reset. */
	if (!m->options.no_reboot && !m->reader_gone && (end == END_RESET || end == END_TRIPLE))
		return -1;
	drain(m);
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
	while ((status = run_once(m)) < 0) {
		struct problem p = {0};
		gtime_sleep(m->time);
		gtime_catch_up(m->time);
		monitor_reset(m->monitor);
		if (!boot(m, &p)) {
			terminal_close();
			report("%s", p.text);
			status = EXIT_BAD_INPUT;
			break;
		}
	}
	terminal_close();
	if (m->gdb)
		gdb_exited(m->gdb, status);
	write_stats(m);
	int err = log_close();
	if (err)
		output_failed(m, "--log", m->options.log_path, -err);
	return m->bad_code || m->write_failed ? 1 : status;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	if (m->serial)
		serial_attach(m->serial, NULL);
	board_destroy(m->board);
	serial_close(m->serial);
	gdb_close(m->gdb);
	timer_free(m->poll_tick);
	gtime_destroy(m->time);
	if (m->debugcon != m->stdio)
		stream_close(m->debugcon);
	stream_close(m->stdio);
	loop_destroy(m->loop);
	if (m->monitor)
		monitor_destroy(m->monitor);
	if (m->stats_file)
		fclose(m->stats_file);
	file_close(m->dump_fd);
	if (m->log_file)
		fclose(m->log_file);
	log_close();
	images_free(&m->images);
	broker_end();
	free(m);
}
