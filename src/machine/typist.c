#include "machine/typist.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	MOST = 1 << 20, /* steps that wait */
	STEP_MS = 2,
	PATIENCE_MS = 1000,
};

#define MS 1000000ull

struct typist {
	struct clock *clock;
	struct keyboard *keyboard;
	void *ctx;
	bool (*has_room)(void *ctx);
	struct timer *timer;
	struct typist_step *steps; /* a ring */
	unsigned head, count, room;
	uint64_t full_since; /* when there was found no room; 0: there is some */
};

static void set_timer(struct typist *t, unsigned ms)
{
	timer_set(t->timer, clock_now(t->clock) + ms * MS);
}

/* Does the guest take another key now? */
static bool taken(struct typist *t, const struct typist_step *s)
{
	if (!keyboard_takes(t->keyboard))
		return false;
	if (!s->down || !t->has_room || t->has_room(t->ctx)) {
		t->full_since = 0;
		return true;
	}
	uint64_t now = clock_now(t->clock);
	if (!t->full_since)
		t->full_since = now;
	return now - t->full_since >= PATIENCE_MS * MS;
}

static void on_step(void *ctx, uint64_t now)
{
	struct typist *t = ctx;
	const struct typist_step *s = &t->steps[t->head];
	unsigned ms = s->key ? STEP_MS : s->ms;
	if (!s->key || taken(t, s)) {
		if (s->key)
			keyboard_key(t->keyboard, s->key, s->down);
		t->head = (t->head + 1) % t->room;
		t->count--;
	}
	if (t->count)
		set_timer(t, ms);
}

static bool has_place(const struct typist *t, unsigned steps, struct problem *p)
{
	return t->count + steps <= MOST || problem_set(p, "too many keys wait to be typed");
}

static void add(struct typist *t, struct typist_step s)
{
	if (t->count == t->room) {
		unsigned room = t->room ? 2 * t->room : 64;
		struct typist_step *steps = malloc(room * sizeof *steps);
		CHECK(steps);
		for (unsigned i = 0; i < t->count; i++)
			steps[i] = t->steps[(t->head + i) % t->room];
		free(t->steps);
		t->steps = steps;
		t->room = room;
		t->head = 0;
	}
	t->steps[(t->head + t->count++) % t->room] = s;
	if (!timer_is_set(t->timer))
		set_timer(t, 0);
}

static void add_key(struct typist *t, enum key key, bool down)
{
	add(t, (struct typist_step){.key = key, .down = down});
}

static const struct {
	unsigned bit;
	enum key key;
} modifiers[] = {{STROKE_CTRL, KEY_ctrl}, {STROKE_SHIFT, KEY_shift}, {STROKE_ALTGR, KEY_alt_r}};

enum { MODIFIERS = sizeof modifiers / sizeof *modifiers };

static void add_stroke(struct typist *t, struct stroke s)
{
	for (unsigned i = 0; i < MODIFIERS; i++)
		if (s.with & modifiers[i].bit)
			add_key(t, modifiers[i].key, true);
	add_key(t, s.key, true);
	add_key(t, s.key, false);
	for (unsigned i = MODIFIERS; i--;)
		if (s.with & modifiers[i].bit)
			add_key(t, modifiers[i].key, false);
}

/* How many steps a character takes at most: two strokes with a modifier each. */
enum { STEPS = 8 };

bool typist_text(struct typist *t, const struct keymap *m, const char *text, size_t bytes,
                 struct problem *p)
{
	struct stroke s[2];
	const char *end = text + bytes;
	unsigned n = 0;
	for (const char *at = text; at < end; n++) {
		const char *from = at;
		uint32_t c = utf8_next(&at, end);
		if (c == UINT32_MAX)
			return problem_set(p, "byte %zu of the text is not UTF-8",
			                   (size_t)(from - text));
		if (!keymap_strokes(m, c, s))
			return problem_set(p, "no key types '%.*s' (U+%04X)", (int)(at - from),
			                   c < ' ' ? "" : from, c);
		if (n * STEPS > MOST)
			break;
	}
	if (!has_place(t, n * STEPS, p))
		return false;
	while (text < end) {
		unsigned strokes = keymap_strokes(m, utf8_next(&text, end), s);
		for (unsigned i = 0; i < strokes; i++)
			add_stroke(t, s[i]);
	}
	return true;
}

bool typist_steps(struct typist *t, const struct typist_step *s, unsigned n, struct problem *p)
{
	bool ok = has_place(t, n, p);
	for (unsigned i = 0; ok && i < n; i++)
		add(t, s[i]);
	return ok;
}

bool typist_busy(const struct typist *t)
{
	return t->count;
}

void typist_drop(struct typist *t)
{
	bool down[KEYS] = {false};
	for (; t->count; t->count--) {
		const struct typist_step *s = &t->steps[t->head];
		if (!s->down)
			keyboard_key(t->keyboard, s->key, false);
		down[s->key] = s->down;
		t->head = (t->head + 1) % t->room;
	}
	for (unsigned key = KEY_NONE + 1; key < KEYS; key++)
		if (down[key])
			keyboard_key(t->keyboard, key, true);
	timer_cancel(t->timer);
	t->full_since = 0;
}

struct typist *typist_create(struct clock *clock, struct keyboard *k, void *ctx,
                             bool (*has_room)(void *ctx))
{
	struct typist *t = calloc(1, sizeof *t);
	CHECK(t);
	t->clock = clock;
	t->keyboard = k;
	t->ctx = ctx;
	t->has_room = has_room;
	t->timer = timer_create_on(clock, t, on_step);
	return t;
}

void typist_destroy(struct typist *t)
{
	if (!t)
		return;
	timer_free(t->timer);
	free(t->steps);
	free(t);
}
