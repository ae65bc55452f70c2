#include "machine/viewers.h"

#include "base/log.h"
#include "host/broker.h"
#include "host/channel.h"
#include "host/file.h"
#include "host/memory.h"
#include "machine/keymap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 64, PASSWORD_MOST = 8 };

struct viewer {
	struct viewers *all;
	const struct config_display *display;
	int channel; /* -1: it has ended */
};

struct viewers {
	struct viewers_owner owner;
	struct viewer_page *page;
	int page_file;
	bool awaited; /* a viewer sleeps until the guest runs */
	struct viewer list[CONFIG_DISPLAYS];
	unsigned count;
};

/* --- what they say --- */

static bool is_step(const struct pointer_step *s)
{
	switch (s->kind) {
	case POINTER_DX:
	case POINTER_DY:
	case POINTER_X:
	case POINTER_Y:
	case POINTER_WHEEL:
		return true;
	case POINTER_DOWN:
	case POINTER_UP:
		return s->value > 0 && !(s->value & ~MOUSE_BUTTONS);
	}
	return false;
}

static void wake(struct viewers *v)
{
	static const char byte = VIEWER_WAKE;
	v->awaited = false;
	for (unsigned i = 0; i < v->count; i++)
		if (v->list[i].channel >= 0) /* one that has no room for it has not read the last */
			channel_send(v->list[i].channel, &byte, 1, NULL, 0);
}

static bool take_key(struct viewers *v, const struct viewer_event *e)
{
	struct problem p = {0}; /* he has typed too far ahead */
	if (e->key == KEY_NONE || e->key >= KEYS || e->down > 1)
		return false;
	typist_steps(v->owner.typist, &(struct typist_step){(uint8_t)e->key, .down = e->down}, 1,
	             &p);
	return true;
}

static bool take_pointer(struct viewers *v, const struct viewer_event *e)
{
	if (e->count > VIEWER_STEPS)
		return false;
	for (unsigned i = 0; i < e->count; i++)
		if (!is_step(&e->steps[i]))
			return false;
	pointer_steps(v->owner.pointer, e->steps, e->count);
	return true;
}

/* False: no viewer says that. */
static bool take(struct viewers *v, const struct viewer_event *e)
{
	switch (e->kind) {
	case VIEWER_KEY:
		return take_key(v, e);
	case VIEWER_POINTER:
		return take_pointer(v, e);
	case VIEWER_QUIT:
		v->owner.quit(v->owner.ctx);
		return true;
	case VIEWER_ASLEEP:
		v->awaited = true;
		if (!v->page->rests || v->page->runs != e->count)
			wake(v);
		return true;
	}
	return false;
}

static void drop(struct viewer *r, const char *why)
{
	report("--display %s: %s", r->display->text, why);
	loop_remove(r->all->owner.loop, r->channel);
	channel_close(r->channel);
	r->channel = -1;
}

static void on_ready(void *ctx, unsigned ready)
{
	struct viewer *r = ctx;
	for (unsigned i = 0; i < AT_ONCE; i++) {
		struct viewer_event e;
		long n = channel_receive(r->channel, &e, sizeof e);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			drop(r, "its process has ended; the guest goes on without it");
			return;
		}
		if (n != sizeof e || !take(r->all, &e)) {
			drop(r,
			     "its process says what makes no sense; the guest goes on without it");
			return;
		}
	}
}

/* --- how the guest runs --- */

void viewers_rest(struct viewers *v)
{
	if (v)
		v->page->rests = true;
}

void viewers_run(struct viewers *v)
{
	if (!v || !v->page->rests)
		return;
	v->page->runs++;
	v->page->rests = false;
	if (v->awaited)
		wake(v);
}

/* --- life --- */

static const struct {
	const char *program;
	bool listens;
	unsigned first_port;
} kinds[] = {
	[DISPLAY_VNC] = {"unring-vnc", true, 5900},
	[DISPLAY_WEB] = {"unring-web", true, 0},
	[DISPLAY_SDL] = {"unring-sdl", false, 0},
};

static bool is_viewer(const struct config_display *d)
{
	return d->kind >= DISPLAY_VNC;
}

bool viewers_create(struct viewers **out, const struct machine_config *c, struct problem *p)
{
	bool any = false;
	for (unsigned i = 0; i < c->displays.count; i++)
		any |= is_viewer(&c->displays.at[i]);
	if (!any)
		return true;
	struct viewers *v = calloc(1, sizeof *v);
	void *at = NULL;
	CHECK(v);
	v->page_file = host_mem_file("unring-screen", PAGE_SIZE);
	int err = v->page_file < 0 ? v->page_file : host_mem_hold(PAGE_SIZE, &at);
	if (!err)
		err = host_mem_map(at, PAGE_SIZE, v->page_file, 0, true);
	if (err) {
		host_mem_close(v->page_file);
		host_mem_release(at, PAGE_SIZE);
		free(v);
		return problem_set(p, "cannot set up the display's page: %s", strerror(-err));
	}
	v->page = at;
	*out = v;
	return true;
}

