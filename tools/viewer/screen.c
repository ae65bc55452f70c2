#define _GNU_SOURCE
#include "screen.h"

#include "base/log.h"
#include "host/broker.h"
#include "host/channel.h"
#include "host/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BUSY_MS = 33, QUIET_MS = 250, QUIET_AFTER_MS = 1000, TILE = 64, ROUNDS = 8, ROOM_MS = 5000 };

#define MS 1000000ull

struct screen {
	const struct viewer_page *page;
	const uint32_t *memory;
	uint32_t memory_bytes;
	int channel;
	struct screen_front front;
	/* What was there at the last look. */
	struct vga_registers regs;
	uint8_t *source;
	struct vga_extent extent;
	struct vga_image image;
	uint32_t *pixels;
	unsigned width, height;
	uint32_t runs;
	bool rested, asleep;
	bool lost;                   /* what was said */
	uint64_t last_ns, lively_ns; /* of the last look; of what happened last */
};

/* --- the channel --- */

bool screen_begin(struct screen_start *s)
{
	int files[CHANNEL_FILES];
	*s = (struct screen_start){.channel = BROKER_CHANNEL, .listener = -1};
	if (channel_wait(s->channel, &s->hello, sizeof s->hello, files) != sizeof s->hello)
		return false;
	s->listener = files[VIEWER_LISTENER];
	s->page = mmap(NULL, sizeof *s->page, PROT_READ, MAP_SHARED, files[VIEWER_PAGE], 0);
	s->memory = mmap(NULL, s->hello.memory_bytes, PROT_READ, MAP_SHARED, files[VIEWER_MEMORY],
	                 (off_t)s->hello.memory_at);
	close(files[VIEWER_PAGE]);
	close(files[VIEWER_MEMORY]);
	return s->page != MAP_FAILED && s->memory != MAP_FAILED;
}

void screen_ready(const struct screen_start *s, const char *problem)
{
	struct viewer_ready r = {""};
	snprintf(r.problem, sizeof r.problem, "%s", problem ? problem : "");
	channel_send(s->channel, &r, sizeof r, NULL, 0);
}

/* Whoever takes this is slow at times.  Where he takes nothing at all, this end gives up, and what it
 * holds down is let go by him. */
static void say(struct screen *s, struct viewer_event e)
{
	struct pollfd room = {s->channel, POLLOUT, 0};
	int err;
	while ((err = channel_send(s->channel, &e, sizeof e, NULL, 0)) == -EAGAIN && !s->lost)
		s->lost = poll(&room, 1, ROOM_MS) == 0;
	s->lost |= err < 0;
}

static void liven(struct screen *s)
{
	s->lively_ns = host_monotonic_ns();
}

void screen_key(struct screen *s, enum key key, bool down)
{
	say(s, (struct viewer_event){.kind = VIEWER_KEY, .key = (uint16_t)key, .down = down});
	liven(s);
}

void screen_pointer(struct screen *s, const struct pointer_step *steps, unsigned n)
{
	struct viewer_event e = {.kind = VIEWER_POINTER, .count = n};
	CHECK(n <= VIEWER_STEPS);
	memcpy(e.steps, steps, n * sizeof *steps);
	say(s, e);
	liven(s);
}

void screen_quit(struct screen *s)
{
	say(s, (struct viewer_event){.kind = VIEWER_QUIT});
}

/* --- what has changed --- */

/* The registers as they were at one time, or a good approximation: what they say has to be the same
 * twice, as a mode is set by many. */
static void copy_registers(const struct screen *s, struct vga_registers *to)
{
	struct vga_registers again;
	for (unsigned i = 0; i < ROUNDS; i++) {
		memcpy(to, &s->page->regs, sizeof *to);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		memcpy(&again, &s->page->regs, sizeof again);
		if (!memcmp(to, &again, sizeof again))
			return;
	}
}

/* Takes a run of bytes into the copy; were they others? */
static bool copy_run(struct screen *s, uint32_t at, uint32_t bytes)
{
	const uint8_t *from = (const uint8_t *)s->memory + at;
	if (!memcmp(s->source + at, from, bytes))
		return false;
	memcpy(s->source + at, from, bytes);
	return true;
}

static bool copy_memory(struct screen *s, struct vga_extent e)
{
	uint32_t first = s->memory_bytes - e.at;
	if (e.bytes <= first)
		return copy_run(s, e.at, e.bytes);
	bool changed = copy_run(s, e.at, first);
	return copy_run(s, 0, e.bytes - first < e.at ? e.bytes - first : e.at) || changed;
}

