#define _GNU_SOURCE
#define NCURSES_NOMACROS /* names like erase and move */
#include "host/canvas.h"

#include "base/log.h"
#include "host/signal.h"
#include "host/terminal.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

enum cap {
	CAP_ENTER,
	CAP_LEAVE,
	CAP_CLEAR,
	CAP_MOVE,
	CAP_HIDE,
	CAP_SHOW,
	CAP_PLAIN,
	CAP_BOLD,
	CAP_BLINK,
	CAP_REVERSE,
	CAP_FG,
	CAP_BG,
	CAPS,
};

static const char *const cap_names[CAPS] = {
	"smcup", "rmcup", "clear", "cup", "civis", "cnorm",
	"sgr0",  "bold",  "blink", "rev", "setaf", "setab",
};

struct canvas {
	struct stream *out;
	const char *cap[CAPS]; /* NULL: it has none */
	int colours;
	bool utf8;
	bool keeps_corner; /* to write the last column does not scroll */
	unsigned cols, rows;
	unsigned takes; /* of the terminal, that were seen */
	bool began;
	bool anew; /* nothing is known of what it shows */
	struct canvas_cell pen;
	bool cursor_shown, cursor_wanted;
	unsigned cursor_row, cursor_col;
	unsigned at_row, at_col; /* where the terminal writes next */
	struct canvas_cell shown[CANVAS_ROWS][CANVAS_COLS], drawn[CANVAS_ROWS][CANVAS_COLS];
};

static const struct canvas_cell blank = {.ch = ' ', .fg = 7};

static volatile sig_atomic_t resized = 1;

static void on_resize(void *ctx)
{
	resized = 1;
}

/* --- bytes --- */

static struct stream *sink; /* tputs() gives its function no context */

static int put_byte(int byte)
{
	stream_put(sink, (uint8_t)byte);
	return byte;
}

static void put_text(struct canvas *c, const char *text)
{
	sink = c->out;
	if (text)
		tputs(text, 1, put_byte);
}

static void put_cap(struct canvas *c, enum cap cap)
{
	put_text(c, c->cap[cap]);
}

/* What a terminal that has ASCII alone shows of the rest of code page 437. */
static uint32_t in_ascii(uint32_t ch)
{
	if (ch < 0x7f)
		return ch;
	switch (ch) {
	case 0x2500:
	case 0x2550:
		return '-';
	case 0x2502:
	case 0x2551:
		return '|';
	case 0x2580 ... 0x259f:
		return '#';
	case 0xa0:
		return ' ';
	default:
		return ch >> 8 == 0x25 ? '+' : '?';
	}
}

static void put_char(struct canvas *c, uint32_t ch)
{
	sink = c->out;
	if (!c->utf8)
		ch = in_ascii(ch);
	if (ch < 0x80) {
		put_byte((int)ch);
	} else if (ch < 0x800) {
		put_byte((int)(0xc0 | ch >> 6));
		put_byte((int)(0x80 | (ch & 0x3f)));
	} else {
		put_byte((int)(0xe0 | ch >> 12));
		put_byte((int)(0x80 | (ch >> 6 & 0x3f)));
		put_byte((int)(0x80 | (ch & 0x3f)));
	}
}

/* --- attributes --- */

/* Where there are eight colours, bold is bright; where there is none, a background is reverse. */
static void set_pen(struct canvas *c, const struct canvas_cell *to)
{
	if (c->pen.fg == to->fg && c->pen.bg == to->bg && c->pen.blink == to->blink)
		return;
	c->pen = *to;
	put_cap(c, CAP_PLAIN);
	if (to->blink)
		put_cap(c, CAP_BLINK);
	int mask = c->colours >= 16 ? 15 : 7;
	if (to->fg > 7 && mask == 7)
		put_cap(c, CAP_BOLD);
	if (c->colours < 8) {
		if (to->bg & 7)
			put_cap(c, CAP_REVERSE);
		return;
	}
	put_text(c, tiparm(c->cap[CAP_FG], to->fg & mask));
	put_text(c, tiparm(c->cap[CAP_BG], to->bg & mask));
}

static void go_to(struct canvas *c, unsigned row, unsigned col)
{
	if (c->at_row != row || c->at_col != col)
		put_text(c, tiparm(c->cap[CAP_MOVE], (int)row, (int)col));
	c->at_row = row;
	c->at_col = col;
}

/* --- drawing --- */

unsigned canvas_cols(const struct canvas *c)
{
	return c->cols;
}

unsigned canvas_rows(const struct canvas *c)
{
	return c->rows;
}

static void clear_cells(struct canvas *c, struct canvas_cell (*cells)[CANVAS_COLS])
{
	for (unsigned row = 0; row < c->rows; row++)
		for (unsigned col = 0; col < c->cols; col++)
			cells[row][col] = blank;
}

