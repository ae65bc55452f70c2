/* The machine as what a control socket acts on. */
#include "machine/internal.h"

#include "base/log.h"
#include "host/image.h"
#include "machine/keymap.h"
#include "machine/screen.h"
#include "machine/typist.h"

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
	m->reset_kind = RESET_HARD; /* as by the button on a PC */
	typist_drop(m->typist);
	control_reset(&m->control);
}

static void on_quit(void *ctx)
{
	struct machine *m = ctx;
	records_hurry(m);
	control_quit(&m->control, 0);
}

static const char *on_status(void *ctx)
{
	struct machine *m = ctx;
	if (control_held(&m->control, HOLDER_USER))
		return m->prelaunch ? "prelaunch" : "paused";
	return control_held(&m->control, HOLDER_GDB) ? "debug" : "running";
}

static void on_powerdown(void *ctx)
{
	struct machine *m = ctx;
	board_power_button(m->board);
	qmp_event(m->qmp, "POWERDOWN", NULL);
}

/* --- what it shows --- */

static bool on_screen_text(void *ctx, char *to, size_t most)
{
	struct machine *m = ctx;
	struct vga_text *t = malloc(sizeof *t);
	CHECK(t);
	bool there = vga_text(vga_view(board_vga(m->board)), t);
	if (there) {
		struct screen_bytes b = screen_text(t);
		snprintf(to, most, "%s", (const char *)b.at);
		free(b.at);
	}
	free(t);
	return there;
}

/* Nothing that the machine itself has open is written over, and no other machine's medium. */
static bool is_spare(struct machine *m, int fd, const char *kind, struct problem *why)
{
	if (!media_spare(&m->media, fd, kind, why) || !outputs_spare(&m->outputs, fd, kind, why))
		return false;
	return !file_is_locked(fd) ||
	       problem_set(why, "the %s would write over what is in use by another process", kind);
}

/* What was in the file goes when the bytes are there. */
static int replace(int fd, const void *bytes, size_t n)
{
	int err = file_append(fd, bytes, n);
	return err ? err : file_end_here(fd);
}

static bool on_screendump(void *ctx, int fd, bool png, struct problem *why)
{
	struct machine *m = ctx;
	if (!is_spare(m, fd, "picture", why))
		return false;
	struct vga_image image = {0};
	vga_render(vga_view(board_vga(m->board)), &image);
	struct screen_bytes b = png ? screen_png(&image) : screen_ppm(&image);
	int err = b.n ? replace(fd, b.at, b.n) : -ENOMEM;
	free(b.at);
	vga_image_free(&image);
	return !err || problem_set(why, "cannot write the picture: %s", strerror(-err));
}

/* --- keys --- */

static bool on_keys(void *ctx, const struct control_key *keys, unsigned n, struct problem *why)
{
	struct machine *m = ctx;
	struct typist_step *steps = calloc(n + 1, sizeof *steps);
	bool ok = true;
	CHECK(steps);
	for (unsigned i = 0; ok && i < n; i++) {
		const char *name = keys[i].name;
		enum key key = name ? key_named(name) : KEY_NONE;
		steps[i] = (struct typist_step){(uint8_t)key, keys[i].down, keys[i].pause_ms};
		ok = !name || key != KEY_NONE ||
		     problem_set(why, "there is no such key: %.64s", name);
	}
	ok = ok && typist_steps(m->typist, steps, n, why);
	free(steps);
	return ok;
}

static bool on_type(void *ctx, const char *text, struct problem *why)
{
	struct machine *m = ctx;
	const struct keymap *map = keymap_find(keymap_name(m->config.keymap));
	return typist_text(m->typist, map, text, strlen(text), why);
}

/* --- the pointer --- */

static void on_pointer(void *ctx, const struct pointer_step *s, unsigned n)
{
	struct machine *m = ctx;
	pointer_steps(m->pointer, s, n);
}

static bool on_pointer_is_absolute(void *ctx)
{
	struct machine *m = ctx;
	return pointer_is_absolute(m->pointer);
}

/* --- media --- */

static bool on_block(void *ctx, unsigned i, struct control_block *b)
{
	struct machine *m = ctx;
	for (unsigned n = 0; n < MEDIA_DRIVES; n++) {
		const struct drive *d = &m->media.drives[n];
		if (!d->image || i--)
			continue;
		*b = (struct control_block){
			.device = d->name,
			.file = d->file,
			.read_only = image_readonly(d->image),
			.tray_open = media_is_open(&m->media, d),
			.removable = d->is->removable,
			.locked = media_is_locked(&m->media, d),
		};
		return true;
	}
	return false;
}

void remote_tray_moved(struct machine *m, const struct drive *d, bool open)
{
	char data[128];
	snprintf(data, sizeof data, "{\"device\": \"%s\", \"id\": \"%s\", \"tray-open\": %s}",
	         d->name, d->name, open ? "true" : "false");
	qmp_event(m->qmp, "DEVICE_TRAY_MOVED", data);
}

