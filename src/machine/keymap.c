#include "machine/keymap.h"

#include <string.h>

enum { ROWS = 4, COLUMNS = 13, LEVELS = 3 };

struct keymap {
	const char *name;
	uint32_t level[LEVELS][ROWS][COLUMNS + 1];
};

static const struct keymap keymaps[] = {
#define ROWS(e, d, c, b)                                                                           \
	{                                                                                          \
		e, d, c, b                                                                         \
	}
#define LAYOUT(name, plain, shift, altgr) {#name, {plain, shift, altgr}},
#include "machine/layouts.inc"
#undef LAYOUT
#undef ROWS
};

static const unsigned level_with[LEVELS] = {0, STROKE_SHIFT, STROKE_ALTGR};

static const uint8_t places[ROWS][COLUMNS] = {
	{KEY_grave_accent, KEY_1, KEY_2, KEY_3, KEY_4, KEY_5, KEY_6, KEY_7, KEY_8, KEY_9, KEY_0,
         KEY_minus, KEY_equal},
	{KEY_q, KEY_w, KEY_e, KEY_r, KEY_t, KEY_y, KEY_u, KEY_i, KEY_o, KEY_p, KEY_bracket_left,
         KEY_bracket_right},
	{KEY_a, KEY_s, KEY_d, KEY_f, KEY_g, KEY_h, KEY_j, KEY_k, KEY_l, KEY_semicolon,
         KEY_apostrophe, KEY_backslash},
	{KEY_less, KEY_z, KEY_x, KEY_c, KEY_v, KEY_b, KEY_n, KEY_m, KEY_comma, KEY_dot, KEY_slash},
};

/* --- names --- */

static const char *const names[KEYS] = {
#define KEY(name, set1, set2, set3, mode) [KEY_##name] = #name,
#include "devices/keys.inc"
#undef KEY
};

enum key key_named(const char *name)
{
	/* Other names of the same: the type has them for keys of other keyboards. */
	static const struct {
		const char *name;
		enum key key;
	} also[] = {{"asterisk", KEY_kp_multiply}, {"sysrq", KEY_print}, {"menu", KEY_compose}};
	for (unsigned i = KEY_NONE + 1; i < KEYS; i++)
		if (!strcmp(names[i], name))
			return i;
	for (unsigned i = 0; i < sizeof also / sizeof *also; i++)
		if (!strcmp(also[i].name, name))
			return also[i].key;
	return KEY_NONE;
}

const char *key_name(enum key key)
{
	return names[key];
}

/* --- characters --- */

const struct keymap *keymap_find(const char *name)
{
	for (unsigned i = 0; i < sizeof keymaps / sizeof *keymaps; i++)
		if (!strcmp(keymaps[i].name, name))
			return &keymaps[i];
	return NULL;
}

const char *keymap_name(unsigned i)
{
	return i < sizeof keymaps / sizeof *keymaps ? keymaps[i].name : NULL;
}

/* What a dead key, by its combining character, makes of a letter; the accent alone with a space. */
static const struct accent {
	uint32_t dead, alone;
	const uint32_t *letters, *accented;
} accents[] = {
	{0x300, U'`', U"aeiouAEIOU", U"àèìòùÀÈÌÒÙ"},
	{0x301, U'´', U"aeiouyAEIOUY", U"áéíóúýÁÉÍÓÚÝ"},
	{0x302, U'^', U"aeiouAEIOU", U"âêîôûÂÊÎÔÛ"},
	{0x308, U'¨', U"aeiouyAEIOU", U"äëïöüÿÄËÏÖÜ"},
};

static bool find(const struct keymap *m, uint32_t character, struct stroke *s)
{
	for (unsigned level = 0; level < LEVELS; level++)
		for (unsigned row = 0; row < ROWS; row++)
			for (unsigned column = 0; column < COLUMNS; column++)
				if (m->level[level][row][column] == character) {
					*s = (struct stroke){places[row][column],
					                     level_with[level]};
					return true;
				}
	return false;
}

static bool find_accented(const struct keymap *m, const struct accent *a, uint32_t character,
                          struct stroke strokes[2])
{
	if (!find(m, a->dead, &strokes[0]))
		return false;
	if (character == a->alone) {
		strokes[1] = (struct stroke){KEY_spc, 0};
		return true;
	}
	for (unsigned i = 0; a->accented[i]; i++)
		if (a->accented[i] == character)
			return find(m, a->letters[i], &strokes[1]);
	return false;
}

static bool find_control(const struct keymap *m, uint32_t character, struct stroke *s)
{
	static const struct {
		uint32_t character;
		enum key key;
	} keys[] = {
		{' ', KEY_spc},  {'\b', KEY_backspace}, {'\t', KEY_tab},       {'\n', KEY_ret},
		{'\r', KEY_ret}, {0x1b, KEY_esc},       {0x7f, KEY_backspace},
	};
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
		if (keys[i].character == character) {
			*s = (struct stroke){keys[i].key, 0};
			return true;
		}
	if (character == 0 || character > 26 || !find(m, character + 'a' - 1, s))
		return false;
	s->with = STROKE_CTRL;
	return true;
}

unsigned keymap_strokes(const struct keymap *m, uint32_t character, struct stroke strokes[2])
{
	if (character <= ' ' || character == 0x7f)
		return find_control(m, character, strokes);
	for (unsigned i = 0; i < sizeof accents / sizeof *accents; i++)
		if (character == accents[i].dead)
			return 0;
	if (find(m, character, strokes))
		return 1;
	for (unsigned i = 0; i < sizeof accents / sizeof *accents; i++)
		if (find_accented(m, &accents[i], character, strokes))
			return 2;
	return 0;
}

/* RFC 3629, section 4: the shortest form, no surrogates, up to 10FFFFh. */
uint32_t utf8_next(const char **text, const char *end)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const uint8_t *at = (const uint8_t *)*text;
	unsigned more = *at < 0x80 ? 0 : *at >> 5 == 6 ? 1 : *at >> 4 == 14 ? 2 : 3;
	if (*at > 0xf7 || *at >> 6 == 2 || end - *text <= (ptrdiff_t)more)
		return UINT32_MAX;
	uint32_t c = more ? *at & 0x3f >> more : *at;
	for (unsigned i = 1; i <= more; i++) {
		if (at[i] >> 6 != 2)
			return UINT32_MAX;
		c = c << 6 | (at[i] & 0x3f);
	}
	if (c < least[more] || c >> 11 == 0x1b || c > 0x10ffff)
		return UINT32_MAX;
	*text += more + 1;
	return c;
}
