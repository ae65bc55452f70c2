/* links: machine util */
/* Keys and text that wait for the guest to take them. */
#include "dev_fixture.h"

#include "machine/typist.h"

#include <stdio.h>
#include <string.h>

#define MS 1000000ull

struct bench {
	struct rig rig;
	struct keyboard *keyboard;
	struct ps2_device line;
	struct typist *typist;
	char codes[512]; /* of set 2, in hexadecimal */
};

static int open_bench(void **state)
{
	static struct bench bench;
	struct bench *b = *state = &bench;
	rig_open(&b->rig);
	b->keyboard = keyboard_create(b->rig.clock);
	b->line = keyboard_line(b->keyboard);
	b->typist = typist_create(b->rig.clock, b->keyboard, NULL, NULL);
	return 0;
}

static int close_bench(void **state)
{
	struct bench *b = *state;
	typist_destroy(b->typist);
	keyboard_type.destroy(b->keyboard);
	rig_close(&b->rig);
	return 0;
}

/* What the guest reads within so long. */
static const char *reads(struct bench *b, unsigned ms)
{
	unsigned n = 0;
	b->codes[0] = 0;
	for (unsigned i = 0; i < ms; i++) {
		rig_until(&b->rig, b->rig.now + MS);
		while (b->line.pending(b->line.ctx))
			n += (unsigned)snprintf(b->codes + n, sizeof b->codes - n, "%s%02x",
			                        n ? " " : "", b->line.take(b->line.ctx));
	}
	return b->codes;
}

static void types(struct bench *b, const char *text)
{
	struct problem p = {0};
	assert_true(typist_text(b->typist, keymap_find("us"), text, strlen(text), &p));
}

static void test_as_it_is_taken(void **state)
{
	struct bench *b = *state;
	types(b, "aB");
	/* One waits in the keyboard until it is read. */
	rig_until(&b->rig, b->rig.now + 500 * MS);
	assert_true(typist_busy(b->typist));
	assert_string_equal(reads(b, 100), "1c f0 1c 12 32 f0 32 f0 12");
	assert_false(typist_busy(b->typist));
}

/* The key that is down goes up, and nothing else comes. */
static void test_dropped(void **state)
{
	struct bench *b = *state;
	types(b, "XYZ");
	for (unsigned i = 0; i < 100 && !keyboard_is_down(b->keyboard, KEY_x); i++)
		reads(b, 1);
	assert_true(keyboard_is_down(b->keyboard, KEY_x));
	assert_true(keyboard_is_down(b->keyboard, KEY_shift));
	reads(b, 0);
	typist_drop(b->typist);
	assert_false(typist_busy(b->typist));
	assert_false(keyboard_is_down(b->keyboard, KEY_x));
	assert_false(keyboard_is_down(b->keyboard, KEY_shift));
	assert_non_null(strstr(reads(b, 2000), "f0 22"));
	assert_null(strstr(b->codes, "35")); /* Y */
	assert_string_equal(b->codes + strlen(b->codes) - 5, "f0 12");
	types(b, "a");
	assert_string_equal(reads(b, 100), "1c f0 1c");
}

/* Who holds a key down does so still. */
static void test_dropped_while_held(void **state)
{
	static const struct typist_step steps[] = {
		{KEY_alt, true, 0}, {KEY_a, true, 0}, {KEY_a, false, 0}, {KEY_NONE, false, 5000}};
	struct bench *b = *state;
	struct problem p = {0};
	assert_true(typist_steps(b->typist, steps, 4, &p));
	typist_drop(b->typist);
	assert_true(keyboard_is_down(b->keyboard, KEY_alt));
	assert_false(keyboard_is_down(b->keyboard, KEY_a));
	assert_string_equal(reads(b, 100), "11");
	keyboard_key(b->keyboard, KEY_alt, false);
	reads(b, 1);
	typist_drop(b->typist); /* nothing waits */
	assert_string_equal(reads(b, 100), "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bench, close_bench)
	const struct CMUnitTest tests[] = {
		TEST(test_as_it_is_taken),
		TEST(test_dropped),
		TEST(test_dropped_while_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