bool canvas_stale(struct canvas *c)
{
	unsigned takes = terminal_takes();
	if (!resized && takes == c->takes)
		return false;
	c->takes = takes;
	c->anew = true;
	if (resized) {
		resized = 0;
		struct winsize w = {0};
		ioctl(STDIN_FILENO, TIOCGWINSZ, &w);
		c->cols = w.ws_col ? w.ws_col : 80;
		c->rows = w.ws_row ? w.ws_row : 24;
		c->cols = c->cols < CANVAS_COLS ? c->cols : CANVAS_COLS;
		c->rows = c->rows < CANVAS_ROWS ? c->rows : CANVAS_ROWS;
		clear_cells(c, c->drawn);
	}
	return true;
}

void canvas_put(struct canvas *c, unsigned row, unsigned col, struct canvas_cell cell)
{
	if (row < c->rows && col < c->cols)
		c->drawn[row][col] = cell;
}

void canvas_cursor(struct canvas *c, bool shown, unsigned row, unsigned col)
{
	c->cursor_wanted = shown && row < c->rows && col < c->cols;
	c->cursor_row = row;
	c->cursor_col = col;
}

static char enter[64], leave[128]; /* for the terminal, which outlives the canvas */

/* Only what is drawn takes the terminal's screen: lines told before stay on it. */
static void begin_anew(struct canvas *c)
{
	if (!c->began)
		terminal_set_screen(enter, leave);
	c->began = true;
	c->anew = false;
	c->pen = blank;
	c->cursor_shown = false;
	c->at_row = c->at_col = 0;
	put_cap(c, CAP_PLAIN);
	if (c->colours >= 8) {
		put_text(c, tiparm(c->cap[CAP_FG], blank.fg));
		put_text(c, tiparm(c->cap[CAP_BG], blank.bg));
	}
	put_cap(c, CAP_HIDE);
	put_cap(c, CAP_CLEAR);
	clear_cells(c, c->shown);
}

static bool same(const struct canvas_cell *a, const struct canvas_cell *b)
{
	return a->ch == b->ch && a->fg == b->fg && a->bg == b->bg && a->blink == b->blink;
}

bool canvas_show(struct canvas *c)
{
	bool done = stream_room(c->out);
	if (done && c->anew)
		begin_anew(c);
	for (unsigned row = 0; done && row < c->rows; row++)
		for (unsigned col = 0; col < c->cols; col++) {
			struct canvas_cell *cell = &c->drawn[row][col];
			bool corner = row == c->rows - 1 && col == c->cols - 1;
			if (same(cell, &c->shown[row][col]) || (corner && !c->keeps_corner))
				continue;
			if (c->cursor_shown)
				put_cap(c, CAP_HIDE);
			c->cursor_shown = false;
			go_to(c, row, col);
			set_pen(c, cell);
			put_char(c, cell->ch);
			c->shown[row][col] = *cell;
			/* Behind the last column terminals differ. */
			c->at_col = col + 1 < c->cols ? col + 1 : CANVAS_COLS;
		}
	if (done && c->cursor_wanted)
		go_to(c, c->cursor_row, c->cursor_col);
	if (done && c->cursor_wanted != c->cursor_shown)
		put_cap(c, c->cursor_wanted ? CAP_SHOW : CAP_HIDE);
	if (done)
		c->cursor_shown = c->cursor_wanted;
	clear_cells(c, c->drawn);
	c->cursor_wanted = false;
	stream_flush(c->out);
	return done;
}

/* --- life --- */

static void remember(char *to, size_t size, const char *const *texts, unsigned n)
{
	size_t used = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t bytes = texts[i] ? strlen(texts[i]) : 0;
		if (used + bytes >= size)
			break;
		memcpy(to + used, texts[i] ? texts[i] : "", bytes);
		used += bytes;
	}
	to[used] = 0;
}

static bool read_terminfo(struct canvas *c, const char **why)
{
	int err;
	if (setupterm(NULL, STDOUT_FILENO, &err) != OK) {
		*why = "TERM names no terminal that terminfo knows";
		return false;
	}
	for (unsigned i = 0; i < CAPS; i++) {
		const char *text = tigetstr(cap_names[i]);
		c->cap[i] = text == (char *)-1 ? NULL : text;
	}
	if (!c->cap[CAP_MOVE] || !c->cap[CAP_CLEAR]) {
		*why = "this TERM has no addressable cursor";
		return false;
	}
	c->colours = c->cap[CAP_FG] && c->cap[CAP_BG] ? tigetnum("colors") : 0;
	c->keeps_corner = tigetflag("am") <= 0 || tigetflag("xenl") > 0;
	return true;
}

void canvas_destroy(struct canvas *c)
{
	if (!c)
		return;
	del_curterm(cur_term); /* a process has one */
	free(c);
}

