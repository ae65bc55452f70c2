/* unring-sdl: shows a machine's screen in a window (--display sdl). */
#include "host/fence.h"
#include "screen.h"

#include <SDL.h>
#include <stdio.h>
#include <stdlib.h>

/* While the guest rests, its first look at the channel may be so late. */
enum { ASLEEP_MS = 100 };

struct window {
	struct screen *screen;
	SDL_Window *window;
	SDL_Renderer *renderer;
	SDL_Texture *texture;
	const uint32_t *pixels;
	unsigned width, height;
	bool drawn;   /* nothing is to be shown that is not */
	bool grabbed; /* the pointer is the guest's, and moves without a place */
	bool down[KEYS];
};

/* --- the picture --- */

static void on_changed(void *ctx, unsigned x, unsigned y, unsigned width, unsigned height)
{
	struct window *w = ctx;
	SDL_Rect r = {(int)x, (int)y, (int)width, (int)height};
	SDL_UpdateTexture(w->texture, &r, w->pixels + (size_t)y * w->width + x, (int)w->width * 4);
	w->drawn = false;
}

static void on_resized(void *ctx, uint32_t *pixels, unsigned width, unsigned height)
{
	struct window *w = ctx;
	w->pixels = pixels;
	w->width = width;
	w->height = height;
	SDL_SetWindowSize(w->window, (int)width, (int)height);
	SDL_RenderSetLogicalSize(w->renderer, (int)width, (int)height);
	if (w->texture)
		SDL_DestroyTexture(w->texture);
	w->texture = SDL_CreateTexture(w->renderer, SDL_PIXELFORMAT_XBGR8888,
	                               SDL_TEXTUREACCESS_STATIC, (int)width, (int)height);
	on_changed(w, 0, 0, width, height);
}

static void draw(struct window *w)
{
	if (w->drawn || !w->texture)
		return;
	SDL_RenderClear(w->renderer);
	SDL_RenderCopy(w->renderer, w->texture, NULL, NULL);
	SDL_RenderPresent(w->renderer);
	w->drawn = true;
}

/* --- the keyboard --- */

/* By their places, which are the same on all keyboards; the layout is the guest's. */
static const uint8_t keys[SDL_NUM_SCANCODES] = {
#define SAME(sdl, key) [SDL_SCANCODE_##sdl] = KEY_##key,
	/* clang-format off */
	SAME(A, a) SAME(B, b) SAME(C, c) SAME(D, d) SAME(E, e) SAME(F, f) SAME(G, g) SAME(H, h)
	SAME(I, i) SAME(J, j) SAME(K, k) SAME(L, l) SAME(M, m) SAME(N, n) SAME(O, o) SAME(P, p)
	SAME(Q, q) SAME(R, r) SAME(S, s) SAME(T, t) SAME(U, u) SAME(V, v) SAME(W, w) SAME(X, x)
	SAME(Y, y) SAME(Z, z)
	SAME(1, 1) SAME(2, 2) SAME(3, 3) SAME(4, 4) SAME(5, 5) SAME(6, 6) SAME(7, 7) SAME(8, 8)
	SAME(9, 9) SAME(0, 0) SAME(MINUS, minus) SAME(EQUALS, equal) SAME(BACKSPACE, backspace)
	SAME(GRAVE, grave_accent) SAME(TAB, tab) SAME(LEFTBRACKET, bracket_left)
	SAME(RIGHTBRACKET, bracket_right) SAME(BACKSLASH, backslash) SAME(NONUSHASH, backslash)
	SAME(CAPSLOCK, caps_lock) SAME(SEMICOLON, semicolon) SAME(APOSTROPHE, apostrophe)
	SAME(RETURN, ret) SAME(NONUSBACKSLASH, less) SAME(COMMA, comma) SAME(PERIOD, dot)
	SAME(SLASH, slash) SAME(SPACE, spc) SAME(ESCAPE, esc)
	SAME(LSHIFT, shift) SAME(RSHIFT, shift_r) SAME(LCTRL, ctrl) SAME(RCTRL, ctrl_r)
	SAME(LALT, alt) SAME(RALT, alt_r) SAME(LGUI, meta_l) SAME(RGUI, meta_r)
	SAME(APPLICATION, compose)
	SAME(F1, f1) SAME(F2, f2) SAME(F3, f3) SAME(F4, f4) SAME(F5, f5) SAME(F6, f6) SAME(F7, f7)
	SAME(F8, f8) SAME(F9, f9) SAME(F10, f10) SAME(F11, f11) SAME(F12, f12)
	SAME(PRINTSCREEN, print) SAME(SCROLLLOCK, scroll_lock) SAME(PAUSE, pause)
	SAME(INSERT, insert) SAME(HOME, home) SAME(PAGEUP, pgup) SAME(DELETE, delete) SAME(END, end)
	SAME(PAGEDOWN, pgdn) SAME(RIGHT, right) SAME(LEFT, left) SAME(DOWN, down) SAME(UP, up)
	SAME(NUMLOCKCLEAR, num_lock) SAME(KP_DIVIDE, kp_divide) SAME(KP_MULTIPLY, kp_multiply)
	SAME(KP_MINUS, kp_subtract) SAME(KP_PLUS, kp_add) SAME(KP_ENTER, kp_enter)
	SAME(KP_PERIOD, kp_decimal) SAME(KP_0, kp_0) SAME(KP_1, kp_1) SAME(KP_2, kp_2)
	SAME(KP_3, kp_3) SAME(KP_4, kp_4) SAME(KP_5, kp_5) SAME(KP_6, kp_6) SAME(KP_7, kp_7)
	SAME(KP_8, kp_8) SAME(KP_9, kp_9)
/* clang-format on */
#undef SAME
};

