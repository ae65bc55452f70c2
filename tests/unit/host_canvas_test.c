/* links: host util */
/* What goes to a terminal, and what comes from its keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/canvas.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* --- keys --- */

static const struct {
	const char *bytes;
	struct canvas_key key;
} keys[] = {
	{"a", {'a', NULL, 0}},
	{"\r", {'\r', NULL, 0}},
	{"\x7f", {0x7f, NULL, 0}},
	{"\x01", {1, NULL, 0}},
	{"\xc3\xa4", {0xe4, NULL, 0}},
	{"\xe2\x82\xac", {0x20ac, NULL, 0}},
	{"\x1b"
         "a",
         {'a', NULL, CANVAS_ALT}},
	{"\x1b\xc3\xa4", {0xe4, NULL, CANVAS_ALT}},
	{"\x1b[A", {0, "up", 0}},
	{"\x1bOB", {0, "down", 0}},
	{"\x1b[1;5C", {0, "right", CANVAS_CTRL}},
	{"\x1b[1;2D", {0, "left", CANVAS_SHIFT}},
	{"\x1b[H", {0, "home", 0}},
	{"\x1bOF", {0, "end", 0}},
	{"\x1b[1~", {0, "home", 0}},
	{"\x1b[2~", {0, "insert", 0}},
	{"\x1b[3;3~", {0, "delete", CANVAS_ALT}},
	{"\x1b[4~", {0, "end", 0}},
	{"\x1b[5~", {0, "pgup", 0}},
	{"\x1b[6;6~", {0, "pgdn", CANVAS_CTRL | CANVAS_SHIFT}},
	{"\x1bOP", {0, "f1", 0}},
	{"\x1b[1;2S", {0, "f4", CANVAS_SHIFT}},
	{"\x1b[15~", {0, "f5", 0}},
	{"\x1b[17~", {0, "f6", 0}},
	{"\x1b[21;5~", {0, "f10", CANVAS_CTRL}},
	{"\x1b[23~", {0, "f11", 0}},
	{"\x1b[24~", {0, "f12", 0}},
	{"\x1b[[A", {0, "f1", 0}},
	{"\x1b[[E", {0, "f5", 0}},
	{"\x1b[Z", {0, "tab", CANVAS_SHIFT}},
};

static void give(struct canvas_input *in, const char *bytes, size_t n)
{
	memcpy(in->bytes + in->n, bytes, n);
	in->n += (unsigned)n;
}

static void assert_key(const struct canvas_key *key, const struct canvas_key *want)
{
	assert_int_equal(key->ch, want->ch);
	assert_int_equal(key->with, want->with);
	assert_int_equal(!key->name, !want->name);
	if (key->name)
		assert_string_equal(key->name, want->name);
}

/* Each comes out when its last byte is there, and not before. */
static void test_keys(void **state)
{
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct canvas_input in = {.n = 0};
		struct canvas_key key;
		size_t n = strlen(keys[i].bytes);
		for (size_t at = 0; at < n; at++) {
			assert_false(canvas_key(&in, false, &key));
			give(&in, keys[i].bytes + at, 1);
		}
		assert_true(canvas_key(&in, false, &key));
		assert_key(&key, &keys[i].key);
		assert_int_equal(in.n, 0);
	}
	/* Behind one another. */
	struct canvas_input in = {.n = 0};
	struct canvas_key key;
	for (unsigned i = 0; i < 8; i++)
		give(&in, keys[i].bytes, strlen(keys[i].bytes));
	for (unsigned i = 0; i < 8; i++) {
		assert_true(canvas_key(&in, false, &key));
		assert_key(&key, &keys[i].key);
	}
}

