/* What the machine does for the monitor: ports, interrupts, time, polls, sleep, stops. */
#include "machine/internal.h"

#include "base/stats.h"
#include "host/clock.h"
#include "host/loop.h"
#include "host/signal.h"
#include "host/terminal.h"

/* How long output and the guest's lag may wait while it computes. */
#define POLL_NS 10000000

/* As long as nothing happens. */
#define FOREVER UINT64_MAX

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
	return records_wants_polls(m) || (m->display && display_wants_polls(m->display));
}

static void send_output(struct machine *m)
{
	records_flush(m);
	if (m->display)
		display_look(m->display);
}

/* What is left to do wants a poll, also of a guest that has no timer. */
static void want_poll(struct machine *m)
{
	struct clock *clock = gtime_clock(m->time);
	bool left = gtime_wants_poll(m->time) || output_wants_polls(m) || loop_wants_polls(m->loop);
	if (left && !timer_is_set(m->poll_tick))
		timer_set(m->poll_tick, clock_now(clock) + POLL_NS);
}

/* --- guests that poll for a key --- */

/* Where the guest is, and who has called it there. */
static struct idle_place place(struct machine *m)
{
	const struct vcpu *v = monitor_vcpu(m->monitor);
	uint32_t sp = vcpu_stack32(v) ? v->gpr[ESP] : v->gpr[ESP] & 0xffff;
	struct idle_place p = {.v = v};
	monitor_read(m->monitor, SPACE_LINEAR, v->seg[SREG_SS].base + sp, p.stack, sizeof p.stack);
	return p;
}

static uint64_t add_segment(struct machine *m, uint64_t sum, uint32_t base)
{
	uint8_t bytes[PAGE_SIZE] = {0};
	for (uint32_t at = 0; at < IDLE_DATA; at += sizeof bytes) {
		monitor_read(m->monitor, SPACE_LINEAR, base + at, bytes, sizeof bytes);
		sum = idle_sum(sum, bytes, sizeof bytes);
	}
	return sum;
}

/* What is in the segments of data that the guest has loaded, in each once. */
static uint64_t data(struct machine *m)
{
	static const uint8_t segments[] = {SREG_DS, SREG_ES, SREG_FS, SREG_GS};
	uint32_t base[sizeof segments];
	uint64_t sum = 0;
	unsigned n = 0;
	for (unsigned i = 0; i < sizeof segments; i++) {
		base[n] = monitor_vcpu(m->monitor)->seg[segments[i]].base;
		unsigned k = 0;
		while (base[k] != base[n])
			k++;
		if (k == n)
			sum = add_segment(m, sum, base[n++]);
	}
	return sum;
}

static void note(struct machine *m, enum idle_kind kind)
{
	if (kind == IDLE_NOTHING || m->config.no_idle_sleep)
		return;
	/* No guest waits for a key by what a leaf does. */
	if (kind != IDLE_WORK && stats.leaves != m->idle_leaves) {
		m->idle_leaves = stats.leaves;
		idle_work(&m->idle);
	}
	if (kind == IDLE_WORK) {
		idle_work(&m->idle);
		return;
	}
	if (kind == IDLE_POLL && idle_first(&m->idle))
		return;
	struct idle_place here = place(m);
	bool look = idle_note(&m->idle, kind == IDLE_POLL, &here);
	if (kind == IDLE_POLL && idle_again(&m->idle)) {
		m->nap_due = idle_proved(&m->idle, data(m));
		m->nap_deaf = !here.v->if_flag;
		if (m->nap_due)
			monitor_kick(m->monitor);
	} else if (look && idle_look(&m->idle, host_thread_cpu_ns())) {
		idle_prove(&m->idle, data(m));
	}
}

static void on_int_n(void *ctx, uint8_t vector)
{
	struct machine *m = ctx;
	uint8_t ah = monitor_vcpu(m->monitor)->gpr[EAX] >> 8 & 0xff;
	note(m, idle_interrupt(vector, ah));
}

/* --- devices --- */

static uint32_t on_in(void *ctx, uint16_t port, unsigned size)
{
	struct machine *m = ctx;
	gtime_read_begin(m->time, port);
	uint32_t value = board_in(m->board, port, size);
	gtime_read_end(m->time);
	note(m, idle_port(port, true, value));
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
	note(m, idle_port(port, false, value));
	want_poll(m);
}

static void on_burst(void *ctx, uint16_t port, unsigned size, void *buf, size_t n, bool in)
{
	struct machine *m = ctx;
	if (in)
		gtime_read_begin(m->time, port);
	bus_burst(board_bus(m->board), port, size, buf, n, in);
	if (in)
		gtime_read_end(m->time);
	idle_work(&m->idle);
	want_poll(m);
}

