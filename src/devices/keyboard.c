#include "devices/keyboard.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* commands */
	CMD_LEDS = 0xed,
	CMD_ECHO = 0xee,
	CMD_SCAN_SET = 0xf0,
	CMD_IDENTIFY = 0xf2,
	CMD_RATE = 0xf3,
	CMD_ENABLE = 0xf4,
	CMD_DISABLE = 0xf5,
	CMD_DEFAULTS = 0xf6,
	CMD_ALL_TYPEMATIC = 0xf7, /* the modes of set 3: of all keys */
	CMD_ALL_MAKE_BREAK = 0xf8,
	CMD_ALL_MAKE = 0xf9,
	CMD_ALL_BOTH = 0xfa,
	CMD_KEY_TYPEMATIC = 0xfb, /* of the keys that are listed */
	CMD_KEY_MAKE_BREAK = 0xfc,
	CMD_KEY_MAKE = 0xfd,
	CMD_RESEND = 0xfe,
	CMD_RESET = 0xff,

	/* answers */
	ACK = 0xfa,
	SELF_TEST_OK = 0xaa,
	RESEND = 0xfe,
	IDENTITY_1 = 0xab,
	IDENTITY_2 = 0x83,

	EXTENDED = 0xe0, /* before the codes of keys that the first keyboards did not have */
	PAUSED = 0xe1,
	BREAK = 0xf0, /* before a code of sets 2 and 3 */
	BREAK_BIT = 0x80,

	LED_NUM = 0x02,
	LEDS = 0x07,

	/* modes of a key */
	MAKE = 0,
	MAKE_BREAK = 1,
	TYPEMATIC = 2,

	BUFFER = 16,
	DEFAULT_RATE = 0x2b, /* 500 ms, then 10.9 a second */
};

#define MS 1000000ull
#define SECOND (1000 * MS)

struct keyboard {
	struct clock *clock;
	struct ps2_host host;
	struct timer *repeat;

	uint8_t answer[4]; /* what a command is answered with takes no place in the buffer */
	unsigned answered, answers;
	uint8_t buffer[BUFFER + 1]; /* and the code that tells of an overrun */
	unsigned head, count;
	bool overrun; /* it is the last in the buffer */
	uint8_t last; /* as it was sent */

	uint8_t command; /* whose parameter is awaited; 0: none */
	uint8_t set;     /* of scan codes: 1 to 3 */
	bool scanning;
	uint8_t leds, rate;
	uint8_t mode[KEYS]; /* in set 3 */

	uint8_t down[KEYS];
	uint8_t repeating; /* the key that went down last; KEY_NONE: none */
	bool sysrq;        /* Print went down as System Request */
};

static const struct {
	uint16_t code[3]; /* by set */
	uint8_t mode;
} keys[KEYS] = {
#define KEY(name, set1, set2, set3, mode) [KEY_##name] = {{set1, set2, set3}, mode},
#include "devices/keys.inc"
#undef KEY
};

/* --- what goes out --- */

struct sequence {
	uint8_t at[8];
	unsigned n;
};

static void add(struct sequence *s, uint8_t byte)
{
	s->at[s->n++] = byte;
}

static void add_code(struct sequence *s, unsigned set, uint16_t code, bool make)
{
	if (code >> 8)
		add(s, code >> 8);
	if (set == 1) {
		add(s, (code & 0xff) | (make ? 0 : BREAK_BIT));
	} else {
		if (!make)
			add(s, BREAK);
		add(s, code & 0xff);
	}
}

static void add_key(struct sequence *s, unsigned set, enum key key, bool make)
{
	add_code(s, set, keys[key].code[set - 1], make);
}

/* A sequence that does not fit is dropped as a whole, and leaves a code that tells of it. */
static void append(struct keyboard *k, const struct sequence *s)
{
	bool fits = k->count + s->n <= BUFFER;
	if (!fits && !k->overrun) {
		k->buffer[(k->head + k->count++) % sizeof k->buffer] = k->set == 1 ? 0xff : 0x00;
		k->overrun = true;
	}
	if (!fits || !s->n)
		return;
	for (unsigned i = 0; i < s->n; i++)
		k->buffer[(k->head + k->count++) % sizeof k->buffer] = s->at[i];
	k->overrun = false;
}

static void forget(struct keyboard *k)
{
	k->head = k->count = 0;
	k->overrun = false;
}