static uint32_t pixel_at(const uint8_t *rgb)
{
	return rgb[0] | (uint32_t)rgb[1] << 8 | (uint32_t)rgb[2] << 16;
}

/* A tile's pixels; were any others? */
static bool copy_tile(struct screen *s, unsigned x, unsigned y, unsigned width, unsigned height)
{
	uint32_t other = 0;
	for (unsigned row = y; row < y + height; row++) {
		const uint8_t *from = s->image.rgb + 3 * ((size_t)row * s->width + x);
		uint32_t *to = s->pixels + (size_t)row * s->width + x;
		for (unsigned i = 0; i < width; i++, from += 3) {
			uint32_t pixel = pixel_at(from);
			other |= to[i] ^ pixel;
			to[i] = pixel;
		}
	}
	return other;
}

static unsigned at_most(unsigned n, unsigned most)
{
	return n < most ? n : most;
}

static void copy_pixels(struct screen *s, bool tell)
{
	for (unsigned y = 0; y < s->height; y += TILE)
		for (unsigned x = 0; x < s->width; x += TILE) {
			unsigned width = at_most(TILE, s->width - x);
			unsigned height = at_most(TILE, s->height - y);
			if (copy_tile(s, x, y, width, height) && tell)
				s->front.changed(s->front.ctx, x, y, width, height);
		}
}

/* The front end has the old pixels until it is told of the new. */
static void resize(struct screen *s)
{
	uint32_t *before = s->pixels;
	s->width = s->image.width;
	s->height = s->image.height;
	s->pixels = calloc((size_t)s->width * s->height, sizeof *s->pixels);
	CHECK(s->pixels);
	copy_pixels(s, false);
	s->front.resized(s->front.ctx, s->pixels, s->width, s->height);
	free(before);
}

/* Draws, if anything that the picture depends on is another. */
static void look(struct screen *s)
{
	struct vga_registers regs;
	copy_registers(s, &regs);
	struct vga_view view = {&regs, (const uint32_t *)(const void *)s->source,
	                        s->memory_bytes / sizeof *s->memory, 0};
	if (!vga_view_is_good(view))
		return; /* it is between two modes, or no VGA's */
	bool changed = copy_memory(s, vga_extent(view));
	if (!changed && s->pixels && !memcmp(&regs, &s->regs, sizeof regs))
		return;
	s->regs = regs;
	vga_render(view, &s->image);
	liven(s);
	if (!s->pixels || s->image.width != s->width || s->image.height != s->height)
		resize(s);
	else
		copy_pixels(s, true);
}

/* --- time --- */

static uint64_t next_look(const struct screen *s)
{
	bool lively = s->last_ns < s->lively_ns + QUIET_AFTER_MS * MS;
	return s->last_ns + (lively ? BUSY_MS : QUIET_MS) * MS;
}

int screen_wait_ms(struct screen *s)
{
	uint64_t now = host_monotonic_ns(), next = next_look(s);
	if (s->asleep)
		return -1;
	return next > now ? (int)((next - now + MS - 1) / MS) : 0;
}

bool screen_serve(struct screen *s)
{
	char byte;
	long n;
	while ((n = channel_receive(s->channel, &byte, 1)) > 0)
		s->asleep = false;
	if (n != -EAGAIN || s->lost)
		return false;
	uint64_t now = host_monotonic_ns();
	if (s->asleep || now < next_look(s))
		return true;
	uint32_t runs = __atomic_load_n(&s->page->runs, __ATOMIC_ACQUIRE);
	bool rests = __atomic_load_n(&s->page->rests, __ATOMIC_ACQUIRE);
	if (s->pixels && s->rested && rests && runs == s->runs) {
		/* Nothing has run since before the last look. */
		s->asleep = true;
		say(s, (struct viewer_event){.kind = VIEWER_ASLEEP, .count = runs});
		return !s->lost;
	}
	s->rested = rests;
	s->runs = runs;
	s->last_ns = now;
	look(s);
	return true;
}

struct screen *screen_create(const struct screen_start *start, int channel,
                             struct screen_front front)
{
	struct screen *s = calloc(1, sizeof *s);
	CHECK(s);
	*s = (struct screen){
		.page = start->page,
		.memory = start->memory,
		.memory_bytes = start->hello.memory_bytes,
		.channel = channel,
		.front = front,
		.source = calloc(1, start->hello.memory_bytes),
	};
	CHECK(s->source);
	liven(s);
	return s;
}