_Static_assert(sizeof(struct viewer_page) <= PAGE_SIZE, "it is one page");

struct vga_registers *viewers_registers(struct viewers *v)
{
	return v ? &v->page->regs : NULL;
}

/* The first line of a file: VNC's passwords have eight characters at most, and what is longer would
 * be no safer than its beginning. */
static bool read_password(const struct config_display *d, char *to, struct problem *p)
{
	struct blob b = {0};
	int fd = file_open(d->password), err = fd < 0 ? fd : file_read_head(fd, PAGE_SIZE, &b);
	file_close(fd);
	if (err)
		return problem_set(p, "--display %s: password %s: %s", d->text, d->password,
		                   err == -EINVAL ? "not a plain file" : strerror(-err));
	size_t n = 0;
	while (n < b.size && b.data[n] != '\n' && b.data[n] != '\r' && b.data[n])
		n++;
	if (n && n <= PASSWORD_MOST)
		memcpy(to, b.data, n);
	blob_free(&b);
	return (n && n <= PASSWORD_MOST) ||
	       problem_set(p,
	                   "--display %s: password %s: its first line has not 1 to %d characters",
	                   d->text, d->password, PASSWORD_MOST);
}

/* The channel of the program, which is ready; or -1. */
static int start(const struct config_display *d, struct viewer_hello *hello, const int *files,
                 struct problem *p)
{
	struct viewer_ready ready = {0};
	const char *program = kinds[d->kind].program;
	int channel = broker_start_program(program), none[CHANNEL_FILES];
	if (channel < 0) {
		problem_set(p, "--display %s: cannot start %s: %s", d->text, program,
		            strerror(-channel));
		return -1;
	}
	int err = channel_send(channel, hello, sizeof *hello, files,
	                       kinds[d->kind].listens ? VIEWER_FILES : VIEWER_LISTENER);
	bool answered = !err && channel_wait(channel, &ready, sizeof ready, none) == sizeof ready;
	ready.problem[sizeof ready.problem - 1] = '\0';
	if (answered && !*ready.problem)
		return channel;
	problem_set(p, "--display %s: %s", d->text, answered ? ready.problem : "its process ended");
	channel_close(channel);
	return -1;
}

static bool start_one(struct viewers *v, const struct machine_config *c,
                      const struct config_display *d, const int *files, struct viewer_hello hello,
                      struct problem *p)
{
	int all[VIEWER_FILES] = {files[VIEWER_PAGE], files[VIEWER_MEMORY]};
	struct viewer *r = &v->list[v->count];
	snprintf(hello.option, sizeof hello.option, "%s", d->text);
	if (d->password && !read_password(d, hello.password, p))
		return false;
	int fd = -1;
	if (kinds[d->kind].listens) {
		fd = broker_listen_tcp(d->address,
		                       (uint16_t)(kinds[d->kind].first_port + d->number));
		if (fd < 0)
			return problem_set(p, "--display %s: cannot listen: %s", d->text,
			                   strerror(-fd));
	}
	all[VIEWER_LISTENER] = fd;
	int channel = start(d, &hello, all, p);
	file_close(fd);
	if (channel < 0)
		return false;
	*r = (struct viewer){v, d, channel};
	v->count++;
	channel_grant(channel);
	loop_add(v->owner.loop, channel, LOOP_READ, on_ready, r);
	return true;
}

bool viewers_start(struct viewers *v, const struct machine_config *c, int memory, uint64_t at,
                   struct viewers_owner owner, struct problem *p)
{
	struct viewer_hello hello = {
		.memory_at = at,
		.memory_bytes = CONFIG_VGA_BYTES,
		.fence = c->fence,
	};
	bool ok = true;
	if (!v)
		return true;
	v->owner = owner;
	snprintf(hello.keymap, sizeof hello.keymap, "%s", keymap_name(c->keymap));
	int files[] = {host_mem_reader(v->page_file), host_mem_reader(memory)};
	for (unsigned i = 0; i < 2; i++)
		if (files[i] < 0)
			ok = problem_set(p, "cannot share the display's memory: %s",
			                 strerror(-files[i]));
	for (unsigned i = 0; ok && i < c->displays.count; i++)
		if (is_viewer(&c->displays.at[i]))
			ok = start_one(v, c, &c->displays.at[i], files, hello, p);
	for (unsigned i = 0; i < 2; i++)
		if (files[i] >= 0)
			host_mem_close(files[i]);
	return ok;
}

void viewers_destroy(struct viewers *v)
{
	for (unsigned i = 0; v && i < v->count; i++)
		if (v->list[i].channel >= 0) {
			loop_remove(v->owner.loop, v->list[i].channel);
			channel_close(v->list[i].channel);
		}
	if (!v)
		return;
	host_mem_close(v->page_file);
	host_mem_release(v->page, PAGE_SIZE);
	free(v);
}