static void answer(struct keyboard *k, uint8_t byte)
{
	k->answer[k->answers++] = byte;
}

static enum ps2_pending pending(void *ctx)
{
	const struct keyboard *k = ctx;
	if (k->answered < k->answers)
		return PS2_ANSWER;
	/* Between a command and its parameter it does not scan. */
	return k->count && !k->command ? PS2_DATA : PS2_NOTHING;
}

static uint8_t take(void *ctx)
{
	struct keyboard *k = ctx;
	if (k->answered < k->answers) {
		k->last = k->answer[k->answered++];
	} else if (k->count) {
		k->last = k->buffer[k->head];
		k->head = (k->head + 1) % sizeof k->buffer;
		k->overrun &= --k->count > 0;
	}
	return k->last;
}

/* --- keys --- */

static bool pressed(const struct keyboard *k, enum key left, enum key right)
{
	return k->down[left] || k->down[right];
}

/* The keys of the cursor pad took the codes of the numeric pad's, behind E0h.  For programs that
 * do not know E0h the state of Shift is changed around them to what gives their meaning there. */
static void add_shifts(const struct keyboard *k, struct sequence *s, bool num, bool make)
{
	static const enum key shifts[] = {KEY_shift, KEY_shift_r};
	bool shift = pressed(k, KEY_shift, KEY_shift_r);
	for (unsigned i = 0; i < 2; i++) {
		uint16_t code = EXTENDED << 8 | keys[shifts[i]].code[k->set - 1];
		if (k->down[shifts[i]] && !num)
			add_code(s, k->set, code, !make);
		else if (i == 0 && num && !shift)
			add_code(s, k->set, code, make);
	}
}

static void add_shifted(const struct keyboard *k, struct sequence *s, enum key key, bool num,
                        bool make)
{
	if (make)
		add_shifts(k, s, num, true);
	add_key(s, k->set, key, make);
	if (!make)
		add_shifts(k, s, num, false);
}

/* Print has the place of the old keypad's *, which printed with Shift; with Alt it is the System
 * Request key, which the first enhanced keyboards had at 54h. */
static void add_print(struct keyboard *k, struct sequence *s, bool make)
{
	uint16_t shift = EXTENDED << 8 | keys[KEY_shift].code[k->set - 1];
	if (make)
		k->sysrq = pressed(k, KEY_alt, KEY_alt_r);
	if (k->sysrq) {
		add_code(s, k->set, k->set == 1 ? 0x54 : 0x84, make);
		return;
	}
	bool alone = !pressed(k, KEY_ctrl, KEY_ctrl_r) && !pressed(k, KEY_shift, KEY_shift_r);
	if (make && alone)
		add_code(s, k->set, shift, true);
	add_key(s, k->set, KEY_print, make);
	if (!make && alone)
		add_code(s, k->set, shift, false);
}

/* Make and break in one, and nothing when it goes up: Ctrl and Num Lock, behind E1h; with Ctrl,
 * the Break that was Scroll Lock's. */
static void add_pause(const struct keyboard *k, struct sequence *s)
{
	bool breaks = pressed(k, KEY_ctrl, KEY_ctrl_r);
	for (unsigned make = 2; make--;) {
		if (breaks) {
			add_key(s, k->set, KEY_pause, make);
		} else {
			add(s, PAUSED);
			add_key(s, k->set, KEY_ctrl, make);
			add_key(s, k->set, KEY_num_lock, make);
		}
	}
}

static void add_event(struct keyboard *k, struct sequence *s, enum key key, bool make)
{
	switch (key) {
	case KEY_print:
		add_print(k, s, make);
		break;
	case KEY_pause:
		if (make)
			add_pause(k, s);
		break;
	case KEY_kp_divide:
		add_shifted(k, s, key, false, make);
		break;
	case KEY_insert:
	case KEY_delete:
	case KEY_home:
	case KEY_end:
	case KEY_pgup:
	case KEY_pgdn:
	case KEY_left:
	case KEY_up:
	case KEY_down:
	case KEY_right:
		add_shifted(k, s, key, k->leds & LED_NUM, make);
		break;
	default:
		add_key(s, k->set, key, make);
	}
}

static void send_event(struct keyboard *k, enum key key, bool make)
{
	struct sequence s = {.n = 0};
	if (k->set != 3)
		add_event(k, &s, key, make);
	else if (make || k->mode[key] & MAKE_BREAK)
		add_key(&s, k->set, key, make);
	append(k, &s);
}