static void test_escape(void **state)
{
	static const struct canvas_key escape = {0x1b, NULL, 0}, bracket = {'[', NULL, 0},
				       space = {0, "spc", CANVAS_CTRL};
	struct canvas_input in = {.n = 0};
	struct canvas_key key;
	give(&in, "\x1b", 1);
	assert_false(canvas_key(&in, false, &key));
	assert_true(canvas_key(&in, true, &key));
	assert_key(&key, &escape);
	give(&in, "\x1b\x1b", 2);
	assert_true(canvas_key(&in, false, &key));
	assert_key(&key, &escape);
	assert_false(canvas_key(&in, false, &key));
	assert_true(canvas_key(&in, true, &key));
	give(&in, "\x1b[", 2);
	assert_false(canvas_key(&in, false, &key));
	assert_true(canvas_key(&in, true, &key));
	assert_key(&key, &escape);
	assert_true(canvas_key(&in, true, &key));
	assert_key(&key, &bracket);
	give(&in, "\0", 1);
	assert_true(canvas_key(&in, false, &key));
	key.ch = 0;
	assert_key(&key, &space);
	/* What names no key is swallowed as a whole. */
	give(&in, "\x1b[?1;2cx", 8);
	assert_true(canvas_key(&in, false, &key));
	assert_int_equal(key.ch, 'x');
}

/* Whatever comes, it ends. */
static void test_any_bytes(void **state)
{
	struct canvas_input in = {.n = 0};
	struct canvas_key key;
	uint64_t seed = 1;
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		uint8_t any = seed >> 50, rare = "\x1b[O0;~\xc3"[seed >> 40 & 7];
		uint8_t byte = seed >> 33 & 3 ? rare : any;
		if (in.n == sizeof in.bytes)
			fail_msg("full");
		in.bytes[in.n++] = byte;
		while (canvas_key(&in, seed >> 60 == 0, &key))
			assert_true(key.ch || key.name);
	}
}

/* --- the screen --- */

struct terminal {
	int master, pipe[2];
	struct loop *loop;
	volatile sig_atomic_t give_up;
	struct stream *out;
	struct canvas *canvas;
	int in; /* standard input, kept */
	char got[65536];
};

static void resize(struct terminal *t, unsigned cols, unsigned rows)
{
	struct winsize w = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
	ioctl(t->master, TIOCSWINSZ, &w);
	raise(SIGWINCH);
}

