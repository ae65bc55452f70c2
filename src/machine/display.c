#include "machine/display.h"

#include "base/log.h"
#include "host/canvas.h"
#include "host/clock.h"
#include "host/terminal.h"
#include "machine/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ESCAPE = 'a' & 0x1f,
	FRAME_MS = 33,
	GRAPHICS_MS = 500, /* to tell its size costs a picture */
	KEY_MS = 50,       /* an escape sequence has come by then, or is none */
};

#define MS 1000000ull

struct display {
	struct display_owner owner;
	struct canvas *canvas;
	struct typist *typist;
	bool stale, helps;
	bool escaped; /* Ctrl-A was typed */
	bool held[KEYS];
	uint64_t generation; /* that is drawn */
	uint64_t next_ns;    /* not before that */
	unsigned top, left;  /* what is seen of a screen that is larger than the terminal */
	struct canvas_input input;
	uint64_t typed_ns; /* the last byte of it */
	struct vga_text text;
};

/* --- the screen --- */

/* The colours of a VGA have blue in bit 0 and red in bit 2. */
static uint8_t colour(uint8_t c)
{
	return (c & 10) | (c & 1) << 2 | (c & 4) >> 2;
}

static struct canvas_cell cell_of(const struct vga_text *t, struct vga_cell c)
{
	uint8_t fg = c.attr & 15, bg = c.attr >> 4;
	return (struct canvas_cell){
		.ch = screen_unicode(c.ch),
		.fg = colour(fg),
		.bg = colour(t->blink ? bg & 7 : bg),
		.blink = t->blink && bg & 8,
	};
}

/* The first that is seen of all, if so many are and this one has to be. */
static unsigned scrolled(unsigned first, unsigned all, unsigned seen, bool must, unsigned at)
{
	if (all <= seen)
		return 0;
	if (must && at < first)
		first = at;
	if (must && at >= first + seen)
		first = at - seen + 1;
	return first > all - seen ? all - seen : first;
}

static void draw_text(struct display *d)
{
	const struct vga_text *t = &d->text;
	unsigned rows = canvas_rows(d->canvas), cols = canvas_cols(d->canvas);
	d->top = scrolled(d->top, t->rows, rows, t->cursor_on, t->cursor_row);
	d->left = scrolled(d->left, t->cols, cols, t->cursor_on, t->cursor_col);
	for (unsigned row = 0; !t->blank && row < rows && d->top + row < t->rows; row++)
		for (unsigned col = 0; col < cols && d->left + col < t->cols; col++)
			canvas_put(d->canvas, row, col,
			           cell_of(t, t->cell[d->top + row][d->left + col]));
	canvas_cursor(d->canvas, t->cursor_on && !t->blank, t->cursor_row - d->top,
	              t->cursor_col - d->left);
}

static void draw_line(struct display *d, unsigned row, unsigned col, const char *text)
{
	for (; *text; text++, col++)
		canvas_put(d->canvas, row, col,
		           (struct canvas_cell){.ch = (uint8_t)*text, .fg = 7});
}

static void draw_pixels(struct display *d)
{
	unsigned width, height;
	char line[64];
	d->owner.pixels(d->owner.ctx, &width, &height);
	snprintf(line, sizeof line, "graphics mode %ux%u", width, height);
	unsigned cols = canvas_cols(d->canvas), n = (unsigned)strlen(line);
	draw_line(d, canvas_rows(d->canvas) / 2, cols < n ? 0 : (cols - n) / 2, line);
}

static const char *const help[] = {
	"unring: Ctrl-A, and then",
	"  x        end the run",
	"  h        this list",
	"  a        Ctrl-A",
	"  d        Ctrl-Alt-Del",
	"  1 to 0   Alt-F1 to Alt-F10; - F11, = F12",
	"  c m g s  Ctrl, Alt, AltGr, Shift:",
	"           down, or up again",
	"  r        all of them up",
	"  p b      Pause, Ctrl-Break",
	"  t        Print Screen",
	"  n k o    Num Lock, Caps Lock, Scroll Lock",
	"  w        the key with the window",
};