struct canvas *canvas_create(struct stream *out, const char **why)
{
	struct canvas *c = calloc(1, sizeof *c);
	CHECK(c);
	c->out = out;
	c->anew = true;
	if (!read_terminfo(c, why)) {
		canvas_destroy(c);
		return NULL;
	}
	setlocale(LC_CTYPE, "");
	c->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	host_signal_install(SIGWINCH, on_resize, NULL);
	remember(enter, sizeof enter, &c->cap[CAP_ENTER], 1);
	const char *last[] = {c->cap[CAP_PLAIN], c->cap[CAP_SHOW], c->cap[CAP_LEAVE]};
	remember(leave, sizeof leave, last, 3);
	resized = 1;
	canvas_stale(c);
	clear_cells(c, c->drawn);
	return c;
}

/* --- keys --- */

static const char *final_name(uint8_t final)
{
	static const char *const names[128] = {
		['A'] = "up",  ['B'] = "down", ['C'] = "right",    ['D'] = "left", ['E'] = "kp_5",
		['F'] = "end", ['H'] = "home", ['P'] = "f1",       ['Q'] = "f2",   ['R'] = "f3",
		['S'] = "f4",  ['Z'] = "tab",  ['M'] = "kp_enter",
	};
	return final < 128 ? names[final] : NULL;
}

static const char *number_name(unsigned n)
{
	static const char *const names[] = {
		NULL, "home", "insert", "delete", "end", "pgup", "pgdn", "home", "end",
		NULL, NULL,   "f1",     "f2",     "f3",  "f4",   "f5",   NULL,   "f6",
		"f7", "f8",   "f9",     "f10",    NULL,  "f11",  "f12",
	};
	return n < sizeof names / sizeof *names ? names[n] : NULL;
}

/* Linux's console has F1 to F5 as ESC [ [ A to E. */
static const char *console_name(uint8_t final)
{
	static const char *const names[] = {"f1", "f2", "f3", "f4", "f5"};
	return final >= 'A' && final <= 'E' ? names[final - 'A'] : NULL;
}

/* ESC [ parameters, intermediates, a final byte; or ESC O and one.  The bytes that it takes, with
 * *key if it is one; 0: they are not all there. */
static unsigned control_sequence(const uint8_t *at, unsigned n, struct canvas_key *key)
{
	unsigned parameter[2] = {0}, i = 2, which = 0;
	if (n > 3 && at[1] == '[' && at[2] == '[') {
		key->name = console_name(at[3]);
		return 4;
	}
	if (n == 3 && at[1] == '[' && at[2] == '[')
		return 0;
	for (; i < n && at[i] >= 0x20 && at[i] <= 0x3f; i++) {
		if (at[i] == ';')
			which++;
		else if (at[i] >= '0' && at[i] <= '9' && which < 2 && parameter[which] < 1000)
			parameter[which] = 10 * parameter[which] + at[i] - '0';
	}
	if (i == n)
		return 0;
	if (which && parameter[1])
		key->with = (parameter[1] - 1) & (CANVAS_SHIFT | CANVAS_ALT | CANVAS_CTRL);
	key->name = at[i] == '~' ? number_name(parameter[0]) : final_name(at[i]);
	if (at[i] == 'Z')
		key->with |= CANVAS_SHIFT;
	return i + 1;
}

/* A character in UTF-8; the bytes that it takes, 0: they are not all there. */
static unsigned character(const uint8_t *at, unsigned n, struct canvas_key *key)
{
	unsigned more = *at < 0xc0 ? 0 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : 3;
	if (n <= more)
		return 0;
	key->ch = more ? *at & 0x3f >> more : *at;
	for (unsigned i = 1; i <= more; i++)
		key->ch = key->ch << 6 | (at[i] & 0x3f);
	if (!*at) { /* Ctrl-Space */
		key->name = "spc";
		key->with |= CANVAS_CTRL;
	}
	return more + 1;
}

static unsigned one_key(const uint8_t *at, unsigned n, bool final, struct canvas_key *key)
{
	*key = (struct canvas_key){0};
	unsigned took = 0;
	if (*at != 0x1b)
		return character(at, n, key);
	if (n > 1 && (at[1] == '[' || at[1] == 'O'))
		took = control_sequence(at, n, key);
	else if (n > 1 && at[1] != 0x1b && (took = character(at + 1, n - 1, key))) {
		key->with |= CANVAS_ALT;
		took++;
	}
	if (took || (!final && (n == 1 || at[1] != 0x1b)))
		return took;
	*key = (struct canvas_key){.ch = 0x1b};
	return 1;
}

bool canvas_key(struct canvas_input *in, bool final, struct canvas_key *key)
{
	while (in->n) {
		unsigned took = one_key(in->bytes, in->n, final, key);
		if (!took && !final && in->n < sizeof in->bytes)
			return false;
		if (!took) /* half of a character, or what is no key */
			took = 1;
		in->n -= took;
		memmove(in->bytes, in->bytes + took, in->n);
		if (key->ch || key->name)
			return true;
	}
	return false;
}
