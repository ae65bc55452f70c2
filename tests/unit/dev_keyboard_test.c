/* links: devices */
/* The keyboard at its own line: no controller. */
#include "dev_fixture.h"

#include "devices/keyboard.h"

#include <string.h>

#define MS 1000000ull

static struct ps2_device line;
static unsigned readies;

static void on_ready(void *ctx)
{
	++*(unsigned *)ctx;
}

static struct keyboard *open_keyboard(struct rig *r)
{
	rig_open(r);
	struct keyboard *k = keyboard_create(r->clock);
	line = keyboard_line(k);
	readies = 0;
	keyboard_connect(k, (struct ps2_host){&readies, on_ready});
	return k;
}

static void close_keyboard(struct rig *r, struct keyboard *k)
{
	keyboard_type.destroy(k);
	rig_close(r);
}

static void sends(const uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!line.pending(line.ctx))
			fail_msg("byte %u, %02x, of %u is missing", i, bytes[i], n);
		assert_int_equal(line.take(line.ctx), bytes[i]);
	}
	assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
}

#define SENDS(...) sends((uint8_t[]){__VA_ARGS__}, sizeof(uint8_t[]){__VA_ARGS__})
#define WRITE(v, ...) (line.write(line.ctx, v), SENDS(__VA_ARGS__))

static void discard(void)
{
	while (line.pending(line.ctx))
		line.take(line.ctx);
}

static void use_set(unsigned set)
{
	WRITE(0xf0, 0xfa);
	WRITE(set, 0xfa);
}

static void down(struct keyboard *k, enum key key)
{
	keyboard_key(k, key, true);
}

static void up(struct keyboard *k, enum key key)
{
	keyboard_key(k, key, false);
}

/* --- scan codes --- */

/* Each key of each set, alone. */
static void test_sets(void **state)
{
	static const uint16_t codes[KEYS][3] = {
#define KEY(name, set1, set2, set3, mode) [KEY_##name] = {set1, set2, set3},
#include "devices/keys.inc"
#undef KEY
	};
	struct rig r;
	struct keyboard *k = open_keyboard(&r);
	for (unsigned set = 1; set <= 3; set++) {
		use_set(set);
		WRITE(0xf8, 0xfa); /* all keys of set 3: make and break */
		bool seen[0x10000] = {false};
		for (enum key key = KEY_NONE + 1; key < KEYS; key++) {
			uint16_t code = codes[key][set - 1];
			uint8_t low = code & 0xff, high = code >> 8;
			assert_false(seen[code]);
			seen[code] = true;
			if (set < 3 && (key == KEY_print || key == KEY_pause))
				continue;
			down(k, key);
			assert_true(keyboard_is_down(k, key));
			high ? SENDS(high, low) : SENDS(low);
			up(k, key);
			assert_false(keyboard_is_down(k, key));
			if (set == 1)
				high ? SENDS(high, low | 0x80) : SENDS(low | 0x80);
			else
				high ? SENDS(high, 0xf0, low) : SENDS(0xf0, low);
		}
	}
	/* What is no key is none. */
	down(k, KEY_NONE);
	down(k, KEYS);
	assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
	close_keyboard(&r, k);
}

