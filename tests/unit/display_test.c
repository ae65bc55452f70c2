/* links: machine util */
/* The guest's screen on a terminal, and what is typed there at its keyboard. */
#include "dev_fixture.h"

#include "host/terminal.h"
#include "machine/display.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000ull

struct bench {
	struct rig rig;
	struct keyboard *keyboard;
	struct ps2_device line;
	struct typist *typist;
	int master, in, out; /* the standard ones, kept */
	struct loop *loop;
	volatile sig_atomic_t give_up;
	struct stream *stdio;
	struct display *display;
	unsigned quits, texts;
	uint64_t generation;
	bool graphics;
	struct vga_text text;
	char got[65536];
	char codes[512]; /* of set 1, in hexadecimal */
};

static void on_quit(void *ctx)
{
	((struct bench *)ctx)->quits++;
}

static uint64_t generation(void *ctx)
{
	return ((struct bench *)ctx)->generation;
}

static bool text(void *ctx, struct vga_text *t)
{
	struct bench *b = ctx;
	b->texts++;
	*t = b->text;
	return !b->graphics;
}

static void pixels(void *ctx, unsigned *width, unsigned *height)
{
	*width = 320;
	*height = 200;
}

static void blank(struct bench *b, unsigned cols, unsigned rows)
{
	memset(&b->text, 0, sizeof b->text);
	b->text.cols = cols;
	b->text.rows = rows;
	for (unsigned row = 0; row < VGA_TEXT_ROWS; row++)
		for (unsigned col = 0; col < VGA_TEXT_COLS; col++)
			b->text.cell[row][col] = (struct vga_cell){' ', 7};
}

static void write_at(struct bench *b, unsigned row, unsigned col, const char *what, uint8_t attr)
{
	for (; *what; what++, col++)
		b->text.cell[row][col] = (struct vga_cell){(uint8_t)*what, attr};
	b->generation++;
}

