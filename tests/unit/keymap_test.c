/* links: machine */
/* Names and characters of keys; text that is typed. */
#include "dev_fixture.h"

#include "devices/i8042.h"
#include "machine/keymap.h"
#include "machine/typist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000ull

static void test_names(void **state)
{
	for (enum key key = KEY_NONE + 1; key < KEYS; key++)
		assert_int_equal(key_named(key_name(key)), key);
	assert_int_equal(key_named("ret"), KEY_ret);
	assert_int_equal(key_named("1"), KEY_1);
	assert_int_equal(key_named("sysrq"), KEY_print);
	assert_int_equal(key_named("asterisk"), KEY_kp_multiply);
	assert_int_equal(key_named("menu"), KEY_compose);
	assert_int_equal(key_named(""), KEY_NONE);
	assert_int_equal(key_named("A"), KEY_NONE);
	assert_int_equal(key_named("return"), KEY_NONE);
}

static uint32_t utf8(const char *text, unsigned *took)
{
	const char *at = text;
	uint32_t c = utf8_next(&at, text + strlen(text));
	*took = (unsigned)(at - text);
	return c;
}

static void test_utf8(void **state)
{
	static const struct {
		const char *text;
		uint32_t character;
	} good[] = {
		{"a", 'a'},
		{"\x7f", 0x7f},
		{"\xc2\x80", 0x80},
		{"\xdf\xbf", 0x7ff},
		{"\xe0\xa0\x80", 0x800},
		{"\xed\x9f\xbf", 0xd7ff},
		{"\xee\x80\x80", 0xe000},
		{"\xef\xbf\xbf", 0xffff},
		{"\xf0\x90\x80\x80", 0x10000},
		{"\xf4\x8f\xbf\xbf", 0x10ffff},
	};
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc2",
		"\xc1\xbf",
		"\xc2z",
		"\xe0\x9f\xbf",
		"\xe2\x82",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80",
		"\xff",
		"\xf0\x90\x80",
	};
	unsigned took;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(utf8(good[i].text, &took), good[i].character);
		assert_int_equal(took, strlen(good[i].text));
	}
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(utf8(bad[i], &took), UINT32_MAX);
		assert_int_equal(took, 0);
	}
}

static const struct typed {
	const char *layout;
	uint32_t character;
	struct stroke strokes[2]; /* key KEY_NONE: none */
} typed[] = {
	{"us", 'a', {{KEY_a, 0}}},
	{"us", 'A', {{KEY_a, STROKE_SHIFT}}},
	{"us", '|', {{KEY_backslash, STROKE_SHIFT}}},
	{"us", '~', {{KEY_grave_accent, STROKE_SHIFT}}},
	{"us", '=', {{KEY_equal, 0}}},
	{"us", '/', {{KEY_slash, 0}}},
	{"us", '"', {{KEY_apostrophe, STROKE_SHIFT}}},
	{"us", ' ', {{KEY_spc, 0}}},
	{"us", '\n', {{KEY_ret, 0}}},
	{"us", '\r', {{KEY_ret, 0}}},
	{"us", '\t', {{KEY_tab, 0}}},
	{"us", '\b', {{KEY_backspace, 0}}},
	{"us", 0x7f, {{KEY_backspace, 0}}},
	{"us", 0x1b, {{KEY_esc, 0}}},
	{"us", 3, {{KEY_c, STROKE_CTRL}}},
	{"us", 26, {{KEY_z, STROKE_CTRL}}},
	{"us", U'ä', {{0}}},
	{"us", U'€', {{0}}},
	{"us", 0, {{0}}},
	{"us", 0x1c, {{0}}},
	{"us", 0x301, {{0}}},
	{"uk", '"', {{KEY_2, STROKE_SHIFT}}},
	{"uk", '@', {{KEY_apostrophe, STROKE_SHIFT}}},
	{"uk", '#', {{KEY_backslash, 0}}},
	{"uk", '\\', {{KEY_less, 0}}},
	{"uk", U'£', {{KEY_3, STROKE_SHIFT}}},
	{"uk", U'€', {{KEY_4, STROKE_ALTGR}}},
	{"uk", U'¬', {{KEY_grave_accent, STROKE_SHIFT}}},
	{"de", 'z', {{KEY_y, 0}}},
	{"de", 25, {{KEY_z, STROKE_CTRL}}},
	{"de", U'ß', {{KEY_minus, 0}}},
	{"de", U'Ü', {{KEY_bracket_left, STROKE_SHIFT}}},
	{"de", '\\', {{KEY_minus, STROKE_ALTGR}}},
	{"de", '@', {{KEY_q, STROKE_ALTGR}}},
	{"de", '|', {{KEY_less, STROKE_ALTGR}}},
	{"de", '~', {{KEY_bracket_right, STROKE_ALTGR}}},
	{"de", '}', {{KEY_0, STROKE_ALTGR}}},
	{"de", '^', {{KEY_grave_accent, 0}, {KEY_spc, 0}}},
	{"de", '`', {{KEY_equal, STROKE_SHIFT}, {KEY_spc, 0}}},
	{"de", U'´', {{KEY_equal, 0}, {KEY_spc, 0}}},
	{"de", U'é', {{KEY_equal, 0}, {KEY_e, 0}}},
	{"de", U'Û', {{KEY_grave_accent, 0}, {KEY_u, STROKE_SHIFT}}},
	{"de", U'ö', {{KEY_semicolon, 0}}},
	{"de", U'ë', {{0}}},
	{"fr", 'a', {{KEY_q, 0}}},
	{"fr", 'M', {{KEY_semicolon, STROKE_SHIFT}}},
	{"fr", '1', {{KEY_1, STROKE_SHIFT}}},
	{"fr", U'é', {{KEY_2, 0}}},
	{"fr", '.', {{KEY_comma, STROKE_SHIFT}}},
	{"fr", '\\', {{KEY_8, STROKE_ALTGR}}},
	{"fr", '^', {{KEY_9, STROKE_ALTGR}}},
	{"fr", '@', {{KEY_0, STROKE_ALTGR}}},
	{"fr", U'ê', {{KEY_bracket_left, 0}, {KEY_e, 0}}},
	{"fr", U'ï', {{KEY_bracket_left, STROKE_SHIFT}, {KEY_i, 0}}},
	{"fr", U'§', {{KEY_slash, STROKE_SHIFT}}},
	{"fr", 1, {{KEY_q, STROKE_CTRL}}},
	{"fr", U'ß', {{0}}},
};