static uint32_t on_mem_read(void *ctx, gpa_t a, unsigned size)
{
	struct machine *m = ctx;
	idle_work(&m->idle);
	return (uint32_t)bus_read(board_bus(m->board), SPACE_MEMORY, a.v, size);
}

static void on_mem_write(void *ctx, gpa_t a, unsigned size, uint32_t value)
{
	struct machine *m = ctx;
	idle_work(&m->idle);
	bus_write(board_bus(m->board), SPACE_MEMORY, a.v, size, value);
	want_poll(m);
}

static bool on_mem_run(void *ctx, const struct mem_run *r)
{
	struct machine *m = ctx;
	idle_work(&m->idle);
	bool done = bus_run(board_bus(m->board), r);
	want_poll(m);
	return done;
}

static void on_ferr(void *ctx)
{
	struct machine *m = ctx;
	board_ferr(m->board);
}

static void on_apic_base(void *ctx, uint64_t value)
{
	struct machine *m = ctx;
	board_apic_base(m->board, value);
}

static bool on_intr_line(void *ctx)
{
	struct machine *m = ctx;
	return board_intr(m->board);
}

static uint8_t on_intr_ack(void *ctx)
{
	struct machine *m = ctx;
	viewers_run(m->viewers);
	uint8_t vector = board_ack(m->board);
	step_on(m);
	return vector;
}

/* Signals and timers: what may make sleeping wrong. */
static void serve(struct machine *m)
{
	terminal_poll();
	if (control_obey(&m->control)) {
		if (m->config.verify)
			records_check_code(m, NULL);
		records_stats(m);
	}
	clock_run(gtime_clock(m->time));
}

/* --- the governor --- */

static struct governor_time governor_now(struct machine *m)
{
	return (struct governor_time){.now = clock_now(gtime_clock(m->time)),
	                              .cpu = host_thread_cpu_ns()};
}

/* Its clocks go on, and its timers are served when they are due: so nothing is late that would be
 * hidden. */
static void hold_until(struct machine *m, uint64_t until)
{
	struct clock *clock = gtime_clock(m->time);
	gtime_sleep(m->time); /* what it measures is to show it */
	records_flush(m);
	timer_set(m->slice, until);
	host_signals_hold();
	for (;;) {
		serve(m);
		loop_poll(m->loop);
		bool governed = governor_is_on(&m->governor) || m->pacer.ips;
		if (clock_now(clock) >= until || !governed || monitor_ending(m->monitor) ||
		    control_held(&m->control, HOLDERS))
			break;
		host_signal_wait();
	}
	host_signals_release();
}

/* Where a slice is over, the guest stands until its share of the time is right. */
static void govern(struct machine *m)
{
	while (governor_is_on(&m->governor)) {
		struct governor_time t = governor_now(m);
		uint64_t slice = 0, hold = governor_look(&m->governor, t, &slice);
		if (!hold) {
			timer_set(m->slice, t.now + slice);
			return;
		}
		hold_until(m, t.now + hold);
		governor_held(&m->governor, host_thread_cpu_ns());
		if (monitor_ending(m->monitor) || control_held(&m->control, HOLDERS))
			return;
	}
}

/* Where a guest whose instructions are counted has run what it may, it stands until there are more. */
static void pace(struct machine *m)
{
	while (m->pacer.ips) {
		uint64_t now = clock_now(gtime_clock(m->time));
		int64_t left = pacer_fill(&m->pacer, monitor_allowed(m->monitor), now);
		monitor_allow(m->monitor, left);
		uint64_t until = pacer_hold(&m->pacer, left, now);
		if (!until)
			return;
		hold_until(m, until);
		if (monitor_ending(m->monitor) || control_held(&m->control, HOLDERS))
			return;
	}
}

/* It slept by itself, and is not given back what it left. */
static void govern_anew(struct machine *m)
{
	if (!governor_is_on(&m->governor))
		return;
	governor_begin(&m->governor, governor_now(m));
	govern(m);
}

/* Until a signal comes, but no longer than most_ns of the guest's time; an interrupt that is asked
 * for ends it, unless the guest is deaf to them.  The host's timer stays armed, and ends the sleep:
 * programming it is what costs. */
