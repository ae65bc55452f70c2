#include "machine/firmware.h"

#include <string.h>

enum {
	MISC = 0x3c2,
	MISC_MODE_3 = 0x67, /* 28.322 MHz, colour, memory, 400 lines */
	SEQUENCER = 0x3c4,
	GRAPHICS = 0x3ce,
	CRTC = 0x3d4,
	STATUS = 0x3da,
	ATTRIBUTE = 0x3c0,
	ATTRIBUTE_SCREEN = 0x20,
	DAC_WRITE = 0x3c8,
	DAC_DATA = 0x3c9,
	VBE_INDEX = 0x1ce,
	VBE_DATA = 0x1cf,

	MAP_MASK = 2, /* of the sequencer */
	MEMORY_MODE = 4,
	MODE = 5, /* of the graphics controller */
	MISCELLANEOUS = 6,

	PLANES = 0xa0000,
	CHARACTERS = 256,
	ROWS = 16,
	FONT_ROWS = 32, /* that plane 2 has for a character */

	TEXT = 0xb8000,
	TEXT_BYTES = 0x8000,
};

/* Mode 3.  IBM PS/2 Hardware Interface Technical Reference, Video Subsystem, "BIOS modes". */
static const uint8_t sequencer[] = {0x03, 0x00, 0x03, 0x00, 0x02};
static const uint8_t crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00,
                               0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e,
                               0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
static const uint8_t graphics[] = {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x0f, 0xff};
static const uint8_t attribute[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14,
                                    0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d,
                                    0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00};

static void indexed(struct board *b, uint16_t port, const uint8_t *values, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		board_out(b, port, 2, values[i] << 8 | i);
}

/* Six bits for each colour: its own, two thirds; and the bright one's, a third. */
static void colours(struct board *b)
{
	board_out(b, DAC_WRITE, 1, 0);
	for (unsigned i = 0; i < 64; i++)
		for (int bit = 2; bit >= 0; bit--)
			board_out(b, DAC_DATA, 1,
			          (i >> bit & 1) * 0x2a + (i >> (bit + 3) & 1) * 0x15);
}

void firmware_display(struct board *b)
{
	board_out(b, MISC, 1, MISC_MODE_3);
	indexed(b, SEQUENCER, sequencer, sizeof sequencer);
	board_out(b, CRTC, 2, 0x11); /* ends the protection of what comes before it */
	indexed(b, CRTC, crtc, sizeof crtc);
	indexed(b, GRAPHICS, graphics, sizeof graphics);
	colours(b);
	for (uint32_t at = 0; at < TEXT_BYTES; at += 4)
		bus_write(board_bus(b), SPACE_MEMORY, TEXT + at, 4, 0x07200720);
	board_in(b, STATUS, 1); /* an index comes next */
	for (unsigned i = 0; i < sizeof attribute; i++) {
		board_out(b, ATTRIBUTE, 1, i);
		board_out(b, ATTRIBUTE, 1, attribute[i]);
	}
	board_out(b, ATTRIBUTE, 1, ATTRIBUTE_SCREEN);
}

/* Bochs VBE Display API: the size and depth, then that it is on, with a linear frame buffer. */
void firmware_graphics(struct board *b, unsigned width, unsigned height)
{
	const uint16_t values[] = {[1] = width, [2] = height, [3] = 32, [4] = 0x41};
	for (unsigned i = 1; i < sizeof values / sizeof *values; i++) {
		board_out(b, VBE_INDEX, 2, i);
		board_out(b, VBE_DATA, 2, values[i]);
	}
}

/* Every such font begins so: nothing, and a face. */
static const uint8_t *font_in(const uint8_t *bios, size_t bytes)
{
	static const uint8_t begins[2 * ROWS] = {
		[ROWS + 2] = 0x7e, 0x81, 0xa5, 0x81, 0x81, 0xbd, 0x99, 0x81, 0x81, 0x7e};
	for (size_t at = 0; at + CHARACTERS * ROWS <= bytes; at++)
		if (!memcmp(bios + at, begins, sizeof begins))
			return bios + at;
	return NULL;
}

/* Plane 2 alone, bytes one after another, at A0000h; then as it was. */
void firmware_characters(struct board *b, const uint8_t *bios, size_t bytes)
{
	const uint8_t *font = font_in(bios, bytes);
	if (!font)
		return;
	board_out(b, SEQUENCER, 2, 0x04 << 8 | MAP_MASK);
	board_out(b, SEQUENCER, 2, 0x06 << 8 | MEMORY_MODE);
	board_out(b, GRAPHICS, 2, 0x00 << 8 | MODE);
	board_out(b, GRAPHICS, 2, 0x04 << 8 | MISCELLANEOUS);
	for (uint32_t i = 0; i < CHARACTERS * ROWS; i++)
		bus_write(board_bus(b), SPACE_MEMORY, PLANES + i / ROWS * FONT_ROWS + i % ROWS, 1,
		          font[i]);
	indexed(b, SEQUENCER, sequencer, sizeof sequencer);
	indexed(b, GRAPHICS, graphics, sizeof graphics);
}