static void test_layouts(void **state)
{
	struct stroke s[2];
	for (unsigned i = 0; i < sizeof typed / sizeof *typed; i++) {
		const struct typed *t = &typed[i];
		unsigned n = keymap_strokes(keymap_find(t->layout), t->character, s);
		if (n != (t->strokes[0].key ? 1u : 0) + (t->strokes[1].key ? 1u : 0))
			fail_msg("%s U+%04X takes %u strokes", t->layout, t->character, n);
		for (unsigned j = 0; j < n; j++)
			if (s[j].key != t->strokes[j].key || s[j].with != t->strokes[j].with)
				fail_msg("%s U+%04X is typed by %s, %u", t->layout, t->character,
				         key_name(s[j].key), s[j].with);
	}
	/* Each layout types all of ASCII. */
	for (unsigned i = 0; keymap_name(i); i++) {
		const struct keymap *m = keymap_find(keymap_name(i));
		for (uint32_t c = ' '; c <= 0x7f; c++)
			if (!keymap_strokes(m, c, s))
				fail_msg("%s has no %c", keymap_name(i), c);
	}
	assert_null(keymap_find("klingon"));
	assert_null(keymap_find(""));
}

/* --- the typist: a guest that takes each byte when it likes --- */

struct guest {
	struct rig rig;
	struct i8042 *controller;
	struct keyboard *keyboard;
	struct typist *typist;
	char got[4096]; /* scan codes of set 1, in hexadecimal */
	unsigned n;
	bool room;
};

static bool has_room(void *ctx)
{
	return ((struct guest *)ctx)->room;
}

static void open_guest(struct guest *g)
{
	memset(g, 0, sizeof *g);
	rig_open(&g->rig);
	g->room = true;
	g->controller = i8042_create(g->rig.bus, g->rig.clock,
	                             (struct i8042_wires){.irq = {rig_line(&g->rig)}});
	g->keyboard = keyboard_create(g->rig.clock);
	keyboard_connect(g->keyboard,
	                 i8042_attach(g->controller, PS2_KEYBOARD, keyboard_line(g->keyboard)));
	g->typist = typist_create(g->rig.clock, g->keyboard, g, has_room);
	out(&g->rig, 0x64, 0x60);
	out(&g->rig, 0x60, 0x45);
}

static void close_guest(struct guest *g)
{
	typist_destroy(g->typist);
	keyboard_type.destroy(g->keyboard);
	i8042_type.destroy(g->controller);
	rig_close(&g->rig);
}

/* It looks each so many microseconds. */
static void run(struct guest *g, unsigned ms, unsigned each_us)
{
	for (uint64_t end = g->rig.now + ms * MS; g->rig.now < end;) {
		rig_until(&g->rig, g->rig.now + each_us * 1000ull);
		if (in(&g->rig, 0x64) & 1 && g->n + 4 < sizeof g->got)
			g->n += (unsigned)snprintf(g->got + g->n, 4, "%s%02x", g->n ? " " : "",
			                           in(&g->rig, 0x60));
	}
}

static void type(struct guest *g, const char *layout, const char *text)
{
	struct problem p = {0};
	if (!typist_text(g->typist, keymap_find(layout), text, strlen(text), &p))
		fail_msg("%s", p.text);
	assert_true(typist_busy(g->typist));
}