/* The pad of cursor keys, which is to mean the same in each state of Shift and Num Lock. */
static void test_cursor_keys(void **state)
{
	struct rig r;
	struct keyboard *k = open_keyboard(&r);
	use_set(1);
	down(k, KEY_shift);
	SENDS(0x2a);
	down(k, KEY_home);
	SENDS(0xe0, 0xaa, 0xe0, 0x47);
	up(k, KEY_home);
	SENDS(0xe0, 0xc7, 0xe0, 0x2a);
	down(k, KEY_shift_r);
	SENDS(0x36);
	down(k, KEY_pgdn);
	SENDS(0xe0, 0xaa, 0xe0, 0xb6, 0xe0, 0x51);
	up(k, KEY_pgdn);
	SENDS(0xe0, 0xd1, 0xe0, 0x2a, 0xe0, 0x36);
	up(k, KEY_shift);
	SENDS(0xaa);
	down(k, KEY_insert);
	SENDS(0xe0, 0xb6, 0xe0, 0x52);
	/* Shift goes up first: it does not go down again. */
	up(k, KEY_shift_r);
	SENDS(0xb6);
	up(k, KEY_insert);
	SENDS(0xe0, 0xd2);
	WRITE(0xed, 0xfa);
	WRITE(0x02, 0xfa);
	down(k, KEY_left);
	SENDS(0xe0, 0x2a, 0xe0, 0x4b);
	up(k, KEY_left);
	SENDS(0xe0, 0xcb, 0xe0, 0xaa);
	down(k, KEY_shift);
	SENDS(0x2a);
	down(k, KEY_left);
	SENDS(0xe0, 0x4b);
	up(k, KEY_left);
	SENDS(0xe0, 0xcb);
	up(k, KEY_shift);
	SENDS(0xaa);
	/* The keypad's / was the main block's, whatever Num Lock is; its Enter has no Shift. */
	down(k, KEY_kp_divide);
	SENDS(0xe0, 0x35);
	up(k, KEY_kp_divide);
	SENDS(0xe0, 0xb5);
	down(k, KEY_shift);
	SENDS(0x2a);
	down(k, KEY_kp_divide);
	SENDS(0xe0, 0xaa, 0xe0, 0x35);
	up(k, KEY_kp_divide);
	SENDS(0xe0, 0xb5, 0xe0, 0x2a);
	down(k, KEY_kp_enter);
	SENDS(0xe0, 0x1c);
	up(k, KEY_kp_enter);
	SENDS(0xe0, 0x9c);
	up(k, KEY_shift);
	SENDS(0xaa);
	/* Set 2 says the same in its way, set 3 has no need to. */
	use_set(2);
	down(k, KEY_delete);
	SENDS(0xe0, 0x12, 0xe0, 0x71);
	up(k, KEY_delete);
	SENDS(0xe0, 0xf0, 0x71, 0xe0, 0xf0, 0x12);
	WRITE(0xed, 0xfa);
	WRITE(0x00, 0xfa);
	down(k, KEY_shift);
	down(k, KEY_shift_r);
	SENDS(0x12, 0x59);
	down(k, KEY_up);
	SENDS(0xe0, 0xf0, 0x12, 0xe0, 0xf0, 0x59, 0xe0, 0x75);
	up(k, KEY_up);
	SENDS(0xe0, 0xf0, 0x75, 0xe0, 0x12, 0xe0, 0x59);
	use_set(3);
	down(k, KEY_up);
	SENDS(0x63);
	close_keyboard(&r, k);
}

