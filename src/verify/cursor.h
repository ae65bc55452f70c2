/* A cursor walks over the bytes that are expected; the holes (immediates, addresses of
 * cells) are read and judged by the caller. */
#ifndef UNRING_VERIFY_CURSOR_H
#define UNRING_VERIFY_CURSOR_H

#include "base/types.h"

#include <string.h>

struct cursor {
	const uint8_t *p, *end;
	bool ok;
};

static inline struct cursor cursor(const uint8_t *p, const uint8_t *end)
{
	return (struct cursor){p, end, true};
}

static inline void bytes(struct cursor *k, unsigned n, const char *expected)
{
	if (k->ok && (size_t)(k->end - k->p) >= n && !memcmp(k->p, expected, n))
		k->p += n;
	else
		k->ok = false;
}
#define BYTES(k, literal) bytes(k, sizeof(literal) - 1, literal)

/* The same if it is there. */
static inline bool maybe(struct cursor *k, unsigned n, const char *expected)
{
	struct cursor t = *k;
	bytes(&t, n, expected);
	if (t.ok)
		*k = t;
	return t.ok;
}
#define MAYBE(k, literal) maybe(k, sizeof(literal) - 1, literal)

static inline uint32_t imm(struct cursor *k, unsigned size)
{
	uint32_t v = 0;
	if (!k->ok || (size_t)(k->end - k->p) < size) {
		k->ok = false;
		return 0;
	}
	memcpy(&v, k->p, size);
	k->p += size;
	return v;
}

static inline void imm_is(struct cursor *k, uint32_t v)
{
	if (imm(k, 4) != v)
		k->ok = false;
}

/* ModRM and displacement of [r15 + disp], or with SIB of [r15 + index * 8 + disp]; the
 * shorter form where it fits. */
static inline void at_r15(struct cursor *k, unsigned reg, int index, uint32_t disp)
{
	unsigned size = !disp ? 0 : disp + 128 < 256 ? 1 : 4, n = 1;
	uint8_t mod = size == 4 ? 2 : (uint8_t)size;
	uint8_t expected[6] = {mod << 6 | (reg & 7) << 3 | (index < 0 ? 7 : 4)};
	if (index >= 0)
		expected[n++] = 0xc0 | (index & 7) << 3 | 7;
	for (unsigned i = 0; i < size; i++)
		expected[n++] = disp >> 8 * i;
	bytes(k, n, (const char *)expected);
}

/* The ModRM extension of FF, a call or a jump, with [r15 + cell]. */
static inline void jump_cell(struct cursor *k, unsigned reg, uint32_t cell)
{
	BYTES(k, "\x41\xff");
	at_r15(k, reg, -1, cell);
}

#endif