/* --- typematic repeat --- */

static uint64_t delay_ns(const struct keyboard *k)
{
	return (1 + (k->rate >> 5 & 3)) * 250 * MS;
}

/* (8 + A) * 2^B / 240 seconds. */
static uint64_t period_ns(const struct keyboard *k)
{
	return ((8ull + (k->rate & 7)) << (k->rate >> 3 & 3)) * SECOND / 240;
}

static void stop_repeat(struct keyboard *k)
{
	k->repeating = KEY_NONE;
	timer_cancel(k->repeat);
}

static bool repeats(const struct keyboard *k, enum key key)
{
	return k->set == 3 ? k->mode[key] & TYPEMATIC : key != KEY_pause;
}

static void on_repeat(void *ctx, uint64_t now)
{
	struct keyboard *k = ctx;
	struct sequence s = {.n = 0};
	enum key key = k->repeating;
	timer_set(k->repeat, now + period_ns(k));
	/* Repeats alone never fill the buffer of a guest that does not read. */
	if (k->count)
		return;
	if (key == KEY_print && k->sysrq && k->set != 3)
		add_print(k, &s, true);
	else
		add_key(&s, k->set, key, true);
	append(k, &s);
	ps2_ready(&k->host);
}

void keyboard_key(struct keyboard *k, enum key key, bool down)
{
	if (key <= KEY_NONE || key >= KEYS || k->down[key] == down)
		return;
	k->down[key] = down;
	if (!k->scanning)
		return;
	send_event(k, key, down);
	if (down || key == k->repeating)
		stop_repeat(k);
	if (down && repeats(k, key)) {
		k->repeating = key;
		timer_set(k->repeat, clock_now(k->clock) + delay_ns(k));
	}
	ps2_ready(&k->host);
}

bool keyboard_is_down(const struct keyboard *k, enum key key)
{
	return k->down[key];
}

bool keyboard_takes(const struct keyboard *k)
{
	return k->scanning && !k->command && !k->count && k->answered == k->answers;
}

/* --- commands --- */

static void set_defaults(struct keyboard *k)
{
	forget(k);
	stop_repeat(k);
	k->set = 2;
	k->rate = DEFAULT_RATE;
	for (unsigned i = 0; i < KEYS; i++)
		k->mode[i] = keys[i].mode;
}

static void set_modes(struct keyboard *k, uint8_t mode)
{
	forget(k);
	for (unsigned i = 0; i < KEYS; i++)
		k->mode[i] = mode;
}

static enum key key_of_set3(uint8_t code)
{
	for (unsigned i = KEY_NONE + 1; i < KEYS; i++)
		if (keys[i].code[2] == code)
			return i;
	return KEY_NONE;
}

/* The list of keys ends with what is none, a command. */
static bool key_mode(struct keyboard *k, uint8_t command, uint8_t code)
{
	static const uint8_t modes[] = {TYPEMATIC, MAKE_BREAK, MAKE};
	enum key key = key_of_set3(code);
	if (!key)
		return false;
	k->mode[key] = modes[command - CMD_KEY_TYPEMATIC];
	k->command = command;
	answer(k, ACK);
	return true;
}

/* Did the command take it?  A command in its place is a command. */
static bool parameter(struct keyboard *k, uint8_t command, uint8_t v)
{
	switch (command) {
	case CMD_LEDS:
	case CMD_RATE:
	case CMD_SCAN_SET:
		if (v & 0x80)
			return false;
		break;
	case CMD_KEY_TYPEMATIC:
	case CMD_KEY_MAKE_BREAK:
	case CMD_KEY_MAKE:
		return key_mode(k, command, v);
	default:
		return false;
	}
	answer(k, ACK);
	if (command == CMD_LEDS) {
		k->leds = v & LEDS;
	} else if (command == CMD_RATE) {
		k->rate = v;
	} else if (v == 0) {
		answer(k, k->set);
	} else if (v <= 3) {
		forget(k);
		stop_repeat(k);
		k->set = v;
	}
	return true;
}

