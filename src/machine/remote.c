/* The machine as what a control socket acts on. */
#include "machine/internal.h"

#include "base/log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the run --- */

static void on_stop(void *ctx)
{
	struct machine *m = ctx;
	if (control_held(&m->control, HOLDER_USER))
		return;
	control_pause(&m->control, HOLDER_USER);
	qmp_event(m->qmp, "STOP", NULL);
}

static void on_cont(void *ctx)
{
	struct machine *m = ctx;
	if (!control_held(&m->control, HOLDER_USER))
		return;
	m->prelaunch = false;
	control_resume(&m->control, HOLDER_USER);
	qmp_event(m->qmp, "RESUME", NULL);
}

static void on_reset(void *ctx)
{
	struct machine *m = ctx;
	m->reset_by_host = true;
	control_reset(&m->control);
}

static void on_quit(void *ctx)
{
	struct machine *m = ctx;
	serial_hurry(m->serial);
	control_quit(&m->control, 0);
}

static const char *on_status(void *ctx)
{
	struct machine *m = ctx;
	if (control_held(&m->control, HOLDER_USER))
		return m->prelaunch ? "prelaunch" : "paused";
	return control_held(&m->control, HOLDER_GDB) ? "debug" : "running";
}

/* --- what it prints --- */

static bool on_serial_find(void *ctx, const char *text)
{
	struct machine *m = ctx;
	return printed_find(&m->printed, text, &m->found);
}

static bool on_chardev(void *ctx, unsigned i, const char **label, const char **where)
{
	struct machine *m = ctx;
	*label = i ? "debugcon" : "serial0";
	*where = i ? m->config.debugcon.text : m->config.serial.text;
	return i < (m->debugcon ? 2u : 1u);
}

/* --- records --- */

static void on_stats(void *ctx, FILE *f)
{
	records_write_stats(ctx, f);
}

static void on_speed(void *ctx, unsigned percent)
{
	struct machine *m = ctx;
	m->governor.percent = percent; /* the next poll sees it */
}

static bool on_dump_cache(void *ctx, int fd, struct problem *why)
{
	char *dump = NULL;
	size_t bytes;
	struct machine *m = ctx;
	FILE *f = open_memstream(&dump, &bytes);
	CHECK(f);
	int err = monitor_dump(m->monitor, f);
	if (fclose(f))
		err = -ENOMEM;
	if (!err)
		err = file_append(fd, dump, bytes);
	free(dump);
	return !err || problem_set(why, "cannot dump the cache: %s", strerror(-err));
}

/* Behind the fence nothing is opened by name. */
static int on_open(void *ctx, const char *path, enum file_use use, struct problem *why)
{
	struct machine *m = ctx;
	if (m->config.fence != FENCE_OFF) {
		problem_set(why,
		            "%.200s: the fence opens no file by name: send its descriptor along "
		            "(SCM_RIGHTS), as unring ctl does, or run with --fence off",
		            path);
		return -1;
	}
	int fd = file_open_for(path, use);
	if (fd < 0)
		problem_set(why, "%.200s: %s", path, strerror(-fd));
	return fd;
}

/* --- life --- */

bool remote_open(struct machine *m, const struct stream_host *h, struct problem *p)
{
	m->target = (struct control_target){
		.ctx = m,
		.stop = on_stop,
		.cont = on_cont,
		.reset = on_reset,
		.quit = on_quit,
		.status = on_status,
		.serial_find = on_serial_find,
		.chardev = on_chardev,
		.speed = on_speed,
		.stats = on_stats,
		.dump_cache = on_dump_cache,
		.open = on_open,
	};
	if (m->config.paused) {
		m->prelaunch = true;
		control_pause(&m->control, HOLDER_USER);
	}
	return !m->config.control.kind || qmp_open(&m->qmp, &m->config.control, h, &m->target, p);
}

bool remote_shows(struct machine *m, const char *text)
{
	char *screen = m->target.screen_text ? malloc(CONTROL_SCREEN) : NULL;
	bool there =
		screen && m->target.screen_text(m, screen, CONTROL_SCREEN) && strstr(screen, text);
	free(screen);
	return there;
}

/* --- events --- */

static const char *reason_of(struct machine *m, enum monitor_end end)
{
	bool guest = end == END_RESET && !m->reset_by_host;
	return end == END_TRIPLE ? "triple-fault" : guest ? "guest" : "host";
}

static void tell(struct machine *m, const char *event, const char *reason)
{
	char data[64];
	snprintf(data, sizeof data, "{\"guest\": %s, \"reason\": \"%s\"}",
	         strcmp(reason, "host") ? "true" : "false", reason);
	qmp_event(m->qmp, event, data);
}

void remote_was_reset(struct machine *m, enum monitor_end end)
{
	tell(m, "RESET", reason_of(m, end));
	m->reset_by_host = false;
}

void remote_has_ended(struct machine *m, enum monitor_end end)
{
	if (end == END_TRIPLE)
		qmp_event(m->qmp, "GUEST_PANICKED", "{\"action\": \"poweroff\"}");
	bool guest = end == END_HALT || end == END_KILLED || m->guest_quits;
	tell(m, "SHUTDOWN", guest ? "guest" : reason_of(m, end));
}

void remote_has_halted(struct machine *m)
{
	qmp_event(m->qmp, "X_HALT", NULL);
}
