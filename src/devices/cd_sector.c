#include "devices/cd_sector.h"

#include <string.h>

enum {
	AT_EDC = CD_AT_CHECK,
	AT_ZEROS = AT_EDC + 4,
	AT_P = AT_ZEROS + 8,
	AT_Q = AT_P + 172,

	MODE_1 = 1,

	FRAMES_A_MINUTE = 60 * CD_FRAMES,

	/* ECMA-130, annex A: words of two bytes from the header on, in 26 rows and 43 columns */
	COLUMNS = 43,
	P_DATA = 24, /* words of a column that P protects */
	Q_DATA = 43, /* of a diagonal that Q protects */
	DIAGONALS = 26,
	Q_WORDS = 1118, /* after which diagonals go on at the beginning */
};

#define EDC_POLYNOMIAL 0xd8018001u /* ECMA-130, 14.3; its lowest power first */
#define GF_POLYNOMIAL 0x1d         /* annex A, of GF(2^8), without its x^8 */

void cd_msf(uint32_t sector, uint8_t msf[3])
{
	uint64_t frame = (uint64_t)sector + CD_LEAD_IN;
	bool fits = frame < 256ull * FRAMES_A_MINUTE;
	msf[0] = fits ? (uint8_t)(frame / FRAMES_A_MINUTE) : 255;
	msf[1] = fits ? frame / CD_FRAMES % 60 : 59;
	msf[2] = fits ? frame % CD_FRAMES : 74;
}

uint32_t cd_sector(const uint8_t msf[3])
{
	uint32_t frame = (msf[0] * 60u + msf[1]) * CD_FRAMES + msf[2];
	bool good = msf[1] < 60 && msf[2] < CD_FRAMES && frame >= CD_LEAD_IN;
	return good ? frame - CD_LEAD_IN : UINT32_MAX;
}

static uint8_t bcd(uint8_t v)
{
	return (uint8_t)(v / 10 % 10 << 4 | v % 10);
}

static uint32_t edc(const uint8_t *bytes, size_t n)
{
	uint32_t crc = 0;
	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? EDC_POLYNOMIAL : 0);
	}
	return crc;
}

/* Multiplies by alpha, which is 2. */
static uint8_t gf_double(uint8_t v)
{
	return (uint8_t)(v << 1 ^ (v & 0x80 ? GF_POLYNOMIAL : 0));
}

/* Divides by alpha + 1, which is 3: multiplies by F4h. */
static uint8_t gf_third(uint8_t v)
{
	uint8_t result = 0;
	for (uint8_t factor = 0xf4; factor; factor >>= 1) {
		result ^= factor & 1 ? v : 0;
		v = gf_double(v);
	}
	return result;
}

/* The two bytes of parity p0, p1 behind n bytes of a code word: the sum of all is 0, and so is the
 * sum of all, each times alpha to the number of those behind it. */
struct parity {
	uint8_t sum, weighted;
};

static void parity_add(struct parity *p, uint8_t v)
{
	p->sum ^= v;
	p->weighted = gf_double(p->weighted ^ v);
}

static void parity_end(const struct parity *p, uint8_t *p0, uint8_t *p1)
{
	*p0 = gf_third(gf_double(p->weighted) ^ p->sum);
	*p1 = *p0 ^ p->sum;
}

/* The lower and the upper bytes of words have code words of their own. */
static void protect(uint8_t raw[CD_RAW], unsigned byte)
{
	uint8_t *words = raw + CD_AT_HEADER + byte, *p = raw + AT_P + byte, *q = raw + AT_Q + byte;
	for (unsigned n = 0; n < COLUMNS; n++) {
		struct parity sum = {0};
		for (unsigned m = 0; m < P_DATA; m++)
			parity_add(&sum, words[2 * (COLUMNS * m + n)]);
		parity_end(&sum, &p[2 * n], &p[2 * (COLUMNS + n)]);
	}
	for (unsigned n = 0; n < DIAGONALS; n++) {
		struct parity sum = {0};
		for (unsigned m = 0; m < Q_DATA; m++)
			parity_add(&sum, words[2 * ((44 * m + 43 * n) % Q_WORDS)]);
		parity_end(&sum, &q[2 * n], &q[2 * (DIAGONALS + n)]);
	}
}

void cd_complete(uint8_t raw[CD_RAW], uint32_t sector)
{
	uint8_t *header = raw + CD_AT_HEADER;
	memset(raw, 0xff, CD_AT_HEADER);
	raw[0] = raw[CD_AT_HEADER - 1] = 0;
	cd_msf(sector, header);
	for (unsigned i = 0; i < 3; i++)
		header[i] = bcd(header[i]);
	header[3] = MODE_1;
	uint32_t crc = edc(raw, AT_EDC);
	for (unsigned i = 0; i < 4; i++)
		raw[AT_EDC + i] = (uint8_t)(crc >> 8 * i);
	memset(raw + AT_ZEROS, 0, AT_P - AT_ZEROS);
	protect(raw, 0);
	protect(raw, 1);
}
