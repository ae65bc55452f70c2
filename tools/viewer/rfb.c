#include "rfb.h"

#include "base/log.h"
#include "host/clock.h"
#include "keysyms.h"

#include <poll.h>
#include <rfb/rfb.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* libvncserver has its own word for a screen: this is one's server. */
struct server {
	rfbScreenInfoPtr rfb;
	struct screen *screen;
	struct keysyms *keys;
	const char *passwords[2];
	int buttons; /* as the client has them */
	int last_x, last_y;
	bool gone;
};

/* Until then a caller has said who he is, or he makes room for others. */
enum { SHAKE_HANDS_MS = 15000 };

#define MS 1000000ull

enum { DEPTH = 8, SAMPLES = 3, BYTES = 4, WHEEL_UP = 3, WHEEL_DOWN = 4 };

static void say_nothing(const char *format, ...)
{
}

/* --- to the client --- */

static void on_resized(void *ctx, uint32_t *pixels, unsigned width, unsigned height)
{
	struct server *v = ctx;
	rfbNewFramebuffer(v->rfb, (char *)pixels, (int)width, (int)height, DEPTH, SAMPLES, BYTES);
}

static void on_changed(void *ctx, unsigned x, unsigned y, unsigned width, unsigned height)
{
	struct server *v = ctx;
	rfbMarkRectAsModified(v->rfb, (int)x, (int)y, (int)(x + width), (int)(y + height));
}

/* --- from the client --- */

static void on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr client)
{
	struct server *v = client->screen->screenData;
	keysyms_put(v->keys, keysym, down);
}

static int place(int at, int size)
{
	return size > 1 ? at * POINTER_MOST / (size - 1) : 0;
}

static void on_pointer(int mask, int x, int y, rfbClientPtr client)
{
	static const int buttons[] = {MOUSE_LEFT, MOUSE_MIDDLE, MOUSE_RIGHT};
	struct server *v = client->screen->screenData;
	struct pointer_step steps[2] = {{POINTER_X, place(x, client->screen->width)},
	                                {POINTER_Y, place(y, client->screen->height)}};
	int changed = mask ^ v->buttons, pressed = mask & ~v->buttons;
	v->buttons = mask;
	if (x != v->last_x || y != v->last_y)
		screen_pointer(v->screen, steps, 2);
	v->last_x = x;
	v->last_y = y;
	for (unsigned i = 0; i < sizeof buttons / sizeof *buttons; i++)
		if (changed >> i & 1) {
			steps[0] = (struct pointer_step){mask >> i & 1 ? POINTER_DOWN : POINTER_UP,
			                                 buttons[i]};
			screen_pointer(v->screen, steps, 1);
		}
	int wheel = (pressed >> WHEEL_DOWN & 1) - (pressed >> WHEEL_UP & 1);
	if (wheel) {
		steps[0] = (struct pointer_step){POINTER_WHEEL, wheel};
		screen_pointer(v->screen, steps, 1);
	}
}

static void on_gone(rfbClientPtr client)
{
	struct server *v = client->screen->screenData;
	v->gone = true;
}

static enum rfbNewClientAction on_client(rfbClientPtr client)
{
	client->clientGoneHook = on_gone;
	return RFB_CLIENT_ACCEPT;
}

/* --- life --- */

void rfb_prepare(void)
{
	uint8_t challenge[CHALLENGESIZE];
	char password[] = "x";
	rfbLog = rfbErr = say_nothing;
	rfbRandomBytes(challenge);
	rfbEncryptBytes(challenge, password);
}

/* libvncserver draws its challenges by random(), and has sown it before this process was forked. */
static void draw_seed(void)
{
	unsigned seed;
	CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed);
	srandom(seed);
}

static void create(struct server *v, const struct screen_start *s, int channel)
{
	struct screen_front front = {v, on_resized, on_changed};
	static uint32_t dot;
	v->rfb = rfbGetScreen(NULL, NULL, 1, 1, DEPTH, SAMPLES, BYTES);
	CHECK(v->rfb);
	v->rfb->frameBuffer = (char *)&dot;
	v->rfb->screenData = v;
	v->rfb->desktopName = "unring";
	v->rfb->port = v->rfb->ipv6port = 0;
	v->rfb->autoPort = FALSE;
	v->rfb->deferUpdateTime = 0;
	v->rfb->kbdAddEvent = on_key;
	v->rfb->ptrAddEvent = on_pointer;
	v->rfb->newClientHook = on_client;
	/* The guest draws its own. */
	rfbSetCursor(v->rfb, rfbMakeXCursor(1, 1, " ", " "));
	if (*s->hello.password) {
		v->passwords[0] = s->hello.password;
		v->rfb->authPasswdData = (void *)v->passwords;
		v->rfb->passwordCheck = rfbCheckPasswordByList;
	}
	rfbInitServer(v->rfb);
	draw_seed();
	v->screen = screen_create(s, channel, front);
	v->keys = keysyms_create(v->screen, s->hello.keymap);
}

void rfb_serve(const struct screen_start *s, int channel, int client)
{
	struct server v = {0};
	create(&v, s, channel);
	screen_serve(v.screen);
	rfbClientPtr caller = rfbNewClient(v.rfb, client);
	if (!caller)
		return;
	uint64_t end = host_monotonic_ns() + SHAKE_HANDS_MS * MS;
	while (!v.gone) {
		struct pollfd p[] = {{client, POLLIN, 0}, {channel, POLLIN, 0}};
		int wait = screen_wait_ms(v.screen);
		if (caller->state != RFB_NORMAL) {
			uint64_t now = host_monotonic_ns();
			if (now >= end)
				return;
			int left = (int)((end - now) / MS) + 1;
			wait = wait < 0 || wait > left ? left : wait;
		}
		if (poll(p, 2, wait) < 0)
			return;
		if (!screen_serve(v.screen))
			return;
		while (rfbProcessEvents(v.rfb, 0) && !v.gone)
			;
	}
}
