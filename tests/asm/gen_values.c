/* Random values, those that instructions treat apart more often than others. */
#include <string.h>

#include "gen.h"

uint32_t any(struct gen *g)
{
	g->seed ^= g->seed << 13;
	g->seed ^= g->seed >> 7;
	g->seed ^= g->seed << 17;
	return g->seed * 0x2545f4914f6cdd1dull >> 32;
}

uint32_t below(struct gen *g, uint32_t n)
{
	return any(g) % n;
}

int one_in(struct gen *g, uint32_t n)
{
	return below(g, n) == 0;
}

uint32_t corner(struct gen *g)
{
	static const uint32_t corners[] = {
		0,          1,          2,          0x7f,       0x80,       0xff,
		0x100,      0x7fff,     0x8000,     0xffff,     0x10000,    0x7fffffff,
		0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0x55555555, 0xaaaaaaaa,
		31,         32,         33,         0x99,       0x0a};

	switch (below(g, 4)) {
	case 0:
		return any(g);
	case 1:
		return any(g) >> below(g, 32);
	default:
		return corners[below(g, sizeof(corners) / sizeof(*corners))];
	}
}

static uint32_t corner_float(struct gen *g)
{
	static const uint32_t corners[] = {0,          0x80000000, 0x3f800000, 0xbf800000,
	                                   0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001,
	                                   0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff,
	                                   0x4f000000, 0xcf000000, 0x3f000000, 0x40490fdb};

	switch (below(g, 3)) {
	case 0:
		return any(g);
	case 1:
		return corners[below(g, sizeof(corners) / sizeof(*corners))];
	default: /* of moderate size */
		return (any(g) & 0x807fffff) | (115 + below(g, 24)) << 23;
	}
}

static uint64_t corner_double(struct gen *g)
{
	static const uint64_t corners[] = {0,
	                                   1ull << 63,
	                                   0x3ff0000000000000,
	                                   0xbff0000000000000,
	                                   0x7ff0000000000000,
	                                   0xfff0000000000000,
	                                   0x7ff8000000000000,
	                                   0x7ff0000000000001,
	                                   1,
	                                   0x800fffffffffffff,
	                                   0x0010000000000000,
	                                   0x7fefffffffffffff,
	                                   0x41e0000000000000,
	                                   0xc1e0000000000001,
	                                   0x43e0000000000000,
	                                   0x4059000000000000};
	uint64_t wide = (uint64_t)any(g) << 32;

	wide |= any(g);
	switch (below(g, 3)) {
	case 0:
		return wide;
	case 1:
		return corners[below(g, sizeof(corners) / sizeof(*corners))];
	default:
		return (wide & 0x800fffffffffffff) | (uint64_t)(1008 + below(g, 48)) << 52;
	}
}

void fill(struct gen *g, uint8_t *p, unsigned size)
{
	unsigned i = 0;

	while (i + 16 <= size) {
		unsigned kind = below(g, 4);

		for (unsigned k = 0; k < 16; k += 8) {
			uint32_t pair[2] = {corner(g), corner(g)};
			uint32_t floats[2] = {corner_float(g), corner_float(g)};
			uint64_t wide = corner_double(g);

			memcpy(p + i + k,
			       kind == 0   ? (void *)pair
			       : kind == 1 ? (void *)floats
			                   : (void *)&wide,
			       8);
		}
		/* An 80-bit number or packed decimal at times. */
		if (kind == 3 && one_in(g, 2)) {
			uint16_t exponent = (below(g, 2) << 15) | (0x3fff - 40 + below(g, 80));

			p[i + 7] |= 0x80;
			memcpy(p + i + 8, &exponent, 2);
		} else if (kind == 3) {
			for (unsigned k = 0; k < 9; k++)
				p[i + k] = below(g, 10) << 4 | below(g, 10);
			p[i + 9] = below(g, 2) << 7;
		}
		i += 16;
	}
}

void make_fpu(struct gen *g, uint8_t *image, unsigned number)
{
	unsigned top = below(g, 8);

	fpu_initial(image);
	if (number) {
		uint16_t control = 0x7f | below(g, 4) << 10 | (one_in(g, 3) ? below(g, 4) : 3) << 8;
		uint16_t status = top << 11 | (any(g) & 0x4700);
		uint32_t mxcsr = 0x1f80;

		if (one_in(g, 6))
			control &= ~(any(g) & 0x3f);
		if (one_in(g, 4)) /* flags of before, pending where they are not masked */
			status |= any(g) & 0x7f;
		if (status & ~control & 0x3f)
			status |= 0x8080;
		if (one_in(g, 2))
			mxcsr |= below(g, 4) << 13;
		if (one_in(g, 6))
			mxcsr |= any(g) & 0x8040;
		if (one_in(g, 8))
			mxcsr &= ~(any(g) & 0x1f80);
		memcpy(image, &control, 2);
		memcpy(image + 2, &status, 2);
		image[4] = one_in(g, 3) ? any(g) : one_in(g, 8) ? 0 : 0xff;
		memcpy(image + 24, &mxcsr, 4);
	}
	for (unsigned i = 0; i < 8; i++) {
		uint8_t *st = image + 32 + 16 * i;
		uint64_t mantissa = (uint64_t)corner(g) << 32 | corner(g);
		uint16_t exponent = below(g, 2) << 15 | (0x3fff - 20 + below(g, 40));

		switch (below(g, 6)) {
		case 0: /* as MMX leaves it */
			exponent = 0xffff;
			break;
		case 1: /* zero, infinity, NaN, denormal */
			exponent = below(g, 2) << 15 | (one_in(g, 2) ? 0x7fff : 0);
			mantissa = exponent & 0x7fff ? 1ull << 63 | (one_in(g, 2) ? mantissa : 0)
			                             : mantissa & ~(1ull << 63);
			break;
		case 2: /* a whole number */
			mantissa = 1ull << 63 | (uint64_t)(any(g) & 0x7fff) << 48;
			break;
		default:
			mantissa |= 1ull << 63;
		}
		if (!number)
			continue;
		memcpy(st, &mantissa, 8);
		memcpy(st + 8, &exponent, 2);
	}
	fill(g, image + 160, 128);
}
