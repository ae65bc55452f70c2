#include "machine/screen.h"

#include "base/log.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- text --- */

/* IBM's graphic forms of 00h to 1Fh and 7Fh; The Unicode Consortium, VENDORS/MICSFT/PC/CP437.TXT
 * and VENDORS/MISC/IBMGRAPH.TXT. */
static const uint16_t low[32] = {0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022,
                                 0x25d8, 0x25cb, 0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c,
                                 0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8,
                                 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc};
static const uint16_t high[129] = {
	0x2302, /* 7Fh */
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8,
	0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2,
	0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1,
	0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd,
	0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562,
	0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534,
	0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560,
	0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
	0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393,
	0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6,
	0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0,
	0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x0020};

uint16_t screen_unicode(uint8_t ch)
{
	return ch < 0x20 ? low[ch] : ch < 0x7f ? ch : high[ch - 0x7f];
}

unsigned screen_utf8(uint8_t ch, char out[4])
{
	uint16_t code = screen_unicode(ch);
	unsigned n = 0;

	if (code < 0x80) {
		out[n++] = (char)code;
	} else if (code < 0x800) {
		out[n++] = (char)(0xc0 | code >> 6);
		out[n++] = (char)(0x80 | (code & 0x3f));
	} else {
		out[n++] = (char)(0xe0 | code >> 12);
		out[n++] = (char)(0x80 | (code >> 6 & 0x3f));
		out[n++] = (char)(0x80 | (code & 0x3f));
	}
	out[n] = 0;
	return n;
}

static bool is_blank(uint8_t ch)
{
	return screen_unicode(ch) == ' ';
}

static unsigned row_length(const struct vga_text *t, unsigned row)
{
	unsigned n = t->cols;
	while (n && is_blank(t->cell[row][n - 1].ch))
		n--;
	return n;
}

struct screen_bytes screen_text(const struct vga_text *t)
{
	unsigned rows = t->rows;
	while (rows && !row_length(t, rows - 1))
		rows--;
	char *text = malloc((size_t)rows * (3 * t->cols + 1) + 1), *to = text;
	CHECK(text);
	for (unsigned row = 0; row < rows; row++) {
		unsigned n = row_length(t, row);
		char utf8[4];
		for (unsigned col = 0; col < n; col++) {
			unsigned bytes = screen_utf8(t->cell[row][col].ch, utf8);
			memcpy(to, utf8, bytes);
			to += bytes;
		}
		*to++ = '\n';
	}
	*to = 0;
	return (struct screen_bytes){(uint8_t *)text, to - text};
}

/* --- pictures --- */

struct screen_bytes screen_ppm(const struct vga_image *image)
{
	size_t pixels = (size_t)3 * image->width * image->height;
	uint8_t *at = malloc(64 + pixels);

	CHECK(at);
	int head = snprintf((char *)at, 64, "P6\n%u %u\n255\n", image->width, image->height);
	memcpy(at + head, image->rgb, pixels);
	return (struct screen_bytes){at, head + pixels};
}

struct screen_bytes screen_png(const struct vga_image *image)
{
	png_image png = {
		.version = PNG_IMAGE_VERSION,
		.width = image->width,
		.height = image->height,
		.format = PNG_FORMAT_RGB,
	};
	png_alloc_size_t n = PNG_IMAGE_PNG_SIZE_MAX(png);
	uint8_t *at = malloc(n);

	CHECK(at);
	if (!png_image_write_to_memory(&png, at, &n, 0, image->rgb, 0, NULL))
		n = 0;
	return (struct screen_bytes){at, n};
}