/* The guest may keep what is in the drive; then it is told that somebody wants it. */
static bool gives(struct machine *m, const struct drive *d, bool force, struct problem *why)
{
	if (force || !media_is_locked(&m->media, d))
		return true;
	media_ask(&m->media, d);
	return problem_set(why,
	                   "Device '%s' is locked and force was not specified, wait for tray to "
	                   "open and try again",
	                   d->name);
}

static bool on_eject(void *ctx, const char *device, bool force, struct problem *why)
{
	struct machine *m = ctx;
	struct drive *d = media_drive(&m->media, device);
	if (!d)
		return problem_set(why, "%.64s: no such drive", device);
	if (!gives(m, d, force, why))
		return false;
	bool was_open = media_is_open(&m->media, d);
	media_eject(&m->media, d);
	if (!was_open)
		remote_tray_moved(m, d, true);
	return true;
}

static bool on_change(void *ctx, const char *device, int fd, const char *file, bool read_only,
                      bool force, struct problem *why)
{
	struct machine *m = ctx;
	struct drive *d = media_drive(&m->media, device);
	if (!d) {
		file_close(fd);
		return problem_set(why, "%.64s: no such drive", device);
	}
	bool was_open = media_is_open(&m->media, d);
	if (!gives(m, d, force, why) || !outputs_spare(&m->outputs, fd, "medium", why)) {
		file_close(fd);
		return false;
	}
	if (!media_change(&m->media, d, fd, file, read_only, why))
		return false;
	if (!was_open)
		remote_tray_moved(m, d, true);
	remote_tray_moved(m, d, false);
	return true;
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
	const struct machine_config *c = &m->config;
	const struct {
		const char *label;
		const struct stream_spec *where;
	} all[] = {
		{"serial0", &c->serials.at[0]},
		{"serial1", &c->serials.at[1]},
		{"parallel0", &c->parallel},
		{"debugcon", &c->debugcon},
	};
	for (unsigned n = 0; n < sizeof all / sizeof *all; n++) {
		if (n && all[n].where->kind == STREAM_NONE)
			continue;
		*label = all[n].label;
		*where = all[n].where->text ? all[n].where->text : "none";
		if (!i--)
			return true;
	}
	return false;
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

static void on_ips(void *ctx, unsigned n)
{
	struct machine *m = ctx;
	m->pacer.ips = n; /* the next poll sees it */
}

static bool on_dump_cache(void *ctx, int fd, struct problem *why)
{
	char *dump = NULL;
	size_t bytes;
	struct machine *m = ctx;
	if (!is_spare(m, fd, "dump", why))
		return false;
	FILE *f = open_memstream(&dump, &bytes);
	CHECK(f);
	int err = monitor_dump(m->monitor, f);
	if (fclose(f))
		err = -ENOMEM;
	if (!err)
		err = replace(fd, dump, bytes);
	free(dump);
	return !err || problem_set(why, "cannot dump the cache: %s", strerror(-err));
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
		.powerdown = on_powerdown,
		.screen_text = on_screen_text,
		.screendump = on_screendump,
		.keys = on_keys,
		.type = on_type,
		.pointer = on_pointer,
		.pointer_is_absolute = on_pointer_is_absolute,
		.serial_find = on_serial_find,
		.block = on_block,
		.change = on_change,
		.eject = on_eject,
		.chardev = on_chardev,
		.speed = on_speed,
		.ips = m->config.ips ? on_ips : NULL,
		.stats = on_stats,
		.dump_cache = on_dump_cache,
	};
	if (m->config.paused) {
		m->prelaunch = true;
		control_pause(&m->control, HOLDER_USER);
	}
	int err = m->front.process ? qmp_open(&m->qmp, m->front, h, &m->target) : 0;
	return !err || problem_set(p, "--control %s: %s", m->config.control.text, strerror(-err));
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
}

void remote_has_ended(struct machine *m, enum monitor_end end)
{
	if (end == END_TRIPLE)
		qmp_event(m->qmp, "GUEST_PANICKED", "{\"action\": \"poweroff\"}");
	bool guest = end == END_HALT || end == END_KILLED || m->guest_quits;
	tell(m, "SHUTDOWN", guest ? "guest" : reason_of(m, end));
}

void remote_has_failed(struct machine *m, const struct drive *d, bool write, int err)
{
	char data[256];
	snprintf(data, sizeof data,
	         "{\"device\": \"%s\", \"node-name\": \"%s\", \"operation\": \"%s\", "
	         "\"action\": \"report\", \"nospace\": %s, \"reason\": \"%s\"}",
	         d->name, d->name, write ? "write" : "read", err == -ENOSPC ? "true" : "false",
	         strerror(-err));
	qmp_event(m->qmp, "BLOCK_IO_ERROR", data);
}

void remote_has_halted(struct machine *m)
{
	qmp_event(m->qmp, "X_HALT", NULL);
}