static struct bench *open_bench(unsigned cols, unsigned rows, const char *layout)
{
	static struct bench bench;
	struct bench *b = &bench;
	int slave;
	memset(b, 0, sizeof *b);
	setenv("TERM", "xterm-256color", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	assert_int_equal(openpty(&b->master, &slave, NULL, NULL, NULL), 0);
	struct winsize w = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
	ioctl(b->master, TIOCSWINSZ, &w);
	fcntl(b->master, F_SETFL, O_NONBLOCK);
	fflush(stdout);
	b->in = dup(0);
	b->out = dup(1);
	dup2(slave, 0);
	dup2(slave, 1);
	close(slave);
	rig_open(&b->rig);
	b->keyboard = keyboard_create(b->rig.clock);
	b->line = keyboard_line(b->keyboard);
	b->line.write(b->line.ctx, 0xf0);
	b->line.write(b->line.ctx, 0x01);
	while (b->line.pending(b->line.ctx))
		b->line.take(b->line.ctx);
	b->typist = typist_create(b->rig.clock, b->keyboard, NULL, NULL);
	b->loop = loop_create();
	struct stream_host host = {.loop = b->loop, .give_up = &b->give_up};
	b->stdio = stream_create(0, 1, &host);
	blank(b, 80, 25);
	struct display_owner owner = {b,          on_quit, b->stdio, keymap_find(layout),
	                              generation, text,    pixels};
	struct problem p = {0};
	bool ok = display_open(&b->display, owner, &p);
	if (ok)
		display_attach(b->display, b->typist);
	else
		fprintf(stderr, "%s\n", p.text);
	return ok ? b : NULL;
}

static void close_bench(struct bench *b)
{
	display_close(b->display);
	stream_close(b->stdio);
	loop_destroy(b->loop);
	dup2(b->in, 0);
	dup2(b->out, 1);
	close(b->in);
	close(b->out);
	close(b->master);
	typist_destroy(b->typist);
	keyboard_type.destroy(b->keyboard);
	rig_close(&b->rig);
}

static void pass(unsigned ms)
{
	nanosleep(&(struct timespec){0, (long)(ms * MS)}, NULL);
}

/* What the terminal is sent when the display is looked at. */
static const char *looks(struct bench *b)
{
	size_t n = 0;
	ssize_t more;
	pass(40);
	do {
		display_look(b->display);
		more = read(b->master, b->got + n, sizeof b->got - 1 - n);
		n += more > 0 ? (size_t)more : 0;
	} while (more > 0);
	b->got[n] = 0;
	return b->got;
}

/* What the guest's keyboard sends when this is typed. */
static const char *typed(struct bench *b, const char *bytes)
{
	assert_int_equal(write(b->master, bytes, strlen(bytes)), strlen(bytes));
	pass(5);
	loop_wait(b->loop, 0, NULL);
	unsigned n = 0;
	b->codes[0] = 0;
	for (unsigned i = 0; i < 200; i++) {
		rig_until(&b->rig, b->rig.now + 5 * MS);
		while (b->line.pending(b->line.ctx))
			n += (unsigned)snprintf(b->codes + n, sizeof b->codes - n, "%s%02x",
			                        n ? " " : "", b->line.take(b->line.ctx));
	}
	return b->codes;
}

#define TYPED(bytes, codes) assert_string_equal(typed(b, bytes), codes)

static void test_text(void **state)
{
	struct bench *b = open_bench(80, 25, "us");
	assert_non_null(b);
	assert_non_null(strstr(looks(b), "\x1b[?1049h"));
	write_at(b, 2, 3, "C:\\>", 0x07);
	write_at(b, 4, 0, "\xc9\xcd\xb0", 0x1e);
	b->text.cursor_on = true;
	b->text.cursor_row = 2;
	b->text.cursor_col = 7;
	assert_non_null(strstr(looks(b), "\x1b[3;4HC:\\>"));
	/* Blue, red and the rest in the terminal's order, bright ones too. */
	assert_non_null(strstr(b->got, "\x1b[93m\x1b[44m\xe2\x95\x94\xe2\x95\x90\xe2\x96\x91"));
	assert_non_null(strstr(b->got, "\x1b[3;8H\x1b[?12l\x1b[?25h"));
	/* Without a change nothing is looked at. */
	unsigned texts = b->texts;
	assert_false(display_wants_polls(b->display));
	assert_string_equal(looks(b), "");
	assert_int_equal(b->texts, texts);
	/* A change waits for its turn. */
	write_at(b, 0, 0, "x", 7);
	looks(b);
	texts = b->texts;
	for (unsigned i = 0; i < 100; i++) {
		write_at(b, 0, 0, i & 1 ? "x" : "y", 7);
		assert_true(display_wants_polls(b->display));
		display_look(b->display);
	}
	assert_in_range(b->texts - texts, 0, 2);
	/* Bit 7 blinks, or is the background's. */
	write_at(b, 6, 0, "bg", 0xc4);
	assert_non_null(strstr(looks(b), "\x1b[31m\x1b[101mbg"));
	b->text.blink = true;
	b->generation++;
	assert_non_null(strstr(looks(b), "\x1b[5m\x1b[31m\x1b[41mbg"));
	b->text.blank = true;
	b->generation++;
	assert_null(strstr(looks(b), "bg"));
	b->graphics = true;
	b->generation++;
	assert_non_null(strstr(looks(b), "graphics"));
	assert_non_null(strstr(b->got, "320x200"));
	display_close(b->display);
	b->display = NULL;
	ssize_t n = read(b->master, b->got, sizeof b->got - 1);
	b->got[n > 0 ? n : 0] = 0;
	assert_non_null(strstr(b->got, "\x1b[?1049l"));
	close_bench(b);
}

/* A terminal that is smaller shows where the cursor is. */
static void test_scrolling(void **state)
{
	struct bench *b = open_bench(20, 5, "us");
	assert_non_null(b);
	blank(b, 132, 60);
	write_at(b, 0, 0, "first", 7);
	write_at(b, 30, 100, "middle", 7);
	write_at(b, 59, 126, "last..", 7);
	assert_non_null(strstr(looks(b), "first"));
	b->text.cursor_on = true;
	b->text.cursor_row = 30;
	b->text.cursor_col = 106;
	b->generation++;
	assert_non_null(strstr(looks(b), "middle"));
	b->text.cursor_row = 59;
	b->text.cursor_col = 131;
	b->generation++;
	assert_non_null(strstr(looks(b), "last.."));
	assert_non_null(strstr(b->got, "\x1b[5;20H\x1b[?12l\x1b[?25h"));
	b->text.cursor_on = false; /* it stays there */
	write_at(b, 59, 120, "more", 7);
	assert_non_null(strstr(looks(b), "more"));
	blank(b, 40, 25);
	write_at(b, 24, 35, "small", 7);
	assert_non_null(strstr(looks(b), "small"));
	close_bench(b);
}

static void test_keys(void **state)
{
	struct bench *b = open_bench(80, 25, "us");
	assert_non_null(b);
	TYPED("a", "1e 9e");
	TYPED("A", "2a 1e 9e aa");
	TYPED("\r", "1c 9c");
	TYPED("\x7f", "0e 8e");
	TYPED("\x03", "1d 2e ae 9d");
	TYPED("\x1c", "1d 2b ab 9d");
	TYPED("\x1bx", "38 2d ad b8");
	TYPED("\x1b[A", "e0 48 e0 c8");
	TYPED("\x1b[1;5D", "1d e0 4b e0 cb 9d");
	TYPED("\x1b[15~", "3f bf");
	TYPED("\x1b[Z", "2a 0f 8f aa");
	TYPED("\xc3\xa4", ""); /* on no key of this layout */
	/* An escape, once nothing has come behind it. */
	TYPED("\x1b", "");
	assert_true(display_wants_polls(b->display));
	pass(60);
	display_look(b->display);
	TYPED("", "01 81");
	close_bench(b);
	b = open_bench(80, 25, "de");
	TYPED("\xc3\xa4", "28 a8");
	TYPED("@", "e0 38 10 90 e0 b8");
	close_bench(b);
}

static void test_prefix(void **state)
{
	struct bench *b = open_bench(80, 25, "us");
	assert_non_null(b);
	TYPED("\x01\x01", "1d 1e 9e 9d");
	TYPED("\x01"
	      "a",
	      "1d 1e 9e 9d");
	TYPED("\x01"
	      "d",
	      "1d 38 e0 53 e0 d3 b8 9d");
	TYPED("\x01"
	      "4",
	      "38 3e be b8");
	TYPED("\x01"
	      "=",
	      "38 58 d8 b8");
	TYPED("\x01p", "e1 1d 45 e1 9d c5");
	TYPED("\x01"
	      "b",
	      "1d e0 46 e0 c6 9d");
	TYPED("\x01t", "e0 2a e0 37 e0 b7 e0 aa");
	TYPED("\x01n\x01k\x01o\x01w", "45 c5 3a ba 46 c6 e0 5b e0 db");
	/* Held, with keys between, and up again. */
	TYPED("\x01m\t\t", "38 0f 8f 0f 8f");
	TYPED("\x01m", "b8");
	TYPED("\x01s\x01"
	      "cA\x01r",
	      "2a 1d 1e 9e aa 9d");
	TYPED("\x01g\x01r", "e0 38 e0 b8");
	looks(b);
	TYPED("\x01h", "");
	assert_non_null(strstr(looks(b), "Ctrl-Alt-Del"));
	TYPED("a", "1e 9e");
	assert_null(strstr(looks(b), "Ctrl-Alt-Del"));
	assert_int_equal(b->quits, 0);
	TYPED("\x01x", "");
	assert_int_equal(b->quits, 1);
	close_bench(b);
}

/* More than is read at once, with a key that is cut in two: all of it is typed, in order. */
static void test_paste(void **state)
{
	struct bench *b = open_bench(80, 25, "us");
	assert_non_null(b);
	char paste[640];
	for (unsigned i = 0; i < sizeof paste; i += 4)
		memcpy(paste + i, "a\x1b[A", 4);
	assert_int_equal(write(b->master, paste + 1, sizeof paste - 1), sizeof paste - 1);
	pass(5);
	for (unsigned i = 0; i < 40; i++)
		loop_wait(b->loop, 0, NULL);
	static const uint8_t codes[] = {0xe0, 0x48, 0xe0, 0xc8, 0x1e, 0x9e};
	unsigned n = 0;
	for (unsigned i = 0; i < 2000; i++) {
		rig_until(&b->rig, b->rig.now + 5 * MS);
		while (b->line.pending(b->line.ctx))
			assert_int_equal(b->line.take(b->line.ctx), codes[n++ % sizeof codes]);
	}
	assert_int_equal(n, 160 * 6 - 2);
	close_bench(b);
}

static void test_no_terminal(void **state)
{
	struct problem p = {0};
	struct display *d;
	int in = dup(0);
	dup2(open("/dev/null", O_RDWR), 0);
	assert_false(display_open(&d, (struct display_owner){0}, &p));
	dup2(in, 0);
	assert_string_equal(p.text,
	                    "--display terminal: standard input and output are no terminal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),        cmocka_unit_test(test_scrolling),
		cmocka_unit_test(test_keys),        cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_no_terminal), cmocka_unit_test(test_paste),
	};
	return cmocka_run_group_tests_name("display", tests, NULL, NULL);
}