static void test_typing(void **state)
{
	struct guest g;
	open_guest(&g);
	type(&g, "us", "dI\n");
	run(&g, 300, 100);
	assert_false(typist_busy(g.typist));
	assert_string_equal(g.got, "20 a0 2a 17 97 aa 1c 9c");
	g.n = 0;
	type(&g, "de", "@ê");
	type(&g, "us", "\x03");
	run(&g, 500, 100);
	assert_string_equal(g.got, "e0 38 10 90 e0 b8 29 a9 12 92 1d 2e ae 9d");
	/* Keys by name, held. */
	g.n = 0;
	static const struct typist_step held[] = {{.ms = 70000},
	                                          {KEY_delete, .down = true},
	                                          {.ms = 100},
	                                          {KEY_delete, .down = false}};
	struct problem p = {0};
	assert_true(typist_steps(g.typist, held, 4, &p));
	run(&g, 69990, 1000);
	assert_int_equal(g.n, 0);
	run(&g, 60, 100);
	assert_string_equal(g.got, "e0 53");
	run(&g, 100, 100);
	assert_string_equal(g.got, "e0 53 e0 d3");
	close_guest(&g);
}

/* Nothing is lost, nothing repeated, however slowly the guest reads; nor what it typed while it
 * did not listen. */
static void test_slow_guest(void **state)
{
	struct guest g;
	open_guest(&g);
	char want[4096];
	unsigned n = 0;
	for (unsigned i = 0; i < 100; i++)
		n += (unsigned)snprintf(want + n, sizeof want - n, "%s1e 9e e0 4b e0 cb",
		                        n ? " " : "");
	struct problem p = {0};
	static const struct typist_step left[] = {{KEY_left, .down = true},
	                                          {KEY_left, .down = false}};
	for (unsigned i = 0; i < 100; i++) {
		type(&g, "us", "a");
		assert_true(typist_steps(g.typist, left, 2, &p));
	}
	run(&g, 500 * 900, 700 * 1000);
	assert_string_equal(g.got, want);
	assert_false(typist_busy(g.typist));
	g.n = 0;
	out(&g.rig, 0x60, 0xf5);
	run(&g, 10, 1000);
	type(&g, "us", "b");
	run(&g, 5000, 1000);
	assert_string_equal(g.got, "fa");
	out(&g.rig, 0x60, 0xf4);
	run(&g, 100, 1000);
	assert_string_equal(g.got, "fa fa 30 b0");
	close_guest(&g);
}

/* Room for a character is waited for, a second at most. */
static void test_room(void **state)
{
	struct guest g;
	open_guest(&g);
	g.room = false;
	type(&g, "us", "ab");
	run(&g, 900, 1000);
	assert_int_equal(g.n, 0);
	g.room = true;
	run(&g, 100, 1000);
	assert_string_equal(g.got, "1e 9e 30 b0");
	g.n = 0;
	g.room = false;
	type(&g, "us", "a");
	run(&g, 900, 1000);
	assert_int_equal(g.n, 0);
	run(&g, 200, 1000);
	assert_string_equal(g.got, "1e 9e");
	close_guest(&g);
}

static void refused(struct guest *g, const char *text, const char *why)
{
	struct problem p = {0};
	assert_false(typist_text(g->typist, keymap_find("us"), text, strlen(text), &p));
	assert_string_equal(p.text, why);
	assert_false(typist_busy(g->typist));
}

static void test_refused(void **state)
{
	struct guest g;
	open_guest(&g);
	refused(&g, "abc\xc3\xa4", "no key types '\xc3\xa4' (U+00E4)");
	refused(&g, "a\x1c", "no key types '' (U+001C)");
	refused(&g, "ab\xff", "byte 2 of the text is not UTF-8");
	char *long_one = malloc(200001);
	memset(long_one, 'a', 200000);
	long_one[200000] = 0;
	refused(&g, long_one, "too many keys wait to be typed");
	free(long_one);
	/* Keys, all or none. */
	static struct typist_step many[(1 << 20) + 1];
	struct problem p = {0};
	many[1] = (struct typist_step){KEY_a, .down = true};
	assert_false(typist_steps(g.typist, many, sizeof many / sizeof *many, &p));
	assert_string_equal(p.text, "too many keys wait to be typed");
	assert_false(typist_busy(g.typist));
	run(&g, 50, 1000);
	assert_int_equal(g.n, 0);
	assert_true(typist_steps(g.typist, many, sizeof many / sizeof *many - 1, &p));
	run(&g, 50, 1000);
	assert_string_equal(g.got, "1e");
	close_guest(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),      cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_layouts),    cmocka_unit_test(test_typing),
		cmocka_unit_test(test_slow_guest), cmocka_unit_test(test_room),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests_name("keymap", tests, NULL, NULL);
}