static void do_command(struct keyboard *k, uint8_t v)
{
	switch (v) {
	case CMD_KEY_TYPEMATIC:
	case CMD_KEY_MAKE_BREAK:
	case CMD_KEY_MAKE:
		forget(k);
		k->command = v;
		break;
	case CMD_LEDS:
	case CMD_SCAN_SET:
	case CMD_RATE:
		k->command = v;
		break;
	case CMD_ECHO:
		answer(k, CMD_ECHO);
		return;
	case CMD_IDENTIFY:
		answer(k, ACK);
		answer(k, IDENTITY_1);
		answer(k, IDENTITY_2);
		return;
	case CMD_ENABLE:
		forget(k);
		k->scanning = true;
		break;
	case CMD_DISABLE:
	case CMD_DEFAULTS:
		set_defaults(k);
		k->scanning = v == CMD_DEFAULTS ? k->scanning : false;
		break;
	case CMD_ALL_TYPEMATIC:
		set_modes(k, TYPEMATIC);
		break;
	case CMD_ALL_MAKE_BREAK:
		set_modes(k, MAKE_BREAK);
		break;
	case CMD_ALL_MAKE:
		set_modes(k, MAKE);
		break;
	case CMD_ALL_BOTH:
		set_modes(k, TYPEMATIC | MAKE_BREAK);
		break;
	case CMD_RESEND:
		answer(k, k->last);
		return;
	case CMD_RESET:
		set_defaults(k);
		k->leds = 0;
		k->scanning = true;
		answer(k, ACK);
		answer(k, SELF_TEST_OK);
		return;
	default:
		answer(k, RESEND);
		return;
	}
	answer(k, ACK);
}

static void on_write(void *ctx, uint8_t v)
{
	struct keyboard *k = ctx;
	uint8_t command = k->command;
	/* What was still to be said to the command before is not said any more. */
	k->answered = k->answers = 0;
	k->command = 0;
	if (!parameter(k, command, v))
		do_command(k, v);
}

/* --- life --- */

struct ps2_device keyboard_line(struct keyboard *k)
{
	return (struct ps2_device){k, on_write, pending, take};
}

void keyboard_connect(struct keyboard *k, struct ps2_host host)
{
	k->host = host;
}

/* It has no reset line. */
static void keyboard_reset(void *d, enum reset_kind kind)
{
	struct keyboard *k = d;
	if (kind != RESET_POWER)
		return;
	set_defaults(k);
	k->answered = k->answers = 0;
	k->last = k->command = k->leds = 0;
	k->scanning = true;
	k->sysrq = false;
	memset(k->answer, 0, sizeof k->answer);
	memset(k->buffer, 0, sizeof k->buffer);
	memset(k->down, 0, sizeof k->down);
}

static void keyboard_state(void *d, struct archive *a)
{
	struct keyboard *k = d;
	ARCHIVE(a, k, answer);
	ARCHIVE(a, k, answered);
	ARCHIVE(a, k, answers);
	archive_require(a, "answers", k->answers <= sizeof k->answer && k->answered <= k->answers);
	ARCHIVE(a, k, buffer);
	ARCHIVE(a, k, head);
	archive_require(a, "head", k->head < sizeof k->buffer);
	ARCHIVE(a, k, count);
	archive_require(a, "count", k->count <= sizeof k->buffer);
	ARCHIVE(a, k, overrun);
	ARCHIVE(a, k, last);
	ARCHIVE(a, k, command);
	ARCHIVE(a, k, set);
	archive_require(a, "set", k->set >= 1 && k->set <= 3);
	ARCHIVE(a, k, scanning);
	ARCHIVE(a, k, leds);
	ARCHIVE(a, k, rate);
	ARCHIVE(a, k, mode);
	ARCHIVE(a, k, down);
	ARCHIVE(a, k, repeating);
	archive_require(a, "repeating", k->repeating < KEYS);
	ARCHIVE(a, k, sysrq);
	timer_state(k->repeat, a, "repeat");
}

static void keyboard_destroy(void *d)
{
	struct keyboard *k = d;
	timer_free(k->repeat);
	free(k);
}

const struct device_type keyboard_type = {"keyboard", keyboard_reset, keyboard_state,
                                          keyboard_destroy};

struct keyboard *keyboard_create(struct clock *clock)
{
	struct keyboard *k = calloc(1, sizeof *k);
	CHECK(k);
	k->clock = clock;
	k->repeat = timer_create_on(clock, k, on_repeat);
	keyboard_reset(k, RESET_POWER);
	return k;
}