static void sleep_for(struct machine *m, uint64_t most_ns, bool deaf)
{
	gtime_sleep(m->time);
	viewers_rest(m->viewers);
	timer_cancel(m->slice);
	send_output(m);
	if (!loop_wants_polls(m->loop) && !output_wants_polls(m))
		timer_cancel(m->poll_tick);
	host_signals_hold();
	serve(m);
	bool served = loop_poll(m->loop);
	if (gtime_lags(m->time) && (deaf || !board_intr(m->board)))
		gtime_skip(m->time);
	if (most_ns < FOREVER)
		timer_set(m->nap, clock_now(gtime_clock(m->time)) + most_ns);
	if (!served && !monitor_ending(m->monitor) && (deaf || !board_intr(m->board)))
		host_signal_wait();
	host_signals_release();
	timer_cancel(m->nap);
	serve(m);
	loop_poll(m->loop);
	govern_anew(m);
	want_poll(m);
}

static void on_wait(void *ctx)
{
	struct machine *m = ctx;
	sleep_for(m, FOREVER, !monitor_vcpu(m->monitor)->if_flag);
}

/* A guest that only polls sleeps, until something happens that it could find, or for some ms. */
static void nap(struct machine *m)
{
	if ((board_intr(m->board) && !m->nap_deaf) || control_held(&m->control, HOLDERS))
		return;
	stats.naps++;
	sleep_for(m, IDLE_SLEEP_NS, m->nap_deaf);
	idle_slept(&m->idle, host_thread_cpu_ns());
}

static void on_poll(void *ctx)
{
	struct machine *m = ctx;
	gtime_look(m->time);
	serve(m);
	if (!gtime_stuck(m->time))
		step_on(m);
	bool served = loop_poll(m->loop);
	send_output(m);
	pace(m);
	govern(m);
	if (m->nap_due && !served)
		nap(m);
	m->nap_due = false;
	viewers_run(m->viewers);
	want_poll(m);
}

/* Where nobody could do anything to it any more, the run ends; else it stays as it is. */
static bool on_halted(void *ctx)
{
	struct machine *m = ctx;
	bool watched = m->qmp || m->display || m->viewers || config_media(&m->config);
	if (m->config.exit_on_halt || !watched)
		return false;
	if (!m->halt_told)
		remote_has_halted(m);
	m->halt_told = true;
	return true;
}

/* The debugger holds the guest, and has not been told that it stands. */
static void tell_debugger(struct machine *m, struct debug_stop *s)
{
	if (!control_held(&m->control, HOLDER_GDB) || gdb_holds(m->gdb))
		return;
	gdb_stopped(m->gdb, s);
	s->why = DEBUG_REQUEST; /* if it asks again, while another holds the guest */
}

/* Stopped: commands come by the loop, and time stands still. */
static void on_debug(void *ctx, const struct debug_stop *s)
{
	struct machine *m = ctx;
	struct debug_stop stop = *s;

	gtime_hold(m->time);
	viewers_rest(m->viewers);
	send_output(m);
	control_stands(&m->control, true);
	if (stop.why != DEBUG_REQUEST) /* breakpoints are the debugger's */
		control_pause(&m->control, HOLDER_GDB);
	host_signals_hold();
	for (;;) {
		serve(m);
		loop_poll(m->loop);
		tell_debugger(m, &stop);
		send_output(m);
		if (!control_held(&m->control, HOLDERS) || monitor_ending(m->monitor))
			break;
		host_signal_wait();
	}
	host_signals_release();
	control_stands(&m->control, false);
	viewers_run(m->viewers);
	gtime_release(m->time);
}

void platform_start(struct machine *m)
{
	m->poll_tick = timer_create_on(gtime_clock(m->time), m, poll_tick);
	m->slice = timer_create_on(gtime_clock(m->time), m, poll_tick);
	m->nap = timer_create_on(gtime_clock(m->time), m, poll_tick);
	m->governor.percent = m->config.speed;
	m->pacer.ips = m->config.ips;
	govern(m);
}

struct monitor_platform platform_of(struct machine *m)
{
	return (struct monitor_platform){
		.ctx = m,
		.io_read = on_in,
		.io_write = on_out,
		.io_burst = on_burst,
		.mem_read = on_mem_read,
		.mem_write = on_mem_write,
		.bus = &m->bus,
		.io_leaf = bus_port_leaf,
		.mem_leaf = bus_memory_leaf,
		.mem_run = on_mem_run,
		.intr_line = on_intr_line,
		.intr_ack = on_intr_ack,
		.int_n = m->config.no_idle_sleep ? NULL : on_int_n,
		.int_always = IDLE_INTERRUPTS,
		.int_watched = &m->idle.polls,
		.apic_base = on_apic_base,
		.ferr = on_ferr,
		.tsc = on_tsc,
		.poll = on_poll,
		.wait = on_wait,
		.halted = on_halted,
		.debug = on_debug,
	};
}
