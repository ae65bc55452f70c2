/* What is on the screen, as bytes for others: text in UTF-8, pictures as PPM and PNG. */
#ifndef UNRING_MACHINE_SCREEN_H
#define UNRING_MACHINE_SCREEN_H

#include "devices/vga.h"

/* From malloc; 0 bytes behind them end a text. */
struct screen_bytes {
	uint8_t *at;
	size_t n;
};

/* What character ch of code page 437, IBM's own set, shows; 00h and FFh as a blank. */
uint16_t screen_unicode(uint8_t ch);
/* UTF-8 of it: up to 3 bytes and a 0 behind them. Their number. */
unsigned screen_utf8(uint8_t ch, char out[4]);

/* A line for each row; blanks at their ends, and empty rows at the end of the screen, are left
 * out. */
struct screen_bytes screen_text(const struct vga_text *t);

struct screen_bytes screen_ppm(const struct vga_image *image);
/* n is 0 where libpng cannot. */
struct screen_bytes screen_png(const struct vga_image *image);

#endif
