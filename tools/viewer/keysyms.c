#include "keysyms.h"

#include "base/log.h"
#include "machine/keymap.h"

#include <rfb/keysym.h>
#include <stdlib.h>

struct keysyms {
	struct screen *screen;
	const struct keymap *keymap;
	bool down[KEYS]; /* by the client */
};

/* Those that are no characters.  Caps Lock stays the client's own, which shows in what is typed. */
static const struct {
	uint32_t keysym;
	enum key key;
} named[] = {
	{XK_BackSpace, KEY_backspace},
	{XK_Tab, KEY_tab},
	{0xfe20, KEY_tab}, /* ISO_Left_Tab: with Shift */
	{XK_Return, KEY_ret},
	{XK_Escape, KEY_esc},
	{XK_Delete, KEY_delete},
	{XK_Insert, KEY_insert},
	{XK_Home, KEY_home},
	{XK_End, KEY_end},
	{XK_Page_Up, KEY_pgup},
	{XK_Page_Down, KEY_pgdn},
	{XK_Left, KEY_left},
	{XK_Up, KEY_up},
	{XK_Right, KEY_right},
	{XK_Down, KEY_down},
	{XK_Shift_L, KEY_shift},
	{XK_Shift_R, KEY_shift_r},
	{XK_Control_L, KEY_ctrl},
	{XK_Control_R, KEY_ctrl_r},
	{XK_Alt_L, KEY_alt},
	{XK_Alt_R, KEY_alt_r},
	{XK_Meta_L, KEY_alt},
	{XK_Meta_R, KEY_alt_r},
	{0xfe03, KEY_alt_r}, /* ISO_Level3_Shift */
	{XK_Mode_switch, KEY_alt_r},
	{XK_Super_L, KEY_meta_l},
	{XK_Super_R, KEY_meta_r},
	{XK_Menu, KEY_compose},
	{XK_Num_Lock, KEY_num_lock},
	{XK_Scroll_Lock, KEY_scroll_lock},
	{XK_Pause, KEY_pause},
	{XK_Break, KEY_pause},
	{XK_Print, KEY_print},
	{XK_Sys_Req, KEY_print},
	{XK_KP_Enter, KEY_kp_enter},
	{XK_KP_Multiply, KEY_kp_multiply},
	{XK_KP_Add, KEY_kp_add},
	{XK_KP_Subtract, KEY_kp_subtract},
	{XK_KP_Divide, KEY_kp_divide},
	{XK_KP_Decimal, KEY_kp_decimal},
	{XK_KP_Separator, KEY_kp_decimal},
	{XK_KP_Delete, KEY_kp_decimal},
	{XK_KP_Insert, KEY_kp_0},
	{XK_KP_End, KEY_kp_1},
	{XK_KP_Down, KEY_kp_2},
	{XK_KP_Page_Down, KEY_kp_3},
	{XK_KP_Left, KEY_kp_4},
	{XK_KP_Begin, KEY_kp_5},
	{XK_KP_Right, KEY_kp_6},
	{XK_KP_Home, KEY_kp_7},
	{XK_KP_Up, KEY_kp_8},
	{XK_KP_Page_Up, KEY_kp_9},
};

static enum key key_of(uint32_t keysym)
{
	if (keysym >= XK_F1 && keysym <= XK_F10)
		return KEY_f1 + (keysym - XK_F1);
	if (keysym >= XK_F11 && keysym <= XK_F12)
		return KEY_f11 + (keysym - XK_F11);
	if (keysym >= XK_KP_0 && keysym <= XK_KP_9)
		return KEY_kp_0 + (keysym - XK_KP_0);
	for (unsigned i = 0; i < sizeof named / sizeof *named; i++)
		if (named[i].keysym == keysym)
			return named[i].key;
	return KEY_NONE;
}

/* Latin 1 is itself; others are above 1000000h.  X Window System Protocol, appendix A. */
static uint32_t character_of(uint32_t keysym)
{
	if (keysym >= 0x1000100 && keysym <= 0x110ffff)
		return keysym - 0x1000000;
	return (keysym >= 0x20 && keysym < 0x7f) || (keysym >= 0xa0 && keysym <= 0xff) ? keysym : 0;
}

static void put(struct keysyms *k, enum key key, bool down)
{
	screen_key(k->screen, key, down);
}

/* Shift and AltGr are made what the character needs, for as long as its key goes down. */
static void press(struct keysyms *k, struct stroke s)
{
	static const struct {
		enum key key;
		unsigned with;
	} states[] = {
		{KEY_shift, STROKE_SHIFT}, {KEY_shift_r, STROKE_SHIFT}, {KEY_alt_r, STROKE_ALTGR}};
	enum { STATES = sizeof states / sizeof *states };
	unsigned held = 0;
	bool changed[STATES] = {false};
	for (unsigned i = 0; i < STATES; i++)
		held |= k->down[states[i].key] ? states[i].with : 0;
	for (unsigned i = 0; i < STATES; i++) {
		bool wanted = s.with & states[i].with, now = k->down[states[i].key];
		/* One key is enough. */
		changed[i] = wanted ? !(held & states[i].with) : now;
		held |= states[i].with & (wanted ? ~0u : 0);
		if (changed[i])
			put(k, states[i].key, !now);
	}
	put(k, s.key, true);
	for (unsigned i = STATES; i--;)
		if (changed[i])
			put(k, states[i].key, k->down[states[i].key]);
}

static void type(struct keysyms *k, uint32_t character, bool down)
{
	struct stroke s[2];
	unsigned n = keymap_strokes(k->keymap, character, s);
	for (unsigned i = 0; i + 1 < n && down; i++) { /* a dead key */
		press(k, s[i]);
		put(k, s[i].key, false);
	}
	if (!n)
		return;
	k->down[s[n - 1].key] = down;
	if (!down)
		put(k, s[n - 1].key, false);
	else if (k->down[KEY_ctrl] || k->down[KEY_ctrl_r] || k->down[KEY_alt])
		put(k, s[n - 1].key, true); /* no character, but a key with these */
	else
		press(k, s[n - 1]);
}

void keysyms_put(struct keysyms *k, uint32_t keysym, bool down)
{
	enum key key = key_of(keysym);
	uint32_t character = key ? 0 : character_of(keysym);
	if (character)
		type(k, character, down);
	if (!key)
		return;
	k->down[key] = down;
	put(k, key, down);
}

struct keysyms *keysyms_create(struct screen *s, const char *keymap)
{
	struct keysyms *k = calloc(1, sizeof *k);
	CHECK(k);
	k->screen = s;
	k->keymap = keymap_find(keymap);
	CHECK(k->keymap);
	return k;
}