static void put(struct window *w, enum key key, bool down)
{
	if (!key || w->down[key] == down)
		return; /* the guest's keyboard repeats by itself */
	w->down[key] = down;
	screen_key(w->screen, key, down);
}

static void let_go(struct window *w)
{
	for (unsigned k = 0; k < KEYS; k++)
		put(w, k, false);
}

static void grab(struct window *w, bool on)
{
	static const char *const titles[] = {"unring - Ctrl+Alt+G grabs the mouse",
	                                     "unring - Ctrl+Alt+G lets the mouse go"};
	w->grabbed = on;
	SDL_SetRelativeMouseMode(on ? SDL_TRUE : SDL_FALSE);
	SDL_SetWindowTitle(w->window, titles[on]);
}

static void on_key(struct window *w, const SDL_KeyboardEvent *k)
{
	bool down = k->type == SDL_KEYDOWN,
	     held = k->keysym.mod & KMOD_CTRL && k->keysym.mod & KMOD_ALT;
	if (down && held && k->keysym.scancode == SDL_SCANCODE_G) {
		if (!k->repeat)
			grab(w, !w->grabbed);
		return;
	}
	put(w, keys[k->keysym.scancode], down);
}

/* --- the pointer --- */

static int place(int at, unsigned size)
{
	int last = (int)size - 1;
	at = at < 0 ? 0 : at > last ? last : at;
	return last ? at * POINTER_MOST / last : 0;
}

/* SDL tells places in the guest's pixels, whatever the window's size. */
static void on_motion(struct window *w, const SDL_MouseMotionEvent *m)
{
	struct pointer_step to[] = {{POINTER_X, place(m->x, w->width)},
	                            {POINTER_Y, place(m->y, w->height)}};
	struct pointer_step by[] = {{POINTER_DX, m->xrel}, {POINTER_DY, m->yrel}};
	screen_pointer(w->screen, w->grabbed ? by : to, 2);
}

static void on_button(struct window *w, const SDL_MouseButtonEvent *b)
{
	static const uint8_t buttons[] = {0,           MOUSE_LEFT, MOUSE_MIDDLE,
	                                  MOUSE_RIGHT, MOUSE_SIDE, MOUSE_EXTRA};
	if (b->button >= sizeof buttons || !buttons[b->button])
		return;
	struct pointer_step s = {b->type == SDL_MOUSEBUTTONDOWN ? POINTER_DOWN : POINTER_UP,
	                         buttons[b->button]};
	screen_pointer(w->screen, &s, 1);
}

static void on_wheel(struct window *w, const SDL_MouseWheelEvent *e)
{
	struct pointer_step s = {POINTER_WHEEL, -e->y};
	if (e->y)
		screen_pointer(w->screen, &s, 1);
}

/* --- life --- */

static void on_event(struct window *w, const SDL_Event *e)
{
	switch (e->type) {
	case SDL_QUIT:
		screen_quit(w->screen);
		break;
	case SDL_KEYDOWN:
	case SDL_KEYUP:
		on_key(w, &e->key);
		break;
	case SDL_MOUSEMOTION:
		on_motion(w, &e->motion);
		break;
	case SDL_MOUSEBUTTONDOWN:
	case SDL_MOUSEBUTTONUP:
		on_button(w, &e->button);
		break;
	case SDL_MOUSEWHEEL:
		on_wheel(w, &e->wheel);
		break;
	case SDL_WINDOWEVENT:
		w->drawn = false;
		if (e->window.event ==
		    SDL_WINDOWEVENT_FOCUS_LOST) { /* it does not see them go up */
			let_go(w);
			grab(w, false);
		}
		break;
	case SDL_RENDER_TARGETS_RESET:
		w->drawn = false;
		break;
	}
}

/* On a screen that somebody sees: SDL has drivers that draw for nobody.  Drawn by the processor: a driver of
 * a display adapter would not live behind the fence. */
static bool open_window(struct window *w)
{
	SDL_SetHint(SDL_HINT_VIDEODRIVER, getenv("WAYLAND_DISPLAY") ? "x11,wayland" : "x11");
	SDL_SetHint(SDL_HINT_RENDER_DRIVER, "software");
	SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
	SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
	SDL_SetHint(SDL_HINT_GRAB_KEYBOARD, "1");
	SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
	SDL_SetHint(SDL_HINT_MOUSE_FOCUS_CLICKTHROUGH, "1");
	if (SDL_Init(SDL_INIT_VIDEO))
		return false;
	SDL_StopTextInput(); /* keys, not characters */
	w->window = SDL_CreateWindow("unring", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
	                             720, 400, SDL_WINDOW_RESIZABLE);
	w->renderer = w->window ? SDL_CreateRenderer(w->window, -1, SDL_RENDERER_SOFTWARE) : NULL;
	return w->renderer;
}

int main(void)
{
	struct screen_start s;
	struct window w = {0};
	char problem[VIEWER_PROBLEM];
	if (!screen_begin(&s))
		return 1;
	fence_choose(s.hello.fence);
	if (!open_window(&w)) {
		snprintf(problem, sizeof problem, "cannot open a window: %s", SDL_GetError());
		screen_ready(&s, problem);
		return 1;
	}
	grab(&w, false);
	fence_enter(FENCE_WINDOW);
	w.screen = screen_create(&s, s.channel, (struct screen_front){&w, on_resized, on_changed});
	screen_ready(&s, NULL);
	while (screen_serve(w.screen)) {
		SDL_Event e;
		int wait = screen_wait_ms(w.screen);
		draw(&w);
		if (SDL_WaitEventTimeout(&e, wait < 0 || wait > ASLEEP_MS ? ASLEEP_MS : wait))
			do
				on_event(&w, &e);
			while (SDL_PollEvent(&e));
	}
	return 0;
}