static void test_print_and_pause(void **state)
{
	struct rig r;
	struct keyboard *k = open_keyboard(&r);
	use_set(1);
	down(k, KEY_print);
	SENDS(0xe0, 0x2a, 0xe0, 0x37);
	up(k, KEY_print);
	SENDS(0xe0, 0xb7, 0xe0, 0xaa);
	static const struct {
		enum key key;
		uint8_t make[2];
		unsigned n;
	} with[] = {
		{KEY_shift, {0x2a}, 1}, {KEY_shift_r, {0x36}, 1},
		{KEY_ctrl, {0x1d}, 1},  {KEY_ctrl_r, {0xe0, 0x1d}, 2},
		{KEY_alt, {0x38}, 1},   {KEY_alt_r, {0xe0, 0x38}, 2},
	};
	for (unsigned i = 0; i < 6; i++) {
		down(k, with[i].key);
		sends(with[i].make, with[i].n);
		down(k, KEY_print);
		i < 4 ? SENDS(0xe0, 0x37) : SENDS(0x54);
		up(k, KEY_print);
		i < 4 ? SENDS(0xe0, 0xb7) : SENDS(0xd4);
		up(k, with[i].key);
		discard();
	}
	/* System Request goes up as what it went down. */
	down(k, KEY_alt);
	down(k, KEY_print);
	up(k, KEY_alt);
	up(k, KEY_print);
	SENDS(0x38, 0x54, 0xb8, 0xd4);
	down(k, KEY_pause);
	SENDS(0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
	rig_until(&r, r.now + 5000 * MS); /* nor is it repeated */
	up(k, KEY_pause);
	assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
	down(k, KEY_ctrl);
	SENDS(0x1d);
	down(k, KEY_pause);
	SENDS(0xe0, 0x46, 0xe0, 0xc6);
	up(k, KEY_pause);
	up(k, KEY_ctrl);
	SENDS(0x9d);
	use_set(2);
	down(k, KEY_print);
	SENDS(0xe0, 0x12, 0xe0, 0x7c);
	up(k, KEY_print);
	SENDS(0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);
	down(k, KEY_alt);
	down(k, KEY_print);
	up(k, KEY_print);
	up(k, KEY_alt);
	SENDS(0x11, 0x84, 0xf0, 0x84, 0xf0, 0x11);
	down(k, KEY_pause);
	SENDS(0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
	up(k, KEY_pause);
	down(k, KEY_ctrl_r);
	down(k, KEY_pause);
	SENDS(0xe0, 0x14, 0xe0, 0x7e, 0xe0, 0xf0, 0x7e);
	up(k, KEY_pause);
	up(k, KEY_ctrl_r);
	SENDS(0xe0, 0xf0, 0x14);
	use_set(3);
	down(k, KEY_pause);
	up(k, KEY_pause);
	SENDS(0x62);
	down(k, KEY_print);
	up(k, KEY_print);
	SENDS(0x57);
	close_keyboard(&r, k);
}

/* --- typematic repeat --- */

/* How many codes come in so many ms. */
static unsigned codes_in(struct rig *r, unsigned ms, uint8_t code)
{
	unsigned n = 0;
	for (unsigned i = 0; i < ms; i++) {
		rig_until(r, r->now + MS);
		while (line.pending(line.ctx)) {
			assert_int_equal(line.take(line.ctx), code);
			n++;
		}
	}
	return n;
}

static void test_typematic(void **state)
{
	struct rig r;
	struct keyboard *k = open_keyboard(&r);
	down(k, KEY_a);
	SENDS(0x1c);
	unsigned told = readies;
	assert_int_equal(codes_in(&r, 499, 0x1c), 0); /* 500 ms, 10.9 a second */
	assert_int_equal(codes_in(&r, 1, 0x1c), 1);
	assert_int_equal(readies, told + 1);
	assert_in_range(codes_in(&r, 10000, 0x1c), 108, 110);
	/* The key that went down last, until it goes up; the one before does not go on. */
	down(k, KEY_b);
	SENDS(0x32);
	assert_int_equal(codes_in(&r, 499, 0x32), 0);
	assert_int_equal(codes_in(&r, 1, 0x32), 1);
	up(k, KEY_a);
	SENDS(0xf0, 0x1c);
	assert_in_range(codes_in(&r, 1000, 0x32), 10, 12);
	up(k, KEY_b);
	SENDS(0xf0, 0x32);
	assert_int_equal(codes_in(&r, 3000, 0), 0);
	/* One that is down already does not go down. */
	down(k, KEY_a);
	SENDS(0x1c);
	rig_until(&r, r.now + 400 * MS);
	down(k, KEY_a);
	rig_until(&r, r.now + 99 * MS);
	assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
	rig_until(&r, r.now + 1 * MS);
	SENDS(0x1c);
	/* Rate and delay: from 250 ms and 30 a second to 1 s and 2. */
	WRITE(0xf3, 0xfa);
	WRITE(0x00, 0xfa);
	up(k, KEY_a);
	down(k, KEY_left);
	SENDS(0xf0, 0x1c, 0xe0, 0x6b);
	rig_until(&r, r.now + 249 * MS);
	assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
	rig_until(&r, r.now + 1 * MS);
	SENDS(0xe0, 0x6b);
	rig_until(&r, r.now + 34 * MS);
	SENDS(0xe0, 0x6b);
	up(k, KEY_left);
	SENDS(0xe0, 0xf0, 0x6b);
	WRITE(0xf3, 0xfa);
	WRITE(0x7f, 0xfa);
	down(k, KEY_shift);
	SENDS(0x12);
	assert_int_equal(codes_in(&r, 999, 0x12), 0);
	assert_int_equal(codes_in(&r, 1, 0x12), 1);
	assert_int_equal(codes_in(&r, 10000, 0x12), 20);
	/* A guest that does not read finds one repeat, not many. */
	rig_until(&r, r.now + 100000 * MS);
	SENDS(0x12);
	/* Neither set 1 nor another byte changes a repeat; disabled, there is none. */
	line.write(line.ctx, 0xf5);
	SENDS(0xfa);
	assert_int_equal(codes_in(&r, 5000, 0), 0);
	WRITE(0xf4, 0xfa);
	assert_int_equal(codes_in(&r, 5000, 0), 0);
	up(k, KEY_shift);
	SENDS(0xf0, 0x12);
	/* Pause does not repeat, nor does what was down before it. */
	down(k, KEY_a);
	down(k, KEY_pause);
	SENDS(0x1c, 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
	assert_int_equal(codes_in(&r, 5000, 0), 0);
	up(k, KEY_pause);
	up(k, KEY_a);
	SENDS(0xf0, 0x1c);
	/* System Request repeats as such; what is on the cursor pad, without Shift. */
	down(k, KEY_alt);
	down(k, KEY_print);
	SENDS(0x11, 0x84);
	rig_until(&r, r.now + 500 * MS);
	SENDS(0x84);
	up(k, KEY_print);
	up(k, KEY_alt);
	discard();
	down(k, KEY_shift);
	down(k, KEY_left);
	discard();
	rig_until(&r, r.now + 500 * MS);
	SENDS(0xe0, 0x6b);
	close_keyboard(&r, k);
}

/* --- set 3 and its modes --- */

static void strike(struct keyboard *k, struct rig *r, enum key key)
{
	down(k, key);
	rig_until(r, r->now + 510 * MS);
	up(k, key);
}

static void test_modes(void **state)
{
	struct rig r;
	struct keyboard *k = open_keyboard(&r);
	use_set(3);
	down(k, KEY_a);
	SENDS(0x1c);
	strike(k, &r, KEY_s);
	SENDS(0x1b); /* the repeat waits for the reader */
	rig_until(&r, r.now + 2000 * MS);
	up(k, KEY_a);
	assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
	down(k, KEY_a);
	SENDS(0x1c);
	rig_until(&r, r.now + 500 * MS);
	SENDS(0x1c);
	up(k, KEY_a);
	strike(k, &r, KEY_shift);
	SENDS(0x12, 0xf0, 0x12);
	down(k, KEY_f1);
	SENDS(0x07);
	rig_until(&r, r.now + 5000 * MS);
	up(k, KEY_f1);
	assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
	/* All keys: typematic, make and break, make, typematic with break. */
	for (unsigned v = 0xf7; v <= 0xfa; v++) {
		bool repeats = v == 0xf7 || v == 0xfa, breaks = v == 0xf8 || v == 0xfa;
		WRITE(v, 0xfa);
		down(k, KEY_f1);
		SENDS(0x07);
		rig_until(&r, r.now + 500 * MS);
		if (repeats)
			SENDS(0x07);
		assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
		up(k, KEY_f1);
		if (breaks)
			SENDS(0xf0, 0x07);
		assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
	}
	/* Of keys in a list, which a command ends. */
	for (unsigned v = 0xfb; v <= 0xfd; v++) {
		WRITE(0xf9, 0xfa);
		WRITE(v == 0xfd ? 0xfa : 0xf6, 0xfa);
		use_set(3);
		if (v == 0xfd)
			WRITE(0xfa, 0xfa);
		WRITE(v, 0xfa);
		WRITE(0x07, 0xfa);
		WRITE(0x8b, 0xfa);
		WRITE(0x37, 0xfa);
		WRITE(0xf4, 0xfa);
		WRITE(0x1c, 0xfe); /* it has ended */
		static const enum key listed[] = {KEY_f1, KEY_meta_l, KEY_f7};
		static const uint8_t code[] = {0x07, 0x8b, 0x37};
		for (unsigned i = 0; i < 3; i++) {
			down(k, listed[i]);
			SENDS(code[i]);
			rig_until(&r, r.now + 500 * MS);
			if (v == 0xfb)
				SENDS(code[i]);
			assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
			up(k, listed[i]);
			if (v == 0xfc)
				SENDS(0xf0, code[i]);
			assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
		}
		if (v != 0xfd) { /* another is as it was */
			down(k, KEY_f2);
			up(k, KEY_f2);
			SENDS(0x0f);
		}
	}
	/* They are of set 3 alone, and the defaults come back with F6h. */
	WRITE(0xf9, 0xfa);
	use_set(2);
	strike(k, &r, KEY_a);
	SENDS(0x1c, 0xf0, 0x1c);
	WRITE(0xf6, 0xfa);
	use_set(3);
	down(k, KEY_ctrl);
	up(k, KEY_ctrl);
	SENDS(0x11, 0xf0, 0x11);
	close_keyboard(&r, k);
}

/* --- commands --- */

/* ao486#102, dosbox-x#161, v86#1023: the set that it tells of is the one in use, at first 2; one
 * acknowledgement for the command, one for its parameter, and a byte more for parameter 0. */
static void test_scan_set(void **state)
{
	struct rig r;
	struct keyboard *k = open_keyboard(&r);
	static const uint8_t a[] = {0x1e, 0x1c, 0x1c};
	WRITE(0xf0, 0xfa);
	WRITE(0x00, 0xfa, 0x02);
	for (unsigned set = 1; set <= 3; set++) {
		use_set(set);
		WRITE(0xf0, 0xfa);
		WRITE(0x00, 0xfa, set);
		down(k, KEY_a);
		SENDS(a[set - 1]);
		up(k, KEY_a);
		discard();
	}
	WRITE(0xf0, 0xfa);
	WRITE(0x04, 0xfa);
	WRITE(0xf0, 0xfa);
	WRITE(0x00, 0xfa, 0x03);
	WRITE(0xff, 0xfa, 0xaa);
	WRITE(0xf0, 0xfa);
	WRITE(0x00, 0xfa, 0x02);
	/* It forgets what was typed in the old one. */
	down(k, KEY_a);
	use_set(1);
	assert_int_equal(codes_in(&r, 2000, 0), 0);
	close_keyboard(&r, k);
}

static void test_scanning(void **state)
{
	struct rig r;
	struct keyboard *k = open_keyboard(&r);
	assert_true(keyboard_takes(k));
	down(k, KEY_a);
	assert_int_equal(line.pending(line.ctx), PS2_DATA);
	assert_false(keyboard_takes(k));
	WRITE(0xf5, 0xfa); /* forgets what was typed, and does not look any more */
	up(k, KEY_a);
	down(k, KEY_b);
	assert_int_equal(codes_in(&r, 2000, 0), 0);
	assert_false(keyboard_takes(k));
	WRITE(0xf6, 0xfa);
	up(k, KEY_b);
	assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
	WRITE(0xf4, 0xfa);
	assert_true(keyboard_takes(k));
	down(k, KEY_b);
	SENDS(0x32);
	line.write(line.ctx, 0xf5);
	line.write(line.ctx, 0xff);
	assert_int_equal(line.pending(line.ctx), PS2_ANSWER);
	assert_false(keyboard_takes(k));
	SENDS(0xfa, 0xaa);
	up(k, KEY_b); /* a reset enables it */
	SENDS(0xf0, 0x32);
	/* What is typed before a parameter comes behind its acknowledgement. */
	WRITE(0xed, 0xfa);
	down(k, KEY_c);
	assert_int_equal(line.pending(line.ctx), PS2_NOTHING);
	assert_false(keyboard_takes(k));
	WRITE(0x07, 0xfa, 0x21);
	up(k, KEY_c);
	discard();
	/* An answer comes before what was typed, and is taken before more is. */
	down(k, KEY_c);
	WRITE(0xee, 0xee, 0x21);
	/* Resent is what was sent last. */
	WRITE(0xfe, 0x21);
	WRITE(0xfe, 0x21);
	WRITE(0xf2, 0xfa, 0xab, 0x83);
	WRITE(0xfe, 0x83);
	/* Enabling forgets what was typed. */
	up(k, KEY_c);
	WRITE(0xf4, 0xfa);
	close_keyboard(&r, k);
}

static void test_overrun(void **state)
{
	struct rig r;
	struct keyboard *k = open_keyboard(&r);
	static const uint8_t codes[] = {0xff, 0x00, 0x00};
	for (unsigned set = 1; set <= 3; set++) {
		use_set(set);
		WRITE(0xf9, 0xfa);
		enum key keys[] = {KEY_a, KEY_s, KEY_d, KEY_f, KEY_g, KEY_h, KEY_j, KEY_k, KEY_l,
		                   KEY_q, KEY_w, KEY_e, KEY_r, KEY_t, KEY_y, KEY_u, KEY_i, KEY_o};
		for (unsigned i = 0; i < 18; i++)
			down(k, keys[i]);
		/* A command is answered all the same. */
		line.write(line.ctx, 0xee);
		assert_int_equal(line.take(line.ctx), 0xee);
		for (unsigned i = 0; i < 16; i++) {
			assert_int_equal(line.pending(line.ctx), PS2_DATA);
			assert_int_not_equal(line.take(line.ctx), codes[set - 1]);
		}
		SENDS(codes[set - 1]);
		for (unsigned i = 0; i < 18; i++)
			up(k, keys[i]);
		discard();
		/* Once it is read, there is room again. */
		down(k, KEY_z);
		SENDS(set == 1 ? 0x2c : 0x1a);
		up(k, KEY_z);
		discard();
	}
	/* A sequence is lost as a whole; what still fits behind the code that tells of it comes. */
	use_set(1);
	for (unsigned i = 0; i < 13; i++)
		keyboard_key(k, KEY_a, !(i & 1));
	down(k, KEY_print);
	down(k, KEY_print);
	up(k, KEY_print);
	up(k, KEY_a);
	for (unsigned i = 0; i < 13; i++)
		assert_int_equal(line.take(line.ctx), i & 1 ? 0x9e : 0x1e);
	SENDS(0xff, 0x9e);
	close_keyboard(&r, k);
}

/* Whatever is written, and whatever keys are struck: it answers each command with one byte at
 * least, and is there afterwards. */
static void test_hostile(void **state)
{
	struct rig r;
	struct keyboard *k = open_keyboard(&r);
	uint64_t seed = 1;
	for (unsigned i = 0; i < 300000; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		uint32_t v = seed >> 33;
		switch (v & 3) {
		case 0:
			line.write(line.ctx, v >> 8 & 0x100 ? 0xed + (v >> 2) % 19 : v >> 2 & 0xff);
			assert_int_equal(line.pending(line.ctx), PS2_ANSWER);
			break;
		case 1:
			keyboard_key(k, (v >> 3) % (KEYS + 1), v >> 2 & 1);
			break;
		case 2:
			for (unsigned n = v >> 2 & 7; n && line.pending(line.ctx); n--)
				line.take(line.ctx);
			break;
		default:
			rig_until(&r, r.now + (v >> 2 & 0xff) * MS);
		}
	}
	discard();
	WRITE(0xff, 0xfa, 0xaa);
	assert_true(keyboard_takes(k));
	close_keyboard(&r, k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),      cmocka_unit_test(test_cursor_keys),
		cmocka_unit_test(test_modes),     cmocka_unit_test(test_print_and_pause),
		cmocka_unit_test(test_typematic), cmocka_unit_test(test_scan_set),
		cmocka_unit_test(test_scanning),  cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests_name("keyboard", tests, NULL, NULL);
}