static void draw_help(struct display *d)
{
	enum { WIDTH = 46 };
	for (unsigned row = 0; row < sizeof help / sizeof *help; row++) {
		char line[WIDTH + 1];
		snprintf(line, sizeof line, " %-*s", WIDTH - 1, help[row]);
		draw_line(d, row, 0, line);
	}
}

static bool changed(const struct display *d)
{
	return d->stale || d->owner.generation(d->owner.ctx) != d->generation;
}

static void draw(struct display *d)
{
	uint64_t generation = d->owner.generation(d->owner.ctx);
	unsigned ms = FRAME_MS;
	if (d->owner.text(d->owner.ctx, &d->text)) {
		draw_text(d);
	} else {
		draw_pixels(d);
		ms = GRAPHICS_MS;
	}
	if (d->helps)
		draw_help(d);
	if (canvas_show(d->canvas)) {
		d->stale = false;
		d->generation = generation;
	}
	d->next_ns = host_monotonic_ns() + ms * MS;
}

/* --- keys --- */

static void put_keys(struct display *d, const struct typist_step *s, unsigned n)
{
	struct problem p = {0}; /* he has typed too far ahead */
	typist_steps(d->typist, s, n, &p);
}

static void strike(struct display *d, enum key key, unsigned with)
{
	static const struct {
		unsigned bit;
		enum key key;
	} modifiers[] = {
		{STROKE_CTRL, KEY_ctrl},
		{STROKE_SHIFT, KEY_shift},
		{STROKE_ALTGR, KEY_alt_r},
		{CANVAS_ALT << 8, KEY_alt},
	};
	struct typist_step s[10];
	unsigned n = 0;
	for (unsigned i = 0; i < 4; i++)
		if (with & modifiers[i].bit && !d->held[modifiers[i].key])
			s[n++] = (struct typist_step){modifiers[i].key, .down = true};
	s[n++] = (struct typist_step){key, .down = true};
	s[n++] = (struct typist_step){key, .down = false};
	for (unsigned i = n - 2; i--; n++)
		s[n] = (struct typist_step){s[i].key, .down = false};
	put_keys(d, s, n);
}

enum { WITH_ALT = CANVAS_ALT << 8 };

static void hold(struct display *d, enum key key, bool down)
{
	if (d->held[key] != down)
		put_keys(d, &(struct typist_step){key, .down = down}, 1);
	d->held[key] = down;
}

static void release_all(struct display *d)
{
	for (unsigned key = KEY_NONE + 1; key < KEYS; key++)
		hold(d, key, false);
}

/* A key that terminals have no code for. */
static bool prefixed(struct display *d, uint32_t c)
{
	static const struct {
		char c;
		enum key key;
		unsigned with;
	} strikes[] = {
		{'d', KEY_delete, STROKE_CTRL | WITH_ALT},
		{'1', KEY_f1, WITH_ALT},
		{'2', KEY_f2, WITH_ALT},
		{'3', KEY_f3, WITH_ALT},
		{'4', KEY_f4, WITH_ALT},
		{'5', KEY_f5, WITH_ALT},
		{'6', KEY_f6, WITH_ALT},
		{'7', KEY_f7, WITH_ALT},
		{'8', KEY_f8, WITH_ALT},
		{'9', KEY_f9, WITH_ALT},
		{'0', KEY_f10, WITH_ALT},
		{'-', KEY_f11, WITH_ALT},
		{'=', KEY_f12, WITH_ALT},
		{'p', KEY_pause, 0},
		{'b', KEY_pause, STROKE_CTRL},
		{'t', KEY_print, 0},
		{'n', KEY_num_lock, 0},
		{'k', KEY_caps_lock, 0},
		{'o', KEY_scroll_lock, 0},
		{'w', KEY_meta_l, 0},
	};
	static const struct {
		char c;
		enum key key;
	} holds[] = {{'c', KEY_ctrl}, {'m', KEY_alt}, {'g', KEY_alt_r}, {'s', KEY_shift}};
	for (unsigned i = 0; i < sizeof strikes / sizeof *strikes; i++)
		if (c == (uint32_t)strikes[i].c) {
			strike(d, strikes[i].key, strikes[i].with);
			return true;
		}
	for (unsigned i = 0; i < sizeof holds / sizeof *holds; i++)
		if (c == (uint32_t)holds[i].c) {
			hold(d, holds[i].key, !d->held[holds[i].key]);
			return true;
		}
	return false;
}

