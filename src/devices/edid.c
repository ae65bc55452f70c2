#include "devices/edid.h"

#include <string.h>

enum {
	MAKER = 8,
	PRODUCT = 10,
	WEEK = 16, /* and year, from 1990 on */
	VERSION = 18,
	INPUT = 20,
	SIZE_CM = 21,
	GAMMA = 23,
	FEATURES = 24,
	COLOURS = 25,
	ESTABLISHED = 35,
	STANDARD = 38,
	DESCRIPTORS = 54,
	DESCRIPTOR_BYTES = 18,
	SUM = 127,

	DESCRIPTOR_NAME = 0xfc,
	DESCRIPTOR_NONE = 0x10,
	DOTS_PER_INCH = 96,
};

/* VESA Coordinated Video Timings 1.1, section 3.4.2, "reduced blanking": dots and lines that are
 * not shown, and of them the sync pulse and what is before it; the lines of the pulse tell the
 * picture's shape. */
enum {
	RB_BLANK = 160,
	RB_FRONT = 48,
	RB_SYNC = 32,
	RB_LINES_FRONT = 3,
	RB_LINES_BACK = 6,
	RB_BLANK_US = 460,
	RB_CLOCK_STEP = 250000,
	HZ = 60,
};

struct timing {
	unsigned blank_lines, sync_lines;
	uint32_t clock; /* units of 10 kHz */
};

static unsigned sync_lines(unsigned width, unsigned height)
{
	static const struct {
		uint8_t x, y, lines;
	} shapes[] = {{4, 3, 4}, {16, 9, 5}, {16, 10, 6}, {5, 4, 7}, {15, 9, 7}};
	for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (width * shapes[i].y == height * shapes[i].x)
			return shapes[i].lines;
	return 10;
}

static struct timing timing_of(unsigned width, unsigned height)
{
	unsigned sync = sync_lines(width, height), least = RB_LINES_FRONT + sync + RB_LINES_BACK;
	/* As many lines as last RB_BLANK_US, where all others fill the rest of a frame. */
	unsigned shown_us = 1000000 / HZ - RB_BLANK_US;
	unsigned lines = RB_BLANK_US * height / shown_us + 1;
	struct timing t = {.blank_lines = lines > least ? lines : least, .sync_lines = sync};
	uint64_t hz = (uint64_t)HZ * (height + t.blank_lines) * (width + RB_BLANK);
	t.clock = (uint32_t)(hz / RB_CLOCK_STEP * RB_CLOCK_STEP / 10000);
	return t;
}

static unsigned millimetres(unsigned dots)
{
	return dots * 254 / (10 * DOTS_PER_INCH);
}

/* Section 3.10.2, "Detailed Timing Descriptor". */
static void detailed(uint8_t *d, unsigned width, unsigned height)
{
	struct timing t = timing_of(width, height);
	unsigned w = millimetres(width), h = millimetres(height);

	d[0] = t.clock;
	d[1] = t.clock >> 8;
	d[2] = width;
	d[3] = RB_BLANK;
	d[4] = width >> 8 << 4 | RB_BLANK >> 8;
	d[5] = height;
	d[6] = t.blank_lines;
	d[7] = height >> 8 << 4 | t.blank_lines >> 8;
	d[8] = RB_FRONT;
	d[9] = RB_SYNC;
	d[10] = (RB_LINES_FRONT & 15) << 4 | (t.sync_lines & 15);
	d[11] = 0;
	d[12] = w;
	d[13] = h;
	d[14] = (w >> 8 & 15) << 4 | (h >> 8 & 15);
	d[17] = 0x1a; /* separate pulses, the horizontal one positive */
}

void edid_make(uint8_t out[EDID_BYTES], unsigned width, unsigned height)
{
	static const uint8_t head[] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
	static const uint8_t srgb[] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};
	static const char name[] = "unring\n      ";
	unsigned w = millimetres(width) / 10, h = millimetres(height) / 10;
	uint8_t sum = 0, *d = out + DESCRIPTORS;

	memset(out, 0, EDID_BYTES);
	memcpy(out, head, sizeof head);
	out[MAKER] = ('U' - '@') << 2 | ('N' - '@') >> 3;
	out[MAKER + 1] = (uint8_t)(('N' - '@') << 5 | ('R' - '@'));
	out[PRODUCT] = 1;
	out[WEEK] = 1;
	out[WEEK + 1] = 2026 - 1990;
	out[VERSION] = 1;
	out[VERSION + 1] = 4;
	out[INPUT] = 0xa0; /* digital, eight bits of each colour */
	out[SIZE_CM] = w < 255 ? w : 255;
	out[SIZE_CM + 1] = h < 255 ? h : 255;
	out[GAMMA] = 120;     /* 2.2 */
	out[FEATURES] = 0x06; /* sRGB; the first timing is the native one */
	memcpy(out + COLOURS, srgb, sizeof srgb);
	out[ESTABLISHED] = 0x21;                           /* 640x480, 800x600 */
	out[ESTABLISHED + 1] = 0x08;                       /* 1024x768, each at 60 Hz */
	memset(out + STANDARD, 1, DESCRIPTORS - STANDARD); /* none */
	detailed(d, width, height);
	d += DESCRIPTOR_BYTES;
	d[3] = DESCRIPTOR_NAME;
	memcpy(d + 5, name, DESCRIPTOR_BYTES - 5);
	for (d += DESCRIPTOR_BYTES; d < out + DESCRIPTORS + 4 * DESCRIPTOR_BYTES;
	     d += DESCRIPTOR_BYTES)
		d[3] = DESCRIPTOR_NONE;
	for (unsigned i = 0; i < SUM; i++)
		sum += out[i];
	out[SUM] = -sum;
}