static void open_terminal(struct terminal *t, const char *name)
{
	int slave;
	const char *why = "";
	memset(t, 0, sizeof *t);
	setenv("TERM", name, 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	assert_int_equal(openpty(&t->master, &slave, NULL, NULL, NULL), 0);
	struct winsize w = {.ws_col = 80, .ws_row = 25};
	ioctl(t->master, TIOCSWINSZ, &w);
	t->in = dup(0);
	dup2(slave, 0);
	close(slave);
	assert_int_equal(pipe(t->pipe), 0);
	fcntl(t->pipe[0], F_SETFL, O_NONBLOCK);
	t->loop = loop_create();
	struct stream_host host = {.loop = t->loop, .give_up = &t->give_up};
	t->out = stream_create(-1, t->pipe[1], &host);
	t->canvas = canvas_create(t->out, &why);
	if (!t->canvas)
		fail_msg("%s", why);
}

static void close_terminal(struct terminal *t)
{
	canvas_destroy(t->canvas);
	stream_close(t->out);
	loop_destroy(t->loop);
	dup2(t->in, 0);
	close(t->in);
	close(t->master);
	close(t->pipe[0]);
}

/* What canvas_show() sends. */
static const char *shows(struct terminal *t)
{
	assert_true(canvas_show(t->canvas));
	ssize_t n = read(t->pipe[0], t->got, sizeof t->got - 1);
	t->got[n > 0 ? n : 0] = 0;
	return t->got;
}

static void put(struct terminal *t, unsigned row, unsigned col, uint32_t ch, uint8_t fg, uint8_t bg)
{
	canvas_put(t->canvas, row, col, (struct canvas_cell){.ch = ch, .fg = fg, .bg = bg});
}

static void test_screen(void **state)
{
	static struct terminal t;
	open_terminal(&t, "xterm-256color");
	assert_int_equal(canvas_cols(t.canvas), 80);
	assert_int_equal(canvas_rows(t.canvas), 25);
	put(&t, 1, 2, 'A', 7, 0);
	assert_non_null(strstr(shows(&t), "\x1b[H\x1b[2J"));
	assert_non_null(strstr(t.got, "\x1b[2;3HA"));
	/* What is as it was is not sent; what is not drawn is blank. */
	put(&t, 1, 2, 'A', 7, 0);
	assert_string_equal(shows(&t), "");
	put(&t, 1, 2, 'A', 7, 0);
	put(&t, 1, 3, 0x2554, 7, 0);
	assert_string_equal(shows(&t), "\xe2\x95\x94");
	put(&t, 1, 2, 'A', 7, 0);
	canvas_cursor(t.canvas, true, 0, 0);
	assert_non_null(strstr(shows(&t), "\x1b[2;4H "));
	assert_non_null(strstr(t.got, "\x1b[1;1H\x1b[?12l\x1b[?25h"));
	/* Colours, all sixteen, and blinking. */
	put(&t, 1, 2, 'A', 9, 4);
	assert_non_null(strstr(shows(&t), "\x1b[91m\x1b[44mA"));
	canvas_put(t.canvas, 1, 2,
	           (struct canvas_cell){.ch = 'A', .fg = 9, .bg = 4, .blink = true});
	assert_non_null(strstr(shows(&t), "\x1b[5m\x1b[91m\x1b[44mA"));
	/* Beyond the screen nothing is drawn. */
	put(&t, 25, 0, 'x', 7, 0);
	put(&t, 0, 80, 'x', 7, 0);
	canvas_cursor(t.canvas, true, 25, 0);
	assert_null(strchr(shows(&t), 'x'));
	assert_null(strstr(t.got, "\x1b[?25h"));
	assert_false(canvas_stale(t.canvas));
	resize(&t, 40, 10);
	assert_true(canvas_stale(t.canvas));
	assert_false(canvas_stale(t.canvas));
	assert_int_equal(canvas_cols(t.canvas), 40);
	assert_int_equal(canvas_rows(t.canvas), 10);
	put(&t, 9, 39, 'y', 7, 0);
	assert_non_null(strstr(shows(&t), "\x1b[10;40Hy"));
	resize(&t, 2000, 2000);
	assert_true(canvas_stale(t.canvas));
	assert_int_equal(canvas_cols(t.canvas), CANVAS_COLS);
	assert_int_equal(canvas_rows(t.canvas), CANVAS_ROWS);
	assert_true(canvas_show(t.canvas));
	close_terminal(&t);
}

static void test_poorer_screens(void **state)
{
	static struct terminal t;
	open_terminal(&t, "linux"); /* eight colours: bold is bright */
	shows(&t);
	put(&t, 0, 0, 'A', 9, 12);
	assert_non_null(strstr(shows(&t), "\x1b[1m\x1b[31m\x1b[44mA"));
	close_terminal(&t);
	open_terminal(&t, "vt100"); /* none: reverse */
	shows(&t);
	put(&t, 0, 0, 'A', 0, 7);
	assert_non_null(strstr(shows(&t), "\x1b[7m"));
	close_terminal(&t);
	setenv("TERM", "none-such", 1);
	const char *why = NULL;
	assert_null(canvas_create(t.out, &why));
	assert_non_null(strstr(why, "TERM"));
	setenv("TERM", "dumb", 1);
	assert_null(canvas_create(t.out, &why));
	assert_non_null(strstr(why, "cursor"));
}

/* One that takes nothing: frames are left out, and the last is drawn when it does. */
static void test_slow_screen(void **state)
{
	static struct terminal t;
	open_terminal(&t, "xterm-256color");
	unsigned shown = 0;
	bool room = true;
	for (unsigned i = 0; i < 200 && room; i++) {
		for (unsigned row = 0; row < 25; row++)
			for (unsigned col = 0; col < 80; col++)
				put(&t, row, col, 'a' + (row + col + i) % 26, (col + i) & 15, 0);
		room = canvas_show(t.canvas);
		shown += room;
	}
	assert_false(room);
	assert_in_range(shown, 2, 100);
	while (read(t.pipe[0], t.got, sizeof t.got) > 0)
		stream_flush(t.out);
	put(&t, 3, 3, 'z', 7, 0);
	assert_true(canvas_show(t.canvas));
	close_terminal(&t);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),           cmocka_unit_test(test_escape),
		cmocka_unit_test(test_any_bytes),      cmocka_unit_test(test_screen),
		cmocka_unit_test(test_poorer_screens), cmocka_unit_test(test_slow_screen),
	};
	return cmocka_run_group_tests_name("canvas", tests, NULL, NULL);
}