static void type_character(struct display *d, uint32_t c, unsigned with)
{
	struct stroke s[2];
	/* Ctrl with what stands 40h above. */
	unsigned ctrl = c > 26 && c < 32 && c != 27 ? STROKE_CTRL : 0;
	unsigned n = keymap_strokes(d->owner.keymap, ctrl ? c + 0x40 : c, s);
	for (unsigned i = 0; i < n; i++)
		strike(d, s[i].key, s[i].with | ctrl | with);
}

static void escaped_key(struct display *d, uint32_t c)
{
	if (c >= 'A' && c <= 'Z')
		c += 'a' - 'A';
	if (c == 'x')
		d->owner.quit(d->owner.ctx);
	else if (c == 'r')
		release_all(d);
	else if (c == 'a' || c == ESCAPE)
		type_character(d, ESCAPE, 0);
	else if (!prefixed(d, c))
		d->helps = d->stale = true;
}

static void on_key(struct display *d, const struct canvas_key *key)
{
	unsigned with = (key->with & CANVAS_SHIFT ? STROKE_SHIFT : 0) |
	                (key->with & CANVAS_CTRL ? STROKE_CTRL : 0) |
	                (key->with & CANVAS_ALT ? WITH_ALT : 0);
	bool escaped = d->escaped;
	d->stale |= d->helps;
	d->helps = d->escaped = false;
	if (escaped)
		escaped_key(d, key->ch);
	else if (key->ch == ESCAPE && !with)
		d->escaped = true;
	else if (key->ch)
		type_character(d, key->ch, with);
	else
		strike(d, key_named(key->name), with);
}

static void take_keys(struct display *d, bool final)
{
	struct canvas_key key;
	while (canvas_key(&d->input, final, &key))
		on_key(d, &key);
}

static void on_input(void *ctx)
{
	struct display *d = ctx;
	struct canvas_input *in = &d->input;
	size_t n = stream_read(d->owner.stdio, in->bytes + in->n, sizeof in->bytes - in->n);
	in->n += (unsigned)n;
	d->typed_ns = host_monotonic_ns();
	take_keys(d, false);
}

/* The terminal has gone. */
static void on_close(void *ctx)
{
	struct display *d = ctx;
	d->owner.quit(d->owner.ctx);
}

/* --- life --- */

void display_look(struct display *d)
{
	uint64_t now = host_monotonic_ns();
	if (d->input.n && now >= d->typed_ns + KEY_MS * MS)
		take_keys(d, true);
	d->stale |= canvas_stale(d->canvas);
	if (changed(d) && now >= d->next_ns)
		draw(d);
	stream_flush(d->owner.stdio);
}

bool display_wants_polls(const struct display *d)
{
	return d->input.n || changed(d) || stream_wants_polls(d->owner.stdio);
}

bool display_open(struct display **out, struct display_owner owner, struct problem *p)
{
	const char *why = "standard input and output are no terminal";
	if (!terminal_is_there())
		return problem_set(p, "--display terminal: %s", why);
	struct display *d = calloc(1, sizeof *d);
	CHECK(d);
	d->owner = owner;
	d->stale = true;
	d->canvas = canvas_create(owner.stdio, &why);
	int err = d->canvas ? terminal_open() : 0;
	if (!d->canvas || err) {
		canvas_destroy(d->canvas);
		free(d);
		return problem_set(p, "--display terminal: %s", err ? strerror(-err) : why);
	}
	stream_attach(owner.stdio,
	              (struct stream_client){.ctx = d, .on_input = on_input, .on_close = on_close});
	*out = d;
	return true;
}

void display_close(struct display *d)
{
	if (!d)
		return;
	terminal_close();
	canvas_destroy(d->canvas);
	free(d);
}

void display_attach(struct display *d, struct typist *t)
{
	d->typist = t;
}
